//! Removing what crashed imports left: folders that neither a revision nor a live lease owns.
//!
//! Leases are ended first, in the database, where publishing must consume its lease: an import that was asleep past
//! its lease then fails to publish, and never shows a revision whose blobs are being removed.
//! Folders are listed before owners are asked, and an import takes its lease before it makes its folder.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::publish::blocking;
use crate::query::{is_owned, leases_expire};
use crate::{Catalog, CatalogError, RevisionId, Slug};

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Leases that ran out.
    pub leases_ended: u64,
    /// Folders removed, as `blobs/{slug}/{revision}` or `staging/{slug}@{revision}`.
    pub removed: Vec<String>,
}

impl Catalog {
    /// Ends leases that ran out by `now` and removes what nobody owns. Safe beside running imports and servers.
    pub async fn sweep(&self, now: DateTime<Utc>) -> Result<SweepReport, CatalogError> {
        let mut report = SweepReport { leases_ended: leases_expire(self, now).await?, removed: Vec::new() };
        let mut folders = Vec::new();
        for (path, name) in entries(&self.staging_folder())? {
            let owner = name.split_once('@').and_then(|(slug, id)| owner(slug, id));
            folders.push((path, format!("staging/{name}"), owner));
        }
        for (dataset_path, slug) in entries(&self.blobs_folder())? {
            if !dataset_path.is_dir() {
                continue;
            }
            for (path, id) in entries(&dataset_path)? {
                let owner = owner(&slug, &id);
                folders.push((path, format!("blobs/{slug}/{id}"), owner));
            }
        }
        for (path, name, owner) in folders {
            let owned = match &owner {
                Some((slug, id)) if name.starts_with("staging/") => lease_alone(self, slug, id).await?,
                Some((slug, id)) => is_owned(self, slug, id).await?,
                // Not a name we give: somebody else's file, left alone.
                None => true,
            };
            if !owned {
                remove(path).await?;
                report.removed.push(name);
            }
        }
        Ok(report)
    }
}

/// A staging folder is kept while its import lives; one whose revision is published already is a leftover.
async fn lease_alone(catalog: &Catalog, slug: &Slug, id: &RevisionId) -> Result<bool, CatalogError> {
    let published = catalog.revision_get(slug, id).await?.is_some();
    Ok(!published && is_owned(catalog, slug, id).await?)
}

fn owner(slug: &str, id: &str) -> Option<(Slug, RevisionId)> {
    Some((Slug::parse(slug).ok()?, RevisionId::parse(id).ok()?))
}

fn entries(folder: &Path) -> Result<Vec<(PathBuf, String)>, CatalogError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(CatalogError::file(folder))? {
        let entry = entry.map_err(CatalogError::file(folder))?;
        if let Ok(name) = entry.file_name().into_string() {
            found.push((entry.path(), name));
        }
    }
    found.sort();
    Ok(found)
}

async fn remove(path: PathBuf) -> Result<(), CatalogError> {
    blocking(&path.clone(), move || {
        let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        match removed {
            // Two sweeps at once: the other one was faster.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(CatalogError::file(&path)),
        }
    })
    .await
}
