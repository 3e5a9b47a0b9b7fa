//! What drones and their processing software deliver: one file or folder per kind.

pub mod elevation;
pub mod mesh;
pub mod orthophoto;
pub mod osgb;
pub mod picture;
pub mod placed_raster;
pub mod point_cloud;
pub mod tiff_peek;
pub mod warp;
