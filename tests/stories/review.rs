//! A project goes round the departments, driven through the page as its people do it, each under their own account:
//! registered, checked with the planted figures, sent to four departments, answered, supplemented, late, summed up, filed;
//! and the papers that come of it, read back by other programs, show the service's own figures.

use std::path::Path;

use serde_json::Value;

use crate::programs::{Server, admin_password, data_folder, skipped, validate};
use crate::sample_county::County;

/// Square metres by which an area may miss the planted one: the boundary points are rounded to millimetres.
const ROUNDED_POINTS_M2: f64 = 0.5;

/// The number that the page writes after a word.
fn number_after(words: &str, word: &str) -> f64 {
    let after = words.split_once(word).unwrap_or_else(|| panic!("no {word} in {words}")).1;
    let digits: String =
        after.trim_start().chars().filter(|c| *c != ',').take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    digits.parse().unwrap_or_else(|_| panic!("no number after {word} in {words}"))
}

#[test]
fn a_project_goes_round_the_departments_in_the_browser() {
    if !Path::new("/usr/bin/chromium").exists() {
        skipped("the review was not driven, Chromium is not installed");
        return;
    }
    let county = County::get();
    let folder = data_folder();
    let data = county.copy(folder.path());
    let server = Server::start(&data);
    let password = admin_password(&data);
    let project = &county.truth()["projects"]["project-industry"];
    let red_line = county.deliveries.join("10_项目_拟用地红线/样例工业园_界址点.txt");
    let pictures = folder.path().to_string_lossy().into_owned();
    let Some((sound, said)) = validate("review.mjs", &[&server.url, &password, &red_line.to_string_lossy(), &pictures])
    else {
        return;
    };
    assert!(sound, "the review has errors: {said:#}");

    assert_eq!(said["verdict"], "fail", "{said:#}");
    let shows = |name: &str, areas: &Value| {
        let words = said[name].as_str().unwrap_or_else(|| panic!("no {name} in {said:#}"));
        for (word, area) in [("\n平面 ", "plane_area_m2"), ("\n椭球 ", "ellipsoidal_area_m2")] {
            let (shown, planted) = (number_after(words, word), areas[area].as_f64().expect("an area"));
            assert!((shown - planted).abs() < ROUNDED_POINTS_M2, "{name}: {shown} is not {planted}");
        }
    };
    shows("red_line", project);
    shows("farmland", &project["takes"]["farmland"]);
    assert!(said["overdue"].as_str().is_some_and(|words| words.contains("逾期")), "{said:#}");
    let states: Vec<&str> =
        said["opinions"].as_array().expect("a list").iter().filter_map(|one| one[1].as_str()).collect();
    assert_eq!(states, ["signed", "signed", "signed", "no_opinion"], "{said:#}");

    let documents = said["documents"].as_array().expect("a list");
    for (name, kind, begins) in [
        ("report.pdf", "application/pdf", "%PDF"),
        ("report.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "PK"),
        ("tables.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "PK"),
        ("sheet-a3.pdf", "application/pdf", "%PDF"),
        ("package.json", "application/json", "{"),
    ] {
        let found = documents
            .iter()
            .find(|document| document["name"] == name)
            .unwrap_or_else(|| panic!("no {name} among {documents:?}"));
        assert_eq!(found["status"], 200, "{found}");
        assert!(found["type"].as_str().is_some_and(|said| said.starts_with(kind)), "{found}");
        assert!(found["begins"].as_str().is_some_and(|said| said.starts_with(begins)), "{found}");
        assert!(found["bytes"].as_u64().is_some_and(|bytes| bytes > 2_000), "{found}");
    }
    the_papers_show_the_figures(&said, &folder.path().join("documents"));
}

/// Areas as papers print them.
fn printed(value: &Value) -> Option<String> {
    value.as_f64().map(|m2| format!("{m2:.2}"))
}

/// Every area of the check stands in the page, the PDF, the text document and the workbook, to the last digit, and the sums
/// of the workbook are what its rows add up to.
fn the_papers_show_the_figures(said: &Value, folder: &Path) {
    let Some((sound, papers)) = validate("documents.py", &[&folder.to_string_lossy()]) else { return };
    assert!(sound, "the papers cannot be read: {papers}");
    for program in papers["missing"].as_array().expect("a list") {
        skipped(&format!("papers were not looked at with {program}, which is not installed"));
    }
    let result = &said["result"];
    let checks = result["checks"].as_array().expect("checks");
    let areas = |of: &Value| ["plane_m2", "ellipsoidal_m2"].map(|kind| printed(&of[kind]).expect("an area"));
    let breaks = |check: &Value| matches!(check["verdict"].as_str(), Some("fail" | "conditional"));

    for check in checks.iter().filter(|check| check["overlap"]["pieces"].as_u64() > Some(0)) {
        let rule = check["rule"].as_str().expect("a rule");
        let shown =
            said["checks"][rule].as_str().unwrap_or_else(|| panic!("the page shows no {rule}")).replace(',', "");
        for area in areas(&check["overlap"]) {
            assert!(shown.contains(&area), "the page shows {shown} for {rule}, not {area}");
        }
    }

    let mut figures = Vec::from(areas(&result["red_line"]));
    for check in checks {
        let outside = &check["outside"];
        // A rule of distances has no areas.
        let areas_of = if breaks(check) && outside.is_object() { outside } else { &check["overlap"] };
        figures.extend(Some(areas_of).filter(|of| of.is_object()).into_iter().flat_map(areas));
    }
    let filed = [
        ("three_lines", "“三线”占用情况表"),
        ("land_classes", "土地分类面积表"),
        ("land_detail", "土地分类面积明细表"),
        ("balance", "耕地占补平衡与农用地转用情况表"),
        ("occupied_parcels", "压占图斑清单"),
    ];
    let sheets = &papers["tables.xlsx"]["sheets"];
    for (table, title) in filed {
        let rows = result["tables"][table].as_array().unwrap_or_else(|| panic!("no table {table}"));
        assert!(!rows.is_empty(), "{table} is empty");
        // Title, unit and heads come first.
        let lines = sheets[title].as_array().unwrap_or_else(|| panic!("no worksheet {title}"));
        for (row, line) in rows.iter().zip(&lines[3..]) {
            let cells: Vec<f64> = line.as_array().expect("cells").iter().filter_map(Value::as_f64).collect();
            for kind in ["plane_m2", "ellipsoidal_m2"] {
                let area = row[kind].as_f64().unwrap_or_else(|| panic!("{table}: no area in {row}"));
                assert!(cells.contains(&area), "{title}: {area} is not among {cells:?}");
            }
            figures.extend(areas(row));
        }
    }
    for (paper, pages) in [("report.pdf", 4), ("report.docx", 4)] {
        let Some(shown) = papers[paper]["figures"].as_array() else { continue };
        let missing: Vec<&String> =
            figures.iter().filter(|figure| !shown.contains(&Value::from(figure.as_str()))).collect();
        assert!(missing.is_empty(), "{paper} does not show {missing:?}");
        assert!(papers[paper]["pages"].as_u64() >= Some(pages), "{paper} has {} pages", papers[paper]["pages"]);
    }
    if let Some(shown) = papers["sheet-a3.pdf"]["text"].as_str() {
        assert_eq!(papers["sheet-a3.pdf"]["pages"], 1);
        for figure in checks
            .iter()
            .filter(|check| breaks(check))
            .flat_map(|check| areas(if check["outside"].is_object() { &check["outside"] } else { &check["overlap"] }))
        {
            assert!(shown.contains(&figure), "the sheet for the meeting does not show {figure}");
        }
        for words in ["图例", "坐标系", "高程基准", "数据来源", "制图单位", "制图日期", "内部用图"]
        {
            assert!(shown.contains(words), "the sheet for the meeting does not say {words}");
        }
    }
    let sums = papers["tables.xlsx"]["sums"].as_array().expect("sums");
    assert!(sums.len() >= 10, "only {} sums in the workbook", sums.len());
    for sum in sums {
        assert!(
            sum["exact"].is_string() && sum["exact"] == sum["stored"],
            "a sum is not what its rows add up to: {sum}"
        );
        assert!(sum["counted"].is_null() || sum["counted"] == sum["exact"], "LibreOffice counts another sum: {sum}");
    }
}
