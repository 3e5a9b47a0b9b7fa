//! `bulletin.pdf`: the report of a disaster (灾情快报), A4.

use serde_json::{Value, json};

use super::attached::AttachedPicture;
use super::bulletin::{Bulletin, stated};
use super::bulletin_report::{report, subject};
use super::content::{chinese_date, chinese_instant};
use super::map::{Frame, MapPicture};
use super::report::crs_words;
use super::report_pdf::blocks_json;
use super::section_chart::chart;
use super::{Document, DocumentError, Make, Workshop};

/// The kind.
pub(super) const DOCUMENT: Document = Document {
    name: "bulletin.pdf",
    media_type: "application/pdf",
    title_zh: "灾情快报（PDF）",
    title_en: "Report of the disaster (PDF)",
    make: Make::Bulletin(Some(MAP), make),
};

/// The map, within the type area.
pub(super) const MAP: Frame = Frame { width_mm: 148.0, height_mm: 118.0, dpi: 220.0 };

/// What stands below the map: charts of sections, then pictures that were brought.
pub(super) enum Drawn<'a> {
    /// A section, as the template draws it.
    Chart(Value),
    /// A picture.
    Picture(&'a AttachedPicture),
}

/// The figures after the map.
pub(super) fn drawn(bulletin: &Bulletin) -> Vec<Drawn<'_>> {
    let charts = bulletin.sections.iter().filter_map(chart).map(Drawn::Chart);
    charts.chain(bulletin.pictures.iter().map(Drawn::Picture)).collect()
}

/// What stands below a figure: its number, the map's being the first, and what it shows.
pub(super) fn caption(bulletin: &Bulletin, at: usize, drawn: &Drawn<'_>) -> String {
    let number = at + 1 + usize::from(bulletin.map.is_some());
    match drawn {
        Drawn::Chart(chart) => {
            format!("附图{number}　{}地面剖面图", chart["name"].as_str().unwrap_or_default())
        }
        Drawn::Picture(picture) => format!("附图{number}　{}", picture.caption),
    }
}

/// 图名.
pub(super) fn map_title(bulletin: &Bulletin) -> String {
    format!("附图1　{}灾害变化与受威胁对象分布图", subject(bulletin))
}

/// What stands below the map.
pub(super) fn map_note(bulletin: &Bulletin, map: &MapPicture) -> String {
    let datum = bulletin.surveys.iter().map(|survey| survey.height_datum.as_str()).find(|datum| !datum.is_empty());
    let layers: Vec<String> =
        map.layers.iter().map(|(title, since)| format!("{title}（{}）", super::content::plain_date(since))).collect();
    let layers = if layers.is_empty() { String::new() } else { format!("数据来源：{}。", layers.join("、")) };
    let approval = &bulletin.office.map_approval;
    let approval = if approval.is_empty() { String::new() } else { format!("审图号：{approval}。") };
    format!(
        "坐标系：{}；高程基准：{}；图中坐标单位为米。{layers}制图单位：{}；制图日期：{}。{approval}",
        crs_words(&map.crs),
        datum.unwrap_or(&bulletin.office.height_datum),
        if bulletin.office.unit.is_empty() { stated(&bulletin.filing.unit) } else { bulletin.office.unit.clone() },
        chinese_date(&bulletin.as_of),
    )
}

/// The map as the templates read it.
pub(super) fn map_json(bulletin: &Bulletin, map: &MapPicture) -> Value {
    let mut value = map.margin.clone();
    let stamp = [bulletin.office.map_stamp(), bulletin.alarm().to_owned()];
    value["stamp"] = stamp.into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join("　").into();
    value["title"] = map_title(bulletin).into();
    value["note"] = map_note(bulletin, map).into();
    value
}

/// What names a paper for ever: the incident, its state and the kind.
pub(super) fn identity(bulletin: &Bulletin, name: &str) -> String {
    format!("shikong/{}/{}/{name}", bulletin.id, bulletin.as_of)
}

fn make(bulletin: &Bulletin, workshop: &Workshop) -> Result<Vec<u8>, DocumentError> {
    let report = report(bulletin);
    let figures = drawn(bulletin);
    let file = |at: usize| format!("/picture-{at}.png");
    let mut blocks = blocks_json(&report, &|at| match &figures[at] {
        Drawn::Chart(chart) => {
            json!({ "kind": "chart", "chart": chart, "caption": caption(bulletin, at, &figures[at]) })
        }
        Drawn::Picture(picture) => json!({
            "kind": "picture", "file": file(at), "width_mm": picture.size_mm[0],
            "caption": caption(bulletin, at, &figures[at]),
        }),
    });
    // Nobody seals a report that is sent at once: it is signed at its head.
    for block in &mut blocks {
        if block["kind"] == "seal" {
            block["kind"] = "signed".into();
        }
    }
    let mut data = json!({
        "title": report.title,
        "subject": report.subject,
        "issue": bulletin.issue(),
        "running": running(bulletin),
        "secrecy": bulletin.office.stamp(),
        "alarm": bulletin.alarm(),
        "red_head": bulletin.filing.red_head,
        "unit": bulletin.filing.unit,
        "head": head(bulletin),
        "blocks": blocks,
    });
    let mut pictures: Vec<(&str, &[u8])> = Vec::new();
    if let Some(map) = &bulletin.map {
        data["map"] = map_json(bulletin, map);
        pictures.push(("/map.png", &map.png));
    }
    let names: Vec<String> = (0..figures.len()).map(file).collect();
    for (name, figure) in names.iter().zip(&figures) {
        if let Drawn::Picture(picture) = figure {
            pictures.push((name, &picture.png));
        }
    }
    workshop.typesetter().pdf(
        include_str!("template/bulletin.typ"),
        &data,
        &pictures,
        &identity(bulletin, DOCUMENT.name),
    )
}

/// What stands at the head of every page.
pub(super) fn running(bulletin: &Bulletin) -> String {
    format!("{}　{}　{}", bulletin.title(), bulletin.issue(), super::word::shortened(&subject(bulletin), 24))
}

/// The lines below the title: who reports when, and who signed.
pub(super) fn head(bulletin: &Bulletin) -> [[String; 2]; 2] {
    let filing = &bulletin.filing;
    [
        [format!("报送单位：{}", stated(&filing.unit)), format!("签发人：{}", stated(&filing.signed_by))],
        [
            format!("报送时间：{}", chinese_instant(&stated(&filing.reported))),
            format!("联系人：{}　{}", stated(&filing.contact), stated(&filing.phone)),
        ],
    ]
}
