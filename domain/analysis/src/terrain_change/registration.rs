//! Whether two surveys lie where they should: shift, tilt and spread on ground that did not move.
//!
//! Nuth and Kääb (2011, The Cryosphere 5, 271-290): a surface that is shifted by `d` shows, on ground of slope `g`, the
//! height difference `dz - g · d`. That is solved by weighted least squares with Tukey's weights, so that ground which
//! moved, grew or was built on does not count, and solved again on the shifted surface until nothing changes.
//! Neighbouring errors are alike, so that their number says little: standard errors come from whole blocks (cluster-robust).

use crate::{AnalysisError, marks::Window};

use super::pair::{Heights, Pair, Tilt};

/// Cells along the side of a block that is looked at.
const BLOCK: usize = 128;
/// Most blocks along one axis.
const MOST_ACROSS: usize = 20;
/// Ground round a block for shifted reading, metres, and most cells of it.
const MARGIN_M: f64 = 6.0;
const MARGIN_CELLS: [usize; 2] = [8, 40];
/// Tukey's constant: 95 % of the efficiency of least squares.
const TUKEY: f64 = 4.685;
/// Half the spread of a normal distribution from the median of absolute deviations.
const NORMAL: f64 = 1.482_6;
/// Heights are not told apart more finely, metres.
const LEAST_SPREAD_M: f64 = 0.000_5;
const MOST_ROUNDS: usize = 12;
/// Cells with both heights below which nothing can be said.
const LEAST_CELLS: usize = 100;
/// A shift that changes less is found, metres.
const STILL_M: f64 = 0.000_02;
/// Below this correlation errors count as independent.
const LEAST_CORRELATION: f64 = 0.05;
/// Cells that the shift is solved from; of more, every second or third is taken.
const MOST_SOLVED: usize = 2_000_000;
/// Feet in a metre: heights that differ by this factor are of two units.
const FEET: f64 = 3.280_84;

/// How the height differences of unmoved ground are spread, metres.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[expect(clippy::struct_field_names, reason = "the unit stands in every name")]
pub(super) struct Spread {
    pub(super) median_m: f64,
    /// Normalised median absolute deviation.
    pub(super) nmad_m: f64,
    pub(super) p68_m: f64,
    pub(super) p95_m: f64,
}

/// What the check found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Registration {
    /// Ground looked at, and the part of it that did not move, square metres.
    pub(super) looked_at_m2: f64,
    pub(super) stable_m2: f64,
    pub(super) blocks: usize,
    /// `after` less `before`: east, north, up, metres; the first two none where the ground is too flat to tell.
    pub(super) shift_m: [Option<f64>; 3],
    pub(super) standard_error_m: [Option<f64>; 3],
    /// Rise of the difference to the east and to the north, metres a kilometre, with standard errors.
    pub(super) tilt_m_per_km: [f64; 2],
    pub(super) tilt_error_m_per_km: [f64; 2],
    /// Where the plane of the tilt is nought, in cells of the base.
    tilt_origin: [f64; 2],
    /// As delivered, and with the shift taken off.
    pub(super) before: Spread,
    pub(super) after: Spread,
    /// Spread of one cell's error on stable ground, with the shift taken off.
    pub(super) sigma_m: f64,
    /// Error that whole blocks have in common.
    pub(super) common_sigma_m: f64,
    /// Ground over which errors are alike, square metres.
    pub(super) correlation_m2: f64,
}

impl Registration {
    /// Which parts of the shift are more than chance, so many standard errors, and more than negligible.
    pub(super) fn significant(&self, factor: f64, negligible_m: f64) -> [bool; 3] {
        [0, 1, 2].map(|axis| match (self.shift_m[axis], self.standard_error_m[axis]) {
            (Some(shift), Some(error)) => shift.abs() >= negligible_m && shift.abs() > factor * error,
            _ => false,
        })
    }

    /// Whether the tilt is more than chance, so many standard errors, and more than negligible over a kilometre.
    pub(super) fn is_tilted(&self, factor: f64, negligible_m: f64) -> bool {
        let parts = self.tilt_m_per_km.iter().zip(&self.tilt_error_m_per_km);
        parts.into_iter().any(|(tilt, error)| tilt.abs() >= negligible_m && tilt.abs() > factor * error)
    }

    /// The plane that `after` is tilted by.
    pub(super) fn tilt(&self) -> Tilt {
        Tilt { rise: self.tilt_m_per_km.map(|m| m / 1_000.0), origin: self.tilt_origin }
    }

    /// How far errors are alike: the range of a spherical variogram with the same correlation area (Rolstad and others 2009).
    pub(super) fn correlation_length_m(&self) -> f64 {
        (5.0 * self.correlation_m2 / std::f64::consts::PI).sqrt()
    }
}

/// The place of a block: where it is and what was read there, margin included.
struct Block {
    window: Window,
    heights: Heights,
    core: Window,
    cell_m: [f64; 2],
    /// Cells of the core that may be stable.
    stable: Vec<bool>,
    /// Slopes to the east and to the north of the cells that are solved from, metres a metre; not a number where unknown.
    slopes: Vec<[f32; 2]>,
}

/// One equation: slope to the east and north, and the difference.
#[derive(Clone, Copy)]
struct Row {
    slope: [f64; 2],
    difference_m: f64,
}

/// Looks at blocks spread over the pair's window. `is_out` gives, for a y of the base's system, spans of x that are left out.
/// `None` where there is no ground with both heights.
pub(super) fn register(
    pair: &Pair<'_>,
    is_out: &(dyn Fn(f64) -> Vec<[f64; 2]> + Sync),
    watch: &dyn crate::Watch,
) -> Result<Option<Registration>, AnalysisError> {
    let mut blocks = read(pair, is_out, watch)?;
    let cells: usize = blocks.iter().map(|block| block.core.cells()).sum();
    let step = (cells as f64 / MOST_SOLVED as f64).sqrt().ceil().max(1.0) as usize;
    for block in &mut blocks {
        block.slopes = block.slopes_of(step);
    }
    let residuals = |shift: [f64; 3]| -> Vec<Vec<f32>> { blocks.iter().map(|b| b.residuals(shift, step)).collect() };
    let as_delivered = residuals([0.0; 3]);
    if as_delivered.iter().flatten().filter(|d| d.is_finite()).count() < LEAST_CELLS {
        return Ok(None);
    }
    unit_check(pair, &blocks)?;
    let raw = spread(&as_delivered);
    drop(as_delivered);
    let reach_m = blocks.iter().map(Block::reach_m).fold(f64::INFINITY, f64::min);
    let mut shift = [0.0, 0.0, raw.median_m];
    let mut is_level = false;
    let mut solved = None;
    for _ in 0..MOST_ROUNDS {
        let rows = residuals(shift);
        let scale = spread(&rows);
        let system = System::of(&blocks, &rows, scale.nmad_m.max(LEAST_SPREAD_M), scale.median_m);
        let Some(by) = system.solve(is_level) else {
            if is_level {
                return Ok(None);
            }
            is_level = true;
            continue;
        };
        // Farther than the margin the blocks do not know; what is found there says at least how far it is.
        shift = [0, 1, 2].map(|k| shift[k] + by[k]);
        let level_m = shift[0].hypot(shift[1]);
        let far = level_m > reach_m;
        if far {
            shift = [shift[0] * reach_m / level_m, shift[1] * reach_m / level_m, shift[2]];
        }
        solved = Some(system.errors(&blocks, &rows, is_level));
        if by.iter().all(|s| s.abs() < STILL_M) || far {
            break;
        }
    }
    let Some(errors) = solved else { return Ok(None) };
    Ok(Some(summary(&blocks, raw, shift, errors, is_level)))
}

/// Cells of ground round a block.
fn margin_cells(cell_m: f64) -> usize {
    ((MARGIN_M / cell_m).ceil() as usize).clamp(MARGIN_CELLS[0], MARGIN_CELLS[1])
}

fn read(
    pair: &Pair<'_>,
    is_out: &(dyn Fn(f64) -> Vec<[f64; 2]> + Sync),
    watch: &dyn crate::Watch,
) -> Result<Vec<Block>, AnalysisError> {
    let Window { column, row, columns, rows } = pair.window;
    let side = [columns, rows].map(|cells| (cells / BLOCK).clamp(1, MOST_ACROSS));
    let at = |k: usize, count: usize, from: usize, cells: usize| {
        let length = cells.min(BLOCK);
        let free = cells - length;
        (from + if count > 1 { free * k / (count - 1) } else { free / 2 }, length)
    };
    let [west, north, width, height] = pair.base().grid();
    let mut blocks = Vec::new();
    for k in 0..side[0] * side[1] {
        if watch.cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        let (first_column, across) = at(k % side[0], side[0], column, columns);
        let (first_row, down) = at(k / side[0], side[1], row, rows);
        let core = Window { column: first_column, row: first_row, columns: across, rows: down };
        let cell_m = pair.cell_m(first_row + down / 2);
        let margin = cell_m.map(margin_cells);
        let end = |from: usize, length: usize, margin: usize, last: usize| (from + length + margin).min(last);
        let (left, top) =
            (first_column.saturating_sub(margin[0]).max(column), first_row.saturating_sub(margin[1]).max(row));
        let window = Window {
            column: left,
            row: top,
            columns: end(first_column, across, margin[0], column + columns) - left,
            rows: end(first_row, down, margin[1], row + rows) - top,
        };
        let heights = pair.read(window)?;
        let mut stable = vec![true; core.cells()];
        for (index, line) in stable.chunks_exact_mut(across).enumerate() {
            let y = north - ((first_row + index) as f64 + 0.5) * height;
            for [from, to] in is_out(y) {
                let cell =
                    |x: f64| ((x - west) / width - first_column as f64 - 0.5).ceil().clamp(0.0, across as f64) as usize;
                let (from, to) = (cell(from), cell(to));
                line.iter_mut().take(to).skip(from).for_each(|cell| *cell = false);
            }
        }
        blocks.push(Block { window, heights, core, cell_m, stable, slopes: Vec::new() });
        watch.progress(0.3 * (k + 1) as f64 / (side[0] * side[1]) as f64, "检查两期数据的套合");
    }
    Ok(blocks)
}

impl Block {
    /// How far a shifted reading stays inside the block's margin everywhere, metres.
    fn reach_m(&self) -> f64 {
        let margin = [0, 1].map(|axis| margin_cells(self.cell_m[axis]) as f64 * self.cell_m[axis]);
        margin[0].min(margin[1])
    }

    /// What is left of the differences of every `step`th cell of every `step`th row with a shift taken off: `after` is read where
    /// the shift put it, bilinear; not a number where the ground is not stable or has no height.
    fn residuals(&self, [east_m, north_m, up_m]: [f64; 3], step: usize) -> Vec<f32> {
        let Window { columns: wide, rows: high, .. } = self.window;
        let (u, v) = (east_m / self.cell_m[0], -north_m / self.cell_m[1]);
        // The same fractions of a cell for all of them: four weights, each on a whole row.
        let (part, down) = (u - u.floor(), v - v.floor());
        let (next, below) = (usize::from(part > 0.0), usize::from(down > 0.0));
        let (left, top) = (self.core.column - self.window.column, self.core.row - self.window.row);
        let at = |cell: usize, by: f64, most: usize| {
            let cell = cell as f64 + by.floor();
            (cell >= 0.0 && cell < most as f64).then_some(cell as usize)
        };
        let mut made = Vec::with_capacity(self.core.cells() / (step * step) + self.core.columns);
        for y in (0..self.core.rows).step_by(step) {
            let stable = &self.stable[y * self.core.columns..][..self.core.columns];
            let before = &self.heights.before[(top + y) * wide + left..][..self.core.columns];
            let row = at(top + y, v, high).filter(|row| row + below < high);
            let lines = row.map(|row| [row, row + below].map(|row| &self.heights.after[row * wide..][..wide]));
            made.extend((0..self.core.columns).step_by(step).map(|x| {
                let (Some([a, b]), Some(column)) = (lines, at(left + x, u, wide)) else { return f32::NAN };
                if !stable[x] || column + next >= wide {
                    return f32::NAN;
                }
                let [a, b] =
                    [a, b].map(|line| f64::from(line[column]) * (1.0 - part) + f64::from(line[column + next]) * part);
                (a * (1.0 - down) + b * down - f64::from(before[x]) - up_m) as f32
            }));
        }
        made
    }

    /// Slope of the earlier surface at the cells that `residuals` reads (Horn's method).
    fn slopes_of(&self, step: usize) -> Vec<[f32; 2]> {
        let wide = self.window.columns;
        let (left, top) = (self.core.column - self.window.column, self.core.row - self.window.row);
        let mut made = Vec::new();
        for row in (top..top + self.core.rows).step_by(step) {
            let inside = row > 0 && row + 1 < self.window.rows;
            let line = |row: usize| &self.heights.before[row * wide..][..wide];
            let three = inside.then(|| [row - 1, row, row + 1].map(line));
            made.extend((left..left + self.core.columns).step_by(step).map(|column| {
                let Some([above, own, below]) = three.filter(|_| column > 0 && column + 1 < wide) else {
                    return [f32::NAN; 2];
                };
                let (l, r) = (column - 1, column + 1);
                let east = (above[r] - above[l]) + 2.0 * (own[r] - own[l]) + (below[r] - below[l]);
                let north = (above[l] - below[l]) + 2.0 * (above[column] - below[column]) + (above[r] - below[r]);
                [east / (8.0 * self.cell_m[0] as f32), north / (8.0 * self.cell_m[1] as f32)]
            }));
        }
        made
    }

    /// The equations of the cells whose slope and residual are known.
    fn rows<'b>(&'b self, residuals: &'b [f32]) -> impl Iterator<Item = Row> + 'b {
        self.slopes.iter().zip(residuals).filter_map(|(slope, residual)| {
            let row = Row { slope: slope.map(f64::from), difference_m: f64::from(*residual) };
            (row.slope[0] + row.slope[1] + row.difference_m).is_finite().then_some(row)
        })
    }
}

/// Weighted normal equations of `[east, north, up]`.
struct System {
    matrix: [[f64; 3]; 3],
    right: [f64; 3],
    scale_m: f64,
    middle_m: f64,
}

/// Coefficients of a row: a surface moved east by `d` is lower by slope times `d`.
fn coefficients(row: &Row) -> [f64; 3] {
    [-row.slope[0], -row.slope[1], 1.0]
}

fn tukey(residual: f64, scale: f64) -> f64 {
    let u = residual / (TUKEY * scale);
    if u.abs() >= 1.0 { 0.0 } else { (1.0 - u * u).powi(2) }
}

impl System {
    fn of(blocks: &[Block], residuals: &[Vec<f32>], scale_m: f64, middle_m: f64) -> Self {
        let mut system = Self { matrix: [[0.0; 3]; 3], right: [0.0; 3], scale_m, middle_m };
        for row in blocks.iter().zip(residuals).flat_map(|(block, residuals)| block.rows(residuals)) {
            let weight = tukey(row.difference_m - middle_m, scale_m);
            if weight > 0.0 {
                let a = coefficients(&row);
                for i in 0..3 {
                    for j in 0..3 {
                        system.matrix[i][j] += weight * a[i] * a[j];
                    }
                    system.right[i] += weight * a[i] * row.difference_m;
                }
            }
        }
        system
    }

    /// The inverse; with `is_level` of the height alone. None where the slopes tell nothing.
    fn inverse(&self, is_level: bool) -> Option<[[f64; 3]; 3]> {
        let m = self.matrix;
        if m[2][2] <= 0.0 {
            return None;
        }
        if is_level {
            return Some([[0.0; 3], [0.0; 3], [0.0, 0.0, 1.0 / m[2][2]]]);
        }
        // Slopes of less than a part in a thousand on average tell nothing of a shift.
        if m[0][0].min(m[1][1]) < 1e-6 * m[2][2] {
            return None;
        }
        let minor = |r: usize, c: usize| {
            let (r0, r1) = ((r + 1) % 3, (r + 2) % 3);
            let (c0, c1) = ((c + 1) % 3, (c + 2) % 3);
            m[r0][c0] * m[r1][c1] - m[r0][c1] * m[r1][c0]
        };
        let determinant = (0..3).map(|c| m[0][c] * minor(0, c)).sum::<f64>();
        if determinant <= 1e-9 * m[0][0] * m[1][1] * m[2][2] {
            return None;
        }
        Some([0, 1, 2].map(|r| [0, 1, 2].map(|c| minor(c, r) / determinant)))
    }

    fn solve(&self, is_level: bool) -> Option<[f64; 3]> {
        let inverse = self.inverse(is_level)?;
        Some(inverse.map(|line| line.iter().zip(self.right).map(|(a, b)| a * b).sum()))
    }

    /// Standard errors from the blocks' own sums: neighbouring cells err together.
    fn errors(&self, blocks: &[Block], residuals: &[Vec<f32>], is_level: bool) -> [f64; 3] {
        let Some(inverse) = self.inverse(is_level) else { return [f64::INFINITY; 3] };
        let mean = self.solve(is_level).unwrap_or_default();
        let mut meat = [[0.0; 3]; 3];
        let mut count = 0_usize;
        for (block, residuals) in blocks.iter().zip(residuals) {
            let mut sum = [0.0; 3];
            let mut is_empty = true;
            for row in block.rows(residuals) {
                is_empty = false;
                let weight = tukey(row.difference_m - self.middle_m, self.scale_m);
                let a = coefficients(&row);
                let fitted: f64 = a.iter().zip(mean).map(|(a, b)| a * b).sum();
                for (sum, a) in sum.iter_mut().zip(a) {
                    *sum += weight * a * (row.difference_m - fitted);
                }
            }
            for i in 0..3 {
                for j in 0..3 {
                    meat[i][j] += sum[i] * sum[j];
                }
            }
            count += usize::from(!is_empty);
        }
        let correction = if count > 3 { count as f64 / (count as f64 - 3.0) } else { f64::INFINITY };
        [0, 1, 2].map(|k| {
            let variance: f64 = (0..3)
                .flat_map(|i| (0..3).map(move |j| (i, j)))
                .map(|(i, j)| inverse[k][i] * meat[i][j] * inverse[k][j])
                .sum();
            (variance * correction).max(0.0).sqrt()
        })
    }
}

/// Median, and spread about it, of the numbers among the residuals.
fn spread(residuals: &[Vec<f32>]) -> Spread {
    let mut values: Vec<f32> = residuals.iter().flatten().copied().filter(|value| value.is_finite()).collect();
    if values.is_empty() {
        return Spread::default();
    }
    let median_m = quantile(&mut values, 0.5);
    for value in &mut values {
        *value = (*value - median_m).abs();
    }
    // One after the other: each leaves what is larger behind it.
    let [half, p68_m, p95_m] = [0.5, 0.682_7, 0.95].map(|share| f64::from(quantile(&mut values, share)));
    Spread { median_m: f64::from(median_m), nmad_m: NORMAL * half, p68_m, p95_m }
}

fn quantile(values: &mut [f32], share: f64) -> f32 {
    let at = ((values.len() - 1) as f64 * share).round() as usize;
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}

/// Refuses heights of two units: they differ by a factor, and no shift mends that.
fn unit_check(pair: &Pair<'_>, blocks: &[Block]) -> Result<(), AnalysisError> {
    let means: Vec<[f64; 2]> = blocks
        .iter()
        .filter_map(|block| {
            let cells =
                block.heights.before.iter().zip(&block.heights.after).filter(|(b, a)| b.is_finite() && a.is_finite());
            let (count, before, after) = cells.fold((0_usize, 0.0, 0.0), |(n, b, a), (before, after)| {
                (n + 1, b + f64::from(*before), a + f64::from(*after))
            });
            (count > 0).then(|| [before / count as f64, after / count as f64])
        })
        .collect();
    let mut ratios: Vec<f32> =
        means.iter().filter(|[before, _]| before.abs() > 1.0).map(|[b, a]| (a / b) as f32).collect();
    if ratios.len() < means.len().div_ceil(2) || ratios.is_empty() {
        return Ok(());
    }
    let ratio = f64::from(quantile(&mut ratios, 0.5));
    let near = |factor: f64| (ratio / factor - 1.0).abs() < 0.03;
    if near(FEET) || near(1.0 / FEET) {
        let (feet, metres) = if near(FEET) { ("后一期", "前一期") } else { ("前一期", "后一期") };
        return Err(AnalysisError::Request {
            what_zh: format!(
                "{feet}的高程约为{metres}的 3.28 倍，很可能以英尺为单位；请以正确的高程单位重新入库后再比较"
            ),
            what_en: format!(
                "the heights of {} and {} differ by a factor of {ratio:.3}: one seems to be in feet; import it again with its unit",
                pair.base().source(),
                pair.other().source()
            ),
        });
    }
    Ok(())
}

/// Mean residual of a block's stable ground, that ground in square metres, and the block's metres to the east and north.
type BlockMean = (f64, f64, f64, f64);

fn summary(blocks: &[Block], before: Spread, shift: [f64; 3], errors: [f64; 3], is_level: bool) -> Registration {
    let cell_m2 = |block: &Block| block.cell_m[0] * block.cell_m[1];
    let mut residuals: Vec<Vec<f32>> = blocks.iter().map(|block| block.residuals(shift, 1)).collect();
    let after = spread(&residuals);
    let limit = TUKEY * after.nmad_m.max(LEAST_SPREAD_M);
    let (mut looked_at_m2, mut stable_m2) = (0.0, 0.0);
    let mut squares = (0.0, 0_usize);
    let mut means: Vec<BlockMean> = Vec::new();
    let first = blocks.first().map_or(Window { column: 0, row: 0, columns: 1, rows: 1 }, |block| block.core);
    for (block, residuals) in blocks.iter().zip(&mut residuals) {
        let (mut sum, mut count, mut known) = (0.0, 0_usize, 0_usize);
        for residual in residuals.iter_mut() {
            let value = f64::from(*residual);
            known += usize::from(value.is_finite());
            if (value - after.median_m).abs() < limit {
                squares = (squares.0 + value * value, squares.1 + 1);
                sum += value;
                count += 1;
            } else {
                // From here on the residuals are those of stable ground.
                *residual = f32::NAN;
            }
        }
        looked_at_m2 += known as f64 * cell_m2(block);
        stable_m2 += count as f64 * cell_m2(block);
        if count * 10 >= block.core.cells() {
            let middle =
                |from: usize, cells: usize, first: usize| (from as f64 + (cells as f64 - 1.0) / 2.0) - first as f64;
            let east_m = middle(block.core.column, block.core.columns, first.column) * block.cell_m[0];
            let north_m = -middle(block.core.row, block.core.rows, first.row) * block.cell_m[1];
            means.push((sum / count as f64, count as f64 * cell_m2(block), east_m, north_m));
        }
    }
    let sigma_m = (squares.0 / squares.1.max(1) as f64).sqrt();
    let correlation_m2 = correlation(blocks, &residuals);
    // What block means spread more than their cells explain, they have in common.
    let mean = means.iter().map(|(m, ..)| m).sum::<f64>() / means.len().max(1) as f64;
    let between = means.iter().map(|(m, ..)| (m - mean).powi(2)).sum::<f64>() / (means.len().max(2) - 1) as f64;
    let explained =
        means.iter().map(|(_, ground_m2, ..)| sigma_m.powi(2) * (correlation_m2 / ground_m2).min(1.0)).sum::<f64>()
            / means.len().max(1) as f64;
    let (tilt, tilt_error, [east_m, north_m]) = tilt(&means);
    let cell_m = blocks.first().map_or([1.0; 2], |block| block.cell_m);
    let tilt_origin = [first.column as f64 + east_m / cell_m[0], first.row as f64 - north_m / cell_m[1]];
    let of = |values: [f64; 3]| [0, 1, 2].map(|k| (k == 2 || !is_level).then_some(values[k]));
    Registration {
        looked_at_m2,
        stable_m2,
        blocks: blocks.len(),
        shift_m: of(shift),
        standard_error_m: of(errors),
        tilt_m_per_km: tilt,
        tilt_error_m_per_km: tilt_error,
        tilt_origin,
        before,
        after,
        sigma_m,
        common_sigma_m: (between - explained).max(0.0).sqrt(),
        correlation_m2,
    }
}

/// The ground over which errors are alike: the sum of their correlation over all distances, at least one cell.
fn correlation(blocks: &[Block], residuals: &[Vec<f32>]) -> f64 {
    let cell_m2 = blocks.iter().map(|block| block.cell_m[0] * block.cell_m[1]).sum::<f64>() / blocks.len() as f64;
    // Numbers with a nought where there is none, and whether there is one.
    let split: Vec<[Vec<f32>; 2]> = residuals
        .iter()
        .map(|residuals| {
            let of = |f: fn(f32) -> f32| residuals.iter().map(|r| if r.is_finite() { f(*r) } else { 0.0 }).collect();
            [of(|r| r), of(|_| 1.0)]
        })
        .collect();
    let mean = |lag: usize| {
        // Every other row is enough, and farther apart fewer still.
        let step = 2 + lag / 4;
        let mut sums = [0.0; 2];
        for (block, split) in blocks.iter().zip(&split) {
            let Window { columns, rows, .. } = block.core;
            for (sum, values) in sums.iter_mut().zip(split) {
                let line = |y: usize| &values[y * columns..][..columns];
                for y in (0..rows).step_by(step) {
                    *sum += product(line(y), line(y).get(lag..).unwrap_or_default());
                }
                for y in (0..rows.saturating_sub(lag)).step_by(step) {
                    *sum += product(line(y), line(y + lag));
                }
            }
        }
        sums[0] / sums[1].max(1.0)
    };
    let own = mean(0);
    if own <= LEAST_SPREAD_M * LEAST_SPREAD_M {
        return cell_m2;
    }
    let alike = (1..BLOCK / 2).map(|lag| (lag, mean(lag) / own)).take_while(|(_, c)| *c >= LEAST_CORRELATION);
    cell_m2 * (1.0 + alike.map(|(lag, c)| std::f64::consts::TAU * lag as f64 * c).sum::<f64>())
}

/// Sum of the products of two rows, as far as both reach.
fn product(a: &[f32], b: &[f32]) -> f64 {
    const LANES: usize = 8;
    let many = a.len().min(b.len());
    let (a, b) = (&a[..many], &b[..many]);
    let (eights, rest) = a.as_chunks::<LANES>();
    let (others, left) = b.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (a, b) in eights.iter().zip(others) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest = rest.iter().zip(left).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    sums.iter().map(|sum| f64::from(*sum)).sum::<f64>() + rest
}

/// A plane through the blocks' means: its slopes in metres a kilometre, their standard errors, and where it is in its middle.
fn tilt(means: &[BlockMean]) -> ([f64; 2], [f64; 2], [f64; 2]) {
    let count = means.len() as f64;
    if means.len() < 6 {
        return ([0.0; 2], [f64::INFINITY; 2], [0.0; 2]);
    }
    let average = |of: fn(&BlockMean) -> f64| means.iter().map(of).sum::<f64>() / count;
    let (mz, mx, my) = (average(|m| m.0), average(|m| m.2), average(|m| m.3));
    let moment = |f: &dyn Fn(f64, f64, f64) -> f64| means.iter().map(|m| f(m.0 - mz, m.2 - mx, m.3 - my)).sum::<f64>();
    let (xx, yy, xy) = (moment(&|_, x, _| x * x), moment(&|_, _, y| y * y), moment(&|_, x, y| x * y));
    let (xz, yz) = (moment(&|z, x, _| x * z), moment(&|z, _, y| y * z));
    let determinant = xx * yy - xy * xy;
    if determinant <= 1e-9 * xx * yy {
        return ([0.0; 2], [f64::INFINITY; 2], [mx, my]);
    }
    let slopes = [(xz * yy - yz * xy) / determinant, (yz * xx - xz * xy) / determinant];
    let left = moment(&|z, x, y| (z - slopes[0] * x - slopes[1] * y).powi(2)) / (count - 3.0);
    let errors = [(left * yy / determinant).sqrt(), (left * xx / determinant).sqrt()];
    (slopes.map(|s| s * 1_000.0), errors.map(|s| s * 1_000.0), [mx, my])
}
