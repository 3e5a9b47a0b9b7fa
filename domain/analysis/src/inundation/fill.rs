//! Which cells can be flooded, and which of them water reaches: marks made in one pass over the heights, then connected runs.
//!
//! Runs of whole words are filled from where the water begins, so that only what is flooded is walked over, and a grid of
//! 20,000 x 20,000 needs 50 MB a set of marks whatever its ground looks like.

use super::ground::Ground;
use crate::{
    AnalysisError, Task,
    marks::{Marks, Run, WORD, Window},
    slope::spans,
};

/// Rows read at once.
const BAND: usize = 256;
/// Runs that wait to be spread from; more are found again by looking through the rows.
const MOST_WAITING: usize = 4_000_000;

/// What one pass over the heights found.
#[derive(Debug)]
pub(super) struct Looked {
    /// Cells below the level.
    pub(super) low: Marks,
    /// Cells without a height that lie within the survey.
    pub(super) void: Marks,
    /// Cells without a height beyond its edge.
    pub(super) beyond: Marks,
    /// Cells of the area asked for, where one was.
    pub(super) area: Option<Marks>,
    pub(super) cells: usize,
    /// The lowest ground, metres; infinite where there is none.
    pub(super) lowest_m: f32,
}

/// Looks at every cell of the window; `rings` of the area asked for are in cells.
pub(super) fn look(
    task: &Task<'_>,
    ground: &Ground<'_>,
    rings: &[Vec<[f64; 2]>],
    level_m: Option<f64>,
) -> Result<Looked, AnalysisError> {
    let Window { columns, rows, .. } = ground.window;
    let mut low = Marks::new(columns, rows);
    let mut void = Marks::new(columns, rows);
    let area = (!rings.is_empty()).then(|| within(rings, columns, rows));
    let level_m = level_m.unwrap_or(f64::NEG_INFINITY);
    let mut lowest_m = f32::INFINITY;
    for first in (0..rows).step_by(BAND) {
        go_on(task, 0.4 * first as f64 / rows as f64, "读取高程")?;
        let count = BAND.min(rows - first);
        let heights = ground.read(Window { column: 0, row: first, columns, rows: count })?;
        for (index, line) in heights.chunks_exact(columns).enumerate() {
            let row = first + index;
            for (at, cells) in line.chunks(WORD).enumerate() {
                let (mut below, mut unknown) = (0_u64, 0_u64);
                for (bit, height) in cells.iter().enumerate() {
                    below |= u64::from(f64::from(*height) < level_m) << bit;
                    unknown |= u64::from(!height.is_finite()) << bit;
                }
                let mask = area.as_ref().map_or(u64::MAX, |area| area.row(row)[at]);
                low.row_mut(row)[at] = below & !unknown & mask;
                void.row_mut(row)[at] = unknown & mask;
                if mask == u64::MAX && unknown == 0 {
                    lowest_m = cells.iter().fold(lowest_m, |least, height| least.min(*height));
                } else {
                    let known = cells.iter().enumerate().filter(|(bit, _)| (mask & !unknown) >> bit & 1 == 1);
                    lowest_m = known.fold(lowest_m, |least, (_, height)| least.min(*height));
                }
            }
        }
    }
    let beyond = connected(&void, &at_rim(ground, columns, rows), true);
    Ok(Looked {
        low,
        void: void.with(&beyond, |void, beyond| void & !beyond),
        beyond,
        cells: area.as_ref().map_or(columns * rows, Marks::count),
        area,
        lowest_m,
    })
}

/// Says how far it is, and ends what nobody wants any more.
pub(super) fn go_on(task: &Task<'_>, done: f64, doing: &str) -> Result<(), AnalysisError> {
    task.watch.progress(done, doing);
    if task.watch.cancelled() { Err(AnalysisError::Cancelled) } else { Ok(()) }
}

/// Cells whose middle lies in rings.
pub(super) fn within(rings: &[Vec<[f64; 2]>], columns: usize, rows: usize) -> Marks {
    let mut marks = Marks::new(columns, rows);
    for row in 0..rows {
        for [from, to] in spans(rings, row as f64 + 0.5) {
            let cell = |x: f64| (x - 0.5).ceil().clamp(0.0, columns as f64) as u32;
            marks.set_run(Run { row: row as u32, from: cell(from), to: cell(to) });
        }
    }
    marks
}

/// Cells along the edge of the whole surface, as far as they lie in the window.
fn at_rim(ground: &Ground<'_>, columns: usize, rows: usize) -> Marks {
    let mut rim = Marks::new(columns, rows);
    let [wide, high] = ground.surface().size();
    let Window { column, row, .. } = ground.window;
    let whole = |row: usize| Run { row: row as u32, from: 0, to: columns as u32 };
    if row == 0 {
        rim.set_run(whole(0));
    }
    if row + rows == high {
        rim.set_run(whole(rows - 1));
    }
    for at in 0..rows {
        if column == 0 {
            rim.set(0, at);
        }
        if column + columns == wide {
            rim.set(columns - 1, at);
        }
    }
    rim
}

impl Looked {
    /// Cells beside which the survey ends.
    pub(super) fn edge_of_data(&self, ground: &Ground<'_>) -> Marks {
        let rim = at_rim(ground, self.low.columns, self.low.rows);
        rim.with(&self.beyond.stepped(true), |rim, beside| rim | beside)
    }

    /// Cells beside which the area asked for ends, but not the survey; the window reaches a cell further than the area.
    pub(super) fn edge_of_area(&self, edge_of_data: &Marks) -> Option<Marks> {
        let area = self.area.as_ref()?;
        let edge = area.clone().with(&area.stepped(false), |area, inner| area & !inner);
        Some(edge.with(edge_of_data, |edge, data| edge & !data))
    }
}

/// The marked cells that hang together with seeds, by corners too where asked for.
pub(super) fn connected(open: &Marks, seeds: &Marks, by_corners: bool) -> Marks {
    let mut fill = Fill::new(open, by_corners, MOST_WAITING);
    let mut runs = Vec::new();
    for row in 0..open.rows {
        runs.clear();
        seeds.runs(row, &mut runs);
        for seed in &runs {
            fill.enter(row, seed.from as usize, seed.to as usize);
        }
    }
    fill.finish();
    fill.wet
}

/// Connected places among marks: how many, and the largest.
#[derive(Debug)]
pub(super) struct Pieces {
    pub(super) count: usize,
    pub(super) largest: Marks,
}

/// The connected places of marks.
pub(super) fn pieces(open: &Marks, by_corners: bool) -> Pieces {
    let mut fill = Fill::new(open, by_corners, MOST_WAITING);
    let (mut count, mut largest) = (0, (0, None));
    let mut runs = Vec::new();
    for row in 0..open.rows {
        runs.clear();
        open.runs(row, &mut runs);
        for run in &runs {
            fill.cells = 0;
            fill.enter(row, run.from as usize, run.to as usize);
            fill.finish();
            if fill.cells > 0 {
                count += 1;
                if fill.cells > largest.0 {
                    largest = (fill.cells, Some(*run));
                }
            }
        }
    }
    drop(fill);
    let mut seed = Marks::new(open.columns, open.rows);
    if let Some(run) = largest.1 {
        seed.set_run(run);
    }
    Pieces { count, largest: connected(open, &seed, by_corners) }
}

/// Water that spreads over open cells, run by run.
struct Fill<'o> {
    open: &'o Marks,
    wet: Marks,
    reach: usize,
    /// Wet runs whose neighbours were not looked at yet.
    waiting: Vec<Run>,
    most_waiting: usize,
    /// Whether a wet run had no room to wait.
    missed: bool,
    /// Cells made wet.
    cells: usize,
}

impl<'o> Fill<'o> {
    fn new(open: &'o Marks, by_corners: bool, most_waiting: usize) -> Self {
        let wet = Marks::new(open.columns, open.rows);
        Self { open, wet, reach: usize::from(by_corners), waiting: Vec::new(), most_waiting, missed: false, cells: 0 }
    }

    /// Wets every open run that has a cell in `from..to` of a row.
    fn enter(&mut self, row: usize, from: usize, to: usize) {
        let mut at = from;
        while let Some(cell) = self.open.next(row, at, to) {
            let run = self.open.run_round(cell, row);
            at = run.to as usize;
            // A run is wet as a whole or not at all.
            if self.wet.is_set(cell, row) {
                continue;
            }
            self.wet.set_run(run);
            self.cells += run.cells();
            if self.waiting.len() < self.most_waiting {
                self.waiting.push(run);
            } else {
                self.missed = true;
            }
        }
    }

    fn spread(&mut self, run: Run) {
        let row = run.row as usize;
        let (from, to) =
            ((run.from as usize).saturating_sub(self.reach), (run.to as usize + self.reach).min(self.open.columns));
        if row > 0 {
            self.enter(row - 1, from, to);
        }
        if row + 1 < self.open.rows {
            self.enter(row + 1, from, to);
        }
    }

    fn finish(&mut self) {
        loop {
            while let Some(run) = self.waiting.pop() {
                self.spread(run);
            }
            if !std::mem::take(&mut self.missed) {
                return;
            }
            let mut runs = Vec::new();
            for row in 0..self.open.rows {
                runs.clear();
                self.wet.runs(row, &mut runs);
                for run in &runs {
                    self.spread(*run);
                    while let Some(run) = self.waiting.pop() {
                        self.spread(run);
                    }
                }
            }
        }
    }
}

/// Marks the cells that a line passes, each beside the one before by a side, so that nothing slips through between two.
pub(super) fn mark_line(marks: &mut Marks, line: &[[f64; 2]]) {
    let size = [marks.columns as f64, marks.rows as f64];
    let ends = line.windows(2).map(|edge| [edge[0], edge[1]]);
    for [a, b] in ends.chain(line.first().filter(|_| line.len() == 1).map(|point| [*point, *point])) {
        let Some([a, b]) = clipped(a, b, size) else { continue };
        let along = [0, 1].map(|axis| b[axis] - a[axis]);
        let step = along.map(|d| if d > 0.0 { 1_i64 } else { -1 });
        let mut cell = a.map(|v| v.floor() as i64);
        let last = b.map(|v| v.floor() as i64);
        // Parts of the edge until the next side of a cell is crossed.
        let mut next = [0, 1].map(|axis| {
            let side = cell[axis] as f64 + if along[axis] > 0.0 { 1.0 } else { 0.0 };
            if along[axis] == 0.0 { f64::INFINITY } else { (side - a[axis]) / along[axis] }
        });
        let mut left = (last[0] - cell[0]).unsigned_abs() + (last[1] - cell[1]).unsigned_abs();
        loop {
            let inside = (0..2).all(|axis| cell[axis] >= 0 && (cell[axis] as f64) < size[axis]);
            if inside {
                marks.set(cell[0] as usize, cell[1] as usize);
            }
            if left == 0 {
                break;
            }
            left -= 1;
            let is_across = cell[1] == last[1] || (cell[0] != last[0] && next[0] <= next[1]);
            let axis = usize::from(!is_across);
            cell[axis] += step[axis];
            next[axis] += 1.0 / along[axis].abs();
        }
    }
}

/// The part of an edge within a grid and a cell round it (Liang and Barsky).
fn clipped(a: [f64; 2], b: [f64; 2], size: [f64; 2]) -> Option<[[f64; 2]; 2]> {
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    for axis in 0..2 {
        let along = b[axis] - a[axis];
        let (low, high) = (-1.0 - a[axis], size[axis] + 1.0 - a[axis]);
        if along == 0.0 {
            if low > 0.0 || high < 0.0 {
                return None;
            }
            continue;
        }
        let (first, second) = if along > 0.0 { (low / along, high / along) } else { (high / along, low / along) };
        from = from.max(first);
        to = to.min(second);
    }
    let at = |t: f64| [0, 1].map(|axis| a[axis] + t * (b[axis] - a[axis]));
    (from <= to).then(|| [at(from), at(to)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_fill_without_room_to_wait_is_the_same(
            columns in 1..150_usize, seed in prop::collection::vec(prop::bool::weighted(0.6), 150..900), by_corners: bool,
        ) {
            let rows = seed.len() / columns;
            let mut open = Marks::new(columns, rows);
            (0..rows * columns).filter(|at| seed[*at]).for_each(|at| open.set(at % columns, at / columns));
            let all = pieces(&open, by_corners);
            let mut fill = Fill::new(&open, by_corners, 1);
            for row in 0..rows {
                if let Some(cell) = all.largest.next(row, 0, columns) {
                    fill.enter(row, cell, cell + 1);
                    break;
                }
            }
            fill.finish();
            prop_assert_eq!(fill.cells, all.largest.count());
            prop_assert_eq!(&fill.wet, &all.largest);
            let places = open.places(true, 1);
            if by_corners {
                prop_assert_eq!(places.len(), all.count);
                prop_assert_eq!(places.first().map_or(0, crate::marks::Place::cells), all.largest.count());
            }
        }

        #[test]
        fn a_line_leaves_no_gap_at_corners(ends in prop::array::uniform4(-30.0..130.0_f64)) {
            let (size, line) = (100, [[ends[0], ends[1]], [ends[2], ends[3]]]);
            let mut marks = Marks::new(size, size);
            mark_line(&mut marks, &line);
            for t in 0..=2_000 {
                let t = f64::from(t) / 2_000.0;
                let [x, y] = [0, 1].map(|axis| line[0][axis] + t * (line[1][axis] - line[0][axis]));
                let inside = |v: f64| (0.0..size as f64).contains(&v);
                // A place on a side is of either cell.
                let near = |v: f64| (v - v.round()).abs() < 1e-6;
                if inside(x) && inside(y) && !near(x) && !near(y) {
                    prop_assert!(marks.is_set(x as usize, y as usize), "{x} {y}");
                }
            }
            // Without it, water would pass from one side to the other by a corner.
            for at in 0..(size - 1) * (size - 1) {
                let (x, y) = (at % (size - 1), at / (size - 1));
                let [a, b, c, d] = [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)].map(|(x, y)| marks.is_set(x, y));
                prop_assert!(!(a && d && !b && !c || b && c && !a && !d), "a gap at {x} {y}");
            }
        }
    }
}
