//! A hostile or broken file is told from a sound one: clear words, little time, nothing published.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::programs::{Server, data_folder, program, run, shared};

/// Imports under a hard limit of CPU-seconds per process, so that a reader that hangs fails this story instead of the build.
fn import_with_limit(path: &Path, data: &Path) -> (i32, String) {
    let importer = program("shikong-import").get_program().to_owned();
    let mut limited = Command::new("bash");
    limited
        .args(["-c", "ulimit -t 10; exec \"$@\"", "limited"])
        .arg(importer)
        .arg("add")
        .arg(path)
        .args(["--dataset", "broken", "--data"])
        .arg(data);
    let (code, out, err) = run(&mut limited);
    (code, format!("{out}\n{err}"))
}

#[test]
fn broken_files_are_refused_with_clear_words() {
    let Some(samples) = shared("samples/broken") else { return };
    for name in ["garbage_nVariableLength.las", "corrupt.tif"] {
        let folder = data_folder();
        let (code, words) = import_with_limit(&samples.join(name), folder.path());
        assert!(code == 4 || code == 5, "{name}: exit {code}\n{words}");
        assert!(words.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{name}: no Chinese words\n{words}");
        assert!(words.contains(name), "{name}: the file is not named\n{words}");
        let server = Server::start(folder.path());
        assert_eq!(
            server.json("/datasets")["datasets"].as_array().map(Vec::len),
            Some(0),
            "{name} published something"
        );
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
fn a_layer_in_xian_80_is_refused_without_parameters() {
    let folder = data_folder();
    let path = folder.path().join("西安80.geojson");
    // EPSG:2361 is Xian 1980 / 3-degree Gauss-Kruger zone 37.
    let layer = r#"{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::2361"}},"features":[{"type":"Feature","properties":{"名称":"甲"},"geometry":{"type":"Polygon","coordinates":[[[37376300,3133650],[37376400,3133650],[37376400,3133750],[37376300,3133650]]]}}]}"#;
    fs::write(&path, layer).expect("written");
    let (code, words) = import_with_limit(&path, &folder.path().join("data"));
    assert_eq!(code, 4, "{words}");
    assert!(words.contains("--datum-parameters"), "what to do is said: {words}");
}
