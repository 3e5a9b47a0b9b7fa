//! The surface of one ground tile: a grid of samples in ECEF axes relative to the tile's centre, with a skirt.
//!
//! The skirt hangs from the border so that no gap opens between tiles of different fineness. Bare ground is tinted by
//! height in quiet colours; relief comes from the drawer's light and the normals taken here from the sampled surface.

use glam::DVec3;

use super::draw::{Shape, Vertex, packed_normal};
use super::ground::bounds_lon_lat_deg;
use super::place;
use crate::layer::Address;

/// Cells along a tile's side; with 256 pixels a tile a cell is 8 pixels.
const CELLS: usize = 32;
const SIDE: usize = CELLS + 1;

/// A surface and the heights found under it.
pub(super) struct Sampled {
    /// The triangles, relative to `origin`.
    pub shape: Shape,
    /// ECEF metres.
    pub origin: DVec3,
    /// Lowest and highest sample in metres.
    pub range_m: [f64; 2],
}

/// Builds a tile. `sample` gives the height in metres at `u` east and `v` south (0..1), `None` where there is no terrain.
pub(super) fn build(
    address: Address,
    sample: &dyn Fn(f64, f64) -> Option<f64>,
    base_height_m: f64,
    tint_range_m: Option<[f64; 2]>,
) -> Sampled {
    let (z, x, y) = address;
    let side = 0.5_f64.powi(i32::from(z));
    let lon_lat_at =
        |u: f64, v: f64| place::lon_lat_deg_from_square((f64::from(x) + u) * side, (f64::from(y) + v) * side);
    let height_at = |u: f64, v: f64| sample(u, v).unwrap_or(base_height_m);
    let position_at = |u: f64, v: f64, height_m: f64| {
        let [lon, lat] = lon_lat_at(u, v);
        place::ecef([lon, lat, height_m])
    };
    let origin = position_at(0.5, 0.5, height_at(0.5, 0.5));
    let mut vertices = Vec::with_capacity(SIDE * SIDE + 4 * SIDE);
    let mut range_m = [f64::INFINITY, f64::NEG_INFINITY];
    let mut ring_heights = Vec::with_capacity(SIDE * SIDE);
    for row in 0..SIDE {
        for column in 0..SIDE {
            let (u, v) = (column as f64 / CELLS as f64, row as f64 / CELLS as f64);
            let sampled = sample(u, v);
            let height_m = sampled.unwrap_or(base_height_m);
            range_m = [range_m[0].min(height_m), range_m[1].max(height_m)];
            let position = position_at(u, v, height_m);
            let step = 0.5 / CELLS as f64;
            let ([u_0, u_1], [v_0, v_1]) =
                ([(u - step).max(0.0), (u + step).min(1.0)], [(v - step).max(0.0), (v + step).min(1.0)]);
            let east = position_at(u_1, v, height_at(u_1, v)) - position_at(u_0, v, height_at(u_0, v));
            let north = position_at(u, v_0, height_at(u, v_0)) - position_at(u, v_1, height_at(u, v_1));
            vertices.push(Vertex {
                position: (position - origin).as_vec3().to_array(),
                uv: [u as f32, v as f32],
                normal: packed_normal(east.cross(north)),
                color: tint(sampled, tint_range_m),
            });
            ring_heights.push(height_m);
        }
    }
    let mut indices = Vec::with_capacity(CELLS * CELLS * 6 + CELLS * 4 * 6);
    let at = |row: usize, column: usize| (row * SIDE + column) as u32;
    for row in 0..CELLS {
        for column in 0..CELLS {
            let (nw, ne, sw, se) = (at(row, column), at(row, column + 1), at(row + 1, column), at(row + 1, column + 1));
            indices.extend([nw, sw, ne, ne, sw, se]);
        }
    }
    let [_, south, _, north] = bounds_lon_lat_deg(address);
    let width_m =
        2.0 * std::f64::consts::PI * place::EARTH_RADIUS_M * side * f64::midpoint(south, north).to_radians().cos();
    let drop_m = width_m * 0.02 + (range_m[1] - range_m[0]) * 0.15 + 0.2;
    let rim = (0..CELLS)
        .map(|i| (0, i))
        .chain((0..CELLS).map(|i| (i, CELLS)))
        .chain((0..CELLS).map(|i| (CELLS, CELLS - i)))
        .chain((0..CELLS).map(|i| (CELLS - i, 0)));
    let rim: Vec<u32> = rim.map(|(row, column)| at(row, column)).collect();
    let first_hanging = vertices.len() as u32;
    for index in &rim {
        let from = vertices[*index as usize];
        let (u, v) = (f64::from(from.uv[0]), f64::from(from.uv[1]));
        let low = position_at(u, v, ring_heights[*index as usize] - drop_m);
        vertices.push(Vertex { position: (low - origin).as_vec3().to_array(), ..from });
    }
    for (place_on_rim, top) in rim.iter().enumerate() {
        let next = (place_on_rim + 1) % rim.len();
        let (low, next_low) = (first_hanging + place_on_rim as u32, first_hanging + next as u32);
        indices.extend([*top, rim[next], low, rim[next], next_low, low]);
    }
    Sampled { shape: Shape::new(vertices, indices), origin, range_m }
}

/// Quiet colours from valley to ridge; plain stone where no terrain is.
fn tint(height_m: Option<f64>, range_m: Option<[f64; 2]>) -> [u8; 4] {
    const BARE: [u8; 4] = [205, 211, 205, 255];
    const STEPS: [[f64; 3]; 5] = [
        [150.0, 178.0, 138.0],
        [186.0, 200.0, 152.0],
        [216.0, 206.0, 164.0],
        [190.0, 165.0, 132.0],
        [226.0, 222.0, 216.0],
    ];
    let Some(height_m) = height_m else { return BARE };
    let [low, high] = range_m.unwrap_or([0.0, 2_000.0]);
    let along = ((height_m - low) / (high - low).max(1.0)).clamp(0.0, 1.0) * (STEPS.len() - 1) as f64;
    let step = (along as usize).min(STEPS.len() - 2);
    let part = along - step as f64;
    let mix = |channel: usize| (STEPS[step][channel] * (1.0 - part) + STEPS[step + 1][channel] * part) as u8;
    [mix(0), mix(1), mix(2), 255]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_lie_on_the_ellipsoid_at_their_height_and_north_is_row_zero() {
        let address = (15, 26_372, 13_720);
        let sampled = build(address, &|_, v| Some(100.0 + 50.0 * v), 0.0, None);
        let [west, south, _, north] = bounds_lon_lat_deg(address);
        let first = sampled.origin + glam::Vec3::from_array(sampled.shape.vertices()[0].position).as_dvec3();
        assert!((first - place::ecef([west, north, 100.0])).length() < 1e-3);
        let last_row =
            sampled.origin + glam::Vec3::from_array(sampled.shape.vertices()[CELLS * SIDE].position).as_dvec3();
        assert!((last_row - place::ecef([west, south, 150.0])).length() < 1e-3);
    }

    #[test]
    fn normals_of_level_ground_point_up() {
        let sampled = build((15, 26_372, 13_720), &|_, _| None, 300.0, None);
        let up = place::up_at(sampled.origin);
        for vertex in sampled.shape.vertices() {
            let normal =
                DVec3::new(f64::from(vertex.normal[0]), f64::from(vertex.normal[1]), f64::from(vertex.normal[2]))
                    / 32_767.0;
            assert!(normal.dot(up) > 0.9999);
        }
    }
}
