//! Differences between plans.

use std::collections::BTreeMap;

use analysis::{
    AnalysisError, Findings, LoadedLayer, Parcel, ParcelLayer, Polygon, RuleBook, Task,
    mechanism::{NoRasters, RuleDocument, Unwatched, analysis},
    reclassification::{RULE_DOCUMENT, Reclassification},
    rounding::balance_table,
};
use geodesy::Crs;
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

const EAST: f64 = 376_000.0;
const NORTH: f64 = 3_133_000.0;

fn rectangle(x: f64, y: f64, width: f64, height: f64) -> Vec<[f64; 2]> {
    let (x, y) = (EAST + x, NORTH + y);
    vec![[x, y], [x + width, y], [x + width, y + height], [x, y + height]]
}

fn parcel(id: &str, class: &str, ring: Vec<[f64; 2]>) -> Parcel {
    Parcel {
        id: id.to_owned(),
        source_id: format!("BSM{id}"),
        class: class.to_owned(),
        polygons: vec![Polygon { exterior: ring, holes: vec![] }],
        ..Parcel::default()
    }
}

fn loaded(dataset: &str, code_system: &str, parcels: Vec<Parcel>) -> LoadedLayer {
    LoadedLayer {
        dataset: dataset.to_owned(),
        revision: "7".to_owned(),
        title: dataset.to_owned(),
        valid_from: "2020-01-01T00:00:00Z".to_owned(),
        bounds_lon_lat_deg: [109.0, 28.0, 110.0, 29.0],
        repairs: Vec::new(),
        layer: ParcelLayer {
            source: format!("{dataset}@7"),
            code_system: code_system.to_owned(),
            crs: Crs::from_epsg(4546).unwrap(),
            parcels,
        },
    }
}

fn unit(code: &str, name: &str, ring: Vec<[f64; 2]>) -> Parcel {
    let mut parcel = parcel(code, "", ring);
    parcel.attributes.insert("ZLDWDM".to_owned(), json!(code));
    parcel.attributes.insert("ZLDWMC".to_owned(), json!(name));
    parcel
}

fn run(request: &Value, layers: &BTreeMap<String, LoadedLayer>) -> Result<Findings, AnalysisError> {
    let (rules, plane, surfaces) = (RuleBook::shipped(), Crs::from_epsg(4546).unwrap(), BTreeMap::new());
    let task = Task {
        request,
        rules: &rules,
        plane: &plane,
        layers,
        surfaces: &surfaces,
        watch: &Unwatched,
        rasters: &NoRasters,
    };
    (analysis("difference").unwrap().run)(&task)
}

/// Town plan (west 300 m), land plan (all 400 m) and two villages, 200 m high.
fn world() -> (Value, BTreeMap<String, LoadedLayer>) {
    let town = vec![
        parcel("1", "R2", rectangle(0.0, 0.0, 100.0, 200.0)),
        parcel("2", "YDDM_M1", rectangle(100.0, 0.0, 50.0, 200.0)),
        parcel("3", "E2", rectangle(150.0, 0.0, 140.0, 200.0)),
        parcel("4", "Z99", rectangle(290.0, 0.0, 10.0, 200.0)),
    ];
    let land = vec![
        parcel("a", "010", rectangle(0.0, 0.0, 120.0, 100.0)),
        parcel("b", "030", rectangle(0.0, 100.0, 120.0, 100.0)),
        parcel("c", "040", rectangle(120.0, 0.0, 100.0, 200.0)),
        parcel("d", "010", rectangle(220.0, 0.0, 180.0, 200.0)),
    ];
    let villages = vec![
        unit("4331991010010000000", "东村", rectangle(0.0, 0.0, 110.0, 200.0)),
        unit("4331991012000000000", "西村", rectangle(110.0, 0.0, 290.0, 200.0)),
    ];
    let layers = BTreeMap::from([
        ("plan-1".to_owned(), loaded("town", "GB 50137-2011", town)),
        ("plan-2".to_owned(), loaded("land", "unknown", land)),
        ("units".to_owned(), loaded("villages", "unknown", villages)),
    ]);
    let request = json!({
        "layers": [{ "dataset": "town" }, { "dataset": "land", "class_field": "GZQLXDM" }],
        "units": { "dataset": "villages" },
    });
    (request, layers)
}

fn row<'a>(findings: &'a Findings, classes: &[&str]) -> &'a Value {
    let rows = findings.result["matrix"].as_array().unwrap();
    rows.iter().find(|row| row["classes"] == json!(classes)).unwrap_or(&Value::Null)
}

fn cents(value: &Value) -> i64 {
    (value.as_f64().unwrap() * 100.0).round() as i64
}

#[test]
fn every_combination_is_found_with_its_patches_dissolved() {
    let (request, layers) = world();
    let found = run(&request, &layers).unwrap();
    for (classes, patches, plane_m2, counts) in [
        (["建设", "建设"], 1, 12_000.0, false),
        // Two features of the town plan and two of the land plan, one patch.
        (["建设", "非建设"], 1, 18_000.0, true),
        (["非建设", "建设"], 1, 14_000.0, true),
        (["非建设", "非建设"], 1, 14_000.0, false),
        (["代码不明", "建设"], 1, 2000.0, false),
        (["未覆盖", "建设"], 1, 20_000.0, false),
    ] {
        let row = row(&found, &classes);
        assert_eq!((&row["patches"], &row["plane_m2"]), (&json!(patches), &json!(plane_m2)), "{classes:?}");
        assert_eq!(row["counts_as_difference"], json!(counts), "{classes:?}");
    }
    assert_eq!(found.result["matrix"].as_array().unwrap().len(), 6);
    assert_eq!(found.result["totals"]["difference"]["plane_m2"], json!(32_000.0));
    assert_eq!(found.result["uncovered"][0]["plane_m2"], json!(20_000.0));
    let unknown = &found.result["unknown_codes"][0];
    assert_eq!((&unknown["code"], &unknown["features"]), (&json!("Z99"), &json!(1)));
    // 125 km west of the meridian the plane is some 380 ppm larger than the ground.
    let ground_m2 = found.result["totals"]["ellipsoidal_m2"].as_f64().unwrap();
    assert!((27.0..33.0).contains(&(80_000.0 - ground_m2)), "{ground_m2}");
}

#[test]
fn a_patch_names_its_sources_units_and_ledger_columns() {
    let (request, layers) = world();
    let found = run(&request, &layers).unwrap();
    let patch = found.patches.iter().find(|p| p.properties["classes"] == json!(["建设", "非建设"])).unwrap();
    let of = |name: &str| &patch.properties[name];
    assert_eq!((of("CYLXDM"), of("CTFL")), (&json!("1"), &json!("城规建设 土规非建设")));
    assert_eq!((of("XZQDM"), of("XZQMC")), (&json!("433199101001"), &json!("东村")));
    assert_eq!((of("CGYDXZ"), of("TGYDXZ"), of("TZYY")), (&json!("R2;YDDM_M1"), &json!("030;040"), &json!("")));
    assert_eq!(of("sides")[0]["source_ids"], json!(["BSM1", "BSM2"]));
    assert_eq!(of("sides")[1]["revision"], json!("7"));
    let parts = of("parts").as_array().unwrap();
    assert_eq!(parts.iter().map(|part| cents(&part["plane_m2"])).collect::<Vec<_>>(), [1_100_000, 700_000]);
    assert_eq!(patch.polygons[0].exterior.len(), 6);
}

#[test]
fn patches_units_and_the_whole_add_up_to_the_last_unit() {
    let (request, mut layers) = world();
    // Odd corners, so that every number is rounded.
    for layer in layers.values_mut() {
        for p in layer.layer.parcels.iter_mut().flat_map(|p| &mut p.polygons).flat_map(|p| &mut p.exterior) {
            p[0] = EAST + (p[0] - EAST) * 1.234_56;
            p[1] = NORTH + (p[1] - NORTH) * 1.037_19;
        }
    }
    let found = run(&request, &layers).unwrap();
    for kind in ["plane_m2", "ellipsoidal_m2"] {
        let whole = cents(&found.result["totals"][kind]);
        assert_eq!(found.patches.iter().map(|p| cents(&p.properties[kind])).sum::<i64>(), whole);
        assert_eq!(found.result["matrix"].as_array().unwrap().iter().map(|r| cents(&r[kind])).sum::<i64>(), whole);
        for level in ["县", "乡镇", "村"] {
            let units = found.result["by_unit"].as_array().unwrap().iter().filter(|unit| unit["level"] == level);
            let sums: Vec<(i64, i64)> = units
                .map(|unit| {
                    (cents(&unit[kind]), unit["matrix"].as_array().unwrap().iter().map(|r| cents(&r[kind])).sum())
                })
                .collect();
            assert_eq!(sums.iter().map(|(own, _)| own).sum::<i64>(), whole, "{level}");
            assert!(sums.iter().all(|(own, cells)| own == cells), "{level}");
        }
    }
    let exact = 400.0 * 1.234_56 * 200.0 * 1.037_19;
    assert!((found.result["totals"]["plane_m2"].as_f64().unwrap() - exact).abs() < 0.02);
}

#[test]
fn ids_stay_when_features_come_in_another_order() {
    let (request, mut layers) = world();
    let ids = |found: &Findings| found.patches.iter().map(|p| p.id.clone()).collect::<Vec<_>>();
    let first = run(&request, &layers).unwrap();
    layers.values_mut().for_each(|layer| layer.layer.parcels.reverse());
    assert_eq!(ids(&first), ids(&run(&request, &layers).unwrap()));
    assert_eq!(first.patches.len(), 6);
}

#[test]
fn a_layer_that_came_through_degrees_invents_no_patch() {
    let (request, mut layers) = world();
    let mut push = 0.0;
    let town = layers.get_mut("plan-1").unwrap();
    for p in town.layer.parcels.iter_mut().flat_map(|p| &mut p.polygons).flat_map(|p| &mut p.exterior) {
        push = (push * 3.7 + 0.000_031) % 0.000_07;
        *p = [p[0] + push - 0.000_035, p[1] - push + 0.000_035];
    }
    let found = run(&request, &layers).unwrap();
    assert_eq!(found.patches.len(), 6);
    assert_eq!(row(&found, &["非建设", "建设"])["plane_m2"], json!(14_000.0));
}

#[test]
fn slivers_are_listed_or_go_to_the_neighbour_with_the_longest_border() {
    let (mut request, mut layers) = world();
    // The land plan's building ground begins 60 cm early over 150 m: 90 m² of difference.
    let land = layers.get_mut("plan-2").unwrap();
    land.layer.parcels[0] = parcel("a", "010", rectangle(0.0, 0.0, 150.6, 100.0));
    land.layer.parcels[2] = parcel("c", "040", rectangle(150.6, 0.0, 69.4, 200.0));
    land.layer.parcels[1] = parcel("b", "030", rectangle(0.0, 100.0, 150.6, 100.0));
    let listed = run(&request, &layers).unwrap();
    assert_eq!(row(&listed, &["非建设", "建设"])["patches"], json!(2));
    assert_eq!(listed.result["slivers"]["listed"][0]["plane_m2"], json!(60.0));
    request["slivers"] = json!("merge");
    let merged = run(&request, &layers).unwrap();
    assert_eq!(row(&merged, &["非建设", "建设"])["plane_m2"], json!(14_000.0));
    assert_eq!(merged.result["slivers"]["merged"], json!(1));
    assert_eq!(merged.result["totals"]["plane_m2"], listed.result["totals"]["plane_m2"]);
    request["sliver_below_m2"] = json!(10.0);
    assert_eq!(run(&request, &layers).unwrap().result["slivers"]["merged"], json!(0));
}

#[test]
fn ground_that_a_plan_covers_twice_is_said_and_counted_once() {
    let (request, mut layers) = world();
    layers.get_mut("plan-1").unwrap().layer.parcels.push(parcel("5", "E1", rectangle(40.0, 40.0, 30.0, 20.0)));
    let found = run(&request, &layers).unwrap();
    assert_eq!(found.result["layers"][0]["covered_more_than_once_plane_m2"], json!(600.0));
    assert_eq!(found.result["totals"]["plane_m2"], json!(80_000.0));
    // The class that the table names first has it.
    assert_eq!(row(&found, &["建设", "建设"])["plane_m2"], json!(12_000.0));
}

#[test]
fn three_plans_are_compared_at_once_and_lines_by_presence() {
    let (mut request, mut layers) = world();
    let survey = vec![parcel("s", "0101", rectangle(0.0, 0.0, 400.0, 200.0))];
    layers.insert("plan-3".to_owned(), loaded("dltb", "TD/T 1055-2019", survey));
    request["layers"].as_array_mut().unwrap().push(json!({ "dataset": "dltb" }));
    let found = run(&request, &layers).unwrap();
    assert_eq!(row(&found, &["建设", "建设", "非建设"])["counts_as_difference"], json!(true));
    assert_eq!(row(&found, &["未覆盖", "建设", "非建设"])["plane_m2"], json!(20_000.0));
    let (mut request, layers) = world();
    request["classification"] = json!("presence");
    request["layers"][1]["codes"] = json!(["040"]);
    let found = run(&request, &layers).unwrap();
    assert_eq!(row(&found, &["在内", "在内"])["plane_m2"], json!(20_000.0));
    assert_eq!(found.result["totals"]["difference"]["patches"], json!(1));
}

#[test]
fn requests_that_make_no_sense_are_refused_with_what_to_do() {
    let wanted = analysis("difference").unwrap().wanted;
    let rules = RuleBook::shipped();
    for request in [
        json!({ "layers": [{ "dataset": "one" }] }),
        json!({ "layers": [{ "dataset": "one" }, { "dataset": "two" }], "classification": "taste" }),
        json!({ "layers": [{ "dataset": "one" }, { "dataset": "two" }], "within": [3.0, 0.0, 1.0, 1.0] }),
        json!({ "layers": [{ "dataset": "one" }, { "dataset": "two" }], "context": { "NAME": { "dataset": "x" } } }),
        json!("nonsense"),
    ] {
        assert!(matches!(wanted(&request, &rules), Err(AnalysisError::Request { .. })), "{request}");
    }
    let (request, mut layers) = world();
    layers.get_mut("plan-1").unwrap().layer.code_system = "unknown".to_owned();
    let refused = run(&request, &layers).unwrap_err().to_string();
    assert!(refused.contains("class_field") && refused.contains("town"), "{refused}");
}

#[test]
fn rule_documents_are_checked_when_they_are_read() {
    let text = RuleBook::shipped().document(RULE_DOCUMENT).unwrap().text.clone();
    let shipped = RuleBook::shipped();
    let rules = Reclassification::read(&shipped).unwrap().0;
    let construction = rules.classification("construction").unwrap();
    let class = |system: &str, code: &str| {
        construction.lookup(rules.system(system)).unwrap().class(code).map(|i| construction.classes[i].as_str())
    };
    assert_eq!(class("GB 50137-2011", "H14"), Some("建设"));
    assert_eq!(class("GB 50137-2011", "YDDM_E2"), Some("非建设"));
    // The same code in two systems.
    assert_eq!((class("sandiao", "0601"), class("landuse-2023", "0601")), (Some("建设"), Some("非建设")));
    // First-level classes that hold both kinds, and codes of nobody.
    assert_eq!((class("sandiao", "10"), class("sandiao", "9999")), (None, None));
    for (from, to) in [
        ("\"010\", ", "\"011\", "),
        ("every_code = \"在内\"", "every_code = \"内\""),
        ("weld_m = 0.001", "weld_m = 1.0"),
    ] {
        let mut book = RuleBook::shipped();
        let broken = text.replacen(from, to, 1);
        assert_ne!(broken, text, "{from}");
        book.put(RuleDocument { name: RULE_DOCUMENT.to_owned(), version: "x".to_owned(), text: broken });
        assert!(matches!(Reclassification::read(&book), Err(AnalysisError::BadRule { .. })), "{from}");
    }
}

/// Every cell, row and column is the unit below or above what it was, the whole the nearest; zero stays zero.
fn assert_adds_up(cells: &[Vec<u64>]) {
    // Every fifth value is nothing: tables of real plans fall apart into blocks that share no row and no column.
    let exact = |v: &u64| if v.is_multiple_of(5) { Decimal::ZERO } else { Decimal::from(*v) / Decimal::from(9973) };
    let table: Vec<Vec<Decimal>> = cells.iter().map(|row| row.iter().map(exact).collect()).collect();
    let rounded = balance_table(&table, 2).unwrap();
    let unit = Decimal::new(1, 2);
    let (all, whole): (Decimal, Decimal) = (rounded.iter().flatten().sum(), table.iter().flatten().sum());
    assert!((all - whole).abs() * Decimal::TWO <= unit, "{all} {whole}");
    let near = |own: Decimal, exact: Decimal| assert!((own - exact).abs() < unit, "{own} {exact}");
    for (own, exact) in rounded.iter().zip(&table) {
        near(own.iter().sum(), exact.iter().sum());
    }
    for c in 0..4 {
        near(rounded.iter().map(|row| row[c]).sum(), table.iter().map(|row| row[c]).sum());
    }
    for (own, exact) in rounded.iter().flatten().zip(table.iter().flatten()) {
        near(*own, *exact);
        assert!(!own.is_sign_negative() && own.scale() <= 2 && (!exact.is_zero() || own.is_zero()), "{own} {exact}");
    }
}

#[test]
fn a_table_in_blocks_that_share_nothing_adds_up_both_ways() {
    assert_adds_up(&[vec![1_993_066, 0, 317_276, 0], vec![0, 904_971, 0, 922_931]]);
    // Blocks that share only a cell too small to take a unit.
    assert_adds_up(&[vec![997_349, 0, 0, 1], vec![0, 498_701, 0, 0], vec![0, 0, 498_699, 498_701]]);
}

proptest! {
    #[test]
    fn tables_add_up_both_ways(cells in prop::collection::vec(prop::collection::vec(0u64..3_000_000, 4), 1..9)) {
        assert_adds_up(&cells);
    }

    #[test]
    fn thin_tables_add_up_both_ways(cells in prop::collection::vec(prop::collection::vec(prop_oneof![Just(0), 0u64..300, 0u64..3_000_000], 4), 1..9)) {
        assert_adds_up(&cells);
    }
}
