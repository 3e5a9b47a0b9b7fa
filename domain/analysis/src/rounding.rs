//! Rounding of areas as plan ledgers do it, and forced balancing (强制调平) of parts to their total.
//!
//! Convert first, round once, half away from zero: 0.125 is 0.13 and not the 0.12 of bankers or of binary floats.
//! 国土空间调查 ledgers want 县控制面积 = Σ村 = Σ图斑 after rounding too; the units that rounding lost or won are
//! given to the largest parts first, one each, because there they matter least.

use std::str::FromStr as _;

use rust_decimal::{Decimal, RoundingStrategy};

use crate::AnalysisError;

/// A unit of area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AreaUnit {
    /// Square metres (平方米).
    SquareMetre,
    /// Hectares (公顷), 10,000 m².
    Hectare,
    /// Mu (亩), 2000/3 m².
    Mu,
    /// Square kilometres (平方千米).
    SquareKilometre,
}

impl AreaUnit {
    /// Square metres in this unit, unrounded.
    #[must_use]
    pub fn from_m2(self, area_m2: Decimal) -> Decimal {
        match self {
            Self::SquareMetre => area_m2,
            Self::Hectare => area_m2 / Decimal::from(10_000),
            Self::Mu => area_m2 * Decimal::from(3) / Decimal::from(2000),
            Self::SquareKilometre => area_m2 / Decimal::from(1_000_000),
        }
    }
}

/// The number that a float shows, as a decimal; none for what is not finite or too large.
#[must_use]
pub fn decimal_of(value: f64) -> Option<Decimal> {
    // Through the shortest text that names the float: 1.005 becomes 1.005 and not 1.00499999….
    value.is_finite().then(|| value.to_string()).and_then(|text| Decimal::from_str(&text).ok())
}

/// Rounds to so many decimals, half away from zero.
#[must_use]
pub fn round_half_away(value: Decimal, decimals: u32) -> Decimal {
    value.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero)
}

/// Rounds parts so that they add up to their rounded total.
///
/// The difference is spread in units of the last decimal over the largest parts, equal ones in their order. A part of
/// zero stays zero and none becomes negative. Parts must not be negative and must already add up to the total within
/// half a unit per part: balancing hides rounding, not mistakes.
pub fn balance(parts: &[Decimal], total: Decimal, decimals: u32) -> Result<Vec<Decimal>, AnalysisError> {
    let refuse = |reason| Err(AnalysisError::Balance { reason });
    if parts.iter().any(Decimal::is_sign_negative) || total.is_sign_negative() {
        return refuse("面积为负 (a negative area)");
    }
    if decimals > 10 {
        return refuse("小数位数过多 (too many decimals)");
    }
    let unit = Decimal::new(1, decimals);
    let mut rounded: Vec<Decimal> = parts.iter().map(|part| round_half_away(*part, decimals)).collect();
    let off = round_half_away(total, decimals) - rounded.iter().sum::<Decimal>();
    let half_a_unit_each = unit * Decimal::from(parts.len() + 1) / Decimal::TWO;
    if (parts.iter().sum::<Decimal>() - total).abs() > half_a_unit_each {
        return refuse("各部分之和与总数相差超过舍入误差 (they differ by more than rounding)");
    }
    let step = if off.is_sign_negative() { -unit } else { unit };
    let mut left = (off.abs() / unit).round();
    let mut order: Vec<usize> = (0..parts.len()).filter(|i| !parts[*i].is_zero()).collect();
    order.sort_by(|a, b| parts[*b].cmp(&parts[*a]).then(a.cmp(b)));
    while !left.is_zero() {
        let mut moved = false;
        for i in &order {
            if left.is_zero() {
                break;
            }
            let next = rounded[*i] + step;
            if !next.is_sign_negative() || next.is_zero() {
                rounded[*i] = next;
                left -= Decimal::ONE;
                moved = true;
            }
        }
        if !moved {
            return refuse("没有可调整的部分 (no part can take the difference)");
        }
    }
    Ok(rounded)
}

/// As [`balance`], to a total that has been balanced itself: it may differ from the parts' own sum by some units.
pub fn balance_to(parts: &[Decimal], total: Decimal, decimals: u32) -> Result<Vec<Decimal>, AnalysisError> {
    let unit = Decimal::new(1, decimals);
    let sum: Decimal = parts.iter().sum();
    if (sum - total).abs() > unit * Decimal::from(4) {
        return Err(AnalysisError::Balance {
            reason: "调平后的总数与各部分之和相差过大 (too far from the parts' sum)",
        });
    }
    // The largest part stands for the difference, so that the rest is rounding only.
    let mut moved = parts.to_vec();
    if let Some(largest) = (0..moved.len()).max_by(|a, b| parts[*a].cmp(&parts[*b]).then(b.cmp(a))) {
        moved[largest] = (moved[largest] + total - sum).max(Decimal::ZERO);
    }
    let total = if moved.is_empty() { Decimal::ZERO } else { total };
    balance(&moved, total, decimals)
}

/// Parts of a unit that a table is rounded with; what is smaller is not told apart.
const GRAIN: i128 = 1_000_000_000;

/// Rounds a table so that its rows, its columns and the whole all add up. Every cell, every row's sum and every column's
/// becomes the unit below or above it, the whole the nearest (controlled rounding: L. H. Cox, A Constructive Procedure
/// for Unbiased Controlled Rounding, JASA 82 (1987) 520-524). A cell of zero stays zero; such a rounding always exists.
pub fn balance_table(table: &[Vec<Decimal>], decimals: u32) -> Result<Vec<Vec<Decimal>>, AnalysisError> {
    let (rows, columns) = (table.len(), table.first().map_or(0, Vec::len));
    if table.iter().flatten().any(|value| value.is_sign_negative() && !value.is_zero()) {
        return Err(AnalysisError::Balance { reason: "面积为负 (a negative area)" });
    }
    let unit = Decimal::new(1, decimals);
    let grains = |value: &Decimal| {
        let whole = (*value / unit * Decimal::from(GRAIN)).round();
        (whole.scale() == 0).then(|| whole.mantissa())
    };
    // The sums stand in the last row and column, negative, so that every row and column of this table is zero in sum.
    let mut values = vec![vec![0; columns + 1]; rows + 1];
    for (r, row) in table.iter().enumerate() {
        for (c, value) in row.iter().enumerate() {
            let value = grains(value).ok_or(AnalysisError::Balance { reason: "面积过大 (an area too large)" })?;
            for (r, c, value) in [(r, c, value), (r, columns, -value), (rows, c, -value), (rows, columns, value)] {
                values[r][c] += value;
            }
        }
    }
    let mut rounding = TableRounding { values, parent: vec![None; rows + columns + 2] };
    for row in 0..=rows {
        for column in (0..=columns).filter(|column| (row, *column) != (rows, columns)) {
            rounding.settle([row, column], None);
        }
    }
    let whole = rounding.values[rows][columns];
    rounding.settle([rows, columns], Some(whole.rem_euclid(GRAIN) * 2 >= GRAIN));
    Ok((0..rows)
        .map(|r| {
            rounding.values[r][..columns].iter().map(|v| Decimal::from_i128_with_scale(v / GRAIN, decimals)).collect()
        })
        .collect())
}

/// A table on its way to whole units. Its rows and columns are nodes, its cells edges between them; those that are not
/// whole yet and close no cycle make a forest. A row or column of whole sum has no single cell that is not whole, hence a
/// forest that nothing can be added to is empty.
struct TableRounding {
    /// Grains by row and column; the sum of every row and column is zero.
    values: Vec<Vec<i128>>,
    /// By node (rows, then columns): the next node towards the root of its tree.
    parent: Vec<Option<usize>>,
}

impl TableRounding {
    /// Makes a cell whole, or a part of the forest. `up`: whether it may only grow or only shrink on the way.
    fn settle(&mut self, [row, column]: [usize; 2], up: Option<bool>) {
        let rows = self.values.len();
        while self.values[row][column] % GRAIN != 0 {
            let Some(path) = self.path(rows + column, row) else {
                self.link(row, rows + column);
                return;
            };
            let along = path
                .windows(2)
                .map(|pair| if pair[0] < rows { [pair[0], pair[1] - rows] } else { [pair[1], pair[0] - rows] });
            let cycle: Vec<[usize; 2]> = std::iter::once([row, column]).chain(along).collect();
            // Cells up and down in turn leave every sum as it is; the first that gets whole stops the change.
            let room = |up: bool| {
                let of = cycle.iter().enumerate().map(|(at, [r, c])| {
                    let above = self.values[*r][*c].rem_euclid(GRAIN);
                    if (at % 2 == 0) == up { GRAIN - above } else { above }
                });
                of.min().unwrap_or(0)
            };
            let up = up.unwrap_or(room(true) <= room(false));
            let step = if up { room(true) } else { -room(false) };
            for (at, [r, c]) in cycle.iter().enumerate() {
                self.values[*r][*c] += if at % 2 == 0 { step } else { -step };
            }
            for (pair, [r, c]) in path.windows(2).zip(&cycle[1..]) {
                if self.values[*r][*c] % GRAIN == 0 {
                    let child = if self.parent[pair[0]] == Some(pair[1]) { pair[0] } else { pair[1] };
                    self.parent[child] = None;
                }
            }
        }
    }

    /// A node and those between it and the root of its tree.
    fn to_root(&self, from: usize) -> Vec<usize> {
        std::iter::successors(Some(from), |node| self.parent[*node]).collect()
    }

    /// The nodes from one to another of the same tree; none where they are in different ones.
    fn path(&self, from: usize, to: usize) -> Option<Vec<usize>> {
        let (mut path, mut back) = (self.to_root(from), self.to_root(to));
        if path.last() != back.last() {
            return None;
        }
        let mut meeting = None;
        while path.last() == back.last() && !path.is_empty() {
            meeting = path.pop();
            back.pop();
        }
        path.extend(meeting);
        path.extend(back.into_iter().rev());
        Some(path)
    }

    /// Joins two trees by an edge between these nodes.
    fn link(&mut self, from: usize, to: usize) {
        let upwards = self.to_root(from);
        for pair in upwards.windows(2) {
            self.parent[pair[1]] = Some(pair[0]);
        }
        self.parent[from] = Some(to);
    }
}
