//! Text documents for WPS, Word and `LibreOffice`: paragraphs, tables, pictures, the page they stand on.
//!
//! Fonts are named after GB/T 9704-2012 and each has a name to fall back to. `docx-rs` counts identifiers over the whole
//! process and knows no repeated head of a table: identifiers are given here, and the head is written in afterwards.

use docx_rs::{
    AlignmentType, BreakType, Docx, Footer, Header, LineSpacing, LineSpacingType, PageMargin, PageNum, Paragraph, Pic,
    Run, RunFonts, Shading, SpecialIndentType, Tab, TabValueType, Table as WordTable, TableAlignmentType, TableCell,
    TableCellMargins, TableLayoutType, TableRow, VAlignType, WidthType,
};
use serde_json::Value;

use super::DocumentError;
use super::content::{Align, Block, Mark, Report, Table, chinese_number};
use super::report_pdf::fact_rows;

pub(super) const TITLE_FONT: &str = "方正小标宋简体";
pub(super) const BODY_FONT: &str = "仿宋_GB2312";
pub(super) const HEADING_FONT: &str = "黑体";
pub(super) const KAI_FONT: &str = "楷体_GB2312";
/// Twips a millimetre.
const TWIPS_PER_MM: f64 = 1440.0 / 25.4;
const MARGIN_TOP_MM: f64 = 34.0;
const MARGIN_BOTTOM_MM: f64 = 32.0;
const MARGIN_SIDE_MM: f64 = 27.0;
/// Width of the type area in twips.
pub(super) const TEXT_WIDTH: usize = 8_844;
/// English metric units a millimetre.
const EMU_PER_MM: f64 = 36_000.0;
/// Rows of a table on paper; the workbook has them all.
const MAX_ROWS: usize = 400;
/// What stands in a row's properties until its head is written in.
const HEAD_MARK: &str = r#"<w:trHeight w:val="1" w:hRule="atLeast" />"#;
pub(super) const RED: &str = "C00000";

/// What stands at the head of every page.
#[derive(Debug, Clone, Default)]
pub(super) struct Running {
    /// At the left.
    pub(super) left: String,
    /// At the right.
    pub(super) right: String,
    /// At the right after that, in red; empty for nothing.
    pub(super) alarm: String,
}

/// The title of a report and what it is about.
pub(super) fn titled(docx: Docx, writer: &mut Writer, report: &Report) -> Docx {
    let title = run(report.title, TITLE_FONT, 44).bold();
    let subject = run(&report.subject, KAI_FONT, 30);
    docx.add_paragraph(
        writer
            .paragraph()
            .align(AlignmentType::Center)
            .line_spacing(LineSpacing::new().before(120).after(120))
            .add_run(title),
    )
    .add_paragraph(
        writer.paragraph().align(AlignmentType::Center).line_spacing(LineSpacing::new().after(200)).add_run(subject),
    )
}

/// The parts of a report, sections numbered; `own` writes maps, pictures and where it is signed.
pub(super) fn blocks(
    mut docx: Docx,
    writer: &mut Writer,
    report: &Report,
    own: &mut dyn FnMut(&mut Writer, Docx, &Block) -> Result<Docx, DocumentError>,
) -> Result<Docx, DocumentError> {
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
            Block::Map | Block::Picture(_) | Block::Seal { .. } => own(writer, docx, block)?,
        };
    }
    Ok(docx)
}

/// The document as a file.
pub(super) fn packed(docx: Docx) -> Result<Vec<u8>, DocumentError> {
    let mut parts = docx.build();
    let document = String::from_utf8_lossy(&parts.document).replace(HEAD_MARK, "<w:tblHeader />");
    parts.document = document.into_bytes();
    parts.font_table = font_table();
    let mut bytes = std::io::Cursor::new(Vec::new());
    parts.pack(&mut bytes).map_err(|error| DocumentError::Pack { what: error.to_string() })?;
    Ok(bytes.into_inner())
}

/// Page, running head, page numbers at the outer side, standard fonts.
pub(super) fn frame(running: &Running, as_of: &str, writer: &mut Writer) -> Docx {
    let twips = |mm: f64| (mm * TWIPS_PER_MM).round() as i32;
    let number = |writer: &mut Writer, align| {
        let paragraph = writer.paragraph().align(align).add_run(run("— ", BODY_FONT, 24));
        Footer::new().add_paragraph(paragraph.add_page_num(PageNum::new()).add_run(run(" —", BODY_FONT, 24)))
    };
    let mut words = writer
        .paragraph()
        .add_tab(Tab::new().val(TabValueType::Right).pos(TEXT_WIDTH))
        .add_run(run(&running.left, KAI_FONT, 18))
        .add_run(Run::new().add_tab())
        .add_run(run(&running.right, KAI_FONT, 18));
    if !running.alarm.is_empty() {
        words = words.add_run(run(&format!("　{}", running.alarm), HEADING_FONT, 24).color(RED));
    }
    let running = words;
    let even_running = running.clone().id(writer.next_id());
    Docx::new()
        .created_at(as_of)
        .updated_at(as_of)
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
pub(super) fn run(text: &str, font: &str, half_points: usize) -> Run {
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

/// At most so many characters.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most).chain(['…']).collect() }
}

/// Gives paragraphs their identifiers, from 1 in each document.
#[derive(Default)]
pub(super) struct Writer {
    last_id: u32,
}

impl Writer {
    fn next_id(&mut self) -> String {
        self.last_id += 1;
        format!("{:08x}", self.last_id)
    }

    /// A paragraph.
    pub(super) fn paragraph(&mut self) -> Paragraph {
        Paragraph::new().id(self.next_id())
    }

    /// A paragraph of the text: two characters set in, lines 26 points apart.
    pub(super) fn body(&mut self) -> Paragraph {
        self.paragraph()
            .align(AlignmentType::Both)
            .indent(None, Some(SpecialIndentType::FirstLine(560)), None, None)
            .line_spacing(LineSpacing::new().line(520).line_rule(LineSpacingType::Exact))
    }

    /// A cell of a table.
    pub(super) fn cell(
        &mut self,
        text: &str,
        font: &str,
        size: usize,
        align: AlignmentType,
        color: Option<&str>,
    ) -> TableCell {
        let mut words = run(text, font, size);
        if let Some(color) = color {
            words = words.color(color);
        }
        TableCell::new().vertical_align(VAlignType::Center).add_paragraph(self.paragraph().align(align).add_run(words))
    }

    /// A table with its title, unit and notes.
    pub(super) fn table(&mut self, docx: Docx, table: &Table) -> Docx {
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

    /// Names and values, in rows of one or two pairs.
    pub(super) fn facts(&mut self, rows: &[Value]) -> WordTable {
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

    /// A picture with what stands below it; `id` is its own in the document.
    pub(super) fn picture(&mut self, docx: Docx, id: &str, png: &[u8], size_mm: [f64; 2], caption: &str) -> Docx {
        let [width, height] = size_mm.map(|mm| (mm * EMU_PER_MM).round() as u32);
        let drawn = Pic::new_with_dimensions(png.to_vec(), 1, 1).id(id).size(width, height);
        let drawn = self.paragraph().align(AlignmentType::Center).keep_next(true).add_run(Run::new().add_image(drawn));
        let docx = docx.add_paragraph(drawn);
        if caption.is_empty() {
            return docx;
        }
        docx.add_paragraph(self.paragraph().align(AlignmentType::Center).add_run(run(caption, BODY_FONT, 21)))
    }
}

/// A table of fixed columns as wide as the text.
pub(super) fn laid_out(table: WordTable, grid: Vec<usize>) -> WordTable {
    table
        .layout(TableLayoutType::Fixed)
        .align(TableAlignmentType::Center)
        .width(TEXT_WIDTH, WidthType::Dxa)
        .margins(TableCellMargins::new().margin(30, 60, 30, 60))
        .set_grid(grid)
}
