//! How much moved in a place, how sure that is, and how far it went.
//!
//! A volume is the sum of height differences times cells of the plane. A cell whose change alone could be noise counts for the
//! loss or the gain that it lies beside, with its sign, so that noise does not add up to ground. Its error is not that of one cell over the root of
//! their number: neighbouring errors are alike (Rolstad, Haug and Denby 2009, J. Glaciology 55, 666-680), and what all cells
//! have in common does not average out at all.

use serde_json::{Map, Value, json};

use geodesy::Transform;

use super::pair::{Heights, Pair};
use crate::{
    AnalysisError, Task,
    figures::rounded,
    marks::{Place, Window},
};

/// Rows read at once.
const BAND: usize = 256;

/// What volumes err by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Error {
    /// Standard errors in an interval.
    pub(super) coverage: f64,
    pub(super) sigma_m: f64,
    pub(super) correlation_m2: f64,
    pub(super) common_m: f64,
    /// `after` less `before` on stable ground, where it was not taken off: east, north, up.
    pub(super) apart_m: [f64; 3],
}

/// What moved in a place; ground lost and gained.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Moved {
    pub(super) loss_m3: f64,
    pub(super) gain_m3: f64,
    loss_m2: f64,
    gain_m2: f64,
    unknown_m2: f64,
    most_loss_m: f64,
    most_gain_m: f64,
    /// Sum of the slope over the cells, times their size: what a shift to the side does to the volume.
    slope_m2: [f64; 2],
    edge: Edge,
    /// Variance of loss and gain for where the outline runs inside of its cells, m6.
    outline_m6: [f64; 2],
    lost: Centre,
    gained: Centre,
}

/// Change below the level of detection beside a place.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Edge {
    area_m2: f64,
    loss_m3: f64,
    gain_m3: f64,
}

/// A middle, weighted by volume: place in the base's system and height.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Centre {
    weight: f64,
    sum: [f64; 3],
}

impl Centre {
    fn add(&mut self, weight: f64, [x, y, height]: [f64; 3]) {
        self.weight += weight;
        for (sum, value) in self.sum.iter_mut().zip([x, y, height]) {
            *sum += weight * value;
        }
    }

    fn middle(&self) -> Option<[f64; 3]> {
        (self.weight > 0.0).then(|| self.sum.map(|sum| sum / self.weight))
    }
}

impl Moved {
    /// Both together; middles are those of one place and are left out.
    pub(super) fn and(self, other: &Self) -> Self {
        Self {
            loss_m3: self.loss_m3 + other.loss_m3,
            gain_m3: self.gain_m3 + other.gain_m3,
            loss_m2: self.loss_m2 + other.loss_m2,
            gain_m2: self.gain_m2 + other.gain_m2,
            unknown_m2: self.unknown_m2 + other.unknown_m2,
            most_loss_m: self.most_loss_m.max(other.most_loss_m),
            most_gain_m: self.most_gain_m.max(other.most_gain_m),
            slope_m2: [0, 1].map(|axis| self.slope_m2[axis] + other.slope_m2[axis]),
            edge: Edge {
                area_m2: self.edge.area_m2 + other.edge.area_m2,
                loss_m3: self.edge.loss_m3 + other.edge.loss_m3,
                gain_m3: self.edge.gain_m3 + other.edge.gain_m3,
            },
            outline_m6: [0, 1].map(|side| self.outline_m6[side] + other.outline_m6[side]),
            lost: Centre::default(),
            gained: Centre::default(),
        }
    }
}

/// For each cell of a run the side that it is of, -1 loss and 1 gain: that of the nearest cell that changed by more than the limit.
fn sides(rises: &[f64], limit_m: f64, made: &mut [i8]) {
    let side = |rise: f64| if rise < 0.0 { -1 } else { 1 };
    let mut last: Option<usize> = None;
    for index in 0..rises.len() {
        if rises[index].abs() <= limit_m || rises[index].is_nan() {
            continue;
        }
        made[index] = side(rises[index]);
        // What lies between is halved, the middle to the earlier one; before the first all is of the first.
        let from = last.map_or(0, |last| last + 1);
        let middle = last.map_or(0, |last| last + (index - last) / 2 + 1);
        if let Some(last) = last {
            let own = made[last];
            made[from..middle].fill(own);
        }
        let own = made[index];
        made[middle..index].fill(own);
        last = Some(index);
    }
    match last {
        Some(last) => {
            let own = made[last];
            made[last + 1..].fill(own);
        }
        None => made.fill(side(rises.iter().filter(|rise| rise.is_finite()).sum())),
    }
}

/// Sums over the cells of a place, whose columns and rows count from the window's corner, and over the change beside it that no
/// single cell shows: each cell within `reach` belongs to the loss or the gain that it is next to. `up_m` is what all of `after`
/// is too high, where it was not taken off: a shallow edge hides in it.
///
/// A place is read once, in bands that overlap by the reach: what a band's own rows are next to lies in the band.
pub(super) fn measure(
    pair: &Pair<'_>,
    window: Window,
    place: &Place,
    limit_m: f64,
    up_m: f64,
    reach: usize,
) -> Result<Moved, AnalysisError> {
    let own = place.window();
    let grow = |from: usize, count: usize, most: usize| {
        let low = from.saturating_sub(reach);
        (low, (from + count + reach).min(most) - low)
    };
    let (column, columns) = grow(own.column, own.columns, window.columns);
    let (top, height) = grow(own.row, own.rows, window.rows);
    let mut moved = Moved::default();
    let step = BAND.max(2 * reach);
    for first in (top..top + height).step_by(step) {
        let last = (first + step).min(top + height);
        let from = first.saturating_sub(reach).max(top);
        // One row more, for the slope across the border of bands.
        let to = (last + reach.max(1)).min(window.rows);
        let read = Window { column: window.column + column, row: window.row + from, columns, rows: to - from };
        let mut band = Band {
            pair,
            read,
            heights: pair.read(read)?,
            side: vec![0; read.cells()],
            own: first - from..last - from,
            cell_m: (0..read.rows).map(|row| pair.cell_m(read.row + row)).collect(),
        };
        let runs = |row: usize| place.runs.partition_point(|run| (run.row as usize) < row);
        let runs = &place.runs[runs(from)..runs(to)];
        for run in runs {
            let (row, run_from) = (run.row as usize - from, run.from as usize - column);
            band.add(row, run_from..run_from + run.cells(), limit_m, &mut moved);
        }
        let border = runs.iter().flat_map(|run| {
            let start = (run.row as usize - from) * columns + run.from as usize - column;
            start..start + run.cells()
        });
        let border = border.filter(|cell| band.around(*cell).any(|near| band.side[near] == 0)).collect();
        band.add_edge(border, reach, up_m, &mut moved);
    }
    Ok(moved)
}

/// Rows of a place and of what is beside it.
struct Band<'p> {
    pair: &'p Pair<'p>,
    read: Window,
    heights: Heights,
    /// 1 is gain, -1 is loss, 0 is neither.
    side: Vec<i8>,
    /// The rows that are summed up; the others are there for what is beside these.
    own: std::ops::Range<usize>,
    /// Cell sizes, row by row.
    cell_m: Vec<[f64; 2]>,
}

impl Band<'_> {
    fn rise(&self, cell: usize) -> f64 {
        f64::from(self.heights.after[cell] - self.heights.before[cell])
    }

    /// The cells above, below and beside a cell.
    fn around(&self, cell: usize) -> impl Iterator<Item = usize> + use<> {
        let Window { columns, rows, .. } = self.read;
        let (x, y) = (cell % columns, cell / columns);
        [
            (x > 0).then(|| cell - 1),
            (x + 1 < columns).then(|| cell + 1),
            (y > 0).then(|| cell - columns),
            (y + 1 < rows).then(|| cell + columns),
        ]
        .into_iter()
        .flatten()
    }

    /// Sums up a run of cells.
    fn add(&mut self, row: usize, run: std::ops::Range<usize>, limit_m: f64, moved: &mut Moved) {
        let columns = self.read.columns;
        let line = row * columns;
        let rises: Vec<f64> = run.clone().map(|column| self.rise(line + column)).collect();
        sides(&rises, limit_m, &mut self.side[line + run.start..line + run.end]);
        if !self.own.contains(&row) {
            return;
        }
        let [west, north, width, height] = self.pair.base().grid();
        let cell_m = self.cell_m[row];
        let cell_m2 = cell_m[0] * cell_m[1];
        let y = north - ((self.read.row + row) as f64 + 0.5) * height;
        for (column, rise) in run.clone().zip(rises) {
            let cell = line + column;
            let (before, after) = (self.heights.before[cell], self.heights.after[cell]);
            let x = west + ((self.read.column + column) as f64 + 0.5) * width;
            if rise.is_nan() {
                moved.unknown_m2 += cell_m2;
            } else if self.side[cell] < 0 {
                moved.loss_m3 -= rise * cell_m2;
                moved.loss_m2 += cell_m2;
                moved.most_loss_m = moved.most_loss_m.max(-rise);
                moved.lost.add(-rise, [x, y, f64::from(before)]);
            } else {
                moved.gain_m3 += rise * cell_m2;
                moved.gain_m2 += cell_m2;
                moved.most_gain_m = moved.most_gain_m.max(rise);
                moved.gained.add(rise, [x, y, f64::from(after)]);
            }
            let below = self.heights.before.get(cell + columns).map(|below| f64::from(before - below));
            let right = (column + 1 < run.end).then(|| f64::from(self.heights.before[cell + 1] - before));
            for (axis, drop) in [(0, right), (1, below)] {
                if let Some(drop) = drop.filter(|drop| drop.is_finite()) {
                    moved.slope_m2[axis] += drop / cell_m[axis] * cell_m2;
                }
            }
        }
    }

    /// Sums up what is beside the place, from its border outwards; and the variance of both sides for the outline, which runs
    /// anywhere inside of the cells of the border.
    fn add_edge(&mut self, mut border: Vec<usize>, reach: usize, up_m: f64, moved: &mut Moved) {
        for step in 0..reach {
            let mut next = Vec::new();
            for cell in border {
                for near in self.around(cell) {
                    if self.side[near] != 0 {
                        continue;
                    }
                    self.side[near] = self.side[cell];
                    next.push(near);
                    let row = near / self.read.columns;
                    if !self.own.contains(&row) {
                        continue;
                    }
                    let cell_m2 = self.cell_m[row][0] * self.cell_m[row][1];
                    // Evenly anywhere across the cell: a twelfth of its square.
                    let own = self.rise(cell) * cell_m2;
                    if step == 0 && own.is_finite() {
                        moved.outline_m6[usize::from(self.side[cell] > 0)] += own * own / 12.0;
                    }
                    let rise = self.rise(near) - up_m;
                    if rise.is_nan() {
                        continue;
                    }
                    moved.edge.area_m2 += cell_m2;
                    if self.side[cell] < 0 {
                        moved.edge.loss_m3 -= rise * cell_m2;
                    } else {
                        moved.edge.gain_m3 += rise * cell_m2;
                    }
                }
            }
            border = next;
        }
    }
}

impl Error {
    /// Standard error of a volume over so much ground.
    fn of_volume_m3(&self, area_m2: f64) -> f64 {
        let alike_m2 = self.correlation_m2.min(area_m2);
        let own = self.sigma_m * (area_m2 * alike_m2).sqrt();
        own.hypot(area_m2 * self.common_m)
    }

    /// What the surveys' lying apart adds to every height of a place, metres.
    fn apart_m(&self, moved: &Moved) -> f64 {
        let area_m2 = moved.loss_m2 + moved.gain_m2;
        if area_m2 <= 0.0 {
            return 0.0;
        }
        let slope = moved.slope_m2.map(|sum| sum / area_m2);
        self.apart_m[2] - slope[0] * self.apart_m[0] - slope[1] * self.apart_m[1]
    }

    /// The interval of a volume that would be `more_m3` larger or smaller without what lies apart.
    fn interval_m3(&self, volume_m3: f64, area_m2: f64, outline_m6: f64, more_m3: f64) -> [f64; 2] {
        let half = self.coverage * self.of_volume_m3(area_m2).hypot(outline_m6.sqrt());
        [(volume_m3 - half + more_m3.min(0.0)).max(0.0), volume_m3 + half + more_m3.max(0.0)]
    }
}

/// Loss and gain with their intervals, areas and depths.
pub(super) fn put(into: &mut Map<String, Value>, moved: &Moved, error: &Error) {
    let apart_m = error.apart_m(moved);
    let part = |volume_m3: f64, area_m2: f64, most_m: f64, outline_m6: f64, more_m3: f64, edge_m3: f64| {
        let [low, high] = error.interval_m3(volume_m3, area_m2, outline_m6, more_m3);
        // What the edge seems to hold belongs in the interval; noise beside a place is no edge.
        let seen = edge_m3 > error.coverage * error.of_volume_m3(moved.edge.area_m2);
        let edge_m3 = if seen { edge_m3 } else { 0.0 };
        json!({
            "volume_m3": rounded(volume_m3, 1), "interval_m3": [rounded(low, 1), rounded(high + edge_m3, 1)],
            "cells_m2": rounded(area_m2, 1), "mean_m": rounded(if area_m2 > 0.0 { volume_m3 / area_m2 } else { 0.0 }, 3),
            "greatest_m": rounded(most_m, 3), "undetectable_edge_m3": rounded(edge_m3, 1),
        })
    };
    let loss = part(
        moved.loss_m3,
        moved.loss_m2,
        moved.most_loss_m,
        moved.outline_m6[0],
        apart_m * moved.loss_m2,
        moved.edge.loss_m3,
    );
    let gain = part(
        moved.gain_m3,
        moved.gain_m2,
        moved.most_gain_m,
        moved.outline_m6[1],
        -apart_m * moved.gain_m2,
        moved.edge.gain_m3,
    );
    into.insert("loss".to_owned(), loss);
    into.insert("gain".to_owned(), gain);
    let area_m2 = moved.loss_m2 + moved.gain_m2;
    let net_m3 = moved.gain_m3 - moved.loss_m3;
    let half = error.coverage * error.of_volume_m3(area_m2).hypot(moved.outline_m6.iter().sum::<f64>().sqrt());
    let more_m3 = -apart_m * area_m2;
    into.insert(
        "net".to_owned(),
        json!({
            "volume_m3": rounded(net_m3, 1),
            "interval_m3": [rounded(net_m3 - half + more_m3.min(0.0), 1), rounded(net_m3 + half + more_m3.max(0.0), 1)],
        }),
    );
    into.insert("without_height_m2".to_owned(), rounded(moved.unknown_m2, 1));
}

/// From the middle of what was lost to the middle of what was gained.
pub(super) fn put_travel(
    into: &mut Map<String, Value>,
    moved: &Moved,
    task: &Task<'_>,
    pair: &Pair<'_>,
) -> Result<(), AnalysisError> {
    let (Some(lost), Some(gained)) = (moved.lost.middle(), moved.gained.middle()) else { return Ok(()) };
    // Specks of the other sign are no deposit.
    if moved.loss_m3.min(moved.gain_m3) < 0.05 * moved.loss_m3.max(moved.gain_m3) {
        return Ok(());
    }
    let mut places = [lost, gained].map(|[x, y, _]| [x, y]);
    if pair.base().crs() != task.plane {
        Transform::new(pair.base().crs(), task.plane)?.points(&mut places)?;
    }
    let unit_m = task.plane.unit_m();
    let level_m = (places[1][0] - places[0][0]).hypot(places[1][1] - places[0][1]) * unit_m;
    let drop_m = lost[2] - gained[2];
    into.insert(
        "travel".to_owned(),
        json!({
            "from": places[0].map(|v| rounded(v, 2)), "to": places[1].map(|v| rounded(v, 2)),
            "distance_m": rounded(level_m, 1), "drop_m": rounded(drop_m, 1),
            "angle_deg": rounded(drop_m.atan2(level_m).to_degrees(), 1),
        }),
    );
    Ok(())
}
