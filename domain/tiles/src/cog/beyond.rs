//! Heights where there are none, for ground that is looked at: a map client knows no gap in its terrain and draws a cliff
//! down to the sea where the survey ends. So nearby heights are carried on, softly, into holes and past the edge.
//!
//! These heights are invented. They go into pictures of terrain that were asked for as such and nowhere else:
//! [`Cog::height_tile`] and everything that measures never sees them.

use geodesy::Transform;
use geodesy::grid::{TileCoord, TileMatrixSet};

use super::reader::{BandPixels, Cog, Window, in_background};
use super::sample::{bilinear_height, halve_heights};
use crate::TilesError;

/// Samples along the longer side of the data at most: what is carried on is a rough shape.
const MOST_SAMPLES: u32 = 128;

/// A raster's heights, rough and without gaps, with as much around it on every side as it is long.
#[derive(Debug, Clone)]
pub struct Beyond {
    heights: BandPixels,
    /// Samples around the data.
    margin: f64,
    /// Pixels of the full resolution per sample.
    scale: [f64; 2],
    mean: f32,
}

impl Beyond {
    /// The height at a place in pixels of the full resolution.
    fn height(&self, position: [f64; 2]) -> f32 {
        let sides = [self.heights.width, self.heights.height].map(f64::from);
        let at = [0, 1].map(|axis| (position[axis] / self.scale[axis] + self.margin).clamp(0.5, sides[axis] - 0.5));
        // A place that has no coordinates in the raster's CRS is very far away.
        if at.iter().all(|v| v.is_finite()) { bilinear_height(&self.heights, at) } else { self.mean }
    }
}

impl Cog {
    /// The rough shape that is carried on; `None` for a raster without any data.
    ///
    /// # Errors
    /// When the coarsest level cannot be read.
    pub async fn beyond(&self) -> Result<Option<Beyond>, TilesError> {
        let level = self.levels().len().saturating_sub(1);
        let Some(shape) = self.levels().last() else { return Ok(None) };
        let window = Window { x: 0, y: 0, width: shape.width, height: shape.height };
        let mut heights = self.read_band(level, window, 0).await?;
        in_background(move || {
            let mut scale = shape.scale;
            while heights.width.max(heights.height) > MOST_SAMPLES {
                heights = halve_heights(&heights);
                scale = scale.map(|v| v * 2.0);
            }
            let (sum, count) = heights
                .values
                .iter()
                .filter(|value| value.is_finite())
                .fold((0.0, 0.0), |(sum, count), value| (sum + f64::from(*value), count + 1.0));
            let mean = (sum / count) as f32;
            let margin = heights.width.max(heights.height);
            Ok((count > 0.0).then(|| {
                let heights = without_gaps(with_margin(&heights, margin));
                Beyond { heights, margin: f64::from(margin), scale, mean }
            }))
        })
        .await
    }

    /// As [`Self::height_tile`], with `beyond` where there is no data: every pixel has a height.
    ///
    /// # Errors
    /// As [`Self::height_tile`].
    pub async fn shown_height_tile(
        &self,
        cog_from_grid: &Transform,
        grid: TileMatrixSet,
        tile: TileCoord,
        size_px: u32,
        beyond: &Beyond,
    ) -> Result<BandPixels, TilesError> {
        let known = self.height_tile(cog_from_grid, grid, tile, size_px).await?;
        let mut shown = known.unwrap_or_else(|| BandPixels {
            width: size_px,
            height: size_px,
            values: vec![f32::NAN; size_px as usize * size_px as usize],
        });
        if shown.values.iter().any(|value| value.is_nan()) {
            let positions = self.positions(cog_from_grid, grid.bounds(tile), size_px);
            for (value, position) in shown.values.iter_mut().zip(&positions.of_pixels) {
                if value.is_nan() {
                    *value = beyond.height(*position);
                }
            }
        }
        Ok(shown)
    }
}

/// The heights with so many samples without data on every side.
fn with_margin(heights: &BandPixels, margin: u32) -> BandPixels {
    let (width, height) = (heights.width + 2 * margin, heights.height + 2 * margin);
    let mut values = vec![f32::NAN; width as usize * height as usize];
    let rows = values.chunks_exact_mut(width as usize).skip(margin as usize);
    for (row, known) in rows.zip(heights.values.chunks_exact(heights.width as usize)) {
        row[margin as usize..][..known.len()].copy_from_slice(known);
    }
    BandPixels { width, height, values }
}

/// Gaps filled from half the resolution, where they are smaller, and so on: smooth, and near data like the data.
fn without_gaps(mut heights: BandPixels) -> BandPixels {
    if heights.width.max(heights.height) <= 1 || heights.values.iter().all(|value| value.is_finite()) {
        return heights;
    }
    let coarse = without_gaps(halve_heights(&heights));
    for (index, value) in heights.values.iter_mut().enumerate() {
        if !value.is_finite() {
            let (column, row) = (index as u32 % heights.width, index as u32 / heights.width);
            *value = bilinear_height(&coarse, [column, row].map(|at| f64::midpoint(f64::from(at), 0.5)));
        }
    }
    heights
}
