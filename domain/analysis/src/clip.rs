//! One red line against many layers: everything is cut to a window around it and worked out on one integer grid.
//!
//! Differs from the overlay of two layers in that the layers may be huge and only a window matters, and in that all
//! layers of a check share the grid of the red line, whatever else they contain.

use geodesy::{Crs, area};
use i_overlay::i_float::int::point::IntPoint;

use crate::{
    AnalysisError, Polygon,
    boolean::{self, Ring, Shape, doubled},
    figures::Areas,
    measure::Measure,
    shared::{IntBox, meet},
    snap,
};

/// Around the red line, so that cuts by the window lie well outside it, metres.
const MARGIN_M: f64 = 100.0;
/// Grid steps, metres: the finest with which the window fits the integers is taken. A hectare's border rounded to the
/// tenth of a millimetre would move its area by more than the hundredth of a square metre that results state.
const STEPS_M: [f64; 4] = [1e-6, 1e-5, 1e-4, 1e-3];
/// Integer coordinates stay below this, so that the engine's products fit 64 bits.
const LIMIT: f64 = (1 << 29) as f64;

/// Ground on the grid, in connected pieces that do not overlap.
#[derive(Debug, Clone, Default)]
pub(crate) struct Region {
    shapes: Vec<Shape>,
}

impl Region {
    pub(crate) fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }

    /// Connected pieces.
    pub(crate) fn pieces(&self) -> usize {
        self.shapes.len()
    }

    fn rings(&self) -> impl Iterator<Item = &Ring> + Clone {
        self.shapes.iter().flatten()
    }

    fn bounds(&self) -> Option<IntBox> {
        (!self.is_empty()).then(|| snap::bounds_of(self.rings()))
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
        Region { shapes: boolean::union(self.contours(polygons).iter()) }
    }

    /// What a region shares with polygons.
    pub(crate) fn shared<'p>(&self, region: &Region, polygons: impl Iterator<Item = &'p Polygon>) -> Region {
        let contours = self.contours(polygons);
        if contours.is_empty() {
            return Region::default();
        }
        let bounds = snap::bounds_of(contours.iter());
        // Only what lies in the box can be shared: most of a long red line is far from any one parcel.
        let near: Vec<Ring> =
            region.rings().map(|contour| cut_to_box(contour, bounds)).filter(|cut| cut.len() > 2).collect();
        if near.is_empty() {
            return Region::default();
        }
        Region { shapes: boolean::run(near.iter(), contours.iter(), boolean::Rule::Intersect) }
    }

    fn contours<'p>(&self, polygons: impl Iterator<Item = &'p Polygon>) -> Vec<Ring> {
        let mut contours = Vec::new();
        for polygon in polygons {
            let Some(exterior) = self.contour(&polygon.exterior, true) else { continue };
            contours.push(exterior);
            contours.extend(polygon.holes.iter().filter_map(|hole| self.contour(hole, false)));
        }
        contours
    }

    /// A ring within the window, on the grid.
    fn contour(&self, ring: &[[f64; 2]], anticlockwise: bool) -> Option<Ring> {
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
        let step_m = self.step * self.unit_m;
        let plane_m2 = region.shapes.iter().map(doubled).sum::<i128>() as f64 / 2.0 * step_m * step_m;
        let more_m2: f64 = region.rings().map(|contour| self.measure.ring_m2(&self.ring(contour))).sum();
        Areas { plane_m2, ellipsoidal_m2: plane_m2 + more_m2 }
    }

    /// Its box in the plane.
    pub(crate) fn bounds(&self, region: &Region) -> Option<[f64; 4]> {
        let bounds = region.bounds()?;
        Some([0, 1, 2, 3].map(|i| self.origin[i % 2] + f64::from(bounds[i]) * self.step))
    }

    /// Length of its border in the plane, metres.
    pub(crate) fn border_m(&self, region: &Region) -> f64 {
        let length = |contour: &Ring| -> f64 {
            let next = contour.iter().cycle().skip(1);
            contour.iter().zip(next).map(|(a, b)| f64::from(a.x - b.x).hypot(f64::from(a.y - b.y))).sum()
        };
        region.rings().map(length).sum::<f64>() * self.step * self.unit_m
    }

    /// Its polygons in the plane.
    pub(crate) fn polygons(&self, region: &Region) -> Vec<Polygon> {
        let polygon = |shape: &Shape| {
            let mut rings = shape.iter().map(|contour| self.ring(contour));
            Some(Polygon { exterior: rings.next()?, holes: rings.collect() })
        };
        region.shapes.iter().filter_map(polygon).collect()
    }

    fn ring(&self, contour: &[IntPoint]) -> Vec<[f64; 2]> {
        let [x, y] = self.origin;
        contour.iter().map(|p| [x + f64::from(p.x) * self.step, y + f64::from(p.y) * self.step]).collect()
    }
}

/// What two regions share.
pub(crate) fn intersection(a: &Region, b: &Region) -> Region {
    if boxes_meet(a, b) { Region { shapes: boolean::intersection(&a.shapes, &b.shapes) } } else { Region::default() }
}

/// What the first has beyond the second.
pub(crate) fn difference(a: &Region, b: &Region) -> Region {
    if boxes_meet(a, b) { Region { shapes: boolean::difference(&a.shapes, &b.shapes) } } else { a.clone() }
}

/// What regions cover together.
pub(crate) fn union<'r>(regions: impl Iterator<Item = &'r Region> + Clone) -> Region {
    Region { shapes: boolean::union(regions.flat_map(Region::rings)) }
}

/// The connected pieces of a region, each for itself.
pub(crate) fn pieces_of(region: &Region) -> Vec<Region> {
    region.shapes.iter().map(|shape| Region { shapes: vec![shape.clone()] }).collect()
}

fn boxes_meet(a: &Region, b: &Region) -> bool {
    a.bounds().zip(b.bounds()).is_some_and(|(a, b)| meet(a, b))
}

/// A contour cut to a box.
fn cut_to_box(contour: &[IntPoint], bounds: IntBox) -> Ring {
    let points: Vec<[f64; 2]> = contour.iter().map(|p| [f64::from(p.x), f64::from(p.y)]).collect();
    let cut = cut_to(&points, bounds.map(f64::from));
    cut.iter().map(|p| IntPoint::new(p[0].round() as i32, p[1].round() as i32)).collect()
}

/// A ring cut to a box, side by side (Sutherland and Hodgman). Along the box it may run to and fro, which encloses
/// nothing.
fn cut_to(ring: &[[f64; 2]], window: [f64; 4]) -> Vec<[f64; 2]> {
    let mut points = ring.to_vec();
    for (side, limit) in window.into_iter().enumerate() {
        let axis = side % 2;
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

#[cfg(test)]
mod tests {
    use geo::{Area as _, BooleanOps as _, MultiPolygon};
    use proptest::prelude::*;

    use super::*;

    const EAST: f64 = 376_000.0;
    const NORTH: f64 = 3_133_000.0;

    /// A star round a middle, whose corners may reach far: most cross their neighbours.
    fn star(middle: [f64; 2], reaches: &[f64]) -> Vec<[f64; 2]> {
        let step = std::f64::consts::TAU / reaches.len() as f64;
        let corner = |(i, reach): (usize, &f64)| {
            let angle = step * i as f64;
            // Whole decimetres, so that borders meet and run along each other.
            [
                EAST + (middle[0] + reach * angle.cos()).round() / 10.0,
                NORTH + (middle[1] + reach * angle.sin()).round() / 10.0,
            ]
        };
        reaches.iter().enumerate().map(corner).collect()
    }

    /// A star with a hole, a third its size.
    fn holed() -> impl Strategy<Value = Polygon> {
        let middle = [0.0..400.0_f64, 0.0..400.0_f64].prop_map(|middle| middle.map(f64::round));
        (middle, prop::collection::vec(60.0..300.0_f64, 3..14)).prop_map(|(middle, reaches)| Polygon {
            exterior: star(middle, &reaches),
            holes: vec![star(middle, &reaches.iter().map(|reach| reach / 3.0).collect::<Vec<_>>())],
        })
    }

    fn oracle(polygons: &[Polygon]) -> MultiPolygon<f64> {
        let line = |ring: &Vec<[f64; 2]>| ring.iter().map(|p| (p[0] - EAST, p[1] - NORTH)).collect();
        let one =
            |polygon: &Polygon| geo::Polygon::new(line(&polygon.exterior), polygon.holes.iter().map(line).collect());
        let empty = MultiPolygon::new(Vec::new());
        polygons.iter().map(one).fold(empty, |sum, polygon| sum.union(&polygon))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
        #[test]
        fn regions_have_the_areas_of_geo_and_every_hole_lies_in_its_polygon(
            first in prop::collection::vec(holed(), 1..5),
            second in prop::collection::vec(holed(), 1..5),
        ) {
            let plane = Crs::from_epsg(4546).expect("a plane");
            let site = Site::around(first.iter().chain(&second), &plane).expect("a site");
            let (a, b) = (site.region(first.iter()), site.region(second.iter()));
            let (geo_a, geo_b) = (oracle(&first), oracle(&second));
            let both = site.shared(&a, second.iter());
            for (what, region, expected_m2) in [
                ("first", &a, geo_a.unsigned_area()),
                ("second", &b, geo_b.unsigned_area()),
                ("union", &union([&a, &b].into_iter()), geo_a.union(&geo_b).unsigned_area()),
                ("shared", &both, geo_a.intersection(&geo_b).unsigned_area()),
                ("intersection", &intersection(&a, &b), geo_a.intersection(&geo_b).unsigned_area()),
                ("difference", &difference(&a, &b), geo_a.difference(&geo_b).unsigned_area()),
            ] {
                let plane_m2 = site.areas(region).plane_m2;
                prop_assert!((plane_m2 - expected_m2).abs() < 1e-3, "{what}: {plane_m2} {expected_m2}");
                let polygons = site.polygons(region);
                prop_assert_eq!(polygons.len(), region.pieces());
                let mut sum_m2 = 0.0;
                for polygon in &polygons {
                    let outer = geo::Polygon::new(oracle_ring(&polygon.exterior), Vec::new());
                    for hole in &polygon.holes {
                        let hole = geo::Polygon::new(oracle_ring(hole), Vec::new());
                        let inside_m2 = outer.intersection(&hole).unsigned_area();
                        prop_assert!((inside_m2 - hole.unsigned_area()).abs() < 1e-3, "{what}: a hole outside");
                        sum_m2 -= hole.unsigned_area();
                    }
                    sum_m2 += outer.unsigned_area();
                }
                prop_assert!((sum_m2 - plane_m2).abs() < 1e-3, "{what}: {sum_m2} {plane_m2}");
            }
        }
    }

    fn oracle_ring(ring: &[[f64; 2]]) -> geo::LineString<f64> {
        ring.iter().map(|p| (p[0] - EAST, p[1] - NORTH)).collect()
    }
}
