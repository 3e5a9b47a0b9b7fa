//! Where a running import writes: a folder of its own and a lease that says the import is alive.
//!
//! The lease names the revision to be, so one mechanism guards both the staging folder and blobs that are already in place
//! while their row is not. Publishing consumes the lease in the transaction that writes the row;
//! the sweep deletes expired leases first and then what nobody owns, so of the two exactly one wins.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use crate::store::millis;
use crate::{Catalog, CatalogError, RevisionId, Slug};

/// How long an import lives without a sign of life.
const LEASE: TimeDelta = TimeDelta::minutes(30);

/// A folder to be published as one revision.
#[derive(Debug)]
pub struct Staging {
    pub(crate) slug: Slug,
    pub(crate) id: RevisionId,
    pub(crate) path: PathBuf,
}

impl Staging {
    /// The folder; everything in it is published.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The dataset.
    pub fn slug(&self) -> &Slug {
        &self.slug
    }

    /// The revision to be.
    pub fn id(&self) -> &RevisionId {
        &self.id
    }
}

impl Catalog {
    /// Opens an empty folder for the revision `slug@id` and a lease of half an hour on it.
    pub async fn staging_open(
        &self,
        slug: &Slug,
        id: &RevisionId,
        now: DateTime<Utc>,
    ) -> Result<Staging, CatalogError> {
        let exists = || CatalogError::RevisionExists { slug: slug.to_string(), id: id.to_string() };
        // The lease row comes before the folder: a sweep that lists the folder then finds its lease.
        let taken = sqlx::query(
            "INSERT INTO lease (slug, revision_id, expires_ms) SELECT $1, $2, $3 \
             WHERE NOT EXISTS (SELECT 1 FROM revision WHERE slug = $1 AND id = $2) \
             ON CONFLICT (slug, revision_id) DO NOTHING",
        )
        .bind(slug.as_str())
        .bind(id.as_str())
        .bind(millis(now + LEASE))
        .execute(&self.pool)
        .await
        .map_err(CatalogError::database("lease"))?;
        if taken.rows_affected() == 0 {
            return Err(exists());
        }
        let path = self.staging_folder().join(format!("{slug}@{id}"));
        if path.exists() {
            // Left by an import of the same name whose lease is gone: a revision never inherits files.
            std::fs::remove_dir_all(&path).map_err(CatalogError::file(&path))?;
        }
        std::fs::create_dir_all(&path).map_err(CatalogError::file(&path))?;
        Ok(Staging { slug: slug.clone(), id: id.clone(), path })
    }

    /// A sign of life: the lease runs half an hour from `now`.
    pub async fn staging_renew(&self, staging: &Staging, now: DateTime<Utc>) -> Result<(), CatalogError> {
        let renewed = sqlx::query("UPDATE lease SET expires_ms = $3 WHERE slug = $1 AND revision_id = $2")
            .bind(staging.slug.as_str())
            .bind(staging.id.as_str())
            .bind(millis(now + LEASE))
            .execute(&self.pool)
            .await
            .map_err(CatalogError::database("lease"))?;
        if renewed.rows_affected() == 0 {
            return Err(CatalogError::LeaseLost { slug: staging.slug.to_string(), id: staging.id.to_string() });
        }
        Ok(())
    }

    /// Gives up: removes the folder and the lease.
    pub async fn staging_discard(&self, staging: Staging) -> Result<(), CatalogError> {
        if staging.path.exists() {
            std::fs::remove_dir_all(&staging.path).map_err(CatalogError::file(&staging.path))?;
        }
        sqlx::query("DELETE FROM lease WHERE slug = $1 AND revision_id = $2")
            .bind(staging.slug.as_str())
            .bind(staging.id.as_str())
            .execute(&self.pool)
            .await
            .map_err(CatalogError::database("lease"))?;
        Ok(())
    }
}
