//! Analyses as jobs: a row per request, taken by workers with a lease, finished by one statement.
//!
//! A worker that dies leaves a lease that runs out, and the job is taken again; whatever it had made is no result, since
//! only [`Catalog::job_finish`] of the one who holds the lease makes it one. Turns go round the accounts: whoever was
//! served longest ago is next, however many requests another one has sent.

use std::fmt;

use chrono::{DateTime, Utc};
use object_store::ObjectStoreExt as _;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;

use crate::publish::blocking;
use crate::query::column;
use crate::store::{check_relative_path, instant, millis};
use crate::{Catalog, CatalogError};

/// A job that took so many workers with it is not begun again.
const MAX_ATTEMPTS: i64 = 3;
/// Longest identifier, key or account name kept.
const MAX_NAME_BYTES: usize = 200;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Waits for its turn.
    Queued,
    /// Somebody runs it.
    Running,
    /// There is a result.
    Done,
    /// It came to nothing; the outcome says why.
    Failed,
    /// Nobody wanted it any more.
    Cancelled,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// The name in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether nothing will happen to it any more.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Identifier, unique.
    pub id: String,
    /// Name of the analysis.
    pub name: String,
    /// The request, as it was posted.
    pub request: Value,
    /// Id of the account that asks; turns go round the accounts.
    pub account: String,
    /// What that account is called.
    pub account_name: String,
    /// `Idempotency-Key`: the same one of the same account is the same job.
    pub key: Option<String>,
    /// Now. It is also the time for which undated questions are answered, however late the job runs.
    pub created: DateTime<Utc>,
}

/// A job as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Identifier.
    pub id: String,
    /// Name of the analysis.
    pub name: String,
    /// The request, as it was posted.
    pub request: Value,
    /// Id of the account that asked.
    pub account: String,
    /// What that account is called.
    pub account_name: String,
    /// When it was asked for.
    pub created: DateTime<Utc>,
    /// Where it stands.
    pub state: JobState,
    /// Parts done of a whole of 1.
    pub progress: f64,
    /// What is being done.
    pub doing: String,
    /// When it ended.
    pub finished: Option<DateTime<Utc>>,
    /// What came of it: where it is done or failed.
    pub outcome: Option<Value>,
}

/// How much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Jobs waiting, over all accounts.
    pub all: u32,
    /// Jobs waiting of one account.
    pub each: u32,
}

/// Who takes jobs, and until when he is believed to be alive.
#[derive(Debug, Clone)]
pub struct Lease<'a> {
    /// The worker; unique over all processes.
    pub worker: &'a str,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq)]
pub enum JobAdded {
    /// It is there now.
    New(Job),
    /// It was there: the same key.
    Same(Job),
    /// Too many wait.
    Full,
    /// Too many of this account wait.
    FullForAccount,
}

impl Catalog {
    /// Asks for a job. With a lease it is begun at once by its holder, past the queue and its limits.
    pub async fn job_add(
        &self,
        job: &NewJob,
        limits: QueueLimits,
        begun_by: Option<&Lease<'_>>,
    ) -> Result<JobAdded, CatalogError> {
        for (what, text) in
            [("job", &job.id), ("account", &job.account), ("Idempotency-Key", &job.key.clone().unwrap_or_default())]
        {
            if text.len() > MAX_NAME_BYTES || (what == "job" && text.is_empty()) {
                return Err(CatalogError::BadName { what, text: text.chars().take(40).collect() });
            }
        }
        let request = serde_json::to_string(&job.request).map_err(CatalogError::damaged("request"))?;
        let failed = || CatalogError::database("job");
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed())?;
        if let Some(key) = &job.key {
            let same = sqlx::query("SELECT * FROM analysis_job WHERE account = $1 AND request_key = $2")
                .bind(&job.account)
                .bind(key)
                .fetch_optional(&mut *transaction)
                .await
                .map_err(failed())?;
            if let Some(row) = same {
                return Ok(JobAdded::Same(job_of(&row)?));
            }
        }
        if begun_by.is_none() {
            let (all, each): (i64, i64) = sqlx::query_as(
                "SELECT COUNT(*), COALESCE(SUM(CASE WHEN account = $1 THEN 1 ELSE 0 END), 0) FROM analysis_job WHERE state = 'queued'",
            )
            .bind(&job.account)
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed())?;
            if all >= i64::from(limits.all) {
                return Ok(JobAdded::Full);
            }
            if each >= i64::from(limits.each) {
                return Ok(JobAdded::FullForAccount);
            }
        }
        sqlx::query(
            "INSERT INTO analysis_job (id, name, request, account, account_name, request_key, created_ms, state, progress, \
             doing, worker, lease_ms, attempts, turn) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0.0, '', $9, $10, $11, \
             CASE WHEN $11 = 0 THEN NULL ELSE (SELECT COALESCE(MAX(turn), 0) + 1 FROM analysis_job) END)",
        )
        .bind(&job.id)
        .bind(&job.name)
        .bind(request)
        .bind(&job.account)
        .bind(&job.account_name)
        .bind(job.key.as_deref())
        .bind(millis(job.created))
        .bind(if begun_by.is_some() { JobState::Running } else { JobState::Queued }.as_str())
        .bind(begun_by.map(|lease| lease.worker))
        .bind(begun_by.map(|lease| millis(lease.until)))
        .bind(i64::from(begun_by.is_some()))
        .execute(&mut *transaction)
        .await
        .map_err(failed())?;
        transaction.commit().await.map_err(failed())?;
        self.job_get(&job.id)
            .await?
            .map(JobAdded::New)
            .ok_or_else(|| CatalogError::Damaged { what: "job", source: job.id.clone().into() })
    }

    /// The next job for a worker: waiting, or left by a worker whose lease ran out by `now`.
    pub async fn job_claim(&self, lease: &Lease<'_>, now: DateTime<Utc>) -> Result<Option<Job>, CatalogError> {
        let failed = || CatalogError::database("job claim");
        // Asked without a lock first: an idle worker looks often and finds nothing.
        let (open,): (i64,) = sqlx::query_as(
            "SELECT COUNT(*) FROM analysis_job WHERE state = 'queued' OR (state = 'running' AND lease_ms < $1)",
        )
        .bind(millis(now))
        .fetch_one(&self.pool)
        .await
        .map_err(failed())?;
        if open == 0 {
            return Ok(None);
        }
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed())?;
        sqlx::query(
            "UPDATE analysis_job SET state = 'failed', finished_ms = $1, outcome = $2 \
             WHERE state = 'running' AND lease_ms < $1 AND attempts >= $3",
        )
        .bind(millis(now))
        .bind(
            r#"{"problem":{"detail_zh":"该任务多次使分析进程中断，已停止重试；请缩小范围后再试","detail_en":"This job took its worker down several times and is not begun again; ask for a smaller area."}}"#,
        )
        .bind(MAX_ATTEMPTS)
        .execute(&mut *transaction)
        .await
        .map_err(failed())?;
        let row = sqlx::query(
            "SELECT q.id FROM analysis_job q WHERE q.state = 'queued' OR (q.state = 'running' AND q.lease_ms < $1) \
             ORDER BY (SELECT COUNT(*) FROM analysis_job r WHERE r.account = q.account AND r.state = 'running' AND r.lease_ms >= $1), \
             (SELECT COALESCE(MAX(t.turn), 0) FROM analysis_job t WHERE t.account = q.account), q.created_ms, q.id LIMIT 1",
        )
        .bind(millis(now))
        .fetch_optional(&mut *transaction)
        .await
        .map_err(failed())?;
        let Some(row) = row else {
            transaction.commit().await.map_err(failed())?;
            return Ok(None);
        };
        let id: String = column(&row, "id")?;
        sqlx::query(
            "UPDATE analysis_job SET state = 'running', worker = $2, lease_ms = $3, attempts = attempts + 1, progress = 0.0, \
             doing = '', turn = (SELECT COALESCE(MAX(turn), 0) + 1 FROM analysis_job) WHERE id = $1",
        )
        .bind(&id)
        .bind(lease.worker)
        .bind(millis(lease.until))
        .execute(&mut *transaction)
        .await
        .map_err(failed())?;
        transaction.commit().await.map_err(failed())?;
        self.job_get(&id).await
    }

    /// Says that a worker still runs a job, and how far it is. False where the job is not his any more: he stops.
    pub async fn job_beat(
        &self,
        id: &str,
        lease: &Lease<'_>,
        progress: f64,
        doing: &str,
    ) -> Result<bool, CatalogError> {
        sqlx::query(
            "UPDATE analysis_job SET lease_ms = $3, progress = $4, doing = $5 WHERE id = $1 AND worker = $2 AND state = 'running'",
        )
        .bind(id)
        .bind(lease.worker)
        .bind(millis(lease.until))
        .bind(progress.clamp(0.0, 1.0))
        .bind(doing)
        .execute(&self.pool)
        .await
        .map(|done| done.rows_affected() > 0)
        .map_err(CatalogError::database("job"))
    }

    /// Ends a job that the worker runs. False where it is not his any more: what he made is no result.
    pub async fn job_finish(
        &self,
        id: &str,
        worker: &str,
        state: JobState,
        outcome: &Value,
        now: DateTime<Utc>,
    ) -> Result<bool, CatalogError> {
        let outcome = serde_json::to_string(outcome).map_err(CatalogError::damaged("outcome"))?;
        sqlx::query(
            "UPDATE analysis_job SET state = $3, finished_ms = $4, outcome = $5, lease_ms = NULL, \
             progress = CASE WHEN $3 = 'done' THEN 1.0 ELSE progress END, doing = '' \
             WHERE id = $1 AND worker = $2 AND state = 'running'",
        )
        .bind(id)
        .bind(worker)
        .bind(state.as_str())
        .bind(millis(now))
        .bind(outcome)
        .execute(&self.pool)
        .await
        .map(|done| done.rows_affected() > 0)
        .map_err(CatalogError::database("job"))
    }

    /// Cancels a job that is not over; whoever runs it learns it at his next beat. The job as it then stands.
    pub async fn job_cancel(&self, id: &str, now: DateTime<Utc>) -> Result<Option<Job>, CatalogError> {
        sqlx::query(
            "UPDATE analysis_job SET state = 'cancelled', finished_ms = $2, lease_ms = NULL, doing = '' \
             WHERE id = $1 AND state IN ('queued', 'running')",
        )
        .bind(id)
        .bind(millis(now))
        .execute(&self.pool)
        .await
        .map_err(CatalogError::database("job"))?;
        self.job_get(id).await
    }

    /// One job.
    pub async fn job_get(&self, id: &str) -> Result<Option<Job>, CatalogError> {
        let row = sqlx::query("SELECT * FROM analysis_job WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(CatalogError::database("job"))?;
        row.as_ref().map(job_of).transpose()
    }

    /// Keeps a file of a job; it counts only once the job is finished.
    pub async fn job_blob_put(&self, id: &str, name: &str, bytes: bytes::Bytes) -> Result<(), CatalogError> {
        let location = job_blob(id, name)?;
        let blob = |source| CatalogError::Blob { source };
        self.blobs().put(&location, bytes.into()).await.map_err(blob)?;
        // The row that makes it count survives a power cut, and so must the file.
        let path = self.blobs_folder().join(location.as_ref());
        blocking(&path.clone(), move || {
            std::fs::File::open(&path).and_then(|file| file.sync_all()).map_err(CatalogError::file(&path))
        })
        .await
    }

    /// A file of a job.
    pub async fn job_blob_get(&self, id: &str, name: &str) -> Result<bytes::Bytes, CatalogError> {
        let blob = |source| CatalogError::Blob { source };
        self.blobs().get(&job_blob(id, name)?).await.map_err(blob)?.bytes().await.map_err(blob)
    }

    /// The newest jobs, of one account or of all, of one analysis or of all.
    pub async fn job_list(
        &self,
        account: Option<&str>,
        name: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Job>, CatalogError> {
        let rows = sqlx::query(
            "SELECT * FROM analysis_job WHERE (CAST($1 AS TEXT) IS NULL OR account = $1) \
             AND (CAST($2 AS TEXT) IS NULL OR name = $2) ORDER BY created_ms DESC, id LIMIT $3",
        )
        .bind(account)
        .bind(name)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(CatalogError::database("jobs"))?;
        rows.iter().map(job_of).collect()
    }
}

/// Beside the datasets, under a name that no dataset can have.
fn job_blob(id: &str, name: &str) -> Result<object_store::path::Path, CatalogError> {
    let path = format!("_jobs/{id}/{name}");
    check_relative_path(&path)?;
    object_store::path::Path::parse(path).map_err(|error| CatalogError::Blob { source: error.into() })
}

fn job_of(row: &SqliteRow) -> Result<Job, CatalogError> {
    let state: &str = column(row, "state")?;
    let json = |name: &'static str, text: &str| serde_json::from_str(text).map_err(CatalogError::damaged(name));
    Ok(Job {
        id: column(row, "id")?,
        name: column(row, "name")?,
        request: json("request", column(row, "request")?)?,
        account: column(row, "account")?,
        account_name: column(row, "account_name")?,
        created: instant(column(row, "created_ms")?)?,
        state: JobState::from_name(state)
            .ok_or_else(|| CatalogError::Damaged { what: "state", source: state.to_owned().into() })?,
        progress: column(row, "progress")?,
        doing: column(row, "doing")?,
        finished: column::<Option<i64>>(row, "finished_ms")?.map(instant).transpose()?,
        outcome: column::<Option<&str>>(row, "outcome")?.map(|text| json("outcome", text)).transpose()?,
    })
}
