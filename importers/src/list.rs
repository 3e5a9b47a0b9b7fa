//! The one list of importers: to add a kind, write its file and add its line here.
//!
//! The order breaks ties between equally sure importers, the more particular first.

use std::path::Path;

use crate::drone::elevation::Elevation;
use crate::drone::mesh::glb::GlbFile;
use crate::drone::mesh::osgb::OsgbDelivery;
use crate::drone::mesh::tiles_folder::TilesFolder;
use crate::drone::orthophoto::Orthophoto;
use crate::drone::point_cloud::PointCloud;
use crate::importer::{Confidence, Importer};
use crate::planning::vector_layer::VectorLayer;

/// Every importer there is.
pub const IMPORTERS: &[&dyn Importer] =
    &[&OsgbDelivery, &TilesFolder, &GlbFile, &PointCloud, &Orthophoto, &Elevation, &VectorLayer];

/// The importer that is surest of `path`, if any claims it.
#[must_use]
pub fn claimant(path: &Path) -> Option<(&'static dyn Importer, Confidence)> {
    let mut best: Option<(&'static dyn Importer, Confidence)> = None;
    for importer in IMPORTERS {
        let confidence = importer.claims(path);
        if confidence > best.map_or(Confidence::No, |(_, sure)| sure) {
            best = Some((*importer, confidence));
        }
    }
    best
}

/// The importer of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Importer> {
    IMPORTERS.iter().copied().find(|importer| importer.name() == name)
}
