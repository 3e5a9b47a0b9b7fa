//! A delivered raster seen as red, green, blue and opacity, window by window.
//!
//! Colour bands are taken by what the file says they are for, else in delivered order. Sixteen-bit
//! pictures are stretched to eight by one scale for the whole picture, so that tiles match.

use std::sync::{Mutex, PoisonError};

use crate::gdal::GdalFailure;
use crate::gdal::raster::{BandRole, RasterFile, Samples, Window};

/// Pixels looked at for the stretch of a sixteen-bit picture.
const LOOK: usize = 512;
/// Share of samples left dark or bright by the stretch, each.
const CLIPPED: f64 = 0.005;

/// A picture that can be read from several threads, one at a time.
#[derive(Debug)]
pub struct Picture {
    raster: Mutex<RasterFile>,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    colour: Colour,
    opacity: Opacity,
    /// Sample value of black and of white, for more than eight bits.
    stretch: Option<[f32; 2]>,
}

#[derive(Debug, Clone)]
enum Colour {
    /// Indices of red, green and blue.
    Bands([usize; 3]),
    Palette(Vec<[u8; 4]>),
}

#[derive(Debug, Clone, Copy)]
enum Opacity {
    Whole,
    /// The band of this index.
    Alpha(usize),
    /// What GDAL makes of no-data values and mask bands: transparent where every band is.
    Mask,
}

/// Pixels of a window: `[r, g, b, a]`, not premultiplied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Columns.
    pub width: usize,
    /// Row by row.
    pub rgba: Vec<[u8; 4]>,
}

impl Picture {
    /// Decides how the bands make a picture.
    pub fn new(raster: RasterFile) -> Result<Self, GdalFailure> {
        let summary = raster.summary().clone();
        let bands = &summary.bands;
        let find = |role: BandRole| bands.iter().position(|band| band.role == role);
        let alpha = find(BandRole::Alpha).or((bands.len() == 4).then_some(3));
        let colours: Vec<usize> = (0..bands.len()).filter(|index| Some(*index) != alpha).collect();
        let palette = match colours.as_slice() {
            [only] if bands[*only].role == BandRole::Palette => raster.palette(*only)?,
            _ => None,
        };
        let colour = match (palette, colours.as_slice()) {
            (Some(palette), _) => Colour::Palette(palette),
            (None, [r, g, b, ..]) => Colour::Bands([
                find(BandRole::Red).unwrap_or(*r),
                find(BandRole::Green).unwrap_or(*g),
                find(BandRole::Blue).unwrap_or(*b),
            ]),
            (None, [grey, ..]) => Colour::Bands([*grey; 3]),
            (None, []) => return Err(GdalFailure::Impossible { what: "no colour band".to_owned() }),
        };
        let first = colours.first().copied().unwrap_or(0);
        let opacity = match alpha {
            Some(alpha) => Opacity::Alpha(alpha),
            None if raster.is_all_valid(first)? => Opacity::Whole,
            None => Opacity::Mask,
        };
        let mut picture = Self {
            width: summary.width,
            height: summary.height,
            colour,
            opacity,
            stretch: None,
            raster: Mutex::new(raster),
        };
        if bands.iter().any(|band| band.samples != Samples::U8) {
            picture.stretch = Some(picture.find_stretch()?);
        }
        Ok(picture)
    }

    /// True where no pixel can be transparent.
    #[must_use]
    pub fn is_opaque(&self) -> bool {
        matches!(self.opacity, Opacity::Whole) && !matches!(self.colour, Colour::Palette(_))
    }

    /// The stretch of a sixteen-bit picture: the samples that became black and white.
    #[must_use]
    pub fn stretch(&self) -> Option<[f32; 2]> {
        self.stretch
    }

    /// Reads columns `x..x + width`, rows `y..y + height`, all inside the picture.
    pub fn read(&self, window: Window) -> Result<Pixels, GdalFailure> {
        let raster = self.raster.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rgba = vec![[0, 0, 0, 255]; window.out_width * window.out_height];
        match &self.colour {
            Colour::Palette(palette) => {
                for (pixel, index) in rgba.iter_mut().zip(raster.read_u8(0, window)?) {
                    *pixel = palette.get(usize::from(index)).copied().unwrap_or_default();
                }
            }
            Colour::Bands([r, g, b]) => {
                for (channel, band) in [*r, *g, *b].into_iter().enumerate() {
                    if channel > 0 && r == g && g == b {
                        for pixel in &mut rgba {
                            pixel[channel] = pixel[0];
                        }
                        continue;
                    }
                    let samples = self.samples(&raster, band, window)?;
                    for (pixel, sample) in rgba.iter_mut().zip(samples) {
                        pixel[channel] = sample;
                    }
                }
            }
        }
        match self.opacity {
            Opacity::Whole => {}
            Opacity::Alpha(band) => {
                let wide = self.stretch.is_some();
                let alpha = if wide {
                    raster.read_u16(band, window)?.into_iter().map(|a| u8::try_from(a >> 8).unwrap_or(255)).collect()
                } else {
                    raster.read_u8(band, window)?
                };
                for (pixel, alpha) in rgba.iter_mut().zip(alpha) {
                    pixel[3] = alpha;
                }
            }
            Opacity::Mask => {
                let bands = if let Colour::Bands(bands) = &self.colour { bands.to_vec() } else { vec![0] };
                let mut valid = vec![0_u8; rgba.len()];
                for band in bands {
                    for (valid, mask) in valid.iter_mut().zip(raster.read_mask(band, window)?) {
                        *valid |= mask;
                    }
                }
                for (pixel, valid) in rgba.iter_mut().zip(valid) {
                    if valid == 0 {
                        *pixel = [0; 4];
                    }
                }
            }
        }
        Ok(Pixels { width: window.out_width, rgba })
    }

    fn samples(&self, raster: &RasterFile, band: usize, window: Window) -> Result<Vec<u8>, GdalFailure> {
        let Some([black, white]) = self.stretch else {
            return raster.read_u8(band, window);
        };
        let scale = 255.0 / (white - black).max(1.0);
        let samples = raster.read_f32(band, window)?;
        Ok(samples.into_iter().map(|sample| ((sample - black) * scale).round().clamp(0.0, 255.0) as u8).collect())
    }

    /// Black and white of the middle 99 % of what a small version of the picture shows.
    fn find_stretch(&self) -> Result<[f32; 2], GdalFailure> {
        let raster = self.raster.lock().unwrap_or_else(PoisonError::into_inner);
        let window = Window {
            out_width: self.width.min(LOOK),
            out_height: self.height.min(LOOK),
            ..Window::whole(0, 0, self.width, self.height)
        };
        let Colour::Bands(bands) = &self.colour else { return Ok([0.0, 255.0]) };
        let mut values = Vec::new();
        for band in bands {
            values.extend(raster.read_f32(*band, window)?.into_iter().filter(|v| v.is_finite() && *v > 0.0));
        }
        values.sort_by(f32::total_cmp);
        let at = |share: f64| values.get(((values.len().max(1) - 1) as f64 * share) as usize).copied();
        Ok([at(CLIPPED).unwrap_or(0.0), at(1.0 - CLIPPED).unwrap_or(255.0)])
    }
}
