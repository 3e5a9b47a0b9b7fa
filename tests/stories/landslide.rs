//! A duty officer's story: the survey after the landslide is brought in beside the one before, and the programs say how much
//! moved, where, and what that is worth; copies with known mistakes are noticed, measured and brought together on request.

use std::path::Path;

use serde_json::{Value, json};

use crate::coordination::{analyse, number};
use crate::disaster::FOLDER;
use crate::plans_in_browser::rows;
use crate::programs::{data_folder, import, program, run};
use crate::sample_county::County;

/// Imports a grid of heights; what it warns of is of no matter here.
fn bring(data: &Path, file: &Path, slug: &str, day: &str, datum: &str) {
    let (code, report) = import(data, file, slug, &["--valid-from", day, "--height-datum", datum]);
    assert!(code == 0 || code == 3, "{}: exit {code}\n{report:#}", file.display());
}

fn holds(part: &Value, made_m3: f64) -> bool {
    let interval = rows(part, "interval_m3");
    (number(&interval[0])..=number(&interval[1])).contains(&made_m3)
}

/// Whether a place is in a ring, by the rule of crossings.
fn inside(ring: &[[f64; 2]], [x, y]: [f64; 2]) -> bool {
    let sides = ring.iter().zip(ring.iter().cycle().skip(1));
    sides.filter(|(a, b)| (a[1] > y) != (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])).count() % 2
        == 1
}

fn ring(of: &Value) -> Vec<[f64; 2]> {
    of.as_array().expect("a ring").iter().map(|place| [number(&place[0]), number(&place[1])]).collect()
}

/// Common ground of two outlines as a part of all their ground, on metre posts.
fn common_share(found: &[[f64; 2]], made: &[[f64; 2]]) -> f64 {
    let all = || found.iter().chain(made);
    let bound = |axis: usize| {
        let values = all().map(|place| place[axis]);
        (
            values.clone().fold(f64::INFINITY, f64::min).floor() as i64,
            values.fold(f64::NEG_INFINITY, f64::max).ceil() as i64,
        )
    };
    let ((west, east), (south, north)) = (bound(0), bound(1));
    let (mut both, mut either) = (0_u32, 0_u32);
    for (x, y) in (west..east).flat_map(|x| (south..north).map(move |y| (x as f64 + 0.5, y as f64 + 0.5))) {
        let (a, b) = (inside(found, [x, y]), inside(made, [x, y]));
        both += u32::from(a && b);
        either += u32::from(a || b);
    }
    f64::from(both) / f64::from(either)
}

#[test]
fn two_surveys_say_what_slid_and_what_that_is_worth() {
    let county = County::get();
    let folder = data_folder();
    let (data, truth) = (county.copy(folder.path()), county.truth());
    let file = |name: &str| county.deliveries.join(FOLDER).join(name);
    bring(&data, &file("第一期_2023-05/DEM_1m.tif"), "ground", "2023-05-16", "normal_1985");
    bring(&data, &file("第二期_2024-07/DEM_1m.tif"), "ground", "2024-07-20", "normal_1985");
    let of = |after: Value| json!({ "before": { "dataset": "ground", "datetime": "2023-06-01" }, "after": after });
    let request = of(json!({ "dataset": "ground", "datetime": "2024-08-01" }));
    let (text, found) = analyse(&data, folder.path(), "terrain-change", &request);

    // The steep slide: volume to half a percent, the truth in the interval, the outline where it is.
    let slides = rows(&truth["block"], "slides");
    let patches: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("patches.geojson")).expect("patches"))
            .expect("GeoJSON");
    let patches = rows(&patches, "features");
    let steep = &slides[0];
    let largest = &patches[0];
    for (name, made) in [("loss", "eroded_m3"), ("gain", "deposited_m3")] {
        let (part, made_m3) = (&largest["properties"][name], number(&steep[made]));
        let volume_m3 = number(&part["volume_m3"]);
        assert!((volume_m3 - made_m3).abs() < 0.005 * made_m3, "{name}: {part} of {made_m3} m³");
        assert!(holds(part, made_m3), "{name}: {part} of {made_m3} m³");
    }
    assert_eq!(found["scale"], "中型", "by its volume, whatever it threatens");
    let made = ring(&steep["outline_easting_northing_m"]);
    let mut outer = &largest["geometry"]["coordinates"];
    while outer[0][0].is_array() {
        outer = &outer[0];
    }
    let share = common_share(&ring(outer), &made);
    assert!(share >= 0.95, "outline of the steep slide: {share}");

    // The tapering one: its edge is no cell's own change, and the interval says so.
    let tapering = &slides[1];
    let head = ring(&tapering["outline_easting_northing_m"]);
    let middle = [0, 1].map(|axis| head.iter().map(|place| place[axis]).sum::<f64>() / head.len() as f64);
    let patch = patches
        .iter()
        .find(|patch| {
            let mut outer = &patch["geometry"]["coordinates"];
            while outer[0][0].is_array() {
                outer = &outer[0];
            }
            inside(&ring(outer), middle)
        })
        .expect("the tapering slide is found");
    assert!(
        number(&patch["properties"]["plane_m2"]) < number(&tapering["outline_area_m2"]),
        "its edge is not seen: {patch}"
    );
    for (name, made) in [("loss", "eroded_m3"), ("gain", "deposited_m3")] {
        assert!(
            holds(&patch["properties"][name], number(&tapering[made])),
            "{name}: {} of {}",
            patch["properties"][name],
            tapering[made]
        );
    }
    assert_eq!(found["registration"]["significant"], json!({ "east": false, "north": false, "up": false }));
    assert_eq!(analyse(&data, folder.path(), "terrain-change", &request).0, text, "a rerun gives the same bytes");

    // Copies that lie where they should not are noticed, to four millimetres, and answer the same once they are brought back.
    for copy in rows(&truth["block"], "copies") {
        let path = county.deliveries.join(copy["file"].as_str().expect("a file"));
        let datum = if copy["height_datum"] == "normal_1985" { "normal_1985" } else { "ellipsoidal" };
        let slug = "ground-copy";
        bring(&data, &path, slug, "2024-07-20", datum);
        let mut request = of(json!({ "dataset": slug }));
        if datum == "ellipsoidal" {
            assert!(refusal(&data, folder.path(), &request).contains("按稳定地面归算"), "heights of two datums");
        } else {
            let (_, found) = analyse(&data, folder.path(), "terrain-change", &request);
            assert_noticed(copy, &found["registration"]);
        }
        request["align"] = json!("stable-ground");
        let (_, aligned) = analyse(&data, folder.path(), "terrain-change", &request);
        assert_noticed(copy, &aligned["registration"]);
        assert_eq!(aligned["stamp"], "应急参考");
        let made_m3: f64 = slides.iter().map(|slide| number(&slide["eroded_m3"])).sum();
        let volume_m3 = number(&aligned["loss"]["volume_m3"]);
        assert!((volume_m3 - made_m3).abs() < 0.01 * made_m3, "{copy}: {volume_m3} of {made_m3} m³");
    }

    // Against the county's coarse terrain of another year the answer is wider, and still true.
    let (_, coarse) = analyse(
        &data,
        folder.path(),
        "terrain-change",
        &json!({ "before": { "dataset": "dem" }, "after": { "dataset": "ground", "datetime": "2024-08-01" } }),
    );
    let width = |of: &Value| number(&of["loss"]["interval_m3"][1]) - number(&of["loss"]["interval_m3"][0]);
    assert!(width(&coarse) > width(&found), "{} {}", coarse["loss"], found["loss"]);
}

#[test]
fn what_became_of_each_building_is_told_from_the_surveys() {
    let county = County::get();
    let folder = data_folder();
    let (data, truth) = (county.copy(folder.path()), county.truth());
    let file = |name: &str| county.deliveries.join(FOLDER).join(name);
    bring(&data, &file("第一期_2023-05/DEM_1m.tif"), "ground", "2023-05-16", "normal_1985");
    bring(&data, &file("第二期_2024-07/DEM_1m.tif"), "ground", "2024-07-20", "normal_1985");
    let planted = rows(&truth["block"], "slide_buildings");
    assert_eq!(planted.len(), 9);
    for (dataset, kind, basis) in [("dsm", "surface", "roof"), ("ground", "ground", "ground")] {
        let day = |day: &str| json!({ "dataset": dataset, "datetime": day });
        let request = json!({ "before": day("2023-06-01"), "after": day("2024-08-01"), "buildings": true });
        let (_, found) = analyse(&data, folder.path(), "terrain-change", &request);
        let buildings = &found["buildings"];
        assert_eq!((&buildings["model"]["before"], &buildings["model"]["after"]), (&json!(kind), &json!(kind)));
        let list = rows(buildings, "list");
        for house in planted {
            let row = list.iter().find(|row| row["number"] == house["number"]).expect("it is listed");
            assert_eq!(row["state"], house["state"], "{dataset}: {row:#}");
            assert_eq!(row["confidence"]["basis"], basis, "{dataset}: {row:#}");
        }
        for state in rows(buildings, "states") {
            let made = planted.iter().filter(|house| house["state"] == state["state"]).count();
            if state["state"] != "unchanged" {
                assert_eq!(state["buildings"], made, "{dataset}: {list:#?}");
                assert_eq!(state["people"], 0, "{dataset}: {state}");
            }
        }
    }

    // Somebody went there; and with the later survey alone the area is all there is.
    let number = planted[0]["number"].as_str().expect("a number");
    let day = |day: &str| json!({ "dataset": "dsm", "datetime": day });
    let given = json!({ number: { "state": "damaged", "reason": "现场核查：墙体尚存" } });
    let mut request =
        json!({ "before": day("2023-06-01"), "after": day("2024-08-01"), "buildings": true, "overrides": given });
    let (_, found) = analyse(&data, folder.path(), "terrain-change", &request);
    let row = rows(&found["buildings"], "list").iter().find(|row| row["number"] == number).expect("it is listed");
    assert_eq!((&row["state"], &row["found"]), (&json!("damaged"), &planted[0]["state"]));
    request["overrides"][number]["reason"] = json!("");
    assert!(refusal(&data, folder.path(), &request).contains("须写明理由"));
    let outline = &rows(&truth["block"], "slides")[0];
    let area = json!({ "crs": "EPSG:4546", "parcels": [{ "name": "滑坡", "polygons": [[outline["outline_easting_northing_m"]]] }] });
    let (_, found) = analyse(
        &data,
        folder.path(),
        "terrain-change",
        &json!({ "after": { "dataset": "ground", "datetime": "2024-08-01" }, "within": area, "buildings": true }),
    );
    let (plane_m2, made_m2) = (self::number(&found["plane_m2"]), self::number(&outline["outline_area_m2"]));
    assert!((plane_m2 - made_m2).abs() < 0.005 * made_m2, "{plane_m2} of {made_m2} m²");
    let range = rows(&found["estimate"], "range_m3");
    let made_m3 = self::number(&outline["eroded_m3"]);
    assert!((self::number(&range[0])..=self::number(&range[1])).contains(&made_m3), "{range:?} of {made_m3}");
    assert_eq!(found["loss"], Value::Null);
}

/// The shift of a copy, as it was made.
fn assert_noticed(copy: &Value, registration: &Value) {
    for (name, made) in [("east", "dx_m"), ("north", "dy_m"), ("up", "dz_m")] {
        let (found, made) = (number(&registration["shift_m"][name]), number(&copy[made]));
        assert!((found - made).abs() < 0.004, "{name}: {found} of {made}: {copy}");
        assert_eq!(registration["significant"][name], json!(made.abs() >= 0.01), "{name}: {registration}");
    }
}

/// What the command says when it refuses.
fn refusal(data: &Path, folder: &Path, request: &Value) -> String {
    let input = folder.join("request.json");
    std::fs::write(&input, request.to_string()).expect("written");
    let (code, _, said) = run(program("shikong-server")
        .args(["analyse", "terrain-change", "--data"])
        .arg(data)
        .arg("--input")
        .arg(&input)
        .arg("--out")
        .arg(folder.join("refused.json")));
    assert_ne!(code, 0, "{request}");
    said
}
