//! What can be seen from a place: each cell against the plane through the observer and the two cells before it.
//!
//! The line of sight to a cell is taken from the cells of the ring before, between which it passes (Franklin and Ray 1994; the
//! reference planes of Wang, Robinson and White 2000, in the form that `gdal_viewshed` calls "edge"). Instead of planes the steepness
//! that a line of sight needs is carried outwards, per ring: along a ring it is linear. Only the row before is needed, so
//! the surface is read in bands outwards from the observer's row. The eight cells round the observer are always seen.
//!
//! A cell without a height is not seen and hides nothing.

use serde_json::{Map, Value, json};

use super::{
    Ground, Rules, View, ViewshedAsked, ViewshedRules, cell_of, check_watch, outline::rings, refuse, without_height,
};
use crate::{
    AnalysisError, FoundPatch, Polygon, Surface, Task,
    figures::{Areas, Figures, rounded},
    marks::{Marks, Window},
    measure::Measure,
    terrain_change::pair::cell_m,
};
use geodesy::area;

/// Rows read at once.
const BAND: usize = 256;
/// Parts of a side of the net on which ground and plane are compared.
const NET: usize = 64;
/// Steepness that anything exceeds; finite, so that it can be weighed against others.
const NOTHING: f64 = -1e30;
const OBSERVER: [&str; 2] = ["观察点", "the observer"];

pub(super) fn run(
    task: &Task<'_>,
    surface: &dyn Surface,
    asked: ViewshedAsked,
    rules: &Rules,
    rasters: bool,
) -> Result<(Value, Vec<FoundPatch>), AnalysisError> {
    let view = asked.view.complete(rules.sight)?;
    let [column, row] = cell_of(surface, asked.observer, OBSERVER)?.map(|at| at as usize);
    let [width_m, height_m] = cell_m(surface, row as f64 + 0.5);
    let reach = [asked.radius_m / width_m, asked.radius_m / height_m].map(|cells| cells.floor() as usize);
    let [wide, high] = surface.size();
    let (left, top) = (column.saturating_sub(reach[0]), row.saturating_sub(reach[1]));
    let (right, bottom) = ((column + reach[0] + 1).min(wide), (row + reach[1] + 1).min(high));
    let window = Window { column: left, row: top, columns: right - left, rows: bottom - top };
    if window.cells() > rules.viewshed.most_cells {
        return Err(refuse(
            format!(
                "半径 {} 米内有 {} 个像元，超过上限 {}，请缩小半径 radius_m 或改用较粗的高程数据",
                asked.radius_m,
                window.cells(),
                rules.viewshed.most_cells
            ),
            format!(
                "there are {} cells within {} m, more than {}: choose a smaller radius_m or a coarser surface",
                window.cells(),
                asked.radius_m,
                rules.viewshed.most_cells
            ),
        ));
    }
    let ground = Ground { surface, window, rings: Vec::new() };
    let ground_m = f64::from(surface.window(column, row, 1, 1)?[0]);
    if !ground_m.is_finite() {
        return Err(without_height(OBSERVER));
    }
    let mut scan = Scan::new(&ground, [column - left, row - top], ground_m, view, asked.radius_m);
    scan.run(task)?;
    if rasters {
        let made = ground.raster("visible", "可视域", "What is seen", "1");
        task.rasters.take(&made, &mut |first, cells| {
            for (row, line) in (first..window.rows).zip(cells.chunks_exact_mut(window.columns)) {
                scan.show(row, line);
            }
            Ok(())
        })?;
    }
    let cell_m2 = width_m * height_m;
    let [looked_m2, visible_m2] = [scan.known, scan.seen].map(|cells| cells as f64 * cell_m2);
    let (drawn, patches) = patch(task, &ground, &scan, cell_m2, rules.viewshed)?;
    let message = (scan.without_height > 0).then(|| {
        json!({
            "zh": format!("范围内有 {} 个像元没有高程，按不可见且不遮挡处理，空洞之后的结果可能偏大。", scan.without_height),
            "en": format!("{} cells have no height: they count as not seen and hide nothing, so what lies behind them may be overstated.", scan.without_height),
        })
    });
    let result = json!({
        "observer": { "lon_lat_deg": asked.observer, "ground_m": rounded(ground_m, 3), "eye_m": view.eye_m },
        "target_m": view.target_m, "radius_m": asked.radius_m, "curvature": view.curvature,
        "visible_m2": rounded(visible_m2, 2), "looked_at_m2": rounded(looked_m2, 2),
        "visible_share": rounded(visible_m2 / looked_m2, 6),
        "cells": {
            "size_m": [rounded(width_m, 3), rounded(height_m, 3)], "looked_at": scan.known + scan.without_height,
            "visible": scan.seen, "without_height": scan.without_height,
        },
        "drawn": drawn, "message": message,
    });
    Ok((result, patches))
}

/// Steepness that a line of sight needs to pass the cells of a row, by columns from the observer, on one side of it: rise in
/// metres per ring of cells.
type Needed = Vec<f64>;

struct Scan<'g> {
    ground: &'g Ground<'g>,
    /// Column and row of the observer in the window.
    observer: [usize; 2],
    eye_height_m: f64,
    target_m: f64,
    radius_m: f64,
    /// Metres that the ground sinks per square metre of distance.
    sinks: f64,
    size_m: [f64; 2],
    /// One over the number of a ring.
    part: Vec<f64>,
    visible: Marks,
    missing: Option<Marks>,
    seen: u64,
    known: u64,
    without_height: u64,
}

impl<'g> Scan<'g> {
    fn new(ground: &'g Ground<'g>, observer: [usize; 2], ground_m: f64, view: View, radius_m: f64) -> Self {
        let Window { columns, rows, .. } = ground.window;
        let rings = columns.max(rows) + 1;
        Self {
            ground,
            observer,
            eye_height_m: ground_m + view.eye_m,
            target_m: view.target_m,
            radius_m,
            sinks: view.curvature / (2.0 * ground.surface.crs().ellipsoid().semi_major_m),
            size_m: ground.cell_m(observer[1]),
            part: (0..=rings).map(|ring| 1.0 / ring as f64).collect(),
            visible: Marks::new(columns, rows),
            missing: None,
            seen: 0,
            known: 0,
            without_height: 0,
        }
    }

    /// Goes outwards from the observer's row, northwards and southwards.
    fn run(&mut self, task: &Task<'_>) -> Result<(), AnalysisError> {
        let Window { column, row: top, columns, rows } = self.ground.window;
        let own = self.observer[1];
        let values = self.ground.surface.window(column, top + own, columns, 1)?;
        let middle = self.row(own, &values, None);
        let mut done = 1;
        let mut above = middle.clone();
        let mut end = own;
        while end > 0 {
            check_watch(task, 0.9 * done as f64 / rows as f64, "由近及远判断通视")?;
            // Bands begin where files' blocks do.
            let first = ((top + end - 1) / BAND * BAND).max(top) - top;
            let values = self.ground.surface.window(column, top + first, columns, end - first)?;
            for (row, values) in (first..end).zip(values.chunks_exact(columns)).rev() {
                above = self.row(row, values, Some(&above));
            }
            done += end - first;
            end = first;
        }
        let (mut below, mut first) = (middle, own + 1);
        while first < rows {
            check_watch(task, 0.9 * done as f64 / rows as f64, "由近及远判断通视")?;
            let end = (((top + first) / BAND + 1) * BAND - top).min(rows);
            let values = self.ground.surface.window(column, top + first, columns, end - first)?;
            for (row, values) in (first..end).zip(values.chunks_exact(columns)) {
                below = self.row(row, values, Some(&below));
            }
            done += end - first;
            first = end;
        }
        Ok(())
    }

    /// Looks at a row; `before` is what the next row towards the observer needs, to the west and to the east.
    fn row(&mut self, row: usize, values: &[f32], before: Option<&[Needed; 2]>) -> [Needed; 2] {
        let [column, own_row] = self.observer;
        let down = row.abs_diff(own_row);
        let down_m = down as f64 * self.size_m[1];
        let mut reach =
            ((self.radius_m * self.radius_m - down_m * down_m).max(0.0).sqrt() / self.size_m[0]) as usize + 1;
        let in_reach = |across: usize| {
            let across_m = across as f64 * self.size_m[0];
            across_m * across_m + down_m * down_m <= self.radius_m * self.radius_m
        };
        while reach > 0 && !in_reach(reach) {
            reach -= 1;
        }
        if !in_reach(reach) {
            return [Vec::new(), Vec::new()];
        }
        let empty = Vec::new();
        let mut rises: Vec<f64> = Vec::with_capacity(reach + 1);
        [true, false].map(|is_west| {
            let cells = if is_west { column } else { values.len() - 1 - column };
            let reach = reach.min(cells);
            let sink = |across: usize| {
                let across_m = across as f64 * self.size_m[0];
                self.eye_height_m + self.sinks * (across_m * across_m + down_m * down_m)
            };
            rises.clear();
            if is_west {
                let towards = values[column - reach..=column].iter().rev().enumerate();
                rises.extend(towards.map(|(across, height)| f64::from(*height) - sink(across)));
            } else {
                let away = values[column..=column + reach].iter().enumerate();
                rises.extend(away.map(|(across, height)| f64::from(*height) - sink(across)));
            }
            let before = before.map_or(&empty, |before| &before[usize::from(!is_west)]);
            let mut needed = Needed::with_capacity(reach + 1);
            // The observer's own column belongs to the east.
            let mut look = |across: usize, seen: bool, is_known: bool| {
                if across == 0 && is_west {
                    return;
                }
                let column = if is_west { column - across } else { column + across };
                if seen {
                    self.visible.set(column, row);
                    self.seen += 1;
                }
                if is_known {
                    self.known += 1;
                } else {
                    self.without_height += 1;
                    let Window { columns, rows, .. } = self.ground.window;
                    self.missing.get_or_insert_with(|| Marks::new(columns, rows)).set(column, row);
                }
            };
            for (across, rise) in rises.iter().enumerate() {
                let ring = across.max(down);
                let part = self.part[ring];
                let least = if ring < 2 {
                    NOTHING
                } else if across < down {
                    let straight = before[across];
                    let slanting = if across > 0 { before[across - 1] } else { straight };
                    straight + (slanting - straight) * (across as f64 * part)
                } else if across > down {
                    let straight = needed[across - 1];
                    let slanting = if down > 0 { before[across - 1] } else { straight };
                    straight + (slanting - straight) * (down as f64 * part)
                } else {
                    before[across - 1]
                };
                // The observer's own cell is no ring: nothing is hidden by it.
                let own = if ring == 0 { NOTHING } else { rise * part };
                look(across, ring == 0 || own + self.target_m * part >= least, !rise.is_nan());
                // A missing height is not the larger one.
                needed.push(own.max(least));
            }
            needed
        })
    }

    /// A row of the grid: 1 seen, 0 not, NaN out of reach or without a height.
    fn show(&self, row: usize, line: &mut [f32]) {
        let down_m = row.abs_diff(self.observer[1]) as f64 * self.size_m[1];
        for (column, cell) in line.iter_mut().enumerate() {
            let across_m = column.abs_diff(self.observer[0]) as f64 * self.size_m[0];
            let out = across_m * across_m + down_m * down_m > self.radius_m * self.radius_m;
            let is_missing = self.missing.as_ref().is_some_and(|missing| missing.is_set(column, row));
            *cell = if out || is_missing { f32::NAN } else { f32::from(u8::from(self.visible.is_set(column, row))) };
        }
    }
}

/// What is seen as one patch, the largest pieces first, as many as can be drawn.
fn patch(
    task: &Task<'_>,
    ground: &Ground<'_>,
    scan: &Scan<'_>,
    cell_m2: f64,
    rules: ViewshedRules,
) -> Result<(Value, Vec<FoundPatch>), AnalysisError> {
    check_watch(task, 0.9, "勾绘可视范围")?;
    let places = scan.visible.places(false, 1);
    let least_cells = rules.least_m2 / cell_m2;
    let (mut points, mut cells) = (0, 0);
    let mut polygons: Vec<Polygon> = Vec::new();
    for place in places.iter().take(rules.most_pieces).take_while(|place| place.cells() as f64 >= least_cells) {
        let outlines = rings(&place.runs);
        points += outlines.iter().map(Vec::len).sum::<usize>();
        if points > rules.most_points && !polygons.is_empty() {
            break;
        }
        cells += place.cells();
        let mut made = Vec::with_capacity(outlines.len());
        for outline in outlines {
            let mut ring: Vec<[f64; 2]> = outline.into_iter().map(|corner| corner.map(f64::from)).collect();
            ground.in_plane(task, &mut ring)?;
            made.push(ring);
        }
        // The outer ring is the one that encloses most.
        let sizes: Vec<f64> = made.iter().map(|ring| area::plane_area(ring)).collect();
        let largest = (0..made.len()).max_by(|a, b| sizes[*a].total_cmp(&sizes[*b]).then(b.cmp(a)));
        let Some(largest) = largest else { continue };
        let exterior = made.swap_remove(largest);
        polygons.push(Polygon {
            exterior: turned(exterior, true),
            holes: made.into_iter().map(|ring| turned(ring, false)).collect(),
        });
    }
    let drawn = json!({
        "pieces": polygons.len(), "pieces_found": places.len(),
        "left_out_m2": rounded((scan.seen as f64 - cells as f64) * cell_m2, 2),
    });
    if polygons.is_empty() {
        return Ok((drawn, Vec::new()));
    }
    let mut properties = Map::new();
    properties.insert("kind".to_owned(), json!("visible"));
    Figures::of(areas(task, &polygons)?).put_m2(&mut properties);
    let patch = FoundPatch { id: "KS0001".to_owned(), properties, polygons, ..FoundPatch::default() };
    Ok((drawn, vec![patch]))
}

fn turned(mut ring: Vec<[f64; 2]>, anticlockwise: bool) -> Vec<[f64; 2]> {
    if (area::signed_plane_area(&ring) > 0.0) != anticlockwise {
        ring.reverse();
    }
    ring
}

/// Areas of rings that run as a polygon's should. Outlines of cells have a side every few metres: how ground and plane differ is
/// measured on a net and read between its nodes, which errs alike on both sides of a shape.
fn areas(task: &Task<'_>, polygons: &[Polygon]) -> Result<Areas, AnalysisError> {
    let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    let bounds = polygons
        .iter()
        .flat_map(|polygon| &polygon.exterior)
        .fold(start, |b, p| [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])]);
    let measure = Measure::new(task.plane, bounds)?;
    let step = [0, 1].map(|axis| (bounds[axis + 2] - bounds[axis]) / NET as f64);
    let net: Vec<f64> = (0..=NET)
        .flat_map(|row| (0..=NET).map(move |column| [column, row]))
        .map(|node| {
            let [x, y] = [0, 1].map(|axis| bounds[axis] + node[axis] as f64 * step[axis]);
            measure.edge_m2([x, y - 0.5], [x, y + 0.5])
        })
        .collect();
    let per_northing = |place: [f64; 2]| {
        let at = [0, 1].map(|axis| ((place[axis] - bounds[axis]) / step[axis]).clamp(0.0, NET as f64));
        let node = at.map(|at| (at as usize).min(NET - 1));
        let part = [0, 1].map(|axis| at[axis] - node[axis] as f64);
        let line = |row: usize| {
            let first = row * (NET + 1) + node[0];
            net[first] + (net[first + 1] - net[first]) * part[0]
        };
        let (below, above) = (line(node[1]), line(node[1] + 1));
        below + (above - below) * part[1]
    };
    let unit_m2 = task.plane.unit_m() * task.plane.unit_m();
    let of = |ring: &Vec<[f64; 2]>| {
        let plane_m2 = area::signed_plane_area(ring) * unit_m2;
        let sides = ring.iter().zip(ring.iter().cycle().skip(1));
        let more_m2 = |(a, b): (&[f64; 2], &[f64; 2])| {
            per_northing([f64::midpoint(a[0], b[0]), f64::midpoint(a[1], b[1])]) * (b[1] - a[1])
        };
        Areas { plane_m2, ellipsoidal_m2: plane_m2 + sides.map(more_m2).sum::<f64>() }
    };
    Ok(polygons.iter().flat_map(Polygon::rings).map(of).sum())
}
