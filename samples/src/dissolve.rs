//! Polygons from a partition: faces of one group become one area, borders inside a group are left out.
//! Rings are simple by construction: a ring that comes back to a vertex is cut there into two.

use crate::partition::{OUTSIDE, Partition, PointMm, Rings, double_area};
use std::collections::BTreeMap;

/// No group: faces that a layer does not show.
pub const HIDDEN: u32 = u32::MAX;

/// The polygons of every group (`group_of_face` below `groups`, or [`HIDDEN`]); holes are in the polygon that contains them.
pub fn polygons(partition: &Partition, group_of_face: &[u32], groups: usize) -> Vec<Vec<Rings>> {
    let group = |face: u32| if face == OUTSIDE { HIDDEN } else { group_of_face[face as usize] };
    // Directed arcs with the group on the right hand (clockwise on a picture with south down).
    let mut directed: Vec<Vec<(usize, bool)>> = vec![Vec::new(); groups];
    for (number, arc) in partition.arcs.iter().enumerate() {
        let (left, right) = (group(arc.left), group(arc.right));
        if left == right {
            continue;
        }
        if right != HIDDEN {
            directed[right as usize].push((number, false));
        }
        if left != HIDDEN {
            directed[left as usize].push((number, true));
        }
    }
    directed.iter().map(|arcs| assemble(simple_rings(partition, arcs))).collect()
}

fn points_of(partition: &Partition, (arc, reversed): (usize, bool)) -> Vec<PointMm> {
    let mut points = partition.arcs[arc].points.clone();
    if reversed {
        points.reverse();
    }
    points
}

fn simple_rings(partition: &Partition, arcs: &[(usize, bool)]) -> Vec<Vec<PointMm>> {
    let ends = |&(arc, reversed): &(usize, bool)| {
        let points = &partition.arcs[arc].points;
        let (first, last) = (points[0], points[points.len() - 1]);
        if reversed { (last, first) } else { (first, last) }
    };
    let mut leaving: BTreeMap<PointMm, Vec<usize>> = BTreeMap::new();
    for (position, arc) in arcs.iter().enumerate() {
        leaving.entry(ends(arc).0).or_default().push(position);
    }
    let mut used = vec![false; arcs.len()];
    let mut rings = Vec::new();
    for start in 0..arcs.len() {
        if used[start] {
            continue;
        }
        let origin = ends(&arcs[start]).0;
        let mut ring: Vec<PointMm> = Vec::new();
        let mut at = start;
        loop {
            used[at] = true;
            let points = points_of(partition, arcs[at]);
            ring.extend(&points[..points.len() - 1]);
            let end = ends(&arcs[at]).1;
            if end == origin {
                break;
            }
            match leaving.get(&end).and_then(|next| next.iter().find(|&&next| !used[next])) {
                Some(&next) => at = next,
                None => break,
            }
        }
        cut_at_repeats(&ring, &mut rings);
    }
    rings
}

/// Splits a closed walk into rings that visit no vertex twice.
fn cut_at_repeats(walk: &[PointMm], rings: &mut Vec<Vec<PointMm>>) {
    let mut open: Vec<PointMm> = Vec::with_capacity(walk.len());
    let mut seen: BTreeMap<PointMm, usize> = BTreeMap::new();
    for &point in walk {
        if let Some(&from) = seen.get(&point) {
            let loop_points: Vec<PointMm> = open.drain(from..).collect();
            for p in &loop_points {
                seen.remove(p);
            }
            if loop_points.len() > 2 {
                rings.push(loop_points);
            }
        }
        seen.insert(point, open.len());
        open.push(point);
    }
    if open.len() > 2 {
        rings.push(open);
    }
}

/// Puts holes into the smallest outer ring that contains them.
fn assemble(rings: Vec<Vec<PointMm>>) -> Vec<Rings> {
    let mut outers: Vec<(i128, Rings)> = Vec::new();
    let mut holes = Vec::new();
    for ring in rings {
        let area = double_area(&ring);
        if area > 0 { outers.push((area, vec![ring])) } else { holes.push(ring) }
    }
    let boxes: Vec<[i64; 4]> = outers.iter().map(|(_, rings)| bounds(&rings[0])).collect();
    for hole in holes {
        let of_hole = bounds(&hole);
        let owner = (0..outers.len())
            .filter(|&i| {
                boxes[i][0] <= of_hole[0]
                    && boxes[i][1] <= of_hole[1]
                    && boxes[i][2] >= of_hole[2]
                    && boxes[i][3] >= of_hole[3]
            })
            .filter(|&i| holds(&outers[i].1[0], &hole))
            .min_by_key(|&i| outers[i].0);
        if let Some(owner) = owner {
            outers[owner].1.push(hole);
        }
    }
    outers.into_iter().map(|(_, rings)| rings).collect()
}

/// Least and greatest coordinates of a ring.
pub fn bounds(ring: &[PointMm]) -> [i64; 4] {
    ring.iter().fold([i64::MAX, i64::MAX, i64::MIN, i64::MIN], |b, p| {
        [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])]
    })
}

/// True when a ring contains another one that may touch it.
fn holds(outer: &[PointMm], inner: &[PointMm]) -> bool {
    // The middle of an edge is on the outer ring only if the edge is, which borders of one partition exclude.
    let middle = |a: PointMm, b: PointMm| [(a[0] + b[0]) as f64 / 2.0, (a[1] + b[1]) as f64 / 2.0];
    let point = middle(inner[0], inner[1]);
    let mut odd = false;
    for i in 0..outer.len() {
        let (a, b) = (outer[i], outer[(i + 1) % outer.len()]);
        if (a[1] as f64 > point[1]) != (b[1] as f64 > point[1]) {
            let x = a[0] as f64 + (point[1] - a[1] as f64) / (b[1] - a[1]) as f64 * (b[0] - a[0]) as f64;
            odd ^= point[0] < x;
        }
    }
    odd
}
