//! Routes: one file, with one table, per protocol. The list that names them all is in `app`.

pub(crate) mod accounts;
pub(crate) mod analyses;
pub(crate) mod attachments;
pub(crate) mod checks;
pub(crate) mod datasets;
pub(crate) mod documents;
pub(crate) mod exports;
pub(crate) mod features;
pub(crate) mod glyphs;
pub(crate) mod health;
pub(crate) mod households;
pub(crate) mod incident_documents;
pub(crate) mod incident_photos;
pub(crate) mod incidents;
pub(crate) mod ledger;
pub(crate) mod maps;
pub(crate) mod notes;
pub(crate) mod packages;
pub(crate) mod page;
pub(crate) mod projects;
pub(crate) mod red_lines;
pub(crate) mod rules;
pub(crate) mod sessions;
pub(crate) mod sprites;
pub(crate) mod styles;
pub(crate) mod tasks;
pub(crate) mod terrain;
pub(crate) mod tiles;
pub(crate) mod tiles3d;
pub(crate) mod units;

use axum::http::{HeaderMap, header};
use geodesy::grid::{TileCoord, TileMatrixSet};

use crate::app::App;
use crate::problem::Problem;

/// 404 for an account.
pub(crate) fn no_such_account() -> Problem {
    Problem::missing("没有这个账号", "There is no such account.")
}

/// Scheme, host and base path as the client sees them, for absolute URLs in documents; only the base path
/// where the client's `Host` is not one that can be put in a URL.
pub(crate) fn public_root(app: &App, headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let host = ["x-forwarded-host", header::HOST.as_str()].into_iter().filter_map(text).find(|host| {
        !host.is_empty()
            && host.len() <= 255
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']' | b'_'))
    });
    let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
    let base_path = &app.settings.base_path;
    host.map_or_else(|| base_path.clone(), |host| format!("{scheme}://{host}{base_path}"))
}

/// `z`, `x`, `y.ext` of a URL as a tile of the grid. Whatever is not one is 404: such a tile does not exist.
pub(crate) fn tile_of_path(grid: TileMatrixSet, z: &str, x: &str, y: &str) -> Result<(TileCoord, String), Problem> {
    // Only plain digits: "+1" and "01" would be second names of one tile and of its cache entries.
    let number = |text: &str| {
        let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        plain.then(|| text.parse::<u32>().ok()).flatten()
    };
    let (row, extension) = y.split_once('.').ok_or_else(Problem::no_tile)?;
    let coord = number(z)
        .and_then(|z| u8::try_from(z).ok())
        .zip(number(x))
        .zip(number(row))
        .map(|((z, x), y)| TileCoord { z, x, y })
        .filter(|coord| grid.contains(*coord))
        .ok_or_else(Problem::no_tile)?;
    Ok((coord, extension.to_owned()))
}

/// One parameter of a query; the first where it is repeated.
pub(crate) fn query_value(query: Option<&str>, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .find(|(key, value)| key == name && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}

/// Four finite numbers of a query, the box's lower corner first.
pub(crate) fn query_box(query: Option<&str>, name: &str) -> Result<Option<[f64; 4]>, Problem> {
    let Some(text) = query_value(query, name) else { return Ok(None) };
    let numbers = text.split(',').map(|part| part.trim().parse::<f64>()).collect::<Result<Vec<_>, _>>();
    let corners = numbers.ok().and_then(|n| <[f64; 4]>::try_from(n).ok());
    corners
        .filter(|b| b.iter().all(|v| v.is_finite()) && b[0] <= b[2] && b[1] <= b[3])
        .map(Some)
        .ok_or_else(|| Problem::bad_parameter(name, "请写 最小x,最小y,最大x,最大y", "write min x, min y, max x, max y"))
}

/// `bbox=west,south,east,north` in degrees. West > east, across the antimeridian, is not supported and said so.
pub(crate) fn query_bbox(query: Option<&str>) -> Result<Option<[f64; 4]>, Problem> {
    let bad = || Problem::bad_parameter("bbox", "请写 西,南,东,北，单位度", "write west,south,east,north in degrees");
    let Some([west, south, east, north]) = query_box(query, "bbox").map_err(|_malformed| bad())? else {
        return Ok(None);
    };
    let in_order = -180.0 <= west && west <= east && east <= 180.0 && -90.0 <= south && south <= north && north <= 90.0;
    in_order.then_some(Some([west, south, east, north])).ok_or_else(bad)
}

/// A whole number of a query, capped.
pub(crate) fn query_count(query: Option<&str>, name: &str, default: usize, most: usize) -> Result<usize, Problem> {
    match query_value(query, name) {
        None => Ok(default),
        Some(text) => text.parse::<usize>().map(|count| count.min(most)).map_err(|_not_a_number| {
            Problem::bad_parameter(name, "应为非负整数", "must be a non-negative whole number")
        }),
    }
}
