//! One integer grid for a whole job.
//!
//! Overlay engines work on integers; letting them choose a scale per pair of polygons gives the same corner two
//! positions. Here every coordinate is rounded once, to a grid that starts at a whole kilometre, so that partitions
//! of one job (and tomorrow's rerun) share it.

use geodesy::Crs;
use i_overlay::i_float::int::point::IntPoint;

use crate::{
    AnalysisError, Parcel, ParcelLayer, Polygon,
    boolean::{Ring, Shape, is_simple, union},
    measure::Measure,
    overlay::DEFAULT_SNAP_M,
    shared::{Area, Border, IntBox, Ruler},
    weld::Weld,
};

/// Integer coordinates stay below this, so that the engine's products fit 64 bits.
const LIMIT: f64 = ((1 << 30) - 30_000_000) as f64;
/// The grid's origin is a multiple of this, metres.
const ORIGIN_STEP_M: f64 = 1000.0;

/// Rings of at most so many points are looked at pair by pair instead of being resolved.
const SMALL_RING: usize = 48;

/// Where a grid lies in its plane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    origin: [f64; 2],
    /// Units of the plane per grid step.
    step: f64,
    /// Metres per unit of the plane.
    unit_m: f64,
}

impl Frame {
    /// A place between grid points.
    pub(crate) fn in_plane(&self, place: [f64; 2]) -> [f64; 2] {
        [self.origin[0] + place[0] * self.step, self.origin[1] + place[1] * self.step]
    }

    /// Square metres of the plane per cell.
    pub(crate) fn cell_m2(&self) -> f64 {
        let step_m = self.step * self.unit_m;
        step_m * step_m
    }
}

/// A grid of points `origin + n * snap`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    pub(crate) frame: Frame,
    /// What the layers cover, in the plane.
    bounds: [f64; 4],
}

/// A parcel on the grid: what it covers, each place once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapped {
    /// Outer rings anticlockwise, holes clockwise.
    pub(crate) rings: Vec<Ring>,
    /// The same as a border.
    pub(crate) border: Border,
    /// Whether rings crossed themselves or each other, and the square cells (doubled) that resolving them changed.
    pub(crate) mended: Option<i128>,
}

impl Grid {
    /// The grid for layers of one plane, with steps of `snap_m` metres.
    pub(crate) fn new(layers: &[&ParcelLayer], snap_m: f64) -> Result<Self, AnalysisError> {
        if !(snap_m > 0.0 && snap_m < 1000.0) {
            return Err(AnalysisError::Snap { snap_m });
        }
        let Some(plane) = layers.first().map(|layer| &layer.crs) else {
            let frame = Frame { origin: [0.0; 2], step: snap_m, unit_m: 1.0 };
            return Ok(Self { frame, bounds: [0.0; 4] });
        };
        for layer in layers {
            if layer.crs != *plane || !plane.is_projected() {
                return Err(AnalysisError::NotOnePlane {
                    first: plane.name().to_owned(),
                    second: layer.crs.name().to_owned(),
                });
            }
        }
        let unit_m = plane.unit_m();
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
        Ok(Self { frame: Frame { origin, step, unit_m }, bounds: [min[0], min[1], max[0], max[1]] })
    }

    /// How ground and plane differ over the whole job.
    pub(crate) fn measure(&self, plane: &Crs) -> Result<Measure, AnalysisError> {
        Measure::new(plane, self.bounds)
    }

    /// A parcel on the grid, without rings that collapse; without any ring where nothing is left.
    pub(crate) fn snap(&self, parcel: &Parcel) -> Snapped {
        self.snap_welded(parcel, &Weld::default())
    }

    /// As [`Self::snap`], with corners where others already are.
    pub(crate) fn snap_welded(&self, parcel: &Parcel, weld: &Weld) -> Snapped {
        let mut rings: Vec<Ring> = Vec::new();
        let (mut parts, mut before) = (0, 0);
        for polygon in &parcel.polygons {
            let Some(exterior) = self.ring(&polygon.exterior, true, weld) else { continue };
            for (ring, outer) in std::iter::once((exterior, true))
                .chain(polygon.holes.iter().filter_map(|hole| Some((self.ring(hole, false, weld)?, false))))
            {
                parts += 1;
                before += doubled_area(&ring);
                rings.extend(resolved(ring, outer));
            }
        }
        if parts > 1 {
            rings = union(rings.iter()).into_iter().flatten().collect();
        }
        let after: i128 = rings.iter().map(|ring| doubled_area(ring)).sum();
        let mended = (before != after).then_some(after - before);
        let border = Border::new(rings.iter());
        Snapped { rings, border, mended }
    }

    /// The grid with the finest of these steps that the layers fit on.
    pub(crate) fn finest(layers: &[&ParcelLayer], snaps_m: &[f64]) -> Result<Self, AnalysisError> {
        let (last, finer) = snaps_m.split_last().unwrap_or((&DEFAULT_SNAP_M, &[]));
        for snap_m in finer {
            match Self::new(layers, *snap_m) {
                Err(AnalysisError::TooLarge { .. }) => {}
                other => return other,
            }
        }
        Self::new(layers, *last)
    }

    /// Steps of the grid in a length of metres.
    pub(crate) fn steps(&self, length_m: f64) -> i32 {
        (length_m / (self.frame.step * self.frame.unit_m)).round() as i32
    }

    /// Share of a layer's corners that are on whole millimetres of the grid: near 1 for a survey as it was delivered,
    /// small for one that was converted.
    pub(crate) fn share_on_millimetres(&self, layer: &ParcelLayer) -> f64 {
        let mm = self.steps(0.001).max(1);
        let corners = layer.parcels.iter().flat_map(|parcel| parcel.polygons.iter().flat_map(Polygon::rings).flatten());
        let (mut all, mut on) = (0_u64, 0_u64);
        for p in corners.step_by(7) {
            all += 1;
            on += u64::from(self.index(p[0], 0) % mm == 0 && self.index(p[1], 1) % mm == 0);
        }
        on as f64 / all.max(1) as f64
    }

    /// The box of a parcel on the grid; none where it has no polygon.
    pub(crate) fn box_of(&self, parcel: &Parcel) -> Option<IntBox> {
        let mut bounds = [i32::MAX, i32::MAX, i32::MIN, i32::MIN];
        for point in parcel.polygons.iter().flat_map(Polygon::rings).flatten() {
            let [x, y] = [self.index(point[0], 0), self.index(point[1], 1)];
            bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
        }
        (bounds[0] <= bounds[2]).then_some(bounds)
    }

    /// The corners of a box in the plane that holds the layers, a little more on each side.
    pub(crate) fn reach_in_plane(&self) -> [[f64; 2]; 2] {
        // Further than a densified edge is long, and less than what the limit leaves.
        let more = (2000.0 / self.frame.unit_m).min(20_000_000.0 * self.frame.step);
        let [min_x, min_y, max_x, max_y] = self.bounds;
        [[min_x - more, min_y - more], [max_x + more, max_y + more]]
    }

    fn index(&self, v: f64, axis: usize) -> i32 {
        ((v - self.frame.origin[axis]) / self.frame.step).round() as i32
    }

    /// A ring of the plane on the grid, anticlockwise or clockwise; none where it collapses.
    pub(crate) fn ring_on_grid(&self, ring: &[[f64; 2]], anticlockwise: bool) -> Option<Ring> {
        self.ring(ring, anticlockwise, &Weld::default())
    }

    /// Back to the plane.
    pub(crate) fn ring_in_plane(&self, ring: &[IntPoint]) -> Vec<[f64; 2]> {
        ring.iter().map(|p| self.frame.in_plane([f64::from(p.x), f64::from(p.y)])).collect()
    }

    /// Back to the plane, outer ring first.
    pub(crate) fn polygon_in_plane(&self, shape: &Shape) -> Polygon {
        let mut rings = shape.iter().map(|ring| self.ring_in_plane(ring));
        Polygon { exterior: rings.next().unwrap_or_default(), holes: rings.collect() }
    }

    fn ring(&self, ring: &[[f64; 2]], anticlockwise: bool, weld: &Weld) -> Option<Vec<IntPoint>> {
        let mut points: Vec<IntPoint> =
            ring.iter().map(|p| weld.place(IntPoint::new(self.index(p[0], 0), self.index(p[1], 1)))).collect();
        points.dedup();
        while points.len() > 1 && points.first() == points.last() {
            points.pop();
        }
        if points.len() < 3 {
            return None;
        }
        if (doubled_area(&points) > 0) != anticlockwise {
            points.reverse();
        }
        Some(points)
    }
}

/// A ring that may cross itself as rings that do not. By itself: loops of a ring that run the other way round must not
/// cancel what another ring covers.
fn resolved(ring: Ring, outer: bool) -> Vec<Ring> {
    if ring.len() <= SMALL_RING && is_simple(&ring) {
        return vec![ring];
    }
    let mut rings: Vec<Ring> = union(std::iter::once(&ring)).into_iter().flatten().collect();
    if !outer {
        for ring in &mut rings {
            ring.reverse();
        }
    }
    rings
}

/// Area of shapes: the plane's exactly, the ground's by its integral.
pub(crate) fn area_of<'r>(rings: impl Iterator<Item = &'r Ring>, ruler: &Ruler<'_>) -> Area {
    let mut doubled = 0;
    let mut beyond_m2 = 0.0;
    for ring in rings {
        doubled += doubled_area(ring);
        if let Some(ground) = ruler.ground {
            let place = |p: &IntPoint| ruler.frame.in_plane([f64::from(p.x), f64::from(p.y)]);
            let next = ring.iter().cycle().skip(1);
            beyond_m2 += ring.iter().zip(next).map(|(a, b)| ground.edge_m2(place(a), place(b))).sum::<f64>();
        }
    }
    let plane_m2 = doubled as f64 / 2.0 * ruler.frame.cell_m2();
    Area { plane_m2, ellipsoidal_m2: if ruler.ground.is_some() { plane_m2 + beyond_m2 } else { 0.0 } }
}

/// The box of rings.
pub(crate) fn bounds_of<'r>(rings: impl Iterator<Item = &'r Ring>) -> IntBox {
    rings.flatten().fold([i32::MAX, i32::MAX, i32::MIN, i32::MIN], |b, p| {
        [b[0].min(p.x), b[1].min(p.y), b[2].max(p.x), b[3].max(p.y)]
    })
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
