//! Rows of people: units, accounts, sessions, and the record of what was done to them.
//!
//! Passwords come hashed and tokens as fingerprints; what roles mean and when a session ends is decided elsewhere.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::query::{column, count_column, json_column};
use crate::store::{Writing, instant, millis};
use crate::{Catalog, CatalogError, KeptAnswer};

/// A unit of the organisation (州/县 > 部门).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitRow {
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// The unit above.
    pub parent: Option<String>,
    /// Whether it still works.
    pub active: bool,
    /// Counts its changes, from 1.
    pub version: u64,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Identifier.
    pub id: String,
    /// What is typed at log-in.
    pub name: String,
    /// The person.
    pub display_name: String,
    /// Unit.
    pub unit: String,
    /// The unit's name; read, never written.
    pub unit_name: String,
    /// Names of roles.
    pub roles: Vec<String>,
    /// The hashed password, a PHC string.
    pub password: String,
    /// Whether the password must be changed first.
    pub must_change: bool,
    /// Whether it may log in.
    pub active: bool,
    /// Log-ins failed since the last good one.
    pub failures: u64,
    /// No log-in before.
    pub locked_until: DateTime<Utc>,
    /// Counts its changes, from 1.
    pub version: u64,
    /// When it was made.
    pub created: DateTime<Utc>,
}

/// A session and its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Who.
    pub account: AccountRow,
    /// When it began.
    pub created: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub seen: DateTime<Utc>,
}

/// An entry of the record of administration, to be written with what it tells of.
#[derive(Debug, Clone)]
pub struct AdministrationEntry<'a> {
    /// Who did it.
    pub account: &'a str,
    /// What: `log_in`, `account_make`, …
    pub kind: &'a str,
    /// The particulars.
    pub body: Value,
    /// When.
    pub at: DateTime<Utc>,
}

/// How a write that must not overwrite ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is done and lasts.
    Done,
    /// Somebody else changed it first; nothing was done.
    Stale,
    /// Its unique name is taken; nothing was done.
    Taken,
    /// A request of that key was answered already; nothing was done.
    Repeated,
}

const ACCOUNT_COLUMNS: &str = "SELECT a.*, u.name AS unit_name FROM account a JOIN unit u ON u.id = a.unit";

impl Catalog {
    /// Every unit, by identifier.
    pub async fn unit_list(&self) -> Result<Vec<UnitRow>, CatalogError> {
        let rows = sqlx::query("SELECT id, name, parent, active, version FROM unit ORDER BY id")
            .fetch_all(&self.pool)
            .await
            .map_err(CatalogError::database("units"))?;
        rows.iter().map(unit_of).collect()
    }

    /// Writes a unit: new at version 1, else over the version before.
    pub async fn unit_write(
        &self,
        unit: &UnitRow,
        entry: AdministrationEntry<'_>,
        answer: Option<&KeptAnswer>,
    ) -> Result<Written, CatalogError> {
        let mut writing = self.writing("unit").await?;
        if !writing.keep_answer(answer, entry.at).await? {
            return Ok(Written::Repeated);
        }
        let statement = if unit.version == 1 {
            sqlx::query(
                "INSERT INTO unit (id, name, parent, active, version) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (id) DO NOTHING",
            )
        } else {
            sqlx::query(
                "UPDATE unit SET name = $2, parent = $3, active = $4, version = $5 WHERE id = $1 AND version = $5 - 1",
            )
        };
        let done = statement
            .bind(&unit.id)
            .bind(&unit.name)
            .bind(&unit.parent)
            .bind(i64::from(unit.active))
            .bind(unit.version.cast_signed())
            .execute(&mut *writing.rows)
            .await
            .map_err(CatalogError::database("unit"))?;
        if done.rows_affected() == 0 {
            return Ok(if unit.version == 1 { Written::Taken } else { Written::Stale });
        }
        writing.administration(entry).await?;
        writing.commit("unit").await?;
        Ok(Written::Done)
    }

    /// Every account, by name.
    pub async fn account_list(&self) -> Result<Vec<AccountRow>, CatalogError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{ACCOUNT_COLUMNS} ORDER BY a.name")))
            .fetch_all(&self.pool)
            .await
            .map_err(CatalogError::database("accounts"))?;
        rows.iter().map(account_of).collect()
    }

    /// How many accounts there are.
    pub async fn account_count(&self) -> Result<u64, CatalogError> {
        let row = sqlx::query("SELECT COUNT(*) AS accounts FROM account")
            .fetch_one(&self.pool)
            .await
            .map_err(CatalogError::database("accounts"))?;
        count_column(&row, "accounts")
    }

    /// The account of that identifier.
    pub async fn account_get(&self, id: &str) -> Result<Option<AccountRow>, CatalogError> {
        self.account_where("a.id = $1", id).await
    }

    /// The account that logs in by that name.
    pub async fn account_named(&self, name: &str) -> Result<Option<AccountRow>, CatalogError> {
        self.account_where("a.name = $1", name).await
    }

    async fn account_where(&self, condition: &'static str, value: &str) -> Result<Option<AccountRow>, CatalogError> {
        sqlx::query(sqlx::AssertSqlSafe(format!("{ACCOUNT_COLUMNS} WHERE {condition}")))
            .bind(value)
            .fetch_optional(&self.pool)
            .await
            .map_err(CatalogError::database("account"))?
            .as_ref()
            .map(account_of)
            .transpose()
    }

    /// Writes an account: new at version 1, else over the version before. `end_sessions` ends what it has open,
    /// but for the session named by `keep_token_sha256`.
    pub async fn account_write(
        &self,
        account: &AccountRow,
        end_sessions: bool,
        keep_token_sha256: Option<&str>,
        entry: AdministrationEntry<'_>,
        answer: Option<&KeptAnswer>,
    ) -> Result<Written, CatalogError> {
        let mut writing = self.writing("account").await?;
        if !writing.keep_answer(answer, entry.at).await? {
            return Ok(Written::Repeated);
        }
        let statement = if account.version == 1 {
            sqlx::query(
                "INSERT INTO account (id, name, display_name, unit, roles, password, must_change, active, failures, \
                 locked_until_ms, version, created_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
                 ON CONFLICT DO NOTHING",
            )
        } else {
            sqlx::query(
                "UPDATE account SET name = $2, display_name = $3, unit = $4, roles = $5, password = $6, \
                 must_change = $7, active = $8, failures = $9, locked_until_ms = $10, version = $11, created_ms = $12 \
                 WHERE id = $1 AND version = $11 - 1",
            )
        };
        let done = statement
            .bind(&account.id)
            .bind(&account.name)
            .bind(&account.display_name)
            .bind(&account.unit)
            .bind(serde_json::json!(account.roles).to_string())
            .bind(&account.password)
            .bind(i64::from(account.must_change))
            .bind(i64::from(account.active))
            .bind(account.failures.cast_signed())
            .bind(millis(account.locked_until))
            .bind(account.version.cast_signed())
            .bind(millis(account.created))
            .execute(&mut *writing.rows)
            .await
            .map_err(CatalogError::database("account"))?;
        if done.rows_affected() == 0 {
            return Ok(if account.version == 1 { Written::Taken } else { Written::Stale });
        }
        if end_sessions {
            sqlx::query("DELETE FROM session WHERE account = $1 AND token_sha256 <> $2")
                .bind(&account.id)
                .bind(keep_token_sha256.unwrap_or_default())
                .execute(&mut *writing.rows)
                .await
                .map_err(CatalogError::database("account"))?;
        }
        writing.administration(entry).await?;
        writing.commit("account").await?;
        Ok(Written::Done)
    }

    /// A log-in failed: counted by the database, so that attempts in parallel all count. From `lock_at` failures on the
    /// account is locked until `locked_until`.
    pub async fn account_failed(
        &self,
        id: &str,
        lock_at: u32,
        locked_until: DateTime<Utc>,
        entry: AdministrationEntry<'_>,
    ) -> Result<(), CatalogError> {
        let mut writing = self.writing("log-in").await?;
        sqlx::query(
            "UPDATE account SET failures = failures + 1, \
             locked_until_ms = CASE WHEN failures + 1 >= $2 THEN $3 ELSE locked_until_ms END WHERE id = $1",
        )
        .bind(id)
        .bind(i64::from(lock_at))
        .bind(millis(locked_until))
        .execute(&mut *writing.rows)
        .await
        .map_err(CatalogError::database("log-in"))?;
        writing.administration(entry).await?;
        writing.commit("log-in").await
    }

    /// Opens a session: a good log-in, which ends the count of failed ones and every session idle since before `idle_since`.
    pub async fn session_open(
        &self,
        account: &str,
        token_sha256: &str,
        idle_since: DateTime<Utc>,
        entry: AdministrationEntry<'_>,
    ) -> Result<(), CatalogError> {
        let during = "session";
        let mut writing = self.writing(during).await?;
        sqlx::query("DELETE FROM session WHERE seen_ms < $1")
            .bind(millis(idle_since))
            .execute(&mut *writing.rows)
            .await
            .map_err(CatalogError::database(during))?;
        sqlx::query("UPDATE account SET failures = 0, locked_until_ms = 0 WHERE id = $1")
            .bind(account)
            .execute(&mut *writing.rows)
            .await
            .map_err(CatalogError::database(during))?;
        sqlx::query("INSERT INTO session (token_sha256, account, created_ms, seen_ms) VALUES ($1, $2, $3, $3)")
            .bind(token_sha256)
            .bind(account)
            .bind(millis(entry.at))
            .execute(&mut *writing.rows)
            .await
            .map_err(CatalogError::database(during))?;
        writing.administration(entry).await?;
        writing.commit(during).await
    }

    /// The session of that token.
    pub async fn session_get(&self, token_sha256: &str) -> Result<Option<SessionRow>, CatalogError> {
        let row = sqlx::query(
            "SELECT a.*, u.name AS unit_name, s.created_ms AS session_created_ms, s.seen_ms AS session_seen_ms \
             FROM session s JOIN account a ON a.id = s.account JOIN unit u ON u.id = a.unit WHERE s.token_sha256 = $1",
        )
        .bind(token_sha256)
        .fetch_optional(&self.pool)
        .await
        .map_err(CatalogError::database("session"))?;
        row.map(|row| {
            Ok(SessionRow {
                account: account_of(&row)?,
                created: instant(column(&row, "session_created_ms")?)?,
                seen: instant(column(&row, "session_seen_ms")?)?,
            })
        })
        .transpose()
    }

    /// The session is used now.
    pub async fn session_touch(&self, token_sha256: &str, now: DateTime<Utc>) -> Result<(), CatalogError> {
        let mut writing = self.writing("session").await?;
        sqlx::query("UPDATE session SET seen_ms = $2 WHERE token_sha256 = $1 AND seen_ms < $2")
            .bind(token_sha256)
            .bind(millis(now))
            .execute(&mut *writing.rows)
            .await
            .map_err(CatalogError::database("session"))?;
        writing.commit("session").await
    }

    /// The session ends.
    pub async fn session_end(&self, token_sha256: &str) -> Result<(), CatalogError> {
        let mut writing = self.writing("session").await?;
        sqlx::query("DELETE FROM session WHERE token_sha256 = $1")
            .bind(token_sha256)
            .execute(&mut *writing.rows)
            .await
            .map_err(CatalogError::database("session"))?;
        writing.commit("session").await
    }

    /// Remembers something that changes nothing, such as who looked at whose telephone.
    pub async fn administration_add(&self, entry: AdministrationEntry<'_>) -> Result<(), CatalogError> {
        let mut writing = self.writing("administration").await?;
        writing.administration(entry).await?;
        writing.commit("administration").await
    }

    /// The record of administration, newest first.
    pub async fn administration_list(&self, limit: u32, offset: u64) -> Result<Vec<Value>, CatalogError> {
        let rows = sqlx::query(
            "SELECT number, at_ms, account, kind, body FROM administration_event ORDER BY number DESC LIMIT $1 OFFSET $2",
        )
        .bind(i64::from(limit))
        .bind(offset.cast_signed())
        .fetch_all(&self.pool)
        .await
        .map_err(CatalogError::database("administration"))?;
        rows.iter()
            .map(|row| {
                Ok(serde_json::json!({
                    "number": row.try_get::<i64, _>("number").map_err(CatalogError::damaged("number"))?,
                    "at": instant(column(row, "at_ms")?)?,
                    "account": column::<String>(row, "account")?,
                    "kind": column::<String>(row, "kind")?,
                    "body": json_column::<Value>(row, "body")?,
                }))
            })
            .collect()
    }
}

impl Writing {
    async fn administration(&mut self, entry: AdministrationEntry<'_>) -> Result<(), CatalogError> {
        sqlx::query(
            "INSERT INTO administration_event (number, at_ms, account, kind, body) \
             SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3, $4 FROM administration_event",
        )
        .bind(millis(entry.at))
        .bind(entry.account)
        .bind(entry.kind)
        .bind(entry.body.to_string())
        .execute(&mut *self.rows)
        .await
        .map_err(CatalogError::database("administration"))?;
        Ok(())
    }
}

fn truth(row: &SqliteRow, name: &'static str) -> Result<bool, CatalogError> {
    column::<i64>(row, name).map(|value| value != 0)
}

fn unit_of(row: &SqliteRow) -> Result<UnitRow, CatalogError> {
    Ok(UnitRow {
        id: column(row, "id")?,
        name: column(row, "name")?,
        parent: column(row, "parent")?,
        active: truth(row, "active")?,
        version: count_column(row, "version")?,
    })
}

fn account_of(row: &SqliteRow) -> Result<AccountRow, CatalogError> {
    Ok(AccountRow {
        id: column(row, "id")?,
        name: column(row, "name")?,
        display_name: column(row, "display_name")?,
        unit: column(row, "unit")?,
        unit_name: column(row, "unit_name")?,
        roles: json_column(row, "roles")?,
        password: column(row, "password")?,
        must_change: truth(row, "must_change")?,
        active: truth(row, "active")?,
        failures: count_column(row, "failures")?,
        locked_until: instant(column(row, "locked_until_ms")?)?,
        version: count_column(row, "version")?,
        created: instant(column(row, "created_ms")?)?,
    })
}
