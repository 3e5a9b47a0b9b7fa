//! The catalogue as its callers see it: publishing, asking by time, box and text, withdrawing, sweeping.
//! Crashes in the middle are in `crash.rs`.

use std::path::Path;

use catalog::{
    Catalog, CatalogError, DatasetKind, DatasetQuery, LiveSource, NewAsset, NewDataset, NewRevision, Revision,
    RevisionId, Slug, TiandituLayer, TiandituSource, instant_at_end, instant_at_start,
};
use chrono::{DateTime, TimeDelta, Utc};

fn slug(text: &str) -> Slug {
    Slug::parse(text).expect("a slug")
}

fn day(text: &str) -> DateTime<Utc> {
    instant_at_start(text).expect("a date")
}

async fn open(dir: &Path) -> Catalog {
    Catalog::open(dir).await.expect("the catalogue opens")
}

async fn publish(
    catalog: &Catalog,
    name: &str,
    id: &str,
    valid_from: &str,
    recorded: &str,
) -> Result<Revision, CatalogError> {
    let dataset = NewDataset::new(slug(name), DatasetKind::Imagery);
    let staging = catalog.staging_open(&dataset.slug, &RevisionId::parse(id)?, day(recorded)).await?;
    std::fs::write(staging.path().join("image.tif"), format!("pixels of {id}")).expect("written");
    let mut revision = NewRevision::new(day(valid_from), "EPSG:4546", [109.0, 28.0, 109.5, 28.5]);
    revision.assets.push(NewAsset::new("image.tif", "cog", "image/tiff"));
    catalog.publish(&staging, &dataset, &revision, day(recorded)).await
}

#[tokio::test]
async fn what_was_published_is_read_back_whole() {
    let dir = tempfile::tempdir().expect("a folder");
    let catalog = open(dir.path()).await;
    let now = day("2024-06-01");
    let dataset = NewDataset {
        title: Some("三维模型".to_owned()),
        title_en: Some("Mesh".to_owned()),
        ..NewDataset::new(slug("mesh"), DatasetKind::Mesh)
    };
    let staging = catalog.staging_open(&dataset.slug, &RevisionId::from_time(now, 7), now).await.expect("staging");
    std::fs::create_dir_all(staging.path().join("瓦片/a b")).expect("made");
    std::fs::write(staging.path().join("tileset.json"), "{}").expect("written");
    std::fs::write(staging.path().join("瓦片/a b/0.glb"), "glTF").expect("written");
    let mut revision = NewRevision::new(day("2024-05-01"), "EPSG:4546", [109.0, 28.0, 109.5, 28.5]);
    revision.assets.push(NewAsset::new("tileset.json", "tileset", "application/json"));
    revision.stewardship.responsible_unit = Some("自然资源局".to_owned());
    revision.stewardship.map_approval_number = Some("湘S(2024)001号".to_owned());
    revision.height_range_m = Some([120.5, 180.0]);
    revision.properties = serde_json::json!({"triangles": 12, "z": 1, "a": 2});
    let published = catalog.publish(&staging, &dataset, &revision, now).await.expect("published");

    let again = open(dir.path()).await;
    let read = again.revision_get(&dataset.slug, &published.id).await.expect("read").expect("there");
    assert_eq!(read, published);
    assert_eq!(read.stewardship, revision.stewardship);
    assert_eq!(read.properties, revision.properties);
    assert_eq!((read.file_count, read.total_bytes), (2, 6));
    // printf '{}' | sha256sum
    assert_eq!(
        read.asset("tileset").expect("the asset").sha256,
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    );
    let location = again.blob_location(&read, "瓦片/a b/0.glb").expect("a location");
    let bytes =
        object_store::ObjectStoreExt::get(&*again.blobs(), &location).await.expect("got").bytes().await.expect("read");
    assert_eq!(bytes.as_ref(), b"glTF");
    assert!(!staging.path().exists(), "the staging folder has moved");
    let listed = again.dataset_get(&dataset.slug).await.expect("read").expect("there");
    assert_eq!((listed.title.as_str(), listed.title_en.as_deref()), ("三维模型", Some("Mesh")));
}

#[tokio::test]
async fn time_decides_which_revision_answers() {
    let dir = tempfile::tempdir().expect("a folder");
    let catalog = open(dir.path()).await;
    publish(&catalog, "dom", "a", "2020-01-01", "2020-02-01").await.expect("published");
    publish(&catalog, "dom", "b", "2023-01-01", "2023-02-01").await.expect("published");
    publish(&catalog, "dom", "late", "2018-01-01", "2024-01-01").await.expect("published");
    publish(&catalog, "dom", "future", "2090-01-01", "2024-01-02").await.expect("published");
    let ask = |datetime: Option<&'static str>, recorded: Option<&'static str>| {
        let catalog = catalog.clone();
        async move {
            let at = |text: &str| instant_at_end(text).expect("a date");
            let found =
                catalog.revision_resolve(&slug("dom"), datetime.map(at), recorded.map(at)).await.expect("answered");
            found.map(|revision| revision.id.to_string())
        }
    };
    assert_eq!(ask(Some("2021"), None).await.as_deref(), Some("a"));
    assert_eq!(ask(Some("2023-01-01"), None).await.as_deref(), Some("b"));
    assert_eq!(ask(Some("2019"), None).await.as_deref(), Some("late"));
    assert_eq!(ask(Some("2019"), Some("2023")).await, None, "nobody had told us yet");
    assert_eq!(ask(None, None).await.as_deref(), Some("future"));
    let current =
        catalog.revision_current(&slug("dom"), day("2024-06-01"), None).await.expect("answered").expect("there");
    assert_eq!(current.id.as_str(), "b");

    catalog.revision_withdraw(&slug("dom"), &current.id, "李", "坐标有误", day("2024-07-01")).await.expect("withdrawn");
    assert_eq!(ask(Some("2024"), None).await.as_deref(), Some("a"));
    assert_eq!(ask(Some("2024"), Some("2024-06-30")).await.as_deref(), Some("b"), "what we knew before");
    assert!(
        catalog.revision_get(&slug("dom"), &current.id).await.expect("read").is_some(),
        "dated URLs keep answering"
    );
}

#[tokio::test]
async fn lists_are_narrowed_by_kind_box_time_and_text() {
    let dir = tempfile::tempdir().expect("a folder");
    let catalog = open(dir.path()).await;
    publish(&catalog, "dom", "a", "2020-01-01", "2020-02-01").await.expect("published");
    let source = LiveSource::Tianditu(TiandituSource::public(TiandituLayer::Img));
    let live = NewDataset {
        title: Some("天地图影像".to_owned()),
        ..NewDataset::new(slug("tdt-img"), DatasetKind::Basemap)
    };
    catalog.live_register(&live, &source, day("2020-01-01")).await.expect("registered");
    let list = |query: DatasetQuery| {
        let catalog = catalog.clone();
        async move {
            let found = catalog.dataset_list(&query).await.expect("listed");
            found.into_iter().map(|entry| entry.dataset.slug.to_string()).collect::<Vec<_>>()
        }
    };
    assert_eq!(list(DatasetQuery::default()).await, ["dom", "tdt-img"]);
    assert_eq!(list(DatasetQuery { kind: Some(DatasetKind::Imagery), ..Default::default() }).await, ["dom"]);
    assert_eq!(list(DatasetQuery { text: Some("影像 天地图".to_owned()), ..Default::default() }).await, ["tdt-img"]);
    assert_eq!(list(DatasetQuery { text: Some("100%".to_owned()), ..Default::default() }).await, [] as [&str; 0]);
    let bbox = Some([110.0, 20.0, 111.0, 30.0]);
    assert_eq!(list(DatasetQuery { bbox_lon_lat_deg: bbox, ..Default::default() }).await, ["tdt-img"]);
    let before = DatasetQuery { datetime: Some(day("2019")), ..Default::default() };
    assert_eq!(list(before.clone()).await, ["tdt-img"]);
    assert_eq!(list(DatasetQuery { or_newest: true, ..before }).await, ["dom", "tdt-img"]);
    let kept = catalog.dataset_get(&live.slug).await.expect("read").expect("there").live;
    assert_eq!(kept, Some(source));
}

#[tokio::test]
async fn contradictions_are_refused_and_show_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let catalog = open(dir.path()).await;
    publish(&catalog, "dom", "a", "2020-01-01", "2020-02-01").await.expect("published");
    let twice = publish(&catalog, "dom", "a", "2020-01-01", "2020-02-01").await.expect_err("never overwritten");
    assert!(matches!(twice, CatalogError::RevisionExists { .. }), "{twice}");

    let now = day("2024-01-01");
    let dataset = NewDataset::new(slug("dom"), DatasetKind::Elevation);
    let staging =
        catalog.staging_open(&dataset.slug, &RevisionId::parse("b").expect("id"), now).await.expect("staging");
    let good = NewRevision::new(now, "EPSG:4490", [0.0, 0.0, 1.0, 1.0]);
    let kind = catalog.publish(&staging, &dataset, &good, now).await.expect_err("another kind");
    assert!(matches!(kind, CatalogError::KindConflict { .. }), "{kind}");

    let imagery = NewDataset::new(slug("dom"), DatasetKind::Imagery);
    let spoilt: [fn(&mut NewRevision); 6] = [
        |r| r.bounds_lon_lat_deg = [1.0, 0.0, 0.0, 1.0],
        |r| r.bounds_lon_lat_deg[2] = f64::NAN,
        |r| r.valid_to = Some(r.valid_from),
        |r| r.height.datum = "sea level".to_owned(),
        |r| r.properties = serde_json::json!([1]),
        |r| r.assets.push(NewAsset::new("../../catalog.sqlite", "cog", "image/tiff")),
    ];
    for spoil in spoilt {
        let mut revision = good.clone();
        spoil(&mut revision);
        let refused = catalog.publish(&staging, &imagery, &revision, now).await.expect_err("refused");
        assert!(matches!(refused, CatalogError::BadRevision { .. } | CatalogError::BadFile { .. }), "{refused}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/passwd", staging.path().join("link")).expect("linked");
        let refused = catalog.publish(&staging, &imagery, &good, now).await.expect_err("refused");
        assert!(matches!(refused, CatalogError::BadFile { .. }), "{refused}");
    }
    assert_eq!(catalog.revision_list(&slug("dom")).await.expect("listed").len(), 1);
}

#[tokio::test]
async fn many_publish_at_once_and_all_are_there() {
    let dir = tempfile::tempdir().expect("a folder");
    let catalogs = [open(dir.path()).await, open(dir.path()).await];
    let work = (0..24_usize).map(|n| {
        let catalog = catalogs[n % 2].clone();
        tokio::spawn(async move { publish(&catalog, "dom", &format!("r{n}"), "2020-01-01", "2020-02-01").await })
    });
    for done in futures::future::join_all(work).await {
        done.expect("no panic").expect("published");
    }
    assert_eq!(catalogs[0].revision_list(&slug("dom")).await.expect("listed").len(), 24);
}

#[tokio::test]
async fn of_two_that_publish_one_identifier_one_wins() {
    let dir = tempfile::tempdir().expect("a folder");
    let catalogs = [open(dir.path()).await, open(dir.path()).await];
    let (a, b) = tokio::join!(
        publish(&catalogs[0], "dom", "same", "2020-01-01", "2020-02-01"),
        publish(&catalogs[1], "dom", "same", "2020-01-01", "2020-02-01"),
    );
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
}

#[tokio::test]
async fn the_sweep_takes_what_nobody_owns_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a folder");
    let catalog = open(dir.path()).await;
    let now = day("2024-01-01");
    let published = publish(&catalog, "dom", "a", "2020-01-01", "2024-01-01").await.expect("published");
    let running =
        catalog.staging_open(&slug("dom"), &RevisionId::parse("running").expect("id"), now).await.expect("staging");
    let orphan = dir.path().join("blobs/dom/orphan");
    std::fs::create_dir_all(&orphan).expect("made");
    std::fs::create_dir_all(dir.path().join("staging/dom@forgotten")).expect("made");
    std::fs::create_dir_all(dir.path().join("blobs/NOT OURS/x")).expect("made");

    let report = catalog.sweep(now).await.expect("swept");
    assert_eq!(report.removed, ["staging/dom@forgotten", "blobs/dom/orphan"]);
    assert!(!orphan.exists() && running.path().exists() && dir.path().join("blobs/NOT OURS/x").exists());
    assert!(catalog.blob_local_path(&published, "image.tif").expect("a path").is_some_and(|path| path.exists()));

    let later = now + TimeDelta::minutes(20);
    catalog.staging_renew(&running, later).await.expect("renewed");
    assert_eq!(catalog.sweep(now + TimeDelta::minutes(45)).await.expect("swept").removed, [] as [&str; 0]);
    let report = catalog.sweep(later + TimeDelta::minutes(31)).await.expect("swept");
    assert_eq!((report.leases_ended, report.removed), (1, vec!["staging/dom@running".to_owned()]));
    let lost = catalog.staging_renew(&running, later).await.expect_err("the lease is gone");
    assert!(matches!(lost, CatalogError::LeaseLost { .. }), "{lost}");
}

#[tokio::test]
async fn an_import_that_slept_past_its_lease_publishes_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let catalog = open(dir.path()).await;
    let now = day("2024-01-01");
    let dataset = NewDataset::new(slug("dom"), DatasetKind::Imagery);
    let staging =
        catalog.staging_open(&dataset.slug, &RevisionId::parse("a").expect("id"), now).await.expect("staging");
    catalog.sweep(now + TimeDelta::hours(1)).await.expect("swept");
    std::fs::create_dir_all(staging.path()).expect("made");
    let revision = NewRevision::new(now, "EPSG:4490", [0.0, 0.0, 1.0, 1.0]);
    let lost = catalog.publish(&staging, &dataset, &revision, now).await.expect_err("the lease is gone");
    assert!(matches!(lost, CatalogError::LeaseLost { .. }), "{lost}");
    assert_eq!(catalog.dataset_list(&DatasetQuery::default()).await.expect("listed").len(), 0);
    assert_eq!(catalog.sweep(now + TimeDelta::hours(2)).await.expect("swept").removed, ["blobs/dom/a"]);
}
