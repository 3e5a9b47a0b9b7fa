//! The imagery file of the catalogue: RGB on the Web-Mercator grid, every level of it aligned with the web map's tiles.
//!
//! The full resolution comes row of tiles by row of tiles from the caller; each level below is the mean of two by two
//! pixels, weighed by alpha, and begins where its zoom's tiles begin. For that the file's corner is a tile corner of the
//! coarsest level, and what lies around the picture is left out of the file (tiles without bytes).
//!
//! A TIFF has one compression. A picture that fills every tile of every level is JPEG; any other is `WebP` with alpha as a
//! whole, rather than JPEG beside a mask: the tiles along its border, too, can then be served as they are stored.

use std::ops::Range;
use std::path::Path;

use geodesy::Crs;
use geodesy::grid::{MAX_ZOOM, TileCoord, TileMatrixSet};
use rayon::prelude::*;

use super::encode::{jpeg, webp};
use super::file::{Kind, LevelFile, Spill, assemble};
use super::geo::{GeoTags, GeoTransform};
use super::layout::{Compression, photometric};
use super::passthrough::PictureFormat;
use crate::TilesError;

/// Side of a tile in pixels.
const SIDE: usize = 256;

const GRID: TileMatrixSet = TileMatrixSet::WebMercatorQuad;

/// Pixels in a row of tiles; a wider picture does not fit in the memory this writer promises to keep to.
const MAX_COLUMNS: u32 = 4096;

/// A cause of failure on the side of whoever makes the pixels.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// What fills rows of tiles with RGBA.
pub type ImagerySource<'a> = dyn FnMut(&TileRow, &mut [u8]) -> Result<(), SourceError> + Send + 'a;

/// Which tiles of the `w` grid an imagery file covers at its full resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageryLayout {
    /// Zoom of the full resolution.
    pub zoom: u8,
    /// Tile columns with pixels.
    pub columns: Range<u32>,
    /// Tile rows with pixels.
    pub rows: Range<u32>,
}

/// A row of tiles that is to be filled with pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct TileRow {
    /// `[min_x, min_y, max_x, max_y]` in EPSG:3857 metres.
    pub bounds_m: [f64; 4],
    /// Pixels from west to east.
    pub width_px: u32,
    /// Pixels from north to south.
    pub height_px: u32,
    /// Number of the row, from 0.
    pub index: u32,
    /// Number of rows.
    pub count: u32,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageryReport {
    /// Format of the tiles.
    pub format: PictureFormat,
    /// Zoom of the coarsest level.
    pub min_zoom: u8,
    /// Zoom of the full resolution.
    pub max_zoom: u8,
    /// Tiles over all levels.
    pub tiles: u64,
    /// Size of the file.
    pub bytes: u64,
}

impl ImageryLayout {
    /// The smallest zoom that loses nothing of pixels of `resolution_m` (EPSG:3857 metres per pixel, not ground metres).
    #[must_use]
    pub fn zoom_for_resolution(resolution_m: f64) -> u8 {
        // A millionth of slack, so that a picture on the grid already keeps its zoom.
        (0..MAX_ZOOM).find(|zoom| GRID.resolution(*zoom) <= resolution_m * 1.000_001).unwrap_or(MAX_ZOOM)
    }

    /// The tiles of a zoom that a box in EPSG:3857 metres touches.
    ///
    /// # Errors
    /// When the box is off the grid, or more than 4096 tiles wide.
    pub fn new(zoom: u8, bounds_m: [f64; 4]) -> Result<Self, TilesError> {
        // A box that ends on a tile's edge ends there, whatever the last digit of its sum.
        let slack = GRID.resolution(zoom) * 1e-3;
        let [min_x, min_y, max_x, max_y] = bounds_m;
        let inner = [min_x + slack, min_y + slack, max_x - slack, max_y - slack];
        let Some((north_west, south_east)) = GRID.tile_range(zoom, inner) else {
            return Err(TilesError::Argument { reason: format!("{bounds_m:?} at zoom {zoom} is off the grid") });
        };
        let layout = Self { zoom, columns: north_west.x..south_east.x + 1, rows: north_west.y..south_east.y + 1 };
        if layout.columns.len() as u32 > MAX_COLUMNS {
            return Err(TilesError::TooLarge {
                format: "COG",
                what: "width in tiles",
                size: layout.columns.len() as u64,
                limit: u64::from(MAX_COLUMNS),
            });
        }
        Ok(layout)
    }

    /// Levels below the full one: down to two by two tiles at most.
    fn overviews(&self) -> u8 {
        let across = |range: &Range<u32>, bits: u8| ((range.end - 1) >> bits) - (range.start >> bits) + 1;
        (0..self.zoom)
            .find(|bits| across(&self.columns, *bits) <= 2 && across(&self.rows, *bits) <= 2)
            .unwrap_or(self.zoom)
    }

    /// The same tiles some levels up.
    fn above(&self, levels: u8) -> Self {
        let up = |range: &Range<u32>| range.start >> levels..((range.end - 1) >> levels) + 1;
        Self { zoom: self.zoom - levels, columns: up(&self.columns), rows: up(&self.rows) }
    }

    /// The tiles below the coarsest level's: what the file spans.
    fn padded(&self, overviews: u8) -> Self {
        let top = self.above(overviews);
        let down = |range: &Range<u32>| range.start << overviews..range.end << overviews;
        Self { zoom: self.zoom, columns: down(&top.columns), rows: down(&top.rows) }
    }

    /// Whether pixels in every tile of the full resolution fill the tiles of every level.
    fn fills_every_level(&self) -> bool {
        self.padded(self.overviews()) == *self
    }

    fn row(&self, row: u32) -> TileRow {
        let first = GRID.bounds(TileCoord { z: self.zoom, x: self.columns.start, y: row });
        let last = GRID.bounds(TileCoord { z: self.zoom, x: self.columns.end - 1, y: row });
        TileRow {
            bounds_m: [first[0], first[1], last[2], first[3]],
            width_px: (self.columns.len() * SIDE) as u32,
            height_px: SIDE as u32,
            index: row - self.rows.start,
            count: self.rows.len() as u32,
        }
    }
}

/// Writes the imagery file of a layout.
///
/// `source` fills a row of tiles with RGBA (not premultiplied; it is handed zeros, which mean "nothing"), north to south,
/// while the row before is being encoded. `is_opaque` promises that every pixel of every tile will be opaque.
///
/// Memory is about five rows of tiles: 1 MB for each 100 pixels of width.
///
/// # Errors
/// When `source` fails or breaks its promise, or the file cannot be written.
pub fn write_imagery(
    path: &Path,
    layout: &ImageryLayout,
    is_opaque: bool,
    source: &mut ImagerySource<'_>,
) -> Result<ImageryReport, TilesError> {
    let overviews = layout.overviews();
    let padded = layout.padded(overviews);
    let format = if is_opaque && layout.fills_every_level() { PictureFormat::Jpeg } else { PictureFormat::Webp };
    let mut levels = (0..=overviews)
        .map(|up| LevelWriter::new(path, layout.above(up), &padded.above(up), format))
        .collect::<Result<Vec<_>, _>>()?;
    let mut read = |row: u32| -> Result<Vec<u8>, TilesError> {
        let row = layout.row(row);
        let mut rgba = vec![0; row.width_px as usize * SIDE * 4];
        source(&row, &mut rgba).map_err(|source| TilesError::codec("pixel source", source))?;
        Ok(rgba)
    };
    let mut strip = read(layout.rows.start)?;
    for row in layout.rows.clone() {
        let is_last = row + 1 == layout.rows.end;
        let (written, next) =
            rayon::join(|| push_row(&mut levels, row, &strip), || if is_last { Ok(Vec::new()) } else { read(row + 1) });
        written?;
        strip = next?;
    }
    let has_alpha = format == PictureFormat::Webp;
    let kind = Kind {
        bands: if has_alpha { 4 } else { 3 },
        bits: 8,
        sample_format: 1,
        compression: if has_alpha { Compression::Webp } else { Compression::Jpeg },
        predictor: 1,
        photometric: if has_alpha { photometric::RGB } else { photometric::YCBCR },
        has_alpha,
        tile_side: SIDE as u32,
        nodata: None,
    };
    let corner = GRID.bounds(TileCoord { z: padded.zoom, x: padded.columns.start, y: padded.rows.start });
    let pixel = GRID.resolution(padded.zoom);
    let transform = GeoTransform([corner[0], pixel, 0.0, corner[3], 0.0, -pixel]);
    let tiles = levels.iter().map(|level| level.spill.tiles()).sum();
    let files = levels.into_iter().map(LevelWriter::into_file).collect();
    let bytes = assemble(path, &kind, GeoTags::new(&Crs::web_mercator(), &transform), files)?;
    Ok(ImageryReport { format, min_zoom: layout.zoom - overviews, max_zoom: layout.zoom, tiles, bytes })
}

/// One level while it is being made.
struct LevelWriter {
    /// The tiles that can hold pixels.
    layout: ImageryLayout,
    /// First column and row of the file at this level.
    corner: [u32; 2],
    size_px: [u32; 2],
    /// The row of tiles that the level below fills at present.
    strip: Vec<u8>,
    spill: Spill,
    format: PictureFormat,
}

impl LevelWriter {
    fn new(
        path: &Path,
        layout: ImageryLayout,
        padded: &ImageryLayout,
        format: PictureFormat,
    ) -> Result<Self, TilesError> {
        let (columns, rows) = (padded.columns.len() as u32, padded.rows.len() as u32);
        Ok(Self {
            layout,
            corner: [padded.columns.start, padded.rows.start],
            size_px: [columns * SIDE as u32, rows * SIDE as u32],
            strip: Vec::new(),
            spill: Spill::beside(path, columns, rows)?,
            format,
        })
    }

    /// Encodes a row of tiles.
    fn encode_row(&mut self, row: u32, strip: &[u8]) -> Result<(), TilesError> {
        let columns = self.layout.columns.len();
        let format = self.format;
        let tiles: Vec<Option<Vec<u8>>> = (0..columns)
            .into_par_iter()
            .map(|column| encode_tile(strip, columns, column, format))
            .collect::<Result<_, _>>()?;
        for (column, tile) in self.layout.columns.clone().zip(tiles) {
            if let Some(tile) = tile {
                self.spill.add(column - self.corner[0], row - self.corner[1], &tile)?;
            }
        }
        Ok(())
    }

    fn into_file(self) -> LevelFile {
        LevelFile { width: self.size_px[0], height: self.size_px[1], spill: self.spill }
    }
}

/// Encodes a row of the first level and halves it into the next, whose row follows when it is full.
fn push_row(levels: &mut [LevelWriter], row: u32, strip: &[u8]) -> Result<(), TilesError> {
    let Some((level, above)) = levels.split_first_mut() else {
        return Ok(());
    };
    level.encode_row(row, strip)?;
    let Some(next) = above.first_mut() else {
        return Ok(());
    };
    let columns = next.layout.columns.len();
    if next.strip.is_empty() {
        next.strip = vec![0; columns * SIDE * SIDE * 4];
    }
    let left = level.layout.columns.start as usize * SIDE / 2 - next.layout.columns.start as usize * SIDE;
    let top = (row % 2) as usize * SIDE / 2;
    halve(strip, level.layout.columns.len() * SIDE, &mut next.strip[top * columns * SIDE * 4..], columns * SIDE, left);
    if row % 2 == 1 || row + 1 == level.layout.rows.end {
        let full = std::mem::take(&mut next.strip);
        push_row(above, row / 2, &full)?;
    }
    Ok(())
}

/// Means of two by two pixels of a row of tiles, colours weighed by alpha, into half a row of tiles.
fn halve(from: &[u8], from_width: usize, to: &mut [u8], to_width: usize, left: usize) {
    to.par_chunks_exact_mut(to_width * 4).take(SIDE / 2).enumerate().for_each(|(y, line)| {
        let upper = &from[2 * y * from_width * 4..][..from_width * 4];
        let lower = &from[(2 * y + 1) * from_width * 4..][..from_width * 4];
        let line = &mut line[left * 4..];
        for ((upper, lower), pixel) in upper.chunks_exact(8).zip(lower.chunks_exact(8)).zip(line.chunks_exact_mut(4)) {
            let four = [&upper[..4], &upper[4..], &lower[..4], &lower[4..]];
            let alpha: u32 = four.iter().map(|p| u32::from(p[3])).sum();
            if alpha == 0 {
                continue;
            }
            for band in 0..3 {
                let sum: u32 = four.iter().map(|p| u32::from(p[band]) * u32::from(p[3])).sum();
                pixel[band] = ((sum + alpha / 2) / alpha) as u8;
            }
            pixel[3] = ((alpha + 2) / 4) as u8;
        }
    });
}

/// One tile of a strip; `None` when it is empty.
fn encode_tile(
    strip: &[u8],
    columns: usize,
    column: usize,
    format: PictureFormat,
) -> Result<Option<Vec<u8>>, TilesError> {
    let mut rgba = Vec::with_capacity(SIDE * SIDE * 4);
    for line in strip.chunks_exact(columns * SIDE * 4) {
        rgba.extend_from_slice(&line[column * SIDE * 4..(column + 1) * SIDE * 4]);
    }
    let alphas = || rgba.chunks_exact(4).map(|pixel| pixel[3]);
    if format == PictureFormat::Jpeg {
        if alphas().any(|alpha| alpha < 255) {
            return Err(TilesError::Argument {
                reason: "a picture announced as opaque has a transparent pixel".to_owned(),
            });
        }
        return jpeg(&rgba, SIDE as u32).map(Some);
    }
    if alphas().all(|alpha| alpha == 0) {
        return Ok(None);
    }
    webp(&rgba, SIDE as u32).map(Some)
}
