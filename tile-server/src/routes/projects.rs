//! `/projects`: registering, finding, changing, and acting on projects under review; their history.
//!
//! What may be done, by whom and when is decided in `review`; here is only who asks and what is answered.

use analysis::reclassification::Reclassification;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, patch, post};
use catalog::{ProjectQuery, RevisionId, Slug, Written};
use review::{Action, Circumstances, LandUse, ProjectState, Registration};
use serde_json::{Map, Value, json};

use super::{query_count, query_value};
use crate::app::{App, Shared};
use crate::asked::{Sent, private};
use crate::desk::{Beside, brief, code_taken, read, shown};
use crate::jobs::rules_in_force;
use crate::people::Actor;
use crate::problem::Problem;
use crate::route::{
    Route, Verb,
    parameter::{LIMIT, OFFSET, TEXT},
    parameters,
};

parameters! {
    PROJECT = Path "id" "string" "项目标识；project";
    STATE = Query "state" "string" "状态；registered, checked, consulting, supplementing, summarised, meeting, approved, returned, withdrawn";
    MINE = Query "mine" "boolean" "只列与我有关的；only those that are mine or wait for my unit";
    RELIED_ON = Query "relied_on" "string" "依据过该数据版本的项目，数据集@版本；those that relied on dataset@revision";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/projects",
        tag: "review",
        about: "项目列表；projects, the last changed first",
        parameters: &[TEXT, STATE, MINE, RELIED_ON, LIMIT, OFFSET],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(list),
    },
    Route {
        verb: Verb::Post,
        path: "/projects",
        tag: "review",
        about: "项目登记；registers a project: {code, name, applicant, land_use_code, land_use_system, contact, kind, …}",
        parameters: &[],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || post(register),
    },
    Route {
        verb: Verb::Get,
        path: "/projects/{id}",
        tag: "review",
        about: "一个项目，含当前可进行的操作；one project, with what may be done now",
        parameters: &[PROJECT],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(one),
    },
    Route {
        verb: Verb::Patch,
        path: "/projects/{id}",
        tag: "review",
        about: "修改登记信息；changes what was registered: {version, …}",
        parameters: &[PROJECT],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || patch(edit),
    },
    Route {
        verb: Verb::Post,
        path: "/projects/{id}/actions",
        tag: "review",
        about: "办理：send, opinion, sign, send_back, ask_supplement, resubmit, summarise, meet, decide, withdraw, hand_over, number；acts: {action, version, …}",
        parameters: &[PROJECT],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || post(act),
    },
    Route {
        verb: Verb::Get,
        path: "/projects/{id}/events",
        tag: "review",
        about: "办理记录，不可更改；every step, for ever",
        parameters: &[PROJECT],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(events),
    },
];

async fn list(State(app): State<Shared>, actor: Actor, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let query = query.as_deref();
    let state = query_value(query, "state");
    if state.as_ref().is_some_and(|state| !ProjectState::ALL.iter().any(|one| one.as_str() == *state)) {
        return Err(Problem::bad_parameter("state", "没有这种状态", "there is no such state"));
    }
    let relied_on = query_value(query, "relied_on")
        .map(|name| {
            let parts = name
                .split_once('@')
                .filter(|(slug, revision)| Slug::parse(slug).is_ok() && RevisionId::parse(revision).is_ok());
            parts
                .map(|(slug, revision)| (slug.to_owned(), revision.to_owned()))
                .ok_or_else(|| Problem::bad_parameter("relied_on", "请写 数据集@版本", "write dataset@revision"))
        })
        .transpose()?;
    let mine = query_value(query, "mine").is_some_and(|value| value == "true" || value == "1");
    let question = ProjectQuery {
        text: query_value(query, "q").map(|text| text.trim().to_owned()),
        state,
        mine: mine.then(|| (actor.account.id.clone(), actor.unit.id.clone())),
        relied_on,
        limit: u32::try_from(query_count(query, "limit", 50, 500)?).map_err(Problem::internal)?,
        offset: query_count(query, "offset", 0, 100_000_000)? as u64,
    };
    let (matched, rows) = app.catalog.project_list(&question).await?;
    let settings = app.review_settings().await?;
    let now = (app.settings.now)();
    let projects = rows
        .iter()
        .map(|row| read(row).map(|project| brief(&project, now, &settings)))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(private(StatusCode::OK, &json!({ "matched": matched, "projects": projects })))
}

async fn register(
    State(app): State<Shared>,
    actor: Actor,
    Sent { body, asked }: Sent<Map<String, Value>>,
) -> Result<Response, Problem> {
    if let Some(response) = asked.earlier(&app, &actor.account.id).await? {
        return Ok(response);
    }
    let registration = named(&app, registration(Registration::default(), body)?).await?;
    let settings = app.review_settings().await?;
    let now = (app.settings.now)();
    let here = Circumstances { now, settings: &settings, units: &[], successor: None };
    let step = review::register(&uuid::Uuid::now_v7().to_string(), registration, &actor, here)?;
    let answer = json!({ "project": shown(&step.project, &actor, now, &settings) });
    let keep = asked.keep(&actor.account.id, StatusCode::CREATED, &answer);
    match app.write_step(&step, &Beside::default(), keep.as_ref()).await? {
        Written::Done => Ok(private(StatusCode::CREATED, &answer)),
        Written::Repeated => asked.earlier(&app, &actor.account.id).await?.ok_or_else(Problem::vanished),
        Written::Taken | Written::Stale => Err(code_taken()),
    }
}

async fn one(State(app): State<Shared>, actor: Actor, Path(id): Path<String>) -> Result<Response, Problem> {
    let project = app.project(&id).await?;
    let settings = app.review_settings().await?;
    let now = (app.settings.now)();
    let mut answer = shown(&project, &actor, now, &settings);
    answer["duties"] = json!(review::duties(&project, &actor, now, &settings));
    let withdrawn = app.catalog.project_withdrawn_reliance(&id).await?;
    let withdrawn: Vec<Value> = withdrawn
        .iter()
        .map(|[slug, revision, reason]| json!({ "dataset": slug, "revision": revision, "reason": reason }))
        .collect();
    answer["withdrawn_revisions"] = withdrawn.into();
    Ok(private(StatusCode::OK, &answer))
}

async fn edit(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Sent { mut body, asked }: Sent<Map<String, Value>>,
) -> Result<Response, Problem> {
    let seen = version_of(&mut body)?;
    let before = app.project(&id).await?;
    let registration = named(&app, registration(before.registration, body)?).await?;
    app.step_or_stale(
        &id,
        &actor,
        &asked,
        &Beside::default(),
        None,
        |project| project.version != seen,
        |project, here| review::edit(project, registration.clone(), &actor, here),
    )
    .await
}

async fn act(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Sent { mut body, asked }: Sent<Map<String, Value>>,
) -> Result<Response, Problem> {
    let seen = version_of(&mut body)?;
    let action: Action = serde_json::from_value(Value::Object(body)).map_err(|error| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "办理内容不符合要求：请检查 action 及其各项",
            format!("The action is not as it should be: {error}."),
        )
    })?;
    app.act(&id, &actor, &asked, &action, seen).await
}

async fn events(State(app): State<Shared>, actor: Actor, Path(id): Path<String>) -> Result<Response, Problem> {
    app.project(&id).await?;
    let events = app.catalog.project_events(&id, None).await?;
    // A draft is its department's own until it is signed; that there is one is no secret.
    let own = |body: &Value| {
        actor.every_unit
            || !["opinion", "send_back"].iter().any(|kind| body["kind"] == *kind)
            || body["unit"]["id"] == actor.unit.id.as_str()
    };
    let shown: Vec<Value> = events
        .into_iter()
        .map(|event| {
            let mut body = event.body;
            if !own(&body) {
                body["detail"] = json!({ "unit": body["unit"] });
            }
            body["number"] = event.number.into();
            body["chain_sha256"] = json!(event.chain_sha256);
            body
        })
        .collect();
    Ok(private(StatusCode::OK, &json!({ "events": shown })))
}

/// Takes the version last seen out of a body.
pub(crate) fn version_of(body: &mut Map<String, Value>) -> Result<u64, Problem> {
    body.remove("version").and_then(|version| version.as_u64()).ok_or_else(|| {
        Problem::bad_parameter("version", "请带上最后看到的版本号", "send the version that you saw last")
    })
}

/// With the name that its code system gives the planned use, where nobody has named it.
async fn named(app: &App, mut registration: Registration) -> Result<Registration, Problem> {
    if registration.land_use.name.is_empty() {
        let now = (app.settings.now)();
        let rules = rules_in_force(&app.catalog, now, now).await?;
        let land_use = &registration.land_use;
        let systems = Reclassification::read(&rules).map(|(systems, _)| systems).ok();
        let name = systems.as_ref().and_then(|systems| systems.system(&land_use.system)?.codes.get(&land_use.code));
        registration.land_use.name = name.cloned().unwrap_or_default();
    }
    Ok(registration)
}

/// What is registered, with what the body says changed.
fn registration(mut now: Registration, body: Map<String, Value>) -> Result<Registration, Problem> {
    let was = now.land_use.clone();
    for (name, value) in body {
        let slot = match name.as_str() {
            "code" => &mut now.code,
            "name" => &mut now.name,
            "applicant" => &mut now.applicant,
            "kind" => &mut now.kind,
            "contact" => &mut now.contact,
            "land_use_code" => &mut now.land_use.code,
            "land_use_system" => &mut now.land_use.system,
            "land_use_name" => &mut now.land_use.name,
            "land_use" => {
                now.land_use = serde_json::from_value::<LandUse>(value).map_err(|error| {
                    Problem::bad_parameter("land_use", "应为 {system, code, name}", "must be {system, code, name}")
                        .because(error)
                })?;
                continue;
            }
            _ => {
                // An empty value forgets a fact.
                if value.is_null() {
                    now.facts.remove(&name);
                } else {
                    now.facts.insert(name, value);
                }
                continue;
            }
        };
        match value {
            Value::String(text) => text.trim().clone_into(slot),
            _ => return Err(Problem::bad_parameter(&name, "应为文字", "must be text")),
        }
    }
    // A name belongs to its code.
    if (&was.code, &was.system) != (&now.land_use.code, &now.land_use.system) && was.name == now.land_use.name {
        now.land_use.name.clear();
    }
    Ok(now)
}
