//! Slope of the ground inside polygons, from a grid of heights by Horn's method ([`crate::terrain`]).

use geodesy::{Crs, Transform, densify};

use crate::{
    AnalysisError, Polygon, Surface,
    terrain::gradient::{rises, steepness_deg},
    terrain_change::pair::cell_m,
};

/// Cells of one polygon's window; beyond it rows are skipped evenly.
const MAX_CELLS: usize = 4_000_000;

/// Slope within polygons.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slope {
    /// Mean of the known cells, degrees.
    pub(crate) mean_deg: f64,
    /// Share of the known cells that are not steeper than the limit.
    pub(crate) share_below: f64,
    /// Share of the cells whose slope is not known.
    pub(crate) share_unknown: f64,
}

/// The slope of the cells whose centre lies in the polygons; none where no cell's slope is known.
pub(crate) fn slope_within(
    surface: &dyn Surface,
    polygons: &[Polygon],
    plane: &Crs,
    limit_deg: f64,
) -> Result<Option<Slope>, AnalysisError> {
    let rings = rings_of(surface, polygons, plane)?;
    let [west, north, width, height] = surface.grid();
    let [columns, rows] = surface.size();
    let usable = width > 0.0 && height > 0.0 && columns > 0 && rows > 0;
    let bounds = bounds(&rings);
    if !usable || !bounds.iter().all(|v| v.is_finite()) {
        return Ok(None);
    }
    // One cell more on each side, where there is one.
    let cell = |v: f64, most: usize| v.floor().clamp(0.0, most as f64) as usize;
    let first_column = cell((bounds[0] - west) / width - 1.0, columns);
    let last_column = cell((bounds[2] - west) / width + 2.0, columns);
    let first_row = cell((north - bounds[3]) / height - 1.0, rows);
    let last_row = cell((north - bounds[1]) / height + 2.0, rows);
    if first_column + 2 >= last_column || first_row + 2 >= last_row {
        return Ok(None);
    }
    let across = last_column - first_column;
    let mut tally = Tally { limit_deg, ..Tally::default() };
    // Bands of rows keep a large window small in memory.
    let step = (across * (last_row - first_row)).div_ceil(MAX_CELLS).max(1);
    let size_m = cell_m(surface, f64::midpoint(first_row as f64, last_row as f64));
    let mut both = [Vec::new(), Vec::new()];
    let mut row = first_row + 1;
    while row + 1 < last_row {
        // The middle row of three, or as many rows as a band holds where none is skipped.
        let band = if step == 1 { (MAX_CELLS / across).clamp(1, last_row - 1 - row) } else { 1 };
        let heights = surface.window(first_column, row - 1, across, band + 2)?;
        for offset in 0..band {
            let y = north - (row as f64 + offset as f64 + 0.5) * height;
            let three: [&[f32]; 3] = [0, 1, 2].map(|k| heights.get((offset + k) * across..).unwrap_or_default());
            for [from, to] in spans(&rings, y) {
                let middle = |x: f64| (x - west) / width - 0.5;
                let start = (middle(from).ceil().max(first_column as f64 + 1.0) as usize).min(last_column - 1);
                let end = ((middle(to).floor() + 1.0) as usize).clamp(start, last_column - 1);
                let columns = start - 1 - first_column..end + 1 - first_column;
                let parts = three.map(|row| row.get(columns.clone()).unwrap_or_default());
                let [east, north] = &mut both;
                rises(parts, size_m, east, north);
                for (east, north) in east.iter().zip(north.iter()) {
                    let deg = f64::from(steepness_deg(*east, *north));
                    tally.add(Some(deg).filter(|deg| deg.is_finite()));
                }
            }
        }
        row += band * step;
    }
    Ok(tally.slope())
}

/// The rings in the surface's own system.
pub(crate) fn rings_of(
    surface: &dyn Surface,
    polygons: &[Polygon],
    plane: &Crs,
) -> Result<Vec<Vec<[f64; 2]>>, AnalysisError> {
    let rings = polygons.iter().flat_map(Polygon::rings);
    if surface.crs() == plane {
        return Ok(rings.cloned().collect());
    }
    let transform = Transform::new(plane, surface.crs())?;
    let closed = rings.map(|ring| ring.iter().chain(ring.first()).copied().collect::<Vec<_>>());
    // A cell is metres wide: a decimetre decides nothing.
    closed.map(|ring| Ok(densify::transform_line(&ring, &transform, 0.1)?)).collect()
}

fn bounds(rings: &[Vec<[f64; 2]>]) -> [f64; 4] {
    let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    rings.iter().flatten().fold(start, |b, p| [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])])
}

/// Where a line of one y is inside the rings.
pub(crate) fn spans(rings: &[Vec<[f64; 2]>], y: f64) -> Vec<[f64; 2]> {
    let mut crossings: Vec<f64> = Vec::new();
    for ring in rings {
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            if (a[1] > y) != (b[1] > y) {
                crossings.push(a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]));
            }
        }
    }
    crossings.sort_by(f64::total_cmp);
    crossings.as_chunks::<2>().0.to_vec()
}

#[derive(Debug, Default)]
struct Tally {
    limit_deg: f64,
    known: usize,
    below: usize,
    unknown: usize,
    sum_deg: f64,
}

impl Tally {
    fn add(&mut self, steepness_deg: Option<f64>) {
        match steepness_deg {
            Some(deg) => {
                self.known += 1;
                self.sum_deg += deg;
                self.below += usize::from(deg <= self.limit_deg);
            }
            None => self.unknown += 1,
        }
    }

    fn slope(&self) -> Option<Slope> {
        let known = self.known as f64;
        (self.known > 0).then(|| Slope {
            mean_deg: self.sum_deg / known,
            share_below: self.below as f64 / known,
            share_unknown: self.unknown as f64 / (known + self.unknown as f64),
        })
    }
}
