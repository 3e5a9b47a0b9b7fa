//! Two surfaces brought together on one grid: the cells of the finer one, the other read between its own.
//!
//! Grids of another size, origin or system are brought together here and nowhere else. Positions between two systems are
//! transformed on a coarse net of cells and interpolated, which errs by less than a thousandth of a cell.

use geodesy::Transform;
use serde_json::{Value, json};

use crate::{AnalysisError, Surface, figures::rounded, marks::Window};

/// Cells between the places that are transformed exactly.
const NET: usize = 32;
/// Nearer than this to a cell's middle is the middle, in cells.
const ON_CELL: f64 = 1e-6;

/// Heights of both surfaces in the cells of a window, metres, NaN where there is none.
#[derive(Debug)]
pub(super) struct Heights {
    pub(super) before: Vec<f32>,
    pub(super) after: Vec<f32>,
}

/// A plane by which a surface is too high, nought at its origin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tilt {
    /// Metres up for a metre to the east and to the north.
    pub(super) rise: [f64; 2],
    /// Where it is nought, in cells of the base: 0 is the middle of the first.
    pub(super) origin: [f64; 2],
}

/// Two surfaces on the grid of the finer one.
#[derive(Debug)]
pub(super) struct Pair<'s> {
    base: &'s dyn Surface,
    other: &'s dyn Surface,
    base_is_after: bool,
    to_other: Option<Transform>,
    /// The cells that may have both heights.
    pub(super) window: Window,
    /// How far `after` lies from where it should: east and north in metres of the ground, and up. Taken off when read.
    shift_m: [f64; 3],
    /// Taken off with it.
    tilt: Option<Tilt>,
}

/// Metres of a degree of longitude and of latitude on the ellipsoid.
fn degree_m(lat_deg: f64) -> [f64; 2] {
    let lat = lat_deg.to_radians();
    [
        111_412.84 * lat.cos() - 93.5 * (3.0 * lat).cos() + 0.118 * (5.0 * lat).cos(),
        111_132.954 - 559.822 * (2.0 * lat).cos() + 1.175 * (4.0 * lat).cos(),
    ]
}

/// Width and height of a surface's cells near a row, metres.
pub(crate) fn cell_m(surface: &dyn Surface, row: f64) -> [f64; 2] {
    let [_, north, width, height] = surface.grid();
    if surface.crs().is_geographic() {
        let [lon, lat] = degree_m(north - row * height);
        return [width * lon, height * lat];
    }
    let unit_m = surface.crs().unit_m();
    [width * unit_m, height * unit_m]
}

impl<'s> Pair<'s> {
    /// The surfaces, one over the other; refuses those that nowhere meet.
    pub(super) fn new(before: &'s dyn Surface, after: &'s dyn Surface) -> Result<Self, AnalysisError> {
        let middle = |surface: &dyn Surface| cell_m(surface, surface.size()[1] as f64 / 2.0);
        let [size_before, size_after] = [middle(before), middle(after)].map(|[w, h]| w * h);
        let base_is_after = size_after <= size_before * (1.0 + 1e-9);
        let (base, other) = if base_is_after { (after, before) } else { (before, after) };
        let to_other = if base.crs() == other.crs() { None } else { Some(Transform::new(base.crs(), other.crs())?) };
        let mut pair = Self {
            base,
            other,
            base_is_after,
            to_other,
            window: Window { column: 0, row: 0, columns: base.size()[0], rows: base.size()[1] },
            shift_m: [0.0; 3],
            tilt: None,
        };
        let back = if base.crs() == other.crs() { None } else { Some(Transform::new(other.crs(), base.crs())?) };
        let mut outline = outline(other);
        if let Some(back) = back {
            back.points(&mut outline)?;
        }
        pair.window = pair.narrowed(&outline);
        if pair.window.cells() == 0 {
            return Err(AnalysisError::Request {
                what_zh: format!(
                    "“{}”与“{}”没有重叠范围，不能比较；请选择同一地点的两期数据",
                    before.source(),
                    after.source()
                ),
                what_en: format!(
                    "{} and {} do not overlap: choose two surveys of one place",
                    before.source(),
                    after.source()
                ),
            });
        }
        Ok(pair)
    }

    /// The cells in the box of these places, which are in the base's system.
    pub(super) fn narrowed(&self, places: &[[f64; 2]]) -> Window {
        self.window.narrowed(self.base.grid(), places)
    }

    /// The surface whose grid is used.
    pub(super) fn base(&self) -> &'s dyn Surface {
        self.base
    }

    /// The other one, which is read between its cells.
    pub(super) fn other(&self) -> &'s dyn Surface {
        self.other
    }

    /// Width and height of the cells near a row, metres.
    pub(super) fn cell_m(&self, row: usize) -> [f64; 2] {
        cell_m(self.base, row as f64)
    }

    /// Takes a shift of `after` off from now on, and a tilt.
    pub(super) fn align(&mut self, shift_m: [f64; 3], tilt: Option<Tilt>) {
        self.shift_m = shift_m;
        self.tilt = tilt;
    }

    /// Takes off what is left after what was taken off.
    pub(super) fn align_further(&mut self, shift_m: [f64; 3], more: Tilt) {
        let tilt = self.tilt.unwrap_or(Tilt { rise: [0.0; 2], origin: more.origin });
        // Both planes as one, nought where the first is: there the second stands so high.
        let size_m = cell_m(self.base, tilt.origin[1]);
        let up_m = more.rise[0] * (tilt.origin[0] - more.origin[0]) * size_m[0]
            + more.rise[1] * (more.origin[1] - tilt.origin[1]) * size_m[1];
        self.shift_m = [0, 1, 2].map(|axis| self.shift_m[axis] + shift_m[axis]);
        self.shift_m[2] += up_m;
        self.tilt = Some(Tilt { rise: [0, 1].map(|axis| tilt.rise[axis] + more.rise[axis]), origin: tilt.origin });
    }

    /// What is taken off, for a result; none where nothing is.
    pub(super) fn taken_off_json(&self) -> Value {
        let [east, north, up] = self.shift_m.map(|m| rounded(m, 4));
        let tilt = self.tilt.map(|tilt| tilt.rise.map(|rise| rounded(rise * 1_000.0, 4)));
        if self.shift_m.iter().all(|m| *m == 0.0) && tilt.is_none() {
            return Value::Null;
        }
        json!({
            "shift_m": { "east": east, "north": north, "up": up },
            "tilt_m_per_km": tilt.map(|[east, north]| json!({ "east": east, "north": north })),
        })
    }

    /// Both heights in a window.
    pub(super) fn read(&self, window: Window) -> Result<Heights, AnalysisError> {
        let mut own = self.base.window(window.column, window.row, window.columns, window.rows)?;
        let mut other = self.other_in(window)?;
        let after = if self.base_is_after { &mut own } else { &mut other };
        if let Some(Tilt { rise, origin }) = self.tilt {
            let [width_m, height_m] = cell_m(self.base, origin[1]);
            for (index, line) in after.chunks_exact_mut(window.columns).enumerate() {
                let north_m = (origin[1] - (window.row + index) as f64) * height_m;
                let up_m = self.shift_m[2] + rise[1] * north_m;
                for (index, height) in line.iter_mut().enumerate() {
                    let east_m = ((window.column + index) as f64 - origin[0]) * width_m;
                    *height -= (up_m + rise[0] * east_m) as f32;
                }
            }
        } else if self.shift_m[2] != 0.0 {
            let up = self.shift_m[2] as f32;
            for height in after.iter_mut() {
                *height -= up;
            }
        }
        Ok(if self.base_is_after {
            Heights { before: other, after: own }
        } else {
            Heights { before: own, after: other }
        })
    }

    /// Where the middle of a base cell lies among the other's cells: 0 is the middle of the first. Cells may be fractions.
    fn places(&self, cells: &[[f64; 2]]) -> Result<Vec<[f64; 2]>, AnalysisError> {
        let [west, north, width, height] = self.base.grid();
        let [other_west, other_north, other_width, other_height] = self.other.grid();
        // What `after` shows at a place belongs where the place is less the shift.
        let sign = if self.base_is_after { -1.0 } else { 1.0 };
        let mut places: Vec<[f64; 2]> = cells
            .iter()
            .map(|[column, row]| {
                let size_m = cell_m(self.base, *row);
                let [east, up] = [0, 1].map(|axis| sign * self.shift_m[axis] / size_m[axis]);
                [west + (column + 0.5 + east) * width, north - (row + 0.5 - up) * height]
            })
            .collect();
        if let Some(transform) = &self.to_other {
            transform.points(&mut places)?;
        }
        Ok(places
            .into_iter()
            .map(|[x, y]| [(x - other_west) / other_width - 0.5, (other_north - y) / other_height - 0.5])
            .collect())
    }

    /// The other surface's heights in the middles of the base's cells.
    fn other_in(&self, window: Window) -> Result<Vec<f32>, AnalysisError> {
        let Window { column, row, columns, rows } = window;
        let (across, down) = (columns.div_ceil(NET) + 1, rows.div_ceil(NET) + 1);
        let net: Vec<[f64; 2]> = (0..across * down)
            .map(|node| [(column + node % across * NET) as f64, (row + node / across * NET) as f64])
            .collect();
        let net = self.places(&net)?;
        let [wide, high] = self.other.size();
        let bound = |axis: usize, most: usize| {
            let all = net.iter().map(|place| place[axis]).filter(|v| v.is_finite());
            let (low, top) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
            if low > top {
                return (0, 0);
            }
            // The cell below and the one above, and one more for what the net rounds.
            let from = (low.floor() - 1.0).clamp(0.0, most as f64) as usize;
            let end = (top.floor() + 3.0).clamp(0.0, most as f64) as usize;
            (from, end.saturating_sub(from))
        };
        let ((left, width), (top, height)) = (bound(0, wide), bound(1, high));
        if width == 0 || height == 0 {
            return Ok(vec![f32::NAN; window.cells()]);
        }
        let values = self.other.window(left, top, width, height)?;
        let source = Source { values: &values, width, height, left: left as f64, top: top as f64, edge: [wide, high] };
        let mut out = vec![f32::NAN; window.cells()];
        for (index, line) in out.chunks_exact_mut(columns).enumerate() {
            let (above, part) = (index / NET * across, (index % NET) as f64 / NET as f64);
            let node =
                |at: usize| [0, 1].map(|k| net[above + at][k] * (1.0 - part) + net[above + across + at][k] * part);
            for (at, cells) in line.chunks_mut(NET).enumerate() {
                let (from, to) = (node(at), node(at + 1));
                let step = [0, 1].map(|k| (to[k] - from[k]) / NET as f64);
                source.fill(from, step, cells);
            }
        }
        Ok(out)
    }
}

/// A window of the other surface.
struct Source<'v> {
    values: &'v [f32],
    width: usize,
    height: usize,
    left: f64,
    top: f64,
    edge: [usize; 2],
}

impl Source<'_> {
    /// Reads along a straight row of places.
    fn fill(&self, [u, v]: [f64; 2], [du, dv]: [f64; 2], cells: &mut [f32]) {
        let whole = |value: f64| (value - value.round()).abs() < ON_CELL;
        // Grids that fit each other are copied: nothing is smoothed that was measured in the same places.
        if whole(u) && whole(v) && (du - 1.0).abs() < 1e-9 && dv.abs() < 1e-9 {
            let (u, v) = (u.round() - self.left, v.round() - self.top);
            if u >= 0.0 && v >= 0.0 && v < self.height as f64 && u as usize + cells.len() <= self.width {
                let from = v as usize * self.width + u as usize;
                cells.copy_from_slice(&self.values[from..from + cells.len()]);
                return;
            }
            for (index, cell) in cells.iter_mut().enumerate() {
                *cell = self.at(u + index as f64, v);
            }
            return;
        }
        // Cells of one size lie alike between the other's: four weights for all of them, as long as none is at the border.
        if (du - 1.0).abs() < 1e-9 && dv.abs() < 1e-9 {
            let (column, row) = (u - self.left, v - self.top);
            let (part, down) = (column - column.floor(), row - row.floor());
            let inside = |at: f64, more: usize, most: usize| at >= 0.0 && at.floor() + (more as f64) < most as f64;
            if inside(column, cells.len(), self.width) && inside(row, 1, self.height) {
                let (column, row) = (column as usize, row as usize);
                let line = |row: usize| &self.values[row * self.width + column..][..=cells.len()];
                blend([line(row), line(row + 1)], [part as f32, down as f32], cells);
                return;
            }
        }
        for (index, cell) in cells.iter_mut().enumerate() {
            let k = index as f64;
            *cell = self.between(u + k * du, v + k * dv);
        }
    }

    fn at(&self, u: f64, v: f64) -> f32 {
        if u < 0.0 || v < 0.0 || u >= self.width as f64 || v >= self.height as f64 {
            return f32::NAN;
        }
        self.values[v as usize * self.width + u as usize]
    }

    /// Bilinear between four middles; in the outer half of a border cell, its own height.
    fn between(&self, u: f64, v: f64) -> f32 {
        let inside = |value: f64, cells: usize| value >= -0.5 - ON_CELL && value <= cells as f64 - 0.5 + ON_CELL;
        if !inside(u, self.edge[0]) || !inside(v, self.edge[1]) {
            return f32::NAN;
        }
        let within = |value: f64, cells: usize, start: f64, read: usize| {
            (value.clamp(0.0, cells as f64 - 1.0) - start).clamp(0.0, read as f64 - 1.0)
        };
        let (u, v) = (within(u, self.edge[0], self.left, self.width), within(v, self.edge[1], self.top, self.height));
        let (column, row) = (u as usize, v as usize);
        let (next, below) = ((column + 1).min(self.width - 1), (row + 1).min(self.height - 1));
        let (part, down) = ((u - column as f64) as f32, (v - row as f64) as f32);
        let [a, b] = [row, below].map(|row| {
            let line = &self.values[row * self.width..];
            let (left, right) = (line[column], line[next]);
            // A missing neighbour without weight does not matter.
            if part == 0.0 { left } else { left + (right - left) * part }
        });
        if down == 0.0 { a } else { a + (b - a) * down }
    }
}

/// A row between two, each value between two neighbours, in the same parts all along; a neighbour without weight does not matter.
fn blend([above, below]: [&[f32]; 2], [part, down]: [f32; 2], cells: &mut [f32]) {
    let mix = |a: f32, b: f32, part: f32| if part == 0.0 { a } else { a + (b - a) * part };
    let pairs = above.windows(2).zip(below.windows(2));
    for (cell, (above, below)) in cells.iter_mut().zip(pairs) {
        *cell = mix(mix(above[0], above[1], part), mix(below[0], below[1], part), down);
    }
}

/// A height between the middles of a window's cells, bilinear; NaN outside, and where a cell that counts has none.
pub(crate) fn between(values: &[f32], window: Window, [column, row]: [f64; 2]) -> f64 {
    let (u, v) = (column - window.column as f64, row - window.row as f64);
    if !(u >= 0.0 && v >= 0.0 && u <= (window.columns - 1) as f64 && v <= (window.rows - 1) as f64) {
        return f64::NAN;
    }
    let (x, y) = (u as usize, v as usize);
    let (next, below) = ((x + 1).min(window.columns - 1), (y + 1).min(window.rows - 1));
    let at = |x: usize, y: usize| f64::from(values[y * window.columns + x]);
    let (part, down) = (u - x as f64, v - y as f64);
    let line = |y: usize| if part == 0.0 { at(x, y) } else { at(x, y) * (1.0 - part) + at(next, y) * part };
    if down == 0.0 { line(y) } else { line(y) * (1.0 - down) + line(below) * down }
}

/// The edge of a surface, in its own system.
fn outline(surface: &dyn Surface) -> Vec<[f64; 2]> {
    let [west, north, width, height] = surface.grid();
    let [columns, rows] = surface.size();
    let [across, down] = [width * columns as f64, height * rows as f64];
    (0..=16)
        .map(|i| f64::from(i) / 16.0)
        .flat_map(|t| {
            let (x, y) = (west + across * t, north - down * t);
            [[x, north], [x, north - down], [west, y], [west + across, y]]
        })
        .collect()
}
