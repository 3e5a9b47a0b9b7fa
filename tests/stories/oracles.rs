//! What programs and libraries others wrote say of what ours made: GDAL, rio-cogeo, laspy, CesiumJS, MapLibre's style validator.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::programs::{Server, root, run, skipped, validate};

/// CesiumJS in a browser loads each tileset without a failed tile and draws something of it.
pub(crate) fn cesium_draws(server: &Server, slugs: &[&str], folder: &Path) {
    if !Path::new("/usr/bin/chromium").exists() {
        skipped("CesiumJS was not asked, Chromium is not installed");
        return;
    }
    let urls: Vec<String> = slugs.iter().map(|slug| format!("{}/3dtiles/{slug}/tileset.json", server.url)).collect();
    let folder = folder.to_string_lossy();
    let arguments: Vec<&str> = std::iter::once(&*folder).chain(urls.iter().map(String::as_str)).collect();
    if let Some((sound, said)) = validate("cesium.mjs", &arguments) {
        eprintln!("CesiumJS: {said}");
        assert!(sound, "CesiumJS: {said:#}");
    }
}

/// Assets of a catalogue by the end of their name.
fn assets(data: &Path, end: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = walkdir::WalkDir::new(data.join("blobs"))
        .into_iter()
        .map(|entry| entry.expect("the catalogue is readable").into_path())
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect();
    found.sort();
    found
}

/// Every COG, COPC and FlatGeobuf of the catalogue is what its name says, to readers we did not write.
pub(crate) fn assets_are_what_they_say(server: &Server, data: &Path) {
    let mut paths: Vec<String> = Vec::new();
    for end in [".tif", ".copc.laz"] {
        let found = assets(data, end);
        assert!(!found.is_empty(), "the catalogue holds a {end}");
        paths.extend(found.iter().map(|path| path.to_string_lossy().into_owned()));
    }
    if let Some((sound, said)) =
        validate("rasters_and_points.py", &paths.iter().map(String::as_str).collect::<Vec<_>>())
    {
        assert!(sound, "rio-cogeo and laspy: {said:#}");
    }
    let mut read = 0;
    for dataset in server.json("/datasets?kind=features")["datasets"].as_array().expect("a list") {
        let (slug, revision) =
            (dataset["slug"].as_str().expect("a slug"), dataset["revision"]["id"].as_str().expect("an id"));
        let file = data.join("blobs").join(slug).join(revision).join("features.fgb");
        let want = dataset["properties"]["count"].as_u64().expect("a count");
        assert_eq!(gdal_feature_count(&file), want, "{slug}: features as GDAL counts them");
        read += 1;
    }
    assert!(read > 10, "only {read} layers");
}

/// Features in all layers of a file, read one by one by GDAL's `ogrinfo`; those in a vector tile's buffer count too.
pub(crate) fn gdal_feature_count(file: &Path) -> u64 {
    let whole: &[&str] = if file.extension().is_some_and(|kind| kind == "mvt") { &["-oo", "CLIP=NO"] } else { &[] };
    let (code, out, err) = run(Command::new("ogrinfo").args(["-ro", "-al", "-fields=NO"]).args(whole).arg(file));
    assert_eq!(code, 0, "ogrinfo {}: {err}", file.display());
    assert!(!err.contains("ERROR"), "ogrinfo {}: {err}", file.display());
    out.lines().filter(|line| line.starts_with("OGRFeature(")).count() as u64
}

#[test]
fn maplibres_validator_accepts_every_style() {
    let styles: Vec<String> = fs::read_dir(root().join("styles"))
        .expect("styles/")
        .map(|entry| entry.expect("an entry").path().to_string_lossy().into_owned())
        .filter(|path| path.ends_with(".json"))
        .collect();
    assert!(styles.len() > 20, "{styles:?}");
    if let Some((sound, said)) = validate("styles.mjs", &styles.iter().map(String::as_str).collect::<Vec<_>>()) {
        assert!(sound, "{said}");
        assert_eq!(said["styles"].as_u64(), Some(styles.len() as u64), "{said}");
    }
}

/// What a validator counted under a name.
pub(crate) fn count(said: &Value, name: &str) -> u64 {
    said[name].as_u64().unwrap_or_else(|| panic!("no {name} in {said}"))
}
