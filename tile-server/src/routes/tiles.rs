//! `/tiles`: `TileJSON` 3.0 and map tiles on the Web Mercator grid (`w`) and the CGCS2000 geographic grid (`c`).

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use catalog::{Dataset, DatasetKind, LiveSource, Revision};
use geodesy::grid::TileMatrixSet;
use serde_json::{Value, json};

use super::{public_root, tile_of_path};
use crate::app::{App, Shared};
use crate::locate::{Located, dated_name};
use crate::payload::{Payload, changing, dated, dated_empty, dated_file, dated_not_modified, fresh_for};
use crate::problem::Problem;
use crate::route::{
    Route, Verb,
    parameter::{DATASET, DATETIME, RECORDED, X, Y, Z},
};
use crate::source::{Answer, Origin, Wanted};
use axum::routing::get;

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/tiles/{dataset}",
        tag: "tiles",
        about: "TileJSON 3，地址已落到版本；TileJSON 3 whose URLs name the revision",
        parameters: &[DATASET, DATETIME, RECORDED],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(tilejson),
    },
    Route {
        verb: Verb::Get,
        path: "/tiles/{dataset}/{z}/{x}/{y}",
        tag: "tiles",
        about: "瓦片，Web 墨卡托；a tile on the Web Mercator grid",
        parameters: &[DATASET, Z, X, Y, DATETIME, RECORDED],
        takes: &[],
        media_types: &["application/vnd.mapbox-vector-tile", "image/png", "image/jpeg", "image/webp"],
        handler: || get(tile_w),
    },
    Route {
        verb: Verb::Get,
        path: "/tiles/{dataset}/c/{z}/{x}/{y}",
        tag: "tiles",
        about: "瓦片，CGCS2000 经纬度（1 级 2×1）；a tile on the CGCS2000 geographic grid, 2 x 1 at level 1",
        parameters: &[DATASET, Z, X, Y, DATETIME, RECORDED],
        takes: &[],
        media_types: &["application/vnd.mapbox-vector-tile", "image/png", "image/jpeg", "image/webp"],
        handler: || get(tile_c),
    },
];

/// A live tile may be reused this long without asking.
const LIVE_TILE_SECONDS: u32 = 3_600;

/// Levels above the coarsest stored one that imagery is offered at.
const RESAMPLED_LEVELS: u64 = 5;

/// The document that names the tiles, dated where the dataset is.
pub(crate) async fn tilejson(
    State(app): State<Shared>,
    Path(part): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let root = public_root(&app, &headers);
    let document = match app.locate(&part, query.as_deref()).await? {
        Located::Dated(revision) | Located::Undated(revision) => {
            let kind = app.kind_of(&revision).await?;
            let dataset = app.catalog.dataset_get(&revision.slug).await?.ok_or_else(Problem::no_dataset)?;
            let layers = app.sources.vector_layers(&app.catalog, &revision).await?;
            revision_tilejson(&root, &dataset, &revision, kind, layers)?
        }
        Located::Live(dataset) => live_tilejson(&root, &dataset)?,
    };
    changing(&headers, &Payload::json(&document))
}

fn revision_tilejson(
    root: &str,
    dataset: &Dataset,
    revision: &Revision,
    kind: DatasetKind,
    layers: Vec<Value>,
) -> Result<Value, Problem> {
    let text = |name: &str| revision.properties.get(name).and_then(Value::as_str);
    let extension = match kind {
        DatasetKind::Features => "mvt",
        DatasetKind::Imagery => imagery_extension(text("format")),
        _ => {
            return Err(Problem::missing(
                "该数据集没有二维瓦片，请看目录中的 links",
                "This dataset has no map tiles; see its links in /datasets.",
            ));
        }
    };
    let zoom = |name: &str, default: u64| revision.properties.get(name).and_then(Value::as_u64).unwrap_or(default);
    let name = dated_name(revision);
    let tiles = |grid: &str| json!([format!("{root}/tiles/{name}{grid}/{{z}}/{{x}}/{{y}}.{extension}")]);
    // Above the coarsest stored level pictures are resampled: a map zoomed out a little still shows where they are.
    let min_zoom = match kind {
        DatasetKind::Imagery => zoom("min_zoom", 0).saturating_sub(RESAMPLED_LEVELS),
        _ => zoom("min_zoom", 0),
    };
    let mut document = json!({
        "tilejson": "3.0.0",
        "name": dataset.title,
        "scheme": "xyz",
        "tiles": tiles(""),
        "tileSize": 256,
        "minzoom": min_zoom,
        "maxzoom": zoom("max_zoom", 18),
        "bounds": revision.bounds_lon_lat_deg,
        "attribution": attribution(revision),
        "shikong": {
            "revision": revision.id,
            "valid_from": revision.valid_from,
            "recorded": revision.recorded,
            "map_approval_number": revision.stewardship.map_approval_number,
            "c": { "crs": "EPSG:4490", "tiles": tiles("/c"), "minzoom": min_zoom.max(1), "maxzoom": zoom("max_zoom", 18) },
        },
    });
    if kind == DatasetKind::Features {
        put(&mut document, "tileSize", json!(512));
        let layers = if layers.is_empty() { vec![vector_layer(revision)] } else { layers };
        put(&mut document, "vector_layers", Value::Array(layers));
        put(&mut document, "fillzoom", zoom("max_zoom", 14).into());
    }
    Ok(document)
}

fn put(document: &mut Value, name: &str, value: Value) {
    if let Some(fields) = document.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

/// The extension of an imagery dataset's tiles by what its importer said of them.
pub(crate) fn imagery_extension(format: Option<&str>) -> &'static str {
    match format {
        Some("jpeg" | "jpg") => "jpg",
        Some("png") => "png",
        _ => "webp",
    }
}

fn vector_layer(revision: &Revision) -> Value {
    let fields: serde_json::Map<String, Value> = revision
        .properties
        .get("fields")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|field| {
            let name = field.get("name")?.as_str()?;
            let kind = field.get("type").and_then(Value::as_str).unwrap_or("String");
            Some((name.to_owned(), Value::String(kind.to_owned())))
        })
        .collect();
    json!({ "id": revision.slug, "fields": fields })
}

fn attribution(revision: &Revision) -> String {
    let stewardship = &revision.stewardship;
    [&stewardship.responsible_unit, &stewardship.map_approval_number]
        .into_iter()
        .flatten()
        .map(|text| text.replace('&', "&amp;").replace('<', "&lt;"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn live_tilejson(root: &str, dataset: &Dataset) -> Result<Value, Problem> {
    let Some(LiveSource::Tianditu(source)) = &dataset.live else { return Err(Problem::no_dataset()) };
    let slug = &dataset.slug;
    let approval = source.map_approval_number.as_deref().unwrap_or_default().replace('&', "&amp;").replace('<', "&lt;");
    Ok(json!({
        "tilejson": "3.0.0",
        "name": dataset.title,
        "scheme": "xyz",
        "tiles": [format!("{root}/tiles/{slug}/{{z}}/{{x}}/{{y}}.png")],
        "tileSize": 256,
        "minzoom": source.min_zoom,
        "maxzoom": source.max_zoom,
        "bounds": source.bounds_lon_lat_deg,
        "attribution": format!("© 天地图 {approval}").trim_end(),
        "shikong": {
            "live": true,
            "map_approval_number": source.map_approval_number,
            "c": {
                "crs": "EPSG:4490",
                "tiles": [format!("{root}/tiles/{slug}/c/{{z}}/{{x}}/{{y}}.png")],
                "minzoom": source.min_zoom,
                "maxzoom": source.max_zoom,
            },
        },
    }))
}

/// A tile on the Web Mercator grid.
pub(crate) async fn tile_w(
    State(app): State<Shared>,
    Path((part, z, x, y)): Path<(String, String, String, String)>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let (coord, extension) = tile_of_path(TileMatrixSet::WebMercatorQuad, &z, &x, &y)?;
    let wanted = Wanted::Tile(TileMatrixSet::WebMercatorQuad, coord, extension);
    answer(&app, &part, &headers, query.as_deref(), wanted, |name| format!("/tiles/{name}/{z}/{x}/{y}")).await
}

/// A tile on the CGCS2000 geographic grid.
pub(crate) async fn tile_c(
    State(app): State<Shared>,
    Path((part, z, x, y)): Path<(String, String, String, String)>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let (coord, extension) = tile_of_path(TileMatrixSet::Cgcs2000C, &z, &x, &y)?;
    let wanted = Wanted::Tile(TileMatrixSet::Cgcs2000C, coord, extension);
    answer(&app, &part, &headers, query.as_deref(), wanted, |name| format!("/tiles/{name}/c/{z}/{x}/{y}")).await
}

/// What every tile protocol does with a wanted thing: locate, redirect, 304, ask the source, answer.
pub(crate) async fn answer(
    app: &App,
    part: &str,
    headers: &HeaderMap,
    query: Option<&str>,
    wanted: Wanted,
    dated_path: impl Fn(&str) -> String,
) -> Result<Response, Problem> {
    let revision = match app.locate(part, query).await? {
        Located::Dated(revision) => revision,
        Located::Undated(revision) => return Ok(app.redirect(&dated_path(&dated_name(&revision)), query)),
        Located::Live(dataset) => return live(app, &dataset, headers, &wanted).await,
    };
    if let Some(response) = dated_not_modified(headers, &revision) {
        return Ok(response);
    }
    let kind = app.kind_of(&revision).await?;
    let origin = Origin::Revision(revision.clone(), kind);
    match app.sources.get(&app.catalog, &origin, &wanted).await? {
        Answer::Payload(payload) => dated(headers, &revision, &payload),
        Answer::Empty => Ok(dated_empty(&revision)),
        Answer::File(path) => {
            let media_type = super::datasets::media_type_of(&path);
            dated_file(&app.catalog, headers, &revision, &path, &media_type).await
        }
    }
}

async fn live(app: &App, dataset: &Dataset, headers: &HeaderMap, wanted: &Wanted) -> Result<Response, Problem> {
    let Some(LiveSource::Tianditu(source)) = &dataset.live else { return Err(Problem::no_dataset()) };
    let origin = Origin::Tianditu(dataset.slug.clone(), source.clone());
    match app.sources.get(&app.catalog, &origin, wanted).await? {
        Answer::Payload(payload) => fresh_for(headers, &payload, LIVE_TILE_SECONDS),
        Answer::Empty | Answer::File(_) => Err(Problem::no_tile()),
    }
}
