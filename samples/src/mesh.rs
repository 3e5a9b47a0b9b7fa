//! The oblique model's meshes: ground draped with the picture, houses as boxes with roofs and painted walls,
//! at three levels of detail. Geometry and texture only; the container is `osgb`'s.

use crate::buildings::{Building, Purpose};
use crate::osgb::Mesh;
use crate::path::PointM;
use anyhow::Result;
use jpeg_encoder::{ColorType, Encoder};

/// Pixels along one side of a mesh's ground texture.
pub const TEXTURE_PX: usize = 256;
/// Rows below it that repeat its last, so that smaller copies of the texture don't mix walls into the ground's edge.
const MARGIN_PX: usize = 16;
/// Rows of the wall strip below those.
const WALL_PX: usize = 32;
/// Rows of the whole texture.
const TOTAL_PX: usize = TEXTURE_PX + MARGIN_PX + WALL_PX;

/// What meshes are cut from.
pub struct Source<'a> {
    /// Height of ground with trees but without houses.
    pub height_m: &'a (dyn Fn(PointM) -> f64 + Sync),
    /// Height of the bare ground.
    pub ground_m: &'a (dyn Fn(PointM) -> f64 + Sync),
    /// Houses.
    pub buildings: &'a [Building],
    /// North-west corner of the picture in the crate's frame.
    pub corner_m: PointM,
    /// Side of the picture in metres.
    pub side_m: f64,
    /// Picture, row-major from the north-west.
    pub picture: &'a [[u8; 3]],
    /// Pixels along one side of the picture.
    pub picture_px: usize,
    /// Height that local zero stands for.
    pub base_m: f64,
}

/// A square piece of the block.
#[derive(Debug, Clone, Copy)]
pub struct Square {
    /// North-west corner in the crate's frame.
    pub corner_m: PointM,
    /// Side in metres.
    pub side_m: f64,
}

impl Source<'_> {
    /// The mesh of a square with ground posts every `step_m`.
    pub fn mesh(&self, square: Square, step_m: f64, picture_name: String) -> Result<Mesh> {
        let mut mesh = Mesh { picture: [TEXTURE_PX as u32, TOTAL_PX as u32], picture_name, ..Mesh::default() };
        let posts = (square.side_m / step_m).round() as usize;
        for row in 0..=posts {
            for column in 0..=posts {
                let p = [square.corner_m[0] + column as f64 * step_m, square.corner_m[1] + row as f64 * step_m];
                mesh.positions.push(self.local(p, (self.height_m)(p)));
                mesh.texcoords.push(ground_uv(square, p));
            }
        }
        let at = |column: usize, row: usize| (row * (posts + 1) + column) as u32;
        for row in 0..posts {
            for column in 0..posts {
                let [nw, ne, sw, se] =
                    [at(column, row), at(column + 1, row), at(column, row + 1), at(column + 1, row + 1)];
                mesh.indices.extend([nw, sw, se, nw, se, ne]);
            }
        }
        let inside = |p: PointM| {
            (0..2).all(|axis| p[axis] >= square.corner_m[axis] && p[axis] < square.corner_m[axis] + square.side_m)
        };
        for building in self.buildings.iter().filter(|building| inside(building.centre)) {
            self.house(&mut mesh, square, building);
        }
        let pixels = self.texture(square);
        Encoder::new(&mut mesh.jpeg, 82).encode(&pixels, TEXTURE_PX as u16, TOTAL_PX as u16, ColorType::Rgb)?;
        Ok(mesh)
    }

    /// Local coordinates: metres east and north of the block's south-west corner, up from the base.
    fn local(&self, p: PointM, height_m: f64) -> [f32; 3] {
        [
            (p[0] - self.corner_m[0]) as f32,
            (self.corner_m[1] + self.side_m - p[1]) as f32,
            (height_m - self.base_m) as f32,
        ]
    }

    fn house(&self, mesh: &mut Mesh, square: Square, building: &Building) {
        let corners = building.corners();
        let ground = (self.ground_m)(building.centre);
        let foot = corners.iter().map(|p| (self.ground_m)(*p)).fold(ground, f64::min) - 0.5;
        let eaves = ground + building.eaves_m;
        let ridge = ground + building.top_m();
        let pattern = match building.purpose {
            Purpose::Farmhouse | Purpose::Outbuilding => 0.0,
            Purpose::Apartments | Purpose::Public => 1.0,
            Purpose::Shop => 2.0,
            Purpose::Factory => 3.0,
        };
        let total = TOTAL_PX as f32;
        let wall_uv = |u: f32, top: bool| {
            [
                (pattern * 64.0 + 2.0 + u * 60.0) / TEXTURE_PX as f32,
                if top { (WALL_PX as f32 - 2.0) / total } else { 2.0 / total },
            ]
        };
        for i in 0..4 {
            let (a, b) = (corners[i], corners[(i + 1) % 4]);
            let base = mesh.positions.len() as u32;
            mesh.positions.extend([
                self.local(a, foot),
                self.local(b, foot),
                self.local(b, eaves),
                self.local(a, eaves),
            ]);
            mesh.texcoords.extend([wall_uv(0.0, false), wall_uv(1.0, false), wall_uv(1.0, true), wall_uv(0.0, true)]);
            // Corners run clockwise on the map, so the wall's outside is on the left of its edge.
            mesh.indices.extend([base, base + 2, base + 1, base, base + 3, base + 2]);
        }
        let base = mesh.positions.len() as u32;
        for corner in corners {
            mesh.positions.push(self.local(corner, eaves));
            mesh.texcoords.push(ground_uv(square, corner));
        }
        if building.pitched {
            let end = |sign: f64| {
                [
                    building.centre[0] + sign * building.half_m[0] * building.along[0],
                    building.centre[1] + sign * building.half_m[0] * building.along[1],
                ]
            };
            for end in [end(-1.0), end(1.0)] {
                mesh.positions.push(self.local(end, ridge));
                mesh.texcoords.push(ground_uv(square, end));
            }
            let (west, east) = (base + 4, base + 5);
            mesh.indices.extend([
                base,
                east,
                base + 1,
                base,
                west,
                east,
                base + 2,
                west,
                base + 3,
                base + 2,
                east,
                west,
            ]);
            mesh.indices.extend([base, base + 3, west, base + 1, east, base + 2]);
        } else {
            mesh.indices.extend([base, base + 2, base + 1, base, base + 3, base + 2]);
        }
    }

    fn texture(&self, square: Square) -> Vec<u8> {
        let pixel_m = self.side_m / self.picture_px as f64;
        let texel_m = square.side_m / TEXTURE_PX as f64;
        let reach = ((texel_m / pixel_m).round() as usize).max(1);
        let mut pixels = Vec::with_capacity(TEXTURE_PX * TOTAL_PX * 3);
        for row in 0..TEXTURE_PX {
            for column in 0..TEXTURE_PX {
                let x = ((square.corner_m[0] - self.corner_m[0] + column as f64 * texel_m) / pixel_m) as usize;
                let y = ((square.corner_m[1] - self.corner_m[1] + row as f64 * texel_m) / pixel_m) as usize;
                let mut sum = [0_u32; 3];
                let mut count = 0;
                for dy in 0..reach {
                    for dx in 0..reach {
                        let (x, y) = ((x + dx).min(self.picture_px - 1), (y + dy).min(self.picture_px - 1));
                        let pixel = self.picture[y * self.picture_px + x];
                        for channel in 0..3 {
                            sum[channel] += u32::from(pixel[channel]);
                        }
                        count += 1;
                    }
                }
                pixels.extend(sum.map(|channel| (channel / count) as u8));
            }
        }
        let last = pixels.len() - TEXTURE_PX * 3;
        for _row in 0..MARGIN_PX {
            pixels.extend_from_within(last..last + TEXTURE_PX * 3);
        }
        for row in 0..WALL_PX {
            for column in 0..TEXTURE_PX {
                pixels.extend(wall(column / 64, column % 64, row));
            }
        }
        pixels
    }
}

fn ground_uv(square: Square, p: PointM) -> [f32; 2] {
    let u = ((p[0] - square.corner_m[0]) / square.side_m).clamp(0.001, 0.999) as f32;
    let down = ((p[1] - square.corner_m[1]) / square.side_m).clamp(0.001, 0.999) as f32;
    [u, 1.0 - down * TEXTURE_PX as f32 / TOTAL_PX as f32]
}

/// A pixel of a painted wall: plaster, windows in rows, a darker foot.
fn wall(pattern: usize, x: usize, y: usize) -> [u8; 3] {
    let (bays, floors, plaster) = match pattern {
        0 => (4, 2, [216, 206, 190]),
        1 => (8, 4, [222, 216, 206]),
        2 => (6, 3, [206, 196, 184]),
        _ => (10, 1, [186, 192, 198]),
    };
    let (wide, high) = (64 / bays, WALL_PX / floors);
    let (u, v) = (x % wide, y % high);
    let window = u * 4 >= wide && u * 4 < wide * 3 && v * 10 >= high * 3 && v * 10 < high * 7;
    if window {
        [92, 104, 116]
    } else if y + 3 > WALL_PX {
        [150, 144, 136]
    } else {
        plaster
    }
}
