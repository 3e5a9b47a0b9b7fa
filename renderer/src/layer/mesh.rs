//! Meshes: the glb contents of 3D Tiles become textured shapes.
//!
//! A texture of a survey mesh is a photograph and already lit, so textured surfaces are drawn as they are; plain ones get
//! light, or one would see a silhouette. Vertices stay in f32 relative to where the tile puts them, placements are f64.

use std::sync::Arc;

use glam::{DMat4, DVec3};
use tiles::glb::{self, Alpha, Mode, Model, Primitive, Wrap};

use super::{Kind, Piece, Role};
use crate::error::ViewError;
use crate::fetch::Fetched;
use crate::scene::draw::{Picture, PointSet, PointVertex, Shape, Vertex, packed_normal};

/// Oblique models.
pub const KIND: Kind = Kind {
    dataset_kind: "mesh",
    title: ["实景模型", "Mesh"],
    entry: |links| links.tileset.as_ref(),
    role: Role::Tileset { decode, max_error_px: 12.0 },
};

fn decode(fetched: &Fetched) -> Result<Vec<Piece>, ViewError> {
    pieces(fetched, &|position, color| PointVertex { position, color: color.unwrap_or([200, 200, 200, 255]) })
}

/// Every drawable part of a glb; `paint` gives points their colour from position (y-up) and stored colour.
pub(super) fn pieces(
    fetched: &Fetched,
    paint: &dyn Fn([f32; 3], Option<[u8; 4]>) -> PointVertex,
) -> Result<Vec<Piece>, ViewError> {
    if fetched.body.is_empty() {
        return Ok(Vec::new());
    }
    let refuse = |reason: String| ViewError::Tile { url: fetched.url.to_string(), reason };
    // A tile is one file: what it names outside itself would need another request and is not followed.
    let mut no_files = |uri: &str| Err(std::io::Error::new(std::io::ErrorKind::Unsupported, uri.to_owned()));
    let model = glb::read(&fetched.body, &mut no_files).map_err(|error| refuse(error.to_string()))?;
    let pictures = pictures(&model, fetched)?;
    let tile_from_gltf = DMat4::from_cols_array(&model.tile_from_gltf());
    let mut out = Vec::new();
    for primitive in &model.primitives {
        let placed = primitive.placements.iter().map(|placement| tile_from_gltf * DMat4::from_cols_array(placement));
        if primitive.mode == Mode::Points {
            let points = Arc::new(points(primitive, paint));
            out.extend(placed.map(|tile_from_local| Piece::Points { points: Arc::clone(&points), tile_from_local }));
            continue;
        }
        let Some(indices) = triangle_indices(primitive) else { continue };
        let material = primitive.material.and_then(|index| model.materials.get(index)).cloned().unwrap_or_default();
        let picture = material.image.and_then(|index| pictures.get(index).cloned().flatten());
        let mut base_color = material.base_color;
        if material.alpha != Alpha::Blend {
            base_color[3] = 1.0;
        }
        let lit = picture.is_none() && !material.unlit;
        let shape = Arc::new(Shape::new(vertices(primitive), indices));
        out.extend(placed.map(|tile_from_local| Piece::Mesh {
            shape: Arc::clone(&shape),
            picture: picture.clone(),
            tile_from_local,
            base_color,
            lit,
        }));
    }
    Ok(out)
}

/// Pictures by image index.
fn pictures(model: &Model, fetched: &Fetched) -> Result<Vec<Option<Arc<Picture>>>, ViewError> {
    let decode = |(index, image): (usize, &glb::Image)| {
        let mut users = model.materials.iter().filter(|material| material.image == Some(index));
        let repeats = users.any(|material| material.wrap.contains(&Wrap::Repeat));
        let part = Fetched { body: image.bytes.clone().into(), ..fetched.clone() };
        super::picture_from_image(&part, repeats)
    };
    model.images.iter().enumerate().map(decode).collect()
}

fn vertices(primitive: &Primitive) -> Vec<Vertex> {
    let at = |index: usize| Vertex {
        position: primitive.positions[index],
        uv: primitive.uvs.get(index).copied().unwrap_or_default(),
        normal: primitive
            .normals
            .get(index)
            .map_or([0; 4], |normal| packed_normal(DVec3::from_array(normal.map(f64::from)))),
        color: primitive.colors.get(index).copied().unwrap_or([255; 4]),
    };
    (0..primitive.positions.len()).map(at).collect()
}

fn points(primitive: &Primitive, paint: &dyn Fn([f32; 3], Option<[u8; 4]>) -> PointVertex) -> PointSet {
    let colored = primitive.positions.iter().enumerate();
    PointSet::new(colored.map(|(index, position)| paint(*position, primitive.colors.get(index).copied())).collect())
}

/// Three indices a triangle whatever the mode; `None` for lines, which are not drawn.
fn triangle_indices(primitive: &Primitive) -> Option<Vec<u32>> {
    let corners: Vec<u32> = if primitive.indices.is_empty() {
        (0..primitive.positions.len() as u32).collect()
    } else {
        primitive.indices.clone()
    };
    match primitive.mode {
        Mode::Triangles => Some(corners),
        Mode::TriangleStrip => {
            let turn = |(number, three): (usize, &[u32])| {
                if number % 2 == 0 { [three[0], three[1], three[2]] } else { [three[1], three[0], three[2]] }
            };
            Some(corners.windows(3).enumerate().flat_map(turn).collect())
        }
        Mode::TriangleFan => {
            let first = corners.first().copied()?;
            Some(corners.get(1..)?.windows(2).flat_map(|pair| [first, pair[0], pair[1]]).collect())
        }
        Mode::Points | Mode::Lines | Mode::LineLoop | Mode::LineStrip => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn primitive(mode: Mode, count: usize) -> Primitive {
        Primitive { positions: vec![[0.0; 3]; count], ..Primitive::new(mode) }
    }

    #[test]
    fn strips_and_fans_become_triangles_that_face_the_same_way() {
        assert_eq!(triangle_indices(&primitive(Mode::TriangleStrip, 4)), Some(vec![0, 1, 2, 2, 1, 3]));
        assert_eq!(triangle_indices(&primitive(Mode::TriangleFan, 4)), Some(vec![0, 1, 2, 0, 2, 3]));
        assert_eq!(triangle_indices(&primitive(Mode::Lines, 4)), None);
    }
}
