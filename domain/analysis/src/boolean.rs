//! Shapes on the integer grid and the engine that joins and cuts them.

use i_overlay::{
    core::{
        fill_rule::FillRule,
        overlay::{IntOverlayOptions, Overlay as Engine, ShapeType},
        overlay_rule::OverlayRule,
        solver::Solver,
    },
    i_float::int::point::IntPoint,
};

use crate::{pieces, snap::doubled_area};

/// A closed line, not repeated at its end.
pub(crate) type Ring = Vec<IntPoint>;
/// An outer ring, anticlockwise, and its holes, clockwise; its inside is in one piece.
pub(crate) type Shape = Vec<Ring>;

/// Runs the engine: rings of the subject against rings of the clip.
pub(crate) fn run<'r>(
    subject: impl Iterator<Item = &'r Ring> + Clone,
    clip: impl Iterator<Item = &'r Ring> + Clone,
    rule: OverlayRule,
) -> Vec<Shape> {
    let capacity = subject.clone().chain(clip.clone()).map(Vec::len).sum();
    // Collinear corners stay for now: one of them may be where another ring touches.
    let options = IntOverlayOptions { preserve_output_collinear: true, ..IntOverlayOptions::default() };
    let mut engine = Engine::new_custom(capacity, options, Solver::default());
    for ring in subject {
        engine.add_contour(ring, ShapeType::Subject);
    }
    for ring in clip {
        engine.add_contour(ring, ShapeType::Clip);
    }
    // Rings are turned outer left, inner right, so that parts that overlap stay filled.
    pieces::sorted_out(engine.overlay(rule, FillRule::NonZero))
}

/// What rings cover, each place once.
pub(crate) fn union<'r>(rings: impl Iterator<Item = &'r Ring> + Clone) -> Vec<Shape> {
    run(rings, std::iter::empty(), OverlayRule::Subject)
}

/// What two regions share.
pub(crate) fn intersection(a: &[Shape], b: &[Shape]) -> Vec<Shape> {
    if a.is_empty() || b.is_empty() {
        return Vec::new();
    }
    run(a.iter().flatten(), b.iter().flatten(), OverlayRule::Intersect)
}

/// What the first region has beyond the second.
pub(crate) fn difference(a: &[Shape], b: &[Shape]) -> Vec<Shape> {
    if a.is_empty() || b.is_empty() {
        return a.to_vec();
    }
    run(a.iter().flatten(), b.iter().flatten(), OverlayRule::Difference)
}

/// Twice the area of a shape in cells of the grid.
pub(crate) fn doubled(shape: &Shape) -> i128 {
    shape.iter().map(|ring| doubled_area(ring)).sum()
}

/// Whether a single ring neither crosses nor touches itself: then it needs no resolving.
pub(crate) fn is_simple(ring: &Ring) -> bool {
    let n = ring.len();
    let edge = |i: usize| (ring[i], ring[(i + 1) % n]);
    for i in 0..n {
        let (a, b) = edge(i);
        for j in i + 1..n {
            let (c, d) = edge(j);
            if a.x.min(b.x) > c.x.max(d.x)
                || c.x.min(d.x) > a.x.max(b.x)
                || a.y.min(b.y) > c.y.max(d.y)
                || c.y.min(d.y) > a.y.max(b.y)
            {
                continue;
            }
            if j == i + 1 || (i == 0 && j + 1 == n) {
                // Neighbours share a corner; they must not fold back on each other.
                let (before, corner, after) = if j == i + 1 { (a, b, d) } else { (c, a, b) };
                if turn(before, corner, after) == 0 && goes_back(before, corner, after) {
                    return false;
                }
                continue;
            }
            let sides =
                (turn(a, b, c).signum() * turn(a, b, d).signum(), turn(c, d, a).signum() * turn(c, d, b).signum());
            if sides.0 <= 0 && sides.1 <= 0 {
                return false;
            }
        }
    }
    true
}

fn turn(a: IntPoint, b: IntPoint, c: IntPoint) -> i64 {
    let [ax, ay, bx, by, cx, cy] = [a.x, a.y, b.x, b.y, c.x, c.y].map(i64::from);
    (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
}

fn goes_back(a: IntPoint, b: IntPoint, c: IntPoint) -> bool {
    let [ax, ay, bx, by, cx, cy] = [a.x, a.y, b.x, b.y, c.x, c.y].map(i128::from);
    (bx - ax) * (cx - bx) + (by - ay) * (cy - by) < 0
}
