//! From the records of the review and the result of a check to a dossier. Only what is signed counts as an opinion.

use analysis::RuleBook;
use analysis::reclassification::Reclassification;
use chrono::{DateTime, SecondsFormat, Utc};
use review::{Consultation, ConsultationState, OpinionVerdict, Project, ProjectEvent, ReviewSettings};
use serde_json::{Value, json};

use super::dossier::{
    Check, Dossier, Event, GivenNumber, LandUse, Office, Opinion, Project as Subject, RedLine, Source, SourceFile,
    Statement, TakenPiece,
};

/// What is known of a project beside its own record.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// Its steps, oldest first.
    pub(crate) events: Vec<ProjectEvent>,
    /// The red line in force, in its delivered numbers.
    pub(crate) delivered: Value,
    /// The result of its check.
    pub(crate) result: Option<Value>,
    /// The pieces taken, in that plane.
    pub(crate) patches: Vec<TakenPiece>,
    /// The plane of the pieces.
    pub(crate) plane: String,
}

/// A result that is not of the shape that documents print.
pub(crate) type BadResult = serde_json::Error;

/// The dossier of a project.
pub(crate) fn dossier(
    project: &Project,
    records: Records,
    settings: &ReviewSettings,
    rules: &RuleBook,
) -> Result<Dossier, BadResult> {
    let registration = &project.registration;
    let office = office(rules);
    let check = match (project.current_check(), records.result) {
        (Some(record), Some(result)) => {
            let mut check: Check = serde_json::from_value(result)?;
            check.job.clone_from(&record.job);
            check.at = instant(record.at);
            check.rule_versions = titled(&check.rule_versions, rules);
            name_systems(&mut check.sources, rules);
            check.patches = records.patches;
            check.patches_crs = records.plane;
            Some(check)
        }
        _ => None,
    };
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    let red_line = project.red_line().map(|line| RedLine {
        version: line.version.into(),
        source: serde_json::from_value::<SourceFile>(line.source.clone()).unwrap_or_default(),
        plane_m2: number(&line.plane_m2),
        ellipsoidal_m2: number(&line.ellipsoidal_m2),
        bounds_lon_lat_deg: Some(line.bounds_lon_lat_deg),
        delivered: records.delivered,
    });
    Ok(Dossier {
        project: Subject {
            id: project.id.clone(),
            code: registration.code.clone(),
            name: registration.name.clone(),
            applicant: registration.applicant.clone(),
            land_use: land_use(&registration.land_use, rules),
            kind: registration.kind.clone(),
            state: project.state.zh().to_owned(),
            contact: registration.contact.clone(),
            numbers: project
                .numbers
                .iter()
                .map(|given| GivenNumber {
                    kind: given.kind.clone(),
                    number: given.number.clone(),
                    date: given.date.to_string(),
                })
                .collect(),
            created: instant(project.created),
        },
        red_line,
        check,
        opinions: project.consultations.iter().map(|one| opinion(one, settings)).collect(),
        statements: statements(project),
        events: records.events.iter().map(event).collect(),
        office: Office { unit: first_of([&office.unit, &project.lead_unit.name]), ..office },
        as_of: instant(project.updated),
        map: None,
        pictures: Vec::new(),
    })
}

/// Who makes documents here, by the rule document `documents`.
pub(crate) fn office(rules: &RuleBook) -> Office {
    #[derive(serde::Deserialize)]
    struct Settings {
        office: Office,
    }
    let document = rules.document("documents").ok();
    let settings = document.and_then(|document| toml::from_str::<Settings>(&document.text).ok());
    settings.map(|settings| settings.office).unwrap_or_default()
}

/// Code systems by the number of their standard.
pub(crate) fn name_systems(sources: &mut [Source], rules: &RuleBook) {
    let Ok((systems, _)) = Reclassification::read(rules) else { return };
    for source in sources {
        // A layer whose classes are of no system that the rules know has none to name.
        let system = systems.system(&source.code_system).and_then(|system| system.names.first());
        source.code_system = system.cloned().unwrap_or_else(|| "—".to_owned());
    }
}

/// The planned use with the number of the standard that its code is of.
fn land_use(registered: &review::LandUse, rules: &RuleBook) -> LandUse {
    let systems = Reclassification::read(rules).ok().map(|(systems, _)| systems);
    let system = systems.as_ref().and_then(|systems| systems.system(&registered.system)?.names.first());
    LandUse {
        system: system.unwrap_or(&registered.system).clone(),
        code: registered.code.clone(),
        name: registered.name.clone(),
    }
}

fn first_of(texts: [&String; 2]) -> String {
    texts.into_iter().find(|text| !text.is_empty()).cloned().unwrap_or_default()
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Rule documents by the title that people know them by.
pub(crate) fn titled(versions: &Value, rules: &RuleBook) -> Value {
    let Some(versions) = versions.as_object() else { return versions.clone() };
    let head_of = |name: &str| {
        let mut table: toml::Table = rules.document(name).ok()?.text.parse().ok()?;
        table.remove("document")
    };
    versions
        .iter()
        .map(|(name, version)| {
            let head = head_of(name);
            let field = |key: &str| head.as_ref().and_then(|head| head.get(key)?.as_str());
            let title = field("title").map_or_else(|| name.clone(), str::to_owned);
            // What came with the product is known by the version that it says of itself.
            let version = match (version.as_str(), field("version")) {
                (Some("shipped"), Some(own)) => format!("{own}（随系统发布）").into(),
                _ => version.clone(),
            };
            json!({ "title": title, "version": version })
        })
        .collect()
}

fn opinion(one: &Consultation, settings: &ReviewSettings) -> Opinion {
    let signed = one.opinion.as_ref().filter(|_| one.state == ConsultationState::Signed);
    let verdict = match (one.state, signed.map(|opinion| opinion.verdict)) {
        (_, Some(OpinionVerdict::Agree)) => "agree",
        (_, Some(OpinionVerdict::Conditional)) => "conditional",
        (_, Some(OpinionVerdict::Disagree)) => "disagree",
        (_, Some(OpinionVerdict::NotConcerned)) => "not_concerned",
        (ConsultationState::NoOpinion, None) => "no_opinion",
        (ConsultationState::Supplement, None) => "supplement",
        (_, None) => "",
    };
    let signature = signed.and_then(|opinion| opinion.signed.as_ref());
    Opinion {
        unit: one.unit.name.clone(),
        verdict: verdict.to_owned(),
        text: signed.map(|opinion| opinion.text.clone()).unwrap_or_default(),
        officer: signed.map(|opinion| opinion.drafted.by.name.clone()).unwrap_or_default(),
        head: signature.map(|signature| signature.by.name.clone()).unwrap_or_default(),
        signed: signature.map(|signature| instant(signature.at)).unwrap_or_default(),
        due: one.clock.due(&settings.calendar).map(instant).unwrap_or_default(),
    }
}

/// What the lead unit said: summary, minutes, decision.
fn statements(project: &Project) -> Vec<Statement> {
    let made = |title: &str, statement: &review::Statement| Statement {
        title: title.to_owned(),
        text: statement.text.clone(),
        by: statement.by.name.clone(),
        at: instant(statement.at),
    };
    let mut statements = Vec::new();
    statements.extend(project.summary.iter().map(|one| made("汇总意见", one)));
    statements.extend(project.minutes.iter().map(|one| made("协调会纪要", one)));
    statements.extend(
        project
            .decision
            .iter()
            .map(|one| made(if one.approve { "审查决定：生成" } else { "审查决定：退回" }, &one.statement)),
    );
    statements
}

fn event(event: &ProjectEvent) -> Event {
    let action = match event.kind.as_str() {
        "register" => "项目登记",
        "amend" | "edit" | "change" => "修改登记",
        "red_line" => "提交红线",
        "check" => "符合性检测",
        "send" => "征求意见",
        "opinion" => "填写意见",
        "sign" => "签发意见",
        "send_back" => "退回修改",
        "ask_supplement" => "要求补正",
        "resubmit" => "重新提交",
        "summarise" => "汇总",
        "meet" => "协调会",
        "decide" => "决定",
        "withdraw" => "撤回",
        "hand_over" => "移交",
        "number" => "登记文号",
        "no_opinion" => "逾期视同无意见",
        "note" => "批注",
        "attachment" => "上传附件",
        "scene" => "三维方案",
        other => other,
    };
    let detail = |key: &str| event.detail.get(key).and_then(Value::as_str);
    let named = |value: &Value| value.get("name").and_then(Value::as_str).map(str::to_owned);
    let text = match event.kind.as_str() {
        "check" => format!("检测结论：{}", super::dossier::verdict_words(detail("verdict").unwrap_or_default())),
        "red_line" => format!("第{}版", event.red_line),
        "attachment" => detail("name").unwrap_or_default().to_owned(),
        "scene" => "更新三维方案".to_owned(),
        "no_opinion" => event.detail.get("unit").and_then(named).unwrap_or_default(),
        "hand_over" => event.detail.get("to").and_then(named).map(|name| format!("移交给{name}")).unwrap_or_default(),
        "number" => {
            let kind = super::dossier::number_kind_words(detail("kind").unwrap_or_default());
            format!("{kind} {}", detail("number").unwrap_or_default())
        }
        "sign" => event
            .detail
            .pointer("/opinion/verdict")
            .and_then(Value::as_str)
            .map(|verdict| super::dossier::opinion_words(verdict).to_owned())
            .unwrap_or_default(),
        // A draft is its department's own business until it is signed.
        "opinion" | "send_back" => String::new(),
        _ => detail("text").unwrap_or_default().to_owned(),
    };
    Event {
        at: instant(event.at),
        by: event.by.name.clone(),
        unit: event.unit.name.clone(),
        action: action.to_owned(),
        text,
    }
}
