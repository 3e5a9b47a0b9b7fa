//! A made-up slide through every form of the 灾情快报; the papers are read back by other programs.

use std::collections::BTreeMap;
use std::io::Read as _;

use serde_json::{Value, json};

use super::bulletin::{Bulletin, EMERGENCY_REFERENCE, UNSTATED, interval_words};
use super::content::{Block, Cell};
use super::dossier::Office;
use super::figure::{Colours, Figure, Footprint, Grid, Ground, draw};
use super::from_incident::{Told, bulletin};
use super::map::Frame;
use super::tests::{document, has_fonts, kept, text_of_pdf};
use super::*;
use crate::routes::maps::MapFont;

const HOSTILE: &str = "样例村#panic(\"x\")$1+1$*粗*_斜_<a>&amp;[园]滑坡";

/// 400 m down a slope, falling away in the middle and piled up at its foot.
fn profile() -> Value {
    let along: Vec<f64> = (0..=800).map(|i| f64::from(i) * 0.5).collect();
    let before: Vec<f64> = along.iter().map(|m| 620.0 - m * 0.35 + (m / 30.0).sin() * 1.5).collect();
    let after: Vec<Value> = along
        .iter()
        .zip(&before)
        .map(|(m, height)| match *m {
            m if (70.0..200.0).contains(&m) => json!(height - 14.0 * ((m - 70.0) / 130.0 * std::f64::consts::PI).sin()),
            m if (200.0..330.0).contains(&m) => {
                json!(height + 9.0 * ((m - 200.0) / 130.0 * std::f64::consts::PI).sin())
            }
            m if (360.0..370.0).contains(&m) => Value::Null,
            _ => json!(height),
        })
        .collect();
    json!({ "length_m": 400.0, "distance_m": along, "before_m": before, "after_m": after })
}

/// What analyses found.
fn results(aligned: bool) -> BTreeMap<String, Value> {
    let part = |m3: f64, low: f64, high: f64, edge: f64| json!({ "volume_m3": m3, "interval_m3": [low, high], "cells_m2": 31_250.0, "mean_m": 9.001, "greatest_m": 14.027, "undetectable_edge_m3": edge });
    let list: Vec<Value> = (1..=24)
        .map(|i| json!({ "number": format!("43319910020100{i:04}"), "state": "destroyed", "state_zh": if i < 9 { "被毁" } else { "被埋" }, "found_zh": if i == 3 { "受损" } else { "被毁" }, "given_by_hand": i == 3, "reason": if i == 3 { json!("现场核实墙体已倒塌") } else { Value::Null }, "confidence": { "zh": "屋顶高程下降" }, "use": "住宅", "village": "样例村", "households": 1, "people": 3 }))
        .collect();
    let mut change = json!({
        "rule": "terrain-change/2", "aligned": aligned,
        "sources": [{ "role": "after", "source": "dsm@20260702t000000-abcdef" }, { "role": "before", "source": "dsm@20260101t000000-123456" }],
        "registration": {
            "stable_m2": 812_345.0, "shift_m": { "east": 0.0312, "north": -0.0118, "up": 0.0274 },
            "standard_error_m": { "east": 0.0041, "north": 0.0043, "up": 0.0019 }, "significant": { "east": true, "north": false, "up": true },
            "residual": { "shift_taken_off": { "nmad_m": 0.0612 } }, "height_datums": { "before": "1985国家高程基准", "after": "1985国家高程基准" },
        },
        "level_of_detection_m": 0.147, "sigma_m": 0.0612, "accuracy": "estimated", "cells": { "size_m": [0.5, 0.5] },
        "places": { "found": 2 }, "sections": [profile()],
        "loss": part(281_306.4, 279_502.1, 283_655.0, 320.4), "gain": part(262_118.9, 260_401.0, 263_990.2, 0.0),
        "net": { "volume_m3": -19_187.5, "interval_m3": [-22_004.0, -16_371.0] }, "scale": "中型",
        "message": { "zh": "两期套合良好。", "en": "The surveys fit." },
        "buildings": { "states": [
            { "state": "destroyed", "title_zh": "被毁", "buildings": 8, "households": 8, "people": 25 },
            { "state": "buried", "title_zh": "被埋", "buildings": 16, "households": 16, "people": 51 },
            { "state": "unchanged", "title_zh": "未见变化", "buildings": 0, "households": 0, "people": 0 },
        ], "list": list },
    });
    if aligned {
        change["stamp"] = json!("应急参考");
    }
    let households: Vec<Value> = (1..=24)
        .map(|i| json!({ "number": format!("43319910020100{i:04}"), "village": "样例村", "use": "住宅", "households": 1, "people": 3, "head_masked": "向**", "phone_masked": "138****0000" }))
        .collect();
    let exposure = json!({
        "area": { "kind": "run-out", "plane_m2": 98_120.5, "ellipsoidal_m2": 98_156.1 },
        "houses": { "buildings": 24, "households": 24, "people": 76, "buildings_without_people_figure": 2, "by_use": [
            { "use": "住宅", "buildings": 22, "households": 24, "people": 76 }, { "use": "公共服务", "buildings": 2, "households": 0, "people": 0 },
        ] },
        "roads": { "by_class": [{ "class": "村道", "ellipsoidal_km": 0.4123 }, { "class": "乡道", "ellipsoidal_km": 0.2051 }] },
        "facilities": { "count": 1, "by_kind": [{ "kind": "小学", "count": 1, "named": [{ "id": "1", "name": "样例小学" }] }] },
        "control_lines": [
            { "title": "永久基本农田", "features": 3, "plane_m2": 12_033.4, "ellipsoidal_m2": 12_037.86 },
            { "title": "生态保护红线", "features": 0, "plane_m2": 0.0, "ellipsoidal_m2": 0.0 },
        ],
        "missing": [{ "register": "shelters", "title": "避难场所", "reason_zh": "没有避难场所台账，未统计（不是没有）" }],
        "loss": { "wan_yuan": 486.3 },
        "danger": { "class": "小型", "people": 76, "loss_wan_yuan": 486.3, "loss_basis": "estimate", "basis_zh": "按受威胁人数与潜在经济损失中的高者" },
        "disaster": null,
        "household_list": { "of": 24, "listed": 24, "rows": households },
    });
    let evacuation = json!({
        "on_foot": false,
        "routes": [{ "from": ["样例村一组", "样例村三组"], "shelter": "样例小学操场", "people": 40, "length_m": 1_230.0, "minutes": 21.4 }],
        "shelters": [
            { "name": "样例小学操场", "capacity": 300, "assigned": 40, "state": "used", "state_zh": "启用" },
            { "name": "远处操场", "capacity": 300, "assigned": 0, "state": "unused", "state_zh": "未启用" },
        ],
        "cut_off": { "total": { "houses": 4 }, "rows": [{ "villages": ["样例村二组"], "households": 4, "people": 11 }] },
        "notices": [{ "zh": "路网不连通：道路数据分为 2 片，位置见 gaps。请核实后修正道路数据重新入库；应急时可用 join_gaps_m 指定连接距离", "en": "pieces" }],
    });
    [("terrain-change", change), ("exposure", exposure), ("evacuation", evacuation)]
        .into_iter()
        .map(|(name, result)| (name.to_owned(), result))
        .collect()
}

fn told(aligned: bool, facts: &Value) -> Told<'static> {
    Told {
        incident: json!({
            "id": "i-1", "name": HOSTILE, "hazard": "滑坡", "occurred": "2026-06-30T15:42:00Z", "place": "样例镇样例村一组屋后",
            "question": { "within": [109.735, 28.305, 109.745, 28.315] }, "facts": {},
        }),
        report: Some(
            json!({ "number": 2, "kind": "further", "at": "2026-07-02T22:30:00Z", "facts": facts, "jobs": {} }),
        ),
        results: results(aligned),
        patches: &[],
        surveys: &[],
        rules: json!([{ "title": "地表变化量算规则", "version": "2026.1" }]),
        office: Office { unit: "样例县自然资源局".to_owned(), ..Office::default() },
        as_of: "2026-07-02T22:30:00Z".to_owned(),
    }
}

fn facts() -> Value {
    json!({
        "dead": 0, "injured": 3, "moved_people": 76, "moved_households": 24,
        "measures": "设置警戒区并封闭村道；组织受威胁群众转移。\n派驻技术人员开展应急调查，布设裂缝计2台。",
        "reporting_unit": "样例县自然资源局", "issuer": "张三", "contact": "李四", "phone": "0743-0000000",
    })
}

fn square(x: f64, y: f64, half: f64) -> Vec<Vec<[f64; 2]>> {
    vec![vec![
        [x - half, y - half],
        [x + half, y - half],
        [x + half, y + half],
        [x - half, y + half],
        [x - half, y - half],
    ]]
}

/// The slide on a hillside of 500 m, in EPSG:4546.
fn figure() -> Figure {
    let grid = [474_000.0, 3_132_500.0, 2.0, 2.0];
    let size = [250, 250];
    let cell = |value: &dyn Fn(f64, f64) -> f64| -> Vec<f32> {
        (0..size[0] * size[1])
            .map(|at| value((at % size[0]) as f64 * 2.0, (at / size[0]) as f64 * 2.0) as f32)
            .collect()
    };
    let shade = cell(&|x, y| 140.0 + 60.0 * (x / 23.0).sin() * (y / 31.0).cos());
    let bowl = |x: f64, y: f64, depth: f64| {
        let r2 = (x / 70.0).powi(2) + (y / 60.0).powi(2);
        if r2 < 1.0 { depth * (1.0 - r2) } else { 0.0 }
    };
    let difference = cell(&|x, y| {
        if x < 20.0 { f64::NAN } else { bowl(x - 250.0, y - 180.0, -14.0) + bowl(x - 250.0, y - 310.0, 9.0) }
    });
    let ring: Vec<[f64; 2]> = (0..=48)
        .map(|i| f64::from(i) / 48.0 * std::f64::consts::TAU)
        .map(|a| [474_250.0 + 85.0 * a.cos(), 3_132_255.0 + 135.0 * a.sin()])
        .collect();
    let states = ["被毁", "被埋", "受损", "未见变化", "未判定"];
    let buildings = (0..10).map(|i| Footprint {
        state: states[i % 5].to_owned(),
        polygons: vec![square(474_160.0 + 20.0 * i as f64, 3_132_150.0 - 6.0 * i as f64, 6.0)],
    });
    Figure {
        crs: "EPSG:4546".to_owned(),
        extent: None,
        ground: Ground::Shade(Grid { size, grid, values: shade }),
        colours: Some(Colours::Difference { grid: Grid { size, grid, values: difference }, detection_m: 0.147 }),
        outlines: vec![vec![ring]],
        asked: vec![square(474_250.0, 3_132_250.0, 200.0)],
        buildings: buildings.collect(),
        routes: vec![vec![[474_330.0, 3_132_130.0], [474_400.0, 3_132_160.0], [474_440.0, 3_132_300.0]]],
        cut_roads: vec![vec![[474_150.0, 3_132_190.0], [474_250.0, 3_132_170.0], [474_330.0, 3_132_130.0]]],
        sections: vec![("A—A′".to_owned(), vec![[474_250.0, 3_132_420.0], [474_250.0, 3_132_100.0]])],
        shelters: vec![("样例小学操场".to_owned(), [474_440.0, 3_132_300.0])],
        layers: vec![("灾后数字表面模型".to_owned(), "2026-07-02T00:00:00Z".to_owned())],
    }
}

/// A paper of a bulletin, with the map it wants.
fn made(name: &str, bulletin: &Bulletin, workshop: &Workshop) -> Vec<u8> {
    let Make::Bulletin(frame, make) = document(name).make else { panic!("a paper of a disaster") };
    let mut bulletin = bulletin.clone();
    if let Some(frame) = frame {
        bulletin.map = draw(&figure(), frame, MapFont::default().get().as_deref()).expect("drawn");
        assert!(bulletin.map.is_some());
    }
    let bytes = make(&bulletin, workshop).expect("it is made");
    assert!(bytes == make(&bulletin, workshop).expect("it is made"), "{name}: the same values give the same bytes");
    bytes
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn the_pdf_says_what_is_known_with_its_error_and_takes_hostile_names_as_text() {
    let workshop = Workshop::default();
    if !has_fonts(&workshop) {
        return;
    }
    let bytes = made("bulletin.pdf", &bulletin(&told(false, &facts())), &workshop);
    let Some(text) = text_of_pdf(&kept("bulletin.pdf", &bytes)) else { return };
    for words in [
        "地质灾害灾情（险情）快报",
        "续报（第2期）",
        "签发人：张三",
        "2026年6月30日23时42分",
        "东经109.740000°，北纬28.310000°",
        "死亡0人，失踪未报，受伤3人，紧急转移24户、76人，直接经济损失未报",
        "28.13万立方米（95%置信区间27.95万～28.37万立方米）",
        "279502～283655",
        "一、基本情况",
        "二、灾害体变化",
        "三、受威胁对象与损失",
        "四、已采取措施",
        "五、精度与数据说明",
        "六、附图附表",
        "规模（按体积）中型",
        "没有避难场所台账，未统计（不是没有）",
        "样例村二组道路中断，4户、11人",
        "请核实后修正道路数据重新入库。",
        "附图2A—A′地面剖面图",
        "高差（米）：红色为流失（降低），蓝色为堆积（抬高）",
        "东0.0310.004显著",
        "138****0000",
        "判定为受损",
        &squeezed(HOSTILE),
    ] {
        assert!(text.contains(&squeezed(words)), "{words}");
    }
    assert!(text.contains("未定级"), "灾情 was not graded");
    assert!(!text.contains(EMERGENCY_REFERENCE), "nothing was fitted");
    assert!(!text.contains("gaps") && !text.contains("远处操场"), "parameters and idle shelters are for the page");
    // A household that lost somebody must not read a nought that nobody counted.
    assert!(!text.contains("失踪0人"));
}

#[test]
fn what_was_fitted_says_so_on_every_page_and_in_the_file() {
    let workshop = Workshop::default();
    if !has_fonts(&workshop) {
        return;
    }
    let path = kept("bulletin-aligned.pdf", &made("bulletin.pdf", &bulletin(&told(true, &facts())), &workshop));
    let info = std::process::Command::new("pdfinfo").arg(&path).output();
    let Ok(info) = info.map(|info| String::from_utf8_lossy(&info.stdout).into_owned()) else { return };
    assert!(info.lines().any(|line| line.starts_with("Keywords:") && line.contains(EMERGENCY_REFERENCE)), "{info}");
    let pages: usize = info
        .lines()
        .find_map(|line| line.strip_prefix("Pages:"))
        .and_then(|pages| pages.trim().parse().ok())
        .expect("a number of pages");
    assert!(pages >= 4, "{info}");
    for page in 1..=pages {
        let page = page.to_string();
        let text =
            std::process::Command::new("pdftotext").args(["-f", &page, "-l", &page]).arg(&path).arg("-").output();
        let text = String::from_utf8_lossy(&text.expect("it came with pdfinfo").stdout).into_owned();
        assert!(squeezed(&text).contains(EMERGENCY_REFERENCE), "page {page}");
    }
    let xml = docx_part(&made("bulletin.docx", &bulletin(&told(true, &facts())), &workshop), "word/header1.xml");
    assert!(xml.contains(EMERGENCY_REFERENCE));
    let xml = docx_part(&made("bulletin.docx", &bulletin(&told(false, &facts())), &workshop), "word/header1.xml");
    assert!(!xml.contains(EMERGENCY_REFERENCE));
}

fn docx_part(bytes: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("a ZIP");
    let mut xml = String::new();
    archive.by_name(name).expect("the part").read_to_string(&mut xml).expect("UTF-8");
    xml
}

#[test]
fn the_word_text_holds_the_cells_of_the_pdf_and_its_figures() {
    let workshop = Workshop::default();
    if !has_fonts(&workshop) {
        return;
    }
    let bytes = made("bulletin.docx", &bulletin(&told(false, &facts())), &workshop);
    kept("bulletin.docx", &bytes);
    let xml = docx_part(&bytes, "word/document.xml");
    for words in
        ["281306", "279502～283655", "未报", "中型", "小型", "未定级", "附图2　A—A′地面剖面图", "&lt;a&gt;&amp;amp;"]
    {
        assert!(xml.contains(words), "{words}");
    }
    let archive = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).expect("a ZIP");
    let media = archive.file_names().filter_map(Result::ok).filter(|name| name.ends_with(".png")).count();
    assert_eq!(media, 2, "the map and a section");
}

#[test]
fn the_picture_is_one_a4_page_with_something_on_it() {
    let workshop = Workshop::default();
    if !has_fonts(&workshop) {
        return;
    }
    let long = Value::from("已组织力量全面排查并转移群众。".repeat(200));
    let mut many = facts();
    many["measures"] = long;
    for (name, aligned, facts) in
        [("bulletin.png", false, facts()), ("bulletin-long.png", true, many), ("bulletin-bare.png", false, json!({}))]
    {
        let mut told = told(aligned, &facts);
        if name == "bulletin-bare.png" {
            told.results.clear();
        }
        let bytes = made("bulletin.png", &bulletin(&told), &workshop);
        kept(name, &bytes);
        let picture = image::load_from_memory(&bytes).expect("a PNG").into_rgb8();
        let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
        assert!((height / width - 297.0 / 210.0).abs() < 2e-3 && width > 1_000.0, "{name}: {width} x {height}");
        let dark = picture.pixels().filter(|pixel| pixel.0.iter().all(|channel| *channel < 100)).count();
        assert!(dark > 10_000, "{name}: {dark} dark pixels");
        // The last line with its signature is never pushed off the page.
        let foot = picture.rows().skip((height * 0.955) as usize).flatten().filter(|pixel| pixel.0[0] < 100).count();
        assert!(foot > 200, "{name}: {foot} dark pixels at the foot");
    }
}

#[test]
fn what_nobody_stated_is_unstated_and_never_nought() {
    let mut bare = told(false, &json!({}));
    bare.results.clear();
    bare.report = None;
    bare.incident = json!({ "id": "i-2", "name": "夜间报告", "hazard": "洪水" });
    let report = bulletin_report::report(&bulletin(&bare));
    assert_eq!(report.title, "洪涝灾害灾情（险情）快报");
    let facts: Vec<&String> = report
        .blocks
        .iter()
        .filter_map(|block| match block {
            Block::Facts(facts) => Some(facts.iter().map(|(_, value)| value)),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(facts.iter().filter(|value| value.as_str() == UNSTATED).count(), facts.len() - 3, "{facts:?}");
    let text = words(&report);
    assert!(text.contains("死亡未报，失踪未报，受伤未报，紧急转移未报，直接经济损失未报"), "{text}");
    assert!(!text.contains("0人") && !text.contains("0户") && !text.contains("0.00"), "{text}");
    // Parts of the wrong type say nothing, and nothing falls over.
    let mut odd = told(false, &json!({ "dead": "两人", "direct_loss_wan_yuan": [] }));
    odd.results = ["terrain-change", "exposure", "inundation", "evacuation"]
        .into_iter()
        .map(|name| {
            (
                name.to_owned(),
                json!({ "loss": 3, "places": [], "sections": [{}], "houses": "x", "routes": 7, "classes": [null] }),
            )
        })
        .collect();
    let odd = words(&bulletin_report::report(&bulletin(&odd)));
    assert!(odd.contains("死亡未报") && !odd.contains("0人"), "{odd}");
}

#[test]
fn one_survey_has_no_volume_and_a_guess_is_called_one() {
    let mut only = told(false, &facts());
    only.results.insert(
        "terrain-change".to_owned(),
        json!({
            "mode": "after-only", "aligned": false, "loss": null, "plane_m2": 30_120.4, "ellipsoidal_m2": 30_131.9,
            "sources": [{ "role": "after", "source": "dsm@b" }], "scale": null, "registration": null,
            "estimate": { "range_m3": [41_000.0, 655_000.0], "message": { "zh": "按面积的经验公式估算，未量测深度；不得作为体积成果上报。" } },
        }),
    );
    let text = words(&bulletin_report::report(&bulletin(&only)));
    assert!(text.contains("变化深度与体积未知，规模不能判定"), "{text}");
    assert!(text.contains("粗估为4.10万～65.50万立方米，仅供研判"), "{text}");
    assert!(text.contains("规模（按体积）|未定级"), "{text}");
}

/// All that a report says, cells parted by bars.
fn words(report: &content::Report) -> String {
    let mut lines = Vec::new();
    for block in &report.blocks {
        match block {
            Block::Section(words) => lines.push((*words).to_owned()),
            Block::Heading(words) | Block::Paragraph(words) | Block::Warning(words) => lines.push(words.clone()),
            Block::Facts(facts) => lines.extend(facts.iter().map(|(name, value)| format!("{name}|{value}"))),
            Block::Table(table) => {
                for row in &table.rows {
                    lines.push(row.cells.iter().map(Cell::text).collect::<Vec<_>>().join("|"));
                }
                lines.extend(table.notes.iter().cloned());
            }
            Block::Map | Block::Picture(_) | Block::Seal { .. } => {}
        }
    }
    lines.join("\n")
}

#[test]
fn a_narrow_interval_has_two_ends() {
    assert_eq!(interval_words([279_502.0, 283_655.0]), "27.95万～28.37万立方米");
    assert_eq!(interval_words([241_653.1, 241_714.7]), "24.165万～24.171万立方米");
    assert_eq!(interval_words([241_653.1, 241_653.2]), "24.1653万～24.1653万立方米");
    assert_eq!(interval_words([-663.7, -658.4]), "-664～-658立方米");
}

#[test]
fn no_figure_stands_without_its_unit() {
    const UNITS: &[&str] = &[
        "人",
        "户",
        "栋",
        "处",
        "米",
        "万～",
        "万立方米",
        "万元",
        "～",
        "立方米",
        "平方米",
        "公顷",
        "公里",
        "度",
        "°",
        "年",
        "月",
        "日",
        "时",
        "分",
        "期",
        "台",
        "片",
    ];
    let mut full = told(true, &facts());
    full.results.insert(
        "inundation".to_owned(),
        json!({
            "mode": "fill", "level_m": 312.5,
            "flooded": { "plane_m2": 81_234.5, "ellipsoidal_m2": 81_264.1, "volume_m3": 152_340.0, "greatest_m": 4.21 },
            "classes": [
                { "from_m": 0.0, "to_m": 0.5, "plane_m2": 30_000.0, "ellipsoidal_m2": 30_011.0, "buildings": 4, "households": 3, "people": 9 },
                { "from_m": 0.5, "to_m": null, "plane_m2": 51_234.6, "ellipsoidal_m2": 51_253.1 },
            ],
            "houses": { "buildings": 12, "households": 9, "people": 31 }, "roads": { "wet_km": 0.8, "cut_km": 0.5 },
            "dam": { "curve": [{ "level_m": 300.0, "plane_m2": 10_000.0, "volume_m3": 20_000.0, "people": 0 }] },
            "message": { "zh": "水位 312.5 米，淹没 81235 平方米，水量 152340 立方米，最深 4.21 米。水面到达数据边缘，范围外未知，面积、水量和受影响数均为下限。" },
        }),
    );
    let report = bulletin_report::report(&bulletin(&full));
    for block in &report.blocks {
        match block {
            Block::Paragraph(text) | Block::Warning(text) => {
                // What people wrote, names and versions of documents are theirs.
                if text.starts_with("所依规则") {
                    continue;
                }
                let text = text.replace("95%", "").replace("2000国家大地坐标系", "").replace("1985国家高程基准", "");
                let mut rest = text.replace(HOSTILE, "");
                while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
                    let tail = rest.split_off(at);
                    let end = tail.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(tail.len());
                    let (figure, after) = tail.split_at(end);
                    assert!(UNITS.iter().any(|unit| after.starts_with(unit)), "{figure} has no unit in: {text}");
                    rest = after.to_owned();
                }
            }
            Block::Table(table) => {
                assert!(table.rows.iter().all(|row| row.cells.len() == table.columns.len()), "{}", table.title);
                for (at, column) in table.columns.iter().enumerate() {
                    let has_numbers = table.rows.iter().any(|row| matches!(row.cells[at], Cell::Number(..)));
                    assert!(!has_numbers || column.head.contains('（'), "{}: {}", table.title, column.head);
                }
            }
            _ => {}
        }
    }
    let text = words(&report);
    assert!(text.contains("0～0.5米|30000|30011|4|3|9") && text.contains("0.5米以上|51235|51253|—|—|—"), "{text}");
    assert!(text.contains("受影响数均为下限") && !text.contains("81235 平方米"), "said once: {text}");
    assert!(text.contains("300.00|10000|20000|0"), "{text}");
    // One slide has three gradings, and none stands in for another.
    for row in ["规模（按体积）|中型|", "险情（按受威胁人数、财产）|小型|", "灾情（按死亡人数、直接经济损失）|未定级|"]
    {
        assert!(text.contains(row), "{row} in {text}");
    }
}

#[test]
fn the_workbook_holds_every_table_of_the_report_whole() {
    use calamine::{Data, Reader as _};
    let workshop = Workshop::default();
    let bytes = made("exposure.xlsx", &bulletin(&told(true, &facts())), &workshop);
    let path = kept("exposure.xlsx", &bytes);
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(path).expect("a workbook");
    let sheets = [
        "变化量表",
        "房屋受损情况表",
        "受威胁房屋用途表",
        "受威胁道路表",
        "涉及控制线与规划分区表",
        "分级情况表",
        "受损房屋清单",
        "受威胁住户清单",
    ];
    for sheet in sheets {
        assert!(book.sheet_names().iter().any(|name| name == sheet), "{sheet} of {:?}", book.sheet_names());
    }
    let states = book.worksheet_range("房屋受损情况表").expect("the sheet");
    assert_eq!(states.get_value((5, 3)), Some(&Data::Float(76.0)), "the sum of people");
    let households = book.worksheet_range("受威胁住户清单").expect("the sheet");
    assert_eq!(households.height(), 3 + 24 + 1, "24 households and a note");
}

#[test]
fn the_workbook_of_one_analysis_has_the_tables_of_its_result() {
    use calamine::Reader as _;
    let mut result = results(false).remove("exposure").expect("there");
    result["rule"] = json!("exposure/1");
    let found = Found {
        title: "承灾体统计".to_owned(),
        result,
        sources: Vec::new(),
        rules: json!({}),
        patches: vec![
            serde_json::from_value(
                json!({ "id": "building-1", "properties": { "kind": "building", "village": "样例村", "people": 3 } }),
            )
            .expect("a place"),
        ],
        office: Office::default(),
        as_of: "2026-07-02T22:30:00Z".to_owned(),
    };
    let Make::Analysis(make) = document("analysis.xlsx").make else { panic!("a document of an analysis") };
    let mut book: calamine::Xlsx<_> =
        calamine::Xlsx::new(std::io::Cursor::new(make(&found).expect("it is made"))).expect("a workbook");
    for sheet in ["图斑清单", "受威胁房屋用途表", "受威胁道路表", "分级情况表", "受威胁住户清单"]
    {
        assert!(book.sheet_names().iter().any(|name| name == sheet), "{sheet} of {:?}", book.sheet_names());
    }
    let list = book.worksheet_range("图斑清单").expect("the sheet");
    assert_eq!(list.get_value((3, 1)), Some(&calamine::Data::String("房屋".to_owned())));
}

#[test]
fn colours_of_the_map_follow_the_ground_and_leave_out_what_cannot_be_told() {
    let frame = Frame { width_mm: 60.0, height_mm: 60.0, dpi: 100.0 };
    let grid = |values: Vec<f32>| Grid { size: [3, 1], grid: [0.0, 10.0, 10.0, 10.0], values };
    let figure = Figure {
        crs: "EPSG:4546".to_owned(),
        extent: Some([0.0, 0.0, 30.0, 10.0]),
        colours: Some(Colours::Difference { grid: grid(vec![-5.0, 0.1, 5.0]), detection_m: 0.2 }),
        ..Figure::default()
    };
    let map = draw(&figure, frame, None).expect("drawn").expect("a place");
    let picture = image::load_from_memory(&map.png).expect("a PNG").into_rgb8();
    let shown_m = f64::from(map.scale) * 0.06;
    let at = |x_m: f64| {
        let column = (0.5 + (x_m - 15.0) / shown_m) * f64::from(picture.width());
        picture.get_pixel(column as u32, picture.height() / 2).0
    };
    let [loss, none, gain] = [5.0, 15.0, 25.0].map(at);
    assert!(loss[0] > loss[2] + 30, "lost ground is red: {loss:?}");
    assert!(gain[2] > gain[0] + 30, "gained ground is blue: {gain:?}");
    assert_eq!(none, [255; 3], "a change below the level of detection stays clear");
    assert_eq!(map.margin["ramp"]["labels"][1], "0");
    assert!(draw(&Figure::default(), frame, None).expect("drawn").is_none(), "nothing to show");
}
