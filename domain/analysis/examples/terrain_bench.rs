//! What the shape of the ground costs: `cargo run --release -p analysis --example terrain_bench [-- --write FOLDER]`.
//!
//! Slope with its classes and its grid on 10,000 x 10,000 cells, and a viewshed with its grid and its outlines on 4,000 x 4,000, over
//! procedural ground that takes no memory. Not a test: lines of JSON for the machine it runs on, CPU seconds (of which
//! `surface_cpu_s` made the ground) and the peak of memory so far. With `--write` both surfaces are written as raw numbers with ENVI headers,
//! for the same of GDAL: `gdaldem slope slope.bin …`, `gdal_viewshed -ox 410000 -oy 3120000 -oz 1.7 -cc 0.85714 -md 20000 viewshed.bin …`.

#![expect(clippy::print_stdout, reason = "the figure is what it is for")]

use std::{
    collections::BTreeMap,
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
};

use analysis::{
    AnalysisError, RasterMade, Rasters, RuleBook, Surface, Task, analysis,
    mechanism::{Rows, Unwatched},
};
use geodesy::{Crs, HeightDatum, Transform};
use serde_json::json;

const WEST: f64 = 400_000.0;
const NORTH: f64 = 3_130_000.0;
const CELL_M: f64 = 5.0;
/// Rows that whoever keeps a grid asks for at once.
const BAND: usize = 256;

/// Hills as products of waves along columns and rows, roughened by numbers that look like chance.
#[derive(Debug)]
struct Hills {
    crs: Crs,
    side: usize,
    waves: [Vec<f32>; 4],
    chance: Vec<f32>,
}

impl Hills {
    fn new(side: usize) -> Result<Self, Box<dyn Error>> {
        let wave = |length: f64, phase: f64, height_m: f64| {
            (0..side).map(|at| (height_m * (at as f64 / length + phase).sin()) as f32).collect()
        };
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 16_777_216.0
        };
        Ok(Self {
            crs: Crs::from_epsg(4546)?,
            side,
            waves: [wave(173.0, 0.3, 12.0), wave(131.0, 1.1, 9.0), wave(37.0, 2.0, 14.0), wave(611.0, 0.7, 180.0)],
            chance: (0..4096).map(|_| 0.8 * next()).collect(),
        })
    }

    fn row(&self, row: usize, columns: std::ops::Range<usize>, into: &mut Vec<f32>) {
        let [a, b, c, d] = &self.waves;
        let (across, down, up) = (b[row], c[row], 600.0 + d[row]);
        let chance = row.wrapping_mul(2_531);
        into.extend(columns.map(|at| {
            up + d[at] + a[at] * across + c[at] + down * 0.5 + self.chance[(chance + at * 17) % self.chance.len()]
        }));
    }

    fn write(&self, folder: &Path, name: &str) -> Result<(), Box<dyn Error>> {
        let mut file = BufWriter::new(File::create(folder.join(format!("{name}.bin")))?);
        let mut cells = Vec::new();
        for row in 0..self.side {
            cells.clear();
            self.row(row, 0..self.side, &mut cells);
            for height in &cells {
                file.write_all(&height.to_le_bytes())?;
            }
        }
        file.flush()?;
        let header = format!(
            "ENVI\nsamples = {side}\nlines = {side}\nbands = 1\nheader offset = 0\nfile type = ENVI Standard\ndata type = 4\n\
             interleave = bsq\nbyte order = 0\nmap info = {{Arbitrary, 1, 1, {WEST}, {NORTH}, {CELL_M}, {CELL_M}}}\n\
             coordinate system string = {{{}}}\n",
            self.crs.wkt1().ok_or("no WKT")?,
            side = self.side,
        );
        fs::write(folder.join(format!("{name}.hdr")), header)?;
        Ok(())
    }
}

impl Surface for Hills {
    fn source(&self) -> &'static str {
        "hills@r1"
    }
    fn crs(&self) -> &Crs {
        &self.crs
    }
    fn height_datum(&self) -> &HeightDatum {
        &HeightDatum::Normal1985
    }
    fn valid_from(&self) -> &'static str {
        "2024-01-01T00:00:00Z"
    }
    fn size(&self) -> [usize; 2] {
        [self.side; 2]
    }
    fn grid(&self) -> [f64; 4] {
        [WEST, NORTH, CELL_M, CELL_M]
    }
    fn window(&self, column: usize, row: usize, columns: usize, rows: usize) -> Result<Vec<f32>, AnalysisError> {
        let mut cells = Vec::with_capacity(columns * rows);
        (row..row + rows).for_each(|row| self.row(row, column..column + columns, &mut cells));
        Ok(cells)
    }
}

/// Asks for all rows and keeps none.
#[derive(Debug)]
struct Forgotten;

impl Rasters for Forgotten {
    fn take(&self, raster: &RasterMade, rows: &mut Rows<'_>) -> Result<(), AnalysisError> {
        let [columns, height] = raster.size;
        let mut cells = vec![0.0; columns * BAND];
        for first in (0..height).step_by(BAND) {
            rows(first, &mut cells[..columns * BAND.min(height - first)])?;
        }
        Ok(())
    }
}

/// CPU seconds of this process so far, of Linux's hundredths.
fn cpu_s() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, after) = stat.rsplit_once(')').ok_or("no such line")?;
    let ticks = after.split_whitespace().skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / 100.0)
}

fn peak_mb() -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM")).ok_or("no such line")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<f64>()? / 1024.0)
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().collect();
    let folder = words.iter().position(|word| word == "--write").and_then(|at| words.get(at + 1));
    let plane = Crs::from_epsg(4546)?;
    let mut middle = [[WEST + 10_000.0 + CELL_M / 2.0, NORTH - 10_000.0 - CELL_M / 2.0]];
    Transform::new(&plane, &Crs::cgcs2000())?.points(&mut middle)?;
    let viewshed = json!({ "product": "viewshed", "observer": middle[0], "radius_m": 20_000.0 });
    let kind = analysis("terrain").ok_or("no such analysis")?;
    let (rules, layers) = (RuleBook::shipped(), BTreeMap::new());
    for (name, side, mut request) in
        [("viewshed", 4_000, viewshed), ("slope", 10_000, json!({ "product": "slope", "rasters": true }))]
    {
        let hills = Hills::new(side)?;
        if let Some(folder) = folder {
            hills.write(Path::new(folder), name)?;
        }
        request["surface"] = json!({ "dataset": "hills" });
        let surfaces = BTreeMap::from([("surface".to_owned(), &hills as &dyn Surface)]);
        let task = Task {
            request: &request,
            rules: &rules,
            plane: &plane,
            layers: &layers,
            surfaces: &surfaces,
            watch: &Unwatched,
            rasters: &Forgotten,
        };
        let start_s = cpu_s()?;
        let mut sum = 0.0;
        for row in (0..side).step_by(BAND) {
            sum += f64::from(hills.window(0, row, side, BAND.min(side - row))?[0]);
        }
        let surface_s = cpu_s()? - start_s;
        let start_s = cpu_s()?;
        let found = (kind.run)(&task)?;
        println!(
            "{}",
            json!({
                "bench": name, "side": side, "cpu_s": cpu_s()? - start_s, "surface_cpu_s": surface_s, "peak_mb": peak_mb()?,
                "patches": found.patches.len(), "visible_share": found.result["visible_share"],
                "mean_deg": found.result["mean_deg"], "first_heights": sum,
            })
        );
    }
    Ok(())
}
