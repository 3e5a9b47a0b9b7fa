//! A coordination officer compares two plans in the browser: what the page shows is what the service answers and what was
//! planted; a row zooms, the files hold every patch, the ledger is assigned and answered, and no change is lost.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::coordination::{assert_adds_up, assert_planted, cents, number, row};
use crate::oracles::gdal_feature_count;
use crate::programs::{Server, admin_password, data_folder, skipped, validate};
use crate::sample_county::County;

/// An area as the page writes it: `1,234,567.80`.
pub(crate) fn grouped(value: &Value) -> String {
    let text = format!("{:.2}", number(value));
    let (whole, part) = text.split_once('.').expect("two decimals");
    let groups: Vec<&str> =
        whole.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).expect("digits")).collect();
    format!("{}.{part}", groups.join(","))
}

pub(crate) fn rows<'v>(of: &'v Value, name: &str) -> &'v [Value] {
    of[name].as_array().unwrap_or_else(|| panic!("no list {name}"))
}

fn texts(row: &Value) -> Vec<&str> {
    row.as_array().expect("cells").iter().filter_map(Value::as_str).collect()
}

/// The box of a geometry.
fn bounds(coordinates: &Value, found: &mut [f64; 4]) {
    match coordinates.as_array().expect("coordinates").as_slice() {
        [x, y] if x.is_number() => {
            let (x, y) = (number(x), number(y));
            *found = [found[0].min(x), found[1].min(y), found[2].max(x), found[3].max(y)];
        }
        parts => parts.iter().for_each(|part| bounds(part, found)),
    }
}

#[test]
fn two_plans_are_compared_in_the_browser_and_their_ledger_is_worked_on() {
    if !Path::new("/usr/bin/chromium").exists() {
        skipped("the difference was not driven, Chromium is not installed");
        return;
    }
    let county = County::get();
    let folder = data_folder();
    let data = county.copy(folder.path());
    let server = Server::start(&data);
    let password = admin_password(&data);
    let pictures = folder.path().to_string_lossy().into_owned();
    let Some((sound, said)) = validate("plans.mjs", &[&server.url, &password, &pictures]) else { return };
    assert!(sound, "the page has errors: {:#} after {:#}", said["errors"], said["steps"]);

    let (result, truth) = (&said["result"], county.truth());
    assert_eq!(texts(&said["proposed"]), ["city-plan", "land-plan"], "the plans that the page proposes");
    for (classes, planted) in
        [(["建设", "非建设"], "city_builds_land_plan_does_not"), (["非建设", "建设"], "land_plan_builds_city_does_not")]
    {
        assert_planted(planted, row(result, &classes), &truth["conflicts"][planted]);
    }
    assert_adds_up(result);
    the_page_shows_the_result(&said, result);

    let [before, after] = ["before", "after"].map(|name| &said["zoomed"][name]);
    let patch = &said["zoomed"]["patch"];
    let mut around = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    bounds(&patch["geometry"]["coordinates"], &mut around);
    let seen: Vec<f64> = rows(after, "bounds").iter().map(number).collect();
    assert!(
        seen[0] <= around[0] && seen[1] <= around[1] && seen[2] >= around[2] && seen[3] >= around[3],
        "the map shows {seen:?}, the patch is in {around:?}"
    );
    assert!(number(&after["zoom"]) > number(&before["zoom"]), "{before} {after}");
    let shown = texts(&said["rows"][0]);
    for kind in ["plane_m2", "ellipsoidal_m2"] {
        assert!(shown.contains(&grouped(&patch["properties"][kind]).as_str()), "{shown:?} is not {patch}");
    }
    let filtered = said["filtered"].as_u64().expect("a count");
    assert!(
        filtered > 0 && said["tally"].as_str().is_some_and(|words| words.contains(&format!("显示 {filtered} 个"))),
        "{} {filtered}",
        said["tally"]
    );

    the_files_hold_every_patch(&said, result, &folder.path().join("files"));
    the_ledger_lost_nothing(&said, result);
}

/// Every figure of the matrix, the totals and the units, as the page writes it.
fn the_page_shows_the_result(said: &Value, result: &Value) {
    let shown = rows(said, "matrix");
    assert_eq!(shown.len(), rows(result, "matrix").len(), "{shown:?}");
    for (cells, row) in shown.iter().map(texts).zip(rows(result, "matrix")) {
        let classes: Vec<&str> = rows(row, "classes").iter().filter_map(Value::as_str).collect();
        assert!(cells[0].starts_with(&classes.join(" / ")), "{cells:?} is not {row}");
        assert_eq!(cells[1].replace(',', ""), row["patches"].to_string(), "{cells:?}");
        assert_eq!(cells[2..4], [grouped(&row["plane_m2"]), grouped(&row["ellipsoidal_m2"])], "{cells:?}");
    }
    let figures = said["figures"].as_str().expect("figures");
    for of in [&result["totals"], &result["totals"]["difference"]] {
        for kind in ["plane_m2", "ellipsoidal_m2"] {
            assert!(figures.contains(&grouped(&of[kind])), "{figures} does not say {}", of[kind]);
        }
    }
    let shown = rows(said, "units");
    assert_eq!(shown.len(), rows(result, "by_unit").len(), "{shown:?}");
    for (cells, row) in shown.iter().map(texts).zip(rows(result, "by_unit")) {
        let difference = &row["difference"];
        assert!(
            cells[0].starts_with(
                row["name"]
                    .as_str()
                    .filter(|name| !name.is_empty())
                    .unwrap_or_else(|| row["code"].as_str().expect("a code"))
            ),
            "{cells:?} is not {row}"
        );
        assert_eq!(
            cells[2..4],
            [grouped(&difference["plane_m2"]), grouped(&difference["ellipsoidal_m2"])],
            "{cells:?}"
        );
    }
}

/// GDAL reads as many patches as there are; the workbooks add up to the result's totals.
fn the_files_hold_every_patch(said: &Value, result: &Value, folder: &Path) {
    for file in rows(said, "files") {
        assert!(file["status"] == 200 && file["bytes"].as_u64() > Some(2_000), "{file}");
    }
    let patches = result["totals"]["patches"].as_u64().expect("a count");
    for name in ["patches.gpkg", "patches-shp.zip", "patches.geojson"] {
        let path = folder.join(name);
        let path = if name.ends_with(".zip") { PathBuf::from(format!("/vsizip/{}", path.display())) } else { path };
        assert_eq!(gdal_feature_count(&path), patches, "{name}");
    }
    let Some((sound, books)) = validate("documents.py", &[&folder.to_string_lossy()]) else { return };
    assert!(sound, "the workbooks cannot be read: {books}");
    for name in ["analysis.xlsx", "ledger.xlsx"] {
        let sums = rows(&books[name], "sums");
        assert!(sums.len() >= 2, "{name} has {} sums", sums.len());
        for sum in sums {
            assert!(sum["exact"].is_string() && sum["exact"] == sum["stored"], "{name}: {sum}");
            assert!(
                sum["counted"].is_null() || sum["counted"] == sum["exact"],
                "LibreOffice counts another sum: {sum}"
            );
        }
    }
    let last = |name: &str, sheet: &str| {
        let lines = books[name]["sheets"][sheet].as_array().unwrap_or_else(|| panic!("{name} has no {sheet}"));
        let total = lines.iter().rev().find(|line| line[0] == "合计").unwrap_or_else(|| panic!("no total in {sheet}"));
        let areas: Vec<i64> = total.as_array().expect("cells").iter().filter(|cell| cell.is_f64()).map(cents).collect();
        (areas[0], areas[1])
    };
    let of = |totals: &Value| (cents(&totals["plane_m2"]), cents(&totals["ellipsoidal_m2"]));
    for sheet in ["差异矩阵表", "图斑清单"] {
        assert_eq!(last("analysis.xlsx", sheet), of(&result["totals"]), "{sheet}");
    }
    assert_eq!(last("ledger.xlsx", "差异图斑台账"), of(&result["totals"]["difference"]), "the ledger");
}

/// The row that two people changed at once holds what each of them wrote.
fn the_ledger_lost_nothing(said: &Value, result: &Value) {
    let differences = &result["totals"]["difference"]["patches"];
    assert_eq!(&said["ledger"], differences, "patches that agree are no business of the ledger");
    assert!(
        said["ledger_tally"].as_str().is_some_and(|words| words.replace(',', "").contains(&differences.to_string())),
        "{}",
        said["ledger_tally"]
    );
    let assigned = texts(&said["assigned"]);
    assert!(assigned.contains(&"住建局") && assigned.contains(&"已分派"), "{assigned:?}");
    let conflict = said["conflict"].as_str().expect("a dialog");
    for words in ["他人刚刚修改了这条记录", "调整缘由", "现状为村庄建设用地", "按最新内容再提交"]
    {
        assert!(conflict.contains(words), "{conflict} does not say {words}");
    }
    let row = &said["row"];
    assert_eq!(row["unit"]["name"], "住建局", "{row}");
    assert_eq!(row["state"], "resolved", "{row}");
    for (column, words) in [("XTFS", "以土规为准"), ("TZYY", "现状为村庄建设用地"), ("BZ", "报领导小组")]
    {
        assert_eq!(row["opinions"][column], words, "{row}");
    }
}
