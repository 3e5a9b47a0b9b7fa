//! The elevation file of the catalogue: single-precision heights on the grid and in the CRS they were delivered in.
//!
//! Samples are stored as they are given; only the overviews are means. No data is NaN, so that no delivered height can be
//! mistaken for it. Deflate with the floating-point predictor: smaller than plain, and every program reads it.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression as Effort;
use flate2::write::ZlibEncoder;
use geodesy::Crs;
use rayon::prelude::*;

use super::codec::predict_floats;
use super::file::{Kind, LevelFile, Spill, assemble};
use super::geo::{GeoTags, GeoTransform};
use super::layout::{Compression, photometric};
use super::write_imagery::SourceError;
use crate::TilesError;

/// Side of a tile in pixels.
const SIDE: usize = 512;

/// Columns or rows of the largest grid.
const MAX_SIDE_PX: u32 = 1 << 20;

/// What fills rows of a grid, from the row of that number on.
pub type ElevationSource<'a> = dyn FnMut(u32, &mut [f32]) -> Result<(), SourceError> + Send + 'a;

/// The grid heights were delivered on.
#[derive(Debug, Clone)]
pub struct ElevationGrid {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// From pixel corners to the CRS.
    pub transform: GeoTransform,
    /// The CRS.
    pub crs: Crs,
}

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub struct ElevationReport {
    /// Lowest and highest value; `None` when there is no data at all.
    pub range: Option<[f32; 2]>,
    /// Pixels with data.
    pub pixels: u64,
    /// Size of the file.
    pub bytes: u64,
}

/// Writes the elevation file of a grid.
///
/// `source` fills consecutive rows, north to south, up to 512 at a time: it is given the first row's number and the
/// values to fill, row by row, NaN where there is no data. Infinite values are taken for no data.
///
/// # Errors
/// When the grid is empty or over 2^20 pixels a side, `source` fails, or the file cannot be written.
pub fn write_elevation(
    path: &Path,
    grid: &ElevationGrid,
    source: &mut ElevationSource<'_>,
) -> Result<ElevationReport, TilesError> {
    if !(1..=MAX_SIDE_PX).contains(&grid.width) || !(1..=MAX_SIDE_PX).contains(&grid.height) {
        return Err(TilesError::Argument { reason: format!("a grid of {} x {}", grid.width, grid.height) });
    }
    let mut levels = Vec::new();
    let mut size = [grid.width, grid.height];
    loop {
        levels.push(LevelWriter::new(path, size)?);
        if size.iter().all(|side| *side as usize <= SIDE) {
            break;
        }
        size = size.map(|side| side.div_ceil(2));
    }
    let width = grid.width as usize;
    let mut report = ElevationReport { range: None, pixels: 0, bytes: 0 };
    let mut read = |first: u32| -> Result<Vec<f32>, TilesError> {
        let rows = (grid.height - first).min(SIDE as u32) as usize;
        let mut values = vec![f32::NAN; rows * width];
        source(first, &mut values).map_err(|source| TilesError::codec("pixel source", source))?;
        values.iter_mut().filter(|value| value.is_infinite()).for_each(|value| *value = f32::NAN);
        Ok(values)
    };
    let mut strip = read(0)?;
    for first in (0..grid.height).step_by(SIDE) {
        for value in strip.iter().filter(|value| !value.is_nan()) {
            let [low, high] = report.range.get_or_insert([*value; 2]);
            (*low, *high) = (low.min(*value), high.max(*value));
            report.pixels += 1;
        }
        let next = first + SIDE as u32;
        let (written, read) = rayon::join(
            || push_rows(&mut levels, &strip),
            || if next >= grid.height { Ok(Vec::new()) } else { read(next) },
        );
        written?;
        strip = read?;
    }
    let kind = Kind {
        bands: 1,
        bits: 32,
        sample_format: 3,
        compression: Compression::Deflate,
        predictor: 3,
        photometric: photometric::BLACK_IS_ZERO,
        has_alpha: false,
        tile_side: SIDE as u32,
        nodata: Some("nan"),
    };
    let files = levels.into_iter().map(LevelWriter::into_file).collect();
    report.bytes = assemble(path, &kind, GeoTags::new(&grid.crs, &grid.transform), files)?;
    Ok(report)
}

/// One level while it is being made.
struct LevelWriter {
    size: [u32; 2],
    /// Rows that wait for a full row of tiles.
    strip: Vec<f32>,
    next_tile_row: u32,
    rows_taken: u32,
    spill: Spill,
}

impl LevelWriter {
    fn new(path: &Path, size: [u32; 2]) -> Result<Self, TilesError> {
        let [columns, rows] = size.map(|side| side.div_ceil(SIDE as u32));
        Ok(Self {
            size,
            strip: Vec::new(),
            next_tile_row: 0,
            rows_taken: 0,
            spill: Spill::beside(path, columns, rows)?,
        })
    }

    fn into_file(self) -> LevelFile {
        LevelFile { width: self.size[0], height: self.size[1], spill: self.spill }
    }

    fn encode_strip(&mut self, strip: &[f32]) -> Result<(), TilesError> {
        let width = self.size[0] as usize;
        let tiles: Vec<Option<Vec<u8>>> = (0..width.div_ceil(SIDE))
            .into_par_iter()
            .map(|column| encode_tile(strip, width, column * SIDE))
            .collect::<Result<_, _>>()?;
        for (column, tile) in (0..).zip(tiles) {
            if let Some(tile) = tile {
                self.spill.add(column, self.next_tile_row, &tile)?;
            }
        }
        self.next_tile_row += 1;
        Ok(())
    }
}

/// Takes rows into the first level; full rows of tiles are encoded and halved into the next.
fn push_rows(levels: &mut [LevelWriter], rows: &[f32]) -> Result<(), TilesError> {
    let Some((level, above)) = levels.split_first_mut() else {
        return Ok(());
    };
    let width = level.size[0] as usize;
    level.strip.extend_from_slice(rows);
    level.rows_taken += (rows.len() / width) as u32;
    let is_end = level.rows_taken == level.size[1];
    let full = SIDE * width;
    while level.strip.len() >= full || (is_end && !level.strip.is_empty()) {
        let rest = level.strip.split_off(full.min(level.strip.len()));
        let strip = std::mem::replace(&mut level.strip, rest);
        level.encode_strip(&strip)?;
        push_rows(above, &halve(&strip, width))?;
    }
    Ok(())
}

/// Means of two by two pixels that have data.
fn halve(strip: &[f32], width: usize) -> Vec<f32> {
    let lines: Vec<&[f32]> = strip.chunks_exact(width).collect();
    lines
        .par_chunks(2)
        .flat_map_iter(|pair| {
            (0..width.div_ceil(2)).map(move |x| {
                let (mut sum, mut count) = (0.0, 0.0);
                for line in pair {
                    for value in line[2 * x..].iter().take(2).filter(|value| !value.is_nan()) {
                        sum += f64::from(*value);
                        count += 1.0;
                    }
                }
                (sum / count) as f32
            })
        })
        .collect()
}

/// One tile of a strip, filled up with NaN over the edges; `None` when it holds no data.
fn encode_tile(strip: &[f32], width: usize, left: usize) -> Result<Option<Vec<u8>>, TilesError> {
    let mut bytes = Vec::with_capacity(SIDE * SIDE * 4);
    let mut any = false;
    let mut lines = strip.chunks_exact(width);
    let mut row = vec![f32::NAN; SIDE];
    for _ in 0..SIDE {
        row.fill(f32::NAN);
        if let Some(line) = lines.next() {
            let line = &line[left..(left + SIDE).min(width)];
            row[..line.len()].copy_from_slice(line);
            any |= line.iter().any(|value| !value.is_nan());
        }
        predict_floats(&row, &mut bytes);
    }
    if !any {
        return Ok(None);
    }
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 2), Effort::default());
    encoder
        .write_all(&bytes)
        .and_then(|()| encoder.finish())
        .map(Some)
        .map_err(|source| TilesError::codec("Deflate", source))
}
