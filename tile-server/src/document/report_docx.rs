//! `report.docx`: the report of a review as an editable text for WPS, Word and `LibreOffice`, the cells of the PDF.

use docx_rs::{AlignmentType, Docx, Shading, Table as WordTable, TableRow, WidthType};

use super::content::Block;
use super::dossier::Dossier;
use super::report::report;
use super::report_pdf::{MAP, map_note, map_title, picture_caption};
use super::word::{
    BODY_FONT, HEADING_FONT, RED, Running, TEXT_WIDTH, Writer, blocks, frame, laid_out, packed, run, shortened, titled,
};
use super::{Document, DocumentError, Make, Workshop};

/// The kind.
pub(super) const DOCUMENT: Document = Document {
    name: "report.docx",
    media_type: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    title_zh: "规划符合性审查报告（Word/WPS）",
    title_en: "Report of the review (DOCX)",
    make: Make::Project(Some(MAP), make),
};

fn make(dossier: &Dossier, _workshop: &Workshop) -> Result<Vec<u8>, DocumentError> {
    let report = report(dossier);
    let mut writer = Writer::default();
    let project = &dossier.project;
    let running = Running {
        left: format!("{}　{}", project.code, shortened(&project.name, 24)),
        right: dossier.office.stamp(),
        alarm: String::new(),
    };
    let docx = frame(&running, &dossier.as_of, &mut writer);
    let docx = titled(docx, &mut writer, &report);
    let docx = blocks(docx, &mut writer, &report, &mut |writer, docx, block| {
        Ok(match block {
            Block::Map => map(writer, docx, dossier),
            Block::Picture(at) => {
                let picture = &dossier.pictures[*at];
                let id = format!("rIdPicture{at}");
                writer.picture(docx, &id, &picture.png, picture.size_mm, &picture_caption(dossier, *at))
            }
            Block::Seal { unit, date } => seal(writer, docx, unit, date),
            _ => docx,
        })
    })?;
    packed(docx)
}

/// A colour as it looks on the map, where areas let the ground through.
fn paled(color: &str) -> String {
    let channel = |at: usize| color.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(128);
    let pale = |at| (f64::from(channel(at)) * 0.55 + 255.0 * 0.45).round() as u8;
    format!("{:02X}{:02X}{:02X}", pale(0), pale(2), pale(4))
}

fn map(writer: &mut Writer, docx: Docx, dossier: &Dossier) -> Docx {
    const ACROSS: usize = 3;
    let Some(map) = &dossier.map else { return docx };
    let stamp = run(&format!("　　{}", dossier.office.map_stamp()), HEADING_FONT, 16).color(RED);
    let title = run(&map_title(dossier), HEADING_FONT, 21);
    let title = writer.paragraph().align(AlignmentType::Center).keep_next(true).add_run(title).add_run(stamp);
    let docx = docx.add_paragraph(title);
    let mut docx = writer.picture(docx, "rIdMap", &map.png, [MAP.width_mm, MAP.height_mm], "");
    let entries = map.margin["legend"].as_array().map(Vec::as_slice).unwrap_or_default();
    let (swatch_width, label_width) = (500, TEXT_WIDTH / ACROSS - 500);
    let mut rows = Vec::new();
    for chunk in entries.chunks(ACROSS) {
        let mut cells = Vec::new();
        for at in 0..ACROSS {
            let entry = chunk.get(at);
            let label = entry.and_then(|entry| entry["label"].as_str()).unwrap_or_default();
            let color = entry.and_then(|entry| entry["color"].as_str()).unwrap_or_default();
            let color = color.trim_start_matches('#').to_uppercase();
            let sign = match entry.and_then(|entry| entry["shape"].as_str()) {
                Some("outline") => "□",
                Some("line") => "━",
                Some("point") => "●",
                _ => "",
            };
            let swatch = writer.cell(sign, HEADING_FONT, 16, AlignmentType::Center, Some(&color));
            let swatch = swatch.width(swatch_width, WidthType::Dxa);
            let is_fill = entry.is_some() && sign.is_empty();
            cells.push(if is_fill { swatch.shading(Shading::new().fill(paled(&color))) } else { swatch });
            let label = writer.cell(label, BODY_FONT, 16, AlignmentType::Left, None);
            cells.push(label.width(label_width, WidthType::Dxa));
        }
        rows.push(TableRow::new(cells).cant_split());
    }
    if !rows.is_empty() {
        let grid = [swatch_width, label_width].repeat(ACROSS);
        docx = docx.add_table(laid_out(WordTable::new(rows), grid));
    }
    docx.add_paragraph(writer.paragraph().add_run(run(&map_note(dossier), BODY_FONT, 16)))
}

fn seal(writer: &mut Writer, mut docx: Docx, unit: &str, date: &str) -> Docx {
    let lines = ["", "经办人：　　　　　　　　负责人：", "", "（盖章处）", unit, date];
    for (number, line) in lines.into_iter().enumerate() {
        let paragraph = writer.paragraph().keep_next(number + 1 < lines.len());
        let paragraph = if number < 2 {
            paragraph
        } else {
            paragraph.align(AlignmentType::Center).indent(Some(4_200), None, None, None)
        };
        let words = run(line, BODY_FONT, 28);
        docx = docx.add_paragraph(paragraph.add_run(if number == 3 { words.color("808080") } else { words }));
    }
    docx
}
