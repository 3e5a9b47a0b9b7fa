//! Vector layers through OGR: names, fields and features with native coordinates.
//!
//! Coordinates come x = easting or longitude first, as every OGR driver used here gives them.
//! Arcs are cut to chords. Shapes are flat, and heights come beside them. Nothing is reprojected.

use std::path::Path;

use gdal::vector::{Geometry, LayerAccess as _, OGRFieldType, ToGdal as _, geometry_type_has_z};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use geo::CoordsIter as _;

use super::{GdalFailure, linear::linearised};

/// Formats a vector delivery may come in, by OGR's driver names.
const DRIVERS: &[&str] = &["ESRI Shapefile", "GPKG", "OpenFileGDB", "GeoJSON", "LIBKML", "KML", "DXF", "FlatGeobuf"];

/// Most fields taken from one layer; wider tables are mistakes or attacks.
const MOST_FIELDS: usize = 4096;

/// An opened vector file or folder.
#[derive(Debug)]
pub struct VectorFile {
    dataset: Dataset,
}

/// One layer of a vector file.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerSummary {
    /// Name as delivered.
    pub name: String,
    /// Attribute fields in delivered order.
    pub fields: Vec<Field>,
    /// CRS as WKT, where the file names one.
    pub crs_wkt: Option<String>,
    /// Number of features.
    pub count: u64,
    /// `[min_x, min_y, max_x, max_y]` in native coordinates.
    pub extent: Option<[f64; 4]>,
    /// False for a table without geometry.
    pub has_geometry: bool,
}

/// An attribute field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Full name as delivered.
    pub name: String,
    /// The longer name some formats carry beside it.
    pub alias: Option<String>,
    /// What its values are.
    pub kind: FieldKind,
}

/// What the values of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Text, dates and anything else that is kept as written.
    Text,
    /// Whole numbers of up to 64 bits.
    Integer,
    /// Real numbers.
    Real,
}

impl FieldKind {
    /// Id in the properties of a revision.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Real => "real",
        }
    }
}

/// One attribute value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Not set.
    Null,
    /// Of a text field.
    Text(String),
    /// Of an integer field.
    Integer(i64),
    /// Of a real field.
    Real(f64),
}

/// One feature.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// The id the file gives it.
    pub source_id: Option<u64>,
    /// Its shape.
    pub shape: Shape,
    /// The third coordinate of each vertex of the shape, in its order, in the unit it was delivered in; none for a flat shape.
    pub heights: Option<Vec<f64>>,
    /// One value per field of the layer.
    pub values: Vec<Value>,
}

/// The geometry of a feature as it could be read.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Without geometry, or an empty one.
    Missing,
    /// A kind that a flat map has no place for (a solid, a TIN), by name.
    Unsupported(String),
    /// As delivered, valid or not.
    Given(geo::Geometry<f64>),
}

/// What GEOS thinks of a geometry.
#[derive(Debug, Clone, PartialEq)]
pub enum Validity {
    /// Sound as delivered.
    Sound,
    /// Crossing or touching itself, and repaired.
    Repaired {
        /// The area it encloses, as polygons that are valid.
        after: geo::MultiPolygon<f64>,
        /// What was wrong and where, in GEOS's words.
        reason: String,
    },
    /// Enclosing nothing, whatever is done.
    Hopeless {
        /// What is wrong.
        reason: String,
    },
}

impl VectorFile {
    /// Opens `path`; `encoding` is how the text of a shapefile is encoded (an iconv name).
    pub fn open(path: &Path, encoding: Option<&str>) -> Result<Self, GdalFailure> {
        let encoding = encoding.map(|label| format!("ENCODING={label}"));
        let shapefile = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("shp"));
        let open_options: Vec<&str> = encoding.iter().filter(|_| shapefile).map(String::as_str).collect();
        let dataset = Dataset::open_ex(
            path,
            DatasetOptions {
                open_flags: GdalOpenFlags::GDAL_OF_VECTOR | GdalOpenFlags::GDAL_OF_READONLY,
                allowed_drivers: Some(DRIVERS),
                open_options: Some(&open_options),
                sibling_files: None,
            },
        )
        .map_err(GdalFailure::during("open the vector file"))?;
        Ok(Self { dataset })
    }

    /// Name of the OGR driver that opened it.
    #[must_use]
    pub fn driver(&self) -> String {
        self.dataset.driver().short_name()
    }

    /// Every layer, in delivered order.
    pub fn layers(&self) -> Result<Vec<LayerSummary>, GdalFailure> {
        self.dataset.layers().map(|layer| summary(&layer)).collect()
    }

    /// Reads the layer named `name` feature by feature.
    ///
    /// `sagitta` bounds, in the unit of the coordinates, how far chords may leave delivered arcs.
    /// `on_feature` returns false to stop early.
    pub fn read_layer(
        &self,
        name: &str,
        sagitta: f64,
        mut on_feature: impl FnMut(Feature) -> bool,
    ) -> Result<(), GdalFailure> {
        let during = "read the layer";
        let mut layer = self.dataset.layer_by_name(name).map_err(GdalFailure::during(during))?;
        let kinds: Vec<FieldKind> = fields(&layer)?.into_iter().map(|field| field.kind).collect();
        for feature in layer.features() {
            let mut values = Vec::with_capacity(kinds.len());
            for (index, kind) in kinds.iter().enumerate() {
                values.push(value(&feature, index, *kind)?);
            }
            let (shape, heights) = match feature.geometry() {
                Some(geometry) => shape(geometry, sagitta),
                None => (Shape::Missing, None),
            };
            let more = on_feature(Feature { source_id: feature.fid(), shape, heights, values });
            if !more {
                break;
            }
        }
        Ok(())
    }
}

fn summary(layer: &gdal::vector::Layer<'_>) -> Result<LayerSummary, GdalFailure> {
    let has_geometry = layer.defn().geom_fields().next().is_some();
    let crs_wkt = match layer.spatial_ref() {
        Some(crs) => crs.to_wkt().ok().filter(|wkt| !wkt.is_empty()),
        None => None,
    };
    let extent = layer
        .get_extent()
        .ok()
        .map(|e| [e.MinX, e.MinY, e.MaxX, e.MaxY])
        .filter(|extent| extent.iter().all(|v| v.is_finite()));
    Ok(LayerSummary {
        name: layer.name(),
        fields: fields(layer)?,
        crs_wkt,
        count: layer.feature_count(),
        extent: extent.filter(|_| has_geometry),
        has_geometry,
    })
}

fn fields(layer: &gdal::vector::Layer<'_>) -> Result<Vec<Field>, GdalFailure> {
    let fields: Vec<Field> = layer
        .defn()
        .fields()
        .take(MOST_FIELDS + 1)
        .map(|field| {
            let alias = field.alternative_name();
            Field {
                // A name cut in the middle of a character ends in its broken half.
                name: field.name().trim_end_matches('\u{FFFD}').to_owned(),
                alias: (!alias.is_empty()).then_some(alias),
                kind: match field.field_type() {
                    OGRFieldType::OFTInteger | OGRFieldType::OFTInteger64 => FieldKind::Integer,
                    OGRFieldType::OFTReal => FieldKind::Real,
                    _ => FieldKind::Text,
                },
            }
        })
        .collect();
    if fields.len() > MOST_FIELDS {
        return Err(GdalFailure::Impossible { what: format!("more than {MOST_FIELDS} fields") });
    }
    Ok(fields)
}

fn value(feature: &gdal::vector::Feature<'_>, index: usize, kind: FieldKind) -> Result<Value, GdalFailure> {
    let during = "read an attribute";
    let value = match kind {
        FieldKind::Text => feature.field_as_string(index).map_err(GdalFailure::during(during))?.map(Value::Text),
        FieldKind::Integer => {
            feature.field_as_integer64(index).map_err(GdalFailure::during(during))?.map(Value::Integer)
        }
        FieldKind::Real => feature
            .field_as_double(index)
            .map_err(GdalFailure::during(during))?
            .filter(|real| real.is_finite())
            .map(Value::Real),
    };
    Ok(value.unwrap_or(Value::Null))
}

fn shape(geometry: &Geometry, sagitta: f64) -> (Shape, Option<Vec<f64>>) {
    // The crate's conversion assumes at least one ring in a polygon.
    if geometry.is_empty() {
        return (Shape::Missing, None);
    }
    let unsupported = || (Shape::Unsupported(geometry.geometry_name()), None);
    let Some(mut flat) = linearised(geometry, sagitta) else {
        return unsupported();
    };
    let mut heights = Vec::new();
    if geometry_type_has_z(flat.geometry_type()) {
        gather_heights(&flat, &mut heights);
    }
    flat.flatten_to_2d();
    let Ok(given) = flat.to_geo() else {
        return unsupported();
    };
    if !is_finite(&given) {
        return (Shape::Unsupported("coordinates that are not numbers".to_owned()), None);
    }
    // A ring that was delivered open is closed on the way, and then heights and vertices no longer pair.
    let paired = !heights.is_empty() && heights.len() == given.coords_count();
    (Shape::Given(given), paired.then_some(heights))
}

fn gather_heights(geometry: &Geometry, heights: &mut Vec<f64>) {
    if geometry.geometry_count() == 0 {
        let mut points = Vec::new();
        geometry.get_points(&mut points);
        heights.extend(points.iter().map(|point| point.2));
    }
    for part in 0..geometry.geometry_count() {
        gather_heights(&geometry.get_geometry(part), heights);
    }
}

/// Checks a geometry, and repairs polygons that cross or touch themselves (GEOS through OGR).
///
/// Points and lines are always sound.
pub fn validity(geometry: &geo::Geometry<f64>) -> Result<Validity, GdalFailure> {
    if !is_areal(geometry) {
        return Ok(Validity::Sound);
    }
    let delivered = geometry.to_gdal().map_err(GdalFailure::during("check a geometry"))?;
    drop(super::take_messages());
    if delivered.is_valid() {
        return Ok(Validity::Sound);
    }
    let reason = super::take_messages().into_iter().next().unwrap_or_else(|| "invalid".to_owned());
    let repaired = delivered
        .make_valid(&gdal::cpl::CslStringList::new())
        .ok()
        .filter(|geometry| !geometry.is_empty())
        .and_then(|geometry| geometry.to_geo().ok())
        .map(polygons_of)
        .filter(|polygons| !polygons.0.is_empty());
    drop(super::take_messages());
    Ok(match repaired {
        Some(after) => Validity::Repaired { after, reason },
        None => Validity::Hopeless { reason },
    })
}

fn is_finite(geometry: &geo::Geometry<f64>) -> bool {
    geometry.coords_iter().all(|c| c.x.is_finite() && c.y.is_finite())
}

fn is_areal(geometry: &geo::Geometry<f64>) -> bool {
    match geometry {
        geo::Geometry::Polygon(_) | geo::Geometry::MultiPolygon(_) => true,
        geo::Geometry::GeometryCollection(parts) => parts.iter().any(is_areal),
        _ => false,
    }
}

/// The polygons of a repair; the points and lines that fell off have no area and are not kept.
fn polygons_of(geometry: geo::Geometry<f64>) -> geo::MultiPolygon<f64> {
    let mut polygons = Vec::new();
    let mut rest = vec![geometry];
    while let Some(geometry) = rest.pop() {
        match geometry {
            geo::Geometry::Polygon(polygon) => polygons.push(polygon),
            geo::Geometry::MultiPolygon(parts) => polygons.extend(parts.0),
            geo::Geometry::GeometryCollection(parts) => rest.extend(parts.0),
            _ => {}
        }
    }
    geo::MultiPolygon(polygons)
}
