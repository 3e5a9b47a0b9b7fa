//! A duty officer's night: a landslide is registered, assessed, looked at from every side, added to and reported, in the browser;
//! and twenty assessments at once outlive a server that is killed under them.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::coordination::number;
use crate::oracles::gdal_feature_count;
use crate::plans_in_browser::{grouped, rows};
use crate::programs::{Server, admin_password, data_folder, import, run, skipped, validate};
use crate::sample_county::County;
use crate::web_mercator::{address, c_tile_at, tile_at};

pub(crate) const FOLDER: &str = "03_无人机测绘_高精度1平方公里";
/// Longest wait for anything; a killed worker's lease alone takes a quarter of a minute.
pub(crate) const PATIENCE: Duration = Duration::from_mins(8);
/// What a telephone shows side by side.
const PHONE_PX: u64 = 390;
/// Assessments that are asked for at once.
const AT_ONCE: usize = 20;
/// Memory that they may take together, kilobytes.
const MOST_KB: u64 = 2 << 20;

/// Brings in both ground models of the surveys.
pub(crate) fn bring_ground(county: &County, data: &Path) {
    for (file, day) in [("第一期_2023-05/DEM_1m.tif", "2023-05-16"), ("第二期_2024-07/DEM_1m.tif", "2024-07-20")]
    {
        let path = county.deliveries.join(FOLDER).join(file);
        let options = ["--valid-from", day, "--height-datum", "normal_1985", "--title", "裸地高程"];
        let (code, report) = import(data, &path, "ground", &options);
        assert!(code == 0 || code == 3, "{file}: exit {code}\n{report:#}");
    }
}

fn text<'v>(of: &'v Value, name: &str) -> &'v str {
    of[name].as_str().unwrap_or_else(|| panic!("no words {name}: {of}"))
}

#[test]
fn a_landslide_is_assessed_and_reported_in_the_browser() {
    if !Path::new("/usr/bin/chromium").exists() {
        skipped("the disaster was not driven, Chromium is not installed");
        return;
    }
    let county = County::get();
    let folder = data_folder();
    let data = county.copy(folder.path());
    bring_ground(county, &data);
    let photo = folder.path().join("现场.jpg");
    image::RgbImage::from_fn(320, 240, |x, y| image::Rgb([120 + (x / 8) as u8, 90 + (y / 8) as u8, 60]))
        .save(&photo)
        .expect("a photo");
    let server = Server::start(&data);
    let password = admin_password(&data);
    let [pictures, photo] = [folder.path(), photo.as_path()].map(|path| path.to_string_lossy().into_owned());
    let Some((sound, said)) = validate("disaster.mjs", &[&server.url, &password, &pictures, &photo]) else { return };
    assert!(sound, "the page has errors: {:#} after {:#}", said["errors"], said["steps"]);

    the_change_is_the_planted_one(&said, &county.truth());
    the_page_says_what_the_service_found(&said);
    what_people_said_is_kept(&said);
    the_papers_can_be_read(folder.path(), &said);
    assert!(said["phone"].as_u64() <= Some(PHONE_PX), "{} pixels wide on a telephone", said["phone"]);
}

fn the_change_is_the_planted_one(said: &Value, truth: &Value) {
    let change = &said["result"]["change"];
    let slides = rows(&truth["block"], "slides");
    for (name, made) in [("loss", "eroded_m3"), ("gain", "deposited_m3")] {
        let made_m3: f64 = slides.iter().map(|slide| number(&slide[made])).sum();
        let found_m3 = number(&change[name]["volume_m3"]);
        assert!((found_m3 - made_m3).abs() < 0.01 * made_m3, "{name}: {found_m3} of {made_m3} m³");
    }
    assert_eq!(change["scale"], "中型", "by volume");
    // By people and property it is another class, and both stand side by side.
    let danger = &said["result"]["exposure"]["danger"];
    assert!(danger["class"].is_string(), "{danger}");
    for expected in ["规模（按体积）", "险情（按受威胁人数、财产）", "灾情（按伤亡、损失）"]
    {
        assert!(text(said, "overview").contains(expected), "{}", said["overview"]);
    }
    let difference = rows(&said["job"], "grids").iter().find(|grid| grid["name"] == "difference").expect("a grid");
    assert!(number(&difference["range"][0]) < -10.0 && number(&difference["range"][1]) > 5.0, "{difference}");
}

fn the_page_says_what_the_service_found(said: &Value) {
    let result = &said["result"];
    let shown = grouped(&result["change"]["loss"]["volume_m3"]);
    let shown = shown.trim_end_matches('0').trim_end_matches('.');
    assert!(text(said, "overview").contains(shown), "{shown}: {}", said["overview"]);
    let houses = &result["exposure"]["houses"];
    assert!(text(said, "exposure").contains(&houses["people"].to_string()), "{houses}: {}", said["exposure"]);
    for route in rows(&result["evacuation"], "routes").iter().take(3) {
        assert!(text(said, "routes").contains(text(route, "shelter")), "{route}: {}", said["routes"]);
    }
    // A section goes down where the ground was lost; the chart says both heights at the pointer.
    let section = &said["section"];
    let pairs = rows(section, "before_m").iter().zip(rows(section, "after_m"));
    let falls: Vec<f64> = pairs.filter_map(|(b, a)| Some(a.as_f64()? - b.as_f64()?)).collect();
    assert!(falls.iter().copied().fold(f64::INFINITY, f64::min) < -2.0, "{falls:?}");
    assert!(text(said, "reading").contains('→'), "{}", said["reading"]);
    let swipe = &said["swipe"];
    assert_eq!((&swipe["days"], &swipe["together"]), (&json!(["2023-05-16", "2024-07-20"]), &json!(true)), "{swipe}");
    assert!((10.0..50.0).contains(&number(&swipe["share"])), "{swipe}");
    assert!(text(said, "flood").contains("淹没面积"), "{}", said["flood"]);
    for dataset in rows(&said["job"], "layers").iter().chain(rows(&said["job"], "grids")) {
        assert!(text(said, "published").contains(text(dataset, "dataset")), "{dataset}: {}", said["published"]);
    }
}

fn what_people_said_is_kept(said: &Value) {
    let incident = &said["incident"];
    let facts = &incident["facts"];
    assert_eq!((&facts["dead"], &facts["missing"], &facts["injured"]), (&json!(0), &json!(1), &Value::Null), "{facts}");
    assert_eq!(incident["reports"][0]["facts"]["moved_people"], 76, "the report says what was known then");
    let [photo] = rows(said, "photos") else { panic!("one photo: {}", said["photos"]) };
    for axis in 0..2 {
        let (kept, clicked) = (number(&photo["lon_lat_deg"][axis]), number(&said["middle"][axis]));
        assert!((kept - clicked).abs() < 3e-5, "{photo} was put at {}", said["middle"]);
    }
    // Who has no right to names sees stars; who has them sees the names.
    let list = rows(said, "masked");
    if !list.is_empty() {
        let name = |row: &Value| row[4].as_str().unwrap_or_default().to_owned();
        assert!(list.iter().all(|row| name(row).contains('*') || name(row) == "–"), "{list:?}");
        assert!(list.iter().any(|row| name(row).contains('*')), "{list:?}");
        assert!(
            rows(said, "named").iter().any(|row| !name(row).contains('*') && name(row) != "–"),
            "{}",
            said["named"]
        );
    }
    if let Some(after) = said.get("buildings_after").filter(|after| !after.is_null()) {
        let given: Vec<&Value> = rows(after, "list").iter().filter(|row| row["given_by_hand"] == true).collect();
        let [given] = given.as_slice() else { panic!("one was set by hand: {after}") };
        assert_eq!((&given["state"], &given["reason"]), (&json!("damaged"), &json!("值班员现场核实：西墙倒塌")));
        assert!(text(said, "set-by-hand").contains("人工改判"), "{}", said["set-by-hand"]);
    }
}

/// The papers as other programs read them: what was stated, what was not, and the figures of the analysis.
fn the_papers_can_be_read(folder: &Path, said: &Value) {
    for (name, paper) in said["papers"].as_object().expect("papers") {
        assert!(paper["status"] == 200 && paper["bytes"].as_u64() > Some(2_000), "{name}: {paper}");
    }
    let (code, words, complaint) =
        run(std::process::Command::new("pdftotext").args(["-layout"]).arg(folder.join("bulletin.pdf")).arg("-"));
    assert_eq!(code, 0, "{complaint}");
    let plain: String = words.chars().filter(|c| !c.is_whitespace()).collect();
    for expected in [
        "样例镇滑坡",
        "首报",
        "样例县应急管理局",
        "未报",
        "76",
        "中型",
        "三维视图：变化量着色与房屋状态",
        "三维视图：左为变化前，右为变化后",
    ] {
        assert!(plain.contains(expected), "the bulletin does not say {expected}: {words}");
    }
}

/// The places that a job found are a layer that others can read: as a file, and as tiles of both grids.
fn what_was_found_is_a_layer(server: &Server, id: &str, folder: &Path) {
    let patches = server.json(&format!("/analyses/jobs/{id}/patches?limit=10000"));
    let areas = rows(&patches, "features").iter().filter(|patch| text(&patch["geometry"], "type").ends_with("Polygon"));
    let job = state(server, id);
    let layer = rows(&job, "layers").iter().find(|layer| layer["geometry"] == "polygon").expect("areas");
    let name = format!("{}@{}", text(layer, "dataset"), text(layer, "revision"));
    assert_eq!(layer["count"].as_u64(), Some(areas.count() as u64), "{layer}");
    let file = folder.join("result.fgb");
    let (status, _, body) = server.get(&format!("/assets/{name}/features.fgb"));
    std::fs::write(&file, body).expect("written");
    assert_eq!((status, Some(gdal_feature_count(&file))), (200, layer["count"].as_u64()));
    let dataset = server.json(&format!("/datasets/{name}"));
    // What it was made of is public; what was asked is for those who may see the job.
    assert_eq!(dataset["properties"]["result_of"]["job"], json!(id), "{dataset:#}");
    let sources = rows(&dataset["revision"]["report"], "sources");
    assert!(
        sources.iter().any(|source| source["source"].as_str().is_some_and(|name| name.starts_with("ground@"))),
        "{dataset:#}"
    );
    // A tile each of Web Mercator and of the geographic grid, where the largest place is.
    let tilejson = server.json(&format!("/tiles/{name}"));
    let bounds: Vec<f64> = rows(&tilejson, "bounds").iter().map(number).collect();
    let middle = [f64::midpoint(bounds[0], bounds[2]), f64::midpoint(bounds[1], bounds[3])];
    let template = tilejson["tiles"][0].as_str().expect("a template").to_owned();
    for (template, tile) in
        [(template.clone(), tile_at(12, middle)), (template.replace("/{z}/", "/c/{z}/"), c_tile_at(12, middle))]
    {
        let (status, kind, body) = server.get(&address(&template, 12, tile));
        assert_eq!((status, kind.as_str()), (200, "application/vnd.mapbox-vector-tile"), "{template} {tile:?}");
        let file = folder.join("result.mvt");
        std::fs::write(&file, body).expect("written");
        assert!(gdal_feature_count(&file) > 0, "{template} {tile:?}");
    }
    let (status, _, style) = server.get(&format!("/styles/analysis-result.json?dataset={name}"));
    assert!(status == 200 && !style.is_empty(), "the style");
}

pub(crate) fn state(server: &Server, id: &str) -> Value {
    server.json(&format!("/analyses/jobs/{id}"))
}

#[test]
fn twenty_assessments_at_once_outlive_a_killed_server() {
    let county = County::get();
    let folder = data_folder();
    let data = county.copy(folder.path());
    bring_ground(county, &data);
    let server = Server::start_open(&data);
    let of = |day: &str| json!({ "dataset": "ground", "datetime": day });
    let ask = |number: usize| json!({ "before": of("2023-06-01"), "after": of("2024-08-01"), "least_m2": 50 + number });
    let ids: Vec<String> = (0..AT_ONCE)
        .map(|number| {
            let key = format!("assessment {number}");
            let (status, _, answer) = server.send(Method::POST, "/analyses/disaster", Some(&key), &ask(number));
            assert_eq!(status, 202, "{answer}");
            text(&answer["job"], "id").to_owned()
        })
        .collect();
    let begun = Instant::now();
    let wait = |server: &Server, enough: usize| {
        loop {
            let states: Vec<Value> = ids.iter().map(|id| state(server, id)).collect();
            assert!(states.iter().all(|job| job["state"] != "failed"), "{states:?}");
            if states.iter().filter(|job| job["state"] == "done").count() >= enough {
                return states;
            }
            assert!(begun.elapsed() < PATIENCE, "it never came to that: {states:?}");
            sleep(Duration::from_millis(50));
        }
    };
    // In the order they were asked for: nobody is overtaken by more than those who run.
    let states = wait(&server, 3);
    let last_done = states.iter().rposition(|job| job["state"] == "done").expect("three are done");
    assert!(states[..last_done].iter().all(|job| job["state"] != "queued"), "{states:?}");
    let kb = server.peak_kb();
    server.kill();
    let server = Server::start_open(&data);
    wait(&server, AT_ONCE);
    let peak_kb = kb.max(server.peak_kb());
    assert!(peak_kb < MOST_KB, "{peak_kb} kB at the most");

    // Each grid and each layer is a dataset once, whichever process made it, and the results are those of an undisturbed run.
    let datasets = server.json("/datasets");
    let results: Vec<&Value> =
        rows(&datasets, "datasets").iter().filter(|dataset| dataset["properties"]["result_of"].is_object()).collect();
    for name in ["difference", "areas"] {
        let of = results.iter().map(|made| &made["properties"]["result_of"]).filter(|of| of["name"] == name);
        let jobs: Vec<&str> = of.map(|of| text(of, "job")).collect();
        let apart: BTreeSet<&&str> = jobs.iter().collect();
        assert_eq!((jobs.len(), apart.len()), (AT_ONCE, AT_ONCE), "{name}: one each");
    }
    assert!(results.iter().all(|made| rows(made, "revisions").len() == 1), "published once");
    what_was_found_is_a_layer(&server, &ids[0], folder.path());
    let result = |id: &str| server.get(&format!("/analyses/jobs/{id}/result")).2;
    let (_, _, again) = server.send(Method::POST, "/analyses/disaster", Some("once more"), &ask(4));
    let again = text(&again["job"], "id");
    while state(&server, again)["state"] != "done" {
        assert!(begun.elapsed() < PATIENCE, "{}", state(&server, again));
        sleep(Duration::from_millis(50));
    }
    assert!(result(again) == result(&ids[4]), "the bytes of an undisturbed run");
}
