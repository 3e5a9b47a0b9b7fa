//! One LAZ chunk of a COPC file becomes points.
//!
//! The chunk of a node is decoded by itself, so neither the chunk table nor a seekable file is
//! needed. Layers that are not wanted are skipped: GPS time alone is a third of the work.
//!
//! Source: ASPRS LAS 1.4 R15, point formats 6, 7 and 8; `LASzip` layered chunks (version 3 items): the
//! first point raw, the point count, the size of each layer, the layers.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use laz::record::{LayeredPointRecordDecompressor, RecordDecompressor as _};
use laz::{DecompressionSelection, LazItemType, LazVlr};

use super::las_header::{Fields, LasHeader};
use super::{CopcError, Node};

/// A node with more points is refused: it would need gigabytes at once. Writers stay near 10^5.
pub const NODE_POINTS_MAX: u32 = 30_000_000;

/// Which fields of the points are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Every field of [`NodePoints`].
    All,
    /// Position, colour, classification, intensity and returns: what a picture shows. No GPS time.
    Display,
}

/// Points of one node, field by field; every list is as long as `xyz`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodePoints {
    /// Coordinates in the file's CRS and units: x = easting or longitude, y, z.
    pub xyz: Vec<[f64; 3]>,
    /// Strength of the return as stored.
    pub intensity: Vec<u16>,
    /// ASPRS class.
    pub classification: Vec<u8>,
    /// Which return of the pulse, from 1.
    pub return_number: Vec<u8>,
    /// How many returns the pulse had.
    pub return_count: Vec<u8>,
    /// Red, green, blue as stored; `None` where the point format has no colour.
    pub rgb: Option<Vec<[u16; 3]>>,
    /// GPS time in the file's time system; `None` where it was not wanted.
    pub gps_time_s: Option<Vec<f64>>,
}

impl NodePoints {
    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.xyz.len()
    }

    /// Whether there is no point.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.xyz.is_empty()
    }
}

/// Decodes the chunk `bytes` of `node`.
///
/// # Errors
/// [`CopcError::Node`] where the chunk is not what header and hierarchy say.
pub(super) fn decode(
    header: &LasHeader,
    laz: &LazVlr,
    node: &Node,
    bytes: &[u8],
    wanted: Wanted,
) -> Result<NodePoints, CopcError> {
    if node.points == 0 {
        return Ok(NodePoints::default());
    }
    let damaged = |what| CopcError::Node { key: node.key, what, source: None };
    if node.points > NODE_POINTS_MAX {
        return Err(damaged("too many points"));
    }
    let record_bytes = usize::from(header.point_record_bytes);
    check_chunk(laz, record_bytes, node.points, bytes).ok_or_else(|| damaged("chunk layout"))?;

    // The decoder is a third party's and its tables are indexed by what the bytes say.
    let run = || decode_checked(header, laz, node.points as usize, bytes, wanted);
    catch_unwind(AssertUnwindSafe(run))
        .map_err(|_panic_payload| damaged("LAZ decoder"))?
        .map_err(|source| CopcError::Node { key: node.key, what: "LAZ data", source: Some(source) })
}

/// Whether first point, count and layers make up the chunk to its last byte.
fn check_chunk(laz: &LazVlr, record_bytes: usize, points: u32, bytes: &[u8]) -> Option<()> {
    let fields = Fields(bytes.get(record_bytes..)?);
    if fields.u32(0)? != points {
        return None;
    }
    let layers: usize = laz.items().iter().map(|item| layer_count(item.item_type())).sum();
    let mut layer_bytes = 0_u64;
    for layer in 0..layers {
        layer_bytes += u64::from(fields.u32(4 + 4 * layer)?);
    }
    let whole = (record_bytes + 4 + 4 * layers) as u64 + layer_bytes;
    (whole <= bytes.len() as u64).then_some(())
}

/// Layers of one item, in `LASzip`'s order.
fn layer_count(item: LazItemType) -> usize {
    match item {
        LazItemType::Point14 => 9,
        LazItemType::RGBNIR14 => 2,
        LazItemType::Byte14(count) => usize::from(count),
        _ => 1,
    }
}

fn decode_checked(
    header: &LasHeader,
    laz: &LazVlr,
    points: usize,
    bytes: &[u8],
    wanted: Wanted,
) -> Result<NodePoints, std::io::Error> {
    let mut decoder = LayeredPointRecordDecompressor::new(Cursor::new(bytes));
    decoder.set_fields_from(laz.items()).map_err(std::io::Error::other)?;
    decoder.set_selection(match wanted {
        Wanted::All => DecompressionSelection::all(),
        Wanted::Display => DecompressionSelection::base()
            .decompress_z()
            .decompress_classification()
            .decompress_intensity()
            .decompress_rgb(),
    });
    let has_color = header.has_color();
    let mut out = NodePoints {
        xyz: Vec::with_capacity(points),
        intensity: Vec::with_capacity(points),
        classification: Vec::with_capacity(points),
        return_number: Vec::with_capacity(points),
        return_count: Vec::with_capacity(points),
        rgb: has_color.then(|| Vec::with_capacity(points)),
        gps_time_s: (wanted == Wanted::All).then(|| Vec::with_capacity(points)),
    };
    // Layered decoding carries the previous record in the buffer: one buffer for all points.
    let mut record = vec![0_u8; usize::from(header.point_record_bytes)];
    for _ in 0..points {
        decoder.decompress_next(&mut record)?;
        push_point(header, &record, &mut out)
            .ok_or_else(|| std::io::Error::other("point record shorter than its format"))?;
    }
    Ok(out)
}

/// Adds the point of a record in format 6, 7 or 8.
fn push_point(header: &LasHeader, record: &[u8], out: &mut NodePoints) -> Option<()> {
    let fields = Fields(record);
    let coordinate = |axis: usize| {
        let stored = fields.i32(4 * axis)?;
        Some(f64::from(stored) * header.scale[axis] + header.offset[axis])
    };
    out.xyz.push([coordinate(0)?, coordinate(1)?, coordinate(2)?]);
    out.intensity.push(fields.u16(12)?);
    let returns = fields.u8(14)?;
    out.return_number.push(returns & 0x0f);
    out.return_count.push(returns >> 4);
    out.classification.push(fields.u8(16)?);
    if let Some(times) = &mut out.gps_time_s {
        times.push(fields.f64(22)?);
    }
    if let Some(rgb) = &mut out.rgb {
        rgb.push([fields.u16(30)?, fields.u16(32)?, fields.u16(34)?]);
    }
    Some(())
}
