//! A coordination officer's story: where the plans of the sample county contradict each other, and what three projects take,
//! found by the shipped programs from the deliveries as imported, to the hundredth of a square metre of what was planted.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::programs::{data_folder, program, run};
use crate::sample_county::County;

/// A unit of the last digit of rounded and balanced areas.
pub(crate) const AREA_TOLERANCE_M2: f64 = 0.010_5;
/// The truth measures the ellipsoid along edges cut to a millimetre; over a hundred kilometres of border that is a cent.
pub(crate) const ELLIPSOIDAL_TOLERANCE_M2: f64 = 0.021;

/// Runs `shikong-server analyse` and gives its result, as text and read; its patches lie in `patches.geojson` of the folder.
pub(crate) fn analyse(data: &Path, folder: &Path, name: &str, request: &Value) -> (String, Value) {
    let (input, out) = (folder.join("request.json"), folder.join("result.json"));
    fs::write(&input, request.to_string()).expect("written");
    let (code, said, err) = run(program("shikong-server")
        .args(["analyse", name, "--data"])
        .arg(data)
        .arg("--input")
        .arg(&input)
        .arg("--out")
        .arg(&out)
        .arg("--patches")
        .arg(folder.join("patches.geojson")));
    assert_eq!(code, 0, "{name} {request}\n{said}\n{err}");
    let text = fs::read_to_string(&out).expect("a result");
    let read = serde_json::from_str(&text).expect("JSON");
    (text, read)
}

/// A number of a result or of the truth.
pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("a number: {value}"))
}

/// Areas in hundredths of a square metre, to be added without error.
pub(crate) fn cents(value: &Value) -> i64 {
    (number(value) * 100.0).round() as i64
}

/// Found is planted, within a tolerance.
pub(crate) fn assert_within(what: &str, found_m2: f64, planted_m2: f64, tolerance_m2: f64) {
    assert!((found_m2 - planted_m2).abs() <= tolerance_m2, "{what}: found {found_m2} m², planted {planted_m2} m²");
}

/// Both areas, plane and ellipsoidal, are as the truth states them.
pub(crate) fn assert_areas(what: &str, [plane_m2, ellipsoidal_m2]: [f64; 2], planted: &Value) {
    assert_within(&format!("{what}, plane"), plane_m2, number(&planted["plane_area_m2"]), AREA_TOLERANCE_M2);
    assert_within(
        &format!("{what}, ellipsoidal"),
        ellipsoidal_m2,
        number(&planted["ellipsoidal_area_m2"]),
        ELLIPSOIDAL_TOLERANCE_M2,
    );
}

/// The row of a matrix with these classes, or zeros.
pub(crate) fn row(result: &Value, classes: &[&str]) -> (u64, f64, f64) {
    result["matrix"]
        .as_array()
        .expect("a matrix")
        .iter()
        .find(|row| row["classes"] == json!(classes))
        .map_or((0, 0.0, 0.0), |row| {
            (row["patches"].as_u64().expect("a count"), number(&row["plane_m2"]), number(&row["ellipsoidal_m2"]))
        })
}

/// Patches and both areas are as the truth states them.
pub(crate) fn assert_planted(what: &str, found: (u64, f64, f64), planted: &Value) {
    assert_eq!(found.0, planted["patches"].as_u64().expect("planted patches"), "{what}: patches");
    assert_areas(what, [found.1, found.2], planted);
}

/// Patches, units of each level and classes add up to the total, to the last digit, in both kinds of area.
pub(crate) fn assert_adds_up(result: &Value) {
    for kind in ["plane_m2", "ellipsoidal_m2"] {
        let total = cents(&result["totals"][kind]);
        let matrix: i64 = result["matrix"].as_array().expect("a matrix").iter().map(|row| cents(&row[kind])).sum();
        assert_eq!(matrix, total, "matrix, {kind}");
        let units = result["by_unit"].as_array().expect("units");
        for level in ["县", "乡镇", "村"] {
            let rows: Vec<&Value> = units.iter().filter(|row| row["level"] == level).collect();
            assert!(!rows.is_empty(), "no unit of level {level}");
            assert_eq!(rows.iter().map(|row| cents(&row[kind])).sum::<i64>(), total, "{level}, {kind}");
        }
    }
}

#[test]
fn every_planted_contradiction_is_found_and_none_is_invented() {
    let county = County::get();
    let folder = data_folder();
    let (data, truth) = (county.copy(folder.path()), county.truth());
    let conflicts = &truth["conflicts"];

    let (as_filed, plans) = analyse(
        &data,
        folder.path(),
        "difference",
        &json!({
            "layers": [
                { "dataset": "city-plan", "class_field": "Layer", "code_system": "gb50137-2011" },
                { "dataset": "land-plan", "class_field": "GZQLXDM" },
            ],
            "classification": "construction",
            "units": { "dataset": "villages" },
        }),
    );
    assert_planted(
        "城规建设土规非建设",
        row(&plans, &["建设", "非建设"]),
        &conflicts["city_builds_land_plan_does_not"],
    );
    assert_planted(
        "土规建设城规非建设",
        row(&plans, &["非建设", "建设"]),
        &conflicts["land_plan_builds_city_does_not"],
    );
    let outside: Vec<&Value> =
        plans["matrix"].as_array().expect("a matrix").iter().filter(|row| row["classes"][0] == "未覆盖").collect();
    let sum = |kind: &str| outside.iter().map(|row| cents(&row[kind])).sum::<i64>() as f64 / 100.0;
    let planted = &conflicts["outside_city_planning_area"];
    assert_areas("未覆盖", [sum("plane_m2"), sum("ellipsoidal_m2")], planted);
    assert_adds_up(&plans);

    let of = |dataset: &str| json!({ "dataset": dataset });
    let dltb =
        |codes: &[&str]| json!({ "dataset": "dltb", "class_field": "DLBM", "code_system": "sandiao", "codes": codes });
    let on = |dataset: &str, day: &str| json!({ "dataset": dataset, "datetime": day });
    let high_hazard = of("hazard-zones");
    let pairs: &[(&str, Value, Value)] = &[
        ("red_line_2018_x_farmland", on("redline", "2020-06-01"), of("farmland")),
        ("red_line_2022_x_farmland", on("redline", "2023-06-01"), of("farmland")),
        ("forest_on_0103", of("forest"), dltb(&["0103"])),
        ("farmland_on_0702_1006", of("farmland"), dltb(&["0702", "1006"])),
        ("farmland_on_0201K", of("farmland"), dltb(&["0201K"])),
        ("red_line_2022_x_0702", on("redline", "2023-06-01"), dltb(&["0702"])),
        ("red_line_2022_x_mining", on("redline", "2023-06-01"), of("mining")),
        (
            "dwelling_parcels_x_high_hazard",
            json!({ "dataset": "detail-plan", "class_field": "YDYHFLDM", "code_system": "landuse-2023", "codes": ["070102"] }),
            high_hazard,
        ),
        ("river_x_building_parcels", of("river-range"), of("detail-plan")),
        ("urban_boundary_x_red_line_2022", of("urban-boundary"), on("redline", "2023-06-01")),
    ];
    for (name, first, second) in pairs {
        let request = json!({ "layers": [first, second], "classification": "presence", "sliver_below_m2": 0 });
        let (_, found) = analyse(&data, folder.path(), "difference", &request);
        assert_planted(name, row(&found, &["在内", "在内"]), &conflicts[*name]);
    }
    let request = json!({ "layers": [of("urban-boundary"), of("farmland")], "classification": "presence", "sliver_below_m2": 200 });
    let (_, slivers) = analyse(&data, folder.path(), "difference", &request);
    let planted = &truth["urban_boundary_x_farmland_slivers"];
    let (patches, plane_m2, ellipsoidal_m2) = row(&slivers, &["在内", "在内"]);
    assert_eq!(patches, planted["count"].as_u64().expect("a count"), "slivers");
    // Hairs under a hundredth of a square metre go to the patch beside them; how much that is stands in the result.
    let hairs_m2 = number(&slivers["slivers"]["hairs_plane_m2"]);
    assert!(hairs_m2 < 0.05, "{hairs_m2} m² of hairs");
    assert_within("slivers", plane_m2, number(&planted["plane_area_m2"]), AREA_TOLERANCE_M2 + hairs_m2);
    assert_within(
        "slivers, ellipsoidal",
        ellipsoidal_m2,
        number(&planted["ellipsoidal_area_m2"]),
        ELLIPSOIDAL_TOLERANCE_M2 + hairs_m2,
    );

    let request: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("request.json")).expect("there")).expect("JSON");
    let (again, _) = analyse(&data, folder.path(), "difference", &request);
    assert_ne!(again, as_filed);
    let (once_more, _) = analyse(&data, folder.path(), "difference", &request);
    assert_eq!(again, once_more, "a rerun gives the same bytes");
}

/// Reads a red line as a surveyor delivers it.
fn outline(file: &Path) -> Value {
    let (code, out, err) = run(program("shikong-import").arg("outline").arg(file));
    assert!(code == 0 || code == 3, "outline {}: {code}\n{out}\n{err}", file.display());
    let read: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{}: {error}\n{out}", file.display()));
    if read.get("red_line").is_some() { read["red_line"].clone() } else { read }
}

fn project_file(county: &County, name: &str) -> PathBuf {
    county.deliveries.join("10_项目_拟用地红线").join(name)
}

#[test]
fn three_projects_end_as_planted() {
    let county = County::get();
    let folder = data_folder();
    let (data, truth) = (county.copy(folder.path()), county.truth());
    for (key, verdict, kind, more) in [
        ("project-industry", "fail", "", json!({})),
        ("project-housing", "pass", "", json!({ "far": 2.0, "height_m": 54.0 })),
        ("project-road", "conditional", "linear", json!({})),
    ] {
        let planted = &truth["projects"][key];
        let name = planted["name"].as_str().expect("a name");
        let mut project = json!({
            "name": name,
            "land_use_code": planted["land_use"],
            "land_use_system": "landuse-2023",
            "kind": kind,
        });
        for (fact, value) in more.as_object().expect("facts") {
            project[fact] = value.clone();
        }
        let request = json!({
            "red_line": outline(&project_file(county, &format!("{name}.shp"))),
            "project": project,
            "datetime": "2024-09-01",
        });
        let (filed, result) = analyse(&data, folder.path(), "compliance", &request);
        assert_eq!(result["verdict"], verdict, "{name}: {}", result["checks"]);
        assert_areas(
            name,
            [number(&result["red_line"]["plane_m2"]), number(&result["red_line"]["ellipsoidal_m2"])],
            planted,
        );
        for (plan, rule) in [
            ("farmland", "farmland"),
            ("red_line_2022", "ecological-red-line"),
            ("river_range", "river-range"),
            ("mining", "mining-right"),
        ] {
            let check = result["checks"]
                .as_array()
                .expect("checks")
                .iter()
                .find(|check| check["rule"] == rule)
                .unwrap_or_else(|| panic!("{name}: no check {rule} among {}", result["checks"]));
            let taken = &planted["takes"][plan];
            let overlap = &check["overlap"];
            assert_areas(
                &format!("{name} {rule}"),
                [number(&overlap["plane_m2"]), number(&overlap["ellipsoidal_m2"])],
                taken,
            );
        }
        let (again, _) = analyse(&data, folder.path(), "compliance", &request);
        assert_eq!(filed, again, "{name}: a rerun as filed gives the same bytes");
    }
}

#[test]
fn free_sites_are_ranked_with_reasons_and_keep_the_distance_asked_for() {
    let county = County::get();
    let folder = data_folder();
    let (data, truth) = (county.copy(folder.path()), county.truth());
    let [east, north] = [0, 1].map(|axis| number(&truth["block"]["south_west_easting_northing_m"][axis]));
    let ring = [[0.0, 0.0], [3_000.0, 0.0], [3_000.0, 3_000.0], [0.0, 3_000.0]]
        .map(|[x, y]| [east - 1_000.0 + x, north - 1_000.0 + y]);
    let search = |keep_m: Value| {
        let request = json!({
            "within": { "crs": "EPSG:4546", "parcels": [{ "name": "范围", "polygons": [[ring]] }] },
            "datetime": "2024-09-01", "free_of": ["farmland", "ecological-red-line", "river-range"],
            "keep_m": keep_m, "min_area_m2": 5_000, "max_mean_slope_deg": 15, "limit": 20,
        });
        analyse(&data, folder.path(), "sites", &request)
    };
    let (_, plain) = search(json!({}));
    let (text, found) = search(json!({ "river-range": 50.0, "farmland": 10.0 }));
    assert_eq!(found["complete"], true, "{}", found["not_checked"]);
    let free = |result: &Value| cents(&result["free"]["plane_m2"]);
    assert!(free(&found) < free(&plain), "a distance kept takes land: {} {}", found["free"], plain["free"]);
    let candidates = found["candidates"].as_array().expect("candidates");
    assert!(!candidates.is_empty(), "{}", found["left_out"]);
    for (index, candidate) in candidates.iter().enumerate() {
        assert_eq!(candidate["rank"], json!(index + 1));
        assert!(index == 0 || number(&candidate["score"]) <= number(&candidates[index - 1]["score"]), "{candidate}");
        let reasons = candidate["reasons_zh"].as_array().expect("reasons");
        // The way to a road is said with its name, or that none is known.
        let road = candidate["road"].as_str().unwrap_or("道路");
        for part in ["公顷", "坡度", road, "距河道管理范围不小于 50 米", "距永久基本农田不小于 10 米"]
        {
            assert!(
                reasons.iter().any(|reason| reason.as_str().is_some_and(|text| text.contains(part))),
                "{part}: {reasons:?}"
            );
        }
        assert!(number(&candidate["slope"]["mean_deg"]) <= 15.0, "{candidate}");
    }
    let rows = candidates.iter().chain(found["left_out"].as_array().expect("rows"));
    assert_eq!(rows.map(|row| cents(&row["plane_m2"])).sum::<i64>(), free(&found), "pieces add up to the free land");
    assert_eq!(search(json!({ "river-range": 50.0, "farmland": 10.0 })).0, text, "a rerun gives the same bytes");
}
