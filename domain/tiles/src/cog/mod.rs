//! Cloud-optimised `GeoTIFF` without GDAL: read by ranges, served without unpacking, and written as we want it.
//!
//! [`Cog`] reads tiled TIFF (classic and Big, both byte orders; none, LZW, Deflate, ZSTD, JPEG, `WebP`; predictors 1 to 3;
//! overviews and masks) from any `object_store`. [`write_imagery`] and [`write_elevation`] make the two kinds of file the
//! catalogue keeps. Strips, separate planes and LERC are refused: the importer rewrites what it is given.

mod beyond;
mod codec;
mod encode;
mod file;
mod geo;
mod layout;
mod passthrough;
mod reader;
mod sample;
mod tiff;
mod write_elevation;
mod write_imagery;

pub use beyond::Beyond;
pub use geo::GeoTransform;
pub use layout::{Compression, SampleType};
pub use passthrough::{PictureFormat, PictureTile, StoredTile};
pub use reader::{BandPixels, Cog, Level, RgbaPixels, Window};
pub use write_elevation::{ElevationGrid, ElevationReport, ElevationSource, write_elevation};
pub use write_imagery::{ImageryLayout, ImageryReport, ImagerySource, SourceError, TileRow, write_imagery};
