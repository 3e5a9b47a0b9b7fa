//! `/`: the web page, embedded at build from `web/` and, for its libraries, from what the set-up step installed by the lock file.
//!
//! The page addresses everything relative to itself, so it works under any base path.

use std::borrow::Cow;

use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use rust_embed::RustEmbed;

use crate::app::Shared;
use crate::payload::{Payload, Stored, changing};
use crate::problem::Problem;
use crate::route::{Route, Verb};
use axum::routing::get;

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[Route {
    verb: Verb::Get,
    path: "/",
    tag: "service",
    about: "网页；the web page",
    parameters: &[],
    takes: &[],
    media_types: &["text/html"],
    handler: || get(index),
}];

/// Our own files.
#[derive(RustEmbed)]
#[folder = "web/"]
#[exclude = "node_modules/*"]
#[exclude = "package*.json"]
struct Web;

/// The libraries, under `vendor/`.
#[derive(RustEmbed)]
#[folder = "web/node_modules/maplibre-gl/dist/"]
#[include = "maplibre-gl.css"]
#[include = "maplibre-gl.mjs"]
#[include = "maplibre-gl-shared.mjs"]
#[include = "maplibre-gl-worker.mjs"]
struct Vendor;

/// The page itself; without the slash at its end relative addresses would miss the base path.
pub(crate) async fn index(
    State(app): State<Shared>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if uri.path().ends_with('/') {
        return serve(&headers, "index.html");
    }
    let mut response = StatusCode::PERMANENT_REDIRECT.into_response();
    if let Ok(location) = HeaderValue::try_from(format!("{}/", app.settings.base_path)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// A script, a style sheet or a picture of the page; the answer to every path that is no route.
pub(crate) async fn file(uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    serve(&headers, uri.path().trim_start_matches('/'))
}

fn serve(headers: &HeaderMap, path: &str) -> Result<Response, Problem> {
    let file = match path.strip_prefix("vendor/") {
        Some(name) => Vendor::get(name),
        None => Web::get(path),
    };
    let file = file
        .ok_or_else(|| Problem::missing("没有这个地址，可用地址见 /openapi.json", "No such URL; see /openapi.json."))?;
    let bytes = match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    let media_type = media_type(path);
    let compress = !matches!(media_type, "image/png" | "image/jpeg" | "image/webp" | "font/woff2");
    changing(headers, &Payload { bytes, media_type, stored: Stored::Plain { compress } })
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "wasm" => "application/wasm",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
