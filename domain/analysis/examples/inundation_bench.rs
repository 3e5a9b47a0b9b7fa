//! What a connected fill of 10,000 x 10,000 cells costs: `cargo run --release -p analysis --example inundation_bench [SIDE]`.
//!
//! The ground is made cell by cell as it is read, a valley with hills and noise, so that nothing but the analysis is in memory.
//! Not a test: seconds of processor time and the most memory, for the machine it runs on, as a line of JSON. What making the
//! ground costs is told apart: it is read once more without the analysis.

#![expect(clippy::print_stdout, reason = "the figure is what it is for")]

use std::{collections::BTreeMap, error::Error, fmt, fs};

use analysis::{
    AnalysisError, RuleBook, Surface, Task, analysis,
    mechanism::{NoRasters, Unwatched},
};
use geodesy::{Crs, HeightDatum, Transform};
use serde_json::json;

const CORNER: [f64; 2] = [400_000.0, 3_130_000.0];
const CELL_M: f64 = 0.5;

struct Valley {
    crs: Crs,
    side: usize,
    /// Heights across the valley and along it, and noise that repeats.
    across: Vec<f32>,
    along: Vec<f32>,
    noise: Vec<f32>,
}

impl fmt::Debug for Valley {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("valley")
    }
}

impl Valley {
    fn new(side: usize) -> Result<Self, Box<dyn Error>> {
        let place = |at: usize| at as f64 / side as f64 - 0.5;
        let mut seed = 1_u64;
        let mut chance = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 40) as f32 / (1_u32 << 24) as f32
        };
        Ok(Self {
            crs: Crs::from_epsg(4546)?,
            side,
            across: (0..side)
                .map(|at| (300.0 + 120.0 * place(at).abs() + 4.0 * (place(at) * 60.0).sin()) as f32)
                .collect(),
            along: (0..side).map(|at| (20.0 * place(at) + 3.0 * (place(at) * 45.0).cos()) as f32).collect(),
            noise: (0..8_191).map(|_| 0.3 * chance()).collect(),
        })
    }
}

impl Surface for Valley {
    fn source(&self) -> &'static str {
        "valley@1"
    }
    fn crs(&self) -> &Crs {
        &self.crs
    }
    fn height_datum(&self) -> &HeightDatum {
        &HeightDatum::Normal1985
    }
    fn valid_from(&self) -> &'static str {
        "2024-07-20T00:00:00Z"
    }
    fn size(&self) -> [usize; 2] {
        [self.side; 2]
    }
    fn grid(&self) -> [f64; 4] {
        [CORNER[0], CORNER[1], CELL_M, CELL_M]
    }
    fn window(&self, column: usize, row: usize, columns: usize, rows: usize) -> Result<Vec<f32>, AnalysisError> {
        let mut made = Vec::with_capacity(columns * rows);
        for row in row..row + rows {
            let along = self.along[row];
            let noise = self.noise.iter().cycle().skip((row * 131 + column) % self.noise.len());
            made.extend(
                self.across[column..column + columns].iter().zip(noise).map(|(across, noise)| across + along + noise),
            );
        }
        Ok(made)
    }
}

/// Seconds of processor time of this program so far, and the most memory it had, MB.
fn used() -> Result<(f64, f64), Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, rest) = stat.rsplit_once(')').ok_or("no stat")?;
    let ticks: f64 = rest.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok()).sum();
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no peak")?;
    let kib: f64 = peak.trim().trim_end_matches("kB").trim().parse()?;
    Ok((ticks / 100.0, kib / 1024.0))
}

fn main() -> Result<(), Box<dyn Error>> {
    let side = std::env::args().nth(1).map_or(Ok(10_000), |side| side.parse())?;
    let valley = Valley::new(side)?;
    let middle = side as f64 / 2.0 * CELL_M;
    let mut source = [[CORNER[0] + middle, CORNER[1] - middle]];
    let (plane, rules) = (Crs::from_epsg(4546)?, RuleBook::shipped());
    Transform::new(&plane, &Crs::cgcs2000())?.points(&mut source)?;
    let (layers, surfaces) = (BTreeMap::new(), BTreeMap::from([("surface".to_owned(), &valley as &dyn Surface)]));
    let kind = analysis("inundation").ok_or("no such analysis")?;
    let (start, _) = used()?;
    let mut sum = 0.0;
    for row in (0..side).step_by(256) {
        sum +=
            valley.window(0, row, side, 256.min(side - row))?.iter().fold(0.0, |sum, height| sum + f64::from(*height));
    }
    let making_s = used()?.0 - start;
    for (mode, level_m) in [("fill", Some(315.0)), ("level", Some(315.0)), ("dam", None)] {
        let dam: Vec<[f64; 2]> =
            [0.2, 0.8].iter().map(|t| [source[0][0] + (t - 0.5) * 0.03, source[0][1] + 0.005]).collect();
        let mut request =
            json!({ "surface": { "dataset": "dem" }, "mode": mode, "level_m": level_m, "source": source });
        if mode == "dam" {
            request["dam"] = json!(dam);
            request["crest_m"] = json!(308.0);
        }
        let task = Task {
            request: &request,
            rules: &rules,
            plane: &plane,
            layers: &layers,
            surfaces: &surfaces,
            watch: &Unwatched,
            rasters: &NoRasters,
        };
        let (start, _) = used()?;
        let found = (kind.run)(&task)?;
        let (end, peak_mb) = used()?;
        println!(
            "{}",
            json!({
                "bench": "inundation", "mode": mode, "side": side, "cpu_s": end - start, "making_once_cpu_s": making_s,
                "peak_mb": peak_mb, "cells": found.result["flooded"]["cells"], "patches": found.patches.len(),
                "outline_cells": found.result["cells"]["outline_cells"], "mean_height_m": sum / (side * side) as f64,
            })
        );
    }
    Ok(())
}
