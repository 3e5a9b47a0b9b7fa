//! What a height is counted from, and the two ways to leave it: a stated offset or a geoid grid.
//!
//! Never guessed: a height nobody described is [`HeightDatum::Unknown`] and stays so. No coordinate operation
//! touches it; the caller applies a [`HeightShift`] on purpose and records it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::GeodesyError;

/// Surface that heights count from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum HeightDatum {
    /// The ellipsoid (GNSS heights).
    Ellipsoidal,
    /// 1985 national height datum (EPSG:5737).
    Normal1985,
    /// EGM96 geoid (EPSG:5773).
    Egm96,
    /// Another one, by the name it came with.
    Other(String),
    /// Nobody said.
    #[default]
    Unknown,
}

impl HeightDatum {
    /// The datum of a vertical reference frame's name as PROJ writes it.
    #[must_use]
    pub fn from_vertical_datum_name(name: &str) -> Self {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        match plain.as_str() {
            "yellowsea1985" | "dyellowsea1985" | "vyellowsea1985" | "yellowsea1985height" => Self::Normal1985,
            "egm96geoid" | "egm96" | "egm96height" => Self::Egm96,
            "" | "unknown" | "unspecified" | "notknown" => Self::Unknown,
            "ellipsoid" | "ellipsoidal" | "ellipsoidalheight" => Self::Ellipsoidal,
            _ => Self::Other(name.to_owned()),
        }
    }
}

impl fmt::Display for HeightDatum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ellipsoidal => f.write_str("ellipsoidal"),
            Self::Normal1985 => f.write_str("normal_1985"),
            Self::Egm96 => f.write_str("egm96"),
            Self::Other(name) => write!(f, "other:{name}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl From<HeightDatum> for String {
    fn from(datum: HeightDatum) -> Self {
        datum.to_string()
    }
}

impl From<String> for HeightDatum {
    fn from(text: String) -> Self {
        match text.as_str() {
            "ellipsoidal" => Self::Ellipsoidal,
            "normal_1985" => Self::Normal1985,
            "egm96" => Self::Egm96,
            "unknown" | "" => Self::Unknown,
            _ => Self::Other(text.strip_prefix("other:").unwrap_or(&text).to_owned()),
        }
    }
}

impl FromStr for HeightDatum {
    type Err = std::convert::Infallible;

    /// Reads what [`fmt::Display`] writes; any other word is kept as [`HeightDatum::Other`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::from(text.trim().to_owned()))
    }
}

/// How heights move to another datum.
#[derive(Debug, Clone, PartialEq)]
pub enum HeightShift {
    /// Metres to add, the same everywhere (`--height-offset`).
    Offset {
        /// Metres.
        metres: f64,
    },
    /// Geoid separation from a grid (`--geoid`): subtracted from ellipsoidal heights, or added to get them.
    Geoid {
        /// The grid.
        grid: GeoidGrid,
        /// True where the result is an ellipsoidal height.
        to_ellipsoidal: bool,
    },
}

impl HeightShift {
    /// The height moved, in metres, at a place in degrees.
    pub fn apply_m(&self, lon_lat_deg: [f64; 2], height_m: f64) -> Result<f64, GeodesyError> {
        Ok(match self {
            Self::Offset { metres } => height_m + metres,
            Self::Geoid { grid, to_ellipsoidal } => {
                let separation_m = grid.separation_m(lon_lat_deg)?;
                if *to_ellipsoidal { height_m + separation_m } else { height_m - separation_m }
            }
        })
    }
}

/// Geoid separations on a regular grid, bilinear between its nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct GeoidGrid {
    south_west_deg: [f64; 2],
    step_deg: [f64; 2],
    columns: usize,
    rows: usize,
    /// Row by row from the south, west to east; NaN where the grid has no value.
    separation_m: Vec<f32>,
}

/// What NOAA's GTX files write where there is no value.
const GTX_NO_VALUE: f32 = -88.8888;

impl GeoidGrid {
    /// Reads a GTX grid: 40 bytes of header (south, west, step north, step east as big-endian f64, rows and
    /// columns as big-endian i32), then big-endian f32 rows from the south. Source: NOAA `VDatum` documentation.
    pub fn from_gtx(bytes: &[u8]) -> Result<Self, GeodesyError> {
        let refuse = |reason: &str| GeodesyError::Geoid { reason: reason.to_owned() };
        let (header, body) =
            bytes.split_at_checked(40).ok_or_else(|| refuse("文件不足 40 字节 (shorter than its header)"))?;
        let (eights, _) = header.as_chunks::<8>();
        let [south, west, step_lat, step_lon] = std::array::from_fn(|i| f64::from_be_bytes(eights[i]));
        let [rows, columns] = std::array::from_fn(|i| {
            let (fours, _) = header.as_chunks::<4>();
            usize::try_from(i32::from_be_bytes(fours[8 + i])).unwrap_or(0)
        });
        let sane = [south, west].iter().all(|v| v.abs() <= 360.0)
            && [step_lat, step_lon].iter().all(|v| *v > 0.0 && *v <= 10.0);
        if !sane || rows < 2 || columns < 2 {
            return Err(refuse("不是 GTX 格网 (not a GTX grid)"));
        }
        if rows.checked_mul(columns).and_then(|n| n.checked_mul(4)) != Some(body.len()) {
            return Err(refuse("文件长度与行列数不符 (length does not match its rows and columns)"));
        }
        let (values, _) = body.as_chunks::<4>();
        let separation_m = values
            .iter()
            .map(|four| f32::from_be_bytes(*four))
            .map(|v| if (v - GTX_NO_VALUE).abs() < 1e-3 { f32::NAN } else { v })
            .collect();
        Ok(Self { south_west_deg: [west, south], step_deg: [step_lon, step_lat], columns, rows, separation_m })
    }

    /// Height of the geoid above the ellipsoid, metres, at a place in degrees.
    pub fn separation_m(&self, [lon, lat]: [f64; 2]) -> Result<f64, GeodesyError> {
        let outside =
            || GeodesyError::Geoid { reason: format!("({lon:.4}, {lat:.4}) 不在格网内 (outside the grid)") };
        // Grids may count longitude from 0 to 360.
        let east_of_west = (lon - self.south_west_deg[0]).rem_euclid(360.0);
        let column = east_of_west / self.step_deg[0];
        let row = (lat - self.south_west_deg[1]) / self.step_deg[1];
        let inside = |v: f64, count: usize| v >= 0.0 && v <= (count - 1) as f64;
        if !inside(column, self.columns) || !inside(row, self.rows) {
            return Err(outside());
        }
        let (i, j) = ((column as usize).min(self.columns - 2), (row as usize).min(self.rows - 2));
        let at = |i: usize, j: usize| f64::from(self.separation_m[j * self.columns + i]);
        let (fx, fy) = (column - i as f64, row - j as f64);
        let south = at(i, j) * (1.0 - fx) + at(i + 1, j) * fx;
        let north = at(i, j + 1) * (1.0 - fx) + at(i + 1, j + 1) * fx;
        let value = south * (1.0 - fy) + north * fy;
        if value.is_finite() { Ok(value) } else { Err(outside()) }
    }
}
