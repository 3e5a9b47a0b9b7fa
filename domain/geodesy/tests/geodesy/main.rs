//! Tests of `geodesy` against oracles: PROJ's own answers, GeographicLib, GDAL's tools, published values.
//!
//! One test binary, so that PROJ is linked once. Values of others are in tables beside their source.
#![expect(
    clippy::float_cmp,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests compare what must be exact, say what they skip, and fail by panicking"
)]

mod areas;
mod coordinate_systems;
mod datums;
mod frames;
mod golden;
mod grids;
mod heights;
mod planes;
mod sheets;
mod transforms;
