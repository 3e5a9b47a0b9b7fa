//! Rows of incidents (灾情), their events and the photos taken there.
//!
//! What an incident is and how it may change is decided elsewhere; a write names the version it follows.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;

use crate::people::Written;
use crate::project::{EventRow, chained};
use crate::query::{column, count_column, json_column};
use crate::store::{Writing, instant, millis};
use crate::{Catalog, CatalogError, KeptAnswer};

/// An incident as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentRow {
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// State.
    pub state: String,
    /// Counts its changes, from 1.
    pub version: u64,
    /// When it was changed last.
    pub changed: DateTime<Utc>,
    /// All of it, JSON.
    pub body: String,
}

/// A photo that belongs to an incident.
#[derive(Debug, Clone, PartialEq)]
pub struct PhotoRow {
    /// Identifier: letters, digits and hyphens.
    pub id: String,
    /// The incident.
    pub incident: String,
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
    /// Where and when it was taken, what it shows, who brought it.
    pub body: Value,
}

const DURING: &str = "incident";

impl Catalog {
    /// Writes an incident with what happened to it; version 1 is a new one, any other follows the one before it.
    pub async fn incident_write(
        &self,
        row: &IncidentRow,
        event: (&str, &Value),
        answer: Option<&KeptAnswer>,
    ) -> Result<Written, CatalogError> {
        let mut writing = self.writing(DURING).await?;
        if !writing.keep_answer(answer, row.changed).await? {
            return Ok(Written::Repeated);
        }
        let statement = if row.version == 1 {
            "INSERT INTO incident (id, name, state, version, changed_ms, body) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT DO NOTHING"
        } else {
            "UPDATE incident SET name = $2, state = $3, version = $4, changed_ms = $5, body = $6 \
             WHERE id = $1 AND version = $4 - 1"
        };
        let done = sqlx::query(statement)
            .bind(&row.id)
            .bind(&row.name)
            .bind(&row.state)
            .bind(row.version.cast_signed())
            .bind(millis(row.changed))
            .bind(&row.body)
            .execute(&mut *writing.rows)
            .await
            .map_err(CatalogError::database(DURING))?;
        if done.rows_affected() == 0 {
            return Ok(Written::Stale);
        }
        writing.incident_event(&row.id, event, row.changed).await?;
        writing.commit(DURING).await?;
        Ok(Written::Done)
    }

    /// Remembers something that changes nothing, such as who looked at names.
    pub async fn incident_remark(
        &self,
        incident: &str,
        event: (&str, &Value),
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        let mut writing = self.writing(DURING).await?;
        writing.incident_event(incident, event, now).await?;
        writing.commit(DURING).await
    }

    /// One incident.
    pub async fn incident_get(&self, id: &str) -> Result<Option<IncidentRow>, CatalogError> {
        sqlx::query("SELECT * FROM incident WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(CatalogError::database(DURING))?
            .as_ref()
            .map(incident_of)
            .transpose()
    }

    /// Incidents, the last changed first, and how many there are in all.
    pub async fn incident_list(&self, limit: u32, offset: u64) -> Result<(u64, Vec<IncidentRow>), CatalogError> {
        let count = sqlx::query("SELECT COUNT(*) AS incidents FROM incident")
            .fetch_one(&self.pool)
            .await
            .map_err(CatalogError::database(DURING))?;
        let rows = sqlx::query("SELECT * FROM incident ORDER BY changed_ms DESC, id LIMIT $1 OFFSET $2")
            .bind(i64::from(limit))
            .bind(offset.cast_signed())
            .fetch_all(&self.pool)
            .await
            .map_err(CatalogError::database(DURING))?;
        Ok((count_column(&count, "incidents")?, rows.iter().map(incident_of).collect::<Result<_, _>>()?))
    }

    /// What happened to an incident, oldest first.
    pub async fn incident_events(&self, incident: &str) -> Result<Vec<EventRow>, CatalogError> {
        let rows = sqlx::query(
            "SELECT number, kind, body, chain_sha256 FROM incident_event WHERE incident = $1 ORDER BY number",
        )
        .bind(incident)
        .fetch_all(&self.pool)
        .await
        .map_err(CatalogError::database(DURING))?;
        rows.iter()
            .map(|row| {
                Ok(EventRow {
                    number: count_column(row, "number")?,
                    kind: column(row, "kind")?,
                    body: json_column(row, "body")?,
                    chain_sha256: column(row, "chain_sha256")?,
                })
            })
            .collect()
    }

    /// Keeps a photo with its row and event. The bytes are on the disk before the row is.
    pub async fn photo_add(
        &self,
        row: &PhotoRow,
        bytes: bytes::Bytes,
        event: &Value,
        answer: Option<&KeptAnswer>,
    ) -> Result<Written, CatalogError> {
        self.attached_bytes_put(&row.id, &row.name, &row.sha256, bytes).await?;
        let mut writing = self.writing(DURING).await?;
        if !writing.keep_answer(answer, row.at).await? {
            return Ok(Written::Repeated);
        }
        sqlx::query(
            "INSERT INTO incident_photo (id, incident, name, media_type, bytes, sha256, at_ms, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&row.id)
        .bind(&row.incident)
        .bind(&row.name)
        .bind(&row.media_type)
        .bind(row.bytes.cast_signed())
        .bind(&row.sha256)
        .bind(millis(row.at))
        .bind(row.body.to_string())
        .execute(&mut *writing.rows)
        .await
        .map_err(CatalogError::database(DURING))?;
        writing.incident_event(&row.incident, ("photo", event), row.at).await?;
        writing.commit(DURING).await?;
        Ok(Written::Done)
    }

    /// The photos of an incident, oldest first.
    pub async fn photo_list(&self, incident: &str) -> Result<Vec<PhotoRow>, CatalogError> {
        let rows = sqlx::query("SELECT * FROM incident_photo WHERE incident = $1 ORDER BY at_ms, id")
            .bind(incident)
            .fetch_all(&self.pool)
            .await
            .map_err(CatalogError::database(DURING))?;
        rows.iter()
            .map(|row| {
                Ok(PhotoRow {
                    id: column(row, "id")?,
                    incident: column(row, "incident")?,
                    name: column(row, "name")?,
                    media_type: column(row, "media_type")?,
                    bytes: count_column(row, "bytes")?,
                    sha256: column(row, "sha256")?,
                    at: instant(column(row, "at_ms")?)?,
                    body: json_column(row, "body")?,
                })
            })
            .collect()
    }
}

impl Writing {
    async fn incident_event(
        &mut self,
        incident: &str,
        (kind, body): (&str, &Value),
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        let last = sqlx::query(
            "SELECT number, chain_sha256 FROM incident_event WHERE incident = $1 ORDER BY number DESC LIMIT 1",
        )
        .bind(incident)
        .fetch_optional(&mut *self.rows)
        .await
        .map_err(CatalogError::database(DURING))?;
        let (number, chain) = match &last {
            Some(row) => (count_column(row, "number")?, column(row, "chain_sha256")?),
            None => (0, String::new()),
        };
        let (number, body) = (number + 1, body.to_string());
        sqlx::query(
            "INSERT INTO incident_event (incident, number, at_ms, kind, body, chain_sha256) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(incident)
        .bind(number.cast_signed())
        .bind(millis(now))
        .bind(kind)
        .bind(&body)
        .bind(chained(&chain, incident, number, now, kind, &body))
        .execute(&mut *self.rows)
        .await
        .map_err(CatalogError::database(DURING))?;
        Ok(())
    }
}

fn incident_of(row: &SqliteRow) -> Result<IncidentRow, CatalogError> {
    Ok(IncidentRow {
        id: column(row, "id")?,
        name: column(row, "name")?,
        state: column(row, "state")?,
        version: count_column(row, "version")?,
        changed: instant(column(row, "changed_ms")?)?,
        body: column(row, "body")?,
    })
}
