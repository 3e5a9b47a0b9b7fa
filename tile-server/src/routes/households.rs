//! `/analyses/jobs/{id}/households`: the households that an analysis counted, with heads and telephones, for those with the
//! right to them. Everybody else has the masked list of the result. Who looked is written down.

use std::collections::BTreeMap;

use analysis::registers::{HOUSES_ROLE, contact_fields};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use catalog::{AdministrationEntry, RevisionId, Slug};
use serde_json::{Value, json};

use crate::app::Shared;
use crate::asked::private;
use crate::asset::feature_path;
use crate::feature_file::{self, Next, Selection};
use crate::jobs::{result_of, rules_in_force};
use crate::people::Actor;
use crate::problem::Problem;
use crate::route::{Route, Verb, parameters};

parameters! {
    JOB = Path "id" "string" "任务编号；id of the job";
}

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[Route {
    verb: Verb::Get,
    path: "/analyses/jobs/{id}/households",
    tag: "incidents",
    about: "受威胁住户名单（含户主、电话，按权限；查看留痕）；households with names and telephones, by right",
    parameters: &[JOB],
    takes: &[],
    media_types: &["application/json"],
    handler: || get(list),
}];

async fn list(State(app): State<Shared>, actor: Actor, Path(id): Path<String>) -> Result<Response, Problem> {
    review::may_see_households(&actor)?;
    let job = app.job(&id).await?;
    let result: Value = serde_json::from_slice(&result_of(&app, &job).await?).map_err(Problem::internal)?;
    // A review of a disaster holds the list within its part about exposure.
    let part = if result["exposure"].is_object() { &result["exposure"] } else { &result };
    let none = || Problem::missing("该分析没有住户名单", "This analysis has no list of households.");
    let rows = part["household_list"]["rows"].as_array().ok_or_else(none)?;
    let sources = result["sources"].as_array().into_iter().flatten();
    let source = sources.into_iter().find(|source| source["role"] == HOUSES_ROLE).ok_or_else(none)?;
    let text = |name: &str| source[name].as_str().unwrap_or_default();
    let slug = Slug::parse(text("dataset")).map_err(|_malformed| none())?;
    let revision = RevisionId::parse(text("revision")).map_err(|_malformed| none())?;
    let revision = app.revision(&slug, &revision).await?;
    let rules = rules_in_force(&app.catalog, job.created, job.created).await?;
    let [head, phone] = contact_fields(&rules).map_err(Problem::internal)?;
    let now = (app.settings.now)();
    // Before anything is shown.
    let entry = AdministrationEntry {
        account: &actor.account.id,
        kind: "households_shown",
        body: json!({ "job": job.id, "by": actor.account, "unit": actor.unit, "households": rows.len() }),
        at: now,
    };
    app.catalog.administration_add(entry).await?;
    let mut wanted: BTreeMap<String, Value> =
        rows.iter().filter_map(|row| Some((row["id"].as_str()?.to_owned(), row.clone()))).collect();
    let path = feature_path(&app.catalog, &revision)?;
    let crs = revision.crs.clone();
    let filled = app.work.run(move |stop| {
        let mut left = wanted.len();
        feature_file::read(&path, &crs, None, Selection::All, geodesy::densify::MAX_SAGITTA_M, &mut |feature| {
            if let Some(row) = wanted.get_mut(&feature.id.to_string()) {
                for (key, field) in [("head", &head), ("phone", &phone)] {
                    row[key] = feature.properties.get(field).cloned().unwrap_or_default();
                }
                left -= 1;
            }
            if left == 0 || stop.asked() { Next::Stop } else { Next::More }
        })
        .map(|_| wanted)
    });
    let mut filled = filled.await?.map_err(Problem::from)?;
    let households: Vec<Value> =
        rows.iter().filter_map(|row| filled.remove(row["id"].as_str().unwrap_or_default())).collect();
    Ok(private(StatusCode::OK, &json!({ "households": households })))
}
