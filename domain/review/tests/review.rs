//! The rules of the review from outside: the ordinary way, random ways that must never skip a step, and clocks counted
//! against a count of days one by one.

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;
use review::{
    Action, Actor, CheckRecord, Circumstances, Clock, ConsultationState, Invitation, LandUse, LedgerChange,
    LedgerEntry, LedgerState, Named, Project, ProjectEvent, ProjectState, RedLineVersion, Refusal, RefusalKind,
    Registration, ReviewSettings, Role, SHIPPED_WORKFLOW, Step, act, available, awaited, bring_red_line, change_ledger,
    duties, edit, is_stale, recheck_ledger, record_check, register, waits,
};
use serde_json::{Value, json};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn actor(account: &str, unit: &str, roles: &[Role]) -> Actor {
    Actor {
        account: Named::new(account, account),
        unit: Named::new(unit, unit),
        roles: roles.to_vec(),
        every_unit: false,
    }
}

fn people() -> Vec<Actor> {
    vec![
        actor("lead-1", "lead", &[Role::LeadOfficer]),
        actor("lead-2", "lead", &[Role::LeadOfficer]),
        actor("lead-head", "lead", &[Role::Head]),
        actor("farm-1", "farm", &[Role::Officer]),
        actor("farm-2", "farm", &[Role::Officer]),
        actor("farm-head", "farm", &[Role::Head]),
        actor("wood-both", "wood", &[Role::Officer, Role::Head]),
        actor("wood-head", "wood", &[Role::Head]),
        actor("other", "other", &[Role::Officer, Role::Head]),
        actor("viewer", "lead", &[Role::Viewer]),
        actor("admin", "lead", &[Role::Admin]),
    ]
}

fn person(name: &str) -> Actor {
    people().into_iter().find(|one| one.account.id == name).expect("there")
}

fn units() -> Vec<Named> {
    ["lead", "farm", "wood", "other"].map(|id| Named::new(id, id)).to_vec()
}

fn registration() -> Registration {
    Registration {
        code: "2024-433100-01".into(),
        name: "污水处理厂".into(),
        applicant: "城投公司".into(),
        land_use: LandUse { system: "landuse_2023".into(), code: "1302".into(), name: "排水用地".into() },
        ..Registration::default()
    }
}

fn red_line(version: u32) -> RedLineVersion {
    RedLineVersion {
        version,
        source: json!({ "name": "界址点.txt", "sha256": "00" }),
        crs: "EPSG:4546".into(),
        plane_m2: json!(1000.5),
        ellipsoidal_m2: json!(1000.6),
        bounds_lon_lat_deg: [110.0, 28.0, 110.1, 28.1],
        at: at("2024-03-04T02:00:00Z"),
        by: Named::new("lead-1", "lead-1"),
    }
}

fn check(red_line: u32) -> CheckRecord {
    CheckRecord {
        job: format!("job-{red_line}"),
        red_line,
        verdict: "conditional".into(),
        at: at("2024-03-04T02:00:00Z"),
        by: Named::new("lead-1", "lead-1"),
        rule_versions: json!({}),
        revisions: vec!["yjjbnt@2022".into()],
    }
}

/// A desk at which a project is worked on.
struct Desk {
    project: Project,
    events: Vec<ProjectEvent>,
    settings: ReviewSettings,
    now: DateTime<Utc>,
}

impl Desk {
    fn new() -> Self {
        let settings = ReviewSettings::shipped();
        let now = at("2024-03-04T02:00:00Z");
        let units = units();
        let here = Circumstances { now, settings: &settings, units: &units, successor: None };
        let Step { project, events } = register("p", registration(), &person("lead-1"), here).expect("registered");
        Self { project, events, settings, now }
    }

    fn take(&mut self, step: Result<Step, Refusal>) -> Result<(), Refusal> {
        let step = step?;
        assert_eq!(step.project.version, self.project.version + 1);
        assert!(step.events.iter().all(|event| event.from == self.project.state));
        self.project = step.project;
        self.events.extend(step.events);
        Ok(())
    }

    fn does(&mut self, name: &str, action: &Action) -> Result<(), Refusal> {
        let units = units();
        let successor = match action {
            Action::HandOver { account } => people().into_iter().find(|one| one.account.id == *account),
            _ => None,
        };
        let here =
            Circumstances { now: self.now, settings: &self.settings, units: &units, successor: successor.as_ref() };
        self.take(act(&self.project, action, &person(name), here))
    }

    fn json(&mut self, name: &str, action: Value) -> Result<(), Refusal> {
        self.does(name, &serde_json::from_value(action).expect("an action"))
    }

    fn brings(&mut self, name: &str) -> Result<(), Refusal> {
        let units = units();
        let here = Circumstances { now: self.now, settings: &self.settings, units: &units, successor: None };
        let next = red_line(self.project.red_lines.len() as u32 + 1);
        self.take(bring_red_line(&self.project, next, &person(name), here))
    }

    fn checks(&mut self, name: &str) -> Result<(), Refusal> {
        let units = units();
        let here = Circumstances { now: self.now, settings: &self.settings, units: &units, successor: None };
        let newest = self.project.red_lines.len() as u32;
        self.take(record_check(&self.project, check(newest), &person(name), here))
    }

    /// Sent to both departments.
    fn sent() -> Self {
        let mut desk = Self::new();
        desk.brings("lead-1").expect("brought");
        desk.checks("lead-1").expect("checked");
        desk.json("lead-1", json!({ "action": "send", "units": [{ "id": "farm" }, { "id": "wood", "days": 3 }] }))
            .expect("sent");
        desk
    }

    fn agree(&mut self, drafts: &str, signs: &str) {
        self.json(drafts, json!({ "action": "opinion", "verdict": "agree" })).expect("drafted");
        self.json(signs, json!({ "action": "sign" })).expect("signed");
    }
}

#[test]
fn the_ordinary_way_leads_to_a_decision() {
    let mut desk = Desk::sent();
    assert_eq!(desk.project.state, ProjectState::Consulting);
    desk.agree("farm-1", "farm-head");
    let early = desk.json("lead-1", json!({ "action": "summarise", "text": "汇总" })).expect_err("wood is missing");
    assert_eq!(early.kind, RefusalKind::NotNow);
    desk.agree("wood-both", "wood-head");
    desk.json("lead-1", json!({ "action": "summarise", "text": "两部门同意" })).expect("summarised");
    desk.json("lead-1", json!({ "action": "meet", "text": "会议纪要" })).expect("met");
    assert_eq!(
        desk.json("lead-1", json!({ "action": "decide", "approve": true, "text": "同意" }))
            .expect_err("not the head")
            .kind,
        RefusalKind::NotYours
    );
    desk.json("lead-head", json!({ "action": "decide", "approve": true, "text": "同意" })).expect("decided");
    desk.json(
        "lead-1",
        json!({ "action": "number", "kind": "选址意见书", "number": "用字第433100202400001号", "date": "2024-04-01" }),
    )
    .expect("recorded");
    let kinds: Vec<&str> = desk.events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "register",
            "red_line",
            "check",
            "send",
            "opinion",
            "sign",
            "opinion",
            "sign",
            "summarise",
            "meet",
            "decide",
            "number"
        ]
    );
    assert_eq!(desk.events[4].revisions, ["yjjbnt@2022"]);
    let again: Project = serde_json::from_value(json!(desk.project)).expect("reads");
    assert_eq!(again, desk.project, "what is stored is what was meant");
}

#[test]
fn one_person_cannot_sign_twice_nor_for_another_department() {
    let mut desk = Desk::sent();
    desk.json("wood-both", json!({ "action": "opinion", "verdict": "agree" })).expect("drafted");
    assert_eq!(
        desk.json("wood-both", json!({ "action": "sign" })).expect_err("the same person").kind,
        RefusalKind::NotYours
    );
    assert_eq!(
        desk.json("farm-head", json!({ "action": "sign", "unit": "wood" })).expect_err("another unit").kind,
        RefusalKind::NotYours
    );
    assert_eq!(
        desk.json("other", json!({ "action": "opinion", "verdict": "agree" })).expect_err("not asked").kind,
        RefusalKind::NotYours
    );
    desk.json("wood-head", json!({ "action": "send_back", "text": "请写明条件" })).expect("sent back");
    assert_eq!(desk.json("wood-head", json!({ "action": "sign" })).expect_err("no draft").kind, RefusalKind::NotNow);
    assert_eq!(
        desk.json("wood-both", json!({ "action": "opinion", "verdict": "disagree" })).expect_err("no reason").kind,
        RefusalKind::Incomplete
    );
}

#[test]
fn a_supplement_stops_every_clock_and_a_new_red_line_asks_everybody_again() {
    let mut desk = Desk::sent();
    desk.agree("farm-1", "farm-head");
    desk.now = at("2024-03-06T02:00:00Z");
    desk.json("wood-both", json!({ "action": "ask_supplement", "text": "缺林地证明" })).expect("asked");
    let wood = |desk: &Desk| desk.project.consultation("wood").expect("asked").clone();
    assert_eq!(
        (wood(&desk).clock.stopped, wood(&desk).clock.days),
        (true, 2),
        "the second of three days is still left"
    );
    desk.now = at("2024-05-06T02:00:00Z");
    assert!(!wood(&desk).clock.is_over(&desk.settings.calendar, desk.now));
    let mut mended =
        Desk { project: desk.project.clone(), events: Vec::new(), settings: desk.settings.clone(), now: desk.now };
    mended.json("lead-1", json!({ "action": "resubmit", "text": "已补" })).expect("resubmitted");
    assert_eq!(wood(&mended).clock.due(&mended.settings.calendar), Some(at("2024-05-08T15:59:59Z")));
    assert_eq!(
        mended.project.consultation("farm").expect("asked").state,
        ConsultationState::Signed,
        "what was signed stands"
    );

    desk.brings("lead-1").expect("brought");
    assert_eq!(
        desk.json("lead-1", json!({ "action": "resubmit", "text": "已改" })).expect_err("unchecked").kind,
        RefusalKind::NotNow
    );
    desk.checks("lead-2").expect("checked");
    desk.json("lead-1", json!({ "action": "resubmit", "text": "已改" })).expect("resubmitted");
    for unit in ["farm", "wood"] {
        let one = desk.project.consultation(unit).expect("asked");
        assert_eq!((one.state, one.opinion.is_none()), (ConsultationState::Asked, true), "{unit}");
    }
}

#[test]
fn silence_counts_only_when_time_is_up_and_the_county_says_so() {
    let mut desk = Desk::sent();
    desk.agree("farm-1", "farm-head");
    let wood_due =
        desk.project.consultation("wood").and_then(|one| one.clock.due(&desk.settings.calendar)).expect("runs");
    assert_eq!(wood_due, at("2024-03-07T15:59:59Z"));
    desk.now = wood_due;
    assert!(desk.json("lead-1", json!({ "action": "summarise", "text": "汇总" })).is_err());
    desk.now = wood_due + TimeDelta::milliseconds(1);
    desk.settings.overdue_counts_as_no_opinion = false;
    assert!(desk.json("lead-1", json!({ "action": "summarise", "text": "汇总" })).is_err());
    assert!(duties(&desk.project, &person("wood-both"), desk.now, &desk.settings)[0].overdue);
    desk.settings.overdue_counts_as_no_opinion = true;
    desk.json("lead-1", json!({ "action": "summarise", "text": "汇总" })).expect("summarised");
    assert_eq!(desk.project.consultation("wood").expect("asked").state, ConsultationState::NoOpinion);
    assert_eq!(desk.events.iter().filter(|event| event.kind == "no_opinion").count(), 1);
}

#[test]
fn the_lead_unit_is_told_whom_to_remind_when_time_is_nearly_up() {
    let mut desk = Desk::sent();
    desk.agree("farm-1", "farm-head");
    let of = |desk: &Desk, name: &str| {
        awaited(&desk.project, &person(name), desk.now, &desk.settings)
            .into_iter()
            .map(|duty| (duty.unit, duty.overdue))
            .collect::<Vec<_>>()
    };
    assert!(of(&desk, "lead-1").is_empty(), "there is time left");
    let due = desk.project.consultation("wood").and_then(|one| one.clock.due(&desk.settings.calendar)).expect("runs");
    desk.now = due - TimeDelta::hours(1);
    assert_eq!(of(&desk, "lead-1"), [("wood".to_owned(), false)], "who has answered is not reminded");
    desk.now = due + TimeDelta::hours(1);
    assert_eq!(of(&desk, "lead-2"), [("wood".to_owned(), true)]);
    assert!(of(&desk, "wood-both").is_empty() && of(&desk, "lead-head").is_empty());
}

#[test]
fn opinions_of_two_departments_do_not_disturb_each_other_and_everything_else_does() {
    let mut desk = Desk::sent();
    let seen = desk.project.version;
    let farm: Action = serde_json::from_value(json!({ "action": "opinion", "verdict": "agree" })).expect("an action");
    desk.does("farm-1", &farm).expect("drafted");
    assert!(!is_stale(&desk.project, &farm, &person("wood-both"), seen));
    assert!(is_stale(&desk.project, &farm, &person("farm-2"), seen), "a colleague was faster");
    let summarise = Action::Summarise { text: "汇总".into() };
    assert!(is_stale(&desk.project, &summarise, &person("lead-1"), seen));
    desk.json("lead-1", json!({ "action": "send", "units": [{ "id": "other" }] })).expect("sent");
    assert!(is_stale(&desk.project, &farm, &person("wood-both"), seen), "the project itself has changed");
}

#[test]
fn editing_voids_the_check_and_a_returned_project_starts_again() {
    let mut desk = Desk::new();
    desk.brings("lead-1").expect("brought");
    desk.checks("lead-1").expect("checked");
    let units = units();
    let settings = desk.settings.clone();
    let here = Circumstances { now: desk.now, settings: &settings, units: &units, successor: None };
    let changed = Registration { name: "污水处理厂二期".into(), ..registration() };
    desk.take(edit(&desk.project.clone(), changed, &person("lead-1"), here)).expect("edited");
    assert_eq!((desk.project.state, desk.project.check.is_none()), (ProjectState::Registered, true));
    for bad in [json!({ "state": "approved" }), json!({ "x": [1] })] {
        let bad = Registration { facts: bad.as_object().expect("an object").clone(), ..registration() };
        assert!(edit(&desk.project, bad, &person("lead-1"), here).is_err());
    }
    let mut desk = Desk::sent();
    desk.agree("farm-1", "farm-head");
    desk.agree("wood-both", "wood-head");
    desk.json("lead-1", json!({ "action": "summarise", "text": "汇总" })).expect("summarised");
    desk.json("lead-head", json!({ "action": "decide", "approve": false, "text": "占用基本农田" })).expect("returned");
    desk.json("lead-1", json!({ "action": "resubmit", "text": "调整选址" })).expect("taken up");
    assert_eq!(
        (desk.project.state, desk.project.round, desk.project.consultations.len()),
        (ProjectState::Registered, 2, 0)
    );
}

#[test]
fn tasks_are_where_the_project_waits() {
    let desk = Desk::sent();
    let of = |name: &str| {
        duties(&desk.project, &person(name), desk.now, &desk.settings)
            .into_iter()
            .map(|duty| duty.action)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("farm-1"), ["opinion"]);
    assert!(of("farm-head").is_empty() && of("other").is_empty() && of("viewer").is_empty() && of("lead-1").is_empty());
    assert!(waits(&desk.project).contains(&("farm".to_owned(), "opinion")));
    let mut desk = desk;
    desk.json("farm-1", json!({ "action": "hand_over", "account": "farm-2" })).expect("handed over");
    assert!(duties(&desk.project, &person("farm-1"), desk.now, &desk.settings).is_empty());
    assert!(desk.json("farm-1", json!({ "action": "opinion", "verdict": "agree" })).is_err());
    desk.agree("farm-2", "farm-head");
    assert_eq!(
        available(&desk.project, &person("lead-1")),
        ["check", "send", "ask_supplement", "summarise", "withdraw", "hand_over"]
    );
}

/// Who may do it, written down a second time.
fn role_needed(kind: &str) -> &'static [Role] {
    match kind {
        "opinion" => &[Role::Officer],
        "sign" | "send_back" | "decide" => &[Role::Head],
        "ask_supplement" => &[Role::Officer, Role::LeadOfficer],
        "hand_over" => &[Role::Officer, Role::Head, Role::LeadOfficer],
        _ => &[Role::LeadOfficer],
    }
}

fn step_allowed(from: ProjectState, to: ProjectState) -> bool {
    use ProjectState::{
        Approved, Checked, Consulting, Meeting, Registered, Returned, Summarised, Supplementing, Withdrawn,
    };
    from == to
        || matches!(
            (from, to),
            (Registered, Checked)
                | (Checked, Registered | Consulting)
                | (Consulting, Supplementing | Summarised)
                | (Supplementing, Consulting)
                | (Summarised, Meeting | Approved | Returned)
                | (Meeting, Approved | Returned)
                | (Returned, Registered)
        )
        || to == Withdrawn && !from.is_over()
}

fn any_move() -> impl Strategy<Value = (usize, usize, u32)> {
    (0..people().len(), 0..16usize, 0..3u32)
}

fn invitation(id: &str) -> Invitation {
    Invitation { id: id.to_owned(), days: Some(2) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_way_skips_a_step_and_nobody_acts_above_their_role(moves in prop::collection::vec(any_move(), 1..150)) {
        let mut desk = Desk::new();
        // Half of the walks begin where it becomes interesting.
        if moves.len() % 2 == 0 {
            desk = Desk::sent();
        }
        for (who, what, days) in moves {
            let name = people()[who].account.id.clone();
            desk.now += TimeDelta::hours(i64::from(days) * 20);
            let text = "说明".to_owned();
            let verdict = json!(["agree", "conditional", "disagree", "not_concerned"][what % 4]);
            let opinion = json!({ "action": "opinion", "verdict": verdict, "text": "说明" });
            let before = desk.project.clone();
            let done = match what {
                0 => desk.brings(&name),
                1 | 2 => desk.checks(&name),
                3 => desk.does(&name, &Action::Send { units: vec![invitation("farm"), invitation("wood")] }),
                4 => desk.does(&name, &Action::Send { units: vec![invitation("other")] }),
                5..=7 => desk.json(&name, opinion),
                8 | 9 => desk.does(&name, &Action::Sign { unit: None }),
                10 => desk.does(&name, &Action::AskSupplement { unit: None, text }),
                11 => desk.does(&name, &Action::Resubmit { text }),
                12 => desk.does(&name, &Action::Summarise { text }),
                13 => desk.does(&name, &Action::Meet { text }),
                14 => desk.does(&name, &Action::Decide { approve: days > 0, text }),
                _ if days == 2 => desk.does(&name, &Action::Withdraw { text }),
                _ => desk.does(&name, &Action::HandOver { account: people()[(who + 1) % people().len()].account.id.clone() }),
            };
            if done.is_err() {
                prop_assert_eq!(&before, &desk.project);
                continue;
            }
            prop_assert!(step_allowed(before.state, desk.project.state), "{:?} -> {:?}", before.state, desk.project.state);
            let calendar = &desk.settings.calendar;
            for one in &desk.project.consultations {
                if desk.project.state == ProjectState::Supplementing && !one.is_settled() {
                    prop_assert!(one.clock.stopped || one.clock.is_over(calendar, desk.now), "clocks stand still");
                }
                if desk.project.state == ProjectState::Consulting {
                    prop_assert!(!one.clock.stopped || one.is_settled(), "clocks run");
                }
                prop_assert_eq!(one.state == ConsultationState::Signed, one.opinion.as_ref().is_some_and(|opinion| opinion.signed.is_some()));
                if let Some((opinion, signed)) = one.opinion.as_ref().and_then(|opinion| Some((opinion, opinion.signed.as_ref()?))) {
                    let (drafter, signer) = (person(&opinion.drafted.by.id), person(&signed.by.id));
                    prop_assert!(drafter.is(Role::Officer) && signer.is(Role::Head) && drafter.account != signer.account);
                    prop_assert!(drafter.unit == one.unit && signer.unit == one.unit);
                    if ![ProjectState::Supplementing, ProjectState::Withdrawn].contains(&desk.project.state) {
                        prop_assert_eq!(Some(opinion.red_line), desk.project.red_line().map(|red_line| red_line.version));
                    }
                }
            }
        }
        for event in &desk.events {
            let by = person(&event.by.id);
            prop_assert!(role_needed(&event.kind).iter().any(|role| by.is(*role)), "{} by {}", event.kind, by.account.id);
            prop_assert!(by.unit == event.unit);
            let of_lead = ["opinion", "sign", "send_back", "ask_supplement", "hand_over"].contains(&event.kind.as_str());
            prop_assert!(of_lead || by.unit.id == "lead");
        }
        if desk.project.state == ProjectState::Approved {
            let kinds: Vec<&str> = desk.events.iter().filter(|event| event.round == desk.project.round).map(|event| event.kind.as_str()).collect();
            let mut wanted = ["check", "send", "summarise", "decide"].into_iter().peekable();
            for kind in kinds {
                if wanted.peek() == Some(&kind) {
                    wanted.next();
                }
            }
            prop_assert_eq!(wanted.next(), None, "a step was skipped");
            prop_assert!(desk.project.consultations.iter().all(review::Consultation::is_settled));
        }
    }

    #[test]
    fn clocks_agree_with_counting_days_one_by_one(start in 0i64..900 * 24, days in 0u32..40, pause in 0i64..60 * 24, rest in 0i64..30 * 24) {
        let settings = ReviewSettings::shipped();
        let calendar = &settings.calendar;
        let since = at("2024-01-01T00:00:00Z") + TimeDelta::hours(start);
        let clock = Clock::start(since, days);
        let due = clock.due(calendar).expect("it runs");
        // An hour at a time: when the date changes to a working day one is used up.
        let used = |from: DateTime<Utc>, to: DateTime<Utc>| {
            let (mut date, last, mut count) = (local(from), local(to), 0);
            while date < last {
                date = date.succ_opt().expect("a day");
                count += u32::from(calendar.is_working(date));
            }
            count
        };
        if days > 0 {
            prop_assert_eq!(used(since, due), days);
            prop_assert!(calendar.is_working(local(due)) && local(due + TimeDelta::seconds(1)) != local(due));
        } else {
            prop_assert_eq!(due, since);
        }
        let stopped_at = since + TimeDelta::hours(pause);
        let stopped = clock.stop(calendar, stopped_at);
        if stopped_at > due {
            prop_assert_eq!(&stopped, &clock, "what is over is not stopped");
            return Ok(());
        }
        // Days used up before the day of the stop.
        let before = stopped_at - TimeDelta::days(1);
        let gone = if local(before) > local(since) { used(since, before) } else { 0 };
        prop_assert_eq!(stopped.days, days - gone);
        let resumed = stopped.resume(stopped_at + TimeDelta::hours(rest));
        if stopped.days > 0 {
            prop_assert_eq!(used(resumed.since, resumed.due(calendar).expect("it runs")), days - gone);
        }
        prop_assert_eq!(calendar.left(resumed.since, resumed.days, resumed.since), resumed.days);
    }
}

fn local(at: DateTime<Utc>) -> NaiveDate {
    (at + TimeDelta::hours(8)).date_naive()
}

#[test]
fn holidays_and_make_up_days_are_known() {
    let calendar = ReviewSettings::shipped().calendar;
    for (day, works) in [
        ("2024-02-10", false),
        ("2024-02-17", false),
        ("2024-02-18", true),
        ("2024-02-04", true),
        ("2024-02-11", false),
        ("2024-06-01", false),
        ("2024-06-03", true),
        ("2025-10-08", false),
        ("2025-10-11", true),
    ] {
        let date: NaiveDate = day.parse().expect("a date");
        assert_eq!(calendar.is_working(date), works, "{day} ({})", date.weekday());
    }
    // Sent on the last working day before the Spring Festival of 2024: 9 February was a Friday that was worked.
    assert_eq!(calendar.due(at("2024-02-09T09:00:00Z"), 2), at("2024-02-19T15:59:59Z"));
    // 23:30 in UTC is the next morning here.
    assert_eq!(calendar.due(at("2024-03-03T23:30:00Z"), 1), at("2024-03-05T15:59:59Z"));
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    assert_eq!(ReviewSettings::read(SHIPPED_WORKFLOW, None).expect("reads"), ReviewSettings::shipped());
    assert_eq!(ReviewSettings::read(SHIPPED_WORKFLOW, Some("county-2")).expect("reads").version, "county-2");
    for (from, to) in [
        ("default_days = 5", "default_days = 5000"),
        ("weekend = [6, 7]", "weekend = [1, 2, 3, 4, 5, 6, 7]"),
        ("weekend = [6, 7]", "weekend = [8]"),
        ("\"2024-01-01\"", "\"2024-13-01\""),
        ("\"2024-01-01\"", "\"2024-01-01/9999-01-01\""),
        ("utc_offset_hours = 8", "utc_offset_hours = 800"),
        ("remind_days_before", "remind_me"),
    ] {
        assert!(ReviewSettings::read(&SHIPPED_WORKFLOW.replacen(from, to, 1), None).is_err(), "{to}");
    }
}

#[test]
fn the_ledger_is_written_by_whom_it_is_assigned_to_and_follows_the_next_comparison() {
    let entry = LedgerEntry {
        id: "l1".into(),
        job: "j1".into(),
        patch: "CY0001".into(),
        state: LedgerState::Open,
        version: 1,
        unit: None,
        properties: json!({}),
        geometry: Value::Null,
        opinions: std::collections::BTreeMap::new(),
        rechecked: None,
    };
    let now = at("2024-03-04T02:00:00Z");
    let change = |entry: &LedgerEntry, change: Value, name: &str| {
        let change: LedgerChange = serde_json::from_value(change).expect("a change");
        change_ledger(entry, &change, &person(name), &units(), now)
    };
    assert_eq!(
        change(&entry, json!({ "unit": "farm" }), "farm-1").expect_err("not the lead").kind,
        RefusalKind::NotYours
    );
    let (entry, _) = change(&entry, json!({ "unit": "farm" }), "lead-1").expect("assigned");
    assert_eq!(
        change(&entry, json!({ "opinions": { "BZ": "x" } }), "wood-head").expect_err("another unit").kind,
        RefusalKind::NotYours
    );
    assert_eq!(
        change(&entry, json!({ "opinions": { "CTFL": "x" } }), "farm-1").expect_err("computed").kind,
        RefusalKind::Incomplete
    );
    assert_eq!(
        change(&entry, json!({ "resolved": true }), "farm-1").expect_err("no reason").kind,
        RefusalKind::Incomplete
    );
    let (entry, _) =
        change(&entry, json!({ "opinions": { "XTFS": "调整土规" }, "resolved": true }), "farm-1").expect("resolved");
    assert_eq!((entry.state, entry.version), (LedgerState::Resolved, 3));
    let (still, _) = recheck_ledger(&entry, "j2", 12.5, &person("lead-1"), now);
    assert_eq!(still.state, LedgerState::Resolved);
    let (gone, event) = recheck_ledger(&still, "j3", 0.0, &person("lead-1"), now);
    assert_eq!((gone.state, event.kind.as_str()), (LedgerState::Gone, "rechecked"));
    let (back, _) = recheck_ledger(&gone, "j4", 3.0, &person("lead-1"), now);
    assert_eq!(back.state, LedgerState::Assigned);
}
