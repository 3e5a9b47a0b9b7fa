//! `/analyses` and `/rules`: what layers an analysis is given, how its job is followed, cancelled, asked for twice and
//! survives the process that ran it.

use std::time::Duration;

use analysis::{Analysis, AnalysisError, DataWanted, Findings, FoundPatch, LayerWanted, RuleBook, SurfaceWanted, Task};
use axum::http::{HeaderName, Method, StatusCode, header};
use catalog::{Catalog, DatasetKind, JobState};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tile_server::{App, jobs};

use crate::harness::{PARCELS, Reply, Service, day, parcel_corner, parcels};

/// Reads what it is told to and says what it was given; every parcel is a patch.
static READS: Analysis = Analysis {
    name: "reads",
    title_zh: "读取",
    title_en: "reads",
    results_are_datasets: false,
    wanted: reads_wanted,
    run: reads,
};

/// Does not end before it is cancelled.
static WAITS: Analysis = Analysis {
    name: "waits",
    title_zh: "等待",
    title_en: "waits",
    results_are_datasets: false,
    wanted: reads_wanted,
    run: waits,
};

static BREAKS: Analysis = Analysis {
    name: "breaks",
    title_zh: "出错",
    title_en: "breaks",
    results_are_datasets: false,
    wanted: reads_wanted,
    run: breaks,
};

const KINDS: &[&Analysis] = &[&READS, &WAITS, &BREAKS];

fn text(request: &Value, name: &str) -> Option<String> {
    request.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn reads_wanted(request: &Value, _: &RuleBook) -> Result<DataWanted, AnalysisError> {
    let Some(dataset) = text(request, "dataset") else {
        return Err(AnalysisError::Request { what_zh: "缺少 dataset".to_owned(), what_en: "no dataset".to_owned() });
    };
    let within = request.get("within").and_then(|within| serde_json::from_value(within.clone()).ok());
    let mut wanted = DataWanted { bounds_lon_lat_deg: Some([110.9, 27.9, 111.1, 28.1]), ..DataWanted::default() };
    wanted.layers.push(LayerWanted {
        role: "layer".to_owned(),
        dataset,
        class_field: text(request, "class_field"),
        within_lon_lat_deg: within,
        ..LayerWanted::default()
    });
    wanted.layers.push(LayerWanted {
        role: "maybe".to_owned(),
        dataset: "nowhere".to_owned(),
        optional: true,
        ..LayerWanted::default()
    });
    if let Some(surface) = text(request, "surface") {
        wanted.surfaces.push(SurfaceWanted { role: "dem".to_owned(), dataset: surface, ..SurfaceWanted::default() });
    }
    Ok(wanted)
}

fn reads(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let layer = &task.layers["layer"];
    let parcels = &layer.layer.parcels;
    let mut result = json!({
        "roles": task.layers.keys().collect::<Vec<_>>(),
        "plane": task.plane.definition(),
        "code_system": layer.layer.code_system,
        "valid_from": layer.valid_from,
        "classes": parcels.iter().map(|parcel| parcel.class.clone()).collect::<Vec<_>>(),
        "first": parcels.iter().find(|parcel| parcel.id == "101").map(|parcel| parcel.polygons[0].exterior.clone()),
    });
    if let Some(surface) = task.surfaces.get("dem") {
        result["surface"] = json!({
            "source": surface.source(), "size": surface.size(), "grid": surface.grid(),
            "corner": surface.window(0, 0, 2, 1)?,
        });
    }
    let patches = parcels
        .iter()
        .map(|parcel| FoundPatch {
            id: format!("P{}", parcel.id),
            properties: parcel.attributes.clone(),
            polygons: parcel.polygons.clone(),
            ..FoundPatch::default()
        })
        .collect();
    Ok(Findings { result, patches })
}

fn waits(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    task.watch.progress(0.5, "等待");
    while !task.watch.cancelled() {
        std::thread::park_timeout(Duration::from_millis(2));
    }
    Err(AnalysisError::Cancelled)
}

fn breaks(_: &Task<'_>) -> Result<Findings, AnalysisError> {
    Err(AnalysisError::NoRule { name: "none".to_owned() })
}

async fn service() -> Service {
    let service = Service::with(|settings| settings.jobs.analyses = KINDS).await;
    service.publish("dlg", DatasetKind::Features, "r1", "2023-01-01", parcels).await;
    service
}

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

async fn ask(service: &Service, name: &str, request: &Value) -> Value {
    let reply = service.send(Method::POST, &format!("/analyses/{name}"), &[], request).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{:?}", reply.body);
    reply.json()["job"].clone()
}

/// Asks until the job is so far.
async fn until(service: &Service, job: &Value, state: &str) -> Value {
    let path = format!("/analyses/jobs/{}", job["id"].as_str().expect("an id"));
    for _ in 0..2_000 {
        let job = service.get(&path).await.json();
        if job["state"] == state {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{path} is not {state}: {}", service.get(&path).await.json());
}

async fn of(service: &Service, job: &Value, what: &str) -> Reply {
    service.get(&format!("/analyses/jobs/{}/{what}", job["id"].as_str().expect("an id"))).await
}

#[tokio::test]
async fn a_job_is_queued_run_and_read_page_by_page() {
    let service = service().await;
    let kinds = service.get("/analyses").await.json();
    assert_eq!(kinds["analyses"][0], json!({ "name": "reads", "title": "读取", "title_en": "reads" }));
    let request = json!({ "dataset": "dlg", "class_field": "地类编码" });
    let job = ask(&service, "reads", &request).await;
    assert_eq!((&job["state"], &job["request"], &job["by"]["name"]), (&json!("queued"), &request, &json!("演示")));
    assert_eq!(of(&service, &job, "result").await.status, StatusCode::CONFLICT, "not yet");
    let _workers = jobs::start(&service.app);
    let job = until(&service, &job, "done").await;
    assert_eq!((&job["progress"], &job["patches"], &job["plane"]), (&json!(1.0), &json!(PARCELS), &json!("EPSG:4546")));

    let result = of(&service, &job, "result").await.json();
    assert_eq!(result["roles"], json!(["layer"]), "an optional layer that is not there is left out");
    assert_eq!(result["classes"][0], "0601");
    let [x, y] = parcel_corner(0);
    assert_eq!(result["first"][0], json!([x, y]), "delivered in the plane: the numbers are the delivered ones");
    assert_eq!(result["sources"][0]["revision"], "r1");

    let mut seen = Vec::new();
    for offset in (0..PARCELS).step_by(16) {
        let page = of(&service, &job, &format!("patches?limit=16&offset={offset}")).await.json();
        assert_eq!(page["numberMatched"], PARCELS);
        for feature in page["features"].as_array().expect("features") {
            seen.push(feature["id"].as_str().expect("an id").to_owned());
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len() as u32, PARCELS);

    let one = of(&service, &job, "patches?where=fid%3D105&crs=delivered").await.json();
    assert_eq!((&one["numberMatched"], &one["features"][0]["id"]), (&json!(1), &json!("P105")));
    assert_eq!(one["crs"]["properties"]["name"], "urn:ogc:def:crs:EPSG::4546");
    assert_eq!(
        one["features"][0]["geometry"]["coordinates"][0].as_array().map(Vec::len),
        Some(5),
        "no vertex is added"
    );
    let here = of(&service, &job, "patches?where=fid%3E%3D101&where=fid%3C%3D101").await.json();
    let corner = here["features"][0]["geometry"]["coordinates"][0][0].clone();
    assert!((corner[0].as_f64().expect("a number") - 111.0).abs() < 0.01 && here.get("crs").is_none(), "{corner}");
    for bad in ["patches?where=fid", "patches?crs=EPSG:4547", "patches?limit=x"] {
        assert_eq!(of(&service, &job, bad).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    assert_eq!(service.get("/analyses?name=reads").await.json()["jobs"][0]["id"], job["id"]);
    assert_eq!(service.get("/analyses/jobs/none").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn requests_without_sense_are_refused_before_they_wait() {
    let service = service().await;
    for (name, request, status) in [
        ("none", json!({ "dataset": "dlg" }), StatusCode::NOT_FOUND),
        ("reads", json!({}), StatusCode::UNPROCESSABLE_ENTITY),
        ("reads", json!([1]), StatusCode::BAD_REQUEST),
        ("reads", json!({ "dataset": "dlg", "datetime": "soon" }), StatusCode::BAD_REQUEST),
    ] {
        let reply = service.send(Method::POST, &format!("/analyses/{name}"), &[], &request).await;
        assert_eq!(reply.status, status, "{name} {request}");
        assert_eq!(reply.header(header::CONTENT_TYPE), "application/problem+json");
    }
    assert_eq!(service.get("/analyses").await.json()["jobs"], json!([]));
}

#[tokio::test]
async fn what_an_analysis_refuses_or_misses_is_told_with_its_job() {
    let service = service().await;
    let _workers = jobs::start(&service.app);
    for (name, request, words) in [
        ("reads", json!({ "dataset": "none" }), "没有数据集"),
        ("reads", json!({ "dataset": "dlg", "datetime": "1999" }), "所问的时间"),
        ("reads", json!({ "dataset": "dlg", "surface": "dlg" }), "不是高程"),
        ("breaks", json!({ "dataset": "dlg" }), "没有规则文件"),
    ] {
        let job = ask(&service, name, &request).await;
        let job = until(&service, &job, "failed").await;
        let said = job["problem"]["detail_zh"].as_str().expect("words").to_owned();
        assert!(said.contains(words), "{said}");
        let reply = of(&service, &job, "result").await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(reply.json()["detail_zh"], said);
    }
}

#[tokio::test]
async fn one_key_is_one_job_and_a_second_use_of_it_is_refused() {
    let service = service().await;
    let send =
        async |key: &str, request: Value| service.send(Method::POST, "/analyses/reads", &[(KEY, key)], &request).await;
    let first = send("k1", json!({ "dataset": "dlg" })).await.json();
    let again = send("k1", json!({ "dataset": "dlg" })).await;
    assert_eq!((again.status, &again.json()["job"]["id"]), (StatusCode::ACCEPTED, &first["job"]["id"]));
    assert_eq!(send("k1", json!({ "dataset": "other" })).await.status, StatusCode::CONFLICT);
    assert_ne!(send("k2", json!({ "dataset": "dlg" })).await.json()["job"]["id"], first["job"]["id"]);
    let actor = review::Actor::demonstration();
    let now = || jobs::run_now(&service.app, "reads", json!({ "dataset": "dlg" }), &actor, Some("k3".to_owned()));
    let (one, two) = tokio::join!(now(), now());
    let ((one, result), (two, same)) = (one.expect("run"), two.expect("run"));
    assert_eq!((&one.id, &result), (&two.id, &same));
    assert_eq!(one.state, JobState::Done);
}

#[tokio::test]
async fn a_cancelled_job_stops_and_leaves_no_result() {
    let service = service().await;
    let _workers = jobs::start(&service.app);
    let job = ask(&service, "waits", &json!({ "dataset": "dlg" })).await;
    let path = format!("/analyses/jobs/{}", job["id"].as_str().expect("an id"));
    until(&service, &job, "running").await;
    let reply = service.send(Method::DELETE, &path, &[], &json!({})).await;
    assert_eq!((reply.status, &reply.json()["state"]), (StatusCode::OK, &json!("cancelled")));
    assert_eq!(of(&service, &job, "result").await.status, StatusCode::CONFLICT);
    // Its worker is free again.
    let next = ask(&service, "reads", &json!({ "dataset": "dlg" })).await;
    until(&service, &next, "done").await;
    assert_eq!(service.get(&path).await.json()["state"], "cancelled");
}

#[tokio::test]
async fn jobs_of_a_process_that_died_are_run_by_the_next_one() {
    fn later() -> DateTime<Utc> {
        day("2024-06-02")
    }
    let service = service().await;
    let died = jobs::start(&service.app);
    let waiting = ask(&service, "waits", &json!({ "dataset": "dlg" })).await;
    until(&service, &waiting, "running").await;
    drop(died);
    let queued = ask(&service, "reads", &json!({ "dataset": "dlg" })).await;
    // What is published after the question does not answer it.
    service.publish("dlg", DatasetKind::Features, "r2", "2024-06-02", parcels).await;
    let catalog = Catalog::open(service.folder.path()).await.expect("opens");
    let mut settings = service.app.settings.clone();
    settings.now = later;
    let heir = App::new(catalog, settings);
    let _workers = jobs::start(&heir);
    let done = until(&service, &queued, "done").await;
    assert_eq!(of(&service, &done, "result").await.json()["sources"][0]["revision"], "r1");
    let taken = until(&service, &waiting, "running").await;
    heir.job_cancel(taken["id"].as_str().expect("an id")).await.expect("cancelled");
    until(&service, &waiting, "cancelled").await;
}

#[tokio::test]
async fn the_same_question_gives_the_same_bytes() {
    let service = service().await;
    let actor = review::Actor::demonstration();
    let request =
        json!({ "dataset": "dlg", "class_field": "地类编码", "within": [110.9999, 27.9955, 111.0005, 27.9975] });
    let mut bytes = Vec::new();
    for _ in 0..2 {
        let (job, result) = jobs::run_now(&service.app, "reads", request.clone(), &actor, None).await.expect("run");
        assert_eq!(result["classes"], json!(["0601"]), "one parcel meets the box");
        let id = json!({ "id": job.id });
        bytes.push((
            of(&service, &id, "result").await.body,
            of(&service, &id, "patches").await.json()["features"].clone(),
        ));
    }
    assert_eq!(bytes[0], bytes[1]);
}

#[tokio::test]
async fn a_layer_of_an_old_datum_is_refused_with_the_reason() {
    let service = service().await;
    let spoil = |folder: &std::path::Path, revision: &mut catalog::NewRevision| {
        parcels(folder, revision);
        revision.crs = "EPSG:2362".to_owned();
    };
    service.publish("old", DatasetKind::Features, "r1", "2023-01-01", spoil).await;
    let actor = review::Actor::demonstration();
    let refused = jobs::run_now(&service.app, "reads", json!({ "dataset": "old" }), &actor, None).await;
    let refused = refused.expect_err("refused");
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.zh().contains("转换参数"), "{}", refused.zh());
}

#[tokio::test]
async fn a_layer_with_the_zone_number_is_shifted_and_nothing_else() {
    let service = service().await;
    let actor = review::Actor::demonstration();
    let prefixed = |folder: &std::path::Path, revision: &mut catalog::NewRevision| {
        parcels(folder, revision);
        // The same numbers read as a zone with its number lie 37 million metres west of it.
        revision.crs = "EPSG:4525".to_owned();
    };
    service.publish("plan", DatasetKind::Features, "r1", "2023-01-01", prefixed).await;
    let (_, result) =
        jobs::run_now(&service.app, "reads", json!({ "dataset": "plan" }), &actor, None).await.expect("run");
    let [x, y] = parcel_corner(0);
    assert_eq!(result["first"][0], json!([x - 37_000_000.0, y]));
    assert_eq!(result["plane"], "EPSG:4546");
}

#[tokio::test]
async fn rules_are_listed_and_a_nameless_one_is_missing() {
    let service = service().await;
    let rules = service.get("/rules").await.json();
    let listed: Vec<&str> =
        rules["rules"].as_array().expect("a list").iter().filter_map(|rule| rule["name"].as_str()).collect();
    for (name, _) in analysis::mechanism::RULES {
        assert!(listed.contains(name), "{name} among {listed:?}");
    }
    assert_eq!(service.get("/rules/none").await.status, StatusCode::NOT_FOUND);
    for (name, text) in analysis::mechanism::RULES {
        let shipped = service.get(&format!("/rules/{name}")).await.json();
        assert_eq!((&shipped["version"], &shipped["text"]), (&json!("shipped"), &json!(text)));
        let post = async |version: &str, text: &str| {
            let body = json!({ "version": version, "author": "县", "effective_from": "2024-01-01", "text": text });
            service.send(Method::POST, &format!("/rules/{name}"), &[], &body).await
        };
        assert_eq!(post("县-1", text).await.status, StatusCode::CREATED, "{name}");
        assert_eq!(post("县-1", text).await.status, StatusCode::CONFLICT);
        assert_eq!(post("shipped", text).await.status, StatusCode::CONFLICT);
        assert_eq!(post("县-2", "= no TOML").await.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(service.get(&format!("/rules/{name}")).await.json()["version"], "县-1");
        assert_eq!(service.get(&format!("/rules/{name}?datetime=2023")).await.json()["version"], "shipped");
        assert_eq!(service.get(&format!("/rules/{name}?version=shipped")).await.json()["in_force"], "县-1");
        let listed = service.get("/rules").await.json();
        let versions = listed["rules"].as_array().into_iter().flatten().find(|rule| rule["name"] == *name).expect("it");
        assert_eq!(versions["versions"].as_array().map(Vec::len), Some(2));
    }
}
