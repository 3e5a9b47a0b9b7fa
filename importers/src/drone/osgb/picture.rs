//! Pictures to what glTF carries: JPEG and PNG stay untouched, everything else is encoded anew.
//!
//! Row 0 of a JPEG or PNG file is its top, and OpenSceneGraph turns it over when it loads it; raw
//! pixels and DDS go to OpenGL as they lie in memory, their first row at v = 0. With v counted
//! downwards (1 - v), as glTF does, the first kind fits as it is and the second is turned over.

use std::io::{self, Cursor};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageReader, RgbaImage};

use super::s3tc::{self, Blocks};
use super::{Picture, PictureContent, Pixels};

/// Quality of JPEGs encoded here.
const JPEG_QUALITY: u8 = 90;
/// Pixels of one picture: 16384 x 16384.
const MAX_PIXELS: u64 = 1 << 28;
/// `GL_UNSIGNED_BYTE`, the only component type of photographs.
const BYTE: u32 = 5121;

/// A picture ready for a glb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// A complete JPEG or PNG file.
    pub bytes: Vec<u8>,
    /// Whether some pixels may be transparent (then it is a PNG).
    pub has_alpha: bool,
    /// Whether the bytes are the delivered ones.
    pub untouched: bool,
}

/// Why a picture can't be had.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The file beside the scene is not there, or may not be.
    #[error("the picture {name:?} could not be read")]
    Elsewhere {
        /// As written.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is there and does not decode.
    #[error("the picture {name:?} does not decode")]
    Damaged {
        /// As written.
        name: String,
        /// Why.
        #[source]
        source: image::ImageError,
    },
    /// It is of a kind that is not read.
    #[error("the picture {name:?} is {what}")]
    Unknown {
        /// As written.
        name: String,
        /// What it is.
        what: String,
    },
}

/// Makes a JPEG or PNG of `picture`. `load` reads a file beside the scene by its untrusted name.
///
/// # Errors
/// [`PictureError`]: not there, damaged, or of an unknown kind.
pub fn encode(picture: &Picture, load: impl FnOnce(&str) -> io::Result<Vec<u8>>) -> Result<Encoded, PictureError> {
    let name = || picture.name.clone();
    let loaded;
    let file = match &picture.content {
        PictureContent::Pixels(pixels) => return encode_pixels(pixels).map_err(|what| unknown(picture, what)),
        PictureContent::File(bytes) => bytes,
        PictureContent::Elsewhere => {
            loaded = load(&picture.name).map_err(|source| PictureError::Elsewhere { name: name(), source })?;
            &loaded
        }
    };
    match file.as_slice() {
        [0xFF, 0xD8, 0xFF, ..] => Ok(untouched(file, false)),
        // Byte 25 is the colour type: 4 and 6 carry alpha.
        [0x89, b'P', b'N', b'G', ..] => Ok(untouched(file, matches!(file.get(25), Some(4 | 6)))),
        [b'D', b'D', b'S', b' ', ..] => {
            let (width, height, blocks, data) = s3tc::dds(file).map_err(|what| unknown(picture, what))?;
            let rgba = decode_blocks(width, height, blocks, data).map_err(|what| unknown(picture, what))?;
            compress(rgba).map_err(|source| PictureError::Damaged { name: name(), source })
        }
        _ => {
            let damaged = |source| PictureError::Damaged { name: name(), source };
            let reader = ImageReader::new(Cursor::new(file)).with_guessed_format();
            // The reader's own limits (512 MB) hold here.
            let image = reader.map_err(|source| damaged(source.into()))?.decode().map_err(damaged)?;
            compress(image.into_rgba8()).map_err(damaged)
        }
    }
}

fn unknown(picture: &Picture, what: String) -> PictureError {
    PictureError::Unknown { name: picture.name.clone(), what }
}

fn untouched(file: &[u8], has_alpha: bool) -> Encoded {
    Encoded { bytes: file.to_vec(), has_alpha, untouched: true }
}

/// JPEG where every pixel is opaque, else PNG.
fn compress(rgba: RgbaImage) -> Result<Encoded, image::ImageError> {
    let has_alpha = rgba.pixels().any(|pixel| pixel.0[3] != 255);
    let mut bytes = Vec::new();
    let image = DynamicImage::ImageRgba8(rgba);
    if has_alpha {
        image.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png)?;
    } else {
        image.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY))?;
    }
    Ok(Encoded { bytes, has_alpha, untouched: false })
}

fn encode_pixels(pixels: &Pixels) -> Result<Encoded, String> {
    let rgba = match Blocks::from_gl(pixels.format) {
        Some(blocks) => decode_blocks(pixels.width, pixels.height, blocks, &pixels.bytes)?,
        None => unpack(pixels)?,
    };
    compress(rgba).map_err(|error| format!("not to be encoded: {error}"))
}

fn check_size(width: u32, height: u32) -> Result<(), String> {
    let size = u64::from(width) * u64::from(height);
    if size == 0 || size > MAX_PIXELS {
        return Err(format!("{width} x {height} pixels large"));
    }
    Ok(())
}

fn decode_blocks(width: u32, height: u32, blocks: Blocks, data: &[u8]) -> Result<RgbaImage, String> {
    check_size(width, height)?;
    let mut rgba = s3tc::decode(width, height, blocks, data)?;
    image::imageops::flip_vertical_in_place(&mut rgba);
    Ok(rgba)
}

/// Plain pixels to RGBA, top row first.
fn unpack(pixels: &Pixels) -> Result<RgbaImage, String> {
    check_size(pixels.width, pixels.height)?;
    if pixels.component != BYTE {
        return Err(format!("of OpenGL component type {}", pixels.component));
    }
    // Which byte of a pixel is red, green, blue, alpha; 255 stands for opaque.
    let (size, order): (usize, [Option<usize>; 4]) = match pixels.format {
        0x1907 => (3, [Some(0), Some(1), Some(2), None]),
        0x1908 => (4, [Some(0), Some(1), Some(2), Some(3)]),
        0x80E0 => (3, [Some(2), Some(1), Some(0), None]),
        0x80E1 => (4, [Some(2), Some(1), Some(0), Some(3)]),
        0x1903 | 0x1909 => (1, [Some(0), Some(0), Some(0), None]),
        0x190A => (2, [Some(0), Some(0), Some(0), Some(1)]),
        other => return Err(format!("of OpenGL pixel format {other:#06x}")),
    };
    let packing = pixels.packing.max(1) as usize;
    let row = (pixels.width as usize * size).checked_next_multiple_of(packing).ok_or("packed beyond reason")?;
    let rows = pixels.height as usize;
    // The last row may lack its padding.
    let needed = row.checked_mul(rows - 1).and_then(|bytes| bytes.checked_add(pixels.width as usize * size));
    if needed.is_none_or(|needed| needed > pixels.bytes.len()) {
        return Err(format!("{} bytes for {} x {} pixels", pixels.bytes.len(), pixels.width, pixels.height));
    }
    let mut out = Vec::with_capacity(pixels.width as usize * rows * 4);
    for number in (0..rows).rev() {
        for pixel in pixels.bytes[number * row..].chunks_exact(size).take(pixels.width as usize) {
            out.extend(order.map(|byte| byte.map_or(255, |byte| pixel[byte])));
        }
    }
    RgbaImage::from_raw(pixels.width, pixels.height, out).ok_or_else(|| "of a wrong size".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::{Picture, PictureContent, Pixels};
    use super::{Encoded, encode};

    fn pixels(format: u32, packing: u32, bytes: &[u8]) -> Picture {
        Picture {
            name: "p".to_owned(),
            content: PictureContent::Pixels(Pixels {
                width: 2,
                height: 2,
                format,
                component: 5121,
                packing,
                bytes: bytes.to_vec(),
            }),
        }
    }

    fn no_file(_: &str) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn rgba(encoded: &Encoded) -> Vec<u8> {
        image::load_from_memory(&encoded.bytes).unwrap().into_rgba8().into_raw()
    }

    #[test]
    fn pixels_with_alpha_become_a_png_with_the_last_row_on_top() {
        let png = encode(&pixels(0x1908, 1, &(1..=16).collect::<Vec<u8>>()), no_file).unwrap();
        assert!(png.has_alpha && !png.untouched);
        assert_eq!(rgba(&png), [9, 10, 11, 12, 13, 14, 15, 16, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn opaque_pixels_become_a_jpeg_and_padding_is_left_out() {
        // Blue, green, red; rows of six bytes padded to eight, the last one not.
        let row = [0, 0, 200, 0, 0, 200];
        let picture = pixels(0x80E0, 4, &[row.as_slice(), &[9, 9], &row].concat());
        let jpeg = encode(&picture, no_file).unwrap();
        assert!(jpeg.bytes.starts_with(&[0xFF, 0xD8]));
        for pixel in rgba(&jpeg).chunks_exact(4) {
            assert!(pixel[0].abs_diff(200) < 4 && pixel[1] < 4 && pixel[2] < 4, "{pixel:?}");
        }
    }

    #[test]
    fn pixels_that_are_not_there_are_an_error() {
        assert!(encode(&pixels(0x1907, 1, &[0; 11]), no_file).is_err());
        assert!(encode(&pixels(0x1907, u32::MAX, &[0; 12]), no_file).is_err());
        assert!(encode(&pixels(7, 1, &[0; 64]), no_file).is_err());
    }

    #[test]
    fn a_block_of_dxt1_has_its_four_colours() {
        // Red 31, blue 31, and the row of indices 0, 1, 2, 3 four times.
        let block = [0x00, 0xF8, 0x1F, 0x00, 0xE4, 0xE4, 0xE4, 0xE4];
        let mut picture = pixels(0x83F0, 1, &block);
        if let PictureContent::Pixels(pixels) = &mut picture.content {
            (pixels.width, pixels.height) = (4, 4);
        }
        let decoded = super::decode_blocks(4, 4, super::Blocks::Dxt1, &block).unwrap();
        let row: Vec<[u8; 4]> = (0..4).map(|x| decoded.get_pixel(x, 0).0).collect();
        assert_eq!(row, [[255, 0, 0, 255], [0, 0, 255, 255], [170, 0, 85, 255], [85, 0, 170, 255]]);
        assert!(encode(&picture, no_file).unwrap().bytes.starts_with(&[0xFF, 0xD8]));
    }
}
