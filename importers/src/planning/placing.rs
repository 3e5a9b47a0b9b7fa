//! The coordinates a layer is kept in: as delivered, unless its datum can only be left with the
//! surveyor's secret parameters. Then it is brought to CGCS2000 here, once, edge by edge.

use std::path::Path;

use geo::{Geometry, LineString, MultiLineString, MultiPolygon, Polygon};
use geodesy::{Crs, GeodesyError, Transform, densify};

use crate::georeference::{Georeference, refusal};
use crate::importer::{ImportError, Options};

/// Where the features of a layer go.
#[derive(Clone)]
pub struct Placing {
    crs: Crs,
    /// From delivered coordinates; none where they are kept.
    moving: Option<Transform>,
    to_lon_lat: Transform,
    to_web_mercator: Transform,
    delivered_to_lon_lat: Transform,
}

impl std::fmt::Debug for Placing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Placing").field("crs", &self.crs.name()).finish_non_exhaustive()
    }
}

impl Placing {
    /// Keeps modern data where they are; takes old ones to the same zone on CGCS2000.
    pub fn new(path: &Path, place: &Georeference, options: &Options) -> Result<Self, ImportError> {
        if !place.crs.datum().needs_parameters() {
            return Ok(Self {
                crs: place.crs.clone(),
                moving: None,
                to_lon_lat: place.to_lon_lat.clone(),
                to_web_mercator: place.to_web_mercator.clone(),
                delivered_to_lon_lat: place.to_lon_lat.clone(),
            });
        }
        let refused = |error: GeodesyError| refusal(path, error);
        let crs = match place.crs.gauss_kruger() {
            Some((zone, prefixed)) => Crs::cgcs2000_zone(zone, prefixed).map_err(refused)?,
            None => Crs::cgcs2000(),
        };
        let parameters = crate::georeference::datum_parameters(path, options)?;
        Ok(Self {
            moving: Some(Transform::with_parameters(&place.crs, &crs, parameters.as_ref()).map_err(refused)?),
            to_lon_lat: Transform::new(&crs, &Crs::cgcs2000()).map_err(refused)?,
            to_web_mercator: Transform::new(&crs, &Crs::web_mercator()).map_err(refused)?,
            delivered_to_lon_lat: place.to_lon_lat.clone(),
            crs,
        })
    }

    /// The CRS the layer is kept in.
    #[must_use]
    pub fn crs(&self) -> &Crs {
        &self.crs
    }

    /// True where the layer was brought to CGCS2000.
    #[must_use]
    pub fn moves(&self) -> bool {
        self.moving.is_some()
    }

    /// From kept coordinates to the map.
    #[must_use]
    pub fn to_web_mercator(&self) -> &Transform {
        &self.to_web_mercator
    }

    /// From kept coordinates to longitude and latitude.
    #[must_use]
    pub fn to_lon_lat(&self) -> &Transform {
        &self.to_lon_lat
    }

    /// From delivered coordinates to longitude and latitude.
    #[must_use]
    pub fn delivered_to_lon_lat(&self) -> &Transform {
        &self.delivered_to_lon_lat
    }

    /// The geometry in kept coordinates.
    pub fn placed(&self, path: &Path, geometry: &Geometry<f64>) -> Result<Geometry<f64>, ImportError> {
        match &self.moving {
            None => Ok(geometry.clone()),
            Some(moving) => moved(geometry, moving).map_err(|error| refusal(path, error)),
        }
    }
}

fn moved(geometry: &Geometry<f64>, moving: &Transform) -> Result<Geometry<f64>, GeodesyError> {
    Ok(match geometry {
        Geometry::Point(point) => Geometry::Point(moved_point(*point, moving)?),
        Geometry::MultiPoint(points) => Geometry::MultiPoint(geo::MultiPoint(
            points.iter().map(|point| moved_point(*point, moving)).collect::<Result<_, _>>()?,
        )),
        Geometry::LineString(line) => Geometry::LineString(moved_line(line, moving)?),
        Geometry::MultiLineString(lines) => Geometry::MultiLineString(MultiLineString(
            lines.iter().map(|line| moved_line(line, moving)).collect::<Result<_, _>>()?,
        )),
        Geometry::Polygon(polygon) => Geometry::Polygon(moved_polygon(polygon, moving)?),
        Geometry::MultiPolygon(polygons) => Geometry::MultiPolygon(MultiPolygon(
            polygons.iter().map(|polygon| moved_polygon(polygon, moving)).collect::<Result<_, _>>()?,
        )),
        Geometry::GeometryCollection(parts) => Geometry::GeometryCollection(geo::GeometryCollection(
            parts.iter().map(|part| moved(part, moving)).collect::<Result<_, _>>()?,
        )),
        other => other.clone(),
    })
}

fn moved_point(point: geo::Point<f64>, moving: &Transform) -> Result<geo::Point<f64>, GeodesyError> {
    let mut xy = [[point.x(), point.y()]];
    moving.points(&mut xy)?;
    let [[x, y]] = xy;
    Ok(geo::Point::new(x, y))
}

fn moved_line(line: &LineString<f64>, moving: &Transform) -> Result<LineString<f64>, GeodesyError> {
    let native: Vec<[f64; 2]> = line.0.iter().map(|c| [c.x, c.y]).collect();
    let points = densify::transform_line(&native, moving, densify::MAX_SAGITTA_M)?;
    Ok(LineString::from(points))
}

fn moved_polygon(polygon: &Polygon<f64>, moving: &Transform) -> Result<Polygon<f64>, GeodesyError> {
    let holes = polygon.interiors().iter().map(|hole| moved_line(hole, moving)).collect::<Result<_, _>>()?;
    Ok(Polygon::new(moved_line(polygon.exterior(), moving)?, holes))
}
