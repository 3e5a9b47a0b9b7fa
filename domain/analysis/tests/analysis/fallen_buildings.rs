//! Buildings on a made slide whose fate is known: taken with the scar, covered by the deposit, broken on the edge, untouched; on
//! surface models, on bare ground, and on one of each. And what can be said where only the survey after the slide exists.

use std::collections::BTreeMap;

use analysis::mechanism::NoRasters;
use analysis::{Findings, LoadedLayer, Parcel, ParcelLayer, Polygon};
use serde_json::{Value, json};

use crate::terrain_changes::{
    CORNER, Made, SIDE_M, assert_refused, before, drawn, hills, number, plane, run_with, slid, survey,
};

/// A building: number, west, south, width, depth, height of its roof, people, and what became of it.
struct Built {
    number: &'static str,
    at: [f64; 4],
    height_m: f64,
    people: u32,
    fate: &'static str,
}

const fn built(number: &'static str, at: [f64; 4], height_m: f64, people: u32, fate: &'static str) -> Built {
    Built { number, at, height_m, people, fate }
}

/// In the scar, in the deposit (a low and a high one), on the edge, away from it; one pulled down, one built higher.
const VILLAGE: [Built; 10] = [
    built("F01", [172.0, 143.0, 12.0, 9.0], 3.5, 0, "destroyed"),
    built("F02", [112.0, 144.0, 10.0, 8.0], 3.2, 4, "buried"),
    built("F03", [122.0, 152.0, 11.0, 9.0], 6.0, 5, "buried"),
    built("F04", [160.0, 112.0, 14.0, 16.0], 4.0, 3, "damaged"),
    built("F05", [40.0, 40.0, 12.0, 9.0], 4.5, 4, "unchanged"),
    built("F06", [60.0, 40.0, 12.0, 9.0], 7.5, 6, "unchanged"),
    built("F07", [80.0, 40.0, 12.0, 9.0], 4.5, 2, "unchanged"),
    built("F08", [40.0, 250.0, 12.0, 9.0], 3.2, 1, "unchanged"),
    built("F09", [240.0, 250.0, 10.0, 8.0], 5.0, 0, "destroyed"),
    built("F10", [240.0, 40.0, 10.0, 8.0], 4.0, 2, "unchanged"),
];

impl Built {
    fn holds(&self, x: f64, y: f64) -> bool {
        let [west, south, width, depth] = self.at;
        (west..west + width).contains(&x) && (south..south + depth).contains(&y)
    }

    /// Height of its roof's plane: level, over the ground in its middle.
    fn roof(&self) -> f64 {
        let [west, south, width, depth] = self.at;
        hills(west + width / 2.0, south + depth / 2.0) + self.height_m
    }

    fn ring(&self) -> Vec<[f64; 2]> {
        let [west, south, width, depth] = self.at;
        [[0.0, 0.0], [width, 0.0], [width, depth], [0.0, depth]]
            .iter()
            .map(|[x, y]| [CORNER[0] + west + x, CORNER[1] + south + y])
            .collect()
    }
}

fn on_top(x: f64, y: f64) -> f64 {
    VILLAGE.iter().find(|house| house.holds(x, y)).map_or_else(|| hills(x, y), Built::roof)
}

/// The half of the broken building that lies on the slide came down.
fn on_top_after(x: f64, y: f64) -> f64 {
    let ground = hills(x, y) + slid(x, y);
    match VILLAGE.iter().find(|house| house.holds(x, y)) {
        Some(house) if house.number == "F04" && slid(x, y) == 0.0 => house.roof(),
        Some(house) if house.number == "F10" => house.roof() + 3.2,
        Some(house) if house.fate == "unchanged" => house.roof(),
        _ => ground,
    }
}

fn surface(after: bool) -> Made {
    if after {
        survey("dsm@2024", "2024-07-20T00:00:00Z", SIDE_M, 0.5, on_top_after)
    } else {
        survey("dsm@2023", "2023-05-16T00:00:00Z", SIDE_M, 0.5, on_top)
    }
}

fn ground(after: bool) -> Made {
    if after {
        survey("dem@2024", "2024-07-20T00:00:00Z", SIDE_M, 0.5, |x, y| hills(x, y) + slid(x, y))
    } else {
        survey("dem@2023", "2023-05-16T00:00:00Z", SIDE_M, 0.5, hills)
    }
}

fn register() -> BTreeMap<String, LoadedLayer> {
    let parcels = VILLAGE.iter().map(|house| Parcel {
        id: house.number.to_lowercase(),
        attributes: json!({
            "FWBH": house.number, "FWYT": "农村住宅", "CS": 1, "GD": house.height_m, "HS": u32::from(house.people > 0),
            "RKS": house.people, "CUN": "样例村",
        })
        .as_object()
        .expect("an object")
        .clone(),
        polygons: vec![Polygon { exterior: house.ring(), holes: Vec::new() }],
        ..Parcel::default()
    });
    let layer = LoadedLayer {
        dataset: "houses".to_owned(),
        revision: "r1".to_owned(),
        title: "房屋".to_owned(),
        valid_from: "2023-12-31T00:00:00Z".to_owned(),
        bounds_lon_lat_deg: [109.0, 28.0, 110.0, 29.0],
        repairs: Vec::new(),
        layer: ParcelLayer {
            source: "houses@r1".to_owned(),
            code_system: "houses".to_owned(),
            crs: plane(),
            parcels: parcels.collect(),
        },
    };
    BTreeMap::from([("houses".to_owned(), layer)])
}

fn looked(before: &Made, after: &Made, more: Value) -> Findings {
    let mut request = json!({ "buildings": true });
    for (key, value) in more.as_object().expect("an object") {
        request[key] = value.clone();
    }
    run_with(Some(before), after, request, &register(), &NoRasters).expect("found")
}

/// A building of the list; one that is not there is unchanged.
fn of<'v>(buildings: &'v Value, number: &str) -> Option<&'v Value> {
    buildings["list"].as_array().expect("a list").iter().find(|row| row["number"] == number)
}

fn state<'v>(buildings: &'v Value, number: &str) -> &'v str {
    of(buildings, number).map_or("unchanged", |row| row["state"].as_str().expect("a state"))
}

fn row<'v>(buildings: &'v Value, state: &str) -> &'v Value {
    buildings["states"].as_array().expect("rows").iter().find(|row| row["state"] == state).expect("its row")
}

#[test]
fn roofs_of_surface_models_tell_what_became_of_each_building() {
    let found = looked(&surface(false), &surface(true), json!({}));
    let buildings = &found.result["buildings"];
    assert_eq!((&buildings["model"]["before"], &buildings["model"]["after"]), (&json!("surface"), &json!("surface")));
    assert_eq!(buildings["looked_at"], VILLAGE.len());
    for house in &VILLAGE {
        assert_eq!(state(buildings, house.number), house.fate, "{}: {:#?}", house.number, of(buildings, house.number));
    }
    for fate in ["destroyed", "buried", "damaged", "unchanged"] {
        let own = || VILLAGE.iter().filter(|house| house.fate == fate);
        let row = row(buildings, fate);
        assert_eq!(row["buildings"], own().count(), "{row}");
        assert_eq!(row["people"], own().map(|house| house.people).sum::<u32>(), "{row}");
        assert_eq!(row["households"], own().filter(|house| house.people > 0).count(), "{row}");
    }
    // What speaks for it, cell by cell.
    for number in ["F01", "F02", "F04", "F09"] {
        let house = VILLAGE.iter().find(|house| house.number == number).expect("built");
        let evidence = &of(buildings, number).expect("listed")["evidence"];
        let limit = number_of(&found.result, "level_of_detection_m");
        let changes: Vec<f64> = (0..600 * 600)
            .map(|i| [f64::from(i % 600) / 2.0 + 0.25, f64::from(i / 600) / 2.0 + 0.25])
            .filter(|[x, y]| house.holds(*x, *y))
            .map(|[x, y]| f64::from(on_top_after(x, y) as f32 - on_top(x, y) as f32))
            .collect();
        assert_eq!(evidence["cells"], changes.len());
        for (side, sign) in [("loss", -1.0), ("gain", 1.0)] {
            let own: Vec<f64> = changes.iter().map(|d| sign * d).filter(|d| *d > limit).collect();
            let share = own.len() as f64 / changes.len() as f64;
            let mean = own.iter().sum::<f64>() / (own.len() as f64).max(1.0);
            let greatest = own.iter().copied().fold(0.0, f64::max);
            for (key, value, within) in
                [("share", share, 0.001), ("mean_m", mean, 0.006), ("greatest_m", greatest, 0.006)]
            {
                let stated = number_of(&evidence[side], key);
                assert!((stated - value).abs() <= within, "{number} {side} {key}: {stated} of {value}");
            }
        }
        let drop = -changes.iter().sum::<f64>() / changes.len() as f64;
        assert!((number_of(evidence, "drop_m") - drop).abs() < 0.006, "{evidence}");
        let of_height = number_of(evidence, "drop_of_height");
        assert!((of_height - drop / house.height_m).abs() < 0.002, "{evidence}");
    }
    assert_eq!(of(buildings, "F01").expect("listed")["confidence"]["basis"], "roof");
    assert_eq!(of(buildings, "F01").expect("listed")["place"], "BH0001");
    // Each is a place with its footprint.
    let patches: Vec<_> = found.patches.iter().filter(|patch| patch.properties["kind"] == "building").collect();
    assert_eq!(patches.len(), buildings["list"].as_array().expect("a list").len());
    let first = patches.iter().find(|patch| patch.properties["number"] == "F02").expect("a place");
    assert_eq!((&first.properties["state"], &first.properties["state_zh"]), (&json!("buried"), &json!("被埋")));
    assert_eq!(first.polygons[0].exterior, VILLAGE[1].ring());
}

fn number_of(of: &Value, key: &str) -> f64 {
    number(&of[key])
}

#[test]
fn bare_ground_says_what_happened_beneath_and_that_it_is_no_more_than_that() {
    let found = looked(&ground(false), &ground(true), json!({}));
    let buildings = &found.result["buildings"];
    assert_eq!((&buildings["model"]["before"], &buildings["model"]["after"]), (&json!("ground"), &json!("ground")));
    for (number, fate) in [
        ("F01", "destroyed"),
        ("F02", "buried"),
        ("F03", "buried"),
        ("F04", "damaged"),
        ("F05", "unchanged"),
        ("F09", "unchanged"),
    ] {
        assert_eq!(state(buildings, number), fate, "{number}: {:#?}", of(buildings, number));
    }
    for number in ["F01", "F02", "F04"] {
        let confidence = &of(buildings, number).expect("listed")["confidence"];
        assert_eq!(confidence["basis"], "ground");
        assert!(confidence["zh"].as_str().is_some_and(|words| words.contains("看不见屋顶")), "{confidence}");
    }
}

#[test]
fn a_surface_model_against_bare_ground_judges_nothing() {
    let found = looked(&surface(false), &ground(true), json!({ "accuracy_m": { "before": 0.05, "after": 0.05 } }));
    let buildings = &found.result["buildings"];
    assert_eq!((&buildings["model"]["before"], &buildings["model"]["after"]), (&json!("surface"), &json!("ground")));
    assert!(buildings["model"]["zh"].as_str().is_some_and(|words| words.contains("不作判定")));
    assert_eq!(row(buildings, "undetermined")["buildings"], VILLAGE.len());
}

#[test]
fn a_person_may_know_better_and_both_stand_in_the_result() {
    let given = json!({ "F05": { "state": "damaged", "reason": "现场核查：墙体开裂" }, "F01": { "state": "unchanged", "reason": "已先行拆除" } });
    let found = looked(&surface(false), &surface(true), json!({ "overrides": given }));
    let buildings = &found.result["buildings"];
    let cracked = of(buildings, "F05").expect("listed");
    assert_eq!((&cracked["state"], &cracked["found"]), (&json!("damaged"), &json!("unchanged")));
    assert_eq!((&cracked["given_by_hand"], &cracked["reason"]), (&json!(true), &json!("现场核查：墙体开裂")));
    let gone = of(buildings, "F01").expect("listed though it counts as unchanged");
    assert_eq!((&gone["state"], &gone["found"]), (&json!("unchanged"), &json!("destroyed")));
    assert_eq!(
        (&row(buildings, "destroyed")["buildings"], &row(buildings, "destroyed")["found"]),
        (&json!(1), &json!(2))
    );
    assert_eq!((&row(buildings, "damaged")["buildings"], &row(buildings, "damaged")["people"]), (&json!(2), &json!(7)));
    assert_eq!(buildings["given_by_hand"], 2);
    let refused = |overrides: Value, asked: bool, words: &str| {
        let request = json!({ "buildings": asked, "overrides": overrides });
        assert_refused(run_with(Some(&surface(false)), &surface(true), request, &register(), &NoRasters), words);
    };
    refused(json!({ "F05": { "state": "damaged", "reason": "  " } }), true, "须写明理由");
    refused(json!({ "F99": { "state": "damaged", "reason": "看见了" } }), true, "F99");
    refused(json!({ "F05": { "state": "gone", "reason": "看见了" } }), true, "无法读取");
    refused(json!({ "F05": { "state": "damaged", "reason": "看见了" } }), false, "buildings");
}

#[test]
fn only_buildings_of_the_area_are_judged_and_a_missing_register_is_said() {
    let within = drawn(&[[100.0, 100.0], [145.0, 100.0], [145.0, 200.0], [100.0, 200.0]]);
    let area = json!({ "crs": "EPSG:4490", "parcels": [{ "name": "区", "polygons": [[within]] }] });
    let found = looked(&surface(false), &surface(true), json!({ "within": area }));
    let buildings = &found.result["buildings"];
    assert_eq!(buildings["looked_at"], 2, "F02 and F03");
    assert_eq!(row(buildings, "buried")["people"], 9);
    assert_eq!(buildings["model"]["before"], "surface", "those outside say what kind of model it is");

    let request = json!({ "buildings": true });
    let none = run_with(Some(&surface(false)), &surface(true), request, &BTreeMap::new(), &NoRasters).expect("found");
    assert_eq!(none.result["buildings"]["register"], Value::Null);
    assert!(none.result["buildings"]["message"]["zh"].as_str().is_some_and(|words| words.contains("没有房屋台账")));
    assert_eq!(none.result["buildings"]["states"], Value::Null, "nobody is counted as nought");
    // Voids under a footprint leave it open.
    let mut holed = surface(true);
    for row in 0..600 {
        for column in 0..600 {
            if VILLAGE[4].holds(column as f64 / 2.0 + 0.25, SIDE_M - row as f64 / 2.0 - 0.25) {
                holed.values[row * 600 + column] = f32::NAN;
            }
        }
    }
    let found = looked(&surface(false), &holed, json!({}));
    assert_eq!(state(&found.result["buildings"], "F05"), "undetermined");
}

#[test]
fn with_the_later_survey_only_the_area_is_measured_and_the_volume_stays_a_guess() {
    let after = survey("dem@2024", "2024-07-20T00:00:00Z", SIDE_M, 1.0, |x, y| hills(x, y) + slid(x, y));
    let corners = [[90.0, 120.0], [210.0, 120.0], [210.0, 180.0], [90.0, 180.0]];
    let area = json!({ "crs": "EPSG:4490", "parcels": [{ "name": "区", "polygons": [[drawn(&corners)]] }] });
    let request = json!({ "before": null, "within": area, "buildings": true });
    let found = run_with(None, &after, request, &register(), &NoRasters).expect("found");
    let result = &found.result;
    assert_eq!(result["mode"], "after-only");
    assert!((number(&result["plane_m2"]) - 7_200.0).abs() < 0.5, "{}", result["plane_m2"]);
    assert!((number(&result["ellipsoidal_m2"]) - number(&result["plane_m2"])).abs() < 20.0);
    // Relief and slope from the cells themselves.
    let at =
        |x: i32, y: i32| hills(f64::from(x) + 0.5, f64::from(y) + 0.5) + slid(f64::from(x) + 0.5, f64::from(y) + 0.5);
    let cells = || (90..210).flat_map(|x| (120..180).map(move |y| (x, y)));
    let low = cells().map(|(x, y)| at(x, y)).fold(f64::INFINITY, f64::min);
    let high = cells().map(|(x, y)| at(x, y)).fold(f64::NEG_INFINITY, f64::max);
    assert!((number(&result["relief"]["lowest_m"]) - low).abs() < 0.02, "{} of {low}", result["relief"]);
    assert!((number(&result["relief"]["highest_m"]) - high).abs() < 0.02, "{} of {high}", result["relief"]);
    let slope = |x: i32, y: i32| {
        let side = |dx: i32, dy: i32, across: (i32, i32)| {
            at(x + dx - across.0, y + dy - across.1)
                + 2.0 * at(x + dx, y + dy)
                + at(x + dx + across.0, y + dy + across.1)
        };
        let east = (side(1, 0, (0, 1)) - side(-1, 0, (0, 1))) / 8.0;
        let north = (side(0, 1, (1, 0)) - side(0, -1, (1, 0))) / 8.0;
        east.hypot(north).atan().to_degrees()
    };
    let mean = cells().map(|(x, y)| slope(x, y)).sum::<f64>() / 7_200.0;
    assert!((number(&result["mean_slope_deg"]) - mean).abs() < 0.1, "{} of {mean}", result["mean_slope_deg"]);
    // Nothing is called a volume, and the guess says what it is.
    for key in ["loss", "gain", "net", "scale", "registration"] {
        assert_eq!(result[key], Value::Null, "{key}");
    }
    assert!(!result.to_string().contains("volume_m3"));
    let estimate = &result["estimate"];
    assert_eq!(estimate["label_zh"], "估算");
    let range = [number(&estimate["range_m3"][0]), number(&estimate["range_m3"][1])];
    for (alpha, gamma) in [(0.074, 1.450), (0.146, 1.332)] {
        let middle = alpha * 7_200.0_f64.powf(gamma);
        assert!(range[0] <= middle / 3.9 && range[1] >= middle * 3.9, "{middle} in {range:?}");
    }
    assert!(estimate["laws"][0]["source"].as_str().is_some_and(|source| source.contains("Guzzetti")));
    assert!(result["message"]["zh"].as_str().is_some_and(|words| words.contains("体积未知")));
    let [ground, ..] = found.patches.as_slice() else { panic!("the drawn ground") };
    assert_eq!(ground.properties["kind"], "drawn-ground");
    let buildings = &result["buildings"];
    assert_eq!(
        row(buildings, "undetermined")["buildings"],
        4,
        "F01 to F04 stand there; what became of them nobody can say"
    );

    let section = drawn(&[[100.0, 150.0], [200.0, 150.0]]);
    let request = json!({ "within": area, "sections": [section] });
    let cut = run_with(None, &after, request, &BTreeMap::new(), &NoRasters).expect("found").result;
    assert_eq!(cut["sections"][0]["before_m"], Value::Null);
    assert!(cut["sections"][0]["after_m"].as_array().is_some_and(|heights| heights.len() > 90));

    assert_refused(run_with(None, &after, json!({}), &BTreeMap::new(), &NoRasters), "within");
    let aligned = json!({ "within": area, "align": "stable-ground" });
    assert_refused(run_with(None, &after, aligned, &BTreeMap::new(), &NoRasters), "before");
    let far = json!({ "crs": "EPSG:4490", "parcels": [{ "name": "区", "polygons": [[drawn(&[[5_000.0, 0.0], [5_100.0, 0.0], [5_100.0, 90.0]])]] }] });
    assert_refused(run_with(None, &before(), json!({ "within": far }), &BTreeMap::new(), &NoRasters), "重新圈定");
}
