//! One integer grid for a whole job.
//!
//! Overlay engines work on integers; letting them choose a scale per pair of polygons gives the same corner two
//! positions. Here every coordinate is rounded once, to a grid that starts at a whole kilometre, so that partitions
//! of one job (and tomorrow's rerun) share it.

use i_overlay::i_float::int::point::IntPoint;

use crate::{AnalysisError, Parcel, ParcelLayer, Polygon};

/// Integer coordinates stay below this, so that the engine's products fit 64 bits.
const LIMIT: f64 = (1 << 30) as f64;
/// The grid's origin is a multiple of this, metres.
const ORIGIN_STEP_M: f64 = 1000.0;

/// A grid of points `origin + n * snap`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    origin: [f64; 2],
    /// Units of the plane per grid step.
    step: f64,
}

/// A parcel on the grid: outer rings anticlockwise, holes clockwise, and its box.
pub(crate) struct Snapped {
    pub(crate) contours: Vec<Vec<IntPoint>>,
    pub(crate) min: [i32; 2],
    pub(crate) max: [i32; 2],
}

impl Grid {
    /// The grid for two layers, with steps of `snap_m` metres.
    pub(crate) fn new(layers: [&ParcelLayer; 2], snap_m: f64) -> Result<Self, AnalysisError> {
        if !(snap_m > 0.0 && snap_m < 1000.0) {
            return Err(AnalysisError::Snap { snap_m });
        }
        let unit_m = layers[0].crs.unit_m();
        let (mut min, mut max) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for layer in layers {
            for parcel in &layer.parcels {
                for point in parcel.polygons.iter().flat_map(Polygon::rings).flatten() {
                    if !point.iter().all(|v| v.is_finite()) {
                        return Err(AnalysisError::NotFinite {
                            layer: layer.source.clone(),
                            parcel: parcel.id.clone(),
                        });
                    }
                    for axis in 0..2 {
                        min[axis] = min[axis].min(point[axis]);
                        max[axis] = max[axis].max(point[axis]);
                    }
                }
            }
        }
        if min[0] > max[0] {
            (min, max) = ([0.0; 2], [0.0; 2]);
        }
        let step = snap_m / unit_m;
        let origin = [0, 1].map(|axis| {
            let middle_m = f64::midpoint(min[axis], max[axis]) * unit_m;
            (middle_m / ORIGIN_STEP_M).round() * ORIGIN_STEP_M / unit_m
        });
        let reach = (0..2).map(|axis| (max[axis] - origin[axis]).max(origin[axis] - min[axis])).fold(0.0, f64::max);
        if reach / step >= LIMIT {
            return Err(AnalysisError::TooLarge { snap_m, smallest_m: reach * unit_m / (LIMIT - 1.0) });
        }
        Ok(Self { origin, step })
    }

    /// A parcel on the grid, without rings that collapse; none where nothing is left.
    pub(crate) fn snap(&self, parcel: &Parcel) -> Option<Snapped> {
        let mut contours = Vec::new();
        for polygon in &parcel.polygons {
            let Some(exterior) = self.ring(&polygon.exterior, true) else { continue };
            contours.push(exterior);
            contours.extend(polygon.holes.iter().filter_map(|hole| self.ring(hole, false)));
        }
        let first = contours.first()?.first()?;
        let (mut min, mut max) = ([first.x, first.y], [first.x, first.y]);
        for point in contours.iter().flatten() {
            min = [min[0].min(point.x), min[1].min(point.y)];
            max = [max[0].max(point.x), max[1].max(point.y)];
        }
        Some(Snapped { contours, min, max })
    }

    /// Back to the plane.
    pub(crate) fn ring_in_plane(&self, contour: &[IntPoint]) -> Vec<[f64; 2]> {
        let [x, y] = self.origin;
        contour.iter().map(|p| [x + f64::from(p.x) * self.step, y + f64::from(p.y) * self.step]).collect()
    }

    /// Square plane units of twice an integer area.
    pub(crate) fn area_in_plane(&self, doubled: i128) -> f64 {
        doubled as f64 / 2.0 * self.step * self.step
    }

    fn ring(&self, ring: &[[f64; 2]], anticlockwise: bool) -> Option<Vec<IntPoint>> {
        let index = |v: f64, axis: usize| ((v - self.origin[axis]) / self.step).round() as i32;
        let mut points: Vec<IntPoint> = ring.iter().map(|p| IntPoint::new(index(p[0], 0), index(p[1], 1))).collect();
        points.dedup();
        while points.len() > 1 && points.first() == points.last() {
            points.pop();
        }
        let doubled = doubled_area(&points);
        if points.len() < 3 || doubled == 0 {
            return None;
        }
        if (doubled > 0) != anticlockwise {
            points.reverse();
        }
        Some(points)
    }
}

/// Twice the signed area of a contour, exactly.
pub(crate) fn doubled_area(contour: &[IntPoint]) -> i128 {
    let next = contour.iter().cycle().skip(1);
    contour
        .iter()
        .zip(next)
        .map(|(a, b)| i128::from(i64::from(a.x) * i64::from(b.y) - i64::from(b.x) * i64::from(a.y)))
        .sum()
}
