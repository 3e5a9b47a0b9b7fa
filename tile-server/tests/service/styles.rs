//! Styles and glyphs as MapLibre asks for them.

use axum::http::{StatusCode, header};
use catalog::DatasetKind;

use crate::harness::Service;

#[tokio::test]
async fn a_style_draws_the_dataset_asked_for() {
    let service = Service::new().await;
    service.publish("dlg", DatasetKind::Features, "r1", "2023-01-01", |_, _| {}).await;
    let list = service.get("/styles").await.json();
    let ids: Vec<&str> =
        list["styles"].as_array().expect("a list").iter().filter_map(|style| style["id"].as_str()).collect();
    assert!(ids.contains(&"polygon") && ids.contains(&"dltb"), "{ids:?}");
    let style = service.get("/styles/polygon.json?dataset=dlg").await.json();
    assert_eq!(style["sources"]["dlg"]["url"], "http://gis.example:8080/tiles/dlg@r1");
    assert_eq!(style["glyphs"], "http://gis.example:8080/glyphs/{fontstack}/{range}.pbf");
    let reply = service.get("/styles/polygon.json?dataset=none").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn glyphs_are_made_once_and_tagged() {
    let service = Service::new().await;
    let path = "/glyphs/Noto%20Sans%20CJK%20SC%20Regular/0-255.pbf";
    let reply = service.get(path).await;
    assert_eq!((reply.status, reply.header(header::CONTENT_TYPE)), (StatusCode::OK, "application/x-protobuf"));
    let tag = reply.header(header::ETAG).to_owned();
    assert_eq!(service.get_with(path, &[(header::IF_NONE_MATCH, &tag)]).await.status, StatusCode::NOT_MODIFIED);
    let packed = service.get_with(path, &[(header::ACCEPT_ENCODING, "gzip")]).await;
    assert_eq!(packed.header(header::CONTENT_ENCODING), "gzip");
    assert_ne!(packed.header(header::ETAG), tag, "a tag per encoding");
}
