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

/// Rounds a table so that its rows, its columns and the whole all add up: rows and columns are balanced to the rounded
/// whole first, then every cell is rounded down and the missing units are dealt out along rows and columns that lack
/// them (controlled rounding, L. H. Cox 1987). A cell of zero stays zero.
pub fn balance_table(table: &[Vec<Decimal>], decimals: u32) -> Result<Vec<Vec<Decimal>>, AnalysisError> {
    let columns = table.first().map_or(0, Vec::len);
    let row_sums: Vec<Decimal> = table.iter().map(|row| row.iter().sum()).collect();
    let column_sums: Vec<Decimal> = (0..columns).map(|c| table.iter().map(|row| row[c]).sum()).collect();
    let total: Decimal = row_sums.iter().sum();
    let (rows_wanted, columns_wanted) = (balance(&row_sums, total, decimals)?, balance(&column_sums, total, decimals)?);
    let unit = Decimal::new(1, decimals);
    let floor = |v: Decimal| v.round_dp_with_strategy(decimals, RoundingStrategy::ToZero);
    let mut rounded: Vec<Vec<Decimal>> = table.iter().map(|row| row.iter().map(|v| floor(*v)).collect()).collect();
    let units = |v: Decimal| i64::try_from((v / unit).round()).unwrap_or(0);
    // What each row and column still lacks, in units; negative where rounding down was not enough.
    let mut lacks_row: Vec<i64> =
        rounded.iter().zip(&rows_wanted).map(|(row, wanted)| units(*wanted - row.iter().sum::<Decimal>())).collect();
    let mut lacks_column: Vec<i64> =
        (0..columns).map(|c| units(columns_wanted[c] - rounded.iter().map(|row| row[c]).sum::<Decimal>())).collect();
    // Cells by what rounding down took from them.
    let mut cells: Vec<(Decimal, usize, usize)> = Vec::new();
    for (r, row) in table.iter().enumerate() {
        cells.extend(row.iter().enumerate().filter(|(_, v)| !v.is_zero()).map(|(c, v)| (*v - rounded[r][c], r, c)));
    }
    cells.sort_by(|a, b| b.0.cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    for (_, r, c) in &cells {
        if lacks_row[*r] > 0 && lacks_column[*c] > 0 {
            rounded[*r][*c] += unit;
            lacks_row[*r] -= 1;
            lacks_column[*c] -= 1;
        }
    }
    // What is left goes along chains of cells, up and down in turn.
    let mut lacks: Vec<i64> = lacks_row.into_iter().chain(lacks_column).collect();
    while let Some(start) = lacks.iter().position(|lack| *lack != 0) {
        let sign = lacks[start].signum();
        let step = if sign > 0 { unit } else { -unit };
        let Some(chain) = chain(table, &rounded, &lacks, start, step) else {
            return Err(AnalysisError::Balance {
                reason: "表格无法双向调平 (rows and columns cannot both add up)"
            });
        };
        let mut change = step;
        for pair in chain.windows(2) {
            let (r, c) = cell_of(pair[0], pair[1], table.len());
            rounded[r][c] += change;
            change = -change;
        }
        lacks[start] -= sign;
        if let Some(end) = chain.last() {
            // An odd number of cells ends on the other side, which lacked as much; an even one where too much was.
            lacks[*end] -= if chain.len() % 2 == 0 { sign } else { -sign };
        }
    }
    Ok(rounded)
}

/// The cell of a row and a column, counted on after the rows, in either order.
fn cell_of(a: usize, b: usize, rows: usize) -> (usize, usize) {
    if a < rows { (a, b - rows) } else { (b, a - rows) }
}

/// The shortest chain of rows and columns from one that lacks to one that lacks as much across, or has too much on the
/// same side: the cells between them change up and down in turn.
fn chain(
    table: &[Vec<Decimal>],
    rounded: &[Vec<Decimal>],
    lacks: &[i64],
    start: usize,
    step: Decimal,
) -> Option<Vec<usize>> {
    let rows = table.len();
    let sign = lacks[start].signum();
    let mut before: Vec<Option<usize>> = vec![None; lacks.len()];
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        let same_side = (at < rows) == (start < rows);
        let change = if same_side { step } else { -step };
        let across = if at < rows { rows..lacks.len() } else { 0..rows };
        for next in across {
            let (r, c) = cell_of(at, next, rows);
            if next == start
                || before[next].is_some()
                || table[r][c].is_zero()
                || (rounded[r][c] + change).is_sign_negative()
            {
                continue;
            }
            before[next] = Some(at);
            if lacks[next].signum() == if same_side { sign } else { -sign } {
                let mut chain = vec![next];
                let mut back = next;
                while back != start {
                    back = before[back]?;
                    chain.push(back);
                }
                chain.reverse();
                return Some(chain);
            }
            queue.push_back(next);
        }
    }
    None
}
