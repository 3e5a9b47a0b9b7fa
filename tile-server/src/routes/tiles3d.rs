//! `/3dtiles`: meshes as published, point clouds from COPC on the fly. Relative URIs inside a tileset stay dated.

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::datasets::escaped;
use super::tiles::answer;
use crate::app::Shared;
use crate::problem::Problem;
use crate::route::{
    Route, Verb,
    parameter::{DATASET, DATETIME, FILE, RECORDED},
};
use crate::source::Wanted;
use axum::routing::get;

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[Route {
    verb: Verb::Get,
    path: "/3dtiles/{dataset}/{*path}",
    tag: "3dtiles",
    about: "3D Tiles 1.1：实景三维与点云；meshes and point clouds",
    parameters: &[DATASET, FILE, DATETIME, RECORDED],
    takes: &[],
    media_types: &["application/json", "model/gltf-binary"],
    handler: || get(content),
}];

/// One part of a tileset.
pub(crate) async fn content(
    State(app): State<Shared>,
    Path((part, path)): Path<(String, String)>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let dated_path = |name: &str| format!("/3dtiles/{name}/{}", escaped(&path));
    answer(&app, &part, &headers, query.as_deref(), Wanted::Content(path.clone()), dated_path).await
}
