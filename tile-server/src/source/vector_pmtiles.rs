//! Vector tiles on the Web Mercator grid: the gzip bytes of the PMTiles pyramid, passed through.

use std::sync::Arc;

use catalog::{Catalog, DatasetKind, Revision};
use futures::future::BoxFuture;
use geodesy::grid::TileMatrixSet;
use moka::future::Cache;
use tiles::archive::Archive;

use super::{Answer, Origin, Source, Wanted};
use crate::payload::{Payload, Stored};
use crate::problem::Problem;

/// Archives kept open: their directories are in memory.
const ARCHIVES_OPEN: u64 = 256;
/// Media type of vector tiles (registered with IANA).
pub(super) const MVT: &str = "application/vnd.mapbox-vector-tile";

/// Open archives by revision.
pub(super) struct VectorPmtiles {
    archives: Cache<String, Arc<Archive>>,
}

impl Default for VectorPmtiles {
    fn default() -> Self {
        Self { archives: Cache::new(ARCHIVES_OPEN) }
    }
}

impl VectorPmtiles {
    async fn archive(&self, catalog: &Catalog, revision: &Revision) -> Result<Arc<Archive>, Problem> {
        let asset = revision.asset("pmtiles").ok_or_else(Problem::no_tile)?;
        let location = catalog.blob_location(revision, &asset.path)?;
        self.archives
            .try_get_with(location.to_string(), async { Archive::open(catalog.blobs(), &location).await.map(Arc::new) })
            .await
            .map_err(Problem::internal)
    }
}

impl Source for VectorPmtiles {
    fn name(&self) -> &'static str {
        "vector_pmtiles"
    }

    fn answers(&self, origin: &Origin, wanted: &Wanted) -> bool {
        matches!(
            (origin, wanted),
            (Origin::Revision(_, DatasetKind::Features), Wanted::Tile(TileMatrixSet::WebMercatorQuad, _, extension))
                if extension == "mvt" || extension == "pbf"
        )
    }

    fn get<'a>(
        &'a self,
        catalog: &'a Catalog,
        origin: &'a Origin,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Answer, Problem>> {
        Box::pin(async move {
            let (Origin::Revision(revision, _), Wanted::Tile(_, coord, _)) = (origin, wanted) else {
                return Err(Problem::no_tile());
            };
            let archive = self.archive(catalog, revision).await?;
            let stored = if archive.is_gzip() { Stored::Gzip } else { Stored::Plain { compress: true } };
            match archive.tile(*coord).await.map_err(Problem::internal)? {
                Some(bytes) => Ok(Answer::Payload(Payload { bytes, media_type: MVT, stored })),
                None => Ok(Answer::Empty),
            }
        })
    }
}
