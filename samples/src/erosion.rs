//! Rivers carve mountains: stream-power erosion on a coarse grid, which is what makes ridges and valleys connect.
//! Implicit scheme of Braun and Willett 2013 (`FastScape`), with drainage from a priority flood so that no pit stays.

use crate::grid::Grid;
use crate::noise::fbm;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Rock uplift over erodibility: sets how steep the mountains grow.
const UPLIFT_OVER_ERODIBILITY: f64 = 21.0;
/// Exponent of drainage area in the stream-power law.
const AREA_EXPONENT: f64 = 0.45;
/// No hillside stays steeper than this (rise over run).
const STEEPEST: f64 = 0.78;

/// Which cell every cell drains to, and an order in which receivers come first.
#[derive(Debug)]
pub struct Drainage {
    /// The cell that takes this cell's water; an outlet takes its own.
    pub receiver: Vec<u32>,
    /// Cells, outlets first.
    pub order: Vec<u32>,
    /// Drained area in square metres, the cell included.
    pub area_m2: Vec<f64>,
}

#[derive(PartialEq)]
struct Level(f64);
impl Eq for Level {}
impl PartialOrd for Level {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Level {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Floods the raster upward from the outlets; every other cell gets a lower (or flooded) receiver.
pub fn drain(height_m: &Grid<f32>, outlets: &[usize], inflow_m2: &[(usize, f64)]) -> Drainage {
    let count = height_m.cells.len();
    let mut receiver = vec![u32::MAX; count];
    let mut order = Vec::with_capacity(count);
    let mut heap = BinaryHeap::new();
    for &outlet in outlets {
        receiver[outlet] = outlet as u32;
        heap.push(Reverse((Level(f64::from(height_m[outlet])), outlet)));
    }
    while let Some(Reverse((Level(level), index))) = heap.pop() {
        order.push(index as u32);
        for (next, _) in height_m.neighbours8(index) {
            if receiver[next] == u32::MAX {
                receiver[next] = index as u32;
                heap.push(Reverse((Level(f64::from(height_m[next]).max(level + 1e-4)), next)));
            }
        }
    }
    // Where the ground really falls, water takes the steepest way rather than the way the flood came.
    let mut rank = vec![0_u32; count];
    for (position, &index) in order.iter().enumerate() {
        rank[index as usize] = position as u32;
    }
    for &index in &order {
        let index = index as usize;
        if receiver[index] as usize == index {
            continue;
        }
        let mut steepest = 0.0;
        for (next, length) in height_m.neighbours8(index) {
            let fall = f64::from(height_m[index] - height_m[next]) / length;
            if fall > steepest && rank[next] < rank[index] {
                steepest = fall;
                receiver[index] = next as u32;
            }
        }
    }
    let mut area_m2 = vec![height_m.cell_m * height_m.cell_m; count];
    for &(index, area) in inflow_m2 {
        area_m2[index] += area;
    }
    for &index in order.iter().rev() {
        let to = receiver[index as usize] as usize;
        if to != index as usize {
            area_m2[to] += area_m2[index as usize];
        }
    }
    Drainage { receiver, order, area_m2 }
}

/// Grows mountains on `height_m` until valleys reach the outlets; heights are metres above the outlets' level.
pub fn erode(height_m: &mut Grid<f32>, outlets: &[usize], inflow_m2: &[(usize, f64)], rounds: usize) {
    let cell = height_m.cell_m;
    let uplift_m = 34.0;
    let hardness: Vec<f64> = (0..height_m.cells.len())
        .map(|index| {
            let centre = height_m.centre_m(index);
            1.0 + 0.55 * f64::from(fbm((centre[0] / 2_600.0) as f32, (centre[1] / 2_600.0) as f32, 3, 77))
        })
        .collect();
    for _ in 0..rounds {
        let drainage = drain(height_m, outlets, inflow_m2);
        for &index in &drainage.order {
            let index = index as usize;
            let to = drainage.receiver[index] as usize;
            if to == index {
                continue;
            }
            let diagonal = index.abs_diff(to) != 1 && index.abs_diff(to) != height_m.columns;
            let run = if diagonal { cell * std::f64::consts::SQRT_2 } else { cell };
            let power = uplift_m / (UPLIFT_OVER_ERODIBILITY * hardness[index])
                * drainage.area_m2[index].powf(AREA_EXPONENT)
                / run;
            let below = f64::from(height_m[to]);
            let raised = f64::from(height_m[index]) + uplift_m;
            let eroded = (raised + power * below) / (1.0 + power);
            height_m[index] = eroded.min(below + STEEPEST * run) as f32;
        }
        creep(height_m, 0.06);
    }
}

/// One step of hillslope creep: every cell moves towards the mean of its four neighbours.
fn creep(height_m: &mut Grid<f32>, rate: f32) {
    let before = height_m.clone();
    for index in 0..before.cells.len() {
        let (mut sum, mut count) = (0.0, 0.0);
        for next in before.neighbours4(index) {
            sum += before[next];
            count += 1.0;
        }
        height_m[index] += rate * (sum - count * before[index]) / 4.0 * 2.0;
    }
}
