//! Whether the service is well: `/health`, `/metrics`; and what it offers: `/openapi.json`.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use catalog::DatasetQuery;
use serde_json::json;

use crate::app::Shared;
use crate::payload::{Payload, changing};
use crate::problem::Problem;
use crate::route::{Route, Verb};
use axum::routing::get;

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/health",
        tag: "service",
        about: "服务与目录是否正常；whether service and catalogue answer",
        parameters: &[],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(health),
    },
    Route {
        verb: Verb::Get,
        path: "/metrics",
        tag: "service",
        about: "Prometheus 指标；counters for Prometheus",
        parameters: &[],
        takes: &[],
        media_types: &["text/plain"],
        handler: || get(metrics),
    },
    Route {
        verb: Verb::Get,
        path: "/openapi.json",
        tag: "service",
        about: "本说明；this description",
        parameters: &[],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(openapi),
    },
];

/// Answers only when the catalogue does: a load balancer takes away a server whose database is gone.
pub(crate) async fn health(State(app): State<Shared>) -> Result<Response, Problem> {
    let datasets = app.catalog.dataset_list(&DatasetQuery::default()).await?.len();
    let body = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "datasets": datasets });
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, body.to_string()).into_response())
}

/// Counters in Prometheus' text form.
pub(crate) async fn metrics(State(app): State<Shared>) -> Response {
    let mut response = app.traffic.render().into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The description of every route.
pub(crate) async fn openapi(headers: HeaderMap) -> Result<Response, Problem> {
    changing(&headers, &Payload::text(crate::openapi::text(), "application/json"))
}
