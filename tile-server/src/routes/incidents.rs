//! `/incidents`: 灾情评估: registering a disaster, asking what the surveys say of it, what people state, and the reports that
//! are issued. What may be done is decided in `review`; what the ground did, in `analysis`.

use std::collections::BTreeMap;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, patch, post};
use catalog::{IncidentRow, JobState, Written};
use chrono::{DateTime, Utc};
use review::{Incident, IncidentChange, IncidentState, JobLink, NewIncident, ReportKind};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::analyses::{job_json, may_run};
use super::projects::version_of;
use super::query_count;
use crate::app::{App, Shared};
use crate::asked::{Asked, Sent, private};
use crate::jobs::submit;
use crate::people::Actor;
use crate::problem::Problem;
use crate::route::{
    Route, Verb,
    parameter::{LIMIT, OFFSET},
    parameters,
};

parameters! {
    INCIDENT = Path "id" "string" "灾情标识；incident";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/incidents",
        tag: "incidents",
        about: "灾情列表；incidents, the last changed first",
        parameters: &[LIMIT, OFFSET],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(list),
    },
    Route {
        verb: Verb::Post,
        path: "/incidents",
        tag: "incidents",
        about: "登记灾情：{name, hazard, occurred, place?, question?: {before?, after, within?, …}}；registers an incident",
        parameters: &[],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || post(register),
    },
    Route {
        verb: Verb::Get,
        path: "/incidents/{id}",
        tag: "incidents",
        about: "一次灾情；one incident",
        parameters: &[INCIDENT],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(one),
    },
    Route {
        verb: Verb::Patch,
        path: "/incidents/{id}",
        tag: "incidents",
        about: "修改或填报：{version, question?, facts?, overrides?, …}；changes an incident, or states facts",
        parameters: &[INCIDENT],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || patch(change),
    },
    Route {
        verb: Verb::Post,
        path: "/incidents/{id}/jobs",
        tag: "incidents",
        about: "评估：{analysis?, request?, title?, what_if?}，缺省为 disaster；asks an analysis of the incident",
        parameters: &[INCIDENT],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || post(assess),
    },
    Route {
        verb: Verb::Post,
        path: "/incidents/{id}/reports",
        tag: "incidents",
        about: "签发快报：{kind: first | further | final}；issues a report",
        parameters: &[INCIDENT],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || post(issue),
    },
    Route {
        verb: Verb::Get,
        path: "/incidents/{id}/events",
        tag: "incidents",
        about: "灾情记录，不可更改；every step, for ever",
        parameters: &[INCIDENT],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(events),
    },
];

/// The analysis that is asked where none is named.
const REVIEW: &str = "disaster";
/// How often a step is decided anew when others were faster.
const ATTEMPTS: usize = 20;
/// Longest title of a question.
const MAX_TITLE: usize = 100;

async fn list(State(app): State<Shared>, _: Actor, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let query = query.as_deref();
    let limit = u32::try_from(query_count(query, "limit", 50, 500)?).map_err(Problem::internal)?;
    let offset = query_count(query, "offset", 0, 100_000_000)? as u64;
    let (matched, rows) = app.catalog.incident_list(limit, offset).await?;
    let incidents = rows
        .iter()
        .map(|row| {
            let incident = incident_of(row)?;
            Ok(json!({
                "id": incident.id, "name": incident.name, "hazard": incident.hazard, "occurred": incident.occurred,
                "place": incident.place, "state": incident.state, "reports": incident.reports.len(),
                "changed": row.changed,
            }))
        })
        .collect::<Result<Vec<_>, Problem>>()?;
    let states: Vec<Value> =
        review::BUILDING_STATES.iter().map(|(state, zh)| json!({ "state": state, "title_zh": zh })).collect();
    let answer = json!({ "matched": matched, "incidents": incidents, "hazards": review::HAZARDS, "states": states });
    Ok(private(StatusCode::OK, &answer))
}

async fn register(
    State(app): State<Shared>,
    actor: Actor,
    Sent { body, asked }: Sent<NewIncident>,
) -> Result<Response, Problem> {
    if let Some(response) = asked.earlier(&app, &actor.account.id).await? {
        return Ok(response);
    }
    let now = (app.settings.now)();
    let incident = review::register_incident(&uuid::Uuid::now_v7().to_string(), &body, &actor, now)?;
    let answer = json!({ "incident": incident });
    let keep = asked.keep(&actor.account.id, StatusCode::CREATED, &answer);
    let event = told(&actor, now, &json!(body));
    match app.catalog.incident_write(&row_of(&incident, now)?, ("registered", &event), keep.as_ref()).await? {
        Written::Done => Ok(private(StatusCode::CREATED, &answer)),
        Written::Repeated => asked.earlier(&app, &actor.account.id).await?.ok_or_else(Problem::vanished),
        Written::Stale | Written::Taken => Err(Problem::vanished()),
    }
}

async fn one(State(app): State<Shared>, _: Actor, Path(id): Path<String>) -> Result<Response, Problem> {
    let incident = app.incident(&id).await?;
    Ok(private(StatusCode::OK, &app.incident_shown(&incident).await?))
}

async fn change(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Sent { mut body, asked }: Sent<Map<String, Value>>,
) -> Result<Response, Problem> {
    let seen = version_of(&mut body)?;
    let change: IncidentChange = serde_json::from_value(Value::Object(body)).map_err(|error| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "修改内容不符合要求：可改 name、hazard、occurred、place、question、facts、overrides",
            format!("The change is not as it should be: {error}."),
        )
    })?;
    let incident = app.incident(&id).await?;
    if let Some(response) = asked.earlier(&app, &actor.account.id).await? {
        return Ok(response);
    }
    if incident.version != seen {
        return Err(Problem::stale(&json!({ "incident": incident })));
    }
    let now = (app.settings.now)();
    let next = review::change_incident(&incident, &change, &actor, now)?;
    match app.incident_step(&next, ("changed", &json!(change)), &actor, &asked, now).await? {
        Some(response) => Ok(response),
        None => Err(Problem::stale(&json!({ "incident": app.incident(&id).await? }))),
    }
}

/// What is asked of an incident.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Question {
    analysis: Option<String>,
    request: Map<String, Value>,
    title: String,
    what_if: bool,
}

async fn assess(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Sent { body, asked }: Sent<Question>,
) -> Result<Response, Problem> {
    may_run(&actor)?;
    let incident = app.incident(&id).await?;
    if let Some(response) = asked.earlier(&app, &actor.account.id).await? {
        return Ok(response);
    }
    let name = body.analysis.as_deref().unwrap_or(REVIEW);
    let analysis = app.analysis(name)?;
    let title: String = Some(body.title.trim()).filter(|t| !t.is_empty()).unwrap_or(analysis.title_zh).to_owned();
    if title.chars().count() > MAX_TITLE {
        return Err(Problem::bad_parameter("title", "标题过长", "the title is too long"));
    }
    let request = request_of(&incident, name, &body.request);
    let key = asked.key().map(|key| format!("incident:{key}"));
    let job = submit(&app, name, request, &actor, key).await?;
    let now = (app.settings.now)();
    let link = JobLink {
        analysis: name.to_owned(),
        job: job.id.clone(),
        title,
        what_if: body.what_if,
        at: now,
        by: actor.account.clone(),
    };
    // Whatever others change meanwhile, the job is asked for and belongs to the incident.
    for _ in 0..ATTEMPTS {
        let incident = app.incident(&id).await?;
        let next = review::link_job(&incident, link.clone(), &actor)?;
        let row = row_of(&next, now)?;
        let answer = json!({ "incident": next, "job": job_json(&job, false) });
        let keep = asked.keep(&actor.account.id, StatusCode::ACCEPTED, &answer);
        let event = told(&actor, now, &json!(link));
        match app.catalog.incident_write(&row, ("job", &event), keep.as_ref()).await? {
            Written::Done => return Ok(private(StatusCode::ACCEPTED, &answer)),
            Written::Repeated => return asked.earlier(&app, &actor.account.id).await?.ok_or_else(Problem::vanished),
            Written::Stale | Written::Taken => {}
        }
    }
    Err(Problem::stale(&json!({ "incident": app.incident(&id).await? })))
}

/// What an analysis is asked: what the incident knows, and over it what this question says.
fn request_of(incident: &Incident, name: &str, own: &Map<String, Value>) -> Value {
    let mut request = Map::new();
    if name == REVIEW {
        request.extend(incident.question.clone());
        request.insert("hazard".to_owned(), json!(incident.hazard));
        let facts = &incident.facts;
        for (key, value) in [
            ("deaths", json!(facts.dead.map(|dead| dead + facts.missing.unwrap_or_default()))),
            ("direct_loss_wan_yuan", json!(facts.direct_loss_wan_yuan)),
        ] {
            if !value.is_null() {
                request.insert(key.to_owned(), value);
            }
        }
        if !incident.overrides.is_empty() {
            request.insert("overrides".to_owned(), json!(incident.overrides));
        }
    }
    for (key, value) in own {
        if value.is_null() {
            request.remove(key);
        } else {
            request.insert(key.clone(), value.clone());
        }
    }
    Value::Object(request)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Issue {
    version: u64,
    kind: ReportKind,
}

async fn issue(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Sent { body, asked }: Sent<Issue>,
) -> Result<Response, Problem> {
    let incident = app.incident(&id).await?;
    if let Some(response) = asked.earlier(&app, &actor.account.id).await? {
        return Ok(response);
    }
    if incident.version != body.version {
        return Err(Problem::stale(&json!({ "incident": incident })));
    }
    let jobs = app.incident_jobs(&incident).await?;
    let now = (app.settings.now)();
    let next = review::issue_report(&incident, body.kind, jobs, &actor, now)?;
    let record = json!(next.reports.last());
    match app.incident_step(&next, ("report", &record), &actor, &asked, now).await? {
        Some(response) => Ok(response),
        None => Err(Problem::stale(&json!({ "incident": app.incident(&id).await? }))),
    }
}

async fn events(State(app): State<Shared>, _: Actor, Path(id): Path<String>) -> Result<Response, Problem> {
    app.incident(&id).await?;
    let events: Vec<Value> = app
        .catalog
        .incident_events(&id)
        .await?
        .into_iter()
        .map(|event| json!({ "number": event.number, "kind": event.kind, "body": event.body, "chain_sha256": event.chain_sha256 }))
        .collect();
    Ok(private(StatusCode::OK, &json!({ "events": events })))
}

impl App {
    /// An incident.
    pub(crate) async fn incident(&self, id: &str) -> Result<Incident, Problem> {
        let missing = || Problem::missing("没有这次灾情", "There is no such incident.");
        incident_of(&self.catalog.incident_get(id).await?.ok_or_else(missing)?)
    }

    /// Writes an incident's next version; none where somebody else was faster.
    pub(crate) async fn incident_step(
        &self,
        next: &Incident,
        (kind, detail): (&str, &Value),
        actor: &Actor,
        asked: &Asked,
        now: DateTime<Utc>,
    ) -> Result<Option<Response>, Problem> {
        let answer = self.incident_shown(next).await?;
        let keep = asked.keep(&actor.account.id, StatusCode::OK, &answer);
        let event = told(actor, now, detail);
        Ok(match self.catalog.incident_write(&row_of(next, now)?, (kind, &event), keep.as_ref()).await? {
            Written::Done => Some(private(StatusCode::OK, &answer)),
            Written::Repeated => Some(asked.earlier(self, &actor.account.id).await?.ok_or_else(Problem::vanished)?),
            Written::Stale | Written::Taken => None,
        })
    }

    /// An incident with its photos and the state of its jobs.
    pub(crate) async fn incident_shown(&self, incident: &Incident) -> Result<Value, Problem> {
        let photos: Vec<Value> =
            self.catalog.photo_list(&incident.id).await?.iter().map(super::incident_photos::photo_json).collect();
        let mut jobs = Vec::with_capacity(incident.jobs.len());
        for link in &incident.jobs {
            // A job that was forgotten with its results is still what was asked.
            let job = self.catalog.job_get(&link.job).await?;
            let state = match &job {
                Some(_) => job_json(&self.job(&link.job).await?, false),
                None => Value::Null,
            };
            jobs.push(json!({ "link": link, "job": state }));
        }
        Ok(
            json!({ "incident": incident, "photos": photos, "jobs": jobs, "closed": incident.state == IncidentState::Closed }),
        )
    }

    /// The newest finished job of each analysis; what-ifs are not among them.
    pub(crate) async fn incident_jobs(&self, incident: &Incident) -> Result<BTreeMap<String, String>, Problem> {
        let mut newest = BTreeMap::new();
        for link in incident.jobs.iter().filter(|link| !link.what_if) {
            let job = self.catalog.job_get(&link.job).await?;
            if job.is_some_and(|job| job.state == JobState::Done) {
                newest.insert(link.analysis.clone(), link.job.clone());
            }
        }
        Ok(newest)
    }
}

fn told(actor: &Actor, now: DateTime<Utc>, detail: &Value) -> Value {
    json!({ "at": now, "by": actor.account, "unit": actor.unit, "detail": detail })
}

fn incident_of(row: &IncidentRow) -> Result<Incident, Problem> {
    serde_json::from_str(&row.body).map_err(Problem::internal)
}

fn row_of(incident: &Incident, now: DateTime<Utc>) -> Result<IncidentRow, Problem> {
    let state = json!(incident.state).as_str().unwrap_or_default().to_owned();
    Ok(IncidentRow {
        id: incident.id.clone(),
        name: incident.name.clone(),
        state,
        version: incident.version,
        changed: now,
        body: serde_json::to_string(incident).map_err(Problem::internal)?,
    })
}
