//! Tests of `analysis` against geo's own boolean operations, GeographicLib and what must add up.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "tests say what they skip, and fail by panicking")]

mod conformity;
mod differences;
mod ground_truth;
mod overlays;
mod painted;
mod real;
mod red_lines;
mod rounded;
mod site_search;
mod terrain_changes;
