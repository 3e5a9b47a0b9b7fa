//! S3TC (DXT1, DXT3, DXT5) blocks to pixels, and the DDS header around them.
//!
//! As the Khronos Data Format Specification 1.3, chapter 18 describes them.

use image::RgbaImage;

/// How a block of 4 x 4 pixels is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blocks {
    /// 8 bytes, opaque or one-bit alpha.
    Dxt1,
    /// 16 bytes, four bits of alpha.
    Dxt3,
    /// 16 bytes, interpolated alpha.
    Dxt5,
}

impl Blocks {
    /// By OpenGL's pixel format.
    pub(super) fn from_gl(format: u32) -> Option<Self> {
        match format {
            0x83F0 | 0x83F1 => Some(Self::Dxt1),
            0x83F2 => Some(Self::Dxt3),
            0x83F3 => Some(Self::Dxt5),
            _ => None,
        }
    }

    fn bytes(self) -> usize {
        if self == Self::Dxt1 { 8 } else { 16 }
    }
}

/// Width, height, packing and data of a DDS file with S3TC in it.
pub(super) fn dds(file: &[u8]) -> Result<(u32, u32, Blocks, &[u8]), String> {
    let number = |at: usize| {
        let four = file.get(at..at + 4).and_then(|four| four.try_into().ok());
        four.map(u32::from_le_bytes).ok_or("a DDS file that ends in its header")
    };
    let blocks = match &number(84)?.to_le_bytes() {
        b"DXT1" => Blocks::Dxt1,
        b"DXT2" | b"DXT3" => Blocks::Dxt3,
        b"DXT4" | b"DXT5" => Blocks::Dxt5,
        other => return Err(format!("a DDS file of kind {:?}", String::from_utf8_lossy(other))),
    };
    Ok((number(16)?, number(12)?, blocks, file.get(128..).unwrap_or_default()))
}

/// Decodes the first level, rows as they lie in memory.
pub(super) fn decode(width: u32, height: u32, blocks: Blocks, data: &[u8]) -> Result<RgbaImage, String> {
    let across = width.div_ceil(4) as usize;
    let needed = across * height.div_ceil(4) as usize * blocks.bytes();
    let data = data.get(..needed).ok_or_else(|| format!("{} bytes for {width} x {height} pixels", data.len()))?;
    let mut out = RgbaImage::new(width, height);
    for (number, block) in data.chunks_exact(blocks.bytes()).enumerate() {
        let (left, top) = ((number % across * 4) as u32, (number / across * 4) as u32);
        let (alpha, color) = block.split_at(block.len() - 8);
        let palette = palette(color, blocks == Blocks::Dxt1);
        for pixel in 0..16 {
            let (x, y) = (left + pixel % 4, top + pixel / 4);
            if x < width && y < height {
                let mut rgba = palette[usize::from(color[4 + pixel as usize / 4] >> (pixel % 4 * 2) & 3)];
                match blocks {
                    Blocks::Dxt1 => {}
                    Blocks::Dxt3 => rgba[3] = (alpha[pixel as usize / 2] >> (pixel % 2 * 4) & 15) * 17,
                    Blocks::Dxt5 => rgba[3] = interpolated_alpha(alpha, pixel),
                }
                out.put_pixel(x, y, image::Rgba(rgba));
            }
        }
    }
    Ok(out)
}

/// The four colours of a block: two stored in 5-6-5 bits, two between them.
fn palette(block: &[u8], may_be_transparent: bool) -> [[u8; 4]; 4] {
    let stored = [u16::from_le_bytes([block[0], block[1]]), u16::from_le_bytes([block[2], block[3]])];
    let [a, b] = stored.map(|color| {
        let channel = |shift: u32, bits: u32| {
            let full = (1 << bits) - 1;
            ((u32::from(color) >> shift & full) * 255 + full / 2) / full
        };
        [channel(11, 5), channel(5, 6), channel(0, 5)]
    });
    let mix = |of_a: u32, of_b: u32| {
        let rgb: [u32; 3] = std::array::from_fn(|i| (a[i] * of_a + b[i] * of_b) / (of_a + of_b));
        [rgb[0] as u8, rgb[1] as u8, rgb[2] as u8, 255]
    };
    if may_be_transparent && stored[0] <= stored[1] {
        [mix(1, 0), mix(0, 1), mix(1, 1), [0; 4]]
    } else {
        [mix(1, 0), mix(0, 1), mix(2, 1), mix(1, 2)]
    }
}

fn interpolated_alpha(block: &[u8], pixel: u32) -> u8 {
    let (a, b) = (u32::from(block[0]), u32::from(block[1]));
    let bits = block[2..8].iter().rev().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    let code = (bits >> (pixel * 3) & 7) as u32;
    let value = match (code, a > b) {
        (0, _) => a,
        (1, _) => b,
        (_, true) => ((8 - code) * a + (code - 1) * b) / 7,
        (6, false) => 0,
        (7, false) => 255,
        (_, false) => ((6 - code) * a + (code - 1) * b) / 5,
    };
    value as u8
}
