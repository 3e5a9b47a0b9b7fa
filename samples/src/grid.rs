//! A dense raster in the county's own frame: x metres east of the west edge, y metres **south** of the north edge.
//! Rows run north to south, as in every picture file. Not georeferenced: `place` turns this frame into EPSG:4546.

use std::ops::{Index, IndexMut};

/// Steps to the eight neighbours, the straight ones first.
const AROUND: [(isize, isize); 8] = [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)];

/// A raster of `columns` x `rows` cells of `cell_m` metres.
#[derive(Debug, Clone)]
pub struct Grid<T> {
    /// Cells from west to east.
    pub columns: usize,
    /// Cells from north to south.
    pub rows: usize,
    /// Side of a cell in metres.
    pub cell_m: f64,
    /// Row-major values, north row first.
    pub cells: Vec<T>,
}

impl<T: Copy> Grid<T> {
    /// A raster full of one value.
    pub fn filled(columns: usize, rows: usize, cell_m: f64, value: T) -> Self {
        Self { columns, rows, cell_m, cells: vec![value; columns * rows] }
    }

    /// A raster of the same shape full of another value.
    pub fn like<U: Copy>(&self, value: U) -> Grid<U> {
        Grid::filled(self.columns, self.rows, self.cell_m, value)
    }

    /// Position of a cell in [`Self::cells`].
    pub fn at(&self, column: usize, row: usize) -> usize {
        row * self.columns + column
    }

    /// Column and row of a position in [`Self::cells`].
    pub fn column_row(&self, index: usize) -> (usize, usize) {
        (index % self.columns, index / self.columns)
    }

    /// Centre of a cell, metres east and south.
    pub fn centre_m(&self, index: usize) -> [f64; 2] {
        let (column, row) = self.column_row(index);
        [(column as f64 + 0.5) * self.cell_m, (row as f64 + 0.5) * self.cell_m]
    }

    /// The cell that holds a point, clamped to the raster.
    pub fn cell_of(&self, point_m: [f64; 2]) -> usize {
        let column = ((point_m[0] / self.cell_m).max(0.0) as usize).min(self.columns - 1);
        let row = ((point_m[1] / self.cell_m).max(0.0) as usize).min(self.rows - 1);
        self.at(column, row)
    }

    /// True when the point lies on the raster.
    pub fn holds(&self, point_m: [f64; 2]) -> bool {
        point_m[0] >= 0.0
            && point_m[1] >= 0.0
            && point_m[0] < self.columns as f64 * self.cell_m
            && point_m[1] < self.rows as f64 * self.cell_m
    }

    /// The up to four neighbours of a cell.
    pub fn neighbours4(&self, index: usize) -> impl Iterator<Item = usize> + use<T> {
        let (column, row) = self.column_row(index);
        let (columns, rows) = (self.columns, self.rows);
        [(-1_isize, 0_isize), (1, 0), (0, -1), (0, 1)].into_iter().filter_map(move |(dx, dy)| {
            let (x, y) = (column.checked_add_signed(dx)?, row.checked_add_signed(dy)?);
            (x < columns && y < rows).then_some(y * columns + x)
        })
    }

    /// The up to eight neighbours of a cell, each with its distance in cells.
    pub fn neighbours8(&self, index: usize) -> impl Iterator<Item = (usize, f64)> + use<T> {
        let (column, row) = self.column_row(index);
        let (columns, rows) = (self.columns, self.rows);
        AROUND.into_iter().filter_map(move |(dx, dy)| {
            let (x, y) = (column.checked_add_signed(dx)?, row.checked_add_signed(dy)?);
            let length = if dx != 0 && dy != 0 { std::f64::consts::SQRT_2 } else { 1.0 };
            (x < columns && y < rows).then_some((y * columns + x, length))
        })
    }
}

impl Grid<f32> {
    /// Bilinear value at a point, clamped to the raster; values sit at cell centres.
    pub fn bilinear(&self, point_m: [f64; 2]) -> f64 {
        let x = (point_m[0] / self.cell_m - 0.5).clamp(0.0, self.columns as f64 - 1.001);
        let y = (point_m[1] / self.cell_m - 0.5).clamp(0.0, self.rows as f64 - 1.001);
        let (column, row) = (x as usize, y as usize);
        let (u, v) = (x - column as f64, y - row as f64);
        let at = |dx: usize, dy: usize| {
            let (c, r) = ((column + dx).min(self.columns - 1), (row + dy).min(self.rows - 1));
            f64::from(self.cells[r * self.columns + c])
        };
        (at(0, 0) * (1.0 - u) + at(1, 0) * u) * (1.0 - v) + (at(0, 1) * (1.0 - u) + at(1, 1) * u) * v
    }

    /// Uniform cubic B-spline value: smooth to the second derivative, so upsampled slopes show no facets.
    pub fn spline(&self, point_m: [f64; 2]) -> f64 {
        let x = point_m[0] / self.cell_m - 0.5;
        let y = point_m[1] / self.cell_m - 0.5;
        let (fx, fy) = (x.floor(), y.floor());
        let (wx, wy) = (spline_weights(x - fx), spline_weights(y - fy));
        let mut sum = 0.0;
        for (j, weight_y) in wy.iter().enumerate() {
            let row = (fy as isize + j as isize - 1).clamp(0, self.rows as isize - 1) as usize;
            let line = &self.cells[row * self.columns..(row + 1) * self.columns];
            for (i, weight_x) in wx.iter().enumerate() {
                let column = (fx as isize + i as isize - 1).clamp(0, self.columns as isize - 1) as usize;
                sum += weight_x * weight_y * f64::from(line[column]);
            }
        }
        sum
    }

    /// Steepness (rise over run) at a cell by central differences.
    pub fn slope(&self, index: usize) -> f64 {
        let [dx, dy] = self.gradient(index);
        dx.hypot(dy)
    }

    /// Rise per metre eastward and southward at a cell.
    pub fn gradient(&self, index: usize) -> [f64; 2] {
        let (column, row) = self.column_row(index);
        let (west, east) = (column.saturating_sub(1), (column + 1).min(self.columns - 1));
        let (north, south) = (row.saturating_sub(1), (row + 1).min(self.rows - 1));
        let dx = f64::from(self[(east, row)] - self[(west, row)]) / ((east - west) as f64 * self.cell_m);
        let dy = f64::from(self[(column, south)] - self[(column, north)]) / ((south - north) as f64 * self.cell_m);
        [dx, dy]
    }
}

fn spline_weights(t: f64) -> [f64; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [
        (1.0 - 3.0 * t + 3.0 * t2 - t3) / 6.0,
        (4.0 - 6.0 * t2 + 3.0 * t3) / 6.0,
        (1.0 + 3.0 * t + 3.0 * t2 - 3.0 * t3) / 6.0,
        t3 / 6.0,
    ]
}

impl<T> Index<usize> for Grid<T> {
    type Output = T;
    fn index(&self, index: usize) -> &T {
        &self.cells[index]
    }
}

impl<T> IndexMut<usize> for Grid<T> {
    fn index_mut(&mut self, index: usize) -> &mut T {
        &mut self.cells[index]
    }
}

impl<T> Index<(usize, usize)> for Grid<T> {
    type Output = T;
    fn index(&self, (column, row): (usize, usize)) -> &T {
        &self.cells[row * self.columns + column]
    }
}

impl<T> IndexMut<(usize, usize)> for Grid<T> {
    fn index_mut(&mut self, (column, row): (usize, usize)) -> &mut T {
        &mut self.cells[row * self.columns + column]
    }
}

/// For every cell, which of the given points is nearest (two-sweep propagation; good to a fraction of a cell).
/// Returns the position of the point in `sites_m`, or `u32::MAX` on a raster without sites.
pub fn nearest_site(columns: usize, rows: usize, cell_m: f64, sites_m: &[[f64; 2]]) -> Grid<u32> {
    let mut nearest = Grid::filled(columns, rows, cell_m, u32::MAX);
    for (number, site) in sites_m.iter().enumerate() {
        if nearest.holds(*site) {
            let cell = nearest.cell_of(*site);
            nearest[cell] = number as u32;
        }
    }
    let distance2 = |index: usize, site: u32, grid: &Grid<u32>| {
        if site == u32::MAX {
            return f64::INFINITY;
        }
        let (centre, point) = (grid.centre_m(index), sites_m[site as usize]);
        (centre[0] - point[0]).powi(2) + (centre[1] - point[1]).powi(2)
    };
    let forward: [(isize, isize); 4] = [(-1, 0), (0, -1), (-1, -1), (1, -1)];
    for _ in 0..2 {
        for backward in [false, true] {
            for step in 0..columns * rows {
                let index = if backward { columns * rows - 1 - step } else { step };
                let (column, row) = nearest.column_row(index);
                let mut best = nearest[index];
                let mut best_distance = distance2(index, best, &nearest);
                for (dx, dy) in forward {
                    let (dx, dy) = if backward { (-dx, -dy) } else { (dx, dy) };
                    let (Some(x), Some(y)) = (column.checked_add_signed(dx), row.checked_add_signed(dy)) else {
                        continue;
                    };
                    if x >= columns || y >= rows {
                        continue;
                    }
                    let candidate = nearest[(x, y)];
                    if candidate != best && candidate != u32::MAX {
                        let distance = distance2(index, candidate, &nearest);
                        if distance < best_distance {
                            (best, best_distance) = (candidate, distance);
                        }
                    }
                }
                nearest[index] = best;
            }
        }
    }
    nearest
}
