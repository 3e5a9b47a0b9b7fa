//! A dossier of made-up findings through every document; the papers themselves are read back by other programs.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use super::dossier::Dossier;
use super::*;
use crate::routes::maps::MapFont;
use crate::work::Stop;

/// Numbers of the check that each paper must show as they are.
const FIGURES: [&str; 8] = ["68342.17", "68367.42", "2871.10", "2872.13", "4.20", "68318.05", "12.50", "6.8342"];
const HOSTILE: &str = "样例#panic(\"x\")$1+1$*粗*_斜_<a>&amp;[园]\\u{0041}区";

/// A project with hostile names, a failed and a conditional rule, and every table.
fn dossier() -> Dossier {
    let ring =
        json!([[500_000.0, 3_132_000.0], [500_260.0, 3_132_010.0], [500_250.0, 3_132_270.0], [499_990.0, 3_132_260.0]]);
    let finding = |rule: &str, title: &str, verdict: &str, areas: [f64; 2], share: f64| {
        json!({
            "rule": rule, "title": title, "group": "three-lines", "verdict": verdict,
            "legal_basis": "《中华人民共和国土地管理法》第三十五条",
            "overlap": { "plane_m2": areas[0], "ellipsoidal_m2": areas[1], "share": share, "pieces": 3 },
            "distance_m": 12.5, "message_zh": format!("占用{title} {:.2} 平方米", areas[1]),
        })
    };
    let mut checks = vec![
        finding("basic-farmland", "永久基本农田", "fail", [2871.1, 2872.13], 0.042),
        finding("ecology", "生态保护红线", "conditional", [4102.0, 4103.5], 0.06),
    ];
    checks.extend((0..20).map(|i| finding(&format!("r{i}"), &format!("控制线{i}"), "pass", [0.0, 0.0], 0.0)));
    let row = |owner: &str, title: &str, plane: f64, ellipsoidal: f64| json!({ "owner": owner, "title": title, "plane_m2": plane, "ellipsoidal_m2": ellipsoidal, "plane_ha": 6.8318, "ellipsoidal_ha": 6.8318 });
    let mut part = row("样例村（集体）", "其中：耕地", 2_000.1, 2_000.2);
    part["part"] = true.into();
    let mut total = row("合计", "总计", 68_342.17, 68_367.42);
    total["total"] = true.into();
    let classes = vec![
        row("样例村（集体）", "农用地", 2_871.1, 2_872.13),
        part,
        row("样例村（集体）", "建设用地", 65_471.07, 65_495.29),
        row("样例村（集体）", "小计", 68_342.17, 68_367.42),
        row("合计", "农用地", 68_342.16, 68_367.42),
        total,
    ];
    let occupied: Vec<_> = (0..60)
        .map(|i| json!({ "source_id": format!("4331990000000{i:05}"), "number": "12", "class": "0101", "class_name": "水田", "owner": "样例村民委员会", "plane_m2": 0.1 + f64::from(i), "ellipsoidal_m2": 0.25 }))
        .collect();
    let value = json!({
        "project": {
            "id": "p-1", "code": "2026-433199-01-01-000001", "name": HOSTILE, "applicant": "样例县工业园区开发有限公司",
            "land_use": { "system": "2023", "code": "100101", "name": "一类工业用地" }, "kind": "工业项目", "state": "征求意见",
            "created": "2026-11-01T02:00:00Z",
        },
        "red_line": {
            "version": 2, "source": { "name": "工业园界址点.txt", "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" },
            "delivered": { "crs": "EPSG:4546", "parcels": [{ "name": "地块一", "polygons": [[ring]] }] },
        },
        "check": {
            "job": "0197-abc", "at": "2026-11-20T08:15:00Z", "verdict": "fail",
            "rule_versions": { "control-lines": "2026.1" },
            "sources": [{ "role": "basic-farmland", "dataset": "yjjbnt", "revision": "20240101t000000-abcdef", "title": "永久基本农田", "valid_from": "2024-01-01T00:00:00Z", "code_system": "" }],
            "red_line": { "plane_m2": 68_342.17, "ellipsoidal_m2": 68_367.42, "plane_ha": 6.8342, "ellipsoidal_ha": 6.8367 },
            "checks": checks,
            "not_checked": [{ "rule": "mining", "title": "采矿权", "reason_zh": "未检测：没有数据集 ckq" }],
            "tables": {
                "three_lines": [row("", "永久基本农田", 2_871.1, 2_872.13), row("", "城镇开发边界内", 65_446.95, 68_318.05)],
                "land_classes": classes,
                "land_detail": [row("样例村", "水田", 2_871.1, 2_872.13), row("样例村", "工业用地", 65_471.07, 65_495.29)],
                "occupied_parcels": occupied,
            },
            "plane": { "epsg": 4546 }, "patches_crs": "EPSG:4546",
            "patches": [{
                "properties": { "rule": "basic-farmland" },
                "polygons": [[[[500_010.0, 3_132_010.0], [500_060.0, 3_132_010.0], [500_060.0, 3_132_067.0], [500_010.0, 3_132_067.0], [500_010.0, 3_132_010.0]]]],
            }],
        },
        "opinions": [
            { "unit": "自然资源局", "verdict": "disagree", "text": "占用永久基本农田，建议优化选址。".repeat(8), "officer": "张三", "head": "李四", "signed": "2026-11-21T01:00:00Z" },
            { "unit": "林业局", "verdict": "not_concerned", "text": "", "officer": "王五", "head": "赵六", "signed": "2026-11-21T02:00:00Z" },
            { "unit": "水利局", "verdict": "", "due": "2026-11-30" },
        ],
        "statements": [{ "title": "汇总意见", "text": "建议优化选址，避让永久基本农田。", "by": "孙八", "at": "2026-11-21T02:00:00Z" }],
        "events": [{ "at": "2026-11-01T02:00:00Z", "by": "钱七", "unit": "县自然资源局", "action": "登记", "text": "" }],
        "office": { "unit": "样例县自然资源局", "secrecy": "内部" },
        "as_of": "2026-11-21T02:00:00Z",
    });
    serde_json::from_value(value).expect("the shape of a dossier")
}

/// The dossier with the map that a document wants.
fn dossier_for(document: &Document) -> Dossier {
    let mut dossier = dossier();
    if let Make::Project(Some(frame), _) = document.make {
        let line = dossier.red_line.clone().expect("a red line");
        let drawing = map::Drawing {
            frame,
            crs: line.crs().to_owned(),
            parcels: line.parcels(),
            conflicts: map::conflicts(dossier.check.as_ref().expect("a check")),
            conflicts_crs: "EPSG:4546".to_owned(),
            layers: Vec::new(),
        };
        dossier.map = map::draw(&drawing, MapFont::default().get().as_deref(), &Stop::default()).expect("a map");
    }
    dossier
}

pub(super) fn document(name: &str) -> &'static Document {
    DOCUMENTS.iter().find(|document| document.name == name).expect("in the list")
}

fn made(name: &str, workshop: &Workshop) -> Vec<u8> {
    let document = document(name);
    let Make::Project(_, make) = document.make else { panic!("a document of a project") };
    make(&dossier_for(document), workshop).expect("it is made")
}

/// Where papers lie to be looked at.
pub(super) fn kept(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/tmp/documents");
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("written");
    path
}

pub(super) fn has_fonts(workshop: &Workshop) -> bool {
    let there = workshop.typesetter().has_fonts();
    if !there {
        println!("SKIPPED: no Chinese font is installed (fonts-noto-cjk)");
    }
    there
}

/// The text of a PDF, without blanks and line breaks, or none where poppler is missing.
pub(super) fn text_of_pdf(path: &std::path::Path) -> Option<String> {
    let Ok(output) = Command::new("pdftotext").args(["-layout"]).arg(path).arg("-").output() else {
        println!("SKIPPED: pdftotext is not installed (poppler-utils)");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).chars().filter(|c| !c.is_whitespace() && *c != '\u{200b}').collect())
}

#[test]
fn names_in_the_list_are_unique_and_end_as_their_media_types_do() {
    let names: std::collections::BTreeSet<_> = DOCUMENTS.iter().map(|document| document.name).collect();
    assert_eq!(names.len(), DOCUMENTS.len());
    for document in DOCUMENTS {
        assert!(!document.title_zh.is_ascii() && document.title_en.is_ascii(), "{}", document.name);
    }
}

#[test]
fn the_pdf_report_shows_every_figure_and_takes_hostile_names_as_text() {
    let workshop = Workshop::default();
    if !has_fonts(&workshop) {
        return;
    }
    let bytes = made("report.pdf", &workshop);
    assert_eq!(bytes, made("report.pdf", &workshop), "the same bytes again");
    let Some(text) = text_of_pdf(&kept("report.pdf", &bytes)) else { return };
    for figure in FIGURES {
        assert!(text.contains(figure), "{figure} in the report");
    }
    let name: String = HOSTILE.chars().filter(|c| !c.is_whitespace()).collect();
    assert!(text.contains(&name), "the name as it was written");
    for words in [
        "一、项目基本情况",
        "“三线”占用情况表",
        "压占图斑清单",
        "部门意见汇总表",
        "张三",
        "盖章处",
        "2026年11月21日",
        "—1—",
    ] {
        assert!(text.contains(words), "{words}");
    }
}

#[test]
fn pictures_of_the_meeting_stand_in_both_forms_of_the_report_with_who_brought_them() {
    let workshop = Workshop::default();
    if !has_fonts(&workshop) {
        return;
    }
    let mut bytes = Vec::new();
    let picture = image::RgbImage::from_fn(800, 500, |x, y| image::Rgb([x as u8, y as u8, 90]));
    picture.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).expect("encodes");
    let attached = attached::AttachedPicture::read(&bytes, "会审-比选.png", "王经办", "2026-11-20T08:00:00Z");
    let with = |name: &str| {
        let document = document(name);
        let Make::Project(_, make) = document.make else { panic!("a document of a project") };
        let mut dossier = dossier_for(document);
        dossier.pictures = vec![attached.clone().expect("read"); 2];
        make(&dossier, &workshop).expect("it is made")
    };
    let pdf = kept("report-pictures.pdf", &with("report.pdf"));
    if let Some(text) = text_of_pdf(&pdf) {
        for words in ["三维会审附图", "附图1会审-比选（王经办，2026-11-20）", "附图2"] {
            assert!(text.contains(words), "{words}");
        }
    }
    let docx = kept("report-pictures.docx", &with("report.docx"));
    let mut archive = zip::ZipArchive::new(std::fs::File::open(docx).expect("written")).expect("a ZIP");
    let media = archive.file_names().filter_map(Result::ok).filter(|name| name.starts_with("word/media/")).count();
    assert_eq!(media, 3, "the map and two pictures");
    let mut xml = String::new();
    archive.by_name("word/document.xml").expect("the text").read_to_string(&mut xml).expect("UTF-8");
    assert!(xml.contains("附图2") && xml.contains("三维会审附图"));
}

#[test]
fn the_a3_sheet_has_its_frame_and_the_conflicts() {
    let workshop = Workshop::default();
    if !has_fonts(&workshop) {
        return;
    }
    let bytes = made("sheet-a3.pdf", &workshop);
    assert_eq!(bytes, made("sheet-a3.pdf", &workshop), "the same bytes again");
    let path = kept("sheet-a3.pdf", &bytes);
    let Some(text) = text_of_pdf(&path) else { return };
    for words in [
        "内部用图",
        "2871.10",
        "2872.13",
        "图例",
        "坐标系",
        "1985国家高程基准",
        "制图单位",
        "2026年11月21日",
        "永久基本农田",
    ] {
        assert!(text.contains(words), "{words}");
    }
    assert!(!text.contains("审图号"), "a working print has none");
    let info = Command::new("pdfinfo").arg(&path).output().expect("it came with pdftotext");
    let info = String::from_utf8_lossy(&info.stdout).into_owned();
    assert!(info.lines().any(|line| line.starts_with("Pages:") && line.trim_end().ends_with(" 1")), "{info}");
}

#[test]
fn the_word_report_holds_the_same_figures_and_repeats_the_heads_of_its_tables() {
    let workshop = Workshop::default();
    let bytes = made("report.docx", &workshop);
    assert_eq!(bytes, made("report.docx", &workshop), "the same bytes again");
    let path = kept("report.docx", &bytes);
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).expect("written")).expect("a ZIP");
    let mut xml = String::new();
    archive.by_name("word/document.xml").expect("the text").read_to_string(&mut xml).expect("UTF-8");
    for figure in FIGURES {
        assert!(xml.contains(figure), "{figure} in the text");
    }
    assert!(xml.contains("&lt;a&gt;&amp;amp;"), "markup in a name is text");
    assert!(xml.matches("<w:tblHeader />").count() >= 5 && !xml.contains("trHeight"));
}

#[test]
fn the_workbook_holds_numbers_whose_stored_sums_are_the_result_s() {
    use calamine::{Data, Reader as _};
    let workshop = Workshop::default();
    let bytes = made("tables.xlsx", &workshop);
    assert_eq!(bytes, made("tables.xlsx", &workshop), "the same bytes again");
    let path = kept("tables.xlsx", &bytes);
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(path).expect("a workbook");
    let range = book.worksheet_range("土地分类面积表").expect("the sheet");
    let formulas = book.worksheet_formula("土地分类面积表").expect("formulas");
    let cell = |row, column| range.get_value((row, column)).cloned().expect("a cell");
    let formula = |row, column| formulas.get_value((row, column)).cloned().unwrap_or_default();
    assert_eq!(cell(3, 2), Data::Float(2_871.1));
    assert_eq!(cell(6, 2), Data::Float(68_342.17), "the stored value of the formula");
    assert_eq!(formula(6, 2), "ROUND(SUM(C4,C6),2)", "a part is not counted twice");
    // The row above does not add up to this total, so it is not a formula that would count to another number.
    assert_eq!((cell(8, 2), formula(8, 2)), (Data::Float(68_342.17), String::new()));
    assert_eq!(formula(8, 3), "ROUND(SUM(D8:D8),2)");
    let detail = book.worksheet_formula("土地分类面积明细表").expect("formulas");
    assert_eq!(detail.get_value((5, 4)).map(String::as_str), Some("ROUND(SUM(E4:E5),2)"), "the red line's own area");
    let occupied = book.worksheet_range("压占图斑清单").expect("the sheet");
    assert_eq!(occupied.height(), 63, "rows that are not the whole red line have no total");
}

#[test]
fn the_ledger_keeps_the_order_of_its_fields_and_adds_up() {
    use calamine::{Data, Reader as _};
    let row = |id: &str, m2: f64| match json!({ "DKBH": id, "XZQMC": "样例村", "plane_m2": m2, "ellipsoidal_m2": m2, "state": "已处理" })
    {
        serde_json::Value::Object(row) => row,
        _ => serde_json::Map::new(),
    };
    let ledger = Ledger {
        rows: vec![row("CY-1", 10.1), row("CY-2", 20.2), row("CY-3", 0.07)],
        office: dossier().office,
        as_of: "2026-11-21T02:00:00Z".to_owned(),
    };
    let Make::Ledger(make) = document("ledger.xlsx").make else { panic!("a document of the ledger") };
    let path = kept("ledger.xlsx", &make(&ledger).expect("it is made"));
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(path).expect("a workbook");
    let range = book.worksheet_range("差异图斑台账").expect("the sheet");
    assert_eq!(range.get_value((3, 0)), Some(&Data::String("CY-1".to_owned())));
    assert_eq!(range.get_value((6, 5)), Some(&Data::Float(30.37)));
}

#[test]
fn the_workbook_of_a_difference_has_sums_at_every_level_that_are_the_result_s() {
    use calamine::{Data, Reader as _};
    let total = json!({ "patches": 3, "plane_m2": 30.37, "ellipsoidal_m2": 30.4, "difference": { "patches": 2, "plane_m2": 30.3, "ellipsoidal_m2": 30.33, "share": 0.997_697 } });
    let unit = |level: &str, code: &str, patches: u64, m2: f64| json!({ "level": level, "code": code, "name": "样例", "patches": patches, "plane_m2": m2, "ellipsoidal_m2": m2, "difference": { "patches": patches, "plane_m2": m2, "ellipsoidal_m2": m2, "share": 1.0 } });
    let patch = |id: &str, m2: f64, differs: bool| {
        let value = json!({ "id": "x", "properties": { "DKBH": id, "XZQMC": "样例村", "CTFL": "城规建设土规非建设", "plane_m2": m2, "ellipsoidal_m2": m2, "counts_as_difference": differs, "sliver": false } });
        serde_json::from_value(value).expect("a place")
    };
    let found = Found {
        title: "差异分析".to_owned(),
        result: json!({
            "matrix": [
                { "classes": ["建设", "非建设"], "code": "10", "title": "城规建设土规非建设", "counts_as_difference": true, "patches": 2, "plane_m2": 30.3, "ellipsoidal_m2": 30.33, "share": 0.997_697 },
                { "classes": ["未覆盖", "建设"], "code": "N-1", "title": "未覆盖／建设", "counts_as_difference": false, "patches": 1, "plane_m2": 0.07, "ellipsoidal_m2": 0.07, "share": 0.002_303 },
            ],
            "totals": total,
            "by_unit": [unit("县", "433199", 3, 30.37), unit("村", "433199100201", 1, 10.1), unit("村", "433199100202", 2, 20.27)],
        }),
        sources: vec![dossier::Source { title: "城市规划".to_owned(), ..dossier::Source::default() }],
        rules: json!([{ "title": "归并表", "version": "2026.1" }]),
        patches: vec![patch("CY-1", 10.1, true), patch("CY-2", 20.2, true), patch("CY-3", 0.07, false)],
        office: dossier().office,
        as_of: "2026-11-21T02:00:00Z".to_owned(),
    };
    let Make::Analysis(make) = document("analysis.xlsx").make else { panic!("a document of an analysis") };
    let path = kept("analysis.xlsx", &make(&found).expect("it is made"));
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(path).expect("a workbook");
    assert_eq!(book.sheet_names(), ["差异矩阵表", "行政区汇总表", "图斑清单", "数据来源", "规则版本"]);
    let mut sheet =
        |name: &str| (book.worksheet_range(name).expect("the sheet"), book.worksheet_formula(name).expect("formulas"));
    let (matrix, formulas) = sheet("差异矩阵表");
    assert_eq!(matrix.get_value((5, 6)), Some(&Data::Float(30.37)));
    assert_eq!(formulas.get_value((5, 6)).map(String::as_str), Some("ROUND(SUM(G4:G5),2)"));
    let (units, formulas) = sheet("行政区汇总表");
    assert_eq!(units.get_value((7, 4)), Some(&Data::Float(30.37)), "villages");
    assert_eq!(formulas.get_value((7, 4)).map(String::as_str), Some("ROUND(SUM(E6:E7),2)"));
    // By ellipsoid these units do not add up to the total, so it is no formula that would count to another number.
    assert_eq!(formulas.get_value((7, 5)).map_or("", String::as_str), "");
    let (list, _) = sheet("图斑清单");
    assert_eq!(list.get_value((3, 5)), Some(&Data::String("是".to_owned())));
    assert_eq!(list.get_value((6, 3)), Some(&Data::Float(30.37)), "the sum of the list");
}
