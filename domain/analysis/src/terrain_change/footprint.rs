//! What two surveys show under a building's footprint and on the ground around it.
//!
//! A roof is told from the ground by standing above what lies around the walls, so that neither the slope of the ground nor a
//! common shift of the surveys matters; neighbours' footprints are no ground. Footprints that lie near each other are read
//! together.

use std::collections::BTreeMap;

use geodesy::Crs;

use super::pair::{Heights, Pair};
use super::rules::Buildings;
use crate::marks::{Marks, Place, Window};
use crate::{
    AnalysisError, ParcelLayer, Polygon,
    mechanism::Watch,
    slope::{rings_of, spans},
};

/// Cells along the side of the squares whose footprints are read together.
const TOGETHER: usize = 512;
/// A larger footprint is no building: cells, with the ground around it.
const MOST_CELLS: usize = 4_000_000;
/// Cells around a footprint that are looked at; of more, every second or third.
const MOST_AROUND: usize = 2_500;
/// Known cells around a footprint without which the ground there is unknown.
const LEAST_AROUND: usize = 8;
/// Ground around that lies so many times farther off its plane than half of it does is no ground.
const FAR_OFF: f64 = 3.5;

/// Where a building stands on the grid.
pub(super) struct Footprint {
    rings: Vec<Vec<[f64; 2]>>,
    /// Its box with the ground around, cells of the base.
    window: Window,
}

/// What is seen of a building; heights in metres.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Evidence {
    /// Whether some of it lies where is looked.
    pub(super) is_asked: bool,
    /// Cells of the footprint, and those that have both heights.
    pub(super) cells: usize,
    pub(super) known: usize,
    /// Cells that changed by more than the level of detection, fell and rose, and those in a moved place.
    pub(super) fallen: usize,
    pub(super) risen: usize,
    pub(super) in_place: usize,
    /// Mean fall of the fallen cells, mean rise of the risen ones, and the greatest of both.
    pub(super) mean_m: [f64; 2],
    pub(super) greatest_m: [f64; 2],
    /// Mean of `after` less `before`.
    pub(super) change_m: f64,
    /// How far the footprint's middle height stands above the ground around, before and after.
    pub(super) standing_m: Option<[f64; 2]>,
    /// Change of the ground around.
    pub(super) ground_change_m: Option<f64>,
    /// Cells whose roof stood above the ground, and those of them whose roof is gone.
    pub(super) roof_cells: usize,
    pub(super) roofless: usize,
    /// The moved place that has most of it.
    pub(super) place: Option<usize>,
}

impl Evidence {
    /// A part of the known cells.
    pub(super) fn share(&self, cells: usize) -> f64 {
        cells as f64 / self.known.max(1) as f64
    }

    /// The part of the roof that is gone.
    pub(super) fn roofless_share(&self) -> f64 {
        self.roofless as f64 / self.roof_cells.max(1) as f64
    }
}

/// Where is looked, and what moved there.
#[derive(Clone, Copy)]
pub(super) struct Scene<'s> {
    pub(super) pair: &'s Pair<'s>,
    pub(super) rules: &'s Buildings,
    /// Cells that are asked about.
    pub(super) window: Window,
    pub(super) rings: &'s [Vec<[f64; 2]>],
    pub(super) places: &'s [Place],
    pub(super) limit_m: f64,
}

/// Every footprint of a layer on the grid; none where it lies outside of both surveys or is no building.
pub(super) fn footprints(
    scene: &Scene<'_>,
    layer: &ParcelLayer,
    plane: &Crs,
) -> Result<Vec<Option<Footprint>>, AnalysisError> {
    let polygons: Vec<Polygon> = layer.parcels.iter().flat_map(|parcel| parcel.polygons.iter().cloned()).collect();
    let mut rings = rings_of(scene.pair.base(), &polygons, plane)?.into_iter();
    let [_, _, width, height] = scene.pair.base().grid();
    let cell_m = scene.pair.cell_m(scene.window.row + scene.window.rows / 2);
    let far = [0, 1].map(|axis| scene.rules.around_m[1] / cell_m[axis] * [width, height][axis]);
    let on_grid = |count: usize| {
        let rings: Vec<_> = rings.by_ref().take(count).collect();
        if rings.iter().flatten().flatten().any(|v| !v.is_finite()) {
            return None;
        }
        let corners: Vec<[f64; 2]> =
            rings.iter().flatten().flat_map(|[x, y]| [[x - far[0], y - far[1]], [x + far[0], y + far[1]]]).collect();
        let window = scene.pair.narrowed(&corners);
        (0 < window.cells() && window.cells() <= MOST_CELLS).then_some(Footprint { rings, window })
    };
    let counts = layer.parcels.iter().map(|parcel| parcel.polygons.iter().flat_map(Polygon::rings).count());
    Ok(counts.map(on_grid).collect())
}

/// What is seen of each.
pub(super) fn look(
    scene: &Scene<'_>,
    footprints: &[Option<Footprint>],
    watch: &dyn Watch,
) -> Result<Vec<Evidence>, AnalysisError> {
    let mut squares: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for (index, footprint) in footprints.iter().enumerate() {
        if let Some(Footprint { window, .. }) = footprint {
            squares.entry((window.row / TOGETHER, window.column / TOGETHER)).or_default().push(index);
        }
    }
    let mut marks = Marks::new(scene.window.columns, scene.window.rows);
    for run in scene.places.iter().flat_map(|place| &place.runs) {
        (run.from..run.to).for_each(|column| marks.set(column as usize, run.row as usize));
    }
    let boxes: Vec<Window> = scene.places.iter().take(super::MOST_PLACES).map(Place::window).collect();
    let mut seen = vec![Evidence::default(); footprints.len()];
    for (&(down, across), members) in &squares {
        if watch.cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        let own = members.iter().filter_map(|index| footprints[*index].as_ref());
        let Some(window) = own.map(|footprint| footprint.window).reduce(together) else { continue };
        let mut square = Square::read(scene, window)?;
        for (row, column) in (down.saturating_sub(1)..=down + 1)
            .flat_map(|row| (across.saturating_sub(1)..=across + 1).map(move |column| (row, column)))
        {
            let near = squares.get(&(row, column)).into_iter().flatten();
            near.filter_map(|index| footprints[*index].as_ref()).for_each(|footprint| square.build(footprint));
        }
        for index in members {
            if let Some(footprint) = &footprints[*index] {
                seen[*index] = square.evidence(footprint, &marks, &boxes);
            }
        }
    }
    Ok(seen)
}

/// The box around two.
fn together(a: Window, b: Window) -> Window {
    let (column, row) = (a.column.min(b.column), a.row.min(b.row));
    Window {
        column,
        row,
        columns: (a.column + a.columns).max(b.column + b.columns) - column,
        rows: (a.row + a.rows).max(b.row + b.rows) - row,
    }
}

/// Ground that is read at once.
struct Square<'s> {
    scene: &'s Scene<'s>,
    window: Window,
    heights: Heights,
    /// Cells that are built on.
    built: Vec<bool>,
    /// Columns of the window that are asked about, row by row.
    asked: Vec<Vec<(usize, usize)>>,
    cell_m: [f64; 2],
}

impl<'s> Square<'s> {
    fn read(scene: &'s Scene<'s>, window: Window) -> Result<Self, AnalysisError> {
        let mut square = Self {
            scene,
            window,
            heights: scene.pair.read(window)?,
            built: vec![false; window.cells()],
            asked: Vec::new(),
            cell_m: scene.pair.cell_m(window.row + window.rows / 2),
        };
        let looked = scene.window;
        let most = |column: usize| column.clamp(window.column, window.column + window.columns) - window.column;
        let (from, to) = (most(looked.column), most(looked.column + looked.columns));
        square.asked = (0..window.rows)
            .map(|row| {
                let is_looked = (looked.row..looked.row + looked.rows).contains(&(window.row + row));
                match (is_looked, scene.rings.is_empty()) {
                    (false, _) => Vec::new(),
                    (true, true) => vec![(from, to)],
                    (true, false) => square.columns(scene.rings, row),
                }
            })
            .collect();
        Ok(square)
    }

    /// Columns of a row whose middles lie in rings; both are counted from the window's corner.
    fn columns(&self, rings: &[Vec<[f64; 2]>], row: usize) -> Vec<(usize, usize)> {
        let [west, north, width, height] = self.scene.pair.base().grid();
        let y = north - ((self.window.row + row) as f64 + 0.5) * height;
        let cell = |x: f64| {
            let column = (x - west) / width - self.window.column as f64 - 0.5;
            column.ceil().clamp(0.0, self.window.columns as f64) as usize
        };
        spans(rings, y).into_iter().map(|[from, to]| (cell(from), cell(to))).collect()
    }

    /// The rows of a footprint's box within the window.
    fn rows(&self, footprint: &Footprint) -> std::ops::Range<usize> {
        let at = |row: usize| row.clamp(self.window.row, self.window.row + self.window.rows) - self.window.row;
        at(footprint.window.row)..at(footprint.window.row + footprint.window.rows)
    }

    fn build(&mut self, footprint: &Footprint) {
        for row in self.rows(footprint) {
            for (from, to) in self.columns(&footprint.rings, row) {
                self.built[row * self.window.columns..][from..to].fill(true);
            }
        }
    }

    fn evidence(&self, footprint: &Footprint, marks: &Marks, boxes: &[Window]) -> Evidence {
        let mut seen = Evidence::default();
        let mut known: Vec<Spot> = Vec::new();
        let mut in_places: BTreeMap<usize, usize> = BTreeMap::new();
        for row in self.rows(footprint) {
            for column in self.columns(&footprint.rings, row).into_iter().flat_map(|(from, to)| from..to) {
                seen.cells += 1;
                seen.is_asked |= self.asked[row].iter().any(|(from, to)| (*from..*to).contains(&column));
                let cell = row * self.window.columns + column;
                let both = [self.heights.before[cell], self.heights.after[cell]];
                if !both.iter().all(|height| height.is_finite()) {
                    continue;
                }
                let [wide_m, high_m] = self.cell_m;
                let at = [self.window.column + column, self.window.row + row].map(|cell| cell as f64 + 0.5);
                known.push(Spot { at_m: [at[0] * wide_m, at[1] * high_m], heights: both });
                let looked = self.scene.window;
                let at = (self.window.column + column).checked_sub(looked.column);
                let Some((column, row)) = at.zip((self.window.row + row).checked_sub(looked.row)) else { continue };
                if marks.is_set(column, row) {
                    seen.in_place += 1;
                    if let Some(place) = self.place(boxes, column, row) {
                        *in_places.entry(place).or_default() += 1;
                    }
                }
            }
        }
        seen.known = known.len();
        seen.place = in_places.into_iter().max_by_key(|(place, cells)| (*cells, usize::MAX - place)).map(|(at, _)| at);
        let mut sums = [0.0; 2];
        for Spot { heights: [before, after], .. } in &known {
            let change = f64::from(after - before);
            seen.change_m += change / seen.known as f64;
            if change.abs() > self.scene.limit_m {
                let side = usize::from(change > 0.0);
                sums[side] += change.abs();
                seen.greatest_m[side] = seen.greatest_m[side].max(change.abs());
                if side == 0 { seen.fallen += 1 } else { seen.risen += 1 }
            }
        }
        seen.mean_m = [sums[0] / seen.fallen.max(1) as f64, sums[1] / seen.risen.max(1) as f64];
        self.see_roof(footprint, &known, &mut seen);
        seen
    }

    /// Which moved place a cell of the area is in.
    fn place(&self, boxes: &[Window], column: usize, row: usize) -> Option<usize> {
        boxes.iter().zip(self.scene.places).position(|(window, place)| {
            (window.column..window.column + window.columns).contains(&column)
                && (window.row..window.row + window.rows).contains(&row)
                && place.holds(column, row)
        })
    }

    /// How far the roof stood above the ground around, and how much of it is gone. The ground under a building on a slope is a
    /// plane through the ground around: uphill the same roof stands lower above it.
    fn see_roof(&self, footprint: &Footprint, known: &[Spot], seen: &mut Evidence) {
        let around = self.around(footprint);
        if known.is_empty() || around.len() < LEAST_AROUND {
            return;
        }
        let ground = [0, 1].map(|epoch| Plane::through(&around, epoch));
        let standing = |spot: &Spot, epoch: usize| f64::from(spot.heights[epoch]) - ground[epoch].at(spot.at_m);
        let ground_m = median(around.iter().map(|spot| f64::from(spot.heights[1] - spot.heights[0])));
        seen.standing_m = Some([0, 1].map(|epoch| median(known.iter().map(|spot| standing(spot, epoch)))));
        seen.ground_change_m = Some(ground_m);
        // Where the roof hardly stands above the slope it tells nothing.
        let least_m = self.scene.limit_m.max(self.scene.rules.roof_m / 2.0);
        for (spot, stood_m) in known.iter().map(|spot| (spot, standing(spot, 0))).filter(|(_, m)| *m >= least_m) {
            let sank_m = ground_m - f64::from(spot.heights[1] - spot.heights[0]);
            seen.roof_cells += 1;
            seen.roofless += usize::from(sank_m >= (self.scene.rules.roof_lost * stood_m).max(self.scene.limit_m));
        }
    }

    /// Both heights of the ground around a footprint.
    fn around(&self, footprint: &Footprint) -> Vec<Spot> {
        let [west, north, width, height] = self.scene.pair.base().grid();
        let [wide_m, high_m] = self.cell_m;
        let place = |[x, y]: [f64; 2]| [(x - west) / width * wide_m, (north - y) / height * high_m];
        let sides: Vec<[[f64; 2]; 2]> = footprint
            .rings
            .iter()
            .flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| [place(*a), place(*b)]))
            .collect();
        let step = (footprint.window.cells() as f64 / MOST_AROUND as f64).sqrt().ceil().max(1.0) as usize;
        let left = footprint.window.column.max(self.window.column);
        let right = (footprint.window.column + footprint.window.columns).min(self.window.column + self.window.columns);
        let [near, far] = self.scene.rules.around_m;
        let mut around = Vec::new();
        for row in self.rows(footprint).step_by(step) {
            for column in (left..right).step_by(step) {
                let cell = row * self.window.columns + column - self.window.column;
                let both = [self.heights.before[cell], self.heights.after[cell]];
                if self.built[cell] || !both.iter().all(|height| height.is_finite()) {
                    continue;
                }
                let at_m = [(column as f64 + 0.5) * wide_m, ((self.window.row + row) as f64 + 0.5) * high_m];
                let away_m = sides.iter().map(|side| distance_m(at_m, *side)).fold(f64::INFINITY, f64::min);
                if (near..=far).contains(&away_m) {
                    around.push(Spot { at_m, heights: both });
                }
            }
        }
        around
    }
}

/// A place, metres from the corner of the grid, with both heights.
#[derive(Debug, Clone, Copy)]
struct Spot {
    at_m: [f64; 2],
    heights: [f32; 2],
}

/// Ground as a plane: a place on it, and its rise along both axes.
#[derive(Debug, Clone, Copy, Default)]
struct Plane {
    middle_m: [f64; 3],
    rise: [f64; 2],
}

impl Plane {
    /// Through the heights of an epoch; what lies far off, as trees do, is left out the second time.
    fn through(spots: &[Spot], epoch: usize) -> Self {
        let points: Vec<[f64; 3]> =
            spots.iter().map(|spot| [spot.at_m[0], spot.at_m[1], f64::from(spot.heights[epoch])]).collect();
        let first = Self::fitted(&points);
        let off = |point: &[f64; 3]| (point[2] - first.at([point[0], point[1]])).abs();
        let limit_m = FAR_OFF * median(points.iter().map(off)) + 0.01;
        let near: Vec<[f64; 3]> = points.iter().copied().filter(|point| off(point) <= limit_m).collect();
        Self::fitted(&near)
    }

    fn fitted(points: &[[f64; 3]]) -> Self {
        let count = points.len().max(1) as f64;
        let middle_m = [0, 1, 2].map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / count);
        let sum = |a: usize, b: usize| points.iter().map(|p| (p[a] - middle_m[a]) * (p[b] - middle_m[b])).sum::<f64>();
        let (xx, yy, xy, xz, yz) = (sum(0, 0), sum(1, 1), sum(0, 1), sum(0, 2), sum(1, 2));
        let determinant = xx * yy - xy * xy;
        // Ground on a line round a corner tells no plane.
        let rise = if determinant > 1e-3 * xx * yy {
            [(xz * yy - yz * xy) / determinant, (yz * xx - xz * xy) / determinant]
        } else {
            [0.0; 2]
        };
        Self { middle_m, rise }
    }

    fn at(&self, [x, y]: [f64; 2]) -> f64 {
        self.middle_m[2] + self.rise[0] * (x - self.middle_m[0]) + self.rise[1] * (y - self.middle_m[1])
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    if values.is_empty() {
        return f64::NAN;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// From a place to a side.
fn distance_m(p: [f64; 2], [a, b]: [[f64; 2]; 2]) -> f64 {
    let along = [b[0] - a[0], b[1] - a[1]];
    let to = [p[0] - a[0], p[1] - a[1]];
    let length = along[0] * along[0] + along[1] * along[1];
    let t = if length > 0.0 { ((to[0] * along[0] + to[1] * along[1]) / length).clamp(0.0, 1.0) } else { 0.0 };
    (to[0] - t * along[0]).hypot(to[1] - t * along[1])
}
