//! Tests of `analysis` against geo's own boolean operations, GeographicLib and what must add up.

#![allow(
    clippy::float_cmp,
    clippy::format_collect,
    clippy::needless_for_each,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::print_stdout,
    clippy::unreadable_literal,
    clippy::unwrap_used,
    reason = "tests say what they skip, fail by panicking, and mean the number that they write"
)]

mod conformity;
mod differences;
mod evacuation_networks;
mod evacuations;
mod exposures;
mod fallen_buildings;
mod ground_truth;
mod inundations;
mod overlays;
mod painted;
mod real;
mod red_lines;
mod rounded;
mod site_search;
mod terrain_changes;
mod terrains;
