//! 3D Tiles 1.1 tilesets with explicit tiling: the JSON as types, read within bounds and written.
//!
//! Not here: what is in a tile ([`crate::glb`]), which tile to draw (the viewer), implicit tiling
//! (kept as JSON so that it can be named and passed on, never expanded).
//! Read 1.0 and 1.1 alike. Lengths are metres, regions radians, matrices column-major.

mod reference;
mod volume;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::glb::{IDENTITY, Matrix};

pub use reference::resolve;
pub use volume::BoundingVolume;

/// Largest tileset JSON read, in bytes: about 400,000 tiles.
pub const MAX_TILESET_BYTES: usize = 128 << 20;

/// A tileset JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tileset {
    /// Version and the like.
    pub asset: Asset,
    /// Error in metres when nothing of the tileset is drawn.
    pub geometric_error: f64,
    /// The one tile all others hang under.
    pub root: Tile,
    /// Extensions used anywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions_used: Vec<String>,
    /// Extensions without which it can't be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions_required: Vec<String>,
    /// Anything else the maker wanted to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extras: Option<Value>,
}

/// About the tileset itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asset {
    /// `1.0` or `1.1`.
    pub version: String,
    /// The maker's own version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tileset_version: Option<String>,
    /// Only before 1.0, and still met: `Z` where the glTFs inside are z-up, else y-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gltf_up_axis: Option<String>,
}

/// A tile: a place, an error, something to draw, and finer tiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tile {
    /// Holds everything of this tile and its children. Box and sphere are in the tile's frame;
    /// a region is on the ellipsoid whatever the transform.
    pub bounding_volume: BoundingVolume,
    /// Drawn only while the eye is inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer_request_volume: Option<BoundingVolume>,
    /// Error in metres while this tile is drawn instead of its children.
    pub geometric_error: f64,
    /// How children relate to this tile; inherited where absent. The root must say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refine: Option<Refine>,
    /// From this tile's frame to its parent's, column-major; identity where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Matrix>,
    /// What is drawn, or an external tileset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Several things at once (1.1); never together with `content`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<Content>,
    /// Finer tiles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Self>,
    /// Implicit tiling as it stands: nothing here expands it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub implicit_tiling: Option<Value>,
}

impl Tile {
    /// A tile without content, children or transform, refined by replacement.
    #[must_use]
    pub fn new(bounding_volume: BoundingVolume, geometric_error_m: f64) -> Self {
        Self {
            bounding_volume,
            viewer_request_volume: None,
            geometric_error: geometric_error_m,
            refine: Some(Refine::Replace),
            transform: None,
            content: None,
            contents: Vec::new(),
            children: Vec::new(),
            implicit_tiling: None,
        }
    }

    /// All contents, whichever way they are written.
    pub fn all_contents(&self) -> impl Iterator<Item = &Content> {
        self.content.iter().chain(&self.contents)
    }

    /// The transform, identity where absent.
    #[must_use]
    pub fn parent_from_tile(&self) -> Matrix {
        self.transform.unwrap_or(IDENTITY)
    }

    /// This tile and every one below it in the same JSON, parents first.
    pub fn iter(&self) -> impl Iterator<Item = &Self> {
        let mut stack = vec![self];
        std::iter::from_fn(move || {
            let tile = stack.pop()?;
            stack.extend(tile.children.iter().rev());
            Some(tile)
        })
    }
}

/// How finer tiles relate to the coarser one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refine {
    /// Drawn with it. Lower case was allowed before 1.0.
    #[serde(rename = "ADD", alias = "add")]
    Add,
    /// Drawn instead of it.
    #[serde(rename = "REPLACE", alias = "replace")]
    Replace,
}

/// A file of a tile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// Relative to the tileset JSON; see [`resolve`]. (`url` before 1.0.)
    #[serde(alias = "url")]
    pub uri: String,
    /// Tighter than the tile's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounding_volume: Option<BoundingVolume>,
}

impl Content {
    /// Content at `uri`, without a volume of its own.
    #[must_use]
    pub fn new(uri: impl Into<String>) -> Self {
        Self { uri: uri.into(), bounding_volume: None }
    }

    /// Whether the content is another tileset, by its name.
    #[must_use]
    pub fn is_tileset(&self) -> bool {
        let path = self.uri.split(['?', '#']).next().unwrap_or_default();
        path.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("json"))
    }
}

/// Why a tileset can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TilesetError {
    /// Too much of it.
    #[error("the tileset JSON has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Not JSON, or not a tileset, or nested deeper than 60 tiles.
    #[error("the tileset JSON does not parse")]
    Json {
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// JSON, with a value that can't be.
    #[error("the tileset is not valid: {reason}")]
    Invalid {
        /// What is wrong.
        reason: String,
    },
}

impl Tileset {
    /// A tileset of version 1.1 under `root`.
    #[must_use]
    pub fn new(root: Tile, geometric_error_m: f64) -> Self {
        Self {
            asset: Asset { version: "1.1".to_owned(), tileset_version: None, gltf_up_axis: None },
            geometric_error: geometric_error_m,
            root,
            extensions_used: Vec::new(),
            extensions_required: Vec::new(),
            extras: None,
        }
    }

    /// Reads a tileset JSON.
    ///
    /// # Errors
    /// [`TilesetError`]: too large, not JSON, another major version, or a number that can't be.
    pub fn parse(bytes: &[u8]) -> Result<Self, TilesetError> {
        if bytes.len() > MAX_TILESET_BYTES {
            return Err(TilesetError::TooLarge { size: bytes.len(), limit: MAX_TILESET_BYTES });
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let tileset: Self = serde_json::from_slice(bytes).map_err(|source| TilesetError::Json { source })?;
        tileset.check()?;
        Ok(tileset)
    }

    /// Writes it as compact JSON.
    ///
    /// # Errors
    /// [`TilesetError::Invalid`] as [`Tileset::parse`], so that nothing is written that could not
    /// be read again.
    pub fn to_json(&self) -> Result<Vec<u8>, TilesetError> {
        self.check()?;
        serde_json::to_vec(self).map_err(|source| TilesetError::Json { source })
    }

    fn check(&self) -> Result<(), TilesetError> {
        let invalid = |reason: String| Err(TilesetError::Invalid { reason });
        let version = &self.asset.version;
        if !(version.starts_with("1.") || version.starts_with("0.")) {
            return invalid(format!("version {version}, where 1.0 and 1.1 are known"));
        }
        let errors = std::iter::once(self.geometric_error).chain(self.root.iter().map(|tile| tile.geometric_error));
        for error in errors {
            if !(error >= 0.0 && error.is_finite()) {
                return invalid(format!("geometricError {error}"));
            }
        }
        for tile in self.root.iter() {
            let matrix = tile.parent_from_tile();
            let bottom = [(3, 0.0), (7, 0.0), (11, 0.0), (15, 1.0)];
            let is_affine = bottom.iter().all(|(number, want): &(usize, f64)| (matrix[*number] - want).abs() < 1e-12);
            if !is_affine || !matrix.iter().all(|v| v.is_finite()) {
                return invalid("a transform is not affine".to_owned());
            }
            if !tile.bounding_volume.is_finite() {
                return invalid("a bounding volume is not finite".to_owned());
            }
        }
        Ok(())
    }
}
