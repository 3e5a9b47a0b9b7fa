//! From loose edges to polygons as the simple-features standard wants them (OGC 06-103r4, 6.1.11): rings that meet no
//! corner twice, insides in one piece, every hole in the polygon that holds it.
//!
//! The engine (`i_overlay` 4.5.2) splits edges well and knows what lies on either side of each, but puts them together
//! badly: its OGC mode gives touching holes to the wrong polygon, and without that mode real red lines against farmland
//! made it collect corners without end. So only its edges are used and walked here, turning left as sharply as
//! possible at every corner, which goes round one piece at a time and always ends.

use std::collections::BTreeMap;

use i_overlay::i_float::int::point::IntPoint;

use crate::{
    boolean::{Ring, Shape, doubled},
    shared::IntBox,
    snap::{bounds_of, doubled_area},
};

/// An edge with the inside on its left.
pub(crate) type DirectedEdge = (IntPoint, IntPoint);

/// The polygons that edges go round.
pub(crate) fn polygons(mut edges: Vec<DirectedEdge>) -> Vec<Shape> {
    edges.sort_unstable_by_key(|(a, b)| (a.x, a.y, b.x, b.y));
    let leaving = |at: IntPoint| {
        let first = edges.partition_point(|(a, _)| (a.x, a.y) < (at.x, at.y));
        let count = edges[first..].iter().take_while(|(a, _)| *a == at).count();
        first..first + count
    };
    let mut shared: Vec<IntPoint> =
        edges.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[0].0).collect();
    shared.dedup();
    let mut used = vec![false; edges.len()];
    let mut shapes: Vec<Shape> = Vec::new();
    let mut holes: Vec<Ring> = Vec::new();
    for start in 0..edges.len() {
        if used[start] {
            continue;
        }
        let mut walk: Ring = Vec::new();
        let mut at = start;
        while !used[at] {
            used[at] = true;
            let (before, corner) = edges[at];
            walk.push(before);
            let choice = leaving(corner).filter(|next| !used[*next] || *next == start);
            let sharpest = choice.max_by(|a, b| {
                let turn = |next: usize| sharpness(before, corner, edges[next].1);
                turn(*a).cmp(&turn(*b))
            });
            let Some(next) = sharpest else { break };
            at = next;
        }
        let (outer, inner): (Vec<Ring>, Vec<Ring>) =
            cut_at_repeats(&walk).into_iter().partition(|ring| doubled_area(ring) > 0);
        if outer.len() == 1 {
            shapes.push(outer.into_iter().chain(inner).collect());
        } else {
            shapes.extend(outer.into_iter().map(|ring| vec![ring]));
            holes.extend(inner);
        }
    }
    let mut shapes = with_holes(shapes, holes);
    for ring in shapes.iter_mut().flatten() {
        straighten(ring, &shared);
    }
    for shape in &mut shapes {
        shape.retain(|ring| ring.len() > 2);
    }
    shapes.retain(|shape| doubled(shape) > 0);
    shapes
}

fn is_shared(shared: &[IntPoint], point: IntPoint) -> bool {
    shared.binary_search_by_key(&(point.x, point.y), |p| (p.x, p.y)).is_ok()
}

/// Leaves out corners on a straight line, unless rings meet there.
fn straighten(ring: &mut Ring, shared: &[IntPoint]) {
    let n = ring.len();
    let keep: Vec<bool> = (0..n)
        .map(|i| {
            let (before, at, after) = (ring[(i + n - 1) % n], ring[i], ring[(i + 1) % n]);
            turn(before, at, after) != 0 || is_shared(shared, at)
        })
        .collect();
    let mut keep = keep.into_iter();
    ring.retain(|_| keep.next().unwrap_or(true));
}

fn turn(a: IntPoint, b: IntPoint, c: IntPoint) -> i64 {
    let [ax, ay, bx, by, cx, cy] = [a.x, a.y, b.x, b.y, c.x, c.y].map(i64::from);
    (bx - ax) * (cy - by) - (cx - bx) * (by - ay)
}

/// How sharply to the left a walk turns, in an order that needs no angles: behind the left shoulder is most.
fn sharpness(before: IntPoint, corner: IntPoint, after: IntPoint) -> Turn {
    let [bx, by, cx, cy, ax, ay] = [before.x, before.y, corner.x, corner.y, after.x, after.y].map(i64::from);
    let along = [cx - bx, cy - by];
    Turn { along, out: [ax - cx, ay - cy] }
}

/// A direction out of a corner, against the direction into it.
struct Turn {
    along: [i64; 2],
    out: [i64; 2],
}

impl Turn {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let cross =
            |a: [i64; 2], b: [i64; 2]| i128::from(a[0]) * i128::from(b[1]) - i128::from(a[1]) * i128::from(b[0]);
        // Left of the way in, straight on, right of it.
        let side = |turn: &Self| cross(turn.along, turn.out).signum();
        side(self).cmp(&side(other)).then_with(|| cross(other.out, self.out).cmp(&0))
    }
}

/// Splits a closed walk into rings that visit no corner twice.
fn cut_at_repeats(walk: &[IntPoint]) -> Vec<Ring> {
    let mut rings = Vec::new();
    let mut open: Ring = Vec::with_capacity(walk.len());
    let mut seen: BTreeMap<(i32, i32), usize> = BTreeMap::new();
    for point in walk {
        if let Some(&from) = seen.get(&(point.x, point.y)) {
            let part: Ring = open.drain(from..).collect();
            for p in &part {
                seen.remove(&(p.x, p.y));
            }
            rings.push(part);
        }
        seen.insert((point.x, point.y), open.len());
        open.push(*point);
    }
    rings.push(open);
    rings.retain(|ring| ring.len() > 2 && doubled_area(ring) != 0);
    rings
}

/// Puts holes into the smallest polygon that holds them.
fn with_holes(mut shapes: Vec<Shape>, holes: Vec<Ring>) -> Vec<Shape> {
    let outlines: Vec<(IntBox, i128)> =
        shapes.iter().map(|shape| (bounds_of(shape.iter().take(1)), doubled_area(&shape[0]))).collect();
    for hole in holes {
        let bounds = bounds_of(std::iter::once(&hole));
        let owner = (0..shapes.len())
            .filter(|i| {
                let outer = outlines[*i].0;
                outer[0] <= bounds[0] && outer[1] <= bounds[1] && outer[2] >= bounds[2] && outer[3] >= bounds[3]
            })
            .filter(|i| holds(&shapes[*i][0], &hole))
            .min_by_key(|i| outlines[*i].1);
        if let Some(owner) = owner {
            shapes[owner].push(hole);
        }
    }
    shapes
}

/// Whether a ring holds another, which may touch it at corners but shares no edge with it.
fn holds(outer: &Ring, inner: &Ring) -> bool {
    // Twice the middle of an edge, which is on no corner.
    let [x, y] = [i64::from(inner[0].x) + i64::from(inner[1].x), i64::from(inner[0].y) + i64::from(inner[1].y)];
    let mut inside = false;
    for (a, b) in outer.iter().zip(outer.iter().cycle().skip(1)) {
        let [ax, ay, bx, by] = [a.x, a.y, b.x, b.y].map(|v| 2 * i64::from(v));
        if (ay > y) != (by > y) {
            let cross = i128::from(bx - ax) * i128::from(y - ay) - i128::from(x - ax) * i128::from(by - ay);
            inside ^= (cross > 0) == (by > ay);
        }
    }
    inside
}
