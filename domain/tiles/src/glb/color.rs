//! Vertex colours between pictures' sRGB bytes and glTF's linear light.
//!
//! glTF stores `COLOR_0` linear (2.0, 3.7.2.1). A byte of linear light loses the dark half of a
//! picture, so 16 bits are written: every sRGB byte comes back as itself.
//!
//! Source: IEC 61966-2-1.

use std::sync::LazyLock;

/// Linear light, 0 to 65,535, of every sRGB byte.
static LINEAR: LazyLock<[u16; 256]> = LazyLock::new(|| {
    std::array::from_fn(|byte| {
        let encoded = byte as f64 / 255.0;
        let linear = if encoded <= 0.040_45 { encoded / 12.92 } else { ((encoded + 0.055) / 1.055).powf(2.4) };
        (linear * 65_535.0).round() as u16
    })
});

/// The sRGB byte of every step of linear light.
static ENCODED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let encode = |step: u32| {
        let linear = f64::from(step) / 65_535.0;
        let encoded = if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
        (encoded * 255.0).round() as u8
    };
    (0..=65_535).map(encode).collect()
});

/// Red, green, blue in sRGB and alpha, as glTF stores them in 16 bits.
pub(super) fn linear_from_srgb([red, green, blue, alpha]: [u8; 4]) -> [u16; 4] {
    let linear = |byte: u8| LINEAR[usize::from(byte)];
    [linear(red), linear(green), linear(blue), u16::from(alpha) * 257]
}

/// The sRGB byte of linear light in 0..1.
pub(super) fn srgb_from_linear(linear: f32) -> u8 {
    ENCODED[(linear.clamp(0.0, 1.0) * 65_535.0).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back_as_itself() {
        for byte in 0..=255 {
            let [linear, _, _, alpha] = linear_from_srgb([byte; 4]);
            assert_eq!(srgb_from_linear(f32::from(linear) / 65_535.0), byte);
            assert_eq!(alpha >> 8, u16::from(byte));
        }
        // Middle grey is a fifth of the light.
        assert_eq!(linear_from_srgb([128; 4])[0], 14_146);
    }
}
