//! Pictures that were brought for the report, as a look of the review meeting is: read within bounds, made as small as
//! paper needs, and named with who brought them.

use std::io::Cursor;

use image::{ImageReader, Limits};

use super::content::plain_date;

/// Pictures of one report; of more the newest are shown.
pub(crate) const MOST_PICTURES: usize = 12;
/// Pixels of the longer side: 240 dots an inch across the type area.
const LONGEST_PX: u32 = 1_400;
/// Largest side and memory of what is read.
const LARGEST_PX: u32 = 20_000;
const MOST_BYTES: u64 = 512 << 20;
/// The room for one picture, millimetres.
const ROOM_MM: [f64; 2] = [148.0, 180.0];

/// A picture ready for paper.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AttachedPicture {
    /// The picture.
    pub(crate) png: Vec<u8>,
    /// Width and height on paper, millimetres.
    pub(crate) size_mm: [f64; 2],
    /// What stands below it.
    pub(crate) caption: String,
}

impl AttachedPicture {
    /// Reads a PNG or JPEG that somebody brought under a name at a time (RFC 3339). What is none, or too large to be
    /// looked at, is left out: the list of steps still names it.
    pub(crate) fn read(bytes: &[u8], name: &str, by: &str, at: &str) -> Option<Self> {
        let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
        let mut limits = Limits::default();
        limits.max_image_width = Some(LARGEST_PX);
        limits.max_image_height = Some(LARGEST_PX);
        limits.max_alloc = Some(MOST_BYTES);
        reader.limits(limits);
        let mut picture = reader.decode().ok()?;
        if picture.width().max(picture.height()) > LONGEST_PX {
            picture = picture.resize(LONGEST_PX, LONGEST_PX, image::imageops::FilterType::CatmullRom);
        }
        let (wide, high) = (f64::from(picture.width().max(1)), f64::from(picture.height().max(1)));
        let scale = (ROOM_MM[0] / wide).min(ROOM_MM[1] / high);
        let mut png = Vec::new();
        picture.into_rgb8().write_to(&mut Cursor::new(&mut png), image::ImageFormat::Png).ok()?;
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let caption = format!("{stem}（{by}，{}）", plain_date(at));
        Some(Self { png, size_mm: [wide * scale, high * scale], caption })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(size: [u32; 2], format: image::ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture = image::RgbImage::from_pixel(size[0], size[1], image::Rgb([200, 30, 40]));
        picture.write_to(&mut Cursor::new(&mut bytes), format).expect("encodes");
        bytes
    }

    #[test]
    fn a_picture_is_made_small_enough_for_paper_and_fits_its_room() {
        for (size, room) in [([3_508, 2_480], [148.0, 104.63]), ([900, 1_800], [90.0, 180.0])] {
            let bytes = written(size, image::ImageFormat::Jpeg);
            let picture =
                AttachedPicture::read(&bytes, "会审图.v2.jpg", "王经办", "2026-11-29T03:00:00Z").expect("read");
            assert!((picture.size_mm[0] - room[0]).abs() < 0.1 && (picture.size_mm[1] - room[1]).abs() < 0.1);
            let small = image::load_from_memory(&picture.png).expect("a PNG");
            assert!(small.width().max(small.height()) <= LONGEST_PX);
            assert_eq!(picture.caption, "会审图.v2（王经办，2026-11-29）");
        }
    }

    #[test]
    fn what_is_no_picture_or_claims_to_be_endless_is_left_out() {
        let read = |bytes: &[u8]| AttachedPicture::read(bytes, "x.png", "", "");
        let mut endless = written([8, 8], image::ImageFormat::Png);
        // The width in the header: a thousand million pixels.
        endless[16..20].copy_from_slice(&1_000_000_000_u32.to_be_bytes());
        let mut cut = written([64, 64], image::ImageFormat::Png);
        cut.truncate(60);
        for bytes in [&b""[..], b"\x89PNG\r\n\x1a\n", &endless, &cut] {
            assert_eq!(read(bytes), None);
        }
    }
}
