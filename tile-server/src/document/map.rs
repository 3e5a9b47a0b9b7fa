//! The map of a document: plan layers, the red line and what it takes, in the plane of the red line at a whole scale.
//!
//! A Gauss-Kruger plane is true to scale here to some parts in ten thousand, so that the scale and its bar hold on
//! paper; nothing is shown or measured in EPSG:3857. The legend names only what is in the frame.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use carto::style::LayerKind;
use carto::{Feature, Font, Geometry, LayerSet, MapView, Patterns, Style};
use catalog::Revision;
use geo::{Intersects as _, LineString, Point, Polygon, Rect};
use geodesy::Crs;
use geodesy::densify::transform_line;
use geodesy::gauss_kruger::{Zone, ZoneWidth};
use geodesy::grid::WEB_MERCATOR_HALF_M;
use geodesy::pole::pole_of_inaccessibility;
use geodesy::transform::Transform;
use serde_json::{Value, json};

use super::dossier::{Check, DeliveredParcel, TakenPiece};
use super::report::{is_conflict, plain};
use crate::feature_file::{self, Next, Selection};
use crate::problem::Problem;
use crate::routes::{maps, sprites, styles};
use crate::work::Stop;

/// Scales that a map may have.
const SCALES: [u32; 15] =
    [200, 500, 1_000, 2_000, 3_000, 5_000, 8_000, 10_000, 15_000, 20_000, 25_000, 50_000, 100_000, 250_000, 500_000];
/// How much more than the red line a map shows.
const SURROUNDINGS: f64 = 1.5;
/// Features of one layer on a map.
const MAX_FEATURES: usize = 100_000;
/// CSS pixels that styles count in, per millimetre of paper.
const CSS_PX_PER_MM: f64 = 96.0 / 25.4;
/// MapLibre's zoom 0 is 512 pixels wide.
const WORLD_PX: f64 = 512.0;
/// Pieces taken on one map.
const MAX_CONFLICTS: usize = 5_000;
/// Entries of a legend: more are not read.
const MAX_LEGEND: usize = 48;
/// Numbers of conflicts nearer than this on paper would cover each other.
const NUMBERS_APART_MM: f64 = 6.0;
/// Numbers of the scale bar nearer than this on paper would run into each other.
const LABELS_APART_MM: f64 = 8.0;
/// A tenth of a millimetre at 1:500.
const MAX_SAGITTA_M: f64 = 0.05;
/// How the red line and the conflicts are drawn.
pub(super) const OWN_STYLE: &str = include_str!("template/red-line.json");

/// Styles that a review's map shows, bottom first, with their opacity and whether with their labels. The rest, and the
/// labels of every parcel, would hide what matters.
const SHOWN: [(&str, f32, bool); 11] = [
    ("dltb", 0.45, false),
    ("czkfbj", 0.7, true),
    ("yjjbnt", 0.9, false),
    ("sthx", 0.9, true),
    ("hazard-zone", 0.6, true),
    ("heritage", 0.8, true),
    ("city-lines", 0.8, true),
    ("control-line", 0.9, true),
    ("permit", 0.6, false),
    ("roads", 0.9, true),
    ("admin", 1.0, true),
];

/// Where among the layers a style is drawn; none where a review's map does not show it.
pub(crate) fn order_of(style: &str) -> Option<usize> {
    SHOWN.iter().position(|(shown, _, _)| *shown == style)
}

/// The paper that a map gets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frame {
    /// Width, millimetres.
    pub(crate) width_mm: f64,
    /// Height, millimetres.
    pub(crate) height_mm: f64,
    /// Dots an inch.
    pub(crate) dpi: f64,
}

/// A layer below the red line.
#[derive(Debug)]
pub(crate) struct BaseLayer {
    /// Its revision.
    pub(crate) revision: Arc<Revision>,
    /// Its file.
    pub(crate) path: PathBuf,
    /// Its style.
    pub(crate) style: String,
    /// Title of its dataset.
    pub(crate) title: String,
}

/// A piece taken and the number of its conflict.
#[derive(Debug)]
pub(crate) struct Conflict {
    /// Number in the report.
    pub(crate) number: usize,
    /// Whether it is one that forbids.
    pub(crate) forbids: bool,
    /// Its polygons, in the CRS of the conflicts.
    pub(crate) polygons: Vec<Vec<Vec<[f64; 2]>>>,
}

/// What is to be drawn.
#[derive(Debug)]
pub(crate) struct Drawing {
    /// The paper.
    pub(crate) frame: Frame,
    /// CRS of the red line.
    pub(crate) crs: String,
    /// The red line, in its delivered numbers.
    pub(crate) parcels: Vec<DeliveredParcel>,
    /// The pieces taken.
    pub(crate) conflicts: Vec<Conflict>,
    /// CRS of the pieces.
    pub(crate) conflicts_crs: String,
    /// What lies below, bottom first.
    pub(crate) layers: Vec<BaseLayer>,
}

/// A map that was drawn, with what belongs in its frame.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MapPicture {
    /// The picture.
    pub(crate) png: Vec<u8>,
    /// Frame, scale, bar, ticks and legend as the templates read them.
    pub(crate) margin: Value,
    /// CRS of the plane.
    pub(crate) crs: String,
    /// The scale's denominator.
    pub(crate) scale: u32,
    /// Layers that are seen: title and the day since when they hold.
    pub(crate) layers: Vec<(String, String)>,
}

/// The pieces of each conflict, numbered as in the report.
pub(crate) fn conflicts(check: &Check) -> Vec<Conflict> {
    let conflicts = check.checks.iter().filter(|finding| is_conflict(finding));
    let numbers: BTreeMap<&str, (usize, bool)> = conflicts
        .enumerate()
        .map(|(number, finding)| (finding.rule.as_str(), (number + 1, finding.verdict == "fail")))
        .collect();
    let one = |piece: &TakenPiece| {
        let (number, forbids) = *numbers.get(piece.properties.get("rule")?.as_str()?)?;
        Some(Conflict { number, forbids, polygons: piece.polygons.clone() })
    };
    check.patches.iter().filter_map(one).take(MAX_CONFLICTS).collect()
}

type Rings = Vec<Vec<[f64; 2]>>;

/// Draws. Blocking.
pub(crate) fn draw(drawing: &Drawing, font: Option<&Font>, stop: &Stop) -> Result<Option<MapPicture>, Problem> {
    let delivered = Crs::from_user_input(&drawing.crs).map_err(Problem::internal)?;
    let plane = plane_of(&delivered, &drawing.parcels)?;
    let red_line = placed(&drawing.parcels, &delivered, &plane)?;
    let Some(hull) = hull(red_line.iter().flatten().flatten()) else { return Ok(None) };
    let scale = scale_of(hull, drawing.frame);
    let bounds = bounds_of(hull, drawing.frame, scale);
    let to_degrees = Transform::new(&plane, &Crs::cgcs2000()).map_err(Problem::internal)?;
    let bbox_lon_lat_deg = degrees_of(bounds, &to_degrees)?;
    let view = view_of(drawing.frame, scale, bounds, bbox_lon_lat_deg);

    let mut legends = Vec::new();
    let mut layers = Vec::new();
    let mut sets: Vec<(Style, Vec<Feature>, f32)> = Vec::new();
    for layer in &drawing.layers {
        let Some(json) = styles::style(&layer.style) else { continue };
        let Some(features) = read(layer, &plane, bbox_lon_lat_deg, bounds, stop)? else { continue };
        legends.push((json, layer.title.as_str()));
        layers.push((layer.title.clone(), layer.revision.valid_from.to_rfc3339()));
        let (opacity, labels) = order_of(&layer.style).map_or((1.0, true), |at| (SHOWN[at].1, SHOWN[at].2));
        let mut style = Style::parse(&json.to_string()).map_err(Problem::internal)?;
        style.layers.retain(|layer| labels || layer.kind != LayerKind::Symbol);
        sets.push((style, features, opacity));
    }
    let own = Style::parse(OWN_STYLE).map_err(Problem::internal)?;
    let own_features = own_features(&red_line, drawing, &plane, scale)?;
    let has = |kind: &str| {
        own_features.iter().any(|f| f.properties.get("kind") == Some(&carto::Value::Text(kind.to_owned())))
    };
    let mut top = vec![json!({ "label": "拟用地红线", "color": "#e00000", "shape": "outline" })];
    if has("fail") {
        top.push(json!({ "label": "冲突（不通过）", "color": "#e00000", "shape": "fill" }));
    }
    if has("conditional") {
        top.push(json!({ "label": "占用（有条件）", "color": "#ff7f00", "shape": "fill" }));
    }
    // What lies on top matters most, and where there is too much the ground is left out.
    let mut legend = Legend::default();
    legends.iter().zip(&sets).rev().for_each(|((json, title), (_, features, _))| legend.add(json, features, title));
    top.extend(legend.entries);
    top.truncate(MAX_LEGEND);

    let paper = Style::parse(
        r##"{"version":8,"layers":[{"id":"paper","type":"background","paint":{"background-color":"#ffffff"}}]}"##,
    )
    .map_err(Problem::internal)?;
    let mut all = vec![LayerSet { style: &paper, features: &[], opacity: 1.0 }];
    all.extend(sets.iter().map(|(style, features, opacity)| LayerSet { style, features, opacity: *opacity }));
    all.push(LayerSet { style: &own, features: &own_features, opacity: 1.0 });
    let furniture = furniture(drawing.frame, scale, bounds);
    all.push(LayerSet { style: &own, features: &furniture, opacity: 1.0 });
    let pictures = sprites::pictures();
    let patterns =
        Patterns::from_svgs(pictures.iter().map(|(name, svg)| (name.as_str(), svg.as_str())), view.pixel_ratio)
            .map_err(Problem::internal)?;
    let png = carto::draw(&all, &view, font, &patterns)
        .map_err(Problem::internal)?
        .encode_png()
        .map_err(Problem::internal)?;
    let margin = margin_of(drawing.frame, scale, bounds, &top);
    let crs = plane.epsg().map_or_else(|| plane.name().to_owned(), |code| format!("EPSG:{code}"));
    Ok(Some(MapPicture { png, margin, crs, scale, layers }))
}

/// The plane of the drawing: that of the red line, or the 3-degree zone of where it is.
pub(super) fn plane_of(delivered: &Crs, parcels: &[DeliveredParcel]) -> Result<Crs, Problem> {
    if delivered.is_projected() {
        return Ok(delivered.clone());
    }
    let middle = hull(parcels.iter().flat_map(|parcel| parcel.polygons.iter().flatten().flatten()))
        .map_or(111.0, |[west, _, east, _]| f64::midpoint(west, east));
    let zone = Zone::at_longitude(middle, ZoneWidth::Three)
        .ok_or_else(|| Problem::internal("the red line lies in no zone of China"))?;
    Crs::cgcs2000_zone(zone, false).map_err(Problem::internal)
}

fn placed(parcels: &[DeliveredParcel], from: &Crs, to: &Crs) -> Result<Vec<Rings>, Problem> {
    let transform = Transform::new(from, to).map_err(Problem::internal)?;
    parcels
        .iter()
        .flat_map(|parcel| &parcel.polygons)
        .map(|rings| rings.iter().map(|ring| transform_line(ring, &transform, MAX_SAGITTA_M)).collect::<Result<_, _>>())
        .collect::<Result<_, _>>()
        .map_err(Problem::internal)
}

pub(super) fn hull<'a>(points: impl Iterator<Item = &'a [f64; 2]>) -> Option<[f64; 4]> {
    points.fold(None, |hull, [x, y]| {
        let [a, b, c, d] = hull.unwrap_or([*x, *y, *x, *y]);
        Some([x.min(a), y.min(b), x.max(c), y.max(d)])
    })
}

/// The largest scale at which the red line and its surroundings fit the frame.
pub(super) fn scale_of([min_x, min_y, max_x, max_y]: [f64; 4], frame: Frame) -> u32 {
    let needed = ((max_x - min_x) * SURROUNDINGS / frame.width_mm)
        .max((max_y - min_y) * SURROUNDINGS / frame.height_mm)
        * 1000.0;
    SCALES.into_iter().find(|scale| f64::from(*scale) >= needed).unwrap_or(SCALES[SCALES.len() - 1])
}

pub(super) fn bounds_of([min_x, min_y, max_x, max_y]: [f64; 4], frame: Frame, scale: u32) -> [f64; 4] {
    let (x, y) = (f64::midpoint(min_x, max_x), f64::midpoint(min_y, max_y));
    let half = |mm: f64| mm / 1000.0 * f64::from(scale) / 2.0;
    let (w, h) = (half(frame.width_mm), half(frame.height_mm));
    [x - w, y - h, x + w, y + h]
}

/// The box in degrees that holds the frame, whose edges are not parallels.
fn degrees_of([min_x, min_y, max_x, max_y]: [f64; 4], to_degrees: &Transform) -> Result<[f64; 4], Problem> {
    let mut edge: Vec<[f64; 2]> = (0..=8)
        .map(f64::from)
        .flat_map(|i| {
            let (x, y) = (min_x + (max_x - min_x) * i / 8.0, min_y + (max_y - min_y) * i / 8.0);
            [[x, min_y], [x, max_y], [min_x, y], [max_x, y]]
        })
        .collect();
    to_degrees.points(&mut edge).map_err(Problem::internal)?;
    hull(edge.iter()).ok_or_else(|| Problem::internal("a frame without corners"))
}

fn view_of(frame: Frame, scale: u32, bounds: [f64; 4], bbox_lon_lat_deg: [f64; 4]) -> MapView {
    let pixels = |mm: f64| (mm / 25.4 * frame.dpi).round() as u32;
    // Styles think in the zooms of Web Mercator, whose metres are longer than the ground's by 1 / cos(latitude).
    let m_per_css_px = f64::from(scale) / 1000.0 / CSS_PX_PER_MM;
    let lat_deg = f64::midpoint(bbox_lon_lat_deg[1], bbox_lon_lat_deg[3]);
    let zoom = (2.0 * WEB_MERCATOR_HALF_M * lat_deg.to_radians().cos() / (m_per_css_px * WORLD_PX)).log2();
    MapView {
        width_px: pixels(frame.width_mm),
        height_px: pixels(frame.height_mm),
        bounds,
        zoom,
        pixel_ratio: (frame.dpi / 96.0) as f32,
        labels: true,
    }
}

/// The features of a layer that are in the frame; none where there is nothing of it.
fn read(
    layer: &BaseLayer,
    plane: &Crs,
    bbox_lon_lat_deg: [f64; 4],
    bounds: [f64; 4],
    stop: &Stop,
) -> Result<Option<Vec<Feature>>, Problem> {
    let Some(selection) = Selection::within(bbox_lon_lat_deg, layer.revision.bounds_lon_lat_deg) else {
        return Ok(None);
    };
    let mut features = Vec::new();
    feature_file::read(&layer.path, &layer.revision.crs, Some(plane), selection, MAX_SAGITTA_M, &mut |feature| {
        let feature = maps::carto_feature(feature);
        if is_seen(&feature.geometry, bounds) {
            features.push(feature);
        }
        if features.len() < MAX_FEATURES && !stop.asked() { Next::More } else { Next::Stop }
    })
    .map_err(Problem::from)?;
    Ok(Some(features).filter(|features| !features.is_empty()))
}

fn is_seen(geometry: &Geometry, [min_x, min_y, max_x, max_y]: [f64; 4]) -> bool {
    let frame = Rect::new((min_x, min_y), (max_x, max_y));
    let line = |points: &[[f64; 2]]| LineString::from(points.to_vec());
    match geometry {
        Geometry::Points(points) => points.iter().any(|[x, y]| frame.intersects(&Point::new(*x, *y))),
        Geometry::Lines(lines) => lines.iter().any(|points| frame.intersects(&line(points))),
        // Rings of several polygons come as one list; a hole that the frame lies in is seen as its outer ring is.
        Geometry::Polygons(rings) => {
            let crossed = rings.iter().any(|ring| frame.intersects(&line(ring)));
            crossed || rings.iter().filter(|ring| covers(ring, &frame)).count() % 2 == 1
        }
    }
}

/// Whether a ring that does not cross the frame has it inside.
fn covers(ring: &[[f64; 2]], frame: &Rect) -> bool {
    Polygon::new(LineString::from(ring.to_vec()), Vec::new()).intersects(&frame.center())
}

/// What is in the frame, as styles name it.
#[derive(Default)]
struct Legend {
    entries: Vec<Value>,
    labels: BTreeSet<String>,
}

impl Legend {
    fn add(&mut self, style: &Value, features: &[Feature], title: &str) {
        let Some(about) = style.pointer("/metadata/shikong") else { return };
        let Some(entries) = about.get("legend").and_then(Value::as_array) else { return };
        let values_of = |entry: &Value| -> Vec<String> {
            entry.get("values").and_then(Value::as_array).into_iter().flatten().map(plain).collect()
        };
        // A style without a field tells its classes by several; whatever value a feature has may be one.
        let field = about.get("field").and_then(Value::as_str);
        let present: BTreeSet<String> = features
            .iter()
            .flat_map(|f| f.properties.iter().filter(|(name, _)| field.is_none_or(|field| field == name.as_str())))
            .map(|(_, value)| value.to_text())
            .collect();
        let known: Vec<Vec<String>> = entries.iter().map(values_of).collect();
        for (entry, values) in entries.iter().zip(&known) {
            let seen = values.is_empty()
                || present.iter().any(|value| match field {
                    // Codes are hierarchic: the entry with the longest matching beginning is the value's own.
                    Some(_) => {
                        let length = |values: &[String]| {
                            values.iter().filter(|v| value.starts_with(v.as_str())).map(String::len).max().unwrap_or(0)
                        };
                        let own = length(values);
                        own > 0 && known.iter().all(|others| length(others) <= own)
                    }
                    None => values.contains(value),
                });
            // A style of one class is any layer's; the layer's own title says which.
            let label = if entries.len() == 1 && values.is_empty() && !title.is_empty() {
                title
            } else {
                entry.get("zh").and_then(Value::as_str).unwrap_or(title)
            };
            if seen && self.labels.insert(label.to_owned()) {
                let shape = match entry.get("shape").and_then(Value::as_str) {
                    Some("line") => "line",
                    Some("circle" | "point") => "point",
                    _ => "fill",
                };
                let color = entry.get("color").and_then(Value::as_str).unwrap_or("#808080");
                self.entries.push(json!({ "label": label, "color": color, "shape": shape }));
            }
        }
    }
}

pub(super) fn feature(kind: &str, label: String, geometry: Geometry) -> Feature {
    let text = carto::Value::Text;
    let properties = BTreeMap::from([("kind".to_owned(), text(kind.to_owned())), ("label".to_owned(), text(label))]);
    Feature { id: None, properties, geometry }
}

/// North arrow, scale and scale bar, laid over the lower left and the upper right corner.
pub(super) fn furniture(frame: Frame, scale: u32, [min_x, min_y, _, _]: [f64; 4]) -> Vec<Feature> {
    let m_per_mm = f64::from(scale) / 1000.0;
    // Millimetres from the lower left corner of the frame.
    let at = |x_mm: f64, y_mm: f64| [min_x + x_mm * m_per_mm, min_y + y_mm * m_per_mm];
    let polygon = |kind: &str, points: &[[f64; 2]]| {
        feature(kind, String::new(), Geometry::Polygons(vec![points.iter().map(|[x, y]| at(*x, *y)).collect()]))
    };
    let rect = |kind: &str, x: f64, y: f64, w: f64, h: f64| {
        polygon(kind, &[[x, y], [x + w, y], [x + w, y + h], [x, y + h], [x, y]])
    };
    let words = |label: String, x: f64, y: f64| feature("words", label, Geometry::Points(vec![at(x, y)]));
    let (part_m, parts) = bar(scale);
    let part_mm = part_m / m_per_mm;
    let (left, low) = (8.0, 4.0);
    let mut made = vec![rect("plate", left - 6.0, low - 2.0, part_mm * f64::from(parts) + 16.0, 14.0)];
    for i in 0..parts {
        let kind = if i % 2 == 0 { "dark" } else { "light" };
        made.push(rect(kind, left + part_mm * f64::from(i), low, part_mm, 1.6));
    }
    // Where the parts are short every other one is named, or the numbers run into each other.
    let step = if part_mm < LABELS_APART_MM { 2 } else { 1 };
    for i in (0..=parts).step_by(step) {
        let unit = if i == parts { "米" } else { "" };
        made.push(words(format!("{}{unit}", part_m * f64::from(i)), left + part_mm * f64::from(i), low + 4.0));
    }
    made.push(words(format!("1:{scale}"), left + part_mm * f64::from(parts) / 2.0, low + 8.8));
    let (x, y) = (frame.width_mm - 10.0, frame.height_mm - 20.0);
    made.extend([
        rect("plate", x - 6.0, y - 2.0, 12.0, 20.0),
        polygon("dark", &[[x, y + 12.0], [x - 3.4, y], [x, y + 2.6], [x, y + 12.0]]),
        polygon("light", &[[x, y + 12.0], [x + 3.4, y], [x, y + 2.6], [x, y + 12.0]]),
        words("北".to_owned(), x, y + 15.0),
        rect("border", 0.0, 0.0, frame.width_mm, frame.height_mm),
    ]);
    made
}

/// Length in metres of one part of the scale bar, and how many there are.
fn bar(scale: u32) -> (f64, u8) {
    (nice(f64::from(scale) * 0.012), 4)
}

/// The red line and the conflicts, each with what the style tells them by, and the numbers of the conflicts as points.
fn own_features(red_line: &[Rings], drawing: &Drawing, plane: &Crs, scale: u32) -> Result<Vec<Feature>, Problem> {
    let placing = if drawing.conflicts.is_empty() {
        None
    } else {
        let crs = Crs::from_user_input(&drawing.conflicts_crs).map_err(Problem::internal)?;
        Some(Transform::new(&crs, plane).map_err(Problem::internal)?)
    };
    let mut features = Vec::new();
    let mut numbers = Vec::new();
    for (conflict, placing) in drawing.conflicts.iter().zip(placing.iter().cycle()) {
        let kind = if conflict.forbids { "fail" } else { "conditional" };
        let mut largest: Option<(f64, [f64; 2])> = None;
        for polygon in &conflict.polygons {
            let rings = polygon
                .iter()
                .map(|ring| transform_line(ring, placing, MAX_SAGITTA_M))
                .collect::<Result<Rings, _>>()
                .map_err(Problem::internal)?;
            if let Some(pole) = pole_of_inaccessibility(&rings, None)
                && largest.is_none_or(|(distance, _)| pole.depth > distance)
            {
                largest = Some((pole.depth, pole.at));
            }
            features.push(feature(kind, String::new(), Geometry::Polygons(rings)));
        }
        // One number a conflict, on its largest piece.
        if let Some((distance, point)) = largest {
            numbers.push((conflict.number, distance, point));
        }
    }
    numbers.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    numbers.dedup_by_key(|(number, _, _)| *number);
    features.extend(red_line.iter().map(|rings| feature("red-line", String::new(), Geometry::Polygons(rings.clone()))));
    let places = numbers.into_iter().map(|(number, _, point)| (number, point));
    let labels = together(places, NUMBERS_APART_MM / 1000.0 * f64::from(scale));
    let labels = labels.into_iter().map(|(label, point)| feature("number", label, Geometry::Points(vec![point])));
    features.extend(labels);
    Ok(features)
}

/// Numbers with their places; those nearer than `apart_m` to an earlier one stand beside it, in one label: two rules
/// often take the same land, and the second would hide the first.
fn together(numbers: impl Iterator<Item = (usize, [f64; 2])>, apart_m: f64) -> Vec<(String, [f64; 2])> {
    let mut labels: Vec<(String, [f64; 2])> = Vec::new();
    for (number, [x, y]) in numbers {
        match labels.iter_mut().find(|(_, [a, b])| (x - a).hypot(y - b) < apart_m) {
            Some((label, _)) => {
                label.push('、');
                label.push_str(&number.to_string());
            }
            None => labels.push((number.to_string(), [x, y])),
        }
    }
    labels
}

/// What the templates need to draw the frame.
pub(super) fn margin_of(frame: Frame, scale: u32, [min_x, min_y, max_x, max_y]: [f64; 4], legend: &[Value]) -> Value {
    let mm_per_m = 1000.0 / f64::from(scale);
    let step_m = nice(f64::from(scale) * 0.05);
    let ticks = |from: f64, to: f64, at_mm: &dyn Fn(f64) -> f64| -> Vec<Value> {
        let first = (from / step_m).ceil() as i64;
        let last = (to / step_m).floor() as i64;
        (first..=last)
            .map(|n| {
                let at = n as f64 * step_m;
                json!({ "at_mm": at_mm(at), "label": format!("{at}") })
            })
            .collect()
    };
    json!({
        "width_mm": frame.width_mm,
        "height_mm": frame.height_mm,
        "scale": format!("1:{scale}"),
        "ticks_x": ticks(min_x, max_x, &|x| (x - min_x) * mm_per_m),
        "ticks_y": ticks(min_y, max_y, &|y| (max_y - y) * mm_per_m),
        "legend": legend,
    })
}

/// 1, 2 or 5 times a power of ten, not over `most` (at least 1).
pub(super) fn nice(most: f64) -> f64 {
    let power = 10_f64.powf(most.max(1.0).log10().floor());
    [5.0, 2.0, 1.0].into_iter().map(|m| m * power).find(|m| *m <= most).unwrap_or(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A4: Frame = Frame { width_mm: 150.0, height_mm: 110.0, dpi: 200.0 };

    #[test]
    fn the_scale_is_whole_and_the_red_line_fits_with_its_surroundings() {
        // 300 m x 200 m on 150 mm x 110 mm: 1:3000 leaves the surroundings their half.
        let hull = [500_000.0, 3_100_000.0, 500_300.0, 3_100_200.0];
        let scale = scale_of(hull, A4);
        assert_eq!(scale, 3_000);
        let bounds = bounds_of(hull, A4, scale);
        assert!((bounds[2] - bounds[0] - 450.0).abs() < 1e-6 && (bounds[3] - bounds[1] - 330.0).abs() < 1e-6);
        assert!((f64::midpoint(bounds[0], bounds[2]) - 500_150.0).abs() < 1e-6);
    }

    #[test]
    fn the_bar_is_as_long_on_paper_as_its_ground_at_the_scale() {
        for scale in SCALES {
            let bounds = bounds_of([0.0, 0.0, 1.0, 1.0], A4, scale);
            let (part_m, parts) = bar(scale);
            let drawn = furniture(A4, scale, bounds);
            let bars: Vec<_> =
                drawn.iter().filter(|f| f.properties["kind"] != carto::Value::Text("plate".to_owned())).collect();
            let Geometry::Polygons(first) = &bars[0].geometry else { panic!("a part of the bar") };
            // Map coordinates are metres of the plane, so the part is as long as its label says.
            assert!((first[0][1][0] - first[0][0][0] - part_m).abs() < 1e-9, "{scale}");
            let whole_mm = part_m * f64::from(parts) * 1000.0 / f64::from(scale);
            assert!((18.0..=50.0).contains(&whole_mm), "{scale}: {whole_mm} mm");
        }
    }

    #[test]
    fn numbers_of_one_place_stand_in_one_label() {
        let labels = together([(1, [0.0, 0.0]), (2, [3.0, 0.0]), (3, [40.0, 0.0]), (4, [0.0, 4.0])].into_iter(), 6.0);
        assert_eq!(labels, [("1、2、4".to_owned(), [0.0, 0.0]), ("3".to_owned(), [40.0, 0.0])]);
    }

    #[test]
    fn a_polygon_round_the_frame_is_seen_and_one_whose_hole_is_round_it_is_not() {
        let square = |half: f64| vec![[-half, -half], [half, -half], [half, half], [-half, half], [-half, -half]];
        let frame = [-1.0, -1.0, 1.0, 1.0];
        assert!(is_seen(&Geometry::Polygons(vec![square(10.0)]), frame));
        assert!(!is_seen(&Geometry::Polygons(vec![square(10.0), square(5.0)]), frame));
        assert!(is_seen(&Geometry::Polygons(vec![square(10.0), square(0.5)]), frame));
    }
}
