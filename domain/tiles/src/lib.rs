//! Crate `tiles`; see ARCHITECTURE.md for its place in the house.

pub mod glb;
pub mod tileset;
