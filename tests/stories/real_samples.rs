//! Real surveys and plans, when the folder of samples stands beside the repository: each goes in, and what is served agrees with what is known of it.

use std::path::Path;

use serde_json::Value;

use crate::programs::{Server, data_folder, import, shared};

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
    // Mount Washington, 1,917 m at 44.2706 N, 71.3033 W: the highest of the region lies in this tile.
    let (x, y) = (618, 739);
    let (status, _, body) =
        server.get(&template.replace("{z}", "11").replace("{x}", &x.to_string()).replace("{y}", &y.to_string()));
    assert_eq!(status, 200);
    let picture = image::load_from_memory(&body).expect("a picture").to_rgb8();
    let highest = picture
        .pixels()
        .map(|p| f64::from(p.0[0]) * 256.0 + f64::from(p.0[1]) + f64::from(p.0[2]) / 256.0 - 32_768.0)
        .fold(f64::MIN, f64::max);
    assert!((1850.0..1925.0).contains(&highest), "{highest}");
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
}
