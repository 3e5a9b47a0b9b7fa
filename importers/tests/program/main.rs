//! The program as a surveyor meets it: the built binary, real deliveries, GDAL's tools as oracles.
//!
//! Real data lie in `shared/samples` beside the repository; where they are absent a test says loudly
//! that it was skipped. What can be made in a line or two is made here.

#![expect(clippy::print_stdout, clippy::panic, reason = "a test fails by panic, and says what it skips")]

mod county;
mod limits;
mod outlines;
mod rasters;
mod refusals;
mod vectors;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A delivered sample, or none where this machine has none.
fn sample(relative: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository");
    let folder = root.ancestors().skip(1).map(|folder| folder.join("shared/samples")).find(|folder| folder.is_dir());
    let path = folder.map(|folder| folder.join(relative)).filter(|path| path.exists());
    if path.is_none() {
        println!("SKIPPED: no shared/samples/{relative} beside the repository");
    }
    path
}

/// Runs the program.
fn shikong_import(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shikong-import"))
        .args(arguments)
        .env_remove("SHIKONG_DATA")
        .output()
        .expect("the program was built with this test")
}

/// Exit code and report of an `add --json`.
fn add(path: &Path, data: &Path, more: &[&str]) -> (i32, Value) {
    let (path, data) = (path.to_str().expect("UTF-8"), data.to_str().expect("UTF-8"));
    let mut arguments = vec!["add", path, "--data", data, "--json"];
    if !more.contains(&"--dataset") {
        arguments.extend(["--dataset", "test"]);
    }
    arguments.extend(more);
    json(&shikong_import(&arguments))
}

/// Exit code and findings of an `inspect --json`.
fn inspect(path: &Path, more: &[&str]) -> (i32, Value) {
    let mut arguments = vec!["inspect", path.to_str().expect("UTF-8"), "--json"];
    arguments.extend(more);
    json(&shikong_import(&arguments))
}

fn json(output: &Output) -> (i32, Value) {
    let text = String::from_utf8_lossy(&output.stdout);
    let report = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}\n{text}\n{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap_or(-1), report)
}

/// A file of the first published revision.
fn asset(data: &Path, report: &Value, name: &str) -> PathBuf {
    let published = &report["published"][0];
    let (dataset, revision) = (published["dataset"].as_str(), published["revision"].as_str());
    data.join("blobs").join(dataset.expect("published")).join(revision.expect("published")).join(name)
}

/// What a tool prints.
fn tool(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(name).args(arguments).output().expect("gdal-bin is a system package of this project");
    assert!(output.status.success(), "{name} {arguments:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// True where nothing was published under `data`.
fn nothing_published(data: &Path) -> bool {
    let blobs = data.join("blobs");
    !blobs.exists() || std::fs::read_dir(blobs).expect("readable").next().is_none()
}

/// Warnings of the first published revision with that code.
fn warnings<'r>(report: &'r Value, code: &str) -> Vec<&'r Value> {
    report["published"][0]["warnings"]
        .as_array()
        .map(|all| all.iter().filter(|warning| warning["code"] == code).collect())
        .unwrap_or_default()
}
