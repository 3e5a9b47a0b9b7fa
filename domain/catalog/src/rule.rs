//! Versions of rule documents (规则): what a county decided, since when, by whom. A version never changes; a newer one
//! takes its place from its own day on, so that a question about the past is answered by the rules of then.

use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;

use crate::query::column;
use crate::store::{instant, millis};
use crate::{Catalog, CatalogError};

/// One version of a rule document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleVersion {
    /// Name of the document.
    pub name: String,
    /// Version, unique for the name.
    pub version: String,
    /// Who wrote it.
    pub author: String,
    /// From when on it holds.
    pub effective_from: DateTime<Utc>,
    /// The document.
    pub text: String,
    /// When it was told to us.
    pub recorded: DateTime<Utc>,
    /// Account that told us.
    pub account: String,
}

impl Catalog {
    /// Adds a version; false where there is one of that name and version, which never changes.
    pub async fn rule_add(&self, rule: &RuleVersion) -> Result<bool, CatalogError> {
        sqlx::query(
            "INSERT INTO rule_version (name, version, author, effective_from_ms, text, recorded_ms, account) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name, version) DO NOTHING",
        )
        .bind(&rule.name)
        .bind(&rule.version)
        .bind(&rule.author)
        .bind(millis(rule.effective_from))
        .bind(&rule.text)
        .bind(millis(rule.recorded))
        .bind(&rule.account)
        .execute(&self.pool)
        .await
        .map(|done| done.rows_affected() > 0)
        .map_err(CatalogError::database("rule"))
    }

    /// The versions of one document, or of all, in the order in which they come into force.
    pub async fn rule_list(&self, name: Option<&str>) -> Result<Vec<RuleVersion>, CatalogError> {
        let rows = sqlx::query(
            "SELECT name, version, author, effective_from_ms, text, recorded_ms, account FROM rule_version \
             WHERE CAST($1 AS TEXT) IS NULL OR name = $1 ORDER BY name, effective_from_ms, recorded_ms, version",
        )
        .bind(name)
        .fetch_all(&self.pool)
        .await
        .map_err(CatalogError::database("rules"))?;
        rows.iter().map(rule_of).collect()
    }

    /// The versions in force at `datetime` as known at `recorded`, at most one of each document.
    pub async fn rules_in_force(
        &self,
        datetime: DateTime<Utc>,
        recorded: DateTime<Utc>,
    ) -> Result<Vec<RuleVersion>, CatalogError> {
        let mut in_force: Vec<RuleVersion> = Vec::new();
        for rule in self.rule_list(None).await? {
            if rule.effective_from > datetime || rule.recorded > recorded {
                continue;
            }
            match in_force.last_mut().filter(|last| last.name == rule.name) {
                Some(earlier) => *earlier = rule,
                None => in_force.push(rule),
            }
        }
        Ok(in_force)
    }
}

fn rule_of(row: &SqliteRow) -> Result<RuleVersion, CatalogError> {
    Ok(RuleVersion {
        name: column(row, "name")?,
        version: column(row, "version")?,
        author: column(row, "author")?,
        effective_from: instant(column(row, "effective_from_ms")?)?,
        text: column(row, "text")?,
        recorded: instant(column(row, "recorded_ms")?)?,
        account: column(row, "account")?,
    })
}
