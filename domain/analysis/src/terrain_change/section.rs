//! Both surfaces along a line that somebody drew.

use serde_json::{Value, json};

use geodesy::{Crs, Transform, distance};

use super::pair::{Pair, between};
use crate::{AnalysisError, figures::rounded, marks::Window};

/// Lines of a request, and places of one line.
const MOST_LINES: usize = 20;
const MOST_PLACES: usize = 2_000;
/// Places that are read at once.
const TOGETHER: usize = 64;

/// Distances and both heights along each line of degrees; a height is null where there is none.
pub(super) fn sections(pair: &Pair<'_>, lines: &[Vec<[f64; 2]>]) -> Result<Vec<Value>, AnalysisError> {
    let bad = lines.len() > MOST_LINES
        || lines
            .iter()
            .any(|line| line.len() < 2 || line.len() > MOST_PLACES || !line.iter().flatten().all(|v| v.is_finite()));
    if bad {
        return Err(AnalysisError::Request {
            what_zh: format!("剖面线应为 2 至 {MOST_PLACES} 个经纬度点，最多 {MOST_LINES} 条"),
            what_en: format!("a section is 2 to {MOST_PLACES} positions in degrees; at most {MOST_LINES} of them"),
        });
    }
    lines.iter().map(|line| section(pair, line)).collect()
}

fn section(pair: &Pair<'_>, line: &[[f64; 2]]) -> Result<Value, AnalysisError> {
    let step_m = |from: &[f64; 2], to: &[f64; 2]| distance::geodesic_m(*from, *to);
    let length_m: f64 = line.windows(2).map(|pair| step_m(&pair[0], &pair[1])).sum();
    let window = pair.window;
    let [width_m, height_m] = pair.cell_m(window.row + window.rows / 2);
    let spacing_m = (length_m / (MOST_PLACES - 1) as f64).max(width_m.min(height_m)).max(1e-3);
    let mut places = vec![(0.0, line[0])];
    let mut along_m = 0.0;
    for part in line.windows(2) {
        let own_m = step_m(&part[0], &part[1]);
        let steps = (own_m / spacing_m).ceil().max(1.0);
        for k in 1..=steps as usize {
            let t = k as f64 / steps;
            places.push((along_m + own_m * t, [0, 1].map(|axis| part[0][axis] * (1.0 - t) + part[1][axis] * t)));
        }
        along_m += own_m;
    }
    let mut at: Vec<[f64; 2]> = places.iter().map(|(_, place)| *place).collect();
    Transform::new(&Crs::cgcs2000(), pair.base().crs())?.points(&mut at)?;
    let [west, north, cell_width, cell_height] = pair.base().grid();
    let cells: Vec<[f64; 2]> =
        at.iter().map(|[x, y]| [(x - west) / cell_width - 0.5, (north - y) / cell_height - 0.5]).collect();
    let mut heights = Vec::with_capacity(places.len());
    for some in cells.chunks(TOGETHER) {
        heights.extend(heights_at(pair, some)?);
    }
    let of = |k: usize| -> Vec<Value> {
        heights.iter().map(|both| both[k].map_or(Value::Null, |h| rounded(h, 3))).collect()
    };
    Ok(json!({
        "length_m": rounded(length_m, 2),
        "distance_m": places.iter().map(|(m, _)| rounded(*m, 2)).collect::<Vec<_>>(),
        "before_m": of(0), "after_m": of(1),
    }))
}

/// Both heights between the middles of cells.
fn heights_at(pair: &Pair<'_>, cells: &[[f64; 2]]) -> Result<Vec<[Option<f64>; 2]>, AnalysisError> {
    let Window { column, row, columns, rows } = pair.window;
    let bound = |axis: usize, from: usize, count: usize| {
        let all = cells.iter().map(|cell| cell[axis]).filter(|v| v.is_finite());
        let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let end = (from + count) as f64;
        let (low, high) = (low.floor().clamp(from as f64, end), (high.floor() + 2.0).clamp(from as f64, end));
        (low as usize, (high - low).max(0.0) as usize)
    };
    let ((left, width), (top, height)) = (bound(0, column, columns), bound(1, row, rows));
    if width == 0 || height == 0 {
        return Ok(vec![[None; 2]; cells.len()]);
    }
    let window = Window { column: left, row: top, columns: width, rows: height };
    let read = pair.read(window)?;
    let at = |values: &[f32], cell: [f64; 2]| Some(between(values, window, cell)).filter(|height| height.is_finite());
    Ok(cells.iter().map(|cell| [at(&read.before, *cell), at(&read.after, *cell)]).collect())
}
