//! Earth-centred (ECEF) and local east-north-up (ENU) frames on an ellipsoid, in closed form.
//!
//! Not PROJ: a mesh converts every vertex, and these few lines are exact, allocation-free and callable anywhere.
//! Heights here are ellipsoidal metres; whoever has normal heights adds the geoid separation first.
//! Sources: EPSG guidance note 7-2, section 4.1.1 (geographic/geocentric) and 4.1.2 (topocentric);
//! H. Vermeille, "Direct transformation from geocentric coordinates to geodetic coordinates",
//! Journal of Geodesy 76 (2002), 451-454 for the inverse.

use crate::crs::Ellipsoid;

/// ECEF metres on WGS 84 from `[longitude, latitude, ellipsoidal height]` in degrees and metres.
#[must_use]
pub fn ecef_from_lon_lat_height_deg(lon_lat_height: [f64; 3]) -> [f64; 3] {
    ecef_on(&Ellipsoid::WGS84, lon_lat_height)
}

/// `[longitude, latitude, ellipsoidal height]` in degrees and metres from ECEF metres on WGS 84.
#[must_use]
pub fn lon_lat_height_deg_from_ecef(ecef: [f64; 3]) -> [f64; 3] {
    lon_lat_height_deg_on(&Ellipsoid::WGS84, ecef)
}

/// [`ecef_from_lon_lat_height_deg`] on any ellipsoid.
#[must_use]
pub fn ecef_on(ellipsoid: &Ellipsoid, [lon_deg, lat_deg, height_m]: [f64; 3]) -> [f64; 3] {
    let (sin_lon, cos_lon) = lon_deg.to_radians().sin_cos();
    let (sin_lat, cos_lat) = lat_deg.to_radians().sin_cos();
    let e2 = ellipsoid.eccentricity_squared();
    // Radius of curvature in the prime vertical.
    let n = ellipsoid.semi_major_m / (1.0 - e2 * sin_lat * sin_lat).sqrt();
    let from_axis = (n + height_m) * cos_lat;
    [from_axis * cos_lon, from_axis * sin_lon, (n * (1.0 - e2) + height_m) * sin_lat]
}

/// [`lon_lat_height_deg_from_ecef`] on any ellipsoid. Exact outside the evolute (heights above -6,000 km);
/// the centre of the Earth itself gives latitude 0 and a height of minus one radius.
#[must_use]
pub fn lon_lat_height_deg_on(ellipsoid: &Ellipsoid, [x, y, z]: [f64; 3]) -> [f64; 3] {
    let a = ellipsoid.semi_major_m;
    let e2 = ellipsoid.eccentricity_squared();
    let e4 = e2 * e2;
    let from_axis = x.hypot(y);
    let lon = if from_axis == 0.0 { 0.0 } else { y.atan2(x) };
    let p = (from_axis / a).powi(2);
    let q = (1.0 - e2) * (z / a).powi(2);
    let r = (p + q - e4) / 6.0;
    if r <= 0.0 {
        return [lon.to_degrees(), 0.0, from_axis - a];
    }
    let s = e4 * p * q / (4.0 * r.powi(3));
    let t = (1.0 + s + (s * (2.0 + s)).sqrt()).cbrt();
    let u = r * (1.0 + t + 1.0 / t);
    let v = (u * u + e4 * q).sqrt();
    let w = e2 * (u + v - q) / (2.0 * v);
    let k = (u + v + w * w).sqrt() - w;
    let d = k * from_axis / (k + e2);
    let dz = d.hypot(z);
    let height = (k + e2 - 1.0) / k * dz;
    let lat = 2.0 * z.atan2(d + dz);
    [lon.to_degrees(), lat.to_degrees(), height]
}

/// A local frame: east, north and up metres at a place on WGS 84.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EnuFrame {
    /// Where the frame stands: longitude and latitude in degrees, ellipsoidal height in metres.
    pub origin_lon_lat_height_deg: [f64; 3],
    /// The same place in ECEF metres.
    pub ecef_origin: [f64; 3],
    east: [f64; 3],
    north: [f64; 3],
    up: [f64; 3],
}

impl EnuFrame {
    /// The frame at `[longitude, latitude, ellipsoidal height]` in degrees and metres.
    #[must_use]
    pub fn new(lon_lat_height: [f64; 3]) -> Self {
        let (sin_lon, cos_lon) = lon_lat_height[0].to_radians().sin_cos();
        let (sin_lat, cos_lat) = lon_lat_height[1].to_radians().sin_cos();
        Self {
            origin_lon_lat_height_deg: lon_lat_height,
            ecef_origin: ecef_from_lon_lat_height_deg(lon_lat_height),
            east: [-sin_lon, cos_lon, 0.0],
            north: [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
            up: [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
        }
    }

    /// The matrix that takes east-north-up metres to ECEF metres, column-major as glTF and 3D Tiles write it.
    #[must_use]
    pub fn ecef_from_enu(&self) -> [f64; 16] {
        let (e, n, u, o) = (self.east, self.north, self.up, self.ecef_origin);
        [
            e[0], e[1], e[2], 0.0, //
            n[0], n[1], n[2], 0.0, //
            u[0], u[1], u[2], 0.0, //
            o[0], o[1], o[2], 1.0,
        ]
    }

    /// East-north-up metres of an ECEF point.
    #[must_use]
    pub fn enu_from_ecef_point(&self, ecef: [f64; 3]) -> [f64; 3] {
        let d = [ecef[0] - self.ecef_origin[0], ecef[1] - self.ecef_origin[1], ecef[2] - self.ecef_origin[2]];
        [dot(self.east, d), dot(self.north, d), dot(self.up, d)]
    }

    /// ECEF metres of an east-north-up point.
    #[must_use]
    pub fn ecef_from_enu_point(&self, enu: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|i| {
            self.ecef_origin[i] + enu[0] * self.east[i] + enu[1] * self.north[i] + enu[2] * self.up[i]
        })
    }
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
