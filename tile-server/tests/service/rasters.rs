//! Imagery and terrain: stored tiles byte for byte, the other grid in its place, heights to the sample.

use std::path::Path;

use axum::http::{StatusCode, header};
use catalog::{DatasetKind, NewAsset, NewRevision};
use geodesy::crs::Crs;
use geodesy::grid::{TileCoord, TileMatrixSet, web_mercator_from_lon_lat_deg};
use tiles::cog::{Cog, ElevationGrid, GeoTransform, ImageryLayout, StoredTile, write_elevation, write_imagery};
use tiles::terrain::TerrainEncoding;

use crate::harness::Service;

const BOUNDS: [f64; 4] = [111.0, 28.0, 111.02, 28.015];
const ZOOM: u8 = 15;

/// Colours that say where a pixel is: red runs east, green north, over a hundredth of a degree each way.
fn color_at([lon, lat]: [f64; 2]) -> [f64; 2] {
    [(lon - 110.99) / 0.04 * 255.0, (lat - 27.99) / 0.04 * 255.0]
}

fn ortho(folder: &Path, revision: &mut NewRevision) {
    let [west, south] = web_mercator_from_lon_lat_deg([BOUNDS[0], BOUNDS[1]]);
    let [east, north] = web_mercator_from_lon_lat_deg([BOUNDS[2], BOUNDS[3]]);
    let layout = ImageryLayout::new(ZOOM, [west, south, east, north]).expect("on the grid");
    let report = write_imagery(&folder.join("image.tif"), &layout, false, &mut |row, rgba| {
        let [min_x, min_y, max_x, max_y] = row.bounds_m;
        for (index, pixel) in rgba.chunks_exact_mut(4).enumerate() {
            let (column, line) = (index as u32 % row.width_px, index as u32 / row.width_px);
            let x = min_x + (f64::from(column) + 0.5) / f64::from(row.width_px) * (max_x - min_x);
            let y = max_y - (f64::from(line) + 0.5) / f64::from(row.height_px) * (max_y - min_y);
            let [lon, lat] = geodesy::grid::lon_lat_deg_from_web_mercator([x, y]);
            let inside = (BOUNDS[0]..BOUNDS[2]).contains(&lon) && (BOUNDS[1]..BOUNDS[3]).contains(&lat);
            let [red, green] = color_at([lon, lat]).map(|value| value.clamp(0.0, 255.0) as u8);
            pixel.copy_from_slice(&[red, green, 128, if inside { 255 } else { 0 }]);
        }
        Ok(())
    })
    .expect("written");
    "EPSG:3857".clone_into(&mut revision.crs);
    revision.bounds_lon_lat_deg = BOUNDS;
    revision.assets.push(NewAsset::new("image.tif", "cog", "image/tiff; application=geotiff; profile=cloud-optimized"));
    revision.properties = serde_json::json!({
        "min_zoom": report.min_zoom, "max_zoom": report.max_zoom, "format": report.format.extension(),
    });
}

#[tokio::test]
async fn stored_tiles_are_passed_through_and_the_geographic_grid_agrees_with_them() {
    let service = Service::new().await;
    let revision = service.publish("dom", DatasetKind::Imagery, "r1", "2023-01-01", ortho).await;
    let document = service.get("/tiles/dom").await.json();
    assert_eq!(document["tiles"][0], "http://gis.example:8080/tiles/dom@r1/{z}/{x}/{y}.webp");
    assert_eq!(document["maxzoom"], ZOOM);
    let middle = [111.01, 28.0075];
    let file = service.catalog.blob_local_path(&revision, "image.tif").expect("a path").expect("local");
    let cog = Cog::open_file(&file).await.expect("a raster");
    let stored_from = revision.properties["min_zoom"].as_u64().expect("a zoom") as u8;
    assert_eq!(document["minzoom"], stored_from - 5, "coarser levels are resampled");
    let [x, y] = TileMatrixSet::WebMercatorQuad.from_lon_lat_deg(middle);
    let coarse = TileMatrixSet::WebMercatorQuad.tile_at(stored_from - 5, x, y).expect("on the grid");
    let reply = service.get(&format!("/tiles/dom@r1/{}/{}/{}.webp", coarse.z, coarse.x, coarse.y)).await;
    assert_eq!((reply.status, reply.header(header::CONTENT_TYPE)), (StatusCode::OK, "image/webp"));
    for z in stored_from..=ZOOM {
        let grid = TileMatrixSet::WebMercatorQuad;
        let [x, y] = grid.from_lon_lat_deg(middle);
        let coord = grid.tile_at(z, x, y).expect("on the grid");
        let StoredTile::Picture(stored) = cog.stored_tile(coord).await.expect("read") else { panic!("a stored tile") };
        let reply = service.get(&format!("/tiles/dom@r1/{z}/{}/{}.webp", coord.x, coord.y)).await;
        assert_eq!((reply.status, &reply.body), (StatusCode::OK, &stored.bytes), "level {z}");
        assert_eq!(reply.header(header::CONTENT_TYPE), "image/webp");
        assert_eq!(reply.header(header::CONTENT_ENCODING), "", "pictures are not compressed again");
    }
    for (grid, letter) in [(TileMatrixSet::WebMercatorQuad, ""), (TileMatrixSet::Cgcs2000C, "/c")] {
        let [x, y] = grid.from_lon_lat_deg(middle);
        let coord = grid.tile_at(ZOOM, x, y).expect("on the grid");
        let path = format!("/tiles/dom@r1{letter}/{ZOOM}/{}/{}.webp", coord.x, coord.y);
        let reply = service.get(&path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        let picture = image::load_from_memory(&reply.body).expect("a picture").to_rgba8();
        let [min_x, min_y, max_x, max_y] = grid.bounds(coord);
        let mut compared = 0;
        for (column, row, pixel) in picture.enumerate_pixels().step_by(997) {
            let x = min_x + (f64::from(column) + 0.5) / 256.0 * (max_x - min_x);
            let y = max_y - (f64::from(row) + 0.5) / 256.0 * (max_y - min_y);
            let place = if letter.is_empty() { geodesy::grid::lon_lat_deg_from_web_mercator([x, y]) } else { [x, y] };
            let [red, green] = color_at(place);
            if pixel[3] == 255 {
                let off = (f64::from(pixel[0]) - red).abs().max((f64::from(pixel[1]) - green).abs());
                assert!(off < 8.0, "{path} {column},{row}: {pixel:?} is not {red:.0},{green:.0}");
                compared += 1;
            }
        }
        assert!(compared > 30, "{path}: {compared} pixels with colour");
    }
    for (outside, status) in
        [("15/0/0.webp", 204), ("c/15/0/0.webp", 204), ("22/0/0.webp", 204), ("15/0/0.mvt", 404), ("c/0/0/0.webp", 404)]
    {
        assert_eq!(service.get(&format!("/tiles/dom@r1/{outside}")).await.status.as_u16(), status, "{outside}");
    }
}

/// A tilted plane, metres or feet.
fn height_at([lon, lat]: [f64; 2]) -> f64 {
    400.0 + 3_000.0 * (lon - 111.0) - 2_000.0 * (lat - 28.0)
}

fn dem(folder: &Path, revision: &mut NewRevision) {
    let step = 0.0005;
    let grid = ElevationGrid {
        width: 400,
        height: 400,
        transform: GeoTransform([110.9, step, 0.0, 28.1, 0.0, -step]),
        crs: Crs::cgcs2000(),
    };
    write_elevation(&folder.join("elevation.tif"), &grid, &mut |first, values| {
        for (index, value) in values.iter_mut().enumerate() {
            let (column, row) = (index % 400, first as usize + index / 400);
            let place = [110.9 + (column as f64 + 0.5) * step, 28.1 - (row as f64 + 0.5) * step];
            *value = height_at(place) as f32;
        }
        Ok(())
    })
    .expect("written");
    "EPSG:4490".clone_into(&mut revision.crs);
    revision.assets.push(NewAsset::new("elevation.tif", "elevation", "image/tiff"));
    revision.properties = serde_json::json!({ "min_zoom": 8, "max_zoom": 13 });
}

#[tokio::test]
async fn terrain_tiles_hold_the_delivered_heights_in_metres() {
    let service = Service::new().await;
    service.publish("dem", DatasetKind::Elevation, "r1", "2023-01-01", dem).await;
    let in_feet = |folder: &Path, revision: &mut NewRevision| {
        dem(folder, revision);
        revision.height.unit = "foot".to_owned();
    };
    service.publish("dem-ft", DatasetKind::Elevation, "r1", "2023-01-01", in_feet).await;
    let document = service.get("/terrain/dem").await.json();
    assert_eq!((&document["encoding"], &document["tileSize"]), (&"terrarium".into(), &256.into()));
    assert_eq!(document["tiles"][0], "http://gis.example:8080/terrain/dem@r1/terrarium/{z}/{x}/{y}.png");
    let grid = TileMatrixSet::WebMercatorQuad;
    let [x, y] = grid.from_lon_lat_deg([111.0, 28.0]);
    let TileCoord { z, x, y } = grid.tile_at(13, x, y).expect("on the grid");
    for (name, encoding, unit_m, tolerance_m) in [
        ("dem", TerrainEncoding::Terrarium, 1.0, 0.02),
        ("dem", TerrainEncoding::Mapbox, 1.0, 0.07),
        ("dem-ft", TerrainEncoding::Terrarium, 0.3048, 0.02),
    ] {
        let path = format!("/terrain/{name}@r1/{}/{z}/{x}/{y}.png", encoding.name());
        let reply = service.get(&path).await;
        assert_eq!((reply.status, reply.header(header::CONTENT_TYPE)), (StatusCode::OK, "image/png"), "{path}");
        let tile = encoding.decode_png(&reply.body).expect("a terrain tile");
        let [min_x, min_y, max_x, max_y] = grid.bounds(TileCoord { z, x, y });
        for index in (0..256 * 256).step_by(1_013) {
            let (column, row) = (index % 256, index / 256);
            let east = min_x + (column as f64 + 0.5) / 256.0 * (max_x - min_x);
            let north = max_y - (row as f64 + 0.5) / 256.0 * (max_y - min_y);
            let expected = height_at(geodesy::grid::lon_lat_deg_from_web_mercator([east, north])) * unit_m;
            let got = f64::from(tile.heights_m[index]);
            assert!((got - expected).abs() < tolerance_m, "{path} {column},{row}: {got} is not {expected}");
        }
    }
    for (outside, status) in [
        ("terrarium/13/0/0.png", 204),
        ("terrarium/14/0/0.png", 404),
        ("gsi/13/0/0.png", 404),
        ("mapbox/13/0/0.webp", 404),
    ] {
        assert_eq!(service.get(&format!("/terrain/dem@r1/{outside}")).await.status.as_u16(), status, "{outside}");
    }
}

/// As [`dem`], known only in a round middle.
fn island(folder: &Path, revision: &mut NewRevision) {
    let step = 0.0005;
    let transform = GeoTransform([110.9, step, 0.0, 28.1, 0.0, -step]);
    let grid = ElevationGrid { width: 400, height: 400, transform, crs: Crs::cgcs2000() };
    write_elevation(&folder.join("elevation.tif"), &grid, &mut |first, values| {
        for (index, value) in values.iter_mut().enumerate() {
            let place = [(index % 400) as f64 - 200.0, f64::from(first) + (index / 400) as f64 - 200.0];
            *value = if place[0].hypot(place[1]) < 100.0 { 500.0 } else { f32::NAN };
        }
        Ok(())
    })
    .expect("written");
    "EPSG:4490".clone_into(&mut revision.crs);
    revision.assets.push(NewAsset::new("elevation.tif", "elevation", "image/tiff"));
    revision.properties = serde_json::json!({ "min_zoom": 8, "max_zoom": 13 });
}

#[tokio::test]
async fn terrain_to_look_at_has_no_cliff_and_says_what_it_is() {
    let service = Service::new().await;
    service.publish("dem", DatasetKind::Elevation, "r1", "2023-01-01", island).await;
    let document = service.get("/terrain/dem?gaps=fill").await.json();
    let template = "http://gis.example:8080/terrain/dem@r1/terrarium/{z}/{x}/{y}.png?gaps=fill";
    assert_eq!((&document["tiles"][0], &document["shikong"]["gaps"]), (&template.into(), &"fill".into()));
    assert_eq!(document["shikong"]["data_bounds"], serde_json::json!([110.9, 27.9, 111.1, 28.1]));
    assert_eq!(service.get("/terrain/dem").await.json()["shikong"]["gaps"], "mark");
    let grid = TileMatrixSet::WebMercatorQuad;
    for (place, has_data) in [([111.0, 28.0], true), ([110.91, 28.09], false), ([110.75, 27.95], false)] {
        let [x, y] = grid.from_lon_lat_deg(place);
        let TileCoord { z, x, y } = grid.tile_at(12, x, y).expect("on the grid");
        let path = format!("/terrain/dem/terrarium/{z}/{x}/{y}.png");
        let redirect = service.get(&format!("{path}?gaps=fill")).await;
        assert_eq!(redirect.header(header::LOCATION), format!("{}?gaps=fill", path.replace("dem", "dem@r1")));
        let reply = service.get(redirect.header(header::LOCATION)).await;
        assert_eq!(reply.status, StatusCode::OK, "{place:?}");
        let filled = TerrainEncoding::Terrarium.decode_png(&reply.body).expect("a terrain tile");
        assert!(filled.heights_m.iter().all(|height| (height - 500.0).abs() < 0.01), "{place:?}");
        let truth = service.get(&path.replace("dem", "dem@r1")).await;
        match truth.status {
            StatusCode::OK => {
                let truth = TerrainEncoding::Terrarium.decode_png(&truth.body).expect("a terrain tile");
                assert!(has_data && truth.heights_m.iter().any(|height| height.is_nan()), "the truth keeps its gaps");
            }
            status => assert_eq!((status, has_data), (StatusCode::NO_CONTENT, false), "{place:?}"),
        }
    }
    assert_eq!(service.get("/terrain/dem@r1/terrarium/12/0/0.png?gaps=fill").await.status, StatusCode::NO_CONTENT);
    assert_eq!(service.get("/terrain/dem?gaps=x").await.status, StatusCode::BAD_REQUEST);
}
