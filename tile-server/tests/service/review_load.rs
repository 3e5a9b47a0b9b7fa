//! Thirty departments at work on the shipped program: a hundred requests a second, each sent when its time has come
//! whether or not earlier ones are answered, half of the way through a `kill -9`. Whatever was acknowledged is there
//! afterwards, once; nothing is answered with an error.
//!
//! Four seconds as a test; five minutes in `scripts/bench-review.sh`, for figures, of the program that
//! `SHIKONG_LOAD_PROGRAM` names.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use catalog::{AccountRow, AdministrationEntry, Catalog, ProjectQuery, ProjectRow, ProjectWrite, UnitRow, Written};
use chrono::{DateTime, Utc};
use review::{
    Action, Actor, CheckRecord, Circumstances, Invitation, LandUse, Named, Project, RedLineVersion, Registration,
    ReviewSettings, Role, Step,
};
use serde_json::{Value, json};
use tokio::sync::watch;

const DEPARTMENTS: usize = 30;
const PROJECTS: usize = 40;
const A_SECOND: u64 = 100;
const PASSWORD: &str = "Wuling 2024!";

/// A running server.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(data: &Path) -> Self {
        let program =
            std::env::var_os("SHIKONG_LOAD_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_shikong-server").into());
        let mut child = Command::new(program)
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut url = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut url).expect("says where it is");
        Self { child, url: url.trim().to_owned() }
    }

    /// User and system time so far, in ticks of a hundredth of a second.
    fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let field = |n: usize| after_name.split_whitespace().nth(n).and_then(|text| text.parse::<u64>().ok());
        field(11).unwrap_or(0) + field(12).unwrap_or(0)
    }

    /// The most memory it ever had, MiB.
    fn peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        peak.map_or(0, |kib: u64| kib >> 10)
    }

    fn kill(mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("ended");
    }
}

/// Somebody logged in.
#[derive(Clone)]
struct Desk {
    cookie: String,
}

/// What came of it.
#[derive(Default)]
struct Tally {
    /// Milliseconds from when a request was due to its answer; those a kill interrupted are apart.
    waits_ms: Vec<f64>,
    interrupted: u64,
    stale: u64,
    requests: u64,
    errors: Vec<String>,
    /// Acknowledged: project and text of opinions and notes.
    kept: Vec<(String, &'static str, String)>,
    registered: Vec<String>,
}

struct Load {
    client: reqwest::Client,
    url: watch::Receiver<String>,
    lead: Desk,
    desks: Vec<Desk>,
    projects: Vec<String>,
    tally: Mutex<Tally>,
}

impl Load {
    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request, sent again where the server went away under it.
    async fn ask(&self, desk: &Desk, path: &str, post: Option<(&str, &Value)>) -> (u16, Value, bool) {
        let mut interrupted = false;
        loop {
            let url = self.url.borrow().clone();
            let request = match post {
                None => self.client.get(format!("{url}{path}")),
                Some((key, body)) => self
                    .client
                    .post(format!("{url}{path}"))
                    .header("idempotency-key", key)
                    .header("content-type", "application/json")
                    .body(body.to_string()),
            };
            let answer = request.header("cookie", &desk.cookie).send().await;
            let read = match answer {
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    answer.bytes().await.map(|bytes| (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
                }
                Err(error) => Err(error),
            };
            match read {
                Ok((status, body)) => {
                    self.tally().requests += 1;
                    return (status, body, interrupted);
                }
                Err(_gone) => {
                    interrupted = true;
                    // Where it is next is said when it is there; the same address means that it is not yet.
                    let mut url_of = self.url.clone();
                    if *url_of.borrow() == url {
                        drop(tokio::time::timeout(Duration::from_secs(1), url_of.changed()).await);
                    }
                }
            }
        }
    }

    async fn one(&self, n: usize, due: Instant) {
        // A fixed mixture: every department meets every project, in an order without a short period.
        let scattered = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let desk = &self.desks[scattered as usize % DEPARTMENTS];
        let project = &self.projects[scattered as usize / DEPARTMENTS % PROJECTS];
        let path = format!("/projects/{project}");
        let (status, body, interrupted) = match n % 20 {
            0..=2 => self.ask(desk, "/tasks", None).await,
            3 | 4 => self.ask(desk, "/projects?limit=20&q=P", None).await,
            5..=9 => self.ask(desk, &path, None).await,
            10 | 11 => self.ask(&self.lead, &format!("{path}/events"), None).await,
            12..=15 => self.opinion(n, desk, &path, project).await,
            16..=18 => {
                let text = format!("note-{n}");
                let note = json!({ "lon_lat_height": [111.0, 28.0, 0.0], "text": text });
                let answer = self.ask(desk, &format!("{path}/notes"), Some((&text, &note))).await;
                if answer.0 == 201 {
                    self.tally().kept.push((project.clone(), "note", text));
                }
                answer
            }
            _ => {
                let code = format!("NEW-{n}");
                let body = json!({ "code": code, "name": "新项目", "applicant": "甲", "land_use_code": "0701", "land_use_system": "landuse_2023" });
                let answer = self.ask(&self.lead, "/projects", Some((&code, &body))).await;
                if answer.0 == 201 {
                    self.tally().registered.push(code);
                }
                answer
            }
        };
        let waited = due.elapsed().as_secs_f64() * 1e3;
        let mut tally = self.tally();
        if interrupted {
            tally.interrupted += 1;
        } else {
            tally.waits_ms.push(waited);
        }
        if !(200..300).contains(&status) {
            tally.errors.push(format!("{n}: {status} {body}"));
        }
    }

    /// Reads the project and gives an opinion on what was read; who came late reads again.
    async fn opinion(&self, n: usize, desk: &Desk, path: &str, project: &str) -> (u16, Value, bool) {
        let text = format!("opinion-{n}");
        let mut was_interrupted = false;
        for attempt in 0.. {
            let (_, seen, interrupted) = self.ask(desk, path, None).await;
            was_interrupted |= interrupted;
            let body =
                json!({ "action": "opinion", "verdict": "conditional", "text": text, "version": seen["version"] });
            let key = format!("{text}-{attempt}");
            let (status, body, interrupted) = self.ask(desk, &format!("{path}/actions"), Some((&key, &body))).await;
            was_interrupted |= interrupted;
            if status == 409 && body["current"].is_object() {
                self.tally().stale += 1;
                continue;
            }
            if status == 200 {
                self.tally().kept.push((project.to_owned(), "opinion", text));
            }
            return (status, body, was_interrupted);
        }
        unreachable!("the loop has no end")
    }

    /// Everything acknowledged is in the history once; the histories have no holes; what stands is what was said last.
    /// Read from the rows that the killed server left.
    async fn verify(&self, catalog: &Catalog) -> usize {
        let tally = std::mem::take(&mut *self.tally());
        assert_eq!(tally.errors, Vec::<String>::new(), "nothing is answered with an error");
        let mut remembered: BTreeMap<(String, &str, String), usize> = BTreeMap::new();
        for id in &self.projects {
            let events = catalog.project_events(id, None).await.expect("read");
            assert!(events.iter().map(|event| event.number).eq(1..=events.len() as u64), "no hole");
            let mut last: BTreeMap<String, String> = BTreeMap::new();
            for event in &events {
                let text = event.body["detail"]["text"].as_str().unwrap_or_default().to_owned();
                let kind = match event.kind.as_str() {
                    "opinion" => "opinion",
                    "note" => "note",
                    _ => continue,
                };
                if kind == "opinion" {
                    last.insert(event.body["unit"]["id"].as_str().unwrap_or_default().to_owned(), text.clone());
                }
                *remembered.entry((id.clone(), kind, text)).or_default() += 1;
            }
            let row = catalog.project_get(id).await.expect("read").expect("there");
            let project: Project = serde_json::from_str(&row.body).expect("a project");
            for one in &project.consultations {
                let stands = one.opinion.as_ref().map(|opinion| opinion.text.clone());
                assert_eq!(stands, last.get(&one.unit.id).cloned(), "the last word of {} stands", one.unit.id);
            }
            let changes = events.iter().filter(|event| event.kind != "note").count();
            assert_eq!((row.version, project.version), (changes as u64, changes as u64), "every change counted once");
        }
        for key in &tally.kept {
            assert_eq!(remembered.get(key), Some(&1), "{key:?} was acknowledged, so it is there, once");
        }
        let everything = ProjectQuery { limit: 1_000_000, ..ProjectQuery::default() };
        let (_, rows) = catalog.project_list(&everything).await.expect("listed");
        for code in &tally.registered {
            assert_eq!(rows.iter().filter(|row| row.code == *code).count(), 1, "{code}");
        }
        let acknowledged = tally.kept.len() + tally.registered.len();
        let mut waits = tally.waits_ms;
        waits.sort_by(f64::total_cmp);
        let at = |share: f64| waits.get(((waits.len() - 1) as f64 * share) as usize).copied().unwrap_or_default();
        println!(
            "review: {} requests, {} acknowledged writes all there once, 0 errors, {} sent anew after being late, {} interrupted by the kill and sent again; \
             answer after {:.1} ms (median), {:.1} ms (99 %), {:.1} ms (longest)",
            tally.requests,
            acknowledged,
            tally.stale,
            tally.interrupted,
            at(0.5),
            at(0.99),
            at(1.0)
        );
        acknowledged
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_departments_lose_nothing_at_a_hundred_requests_a_second_and_a_kill() {
    let seconds: u64 = std::env::var("SHIKONG_LOAD_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let folder = tempfile::tempdir().expect("a folder");
    let projects = fill(folder.path()).await;
    let mut server = Server::start(folder.path());
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        drop(rustls::crypto::ring::default_provider().install_default());
    }
    let client = reqwest::Client::builder().timeout(Duration::from_mins(1)).build().expect("a client");
    let mut desks = Vec::new();
    for name in std::iter::once("lead".to_owned()).chain((0..DEPARTMENTS).map(|n| format!("officer{n}"))) {
        let body = json!({ "name": name, "password": PASSWORD }).to_string();
        let request =
            client.post(format!("{}/sessions", server.url)).header("content-type", "application/json").body(body);
        let answer = request.send().await.expect("answered");
        let cookie =
            answer.headers()["set-cookie"].to_str().expect("text").split(';').next().unwrap_or_default().to_owned();
        desks.push(Desk { cookie });
    }
    let lead = desks.remove(0);
    let (said, url) = watch::channel(server.url.clone());
    let load = Arc::new(Load { client, url, lead, desks, projects, tally: Mutex::default() });

    let begun = Instant::now();
    let (mut cpu_ticks, mut since_ticks, mut peak_mib) = (0, server.cpu_ticks(), 0);
    let mut running = tokio::task::JoinSet::new();
    let in_all = seconds * A_SECOND;
    for n in 0..in_all {
        let due = begun + Duration::from_micros(n * 1_000_000 / A_SECOND);
        tokio::time::sleep_until(due.into()).await;
        let load = Arc::clone(&load);
        running.spawn(async move { load.one(n as usize, due).await });
        if n == in_all / 2 {
            cpu_ticks += server.cpu_ticks() - since_ticks;
            peak_mib = server.peak_mib();
            server.kill();
            server = Server::start(folder.path());
            since_ticks = 0;
            said.send(server.url.clone()).expect("somebody listens");
        }
    }
    while let Some(done) = running.join_next().await {
        done.expect("no request is lost");
    }
    cpu_ticks += server.cpu_ticks() - since_ticks;
    let requests = load.tally().requests;
    println!(
        "review: {seconds} s at {A_SECOND}/s, server {:.2} CPU-ms a request, peak {} MB",
        cpu_ticks as f64 * 10.0 / requests as f64,
        peak_mib.max(server.peak_mib())
    );
    server.kill();
    let catalog = Catalog::open(folder.path()).await.expect("opens");
    let acknowledged = load.verify(&catalog).await;
    assert!(acknowledged as u64 >= in_all / 4, "{acknowledged} writes");
}

/// A catalogue with the people and with projects that every department is asked about.
async fn fill(folder: &Path) -> Vec<String> {
    use argon2::password_hash::PasswordHasher as _;
    let catalog = Catalog::open(folder).await.expect("opens");
    let now = Utc::now();
    let hash = argon2::Argon2::default().hash_password(PASSWORD.as_bytes()).expect("hashed").to_string();
    let entry = || AdministrationEntry { account: "", kind: "test", body: json!({}), at: now };
    let mut units = Vec::new();
    let people = std::iter::once(("lead".to_owned(), "ziran".to_owned(), "lead_officer"))
        .chain((0..DEPARTMENTS).map(|n| (format!("officer{n}"), format!("bumen-{n}"), "officer")));
    for (name, unit, role) in people {
        let row = UnitRow { id: unit.clone(), name: unit.clone(), parent: None, active: true, version: 1 };
        assert_eq!(catalog.unit_write(&row, entry(), None).await.expect("written"), Written::Done);
        let account = AccountRow {
            id: name.clone(),
            name: name.clone(),
            display_name: name,
            unit: unit.clone(),
            unit_name: unit.clone(),
            roles: vec![role.to_owned()],
            password: hash.clone(),
            must_change: false,
            active: true,
            failures: 0,
            locked_until: DateTime::UNIX_EPOCH,
            version: 1,
            created: now,
        };
        assert_eq!(catalog.account_write(&account, false, None, entry(), None).await.expect("written"), Written::Done);
        units.push(Named::new(unit.clone(), unit));
    }
    let mut projects = Vec::new();
    for n in 0..PROJECTS {
        let id = format!("project-{n}");
        for step in steps(&id, n, &units, now) {
            let project = &step.project;
            let row = ProjectRow {
                id: id.clone(),
                code: project.registration.code.clone(),
                name: project.registration.name.clone(),
                applicant: project.registration.applicant.clone(),
                lead_unit: project.lead_unit.id.clone(),
                officer: project.officer.id.clone(),
                state: project.state.as_str().to_owned(),
                version: project.version,
                created: project.created,
                changed: project.updated,
                body: serde_json::to_string(project).expect("text"),
            };
            let events: Vec<(String, Value)> =
                step.events.iter().map(|event| (event.kind.clone(), json!(event))).collect();
            let waits: Vec<(String, String)> =
                review::waits(project).into_iter().map(|(unit, act)| (unit, act.to_owned())).collect();
            let write =
                ProjectWrite { row: &row, events: &events, waits: &waits, reliance: &[], red_line: None, answer: None };
            assert_eq!(catalog.project_write(write).await.expect("written"), Written::Done);
        }
        projects.push(id);
    }
    catalog.close().await;
    projects
}

/// A project's way to the departments.
fn steps(id: &str, n: usize, units: &[Named], now: DateTime<Utc>) -> Vec<Step> {
    let settings = ReviewSettings::shipped();
    let here = Circumstances { now, settings: &settings, units, successor: None };
    let lead = Actor {
        account: Named::new("lead", "lead"),
        unit: units[0].clone(),
        roles: vec![Role::LeadOfficer],
        every_unit: false,
    };
    let registration = Registration {
        code: format!("P-{n}"),
        name: format!("项目{n}"),
        applicant: "城投公司".into(),
        land_use: LandUse { system: "landuse_2023".into(), code: "1302".into(), name: String::new() },
        ..Registration::default()
    };
    let red_line = RedLineVersion {
        version: 1,
        source: json!({ "name": "x.txt" }),
        crs: "EPSG:4546".into(),
        plane_m2: json!(1.0),
        ellipsoidal_m2: json!(1.0),
        bounds_lon_lat_deg: [111.0, 28.0, 111.1, 28.1],
        at: now,
        by: lead.account.clone(),
    };
    let check = CheckRecord {
        job: "j".into(),
        red_line: 1,
        verdict: "pass".into(),
        at: now,
        by: lead.account.clone(),
        rule_versions: json!({}),
        revisions: vec!["yjjbnt@2022".into()],
    };
    let send =
        Action::Send { units: units[1..].iter().map(|unit| Invitation { id: unit.id.clone(), days: None }).collect() };
    let first = review::register(id, registration, &lead, here).expect("registered");
    let second = review::bring_red_line(&first.project, red_line, &lead, here).expect("brought");
    let third = review::record_check(&second.project, check, &lead, here).expect("checked");
    let fourth = review::act(&third.project, &send, &lead, here).expect("sent");
    vec![first, second, third, fourth]
}
