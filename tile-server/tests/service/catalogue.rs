//! `/datasets`, times, redirects, health, metrics, the page.

use axum::http::{Method, StatusCode, header};
use catalog::DatasetKind;

use crate::harness::{Service, mesh, now};

#[tokio::test]
async fn the_list_says_what_a_client_needs() {
    let service = Service::new().await;
    let published = service.publish("block-a", DatasetKind::Mesh, "r1", "2023-01-01", mesh).await;
    service.publish("block-a", DatasetKind::Mesh, "r2", "2024-01-01", mesh).await;
    let reply = service.get("/datasets").await;
    assert_eq!((reply.status, reply.header(header::CONTENT_TYPE)), (StatusCode::OK, "application/json"));
    let body = reply.json();
    let entry = &body["datasets"][0];
    assert_eq!(entry["slug"], "block-a");
    assert_eq!(entry["kind"], "mesh");
    assert_eq!(entry["live"], false);
    assert_eq!(entry["bounds"], serde_json::json!([110.9, 27.9, 111.1, 28.1]));
    assert_eq!(entry["revision"]["id"], "r2");
    assert_eq!(entry["revision"]["valid_from"], "2024-01-01T00:00:00Z");
    assert_eq!(entry["revision"]["height_datum"], "unknown");
    assert_eq!(entry["revision"]["classification"], "unstated");
    assert_eq!(entry["revisions"].as_array().map(Vec::len), Some(2));
    assert_eq!(entry["links"]["tileset"], "http://gis.example:8080/3dtiles/block-a@r2/tileset.json");
    assert_eq!(published.file_count, 2);

    let then = service.get("/datasets?datetime=2023-06-01").await.json();
    assert_eq!(then["datasets"][0]["revision"]["id"], "r1");
    let before = service.get("/datasets?datetime=2020").await.json();
    assert_eq!(before["datasets"].as_array().map(Vec::len), Some(0));
    let known = service.get("/datasets?recorded=2023-12-31").await.json();
    assert_eq!(known["datasets"][0]["revision"]["id"], "r1");
    assert_eq!(known["datasets"][0]["revisions"].as_array().map(Vec::len), Some(1));
    for (query, found) in [
        ("kind=mesh", 1),
        ("kind=imagery", 0),
        ("bbox=111,28,112,29", 1),
        ("bbox=0,0,1,1", 0),
        ("q=数据", 1),
        ("q=无", 0),
    ] {
        let list = service
            .get(&format!("/datasets?{}", query.replace("数据", "%E6%95%B0%E6%8D%AE").replace("无", "%E6%97%A0")))
            .await;
        assert_eq!(list.json()["matched"], found, "{query}");
    }
    let one = service.get("/datasets/block-a@r1").await.json();
    assert_eq!(one["revision"]["id"], "r1");
}

#[tokio::test]
async fn undated_addresses_lead_to_dated_ones_and_those_never_change() {
    let service = Service::with(|settings| settings.base_path = "/gis".to_owned()).await;
    service.publish("block-a", DatasetKind::Mesh, "r1", "2023-01-01", mesh).await;
    service.publish("block-a", DatasetKind::Mesh, "r2", "2024-01-01", mesh).await;
    let reply = service.get("/gis/3dtiles/block-a/tileset.json?datetime=2023&v=1").await;
    assert_eq!(reply.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(reply.header(header::LOCATION), "/gis/3dtiles/block-a@r1/tileset.json?v=1");
    assert_eq!(reply.header(header::CACHE_CONTROL), "no-cache");

    let path = "/gis/3dtiles/block-a@r1/tileset.json";
    let reply = service.get(path).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.header(header::CACHE_CONTROL), "public, max-age=31536000, immutable");
    let tag = reply.header(header::ETAG).to_owned();
    let again = service.get_with(path, &[(header::IF_NONE_MATCH, &tag)]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(again.header(header::ETAG), tag);
    let other = service.get_with(path, &[(header::IF_NONE_MATCH, "\"else\"")]).await;
    assert_eq!(other.status, StatusCode::OK);
    let head = service.ask(Method::HEAD, path, &[]).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.header(header::CONTENT_LENGTH), "27");
}

#[tokio::test]
async fn a_withdrawn_revision_is_no_longer_resolved_to() {
    let service = Service::new().await;
    let wrong = service.publish("block-a", DatasetKind::Mesh, "r1", "2023-01-01", mesh).await;
    service.catalog.revision_withdraw(&wrong.slug, &wrong.id, "李", "坐标有误", now()).await.expect("withdrawn");
    assert_eq!(service.get("/3dtiles/block-a/tileset.json").await.status, StatusCode::NOT_FOUND);
    assert_eq!(service.get("/3dtiles/block-a@r1/tileset.json").await.status, StatusCode::OK);
    assert_eq!(service.get("/datasets").await.json()["matched"], 0);
    assert_eq!(service.get("/datasets?recorded=2023-06-01").await.json()["matched"], 1);
}

#[tokio::test]
async fn the_service_says_how_it_is_and_what_it_offers() {
    let service = Service::with(|settings| settings.base_path = "/gis".to_owned()).await;
    let health = service.get("/gis/health").await;
    assert_eq!((health.status, health.json()["status"].clone()), (StatusCode::OK, "ok".into()));
    assert_eq!(service.get("/gis/openapi.json").await.json()["openapi"], "3.1.0");
    let metrics = service.get("/gis/metrics").await;
    let text = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(text.contains(r#"http_requests_total{route="/gis/health",status="200"} 1"#), "{text}");
    assert!(text.contains("http_request_seconds"), "{text}");
}

#[tokio::test]
async fn the_page_works_below_a_base_path() {
    let service = Service::with(|settings| settings.base_path = "/gis".to_owned()).await;
    let bare = service.get("/gis").await;
    assert_eq!((bare.status, bare.header(header::LOCATION)), (StatusCode::PERMANENT_REDIRECT, "/gis/"));
    let page = service.get("/gis/").await;
    assert_eq!((page.status, page.header(header::CONTENT_TYPE)), (StatusCode::OK, "text/html; charset=utf-8"));
    for file in [
        "js/main.js",
        "js/map/height.js",
        "css/frame.css",
        "vendor/maplibre-gl.mjs",
        "vendor/maplibre-gl-worker.mjs",
        "vendor/maplibre-gl.css",
    ] {
        assert_eq!(service.get(&format!("/gis/{file}")).await.status, StatusCode::OK, "{file}");
    }
    for hidden in ["package.json", "node_modules/pbf/package.json", "vendor/../index.html", "js"] {
        assert_eq!(service.get(&format!("/gis/{hidden}")).await.status, StatusCode::NOT_FOUND, "{hidden}");
    }
}

#[tokio::test]
async fn other_pages_may_use_the_service() {
    let service = Service::new().await;
    let reply = service.get_with("/datasets", &[(header::ORIGIN, "http://map.example")]).await;
    assert_eq!(reply.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
    let preflight = [(header::ORIGIN, "http://map.example"), (header::ACCESS_CONTROL_REQUEST_METHOD, "GET")];
    let reply = service.ask(Method::OPTIONS, "/tiles/x", &preflight).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(reply.header(header::ACCESS_CONTROL_ALLOW_METHODS).contains("GET"));
}

#[test]
fn the_committed_description_is_the_one_the_program_prints() {
    let committed = include_str!("../../openapi.json");
    assert!(
        committed == tile_server::openapi::text(),
        "run: shikong-server --print-openapi > tile-server/openapi.json"
    );
}
