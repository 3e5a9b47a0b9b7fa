//! The lake behind a barrier: how high it can stand before it escapes, and which cells lie in it from which level on.
//!
//! Water rises from a place and takes the lowest cell beside it first (priority flood: Barnes, Lehman and Mulla 2014,
//! Computers & Geosciences 62, 117-127). The greatest height on the way to a cell is the level that floods it; the one on the
//! way out of the survey, or over the dam, is the level at which the lake spills, to the last bit of the heights. Heights are
//! read in tiles where water comes, so that memory grows with the lake and not with the survey.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::fill::go_on;
use super::ground::Ground;
use crate::{
    AnalysisError, Task,
    marks::{Marks, Window},
};

/// Cells along the side of a tile.
const TILE: usize = 256;
/// Tiles in memory: 64 million cells, 256 MB.
const MOST_TILES: usize = 1_000;
/// Cells between looks at whether anybody waits.
const LOOK: usize = 1 << 20;

/// Where water may go.
#[derive(Debug)]
pub(super) struct Barriers<'m> {
    /// The dam and the height of its crest, metres.
    pub(super) dam: Option<(Marks, f32)>,
    /// Cells that nothing enters.
    pub(super) closed: &'m Marks,
    /// Cells beside which the survey ends.
    pub(super) edge_of_data: &'m Marks,
    /// Cells beside which the area asked for ends.
    pub(super) edge_of_area: Option<&'m Marks>,
    /// The area asked for.
    pub(super) area: Option<&'m Marks>,
    pub(super) by_corners: bool,
}

/// How a lake ends to rise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Over the crest of the dam.
    OverDam,
    /// Over ground, from where it falls to the edge of the survey.
    Pass,
    /// Its shore reaches the edge of the survey: beyond nothing is known.
    EdgeOfData,
    /// Its shore reaches the edge of the area asked for.
    EdgeOfArea,
}

/// Where and at which level a lake escapes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spill {
    pub(super) level_m: f32,
    pub(super) way: Way,
    /// The cell of the pass.
    pub(super) at: (usize, usize),
    /// The lowest cell of the lake.
    pub(super) lowest: (usize, usize),
    pub(super) lowest_m: f32,
}

/// A cell that water reaches.
#[derive(Debug, Clone, Copy)]
struct Reached {
    column: usize,
    row: usize,
    height_m: f32,
    /// The level at which it does.
    level_m: f32,
}

/// Heights round a lake, and, once it was filled, the level at which each of its cells is flooded.
#[derive(Debug)]
pub(super) struct Basin<'t> {
    task: &'t Task<'t>,
    ground: &'t Ground<'t>,
    barriers: Barriers<'t>,
    tiles: Vec<Option<Box<[f32]>>>,
    loaded: usize,
}

impl<'t> Basin<'t> {
    pub(super) fn new(task: &'t Task<'t>, ground: &'t Ground<'t>, barriers: Barriers<'t>) -> Self {
        let Window { columns, rows, .. } = ground.window;
        let tiles = vec![None; columns.div_ceil(TILE) * rows.div_ceil(TILE)];
        Self { task, ground, barriers, tiles, loaded: 0 }
    }

    /// The dam and the height of its crest, where one was drawn.
    pub(super) fn dam(&self) -> Option<(&Marks, f32)> {
        self.barriers.dam.as_ref().map(|(marks, crest_m)| (marks, *crest_m))
    }

    /// Where water that comes from a cell collects and escapes; none where it runs off at once.
    pub(super) fn spill(&mut self, from: (usize, usize)) -> Result<Option<Spill>, AnalysisError> {
        let window = self.ground.window;
        let mut pass = from;
        let mut level_m = f32::NEG_INFINITY;
        let mut rises = 0_usize;
        // What was reached since the last rise may lie on the way out and is not the lake's until it rises again.
        let mut lake: Option<((usize, usize), f32)> = None;
        let mut since: Option<((usize, usize), f32)> = None;
        let lower = |a: Option<((usize, usize), f32)>, b: Option<((usize, usize), f32)>| match (a, b) {
            (Some(a), Some(b)) => Some(if b.1 < a.1 { b } else { a }),
            (a, b) => a.or(b),
        };
        let mut way = None;
        self.rise(from, None, |barriers, reached| {
            let cell = (reached.column, reached.row);
            if reached.level_m > level_m {
                rises += usize::from(level_m.is_finite());
                (level_m, pass) = (reached.level_m, cell);
                lake = lower(lake, since.take());
            }
            let ashore = |way| if reached.height_m < level_m { Way::Pass } else { way };
            let last_column = reached.column == 0 || reached.column + 1 == window.columns;
            let last_row = reached.row == 0 || reached.row + 1 == window.rows;
            let marked = |marks: Option<&Marks>| marks.is_some_and(|marks| marks.is_set(reached.column, reached.row));
            way = match &barriers.dam {
                Some((dam, crest_m)) if dam.is_set(reached.column, reached.row) && reached.height_m <= *crest_m => {
                    Some(Way::OverDam)
                }
                _ if marked(Some(barriers.edge_of_data)) => Some(ashore(Way::EdgeOfData)),
                _ if marked(barriers.edge_of_area) || last_column || last_row => Some(ashore(Way::EdgeOfArea)),
                _ => None,
            };
            since = lower(since, Some((cell, reached.height_m)));
            way.is_none()
        })?;
        let (Some(way), Some((lowest, lowest_m))) = (way, lake) else { return Ok(None) };
        Ok((rises > 0).then_some(Spill { level_m, way, at: pass, lowest, lowest_m }))
    }

    /// Fills the lake from its lowest cell to below a level: `take` gets each cell with its height and the level at which it is
    /// flooded, which never falls. What is returned are the lake's cells.
    pub(super) fn fill(
        &mut self,
        lowest: (usize, usize),
        below_m: f32,
        mut take: impl FnMut((usize, usize), f32, f32),
    ) -> Result<Marks, AnalysisError> {
        let mut lake = Marks::new(self.ground.window.columns, self.ground.window.rows);
        self.rise(lowest, Some(below_m), |_, reached| {
            lake.set(reached.column, reached.row);
            take((reached.column, reached.row), reached.height_m, reached.level_m);
            true
        })?;
        Ok(lake)
    }

    /// The level at which a cell of a filled lake is flooded.
    pub(super) fn flooded_at_m(&self, column: usize, row: usize) -> Option<f32> {
        let (tile, at) = self.place(column, row);
        self.tiles[tile].as_ref().map(|heights| heights[at])
    }

    /// Lets water rise from a cell until `go_on` says no, or to below a level, which then takes the place of the heights.
    fn rise(
        &mut self,
        from: (usize, usize),
        below_m: Option<f32>,
        mut go: impl FnMut(&Barriers<'t>, Reached) -> bool,
    ) -> Result<(), AnalysisError> {
        let Window { columns, rows, .. } = self.ground.window;
        let mut seen = Marks::new(columns, rows);
        seen.set(from.0, from.1);
        let mut level_m = self.height(from.0, from.1)?;
        // Cells below the water need no order: only what stands above it waits in the heap.
        let mut below = vec![(from.1 * columns + from.0) as u32];
        let mut shore: BinaryHeap<Reverse<u64>> = BinaryHeap::new();
        let mut count = 0_usize;
        loop {
            let cell = match below.pop() {
                Some(cell) => cell,
                None => match shore.pop() {
                    Some(Reverse(next)) => {
                        level_m = level_m.max(height_of((next >> 32) as u32));
                        next as u32
                    }
                    None => return Ok(()),
                },
            };
            if below_m.is_some_and(|below_m| level_m >= below_m) {
                return Ok(());
            }
            let (column, row) = (cell as usize % columns, cell as usize / columns);
            let height_m = self.height(column, row)?;
            if below_m.is_some() {
                let (tile, at) = self.place(column, row);
                if let Some(heights) = &mut self.tiles[tile] {
                    heights[at] = level_m;
                }
            }
            if !go(&self.barriers, Reached { column, row, height_m, level_m }) {
                return Ok(());
            }
            count += 1;
            if count.is_multiple_of(LOOK) {
                go_on(self.task, 0.5, "推算堰塞湖水位")?;
            }
            for (x, y) in around(column, row, columns, rows, self.barriers.by_corners).into_iter().flatten() {
                let is_closed = self.barriers.closed.is_set(x, y)
                    || self.barriers.area.is_some_and(|area| !area.is_set(x, y))
                    || seen.is_set(x, y);
                if is_closed {
                    continue;
                }
                seen.set(x, y);
                let height_m = self.height(x, y)?;
                let cell = (y * columns + x) as u32;
                // Where there is no height nothing is known to be flooded.
                if !height_m.is_finite() {
                    continue;
                }
                if height_m <= level_m {
                    below.push(cell);
                } else {
                    shore.push(Reverse(u64::from(order_of(height_m)) << 32 | u64::from(cell)));
                }
            }
        }
    }

    /// Tile of a cell, and its place in it.
    fn place(&self, column: usize, row: usize) -> (usize, usize) {
        let Window { columns, .. } = self.ground.window;
        let left = column / TILE * TILE;
        let width = TILE.min(columns - left);
        (row / TILE * columns.div_ceil(TILE) + column / TILE, row % TILE * width + column - left)
    }

    /// Height of a cell, that of the dam where it stands; NaN where there is none.
    fn height(&mut self, column: usize, row: usize) -> Result<f32, AnalysisError> {
        let (tile, at) = self.place(column, row);
        if self.tiles[tile].is_none() {
            self.load(tile, column / TILE * TILE, row / TILE * TILE)?;
        }
        Ok(self.tiles[tile].as_ref().map_or(f32::NAN, |heights| heights[at]))
    }

    fn load(&mut self, tile: usize, left: usize, top: usize) -> Result<(), AnalysisError> {
        if self.loaded == MOST_TILES {
            return Err(AnalysisError::Request {
                what_zh: format!(
                    "堰塞湖范围超过 {} 万像元，请用 within 圈定范围，或改用分辨率较低的高程数据",
                    MOST_TILES * TILE * TILE / 10_000
                ),
                what_en: format!(
                    "the lake spreads over more than {} cells: say within which area to look, or take a coarser surface",
                    MOST_TILES * TILE * TILE
                ),
            });
        }
        let Window { columns, rows, .. } = self.ground.window;
        let part = Window { column: left, row: top, columns: TILE.min(columns - left), rows: TILE.min(rows - top) };
        let mut heights = self.ground.read(part)?;
        if let Some((dam, crest_m)) = &self.barriers.dam {
            for (at, height) in heights.iter_mut().enumerate() {
                if dam.is_set(left + at % part.columns, top + at / part.columns) {
                    // A dam stands on unknown ground as on any other.
                    *height = height.max(*crest_m);
                }
            }
        }
        self.tiles[tile] = Some(heights.into_boxed_slice());
        self.loaded += 1;
        Ok(())
    }
}

/// The neighbours of a cell.
fn around(column: usize, row: usize, columns: usize, rows: usize, by_corners: bool) -> [Option<(usize, usize)>; 8] {
    const BY: [(isize, isize); 8] = [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)];
    let mut found = [None; 8];
    for (place, (dx, dy)) in found.iter_mut().zip(BY).take(if by_corners { 8 } else { 4 }) {
        let x = column.checked_add_signed(dx).filter(|x| *x < columns);
        *place = x.zip(row.checked_add_signed(dy).filter(|y| *y < rows));
    }
    found
}

/// A number that is ordered as heights are.
fn order_of(height_m: f32) -> u32 {
    let bits = height_m.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

fn height_of(order: u32) -> f32 {
    f32::from_bits(if order >> 31 == 1 { order & !(1 << 31) } else { !order })
}
