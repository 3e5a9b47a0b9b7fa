//! What a client is told when something is wrong: `application/problem+json` (RFC 9457) with a sentence in Chinese and English.
//!
//! The public sentence never names a path, a query or an upstream address; the cause goes to the log, once, here.

use std::error::Error;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error response. Several who wait for one tile share one problem.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    zh: String,
    en: String,
    cause: Option<Arc<dyn Error + Send + Sync>>,
    retry_after_s: Option<u64>,
    /// What the thing is now, for one who came too late to change it.
    current: Option<Arc<serde_json::Value>>,
}

impl Problem {
    /// A problem with its public sentences.
    pub fn new(status: StatusCode, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { status, zh: zh.into(), en: en.into(), cause: None, retry_after_s: None, current: None }
    }

    /// 404.
    pub fn missing(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, zh, en)
    }

    /// 404 for a name under which there is no dataset.
    pub fn no_dataset() -> Self {
        Self::missing("没有这个数据集或版本", "There is no such dataset or revision.")
    }

    /// 404 for a tile outside the grid or the levels of a dataset, or of another format.
    pub fn no_tile() -> Self {
        Self::missing(
            "该数据集没有这样的瓦片：请检查级别、行列号与格式",
            "This dataset has no such tile; check level, column, row and format.",
        )
    }

    /// 400 for a query parameter.
    pub fn bad_parameter(name: &str, zh: &str, en: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("参数 {name} 有误：{zh}"), format!("Bad parameter {name}: {en}."))
    }

    /// 500 with a cause for the log.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(Arc::from(cause.into())),
            ..Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "服务器内部错误，请稍后再试；如持续出现请联系管理员查看日志",
                "The server failed; try again, or ask the administrator to look at the log.",
            )
        }
    }

    /// What a cache hands to each of those who waited for one answer.
    #[expect(clippy::needless_pass_by_value, reason = "this is what caches hand over")]
    pub fn shared(problem: Arc<Self>) -> Self {
        Self::clone(&problem)
    }

    /// 409 for a change of what somebody else has changed meanwhile, with what it is now.
    pub fn stale(current: &serde_json::Value) -> Self {
        Self {
            current: Some(Arc::new(current.clone())),
            ..Self::new(
                StatusCode::CONFLICT,
                "内容已被他人修改，您的修改没有保存；请查看最新内容后重新提交",
                "Somebody else changed this meanwhile and your change was not saved; look at it as it is now and try again.",
            )
        }
    }

    /// 500 for a row that was there a moment ago.
    pub fn vanished() -> Self {
        Self::internal("a row that was just there is gone")
    }

    /// The same with a cause for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(Arc::from(cause.into()));
        self
    }

    /// The same with a `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Its Chinese sentence.
    pub fn zh(&self) -> &str {
        &self.zh
    }

    /// Its English sentence.
    pub fn en(&self) -> &str {
        &self.en
    }

    /// What it says, as it is kept with a job and repeated to whoever asks later; the cause goes to the log, here.
    pub fn record(&self) -> serde_json::Value {
        self.log();
        json!({ "status": self.status.as_u16(), "detail_zh": self.zh, "detail_en": self.en })
    }

    /// The cause, for who writes no log.
    pub fn cause(&self) -> Option<String> {
        self.cause.as_ref().map(ToString::to_string)
    }

    fn log(&self) {
        let Some(cause) = &self.cause else { return };
        let mut chain = cause.to_string();
        let mut next = cause.source();
        while let Some(source) = next {
            chain.push_str(": ");
            chain.push_str(&source.to_string());
            next = source.source();
        }
        tracing::error!(status = self.status.as_u16(), cause = chain, "{}", self.en);
    }
}

impl From<catalog::CatalogError> for Problem {
    fn from(error: catalog::CatalogError) -> Self {
        Self::internal(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.log();
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": format!("{} / {}", self.zh, self.en),
            "detail_zh": self.zh,
            "detail_en": self.en,
        });
        if let (Some(fields), Some(current)) = (body.as_object_mut(), &self.current) {
            fields.insert("current".to_owned(), serde_json::Value::clone(current));
        }
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
