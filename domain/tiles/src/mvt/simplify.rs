//! How much each vertex matters: the tolerance from which it may go, the same for everyone who shares it.
//!
//! Borders are cut at junctions (where the neighbours of a vertex differ between the rings through it) and at the ends
//! of lines. Between junctions a border is one arc, and its vertices get their Douglas-Peucker tolerances from the arc
//! alone, taken in one canonical direction. Two neighbours therefore always keep the same vertices: no gaps, no overlaps.
//!
//! The arcs are found by identical vertices, so the input must already be on one grid. Borders that do not share their
//! vertices (one side has a vertex more) are simplified each by itself, within the tolerance.

use std::collections::HashMap;

use super::clip::GridPoint;

/// A vertex that never goes.
pub(super) const PINNED: f32 = f32::INFINITY;

/// Arcs are pinned every so many vertices, which bounds the quadratic worst case of Douglas-Peucker.
const MAX_ARC: usize = 4096;

/// A path to weigh: a ring (closed, first vertex not repeated) or a line.
pub(super) struct Path<'a> {
    pub(super) points: &'a [GridPoint],
    pub(super) closed: bool,
}

/// The vertices where arcs meet.
pub(super) struct Junctions {
    vertices: HashMap<GridPoint, Neighbours>,
}

struct Neighbours {
    pair: [GridPoint; 2],
    is_junction: bool,
}

impl Junctions {
    /// Finds the junctions of all paths of a layer.
    pub(super) fn of<'a>(paths: impl Iterator<Item = Path<'a>>) -> Self {
        let mut vertices: HashMap<GridPoint, Neighbours> = HashMap::new();
        for path in paths {
            let count = path.points.len();
            for (index, point) in path.points.iter().enumerate() {
                let is_end = !path.closed && (index == 0 || index + 1 == count);
                let before = path.points[(index + count - 1) % count];
                let after = path.points[(index + 1) % count];
                let pair = if before <= after { [before, after] } else { [after, before] };
                vertices
                    .entry(*point)
                    .and_modify(|known| known.is_junction |= is_end || known.pair != pair)
                    .or_insert(Neighbours { pair, is_junction: is_end });
            }
        }
        Self { vertices }
    }

    fn contains(&self, point: &GridPoint) -> bool {
        self.vertices.get(point).is_none_or(|known| known.is_junction)
    }

    /// The tolerance of each vertex of a path, in the units of its coordinates: it may go when the tolerance of a zoom
    /// is at least that. Junctions are [`PINNED`].
    pub(super) fn weigh(&self, path: &Path<'_>) -> Vec<f32> {
        let points = path.points;
        let count = points.len();
        let mut weights = vec![0.0_f32; count];
        if count < 2 {
            weights.fill(PINNED);
            return weights;
        }
        let mut anchors: Vec<usize> = (0..count).filter(|&index| self.contains(&points[index])).collect();
        if path.closed {
            if anchors.is_empty() {
                // An island: any vertex will do as long as whoever shares the ring takes the same.
                let lowest = (0..count).min_by_key(|&index| points[index]);
                anchors.extend(lowest);
            }
            let first = anchors[0];
            anchors.push(first + count);
        } else {
            anchors.splice(0..0, (anchors.first() != Some(&0)).then_some(0));
            if anchors.last() != Some(&(count - 1)) {
                anchors.push(count - 1);
            }
        }
        for ends in anchors.windows(2) {
            let mut arc: Vec<usize> = (ends[0]..=ends[1]).map(|index| index % count).collect();
            if is_backwards(&arc, points) {
                arc.reverse();
            }
            weigh_arc(&arc, points, &mut weights);
        }
        weights
    }
}

/// Whether the arc reads smaller from its other end.
fn is_backwards(arc: &[usize], points: &[GridPoint]) -> bool {
    let forwards = arc.iter().map(|&index| points[index]);
    let backwards = arc.iter().rev().map(|&index| points[index]);
    forwards.gt(backwards)
}

fn weigh_arc(arc: &[usize], points: &[GridPoint], weights: &mut [f32]) {
    let mut start = 0;
    while start + 1 < arc.len() {
        let end = (start + MAX_ARC).min(arc.len() - 1);
        weights[arc[start]] = PINNED;
        weights[arc[end]] = PINNED;
        weigh_run(&arc[start..=end], points, weights);
        start = end;
    }
}

/// Douglas-Peucker over one run whose ends are pinned; a vertex never outlives the one whose removal exposed it.
fn weigh_run(run: &[usize], points: &[GridPoint], weights: &mut [f32]) {
    let mut spans = vec![(0, run.len() - 1, PINNED)];
    while let Some((first, last, ceiling)) = spans.pop() {
        if last - first < 2 {
            continue;
        }
        let (from, to) = (points[run[first]], points[run[last]]);
        let mut farthest = (first + 1, -1.0);
        for index in first + 1..last {
            let squared = squared_distance(points[run[index]], from, to);
            if squared > farthest.1 {
                farthest = (index, squared);
            }
        }
        let weight = (farthest.1.sqrt() as f32).min(ceiling);
        weights[run[farthest.0]] = weight;
        spans.push((first, farthest.0, weight));
        spans.push((farthest.0, last, weight));
    }
}

/// Squared distance from a point to a segment.
fn squared_distance(point: GridPoint, from: GridPoint, to: GridPoint) -> f64 {
    let [dx, dy] = [(to[0] - from[0]) as f64, (to[1] - from[1]) as f64];
    let [px, py] = [(point[0] - from[0]) as f64, (point[1] - from[1]) as f64];
    let length = dx * dx + dy * dy;
    if length == 0.0 {
        return px * px + py * py;
    }
    let along = (px * dx + py * dy) / length;
    if along <= 0.0 {
        px * px + py * py
    } else if along >= 1.0 {
        (px - dx).powi(2) + (py - dy).powi(2)
    } else {
        (px * dy - py * dx).powi(2) / length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring(points: &[GridPoint]) -> Path<'_> {
        Path { points, closed: true }
    }

    fn kept(path: &Path<'_>, weights: &[f32], tolerance: f32) -> Vec<GridPoint> {
        path.points.iter().zip(weights).filter(|(_, weight)| **weight > tolerance).map(|(point, _)| *point).collect()
    }

    #[test]
    fn straight_vertices_weigh_nothing_and_corners_what_they_stand_out() {
        let line = Path { points: &[[0, 0], [50, 0], [100, 0], [100, 100]], closed: false };
        let junctions = Junctions::of(std::iter::once(Path { points: line.points, closed: false }));
        let weights = junctions.weigh(&line);
        assert!(weights[0].is_infinite());
        assert!(weights[1] < 1e-6);
        assert!((f64::from(weights[2]) - 5000_f64.sqrt()).abs() < 1e-3);
        assert!(weights[3].is_infinite());
    }

    #[test]
    fn three_parcels_meet_in_a_junction_that_stays() {
        let a = [[0, 0], [10, 0], [10, 5], [10, 10], [0, 10]];
        let b = [[10, 0], [20, 0], [20, 5], [10, 5]];
        let c = [[10, 5], [20, 5], [20, 10], [10, 10]];
        let junctions = Junctions::of([&a[..], &b, &c].map(ring).into_iter());
        let weights = junctions.weigh(&ring(&a));
        assert!(weights[2].is_infinite(), "{weights:?}");
    }

    proptest! {
        /// Two polygons left and right of one random border, the second wound the other way round.
        #[test]
        fn neighbours_keep_the_same_border_at_every_tolerance(
            wiggle in prop::collection::vec(-40_i64..40, 3..60),
            rotate in 0_usize..60,
            tolerance in 0.0_f32..80.0,
        ) {
            let border: Vec<GridPoint> =
                wiggle.iter().zip(0_i64..).map(|(x, i)| [*x, i * 7]).collect();
            let top = border[border.len() - 1];
            let mut left = border.clone();
            left.extend([[-500, top[1]], [-500, 0]]);
            let mut right: Vec<GridPoint> = border.iter().rev().copied().collect();
            right.extend([[500, 0], [500, top[1]]]);
            let turns = rotate % right.len();
            right.rotate_left(turns);
            let junctions = Junctions::of([&left[..], &right].map(ring).into_iter());
            let on_border = |p: &GridPoint| p[0].abs() < 400;
            let mut seen_left: Vec<_> = kept(&ring(&left), &junctions.weigh(&ring(&left)), tolerance);
            let mut seen_right: Vec<_> = kept(&ring(&right), &junctions.weigh(&ring(&right)), tolerance);
            seen_left.retain(on_border);
            seen_right.retain(on_border);
            seen_left.sort_unstable();
            seen_right.sort_unstable();
            prop_assert_eq!(seen_left, seen_right);
        }

        #[test]
        fn an_island_and_the_hole_around_it_keep_the_same_vertices(
            radii in prop::collection::vec(50_i64..100, 5..50),
            rotate in 0_usize..50,
            tolerance in 0.0_f32..60.0,
        ) {
            let island: Vec<GridPoint> = radii.iter().enumerate().map(|(i, r)| {
                let angle = i as f64 / radii.len() as f64 * std::f64::consts::TAU;
                [(*r as f64 * angle.cos()) as i64 , (*r as f64 * angle.sin()) as i64]
            }).collect();
            let mut hole = island.clone();
            hole.reverse();
            let turns = rotate % hole.len();
            hole.rotate_left(turns);
            let junctions = Junctions::of([&island[..], &hole].map(ring).into_iter());
            let mut seen: Vec<_> = kept(&ring(&island), &junctions.weigh(&ring(&island)), tolerance);
            let mut seen_hole: Vec<_> = kept(&ring(&hole), &junctions.weigh(&ring(&hole)), tolerance);
            seen.sort_unstable();
            seen_hole.sort_unstable();
            prop_assert_eq!(seen, seen_hole);
        }

        #[test]
        fn what_goes_is_within_the_tolerance_of_what_stays(
            points in prop::collection::vec([0_i64..1000, 0_i64..1000], 3..80),
            tolerance in 1.0_f32..200.0,
        ) {
            let path = Path { points: &points, closed: false };
            let junctions = Junctions::of(std::iter::once(Path { points: &points, closed: false }));
            let rest = kept(&path, &junctions.weigh(&path), tolerance);
            for point in &points {
                let nearest = rest.windows(2)
                    .map(|s| squared_distance(*point, s[0], s[1]))
                    .fold(f64::INFINITY, f64::min);
                prop_assert!(nearest.sqrt() <= f64::from(tolerance) * 1.0001 || rest.contains(point));
            }
        }
    }
}
