//! `/projects/{id}/checks`: 符合性检测 of the red line that counts, run while the officer waits, and recorded with the
//! project: which rules, which revisions, which verdict. The whole result stays with its job.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use review::{CheckRecord, Project, Refusal};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::app::Shared;
use crate::asked::{Sent, private};
use crate::desk::Beside;
use crate::jobs::run_now;
use crate::people::Actor;
use crate::problem::Problem;
use crate::route::{Route, Verb, parameters};

parameters! {
    PROJECT = Path "id" "string" "项目标识；project";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Post,
        path: "/projects/{id}/checks",
        tag: "review",
        about: "符合性检测：{datetime?, recorded?}；checks the newest red line, by default with what holds now",
        parameters: &[PROJECT],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || post(check),
    },
    Route {
        verb: Verb::Get,
        path: "/projects/{id}/checks",
        tag: "review",
        about: "历次检测；every check of the project",
        parameters: &[PROJECT],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(list),
    },
];

/// As of when to check.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AsOf {
    datetime: Option<String>,
    recorded: Option<String>,
}

async fn check(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Sent { body, asked }: Sent<AsOf>,
) -> Result<Response, Problem> {
    let project = app.project(&id).await?;
    review::may(&project, "check", &actor, None)?;
    if let Some(response) = asked.earlier(&app, &actor.account.id).await? {
        return Ok(response);
    }
    let no_red_line = || Refusal::not_now("请先上传拟用地红线", "Bring the red line first.");
    let red_line = project.red_line().ok_or_else(no_red_line)?.version;
    let stored = app.catalog.project_red_line(&id, red_line).await?.ok_or_else(Problem::vanished)?;
    let request = request(&project, &stored["delivered"], &body);
    let key = asked.key().map(|key| format!("check:{key}"));
    let (job, result) = run_now(&app, "compliance", request, &actor, key).await?;
    let revisions = revisions(&result["sources"]);
    let record = CheckRecord {
        job: job.id.clone(),
        red_line,
        verdict: result["verdict"].as_str().unwrap_or_default().to_owned(),
        at: job.created,
        by: actor.account.clone(),
        rule_versions: result["rule_versions"].clone(),
        revisions: revisions.iter().map(|(dataset, revision)| format!("{dataset}@{revision}")).collect(),
    };
    let beside =
        Beside { reliance: revisions, answer: vec![("job", job.id.into()), ("result", result)], ..Beside::default() };
    app.step(&id, &actor, &asked, &beside, |project, here| review::record_check(project, record.clone(), &actor, here))
        .await
}

async fn list(State(app): State<Shared>, _: Actor, Path(id): Path<String>) -> Result<Response, Problem> {
    app.project(&id).await?;
    let events = app.catalog.project_events(&id, Some("check")).await?;
    let checks: Vec<Value> = events.into_iter().map(|mut event| event.body["detail"].take()).collect();
    Ok(private(StatusCode::OK, &json!({ "checks": checks })))
}

/// What is asked of the analysis: the red line as delivered, and what was registered.
fn request(project: &Project, red_line: &Value, as_of: &AsOf) -> Value {
    let registration = &project.registration;
    let mut facts: Map<String, Value> = registration.facts.clone();
    for (name, text) in [
        ("code", &registration.code),
        ("name", &registration.name),
        ("applicant", &registration.applicant),
        ("kind", &registration.kind),
        ("land_use_code", &registration.land_use.code),
        ("land_use_system", &registration.land_use.system),
    ] {
        facts.insert(name.to_owned(), text.as_str().into());
    }
    let mut request = json!({ "red_line": red_line, "project": facts });
    for (name, instant) in [("datetime", &as_of.datetime), ("recorded", &as_of.recorded)] {
        if let Some(instant) = instant {
            request[name] = instant.as_str().into();
        }
    }
    request
}

/// The revisions that a result names as its sources.
fn revisions(sources: &Value) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = sources
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|source| Some((source["dataset"].as_str()?.to_owned(), source["revision"].as_str()?.to_owned())))
        .collect();
    found.sort();
    found.dedup();
    found
}
