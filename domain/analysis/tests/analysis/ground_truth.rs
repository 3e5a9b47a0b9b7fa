//! One source of truth within layers, and new buildings between two surfaces.

use std::collections::BTreeMap;

use analysis::{
    AnalysisError, Findings, LoadedLayer, Parcel, ParcelLayer, Polygon, RuleBook, Surface, Task,
    mechanism::{NoRasters, Unwatched, analysis},
};
use geodesy::{Crs, HeightDatum};
use serde_json::{Value, json};

const EAST: f64 = 376_000.0;
const NORTH: f64 = 3_133_000.0;

pub(crate) fn parcel(id: &str, class: &str, [x, y, width, height]: [f64; 4]) -> Parcel {
    let (x, y) = (EAST + x, NORTH + y);
    let exterior = vec![[x, y], [x + width, y], [x + width, y + height], [x, y + height]];
    Parcel {
        id: id.to_owned(),
        source_id: id.to_owned(),
        class: class.to_owned(),
        polygons: vec![Polygon { exterior, holes: vec![] }],
        ..Parcel::default()
    }
}

pub(crate) fn loaded(dataset: &str, code_system: &str, parcels: Vec<Parcel>) -> LoadedLayer {
    let layer = ParcelLayer {
        source: format!("{dataset}@1"),
        code_system: code_system.to_owned(),
        crs: Crs::from_epsg(4546).unwrap(),
        parcels,
    };
    LoadedLayer {
        dataset: dataset.to_owned(),
        revision: "1".to_owned(),
        title: dataset.to_owned(),
        valid_from: "2020-01-01T00:00:00Z".to_owned(),
        bounds_lon_lat_deg: [109.0, 28.0, 110.0, 29.0],
        repairs: Vec::new(),
        layer,
    }
}

pub(crate) fn run(
    name: &str,
    request: &Value,
    layers: &BTreeMap<String, LoadedLayer>,
    surfaces: &BTreeMap<String, &dyn Surface>,
) -> Result<Findings, AnalysisError> {
    let (rules, plane) = (RuleBook::shipped(), Crs::from_epsg(4546).unwrap());
    let task = Task { request, rules: &rules, plane: &plane, layers, surfaces, watch: &Unwatched, rasters: &NoRasters };
    (analysis(name).unwrap().run)(&task)
}

#[test]
fn overlaps_gaps_and_numbers_used_twice_are_found_and_nothing_else() {
    // Four parcels round a gap of 10 m x 20 m; the last lies 5 m over the first and repeats a number.
    let ring = vec![
        parcel("1", "0101", [0.0, 0.0, 100.0, 40.0]),
        parcel("2", "0101", [0.0, 60.0, 100.0, 40.0]),
        parcel("3", "0301", [0.0, 40.0, 45.0, 20.0]),
        parcel("4", "0301", [55.0, 40.0, 45.0, 20.0]),
        parcel("4", "0301", [100.0, 0.0, 50.0, 50.0]),
        parcel("6", "0301", [60.0, -45.0, 10.0, 50.0]),
    ];
    let layers = BTreeMap::from([("layer-1".to_owned(), loaded("dltb", "TD/T 1055-2019", ring))]);
    let found = run("audit", &json!({ "layers": [{ "dataset": "dltb" }] }), &layers, &BTreeMap::new()).unwrap();
    let report = &found.result["layers"][0];
    assert_eq!(report["overlaps"].as_array().unwrap().len(), 1);
    assert_eq!(report["overlaps"][0]["plane_m2"], json!(50.0));
    assert_eq!(report["overlaps"][0]["source_ids"], json!(["1", "6"]));
    assert_eq!(report["gaps"].as_array().unwrap().len(), 1);
    assert_eq!(report["gaps"][0]["plane_m2"], json!(200.0));
    assert_eq!(report["duplicate_ids"], json!([{ "id": "4", "features": 2 }]));
    assert_eq!((found.patches.len(), &report["codes"]["refused"]), (2, &json!(false)));
    assert_eq!(found.result["refused"], json!([]));
}

#[test]
fn codes_that_mean_two_things_are_refused_and_one_subject_twice_is_said() {
    let parcels = || vec![parcel("1", "1001", [0.0, 0.0, 50.0, 50.0]), parcel("2", "0601", [50.0, 0.0, 50.0, 50.0])];
    let layers = BTreeMap::from([
        ("layer-1".to_owned(), loaded("nobody", "unknown", parcels())),
        ("layer-2".to_owned(), loaded("survey", "TD/T 1055-2019", parcels())),
    ]);
    let request = json!({ "layers": [{ "dataset": "nobody" }, { "dataset": "survey" }] });
    let found = run("audit", &request, &layers, &BTreeMap::new()).unwrap();
    assert_eq!(found.result["refused"], json!(["nobody"]));
    let collisions = &found.result["layers"][0]["codes"]["collisions"];
    assert_eq!(collisions[0]["code"], json!("0601"));
    assert_eq!(collisions[0]["meanings"], json!({ "sandiao": "工业用地", "landuse-2023": "农村道路" }));
    assert_eq!(found.result["duplicate_subjects"][0]["datasets"], json!(["nobody", "survey"]));
}

/// A surface of 0.5 m cells over 100 m, of a function of east and north.
#[derive(Debug)]
struct Made {
    crs: Crs,
    height_m: fn(f64, f64) -> f64,
    columns: usize,
}

impl Surface for Made {
    fn source(&self) -> &'static str {
        "dsm@1"
    }
    fn crs(&self) -> &Crs {
        &self.crs
    }
    fn height_datum(&self) -> &HeightDatum {
        &HeightDatum::Normal1985
    }
    fn valid_from(&self) -> &'static str {
        "2024-01-01T00:00:00Z"
    }
    fn size(&self) -> [usize; 2] {
        [self.columns, 200]
    }
    fn grid(&self) -> [f64; 4] {
        [EAST, NORTH + 100.0, 0.5, 0.5]
    }
    fn window(&self, column: usize, row: usize, columns: usize, rows: usize) -> Result<Vec<f32>, AnalysisError> {
        let at = |index: usize| {
            let (i, j) = (column + index % columns, row + index / columns);
            (self.height_m)(i as f64 * 0.5 + 0.25, 100.0 - j as f64 * 0.5 - 0.25) as f32
        };
        Ok((0..columns * rows).map(at).collect())
    }
}

fn hill(x: f64, y: f64) -> f64 {
    300.0 + 0.3 * x + 0.1 * y
}

/// Two houses, a shed too low and a heap of earth that thins out.
fn built(x: f64, y: f64) -> f64 {
    let inside = |west: f64, south: f64, w: f64, h: f64| x > west && x < west + w && y > south && y < south + h;
    let heap = (12.0 - 0.5 * (x - 75.0).hypot(y - 25.0)).max(0.0);
    let house = if inside(10.0, 10.0, 12.0, 10.0) || inside(40.0, 60.0, 20.0, 15.0) { 7.0 } else { 0.0 };
    let shed = if inside(5.0, 80.0, 10.0, 10.0) { 2.0 } else { 0.0 };
    hill(x, y) + heap + house + shed
}

#[test]
fn new_buildings_are_found_and_those_without_a_permit_are_suspected() {
    let crs = Crs::from_epsg(4546).unwrap();
    let (before, after) = (
        Made { crs: crs.clone(), height_m: hill, columns: 200 },
        Made { crs: crs.clone(), height_m: built, columns: 200 },
    );
    let surfaces: BTreeMap<String, &dyn Surface> =
        BTreeMap::from([("before".to_owned(), &before as &dyn Surface), ("after".to_owned(), &after as &dyn Surface)]);
    let permits = vec![parcel("p", "", [8.0, 8.0, 20.0, 20.0])];
    let layers = BTreeMap::from([("permits".to_owned(), loaded("permits", "unknown", permits))]);
    let request =
        json!({ "before": { "dataset": "dsm" }, "after": { "dataset": "dsm" }, "permits": { "dataset": "permits" } });
    let found = run("change", &request, &layers, &surfaces).unwrap();
    assert_eq!(found.result["new_buildings"], json!(2));
    assert_eq!(found.result["permitted"]["plane_m2"], json!(120.0));
    assert_eq!(
        (&found.result["suspected"]["patches"], &found.result["suspected"]["plane_m2"]),
        (&json!(1), &json!(300.0))
    );
    let suspected = found.patches.iter().find(|p| p.properties["suspected"] == json!(true)).unwrap();
    assert_eq!(suspected.polygons[0].exterior.len(), 4);
    assert_eq!(suspected.properties["mean_rise_m"], json!(7.0));
    // Nothing changed: nothing found. Other grids: refused.
    let same =
        BTreeMap::from([("before".to_owned(), &after as &dyn Surface), ("after".to_owned(), &after as &dyn Surface)]);
    assert_eq!(run("change", &request, &layers, &same).unwrap().patches.len(), 0);
    let narrow = Made { crs, height_m: hill, columns: 199 };
    let other =
        BTreeMap::from([("before".to_owned(), &narrow as &dyn Surface), ("after".to_owned(), &after as &dyn Surface)]);
    assert!(matches!(run("change", &request, &layers, &other), Err(AnalysisError::Request { .. })));
}

#[test]
fn a_gap_that_opens_at_the_border_is_found_against_the_outline_and_so_is_what_stands_outside() {
    let villages = || {
        vec![
            parcel("1", "", [0.0, 0.0, 40.0, 100.0]),
            // A metre apart, and two metres too far east.
            parcel("2", "", [41.0, 0.0, 61.0, 100.0]),
        ]
    };
    let outline = || loaded("xzq", "unknown", vec![parcel("t", "", [0.0, 0.0, 100.0, 100.0])]);
    let layers = |dataset: &str| {
        BTreeMap::from([
            ("layer-1".to_owned(), loaded(dataset, "unknown", villages())),
            ("cover".to_owned(), outline()),
        ])
    };
    let report = |request: Value, dataset: &str| {
        let found = run("audit", &request, &layers(dataset), &BTreeMap::new()).unwrap();
        (found.result["layers"][0].clone(), found.patches.len())
    };
    let covered = json!({ "layers": [{ "dataset": "villages" }], "cover": { "dataset": "xzq" } });
    let (found, patches) = report(covered.clone(), "villages");
    assert_eq!((&found["must_cover"], &found["must_cover_by"], patches), (&json!(true), &json!("rule"), 2));
    assert_eq!((&found["gaps"][0]["plane_m2"], &found["outside"][0]["plane_m2"]), (&json!(100.0), &json!(200.0)));
    assert_eq!(found["totals"]["gaps"]["patches"], json!(1));
    assert_eq!(found["totals"]["outside"]["plane_m2"], json!(200.0));
    // Without an outline only what is enclosed can be told.
    let (found, patches) = report(json!({ "layers": [{ "dataset": "villages" }] }), "villages");
    assert_eq!((patches, &found["gaps"]), (0, &json!([])));
    // A layer that never claimed to cover anything is left alone, unless asked.
    let (found, patches) = report(covered, "forest");
    assert_eq!((patches, &found["must_cover"]), (0, &json!(false)));
    let asked = json!({ "layers": [{ "dataset": "forest", "must_cover": true }], "cover": { "dataset": "xzq" } });
    let (found, patches) = report(asked, "forest");
    assert_eq!((patches, &found["must_cover_by"]), (2, &json!("request")));
}

#[test]
fn holes_of_a_partial_layer_are_no_gaps_and_what_stands_in_a_hole_is_none() {
    let ring = || {
        vec![
            parcel("1", "0101", [0.0, 0.0, 100.0, 40.0]),
            parcel("2", "0101", [0.0, 60.0, 100.0, 40.0]),
            parcel("3", "0301", [0.0, 40.0, 40.0, 20.0]),
            parcel("4", "0301", [60.0, 40.0, 40.0, 20.0]),
            // An island in the hole of 20 m x 20 m.
            parcel("5", "0301", [45.0, 45.0, 5.0, 5.0]),
        ]
    };
    let gaps = |dataset: &str| {
        let layers = BTreeMap::from([("layer-1".to_owned(), loaded(dataset, "TD/T 1055-2019", ring()))]);
        let request = json!({ "layers": [{ "dataset": dataset }] });
        run("audit", &request, &layers, &BTreeMap::new()).unwrap().result["layers"][0]["gaps"].clone()
    };
    assert_eq!(gaps("farmland"), json!([]));
    let found = gaps("dltb");
    assert_eq!((found.as_array().unwrap().len(), &found[0]["plane_m2"]), (1, &json!(375.0)));
}

fn with(mut parcel: Parcel, field: &str, value: &str) -> Parcel {
    parcel.attributes.insert(field.to_owned(), json!(value));
    parcel
}

#[test]
fn two_epochs_differ_by_ground_brought_in_taken_out_and_renamed_and_add_up() {
    let before = vec![
        with(parcel("1", "A", [0.0, 0.0, 100.0, 100.0]), "LX", "水土保持"),
        with(parcel("2", "B", [100.0, 0.0, 100.0, 100.0]), "LX", "水土保持"),
    ];
    let after = vec![
        // Split and renumbered: no change.
        with(parcel("7", "A", [0.0, 0.0, 50.0, 100.0]), "LX", "水土保持"),
        with(parcel("8", "A", [50.0, 0.0, 50.0, 100.0]), "LX", "水土保持"),
        // A strip of B became A; the east went, and something came in the north.
        with(parcel("9", "A", [100.0, 0.0, 10.0, 100.0]), "LX", "水土保持"),
        with(parcel("10", "B", [110.0, 0.0, 60.0, 100.0]), "LX", "水源涵养"),
        with(parcel("11", "B", [100.0, 100.0, 20.0, 30.0]), "LX", "水源涵养"),
    ];
    let layers = BTreeMap::from([
        ("before".to_owned(), loaded("redline", "unknown", before)),
        ("after".to_owned(), loaded("redline", "unknown", after)),
    ]);
    let request = |fields: Value| {
        json!({ "mode": "features", "before": { "dataset": "redline", "datetime": "2018" }, "after": { "dataset": "redline" },
                "fields": fields })
    };
    let wanted = (analysis("change").unwrap().wanted)(&request(json!([])), &RuleBook::shipped()).unwrap();
    assert_eq!((wanted.layers.len(), wanted.layers[0].datetime.as_deref()), (2, Some("2018")));
    let found = run("change", &request(json!([])), &layers, &BTreeMap::new()).unwrap();
    let kinds: Vec<(&str, u64, f64)> = found.result["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let plane_m2 = row["plane_m2"].as_f64().unwrap();
            (row["WHLX"].as_str().unwrap(), row["patches"].as_u64().unwrap(), plane_m2)
        })
        .collect();
    assert_eq!(kinds, [("1", 1, 600.0), ("2", 1, 1_000.0), ("3", 1, 3_000.0)]);
    let renamed = &found.patches[1].properties;
    assert_eq!((&renamed["before"], &renamed["after"]), (&json!("B"), &json!("A")));
    assert_eq!((&renamed["before_ids"], &renamed["after_ids"]), (&json!(["2"]), &json!(["9"])));
    assert_eq!(found.result["unchanged"]["plane_m2"], json!(16_000.0));
    assert_eq!(found.result["before"]["plane_m2"], json!(20_000.0));
    assert_eq!(found.result["after"]["plane_m2"], json!(17_600.0));
    let cents = |value: &Value| (value["ellipsoidal_m2"].as_f64().unwrap() * 100.0).round() as i64;
    let changes: Vec<i64> = found.result["changes"].as_array().unwrap().iter().map(cents).collect();
    assert_eq!(cents(&found.result["before"]), cents(&found.result["unchanged"]) + changes[1] + changes[2]);
    assert_eq!(cents(&found.result["after"]), cents(&found.result["unchanged"]) + changes[1] + changes[0]);
    // By another field the strip stays what it was, and the rest of B changes.
    let found = run("change", &request(json!(["LX"])), &layers, &BTreeMap::new()).unwrap();
    assert_eq!(found.result["changes"][1]["plane_m2"], json!(6_000.0));
    assert_eq!(found.result["flows"][1]["before"], json!(["水土保持"]));
    // The same again, and nothing to find; a field that is not there is refused.
    let again = run("change", &request(json!(["LX"])), &layers, &BTreeMap::new()).unwrap();
    assert_eq!(serde_json::to_string(&found.result).unwrap(), serde_json::to_string(&again.result).unwrap());
    let same =
        BTreeMap::from([("before".to_owned(), layers["after"].clone()), ("after".to_owned(), layers["after"].clone())]);
    assert_eq!(run("change", &request(json!([])), &same, &BTreeMap::new()).unwrap().patches.len(), 0);
    let refused = run("change", &request(json!(["MJ"])), &layers, &BTreeMap::new()).unwrap_err().to_string();
    assert!(refused.contains("MJ"), "{refused}");
}

#[test]
fn what_is_built_where_the_plan_does_not_allow_it_is_suspected_unless_it_was_approved() {
    let current = vec![
        parcel("1", "0702", [0.0, 0.0, 60.0, 50.0]),
        parcel("2", "0101", [60.0, 0.0, 140.0, 50.0]),
        parcel("3", "0601", [200.0, 0.0, 40.0, 50.0]),
        parcel("4", "0702", [240.0, 0.0, 30.0, 50.0]),
    ];
    // The plan gives building the west; it says nothing of the last 30 m.
    let plan = vec![parcel("a", "010", [0.0, 0.0, 50.0, 50.0]), parcel("b", "030", [50.0, 0.0, 190.0, 50.0])];
    let permits = vec![parcel("p", "", [195.0, -5.0, 30.0, 60.0])];
    let layers = BTreeMap::from([
        ("plan-1".to_owned(), loaded("dltb", "TD/T 1055-2019", current)),
        ("plan-2".to_owned(), loaded("land-plan", "GZQLXDM", plan)),
        ("permits".to_owned(), loaded("permits", "unknown", permits)),
    ]);
    let request = json!({
        "current": { "dataset": "dltb", "datetime": "2023-12-31" },
        "plan": { "dataset": "land-plan", "class_field": "GZQLXDM", "datetime": "2020-01-01" },
        "permits": { "dataset": "permits" },
    });
    let wanted = (analysis("change").unwrap().wanted)(&request, &RuleBook::shipped()).unwrap();
    let roles: Vec<(&str, Option<&str>)> =
        wanted.layers.iter().map(|layer| (layer.role.as_str(), layer.datetime.as_deref())).collect();
    assert_eq!(roles, [("plan-1", Some("2023-12-31")), ("plan-2", Some("2020-01-01")), ("permits", None)]);
    let found = run("change", &request, &layers, &BTreeMap::new()).unwrap();
    let total = |name: &str| {
        let row = &found.result[name];
        (row["patches"].as_u64().unwrap(), row["plane_m2"].as_f64().unwrap())
    };
    // 10 m of the first house parcel; the works, half of which is approved; the last, of which the plan is silent.
    assert_eq!(total("built_beyond_plan"), (3, 10.0 * 50.0 + 40.0 * 50.0 + 30.0 * 50.0));
    assert_eq!(total("permitted"), (1, 2_000.0));
    assert_eq!(total("suspected"), (2, 500.0 + 1_500.0));
    assert_eq!(total("plan_silent"), (1, 1_500.0));
    assert_eq!(total("built_as_planned"), (1, 2_500.0));
    assert_eq!(total("not_yet_built").1, 0.0);
    let approved = found.patches.iter().find(|patch| patch.properties["suspected"] == json!(false)).unwrap();
    assert_eq!(approved.properties["permitted_plane_m2"], json!(25.0 * 50.0));
    assert_eq!((found.patches.len(), &found.result["mode"]), (3, &json!("plan")));
    let mut without = request.clone();
    without.as_object_mut().unwrap().remove("permits");
    let found = run("change", &without, &layers, &BTreeMap::new()).unwrap();
    assert_eq!(found.result["permits_compared"], json!(false));
}
