//! Terrain tiles, sampled from the delivered heights on request and kept.
//!
//! Heights are shown in metres as delivered: a client that mixes height datums is told by the catalogue, not corrected here.

use std::sync::Arc;

use bytes::Bytes;
use catalog::{Catalog, DatasetKind, Revision};
use futures::future::BoxFuture;
use geodesy::crs::Crs;
use geodesy::grid::{TileCoord, TileMatrixSet};
use geodesy::transform::Transform;
use moka::future::Cache;
use serde_json::Value;
use tiles::cog::Cog;
use tiles::terrain::TerrainEncoding;

use super::imagery_cog::{outside, raster};
use super::{Answer, Origin, Source, Wanted};
use crate::payload::Payload;
use crate::problem::Problem;

/// Rasters kept open.
const RASTERS_OPEN: u64 = 256;
/// Tiles kept in memory.
const CACHE_BYTES: u64 = 128 << 20;
/// Side of a terrain tile.
const TILE_SIZE_PX: u32 = 256;

/// Open rasters and tiles made.
pub(super) struct ElevationCog {
    rasters: Cache<String, Arc<Cog>>,
    tiles: Cache<(String, TileCoord, &'static str), Option<Bytes>>,
}

impl Default for ElevationCog {
    fn default() -> Self {
        let weigh = |_: &(String, TileCoord, &'static str), tile: &Option<Bytes>| {
            u32::try_from(tile.as_ref().map_or(64, Bytes::len)).unwrap_or(u32::MAX)
        };
        Self {
            rasters: Cache::new(RASTERS_OPEN),
            tiles: Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).build(),
        }
    }
}

impl ElevationCog {
    async fn tile(
        &self,
        catalog: &Catalog,
        revision: &Revision,
        encoding: TerrainEncoding,
        coord: TileCoord,
    ) -> Result<Option<Bytes>, Problem> {
        let grid = TileMatrixSet::WebMercatorQuad;
        let zoom = revision.properties.get("max_zoom").and_then(Value::as_u64);
        if zoom.is_some_and(|zoom| u64::from(coord.z) > zoom) {
            return Err(Problem::no_tile());
        }
        if outside(revision, grid, coord) {
            return Ok(None);
        }
        let cog = raster(&self.rasters, catalog, revision).await?;
        let key = (cog.path().to_owned(), coord, encoding.name());
        self.tiles
            .try_get_with(key, async { make(&cog, revision, encoding, coord).await.map_err(|error| error.to_string()) })
            .await
            .map_err(|error| Problem::internal(error.to_string()))
    }
}

async fn make(
    cog: &Cog,
    revision: &Revision,
    encoding: TerrainEncoding,
    coord: TileCoord,
) -> Result<Option<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
    let grid = TileMatrixSet::WebMercatorQuad;
    // What the importer settled on wins over the file's own keys.
    let crs = Crs::from_user_input(&revision.crs)?;
    let cog_from_grid = Transform::new(&grid.crs(), &crs)?;
    let Some(mut heights) = cog.height_tile(&cog_from_grid, grid, coord, TILE_SIZE_PX).await? else { return Ok(None) };
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
fn unit_m(unit: &str) -> f32 {
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
            let (Origin::Revision(revision, _), Wanted::Terrain(encoding, coord)) = (origin, wanted) else {
                return Err(Problem::no_tile());
            };
            let tile = self.tile(catalog, revision, *encoding, *coord).await?;
            Ok(tile.map_or(Answer::Empty, |png| Answer::Payload(Payload::picture(png, "image/png"))))
        })
    }
}
