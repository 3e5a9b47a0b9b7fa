//! `/terrain`: heights as pictures, Terrarium (1/256 m) and Mapbox (0.1 m), 256 pixels, Web Mercator.
//!
//! Where there is no data a tile has the code of 0 m, which our viewer knows for a gap. `gaps=fill` carries nearby heights
//! on instead, for map clients that would draw a cliff there: ground to look at, never to measure on.

use ::tiles::terrain::TerrainEncoding;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use catalog::DatasetKind;
use geodesy::grid::TileMatrixSet;
use serde_json::{Value, json};

use super::tiles::answer;
use super::{public_root, tile_of_path};
use crate::app::Shared;
use crate::locate::{Located, dated_name};
use crate::payload::{Payload, changing};
use crate::problem::Problem;
use crate::route::{
    Route, Verb,
    parameter::{DATASET, DATETIME, ENCODING, GAPS, RECORDED, X, Y, Z},
};
use crate::source::{Gaps, Wanted};
use axum::routing::get;

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/terrain/{dataset}",
        tag: "terrain",
        about: "地形 TileJSON；TileJSON of terrain tiles",
        parameters: &[DATASET, GAPS, DATETIME, RECORDED],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(tilejson),
    },
    Route {
        verb: Verb::Get,
        path: "/terrain/{dataset}/{encoding}/{z}/{x}/{y}",
        tag: "terrain",
        about: "地形瓦片，256 像素；a terrain tile of 256 pixels",
        parameters: &[DATASET, ENCODING, Z, X, Y, GAPS, DATETIME, RECORDED],
        takes: &[],
        media_types: &["image/png"],
        handler: || get(tile),
    },
];

/// `TileJSON` with the encoding a client needs to decode heights.
pub(crate) async fn tilejson(
    State(app): State<Shared>,
    Path(part): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let revision = match app.locate(&part, query.as_deref()).await? {
        Located::Dated(revision) | Located::Undated(revision) => revision,
        Located::Live(_) => return Err(no_terrain()),
    };
    let dataset = app.catalog.dataset_get(&revision.slug).await?.ok_or_else(Problem::no_dataset)?;
    if dataset.kind != DatasetKind::Elevation {
        return Err(no_terrain());
    }
    let root = public_root(&app, &headers);
    let name = dated_name(&revision);
    let zoom = |name: &str, default: u64| revision.properties.get(name).and_then(Value::as_u64).unwrap_or(default);
    let gaps = Gaps::from_query(query.as_deref())?;
    let asked = if gaps == Gaps::Fill { "?gaps=fill" } else { "" };
    let urls = |encoding: &str| json!([format!("{root}/terrain/{name}/{encoding}/{{z}}/{{x}}/{{y}}.png{asked}")]);
    let document = json!({
        "tilejson": "3.0.0",
        "name": dataset.title,
        "scheme": "xyz",
        "tiles": urls("terrarium"),
        "encoding": "terrarium",
        "tileSize": 256,
        "minzoom": zoom("min_zoom", 0),
        "maxzoom": zoom("max_zoom", 14),
        "bounds": gaps.bounds(revision.bounds_lon_lat_deg),
        "attribution": revision.stewardship.responsible_unit.clone().unwrap_or_default(),
        "shikong": {
            "revision": revision.id,
            "valid_from": revision.valid_from,
            "recorded": revision.recorded,
            "height": revision.height,
            "height_range_m": revision.height_range_m,
            "data_bounds": revision.bounds_lon_lat_deg,
            "gaps": if gaps == Gaps::Fill { "fill" } else { "mark" },
            "mapbox": { "tiles": urls("mapbox"), "encoding": "mapbox" },
        },
    });
    changing(&headers, &Payload::json(&document))
}

fn no_terrain() -> Problem {
    Problem::missing("该数据集不是高程数据", "This dataset is not elevation.")
}

/// One terrain tile.
pub(crate) async fn tile(
    State(app): State<Shared>,
    Path((part, encoding, z, x, y)): Path<(String, String, String, String, String)>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let (coord, extension) = tile_of_path(TileMatrixSet::WebMercatorQuad, &z, &x, &y)?;
    let terrain = TerrainEncoding::from_name(&encoding).filter(|_| extension == "png").ok_or_else(Problem::no_tile)?;
    let path = |name: &str| format!("/terrain/{name}/{encoding}/{z}/{x}/{y}");
    let wanted = Wanted::Terrain(terrain, coord, Gaps::from_query(query.as_deref())?);
    answer(&app, &part, &headers, query.as_deref(), wanted, path).await
}
