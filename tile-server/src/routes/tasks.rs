//! `/tasks`: what waits for whoever asks, with due dates. Reminders are computed from the clocks, never stored.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use chrono::{DateTime, Utc};
use review::{Duty, Project};
use serde_json::{Value, json};

use crate::app::Shared;
use crate::asked::private;
use crate::desk::read;
use crate::people::Actor;
use crate::problem::Problem;
use crate::route::{Route, Verb};

/// Routes of this protocol.
pub(crate) const ROUTES: &[Route] = &[Route {
    verb: Verb::Get,
    path: "/tasks",
    tag: "review",
    about: "我的任务，含期限、提醒与逾期，以及应催办的部门；my tasks: due dates, reminders, what is overdue, and whom to remind",
    parameters: &[],
    takes: &[],
    media_types: &["application/json"],
    handler: || get(list),
}];

/// Projects looked through; more tasks than a person can do.
const MAX_PROJECTS: u32 = 500;

async fn list(State(app): State<Shared>, actor: Actor) -> Result<Response, Problem> {
    let settings = app.review_settings().await?;
    let now = (app.settings.now)();
    let unit = (!actor.every_unit).then_some(actor.unit.id.as_str());
    let (mut tasks, mut awaited) = (Vec::new(), Vec::new());
    for row in app.catalog.projects_waiting(unit, MAX_PROJECTS).await? {
        let project = read(&row)?;
        let of = |duty: Duty| told(&project, &duty);
        tasks.extend(review::duties(&project, &actor, now, &settings).into_iter().map(of));
        awaited.extend(review::awaited(&project, &actor, now, &settings).into_iter().map(of));
    }
    Ok(private(StatusCode::OK, &json!({ "tasks": by_urgency(tasks), "awaited": by_urgency(awaited) })))
}

/// A duty with its project, and when it is due and how old it is.
type Told = (Option<DateTime<Utc>>, DateTime<Utc>, Value);

fn told(project: &Project, duty: &Duty) -> Told {
    let registration = &project.registration;
    let task = json!({
        "project": { "id": project.id, "code": registration.code, "name": registration.name, "state": project.state, "version": project.version },
        "action": duty.action,
        "unit": duty.unit,
        "due": duty.due,
        "overdue": duty.overdue,
        "remind": duty.remind,
    });
    (duty.due, project.updated, task)
}

/// What is due first comes first; what has no clock comes by age.
fn by_urgency(mut tasks: Vec<Told>) -> Vec<Value> {
    tasks.sort_by_key(|(due, updated, _)| (due.is_none(), *due, *updated));
    tasks.into_iter().map(|(_, _, task)| task).collect()
}
