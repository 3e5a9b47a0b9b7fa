//! `bulletin.docx`: the report of a disaster as an editable text for WPS, Word and `LibreOffice`, the cells of the PDF; its
//! map and charts are the PDF's, as pictures.

use docx_rs::{
    AlignmentType, BorderType, Docx, LineSpacing, ParagraphBorder, ParagraphBorderPosition, ParagraphBorders, Run, Tab,
    TabValueType,
};
use serde_json::{Value, json};

use super::bulletin::Bulletin;
use super::bulletin_pdf::{Drawn, MAP, caption, drawn, head, map_json, running};
use super::bulletin_report::report;
use super::content::{Block, Report};
use super::section_chart::ROOM_MM;
use super::word::{
    BODY_FONT, HEADING_FONT, KAI_FONT, RED, Running, TEXT_WIDTH, TITLE_FONT, Writer, blocks, frame, packed, run,
};
use super::{Document, DocumentError, Make, Workshop};

/// The kind.
pub(super) const DOCUMENT: Document = Document {
    name: "bulletin.docx",
    media_type: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    title_zh: "灾情快报（Word/WPS）",
    title_en: "Report of the disaster (DOCX)",
    make: Make::Bulletin(Some(MAP), make),
};

/// Dots an inch of figures.
const DPI: f64 = 200.0;
const MM_PER_INCH: f64 = 25.4;
/// How a figure is set.
const FIGURE: &str = include_str!("template/figure.typ");

fn make(bulletin: &Bulletin, workshop: &Workshop) -> Result<Vec<u8>, DocumentError> {
    let report = report(bulletin);
    let mut writer = Writer::default();
    let running =
        Running { left: running(bulletin), right: bulletin.office.stamp(), alarm: bulletin.alarm().to_owned() };
    let docx = frame(&running, &bulletin.as_of, &mut writer);
    let docx = opening(docx, &mut writer, bulletin, &report);
    let figures = drawn(bulletin);
    let docx = blocks(docx, &mut writer, &report, &mut |writer, docx, block| {
        Ok(match block {
            Block::Map => match &bulletin.map {
                Some(map) => {
                    let of_map = map_json(bulletin, map);
                    let words = ["title", "note"].map(|key| of_map[key].as_str().unwrap_or_default().to_owned());
                    let width_mm = MAP.width_mm + 6.0;
                    let data = json!({ "kind": "map", "map": of_map, "width_mm": width_mm });
                    let (png, size_mm) = figure(workshop, &data, &[("/map.png", &map.png)])?;
                    let docx = docx.add_paragraph(
                        writer.paragraph().keep_next(true).align(AlignmentType::Center).add_run(run(
                            &words[0],
                            HEADING_FONT,
                            21,
                        )),
                    );
                    let docx = writer.picture(docx, "rIdMap", &png, size_mm, "");
                    docx.add_paragraph(writer.paragraph().add_run(run(&words[1], BODY_FONT, 16)))
                }
                None => docx,
            },
            Block::Picture(at) => {
                let (id, words) = (format!("rIdPicture{at}"), caption(bulletin, *at, &figures[*at]));
                match &figures[*at] {
                    Drawn::Chart(chart) => {
                        let data = json!({ "kind": "chart", "chart": chart, "width_mm": ROOM_MM[0] + 22.0 });
                        let (png, size_mm) = figure(workshop, &data, &[])?;
                        writer.picture(docx, &id, &png, size_mm, &words)
                    }
                    Drawn::Picture(picture) => writer.picture(docx, &id, &picture.png, picture.size_mm, &words),
                }
            }
            Block::Seal { unit, date } => {
                let line = |writer: &mut Writer, text: &str| {
                    writer.paragraph().align(AlignmentType::Right).add_run(run(text, BODY_FONT, 28))
                };
                let (unit, date) = (line(writer, unit).keep_next(true), line(writer, date));
                docx.add_paragraph(writer.paragraph().keep_next(true)).add_paragraph(unit).add_paragraph(date)
            }
            _ => docx,
        })
    })?;
    packed(docx)
}

/// A figure as a picture, with its size on paper in millimetres.
fn figure(workshop: &Workshop, data: &Value, pictures: &[(&str, &[u8])]) -> Result<(Vec<u8>, [f64; 2]), DocumentError> {
    let png = workshop.typesetter().png(FIGURE, data, pictures, DPI)?;
    let size = image::ImageReader::new(std::io::Cursor::new(&png)).with_guessed_format().ok();
    let size = size.and_then(|reader| reader.into_dimensions().ok());
    let (width, height) = size.ok_or_else(|| DocumentError::Layout { what: "a figure without a size".to_owned() })?;
    Ok((png, [width, height].map(|px| f64::from(px) / DPI * MM_PER_INCH)))
}

/// Title, number, who reports and who signed.
fn opening(mut docx: Docx, writer: &mut Writer, bulletin: &Bulletin, report: &Report) -> Docx {
    let red = bulletin.filing.red_head;
    let mut title = run(report.title, TITLE_FONT, if red { 60 } else { 48 }).bold();
    if red {
        title = title.color("D00000");
    }
    let centered = |writer: &mut Writer, words: Run, before: u32, after: u32| {
        let spacing = LineSpacing::new().before(before).after(after);
        writer.paragraph().align(AlignmentType::Center).line_spacing(spacing).add_run(words)
    };
    docx = docx.add_paragraph(centered(writer, title, 120, 80));
    docx = docx.add_paragraph(centered(writer, run(&bulletin.issue(), KAI_FONT, 30), 0, 120));
    let lines = head(bulletin);
    for (at, [left, right]) in lines.iter().enumerate() {
        let mut line = writer
            .paragraph()
            .add_tab(Tab::new().val(TabValueType::Right).pos(TEXT_WIDTH))
            .add_run(run(left, KAI_FONT, 24))
            .add_run(Run::new().add_tab())
            .add_run(run(right, KAI_FONT, 24));
        if at + 1 == lines.len() {
            let border = ParagraphBorder::new(ParagraphBorderPosition::Bottom)
                .val(BorderType::Single)
                .size(if red { 18 } else { 8 })
                .color(if red { "D00000" } else { "000000" });
            line = line.set_borders(ParagraphBorders::with_empty().set(border));
        }
        docx = docx.add_paragraph(line);
    }
    if !bulletin.alarm().is_empty() {
        docx = docx.add_paragraph(centered(writer, run(bulletin.alarm(), HEADING_FONT, 36).color(RED), 120, 0));
    }
    docx.add_paragraph(centered(writer, run(&report.subject, TITLE_FONT, 36).bold(), 200, 160))
}
