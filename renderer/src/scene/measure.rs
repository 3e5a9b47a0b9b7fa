//! Measuring between picked places: lengths, heights, areas and volumes in f64, never in pixels or tiles.
//!
//! A slope length is the straight line through the air between two places. A horizontal length is the geodesic on the
//! CGCS2000 ellipsoid between their feet, at height 0: that of a map. An area is that of the corners' polygon whose edges are
//! straight in the 3-degree zone they lie in, given in that plane and on the ellipsoid; heights do not enter.
//! What follows the ground (a length along it, a surface, volumes) is taken from the terrain's finest heights, whatever
//! is on screen: until they are there, and where there is no terrain, it is left open rather than guessed.

use geodesy::area::{ellipsoidal_area_m2, ellipsoidal_area_of_ring_m2, plane_area};
use geodesy::gauss_kruger::{Zone, ZoneWidth};
use geodesy::{Crs, Transform};

use super::earthwork::{self, Earthwork, Reference};
use super::place;
use super::relief::Relief;
use crate::error::ViewError;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureKind {
    /// Where one place is.
    Point,
    /// Along a line of places.
    Distance,
    /// Between the heights of two places.
    Height,
    /// Of a polygon.
    Area,
    /// Above and below a polygon.
    Volume,
}

impl MeasureKind {
    /// Places it needs at least.
    #[must_use]
    pub fn fewest(self) -> usize {
        match self {
            Self::Point => 1,
            Self::Distance | Self::Height => 2,
            Self::Area | Self::Volume => 3,
        }
    }

    /// Places it takes at most.
    #[must_use]
    pub fn most(self) -> usize {
        match self {
            Self::Point => 1,
            Self::Height => 2,
            Self::Volume => 2_000,
            Self::Distance | Self::Area => 10_000,
        }
    }

    /// Whether the places are the corners of a polygon.
    #[must_use]
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Area | Self::Volume)
    }
}

/// Ground as far as a measurement needs it.
#[derive(Clone, Debug, PartialEq)]
pub enum GroundUnder {
    /// Heights in metres along a line of places (longitude and latitude in degrees), in order; `None` where there are none.
    Line(Vec<([f64; 2], Option<f64>)>),
    /// Heights under a polygon.
    Grid(Relief),
}

/// What measuring came to; lengths in metres, areas in square metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figures {
    /// Of one place.
    Point {
        /// Longitude and latitude in degrees, height in metres.
        lon_lat_height_deg: [f64; 3],
        /// EPSG code of its 3-degree zone and easting and northing there in metres; `None` outside China's zones.
        plane: Option<(u32, [f64; 2])>,
    },
    /// Along a line.
    Distance {
        /// Through the air from place to place.
        slope_m: f64,
        /// On the ellipsoid.
        horizontal_m: f64,
        /// On the ground, up and down.
        ground_m: Option<f64>,
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
        /// On the ground as it slopes.
        surface_m2: Option<f64>,
    },
    /// Above and below a polygon; `None` until the ground is there, and where there is none.
    Volume(Option<Earthwork>),
}

/// A measurement and where it was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// What was measured.
    pub kind: MeasureKind,
    /// Longitude and latitude in degrees, height in metres.
    pub places: Vec<[f64; 3]>,
    /// Which of them lie on the ground, and not on a model: their heights are the finest ground's once it is there.
    pub on_ground: Vec<bool>,
    /// What it came to.
    pub figures: Figures,
    /// What volumes count from.
    pub reference: Reference,
    /// Whether the ground under it is still to be asked for.
    pub awaits_ground: bool,
    /// The datum of its heights, as the catalogue names it, where one is known.
    pub height_datum: Option<String>,
}

impl Measure {
    /// Measures; `None` with too few places.
    pub fn of(kind: MeasureKind, places: &[[f64; 3]]) -> Result<Option<Self>, ViewError> {
        if places.len() < kind.fewest() {
            return Ok(None);
        }
        let places = &places[..places.len().min(kind.most())];
        let figures = match kind {
            MeasureKind::Point => {
                Figures::Point { lon_lat_height_deg: places[0], plane: plane_place([places[0][0], places[0][1]])? }
            }
            MeasureKind::Distance => Figures::Distance {
                slope_m: slope_m(places),
                horizontal_m: horizontal_m(places, false),
                ground_m: None,
            },
            MeasureKind::Height => Figures::Height {
                rise_m: places[1][2] - places[0][2],
                horizontal_m: horizontal_m(places, false),
                slope_m: slope_m(places),
            },
            MeasureKind::Area => area(places)?,
            MeasureKind::Volume => Figures::Volume(None),
        };
        let ring: Vec<[f64; 2]> = places.iter().map(|[lon, lat, _]| [*lon, *lat]).collect();
        if kind.is_closed() && earthwork::crosses_itself(&ring) {
            return Err(ViewError::CrossesItself);
        }
        let awaits_ground = !matches!(kind, MeasureKind::Point | MeasureKind::Height);
        let (places, reference, height_datum) = (places.to_vec(), Reference::Corners, None);
        Ok(Some(Self { kind, places, on_ground: Vec::new(), figures, reference, awaits_ground, height_datum }))
    }

    /// The same with places that lie on the ground.
    #[must_use]
    pub fn on_ground(mut self, on_ground: Vec<bool>) -> Self {
        self.awaits_ground |= on_ground.contains(&true);
        self.on_ground = on_ground;
        self
    }

    /// Puts the places that lie on the ground on its finest heights (metres, `None` where there is none).
    pub fn stand_on(&mut self, heights_m: &[Option<f64>]) {
        for ((place, height_m), _) in
            self.places.iter_mut().zip(heights_m).zip(&self.on_ground).filter(|(_, on_ground)| **on_ground)
        {
            place[2] = height_m.unwrap_or(place[2]);
        }
        let places = &self.places;
        match &mut self.figures {
            Figures::Point { lon_lat_height_deg, .. } => *lon_lat_height_deg = places[0],
            Figures::Distance { slope_m, .. } => *slope_m = self::slope_m(places),
            Figures::Height { rise_m, slope_m, .. } => {
                (*rise_m, *slope_m) = (places[1][2] - places[0][2], self::slope_m(places));
            }
            Figures::Area { .. } | Figures::Volume(_) => {}
        }
    }

    /// Longitudes and latitudes of its places in degrees.
    #[must_use]
    pub fn lon_lats_deg(&self) -> Vec<[f64; 2]> {
        self.places.iter().map(|[lon, lat, _]| [*lon, *lat]).collect()
    }

    /// West, south, east, north of its places in degrees.
    #[must_use]
    pub fn bounds(&self) -> [f64; 4] {
        self.places.iter().fold(
            [f64::MAX, f64::MAX, f64::MIN, f64::MIN],
            |[west, south, east, north], [lon, lat, _]| {
                [west.min(*lon), south.min(*lat), east.max(*lon), north.max(*lat)]
            },
        )
    }

    /// Takes the ground under it and works out what follows it.
    pub fn lay_on(&mut self, ground: &GroundUnder) {
        self.awaits_ground = false;
        let ring = self.lon_lats_deg();
        match (&mut self.figures, ground) {
            (Figures::Distance { ground_m, .. }, GroundUnder::Line(heights)) => *ground_m = along_m(heights),
            (Figures::Area { surface_m2, .. }, GroundUnder::Grid(relief)) => {
                let work = earthwork::measure(relief, &ring, Reference::Level(0.0));
                // A surface with holes in it would be too small without a word.
                *surface_m2 = work.filter(|work| work.missing_m2 <= 0.0).map(|work| work.surface_m2);
            }
            (Figures::Volume(work), GroundUnder::Grid(relief)) => {
                *work = earthwork::measure(relief, &ring, self.reference);
            }
            _ => {}
        }
    }
}

/// The length of a line on the ground in metres; `None` where some of it has no ground.
fn along_m(heights: &[([f64; 2], Option<f64>)]) -> Option<f64> {
    let at =
        |([lon, lat], height_m): &([f64; 2], Option<f64>)| height_m.map(|height_m| place::ecef([*lon, *lat, height_m]));
    heights.windows(2).map(|pair| Some((at(&pair[1])? - at(&pair[0])?).length())).sum()
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

fn plane_place([lon, lat]: [f64; 2]) -> Result<Option<(u32, [f64; 2])>, ViewError> {
    let wrong = |source| ViewError::Coordinates { source };
    let Some(zone) = Zone::at_longitude(lon, ZoneWidth::Three) else { return Ok(None) };
    let plane = Crs::cgcs2000_zone(zone, false).map_err(wrong)?;
    let mut place = [[lon, lat]];
    Transform::new(&Crs::cgcs2000(), &plane).map_err(wrong)?.points(&mut place).map_err(wrong)?;
    Ok(Some((zone.epsg_cgcs2000(false), place[0])))
}

fn area(places: &[[f64; 3]]) -> Result<Figures, ViewError> {
    let wrong = |source| ViewError::Coordinates { source };
    let ring: Vec<[f64; 2]> = places.iter().map(|[lon, lat, _]| [*lon, *lat]).collect();
    let perimeter_m = horizontal_m(places, true);
    let middle = ring.iter().map(|[lon, _]| lon).sum::<f64>() / ring.len() as f64;
    let Some(zone) = Zone::at_longitude(middle, ZoneWidth::Three) else {
        let ellipsoidal_m2 = ellipsoidal_area_m2(&ring);
        return Ok(Figures::Area { plane_m2: None, plane_epsg: None, ellipsoidal_m2, perimeter_m, surface_m2: None });
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
        surface_m2: None,
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
            let Figures::Area { plane_m2: Some(plane_m2), plane_epsg, ellipsoidal_m2, perimeter_m, .. } =
                measure.figures
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
        let Some(Measure { figures: Figures::Distance { slope_m, horizontal_m, .. }, .. }) =
            Measure::of(MeasureKind::Distance, &places).expect("measures")
        else {
            panic!("a distance");
        };
        // The eye of the needle: over half a kilometre the earth is flat to a centimetre.
        assert!((slope_m - horizontal_m.hypot(100.0)).abs() < 0.01, "{slope_m} {horizontal_m}");
    }

    #[test]
    fn a_line_over_a_ridge_is_longer_on_the_ground_than_through_the_air() {
        let mut measure = Measure::of(MeasureKind::Distance, &[[109.74, 28.31, 300.0], [109.75, 28.31, 300.0]])
            .expect("measures")
            .expect("enough");
        assert!(measure.awaits_ground);
        // Up 100 m and down again in the middle.
        let heights: Vec<_> = (0..=1_000)
            .map(|step| {
                let part = f64::from(step) / 1_000.0;
                ([109.74 + 0.01 * part, 28.31], Some(300.0 + 100.0 * (1.0 - (2.0 * part - 1.0).abs())))
            })
            .collect();
        measure.lay_on(&GroundUnder::Line(heights.clone()));
        let Figures::Distance { horizontal_m, ground_m: Some(ground_m), .. } = measure.figures else {
            panic!("ground")
        };
        assert!((ground_m - 2.0 * (horizontal_m / 2.0).hypot(100.0)).abs() < 0.1, "{ground_m} {horizontal_m}");
        let mut holed = heights;
        holed[500].1 = None;
        measure.lay_on(&GroundUnder::Line(holed));
        assert!(matches!(measure.figures, Figures::Distance { ground_m: None, .. }), "a gap is no length");
    }

    #[test]
    fn what_lies_on_the_ground_takes_its_finest_height_and_what_stands_on_a_roof_keeps_its_own() {
        let places = [[109.74, 28.31, 300.0], [109.741, 28.31, 320.0]];
        let of = |kind| Measure::of(kind, &places).expect("measures").expect("enough").on_ground(vec![true, false]);
        let mut height = of(MeasureKind::Height);
        assert!(height.awaits_ground);
        height.stand_on(&[Some(301.5), Some(305.0)]);
        let Figures::Height { rise_m, horizontal_m, slope_m } = height.figures else { panic!("a height") };
        assert!(
            (rise_m - 18.5).abs() < 1e-9 && (slope_m - horizontal_m.hypot(18.5)).abs() < 0.01,
            "{rise_m} {slope_m}"
        );
        let mut point = of(MeasureKind::Point);
        point.stand_on(&[Some(301.5)]);
        assert!(matches!(point.figures, Figures::Point { lon_lat_height_deg: [_, _, 301.5], .. }), "{point:?}");
        // Where there is none, what was clicked.
        let mut point = of(MeasureKind::Point);
        point.stand_on(&[None]);
        assert!(matches!(point.figures, Figures::Point { lon_lat_height_deg: [_, _, 300.0], .. }), "{point:?}");
    }

    #[test]
    fn an_hourglass_is_refused_with_words() {
        let corners = [[109.0, 28.0, 0.0], [109.1, 28.1, 0.0], [109.1, 28.0, 0.0], [109.0, 28.1, 0.0]];
        let refused = Measure::of(MeasureKind::Volume, &corners).expect_err("crosses itself");
        assert!(refused.to_string().contains("自相交") && refused.to_string().contains("crosses itself"));
    }

    #[test]
    fn too_few_places_measure_nothing() {
        assert!(Measure::of(MeasureKind::Area, &[[109.0, 28.0, 0.0]; 2]).expect("no error").is_none());
        assert!(Measure::of(MeasureKind::Distance, &[]).expect("no error").is_none());
    }
}
