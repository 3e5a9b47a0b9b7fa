//! A hostile or broken file is told from a sound one: clear words, little time, nothing published.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::programs::{Server, data_folder, program, root, run, shared};

/// Limits of a hopeless file: CPU-seconds and megabytes.
const CPU_LIMIT_S: u32 = 5;
const MEMORY_LIMIT_MB: f64 = 500.0;

/// Imports under a hard limit of CPU-seconds per process, so that a reader that hangs fails this story instead of the build.
fn import_with_limit(path: &Path, data: &Path) -> (i32, String) {
    let importer = program("shikong-import").get_program().to_owned();
    let mut limited = Command::new("python3");
    limited
        .arg(root().join("tests/validators/measure.py"))
        .arg(CPU_LIMIT_S.to_string())
        .arg(importer)
        .arg("add")
        .arg(path)
        .args(["--dataset", "broken", "--data"])
        .arg(data);
    let (_, out, err) = run(&mut limited);
    let (words, last) = err.trim_end().rsplit_once('\n').unwrap_or(("", err.trim_end()));
    let used: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {err}"));
    let (cpu_s, peak_mb) = (used["cpu_s"].as_f64().expect("seconds"), used["peak_mb"].as_f64().expect("megabytes"));
    eprintln!("{}: {cpu_s:.2} CPU-s, {peak_mb:.0} MB", path.display());
    assert!(cpu_s < f64::from(CPU_LIMIT_S), "{}: {cpu_s} CPU-s", path.display());
    assert!(peak_mb < MEMORY_LIMIT_MB, "{}: {peak_mb} MB", path.display());
    (used["code"].as_i64().expect("an exit code") as i32, format!("{out}\n{words}"))
}

fn assert_nothing_published(data: &Path, what: &str) {
    let server = Server::start(data);
    assert_eq!(server.json("/datasets")["datasets"].as_array().map(Vec::len), Some(0), "{what} published something");
}

#[test]
fn broken_files_are_refused_with_clear_words() {
    let Some(samples) = shared("samples/broken") else { return };
    for name in
        ["garbage_nVariableLength.las", "corrupt.tif", "bad-geotiff-keys.las", "bad_vlr_count.las", "no-points.las"]
    {
        let folder = data_folder();
        let (code, words) = import_with_limit(&samples.join(name), folder.path());
        assert!(code == 4 || code == 5, "{name}: exit {code}\n{words}");
        assert!(words.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{name}: no Chinese words\n{words}");
        assert!(words.contains(name), "{name}: the file is not named\n{words}");
        assert_nothing_published(folder.path(), name);
    }
}

#[test]
fn files_that_are_nothing_we_know_are_refused() {
    let folder = data_folder();
    for (name, bytes) in [
        ("empty.las", &b""[..]),
        ("words.txt", b"not a survey"),
        ("cut.laz", b"LASF\x00\x00"),
        ("cut.tif", b"II*\x00\xff\xff\xff\xff"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("written");
        let (code, words) = import_with_limit(&path, &folder.path().join("data"));
        assert!(matches!(code, 4 | 5), "{name}: exit {code}\n{words}");
        assert!(words.contains(name), "{name}: the file is not named\n{words}");
    }
}

#[test]
fn xian_80_is_refused_without_parameters_in_every_form_it_comes_in() {
    let folder = data_folder();
    // EPSG:2361 is Xian 1980 / 3-degree Gauss-Kruger zone 37.
    let layer = folder.path().join("西安80.geojson");
    let text = r#"{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::2361"}},"features":[{"type":"Feature","properties":{"名称":"甲"},"geometry":{"type":"Polygon","coordinates":[[[37376300,3133650],[37376400,3133650],[37376400,3133750],[37376300,3133650]]]}}]}"#;
    fs::write(&layer, text).expect("written");
    let shapefile = folder.path().join("西安80.shp");
    let (code, _, err) =
        run(Command::new("ogr2ogr").args(["-f", "ESRI Shapefile", "-lco", "ENCODING=GBK"]).arg(&shapefile).arg(&layer));
    assert_eq!(code, 0, "ogr2ogr: {err}");
    let raster = folder.path().join("西安80.tif");
    let (code, _, err) = run(Command::new("gdal_create")
        .args(["-outsize", "64", "64", "-bands", "3", "-burn", "90", "-a_srs", "EPSG:2361"])
        .args(["-a_ullr", "37376300", "3133750", "37376400", "3133650"])
        .arg(&raster));
    assert_eq!(code, 0, "gdal_create: {err}");
    for path in [layer, shapefile, raster] {
        let data = folder.path().join("data");
        let (code, words) = import_with_limit(&path, &data);
        assert_eq!(code, 4, "{}: {words}", path.display());
        assert!(words.contains("--datum-parameters"), "what to do is said: {words}");
        assert_nothing_published(&data, &path.to_string_lossy());
    }
}
