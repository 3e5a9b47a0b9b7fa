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
