//! A TIFF from finished tiles: directories first, then the data, the coarsest level first, as readers by ranges want it.
//!
//! Tiles arrive while the full resolution is still being made, but belong at the end of the file; each level spills into
//! an unnamed file beside the target, so that memory holds sizes only. Classic TIFF below 4 GB, the big one above.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek as _, Write};
use std::path::Path;

use super::geo::GeoTags;
use super::layout::Compression;
use super::tiff::tag;
use crate::TilesError;

/// Offsets of a classic TIFF end at 4 GiB; what the directories take is less than the rest.
const CLASSIC_LIMIT: u64 = (4 << 30) - (64 << 20);

/// The finished tiles of one level.
pub(super) struct Spill {
    file: BufWriter<File>,
    columns: u32,
    /// Size of each tile, row by row; 0 where there is none.
    sizes: Vec<u32>,
    next: usize,
    bytes: u64,
}

impl Spill {
    /// A spill beside the file that is to be written.
    pub(super) fn beside(path: &Path, columns: u32, rows: u32) -> Result<Self, TilesError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let file = tempfile::tempfile_in(folder).map_err(|source| failed(folder, source))?;
        Ok(Self {
            file: BufWriter::with_capacity(1 << 20, file),
            columns,
            sizes: vec![0; columns as usize * rows as usize],
            next: 0,
            bytes: 0,
        })
    }

    /// Adds the tile at a place after all places before.
    pub(super) fn add(&mut self, column: u32, row: u32, tile: &[u8]) -> Result<(), TilesError> {
        let index = row as usize * self.columns as usize + column as usize;
        let size = u32::try_from(tile.len()).map_err(|source| TilesError::codec("TIFF", source))?;
        match self.sizes.get_mut(index) {
            Some(place) if index >= self.next => *place = size,
            _ => return Err(TilesError::Argument { reason: format!("tile {column}, {row} out of order") }),
        }
        self.next = index + 1;
        self.bytes += u64::from(size);
        self.file.write_all(tile).map_err(|source| failed(Path::new("spill"), source))
    }

    /// Number of tiles that hold something.
    pub(super) fn tiles(&self) -> u64 {
        self.sizes.iter().filter(|size| **size > 0).count() as u64
    }
}

/// The values of a tag.
pub(super) enum Values {
    Shorts(Vec<u16>),
    Longs(Vec<u32>),
    /// Positions in the file: 4 or 8 bytes wide.
    Offsets(Vec<u64>),
    Doubles(Vec<f64>),
    Text(String),
}

/// What the images of a file share.
pub(super) struct Kind {
    pub(super) bands: u16,
    pub(super) bits: u16,
    /// Value of the sample-format tag: 1 unsigned, 3 floating point.
    pub(super) sample_format: u16,
    pub(super) compression: Compression,
    pub(super) predictor: u16,
    pub(super) photometric: u16,
    pub(super) has_alpha: bool,
    pub(super) tile_side: u32,
    pub(super) nodata: Option<&'static str>,
}

/// One level with its size in pixels.
pub(super) struct LevelFile {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) spill: Spill,
}

/// Puts the file together from its levels, full resolution first, and returns its size.
pub(super) fn assemble(path: &Path, kind: &Kind, geo: GeoTags, mut levels: Vec<LevelFile>) -> Result<u64, TilesError> {
    let data: u64 = levels.iter().map(|level| level.spill.bytes).sum();
    let index: u64 = levels.iter().map(|level| 12 * level.spill.sizes.len() as u64).sum();
    let form = Form { big: data + index >= CLASSIC_LIMIT };
    let mut geo = Some(geo);
    let mut directories: Vec<BTreeMap<u16, Values>> =
        levels.iter().map(|level| tags_of(kind, level, geo.take())).collect();
    let start = form.header_size() + directories.iter().map(|tags| form.directory_size(tags)).sum::<u64>();
    let mut at = start;
    for (level, tags) in levels.iter().zip(&mut directories).rev() {
        let offsets = level.spill.sizes.iter().map(|size| {
            let offset = if *size == 0 { 0 } else { at };
            at += u64::from(*size);
            offset
        });
        tags.insert(tag::TILE_OFFSETS, Values::Offsets(offsets.collect()));
    }
    let file = File::create(path).map_err(|source| failed(path, source))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let mut write = |out: &mut BufWriter<File>| -> std::io::Result<()> {
        form.write_header(out)?;
        let mut place = form.header_size();
        for (index, tags) in directories.iter().enumerate() {
            place = form.write_directory(out, tags, place, index + 1 == directories.len())?;
        }
        for level in levels.iter_mut().rev() {
            level.spill.file.flush()?;
            let spilled = level.spill.file.get_mut();
            spilled.rewind()?;
            std::io::copy(&mut BufReader::with_capacity(1 << 20, spilled), out)?;
        }
        out.flush()?;
        out.get_ref().sync_all()
    };
    write(&mut out).map_err(|source| failed(path, source))?;
    Ok(at)
}

pub(super) fn failed(path: &Path, source: std::io::Error) -> TilesError {
    TilesError::File { path: path.display().to_string(), source }
}

fn tags_of(kind: &Kind, level: &LevelFile, geo: Option<GeoTags>) -> BTreeMap<u16, Values> {
    let bands = usize::from(kind.bands);
    let short = |value: u16| Values::Shorts(vec![value]);
    let mut tags = BTreeMap::from([
        (tag::NEW_SUBFILE_TYPE, Values::Longs(vec![u32::from(geo.is_none())])),
        (tag::IMAGE_WIDTH, Values::Longs(vec![level.width])),
        (tag::IMAGE_LENGTH, Values::Longs(vec![level.height])),
        (tag::BITS_PER_SAMPLE, Values::Shorts(vec![kind.bits; bands])),
        (tag::COMPRESSION, short(kind.compression.code())),
        (tag::PHOTOMETRIC, short(kind.photometric)),
        (tag::SAMPLES_PER_PIXEL, short(kind.bands)),
        (tag::PLANAR_CONFIGURATION, short(1)),
        (tag::TILE_WIDTH, Values::Longs(vec![kind.tile_side])),
        (tag::TILE_LENGTH, Values::Longs(vec![kind.tile_side])),
        // Placeholder of the right size; the places are known once the directories' sizes are.
        (tag::TILE_OFFSETS, Values::Offsets(vec![0; level.spill.sizes.len()])),
        (tag::TILE_BYTE_COUNTS, Values::Longs(level.spill.sizes.clone())),
        (tag::SAMPLE_FORMAT, Values::Shorts(vec![kind.sample_format; bands])),
    ]);
    if kind.predictor != 1 {
        tags.insert(tag::PREDICTOR, short(kind.predictor));
    }
    if kind.has_alpha {
        tags.insert(tag::EXTRA_SAMPLES, short(2));
    }
    if kind.compression == Compression::Jpeg {
        tags.insert(tag::YCBCR_SUBSAMPLING, Values::Shorts(vec![2, 2]));
    }
    if let Some(nodata) = kind.nodata {
        tags.insert(tag::GDAL_NODATA, Values::Text(nodata.to_owned()));
    }
    if let Some(geo) = geo {
        tags.insert(tag::GEO_KEY_DIRECTORY, Values::Shorts(geo.keys));
        for (tag, values) in [
            (tag::MODEL_PIXEL_SCALE, geo.pixel_scale),
            (tag::MODEL_TIEPOINT, geo.tie_point),
            (tag::MODEL_TRANSFORMATION, geo.transformation),
            (tag::GEO_DOUBLE_PARAMS, geo.doubles),
        ] {
            if !values.is_empty() {
                tags.insert(tag, Values::Doubles(values));
            }
        }
        if !geo.ascii.is_empty() {
            tags.insert(tag::GEO_ASCII_PARAMS, Values::Text(geo.ascii));
        }
    }
    tags
}

/// Classic or Big, always little-endian.
#[derive(Clone, Copy)]
struct Form {
    big: bool,
}

impl Form {
    fn header_size(self) -> u64 {
        if self.big { 16 } else { 8 }
    }

    fn word(self) -> usize {
        if self.big { 8 } else { 4 }
    }

    fn put(self, value: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&value.to_le_bytes()[..self.word()]);
    }

    /// A tag's type, count and bytes.
    fn encode(self, values: &Values) -> (u16, u64, Vec<u8>) {
        match values {
            Values::Shorts(list) => (3, list.len() as u64, list.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Values::Longs(list) => (4, list.len() as u64, list.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Values::Doubles(list) => (12, list.len() as u64, list.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Values::Text(text) => (2, text.len() as u64 + 1, [text.as_bytes(), &[0]].concat()),
            Values::Offsets(list) => {
                let mut bytes = Vec::with_capacity(list.len() * self.word());
                for offset in list {
                    self.put(*offset, &mut bytes);
                }
                (if self.big { 16 } else { 4 }, list.len() as u64, bytes)
            }
        }
    }

    /// Bytes of the table alone.
    fn table_size(self, tags: usize) -> u64 {
        let (count, entry) = if self.big { (8, 20) } else { (2, 12) };
        count + entry * tags as u64 + self.word() as u64
    }

    fn directory_size(self, tags: &BTreeMap<u16, Values>) -> u64 {
        let outside: usize = tags
            .values()
            .map(|values| self.encode(values).2.len())
            .filter(|size| *size > self.word())
            .map(|size| size.next_multiple_of(8))
            .sum();
        self.table_size(tags.len()).next_multiple_of(8) + outside as u64
    }

    fn write_header(self, out: &mut impl Write) -> std::io::Result<()> {
        if self.big {
            out.write_all(b"II\x2b\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00")
        } else {
            out.write_all(b"II\x2a\x00\x08\x00\x00\x00")
        }
    }

    /// Writes a directory at `place` and returns the place after it.
    fn write_directory(
        self,
        out: &mut impl Write,
        tags: &BTreeMap<u16, Values>,
        place: u64,
        is_last: bool,
    ) -> std::io::Result<u64> {
        let end = place + self.directory_size(tags);
        let mut table = Vec::new();
        let mut outside: Vec<u8> = Vec::new();
        let outside_at = place + self.table_size(tags.len()).next_multiple_of(8);
        table.extend_from_slice(&(tags.len() as u64).to_le_bytes()[..if self.big { 8 } else { 2 }]);
        for (tag, values) in tags {
            let (kind, count, mut bytes) = self.encode(values);
            table.extend_from_slice(&tag.to_le_bytes());
            table.extend_from_slice(&kind.to_le_bytes());
            self.put(count, &mut table);
            if bytes.len() <= self.word() {
                bytes.resize(self.word(), 0);
                table.extend(bytes);
            } else {
                self.put(outside_at + outside.len() as u64, &mut table);
                bytes.resize(bytes.len().next_multiple_of(8), 0);
                outside.extend(bytes);
            }
        }
        self.put(if is_last { 0 } else { end }, &mut table);
        table.resize(table.len().next_multiple_of(8), 0);
        out.write_all(&table)?;
        out.write_all(&outside)?;
        Ok(end)
    }
}
