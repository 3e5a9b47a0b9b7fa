//! The service asked in-process, over a real catalogue in a temporary folder: every protocol, its headers and its refusals.

mod harness;

mod analyses;
mod basemap;
mod catalogue;
mod features;
mod figures;
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
