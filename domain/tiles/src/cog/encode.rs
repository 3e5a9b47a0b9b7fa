//! Pictures into bytes: the JPEG and `WebP` tiles that are written and served.

use crate::TilesError;

/// Quality of both codecs, of 100: artefacts are not seen at map scale, and roof edges stay sharp.
const QUALITY: u8 = 85;

/// Effort of `WebP`, of 6. Method 4 (its default) takes twice the time for a twentieth of the size.
const WEBP_METHOD: i32 = 1;

/// A square of RGBA as lossy `WebP` with exact alpha.
pub(super) fn webp(rgba: &[u8], size_px: u32) -> Result<Vec<u8>, TilesError> {
    let mut config = webp::WebPConfig::new().map_err(|()| TilesError::unsupported("WebP", "this libwebp"))?;
    config.quality = f32::from(QUALITY);
    config.method = WEBP_METHOD;
    let encoded = webp::Encoder::from_rgba(rgba, size_px, size_px)
        .encode_advanced(&config)
        .map_err(|source| TilesError::codec("WebP", format!("{source:?}")))?;
    Ok(encoded.to_vec())
}

/// A square of opaque RGBA as JPEG, its tables inside.
pub(super) fn jpeg(rgba: &[u8], size_px: u32) -> Result<Vec<u8>, TilesError> {
    let side = u16::try_from(size_px).map_err(|source| TilesError::codec("JPEG", source))?;
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, QUALITY);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::R_4_2_0);
    encoder
        .encode(rgba, side, side, jpeg_encoder::ColorType::Rgba)
        .map_err(|source| TilesError::codec("JPEG", source))?;
    Ok(bytes)
}
