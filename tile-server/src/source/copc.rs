//! Point clouds: 3D Tiles made from COPC node by node; the conversion to ECEF is kept.

use std::sync::Arc;

use bytes::Bytes;
use catalog::{Catalog, DatasetKind, Revision};
use futures::future::BoxFuture;
use moka::future::Cache;
use tiles::copc::{CopcFile, VoxelKey};
use tiles::point_tileset::PointTileset;

use super::{Answer, Origin, Source, Wanted};
use crate::asset::Opened;
use crate::locate::dated_name;
use crate::payload::Payload;
use crate::problem::Problem;
use crate::work::Work;

/// Clouds kept open: the hierarchy pages read so far are in memory.
const CLOUDS_OPEN: u64 = 64;
/// Nodes kept in memory.
const CACHE_BYTES: u64 = 256 << 20;

/// Open clouds and converted nodes.
pub(super) struct Copc {
    clouds: Opened<PointTileset>,
    contents: Cache<(String, Content), Option<Bytes>>,
    work: Arc<Work>,
}

/// What a name below the tileset's URL stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Content {
    Tileset(VoxelKey),
    Points(VoxelKey),
}

impl Content {
    fn of_path(path: &str) -> Option<Self> {
        if path == "tileset.json" {
            return VoxelKey::new(0, 0, 0, 0).map(Self::Tileset);
        }
        let (key, extension) = path.rsplit_once('.')?;
        let key = key.parse().ok()?;
        match extension {
            "json" => Some(Self::Tileset(key)),
            "glb" => Some(Self::Points(key)),
            _ => None,
        }
    }
}

impl Copc {
    pub(super) fn new(work: Arc<Work>) -> Self {
        let weigh = |_: &(String, Content), content: &Option<Bytes>| {
            u32::try_from(content.as_ref().map_or(64, Bytes::len)).unwrap_or(u32::MAX)
        };
        Self {
            clouds: Opened::new(CLOUDS_OPEN),
            contents: Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).build(),
            work,
        }
    }

    async fn cloud(&self, catalog: &Catalog, revision: &Revision) -> Result<Arc<PointTileset>, Problem> {
        let open = async |store, location| {
            let file = CopcFile::open(store, location).await?;
            // 3D Tiles are ellipsoidal; without a stated offset heights are placed as given.
            let offset_m = revision.height.offset_m.unwrap_or(0.0);
            // The importer writes the CRS it settled on into the file, with the unit of heights.
            let crs = file.crs_wkt().is_none().then_some(revision.crs.as_str());
            PointTileset::new(file, crs, offset_m)
        };
        self.clouds.reader(catalog, revision, &["copc"], open).await
    }
}

impl Source for Copc {
    fn name(&self) -> &'static str {
        "copc"
    }

    fn answers(&self, origin: &Origin, wanted: &Wanted) -> bool {
        matches!((origin, wanted), (Origin::Revision(_, DatasetKind::PointCloud), Wanted::Content(_)))
    }

    fn get<'a>(
        &'a self,
        catalog: &'a Catalog,
        origin: &'a Origin,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Answer, Problem>> {
        Box::pin(async move {
            let missing = || Problem::missing("点云没有这个节点", "The point cloud has no such node.");
            let (Origin::Revision(revision, _), Wanted::Content(path)) = (origin, wanted) else {
                return Err(Problem::no_tile());
            };
            let content = Content::of_path(path).ok_or_else(missing)?;
            let cloud = self.cloud(catalog, revision).await?;
            let name = dated_name(revision);
            let bytes = self
                .contents
                .try_get_with((name, content), async {
                    let made = async move { make(&cloud, content).await };
                    self.work.run_async(made).await?.map_err(Problem::internal)
                })
                .await
                .map_err(Problem::shared)?
                .ok_or_else(missing)?;
            let media_type = match content {
                Content::Tileset(_) => "application/json",
                Content::Points(_) => "model/gltf-binary",
            };
            Ok(Answer::Payload(Payload::text(bytes, media_type)))
        })
    }
}

async fn make(
    cloud: &PointTileset,
    content: Content,
) -> Result<Option<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(match content {
        Content::Tileset(key) => {
            cloud.tileset(key).await?.map(|tileset| tileset.to_json()).transpose()?.map(Bytes::from)
        }
        Content::Points(key) => cloud.glb(key).await?.map(Bytes::from),
    })
}
