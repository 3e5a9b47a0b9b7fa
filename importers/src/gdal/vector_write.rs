//! Writing layers of shapes through OGR, in native coordinates; a layer holds one kind of shape, as a shapefile must.

use std::path::Path;

use gdal::spatial_ref::{AxisMappingStrategy, SpatialRef};
use gdal::vector::{Feature, FieldDefn, LayerAccess as _, LayerOptions, OGRFieldType, OGRwkbGeometryType, ToGdal as _};
use gdal::{Dataset, DriverManager};
use geo::Geometry;
use geodesy::Crs;

use super::GdalFailure;
use super::vector::{FieldKind, Value};

/// A column to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Name.
    pub name: String,
    /// What its values are.
    pub kind: FieldKind,
    /// Width in bytes, where the format has one.
    pub width: Option<i32>,
    /// Digits after the point, where the format keeps numbers as text.
    pub decimals: Option<i32>,
}

/// What the shapes of a layer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShapeKind {
    /// Polygons of any number of parts.
    Polygons,
    /// Lines of any number of parts.
    Lines,
    /// One point each.
    Point,
    /// Any number of points each.
    Points,
}

/// A layer that is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What its shapes are.
    pub shapes: ShapeKind,
    /// Columns.
    pub columns: Vec<Column>,
    /// Shape and values of every feature.
    pub rows: Vec<(Geometry<f64>, Vec<Value>)>,
}

/// Writes `tables` to the new file `path` with the OGR driver of that name; `options` are layer creation options.
pub fn write(path: &Path, driver: &str, crs: &Crs, tables: &[Table], options: &[&str]) -> Result<(), GdalFailure> {
    let failed = || GdalFailure::during("write a vector file");
    let srs = spatial_ref(crs).map_err(failed())?;
    let transacts = driver == "GPKG";
    let driver = DriverManager::get_driver_by_name(driver).map_err(failed())?;
    let mut dataset = driver.create_vector_only(path).map_err(failed())?;
    if transacts {
        // One transaction, or SQLite would sync the disk for every feature.
        let mut batch = dataset.start_transaction().map_err(failed())?;
        for table in tables {
            write_layer(&mut batch, &srs, table, options).map_err(failed())?;
        }
        batch.commit().map_err(failed())?;
    } else {
        for table in tables {
            write_layer(&mut dataset, &srs, table, options).map_err(failed())?;
        }
    }
    dataset.flush_cache().map_err(failed())?;
    dataset.close().map_err(failed())
}

fn spatial_ref(crs: &Crs) -> gdal::errors::Result<SpatialRef> {
    let mut srs = match crs.epsg() {
        Some(code) => SpatialRef::from_epsg(code)?,
        None => SpatialRef::from_definition(crs.definition())?,
    };
    srs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    Ok(srs)
}

fn write_layer(dataset: &mut Dataset, srs: &SpatialRef, table: &Table, options: &[&str]) -> gdal::errors::Result<()> {
    let ty = match table.shapes {
        ShapeKind::Polygons => OGRwkbGeometryType::wkbMultiPolygon,
        ShapeKind::Lines => OGRwkbGeometryType::wkbMultiLineString,
        ShapeKind::Point => OGRwkbGeometryType::wkbPoint,
        ShapeKind::Points => OGRwkbGeometryType::wkbMultiPoint,
    };
    let layer = dataset.create_layer(LayerOptions { name: table.name, srs: Some(srs), ty, options: Some(options) })?;
    for column in &table.columns {
        let kind = match column.kind {
            FieldKind::Text => OGRFieldType::OFTString,
            FieldKind::Integer => OGRFieldType::OFTInteger64,
            FieldKind::Real => OGRFieldType::OFTReal,
        };
        let field = FieldDefn::new(&column.name, kind)?;
        if let Some(width) = column.width {
            field.set_width(width);
        }
        if let Some(decimals) = column.decimals {
            field.set_precision(decimals);
        }
        field.add_to_layer(&layer)?;
    }
    for (shape, values) in &table.rows {
        let mut feature = Feature::new(layer.defn())?;
        for (index, value) in values.iter().enumerate() {
            match value {
                Value::Null => feature.set_field_null(index)?,
                Value::Text(text) => feature.set_field_string(index, text)?,
                Value::Integer(number) => feature.set_field_integer64(index, *number)?,
                Value::Real(number) => feature.set_field_double(index, *number)?,
            }
        }
        feature.set_geometry(shape.to_gdal()?)?;
        feature.create(&layer)?;
    }
    Ok(())
}
