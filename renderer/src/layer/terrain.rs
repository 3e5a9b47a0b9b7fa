//! Terrain: Terrarium tiles become rasters of heights the ground is built from.
//!
//! A raster is kept as delivered, 256 samples a side, each at the centre of its pixel; finer ground tiles sample the
//! finest raster there is, so zooming past the data shows the same surface and never an invented one.

use std::sync::Arc;

use tiles::terrain::TerrainEncoding;

use super::{Kind, Role};
use crate::error::ViewError;
use crate::fetch::Fetched;

/// Elevation datasets.
pub const KIND: Kind = Kind {
    dataset_kind: "elevation",
    title: ["地形", "Terrain"],
    entry: |links| links.terrain.as_ref(),
    role: Role::Heights { decode },
};

/// Heights in metres on a square of samples; NaN where there are none.
#[derive(Clone, Debug)]
pub struct HeightRaster {
    side: usize,
    heights_m: Vec<f32>,
}

impl HeightRaster {
    /// Takes `side * side` heights, row by row from the north-west; `None` when there are not that many.
    #[must_use]
    pub fn new(side: usize, heights_m: Vec<f32>) -> Option<Self> {
        (side >= 2 && heights_m.len() == side * side).then_some(Self { side, heights_m })
    }

    /// The height in metres at `u` east and `v` south across the tile (0..1), bilinear between pixel centres and
    /// carried on linearly over the half pixel at the border, so that neighbours meet; `None` where there is no data.
    #[must_use]
    pub fn height_m(&self, u: f64, v: f64) -> Option<f64> {
        let along = |t: f64| {
            let at = t * self.side as f64 - 0.5;
            let cell = at.floor().clamp(0.0, (self.side - 2) as f64);
            (cell as usize, at - cell)
        };
        let ((column, fraction_x), (row, fraction_y)) = (along(u), along(v));
        let at = |dx: usize, dy: usize| f64::from(self.heights_m[(row + dy) * self.side + column + dx]);
        let corners = [at(0, 0), at(1, 0), at(0, 1), at(1, 1)];
        let weights = [
            (1.0 - fraction_x) * (1.0 - fraction_y),
            fraction_x * (1.0 - fraction_y),
            (1.0 - fraction_x) * fraction_y,
            fraction_x * fraction_y,
        ];
        if corners.iter().all(|height_m| height_m.is_finite()) {
            return Some(corners.iter().zip(weights).map(|(height_m, weight)| height_m * weight).sum());
        }
        // At the rim of the data: what is known, if it is more than half of the answer.
        let (sum, known) = corners
            .iter()
            .zip(weights)
            .filter(|(height_m, weight)| height_m.is_finite() && *weight > 0.0)
            .fold((0.0, 0.0), |(sum, known), (height_m, weight)| (sum + height_m * weight, known + weight));
        (known > 0.5).then(|| sum / known)
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        size_of_val(self.heights_m.as_slice()) as u64
    }
}

pub(super) fn decode(fetched: &Fetched) -> Result<Option<Arc<HeightRaster>>, ViewError> {
    if fetched.body.is_empty() {
        return Ok(None);
    }
    let refuse = |reason: &str| ViewError::Tile { url: fetched.url.to_string(), reason: reason.to_owned() };
    let tile = TerrainEncoding::Terrarium.decode_png(&fetched.body).map_err(|error| refuse(&error.to_string()))?;
    HeightRaster::new(tile.size_px as usize, tile.heights_m)
        .map(|raster| Some(Arc::new(raster)))
        .ok_or_else(|| refuse("a terrain tile needs at least 2 x 2 samples"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slope(side: usize) -> HeightRaster {
        let heights_m =
            (0..side * side).map(|at| (at % side) as f32 + 0.5 + 10.0 * ((at / side) as f32 + 0.5)).collect();
        HeightRaster::new(side, heights_m).expect("square")
    }

    #[test]
    fn a_plane_is_met_exactly_even_at_the_tile_s_border() {
        let raster = slope(8);
        for [u, v] in [[0.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.03, 0.99], [1.0, 1.0]] {
            let expected = u * 8.0 + 10.0 * v * 8.0;
            assert!((raster.height_m(u, v).expect("data") - expected).abs() < 1e-5);
        }
    }

    #[test]
    fn no_data_stays_no_data_and_does_not_leak_into_its_neighbours() {
        let mut heights_m = vec![100.0; 16];
        heights_m[0] = f32::NAN;
        let raster = HeightRaster::new(4, heights_m).expect("square");
        assert_eq!(raster.height_m(0.125, 0.125), None);
        assert!((raster.height_m(0.36, 0.36).expect("mostly data") - 100.0).abs() < 1e-9);
    }
}
