//! Edges of a parcel that cross, found on an integer grid so that the answer is exact.

use rstar::{
    AABB, RTree,
    primitives::{GeomWithData, Rectangle},
};

use super::refused;
use crate::AnalysisError;

/// Pairs of edges with common boxes that are looked at; a real red line has a few a point.
const MAX_PAIRS: usize = 5_000_000;

/// A closed line.
pub(super) struct Line<'l> {
    pub(super) points: &'l [[f64; 2]],
    pub(super) names: &'l [String],
}

/// Two edges that cross or overlap.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Crossing {
    pub(super) rings: [usize; 2],
    /// Names of both ends of both edges.
    pub(super) names: [String; 4],
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Edge {
    ring: usize,
    index: usize,
    from: [i64; 2],
    to: [i64; 2],
}

/// The first crossing. Rings may touch in points; rings of two numbers may share an edge.
pub(super) fn first(rings: &[Line<'_>], step: f64) -> Result<Option<Crossing>, AnalysisError> {
    let Some(origin) = rings.first().and_then(|ring| ring.points.first()).copied() else { return Ok(None) };
    let grid = |p: [f64; 2]| [0, 1].map(|axis| ((p[axis] - origin[axis]) / step).round() as i64);
    let mut edges = Vec::new();
    for (ring, line) in rings.iter().enumerate() {
        for (index, (a, b)) in line.points.iter().zip(line.points.iter().cycle().skip(1)).enumerate() {
            edges.push(Edge { ring, index, from: grid(*a), to: grid(*b) });
        }
    }
    let tree = RTree::bulk_load(
        edges
            .iter()
            .enumerate()
            .map(|(i, edge)| GeomWithData::new(Rectangle::from_corners(edge.from, edge.to), i))
            .collect(),
    );
    let mut pairs = 0;
    for (i, edge) in edges.iter().enumerate() {
        let (min, max) = corners(edge);
        let mut met: Vec<usize> = Vec::new();
        for item in tree.locate_in_envelope_intersecting(&AABB::from_corners(min, max)) {
            pairs += 1;
            if pairs > MAX_PAIRS {
                return Err(refused("界线过于复杂，无法检查", "the boundary is too complicated to check"));
            }
            if item.data > i {
                met.push(item.data);
            }
        }
        met.sort_unstable();
        for other in met {
            let other = &edges[other];
            let neighbours =
                edge.ring == other.ring && are_neighbours(edge.index, other.index, rings[edge.ring].points.len());
            if conflict(edge, other, neighbours) {
                let name = |edge: &Edge, ahead: usize| {
                    let names = rings[edge.ring].names;
                    names[(edge.index + ahead) % names.len()].clone()
                };
                return Ok(Some(Crossing {
                    rings: [edge.ring, other.ring],
                    names: [name(edge, 0), name(edge, 1), name(other, 0), name(other, 1)],
                }));
            }
        }
    }
    Ok(None)
}

fn corners(edge: &Edge) -> ([i64; 2], [i64; 2]) {
    let pick = |f: fn(i64, i64) -> i64| [f(edge.from[0], edge.to[0]), f(edge.from[1], edge.to[1])];
    (pick(i64::min), pick(i64::max))
}

fn are_neighbours(a: usize, b: usize, count: usize) -> bool {
    (a + 1) % count == b || (b + 1) % count == a
}

fn conflict(first: &Edge, second: &Edge, neighbours: bool) -> bool {
    let side = |p: [i64; 2], q: [i64; 2], r: [i64; 2]| {
        let product = |a: i64, b: i64| i128::from(a) * i128::from(b);
        (product(q[0] - p[0], r[1] - p[1]) - product(q[1] - p[1], r[0] - p[0])).signum()
    };
    let sides = [
        side(first.from, first.to, second.from),
        side(first.from, first.to, second.to),
        side(second.from, second.to, first.from),
        side(second.from, second.to, first.to),
    ];
    if sides.iter().all(|s| *s == 0) {
        // On one line: a common stretch, not a common point. Two rings may share an edge.
        return first.ring == second.ring && overlap_on_line(first, second);
    }
    !neighbours && sides[0] * sides[1] < 0 && sides[2] * sides[3] < 0
}

fn overlap_on_line(first: &Edge, second: &Edge) -> bool {
    let axis = usize::from((first.to[0] - first.from[0]).abs() < (first.to[1] - first.from[1]).abs());
    let span = |edge: &Edge| (edge.from[axis].min(edge.to[axis]), edge.from[axis].max(edge.to[axis]));
    let ((a, b), (c, d)) = (span(first), span(second));
    a.max(c) < b.min(d)
}
