//! The part of a surface that is looked at: where its cells lie in the plane, how large they are there and on the ellipsoid.
//!
//! Cells of a block of 64 x 64 are taken to be of one size, which they are to a millionth: whole words of marks are then
//! measured by counting bits. Places are given in cells of the window: `[1.5, 0.5]` is the middle of the second cell of the
//! first row, rows count southwards.

use geodesy::{Crs, Transform, densify};

use crate::{
    AnalysisError, Surface,
    figures::Areas,
    marks::{Marks, WORD, Window},
    measure::Measure,
};

/// How far an outline may lie from the edges of its cells, metres, where the grid is not in the plane.
const SAGITTA_M: f64 = 0.01;

/// A window of a surface over the plane of the task.
#[derive(Debug)]
pub(super) struct Ground<'s> {
    surface: &'s dyn Surface,
    /// The part that is looked at, in cells of the surface.
    pub(super) window: Window,
    between: Option<Between>,
    /// Areas of one cell, by block.
    cells: Vec<Areas>,
    /// Blocks of a row.
    across: usize,
}

/// From the grid's system to the plane and back.
#[derive(Debug)]
struct Between {
    to_plane: Transform,
    to_grid: Transform,
}

impl<'s> Ground<'s> {
    pub(super) fn new(surface: &'s dyn Surface, plane: &Crs, window: Window) -> Result<Self, AnalysisError> {
        if !plane.is_projected() {
            return Err(AnalysisError::NotOnePlane { first: plane.name().to_owned(), second: String::new() });
        }
        let between = if surface.crs() == plane {
            None
        } else {
            Some(Between {
                to_plane: Transform::new(surface.crs(), plane)?,
                to_grid: Transform::new(plane, surface.crs())?,
            })
        };
        let (across, down) = (window.columns.div_ceil(WORD), window.rows.div_ceil(WORD));
        let mut ground = Self { surface, window, between, cells: Vec::new(), across };
        let edge = |at: usize, most: usize| (at * WORD).min(most) as f64;
        let nodes: Vec<[f64; 2]> = (0..(across + 1) * (down + 1))
            .map(|node| [edge(node % (across + 1), window.columns), edge(node / (across + 1), window.rows)])
            .collect();
        let places = ground.in_plane(&nodes)?;
        let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let bounds = places.iter().fold(start, |b, p| [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])]);
        let measure = Measure::new(plane, bounds)?;
        let unit_m2 = plane.unit_m() * plane.unit_m();
        ground.cells = (0..across * down)
            .map(|block| {
                let north_west = block / across * (across + 1) + block % across;
                let ring = [north_west + across + 1, north_west + across + 2, north_west + 1, north_west];
                let count = (nodes[ring[1]][0] - nodes[ring[0]][0]) * (nodes[ring[0]][1] - nodes[ring[3]][1]);
                let ring = ring.map(|node| places[node]);
                let plane_m2 = geodesy::area::plane_area(&ring) * unit_m2;
                Areas { plane_m2: plane_m2 / count, ellipsoidal_m2: (plane_m2 + measure.ring_m2(&ring)) / count }
            })
            .collect();
        Ok(ground)
    }

    pub(super) fn surface(&self) -> &'s dyn Surface {
        self.surface
    }

    /// Areas of a cell.
    pub(super) fn cell(&self, column: usize, row: usize) -> Areas {
        self.cells[row / WORD * self.across + column / WORD]
    }

    /// Width and height of a cell in the middle of the window, metres.
    pub(super) fn cell_m(&self, plane: &Crs) -> Result<[f64; 2], AnalysisError> {
        let (x, y) = ((self.window.columns / 2) as f64, (self.window.rows / 2) as f64);
        let [corner, right, below] =
            self.in_plane(&[[x, y], [x + 1.0, y], [x, y + 1.0]])?.try_into().unwrap_or([[0.0; 2]; 3]);
        Ok([right, below].map(|to| (to[0] - corner[0]).hypot(to[1] - corner[1]) * plane.unit_m()))
    }

    /// Areas of the marked cells.
    pub(super) fn areas(&self, marks: &Marks) -> Areas {
        let word = |row: usize, at: usize, bits: u64| {
            let (cell, count) = (self.cells[row / WORD * self.across + at], f64::from(bits.count_ones()));
            Areas { plane_m2: cell.plane_m2 * count, ellipsoidal_m2: cell.ellipsoidal_m2 * count }
        };
        let row = |row: usize| -> Areas {
            marks
                .row(row)
                .iter()
                .enumerate()
                .filter(|(_, bits)| **bits != 0)
                .map(|(at, bits)| word(row, at, *bits))
                .sum()
        };
        (0..marks.rows).map(row).sum()
    }

    /// Heights of a part of the window, metres, NaN where there is none.
    pub(super) fn read(&self, part: Window) -> Result<Vec<f32>, AnalysisError> {
        self.surface.window(self.window.column + part.column, self.window.row + part.row, part.columns, part.rows)
    }

    /// Places of the grid's own system in cells.
    pub(super) fn in_cells(&self, places: &mut [[f64; 2]]) {
        let [west, north, width, height] = self.surface.grid();
        for place in places {
            *place = [
                (place[0] - west) / width - self.window.column as f64,
                (north - place[1]) / height - self.window.row as f64,
            ];
        }
    }

    /// Places of the plane in cells.
    pub(super) fn cells_of_plane(&self, places: &[[f64; 2]]) -> Result<Vec<[f64; 2]>, AnalysisError> {
        let mut places = places.to_vec();
        if let Some(between) = &self.between {
            between.to_grid.points(&mut places)?;
        }
        self.in_cells(&mut places);
        Ok(places)
    }

    /// A line of degrees in cells.
    pub(super) fn cells_of_degrees(&self, line: &[[f64; 2]]) -> Result<Vec<[f64; 2]>, AnalysisError> {
        let to_grid = Transform::new(&Crs::cgcs2000(), self.surface.crs())?;
        let mut places = densify::transform_line(line, &to_grid, SAGITTA_M)?;
        self.in_cells(&mut places);
        Ok(places)
    }

    /// Corners of cells in the grid's own system.
    fn in_grid(&self, cells: &[[f64; 2]]) -> Vec<[f64; 2]> {
        let [west, north, width, height] = self.surface.grid();
        let place = |[column, row]: &[f64; 2]| {
            [west + (self.window.column as f64 + column) * width, north - (self.window.row as f64 + row) * height]
        };
        cells.iter().map(place).collect()
    }

    /// Places in the plane.
    pub(super) fn in_plane(&self, cells: &[[f64; 2]]) -> Result<Vec<[f64; 2]>, AnalysisError> {
        let mut places = self.in_grid(cells);
        if let Some(between) = &self.between {
            between.to_plane.points(&mut places)?;
        }
        Ok(places)
    }

    /// A ring along edges of cells in the plane, not closed.
    pub(super) fn ring_in_plane(&self, cells: &[[f64; 2]]) -> Result<Vec<[f64; 2]>, AnalysisError> {
        let mut ring = self.in_grid(cells);
        if let Some(between) = &self.between {
            ring.extend(ring.first().copied());
            ring = densify::transform_line(&ring, &between.to_plane, SAGITTA_M)?;
            ring.pop();
        }
        Ok(ring)
    }

    /// The cell that a place lies in.
    pub(super) fn cell_at(&self, [column, row]: [f64; 2]) -> Option<(usize, usize)> {
        let inside =
            (0.0..self.window.columns as f64).contains(&column) && (0.0..self.window.rows as f64).contains(&row);
        inside.then_some((column as usize, row as usize))
    }
}
