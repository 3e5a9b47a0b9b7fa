//! `sheet-a3.pdf`: one A3 sheet for the meeting (上会材料): the map in its frame, key figures, conflicts, opinions.

use serde_json::json;

use super::content::{Align, Cell, Mark, Table, chinese_date};
use super::dossier::{Dossier, verdict_words};
use super::map::Frame;
use super::report::{areas, areas_words, crs_words, is_conflict, land_use_words, overall_words, rule_versions};
use super::report_pdf::{fact_rows, identity, table_json};
use super::{Document, DocumentError, Make, Workshop};

/// The kind.
pub(super) const DOCUMENT: Document = Document {
    name: "sheet-a3.pdf",
    media_type: "application/pdf",
    title_zh: "上会材料（A3 图）",
    title_en: "Sheet for the meeting (A3)",
    make: Make::Project(Some(Frame { width_mm: 268.0, height_mm: 247.0, dpi: 200.0 }), make),
};

/// Conflicts and opinions that fit beside the map; more are counted.
const MAX_ROWS: usize = 9;

fn make(dossier: &Dossier, workshop: &Workshop) -> Result<Vec<u8>, DocumentError> {
    let map = dossier.map.as_ref().ok_or(DocumentError::Lacks { what_zh: "拟用地红线", what_en: "red line" })?;
    let project = &dossier.project;
    let [plane, ellipsoidal] = areas_words(&areas(dossier));
    let facts = [
        ("建设单位", project.applicant.clone()),
        ("用地性质", land_use_words(dossier)),
        ("平面面积", plane),
        ("椭球面积", ellipsoidal),
        ("办理状态", project.state.clone()),
    ];
    let (verdict, passed) = dossier.check.as_ref().map_or(("检测结论：尚未检测".to_owned(), false), |check| {
        (format!("检测结论：{}", overall_words(&check.verdict)), check.verdict == "pass")
    });
    let mut tables = Vec::new();
    let conflicts = conflicts(dossier);
    if !conflicts.rows.is_empty() {
        tables.push(table_json(&conflicts, MAX_ROWS));
    }
    let opinions = opinions(dossier);
    if !opinions.rows.is_empty() {
        tables.push(table_json(&opinions, MAX_ROWS));
    }
    let rules = dossier.check.as_ref().map(|check| {
        rule_versions(&check.rule_versions).into_iter().map(|(n, v)| format!("{n} {v}")).collect::<Vec<_>>().join("；")
    });
    let sources = map.layers.iter().map(|(title, since)| format!("{title}（{}）", super::content::plain_date(since)));
    let imprint = [
        ("坐标系", crs_words(&map.crs)),
        ("高程基准", dossier.office.height_datum.clone()),
        ("数据来源", sources.collect::<Vec<_>>().join("、")),
        ("规则版本", rules.unwrap_or_default()),
        ("制图单位", format!("{}（盖章）", dossier.office.unit)),
        ("制图日期", chinese_date(&dossier.as_of)),
        ("审图号", dossier.office.map_approval.clone()),
    ];
    let imprint: Vec<_> = imprint.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let data = json!({
        "title": "规划符合性审查图",
        "subject": project.name,
        "number": format!("项目代码：{}", project.code),
        "secrecy": dossier.office.map_stamp(),
        "unit": dossier.office.unit,
        "facts": fact_rows(&facts),
        "verdict": verdict,
        "passed": passed,
        "tables": tables,
        "map": map.margin,
        "imprint": imprint,
    });
    let pictures: [(&str, &[u8]); 1] = [("/map.png", &map.png)];
    workshop.typesetter().pdf(include_str!("template/sheet.typ"), &data, &pictures, &identity(dossier, DOCUMENT.name))
}

/// The conflicts with the numbers that they have on the map.
fn conflicts(dossier: &Dossier) -> Table {
    let mut table = Table::new(
        "冲突与占用情况",
        "单位：平方米",
        &[
            ("图上\n编号", 0.6, Align::Center),
            ("检测项", 2.0, Align::Left),
            ("平面面积", 1.2, Align::Right),
            ("椭球面积", 1.2, Align::Right),
            ("结论", 0.9, Align::Center),
        ],
    );
    let findings = dossier.check.iter().flat_map(|check| &check.checks).filter(|finding| is_conflict(finding));
    for (number, finding) in findings.enumerate() {
        let mark = if finding.verdict == "fail" { Mark::Conflict } else { Mark::Plain };
        let (title, breach) = finding.breach();
        table.push(
            vec![
                Cell::from((number + 1).to_string()),
                Cell::from(title),
                Cell::number(breach.areas.plane_m2, 2),
                Cell::number(breach.areas.ellipsoidal_m2, 2),
                verdict_words(&finding.verdict).into(),
            ],
            mark,
        );
    }
    table
}

fn opinions(dossier: &Dossier) -> Table {
    const LONGEST_CHARS: usize = 40;
    let full = super::report::opinions_table(dossier);
    let mut table = Table::new(
        "部门意见",
        "",
        &[("部门", 1.6, Align::Left), ("意见", 1.0, Align::Center), ("具体内容", 2.6, Align::Left)],
    );
    for row in full.rows {
        let mut cells: Vec<Cell> = row.cells.into_iter().take(3).collect();
        if let Some(Cell::Text(text)) = cells.last_mut()
            && text.chars().count() > LONGEST_CHARS
        {
            *text = text.chars().take(LONGEST_CHARS).chain(['…']).collect();
        }
        table.push(cells, row.mark);
    }
    table
}
