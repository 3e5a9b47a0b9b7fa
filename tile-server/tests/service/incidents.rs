//! `/incidents`: registering, stating, overriding, reporting in order; photos by the place they carry or are given; grids that
//! become datasets once; households by right; fields that nobody is shown.

use analysis::mechanism::RasterMade;
use analysis::{Analysis, AnalysisError, DataWanted, Findings, LayerWanted, RuleBook, Task};
use axum::body::Body;
use axum::http::{HeaderName, Method, Request, StatusCode, header};
use catalog::DatasetKind;
use geodesy::crs::Crs;
use geodesy::grid::TileMatrixSet;
use serde_json::{Value, json};
use tile_server::jobs;
use tiles::terrain::TerrainEncoding;

use crate::harness::{Service, parcels};

/// South-west corner and cell of the grid that [`DISASTER`] makes, degrees.
const CORNER_DEG: [f64; 2] = [110.99, 27.99];
const CELL_DEG: f64 = 0.0002;
const SIDE: usize = 100;

/// Lists every parcel as a house with people in it, and makes a grid.
static DISASTER: Analysis =
    Analysis {
        name: "disaster", title_zh: "灾情评估", title_en: "review", results_are_datasets: false, wanted, run
    };
const KINDS: &[&Analysis] = &[&DISASTER];
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

fn wanted(_: &Value, _: &RuleBook) -> Result<DataWanted, AnalysisError> {
    let layer = LayerWanted { role: "houses".to_owned(), dataset: "houses".to_owned(), ..LayerWanted::default() };
    Ok(DataWanted {
        layers: vec![layer],
        bounds_lon_lat_deg: Some([110.9, 27.9, 111.1, 28.1]),
        ..DataWanted::default()
    })
}

/// Falls to the west, rises to the east; a corner is unknown.
fn change_m(column: usize, row: usize) -> f32 {
    if column < 10 && row < 10 { f32::NAN } else { (column as f32 - 50.0) / 8.0 }
}

fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let houses = &task.layers["houses"];
    let made = RasterMade {
        name: "difference",
        title_zh: "高程变化",
        title_en: "Change of height",
        unit: "m",
        crs: Crs::cgcs2000(),
        size: [SIDE, SIDE],
        grid: [CORNER_DEG[0], CORNER_DEG[1] + SIDE as f64 * CELL_DEG, CELL_DEG, CELL_DEG],
    };
    task.rasters.take(&made, &mut |first, values| {
        for (index, value) in values.iter_mut().enumerate() {
            *value = change_m(index % SIDE, first + index / SIDE);
        }
        Ok(())
    })?;
    let rows: Vec<Value> = houses.layer.parcels.iter().take(3).map(|house| json!({ "id": house.id })).collect();
    let list = json!({ "of": rows.len(), "rows": rows });
    let fields: Vec<&String> = houses.layer.parcels.iter().take(1).flat_map(|house| house.attributes.keys()).collect();
    Ok(Findings {
        result: json!({ "asked": task.request, "fields": fields, "exposure": { "household_list": list } }),
        patches: Vec::new(),
    })
}

async fn service() -> Service {
    let service = Service::with(|settings| settings.jobs.analyses = KINDS).await;
    service
        .publish("houses", DatasetKind::Features, "r1", "2023-01-01", |folder, revision| {
            parcels(folder, revision);
            revision.properties["private_fields"] = json!(["面积"]);
        })
        .await;
    service
}

async fn register(service: &Service) -> Value {
    let body = json!({
        "name": "亥冲村滑坡", "hazard": "滑坡", "occurred": "2024-05-30T15:42:00Z", "place": "样例镇",
        "question": { "after": { "dataset": "ground", "datetime": "2024-05-31" } },
    });
    let reply = service.send(Method::POST, "/incidents", &[(KEY, "one")], &body).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.json());
    let again = service.send(Method::POST, "/incidents", &[(KEY, "one")], &body).await.json();
    assert_eq!(again["incident"]["id"], reply.json()["incident"]["id"], "sent twice, registered once");
    reply.json()["incident"].clone()
}

fn path(incident: &Value, rest: &str) -> String {
    format!("/incidents/{}{rest}", incident["id"].as_str().expect("an id"))
}

async fn change(service: &Service, incident: &Value, body: Value) -> (StatusCode, Value) {
    let mut body = body;
    body["version"] = incident["version"].clone();
    let reply = service.send(Method::PATCH, &path(incident, ""), &[], &body).await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn an_incident_is_stated_overridden_and_reported_in_order() {
    let service = service().await;
    let incident = register(&service).await;
    for (body, words) in [
        (json!({ "name": " ", "hazard": "滑坡", "occurred": "2024-05-30T15:42:00Z" }), "名称"),
        (json!({ "name": "甲", "hazard": "山崩", "occurred": "2024-05-30T15:42:00Z" }), "泥石流"),
        (json!({ "name": "甲", "hazard": "滑坡", "occurred": "2030-01-01T00:00:00Z" }), "晚于现在"),
    ] {
        let refused = service.send(Method::POST, "/incidents", &[], &body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(refused.json()["detail_zh"].as_str().is_some_and(|zh| zh.contains(words)), "{}", refused.json());
    }
    let (status, stated) = change(&service, &incident, json!({ "facts": { "dead": 0, "moved_people": 76 } })).await;
    assert_eq!((status, &stated["incident"]["facts"]["missing"]), (StatusCode::OK, &Value::Null), "{stated}");
    let (status, stale) = change(&service, &incident, json!({ "facts": { "dead": 1 } })).await;
    assert_eq!((status, &stale["current"]["incident"]["facts"]["dead"]), (StatusCode::CONFLICT, &json!(0)), "{stale}");
    let incident = stated["incident"].clone();
    let over = json!({ "overrides": { "433199101000001": { "state": "destroyed", "reason": "现场核实" } } });
    let incident = change(&service, &incident, over).await.1["incident"].clone();

    let issue = async |incident: &Value, kind: &str| {
        let body = json!({ "version": incident["version"], "kind": kind });
        let reply = service.send(Method::POST, &path(incident, "/reports"), &[], &body).await;
        (reply.status, reply.json())
    };
    let (status, refused) = issue(&incident, "first").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "nobody answers for it: {refused}");
    let who = json!({ "facts": { "reporting_unit": "样例县应急管理局", "issuer": "某某", "phone": "0743-0000000" } });
    let incident = change(&service, &incident, who).await.1["incident"].clone();
    assert_eq!(issue(&incident, "further").await.0, StatusCode::CONFLICT);
    let (status, first) = issue(&incident, "first").await;
    assert_eq!((status, &first["incident"]["reports"][0]["number"]), (StatusCode::OK, &json!(1)), "{first}");
    let (_, last) = issue(&first["incident"], "final").await;
    assert_eq!(last["closed"], true, "{last}");
    assert_eq!(issue(&last["incident"], "further").await.0, StatusCode::CONFLICT);

    let events = service.get(&path(&incident, "/events")).await.json();
    let kinds: Vec<&str> =
        events["events"].as_array().expect("events").iter().filter_map(|event| event["kind"].as_str()).collect();
    assert_eq!(kinds, ["registered", "changed", "changed", "changed", "report", "report"]);
    let listed = service.get("/incidents").await.json();
    assert_eq!((&listed["matched"], &listed["incidents"][0]["reports"]), (&json!(1), &json!(2)), "{listed}");
}

async fn until_done(service: &Service, id: &str) -> Value {
    loop {
        let job = service.get(&format!("/analyses/jobs/{id}")).await.json();
        match job["state"].as_str() {
            Some("done") => return job,
            Some("queued" | "running") => tokio::task::yield_now().await,
            _ => panic!("{job}"),
        }
    }
}

#[tokio::test]
async fn an_assessment_asks_what_the_incident_knows_and_its_grid_becomes_a_dataset() {
    let service = service().await;
    let _workers = jobs::start(&service.app);
    let incident = register(&service).await;
    let over = json!({
        "facts": { "dead": 2, "missing": 1 }, "overrides": { "H1": { "state": "buried", "reason": "现场核实" } },
    });
    change(&service, &incident, over).await;
    let reply = service.send(Method::POST, &path(&incident, "/jobs"), &[(KEY, "ask")], &json!({})).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.json());
    let id = reply.json()["job"]["id"].as_str().expect("an id").to_owned();
    let again = service.send(Method::POST, &path(&incident, "/jobs"), &[(KEY, "ask")], &json!({})).await.json();
    assert_eq!((&again["job"]["id"], again["incident"]["jobs"].as_array().map(Vec::len)), (&json!(id), Some(1)));

    let job = until_done(&service, &id).await;
    let result = service.get(&format!("/analyses/jobs/{id}/result")).await.json();
    let asked = &result["asked"];
    assert_eq!((&asked["deaths"], &asked["hazard"]), (&json!(3), &json!("滑坡")), "dead and missing: {asked}");
    assert_eq!(asked["overrides"]["H1"]["state"], "buried");
    assert_eq!(asked["after"]["dataset"], "ground");

    let grid = &job["grids"][0];
    let name = format!("{}@{}", grid["dataset"].as_str().expect("a slug"), grid["revision"].as_str().expect("an id"));
    assert_eq!((&grid["name"], &grid["range"]), (&json!("difference"), &json!([-6.25, 6.125])), "{grid}");
    let datasets = service.get("/datasets").await.json();
    let listed = datasets["datasets"].as_array().expect("datasets").iter();
    let made = listed.clone().find(|dataset| dataset["slug"] == grid["dataset"]).expect("the grid is a dataset");
    assert_eq!(made["properties"]["result_of"], json!({ "job": id, "analysis": "disaster", "name": "difference" }));

    // Its tiles hold the numbers; what is unknown stays unknown.
    let matrix = TileMatrixSet::WebMercatorQuad;
    let at = |column: usize, row: usize| {
        [CORNER_DEG[0] + (column as f64 + 0.5) * CELL_DEG, CORNER_DEG[1] + (SIDE as f64 - row as f64 - 0.5) * CELL_DEG]
    };
    for (column, row) in [(20, 50), (80, 50), (4, 4)] {
        let [x, y] = matrix.from_lon_lat_deg(at(column, row));
        let coord = matrix.tile_at(12, x, y).expect("on the grid");
        let reply = service.get(&format!("/terrain/{name}/terrarium/12/{}/{}.png", coord.x, coord.y)).await;
        let tile = TerrainEncoding::Terrarium.decode_png(&reply.body).expect("a terrain tile");
        let [min_x, min_y, max_x, max_y] = matrix.bounds(coord);
        let pixel = [(x - min_x) / (max_x - min_x), (max_y - y) / (max_y - min_y)].map(|v| (v * 256.0) as usize);
        let (got, expected) = (tile.heights_m[pixel[1] * 256 + pixel[0]], change_m(column, row));
        assert!(
            (got.is_nan() && expected.is_nan()) || (got - expected).abs() < 0.3,
            "{column},{row}: {got} is not {expected}"
        );
    }
    // Begun again after a crash the job publishes nothing twice.
    let row = service.catalog.job_get(&id).await.expect("read").expect("a job");
    jobs::run_again(&service.app, &row).await.expect("run again");
    let datasets = service.get("/datasets").await.json();
    let of_job = |dataset: &&Value| dataset["slug"] == grid["dataset"];
    let found: Vec<&Value> = datasets["datasets"].as_array().expect("datasets").iter().filter(of_job).collect();
    assert_eq!(found[0]["revisions"].as_array().map(Vec::len), Some(1), "{found:?}");
}

#[tokio::test]
async fn names_of_households_are_shown_by_right_and_private_fields_to_nobody() {
    let service = service().await;
    let _workers = jobs::start(&service.app);
    let incident = register(&service).await;
    let asked = service.send(Method::POST, &path(&incident, "/jobs"), &[], &json!({})).await.json();
    let id = asked["job"]["id"].as_str().expect("an id").to_owned();
    until_done(&service, &id).await;
    let shown = service.get(&format!("/analyses/jobs/{id}/households")).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.json());
    assert_eq!(shown.json()["households"].as_array().map(Vec::len), Some(3));
    assert_eq!(shown.header(header::CACHE_CONTROL), "no-store");
    let record = service.catalog.administration_list(10, 0).await.expect("a record");
    assert!(record.iter().any(|entry| entry["kind"] == "households_shown" && entry["body"]["job"] == json!(id)));

    // 面积 is private in this layer: an analysis that does not ask for what is private is not given it, and neither GeoJSON nor a tile cut on request has it, the other field is there.
    let result = service.get(&format!("/analyses/jobs/{id}/result")).await.json();
    let fields = result["fields"].as_array().expect("names");
    assert!(fields.contains(&json!("地类编码")) && !fields.contains(&json!("面积")), "{fields:?}");
    let page = service.get("/features/houses@r1?limit=2").await.json();
    let properties = &page["features"][0]["properties"];
    assert!(properties["地类编码"].is_string() && properties.get("面积").is_none(), "{properties}");
    let one = service.get("/features/houses@r1/101").await.json();
    assert!(one["properties"].get("面积").is_none(), "{one}");
}

/// A photo with, where it is given, the place that a phone writes into it (Exif 2.3, GPS `IFD`).
fn photo(place: Option<[f64; 2]>) -> Vec<u8> {
    let mut picture = Vec::new();
    let pixels = image::RgbImage::from_fn(16, 12, |x, y| image::Rgb([x as u8 * 9, y as u8 * 9, 90]));
    let encoder = image::codecs::jpeg::JpegEncoder::new(&mut picture);
    pixels.write_with_encoder(encoder).expect("a JPEG");
    let Some([lon, lat]) = place else { return picture };
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
    };
    // TIFF header, one entry that points at the GPS IFD at 26, the IFD with four entries, then two triples of rationals.
    let rationals = |degrees: f64| {
        let (d, m) = (degrees.trunc(), (degrees.fract() * 60.0).trunc());
        let s = ((degrees - d - m / 60.0) * 3600.0 * 10_000.0).round();
        [(d as u32, 1_u32), (m as u32, 1), (s as u32, 10_000)]
            .map(|(n, d)| [n.to_be_bytes(), d.to_be_bytes()].concat())
            .concat()
    };
    let gps = 26_u32;
    let values = gps + 2 + 4 * 12 + 4;
    let tiff = [
        b"MM\0\x2a\0\0\0\x08\0\x01".to_vec(),
        entry(0x8825, 4, 1, gps.to_be_bytes()),
        vec![0; 4],
        4_u16.to_be_bytes().to_vec(),
        entry(1, 2, 2, *b"N\0\0\0"),
        entry(2, 5, 3, values.to_be_bytes()),
        entry(3, 2, 2, *b"E\0\0\0"),
        entry(4, 5, 3, (values + 24).to_be_bytes()),
        vec![0; 4],
        rationals(lat),
        rationals(lon),
    ]
    .concat();
    let body = [b"Exif\0\0".to_vec(), tiff].concat();
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&picture[..2], &[0xff, 0xe1], &length, &body, &picture[2..]].concat()
}

async fn bring(service: &Service, incident: &Value, query: &str, bytes: &[u8]) -> (StatusCode, Value) {
    let form = [
        b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"\xe7\x8e\xb0\xe5\x9c\xba.jpg\"\r\n\r\n",
        bytes,
        b"\r\n--b--\r\n",
    ]
    .concat();
    let request = Request::builder()
        .method(Method::POST)
        .uri(path(incident, &format!("/photos{query}")))
        .header(header::HOST, "gis.example:8080")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
    let reply = service.answer(request.body(Body::from(form)).expect("a request")).await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn a_photo_goes_where_it_was_taken() {
    let service = service().await;
    let incident = register(&service).await;
    let place = [109.741_25, 28.310_5];
    let (status, told) = bring(&service, &incident, "?note=%E5%90%8E%E7%BC%98", &photo(Some(place))).await;
    assert_eq!((status, &told["photo"]["place_from"]), (StatusCode::CREATED, &json!("exif")), "{told}");
    for axis in 0..2 {
        let kept = told["photo"]["lon_lat_deg"][axis].as_f64().expect("degrees");
        assert!((kept - place[axis]).abs() < 1e-7, "{told}");
    }
    assert_eq!((&told["photo"]["note"], &told["photo"]["name"]), (&json!("后缘"), &json!("现场.jpg")));
    let (status, refused) = bring(&service, &incident, "", &photo(None)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "it does not know its place: {refused}");
    let (status, told) = bring(&service, &incident, "?lon=109.7&lat=28.3", &photo(None)).await;
    assert_eq!((status, &told["photo"]["place_from"]), (StatusCode::CREATED, &json!("stated")));
    for (query, bytes) in
        [("?lon=109.7", photo(None)), ("?lon=x&lat=28", photo(None)), ("?lon=1&lat=2", b"<svg/>".to_vec())]
    {
        let (status, told) = bring(&service, &incident, query, &bytes).await;
        assert!(status.is_client_error(), "{query}: {told}");
    }
    let shown = service.get(&path(&incident, "")).await.json();
    let photos = shown["photos"].as_array().expect("photos");
    assert_eq!(photos.len(), 2);
    let picture = service.get(&path(&incident, &format!("/photos/{}", photos[0]["id"].as_str().expect("an id")))).await;
    assert_eq!(picture.header(header::CONTENT_TYPE), "image/jpeg");
    assert!(picture.header(header::CONTENT_SECURITY_POLICY).contains("sandbox"));
    assert_eq!(picture.body.as_ref(), photo(Some(place)), "the very bytes");
}
