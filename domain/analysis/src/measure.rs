//! Areas on the ellipsoid of shapes whose edges are straight in the plane, as one integral along their edges.
//!
//! A square metre of the plane is `1 + c(x, y)` square metres of ground, where `c` is smooth and some hundred parts
//! per million. With `f` its integral over x, the ground area of a shape is its plane area plus the integral of
//! `f dy` along its border (Green). So no edge is densified, nothing is converted point by point, and an edge that
//! two patches share counts alike for both: parts add up to their whole. `c` is a polynomial fitted once per job to
//! the plane's own projection; GeographicLib is the oracle.

use geodesy::{Crs, Transform};

use crate::AnalysisError;

/// Semi-major axis of CGCS2000, metres (GB 22021-2008).
const SEMI_MAJOR_M: f64 = 6_378_137.0;
/// Flattening of CGCS2000.
const FLATTENING: f64 = 1.0 / 298.257_222_101;
/// Points an axis that the projection is looked at: enough for some hundred kilometres.
const NODES: usize = 14;
/// Parts of the ground that a coefficient may be left out for.
const NEGLIGIBLE: f64 = 1e-14;
/// Abscissas and weights of Gauss and Legendre on 0..1: exact to the fifth power.
const GAUSS: [(f64, f64); 3] =
    [(0.112_701_665_379_258_3, 5.0 / 18.0), (0.5, 8.0 / 18.0), (0.887_298_334_620_741_7, 5.0 / 18.0)];

/// How ground and plane differ around a place.
#[derive(Debug, Clone)]
pub(crate) struct Measure {
    centre: [f64; 2],
    half: [f64; 2],
    /// `f` in square metres per unit of y: by powers of y, then of x, both on -1..1.
    rows: Vec<Vec<f64>>,
}

impl Measure {
    /// For shapes of a plane within a box, `[min x, min y, max x, max y]`.
    pub(crate) fn new(plane: &Crs, bounds: [f64; 4]) -> Result<Self, AnalysisError> {
        let to_degrees = Transform::new(plane, &Crs::cgcs2000())?;
        let unit_m = plane.unit_m();
        let centre = [f64::midpoint(bounds[0], bounds[2]), f64::midpoint(bounds[1], bounds[3])];
        // A box without extent still needs places to look at.
        let half = [0, 1].map(|axis| ((bounds[axis + 2] - bounds[axis]) / 2.0).max(1000.0 / unit_m));
        let angle = |i: usize| std::f64::consts::PI * (i as f64 + 0.5) / NODES as f64;
        let mut places: Vec<[f64; 2]> = (0..NODES * NODES)
            .map(|n| {
                let (j, i) = (n / NODES, n % NODES);
                [centre[0] + half[0] * angle(i).cos(), centre[1] + half[1] * angle(j).cos()]
            })
            .collect();
        to_degrees.points(&mut places)?;
        let middle_lon = places[NODES * NODES / 2][0];
        let series = |axis: usize| {
            let origin = if axis == 0 { middle_lon } else { 0.0 };
            Series::fit(&places.iter().map(|place| (place[axis] - origin).to_radians()).collect::<Vec<_>>())
        };
        let (lon, lat) = (series(0), series(1));
        let [lon_x, lon_y, lat_x, lat_y] = [lon.by_x(), lon.by_y(), lat.by_x(), lat.by_y()].map(|s| s.at_nodes());
        let square_unit_m2 = unit_m * unit_m;
        let excess: Vec<f64> = (0..NODES * NODES)
            .map(|n| {
                let turned = (lon_x[n] * lat_y[n] - lon_y[n] * lat_x[n]) / (half[0] * half[1]);
                turned * ground_per_radians_m2(places[n][1].to_radians()) - square_unit_m2
            })
            .collect();
        let integral = Series::fit(&excess).integral_by_x();
        let rows = integral.powers(NEGLIGIBLE * square_unit_m2);
        let rows = rows.into_iter().map(|row| row.into_iter().map(|c| c * half[0]).collect()).collect();
        Ok(Self { centre, half, rows })
    }

    /// What an edge adds to the difference of ground and plane area of the shape on its left, square metres.
    pub(crate) fn edge_m2(&self, from: [f64; 2], to: [f64; 2]) -> f64 {
        let u = [0, 1].map(|axis| (from[axis] - self.centre[axis]) / self.half[axis]);
        let along = [0, 1].map(|axis| (to[axis] - from[axis]) / self.half[axis]);
        let mean: f64 =
            GAUSS.iter().map(|(t, weight)| weight * self.at(u[0] + t * along[0], u[1] + t * along[1])).sum();
        mean * (to[1] - from[1])
    }

    /// The same for a whole ring, closed or not, positive where it runs anticlockwise round more ground than plane.
    pub(crate) fn ring_m2(&self, ring: &[[f64; 2]]) -> f64 {
        let next = ring.iter().cycle().skip(1);
        ring.iter().zip(next).map(|(from, to)| self.edge_m2(*from, *to)).sum()
    }

    fn at(&self, u: f64, v: f64) -> f64 {
        self.rows.iter().rev().fold(0.0, |sum, row| sum * v + row.iter().rev().fold(0.0, |sum, c| sum * u + c))
    }
}

/// Square metres of ground per square radian of longitude and latitude.
fn ground_per_radians_m2(lat: f64) -> f64 {
    let e2 = FLATTENING * (2.0 - FLATTENING);
    let sin = lat.sin();
    SEMI_MAJOR_M * SEMI_MAJOR_M * (1.0 - e2) * lat.cos() / (1.0 - e2 * sin * sin).powi(2)
}

/// A Chebyshev series in two variables on -1..1: coefficients by row (y), then column (x).
#[derive(Debug, Clone)]
struct Series([[f64; NODES + 1]; NODES + 1]);

impl Series {
    /// Through values at the nodes.
    fn fit(values: &[f64]) -> Self {
        let weight = |k: usize| if k == 0 { 1.0 } else { 2.0 } / NODES as f64;
        let cosine =
            |k: usize, i: usize| (std::f64::consts::PI * k as f64 * (i as f64 + 0.5) / NODES as f64).cos() * weight(k);
        let mut by_row = [[0.0; NODES]; NODES];
        for (j, row) in by_row.iter_mut().enumerate() {
            for (k, c) in row.iter_mut().enumerate() {
                *c = (0..NODES).map(|i| values[j * NODES + i] * cosine(k, i)).sum();
            }
        }
        let mut series = [[0.0; NODES + 1]; NODES + 1];
        for (l, row) in series.iter_mut().enumerate().take(NODES) {
            for (k, c) in row.iter_mut().enumerate().take(NODES) {
                *c = (0..NODES).map(|j| by_row[j][k] * cosine(l, j)).sum();
            }
        }
        Self(series)
    }

    fn turned(&self) -> Self {
        let mut turned = Self([[0.0; NODES + 1]; NODES + 1]);
        for (j, row) in self.0.iter().enumerate() {
            for (i, c) in row.iter().enumerate() {
                turned.0[i][j] = *c;
            }
        }
        turned
    }

    fn by_x(&self) -> Self {
        let mut derived = Self([[0.0; NODES + 1]; NODES + 1]);
        for (row, into) in self.0.iter().zip(&mut derived.0) {
            for k in (1..=NODES).rev() {
                let above = if k < NODES { into[k + 1] } else { 0.0 };
                into[k - 1] = above + 2.0 * k as f64 * row[k];
            }
            into[0] /= 2.0;
        }
        derived
    }

    fn by_y(&self) -> Self {
        self.turned().by_x().turned()
    }

    fn integral_by_x(&self) -> Self {
        let mut whole = Self([[0.0; NODES + 1]; NODES + 1]);
        for (row, into) in self.0.iter().zip(&mut whole.0) {
            for k in 1..=NODES {
                let before = if k == 1 { 2.0 * row[0] } else { row[k - 1] };
                let after = if k < NODES { row[k + 1] } else { 0.0 };
                into[k] = (before - after) / (2.0 * k as f64);
            }
        }
        whole
    }

    fn at_nodes(&self) -> Vec<f64> {
        let cosine = |k: usize, i: usize| (std::f64::consts::PI * k as f64 * (i as f64 + 0.5) / NODES as f64).cos();
        let mut values = Vec::with_capacity(NODES * NODES);
        for j in 0..NODES {
            for i in 0..NODES {
                let row = |l: usize| (0..=NODES).map(|k| self.0[l][k] * cosine(k, i)).sum::<f64>();
                values.push((0..=NODES).map(|l| row(l) * cosine(l, j)).sum());
            }
        }
        values
    }

    /// As powers of y, then x, without what is too small to matter.
    fn powers(&self, negligible: f64) -> Vec<Vec<f64>> {
        let wanted = |l: usize, k: usize| self.0[l][k].abs() > negligible;
        let degree = |keep: &dyn Fn(usize) -> bool| (0..=NODES).rev().find(|d| keep(*d)).unwrap_or(0);
        let rows = degree(&|l| (0..=NODES).any(|k| wanted(l, k)));
        let columns = degree(&|k| (0..=NODES).any(|l| wanted(l, k)));
        let chebyshev = chebyshev_powers(rows.max(columns));
        let mut powers = vec![vec![0.0; columns + 1]; rows + 1];
        for l in 0..=rows {
            for k in 0..=columns {
                for (j, a) in chebyshev[l].iter().enumerate() {
                    for (i, b) in chebyshev[k].iter().enumerate() {
                        powers[j][i] += self.0[l][k] * a * b;
                    }
                }
            }
        }
        powers
    }
}

/// The Chebyshev polynomials up to a degree, each by powers.
fn chebyshev_powers(degree: usize) -> Vec<Vec<f64>> {
    let mut all = vec![vec![1.0], vec![0.0, 1.0]];
    for k in 2..=degree {
        let mut next = vec![0.0; k + 1];
        for (i, c) in all[k - 1].iter().enumerate() {
            next[i + 1] += 2.0 * c;
        }
        for (i, c) in all[k - 2].iter().enumerate() {
            next[i] -= c;
        }
        all.push(next);
    }
    all
}

#[cfg(test)]
mod tests {
    use geographiclib_rs::{Geodesic, PolygonArea, Winding};

    use super::*;

    /// GeographicLib on a ring of the plane, every edge cut into pieces.
    fn geographiclib_m2(plane: &Crs, ring: &[[f64; 2]], pieces: usize) -> f64 {
        let to_degrees = Transform::new(plane, &Crs::cgcs2000()).expect("a transform");
        let geodesic = Geodesic::new(SEMI_MAJOR_M, FLATTENING);
        let mut polygon = PolygonArea::new(&geodesic, Winding::CounterClockwise);
        for (i, a) in ring.iter().enumerate() {
            let b = ring[(i + 1) % ring.len()];
            let mut dense: Vec<[f64; 2]> = (0..pieces)
                .map(|k| {
                    let t = k as f64 / pieces as f64;
                    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t]
                })
                .collect();
            to_degrees.points(&mut dense).expect("in the zone");
            for [lon, lat] in dense {
                polygon.add_point(lat, lon);
            }
        }
        polygon.compute(true).1
    }

    #[test]
    fn ground_areas_are_geographiclibs_in_every_plane_and_size() {
        for (epsg, east, north) in
            [(4546, 376_000.0, 3_133_000.0), (4525, 37_376_000.0, 3_133_000.0), (32615, 478_000.0, 4_980_000.0)]
        {
            let plane = Crs::from_epsg(epsg).expect("a plane");
            for side in [30.0, 1000.0, 12_000.0, 100_000.0] {
                let ring = [[0.1, 0.0], [0.9, 0.2], [1.0, 0.7], [0.4, 1.0], [0.0, 0.4]]
                    .map(|[x, y]| [east + side * x, north + side * y]);
                let measure = Measure::new(&plane, [east, north, east + side, north + side]).expect("a measure");
                let ground_m2 = geodesy::area::plane_area(&ring) + measure.ring_m2(&ring);
                // Geodesics differ from the plane's lines by little; GeographicLib's sum loses some 1e-7 m² a vertex.
                let oracle_m2 = geographiclib_m2(&plane, &ring, 2 + (side / 60.0) as usize);
                let off_m2 = (ground_m2 - oracle_m2).abs();
                println!("{epsg} {side}: {ground_m2} off {off_m2:e} m²");
                assert!(off_m2 < 1e-4 + 1e-11 * ground_m2, "{epsg} {side}: {ground_m2} {oracle_m2} {off_m2}");
            }
        }
    }
}
