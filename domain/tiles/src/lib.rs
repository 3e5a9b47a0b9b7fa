//! Crate `tiles`; see ARCHITECTURE.md for its place in the house.

pub mod copc;
pub mod glb;
pub mod point_glb;
pub mod point_placement;
pub mod point_tileset;
pub mod tileset;
