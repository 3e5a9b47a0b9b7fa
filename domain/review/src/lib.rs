//! How departments decide a project together: who may do what, in which order, against which clock.
//!
//! Pure: no file, no clock, no environment, no database; the caller hands in the time and stores what comes back.
//! `action` has the one table of rights, `step` the only way a project changes, `calendar` the working days.

mod action;
mod calendar;
mod duty;
mod incident;
mod ledger;
mod person;
mod project;
mod refusal;
mod settings;
mod step;

pub use action::{Action, Invitation, RIGHTS, Right, Standing};
pub use calendar::{Clock, MAX_DAYS, WorkCalendar};
pub use duty::{Duty, awaited, duties, is_answered, waits};
pub use incident::{
    BUILDING_STATES, Facts, HAZARDS, Incident, IncidentChange, IncidentState, JobLink, NewIncident, Override,
    ReportKind, ReportRecord, change_incident, issue_report, link_job, may_see_households, register_incident,
};
pub use ledger::{LedgerChange, LedgerEntry, LedgerEvent, LedgerState, OPINION_COLUMNS, change_ledger, recheck_ledger};
pub use person::{Actor, Named, Role};
pub use project::{
    CheckRecord, Consultation, ConsultationState, Decision, LandUse, Opinion, OpinionVerdict, PermitNumber, Project,
    ProjectEvent, ProjectState, RedLineVersion, Registration, Signature, Statement,
};
pub use refusal::{Refusal, RefusalKind};
pub use settings::{ReviewSettings, SHIPPED_WORKFLOW, SettingsError, WORKFLOW_NAME};
pub use step::{
    Circumstances, Step, act, available, bring_red_line, edit, is_stale, may, record_check, register, remark,
};
