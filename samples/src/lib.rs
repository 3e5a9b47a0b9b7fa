//! The sample county: an invented place, delivered the way departments really deliver theirs.
//! Everything is made from a seed; no third-party data enters. The same content every time, though bytes may differ.
//! Not a test fixture library: programs under test read the delivered files like anybody's.
#![allow(
    clippy::cast_lossless,
    clippy::cast_possible_wrap,
    reason = "raster arithmetic between small integers and floats, all far below the limits"
)]

pub mod block;
pub mod buildings;
pub mod classes;
pub mod county;
pub mod delivery;
pub mod dice;
pub mod dissolve;
pub mod erosion;
pub mod exact;
pub mod grid;
pub mod landuse;
pub mod mesh;
pub mod network;
pub mod noise;
pub mod old_datum;
pub mod osgb;
pub mod outbuildings;
pub mod paint;
pub mod parcels;
pub mod partition;
pub mod path;
pub mod place;
pub mod raster;
pub mod scene;
pub mod slide;
pub mod survey;
pub mod terrain;
pub mod vector;
pub mod zones;
