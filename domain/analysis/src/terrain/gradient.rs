//! Slope, aspect and hillshade from the rise of the ground by Horn's method (1981), as `gdaldem` computes them.
//!
//! A cell whose value or one of whose eight neighbours is missing has no rise; at the border of a surface that is so
//! for the outermost cells. Grids in degrees are measured by the metres of a degree at each row.

use serde_json::{Value, json};

use super::{Ground, Light, Rules, check_watch};
use crate::{AnalysisError, Task, figures::rounded, mechanism::RasterMade};

/// Rows read at once.
const BAND: usize = 256;
/// Parts of a degree that slopes are counted by.
const BINS_PER_DEG: usize = 100;
const BINS: usize = 90 * BINS_PER_DEG + 1;
/// Stands for level ground among aspects while rows are counted.
const FLAT: f32 = -1.0;
/// Shares of the ground whose slope is stated.
const PERCENTILES: [(&str, f64); 5] = [("p5", 0.05), ("p25", 0.25), ("p50", 0.5), ("p75", 0.75), ("p95", 0.95)];
/// The eight directions, clockwise from north.
const DIRECTIONS: [[&str; 2]; 8] = [
    ["北", "north"],
    ["东北", "north-east"],
    ["东", "east"],
    ["东南", "south-east"],
    ["南", "south"],
    ["西南", "south-west"],
    ["西", "west"],
    ["西北", "north-west"],
];

/// Rise in metres per metre to the east and to the north of the cells of the middle row, but for its first and last; NaN where one of the
/// nine cells has no height. `size_m` is width and height of a cell.
#[expect(clippy::eq_op, reason = "what is not finite is NaN when it is taken from itself")]
pub(crate) fn rises(rows: [&[f32]; 3], size_m: [f64; 2], east: &mut Vec<f32>, north: &mut Vec<f32>) {
    let cells = rows.iter().map(|row| row.len()).min().unwrap_or(0).saturating_sub(2);
    let [per_east, per_north] = size_m.map(|m| (1.0 / (8.0 * m)) as f32);
    let [above, own, below] = rows.map(|row| [0, 1, 2].map(|by| row.get(by..by + cells).unwrap_or_default()));
    east.clear();
    north.clear();
    // Neighbouring heights are alike: their difference is exact in 32 bits, their sum would not be.
    east.extend((0..cells).map(|i| {
        let missing = (own[1][i] - own[1][i]) + (above[1][i] - above[1][i]) + (below[1][i] - below[1][i]);
        let rise = (above[2][i] - above[0][i]) + 2.0 * (own[2][i] - own[0][i]) + (below[2][i] - below[0][i]);
        // What is not finite becomes NaN.
        (rise + (rise - rise) + missing) * per_east
    }));
    north.extend((0..cells).map(|i| {
        let missing = (own[0][i] - own[0][i]) + (own[1][i] - own[1][i]) + (own[2][i] - own[2][i]);
        let rise = (above[0][i] - below[0][i]) + 2.0 * (above[1][i] - below[1][i]) + (above[2][i] - below[2][i]);
        (rise + (rise - rise) + missing) * per_north
    }));
}

/// Steepness in degrees of such rises.
pub(crate) fn steepness_deg(east: f32, north: f32) -> f32 {
    (east * east + north * north).sqrt().atan().to_degrees()
}

/// Where the ground falls, degrees clockwise from north.
fn aspect_deg(east: f32, north: f32) -> f32 {
    if east == 0.0 && north == 0.0 {
        return FLAT;
    }
    let deg = (-east).atan2(-north).to_degrees();
    if deg < 0.0 {
        let turned = deg + 360.0;
        if turned >= 360.0 { 0.0 } else { turned }
    } else {
        // No negative zero.
        deg + 0.0
    }
}

/// What is made of the rises.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Slope,
    Aspect,
    Hillshade(Light),
}

impl Kind {
    fn raster(self) -> (&'static str, [&'static str; 2], &'static str) {
        match self {
            Self::Slope => ("slope", ["坡度", "Slope"], "deg"),
            Self::Aspect => ("aspect", ["坡向", "Aspect"], "deg"),
            Self::Hillshade(_) => ("hillshade", ["晕渲", "Hillshade"], "1"),
        }
    }
}

/// Goes over the ground once; the grid is handed over on the way where it is wanted.
pub(super) fn run(
    task: &Task<'_>,
    ground: &Ground<'_>,
    rules: &Rules,
    kind: Kind,
    rasters: bool,
) -> Result<Value, AnalysisError> {
    let mut pass = Pass {
        task,
        ground,
        kind,
        stream: Stream::new(ground),
        rises: Default::default(),
        next: 0,
        tally: Tally { bins: vec![0.0; BINS], ..Tally::default() },
    };
    if rasters {
        let (name, [title_zh, title_en], unit) = kind.raster();
        let made: RasterMade = ground.raster(name, title_zh, title_en, unit);
        task.rasters.take(&made, &mut |first, cells| pass.fill(first, cells))?;
    }
    // Whoever wants no grid asks for no rows.
    let mut line = vec![0.0; ground.window.columns];
    while pass.next < ground.window.rows {
        pass.fill(pass.next, &mut line)?;
    }
    let tally = pass.tally;
    if tally.known_m2 <= 0.0 {
        return Err(super::nothing_known());
    }
    let mut result = match kind {
        Kind::Slope => tally.slope(rules),
        Kind::Aspect => tally.aspect(),
        Kind::Hillshade(light) => json!({
            "light": { "azimuth_deg": light.azimuth_deg, "altitude_deg": light.altitude_deg, "z_factor": light.z_factor },
        }),
    };
    result["cells"] = json!({
        "size_m": ground.middle_cell_m(), "looked_at": tally.looked_at, "without_value": tally.without_value,
    });
    Ok(result)
}

struct Pass<'g> {
    task: &'g Task<'g>,
    ground: &'g Ground<'g>,
    kind: Kind,
    stream: Stream<'g>,
    rises: [Vec<f32>; 2],
    /// The first row that is not yet counted.
    next: usize,
    tally: Tally,
}

impl Pass<'_> {
    /// Whole rows from the row of that number on.
    fn fill(&mut self, first: usize, cells: &mut [f32]) -> Result<(), AnalysisError> {
        let Self { ground, .. } = *self;
        for (row, line) in (first..ground.window.rows).zip(cells.chunks_exact_mut(ground.window.columns)) {
            if row.is_multiple_of(BAND) {
                check_watch(self.task, row as f64 / ground.window.rows as f64, "逐像元计算坡度坡向")?;
            }
            let size_m = ground.cell_m(row);
            let [east, north] = &mut self.rises;
            rises(self.stream.three(row)?, size_m, east, north);
            let both = line.iter_mut().zip(east.iter().zip(north.iter()));
            match self.kind {
                Kind::Slope => both.for_each(|(cell, (e, n))| *cell = steepness_deg(*e, *n)),
                Kind::Aspect => both.for_each(|(cell, (e, n))| *cell = aspect_deg(*e, *n)),
                Kind::Hillshade(light) => {
                    let lit = Lit::new(light);
                    both.for_each(|(cell, (e, n))| *cell = lit.grey(*e, *n));
                }
            }
            let inside = ground.inside(row);
            let mut outside = 0;
            for (from, to) in &inside {
                line[outside..*from].fill(f32::NAN);
                outside = *to;
            }
            line[outside..].fill(f32::NAN);
            if row == self.next {
                self.next += 1;
                for (from, to) in inside {
                    self.tally.add(self.kind, &line[from..to], size_m[0] * size_m[1]);
                }
            }
            if matches!(self.kind, Kind::Aspect) {
                line.iter_mut().filter(|deg| **deg == FLAT).for_each(|deg| *deg = f32::NAN);
            }
        }
        Ok(())
    }
}

/// The relief of a grid as maps print it, 1 to 255, NaN at the border and where a height is missing: light from the
/// north-west at 45 degrees, as cartographers agreed. Heights in metres row by row from the north; `size_m` is a cell's.
#[must_use]
pub fn hillshade(heights_m: &[f32], columns: usize, size_m: [f64; 2]) -> Vec<f32> {
    let mut shaded = vec![f32::NAN; heights_m.len()];
    if columns < 3 {
        return shaded;
    }
    let lit = Lit::new(Light { azimuth_deg: 315.0, altitude_deg: 45.0, z_factor: 1.0 });
    let rows: Vec<&[f32]> = heights_m.chunks_exact(columns).collect();
    let (mut east, mut north) = (Vec::new(), Vec::new());
    for (index, three) in rows.windows(3).enumerate() {
        rises([three[0], three[1], three[2]], size_m, &mut east, &mut north);
        let line = &mut shaded[(index + 1) * columns + 1..(index + 2) * columns - 1];
        for ((cell, east), north) in line.iter_mut().zip(&east).zip(&north) {
            if east.is_finite() && north.is_finite() {
                *cell = lit.grey(*east, *north);
            }
        }
    }
    shaded
}

/// Light as the rises meet it: Lambert's cosine of a surface that scatters alike in all directions.
struct Lit {
    east: f32,
    north: f32,
    up: f32,
    steeper: f32,
}

impl Lit {
    fn new(light: Light) -> Self {
        let (azimuth, altitude) = (light.azimuth_deg.to_radians(), light.altitude_deg.to_radians());
        let z = light.z_factor;
        Self {
            east: (z * azimuth.sin() * altitude.cos()) as f32,
            north: (z * azimuth.cos() * altitude.cos()) as f32,
            up: altitude.sin() as f32,
            steeper: (z * z) as f32,
        }
    }

    /// 1 in the shade to 255 in full light; 0 is left to those who have no value.
    fn grey(&self, east: f32, north: f32) -> f32 {
        let cosine = (self.up - self.east * east - self.north * north)
            / (1.0 + self.steeper * (east * east + north * north)).sqrt();
        if cosine <= 0.0 { 1.0 } else { (1.0 + 254.0 * cosine).round() }
    }
}

#[derive(Debug, Default)]
struct Tally {
    /// Square metres by slope or direction.
    bins: Vec<f64>,
    sum: f64,
    known_m2: f64,
    looked_at: u64,
    without_value: u64,
}

impl Tally {
    fn add(&mut self, kind: Kind, cells: &[f32], cell_m2: f64) {
        let (mut sum, mut known) = (0.0, 0_u64);
        for value in cells.iter().filter(|value| !value.is_nan()) {
            known += 1;
            sum += f64::from(*value);
            match kind {
                Kind::Slope => {
                    let bin = (value * BINS_PER_DEG as f32).ceil() as usize;
                    self.bins[bin.min(BINS - 1)] += cell_m2;
                }
                Kind::Aspect if *value == FLAT => self.bins[DIRECTIONS.len()] += cell_m2,
                Kind::Aspect => self.bins[((value + 22.5) / 45.0) as usize % DIRECTIONS.len()] += cell_m2,
                Kind::Hillshade(_) => {}
            }
        }
        self.sum += sum * cell_m2;
        self.known_m2 += known as f64 * cell_m2;
        self.looked_at += cells.len() as u64;
        self.without_value += cells.len() as u64 - known;
    }

    fn share(&self, m2: f64) -> [Value; 2] {
        [rounded(m2, 2), rounded(m2 / self.known_m2, 6)]
    }

    fn slope(&self, rules: &Rules) -> Value {
        let mut classes = Vec::new();
        let mut first = 0;
        for class in &rules.slope_class {
            let end = ((class.to_deg * BINS_PER_DEG as f64).round() as usize + 1).clamp(first, BINS);
            let [area, share] = self.share(self.bins[first..end].iter().sum());
            classes.push(json!({ "name": class.name, "to_deg": class.to_deg, "area_m2": area, "share": share }));
            first = end;
        }
        let mut percentiles = serde_json::Map::new();
        for (name, share) in PERCENTILES {
            percentiles.insert(name.to_owned(), rounded(self.quantile_deg(share), 2));
        }
        let steepest = self.bins.iter().rposition(|m2| *m2 > 0.0).unwrap_or(0) as f64 / BINS_PER_DEG as f64;
        json!({
            "mean_deg": rounded(self.sum / self.known_m2, 3), "steepest_deg": rounded(steepest, 2),
            "percentiles_deg": percentiles, "known_m2": rounded(self.known_m2, 2), "classes": classes,
        })
    }

    /// The slope that such a share of the ground does not exceed.
    fn quantile_deg(&self, share: f64) -> f64 {
        let mut left_m2 = share * self.known_m2;
        for (bin, m2) in self.bins.iter().enumerate() {
            if *m2 >= left_m2 && *m2 > 0.0 {
                return ((bin as f64 - 1.0 + left_m2 / m2) / BINS_PER_DEG as f64).max(0.0);
            }
            left_m2 -= m2;
        }
        90.0
    }

    fn aspect(&self) -> Value {
        let row = |at: usize, [name, name_en]: [&str; 2]| {
            let [area, share] = self.share(self.bins[at]);
            json!({ "name": name, "name_en": name_en, "area_m2": area, "share": share })
        };
        let mut directions: Vec<Value> = DIRECTIONS.iter().enumerate().map(|(at, names)| row(at, *names)).collect();
        directions.push(row(DIRECTIONS.len(), ["平地", "flat"]));
        json!({ "known_m2": rounded(self.known_m2, 2), "directions": directions })
    }
}

/// Rows of heights from the north with a rim of one cell; what lies outside of the surface has no height.
struct Stream<'g> {
    ground: &'g Ground<'g>,
    /// Rows from `from` on, counted from the rim, each two cells longer than the window.
    held: Vec<f32>,
    from: usize,
}

impl<'g> Stream<'g> {
    fn new(ground: &'g Ground<'g>) -> Self {
        Self { ground, held: Vec::new(), from: 0 }
    }

    /// The row above, the row itself and the row below; rows are asked for in order, those in hand are carried on.
    fn three(&mut self, row: usize) -> Result<[&[f32]; 3], AnalysisError> {
        let stride = self.ground.window.columns + 2;
        if row < self.from {
            self.held.clear();
            self.from = row;
        }
        if row + 3 > self.from + self.held.len() / stride {
            let done = (row - self.from).min(self.held.len() / stride);
            self.held.drain(..done * stride);
            self.from = row;
        }
        while row + 3 > self.from + self.held.len() / stride {
            let first = self.from + self.held.len() / stride;
            // Bands begin where files' blocks do.
            let above = self.ground.window.row + first;
            let band = (above.max(1) - 1) / BAND * BAND + BAND + 1 - above;
            self.read(first, band.min(self.ground.window.rows + 2 - first))?;
        }
        let start = (row - self.from) * stride;
        Ok([0, 1, 2].map(|k| &self.held[start + k * stride..start + (k + 1) * stride]))
    }

    fn read(&mut self, first: usize, count: usize) -> Result<(), AnalysisError> {
        let window = self.ground.window;
        let [wide, high] = self.ground.surface.size();
        let (left, right) = (usize::from(window.column == 0), usize::from(window.column + window.columns == wide));
        let across = window.columns + 2 - left - right;
        // Row `p` of the rim is row `window.row + p - 1` of the surface.
        let (top, end) = ((window.row + first).max(1) - 1, (window.row + first + count - 1).min(high));
        let values = self.ground.surface.window(window.column + left - 1, top, across, end - top)?;
        let stride = window.columns + 2;
        let at = self.held.len();
        self.held.resize(at + count * stride, f32::NAN);
        let skipped = top + 1 - (window.row + first);
        let lines = self.held[at..].chunks_exact_mut(stride).skip(skipped);
        for (line, values) in lines.zip(values.chunks_exact(across)) {
            line[left..left + across].copy_from_slice(values);
        }
        Ok(())
    }
}
