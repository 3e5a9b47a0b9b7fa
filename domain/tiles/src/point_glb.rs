//! Points of a COPC node as a tile: a glb of POINTS in a local east-north-up frame.
//!
//! Vertices are y-up as glTF wants them: (east, up, -north) of the frame; the tile's `transform` is
//! the frame's `ecef_from_enu`. Writing the glb is [`crate::glb`]'s; this file places the points.
//! Colours of LAS files are pictures' sRGB, of which the stored 16 bits hold no more than 8.

use geodesy::{EnuFrame, GeodesyError};

use crate::copc::NodePoints;
use crate::glb::{self, GlbError, Mode, Model, Primitive};
use crate::point_placement::PointPlacement;

/// How colours are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorDepth {
    /// Stored values are 0 to 255.
    Eight,
    /// Stored values are 0 to 65,535, as LAS wants them.
    Sixteen,
}

/// Why points can't become a tile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PointGlbError {
    /// A point can't be placed.
    #[error("点云坐标无法转换 / the point cloud's coordinates can't be placed on Earth")]
    Geodesy {
        /// Why.
        #[from]
        source: GeodesyError,
    },
    /// The glb can't be written.
    #[error("点云切片无法写出 / the point tile can't be written")]
    Glb {
        /// Why.
        #[from]
        source: GlbError,
    },
}

/// Writes `points` as a glb whose vertices stand in `frame`; `None` where there are no points.
///
/// # Errors
/// [`PointGlbError`] where a point can't be placed or the glb not be written.
pub fn point_glb(
    points: &NodePoints,
    placement: &PointPlacement,
    frame: &EnuFrame,
    color_depth: ColorDepth,
) -> Result<Option<Vec<u8>>, PointGlbError> {
    if points.is_empty() {
        return Ok(None);
    }
    let mut ecef = points.xyz.clone();
    placement.ecef_m(&mut ecef)?;
    let mut primitive = Primitive::new(Mode::Points);
    primitive.positions = ecef
        .iter()
        .map(|point| {
            let [east, north, up] = frame.enu_from_ecef_point(*point);
            [east as f32, up as f32, -north as f32]
        })
        .collect();
    if let Some(rgb) = &points.rgb {
        let byte = |stored| color_depth.byte(stored);
        primitive.colors =
            rgb.iter().map(|[red, green, blue]| [byte(*red), byte(*green), byte(*blue), u8::MAX]).collect();
    }
    primitive.classification.clone_from(&points.classification);
    primitive.intensity.clone_from(&points.intensity);
    let model = Model { primitives: vec![primitive], ..Model::default() };
    Ok(Some(glb::write(&model)?))
}

impl ColorDepth {
    /// The byte of a stored value; 65,535 and 255 are full.
    #[must_use]
    pub fn byte(self, stored: u16) -> u8 {
        match self {
            Self::Eight => u8::try_from(stored).unwrap_or(u8::MAX),
            Self::Sixteen => (stored >> 8) as u8,
        }
    }
}
