//! A font face: text to outlines, with Chinese first. One face (the system's Noto Sans CJK SC holds Latin too), no shaping beyond
//! advances: labels on Chinese plan maps are Han, digits and Latin, which need none.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tiny_skia::{Path, PathBuilder, Transform};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

use crate::error::CartoError;

/// A face with its glyph outlines remembered. Share one per program: it is `Sync`.
pub struct Font {
    bytes: Vec<u8>,
    index: u32,
    units_per_em: f32,
    ascender: f32,
    descender: f32,
    glyphs: Mutex<HashMap<char, Glyph>>,
}

#[derive(Clone)]
struct Glyph {
    /// Outline in em units, y downwards, baseline at 0; none for blanks.
    outline: Option<Path>,
    advance_em: f32,
}

impl std::fmt::Debug for Font {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Font")
            .field("bytes", &self.bytes.len())
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

struct Outliner {
    path: PathBuilder,
    scale: f32,
}

impl OutlineBuilder for Outliner {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(x * self.scale, -y * self.scale);
    }
    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(x * self.scale, -y * self.scale);
    }
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.path.quad_to(x1 * self.scale, -y1 * self.scale, x * self.scale, -y * self.scale);
    }
    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.path.cubic_to(
            x1 * self.scale,
            -y1 * self.scale,
            x2 * self.scale,
            -y2 * self.scale,
            x * self.scale,
            -y * self.scale,
        );
    }
    fn close(&mut self) {
        self.path.close();
    }
}

impl Font {
    /// Takes a font file's bytes (TTF, OTF or a collection) and the face's index in it.
    ///
    /// # Errors
    /// [`CartoError::Font`] when the bytes hold no such face.
    pub fn from_bytes(bytes: Vec<u8>, index: u32) -> Result<Self, CartoError> {
        let face = Face::parse(&bytes, index).map_err(|source| CartoError::Font { source })?;
        let units_per_em = f32::from(face.units_per_em());
        let (ascender, descender) =
            (f32::from(face.ascender()) / units_per_em, f32::from(face.descender()) / units_per_em);
        Ok(Self { units_per_em, ascender, descender, index, glyphs: Mutex::default(), bytes })
    }

    /// Height of a line of text in em.
    #[must_use]
    pub fn line_height_em(&self) -> f32 {
        (self.ascender - self.descender).clamp(1.0, 1.6)
    }

    /// Width of a line of text in em.
    #[must_use]
    pub fn width_em(&self, text: &str) -> f32 {
        self.glyphs_of(text).iter().map(|glyph| glyph.advance_em).sum()
    }

    /// Outline of one line of text at `size_px`, its baseline's left end at (0, 0), y downwards; none when nothing is visible.
    #[must_use]
    pub fn outline(&self, text: &str, size_px: f32) -> Option<Path> {
        let mut path = PathBuilder::new();
        let mut x_em = 0.0;
        for glyph in self.glyphs_of(text) {
            if let Some(outline) = &glyph.outline
                && let Some(placed) =
                    outline.clone().transform(Transform::from_row(size_px, 0.0, 0.0, size_px, x_em * size_px, 0.0))
            {
                path.push_path(&placed);
            }
            x_em += glyph.advance_em;
        }
        path.finish()
    }

    fn glyphs_of(&self, text: &str) -> Vec<Glyph> {
        // A panic while the lock was held leaves at most a missing cache entry.
        let mut known = self.glyphs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut face = None;
        text.chars()
            .map(|character| {
                if let Some(glyph) = known.get(&character) {
                    return glyph.clone();
                }
                let face = face.get_or_insert_with(|| Face::parse(&self.bytes, self.index).ok());
                let glyph =
                    face.as_ref().map_or(Glyph { outline: None, advance_em: 0.5 }, |face| self.glyph(face, character));
                known.insert(character, glyph.clone());
                glyph
            })
            .collect()
    }

    fn glyph(&self, face: &Face<'_>, character: char) -> Glyph {
        let id = face.glyph_index(character).unwrap_or(GlyphId(0));
        let mut outliner = Outliner { path: PathBuilder::new(), scale: 1.0 / self.units_per_em };
        let drawn = face.outline_glyph(id, &mut outliner).is_some();
        let advance_em = face.glyph_hor_advance(id).map_or(1.0, |advance| f32::from(advance) / self.units_per_em);
        Glyph { outline: if drawn { outliner.path.finish() } else { None }, advance_em }
    }

    /// Breaks text so that no line is wider than `max_em`; Han characters may break anywhere, Latin words only at blanks.
    #[must_use]
    pub fn wrap(&self, text: &str, max_em: f32) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.split('\n') {
            let mut line = String::new();
            for word in breakable_pieces(paragraph) {
                if !line.is_empty() && self.width_em(&line) + self.width_em(word.trim_end()) > max_em {
                    lines.push(line.trim_end().to_owned());
                    line = String::new();
                }
                line.push_str(word);
            }
            lines.push(line.trim_end().to_owned());
        }
        lines.retain(|line| !line.is_empty());
        lines
    }
}

/// Pieces of a line between which it may break: single Han characters, or words with their trailing blank.
fn breakable_pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let end = at + character.len_utf8();
        let breaks = is_han(character) || character == ' ' || characters.peek().is_some_and(|(_, next)| is_han(*next));
        if breaks {
            pieces.extend(text.get(start..end));
            start = end;
        }
    }
    pieces.extend(text.get(start..).filter(|rest| !rest.is_empty()));
    pieces
}

/// Whether a character is written without blanks around it (CJK ideographs, kana and full-width forms).
fn is_han(character: char) -> bool {
    matches!(character, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn han_breaks_anywhere_and_latin_at_blanks() {
        assert_eq!(breakable_pieces("乡道 Y001 线"), vec!["乡", "道", " ", "Y001 ", "线"]);
        assert_eq!(breakable_pieces("big river"), vec!["big ", "river"]);
    }
}
