//! The scene: camera, tile selection, the ground, tilesets, picking and time, all in f64 and plain data.
//!
//! Nothing here names a graphics API or the network. A frame goes: camera to `View`, trees to selections,
//! selections to a `DrawList` for the drawer and a list of wanted tiles for the loader.

pub mod camera;
pub mod clip;
pub mod controls;
pub mod cover;
pub mod draw;
pub mod earthwork;
pub mod flood;
pub mod ground;
mod ground_tile;
pub mod label;
pub mod massing;
pub mod measure;
pub mod panes;
pub mod picking;
pub mod place;
pub mod ray;
pub mod relief;
pub mod section;
pub mod selection;
pub mod sight;
pub mod sign;
pub mod tileset;
pub mod timeline;
pub mod tree;
pub mod volume;
