//! Imagery: on `w` the COG's own tiles, byte for byte; on `c` the same columns with rows resampled.

use std::sync::Arc;

use catalog::{Catalog, DatasetKind, Revision};
use futures::future::BoxFuture;
use geodesy::crs::Crs;
use geodesy::grid::{TileCoord, TileMatrixSet};
use geodesy::transform::Transform;
use moka::future::Cache;
use serde_json::Value;
use tiles::cog::{Cog, PictureTile, StoredTile};

use super::{Answer, Origin, Source, Wanted};
use crate::asset::Opened;
use crate::payload::Payload;
use crate::problem::Problem;
use crate::work::Work;

/// Rasters kept open: their directories are in memory.
const RASTERS_OPEN: u64 = 256;
/// Resampled tiles kept in memory.
const CACHE_BYTES: u64 = 128 << 20;

/// Open rasters and resampled tiles.
pub(super) struct ImageryCog {
    rasters: Opened<Cog>,
    resampled: Cache<(String, TileCoord, &'static str), Option<PictureTile>>,
    work: Arc<Work>,
}

impl ImageryCog {
    pub(super) fn new(work: Arc<Work>) -> Self {
        let weigh = |_: &(String, TileCoord, &'static str), tile: &Option<PictureTile>| {
            u32::try_from(tile.as_ref().map_or(64, |tile| tile.bytes.len())).unwrap_or(u32::MAX)
        };
        Self {
            rasters: Opened::new(RASTERS_OPEN),
            resampled: Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).build(),
            work,
        }
    }
}

/// The revision's raster.
pub(super) async fn raster(rasters: &Opened<Cog>, catalog: &Catalog, revision: &Revision) -> Result<Arc<Cog>, Problem> {
    let open = async |store, location| Cog::open(store, &location).await;
    rasters.reader(catalog, revision, &["cog", "elevation"], open).await
}

impl ImageryCog {
    async fn picture(
        &self,
        catalog: &Catalog,
        revision: &Revision,
        grid: TileMatrixSet,
        coord: TileCoord,
    ) -> Result<Option<PictureTile>, Problem> {
        if outside(revision.bounds_lon_lat_deg, grid, coord) {
            return Ok(None);
        }
        let cog = raster(&self.rasters, catalog, revision).await?;
        if grid == TileMatrixSet::WebMercatorQuad {
            match cog.stored_tile(coord).await.map_err(Problem::internal)? {
                StoredTile::Picture(tile) => return Ok(Some(tile)),
                StoredTile::Empty => return Ok(None),
                StoredTile::Unaligned => {}
            }
        }
        let zoom = revision.properties.get("max_zoom").and_then(Value::as_u64);
        if zoom.is_some_and(|zoom| u64::from(coord.z) > zoom) {
            return Err(Problem::no_tile());
        }
        let key = (cog.path().to_owned(), coord, grid.letter());
        self.resampled
            .try_get_with(key, async {
                let text = cog.crs_text().unwrap_or(&revision.crs);
                let crs = Crs::from_user_input(text).map_err(Problem::internal)?;
                let cog_from_grid = Transform::new(&grid.crs(), &crs).map_err(Problem::internal)?;
                let cog = Arc::clone(&cog);
                let made = async move { cog.picture_tile(&cog_from_grid, grid, coord).await };
                self.work.run_async(made).await?.map_err(Problem::internal)
            })
            .await
            .map_err(Problem::shared)
    }
}

/// Whether the tile lies wholly outside bounds in degrees: answered without opening anything.
pub(super) fn outside([west, south, east, north]: [f64; 4], grid: TileMatrixSet, coord: TileCoord) -> bool {
    let tile = grid.lon_lat_bounds_deg(coord);
    tile[0] > east || tile[2] < west || tile[1] > north || tile[3] < south
}

impl Source for ImageryCog {
    fn name(&self) -> &'static str {
        "imagery_cog"
    }

    fn answers(&self, origin: &Origin, wanted: &Wanted) -> bool {
        matches!(
            (origin, wanted),
            (Origin::Revision(_, DatasetKind::Imagery), Wanted::Tile(_, _, extension))
                if matches!(extension.as_str(), "webp" | "jpg" | "png")
        )
    }

    fn get<'a>(
        &'a self,
        catalog: &'a Catalog,
        origin: &'a Origin,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Answer, Problem>> {
        Box::pin(async move {
            let (Origin::Revision(revision, _), Wanted::Tile(grid, coord, _)) = (origin, wanted) else {
                return Err(Problem::no_tile());
            };
            // The extension is a courtesy to clients; the bytes are the stored ones and the media type says what they are.
            let tile = self.picture(catalog, revision, *grid, *coord).await?;
            Ok(tile.map_or(Answer::Empty, |tile| {
                Answer::Payload(Payload::picture(tile.bytes, tile.format.content_type()))
            }))
        })
    }
}
