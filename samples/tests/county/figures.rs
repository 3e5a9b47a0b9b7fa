//! Every figure of the county as its design states it, against the truth as built.

use crate::{made, number};
use gdal::vector::LayerAccess as _;
use serde_json::Value;

/// Plane and ellipsoidal areas differ by the square of the projection's scale at 117.6-129.6 km from the meridian.
const RATIO_PPM: std::ops::Range<f64> = 335.0..415.0;

#[test]
fn the_class_table_is_exact_to_the_square_metre() {
    assert!((number(&["dltb", "plane_area_m2"]) - 144_000_000.0).abs() < 0.005);
    for (code, hectares) in [
        ("0101", 980.0),
        ("0103", 860.0),
        ("0202", 180.0),
        ("0301", 7_880.0),
        ("0302", 150.0),
        ("0305", 1_700.0),
        ("0307", 250.0),
        ("0404", 110.0),
        ("05H1", 18.0),
        ("0508", 6.0),
        ("0601", 95.0),
        ("0602", 20.0),
        ("0701", 165.0),
        ("0702", 410.0),
        ("08H1", 14.0),
        ("08H2", 38.0),
        ("0809", 12.0),
        ("0810", 22.0),
        ("0810A", 2.0),
        ("09", 25.0),
        ("1001", 28.0),
        ("1003", 130.0),
        ("1004", 75.0),
        ("1005", 8.0),
        ("1006", 120.0),
        ("1101", 290.0),
        ("1103", 85.0),
        ("1104", 45.0),
        ("1107", 20.0),
        ("1109", 12.0),
        ("1201", 5.0),
        ("1202", 15.0),
        ("1203", 220.0),
        ("1207", 60.0),
    ] {
        let built = number(&["dltb", "net_plane_area_m2_by_dlbm", code]);
        assert!((built - hectares * 10_000.0).abs() < 0.005, "{code}: {built}");
    }
    let orchards = number(&["dltb", "net_plane_area_m2_by_dlbm", "0201"])
        + number(&["dltb", "net_plane_area_m2_by_dlbm", "0201K"]);
    assert!((orchards - 3_500_000.0).abs() < 0.005, "果园 with 可调整果园: {orchards}");
}

/// What a query of one number says of a delivered file.
fn ask(file: &str, sql: &str) -> f64 {
    let dataset = gdal::Dataset::open(made().folder.path().join(file)).expect("GDAL opens it");
    let mut result =
        dataset.execute_sql(sql, None, gdal::vector::sql::Dialect::DEFAULT).expect("SQL").expect("a result");
    let feature = result.features().next().expect("one row");
    feature.field_as_double(0).expect("a number").unwrap_or(f64::NAN)
}

#[test]
fn layers_have_the_extent_that_the_design_gives_them() {
    const PLAN: &str = "04_自然资源局_国土空间规划";
    const LAND_PLAN: &str = "06_自然资源局_土地利用总体规划";
    for (file, sql, wanted, tolerance) in [
        (format!("{PLAN}/CZKFBJ.shp"), "SELECT SUM(MJ) FROM CZKFBJ WHERE GHFQDM = '010'", 540.0, 0.01),
        (format!("{PLAN}/CZKFBJ.shp"), "SELECT SUM(MJ) FROM CZKFBJ WHERE GHFQDM = '020'", 45.0, 0.01),
        (format!("{PLAN}/CZKFBJ.shp"), "SELECT SUM(MJ) FROM CZKFBJ WHERE GHFQDM = '030'", 35.0, 0.01),
        (format!("{PLAN}/GHFQ.shp"), "SELECT SUM(MJ) FROM GHFQ", 14_400.0, 0.1),
        (format!("{PLAN}/STBHHX_2018.shp"), "SELECT SUM(MJ) FROM STBHHX_2018", 3_900.0, 0.01),
        (format!("{PLAN}/STBHHX_2022.shp"), "SELECT SUM(MJ) FROM STBHHX_2022", 3_900.0, 0.01),
        (format!("{PLAN}/ZXCQGHYDYH.gpkg"), "SELECT SUM(TBMJ) FROM ZXCQGHYDYH", 620.0e4, 100.0),
        (format!("{PLAN}/YJJBNTTB.gpkg"), "SELECT SUM(TBMJ) FROM YJJBNTTB", 1_450.0e4, 100.0),
        (format!("{LAND_PLAN}/JSYDGZQ.shp"), "SELECT SUM(GZQMJ) FROM JSYDGZQ", 14_400.0, 0.1),
        (format!("{LAND_PLAN}/TDYTQ.shp"), "SELECT SUM(MJ) FROM TDYTQ", 14_400.0, 0.1),
        (format!("{LAND_PLAN}/TDGHDL.shp"), "SELECT SUM(MJ) FROM TDGHDL", 14_400.0, 0.1),
        ("07_林业局_林地小班/LDXB.geojson".to_owned(), "SELECT SUM(MIAN_JI) FROM LDXB", 10_200.0, 50.0),
        ("02_自然资源局_国土调查/CJDCQ.shp".to_owned(), "SELECT SUM(JSMJ) FROM CJDCQ", 14_400.0e4, 0.01),
    ] {
        let built = ask(&file, sql);
        assert!((built - wanted).abs() < tolerance, "{sql}: {built}");
    }
    let codes = ask(&format!("{LAND_PLAN}/JSYDGZQ.shp"), "SELECT COUNT(DISTINCT GZQLXDM) FROM JSYDGZQ");
    assert!((codes - 4.0).abs() < 0.5, "all four zones of building control occur: {codes}");
    assert!((5_000.0..7_000.0).contains(&number(&["dltb", "features"])), "about 6,000 patches");
    assert!((number(&["conflicts", "outside_city_planning_area", "plane_area_m2"]) - 128.0e6).abs() < 100.0);
}

#[test]
fn planted_conflicts_have_their_figures() {
    for (name, hectares, patches) in [
        ("city_builds_land_plan_does_not", 312.46, Some(140)),
        ("land_plan_builds_city_does_not", 188.30, Some(420)),
        ("outside_city_planning_area", 12_800.0, None),
        ("red_line_2018_x_farmland", 17.2, None),
        ("red_line_2022_x_farmland", 0.0, None),
        ("forest_on_0103", 96.0, Some(60)),
        ("farmland_on_0702_1006", 0.6, Some(6)),
        ("farmland_on_0201K", 22.0, None),
        ("red_line_2022_x_0702", 4.1, None),
        ("red_line_2022_x_mining", 38.0, None),
        ("dwelling_parcels_x_high_hazard", 5.4, None),
        ("river_x_building_parcels", 2.6, None),
        ("urban_boundary_x_farmland_beyond_slivers", 0.0, Some(0)),
        ("urban_boundary_x_red_line_2022", 0.0, Some(0)),
        ("farmland", 1_450.0, None),
        ("red_line_2022", 3_900.0, None),
    ] {
        let area = number(&["conflicts", name, "plane_area_ha"]);
        assert!((area - hectares).abs() < 0.005, "{name}: {area} ha");
        if let Some(patches) = patches {
            assert_eq!(number(&["conflicts", name, "patches"]) as u32, patches, "{name}");
        }
    }
    assert_eq!(number(&["urban_boundary_x_farmland_slivers", "count"]) as u32, 41);
    assert_eq!(number(&["urban_boundary_x_farmland_slivers", "over_200_m2"]) as u32, 6);
    assert!((number(&["urban_boundary_x_farmland_slivers", "plane_area_m2"]) - 8_300.0).abs() < 0.01);
    assert!((number(&["villages_2019", "gap", "plane_area_m2"]) - 1_200.0).abs() < 0.01);
    assert!((number(&["villages_2019", "overlap", "plane_area_m2"]) - 3_700.0).abs() < 0.01);
    assert!((number(&["villages_2019", "sum_of_plane_areas_m2"]) - 144_002_500.0).abs() < 0.01);
    assert_eq!(number(&["dirty", "duplicate_bsm"]) as u32, 3);
    assert_eq!(number(&["dirty", "invalid_rings"]) as u32, 25);
}

/// Plane and ellipsoidal area of every entry that has either; panics for one that has the first and not the second.
fn areas(value: &Value, name: &str, found: &mut Vec<(String, f64, f64)>) {
    let Value::Object(entries) = value else { return };
    if let Some(plane) = entries.get("plane_area_m2").and_then(Value::as_f64) {
        let ellipsoidal = entries.get("ellipsoidal_area_m2").and_then(Value::as_f64);
        found.push((name.to_owned(), plane, ellipsoidal.unwrap_or(f64::NAN)));
    }
    for (key, entry) in entries {
        areas(entry, &format!("{name}.{key}"), found);
    }
}

#[test]
fn every_conflict_and_project_has_its_area_in_the_plane_and_on_the_ellipsoid() {
    let mut found = Vec::new();
    for part in [
        "conflicts",
        "changes",
        "projects",
        "urban_boundary_x_farmland_slivers",
        "villages_2019",
        "block",
        "green_line",
    ] {
        let before = found.len();
        areas(&made().truth[part], part, &mut found);
        assert!(found.len() > before, "{part} has areas");
    }
    assert!(found.len() > 30, "{found:?}");
    for (name, plane, ellipsoidal) in found {
        let ppm = (plane / ellipsoidal - 1.0) * 1.0e6;
        assert!((plane <= 0.0 && ellipsoidal <= 0.0) || RATIO_PPM.contains(&ppm), "{name}: {plane} {ellipsoidal}");
    }
}

#[test]
fn what_became_of_the_red_line_adds_up_to_its_versions() {
    let m2 = |path: &[&str]| number(&[path, &["plane_area_m2"]].concat());
    let [came, went, kept] =
        ["red_line_brought_in", "red_line_taken_out", "red_line_kept"].map(|name| m2(&["changes", name]));
    assert!((kept + came - m2(&["conflicts", "red_line_2022"])).abs() < 1e-6, "{kept} {came}");
    // All the farmland that the version of 2018 took is given back in 2022.
    assert!(went >= m2(&["conflicts", "red_line_2018_x_farmland"]), "{went}");
}

#[test]
fn people_houses_and_the_story_of_the_slide_add_up() {
    assert_eq!(number(&["houses", "count"]) as u32, 4_200);
    assert_eq!(number(&["houses", "people"]) as u32, 13_000);
    assert_eq!(number(&["block", "threatened", "households"]) as u32, 24);
    assert_eq!(number(&["block", "threatened", "people"]) as u32, 76);
    let eroded = made().truth["block"]["slides"][0]["eroded_m3"].as_f64().unwrap_or(0.0);
    assert!((200_000.0..400_000.0).contains(&eroded), "{eroded} m³");
    assert_eq!(number(&["hazard_points", "count"]) as u32, 32);
    let new = made().truth["block"]["new_buildings"].as_array().expect("a list");
    assert_eq!((new.len(), new.iter().filter(|b| b["permitted"] == true).count()), (14, 9));
    assert!((number(&["block", "new_without_permit", "plane_area_m2"]) - 2_846.0).abs() < 1e-6);
    let sheds = made().truth["block"]["slide_buildings"].as_array().expect("a list");
    let of = |state: &str| sheds.iter().filter(|shed| shed["state"] == state).count();
    assert_eq!([of("destroyed"), of("buried"), of("damaged")], [4, 3, 2]);
    let numbers: std::collections::BTreeSet<String> = sheds.iter().map(|shed| shed["number"].to_string()).collect();
    assert_eq!(numbers.len(), sheds.len());
}

#[test]
fn copies_of_the_second_epoch_are_shifted_by_what_the_truth_says() {
    let copies = made().truth["block"]["copies"].as_array().expect("a list");
    let shift = |copy: &Value, key: &str| copy[key].as_f64().expect("a number");
    let level = |copy: &&Value| shift(copy, "dx_m").hypot(shift(copy, "dy_m"));
    let levels: Vec<i64> = copies.iter().map(|copy| (level(&copy) * 1.0e6).round() as i64).collect();
    assert!(levels.contains(&30_000) && levels.contains(&1_000_000), "3 cm and 1 m: {levels:?}");
    let raised: Vec<f64> = copies.iter().filter(|copy| level(copy) <= 0.0).map(|copy| shift(copy, "dz_m")).collect();
    assert_eq!(raised, [0.03, 1.0, -28.37]);
    let ellipsoidal: Vec<&Value> = copies.iter().filter(|copy| copy["height_datum"] != "normal_1985").collect();
    assert_eq!(ellipsoidal.len(), 1, "{ellipsoidal:?}");
}

#[test]
fn projects_take_what_their_reviews_must_find() {
    let area = |project: &str| number(&["projects", project, "plane_area_m2"]);
    let takes = |project: &str, what: &str| number(&["projects", project, "takes", what, "plane_area_m2"]);
    assert!((area("project-industry") - 68_342.0).abs() < 0.01);
    assert!((takes("project-industry", "farmland") - 2_871.0).abs() < 0.01);
    assert!((area("project-housing") - 24_160.0).abs() < 0.01);
    assert!((area("project-road") - 37_200.0).abs() < 0.01);
    assert!((takes("project-road", "red_line_2022") - 4_102.0).abs() < 0.01);
    assert!((takes("project-road", "river_range") - 1_800.0).abs() < 0.01);
    for (project, lines) in [
        ("project-industry", &["red_line_2022", "river_range", "high_hazard", "mining"][..]),
        ("project-housing", &["farmland", "red_line_2022", "river_range", "high_hazard", "mining"]),
        ("project-road", &["farmland", "high_hazard", "mining"]),
    ] {
        for line in lines {
            assert!(takes(project, line) <= 0.0, "{project} takes nothing of {line}");
        }
    }
    assert!((takes("project-housing", "urban_boundary") - 24_160.0).abs() < 0.01);
    assert!(takes("project-industry", "urban_boundary") > 0.6 * 68_342.0);
}

#[test]
fn city_lines_and_relics_lie_where_projects_do_not() {
    for kind in ["green_line", "blue_line", "purple_line", "yellow_line", "heritage_range", "heritage_belt"] {
        assert!((1.0..30.0).contains(&number(&[kind, "count"])), "{kind}: a few");
        assert!(number(&[kind, "plane_area_m2"]) > 20_000.0, "{kind}");
        for project in ["project-industry", "project-housing", "project-road"] {
            assert!(number(&["projects", project, "takes", kind, "plane_area_m2"]).is_nan(), "{project} takes {kind}");
        }
    }
    for (kind, hectares) in [("purple_line", 4.6), ("heritage_range", 2.32), ("heritage_belt", 5.52)] {
        assert!((number(&[kind, "plane_area_m2"]) - hectares * 10_000.0).abs() < 0.01, "{kind}");
    }
}
