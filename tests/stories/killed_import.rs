//! An import killed at ten random moments leaves nothing half-visible, and a rerun succeeds.

use std::fmt::Write as _;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::programs::{Server, data_folder, import, program};

/// A layer of parcels that takes an import a second or more.
fn parcels() -> String {
    let mut text = String::from(r#"{"type":"FeatureCollection","features":["#);
    for row in 0..60 {
        for column in 0..60 {
            let (lon, lat, step) = (109.7 + f64::from(column) * 0.001, 28.3 + f64::from(row) * 0.001, 0.001);
            let comma = if row + column == 0 { "" } else { "," };
            write!(
                text,
                r#"{comma}{{"type":"Feature","properties":{{"名称":"地块{row}-{column}"}},"geometry":{{"type":"Polygon","coordinates":[[[{lon:.6},{lat:.6}],[{:.6},{lat:.6}],[{:.6},{:.6}],[{lon:.6},{:.6}],[{lon:.6},{lat:.6}]]]}}}}"#,
                lon + step,
                lon + step,
                lat + step,
                lat + step,
            )
            .expect("text grows");
        }
    }
    text.push_str("]}");
    text
}

/// A seed from the clock, never zero.
fn seed() -> u64 {
    std::time::UNIX_EPOCH.elapsed().map_or(1, |now| now.as_nanos() as u64 | 1)
}

#[test]
fn an_import_killed_at_any_moment_leaves_nothing_half_visible() {
    let folder = data_folder();
    let path = folder.path().join("parcels.geojson");
    fs::write(&path, parcels()).expect("written");
    let began = Instant::now();
    let (code, report) = import(&folder.path().join("whole"), &path, "parcels", &[]);
    assert_eq!(code, 0, "{report}");
    let whole = began.elapsed();

    let data = folder.path().join("killed");
    let mut random = seed();
    eprintln!("moments from seed {random}");
    for kill in 1..=10 {
        // xorshift64: ten moments of the time a whole import took, different in each run; the seed is told.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let share = (random % 1000) as f64 / 1000.0;
        let mut child = program("shikong-import")
            .arg("add")
            .arg(&path)
            .args(["--dataset", "parcels", "--data"])
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the importer starts");
        let until = Instant::now() + whole.mul_f64(share);
        while Instant::now() < until && child.try_wait().expect("a child").is_none() {
            std::thread::park_timeout(Duration::from_millis(2));
        }
        child.kill().expect("kill -9");
        child.wait().expect("it ends");
        if !data.exists() {
            continue;
        }
        let server = Server::start(&data);
        for dataset in server.json("/datasets")["datasets"].as_array().expect("a list") {
            if dataset["revision"].is_null() {
                continue;
            }
            let page = server.json("/features/parcels?limit=1");
            assert_eq!(
                page["numberMatched"].as_u64(),
                Some(3600),
                "a visible revision is whole (kill {kill}, at {share} of the time): {page}"
            );
        }
    }
    let (code, report) = import(&data, &path, "parcels", &[]);
    assert_eq!(code, 0, "the rerun succeeds: {report}");
    let server = Server::start(&data);
    assert_eq!(server.json("/features/parcels?limit=1")["numberMatched"].as_u64(), Some(3600));
}
