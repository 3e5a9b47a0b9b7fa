//! One red line against many layers: everything is cut to a window around it and worked out on one integer grid.
//!
//! Differs from the overlay of two layers in that the layers may be huge and only a window matters, and in that all
//! layers of a check share the grid of the red line, whatever else they contain.

use geodesy::{Crs, area};
use i_overlay::{
    core::{
        fill_rule::FillRule,
        overlay::{IntOverlayOptions, Overlay as Engine, ShapeType},
        overlay_rule::OverlayRule,
        solver::Solver,
    },
    i_float::int::point::IntPoint,
};

use crate::{AnalysisError, Polygon, figures::Areas, measure::Measure};

/// Around the red line, so that cuts by the window lie well outside it, metres.
const MARGIN_M: f64 = 100.0;
/// Grid steps, metres: the finest with which the window fits the integers is taken. A hectare's border rounded to the
/// tenth of a millimetre would move its area by more than the hundredth of a square metre that results state.
const STEPS_M: [f64; 4] = [1e-6, 1e-5, 1e-4, 1e-3];
/// Integer coordinates stay below this, so that the engine's products fit 64 bits.
const LIMIT: f64 = (1 << 29) as f64;

/// A shape on the grid: contours, outer ones anticlockwise, holes clockwise.
#[derive(Debug, Clone, Default)]
pub(crate) struct Region {
    contours: Vec<Vec<IntPoint>>,
    /// How many contours each connected piece has.
    pieces: Vec<usize>,
}

impl Region {
    pub(crate) fn is_empty(&self) -> bool {
        self.contours.is_empty()
    }

    /// Connected pieces.
    pub(crate) fn pieces(&self) -> usize {
        self.pieces.len()
    }
}

/// The grid around a red line or a search area.
#[derive(Debug)]
pub(crate) struct Site {
    origin: [f64; 2],
    step: f64,
    unit_m: f64,
    measure: Measure,
    /// `[min x, min y, max x, max y]` in the plane.
    window: [f64; 4],
}

impl Site {
    /// The grid around polygons of a plane.
    pub(crate) fn around<'p>(polygons: impl Iterator<Item = &'p Polygon>, plane: &Crs) -> Result<Self, AnalysisError> {
        if !plane.is_projected() {
            return Err(AnalysisError::NotOnePlane { first: plane.name().to_owned(), second: String::new() });
        }
        let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        for [x, y] in polygons.flat_map(Polygon::rings).flatten() {
            bounds = [bounds[0].min(*x), bounds[1].min(*y), bounds[2].max(*x), bounds[3].max(*y)];
        }
        let unit_m = plane.unit_m();
        let margin = MARGIN_M / unit_m;
        let window = [bounds[0] - margin, bounds[1] - margin, bounds[2] + margin, bounds[3] + margin];
        let reach_m = ((window[2] - window[0]).max(window[3] - window[1]) / 2.0) * unit_m + 1.0;
        let Some(step_m) = STEPS_M.into_iter().find(|step_m| reach_m / step_m < LIMIT) else {
            return Err(AnalysisError::TooLarge { snap_m: STEPS_M[3], smallest_m: reach_m / LIMIT });
        };
        let step = step_m / unit_m;
        // A whole metre near the middle: the same places fall on the same grid points from run to run.
        let origin = [0, 1].map(|axis| (f64::midpoint(window[axis], window[axis + 2]) * unit_m).round() / unit_m);
        Ok(Self { origin, step, unit_m, measure: Measure::new(plane, window)?, window })
    }

    /// The window in the plane.
    pub(crate) fn window(&self) -> [f64; 4] {
        self.window
    }

    /// Metres per unit of the plane.
    pub(crate) fn unit_m(&self) -> f64 {
        self.unit_m
    }

    /// What polygons cover within the window, each place once.
    pub(crate) fn region<'p>(&self, polygons: impl Iterator<Item = &'p Polygon>) -> Region {
        let contours = self.contours(polygons);
        if contours.is_empty() { Region::default() } else { run(&contours, &[], OverlayRule::Subject) }
    }

    /// What a region shares with polygons.
    pub(crate) fn shared<'p>(&self, region: &Region, polygons: impl Iterator<Item = &'p Polygon>) -> Region {
        let contours = self.contours(polygons);
        let Some(bounds) = bounds_of(&contours) else { return Region::default() };
        // Only what lies in the box can be shared: most of a long red line is far from any one parcel.
        let near: Vec<Vec<IntPoint>> =
            region.contours.iter().map(|contour| cut_to_box(contour, bounds)).filter(|cut| cut.len() > 2).collect();
        if near.is_empty() { Region::default() } else { run(&near, &contours, OverlayRule::Intersect) }
    }

    fn contours<'p>(&self, polygons: impl Iterator<Item = &'p Polygon>) -> Vec<Vec<IntPoint>> {
        let mut contours = Vec::new();
        for polygon in polygons {
            let Some(exterior) = self.contour(&polygon.exterior, true) else { continue };
            contours.push(exterior);
            contours.extend(polygon.holes.iter().filter_map(|hole| self.contour(hole, false)));
        }
        contours
    }

    /// A ring within the window, on the grid.
    fn contour(&self, ring: &[[f64; 2]], anticlockwise: bool) -> Option<Vec<IntPoint>> {
        // What is not a number is nowhere.
        if !ring.iter().flatten().all(|v| v.is_finite()) {
            return None;
        }
        let signed = area::signed_plane_area(ring);
        let cut = cut_to(ring, self.window);
        let grid = |p: &[f64; 2]| {
            IntPoint::new(
                ((p[0] - self.origin[0]) / self.step).round() as i32,
                ((p[1] - self.origin[1]) / self.step).round() as i32,
            )
        };
        let mut points: Vec<IntPoint> = cut.iter().map(grid).collect();
        points.dedup();
        while points.len() > 1 && points.first() == points.last() {
            points.pop();
        }
        if points.len() < 3 {
            return None;
        }
        if (signed > 0.0) != anticlockwise {
            points.reverse();
        }
        Some(points)
    }

    /// Its areas.
    pub(crate) fn areas(&self, region: &Region) -> Areas {
        let doubled: i128 = region.contours.iter().map(|contour| doubled_area(contour)).sum();
        let step_m = self.step * self.unit_m;
        let plane_m2 = doubled as f64 / 2.0 * step_m * step_m;
        let more_m2: f64 = region.contours.iter().map(|contour| self.measure.ring_m2(&self.ring(contour))).sum();
        Areas { plane_m2, ellipsoidal_m2: plane_m2 + more_m2 }
    }

    /// Its box in the plane.
    pub(crate) fn bounds(&self, region: &Region) -> Option<[f64; 4]> {
        let bounds = bounds_of(&region.contours)?;
        Some([0, 1, 2, 3].map(|i| self.origin[i % 2] + f64::from(bounds[i]) * self.step))
    }

    /// Length of its border in the plane, metres.
    pub(crate) fn border_m(&self, region: &Region) -> f64 {
        let length = |contour: &Vec<IntPoint>| -> f64 {
            let next = contour.iter().cycle().skip(1);
            contour.iter().zip(next).map(|(a, b)| f64::from(a.x - b.x).hypot(f64::from(a.y - b.y))).sum()
        };
        region.contours.iter().map(length).sum::<f64>() * self.step * self.unit_m
    }

    /// Its polygons in the plane.
    pub(crate) fn polygons(&self, region: &Region) -> Vec<Polygon> {
        let mut contours = region.contours.iter();
        let piece = |count: &usize| {
            let mut rings = contours.by_ref().take(*count).map(|contour| self.ring(contour));
            Some(Polygon { exterior: rings.next()?, holes: rings.collect() })
        };
        region.pieces.iter().filter_map(piece).collect()
    }

    fn ring(&self, contour: &[IntPoint]) -> Vec<[f64; 2]> {
        let [x, y] = self.origin;
        contour.iter().map(|p| [x + f64::from(p.x) * self.step, y + f64::from(p.y) * self.step]).collect()
    }
}

/// What two regions share.
pub(crate) fn intersection(a: &Region, b: &Region) -> Region {
    if a.is_empty() || b.is_empty() || !boxes_meet(a, b) {
        return Region::default();
    }
    run(&a.contours, &b.contours, OverlayRule::Intersect)
}

/// What the first has beyond the second.
pub(crate) fn difference(a: &Region, b: &Region) -> Region {
    if a.is_empty() || b.is_empty() || !boxes_meet(a, b) {
        return a.clone();
    }
    run(&a.contours, &b.contours, OverlayRule::Difference)
}

/// What regions cover together.
pub(crate) fn union<'r>(regions: impl Iterator<Item = &'r Region>) -> Region {
    let contours: Vec<Vec<IntPoint>> = regions.flat_map(|region| region.contours.iter().cloned()).collect();
    if contours.is_empty() { Region::default() } else { run(&contours, &[], OverlayRule::Subject) }
}

/// The connected pieces of a region, each for itself.
pub(crate) fn pieces_of(region: &Region) -> Vec<Region> {
    let mut contours = region.contours.iter();
    let piece =
        |count: &usize| Region { contours: contours.by_ref().take(*count).cloned().collect(), pieces: vec![*count] };
    region.pieces.iter().map(piece).collect()
}

fn boxes_meet(a: &Region, b: &Region) -> bool {
    let (Some(a), Some(b)) = (bounds_of(&a.contours), bounds_of(&b.contours)) else { return false };
    a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3]
}

/// `[min x, min y, max x, max y]`.
fn bounds_of(contours: &[Vec<IntPoint>]) -> Option<[i32; 4]> {
    let first = contours.iter().flatten().next()?;
    let start = [first.x, first.y, first.x, first.y];
    let widen = |b: [i32; 4], p: &IntPoint| [b[0].min(p.x), b[1].min(p.y), b[2].max(p.x), b[3].max(p.y)];
    Some(contours.iter().flatten().fold(start, widen))
}

/// A contour cut to a box.
fn cut_to_box(contour: &[IntPoint], bounds: [i32; 4]) -> Vec<IntPoint> {
    let points: Vec<[f64; 2]> = contour.iter().map(|p| [f64::from(p.x), f64::from(p.y)]).collect();
    let cut = cut_to(&points, bounds.map(f64::from));
    cut.iter().map(|p| IntPoint::new(p[0].round() as i32, p[1].round() as i32)).collect()
}

fn run(subject: &[Vec<IntPoint>], clip: &[Vec<IntPoint>], rule: OverlayRule) -> Region {
    let capacity = subject.iter().chain(clip).map(Vec::len).sum();
    let options = IntOverlayOptions { ogc: true, ..IntOverlayOptions::default() };
    let mut engine = Engine::new_custom(capacity, options, Solver::default());
    engine.add_contours(subject, ShapeType::Subject);
    engine.add_contours(clip, ShapeType::Clip);
    let mut region = Region::default();
    for mut shape in engine.overlay(rule, FillRule::NonZero) {
        // OGC mode returns a hole that touches the outer ring the wrong way round (`i_overlay` 4.5.2).
        for (i, contour) in shape.iter_mut().enumerate() {
            if (doubled_area(contour) > 0) != (i == 0) {
                contour.reverse();
            }
        }
        if shape.iter().map(|contour| doubled_area(contour)).sum::<i128>() > 0 {
            region.pieces.push(shape.len());
            region.contours.extend(shape);
        }
    }
    region
}

fn doubled_area(contour: &[IntPoint]) -> i128 {
    let next = contour.iter().cycle().skip(1);
    let product =
        |(a, b): (&IntPoint, &IntPoint)| i128::from(i64::from(a.x) * i64::from(b.y) - i64::from(b.x) * i64::from(a.y));
    contour.iter().zip(next).map(product).sum()
}

/// A ring cut to a box, side by side (Sutherland and Hodgman). Along the box it may run to and fro, which encloses
/// nothing.
fn cut_to(ring: &[[f64; 2]], window: [f64; 4]) -> Vec<[f64; 2]> {
    let mut points = ring.to_vec();
    for side in 0..4 {
        let (axis, limit) = (side % 2, window[side]);
        let within = |p: &[f64; 2]| if side < 2 { p[axis] >= limit } else { p[axis] <= limit };
        if points.iter().all(within) {
            continue;
        }
        let mut cut = Vec::with_capacity(points.len() + 4);
        for (a, b) in points.iter().zip(points.iter().cycle().skip(1)) {
            if within(a) {
                cut.push(*a);
            }
            if within(a) != within(b) {
                let t = (limit - a[axis]) / (b[axis] - a[axis]);
                let mut point = [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
                point[axis] = limit;
                cut.push(point);
            }
        }
        points = cut;
    }
    points
}
