//! Whether two places see each other: the ground under the straight line between them, and the first that rises above it.
//!
//! Heights lie on the curved Earth; in their system a line of sight sags between its ends by `c d (D - d) / 2R`. Places
//! along the line are straight in the surface's own system, heights bilinear between the middles of cells; so the answer is the same
//! from the other end.

use geodesy::{Crs, Transform, distance};
use serde_json::{Map, Value, json};

use super::{Rules, SightAsked, View, cell_of, check_watch, refuse, without_height};
use crate::{
    AnalysisError, FoundPatch, Surface, Task,
    figures::rounded,
    marks::Window,
    terrain_change::pair::{between, cell_m},
};

/// Places that are looked at, two a cell where the line is not too long for it.
const MOST_PLACES: usize = 200_000;
/// Places of the profile that is handed out.
const MOST_SHOWN: usize = 2_000;
/// Places that are read at once.
const TOGETHER: usize = 64;
/// Ground that touches the line by no more than rounding hides nothing, metres.
const TOUCHES_M: f64 = 1e-6;
const ENDS: [[&str; 2]; 2] = [["观察点", "the observer"], ["目标点", "the target"]];

/// A line of sight over the ground.
#[expect(clippy::struct_field_names, reason = "the unit stands in each name")]
struct Line {
    length_m: f64,
    /// Ground by equal steps from the observer to the target; NaN where there is none.
    ground_m: Vec<f64>,
    /// Height of the line of sight there.
    sight_m: Vec<f64>,
}

impl Line {
    fn distance_m(&self, at: usize) -> f64 {
        self.length_m * at as f64 / (self.ground_m.len() - 1) as f64
    }

    /// By how much the ground rises above the line.
    fn above_m(&self, at: usize) -> f64 {
        self.ground_m[at] - self.sight_m[at]
    }

    /// The first stretch that rises above the line, first and last place, and its place that rises furthest.
    fn obstacle(&self) -> Option<[usize; 3]> {
        let places = self.ground_m.len();
        let hides = |at: &usize| self.above_m(*at) > TOUCHES_M;
        let first = (1..places - 1).find(hides)?;
        let end = (first..places - 1).find(|at| !hides(at)).unwrap_or(places - 1);
        let top = (first..end).max_by(|a, b| self.above_m(*a).total_cmp(&self.above_m(*b)).then(b.cmp(a)))?;
        Some([first, end - 1, top])
    }
}

pub(super) fn run(
    task: &Task<'_>,
    surface: &dyn Surface,
    asked: SightAsked,
    rules: &Rules,
) -> Result<(Value, Vec<FoundPatch>), AnalysisError> {
    let view = asked.view.complete(rules.sight)?;
    let ends = [cell_of(surface, asked.from, ENDS[0])?, cell_of(surface, asked.to, ENDS[1])?];
    let length_m = distance::geodesic_m(asked.from, asked.to);
    if length_m < 1e-3 {
        return Err(refuse(
            "观察点与目标点在同一处，请另选目标点",
            "observer and target are one place: choose another target",
        ));
    }
    let line = line(task, surface, ends, length_m, view)?;
    let obstacle = line.obstacle();
    let unknown = line.ground_m.iter().filter(|height| height.is_nan()).count();
    let last = line.ground_m.len() - 1;
    let places = |at: &[usize]| -> Result<[Vec<[f64; 2]>; 2], AnalysisError> { located(task, surface, ends, at, last) };
    let mut result = json!({
        "from": { "lon_lat_deg": asked.from, "ground_m": rounded(line.ground_m[0], 3), "eye_m": view.eye_m },
        "to": { "lon_lat_deg": asked.to, "ground_m": rounded(line.ground_m[last], 3), "target_m": view.target_m },
        "curvature": view.curvature, "length_m": rounded(length_m, 2),
        "visible": match (obstacle, unknown) {
            (Some(_), _) => json!(false),
            (None, 0) => json!(true),
            // Nobody knows what stands in a void.
            (None, _) => Value::Null,
        },
        "step_m": rounded(line.distance_m(1), 3), "places": last + 1, "without_height": unknown,
    });
    let mut patches = Vec::new();
    if let Some([first, end, top]) = obstacle {
        let [degrees, plane] = places(&[top])?;
        let found = json!({
            "lon_lat_deg": degrees[0].map(|v| rounded(v, 8)), "place": plane[0].map(|v| rounded(v, 2)),
            "distance_m": rounded(line.distance_m(top), 2),
            "from_m": rounded(line.distance_m(first), 2), "to_m": rounded(line.distance_m(end), 2),
            "ground_m": rounded(line.ground_m[top], 3), "sight_m": rounded(line.sight_m[top], 3),
            "above_m": rounded(line.above_m(top), 3),
        });
        let mut properties = Map::new();
        properties.insert("kind".to_owned(), json!("obstacle"));
        for key in ["distance_m", "ground_m", "above_m"] {
            properties.insert(key.to_owned(), found[key].clone());
        }
        patches.push(FoundPatch { id: "ZD0001".to_owned(), properties, points: plane, ..FoundPatch::default() });
        result["obstacle"] = found;
    } else {
        let clear = (1..last).map(|at| -line.above_m(at)).filter(|m| !m.is_nan()).fold(f64::INFINITY, f64::min);
        result["clear_by_m"] = if clear.is_finite() { rounded(clear, 3) } else { Value::Null };
    }
    if unknown > 0 {
        result["message"] = json!({
            "zh": "视线经过没有高程的地方，那里是否遮挡未知。",
            "en": "The line of sight crosses ground without heights: whether that hides anything is not known.",
        });
    }
    result["profile"] = profile(&line);
    let shown: Vec<usize> = (0..=16).map(|part| last * part / 16).collect();
    let cut = obstacle.map(|[first, ..]| first);
    for (kind, from, to) in [("seen", 0, cut.unwrap_or(last)), ("hidden", cut.unwrap_or(last), last)] {
        if from >= to {
            continue;
        }
        let mut at = vec![from];
        at.extend(shown.iter().filter(|at| (from + 1..to).contains(at)));
        at.push(to);
        let mut properties = Map::new();
        properties.insert("kind".to_owned(), json!(kind));
        properties.insert("length_m".to_owned(), rounded(line.distance_m(to) - line.distance_m(from), 2));
        let [_, plane] = places(&at)?;
        let id = format!("SX{:04}", patches.len() + 1);
        patches.push(FoundPatch { id, properties, lines: vec![plane], ..FoundPatch::default() });
    }
    Ok((result, patches))
}

/// Ground and line of sight at equal steps.
fn line(
    task: &Task<'_>,
    surface: &dyn Surface,
    ends: [[f64; 2]; 2],
    length_m: f64,
    view: View,
) -> Result<Line, AnalysisError> {
    let size_m = cell_m(surface, f64::midpoint(ends[0][1], ends[1][1]));
    let steps = (2.0 * length_m / size_m[0].min(size_m[1])).ceil().clamp(2.0, (MOST_PLACES - 1) as f64) as usize;
    let cells: Vec<[f64; 2]> = (0..=steps).map(|at| on_line(ends, at, steps)).collect();
    let mut ground_m = Vec::with_capacity(cells.len());
    for (at, some) in cells.chunks(TOGETHER).enumerate() {
        check_watch(task, (at * TOGETHER) as f64 / cells.len() as f64, "沿视线读取高程")?;
        heights(surface, some, &mut ground_m)?;
    }
    for (end, what) in [ground_m[0], ground_m[steps]].into_iter().zip(ENDS) {
        if !end.is_finite() {
            return Err(without_height(what));
        }
    }
    let (eye_m, target_m) = (ground_m[0] + view.eye_m, ground_m[steps] + view.target_m);
    let sinks = view.curvature / (2.0 * surface.crs().ellipsoid().semi_major_m);
    let sight_m = (0..=steps).map(|at| {
        let (done, left) = (at as f64 / steps as f64, (steps - at) as f64 / steps as f64);
        eye_m * left + target_m * done - sinks * (length_m * done) * (length_m * left)
    });
    Ok(Line { length_m, sight_m: sight_m.collect(), ground_m })
}

/// A place of the line in cells; the same from both ends.
fn on_line(ends: [[f64; 2]; 2], at: usize, steps: usize) -> [f64; 2] {
    let (done, left) = (at as f64 / steps as f64, (steps - at) as f64 / steps as f64);
    [0, 1].map(|axis| ends[0][axis] * left + ends[1][axis] * done)
}

/// Heights at places counted in cells from the corner of the surface; in the outer half of a border cell its own height.
fn heights(surface: &dyn Surface, cells: &[[f64; 2]], into: &mut Vec<f64>) -> Result<(), AnalysisError> {
    let size = surface.size();
    let middles: Vec<[f64; 2]> =
        cells.iter().map(|cell| [0, 1].map(|axis| (cell[axis] - 0.5).clamp(0.0, (size[axis] - 1) as f64))).collect();
    let bound = |axis: usize| {
        let all = middles.iter().map(|middle| middle[axis]);
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let (first, end) = (low as usize, (high as usize + 2).min(size[axis]));
        (first, end - first)
    };
    let ((column, columns), (row, rows)) = (bound(0), bound(1));
    let window = Window { column, row, columns, rows };
    let values = surface.window(column, row, columns, rows)?;
    into.extend(middles.iter().map(|middle| between(&values, window, *middle)));
    Ok(())
}

/// Places of the line in degrees and in the task's plane.
fn located(
    task: &Task<'_>,
    surface: &dyn Surface,
    ends: [[f64; 2]; 2],
    at: &[usize],
    steps: usize,
) -> Result<[Vec<[f64; 2]>; 2], AnalysisError> {
    let [west, north, width, height] = surface.grid();
    let own: Vec<[f64; 2]> = at
        .iter()
        .map(|at| on_line(ends, *at, steps))
        .map(|[column, row]| [west + column * width, north - row * height])
        .collect();
    let (mut degrees, mut plane) = (own.clone(), own);
    Transform::new(surface.crs(), &Crs::cgcs2000())?.points(&mut degrees)?;
    Transform::new(surface.crs(), task.plane)?.points(&mut plane)?;
    Ok([degrees, plane])
}

/// Distances with ground and line of sight. A long line is thinned: of each part the place that comes closest to the line
/// of sight, or rises furthest above it, is kept.
fn profile(line: &Line) -> Value {
    let last = line.ground_m.len() - 1;
    let part = last.div_ceil(MOST_SHOWN - 2).max(1);
    let closest = |from: usize| {
        let part = from..(from + part).min(last);
        // A missing height says more than any other.
        let rank = |at: usize| if line.ground_m[at].is_nan() { f64::INFINITY } else { line.above_m(at) };
        part.max_by(|a, b| rank(*a).total_cmp(&rank(*b)).then(b.cmp(a))).unwrap_or(from)
    };
    let mut shown = vec![0];
    shown.extend((1..last).step_by(part).map(closest));
    shown.push(last);
    let height = |m: f64| if m.is_finite() { rounded(m, 3) } else { Value::Null };
    json!({
        "distance_m": shown.iter().map(|at| rounded(line.distance_m(*at), 2)).collect::<Vec<_>>(),
        "ground_m": shown.iter().map(|at| height(line.ground_m[*at])).collect::<Vec<_>>(),
        "sight_m": shown.iter().map(|at| height(line.sight_m[*at])).collect::<Vec<_>>(),
    })
}
