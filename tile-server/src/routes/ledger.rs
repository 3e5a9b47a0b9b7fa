//! `/ledger`: 差异图斑台账. Rows are made from the patches of a finished difference job, assigned, filled in, resolved, and
//! looked at again with the job of a newer version.

use std::collections::BTreeMap;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, patch, post};
use catalog::{LedgerQuery, LedgerRow, Written};
use review::{LedgerChange, LedgerEntry, LedgerEvent, LedgerState, Named, OPINION_COLUMNS, Role};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::projects::version_of;
use super::{query_count, query_value};
use crate::app::{App, Shared};
use crate::asked::{Sent, private};
use crate::jobs::{Placing, patch_lines, patches_of};
use crate::people::Actor;
use crate::problem::Problem;
use crate::route::{
    Route, Verb,
    parameter::{LIMIT, OFFSET},
    parameters,
};

parameters! {
    ROW = Path "id" "string" "台账行标识；row of the ledger";
    JOB = Query "job" "string" "差异分析任务；the difference job";
    STATE = Query "state" "string" "open, assigned, resolved, gone";
    UNIT = Query "unit" "string" "分派单位；the unit it is assigned to";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/ledger",
        tag: "review",
        about: "差异图斑台账；rows of the difference ledger",
        parameters: &[JOB, STATE, UNIT, LIMIT, OFFSET],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(list),
    },
    Route {
        verb: Verb::Post,
        path: "/ledger",
        tag: "review",
        about: "由差异分析任务生成台账，或以新任务复核旧台账；rows from a job: {job}, or a re-check: {job, recheck: earlier job}",
        parameters: &[],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || post(make),
    },
    Route {
        verb: Verb::Patch,
        path: "/ledger/{id}",
        tag: "review",
        about: "分派、填写意见、处理；changes a row: {version, unit?, opinions?, resolved?}",
        parameters: &[ROW],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || patch(change),
    },
    Route {
        verb: Verb::Get,
        path: "/ledger/{id}/events",
        tag: "review",
        about: "台账行的历史；the history of a row",
        parameters: &[ROW],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(events),
    },
];

/// Patches one ledger takes.
const MAX_PATCHES: usize = 200_000;
/// Rows of one answer.
const MAX_ROWS: usize = 5_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLedger {
    job: String,
    /// An earlier job whose rows are looked at again with this one.
    recheck: Option<String>,
}

async fn list(State(app): State<Shared>, _: Actor, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let query = query.as_deref();
    let state = query_value(query, "state");
    if state.as_ref().is_some_and(|state| !LedgerState::ALL.iter().any(|one| one.as_str() == *state)) {
        return Err(Problem::bad_parameter("state", "没有这种状态", "there is no such state"));
    }
    let question = LedgerQuery {
        job: query_value(query, "job"),
        state,
        unit: query_value(query, "unit"),
        limit: u32::try_from(query_count(query, "limit", 1_000, MAX_ROWS)?).map_err(Problem::internal)?,
        offset: query_count(query, "offset", 0, 100_000_000)? as u64,
    };
    let (matched, rows) = app.catalog.ledger_list(&question).await?;
    let rows = rows.iter().map(entry_of).collect::<Result<Vec<_>, _>>()?;
    let columns: Vec<Value> =
        OPINION_COLUMNS.iter().map(|(name, title)| json!({ "name": name, "title": title })).collect();
    Ok(private(StatusCode::OK, &json!({ "matched": matched, "rows": rows, "columns": columns })))
}

async fn make(
    State(app): State<Shared>,
    actor: Actor,
    Sent { body, asked }: Sent<NewLedger>,
) -> Result<Response, Problem> {
    actor.need(Role::LeadOfficer)?;
    if let Some(response) = asked.earlier(&app, &actor.account.id).await? {
        return Ok(response);
    }
    let job = app.job(&body.job).await?;
    if job.name != "difference" {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "台账只能由差异分析生成",
            "A ledger is made from a difference analysis only.",
        ));
    }
    let bytes = patches_of(&app, &job).await?;
    let lines: Vec<&[u8]> = patch_lines(&bytes).collect();
    if lines.len() > MAX_PATCHES {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("差异图斑超过 {MAX_PATCHES} 个，请缩小分析范围"),
            format!("There are more than {MAX_PATCHES} patches; analyse a smaller area."),
        ));
    }
    let placing = Placing::of(job.outcome.as_ref(), false)?;
    let mut entries = Vec::with_capacity(lines.len());
    for (number, line) in lines.into_iter().enumerate() {
        let feature = placing.feature(serde_json::from_slice(line).map_err(Problem::internal)?)?;
        entries.extend(entry(&job.id, number, feature));
    }
    let now = (app.settings.now)();
    let (answer, status) = match &body.recheck {
        None => (json!({ "job": job.id, "patches": entries.len() }), StatusCode::CREATED),
        Some(earlier) => (json!({ "job": job.id, "rechecked": earlier }), StatusCode::OK),
    };
    let keep = asked.keep(&actor.account.id, status, &answer);
    let written = match &body.recheck {
        None => {
            let rows = entries.iter().map(row_of).collect::<Result<Vec<_>, _>>()?;
            let event = json!(LedgerEvent {
                kind: "made".to_owned(),
                at: now,
                by: actor.account.clone(),
                unit: actor.unit.clone(),
                detail: json!({ "job": job.id }),
            });
            app.catalog.ledger_add(&rows, &event, now, keep.as_ref()).await?.0
        }
        Some(earlier) => {
            let mut changes = Vec::new();
            for old in app.ledger_of(earlier).await? {
                let still_m2 = still_differs_m2(&old, &entries);
                let (next, event) = review::recheck_ledger(&old, &job.id, still_m2, &actor, now);
                changes.push((row_of(&next)?, event.kind.clone(), json!(event)));
            }
            app.catalog.ledger_write(&changes, now, keep.as_ref()).await?
        }
    };
    match written {
        Written::Done => Ok(private(status, &answer)),
        Written::Repeated => asked.earlier(&app, &actor.account.id).await?.ok_or_else(Problem::vanished),
        Written::Stale | Written::Taken => Err(Problem::new(
            StatusCode::CONFLICT,
            "复核期间台账被他人修改，请重试",
            "Somebody changed the ledger meanwhile; try again.",
        )),
    }
}

async fn change(
    State(app): State<Shared>,
    actor: Actor,
    Path(id): Path<String>,
    Sent { mut body, asked }: Sent<Map<String, Value>>,
) -> Result<Response, Problem> {
    let seen = version_of(&mut body)?;
    let change: LedgerChange = serde_json::from_value(Value::Object(body)).map_err(|error| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "修改内容不符合要求：可改 unit、opinions、resolved",
            format!("The change is not as it should be: {error}."),
        )
    })?;
    let entry = app.ledger_entry(&id).await?;
    // After the row was read: what this very request has changed before is then never held against it.
    if let Some(response) = asked.earlier(&app, &actor.account.id).await? {
        return Ok(response);
    }
    if entry.version != seen {
        return Err(Problem::stale(&json!(entry)));
    }
    let units = app.working_units().await?;
    let now = (app.settings.now)();
    let (next, event) = review::change_ledger(&entry, &change, &actor, &units, now)?;
    let answer = json!({ "row": next });
    let keep = asked.keep(&actor.account.id, StatusCode::OK, &answer);
    let changes = [(row_of(&next)?, event.kind.clone(), json!(event))];
    match app.catalog.ledger_write(&changes, now, keep.as_ref()).await? {
        Written::Done => Ok(private(StatusCode::OK, &answer)),
        Written::Repeated => asked.earlier(&app, &actor.account.id).await?.ok_or_else(Problem::vanished),
        Written::Stale | Written::Taken => Err(Problem::stale(&json!(app.ledger_entry(&id).await?))),
    }
}

async fn events(State(app): State<Shared>, _: Actor, Path(id): Path<String>) -> Result<Response, Problem> {
    app.ledger_entry(&id).await?;
    let events: Vec<Value> = app
        .catalog
        .ledger_events(&id)
        .await?
        .into_iter()
        .map(|event| {
            let mut body = event.body;
            body["number"] = event.number.into();
            body
        })
        .collect();
    Ok(private(StatusCode::OK, &json!({ "events": events })))
}

impl App {
    async fn ledger_entry(&self, id: &str) -> Result<LedgerEntry, Problem> {
        let row = self.catalog.ledger_get(id).await?;
        row.as_ref()
            .map(entry_of)
            .transpose()?
            .ok_or_else(|| Problem::missing("台账没有这一行", "The ledger has no such row."))
    }

    async fn ledger_of(&self, job: &str) -> Result<Vec<LedgerEntry>, Problem> {
        let query = LedgerQuery { job: Some(job.to_owned()), limit: MAX_PATCHES as u32, ..LedgerQuery::default() };
        self.catalog.ledger_list(&query).await?.1.iter().map(entry_of).collect()
    }
}

/// A row from a patch that counts as a difference; patches that agree are no business of the ledger.
fn entry(job: &str, number: usize, mut feature: Value) -> Option<LedgerEntry> {
    let properties = feature["properties"].take();
    if properties["counts_as_difference"] == false {
        return None;
    }
    let named = properties["DKBH"].as_str().map(str::to_owned);
    let patch = named.filter(|name| !name.is_empty()).unwrap_or_else(|| (number + 1).to_string());
    Some(LedgerEntry {
        id: uuid::Uuid::now_v7().to_string(),
        job: job.to_owned(),
        patch,
        state: LedgerState::Open,
        version: 1,
        unit: None::<Named>,
        properties,
        geometry: feature["geometry"].take(),
        opinions: BTreeMap::new(),
        rechecked: None,
    })
}

/// How much of a row's patch the newer job still shows, m²: patches are the same where their classes and sources on both
/// sides are, which their numbers need not be.
fn still_differs_m2(old: &LedgerEntry, newer: &[LedgerEntry]) -> f64 {
    let same = |name: &str, new: &LedgerEntry| old.properties[name] == new.properties[name];
    let found = newer.iter().filter(|new| {
        ["CTFL", "CYLXDM", "sources", "source_ids"].iter().all(|name| same(name, new))
            && meets(&old.geometry, &new.geometry)
    });
    found.filter_map(|new| new.properties["ellipsoidal_m2"].as_f64()).sum()
}

/// Whether the boxes of two geometries overlap.
fn meets(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (bounds(a), bounds(b)) else { return false };
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

fn bounds(geometry: &Value) -> Option<[f64; 4]> {
    fn widen(value: &Value, bounds: &mut [f64; 4]) {
        match value.as_array().map(Vec::as_slice) {
            Some([x, y, ..]) if x.is_number() => {
                let (x, y) = (x.as_f64().unwrap_or_default(), y.as_f64().unwrap_or_default());
                *bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
            }
            Some(parts) => parts.iter().for_each(|part| widen(part, bounds)),
            None => {}
        }
    }
    let mut found = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    widen(&geometry["coordinates"], &mut found);
    (found[0] <= found[2]).then_some(found)
}

fn entry_of(row: &LedgerRow) -> Result<LedgerEntry, Problem> {
    serde_json::from_str(&row.body).map_err(Problem::internal)
}

fn row_of(entry: &LedgerEntry) -> Result<LedgerRow, Problem> {
    Ok(LedgerRow {
        id: entry.id.clone(),
        job: entry.job.clone(),
        patch: entry.patch.clone(),
        state: entry.state.as_str().to_owned(),
        unit: entry.unit.as_ref().map(|unit| unit.id.clone()).unwrap_or_default(),
        version: entry.version,
        body: serde_json::to_string(entry).map_err(Problem::internal)?,
    })
}
