//! Rows of projects under review: the project as it stands, its events for ever, its red lines, for whom it waits,
//! which revisions it relied on.
//!
//! What a project is and how it may change is decided elsewhere; here it is text with the columns it is found by.
//! A write names the version it follows, so that of two at once one is told that it came late.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::SqliteRow;

use crate::people::Written;
use crate::publish::hex;
use crate::query::{column, count_column, json_column};
use crate::store::{Writing, instant, millis};
use crate::{Catalog, CatalogError, KeptAnswer};

/// A project as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRow {
    /// Identifier.
    pub id: String,
    /// 项目代码, unique.
    pub code: String,
    /// Name.
    pub name: String,
    /// 建设单位.
    pub applicant: String,
    /// Identifier of the lead unit.
    pub lead_unit: String,
    /// Account of its officer.
    pub officer: String,
    /// State.
    pub state: String,
    /// Counts its changes, from 1.
    pub version: u64,
    /// When it was registered.
    pub created: DateTime<Utc>,
    /// When it was changed last.
    pub changed: DateTime<Utc>,
    /// All of it, JSON.
    pub body: String,
}

/// A change of a project, all of which lasts or none.
#[derive(Debug, Clone)]
pub struct ProjectWrite<'a> {
    /// The project since; version 1 is a new one, any other follows the one before it.
    pub row: &'a ProjectRow,
    /// What is remembered: kind and particulars.
    pub events: &'a [(String, Value)],
    /// For whom it waits since: unit and act.
    pub waits: &'a [(String, String)],
    /// Revisions it relies on from now on: dataset and revision.
    pub reliance: &'a [(String, String)],
    /// A new version of its red line.
    pub red_line: Option<(u32, &'a Value)>,
    /// The answer to keep with it.
    pub answer: Option<&'a KeptAnswer>,
}

/// Which projects.
#[derive(Debug, Clone, Default)]
pub struct ProjectQuery {
    /// Words in code, name or applicant.
    pub text: Option<String>,
    /// Of that state.
    pub state: Option<String>,
    /// Those of this account, as officer, or for which this unit is waited for.
    pub mine: Option<(String, String)>,
    /// Those that relied on this revision: dataset and revision.
    pub relied_on: Option<(String, String)>,
    /// At most so many,
    pub limit: u32,
    /// after so many.
    pub offset: u64,
}

/// A remembered step.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// From 1, within its project or ledger row.
    pub number: u64,
    /// What happened.
    pub kind: String,
    /// The particulars.
    pub body: Value,
    /// Fingerprint of this event and the one before; none in the ledger.
    pub chain_sha256: Option<String>,
}

impl Catalog {
    /// Writes a project with what goes with it.
    pub async fn project_write(&self, write: ProjectWrite<'_>) -> Result<Written, CatalogError> {
        let row = write.row;
        let during = "project";
        let mut writing = self.writing(during).await?;
        if !writing.keep_answer(write.answer, row.changed).await? {
            return Ok(Written::Repeated);
        }
        let statement = if row.version == 1 {
            sqlx::query(
                "INSERT INTO project (id, code, name, applicant, lead_unit, officer, state, version, created_ms, \
                 changed_ms, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
            )
        } else {
            // A code that another project has makes no row fit, which is told apart below.
            sqlx::query(
                "UPDATE project SET code = $2, name = $3, applicant = $4, lead_unit = $5, officer = $6, state = $7, \
                 version = $8, created_ms = $9, changed_ms = $10, body = $11 WHERE id = $1 AND version = $8 - 1 \
                 AND NOT EXISTS (SELECT 1 FROM project other WHERE other.code = $2 AND other.id <> $1)",
            )
        };
        let done = statement
            .bind(&row.id)
            .bind(&row.code)
            .bind(&row.name)
            .bind(&row.applicant)
            .bind(&row.lead_unit)
            .bind(&row.officer)
            .bind(&row.state)
            .bind(row.version.cast_signed())
            .bind(millis(row.created))
            .bind(millis(row.changed))
            .bind(&row.body)
            .execute(&mut *writing.rows)
            .await
            .map_err(CatalogError::database(during))?;
        if done.rows_affected() == 0 {
            let other = sqlx::query("SELECT id FROM project WHERE code = $1 AND id <> $2")
                .bind(&row.code)
                .bind(&row.id)
                .fetch_optional(&mut *writing.rows)
                .await
                .map_err(CatalogError::database(during))?;
            return Ok(if other.is_some() { Written::Taken } else { Written::Stale });
        }
        writing.project_events(&row.id, write.events, row.changed).await?;
        writing.waits_replace(&row.id, write.waits).await?;
        for (slug, revision) in write.reliance {
            sqlx::query(
                "INSERT INTO project_reliance (project, slug, revision_id) VALUES ($1, $2, $3) \
                 ON CONFLICT (project, slug, revision_id) DO NOTHING",
            )
            .bind(&row.id)
            .bind(slug)
            .bind(revision)
            .execute(&mut *writing.rows)
            .await
            .map_err(CatalogError::database(during))?;
        }
        if let Some((version, body)) = write.red_line {
            sqlx::query("INSERT INTO project_red_line (project, version, body) VALUES ($1, $2, $3)")
                .bind(&row.id)
                .bind(i64::from(version))
                .bind(body.to_string())
                .execute(&mut *writing.rows)
                .await
                .map_err(CatalogError::database(during))?;
        }
        writing.commit(during).await?;
        Ok(Written::Done)
    }

    /// Remembers something that changes nothing, such as a note.
    pub async fn project_remark(
        &self,
        project: &str,
        kind: &str,
        body: Value,
        now: DateTime<Utc>,
        answer: Option<&KeptAnswer>,
    ) -> Result<Written, CatalogError> {
        let mut writing = self.writing("project").await?;
        if !writing.keep_answer(answer, now).await? {
            return Ok(Written::Repeated);
        }
        writing.project_events(project, &[(kind.to_owned(), body)], now).await?;
        writing.commit("project").await?;
        Ok(Written::Done)
    }

    /// One project.
    pub async fn project_get(&self, id: &str) -> Result<Option<ProjectRow>, CatalogError> {
        sqlx::query("SELECT * FROM project WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(CatalogError::database("project"))?
            .as_ref()
            .map(project_of)
            .transpose()
    }

    /// The projects that answer the query, the last changed first, and how many there are in all.
    pub async fn project_list(&self, query: &ProjectQuery) -> Result<(u64, Vec<ProjectRow>), CatalogError> {
        const CONDITION: &str = "FROM project p WHERE \
            (CAST($1 AS TEXT) IS NULL OR LOWER(p.code) LIKE $1 ESCAPE '!' OR LOWER(p.name) LIKE $1 ESCAPE '!' \
             OR LOWER(p.applicant) LIKE $1 ESCAPE '!') \
            AND (CAST($2 AS TEXT) IS NULL OR p.state = $2) \
            AND (CAST($3 AS TEXT) IS NULL OR p.officer = $3 \
             OR EXISTS (SELECT 1 FROM project_wait w WHERE w.project = p.id AND w.unit = $4)) \
            AND (CAST($5 AS TEXT) IS NULL \
             OR EXISTS (SELECT 1 FROM project_reliance r WHERE r.project = p.id AND r.slug = $5 AND r.revision_id = $6))";
        let like = query.text.as_deref().map(|text| {
            let plain = text.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
            format!("%{plain}%")
        });
        let (account, unit) = query.mine.clone().unzip();
        let (slug, revision) = query.relied_on.clone().unzip();
        let count = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT COUNT(*) AS projects {CONDITION}")))
            .bind(&like)
            .bind(&query.state)
            .bind(&account)
            .bind(&unit)
            .bind(&slug)
            .bind(&revision)
            .fetch_one(&self.pool)
            .await
            .map_err(CatalogError::database("projects"))?;
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT p.* {CONDITION} ORDER BY p.changed_ms DESC, p.id LIMIT $7 OFFSET $8"
        )))
        .bind(&like)
        .bind(&query.state)
        .bind(&account)
        .bind(&unit)
        .bind(&slug)
        .bind(&revision)
        .bind(i64::from(query.limit))
        .bind(query.offset.cast_signed())
        .fetch_all(&self.pool)
        .await
        .map_err(CatalogError::database("projects"))?;
        Ok((count_column(&count, "projects")?, rows.iter().map(project_of).collect::<Result<_, _>>()?))
    }

    /// Projects that wait for that unit, or for anybody, the longest unchanged first.
    pub async fn projects_waiting(&self, unit: Option<&str>, limit: u32) -> Result<Vec<ProjectRow>, CatalogError> {
        let rows = sqlx::query(
            "SELECT p.* FROM project p WHERE EXISTS (SELECT 1 FROM project_wait w WHERE w.project = p.id \
             AND (CAST($1 AS TEXT) IS NULL OR w.unit = $1)) ORDER BY p.changed_ms, p.id LIMIT $2",
        )
        .bind(unit)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(CatalogError::database("tasks"))?;
        rows.iter().map(project_of).collect()
    }

    /// What happened to a project, oldest first; all of it or one kind.
    pub async fn project_events(&self, project: &str, kind: Option<&str>) -> Result<Vec<EventRow>, CatalogError> {
        let rows = sqlx::query(
            "SELECT number, kind, body, chain_sha256 FROM project_event WHERE project = $1 \
             AND (CAST($2 AS TEXT) IS NULL OR kind = $2) ORDER BY number",
        )
        .bind(project)
        .bind(kind)
        .fetch_all(&self.pool)
        .await
        .map_err(CatalogError::database("events"))?;
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

    /// A version of a project's red line.
    pub async fn project_red_line(&self, project: &str, version: u32) -> Result<Option<Value>, CatalogError> {
        sqlx::query("SELECT body FROM project_red_line WHERE project = $1 AND version = $2")
            .bind(project)
            .bind(i64::from(version))
            .fetch_optional(&self.pool)
            .await
            .map_err(CatalogError::database("red line"))?
            .map(|row| json_column(&row, "body"))
            .transpose()
    }

    /// The revisions a project relied on that were withdrawn since: dataset, revision, reason.
    pub async fn project_withdrawn_reliance(&self, project: &str) -> Result<Vec<[String; 3]>, CatalogError> {
        let rows = sqlx::query(
            "SELECT r.slug, r.revision_id, w.reason FROM project_reliance r \
             JOIN withdrawal w ON w.slug = r.slug AND w.revision_id = r.revision_id \
             WHERE r.project = $1 ORDER BY r.slug, r.revision_id",
        )
        .bind(project)
        .fetch_all(&self.pool)
        .await
        .map_err(CatalogError::database("reliance"))?;
        rows.iter().map(|row| Ok([column(row, "slug")?, column(row, "revision_id")?, column(row, "reason")?])).collect()
    }

    /// The scene of a project (schemes, bookmarks) and its version; version 0 while there is none.
    pub async fn project_scene(&self, project: &str) -> Result<(u64, Value), CatalogError> {
        let row = sqlx::query("SELECT version, body FROM project_scene WHERE project = $1")
            .bind(project)
            .fetch_optional(&self.pool)
            .await
            .map_err(CatalogError::database("scene"))?;
        row.map_or(Ok((0, Value::Null)), |row| Ok((count_column(&row, "version")?, json_column(&row, "body")?)))
    }

    /// Writes the scene of a project over the version `seen`.
    pub async fn project_scene_write(
        &self,
        project: &str,
        seen: u64,
        body: &Value,
        now: DateTime<Utc>,
        event: Value,
    ) -> Result<Written, CatalogError> {
        let mut writing = self.writing("scene").await?;
        let statement = if seen == 0 {
            sqlx::query("INSERT INTO project_scene (project, version, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        } else {
            sqlx::query("UPDATE project_scene SET version = $2, body = $3 WHERE project = $1 AND version = $2 - 1")
        };
        let done = statement
            .bind(project)
            .bind(seen.cast_signed() + 1)
            .bind(body.to_string())
            .execute(&mut *writing.rows)
            .await
            .map_err(CatalogError::database("scene"))?;
        if done.rows_affected() == 0 {
            return Ok(Written::Stale);
        }
        writing.project_events(project, &[("scene".to_owned(), event)], now).await?;
        writing.commit("scene").await?;
        Ok(Written::Done)
    }
}

impl Writing {
    /// Adds events to a project's history, each chained to the one before.
    pub(crate) async fn project_events(
        &mut self,
        project: &str,
        events: &[(String, Value)],
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        let last = sqlx::query(
            "SELECT number, chain_sha256 FROM project_event WHERE project = $1 ORDER BY number DESC LIMIT 1",
        )
        .bind(project)
        .fetch_optional(&mut *self.rows)
        .await
        .map_err(CatalogError::database("events"))?;
        let (mut number, mut chain) = match &last {
            Some(row) => (count_column(row, "number")?, column(row, "chain_sha256")?),
            None => (0, String::new()),
        };
        for (kind, body) in events {
            number += 1;
            let body = body.to_string();
            chain = chained(&chain, project, number, now, kind, &body);
            sqlx::query(
                "INSERT INTO project_event (project, number, at_ms, kind, body, chain_sha256) VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(project)
            .bind(number.cast_signed())
            .bind(millis(now))
            .bind(kind)
            .bind(body)
            .bind(&chain)
            .execute(&mut *self.rows)
            .await
            .map_err(CatalogError::database("events"))?;
        }
        Ok(())
    }

    /// Only what changed is written: one opinion of thirty departments takes one row away.
    async fn waits_replace(&mut self, project: &str, waits: &[(String, String)]) -> Result<(), CatalogError> {
        let rows = sqlx::query("SELECT unit, act FROM project_wait WHERE project = $1")
            .bind(project)
            .fetch_all(&mut *self.rows)
            .await
            .map_err(CatalogError::database("tasks"))?;
        let before = rows
            .iter()
            .map(|row| Ok((column(row, "unit")?, column(row, "act")?)))
            .collect::<Result<BTreeSet<(String, String)>, CatalogError>>()?;
        let after: BTreeSet<_> = waits.iter().cloned().collect();
        let gone = before.difference(&after).map(|wait| (DELETE_WAIT, wait));
        for (statement, (unit, act)) in gone.chain(after.difference(&before).map(|wait| (INSERT_WAIT, wait))) {
            sqlx::query(statement)
                .bind(project)
                .bind(unit)
                .bind(act)
                .execute(&mut *self.rows)
                .await
                .map_err(CatalogError::database("tasks"))?;
        }
        Ok(())
    }
}

const DELETE_WAIT: &str = "DELETE FROM project_wait WHERE project = $1 AND unit = $2 AND act = $3";
const INSERT_WAIT: &str = "INSERT INTO project_wait (project, unit, act) VALUES ($1, $2, $3)";

/// The fingerprint of an event and all before it: whoever changes one row of the past must change every later one.
pub(crate) fn chained(before: &str, project: &str, number: u64, at: DateTime<Utc>, kind: &str, body: &str) -> String {
    let text = format!("{before}\n{project}\n{number}\n{}\n{kind}\n{body}", millis(at));
    hex(&Sha256::digest(text.as_bytes()))
}

fn project_of(row: &SqliteRow) -> Result<ProjectRow, CatalogError> {
    Ok(ProjectRow {
        id: column(row, "id")?,
        code: column(row, "code")?,
        name: column(row, "name")?,
        applicant: column(row, "applicant")?,
        lead_unit: column(row, "lead_unit")?,
        officer: column(row, "officer")?,
        state: column(row, "state")?,
        version: count_column(row, "version")?,
        created: instant(column(row, "created_ms")?)?,
        changed: instant(column(row, "changed_ms")?)?,
        body: column(row, "body")?,
    })
}
