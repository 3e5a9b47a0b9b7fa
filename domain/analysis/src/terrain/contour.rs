//! Contours by marching squares between the middles of cells, as `gdal_contour` draws them: linear along the sides of
//! a square, a saddle decided by its mean, and carried on for half a cell to the border.
//!
//! Every side of a square is crossed at most once by a level, so pieces of a line are joined by the side that they share and not by
//! nearness. A square with a corner that has no height, or that lies outside of the area, has no contours.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::{Map, Value, json};

use super::{ContourRules, ContoursAsked, Ground, check_watch, refuse};
use crate::{AnalysisError, FoundPatch, Task, figures::rounded, marks::Window};

/// Rows read at once.
const BAND: usize = 256;
/// A height without a level: none there.
const NO_LEVEL: i32 = i32::MIN;

/// A side of a square: of a level, from the node at this column and row to the next one, across or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Side {
    level: i32,
    column: u32,
    row: u32,
    is_down: bool,
}

/// A line while it grows; its ends lie on sides.
#[derive(Debug, Default)]
struct Line {
    points: VecDeque<[f64; 2]>,
    ends: Option<[Side; 2]>,
    level: i32,
    closed: bool,
}

/// Lines under way.
#[derive(Debug, Default)]
struct Lines {
    all: Vec<Line>,
    /// Which line ends on a side, and with which end (0 for the front).
    open: HashMap<Side, (usize, usize)>,
    points: usize,
}

impl Lines {
    /// Adds a piece between two sides.
    fn add(&mut self, sides: [Side; 2], points: [[f64; 2]; 2]) {
        match sides.map(|side| self.open.remove(&side)) {
            [None, None] => {
                let id = self.all.len();
                self.points += 2;
                self.all.push(Line {
                    points: VecDeque::from(points),
                    ends: Some(sides),
                    level: sides[0].level,
                    closed: false,
                });
                self.open.insert(sides[0], (id, 0));
                self.open.insert(sides[1], (id, 1));
            }
            [Some(end), None] => self.longer(end, sides[1], points[1]),
            [None, Some(end)] => self.longer(end, sides[0], points[0]),
            [Some((first, _)), Some((second, _))] if first == second => {
                let line = &mut self.all[first];
                line.closed = true;
                line.ends = None;
                line.points.extend(line.points.front().copied());
            }
            [Some(first), Some(second)] => self.join(first, second),
        }
    }

    fn longer(&mut self, (id, end): (usize, usize), side: Side, point: [f64; 2]) {
        let line = &mut self.all[id];
        self.points += 1;
        push(&mut line.points, end, point);
        if let Some(ends) = &mut line.ends {
            ends[end] = side;
        }
        self.open.insert(side, (id, end));
    }

    /// Puts the shorter line to the longer one, so that a line of n points is moved at most log n times.
    fn join(&mut self, first: (usize, usize), second: (usize, usize)) {
        let shorter = self.all[first.0].points.len() < self.all[second.0].points.len();
        let ((kept, end), (gone, joint)) = if shorter { (second, first) } else { (first, second) };
        let taken = std::mem::take(&mut self.all[gone]);
        let into = &mut self.all[kept].points;
        if joint == 0 {
            taken.points.into_iter().for_each(|point| push(into, end, point));
        } else {
            taken.points.into_iter().rev().for_each(|point| push(into, end, point));
        }
        if let (Some(ends), Some(taken)) = (&mut self.all[kept].ends, taken.ends) {
            let side = taken[1 - joint];
            ends[end] = side;
            self.open.insert(side, (kept, end));
        }
    }
}

fn push(points: &mut VecDeque<[f64; 2]>, end: usize, point: [f64; 2]) {
    if end == 0 {
        points.push_front(point);
    } else {
        points.push_back(point);
    }
}

/// A row of nodes: the middles of a row of cells and the two ends of the border, with the highest level that each reaches.
#[derive(Debug, Clone, Default)]
struct Nodes {
    y: f64,
    heights: Vec<f32>,
    levels: Vec<i32>,
}

pub(super) fn run(
    task: &Task<'_>,
    ground: &Ground<'_>,
    asked: ContoursAsked,
    rules: ContourRules,
) -> Result<(Value, Vec<FoundPatch>), AnalysisError> {
    let ContoursAsked { interval_m, base_m } = asked;
    if !(interval_m >= rules.least_interval_m && interval_m <= 10_000.0) {
        return Err(refuse(
            format!("等高距 interval_m 应为 {} 至 10000 米", rules.least_interval_m),
            format!("interval_m is {} to 10000 m", rules.least_interval_m),
        ));
    }
    if !(-20_000.0..=20_000.0).contains(&base_m) {
        return Err(refuse("起算高程 base_m 应在正负 20000 米之间", "base_m is within 20000 m of zero"));
    }
    let mut lines = Lines::default();
    let [columns, rows] = [ground.window.columns, ground.window.rows];
    let across: Vec<f64> = (0..columns + 2).map(|node| place(node, columns)).collect();
    let (mut above, mut below) = (Nodes::default(), Nodes::default());
    let mut row_of_nodes = 0;
    let mut known = false;
    for first in (0..rows).step_by(BAND) {
        check_watch(task, 0.8 * first as f64 / rows as f64, "逐格网追踪等高线")?;
        let count = BAND.min(rows - first);
        let Window { column, row, .. } = ground.window;
        let values = ground.surface.window(column, row + first, columns, count)?;
        for (line, values) in values.chunks_exact(columns).enumerate() {
            let inside = ground.inside(first + line);
            let last = first + line + 1 == rows;
            // The first row stands for the border above it, too, and the last for the one below.
            let times = 1 + usize::from(row_of_nodes == 0) + usize::from(last);
            for _ in 0..times {
                below.fill(place(row_of_nodes, rows), values, &inside, asked);
                known |= below.heights.iter().any(|height| !height.is_nan());
                if row_of_nodes > 0 {
                    squares(&mut lines, [&above, &below], &across, row_of_nodes as u32 - 1, asked);
                }
                std::mem::swap(&mut above, &mut below);
                row_of_nodes += 1;
                if lines.points > rules.most_points {
                    return Err(too_many(rules));
                }
            }
        }
    }
    if !known {
        return Err(super::nothing_known());
    }
    described(task, ground, lines, asked, rules)
}

fn too_many(rules: ContourRules) -> AnalysisError {
    refuse(
        format!("等高线超过 {} 个折点，请加大等高距 interval_m，或用 within 缩小范围", rules.most_points),
        format!(
            "the contours have more than {} points: choose a larger interval_m, or a smaller area (within)",
            rules.most_points
        ),
    )
}

/// Where a node lies, in cells: 0 and `cells` at the border, else in the middle of a cell.
fn place(node: usize, cells: usize) -> f64 {
    (node as f64 - 0.5).clamp(0.0, cells as f64)
}

impl Nodes {
    fn fill(&mut self, y: f64, values: &[f32], inside: &[(usize, usize)], asked: ContoursAsked) {
        self.y = y;
        self.heights.clear();
        self.heights.resize(values.len() + 2, f32::NAN);
        for (from, to) in inside {
            self.heights[from + 1..=*to].copy_from_slice(&values[*from..*to]);
        }
        let last = values.len();
        (self.heights[0], self.heights[last + 1]) = (self.heights[1], self.heights[last]);
        let level = |height: &f32| {
            if height.is_finite() {
                ((f64::from(*height) - asked.base_m) / asked.interval_m).floor() as i32
            } else {
                NO_LEVEL
            }
        };
        self.levels.clear();
        self.levels.extend(self.heights.iter().map(level));
    }
}

/// The contours of the squares between two rows of nodes.
fn squares(lines: &mut Lines, [above, below]: [&Nodes; 2], across: &[f64], row: u32, asked: ContoursAsked) {
    for (at, (top, bottom)) in above.levels.windows(2).zip(below.levels.windows(2)).enumerate() {
        // Clockwise from the north-west.
        let reached = [top[0], top[1], bottom[1], bottom[0]];
        let (lowest, highest) = reached.iter().fold((i32::MAX, i32::MIN), |(a, b), k| (a.min(*k), b.max(*k)));
        if lowest == highest || lowest == NO_LEVEL {
            continue;
        }
        let heights =
            [above.heights[at], above.heights[at + 1], below.heights[at + 1], below.heights[at]].map(f64::from);
        let corners =
            [[across[at], above.y], [across[at + 1], above.y], [across[at + 1], below.y], [across[at], below.y]];
        let (column, mean) = (at as u32, heights.iter().sum::<f64>() / 4.0);
        for level in lowest + 1..=highest {
            let height = asked.base_m + f64::from(level) * asked.interval_m;
            // The side that begins at a corner, clockwise: top, right, bottom, left.
            let side = |k: usize| match k {
                0 => Side { level, column, row, is_down: false },
                1 => Side { level, column: column + 1, row, is_down: true },
                2 => Side { level, column, row: row + 1, is_down: false },
                _ => Side { level, column, row, is_down: true },
            };
            let crossing = |k: usize| {
                // Always from the same end: both squares of a side must name one point.
                let (a, b) = if k < 2 { (k, k + 1) } else { ((k + 1) % 4, k) };
                let t = ((height - heights[a]) / (heights[b] - heights[a])).clamp(0.0, 1.0);
                [0, 1].map(|axis| corners[a][axis] + t * (corners[b][axis] - corners[a][axis]))
            };
            let is_above = reached.map(|reached| reached >= level);
            let mut crossed = (0..4).filter(|k| is_above[*k] != is_above[(k + 1) % 4]);
            let (Some(a), Some(b)) = (crossed.next(), crossed.next()) else { continue };
            let pieces: &[[usize; 2]] = if crossed.next().is_none() {
                &[[a, b]]
            } else if (mean >= height) == is_above[0] {
                // North-west and south-east are of one kind with the middle: the other two corners are cut off.
                &[[0, 1], [2, 3]]
            } else {
                &[[3, 0], [1, 2]]
            };
            for piece in pieces {
                lines.add(piece.map(side), piece.map(crossing));
            }
        }
    }
}

/// How many lines of a level are closed, and all of them.
type OfLevel = (usize, Vec<Vec<[f64; 2]>>);

/// One patch a level, and the table.
fn described(
    task: &Task<'_>,
    ground: &Ground<'_>,
    lines: Lines,
    asked: ContoursAsked,
    rules: ContourRules,
) -> Result<(Value, Vec<FoundPatch>), AnalysisError> {
    let mut by_level: BTreeMap<i32, OfLevel> = BTreeMap::new();
    for line in lines.all {
        let mut points = Vec::from(line.points);
        // A contour through a node crosses two sides at one point.
        points.dedup();
        if points.len() < 2 {
            continue;
        }
        let level = by_level.entry(line.level).or_default();
        level.0 += usize::from(line.closed);
        level.1.push(points);
    }
    let unit_m = task.plane.unit_m();
    let (mut rows, mut patches) = (Vec::new(), Vec::new());
    let (mut all_lines, mut all_m) = (0, 0.0);
    let levels = by_level.len();
    for (at, (level, (closed, mut lines))) in by_level.into_iter().enumerate() {
        check_watch(task, 0.8 + 0.2 * at as f64 / levels as f64, "连接等高线")?;
        let mut length_m = 0.0;
        for line in &mut lines {
            ground.in_plane(task, line)?;
            length_m += unit_m * line.windows(2).map(|p| (p[1][0] - p[0][0]).hypot(p[1][1] - p[0][1])).sum::<f64>();
        }
        let height_m = rounded(asked.base_m + f64::from(level) * asked.interval_m, 4);
        let index = level.rem_euclid(i32::try_from(rules.index_every).unwrap_or(i32::MAX)) == 0;
        let mut row = Map::new();
        row.insert("height_m".to_owned(), height_m.clone());
        row.insert("index".to_owned(), json!(index));
        row.insert("lines".to_owned(), json!(lines.len()));
        row.insert("closed".to_owned(), json!(closed));
        row.insert("length_m".to_owned(), rounded(length_m, 2));
        let mut properties = row.clone();
        properties.insert("kind".to_owned(), json!("contour"));
        (all_lines, all_m) = (all_lines + lines.len(), all_m + length_m);
        patches.push(FoundPatch { id: format!("DGX{height_m}"), properties, lines, ..FoundPatch::default() });
        rows.push(Value::Object(row));
    }
    let result = json!({
        "interval_m": asked.interval_m, "base_m": asked.base_m, "index_every": rules.index_every,
        "lines": all_lines, "length_m": rounded(all_m, 2), "levels": rows,
        "cells": { "size_m": ground.middle_cell_m(), "looked_at": ground.window.cells() },
    });
    Ok((result, patches))
}
