//! `report.pdf`: the report of a review (规划符合性审查报告), A4.

use serde_json::{Value, json};

use super::content::{Block, Mark, Report, Table, chinese_number};
use super::dossier::Dossier;
use super::map::Frame;
use super::report::{crs_words, report};
use super::{Document, DocumentError, Make, Workshop};

/// The kind.
pub(super) const DOCUMENT: Document = Document {
    name: "report.pdf",
    media_type: "application/pdf",
    title_zh: "规划符合性审查报告（PDF）",
    title_en: "Report of the review (PDF)",
    make: Make::Project(Some(MAP), make),
};

/// The map of a report, within the type area.
pub(super) const MAP: Frame = Frame { width_mm: 148.0, height_mm: 118.0, dpi: 220.0 };
/// Rows of a table on paper; the workbook has them all.
const MAX_ROWS: usize = 400;

fn make(dossier: &Dossier, workshop: &Workshop) -> Result<Vec<u8>, DocumentError> {
    let report = report(dossier);
    let blocks = blocks_json(&report, &|at| picture_json(dossier, at));
    let project = &dossier.project;
    let mut data = json!({
        "title": report.title,
        "subject": report.subject,
        "running": format!("{}　{}", project.code, project.name),
        "secrecy": dossier.office.stamp(),
        "unit": dossier.office.unit,
        "blocks": blocks,
    });
    let mut pictures: Vec<(&str, &[u8])> = Vec::new();
    if let Some(map) = &dossier.map {
        data["map"] = map.margin.clone();
        data["map"]["note"] = map_note(dossier).into();
        data["map"]["title"] = map_title(dossier).into();
        data["map"]["stamp"] = dossier.office.map_stamp().into();
        pictures.push(("/map.png", &map.png));
    }
    let names: Vec<String> = (0..dossier.pictures.len()).map(picture_file).collect();
    pictures.extend(names.iter().zip(&dossier.pictures).map(|(name, picture)| (name.as_str(), picture.png.as_slice())));
    workshop.typesetter().pdf(include_str!("template/report.typ"), &data, &pictures, &identity(dossier, DOCUMENT.name))
}

/// The parts of a report as the templates read them, sections numbered; `picture` says what a picture's part is.
pub(super) fn blocks_json(report: &Report, picture: &dyn Fn(usize) -> Value) -> Vec<Value> {
    let mut sections = 0;
    let block = |block: &Block| match block {
        Block::Section(title) => {
            sections += 1;
            json!({ "kind": "section", "text": format!("{}、{title}", chinese_number(sections)) })
        }
        Block::Heading(text) => json!({ "kind": "heading", "text": text }),
        Block::Paragraph(text) => json!({ "kind": "paragraph", "text": text }),
        Block::Warning(text) => json!({ "kind": "warning", "text": text }),
        Block::Facts(facts) => json!({ "kind": "facts", "rows": fact_rows(facts) }),
        Block::Table(table) => table_json(table, MAX_ROWS),
        Block::Map => json!({ "kind": "map" }),
        Block::Picture(at) => picture(*at),
        Block::Seal { unit, date } => json!({ "kind": "seal", "unit": unit, "date": date }),
    };
    report.blocks.iter().map(block).collect()
}

fn picture_file(at: usize) -> String {
    format!("/picture-{at}.png")
}

fn picture_json(dossier: &Dossier, at: usize) -> Value {
    let picture = &dossier.pictures[at];
    let caption = picture_caption(dossier, at);
    json!({ "kind": "picture", "file": picture_file(at), "width_mm": picture.size_mm[0], "caption": caption })
}

/// What stands below a picture: its number and what is known of it.
pub(super) fn picture_caption(dossier: &Dossier, at: usize) -> String {
    format!("附图{}　{}", at + 1, dossier.pictures[at].caption)
}

/// What names a document for ever: the project, its state and the kind.
pub(super) fn identity(dossier: &Dossier, name: &str) -> String {
    format!("shikong/{}/{}/{name}", dossier.project.id, dossier.as_of)
}

/// 图名.
pub(super) fn map_title(dossier: &Dossier) -> String {
    let what = if dossier.check.is_some() { "拟用地红线与压占情况图" } else { "拟用地红线图" };
    format!("{}{what}", dossier.project.name)
}

/// What stands below a map.
pub(super) fn map_note(dossier: &Dossier) -> String {
    let Some(map) = &dossier.map else { return String::new() };
    let layers: Vec<String> =
        map.layers.iter().map(|(title, since)| format!("{title}（{}）", super::content::plain_date(since))).collect();
    let layers = if layers.is_empty() { String::new() } else { format!("数据来源：{}。", layers.join("、")) };
    let approval = &dossier.office.map_approval;
    let approval = if approval.is_empty() { String::new() } else { format!("审图号：{approval}。") };
    format!(
        "坐标系：{}；高程基准：{}；图中坐标单位为米。{layers}制图单位：{}；制图日期：{}。{approval}",
        crs_words(&map.crs),
        dossier.office.height_datum,
        dossier.office.unit,
        super::content::chinese_date(&dossier.as_of),
    )
}

/// Two short facts a row, a long one by itself.
pub(super) fn fact_rows(facts: &[(&'static str, String)]) -> Vec<Value> {
    const SHORT_CHARS: usize = 22;
    let width = |text: &str| text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
    let mut rows = Vec::new();
    let mut waiting: Option<Value> = None;
    for (name, value) in facts {
        let pair = json!([name, value]);
        if width(value) > SHORT_CHARS {
            rows.extend(waiting.take().map(|left| json!([left])));
            rows.push(json!([pair]));
        } else if let Some(left) = waiting.take() {
            rows.push(json!([left, pair]));
        } else {
            waiting = Some(pair);
        }
    }
    rows.extend(waiting.map(|left| json!([left])));
    rows
}

/// A table as the templates read it, with at most so many rows before its totals.
pub(super) fn table_json(table: &Table, most: usize) -> Value {
    let (rows, notes) = table.on_paper(most);
    let rows: Vec<Value> = rows
        .map(|row| {
            let mark = match row.mark {
                Mark::Plain => "plain",
                Mark::Conflict => "conflict",
                Mark::Total => "total",
                Mark::Part => "part",
            };
            let cells: Vec<String> = row.cells.iter().map(super::content::Cell::text).collect();
            json!({ "mark": mark, "cells": cells })
        })
        .collect();
    let columns: Vec<Value> = table
        .columns
        .iter()
        .map(|column| json!({ "head": column.head, "width": column.width, "align": column.align.name() }))
        .collect();
    json!({ "kind": "table", "title": table.title, "unit": table.unit, "columns": columns, "rows": rows, "notes": notes })
}
