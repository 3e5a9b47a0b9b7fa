//! Telling the provincial platform: each decided project as a signed package, tried again until it is taken.
//!
//! What is to be told follows from the rows, not from a queue: a project that is decided and not told at its version is
//! due. A crash at any moment therefore loses nothing, and telling twice is harmless, since the receiver is given the
//! same key (`Idempotency-Key`) for the same version.

use std::sync::Arc;
use std::time::Duration;

use catalog::PushRow;
use chrono::TimeDelta;
use review::ProjectState;
use tokio::sync::Notify;

use crate::app::App;
use crate::desk::read;
use crate::package::{SigningKey, package};
use crate::problem::Problem;

/// How often what is due is looked for.
const LOOK: Duration = Duration::from_secs(10);
/// Longest exchange with the receiver.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Attempts before a person has to look.
const MAX_ATTEMPTS: u64 = 30;
/// Wait after the first failed attempt; doubled each time,
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(15);
/// but no longer than this.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(6);
/// What ends a project's way, so that it is told.
pub(crate) const TOLD_STATES: [ProjectState; 3] =
    [ProjectState::Approved, ProjectState::Returned, ProjectState::Withdrawn];

/// Where and how to tell.
#[derive(Debug, Clone)]
pub struct PushSettings {
    /// The receiver's address.
    pub url: String,
    /// The key shared with it.
    pub key: SigningKey,
}

/// The telling of a server.
#[derive(Debug, Default)]
pub struct Push {
    pub(crate) wake: Notify,
}

/// Tells what is due, for ever. Ends at once where nothing is to be told to anybody.
pub async fn run(app: Arc<App>) {
    let Some(settings) = app.settings.push.clone() else { return };
    let client = match reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "no HTTP client, nothing will be told to the provincial platform");
            return;
        }
    };
    loop {
        if let Err(problem) = tell_due(&app, &settings, &client).await {
            tracing::error!(problem = problem.zh(), "what is due could not be told");
        }
        // Whichever comes first; a timeout is as good as a call.
        drop(tokio::time::timeout(LOOK, app.push.wake.notified()).await);
    }
}

async fn tell_due(app: &App, settings: &PushSettings, client: &reqwest::Client) -> Result<(), Problem> {
    let now = (app.settings.now)();
    for project in app.catalog.push_due(&TOLD_STATES.map(ProjectState::as_str), now).await? {
        let Some(row) = app.catalog.project_get(&project).await? else { continue };
        let told = app.catalog.push_get(&project).await?;
        let attempts = told.filter(|told| told.project_version == row.version).map_or(0, |told| told.attempts) + 1;
        let signed = settings.key.sign(&package(&app.catalog, &read(&row)?, now).await?);
        let answer = client
            .post(&settings.url)
            .header("content-type", "application/json")
            .header("idempotency-key", format!("{}-{}", row.id, row.version))
            .body(signed.to_string())
            .send()
            .await;
        let problem = match answer {
            Ok(answer) if answer.status().is_success() => String::new(),
            Ok(answer) => format!("对方答复 {0} / answered {0}", answer.status().as_u16()),
            Err(error) if error.is_timeout() => "对方没有及时答复 / no answer in time".to_owned(),
            Err(_unreachable) => "无法连接对方 / not reachable".to_owned(),
        };
        let state = match (problem.is_empty(), attempts >= MAX_ATTEMPTS) {
            (true, _) => "done",
            (false, true) => "failed",
            (false, false) => "waiting",
        };
        if !problem.is_empty() {
            tracing::warn!(project = row.id, attempts, problem, "the provincial platform did not take a package");
        }
        let doubled = FIRST_WAIT * 2i32.pow(u32::try_from(attempts.min(12)).unwrap_or(12) - 1);
        let next = (app.settings.now)() + doubled.min(LONGEST_WAIT);
        app.catalog
            .push_write(&PushRow {
                project: row.id,
                project_version: row.version,
                state: state.to_owned(),
                attempts,
                next,
                problem,
            })
            .await?;
    }
    Ok(())
}
