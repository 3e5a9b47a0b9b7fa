//! Overlay of a shape with what the plans say, for the truth of things that do not follow the partition's borders.

use crate::county::{County, Face};
use crate::partition::Rings;
use crate::path::PointM;
use crate::zones::Zone;
use geo::{
    Area as _, BooleanOps as _, BoundingRect as _, Coord, Intersects as _, LineString, MultiPolygon, Polygon, Rect,
};

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

/// Ground that shapes are laid over.
pub(super) struct Overlay {
    parts: Vec<(Rect<f64>, Polygon<f64>)>,
}

impl Overlay {
    /// The faces of the county for which `keep` holds.
    pub(super) fn of(county: &County, keep: impl Fn(&Face, &Zone) -> bool) -> Self {
        let merged = county.merged(1, |face| keep(face, county.zone(face)).then_some(0));
        Self::of_parts(merged[0].iter().map(from_rings))
    }

    /// Polygons of any origin.
    pub(super) fn of_polygons(polygons: &[MultiPolygon<f64>]) -> Self {
        Self::of_parts(polygons.iter().flatten().cloned())
    }

    fn of_parts(parts: impl Iterator<Item = Polygon<f64>>) -> Self {
        Self { parts: parts.filter_map(|part| Some((part.bounding_rect()?, part))).collect() }
    }

    /// What of it lies in a shape.
    pub(super) fn within(&self, shape: &Polygon<f64>) -> Self {
        Self::of_parts(self.common(shape).into_iter())
    }

    /// What a shape and the ground have in common.
    pub(super) fn common(&self, shape: &Polygon<f64>) -> MultiPolygon<f64> {
        let Some(bounds) = shape.bounding_rect() else { return MultiPolygon::new(Vec::new()) };
        self.parts
            .iter()
            .filter(|(part_bounds, _)| part_bounds.intersects(&bounds))
            .flat_map(|(_, part)| part.intersection(shape))
            .collect()
    }

    /// How much of the shape lies on it, square metres.
    pub(super) fn area_m2(&self, shape: &Polygon<f64>) -> f64 {
        self.common(shape).unsigned_area()
    }
}
