//! All tiles of a feature set between two zooms, in parallel and in the order an archive wants them.
//!
//! The tiles of a zoom are made block by block (16 x 16 tiles): a block's shapes are simplified once and halved towards
//! its tiles, so that a county's outline is not clipped whole for every tile. Blocks go out along the Hilbert curve, so
//! tile ids ascend and memory holds a few blocks only.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::RangeInclusive;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use geodesy::grid::TileCoord;
use rayon::prelude::*;

use super::cut::{CutOptions, Cutter, coarser};
use super::feature_set::{Member, Shape};
use super::{EXTENT, FeatureSet};
use crate::TilesError;

/// Levels from a block to its tiles.
const BLOCK_LEVELS: u8 = 4;

/// Blocks of one zoom; more would be over 25 million tiles.
const MAX_BLOCKS: usize = 100_000;

/// What a pyramid came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PyramidReport {
    /// Tiles made.
    pub tiles: u64,
    /// Their compressed size.
    pub bytes: u64,
    /// Tiles that lost features to their size limit.
    pub reduced_tiles: u64,
    /// Features left out of such tiles, counted once for each tile.
    pub dropped: u64,
}

/// A finished tile: gzip-compressed MVT.
struct Finished {
    id: u64,
    tile: TileCoord,
    gzip: Vec<u8>,
    dropped: usize,
}

/// Makes every tile of `zooms` that holds something and hands it (as gzip) to `sink`, in ascending `PMTiles` id.
///
/// # Errors
/// When `zooms` reaches over the set's largest zoom, the pyramid would be unreasonably large, an id is not below
/// [`super::MAX_ID`], or `sink` fails.
pub fn build(
    set: &FeatureSet,
    layer: &str,
    zooms: RangeInclusive<u8>,
    options: &CutOptions,
    sink: &mut dyn FnMut(TileCoord, Vec<u8>) -> Result<(), TilesError>,
) -> Result<PyramidReport, TilesError> {
    if *zooms.end() > set.max_zoom() || *zooms.start() < set.grid.min_zoom() {
        return Err(TilesError::Argument {
            reason: format!("zooms {zooms:?} of a set made for {} to {}", set.grid.min_zoom(), set.max_zoom()),
        });
    }
    let mut report = PyramidReport::default();
    for zoom in zooms {
        let blocks = blocks_of(set, zoom)?;
        let at_once = 4 * rayon::current_num_threads();
        for batch in blocks.chunks(at_once) {
            let finished: Vec<Vec<Finished>> = batch
                .par_iter()
                .map(|(block, members)| build_block(set, layer, zoom, *block, members, options))
                .collect::<Result<_, _>>()?;
            for tile in finished.into_iter().flatten() {
                report.tiles += 1;
                report.bytes += tile.gzip.len() as u64;
                report.reduced_tiles += u64::from(tile.dropped > 0);
                report.dropped += tile.dropped as u64;
                sink(tile.tile, tile.gzip)?;
            }
        }
    }
    Ok(report)
}

/// The `PMTiles` id of a tile. The `c` grid is half a square and fits into the same numbering.
fn archive_id(tile: TileCoord) -> Result<u64, TilesError> {
    pmtiles::TileCoord::new(tile.z, tile.x, tile.y)
        .map(|coord| pmtiles::TileId::from(coord).value())
        .map_err(|source| TilesError::codec("PMTiles", source))
}

/// The blocks of a zoom that features touch, along the Hilbert curve, with those features' indices.
fn blocks_of(set: &FeatureSet, zoom: u8) -> Result<Vec<(TileCoord, Vec<usize>)>, TilesError> {
    let block_zoom = zoom.saturating_sub(BLOCK_LEVELS).max(set.grid.min_zoom()).min(zoom);
    let block_bits = set.shift(block_zoom) + EXTENT.ilog2();
    let (columns, rows) = set.grid.matrix_size(block_zoom);
    // A feature just outside a block can still be in its tiles' buffers; clipping decides.
    let margin = i64::from(EXTENT) << set.shift(zoom).min(40);
    let mut blocks: BTreeMap<u64, (TileCoord, Vec<usize>)> = BTreeMap::new();
    for (index, member) in set.members.iter().enumerate() {
        let range = |axis: usize, count: u32| {
            let last = i64::from(count) - 1;
            let low = (member.hull.min[axis] - margin) >> block_bits;
            let high = (member.hull.max[axis] + margin) >> block_bits;
            (high >= 0 && low <= last).then(|| low.clamp(0, last) as u32..=high.clamp(0, last) as u32)
        };
        let (Some(xs), Some(ys)) = (range(0, columns), range(1, rows)) else {
            continue;
        };
        for y in ys {
            for x in xs.clone() {
                let block = TileCoord { z: block_zoom, x, y };
                let (_, members) = blocks.entry(archive_id(block)?).or_insert_with(|| (block, Vec::new()));
                members.push(index);
                if blocks.len() > MAX_BLOCKS {
                    return Err(TilesError::TooLarge {
                        format: "MVT",
                        what: "number of tiles; use a smaller maximum zoom",
                        size: (blocks.len() as u64) << (2 * u32::from(zoom - block_zoom)),
                        limit: (MAX_BLOCKS as u64) << (2 * u32::from(zoom - block_zoom)),
                    });
                }
            }
        }
    }
    Ok(blocks.into_values().collect())
}

/// A member with what is left of its shape.
type Piece<'a> = (&'a Member, Arc<Shape>);

fn build_block(
    set: &FeatureSet,
    layer: &str,
    zoom: u8,
    block: TileCoord,
    members: &[usize],
    options: &CutOptions,
) -> Result<Vec<Finished>, TilesError> {
    let shift = set.shift(zoom);
    let tolerance = options.tolerance_at(zoom, set.max_zoom());
    let keep = options.kept_box(block, u32::from(zoom - block.z));
    let pieces: Vec<Piece<'_>> = members
        .iter()
        .map(|&index| &set.members[index])
        .filter(|member| keep.touches(&coarser(&member.hull, shift)))
        .filter_map(|member| Some((member, Arc::new(member.shape(tolerance, shift)?))))
        .collect();
    let mut cut = BlockCut { set, layer, zoom, options, finished: Vec::new() };
    cut.divide(block, pieces)?;
    cut.finished.sort_by_key(|tile| tile.id);
    Ok(cut.finished)
}

struct BlockCut<'a> {
    set: &'a FeatureSet,
    layer: &'a str,
    zoom: u8,
    options: &'a CutOptions,
    finished: Vec<Finished>,
}

impl BlockCut<'_> {
    /// Halves pieces towards the tiles below `at`; recursion is at most [`BLOCK_LEVELS`] deep.
    fn divide(&mut self, at: TileCoord, pieces: Vec<Piece<'_>>) -> Result<(), TilesError> {
        let levels_down = u32::from(self.zoom - at.z);
        let keep = self.options.kept_box(at, levels_down);
        let inside: Vec<Piece<'_>> = pieces
            .into_iter()
            .filter(|(_, shape)| keep.touches(&shape.hull))
            .filter_map(|(member, shape)| {
                if keep.encloses(&shape.hull) {
                    Some((member, shape))
                } else {
                    Some((member, Arc::new(shape.clip(&keep)?)))
                }
            })
            .collect();
        if inside.is_empty() {
            return Ok(());
        }
        if levels_down == 0 {
            return self.finish(at, &inside);
        }
        for (east, south) in [(0, 0), (0, 1), (1, 1), (1, 0)] {
            let child = TileCoord { z: at.z + 1, x: 2 * at.x + east, y: 2 * at.y + south };
            self.divide(child, inside.clone())?;
        }
        Ok(())
    }

    fn finish(&mut self, tile: TileCoord, pieces: &[Piece<'_>]) -> Result<(), TilesError> {
        let pieces = pieces.iter().map(|(member, shape)| (*member, shape.as_ref())).collect();
        let shift = self.set.shift(self.zoom);
        let cutter = Cutter { layer: self.layer, tile, max_zoom: self.set.max_zoom(), shift, options: self.options };
        if let Some(cut) = cutter.cut(pieces)? {
            self.finished.push(Finished { id: archive_id(tile)?, tile, gzip: gzip(&cut.bytes)?, dropped: cut.dropped });
        }
        Ok(())
    }
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>, TilesError> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(|source| TilesError::codec("gzip", source))
}
