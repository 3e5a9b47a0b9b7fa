//! Where a longitude and latitude are in the ECEF world, and the east-north-up axes there.
//!
//! The viewer's world is earth-centred, earth-fixed metres (EPSG:4978) in f64; geodesy does the conversion, this file
//! only dresses it in `glam` vectors. Web Mercator appears here solely as the shape of the tile grid, never as a ruler.

use geodesy::frame::{ecef_from_lon_lat_height_deg, lon_lat_height_deg_from_ecef};
use glam::{DMat3, DVec3};

/// Semi-major axis of WGS 84 in metres; good enough for horizon and size estimates, never for positions.
pub const EARTH_RADIUS_M: f64 = 6_378_137.0;

/// ECEF metres of a longitude and latitude in degrees and an ellipsoidal height in metres.
#[must_use]
pub fn ecef(lon_lat_height_deg: [f64; 3]) -> DVec3 {
    DVec3::from_array(ecef_from_lon_lat_height_deg(lon_lat_height_deg))
}

/// Longitude and latitude in degrees and ellipsoidal height in metres of an ECEF position.
#[must_use]
pub fn lon_lat_height_deg(ecef: DVec3) -> [f64; 3] {
    lon_lat_height_deg_from_ecef(ecef.to_array())
}

/// The east, north and up unit vectors at a longitude and latitude in degrees, as the columns of `ecef_from_enu`.
#[must_use]
pub fn ecef_from_enu_rotation(lon_deg: f64, lat_deg: f64) -> DMat3 {
    let (sin_lon, cos_lon) = lon_deg.to_radians().sin_cos();
    let (sin_lat, cos_lat) = lat_deg.to_radians().sin_cos();
    DMat3::from_cols(
        DVec3::new(-sin_lon, cos_lon, 0.0),
        DVec3::new(-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat),
        DVec3::new(cos_lat * cos_lon, cos_lat * sin_lon, sin_lat),
    )
}

/// The unit vector that points away from the ellipsoid at an ECEF position.
#[must_use]
pub fn up_at(ecef: DVec3) -> DVec3 {
    let [lon_deg, lat_deg, _] = lon_lat_height_deg(ecef);
    ecef_from_enu_rotation(lon_deg, lat_deg).z_axis
}

/// Longitude and latitude in degrees of a point of the Web Mercator square (`0..1`, x east, y **south**).
#[must_use]
pub fn lon_lat_deg_from_square(x: f64, y: f64) -> [f64; 2] {
    let lat = (std::f64::consts::PI * (1.0 - 2.0 * y)).sinh().atan();
    [x * 360.0 - 180.0, lat.to_degrees()]
}

/// The point of the Web Mercator square (`0..1`, x east, y **south**) of a longitude and latitude in degrees.
#[must_use]
pub fn square_from_lon_lat_deg(lon_deg: f64, lat_deg: f64) -> [f64; 2] {
    let lat = lat_deg.clamp(-85.051_128_779_806_6, 85.051_128_779_806_6).to_radians();
    [(lon_deg + 180.0) / 360.0, 0.5 - lat.tan().asinh() / (2.0 * std::f64::consts::PI)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_square_and_the_degrees_are_each_others_inverse() {
        for [lon, lat] in [[109.74, 28.31], [-71.0, -33.0], [0.0, 0.0], [179.0, 80.0]] {
            let [x, y] = square_from_lon_lat_deg(lon, lat);
            let [lon_back, lat_back] = lon_lat_deg_from_square(x, y);
            assert!((lon - lon_back).abs() < 1e-10 && (lat - lat_back).abs() < 1e-10);
        }
    }

    #[test]
    fn up_is_the_third_axis_and_the_axes_are_right_handed() {
        let axes = ecef_from_enu_rotation(109.74, 28.31);
        assert!((axes.determinant() - 1.0).abs() < 1e-12);
        let up = up_at(ecef([109.74, 28.31, 500.0]));
        assert!((up - axes.z_axis).length() < 1e-9);
    }
}
