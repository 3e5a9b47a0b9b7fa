//! A COPC file as 3D Tiles 1.1, made on the fly: tilesets and point tiles by octree key.
//!
//! [`PointTileset`] answers three kinds of name below one URL prefix: `tileset.json`, the external
//! tilesets `{level}-{x}-{y}-{z}.json` and the points `{level}-{x}-{y}-{z}.glb`. A tileset holds
//! [`LEVELS_PER_TILESET`] levels; where the octree goes on, it refers to the next one, so a cloud of
//! any size starts with a small file. Nothing is kept here: names are answered from the key alone,
//! whoever serves them caches.
//!
//! Each tile stands in its own ENU frame. Transforms of 3D Tiles multiply downwards, so a child
//! states its frame relative to its parent's; an external tileset begins in ECEF again.
//!
//! Source: OGC 3D Tiles 1.1 (22-025r4), sections on tiles, transforms and external tilesets.

use std::collections::BTreeMap;
use std::sync::Arc;

use geodesy::{Crs, EnuFrame, GeodesyError};

use crate::copc::{CopcError, CopcFile, Node, VoxelKey, Wanted};
use crate::glb::{IDENTITY, Matrix, multiply};
use crate::point_glb::{ColorDepth, PointGlbError, point_glb};
use crate::point_placement::{EnuBox, PointPlacement};
use crate::tileset::{BoundingVolume, Content, Refine, Tile, Tileset};

/// Levels of the octree in one tileset file: about 340 tiles of terrain, at most 4,681.
pub const LEVELS_PER_TILESET: u8 = 5;

/// Why a tile or a tileset could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PointTilesetError {
    /// The COPC file can't be read.
    #[error("点云切片失败 / can't make tiles of the point cloud")]
    Copc {
        /// Why.
        #[from]
        source: CopcError,
    },
    /// The points can't be placed on Earth.
    #[error("点云坐标无法转换 / the point cloud's coordinates can't be placed on Earth")]
    Geodesy {
        /// Why.
        #[from]
        source: GeodesyError,
    },
    /// A tile can't be written.
    #[error("点云切片失败 / can't make tiles of the point cloud")]
    Tile {
        /// Why.
        #[from]
        source: PointGlbError,
    },
    /// The file states no CRS and the caller gave none.
    #[error("点云没有坐标系信息 / the point cloud states no coordinate system")]
    NoCrs,
    /// The thread that decoded the points died.
    #[error("点云解码线程中断 / decoding the points was cut off")]
    Decoder {
        /// How it died.
        #[source]
        source: tokio::task::JoinError,
    },
}

/// A point cloud ready to be served as 3D Tiles. Share it: every method takes `&self`.
#[derive(Debug, Clone)]
pub struct PointTileset {
    file: Arc<CopcFile>,
    placement: Arc<PointPlacement>,
}

impl PointTileset {
    /// Serves `file`, placed by `crs` (or by the file's own CRS text), `height_offset_m` added to
    /// every height.
    ///
    /// # Errors
    /// [`PointTilesetError::NoCrs`]; [`PointTilesetError::Geodesy`] where the CRS is refused.
    pub fn new(file: CopcFile, crs: Option<&str>, height_offset_m: f64) -> Result<Self, PointTilesetError> {
        let text = crs.or(file.crs_wkt()).ok_or(PointTilesetError::NoCrs)?;
        let placement = PointPlacement::new(&Crs::from_user_input(text)?, height_offset_m)?;
        Ok(Self { file: Arc::new(file), placement: Arc::new(placement) })
    }

    /// The COPC file behind it.
    #[must_use]
    pub fn file(&self) -> &CopcFile {
        &self.file
    }

    /// Where the points stand.
    #[must_use]
    pub fn placement(&self) -> &PointPlacement {
        &self.placement
    }

    /// The tileset that begins at `key`: the root's is `tileset.json`, the others are external ones.
    /// `None` where no tileset begins at that key.
    ///
    /// # Errors
    /// [`PointTilesetError`] where the hierarchy can't be read or placed.
    pub async fn tileset(&self, key: VoxelKey) -> Result<Option<Tileset>, PointTilesetError> {
        let Some(root) = self.file.node(key).await? else {
            return Ok(None);
        };
        if !key.level.is_multiple_of(LEVELS_PER_TILESET) {
            return Ok(None);
        }
        if key.level > 0 && self.file.children(key).await?.is_empty() {
            return Ok(None);
        }
        // Parents first, so that every tile's children follow it.
        let mut nodes = vec![root];
        let mut child_keys: BTreeMap<VoxelKey, Vec<Node>> = BTreeMap::new();
        let mut next = 0;
        while let Some(node) = nodes.get(next).copied() {
            let children = self.file.children(node.key).await?;
            if node.key == key || !node.key.level.is_multiple_of(LEVELS_PER_TILESET) {
                nodes.extend(&children);
            }
            child_keys.insert(node.key, children);
            next += 1;
        }
        let root = self.tile(root, None, key, &child_keys)?;
        let error_m = diameter_m(&root);
        Ok(Some(Tileset::new(root, error_m)))
    }

    /// The points of `key` as glb in the frame of its tile; `None` where the node has none.
    ///
    /// # Errors
    /// [`PointTilesetError`] where the points can't be read or placed.
    pub async fn glb(&self, key: VoxelKey) -> Result<Option<Vec<u8>>, PointTilesetError> {
        let Some(node) = self.file.node(key).await?.filter(|node| node.points > 0) else {
            return Ok(None);
        };
        let depth = if self.file.colors_are_8_bit().await? { ColorDepth::Eight } else { ColorDepth::Sixteen };
        let bytes = self.file.node_bytes(&node).await?;
        let this = self.clone();
        let work = move || {
            let points = this.file.decode_node(&node, &bytes, Wanted::Display)?;
            let frame = this.node_box(key)?.frame;
            Ok(point_glb(&points, &this.placement, &frame, depth)?)
        };
        tokio::task::spawn_blocking(work).await.map_err(|source| PointTilesetError::Decoder { source })?
    }

    /// The box around the points that the node `key` can hold: its cube, cut to the file's bounds.
    ///
    /// # Errors
    /// [`GeodesyError`] where a corner can't be placed.
    pub fn node_box(&self, key: VoxelKey) -> Result<EnuBox, GeodesyError> {
        let header = self.file.header();
        let [mut min, mut max] = self.file.info().cube(key);
        for axis in 0..3 {
            // A clumsy writer's point may lie a rounding outside its cube or the stated bounds.
            let slack = header.scale[axis].abs();
            min[axis] = min[axis].max(header.min[axis]) - slack;
            max[axis] = max[axis].min(header.max[axis]) + slack;
            // A cube outside the stated bounds: something lies, so believe the cube alone.
            if min[axis] > max[axis] {
                let cube = self.file.info().cube(key);
                (min[axis], max[axis]) = (cube[0][axis], cube[1][axis]);
            }
        }
        self.placement.enu_box([min, max])
    }

    /// One tile and all below it. Recursion ends at [`LEVELS_PER_TILESET`].
    fn tile(
        &self,
        node: Node,
        parent: Option<&EnuFrame>,
        first: VoxelKey,
        child_keys: &BTreeMap<VoxelKey, Vec<Node>>,
    ) -> Result<Tile, GeodesyError> {
        let key = node.key;
        let around = self.node_box(key)?;
        let volume = BoundingVolume::from_corners(around.min_m, around.max_m);
        let ecef_from_enu = around.frame.ecef_from_enu();
        let parent_from_ecef = parent.map_or(IDENTITY, enu_from_ecef);
        let children = child_keys.get(&key).map_or(&[][..], Vec::as_slice);
        if key != first && !children.is_empty() && key.level.is_multiple_of(LEVELS_PER_TILESET) {
            // Back to ECEF, where the external tileset begins; the box moves there with it.
            let mut tile = Tile::new(volume.transformed(&ecef_from_enu), 2.0 * self.spacing_m(key));
            tile.refine = Some(Refine::Add);
            tile.transform = Some(parent_from_ecef);
            tile.content = Some(Content::new(format!("{key}.json")));
            return Ok(tile);
        }
        let error_m = if children.is_empty() { 0.0 } else { self.spacing_m(key) };
        let mut tile = Tile::new(volume, error_m);
        tile.refine = Some(Refine::Add);
        tile.transform = Some(multiply(&parent_from_ecef, &ecef_from_enu));
        tile.content = (node.points > 0).then(|| Content::new(format!("{key}.glb")));
        for child in children {
            tile.children.push(self.tile(*child, Some(&around.frame), first, child_keys)?);
        }
        Ok(tile)
    }

    /// Distance between the points of a node in metres: what is missing when nothing below is shown.
    fn spacing_m(&self, key: VoxelKey) -> f64 {
        let spacing = self.file.info().spacing / f64::from(1_u32 << key.level);
        spacing * self.placement.horizontal_unit_m()
    }
}

/// Length of the root's box: what is missing when nothing is shown at all.
fn diameter_m(root: &Tile) -> f64 {
    let diagonal = match root.bounding_volume {
        BoundingVolume::Box(numbers) => 2.0 * numbers[3].hypot(numbers[7]).hypot(numbers[11]),
        _ => 0.0,
    };
    diagonal.max(2.0 * root.geometric_error)
}

/// The inverse of a frame's matrix: its turn transposed, its origin turned back.
fn enu_from_ecef(frame: &EnuFrame) -> Matrix {
    let forward = frame.ecef_from_enu();
    let origin = frame.enu_from_ecef_point([0.0; 3]);
    let mut back = IDENTITY;
    for row in 0..3 {
        for column in 0..3 {
            back[4 * column + row] = forward[4 * row + column];
        }
        back[12 + row] = origin[row];
    }
    back
}

#[cfg(test)]
#[path = "point_tileset_tests.rs"]
mod tests;
