//! Shapes on the integer grid and the engine that joins and cuts them.

use i_overlay::{
    core::{
        fill_rule::FillRule,
        overlay::{IntOverlayOptions, Overlay as Engine, ShapeType},
        solver::Solver,
    },
    i_float::int::point::IntPoint,
    vector::edge::{CLIP_LEFT, CLIP_RIGHT, SUBJ_LEFT, SUBJ_RIGHT},
};

use crate::{pieces, snap::doubled_area};

/// A closed line, not repeated at its end.
pub(crate) type Ring = Vec<IntPoint>;
/// An outer ring, anticlockwise, and its holes, clockwise; its inside is in one piece.
pub(crate) type Shape = Vec<Ring>;

/// Which ground is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Of the subject.
    Subject,
    /// Of both.
    Intersect,
    /// Of the subject and not of the clip.
    Difference,
}

impl Rule {
    /// Whether ground is wanted that lies in the subject, in the clip.
    fn wants(self, subject: bool, clip: bool) -> bool {
        match self {
            Self::Subject => subject,
            Self::Intersect => subject && clip,
            Self::Difference => subject && !clip,
        }
    }
}

/// Runs the engine: rings of the subject against rings of the clip.
pub(crate) fn run<'r>(
    subject: impl Iterator<Item = &'r Ring> + Clone,
    clip: impl Iterator<Item = &'r Ring> + Clone,
    rule: Rule,
) -> Vec<Shape> {
    let capacity = subject.clone().chain(clip.clone()).map(Vec::len).sum();
    // The engine's tree, its choice for many edges, loses track where edges run along each other (`i_overlay` 4.5.2: 18
    // loose ends in a union of 69,151 edges of a county's layers); its list does not.
    let mut engine = Engine::new_custom(capacity, IntOverlayOptions::default(), Solver::LIST);
    for ring in subject {
        engine.add_contour(ring, ShapeType::Subject);
    }
    for ring in clip {
        engine.add_contour(ring, ShapeType::Clip);
    }
    // Rings are turned outer left, inner right, so that parts that overlap stay filled.
    let edges = engine.build_separate_vectors(FillRule::NonZero).into_iter().filter_map(|edge| {
        // From west to east (from south to north where upright) the left side is above.
        let side = |subject: u8, clip: u8| rule.wants(edge.fill & subject != 0, edge.fill & clip != 0);
        match (side(SUBJ_LEFT, CLIP_LEFT), side(SUBJ_RIGHT, CLIP_RIGHT)) {
            (true, false) => Some((edge.a, edge.b)),
            (false, true) => Some((edge.b, edge.a)),
            _ => None,
        }
    });
    pieces::polygons(edges.collect())
}

/// What rings cover, each place once.
pub(crate) fn union<'r>(rings: impl Iterator<Item = &'r Ring> + Clone) -> Vec<Shape> {
    run(rings, std::iter::empty(), Rule::Subject)
}

/// What two regions share.
pub(crate) fn intersection(a: &[Shape], b: &[Shape]) -> Vec<Shape> {
    if a.is_empty() || b.is_empty() {
        return Vec::new();
    }
    run(a.iter().flatten(), b.iter().flatten(), Rule::Intersect)
}

/// What the first region has beyond the second.
pub(crate) fn difference(a: &[Shape], b: &[Shape]) -> Vec<Shape> {
    if a.is_empty() || b.is_empty() {
        return a.to_vec();
    }
    run(a.iter().flatten(), b.iter().flatten(), Rule::Difference)
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
