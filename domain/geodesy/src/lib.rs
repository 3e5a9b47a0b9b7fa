//! Crate `geodesy`; see ARCHITECTURE.md for its place in the house.
