//! GCJ-02 and BD-09: the shifted coordinates of Chinese consumer maps, both ways.
//!
//! Surveyors and Tianditu never use them, but phone photos and layers taken from Gaode, Tencent (GCJ-02) or
//! Baidu (BD-09) do, and such a layer lies 500-660 m off. The shift has no official text; the constants are the
//! ones every public implementation agrees on. All pairs are longitude, latitude in degrees.
//! The inverse is found by fixed-point iteration: the popular one-step inverse is wrong by up to 1.8 m.

use std::f64::consts::PI;

/// Semi-major axis of the Krassowsky ellipsoid, metres.
const A_M: f64 = 6_378_245.0;
/// First eccentricity squared, as the shift uses it.
const EE: f64 = 0.006_693_421_622_965_943;
/// Shift of BD-09 against GCJ-02 in longitude and latitude, degrees.
const BD_SHIFT_DEG: [f64; 2] = [0.0065, 0.006];
/// Angular frequency of the ripple in BD-09, per degree.
const BD_RIPPLE: f64 = PI * 3000.0 / 180.0;
/// Below 0.01 mm on the ground.
const SETTLED_DEG: f64 = 1e-11;

/// Whether the shift applies: the rectangle that public implementations agree on.
#[must_use]
pub fn is_shifted_region([lon, lat]: [f64; 2]) -> bool {
    (72.004..=137.8347).contains(&lon) && (0.8293..=55.8271).contains(&lat)
}

/// GCJ-02 from WGS 84 (CGCS2000). Outside China's rectangle the point is returned as it is.
#[must_use]
pub fn gcj02_from_wgs84(wgs84: [f64; 2]) -> [f64; 2] {
    if !is_shifted_region(wgs84) {
        return wgs84;
    }
    let [lon, lat] = wgs84;
    let [shift_lon, shift_lat] = ripple_m(lon - 105.0, lat - 35.0);
    let (sin_lat, cos_lat) = lat.to_radians().sin_cos();
    let w2 = 1.0 - EE * sin_lat * sin_lat;
    let prime_vertical_m = A_M / w2.sqrt();
    let meridian_m = A_M * (1.0 - EE) / (w2 * w2.sqrt());
    [lon + (shift_lon / (prime_vertical_m * cos_lat)).to_degrees(), lat + (shift_lat / meridian_m).to_degrees()]
}

/// WGS 84 (CGCS2000) from GCJ-02.
#[must_use]
pub fn wgs84_from_gcj02(gcj02: [f64; 2]) -> [f64; 2] {
    inverse(gcj02, gcj02_from_wgs84)
}

/// BD-09 from GCJ-02.
#[must_use]
pub fn bd09_from_gcj02([lon, lat]: [f64; 2]) -> [f64; 2] {
    let radius = lon.hypot(lat) + 0.000_02 * (lat * BD_RIPPLE).sin();
    let angle = lat.atan2(lon) + 0.000_003 * (lon * BD_RIPPLE).cos();
    [radius * angle.cos() + BD_SHIFT_DEG[0], radius * angle.sin() + BD_SHIFT_DEG[1]]
}

/// GCJ-02 from BD-09.
#[must_use]
pub fn gcj02_from_bd09(bd09: [f64; 2]) -> [f64; 2] {
    inverse(bd09, bd09_from_gcj02)
}

/// BD-09 from WGS 84 (CGCS2000).
#[must_use]
pub fn bd09_from_wgs84(wgs84: [f64; 2]) -> [f64; 2] {
    bd09_from_gcj02(gcj02_from_wgs84(wgs84))
}

/// WGS 84 (CGCS2000) from BD-09.
#[must_use]
pub fn wgs84_from_bd09(bd09: [f64; 2]) -> [f64; 2] {
    wgs84_from_gcj02(gcj02_from_bd09(bd09))
}

/// The shift in metres east and north, for degrees from 105 E, 35 N.
fn ripple_m(x: f64, y: f64) -> [f64; 2] {
    let root = 0.1 * x.abs().sqrt();
    let short = (20.0 * (6.0 * x * PI).sin() + 20.0 * (2.0 * x * PI).sin()) * 2.0 / 3.0;
    // Four sine waves of falling frequency; the two longest have their own amplitudes in each direction.
    let waves = |v: f64, long: f64, longest: f64| {
        let sum = 20.0 * (v * PI).sin()
            + 40.0 * (v / 3.0 * PI).sin()
            + long * (v / 12.0 * PI).sin()
            + longest * (v / 30.0 * PI).sin();
        sum * 2.0 / 3.0
    };
    [
        300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + root + short + waves(x, 150.0, 300.0),
        -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 2.0 * root + short + waves(y, 160.0, 320.0),
    ]
}

/// Solves `shifted = forward(x)`: the shift changes slowly, so moving by the miss converges in a few steps.
fn inverse(shifted: [f64; 2], forward: impl Fn([f64; 2]) -> [f64; 2]) -> [f64; 2] {
    let mut guess = shifted;
    for _ in 0..30 {
        let there = forward(guess);
        let miss = [shifted[0] - there[0], shifted[1] - there[1]];
        guess = [guess[0] + miss[0], guess[1] + miss[1]];
        if miss[0].abs() < SETTLED_DEG && miss[1].abs() < SETTLED_DEG {
            break;
        }
    }
    guess
}
