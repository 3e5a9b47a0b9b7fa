//! What every request goes through: counting for `/metrics`, and headers that belong on every answer.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{Key, Label, Level, Metadata, Recorder as _, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::app::Shared;

static METADATA: Metadata<'static> = Metadata::new("tile_server", Level::INFO, Some("tile_server"));

/// Counters of one server. Held by the server, not installed for the process, so that tests may run several.
pub struct Traffic {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Traffic {
    /// Counters at nought.
    pub fn new() -> Self {
        let builder = PrometheusBuilder::new();
        let recorder = builder.build_recorder();
        recorder.describe_counter(
            "http_requests_total".into(),
            Some(Unit::Count),
            SharedString::const_str("Requests answered"),
        );
        recorder.describe_histogram(
            "http_request_seconds".into(),
            Some(Unit::Seconds),
            SharedString::const_str("Time until the answer's headers"),
        );
        let handle = recorder.handle();
        Self { recorder, handle }
    }

    /// The text Prometheus reads.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// Adds one to a counter with one label.
    pub fn count(&self, name: &'static str, label: &'static str, value: String) {
        let key = Key::from_parts(name, vec![Label::new(label, value)]);
        self.recorder.register_counter(&key, &METADATA).increment(1);
    }

    fn request(&self, route: &str, status: u16, seconds: f64) {
        let labels = vec![Label::new("route", route.to_owned()), Label::new("status", status.to_string())];
        self.recorder.register_counter(&Key::from_parts("http_requests_total", labels), &METADATA).increment(1);
        let labels = vec![Label::new("route", route.to_owned())];
        self.recorder.register_histogram(&Key::from_parts("http_request_seconds", labels), &METADATA).record(seconds);
    }
}

impl Default for Traffic {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Traffic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Traffic").finish_non_exhaustive()
    }
}

/// Counts the request under its route's pattern (never its URL, which would make a counter per tile).
pub async fn observe(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let mut response = next.run(request).await;
    app.traffic.request(&route, response.status().as_u16(), started.elapsed().as_secs_f64());
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
