//! The data officer's story: what is wrong inside of layers (一数一源) and what changed between two dates (动态监测),
//! found by the shipped programs from the deliveries as imported: everything that was planted, and nothing else.

use std::path::Path;

use serde_json::{Value, json};

use crate::coordination::{AREA_TOLERANCE_M2, analyse, assert_areas, assert_within, cents, number};
use crate::programs::{data_folder, import};
use crate::sample_county::County;

/// The truth measures the ellipsoid along edges cut to a millimetre; these borders are several hundred kilometres long.
const LONG_BORDERS_M2: f64 = 0.05;

/// Patches and areas are as the truth states them, where borders are long.
fn assert_change(what: &str, (patches, plane_m2, ellipsoidal_m2): (u64, f64, f64), planted: &Value) {
    assert_eq!(patches, planted["patches"].as_u64().expect("planted patches"), "{what}: patches");
    assert_change_m2(what, [plane_m2, ellipsoidal_m2], planted);
}

fn assert_change_m2(what: &str, [plane_m2, ellipsoidal_m2]: [f64; 2], planted: &Value) {
    assert_within(what, plane_m2, number(&planted["plane_area_m2"]), AREA_TOLERANCE_M2);
    assert_within(what, ellipsoidal_m2, number(&planted["ellipsoidal_area_m2"]), LONG_BORDERS_M2);
}

/// Imports a file of the deliveries; it may need repairs, which the report lists.
fn imported(county: &County, data: &Path, file: &str, slug: &str, more: &[&str]) -> Value {
    let (code, report) = import(data, &county.deliveries.join(file), slug, more);
    assert!(code == 0 || code == 3, "{file}: exit {code}\n{report:#}");
    report["published"][0].clone()
}

fn rows(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("a list: {value}"))
}

fn figures(row: &Value) -> (u64, f64, f64) {
    (row["patches"].as_u64().expect("a count"), number(&row["plane_m2"]), number(&row["ellipsoidal_m2"]))
}

#[test]
fn every_mistake_planted_in_a_layer_is_found_and_none_is_invented() {
    let county = County::get();
    let folder = data_folder();
    let (data, truth) = (county.copy(folder.path()), county.truth());
    let faulty = |file: &str| format!("11_待质检_问题数据/{file}");
    imported(county, &data, "02_自然资源局_国土调查/XZQ.shp", "xzq", &["--valid-from", "2018-12-31"]);
    imported(county, &data, &faulty("CJDCQ_2019.shp"), "villages", &["--valid-from", "2019-12-31"]);
    let of_survey = ["--valid-from", "2023-12-31", "--code-system", "sandiao"];
    imported(county, &data, &faulty("DLTB_编号重复.gpkg"), "dltb-doubled", &of_survey);
    imported(county, &data, &faulty("无编码体系.geojson"), "uncoded", &["--crs", "EPSG:4490"]);
    let crossed = imported(county, &data, &faulty("自相交.gpkg"), "crossed", &[]);

    let request = json!({
        "layers": [
            { "dataset": "villages", "datetime": "2020-06-01" },
            { "dataset": "dltb-doubled" },
            { "dataset": "uncoded", "class_field": "dm" },
            { "dataset": "crossed" },
        ],
        "cover": { "dataset": "xzq" },
    });
    let (text, found) = analyse(&data, folder.path(), "audit", &request);
    let [villages, doubled, uncoded, mended] = rows(&found["layers"]) else { panic!("four layers: {found}") };

    // Between two villages a gap, which opens at the border of the township, between two others an overlap.
    let planted = &truth["villages_2019"];
    for (list, kind) in [("gaps", "gap"), ("overlaps", "overlap")] {
        let [one] = rows(&villages[list]) else { panic!("one {kind} was planted: {}", villages[list]) };
        assert_areas(kind, [number(&one["plane_m2"]), number(&one["ellipsoidal_m2"])], &planted[kind]);
        assert_eq!(villages["totals"][list]["patches"], 1, "{kind}");
        assert_eq!(cents(&villages["totals"][list]["plane_m2"]), cents(&one["plane_m2"]), "{kind}");
    }
    assert_within("gap of 0.12 ha", number(&villages["gaps"][0]["plane_m2"]), 1_200.0, AREA_TOLERANCE_M2);
    assert_within("overlap of 0.37 ha", number(&villages["overlaps"][0]["plane_m2"]), 3_700.0, AREA_TOLERANCE_M2);
    let names: Vec<&Value> = truth["villages"].as_object().expect("villages").values().map(|v| &v["name"]).collect();
    let mut between: Vec<String> = rows(&planted["overlap"]["between"])
        .iter()
        .map(|name| {
            let place = names.iter().position(|known| *known == name).unwrap_or_else(|| panic!("a village {name}"));
            format!("4331991100{:08}", place + 1)
        })
        .collect();
    between.sort();
    assert_eq!(villages["overlaps"][0]["source_ids"], json!(between));
    assert_eq!((&villages["outside"], &villages["duplicate_ids"]), (&json!([]), &json!([])));
    let hairs_m2 = number(&villages["totals"]["hairs_plane_m2"]);
    assert!(hairs_m2 < 0.05, "{hairs_m2} m² of hairs along the villages' borders");

    let dirty = &truth["dirty"];
    let numbers: Vec<&Value> = rows(&doubled["duplicate_ids"]).iter().map(|row| &row["id"]).collect();
    assert_eq!(json!(numbers), dirty["duplicate_bsm_numbers"]);
    assert_eq!(numbers.len() as u64, dirty["duplicate_bsm"].as_u64().expect("a count"));
    assert!(rows(&doubled["duplicate_ids"]).iter().all(|row| row["features"] == 2), "{}", doubled["duplicate_ids"]);

    assert_eq!(uncoded["features"], dirty["no_code_system_features"]);
    let collisions = rows(&uncoded["codes"]["collisions"]);
    let codes: Vec<&Value> = collisions.iter().map(|collision| &collision["code"]).collect();
    assert_eq!(json!(codes), dirty["no_code_system_codes"], "{}", uncoded["codes"]);
    let meaning = |code: usize, system: &str| collisions[code]["meanings"][system].as_str().unwrap_or_default();
    assert_eq!((meaning(0, "sandiao"), meaning(0, "landuse-2023")), ("工业用地", "农村道路"));
    assert_eq!((meaning(1, "sandiao"), meaning(1, "landuse-2023")), ("铁路用地", "工业用地"));
    assert_eq!(found["refused"], json!(["uncoded"]), "codes that mean two things are refused, and no others");

    // Crossing rings were repaired on the way in; the audit says which, as the import did.
    let wanted = dirty["invalid_rings"].as_u64().expect("a count") as usize;
    assert_eq!(mended["features"], dirty["of_polygons"]);
    assert_eq!(rows(&mended["repaired_on_import"]).len(), wanted, "{}", mended["repaired_on_import"]);
    let reported: Vec<&Value> = rows(&crossed["warnings"])
        .iter()
        .filter(|warning| warning["code"] == "geometry-repaired")
        .map(|warning| &warning["unit"])
        .collect();
    let told: Vec<&Value> = rows(&mended["repaired_on_import"]).iter().map(|row| &row["id"]).collect();
    assert_eq!(told, reported);
    assert!(
        rows(&mended["repaired_on_import"])
            .iter()
            .all(|row| row["source_id"].as_str().is_some_and(|id| id.len() == 18))
    );
    assert_eq!(mended["features_with_crossing_rings"], 0);

    // Nothing invented: parts of a county have holes by their nature, and sound layers have no fault.
    for layer in [doubled, uncoded, mended] {
        assert_eq!((&layer["must_cover"], &layer["gaps"], &layer["outside"]), (&json!(false), &json!([]), &json!([])));
    }
    for layer in [doubled, uncoded] {
        assert_eq!(
            (&layer["overlaps"], &layer["repaired_on_import"]),
            (&json!([]), &json!([])),
            "{}",
            layer["dataset"]
        );
    }
    assert_eq!((&doubled["codes"]["refused"], &uncoded["duplicate_ids"]), (&json!(false), &json!([])));
    assert_eq!(analyse(&data, folder.path(), "audit", &request).0, text, "a rerun gives the same bytes");

    let request = json!({
        "layers": [
            { "dataset": "villages", "datetime": "2024-06-01" }, { "dataset": "dltb" },
            { "dataset": "land-plan", "class_field": "GZQLXDM", "code_system": "tdgh-gzq" }, { "dataset": "plan-zones" },
            { "dataset": "farmland" },
        ],
        "cover": { "dataset": "xzq" },
    });
    let (_, sound) = analyse(&data, folder.path(), "audit", &request);
    for layer in rows(&sound["layers"]) {
        assert_eq!(layer["must_cover"], layer["dataset"] != "farmland", "{}", layer["dataset"]);
        for fault in ["gaps", "overlaps", "outside", "duplicate_ids", "repaired_on_import"] {
            assert_eq!(layer[fault], json!([]), "{} {fault}", layer["dataset"]);
        }
    }
    assert_eq!((&sound["refused"], &sound["duplicate_subjects"]), (&json!([]), &json!([])));
}

#[test]
fn new_buildings_between_the_surveys_are_found_and_five_of_them_are_suspected() {
    let county = County::get();
    let folder = data_folder();
    let (data, truth) = (county.copy(folder.path()), county.truth());
    let request = json!({
        "mode": "buildings",
        "before": { "dataset": "dsm", "datetime": "2023-06-01" },
        "after": { "dataset": "dsm", "datetime": "2024-08-01" },
        "permits": { "dataset": "permits" },
    });
    let (text, found) = analyse(&data, folder.path(), "change", &request);
    let planted = rows(&truth["block"]["new_buildings"]);
    let suspects = planted.iter().filter(|building| building["permitted"] == false).count();
    assert_eq!((planted.len(), suspects), (14, 5), "what the county was made with");
    assert_eq!(found["new_buildings"], json!(planted.len()));
    assert_eq!(found["permitted"]["patches"], json!(planted.len() - suspects));
    assert_eq!(found["suspected"]["patches"], truth["block"]["new_without_permit"]["count"]);
    // A surface of half-metre cells knows a wall to a quarter of a metre: 2,846 m² to a hundredth of it.
    let planted_m2 = number(&truth["block"]["new_without_permit"]["plane_area_m2"]);
    assert_within("suspected", number(&found["suspected"]["plane_m2"]), planted_m2, 0.01 * planted_m2);
    assert_eq!(analyse(&data, folder.path(), "change", &request).0, text, "a rerun gives the same bytes");

    // Each stands where one was built.
    let patches = std::fs::read_to_string(folder.path().join("patches.geojson")).expect("patches");
    let patches: Value = serde_json::from_str(&patches).expect("GeoJSON");
    for building in planted {
        let [x, y] = [0, 1].map(|axis| number(&building["easting_northing_m"][axis]));
        let mut here = rows(&patches["features"]).iter().filter(|patch| {
            let corners: Vec<[f64; 2]> = corners(&patch["geometry"]["coordinates"]);
            let side = |axis: usize| {
                let all = corners.iter().map(|corner| corner[axis]);
                (all.clone().fold(f64::MAX, f64::min), all.fold(f64::MIN, f64::max))
            };
            let ((west, east), (south, north)) = (side(0), side(1));
            (west..east).contains(&x) && (south..north).contains(&y)
        });
        let patch = here.next().unwrap_or_else(|| panic!("no patch where {building} was built"));
        assert_eq!(patch["properties"]["suspected"], json!(building["permitted"] == false), "{building}");
        let (found_m2, built_m2) = (number(&patch["properties"]["plane_m2"]), number(&building["floor_area_m2"]));
        assert!((found_m2 - built_m2).abs() < 0.1 * built_m2, "{building}: {found_m2} m²");
    }
    let (_, without) =
        analyse(&data, folder.path(), "change", &json!({ "before": request["before"], "after": request["after"] }));
    assert_eq!(without["suspected"]["patches"], json!(planted.len()), "without permits every one is to be looked at");
}

/// Every position of GeoJSON coordinates.
fn corners(coordinates: &Value) -> Vec<[f64; 2]> {
    match coordinates.as_array().map(Vec::as_slice) {
        Some([Value::Number(x), Value::Number(y), ..]) => {
            vec![[x.as_f64().expect("a number"), y.as_f64().expect("a number")]]
        }
        Some(parts) => parts.iter().flat_map(corners).collect(),
        None => Vec::new(),
    }
}

#[test]
fn two_versions_of_the_red_line_differ_by_what_was_brought_in_and_taken_out() {
    let county = County::get();
    let folder = data_folder();
    let (data, truth) = (county.copy(folder.path()), county.truth());
    let request = json!({
        "mode": "features", "fields": ["HXLX"],
        "before": { "dataset": "redline", "datetime": "2020-06-01" },
        "after": { "dataset": "redline", "datetime": "2023-06-01" },
    });
    let (text, found) = analyse(&data, folder.path(), "change", &request);
    let planted = &truth["changes"];
    let of = |code: &str| {
        let row = rows(&found["changes"]).iter().find(|row| row["WHLX"] == code);
        figures(row.unwrap_or_else(|| panic!("no kind {code}: {}", found["changes"])))
    };
    assert_change("调入", of("1"), &planted["red_line_brought_in"]);
    assert_change("调出", of("3"), &planted["red_line_taken_out"]);
    assert_eq!(of("2").0, 0, "the kind of red line stayed the same");
    let areas = |row: &Value| [number(&row["plane_m2"]), number(&row["ellipsoidal_m2"])];
    assert_change_m2("未变化", areas(&found["unchanged"]), &planted["red_line_kept"]);
    assert_change_m2("2022", areas(&found["after"]), &truth["conflicts"]["red_line_2022"]);
    for kind in ["plane_m2", "ellipsoidal_m2"] {
        let all: Vec<i64> = rows(&found["changes"]).iter().map(|row| cents(&row[kind])).collect();
        let stayed = cents(&found["unchanged"][kind]);
        assert_eq!(cents(&found["before"][kind]), stayed + all[1] + all[2], "{kind}: what was");
        assert_eq!(cents(&found["after"][kind]), stayed + all[1] + all[0], "{kind}: what is");
    }
    assert_eq!(analyse(&data, folder.path(), "change", &request).0, text, "a rerun gives the same bytes");
}

#[test]
fn what_is_built_beyond_the_land_plan_is_found_by_village_and_adds_up() {
    let county = County::get();
    let folder = data_folder();
    let (data, truth) = (county.copy(folder.path()), county.truth());
    let request = json!({
        "current": { "dataset": "dltb", "datetime": "2024-06-01", "class_field": "DLBM" },
        "plan": { "dataset": "land-plan", "datetime": "2020-06-01", "class_field": "GZQLXDM" },
        "units": { "dataset": "villages" },
    });
    let (_, found) = analyse(&data, folder.path(), "change", &request);
    let planted = &truth["changes"];
    for (name, place) in [
        ("built_beyond_plan", "built_where_land_plan_does_not_allow"),
        ("suspected", "built_where_land_plan_does_not_allow"),
        ("built_as_planned", "built_as_land_plan_allows"),
        ("not_yet_built", "not_built_where_land_plan_allows"),
    ] {
        assert_change(name, figures(&found[name]), &planted[place]);
    }
    assert_eq!(found["plan_silent"]["patches"], 0, "the land plan covers the township");
    for level in ["县", "乡镇", "村"] {
        for kind in ["plane_m2", "ellipsoidal_m2"] {
            let units = rows(&found["by_unit"]).iter().filter(|row| row["level"] == level);
            let sum: i64 = units.map(|row| cents(&row["built_beyond_plan"][kind])).sum();
            assert_eq!(sum, cents(&found["built_beyond_plan"][kind]), "{level}, {kind}");
        }
    }
}
