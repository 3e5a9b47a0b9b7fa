//! Vector tiles on the Web Mercator grid: the gzip bytes of the PMTiles pyramid, passed through.

use std::sync::Arc;

use catalog::{Catalog, DatasetKind, Revision};
use futures::future::BoxFuture;
use geodesy::grid::TileMatrixSet;
use tiles::archive::Archive;

use super::{Answer, Origin, Source, Wanted};
use crate::asset::{Opened, asset_of};
use crate::payload::{Payload, Stored};
use crate::problem::Problem;

/// Media type of vector tiles (registered with IANA).
pub(super) const MVT: &str = "application/vnd.mapbox-vector-tile";

/// Roles of the file.
pub(super) const ROLES: &[&str] = &["pmtiles"];

/// Passes tiles through.
pub(super) struct VectorPmtiles {
    archives: Arc<Opened<Archive>>,
}

impl VectorPmtiles {
    pub(super) fn new(archives: Arc<Opened<Archive>>) -> Self {
        Self { archives }
    }
}

/// The revision's archive of vector tiles.
pub(super) async fn archive(
    archives: &Opened<Archive>,
    catalog: &Catalog,
    revision: &Revision,
) -> Result<Arc<Archive>, Problem> {
    let open = async |store, location| Archive::open(store, &location).await;
    archives.reader(catalog, revision, ROLES, open).await
}

impl Source for VectorPmtiles {
    fn name(&self) -> &'static str {
        "vector_pmtiles"
    }

    fn answers(&self, origin: &Origin, wanted: &Wanted) -> bool {
        matches!(
            (origin, wanted),
            (Origin::Revision(revision, DatasetKind::Features), Wanted::Tile(TileMatrixSet::WebMercatorQuad, _, extension))
                if (extension == "mvt" || extension == "pbf") && asset_of(revision, ROLES).is_some()
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
            let archive = archive(&self.archives, catalog, revision).await?;
            let stored = if archive.is_gzip() { Stored::Gzip } else { Stored::Plain { compress: true } };
            match archive.tile(*coord).await.map_err(Problem::internal)? {
                Some(bytes) => Ok(Answer::Payload(Payload { bytes, media_type: MVT, stored })),
                None => Ok(Answer::Empty),
            }
        })
    }
}
