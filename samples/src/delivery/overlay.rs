//! Overlay of a shape with what the plans say, for the truth of things that do not follow the partition's borders.

use crate::county::{County, Face};
use crate::dissolve::bounds;
use crate::partition::Rings;
use crate::path::PointM;
use crate::zones::Zone;
use geo::{Area as _, BooleanOps as _, Coord, LineString, MultiPolygon, Polygon};

/// A ring of the crate's frame as a polygon.
pub(super) fn polygon(ring: &[PointM]) -> Polygon<f64> {
    Polygon::new(line(ring), Vec::new())
}

fn line(ring: &[PointM]) -> LineString<f64> {
    ring.iter().map(|p| Coord { x: p[0], y: p[1] }).collect()
}

/// Rings in millimetres as a polygon in metres.
pub(super) fn from_rings(rings: &Rings) -> Polygon<f64> {
    let metres = |ring: &Vec<[i64; 2]>| {
        line(&ring.iter().map(|p| [p[0] as f64 / 1_000.0, p[1] as f64 / 1_000.0]).collect::<Vec<_>>())
    };
    Polygon::new(metres(&rings[0]), rings[1..].iter().map(metres).collect())
}

/// The rings of polygons, without closing points.
pub(super) fn to_rings(polygons: &MultiPolygon<f64>) -> Vec<Vec<Vec<PointM>>> {
    let open = |line: &LineString<f64>| {
        let mut ring: Vec<PointM> = line.coords().map(|c| [c.x, c.y]).collect();
        ring.pop();
        ring
    };
    polygons.iter().map(|p| std::iter::once(p.exterior()).chain(p.interiors()).map(open).collect()).collect()
}

/// Areas of a shape on the faces for which something holds.
pub(super) struct Overlay {
    parts: Vec<Polygon<f64>>,
}

impl Overlay {
    /// The polygons near `middle` for which `keep` holds.
    pub(super) fn near(county: &County, middle: PointM, reach_m: f64, keep: impl Fn(&Face, &Zone) -> bool) -> Self {
        let merged = county.merged(1, |face| keep(face, county.zone(face)).then_some(0));
        let parts = merged[0]
            .iter()
            .filter(|rings| {
                let b = bounds(&rings[0]).map(|v| v as f64 / 1_000.0);
                b[0] < middle[0] + reach_m
                    && b[2] > middle[0] - reach_m
                    && b[1] < middle[1] + reach_m
                    && b[3] > middle[1] - reach_m
            })
            .map(from_rings)
            .collect();
        Self { parts }
    }

    /// How much of the shape lies on them, square metres.
    pub(super) fn area_m2(&self, shape: &Polygon<f64>) -> f64 {
        self.parts.iter().map(|part| part.intersection(shape).unsigned_area()).sum()
    }
}
