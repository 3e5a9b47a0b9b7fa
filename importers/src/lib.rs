//! Reading what surveyors and departments deliver into the assets of a revision.
//!
//! `importer` is what an importer is, `list` the one list of them. Only `gdal/` names GDAL.
//! Nothing here reads the environment or a clock, and nothing prints: the program does.

pub mod delivery;
pub mod drone;
pub mod gdal;
pub mod georeference;
pub mod importer;
pub mod list;
pub mod planning;
pub mod progress;
pub mod sandbox;
