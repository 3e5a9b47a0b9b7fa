//! An officer's other work in the browser: what the page shows is what the service answers and what was planted, what two
//! people write at once is kept, what is drawn lies where it was drawn, and a telephone shows it all.

use std::path::Path;

use geographiclib_rs::{Geodesic, PolygonArea, Winding};
use serde_json::{Value, json};

use crate::coordination::{assert_within, cents, number};
use crate::plans_in_browser::{grouped, rows};
use crate::programs::{Server, admin_password, data_folder, skipped, validate};
use crate::sample_county::County;

/// A pixel of zoom 16 at 28 N, in degrees of longitude: clicks fall on whole pixels.
const PIXEL_DEG: f64 = 360.0 / 512.0 / 65_536.0;
/// What a telephone shows side by side.
const PHONE_PX: u64 = 390;

fn words<'v>(of: &'v Value, name: &str) -> &'v str {
    of[name].as_str().unwrap_or_else(|| panic!("no words {name}: {of}"))
}

#[test]
fn an_officer_works_through_the_other_pages() {
    if !Path::new("/usr/bin/chromium").exists() {
        skipped("the desk was not driven, Chromium is not installed");
        return;
    }
    let county = County::get();
    let folder = data_folder();
    let data = county.copy(folder.path());
    let server = Server::start(&data);
    let password = admin_password(&data);
    let pictures = folder.path().to_string_lossy().into_owned();
    let Some((sound, said)) = validate("desk.mjs", &[&server.url, &password, &pictures]) else { return };
    assert!(sound, "the page has errors: {:#} after {:#}", said["errors"], said["steps"]);

    the_statistics_are_the_services(&said["statistics"]);
    the_place_and_the_maps(&said);
    the_analyses_show_what_was_planted(&said, &county.truth());
    the_drawn_line_lies_where_it_was_drawn(&said["drawn"]);
    nobody_lost_a_word(&said);
    the_rules_are_kept(&said);
    for (page, width) in said["phone"].as_object().expect("pages") {
        assert!(width.as_u64() <= Some(PHONE_PX), "{page} is {width} pixels wide on a telephone");
    }
}

/// Every area by class and by unit stands in the page as the service gave it, and both add up to the same ground.
fn the_statistics_are_the_services(said: &Value) {
    let result = &said["result"];
    let tables = rows(said, "tables");
    for (table, list, name) in [(&tables[0], "by_class", "class"), (&tables[1], "by_unit", "unit")] {
        let known: Vec<&Value> = rows(result, list).iter().filter(|row| !row[name].is_null()).collect();
        let shown = table.as_array().expect("rows");
        assert!(!known.is_empty() && shown.len() == known.len(), "{list}: {shown:?}");
    }
    let shown_m2 = |table: &Value, column: usize| -> i64 {
        let of = |row: &Value| row[column].as_str().and_then(|area| area.replace([',', '.'], "").parse::<i64>().ok());
        table.as_array().expect("rows").iter().map(|row| of(row).expect("an area")).sum()
    };
    for (column, kind) in [(1, "plane_m2"), (2, "ellipsoidal_m2")] {
        let inside = rows(result, "cells").iter().filter(|cell| !cell["unit"].is_null() && !cell["class"].is_null());
        let total: i64 = inside.map(|cell| cents(&cell[kind])).sum();
        assert_eq!(shown_m2(&tables[0], column), total, "classes, {kind}");
        assert_eq!(shown_m2(&tables[1], column), total, "units, {kind}");
    }
}

fn the_place_and_the_maps(said: &Value) {
    let place = &said["place"];
    let at = [0, 1].map(|axis| number(&place["at"][axis]));
    let here: Vec<&Value> = rows(place, "dltb").iter().filter(|parcel| contains(&parcel["geometry"], at)).collect();
    let [here] = here.as_slice() else { panic!("one parcel lies at a place: {here:?}") };
    for name in ["BSM", "DLBM", "DLMC", "QSDWMC"] {
        let value = words(&here["properties"], name);
        assert!(words(place, "shown").contains(value), "{} does not say {name} {value}", place["shown"]);
    }
    assert_eq!(words(place, "shown").matches("三调地类图斑").count(), 1, "one parcel and no neighbours");
    let swipe = &said["swipe"];
    assert!((number(&swipe["share"]) - (number(&swipe["pulled"]) - 2.0)).abs() < 0.6, "{swipe}");
    let maps = rows(said, "linked");
    assert_eq!(maps.len(), 4);
    for map in maps {
        for name in ["zoom", "bearing"] {
            assert!((number(&map[name]) - number(&maps[3][name])).abs() < 1e-9, "{map} follows {}", maps[3]);
        }
        for axis in 0..2 {
            assert!((number(&map["center"][axis]) - number(&maps[3]["center"][axis])).abs() < 1e-9, "{map}");
        }
    }
    assert!(maps[3]["datetime"].is_string() && maps[0]["datetime"].is_null(), "each map has its own day: {maps:?}");
}

/// Whether a place is in polygons, by the rule of crossings.
fn contains(geometry: &Value, [x, y]: [f64; 2]) -> bool {
    let polygons = match geometry["type"].as_str() {
        Some("Polygon") => vec![&geometry["coordinates"]],
        _ => rows(geometry, "coordinates").iter().collect(),
    };
    let crossings = |ring: &Value| {
        let corners = ring.as_array().expect("a ring");
        let at = |corner: &Value| [number(&corner[0]), number(&corner[1])];
        let sides = corners.iter().map(at).zip(corners.iter().map(at).skip(1));
        sides.filter(|(a, b)| (a[1] > y) != (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])).count()
    };
    polygons.into_iter().any(|rings| rings.as_array().expect("rings").iter().map(crossings).sum::<usize>() % 2 == 1)
}

fn the_analyses_show_what_was_planted(said: &Value, truth: &Value) {
    let [audited] = rows(&said["audit"]["result"], "layers") else { panic!("one layer: {}", said["audit"]) };
    assert_eq!((&audited["overlaps"], &audited["duplicate_ids"]), (&json!([]), &json!([])), "the layer is sound");

    let buildings = &said["buildings"];
    let planted = truth["block"]["new_buildings"].as_array().expect("buildings").len();
    assert_eq!(buildings["result"]["new_buildings"], json!(planted), "the surveys that the page proposes");
    assert_eq!(buildings["result"]["suspected"]["patches"], truth["block"]["new_without_permit"]["count"]);
    assert_eq!(rows(buildings, "rows").len(), planted);
    for figure in [&buildings["result"]["suspected"], &buildings["result"]["permitted"]] {
        assert!(words(buildings, "shown").contains(&grouped(&figure["plane_m2"])), "{}", buildings["shown"]);
    }
    let beyond = &said["beyond-plan"];
    let built = &beyond["result"]["built_beyond_plan"];
    let planted = &truth["changes"]["built_where_land_plan_does_not_allow"];
    assert_eq!(built["patches"], planted["patches"], "the layers that the page proposes");
    assert_within("built beyond the plan", number(&built["plane_m2"]), number(&planted["plane_area_m2"]), 0.010_5);
    assert!(words(beyond, "shown").contains(&grouped(&built["plane_m2"])), "{}", beyond["shown"]);

    let sites = &said["sites"];
    let shown = rows(sites, "rows");
    assert!(!shown.is_empty(), "there is land: {}", sites["result"]);
    for (at, row) in shown.iter().enumerate() {
        assert_eq!(row[0], json!((at + 1).to_string()), "ranked: {row}");
        assert!(row[4].as_str().is_some_and(|reasons| !reasons.is_empty()), "with reasons: {row}");
    }
}

/// Corners within a pixel of the clicks; the ground as GeographicLib measures it; its figures and verdict as the service's.
fn the_drawn_line_lies_where_it_was_drawn(said: &Value) {
    let clicked = rows(said, "corners");
    let geometry = said["line"].pointer("/features/0/geometry").unwrap_or(&said["line"]["geometry"]);
    let mut ring = &geometry["coordinates"];
    while ring[0][0].is_array() {
        ring = &ring[0];
    }
    let corners: Vec<[f64; 2]> =
        ring.as_array().expect("a ring").iter().map(|place| [number(&place[0]), number(&place[1])]).collect();
    for corner in clicked {
        let near = |place: &&[f64; 2]| (0..2).all(|axis| (place[axis] - number(&corner[axis])).abs() < 1.5 * PIXEL_DEG);
        assert!(corners.iter().any(|place| near(&place)), "no corner at {corner}: {corners:?}");
    }
    let geodesic = Geodesic::wgs84();
    let mut area = PolygonArea::new(&geodesic, Winding::CounterClockwise);
    for [lon, lat] in &corners[..corners.len() - 1] {
        area.add_point(*lat, *lon);
    }
    let (_, ground_m2, _) = area.compute(true);
    let found = &said["result"]["red_line"];
    assert_within("the drawn ground", number(&found["ellipsoidal_m2"]), ground_m2.abs(), 5e-6 * ground_m2.abs());
    assert_eq!(said["verdict"], said["result"]["verdict"]);
    for kind in ["plane_m2", "ellipsoidal_m2"] {
        assert!(words(said, "shown").contains(&grouped(&found[kind])), "{} {found}", said["shown"]);
    }
}

/// What two people changed at once is all there; an opinion has its words, its mark and its file; a note has its place.
fn nobody_lost_a_word(said: &Value) {
    let conflict = words(said, "conflict");
    for expected in ["他人刚刚修改了这条记录", "联系人", "张三", "按最新内容再提交"] {
        assert!(conflict.contains(expected), "{conflict} does not say {expected}");
    }
    // Members of the answer that are nobody's words.
    for inner in ["consultations", "updated", "actions", "duties"] {
        assert!(!conflict.contains(inner), "{conflict} says {inner}");
    }
    assert_eq!((&said["both"]["contact"], &said["both"]["applicant"]), (&json!("张三"), &json!("样例县城建集团")));
    let opinion = &said["opinion"];
    for expected in ["有条件同意", "东侧林地应避让", "附件"] {
        assert!(words(opinion, "shown").contains(expected), "{}", opinion["shown"]);
    }
    assert_eq!(opinion["attachment"], "东侧林地二百平方米。\n");
    let [note] = rows(said, "notes") else { panic!("one note: {}", said["notes"]) };
    let middle = &said["place"]["at"];
    for axis in 0..2 {
        let (kept, clicked) = (number(&note["lon_lat_height"][axis]), number(&middle[axis]));
        assert!((kept - clicked).abs() < 1.5 * PIXEL_DEG, "{note} was put at {middle}");
    }
}

fn the_rules_are_kept(said: &Value) {
    let calendar = &said["calendar"];
    let text = words(&calendar["rule"], "text");
    let holidays = text.lines().find(|line| line.starts_with("holidays")).map(|_| text).expect("holidays");
    assert!(holidays.contains(words(calendar, "day")), "{} is a day off", calendar["day"]);
    assert!(words(said, "refusal").contains("rule"), "what does not read is named: {}", said["refusal"]);
    assert_eq!(said["rule"]["before"], said["rule"]["after"], "a document that was refused changes nothing");
}
