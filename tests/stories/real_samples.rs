//! Real surveys and plans, when the folder of samples stands beside the repository: each goes in, and what is served agrees with what is known of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::oracles;
use crate::programs::{Server, data_folder, import, program, run, shared};
use crate::web_mercator::{address, pixel_in_tile, tile_at};

/// Imports and wants it published; gives the report of the one published unit.
fn published(data: &Path, path: &Path, slug: &str, more: &[&str], codes: &[i32]) -> Value {
    let (code, report) = import(data, path, slug, more);
    assert!(codes.contains(&code), "{slug}: exit {code}: {report:#}");
    report["published"][0].clone()
}

#[test]
fn real_vector_layers_keep_their_chinese_names_and_repairs_are_listed() {
    let Some(samples) = shared("samples") else { return };
    let folder = data_folder();
    let zoning = published(folder.path(), &samples.join("plans/Planning_Primary_Zoning.geojson"), "zoning", &[], &[3]);
    assert_eq!(zoning["properties"]["count"], 2193, "{zoning:#}");
    let repaired = zoning["warnings"]
        .as_array()
        .expect("warnings")
        .iter()
        .filter(|warning| warning.to_string().contains("repair"))
        .count();
    assert!(repaired >= 1, "repairs are listed: {:#}", zoning["warnings"]);

    let counties = published(
        folder.path(),
        &samples.join("cn-vector/derived/xx_districts_gbk_4490.shp"),
        "counties",
        &[],
        &[0, 3],
    );
    assert_eq!(counties["properties"]["count"], 29, "{counties:#}");
    assert_eq!(counties["crs"], "EPSG:4490");

    let server = Server::start(folder.path());
    let text = server.json("/features/counties?limit=100").to_string();
    assert!(text.contains("吉首市"), "GBK text is read as Chinese");
    assert!(!text.contains('\u{fffd}'), "no mojibake");
}

#[test]
fn a_real_orthophoto_and_both_elevation_models_go_in() {
    let Some(samples) = shared("samples") else { return };
    let folder = data_folder();
    let data = folder.path();
    published(data, &samples.join("drone/nodeodm/odm_orthophoto/odm_orthophoto.tif"), "ortho", &[], &[0, 3]);
    let dsm = published(data, &samples.join("drone/nodeodm/odm_dem/dsm.tif"), "dsm", &[], &[0, 3]);
    assert_eq!(dsm["height_datum"], "unknown", "a missing height datum is said, not guessed: {dsm:#}");
    published(data, &samples.join("dem/N44W072.hgt"), "white-mountains", &[], &[0, 3]);
    let server = Server::start(data);
    let tilejson = server.json("/terrain/white-mountains");
    let template = tilejson["tiles"][0].as_str().expect("a template");
    // Mount Washington, 1,917 m at 44.2706 N, 71.3033 W, is the highest of the region.
    let (status, _, body) = server.get(&address(template, 11, tile_at(11, [-71.3033, 44.2706])));
    assert_eq!(status, 200);
    let highest = heights_m(&body).into_iter().fold(f64::MIN, f64::max);
    assert!((1850.0..1925.0).contains(&highest), "{highest}");

    // A grid in Swiss LV03 whose keys name no CRS: asked for, then placed.
    let alps = samples.join("dem/zh_dem_25.tif");
    let (code, report) = import(data, &alps, "zurich", &[]);
    assert_eq!(code, 4, "a grid without a CRS is not guessed: {report:#}");
    assert!(report["failed"][0]["text"]["zh"].as_str().is_some_and(|zh| zh.contains("--crs")), "{report:#}");
    let placed = published(data, &alps, "zurich", &["--crs", "EPSG:21781"], &[0, 3]);
    assert_eq!(placed["crs"], "EPSG:21781", "{placed:#}");
    let tilejson = server.json("/terrain/zurich");
    let template = tilejson["tiles"][0].as_str().expect("a template");
    let zoom = tilejson["maxzoom"].as_u64().expect("maxzoom") as u32;
    for [east, north] in [[680_000.0, 250_000.0], [683_512.5, 247_887.5], [686_000.0, 245_000.0]] {
        let Some(sample_m) = gdal_height_m(&alps, [east, north]) else { return };
        let lon_lat_deg = lon_lat_from_lv03([east, north]);
        let (status, _, body) = server.get(&address(template, zoom, tile_at(zoom, lon_lat_deg)));
        assert_eq!(status, 200);
        let [column, row] = pixel_in_tile(zoom, lon_lat_deg);
        let shown_m = heights_m(&body)[(row * 256 + column) as usize];
        // A pixel of the tile is no wider than 26 m, and the ground there rises less than one in two.
        assert!((shown_m - sample_m).abs() < 13.0, "{east}, {north}: {shown_m} m shown, {sample_m} m delivered");
    }
}

/// Heights of a Terrarium tile, row by row.
fn heights_m(body: &[u8]) -> Vec<f64> {
    let picture = image::load_from_memory(body).expect("a picture").to_rgb8();
    picture
        .pixels()
        .map(|p| f64::from(p.0[0]) * 256.0 + f64::from(p.0[1]) + f64::from(p.0[2]) / 256.0 - 32_768.0)
        .collect()
}

/// What GDAL reads at a position in the file's own coordinates.
fn gdal_height_m(path: &Path, [x, y]: [f64; 2]) -> Option<f64> {
    let (code, out, err) = run(Command::new("gdallocationinfo")
        .args(["-valonly", "-geoloc"])
        .arg(path)
        .args([x.to_string(), y.to_string()]));
    assert_eq!(code, 0, "gdallocationinfo: {err}");
    out.trim().parse().ok()
}

/// The Swiss survey's own approximation ("Approximate formulas for the transformation between Swiss projection coordinates and WGS84", swisstopo), good to a metre.
fn lon_lat_from_lv03([east, north]: [f64; 2]) -> [f64; 2] {
    let (y, x) = ((east - 600_000.0) / 1e6, (north - 200_000.0) / 1e6);
    let lon = 2.677_909_4 + 4.728_982 * y + 0.791_484 * y * x + 0.1306 * y * x * x - 0.0436 * y.powi(3);
    let lat =
        16.902_389_2 + 3.238_272 * x - 0.270_978 * y * y - 0.002_528 * x * x - 0.0447 * y * y * x - 0.0140 * x.powi(3);
    [lon, lat].map(|value| value * 100.0 / 36.0)
}

#[test]
fn a_real_oblique_model_and_a_real_point_cloud_go_in() {
    let Some(samples) = shared("samples") else { return };
    let folder = data_folder();
    let data = folder.path();
    let model = published(data, &samples.join("osgb/production5"), "production5", &[], &[3]);
    assert_eq!(model["properties"]["triangles"], 200_760, "{model:#}");
    let bounds: Vec<f64> =
        model["bounds_lon_lat_deg"].as_array().expect("bounds").iter().filter_map(Value::as_f64).collect();
    // The WKT's own parameters (central meridian 113.37, false northing 90), not the EPSG:4547 that it claims.
    assert!((113.37..113.39).contains(&bounds[0]) && (22.48..22.51).contains(&bounds[1]), "{bounds:?}");
    let cloud = published(data, &samples.join("drone/autzen_trim.laz"), "autzen", &[], &[0, 3]);
    assert_eq!(cloud["properties"]["points"], 110_000, "{cloud:#}");
    let server = Server::start(data);
    for slug in ["production5", "autzen"] {
        let tileset = server.json(&format!("/3dtiles/{slug}/tileset.json"));
        assert_eq!(tileset["asset"]["version"], "1.1", "{slug}");
    }
    oracles::cesium_draws(&server, &["production5", "autzen"], folder.path());
    drop(server);
    the_viewer_opens_the_folder_itself(data, folder.path());
}

/// `shikong-view FOLDER` starts the real server beside it, draws, and leaves no server behind.
fn the_viewer_opens_the_folder_itself(data: &Path, folder: &Path) {
    let picture = folder.join("folder.png");
    let (code, out, err) = run(program("shikong-view")
        .arg(data)
        .args(["--headless", "--size", "640x360", "--layers", "production5", "--out"])
        .arg(&picture));
    assert_eq!(code, 0, "shikong-view FOLDER\n{out}\n{err}");
    let counts: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}\n{err}"));
    assert!(counts["loaded"].as_u64().is_some_and(|loaded| loaded > 0), "{counts}");
    assert_eq!(counts["failed"].as_u64(), Some(0), "{counts}\n{err}");
    let whole = data.canonicalize().expect("it exists");
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let words = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        let serves_it = words.contains("shikong-server") && words.contains(&*whole.to_string_lossy());
        assert!(!serves_it, "the viewer left its server behind: {words}");
    }
}

#[test]
fn every_version_of_the_container_and_every_3d_tiles_folder_goes_in() {
    let Some(samples) = shared("samples") else { return };
    let folder = data_folder();
    let data = folder.path().join("data");
    // Each variant holds the same 114 triangles, so each must come out the same.
    let variants = samples.join("osgb/variants");
    let mut names: Vec<String> = fs::read_dir(&variants)
        .expect("the samples")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".osgb"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 10);
    let mut bounds = Vec::new();
    for name in &names {
        let delivery = folder.path().join("deliveries").join(name.trim_end_matches(".osgb"));
        let block = delivery.join("Data/Tile_+000_+000");
        fs::create_dir_all(&block).expect("a folder");
        fs::copy(variants.join(name), block.join("Tile_+000_+000.osgb")).expect("copied");
        let slug = name.trim_end_matches(".osgb").to_lowercase().replace('_', "-");
        let (code, report) = import(&data, &delivery, &slug, &[]);
        assert_eq!(code, 4, "{name}: a model without metadata.xml is asked for its place: {report:#}");
        let place = ["--crs", "EPSG:4547", "--origin", "501027.524,2488718.808,0", "--height-datum", "normal_1985"];
        let model = published(&data, &delivery, &slug, &place, &[0, 3]);
        assert_eq!(model["properties"]["triangles"], 114, "{name}: {model:#}");
        bounds.push(model["bounds_lon_lat_deg"].clone());
    }
    assert!(bounds.iter().all(|b| *b == bounds[0]), "all versions lie in one place: {bounds:?}");

    let tileset = published(&data, &samples.join("3dtiles/Tileset"), "given", &[], &[0, 3]);
    assert!(tileset["properties"]["tiles"].as_u64().is_some_and(|tiles| tiles >= 5), "{tileset:#}");
    let server = Server::start(&data);
    let outer = server.json("/3dtiles/given/tileset.json");
    let within = outer["root"]["content"]["uri"].as_str().expect("the delivered tileset hangs in ours").to_owned();
    let revision = tileset["revision"].as_str().expect("a revision");
    for name in ["tileset.json", "parent.b3dm", "ll.b3dm"] {
        let path = format!("/3dtiles/given@{revision}/{}", within.replace("tileset.json", name));
        let (status, _, served) = server.get(&path);
        let delivered = fs::read(samples.join("3dtiles/Tileset").join(name)).expect("read");
        assert!(status == 200 && served == delivered, "{path}: {status}, the bytes are served as they are");
    }
    let slug = names[0].trim_end_matches(".osgb").to_lowercase().replace('_', "-");
    oracles::cesium_draws(&server, &["given", &slug], folder.path());
}
