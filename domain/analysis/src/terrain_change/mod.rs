//! 地表变化量算: what two surveys of a slope say that moved, and what that is worth.
//!
//! Request, where `D` is `{"dataset", "datetime"?, "recorded"?}`: `{"before": D, "after": D, "within"?: area,
//! "align"?: "none" | "stable-ground", "accuracy_m"?: {"before", "after"}, "least_m2"?, "sections"?: [[[lon, lat], …], …]}`.
//! An area is what a red line may be, or `[west, south, east, north]` degrees; ground inside it takes no part in the check of
//! the surveys' fit.
//!
//! The surveys are held against each other on ground that did not move (`registration`); the shift found there is taken off
//! only on request, and what is made with it says so. Cells that changed by more than the level of detection become places;
//! volumes carry an interval that knows that neighbouring errors are alike. Grids are read in bands: neither survey is ever
//! whole in memory.

mod pair;
mod registration;
mod section;
mod volume;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    AnalysisError, FoundPatch, Polygon, Surface,
    change::Asked,
    clip::Site,
    figures::{Figures, rounded},
    marks::{Marks, Place, Run, Window, filled},
    mechanism::{Analysis, DataWanted, Findings, RuleBook, RuleDocument, Task, one_height_datum, sources},
    sites::area_asked,
    slope::{rings_of, spans},
};
use pair::Pair;
use registration::{Registration, Spread, register};
use volume::{Error, Moved, measure};

/// The analysis.
pub(crate) static TERRAIN_CHANGE: Analysis =
    Analysis { name: "terrain-change", title_zh: "地表变化量算", title_en: "Change of the ground", wanted, run };

/// Name of this rule in results; changes when the same input may give another result.
const RULE: &str = "terrain-change/1";
/// Its rule document.
pub(crate) const RULE_DOCUMENT: &str = "terrain-change";
/// What else may be done where height datums differ.
const OTHERWISE: [&str; 2] =
    ["；应急时可选“按稳定地面归算”，结果标注应急参考", ", or ask to align on stable ground in an emergency"];
/// Rows read at once.
const BAND: usize = 256;
/// Cells of the overlap: 20,000 x 20,000, a bit each.
const MOST_CELLS: usize = 400_000_000;
/// Places that are described; the largest are kept and the others counted.
const MOST_PLACES: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Align {
    #[default]
    None,
    StableGround,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Accuracy {
    before: f64,
    after: f64,
}

#[derive(Debug, Deserialize)]
struct Request {
    before: Asked,
    after: Asked,
    #[serde(default)]
    within: Value,
    #[serde(default)]
    align: Align,
    accuracy_m: Option<Accuracy>,
    least_m2: Option<f64>,
    #[serde(default)]
    sections: Vec<Vec<[f64; 2]>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    #[expect(dead_code, reason = "every rule document has it; the rule book's version is what results name")]
    document: toml::Table,
    detection: Detection,
    stable: Stable,
    scale: Vec<Scale>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Detection {
    coverage: f64,
    least_sigma_m: f64,
    open_cells: usize,
    most_open_cells: usize,
    close_m: f64,
    least_m2: f64,
    hole_m2: f64,
    edge_m: f64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stable {
    least_m2: f64,
    least_share: f64,
    significant: f64,
    negligible_m: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scale {
    name: String,
    from_m3: f64,
}

fn refuse(what_zh: impl Into<String>, what_en: impl Into<String>) -> AnalysisError {
    AnalysisError::Request { what_zh: what_zh.into(), what_en: what_en.into() }
}

fn read(request: &Value) -> Result<Request, AnalysisError> {
    let read: Request = serde_json::from_value(request.clone())
        .map_err(|error| refuse(format!("地表变化量算的请求无法读取：{error}"), error.to_string()))?;
    let sane = |m: f64| (0.0..=100.0).contains(&m);
    if read.accuracy_m.is_some_and(|accuracy| !sane(accuracy.before) || !sane(accuracy.after)) {
        return Err(refuse("两期精度（中误差）应为 0 至 100 米", "accuracies are 0 to 100 m"));
    }
    if read.least_m2.is_some_and(|m2| !(0.0..1e9).contains(&m2)) {
        return Err(refuse("最小面积应为 0 至 10 亿平方米", "least_m2 is 0 to 1e9"));
    }
    Ok(read)
}

/// Refuses a document that cannot be used.
pub(crate) fn check(document: &RuleDocument) -> Result<(), AnalysisError> {
    rules_of(document).map(|_| ())
}

fn rules_of(document: &RuleDocument) -> Result<Rules, AnalysisError> {
    let bad = |what: String| AnalysisError::BadRule { name: RULE_DOCUMENT.to_owned(), what };
    let rules: Rules = toml::from_str(&document.text).map_err(|error| bad(error.to_string()))?;
    let Detection { coverage, least_sigma_m, open_cells, most_open_cells, close_m, least_m2, hole_m2, edge_m } =
        rules.detection;
    let sane = (1.0..=5.0).contains(&coverage)
        && (0.0..=10.0).contains(&least_sigma_m)
        && open_cells <= most_open_cells
        && most_open_cells <= 20
        && (0.0..=50.0).contains(&close_m)
        && [least_m2, hole_m2].iter().all(|m2| (0.0..1e7).contains(m2))
        && (0.0..=100.0).contains(&edge_m);
    if !sane {
        return Err(bad(
            "[detection] 的倍数应为 1 至 5，其余不应为负或过大 (coverage 1 to 5, nothing negative or huge)".to_owned(),
        ));
    }
    let Stable { least_m2, least_share, significant, negligible_m } = rules.stable;
    if !(0.0..1e9).contains(&least_m2) || !(0.0..=1.0).contains(&least_share) || significant < 1.0 || negligible_m < 0.0
    {
        return Err(bad(
            "[stable] 的面积不应为负，比例在 0 至 1 之间，倍数不小于 1 (areas, shares and factors)".to_owned()
        ));
    }
    let rising = rules.scale.windows(2).all(|pair| pair[0].from_m3 < pair[1].from_m3);
    if rules.scale.first().is_none_or(|first| first.from_m3 > 0.0) || !rising {
        return Err(bad("[[scale]] 应从 0 起、逐级增大 (begins at 0 and rises)".to_owned()));
    }
    Ok(rules)
}

fn wanted(request: &Value, rules: &RuleBook) -> Result<DataWanted, AnalysisError> {
    rules_of(rules.document(RULE_DOCUMENT)?)?;
    let request = read(request)?;
    let area = (!request.within.is_null()).then(|| area_asked(&request.within)).transpose()?;
    Ok(DataWanted {
        layers: Vec::new(),
        surfaces: vec![request.before.surface("before"), request.after.surface("after")],
        bounds_lon_lat_deg: area.map(|area| area.bounds_lon_lat_deg()).transpose()?,
    })
}

/// The level of detection and what it comes from.
struct Level {
    sigma_m: f64,
    detection_m: f64,
    is_given: bool,
}

#[expect(clippy::too_many_lines, reason = "one result, from the fit of the surveys to the places")]
fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let request = read(task.request)?;
    let document = task.rules.document(RULE_DOCUMENT)?;
    let rules = rules_of(document)?;
    let surface = |role: &str| {
        task.surfaces
            .get(role)
            .copied()
            .ok_or_else(|| refuse(format!("缺少高程“{role}”"), format!("the surface {role} is missing")))
    };
    let (before, after) = (surface("before")?, surface("after")?);
    in_order(before, after)?;
    let mut pair = Pair::new(before, after)?;
    let area = (!request.within.is_null()).then(|| area_asked(&request.within)).transpose()?;
    let outline = area.as_ref().map(|area| area.in_plane(task.plane)).transpose()?;
    let polygons: Vec<Polygon> =
        outline.iter().flat_map(|area| &area.parcels).flat_map(|parcel| parcel.polygons.clone()).collect();
    let rings = rings_of(pair.base(), &polygons, task.plane)?;
    let found = register(&pair, &|y| spans(&rings, y), task.watch)?;
    let registration = found.filter(|found| {
        found.stable_m2 >= rules.stable.least_m2 && found.stable_m2 >= rules.stable.least_share * found.looked_at_m2
    });
    let shift = registration.as_ref().map(|found| found.shift_m.map(Option::unwrap_or_default));
    match (request.align, &shift) {
        (Align::StableGround, Some(shift)) => pair.align(*shift),
        (Align::StableGround, None) => return Err(no_stable_ground(&rules, true)),
        (Align::None, _) => one_height_datum(before, after, OTHERWISE)?,
    }
    let aligned = request.align == Align::StableGround;
    let level = level(&request, &rules, registration.as_ref(), aligned)?;
    let mut window = pair.window;
    if !rings.is_empty() {
        window = pair.narrowed(&rings.concat());
    }
    if window.cells() == 0 {
        return Err(refuse(
            "所圈范围不在两期数据的重叠范围内，请重新圈定",
            "the area lies outside of what both surveys cover: draw it again",
        ));
    }
    if window.cells() > MOST_CELLS {
        return Err(refuse(
            "两期重叠范围超过 4 亿个像元，请用 within 圈定要查的范围",
            "the overlap has more than 400 million cells: say within which area to look",
        ));
    }
    let looked = detect(task, &pair, window, &rings, &level)?;
    let cell = pair.cell_m(window.row + window.rows / 2);
    let cell_m2 = cell[0] * cell[1];
    let least_m2 = request.least_m2.unwrap_or(rules.detection.least_m2);
    let least_cells = (least_m2 / cell_m2).ceil().max(1.0) as usize;
    // Noise whose neighbours are alike makes specks as large as it reaches.
    let reach_m = registration.as_ref().map_or(0.0, Registration::correlation_length_m);
    let thin = ((reach_m / cell[0].max(cell[1]) / 2.0).round() as usize)
        .clamp(rules.detection.open_cells, rules.detection.most_open_cells);
    let steps = (rules.detection.close_m / cell[0].max(cell[1]) / 2.0).ceil() as usize;
    let marks = looked.marks.opened(thin).closed(steps.min(40));
    let mut places = marks.places(true, least_cells);
    drop(marks);
    let found = places.len();
    places.truncate(MOST_PLACES);
    let hole_cells = (rules.detection.hole_m2 / cell_m2) as usize;
    let error = Error {
        coverage: rules.detection.coverage,
        sigma_m: level.sigma_m,
        correlation_m2: registration.as_ref().map_or(cell_m2, |found| found.correlation_m2).max(cell_m2),
        common_m: registration.as_ref().map_or(0.0, |found| {
            found.common_sigma_m.hypot(found.standard_error_m[2].filter(|error| error.is_finite()).unwrap_or(0.0))
        }),
        // What the surveys are apart and nobody took off is in every height.
        apart_m: if aligned { [0.0; 3] } else { shift.unwrap_or_default() },
    };
    let edge_cells = (rules.detection.edge_m / cell[0].max(cell[1])).round() as usize;
    let mut described = Vec::with_capacity(places.len());
    for (index, place) in places.into_iter().map(|place| filled(place, hole_cells)).enumerate() {
        task.watch.progress(0.8 + 0.2 * index as f64 / found.max(1) as f64, "量算变化体积");
        if task.watch.cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        let moved = measure(&pair, window, &place, level.detection_m, error.apart_m[2], edge_cells)?;
        described.push((place, moved));
    }
    let patches = patches(task, &pair, window, &described, &error, &rules)?;
    let total = described.iter().map(|(_, moved)| moved).fold(Moved::default(), Moved::and);
    let whole = described.iter().max_by(|a, b| a.1.loss_m3.total_cmp(&b.1.loss_m3)).map(|(_, moved)| moved);
    let mut result = json!({
        "rule": RULE, "rule_versions": { RULE_DOCUMENT: document.version }, "sources": sources(task),
        "aligned": aligned,
        "registration": registration.as_ref().map(|found| registration_json(found, &rules, before, after)),
        "level_of_detection_m": rounded(level.detection_m, 3),
        "sigma_m": rounded(level.sigma_m, 4),
        "accuracy": if level.is_given { "given" } else { "estimated" },
        "cells": { "size_m": cell.map(|m| rounded(m, 3)), "looked_at": looked.looked_at, "without_height": looked.without_height },
        "places": { "found": found, "described": described.len(), "least_m2": least_m2 },
        "sections": section::sections(&pair, &request.sections)?,
    });
    if let Value::Object(result) = &mut result {
        volume::put(result, &total, &error);
        if aligned {
            result.insert("stamp".to_owned(), json!("应急参考"));
        }
        if let Some(largest) = whole {
            result.insert("scale".to_owned(), json!(scale_of(&rules, largest)));
        }
        result.insert("message".to_owned(), message(&rules, registration.as_ref(), aligned, described.len()));
    }
    Ok(Findings { result, patches })
}

/// An epoch before the other is the one that was surveyed earlier.
fn in_order(before: &dyn Surface, after: &dyn Surface) -> Result<(), AnalysisError> {
    // RFC 3339 of one zone compares as text.
    if before.valid_from() > after.valid_from() {
        return Err(refuse(
            format!(
                "前一期（{}，{}）晚于后一期（{}，{}），请对调",
                before.source(),
                day(before),
                after.source(),
                day(after)
            ),
            format!("before ({}) is later than after ({}): swap them", before.source(), after.source()),
        ));
    }
    Ok(())
}

fn day(surface: &dyn Surface) -> &str {
    surface.valid_from().split('T').next().unwrap_or_default()
}

fn no_stable_ground(rules: &Rules, to_align: bool) -> AnalysisError {
    let zh = if to_align { "不能按稳定地面归算" } else { "不能估计误差" };
    refuse(
        format!(
            "没有足够的稳定地面（至少 {} 平方米，且占所查地面的 {:.0}%），{zh}。请用 within 圈出变化范围、把数据范围扩大到未变化的地方，或给出两期精度 accuracy_m",
            rules.stable.least_m2,
            100.0 * rules.stable.least_share
        ),
        "there is too little stable ground: draw the area that changed (within), bring surveys that reach beyond it, or state their accuracy_m",
    )
}

/// How much a cell must change to count.
fn level(
    request: &Request,
    rules: &Rules,
    registration: Option<&Registration>,
    aligned: bool,
) -> Result<Level, AnalysisError> {
    let least_m = rules.detection.least_sigma_m * std::f64::consts::SQRT_2;
    let estimated = registration.map(|found| found.sigma_m.max(least_m));
    let given = request.accuracy_m.map(|accuracy| accuracy.before.hypot(accuracy.after));
    let (sigma_m, is_given) = match (given, estimated) {
        (Some(given), _) => (given.max(1e-3), true),
        (None, Some(estimated)) => (estimated, false),
        (None, None) => return Err(no_stable_ground(rules, false)),
    };
    // What is known to be wrong with all heights is no change of the ground.
    let off_m = if aligned { 0.0 } else { registration.map_or(0.0, |found| found.before.median_m.abs()) };
    Ok(Level { sigma_m, detection_m: rules.detection.coverage * sigma_m + off_m, is_given })
}

#[expect(clippy::struct_field_names, reason = "what was looked at")]
struct Looked {
    marks: Marks,
    looked_at: u64,
    without_height: u64,
}

/// Marks the cells of the window that changed by more than can be noise.
fn detect(
    task: &Task<'_>,
    pair: &Pair<'_>,
    window: Window,
    rings: &[Vec<[f64; 2]>],
    level: &Level,
) -> Result<Looked, AnalysisError> {
    let [west, north, width, height] = pair.base().grid();
    let mut looked = Looked { marks: Marks::new(window.columns, window.rows), looked_at: 0, without_height: 0 };
    let limit = level.detection_m as f32;
    for first in (0..window.rows).step_by(BAND) {
        if task.watch.cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        task.watch.progress(0.3 + 0.5 * first as f64 / window.rows as f64, "逐像元比较两期高程");
        let rows = BAND.min(window.rows - first);
        let heights = pair.read(Window { row: window.row + first, rows, ..window })?;
        let lines = heights.before.chunks_exact(window.columns).zip(heights.after.chunks_exact(window.columns));
        for (index, (before, after)) in lines.enumerate() {
            let row = first + index;
            let y = north - ((window.row + row) as f64 + 0.5) * height;
            let cell = |x: f64| {
                ((x - west) / width - window.column as f64 - 0.5).ceil().clamp(0.0, window.columns as f64) as usize
            };
            let parts = if rings.is_empty() {
                vec![(0, window.columns)]
            } else {
                spans(rings, y).into_iter().map(|[from, to]| (cell(from), cell(to))).collect()
            };
            for (from, to) in parts {
                looked.looked_at += (to - from) as u64;
                for column in from..to {
                    let difference = (after[column] - before[column]).abs();
                    if difference > limit {
                        looked.marks.set(column, row);
                    } else if difference.is_nan() {
                        looked.without_height += 1;
                    }
                }
            }
        }
    }
    Ok(looked)
}

/// The largest class that a volume reaches; lost ground is what slid.
fn scale_of(rules: &Rules, moved: &Moved) -> String {
    let volume_m3 = moved.loss_m3.max(moved.gain_m3);
    let reached = rules.scale.iter().rev().find(|scale| volume_m3 >= scale.from_m3);
    reached.map(|scale| scale.name.clone()).unwrap_or_default()
}

/// The outlines with what is known of each.
fn patches(
    task: &Task<'_>,
    pair: &Pair<'_>,
    window: Window,
    places: &[(Place, Moved)],
    error: &Error,
    rules: &Rules,
) -> Result<Vec<FoundPatch>, AnalysisError> {
    places
        .iter()
        .enumerate()
        .map(|(index, (place, moved))| {
            let cells = cells_in_plane(task, pair, window, &place.runs)?;
            let site = Site::around(cells.iter(), task.plane)?;
            let region = site.region(cells.iter());
            let mut properties = Map::new();
            properties.insert("kind".to_owned(), json!("moved-ground"));
            Figures::of(site.areas(&region)).put_m2(&mut properties);
            volume::put(&mut properties, moved, error);
            properties.insert("scale".to_owned(), json!(scale_of(rules, moved)));
            volume::put_travel(&mut properties, moved, task, pair)?;
            Ok(FoundPatch {
                id: format!("BH{:04}", index + 1),
                properties,
                polygons: site.polygons(&region),
                ..FoundPatch::default()
            })
        })
        .collect()
}

/// Runs of cells as rectangles of the task's plane.
fn cells_in_plane(
    task: &Task<'_>,
    pair: &Pair<'_>,
    window: Window,
    runs: &[Run],
) -> Result<Vec<Polygon>, AnalysisError> {
    let [west, north, width, height] = pair.base().grid();
    let mut corners: Vec<[f64; 2]> = runs
        .iter()
        .flat_map(|run| {
            let x = [run.from, run.to].map(|column| west + (window.column + column as usize) as f64 * width);
            let y = [run.row, run.row + 1].map(|row| north - (window.row + row as usize) as f64 * height);
            [[x[0], y[1]], [x[1], y[1]], [x[1], y[0]], [x[0], y[0]]]
        })
        .collect();
    if pair.base().crs() != task.plane {
        geodesy::Transform::new(pair.base().crs(), task.plane)?.points(&mut corners)?;
    }
    Ok(corners.as_chunks::<4>().0.iter().map(|ring| Polygon { exterior: ring.to_vec(), holes: Vec::new() }).collect())
}

fn registration_json(found: &Registration, rules: &Rules, before: &dyn Surface, after: &dyn Surface) -> Value {
    let m = |value: Option<f64>| value.filter(|v| v.is_finite()).map_or(Value::Null, |v| rounded(v, 4));
    let spread = |spread: &Spread| json!({ "median_m": rounded(spread.median_m, 4), "nmad_m": rounded(spread.nmad_m, 4), "p68_m": rounded(spread.p68_m, 4), "p95_m": rounded(spread.p95_m, 4) });
    let Stable { significant: factor, negligible_m, .. } = rules.stable;
    let significant = found.significant(factor, negligible_m);
    let tilted = found
        .tilt_m_per_km
        .iter()
        .zip(&found.tilt_error_m_per_km)
        .any(|(tilt, error)| tilt.abs() > factor * error && tilt.abs() >= negligible_m);
    json!({
        "stable_m2": rounded(found.stable_m2, 0), "looked_at_m2": rounded(found.looked_at_m2, 0), "blocks": found.blocks,
        "shift_m": { "east": m(found.shift_m[0]), "north": m(found.shift_m[1]), "up": m(found.shift_m[2]) },
        "standard_error_m": { "east": m(found.standard_error_m[0]), "north": m(found.standard_error_m[1]), "up": m(found.standard_error_m[2]) },
        "significant": { "east": significant[0], "north": significant[1], "up": significant[2] },
        "tilt_m_per_km": { "east": m(Some(found.tilt_m_per_km[0])), "north": m(Some(found.tilt_m_per_km[1])), "significant": tilted },
        "residual": { "as_delivered": spread(&found.before), "shift_taken_off": spread(&found.after) },
        "common_sigma_m": rounded(found.common_sigma_m, 4),
        "correlation_length_m": rounded(found.correlation_length_m(), 1),
        "height_datums": { "before": before.height_datum().to_string(), "after": after.height_datum().to_string() },
    })
}

/// What whoever reads the figures must know first.
fn message(rules: &Rules, registration: Option<&Registration>, aligned: bool, places: usize) -> Value {
    let Some(found) = registration else {
        return json!({
            "zh": "没有足够的稳定地面，两期是否套合未能检查；误差按给定精度计算，系统偏差未知。",
            "en": "There is too little stable ground: whether the surveys fit was not checked. Errors are those stated; a common offset is unknown.",
        });
    };
    let [east, north, up] = found.shift_m.map(Option::unwrap_or_default);
    let level = east.hypot(north);
    let off = found.significant(rules.stable.significant, rules.stable.negligible_m).contains(&true);
    let [none_zh, none_en] = if places == 0 {
        ["未发现超过检出限的变化。", "Nothing changed by more than the level of detection. "]
    } else {
        [""; 2]
    };
    let [zh, en] = if aligned {
        [
            format!("后一期已按稳定地面归算（平面 {level:.3} 米、高程 {up:.3} 米），成果为应急参考。"),
            format!(
                "The later survey was moved to fit stable ground ({level:.3} m level, {up:.3} m up); for emergency use only."
            ),
        ]
    } else if off {
        [
            format!(
                "两期在稳定地面上相差平面 {level:.3} 米、高程 {up:.3} 米，超出偶然误差；体积区间已计入。可选“按稳定地面归算”重算。"
            ),
            format!(
                "On stable ground the surveys differ by {level:.3} m level and {up:.3} m up, more than by chance; the intervals allow for it. Ask to align on stable ground to have it taken off."
            ),
        ]
    } else {
        ["两期套合良好。".to_owned(), "The surveys fit.".to_owned()]
    };
    json!({ "zh": format!("{none_zh}{zh}"), "en": format!("{none_en}{en}") })
}
