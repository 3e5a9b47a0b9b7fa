//! `/projects/{id}/notes` and `/scene`: what is pinned to places in the review meeting, and the schemes and bookmarks
//! that it looks at. Notes are steps of the history; the scene is one document with a version.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post, put};
use catalog::Written;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::projects::version_of;
use crate::app::Shared;
use crate::asked::{Sent, private};
use crate::people::Actor;
use crate::problem::Problem;
use crate::route::{Route, Verb, parameters};

parameters! {
    PROJECT = Path "id" "string" "项目标识；project";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/projects/{id}/notes",
        tag: "review",
        about: "标注；the notes pinned to places",
        parameters: &[PROJECT],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(notes),
    },
    Route {
        verb: Verb::Post,
        path: "/projects/{id}/notes",
        tag: "review",
        about: "添加标注；pins a note: {lon_lat_height, text}",
        parameters: &[PROJECT],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || post(pin),
    },
    Route {
        verb: Verb::Get,
        path: "/projects/{id}/scene",
        tag: "review",
        about: "会审场景：方案与视点；the scene: schemes and bookmarks, with its version (0 while there is none)",
        parameters: &[PROJECT],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(scene),
    },
    Route {
        verb: Verb::Put,
        path: "/projects/{id}/scene",
        tag: "review",
        about: "保存会审场景；replaces the scene: {version, …}",
        parameters: &[PROJECT],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || put(set_scene),
    },
];

/// Longest note.
const MAX_CHARACTERS: usize = 2_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    lon_lat_height: [f64; 3],
    text: String,
}

async fn notes(State(app): State<Shared>, _: Actor, Path(id): Path<String>) -> Result<Response, Problem> {
    app.project(&id).await?;
    let events = app.catalog.project_events(&id, Some("note")).await?;
    let notes: Vec<Value> = events
        .into_iter()
        .map(|event| {
            let mut note = event.body["detail"].clone();
            note["number"] = event.number.into();
            note["by"] = event.body["by"].clone();
            note["unit"] = event.body["unit"].clone();
            note["at"] = event.body["at"].clone();
            note
        })
        .collect();
    Ok(private(StatusCode::OK, &json!({ "notes": notes })))
}

async fn pin(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Sent { body, asked }: Sent<Note>,
) -> Result<Response, Problem> {
    if let Some(response) = asked.earlier(&app, &actor.account.id).await? {
        return Ok(response);
    }
    let [lon, lat, height] = body.lon_lat_height;
    if !(lon.abs() <= 180.0 && lat.abs() <= 90.0 && height.is_finite()) {
        return Err(Problem::bad_parameter(
            "lon_lat_height",
            "应为 [经度, 纬度, 高]",
            "must be [longitude, latitude, height]",
        ));
    }
    let text = body.text.trim();
    if text.is_empty() || text.chars().count() > MAX_CHARACTERS {
        return Err(Problem::bad_parameter("text", "应为 1 至 2000 字", "must be 1 to 2000 characters"));
    }
    let detail = json!({ "lon_lat_height": body.lon_lat_height, "text": text });
    app.remark(&id, "note", &detail, &actor, &asked).await
}

async fn scene(State(app): State<Shared>, _: Actor, Path(id): Path<String>) -> Result<Response, Problem> {
    app.project(&id).await?;
    let (version, scene) = app.catalog.project_scene(&id).await?;
    Ok(private(StatusCode::OK, &with_version(version, scene)))
}

async fn set_scene(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Sent { mut body, .. }: Sent<Map<String, Value>>,
) -> Result<Response, Problem> {
    let seen = version_of(&mut body)?;
    let project = app.project(&id).await?;
    let settings = app.review_settings().await?;
    let now = (app.settings.now)();
    let here = review::Circumstances { now, settings: &settings, units: &[], successor: None };
    let event = review::remark(&project, "scene", json!({ "version": seen + 1 }), &actor, here)?;
    let scene = Value::Object(body);
    match app.catalog.project_scene_write(&id, seen, &scene, now, json!(event)).await? {
        Written::Done => Ok(private(StatusCode::OK, &with_version(seen + 1, scene))),
        Written::Stale | Written::Taken | Written::Repeated => {
            let (version, scene) = app.catalog.project_scene(&id).await?;
            Err(Problem::stale(&with_version(version, scene)))
        }
    }
}

fn with_version(version: u64, scene: Value) -> Value {
    let mut fields = match scene {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    fields.insert("version".to_owned(), version.into());
    Value::Object(fields)
}
