//! Areas: on the ellipsoid in closed form, and in the plane.
//!
//! An edge here is straight in longitude and latitude. That is not a geodesic and not a straight line of a
//! projected plane: whoever has such edges densifies them first ([`crate::densify`]), after which all three agree.
//! The area between an edge and the equator is the integral of the zone area S(lat) along the edge. S has the
//! sine series `S(B) = sum c_k sin((2k+1) B)`, got by expanding `b^2 cos B / (1 - e^2 sin^2 B)^2` (the element of
//! area per radian of longitude) in powers of e^2; its mean over an edge follows term by term, so no edge is cut.
//! The same series underlies 国土调查办发〔2008〕32号 (图斑椭球面积计算公式), here without truncation to its constants.

use std::sync::LazyLock;

use crate::{GeodesyError, crs::Ellipsoid, densify::transform_line, transform::Transform};

/// Powers of e^2 kept: e^16 is below 1e-17.
const ORDER: usize = 8;

/// Coefficients `c_k` for CGCS2000, square metres per radian of longitude.
static CGCS2000: LazyLock<[f64; ORDER]> = LazyLock::new(|| zone_series(&Ellipsoid::CGCS2000));

/// Area in square metres on the CGCS2000 ellipsoid of a ring of `[longitude, latitude]` degrees, never negative.
/// The ring may be closed (last point equal to the first) or not; it must not contain a pole.
#[must_use]
pub fn ellipsoidal_area_m2(ring_lon_lat_deg: &[[f64; 2]]) -> f64 {
    signed_ellipsoidal_area_m2(ring_lon_lat_deg).abs()
}

/// As [`ellipsoidal_area_m2`], positive for an anticlockwise ring.
#[must_use]
pub fn signed_ellipsoidal_area_m2(ring_lon_lat_deg: &[[f64; 2]]) -> f64 {
    let Some(reference) = ring_lon_lat_deg.first() else {
        return 0.0;
    };
    let lat = reference[1].to_radians();
    // An edge that goes east has the area to its north: minus the area to its south.
    -edges(ring_lon_lat_deg)
        .map(|([lon_1, lat_1], [lon_2, lat_2])| {
            let across = lon_2 - lon_1;
            // The short way round, for rings across the antimeridian.
            let across = across - 360.0 * (across / 360.0).round();
            let edge =
                Edge { middle: f64::midpoint(lat_1, lat_2).to_radians(), half: ((lat_2 - lat_1) / 2.0).to_radians() };
            across.to_radians() * mean_zone_area(&CGCS2000, edge, lat)
        })
        .sum::<f64>()
}

/// Latitudes of an edge in radians.
#[derive(Clone, Copy)]
struct Edge {
    middle: f64,
    half: f64,
}

/// Area in square metres on the CGCS2000 ellipsoid of a ring whose edges are straight in the source system of
/// `to_cgcs2000`; edges are densified to 1 mm first. The transform must lead to longitude and latitude.
pub fn ellipsoidal_area_of_ring_m2(ring: &[[f64; 2]], to_cgcs2000: &Transform) -> Result<f64, GeodesyError> {
    let mut closed = ring.to_vec();
    if closed.first() != closed.last() {
        closed.extend(ring.first());
    }
    let lon_lat_deg = transform_line(&closed, to_cgcs2000, crate::densify::MAX_SAGITTA_M)?;
    Ok(ellipsoidal_area_m2(&lon_lat_deg))
}

/// Area in the plane, in square units of the coordinates, never negative.
#[must_use]
pub fn plane_area(ring: &[[f64; 2]]) -> f64 {
    signed_plane_area(ring).abs()
}

/// As [`plane_area`], positive for an anticlockwise ring.
#[must_use]
pub fn signed_plane_area(ring: &[[f64; 2]]) -> f64 {
    // Relative to the first point: Gauss-Kruger coordinates are large against a parcel.
    let [x_0, y_0] = ring.first().copied().unwrap_or_default();
    edges(ring).map(|([x_1, y_1], [x_2, y_2])| (x_1 - x_0) * (y_2 - y_0) - (x_2 - x_0) * (y_1 - y_0)).sum::<f64>() / 2.0
}

/// Every edge of a ring, the closing one included.
fn edges(ring: &[[f64; 2]]) -> impl Iterator<Item = ([f64; 2], [f64; 2])> + '_ {
    let next = ring.iter().cycle().skip(1);
    ring.iter().copied().zip(next.copied())
}

/// `c_k` of an ellipsoid: `b^2 sum_n (n+1)/(2n+1) e^2n / 4^n (-1)^k C(2n+1, n-k)`.
fn zone_series(ellipsoid: &Ellipsoid) -> [f64; ORDER] {
    let e2 = ellipsoid.eccentricity_squared();
    let b2 = ellipsoid.semi_minor_m().powi(2);
    std::array::from_fn(|k| {
        let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
        let sum: f64 = (k..ORDER)
            .map(|n| {
                let power = i32::try_from(n).expect("n is below ORDER");
                let n_f = n as f64;
                (n_f + 1.0) / (2.0 * n_f + 1.0) * (e2 / 4.0).powi(power) * choose(2 * n + 1, n - k)
            })
            .sum();
        b2 * sign * sum
    })
}

fn choose(n: usize, k: usize) -> f64 {
    (0..k).fold(1.0, |product, i| product * (n - i) as f64 / (i + 1) as f64)
}

/// Mean of S(lat) - S(reference) over an edge, in square metres per radian of longitude. Written with products
/// of small angles, so that a square metre does not drown in the area down to the equator.
fn mean_zone_area(series: &[f64; ORDER], edge: Edge, reference_lat: f64) -> f64 {
    let Edge { middle, half } = edge;
    let mut sum = 0.0;
    for (k, c) in series.iter().enumerate() {
        let m = (2 * k + 1) as f64;
        // The mean of sin(m B) is its middle value, damped by the edge's extent.
        let damped = (m * middle).sin() * sinc_less_one(m * half);
        let (apart, along) = ((middle - reference_lat) / 2.0, f64::midpoint(middle, reference_lat));
        sum += c * (damped + 2.0 * (m * along).cos() * (m * apart).sin());
    }
    sum
}

/// sin(x)/x - 1.
fn sinc_less_one(x: f64) -> f64 {
    if x.abs() < 0.01 {
        let x2 = x * x;
        -x2 / 6.0 * (1.0 - x2 / 20.0)
    } else {
        x.sin() / x - 1.0
    }
}
