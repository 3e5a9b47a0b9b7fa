//! Geometry of one tile to a glb model: every vertex to its place in f64, then to f32 metres
//! around the middle of the tile.
//!
//! At 500 m from the middle an f32 is 0.03 mm fine: what rounding costs is invisible, what the
//! projection says is kept. Light is in the photographs, so textured surfaces are unlit.

use std::io;
use std::sync::Arc;

use geodesy::{EnuFrame, GeodesyError};
use tiles::glb::{Alpha, Image, Material, Mode, Model, Primitive, Wrap};

use super::levels::{Part, RowMatrix, apply};
use super::place::Place;
use crate::drone::osgb::{self, Geometry, Picture, PictureError};

/// Vertices of one tile. Real ones have a hundred thousand.
const MAX_VERTICES: usize = 1 << 25;

/// Where a block stands, and how its models lie in it.
pub(super) struct Ground<'a> {
    pub(super) place: &'a Place,
    /// Frame of the block.
    pub(super) frame: EnuFrame,
    /// Turns normals from the model's axes to the frame's; columns are the images of x, y, z.
    enu_from_model: [[f64; 3]; 3],
}

/// A tile's content.
pub(super) struct Baked {
    pub(super) model: Model,
    /// Lowest and highest corner in the frame of the block, metres.
    pub(super) min: [f64; 3],
    pub(super) max: [f64; 3],
    /// What the positions of the model are relative to, in the frame of the block.
    pub(super) center: [f64; 3],
    /// Lowest and highest height, where the coordinate system has heights.
    pub(super) heights_m: Option<[f64; 2]>,
    /// Triangles left out because they name vertices that do not exist.
    pub(super) bad_triangles: usize,
    /// Pictures that could not be had, each with its reason.
    pub(super) lost_pictures: Vec<PictureError>,
    /// Pictures encoded anew.
    pub(super) recoded_pictures: usize,
}

/// Why a tile can't be baked.
#[derive(Debug, thiserror::Error)]
pub(super) enum BakeError {
    #[error("its coordinates can't be converted")]
    Place {
        #[source]
        source: GeodesyError,
    },
    #[error("it has more than {MAX_VERTICES} vertices in one tile")]
    TooLarge,
}

impl<'a> Ground<'a> {
    /// The ground of a block around `middle`, in the model's own coordinates.
    pub(super) fn around(place: &'a Place, middle: [f64; 3]) -> Result<Self, GeodesyError> {
        let mut point = [middle];
        place.to_ecef(&mut point)?;
        let frame = EnuFrame::new(geodesy::frame::lon_lat_height_deg_from_ecef(point[0]));
        let map = place.ecef_from_model(middle)?;
        let enu_from_model = [0, 1, 2].map(|axis| {
            let tip = std::array::from_fn(|i| frame.ecef_origin[i] + map[axis * 4 + i]);
            frame.enu_from_ecef_point(tip)
        });
        Ok(Self { place, frame, enu_from_model })
    }

    fn normal(&self, matrix: &RowMatrix, n: [f32; 3]) -> [f32; 3] {
        let n = n.map(f64::from);
        let zero = apply(matrix, [0.0; 3]);
        let moved = apply(matrix, n);
        let turned: [f64; 3] =
            std::array::from_fn(|i| (0..3).map(|axis| self.enu_from_model[axis][i] * (moved[axis] - zero[axis])).sum());
        let length = turned.iter().map(|c| c * c).sum::<f64>().sqrt();
        // glTF wants unit normals; a missing one points up.
        let [e, n, u] = if length > 1e-9 { turned.map(|c| c / length) } else { [0.0, 0.0, 1.0] };
        [e as f32, u as f32, -n as f32]
    }
}

/// Bakes the parts of one tile; `None` where there is no triangle. `load` reads pictures beside the scene.
pub(super) fn bake(
    parts: &[Part],
    ground: &Ground<'_>,
    load: impl Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<Option<Baked>, BakeError> {
    let mut baked = Baked {
        model: Model::default(),
        min: [f64::INFINITY; 3],
        max: [f64::NEG_INFINITY; 3],
        center: [0.0; 3],
        heights_m: None,
        bad_triangles: 0,
        lost_pictures: Vec::new(),
        recoded_pictures: 0,
    };
    let mut placed = Vec::new();
    let mut vertices = 0;
    for part in parts {
        let (indices, left_out) = osgb::to_triangles(&part.geometry);
        baked.bad_triangles += left_out;
        if indices.is_empty() {
            continue;
        }
        vertices += part.geometry.positions.len();
        if vertices > MAX_VERTICES {
            return Err(BakeError::TooLarge);
        }
        let mut points: Vec<[f64; 3]> = part.geometry.positions.iter().map(|p| apply(&part.matrix, *p)).collect();
        let heights = ground.place.to_ecef(&mut points).map_err(|source| BakeError::Place { source })?;
        if let Some([low, high]) = heights {
            let [known_low, known_high] = baked.heights_m.unwrap_or([low, high]);
            baked.heights_m = Some([known_low.min(low), known_high.max(high)]);
        }
        for point in &mut points {
            *point = ground.frame.enu_from_ecef_point(*point);
            baked.min = std::array::from_fn(|i| baked.min[i].min(point[i]));
            baked.max = std::array::from_fn(|i| baked.max[i].max(point[i]));
        }
        placed.push((part, points, indices));
    }
    if placed.is_empty() {
        return Ok(None);
    }
    baked.center = std::array::from_fn(|i| f64::midpoint(baked.min[i], baked.max[i]));
    let mut pictures = Vec::<(Arc<Picture>, Option<(usize, bool)>)>::new();
    for (part, points, indices) in placed {
        let drawn = part.state.picture.as_ref().filter(|_| !part.geometry.uvs.is_empty());
        let image = drawn.and_then(|picture| {
            let known = pictures.iter().find(|(known, _)| Arc::ptr_eq(known, picture)).map(|(_, image)| *image);
            known.unwrap_or_else(|| {
                let image = baked.picture(picture, &load);
                pictures.push((Arc::clone(picture), image));
                image
            })
        });
        let material = baked.material(part, image);
        let mut primitive = Primitive {
            material: Some(material),
            positions: points.iter().map(|p| baked.y_up(*p)).collect(),
            indices,
            ..Primitive::new(Mode::Triangles)
        };
        attributes(&mut primitive, part, ground, image.is_some());
        baked.add(primitive);
    }
    Ok(Some(baked))
}

fn attributes(primitive: &mut Primitive, part: &Part, ground: &Ground<'_>, textured: bool) {
    let geometry: &Geometry = &part.geometry;
    let finite = |v: f32| if v.is_finite() { v } else { 0.0 };
    if textured {
        primitive.uvs = geometry.uvs.iter().map(|[u, v]| [finite(*u), finite(1.0 - v)]).collect();
    } else {
        primitive.normals = geometry.normals.iter().map(|n| ground.normal(&part.matrix, n.map(finite))).collect();
    }
    primitive.colors.clone_from(&geometry.colors);
}

impl Baked {
    /// A point of the block's frame as glTF has it: relative to the middle, (east, up, -north).
    fn y_up(&self, [e, n, u]: [f64; 3]) -> [f32; 3] {
        let c = self.center;
        [(e - c[0]) as f32, (u - c[2]) as f32, -(n - c[1]) as f32]
    }

    /// Adds a picture; answers with its number and whether it has alpha.
    fn picture(&mut self, picture: &Picture, load: &impl Fn(&str) -> io::Result<Vec<u8>>) -> Option<(usize, bool)> {
        match osgb::encode(picture, load) {
            Ok(encoded) => {
                self.recoded_pictures += usize::from(!encoded.untouched);
                self.model.images.push(Image::sniff(encoded.bytes));
                Some((self.model.images.len() - 1, encoded.has_alpha))
            }
            Err(error) => {
                self.lost_pictures.push(error);
                None
            }
        }
    }

    fn material(&mut self, part: &Part, picture: Option<(usize, bool)>) -> usize {
        let wrap = |repeat: bool| if repeat { Wrap::Repeat } else { Wrap::Clamp };
        let base_color = match (picture, part.geometry.overall_color) {
            (Some(_), _) => [1.0; 4],
            (None, Some(color)) => linear(color.map(|c| f32::from(c) / 255.0)),
            (None, None) if !part.geometry.colors.is_empty() => [1.0; 4],
            (None, None) => linear(part.state.diffuse.unwrap_or([0.8, 0.8, 0.8, 1.0])),
        };
        let material = Material {
            base_color,
            image: picture.map(|(image, _)| image),
            wrap: part.state.repeat.map(wrap),
            // Surfaces without a photograph and with normals want the light of the scene.
            unlit: picture.is_some() || part.geometry.normals.is_empty(),
            // OpenSceneGraph draws both sides unless told otherwise, and seams rely on it.
            double_sided: true,
            alpha: if picture.is_some_and(|(_, has_alpha)| has_alpha) { Alpha::Mask(0.5) } else { Alpha::Opaque },
        };
        let known = self.model.materials.iter().position(|known| *known == material);
        known.unwrap_or_else(|| {
            self.model.materials.push(material);
            self.model.materials.len() - 1
        })
    }

    /// Adds a primitive, joined to one of the same look: fewer draws.
    fn add(&mut self, primitive: Primitive) {
        let alike = |known: &&mut Primitive| {
            known.material == primitive.material
                && known.uvs.is_empty() == primitive.uvs.is_empty()
                && known.normals.is_empty() == primitive.normals.is_empty()
                && known.colors.is_empty() == primitive.colors.is_empty()
        };
        let Some(known) = self.model.primitives.iter_mut().find(alike) else {
            self.model.primitives.push(primitive);
            return;
        };
        let first = known.positions.len() as u32;
        known.indices.extend(primitive.indices.iter().map(|index| index + first));
        known.positions.extend(primitive.positions);
        known.uvs.extend(primitive.uvs);
        known.normals.extend(primitive.normals);
        known.colors.extend(primitive.colors);
    }
}

/// Colours of scenes are sRGB, factors of glTF materials linear; alpha is alpha.
fn linear([r, g, b, a]: [f32; 4]) -> [f32; 4] {
    let channel = |c: f32| {
        let c = c.clamp(0.0, 1.0);
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    [channel(r), channel(g), channel(b), a.clamp(0.0, 1.0)]
}
