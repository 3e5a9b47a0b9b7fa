//! What drones and their processing software deliver: one file or folder per kind.

pub mod mesh;
pub mod osgb;
pub mod picture;
pub mod point_cloud;
pub mod tiff_peek;
pub mod warp;
