//! Meshes into 3D Tiles 1.1.
//!
//! One importer a file: `osgb`, `glb`, `tiles_folder`. `place` says where a model stands; the
//! folders of `osgb` are its steps, in the order of a conversion: `metadata`, `delivery`, `levels`,
//! `bake`, `block`.

mod bake;
mod block;
mod delivery;
pub mod glb;
mod levels;
mod metadata;
pub mod osgb;
mod place;
pub mod tiles_folder;
mod warnings;
