//! A project goes round the departments, driven through the page as its people do it, each under their own account:
//! registered, checked with the planted figures, sent to four departments, answered, supplemented, late, summed up, filed.

use std::path::Path;

use serde_json::Value;

use crate::programs::{Server, data_folder, program, run, skipped, validate};
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
    let (code, out, err) = run(program("shikong-server").arg("--data").arg(&data).args(["--reset-password", "admin"]));
    assert_eq!(code, 0, "{err}");
    let password = out.split_whitespace().last().expect("a one-time password").to_owned();
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
}
