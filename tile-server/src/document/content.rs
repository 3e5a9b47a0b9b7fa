//! What a report says, before it is PDF, DOCX or a worksheet: headings, paragraphs, tables of texts and numbers.
//!
//! Each form prints these very cells, so that no two can differ in a figure. A number is printed with its decimals and
//! never computed here.

use chrono::{DateTime, FixedOffset, NaiveDate};
use rust_decimal::Decimal;

/// Where a column's texts stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Texts.
    Left,
    /// Codes, dates, verdicts.
    Center,
    /// Numbers.
    Right,
}

impl Align {
    /// Its name, as typst and Word have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Center => "center",
            Self::Right => "right",
        }
    }
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    /// Its head; may hold line breaks.
    pub(crate) head: &'static str,
    /// Share of the table's width.
    pub(crate) width: f64,
    /// Where its texts stand.
    pub(crate) align: Align,
}

/// What a cell holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// Words; empty for nothing.
    Text(String),
    /// A number as it is in the result, and how many decimals it is printed with.
    Number(f64, u8),
}

impl Cell {
    /// A number, or nothing.
    pub(crate) fn number(value: Option<f64>, decimals: u8) -> Self {
        value.filter(|value| value.is_finite()).map_or_else(|| Self::Text(String::new()), |n| Self::Number(n, decimals))
    }

    /// As it is printed.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(value, decimals) => printed(*value, *decimals),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

/// A number that has at most so many decimals, with all of them: the nearest double of such a number prints as it.
pub(crate) fn printed(value: f64, decimals: u8) -> String {
    let text = format!("{value:.*}", usize::from(decimals));
    // A tiny negative number, or the zero that subtraction leaves, is zero.
    if text.starts_with('-') && text.bytes().all(|b| matches!(b, b'-' | b'0' | b'.')) {
        return text.trim_start_matches('-').to_owned();
    }
    text
}

/// How a row stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mark {
    /// It does not.
    #[default]
    Plain,
    /// A conflict: red.
    Conflict,
    /// The sum of the rows above.
    Total,
    /// A part of the row above it (其中), set in.
    Part,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Row {
    /// As many as there are columns.
    pub(crate) cells: Vec<Cell>,
    /// How it stands out.
    pub(crate) mark: Mark,
}

impl Row {
    /// A plain row.
    pub(crate) fn new(cells: Vec<Cell>) -> Self {
        Self { cells, mark: Mark::Plain }
    }

    /// The same, standing out.
    pub(crate) fn marked(self, mark: Mark) -> Self {
        Self { mark, ..self }
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    /// Name of its worksheet, and its title above it.
    pub(crate) title: &'static str,
    /// Unit, at the right above it; empty for none.
    pub(crate) unit: &'static str,
    /// Its columns.
    pub(crate) columns: Vec<Column>,
    /// Its rows; totals last.
    pub(crate) rows: Vec<Row>,
    /// Words below it.
    pub(crate) notes: Vec<String>,
}

impl Table {
    /// Columns given as `(head, width, align)`.
    pub(crate) fn new(title: &'static str, unit: &'static str, columns: &[(&'static str, f64, Align)]) -> Self {
        let columns = columns.iter().map(|&(head, width, align)| Column { head, width, align }).collect();
        Self { title, unit, columns, rows: Vec::new(), notes: Vec::new() }
    }

    /// What of it is printed on paper: at most so many rows, then its totals, with a note on those left out.
    pub(crate) fn on_paper(&self, most: usize) -> (impl Iterator<Item = &Row>, Vec<String>) {
        let totals = self.rows.iter().rev().take_while(|row| row.mark == Mark::Total).count();
        let (body, totals) = self.rows.split_at(self.rows.len() - totals);
        let left_out = body.len().saturating_sub(most);
        let mut notes = self.notes.clone();
        if left_out > 0 {
            notes.push(format!("另有{left_out}行未在本表列出，见 Excel 附表同名工作表；合计含未列出的各行。"));
        }
        (body.iter().take(most).chain(totals), notes)
    }

    /// What is printed of a column added up without error; none where a number is not a decimal.
    pub(crate) fn sum(&self, column: usize, decimals: u8) -> Option<f64> {
        let of = |row: &Row| match row.cells.get(column) {
            Some(Cell::Number(value, _)) => printed(*value, decimals).parse::<Decimal>().ok(),
            _ => Some(Decimal::ZERO),
        };
        self.rows.iter().map(of).sum::<Option<Decimal>>()?.to_string().parse().ok()
    }

    /// Adds a row at the end.
    pub(crate) fn push(&mut self, cells: Vec<Cell>, mark: Mark) {
        self.rows.push(Row::new(cells).marked(mark));
    }
}

/// A part of a report.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Block {
    /// A numbered section.
    Section(&'static str),
    /// A heading within a section.
    Heading(String),
    /// A paragraph, its first line set in.
    Paragraph(String),
    /// A paragraph that is a conflict: red.
    Warning(String),
    /// Names and values in two pairs a row.
    Facts(Vec<(&'static str, String)>),
    /// A table.
    Table(Table),
    /// The map of the dossier.
    Map,
    /// The picture of the dossier at this place.
    Picture(usize),
    /// Who signs and where the seal goes.
    Seal {
        /// The unit that signs.
        unit: String,
        /// The day.
        date: String,
    },
}

/// A report.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    /// Its title.
    pub(crate) title: &'static str,
    /// What it is about, below the title.
    pub(crate) subject: String,
    /// Its parts.
    pub(crate) blocks: Vec<Block>,
}

/// 一, 二, … 十, 十一 …: numbers of sections; up to 99.
pub(crate) fn chinese_number(number: usize) -> String {
    const DIGITS: [&str; 10] = ["", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let (tens, ones) = (number / 10 % 10, number % 10);
    let ten = match tens {
        0 => String::new(),
        1 => "十".to_owned(),
        more => format!("{}十", DIGITS[more]),
    };
    ten + DIGITS[ones]
}

/// China keeps one time, 8 hours before UTC.
const CHINA_S: i32 = 8 * 3600;

/// A day or an instant (RFC 3339) as `2026年11月22日` of China's time; other texts as they are.
pub(crate) fn chinese_date(text: &str) -> String {
    local_day(text).map_or_else(|| text.to_owned(), |day| day.format("%Y年%-m月%-d日").to_string())
}

/// An instant (RFC 3339) as `2026年11月22日20时15分` of China's time; a day as a day, other texts as they are.
pub(crate) fn chinese_instant(text: &str) -> String {
    local(text).map_or_else(|| chinese_date(text), |instant| instant.format("%Y年%-m月%-d日%-H时%M分").to_string())
}

/// A day or an instant (RFC 3339) as `2026-11-22` of China's time; other texts as they are.
pub(crate) fn plain_date(text: &str) -> String {
    local_day(text).map_or_else(|| text.to_owned(), |day| day.format("%Y-%m-%d").to_string())
}

/// An instant (RFC 3339) as `2026-11-22 20:15` of China's time; other texts as they are.
pub(crate) fn plain_instant(text: &str) -> String {
    local(text).map_or_else(|| plain_date(text), |instant| instant.format("%Y-%m-%d %H:%M").to_string())
}

fn local(text: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .zip(FixedOffset::east_opt(CHINA_S))
        .map(|(at, zone)| at.with_timezone(&zone))
}

fn local_day(text: &str) -> Option<NaiveDate> {
    local(text).map(|instant| instant.date_naive()).or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_with_all_their_decimals_and_no_negative_zero() {
        assert_eq!(printed(68_342.17, 2), "68342.17");
        assert_eq!(printed(2871.1, 2), "2871.10");
        assert_eq!(printed(-0.0, 2), "0.00");
        assert_eq!(printed(6.8342, 4), "6.8342");
        // Every number of two decimals below a hundred million square metres prints as it is.
        for cents in (0..10_000_000_000_u64).step_by(99_999_989) {
            assert_eq!(printed(cents as f64 / 100.0, 2), format!("{}.{:02}", cents / 100, cents % 100));
        }
    }

    #[test]
    fn sections_count_in_chinese_and_dates_are_written_out() {
        assert_eq!([1, 9, 10, 11, 20, 21].map(chinese_number), ["一", "九", "十", "十一", "二十", "二十一"]);
        assert_eq!(chinese_date("2026-11-01T18:00:00Z"), "2026年11月2日", "past midnight in China");
        assert_eq!(plain_instant("2026-11-01T18:05:00Z"), "2026-11-02 02:05");
        assert_eq!(chinese_date("2026-11-02"), "2026年11月2日");
        assert_eq!(chinese_date("昨日"), "昨日");
        assert_eq!(chinese_instant("2026-11-01T18:05:00Z"), "2026年11月2日2时05分");
        assert_eq!(chinese_instant("2026-11-02"), "2026年11月2日");
    }
}
