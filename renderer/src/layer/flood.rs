//! Water at a level, as a sheet that lies in the air: the ground rises through it, and its colours say how deep it is.

use std::sync::Arc;

use glam::DVec3;

use super::{Kind, Role};
use crate::scene::draw::{Draw, Picture, Shape, Vertex};
use crate::scene::flood::{self, Flood};
use crate::scene::place;
use crate::scene::relief::Relief;

/// Water.
pub const KIND: Kind = Kind {
    dataset_kind: "study-flood",
    title: ["灾情研判", "Studies"],
    entry: |_links| None,
    role: Role::Study { slug: "study-flood", name: ["淹没水面", "Water at a level"] },
};

/// Cells along a side of the sheet: over a few kilometres the earth is flat to a millimetre between them.
const CELLS: usize = 24;
/// How opaque the sheet is at its layer's full opacity.
const OPACITY: f32 = 0.72;

/// A sheet of water.
pub struct Sheet {
    shape: Arc<Shape>,
    picture: Arc<Picture>,
    origin: DVec3,
}

impl Sheet {
    /// The sheet of a flood over a relief; `None` where nothing is under water.
    #[must_use]
    pub fn new(relief: &Relief, flood: &Flood, level_m: f64) -> Option<Self> {
        if flood.area_m2 <= 0.0 {
            return None;
        }
        let [columns, rows] = relief.size();
        let picture = Picture::new([columns as u32, rows as u32], flood::colors(relief, flood), false).map(Arc::new)?;
        // The picture's pixels are cells, so it reaches half a cell beyond the outermost samples.
        let position = |u: f64, v: f64| {
            let [lon, lat] = relief.lon_lat_deg(u * columns as f64 - 0.5, v * rows as f64 - 0.5);
            place::ecef([lon, lat, level_m])
        };
        let origin = position(0.5, 0.5);
        let part = |index: usize| index as f64 / CELLS as f64;
        let vertex = |(column, row): (usize, usize)| {
            let (u, v) = (part(column), part(row));
            let position = (position(u, v) - origin).as_vec3().to_array();
            Vertex { position, uv: [u as f32, v as f32], color: [255; 4], ..Vertex::default() }
        };
        let vertices = (0..=CELLS).flat_map(|row| (0..=CELLS).map(move |column| (column, row))).map(vertex).collect();
        let at = |column: usize, row: usize| (row * (CELLS + 1) + column) as u32;
        let indices =
            (0..CELLS).flat_map(|row| (0..CELLS).map(move |column| (column, row))).flat_map(|(column, row)| {
                let (nw, ne) = (at(column, row), at(column + 1, row));
                let (sw, se) = (at(column, row + 1), at(column + 1, row + 1));
                [nw, sw, ne, ne, sw, se]
            });
        Some(Self { shape: Arc::new(Shape::new(vertices, indices.collect())), picture, origin })
    }

    /// What to draw.
    #[must_use]
    pub fn draw(&self, opacity: f32) -> Draw {
        let (shape, picture) = (Arc::clone(&self.shape), Arc::clone(&self.picture));
        Draw::Water { shape, picture, origin: self.origin, opacity: opacity * OPACITY }
    }

    /// Bytes held, here and in a drawer's copy.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.shape.bytes() + self.picture.bytes()
    }
}
