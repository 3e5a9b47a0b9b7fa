//! A revision's files: finding the one of a role, and keeping readers of them open.
//!
//! What a reader is of no interest here: every source brings its own way to open one.

use std::path::PathBuf;
use std::sync::Arc;

use catalog::{Asset, Catalog, Revision};
use moka::future::Cache;
use object_store::ObjectStore;
use object_store::path::Path;

use crate::problem::Problem;

/// The file of the first of these roles that the revision has.
pub(crate) fn asset_of<'a>(revision: &'a Revision, roles: &[&str]) -> Option<&'a Asset> {
    roles.iter().find_map(|role| revision.asset(role))
}

/// The revision's feature file on this machine.
pub(crate) fn feature_path(catalog: &Catalog, revision: &Revision) -> Result<PathBuf, Problem> {
    let asset = asset_of(revision, &["flatgeobuf"])
        .ok_or_else(|| Problem::missing("该数据集没有矢量要素", "This dataset has no features."))?;
    catalog
        .blob_local_path(revision, &asset.path)?
        .ok_or_else(|| Problem::internal("the feature file is not on this machine"))
}

/// Readers by the location of their file; what they hold is directories, not contents.
pub(crate) struct Opened<T> {
    readers: Cache<String, Arc<T>>,
}

impl<T: Send + Sync + 'static> Opened<T> {
    /// Keeps so many open.
    pub(crate) fn new(most: u64) -> Self {
        Self { readers: Cache::new(most) }
    }

    /// The reader of the revision's file of the first of `roles` that it has, opened once however many ask at a time.
    /// A revision without such a file has no tiles.
    pub(crate) async fn reader<F, E>(
        &self,
        catalog: &Catalog,
        revision: &Revision,
        roles: &[&str],
        open: impl FnOnce(Arc<dyn ObjectStore>, Path) -> F,
    ) -> Result<Arc<T>, Problem>
    where
        F: Future<Output = Result<T, E>>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let asset = asset_of(revision, roles).ok_or_else(Problem::no_tile)?;
        let location = catalog.blob_location(revision, &asset.path)?;
        let key = location.to_string();
        let opening = open(catalog.blobs(), location);
        let opened = async { opening.await.map(Arc::new).map_err(Problem::internal) };
        self.readers.try_get_with(key, opened).await.map_err(Problem::shared)
    }
}
