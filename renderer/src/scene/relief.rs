//! Heights of the ground on a grid: what measuring, sections, floods and sight lines work on.
//!
//! The grid is that of the terrain's own tiles (Web Mercator pixels, each sample at its pixel's centre), so nothing is
//! resampled where the finest tiles are taken; its metres are the ellipsoid's, row by row. Mercator is only the grid's shape.

use super::place;

/// A grid of heights in metres; NaN where no terrain is.
#[derive(Clone, Debug, PartialEq)]
pub struct Relief {
    /// The first sample (north-west) in the Web Mercator square.
    corner: [f64; 2],
    /// Between neighbours, in the square.
    step: f64,
    columns: usize,
    rows: usize,
    heights_m: Vec<f32>,
}

impl Relief {
    /// Samples a grid. `height_m` answers for a place of the square.
    #[must_use]
    pub fn sampled(
        corner: [f64; 2],
        step: f64,
        [columns, rows]: [usize; 2],
        height_m: &(dyn Fn([f64; 2]) -> Option<f64> + Sync),
    ) -> Self {
        use rayon::prelude::*;
        let at = |axis: usize, index: usize| corner[axis] + index as f64 * step;
        let row = |row: usize| {
            (0..columns)
                .map(move |column| height_m([at(0, column), at(1, row)]).map_or(f32::NAN, |height| height as f32))
        };
        let heights_m = (0..rows).into_par_iter().flat_map_iter(row).collect();
        Self { corner, step, columns, rows, heights_m }
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> [usize; 2] {
        [self.columns, self.rows]
    }

    /// The height in metres at a sample; NaN where there is none.
    #[must_use]
    pub fn at(&self, column: usize, row: usize) -> f64 {
        f64::from(self.heights_m[row * self.columns + column])
    }

    /// All samples, row by row from the north-west.
    #[must_use]
    pub fn heights_m(&self) -> &[f32] {
        &self.heights_m
    }

    /// Column and row, as a fraction, of a place of the square.
    #[must_use]
    pub fn cell_of_square(&self, square: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|axis| (square[axis] - self.corner[axis]) / self.step)
    }

    /// Column and row, as a fraction, of a longitude and latitude in degrees.
    #[must_use]
    pub fn cell_of(&self, [lon, lat]: [f64; 2]) -> [f64; 2] {
        self.cell_of_square(place::square_from_lon_lat_deg(lon, lat))
    }

    /// The sample nearest to a longitude and latitude in degrees, if it lies on the grid.
    #[must_use]
    pub fn nearest(&self, lon_lat_deg: [f64; 2]) -> Option<[usize; 2]> {
        let [column, row] = self.cell_of(lon_lat_deg).map(f64::round);
        let is_inside = column >= 0.0 && row >= 0.0 && column < self.columns as f64 && row < self.rows as f64;
        is_inside.then_some([column as usize, row as usize])
    }

    /// The place of a sample in the square.
    #[must_use]
    pub fn square_of(&self, column: f64, row: f64) -> [f64; 2] {
        [self.corner[0] + column * self.step, self.corner[1] + row * self.step]
    }

    /// Longitude and latitude in degrees of a place on the grid.
    #[must_use]
    pub fn lon_lat_deg(&self, column: f64, row: f64) -> [f64; 2] {
        let [x, y] = self.square_of(column, row);
        place::lon_lat_deg_from_square(x, y)
    }

    /// Height in metres, bilinear between samples; `None` off the grid and where one of the four is missing.
    #[must_use]
    pub fn height_m(&self, lon_lat_deg: [f64; 2]) -> Option<f64> {
        let [column, row] = self.cell_of(lon_lat_deg);
        self.bilinear_m(column, row)
    }

    /// Height in metres at a column and row that need not be whole.
    #[must_use]
    pub fn bilinear_m(&self, column: f64, row: f64) -> Option<f64> {
        let inside = |value: f64, count: usize| value >= 0.0 && value <= (count - 1) as f64;
        if self.columns < 2 || self.rows < 2 || !inside(column, self.columns) || !inside(row, self.rows) {
            return None;
        }
        let (west, north) = ((column as usize).min(self.columns - 2), (row as usize).min(self.rows - 2));
        let (u, v) = (column - west as f64, row - north as f64);
        let top = self.at(west, north) * (1.0 - u) + self.at(west + 1, north) * u;
        let bottom = self.at(west, north + 1) * (1.0 - u) + self.at(west + 1, north + 1) * u;
        let height_m = top * (1.0 - v) + bottom * v;
        height_m.is_finite().then_some(height_m)
    }

    /// Metres between neighbours to the east and to the south at a row, on the CGCS2000 ellipsoid.
    #[must_use]
    pub fn spacing_m(&self, row: f64) -> [f64; 2] {
        let [_, lat] = self.lon_lat_deg(0.0, row);
        spacing_m(self.step, lat)
    }

    /// The side of a cell in the square.
    #[must_use]
    pub fn step(&self) -> f64 {
        self.step
    }

    /// Lowest and highest height in metres; `None` where the grid is empty.
    #[must_use]
    pub fn range_m(&self) -> Option<[f64; 2]> {
        let finite = self.heights_m.iter().copied().filter(|height_m| height_m.is_finite());
        finite.fold(None, |range: Option<[f64; 2]>, height_m| {
            let height_m = f64::from(height_m);
            let [low, high] = range.unwrap_or([height_m, height_m]);
            Some([low.min(height_m), high.max(height_m)])
        })
    }
}

/// Metres that a step of the Web Mercator square covers to the east and to the south at a latitude.
#[must_use]
pub fn spacing_m(step: f64, lat_deg: f64) -> [f64; 2] {
    /// CGCS2000: semi-major axis in metres, and the square of the first eccentricity.
    const A_M: f64 = 6_378_137.0;
    const E2: f64 = 0.006_694_380_022_900_8;
    let (sin, cos) = lat_deg.to_radians().sin_cos();
    let w = (1.0 - E2 * sin * sin).sqrt();
    let (across_m, along_m) = (A_M / w, A_M * (1.0 - E2) / w.powi(3));
    // The square's latitude is the geodetic one: d(lat)/dy is -2 pi cos(lat).
    let turn = std::f64::consts::TAU * step * cos;
    [across_m * turn, along_m * turn]
}

/// The zoom whose pixels are nearest to a step in metres at a latitude, from below: never coarser than the step.
#[must_use]
pub fn zoom_for(step_m: f64, lat_deg: f64) -> u8 {
    (0..24).find(|zoom| spacing_m(0.5_f64.powi(i32::from(*zoom) + 8), lat_deg)[0] <= step_m).unwrap_or(24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_s_metres_are_those_of_the_ellipsoid() {
        for lat in [0.0, 28.31, 50.0] {
            let step = 0.5_f64.powi(24);
            let [x, y] = place::square_from_lon_lat_deg(109.74, lat);
            let at = |dx: f64, dy: f64| place::lon_lat_deg_from_square(x + dx, y + dy);
            let east_m = geodesy::distance::geodesic_m(at(0.0, 0.0), at(1_000.0 * step, 0.0)) / 1_000.0;
            let south_m = geodesy::distance::geodesic_m(at(0.0, -500.0 * step), at(0.0, 500.0 * step)) / 1_000.0;
            let [wide_m, high_m] = spacing_m(step, lat);
            assert!((wide_m / east_m - 1.0).abs() < 1e-6 && (high_m / south_m - 1.0).abs() < 1e-6, "{lat}");
        }
    }

    #[test]
    fn between_samples_a_plane_is_met_and_gaps_stay_gaps() {
        let plane = |[x, y]: [f64; 2]| (x < 0.83).then_some(300.0 + 1e5 * (x - 0.8) + 2e5 * (y - 0.4));
        let relief = Relief::sampled([0.8, 0.4], 0.01, [5, 4], &plane);
        assert!((relief.bilinear_m(0.5, 1.25).expect("data") - (300.0 + 500.0 + 2_500.0)).abs() < 1e-2);
        assert_eq!(relief.bilinear_m(2.5, 0.5), None, "one of the four is missing");
        assert_eq!(relief.bilinear_m(4.5, 0.5), None);
    }
}
