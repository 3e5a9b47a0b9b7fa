//! `/glyphs`: what MapLibre asks for to write labels, 256 code points at a time.

use std::sync::{Arc, OnceLock};

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use moka::future::Cache;

use crate::app::Shared;
use crate::glyph::Fonts;
use crate::payload::{Payload, fresh_for};
use crate::problem::Problem;
use crate::route::{
    Route, Verb,
    parameter::{FONTSTACK, RANGE},
};
use axum::routing::get;

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[Route {
    verb: Verb::Get,
    path: "/glyphs/{fontstack}/{range}",
    tag: "styles",
    about: "字形（SDF）；glyphs as signed distance fields",
    parameters: &[FONTSTACK, RANGE],
    takes: &[],
    media_types: &["application/x-protobuf"],
    handler: || get(range),
}];

/// Longest font stack; a longer one is not a font stack.
const MAX_FONTSTACK_BYTES: usize = 200;
/// Bytes of ranges kept; the whole of Chinese in one font is 30 MB.
const CACHE_BYTES: u64 = 64 << 20;
/// Installed fonts hardly ever change.
const FRESH_SECONDS: u32 = 86_400;

/// Ranges made, and the fonts they are made from (looked up at the first request).
#[derive(Debug)]
pub(crate) struct GlyphCache {
    ranges: Cache<(String, u32), Bytes>,
    fonts: Arc<OnceLock<Fonts>>,
}

impl Default for GlyphCache {
    fn default() -> Self {
        let weigh = |_: &(String, u32), bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self { ranges: Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).build(), fonts: Arc::default() }
    }
}

/// One range of one font stack.
pub(crate) async fn range(
    State(app): State<Shared>,
    Path((fontstack, range)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || {
        Problem::missing("没有这样的字形码段，应如 19968-20223.pbf", "No such range of glyphs; write 19968-20223.pbf.")
    };
    let start = start_of(&range).filter(|_| fontstack.len() <= MAX_FONTSTACK_BYTES).ok_or_else(missing)?;
    let key = (fontstack.clone(), start);
    let fonts = Arc::clone(&app.glyphs.fonts);
    let bytes = app
        .glyphs
        .ranges
        .try_get_with(key, async move {
            tokio::task::spawn_blocking(move || {
                Bytes::from(fonts.get_or_init(Fonts::of_system).range(&fontstack, start))
            })
            .await
        })
        .await
        .map_err(Problem::internal)?;
    fresh_for(&headers, &Payload::text(bytes, "application/x-protobuf"), FRESH_SECONDS)
}

/// `n-m.pbf` with n a multiple of 256 below 65,536 and m = n + 255.
fn start_of(range: &str) -> Option<u32> {
    let (start, end) = range.strip_suffix(".pbf")?.split_once('-')?;
    let (start, end): (u32, u32) = (start.parse().ok()?, end.parse().ok()?);
    (start % 256 == 0 && start < 65_536 && end == start + 255).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_blocks_are_ranges() {
        assert_eq!(start_of("19968-20223.pbf"), Some(19_968));
        for bad in ["0-254.pbf", "1-256.pbf", "65536-65791.pbf", "0-255", "-0-255.pbf", "a-b.pbf", ""] {
            assert_eq!(start_of(bad), None, "{bad}");
        }
    }
}
