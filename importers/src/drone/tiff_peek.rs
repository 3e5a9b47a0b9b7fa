//! What a TIFF holds, by its first directory alone: pictures and elevation models share `.tif`.
//!
//! Reads a few hundred bytes and trusts none of them. Not a TIFF reader: GDAL opens the file later,
//! in the sandbox.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// Entries of a directory looked at.
const MOST_ENTRIES: u64 = 256;

/// Samples of a TIFF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TiffSamples {
    /// Samples per pixel.
    pub bands: u16,
    /// Bits of the first sample.
    pub bits: u16,
    /// 1 unsigned, 2 signed, 3 floating point (TIFF 6.0, tag 339).
    pub format: u16,
}

impl TiffSamples {
    /// One band that can't be a picture: heights.
    #[must_use]
    pub fn is_elevation(self) -> bool {
        self.bands == 1 && (self.bits > 8 || self.format != 1)
    }

    /// Grey, palette, colour or colour with alpha, of 8 or 16 bits.
    #[must_use]
    pub fn is_picture(self) -> bool {
        self.format == 1 && (self.bits == 8 || (self.bits == 16 && self.bands >= 3))
    }
}

/// Looks into `path`; `None` where it is no TIFF.
#[must_use]
pub fn peek(path: &Path) -> Option<TiffSamples> {
    let mut file = File::open(path).ok()?;
    let mut head = [0_u8; 16];
    let length = file.read(&mut head).ok()?;
    if length < 8 {
        return None;
    }
    let order = match &head[..2] {
        b"II" => Order::Little,
        b"MM" => Order::Big,
        _ => return None,
    };
    let big = match order.u16(&head, 2)? {
        42 => false,
        43 => true,
        _ => return None,
    };
    let at = if big { order.u64(&head, 8)? } else { u64::from(order.u32(&head, 4)?) };
    file.seek(SeekFrom::Start(at)).ok()?;
    let (count_bytes, entry_bytes) = if big { (8, 20) } else { (2, 12) };
    let mut directory = Vec::new();
    file.take(count_bytes + MOST_ENTRIES * entry_bytes).read_to_end(&mut directory).ok()?;
    let count = if big { order.u64(&directory, 0)? } else { u64::from(order.u16(&directory, 0)?) };
    let mut samples = TiffSamples { bands: 1, bits: 1, format: 1 };
    let entry_bytes = usize::try_from(entry_bytes).ok()?;
    let first = usize::try_from(count_bytes).ok()?;
    let entries = directory.get(first..)?.chunks_exact(entry_bytes);
    for entry in entries.take(usize::try_from(count.min(MOST_ENTRIES)).ok()?) {
        let value_at = if big { 12 } else { 8 };
        match order.u16(entry, 0)? {
            258 => samples.bits = bits_of(order, entry, big, path).unwrap_or(8),
            277 => samples.bands = order.u16(entry, value_at)?,
            339 if samples_fit(order, entry, big)? => samples.format = order.u16(entry, value_at)?,
            _ => {}
        }
    }
    Some(samples)
}

/// True where the values of the entry stand in the entry itself.
fn samples_fit(order: Order, entry: &[u8], big: bool) -> Option<bool> {
    let count = if big { order.u64(entry, 4)? } else { u64::from(order.u32(entry, 4)?) };
    Some(count * 2 <= if big { 8 } else { 4 })
}

/// The first of the bits per sample, which stand elsewhere when there are more than fit.
fn bits_of(order: Order, entry: &[u8], big: bool, path: &Path) -> Option<u16> {
    let value_at = if big { 12 } else { 8 };
    if samples_fit(order, entry, big)? {
        return order.u16(entry, value_at);
    }
    let at = if big { order.u64(entry, value_at)? } else { u64::from(order.u32(entry, value_at)?) };
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(at)).ok()?;
    let mut bytes = [0_u8; 2];
    file.read_exact(&mut bytes).ok()?;
    order.u16(&bytes, 0)
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(*bytes),
            Self::Big => u16::from_be_bytes(*bytes),
        })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(*bytes),
            Self::Big => u32::from_be_bytes(*bytes),
        })
    }

    fn u64(self, bytes: &[u8], at: usize) -> Option<u64> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u64::from_le_bytes(*bytes),
            Self::Big => u64::from_be_bytes(*bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A little-endian TIFF directory with these short tags.
    fn tiff(tags: &[(u16, u16)]) -> Vec<u8> {
        let mut bytes = b"II\x2A\0\x08\0\0\0".to_vec();
        bytes.extend(u16::try_from(tags.len()).unwrap().to_le_bytes());
        for (tag, value) in tags {
            bytes.extend(tag.to_le_bytes());
            bytes.extend([3, 0, 1, 0, 0, 0]);
            bytes.extend(value.to_le_bytes());
            bytes.extend([0, 0]);
        }
        bytes
    }

    fn check(bytes: &[u8], elevation: bool, picture: bool) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let found = peek(file.path());
        assert_eq!(found.is_some_and(TiffSamples::is_elevation), elevation, "{found:?}");
        assert_eq!(found.is_some_and(TiffSamples::is_picture), picture, "{found:?}");
    }

    #[test]
    fn floats_and_wide_single_bands_are_heights_and_bytes_are_pictures() {
        check(&tiff(&[(258, 32), (277, 1), (339, 3)]), true, false);
        check(&tiff(&[(258, 16), (277, 1), (339, 2)]), true, false);
        check(&tiff(&[(258, 16), (277, 1)]), true, false);
        check(&tiff(&[(258, 8), (277, 1)]), false, true);
        check(&tiff(&[(258, 8), (277, 4)]), false, true);
        check(&tiff(&[(258, 16), (277, 3)]), false, true);
    }

    #[test]
    fn truncated_and_foreign_files_are_neither() {
        let whole = tiff(&[(258, 32), (277, 1), (339, 3)]);
        for length in 0..8 {
            check(&whole[..length], false, false);
        }
        check(b"%PDF-1.7 not a picture at all", false, false);
    }
}
