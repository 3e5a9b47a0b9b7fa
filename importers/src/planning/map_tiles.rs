//! Features on their way to vector tiles: reprojected with edges kept straight where they are
//! straight, attributes chosen, and a largest zoom that the layer can fill.

use std::sync::Arc;

use geo::Geometry;
use geodesy::grid::{TileMatrixSet, lon_lat_deg_from_web_mercator};
use geodesy::{GeodesyError, Transform, densify};
use tiles::mvt;

use super::survey::Dimension;
use crate::gdal::vector::{Field, Value};

/// How far an edge may leave its true course on the map, metres: a third of a tile unit at zoom 16.
const MAP_SAGITTA_M: f64 = 0.05;
/// Attributes of a feature that go into tiles; all of them are in the truth asset.
const MOST_ATTRIBUTES: usize = 24;
/// Largest zoom made; a viewer magnifies from there.
const DEEPEST: u8 = 16;
/// Tiles made of the largest zoom at most.
const MOST_TILES: f64 = 40_000.0;
/// JavaScript's exact integers.
const EXACT: i64 = 1 << 53;

/// Collects a layer for its tiles.
#[derive(Debug)]
pub struct MapFeatures {
    dimension: Dimension,
    /// Index and name of the attributes that go along.
    attributes: Vec<(usize, Arc<str>)>,
    /// What was collected.
    pub features: Vec<mvt::Feature>,
    /// `[min_x, min_y, max_x, max_y]`, EPSG:3857 metres.
    bounds: Option<[f64; 4]>,
    /// Sum over features of their boxes, square metres, for guessing how many tiles they meet.
    boxes: Vec<[f64; 2]>,
}

impl MapFeatures {
    /// `names` are the columns of `fields`; `first` are columns that must go along, `private` those that must not.
    #[must_use]
    pub fn new(dimension: Dimension, fields: &[Field], names: &[String], first: &[&str], private: &[String]) -> Self {
        let is_first = |name: &str| first.contains(&name);
        let is_private = |index: &usize| names.get(*index).is_some_and(|name| private.contains(name));
        let mut order: Vec<usize> = (0..fields.len()).filter(|index| !is_private(index)).collect();
        order.sort_by_key(|index| !names.get(*index).is_some_and(|name| is_first(name)));
        order.truncate(MOST_ATTRIBUTES);
        order.sort_unstable();
        let attributes = order.into_iter().filter_map(|i| Some((i, Arc::from(names.get(i)?.as_str())))).collect();
        Self { dimension, attributes, features: Vec::new(), bounds: None, boxes: Vec::new() }
    }

    /// Adds a feature in delivered coordinates.
    pub fn add(
        &mut self,
        id: u64,
        geometry: &Geometry<f64>,
        values: &[Value],
        to_web_mercator: &Transform,
    ) -> Result<(), GeodesyError> {
        let mut shape = Shape { to_web_mercator, bounds: None };
        let geometry = match self.dimension {
            Dimension::Point => {
                let mut points = Vec::new();
                points_of(geometry, &mut points);
                to_web_mercator.points(&mut points)?;
                shape.widen(&points);
                mvt::Geometry::Points(points)
            }
            Dimension::Line => {
                let mut lines = Vec::new();
                shape.lines_of(geometry, &mut lines)?;
                mvt::Geometry::Lines(lines)
            }
            Dimension::Polygon => {
                let mut polygons = Vec::new();
                shape.polygons_of(geometry, &mut polygons)?;
                mvt::Geometry::Polygons(polygons)
            }
        };
        let Some([min_x, min_y, max_x, max_y]) = shape.bounds else { return Ok(()) };
        self.bounds = Some(match self.bounds {
            None => [min_x, min_y, max_x, max_y],
            Some([a, b, c, d]) => [a.min(min_x), b.min(min_y), c.max(max_x), d.max(max_y)],
        });
        self.boxes.push([max_x - min_x, max_y - min_y]);
        let properties: Vec<(Arc<str>, mvt::Value)> = self
            .attributes
            .iter()
            .filter_map(|(index, name)| Some((Arc::clone(name), tile_value(values.get(*index)?)?)))
            .collect();
        self.features.push(mvt::Feature { id: Some(id), properties: properties.into(), geometry });
        Ok(())
    }

    /// `[west, south, east, north]` in degrees.
    #[must_use]
    pub fn bounds_lon_lat_deg(&self) -> Option<[f64; 4]> {
        let [min_x, min_y, max_x, max_y] = self.bounds?;
        let [west, south] = lon_lat_deg_from_web_mercator([min_x, min_y]);
        let [east, north] = lon_lat_deg_from_web_mercator([max_x, max_y]);
        Some([west, south, east, north])
    }

    /// The largest zoom to make: as deep as the number of tiles that the features meet allows.
    #[must_use]
    pub fn max_zoom(&self) -> u8 {
        let grid = TileMatrixSet::WebMercatorQuad;
        let met = |zoom: u8| {
            let side_m = grid.tile_span(zoom);
            let tiles = |[width, height]: [f64; 2]| (width / side_m + 1.0) * (height / side_m + 1.0);
            let all = self.bounds.map_or(0.0, |[a, b, c, d]| tiles([c - a, d - b]));
            self.boxes.iter().map(|size| tiles(*size)).sum::<f64>().min(all)
        };
        (4..=DEEPEST).rev().find(|zoom| met(*zoom) <= MOST_TILES).unwrap_or(4)
    }
}

struct Shape<'t> {
    to_web_mercator: &'t Transform,
    bounds: Option<[f64; 4]>,
}

impl Shape<'_> {
    fn widen(&mut self, points: &[[f64; 2]]) {
        for [x, y] in points {
            let [a, b, c, d] = self.bounds.unwrap_or([*x, *y, *x, *y]);
            self.bounds = Some([a.min(*x), b.min(*y), c.max(*x), d.max(*y)]);
        }
    }

    fn line(&mut self, line: &geo::LineString<f64>) -> Result<Vec<[f64; 2]>, GeodesyError> {
        let native: Vec<[f64; 2]> = line.0.iter().map(|c| [c.x, c.y]).collect();
        let points = densify::transform_line(&native, self.to_web_mercator, MAP_SAGITTA_M)?;
        self.widen(&points);
        Ok(points)
    }

    fn lines_of(&mut self, geometry: &Geometry<f64>, lines: &mut Vec<Vec<[f64; 2]>>) -> Result<(), GeodesyError> {
        match geometry {
            Geometry::LineString(line) => lines.push(self.line(line)?),
            Geometry::MultiLineString(many) => {
                for line in many {
                    lines.push(self.line(line)?);
                }
            }
            Geometry::GeometryCollection(parts) => {
                for part in parts {
                    self.lines_of(part, lines)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn polygons_of(
        &mut self,
        geometry: &Geometry<f64>,
        polygons: &mut Vec<Vec<Vec<[f64; 2]>>>,
    ) -> Result<(), GeodesyError> {
        match geometry {
            Geometry::Polygon(polygon) => {
                let mut rings = vec![self.line(polygon.exterior())?];
                for hole in polygon.interiors() {
                    rings.push(self.line(hole)?);
                }
                polygons.push(rings);
            }
            Geometry::MultiPolygon(many) => {
                for polygon in many {
                    self.polygons_of(&Geometry::Polygon(polygon.clone()), polygons)?;
                }
            }
            Geometry::GeometryCollection(parts) => {
                for part in parts {
                    self.polygons_of(part, polygons)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn points_of(geometry: &Geometry<f64>, points: &mut Vec<[f64; 2]>) {
    match geometry {
        Geometry::Point(point) => points.push([point.x(), point.y()]),
        Geometry::MultiPoint(many) => points.extend(many.iter().map(|point| [point.x(), point.y()])),
        Geometry::GeometryCollection(parts) => parts.iter().for_each(|part| points_of(part, points)),
        _ => {}
    }
}

fn tile_value(value: &Value) -> Option<mvt::Value> {
    match value {
        Value::Null => None,
        Value::Text(text) => Some(mvt::Value::Text(Arc::from(text.as_str()))),
        // An identifier of 18 digits would lose its last ones in a browser.
        Value::Integer(number) if number.abs() >= EXACT => Some(mvt::Value::Text(Arc::from(number.to_string()))),
        Value::Integer(number) => Some(mvt::Value::Int(*number)),
        Value::Real(number) => Some(mvt::Value::Float(*number)),
    }
}
