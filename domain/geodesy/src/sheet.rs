//! Map-sheet numbers (分幅编号) of the national basic scales, both ways.
//!
//! GB/T 13989-2012: the world is cut into 1:1,000,000 sheets of 4 degrees by 6, a letter from the equator north
//! and a number from 180 W east; larger scales divide a sheet into equal rows (from the north) and columns (from
//! the west). Not here: the 50 x 50 cm rectangles of city surveys, which are named by their corner.

use std::{fmt, str::FromStr};

use crate::GeodesyError;

/// Scale of a national map series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SheetScale {
    /// 1:1,000,000.
    Million,
    /// 1:500,000 (B).
    K500,
    /// 1:250,000 (C).
    K250,
    /// 1:100,000 (D).
    K100,
    /// 1:50,000 (E).
    K50,
    /// 1:25,000 (F).
    K25,
    /// 1:10,000 (G).
    K10,
    /// 1:5,000 (H).
    K5,
    /// 1:2,000 (I).
    K2,
    /// 1:1,000 (J).
    K1,
    /// 1:500 (K).
    Half,
}

/// Letter, rows (equal to columns) in a 1:1,000,000 sheet, digits per number, denominator.
const SCALES: [(SheetScale, Option<char>, u32, usize, u32); 11] = [
    (SheetScale::Million, None, 1, 0, 1_000_000),
    (SheetScale::K500, Some('B'), 2, 3, 500_000),
    (SheetScale::K250, Some('C'), 4, 3, 250_000),
    (SheetScale::K100, Some('D'), 12, 3, 100_000),
    (SheetScale::K50, Some('E'), 24, 3, 50_000),
    (SheetScale::K25, Some('F'), 48, 3, 25_000),
    (SheetScale::K10, Some('G'), 96, 3, 10_000),
    (SheetScale::K5, Some('H'), 192, 3, 5_000),
    (SheetScale::K2, Some('I'), 576, 3, 2_000),
    (SheetScale::K1, Some('J'), 1152, 4, 1_000),
    (SheetScale::Half, Some('K'), 2304, 4, 500),
];
/// Height and width of a 1:1,000,000 sheet, degrees.
const MILLION_DEG: [f64; 2] = [6.0, 4.0];
/// Letters A to V reach 88 N.
const LETTERS: u32 = 22;
const COLUMNS: u32 = 60;
/// A place this close to a sheet's edge, in sheets, lies on it.
const ON_EDGE: f64 = 1e-9;

impl SheetScale {
    /// Every scale, from 1:1,000,000 to 1:500.
    pub fn all() -> impl Iterator<Item = Self> {
        SCALES.iter().map(|row| row.0)
    }

    /// The n of 1:n.
    #[must_use]
    pub fn denominator(self) -> u32 {
        self.row().4
    }

    fn row(self) -> (Self, Option<char>, u32, usize, u32) {
        *SCALES.iter().find(|row| row.0 == self).expect("every scale has its row")
    }
}

/// One map sheet of the northern hemisphere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sheet {
    scale: SheetScale,
    /// 0 is A.
    million_row: u32,
    /// From 1.
    million_column: u32,
    /// From 1, from the north.
    row: u32,
    /// From 1, from the west.
    column: u32,
}

impl Sheet {
    /// The sheet that holds a place in degrees. West and south edges belong to a sheet.
    pub fn at(lon_lat_deg: [f64; 2], scale: SheetScale) -> Result<Self, GeodesyError> {
        let [lon, lat] = lon_lat_deg;
        if !(-180.0..180.0).contains(&lon) || !(0.0..88.0).contains(&lat) {
            return Err(refuse(&format!("{lon}, {lat}"), "只有北纬 0-88 度有图幅 (sheets exist from 0 to 88 N)"));
        }
        let (_, _, count, _, _) = scale.row();
        let cells_east = (lon + 180.0) / MILLION_DEG[0];
        let cells_north = lat / MILLION_DEG[1];
        // Counted in the smallest unit first, so that an exact edge stays exact.
        let east = (cells_east * f64::from(count) + ON_EDGE) as u32;
        let north = (cells_north * f64::from(count) + ON_EDGE) as u32;
        Ok(Self {
            scale,
            million_row: (north / count).min(LETTERS - 1),
            million_column: (east / count).min(COLUMNS - 1) + 1,
            row: count - north % count,
            column: east % count + 1,
        })
    }

    /// Its scale.
    #[must_use]
    pub const fn scale(&self) -> SheetScale {
        self.scale
    }

    /// `[west, south, east, north]` in degrees.
    #[must_use]
    pub fn bounds_lon_lat_deg(&self) -> [f64; 4] {
        let (_, _, count, _, _) = self.scale.row();
        let east = f64::from((self.million_column - 1) * count + self.column - 1);
        let north = f64::from(self.million_row * count + count - self.row);
        let n = f64::from(count);
        let lon = |cells: f64| cells * MILLION_DEG[0] / n - 180.0;
        let lat = |cells: f64| cells * MILLION_DEG[1] / n;
        [lon(east), lat(north), lon(east + 1.0), lat(north + 1.0)]
    }
}

impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = u8::try_from(self.million_row).map_or('?', |row| char::from(b'A' + row));
        write!(f, "{letter}{:02}", self.million_column)?;
        let (_, code, _, digits, _) = self.scale.row();
        match code {
            None => Ok(()),
            Some(code) => write!(f, "{code}{:0digits$}{:0digits$}", self.row, self.column),
        }
    }
}

impl FromStr for Sheet {
    type Err = GeodesyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || refuse(text, "编号格式有误 (malformed number)");
        let upper = text.trim().to_ascii_uppercase();
        let mut chars = upper.chars();
        let letter = chars.next().ok_or_else(malformed)?;
        let million_row = (u32::from(letter)).wrapping_sub(u32::from('A'));
        let million_column = digits(&mut chars, 2).ok_or_else(malformed)?;
        let code = chars.next();
        let (scale, _, count, width, _) = *SCALES
            .iter()
            .find(|row| row.1 == code)
            .ok_or_else(|| refuse(text, "没有这个比例尺代码 (no such scale letter)"))?;
        let (row, column) = match code {
            None => (1, 1),
            Some(_) => {
                (digits(&mut chars, width).ok_or_else(malformed)?, digits(&mut chars, width).ok_or_else(malformed)?)
            }
        };
        let whole = 1..=count;
        let exists = million_row < LETTERS
            && (1..=COLUMNS).contains(&million_column)
            && whole.contains(&row)
            && whole.contains(&column);
        match (chars.next(), exists) {
            (None, true) => Ok(Self { scale, million_row, million_column, row, column }),
            _ => Err(malformed()),
        }
    }
}

fn digits(chars: &mut std::str::Chars<'_>, count: usize) -> Option<u32> {
    (0..count).try_fold(0, |number, _| Some(number * 10 + chars.next()?.to_digit(10)?))
}

fn refuse(input: &str, reason: &str) -> GeodesyError {
    GeodesyError::Sheet { input: input.chars().take(40).collect(), reason: reason.to_owned() }
}
