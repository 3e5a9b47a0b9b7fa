//! Coordinate tables as Excel workbooks (.xlsx): one row a boundary point, columns found by their headers.
//!
//! X is the northing (纵坐标), as surveyors write it. A ring ends where its first point comes again, or where the
//! columns for ring or parcel change. Cells are read one after another and counted: a workbook of some kilobytes can
//! claim billions of them. The bytes it unpacks to are measured before it is opened, for the same reason.

use std::{collections::BTreeMap, io::Cursor};

use calamine::{DataRef, Reader as _, Xlsx};

use super::{Draft, DraftParcel, DraftPoint, DraftRing, MAX_POINTS, RedParcel, refused};
use crate::AnalysisError;

/// Bytes a workbook may unpack to, and the number of its parts.
const MAX_UNPACKED: u64 = 128 << 20;
const MAX_PARTS: usize = 2_000;
/// Cells that are read, and sheets, rows before a header, columns.
const MAX_CELLS: usize = 3_000_000;
const MAX_SHEETS: usize = 100;
const MAX_HEADER_ROW: u32 = 60;
const MAX_COLUMNS: u32 = 64;

pub(super) fn claims(bytes: &[u8], name: &str) -> bool {
    [".xlsx"].iter().any(|ending| name.ends_with(ending)) || bytes.starts_with(b"PK\x03\x04")
}

pub(super) fn read(bytes: &[u8]) -> Result<Draft, AnalysisError> {
    check_unpacked(bytes)?;
    let unusable = |error: calamine::XlsxError| {
        refused(format!("不是可用的 Excel 工作簿 (.xlsx)：{error}"), format!("not a usable .xlsx workbook: {error}"))
    };
    let mut workbook = Xlsx::new(Cursor::new(bytes)).map_err(unusable)?;
    let mut draft = Draft::default();
    let mut cells = 0;
    for sheet in workbook.sheet_names().into_iter().take(MAX_SHEETS) {
        let mut rows: BTreeMap<u32, BTreeMap<u32, String>> = BTreeMap::new();
        let Ok(mut reader) = workbook.worksheet_cells_reader(&sheet) else { continue };
        while let Some(cell) = reader.next_cell().map_err(unusable)? {
            cells += 1;
            if cells > MAX_CELLS {
                return Err(refused("工作簿单元格过多", "the workbook has too many cells"));
            }
            let ((row, column), text) = (cell.get_position(), text_of(cell.get_value()));
            if column < MAX_COLUMNS && !text.is_empty() {
                rows.entry(row).or_default().insert(column, text);
            }
        }
        table(&mut draft, &sheet, &rows)?;
    }
    if draft.parcels.is_empty() {
        return Err(refused(
            "工作簿里没有坐标表：表头应有“X（纵坐标）”和“Y（横坐标）”两列",
            "no coordinate table: columns X (north) and Y (east) are needed",
        ));
    }
    Ok(draft)
}

/// Unpacks every part into nothing, counting.
fn check_unpacked(bytes: &[u8]) -> Result<(), AnalysisError> {
    let broken = || refused("不是可用的 Excel 工作簿 (.xlsx)", "not a usable .xlsx workbook");
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).ok().ok_or_else(broken)?;
    if archive.len() > MAX_PARTS {
        return Err(broken());
    }
    let mut left = MAX_UNPACKED;
    for index in 0..archive.len() {
        let part = archive.by_index(index).ok().ok_or_else(broken)?;
        let read = std::io::copy(&mut std::io::Read::take(part, left), &mut std::io::sink()).ok().ok_or_else(broken)?;
        left -= read;
        if left == 0 {
            return Err(refused("工作簿解压后过大", "the workbook unpacks to too much"));
        }
    }
    Ok(())
}

fn text_of(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(v) => v.to_string(),
        DataRef::Float(v) => v.to_string(),
        DataRef::String(text) => text.trim().to_owned(),
        DataRef::SharedString(text) => text.trim().to_owned(),
        _ => String::new(),
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Northing,
    Easting,
    Latitude,
    Longitude,
    Point,
    Ring,
    ParcelNumber,
    ParcelName,
}

/// A column by its header. The words 纵 and 横 decide before the letters, which some tables use the other way round.
fn column_of(header: &str) -> Option<Column> {
    let plain: String = header.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| plain.contains(word));
    let letter: String = plain.split(['(', '（', '/']).next().unwrap_or_default().replace("坐标", "");
    if has(&["圈号", "环号"]) {
        Some(Column::Ring)
    } else if has(&["点号", "点名", "界址点", "拐点"]) && !has(&["坐标"]) {
        Some(Column::Point)
    } else if has(&["地块名", "宗地名", "项目名"]) {
        Some(Column::ParcelName)
    } else if has(&["地块编号", "地块号", "宗地号", "宗地编号"]) {
        Some(Column::ParcelNumber)
    } else if has(&["纬度", "LATITUDE"]) || letter == "LAT" {
        Some(Column::Latitude)
    } else if has(&["经度", "LONGITUDE"]) || matches!(letter.as_str(), "LON" | "LNG") {
        Some(Column::Longitude)
    } else if has(&["纵", "北坐标", "NORTHING"]) || matches!(letter.as_str(), "X" | "N" | "X值") {
        Some(Column::Northing)
    } else if has(&["横", "东坐标", "EASTING"]) || matches!(letter.as_str(), "Y" | "E" | "Y值") {
        Some(Column::Easting)
    } else {
        None
    }
}

/// The columns of a header row, where it is one.
struct Header {
    columns: Vec<(u32, Column)>,
}

impl Header {
    fn of(row: &BTreeMap<u32, String>) -> Option<Self> {
        let mut columns: Vec<(u32, Column)> = Vec::new();
        for (position, text) in row {
            if let Some(column) = column_of(text)
                && columns.iter().all(|(_, known)| *known != column)
            {
                columns.push((*position, column));
            }
        }
        let header = Self { columns };
        let pair = |a, b| header.position(a).is_some() && header.position(b).is_some();
        (pair(Column::Northing, Column::Easting) || pair(Column::Latitude, Column::Longitude)).then_some(header)
    }

    fn position(&self, column: Column) -> Option<u32> {
        self.columns.iter().find(|(_, known)| *known == column).map(|(position, _)| *position)
    }

    fn text<'r>(&self, row: &'r BTreeMap<u32, String>, column: Column) -> &'r str {
        self.position(column).and_then(|position| row.get(&position)).map_or("", String::as_str)
    }
}

/// One sheet; none of its business where it has no coordinate columns.
fn table(draft: &mut Draft, sheet: &str, rows: &BTreeMap<u32, BTreeMap<u32, String>>) -> Result<(), AnalysisError> {
    let Some((header_row, header)) =
        rows.range(..MAX_HEADER_ROW).find_map(|(number, row)| Some((*number, Header::of(row)?)))
    else {
        return Ok(());
    };
    let degrees = header.position(Column::Northing).is_none();
    draft.stated.degrees |= degrees;
    let (north, east) =
        if degrees { (Column::Latitude, Column::Longitude) } else { (Column::Northing, Column::Easting) };
    let mut growing = Growing::default();
    let mut points = 0;
    for (number, row) in rows.range(header_row + 1..) {
        let (north, east) = (header.text(row, north), header.text(row, east));
        if north.is_empty() && east.is_empty() || Header::of(row).is_some() {
            continue;
        }
        let (Ok(north), Ok(east)) = (north.parse::<f64>(), east.parse::<f64>()) else {
            return Err(refused(
                format!("工作表“{sheet}”第 {} 行坐标不是数", number + 1),
                format!("sheet {sheet}, row {}: a coordinate is not a number", number + 1),
            ));
        };
        points += 1;
        if points > MAX_POINTS {
            return Err(refused("界址点过多", "too many points"));
        }
        let name = match header.text(row, Column::Point) {
            "" => format!("第{}行", number + 1),
            name => name.to_owned(),
        };
        let keys = [Column::ParcelName, Column::ParcelNumber, Column::Ring].map(|column| header.text(row, column));
        growing.add(keys, DraftPoint { name, at: [east, north] });
    }
    let has_name = header.position(Column::ParcelName).is_some();
    for mut parcel in growing.parcels {
        if !has_name && parcel.facts.name.is_empty() {
            sheet.clone_into(&mut parcel.facts.name);
        }
        draft.parcels.push(parcel);
    }
    Ok(())
}

/// Parcels as their rows come.
#[derive(Default)]
struct Growing {
    parcels: Vec<DraftParcel>,
    ring: String,
    closed: bool,
}

impl Growing {
    /// Merged cells name parcel and ring in their first row only: an empty key is the one above.
    fn add(&mut self, [name, number, ring]: [&str; 3], point: DraftPoint) {
        let is_same = |key: &str, known: &str| key.is_empty() || key == known;
        let same_parcel = self
            .parcels
            .last()
            .is_some_and(|last| is_same(name, &last.facts.name) && is_same(number, &last.facts.number));
        if !same_parcel {
            let facts = RedParcel { name: name.to_owned(), number: number.to_owned(), ..RedParcel::default() };
            self.parcels.push(DraftParcel { facts, rings: Vec::new() });
            self.ring.clear();
        }
        let parcel = self.parcels.last_mut().expect("one was just put there");
        let same_ring = is_same(ring, &self.ring) && !self.closed && !parcel.rings.is_empty();
        if !same_ring {
            ring.clone_into(&mut self.ring);
            let number = if ring.is_empty() { (parcel.rings.len() + 1).to_string() } else { ring.to_owned() };
            parcel.rings.push(DraftRing { number, points: Vec::new() });
        }
        let points = &mut parcel.rings.last_mut().expect("one was just put there").points;
        self.closed = points.len() > 2
            && points.first().is_some_and(|first| first.at.map(f64::to_bits) == point.at.map(f64::to_bits));
        points.push(point);
    }
}
