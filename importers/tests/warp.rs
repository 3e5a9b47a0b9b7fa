//! The picture resampler against gdalwarp, on a real orthophoto brought to the Web-Mercator grid.

#![expect(clippy::print_stdout, reason = "a skipped test says so")]

use std::path::{Path, PathBuf};
use std::process::Command;

use geodesy::{Crs, TileMatrixSet, Transform};
use importers::drone::picture::Picture;
use importers::drone::warp::{Warp, fit};
use importers::gdal::raster::{RasterFile, Window};

fn sample() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository");
    let relative = "shared/samples/drone/nodeodm/odm_orthophoto/odm_orthophoto.tif";
    let path = root.ancestors().skip(1).map(|folder| folder.join(relative)).find(|path| path.exists());
    if path.is_none() {
        println!("SKIPPED: no {relative} beside the repository");
    }
    path
}

#[test]
fn an_orthophoto_on_the_web_mercator_grid_agrees_with_gdalwarp() {
    let Some(path) = sample() else { return };
    let raster = RasterFile::open(&path).expect("a GeoTIFF");
    let summary = raster.summary().clone();
    let affine = summary.crs_from_pixel.expect("georeferenced");
    let crs = Crs::from_user_input(summary.crs_wkt.as_deref().expect("a CRS")).expect("UTM");
    let to = Transform::new(&crs, &Crs::web_mercator()).expect("planned");
    let back = Transform::new(&Crs::web_mercator(), &crs).expect("planned");
    let (zoom, bounds) = fit([summary.width, summary.height], affine, &to).expect("fits");
    // 0.5 m on the ground at 46.8 N are 0.73 m on the map: zoom 18 has 0.597.
    assert_eq!(zoom, 18);

    let grid = TileMatrixSet::WebMercatorQuad;
    let resolution = grid.resolution(zoom);
    let half_m = grid.tile_span(0) / 2.0;
    let column = |x: f64| ((x + half_m) / resolution).floor() as i64;
    let row = |y: f64| ((half_m - y) / resolution).floor() as i64;
    let (x, y) = (column(bounds[0]), row(bounds[3]));
    let (width, height) = ((column(bounds[2]) - x + 1) as usize, (row(bounds[1]) - y + 1) as usize);
    let warp = Warp::new(Picture::new(raster).expect("a picture"), affine, back, zoom).expect("invertible");
    let ours = warp.block(x, y, width, height).expect("made");

    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("warped.tif");
    let edge = |metres: f64| format!("{metres:.9}");
    let west = x as f64 * resolution - half_m;
    let north = half_m - y as f64 * resolution;
    let status = Command::new("gdalwarp")
        .args(["-q", "-t_srs", "EPSG:3857", "-r", "cubic", "-et", "0", "-te"])
        .args([
            edge(west),
            edge(north - height as f64 * resolution),
            edge(west + width as f64 * resolution),
            edge(north),
        ])
        .args(["-ts", &width.to_string(), &height.to_string()])
        .args([&path, &out])
        .status()
        .expect("gdal-bin is a system package of this project");
    assert!(status.success());
    let theirs = RasterFile::open(&out).expect("written");
    let window = Window::whole(0, 0, width, height);
    let bands: Vec<Vec<u8>> = (0..4).map(|band| theirs.read_u8(band, window).expect("read")).collect();

    let (mut opaque, mut far, mut sum) = (0_u32, 0_u32, 0_u64);
    let mut opacity_differs = 0_u32;
    for (index, pixel) in ours.iter().enumerate() {
        let alpha = bands[3][index];
        opacity_differs += u32::from((alpha > 127) != (pixel[3] > 127));
        if alpha == 255 && pixel[3] == 255 {
            opaque += 1;
            for (channel, band) in bands.iter().take(3).enumerate() {
                let difference = pixel[channel].abs_diff(band[index]);
                sum += u64::from(difference);
                far += u32::from(difference > 8);
            }
        }
    }
    let mean = sum as f64 / f64::from(opaque * 3);
    println!("{opaque} opaque pixels, mean difference {mean:.3}, {far} over 8, opacity differs at {opacity_differs}");
    assert!(opaque > 15_000, "{opaque}");
    assert!(mean < 0.5, "{mean}");
    assert!(far < opaque / 100, "{far}");
    assert!(opacity_differs < opaque / 50, "{opacity_differs}");
}
