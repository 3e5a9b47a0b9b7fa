//! Measuring between picked places: lengths, heights and areas in f64, never in pixels or tiles.
//!
//! A slope length is the straight line through the air between two places. A horizontal length is the geodesic on the
//! CGCS2000 ellipsoid between their feet, at height 0: that of a map. An area is that of the corners' polygon whose edges are
//! straight in the 3-degree zone they lie in, given in that plane and on the ellipsoid; heights do not enter.

use geodesy::area::{ellipsoidal_area_m2, ellipsoidal_area_of_ring_m2, plane_area};
use geodesy::gauss_kruger::{Zone, ZoneWidth};
use geodesy::{Crs, Transform};

use super::place;
use crate::error::ViewError;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureKind {
    /// Along a line of places.
    Distance,
    /// Between the heights of two places.
    Height,
    /// Of a polygon.
    Area,
}

impl MeasureKind {
    /// Places it needs at least.
    #[must_use]
    pub fn fewest(self) -> usize {
        match self {
            Self::Distance | Self::Height => 2,
            Self::Area => 3,
        }
    }

    /// Places it takes at most.
    #[must_use]
    pub fn most(self) -> usize {
        match self {
            Self::Height => 2,
            Self::Distance | Self::Area => 10_000,
        }
    }
}

/// What measuring came to; lengths in metres, areas in square metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figures {
    /// Along a line.
    Distance {
        /// Through the air from place to place.
        slope_m: f64,
        /// On the ellipsoid.
        horizontal_m: f64,
    },
    /// From the first place to the second.
    Height {
        /// Second height minus first.
        rise_m: f64,
        /// On the ellipsoid.
        horizontal_m: f64,
        /// Through the air.
        slope_m: f64,
    },
    /// Of a polygon.
    Area {
        /// In the 3-degree zone; `None` outside China's zones.
        plane_m2: Option<f64>,
        /// EPSG code of that zone.
        plane_epsg: Option<u32>,
        /// On the CGCS2000 ellipsoid.
        ellipsoidal_m2: f64,
        /// Round the polygon on the ellipsoid.
        perimeter_m: f64,
    },
}

/// A measurement and where it was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// What was measured.
    pub kind: MeasureKind,
    /// Longitude and latitude in degrees, height in metres.
    pub places: Vec<[f64; 3]>,
    /// What it came to.
    pub figures: Figures,
}

impl Measure {
    /// Measures; `None` with too few places.
    pub fn of(kind: MeasureKind, places: &[[f64; 3]]) -> Result<Option<Self>, ViewError> {
        if places.len() < kind.fewest() {
            return Ok(None);
        }
        let places = &places[..places.len().min(kind.most())];
        let figures = match kind {
            MeasureKind::Distance => {
                Figures::Distance { slope_m: slope_m(places), horizontal_m: horizontal_m(places, false) }
            }
            MeasureKind::Height => Figures::Height {
                rise_m: places[1][2] - places[0][2],
                horizontal_m: horizontal_m(places, false),
                slope_m: slope_m(places),
            },
            MeasureKind::Area => area(places)?,
        };
        Ok(Some(Self { kind, places: places.to_vec(), figures }))
    }
}

fn slope_m(places: &[[f64; 3]]) -> f64 {
    places.windows(2).map(|pair| (place::ecef(pair[1]) - place::ecef(pair[0])).length()).sum()
}

fn horizontal_m(places: &[[f64; 3]], closed: bool) -> f64 {
    let feet = |pair: [[f64; 3]; 2]| geodesy::distance::geodesic_m([pair[0][0], pair[0][1]], [pair[1][0], pair[1][1]]);
    let along: f64 = places.windows(2).map(|pair| feet([pair[0], pair[1]])).sum();
    match (closed, places.first(), places.last()) {
        (true, Some(first), Some(last)) => along + feet([*last, *first]),
        _ => along,
    }
}

fn area(places: &[[f64; 3]]) -> Result<Figures, ViewError> {
    let wrong = |source| ViewError::Coordinates { source };
    let ring: Vec<[f64; 2]> = places.iter().map(|[lon, lat, _]| [*lon, *lat]).collect();
    let perimeter_m = horizontal_m(places, true);
    let middle = ring.iter().map(|[lon, _]| lon).sum::<f64>() / ring.len() as f64;
    let Some(zone) = Zone::at_longitude(middle, ZoneWidth::Three) else {
        let ellipsoidal_m2 = ellipsoidal_area_m2(&ring);
        return Ok(Figures::Area { plane_m2: None, plane_epsg: None, ellipsoidal_m2, perimeter_m });
    };
    let (degrees, plane) = (Crs::cgcs2000(), Crs::cgcs2000_zone(zone, false).map_err(wrong)?);
    let mut in_zone = ring;
    Transform::new(&degrees, &plane).map_err(wrong)?.points(&mut in_zone).map_err(wrong)?;
    let back = Transform::new(&plane, &degrees).map_err(wrong)?;
    Ok(Figures::Area {
        plane_m2: Some(plane_area(&in_zone)),
        plane_epsg: Some(zone.epsg_cgcs2000(false)),
        ellipsoidal_m2: ellipsoidal_area_of_ring_m2(&in_zone, &back).map_err(wrong)?,
        perimeter_m,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square of 1 km in the zone's plane, its lower left corner so many metres east of the central meridian 111 E.
    fn square(east_m: f64) -> Vec<[f64; 3]> {
        let zone = Zone::at_longitude(111.0, ZoneWidth::Three).expect("in China");
        let plane = Crs::cgcs2000_zone(zone, false).expect("a zone");
        let back = Transform::new(&plane, &Crs::cgcs2000()).expect("a transform");
        let (x, y) = (500_000.0 + east_m, 3_133_000.0);
        let mut corners = [[x, y], [x + 1_000.0, y], [x + 1_000.0, y + 1_000.0], [x, y + 1_000.0]];
        back.points(&mut corners).expect("converts");
        corners.iter().zip([300.0, 900.0, 40.0, 0.0]).map(|([lon, lat], height_m)| [*lon, *lat, height_m]).collect()
    }

    #[test]
    fn a_square_kilometre_is_one_in_the_plane_and_more_on_the_ellipsoid_away_from_the_meridian() {
        // Known of a 1 km square at 28.3 N in this zone: +0.01 ppm at the meridian, +240 ppm 1 degree away.
        for (east_m, ppm) in [(-500.0, 0.01), (-98_500.0, 240.0)] {
            let measure = Measure::of(MeasureKind::Area, &square(east_m)).expect("measures").expect("enough");
            let Figures::Area { plane_m2: Some(plane_m2), plane_epsg, ellipsoidal_m2, perimeter_m } = measure.figures
            else {
                panic!("an area in China");
            };
            assert!((plane_m2 - 1e6).abs() < 1e-3, "{plane_m2}");
            assert_eq!(plane_epsg, Some(4_546));
            assert!(((1e6 - ellipsoidal_m2).abs() - ppm).abs() < 12.0, "{ellipsoidal_m2}");
            assert!((perimeter_m - 4_000.0).abs() < 1.0);
        }
    }

    #[test]
    fn straight_up_is_a_rise_without_a_horizontal_length() {
        let figures = Measure::of(MeasureKind::Height, &[[109.74, 28.31, 300.0], [109.74, 28.31, 354.0]]);
        let Some(Measure { figures: Figures::Height { rise_m, horizontal_m, slope_m }, .. }) =
            figures.expect("measures")
        else {
            panic!("a height");
        };
        assert!((rise_m - 54.0).abs() < 1e-9 && horizontal_m < 1e-6 && (slope_m - 54.0).abs() < 1e-8);
    }

    #[test]
    fn a_slope_is_longer_than_its_shadow_as_pythagoras_says() {
        let places = [[109.74, 28.31, 0.0], [109.745, 28.312, 100.0]];
        let Some(Measure { figures: Figures::Distance { slope_m, horizontal_m }, .. }) =
            Measure::of(MeasureKind::Distance, &places).expect("measures")
        else {
            panic!("a distance");
        };
        // The eye of the needle: over half a kilometre the earth is flat to a centimetre.
        assert!((slope_m - horizontal_m.hypot(100.0)).abs() < 0.01, "{slope_m} {horizontal_m}");
    }

    #[test]
    fn too_few_places_measure_nothing() {
        assert!(Measure::of(MeasureKind::Area, &[[109.0, 28.0, 0.0]; 2]).expect("no error").is_none());
        assert!(Measure::of(MeasureKind::Distance, &[]).expect("no error").is_none());
    }
}
