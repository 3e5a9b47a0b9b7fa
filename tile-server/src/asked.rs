//! What a client sends: a bounded JSON body with words where it is wrong, and an `Idempotency-Key` under which the same
//! request is answered the same without being done twice.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use catalog::KeptAnswer;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::app::{App, Shared};
use crate::password::sha256;
use crate::problem::Problem;

/// Longest JSON body: a hand-drawn red line of tens of thousands of corners, and a scene with its schemes, fit.
const MAX_JSON_BYTES: usize = 8 << 20;
/// Longest key.
const MAX_KEY_BYTES: usize = 200;

/// A request that changes something, as told apart from others.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    key: Option<String>,
    sha256: String,
}

/// A JSON body of the wanted form, with what tells the request apart.
#[derive(Debug, Clone)]
pub(crate) struct Sent<T> {
    /// The body.
    pub(crate) body: T,
    /// The request.
    pub(crate) asked: Asked,
}

impl Asked {
    /// Of a request's head and body.
    pub(crate) fn new(parts: &axum::http::request::Parts, body: &[u8]) -> Result<Self, Problem> {
        let key = parts
            .headers
            .get("idempotency-key")
            .map(|value| {
                value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= MAX_KEY_BYTES).ok_or_else(|| {
                    Problem::bad_parameter(
                        "Idempotency-Key",
                        "应为 1 至 200 个可见字符",
                        "must be 1 to 200 visible characters",
                    )
                })
            })
            .transpose()?
            .map(str::to_owned);
        let fingerprint = format!("{} {}\n{}", parts.method, parts.uri.path(), sha256(body));
        Ok(Self { key, sha256: sha256(fingerprint.as_bytes()) })
    }

    /// The key that the client chose.
    pub(crate) fn key(&self) -> Option<String> {
        self.key.clone()
    }

    /// The answer this very request was given before.
    pub(crate) async fn earlier(&self, app: &App, account: &str) -> Result<Option<Response>, Problem> {
        let Some(key) = &self.key else { return Ok(None) };
        let Some(kept) = app.catalog.kept_answer(account, key).await? else { return Ok(None) };
        if kept.request_sha256 != self.sha256 {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "这个 Idempotency-Key 已用于另一个请求，请换一个",
                "This Idempotency-Key was used for another request; choose a new one.",
            ));
        }
        let status = StatusCode::from_u16(kept.status).map_err(Problem::internal)?;
        let mut response = private_text(status, kept.body);
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
        Ok(Some(response))
    }

    /// The answer to keep with what it answers.
    pub(crate) fn keep(&self, account: &str, status: StatusCode, body: &Value) -> Option<KeptAnswer> {
        self.key.as_ref().map(|key| KeptAnswer {
            account: account.to_owned(),
            request_key: key.clone(),
            request_sha256: self.sha256.clone(),
            status: status.as_u16(),
            body: body.to_string(),
        })
    }
}

impl<T: DeserializeOwned> FromRequest<Shared> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let is_json = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.split(';').next().is_some_and(|kind| kind.trim() == "application/json"));
        if !is_json && parts.method != Method::DELETE {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "请求体应为 JSON（Content-Type: application/json）",
                "The body must be JSON (Content-Type: application/json).",
            ));
        }
        let bytes: Bytes = axum::body::to_bytes(body, MAX_JSON_BYTES).await.map_err(|error| {
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "请求体过大或未能收全",
                "The body is too large or did not arrive whole.",
            )
            .because(error)
        })?;
        let asked = Asked::new(&parts, &bytes)?;
        let body = serde_json::from_slice(&bytes).map_err(|error| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                format!("请求内容不符合要求：第 {} 行第 {} 列", error.line(), error.column()),
                format!("The body is not as it should be: {error}."),
            )
        })?;
        Ok(Self { body, asked })
    }
}

/// JSON that is one person's: kept by no cache.
pub(crate) fn private(status: StatusCode, body: &Value) -> Response {
    private_text(status, body.to_string())
}

fn private_text(status: StatusCode, body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}
