//! Layers as departments keep them, and writing them in the formats that departments deliver.
//! Coordinates are those of the layer's own CRS, easting or longitude first; transforming is the caller's business.

use anyhow::{Context as _, Result};
use gdal::spatial_ref::{AxisMappingStrategy, SpatialRef};
use gdal::vector::{Defn, Feature, FieldDefn, FieldValue, Geometry, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use gdal::{Dataset, DriverManager};
use std::hash::Hasher;
use std::path::Path;

/// Type and width of a column.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Text of so many bytes.
    Text(i32),
    /// Whole number.
    Integer,
    /// Number with so many digits and decimals.
    Real(i32, i32),
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name as delivered (a shapefile cuts it to 10 bytes).
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
}

/// A column of text.
pub const fn text(name: &'static str, width: i32) -> Column {
    Column { name, kind: Kind::Text(width) }
}

/// A column of whole numbers.
pub const fn integer(name: &'static str) -> Column {
    Column { name, kind: Kind::Integer }
}

/// A column of numbers with decimals.
pub const fn real(name: &'static str, decimals: i32) -> Column {
    Column { name, kind: Kind::Real(18, decimals) }
}

/// A value in a row.
#[derive(Debug, Clone)]
pub enum Value {
    /// Text.
    Text(String),
    /// Whole number.
    Integer(i32),
    /// Number.
    Real(f64),
    /// Nothing was filled in.
    Missing,
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}
impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}
impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Integer(value)
    }
}
impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

/// A feature's shape; rings carry no closing point.
#[derive(Debug, Clone)]
pub enum Shape {
    /// One polygon or several: outer ring first, then holes.
    Polygons(Vec<Vec<Vec<[f64; 2]>>>),
    /// A line.
    Line(Vec<[f64; 2]>),
    /// A point.
    Point([f64; 2]),
}

/// A layer.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Layer (and file) name.
    pub name: String,
    /// CRS of the coordinates; `None` when the delivery does not say.
    pub epsg: Option<u32>,
    /// Columns.
    pub columns: Vec<Column>,
    /// Shape and values of every feature.
    pub rows: Vec<(Shape, Vec<Value>)>,
}

impl Layer {
    /// An empty layer.
    pub fn new(name: &str, epsg: u32, columns: &[Column]) -> Self {
        Self { name: name.to_owned(), epsg: Some(epsg), columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Feeds everything the layer says to a hasher, coordinates bit by bit.
    pub fn feed(&self, hasher: &mut impl Hasher) {
        hasher.write(format!("{} {:?} {:?}", self.name, self.epsg, self.columns).as_bytes());
        for (shape, values) in &self.rows {
            hasher.write(&well_known_binary(shape, true));
            hasher.write(format!("{values:?}").as_bytes());
        }
    }
}

fn well_known_binary(shape: &Shape, multi: bool) -> Vec<u8> {
    fn head(out: &mut Vec<u8>, kind: u32) {
        out.push(1);
        out.extend(kind.to_le_bytes());
    }
    fn point(out: &mut Vec<u8>, p: [f64; 2]) {
        out.extend(p[0].to_le_bytes());
        out.extend(p[1].to_le_bytes());
    }
    fn polygon(out: &mut Vec<u8>, rings: &[Vec<[f64; 2]>]) {
        head(out, 3);
        out.extend((rings.len() as u32).to_le_bytes());
        for ring in rings {
            out.extend((ring.len() as u32 + 1).to_le_bytes());
            for p in ring.iter().chain(ring.first()) {
                point(out, *p);
            }
        }
    }
    let mut out = Vec::new();
    match shape {
        Shape::Polygons(polygons) if multi || polygons.len() != 1 => {
            head(&mut out, 6);
            out.extend((polygons.len() as u32).to_le_bytes());
            for rings in polygons {
                polygon(&mut out, rings);
            }
        }
        Shape::Polygons(polygons) => polygon(&mut out, &polygons[0]),
        Shape::Line(line) => {
            head(&mut out, 2);
            out.extend((line.len() as u32).to_le_bytes());
            for p in line {
                point(&mut out, *p);
            }
        }
        Shape::Point(p) => {
            head(&mut out, 1);
            point(&mut out, *p);
        }
    }
    out
}

/// A spatial reference in traditional axis order.
pub fn spatial_ref(epsg: u32) -> Result<SpatialRef> {
    let mut srs = SpatialRef::from_epsg(epsg).with_context(|| format!("EPSG:{epsg}"))?;
    srs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    Ok(srs)
}

/// Writes a layer to a file (or folder) of its own with a GDAL driver; `options` are layer creation options.
pub fn write(path: &Path, driver: &str, layer: &Layer, options: &[&str]) -> Result<()> {
    let driver_name = driver;
    let driver = DriverManager::get_driver_by_name(driver).with_context(|| format!("GDAL driver {driver_name}"))?;
    let mut dataset = driver.create_vector_only(path).with_context(|| format!("create {}", path.display()))?;
    let place = || format!("layer {} of {}", layer.name, path.display());
    if driver_name == "GPKG" {
        // One transaction, or SQLite would sync the disk for every feature.
        let mut batch = dataset.start_transaction()?;
        write_layer(&mut batch, driver_name, layer, options).with_context(place)?;
        batch.commit()?;
    } else {
        write_layer(&mut dataset, driver_name, layer, options).with_context(place)?;
    }
    dataset.flush_cache()?;
    Ok(())
}

fn write_layer(dataset: &mut Dataset, driver: &str, layer: &Layer, options: &[&str]) -> Result<()> {
    let srs = layer.epsg.map(spatial_ref).transpose()?;
    let parts = layer.rows.iter().any(|(shape, _)| matches!(shape, Shape::Polygons(parts) if parts.len() != 1));
    let multi = parts && driver != "ESRI Shapefile";
    let ty = match layer.rows.first().map(|(shape, _)| shape) {
        Some(Shape::Line(_)) => OGRwkbGeometryType::wkbLineString,
        Some(Shape::Point(_)) => OGRwkbGeometryType::wkbPoint,
        _ if multi => OGRwkbGeometryType::wkbMultiPolygon,
        _ => OGRwkbGeometryType::wkbPolygon,
    };
    // A DXF knows only its own few attributes; the layer name goes in by the column of that name.
    let fixed_columns = driver == "DXF";
    let target = dataset.create_layer(LayerOptions {
        name: &layer.name,
        srs: srs.as_ref(),
        ty: if fixed_columns { OGRwkbGeometryType::wkbUnknown } else { ty },
        options: Some(options),
    })?;
    if !fixed_columns {
        for column in &layer.columns {
            let (ty, width, precision) = match column.kind {
                Kind::Text(width) => (OGRFieldType::OFTString, width, 0),
                Kind::Integer => (OGRFieldType::OFTInteger, 9, 0),
                Kind::Real(width, precision) => (OGRFieldType::OFTReal, width, precision),
            };
            let field = FieldDefn::new(column.name, ty)?;
            // A FileGDB number has no width; everywhere else it belongs to the delivery's form.
            if driver != "OpenFileGDB" || ty == OGRFieldType::OFTString {
                field.set_width(width);
                field.set_precision(precision);
            }
            field.add_to_layer(&target)?;
        }
    }
    let definition = Defn::from_layer(&target);
    let indexes: Vec<usize> = if fixed_columns {
        layer.columns.iter().map(|column| definition.field_index(column.name)).collect::<Result<_, _>>()?
    } else {
        (0..layer.columns.len()).collect()
    };
    for (shape, values) in &layer.rows {
        let mut feature = Feature::new(&definition)?;
        feature.set_geometry(Geometry::from_wkb(&well_known_binary(shape, multi))?)?;
        for (&index, value) in indexes.iter().zip(values) {
            match value {
                Value::Text(text) => feature.set_field(index, &FieldValue::StringValue(text.clone()))?,
                Value::Integer(number) => feature.set_field_integer(index, *number)?,
                Value::Real(number) => feature.set_field_double(index, *number)?,
                Value::Missing => {}
            }
        }
        feature.create(&target)?;
    }
    Ok(())
}
