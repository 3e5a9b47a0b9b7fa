//! Where a model stands in the ground's place: one surface measured twice is drawn once.
//!
//! A survey mesh and the terrain show the same ground a few decimetres apart, and drawn together they pierce each other.
//! So the ground gives way wherever an opaque mesh is drawn over it, exactly to the mesh's ragged edge, and plans that
//! lay on that ground are laid on the mesh instead; points of the same surface step behind it. All follow what is drawn: hide the mesh, and the ground is back.
//! A mesh's footprint is a grid of cells its triangles touch, seen from above; it errs outwards, and the ground tile's
//! grid made from it is shrunk by as much and a little more, so that ground and mesh overlap by a hair and never gape.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use glam::{DMat4, DVec3};

use super::draw::{Draped, Draw, DrawList, Overlay, Picture, Shape};
use super::place;

/// Cells along the longer side of a footprint.
const FOOTPRINT_CELLS: usize = 256;
/// Fewest and most cells along a ground tile's side; more where a small model stands on a large tile.
const TILE_CELLS: [usize; 2] = [128, 512];
/// More than this and a plan's further pictures are left off a mesh.
const MOST_DRAPED: usize = 64;

/// An affine map from a shape's axes to the Web Mercator square: two rows for a position and 1. Over a model's piece it
/// is off by less than a thousandth of the piece.
#[derive(Clone, Copy, Debug)]
struct SquareMap([[f64; 4]; 2]);

impl SquareMap {
    fn of(shape: &Shape, ecef_from_local: &DMat4) -> Self {
        let (center, radius_m) = shape.sphere();
        let step = radius_m.max(1.0);
        let square = |local: DVec3| {
            let [lon, lat, _] = place::lon_lat_height_deg(ecef_from_local.transform_point3(local));
            place::square_from_lon_lat_deg(lon, lat)
        };
        let slopes = [DVec3::X, DVec3::Y, DVec3::Z].map(|axis| {
            let (after, before) = (square(center + axis * step), square(center - axis * step));
            [0, 1].map(|part| (after[part] - before[part]) / (2.0 * step))
        });
        let middle = square(center);
        Self([0, 1].map(|part| {
            let [x, y, z] = slopes.map(|slope| slope[part]);
            [x, y, z, middle[part] - center.dot(DVec3::new(x, y, z))]
        }))
    }

    fn apply(&self, local: DVec3) -> [f64; 2] {
        self.0.map(|row| row[0] * local.x + row[1] * local.y + row[2] * local.z + row[3])
    }

    /// The same map measured in a tile given by its corner and side.
    fn in_tile(&self, [x, y, side]: [f64; 3]) -> [[f32; 4]; 2] {
        let corner = [x, y];
        [0, 1].map(|part| {
            let row = self.0[part];
            [row[0] / side, row[1] / side, row[2] / side, (row[3] - corner[part]) / side].map(|number| number as f32)
        })
    }
}

/// The cells of a grid in the Web Mercator square that a shape's triangles touch, seen from above.
#[derive(Debug)]
struct Footprint {
    map: SquareMap,
    low: [f64; 2],
    cell: f64,
    size: [usize; 2],
    touched: Vec<bool>,
}

impl Footprint {
    /// `None` for a shape without extent seen from above.
    fn of(shape: &Shape, ecef_from_local: &DMat4) -> Option<Self> {
        let map = SquareMap::of(shape, ecef_from_local);
        let corners: Vec<[f64; 2]> = shape
            .vertices()
            .iter()
            .map(|vertex| map.apply(DVec3::from_array(vertex.position.map(f64::from))))
            .collect();
        let fold = |from: f64, pick: fn(f64, f64) -> f64| {
            [0, 1].map(|axis| corners.iter().map(|corner| corner[axis]).fold(from, pick))
        };
        let (low, high) = (fold(f64::INFINITY, f64::min), fold(f64::NEG_INFINITY, f64::max));
        let longest = (high[0] - low[0]).max(high[1] - low[1]);
        if !(longest > 0.0 && longest < 1.0) {
            return None;
        }
        let cell = longest / (FOOTPRINT_CELLS - 1) as f64;
        let size = [0, 1].map(|axis| ((high[axis] - low[axis]) / cell) as usize + 1);
        let mut touched = vec![false; size[0] * size[1]];
        for triangle in shape.indices().chunks_exact(3) {
            let corners = [0, 1, 2].map(|at| {
                let corner = corners[triangle[at] as usize];
                [(corner[0] - low[0]) / cell, (corner[1] - low[1]) / cell]
            });
            touch(&corners, size, &mut touched);
        }
        Some(Self { map, low, cell, size, touched })
    }

    fn overlaps(&self, [x, y, side]: [f64; 3]) -> bool {
        let high = [0, 1].map(|axis| self.low[axis] + self.size[axis] as f64 * self.cell);
        self.low[0] < x + side && high[0] > x && self.low[1] < y + side && high[1] > y
    }

    fn touches(&self, [x, y]: [f64; 2]) -> bool {
        let (column, row) = ((x - self.low[0]) / self.cell, (y - self.low[1]) / self.cell);
        let inside = column >= 0.0 && row >= 0.0 && column < self.size[0] as f64 && row < self.size[1] as f64;
        inside && self.touched[row as usize * self.size[0] + column as usize]
    }
}

/// Marks the cells whose middle lies in a triangle grown by most of a cell.
fn touch(corners: &[[f64; 2]; 3], size: [usize; 2], touched: &mut [bool]) {
    const GROWN: f64 = 0.75;
    let [a, b, c] = *corners;
    let area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    // Upright walls cover no ground; triangles smaller than any cell are covered by the growing.
    let turn = if area < 0.0 { -1.0 } else { 1.0 };
    let edges = [(a, b), (b, c), (c, a)].map(|(from, to)| {
        let (dx, dy) = ((to[0] - from[0]) * turn, (to[1] - from[1]) * turn);
        (from, dx, dy, GROWN * dx.hypot(dy))
    });
    let range = |axis: usize| {
        let low = a[axis].min(b[axis]).min(c[axis]) - GROWN;
        let high = a[axis].max(b[axis]).max(c[axis]) + GROWN;
        (low.floor().max(0.0) as usize, (high.ceil().max(0.0) as usize).min(size[axis]))
    };
    if !area.is_finite() || area.abs() < 1e-9 {
        return;
    }
    let ((first_column, end_column), (first_row, end_row)) = (range(0), range(1));
    for row in first_row..end_row {
        for column in first_column..end_column {
            let (x, y) = (column as f64 + 0.5, row as f64 + 0.5);
            let inside = edges.iter().all(|(from, dx, dy, slack)| dx * (y - from[1]) - dy * (x - from[0]) >= -slack);
            if inside {
                touched[row * size[0] + column] = true;
            }
        }
    }
}

/// Where a ground tile is seen beside the models that stand in its place.
#[derive(Debug)]
pub struct OpenGround {
    cells: usize,
    open: Vec<bool>,
    picture: Arc<Picture>,
}

impl OpenGround {
    /// `None` where nothing covers the tile.
    fn of(tile: [f64; 3], footprints: &[&Footprint]) -> Option<Self> {
        let finest = footprints.iter().map(|footprint| footprint.cell).fold(f64::INFINITY, f64::min);
        let cells = ((tile[2] / (2.0 * finest)) as usize).next_power_of_two().clamp(TILE_CELLS[0], TILE_CELLS[1]);
        let texel = tile[2] / cells as f64;
        // A footprint errs outwards by up to a cell and a half; one texel more lets ground and mesh overlap.
        let grown = footprints.iter().map(|footprint| footprint.cell).fold(0.0, f64::max) * 1.5;
        let shrink = ((grown / texel).ceil() as usize + 1).min(cells / 2);
        let side = cells + 2 * shrink;
        let at = |index: usize, axis: usize| tile[axis] + (index as f64 + 0.5 - shrink as f64) * texel;
        let mut covered = vec![false; side * side];
        for footprint in footprints {
            let range = |axis: usize| {
                let to_index = |place: f64| ((place - tile[axis]) / texel + shrink as f64).clamp(0.0, side as f64);
                let high = footprint.low[axis] + footprint.size[axis] as f64 * footprint.cell;
                to_index(footprint.low[axis]).floor() as usize..to_index(high).ceil() as usize
            };
            for row in range(1) {
                for column in range(0) {
                    covered[row * side + column] |= footprint.touches([at(column, 0), at(row, 1)]);
                }
            }
        }
        if !covered.contains(&true) {
            return None;
        }
        let rows = shrunk(&covered, side, side, shrink);
        let inner = side - 2 * shrink;
        let columns = shrunk(&transposed(&rows, inner, side), side, inner, shrink);
        let closed = transposed(&columns, inner, inner);
        let open: Vec<bool> = closed.iter().map(|closed| !closed).collect();
        if !open.contains(&false) {
            return None;
        }
        let pixels = open.iter().flat_map(|open| [255, 255, 255, if *open { 255 } else { 0 }]).collect();
        let picture = Arc::new(Picture::new([cells as u32; 2], pixels, false)?);
        Some(Self { cells, open, picture })
    }

    /// Whether the ground is seen at a place `u` east and `v` south across the tile, 0..1.
    #[must_use]
    pub fn is_open(&self, [u, v]: [f64; 2]) -> bool {
        let cell = |part: f64| ((part * self.cells as f64).max(0.0) as usize).min(self.cells - 1);
        self.open[cell(v) * self.cells + cell(u)]
    }

    /// The same as a picture: alpha is 0 where the ground is not seen.
    #[must_use]
    pub fn picture(&self) -> &Arc<Picture> {
        &self.picture
    }
}

/// Keeps of every row the places all of whose neighbours within `reach` are set; rows get shorter by `reach` on both ends.
fn shrunk(cells: &[bool], width: usize, height: usize, reach: usize) -> Vec<bool> {
    let mut out = Vec::with_capacity((width - 2 * reach) * height);
    for row in cells.chunks_exact(width).take(height) {
        let mut unset = 0;
        for (index, set) in row.iter().enumerate() {
            unset += usize::from(!set);
            if index >= 2 * reach {
                out.push(unset == 0);
                unset -= usize::from(!row[index - 2 * reach]);
            }
        }
    }
    out
}

fn transposed(cells: &[bool], width: usize, height: usize) -> Vec<bool> {
    (0..width).flat_map(|column| (0..height).map(move |row| cells[row * width + column])).collect()
}

/// A shape where it is placed: a model may place one shape several times.
type Placed = (u64, [u64; 16]);

/// The footprints over a tile, and what came of them.
type Made = (Vec<Placed>, Option<Arc<OpenGround>>);

/// What was worked out for earlier frames and is still good.
#[derive(Default)]
pub struct Covers {
    footprints: BTreeMap<Placed, (Weak<Shape>, Option<Arc<Footprint>>)>,
    open: BTreeMap<[u64; 3], Made>,
}

impl Covers {
    /// Lets the ground of a draw list give way to its opaque meshes and lays its plans over them.
    pub fn apply(&mut self, list: &mut DrawList) {
        self.footprints.retain(|_, (shape, _)| shape.strong_count() > 0);
        let mut standing: BTreeMap<Placed, Arc<Footprint>> = BTreeMap::new();
        for draw in &list.draws {
            let Draw::Mesh { shape, ecef_from_local, opacity, base_color, planned, .. } = draw else { continue };
            if *planned || *opacity < 0.999 || base_color[3] < 0.999 {
                continue;
            }
            let key = placed(shape, ecef_from_local);
            let (_, footprint) = self
                .footprints
                .entry(key)
                .or_insert_with(|| (Arc::downgrade(shape), Footprint::of(shape, ecef_from_local).map(Arc::new)));
            if let Some(footprint) = footprint {
                standing.insert(key, Arc::clone(footprint));
            }
        }
        let mut grounds: Vec<([f64; 3], Vec<Overlay>)> = Vec::new();
        let mut still_used = BTreeMap::new();
        for draw in &mut list.draws {
            let Draw::Ground { square, open, overlays, .. } = draw else { continue };
            let over: Vec<(&Placed, &Arc<Footprint>)> =
                standing.iter().filter(|(_, footprint)| footprint.overlaps(*square)).collect();
            if over.is_empty() {
                continue;
            }
            let keys: Vec<Placed> = over.iter().map(|(key, _)| **key).collect();
            let tile = square.map(f64::to_bits);
            let known = self.open.remove(&tile).filter(|(from, _)| *from == keys);
            let (_, made) = known.unwrap_or_else(|| {
                let footprints: Vec<&Footprint> = over.iter().map(|(_, footprint)| footprint.as_ref()).collect();
                (keys.clone(), OpenGround::of(*square, &footprints).map(Arc::new))
            });
            open.clone_from(&made);
            still_used.insert(tile, (keys, made));
            let plans: Vec<Overlay> = overlays.iter().filter(|overlay| overlay.on_models).cloned().collect();
            if !plans.is_empty() {
                grounds.push((*square, plans));
            }
        }
        self.open = still_used;
        for draw in &mut list.draws {
            if let Draw::Points { points, ecef_from_local, give_way, .. } = draw {
                let middle = place::lon_lat_height_deg(ecef_from_local.transform_point3(points.sphere().0));
                let middle = place::square_from_lon_lat_deg(middle[0], middle[1]);
                *give_way = standing.values().any(|footprint| footprint.touches(middle));
            }
            let Draw::Mesh { shape, ecef_from_local, draped, planned: false, .. } = draw else { continue };
            let Some(footprint) = standing.get(&placed(shape, ecef_from_local)) else { continue };
            let under = grounds.iter().filter(|(square, _)| footprint.overlaps(*square));
            let laid = under.flat_map(|(square, plans)| {
                let tile_from_local = footprint.map.in_tile(*square);
                plans.iter().map(move |overlay| Draped { overlay: overlay.clone(), tile_from_local })
            });
            *draped = laid.take(MOST_DRAPED).collect();
        }
    }
}

fn placed(shape: &Arc<Shape>, ecef_from_local: &DMat4) -> Placed {
    (shape.identity(), ecef_from_local.to_cols_array().map(f64::to_bits))
}

#[cfg(test)]
#[path = "cover_tests.rs"]
mod tests;
