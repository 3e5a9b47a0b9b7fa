//! `/styles`: the files in `styles/` as MapLibre styles, with a real dataset in the place of `dataset`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use rust_embed::RustEmbed;
use serde_json::{Value, json};
use tiles::mvt::label_layer;

use super::{public_root, query_value};
use crate::app::Shared;
use crate::locate::{Located, dated_name};
use crate::payload::{Payload, changing};
use crate::problem::Problem;
use crate::route::{
    Route, Verb,
    parameter::{DATETIME, FOR_DATASET, ID, RECORDED},
};
use axum::routing::get;

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/styles",
        tag: "styles",
        about: "样式目录；the styles with titles and legends",
        parameters: &[],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(list),
    },
    Route {
        verb: Verb::Get,
        path: "/styles/{id}",
        tag: "styles",
        about: "MapLibre 样式；a MapLibre style, drawing the dataset asked for",
        parameters: &[ID, FOR_DATASET, DATETIME, RECORDED],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(one),
    },
];

/// The files of `styles/`.
#[derive(RustEmbed)]
#[folder = "../styles/"]
#[include = "*.json"]
struct Files;

/// Every style by its id. A file that is not JSON is left out; a test says which.
static STYLES: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    Files::iter()
        .filter_map(|name| {
            let id = name.strip_suffix(".json").filter(|id| !id.contains('/'))?;
            Some((id.to_owned(), serde_json::from_slice(&Files::get(&name)?.data).ok()?))
        })
        .collect()
});

/// Every style by its id.
#[cfg(test)]
pub(crate) fn all() -> &'static BTreeMap<String, Value> {
    &STYLES
}

/// The style of that id as in `styles/`.
pub(crate) fn style(id: &str) -> Option<&'static Value> {
    STYLES.get(id)
}

/// Titles, geometry and legends.
pub(crate) async fn list(State(app): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    let root = public_root(&app, &headers);
    let styles: Vec<Value> = STYLES
        .iter()
        .map(|(id, style)| {
            let about = style.pointer("/metadata/shikong").cloned().unwrap_or_default();
            let mut entry = json!({ "id": id, "name": style.get("name"), "url": format!("{root}/styles/{id}.json") });
            if let (Some(entry), Value::Object(about)) = (entry.as_object_mut(), about) {
                entry.extend(about);
            }
            entry
        })
        .collect();
    changing(&headers, &Payload::json(&json!({ "styles": styles })))
}

/// One style; `dataset=` names what it is to draw.
pub(crate) async fn one(
    State(app): State<Shared>,
    Path(file): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let missing = || Problem::missing("没有这个样式，见 /styles", "No such style; see /styles.");
    let mut style = style(file.strip_suffix(".json").ok_or_else(missing)?).ok_or_else(missing)?.clone();
    let root = public_root(&app, &headers);
    if let Some(glyphs) = style.get_mut("glyphs") {
        *glyphs = Value::String(format!("{root}/glyphs/{{fontstack}}/{{range}}.pbf"));
    }
    if let Some(fields) = style.as_object_mut() {
        fields.insert("sprite".to_owned(), Value::String(format!("{root}/sprites/shikong")));
    }
    if let Some(part) = query_value(query.as_deref(), "dataset") {
        match app.locate(&part, query.as_deref()).await? {
            Located::Dated(revision) | Located::Undated(revision) => {
                let slug = revision.slug.as_str();
                // Tiles cut before there were label points have none: their labels stand on the polygons.
                let label_layer = label_layer(slug);
                let layers = app.sources.vector_layers(&app.catalog, &revision).await?;
                if layers.iter().any(|layer| layer.get("id").is_some_and(|id| *id == label_layer)) {
                    label_points(&mut style, &label_layer);
                }
                name_dataset(&mut style, &root, slug, &dated_name(&revision));
            }
            Located::Live(dataset) => name_dataset(&mut style, &root, dataset.slug.as_str(), dataset.slug.as_str()),
        }
    }
    changing(&headers, &Payload::json(&style))
}

/// Draws the labels of polygons from their label points: one a polygon, not one in each tile that cuts it.
fn label_points(style: &mut Value, label_layer: &str) {
    for layer in style.get_mut("layers").and_then(Value::as_array_mut).into_iter().flatten() {
        let along = layer.pointer("/layout/symbol-placement").is_some_and(|placement| placement != "point");
        if layer.get("type").is_some_and(|kind| kind == "symbol")
            && !along
            && let Some(fields) = layer.as_object_mut()
        {
            fields.insert("source-layer".to_owned(), Value::String(label_layer.to_owned()));
        }
    }
}

/// Puts the dataset in the place of `dataset` in sources and layers.
fn name_dataset(style: &mut Value, root: &str, slug: &str, name: &str) {
    if let Some(url) = style.pointer_mut("/sources/dataset/url") {
        *url = Value::String(format!("{root}/tiles/{name}"));
    }
    if let Some(sources) = style.get_mut("sources").and_then(Value::as_object_mut)
        && let Some(source) = sources.remove("dataset")
    {
        sources.insert(slug.to_owned(), source);
    }
    for layer in style.get_mut("layers").and_then(Value::as_array_mut).into_iter().flatten() {
        for field in ["source", "source-layer"] {
            if let Some(value) = layer.get_mut(field).filter(|value| value.as_str() == Some("dataset")) {
                *value = Value::String(slug.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_styles_is_a_style() {
        assert!(Files::iter().count() >= 20);
        assert_eq!(STYLES.len(), Files::iter().count());
    }

    #[test]
    fn a_first_look_shows_control_lines_roads_and_hazard_points_with_the_ground_below() {
        let opacity = |id: &str| style(id)?.pointer("/metadata/shikong/first_view/opacity")?.as_f64();
        for id in ["sthx", "yjjbnt", "czkfbj", "roads", "hazard-points"] {
            assert!(opacity(id).is_some_and(|opacity| opacity > 0.0 && opacity <= 1.0), "{id}");
        }
        // What colours every square metre would hide the orthophoto.
        for id in ["dltb", "forest", "ghfq", "landuse-2023", "land-plan"] {
            assert_eq!(opacity(id), None, "{id}");
        }
        let page = include_str!("../../web/js/map/view.js");
        assert!(page.contains("first_view"), "the page asks the styles and keeps no list of its own");
    }

    #[test]
    fn no_layer_is_left_pointing_at_the_placeholder() {
        for (id, style) in STYLES.iter() {
            let mut style = style.clone();
            name_dataset(&mut style, "http://host", "dlg", "dlg@r1");
            assert_eq!(style.pointer("/sources/dlg/url"), Some(&json!("http://host/tiles/dlg@r1")), "{id}");
            let layers = style.get("layers").and_then(Value::as_array).expect("layers");
            assert!(layers.iter().all(|layer| layer.get("source").is_none_or(|s| s == "dlg")), "{id}");
        }
    }
}
