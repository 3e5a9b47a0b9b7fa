//! `/features`: GeoJSON by box, paged, by id.

use axum::http::{StatusCode, header};
use catalog::DatasetKind;
use serde_json::Value;

use crate::harness::{PARCELS, Service, parcels};

fn ids(collection: &Value) -> Vec<u64> {
    collection["features"].as_array().expect("features").iter().filter_map(|feature| feature["id"].as_u64()).collect()
}

#[tokio::test]
async fn features_come_page_by_page_and_every_one_once() {
    let service = Service::new().await;
    service.publish("dlg", DatasetKind::Features, "r1", "2023-01-01", parcels).await;
    let redirect = service.get("/features/dlg?bbox=111,27,112,29&datetime=2024&limit=7").await;
    assert_eq!(redirect.header(header::LOCATION), "/features/dlg@r1?bbox=111%2C27%2C112%2C29&limit=7");
    let mut path = redirect.header(header::LOCATION).to_owned();
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let reply = service.get(&path).await;
        assert_eq!((reply.status, reply.header(header::CONTENT_TYPE)), (StatusCode::OK, "application/geo+json"));
        let page = reply.json();
        assert!(ids(&page).len() <= 7);
        seen.extend(ids(&page));
        pages += 1;
        let Some(next) = page["links"][0]["href"].as_str() else { break };
        path = next.to_owned();
    }
    seen.sort_unstable();
    assert_eq!(seen, (101..101 + u64::from(PARCELS)).collect::<Vec<_>>());
    assert_eq!(pages, 6);
}

#[tokio::test]
async fn a_box_selects_and_coordinates_are_degrees() {
    let service = Service::new().await;
    service.publish("dlg", DatasetKind::Features, "r1", "2023-01-01", parcels).await;
    // The first parcel starts on the central meridian, 111 E exactly.
    let near = service.get("/features/dlg@r1?bbox=110.9999,27.9,111.0005,28.1").await.json();
    assert_eq!(ids(&near), [101]);
    let ring = near["features"][0]["geometry"]["coordinates"][0].as_array().expect("a ring").clone();
    assert_eq!(near["features"][0]["geometry"]["type"], "Polygon");
    assert_eq!(near["features"][0]["geometry"]["coordinates"].as_array().map(Vec::len), Some(2), "with its hole");
    assert!((ring[0][0].as_f64().expect("a number") - 111.0).abs() < 1e-9);
    assert_eq!(ring.first(), ring.last());
    let doubled: f64 = ring
        .windows(2)
        .map(|edge| {
            let number = |v: &Value| v.as_f64().expect("a number");
            number(&edge[0][0]) * number(&edge[1][1]) - number(&edge[1][0]) * number(&edge[0][1])
        })
        .sum();
    assert!(doubled > 0.0, "the outer ring runs counterclockwise");
    let all = service.get("/features/dlg@r1?limit=3").await.json();
    assert_eq!((&all["numberMatched"], &all["numberReturned"]), (&PARCELS.into(), &3.into()));
    let far = service.get("/features/dlg@r1?bbox=0,0,1,1").await.json();
    assert_eq!(ids(&far), [] as [u64; 0]);
    let world = service.get("/features/dlg@r1?bbox=-180,-90,180,90").await.json();
    assert_eq!(ids(&world).len(), PARCELS as usize);
}

#[tokio::test]
async fn one_feature_is_found_by_its_id() {
    let service = Service::new().await;
    service.publish("dlg", DatasetKind::Features, "r1", "2023-01-01", parcels).await;
    let feature = service.get("/features/dlg@r1/117").await.json();
    assert_eq!((&feature["id"], &feature["properties"]["面积"]), (&117.into(), &16.5.into()));
    assert_eq!(feature["properties"]["地类编码"], "0601");
    for missing in ["/features/dlg@r1/1", "/features/dlg@r1/x", "/features/dlg@r1/99999999999999999999999"] {
        assert_eq!(service.get(missing).await.status, StatusCode::NOT_FOUND, "{missing}");
    }
}

#[tokio::test]
async fn a_dataset_of_another_datum_is_refused_with_the_reason() {
    let service = Service::new().await;
    let spoil = |folder: &std::path::Path, revision: &mut catalog::NewRevision| {
        parcels(folder, revision);
        revision.crs = "EPSG:2362".to_owned(); // Xi'an 1980, zone 37: no way to CGCS2000 without parameters.
    };
    service.publish("old", DatasetKind::Features, "r1", "2023-01-01", spoil).await;
    let reply = service.get("/features/old@r1").await;
    assert_eq!(reply.status, StatusCode::NOT_IMPLEMENTED);
    assert!(reply.json()["detail_zh"].as_str().is_some_and(|zh| zh.contains("转换参数")));
}
