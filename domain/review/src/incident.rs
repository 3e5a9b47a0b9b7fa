//! 灾情: one event from its first report to its last: where the surveys are, what only people know, what was set by hand, and
//! the reports that were issued.
//!
//! Figures that an analysis finds stay with its job; an incident names the jobs. What nobody stated stays unstated: a
//! report prints 未报, never nought.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::person::{Actor, Named, Role};
use crate::refusal::Refusal;

/// Kinds of hazard, as 地质灾害防治条例 and emergency plans name them.
pub const HAZARDS: &[&str] = &["滑坡", "崩塌", "泥石流", "地面塌陷", "地裂缝", "地面沉降", "堰塞湖", "洪水", "其他"];
/// States that a building may be given by hand: what analyses call them, and what people do.
pub const BUILDING_STATES: &[(&str, &str)] = &[
    ("destroyed", "被毁"),
    ("buried", "被埋"),
    ("damaged", "受损"),
    ("undetermined", "未判定"),
    ("unchanged", "未见变化"),
];
/// Longest text.
const MAX_CHARACTERS: usize = 4_000;
/// Jobs, reports and buildings of one incident.
const MOST_JOBS: usize = 500;
const MOST_REPORTS: usize = 200;
const MOST_OVERRIDES: usize = 5_000;
/// More people than live in any prefecture, and more than any loss, ten thousand yuan.
const MOST_PEOPLE: u32 = 20_000_000;
const MOST_LOSS: f64 = 1e9;

/// Whether anything may still be reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// 处置中.
    Open,
    /// 已终报.
    Closed,
}

/// Which report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// 首报.
    First,
    /// 续报.
    Further,
    /// 终报.
    Final,
}

impl ReportKind {
    /// What people call it.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::First => "首报",
            Self::Further => "续报",
            Self::Final => "终报",
        }
    }
}

/// What only people know. None is "not stated".
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    /// 死亡.
    pub dead: Option<u32>,
    /// 失踪.
    pub missing: Option<u32>,
    /// 受伤.
    pub injured: Option<u32>,
    /// 紧急转移安置, people.
    pub moved_people: Option<u32>,
    /// 紧急转移安置, households.
    pub moved_households: Option<u32>,
    /// 直接经济损失, ten thousand yuan.
    pub direct_loss_wan_yuan: Option<f64>,
    /// 已采取措施.
    pub measures: Option<String>,
    /// 报送单位.
    pub reporting_unit: Option<String>,
    /// 签发人.
    pub issuer: Option<String>,
    /// 联系人.
    pub contact: Option<String>,
    /// 联系电话.
    pub phone: Option<String>,
}

/// A building's state as somebody saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// One of [`BUILDING_STATES`].
    pub state: String,
    /// Why the analysis is not followed.
    pub reason: String,
}

/// An analysis that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobLink {
    /// Which analysis.
    pub analysis: String,
    /// The job.
    pub job: String,
    /// What it was asked for, in a few words.
    pub title: String,
    /// Only to see what would be (推演): no report prints it.
    pub what_if: bool,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: Named,
}

/// A report that was issued: what it said does not change any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportRecord {
    /// From 1.
    pub number: u32,
    /// Which.
    pub kind: ReportKind,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: Named,
    /// What people stated then.
    pub facts: Facts,
    /// The jobs it prints: the newest of each analysis.
    pub jobs: BTreeMap<String, String>,
}

/// An incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Identifier.
    pub id: String,
    /// Counts its changes, from 1.
    pub version: u64,
    /// Name.
    pub name: String,
    /// One of [`HAZARDS`].
    pub hazard: String,
    /// When it happened.
    pub occurred: DateTime<Utc>,
    /// Where, in words.
    pub place: String,
    /// Whether anything may still be reported.
    pub state: IncidentState,
    /// What is asked of the analyses: `before`, `after`, `within`, `align`, `accuracy_m`, `sections` and the like; each
    /// analysis checks its own.
    pub question: Map<String, Value>,
    /// What only people know.
    pub facts: Facts,
    /// Buildings whose state was set by hand, by their number in the register.
    pub overrides: BTreeMap<String, Override>,
    /// Analyses that were asked for, oldest first.
    pub jobs: Vec<JobLink>,
    /// Reports that were issued, oldest first.
    pub reports: Vec<ReportRecord>,
    /// When it was registered, and by whom.
    pub created: DateTime<Utc>,
    /// By whom.
    pub created_by: Named,
}

/// What an incident is registered with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewIncident {
    /// Name.
    pub name: String,
    /// One of [`HAZARDS`].
    pub hazard: String,
    /// When it happened.
    pub occurred: DateTime<Utc>,
    /// Where, in words.
    #[serde(default)]
    pub place: String,
    /// What is asked of the analyses.
    #[serde(default)]
    pub question: Map<String, Value>,
}

/// A change; what is left out stays. Within `question`, `facts` and `overrides` a null takes a value away.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IncidentChange {
    /// Name.
    pub name: Option<String>,
    /// One of [`HAZARDS`].
    pub hazard: Option<String>,
    /// When it happened.
    pub occurred: Option<DateTime<Utc>>,
    /// Where, in words.
    pub place: Option<String>,
    /// What is asked of the analyses.
    pub question: Map<String, Value>,
    /// What only people know.
    pub facts: Map<String, Value>,
    /// Buildings by number.
    pub overrides: BTreeMap<String, Option<Override>>,
}

fn incomplete(zh: impl Into<String>, en: impl Into<String>) -> Refusal {
    Refusal::incomplete(zh, en)
}

/// Those who do business may register and change; others read.
fn may_change(actor: &Actor) -> Result<(), Refusal> {
    if [Role::LeadOfficer, Role::Officer, Role::Head].into_iter().any(|role| actor.is(role)) {
        return Ok(());
    }
    Err(Refusal::not_yours("只有经办人和负责人可以登记、修改灾情", "Only officers and heads may change an incident."))
}

/// Whether the actor may see who lives in a house and their telephone: officers of the lead unit and heads.
///
/// # Errors
/// Refuses everybody else.
pub fn may_see_households(actor: &Actor) -> Result<(), Refusal> {
    if [Role::LeadOfficer, Role::Head].into_iter().any(|role| actor.is(role)) {
        return Ok(());
    }
    Err(Refusal::not_yours(
        "住户姓名和电话只对牵头单位经办和部门负责人开放；其他人看到的是隐去后的名单",
        "Names and telephones of households are for lead officers and heads only; others see them masked.",
    ))
}

fn text(name_zh: &str, value: &str, most: usize) -> Result<String, Refusal> {
    let value = value.trim();
    if value.chars().count() > most || value.chars().any(|c| c.is_control() && c != '\n') {
        return Err(incomplete(
            format!("{name_zh}过长（最多 {most} 字）或含有控制字符"),
            format!("A text is longer than {most} characters or holds control characters."),
        ));
    }
    Ok(value.to_owned())
}

fn hazard(value: &str) -> Result<String, Refusal> {
    if HAZARDS.contains(&value) {
        return Ok(value.to_owned());
    }
    let kinds = HAZARDS.join("、");
    Err(incomplete(format!("灾害类型应为：{kinds}"), format!("The kind of hazard must be one of: {kinds}.")))
}

fn name(value: &str) -> Result<String, Refusal> {
    let name = text("名称", value, 100)?;
    if name.is_empty() {
        return Err(incomplete("请填写灾情名称", "Give the incident a name."));
    }
    Ok(name)
}

/// Merges `changes` into `into`; a null takes a value away.
fn merge(into: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (key, value) in changes {
        if value.is_null() {
            into.remove(key);
        } else {
            into.insert(key.clone(), value.clone());
        }
    }
}

impl Facts {
    /// The facts since a change.
    fn changed(&self, changes: &Map<String, Value>) -> Result<Self, Refusal> {
        let mut all = match serde_json::to_value(self) {
            Ok(Value::Object(all)) => all,
            _ => Map::new(),
        };
        merge(&mut all, changes);
        let facts: Self = serde_json::from_value(Value::Object(all)).map_err(|error| {
            incomplete(
                "填报内容有误：人数应为不小于 0 的整数，损失应为数字",
                format!("Facts are not as they should be: {error}."),
            )
        })?;
        let people = [facts.dead, facts.missing, facts.injured, facts.moved_people, facts.moved_households];
        if people.into_iter().flatten().any(|n| n > MOST_PEOPLE) {
            return Err(incomplete("人数过大，请核对", "A number of people is too large; check it."));
        }
        if facts.direct_loss_wan_yuan.is_some_and(|loss| !(0.0..MOST_LOSS).contains(&loss)) {
            return Err(incomplete("直接经济损失应为 0 至 10 亿万元", "The direct loss is out of range."));
        }
        let words = [&facts.measures, &facts.reporting_unit, &facts.issuer, &facts.contact, &facts.phone];
        for value in words.into_iter().flatten() {
            text("填报文字", value, MAX_CHARACTERS)?;
        }
        Ok(facts)
    }
}

/// Registers an incident.
///
/// # Errors
/// Refuses who may not, and what is incomplete.
pub fn register_incident(id: &str, new: &NewIncident, actor: &Actor, now: DateTime<Utc>) -> Result<Incident, Refusal> {
    may_change(actor)?;
    if new.occurred > now {
        return Err(incomplete("发生时间不能晚于现在", "It cannot have happened in the future."));
    }
    Ok(Incident {
        id: id.to_owned(),
        version: 1,
        name: name(&new.name)?,
        hazard: hazard(&new.hazard)?,
        occurred: new.occurred,
        place: text("地点", &new.place, 200)?,
        state: IncidentState::Open,
        question: new.question.clone(),
        facts: Facts::default(),
        overrides: BTreeMap::new(),
        jobs: Vec::new(),
        reports: Vec::new(),
        created: now,
        created_by: actor.account.clone(),
    })
}

/// Changes an incident.
///
/// # Errors
/// Refuses who may not, and what cannot be.
pub fn change_incident(
    incident: &Incident,
    change: &IncidentChange,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Incident, Refusal> {
    may_change(actor)?;
    let mut next = Incident { version: incident.version + 1, ..incident.clone() };
    if let Some(value) = &change.name {
        next.name = name(value)?;
    }
    if let Some(value) = &change.hazard {
        next.hazard = hazard(value)?;
    }
    if let Some(occurred) = change.occurred {
        if occurred > now {
            return Err(incomplete("发生时间不能晚于现在", "It cannot have happened in the future."));
        }
        next.occurred = occurred;
    }
    if let Some(value) = &change.place {
        next.place = text("地点", value, 200)?;
    }
    merge(&mut next.question, &change.question);
    next.facts = next.facts.changed(&change.facts)?;
    for (number, given) in &change.overrides {
        let Some(given) = given else {
            next.overrides.remove(number);
            continue;
        };
        if !BUILDING_STATES.iter().any(|(state, _)| *state == given.state) {
            let names = |of: fn(&(&'static str, &'static str)) -> &'static str, by: &str| {
                BUILDING_STATES.iter().map(of).collect::<Vec<_>>().join(by)
            };
            return Err(incomplete(
                format!("房屋状态应为：{}", names(|(_, zh)| zh, "、")),
                format!("A building's state is one of: {}.", names(|(state, _)| state, ", ")),
            ));
        }
        let reason = text("理由", &given.reason, 500)?;
        if reason.is_empty() {
            return Err(incomplete("改判房屋状态须写明理由", "Say why the building's state is set by hand."));
        }
        next.overrides.insert(number.clone(), Override { state: given.state.clone(), reason });
    }
    if next.overrides.len() > MOST_OVERRIDES {
        return Err(incomplete("改判的房屋过多", "Too many buildings are set by hand."));
    }
    Ok(next)
}

/// Remembers an analysis that was asked for.
///
/// # Errors
/// Refuses who may not.
pub fn link_job(incident: &Incident, link: JobLink, actor: &Actor) -> Result<Incident, Refusal> {
    may_change(actor)?;
    if incident.jobs.len() >= MOST_JOBS {
        return Err(Refusal::not_now("该灾情的分析次数已达上限", "The incident has as many analyses as it may."));
    }
    let mut next = Incident { version: incident.version + 1, ..incident.clone() };
    next.jobs.push(link);
    Ok(next)
}

/// Issues a report: 首报 once and first, then 续报, and 终报 last. `jobs` are the finished analyses that it prints.
///
/// # Errors
/// Refuses who may not, what comes out of turn, and a report that does not say who answers for it.
pub fn issue_report(
    incident: &Incident,
    kind: ReportKind,
    jobs: BTreeMap<String, String>,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Incident, Refusal> {
    if ![Role::LeadOfficer, Role::Head].into_iter().any(|role| actor.is(role)) {
        return Err(Refusal::not_yours(
            "只有牵头单位经办和部门负责人可以签发快报",
            "Only lead officers and heads issue reports.",
        ));
    }
    if incident.state == IncidentState::Closed {
        return Err(Refusal::not_now("该灾情已终报", "The final report was issued."));
    }
    match (kind, incident.reports.is_empty()) {
        (ReportKind::First, false) => {
            return Err(Refusal::not_now("首报已经签发，请选续报或终报", "There is a first report already."));
        }
        (ReportKind::Further | ReportKind::Final, true) => {
            return Err(Refusal::not_now("请先签发首报", "Issue the first report first."));
        }
        _ => {}
    }
    if incident.reports.len() >= MOST_REPORTS {
        return Err(Refusal::not_now("快报数量已达上限", "The incident has as many reports as it may."));
    }
    let facts = &incident.facts;
    let said = [("报送单位", &facts.reporting_unit), ("签发人", &facts.issuer), ("联系电话", &facts.phone)];
    let unsaid: Vec<&str> = said
        .into_iter()
        .filter(|(_, value)| value.as_ref().is_none_or(|value| value.trim().is_empty()))
        .map(|(name, _)| name)
        .collect();
    if !unsaid.is_empty() {
        return Err(incomplete(
            format!("签发前请填写：{}", unsaid.join("、")),
            "State the reporting unit, who signs, and a telephone first.",
        ));
    }
    let mut next = Incident { version: incident.version + 1, ..incident.clone() };
    next.reports.push(ReportRecord {
        number: incident.reports.len() as u32 + 1,
        kind,
        at: now,
        by: actor.account.clone(),
        facts: facts.clone(),
        jobs,
    });
    if kind == ReportKind::Final {
        next.state = IncidentState::Closed;
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(hour: u32) -> DateTime<Utc> {
        format!("2024-07-20T{hour:02}:00:00Z").parse().expect("a time")
    }

    fn actor(roles: &[Role]) -> Actor {
        Actor { roles: roles.to_vec(), every_unit: false, ..Actor::demonstration() }
    }

    fn made() -> Incident {
        let new = NewIncident {
            name: " 亥冲村滑坡 ".to_owned(),
            hazard: "滑坡".to_owned(),
            occurred: at(2),
            place: "样例镇".to_owned(),
            question: Map::new(),
        };
        register_incident("i1", &new, &actor(&[Role::Officer]), at(3)).expect("registered")
    }

    fn facts(incident: &Incident, facts: &Value) -> Result<Incident, Refusal> {
        let facts = facts.as_object().expect("an object").clone();
        change_incident(
            incident,
            &IncidentChange { facts, ..IncidentChange::default() },
            &actor(&[Role::Officer]),
            at(4),
        )
    }

    #[test]
    fn what_nobody_stated_stays_unstated_and_a_null_takes_back() {
        let incident = made();
        assert_eq!((incident.name.as_str(), incident.facts.dead), ("亥冲村滑坡", None));
        let stated = facts(&incident, &json!({ "dead": 0, "moved_people": 76 })).expect("stated");
        assert_eq!((stated.facts.dead, stated.facts.missing, stated.facts.moved_people), (Some(0), None, Some(76)));
        let back = facts(&stated, &json!({ "dead": null })).expect("taken back");
        assert_eq!((back.facts.dead, back.facts.moved_people), (None, Some(76)));
        for bad in [
            json!({ "dead": -1 }),
            json!({ "dead": 1.5 }),
            json!({ "dead": 4_000_000_000_u64 }),
            json!({ "people": 3 }),
            json!({ "direct_loss_wan_yuan": -1.0 }),
            json!({ "measures": "啊".repeat(MAX_CHARACTERS + 1) }),
        ] {
            assert!(facts(&incident, &bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reports_come_in_order_and_say_who_answers() {
        let head = actor(&[Role::Head]);
        let issue = |of: &Incident, kind| issue_report(of, kind, BTreeMap::new(), &head, at(5));
        let incident = made();
        let refused = issue(&incident, ReportKind::First).expect_err("nobody answers for it");
        assert!(refused.zh.contains("报送单位") && refused.zh.contains("联系电话"), "{}", refused.zh);
        let whole = json!({ "reporting_unit": "样例县应急管理局", "issuer": "某某", "phone": "0743-0000000" });
        let incident = facts(&incident, &whole).expect("stated");
        assert!(issue(&incident, ReportKind::Further).is_err() && issue(&incident, ReportKind::Final).is_err());
        let first = issue(&incident, ReportKind::First).expect("issued");
        assert!(issue(&first, ReportKind::First).is_err());
        // What was issued does not change with what is stated later.
        let later = facts(&first, &json!({ "dead": 1 })).expect("stated");
        let further = issue(&later, ReportKind::Further).expect("issued");
        assert_eq!((further.reports[0].facts.dead, further.reports[1].facts.dead), (None, Some(1)));
        let last = issue(&further, ReportKind::Final).expect("issued");
        assert_eq!((last.state, last.reports[2].number), (IncidentState::Closed, 3));
        assert!(issue(&last, ReportKind::Further).is_err());
        assert!(issue_report(&incident, ReportKind::First, BTreeMap::new(), &actor(&[Role::Officer]), at(5)).is_err());
    }

    #[test]
    fn a_building_is_set_by_hand_with_a_reason_only() {
        let set = |state: &str, reason: &str| {
            let given = Override { state: state.to_owned(), reason: reason.to_owned() };
            let overrides = [("H1".to_owned(), Some(given))].into();
            change_incident(
                &made(),
                &IncidentChange { overrides, ..IncidentChange::default() },
                &actor(&[Role::Officer]),
                at(4),
            )
        };
        assert!(set("destroyed", " ").is_err() && set("倒塌", "现场核实").is_err());
        let incident = set("destroyed", "现场核实").expect("set");
        let gone = IncidentChange { overrides: [("H1".to_owned(), None)].into(), ..IncidentChange::default() };
        let gone = change_incident(&incident, &gone, &actor(&[Role::Officer]), at(4)).expect("taken back");
        assert!(incident.overrides.contains_key("H1") && gone.overrides.is_empty());
    }

    #[test]
    fn who_only_looks_changes_nothing_and_sees_no_names() {
        let viewer = actor(&[Role::Viewer, Role::Admin]);
        assert!(change_incident(&made(), &IncidentChange::default(), &viewer, at(4)).is_err());
        assert!(may_see_households(&viewer).is_err() && may_see_households(&actor(&[Role::Officer])).is_err());
        assert!(may_see_households(&actor(&[Role::Head])).is_ok());
    }
}
