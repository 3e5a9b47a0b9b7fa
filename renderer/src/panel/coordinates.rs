//! A position in words: degrees, and Gauss-Kruger of the 3-degree zone it lies in (CGCS2000).

use geodesy::gauss_kruger::{Zone, ZoneWidth};
use geodesy::{Crs, Transform};

use crate::error::ViewError;

/// Converts to the zone of the position, keeping the last zone's transform.
#[derive(Default)]
pub struct GaussKruger {
    current: Option<(Zone, Transform)>,
}

/// A position in a 3-degree zone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ZonePosition {
    /// Number of the zone.
    pub zone: u8,
    /// Easting in metres with false easting 500 km, without the zone's number.
    pub easting_m: f64,
    /// Northing in metres.
    pub northing_m: f64,
}

impl GaussKruger {
    /// The zone position of a longitude and latitude in degrees (CGCS2000); `None` outside China's zones.
    pub fn position(&mut self, lon_lat_deg: [f64; 2]) -> Result<Option<ZonePosition>, ViewError> {
        let coordinates = |source| ViewError::Coordinates { source };
        let Some(zone) = Zone::at_longitude(lon_lat_deg[0], ZoneWidth::Three) else { return Ok(None) };
        if self.current.as_ref().is_none_or(|(current, _)| *current != zone) {
            let plane = Crs::cgcs2000_zone(zone, false).map_err(coordinates)?;
            self.current = Some((zone, Transform::new(&Crs::cgcs2000(), &plane).map_err(coordinates)?));
        }
        let Some((_, transform)) = &self.current else { return Ok(None) };
        let mut points = [lon_lat_deg];
        transform.points(&mut points).map_err(coordinates)?;
        Ok(Some(ZonePosition { zone: zone.number(), easting_m: points[0][0], northing_m: points[0][1] }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_xiangxi_lies_in_zone_37() {
        let mut converter = GaussKruger::default();
        let on_meridian = converter.position([111.0, 28.31]).expect("converts").expect("in China");
        assert_eq!(on_meridian.zone, 37);
        assert!((on_meridian.easting_m - 500_000.0).abs() < 1e-4);
        // Meridian arc of 28.31 degrees on the CGCS2000 ellipsoid.
        assert!((on_meridian.northing_m - 3_132_900.0).abs() < 1_000.0);
        let east_of_china = converter.position([-71.0, 28.31]).expect("converts");
        assert_eq!(east_of_china, None);
    }
}
