//! Where tiles come from: one file per source, one list.
//!
//! A source says what it answers; the routes ask the first that does. Caches belong to the source that fills them.

use std::sync::Arc;

use catalog::{Catalog, DatasetKind, Revision, Slug, TiandituSource};
use futures::future::BoxFuture;
use geodesy::grid::{TileCoord, TileMatrixSet};
use tiles::terrain::TerrainEncoding;

use crate::app::Settings;
use crate::payload::Payload;
use crate::problem::Problem;

mod copc;
mod elevation_cog;
mod features_flatgeobuf;
mod imagery_cog;
mod mesh_files;
mod tianditu;
mod vector_pmtiles;

pub(crate) use features_flatgeobuf::feature_path;

/// Where the bytes are.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A revision of a dataset of that kind.
    Revision(Arc<Revision>, DatasetKind),
    /// A live Tianditu layer.
    Tianditu(Slug, TiandituSource),
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// A map tile, with the file extension of the URL.
    Tile(TileMatrixSet, TileCoord, String),
    /// A terrain tile on the Web Mercator grid.
    Terrain(TerrainEncoding, TileCoord),
    /// A part of a 3D tileset.
    Content(String),
}

/// What a source gives.
#[derive(Debug)]
pub enum Answer {
    /// A body.
    Payload(Payload),
    /// A tile with nothing in it.
    Empty,
    /// A file of the revision as it is.
    File(String),
}

/// One source of tiles.
pub trait Source: Send + Sync {
    /// Name for logs and counters.
    fn name(&self) -> &'static str;

    /// Whether it is the one to ask.
    fn answers(&self, origin: &Origin, wanted: &Wanted) -> bool;

    /// The bytes. What does not exist is a 404 problem.
    fn get<'a>(
        &'a self,
        catalog: &'a Catalog,
        origin: &'a Origin,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Answer, Problem>>;
}

/// Every source.
pub struct Sources {
    list: Vec<Box<dyn Source>>,
}

impl Sources {
    /// The list.
    pub fn new(settings: &Settings) -> Self {
        Self {
            list: vec![
                Box::new(imagery_cog::ImageryCog::default()),
                Box::new(elevation_cog::ElevationCog::default()),
                Box::new(vector_pmtiles::VectorPmtiles::default()),
                Box::new(features_flatgeobuf::FeaturesFlatGeobuf::default()),
                Box::new(copc::Copc::default()),
                Box::new(mesh_files::MeshFiles),
                Box::new(tianditu::Tianditu::new(settings)),
            ],
        }
    }

    /// Asks the source that answers.
    pub async fn get(&self, catalog: &Catalog, origin: &Origin, wanted: &Wanted) -> Result<Answer, Problem> {
        match self.list.iter().find(|source| source.answers(origin, wanted)) {
            Some(source) => source.get(catalog, origin, wanted).await,
            None => Err(Problem::no_tile()),
        }
    }
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.list.iter().map(|source| source.name())).finish()
    }
}
