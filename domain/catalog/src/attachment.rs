//! Files that people attach to projects: a row each, and the bytes among the blobs under `_attachments/`, which no
//! dataset can be called.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::SqliteRow;

use crate::people::Written;
use crate::publish::{blocking, hex};
use crate::query::{column, count_column, json_column};
use crate::store::{instant, millis};
use crate::{Catalog, CatalogError, KeptAnswer};

/// A file that belongs to a project.
#[derive(Debug, Clone, PartialEq)]
pub struct AttachmentRow {
    /// Identifier: letters, digits and hyphens.
    pub id: String,
    /// The project.
    pub project: String,
    /// The name it came with.
    pub name: String,
    /// What its bytes are.
    pub media_type: String,
    /// Size.
    pub bytes: u64,
    /// Fingerprint of the bytes.
    pub sha256: String,
    /// When it came.
    pub at: DateTime<Utc>,
    /// Who brought it.
    pub brought_by: Value,
}

impl Catalog {
    /// Keeps a file with its row and event. The bytes are on the disk before the row is.
    pub async fn attachment_add(
        &self,
        row: &AttachmentRow,
        bytes: bytes::Bytes,
        event: Value,
        answer: Option<&KeptAnswer>,
    ) -> Result<Written, CatalogError> {
        self.attached_bytes_put(&row.id, &row.name, &row.sha256, bytes).await?;
        let during = "attachment";
        let mut writing = self.writing(during).await?;
        if !writing.keep_answer(answer, row.at).await? {
            return Ok(Written::Repeated);
        }
        sqlx::query(
            "INSERT INTO attachment (id, project, name, media_type, bytes, sha256, at_ms, brought_by) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&row.id)
        .bind(&row.project)
        .bind(&row.name)
        .bind(&row.media_type)
        .bind(row.bytes.cast_signed())
        .bind(&row.sha256)
        .bind(millis(row.at))
        .bind(row.brought_by.to_string())
        .execute(&mut *writing.rows)
        .await
        .map_err(CatalogError::database(during))?;
        writing.project_events(&row.project, &[("attachment".to_owned(), event)], row.at).await?;
        writing.commit(during).await?;
        Ok(Written::Done)
    }

    /// Puts the bytes of an attached file on the disk, by the identifier of its row to be.
    pub(crate) async fn attached_bytes_put(
        &self,
        id: &str,
        name: &str,
        sha256: &str,
        bytes: bytes::Bytes,
    ) -> Result<(), CatalogError> {
        let path = self.attachment_path(id)?;
        let folder = self.blobs_folder().join("_attachments");
        if hex(&Sha256::digest(&bytes)) != sha256 {
            return Err(CatalogError::BadFile {
                path: name.to_owned(),
                reason: "指纹与内容不符 / the fingerprint is another file's",
            });
        }
        blocking(&path.clone(), move || {
            std::fs::create_dir_all(&folder).map_err(CatalogError::file(&folder))?;
            let staged = path.with_extension("part");
            std::fs::write(&staged, &bytes).map_err(CatalogError::file(&staged))?;
            std::fs::File::open(&staged).and_then(|file| file.sync_all()).map_err(CatalogError::file(&staged))?;
            std::fs::rename(&staged, &path).map_err(CatalogError::file(&path))?;
            std::fs::File::open(&folder).and_then(|folder| folder.sync_all()).map_err(CatalogError::file(&folder))
        })
        .await
    }

    /// The files of a project, oldest first.
    pub async fn attachment_list(&self, project: &str) -> Result<Vec<AttachmentRow>, CatalogError> {
        let rows = sqlx::query("SELECT * FROM attachment WHERE project = $1 ORDER BY at_ms, id")
            .bind(project)
            .fetch_all(&self.pool)
            .await
            .map_err(CatalogError::database("attachments"))?;
        rows.iter().map(attachment_of).collect()
    }

    /// The bytes of a file, by the identifier of its row.
    pub async fn attachment_bytes(&self, id: &str) -> Result<Vec<u8>, CatalogError> {
        let path = self.attachment_path(id)?;
        blocking(&path.clone(), move || std::fs::read(&path).map_err(CatalogError::file(&path))).await
    }

    fn attachment_path(&self, id: &str) -> Result<std::path::PathBuf, CatalogError> {
        let plain = (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !plain {
            return Err(CatalogError::BadName { what: "附件", text: id.chars().take(40).collect() });
        }
        Ok(self.blobs_folder().join("_attachments").join(id))
    }
}

fn attachment_of(row: &SqliteRow) -> Result<AttachmentRow, CatalogError> {
    Ok(AttachmentRow {
        id: column(row, "id")?,
        project: column(row, "project")?,
        name: column(row, "name")?,
        media_type: column(row, "media_type")?,
        bytes: count_column(row, "bytes")?,
        sha256: column(row, "sha256")?,
        at: instant(column(row, "at_ms")?)?,
        brought_by: json_column(row, "brought_by")?,
    })
}
