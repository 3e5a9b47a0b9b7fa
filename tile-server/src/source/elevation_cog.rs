//! Terrain tiles, sampled from the delivered heights on request and kept.
//!
//! Heights are shown in metres as delivered: a client that mixes height datums is told by the catalogue, not corrected here.
//! With `gaps=fill` the ground goes on where there is no data: for looking at, under an address of its own that says so.

use std::sync::Arc;

use bytes::Bytes;
use catalog::{Catalog, DatasetKind, Revision};
use futures::future::BoxFuture;
use geodesy::crs::Crs;
use geodesy::grid::{TileCoord, TileMatrixSet};
use geodesy::transform::Transform;
use moka::future::Cache;
use serde_json::Value;
use tiles::cog::{Beyond, Cog};
use tiles::terrain::TerrainEncoding;

use super::imagery_cog::{outside, raster};
use super::{Answer, Gaps, Origin, Source, Wanted};
use crate::asset::Opened;
use crate::payload::Payload;
use crate::problem::Problem;
use crate::work::Work;

/// Rasters kept open.
const RASTERS_OPEN: u64 = 256;
/// Rough shapes kept, a quarter of a megabyte each.
const SHAPES_KEPT: u64 = 64;
/// Tiles kept in memory.
const CACHE_BYTES: u64 = 128 << 20;
/// Side of a terrain tile.
const TILE_SIZE_PX: u32 = 256;

/// A tile's raster, place, encoding and gaps.
type Made = (String, TileCoord, &'static str, Gaps);

/// Open rasters and tiles made.
pub(super) struct ElevationCog {
    rasters: Opened<Cog>,
    /// The rough shapes that gaps are filled from.
    beyond: Cache<String, Option<Arc<Beyond>>>,
    tiles: Cache<Made, Option<Bytes>>,
    work: Arc<Work>,
}

impl ElevationCog {
    pub(super) fn new(work: Arc<Work>) -> Self {
        let weigh =
            |_: &Made, tile: &Option<Bytes>| u32::try_from(tile.as_ref().map_or(64, Bytes::len)).unwrap_or(u32::MAX);
        Self {
            rasters: Opened::new(RASTERS_OPEN),
            beyond: Cache::new(SHAPES_KEPT),
            tiles: Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).build(),
            work,
        }
    }
}

impl ElevationCog {
    async fn tile(
        &self,
        catalog: &Catalog,
        revision: &Arc<Revision>,
        encoding: TerrainEncoding,
        coord: TileCoord,
        gaps: Gaps,
    ) -> Result<Option<Bytes>, Problem> {
        let grid = TileMatrixSet::WebMercatorQuad;
        let zoom = revision.properties.get("max_zoom").and_then(Value::as_u64);
        if zoom.is_some_and(|zoom| u64::from(coord.z) > zoom) {
            return Err(Problem::no_tile());
        }
        if outside(gaps.bounds(revision.bounds_lon_lat_deg), grid, coord) {
            return Ok(None);
        }
        let cog = raster(&self.rasters, catalog, revision).await?;
        let key = (cog.path().to_owned(), coord, encoding.name(), gaps);
        self.tiles
            .try_get_with(key, async {
                let beyond = match gaps {
                    Gaps::Mark => None,
                    Gaps::Fill => self.beyond(&cog).await?,
                };
                let (cog, revision) = (Arc::clone(&cog), Arc::clone(revision));
                let made = async move { make(&cog, &revision, encoding, coord, beyond.as_deref()).await };
                self.work.run_async(made).await?.map_err(Problem::internal)
            })
            .await
            .map_err(Problem::shared)
    }
}

impl ElevationCog {
    async fn beyond(&self, cog: &Arc<Cog>) -> Result<Option<Arc<Beyond>>, Problem> {
        let read = async {
            let cog = Arc::clone(cog);
            let shape = self.work.run_async(async move { cog.beyond().await }).await?;
            shape.map(|shape| shape.map(Arc::new)).map_err(Problem::internal)
        };
        self.beyond.try_get_with(cog.path().to_owned(), read).await.map_err(Problem::shared)
    }
}

async fn make(
    cog: &Cog,
    revision: &Revision,
    encoding: TerrainEncoding,
    coord: TileCoord,
    beyond: Option<&Beyond>,
) -> Result<Option<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
    let grid = TileMatrixSet::WebMercatorQuad;
    // What the importer settled on wins over the file's own keys.
    let crs = Crs::from_user_input(&revision.crs)?;
    let cog_from_grid = Transform::new(&grid.crs(), &crs)?;
    let heights = match beyond {
        Some(beyond) => Some(cog.shown_height_tile(&cog_from_grid, grid, coord, TILE_SIZE_PX, beyond).await?),
        None => cog.height_tile(&cog_from_grid, grid, coord, TILE_SIZE_PX).await?,
    };
    let Some(mut heights) = heights else { return Ok(None) };
    let unit_m = unit_m(&revision.height.unit);
    tokio::task::spawn_blocking(move || {
        for height in &mut heights.values {
            *height *= unit_m;
        }
        encoding.encode_png(heights.width, &heights.values)
    })
    .await?
    .map(|png| Some(Bytes::from(png)))
    .map_err(Into::into)
}

/// Metres of a unit of delivered heights.
pub(crate) fn unit_m(unit: &str) -> f32 {
    match unit {
        "foot" => 0.3048,
        // The US survey foot, 1200/3937 m (NIST Special Publication 811).
        "us-survey-foot" => 1200.0 / 3937.0,
        _ => 1.0,
    }
}

impl Source for ElevationCog {
    fn name(&self) -> &'static str {
        "elevation_cog"
    }

    fn answers(&self, origin: &Origin, wanted: &Wanted) -> bool {
        matches!((origin, wanted), (Origin::Revision(_, DatasetKind::Elevation), Wanted::Terrain(..)))
    }

    fn get<'a>(
        &'a self,
        catalog: &'a Catalog,
        origin: &'a Origin,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Answer, Problem>> {
        Box::pin(async move {
            let (Origin::Revision(revision, _), Wanted::Terrain(encoding, coord, gaps)) = (origin, wanted) else {
                return Err(Problem::no_tile());
            };
            let tile = self.tile(catalog, revision, *encoding, *coord, *gaps).await?;
            Ok(tile.map_or(Answer::Empty, |png| Answer::Payload(Payload::picture(png, "image/png"))))
        })
    }
}
