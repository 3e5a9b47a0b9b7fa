//! Terrain tiles: heights in the colours of a PNG, as MapLibre and the desktop viewer read them.
//!
//! Two encodings, both 24 bits over red, green and blue:
//! Terrarium, `height = code / 256 - 32768`, and Mapbox Terrain-RGB, `height = code / 10 - 10000`.
//!
//! Neither has a no-data value, and both alpha and the lowest code fail in practice: browsers premultiply alpha, and the
//! lowest code draws a cliff 32 km deep. Here the code of exactly 0 m means "no data": a reader that knows nothing of it
//! sees sea level, ours sees a gap. A true 0 m is written as the next code, 1/256 m (or 0.1 m) away.

use std::io::Cursor;

use crate::TilesError;

/// Side of the terrain tiles the server makes, in pixels.
pub const TILE_SIZE_PX: u32 = 256;

/// A PNG wider than this is refused: no terrain tile is.
const MAX_SIZE_PX: u32 = 2048;

/// How a height becomes a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TerrainEncoding {
    /// Steps of 1/256 m from -32768 m.
    Terrarium,
    /// Steps of 0.1 m from -10000 m.
    Mapbox,
}

/// Every terrain encoding there is.
pub const TERRAIN_ENCODINGS: [TerrainEncoding; 2] = [TerrainEncoding::Terrarium, TerrainEncoding::Mapbox];

/// Decoded heights of one tile.
#[derive(Debug, Clone, PartialEq)]
pub struct TerrainTile {
    /// Pixels per side.
    pub size_px: u32,
    /// Heights in metres, row by row from the north-west; NaN where there is no data.
    pub heights_m: Vec<f32>,
}

impl TerrainEncoding {
    /// The name used in URLs and in the `encoding` member of a MapLibre source.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Terrarium => "terrarium",
            Self::Mapbox => "mapbox",
        }
    }

    /// The encoding of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TERRAIN_ENCODINGS.into_iter().find(|e| e.name() == name)
    }

    fn base_m(self) -> f64 {
        match self {
            Self::Terrarium => -32768.0,
            Self::Mapbox => -10_000.0,
        }
    }

    fn steps_per_m(self) -> f64 {
        match self {
            Self::Terrarium => 256.0,
            Self::Mapbox => 10.0,
        }
    }

    /// The code of 0 m, which stands for "no data".
    fn no_data_code(self) -> u32 {
        (-self.base_m() * self.steps_per_m()) as u32
    }

    /// The colour of a height in metres; NaN and infinities are "no data", heights outside the range are clamped.
    #[must_use]
    pub fn rgb_from_height_m(self, height_m: f32) -> [u8; 3] {
        let no_data = self.no_data_code();
        let code = if height_m.is_finite() {
            let steps = (f64::from(height_m) - self.base_m()) * self.steps_per_m();
            let code = steps.round().clamp(0.0, f64::from(0x00ff_ffff)) as u32;
            if code != no_data {
                code
            } else if height_m < 0.0 {
                no_data - 1
            } else {
                no_data + 1
            }
        } else {
            no_data
        };
        let [_, red, green, blue] = code.to_be_bytes();
        [red, green, blue]
    }

    /// The height of a colour in metres; NaN for "no data".
    #[must_use]
    pub fn height_m_from_rgb(self, [red, green, blue]: [u8; 3]) -> f32 {
        let code = u32::from_be_bytes([0, red, green, blue]);
        if code == self.no_data_code() {
            f32::NAN
        } else {
            (f64::from(code) / self.steps_per_m() + self.base_m()) as f32
        }
    }

    /// A PNG of `size_px` x `size_px` heights in metres (row by row from the north-west, NaN for no data).
    ///
    /// # Errors
    /// When the number of heights is not `size_px`².
    pub fn encode_png(self, size_px: u32, heights_m: &[f32]) -> Result<Vec<u8>, TilesError> {
        if heights_m.len() as u64 != u64::from(size_px) * u64::from(size_px) || size_px == 0 {
            return Err(TilesError::Argument {
                reason: format!("{} heights for {size_px} x {size_px} px", heights_m.len()),
            });
        }
        let pixels: Vec<u8> = heights_m.iter().flat_map(|&height_m| self.rgb_from_height_m(height_m)).collect();
        let mut png_bytes = Vec::with_capacity(pixels.len() / 2);
        let mut encoder = png::Encoder::new(&mut png_bytes, size_px, size_px);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().map_err(|source| TilesError::codec("PNG", source))?;
        writer
            .write_image_data(&pixels)
            .and_then(|()| writer.finish())
            .map_err(|source| TilesError::codec("PNG", source))?;
        Ok(png_bytes)
    }

    /// The heights of a square 8-bit RGB or RGBA PNG.
    ///
    /// # Errors
    /// When the bytes are no such PNG or it is wider than 2048 px.
    pub fn decode_png(self, png_bytes: &[u8]) -> Result<TerrainTile, TilesError> {
        let mut decoder = png::Decoder::new(Cursor::new(png_bytes));
        decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
        let mut reader = decoder.read_info().map_err(|source| TilesError::codec("PNG", source))?;
        let (width, height) = reader.info().size();
        if width != height || width > MAX_SIZE_PX {
            return Err(TilesError::malformed(
                "terrain PNG",
                format!("{width} x {height} px, expected a square of at most {MAX_SIZE_PX}"),
            ));
        }
        let channels = match reader.output_color_type().0 {
            png::ColorType::Rgb => 3,
            png::ColorType::Rgba => 4,
            other => {
                return Err(TilesError::unsupported("terrain PNG", format!("colour type {other:?}")));
            }
        };
        let mut pixels = vec![0; width as usize * height as usize * channels];
        reader.next_frame(&mut pixels).map_err(|source| TilesError::codec("PNG", source))?;
        let heights_m = pixels
            .chunks_exact(channels)
            .map(|pixel| match pixel {
                [_, _, _, 0] => f32::NAN,
                [red, green, blue, ..] => self.height_m_from_rgb([*red, *green, *blue]),
                _ => f32::NAN,
            })
            .collect();
        Ok(TerrainTile { size_px: width, heights_m })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn published_example_colours_mean_their_published_heights() {
        // Mapbox Terrain-RGB: -10000 + (1 * 65536 + 134 * 256 + 160) * 0.1 = 0; Tilezen: 128, 0, 0 is 0 m.
        assert_eq!(TerrainEncoding::Mapbox.rgb_from_height_m(f32::NAN), [1, 134, 160]);
        assert_eq!(TerrainEncoding::Terrarium.rgb_from_height_m(f32::NAN), [128, 0, 0]);
        assert_eq!(TerrainEncoding::Terrarium.rgb_from_height_m(100.5), [128, 100, 128]);
        assert!(
            (TerrainEncoding::Mapbox.height_m_from_rgb([1, 138, 136]) - 100.0).abs() < 1e-4,
            "0x018a88 is 101000 steps of 0.1 m above -10000 m"
        );
    }

    #[test]
    fn no_data_survives_a_png_and_a_true_zero_stays_a_height() {
        for encoding in TERRAIN_ENCODINGS {
            let heights_m = [f32::NAN, 0.0, -0.01, 8848.86];
            let png_bytes = encoding.encode_png(2, &heights_m).unwrap();
            let tile = encoding.decode_png(&png_bytes).unwrap();
            assert_eq!(tile.size_px, 2);
            assert!(tile.heights_m[0].is_nan());
            for (got, want) in tile.heights_m.iter().zip(heights_m).skip(1) {
                assert!((f64::from(*got) - f64::from(want)).abs() <= 1.0 / encoding.steps_per_m() + 1e-3);
            }
        }
    }

    #[test]
    fn hostile_png_is_an_error() {
        for bytes in [&b""[..], b"\x89PNG\r\n\x1a\n", b"GIF89a"] {
            assert!(TerrainEncoding::Terrarium.decode_png(bytes).is_err());
        }
    }

    proptest! {
        #[test]
        fn height_survives_to_one_step(height_m in -9000.0_f32..9000.0) {
            for encoding in TERRAIN_ENCODINGS {
                let back = encoding.height_m_from_rgb(encoding.rgb_from_height_m(height_m));
                let step = 1.0 / encoding.steps_per_m();
                // Half a step, or one whole around 0 m, and f32's own rounding.
                let allowed = if f64::from(height_m).abs() <= step { step } else { step / 2.0 };
                prop_assert!((f64::from(back) - f64::from(height_m)).abs() <= allowed + 1e-3);
            }
        }
    }
}
