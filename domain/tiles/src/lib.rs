//! Crate `tiles`; see ARCHITECTURE.md for its place in the house.

pub mod copc;
pub mod glb;
pub mod point_crs;
pub mod tileset;
