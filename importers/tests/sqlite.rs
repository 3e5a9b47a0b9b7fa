//! Two `SQLite`s live in one process, the catalogue's and GDAL's, and must not call each other.

use std::process::Command;

use catalog::Catalog;

#[tokio::test]
async fn gdal_calls_its_own_sqlite_although_another_is_linked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Opening the catalogue proves that the bundled one is linked and used in this very process.
    let catalog = Catalog::open(folder.path()).await.expect("an empty catalogue opens");
    let in_this_process = importers::gdal::sqlite_version().expect("GDAL has SQLite");
    catalog.close().await;

    // The oracle is GDAL's own tool, a process in which there is no other SQLite.
    let file = folder.path().join("empty.geojson");
    std::fs::write(&file, r#"{"type":"FeatureCollection","features":[]}"#).expect("written");
    let said = Command::new("ogrinfo")
        .args(["-q", "-dialect", "SQLite", "-sql", "SELECT sqlite_version() AS version"])
        .arg(&file)
        .output()
        .expect("gdal-bin is a system package of this project");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains(&format!("= {in_this_process}\n")), "in this process {in_this_process}, alone:\n{said}");
}
