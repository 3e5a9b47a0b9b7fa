//! The files of the catalogue as we write them: aligned with the web map, and read alike by GDAL and by our reader.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a failing test is a panic, and says aloud what it skips"
)]

use std::path::Path;
use std::process::Command;

use geodesy::grid::{TileCoord, TileMatrixSet};
use geodesy::{Crs, Transform};
use tiles::cog::{
    Cog, ElevationGrid, GeoTransform, ImageryLayout, PictureFormat, StoredTile, TileRow, Window, write_elevation,
    write_imagery,
};

const GRID: TileMatrixSet = TileMatrixSet::WebMercatorQuad;

/// Runs a GDAL program; `None`, aloud, when it is not installed.
fn gdal(program: &str, arguments: &[&str]) -> Option<String> {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        eprintln!("SKIPPED: {program} is not installed, nothing was compared with GDAL");
        return None;
    };
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && errors.is_empty(), "{program} {arguments:?}: {errors}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// GDAL's samples of a level, band after band.
fn gdal_samples(path: &Path, level: usize) -> Option<Vec<f32>> {
    let raw = path.with_extension("raw");
    let option = format!("OVERVIEW_LEVEL={}", level.max(1) - 1);
    let mut arguments =
        vec!["-q", "-of", "ENVI", "-co", "INTERLEAVE=BSQ", "-ot", "Float32", "-a_ullr", "0", "1", "1", "0"];
    if level > 0 {
        arguments.extend(["-oo", &option]);
    }
    arguments.extend([path.to_str().unwrap(), raw.to_str().unwrap()]);
    gdal("gdal_translate", &arguments)?;
    let bytes = std::fs::read(raw).unwrap();
    Some(bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect())
}

/// Smooth colours over the world, in EPSG:3857 metres.
fn colour_at([x, y]: [f64; 2]) -> [u8; 3] {
    [(128.0 + 100.0 * (x / 700.0).sin()) as u8, (128.0 + 100.0 * (y / 900.0).cos()) as u8, 90]
}

/// Fills a row with the colours, inside a circle only when one is given.
fn paint(row: &TileRow, circle: Option<([f64; 2], f64)>, rgba: &mut [u8]) {
    let [min_x, min_y, max_x, max_y] = row.bounds_m;
    for (index, pixel) in rgba.chunks_exact_mut(4).enumerate() {
        let (column, line) = (index as u32 % row.width_px, index as u32 / row.width_px);
        let x = min_x + (max_x - min_x) * (f64::from(column) + 0.5) / f64::from(row.width_px);
        let y = max_y - (max_y - min_y) * (f64::from(line) + 0.5) / f64::from(row.height_px);
        if circle.is_none_or(|([cx, cy], radius)| (x - cx).hypot(y - cy) < radius) {
            pixel[..3].copy_from_slice(&colour_at([x, y]));
            pixel[3] = 255;
        }
    }
}

#[tokio::test]
async fn imagery_is_aligned_at_every_level_and_gdal_reads_the_tiles_that_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tif");
    // Straddles a tile corner that is one up to the coarsest zooms, so that padding is at its worst.
    let centre = [12_212_000.0, 3_260_000.0];
    let radius = 1300.0;
    let bounds = [centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius];
    let layout = ImageryLayout::new(16, bounds).unwrap();
    let report = write_imagery(&path, &layout, false, &mut |row, rgba| {
        paint(row, Some((centre, radius)), rgba);
        Ok(())
    })
    .unwrap();
    assert_eq!((report.format, report.max_zoom), (PictureFormat::Webp, 16));
    assert_eq!(report.bytes, std::fs::metadata(&path).unwrap().len());
    let cog = Cog::open_file(&path).await.unwrap();
    assert_eq!(cog.aligned_zooms(), Some((report.min_zoom, 16)));
    assert_eq!(cog.crs_text(), Some("EPSG:3857"));
    let mut stored = 0;
    for (index, level) in cog.levels().enumerate() {
        let zoom = 16 - index as u8;
        let [x0, _, _, y0, _, _] = cog.transform().unwrap().0;
        let corner = GRID.tile_at(zoom, x0 + 1e-3, y0 - 1e-3).unwrap();
        let gdal_pixels = gdal_samples(&path, index);
        let size = level.width as usize * level.height as usize;
        for y in 0..level.height / 256 {
            for x in 0..level.width / 256 {
                let tile = TileCoord { z: zoom, x: corner.x + x, y: corner.y + y };
                let window = Window { x: i64::from(x) * 256, y: i64::from(y) * 256, width: 256, height: 256 };
                let pixels = cog.read_rgba(index, window).await.unwrap();
                match cog.stored_tile(tile).await.unwrap() {
                    StoredTile::Picture(picture) => {
                        stored += 1;
                        let decoded = webp::Decoder::new(&picture.bytes).decode().unwrap();
                        assert_eq!((decoded.width(), decoded.height()), (256, 256));
                        let bands = if decoded.is_alpha() { 4 } else { 3 };
                        for (one, other) in decoded.chunks_exact(bands).zip(pixels.data.chunks_exact(4)) {
                            assert_eq!(one[..3], other[..3]);
                        }
                    }
                    StoredTile::Empty => assert!(pixels.data.iter().all(|v| *v == 0)),
                    StoredTile::Unaligned => panic!("{tile:?}"),
                }
                let bounds = GRID.bounds(tile);
                for (at, pixel) in pixels.data.chunks_exact(4).enumerate() {
                    let (px, py) = (at % 256, at / 256);
                    if let Some(samples) = &gdal_pixels {
                        let there = (y as usize * 256 + py) * level.width as usize + x as usize * 256 + px;
                        let of_gdal = [0, 1, 2, 3].map(|band| samples[band * size + there] as u8);
                        assert_eq!(pixel, of_gdal, "zoom {zoom}, {px}, {py} of {tile:?}");
                    }
                    let metre = (bounds[2] - bounds[0]) / 256.0;
                    let place = [bounds[0] + (px as f64 + 0.5) * metre, bounds[3] - (py as f64 + 0.5) * metre];
                    let distance = (place[0] - centre[0]).hypot(place[1] - centre[1]);
                    if distance > radius + 2.0 * metre {
                        assert_eq!(pixel[3], 0, "zoom {zoom}, {place:?}");
                    } else if pixel[3] > 60 && index > 0 {
                        // Means along the border take nothing from the black beside it.
                        let want = colour_at(place);
                        let off = (0..3).map(|b| pixel[b].abs_diff(want[b])).max().unwrap();
                        assert!(off < 45, "zoom {zoom}, {place:?}: {pixel:?} instead of {want:?}");
                    }
                    if distance < radius - 2.0 * metre {
                        assert_eq!(pixel[3], 255, "zoom {zoom}, {place:?}");
                        let want = colour_at(place);
                        let off = (0..3).map(|b| pixel[b].abs_diff(want[b])).max().unwrap();
                        assert!(off < 24, "zoom {zoom}, {place:?}: {pixel:?} instead of {want:?}");
                    }
                }
            }
        }
    }
    assert_eq!(stored, report.tiles);
    let far = TileCoord { z: 16, x: 1, y: 1 };
    assert_eq!(cog.stored_tile(far).await.unwrap(), StoredTile::Empty);
    let deep = TileCoord { z: 18, x: 1, y: 1 };
    assert_eq!(cog.stored_tile(deep).await.unwrap(), StoredTile::Unaligned);
}

#[tokio::test]
async fn tiles_above_the_coarsest_level_and_of_the_other_grid_are_means_of_what_lies_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tif");
    let parent = TileCoord { z: 14, x: 13_202, y: 6_803 };
    let bounds = GRID.bounds(parent);
    let layout = ImageryLayout::new(16, bounds).unwrap();
    // A checkerboard of single pixels: any sampling that skips pixels shows black or white.
    write_imagery(&path, &layout, false, &mut |row, rgba| {
        for (index, pixel) in (0..).zip(rgba.chunks_exact_mut(4)) {
            let (x, y) = (index % row.width_px, index / row.width_px);
            pixel.copy_from_slice(if (x + y) % 2 == 0 { &[255, 255, 255, 255] } else { &[0, 0, 0, 255] });
        }
        Ok(())
    })
    .unwrap();
    let cog = Cog::open_file(&path).await.unwrap();
    let same = Transform::new(&GRID.crs(), &GRID.crs()).unwrap();
    for zoom in [9, 11, 13] {
        let shift = 14 - zoom;
        let tile = TileCoord { z: zoom, x: parent.x >> shift, y: parent.y >> shift };
        let pixels = cog.rgba_tile(&same, GRID, tile, 256).await.unwrap().unwrap();
        let side = 256 >> shift;
        let place = |axis: u32| (axis & ((1 << shift) - 1)) * side;
        for (at, pixel) in (0..).zip(pixels.data.chunks_exact(4)) {
            let (x, y) = (at % 256, at / 256);
            let inside = (place(parent.x)..place(parent.x) + side).contains(&x)
                && (place(parent.y)..place(parent.y) + side).contains(&y);
            assert_eq!(pixel[3] > 127, inside, "zoom {zoom}: {x}, {y} {pixel:?}");
            assert!(!inside || (100..156).contains(&pixel[0]), "zoom {zoom}: {x}, {y} {pixel:?}");
        }
        assert!(cog.picture_tile(&same, GRID, tile).await.unwrap().is_some());
    }
    let other = TileMatrixSet::Cgcs2000C;
    let to_cog = Transform::new(&other.crs(), &GRID.crs()).unwrap();
    let [lon, lat] = geodesy::grid::lon_lat_deg_from_web_mercator([
        f64::midpoint(bounds[0], bounds[2]),
        f64::midpoint(bounds[1], bounds[3]),
    ]);
    let tile = other.tile_at(15, lon, lat).unwrap();
    let picture = cog.picture_tile(&to_cog, other, tile).await.unwrap().unwrap();
    assert_eq!(picture.format, PictureFormat::Webp);
    assert_eq!(&picture.bytes[8..12], b"WEBP");
}

#[tokio::test]
async fn picture_that_fills_its_tiles_is_jpeg_and_served_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tif");
    // Four by four tiles below one tile of zoom 12.
    let parent = TileCoord { z: 12, x: 3300, y: 1700 };
    let layout = ImageryLayout::new(14, GRID.bounds(parent)).unwrap();
    assert_eq!((layout.columns.len(), layout.rows.len()), (4, 4));
    let report = write_imagery(&path, &layout, true, &mut |row, rgba| {
        paint(row, None, rgba);
        Ok(())
    })
    .unwrap();
    assert_eq!((report.format, report.min_zoom, report.tiles), (PictureFormat::Jpeg, 13, 20));
    let cog = Cog::open_file(&path).await.unwrap();
    let StoredTile::Picture(picture) = cog.stored_tile(TileCoord { z: 13, x: 6600, y: 3401 }).await.unwrap() else {
        panic!("no picture")
    };
    assert_eq!(picture.format, PictureFormat::Jpeg);
    let decoded = image::load_from_memory(&picture.bytes).unwrap().to_rgb8();
    let bounds = GRID.bounds(TileCoord { z: 13, x: 6600, y: 3401 });
    let metre = (bounds[2] - bounds[0]) / 256.0;
    let samples = gdal_samples(&path, 1);
    for (px, py, pixel) in decoded.enumerate_pixels() {
        let want = colour_at([bounds[0] + (f64::from(px) + 0.5) * metre, bounds[3] - (f64::from(py) + 0.5) * metre]);
        assert!((0..3).all(|b| pixel[b].abs_diff(want[b]) < 24), "{px}, {py}: {pixel:?} instead of {want:?}");
        if let Some(samples) = &samples {
            let there = (256 + py as usize) * 512 + px as usize;
            let off = (0..3).map(|b| (samples[b * 512 * 512 + there] as u8).abs_diff(pixel[b])).max().unwrap();
            assert!(off <= 4, "two decoders at {px}, {py}: {off}");
        }
    }
    let broken = write_imagery(&path, &layout, true, &mut |_, _| Ok(()));
    assert!(broken.unwrap_err().to_string().contains("opaque"));
    let failed = write_imagery(&path, &layout, true, &mut |_, _| Err("disk on fire".into()));
    assert_eq!(std::error::Error::source(&failed.unwrap_err()).unwrap().to_string(), "disk on fire");
}

#[test]
fn zoom_keeps_every_pixel_and_no_more() {
    for zoom in 0..25 {
        let resolution = GRID.resolution(zoom);
        assert_eq!(ImageryLayout::zoom_for_resolution(resolution), zoom);
        assert_eq!(ImageryLayout::zoom_for_resolution(resolution * 1.5), zoom);
        assert_eq!(ImageryLayout::zoom_for_resolution(resolution * 0.99), zoom + 1);
    }
}

fn height_at(x: u32, y: u32) -> f32 {
    if x.abs_diff(333) < 40 && y.abs_diff(200) < 30 {
        f32::NAN
    } else {
        (f64::from(x) * 0.37 + 20.0 * (f64::from(y) / 17.0).sin() - 100.0) as f32
    }
}

fn elevation(path: &Path, crs: &Crs, transform: [f64; 6], [width, height]: [u32; 2]) {
    let grid = ElevationGrid { width, height, transform: GeoTransform(transform), crs: crs.clone() };
    let report = write_elevation(path, &grid, &mut |first, values| {
        for (index, value) in (0..).zip(values) {
            *value = height_at(index % width, first + index / width);
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(report.bytes, std::fs::metadata(path).unwrap().len());
    let all = (0..width * height).map(|i| height_at(i % width, i / width)).filter(|v| !v.is_nan());
    let range = all.clone().fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], v| [low.min(v), high.max(v)]);
    assert_eq!((report.range, report.pixels), (Some(range), all.count() as u64));
}

#[tokio::test]
async fn elevation_keeps_its_samples_and_its_place() {
    let folder = tempfile::tempdir().unwrap();
    // A surveyor's own zone; no code has this meridian.
    let own = "PROJCS[\"自定义\",GEOGCS[\"CGCS2000\",DATUM[\"China_2000\",SPHEROID[\"CGCS2000\",6378137,298.257222101]],\
        PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433]],PROJECTION[\"Transverse_Mercator\"],\
        PARAMETER[\"latitude_of_origin\",0],PARAMETER[\"central_meridian\",113.37],PARAMETER[\"scale_factor\",1],\
        PARAMETER[\"false_easting\",500000],PARAMETER[\"false_northing\",90],UNIT[\"metre\",1]]";
    // A projection that is not spelt out in keys; its datum is no one's.
    let cone = "+proj=lcc +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +ellps=krass +units=m +no_defs";
    for (name, crs, transform) in [
        ("zone", "EPSG:4547", [412_345.5, 2.0, 0.0, 3_112_000.25, 0.0, -2.0]),
        ("degrees", "EPSG:4490", [113.1, 1e-4, 0.0, 28.2, 0.0, -1e-4]),
        ("turned", "EPSG:4547", [412_345.5, 1.8, 0.4, 3_112_000.25, 0.4, -1.8]),
        ("own", own, [512_345.5, 2.0, 0.0, 3_112_000.25, 0.0, -2.0]),
        ("cone", cone, [512_345.5, 2.0, 0.0, 3_112_000.25, 0.0, -2.0]),
    ] {
        let path = folder.path().join(format!("{name}.tif"));
        let crs = Crs::from_user_input(crs).unwrap();
        let size = [1100, 571];
        elevation(&path, &crs, transform, size);
        let cog = Cog::open_file(&path).await.unwrap();
        let got = cog.transform().unwrap().0;
        assert!(got.iter().zip(transform).all(|(a, b)| (a - b).abs() < 1e-9 * b.abs().max(1e-9)), "{got:?}");
        let read = Crs::from_user_input(cog.crs_text().unwrap()).unwrap();
        assert_eq!(read.epsg(), crs.epsg());
        let mut point = [[transform[0] + 100.0 * transform[1], transform[3]]];
        let mut same = point;
        Transform::new(&crs, &Crs::cgcs2000())
            .unwrap_or_else(|_| Transform::new(&crs, &crs).unwrap())
            .points(&mut point)
            .unwrap();
        Transform::new(&read, &Crs::cgcs2000())
            .unwrap_or_else(|_| Transform::new(&read, &read).unwrap())
            .points(&mut same)
            .unwrap();
        assert!((0..2).all(|i| (point[0][i] - same[0][i]).abs() < 1e-9), "{point:?} {same:?}");
        let levels: Vec<_> = cog.levels().collect();
        assert_eq!(
            levels.iter().map(|l| [l.width, l.height]).collect::<Vec<_>>(),
            [[1100, 571], [550, 286], [275, 143]]
        );
        for (index, level) in levels.iter().enumerate() {
            let window = Window { x: 0, y: 0, width: level.width, height: level.height };
            let ours = cog.read_band(index, window, 0).await.unwrap().values;
            if let Some(theirs) = gdal_samples(&path, index) {
                let bits = |values: &[f32]| {
                    values.iter().map(|v| if v.is_nan() { 0 } else { v.to_bits() }).collect::<Vec<_>>()
                };
                assert!(bits(&ours) == bits(&theirs), "{name}, level {index}");
            }
            if index == 0 {
                let want = (0..size[0] * size[1]).map(|i| height_at(i % size[0], i / size[0]));
                assert!(ours.iter().zip(want).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())));
            }
        }
        let corner = cog.read_band(1, Window { x: 549, y: 285, width: 1, height: 1 }, 0).await.unwrap().values[0];
        let mean = f32::midpoint(height_at(1098, 570), height_at(1099, 570));
        assert!((corner - mean).abs() < 1e-4, "{corner} instead of {mean}");
        if name == "cone" {
            continue;
        }
        if let Some(info) = gdal("gdalinfo", &["-json", path.to_str().unwrap()]) {
            let info: serde_json::Value = serde_json::from_str(&info).unwrap();
            let numbers: Vec<f64> =
                info["geoTransform"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            assert!(
                numbers.iter().zip(transform).all(|(a, b)| (a - b).abs() < 1e-9 * b.abs().max(1e-9)),
                "{numbers:?}"
            );
            let wkt = info["coordinateSystem"]["wkt"].as_str().unwrap();
            let gdals = Crs::from_user_input(wkt).unwrap();
            assert_eq!(gdals.epsg(), crs.epsg(), "{wkt}");
            if crs.epsg().is_none() {
                assert!(wkt.contains("113.37") && wkt.contains("90"), "{wkt}");
            }
        }
    }
}

#[tokio::test]
async fn grid_without_data_is_a_file_without_tiles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.tif");
    let transform = GeoTransform([0.0, 1.0, 0.0, 0.0, 0.0, -1.0]);
    let grid = ElevationGrid { width: 600, height: 3, transform, crs: Crs::from_epsg(4547).unwrap() };
    let report = write_elevation(&path, &grid, &mut |_, values| {
        values.fill(f32::INFINITY);
        Ok(())
    })
    .unwrap();
    assert_eq!((report.range, report.pixels), (None, 0));
    let cog = Cog::open_file(&path).await.unwrap();
    let all = cog.read_band(0, Window { x: 0, y: 0, width: 600, height: 3 }, 0).await.unwrap();
    assert!(all.values.iter().all(|v| v.is_nan()));
    assert!(write_elevation(&path, &ElevationGrid { width: 0, ..grid }, &mut |_, _| Ok(())).is_err());
}
