//! The ground's heights at their finest, wherever they are asked for: what is not loaded yet is asked for beside what the
//! view needs, through the same cache, and answered once it is there.

use std::sync::Arc;

use super::{Cached, Ground, HeightLayer, Wanted, bounds_lon_lat_deg, nearest, source_address, window};
use crate::layer::Address;
use crate::layer::terrain::HeightRaster;
use crate::scene::place;
use crate::scene::relief::{self, Relief};
use crate::scene::selection::Urgency;

/// Tiles one question may ask for.
const MOST_TILES: usize = 1_024;

/// The rasters that give a tile its height, coarse first: the last one with data at a place answers.
#[derive(Clone, Default)]
pub struct Sampler(Vec<(Arc<HeightRaster>, [f64; 2], [f64; 2])>);

impl Sampler {
    /// Height in metres at `u` east and `v` south across the tile.
    #[must_use]
    pub fn height_m(&self, u: f64, v: f64) -> Option<f64> {
        let from = |(raster, offset, scale): &(Arc<HeightRaster>, [f64; 2], [f64; 2])| {
            raster.height_m(offset[0] + u * scale[0], offset[1] + v * scale[1])
        };
        self.0.iter().rev().find_map(from)
    }

    /// The rasters, to tell one sampler from another.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "the very same rasters are asked for")]
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| Arc::ptr_eq(&a.0, &b.0) && a.1 == b.1)
    }
}

impl Ground {
    /// Whether there is any terrain.
    #[must_use]
    pub fn has_terrain(&self) -> bool {
        !self.heights.is_empty()
    }

    /// Coarsest and finest zoom of the terrain, and the box round it in degrees; `None` without terrain.
    #[must_use]
    pub fn terrain_extent(&self) -> Option<([u8; 2], [f64; 4])> {
        self.heights.iter().fold(None, |extent, layer| {
            let (min, max, own) = (layer.pyramid.min_zoom, layer.pyramid.max_zoom, layer.pyramid.bounds_lon_lat_deg);
            let ([low, high], bounds) = extent.unwrap_or(([min, max], own));
            let joined = [bounds[0].min(own[0]), bounds[1].min(own[1]), bounds[2].max(own[2]), bounds[3].max(own[3])];
            Some(([low.min(min), high.max(max)], joined))
        })
    }

    /// The rasters that give a tile its height; the tiles of those that are missing where some are.
    pub fn sampler(&mut self, address: Address) -> Result<Sampler, Vec<(u32, Address)>> {
        let missing = self.missing_rasters(address);
        if !missing.is_empty() {
            return Err(missing);
        }
        let (bounds, frame) = (bounds_lon_lat_deg(address), self.tree.frame);
        let mut rasters = Vec::new();
        for layer in &mut self.heights {
            let found = source_address(&layer.pyramid, layer.pyramid.max_zoom, address, bounds)
                .and_then(|wanted| nearest(&mut layer.rasters, wanted, layer.pyramid.min_zoom, frame));
            if let Some((found, raster)) = found {
                let (offset, scale) = window(address, found);
                rasters.push((raster, offset, scale));
            }
        }
        Ok(Sampler(rasters))
    }

    /// A grid of the ground over a box (west, south, east, north in degrees): the terrain's own samples, at its finest zoom
    /// where that stays below so many samples. `None` while tiles are being loaded; ask again.
    pub fn relief(&mut self, bounds: [f64; 4], most_samples: usize) -> Option<Relief> {
        let [west, south, east, north] = bounds;
        let (low, high) = (place::square_from_lon_lat_deg(west, north), place::square_from_lon_lat_deg(east, south));
        let zoom_fits = |zoom: u8| {
            let pixels = 0.5_f64.powi(-i32::from(zoom) - 8);
            ((high[0] - low[0]) * pixels + 3.0) * ((high[1] - low[1]) * pixels + 3.0) <= most_samples as f64
        };
        let zoom = (0..=self.finest_height_zoom(bounds)).rev().find(|zoom| zoom_fits(*zoom))?;
        let step = 0.5_f64.powi(i32::from(zoom) + 8);
        // Pixel centres, one more on every side, so that all of the box lies between samples.
        let first = [0, 1].map(|axis| (low[axis] / step - 0.5).floor() - 1.0);
        let last = [0, 1].map(|axis| (high[axis] / step - 0.5).ceil() + 1.0);
        let size = [0, 1].map(|axis| (last[axis] - first[axis]) as usize + 1);
        let corner = first.map(|index| (index + 0.5) * step);
        let far = [0, 1].map(|axis| corner[axis] + size[axis] as f64 * step);
        let side = 0.5_f64.powi(i32::from(zoom));
        let range = |axis: usize| (corner[axis] / side) as u32..=(far[axis] / side) as u32;
        let tiles: Vec<Address> = range(1).flat_map(|y| range(0).map(move |x| (zoom, x, y))).collect();
        if !self.ask(&tiles) {
            return None;
        }
        Some(Relief::sampled(corner, step, size, &|square| self.finest_m(square, zoom)))
    }

    /// Heights in metres at places (longitude and latitude in degrees), no finer than a step in metres makes sense.
    /// `None` while tiles are being loaded; ask again.
    pub fn heights_at(&mut self, lon_lats_deg: &[[f64; 2]], step_m: f64) -> Option<Vec<Option<f64>>> {
        let squares: Vec<[f64; 2]> =
            lon_lats_deg.iter().map(|[lon, lat]| place::square_from_lon_lat_deg(*lon, *lat)).collect();
        let [lon, lat] = *lon_lats_deg.first()?;
        let bounds = lon_lats_deg.iter().fold([lon, lat, lon, lat], |[west, south, east, north], [lon, lat]| {
            [west.min(*lon), south.min(*lat), east.max(*lon), north.max(*lat)]
        });
        let zoom = relief::zoom_for(step_m, lat).min(self.finest_height_zoom(bounds));
        let tiles = f64::from(1_u32 << zoom);
        let mut addresses: Vec<Address> =
            squares.iter().map(|[x, y]| (zoom, (x * tiles) as u32, (y * tiles) as u32)).collect();
        addresses.sort_unstable();
        addresses.dedup();
        if !self.ask(&addresses) {
            return None;
        }
        Some(squares.iter().map(|square| self.finest_m(*square, zoom)).collect())
    }

    fn finest_height_zoom(&self, bounds: [f64; 4]) -> u8 {
        let touching = self.heights.iter().filter(|layer| layer.pyramid.touches(bounds));
        touching.map(|layer| layer.pyramid.max_zoom).max().unwrap_or(12).min(22)
    }

    /// Asks for what of these tiles is missing; true where nothing is.
    fn ask(&mut self, tiles: &[Address]) -> bool {
        let mut needed: Vec<(u32, Address)> =
            tiles.iter().take(MOST_TILES).flat_map(|tile| self.needed_rasters(*tile)).collect();
        needed.sort_unstable();
        needed.dedup();
        let is_there = |(lane, address): &(u32, Address)| {
            self.heights.iter().any(|layer| layer.lane == *lane && layer.rasters.contains_key(address))
        };
        let all_there = needed.iter().all(is_there);
        for key in needed {
            if all_there {
                self.asked.remove(&key);
            } else {
                self.asked.insert(key);
            }
        }
        all_there
    }

    pub(super) fn needed_rasters(&self, address: Address) -> Vec<(u32, Address)> {
        let bounds = bounds_lon_lat_deg(address);
        let source = |layer: &HeightLayer| {
            Some((layer.lane, source_address(&layer.pyramid, layer.pyramid.max_zoom, address, bounds)?))
        };
        self.heights.iter().filter_map(source).collect()
    }

    /// For a ground that is not on screen: what was asked of its heights and is not loaded yet.
    pub fn update_beside(&mut self) -> Vec<Wanted> {
        self.tree.frame += 1;
        self.wanted_beside()
    }

    /// What was asked for beside the view and is not loaded yet; what is loaded is kept until the answer is given.
    pub(super) fn wanted_beside(&mut self) -> Vec<Wanted> {
        let frame = self.tree.frame;
        let heights = &mut self.heights;
        self.asked.retain(|(lane, _)| heights.iter().any(|layer| layer.lane == *lane));
        let mut wanted = Vec::new();
        for (lane, address) in &self.asked {
            let Some(layer) = heights.iter_mut().find(|layer| layer.lane == *lane) else { continue };
            match layer.rasters.get_mut(address) {
                Some(Cached::Ready { used_frame, .. }) => *used_frame = frame,
                Some(Cached::Nothing | Cached::Failed) => {}
                None => wanted.push(Wanted { lane: *lane, address: *address, urgency: Urgency::Urgent, priority: 0.0 }),
            }
        }
        wanted
    }

    /// The height at a place of the square from the tiles of a zoom, or from a layer's finest where that is coarser.
    fn finest_m(&self, [x, y]: [f64; 2], zoom: u8) -> Option<f64> {
        self.heights.iter().rev().find_map(|layer| {
            let zoom = zoom.min(layer.pyramid.max_zoom);
            if zoom < layer.pyramid.min_zoom {
                return None;
            }
            let tiles = f64::from(1_u32 << zoom);
            let (column, row) = (x * tiles, y * tiles);
            match layer.rasters.get(&(zoom, column as u32, row as u32)) {
                Some(Cached::Ready { value, .. }) => value.height_m(column.fract(), row.fract()),
                _ => None,
            }
        })
    }
}
