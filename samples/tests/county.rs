//! The county as delivered (without its pictures): class table, planted conflicts, counts, and `ogrinfo` as the judge of every file.

use samples::delivery::{Content, Scope, make};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

struct Made {
    folder: tempfile::TempDir,
    truth: Value,
    content: Content,
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let content = make(folder.path(), Scope::Vectors, &mut |_| {}).expect("the county can be made");
        let truth = std::fs::read_to_string(folder.path().join("truth.json")).expect("truth.json is there");
        Made { truth: serde_json::from_str(&truth).expect("truth.json is JSON"), content, folder }
    })
}

fn number(path: &[&str]) -> f64 {
    path.iter().fold(&made().truth, |value, key| &value[*key]).as_f64().unwrap_or(f64::NAN)
}

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
    assert!((number(&["urban_boundary_x_farmland_slivers", "plane_area_m2"]) - 8_300.0).abs() < 0.05);
}

#[test]
fn people_houses_and_the_story_of_the_slide_add_up() {
    assert_eq!(number(&["houses", "count"]) as u32, 4_200);
    assert_eq!(number(&["houses", "people"]) as u32, 13_000);
    assert_eq!(number(&["block", "threatened", "households"]) as u32, 24);
    assert_eq!(number(&["block", "threatened", "people"]) as u32, 76);
    let eroded = made().truth["block"]["slides"][0]["eroded_m3"].as_f64().unwrap_or(0.0);
    assert!((200_000.0..400_000.0).contains(&eroded), "{eroded} m³");
    assert!((number(&["block", "new_without_permit_m2"]) - 2_846.0).abs() < 1e-6);
}

#[test]
fn projects_take_what_their_reviews_must_find() {
    let of = |project: &str, what: &str| number(&["projects", project, what]);
    assert!((of("project-industry", "plane_area_m2") - 68_342.0).abs() < 0.5);
    assert!((of("project-industry", "farmland_m2") - 2_871.0).abs() < 0.5);
    assert!((of("project-housing", "plane_area_m2") - 24_160.0).abs() < 0.5);
    for line in ["farmland_m2", "red_line_2022_m2", "river_range_m2", "high_hazard_m2"] {
        assert!(of("project-housing", line) < 0.01, "{line}");
    }
    assert!((of("project-road", "plane_area_m2") - 37_200.0).abs() < 30.0);
    assert!(of("project-road", "red_line_2022_m2") > 2_000.0 && of("project-road", "river_range_m2") > 500.0);
}

#[test]
fn two_runs_make_the_same_content() {
    let first = &made().content;
    let nowhere = made().folder.path().join("nowhere");
    let second = make(&nowhere, Scope::Nothing, &mut |_| {}).expect("the county can be made again");
    assert!(!nowhere.exists(), "a run without files touches none");
    assert!(first.fingerprints.len() > 30, "{:?}", first.fingerprints.keys());
    let differing: Vec<&String> = first
        .fingerprints
        .iter()
        .filter(|(name, print)| second.fingerprints.get(*name) != Some(print))
        .map(|(name, _)| name)
        .collect();
    assert!(differing.is_empty(), "made differently the second time: {differing:?}");
    assert_eq!(*first, second);
}

fn features(path: &Path, layer: &str) -> Option<u64> {
    let answer = Command::new("ogrinfo").args(["-so", "-ro"]).arg(path).arg(layer).output().ok()?;
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(answer.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&answer.stderr));
    text.lines().find_map(|line| line.strip_prefix("Feature Count: ")).and_then(|count| count.trim().parse().ok())
}

#[test]
fn ogrinfo_opens_every_layer_with_the_expected_count() {
    if Command::new("ogrinfo").arg("--version").output().is_err() {
        println!("SKIPPED: ogrinfo is not installed (Debian package gdal-bin)");
        return;
    }
    let out = made().folder.path();
    for (path, layer, count) in [
        ("02_自然资源局_国土调查/433199样例县2023.gdb", "DLTB", number(&["dltb", "features"]) as u64),
        ("02_自然资源局_国土调查/XZQ.shp", "XZQ", 1),
        ("02_自然资源局_国土调查/CJDCQ.shp", "CJDCQ", 13),
        ("04_自然资源局_国土空间规划/控规地块.gpkg", "控规地块", 90),
        ("09_多部门_台账/FW.shp", "FW", 4_200),
        ("09_多部门_台账/批而未供.shp", "批而未供", 60),
        ("09_多部门_台账/规划许可.shp", "规划许可", 60),
        ("09_多部门_台账/POI.geojson", "POI", 300),
        ("10_项目_拟用地红线/样例工业园.shp", "样例工业园", 1),
        ("10_项目_拟用地红线/样例工业园.dxf", "entities", 1),
    ] {
        assert_eq!(features(&out.join(path), layer), Some(count), "{path}");
    }
    let folders = [
        "04_自然资源局_国土空间规划",
        "05_住建局_城市总体规划2012",
        "06_自然资源局_土地利用总体规划",
        "07_林业局_林地小班",
        "08_多部门_管控边界",
        "09_多部门_台账",
        "10_项目_拟用地红线",
        "11_待质检_问题数据",
    ];
    for folder in folders {
        for entry in std::fs::read_dir(out.join(folder)).expect("the folder is there").flatten() {
            let path = entry.path();
            let kind = path.extension().and_then(|e| e.to_str()).unwrap_or("");
            if ["shp", "gpkg", "geojson", "dxf"].contains(&kind) {
                let answer =
                    Command::new("ogrinfo").args(["-so", "-ro", "-al"]).arg(&path).output().expect("ogrinfo runs");
                let text = String::from_utf8_lossy(&answer.stdout).into_owned();
                let some = text
                    .lines()
                    .filter_map(|line| line.strip_prefix("Feature Count: "))
                    .any(|count| count.trim() != "0");
                assert!(answer.status.success() && some, "{}: {text}", path.display());
            }
        }
    }
}
