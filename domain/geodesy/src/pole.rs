//! The pole of inaccessibility of a polygon: the point inside that is furthest from every edge, where a label stands best.
//!
//! Plane geometry in whatever unit the caller has (tile units, pixels, metres); nothing here knows the Earth.
//! A quadtree search, best cell first (after Garcia-Castellanos & Lombardo 2007, "Poles of inaccessibility"), that starts
//! from a point surely inside: a hair-thin river is labelled on the river, however few probes are spent on it.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Distances measured for one polygon at most: an outline of a hundred thousand vertices stays affordable.
const MOST_PROBES: u32 = 256;
/// The search ends when nothing deeper by this share can be left.
const GOOD_ENOUGH: f64 = 0.1;
/// Cells along the longer side at the start, at most.
const MOST_CELLS: f64 = 24.0;

/// The deepest point found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pole {
    /// Where it is.
    pub at: [f64; 2],
    /// Its distance to the nearest edge.
    pub depth: f64,
}

/// A square of the search, by its middle.
struct Cell {
    at: [f64; 2],
    half: f64,
    depth: f64,
}

impl Cell {
    /// No point of the cell lies deeper.
    fn deepest_possible(&self) -> f64 {
        self.depth + self.half * std::f64::consts::SQRT_2
    }
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Cell {}

impl PartialOrd for Cell {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Cell {
    fn cmp(&self, other: &Self) -> Ordering {
        self.deepest_possible().total_cmp(&other.deepest_possible())
    }
}

/// The pole of the area that `rings` enclose by the even-odd rule, to a tenth of its depth; rings may repeat their first
/// vertex or not. With a `window` `[min_x, min_y, max_x, max_y]` only the part within it counts, and its sides are edges.
/// `None` for an area without inside there, and for coordinates that are not finite.
#[must_use]
pub fn pole_of_inaccessibility<R: AsRef<[[f64; 2]]>>(rings: &[R], window: Option<[f64; 4]>) -> Option<Pole> {
    let vertices = || rings.iter().flat_map(AsRef::as_ref);
    if !vertices().flatten().all(|v| v.is_finite()) {
        return None;
    }
    let empty = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    let mut bounds = vertices().fold(empty, |b, [x, y]| [b[0].min(*x), b[1].min(*y), b[2].max(*x), b[3].max(*y)]);
    if let Some(window) = window {
        bounds =
            [bounds[0].max(window[0]), bounds[1].max(window[1]), bounds[2].min(window[2]), bounds[3].min(window[3])];
    }
    let (width, height) = (bounds[2] - bounds[0], bounds[3] - bounds[1]);
    // Nothing at all gives a negative or infinite size.
    if !(width > 0.0 && height > 0.0 && width.is_finite() && height.is_finite()) {
        return None;
    }
    let depth = |at: [f64; 2]| depth_at(rings, window, at);
    let mut best = Pole { at: [0.0; 2], depth: 0.0 };
    if let Some(at) = surely_inside(rings, bounds) {
        best = Pole { at, depth: depth(at) };
    }
    let side = width.min(height).max(width.max(height) / MOST_CELLS);
    let mut cells = BinaryHeap::new();
    let (columns, rows) = ((width / side).ceil() as u32, (height / side).ceil() as u32);
    for row in 0..rows {
        for column in 0..columns {
            let at = [bounds[0] + (f64::from(column) + 0.5) * side, bounds[1] + (f64::from(row) + 0.5) * side];
            cells.push(Cell { at, half: side / 2.0, depth: depth(at) });
        }
    }
    let mut probes = columns * rows;
    while let Some(cell) = cells.pop() {
        if cell.depth > best.depth {
            best = Pole { at: cell.at, depth: cell.depth };
        }
        if probes >= MOST_PROBES || cell.deepest_possible() <= best.depth * (1.0 + GOOD_ENOUGH) {
            break;
        }
        let half = cell.half / 2.0;
        for [dx, dy] in [[-half, -half], [half, -half], [-half, half], [half, half]] {
            let at = [cell.at[0] + dx, cell.at[1] + dy];
            cells.push(Cell { at, half, depth: depth(at) });
        }
        probes += 4;
    }
    (best.depth > 0.0).then_some(best)
}

/// The middle of the widest run inside along a few level lines.
fn surely_inside<R: AsRef<[[f64; 2]]>>(rings: &[R], [min_x, min_y, max_x, max_y]: [f64; 4]) -> Option<[f64; 2]> {
    let mut widest: Option<([f64; 2], f64)> = None;
    for share in [0.5, 0.25, 0.75] {
        let y = min_y + (max_y - min_y) * share;
        let mut crossings: Vec<f64> = Vec::new();
        for_each_edge(rings, |a, b| {
            if (a[1] > y) != (b[1] > y) {
                crossings.push((b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]);
            }
        });
        crossings.sort_by(f64::total_cmp);
        for run in crossings.chunks_exact(2) {
            let (from, to) = (run[0].max(min_x), run[1].min(max_x));
            if to - from > widest.map_or(0.0, |(_, width)| width) {
                widest = Some(([f64::midpoint(from, to), y], to - from));
            }
        }
    }
    widest.map(|(at, _)| at)
}

/// Distance to the nearest edge, negative outside.
fn depth_at<R: AsRef<[[f64; 2]]>>(rings: &[R], window: Option<[f64; 4]>, [x, y]: [f64; 2]) -> f64 {
    let mut inside = false;
    let mut nearest_squared = f64::INFINITY;
    for_each_edge(rings, |a, b| {
        if (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0] {
            inside = !inside;
        }
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        let squared = dx * dx + dy * dy;
        let t = if squared > 0.0 { (((x - a[0]) * dx + (y - a[1]) * dy) / squared).clamp(0.0, 1.0) } else { 0.0 };
        let (off_x, off_y) = (a[0] + dx * t - x, a[1] + dy * t - y);
        nearest_squared = nearest_squared.min(off_x * off_x + off_y * off_y);
    });
    let depth = if inside { nearest_squared.sqrt() } else { -nearest_squared.sqrt() };
    window
        .map_or(depth, |[min_x, min_y, max_x, max_y]| depth.min(x - min_x).min(max_x - x).min(y - min_y).min(max_y - y))
}

fn for_each_edge<R: AsRef<[[f64; 2]]>>(rings: &[R], mut visit: impl FnMut([f64; 2], [f64; 2])) {
    for ring in rings {
        let ring = ring.as_ref();
        let Some(mut previous) = ring.last().copied() else { continue };
        for point in ring {
            visit(previous, *point);
            previous = *point;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn square(from: f64, to: f64) -> Vec<[f64; 2]> {
        vec![[from, from], [to, from], [to, to], [from, to], [from, from]]
    }

    #[test]
    fn the_pole_of_a_square_is_its_middle_and_a_hole_pushes_it_away() {
        let pole = pole_of_inaccessibility(&[square(0.0, 10.0)], None).expect("an inside");
        assert!((pole.depth - 5.0).abs() < 0.5, "{pole:?}");
        let holed = pole_of_inaccessibility(&[square(0.0, 10.0), square(2.0, 8.0)], None).expect("an inside");
        assert!((0.9..=1.4).contains(&holed.depth), "{holed:?}: a strip of 2 and its corners are left");
    }

    #[test]
    fn only_what_a_window_shows_counts() {
        let pole = pole_of_inaccessibility(&[square(0.0, 100.0)], Some([90.0, 90.0, 200.0, 200.0])).expect("seen");
        assert!((pole.at[0] - 95.0).abs() < 0.6 && (pole.at[1] - 95.0).abs() < 0.6, "{pole:?}");
        assert_eq!(pole_of_inaccessibility(&[square(0.0, 100.0)], Some([200.0, 0.0, 300.0, 100.0])), None);
    }

    #[test]
    fn a_thin_slanting_strip_is_labelled_on_itself() {
        let strip = vec![[0.0, 0.0], [10_000.0, 9_000.0], [10_000.0, 9_000.5], [0.0, 0.5]];
        let pole = pole_of_inaccessibility(&[&strip], None).expect("an inside");
        assert!(pole.depth > 0.0 && depth_at(&[&strip], None, pole.at) > 0.0, "{pole:?}");
    }

    #[test]
    fn what_has_no_inside_has_no_pole() {
        for ring in
            [vec![], vec![[1.0, 1.0]], vec![[0.0, 0.0], [5.0, 5.0]], vec![[0.0, 0.0], [f64::NAN, 1.0], [2.0, 0.0]]]
        {
            assert_eq!(pole_of_inaccessibility(&[ring], None), None);
        }
    }

    proptest! {
        #[test]
        fn the_pole_is_inside_and_nearly_the_deepest_of_a_raster_of_points(
            radii in prop::collection::vec(1.0_f64..10.0, 5..24)
        ) {
            let count = radii.len() as f64;
            let ring: Vec<[f64; 2]> = (0_u32..)
                .zip(&radii)
                .map(|(index, radius)| {
                    let (sin, cos) = (f64::from(index) / count * std::f64::consts::TAU).sin_cos();
                    [radius * cos, radius * sin]
                })
                .collect();
            let pole = pole_of_inaccessibility(&[&ring], None).expect("a star has an inside");
            prop_assert!((depth_at(&[&ring], None, pole.at) - pole.depth).abs() < 1e-9);
            for row in -20_i32..=20 {
                for column in -20_i32..=20 {
                    let depth = depth_at(&[&ring], None, [f64::from(column) / 2.0, f64::from(row) / 2.0]);
                    prop_assert!(depth <= pole.depth * 1.101 + 1e-9, "{depth} is deeper than {}", pole.depth);
                }
            }
        }
    }
}
