//! Vector layers: what is delivered is what GDAL reads back, repairs are listed, words are right.

use std::collections::BTreeMap;

use super::{add, asset, inspect, sample, tool, warnings};

#[test]
fn minneapolis_zoning_keeps_its_features_and_lists_25_repairs_with_the_areas_the_city_states() {
    let Some(path) = sample("plans/Planning_Primary_Zoning.geojson") else { return };
    let data = tempfile::tempdir().expect("a folder");
    let (code, report) = add(&path, data.path(), &["--valid-from", "2024"]);
    assert_eq!(code, 3, "{report:#}");
    assert_eq!(report["published"][0]["properties"]["count"], 2193);
    let repaired = warnings(&report, "geometry-repaired");
    assert_eq!(repaired.len(), 25);

    // The city's own Shape__Area is in Web Mercator, about 1/cos² of the latitude, 2.0, too large.
    let text = std::fs::read_to_string(&path).expect("readable");
    let source: serde_json::Value = serde_json::from_str(&text).expect("GeoJSON");
    let stated: BTreeMap<String, f64> = source["features"]
        .as_array()
        .expect("features")
        .iter()
        .enumerate()
        .filter_map(|(index, f)| Some((index.to_string(), f["properties"]["Shape__Area"].as_f64()?)))
        .collect();
    for warning in repaired {
        let id = warning["unit"].as_str().expect("an id");
        let after = warning["figures"]["area_after_m2"].as_f64().expect("an area");
        let ratio = stated[id] / after;
        assert!((1.99..2.01).contains(&ratio), "{id}: {ratio}");
    }

    let said = tool("ogrinfo", &["-so", "-al", asset(data.path(), &report, "features.fgb").to_str().expect("UTF-8")]);
    for line in ["Feature Count: 2193", "Geometry: Multi Polygon", "ZONE_CODE: String", "fid: Integer64"] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    let pmtiles = asset(data.path(), &report, "tiles.pmtiles");
    assert!(pmtiles.metadata().expect("there").len() > 100_000);
}

#[test]
fn a_gbk_shapefile_is_read_in_chinese_whatever_names_its_encoding() {
    let Some(shp) = sample("cn-vector/derived/xx_districts_gbk_4490.shp") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for extension in ["shp", "shx", "dbf", "prj"] {
        std::fs::copy(shp.with_extension(extension), folder.path().join(format!("区县.{extension}"))).expect("copied");
    }
    let path = folder.path().join("区县.shp");
    let data = tempfile::tempdir().expect("a folder");
    // Without the .cpg; its dbf names no code page either.
    let (code, report) = add(&path, data.path(), &["--valid-from", "2024"]);
    assert_eq!(code, 0, "{report:#}");
    let fgb = asset(data.path(), &report, "features.fgb");
    let delivered = tool("ogrinfo", &["-al", "-q", "-geom=NO", shp.to_str().expect("UTF-8")]);
    let kept = tool("ogrinfo", &["-al", "-q", "-geom=NO", fgb.to_str().expect("UTF-8")]);
    let names = |text: &str| {
        let mut names: Vec<String> =
            text.lines().filter(|line| line.contains("district_n")).map(|line| line.trim().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&delivered).len(), 29);
    assert_eq!(names(&delivered), names(&kept));
    let (_, findings) = inspect(&path, &[]);
    assert!(findings.to_string().contains("GBK · 统计识别"), "{findings}");
}

#[test]
fn a_plan_in_another_datum_keeps_its_coordinates_and_field_names() {
    let Some(path) = sample("plans/tw_V0101.json") else { return };
    let data = tempfile::tempdir().expect("a folder");
    let (code, report) = add(&path, data.path(), &["--valid-from", "2020"]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["published"][0]["crs"], "EPSG:3826");
    let said = tool("ogrinfo", &["-so", "-al", asset(data.path(), &report, "features.fgb").to_str().expect("UTF-8")]);
    for line in ["Feature Count: 1057", "(263257.843000, 2514939.819200) - (266987.175000, 2519107.793100)", "建蔽率"]
    {
        assert!(said.contains(line), "{line}\n{said}");
    }
}

#[test]
fn every_layer_of_a_container_becomes_a_dataset() {
    let Some(path) = sample("plans/Zoning_Overlays.gpkg") else { return };
    let data = tempfile::tempdir().expect("a folder");
    let (code, report) = add(&path, data.path(), &["--valid-from", "2024"]);
    assert!(code == 0 || code == 3, "{report:#}");
    let slugs: Vec<&str> = report["published"]
        .as_array()
        .expect("published")
        .iter()
        .filter_map(|published| published["dataset"].as_str())
        .collect();
    assert_eq!(slugs.len(), 15, "{slugs:?}");
    assert!(slugs.contains(&"test-flood-plain"), "{slugs:?}");
}

#[test]
fn gcj02_is_suspected_by_its_fields_and_taken_back_on_the_surveyors_word() {
    let Some(path) = sample("cn-vector/433100.json") else { return };
    let data = tempfile::tempdir().expect("a folder");
    let (code, report) = add(&path, data.path(), &["--valid-from", "2020"]);
    assert_eq!((code, warnings(&report, "gcj02-suspected").len()), (3, 1), "{report:#}");
    let (code, corrected) = add(&path, data.path(), &["--valid-from", "2021", "--gcj02"]);
    assert_eq!((code, warnings(&corrected, "gcj02-suspected").len()), (0, 0), "{corrected:#}");
    // The outline of the same prefecture from the Tianditu service lies 507 m west and 277 m north.
    let west = |report: &serde_json::Value| report["published"][0]["bounds_lon_lat_deg"][0].as_f64().expect("a number");
    let moved_m = (west(&report) - west(&corrected)) * 111_320.0 * 28.6_f64.to_radians().cos();
    assert!((400.0..620.0).contains(&moved_m), "{moved_m} m");
}

#[test]
fn heights_of_contours_and_spot_heights_are_kept_as_delivered() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("等高线.geojson");
    let line = |z: f64| {
        format!(
            r#"{{"type":"Feature","properties":{{"BSGC":{z}}},"geometry":{{"type":"LineString","coordinates":[[109.70,28.30,{z}],[109.71,28.31,{z}],[109.72,28.30,{}]]}}}}"#,
            z + 0.125
        )
    };
    let flat = r#"{"type":"Feature","properties":{"BSGC":null},"geometry":{"type":"LineString","coordinates":[[109.70,28.32],[109.71,28.33]]}}"#;
    let text = format!(r#"{{"type":"FeatureCollection","features":[{},{},{flat}]}}"#, line(250.0), line(255.5));
    std::fs::write(&path, text).expect("written");
    let data = folder.path().join("data");
    let (code, report) = add(&path, &data, &["--valid-from", "2024"]);
    assert!(matches!(code, 0 | 3), "{report:#}");
    assert_eq!(report["published"][0]["height_datum"], "unknown", "{report:#}");
    assert_eq!(warnings(&report, "feature-heights").len(), 1, "an unknown height datum is said: {report:#}");
    let fgb = asset(&data, &report, "features.fgb");
    let kept = tool("ogrinfo", &["-al", "-q", fgb.to_str().expect("UTF-8")]);
    let delivered = "LINESTRING Z (109.7 28.3 255.5,109.71 28.31 255.5,109.72 28.3 255.625)";
    assert!(kept.contains(delivered), "{kept}");

    let (code, report) = add(&path, &data, &["--dataset", "stated", "--height-datum", "normal_1985"]);
    assert_eq!(code, 0, "{report:#}");
    let published = &report["published"][0];
    assert_eq!(published["height_datum"], "normal_1985", "{report:#}");
    assert_eq!(published["height_range_m"], serde_json::json!([250.0, 255.625]), "{report:#}");
}

#[test]
fn lines_of_one_part_and_of_several_are_read_by_gdal() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("roads.geojson");
    let one = r#"{"type":"Feature","properties":{},"geometry":{"type":"LineString","coordinates":[[109.5,28.25],[109.75,28.5]]}}"#;
    let of_one = r#"{"type":"Feature","properties":{},"geometry":{"type":"MultiLineString","coordinates":[[[109.5,28.5],[109.75,28.25]]]}}"#;
    let of_two = r#"{"type":"Feature","properties":{},"geometry":{"type":"MultiLineString","coordinates":[[[109.5,28.25],[109.75,28.25]],[[109.5,28.5],[109.75,28.5]]]}}"#;
    for (name, features, first) in [
        ("single", format!("{one},{of_one}"), "LINESTRING (109.5 28.25,109.75 28.5)"),
        (
            "several",
            format!("{one},{of_one},{of_two}"),
            "MULTILINESTRING ((109.5 28.25,109.75 28.25),(109.5 28.5,109.75 28.5))",
        ),
    ] {
        std::fs::write(&path, format!(r#"{{"type":"FeatureCollection","features":[{features}]}}"#)).expect("written");
        let data = folder.path().join("data");
        let (code, report) = add(&path, &data, &["--dataset", name]);
        assert_eq!(code, 0, "{report:#}");
        let kept = tool("ogrinfo", &["-al", "-q", asset(&data, &report, "features.fgb").to_str().expect("UTF-8")]);
        let count = features.matches(r#""Feature""#).count();
        assert_eq!(kept.matches("OGRFeature(").count(), count, "{name}\n{kept}");
        assert!(kept.contains(first), "{name}\n{kept}");
    }
}

#[test]
fn heights_that_a_repair_loses_are_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bow.geojson");
    let bow = r#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[[109.70,28.30,5],[109.71,28.31,6],[109.71,28.30,7],[109.70,28.31,8],[109.70,28.30,5]]]}}]}"#;
    std::fs::write(&path, bow).expect("written");
    let (code, report) = add(&path, &folder.path().join("data"), &["--height-datum", "normal_1985"]);
    assert_eq!(code, 3, "{report:#}");
    let said = warnings(&report, "feature-heights");
    assert!(said.len() == 1 && said[0].to_string().contains("1 个要素"), "{report:#}");
}
