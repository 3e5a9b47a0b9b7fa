//! Lengths on the ellipsoid: the geodesic between two places.
//!
//! Karney's algorithms (2013, <https://doi.org/10.1007/s00190-012-0578-z>) as `geographiclib-rs` has them, exact to
//! nanometres. This is the length of a map; the length through the air is the business of whoever knows heights.

use geographiclib_rs::{Geodesic, InverseGeodesic as _};

use crate::crs::Ellipsoid;

/// Metres between two places, `[longitude, latitude]` in degrees, on the CGCS2000 ellipsoid at height 0.
#[must_use]
pub fn geodesic_m(from_lon_lat_deg: [f64; 2], to_lon_lat_deg: [f64; 2]) -> f64 {
    let ellipsoid = Ellipsoid::CGCS2000;
    let geodesic = Geodesic::new(ellipsoid.semi_major_m, ellipsoid.flattening());
    geodesic.inverse(from_lon_lat_deg[1], from_lon_lat_deg[0], to_lon_lat_deg[1], to_lon_lat_deg[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quarter_meridian_and_a_degree_of_the_equator_are_known() {
        // GRS 80: the meridian quadrant is 10,001,965.729 m (Moritz, Geodetic Reference System 1980).
        assert!((geodesic_m([111.0, 0.0], [111.0, 90.0]) - 10_001_965.729).abs() < 0.001);
        let degree_m = 6_378_137.0_f64.to_radians();
        assert!((geodesic_m([110.0, 0.0], [111.0, 0.0]) - degree_m).abs() < 1e-6);
        assert!(geodesic_m([109.74, 28.31], [109.74, 28.31]).abs() < 1e-9);
    }
}
