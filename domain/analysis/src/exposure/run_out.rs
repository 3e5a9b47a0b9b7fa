//! How far a slope may run out, by the energy line: from the highest cell of the source a line falls at an angle (the
//! Fahrböschung of Heim 1932); what lies below it and hangs together with the source may be reached.
//!
//! An estimate and nothing else: it knows no channel, no obstacle and no width of the moving mass, and errs on the wide side
//! across the slope. Heights are read in bands within a bounded window; where there are more cells than can be kept, square
//! blocks of them become one with their mean.

use geodesy::{Crs, Transform, densify, distance::geodesic_m};
use i_overlay::i_float::int::point::IntPoint;

use crate::{
    AnalysisError, Polygon, Surface, Watch,
    boolean::{Ring, union},
    slope::{rings_of, spans},
};

/// Cells that are kept.
const MOST_CELLS: usize = 9_000_000;
/// Values read at once.
const MOST_READ: usize = 4_000_000;
/// Rows of the source that are read at once.
const SOURCE_ROWS: usize = 64;
/// Where a cell's edge may lie in another system, metres.
const SAGITTA_M: f64 = 0.01;

/// Where it starts.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// The ground that moves, in the plane.
    Polygons(Vec<Polygon>),
    /// A place of the scarp, in the plane.
    Place([f64; 2]),
}

/// What may be reached.
#[derive(Debug)]
pub(super) struct RunOut {
    /// In the plane; the source is part of it.
    pub(super) polygons: Vec<Polygon>,
    /// The highest cell of the source.
    pub(super) top_m: f64,
    /// The lowest cell that is reached.
    pub(super) lowest_m: f64,
    /// From the highest cell of the source to the furthest that is reached, level.
    pub(super) reach_m: f64,
    /// Height of the highest cell above the furthest.
    pub(super) drop_m: f64,
    /// Cells of the source that have a height.
    pub(super) source_cells: usize,
    /// Cells reached, the source's among them.
    pub(super) cells: usize,
    /// Width and height of a cell as it was looked at, metres.
    pub(super) cell_m: [f64; 2],
    /// Whether it reached where there are no heights, the edge of the grid or a void.
    pub(super) meets_unknown: bool,
    /// Whether it reached the edge of the window that was looked at.
    pub(super) meets_limit: bool,
}

/// What is known of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// Above the energy line.
    Above,
    /// Below it.
    Below,
    /// Part of the source, or reached from it.
    Reached,
    /// Without a height.
    Unknown,
}

/// Cells looked at: blocks of `step` x `step` cells of the surface from `column` and `row` on.
#[derive(Debug, Clone, Copy)]
struct Window {
    column: usize,
    row: usize,
    columns: usize,
    rows: usize,
    step: usize,
    /// Whether its west, north, east and south edges are those of the surface.
    at_edge: [bool; 4],
}

fn refuse(what_zh: impl Into<String>, what_en: impl Into<String>) -> AnalysisError {
    AnalysisError::Request { what_zh: what_zh.into(), what_en: what_en.into() }
}

/// Everything that the energy line at an angle reaches from a source within `most_reach_m`.
pub(super) fn run_out(
    surface: &dyn Surface,
    source: &Source,
    angle_deg: f64,
    most_reach_m: f64,
    plane: &Crs,
    watch: &dyn Watch,
) -> Result<RunOut, AnalysisError> {
    let seeds = Seeds::of(surface, source, plane)?;
    let [top_column, top_row] = seeds.top;
    let size_m = cell_m(surface, top_row)?;
    let window = window(surface, &seeds, size_m.map(|m| (most_reach_m / m).ceil()))?;
    let Window { columns, rows, step, .. } = window;
    let mut cells = vec![Cell::Unknown; columns * rows];
    let mut heights_m = vec![f32::NAN; columns * rows];
    let fall = angle_deg.to_radians().tan();
    // The middle of the highest cell, in blocks.
    let top = [
        (top_column as f64 + 0.5 - window.column as f64) / step as f64 - 0.5,
        (top_row as f64 + 0.5 - window.row as f64) / step as f64 - 0.5,
    ];
    let wide = window.columns * step;
    let band = (MOST_READ / (wide * step)).max(1);
    for first in (0..rows).step_by(band) {
        if watch.cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        watch.progress(0.4 * first as f64 / rows as f64, "估算滑动到达范围");
        let count = band.min(rows - first);
        let own = surface.window(window.column, window.row + first * step, wide, count * step)?;
        for offset in 0..count {
            let row = first + offset;
            let size_m = cell_m(surface, window.row + row * step + step / 2)?.map(|m| m * step as f64);
            let north_m = (row as f64 - top[1]) * size_m[1];
            let lines = own.get(offset * step * wide..(offset + 1) * step * wide).unwrap_or_default();
            for column in 0..columns {
                let height_m = mean(lines, wide, column * step, step);
                let level_m = ((column as f64 - top[0]) * size_m[0]).hypot(north_m);
                let below = f64::from(height_m) < seeds.top_m - level_m * fall && level_m <= most_reach_m;
                heights_m[row * columns + column] = height_m;
                cells[row * columns + column] = match (height_m.is_nan(), below) {
                    (true, _) => Cell::Unknown,
                    (false, true) => Cell::Below,
                    (false, false) => Cell::Above,
                };
            }
        }
    }
    let (meets_unknown, meets_limit) = spread(&mut cells, &seeds, window, |cell| {
        let (column, row) = (cell % columns, cell / columns);
        let level_m =
            ((column as f64 - top[0]) * size_m[0] * step as f64).hypot((row as f64 - top[1]) * size_m[1] * step as f64);
        level_m + size_m[0].hypot(size_m[1]) * step as f64 > most_reach_m
    });
    let reached = || cells.iter().enumerate().filter(|(_, cell)| **cell == Cell::Reached).map(|(index, _)| index);
    let mut made = RunOut {
        polygons: outline(surface, window, &cells, plane)?,
        top_m: seeds.top_m,
        lowest_m: seeds.top_m,
        reach_m: 0.0,
        drop_m: 0.0,
        source_cells: seeds.cells,
        cells: reached().count(),
        cell_m: size_m.map(|m| m * step as f64),
        meets_unknown,
        meets_limit,
    };
    let mut row_m = (usize::MAX, size_m);
    for index in reached() {
        let (column, row) = (index % columns, index / columns);
        if row_m.0 != row {
            row_m = (row, cell_m(surface, window.row + row * step + step / 2)?.map(|m| m * step as f64));
        }
        let level_m = ((column as f64 - top[0]) * row_m.1[0]).hypot((row as f64 - top[1]) * row_m.1[1]);
        let height_m = f64::from(heights_m[index]);
        if height_m.is_finite() {
            made.lowest_m = made.lowest_m.min(height_m);
            if level_m > made.reach_m {
                (made.reach_m, made.drop_m) = (level_m, seeds.top_m - height_m);
            }
        }
    }
    Ok(made)
}

/// Width and height of the cells of a row, metres of the ground.
fn cell_m(surface: &dyn Surface, row: usize) -> Result<[f64; 2], AnalysisError> {
    let [west, north, width, height] = surface.grid();
    let size_m = if surface.crs().is_geographic() {
        let lat = (north - (row as f64 + 0.5) * height).clamp(-89.0, 89.0);
        [geodesic_m([west, lat], [west + width, lat]), geodesic_m([west, lat], [west, lat - height])]
    } else {
        [width * surface.crs().unit_m(), height * surface.crs().unit_m()]
    };
    if size_m.iter().all(|m| *m > 0.0 && m.is_finite()) {
        return Ok(size_m);
    }
    Err(refuse(
        format!("高程数据“{}”的像元大小无效，请重新入库", surface.source()),
        format!("{} has no usable cell size: import it again", surface.source()),
    ))
}

/// Mean of the known heights of a block.
fn mean(lines: &[f32], wide: usize, column: usize, step: usize) -> f32 {
    if step == 1 {
        return lines.get(column).copied().filter(|height| height.is_finite()).unwrap_or(f32::NAN);
    }
    let block = lines.chunks(wide).flat_map(|line| line.get(column..column + step).unwrap_or_default());
    let (sum, count) = block
        .filter(|height| height.is_finite())
        .fold((0.0, 0_u32), |(sum, count), height| (sum + f64::from(*height), count + 1));
    if count == 0 { f32::NAN } else { (sum / f64::from(count)) as f32 }
}

/// The cells of the source: runs `(row, from, to)` with heights in them, and its highest cell.
#[derive(Debug)]
struct Seeds {
    runs: Vec<(usize, usize, usize)>,
    cells: usize,
    top: [usize; 2],
    top_m: f64,
}

impl Seeds {
    fn of(surface: &dyn Surface, source: &Source, plane: &Crs) -> Result<Self, AnalysisError> {
        let [west, north, width, height] = surface.grid();
        let [columns, rows] = surface.size();
        let outside = || {
            refuse(
                format!("源区不在高程数据“{}”的范围内，请换用覆盖源区的高程或重新圈定", surface.source()),
                format!(
                    "the source lies outside of {}: choose heights that cover it, or draw it again",
                    surface.source()
                ),
            )
        };
        let cell_of = |[x, y]: [f64; 2]| {
            let (column, row) = (((x - west) / width).floor(), ((north - y) / height).floor());
            let inside = (0.0..columns as f64).contains(&column) && (0.0..rows as f64).contains(&row);
            inside.then_some([column as usize, row as usize])
        };
        let mut runs: Vec<(usize, usize, usize)> = Vec::new();
        let place = match source {
            Source::Place(place) => {
                let mut places = [*place];
                if surface.crs() != plane {
                    Transform::new(plane, surface.crs())?.points(&mut places)?;
                }
                places[0]
            }
            Source::Polygons(polygons) => {
                let rings = rings_of(surface, polygons, plane)?;
                let points = || rings.iter().flatten();
                let low = points().fold([f64::INFINITY; 2], |low, p| [low[0].min(p[0]), low[1].min(p[1])]);
                let high = points().fold([f64::NEG_INFINITY; 2], |high, p| [high[0].max(p[0]), high[1].max(p[1])]);
                let row_of = |y: f64| ((north - y) / height).floor().clamp(0.0, rows as f64) as usize;
                for row in row_of(high[1])..(row_of(low[1]) + 1).min(rows) {
                    let cell = |x: f64| ((x - west) / width - 0.5).ceil().clamp(0.0, columns as f64) as usize;
                    let parts = spans(&rings, north - (row as f64 + 0.5) * height);
                    runs.extend(
                        parts.into_iter().map(|[from, to]| (row, cell(from), cell(to))).filter(|run| run.1 < run.2),
                    );
                }
                [0, 1].map(|axis| f64::midpoint(low[axis], high[axis]))
            }
        };
        if runs.is_empty() {
            // A place, or a source too small to hold the middle of a cell: the cell that it lies in.
            let [column, row] = cell_of(place).ok_or_else(outside)?;
            runs.push((row, column, column + 1));
        }
        let mut seeds = Self { runs: Vec::new(), cells: 0, top: [0; 2], top_m: f64::NEG_INFINITY };
        // Bands of rows, so that a large source needs few reads.
        let mut rest = runs.as_slice();
        while let Some((first, ..)) = rest.first() {
            let (band, next) = rest.split_at(rest.partition_point(|run| run.0 < first + SOURCE_ROWS));
            rest = next;
            let (from, to) = band.iter().fold((usize::MAX, 0), |(from, to), run| (from.min(run.1), to.max(run.2)));
            let end = band.last().map_or(*first, |run| run.0) + 1;
            let heights = surface.window(from, *first, to - from, end - first)?;
            for (row, run_from, run_to) in band {
                let line = (row - first) * (to - from);
                for column in *run_from..*run_to {
                    let height_m = heights.get(line + column - from).copied().map_or(f64::NAN, f64::from);
                    if !height_m.is_finite() {
                        continue;
                    }
                    seeds.cells += 1;
                    if height_m > seeds.top_m {
                        (seeds.top, seeds.top_m) = ([column, *row], height_m);
                    }
                }
            }
        }
        seeds.runs = runs;
        if seeds.cells == 0 {
            return Err(refuse(
                format!("源区在高程数据“{}”中没有高程值，请换用其他高程或重新圈定", surface.source()),
                format!("{} has no heights in the source: choose other heights, or draw it again", surface.source()),
            ));
        }
        Ok(seeds)
    }
}

/// The blocks within reach of the highest cell; the source must lie among them.
fn window(surface: &dyn Surface, seeds: &Seeds, reach: [f64; 2]) -> Result<Window, AnalysisError> {
    let size = surface.size();
    let part = |axis: usize| {
        let top = seeds.top[axis] as f64;
        let from = (top - reach[axis]).max(0.0) as usize;
        let to = (top + reach[axis] + 1.0).min(size[axis] as f64) as usize;
        (from, to)
    };
    let ((west, east), (north, south)) = (part(0), part(1));
    let far = |(row, from, to): &(usize, usize, usize)| *row < north || *row >= south || *from < west || *to > east;
    if seeds.runs.iter().any(far) {
        return Err(refuse(
            "源区比到达范围的估算距离上限还大，请缩小源区",
            "the source is larger than the furthest reach: draw a smaller one",
        ));
    }
    let (wide, high) = (east - west, south - north);
    let mut step = 1;
    while (wide / step) * (high / step) > MOST_CELLS {
        step += 1;
    }
    // Cells that fill no whole block at the east and south edge are left out; a block is a few cells at most.
    let (columns, rows) = ((wide / step).max(1), (high / step).max(1));
    let at_edge = [west == 0, north == 0, east == size[0], south == size[1]];
    Ok(Window { column: west, row: north, columns, rows, step, at_edge })
}

/// Marks what hangs together with the source over cells below the line, by sides and corners. Says whether it came to where
/// nothing is known, and to where nobody looked further.
fn spread(cells: &mut [Cell], seeds: &Seeds, window: Window, at_limit: impl Fn(usize) -> bool) -> (bool, bool) {
    let Window { columns, rows, step, .. } = window;
    let mut open: Vec<usize> = Vec::new();
    for (row, from, to) in &seeds.runs {
        let row = ((row - window.row) / step).min(rows - 1);
        for column in (*from..*to).step_by(step).chain([to - 1]) {
            let cell = row * columns + ((column - window.column) / step).min(columns - 1);
            if cells[cell] != Cell::Reached && cells[cell] != Cell::Unknown {
                cells[cell] = Cell::Reached;
                open.push(cell);
            }
        }
    }
    let (mut meets_unknown, mut meets_limit) = (false, false);
    while let Some(cell) = open.pop() {
        let (column, row) = (cell % columns, cell / columns);
        let sides = [column == 0, row == 0, column + 1 == columns, row + 1 == rows];
        for (_, at_edge) in sides.into_iter().zip(window.at_edge).filter(|(side, _)| *side) {
            meets_unknown |= at_edge;
            meets_limit |= !at_edge;
        }
        meets_limit |= at_limit(cell);
        for near_row in row.saturating_sub(1)..=(row + 1).min(rows - 1) {
            for near_column in column.saturating_sub(1)..=(column + 1).min(columns - 1) {
                let near = near_row * columns + near_column;
                match cells[near] {
                    Cell::Below => {
                        cells[near] = Cell::Reached;
                        open.push(near);
                    }
                    Cell::Unknown => meets_unknown = true,
                    Cell::Above | Cell::Reached => {}
                }
            }
        }
    }
    (meets_unknown, meets_limit)
}

/// The reached cells as polygons of the plane: joined as whole numbers, so that no seam is left between rows.
fn outline(surface: &dyn Surface, window: Window, cells: &[Cell], plane: &Crs) -> Result<Vec<Polygon>, AnalysisError> {
    // Rectangles still growing downwards, and those that ended: `[from, first row, to, end row]`.
    let (mut growing, mut ended): (Vec<[usize; 4]>, Vec<[usize; 4]>) = Default::default();
    for (row, line) in cells.chunks(window.columns).enumerate() {
        let mut runs: Vec<[usize; 2]> = Vec::new();
        for column in line.iter().enumerate().filter(|(_, cell)| **cell == Cell::Reached).map(|(column, _)| column) {
            match runs.last_mut().filter(|run| run[1] == column) {
                Some(run) => run[1] += 1,
                None => runs.push([column, column + 1]),
            }
        }
        let (same, over): (Vec<_>, Vec<_>) =
            growing.into_iter().partition(|[from, _, to, _]| runs.contains(&[*from, *to]));
        ended.extend(over);
        let new = runs.iter().filter(|run| !same.iter().any(|[from, _, to, _]| [*from, *to] == **run));
        let new: Vec<[usize; 4]> = new.map(|[from, to]| [*from, row, *to, row + 1]).collect();
        growing = same.into_iter().map(|[from, first, to, _]| [from, first, to, row + 1]).chain(new).collect();
    }
    ended.extend(growing);
    // North is up: rows count downwards.
    #[expect(clippy::cast_possible_wrap, reason = "a window has some thousands of columns and rows")]
    let ring = |[from, first, to, end]: &[usize; 4]| -> Ring {
        let corner = |x: usize, y: usize| IntPoint::new(x as i32, -(y as i32));
        vec![corner(*from, *end), corner(*to, *end), corner(*to, *first), corner(*from, *first)]
    };
    let rings: Vec<Ring> = ended.iter().map(ring).collect();
    let [west, north, width, height] = surface.grid();
    let to_plane = if surface.crs() == plane { None } else { Some(Transform::new(surface.crs(), plane)?) };
    let place = |point: &IntPoint| {
        let cells = [f64::from(point.x), -f64::from(point.y)].map(|cells| cells * window.step as f64);
        [west + (window.column as f64 + cells[0]) * width, north - (window.row as f64 + cells[1]) * height]
    };
    let in_plane = |ring: &Ring| -> Result<Vec<[f64; 2]>, AnalysisError> {
        let mut line: Vec<[f64; 2]> = ring.iter().map(place).collect();
        if let Some(transform) = &to_plane {
            line.extend(line.first().copied());
            line = densify::transform_line(&line, transform, SAGITTA_M)?;
            line.pop();
        }
        Ok(line)
    };
    union(rings.iter())
        .iter()
        .map(|shape| {
            let mut rings = shape.iter().map(in_plane).collect::<Result<Vec<_>, _>>()?;
            let holes = rings.split_off(rings.len().min(1));
            Ok(Polygon { exterior: rings.pop().unwrap_or_default(), holes })
        })
        .collect()
}
