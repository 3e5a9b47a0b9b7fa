//! The cloud service: the catalogue over HTTP as tiles, features, 3D tiles, terrain, maps and a web page.
//!
//! `app` lists the protocols, `routes` has one file and one table per protocol, `source` one file per source of tiles.
//! It is a library so that tests can ask it in-process; it reads no environment and no clock, `main` hands those in.
//! It never links GDAL: every format it reads is read by our own code from the blobs.

pub mod app;
mod asked;
mod asset;
mod desk;
mod document;
pub mod encoding;
pub mod feature_file;
pub mod glyph;
pub mod ground_views;
pub mod importer_program;
pub mod jobs;
pub mod locate;
pub mod openapi;
pub mod outline;
pub mod package;
mod password;
pub mod payload;
pub mod people;
pub mod problem;
pub mod push;
pub mod route;
pub mod routes;
pub mod source;
pub mod traffic;
pub mod work;

pub use app::{App, Settings, router};
pub use jobs::JobSettings;
pub use work::WorkLimits;
