//! Tables as worksheets: numbers as numbers in the format they are printed with, heads frozen and repeated on paper, A4 across.
//!
//! A total is a formula whose stored value is the result's own, so that the sheet is right before Excel counts it anew;
//! where rows do not add up to it exactly it is written as a plain number.

use rust_decimal::Decimal;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Formula, Workbook, Worksheet};

use super::DocumentError;
use super::content::{Align, Cell, Column, Mark, Row, Table, plain_date, printed};

/// The font of worksheets; Excel and WPS have it, `LibreOffice` takes another.
const FONT: &str = "宋体";
/// Paper size A4 in the numbers of the format.
const A4: u8 = 9;
/// Width of a worksheet on paper, in characters.
const PAPER_CHARS: f64 = 125.0;
/// Widths of columns, in characters.
const COLUMN_CHARS: std::ops::RangeInclusive<f64> = 8.0..=60.0;
/// Height of a line of the body.
const LINE_POINTS: f64 = 14.0;
/// Highest row there can be.
const MAX_ROW_POINTS: f64 = 409.0;
/// Longest text a cell can hold.
const MAX_CELL_CHARS: usize = 32_767;
/// Longest name of a worksheet.
const MAX_NAME_CHARS: usize = 31;

/// A workbook of tables.
pub(super) fn workbook(tables: &[Table], heading: &str, marking: &str, as_of: &str) -> Result<Vec<u8>, DocumentError> {
    let mut book = Workbook::new();
    let mut properties = DocProperties::new().set_title(heading).set_author("Shikong");
    // Without a date the library would ask the clock.
    let created =
        ExcelDateTime::parse_from_str(&plain_date(as_of)).or_else(|_unreadable| ExcelDateTime::from_ymd(2000, 1, 1))?;
    properties = properties.set_creation_datetime(&created);
    book.set_properties(&properties);
    for table in tables {
        let sheet = book.add_worksheet();
        sheet.set_name(sheet_name(table.title))?;
        write(sheet, table, heading, marking)?;
    }
    Ok(book.save_to_buffer()?)
}

/// Names of worksheets may not hold some signs.
fn sheet_name(title: &str) -> String {
    title.chars().filter(|c| !"[]:*?/\\'".contains(*c)).take(MAX_NAME_CHARS).collect()
}

fn write(sheet: &mut Worksheet, table: &Table, heading: &str, marking: &str) -> Result<(), DocumentError> {
    let last = u16::try_from(table.columns.len().saturating_sub(1)).unwrap_or(0);
    let plain = Format::new().set_font_name(FONT).set_font_size(10);
    let title = plain.clone().set_font_size(14).set_bold().set_align(FormatAlign::Center);
    let title_text = if heading.is_empty() { table.title.to_owned() } else { format!("{heading} — {}", table.title) };
    if last > 0 {
        sheet.merge_range(0, 0, 0, last, &title_text, &title)?;
        let unit = plain.clone().set_align(FormatAlign::Right);
        sheet.merge_range(1, 0, 1, last, table.unit, &unit)?;
    } else {
        sheet.write_string_with_format(0, 0, &title_text, &title)?;
    }
    let head = plain
        .clone()
        .set_bold()
        .set_border(FormatBorder::Thin)
        .set_background_color("EBEBEB")
        .set_align(FormatAlign::Center)
        .set_align(FormatAlign::VerticalCenter)
        .set_text_wrap();
    for (c, column) in (0u16..).zip(&table.columns) {
        sheet.write_string_with_format(2, c, column.head, &head)?;
        sheet.set_column_width(c, width(table, usize::from(c), column))?;
    }
    let widths: Vec<f64> = (0..).zip(&table.columns).map(|(c, column)| width(table, c, column)).collect();
    let head_lines =
        table.columns.iter().zip(&widths).map(|(column, width)| lines(&Cell::from(column.head), *width)).max();
    sheet.set_row_height(2, LINE_POINTS * head_lines.unwrap_or(1).max(2) as f64 + 2.0)?;
    let mut sums = Sums::default();
    let mut r = 3;
    for row in &table.rows {
        // Rows whose words are wrapped are as high as those: not every program finds out by itself.
        let lines = row.cells.iter().zip(&widths).map(|(cell, width)| lines(cell, *width)).max().unwrap_or(1);
        if lines > 1 {
            sheet.set_row_height(r, (LINE_POINTS * lines as f64).min(MAX_ROW_POINTS))?;
        }
        for (c, (cell, column)) in (0u16..).zip(row.cells.iter().zip(&table.columns)) {
            let format = format(&plain, row, column, cell);
            match cell {
                Cell::Number(value, decimals) if row.mark == Mark::Total => {
                    if let Some(formula) = sums.formula(c, r, *value, *decimals) {
                        sheet.write_formula_with_format(r, c, formula, &format)?;
                    } else {
                        sheet.write_number_with_format(r, c, *value, &format)?;
                    }
                }
                Cell::Number(value, _) => {
                    sheet.write_number_with_format(r, c, *value, &format)?;
                }
                Cell::Text(text) => {
                    let text: String = text.chars().take(MAX_CELL_CHARS).collect();
                    sheet.write_string_with_format(r, c, text, &format)?;
                }
            }
        }
        sums.add(row);
        r += 1;
    }
    for note in &table.notes {
        sheet.write_string_with_format(r, 0, note, &plain)?;
        r += 1;
    }
    sheet.set_freeze_panes(3, 0)?;
    sheet.set_repeat_rows(2, 2)?;
    sheet.set_paper_size(A4).set_landscape().set_print_fit_to_pages(1, 0).set_print_center_horizontally(true);
    sheet.set_margins(0.5, 0.5, 0.7, 0.6, 0.3, 0.3);
    sheet.set_header(format!("&L{}&R{}", escaped(marking), escaped(heading)));
    sheet.set_footer("&C第 &P 页 共 &N 页");
    Ok(())
}

/// An ampersand begins a code in headers.
fn escaped(text: &str) -> String {
    text.replace('&', "&&")
}

fn format(plain: &Format, row: &Row, column: &Column, cell: &Cell) -> Format {
    let mut format = plain.clone().set_border(FormatBorder::Thin).set_align(FormatAlign::VerticalCenter);
    format = match column.align {
        Align::Left => format.set_align(FormatAlign::Left).set_text_wrap(),
        Align::Center => format.set_align(FormatAlign::Center).set_text_wrap(),
        Align::Right => format.set_align(FormatAlign::Right),
    };
    if let Cell::Number(_, decimals) = cell {
        format = format.set_num_format(match decimals {
            0 => "0".to_owned(),
            more => format!("0.{}", "0".repeat(usize::from(*more))),
        });
    }
    match row.mark {
        Mark::Conflict => format.set_font_color("C00000"),
        Mark::Total => format.set_bold(),
        Mark::Plain | Mark::Part => format,
    }
}

/// Lines that a text takes in a column; a Chinese character is as wide as two digits.
fn lines(cell: &Cell, width: f64) -> usize {
    let Cell::Text(text) = cell else { return 1 };
    let line = |part: &str| {
        let chars: usize = part.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
        ((chars as f64 / (width * 0.85).max(1.0)).ceil() as usize).max(1)
    };
    text.split('\n').map(line).sum()
}

/// Wide enough for its numbers and its share of the paper.
fn width(table: &Table, c: usize, column: &Column) -> f64 {
    let whole: f64 = table.columns.iter().map(|column| column.width).sum();
    let number = table
        .rows
        .iter()
        .filter_map(|row| match row.cells.get(c) {
            Some(Cell::Number(value, decimals)) => Some(printed(*value, *decimals).len() as f64 + 2.0),
            _ => None,
        })
        .fold(0.0, f64::max);
    (PAPER_CHARS * column.width / whole.max(f64::EPSILON)).max(number).clamp(*COLUMN_CHARS.start(), *COLUMN_CHARS.end())
}

/// What the rows so far add up to, column by column, since the last total.
#[derive(Default)]
struct Sums {
    rows: Vec<Row>,
}

impl Sums {
    fn add(&mut self, row: &Row) {
        if row.mark == Mark::Total {
            self.rows.clear();
        } else {
            self.rows.push(row.clone());
        }
    }

    /// The sum of the rows above as a formula, if it is the total to the last digit. `at` is the total's own row, from 0.
    fn formula(&self, c: u16, at: u32, total: f64, decimals: u8) -> Option<Formula> {
        let decimal = |value: f64| printed(value, decimals).parse::<Decimal>().ok();
        let count = u32::try_from(self.rows.len()).ok().filter(|count| *count > 0)?;
        let first = at - count + 1;
        let name = rust_xlsxwriter::utility::column_number_to_name(c);
        let mut sum = Decimal::ZERO;
        let mut cells = Vec::new();
        for (row, number) in self.rows.iter().zip(first..) {
            if let Some(Cell::Number(value, _)) = row.cells.get(usize::from(c)).filter(|_| row.mark != Mark::Part) {
                sum += decimal(*value)?;
                cells.push(format!("{name}{number}"));
            }
        }
        // A part of another row is not counted again: then the cells are named one by one, as many as a formula takes.
        let has_parts = self.rows.iter().any(|row| row.mark == Mark::Part);
        let range = match (has_parts, cells.len()) {
            (false, _) => format!("{name}{first}:{name}{at}"),
            (true, 1..=200) => cells.join(","),
            (true, _) => return None,
        };
        (sum == decimal(total)?).then(|| {
            // Counted in binary, a long sum is off in its last bits: it is rounded as the result was.
            Formula::new(format!("=ROUND(SUM({range}),{decimals})")).set_result(printed(total, decimals))
        })
    }
}
