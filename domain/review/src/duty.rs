//! For whom a project waits, and until when: tasks and reminders are computed, never stored.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::calendar::Clock;
use crate::person::{Actor, Role};
use crate::project::{Consultation, ConsultationState, Project, ProjectState};
use crate::settings::ReviewSettings;
use crate::step::may;

/// Something that waits for somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duty {
    /// What is to be done.
    pub action: &'static str,
    /// The department it is to be done for.
    pub unit: String,
    /// Until when, where a clock runs.
    pub due: Option<DateTime<Utc>>,
    /// Whether time is up.
    pub overdue: bool,
    /// Whether the reminder has begun.
    pub remind: bool,
}

/// For which units a project waits, with which acts, whatever the time: what a store looks tasks up by.
#[must_use]
pub fn waits(project: &Project) -> Vec<(String, &'static str)> {
    let lead = |action| (project.lead_unit.id.clone(), action);
    match project.state {
        ProjectState::Registered => vec![lead("check")],
        ProjectState::Checked => vec![lead("send")],
        ProjectState::Consulting | ProjectState::Supplementing => {
            let own = if project.state == ProjectState::Consulting { "summarise" } else { "resubmit" };
            let parts = project.consultations.iter().filter_map(|one| Some((one.unit.id.clone(), part(one)?)));
            std::iter::once(lead(own)).chain(parts).collect()
        }
        ProjectState::Summarised | ProjectState::Meeting => vec![lead("decide")],
        ProjectState::Approved | ProjectState::Returned | ProjectState::Withdrawn => Vec::new(),
    }
}

fn part(one: &Consultation) -> Option<&'static str> {
    match one.state {
        ConsultationState::Asked => Some("opinion"),
        ConsultationState::Drafted => Some("sign"),
        ConsultationState::Signed | ConsultationState::Supplement | ConsultationState::NoOpinion => None,
    }
}

/// What waits for this actor.
#[must_use]
pub fn duties(project: &Project, actor: &Actor, now: DateTime<Utc>, settings: &ReviewSettings) -> Vec<Duty> {
    waits(project)
        .into_iter()
        .filter(|(unit, action)| {
            let ready = match *action {
                "summarise" => is_answered(project, now, settings),
                // Only an officer of the lead unit, who also calls the meeting, and its head, who decides.
                "decide" => actor.is_of(Role::LeadOfficer, unit) && project.state == ProjectState::Summarised,
                _ => false,
            };
            match *action {
                "summarise" => ready && may(project, action, actor, None).is_ok(),
                "decide" => ready || may(project, action, actor, None).is_ok(),
                "opinion" | "sign" => {
                    let officer = project.consultation(unit).and_then(|one| one.officer.as_ref());
                    (actor.every_unit || actor.unit.id == *unit)
                        && (*action == "sign"
                            || officer.is_none_or(|officer| officer.id == actor.account.id)
                            || actor.every_unit)
                        && may(project, action, actor, Some(unit)).is_ok()
                }
                _ => may(project, action, actor, None).is_ok(),
            }
        })
        .map(|(unit, action)| {
            let clock =
                project.consultation(&unit).filter(|_| ["opinion", "sign"].contains(&action)).map(|one| &one.clock);
            duty(unit, action, clock, now, settings)
        })
        .collect()
}

fn duty(
    unit: String,
    action: &'static str,
    clock: Option<&Clock>,
    now: DateTime<Utc>,
    settings: &ReviewSettings,
) -> Duty {
    let due = clock.and_then(|clock| clock.due(&settings.calendar));
    let left = clock.map_or(u32::MAX, |clock| settings.calendar.left(clock.since, clock.days, now));
    Duty {
        action,
        overdue: due.is_some_and(|due| now > due),
        remind: due.is_some() && left <= settings.remind_days_before + 1,
        due,
        unit,
    }
}

/// The departments that the lead unit should remind (催办): asked, not answered, and time is nearly or wholly up.
#[must_use]
pub fn awaited(project: &Project, actor: &Actor, now: DateTime<Utc>, settings: &ReviewSettings) -> Vec<Duty> {
    let asks = project.state == ProjectState::Consulting && actor.is_of(Role::LeadOfficer, &project.lead_unit.id);
    project
        .consultations
        .iter()
        .filter(|_| asks)
        .filter_map(|one| Some(duty(one.unit.id.clone(), part(one)?, Some(&one.clock), now, settings)))
        .filter(|duty| duty.overdue || duty.remind)
        .collect()
}

/// Whether everybody has answered, or is counted as having nothing to say.
#[must_use]
pub fn is_answered(project: &Project, now: DateTime<Utc>, settings: &ReviewSettings) -> bool {
    project.consultations.iter().all(|one| {
        one.is_settled() || settings.overdue_counts_as_no_opinion && one.clock.is_over(&settings.calendar, now)
    })
}
