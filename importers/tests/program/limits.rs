//! The limited copy: what kills it is told apart, and a killed program leaves nothing half-visible.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{add, nothing_published};

/// A GeoJSON of `count` parcels; as large as it needs to be to take a while.
fn parcels(folder: &Path, count: u32) -> PathBuf {
    let path = folder.join("parcels.geojson");
    let mut text = r#"{"type":"FeatureCollection","features":["#.to_owned();
    for index in 0..count {
        let (x, y) = (109.0 + f64::from(index % 200) * 0.001, 28.0 + f64::from(index / 200) * 0.001);
        let (e, n) = (x + 0.0009, y + 0.0009);
        let comma = if index == 0 { "" } else { "," };
        write!(
            text,
            r#"{comma}{{"type":"Feature","properties":{{"BSM":"{index}"}},"geometry":{{"type":"Polygon","coordinates":[[[{x},{y}],[{e},{y}],[{e},{n}],[{x},{n}],[{x},{y}]]]}}}}"#
        )
        .expect("a String");
    }
    text += "]}";
    std::fs::write(&path, text).expect("written");
    path
}

#[test]
fn a_hit_limit_is_a_failure_that_names_the_limit_and_publishes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = parcels(folder.path(), 20_000);
    for (limit, value) in [("--time-limit", "0"), ("--memory-limit", "64"), ("--cpu-limit", "0")] {
        let data = folder.path().join("data");
        let (code, report) = add(&path, &data, &[limit, value]);
        assert_eq!(code, 5, "{limit}: {report:#}");
        let text = report["failed"][0]["text"]["zh"].as_str().expect("words");
        assert!(text.contains(limit) || text.contains("意外终止"), "{limit}: {text}");
        assert!(nothing_published(&data), "{limit}");
    }
}

#[test]
fn killing_the_program_leaves_nothing_visible_and_a_rerun_succeeds() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = parcels(folder.path(), 5_000);
    let data = folder.path().join("data");
    let mut child = Command::new(env!("CARGO_BIN_EXE_shikong-import"))
        .args(["add", path.to_str().expect("UTF-8"), "--dataset", "test", "--data", data.to_str().expect("UTF-8")])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    // The first words come from the conversion; then it is in the middle of its work.
    let mut stderr = std::io::BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut stderr, &mut line).expect("words");
    child.kill().expect("killed");
    child.wait().expect("gone");
    assert!(nothing_published(&data));
    let (code, report) = add(&path, &data, &["--valid-from", "2024", "--crs", "EPSG:4490"]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["published"][0]["properties"]["count"], 5_000);
}

#[test]
fn an_order_that_cannot_be_read_ends_the_worker_and_no_more() {
    let mut worker = Command::new(env!("CARGO_BIN_EXE_shikong-import"))
        .arg("conversion-worker")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    worker.stdin.take().expect("piped").write_all(b"{\"importer\":7}\n").expect("written");
    let output = worker.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(5));
    assert!(output.stdout.is_empty());
}
