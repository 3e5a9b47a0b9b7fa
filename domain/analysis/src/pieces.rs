//! From an engine's contours to polygons as the simple-features standard wants them (OGC 06-103r4, 6.1.11): rings that
//! meet no corner twice, insides in one piece, every hole in the polygon that holds it.
//!
//! The engine (`i_overlay` 4.5.2) has a mode for this, but it gives holes that touch their surroundings to the wrong
//! polygon, turned the wrong way round; real zoning has such holes. So its contours are taken apart at corners that
//! are met more than once and put together again there.

use std::collections::BTreeMap;

use i_overlay::i_float::int::point::IntPoint;

use crate::{
    boolean::{Ring, Shape, doubled},
    shared::IntBox,
    snap::{bounds_of, doubled_area},
};

/// Polygons of an engine's shapes, which keep their collinear corners until here.
pub(crate) fn sorted_out(shapes: Vec<Shape>) -> Vec<Shape> {
    let mut corners: Vec<IntPoint> = shapes.iter().flatten().flatten().copied().collect();
    corners.sort_unstable_by_key(|p| (p.x, p.y));
    let mut shared: Vec<IntPoint> = corners.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    shared.dedup();
    let mut shapes = if shared.is_empty() { shapes } else { rebuilt(shapes, &shared) };
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

/// Takes contours apart where corners are shared and walks them again, turning left as sharply as possible, so that
/// each walk goes round one piece.
fn rebuilt(shapes: Vec<Shape>, shared: &[IntPoint]) -> Vec<Shape> {
    let rings: Vec<Ring> = shapes.into_iter().flatten().collect();
    // Chains between shared corners; a ring without any is done.
    let mut chains: Vec<Vec<IntPoint>> = Vec::new();
    let mut loops: Vec<Ring> = Vec::new();
    for ring in rings {
        let Some(start) = ring.iter().position(|p| is_shared(shared, *p)) else {
            loops.push(ring);
            continue;
        };
        let mut chain = vec![ring[start]];
        for step in 1..=ring.len() {
            let point = ring[(start + step) % ring.len()];
            chain.push(point);
            if is_shared(shared, point) {
                chains.push(std::mem::replace(&mut chain, vec![point]));
            }
        }
    }
    let mut leaving: BTreeMap<(i32, i32), Vec<usize>> = BTreeMap::new();
    for (number, chain) in chains.iter().enumerate() {
        leaving.entry((chain[0].x, chain[0].y)).or_default().push(number);
    }
    let mut used = vec![false; chains.len()];
    let mut attached: Vec<Shape> = Vec::new();
    for start in 0..chains.len() {
        if used[start] {
            continue;
        }
        let mut walk: Vec<IntPoint> = Vec::new();
        let mut at = start;
        while !used[at] {
            used[at] = true;
            let chain = &chains[at];
            walk.extend(&chain[..chain.len() - 1]);
            let (before, corner) = (chain[chain.len() - 2], chain[chain.len() - 1]);
            let next = leaving.get(&(corner.x, corner.y)).into_iter().flatten().copied();
            // A walk that began here ends here: its first chain takes part although it is used.
            let Some(next) = next
                .filter(|n| !used[*n] || *n == start)
                .max_by(|a, b| sharpness(before, corner, chains[*a][1]).cmp(&sharpness(before, corner, chains[*b][1])))
            else {
                break;
            };
            at = next;
        }
        let (outer, inner): (Vec<Ring>, Vec<Ring>) =
            cut_at_repeats(&walk).into_iter().partition(|ring| doubled_area(ring) > 0);
        match outer.len() {
            0 => loops.extend(inner),
            1 => attached.push(outer.into_iter().chain(inner).collect()),
            _ => loops.extend(outer.into_iter().chain(inner)),
        }
    }
    let (outer, inner): (Vec<Ring>, Vec<Ring>) = loops.into_iter().partition(|ring| doubled_area(ring) > 0);
    attached.extend(outer.into_iter().map(|ring| vec![ring]));
    with_holes(attached, inner)
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
