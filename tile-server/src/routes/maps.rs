//! `/maps/{style}.png`: a map figure drawn by carto, the same colours and labels as everywhere.
//!
//! `dataset=` names what to draw; without it, every feature dataset of that style that meets the box.
//! The figure is in Web Mercator; the box is widened to the shape of the picture, never squeezed.
//! Its paper is the style's own background layer; without one it is transparent, to be laid over another picture.
//! `background=` puts another paper, or none, in its place.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use carto::{Color, Font, LayerSet, MapView, Patterns, Style};
use catalog::{DatasetKind, DatasetQuery, Revision};
use geodesy::crs::Crs;
use geodesy::grid::web_mercator_from_lon_lat_deg;
use geodesy::grid::{WEB_MERCATOR_HALF_M, lon_lat_deg_from_web_mercator};
use serde_json::{Value, json};

use super::{query_bbox, query_value, sprites, styles};
use crate::app::{App, Shared};
use crate::asset::feature_path;
use crate::feature_file::{self, Next, Selection, Shape};
use crate::glyph::Fonts;
use crate::locate::{Located, Times};
use crate::payload::{Payload, changing};
use crate::problem::Problem;
use crate::route::{
    Route, Verb,
    parameter::{BACKGROUND, BBOX, DATETIME, FOR_DATASET, RECORDED, SIZE, STYLE_PNG},
};
use crate::work::Stop;
use axum::routing::get;

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[Route {
    verb: Verb::Get,
    path: "/maps/{style}",
    tag: "maps",
    about: "专题图（PNG）：范围按图幅形状放宽；a map figure, its box widened to the picture's shape",
    parameters: &[STYLE_PNG, FOR_DATASET, BBOX, SIZE, BACKGROUND, DATETIME, RECORDED],
    takes: &[],
    media_types: &["image/png"],
    handler: || get(one),
}];

/// Sides of a figure in pixels, unless asked otherwise, and at most.
const SIZE_PX: ([u32; 2], u32) = ([1024, 768], 4096);
/// Datasets on one figure.
const MAX_DATASETS: usize = 16;
/// Features on one figure.
const MAX_FEATURES: usize = 200_000;
/// MapLibre's zoom 0 is 512 pixels wide.
const WORLD_PX: f64 = 512.0;
/// The font of labels.
const FONT: &str = "Noto Sans CJK SC Regular";

/// The label font, read once.
#[derive(Debug, Default)]
pub(crate) struct MapFont(OnceLock<Option<Arc<Font>>>);

impl MapFont {
    pub(crate) fn get(&self) -> Option<Arc<Font>> {
        self.0
            .get_or_init(|| {
                let (bytes, index) = Fonts::of_system().file(FONT)?;
                Font::from_bytes(bytes, index).ok().map(Arc::new)
            })
            .clone()
    }
}

/// What is to be drawn.
struct Figure {
    style: Style,
    /// A style whose background is to be the paper instead of the style's own.
    paper: Option<Style>,
    view: MapView,
    bbox_lon_lat_deg: [f64; 4],
    revisions: Vec<(Arc<Revision>, std::path::PathBuf)>,
}

/// One figure.
pub(crate) async fn one(
    State(app): State<Shared>,
    Path(file): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let missing = || Problem::missing("没有这个样式，见 /styles", "No such style; see /styles.");
    let id = file.strip_suffix(".png").ok_or_else(missing)?;
    let style = styles::style(id).ok_or_else(missing)?;
    let style = Style::parse(&style.to_string()).map_err(Problem::internal)?;
    let query = query.as_deref();
    let size_px = query_size(query)?;
    let paper = query_paper(query)?;
    let revisions = drawn(&app, id, query).await?;
    let bbox = query_bbox(query)?.or_else(|| union(&revisions)).ok_or_else(|| {
        Problem::missing("没有可画的数据集，请给出 dataset= 或 bbox=", "Nothing to draw; give dataset= or bbox=.")
    })?;
    let (view, bbox_lon_lat_deg) = view_of(bbox, size_px);
    let revisions = revisions
        .into_iter()
        .map(|revision| feature_path(&app.catalog, &revision).map(|path| (revision, path)))
        .collect::<Result<Vec<_>, _>>()?;
    let figure = Figure { style, paper, view, bbox_lon_lat_deg, revisions };
    let app_for_font = Arc::clone(&app);
    let png = app.work.run(move |stop| draw(&figure, app_for_font.map_font.get().as_deref(), stop)).await??;
    changing(&headers, &Payload::picture(png, "image/png"))
}

/// The revisions to draw, bottom first.
async fn drawn(app: &App, style: &str, query: Option<&str>) -> Result<Vec<Arc<Revision>>, Problem> {
    if let Some(names) = query_value(query, "dataset") {
        let mut revisions = Vec::new();
        for name in names.split(',').take(MAX_DATASETS) {
            match app.locate(name, query).await? {
                Located::Dated(revision) | Located::Undated(revision) => revisions.push(revision),
                Located::Live(_) => {}
            }
        }
        return Ok(revisions);
    }
    let times = Times::from_query(query)?;
    let question = DatasetQuery {
        kind: Some(DatasetKind::Features),
        bbox_lon_lat_deg: query_bbox(query)?,
        datetime: Some(times.datetime.unwrap_or_else(app.settings.now)),
        or_newest: times.datetime.is_none(),
        recorded: times.recorded,
        text: None,
    };
    let entries = app.catalog.dataset_list(&question).await?;
    let of_style = entries
        .into_iter()
        .filter_map(|entry| entry.revision)
        .filter(|revision| revision.properties.get("style").and_then(Value::as_str) == Some(style));
    Ok(of_style.take(MAX_DATASETS).map(Arc::new).collect())
}

fn union(revisions: &[Arc<Revision>]) -> Option<[f64; 4]> {
    revisions
        .iter()
        .map(|revision| revision.bounds_lon_lat_deg)
        .reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])])
}

/// `size=1024x768`.
fn query_size(query: Option<&str>) -> Result<[u32; 2], Problem> {
    let Some(text) = query_value(query, "size") else { return Ok(SIZE_PX.0) };
    let side = |text: &str| text.parse::<u32>().ok().filter(|side| (1..=SIZE_PX.1).contains(side));
    text.split_once('x').and_then(|(width, height)| Some([side(width)?, side(height)?])).ok_or_else(|| {
        Problem::bad_parameter("size", "请写 宽x高，每边 1 到 4096 像素", "write WIDTHxHEIGHT, 1 to 4096 pixels a side")
    })
}

/// `background=white`, `background=f5f1e6` or `background=transparent`, as a style of one background layer.
fn query_paper(query: Option<&str>) -> Result<Option<Style>, Problem> {
    let Some(text) = query_value(query, "background") else { return Ok(None) };
    // In a URL a number sign begins the fragment, so it may be left out.
    let color = [text.clone(), format!("#{text}")].into_iter().find(|text| Color::parse(text).is_some());
    let color = color.ok_or_else(|| {
        Problem::bad_parameter(
            "background",
            "请写颜色，如 white、f5f1e6 或 transparent",
            "write a colour such as white, f5f1e6 or transparent",
        )
    })?;
    let layer = json!({ "id": "paper", "type": "background", "paint": { "background-color": color } });
    let style = json!({ "version": 8, "layers": [layer] });
    Style::parse(&style.to_string()).map(Some).map_err(Problem::internal)
}

/// The view of a box, widened to the picture's shape, and the box that it shows.
fn view_of([west, south, east, north]: [f64; 4], [width_px, height_px]: [u32; 2]) -> (MapView, [f64; 4]) {
    let [min_x, min_y] = web_mercator_from_lon_lat_deg([west, south.max(-85.0)]);
    let [max_x, max_y] = web_mercator_from_lon_lat_deg([east, north.min(85.0)]);
    let (width, height) = (f64::from(width_px), f64::from(height_px));
    let middle = [f64::midpoint(min_x, max_x), f64::midpoint(min_y, max_y)];
    // A point, too, is shown with some ground around it.
    let m_per_px = ((max_x - min_x) / width).max((max_y - min_y) / height).max(0.05);
    let half = [width * m_per_px / 2.0, height * m_per_px / 2.0];
    let bounds = [middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]];
    let [west, south] = lon_lat_deg_from_web_mercator([bounds[0], bounds[1]]);
    let [east, north] = lon_lat_deg_from_web_mercator([bounds[2], bounds[3]]);
    let zoom = (2.0 * WEB_MERCATOR_HALF_M / (m_per_px * WORLD_PX)).log2();
    (MapView { width_px, height_px, bounds, zoom, pixel_ratio: 1.0, labels: true }, [west, south, east, north])
}

fn draw(figure: &Figure, font: Option<&Font>, stop: &Stop) -> Result<Vec<u8>, Problem> {
    let plane = Crs::web_mercator();
    // A fifth of a pixel is not seen.
    let max_sagitta_m =
        ((figure.view.bounds[2] - figure.view.bounds[0]) / f64::from(figure.view.width_px) / 5.0).max(0.001);
    let mut sets = Vec::new();
    for (revision, path) in &figure.revisions {
        let mut drawn = Vec::new();
        if let Some(selection) = Selection::within(figure.bbox_lon_lat_deg, revision.bounds_lon_lat_deg) {
            feature_file::read(path, &revision.crs, Some(&plane), selection, max_sagitta_m, &mut |feature| {
                drawn.push(carto_feature(feature));
                if drawn.len() < MAX_FEATURES && !stop.asked() { Next::More } else { Next::Stop }
            })
            .map_err(Problem::from)?;
        }
        sets.push(drawn);
    }
    let paper = LayerSet { style: figure.paper.as_ref().unwrap_or(&figure.style), features: &[], opacity: 1.0 };
    let drawn = sets.iter().map(|features| LayerSet { style: &figure.style, features, opacity: 1.0 });
    let sets: Vec<LayerSet<'_>> = std::iter::once(paper).chain(drawn).collect();
    let pictures = sprites::pictures();
    let patterns = Patterns::from_svgs(pictures.iter().map(|(name, svg)| (name.as_str(), svg.as_str())), 1.0)
        .map_err(Problem::internal)?;
    let picture = carto::draw(&sets, &figure.view, font, &patterns).map_err(Problem::internal)?;
    picture.encode_png().map_err(Problem::internal)
}

pub(crate) fn carto_feature(feature: feature_file::PlacedFeature) -> carto::Feature {
    let properties: BTreeMap<String, carto::Value> = feature
        .properties
        .into_iter()
        .map(|(name, value)| {
            let value = match value {
                Value::Bool(truth) => carto::Value::Bool(truth),
                Value::Number(number) => number.as_f64().map_or(carto::Value::Null, carto::Value::Number),
                Value::String(text) => carto::Value::Text(text),
                Value::Null => carto::Value::Null,
                other => carto::Value::Text(other.to_string()),
            };
            (name, value)
        })
        .collect();
    let geometry = match feature.shape {
        Shape::Points(points) => carto::Geometry::Points(points),
        Shape::Lines(lines) => carto::Geometry::Lines(lines),
        Shape::Polygons(polygons) => carto::Geometry::Polygons(polygons.into_iter().flatten().collect()),
    };
    carto::Feature { id: Some(feature.id), properties, geometry }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_is_widened_to_the_picture_and_never_squeezed() {
        let (view, shown) = view_of([110.0, 28.0, 111.0, 28.1], [800, 800]);
        let [min_x, min_y, max_x, max_y] = view.bounds;
        assert!(((max_x - min_x) - (max_y - min_y)).abs() < 1e-6);
        assert!((shown[0] - 110.0).abs() < 1e-9 && (shown[2] - 111.0).abs() < 1e-9);
        assert!(shown[1] < 28.0 && shown[3] > 28.1);
        // One degree over 800 pixels is 360 degrees over 288,000: zoom log2(288000 / 512).
        assert!((view.zoom - (288_000.0_f64 / 512.0).log2()).abs() < 1e-9);
    }
}
