//! Rows of the difference ledger (差异图斑台账) and their history.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;

use crate::people::Written;
use crate::project::EventRow;
use crate::query::{column, count_column, json_column};
use crate::store::{Writing, millis};
use crate::{Catalog, CatalogError, KeptAnswer};

/// A row of the ledger as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// Identifier.
    pub id: String,
    /// The job it comes from.
    pub job: String,
    /// Its patch in that job.
    pub patch: String,
    /// State.
    pub state: String,
    /// The unit it is assigned to; empty while to none.
    pub unit: String,
    /// Counts its changes, from 1.
    pub version: u64,
    /// All of it, JSON.
    pub body: String,
}

/// Which rows.
#[derive(Debug, Clone, Default)]
pub struct LedgerQuery {
    /// Of that job.
    pub job: Option<String>,
    /// Of that state.
    pub state: Option<String>,
    /// Assigned to that unit.
    pub unit: Option<String>,
    /// At most so many,
    pub limit: u32,
    /// after so many.
    pub offset: u64,
}

impl Catalog {
    /// Adds the patches of a job. Those that are there already stay as they are; says how many were new.
    pub async fn ledger_add(
        &self,
        rows: &[LedgerRow],
        event: &Value,
        now: DateTime<Utc>,
        answer: Option<&KeptAnswer>,
    ) -> Result<(Written, u64), CatalogError> {
        let mut writing = self.writing("ledger").await?;
        if !writing.keep_answer(answer, now).await? {
            return Ok((Written::Repeated, 0));
        }
        let mut added = 0;
        for row in rows {
            let done = sqlx::query(
                "INSERT INTO ledger_row (id, job, patch, state, unit, version, changed_ms, body) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            )
            .bind(&row.id)
            .bind(&row.job)
            .bind(&row.patch)
            .bind(&row.state)
            .bind(&row.unit)
            .bind(row.version.cast_signed())
            .bind(millis(now))
            .bind(&row.body)
            .execute(&mut *writing.rows)
            .await
            .map_err(CatalogError::database("ledger"))?;
            if done.rows_affected() == 1 {
                added += 1;
                writing.ledger_event(&row.id, "made", event, now).await?;
            }
        }
        writing.commit("ledger").await?;
        Ok((Written::Done, added))
    }

    /// Writes rows over the versions before them, each with its event; all or none.
    pub async fn ledger_write(
        &self,
        changes: &[(LedgerRow, String, Value)],
        now: DateTime<Utc>,
        answer: Option<&KeptAnswer>,
    ) -> Result<Written, CatalogError> {
        let mut writing = self.writing("ledger").await?;
        if !writing.keep_answer(answer, now).await? {
            return Ok(Written::Repeated);
        }
        for (row, kind, event) in changes {
            let done = sqlx::query(
                "UPDATE ledger_row SET state = $2, unit = $3, version = $4, changed_ms = $5, body = $6 \
                 WHERE id = $1 AND version = $4 - 1",
            )
            .bind(&row.id)
            .bind(&row.state)
            .bind(&row.unit)
            .bind(row.version.cast_signed())
            .bind(millis(now))
            .bind(&row.body)
            .execute(&mut *writing.rows)
            .await
            .map_err(CatalogError::database("ledger"))?;
            if done.rows_affected() == 0 {
                return Ok(Written::Stale);
            }
            writing.ledger_event(&row.id, kind, event, now).await?;
        }
        writing.commit("ledger").await?;
        Ok(Written::Done)
    }

    /// One row.
    pub async fn ledger_get(&self, id: &str) -> Result<Option<LedgerRow>, CatalogError> {
        sqlx::query("SELECT * FROM ledger_row WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(CatalogError::database("ledger"))?
            .as_ref()
            .map(ledger_of)
            .transpose()
    }

    /// The rows that answer the query, by job and patch, and how many there are in all.
    pub async fn ledger_list(&self, query: &LedgerQuery) -> Result<(u64, Vec<LedgerRow>), CatalogError> {
        const CONDITION: &str = "FROM ledger_row WHERE (CAST($1 AS TEXT) IS NULL OR job = $1) \
            AND (CAST($2 AS TEXT) IS NULL OR state = $2) AND (CAST($3 AS TEXT) IS NULL OR unit = $3)";
        let count = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT COUNT(*) AS patches {CONDITION}")))
            .bind(&query.job)
            .bind(&query.state)
            .bind(&query.unit)
            .fetch_one(&self.pool)
            .await
            .map_err(CatalogError::database("ledger"))?;
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT * {CONDITION} ORDER BY job, patch, id LIMIT $4 OFFSET $5"
        )))
        .bind(&query.job)
        .bind(&query.state)
        .bind(&query.unit)
        .bind(i64::from(query.limit))
        .bind(query.offset.cast_signed())
        .fetch_all(&self.pool)
        .await
        .map_err(CatalogError::database("ledger"))?;
        Ok((count_column(&count, "patches")?, rows.iter().map(ledger_of).collect::<Result<_, _>>()?))
    }

    /// What happened to a row, oldest first.
    pub async fn ledger_events(&self, id: &str) -> Result<Vec<EventRow>, CatalogError> {
        let rows = sqlx::query("SELECT number, kind, body FROM ledger_event WHERE ledger_row = $1 ORDER BY number")
            .bind(id)
            .fetch_all(&self.pool)
            .await
            .map_err(CatalogError::database("ledger"))?;
        rows.iter()
            .map(|row| {
                Ok(EventRow {
                    number: count_column(row, "number")?,
                    kind: column(row, "kind")?,
                    body: json_column(row, "body")?,
                    chain_sha256: None,
                })
            })
            .collect()
    }
}

impl Writing {
    async fn ledger_event(
        &mut self,
        id: &str,
        kind: &str,
        body: &Value,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        sqlx::query(
            "INSERT INTO ledger_event (ledger_row, number, at_ms, kind, body) \
             SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4 FROM ledger_event WHERE ledger_row = $1",
        )
        .bind(id)
        .bind(millis(now))
        .bind(kind)
        .bind(body.to_string())
        .execute(&mut *self.rows)
        .await
        .map_err(CatalogError::database("ledger"))?;
        Ok(())
    }
}

fn ledger_of(row: &SqliteRow) -> Result<LedgerRow, CatalogError> {
    Ok(LedgerRow {
        id: column(row, "id")?,
        job: column(row, "job")?,
        patch: column(row, "patch")?,
        state: column(row, "state")?,
        unit: column(row, "unit")?,
        version: count_column(row, "version")?,
        body: column(row, "body")?,
    })
}
