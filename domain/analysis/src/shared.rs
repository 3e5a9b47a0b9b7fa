//! How much ground two parcels share, exactly and without building the shape.
//!
//! With `w` the winding number (1 inside, 0 outside), the shared area is the integral of `w_b x dy` along the border
//! of the one plus that of `w_a x dy` along the border of the other; `w` changes by one at each crossing. So all that
//! is needed are the crossings and one look at where each ring starts. Borders that run along each other, the rule in
//! plans, would make both ambiguous: the second parcel is therefore thought shifted by (e, e²) for an e too small to
//! matter, which decides every tie on integers and changes no area. Building the same shapes with a boolean engine
//! takes about ten times as long.

use i_overlay::i_float::int::point::IntPoint;

use crate::{measure::Measure, snap::Frame};

/// Edges that share a box, so that far ones are passed over together.
const RUN: usize = 16;

/// A directed edge of integers `[x, y, x, y]`.
type Edge = [i32; 4];
/// `[min x, min y, max x, max y]`.
pub(crate) type IntBox = [i32; 4];

/// The border of a resolved parcel: rings simple, outer ones anticlockwise, inner ones clockwise, none overlapping.
#[derive(Debug, Clone, Default)]
pub(crate) struct Border {
    edges: Vec<Edge>,
    /// Boxes of [`RUN`] edges each.
    runs: Vec<IntBox>,
    /// Where each ring starts.
    starts: Vec<usize>,
    /// Box of all.
    pub(crate) bounds: IntBox,
}

/// Area shared, or of one parcel.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Area {
    /// Square metres of the plane.
    pub(crate) plane_m2: f64,
    /// Square metres on the ellipsoid; 0 where nobody asked for them.
    pub(crate) ellipsoidal_m2: f64,
}

/// How areas are measured in a job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ruler<'a> {
    /// Where the grid is.
    pub(crate) frame: Frame,
    /// Ground against plane; none where only plane areas are wanted.
    pub(crate) ground: Option<&'a Measure>,
}

/// Lists that are filled anew for every pair.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Sum of changes of the winding number along each edge of the first and of the second parcel.
    turns: [Vec<i32>; 2],
}

impl Border {
    /// Of rings.
    pub(crate) fn new<'c>(rings: impl Iterator<Item = &'c Vec<IntPoint>>) -> Self {
        let mut border = Self { bounds: [i32::MAX, i32::MAX, i32::MIN, i32::MIN], ..Self::default() };
        for ring in rings {
            border.starts.push(border.edges.len());
            let next = ring.iter().cycle().skip(1);
            border.edges.extend(ring.iter().zip(next).map(|(a, b)| [a.x, a.y, b.x, b.y]));
        }
        border.runs = border.edges.chunks(RUN).map(box_of).collect();
        for run in &border.runs {
            border.bounds = joined(border.bounds, *run);
        }
        border
    }

    /// Whether it has no edge.
    pub(crate) fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// Length of the border that both have, steps of the grid: edges on one line that run against each other.
    pub(crate) fn common_length(&self, other: &Self) -> f64 {
        let mut length = 0.0;
        for e in &self.edges {
            let box_e = box_of(std::slice::from_ref(e));
            let near = other.runs.iter().zip(other.edges.chunks(RUN)).filter(|(run, _)| meet(**run, box_e));
            for f in near.flat_map(|(_, edges)| edges) {
                if meet(box_of(std::slice::from_ref(f)), box_e) {
                    length += overlap_length(*e, *f);
                }
            }
        }
        length
    }

    /// Its own area.
    pub(crate) fn area(&self, ruler: &Ruler<'_>) -> Area {
        let mut sum = Sum::new(ruler, [self.bounds[0], self.bounds[1]]);
        for edge in &self.edges {
            sum.edge(*edge, 1.0);
        }
        sum.area()
    }

    /// Whether the place `[x, y]` is inside, ties as if this border were shifted.
    fn winding_round(&self, [x, y]: [i32; 2], shifted: Shifted) -> i32 {
        let mut winding = 0;
        for (run, edges) in self.runs.iter().zip(self.edges.chunks(RUN)) {
            if run[1] > y || run[3] < y || run[2] < x {
                continue;
            }
            for edge in edges {
                let above = |edge_y: i32| match shifted {
                    Shifted::Edge => edge_y >= y,
                    Shifted::Point => edge_y > y,
                };
                let (from, to) = (above(edge[1]), above(edge[3]));
                if from == to {
                    continue;
                }
                // A ray to the east meets an edge that goes up where the place is on its left.
                let left = is_left(*edge, [x, y], shifted);
                if to && left {
                    winding += 1;
                } else if from && !left {
                    winding -= 1;
                }
            }
        }
        winding
    }
}

/// Which side of a comparison belongs to the parcel that is thought shifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shifted {
    Edge,
    Point,
}

/// The sign of a place against an edge; a tie is decided by the shift.
fn is_left(edge: Edge, point: [i32; 2], shifted: Shifted) -> bool {
    let cross = cross(edge, point);
    if cross != 0 {
        return cross > 0;
    }
    // A place shifted by (e, e²) moves by dx e² - dy e against the edge; a shifted edge does the opposite.
    let (dx, dy) = (edge[2] > edge[0], edge[3] - edge[1]);
    let gains = if dy == 0 { dx } else { dy < 0 };
    gains == (shifted == Shifted::Point)
}

/// Twice the area of an edge and a place, positive where the place is on the left. Coordinates are below 2^30, so that
/// this fits.
fn cross(edge: Edge, point: [i32; 2]) -> i64 {
    let [ax, ay, bx, by] = edge.map(i64::from);
    let [x, y] = point.map(i64::from);
    (bx - ax) * (y - ay) - (x - ax) * (by - ay)
}

/// How far two edges run along each other in opposite directions, within a step of the grid.
fn overlap_length(e: Edge, f: Edge) -> f64 {
    let [ax, ay, bx, by] = e.map(f64::from);
    let whole = (bx - ax).hypot(by - ay);
    // The distance of a place from the edge's line is the cross product over the length.
    let off = |x: i32, y: i32| (cross(e, [x, y]) as f64 / whole).abs() > 1.5;
    if whole < 1.0 || off(f[0], f[1]) || off(f[2], f[3]) {
        return 0.0;
    }
    let along = |x: i32, y: i32| ((f64::from(x) - ax) * (bx - ax) + (f64::from(y) - ay) * (by - ay)) / whole;
    let (from, to) = (along(f[2], f[3]), along(f[0], f[1]));
    (to.min(whole) - from.max(0.0)).max(0.0)
}

fn box_of(edges: &[Edge]) -> IntBox {
    edges.iter().fold([i32::MAX, i32::MAX, i32::MIN, i32::MIN], |b, e| {
        joined(b, [e[0].min(e[2]), e[1].min(e[3]), e[0].max(e[2]), e[1].max(e[3])])
    })
}

fn joined(a: IntBox, b: IntBox) -> IntBox {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}

/// Whether two boxes have a place in common, their borders included.
pub(crate) fn meet(a: IntBox, b: IntBox) -> bool {
    a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3]
}

/// Sums integrals along edges.
struct Sum<'a> {
    ruler: &'a Ruler<'a>,
    /// Coordinates are taken from here, so that small areas keep their digits.
    origin: [f64; 2],
    plane: f64,
    beyond_m2: f64,
}

impl<'a> Sum<'a> {
    fn new(ruler: &'a Ruler<'a>, origin: [i32; 2]) -> Self {
        Self { ruler, origin: origin.map(f64::from), plane: 0.0, beyond_m2: 0.0 }
    }

    fn edge(&mut self, edge: Edge, weight: f64) {
        let [ax, ay, bx, by] = edge.map(f64::from);
        self.part([ax, ay], [bx, by], weight);
    }

    fn part(&mut self, from: [f64; 2], to: [f64; 2], weight: f64) {
        let rise = to[1] - from[1];
        self.plane += weight * rise * (f64::midpoint(from[0], to[0]) - self.origin[0]);
        if let Some(ground) = self.ruler.ground {
            let frame = &self.ruler.frame;
            self.beyond_m2 += weight * ground.edge_m2(frame.in_plane(from), frame.in_plane(to));
        }
    }

    fn area(&self) -> Area {
        let plane_m2 = self.plane * self.ruler.frame.cell_m2();
        let ellipsoidal_m2 = if self.ruler.ground.is_some() { plane_m2 + self.beyond_m2 } else { 0.0 };
        Area { plane_m2, ellipsoidal_m2 }
    }
}

/// The area that two parcels share; tiny noise (under a millionth of a square metre) is 0.
pub(crate) fn shared(a: &Border, b: &Border, ruler: &Ruler<'_>, scratch: &mut Scratch) -> Area {
    if a.is_empty() || b.is_empty() || !meet(a.bounds, b.bounds) {
        return Area::default();
    }
    let mut sum = Sum::new(ruler, [a.bounds[0].max(b.bounds[0]), a.bounds[1].max(b.bounds[1])]);
    let [turns_a, turns_b] = &mut scratch.turns;
    turns_a.clear();
    turns_a.resize(a.edges.len(), 0);
    turns_b.clear();
    turns_b.resize(b.edges.len(), 0);
    for (i, run_a) in a.runs.iter().enumerate() {
        if !meet(*run_a, b.bounds) {
            continue;
        }
        for (j, run_b) in b.runs.iter().enumerate() {
            if meet(*run_a, *run_b) {
                cross_runs([a, b], [i * RUN, j * RUN], [turns_a, turns_b], &mut sum);
            }
        }
    }
    along([a, b], turns_a, Shifted::Edge, &mut sum);
    along([b, a], turns_b, Shifted::Point, &mut sum);
    let area = sum.area();
    // Borders that only touch leave what rounding leaves.
    if area.plane_m2 < 1e-6 { Area::default() } else { area }
}

/// Adds every whole edge of the first border that starts inside the other.
fn along([own, other]: [&Border; 2], turns: &[i32], shifted: Shifted, sum: &mut Sum<'_>) {
    let mut starts = own.starts.iter().copied().peekable();
    let mut winding = 0;
    let mut known = false;
    for (run, bounds) in own.runs.iter().enumerate() {
        let first = run * RUN;
        let last = (first + RUN).min(own.edges.len());
        if !meet(*bounds, other.bounds) {
            while starts.peek().is_some_and(|start| *start < last) {
                starts.next();
            }
            // Outside of the other's box the winding number is 0 wherever the next run begins.
            (winding, known) = (0, true);
            continue;
        }
        #[expect(clippy::needless_range_loop, reason = "the index is that of turns, of edges and of starts")]
        for index in first..last {
            let edge = own.edges[index];
            if starts.peek() == Some(&index) {
                starts.next();
                known = false;
            }
            if !known {
                let [x, y, ..] = edge;
                let outside = x < other.bounds[0] || x > other.bounds[2] || y < other.bounds[1] || y > other.bounds[3];
                winding = if outside { 0 } else { other.winding_round([x, y], shifted) };
                known = true;
            }
            if winding != 0 {
                sum.edge(edge, f64::from(winding));
            }
            winding += turns[index];
        }
    }
}

/// Adds what every crossing of two runs changes.
fn cross_runs([a, b]: [&Border; 2], [i, j]: [usize; 2], [turns_a, turns_b]: [&mut [i32]; 2], sum: &mut Sum<'_>) {
    let edges_b = &b.edges[j..(j + RUN).min(b.edges.len())];
    let run_b = b.runs[j / RUN];
    for (at_a, e) in a.edges.iter().enumerate().take(i + RUN).skip(i) {
        let box_a = [e[0].min(e[2]), e[1].min(e[3]), e[0].max(e[2]), e[1].max(e[3])];
        if !meet(box_a, run_b) {
            continue;
        }
        for (k, f) in edges_b.iter().enumerate() {
            let box_b = [f[0].min(f[2]), f[1].min(f[3]), f[0].max(f[2]), f[1].max(f[3])];
            if !meet(box_a, box_b) {
                continue;
            }
            // The first edge against the second, which is shifted.
            let from_left = is_left(*f, [e[0], e[1]], Shifted::Edge);
            let to_left = is_left(*f, [e[2], e[3]], Shifted::Edge);
            if from_left == to_left {
                continue;
            }
            if is_left(*e, [f[0], f[1]], Shifted::Point) == is_left(*e, [f[2], f[3]], Shifted::Point) {
                continue;
            }
            let (before, after) = (cross(*f, [e[0], e[1]]) as f64, cross(*f, [e[2], e[3]]) as f64);
            // One is not negative and the other not positive, and both are 0 only where the edges are parallel.
            let t = before / (before - after);
            let [ax, ay, bx, by] = e.map(f64::from);
            let place = [ax + t * (bx - ax), ay + t * (by - ay)];
            let enters = if to_left { 1 } else { -1 };
            turns_a[at_a] += enters;
            turns_b[j + k] -= enters;
            sum.part(place, [bx, by], f64::from(enters));
            sum.part(place, [f64::from(f[2]), f64::from(f[3])], -f64::from(enters));
        }
    }
}
