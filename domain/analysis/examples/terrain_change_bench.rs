//! What two surveys of 10,000 x 10,000 heights cost to hold against each other: `cargo run --release -p analysis --example
//! terrain_change_bench [FOLDER [CELLS]]`.
//!
//! Two made surfaces, the later one off by half a metre with three slides in it, lie as raw little-endian floats in a folder (by
//! default a temporary one; what is there is used again, so that a peer reads the same). Making them is no part of the figure:
//! registration on stable ground, the difference aligned to it, places, volumes with their intervals. Not a test: a figure for the
//! machine it runs on, as a line of JSON.

#![expect(clippy::print_stdout, reason = "the figure is what it is for")]

use std::{
    collections::BTreeMap,
    error::Error,
    fs::File,
    io::{BufWriter, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::Instant,
};

use analysis::{
    AnalysisError, RuleBook, Surface, Task, analysis,
    mechanism::{NoRasters, Unwatched},
};
use geodesy::{Crs, HeightDatum};
use serde_json::json;

const CELLS: usize = 10_000;
/// Middle of each slide and its half axes, metres.
const SLIDES: [[f64; 4]; 3] =
    [[3_000.0, 4_000.0, 420.0, 180.0], [7_200.0, 2_500.0, 150.0, 90.0], [6_000.0, 8_000.0, 260.0, 120.0]];
/// What the later survey is off by.
const APART_M: [f64; 3] = [0.42, -0.31, 0.18];

fn hills(x: f64, y: f64) -> f64 {
    500.0
        + 180.0 * (x / 1_700.0).sin() * (y / 1_300.0).cos()
        + 45.0 * (x / 390.0 + y / 510.0).sin()
        + 12.0 * (x / 83.0).cos() * (y / 97.0).sin()
}

fn slid(x: f64, y: f64) -> f64 {
    let of = |[east, north, long, wide]: [f64; 4]| {
        let (u, v) = ((x - east) / long, (y - north) / wide);
        let inside = 1.0 - u * u - v * v;
        if inside <= 0.0 {
            0.0
        } else if u > 0.0 {
            -(2.0 + 15.0 * inside)
        } else {
            1.5 + 14.0 * inside
        }
    };
    SLIDES.into_iter().map(of).sum()
}

/// Noise of about 4 cm, the same for the same cell.
fn noise(seed: u64, cell: usize) -> f64 {
    let mut z = (cell as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let part = |shift: u32| f64::from((z >> shift) as u16) / 65_536.0;
    0.07 * (part(0) + part(16) + part(32) + part(48) - 2.0)
}

fn make(path: &Path, cells: usize, height: impl Fn(f64, f64, usize) -> f64) -> std::io::Result<()> {
    if path.metadata().is_ok_and(|found| found.len() == 4 * (cells * cells) as u64) {
        return Ok(());
    }
    let mut file = BufWriter::new(File::create(path)?);
    for cell in 0..cells * cells {
        let (x, y) = ((cell % cells) as f64 + 0.5, (cells - cell / cells) as f64 - 0.5);
        file.write_all(&(height(x, y, cell) as f32).to_le_bytes())?;
    }
    file.flush()
}

/// Heights in a file.
#[derive(Debug)]
struct Raw {
    name: &'static str,
    file: File,
    crs: Crs,
    cells: usize,
    valid_from: &'static str,
}

impl Surface for Raw {
    fn source(&self) -> &str {
        self.name
    }
    fn crs(&self) -> &Crs {
        &self.crs
    }
    fn height_datum(&self) -> &HeightDatum {
        &HeightDatum::Normal1985
    }
    fn valid_from(&self) -> &str {
        self.valid_from
    }
    fn size(&self) -> [usize; 2] {
        [self.cells; 2]
    }
    fn grid(&self) -> [f64; 4] {
        [400_000.0, 3_130_000.0 + self.cells as f64, 1.0, 1.0]
    }
    fn window(&self, column: usize, row: usize, columns: usize, rows: usize) -> Result<Vec<f32>, AnalysisError> {
        let mut heights = Vec::with_capacity(columns * rows);
        let mut line = vec![0_u8; 4 * columns];
        for row in row..row + rows {
            let at = 4 * (row * self.cells + column) as u64;
            self.file.read_exact_at(&mut line, at).map_err(|error| AnalysisError::Surface(error.into()))?;
            heights.extend(line.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        }
        Ok(heights)
    }
}

/// CPU time of this process, all threads, seconds (100 ticks a second).
fn cpu_s() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// Most memory that this process has had, MB.
fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1_024.0)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map_or_else(|| std::env::temp_dir().join("terrain-change-bench"), PathBuf::from);
    let cells = arguments.next().map_or(Ok(CELLS), |cells| cells.parse())?;
    std::fs::create_dir_all(&folder)?;
    let paths = ["before.f32", "after.f32"].map(|name| folder.join(name));
    make(&paths[0], cells, |x, y, cell| hills(x, y) + noise(1, cell))?;
    make(&paths[1], cells, |x, y, cell| {
        let (x, y) = (x - APART_M[0], y - APART_M[1]);
        hills(x, y) + slid(x, y) + APART_M[2] + noise(2, cell)
    })?;
    let plane = Crs::from_epsg(4546)?;
    let surface = |name, path: &Path, valid_from| -> Result<Raw, Box<dyn Error>> {
        Ok(Raw { name, file: File::open(path)?, crs: plane.clone(), cells, valid_from })
    };
    let before = surface("dem@2023", &paths[0], "2023-05-16T00:00:00Z")?;
    let after = surface("dem@2024", &paths[1], "2024-07-20T00:00:00Z")?;
    let surfaces: BTreeMap<String, &dyn Surface> =
        BTreeMap::from([("before".to_owned(), &before as &dyn Surface), ("after".to_owned(), &after as &dyn Surface)]);
    let request = json!({ "before": { "dataset": "dem" }, "after": { "dataset": "dem" }, "align": "stable-ground" });
    let (rules, layers) = (RuleBook::shipped(), BTreeMap::new());
    let task = Task {
        request: &request,
        rules: &rules,
        plane: &plane,
        layers: &layers,
        surfaces: &surfaces,
        watch: &Unwatched,
        rasters: &NoRasters,
    };
    let kind = analysis("terrain-change").ok_or("no such analysis")?;
    let (start, before_s) = (Instant::now(), cpu_s());
    let found = (kind.run)(&task)?.result;
    let used_s = cpu_s().zip(before_s).map(|(now, before)| now - before);
    println!(
        "{}",
        json!({
            "bench": "terrain-change", "cells": cells * cells, "cpu_s": used_s, "wall_s": start.elapsed().as_secs_f64(),
            "peak_mb": peak_mb(), "loss_m3": found["loss"]["volume_m3"], "gain_m3": found["gain"]["volume_m3"],
            "shift_m": found["taken_off"]["shift_m"], "places": found["places"]["found"],
        })
    );
    Ok(())
}
