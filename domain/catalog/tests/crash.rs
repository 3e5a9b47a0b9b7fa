//! `kill -9` in the middle of publishing, by a real process: whatever moment it strikes,
//! every visible revision is whole, nothing else is visible, and a sweep clears the rest.
//!
//! The test starts this very test program again as the victim; the environment tells it which folder to fill.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use catalog::{Catalog, DatasetKind, NewAsset, NewDataset, NewRevision, RevisionId, Slug};
use chrono::{DateTime, TimeDelta, Utc};

const FOLDER: &str = "CATALOG_CRASH_TEST_FOLDER";
const FILES: usize = 12;

fn slug() -> Slug {
    Slug::parse("mesh").expect("a slug")
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).expect("an instant")
}

async fn publish(catalog: &Catalog, id: &str) {
    let dataset = NewDataset::new(slug(), DatasetKind::Mesh);
    let staging = catalog.staging_open(&slug(), &RevisionId::parse(id).expect("id"), now()).await.expect("staging");
    for n in 0..FILES {
        std::fs::write(staging.path().join(format!("{n}.glb")), id).expect("written");
    }
    let mut revision = NewRevision::new(now(), "EPSG:4490", [0.0, 0.0, 1.0, 1.0]);
    revision.assets.push(NewAsset::new("0.glb", "glb", "model/gltf-binary"));
    catalog.publish(&staging, &dataset, &revision, now()).await.expect("published");
}

/// Publishes until killed. Does nothing when run as an ordinary test.
#[tokio::test]
async fn victim() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let catalog = Catalog::open(Path::new(&folder)).await.expect("opens");
    for n in 0..100_000 {
        publish(&catalog, &format!("{}-{n}", std::process::id())).await;
        println!("published {n}");
    }
}

async fn assert_whole(catalog: &Catalog) -> usize {
    let revisions = catalog.revision_list(&slug()).await.expect("listed");
    for summary in &revisions {
        let revision = catalog.revision_get(&slug(), &summary.id).await.expect("read").expect("there");
        assert_eq!(revision.file_count, FILES as u64);
        for n in 0..FILES {
            let path = catalog.blob_local_path(&revision, &format!("{n}.glb")).expect("a path").expect("local");
            assert_eq!(
                std::fs::read_to_string(&path).expect("a visible revision has all its files"),
                revision.id.as_str()
            );
        }
    }
    revisions.len()
}

#[tokio::test]
async fn a_kill_at_any_moment_leaves_nothing_half_visible() {
    let dir = tempfile::tempdir().expect("a folder");
    let catalog = Catalog::open(dir.path()).await.expect("opens");
    let mut seen = 0;
    for round in 0..10_u64 {
        let mut victim = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "victim", "--nocapture"])
            .env(FOLDER, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the victim starts");
        // The kill is timed by the victim's own progress plus a different bit of work each round, not by a clock.
        let mut lines = BufReader::new(victim.stdout.take().expect("piped")).lines();
        let reached = lines.by_ref().map_while(Result::ok).filter(|line| line.contains("published")).nth(1);
        assert!(reached.is_some(), "the victim published");
        let mut spin = 1_u64;
        for n in 0..round * 400_000 {
            spin = std::hint::black_box(spin.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(n));
        }
        victim.kill().expect("SIGKILL");
        victim.wait().expect("it ended");
        let whole = assert_whole(&catalog).await;
        assert!(whole >= seen + 2, "what was published stays: {whole} after {seen}");
        seen = whole;
    }
    catalog.sweep(now() + TimeDelta::hours(1)).await.expect("swept");
    assert_eq!(assert_whole(&catalog).await, seen);
    let folders = std::fs::read_dir(dir.path().join("blobs/mesh")).expect("listed").count();
    assert_eq!(folders, seen, "a sweep leaves exactly the visible ones");
    assert_eq!(std::fs::read_dir(dir.path().join("staging")).expect("listed").count(), 0);
    publish(&catalog, "after").await;
    assert_eq!(assert_whole(&catalog).await, seen + 1);
}
