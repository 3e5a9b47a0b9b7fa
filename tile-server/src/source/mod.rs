//! Where tiles come from: one file per source, one list.
//!
//! A source says what it answers; the routes ask the first that does. Caches belong to the source that fills them.

use std::sync::Arc;

use catalog::{Catalog, DatasetKind, Revision, Slug, TiandituSource};
use futures::future::BoxFuture;
use geodesy::grid::{TileCoord, TileMatrixSet};
use serde_json::Value;
use tiles::archive::Archive;
use tiles::terrain::TerrainEncoding;

use crate::app::Settings;
use crate::asset::{Opened, asset_of};
use crate::payload::Payload;
use crate::problem::Problem;
use crate::routes::query_value;
use crate::work::Work;

mod copc;
mod elevation_cog;
mod features_flatgeobuf;
mod imagery_cog;
mod mesh_files;
mod tianditu;
mod vector_pmtiles;

pub(crate) use elevation_cog::unit_m;

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
    Terrain(TerrainEncoding, TileCoord, Gaps),
    /// A part of a 3D tileset.
    Content(String),
}

/// What stands in a terrain tile where there is no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gaps {
    /// The code of 0 m, which readers that know of it take for a gap.
    Mark,
    /// Nearby heights carried on, for clients that draw what they get.
    Fill,
}

impl Gaps {
    /// `gaps=`; marked unless asked otherwise.
    pub fn from_query(query: Option<&str>) -> Result<Self, Problem> {
        match query_value(query, "gaps").as_deref() {
            None | Some("mark") => Ok(Self::Mark),
            Some("fill") => Ok(Self::Fill),
            Some(_) => Err(Problem::bad_parameter("gaps", "应为 mark 或 fill", "must be mark or fill")),
        }
    }

    /// Where a revision has terrain tiles, degrees: with gaps filled, as far again on every side as it is long, so that
    /// the ground's end is out of sight.
    pub fn bounds(self, [west, south, east, north]: [f64; 4]) -> [f64; 4] {
        match self {
            Self::Mark => [west, south, east, north],
            Self::Fill => {
                let (width, height) = (east - west, north - south);
                [
                    (west - width).max(-180.0),
                    (south - height).max(-85.0),
                    (east + width).min(180.0),
                    (north + height).min(85.0),
                ]
            }
        }
    }
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

/// Archives of vector tiles kept open.
const ARCHIVES_OPEN: u64 = 256;

/// Every source.
pub struct Sources {
    list: Vec<Box<dyn Source>>,
    archives: Arc<Opened<Archive>>,
}

impl Sources {
    /// The list.
    pub fn new(settings: &Settings, work: &Arc<Work>) -> Self {
        let archives = Arc::new(Opened::new(ARCHIVES_OPEN));
        Self {
            list: vec![
                Box::new(imagery_cog::ImageryCog::new(Arc::clone(work))),
                Box::new(elevation_cog::ElevationCog::new(Arc::clone(work))),
                Box::new(vector_pmtiles::VectorPmtiles::new(Arc::clone(&archives))),
                Box::new(features_flatgeobuf::FeaturesFlatGeobuf::new(Arc::clone(work))),
                Box::new(copc::Copc::new(Arc::clone(work))),
                Box::new(mesh_files::MeshFiles),
                Box::new(tianditu::Tianditu::new(settings)),
            ],
            archives,
        }
    }

    /// The layers of a revision's stored vector tiles, as `TileJSON` writes them; none where it has no such tiles.
    pub async fn vector_layers(&self, catalog: &Catalog, revision: &Revision) -> Result<Vec<Value>, Problem> {
        if asset_of(revision, vector_pmtiles::ROLES).is_none() {
            return Ok(Vec::new());
        }
        let archive = vector_pmtiles::archive(&self.archives, catalog, revision).await?;
        let info = archive.info().await.map_err(Problem::internal)?;
        Ok(info.metadata.get("vector_layers").and_then(Value::as_array).cloned().unwrap_or_default())
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
