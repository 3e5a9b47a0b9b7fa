//! Corners of different layers that mean the same place become one place.
//!
//! A layer that went through degrees comes back some hundredths of a millimetre off, and every border that it shares
//! with another leaves a hair of ground between. So corners are welded to a corner of a layer before them within a
//! tolerance (topology cluster tolerance, a millimetre by default). Corners of one layer are not welded to each
//! other, and edges are not touched: what a plan draws apart stays apart.

use std::collections::HashMap;

use i_overlay::i_float::int::point::IntPoint;
use rayon::prelude::*;

use crate::{
    ParcelLayer,
    snap::{Grid, Snapped},
};

/// Corners so far.
#[derive(Debug, Default)]
pub(crate) struct Weld {
    /// Steps of the grid within which corners are one; 0 welds nothing.
    reach: i32,
    /// By square of that size.
    corners: HashMap<[i32; 2], Vec<IntPoint>>,
}

impl Weld {
    /// With a reach in steps of the grid.
    pub(crate) fn new(reach: i32) -> Self {
        Self { reach, corners: HashMap::new() }
    }

    /// Where a corner belongs: the nearest known corner within reach, or where it is.
    pub(crate) fn place(&self, corner: IntPoint) -> IntPoint {
        if self.corners.is_empty() {
            return corner;
        }
        let [x, y] = self.square(corner);
        let distance = |p: &IntPoint| {
            let (dx, dy) = (i64::from(p.x) - i64::from(corner.x), i64::from(p.y) - i64::from(corner.y));
            dx * dx + dy * dy
        };
        let around = (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| [x + dx, y + dy]));
        let near = around.filter_map(|square| self.corners.get(&square)).flatten();
        let reach = i64::from(self.reach);
        near.map(|p| (distance(p), p.x, p.y, *p))
            .filter(|(distance, ..)| *distance <= reach * reach)
            .min_by_key(|(distance, x, y, _)| (*distance, *x, *y))
            .map_or(corner, |(.., p)| p)
    }

    /// Remembers corners of a layer, as they were placed.
    pub(crate) fn add(&mut self, corners: impl Iterator<Item = IntPoint>) {
        if self.reach == 0 {
            return;
        }
        for corner in corners {
            let known = self.corners.entry(self.square(corner)).or_default();
            if !known.contains(&corner) {
                known.push(corner);
            }
        }
    }

    fn square(&self, corner: IntPoint) -> [i32; 2] {
        [corner.x.div_euclid(self.reach.max(1)), corner.y.div_euclid(self.reach.max(1))]
    }
}

/// Layers on the grid, corners welded: those that were never converted first, then in their order.
pub(crate) fn snap_all(grid: &Grid, layers: &[&ParcelLayer], weld_m: f64) -> Vec<Vec<Snapped>> {
    let share: Vec<f64> = layers.par_iter().map(|layer| grid.share_on_millimetres(layer)).collect();
    let mut order: Vec<usize> = (0..layers.len()).collect();
    order.sort_by(|a, b| share[*b].total_cmp(&share[*a]).then(a.cmp(b)));
    let mut weld = Weld::new(grid.steps(weld_m));
    let mut all: Vec<Vec<Snapped>> = vec![Vec::new(); layers.len()];
    for position in order {
        let snapped: Vec<Snapped> =
            layers[position].parcels.par_iter().map(|parcel| grid.snap_welded(parcel, &weld)).collect();
        weld.add(snapped.iter().flat_map(|shape| &shape.rings).flatten().copied());
        all[position] = snapped;
    }
    all
}
