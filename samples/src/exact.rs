//! Makes the areas of a partition's classes exact to the square millimetre by moving border vertices a little.
//! Area flows along a spanning tree of classes, leaves first, each flow through the borders two classes share.

use crate::partition::{OUTSIDE, Partition, PointMm};
use std::collections::BTreeMap;

/// Furthest a vertex may go in one round, in millimetres.
const FURTHEST_MM: f64 = 900.0;
/// Reach of the last fine search, in millimetres.
const FINE_MM: i64 = 36;

/// What a class of faces should measure.
#[derive(Debug)]
pub struct Exactness {
    /// Class of every face.
    pub class_of_face: Vec<usize>,
    /// Wanted double area of every class in square millimetres.
    pub wanted: Vec<i128>,
}

/// Moves vertices until every class has its wanted area; returns what is still missing (double area, square millimetres) per class.
pub fn settle(partition: &mut Partition, exactness: &Exactness) -> Vec<i128> {
    let classes = exactness.wanted.len();
    let mut excess = missing(partition, exactness);
    let borders = partition.borders(exactness.class_of_face.len());
    let mut shared: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for (number, arc) in partition.arcs.iter().enumerate() {
        if arc.left == OUTSIDE || arc.right == OUTSIDE || arc.points.len() < 3 {
            continue;
        }
        let (a, b) = (exactness.class_of_face[arc.left as usize], exactness.class_of_face[arc.right as usize]);
        if a != b {
            shared.entry((a.min(b), a.max(b))).or_default().push(number);
        }
    }
    // A border that could not carry its flow is left out of the next tree.
    for _ in 0..6 {
        let mut choked = Vec::new();
        for (child, parent) in spanning_order(partition, &shared, classes) {
            let key = (child.min(parent), child.max(parent));
            let arcs = shared.get(&key).map_or(&[][..], Vec::as_slice);
            let sent = send(partition, &borders, exactness, arcs, child, excess[child]);
            excess[child] -= sent;
            excess[parent] += sent;
            if excess[child] != 0 {
                choked.push(key);
            }
        }
        if choked.is_empty() {
            break;
        }
        for key in choked {
            shared.remove(&key);
        }
    }
    missing(partition, exactness)
}

fn missing(partition: &Partition, exactness: &Exactness) -> Vec<i128> {
    let mut excess: Vec<i128> = exactness.wanted.iter().map(|wanted| -wanted).collect();
    for (face, area) in partition.double_areas(exactness.class_of_face.len()).into_iter().enumerate() {
        excess[exactness.class_of_face[face]] += area;
    }
    excess
}

/// Classes from the leaves of a widest spanning tree to its root, each with its parent.
fn spanning_order(
    partition: &Partition,
    shared: &BTreeMap<(usize, usize), Vec<usize>>,
    classes: usize,
) -> Vec<(usize, usize)> {
    let mut edges: Vec<(usize, usize, usize)> = shared
        .iter()
        .map(|(&(a, b), arcs)| (arcs.iter().map(|&arc| partition.arcs[arc].points.len() - 2).sum::<usize>(), a, b))
        .collect();
    edges.sort_by_key(|&(width, a, b)| (std::cmp::Reverse(width), a, b));
    let mut group: Vec<usize> = (0..classes).collect();
    let mut links: Vec<Vec<usize>> = vec![Vec::new(); classes];
    for (_, a, b) in &edges {
        let (from, to) = (group[*a], group[*b]);
        if from != to {
            for member in &mut group {
                if *member == from {
                    *member = to;
                }
            }
            links[*a].push(*b);
            links[*b].push(*a);
        }
    }
    let root = edges.first().map_or(0, |edge| edge.1);
    let mut order = Vec::new();
    let mut stack = vec![(root, root)];
    while let Some((at, parent)) = stack.pop() {
        if at != parent {
            order.push((at, parent));
        }
        stack.extend(links[at].iter().filter(|&&next| next != parent).map(|&next| (next, at)));
    }
    order.reverse();
    order
}

/// Takes `amount` of double area away from a class through the given arcs; returns how much went.
fn send(
    partition: &mut Partition,
    borders: &[Vec<u32>],
    exactness: &Exactness,
    arcs: &[usize],
    from: usize,
    amount: i128,
) -> i128 {
    let mut left = amount;
    let places: Vec<(usize, usize)> =
        arcs.iter().flat_map(|&arc| (1..partition.arcs[arc].points.len() - 1).map(move |i| (arc, i))).collect();
    // +1 when the class lies on the right hand of the arc, whose area grows with the shoelace sum.
    let sign = |partition: &Partition, arc: usize| {
        let right = partition.arcs[arc].right;
        if exactness.class_of_face[right as usize] == from { 1_i128 } else { -1 }
    };
    let chord = |partition: &Partition, (arc, i): (usize, usize)| -> PointMm {
        let points = &partition.arcs[arc].points;
        [points[i + 1][0] - points[i - 1][0], points[i + 1][1] - points[i - 1][1]]
    };
    for round in 0..12 {
        // A small rest is moved by few vertices, since a vertex cannot go a fraction of a millimetre.
        let all: f64 = places
            .iter()
            .map(|&place| {
                let c = chord(partition, place);
                (c[0] as f64).hypot(c[1] as f64)
            })
            .sum();
        let stride = ((all * 40.0 / (left.unsigned_abs() as f64 + 1.0)) as usize).clamp(1, places.len().max(1));
        let places: Vec<(usize, usize)> = places.iter().skip(round % stride).step_by(stride).copied().collect();
        let lengths: Vec<f64> = places
            .iter()
            .map(|&place| {
                let c = chord(partition, place);
                (c[0] as f64).hypot(c[1] as f64)
            })
            .collect();
        let total: f64 = lengths.iter().sum();
        if total < 1.0 || left.unsigned_abs() < 300_000 {
            break;
        }
        // Spread evenly: every vertex goes the same way out, no further than allowed.
        let push = (left as f64 / total).clamp(-FURTHEST_MM, FURTHEST_MM);
        let start = left;
        for (&place, length) in places.iter().zip(&lengths) {
            if *length < 500.0 || (left.signum() != start.signum()) {
                continue;
            }
            let c = chord(partition, place);
            let s = sign(partition, place.0) as f64;
            // cross(move, chord) = double area gained on the right; take it away from `from`.
            let along = -s * push / length;
            let step = [(c[1] as f64 * along).round() as i64, (-(c[0] as f64) * along).round() as i64];
            left -= try_move(partition, borders, place, step, sign(partition, place.0));
        }
    }
    if left != 0 {
        left -= finish(partition, borders, &places, left, &sign, &chord);
    }
    amount - left
}

/// Moves one vertex; returns the double area that `from` lost.
fn try_move(
    partition: &mut Partition,
    borders: &[Vec<u32>],
    (arc, i): (usize, usize),
    step: PointMm,
    sign: i128,
) -> i128 {
    let points = &partition.arcs[arc].points;
    let (v, c) = (points[i], [points[i + 1][0] - points[i - 1][0], points[i + 1][1] - points[i - 1][1]]);
    let gained = i128::from(step[0]) * i128::from(c[1]) - i128::from(step[1]) * i128::from(c[0]);
    if partition.move_vertex(borders, arc, i, [v[0] + step[0], v[1] + step[1]]) { -gained * sign } else { 0 }
}

/// Finds small whole-millimetre moves of two vertices that together take exactly `left` away.
fn finish(
    partition: &mut Partition,
    borders: &[Vec<u32>],
    places: &[(usize, usize)],
    left: i128,
    sign: &impl Fn(&Partition, usize) -> i128,
    chord: &impl Fn(&Partition, (usize, usize)) -> PointMm,
) -> i128 {
    let reachable = |partition: &Partition, place: (usize, usize)| {
        let (c, s) = (chord(partition, place), sign(partition, place.0));
        let mut moves: Vec<(i128, PointMm)> = Vec::new();
        for dx in -FINE_MM..=FINE_MM {
            for dy in -FINE_MM..=FINE_MM {
                let gained = i128::from(dx) * i128::from(c[1]) - i128::from(dy) * i128::from(c[0]);
                moves.push((-gained * s, [dx, dy]));
            }
        }
        moves.sort_unstable_by_key(|(lost, step)| (*lost, step[0].abs() + step[1].abs(), step[0], step[1]));
        moves
    };
    // Neighbouring vertices share a chord: take the two from different arcs, or far apart on one.
    for first in 0..places.len().min(24) {
        let a = places[first * places.len() / places.len().min(24)];
        let from_a = reachable(partition, a);
        for second in 0..places.len().min(24) {
            let b = places[(second * places.len() / places.len().min(24) + places.len() / 2) % places.len()];
            if a == b || (a.0 == b.0 && a.1.abs_diff(b.1) < 3) {
                continue;
            }
            let from_b = reachable(partition, b);
            let mut tries = 0;
            for (lost, step_b) in &from_b {
                let need = left - lost;
                let at = from_a.partition_point(|(value, _)| *value < need);
                if from_a.get(at).is_none_or(|(value, _)| *value != need) {
                    continue;
                }
                let step_a = from_a[at].1;
                let gone_a = try_move(partition, borders, a, step_a, sign(partition, a.0));
                if gone_a == need || need == 0 {
                    let gone_b = try_move(partition, borders, b, *step_b, sign(partition, b.0));
                    if gone_a + gone_b == left {
                        return left;
                    }
                    if gone_b == 0 {
                        try_move(partition, borders, a, [-step_a[0], -step_a[1]], sign(partition, a.0));
                    }
                }
                tries += 1;
                if tries > 40 {
                    break;
                }
            }
        }
    }
    0
}
