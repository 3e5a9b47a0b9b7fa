//! `report.docx`: the report of a review as an editable text for WPS, Word and `LibreOffice`, the cells of the PDF.
//!
//! Fonts are named after GB/T 9704-2012 and each has a name to fall back to. `docx-rs` counts identifiers over the whole
//! process and knows no repeated head of a table: identifiers are given here, and the head is written in afterwards.

use docx_rs::{
    AlignmentType, BreakType, Docx, Footer, Header, LineSpacing, LineSpacingType, PageMargin, PageNum, Paragraph, Pic,
    Run, RunFonts, Shading, SpecialIndentType, Tab, TabValueType, Table as WordTable, TableAlignmentType, TableCell,
    TableCellMargins, TableLayoutType, TableRow, VAlignType, WidthType,
};
use serde_json::Value;

use super::content::{Align, Block, Mark, Table, chinese_number};
use super::dossier::Dossier;
use super::report::report;
use super::report_pdf::{MAP, fact_rows, map_note, map_title, picture_caption};
use super::{Document, DocumentError, Make, Workshop};

/// The kind.
pub(super) const DOCUMENT: Document = Document {
    name: "report.docx",
    media_type: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    title_zh: "规划符合性审查报告（Word/WPS）",
    title_en: "Report of the review (DOCX)",
    make: Make::Project(Some(MAP), make),
};

const TITLE_FONT: &str = "方正小标宋简体";
const BODY_FONT: &str = "仿宋_GB2312";
const HEADING_FONT: &str = "黑体";
const KAI_FONT: &str = "楷体_GB2312";
/// Twips a millimetre.
const TWIPS_PER_MM: f64 = 1440.0 / 25.4;
const MARGIN_TOP_MM: f64 = 34.0;
const MARGIN_BOTTOM_MM: f64 = 32.0;
const MARGIN_SIDE_MM: f64 = 27.0;
/// Width of the type area in twips.
const TEXT_WIDTH: usize = 8_844;
/// English metric units a millimetre.
const EMU_PER_MM: f64 = 36_000.0;
/// Rows of a table on paper; the workbook has them all.
const MAX_ROWS: usize = 400;
/// What stands in a row's properties until its head is written in.
const HEAD_MARK: &str = r#"<w:trHeight w:val="1" w:hRule="atLeast" />"#;
const RED: &str = "C00000";

fn make(dossier: &Dossier, _workshop: &Workshop) -> Result<Vec<u8>, DocumentError> {
    let report = report(dossier);
    let mut writer = Writer::default();
    let mut docx = frame(dossier, &mut writer);
    docx = docx
        .add_paragraph(
            writer
                .paragraph()
                .align(AlignmentType::Center)
                .line_spacing(LineSpacing::new().before(120).after(120))
                .add_run(run(report.title, TITLE_FONT, 44).bold()),
        )
        .add_paragraph(
            writer.paragraph().align(AlignmentType::Center).line_spacing(LineSpacing::new().after(200)).add_run(run(
                &report.subject,
                KAI_FONT,
                30,
            )),
        );
    let mut sections = 0;
    for (at, block) in report.blocks.iter().enumerate() {
        docx = match block {
            Block::Section(title) => {
                sections += 1;
                // Map, legend and note stand on one page.
                let before_map = matches!(report.blocks.get(at + 1), Some(Block::Map));
                docx.add_paragraph(
                    writer
                        .paragraph()
                        .outline_lvl(0)
                        .keep_next(true)
                        .page_break_before(before_map)
                        .line_spacing(LineSpacing::new().before(200).after(100))
                        .add_run(run(&format!("{}、{title}", chinese_number(sections)), HEADING_FONT, 28)),
                )
            }
            Block::Heading(text) => {
                docx.add_paragraph(writer.body().outline_lvl(1).keep_next(true).add_run(run(text, KAI_FONT, 28)))
            }
            Block::Paragraph(text) => docx.add_paragraph(writer.body().add_run(run(text, BODY_FONT, 28))),
            Block::Warning(text) => docx.add_paragraph(writer.body().add_run(run(text, BODY_FONT, 28).color(RED))),
            Block::Facts(facts) => {
                let table = writer.facts(&fact_rows(facts));
                docx.add_table(table)
            }
            Block::Table(table) => writer.table(docx, table),
            Block::Map => writer.map(docx, dossier),
            Block::Picture(at) => writer.picture(docx, dossier, *at),
            Block::Seal { unit, date } => writer.seal(docx, unit, date),
        };
    }
    let mut parts = docx.build();
    let document = String::from_utf8_lossy(&parts.document).replace(HEAD_MARK, "<w:tblHeader />");
    parts.document = document.into_bytes();
    parts.font_table = font_table();
    let mut bytes = std::io::Cursor::new(Vec::new());
    parts.pack(&mut bytes).map_err(|error| DocumentError::Pack { what: error.to_string() })?;
    Ok(bytes.into_inner())
}

/// Page, running head, page numbers at the outer side, standard fonts.
fn frame(dossier: &Dossier, writer: &mut Writer) -> Docx {
    let twips = |mm: f64| (mm * TWIPS_PER_MM).round() as i32;
    let number = |writer: &mut Writer, align| {
        let paragraph = writer.paragraph().align(align).add_run(run("— ", BODY_FONT, 24));
        Footer::new().add_paragraph(paragraph.add_page_num(PageNum::new()).add_run(run(" —", BODY_FONT, 24)))
    };
    let project = &dossier.project;
    let running = writer
        .paragraph()
        .add_tab(Tab::new().val(TabValueType::Right).pos(TEXT_WIDTH))
        .add_run(run(&format!("{}　{}", project.code, shortened(&project.name, 24)), KAI_FONT, 18))
        .add_run(Run::new().add_tab())
        .add_run(run(&dossier.office.stamp(), KAI_FONT, 18));
    let even_running = running.clone().id(writer.next_id());
    Docx::new()
        .created_at(&dossier.as_of)
        .updated_at(&dossier.as_of)
        .default_fonts(RunFonts::new().ascii("Times New Roman").hi_ansi("Times New Roman").east_asia(BODY_FONT))
        .default_size(28)
        .page_size(11_906, 16_838)
        .page_margin(PageMargin {
            top: twips(MARGIN_TOP_MM),
            bottom: twips(MARGIN_BOTTOM_MM),
            left: twips(MARGIN_SIDE_MM),
            right: twips(MARGIN_SIDE_MM),
            header: twips(20.0),
            footer: twips(20.0),
            gutter: 0,
        })
        .header(Header::new().add_paragraph(running))
        .even_header(Header::new().add_paragraph(even_running))
        .footer(number(writer, AlignmentType::Right))
        .even_footer(number(writer, AlignmentType::Left))
}

/// The fonts with a name to take where they are not installed.
fn font_table() -> Vec<u8> {
    let fonts = [
        (TITLE_FONT, "宋体,SimSun,Noto Serif CJK SC"),
        (BODY_FONT, "仿宋,FangSong,Noto Serif CJK SC"),
        (HEADING_FONT, "SimHei,Noto Sans CJK SC"),
        (KAI_FONT, "楷体,KaiTi,Noto Serif CJK SC"),
    ];
    #[expect(clippy::format_collect, reason = "a handful")]
    let fonts: String = fonts
        .iter()
        .map(|(name, other)| {
            format!(r#"<w:font w:name="{name}"><w:altName w:val="{other}"/><w:charset w:val="86"/><w:family w:val="auto"/><w:pitch w:val="variable"/></w:font>"#)
        })
        .collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:fonts xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">{fonts}</w:fonts>"#
    )
    .into_bytes()
}

/// A text in a font and a size in half points. What XML cannot hold is left out.
fn run(text: &str, font: &str, half_points: usize) -> Run {
    let mut made = Run::new()
        .size(half_points)
        .fonts(RunFonts::new().ascii("Times New Roman").hi_ansi("Times New Roman").east_asia(font));
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            made = made.add_break(BreakType::TextWrapping);
        }
        let line: String = line.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')).collect();
        made = made.add_text(line);
    }
    made
}

/// A colour as it looks on the map, where areas let the ground through.
fn paled(color: &str) -> String {
    let channel = |at: usize| color.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(128);
    let pale = |at| (f64::from(channel(at)) * 0.55 + 255.0 * 0.45).round() as u8;
    format!("{:02X}{:02X}{:02X}", pale(0), pale(2), pale(4))
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most).chain(['…']).collect() }
}

/// Gives paragraphs their identifiers, from 1 in each document.
#[derive(Default)]
struct Writer {
    last_id: u32,
}

impl Writer {
    fn next_id(&mut self) -> String {
        self.last_id += 1;
        format!("{:08x}", self.last_id)
    }

    fn paragraph(&mut self) -> Paragraph {
        Paragraph::new().id(self.next_id())
    }

    /// A paragraph of the text: two characters set in, lines 26 points apart.
    fn body(&mut self) -> Paragraph {
        self.paragraph()
            .align(AlignmentType::Both)
            .indent(None, Some(SpecialIndentType::FirstLine(560)), None, None)
            .line_spacing(LineSpacing::new().line(520).line_rule(LineSpacingType::Exact))
    }

    fn cell(&mut self, text: &str, font: &str, size: usize, align: AlignmentType, color: Option<&str>) -> TableCell {
        let mut words = run(text, font, size);
        if let Some(color) = color {
            words = words.color(color);
        }
        TableCell::new().vertical_align(VAlignType::Center).add_paragraph(self.paragraph().align(align).add_run(words))
    }

    fn table(&mut self, docx: Docx, table: &Table) -> Docx {
        let whole: f64 = table.columns.iter().map(|column| column.width).sum();
        let grid: Vec<usize> =
            table.columns.iter().map(|column| (TEXT_WIDTH as f64 * column.width / whole) as usize).collect();
        let mut head_cells = Vec::new();
        for (column, width) in table.columns.iter().zip(&grid) {
            // The head stays with the first row.
            let words = self.paragraph().align(AlignmentType::Center).keep_next(true);
            let words = words.add_run(run(column.head, HEADING_FONT, 18));
            let cell = TableCell::new().vertical_align(VAlignType::Center).add_paragraph(words);
            head_cells.push(cell.shading(Shading::new().fill("EBEBEB")).width(*width, WidthType::Dxa));
        }
        let mut rows = vec![TableRow::new(head_cells).cant_split().row_height(1.0)];
        let (printed, notes) = table.on_paper(MAX_ROWS);
        for row in printed {
            let (font, color) = match row.mark {
                Mark::Conflict => (BODY_FONT, Some(RED)),
                Mark::Total => (HEADING_FONT, None),
                Mark::Plain | Mark::Part => (BODY_FONT, None),
            };
            let mut cells = Vec::new();
            for ((cell, column), width) in row.cells.iter().zip(&table.columns).zip(&grid) {
                let align = match column.align {
                    Align::Left => AlignmentType::Left,
                    Align::Center => AlignmentType::Center,
                    Align::Right => AlignmentType::Right,
                };
                cells.push(self.cell(&cell.text(), font, 18, align, color).width(*width, WidthType::Dxa));
            }
            rows.push(TableRow::new(cells).cant_split());
        }
        let mut docx = docx.add_paragraph(
            self.paragraph()
                .keep_next(true)
                .align(AlignmentType::Center)
                .line_spacing(LineSpacing::new().before(160).after(40))
                .add_run(run(table.title, HEADING_FONT, 21)),
        );
        if !table.unit.is_empty() {
            docx = docx.add_paragraph(
                self.paragraph().keep_next(true).align(AlignmentType::Right).add_run(run(table.unit, BODY_FONT, 18)),
            );
        }
        docx = docx.add_table(laid_out(WordTable::new(rows), grid));
        for note in &notes {
            docx = docx.add_paragraph(self.paragraph().add_run(run(note, BODY_FONT, 18)));
        }
        docx
    }

    fn facts(&mut self, rows: &[Value]) -> WordTable {
        let (name_width, value_width) = (1_500, TEXT_WIDTH / 2 - 1_500);
        let text = |pair: &Value, at: usize| pair[at].as_str().unwrap_or_default().to_owned();
        let mut made = Vec::new();
        for row in rows {
            let pairs = row.as_array().map(Vec::as_slice).unwrap_or_default();
            let mut cells = Vec::new();
            for pair in pairs {
                let name = self.cell(&text(pair, 0), HEADING_FONT, 21, AlignmentType::Center, None);
                cells.push(name.shading(Shading::new().fill("EBEBEB")).width(name_width, WidthType::Dxa));
                let value = self.cell(&text(pair, 1), BODY_FONT, 21, AlignmentType::Left, None);
                cells.push(if pairs.len() == 1 {
                    value.grid_span(3).width(TEXT_WIDTH - name_width, WidthType::Dxa)
                } else {
                    value.width(value_width, WidthType::Dxa)
                });
            }
            made.push(TableRow::new(cells).cant_split());
        }
        laid_out(WordTable::new(made), vec![name_width, value_width, name_width, value_width])
    }

    fn map(&mut self, docx: Docx, dossier: &Dossier) -> Docx {
        const ACROSS: usize = 3;
        let Some(map) = &dossier.map else { return docx };
        let emu = |mm: f64| (mm * EMU_PER_MM).round() as u32;
        let picture =
            Pic::new_with_dimensions(map.png.clone(), 1, 1).id("rIdMap").size(emu(MAP.width_mm), emu(MAP.height_mm));
        let stamp = run(&format!("　　{}", dossier.office.map_stamp()), HEADING_FONT, 16).color(RED);
        let title = run(&map_title(dossier), HEADING_FONT, 21);
        let centered = |writer: &mut Self| writer.paragraph().align(AlignmentType::Center).keep_next(true);
        let title = centered(self).add_run(title).add_run(stamp);
        let picture = centered(self).add_run(Run::new().add_image(picture));
        let mut docx = docx.add_paragraph(title).add_paragraph(picture);
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
                let swatch = self.cell(sign, HEADING_FONT, 16, AlignmentType::Center, Some(&color));
                let swatch = swatch.width(swatch_width, WidthType::Dxa);
                let is_fill = entry.is_some() && sign.is_empty();
                cells.push(if is_fill { swatch.shading(Shading::new().fill(paled(&color))) } else { swatch });
                let label = self.cell(label, BODY_FONT, 16, AlignmentType::Left, None);
                cells.push(label.width(label_width, WidthType::Dxa));
            }
            rows.push(TableRow::new(cells).cant_split());
        }
        if !rows.is_empty() {
            let grid = [swatch_width, label_width].repeat(ACROSS);
            docx = docx.add_table(laid_out(WordTable::new(rows), grid));
        }
        docx.add_paragraph(self.paragraph().add_run(run(&map_note(dossier), BODY_FONT, 16)))
    }

    fn picture(&mut self, docx: Docx, dossier: &Dossier, at: usize) -> Docx {
        let picture = &dossier.pictures[at];
        let [width, height] = picture.size_mm.map(|mm| (mm * EMU_PER_MM).round() as u32);
        let drawn = Pic::new_with_dimensions(picture.png.clone(), 1, 1).id(format!("rIdPicture{at}"));
        let drawn = Run::new().add_image(drawn.size(width, height));
        let caption = run(&picture_caption(dossier, at), BODY_FONT, 21);
        docx.add_paragraph(self.paragraph().align(AlignmentType::Center).keep_next(true).add_run(drawn))
            .add_paragraph(self.paragraph().align(AlignmentType::Center).add_run(caption))
    }

    fn seal(&mut self, mut docx: Docx, unit: &str, date: &str) -> Docx {
        let lines = ["", "经办人：　　　　　　　　负责人：", "", "（盖章处）", unit, date];
        for (number, line) in lines.into_iter().enumerate() {
            let paragraph = self.paragraph().keep_next(number + 1 < lines.len());
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
}

fn laid_out(table: WordTable, grid: Vec<usize>) -> WordTable {
    table
        .layout(TableLayoutType::Fixed)
        .align(TableAlignmentType::Center)
        .width(TEXT_WIDTH, WidthType::Dxa)
        .margins(TableCellMargins::new().margin(30, 60, 30, 60))
        .set_grid(grid)
}
