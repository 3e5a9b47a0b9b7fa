//! A project on its way through the departments, over HTTP: registered, red line, opinions, decision; and what happens
//! when two act at once, or one acts twice.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use catalog::{DatasetKind, ProjectWrite};
use futures::future::join_all;
use review::{CheckRecord, Circumstances, Named, Project, ReviewSettings, Role};
use serde_json::{Value, json};
use tile_server::package::SigningKey;
use tile_server::push::PushSettings;

use crate::harness::{Reply, Service, mesh, now};
use crate::people::{Person, hire, with_accounts, with_accounts_and};

const POINTS: &str = "[属性描述]\n坐标系=2000国家大地坐标系\n几度分带=3\n投影类型=高斯克吕格\n计量单位=米\n带号=37\n精度=0.01\n\
    [地块坐标]\n4,1.0000,1,污水处理厂,面,,公用设施用地,,@\n\
    J1,1,3098000.00,37500000.00\nJ2,1,3098100.00,37500000.00\nJ3,1,3098100.00,37500100.00\nJ4,1,3098000.00,37500100.00\nJ1,1,3098000.00,37500000.00\n";

/// The people of a county.
struct County {
    service: Service,
    lead: Person,
    lead_head: Person,
    farm: Person,
    farm_head: Person,
    wood: Person,
}

async fn county() -> County {
    county_with(|_| {}).await
}

async fn county_with(change: impl FnOnce(&mut tile_server::Settings)) -> County {
    let (service, admin) = with_accounts_and(change).await;
    let lead = hire(&service, &admin, "ziran", "lead", &["lead_officer"]).await;
    let lead_head = hire(&service, &admin, "ziran", "leadhead", &["head"]).await;
    let farm = hire(&service, &admin, "nongye", "farm", &["officer"]).await;
    let farm_head = hire(&service, &admin, "nongye", "farmhead", &["head"]).await;
    let wood = hire(&service, &admin, "linye", "wood", &["officer", "head"]).await;
    County { service, lead, lead_head, farm, farm_head, wood }
}

fn registration(code: &str) -> Value {
    json!({
        "code": code, "name": "污水处理厂", "applicant": "城投公司", "land_use_system": "landuse_2023",
        "land_use_code": "1302", "kind": "公用设施", "contact": "李工 0743-000", "height_m": 12.5,
    })
}

pub(crate) fn upload(person: &Person, path: &str, name: &str, bytes: &[u8]) -> Request<Body> {
    let mut body = format!(
        "--b0undary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--b0undary--\r\n");
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::HOST, "gis.example:8080")
        .header(header::COOKIE, person.cookie())
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b0undary")
        .body(Body::from(body))
        .expect("a request")
}

impl County {
    async fn acts(&self, person: &Person, id: &str, action: Value) -> Reply {
        let mut action = action;
        if action["version"].is_null() {
            action["version"] = person.get(&self.service, &format!("/projects/{id}")).await.json()["version"].clone();
        }
        person.send(&self.service, Method::POST, &format!("/projects/{id}/actions"), &action).await
    }

    async fn registered(&self, code: &str) -> String {
        let reply = self.lead.send(&self.service, Method::POST, "/projects", &registration(code)).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.json());
        let id = reply.json()["project"]["id"].as_str().expect("an id").to_owned();
        let path = format!("/projects/{id}/red-lines");
        let reply = self.service.answer(upload(&self.lead, &path, "界址点.txt", POINTS.as_bytes())).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
        id
    }

    /// Sent to both departments, with a check that relied on one revision.
    async fn sent(&self, code: &str) -> String {
        let id = self.registered(code).await;
        checked(&self.service, &id, &["yjjbnt@r1"]).await;
        let send = json!({ "action": "send", "units": [{ "id": "nongye" }, { "id": "linye", "days": 0 }] });
        let reply = self.acts(&self.lead, &id, send).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
        id
    }
}

/// Puts a check into a project as the runner of analyses does.
async fn checked(service: &Service, id: &str, revisions: &[&str]) {
    let row = service.catalog.project_get(id).await.expect("read").expect("there");
    let project: Project = serde_json::from_str(&row.body).expect("a project");
    let settings = ReviewSettings::shipped();
    let here = Circumstances { now: now(), settings: &settings, units: &[], successor: None };
    let lead = review::Actor {
        account: project.officer.clone(),
        unit: project.lead_unit.clone(),
        roles: vec![Role::LeadOfficer],
        every_unit: false,
    };
    let check = CheckRecord {
        job: "j1".into(),
        red_line: project.red_lines.len() as u32,
        verdict: "conditional".into(),
        at: now(),
        by: Named::new("x", "x"),
        rule_versions: json!({}),
        revisions: revisions.iter().map(|&name| name.to_owned()).collect(),
    };
    let step = review::record_check(&project, check, &lead, here).expect("recorded");
    let reliance: Vec<(String, String)> =
        revisions.iter().filter_map(|name| name.split_once('@')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
    let mut row = row;
    row.version = step.project.version;
    row.state = step.project.state.as_str().to_owned();
    row.body = serde_json::to_string(&step.project).expect("text");
    let events: Vec<(String, Value)> = step.events.iter().map(|event| (event.kind.clone(), json!(event))).collect();
    let write =
        ProjectWrite { row: &row, events: &events, waits: &[], reliance: &reliance, red_line: None, answer: None };
    assert_eq!(service.catalog.project_write(write).await.expect("written"), catalog::Written::Done);
}

#[tokio::test]
async fn a_project_goes_round_and_is_decided_under_names() {
    let county = county().await;
    let (service, id) = (&county.service, county.sent("P-1").await);
    let tasks = county.farm.get(service, "/tasks").await.json();
    assert_eq!(tasks["tasks"][0]["action"], "opinion");
    assert_eq!(tasks["tasks"][0]["due"], "2024-06-07T15:59:59Z", "the five working days after a Saturday");

    let draft = json!({ "action": "opinion", "verdict": "conditional", "text": "补划耕地后同意" });
    assert_eq!(county.acts(&county.lead, &id, draft.clone()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(county.acts(&county.farm, &id, draft).await.status, StatusCode::OK);
    let others = county.wood.get(service, &format!("/projects/{id}")).await.json();
    assert_eq!(
        (others["consultations"][0]["state"].clone(), others["consultations"][0]["opinion"].clone()),
        (json!("drafted"), Value::Null)
    );
    let history = county.wood.get(service, &format!("/projects/{id}/events")).await;
    assert!(!String::from_utf8_lossy(&history.body).contains("补划耕地"), "a draft is the department's own");
    assert_eq!(county.acts(&county.farm_head, &id, json!({ "action": "sign" })).await.status, StatusCode::OK);
    let summary = county.acts(&county.lead, &id, json!({ "action": "summarise", "text": "林业逾期视同无意见" })).await;
    assert_eq!(summary.status, StatusCode::OK, "{}", summary.json());
    assert_eq!(summary.json()["project"]["consultations"][1]["state"], "no_opinion");
    let decide = json!({ "action": "decide", "approve": true, "text": "同意选址" });
    assert_eq!(county.acts(&county.lead, &id, decide.clone()).await.status, StatusCode::FORBIDDEN);
    let decided = county.acts(&county.lead_head, &id, decide).await;
    assert_eq!(decided.json()["project"]["state"], "approved");
    let number = json!({ "action": "number", "kind": "用地预审与选址意见书", "number": "用字第433100202400001号", "date": "2024-06-20" });
    assert_eq!(county.acts(&county.lead, &id, number).await.status, StatusCode::OK);

    let events = county.lead.get(service, &format!("/projects/{id}/events")).await.json();
    let kinds: Vec<&str> =
        events["events"].as_array().expect("a list").iter().filter_map(|event| event["kind"].as_str()).collect();
    assert_eq!(
        kinds,
        ["register", "red_line", "check", "send", "opinion", "sign", "no_opinion", "summarise", "decide", "number"]
    );
    assert_eq!(events["events"][5]["by"]["name"], "人员farmhead");
    assert_eq!(events["events"][5]["revisions"], json!(["yjjbnt@r1"]));
    let listed = county.farm.get(service, "/projects?q=%E6%B1%A1%E6%B0%B4&state=approved").await.json();
    assert_eq!((listed["matched"].clone(), listed["projects"][0]["numbers"].clone()), (json!(1), Value::Null));
}

#[tokio::test]
async fn a_red_line_is_kept_as_delivered_and_shown_on_the_map() {
    let county = county().await;
    let id = county.registered("P-1").await;
    let project = county.lead.get(&county.service, &format!("/projects/{id}")).await.json();
    assert_eq!(project["red_line"]["version"], 1);
    assert_eq!(project["red_line"]["crs"], "EPSG:4525");
    assert_eq!(project["red_line"]["plane_m2"], 10_000.0);
    assert!((project["red_line"]["ellipsoidal_m2"].as_f64().expect("a number") - 10_000.0).abs() < 1.0);
    assert_eq!(project["red_line"]["source"]["name"], "界址点.txt");
    assert_eq!(project["height_m"], 12.5);
    let map = county.farm.get(&county.service, &format!("/projects/{id}/red-lines/1")).await.json();
    let corner = &map["features"][0]["geometry"]["coordinates"][0][0][0];
    assert!((corner[0].as_f64().expect("a number") - 111.0).abs() < 0.01, "{corner}");
    let delivered = county.farm.get(&county.service, &format!("/projects/{id}/red-lines/1?crs=delivered")).await.json();
    assert_eq!(delivered["features"][0]["geometry"]["coordinates"][0][0][0], json!([37_500_000.0, 3_098_000.0]));
    assert_eq!(delivered["crs"]["properties"]["name"], "urn:ogc:def:crs:EPSG::4525");
    let json_body = json!({ "crs": "EPSG:4546", "parcels": [{ "name": "一", "polygons": [[[[500000.0, 3098000.0], [500100.0, 3098000.0], [500100.0, 3098200.0], [500000.0, 3098000.0]]]] }] });
    let reply = county.lead.send(&county.service, Method::POST, &format!("/projects/{id}/red-lines"), &json_body).await;
    assert_eq!(
        (reply.status, reply.json()["red_line"]["version"].clone()),
        (StatusCode::OK, json!(2)),
        "{}",
        reply.json()
    );
    for (name, bytes) in [("x.txt", b"nothing".as_slice()), ("x.exe", b"MZ")] {
        let reply =
            county.service.answer(upload(&county.lead, &format!("/projects/{id}/red-lines"), name, bytes)).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", reply.json());
    }
    let reply = county
        .service
        .answer(upload(&county.farm, &format!("/projects/{id}/red-lines"), "x.txt", POINTS.as_bytes()))
        .await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn who_comes_late_is_shown_what_is_there_and_nothing_is_lost() {
    let county = county().await;
    let id = county.sent("P-1").await;
    let path = format!("/projects/{id}");
    let seen = county.lead.get(&county.service, &path).await.json()["version"].clone();
    // Two departments at once, both from what they saw: both count.
    let farm = county.acts(&county.farm, &id, json!({ "action": "opinion", "verdict": "agree", "version": seen }));
    let wood =
        county.acts(&county.wood, &id, json!({ "action": "opinion", "verdict": "not_concerned", "version": seen }));
    let (farm, wood) = futures::join!(farm, wood);
    assert_eq!((farm.status, wood.status), (StatusCode::OK, StatusCode::OK), "{} {}", farm.json(), wood.json());
    // The officer of the lead unit, who has seen neither, is told.
    let late =
        county.lead.send(&county.service, Method::PATCH, &path, &json!({ "version": seen, "name": "二期" })).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    let late = county.acts(&county.lead, &id, json!({ "action": "withdraw", "version": seen })).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert_eq!(late.json()["current"]["consultations"][1]["state"], "drafted");
    assert_eq!(late.json()["current"]["version"].as_u64(), seen.as_u64().map(|seen| seen + 2));
    let unseen = county
        .lead
        .send(&county.service, Method::POST, &format!("{path}/actions"), &json!({ "action": "withdraw" }))
        .await;
    assert_eq!(unseen.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn many_at_once_lose_nothing() {
    let (service, admin) = with_accounts().await;
    let service = Arc::new(service);
    let lead = hire(&service, &admin, "ziran", "lead", &["lead_officer"]).await;
    let mut officers = Vec::new();
    for n in 0..12 {
        officers.push(hire(&service, &admin, &format!("bumen-{n}"), &format!("officer{n:02}"), &["officer"]).await);
    }
    let id = lead.send(&service, Method::POST, "/projects", &registration("P-1")).await.json()["project"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert_eq!(
        service.answer(upload(&lead, &format!("/projects/{id}/red-lines"), "p.txt", POINTS.as_bytes())).await.status,
        StatusCode::OK
    );
    checked(&service, &id, &[]).await;
    let units: Vec<Value> = (0..12).map(|n| json!({ "id": format!("bumen-{n}") })).collect();
    let version = lead.get(&service, &format!("/projects/{id}")).await.json()["version"].clone();
    let sent = lead
        .send(
            &service,
            Method::POST,
            &format!("/projects/{id}/actions"),
            &json!({ "action": "send", "units": units, "version": version }),
        )
        .await;
    let seen = sent.json()["project"]["version"].clone();
    let all = officers.iter().enumerate().map(|(n, officer)| {
        let (service, path, seen) = (Arc::clone(&service), format!("/projects/{id}/actions"), seen.clone());
        async move {
            let opinion =
                json!({ "action": "opinion", "verdict": "agree", "text": format!("意见{n}"), "version": seen });
            // Each sent twice under one key, as a browser does that heard no answer.
            let key = format!("key-{n}");
            futures::join!(
                officer.send_keyed(&service, &path, &key, &opinion),
                officer.send_keyed(&service, &path, &key, &opinion)
            )
        }
    });
    for (first, second) in join_all(all).await {
        assert_eq!(
            (first.status, second.status),
            (StatusCode::OK, StatusCode::OK),
            "{} {}",
            first.json(),
            second.json()
        );
        assert_eq!(first.json(), second.json());
    }
    let project = lead.get(&service, &format!("/projects/{id}")).await.json();
    assert!(project["consultations"].as_array().expect("a list").iter().all(|one| one["state"] == "drafted"));
    assert_eq!(project["version"].as_u64(), seen.as_u64().map(|seen| seen + 12), "each counted once");
    let events = lead.get(&service, &format!("/projects/{id}/events")).await.json();
    let numbers: Vec<u64> =
        events["events"].as_array().expect("a list").iter().filter_map(|event| event["number"].as_u64()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_withdrawn_revision_shows_who_relied_on_it() {
    let county = county().await;
    let revision = county.service.publish("yjjbnt", DatasetKind::Mesh, "r1", "2022-01-01", mesh).await;
    let id = county.sent("P-1").await;
    county.registered("P-2").await;
    let path = "/projects?relied_on=yjjbnt@r1";
    let found = county.lead.get(&county.service, path).await.json();
    assert_eq!((found["matched"].clone(), found["projects"][0]["id"].clone()), (json!(1), json!(id)));
    assert_eq!(
        county.lead.get(&county.service, &format!("/projects/{id}")).await.json()["withdrawn_revisions"],
        json!([])
    );
    county
        .service
        .catalog
        .revision_withdraw(&revision.slug, &revision.id, "李", "坐标有误", now())
        .await
        .expect("withdrawn");
    let shown = county.lead.get(&county.service, &format!("/projects/{id}")).await.json();
    assert_eq!(shown["withdrawn_revisions"][0], json!({ "dataset": "yjjbnt", "revision": "r1", "reason": "坐标有误" }));
    assert_eq!(county.lead.get(&county.service, "/projects?relied_on=yjjbnt").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn notes_scenes_and_attachments_belong_to_a_project() {
    let county = county().await;
    let (service, id) = (&county.service, county.registered("P-1").await);
    let path = format!("/projects/{id}/notes");
    let note = json!({ "lon_lat_height": [111.0, 28.0, 250.5], "text": "此处有古树" });
    let first = county.farm.send_keyed(service, &path, "n1", &note).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.json());
    county.farm.send_keyed(service, &path, "n1", &note).await;
    let notes = county.lead.get(service, &path).await.json();
    assert_eq!(notes["notes"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (notes["notes"][0]["by"]["name"].clone(), notes["notes"][0]["text"].clone()),
        (json!("人员farm"), json!("此处有古树"))
    );

    let path = format!("/projects/{id}/scene");
    assert_eq!(county.lead.get(service, &path).await.json(), json!({ "version": 0 }));
    let scene = json!({ "version": 0, "schemes": [{ "name": "甲" }], "bookmarks": [] });
    assert_eq!(county.lead.send(service, Method::PUT, &path, &scene).await.status, StatusCode::OK);
    let late = county.farm.send(service, Method::PUT, &path, &scene).await;
    assert_eq!(
        (late.status, late.json()["current"]["schemes"][0]["name"].clone()),
        (StatusCode::CONFLICT, json!("甲"))
    );

    let path = format!("/projects/{id}/attachments");
    let pdf = b"%PDF-1.7 \xe2\xe3";
    let reply = service.answer(upload(&county.farm, &path, "意见 1.pdf", pdf)).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.json());
    let attachment = reply.json()["attachment"]["id"].as_str().expect("an id").to_owned();
    let reply = county.lead.get(service, &format!("{path}/{attachment}")).await;
    assert_eq!((reply.header(header::CONTENT_TYPE), reply.body.as_ref()), ("application/pdf", pdf.as_slice()));
    assert!(reply.header(header::CONTENT_DISPOSITION).starts_with("attachment; filename*=UTF-8''%E6%84%8F"));
    for (name, bytes) in [("x.html", b"<script>".as_slice()), ("x.pdf", b"<script>"), ("x", b"abc")] {
        let reply = service.answer(upload(&county.farm, &path, name, bytes)).await;
        assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{name}");
    }
    let for_report = format!("{path}?report=true");
    let refused = service.answer(upload(&county.farm, &for_report, "意见.pdf", pdf)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "a PDF is not printed in the report");
    let picture = service.answer(upload(&county.farm, &for_report, "会审.png", b"\x89PNG\r\n\x1a\n")).await;
    assert_eq!(picture.status, StatusCode::CREATED);
    assert_eq!(picture.json()["attachment"]["brought_by"]["for_report"], json!(true));
    assert_eq!(county.lead.get(service, &format!("{path}/../x")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(service.get(&format!("{path}/{attachment}")).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_demonstration_can_play_every_department() {
    let service = Service::new().await;
    for unit in ["nongye", "linye"] {
        let made = service.send(Method::POST, "/units", &[], &json!({ "id": unit, "name": unit })).await;
        assert_eq!(made.status, StatusCode::CREATED);
    }
    let made = service.send(Method::POST, "/projects", &[], &registration("P-1")).await.json();
    let id = made["project"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(service.send(Method::POST, "/projects", &[], &registration("P-1")).await.status, StatusCode::CONFLICT);
    let points = json!({ "crs": "EPSG:4546", "parcels": [{ "name": "一", "polygons": [[[[500000.0, 3098000.0], [500100.0, 3098000.0], [500100.0, 3098200.0]]]] }] });
    let path = format!("/projects/{id}");
    assert_eq!(service.send(Method::POST, &format!("{path}/red-lines"), &[], &points).await.status, StatusCode::OK);
    checked(&service, &id, &[]).await;
    for action in [
        json!({ "action": "send", "units": [{ "id": "nongye" }] }),
        json!({ "action": "opinion", "unit": "nongye", "verdict": "agree" }),
        json!({ "action": "sign", "unit": "nongye" }),
        json!({ "action": "summarise", "text": "同意" }),
        json!({ "action": "decide", "approve": true, "text": "同意" }),
    ] {
        let mut action = action;
        action["version"] = service.get(&path).await.json()["version"].clone();
        let reply = service.send(Method::POST, &format!("{path}/actions"), &[], &action).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
    }
}

/// A platform on the loopback that refuses the first package and takes every other.
async fn platform() -> (String, tokio::sync::mpsc::Receiver<(String, Value)>) {
    let (sender, receiver) = tokio::sync::mpsc::channel(16);
    let refused = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let take = move |headers: axum::http::HeaderMap, body: String| {
        let (sender, refused) = (sender.clone(), Arc::clone(&refused));
        async move {
            let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
            sender.send((key, serde_json::from_str(&body).expect("JSON"))).await.expect("somebody listens");
            let first = !refused.swap(true, std::sync::atomic::Ordering::SeqCst);
            if first { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::NO_CONTENT }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/take", listener.local_addr().expect("an address"));
    tokio::spawn(
        async move { axum::serve(listener, axum::Router::new().route("/take", axum::routing::post(take))).await },
    );
    (url, receiver)
}

#[tokio::test]
async fn a_decided_project_is_told_to_the_platform_signed_until_it_is_taken() {
    let (url, mut platform) = platform().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    std::fs::write(&path, "too short").expect("written");
    assert!(SigningKey::read(&path).is_err());
    std::fs::write(&path, "0123456789abcdef-0123456789abcdef!\n").expect("written");
    let key = SigningKey::read(&path).expect("a key");
    let push = PushSettings { url, key: key.clone() };
    let county = county_with(|settings| settings.push = Some(push)).await;
    let (service, id) = (&county.service, county.sent("P-1").await);
    assert_eq!(
        county.lead.send(service, Method::POST, &format!("/projects/{id}/push"), &json!({})).await.status,
        StatusCode::CONFLICT
    );
    assert_eq!(
        county.acts(&county.lead, &id, json!({ "action": "withdraw", "text": "不建了" })).await.status,
        StatusCode::OK
    );
    let telling = tokio::spawn(tile_server::push::run(Arc::clone(&service.app)));
    let (first_key, _) = platform.recv().await.expect("told");
    // The refusal is written down before the next attempt is made; its clock stands still here, so a person asks.
    let path = format!("/projects/{id}/push");
    loop {
        let told = county.farm.get(service, &path).await.json();
        if told["last"]["attempts"] == 1 {
            assert_eq!((told["last"]["state"].clone(), told["due"].clone()), (json!("waiting"), json!(true)));
            assert!(told["last"]["problem"].as_str().is_some_and(|problem| problem.contains("500")));
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(county.farm.send(service, Method::POST, &path, &json!({})).await.status, StatusCode::FORBIDDEN);
    assert_eq!(county.lead.send(service, Method::POST, &path, &json!({})).await.status, StatusCode::ACCEPTED);
    let (second_key, signed) = platform.recv().await.expect("told again");
    assert_eq!(first_key, second_key, "the same version under the same key");
    assert!(key.verify(&signed));
    assert_eq!(signed["package"]["project"]["state"], "withdrawn");
    assert_eq!(signed["package"]["events"].as_array().map(Vec::len), Some(5));
    assert_eq!(signed["package"]["red_lines"][0]["delivered"]["crs"], "EPSG:4525");
    telling.abort();

    let path = format!("/projects/{id}/documents/package.json");
    let document = county.lead.get(service, &path).await;
    assert!(key.verify(&document.json()), "the package as a document of the project is signed alike");
    assert_eq!(document.json()["package"]["project"], signed["package"]["project"]);
    assert_eq!(document.body, county.lead.get(service, &path).await.body, "the same package again");
    assert_eq!(county.farm.get(service, &path).await.status, StatusCode::FORBIDDEN);
    let listed = |person: &Value| person["documents"].to_string().contains("package.json");
    let path = format!("/projects/{id}/documents");
    assert!(listed(&county.lead.get(service, &path).await.json()));
    assert!(!listed(&county.farm.get(service, &path).await.json()));
}

#[tokio::test]
async fn everything_can_be_taken_away_as_one_archive() {
    let county = county().await;
    let (service, id) = (&county.service, county.registered("P-1").await);
    county.registered("P-2").await;
    let path = format!("/projects/{id}/attachments");
    assert_eq!(service.answer(upload(&county.farm, &path, "意见.pdf", b"%PDF-1.7")).await.status, StatusCode::CREATED);
    assert_eq!(county.farm.get(service, "/projects/export.zip").await.status, StatusCode::FORBIDDEN);
    let reply = county.lead.get(service, "/projects/export.zip").await;
    assert_eq!((reply.status, reply.header(header::CONTENT_TYPE)), (StatusCode::OK, "application/zip"));
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(reply.body.to_vec())).expect("an archive");
    let names: Vec<String> = zip.file_names().map(|name| name.expect("a name").into_owned()).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    let package: Value =
        serde_json::from_reader(zip.by_name(&format!("{id}/package.json")).expect("there")).expect("JSON");
    assert_eq!(package["project"]["code"], "P-1");
    assert_eq!(package["attachments"][0]["name"], "意见.pdf");
}
