//! Answers kept by request key: who asks the same twice, because the first answer was lost on the way, gets the same answer.
//!
//! The answer is written in the transaction of what it answers, so both last or neither.

use chrono::{DateTime, Utc};

use crate::query::{column, count_column};
use crate::store::{Writing, millis};
use crate::{Catalog, CatalogError};

/// What a request was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Who asked.
    pub account: String,
    /// The key the client chose (`Idempotency-Key`).
    pub request_key: String,
    /// Fingerprint of what was asked: another request under the same key is a mistake of the client.
    pub request_sha256: String,
    /// HTTP status.
    pub status: u16,
    /// The answer, JSON.
    pub body: String,
}

impl Catalog {
    /// What that request was answered before.
    pub async fn kept_answer(&self, account: &str, request_key: &str) -> Result<Option<KeptAnswer>, CatalogError> {
        let row = sqlx::query(
            "SELECT account, request_key, request_sha256, status, body FROM kept_answer \
             WHERE account = $1 AND request_key = $2",
        )
        .bind(account)
        .bind(request_key)
        .fetch_optional(&self.pool)
        .await
        .map_err(CatalogError::database("kept answer"))?;
        row.map(|row| {
            Ok(KeptAnswer {
                account: column(&row, "account")?,
                request_key: column(&row, "request_key")?,
                request_sha256: column(&row, "request_sha256")?,
                status: u16::try_from(count_column(&row, "status")?).map_err(CatalogError::damaged("status"))?,
                body: column(&row, "body")?,
            })
        })
        .transpose()
    }

    /// Forgets answers kept before `before`.
    pub async fn kept_answers_forget(&self, before: DateTime<Utc>) -> Result<u64, CatalogError> {
        let mut writing = self.writing("kept answers").await?;
        let done = sqlx::query("DELETE FROM kept_answer WHERE recorded_ms < $1")
            .bind(millis(before))
            .execute(&mut *writing.rows)
            .await
            .map_err(CatalogError::database("kept answers"))?;
        writing.commit("kept answers").await?;
        Ok(done.rows_affected())
    }
}

impl Writing {
    /// Keeps the answer. `false` where one is kept under that key already: then nothing must be done a second time.
    pub(crate) async fn keep_answer(
        &mut self,
        answer: Option<&KeptAnswer>,
        now: DateTime<Utc>,
    ) -> Result<bool, CatalogError> {
        let Some(answer) = answer else { return Ok(true) };
        let done = sqlx::query(
            "INSERT INTO kept_answer (account, request_key, request_sha256, status, body, recorded_ms) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account, request_key) DO NOTHING",
        )
        .bind(&answer.account)
        .bind(&answer.request_key)
        .bind(&answer.request_sha256)
        .bind(i64::from(answer.status))
        .bind(&answer.body)
        .bind(millis(now))
        .execute(&mut *self.rows)
        .await
        .map_err(CatalogError::database("kept answer"))?;
        Ok(done.rows_affected() == 1)
    }
}
