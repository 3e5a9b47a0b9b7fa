//! Repaired polygons with their area before and after, on the ellipsoid.

use std::path::Path;

use geo::{Geometry, Polygon};
use geodesy::area::{ellipsoidal_area_of_ring_m2, plane_area};
use geodesy::{GeodesyError, Transform};
use serde_json::json;

use super::placing::Placing;
use crate::gdal::vector::{self, Validity};
use crate::importer::{ImportError, Severity, Text, Warning};

/// A geometry after the check.
#[derive(Debug, Clone, PartialEq)]
pub enum Mended {
    /// As delivered.
    Sound(Geometry<f64>),
    /// Repaired.
    Repaired {
        /// What it is now.
        geometry: Geometry<f64>,
        /// What was wrong.
        reason: String,
        /// Area enclosed as delivered: what its rings sum up to.
        area_before_m2: f64,
        /// Area enclosed now.
        area_after_m2: f64,
    },
    /// Nothing can be made of it.
    Hopeless {
        /// What is wrong.
        reason: String,
    },
}

/// Checks a delivered geometry and repairs what crosses itself.
pub fn mend(path: &Path, geometry: Geometry<f64>, placing: &Placing) -> Result<Mended, ImportError> {
    let validity = vector::validity(&geometry).map_err(|error| {
        ImportError::unreadable_because(path, Text::new("图形检查失败", "a shape could not be checked"), error)
    })?;
    Ok(match validity {
        Validity::Sound => Mended::Sound(geometry),
        Validity::Hopeless { reason } => Mended::Hopeless { reason },
        Validity::Repaired { after, reason } => {
            let to_lon_lat = placing.delivered_to_lon_lat();
            let area_before_m2 = polygons(&geometry).map(|polygon| area_m2(polygon, to_lon_lat)).sum();
            let area_after_m2 = after.iter().map(|polygon| area_m2(polygon, to_lon_lat)).sum();
            Mended::Repaired { geometry: Geometry::MultiPolygon(after), reason, area_before_m2, area_after_m2 }
        }
    })
}

/// The warning that lists a repair.
#[must_use]
pub fn repaired_warning(id: u64, reason: &str, area_before_m2: f64, area_after_m2: f64) -> Warning {
    let mut warning = Warning::new(
        "geometry-repaired",
        Severity::Repaired,
        id.to_string(),
        Text::new(
            format!("图形自相交,已修复:面积 {area_before_m2:.2} → {area_after_m2:.2} m²"),
            format!("{reason}; repaired, area {area_before_m2:.2} → {area_after_m2:.2} m²"),
        ),
    );
    warning.figures = json!({ "area_before_m2": area_before_m2, "area_after_m2": area_after_m2, "reason": reason });
    warning
}

fn polygons(geometry: &Geometry<f64>) -> Box<dyn Iterator<Item = &Polygon<f64>> + '_> {
    match geometry {
        Geometry::Polygon(polygon) => Box::new(std::iter::once(polygon)),
        Geometry::MultiPolygon(many) => Box::new(many.iter()),
        Geometry::GeometryCollection(parts) => Box::new(parts.iter().flat_map(polygons)),
        _ => Box::new(std::iter::empty()),
    }
}

fn area_m2(polygon: &Polygon<f64>, to_lon_lat: &Transform) -> f64 {
    let holes: f64 = polygon.interiors().iter().map(|hole| ring_area_m2(hole, to_lon_lat)).sum();
    ring_area_m2(polygon.exterior(), to_lon_lat) - holes
}

/// A ring that no projection can place is measured in the plane: the figure is for a report only.
fn ring_area_m2(ring: &geo::LineString<f64>, to_lon_lat: &Transform) -> f64 {
    let points: Vec<[f64; 2]> = ring.0.iter().map(|c| [c.x, c.y]).collect();
    let on_ellipsoid: Result<f64, GeodesyError> = ellipsoidal_area_of_ring_m2(&points, to_lon_lat);
    on_ellipsoid.unwrap_or_else(|_| plane_area(&points))
}
