//! Point clouds: a real COPC file served as 3D Tiles, walked from the root to the last leaf.

use std::path::PathBuf;

use axum::http::{StatusCode, header};
use catalog::{DatasetKind, NewAsset};
use serde_json::Value;
use tiles::glb;

use crate::harness::Service;

#[expect(clippy::print_stdout, reason = "a skipped test must say so")]
/// `../shared/samples` beside the repository, where it is there.
fn sample(name: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let path = root.ancestors().find_map(|folder| {
        let path = folder.join("shared/samples").join(name);
        path.exists().then_some(path)
    });
    if path.is_none() {
        println!("SKIPPED: ../shared/samples/{name} is not here");
    }
    path
}

#[tokio::test]
async fn every_point_of_a_cloud_can_be_reached_from_the_root() {
    let Some(file) = sample("drone/1.2-with-color.copc.laz") else { return };
    let service = Service::new().await;
    service
        .publish("cloud", DatasetKind::PointCloud, "r1", "2023-01-01", |folder, revision| {
            std::fs::copy(&file, folder.join("points.copc.laz")).expect("copied");
            // NAD83, Oregon Lambert, metres; the placing itself is tested where it is done.
            revision.crs = "EPSG:2991".to_owned();
            revision.assets.push(NewAsset::new("points.copc.laz", "copc", "application/vnd.laszip+copc"));
        })
        .await;
    let redirect = service.get("/3dtiles/cloud/tileset.json").await;
    assert_eq!(redirect.header(header::LOCATION), "/3dtiles/cloud@r1/tileset.json");
    let mut documents = vec!["tileset.json".to_owned()];
    let (mut points, mut files) = (0, 0);
    while let Some(name) = documents.pop() {
        let reply = service.get(&format!("/3dtiles/cloud@r1/{name}")).await;
        assert_eq!((reply.status, reply.header(header::CONTENT_TYPE)), (StatusCode::OK, "application/json"), "{name}");
        let mut tiles = vec![reply.json()["root"].clone()];
        while let Some(tile) = tiles.pop() {
            if let Some(children) = tile["children"].as_array() {
                tiles.extend(children.iter().cloned());
            }
            let Some(uri) = tile.pointer("/content/uri").and_then(Value::as_str) else { continue };
            if uri.rsplit_once('.').is_some_and(|(_, extension)| extension == "json") {
                documents.push(uri.to_owned());
                continue;
            }
            let reply = service.get(&format!("/3dtiles/cloud@r1/{uri}")).await;
            assert_eq!(
                (reply.status, reply.header(header::CONTENT_TYPE)),
                (StatusCode::OK, "model/gltf-binary"),
                "{uri}"
            );
            let model = glb::read(&reply.body, &mut |_| Err(std::io::ErrorKind::NotFound.into())).expect("a glb");
            points += model.primitives.iter().map(|primitive| primitive.positions.len()).sum::<usize>();
            files += 1;
        }
    }
    assert!(files > 0);
    assert_eq!(points, 1_065, "the file's header says so");
    for missing in ["9-0-0-0.glb", "9-0-0-0.json", "0-0-0-0.pnts", "0-1-0-0.glb", "x.json", "../../x"] {
        assert_eq!(
            service.get(&format!("/3dtiles/cloud@r1/{missing}")).await.status,
            StatusCode::NOT_FOUND,
            "{missing}"
        );
    }
}
