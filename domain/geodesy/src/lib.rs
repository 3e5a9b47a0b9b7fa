//! Where things are, exactly: coordinate systems, datums, grids, areas and frames.
//!
//! What it is: the only crate that plans a coordinate operation. Raster reading hands GDAL the pipeline
//! planned here, vector reading and meshes call [`Transform`] with native coordinates.
//! What it is not: it opens no files, reads no environment and knows no importer, no tile and no dataset.
//! Programs must unset `PROJ_DATA` and `PROJ_LIB` before the first call: the PROJ database is built in.
//!
//! Conventions of every public function: x is easting or longitude and comes first, y is northing or latitude;
//! geographic coordinates are degrees, lengths are metres unless the name says otherwise.

pub mod area;
pub mod crs;
pub mod datum;
pub mod densify;
pub mod distance;
mod error;
pub mod frame;
pub mod gauss_kruger;
pub mod grid;
pub mod height;
pub mod offset;
mod pipeline;
pub mod pole;
mod projjson;
pub mod sheet;
pub mod transform;

pub use crs::{Crs, CrsWarning, Ellipsoid};
pub use datum::{Datum, DatumParameters};
pub use error::GeodesyError;
pub use frame::EnuFrame;
pub use grid::{TileCoord, TileMatrixSet};
pub use height::HeightDatum;
pub use transform::Transform;
