//! Glyphs for MapLibre: 256 code points of one font as signed distance fields in a protobuf message.
//!
//! Made from the fonts installed on the machine (Noto CJK by the set-up step); no font is committed or fetched.
//! The distance is exact, from the outline itself, not from a rendered bitmap.

mod outline;
mod pbf;
mod sdf;

use std::sync::Arc;

use fontdb::{Database, Family, ID, Query, Weight};

/// Pixels per em of the fields; MapLibre scales from this size.
const EM_PX: f32 = 24.0;
/// Pixels around the outline's box.
const BUFFER_PX: u32 = 3;
/// Distance in pixels that the value range covers.
const RADIUS_PX: f32 = 8.0;
/// Part of the range that lies inside the outline.
const CUTOFF: f32 = 0.25;
/// `MapLibre` measures `top` from a line this far above the baseline, where `FreeType` puts Noto CJK's ascender at 24 pixels.
const ORIGIN_ABOVE_BASELINE_PX: i32 = 27;
/// Families tried when none of the stack is installed; the first that is there is taken.
const FALLBACK_FAMILIES: [&str; 4] = ["Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Zen Hei", "DejaVu Sans"];

/// One glyph of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glyph {
    /// Code point.
    pub id: u32,
    /// Field, row by row from the top, `(width + 2 * 3) * (height + 2 * 3)` bytes; empty for a blank.
    pub bitmap: Vec<u8>,
    /// Width of the outline's box, pixels, buffer left out.
    pub width: u32,
    /// Height of the outline's box.
    pub height: u32,
    /// Left edge of the box from the pen.
    pub left: i32,
    /// Top edge of the box from `MapLibre`'s origin, negative downwards.
    pub top: i32,
    /// Pen advance.
    pub advance: u32,
}

/// The installed fonts.
#[derive(Debug)]
pub struct Fonts {
    database: Arc<Database>,
}

impl Fonts {
    /// Looks the system's font folders through.
    pub fn of_system() -> Self {
        let mut database = Database::new();
        database.load_system_fonts();
        Self { database: Arc::new(database) }
    }

    /// The faces that draw a font stack such as `Noto Sans CJK SC Regular,Open Sans Bold`: those named, then a fallback.
    fn faces(&self, fontstack: &str) -> Vec<ID> {
        let mut faces = Vec::new();
        for name in fontstack.split(',').map(str::trim).chain(FALLBACK_FAMILIES) {
            let (family, weight) = family_and_weight(name);
            let query = Query { families: &[Family::Name(family)], weight, ..Query::default() };
            if let Some(face) = self.database.query(&query)
                && !faces.contains(&face)
            {
                faces.push(face);
            }
        }
        faces
    }

    /// The file that draws a font stack, and the face's index in it.
    pub fn file(&self, fontstack: &str) -> Option<(Vec<u8>, u32)> {
        let face = *self.faces(fontstack).first()?;
        self.database.with_face_data(face, |data, index| (data.to_vec(), index))
    }

    /// The message of code points `start..start + 256`; glyphs that no face has are left out, as MapLibre expects.
    pub fn range(&self, fontstack: &str, start: u32) -> Vec<u8> {
        let mut glyphs: Vec<Glyph> = Vec::new();
        for face in self.faces(fontstack) {
            self.database.with_face_data(face, |data, index| {
                let Ok(face) = ttf_parser::Face::parse(data, index) else { return };
                for id in start..start + 256 {
                    if glyphs.iter().all(|glyph| glyph.id != id)
                        && let Some(glyph) = char::from_u32(id).and_then(|character| glyph_of(&face, character))
                    {
                        glyphs.push(glyph);
                    }
                }
            });
        }
        glyphs.sort_by_key(|glyph| glyph.id);
        pbf::encode(fontstack, &format!("{start}-{}", start + 255), &glyphs)
    }
}

/// `Noto Sans CJK SC Bold` is the family and a weight.
fn family_and_weight(name: &str) -> (&str, Weight) {
    const WEIGHTS: [(&str, Weight); 7] = [
        (" Regular", Weight::NORMAL),
        (" Bold", Weight::BOLD),
        (" Medium", Weight::MEDIUM),
        (" Light", Weight::LIGHT),
        (" Black", Weight::BLACK),
        (" Semibold", Weight::SEMIBOLD),
        (" Thin", Weight::THIN),
    ];
    WEIGHTS
        .iter()
        .find_map(|(suffix, weight)| Some((name.strip_suffix(suffix)?, *weight)))
        .unwrap_or((name, Weight::NORMAL))
}

fn glyph_of(face: &ttf_parser::Face<'_>, character: char) -> Option<Glyph> {
    let index = face.glyph_index(character)?;
    let scale = EM_PX / f32::from(face.units_per_em().max(1));
    let advance = (f32::from(face.glyph_hor_advance(index).unwrap_or(0)) * scale).round() as u32;
    let blank = Glyph { id: character.into(), bitmap: Vec::new(), width: 0, height: 0, left: 0, top: 0, advance };
    let segments = outline::segments(face, index, scale);
    let Some([min_x, min_y, max_x, max_y]) = outline::bounds(&segments) else { return Some(blank) };
    let (left, bottom) = (min_x.floor() as i32, min_y.floor() as i32);
    let (right, top) = (max_x.ceil() as i32, max_y.ceil() as i32);
    let (width, height) = ((right - left).unsigned_abs(), (top - bottom).unsigned_abs());
    // No glyph of a text font is that large: a damaged font, not a letter.
    if width > 256 || height > 256 {
        return None;
    }
    Some(Glyph {
        bitmap: sdf::field(&segments, left, top, width, height),
        width,
        height,
        left,
        top: top - ORIGIN_ABOVE_BASELINE_PX,
        ..blank
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the message back with a reader of its own.
    fn decode(mut bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
        fn varint(bytes: &mut &[u8]) -> u64 {
            let mut value = 0;
            for shift in (0..).step_by(7) {
                let (first, rest) = bytes.split_first().expect("more bytes");
                *bytes = rest;
                value |= u64::from(first & 0x7f) << shift;
                if first & 0x80 == 0 {
                    break;
                }
            }
            value
        }
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let value = if key & 7 == 2 {
                let length = varint(&mut bytes) as usize;
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                value.to_vec()
            } else {
                varint(&mut bytes).to_le_bytes().to_vec()
            };
            fields.push(((key >> 3) as u32, value));
        }
        fields
    }

    fn number(field: &[u8]) -> u64 {
        u64::from_le_bytes(field.try_into().expect("a number"))
    }

    #[test]
    fn chinese_glyphs_come_out_of_the_system_font_with_the_shape_of_the_letter() {
        let fonts = Fonts::of_system();
        if fonts.faces("Noto Sans CJK SC Regular").is_empty() {
            println!("SKIPPED: no font is installed (fonts-noto-cjk)");
            return;
        }
        // 一 (U+4E00) is one horizontal stroke: ink in the middle row, none in the corners.
        let message = fonts.range("Noto Sans CJK SC Regular", 0x4E00);
        let stack = &decode(&message)[0].1;
        let fields = decode(stack);
        assert_eq!(String::from_utf8_lossy(&fields[0].1), "Noto Sans CJK SC Regular");
        assert_eq!(String::from_utf8_lossy(&fields[1].1), "19968-20223");
        assert!(fields.len() > 250, "Noto CJK has nearly all of the block");
        let first = decode(&fields[2].1);
        let get = |tag: u32| first.iter().find(|(t, _)| *t == tag).map(|(_, value)| value.clone()).expect("the field");
        assert_eq!(number(&get(1)), 0x4E00);
        let (width, height) = (number(&get(3)) as usize, number(&get(4)) as usize);
        let bitmap = get(2);
        assert_eq!(bitmap.len(), (width + 6) * (height + 6));
        assert!(width > 3 * height, "one wide stroke: {width} x {height}");
        let at = |x: usize, y: usize| bitmap[y * (width + 6) + x];
        assert!(at(width / 2 + 3, height / 2 + 3) > 192, "inside");
        assert!(at(0, 0) < 192 && at(width + 5, height + 5) < 192, "outside");
        assert_eq!(number(&get(7)), 24, "an ideograph advances one em");
    }

    #[test]
    fn names_are_split_into_family_and_weight() {
        assert_eq!(family_and_weight("Noto Sans CJK SC Bold"), ("Noto Sans CJK SC", Weight::BOLD));
        assert_eq!(family_and_weight("Noto Sans CJK SC"), ("Noto Sans CJK SC", Weight::NORMAL));
    }
}
