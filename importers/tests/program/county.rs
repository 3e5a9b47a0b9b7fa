//! Whole deliveries, CAD files and the live basemap: made here in a few lines.

use std::fmt::Write as _;
use std::path::Path;

use super::{add, inspect, json, shikong_import, tool, warnings};

/// A DXF (R12) of closed and open polylines on two layers.
fn dxf(path: &Path) {
    let mut text = "0\nSECTION\n2\nENTITIES\n".to_owned();
    let mut polyline = |layer: &str, closed: bool, points: &[[f64; 2]]| {
        write!(text, "0\nPOLYLINE\n8\n{layer}\n66\n1\n70\n{}\n", u8::from(closed)).expect("a String");
        for [x, y] in points {
            write!(text, "0\nVERTEX\n8\n{layer}\n10\n{x}\n20\n{y}\n").expect("a String");
        }
        text.push_str("0\nSEQEND\n");
    };
    let square = |x: f64, y: f64| [[x, y], [x + 100.0, y], [x + 100.0, y + 100.0], [x, y + 100.0]];
    polyline("DK", true, &square(500_000.0, 3_132_000.0));
    polyline("DK", true, &square(500_200.0, 3_132_000.0));
    polyline("ROAD", false, &[[500_000.0, 3_132_300.0], [500_500.0, 3_132_300.0]]);
    text.push_str("0\nENDSEC\n0\nEOF\n");
    std::fs::write(path, text).expect("written");
}

#[test]
fn closed_polylines_of_a_cad_layer_become_parcels_of_the_right_area() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("城规.dxf");
    dxf(&path);
    let (code, findings) = inspect(&path, &["--crs", "EPSG:4546"]);
    assert_eq!(code, 0, "{findings:#}");
    assert!(findings.to_string().contains("DK × 2"), "{findings}");
    let data = folder.path().join("data");
    let options = ["--crs", "EPSG:4546", "--layer", "DK", "--closed-as-polygons", "--valid-from", "2012"];
    let (code, report) = add(&path, &data, &options);
    assert_eq!(code, 0, "{report:#}");
    let properties = &report["published"][0]["properties"];
    assert_eq!((&properties["geometry"], &properties["count"]), (&"polygon".into(), &2.into()), "{properties}");
    let fgb = super::asset(&data, &report, "features.fgb");
    let sql = format!("SELECT SUM(ST_Area(geometry)) AS area FROM \"{}\"", "test");
    let said = tool("ogrinfo", &["-q", "-dialect", "SQLite", "-sql", &sql, fgb.to_str().expect("UTF-8")]);
    assert!(said.contains("area (Real) = 20000"), "{said}");
}

#[test]
fn a_delivery_folder_becomes_a_dataset_for_each_unit_and_says_what_it_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let delivery = folder.path().join("成果");
    std::fs::create_dir_all(delivery.join("02_矢量")).expect("made");
    dxf(&delivery.join("02_矢量/plan.dxf"));
    let poi = r#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"名称":"村委会"},
        "geometry":{"type":"Point","coordinates":[109.7,28.3]}}]}"#;
    std::fs::write(delivery.join("02_矢量/兴趣点.geojson"), poi).expect("written");
    std::fs::write(delivery.join("说明.doc"), b"words").expect("written");
    let data = folder.path().join("data");
    let (code, report) = add(&delivery, &data, &["--dataset", "xx", "--valid-from", "2024"]);
    // The point layer is published; the DXF has no CRS and is refused alone.
    assert_eq!(code, 3, "{report:#}");
    let slug = report["published"][0]["dataset"].as_str().expect("published");
    assert!(slug.starts_with("xx-02-"), "{slug}");
    assert_eq!(report["published"][0]["properties"]["fields"][0]["name"], "名称");
    assert_eq!(report["failed"][0]["unit"], "02_矢量/plan.dxf");
    assert_eq!(report["unclaimed"]["doc"], 1);
    assert_eq!(warnings(&report, "gcj02-suspected").len(), 1);
}

#[test]
fn a_geodatabase_becomes_a_dataset_for_each_layer_and_a_kml_keeps_its_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("in.geojson");
    let square = r#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"DLBM":"0101","地类名称":"水田"},
        "geometry":{"type":"Polygon","coordinates":[[[109.7,28.3],[109.71,28.3],[109.71,28.31],[109.7,28.3]]]}}]}"#;
    std::fs::write(&json, square).expect("written");
    let gdb = folder.path().join("村规.gdb");
    let (json, gdb_text) = (json.to_str().expect("UTF-8"), gdb.to_str().expect("UTF-8"));
    for layer in ["DLTB", "XZQ"] {
        let update = if layer == "DLTB" { "-overwrite" } else { "-update" };
        tool("ogr2ogr", &["-q", update, "-f", "OpenFileGDB", "-a_srs", "EPSG:4490", "-nln", layer, gdb_text, json]);
    }
    let kml = folder.path().join("地块.kml");
    tool("ogr2ogr", &["-q", "-f", "LIBKML", kml.to_str().expect("UTF-8"), json]);
    let data = folder.path().join("data");
    let (code, report) = add(&gdb, &data, &["--valid-from", "2024"]);
    assert_eq!(code, 0, "{report:#}");
    let published = report["published"].as_array().expect("published");
    assert_eq!(published.iter().map(|p| &p["dataset"]).collect::<Vec<_>>(), ["test-dltb", "test-xzq"]);
    assert_eq!(published[0]["properties"]["style"], "dltb");
    assert_eq!(published[0]["properties"]["code_system"], "TD/T 1055-2019");
    assert_eq!(published[0]["properties"]["fields"][1]["name"], "地类名称");
    let (code, report) = add(&kml, &data, &["--dataset", "kml", "--valid-from", "2024"]);
    assert_eq!(code, 0, "{report:#}");
    assert!(report["published"][0]["properties"]["fields"].to_string().contains("地类名称"));
}

#[test]
fn a_file_that_nobody_reads_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("words.txt");
    std::fs::write(&path, "not a survey").expect("written");
    let (path, data) = (path.to_str().expect("UTF-8"), folder.path().join("data"));
    let data = data.to_str().expect("UTF-8");
    let output = shikong_import(&["add", path, "--dataset", "x", "--data", data]);
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stdout).contains("words.txt"));
}

#[test]
fn colliding_codes_without_a_system_are_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("layer.geojson");
    let feature = |code: &str, x: f64| {
        format!(
            r#"{{"type":"Feature","properties":{{"code":"{code}"}},"geometry":{{"type":"Polygon",
            "coordinates":[[[{x},28.3],[{},28.3],[{},28.31],[{x},28.3]]]}}}}"#,
            x + 0.01,
            x + 0.01
        )
    };
    let text =
        format!(r#"{{"type":"FeatureCollection","features":[{},{}]}}"#, feature("1001", 109.7), feature("0601", 109.8));
    std::fs::write(&path, text).expect("written");
    let data = folder.path().join("data");
    let options = ["--crs", "EPSG:4490", "--code-field", "code", "--valid-from", "2024"];
    let (code, report) = add(&path, &data, &options);
    assert_eq!((code, warnings(&report, "code-system-unknown").len()), (3, 1), "{report:#}");
    let stated = [&options[..], &["--code-system", "landuse-2023"]].concat();
    let (code, report) = add(&path, &data, &stated);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["published"][0]["properties"]["code_system"], "自然资发〔2023〕234号");
}

#[test]
fn a_tianditu_layer_is_registered_without_a_key_and_without_a_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("UTF-8").to_owned();
    let arguments = ["basemap", "vec", "--dataset", "tdt-vec", "--data", &data, "--json"];
    let (code, report) = json(&shikong_import(&arguments));
    assert_eq!((code, &report["registered"]), (0, &"tdt-vec".into()), "{report}");
    let output = shikong_import(&["basemap", "xyz", "--dataset", "tdt", "--data", &data]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_wrong_call_is_told_from_a_refusal() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("UTF-8").to_owned();
    for arguments in [
        vec!["add", "/no/such/file.shp", "--dataset", "x", "--data", &data],
        vec!["add", &data, "--dataset", "Not A Slug", "--data", &data],
        vec!["inspect"],
    ] {
        assert_eq!(shikong_import(&arguments).status.code(), Some(2), "{arguments:?}");
    }
}
