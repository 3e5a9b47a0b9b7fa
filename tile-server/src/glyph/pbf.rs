//! The protobuf message `glyphs` that MapLibre reads, written by hand: three nested messages of nine fields.

use super::Glyph;

/// `glyphs { stacks = 1 }`, `fontstack { name = 1, range = 2, glyphs = 3 }`,
/// `glyph { id = 1, bitmap = 2, width = 3, height = 4, left = 5 (zigzag), top = 6 (zigzag), advance = 7 }`.
pub(super) fn encode(name: &str, range: &str, glyphs: &[Glyph]) -> Vec<u8> {
    let mut stack = Vec::new();
    bytes_field(&mut stack, 1, name.as_bytes());
    bytes_field(&mut stack, 2, range.as_bytes());
    for glyph in glyphs {
        let mut message = Vec::new();
        number_field(&mut message, 1, glyph.id);
        if !glyph.bitmap.is_empty() {
            bytes_field(&mut message, 2, &glyph.bitmap);
        }
        number_field(&mut message, 3, glyph.width);
        number_field(&mut message, 4, glyph.height);
        number_field(&mut message, 5, zigzag(glyph.left));
        number_field(&mut message, 6, zigzag(glyph.top));
        number_field(&mut message, 7, glyph.advance);
        bytes_field(&mut stack, 3, &message);
    }
    let mut out = Vec::with_capacity(stack.len() + 8);
    bytes_field(&mut out, 1, &stack);
    out
}

fn zigzag(value: i32) -> u32 {
    (value.wrapping_shl(1) ^ (value >> 31)).cast_unsigned()
}

fn number_field(out: &mut Vec<u8>, tag: u32, value: u32) {
    varint(out, u64::from(tag << 3));
    varint(out, value.into());
}

fn bytes_field(out: &mut Vec<u8>, tag: u32, bytes: &[u8]) {
    varint(out, u64::from(tag << 3 | 2));
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_the_bytes_that_protobuf_prescribes() {
        let glyph = Glyph { id: 300, bitmap: vec![9], width: 1, height: 2, left: -1, top: 3, advance: 24 };
        let expected = [
            0x0a, 0x1c, // stacks, whose length is checked below
            0x0a, 0x01, b'n', // name
            0x12, 0x05, b'0', b'-', b'2', b'5', b'5', // range
            0x1a, 0x10, // glyphs
            0x08, 0xac, 0x02, 0x12, 0x01, 9, 0x18, 1, 0x20, 2, 0x28, 1, 0x30, 6, 0x38, 24,
        ];
        let got = encode("n", "0-255", &[glyph]);
        assert_eq!(got.get(2..), expected.get(2..));
        assert_eq!(usize::from(got[1]), got.len() - 2);
    }
}
