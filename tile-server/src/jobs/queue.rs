//! The runner: jobs wait as rows, workers take them in turn, and what they make counts with one last row.
//!
//! Nothing here is kept in memory alone. A process that dies leaves leases that run out, and any process over the same
//! catalogue begins those jobs again; the result of a job is written first and named by its row last, so that nothing
//! is ever half there.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use analysis::Analysis;
use axum::http::StatusCode;
use bytes::Bytes;
use catalog::{CatalogError, Job, JobAdded, JobState, Lease, NewJob, QueueLimits};
use chrono::TimeDelta;
use moka::sync::Cache;
use review::Actor;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::answer::{answer, wanted};
use super::kept::{Kept, PATCHES, RESULT};
use super::layers::LayerCache;
use super::watch::JobWatch;
use super::{grids, patch_layers};
use crate::app::{App, Shared};
use crate::problem::Problem;

/// How often a worker says that it lives, and hears whether its job is still wanted.
const BEAT: Duration = Duration::from_secs(1);
/// How long it is believed after that.
const LEASE: TimeDelta = TimeDelta::seconds(15);
/// How often an idle worker looks for what other processes left or added.
const LOOK: Duration = Duration::from_secs(2);
/// How long somebody waits for a check that another request is already making.
const WAIT_FOR_SAME: Duration = Duration::from_secs(50);
/// Patches and results kept in memory, for paging.
const FILES_BYTES: u64 = 128 << 20;

/// How much is run and waits.
#[derive(Debug, Clone)]
pub struct JobSettings {
    /// Jobs at a time; each uses every core by itself where its analysis can.
    pub workers: usize,
    /// Jobs that may wait.
    pub waiting: QueueLimits,
    /// What can be asked.
    pub analyses: &'static [&'static Analysis],
    /// The program `shikong-import`, for formats that need GDAL.
    pub importer: Option<PathBuf>,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self { workers: 2, waiting: QueueLimits { all: 200, each: 50 }, analyses: analysis::ANALYSES, importer: None }
    }
}

/// What a server knows of its jobs beside the rows.
#[derive(Debug)]
pub struct Jobs {
    /// Who we are in the rows.
    worker: String,
    pub(super) layers: LayerCache,
    running: Mutex<BTreeMap<String, Arc<JobWatch>>>,
    wake: Notify,
    files: Cache<(String, &'static str), Bytes>,
}

impl Default for Jobs {
    fn default() -> Self {
        let weigh = |_: &(String, &'static str), bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self {
            worker: uuid::Uuid::new_v4().to_string(),
            layers: LayerCache::default(),
            running: Mutex::default(),
            wake: Notify::new(),
            files: Cache::builder().max_capacity(FILES_BYTES).weigher(weigh).build(),
        }
    }
}

impl Jobs {
    fn running(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<JobWatch>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The workers of a process. Dropping them stops them at once, and what they run is begun again by others, as after a
/// crash.
#[derive(Debug)]
pub struct Workers {
    tasks: JoinSet<()>,
    app: Shared,
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.tasks.abort_all();
        // An analysis runs on a thread that nothing but itself can end.
        self.app.jobs.running().values().for_each(|watch| watch.cancel());
    }
}

/// Starts taking jobs.
#[must_use]
pub fn start(app: &Shared) -> Workers {
    let mut tasks = JoinSet::new();
    for _ in 0..app.settings.jobs.workers.max(1) {
        let app = Arc::clone(app);
        tasks.spawn(async move {
            loop {
                let lease = app.lease();
                match app.catalog.job_claim(&lease, (app.settings.now)()).await {
                    Ok(Some(job)) => {
                        if let Err(error) = carry_out(&app, &job).await {
                            tracing::error!(job = job.id, %error, "a job could not be kept; it is begun again later");
                        }
                    }
                    Ok(None) => {
                        // Whichever comes first; a timeout is as good as a call.
                        drop(tokio::time::timeout(LOOK, app.jobs.wake.notified()).await);
                    }
                    Err(error) => {
                        tracing::error!(%error, "no job could be taken");
                        tokio::time::sleep(LOOK).await;
                    }
                }
            }
        });
    }
    Workers { tasks, app: Arc::clone(app) }
}

/// Puts a request into the queue.
pub async fn submit(
    app: &Shared,
    name: &str,
    request: Value,
    actor: &Actor,
    key: Option<String>,
) -> Result<Job, Problem> {
    let job = new_job(app, name, request, actor, key);
    wanted(app, app.analysis(name)?, &job.request, job.created).await?;
    let added = app.catalog.job_add(&job, app.settings.jobs.waiting, None).await?;
    let job = admitted(added, &job)?;
    app.jobs.wake.notify_one();
    Ok(job)
}

/// Answers a request while somebody waits: a job like any other, begun at once. Sent twice under one key, it is run once.
pub async fn run_now(
    app: &Shared,
    name: &str,
    request: Value,
    actor: &Actor,
    key: Option<String>,
) -> Result<(Job, Value), Problem> {
    app.analysis(name)?;
    let new = new_job(app, name, request, actor, key);
    let held = Arc::clone(app);
    let work = async move {
        let app = held;
        let added = app.catalog.job_add(&new, app.settings.jobs.waiting, Some(&app.lease())).await?;
        let is_new = matches!(added, JobAdded::New(_));
        let job = admitted(added, &new)?;
        if is_new {
            carry_out(&app, &job).await?;
        }
        Ok::<_, Problem>(job.id)
    };
    let id = app.work.run_async(work).await??;
    let job = over(app, &id).await?;
    let result = result_of(app, &job).await?;
    let result = serde_json::from_slice(&result).map_err(Problem::internal)?;
    Ok((job, result))
}

fn new_job(app: &App, name: &str, request: Value, actor: &Actor, key: Option<String>) -> NewJob {
    NewJob {
        id: uuid::Uuid::new_v4().to_string(),
        name: name.to_owned(),
        request,
        account: actor.account.id.clone(),
        account_name: actor.account.name.clone(),
        key,
        created: (app.settings.now)(),
    }
}

fn admitted(added: JobAdded, asked: &NewJob) -> Result<Job, Problem> {
    let busy = |zh: &str, en: &str| Problem::new(StatusCode::SERVICE_UNAVAILABLE, zh, en).retry_after(30);
    match added {
        JobAdded::New(job) => Ok(job),
        JobAdded::Same(job) if job.name == asked.name && job.request == asked.request => Ok(job),
        JobAdded::Same(_) => Err(Problem::new(
            StatusCode::CONFLICT,
            "该 Idempotency-Key 已用于另一个请求，请换一个",
            "This Idempotency-Key was used for another request; take a new one.",
        )),
        JobAdded::Full => {
            Err(busy("排队的分析任务过多，请稍后再试", "Too many analyses are waiting; try again later."))
        }
        JobAdded::FullForAccount => Err(busy(
            "您排队的分析任务过多，请等其中一些完成后再试",
            "Too many of your analyses are waiting; try again when some are done.",
        )),
    }
}

/// A job that is over; waits for one that another request runs.
async fn over(app: &App, id: &str) -> Result<Job, Problem> {
    let waited = tokio::time::timeout(WAIT_FOR_SAME, async {
        loop {
            let job = app.job(id).await?;
            if job.state.is_over() {
                return Ok(job);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    waited.await.unwrap_or_else(|_elapsed| Err(not_yet()))
}

fn not_yet() -> Problem {
    Problem::new(StatusCode::CONFLICT, "分析尚未完成，请稍后再取", "The analysis is not done yet; ask again later.")
}

/// The result of a job as it is kept; the problem of one that has none.
pub(crate) async fn result_of(app: &App, job: &Job) -> Result<Bytes, Problem> {
    finished(job)?;
    file(app, job, RESULT).await
}

/// The patches of a job, a line each.
pub(crate) async fn patches_of(app: &App, job: &Job) -> Result<Bytes, Problem> {
    finished(job)?;
    file(app, job, PATCHES).await
}

async fn file(app: &App, job: &Job, name: &'static str) -> Result<Bytes, Problem> {
    let key = (job.id.clone(), name);
    if let Some(bytes) = app.jobs.files.get(&key) {
        return Ok(bytes);
    }
    let bytes = app.catalog.job_blob_get(&job.id, name).await?;
    app.jobs.files.insert(key, bytes.clone());
    Ok(bytes)
}

fn finished(job: &Job) -> Result<(), Problem> {
    match job.state {
        JobState::Done => Ok(()),
        JobState::Queued | JobState::Running => Err(not_yet()),
        JobState::Cancelled => Err(super::layers::cancelled()),
        JobState::Failed => {
            let problem = job.outcome.as_ref().and_then(|outcome| outcome.get("problem"));
            let text = |name: &str| problem.and_then(|p| p.get(name)).and_then(Value::as_str).unwrap_or_default();
            let status = problem.and_then(|p| p.get("status")).and_then(Value::as_u64).unwrap_or(500);
            let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
            let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Err(Problem::new(status, text("detail_zh"), text("detail_en")))
        }
    }
}

/// Runs a job that is ours, and ends it.
async fn carry_out(app: &Shared, job: &Job) -> Result<(), CatalogError> {
    let watch = Arc::new(JobWatch::default());
    app.jobs.running().insert(job.id.clone(), Arc::clone(&watch));
    let made = tokio::select! {
        made = make(app, job, &watch) => made,
        never = beat(app, &job.id, &watch) => match never {},
    };
    app.jobs.running().remove(&job.id);
    let (state, outcome) = match made {
        Ok(outcome) => (JobState::Done, outcome),
        // Whoever cancelled it has said so in the row.
        Err(_) if analysis::Watch::cancelled(&*watch) => return Ok(()),
        Err(problem) => (JobState::Failed, json!({ "problem": problem.record() })),
    };
    let now = (app.settings.now)();
    if !app.catalog.job_finish(&job.id, &app.jobs.worker, state, &outcome, now).await? {
        tracing::info!(job = job.id, "a job was cancelled or taken by another worker while it ran");
    }
    Ok(())
}

async fn make(app: &Shared, job: &Job, watch: &Arc<JobWatch>) -> Result<Value, Problem> {
    let analysis = app.analysis(&job.name)?;
    let answer = answer(app, analysis, &job.request, job.created, watch).await?;
    let (answer, kept) = tokio::task::spawn_blocking(move || Kept::of(&answer).map(|kept| (answer, kept)))
        .await
        .map_err(Problem::internal)??;
    app.catalog.job_blob_put(&job.id, RESULT, kept.result).await?;
    app.catalog.job_blob_put(&job.id, PATCHES, kept.patches).await?;
    let mut outcome = kept.outcome;
    let valid_from = answer.valid_from.unwrap_or(job.created);
    if analysis.results_are_datasets {
        let titles = [analysis.title_zh, analysis.title_en];
        outcome["layers"] = patch_layers::publish(app, job, &answer, titles, valid_from).await?.into();
    }
    if !answer.grids.is_empty() {
        let sources = &answer.findings.result["sources"];
        outcome["grids"] = grids::publish(app, job, &answer.grids, sources, valid_from).await?.into();
    }
    Ok(outcome)
}

/// Makes a job's result once more, as whoever takes it after a crash does.
pub async fn run_again(app: &Shared, job: &Job) -> Result<Value, Problem> {
    make(app, job, &Arc::new(JobWatch::default())).await
}

/// Says that we live, again and again; once the job is not ours any more, nobody waits for it.
async fn beat(app: &App, id: &str, watch: &JobWatch) -> Infallible {
    loop {
        tokio::time::sleep(BEAT).await;
        let (progress, doing) = watch.state();
        match app.catalog.job_beat(id, &app.lease(), progress, &doing).await {
            Ok(true) => {}
            Ok(false) => watch.cancel(),
            Err(error) => tracing::warn!(job = id, %error, "a running job could not say that it runs"),
        }
    }
}

impl App {
    fn lease(&self) -> Lease<'_> {
        Lease { worker: &self.jobs.worker, until: (self.settings.now)() + LEASE }
    }

    /// The analysis of a name.
    pub fn analysis(&self, name: &str) -> Result<&'static Analysis, Problem> {
        self.settings.jobs.analyses.iter().copied().find(|analysis| analysis.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.settings.jobs.analyses.iter().map(|analysis| analysis.name).collect();
            Problem::missing(
                format!("没有这种分析，可选：{}", names.join("、")),
                format!("There is no such analysis; there are: {}.", names.join(", ")),
            )
        })
    }

    /// A job, with the progress of this very moment where it runs here.
    pub async fn job(&self, id: &str) -> Result<Job, Problem> {
        let missing = || Problem::missing("没有这个分析任务", "There is no such analysis job.");
        let mut job = self.catalog.job_get(id).await?.ok_or_else(missing)?;
        let watch = self.jobs.running().get(id).cloned();
        if let Some(watch) = watch.filter(|_| job.state == JobState::Running) {
            (job.progress, job.doing) = watch.state();
        }
        Ok(job)
    }

    /// Cancels a job that is not over.
    pub async fn job_cancel(&self, id: &str) -> Result<Job, Problem> {
        self.job(id).await?;
        let job = self.catalog.job_cancel(id, (self.settings.now)()).await?;
        if let Some(watch) = self.jobs.running().get(id) {
            watch.cancel();
        }
        job.ok_or_else(|| Problem::missing("没有这个分析任务", "There is no such analysis job."))
    }
}
