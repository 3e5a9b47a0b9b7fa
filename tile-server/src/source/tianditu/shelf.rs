//! Tiles kept on disk: a small shelf, so that what was looked at once is not fetched again tomorrow.
//!
//! It is a cache and never a copy of the service: bounded in bytes and in age, and nothing is fetched that nobody asked for.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

/// Bytes kept.
const MAX_BYTES: u64 = 512 << 20;
/// Age from which a tile is fetched again.
const MAX_AGE: TimeDelta = TimeDelta::days(30);

/// Files below one folder.
pub(super) struct Shelf {
    folder: PathBuf,
    /// Bytes on the shelf; `None` until counted.
    bytes: Mutex<Option<u64>>,
}

impl Shelf {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, bytes: Mutex::new(None) }
    }

    /// A tile that is kept and not too old.
    pub(super) async fn take(&self, name: &str, now: DateTime<Utc>) -> Option<Bytes> {
        let path = self.folder.join(name);
        let kept = DateTime::<Utc>::from(tokio::fs::metadata(&path).await.ok()?.modified().ok()?);
        if now - kept > MAX_AGE {
            return None;
        }
        tokio::fs::read(&path).await.ok().map(Bytes::from)
    }

    /// Keeps a tile; failing to is logged, the tile is served all the same.
    pub(super) async fn keep(&self, name: &str, bytes: &Bytes, now: DateTime<Utc>) {
        let path = self.folder.join(name);
        if let Err(error) = write(&path, bytes, now).await {
            tracing::warn!(%error, "a tile could not be kept");
            return;
        }
        let mut total = self.bytes.lock().await;
        let counted = match *total {
            Some(count) => count + bytes.len() as u64,
            None => files(&self.folder).await.iter().map(|(_, size, _)| size).sum(),
        };
        *total = Some(if counted > MAX_BYTES { clear(&self.folder).await } else { counted });
    }
}

/// Under another name first, so that no reader sees half a tile.
async fn write(path: &Path, bytes: &Bytes, now: DateTime<Utc>) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    let partial = path.with_extension("partial");
    tokio::fs::write(&partial, bytes).await?;
    let file = std::fs::File::options().write(true).open(&partial)?;
    file.set_modified(SystemTime::from(now))?;
    tokio::fs::rename(&partial, path).await
}

/// Path, size and time of every tile.
async fn files(folder: &Path) -> Vec<(PathBuf, u64, SystemTime)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(mut entries) = tokio::fs::read_dir(&folder).await else { continue };
        while let Ok(Some(entry)) = entries.next_entry().await {
            let Ok(metadata) = entry.metadata().await else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                found.push((entry.path(), metadata.len(), metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH)));
            }
        }
    }
    found
}

/// Takes the oldest fifth away; the bytes that stay.
async fn clear(folder: &Path) -> u64 {
    let mut files = files(folder).await;
    files.sort_by_key(|(_, _, time)| *time);
    let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
    for (path, size, _) in files {
        if total <= MAX_BYTES / 5 * 4 {
            break;
        }
        if tokio::fs::remove_file(&path).await.is_ok() {
            total -= size;
        }
    }
    total
}
