//! Conformity of projects: fixtures whose every overlap is known by construction.

use std::collections::BTreeMap;

use analysis::{
    AnalysisError, Findings, LoadedLayer, Parcel, ParcelLayer, Polygon, RuleBook, Task, Watch, analysis,
    mechanism::{NoRasters, RuleDocument, Unwatched},
};
use geodesy::Crs;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const EAST: f64 = 375_000.0;
const NORTH: f64 = 3_134_000.0;

fn at(x: f64, y: f64, width: f64, height: f64) -> Vec<[f64; 2]> {
    let (x, y) = (EAST + x, NORTH + y);
    vec![[x, y], [x + width, y], [x + width, y + height], [x, y + height]]
}

fn parcel(id: &str, attributes: Value, ring: Vec<[f64; 2]>) -> Parcel {
    Parcel {
        id: id.to_owned(),
        source_id: format!("BSM{id}"),
        attributes: attributes.as_object().cloned().unwrap_or_default(),
        polygons: vec![Polygon { exterior: ring, holes: vec![] }],
        ..Parcel::default()
    }
}

type Layers = BTreeMap<String, LoadedLayer>;

fn add(layers: &mut Layers, dataset: &str, code_system: &str, parcels: Vec<Parcel>) {
    let loaded = LoadedLayer {
        dataset: dataset.to_owned(),
        revision: format!("{dataset}-r1"),
        title: dataset.to_uppercase(),
        valid_from: "2022-10-01T00:00:00Z".to_owned(),
        bounds_lon_lat_deg: [109.0, 28.0, 110.0, 29.0],
        repairs: Vec::new(),
        layer: ParcelLayer {
            source: format!("{dataset}@r1"),
            code_system: code_system.to_owned(),
            crs: Crs::from_epsg(4546).unwrap(),
            parcels,
        },
    };
    layers.insert(dataset.to_owned(), loaded);
}

/// A county in which the red line `0..100 x 0..100` touches nothing but the town, paddy and building land.
fn county() -> Layers {
    let mut layers = Layers::new();
    add(&mut layers, "farmland", "sandiao", vec![parcel("1", json!({}), at(150.0, 0.0, 100.0, 100.0))]);
    add(&mut layers, "redline", "unknown", vec![parcel("1", json!({"HXMC": "甲红线"}), at(0.0, 300.0, 100.0, 100.0))]);
    let town = |id: &str, code: &str, name: &str, ring| parcel(id, json!({"GHFQDM": code, "GHFQMC": name}), ring);
    let core = town("1", "010", "城镇集中建设区", at(-100.0, -100.0, 160.0, 400.0));
    let flexible = town("2", "020", "城镇弹性发展区", at(60.0, -100.0, 140.0, 400.0));
    add(&mut layers, "urban-boundary", "自然资办发〔2020〕46号", vec![core, flexible]);
    let survey = |id: &str, code: &str, nature: &str, area: f64, ridge: f64, ring| {
        let facts = json!({
            "DLBM": code, "TBBH": id, "QSDWDM": "4331991010010000000", "QSDWMC": "甲村", "QSXZ": nature,
            "ZLDWMC": "甲村", "TBMJ": area, "KCMJ": ridge, "KCXS": if ridge > 0.0 { 0.5 } else { 0.0 }, "TBDLMJ": area - ridge,
        });
        parcel(id, facts, ring)
    };
    let patches = vec![
        survey("1", "0101", "30", 12_000.0, 1_200.0, at(-60.0, 0.0, 120.0, 100.0)),
        survey("2", "0701", "20", 4_000.0, 0.0, at(60.0, 0.0, 40.0, 100.0)),
        survey("3", "1101", "20", 30_000.0, 0.0, at(-60.0, 100.0, 300.0, 100.0)),
    ];
    add(&mut layers, "dltb", "TD/T 1055-2019", patches);
    let detail = |id: &str, code: &str, ring| {
        parcel(id, json!({"DKBH": id, "YDYHFLDM": code, "RJL": 2.0, "JZMD": 28.0, "LDL": 35.0, "XG": 54.0}), ring)
    };
    let parcels =
        vec![detail("DK-1", "070102", at(0.0, 0.0, 70.0, 100.0)), detail("DK-2", "0804", at(70.0, 0.0, 80.0, 100.0))];
    add(&mut layers, "detail-plan", "自然资发〔2023〕234号", parcels);
    for dataset in ["river-range", "hazard-zones", "mining", "forest", "hazard-points", "plan-zones", "land-plan"] {
        add(&mut layers, dataset, "unknown", vec![]);
    }
    for (dataset, field) in [("city-lines", "SXLX"), ("heritage", "QYLX")] {
        add(&mut layers, dataset, "unknown", vec![parcel("1", json!({ field: "别的" }), at(0.0, 0.0, 100.0, 100.0))]);
    }
    layers
}

fn request(ring: &[[f64; 2]], project: Value) -> Value {
    json!({
        "red_line": { "crs": "EPSG:4546", "parcels": [{ "name": "地块1", "polygons": [[ring]] }] },
        "project": project, "datetime": "2024-09-01",
    })
}

fn check(layers: &Layers, request: &Value) -> Findings {
    run(layers, request, &RuleBook::shipped(), &Unwatched).unwrap()
}

fn run(layers: &Layers, request: &Value, rules: &RuleBook, watch: &dyn Watch) -> Result<Findings, AnalysisError> {
    let plane = Crs::from_epsg(4546).unwrap();
    let surfaces = BTreeMap::new();
    let task = Task { request, rules, plane: &plane, layers, surfaces: &surfaces, watch, rasters: &NoRasters };
    (analysis("compliance").unwrap().run)(&task)
}

fn rule<'f>(findings: &'f Findings, name: &str) -> &'f Value {
    let checks = findings.result["checks"].as_array().unwrap();
    checks.iter().find(|check| check["rule"] == name).unwrap()
}

fn housing() -> Value {
    json!({ "name": "安置区", "land_use_code": "070102", "land_use_system": "landuse-2023", "far": 2.0, "height_m": 54.0 })
}

fn road() -> Value {
    json!({ "name": "乡道", "land_use_code": "1202", "land_use_system": "landuse-2023" })
}

fn site() -> Vec<[f64; 2]> {
    at(0.0, 0.0, 100.0, 100.0)
}

#[test]
fn a_project_clear_of_every_line_passes_and_says_how_far_the_next_is() {
    let findings = check(&county(), &request(&site(), housing()));
    assert_eq!(findings.result["verdict"], "pass", "{:#}", findings.result["checks"]);
    assert_eq!(findings.result["complete"], true, "{}", findings.result["not_checked"]);
    assert_eq!(findings.patches, []);
    let farmland = rule(&findings, "farmland");
    assert_eq!((&farmland["verdict"], &farmland["distance_m"]), (&json!("pass"), &json!(50.0)));
    assert_eq!(farmland["overlap"]["plane_m2"], 0.0);
    assert_eq!(rule(&findings, "mining-right")["distance_m"], Value::Null);
    assert_eq!(findings.result["red_line"]["plane_m2"], 10_000.0);
    assert_eq!(findings.result["red_line"]["plane_ha"], 1.0);
    let ellipsoidal = findings.result["red_line"]["ellipsoidal_m2"].as_f64().unwrap();
    assert!((ellipsoidal / 10_000.0 - 1.0 + 390e-6).abs() < 60e-6, "{ellipsoidal}");
}

#[test]
fn what_a_project_takes_is_known_to_the_hundredth_and_fails_it() {
    let mut layers = county();
    // Two strips of 3 m and 1.25 m over the east border.
    let strips =
        vec![parcel("2", json!({}), at(97.0, 10.0, 50.0, 20.0)), parcel("1", json!({}), at(98.75, 50.0, 50.0, 10.01))];
    add(&mut layers, "farmland", "sandiao", strips);
    let findings = check(&layers, &request(&site(), housing()));
    assert_eq!(findings.result["verdict"], "fail");
    let farmland = rule(&findings, "farmland");
    // 60 and 12.5125 m², which is 12.51 both ways of rounding; their sum of 72.5125 is what the rule states.
    assert_eq!(farmland["overlap"]["plane_m2"], 72.51);
    assert_eq!((&farmland["overlap"]["pieces"], &farmland["overlap"]["share"]), (&json!(2), &json!(0.007251)));
    let ids: Vec<&str> =
        farmland["overlap"]["parts"].as_array().unwrap().iter().map(|p| p["source_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["BSM1", "BSM2"], "in the order of their ids");
    assert!(farmland["legal_basis"].as_str().unwrap().contains("第三十五条"));
    assert_eq!((farmland["dataset"].as_str(), farmland["revision"].as_str()), (Some("farmland"), Some("farmland-r1")));
    let areas: Vec<f64> = findings.patches.iter().map(|p| p.properties["plane_m2"].as_f64().unwrap()).collect();
    assert_eq!(areas, [12.51, 60.0]);
    assert_eq!(findings.patches[0].properties["verdict"], "fail");
    assert!(findings.patches.iter().all(|patch| patch.polygons.len() == 1));
    let balance = findings.result["tables"]["balance"].as_array().unwrap();
    let replaced = balance.iter().find(|row| row["item"] == "basic_farmland").unwrap();
    assert_eq!(replaced["plane_m2"], 72.51, "the tables say what the check says");
}

#[test]
fn an_exemption_makes_a_breach_conditional_and_is_named() {
    let mut layers = county();
    add(&mut layers, "redline", "unknown", vec![parcel("1", json!({"HXMC": "甲红线"}), at(50.0, 50.0, 20.0, 20.0))]);
    let failed = check(&layers, &request(&site(), housing()));
    assert_eq!(rule(&failed, "ecological-red-line")["verdict"], "fail");
    assert_eq!(rule(&failed, "ecological-red-line").get("exemption"), None);
    let conditional = check(&layers, &request(&site(), road()));
    let found = rule(&conditional, "ecological-red-line");
    assert_eq!((&found["verdict"], &found["overlap"]["plane_m2"]), (&json!("conditional"), &json!(400.0)));
    assert_eq!(found["exemption"]["id"], "redline-linear");
    assert!(
        found["message_zh"].as_str().unwrap().contains("有限人为活动")
            && found["message_en"].as_str().unwrap().contains("400.00 m²")
    );
    assert_eq!(conditional.result["verdict"], "conditional");
    assert_eq!(conditional.patches[0].properties["name"], "甲红线");
    // A code without its system exempts nobody; a stated kind does.
    let bare = check(&layers, &request(&site(), json!({ "land_use_code": "1202" })));
    assert_eq!(rule(&bare, "ecological-red-line")["verdict"], "fail");
    let other =
        check(&layers, &request(&site(), json!({ "land_use_code": "1202", "land_use_system": "TD/T 1055-2019" })));
    assert_eq!(rule(&other, "ecological-red-line")["verdict"], "fail");
    let stated = check(&layers, &request(&site(), json!({ "kind": "国家重大项目" })));
    assert_eq!(rule(&stated, "ecological-red-line")["exemption"]["id"], "redline-major");
    // A project of the review carries its use as an object.
    let object = json!({ "land_use": { "system": "landuse-2023", "code": "1202", "name": "公路用地" } });
    assert_eq!(rule(&check(&layers, &request(&site(), object)), "ecological-red-line")["verdict"], "conditional");
}

#[test]
fn land_outside_the_boundary_is_measured_and_both_sides_add_up() {
    let across = at(150.0, 0.0, 100.0, 100.0);
    let mut layers = county();
    add(&mut layers, "farmland", "sandiao", vec![]);
    let findings = check(&layers, &request(&across, housing()));
    let found = rule(&findings, "urban-boundary");
    assert_eq!(found["verdict"], "conditional");
    assert_eq!((&found["overlap"]["plane_m2"], &found["outside"]["plane_m2"]), (&json!(5000.0), &json!(5000.0)));
    let rows = findings.result["tables"]["three_lines"].as_array().unwrap();
    let of =
        |title: &str| rows.iter().find(|row| row["title"] == title).unwrap_or_else(|| panic!("{title}: {rows:#?}"));
    assert_eq!(of("城镇开发边界内")["plane_m2"], 5000.0);
    assert_eq!(of("其中：城镇弹性发展区")["plane_m2"], 5000.0);
    assert_eq!(of("城镇开发边界外")["plane_m2"], 5000.0);
    assert_eq!(of("永久基本农田")["verdict"], "pass");
    let patch = findings.patches.iter().find(|patch| patch.properties["rule"] == "urban-boundary").unwrap();
    assert_eq!((&patch.properties["outside"], &patch.properties["plane_m2"]), (&json!(true), &json!(5000.0)));
    assert_eq!(
        rule(&check(&layers, &request(&across, road())), "urban-boundary")["exemption"]["id"],
        "boundary-outside"
    );
    let inside = check(&county(), &request(&site(), housing()));
    let classes: Vec<f64> = rule(&inside, "urban-boundary")["by_class"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["plane_m2"].as_f64().unwrap())
        .collect();
    assert_eq!(classes, [6000.0, 4000.0]);
}

#[test]
fn a_missing_layer_is_not_checked_and_no_pass_is_given_without_the_required_ones() {
    let mut layers = county();
    layers.remove("mining");
    let findings = check(&layers, &request(&site(), housing()));
    assert_eq!(findings.result["verdict"], "pass");
    assert_eq!(findings.result["complete"], false);
    assert_eq!(rule(&findings, "mining-right")["verdict"], "not_checked");
    assert!(rule(&findings, "mining-right")["message_zh"].as_str().unwrap().contains("未检测"));
    assert_eq!(findings.result["not_checked"][0]["rule"], "mining-right");
    layers.remove("redline");
    let findings = check(&layers, &request(&site(), housing()));
    assert_eq!(findings.result["verdict"], "incomplete");
    let row = &findings.result["tables"]["three_lines"][1];
    assert_eq!(
        (&row["verdict"], row.get("plane_m2")),
        (&json!("not_checked"), None),
        "no figure where nothing was measured"
    );
    // A field by which a line is chosen and that the layer lacks is a missing layer too.
    let mut layers = county();
    add(&mut layers, "heritage", "unknown", vec![parcel("1", json!({}), site())]);
    let findings = check(&layers, &request(&site(), housing()));
    assert_eq!(rule(&findings, "relic-range")["verdict"], "not_checked");
    // No survey, no tables; and a survey of another code system is none.
    let mut layers = county();
    layers.get_mut("dltb").unwrap().layer.code_system = "自然资发〔2023〕234号".to_owned();
    let findings = check(&layers, &request(&site(), housing()));
    assert_eq!(findings.result["tables"]["land_classes"], json!([]));
    assert_eq!(findings.result["not_checked"][0]["rule"], "land-classes");
    assert_eq!(check(&Layers::new(), &request(&site(), housing())).result["verdict"], "incomplete");
}

#[test]
fn slivers_within_the_tolerance_are_stated_and_pass() {
    let mut layers = county();
    add(&mut layers, "farmland", "sandiao", vec![parcel("1", json!({}), at(99.991, 0.0, 50.0, 100.0))]);
    let findings = check(&layers, &request(&site(), housing()));
    let found = rule(&findings, "farmland");
    assert_eq!((&found["verdict"], &found["overlap"]["plane_m2"]), (&json!("pass"), &json!(0.9)));
    assert!(found["message_zh"].as_str().unwrap().contains("在容差以内"));
}

#[test]
fn selections_choose_features_by_their_field() {
    let mut layers = county();
    let line =
        |id: &str, kind: &str, x: f64| parcel(id, json!({ "SXLX": kind, "SXMC": "公园" }), at(x, 0.0, 10.0, 10.0));
    add(
        &mut layers,
        "city-lines",
        "unknown",
        vec![line("1", "绿线", 0.0), line("2", "紫线", 20.0), line("3", "蓝线", 500.0)],
    );
    let findings = check(&layers, &request(&site(), housing()));
    for (name, area, verdict) in
        [("green-line", 100.0, "fail"), ("purple-line", 100.0, "fail"), ("blue-line", 0.0, "pass")]
    {
        let found = rule(&findings, name);
        assert_eq!((&found["overlap"]["plane_m2"], &found["verdict"]), (&json!(area), &json!(verdict)), "{name}");
    }
    assert_eq!(rule(&findings, "blue-line")["distance_m"], 400.0);
}

#[test]
fn distances_are_kept_from_points_and_from_the_edges_of_lines() {
    let mut layers = county();
    let point = |x: f64| Parcel { id: "1".to_owned(), points: vec![[EAST + x, NORTH + 50.0]], ..Parcel::default() };
    add(&mut layers, "hazard-points", "unknown", vec![point(250.0), point(299.0)]);
    let found = check(&layers, &request(&site(), housing()));
    assert_eq!(
        (&rule(&found, "hazard-point")["verdict"], &rule(&found, "hazard-point")["distance_m"]),
        (&json!("note"), &json!(150.0))
    );
    assert_eq!(found.result["verdict"], "pass", "a note changes no verdict");

    let mut text = RuleBook::shipped().document("control-lines").unwrap().text.clone();
    text = text.replacen("[[line]]", "[[line]]\nrule = \"road\"\ntitle_zh = \"公路建筑控制区\"\ntitle_en = \"road belt\"\ngroup = \"safety\"\ndatasets = [\"roads\"]\ncheck = \"keep-distance\"\ndistance_m = 20.0\nwidth_field = \"KD\"\nbasis = \"《公路安全保护条例》第十一条\"\n\n[[line]]", 1);
    let mut rules = RuleBook::shipped();
    rules.put(RuleDocument { name: "control-lines".to_owned(), version: "2026-09".to_owned(), text });
    let lane = Parcel {
        id: "1".to_owned(),
        attributes: json!({ "KD": 12.5 }).as_object().cloned().unwrap(),
        lines: vec![vec![[EAST + 125.0, NORTH - 500.0], [EAST + 125.0, NORTH + 500.0]]],
        ..Parcel::default()
    };
    add(&mut layers, "roads", "unknown", vec![lane]);
    let found = run(&layers, &request(&site(), housing()), &rules, &Unwatched).unwrap();
    assert_eq!(
        (&rule(&found, "road")["distance_m"], &rule(&found, "road")["verdict"]),
        (&json!(18.75), &json!("conditional"))
    );
    assert_eq!(found.result["rule_versions"]["control-lines"], "2026-09");
}

#[test]
fn the_detailed_plan_limits_only_projects_of_its_own_use() {
    let rows = |project: Value| {
        let findings = check(&county(), &request(&site(), project));
        (findings.result["indicators"].as_array().unwrap().clone(), findings.result["verdict"].clone())
    };
    let find = |rows: &[Value], parcel: &str, name: &str| {
        rows.iter().find(|r| r["parcel"] == parcel && r["name"] == name).cloned()
    };
    let (same, verdict) = rows(housing());
    assert_eq!(verdict, "pass");
    assert_eq!(find(&same, "DK-1", "far").unwrap()["verdict"], "pass");
    assert_eq!(find(&same, "DK-1", "height_m").unwrap()["limit"], 54.0);
    assert_eq!(find(&same, "DK-1", "green_percent").unwrap()["verdict"], "not_checked", "the project states none");
    assert_eq!(find(&same, "DK-2", "use").unwrap()["verdict"], "note");
    assert_eq!(find(&same, "DK-2", "far"), None, "limits for a school are none for dwellings");
    let mut dense = housing();
    dense["far"] = json!(2.01);
    dense["green_percent"] = json!(30);
    let (rows_dense, verdict) = rows(dense);
    assert_eq!(verdict, "conditional");
    assert_eq!(find(&rows_dense, "DK-1", "far").unwrap()["verdict"], "conditional");
    assert_eq!(find(&rows_dense, "DK-1", "green_percent").unwrap()["verdict"], "conditional");
    assert_eq!(rows(road()).0, Vec::<Value>::new(), "a road has no floor-area ratio");
    let mut other = housing();
    other["land_use_system"] = json!("TD/T 1055-2019");
    assert_eq!(find(&rows(other).0, "DK-1", "use").unwrap()["verdict"], "not_checked");
}

/// Sums a table's rows that are neither parts nor totals.
fn sum(rows: &[Value], key: &str, keep: impl Fn(&Value) -> bool) -> i64 {
    rows.iter().filter(|row| keep(row)).map(|row| (row[key].as_f64().unwrap() * 10_000.0).round() as i64).sum()
}

#[test]
fn tables_deduct_field_ridges_and_add_up() {
    let findings = check(&county(), &request(&site(), housing()));
    let tables = &findings.result["tables"];
    let detail = tables["land_detail"].as_array().unwrap();
    let of = |code: &str| detail.iter().find(|row| row["class"] == code).unwrap()["plane_m2"].clone();
    // 6,000 m² of paddy, of which a tenth (KCMJ of TBMJ, not the contradicting KCXS) is ridge.
    assert_eq!((of("0101"), of("1203"), of("0701")), (json!(5400.0), json!(600.0), json!(4000.0)));
    let balance = |item: &str| {
        let rows = tables["balance"].as_array().unwrap();
        rows.iter().find(|row| row["item"] == item).unwrap()["plane_m2"].clone()
    };
    assert_eq!((balance("cultivated"), balance("paddy")), (json!(5400.0), json!(5400.0)));
    assert_eq!(
        (balance("farm_conversion"), balance("unused_conversion"), balance("built")),
        (json!(6000.0), json!(0.0), json!(4000.0))
    );
    let rows = tables["land_classes"].as_array().unwrap();
    let last = rows.last().unwrap();
    assert_eq!((&last["owner"], &last["plane_m2"], &last["plane_ha"]), (&json!("合计"), &json!(10_000.0), &json!(1.0)));
    let owners: Vec<&str> = rows.iter().map(|row| row["owner"].as_str().unwrap()).collect();
    assert!(owners.contains(&"甲村（国有）") && owners.contains(&"甲村（集体）"), "{owners:?}");
    let occupied = tables["occupied_parcels"].as_array().unwrap();
    assert_eq!(occupied.len(), 2, "the water beside only touches: {occupied:#?}");
    assert_eq!((&occupied[0]["source_id"], &occupied[0]["ridge_plane_m2"]), (&json!("BSM1"), &json!(600.0)));
}

#[test]
fn parcels_that_lie_on_each_other_are_counted_once() {
    let mut layers = county();
    let twice =
        vec![parcel("1", json!({}), at(0.0, 0.0, 20.0, 20.0)), parcel("2", json!({}), at(10.0, 0.0, 20.0, 20.0))];
    add(&mut layers, "farmland", "sandiao", twice);
    let findings = check(&layers, &request(&site(), housing()));
    let found = rule(&findings, "farmland");
    assert_eq!((&found["overlap"]["plane_m2"], &found["layer_overlaps_itself"]), (&json!(600.0), &json!(true)));
    let parts: Vec<f64> =
        found["overlap"]["parts"].as_array().unwrap().iter().map(|p| p["plane_m2"].as_f64().unwrap()).collect();
    assert_eq!(parts, [400.0, 200.0]);
}

#[test]
fn the_same_input_gives_the_same_bytes_in_whatever_order_features_come() {
    let layers = county();
    let request = request(&at(-30.3, -20.7, 140.1, 99.9), housing());
    let first = check(&layers, &request);
    let mut turned = layers.clone();
    for layer in turned.values_mut() {
        layer.layer.parcels.reverse();
    }
    let second = check(&turned, &request);
    assert_eq!(serde_json::to_vec(&first.result).unwrap(), serde_json::to_vec(&second.result).unwrap());
    assert_eq!(first.patches, second.patches);
}

#[test]
fn the_filing_date_and_the_window_are_asked_for() {
    let rules = RuleBook::shipped();
    let mut request = request(&site(), housing());
    request["recorded"] = json!("2025-01-01T00:00:00Z");
    let wanted = (analysis("compliance").unwrap().wanted)(&request, &rules).unwrap();
    assert!(
        wanted.layers.iter().all(|l| l.optional && l.datetime.as_deref() == Some("2024-09-01") && l.recorded.is_some())
    );
    let names: Vec<&str> = wanted.layers.iter().map(|layer| layer.dataset.as_str()).collect();
    for name in ["farmland", "redline", "urban-boundary", "city-lines", "detail-plan", "dltb"] {
        assert_eq!(names.iter().filter(|known| **known == name).count(), 1, "{name} in {names:?}");
    }
    let [west, south, east, north] = wanted.bounds_lon_lat_deg.unwrap();
    let within = wanted.layers[0].within_lon_lat_deg.unwrap();
    let metres = [
        (west - within[0]) * 98_000.0,
        (south - within[1]) * 111_000.0,
        (within[2] - east) * 98_000.0,
        (within[3] - north) * 111_000.0,
    ];
    assert!(metres.iter().all(|m| (490.0..510.0).contains(m)), "{metres:?}");
    for bad in [
        json!({}),
        json!({ "red_line": { "crs": "EPSG:4546", "parcels": [] } }),
        json!({ "red_line": { "crs": "EPSG:2361", "parcels": [{ "polygons": [[site()]] }] } }),
    ] {
        assert!((analysis("compliance").unwrap().wanted)(&bad, &rules).is_err(), "{bad}");
    }
}

#[derive(Debug)]
struct Gone;

impl Watch for Gone {
    fn progress(&self, _done: f64, _doing: &str) {}
    fn cancelled(&self) -> bool {
        true
    }
}

#[test]
fn broken_rules_other_planes_and_cancelling_are_refused() {
    let (layers, request) = (county(), request(&site(), housing()));
    assert!(matches!(run(&layers, &request, &RuleBook::shipped(), &Gone), Err(AnalysisError::Cancelled)));
    let mut other = layers.clone();
    other.get_mut("mining").unwrap().layer.crs = Crs::from_epsg(4547).unwrap();
    assert!(matches!(run(&other, &request, &RuleBook::shipped(), &Unwatched), Err(AnalysisError::NotOnePlane { .. })));
    let shipped = RuleBook::shipped().document("control-lines").unwrap().text.clone();
    for (from, to) in [
        ("rule = \"river-range\"", "rule = \"farmland\""),
        ("exemptions = [\"farmland-major\"]", "exemptions = [\"nobody\"]"),
        ("tolerance_m2 = 1.0", "tolerance_m2 = -1.0"),
        ("check = \"list\"", "check = \"guess\""),
        ("distance_m = 200.0\n", ""),
        ("required = true", "requird = true"),
    ] {
        assert!(shipped.contains(from), "{from}");
        let mut rules = RuleBook::shipped();
        rules.put(RuleDocument {
            name: "control-lines".to_owned(),
            version: "x".to_owned(),
            text: shipped.replacen(from, to, 1),
        });
        let refused = run(&layers, &request, &rules, &Unwatched);
        assert!(matches!(refused, Err(AnalysisError::BadRule { .. })), "{from} -> {to}: {refused:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_table_adds_up_to_the_red_line_for_any_red_line(corners in prop::collection::vec((0.0..1.0f64, 20.0..140.0f64), 3..12), cut in prop::collection::vec(1.0..99.0f64, 2..9)) {
        let mut corners = corners;
        corners.sort_by(|a, b| a.0.total_cmp(&b.0));
        corners.dedup_by(|a, b| (a.0 - b.0).abs() < 0.01);
        prop_assume!(corners.len() > 2);
        let star: Vec<[f64; 2]> = corners.iter().map(|(turn, r)| {
            let (sin, cos) = (turn * std::f64::consts::TAU).sin_cos();
            [EAST + 50.0 + r * cos, NORTH + 50.0 + r * sin]
        }).collect();
        // The survey in crooked strips, with a gap to the east.
        let mut layers = county();
        let mut edges = cut.clone();
        edges.sort_by(f64::total_cmp);
        edges.insert(0, -200.0);
        let patches = edges.windows(2).enumerate().filter(|(_, w)| w[1] > w[0]).map(|(i, w)| {
            let [a, b] = [w[0], w[1]];
            let ring = [[a, -200.0], [b, -200.0], [b + 11.3, 300.0], [a + 11.3, 300.0]].map(|[x, y]| [EAST + x, NORTH + y]).to_vec();
            let code = ["0101", "0103", "0201K", "0702", "1101", "9999"][i % 6];
            parcel(&i.to_string(), json!({ "DLBM": code, "QSDWDM": (i % 2).to_string(), "QSDWMC": "村", "QSXZ": "30", "KCXS": 0.0731 }), ring)
        }).collect();
        add(&mut layers, "dltb", "sandiao", patches);
        let red_line = request(&star, housing());
        // Stars with an angle of more than a half turn may cross themselves; those are refused.
        let Ok(findings) = run(&layers, &red_line, &RuleBook::shipped(), &Unwatched) else { return Ok(()) };
        let tables = &findings.result["tables"];
        for key in ["plane_m2", "ellipsoidal_m2"] {
            let whole = (findings.result["red_line"][key].as_f64().unwrap() * 10_000.0).round() as i64;
            let classes = tables["land_classes"].as_array().unwrap();
            let is_class = |row: &Value| row.get("part").is_none() && row["title"] != "小计" && row["title"] != "总计";
            prop_assert_eq!(sum(classes, key, |row| is_class(row) && row["owner"] != "合计"), whole);
            prop_assert_eq!(sum(classes, key, |row| is_class(row) && row["owner"] == "合计"), whole);
            prop_assert_eq!(sum(tables["land_detail"].as_array().unwrap(), key, |_| true), whole);
            let uncovered = sum(classes, key, |row| row["owner"] == "调查未覆盖" && row["title"] == "小计");
            prop_assert_eq!(sum(tables["occupied_parcels"].as_array().unwrap(), key, |_| true) + uncovered, whole);
            let balance = tables["balance"].as_array().unwrap();
            let items = ["farm_conversion", "unused_conversion", "built", "uncovered"];
            prop_assert_eq!(sum(balance, key, |row| items.iter().any(|item| row["item"] == *item)), whole);
            let boundary = rule(&findings, "urban-boundary");
            let sides: Vec<Value> = vec![boundary["overlap"].clone(), boundary["outside"].clone()];
            prop_assert_eq!(sum(&sides, key, |_| true), whole);
        }
        let hectares = |rows: &[Value], owner: bool| sum(rows, "plane_ha", |row| row.get("part").is_none() && row["title"] != "小计" && row["title"] != "总计" && (row["owner"] == "合计") == owner);
        let classes = tables["land_classes"].as_array().unwrap();
        let whole = (classes.last().unwrap()["plane_ha"].as_f64().unwrap() * 10_000.0).round() as i64;
        prop_assert_eq!(hectares(classes, true), whole);
        prop_assert_eq!(hectares(classes, false), whole);
        prop_assert_eq!(&classes.last().unwrap()["plane_ha"], &findings.result["red_line"]["plane_ha"]);
    }
}

#[test]
fn results_show_the_fields_that_documents_print() {
    let findings = check(&county(), &request(&site(), housing()));
    let object: &Map<String, Value> = rule(&findings, "river-range").as_object().unwrap();
    for key in [
        "rule",
        "title",
        "title_en",
        "group",
        "verdict",
        "legal_basis",
        "overlap",
        "distance_m",
        "message_zh",
        "message_en",
    ] {
        assert!(object.contains_key(key), "{key}");
    }
    assert!(findings.result["sources"].as_array().unwrap().len() == county().len());
}
