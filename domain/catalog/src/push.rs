//! What the provincial platform has been told of each project: the last attempt, and when to try again.

use chrono::{DateTime, Utc};

use crate::query::{column, count_column};
use crate::store::{instant, millis};
use crate::{Catalog, CatalogError};

/// The state of telling about one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushRow {
    /// The project.
    pub project: String,
    /// The version that is told.
    pub project_version: u64,
    /// `waiting`, `done` or `failed`.
    pub state: String,
    /// Attempts made for this version.
    pub attempts: u64,
    /// When to try next.
    pub next: DateTime<Utc>,
    /// What went wrong last.
    pub problem: String,
}

impl Catalog {
    /// Writes how far telling has come.
    pub async fn push_write(&self, row: &PushRow) -> Result<(), CatalogError> {
        let mut writing = self.writing("push").await?;
        sqlx::query(
            "INSERT INTO project_push (project, project_version, state, attempts, next_ms, problem) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (project) DO UPDATE SET project_version = $2, state = $3, \
             attempts = $4, next_ms = $5, problem = $6 WHERE project_push.project_version <= $2",
        )
        .bind(&row.project)
        .bind(row.project_version.cast_signed())
        .bind(&row.state)
        .bind(row.attempts.cast_signed())
        .bind(millis(row.next))
        .bind(&row.problem)
        .execute(&mut *writing.rows)
        .await
        .map_err(CatalogError::database("push"))?;
        writing.commit("push").await
    }

    /// How far telling about that project has come.
    pub async fn push_get(&self, project: &str) -> Result<Option<PushRow>, CatalogError> {
        let row = sqlx::query("SELECT * FROM project_push WHERE project = $1")
            .bind(project)
            .fetch_optional(&self.pool)
            .await
            .map_err(CatalogError::database("push"))?;
        row.as_ref().map(push_of).transpose()
    }

    /// Projects to be told by now: in one of those states, and not told at their version.
    pub async fn push_due(&self, states: &[&str; 3], now: DateTime<Utc>) -> Result<Vec<String>, CatalogError> {
        let rows = sqlx::query(
            "SELECT p.id FROM project p LEFT JOIN project_push t ON t.project = p.id WHERE p.state IN ($1, $2, $3) \
             AND (t.project IS NULL OR t.project_version < p.version OR (t.state = 'waiting' AND t.next_ms <= $4)) \
             ORDER BY p.changed_ms LIMIT 100",
        )
        .bind(states[0])
        .bind(states[1])
        .bind(states[2])
        .bind(millis(now))
        .fetch_all(&self.pool)
        .await
        .map_err(CatalogError::database("push"))?;
        rows.iter().map(|row| column(row, "id")).collect()
    }
}

fn push_of(row: &sqlx::sqlite::SqliteRow) -> Result<PushRow, CatalogError> {
    Ok(PushRow {
        project: column(row, "project")?,
        project_version: count_column(row, "project_version")?,
        state: column(row, "state")?,
        attempts: count_column(row, "attempts")?,
        next: instant(column(row, "next_ms")?)?,
        problem: column(row, "problem")?,
    })
}
