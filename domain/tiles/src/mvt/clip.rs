//! Clipping on the integer grid: polygons by Sutherland-Hodgman, lines by the same four half-planes.
//!
//! A crossing is the exact rational intersection, rounded half up, whichever way the segment runs: two features that
//! share a segment get the same crossing. Clipped rings may run along the box's edge and back; `repair` unties them.

/// A vertex on a zoom's grid, or relative to a tile: x east, y south.
pub(super) type GridPoint = [i64; 2];

/// A closed box: all of `min` to `max`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct GridBox {
    pub(super) min: GridPoint,
    pub(super) max: GridPoint,
}

impl GridBox {
    /// The box of some points, or `None` without points.
    pub(super) fn of<'a>(points: impl IntoIterator<Item = &'a GridPoint>) -> Option<Self> {
        let mut points = points.into_iter();
        let first = *points.next()?;
        let mut hull = Self { min: first, max: first };
        for point in points {
            hull.min = [hull.min[0].min(point[0]), hull.min[1].min(point[1])];
            hull.max = [hull.max[0].max(point[0]), hull.max[1].max(point[1])];
        }
        Some(hull)
    }

    pub(super) fn contains(&self, point: &GridPoint) -> bool {
        (0..2).all(|axis| self.min[axis] <= point[axis] && point[axis] <= self.max[axis])
    }

    pub(super) fn encloses(&self, other: &Self) -> bool {
        self.contains(&other.min) && self.contains(&other.max)
    }

    pub(super) fn touches(&self, other: &Self) -> bool {
        (0..2).all(|axis| self.min[axis] <= other.max[axis] && other.min[axis] <= self.max[axis])
    }

    /// The four half-planes whose intersection is the box.
    fn half_planes(&self) -> [HalfPlane; 4] {
        [(0, true), (0, false), (1, true), (1, false)].map(|(axis, keep_greater)| HalfPlane {
            axis,
            bound: if keep_greater { self.min } else { self.max }[axis],
            keep_greater,
        })
    }
}

#[derive(Debug, Clone, Copy)]
struct HalfPlane {
    axis: usize,
    bound: i64,
    keep_greater: bool,
}

impl HalfPlane {
    fn keeps(&self, point: &GridPoint) -> bool {
        if self.keep_greater { point[self.axis] >= self.bound } else { point[self.axis] <= self.bound }
    }

    /// Where the segment crosses the bound. Its ends must lie on either side.
    fn crossing(&self, a: &GridPoint, b: &GridPoint) -> GridPoint {
        let (low, high) = if a[self.axis] < b[self.axis] { (a, b) } else { (b, a) };
        let other = 1 - self.axis;
        // From the lower end, so that the direction cannot change the rounding; 128 bits, as world-wide spans of
        // zoom 22 are 2^34 units.
        let run = i128::from(high[self.axis]) - i128::from(low[self.axis]);
        let rise = i128::from(high[other]) - i128::from(low[other]);
        let along = i128::from(self.bound) - i128::from(low[self.axis]);
        let offset = (2 * rise * along + run).div_euclid(2 * run);
        let mut point = [self.bound; 2];
        point[other] = low[other] + i64::try_from(offset).unwrap_or(0);
        point
    }
}

/// The part of a ring inside the box; empty when there is none. The first vertex is not repeated.
pub(super) fn clip_ring(ring: &[GridPoint], keep: &GridBox) -> Vec<GridPoint> {
    let mut current = ring.to_vec();
    for plane in keep.half_planes() {
        if current.iter().all(|point| plane.keeps(point)) {
            continue;
        }
        let mut next = Vec::with_capacity(current.len());
        let Some(mut previous) = current.last() else {
            break;
        };
        for point in &current {
            if plane.keeps(previous) != plane.keeps(point) {
                push_distinct(&mut next, plane.crossing(previous, point));
            }
            if plane.keeps(point) {
                push_distinct(&mut next, *point);
            }
            previous = point;
        }
        if next.len() > 1 && next.first() == next.last() {
            next.pop();
        }
        current = next;
    }
    if current.len() < 3 { Vec::new() } else { current }
}

/// The parts of a line inside the box.
pub(super) fn clip_line(line: &[GridPoint], keep: &GridBox) -> Vec<Vec<GridPoint>> {
    let mut parts = vec![line.to_vec()];
    for plane in keep.half_planes() {
        let mut next = Vec::with_capacity(parts.len());
        for part in parts {
            if part.iter().all(|point| plane.keeps(point)) {
                next.push(part);
                continue;
            }
            let mut piece: Vec<GridPoint> = Vec::new();
            let mut previous: Option<&GridPoint> = None;
            for point in &part {
                if let Some(before) = previous
                    && plane.keeps(before) != plane.keeps(point)
                {
                    push_distinct(&mut piece, plane.crossing(before, point));
                }
                if plane.keeps(point) {
                    push_distinct(&mut piece, *point);
                } else if !piece.is_empty() {
                    next.push(std::mem::take(&mut piece));
                }
                previous = Some(point);
            }
            next.push(piece);
        }
        parts = next;
    }
    parts.retain(|part| part.len() > 1);
    parts
}

fn push_distinct(points: &mut Vec<GridPoint>, point: GridPoint) {
    if points.last() != Some(&point) {
        points.push(point);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TILE: GridBox = GridBox { min: [-10, -10], max: [110, 110] };

    fn doubled_area(ring: &[GridPoint]) -> i64 {
        (0..ring.len())
            .map(|i| {
                let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
                a[0] * b[1] - b[0] * a[1]
            })
            .sum()
    }

    #[test]
    fn ring_around_the_box_becomes_the_box() {
        let ring = [[-500, -500], [500, -500], [500, 500], [-500, 500]];
        let clipped = clip_ring(&ring, &TILE);
        assert_eq!(doubled_area(&clipped), 2 * 120 * 120);
    }

    #[test]
    fn line_leaving_and_returning_becomes_two_parts_that_end_on_the_edge() {
        let line = [[0, 50], [200, 50], [200, 60], [0, 60]];
        assert_eq!(clip_line(&line, &TILE), [vec![[0, 50], [110, 50]], vec![[110, 60], [0, 60]]]);
    }

    #[test]
    fn line_outside_leaves_nothing() {
        assert!(clip_line(&[[-100, 0], [0, -100]], &TILE).is_empty());
        assert!(clip_line(&[[200, 0], [300, 50]], &TILE).is_empty());
    }

    fn point() -> impl Strategy<Value = GridPoint> {
        [-300_i64..400, -300_i64..400]
    }

    proptest! {
        #[test]
        fn clipped_geometry_stays_in_the_box(ring in prop::collection::vec(point(), 3..12)) {
            prop_assert!(clip_ring(&ring, &TILE).iter().all(|p| TILE.contains(p)));
            prop_assert!(clip_line(&ring, &TILE).iter().flatten().all(|p| TILE.contains(p)));
        }

        #[test]
        fn crossing_does_not_depend_on_the_direction(a in point(), b in point()) {
            let mut backwards = clip_line(&[b, a], &TILE);
            for part in &mut backwards {
                part.reverse();
            }
            prop_assert_eq!(clip_line(&[a, b], &TILE), backwards);
        }

        #[test]
        fn area_of_a_clipped_triangle_is_the_area_of_the_intersection(
            triangle in [point(), point(), point()],
        ) {
            use geo::{Area as _, BooleanOps as _, Coord, Polygon, Rect};
            let polygon = Polygon::new(
                triangle.iter().map(|p| Coord { x: p[0] as f64, y: p[1] as f64 }).collect(),
                vec![],
            );
            let square = Rect::new(Coord { x: -10.0, y: -10.0 }, Coord { x: 110.0, y: 110.0 }).to_polygon();
            let want = polygon.intersection(&square).unsigned_area();
            let got = doubled_area(&clip_ring(&triangle, &TILE)).abs() as f64 / 2.0;
            // Each of the up to six crossings is rounded by half a unit along an edge of at most 120.
            prop_assert!((got - want).abs() <= 6.0 * 120.0 * 0.75, "{} instead of {}", got, want);
        }
    }
}
