//! Valid polygons in tile units: self-crossings untied, collapsed rings gone, winding as version 2 of the specification.
//!
//! Rounding, simplifying and clipping each can make a ring cross or touch itself. `i_overlay` recomputes the area on the
//! integers themselves, so that what comes out is valid as written and needs no second rounding.

use std::collections::HashMap;

use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay::{ContourDirection, IntOverlayOptions, Overlay};
use i_overlay::i_float::int::point::IntPoint;

use super::{TilePoint, doubled_ring_area};

/// Repairs polygons one tile after the other, keeping its buffers.
pub(super) struct Repair {
    overlay: Overlay,
}

impl Repair {
    pub(super) fn new() -> Self {
        let options = IntOverlayOptions {
            // A vertex on a straight border stays: the neighbour may turn there.
            preserve_input_collinear: true,
            preserve_output_collinear: true,
            output_direction: ContourDirection::CounterClockwise,
            min_output_area: 0,
            // Its OGC extraction winds holes at touching vertices wrongly (4.5); `split_at_touches` does that part.
            ogc: false,
        };
        Self { overlay: Overlay::new_custom(64, options, i_overlay::core::solver::Solver::default()) }
    }

    /// The area of some polygons (outer rings positive, holes negative) as valid polygons.
    pub(super) fn polygons(&mut self, polygons: &[Vec<Vec<TilePoint>>]) -> Vec<Vec<Vec<TilePoint>>> {
        let contours: Vec<Vec<IntPoint>> =
            polygons.iter().flatten().map(|ring| ring.iter().map(|&[x, y]| IntPoint { x, y }).collect()).collect();
        if contours.is_empty() {
            return Vec::new();
        }
        // Positive: a hole that came to lie outside its polygon must not turn into a sliver of area.
        let shapes = self.overlay.simplify_shape(&contours, FillRule::Positive).unwrap_or_else(|| vec![contours]);
        let mut repaired = Vec::with_capacity(shapes.len());
        for shape in shapes {
            // The rings may touch themselves; taken apart there, outer loops keep their winding and so do holes.
            let mut loops: Vec<Vec<TilePoint>> = Vec::new();
            for contour in shape {
                split_at_touches(contour.iter().map(|p| [p.x, p.y]), &mut loops);
            }
            let (outers, holes): (Vec<_>, Vec<_>) = loops
                .into_iter()
                .filter(|ring| doubled_ring_area(ring) != 0)
                .partition(|ring| doubled_ring_area(ring) > 0);
            let first = repaired.len();
            repaired.extend(outers.into_iter().map(|outer| vec![outer]));
            for hole in holes {
                let home = repaired[first..].iter().position(|polygon| encloses(&polygon[0], &hole));
                if let Some(home) = home {
                    repaired[first + home].push(hole);
                }
            }
        }
        repaired
    }
}

/// Takes a closed contour apart at every vertex it passes twice.
fn split_at_touches(contour: impl Iterator<Item = TilePoint>, loops: &mut Vec<Vec<TilePoint>>) {
    let mut path: Vec<TilePoint> = Vec::new();
    let mut place: HashMap<TilePoint, usize> = HashMap::new();
    for point in contour {
        if let Some(&start) = place.get(&point) {
            let loop_points: Vec<_> = path.drain(start..).collect();
            for gone in &loop_points {
                place.remove(gone);
            }
            if loop_points.len() > 2 {
                loops.push(loop_points);
            }
        }
        place.insert(point, path.len());
        path.push(point);
    }
    if path.len() > 2 {
        loops.push(path);
    }
}

/// Whether a hole, which may touch but not cross the outer ring, lies in it: an edge's middle is never on the ring.
fn encloses(outer: &[TilePoint], hole: &[TilePoint]) -> bool {
    let Some((&last, &first)) = hole.last().zip(hole.first()) else {
        return false;
    };
    // In half units, so that the middle is exact.
    let [x, y] = [0, 1].map(|axis| i64::from(last[axis]) + i64::from(first[axis]));
    let mut inside = false;
    let mut previous = outer.last().map_or([0, 0], |p| p.map(|v| 2 * i64::from(v)));
    for point in outer {
        let point = point.map(|v| 2 * i64::from(v));
        if (point[1] > y) != (previous[1] > y) {
            let side = (previous[0] - point[0]) * (y - point[1]) - (x - point[0]) * (previous[1] - point[1]);
            inside ^= (side > 0) == (previous[1] > point[1]);
        }
        previous = point;
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Area as _, Validation as _};
    use proptest::prelude::*;

    fn geo_polygon(polygon: &[Vec<TilePoint>]) -> geo::Polygon<f64> {
        let mut rings = polygon.iter().map(|ring| {
            ring.iter().map(|p| geo::Coord { x: f64::from(p[0]), y: f64::from(p[1]) }).collect::<geo::LineString<f64>>()
        });
        let outer = rings.next().unwrap_or_else(|| geo::LineString::new(vec![]));
        geo::Polygon::new(outer, rings.collect())
    }

    #[test]
    fn good_polygon_with_a_hole_comes_out_as_it_went_in() {
        let outer = vec![[0, 0], [100, 0], [100, 100], [0, 100]];
        let hole = vec![[10, 10], [10, 20], [20, 20], [20, 10]];
        let repaired = Repair::new().polygons(&[vec![outer, hole]]);
        assert_eq!(repaired.len(), 1);
        assert_eq!(doubled_ring_area(&repaired[0][0]), 20_000);
        assert_eq!(doubled_ring_area(&repaired[0][1]), -200);
    }

    #[test]
    fn hole_outside_its_polygon_adds_no_area() {
        let outer = vec![[0, 0], [100, 0], [100, 100], [0, 100]];
        let hole = vec![[200, 10], [200, 20], [220, 20], [220, 10]];
        let repaired = Repair::new().polygons(&[vec![outer, hole]]);
        assert_eq!(repaired, Repair::new().polygons(&[repaired[0].clone()]));
        assert_eq!(repaired[0].len(), 1);
    }

    #[test]
    fn edges_along_the_clip_box_and_back_are_cut_apart() {
        // A comb whose two teeth are joined by a zero-width bridge, as Sutherland-Hodgman leaves it.
        let comb = vec![[0, 0], [100, 0], [100, 10], [0, 10], [0, 50], [100, 50], [100, 60], [0, 60]];
        let repaired = Repair::new().polygons(&[vec![comb]]);
        assert_eq!(repaired.len(), 2);
    }

    proptest! {
        #[test]
        fn whatever_goes_in_what_comes_out_is_valid_and_wound_by_the_specification(
            ring in prop::collection::vec([-20_i32..80, -20_i32..80], 3..40),
            hole in prop::collection::vec([0_i32..60, 0_i32..60], 3..10),
        ) {
            for polygon in Repair::new().polygons(&[vec![ring.clone(), hole.clone()]]) {
                let shape = geo_polygon(&polygon);
                prop_assert!(shape.is_valid(), "{:?}: {:?}", shape.validation_errors(), polygon);
                prop_assert!(doubled_ring_area(&polygon[0]) > 0);
                for hole in &polygon[1..] {
                    prop_assert!(doubled_ring_area(hole) < 0);
                }
                prop_assert!(shape.unsigned_area() > 0.0);
            }
        }
    }
}
