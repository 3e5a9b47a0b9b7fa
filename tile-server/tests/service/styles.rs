//! Styles and glyphs as MapLibre asks for them.

use axum::http::{StatusCode, header};
use catalog::DatasetKind;
use geodesy::grid::TileMatrixSet;
use serde_json::Value;
use tiles::mvt::decode;

use crate::harness::{PARCELS, Service, parcels};

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
async fn labels_of_polygons_are_drawn_from_points_that_tiles_of_both_grids_hold() {
    let service = Service::new().await;
    service.publish("dlg", DatasetKind::Features, "r1", "2023-01-01", parcels).await;
    let source_layers = async |style: &str| -> Vec<(String, String)> {
        let style = service.get(&format!("/styles/{style}.json?dataset=dlg")).await.json();
        let layers = style["layers"].as_array().expect("layers").clone();
        let text = |layer: &Value, name: &str| layer[name].as_str().unwrap_or_default().to_owned();
        layers.iter().map(|layer| (text(layer, "type"), text(layer, "source-layer"))).collect()
    };
    for (kind, source_layer) in source_layers("polygon").await {
        assert_eq!(source_layer, if kind == "symbol" { "dlg.label" } else { "dlg" });
    }
    assert!(
        source_layers("roads").await.iter().all(|(_, layer)| layer == "dlg"),
        "text along lines stays on the lines"
    );
    let document = service.get("/tiles/dlg").await.json();
    assert_eq!(document["vector_layers"][1]["id"], "dlg.label");
    for (grid, letter) in [(TileMatrixSet::WebMercatorQuad, ""), (TileMatrixSet::Cgcs2000C, "/c")] {
        let mut labelled = Vec::new();
        let [x, y] = grid.from_lon_lat_deg([111.0, 27.996]);
        let first = grid.tile_at(15, x, y).expect("on the grid");
        for x in first.x - 1..first.x + 6 {
            for y in first.y - 1..=first.y + 1 {
                let reply = service.get(&format!("/tiles/dlg@r1{letter}/15/{x}/{y}.mvt")).await;
                let layers = decode(&reply.body).expect("a vector tile");
                let labels = layers.into_iter().filter(|layer| layer.name == "dlg.label");
                labelled.extend(labels.flat_map(|layer| layer.features).filter_map(|feature| feature.id));
            }
        }
        labelled.sort_unstable();
        assert_eq!(labelled, (101..101 + u64::from(PARCELS)).collect::<Vec<_>>(), "{grid:?}: each parcel once");
    }
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
