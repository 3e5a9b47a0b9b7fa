//! Mapbox Vector Tiles 2.1: features in a grid become tiles, and tiles become features again.
//!
//! [`FeatureSet`] holds features on one fine integer grid, so that every later step (simplifying, rounding to a zoom,
//! clipping) is exact integer arithmetic that gives two neighbours the same shared border. [`FeatureSet::tile`] cuts
//! one tile, [`pyramid::build`] all of them. [`encode`] and [`decode`] are the bytes alone.
//!
//! A tile of polygons holds a second layer, [`label_layer`]: one point a polygon, in the one tile of each zoom that it
//! falls in. A label drawn from it stands once, where one drawn from the polygons stands in every tile that cuts them.
//!
//! The `mvt` crate serialises; it neither clips nor repairs here (its bounding box clamps vertices onto the tile's edge).

mod clip;
mod cut;
mod decode;
mod encode;
mod feature_set;
mod proto;
pub mod pyramid;
mod repair;
mod simplify;

use std::sync::Arc;

pub use cut::{CutOptions, CutTile, cut_tile};
pub use decode::decode;
pub use encode::encode;
pub use feature_set::{Feature, FeatureSet, Geometry};

/// Units per tile side in the tiles made here.
pub const EXTENT: u32 = 4096;

/// Feature ids stay below this, so that JavaScript's numbers hold them exactly.
pub const MAX_ID: u64 = 1 << 53;

/// The name of the layer that holds the label points of the polygons of `layer`, with their ids and attributes.
#[must_use]
pub fn label_layer(layer: &str) -> String {
    // A dataset's slug has no dot, so no layer of features has such a name.
    format!("{layer}.label")
}

/// An attribute value. A null attribute is left out.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// UTF-8 text.
    Text(Arc<str>),
    /// A real number.
    Float(f64),
    /// A signed integer.
    Int(i64),
    /// An integer too large for [`Value::Int`].
    Uint(u64),
    /// True or false.
    Bool(bool),
}

/// Attribute names and values of a feature, shared between the tiles it is in.
pub type Properties = Arc<[(Arc<str>, Value)]>;

/// One layer of one tile.
#[derive(Debug, Clone, PartialEq)]
pub struct TileLayer {
    /// The layer's name.
    pub name: String,
    /// Units per tile side.
    pub extent: u32,
    /// Features in drawing order.
    pub features: Vec<TileFeature>,
}

/// One feature of one tile.
#[derive(Debug, Clone, PartialEq)]
pub struct TileFeature {
    /// Id, unique in the layer, below [`MAX_ID`] in tiles made here.
    pub id: Option<u64>,
    /// Attributes.
    pub properties: Properties,
    /// Shape in tile units: x east, y south, from the tile's north-west corner.
    pub geometry: TileGeometry,
}

/// A vertex in tile units: x east, y south.
pub type TilePoint = [i32; 2];

/// A shape in tile units.
#[derive(Debug, Clone, PartialEq)]
pub enum TileGeometry {
    /// One or more points.
    Points(Vec<TilePoint>),
    /// One or more lines.
    Lines(Vec<Vec<TilePoint>>),
    /// Polygons; each is its outer ring and then its holes. The first vertex of a ring is not repeated at its end.
    /// Outer rings have a positive area by the surveyor's formula in tile units, holes a negative one.
    Polygons(Vec<Vec<Vec<TilePoint>>>),
}

impl TileGeometry {
    /// Number of vertices.
    #[must_use]
    pub fn vertex_count(&self) -> usize {
        match self {
            Self::Points(points) => points.len(),
            Self::Lines(lines) => lines.iter().map(Vec::len).sum(),
            Self::Polygons(polygons) => polygons.iter().flatten().map(Vec::len).sum(),
        }
    }
}

/// Twice the signed area of a ring by the surveyor's formula (positive: clockwise on the screen).
#[must_use]
pub fn doubled_ring_area(ring: &[TilePoint]) -> i64 {
    let Some(last) = ring.last() else { return 0 };
    let mut previous = last;
    let mut sum = 0_i128;
    for point in ring {
        sum += i128::from(previous[0]) * i128::from(point[1]) - i128::from(point[0]) * i128::from(previous[1]);
        previous = point;
    }
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}
