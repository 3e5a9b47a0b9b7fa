//! Areas as results state them: measured twice, rounded once, balanced so that parts add up to their total.

use std::iter::Sum;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::{
    AnalysisError,
    rounding::{AreaUnit, balance, decimal_of, round_half_away},
};

/// Decimals of square metres in results.
const M2_DECIMALS: u32 = 2;
/// Decimals of hectares in results.
const HA_DECIMALS: u32 = 4;
/// By how much parts may miss their total before it is a mistake: a grid of a tenth of a millimetre along borders.
const OFF_M2: f64 = 0.05;
const OFF_SHARE: f64 = 1e-6;

/// Areas as measured, square metres.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Areas {
    pub(crate) plane_m2: f64,
    pub(crate) ellipsoidal_m2: f64,
}

impl Sum for Areas {
    fn sum<I: Iterator<Item = Self>>(areas: I) -> Self {
        areas.fold(Self::default(), |a, b| Self {
            plane_m2: a.plane_m2 + b.plane_m2,
            ellipsoidal_m2: a.ellipsoidal_m2 + b.ellipsoidal_m2,
        })
    }
}

/// Areas as stated: square metres with two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Figures {
    pub(crate) plane_m2: Decimal,
    pub(crate) ellipsoidal_m2: Decimal,
}

impl Sum for Figures {
    fn sum<I: Iterator<Item = Self>>(figures: I) -> Self {
        figures.fold(Self::default(), |a, b| Self {
            plane_m2: a.plane_m2 + b.plane_m2,
            ellipsoidal_m2: a.ellipsoidal_m2 + b.ellipsoidal_m2,
        })
    }
}

impl Figures {
    /// Rounded half away from zero.
    pub(crate) fn of(areas: Areas) -> Self {
        let round = |m2: f64| round_half_away(decimal(m2), M2_DECIMALS);
        Self { plane_m2: round(areas.plane_m2), ellipsoidal_m2: round(areas.ellipsoidal_m2) }
    }

    pub(crate) fn is_zero(self) -> bool {
        self.plane_m2.is_zero() && self.ellipsoidal_m2.is_zero()
    }

    /// Share of another plane area, six decimals.
    pub(crate) fn share_of(self, whole: Self) -> Value {
        let share = self.plane_m2.checked_div(whole.plane_m2).unwrap_or_default();
        number(round_half_away(share, 6))
    }

    /// Both areas in square metres and in hectares.
    pub(crate) fn put(self, object: &mut Map<String, Value>) {
        self.put_m2(object);
        Hectares::of(self).put(object);
    }

    /// Both areas in square metres.
    pub(crate) fn put_m2(self, object: &mut Map<String, Value>) {
        object.insert("plane_m2".to_owned(), number(self.plane_m2));
        object.insert("ellipsoidal_m2".to_owned(), number(self.ellipsoidal_m2));
    }
}

/// Areas as stated in hectares, four decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Hectares {
    plane_ha: Decimal,
    ellipsoidal_ha: Decimal,
}

impl Hectares {
    /// Rounded half away from zero from the stated square metres.
    pub(crate) fn of(figures: Figures) -> Self {
        let round = |m2: Decimal| round_half_away(AreaUnit::Hectare.from_m2(m2), HA_DECIMALS);
        Self { plane_ha: round(figures.plane_m2), ellipsoidal_ha: round(figures.ellipsoidal_m2) }
    }

    /// Parts balanced to the rounded hectares of their sum.
    pub(crate) fn balanced(parts: &[Figures]) -> Result<Vec<Self>, AnalysisError> {
        let each = |pick: fn(&Figures) -> Decimal| {
            let hectares: Vec<Decimal> = parts.iter().map(|part| AreaUnit::Hectare.from_m2(pick(part))).collect();
            balance(&hectares, hectares.iter().sum(), HA_DECIMALS)
        };
        let (plane, ellipsoidal) = (each(|f| f.plane_m2)?, each(|f| f.ellipsoidal_m2)?);
        let both = plane.into_iter().zip(ellipsoidal);
        Ok(both.map(|(plane_ha, ellipsoidal_ha)| Self { plane_ha, ellipsoidal_ha }).collect())
    }

    pub(crate) fn put(self, object: &mut Map<String, Value>) {
        object.insert("plane_ha".to_owned(), number(self.plane_ha));
        object.insert("ellipsoidal_ha".to_owned(), number(self.ellipsoidal_ha));
    }
}

impl Sum for Hectares {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |a, b| Self {
            plane_ha: a.plane_ha + b.plane_ha,
            ellipsoidal_ha: a.ellipsoidal_ha + b.ellipsoidal_ha,
        })
    }
}

/// Parts of a stated total, forced to add up to it. Parts that miss it by more than the grid does are refused.
pub(crate) fn balanced(parts: &[Areas], total: Figures) -> Result<Vec<Figures>, AnalysisError> {
    let each = |pick: fn(&Areas) -> f64, total: Decimal| {
        let parts: Vec<Decimal> = parts.iter().map(|part| decimal(pick(part))).collect();
        let sum: Decimal = parts.iter().sum();
        let allowed = decimal(OFF_M2 + 0.005 * parts.len() as f64) + total * decimal(OFF_SHARE);
        if (sum - total).abs() > allowed {
            return Err(AnalysisError::Balance { reason: "各部分之和与总数不符 (parts do not add up)" });
        }
        let fit = |part: &Decimal| (part * total).checked_div(sum).unwrap_or_default();
        let parts: Vec<Decimal> = parts.iter().map(fit).collect();
        balance(&parts, parts.iter().sum(), M2_DECIMALS)
    };
    let plane = each(|areas| areas.plane_m2, total.plane_m2)?;
    let ellipsoidal = each(|areas| areas.ellipsoidal_m2, total.ellipsoidal_m2)?;
    let both = plane.into_iter().zip(ellipsoidal);
    Ok(both.map(|(plane_m2, ellipsoidal_m2)| Figures { plane_m2, ellipsoidal_m2 }).collect())
}

/// A measured number; measuring noise below zero is zero.
fn decimal(value: f64) -> Decimal {
    decimal_of(value.max(0.0)).unwrap_or_default()
}

/// A decimal as the JSON number that shows the same digits.
pub(crate) fn number(value: Decimal) -> Value {
    let text = value.normalize().to_string();
    text.parse::<f64>().map_or(Value::Null, Value::from)
}

/// A measured number rounded for a result.
pub(crate) fn rounded(value: f64, decimals: u32) -> Value {
    decimal_of(value).map_or(Value::Null, |value| number(round_half_away(value, decimals)))
}

/// Metres in words, two decimals where they are needed.
pub(crate) fn metres(value: f64) -> String {
    decimal_of(value).map_or_else(String::new, |value| round_half_away(value, 2).normalize().to_string())
}
