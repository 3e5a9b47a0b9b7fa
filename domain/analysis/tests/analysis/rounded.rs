//! Rounding and forced balancing.

use std::str::FromStr as _;

use analysis::{
    AnalysisError,
    rounding::{AreaUnit, balance, decimal_of, round_half_away},
};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn d(text: &str) -> Decimal {
    Decimal::from_str(text).unwrap()
}

#[test]
fn halves_go_away_from_zero_and_binary_noise_does_not_decide() {
    for (value, expected) in [
        (0.125, "0.13"),
        (1.005, "1.01"),
        (2.675, "2.68"),
        (-0.125, "-0.13"),
        (0.124_999, "0.12"),
        (1e9 + 0.005, "1000000000.01"),
    ] {
        assert_eq!(round_half_away(decimal_of(value).unwrap(), 2), d(expected), "{value}");
    }
    for value in [f64::NAN, f64::INFINITY, 1e300] {
        assert_eq!(decimal_of(value), None);
    }
}

#[test]
fn units_are_converted_before_rounding() {
    let area_m2 = d("66666.665");
    assert_eq!(round_half_away(AreaUnit::Hectare.from_m2(area_m2), 4), d("6.6667"));
    assert_eq!(round_half_away(AreaUnit::Mu.from_m2(area_m2), 4), d("100.0000"));
    assert_eq!(round_half_away(AreaUnit::SquareKilometre.from_m2(area_m2), 6), d("0.066667"));
    assert_eq!(AreaUnit::SquareMetre.from_m2(area_m2), area_m2);
}

#[test]
fn the_largest_parts_take_what_rounding_lost() {
    let parts = [d("1.004"), d("3.004"), d("2.004"), d("0")];
    let balanced = balance(&parts, d("6.012"), 2).unwrap();
    assert_eq!(balanced, [d("1.00"), d("3.01"), d("2.00"), d("0")]);
    let parts = [d("1.005"), d("1.005"), d("1.005")];
    assert_eq!(balance(&parts, d("3.015"), 2).unwrap(), [d("1.00"), d("1.01"), d("1.01")]);
}

#[test]
fn mistakes_are_not_balanced_away() {
    for (parts, total) in [(vec![d("1"), d("2")], d("4")), (vec![d("-1"), d("2")], d("1")), (vec![], d("1"))] {
        let refused = balance(&parts, total, 2);
        assert!(matches!(refused, Err(AnalysisError::Balance { .. })), "{refused:?}");
    }
    assert_eq!(balance(&[], d("0"), 2).unwrap(), Vec::<Decimal>::new());
}

proptest! {
    #[test]
    fn balanced_parts_add_up_and_stay_near(parts in prop::collection::vec(0u64..1_000_000_000, 1..60), decimals in 0u32..5) {
        let parts: Vec<Decimal> = parts.into_iter().map(|v| Decimal::from(v) / Decimal::from(99_991)).collect();
        let total: Decimal = parts.iter().sum();
        let balanced = balance(&parts, total, decimals).unwrap();
        prop_assert_eq!(balanced.iter().sum::<Decimal>(), round_half_away(total, decimals));
        let unit = Decimal::new(1, decimals);
        for (own, part) in balanced.iter().zip(&parts) {
            prop_assert!(!own.is_sign_negative() || own.is_zero());
            prop_assert!(own.scale() <= decimals);
            if part.is_zero() { prop_assert!(own.is_zero()); }
            // Only where almost every part is too small to give does one give twice.
            if parts.iter().all(|p| *p > unit * Decimal::TWO) {
                prop_assert!((own - part).abs() <= unit * Decimal::TWO, "{own} {part}");
            }
        }
    }
}
