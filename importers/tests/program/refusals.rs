//! What is refused, and that a refusal publishes nothing and says what to do.

use std::path::{Path, PathBuf};

use super::{add, inspect, nothing_published, tool};

/// A shapefile of one polygon with these corners, in `epsg` where given.
fn shapefile(folder: &Path, corners: &str, epsg: Option<&str>) -> PathBuf {
    let json = folder.join("in.geojson");
    let text = format!(
        r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{"DLBM":"0101"}},
        "geometry":{{"type":"Polygon","coordinates":[[{corners}]]}}}}]}}"#
    );
    std::fs::write(&json, text).expect("written");
    let shp = folder.join("out.shp");
    let (json, out) = (json.to_str().expect("UTF-8"), shp.to_str().expect("UTF-8"));
    let crs = format!("EPSG:{}", epsg.unwrap_or("4490"));
    tool("ogr2ogr", &["-q", "-f", "ESRI Shapefile", "-a_srs", &crs, out, json]);
    if epsg.is_none() {
        std::fs::remove_file(shp.with_extension("prj")).expect("there was one");
    }
    shp
}

/// `add` refuses with words that hold `word`, and nothing is published.
fn check(corners: &str, epsg: Option<&str>, more: &[&str], word: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let shp = shapefile(folder.path(), corners, epsg);
    let data = folder.path().join("data");
    let (code, report) = add(&shp, &data, more);
    assert_eq!(code, 4, "{report:#}");
    assert!(nothing_published(&data));
    let text = &report["failed"][0]["text"];
    assert!(text["zh"].as_str().is_some_and(|zh| zh.contains(word)), "{text}");
    assert!(text["en"].as_str().is_some_and(|en| !en.is_empty()), "{text}");
}

const PLANE: &str = "[500100,3132000],[500900,3132000],[500900,3132800],[500100,3132000]";
const PREFIXED: &str = "[37500100,3132000],[37500900,3132000],[37500900,3132800],[37500100,3132000]";
const SWAPPED: &str = "[3132000,500100],[3132800,500100],[3132800,500900],[3132000,500100]";

#[test]
fn old_datums_are_refused_until_parameters_are_given() {
    check(PLANE, Some("2381"), &[], "--datum-parameters");
    check(PLANE, Some("2433"), &[], "--datum-parameters");
}

#[test]
fn a_missing_crs_is_asked_for_with_what_the_coordinates_suggest() {
    check(PREFIXED, None, &[], "EPSG:4525");
    check(PLANE, None, &[], "--crs");
}

#[test]
fn swapped_axes_and_zone_numbers_that_do_not_fit_are_refused_with_the_flag_to_use() {
    check(SWAPPED, Some("4546"), &[], "--swap-axes");
    check(PREFIXED, Some("4546"), &[], "EPSG:4525");
    check(PLANE, Some("4525"), &[], "EPSG:4546");
}

#[test]
fn axes_are_exchanged_on_the_surveyors_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let shp = shapefile(folder.path(), SWAPPED, Some("4546"));
    let (code, report) = add(&shp, &folder.path().join("data"), &["--swap-axes", "--valid-from", "2024"]);
    assert_eq!(code, 0, "{report:#}");
    let bounds = &report["published"][0]["bounds_lon_lat_deg"];
    assert!((bounds[0].as_f64().expect("a number") - 111.0).abs() < 0.01, "{bounds}");
}

#[test]
fn an_old_datum_with_parameters_is_brought_to_cgcs2000_and_the_parameters_are_kept_nowhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let shp = shapefile(folder.path(), PLANE, Some("2381"));
    let file = folder.path().join("params.toml");
    let secret = "-123.4567";
    std::fs::write(&file, parameters(secret)).expect("written");
    let data = folder.path().join("data");
    let file = file.to_str().expect("UTF-8").to_owned();
    let (code, report) = add(&shp, &data, &["--datum-parameters", &file, "--valid-from", "2024"]);
    assert_eq!(code, 0, "{report:#}");
    let crs = report["published"][0]["crs"].as_str().expect("a CRS");
    assert!(crs.starts_with("EPSG:45"), "{crs}");
    assert!(!report.to_string().contains(secret));
    for name in ["catalog.sqlite", "catalog.sqlite-wal"] {
        if let Ok(bytes) = std::fs::read(data.join(name)) {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{name}");
        }
    }
}

/// A 7-parameter set from Xi'an 80, in the form that geodesy reads.
fn parameters(dx_m: &str) -> String {
    format!(
        "name = \"test\"\nfrom = \"xian80\"\n[seven]\ndx_m = {dx_m}\ndy_m = 10.0\n\
         dz_m = 10.0\nrx_arcsec = 0.1\nry_arcsec = 0.1\nrz_arcsec = 0.1\nscale_ppm = 0.5\nconvention = \"position_vector\"\n"
    )
}

#[test]
fn formats_that_cannot_be_read_say_what_to_deliver_instead() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, word) in [("plan.dwg", "DXF"), ("data.mdb", "gdb")] {
        let path = folder.path().join(name);
        std::fs::write(&path, b"AC1032").expect("written");
        let (code, findings) = inspect(&path, &[]);
        assert_eq!(code, 4, "{findings:#}");
        assert!(findings.to_string().contains(word), "{findings}");
    }
}

#[test]
fn broken_vector_files_are_refused_and_not_fatal() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in [
        ("a.geojson", &b"{\"type\":\"FeatureCollection\",\"features\":[{\"type\":"[..]),
        ("b.gpkg", b"SQLite format 3\0 and then nothing"),
        ("c.shp", b"\0\0\x27\x0a"),
        ("d.fgb", b"fgb\x03fgb\0\xff\xff\xff\xff"),
        ("e.dxf", b"0\nSECTION\n2\nENTITIES\n0\nLWPOLYLINE\n90\n4000000000\n"),
        ("f.kml", b"<kml><Document><Placemark>"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        let data = folder.path().join("data");
        let (code, report) = add(&path, &data, &["--crs", "EPSG:4490"]);
        assert!(code == 4 || code == 5, "{name}: {code} {report:#}");
        assert!(nothing_published(&data), "{name}");
        assert!(report["failed"][0]["text"]["zh"].as_str().is_some_and(|zh| !zh.is_empty()), "{name}: {report}");
    }
}
