//! How one image of a TIFF (the full one, an overview or a mask) lies in its file, and what its samples are.

use bytes::Bytes;

use super::tiff::{Directory, FORMAT, Flavour, Source, tag};
use crate::TilesError;

/// Tiles wider than this are refused: the largest anyone writes are 4096.
const MAX_TILE_SIDE: u64 = 8192;

/// An unpacked tile larger than this is refused.
const MAX_TILE_BYTES: u64 = 256 << 20;

/// The type of a raster's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SampleType {
    /// Unsigned bytes.
    U8,
    /// Unsigned 16 bits.
    U16,
    /// Signed 16 bits.
    I16,
    /// Unsigned 32 bits.
    U32,
    /// Signed 32 bits.
    I32,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

impl SampleType {
    /// Bytes per sample.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// A sample in the machine's byte order as a number.
    pub(super) fn value(self, bytes: &[u8]) -> f64 {
        fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
            bytes.first_chunk().copied().unwrap_or([0; N])
        }
        match self {
            Self::U8 => f64::from(bytes.first().copied().unwrap_or(0)),
            Self::U16 => f64::from(u16::from_ne_bytes(array(bytes))),
            Self::I16 => f64::from(i16::from_ne_bytes(array(bytes))),
            Self::U32 => f64::from(u32::from_ne_bytes(array(bytes))),
            Self::I32 => f64::from(i32::from_ne_bytes(array(bytes))),
            Self::F32 => f64::from(f32::from_ne_bytes(array(bytes))),
            Self::F64 => f64::from_ne_bytes(array(bytes)),
        }
    }
}

/// How tiles are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// LZW, as TIFF 6.0.
    Lzw,
    /// JPEG (tag value 7).
    Jpeg,
    /// zlib.
    Deflate,
    /// Zstandard.
    Zstd,
    /// `WebP`.
    Webp,
}

impl Compression {
    /// The value of the tag.
    pub(super) fn code(self) -> u16 {
        match self {
            Self::None => 1,
            Self::Lzw => 5,
            Self::Jpeg => 7,
            Self::Deflate => 8,
            Self::Zstd => 50_000,
            Self::Webp => 50_001,
        }
    }

    fn from_code(code: u64) -> Result<Self, TilesError> {
        match code {
            1 => Ok(Self::None),
            5 => Ok(Self::Lzw),
            7 => Ok(Self::Jpeg),
            8 | 32_946 => Ok(Self::Deflate),
            50_000 => Ok(Self::Zstd),
            50_001 => Ok(Self::Webp),
            other => Err(TilesError::unsupported(FORMAT, format!("compression {other}"))),
        }
    }
}

/// Photometric interpretations that matter here.
pub(super) mod photometric {
    pub(crate) const WHITE_IS_ZERO: u16 = 0;
    pub(crate) const BLACK_IS_ZERO: u16 = 1;
    pub(crate) const RGB: u16 = 2;
    pub(crate) const TRANSPARENCY_MASK: u16 = 4;
    pub(crate) const YCBCR: u16 = 6;
}

/// What an image of a file is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A picture at full resolution.
    Image,
    /// A coarser picture.
    Overview,
    /// Where the picture of the same size has data.
    Mask,
}

/// One image of a file.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) tile_width: u32,
    pub(super) tile_height: u32,
    pub(super) bands: usize,
    /// Bits of one sample: 8 or more, or 1 for a mask.
    pub(super) bits: u32,
    pub(super) sample_type: SampleType,
    pub(super) compression: Compression,
    pub(super) predictor: u16,
    pub(super) photometric: u16,
    /// Whether the last band is alpha.
    pub(super) has_alpha: bool,
    pub(super) role: Role,
    pub(super) little_endian: bool,
    pub(super) jpeg_tables: Bytes,
    pub(super) offsets: Vec<u64>,
    pub(super) byte_counts: Vec<u64>,
}

impl Layout {
    pub(super) async fn read(source: &Source, flavour: Flavour, directory: &Directory) -> Result<Self, TilesError> {
        let integer = |tag, default| directory.integer(source, tag, default);
        let side = |value: u64, what: &'static str| {
            u32::try_from(value)
                .ok()
                .filter(|side| (1..=i32::MAX as u32).contains(side))
                .ok_or_else(|| TilesError::malformed(FORMAT, format!("{what} {value}")))
        };
        let tile_side = |value: u64| {
            if value > MAX_TILE_SIDE {
                let (what, limit) = ("tile side", MAX_TILE_SIDE);
                return Err(TilesError::TooLarge { format: FORMAT, what, size: value, limit });
            }
            Ok(value as u32)
        };
        let width = side(integer(tag::IMAGE_WIDTH, 0).await?, "width")?;
        let height = side(integer(tag::IMAGE_LENGTH, 0).await?, "height")?;
        let tile_width = tile_side(integer(tag::TILE_WIDTH, 0).await?)?;
        let tile_height = tile_side(integer(tag::TILE_LENGTH, 0).await?)?;
        if tile_width == 0 || tile_height == 0 {
            return Err(TilesError::unsupported(FORMAT, "an image in strips instead of tiles"));
        }
        let bands = integer(tag::SAMPLES_PER_PIXEL, 1).await? as usize;
        let bits = directory.integers(source, tag::BITS_PER_SAMPLE).await?;
        let formats = directory.integers(source, tag::SAMPLE_FORMAT).await?;
        let (bit, format) = (bits.first().copied().unwrap_or(1), formats.first().copied().unwrap_or(1));
        if bits.iter().any(|other| *other != bit) || formats.iter().any(|other| *other != format) {
            return Err(TilesError::unsupported(FORMAT, "bands of different types"));
        }
        let subfile = integer(tag::NEW_SUBFILE_TYPE, 0).await?;
        let sample_type = match (bit, format) {
            (1 | 8, 1 | 4) => SampleType::U8,
            (16, 1 | 4) => SampleType::U16,
            (16, 2) => SampleType::I16,
            (32, 1 | 4) => SampleType::U32,
            (32, 2) => SampleType::I32,
            (32, 3) => SampleType::F32,
            (64, 3) => SampleType::F64,
            _ => {
                return Err(TilesError::unsupported(FORMAT, format!("samples of {bit} bits, format {format}")));
            }
        };
        if !(1..=64).contains(&bands) || (bands > 1 && (bit == 1 || integer(tag::PLANAR_CONFIGURATION, 1).await? != 1))
        {
            return Err(TilesError::unsupported(FORMAT, format!("{bands} bands in separate planes")));
        }
        let photometric = integer(tag::PHOTOMETRIC, u64::from(photometric::BLACK_IS_ZERO)).await? as u16;
        let extra = directory.integers(source, tag::EXTRA_SAMPLES).await?;
        let layout = Self {
            width,
            height,
            tile_width,
            tile_height,
            bands,
            bits: bit as u32,
            sample_type,
            compression: Compression::from_code(integer(tag::COMPRESSION, 1).await?)?,
            predictor: integer(tag::PREDICTOR, 1).await? as u16,
            photometric,
            has_alpha: extra.last().is_some_and(|kind| *kind == 1 || *kind == 2),
            role: if subfile & 4 != 0 || photometric == photometric::TRANSPARENCY_MASK {
                Role::Mask
            } else if subfile & 1 != 0 {
                Role::Overview
            } else {
                Role::Image
            },
            little_endian: flavour.little_endian,
            jpeg_tables: directory.bytes(source, tag::JPEG_TABLES).await?,
            offsets: directory.integers(source, tag::TILE_OFFSETS).await?,
            byte_counts: directory.integers(source, tag::TILE_BYTE_COUNTS).await?,
        };
        let unpacked = layout.row_bytes() as u64 * u64::from(tile_height);
        if unpacked > MAX_TILE_BYTES {
            let (what, limit) = ("unpacked tile", MAX_TILE_BYTES);
            return Err(TilesError::TooLarge { format: FORMAT, what, size: unpacked, limit });
        }
        let tiles = u64::from(layout.columns()) * u64::from(layout.rows());
        if layout.offsets.len() as u64 != tiles || layout.byte_counts.len() as u64 != tiles {
            return Err(TilesError::malformed(
                FORMAT,
                format!("{} offsets, {} sizes, {tiles} tiles", layout.offsets.len(), layout.byte_counts.len()),
            ));
        }
        Ok(layout)
    }

    /// Tiles side by side.
    pub(super) fn columns(&self) -> u32 {
        self.width.div_ceil(self.tile_width)
    }

    /// Tiles one above the other.
    pub(super) fn rows(&self) -> u32 {
        self.height.div_ceil(self.tile_height)
    }

    /// Where the bytes of a tile are; `None` where the file leaves it out.
    pub(super) fn tile_range(&self, column: u32, row: u32) -> Option<std::ops::Range<u64>> {
        if column >= self.columns() || row >= self.rows() {
            return None;
        }
        let index = row as usize * self.columns() as usize + column as usize;
        let (start, length) = (*self.offsets.get(index)?, *self.byte_counts.get(index)?);
        (start > 0 && length > 0).then(|| start..start.saturating_add(length))
    }

    /// Bytes of an unpacked row of a tile.
    pub(super) fn row_bytes(&self) -> usize {
        if self.bits == 1 {
            (self.tile_width as usize).div_ceil(8)
        } else {
            self.tile_width as usize * self.bands * self.sample_type.size()
        }
    }
}
