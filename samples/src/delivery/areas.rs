//! Areas as the truth states them, always both: in the plane of the zone (EPSG:4546), by which the county is built,
//! and on the CGCS2000 ellipsoid, by which land is accounted for; here the second is 340-411 ppm smaller.

use crate::partition::Rings;
use crate::path::PointM;
use crate::place::easting_northing_m;
use anyhow::Result;
use geo::MultiPolygon;
use geodesy::area::{ellipsoidal_area_of_ring_m2, plane_area};
use geodesy::{Crs, Transform};
use serde_json::{Value, json};

/// Area of one shape.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Areas {
    /// In the plane of EPSG:4546, square metres.
    pub plane_m2: f64,
    /// On the CGCS2000 ellipsoid, square metres.
    pub ellipsoidal_m2: f64,
}

impl Areas {
    /// As the truth writes it, to a hundredth of a square millimetre, with further entries.
    pub(super) fn json(self, more: Value) -> Value {
        let digits = |area: f64| (area * 1.0e8).round() / 1.0e8;
        let mut entry =
            json!({ "plane_area_m2": digits(self.plane_m2), "ellipsoidal_area_m2": digits(self.ellipsoidal_m2) });
        if let (Value::Object(entry), Value::Object(more)) = (&mut entry, more) {
            entry.extend(more);
        }
        entry
    }
}

impl std::iter::Sum for Areas {
    fn sum<I: Iterator<Item = Self>>(areas: I) -> Self {
        areas.fold(Self::default(), |sum, area| Self {
            plane_m2: sum.plane_m2 + area.plane_m2,
            ellipsoidal_m2: sum.ellipsoidal_m2 + area.ellipsoidal_m2,
        })
    }
}

/// Who measures.
#[derive(Debug)]
pub(super) struct Surveyor {
    to_degrees: Transform,
}

impl Surveyor {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { to_degrees: Transform::new(&Crs::from_epsg(4_546)?, &Crs::cgcs2000())? })
    }

    /// Of one ring of the crate's frame.
    pub(super) fn ring(&self, ring: &[PointM]) -> Result<Areas> {
        let ring: Vec<PointM> = ring.iter().map(|p| easting_northing_m(*p)).collect();
        Ok(Areas { plane_m2: plane_area(&ring), ellipsoidal_m2: ellipsoidal_area_of_ring_m2(&ring, &self.to_degrees)? })
    }

    /// Of polygons in metres of the crate's frame; holes subtract.
    pub(super) fn polygons(&self, polygons: &MultiPolygon<f64>) -> Result<Areas> {
        super::overlay::to_rings(polygons).iter().map(|rings| self.rings(rings)).sum()
    }

    /// Of polygons in millimetres of the crate's frame; holes subtract.
    pub(super) fn pieces(&self, pieces: &[Rings]) -> Result<Areas> {
        let metres =
            |ring: &Vec<[i64; 2]>| ring.iter().map(|p| [p[0] as f64 / 1_000.0, p[1] as f64 / 1_000.0]).collect();
        pieces.iter().map(|rings| self.rings(&rings.iter().map(metres).collect::<Vec<_>>())).sum()
    }

    fn rings(&self, rings: &[Vec<PointM>]) -> Result<Areas> {
        let areas: Vec<Areas> = rings.iter().map(|ring| self.ring(ring)).collect::<Result<_>>()?;
        let holes: Areas = areas.iter().skip(1).copied().sum();
        let outer = areas.first().copied().unwrap_or_default();
        Ok(Areas {
            plane_m2: outer.plane_m2 - holes.plane_m2,
            ellipsoidal_m2: outer.ellipsoidal_m2 - holes.ellipsoidal_m2,
        })
    }
}
