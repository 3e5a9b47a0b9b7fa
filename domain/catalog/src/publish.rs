//! Publishing: files are checked and fingerprinted, the manifest is written, the folder moves among the blobs,
//! and one transaction makes the revision visible. A crash at any point leaves either nothing or everything to be seen.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::store::{check_relative_path, millis};
use crate::{
    Asset, Catalog, CatalogError, DatasetKind, LiveSource, MANIFEST_NAME, NewDataset, NewRevision, Revision,
    RevisionId, Slug, Staging,
};

/// More files than any mesh delivery has.
const MAX_FILES: usize = 2_000_000;
/// Deeper than any mesh delivery goes.
const MAX_DEPTH: usize = 32;
/// Above this many files one `syncfs` is cheaper than an `fsync` each.
const FSYNC_EACH_UP_TO: usize = 200;

#[derive(Debug, Clone, Serialize)]
struct FileEntry {
    path: String,
    bytes: u64,
}

/// What checking a folder found.
struct Checked {
    files: Vec<FileEntry>,
    assets: Vec<Asset>,
}

#[derive(Serialize)]
struct Manifest<'a> {
    slug: &'a Slug,
    revision: &'a RevisionId,
    assets: &'a [Asset],
    files: &'a [FileEntry],
}

impl Catalog {
    /// Publishes the staging folder as one immutable revision, recorded at `now`, and creates the dataset where it is new.
    ///
    /// Everything in the folder is published. On an error nothing is visible and the lease runs on,
    /// so the caller may try again, discard, or leave it to the sweep.
    pub async fn publish(
        &self,
        staging: &Staging,
        dataset: &NewDataset,
        revision: &NewRevision,
        now: DateTime<Utc>,
    ) -> Result<Revision, CatalogError> {
        if dataset.slug != staging.slug {
            return Err(CatalogError::BadRevision {
                field: "slug",
                reason: format!("暂存目录属于 {} / the staging folder belongs to {0}", staging.slug),
            });
        }
        revision.check()?;
        // Asked again in the transaction; asked here so that a wrong call moves no file.
        if let Some(existing) = self.dataset_get(&dataset.slug).await? {
            same_kind(dataset, existing.kind.as_str(), existing.live.is_some(), false)?;
        }
        // After an attempt that failed at the very end the files are in their final place already.
        let placed = self.revision_folder(&staging.slug, &staging.id);
        let folder = if staging.path.exists() { staging.path.clone() } else { placed };
        let checked = folder_check(folder.clone(), revision).await?;
        manifest_write(folder, staging, &checked).await?;
        self.blobs_place(staging).await?;
        self.row_commit(staging, dataset, revision, checked, now).await
    }

    /// Moves the folder to its final place: one rename where the file system allows, a copy otherwise.
    async fn blobs_place(&self, staging: &Staging) -> Result<(), CatalogError> {
        let from = staging.path.clone();
        let to = self.revision_folder(&staging.slug, &staging.id);
        blocking(&to.clone(), move || {
            let parent = to.parent().unwrap_or(Path::new("/")).to_path_buf();
            std::fs::create_dir_all(&parent).map_err(CatalogError::file(&parent))?;
            if !from.exists() && to.exists() {
                return Ok(()); // An earlier attempt of this very import got this far.
            }
            if to.exists() {
                // The lease is ours, so these are the remains of our own interrupted copy.
                std::fs::remove_dir_all(&to).map_err(CatalogError::file(&to))?;
            }
            match std::fs::rename(&from, &to) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => {
                    folder_copy(&from, &to, 0)?;
                    std::fs::remove_dir_all(&from).map_err(CatalogError::file(&from))?;
                }
                Err(error) => return Err(CatalogError::file(&from)(error)),
            }
            File::open(&parent).and_then(|dir| dir.sync_all()).map_err(CatalogError::file(&parent))
        })
        .await
    }

    /// The one transaction after which the revision is visible.
    async fn row_commit(
        &self,
        staging: &Staging,
        dataset: &NewDataset,
        revision: &NewRevision,
        checked: Checked,
        now: DateTime<Utc>,
    ) -> Result<Revision, CatalogError> {
        let published = Revision {
            id: staging.id.clone(),
            slug: staging.slug.clone(),
            valid_from: revision.valid_from,
            valid_to: revision.valid_to,
            recorded: now,
            stewardship: revision.stewardship.clone(),
            provenance: revision.provenance.clone(),
            crs: revision.crs.clone(),
            height: revision.height.clone(),
            bounds_lon_lat_deg: revision.bounds_lon_lat_deg,
            height_range_m: revision.height_range_m,
            file_count: checked.files.len() as u64,
            total_bytes: checked.files.iter().map(|file| file.bytes).sum(),
            assets: checked.assets,
            properties: revision.properties.clone(),
        };
        let mut transaction =
            self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(CatalogError::database("publish"))?;
        let lease = sqlx::query("DELETE FROM lease WHERE slug = $1 AND revision_id = $2")
            .bind(staging.slug.as_str())
            .bind(staging.id.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(CatalogError::database("publish"))?;
        if lease.rows_affected() == 0 {
            return Err(CatalogError::LeaseLost { slug: staging.slug.to_string(), id: staging.id.to_string() });
        }
        dataset_upsert(&mut transaction, dataset, None, now).await?;
        revision_insert(&mut transaction, &published).await?;
        transaction.commit().await.map_err(CatalogError::database("publish"))?;
        // What is read back is what was written: instants are whole milliseconds.
        self.revision_get(&published.slug, &published.id).await?.ok_or_else(|| CatalogError::RevisionMissing {
            slug: published.slug.to_string(),
            id: published.id.to_string(),
        })
    }

    /// Registers a live basemap, or replaces its configuration.
    pub async fn live_register(
        &self,
        dataset: &NewDataset,
        source: &LiveSource,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        if dataset.kind != DatasetKind::Basemap {
            return Err(CatalogError::KindConflict {
                slug: dataset.slug.to_string(),
                existing: DatasetKind::Basemap.to_string(),
                wanted: dataset.kind.to_string(),
            });
        }
        let mut transaction =
            self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(CatalogError::database("register"))?;
        dataset_upsert(&mut transaction, dataset, Some(source), now).await?;
        transaction.commit().await.map_err(CatalogError::database("register"))
    }

    /// Records that a revision no longer counts. It stays readable by its own URL and for `recorded` before `now`.
    pub async fn revision_withdraw(
        &self,
        slug: &Slug,
        id: &RevisionId,
        operator: &str,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        if self.revision_get(slug, id).await?.is_none() {
            return Err(CatalogError::RevisionMissing { slug: slug.to_string(), id: id.to_string() });
        }
        sqlx::query(
            "INSERT INTO withdrawal (slug, revision_id, recorded_ms, operator, reason) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (slug, revision_id) DO NOTHING",
        )
        .bind(slug.as_str())
        .bind(id.as_str())
        .bind(millis(now))
        .bind(operator)
        .bind(reason)
        .execute(&self.pool)
        .await
        .map_err(CatalogError::database("withdraw"))?;
        Ok(())
    }
}

type Connection = sqlx::SqliteConnection;

async fn dataset_upsert(
    connection: &mut Connection,
    dataset: &NewDataset,
    live: Option<&LiveSource>,
    now: DateTime<Utc>,
) -> Result<(), CatalogError> {
    let live = live.map(|source| json("live source", source)).transpose()?;
    sqlx::query(
        "INSERT INTO dataset (slug, kind, title, title_en, description, live, recorded_ms) \
         VALUES ($1, $2, COALESCE($3, $1), $4, $5, $6, $7) ON CONFLICT (slug) DO NOTHING",
    )
    .bind(dataset.slug.as_str())
    .bind(dataset.kind.as_str())
    .bind(dataset.title.as_deref())
    .bind(dataset.title_en.as_deref())
    .bind(dataset.description.as_deref())
    .bind(live.as_deref())
    .bind(millis(now))
    .execute(&mut *connection)
    .await
    .map_err(CatalogError::database("dataset"))?;
    let (kind, was_live): (String, bool) = sqlx::query_as("SELECT kind, live IS NOT NULL FROM dataset WHERE slug = $1")
        .bind(dataset.slug.as_str())
        .fetch_one(&mut *connection)
        .await
        .map_err(CatalogError::database("dataset"))?;
    same_kind(dataset, &kind, was_live, live.is_some())?;
    sqlx::query(
        "UPDATE dataset SET title = COALESCE($2, title), title_en = COALESCE($3, title_en), \
         description = COALESCE($4, description), live = $5 WHERE slug = $1",
    )
    .bind(dataset.slug.as_str())
    .bind(dataset.title.as_deref())
    .bind(dataset.title_en.as_deref())
    .bind(dataset.description.as_deref())
    .bind(live.as_deref())
    .execute(&mut *connection)
    .await
    .map_err(CatalogError::database("dataset"))?;
    Ok(())
}

fn same_kind(dataset: &NewDataset, kind: &str, was_live: bool, live: bool) -> Result<(), CatalogError> {
    if kind == dataset.kind.as_str() && was_live == live {
        return Ok(());
    }
    let name = |kind: &str, live: bool| if live { format!("{kind} (live)") } else { kind.to_owned() };
    Err(CatalogError::KindConflict {
        slug: dataset.slug.to_string(),
        existing: name(kind, was_live),
        wanted: name(dataset.kind.as_str(), live),
    })
}

async fn revision_insert(connection: &mut Connection, revision: &Revision) -> Result<(), CatalogError> {
    let [west, south, east, north] = revision.bounds_lon_lat_deg;
    let stewardship = &revision.stewardship;
    sqlx::query(
        "INSERT INTO revision (slug, id, valid_from_ms, valid_to_ms, recorded_ms, responsible_unit, classification, update_cycle, \
         source, contact, licence, map_approval_number, crs, height, west_deg, south_deg, east_deg, north_deg, \
         min_height_m, max_height_m, provenance, assets, file_count, total_bytes, properties) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)",
    )
    .bind(revision.slug.as_str())
    .bind(revision.id.as_str())
    .bind(millis(revision.valid_from))
    .bind(revision.valid_to.map(millis))
    .bind(millis(revision.recorded))
    .bind(stewardship.responsible_unit.as_deref())
    .bind(stewardship.classification.as_str())
    .bind(stewardship.update_cycle.as_deref())
    .bind(stewardship.source.as_deref())
    .bind(stewardship.contact.as_deref())
    .bind(stewardship.licence.as_deref())
    .bind(stewardship.map_approval_number.as_deref())
    .bind(&revision.crs)
    .bind(json("height", &revision.height)?)
    .bind(west)
    .bind(south)
    .bind(east)
    .bind(north)
    .bind(revision.height_range_m.map(|[low, _]| low))
    .bind(revision.height_range_m.map(|[_, high]| high))
    .bind(json("provenance", &revision.provenance)?)
    .bind(json("assets", &revision.assets)?)
    .bind(revision.file_count.cast_signed())
    .bind(revision.total_bytes.cast_signed())
    .bind(json("properties", &revision.properties)?)
    .execute(connection)
    .await
    .map_err(|source| {
        if source.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation) {
            CatalogError::RevisionExists { slug: revision.slug.to_string(), id: revision.id.to_string() }
        } else {
            CatalogError::database("revision")(source)
        }
    })?;
    Ok(())
}

fn json<T: Serialize>(what: &'static str, value: &T) -> Result<String, CatalogError> {
    serde_json::to_string(value).map_err(CatalogError::damaged(what))
}

async fn folder_check(root: PathBuf, revision: &NewRevision) -> Result<Checked, CatalogError> {
    let wanted = revision.assets.clone();
    blocking(&root.clone(), move || {
        let mut files = Vec::new();
        folder_list(&root, "", 0, &mut files)?;
        files.retain(|file| file.path != MANIFEST_NAME);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut assets = Vec::with_capacity(wanted.len());
        for asset in wanted {
            check_relative_path(&asset.path)?;
            let path = root.join(&asset.path);
            let Ok(found) = files.binary_search_by(|file| file.path.as_str().cmp(&asset.path)) else {
                return Err(CatalogError::BadFile {
                    path: asset.path,
                    reason: "清单中的文件不在目录里 / the file is in the manifest and not in the folder",
                });
            };
            let bytes = files.get(found).map_or(0, |file| file.bytes);
            assets.push(Asset {
                sha256: sha256_of(&path)?,
                path: asset.path,
                role: asset.role,
                media_type: asset.media_type,
                bytes,
            });
        }
        Ok(Checked { files, assets })
    })
    .await
}

async fn manifest_write(root: PathBuf, staging: &Staging, checked: &Checked) -> Result<(), CatalogError> {
    let manifest = json(
        "manifest",
        &Manifest { slug: &staging.slug, revision: &staging.id, assets: &checked.assets, files: &checked.files },
    )?;
    let files: Vec<String> = checked.files.iter().map(|file| file.path.clone()).collect();
    blocking(&root.clone(), move || {
        let path = root.join(MANIFEST_NAME);
        let mut writer = BufWriter::new(File::create(&path).map_err(CatalogError::file(&path))?);
        writer.write_all(manifest.as_bytes()).and_then(|()| writer.flush()).map_err(CatalogError::file(&path))?;
        if files.len() > FSYNC_EACH_UP_TO {
            let root_file = File::open(&root).map_err(CatalogError::file(&root))?;
            return rustix::fs::syncfs(&root_file).map_err(|error| CatalogError::file(&root)(error.into()));
        }
        for file in files.iter().map(String::as_str).chain([MANIFEST_NAME]) {
            let path = root.join(file);
            File::open(&path).and_then(|file| file.sync_all()).map_err(CatalogError::file(&path))?;
        }
        Ok(())
    })
    .await
}

fn folder_list(root: &Path, prefix: &str, depth: usize, files: &mut Vec<FileEntry>) -> Result<(), CatalogError> {
    let folder = root.join(prefix);
    let refuse = |path: String, reason| Err(CatalogError::BadFile { path, reason });
    if depth > MAX_DEPTH {
        return refuse(prefix.to_owned(), "目录层次过深 / the folders are nested too deeply");
    }
    for entry in std::fs::read_dir(&folder).map_err(CatalogError::file(&folder))? {
        let entry = entry.map_err(CatalogError::file(&folder))?;
        let Ok(name) = entry.file_name().into_string() else {
            return refuse(prefix.to_owned(), "文件名不是 UTF-8 / a file name is not UTF-8");
        };
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        check_relative_path(&path)?;
        // Not following links: a link may point out of the folder.
        let metadata = entry.metadata().map_err(CatalogError::file(entry.path()))?;
        if metadata.is_dir() {
            folder_list(root, &path, depth + 1, files)?;
        } else if metadata.is_file() {
            if files.len() >= MAX_FILES {
                return refuse(path, "文件过多 / too many files");
            }
            files.push(FileEntry { path, bytes: metadata.len() });
        } else {
            return refuse(path, "只能发布普通文件 / only plain files can be published");
        }
    }
    Ok(())
}

fn folder_copy(from: &Path, to: &Path, depth: usize) -> Result<(), CatalogError> {
    std::fs::create_dir_all(to).map_err(CatalogError::file(to))?;
    for entry in std::fs::read_dir(from).map_err(CatalogError::file(from))? {
        let entry = entry.map_err(CatalogError::file(from))?;
        let target = to.join(entry.file_name());
        if entry.metadata().map_err(CatalogError::file(entry.path()))?.is_dir() {
            if depth > MAX_DEPTH {
                return Err(CatalogError::BadFile {
                    path: entry.file_name().to_string_lossy().into_owned(),
                    reason: "目录层次过深 / the folders are nested too deeply",
                });
            }
            folder_copy(&entry.path(), &target, depth + 1)?;
        } else {
            std::fs::copy(entry.path(), &target).map_err(CatalogError::file(&target))?;
            File::open(&target).and_then(|file| file.sync_all()).map_err(CatalogError::file(&target))?;
        }
    }
    Ok(())
}

fn sha256_of(path: &Path) -> Result<String, CatalogError> {
    let mut file = File::open(path).map_err(CatalogError::file(path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(CatalogError::file(path))?;
        if read == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

pub(crate) async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, CatalogError> + Send + 'static,
) -> Result<T, CatalogError> {
    let path: PathBuf = path.to_owned();
    tokio::task::spawn_blocking(work).await.map_err(|error| CatalogError::file(path)(std::io::Error::other(error)))?
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{DatasetQuery, NewAsset};

    /// Stops after each step in turn, as a crash would, and opens the folder anew.
    #[tokio::test]
    async fn stopping_after_any_step_shows_nothing_and_a_rerun_succeeds() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).expect("an instant");
        let dataset = NewDataset::new(Slug::parse("dom").expect("a slug"), DatasetKind::Imagery);
        let id = |n: usize| RevisionId::parse(&format!("r{n}")).expect("an id");
        let mut revision = NewRevision::new(now, "EPSG:4490", [0.0, 0.0, 1.0, 1.0]);
        revision.assets.push(NewAsset::new("image.tif", "cog", "image/tiff"));
        let dir = tempfile::tempdir().expect("a folder");
        for stop_after in 0..=4 {
            let catalog = Catalog::open(dir.path()).await.expect("opens");
            let staging = catalog.staging_open(&dataset.slug, &id(stop_after), now).await.expect("staging");
            std::fs::write(staging.path.join("image.tif"), "pixels").expect("written");
            if stop_after >= 1 {
                let checked = folder_check(staging.path.clone(), &revision).await.expect("checked");
                if stop_after >= 2 {
                    manifest_write(staging.path.clone(), &staging, &checked).await.expect("written");
                }
                if stop_after >= 3 {
                    catalog.blobs_place(&staging).await.expect("placed");
                }
                if stop_after >= 4 {
                    // Every statement but the commit.
                    let mut transaction = catalog.pool.begin_with("BEGIN IMMEDIATE").await.expect("begun");
                    dataset_upsert(&mut transaction, &dataset, None, now).await.expect("upserted");
                    drop(transaction);
                }
            }
            catalog.close().await;
            let again = Catalog::open(dir.path()).await.expect("opens");
            assert_eq!(
                again.dataset_list(&DatasetQuery::default()).await.expect("listed").len(),
                0,
                "step {stop_after}"
            );
            assert!(again.revision_list(&dataset.slug).await.expect("listed").is_empty(), "step {stop_after}");
            again.close().await;
        }
        let catalog = Catalog::open(dir.path()).await.expect("opens");
        let report = catalog.sweep(now + TimeDelta::hours(1)).await.expect("swept");
        assert_eq!((report.leases_ended, report.removed.len()), (5, 5));
        let staging = catalog.staging_open(&dataset.slug, &id(3), now).await.expect("the same name again");
        std::fs::write(staging.path.join("image.tif"), "pixels").expect("written");
        catalog.publish(&staging, &dataset, &revision, now).await.expect("published");
        assert_eq!(catalog.dataset_list(&DatasetQuery::default()).await.expect("listed").len(), 1);
    }

    #[tokio::test]
    async fn a_publish_that_failed_late_can_be_tried_again() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).expect("an instant");
        let dir = tempfile::tempdir().expect("a folder");
        let catalog = Catalog::open(dir.path()).await.expect("opens");
        let dataset = NewDataset::new(Slug::parse("dom").expect("a slug"), DatasetKind::Imagery);
        let id = RevisionId::parse("r").expect("an id");
        let staging = catalog.staging_open(&dataset.slug, &id, now).await.expect("staging");
        std::fs::write(staging.path.join("image.tif"), "pixels").expect("written");
        catalog.blobs_place(&staging).await.expect("placed");
        let mut revision = NewRevision::new(now, "EPSG:4490", [0.0, 0.0, 1.0, 1.0]);
        revision.assets.push(NewAsset::new("image.tif", "cog", "image/tiff"));
        let published = catalog.publish(&staging, &dataset, &revision, now).await.expect("published");
        assert_eq!((published.file_count, published.total_bytes), (1, 6));
    }

    #[test]
    fn a_copy_has_every_file_of_the_folder() {
        let dir = tempfile::tempdir().expect("a folder");
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        std::fs::create_dir_all(from.join("a/b")).expect("made");
        std::fs::write(from.join("a/b/c"), "deep").expect("written");
        std::fs::write(from.join("d"), "flat").expect("written");
        folder_copy(&from, &to, 0).expect("copied");
        let mut files = Vec::new();
        folder_list(&to, "", 0, &mut files).expect("listed");
        let mut files: Vec<_> = files.into_iter().map(|file| (file.path, file.bytes)).collect();
        files.sort();
        assert_eq!(files, [("a/b/c".to_owned(), 4), ("d".to_owned(), 4)]);
    }
}
