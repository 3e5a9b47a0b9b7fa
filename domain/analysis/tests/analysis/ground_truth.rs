//! One source of truth within layers, and new buildings between two surfaces.

use std::collections::BTreeMap;

use analysis::{
    AnalysisError, Findings, LoadedLayer, Parcel, ParcelLayer, Polygon, RuleBook, Surface, Task,
    mechanism::{Unwatched, analysis},
};
use geodesy::Crs;
use serde_json::{Value, json};

const EAST: f64 = 376_000.0;
const NORTH: f64 = 3_133_000.0;

fn parcel(id: &str, class: &str, [x, y, width, height]: [f64; 4]) -> Parcel {
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

fn loaded(dataset: &str, code_system: &str, parcels: Vec<Parcel>) -> LoadedLayer {
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
        layer,
    }
}

fn run(
    name: &str,
    request: &Value,
    layers: &BTreeMap<String, LoadedLayer>,
    surfaces: &BTreeMap<String, &dyn Surface>,
) -> Result<Findings, AnalysisError> {
    let (rules, plane) = (RuleBook::shipped(), Crs::from_epsg(4546).unwrap());
    let task = Task { request, rules: &rules, plane: &plane, layers, surfaces, watch: &Unwatched };
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
    fn source(&self) -> &str {
        "dsm@1"
    }
    fn crs(&self) -> &Crs {
        &self.crs
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
