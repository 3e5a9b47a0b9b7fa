//! `/features`: GeoJSON by box, paged, by id.

use axum::http::{StatusCode, header};
use catalog::DatasetKind;
use serde_json::Value;

use crate::harness::{PARCELS, Service, parcel_corner, parcels};

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
async fn coordinates_come_in_the_crs_asked_for() {
    let service = Service::new().await;
    service.publish("dlg", DatasetKind::Features, "r1", "2023-01-01", parcels).await;
    let ring = async |query: &str| -> (Value, Vec<[f64; 2]>) {
        let page = service.get(&format!("/features/dlg@r1/106?{query}")).await.json();
        let ring = page["geometry"]["coordinates"][0].as_array().expect("a ring").clone();
        let number = |v: &Value| v.as_f64().expect("a number");
        (page["crs"].clone(), ring.iter().map(|point| [number(&point[0]), number(&point[1])]).collect())
    };
    let corner = parcel_corner(5);
    let (crs, delivered) = ring("crs=delivered").await;
    assert_eq!(crs["properties"]["name"], "urn:ogc:def:crs:EPSG::4546");
    assert_eq!(delivered[0].map(f64::to_bits), corner.map(f64::to_bits), "the very numbers of the delivery");
    let (crs, same) = ring("crs=EPSG:4546").await;
    assert_eq!(crs["properties"]["name"], "urn:ogc:def:crs:EPSG::4546");
    assert!(same.iter().any(|p| (p[0] - corner[0]).hypot(p[1] - corner[1]) < 1e-4), "{same:?}");
    let (crs, degrees) = ring("crs=EPSG:4490").await;
    assert!(crs.is_null() && degrees == ring("").await.1, "longitude and latitude are what GeoJSON is in anyway");
    // A page's link to the next keeps what was asked.
    let page = service.get("/features/dlg@r1?crs=delivered&bbox-crs=delivered&bbox=0,0,9e6,9e6&limit=2").await.json();
    let next = page["links"][0]["href"].as_str().expect("a next page").to_owned();
    let more = service.get(&next).await.json();
    assert_eq!(more["crs"], page["crs"]);
    assert!(ids(&more).iter().all(|id| !ids(&page).contains(id)) && ids(&more).len() == 2);
    for bad in ["crs=x", "crs=EPSG:4978", "crs=999999", "bbox-crs=x", "bbox-crs=delivered&bbox=1,2,3", "bbox=1,2,3"] {
        assert_eq!(service.get(&format!("/features/dlg@r1?{bad}")).await.status, StatusCode::BAD_REQUEST, "{bad}");
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
    for path in [
        "/features/old@r1",
        "/features/old@r1/101",
        "/features/old@r1?crs=EPSG:4546",
        "/features/old@r1?bbox=110.9,27.9,111.1,28.1&crs=delivered",
        "/tiles/old@r1/c/15/26487/5643.mvt",
        "/maps/polygon.png?dataset=old@r1",
    ] {
        let reply = service.get(path).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert_eq!(reply.header(header::CONTENT_TYPE), "application/problem+json", "{path}");
        let words = reply.json();
        assert!(words["detail_zh"].as_str().is_some_and(|zh| zh.contains("转换参数")), "{path}");
        assert!(words["detail_en"].as_str().is_some_and(|en| en.is_ascii() && en.contains("crs=delivered")), "{path}");
    }
    // What needs no datum works: the delivered numbers, and the tiles that the importer cut.
    let corner = parcel_corner(5);
    let bbox = format!("{},{},{},{}", corner[0] + 1.0, corner[1] + 1.0, corner[0] + 2.0, corner[1] + 2.0);
    let page = service.get(&format!("/features/old@r1?crs=delivered&bbox-crs=delivered&bbox={bbox}")).await.json();
    assert_eq!(ids(&page), [106]);
    assert_eq!(page["crs"]["properties"]["name"], "urn:ogc:def:crs:EPSG::2362");
    let ring = page["features"][0]["geometry"]["coordinates"][0].as_array().expect("a ring").clone();
    assert_eq!(ring.len(), 5, "an edge is straight where it was delivered: no vertex is added");
    assert!(ring.contains(&serde_json::json!(corner)), "{ring:?}");
    assert_eq!(service.get("/tiles/old@r1/14/13243/6863.mvt").await.status.as_u16() / 100, 2);
}
