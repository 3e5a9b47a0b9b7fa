//! Crate `tile-server`; see ARCHITECTURE.md for its place in the house.
