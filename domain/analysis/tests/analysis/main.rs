//! Tests of `analysis` against geo's own boolean operations, GeographicLib and what must add up.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, in helpers too")]

mod overlays;
mod rounded;
