//! `/analyses`: asking for an analysis, following its job, and reading what came of it.
//!
//! Patches come as `GeoJSON` in longitude and latitude, or with `crs=delivered` in the very numbers of the plane in which
//! their areas were measured.

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use catalog::Job;
use review::Role;
use serde_json::{Map, Value, json};

use super::{query_count, query_value};
use crate::app::Shared;
use crate::asked::{Sent, private};
use crate::jobs::{Patch, Placing, patch_lines, patches_of, result_of, submit, time_text};
use crate::payload::{Payload, changing};
use crate::people::Actor;
use crate::problem::Problem;
use crate::route::{
    Route, Verb,
    parameter::{CRS, LIMIT, OFFSET},
    parameters,
};

parameters! {
    NAME = Path "name" "string" "分析名称；name of the analysis";
    JOB = Path "id" "string" "任务编号；id of the job";
    OF_NAME = Query "name" "string" "只要这种分析；of this analysis only";
    WHERE = Query "where" "string" "按属性筛选，可重复：字段=值、字段!=值、字段>=数、字段<=数；by attribute, repeatable: field=value, field!=value, field>=number, field<=number";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[
    Route {
        verb: Verb::Get,
        path: "/analyses",
        tag: "analyses",
        about: "分析种类与最近的任务；the kinds of analysis and the newest jobs",
        parameters: &[OF_NAME, LIMIT],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(list),
    },
    Route {
        verb: Verb::Post,
        path: "/analyses/{name}",
        tag: "analyses",
        about: "提交分析任务；asks for an analysis",
        parameters: &[NAME],
        takes: &["application/json"],
        media_types: &["application/json"],
        handler: || post(ask),
    },
    Route {
        verb: Verb::Get,
        path: "/analyses/jobs/{id}",
        tag: "analyses",
        about: "任务状态；where a job stands",
        parameters: &[JOB],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(one),
    },
    Route {
        verb: Verb::Delete,
        path: "/analyses/jobs/{id}",
        tag: "analyses",
        about: "取消任务；cancels a job",
        parameters: &[JOB],
        takes: &[],
        media_types: &["application/json"],
        handler: || axum::routing::delete(cancel),
    },
    Route {
        verb: Verb::Get,
        path: "/analyses/jobs/{id}/result",
        tag: "analyses",
        about: "分析结果；what was found, as tables",
        parameters: &[JOB],
        takes: &[],
        media_types: &["application/json"],
        handler: || get(result),
    },
    Route {
        verb: Verb::Get,
        path: "/analyses/jobs/{id}/patches",
        tag: "analyses",
        about: "图斑，GeoJSON，分页；the places found, paged",
        parameters: &[JOB, WHERE, CRS, LIMIT, OFFSET],
        takes: &[],
        media_types: &["application/geo+json"],
        handler: || get(patches),
    },
];

/// Jobs listed unless asked otherwise, and at most.
const JOBS: (usize, usize) = (50, 500);
/// Patches of one page unless asked otherwise, and at most.
const PAGE: (usize, usize) = (1_000, 20_000);
/// Conditions of one question.
const MAX_CONDITIONS: usize = 8;

/// Kinds and jobs.
async fn list(
    State(app): State<Shared>,
    _: Actor,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = query.as_deref();
    let limit = query_count(query, "limit", JOBS.0, JOBS.1)?;
    let name = query_value(query, "name");
    let jobs = app.catalog.job_list(None, name.as_deref(), u32::try_from(limit).unwrap_or(u32::MAX)).await?;
    let kinds: Vec<Value> = app
        .settings
        .jobs
        .analyses
        .iter()
        .map(|analysis| json!({ "name": analysis.name, "title": analysis.title_zh, "title_en": analysis.title_en }))
        .collect();
    // Requests are left out: red lines are long.
    let jobs: Vec<Value> = jobs.iter().map(|job| job_json(job, false)).collect();
    changing(&headers, &Payload::json(&json!({ "analyses": kinds, "jobs": jobs })))
}

/// Asks for an analysis.
async fn ask(
    State(app): State<Shared>,
    actor: Actor,
    Path(name): Path<String>,
    Sent { body, asked }: Sent<Map<String, Value>>,
) -> Result<Response, Problem> {
    may_run(&actor)?;
    let job = submit(&app, &name, Value::Object(body), &actor, asked.key()).await?;
    let location = format!("{}/analyses/jobs/{}", app.settings.base_path, job.id);
    let mut response = private(StatusCode::ACCEPTED, &json!({ "job": job_json(&job, true) }));
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Those who do business may have things analysed; others read.
pub(crate) fn may_run(actor: &Actor) -> Result<(), Problem> {
    if [Role::LeadOfficer, Role::Officer, Role::Head].into_iter().any(|role| actor.is(role)) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "只有牵头单位经办、部门经办和部门负责人可以提交分析",
        "Only officers and heads may ask for an analysis.",
    ))
}

/// A job as it is told.
pub(crate) fn job_json(job: &Job, with_request: bool) -> Value {
    let mut told = json!({
        "id": job.id,
        "name": job.name,
        "state": job.state.as_str(),
        "progress": job.progress,
        "doing": job.doing,
        "created": time_text(job.created),
        "by": { "account": job.account, "name": job.account_name },
    });
    if with_request {
        told["request"] = job.request.clone();
    }
    if let Some(finished) = job.finished {
        told["finished"] = time_text(finished).into();
    }
    if let Some(Value::Object(outcome)) = &job.outcome {
        for (name, value) in outcome {
            told[name] = value.clone();
        }
    }
    told
}

async fn one(
    State(app): State<Shared>,
    _: Actor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    changing(&headers, &Payload::json(&job_json(&app.job(&id).await?, true)))
}

async fn cancel(State(app): State<Shared>, actor: Actor, Path(id): Path<String>) -> Result<Response, Problem> {
    if app.job(&id).await?.account != actor.account.id {
        actor.need(Role::Admin)?;
    }
    Ok(private(StatusCode::OK, &job_json(&app.job_cancel(&id).await?, true)))
}

async fn result(
    State(app): State<Shared>,
    _: Actor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let job = app.job(&id).await?;
    changing(&headers, &Payload::text(result_of(&app, &job).await?, "application/json"))
}

async fn patches(
    State(app): State<Shared>,
    _: Actor,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = query.as_deref();
    let limit = query_count(query, "limit", PAGE.0, PAGE.1)?.max(1);
    let offset = query_count(query, "offset", 0, usize::MAX)?;
    let conditions = Condition::of_query(query)?;
    let delivered = match query_value(query, "crs").as_deref() {
        None | Some("CRS84") => false,
        Some("delivered") => true,
        Some(_) => return Err(Problem::bad_parameter("crs", "应为 CRS84 或 delivered", "must be CRS84 or delivered")),
    };
    let job = app.job(&id).await?;
    let lines = patches_of(&app, &job).await?;
    let of = job.id.clone();
    let collection = app.work.run(move |_| {
        let placing = Placing::of(job.outcome.as_ref(), delivered)?;
        let mut features = Vec::new();
        let mut matched = 0;
        for line in patch_lines(&lines) {
            let on_page = matched >= offset && features.len() < limit;
            if conditions.is_empty() && !on_page {
                matched += 1;
                continue;
            }
            let patch: Patch = serde_json::from_slice(line).map_err(Problem::internal)?;
            if !conditions.iter().all(|condition| condition.holds(&patch)) {
                continue;
            }
            matched += 1;
            if on_page {
                features.push(placing.feature(patch)?);
            }
        }
        Ok::<_, Problem>(placing.collection(&of, features, matched))
    });
    changing(&headers, &Payload::text(collection.await??.to_string(), "application/geo+json"))
}

/// `field OP value` on the properties of a patch.
#[derive(Debug, PartialEq)]
struct Condition {
    field: String,
    operator: &'static str,
    value: String,
}

/// Longest first, so that `>=` is not read as `=`.
const OPERATORS: [&str; 4] = ["!=", ">=", "<=", "="];

impl Condition {
    fn of_query(query: Option<&str>) -> Result<Vec<Self>, Problem> {
        let bad = || {
            Problem::bad_parameter(
                "where",
                "请写 字段=值、字段!=值、字段>=数 或 字段<=数，最多 8 个",
                "write field=value, field!=value, field>=number or field<=number, at most 8",
            )
        };
        let conditions = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .filter(|(name, value)| name == "where" && !value.is_empty())
            .map(|(_, text)| Self::read(&text).ok_or_else(bad))
            .collect::<Result<Vec<_>, _>>()?;
        if conditions.len() > MAX_CONDITIONS { Err(bad()) } else { Ok(conditions) }
    }

    fn read(text: &str) -> Option<Self> {
        let at = |operator: &'static str| text.find(operator).map(|at| (at, operator));
        let (_, operator) =
            OPERATORS.into_iter().filter_map(at).min_by_key(|(at, operator)| (*at, 2 - operator.len()))?;
        let (field, value) = text.split_once(operator)?;
        let (field, value) = (field.trim(), value.trim());
        let is_number = value.parse::<f64>().is_ok_and(f64::is_finite);
        let sound = !field.is_empty() && (is_number || matches!(operator, "=" | "!="));
        sound.then(|| Self { field: field.to_owned(), operator, value: value.to_owned() })
    }

    fn holds(&self, patch: &Patch) -> bool {
        let found = if self.field == "id" { Some(Value::from(patch.id.clone())) } else { None };
        let found = found.as_ref().or_else(|| patch.properties.get(&self.field));
        let number = || found.and_then(Value::as_f64).zip(self.value.parse::<f64>().ok());
        let equal = || match found {
            None | Some(Value::Null) => self.value.is_empty(),
            Some(Value::String(text)) => *text == self.value,
            Some(Value::Number(_)) => number().is_some_and(|(found, value)| found.total_cmp(&value).is_eq()),
            Some(Value::Array(items)) => items.iter().any(|item| item.as_str() == Some(self.value.as_str())),
            #[expect(clippy::cmp_owned, reason = "a JSON value equals a text as a JSON text only")]
            Some(other) => other.to_string() == self.value,
        };
        match self.operator {
            "=" => equal(),
            "!=" => !equal(),
            ">=" => number().is_some_and(|(found, value)| found >= value),
            _ => number().is_some_and(|(found, value)| found <= value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_with_their_longest_operator_and_hold_by_type() {
        let patch = Patch {
            id: "C1".to_owned(),
            properties: serde_json::from_str(
                r#"{"CTFL":"10","plane_m2":12.5,"counts":true,"classes":["建设","农用"]}"#,
            )
            .expect("JSON"),
            polygons: Vec::new(),
            lines: Vec::new(),
            points: Vec::new(),
        };
        let check = |text: &str, holds: bool| {
            assert_eq!(Condition::read(text).expect(text).holds(&patch), holds, "{text}");
        };
        for yes in [
            "CTFL=10",
            "CTFL!=11",
            "plane_m2>=12.5",
            "plane_m2<=13",
            "plane_m2=12.50",
            "counts=true",
            "classes=建设",
            "id=C1",
            "none=",
            "none!=1",
        ] {
            check(yes, true);
        }
        for no in ["CTFL=1", "CTFL>=1", "plane_m2>=12.6", "counts=false", "classes=水域", "none=1"] {
            check(no, false);
        }
        for bad in ["CTFL", "=1", "CTFL>=十", ""] {
            assert_eq!(Condition::read(bad), None, "{bad}");
        }
    }
}
