//! Crate `importers`; see ARCHITECTURE.md for its place in the house.
