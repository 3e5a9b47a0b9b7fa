//! Features of one layer on one fine integer grid, weighed once for every zoom.
//!
//! The fine grid is a sixteenth of a tile unit at the largest zoom (2 mm at zoom 18): coordinates that two neighbours
//! computed along different ways become identical, and each zoom's rounding is a shift of bits.

use std::sync::OnceLock;

use geodesy::grid::TileMatrixSet;
use geodesy::pole::pole_of_inaccessibility;
use rayon::prelude::*;

use super::clip::{GridBox, GridPoint, clip_line, clip_ring};
use super::simplify::{Junctions, Path};
use super::{EXTENT, Properties};

/// Fine steps per tile unit at the largest zoom, as a power of two.
const FINE_BITS: u32 = 4;

/// Coordinates are held within this many fine steps, far outside any grid, so that sums cannot overflow.
const MAX_FINE: f64 = (1_u64 << 50) as f64;

/// A feature in the CRS of its grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Id, below [`super::MAX_ID`].
    pub id: Option<u64>,
    /// Attributes.
    pub properties: Properties,
    /// Shape.
    pub geometry: Geometry,
}

/// A shape in the grid's CRS: x easting (metres) or longitude (degrees), y northing or latitude.
#[derive(Debug, Clone, PartialEq)]
pub enum Geometry {
    /// One or more points.
    Points(Vec<[f64; 2]>),
    /// One or more lines.
    Lines(Vec<Vec<[f64; 2]>>),
    /// Polygons; each is its outer ring and then its holes, wound either way, closed by repeating the first vertex or not.
    Polygons(Vec<Vec<Vec<[f64; 2]>>>),
}

/// The features of one layer, ready to be cut into tiles of one grid.
pub struct FeatureSet {
    pub(super) grid: TileMatrixSet,
    pub(super) max_zoom: u8,
    pub(super) members: Vec<Member>,
    unplaced: usize,
}

/// A feature on the fine grid.
pub(super) struct Member {
    pub(super) id: Option<u64>,
    pub(super) properties: Properties,
    pub(super) hull: GridBox,
    parts: Parts,
    /// Twice the area of its polygons, square fine steps.
    doubled_area: f64,
    label_anchor: OnceLock<Option<GridPoint>>,
}

enum Parts {
    Points(Vec<GridPoint>),
    Lines(Vec<Weighed>),
    Polygons(Vec<Vec<Weighed>>),
}

struct Weighed {
    points: Vec<GridPoint>,
    weights: Vec<f32>,
}

/// A feature's geometry on the grid of one zoom.
pub(super) struct Shape {
    pub(super) hull: GridBox,
    pub(super) kind: ShapeKind,
}

pub(super) enum ShapeKind {
    Points(Vec<GridPoint>),
    Lines(Vec<Vec<GridPoint>>),
    Polygons(Vec<Vec<Vec<GridPoint>>>),
}

impl FeatureSet {
    /// Places features on the fine grid of `max_zoom` and weighs their vertices.
    ///
    /// Geometry that is not finite, or collapses on the fine grid, has no place; [`Self::unplaced`] counts the features
    /// of which nothing was left.
    #[must_use]
    pub fn new(grid: TileMatrixSet, max_zoom: u8, features: impl IntoIterator<Item = Feature>) -> Self {
        let placing = Placing::new(grid, max_zoom);
        let mut unplaced = 0;
        let mut members: Vec<Member> = features
            .into_iter()
            .filter_map(|feature| {
                let member = placing.member(feature);
                unplaced += usize::from(member.is_none());
                member
            })
            .collect();
        let junctions = Junctions::of(members.iter().flat_map(Member::paths));
        members.par_iter_mut().for_each(|member| {
            let closed = matches!(member.parts, Parts::Polygons(_));
            for weighed in member.parts.weighed_mut() {
                weighed.weights = junctions.weigh(&Path { points: &weighed.points, closed });
            }
        });
        Self { grid, max_zoom, members, unplaced }
    }

    /// Number of features that have a place.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether no feature has a place.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Number of features of which nothing was left.
    #[must_use]
    pub fn unplaced(&self) -> usize {
        self.unplaced
    }

    /// The grid whose tiles can be cut.
    #[must_use]
    pub fn grid(&self) -> TileMatrixSet {
        self.grid
    }

    /// The largest zoom that tiles can be cut at.
    #[must_use]
    pub fn max_zoom(&self) -> u8 {
        self.max_zoom
    }

    /// Attribute names with one of their values, in order of first appearance.
    pub fn fields(&self) -> impl Iterator<Item = &(std::sync::Arc<str>, super::Value)> {
        let mut seen = std::collections::HashSet::new();
        self.members
            .iter()
            .flat_map(|member| member.properties.iter())
            .filter(move |(name, _)| seen.insert(std::sync::Arc::clone(name)))
    }

    /// Whether polygons are among the features: their tiles have a layer of labels, too.
    #[must_use]
    pub fn has_polygons(&self) -> bool {
        self.members.iter().any(|member| matches!(member.parts, Parts::Polygons(_)))
    }

    /// Bits between the fine grid and the units of a zoom.
    pub(super) fn shift(&self, zoom: u8) -> u32 {
        FINE_BITS + u32::from(self.max_zoom.saturating_sub(zoom))
    }
}

/// From the grid's CRS to fine steps.
struct Placing {
    west: f64,
    north: f64,
    steps_per_unit: f64,
}

impl Placing {
    fn new(grid: TileMatrixSet, max_zoom: u8) -> Self {
        let [west, north] = grid.origin();
        let steps_per_tile = f64::from(EXTENT) * f64::from(1 << FINE_BITS);
        Self { west, north, steps_per_unit: steps_per_tile / grid.tile_span(max_zoom) }
    }

    fn point(&self, [x, y]: [f64; 2]) -> Option<GridPoint> {
        let place = |distance: f64| {
            let steps = (distance * self.steps_per_unit).round();
            steps.is_finite().then(|| steps.clamp(-MAX_FINE, MAX_FINE) as i64)
        };
        Some([place(x - self.west)?, place(self.north - y)?])
    }

    fn path(&self, points: &[[f64; 2]], closed: bool) -> Option<Vec<GridPoint>> {
        let mut placed = Vec::with_capacity(points.len());
        for point in points {
            placed.push(self.point(*point)?);
        }
        placed.dedup();
        while closed && placed.len() > 1 && placed.first() == placed.last() {
            placed.pop();
        }
        (placed.len() >= if closed { 3 } else { 2 }).then_some(placed)
    }

    /// A ring wound as wanted; `None` when it has no area.
    fn ring(&self, points: &[[f64; 2]], positive: bool) -> Option<Weighed> {
        let mut ring = self.path(points, true)?;
        let area = doubled_area(&ring);
        if area == 0 {
            return None;
        }
        if (area > 0) != positive {
            ring.reverse();
        }
        Some(Weighed::unweighed(ring))
    }

    fn member(&self, feature: Feature) -> Option<Member> {
        let parts = match feature.geometry {
            Geometry::Points(points) => Parts::Points(points.iter().filter_map(|p| self.point(*p)).collect()),
            Geometry::Lines(lines) => {
                Parts::Lines(lines.iter().filter_map(|line| self.path(line, false)).map(Weighed::unweighed).collect())
            }
            Geometry::Polygons(polygons) => Parts::Polygons(
                polygons
                    .iter()
                    .filter_map(|polygon| {
                        let (outer, holes) = polygon.split_first()?;
                        let mut rings = vec![self.ring(outer, true)?];
                        rings.extend(holes.iter().filter_map(|hole| self.ring(hole, false)));
                        Some(rings)
                    })
                    .collect(),
            ),
        };
        let hull = match &parts {
            Parts::Points(points) => GridBox::of(points),
            Parts::Lines(lines) => GridBox::of(lines.iter().flat_map(|line| &line.points)),
            Parts::Polygons(polygons) => GridBox::of(polygons.iter().flatten().flat_map(|ring| &ring.points)),
        }?;
        let doubled_area = match &parts {
            Parts::Polygons(polygons) => {
                polygons.iter().map(|polygon| doubled_polygon_area(polygon)).sum::<i128>() as f64
            }
            Parts::Points(_) | Parts::Lines(_) => 0.0,
        };
        let label_anchor = OnceLock::new();
        Some(Member { id: feature.id, properties: feature.properties, hull, parts, doubled_area, label_anchor })
    }
}

fn doubled_area(ring: &[GridPoint]) -> i128 {
    let Some(last) = ring.last() else { return 0 };
    let mut previous = last.map(i128::from);
    let mut sum = 0;
    for point in ring {
        let point = point.map(i128::from);
        sum += previous[0] * point[1] - point[0] * previous[1];
        previous = point;
    }
    sum
}

fn doubled_polygon_area(rings: &[Weighed]) -> i128 {
    rings.iter().map(|ring| doubled_area(&ring.points)).sum()
}

impl Weighed {
    fn unweighed(points: Vec<GridPoint>) -> Self {
        Self { points, weights: Vec::new() }
    }

    /// The vertices that outweigh `tolerance` fine steps, on a grid `shift` bits coarser.
    fn at_zoom(&self, tolerance: f32, shift: u32) -> Vec<GridPoint> {
        let half = 1_i64 << (shift - 1);
        let mut points: Vec<GridPoint> = self
            .points
            .iter()
            .zip(&self.weights)
            .filter(|(_, weight)| **weight > tolerance)
            .map(|(point, _)| point.map(|v| (v + half) >> shift))
            .collect();
        points.dedup();
        points
    }

    fn ring_at_zoom(&self, tolerance: f32, shift: u32) -> Option<Vec<GridPoint>> {
        let mut ring = self.at_zoom(tolerance, shift);
        while ring.len() > 1 && ring.first() == ring.last() {
            ring.pop();
        }
        (ring.len() > 2).then_some(ring)
    }
}

impl Parts {
    fn weighed_mut(&mut self) -> Vec<&mut Weighed> {
        match self {
            Self::Points(_) => Vec::new(),
            Self::Lines(lines) => lines.iter_mut().collect(),
            Self::Polygons(polygons) => polygons.iter_mut().flatten().collect(),
        }
    }
}

impl Member {
    fn paths(&self) -> Vec<Path<'_>> {
        let (weighed, closed): (Vec<&Weighed>, _) = match &self.parts {
            Parts::Points(_) => (Vec::new(), false),
            Parts::Lines(lines) => (lines.iter().collect(), false),
            Parts::Polygons(polygons) => (polygons.iter().flatten().collect(), true),
        };
        weighed.into_iter().map(|weighed| Path { points: &weighed.points, closed }).collect()
    }

    /// Where the label of a polygon stands, on the grid `shift` bits coarser than the fine one: the pole of
    /// inaccessibility of its largest part, found once. It follows from the whole feature, so every tile agrees on it.
    /// `None` for points and lines, and where the area is below `min_area` square units of that grid.
    pub(super) fn label_anchor(&self, shift: u32, min_area: f64) -> Option<GridPoint> {
        let Parts::Polygons(polygons) = &self.parts else { return None };
        if self.doubled_area < 2.0 * min_area * f64::from(2 * shift).exp2() {
            return None;
        }
        let anchor = self.label_anchor.get_or_init(|| {
            let largest = polygons.iter().max_by_key(|polygon| doubled_polygon_area(polygon))?;
            let corner = self.hull.min;
            let local = |ring: &Weighed| -> Vec<[f64; 2]> {
                ring.points.iter().map(|p| [(p[0] - corner[0]) as f64, (p[1] - corner[1]) as f64]).collect()
            };
            let rings: Vec<_> = largest.iter().map(local).collect();
            let pole = pole_of_inaccessibility(&rings, None)?;
            Some([corner[0] + pole.at[0].round() as i64, corner[1] + pole.at[1].round() as i64])
        });
        anchor.map(|point| point.map(|v| v >> shift))
    }

    /// The shape on a grid `shift` bits coarser than the fine one; `None` when it collapses there.
    pub(super) fn shape(&self, tolerance_units: f64, shift: u32) -> Option<Shape> {
        let tolerance = (tolerance_units * f64::from(shift).exp2()) as f32;
        let half = 1_i64 << (shift - 1);
        Shape::new(match &self.parts {
            Parts::Points(points) => {
                ShapeKind::Points(points.iter().map(|point| point.map(|v| (v + half) >> shift)).collect())
            }
            Parts::Lines(lines) => ShapeKind::Lines(
                lines.iter().map(|line| line.at_zoom(tolerance, shift)).filter(|line| line.len() > 1).collect(),
            ),
            Parts::Polygons(polygons) => ShapeKind::Polygons(
                polygons
                    .iter()
                    .filter_map(|polygon| {
                        let (outer, holes) = polygon.split_first()?;
                        let mut rings = vec![outer.ring_at_zoom(tolerance, shift)?];
                        rings.extend(holes.iter().filter_map(|hole| hole.ring_at_zoom(tolerance, shift)));
                        Some(rings)
                    })
                    .collect(),
            ),
        })
    }
}

impl Shape {
    fn new(kind: ShapeKind) -> Option<Self> {
        let hull = match &kind {
            ShapeKind::Points(points) => GridBox::of(points),
            ShapeKind::Lines(lines) => GridBox::of(lines.iter().flatten()),
            ShapeKind::Polygons(polygons) => GridBox::of(polygons.iter().flatten().flatten()),
        }?;
        Some(Self { hull, kind })
    }

    /// Number of vertices.
    pub(super) fn vertex_count(&self) -> usize {
        match &self.kind {
            ShapeKind::Points(points) => points.len(),
            ShapeKind::Lines(lines) => lines.iter().map(Vec::len).sum(),
            ShapeKind::Polygons(polygons) => polygons.iter().flatten().map(Vec::len).sum(),
        }
    }

    /// Which shapes are larger: area, length, or for points a number that spreads evenly, so that thinning leaves an
    /// even cover.
    pub(super) fn size(&self, index: u64) -> f64 {
        match &self.kind {
            // Multiplicative hashing of the index in the tile.
            ShapeKind::Points(_) => {
                ((index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11) as f64 / (1_u64 << 53) as f64
            }
            ShapeKind::Lines(lines) => lines
                .iter()
                .flat_map(|line| line.windows(2))
                .map(|ends| ((ends[1][0] - ends[0][0]) as f64).hypot((ends[1][1] - ends[0][1]) as f64))
                .sum(),
            ShapeKind::Polygons(polygons) => {
                let doubled: i128 = polygons.iter().flatten().map(|ring| doubled_area(ring)).sum();
                doubled as f64 / 2.0
            }
        }
    }

    /// The part of the shape inside a box.
    pub(super) fn clip(&self, keep: &GridBox) -> Option<Self> {
        Self::new(match &self.kind {
            ShapeKind::Points(points) => {
                ShapeKind::Points(points.iter().filter(|point| keep.contains(point)).copied().collect())
            }
            ShapeKind::Lines(lines) => ShapeKind::Lines(lines.iter().flat_map(|line| clip_line(line, keep)).collect()),
            ShapeKind::Polygons(polygons) => ShapeKind::Polygons(
                polygons
                    .iter()
                    .filter_map(|polygon| {
                        let (outer, holes) = polygon.split_first()?;
                        let outer = clip_ring(outer, keep);
                        if outer.is_empty() {
                            return None;
                        }
                        let mut rings = vec![outer];
                        rings.extend(holes.iter().map(|hole| clip_ring(hole, keep)).filter(|hole| !hole.is_empty()));
                        Some(rings)
                    })
                    .collect(),
            ),
        })
    }
}
