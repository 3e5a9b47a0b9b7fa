//! Crate `carto`; see ARCHITECTURE.md for its place in the house.
