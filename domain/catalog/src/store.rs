//! Opening the catalogue's folder: database, blobs, staging. Statements are in the files of what they are about.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{SqlSafeStr as _, Sqlite, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{CatalogError, Revision, RevisionId, Slug};

/// The schema, step by step; what a step says never changes, the next one does.
const MIGRATIONS: [(i64, &str, &str); 4] = [
    (1, "catalogue", include_str!("../migrations/0001_catalogue.sql")),
    (2, "review", include_str!("../migrations/0002_review.sql")),
    (3, "jobs", include_str!("../migrations/0003_jobs.sql")),
    (4, "incident", include_str!("../migrations/0004_incident.sql")),
];

/// Named one by one: the macro that reads the folder would have the database built a second time, for the compiler.
fn migrations() -> Migrator {
    let step = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.map(step).into())
}

/// How long a writer waits for another process's transaction; ours last milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// A short transaction that writes, holding this process's turn. Dropped without [`Writing::commit`] it never happened.
pub(crate) struct Writing {
    // Before the turn, so that it is rolled back before the next one writes.
    pub(crate) rows: Transaction<'static, Sqlite>,
    _turn: OwnedMutexGuard<()>,
}

impl Writing {
    /// Makes it last: the answer may be given once this has returned.
    pub(crate) async fn commit(self, during: &'static str) -> Result<(), CatalogError> {
        self.rows.commit().await.map_err(CatalogError::database(during))
    }
}

/// The catalogue of one deployment. Cheap to clone; several processes may have one folder open.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub(crate) pool: SqlitePool,
    /// The turn to write: SQLite takes one writer at a time, and waiting here is fair where its busy handler sleeps and guesses.
    writer: Arc<Mutex<()>>,
    blobs: Arc<LocalFileSystem>,
    root: PathBuf,
}

impl Catalog {
    /// Opens the folder, creating it and bringing its schema up to date where needed.
    pub async fn open(dir: &Path) -> Result<Self, CatalogError> {
        for folder in [dir.join("blobs"), dir.join("staging")] {
            std::fs::create_dir_all(&folder).map_err(CatalogError::file(&folder))?;
        }
        let root = dir.canonicalize().map_err(CatalogError::file(dir))?;

        // SQLite has no migration lock of its own: two processes that open a new folder at once must take turns.
        let lock_path = root.join("catalog.lock");
        let lock = std::fs::File::create(&lock_path).map_err(CatalogError::file(&lock_path))?;
        let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock))
            .await
            .map_err(|error| CatalogError::file(&lock_path)(std::io::Error::other(error)))?
            .map_err(CatalogError::file(&lock_path))?;

        let options = SqliteConnectOptions::new()
            .filename(root.join("catalog.sqlite"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL, because a published revision must survive a power cut; publishing is rare.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(8)
            .connect_with(options)
            .await
            .map_err(CatalogError::database("open"))?;
        migrations().run(&pool).await.map_err(|source| CatalogError::Migration { source })?;
        drop(lock);

        let blobs =
            LocalFileSystem::new_with_prefix(root.join("blobs")).map_err(|source| CatalogError::Blob { source })?;
        Ok(Self { pool, writer: Arc::new(Mutex::new(())), blobs: Arc::new(blobs), root })
    }

    /// The folder that was opened, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The blobs, under `{slug}/{revision}/{path}`.
    pub fn blobs(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.blobs) as Arc<dyn ObjectStore>
    }

    /// Where in [`Self::blobs`] a file of a revision is. Refuses paths that leave the revision.
    pub fn blob_location(&self, revision: &Revision, path: &str) -> Result<object_store::path::Path, CatalogError> {
        check_relative_path(path)?;
        object_store::path::Path::parse(format!("{}/{}/{path}", revision.slug, revision.id))
            .map_err(|error| CatalogError::Blob { source: error.into() })
    }

    /// The same as a local file, for readers that map files into memory; `None` once blobs are not local.
    pub fn blob_local_path(&self, revision: &Revision, path: &str) -> Result<Option<PathBuf>, CatalogError> {
        check_relative_path(path)?;
        Ok(Some(self.revision_folder(&revision.slug, &revision.id).join(path)))
    }

    /// Closes every connection, which folds the write-ahead log into the database file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Begins to write once nobody else of this process does. The lock of the database is taken at once, so that what
    /// is read in the transaction still holds when it writes.
    pub(crate) async fn writing(&self, during: &'static str) -> Result<Writing, CatalogError> {
        let turn = Arc::clone(&self.writer).lock_owned().await;
        let rows = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(CatalogError::database(during))?;
        Ok(Writing { rows, _turn: turn })
    }

    pub(crate) fn blobs_folder(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(crate) fn revision_folder(&self, slug: &Slug, id: &RevisionId) -> PathBuf {
        self.blobs_folder().join(slug.as_str()).join(id.as_str())
    }

    pub(crate) fn staging_folder(&self) -> PathBuf {
        self.root.join("staging")
    }
}

/// Refuses absolute paths, `..`, empty parts and what a blob store cannot name.
pub(crate) fn check_relative_path(path: &str) -> Result<(), CatalogError> {
    let refuse = |reason| Err(CatalogError::BadFile { path: path.chars().take(200).collect(), reason });
    if path.is_empty() || path.len() > 1024 {
        return refuse("路径为空或过长 / the path is empty or too long");
    }
    if path.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return refuse("路径越界 / the path leaves its folder");
    }
    if path.bytes().any(|b| b.is_ascii_control() || b == b'\\') || object_store::path::Path::parse(path).is_err() {
        return refuse("路径含非法字符 / the path has characters that cannot be stored");
    }
    Ok(())
}

/// Instants are kept as whole milliseconds: both databases compare them alike.
pub(crate) fn millis(instant: DateTime<Utc>) -> i64 {
    instant.timestamp_millis()
}

pub(crate) fn instant(millis: i64) -> Result<DateTime<Utc>, CatalogError> {
    DateTime::from_timestamp_millis(millis)
        .ok_or_else(|| CatalogError::Damaged { what: "instant", source: format!("{millis} ms").into() })
}
