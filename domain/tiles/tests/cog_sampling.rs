//! Tiles sampled out of rasters in other coordinate systems, with gdalwarp as the oracle.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a failing test is a panic, and says aloud what it skips"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use geodesy::grid::{TileCoord, TileMatrixSet};
use geodesy::{Crs, Transform};
use tiles::cog::Cog;
use tiles::terrain::TerrainEncoding;

fn gdal(program: &str, arguments: &[&str]) -> bool {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        eprintln!("SKIPPED: {program} is not installed, nothing was compared with GDAL");
        return false;
    };
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
    true
}

/// Rolling hills of 2.5 m posts in a Gauss-Kruger zone, 1 km square, with a hole in the north-west.
fn hills(folder: &Path) -> Option<PathBuf> {
    let mut grid =
        "ncols 400\nnrows 400\nxllcorner 500000\nyllcorner 3100000\ncellsize 2.5\nNODATA_value -9999\n".to_owned();
    for y in 0..400 {
        for x in 0..400 {
            let height = 300.0 + 40.0 * (f64::from(x) / 25.0).sin() + 30.0 * (f64::from(y) / 31.0).cos();
            write!(grid, "{height:.4} ").unwrap();
        }
        grid.push('\n');
    }
    let (source, path) = (folder.join("hills.asc"), folder.join("hills.tif"));
    std::fs::write(&source, grid).unwrap();
    let arguments = ["-q", "-of", "COG", "-ot", "Float32", "-a_srs", "EPSG:4547", "-co", "BLOCKSIZE=128"];
    gdal("gdal_translate", &[&arguments[..], &[source.to_str().unwrap(), path.to_str().unwrap()]].concat())
        .then_some(path)
}

#[tokio::test]
async fn height_tile_of_either_grid_is_what_gdalwarp_makes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = hills(folder.path()) else { return };
    let cog = Cog::open_file(&path).await.unwrap();
    let crs = Crs::from_user_input(cog.crs_text().unwrap()).unwrap();
    for (grid, srs, zoom) in
        [(TileMatrixSet::WebMercatorQuad, "EPSG:3857", 16), (TileMatrixSet::Cgcs2000C, "EPSG:4490", 16)]
    {
        let to_grid = Transform::new(&crs, &grid.crs()).unwrap();
        let to_cog = Transform::new(&grid.crs(), &crs).unwrap();
        let mut middle = [[500_500.0, 3_100_500.0]];
        to_grid.points(&mut middle).unwrap();
        let tile = grid.tile_at(zoom, middle[0][0], middle[0][1]).unwrap();
        let got = cog.height_tile(&to_cog, grid, tile, 256).await.unwrap().unwrap();
        let bounds = grid.bounds(tile).map(|v| format!("{v:.12}"));
        let raw = folder.path().join(format!("{zoom}{}.raw", grid.letter()));
        let [west, south, east, north] = &bounds;
        let arguments = [
            "-q",
            "-overwrite",
            "-of",
            "ENVI",
            "-r",
            "bilinear",
            "-et",
            "0",
            "-ovr",
            "NONE",
            "-t_srs",
            srs,
            "-te",
            west,
            south,
            east,
            north,
            "-ts",
            "256",
            "256",
            "-dstnodata",
            "-9999",
            "--config",
            "OSR_DEFAULT_AXIS_MAPPING_STRATEGY",
            "TRADITIONAL_GIS_ORDER",
        ];
        let files = [path.to_str().unwrap(), raw.to_str().unwrap()];
        assert!(gdal("gdalwarp", &[&arguments[..], &files].concat()));
        let want: Vec<f32> =
            std::fs::read(&raw).unwrap().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        let (mut compared, mut holes) = (0, 0);
        for (got, want) in got.values.iter().zip(&want) {
            let is_hole = *want < -9998.0;
            if got.is_nan() || is_hole {
                holes += usize::from(got.is_nan() != is_hole);
                continue;
            }
            // An eighth of a pixel on a slope of 1.9 m a pixel.
            assert!((got - want).abs() < 0.25, "{got} instead of {want}");
            compared += 1;
        }
        assert!(compared > 20_000, "{compared}");
        assert!(holes < 1000, "only the raster's border may differ: {holes}");
        let png = cog.terrain_tile(&to_cog, grid, tile, TerrainEncoding::Terrarium).await.unwrap().unwrap();
        let back = TerrainEncoding::Terrarium.decode_png(&png).unwrap();
        for (one, other) in back.heights_m.iter().zip(&got.values) {
            assert!(one.is_nan() == other.is_nan() && (one.is_nan() || (one - other).abs() <= 1.0 / 256.0));
        }
    }
}

#[tokio::test]
async fn far_out_tile_is_sampled_from_an_overview_and_a_tile_elsewhere_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = hills(folder.path()) else { return };
    let cog = Cog::open_file(&path).await.unwrap();
    let crs = Crs::from_user_input(cog.crs_text().unwrap()).unwrap();
    let grid = TileMatrixSet::WebMercatorQuad;
    let to_cog = Transform::new(&grid.crs(), &crs).unwrap();
    for zoom in [0, 5, 9, 12] {
        let mut middle = [[500_500.0, 3_100_500.0]];
        Transform::new(&crs, &grid.crs()).unwrap().points(&mut middle).unwrap();
        let tile = grid.tile_at(zoom, middle[0][0], middle[0][1]).unwrap();
        let heights = cog.height_tile(&to_cog, grid, tile, 256).await.unwrap();
        if zoom >= 9 {
            let values = heights.unwrap().values;
            assert!(values.iter().filter(|v| !v.is_nan()).all(|v| (225.0..375.0).contains(v)));
        }
    }
    for tile in [TileCoord { z: 16, x: 0, y: 0 }, TileCoord { z: 3, x: 0, y: 7 }] {
        assert!(cog.height_tile(&to_cog, grid, tile, 256).await.unwrap().is_none());
    }
    let outside = TileCoord { z: 3, x: 8, y: 0 };
    assert!(cog.height_tile(&to_cog, grid, outside, 256).await.is_err());
}

#[tokio::test]
async fn ground_to_look_at_goes_on_past_the_survey_without_a_cliff_and_leaves_known_heights_alone() {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = hills(folder.path()) else { return };
    let cog = Cog::open_file(&path).await.unwrap();
    let crs = Crs::from_user_input(cog.crs_text().unwrap()).unwrap();
    let beyond = cog.beyond().await.unwrap().unwrap();
    let grid = TileMatrixSet::WebMercatorQuad;
    let to_cog = Transform::new(&grid.crs(), &crs).unwrap();
    // The survey's west edge runs through the middle of this tile.
    let mut edge = [[500_000.0, 3_100_500.0]];
    Transform::new(&crs, &grid.crs()).unwrap().points(&mut edge).unwrap();
    let tile = grid.tile_at(15, edge[0][0], edge[0][1]).unwrap();
    let known = cog.height_tile(&to_cog, grid, tile, 256).await.unwrap().unwrap();
    let shown = cog.shown_height_tile(&to_cog, grid, tile, 256, &beyond).await.unwrap();
    let gaps = known.values.iter().filter(|v| v.is_nan()).count();
    assert!((5_000..60_000).contains(&gaps), "{gaps}");
    for (known, shown) in known.values.iter().zip(&shown.values) {
        assert!(shown.is_finite() && (known.is_nan() || known.to_bits() == shown.to_bits()), "{known} became {shown}");
    }
    for row in shown.values.chunks_exact(256) {
        let step = row.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(step < 12.0, "a cliff of {step} m in hills of 1.9 m a post");
    }
    // A tile wholly outside meets its neighbour.
    let next = TileCoord { x: tile.x - 1, ..tile };
    assert!(cog.height_tile(&to_cog, grid, next, 256).await.unwrap().is_none());
    let next = cog.shown_height_tile(&to_cog, grid, next, 256, &beyond).await.unwrap();
    for (west, east) in next.values.chunks_exact(256).zip(shown.values.chunks_exact(256)) {
        assert!((west[255] - east[0]).abs() < 2.0, "{} beside {}", west[255], east[0]);
    }
    // A place without coordinates in the zone has some height of the survey's, too.
    let far = cog.shown_height_tile(&to_cog, grid, TileCoord { z: 6, x: 3, y: 3 }, 256, &beyond).await.unwrap();
    assert!(far.values.iter().all(|v| (225.0..375.0).contains(v)));
}
