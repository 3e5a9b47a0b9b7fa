//! How bytes leave: cache rules, an entity tag per encoding, 304 before work, gzip as stored, byte ranges.
//!
//! A dated URL is immutable, so its tag follows from the URL, the encoding and the program that made it:
//! no byte needs to be read to answer `If-None-Match`. Everything else is revalidated and tagged by its content.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use catalog::{Catalog, Revision};
use futures::StreamExt as _;
use object_store::{GetOptions, GetRange};

use crate::encoding::{accepts_gzip, gunzip, gzip};
use crate::problem::Problem;

/// Largest stored tile once unpacked.
const MAX_UNPACKED_BYTES: u64 = 64 << 20;
/// Below this compressing gains nothing.
const MIN_GZIP_BYTES: usize = 512;
/// For what may change: keep, but ask each time.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");
/// For dated URLs.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Part of every tag, since a newer program may cut or draw the same revision differently.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// How bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// As they are; `compress` where gzip pays (text, geometry), not for pictures.
    Plain {
        /// Whether gzip pays.
        compress: bool,
    },
    /// Compressed already.
    Gzip,
}

/// A body in memory.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The bytes as stored.
    pub bytes: Bytes,
    /// Their media type.
    pub media_type: &'static str,
    /// How they are stored.
    pub stored: Stored,
}

impl Payload {
    /// Something that does not compress.
    pub fn picture(bytes: impl Into<Bytes>, media_type: &'static str) -> Self {
        Self { bytes: bytes.into(), media_type, stored: Stored::Plain { compress: false } }
    }

    /// Something that compresses.
    pub fn text(bytes: impl Into<Bytes>, media_type: &'static str) -> Self {
        Self { bytes: bytes.into(), media_type, stored: Stored::Plain { compress: true } }
    }

    /// JSON.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::text(value.to_string(), "application/json")
    }

    /// The bytes, unpacked.
    pub fn plain(&self) -> Result<Bytes, Problem> {
        match self.stored {
            Stored::Plain { .. } => Ok(self.bytes.clone()),
            Stored::Gzip => gunzip(&self.bytes, MAX_UNPACKED_BYTES).map_err(Problem::internal),
        }
    }
}

/// The tag of what a dated URL answers in the encoding this client gets.
fn dated_tag(revision: &Revision, gzip: bool) -> String {
    format!("\"{}.{PROGRAM}{}\"", revision.id, if gzip { ".gz" } else { "" })
}

/// The answer "you have it", if the client has it: for dated URLs, before anything is read.
/// `*` is left to the full answer, since what it names may not exist.
pub fn dated_not_modified(headers: &HeaderMap, revision: &Revision) -> Option<Response> {
    let tag = [dated_tag(revision, accepts_gzip(headers)), dated_tag(revision, false)]
        .into_iter()
        .find(|tag| has_tag(headers, tag))?;
    Some(not_modified(&tag, IMMUTABLE))
}

/// A body under a dated URL.
pub fn dated(headers: &HeaderMap, revision: &Revision, payload: &Payload) -> Result<Response, Problem> {
    answer(headers, payload, IMMUTABLE, |gzip, _| dated_tag(revision, gzip))
}

/// The answer of an empty tile under a dated URL.
pub fn dated_empty(revision: &Revision) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    tag_headers(response.headers_mut(), &dated_tag(revision, false), IMMUTABLE);
    response
}

/// A body that may change.
pub fn changing(headers: &HeaderMap, payload: &Payload) -> Result<Response, Problem> {
    answer(headers, payload, REVALIDATE, content_tag)
}

/// A body that may change and may be reused without asking for so many seconds.
pub fn fresh_for(headers: &HeaderMap, payload: &Payload, seconds: u32) -> Result<Response, Problem> {
    let rule = HeaderValue::try_from(format!("public, max-age={seconds}")).unwrap_or(REVALIDATE);
    answer(headers, payload, rule, content_tag)
}

fn content_tag(gzip: bool, bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("\"{:016x}{}\"", hasher.finish(), if gzip { ".gz" } else { "" })
}

fn answer(
    headers: &HeaderMap,
    payload: &Payload,
    cache: HeaderValue,
    tag: impl Fn(bool, &[u8]) -> String,
) -> Result<Response, Problem> {
    let accepts = accepts_gzip(headers);
    let (bytes, packed) = match payload.stored {
        Stored::Gzip if accepts => (payload.bytes.clone(), true),
        Stored::Plain { compress: true } if accepts && payload.bytes.len() >= MIN_GZIP_BYTES => {
            (gzip(&payload.bytes).map_err(Problem::internal)?, true)
        }
        _ => (payload.plain()?, false),
    };
    let tag = tag(packed, &payload.bytes);
    if has_tag(headers, &tag) {
        return Ok(not_modified(&tag, cache));
    }
    let mut response = Response::new(Body::from(bytes));
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(payload.media_type));
    if packed {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    tag_headers(out, &tag, cache);
    Ok(response)
}

fn tag_headers(out: &mut HeaderMap, tag: &str, cache: HeaderValue) {
    if let Ok(tag) = HeaderValue::try_from(tag) {
        out.insert(header::ETAG, tag);
    }
    out.insert(header::CACHE_CONTROL, cache);
    out.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
}

fn not_modified(tag: &str, cache: HeaderValue) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    tag_headers(response.headers_mut(), tag, cache);
    response
}

fn has_tag(headers: &HeaderMap, tag: &str) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        let listed = value.to_str().unwrap_or_default();
        listed.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)
    })
}

/// A file of a revision, streamed, whole or one byte range (RFC 9110, section 14).
pub async fn dated_file(
    catalog: &Catalog,
    headers: &HeaderMap,
    revision: &Revision,
    path: &str,
    media_type: &str,
) -> Result<Response, Problem> {
    let no_file = || Problem::missing("该版本没有这个文件", "This revision has no such file.");
    let location = catalog.blob_location(revision, path).map_err(|_refused| no_file())?;
    let tag = dated_tag(revision, false);
    // A range holds for the entity the client has a part of; for another one it gets the whole.
    let same_entity = headers.get(header::IF_RANGE).is_none_or(|value| value.to_str().is_ok_and(|value| value == tag));
    let range = headers.get(header::RANGE).filter(|_| same_entity).and_then(|value| single_range(value.to_str().ok()?));
    let options = GetOptions { range: range.clone(), ..GetOptions::default() };
    let found = match catalog.blobs().get_opts(&location, options).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => return Err(no_file()),
        Err(error) => {
            let whole = object_store::ObjectStoreExt::head(&*catalog.blobs(), &location).await;
            return match whole {
                // The file is there, so it was the range that could not be served.
                Ok(meta) if range.is_some() => Ok(unsatisfiable(meta.size)),
                Ok(_) => Err(Problem::internal(error)),
                Err(_gone) => Err(no_file()),
            };
        }
    };
    let (size, part) = (found.meta.size, found.range.clone());
    let body = Body::from_stream(found.into_stream().map(|chunk| chunk.map_err(std::io::Error::other)));
    let mut response = Response::new(body);
    let out = response.headers_mut();
    if let Ok(media_type) = HeaderValue::try_from(media_type) {
        out.insert(header::CONTENT_TYPE, media_type);
    }
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(header::CONTENT_LENGTH, HeaderValue::from(part.end - part.start));
    tag_headers(out, &tag, IMMUTABLE);
    if range.is_some() {
        if let Ok(value) = HeaderValue::try_from(format!("bytes {}-{}/{size}", part.start, part.end.saturating_sub(1)))
        {
            out.insert(header::CONTENT_RANGE, value);
        }
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

fn unsatisfiable(size: u64) -> Response {
    let mut response = Problem::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        format!("请求的字节范围超出文件大小 {size}"),
        format!("The byte range is outside the file of {size} bytes."),
    )
    .into_response();
    if let Ok(value) = HeaderValue::try_from(format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

/// `bytes=a-b`, `bytes=a-` or `bytes=-n`; several ranges and anything malformed are ignored, which the RFC allows.
fn single_range(value: &str) -> Option<GetRange> {
    let (first, last) = value.trim().strip_prefix("bytes=")?.trim().split_once('-')?;
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
    match (first.trim(), last.trim()) {
        ("", suffix) => number(suffix).map(GetRange::Suffix),
        (start, "") => number(start).map(GetRange::Offset),
        (start, end) => {
            let (start, end) = (number(start)?, number(end)?);
            (start <= end).then(|| GetRange::Bounded(start..end.saturating_add(1)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_writes_them() {
        assert_eq!(single_range("bytes=0-499"), Some(GetRange::Bounded(0..500)));
        assert_eq!(single_range("bytes=500-"), Some(GetRange::Offset(500)));
        assert_eq!(single_range("bytes=-7"), Some(GetRange::Suffix(7)));
        for ignored in ["bytes=5-4", "items=0-1", "bytes=0-1,3-4", "bytes=a-b", "bytes=", "bytes=+1-2", "bytes=-"] {
            assert_eq!(single_range(ignored), None, "{ignored}");
        }
    }
}
