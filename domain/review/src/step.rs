//! One step of a project: (project, action, actor, time, settings) -> the project after it and what is to be remembered,
//! or a no in words. Nothing else changes a project.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::action::{Action, Invitation, RIGHTS, Standing};
use crate::calendar::{Clock, MAX_DAYS};
use crate::person::{Actor, Named, Role};
use crate::project::{
    CheckRecord, Consultation, ConsultationState, Decision, Opinion, PermitNumber, Project, ProjectEvent, ProjectState,
    RedLineVersion, Registration, Signature, Statement,
};
use crate::refusal::Refusal;
use crate::settings::ReviewSettings;

/// Longest text of an opinion or a summary.
const MAX_TEXT_CHARACTERS: usize = 20_000;
/// Longest marked-up geometry.
const MAX_GEOMETRY_BYTES: usize = 1 << 20;
/// Most departments asked, attachments named, red lines brought, statements made, numbers recorded.
const MAX_LISTED: usize = 200;
/// Most facts of a registration beside the named ones.
const MAX_FACTS: usize = 64;

/// What a step needs to know beside the project.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// Now.
    pub now: DateTime<Utc>,
    /// The county's settings.
    pub settings: &'a ReviewSettings,
    /// The units that work.
    pub units: &'a [Named],
    /// To whom something is handed over, if that account exists and works.
    pub successor: Option<&'a Actor>,
}

/// A project after a step, and the step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The project since.
    pub project: Project,
    /// What is remembered.
    pub events: Vec<ProjectEvent>,
}

/// Whether what the action rests on has changed since the actor last looked, at version `seen`. The opinions of two
/// departments do not disturb each other; everything else wants the newest version.
#[must_use]
pub fn is_stale(project: &Project, action: &Action, actor: &Actor, seen: u64) -> bool {
    let rests_on = match action {
        Action::Opinion { .. } | Action::Sign { .. } | Action::SendBack { .. } => {
            let unit = action.unit().unwrap_or(&actor.unit.id);
            project.changed.max(project.consultation(unit).map_or(0, |consultation| consultation.changed))
        }
        _ => project.version,
    };
    seen < rests_on || seen > project.version
}

/// Whether the actor may do something of that name now, by role, standing and state. For which department, if for one.
pub fn may(project: &Project, action: &str, actor: &Actor, unit: Option<&str>) -> Result<(), Refusal> {
    let lines = || RIGHTS.iter().filter(move |right| right.action == action);
    let standing = |standing| match standing {
        Standing::Lead => project.lead_unit.id.as_str(),
        Standing::Asked => unit.unwrap_or(&actor.unit.id),
    };
    let asked = |unit: &str| project.consultation(unit).is_some_and(|consultation| !consultation.is_settled());
    let mut theirs = lines()
        .filter(|right| {
            actor.is_of(right.role, standing(right.standing))
                && (right.standing == Standing::Lead || project.consultation(standing(right.standing)).is_some())
        })
        .peekable();
    if theirs.peek().is_none() {
        let roles: Vec<&str> = lines().map(|right| right.role.zh()).collect();
        let roles_en: Vec<&str> = lines().map(|right| right.role.as_str()).collect();
        return Err(Refusal::not_yours(
            format!("此操作只限本项目牵头单位或被征求意见单位的{}", roles.join("、")),
            format!("Only {} of the lead unit or of a department that was asked may do this.", roles_en.join(", ")),
        ));
    }
    let possible = theirs.any(|right| {
        right.states.contains(&project.state)
            && (right.standing == Standing::Lead
                || asked(standing(right.standing))
                || late_word(project, action, standing(right.standing)))
    });
    if possible {
        return Ok(());
    }
    Err(Refusal::not_now(
        format!("项目处于“{}”，此时不能进行该操作", project.state.zh()),
        format!("The project is {}; this cannot be done now.", project.state.as_str()),
    ))
}

/// A department that has signed may say it anew as long as nobody has summed up.
fn late_word(project: &Project, action: &str, unit: &str) -> bool {
    action == "opinion" && project.consultation(unit).is_some_and(Consultation::is_settled)
}

/// The names of what the actor may do now.
#[must_use]
pub fn available(project: &Project, actor: &Actor) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    let waits_for = |state: ConsultationState| {
        project.consultations.iter().any(|one| one.state == state && (actor.every_unit || one.unit.id == actor.unit.id))
    };
    for right in RIGHTS {
        let drafted_only = ["sign", "send_back"].contains(&right.action);
        let unit = actor.every_unit.then(|| project.consultations.first().map(|one| one.unit.id.as_str())).flatten();
        if !names.contains(&right.action)
            && may(project, right.action, actor, unit).is_ok()
            && (!drafted_only || waits_for(ConsultationState::Drafted))
        {
            names.push(right.action);
        }
    }
    names
}

/// Registers a project.
pub fn register(id: &str, registration: Registration, actor: &Actor, at: Circumstances<'_>) -> Result<Step, Refusal> {
    if !actor.is(Role::LeadOfficer) {
        return Err(Refusal::not_yours("只有牵头单位经办可以登记项目", "Only a lead officer registers projects."));
    }
    check_registration(&registration)?;
    let project = Project {
        id: id.to_owned(),
        lead_unit: actor.unit.clone(),
        officer: actor.account.clone(),
        state: ProjectState::Registered,
        version: 1,
        changed: 1,
        round: 1,
        red_lines: Vec::new(),
        check: None,
        consultations: Vec::new(),
        supplements: Vec::new(),
        supplement_red_line: 0,
        summary: None,
        minutes: Vec::new(),
        decision: None,
        numbers: Vec::new(),
        created: at.now,
        updated: at.now,
        registration,
    };
    let event = event(&project, ProjectState::Registered, "register", actor, at, json!(project.registration));
    Ok(Step { project, events: vec![event] })
}

/// Changes what was registered. A check judged what was said before, so it no longer counts.
pub fn edit(
    project: &Project,
    registration: Registration,
    actor: &Actor,
    at: Circumstances<'_>,
) -> Result<Step, Refusal> {
    may(project, "edit", actor, None)?;
    check_registration(&registration)?;
    let mut next = begin(project, at, true);
    let detail = json!({ "before": project.registration, "after": registration });
    next.registration = registration;
    next.check = None;
    if next.state == ProjectState::Checked {
        next.state = ProjectState::Registered;
    }
    Ok(finish(project, next, "edit", actor, at, detail))
}

/// Adds a version of the red line.
pub fn bring_red_line(
    project: &Project,
    red_line: RedLineVersion,
    actor: &Actor,
    at: Circumstances<'_>,
) -> Result<Step, Refusal> {
    may(project, "red_line", actor, None)?;
    if project.red_lines.len() >= MAX_LISTED {
        return Err(too_many());
    }
    let mut next = begin(project, at, true);
    let detail = json!(red_line);
    next.red_lines.push(red_line);
    if next.state == ProjectState::Checked {
        next.state = ProjectState::Registered;
    }
    Ok(finish(project, next, "red_line", actor, at, detail))
}

/// Records a check of the red line that counts.
pub fn record_check(
    project: &Project,
    check: CheckRecord,
    actor: &Actor,
    at: Circumstances<'_>,
) -> Result<Step, Refusal> {
    may(project, "check", actor, None)?;
    let newest = project.red_line().map(|red_line| red_line.version);
    if newest != Some(check.red_line) {
        return Err(Refusal::not_now(
            "检测期间红线已更新，请对新红线重新检测",
            "The red line changed while it was checked; check the new one.",
        ));
    }
    let mut next = begin(project, at, true);
    let detail = json!(check);
    next.check = Some(check);
    if next.state == ProjectState::Registered {
        next.state = ProjectState::Checked;
    }
    Ok(finish(project, next, "check", actor, at, detail))
}

/// Something that is remembered and moves nothing: a note, an attachment.
pub fn remark(
    project: &Project,
    kind: &str,
    detail: Value,
    actor: &Actor,
    at: Circumstances<'_>,
) -> Result<ProjectEvent, Refusal> {
    let has_say = [Role::LeadOfficer, Role::Officer, Role::Head].into_iter().any(|role| actor.is(role));
    if !has_say {
        return Err(Refusal::not_yours("只读账号和管理员不能添加内容", "Viewers and administrators add nothing."));
    }
    Ok(event(project, project.state, kind, actor, at, detail))
}

/// Does something to a project.
pub fn act(project: &Project, action: &Action, actor: &Actor, at: Circumstances<'_>) -> Result<Step, Refusal> {
    may(project, action.name(), actor, action.unit())?;
    let unit = action.unit().unwrap_or(&actor.unit.id).to_owned();
    let detail = json!(action);
    match action {
        Action::Send { units } => send(project, units, actor, at),
        Action::Opinion { .. } => opinion(project, &unit, action, actor, at),
        Action::Sign { .. } => sign(project, &unit, actor, at),
        Action::SendBack { text, .. } => {
            words(text)?;
            let mut next = begin(project, at, false);
            let one = drafted(&mut next, &unit)?;
            one.state = ConsultationState::Asked;
            Ok(finish(project, next, "send_back", actor, at, detail))
        }
        Action::AskSupplement { text, .. } => ask_supplement(project, &unit, text, actor, at),
        Action::Resubmit { text } => resubmit(project, text, actor, at),
        Action::Summarise { text } => summarise(project, text, actor, at),
        Action::Meet { text } => {
            words(text)?;
            if project.minutes.len() >= MAX_LISTED {
                return Err(too_many());
            }
            let mut next = begin(project, at, true);
            next.state = ProjectState::Meeting;
            next.minutes.push(statement(text, actor, at));
            Ok(finish(project, next, "meet", actor, at, detail))
        }
        Action::Decide { approve, text } => {
            words(text)?;
            let mut next = begin(project, at, true);
            next.state = if *approve { ProjectState::Approved } else { ProjectState::Returned };
            next.decision = Some(Decision { approve: *approve, statement: statement(text, actor, at) });
            Ok(finish(project, next, "decide", actor, at, detail))
        }
        Action::Withdraw { text } => {
            bounded(text)?;
            let mut next = begin(project, at, true);
            next.state = ProjectState::Withdrawn;
            Ok(finish(project, next, "withdraw", actor, at, detail))
        }
        Action::HandOver { account } => hand_over(project, account, actor, at),
        Action::Number { kind, number, date } => {
            let record = PermitNumber { kind: words(kind)?, number: words(number)?, date: *date };
            if project.numbers.iter().any(|one| one.kind == record.kind && one.number == record.number) {
                return Err(Refusal::incomplete("该文号已经登记", "This number is recorded already."));
            }
            if project.numbers.len() >= MAX_LISTED {
                return Err(too_many());
            }
            let mut next = begin(project, at, true);
            next.numbers.push(record);
            Ok(finish(project, next, "number", actor, at, detail))
        }
    }
}

fn send(project: &Project, units: &[Invitation], actor: &Actor, at: Circumstances<'_>) -> Result<Step, Refusal> {
    if project.current_check().is_none() {
        return Err(Refusal::not_now(
            "当前红线尚未检测，请先进行符合性检测",
            "This red line is not checked yet; check it first.",
        ));
    }
    if units.is_empty() {
        return Err(Refusal::incomplete("请选择至少一个部门", "Choose at least one department."));
    }
    if project.consultations.len() + units.len() > MAX_LISTED {
        return Err(too_many());
    }
    let mut next = begin(project, at, true);
    for invitation in units {
        let Some(unit) = at.units.iter().find(|unit| unit.id == invitation.id) else {
            return Err(Refusal::incomplete(
                format!("没有单位“{}”或已停用", shortened(&invitation.id)),
                format!("There is no unit `{}`, or it is closed.", shortened(&invitation.id)),
            ));
        };
        if next.consultation(&unit.id).is_some() {
            return Err(Refusal::incomplete(
                format!("已向{}征求意见", unit.name),
                format!("{} is asked already.", unit.id),
            ));
        }
        let days = invitation.days.unwrap_or(at.settings.default_days);
        if days > MAX_DAYS {
            return Err(Refusal::incomplete(
                format!("时限不能超过 {MAX_DAYS} 个工作日"),
                format!("A limit is at most {MAX_DAYS} working days."),
            ));
        }
        next.consultations.push(Consultation {
            unit: unit.clone(),
            days,
            clock: Clock::start(at.now, days),
            state: ConsultationState::Asked,
            officer: None,
            opinion: None,
            changed: next.version,
        });
    }
    next.state = ProjectState::Consulting;
    Ok(finish(project, next, "send", actor, at, json!({ "units": units })))
}

fn opinion(
    project: &Project,
    unit: &str,
    action: &Action,
    actor: &Actor,
    at: Circumstances<'_>,
) -> Result<Step, Refusal> {
    use crate::project::OpinionVerdict::{Conditional, Disagree};
    let Action::Opinion { verdict, text, geometry, attachments, .. } = action else {
        return Err(Refusal::incomplete("不是意见", "This is no opinion."));
    };
    bounded(text)?;
    if matches!(verdict, Conditional | Disagree) && text.trim().is_empty() {
        return Err(Refusal::incomplete(
            "有条件同意应写明条件，不同意应写明理由",
            "Say on which condition, or why not.",
        ));
    }
    if attachments.len() > MAX_LISTED || geometry.as_ref().is_some_and(|one| one.to_string().len() > MAX_GEOMETRY_BYTES)
    {
        return Err(too_many());
    }
    let (Some(red_line), Some(check)) = (project.red_line(), project.current_check()) else {
        return Err(Refusal::not_now("新红线尚未检测，暂不能填写意见", "The new red line is not checked yet."));
    };
    let (red_line, check) = (red_line.version, check.job.clone());
    let mut next = begin(project, at, false);
    let one = part_of(&mut next, unit)?;
    if one.officer.as_ref().is_some_and(|officer| officer.id != actor.account.id) && !actor.every_unit {
        return Err(Refusal::not_yours(
            "本部门的意见已移交其他经办填写",
            "The opinion of this department was handed to another officer.",
        ));
    }
    let late = one.clock.is_over(&at.settings.calendar, at.now);
    one.opinion = Some(Opinion {
        verdict: *verdict,
        text: text.trim().to_owned(),
        geometry: geometry.clone(),
        attachments: attachments.clone(),
        drafted: Signature { by: actor.account.clone(), at: at.now },
        signed: None,
        red_line,
        check,
        late,
    });
    one.state = ConsultationState::Drafted;
    Ok(finish(project, next, "opinion", actor, at, json!(action)))
}

fn sign(project: &Project, unit: &str, actor: &Actor, at: Circumstances<'_>) -> Result<Step, Refusal> {
    let mut next = begin(project, at, false);
    let one = drafted(&mut next, unit)?;
    let Some(opinion) = &mut one.opinion else {
        return Err(Refusal::not_now("本部门尚未填写意见", "This department has drafted no opinion yet."));
    };
    if opinion.drafted.by.id == actor.account.id && !actor.every_unit {
        return Err(Refusal::not_yours(
            "意见应由经办填写、负责人签发，同一人不能两次签名",
            "One drafts and another countersigns; the same person cannot do both.",
        ));
    }
    opinion.signed = Some(Signature { by: actor.account.clone(), at: at.now });
    let detail = json!({ "unit": unit, "opinion": opinion });
    one.state = ConsultationState::Signed;
    Ok(finish(project, next, "sign", actor, at, detail))
}

fn ask_supplement(
    project: &Project,
    unit: &str,
    text: &str,
    actor: &Actor,
    at: Circumstances<'_>,
) -> Result<Step, Refusal> {
    words(text)?;
    if project.supplements.len() >= MAX_LISTED {
        return Err(too_many());
    }
    let calendar = &at.settings.calendar;
    let mut next = begin(project, at, true);
    let version = next.version;
    let lead = actor.is_of(Role::LeadOfficer, &project.lead_unit.id);
    match next.consultations.iter_mut().find(|one| one.unit.id == unit) {
        Some(one) if !one.is_settled() => {
            one.state = ConsultationState::Supplement;
            one.opinion = None;
            one.changed = version;
            // Who asks in time does not lose the time; who asks late gets a day to look at the answer.
            one.clock = one.clock.stop(calendar, at.now);
            if !one.clock.stopped {
                one.clock = Clock { since: at.now, days: 1, stopped: true };
            }
        }
        _ if lead => {}
        _ => return Err(Refusal::not_now("本部门意见已签发，不能再要求补正", "This department has signed already.")),
    }
    // Those who have signed too: they may say it anew.
    for one in &mut next.consultations {
        one.clock = one.clock.stop(calendar, at.now);
    }
    if project.state == ProjectState::Consulting {
        next.supplement_red_line = project.red_line().map_or(0, |red_line| red_line.version);
    }
    next.supplements.push(statement(text, actor, at));
    next.state = ProjectState::Supplementing;
    Ok(finish(project, next, "ask_supplement", actor, at, json!({ "unit": unit, "text": text })))
}

fn resubmit(project: &Project, text: &str, actor: &Actor, at: Circumstances<'_>) -> Result<Step, Refusal> {
    words(text)?;
    let mut next = begin(project, at, true);
    let version = next.version;
    if project.state == ProjectState::Returned {
        // Taken up from the start: what was said stays in the events.
        next.round += 1;
        next.state = ProjectState::Registered;
        next.check = None;
        next.consultations.clear();
        next.supplements.clear();
        next.summary = None;
        next.minutes.clear();
        next.decision = None;
        return Ok(finish(project, next, "resubmit", actor, at, json!({ "text": text })));
    }
    if project.current_check().is_none() {
        return Err(Refusal::not_now(
            "补正后的红线或登记信息尚未检测，请先进行符合性检测",
            "What was mended is not checked yet; check it first.",
        ));
    }
    let new_red_line = project.red_line().map_or(0, |red_line| red_line.version) != project.supplement_red_line;
    let all_again = new_red_line && at.settings.ask_again_after_new_red_line;
    for one in &mut next.consultations {
        if all_again {
            one.state = ConsultationState::Asked;
            one.opinion = None;
            one.clock = Clock::start(at.now, one.days);
        } else {
            if one.state == ConsultationState::Supplement {
                one.state = ConsultationState::Asked;
            }
            one.clock = one.clock.resume(at.now);
        }
        one.changed = version;
    }
    next.supplements.clear();
    next.state = ProjectState::Consulting;
    Ok(finish(project, next, "resubmit", actor, at, json!({ "text": text, "asked_again": all_again })))
}

fn summarise(project: &Project, text: &str, actor: &Actor, at: Circumstances<'_>) -> Result<Step, Refusal> {
    words(text)?;
    let mut next = begin(project, at, true);
    let version = next.version;
    let mut silent = Vec::new();
    for one in next.consultations.iter_mut().filter(|one| !one.is_settled()) {
        let over = one.clock.is_over(&at.settings.calendar, at.now);
        if !over || !at.settings.overdue_counts_as_no_opinion {
            return Err(Refusal::not_now(
                format!(
                    "{}尚未反馈意见{}",
                    one.unit.name,
                    if over { "（已逾期，按设置须等待）" } else { "且未到期限" }
                ),
                format!(
                    "{} has not signed an opinion{}.",
                    one.unit.id,
                    if over { " (time is up, but the settings say to wait)" } else { " and its time is not up" }
                ),
            ));
        }
        one.state = ConsultationState::NoOpinion;
        one.opinion = None;
        one.changed = version;
        silent.push(one.unit.clone());
    }
    next.summary = Some(statement(text, actor, at));
    next.state = ProjectState::Summarised;
    let deemed: Vec<Value> = silent.iter().map(|unit| json!({ "unit": unit })).collect();
    let mut step = finish(project, next, "summarise", actor, at, json!({ "text": text }));
    let remembered = deemed
        .into_iter()
        .map(|detail| event(&step.project, project.state, "no_opinion", actor, at, detail))
        .collect::<Vec<_>>();
    step.events.splice(0..0, remembered);
    Ok(step)
}

fn hand_over(project: &Project, account: &str, actor: &Actor, at: Circumstances<'_>) -> Result<Step, Refusal> {
    let Some(successor) = at.successor.filter(|one| one.account.id == account) else {
        return Err(Refusal::incomplete("没有这个账号或已停用", "There is no such account, or it is closed."));
    };
    let lead = [Role::LeadOfficer, Role::Head].into_iter().any(|role| actor.is_of(role, &project.lead_unit.id));
    let detail = json!({ "to": successor.account, "unit": successor.unit });
    if lead && successor.is_of(Role::LeadOfficer, &project.lead_unit.id) {
        let mut next = begin(project, at, true);
        next.officer = successor.account.clone();
        return Ok(finish(project, next, "hand_over", actor, at, detail));
    }
    if successor.unit.id == actor.unit.id && successor.is(Role::Officer) {
        let mut next = begin(project, at, false);
        let one = part_of(&mut next, &actor.unit.id)?;
        one.officer = Some(successor.account.clone());
        return Ok(finish(project, next, "hand_over", actor, at, detail));
    }
    Err(Refusal::incomplete("只能移交给本单位的经办", "It can be handed only to an officer of the same unit."))
}

/// The project one version on.
fn begin(project: &Project, at: Circumstances<'_>, wholly: bool) -> Project {
    let version = project.version + 1;
    Project { version, changed: if wholly { version } else { project.changed }, updated: at.now, ..project.clone() }
}

fn finish(before: &Project, project: Project, kind: &str, actor: &Actor, at: Circumstances<'_>, detail: Value) -> Step {
    let event = event(&project, before.state, kind, actor, at, detail);
    Step { project, events: vec![event] }
}

fn event(
    project: &Project,
    from: ProjectState,
    kind: &str,
    actor: &Actor,
    at: Circumstances<'_>,
    detail: Value,
) -> ProjectEvent {
    let check = project.check.as_ref();
    ProjectEvent {
        kind: kind.to_owned(),
        at: at.now,
        by: actor.account.clone(),
        unit: actor.unit.clone(),
        from,
        to: project.state,
        round: project.round,
        version: project.version,
        red_line: project.red_line().map_or(0, |red_line| red_line.version),
        check: check.map(|check| check.job.clone()),
        revisions: check.map(|check| check.revisions.clone()).unwrap_or_default(),
        settings: at.settings.version.clone(),
        detail,
    }
}

/// The department's part, to be changed.
fn part_of<'a>(project: &'a mut Project, unit: &str) -> Result<&'a mut Consultation, Refusal> {
    let version = project.version;
    let one = project
        .consultations
        .iter_mut()
        .find(|one| one.unit.id == unit)
        .ok_or_else(|| Refusal::not_yours("未向该部门征求意见", "This department was not asked."))?;
    one.changed = version;
    Ok(one)
}

fn drafted<'a>(project: &'a mut Project, unit: &str) -> Result<&'a mut Consultation, Refusal> {
    let one = part_of(project, unit)?;
    if one.state == ConsultationState::Drafted {
        return Ok(one);
    }
    Err(Refusal::not_now("本部门没有待签发的意见", "This department has no draft to be signed."))
}

fn statement(text: &str, actor: &Actor, at: Circumstances<'_>) -> Statement {
    Statement { text: text.trim().to_owned(), by: actor.account.clone(), at: at.now }
}

fn bounded(text: &str) -> Result<(), Refusal> {
    if text.chars().count() <= MAX_TEXT_CHARACTERS {
        return Ok(());
    }
    Err(Refusal::incomplete(
        format!("文字不能超过 {MAX_TEXT_CHARACTERS} 字"),
        format!("A text is at most {MAX_TEXT_CHARACTERS} characters."),
    ))
}

fn words(text: &str) -> Result<String, Refusal> {
    bounded(text)?;
    if text.trim().is_empty() {
        return Err(Refusal::incomplete("请填写文字说明", "Say it in words."));
    }
    Ok(text.trim().to_owned())
}

fn too_many() -> Refusal {
    Refusal::incomplete("数量或大小超出限制", "There are too many, or it is too large.")
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn check_registration(registration: &Registration) -> Result<(), Refusal> {
    let plain = |name_zh: &str, name_en: &str, text: &str, needed: bool, most: usize| {
        let length = text.trim().chars().count();
        if length > most || needed && length == 0 || text.chars().any(char::is_control) {
            return Err(Refusal::incomplete(
                format!("{name_zh}应为 {} 至 {most} 个字符", u8::from(needed)),
                format!("{name_en} must have {} to {most} characters.", u8::from(needed)),
            ));
        }
        Ok(())
    };
    plain("项目代码", "The code", &registration.code, true, 64)?;
    plain("项目名称", "The name", &registration.name, true, 200)?;
    plain("建设单位", "The applicant", &registration.applicant, true, 200)?;
    plain("用地性质代码", "The land-use code", &registration.land_use.code, true, 32)?;
    plain("用地分类标准", "The system of the land-use code", &registration.land_use.system, true, 64)?;
    plain("用地性质", "The land use", &registration.land_use.name, false, 100)?;
    plain("项目类型", "The kind", &registration.kind, false, 64)?;
    plain("联系人", "The contact", &registration.contact, false, 200)?;
    let facts = &registration.facts;
    let reserved = json!({ "id": 0, "state": 0, "version": 0, "lead_unit": 0, "officer": 0, "changed": 0, "round": 0,
        "red_lines": 0, "check": 0, "consultations": 0, "supplements": 0, "supplement_red_line": 0, "summary": 0,
        "minutes": 0, "decision": 0, "numbers": 0, "created": 0, "updated": 0 });
    let simple = |value: &Value| {
        matches!(value, Value::Null | Value::Bool(_) | Value::Number(_))
            || value.as_str().is_some_and(|text| text.chars().count() <= 1_000)
    };
    for (name, value) in facts {
        if name.len() > 64 || !simple(value) || reserved.get(name).is_some() {
            return Err(Refusal::incomplete(
                format!("登记信息“{}”无效：应为文字、数字或是否", shortened(name)),
                format!("The fact `{}` is not valid: text, number, true or false.", shortened(name)),
            ));
        }
    }
    if facts.len() > MAX_FACTS {
        return Err(too_many());
    }
    Ok(())
}
