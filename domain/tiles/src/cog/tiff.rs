//! TIFF directories by ranges: classic and big, either byte order.
//!
//! Reads tags, not pixels. Every count is bounded by the size of the file, the chain of directories by a fixed number.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use crate::TilesError;

pub(super) const FORMAT: &str = "TIFF";

/// Bytes read first: the directories of a cloud-optimised file, most often.
const HEAD_BYTES: u64 = 64 << 10;

/// Directories followed; overviews and masks of the largest rasters are a fraction of this.
const MAX_DIRECTORIES: usize = 64;

/// The values of one tag may take this much.
const MAX_VALUE_BYTES: u64 = 64 << 20;

/// TIFF tags read or written here (TIFF 6.0, `GeoTIFF` 1.1, GDAL).
pub(super) mod tag {
    pub(crate) const NEW_SUBFILE_TYPE: u16 = 254;
    pub(crate) const IMAGE_WIDTH: u16 = 256;
    pub(crate) const IMAGE_LENGTH: u16 = 257;
    pub(crate) const BITS_PER_SAMPLE: u16 = 258;
    pub(crate) const COMPRESSION: u16 = 259;
    pub(crate) const PHOTOMETRIC: u16 = 262;
    pub(crate) const SAMPLES_PER_PIXEL: u16 = 277;
    pub(crate) const PLANAR_CONFIGURATION: u16 = 284;
    pub(crate) const PREDICTOR: u16 = 317;
    pub(crate) const TILE_WIDTH: u16 = 322;
    pub(crate) const TILE_LENGTH: u16 = 323;
    pub(crate) const TILE_OFFSETS: u16 = 324;
    pub(crate) const TILE_BYTE_COUNTS: u16 = 325;
    pub(crate) const EXTRA_SAMPLES: u16 = 338;
    pub(crate) const SAMPLE_FORMAT: u16 = 339;
    pub(crate) const JPEG_TABLES: u16 = 347;
    pub(crate) const YCBCR_SUBSAMPLING: u16 = 530;
    pub(crate) const MODEL_PIXEL_SCALE: u16 = 33550;
    pub(crate) const MODEL_TIEPOINT: u16 = 33922;
    pub(crate) const MODEL_TRANSFORMATION: u16 = 34264;
    pub(crate) const GEO_KEY_DIRECTORY: u16 = 34735;
    pub(crate) const GEO_DOUBLE_PARAMS: u16 = 34736;
    pub(crate) const GEO_ASCII_PARAMS: u16 = 34737;
    pub(crate) const GDAL_NODATA: u16 = 42113;
}

/// A blob read by ranges, its beginning kept.
#[derive(Clone)]
pub(super) struct Source {
    store: Arc<dyn ObjectStore>,
    path: Path,
    size: u64,
    head: Bytes,
}

impl Source {
    pub(super) async fn open(store: Arc<dyn ObjectStore>, path: &Path) -> Result<Self, TilesError> {
        let failed = |source| TilesError::Store { path: path.to_string(), source };
        let size = store.head(path).await.map_err(failed)?.size;
        let head = if size == 0 {
            Bytes::new()
        } else {
            store.get_range(path, 0..size.min(HEAD_BYTES)).await.map_err(failed)?
        };
        Ok(Self { store, path: path.clone(), size, head })
    }

    fn check(&self, range: &Range<u64>) -> Result<(), TilesError> {
        if range.start > range.end || range.end > self.size {
            return Err(TilesError::malformed(
                FORMAT,
                format!("{}: bytes {}..{} of {}", self.path, range.start, range.end, self.size),
            ));
        }
        Ok(())
    }

    pub(super) async fn read(&self, start: u64, length: u64) -> Result<Bytes, TilesError> {
        let range = start..start.saturating_add(length);
        self.check(&range)?;
        if range.end <= self.head.len() as u64 {
            return Ok(self.head.slice(range.start as usize..range.end as usize));
        }
        let failed = |source| TilesError::Store { path: self.path.to_string(), source };
        self.store.get_range(&self.path, range).await.map_err(failed)
    }

    /// Several ranges at once; near ones are fetched together.
    pub(super) async fn read_many(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, TilesError> {
        for range in ranges {
            self.check(range)?;
        }
        let failed = |source| TilesError::Store { path: self.path.to_string(), source };
        self.store.get_ranges(&self.path, ranges).await.map_err(failed)
    }
}

/// How numbers lie in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flavour {
    pub(super) little_endian: bool,
    pub(super) big_tiff: bool,
}

impl Flavour {
    fn number(self, bytes: &[u8]) -> u64 {
        let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        if self.little_endian { bytes.iter().rev().fold(0, fold) } else { bytes.iter().fold(0, fold) }
    }
}

/// One tag of a directory.
#[derive(Debug, Clone)]
struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    /// The value or its offset.
    field: Bytes,
}

impl Entry {
    /// Bytes per value; 0 for an unknown type.
    fn value_size(&self) -> u64 {
        match self.kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 | 17 | 18 => 8,
            _ => 0,
        }
    }
}

/// One directory.
pub(super) struct Directory {
    flavour: Flavour,
    entries: Vec<Entry>,
}

/// The file's flavour and its directories, in order.
pub(super) async fn directories(source: &Source) -> Result<(Flavour, Vec<Directory>), TilesError> {
    let header = source.read(0, source.size.min(16)).await?;
    let little_endian = match header.get(..2) {
        Some(b"II") => true,
        Some(b"MM") => false,
        _ => return Err(TilesError::malformed(FORMAT, format!("{} is no TIFF", source.path))),
    };
    let mut flavour = Flavour { little_endian, big_tiff: false };
    let field = |range: Range<usize>| header.get(range).map_or(0, |bytes| flavour.number(bytes));
    let (version, mut offset) = match field(2..4) {
        43 => (43, field(8..16)),
        version => (version, field(4..8)),
    };
    flavour.big_tiff = match version {
        42 => false,
        43 => true,
        other => return Err(TilesError::malformed(FORMAT, format!("version {other}"))),
    };
    let mut found = Vec::new();
    while offset != 0 {
        if found.len() == MAX_DIRECTORIES {
            return Err(TilesError::TooLarge {
                format: FORMAT,
                what: "number of directories",
                size: found.len() as u64 + 1,
                limit: MAX_DIRECTORIES as u64,
            });
        }
        let (directory, next) = read_directory(source, flavour, offset).await?;
        found.push(directory);
        offset = next;
    }
    Ok((flavour, found))
}

async fn read_directory(source: &Source, flavour: Flavour, offset: u64) -> Result<(Directory, u64), TilesError> {
    let (count_bytes, entry_bytes, offset_bytes) = if flavour.big_tiff { (8, 20, 8) } else { (2, 12, 4) };
    let count = flavour.number(&source.read(offset, count_bytes).await?);
    let start = offset.saturating_add(count_bytes);
    let table = source.read(start, count.saturating_mul(entry_bytes).saturating_add(offset_bytes)).await?;
    let mut entries = Vec::new();
    for index in 0..count as usize {
        let entry = table.slice(index * entry_bytes as usize..(index + 1) * entry_bytes as usize);
        let field_at = entry_bytes as usize - offset_bytes as usize;
        entries.push(Entry {
            tag: flavour.number(&entry[..2]) as u16,
            kind: flavour.number(&entry[2..4]) as u16,
            count: flavour.number(&entry[4..field_at]),
            field: entry.slice(field_at..),
        });
    }
    let next = flavour.number(&table[table.len() - offset_bytes as usize..]);
    Ok((Directory { flavour, entries }, next))
}

impl Directory {
    /// The bytes of a tag's values with their size, or `None` without the tag.
    async fn raw(&self, source: &Source, tag: u16) -> Result<Option<(&Entry, Bytes)>, TilesError> {
        let Some(entry) = self.entries.iter().find(|entry| entry.tag == tag) else {
            return Ok(None);
        };
        let size = entry.value_size().saturating_mul(entry.count);
        if size > MAX_VALUE_BYTES {
            return Err(TilesError::TooLarge { format: FORMAT, what: "tag", size, limit: MAX_VALUE_BYTES });
        }
        let bytes = if size <= entry.field.len() as u64 {
            entry.field.slice(..size as usize)
        } else {
            source.read(self.flavour.number(&entry.field), size).await?
        };
        Ok(Some((entry, bytes)))
    }

    /// A tag's values as integers; empty without the tag.
    pub(super) async fn integers(&self, source: &Source, tag: u16) -> Result<Vec<u64>, TilesError> {
        let Some((entry, bytes)) = self.raw(source, tag).await? else {
            return Ok(Vec::new());
        };
        let size = entry.value_size().max(1) as usize;
        Ok(bytes.chunks_exact(size).map(|value| self.flavour.number(value)).collect())
    }

    /// A tag's first value, or a default.
    pub(super) async fn integer(&self, source: &Source, tag: u16, default: u64) -> Result<u64, TilesError> {
        Ok(self.integers(source, tag).await?.first().copied().unwrap_or(default))
    }

    /// A tag's values as real numbers; empty without the tag.
    pub(super) async fn reals(&self, source: &Source, tag: u16) -> Result<Vec<f64>, TilesError> {
        let Some((entry, bytes)) = self.raw(source, tag).await? else {
            return Ok(Vec::new());
        };
        if entry.kind != 12 {
            return Err(TilesError::malformed(FORMAT, format!("tag {tag} has type {}", entry.kind)));
        }
        Ok(bytes.chunks_exact(8).map(|value| f64::from_bits(self.flavour.number(value))).collect())
    }

    /// A tag's bytes; empty without the tag.
    pub(super) async fn bytes(&self, source: &Source, tag: u16) -> Result<Bytes, TilesError> {
        Ok(self.raw(source, tag).await?.map(|(_, bytes)| bytes).unwrap_or_default())
    }

    /// A tag's text up to its end mark; empty without the tag.
    pub(super) async fn text(&self, source: &Source, tag: u16) -> Result<String, TilesError> {
        let bytes = self.bytes(source, tag).await?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }
}
