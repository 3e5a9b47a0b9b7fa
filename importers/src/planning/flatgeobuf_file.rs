//! The truth asset of a vector layer: `FlatGeobuf` with a stable id, every delivered field, one
//! kind of geometry, and the coordinates unchanged.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use flatgeobuf::{ColumnType, FgbCrs, FgbWriter, FgbWriterOptions, GeometryType};
use geo::Geometry;
use geodesy::Crs;
use geozero::{ColumnValue, PropertyProcessor as _};

use super::survey::Dimension;
use crate::gdal::vector::{Field, FieldKind, Value};
use crate::importer::{ImportError, Text};

/// Name of the column with the stable id.
pub const ID_COLUMN: &str = "fid";

/// Writes one layer.
pub struct FeatureFile {
    writer: FgbWriter<'static>,
    names: Vec<String>,
    dimension: Dimension,
    single_points: bool,
}

impl FeatureFile {
    /// Begins a layer called `name` in `crs`. Everything but `single_points` becomes a multi geometry,
    /// because a layer is one kind only when every feature is.
    pub fn new(
        name: &str,
        crs: &Crs,
        (dimension, single_points): (Dimension, bool),
        fields: &[Field],
    ) -> Result<Self, ImportError> {
        let geometry = match dimension {
            Dimension::Point if single_points => GeometryType::Point,
            Dimension::Point => GeometryType::MultiPoint,
            Dimension::Line => GeometryType::MultiLineString,
            Dimension::Polygon => GeometryType::MultiPolygon,
        };
        let code = crs.epsg().and_then(|code| i32::try_from(code).ok());
        let options = FgbWriterOptions {
            promote_to_multi: false,
            detect_type: false,
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
        Ok(Self { writer, names, dimension, single_points })
    }

    /// Adds a feature.
    pub fn add(&mut self, id: u64, geometry: &Geometry<f64>, values: &[Value]) -> Result<(), ImportError> {
        let names = &self.names;
        let geometry = match geometry {
            Geometry::Point(_) if self.single_points => geometry.clone(),
            _ => promoted(geometry, self.dimension),
        };
        let mut written = Ok(());
        self.writer
            .add_feature_geom(geometry, |feature| {
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
            .map_err(failed)
    }

    /// Sorts, indexes and writes the file.
    pub fn finish(self, path: &Path) -> Result<(), ImportError> {
        let file = File::create(path).map_err(failed)?;
        let mut out = BufWriter::new(file);
        self.writer.write(&mut out).map_err(failed)?;
        std::io::Write::flush(&mut out).map_err(failed)
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
