//! The service asked in-process, over a real catalogue in a temporary folder: every protocol, its headers and its refusals.

#![allow(
    clippy::assigning_clones,
    clippy::panic,
    clippy::print_stdout,
    clippy::unnecessary_wraps,
    clippy::unreadable_literal,
    reason = "tests fail by panicking, print what they measured, and write coordinates as they are delivered"
)]

mod harness;

mod analyses;
mod basemap;
mod catalogue;
mod features;
mod figures;
mod incidents;
mod ledger;
mod load;
mod meshes;
mod people;
mod points;
mod rasters;
mod refusals;
mod review;
mod review_load;
mod styles;
mod vector_tiles;
