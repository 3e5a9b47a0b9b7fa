//! 地表变化量算: what two surveys of a slope say that moved, and what that is worth.
//!
//! Request, where `D` is `{"dataset", "datetime"?, "recorded"?}`: `{"before"?: D, "after": D, "within"?: area,
//! "align"?: "none" | "stable-ground" | "stable-ground-and-tilt", "accuracy_m"?: {"before", "after"}, "least_m2"?,
//! "sections"?: [[[lon, lat], …], …], "buildings"?: true, "registers"?: {"houses": dataset},
//! "overrides"?: {building number: {"state", "reason"}}, "rasters"?: true}`.
//! An area is what a red line may be, or `[west, south, east, north]` degrees; ground inside it takes no part in the check of
//! the surveys' fit. Without `before` nothing is differenced and the area is the answer (`after_only`).
//!
//! The surveys are held against each other on ground that did not move (`registration`); the shift found there is taken off
//! only on request, and what is made with it says so. Cells that changed by more than the level of detection become places;
//! volumes carry an interval that knows that neighbouring errors are alike. Grids are read in bands: neither survey is ever
//! whole in memory.

mod after_only;
mod footprint;
mod houses;
pub(crate) mod pair;
mod raster;
mod registration;
mod report;
mod rules;
mod section;
mod volume;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    AnalysisError, Polygon, Surface,
    change::Asked,
    figures::rounded,
    marks::{Marks, Window, filled},
    mechanism::{Analysis, DataWanted, Findings, RuleBook, Task, one_height_datum, sources},
    sites::area_asked,
    slope::{rings_of, spans},
};
use houses::{Houses, Seen};
use pair::Pair;
use registration::{Registration, register};
use report::{Alignment, message, patches, registration_json, scale_of};
pub(crate) use rules::check;
use rules::{Rules, Stable, rules_of};
use volume::{Error, Moved, measure};

/// The analysis.
pub(crate) static TERRAIN_CHANGE: Analysis = Analysis {
    name: "terrain-change",
    title_zh: "地表变化量算",
    title_en: "Change of the ground",
    results_are_datasets: true,
    wanted,
    run,
};

/// Name of this rule in results; changes when the same input may give another result.
const RULE: &str = "terrain-change/2";
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
    StableGroundAndTilt,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Accuracy {
    before: f64,
    after: f64,
}

#[derive(Debug, Deserialize)]
struct Request {
    before: Option<Asked>,
    after: Asked,
    #[serde(default)]
    within: Value,
    #[serde(default)]
    align: Align,
    accuracy_m: Option<Accuracy>,
    least_m2: Option<f64>,
    #[serde(default)]
    sections: Vec<Vec<[f64; 2]>>,
    #[serde(flatten)]
    houses: Houses,
    #[serde(default)]
    rasters: bool,
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
    if read.before.is_none() && read.within.is_null() {
        return Err(refuse(
            "没有变化前的高程（before），不能自动找出变化范围：请选择变化前的数据，或用 within 圈出变化范围（只给出面积，深度与体积未知）",
            "without a survey before the change nothing can be found: name one (before), or draw the area that moved (within); then its area is given, depth and volume stay unknown",
        ));
    }
    if read.before.is_none() && (read.align != Align::None || read.rasters) {
        return Err(refuse(
            "没有变化前的高程（before），不能归算，也没有高差图：请去掉 align 与 rasters",
            "without a survey before the change there is nothing to align with and no difference: leave out align and rasters",
        ));
    }
    read.houses.check()?;
    Ok(read)
}

fn wanted(request: &Value, rules: &RuleBook) -> Result<DataWanted, AnalysisError> {
    rules_of(rules.document(RULE_DOCUMENT)?)?;
    let asked = read(request)?;
    let area = (!asked.within.is_null()).then(|| area_asked(&asked.within)).transpose()?;
    let bounds_lon_lat_deg = area.map(|area| area.bounds_lon_lat_deg()).transpose()?;
    Ok(DataWanted {
        layers: asked.houses.wanted(request, rules, bounds_lon_lat_deg)?,
        surfaces: asked
            .before
            .iter()
            .map(|before| before.surface("before"))
            .chain([asked.after.surface("after")])
            .collect(),
        bounds_lon_lat_deg,
        ..DataWanted::default()
    })
}

/// The level of detection and what it comes from.
struct Level {
    sigma_m: f64,
    detection_m: f64,
    is_given: bool,
}

fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let request = read(task.request)?;
    let rules = rules_of(task.rules.document(RULE_DOCUMENT)?)?;
    let surface = |role: &str| {
        task.surfaces
            .get(role)
            .copied()
            .ok_or_else(|| refuse(format!("缺少高程“{role}”"), format!("the surface {role} is missing")))
    };
    let area = (!request.within.is_null()).then(|| area_asked(&request.within)).transpose()?;
    let outline = area.as_ref().map(|area| area.in_plane(task.plane)).transpose()?;
    let polygons: Vec<Polygon> =
        outline.iter().flat_map(|area| &area.parcels).flat_map(|parcel| parcel.polygons.clone()).collect();
    let after = surface("after")?;
    if request.before.is_none() {
        return after_only::run(task, &request, &rules, after, &polygons);
    }
    let before = surface("before")?;
    in_order(before, after)?;
    compared(task, &request, &rules, [before, after], &polygons)
}

fn compared(
    task: &Task<'_>,
    request: &Request,
    rules: &Rules,
    [before, after]: [&dyn Surface; 2],
    polygons: &[Polygon],
) -> Result<Findings, AnalysisError> {
    let mut pair = Pair::new(before, after)?;
    let rings = rings_of(pair.base(), polygons, task.plane)?;
    let Fit { delivered, in_force, align } = fitted(task, request, rules, &mut pair, &rings)?;
    if !align.aligned {
        one_height_datum(before, after, OTHERWISE)?;
    }
    let registration = in_force.as_ref().or(delivered.as_ref());
    let level = level(request, rules, registration, align.aligned)?;
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
    let reach_m = registration.map_or(0.0, Registration::correlation_length_m);
    let thin = ((reach_m / cell[0].max(cell[1]) / 2.0).round() as usize)
        .clamp(rules.detection.open_cells, rules.detection.most_open_cells);
    let steps = (rules.detection.close_m / cell[0].max(cell[1]) / 2.0).ceil() as usize;
    let marks = looked.marks.opened(thin).closed(steps.min(40));
    let mut places = marks.places(true, least_cells);
    drop(marks);
    let found = places.len();
    let houses =
        request.houses.seen(task, rules, &pair, Seen { window, rings: &rings, places: &places, level: &level })?;
    places.truncate(MOST_PLACES);
    let hole_cells = (rules.detection.hole_m2 / cell_m2) as usize;
    let error = Error {
        coverage: rules.detection.coverage,
        sigma_m: level.sigma_m,
        correlation_m2: registration.map_or(cell_m2, |found| found.correlation_m2).max(cell_m2),
        common_m: registration.map_or(0.0, |found| {
            found.common_sigma_m.hypot(found.standard_error_m[2].filter(|error| error.is_finite()).unwrap_or(0.0))
        }),
        // What the surveys are apart and nobody took off is in every height.
        apart_m: match &delivered {
            Some(found) if !align.aligned => found.shift_m.map(Option::unwrap_or_default),
            _ => [0.0; 3],
        },
    };
    let edge_cells = (rules.detection.edge_m / cell[0].max(cell[1])).round() as usize;
    let mut described = Vec::with_capacity(places.len());
    for (index, place) in places.into_iter().map(|place| filled(place, hole_cells)).enumerate() {
        task.watch.progress(0.8 + 0.15 * index as f64 / found.max(1) as f64, "量算变化体积");
        if task.watch.cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        let moved = measure(&pair, window, &place, level.detection_m, error.apart_m[2], edge_cells)?;
        described.push((place, moved));
    }
    let mut patches = patches(task, &pair, window, &described, &error, rules)?;
    let total = described.iter().map(|(_, moved)| moved).fold(Moved::default(), Moved::and);
    let whole = described.iter().max_by(|a, b| a.1.loss_m3.total_cmp(&b.1.loss_m3)).map(|(_, moved)| moved);
    let mut result = json!({
        "rule": RULE, "rule_versions": rule_versions(task, request)?, "sources": sources(task), "mode": "two-surveys",
        "aligned": align.aligned,
        "registration": delivered.as_ref().map(|found| registration_json(found, rules, before, after)),
        "taken_off": pair.taken_off_json(),
        "level_of_detection_m": rounded(level.detection_m, 3),
        "sigma_m": rounded(level.sigma_m, 4),
        "accuracy": if level.is_given { "given" } else { "estimated" },
        "cells": { "size_m": cell.map(|m| rounded(m, 3)), "looked_at": looked.looked_at, "without_height": looked.without_height },
        "places": { "found": found, "described": described.len(), "least_m2": least_m2 },
        "sections": section::sections(&pair, &request.sections)?,
    });
    if let Value::Object(result) = &mut result {
        volume::put(result, &total, &error);
        if align.aligned {
            result.insert("stamp".to_owned(), json!("应急参考"));
        }
        if let Some(largest) = whole {
            result.insert("scale".to_owned(), json!(scale_of(rules, largest)));
        }
        if let Some(houses) = houses {
            patches.extend(houses.patches);
            result.insert("buildings".to_owned(), houses.result);
        }
        result.insert("message".to_owned(), message(rules, delivered.as_ref(), align, described.len()));
    }
    if request.rasters {
        raster::difference(task, &pair, window)?;
    }
    Ok(Findings { result, patches })
}

/// The documents that a result came from.
fn rule_versions(task: &Task<'_>, request: &Request) -> Result<Value, AnalysisError> {
    let mut versions = Map::new();
    let registers = request.houses.asked().then_some(crate::registers::DOCUMENT);
    for name in std::iter::once(RULE_DOCUMENT).chain(registers) {
        versions.insert(name.to_owned(), json!(task.rules.document(name)?.version));
    }
    Ok(Value::Object(versions))
}

/// How the surveys lie to each other: as delivered, and with what was taken off where that was asked for.
struct Fit {
    delivered: Option<Registration>,
    /// Of the surveys as they are read from now on, where that was found out again.
    in_force: Option<Registration>,
    align: Alignment,
}

/// Holds the surveys against each other, and brings them together as the request says.
fn fitted(
    task: &Task<'_>,
    request: &Request,
    rules: &Rules,
    pair: &mut Pair<'_>,
    rings: &[Vec<[f64; 2]>],
) -> Result<Fit, AnalysisError> {
    let Stable { least_m2, least_share, significant, negligible_m } = rules.stable;
    let enough =
        |found: &Registration| found.stable_m2 >= least_m2 && found.stable_m2 >= least_share * found.looked_at_m2;
    let delivered = register(pair, &|y| spans(rings, y), task.watch)?.filter(enough);
    let tilt_asked = request.align == Align::StableGroundAndTilt;
    let mut align = Alignment { aligned: request.align != Align::None, tilt_asked, tilt_taken_off: false };
    if !align.aligned {
        return Ok(Fit { delivered, in_force: None, align });
    }
    let Some(found) = &delivered else { return Err(no_stable_ground(rules, true)) };
    let shift_m = found.shift_m.map(Option::unwrap_or_default);
    pair.align(shift_m, None);
    if !tilt_asked || !found.is_tilted(significant, negligible_m) {
        return Ok(Fit { delivered, in_force: None, align });
    }
    align.tilt_taken_off = true;
    pair.align(shift_m, Some(found.tilt()));
    // What the tilt hid shows only without it; errors are those of what is left.
    let left = register(pair, &|y| spans(rings, y), task.watch)?.filter(enough);
    if let Some(left) = &left {
        pair.align_further(left.shift_m.map(Option::unwrap_or_default), left.tilt());
    }
    Ok(Fit { delivered, in_force: left, align })
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
                let differences = before[from..to].iter().zip(&after[from..to]).map(|(before, after)| after - before);
                looked.without_height += looked.marks.mark_above(row, from, differences.map(f32::abs), limit);
            }
        }
    }
    Ok(looked)
}
