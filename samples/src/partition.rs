//! A planar partition with exactly shared borders: every border is one arc, used by the faces on both its sides.
//! Built from a label raster; arcs are smoothed and thinned without ever crossing, in whole millimetres, so that areas are
//! exact integers. Layers are made by leaving out arcs, never by cutting, so no gap or overlap can appear.
//!
//! Why smoothing is safe: a lattice vertex may move by less than half a cell in each axis, and two lattice edges without a
//! common vertex stay apart by a full cell in one axis. Why thinning is safe: a vertex goes only if the triangle it makes
//! with its neighbours holds no other vertex.

use crate::grid::Grid;
use crate::path::PointM;

/// A point in whole millimetres, east and south.
pub type PointMm = [i64; 2];

/// The world outside the partition.
pub const OUTSIDE: u32 = u32::MAX;

/// A border between two faces.
#[derive(Debug, Clone)]
pub struct Arc {
    /// Vertices; first and last are nodes (equal for a closed border).
    pub points: Vec<PointMm>,
    /// Lattice vertex of each point.
    pub(crate) lattice: Vec<u32>,
    /// Face on the left hand of someone who walks the points.
    pub left: u32,
    /// Face on the other side.
    pub right: u32,
}

/// The arcs of a partition and where their vertices are.
#[derive(Debug)]
pub struct Partition {
    /// All borders.
    pub arcs: Vec<Arc>,
    cell_mm: i64,
    columns: usize,
    /// Position of the vertex at each lattice point, or `None`; what thinning and moving look up.
    at_lattice: Vec<Option<PointMm>>,
}

/// A polygon: rings without a closing point; the first is the outer one.
pub type Rings = Vec<Vec<PointMm>>;

const STEPS: [(isize, isize); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];

/// Twice the area of a ring, positive when it runs clockwise on a picture with south down.
pub fn double_area(ring: &[PointMm]) -> i128 {
    let mut sum = 0_i128;
    for i in 0..ring.len() {
        let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
        sum += i128::from(a[0]) * i128::from(b[1]) - i128::from(b[0]) * i128::from(a[1]);
    }
    sum
}

/// Area of rings (holes subtract) in square millimetres times two, always positive.
pub fn polygon_double_area(rings: &[Vec<PointMm>]) -> i128 {
    rings
        .iter()
        .enumerate()
        .map(|(i, ring)| if i == 0 { double_area(ring).abs() } else { -double_area(ring).abs() })
        .sum()
}

fn cross(o: PointMm, a: PointMm, b: PointMm) -> i128 {
    i128::from(a[0] - o[0]) * i128::from(b[1] - o[1]) - i128::from(a[1] - o[1]) * i128::from(b[0] - o[0])
}

/// True when two closed segments have a point in common.
fn meet(a: PointMm, b: PointMm, c: PointMm, d: PointMm) -> bool {
    for axis in 0..2 {
        if a[axis].max(b[axis]) < c[axis].min(d[axis]) || c[axis].max(d[axis]) < a[axis].min(b[axis]) {
            return false;
        }
    }
    let side = |p, q, r| cross(p, q, r).signum();
    side(a, b, c) * side(a, b, d) <= 0 && side(c, d, a) * side(c, d, b) <= 0
}

impl Partition {
    /// Traces the borders of a label raster. `pull` may name a better place for a lattice vertex (metres), such as a road's true edge.
    pub fn trace(label: &Grid<u32>, pull: impl Fn(PointM) -> Option<PointM>) -> Self {
        let columns = label.columns + 1;
        let cell_mm = (label.cell_m * 1_000.0).round() as i64;
        let face = |column: isize, row: isize| {
            if column < 0 || row < 0 || column >= label.columns as isize || row >= label.rows as isize {
                OUTSIDE
            } else {
                label[(column as usize, row as usize)]
            }
        };
        // Which of the four lattice edges at a vertex are borders.
        let border = |vertex: usize, step: usize| {
            let (c, r) = ((vertex % columns) as isize, (vertex / columns) as isize);
            let (a, b) = match step {
                0 => (face(c, r - 1), face(c, r)),
                1 => (face(c, r), face(c - 1, r)),
                2 => (face(c - 1, r), face(c - 1, r - 1)),
                _ => (face(c - 1, r - 1), face(c, r - 1)),
            };
            (a, b, a != b)
        };
        let go = |vertex: usize, step: usize| {
            let (dx, dy) = STEPS[step];
            ((vertex % columns) as isize + dx) as usize + ((vertex / columns) as isize + dy) as usize * columns
        };
        let count = columns * (label.rows + 1);
        let mut edges = vec![0_u8; count];
        for (vertex, mask) in edges.iter_mut().enumerate() {
            for step in 0..4 {
                *mask |= u8::from(border(vertex, step).2) << step;
            }
        }
        let corner = |vertex: usize| {
            let (c, r) = (vertex % columns, vertex / columns);
            (c == 0 || c == label.columns) && (r == 0 || r == label.rows)
        };
        let mut left_to_walk = edges.clone();
        let mut arcs = Vec::new();
        let mut walk = |start: usize, first: usize, left_to_walk: &mut Vec<u8>, stop_at_nodes: bool| {
            let (left, right, _) = border(start, first);
            let mut lattice = vec![start as u32];
            let (mut at, mut step) = (start, first);
            loop {
                left_to_walk[at] &= !(1 << step);
                at = go(at, step);
                left_to_walk[at] &= !(1 << ((step + 2) % 4));
                lattice.push(at as u32);
                if at == start || (stop_at_nodes && (edges[at].count_ones() != 2 || corner(at))) {
                    break;
                }
                let back = (step + 2) % 4;
                step = (0..4).find(|&s| s != back && edges[at] & (1 << s) != 0).unwrap_or(back);
            }
            arcs.push(Arc { points: Vec::new(), lattice, left, right });
        };
        for vertex in 0..count {
            if edges[vertex].count_ones() > 2 || (edges[vertex] != 0 && corner(vertex)) {
                for step in 0..4 {
                    if left_to_walk[vertex] & (1 << step) != 0 {
                        walk(vertex, step, &mut left_to_walk, true);
                    }
                }
            }
        }
        for vertex in 0..count {
            while left_to_walk[vertex] != 0 {
                let step = left_to_walk[vertex].trailing_zeros() as usize;
                walk(vertex, step, &mut left_to_walk, false);
            }
        }
        let mut partition = Self { arcs, cell_mm, columns, at_lattice: vec![None; count] };
        partition.place(label.rows, &pull);
        partition
    }

    fn home(&self, vertex: u32) -> PointMm {
        [(vertex as usize % self.columns) as i64 * self.cell_mm, (vertex as usize / self.columns) as i64 * self.cell_mm]
    }

    /// Smooths all vertices within the safe distance of their lattice points.
    fn place(&mut self, rows: usize, pull: &impl Fn(PointM) -> Option<PointM>) {
        let reach = self.cell_mm as f64 * 0.47;
        let (max_x, max_y) = ((self.columns - 1) as i64 * self.cell_mm, rows as i64 * self.cell_mm);
        let mut position: Vec<[f32; 2]> = vec![[0.0; 2]; self.at_lattice.len()];
        // Sum of neighbours and their number, for nodes and inner vertices alike.
        for round in 0..5 {
            let mut sums: std::collections::BTreeMap<u32, ([f64; 2], f64)> = std::collections::BTreeMap::new();
            let mut moves: Vec<(u32, [f32; 2])> = Vec::new();
            for arc in &self.arcs {
                let last = arc.lattice.len() - 1;
                let absolute = |i: usize| {
                    let (home, offset) = (self.home(arc.lattice[i]), position[arc.lattice[i] as usize]);
                    [home[0] as f64 + f64::from(offset[0]), home[1] as f64 + f64::from(offset[1])]
                };
                for (i, n) in [(0, 1), (last, last - 1)] {
                    let p = absolute(n);
                    let entry = sums.entry(arc.lattice[i]).or_insert(([0.0, 0.0], 0.0));
                    entry.0 = [entry.0[0] + p[0], entry.0[1] + p[1]];
                    entry.1 += 1.0;
                }
                for i in 1..last {
                    let (a, b, c) = (absolute(i - 1), absolute(i), absolute(i + 1));
                    moves.push((
                        arc.lattice[i],
                        self.offset(
                            arc.lattice[i],
                            [0.25 * (a[0] + c[0]) + 0.5 * b[0], 0.25 * (a[1] + c[1]) + 0.5 * b[1]],
                            reach,
                        ),
                    ));
                }
            }
            for (vertex, (sum, count)) in sums {
                let (home, offset) = (self.home(vertex), position[vertex as usize]);
                let own = [home[0] as f64 + f64::from(offset[0]), home[1] as f64 + f64::from(offset[1])];
                let target = [0.5 * own[0] + 0.5 * sum[0] / count, 0.5 * own[1] + 0.5 * sum[1] / count];
                moves.push((vertex, self.offset(vertex, target, reach)));
            }
            for (vertex, offset) in moves {
                let home = self.home(vertex);
                let mut wanted = offset;
                if round == 4
                    && let Some(better) = pull([
                        (home[0] as f64 + f64::from(offset[0])) / 1_000.0,
                        (home[1] as f64 + f64::from(offset[1])) / 1_000.0,
                    ])
                {
                    wanted = self.offset(vertex, [better[0] * 1_000.0, better[1] * 1_000.0], reach);
                }
                // The township's edge is straight.
                if home[0] == 0 || home[0] == max_x {
                    wanted[0] = 0.0;
                }
                if home[1] == 0 || home[1] == max_y {
                    wanted[1] = 0.0;
                }
                position[vertex as usize] = wanted;
            }
        }
        for i in 0..self.arcs.len() {
            let lattice = std::mem::take(&mut self.arcs[i].lattice);
            self.arcs[i].points = lattice
                .iter()
                .map(|&vertex| {
                    let (home, offset) = (self.home(vertex), position[vertex as usize]);
                    let point = [home[0] + offset[0].round() as i64, home[1] + offset[1].round() as i64];
                    self.at_lattice[vertex as usize] = Some(point);
                    point
                })
                .collect();
            self.arcs[i].lattice = lattice;
        }
    }

    fn offset(&self, vertex: u32, target: [f64; 2], reach: f64) -> [f32; 2] {
        let home = self.home(vertex);
        [
            (target[0] - home[0] as f64).clamp(-reach, reach) as f32,
            (target[1] - home[1] as f64).clamp(-reach, reach) as f32,
        ]
    }

    /// True when the closed triangle holds no vertex besides those at the given lattice points.
    fn triangle_is_empty(&self, triangle: [PointMm; 3], but: [u32; 3]) -> bool {
        let [a, b, c] = triangle;
        let low = |axis: usize| (a[axis].min(b[axis]).min(c[axis]) - self.cell_mm).max(0) / self.cell_mm;
        let high = |axis: usize| (a[axis].max(b[axis]).max(c[axis]) + self.cell_mm) / self.cell_mm;
        let rows = self.at_lattice.len() / self.columns;
        for row in low(1) as usize..=(high(1) as usize).min(rows - 1) {
            for column in low(0) as usize..=(high(0) as usize).min(self.columns - 1) {
                let vertex = row * self.columns + column;
                let Some(point) = self.at_lattice[vertex] else { continue };
                if but.contains(&(vertex as u32)) {
                    continue;
                }
                let (d, e, f) = (cross(a, b, point), cross(b, c, point), cross(c, a, point));
                if (d >= 0 && e >= 0 && f >= 0) || (d <= 0 && e <= 0 && f <= 0) {
                    return false;
                }
            }
        }
        true
    }

    /// Drops vertices that change a border by less than `tolerance_m`, wherever that is safe.
    pub fn thin(&mut self, tolerance_m: f64) {
        let tolerance = tolerance_m * 1_000.0;
        for index in 0..self.arcs.len() {
            let mut arc = std::mem::replace(
                &mut self.arcs[index],
                Arc { points: Vec::new(), lattice: Vec::new(), left: 0, right: 0 },
            );
            // How far the dropped vertices between this one and the next may already lie from the line.
            let mut slack = vec![0.0_f64; arc.points.len()];
            for _ in 0..8 {
                let before = arc.points.len();
                let mut i = 1;
                while i + 1 < arc.points.len() {
                    let floor = if arc.points[0] == arc.points[arc.points.len() - 1] { 5 } else { 3 };
                    if arc.points.len() <= floor {
                        break;
                    }
                    let (p, v, n) = (arc.points[i - 1], arc.points[i], arc.points[i + 1]);
                    let chord = ((n[0] - p[0]) as f64).hypot((n[1] - p[1]) as f64).max(1.0);
                    let off = cross(p, v, n).unsigned_abs() as f64 / chord;
                    let total = slack[i - 1].max(slack[i]) + off;
                    if total < tolerance
                        && self.triangle_is_empty([p, v, n], [arc.lattice[i - 1], arc.lattice[i], arc.lattice[i + 1]])
                    {
                        self.at_lattice[arc.lattice[i] as usize] = None;
                        slack[i - 1] = total;
                        arc.points.remove(i);
                        arc.lattice.remove(i);
                        slack.remove(i);
                    }
                    i += 1;
                }
                if arc.points.len() == before {
                    break;
                }
            }
            self.arcs[index] = arc;
        }
    }

    /// Moves an inner vertex of an arc if nothing is in the way; says whether it moved. `borders` lists the arcs of every face.
    pub fn move_vertex(&mut self, borders: &[Vec<u32>], arc: usize, i: usize, to: PointMm) -> bool {
        let (p, v, n) = (self.arcs[arc].points[i - 1], self.arcs[arc].points[i], self.arcs[arc].points[i + 1]);
        let names = [self.arcs[arc].lattice[i - 1], self.arcs[arc].lattice[i], self.arcs[arc].lattice[i + 1]];
        let home = self.home(names[1]);
        let near = (to[0] - home[0]).abs().max((to[1] - home[1]).abs()) < self.cell_mm;
        if !near || !self.triangle_is_empty([p, v, to], names) || !self.triangle_is_empty([v, to, n], names) {
            return false;
        }
        // A long edge may pass through without a vertex nearby; it belongs to one of the two faces here.
        for face in [self.arcs[arc].left, self.arcs[arc].right] {
            for &other in borders.get(face as usize).map_or(&[][..], Vec::as_slice) {
                for (j, edge) in self.arcs[other as usize].points.windows(2).enumerate() {
                    let own = other as usize == arc && (j + 1 == i || j == i);
                    let shares = |q: PointMm| edge[0] == q || edge[1] == q;
                    if !own
                        && ((!shares(p) && meet(p, to, edge[0], edge[1]))
                            || (!shares(n) && meet(to, n, edge[0], edge[1])))
                    {
                        return false;
                    }
                }
            }
        }
        self.arcs[arc].points[i] = to;
        self.at_lattice[names[1] as usize] = Some(to);
        true
    }

    /// The arcs of every face.
    pub fn borders(&self, faces: usize) -> Vec<Vec<u32>> {
        let mut borders = vec![Vec::new(); faces];
        for (number, arc) in self.arcs.iter().enumerate() {
            for face in [arc.left, arc.right] {
                if face != OUTSIDE {
                    borders[face as usize].push(number as u32);
                }
            }
        }
        borders
    }

    /// Exact double area of every face in square millimetres.
    pub fn double_areas(&self, faces: usize) -> Vec<i128> {
        let mut areas = vec![0_i128; faces];
        for arc in &self.arcs {
            let sum: i128 = arc
                .points
                .windows(2)
                .map(|w| i128::from(w[0][0]) * i128::from(w[1][1]) - i128::from(w[1][0]) * i128::from(w[0][1]))
                .sum();
            if arc.left != OUTSIDE {
                areas[arc.left as usize] -= sum;
            }
            if arc.right != OUTSIDE {
                areas[arc.right as usize] += sum;
            }
        }
        areas
    }
}
