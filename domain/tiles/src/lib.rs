//! Bytes on the wire: vector tiles, terrain tiles, tile archives, cloud-optimised rasters, 3D Tiles and point clouds.
//!
//! Knows formats and grids; knows no HTTP, no GDAL, no database and no GPU. Every reader here takes bytes that somebody
//! else may have made, so each bounds what it allocates by the bytes that are there. Every raster and archive is read
//! through `object_store` ranges, so that a folder and a bucket are the same to its callers.

pub mod archive;
pub mod cog;
pub mod copc;
pub mod error;
pub mod glb;
pub mod mvt;
pub mod point_glb;
pub mod point_placement;
pub mod point_tileset;
pub mod terrain;
pub mod tileset;

pub use error::TilesError;
