//! Depths of the flooded cells, read once more in bands: sums by class, and the ground of each class as outlines.
//!
//! Areas and volumes count every cell. Outlines do so too where they can; a flood too wide or too ragged to be drawn cell by
//! cell is drawn by squares of cells, each of what most of it is, and the result says of how many.

use i_overlay::i_float::int::point::IntPoint;
use serde_json::{Map, Value, json};

use super::fill::go_on;
use super::ground::Ground;
use crate::{
    AnalysisError, Polygon, RasterMade, Task,
    boolean::{Ring, union},
    figures::{Areas, Figures, rounded},
    marks::{Marks, Run, WORD, Window},
};

/// Rows read at once.
const BAND: usize = 256;
/// Classes of depth.
pub(super) const MOST_CLASSES: usize = 12;
/// Squares that outlines are drawn from: a byte each.
const MOST_SQUARES: usize = 16_000_000;
/// Rectangles of squares that are joined to outlines.
const MOST_RECTANGLES: usize = 60_000;

/// Depths of a part of the window, metres, NaN where it is dry.
#[derive(Debug)]
pub(super) struct Band {
    pub(super) part: Window,
    pub(super) depth_m: Vec<f32>,
}

impl Band {
    /// Depth of a cell of its rows; NaN where it is dry.
    pub(super) fn at(&self, column: usize, row: usize) -> f32 {
        let Window { column: left, row: top, columns, .. } = self.part;
        if column < left || column >= left + columns {
            f32::NAN
        } else {
            self.depth_m[(row - top) * columns + column - left]
        }
    }
}

/// Depths of a row's marked cells from their heights; the others become NaN. `left` is a whole number of words.
fn sink(heights: &mut [f32], marks: &[u64], left: usize, level_m: f64) {
    for (cells, bits) in heights.chunks_mut(WORD).zip(&marks[left / WORD..]) {
        if *bits == 0 {
            cells.fill(f32::NAN);
            continue;
        }
        for (bit, height) in cells.iter_mut().enumerate() {
            *height = if bits >> bit & 1 == 1 { (level_m - f64::from(*height)) as f32 } else { f32::NAN };
        }
    }
}

/// Depths of the wet cells, band by band from the north; parts without any are not read.
pub(super) fn each_band(
    task: &Task<'_>,
    ground: &Ground<'_>,
    wet: &Marks,
    level_m: f64,
    mut take: impl FnMut(&Band),
) -> Result<(), AnalysisError> {
    let mut runs: Vec<Run> = Vec::new();
    for first in (0..wet.rows).step_by(BAND) {
        go_on(task, 0.6 + 0.3 * first as f64 / wet.rows as f64, "量算水深")?;
        let rows = BAND.min(wet.rows - first);
        runs.clear();
        (first..first + rows).for_each(|row| wet.runs(row, &mut runs));
        let Some(from) = runs.iter().map(|run| run.from as usize / WORD * WORD).min() else { continue };
        let to = runs.iter().map(|run| run.to as usize).max().unwrap_or(from);
        let part = Window { column: from, row: first, columns: to - from, rows };
        let mut depth_m = ground.read(part)?;
        for (index, line) in depth_m.chunks_exact_mut(part.columns).enumerate() {
            sink(line, wet.row(first + index), from, level_m);
        }
        take(&Band { part, depth_m });
    }
    Ok(())
}

/// Hands the depths on as a grid of the box round them.
pub(super) fn make_raster(
    task: &Task<'_>,
    ground: &Ground<'_>,
    wet: &Marks,
    level_m: f64,
) -> Result<(), AnalysisError> {
    let Some(bounds) = wet.bounds() else { return Ok(()) };
    let left = bounds.column / WORD * WORD;
    let [west, north, width, height] = ground.surface().grid();
    let made = RasterMade {
        name: "depth",
        title_zh: "淹没水深",
        title_en: "Depth of water",
        unit: "m",
        crs: ground.surface().crs().clone(),
        size: [bounds.columns, bounds.rows],
        grid: [
            west + (ground.window.column + bounds.column) as f64 * width,
            north - (ground.window.row + bounds.row) as f64 * height,
            width,
            height,
        ],
    };
    task.rasters.take(&made, &mut |row, cells| {
        let rows = cells.len() / bounds.columns;
        let part = Window { column: left, row: bounds.row + row, columns: bounds.column + bounds.columns - left, rows };
        let mut heights = ground.read(part)?;
        let lines = heights.chunks_exact_mut(part.columns).zip(cells.chunks_exact_mut(bounds.columns));
        for (index, (line, made)) in lines.enumerate() {
            sink(line, wet.row(part.row + index), left, level_m);
            made.copy_from_slice(&line[bounds.column - left..]);
        }
        Ok(())
    })
}

/// What the cells of a class sum up to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Sum {
    pub(super) cells: u64,
    pub(super) areas: Areas,
    pub(super) volume_m3: f64,
    pub(super) greatest_m: f32,
}

impl Sum {
    pub(super) fn and(self, other: &Self) -> Self {
        Self {
            cells: self.cells + other.cells,
            areas: [self.areas, other.areas].into_iter().sum(),
            volume_m3: self.volume_m3 + other.volume_m3,
            greatest_m: self.greatest_m.max(other.greatest_m),
        }
    }

    /// Volume and depths.
    pub(super) fn put(&self, into: &mut Map<String, Value>) {
        into.insert("cells".to_owned(), json!(self.cells));
        into.insert("volume_m3".to_owned(), rounded(self.volume_m3, 1));
        into.insert("greatest_m".to_owned(), rounded(f64::from(self.greatest_m), 3));
        let mean_m = if self.areas.plane_m2 > 0.0 { self.volume_m3 / self.areas.plane_m2 } else { 0.0 };
        into.insert("mean_m".to_owned(), rounded(mean_m, 3));
    }
}

/// Depths by class.
#[derive(Debug)]
pub(super) struct Classes {
    /// Depths at which the second and every further class begins, metres.
    limits_m: Vec<f64>,
    pub(super) sums: Vec<Sum>,
    bounds: Window,
    /// Cells along the side of a square.
    side: usize,
    /// Columns of squares.
    across: usize,
    /// Class of each square and 1, or 0 where it is dry.
    squares: Vec<u8>,
    /// Cells of each class in the row of squares that is being read.
    counts: Vec<[u32; MOST_CLASSES]>,
    row: usize,
}

impl Classes {
    pub(super) fn new(limits_m: &[f64], wet: &Marks) -> Self {
        let bounds = wet.bounds().unwrap_or(Window { column: 0, row: 0, columns: 0, rows: 0 });
        let mut side = 1;
        while bounds.columns.div_ceil(side) * bounds.rows.div_ceil(side) > MOST_SQUARES {
            side += 1;
        }
        let across = bounds.columns.div_ceil(side);
        Self {
            limits_m: limits_m.to_vec(),
            sums: vec![Sum::default(); limits_m.len() + 1],
            bounds,
            side,
            across,
            squares: vec![0; across * bounds.rows.div_ceil(side)],
            counts: vec![[0; MOST_CLASSES]; across],
            row: 0,
        }
    }

    /// Which class a depth is of.
    pub(super) fn of(&self, depth_m: f64) -> usize {
        self.limits_m.iter().take_while(|limit| depth_m >= **limit).count()
    }

    /// Depths of a class, the upper end none for the last.
    pub(super) fn range_m(&self, class: usize) -> (f64, Option<f64>) {
        (class.checked_sub(1).map_or(0.0, |below| self.limits_m[below]), self.limits_m.get(class).copied())
    }

    pub(super) fn add(&mut self, ground: &Ground<'_>, band: &Band) {
        let mut cells = [0_u64; MOST_CLASSES];
        let mut depths = [0.0_f64; MOST_CLASSES];
        for (index, line) in band.depth_m.chunks_exact(band.part.columns).enumerate() {
            let row = band.part.row + index;
            self.come_to((row.max(self.bounds.row) - self.bounds.row) / self.side);
            for (at, block) in line.chunks(WORD).enumerate() {
                let left = band.part.column + at * WORD;
                let mut any = false;
                for (bit, depth_m) in block.iter().enumerate().filter(|(_, depth_m)| !depth_m.is_nan()) {
                    let depth_m = f64::from(*depth_m);
                    let class = self.of(depth_m);
                    cells[class] += 1;
                    depths[class] += depth_m;
                    self.sums[class].greatest_m = self.sums[class].greatest_m.max(depth_m as f32);
                    self.counts[(left + bit - self.bounds.column) / self.side][class] += 1;
                    any = true;
                }
                if !any {
                    continue;
                }
                let cell = ground.cell(left, row);
                for (class, sum) in self.sums.iter_mut().enumerate() {
                    let count = cells[class] as f64;
                    sum.cells += cells[class];
                    sum.areas.plane_m2 += count * cell.plane_m2;
                    sum.areas.ellipsoidal_m2 += count * cell.ellipsoidal_m2;
                    sum.volume_m3 += depths[class] * cell.plane_m2;
                }
                cells.fill(0);
                depths.fill(0.0);
            }
        }
    }

    /// Settles the row of squares that was read before another begins.
    fn come_to(&mut self, row: usize) {
        if row == self.row {
            return;
        }
        // Rows below the last wet one have no squares.
        let from = self.row.saturating_mul(self.across);
        for (square, counts) in self.squares.iter_mut().skip(from).zip(&mut self.counts) {
            *square = most(counts, self.side * self.side);
            *counts = [0; MOST_CLASSES];
        }
        self.row = row;
    }

    /// The ground of each class in the plane, and of how many cells a side its squares are.
    pub(super) fn outlines(&mut self, ground: &Ground<'_>) -> Result<(Vec<Vec<Polygon>>, usize), AnalysisError> {
        if self.squares.is_empty() {
            return Ok((vec![Vec::new(); self.sums.len()], 1));
        }
        self.come_to(usize::MAX);
        let (mut squares, mut across, mut side) = (std::mem::take(&mut self.squares), self.across, self.side);
        let mut found = rectangles(&squares, across);
        while found.len() > MOST_RECTANGLES {
            (squares, across) = halved(&squares, across);
            side *= 2;
            found = rectangles(&squares, across);
        }
        let in_cells = |point: &IntPoint| {
            let cell = |at: i32, from: usize, count: usize| (from + (at as usize * side).min(count)) as f64;
            [cell(point.x, self.bounds.column, self.bounds.columns), cell(-point.y, self.bounds.row, self.bounds.rows)]
        };
        let ring = |ring: &Ring| ground.ring_in_plane(&cornered(ring).iter().map(in_cells).collect::<Vec<_>>());
        let mut made = Vec::with_capacity(self.sums.len());
        for class in 1..=self.sums.len() {
            let rings: Vec<Ring> =
                found.iter().filter(|rectangle| usize::from(rectangle.class) == class).map(Rectangle::ring).collect();
            let polygon = |shape: &Vec<Ring>| -> Result<Polygon, AnalysisError> {
                let mut rings = shape.iter().map(ring);
                Ok(Polygon {
                    exterior: rings.next().transpose()?.unwrap_or_default(),
                    holes: rings.collect::<Result<_, _>>()?,
                })
            };
            made.push(union(rings.iter()).iter().map(polygon).collect::<Result<Vec<_>, _>>()?);
        }
        Ok((made, side))
    }

    /// Figures of each class, and of all, which they add up to.
    pub(super) fn figures(&self) -> Result<(Vec<Figures>, Figures), AnalysisError> {
        let total = Figures::of(self.sums.iter().map(|sum| sum.areas).sum());
        let parts: Vec<Areas> = self.sums.iter().map(|sum| sum.areas).collect();
        Ok((crate::figures::balanced(&parts, total)?, total))
    }
}

/// What most of a square's cells are: 0 for dry, or the class and 1.
fn most(counts: &[u32; MOST_CLASSES], cells: usize) -> u8 {
    let wet: u32 = counts.iter().sum();
    if 2 * (wet as usize) < cells {
        return 0;
    }
    let class = (0..MOST_CLASSES).rev().max_by_key(|class| counts[*class]);
    class.map_or(0, |class| class as u8 + 1)
}

/// Squares of twice the side.
fn halved(squares: &[u8], across: usize) -> (Vec<u8>, usize) {
    let (wide, high) = (across.div_ceil(2), (squares.len() / across).div_ceil(2));
    let at = |column: usize, row: usize| {
        if column < across { squares.get(row * across + column).copied().unwrap_or(0) } else { 0 }
    };
    let made = (0..wide * high).map(|index| {
        let (column, row) = (index % wide * 2, index / wide * 2);
        let mut counts = [0; MOST_CLASSES];
        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            if let Some(class) = at(column + dx, row + dy).checked_sub(1) {
                counts[usize::from(class)] += 1;
            }
        }
        most(&counts, 4)
    });
    (made.collect(), wide)
}

/// Squares of one class, `from..to` in columns and `top..bottom` in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rectangle {
    class: u8,
    from: usize,
    to: usize,
    top: usize,
    bottom: usize,
}

impl Rectangle {
    /// Anticlockwise, with y northwards.
    fn ring(&self) -> Ring {
        let [from, to, top, bottom] =
            [self.from, self.to, self.top, self.bottom].map(|v| i32::try_from(v).unwrap_or(i32::MAX));
        vec![
            IntPoint::new(from, -bottom),
            IntPoint::new(to, -bottom),
            IntPoint::new(to, -top),
            IntPoint::new(from, -top),
        ]
    }
}

/// The wet squares as rectangles: runs of a row, joined to those of the row above that are just as long.
fn rectangles(squares: &[u8], across: usize) -> Vec<Rectangle> {
    let mut found: Vec<Rectangle> = Vec::new();
    let (mut above, mut own): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    for (row, line) in squares.chunks_exact(across).enumerate() {
        own.clear();
        let mut near = above.iter().copied().peekable();
        let mut from = 0;
        for run in line.chunk_by(|a, b| a == b) {
            let to = from + run.len();
            if run[0] != 0 {
                while near.next_if(|index| found[*index].from < from).is_some() {}
                let same = near.peek().copied().filter(|index| {
                    let other = found[*index];
                    (other.class, other.from, other.to) == (run[0], from, to)
                });
                let index = same.unwrap_or(found.len());
                match same {
                    Some(index) => found[index].bottom = row + 1,
                    None => found.push(Rectangle { class: run[0], from, to, top: row, bottom: row + 1 }),
                }
                own.push(index);
            }
            from = to;
        }
        std::mem::swap(&mut above, &mut own);
    }
    found
}

/// A ring along the grid without points between two corners.
fn cornered(ring: &Ring) -> Ring {
    let count = ring.len();
    let bends = |at: usize| {
        let (before, own, after) = (ring[(at + count - 1) % count], ring[at], ring[(at + 1) % count]);
        !(before.x == own.x && own.x == after.x || before.y == own.y && own.y == after.y)
    };
    (0..count).filter(|at| bends(*at)).map(|at| ring[at]).collect()
}
