//! `/units`: the organisation (州/县 > 部门). Everybody with an account sees it; the administrator changes it.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, patch, post};
use catalog::{AdministrationEntry, UnitRow, Written};
use review::Role;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::Shared;
use crate::asked::{Sent, private};
use crate::people::Actor;
use crate::problem::Problem;
use crate::route::{Route, Verb, parameters};

parameters! {
    UNIT = Path "id" "string" "单位标识；unit";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/units",
        tag: "people",
        about: "单位；the units",
        parameters: &[],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(list),
    },
    Route {
        verb: Verb::Post,
        path: "/units",
        tag: "people",
        about: "新增单位；a new unit: {id?, name, parent?}",
        parameters: &[],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || post(make),
    },
    Route {
        verb: Verb::Patch,
        path: "/units/{id}",
        tag: "people",
        about: "修改单位；change a unit: {version, name?, parent?, active?}",
        parameters: &[UNIT],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || patch(change),
    },
];

/// Deepest organisation: province, prefecture, county, department and more.
const MAX_DEPTH: usize = 8;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUnit {
    id: Option<String>,
    name: String,
    parent: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitChange {
    version: u64,
    name: Option<String>,
    parent: Option<String>,
    active: Option<bool>,
}

async fn list(State(app): State<Shared>, _: Actor) -> Result<Response, Problem> {
    let units: Vec<Value> = app.catalog.unit_list().await?.iter().map(unit_json).collect();
    Ok(private(StatusCode::OK, &json!({ "units": units })))
}

async fn make(
    State(app): State<Shared>,
    actor: Actor,
    Sent { body, asked }: Sent<NewUnit>,
) -> Result<Response, Problem> {
    actor.need(Role::Admin)?;
    if let Some(response) = asked.earlier(&app, &actor.account.id).await? {
        return Ok(response);
    }
    let id = body.id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let well_formed =
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !well_formed {
        return Err(Problem::bad_parameter("id", "应为小写字母、数字和连字符", "must be a-z, 0-9 and '-'"));
    }
    let unit = UnitRow { id, name: checked_name(&body.name)?, parent: body.parent, active: true, version: 1 };
    check_place(&unit, &app.catalog.unit_list().await?)?;
    let answer = json!({ "unit": unit_json(&unit) });
    let entry = AdministrationEntry {
        account: &actor.account.id,
        kind: "unit_make",
        body: answer.clone(),
        at: (app.settings.now)(),
    };
    let keep = asked.keep(&actor.account.id, StatusCode::CREATED, &answer);
    match app.catalog.unit_write(&unit, entry, keep.as_ref()).await? {
        Written::Done => Ok(private(StatusCode::CREATED, &answer)),
        Written::Repeated => asked.earlier(&app, &actor.account.id).await?.ok_or_else(Problem::vanished),
        Written::Stale | Written::Taken => {
            Err(Problem::new(StatusCode::CONFLICT, "已有这个标识的单位", "There is a unit of this id already."))
        }
    }
}

async fn change(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Sent { body, .. }: Sent<UnitChange>,
) -> Result<Response, Problem> {
    actor.need(Role::Admin)?;
    let units = app.catalog.unit_list().await?;
    let current = units
        .iter()
        .find(|unit| unit.id == id)
        .ok_or_else(|| Problem::missing("没有这个单位", "There is no such unit."))?;
    if current.version != body.version {
        return Err(Problem::stale(&unit_json(current)));
    }
    let mut unit = current.clone();
    if let Some(name) = body.name {
        unit.name = checked_name(&name)?;
    }
    if let Some(parent) = body.parent {
        unit.parent = Some(parent).filter(|parent| !parent.is_empty());
    }
    unit.active = body.active.unwrap_or(unit.active);
    unit.version += 1;
    check_place(&unit, &units)?;
    let answer = json!({ "unit": unit_json(&unit) });
    let entry = AdministrationEntry {
        account: &actor.account.id,
        kind: "unit_change",
        body: answer.clone(),
        at: (app.settings.now)(),
    };
    match app.catalog.unit_write(&unit, entry, None).await? {
        Written::Done => Ok(private(StatusCode::OK, &answer)),
        Written::Stale | Written::Taken | Written::Repeated => Err(Problem::stale(&unit_json(current))),
    }
}

fn checked_name(name: &str) -> Result<String, Problem> {
    let name = name.trim();
    if (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    Err(Problem::bad_parameter("name", "应为 1 至 100 个字符", "must be 1 to 100 characters"))
}

/// The chain of units above must exist, end, and not come back to the unit itself.
fn check_place(unit: &UnitRow, units: &[UnitRow]) -> Result<(), Problem> {
    let mut above = unit.parent.as_deref();
    for _ in 0..MAX_DEPTH {
        let Some(id) = above else { return Ok(()) };
        if id == unit.id {
            break;
        }
        let Some(next) = units.iter().find(|other| other.id == id) else {
            return Err(Problem::bad_parameter("parent", "没有这个上级单位", "there is no such unit above"));
        };
        above = next.parent.as_deref();
    }
    Err(Problem::bad_parameter(
        "parent",
        "上下级关系成环或超过 8 级",
        "the units above form a ring, or are more than 8",
    ))
}

fn unit_json(unit: &UnitRow) -> Value {
    json!({ "id": unit.id, "name": unit.name, "parent": unit.parent, "active": unit.active, "version": unit.version })
}
