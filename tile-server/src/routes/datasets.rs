//! `/datasets`: what there is, each dataset with the revision that the asked times resolve to; and raw assets.

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use catalog::{Asset, Dataset, DatasetEntry, DatasetKind, DatasetQuery, LiveSource, Revision, RevisionSummary, Slug};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::{public_root, query_bbox, query_value};
use crate::app::{App, Shared};
use crate::locate::{Located, Times, dated_name};
use crate::payload::{Payload, changing, dated_file, dated_not_modified};
use crate::problem::Problem;
use crate::route::{
    Route, Verb,
    parameter::{BBOX, DATASET, DATETIME, FILE, KIND, RECORDED, TEXT},
};
use axum::routing::get;

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/datasets",
        tag: "datasets",
        about: "数据集目录；the datasets, each with the revision that the times resolve to",
        parameters: &[KIND, BBOX, DATETIME, RECORDED, TEXT],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(list),
    },
    Route {
        verb: Verb::Get,
        path: "/datasets/{dataset}",
        tag: "datasets",
        about: "一个数据集及其全部版本；one dataset with all its revisions",
        parameters: &[DATASET, DATETIME, RECORDED],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(one),
    },
    Route {
        verb: Verb::Get,
        path: "/assets/{dataset}/{*path}",
        tag: "datasets",
        about: "版本的原始文件，支持字节范围；a file of a revision as it is, byte ranges allowed",
        parameters: &[DATASET, FILE],
        takes: &[],
        media_types: &["application/octet-stream"],
        handler: || get(asset),
    },
];

/// Longest list of one answer.
const MAX_DATASETS: usize = 2_000;

/// The list, narrowed by the query.
pub(crate) async fn list(
    State(app): State<Shared>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = query.as_deref();
    let kind = query_value(query, "kind")
        .map(|name| {
            DatasetKind::from_name(&name).ok_or_else(|| {
                let kinds = DatasetKind::ALL.map(DatasetKind::as_str).join(", ");
                Problem::bad_parameter("kind", &format!("应为 {kinds} 之一"), &format!("must be one of {kinds}"))
            })
        })
        .transpose()?;
    let times = Times::from_query(query)?;
    let question = DatasetQuery {
        kind,
        bbox_lon_lat_deg: query_bbox(query)?,
        datetime: Some(times.datetime.unwrap_or_else(app.settings.now)),
        or_newest: times.datetime.is_none(),
        recorded: times.recorded,
        text: query_value(query, "q"),
    };
    let mut entries = app.catalog.dataset_list(&question).await?;
    let matched = entries.len();
    entries.truncate(MAX_DATASETS);
    let root = public_root(&app, &headers);
    let datasets: Vec<Value> = entries.iter().map(|entry| entry_json(&root, entry)).collect();
    changing(&headers, &Payload::json(&json!({ "matched": matched, "datasets": datasets })))
}

/// One dataset; with `@revision` the entry shows that revision.
pub(crate) async fn one(
    State(app): State<Shared>,
    Path(part): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let (slug, revision) = match app.locate(&part, query.as_deref()).await? {
        Located::Dated(revision) | Located::Undated(revision) => (revision.slug.clone(), Some(revision)),
        Located::Live(dataset) => (dataset.slug.clone(), None),
    };
    let dataset = app.catalog.dataset_get(&slug).await?.ok_or_else(Problem::no_dataset)?;
    let times = Times::from_query(query.as_deref())?;
    let mut revisions = app.catalog.revision_list(&slug).await?;
    if let Some(then) = times.recorded {
        revisions.retain(|revision| revision.recorded <= then);
    }
    let entry = DatasetEntry { dataset, revision: revision.map(|revision| (*revision).clone()), revisions };
    changing(&headers, &Payload::json(&entry_json(&public_root(&app, &headers), &entry)))
}

/// A file of a revision as it is, for readers that take byte ranges (a COG or COPC opened by URL).
pub(crate) async fn asset(
    State(app): State<Shared>,
    Path((part, path)): Path<(String, String)>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    match app.locate(&part, query.as_deref()).await? {
        Located::Dated(revision) => {
            if let Some(response) = dated_not_modified(&headers, &revision) {
                return Ok(response);
            }
            let media_type = revision
                .assets
                .iter()
                .find(|asset| asset.path == path)
                .map_or_else(|| media_type_of(&path), |asset| asset.media_type.clone());
            dated_file(&app.catalog, &headers, &revision, &path, &media_type).await
        }
        Located::Undated(revision) => {
            Ok(app.redirect(&format!("/assets/{}/{}", dated_name(&revision), escaped(&path)), query.as_deref()))
        }
        Located::Live(_) => Err(Problem::no_dataset()),
    }
}

/// The media type of a published file by its name.
pub(crate) fn media_type_of(path: &str) -> String {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "glb" => "model/gltf-binary".to_owned(),
        "b3dm" | "i3dm" | "pnts" | "cmpt" | "subtree" | "bin" => "application/octet-stream".to_owned(),
        _ => mime_guess::from_ext(extension).first_or_octet_stream().to_string(),
    }
}

/// A path for a `Location`: what is not plain in a path is percent-encoded.
pub(crate) fn escaped(path: &str) -> String {
    const KEPT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'/')
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~')
        .remove(b'+');
    percent_encoding::utf8_percent_encode(path, KEPT).to_string()
}

fn instant_json(instant: DateTime<Utc>) -> Value {
    Value::String(instant.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

fn entry_json(root: &str, entry: &DatasetEntry) -> Value {
    let DatasetEntry { dataset, revision, revisions } = entry;
    let mut out = json!({
        "slug": dataset.slug,
        "title": dataset.title,
        "kind": dataset.kind,
        "live": dataset.live.is_some(),
        "bounds": bounds(dataset, revision.as_ref()),
        "recorded": instant_json(dataset.recorded),
        "revision": revision.as_ref().map(revision_json),
        "revisions": revisions.iter().map(summary_json).collect::<Vec<_>>(),
        "properties": properties(dataset, revision.as_ref()),
        "links": links(root, dataset, revision.as_ref()),
    });
    if let Some(fields) = out.as_object_mut() {
        for (name, text) in [("title_en", &dataset.title_en), ("description", &dataset.description)] {
            if let Some(text) = text {
                fields.insert(name.to_owned(), Value::String(text.clone()));
            }
        }
    }
    out
}

fn bounds(dataset: &Dataset, revision: Option<&Revision>) -> [f64; 4] {
    match (revision, &dataset.live) {
        (Some(revision), _) => revision.bounds_lon_lat_deg,
        (None, Some(LiveSource::Tianditu(source))) => source.bounds_lon_lat_deg,
        (None, None) => [-180.0, -90.0, 180.0, 90.0],
    }
}

fn properties(dataset: &Dataset, revision: Option<&Revision>) -> Value {
    match (revision, &dataset.live) {
        (Some(revision), _) => revision.properties.clone(),
        // The address we fetch from stays ours.
        (None, Some(LiveSource::Tianditu(source))) => json!({
            "type": "tianditu",
            "layer": source.layer,
            "min_zoom": source.min_zoom,
            "max_zoom": source.max_zoom,
            "daily_budget": source.daily_budget,
            "map_approval_number": source.map_approval_number,
        }),
        (None, None) => json!({}),
    }
}

fn summary_json(revision: &RevisionSummary) -> Value {
    let mut out = json!({
        "id": revision.id,
        "valid_from": instant_json(revision.valid_from),
        "valid_to": revision.valid_to.map(instant_json),
        "recorded": instant_json(revision.recorded),
    });
    if let (Some(fields), Some(withdrawn)) = (out.as_object_mut(), revision.withdrawn) {
        fields.insert("withdrawn".to_owned(), instant_json(withdrawn));
    }
    out
}

fn revision_json(revision: &Revision) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    put("id", json!(revision.id));
    put("valid_from", instant_json(revision.valid_from));
    put("valid_to", revision.valid_to.map_or(Value::Null, instant_json));
    put("recorded", instant_json(revision.recorded));
    put("crs", json!(revision.crs));
    put("bounds", json!(revision.bounds_lon_lat_deg));
    put("height_range_m", json!(revision.height_range_m));
    put("file_count", json!(revision.file_count));
    put("total_bytes", json!(revision.total_bytes));
    put("classification_zh", json!(revision.stewardship.classification.zh()));
    put("assets", revision.assets.iter().map(asset_json).collect());
    // Sources by name and fingerprint; parameters may hold what the surveyor keeps secret and stay in the catalogue.
    put("sources", json!(revision.provenance.sources));
    put("operator", json!(revision.provenance.operator));
    put("software", json!(revision.provenance.software));
    put("report", revision.provenance.report.clone());
    // Both are flat objects; their field names are the public ones.
    for part in [json!(revision.height), json!(revision.stewardship)] {
        if let Value::Object(part) = part {
            fields.extend(part);
        }
    }
    Value::Object(fields)
}

fn asset_json(asset: &Asset) -> Value {
    json!(asset)
}

/// Where a client goes from here. Undated where the document at the other end is itself dated inside.
fn links(root: &str, dataset: &Dataset, revision: Option<&Revision>) -> Value {
    let slug: &Slug = &dataset.slug;
    let name = revision.map_or_else(|| slug.to_string(), dated_name);
    let mut links = Map::new();
    let mut put = |name: &str, value: String| {
        links.insert(name.to_owned(), Value::String(value));
    };
    put("self", format!("{root}/datasets/{name}"));
    match dataset.kind {
        DatasetKind::Imagery | DatasetKind::Basemap => put("tilejson", format!("{root}/tiles/{name}")),
        DatasetKind::Elevation => put("terrain", format!("{root}/terrain/{name}")),
        DatasetKind::PointCloud | DatasetKind::Mesh => put("tileset", format!("{root}/3dtiles/{name}/tileset.json")),
        DatasetKind::Features => {
            put("tilejson", format!("{root}/tiles/{name}"));
            put("features", format!("{root}/features/{name}"));
            if let Some(style) = revision.and_then(|revision| revision.properties.get("style")?.as_str()) {
                put("style", format!("{root}/styles/{}.json?dataset={name}", escaped(style)));
            }
        }
        DatasetKind::Observations => {}
    }
    Value::Object(links)
}

impl App {
    /// The kind of a revision's dataset. It never changes, so it is kept once read.
    pub(crate) async fn kind_of(&self, revision: &Revision) -> Result<DatasetKind, Problem> {
        if let Some(kind) = self.kinds.get(&revision.slug).await {
            return Ok(kind);
        }
        let dataset = self.catalog.dataset_get(&revision.slug).await?.ok_or_else(Problem::no_dataset)?;
        self.kinds.insert(dataset.slug, dataset.kind).await;
        Ok(dataset.kind)
    }
}
