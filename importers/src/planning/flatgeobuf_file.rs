//! The truth asset of a vector layer: `FlatGeobuf` with a stable id, every delivered field, one
//! kind of geometry, and the coordinates unchanged.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use flatgeobuf::{ColumnType, FgbCrs, FgbWriter, FgbWriterOptions, GeometryType};
use geo::{Coord, CoordsIter as _, Geometry, LineString};
use geodesy::Crs;
use geozero::{ColumnValue, GeomProcessor, GeozeroGeometry, PropertyProcessor as _};

use super::survey::Dimension;
use crate::gdal::vector::{Field, FieldKind, Value};
use crate::importer::{ImportError, Text};

/// Name of the column with the stable id.
pub const ID_COLUMN: &str = "fid";

/// Writes one layer.
pub struct FeatureFile {
    writer: FgbWriter<'static>,
    names: Vec<String>,
    form: Form,
}

/// What the geometries of a layer are alike in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Points, lines or polygons.
    pub dimension: Dimension,
    /// True where no point or line feature has several parts.
    pub single_parts: bool,
    /// True where vertices have heights.
    pub heights: bool,
}

impl FeatureFile {
    /// Begins a layer called `name` in `crs`. Polygons, and points of a layer with multipoints, become multi geometries,
    /// because a layer is one kind only when every feature is. Lines do not: of a multi line of one part the
    /// `flatgeobuf` crate leaves out where the part ends, and GDAL does not read that.
    pub fn new(name: &str, crs: &Crs, form: Form, fields: &[Field]) -> Result<Self, ImportError> {
        let geometry = match form.dimension {
            Dimension::Point if form.single_parts => GeometryType::Point,
            Dimension::Point => GeometryType::MultiPoint,
            Dimension::Line if form.single_parts => GeometryType::LineString,
            // Each feature says its own.
            Dimension::Line => GeometryType::Unknown,
            Dimension::Polygon => GeometryType::MultiPolygon,
        };
        let code = crs.epsg().and_then(|code| i32::try_from(code).ok());
        let options = FgbWriterOptions {
            promote_to_multi: false,
            detect_type: false,
            has_z: form.heights,
            crs: FgbCrs {
                org: code.map(|_| "EPSG"),
                code: code.unwrap_or(0),
                name: Some(crs.name()),
                wkt: if code.is_none() { Some(crs.definition()) } else { None },
                ..FgbCrs::default()
            },
            ..FgbWriterOptions::default()
        };
        let mut writer = FgbWriter::create_with_options(name, geometry, options).map_err(failed)?;
        writer.add_column(ID_COLUMN, ColumnType::Long, |_, column| column.nullable = false);
        let names = column_names(fields);
        for (name, field) in names.iter().zip(fields) {
            let kind = match field.kind {
                FieldKind::Text => ColumnType::String,
                FieldKind::Integer => ColumnType::Long,
                FieldKind::Real => ColumnType::Double,
            };
            writer.add_column(name, kind, |builder, column| {
                if let Some(alias) = &field.alias {
                    column.title = Some(builder.create_string(alias));
                }
            });
        }
        Ok(Self { writer, names, form })
    }

    /// Adds a feature; `heights` has one height per vertex. Gives false where they could not be kept.
    pub fn add(
        &mut self,
        id: u64,
        geometry: &Geometry<f64>,
        heights: Option<&[f64]>,
        values: &[Value],
    ) -> Result<bool, ImportError> {
        let names = &self.names;
        let geometry = match geometry {
            Geometry::Point(_) if self.form.single_parts => geometry.clone(),
            _ => promoted(geometry, self.form.dimension),
        };
        let geometry = match geometry {
            Geometry::MultiLineString(mut lines) if lines.0.len() == 1 => Geometry::LineString(lines.0.remove(0)),
            other => other,
        };
        let heights = heights.filter(|heights| heights.len() == geometry.coords_count());
        let kept = heights.is_some();
        let heights = heights.unwrap_or_default();
        let mut written = Ok(());
        self.writer
            .add_feature_geom(Raised { geometry: &geometry, heights }, |feature| {
                let mut put = |index: usize, name: &str, value: &ColumnValue<'_>| {
                    if written.is_ok() {
                        written = feature.property(index, name, value).map(|_| ());
                    }
                };
                // Ids are below 2^53, and GDAL reads an unsigned 64-bit column as a real number.
                put(0, ID_COLUMN, &ColumnValue::Long(id.cast_signed()));
                for (index, (name, value)) in names.iter().zip(values).enumerate() {
                    match value {
                        Value::Null => {}
                        Value::Text(text) => put(index + 1, name, &ColumnValue::String(text)),
                        Value::Integer(number) => put(index + 1, name, &ColumnValue::Long(*number)),
                        Value::Real(number) => put(index + 1, name, &ColumnValue::Double(*number)),
                    }
                }
            })
            .and(written)
            .map_err(failed)?;
        Ok(kept)
    }

    /// Sorts, indexes and writes the file.
    pub fn finish(self, path: &Path) -> Result<(), ImportError> {
        let file = File::create(path).map_err(failed)?;
        let mut out = BufWriter::new(file);
        self.writer.write(&mut out).map_err(failed)?;
        std::io::Write::flush(&mut out).map_err(failed)
    }
}

/// A point, a line or a multi geometry with a height for each vertex; where there is none, the height is not a number.
struct Raised<'a> {
    geometry: &'a Geometry<f64>,
    heights: &'a [f64],
}

impl GeozeroGeometry for Raised<'_> {
    fn process_geom<P: GeomProcessor>(&self, out: &mut P) -> geozero::error::Result<()> {
        let mut heights = self.heights.iter().copied();
        let mut vertex = |out: &mut P, c: &Coord<f64>, index: usize| {
            let height = heights.next().unwrap_or(f64::NAN);
            if out.multi_dim() {
                out.coordinate(c.x, c.y, Some(height), None, None, None, index)
            } else {
                out.xy(c.x, c.y, index)
            }
        };
        let mut line = |out: &mut P, line: &LineString<f64>, tagged: bool, index: usize| {
            out.linestring_begin(tagged, line.0.len(), index)?;
            for (index, c) in line.0.iter().enumerate() {
                vertex(out, c, index)?;
            }
            out.linestring_end(tagged, index)
        };
        match self.geometry {
            Geometry::LineString(one) => line(out, one, true, 0),
            Geometry::MultiLineString(many) => {
                out.multilinestring_begin(many.0.len(), 0)?;
                for (index, part) in many.0.iter().enumerate() {
                    line(out, part, false, index)?;
                }
                out.multilinestring_end(0)
            }
            Geometry::MultiPolygon(many) => {
                out.multipolygon_begin(many.0.len(), 0)?;
                for (index, part) in many.0.iter().enumerate() {
                    out.polygon_begin(false, part.interiors().len() + 1, index)?;
                    for (index, ring) in std::iter::once(part.exterior()).chain(part.interiors()).enumerate() {
                        line(out, ring, false, index)?;
                    }
                    out.polygon_end(false, index)?;
                }
                out.multipolygon_end(0)
            }
            Geometry::MultiPoint(many) => {
                out.multipoint_begin(many.0.len(), 0)?;
                for (index, point) in many.0.iter().enumerate() {
                    vertex(out, &point.0, index)?;
                }
                out.multipoint_end(0)
            }
            Geometry::Point(point) => {
                out.point_begin(0)?;
                vertex(out, &point.0, 0)?;
                out.point_end(0)
            }
            // Nothing else is left after promotion.
            other => other.process_geom(out),
        }
    }
}

/// The parts of `dimension` in one multi geometry.
fn promoted(geometry: &Geometry<f64>, dimension: Dimension) -> Geometry<f64> {
    let (mut points, mut lines, mut polygons) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = vec![geometry];
    while let Some(part) = rest.pop() {
        match part {
            Geometry::Point(point) => points.push(*point),
            Geometry::MultiPoint(many) => points.extend(&many.0),
            Geometry::LineString(line) => lines.push(line.clone()),
            Geometry::MultiLineString(many) => lines.extend(many.0.iter().cloned()),
            Geometry::Polygon(polygon) => polygons.push(polygon.clone()),
            Geometry::MultiPolygon(many) => polygons.extend(many.0.iter().cloned()),
            // Last in, first out: reversed, so that parts keep their order.
            Geometry::GeometryCollection(many) => rest.extend(many.0.iter().rev()),
            _ => {}
        }
    }
    match dimension {
        Dimension::Point => Geometry::MultiPoint(points.into()),
        Dimension::Line => Geometry::MultiLineString(geo::MultiLineString(lines)),
        Dimension::Polygon => Geometry::MultiPolygon(geo::MultiPolygon(polygons)),
    }
}

/// The names of the columns: as delivered, but none twice and none the id's.
#[must_use]
pub fn column_names(fields: &[Field]) -> Vec<String> {
    let mut taken = vec![ID_COLUMN.to_owned()];
    for field in fields {
        let is_taken = |name: &str, taken: &[String]| taken.iter().any(|known| known.eq_ignore_ascii_case(name));
        let mut name = field.name.clone();
        let mut number = 1;
        while is_taken(&name, &taken) {
            name = format!("{}_{number}", field.name);
            number += 1;
        }
        taken.push(name);
    }
    taken.remove(0);
    taken
}

fn failed(error: impl Into<crate::importer::Cause>) -> ImportError {
    ImportError::failed(
        Path::new("features.fgb"),
        Text::new("写 FlatGeobuf 失败", "writing the FlatGeobuf failed"),
        error,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delivered_names_are_kept_unless_they_would_be_two() {
        let field = |name: &str| Field { name: name.to_owned(), alias: None, kind: FieldKind::Text };
        let names = column_names(&[field("地类编码"), field("FID"), field("名"), field("名")]);
        assert_eq!(names, ["地类编码", "FID_1", "名", "名_1"]);
    }
}
