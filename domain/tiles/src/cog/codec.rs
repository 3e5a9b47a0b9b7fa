//! One tile's bytes to samples: decompression, byte order, predictors; and tiles that are pictures as they stand.
//!
//! The unpacked size is known before unpacking, and no codec may exceed it.

use std::io::Read as _;

use bytes::Bytes;
use image::ImageDecoder as _;

use super::layout::{Compression, Layout, SampleType, photometric};
use super::tiff::FORMAT;
use crate::TilesError;

/// The samples of a tile in the machine's byte order, row by row, bands interleaved; one byte per pixel for a mask.
pub(super) fn decode_tile(layout: &Layout, bytes: &Bytes) -> Result<Vec<u8>, TilesError> {
    let size = layout.row_bytes() * layout.tile_height as usize;
    let mut samples = match layout.compression {
        Compression::None => bytes.to_vec(),
        Compression::Lzw => unpack_lzw(bytes, size)?,
        Compression::Deflate => unpack(flate2::read::ZlibDecoder::new(bytes.as_ref()), size, "Deflate")?,
        Compression::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(bytes.as_ref())
                .map_err(|source| TilesError::codec("ZSTD", source))?;
            unpack(decoder, size, "ZSTD")?
        }
        Compression::Jpeg => return decode_jpeg(layout, bytes),
        Compression::Webp => return decode_webp(layout, bytes),
    };
    if samples.len() < size {
        return Err(TilesError::malformed(FORMAT, format!("a tile of {} bytes instead of {size}", samples.len())));
    }
    samples.truncate(size);
    if layout.bits == 1 {
        return Ok(bits_to_bytes(layout, &samples));
    }
    let sample = layout.sample_type.size();
    let native_little = cfg!(target_endian = "little");
    for row in samples.chunks_exact_mut(layout.row_bytes()) {
        if layout.predictor == 3 {
            undo_float_prediction(row, layout.bands, sample);
            continue;
        }
        if sample > 1 && layout.little_endian != native_little {
            row.chunks_exact_mut(sample).for_each(<[u8]>::reverse);
        }
        match layout.predictor {
            1 => {}
            2 => undo_differences(row, layout.bands, sample),
            other => return Err(TilesError::unsupported(FORMAT, format!("predictor {other}"))),
        }
    }
    Ok(samples)
}

fn unpack(reader: impl std::io::Read, size: usize, codec: &'static str) -> Result<Vec<u8>, TilesError> {
    let mut samples = Vec::with_capacity(size.min(64 << 20));
    reader.take(size as u64).read_to_end(&mut samples).map_err(|source| TilesError::codec(codec, source))?;
    Ok(samples)
}

fn unpack_lzw(bytes: &[u8], size: usize) -> Result<Vec<u8>, TilesError> {
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
    let mut samples = vec![0; size];
    let (mut read, mut written) = (0, 0);
    while written < size {
        let step = decoder.decode_bytes(&bytes[read..], &mut samples[written..]);
        read += step.consumed_in;
        written += step.consumed_out;
        match step.status {
            Ok(weezl::LzwStatus::Ok) => {}
            Ok(weezl::LzwStatus::Done | weezl::LzwStatus::NoProgress) => break,
            Err(source) => return Err(TilesError::codec("LZW", source)),
        }
    }
    samples.truncate(written);
    Ok(samples)
}

/// A mask's packed bits, most significant first, as 0 and 255.
fn bits_to_bytes(layout: &Layout, packed: &[u8]) -> Vec<u8> {
    let width = layout.tile_width as usize;
    packed
        .chunks_exact(layout.row_bytes())
        .flat_map(|row| (0..width).map(|x| if row[x / 8] & (0x80 >> (x % 8)) == 0 { 0 } else { 255 }))
        .collect()
}

/// Undoes predictor 2: each sample is the difference to the one of the same band before it.
fn undo_differences(row: &mut [u8], bands: usize, sample: usize) {
    let stride = bands * sample;
    for at in (stride..row.len()).step_by(sample) {
        let (before, now) = row.split_at_mut(at);
        let before = &before[at - stride..at - stride + sample];
        let now = &mut now[..sample];
        // Wrapping addition of two integers in the machine's byte order, of any width.
        let mut carry = 0;
        let mut add = |(byte, previous): (&mut u8, &u8)| {
            let sum = u16::from(*byte) + u16::from(*previous) + carry;
            *byte = sum as u8;
            carry = sum >> 8;
        };
        if cfg!(target_endian = "little") {
            now.iter_mut().zip(before).for_each(&mut add);
        } else {
            now.iter_mut().zip(before).rev().for_each(&mut add);
        }
    }
}

/// Undoes predictor 3 (Adobe Photoshop TIFF technical note 3): bytes of equal significance lie together, most
/// significant plane first whatever the file's byte order, and each byte is a difference to the one `bands` before.
fn undo_float_prediction(row: &mut [u8], bands: usize, sample: usize) {
    for at in bands..row.len() {
        row[at] = row[at].wrapping_add(row[at - bands]);
    }
    let planes = row.to_vec();
    let count = planes.len() / sample;
    for (index, value) in row.chunks_exact_mut(sample).enumerate() {
        for (plane, byte) in value.iter_mut().enumerate() {
            let significance = if cfg!(target_endian = "little") { sample - 1 - plane } else { plane };
            *byte = planes[significance * count + index];
        }
    }
}

/// Does predictor 3 to a row of single-precision samples of one band.
pub(super) fn predict_floats(row: &[f32], out: &mut Vec<u8>) {
    let start = out.len();
    for plane in 0..4 {
        out.extend(row.iter().map(|value| value.to_be_bytes()[plane]));
    }
    let bytes = &mut out[start..];
    for at in (1..bytes.len()).rev() {
        bytes[at] = bytes[at].wrapping_sub(bytes[at - 1]);
    }
}

/// A tile of JPEG compression as a picture of its own: shared tables spliced in, and RGB marked as such.
pub(super) fn whole_jpeg(layout: &Layout, bytes: &Bytes) -> Result<Bytes, TilesError> {
    const START: &[u8] = &[0xff, 0xd8];
    const END: &[u8] = &[0xff, 0xd9];
    // An Adobe marker with transform 0: without one, decoders take three components for YCbCr.
    const ADOBE_RGB: &[u8] = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00";
    let body = bytes
        .strip_prefix(START)
        .ok_or_else(|| TilesError::malformed("JPEG", "a tile does not begin with its start marker"))?;
    let tables = layout.jpeg_tables.strip_prefix(START).unwrap_or_default();
    let tables = tables.strip_suffix(END).unwrap_or(tables);
    let marks_rgb = layout.bands == 3 && layout.photometric == photometric::RGB;
    if tables.is_empty() && !marks_rgb {
        return Ok(bytes.clone());
    }
    let mut whole = Vec::with_capacity(bytes.len() + tables.len() + ADOBE_RGB.len());
    whole.extend_from_slice(START);
    if marks_rgb {
        whole.extend_from_slice(ADOBE_RGB);
    }
    whole.extend_from_slice(tables);
    whole.extend_from_slice(body);
    Ok(whole.into())
}

fn decode_jpeg(layout: &Layout, bytes: &Bytes) -> Result<Vec<u8>, TilesError> {
    let whole = whole_jpeg(layout, bytes)?;
    let decoder = image::codecs::jpeg::JpegDecoder::new(std::io::Cursor::new(whole))
        .map_err(|source| TilesError::codec("JPEG", source))?;
    let (size, bands) = (decoder.dimensions(), usize::from(decoder.color_type().channel_count()));
    check_picture(layout, size, bands, "JPEG")?;
    if layout.sample_type != SampleType::U8 || bands != layout.bands {
        return Err(TilesError::malformed("JPEG", format!("{bands} bands in a raster of {}", layout.bands)));
    }
    let mut samples = vec![0; layout.row_bytes() * layout.tile_height as usize];
    decoder.read_image(&mut samples).map_err(|source| TilesError::codec("JPEG", source))?;
    Ok(samples)
}

fn decode_webp(layout: &Layout, bytes: &Bytes) -> Result<Vec<u8>, TilesError> {
    let features = webp::BitstreamFeatures::new(bytes).ok_or_else(|| TilesError::malformed("WebP", "no WebP tile"))?;
    let bands = if features.has_alpha() { 4 } else { 3 };
    check_picture(layout, (features.width(), features.height()), bands, "WebP")?;
    let picture = webp::Decoder::new(bytes)
        .decode()
        .ok_or_else(|| TilesError::malformed("WebP", "a tile that does not decode"))?;
    let bands = if picture.is_alpha() { 4 } else { 3 };
    Ok(match (bands, layout.bands) {
        (from, to) if from == to => picture.to_vec(),
        // The encoder leaves alpha out of an opaque tile.
        (3, 4) => picture.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect(),
        (4, 3) => picture.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect(),
        (from, to) => return Err(TilesError::malformed("WebP", format!("{from} bands in a raster of {to}"))),
    })
}

fn check_picture(layout: &Layout, size: (u32, u32), bands: usize, codec: &'static str) -> Result<(), TilesError> {
    if size != (layout.tile_width, layout.tile_height) || bands > 4 {
        return Err(TilesError::malformed(
            codec,
            format!("{} x {} px in tiles of {} x {}", size.0, size.1, layout.tile_width, layout.tile_height),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn float_prediction_comes_undone(row in prop::collection::vec(any::<f32>(), 1..50)) {
            let mut bytes = Vec::new();
            predict_floats(&row, &mut bytes);
            undo_float_prediction(&mut bytes, 1, 4);
            let back: Vec<u32> = bytes.chunks_exact(4)
                .map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]]).to_bits()).collect();
            prop_assert_eq!(back, row.iter().map(|v| v.to_bits()).collect::<Vec<_>>());
        }

        #[test]
        fn sixteen_bit_differences_come_undone(row in prop::collection::vec(any::<u16>(), 1..40)) {
            let mut bytes = Vec::new();
            for (index, value) in row.iter().enumerate() {
                let before = index.checked_sub(2).map_or(0, |i| row[i]);
                bytes.extend(value.wrapping_sub(before).to_ne_bytes());
            }
            undo_differences(&mut bytes, 2, 2);
            let back: Vec<u16> = bytes.chunks_exact(2).map(|b| u16::from_ne_bytes([b[0], b[1]])).collect();
            prop_assert_eq!(back, row);
        }
    }
}
