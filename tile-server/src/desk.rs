//! The desk at which projects are worked on: reads them from the catalogue, lets `review` decide, writes what it decided,
//! and shows a project to whoever asks.
//!
//! A step is decided on what was read and written only over that very version. Where two act at once the second is
//! decided anew on what the first left, so nothing is lost; where it rests on something that has changed, its sender is
//! told and shown what is there.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use catalog::{KeptAnswer, ProjectRow, ProjectWrite, Written};
use chrono::{DateTime, Utc};
use moka::sync::Cache;
use review::{
    Action, Actor, Circumstances, ConsultationState, Named, Project, Refusal, RefusalKind, ReviewSettings, Step,
    WORKFLOW_NAME,
};
use serde_json::{Value, json};

use crate::app::App;
use crate::asked::{Asked, private};
use crate::people::actor_of;
use crate::problem::Problem;

/// How often a step is decided anew when others were faster; each time one of them got through.
const ATTEMPTS: usize = 40;

/// What is kept in memory for the desk.
#[derive(Debug)]
pub struct Desk {
    /// Settings as read, by the text's version.
    settings: Cache<String, Arc<ReviewSettings>>,
    /// The turns of projects that somebody acts on. Within this process steps of one project follow each other instead
    /// of being decided in vain; between processes the version still decides.
    turns: Cache<String, Arc<tokio::sync::Mutex<()>>>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { settings: Cache::new(16), turns: Cache::new(10_000) }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.kind {
            RefusalKind::NotYours => StatusCode::FORBIDDEN,
            RefusalKind::NotNow => StatusCode::CONFLICT,
            RefusalKind::Incomplete => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, refusal.zh, refusal.en)
    }
}

pub(crate) fn no_such_project() -> Problem {
    Problem::missing("没有这个项目", "There is no such project.")
}

/// What goes with a step beside its events.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(crate) reliance: Vec<(String, String)>,
    pub(crate) red_line: Option<(u32, Value)>,
    /// Fields of the answer beside the project.
    pub(crate) answer: Vec<(&'static str, Value)>,
}

impl App {
    pub(crate) async fn project(&self, id: &str) -> Result<Project, Problem> {
        let row = self.catalog.project_get(id).await?.ok_or_else(no_such_project)?;
        read(&row)
    }

    /// The county's settings in force.
    pub(crate) async fn review_settings(&self) -> Result<Arc<ReviewSettings>, Problem> {
        let now = (self.settings.now)();
        let rules = self.catalog.rules_in_force(now, now).await?;
        let (version, text) = rules
            .iter()
            .find(|rule| rule.name == WORKFLOW_NAME)
            .map_or((None, review::SHIPPED_WORKFLOW), |rule| (Some(rule.version.as_str()), rule.text.as_str()));
        let kept_as = version.unwrap_or_default();
        if let Some(settings) = self.desk.settings.get(kept_as) {
            return Ok(settings);
        }
        let settings = Arc::new(ReviewSettings::read(text, version).map_err(Problem::internal)?);
        self.desk.settings.insert(kept_as.to_owned(), Arc::clone(&settings));
        Ok(settings)
    }

    /// The units that work.
    pub(crate) async fn working_units(&self) -> Result<Vec<Named>, Problem> {
        let units = self.catalog.unit_list().await?;
        Ok(units.into_iter().filter(|unit| unit.active).map(|unit| Named::new(unit.id, unit.name)).collect())
    }

    /// Takes a step with a project and answers with the project since.
    pub(crate) async fn step(
        &self,
        id: &str,
        actor: &Actor,
        asked: &Asked,
        beside: &Beside,
        decide: impl Fn(&Project, Circumstances<'_>) -> Result<Step, Refusal>,
    ) -> Result<Response, Problem> {
        self.step_or_stale(id, actor, asked, beside, None, |_| false, decide).await
    }

    /// The same for one who has seen a version: `stale` says whether it is too old for this step.
    #[expect(clippy::too_many_arguments, reason = "one call does all of it, so that no caller can leave a part out")]
    pub(crate) async fn step_or_stale(
        &self,
        id: &str,
        actor: &Actor,
        asked: &Asked,
        beside: &Beside,
        successor: Option<&Actor>,
        stale: impl Fn(&Project) -> bool,
        decide: impl Fn(&Project, Circumstances<'_>) -> Result<Step, Refusal>,
    ) -> Result<Response, Problem> {
        let settings = self.review_settings().await?;
        let units = self.working_units().await?;
        let turn = self.desk.turns.get_with(id.to_owned(), Arc::default);
        let _turn = turn.lock().await;
        for _ in 0..ATTEMPTS {
            let now = (self.settings.now)();
            let before = self.project(id).await?;
            // After the project was read: what this very request has changed before is then never held against it.
            if let Some(response) = asked.earlier(self, &actor.account.id).await? {
                return Ok(response);
            }
            let show = |project: &Project| shown(project, actor, now, &settings);
            if stale(&before) {
                return Err(Problem::stale(&show(&before)));
            }
            let step = decide(&before, Circumstances { now, settings: &settings, units: &units, successor })?;
            let mut answer = json!({ "project": show(&step.project) });
            for (name, value) in &beside.answer {
                answer[*name] = value.clone();
            }
            let keep = asked.keep(&actor.account.id, StatusCode::OK, &answer);
            match self.write_step(&step, beside, keep.as_ref()).await? {
                Written::Done => return Ok(private(StatusCode::OK, &answer)),
                Written::Stale => {}
                Written::Taken => return Err(code_taken()),
                Written::Repeated => {
                    return asked.earlier(self, &actor.account.id).await?.ok_or_else(Problem::vanished);
                }
            }
        }
        Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "同时修改该项目的人过多，请稍候再试",
            "Too many change this project at once; try again in a moment.",
        )
        .retry_after(1))
    }

    /// Writes a step.
    pub(crate) async fn write_step(
        &self,
        step: &Step,
        beside: &Beside,
        keep: Option<&KeptAnswer>,
    ) -> Result<Written, Problem> {
        let project = &step.project;
        let row = ProjectRow {
            id: project.id.clone(),
            code: project.registration.code.clone(),
            name: project.registration.name.clone(),
            applicant: project.registration.applicant.clone(),
            lead_unit: project.lead_unit.id.clone(),
            officer: project.officer.id.clone(),
            state: project.state.as_str().to_owned(),
            version: project.version,
            created: project.created,
            changed: project.updated,
            body: serde_json::to_string(project).map_err(Problem::internal)?,
        };
        let events: Vec<(String, Value)> = step.events.iter().map(|event| (event.kind.clone(), json!(event))).collect();
        let waits: Vec<(String, String)> =
            review::waits(project).into_iter().map(|(unit, act)| (unit, act.to_owned())).collect();
        let write = ProjectWrite {
            row: &row,
            events: &events,
            waits: &waits,
            reliance: &beside.reliance,
            red_line: beside.red_line.as_ref().map(|(version, body)| (*version, body)),
            answer: keep,
        };
        Ok(self.catalog.project_write(write).await?)
    }

    /// Remembers something that moves nothing, such as a note.
    pub(crate) async fn remark(
        &self,
        id: &str,
        kind: &str,
        detail: &Value,
        actor: &Actor,
        asked: &Asked,
    ) -> Result<Response, Problem> {
        let project = self.project(id).await?;
        let settings = self.review_settings().await?;
        let now = (self.settings.now)();
        let here = Circumstances { now, settings: &settings, units: &[], successor: None };
        let event = review::remark(&project, kind, detail.clone(), actor, here)?;
        let answer = json!({ kind: detail, "by": event.by, "unit": event.unit, "at": event.at });
        let keep = asked.keep(&actor.account.id, StatusCode::CREATED, &answer);
        match self.catalog.project_remark(id, kind, json!(event), now, keep.as_ref()).await? {
            Written::Done => Ok(private(StatusCode::CREATED, &answer)),
            Written::Repeated | Written::Stale | Written::Taken => {
                asked.earlier(self, &actor.account.id).await?.ok_or_else(Problem::vanished)
            }
        }
    }

    /// Does something to a project.
    pub(crate) async fn act(
        &self,
        id: &str,
        actor: &Actor,
        asked: &Asked,
        action: &Action,
        seen: u64,
    ) -> Result<Response, Problem> {
        let successor = match action {
            Action::HandOver { account } => {
                self.catalog.account_get(account).await?.filter(|account| account.active).map(|one| actor_of(&one))
            }
            _ => None,
        };
        if let Action::Opinion { attachments, .. } = action {
            let known = self.catalog.attachment_list(id).await?;
            if attachments.iter().any(|wanted| !known.iter().any(|one| one.id == *wanted)) {
                return Err(Problem::bad_parameter(
                    "attachments",
                    "项目没有这个附件",
                    "the project has no such attachment",
                ));
            }
        }
        let stale = |project: &Project| review::is_stale(project, action, actor, seen);
        self.step_or_stale(id, actor, asked, &Beside::default(), successor.as_ref(), stale, |project, here| {
            review::act(project, action, actor, here)
        })
        .await
    }
}

pub(crate) fn code_taken() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "项目代码已登记，请检查是否重复登记",
        "A project of this code is registered already.",
    )
}

/// A project from its row.
pub(crate) fn read(row: &ProjectRow) -> Result<Project, Problem> {
    serde_json::from_str(&row.body).map_err(Problem::internal)
}

/// A project as that actor sees it: with dates that follow from its clocks, and what the actor may do now. What another
/// department has drafted and not signed is nobody else's.
pub(crate) fn shown(project: &Project, actor: &Actor, now: DateTime<Utc>, settings: &ReviewSettings) -> Value {
    let mut out = json!(project);
    out["state_zh"] = project.state.zh().into();
    out["red_line"] = json!(project.red_line());
    if let Some(check) = &project.check {
        out["check"]["current"] = project.current_check().is_some_and(|current| current == check).into();
    }
    let own = |unit: &str| actor.every_unit || actor.unit.id == unit;
    let consultations: Vec<Value> = project
        .consultations
        .iter()
        .map(|one| {
            let drafted_elsewhere = one.state == ConsultationState::Drafted && !own(&one.unit.id);
            json!({
                "unit": one.unit,
                "days": one.days,
                "state": one.state,
                "due": one.clock.due(&settings.calendar),
                "stopped": one.clock.stopped,
                "days_left": if one.clock.stopped { one.clock.days } else { settings.calendar.left(one.clock.since, one.clock.days, now) },
                "overdue": !one.is_settled() && one.clock.is_over(&settings.calendar, now),
                "officer": one.officer,
                "opinion": if drafted_elsewhere { Value::Null } else { json!(one.opinion) },
            })
        })
        .collect();
    out["consultations"] = consultations.into();
    if let Some(fields) = out.as_object_mut() {
        fields.remove("changed");
        fields.remove("supplement_red_line");
    }
    out["actions"] = json!(review::available(project, actor));
    out
}

/// A project in a list.
pub(crate) fn brief(project: &Project, now: DateTime<Utc>, settings: &ReviewSettings) -> Value {
    let registration = &project.registration;
    let consultations: Vec<Value> = project
        .consultations
        .iter()
        .map(|one| {
            json!({
                "unit": one.unit,
                "state": one.state,
                "due": one.clock.due(&settings.calendar),
                "overdue": !one.is_settled() && one.clock.is_over(&settings.calendar, now),
                "verdict": one.opinion.as_ref().filter(|opinion| opinion.signed.is_some()).map(|opinion| opinion.verdict),
            })
        })
        .collect();
    json!({
        "id": project.id,
        "code": registration.code,
        "name": registration.name,
        "applicant": registration.applicant,
        "land_use": registration.land_use,
        "kind": registration.kind,
        "state": project.state,
        "state_zh": project.state.zh(),
        "version": project.version,
        "lead_unit": project.lead_unit,
        "officer": project.officer,
        "red_line": project.red_line(),
        "check": project.check.as_ref().map(|check| json!({ "job": check.job, "verdict": check.verdict, "at": check.at })),
        "consultations": consultations,
        "created": project.created,
        "updated": project.updated,
    })
}
