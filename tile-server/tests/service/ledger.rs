//! The difference ledger and the check of a project, with analyses that find what the tests say.

use analysis::{Analysis, AnalysisError, DataWanted, Findings, FoundPatch, LayerWanted, Polygon, RuleBook, Task};
use axum::http::{Method, StatusCode};
use catalog::DatasetKind;
use serde_json::{Map, Value, json};
use tile_server::jobs;

use crate::harness::{Service, parcel_corner, parcels};

/// Finds the patches that its request names: number of a parcel, and whether both plans agree there.
static DIFFERENCE: Analysis = Analysis {
    name: "difference",
    title_zh: "差异",
    title_en: "difference",
    results_are_datasets: false,
    wanted,
    run: difference,
};
/// Says what it was asked.
static COMPLIANCE: Analysis = Analysis {
    name: "compliance",
    title_zh: "符合性",
    title_en: "compliance",
    results_are_datasets: false,
    wanted,
    run: compliance,
};

const KINDS: &[&Analysis] = &[&DIFFERENCE, &COMPLIANCE];

fn wanted(_: &Value, _: &RuleBook) -> Result<DataWanted, AnalysisError> {
    let layer = LayerWanted { role: "layer".to_owned(), dataset: "dlg".to_owned(), ..LayerWanted::default() };
    Ok(DataWanted {
        layers: vec![layer],
        bounds_lon_lat_deg: Some([110.9, 27.9, 111.1, 28.1]),
        ..DataWanted::default()
    })
}

fn difference(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let patches = task.request["found"].as_array().into_iter().flatten().map(|found| {
        let number = found[0].as_u64().unwrap_or_default() as u32;
        let [x, y] = parcel_corner(number);
        let exterior = vec![[x, y], [x + 100.0, y], [x + 100.0, y + 100.0], [x, y + 100.0], [x, y]];
        let mut properties = Map::new();
        properties.insert("DKBH".to_owned(), format!("CY{number:04}").into());
        properties.insert("CTFL".to_owned(), "建设/非建设".into());
        properties.insert("ellipsoidal_m2".to_owned(), json!(9_999.5));
        properties.insert("counts_as_difference".to_owned(), found[1].clone());
        FoundPatch {
            id: format!("P{number}"),
            properties,
            polygons: vec![Polygon { exterior, holes: vec![] }],
            ..FoundPatch::default()
        }
    });
    Ok(Findings { result: json!({}), patches: patches.collect() })
}

fn compliance(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let layer = &task.layers["layer"];
    let result = json!({
        "verdict": "conditional",
        "rule_versions": { "control-lines": "shipped" },
        "sources": [{ "dataset": layer.dataset, "revision": layer.revision }],
        "asked": task.request,
    });
    Ok(Findings { result, patches: Vec::new() })
}

async fn service() -> Service {
    let service = Service::with(|settings| settings.jobs.analyses = KINDS).await;
    service.publish("dlg", DatasetKind::Features, "r1", "2023-01-01", parcels).await;
    service
}

async fn difference_job(service: &Service, found: Value) -> String {
    let reply = service.send(Method::POST, "/analyses/difference", &[], &json!({ "found": found })).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.json());
    let id = reply.json()["job"]["id"].as_str().expect("an id").to_owned();
    loop {
        let job = service.get(&format!("/analyses/jobs/{id}")).await.json();
        match job["state"].as_str() {
            Some("done") => return id,
            Some("queued" | "running") => tokio::task::yield_now().await,
            _ => panic!("{job}"),
        }
    }
}

#[tokio::test]
async fn patches_become_rows_that_are_assigned_resolved_and_looked_at_again() {
    let service = service().await;
    let _workers = jobs::start(&service.app);
    service.send(Method::POST, "/units", &[], &json!({ "id": "linye", "name": "林业局" })).await;
    let job = difference_job(&service, json!([[1, true], [2, false], [3, true]])).await;
    let made = service.send(Method::POST, "/ledger", &[], &json!({ "job": job })).await;
    assert_eq!((made.status, made.json()["patches"].clone()), (StatusCode::CREATED, json!(2)), "{}", made.json());
    service.send(Method::POST, "/ledger", &[], &json!({ "job": job })).await;
    let listed = service.get(&format!("/ledger?job={job}")).await.json();
    assert_eq!(listed["matched"], 2, "made twice, there once");
    let row = &listed["rows"][0];
    assert_eq!(
        (row["patch"].clone(), row["state"].clone(), row["geometry"]["type"].clone()),
        (json!("CY0001"), json!("open"), json!("Polygon"))
    );

    let path = format!("/ledger/{}", row["id"].as_str().expect("an id"));
    let change = json!({ "version": 1, "unit": "linye", "opinions": { "XTFS": "调整土规" }, "resolved": true });
    let changed = service.send(Method::PATCH, &path, &[], &change).await;
    assert_eq!(
        (changed.status, changed.json()["row"]["state"].clone()),
        (StatusCode::OK, json!("resolved")),
        "{}",
        changed.json()
    );
    let late = service.send(Method::PATCH, &path, &[], &change).await;
    assert_eq!((late.status, late.json()["current"]["unit"]["name"].clone()), (StatusCode::CONFLICT, json!("林业局")));
    assert_eq!(service.get("/ledger?state=resolved&unit=linye").await.json()["matched"], 1);

    // The next version of the plans agrees at the first place and still differs at the other.
    let newer = difference_job(&service, json!([[3, true], [7, true]])).await;
    let rechecked = service.send(Method::POST, "/ledger", &[], &json!({ "job": newer, "recheck": job })).await;
    assert_eq!(rechecked.status, StatusCode::OK, "{}", rechecked.json());
    let rows = service.get(&format!("/ledger?job={job}")).await.json();
    assert_eq!((rows["rows"][0]["state"].clone(), rows["rows"][1]["state"].clone()), (json!("gone"), json!("open")));
    assert_eq!(rows["rows"][1]["rechecked"]["still_m2"], 9_999.5);
    let events = service.get(&format!("{path}/events")).await.json();
    let kinds: Vec<&str> =
        events["events"].as_array().expect("a list").iter().filter_map(|event| event["kind"].as_str()).collect();
    assert_eq!(kinds, ["made", "changed", "rechecked"]);
    assert_eq!(
        service.send(Method::POST, "/ledger", &[], &json!({ "job": "none" })).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_check_is_run_while_one_waits_and_recorded_with_what_it_stood_on() {
    let service = service().await;
    let registration = json!({ "code": "P-1", "name": "厂", "applicant": "甲", "land_use_system": "landuse_2023", "land_use_code": "0601", "far": 1.5 });
    let made = service.send(Method::POST, "/projects", &[], &registration).await.json();
    let path = format!("/projects/{}", made["project"]["id"].as_str().expect("an id"));
    let checks = format!("{path}/checks");
    assert_eq!(
        service.send(Method::POST, &checks, &[], &json!({})).await.status,
        StatusCode::CONFLICT,
        "no red line yet"
    );
    let ring = [[500_000.0, 3_098_000.0], [500_100.0, 3_098_000.0], [500_100.0, 3_098_200.0], [500_000.0, 3_098_000.0]];
    let red_line = json!({ "crs": "EPSG:4546", "parcels": [{ "name": "一", "polygons": [[ring]] }] });
    assert_eq!(service.send(Method::POST, &format!("{path}/red-lines"), &[], &red_line).await.status, StatusCode::OK);
    let checked = service.send(Method::POST, &checks, &[], &json!({ "datetime": "2024-01-01" })).await;
    assert_eq!(checked.status, StatusCode::OK, "{}", checked.json());
    let body = checked.json();
    assert_eq!(body["result"]["asked"]["project"]["far"], 1.5);
    assert_eq!(body["result"]["asked"]["datetime"], "2024-01-01");
    assert_eq!(body["result"]["asked"]["red_line"]["parcels"][0]["polygons"][0][0][1], json!([500_100.0, 3_098_000.0]));
    assert_eq!(
        (body["project"]["state"].clone(), body["project"]["check"]["verdict"].clone()),
        (json!("checked"), json!("conditional"))
    );
    assert_eq!(body["project"]["check"]["revisions"], json!(["dlg@r1"]));
    assert_eq!(service.get(&checks).await.json()["checks"][0]["job"], body["job"]);
    assert_eq!(service.get("/projects?relied_on=dlg@r1").await.json()["matched"], 1);
    assert_eq!(
        service.get(&format!("/analyses/jobs/{}", body["job"].as_str().expect("an id"))).await.json()["state"],
        "done"
    );

    // How projects go round is a rule document like others; a county's version counts from its day.
    let rule = service.get("/rules/workflow").await.json();
    let text = rule["text"].as_str().expect("text").replace("default_days = 5", "default_days = 1");
    let version = json!({ "version": "county-1", "author": "县", "effective_from": "2024-05-01", "text": text });
    let added = service.send(Method::POST, "/rules/workflow", &[], &version).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.json());
    let broken = json!({ "version": "county-2", "author": "县", "effective_from": "2024-05-01", "text": text.replace("weekend = [6, 7]", "weekend = [9]") });
    assert_eq!(
        service.send(Method::POST, "/rules/workflow", &[], &broken).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    service.send(Method::POST, "/units", &[], &json!({ "id": "linye", "name": "林业局" })).await;
    let send = json!({ "action": "send", "units": [{ "id": "linye" }], "version": body["project"]["version"] });
    let sent = service.send(Method::POST, &format!("{path}/actions"), &[], &send).await.json();
    assert_eq!(sent["project"]["consultations"][0]["due"], "2024-06-03T15:59:59Z");
}
