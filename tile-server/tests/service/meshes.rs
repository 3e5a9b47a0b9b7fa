//! Meshes and raw assets: the same bytes, whole or by range.

use axum::http::{StatusCode, header};
use catalog::DatasetKind;

use crate::harness::{Service, mesh};

#[tokio::test]
async fn files_of_a_mesh_are_served_as_published() {
    let service = Service::new().await;
    service.publish("block-a", DatasetKind::Mesh, "r1", "2023-01-01", mesh).await;
    let path = "/3dtiles/block-a@r1/Data/%E7%93%A6%E7%89%87%201/a.glb";
    let reply = service.get(path).await;
    assert_eq!(reply.body.as_ref(), b"glTF0123456789");
    assert_eq!(reply.header(header::CONTENT_TYPE), "model/gltf-binary");
    let redirect = service.get("/3dtiles/block-a/Data/%E7%93%A6%E7%89%87%201/a.glb").await;
    assert_eq!(redirect.header(header::LOCATION), path);

    for (range, status, content_range, body) in [
        ("bytes=0-3", 206, "bytes 0-3/14", "glTF"),
        ("bytes=4-", 206, "bytes 4-13/14", "0123456789"),
        ("bytes=-2", 206, "bytes 12-13/14", "89"),
        ("bytes=10-99", 206, "bytes 10-13/14", "6789"),
        ("bytes=0-1,3-4", 200, "", "glTF0123456789"),
        ("bytes=99-", 416, "bytes */14", ""),
    ] {
        let reply = service.get_with(path, &[(header::RANGE, range)]).await;
        assert_eq!((reply.status.as_u16(), reply.header(header::CONTENT_RANGE)), (status, content_range), "{range}");
        if status != 416 {
            assert_eq!(reply.body.as_ref(), body.as_bytes(), "{range}");
        }
    }
    let changed = service.get_with(path, &[(header::RANGE, "bytes=0-3"), (header::IF_RANGE, "\"old\"")]).await;
    assert_eq!((changed.status, changed.body.len()), (StatusCode::OK, 14));
    let raw = service.get("/assets/block-a@r1/tileset.json").await;
    assert_eq!((raw.status, raw.header(header::CONTENT_TYPE)), (StatusCode::OK, "application/json"));
}

#[tokio::test]
async fn no_path_leaves_its_revision() {
    let service = Service::new().await;
    service.publish("block-a", DatasetKind::Mesh, "r1", "2023-01-01", mesh).await;
    service.publish("block-b", DatasetKind::Mesh, "r1", "2023-01-01", mesh).await;
    for path in [
        "../../block-b/r1/tileset.json",
        "..%2f..%2fblock-b%2fr1%2ftileset.json",
        "%2e%2e/%2e%2e/%2e%2e/catalog.sqlite",
        "%2fetc%2fpasswd",
        "Data",
        "Data/",
        "nothing.glb",
        "a%00b",
        "Data%5c..%5ctileset.json",
    ] {
        for protocol in ["3dtiles", "assets"] {
            let reply = service.get(&format!("/{protocol}/block-a@r1/{path}")).await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{protocol} {path}");
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            assert!(!text.contains(&service.folder.path().display().to_string()), "{text}");
        }
    }
}
