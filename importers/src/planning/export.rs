//! Patches (图斑) as the files that departments take: `GeoPackage`, or a ZIP with shapefiles in GBK.
//!
//! A shapefile holds shapes of one kind, so areas, lines and points are layers of their own, in both formats. Its field
//! names have ten bytes: longer ones are cut between characters and told apart by a number, and the ZIP says which is which.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use geo::{Coord, Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};
use serde::{Deserialize, Serialize};

use crate::gdal::vector::{FieldKind, Value};
use crate::gdal::vector_write::{self, Column, ShapeKind, Table};
use crate::importer::{ImportError, Text};

/// Longest name of a shapefile's field, bytes.
const NAME_BYTES: usize = 10;
/// Longest text of a shapefile's field, bytes.
const TEXT_BYTES: usize = 254;
/// Width of a shapefile's number, and its most decimals.
const REAL_BYTES: i32 = 24;
const MOST_DECIMALS: usize = 15;
/// Names of the layers, and of the files in the ZIP.
const AREAS: &str = "patches";
const LINES: &str = "patch_lines";
const POINTS: &str = "patch_points";

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// `GeoPackage`.
    Gpkg,
    /// A ZIP with a shapefile whose texts are GBK.
    ShapefileGbk,
}

/// An export to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// `GeoJSON` of polygons, lines and points in the numbers of `crs`.
    pub input: PathBuf,
    /// CRS of the numbers.
    pub crs: String,
    /// What to write.
    pub format: Format,
    /// Where to; replaced where it is there.
    pub out: PathBuf,
}

/// Writes the export; the number of features.
pub fn write(export: &Export) -> Result<u64, ImportError> {
    let Export { input, crs, format, out } = export;
    let unreadable = |error: Box<dyn std::error::Error + Send + Sync>| {
        ImportError::unreadable_because(input, Text::new("不是可读的 GeoJSON", "not a GeoJSON that can be read"), error)
    };
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        ImportError::failed(out, Text::new("导出文件写入失败", "the export could not be written"), error)
    };
    let crs = geodesy::Crs::from_user_input(crs).map_err(|error| unreadable(error.into()))?;
    let text = std::fs::read(input).map_err(|error| unreadable(error.into()))?;
    let document: serde_json::Value = serde_json::from_slice(&text).map_err(|error| unreadable(error.into()))?;
    let mut tables = tables_of(&document);
    let features = tables.iter().map(|table| table.rows.len() as u64).sum();
    let folder = tempfile::tempdir().map_err(|error| failed(error.into()))?;
    match format {
        Format::Gpkg => {
            let made = folder.path().join("patches.gpkg");
            vector_write::write(&made, "GPKG", &crs, &tables, &[]).map_err(|error| failed(error.into()))?;
            std::fs::copy(&made, out).map_err(|error| failed(error.into()))?;
        }
        Format::ShapefileGbk => {
            let names = short_names(&tables);
            for table in &mut tables {
                shorten(table, &names);
                let made = folder.path().join(format!("{}.shp", table.name));
                let one = std::slice::from_ref(table);
                vector_write::write(&made, "ESRI Shapefile", &crs, one, &["ENCODING=CP936"])
                    .map_err(|error| failed(error.into()))?;
                // GDAL names the code page in the dbf; other programs look for this file.
                let code_page = folder.path().join(format!("{}.cpg", table.name));
                std::fs::write(code_page, "GBK").map_err(|error| failed(error.into()))?;
            }
            zip_up(folder.path(), out, &tables, &names).map_err(failed)?;
        }
    }
    Ok(features)
}

fn zip_up(
    folder: &Path,
    out: &Path,
    tables: &[Table],
    names: &BTreeMap<String, String>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(out)?);
    let options = zip::write::SimpleFileOptions::default();
    for table in tables {
        for extension in ["shp", "shx", "dbf", "prj", "cpg"] {
            let name = format!("{}.{extension}", table.name);
            let path = folder.join(&name);
            if path.is_file() {
                zip.start_file(name, options)?;
                std::io::copy(&mut std::fs::File::open(path)?, &mut zip)?;
            }
        }
    }
    zip.start_file("fields.csv", options)?;
    // With the mark by which spreadsheets know UTF-8.
    zip.write_all("\u{FEFF}字段,全名\r\n".as_bytes())?;
    for (full, short) in names {
        let quoted = full.replace('"', "\"\"");
        zip.write_all(format!("{short},\"{quoted}\"\r\n").as_bytes())?;
    }
    zip.finish()?;
    Ok(())
}

/// The features by kind of shape: areas, lines, points; a layer without any is left out. Features without a shape stand
/// with the areas, so that none is lost.
fn tables_of(document: &serde_json::Value) -> Vec<Table> {
    let features = document["features"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [mut areas, mut lines, mut points] = [const { Vec::new() }; 3];
    for feature in features {
        match shape_of(&feature["geometry"]) {
            shape @ Geometry::MultiLineString(_) => lines.push((feature, shape)),
            shape @ (Geometry::Point(_) | Geometry::MultiPoint(_)) => points.push((feature, shape)),
            shape => areas.push((feature, shape)),
        }
    }
    let mut tables = Vec::new();
    if !areas.is_empty() || (lines.is_empty() && points.is_empty()) {
        tables.push(table_of(AREAS, ShapeKind::Polygons, areas));
    }
    if !lines.is_empty() {
        tables.push(table_of(LINES, ShapeKind::Lines, lines));
    }
    if !points.is_empty() {
        // Plain points are what most programs expect; several in one feature need the other kind.
        let kind = if points.iter().all(|(_, shape)| matches!(shape, Geometry::Point(_))) {
            ShapeKind::Point
        } else {
            for (_, shape) in &mut points {
                if let Geometry::Point(point) = shape {
                    *shape = Geometry::MultiPoint(MultiPoint(vec![*point]));
                }
            }
            ShapeKind::Points
        };
        tables.push(table_of(POINTS, kind, points));
    }
    tables
}

/// The features as a table: a column per property, in the order of their names, of the type that holds all its values.
fn table_of(name: &'static str, shapes: ShapeKind, features: Vec<(&serde_json::Value, Geometry<f64>)>) -> Table {
    let mut kinds: BTreeMap<&str, FieldKind> = BTreeMap::new();
    for (name, value) in features.iter().filter_map(|(feature, _)| feature["properties"].as_object()).flatten() {
        let kind = match value {
            serde_json::Value::Null => continue,
            serde_json::Value::Bool(_) => FieldKind::Integer,
            serde_json::Value::Number(number) if number.is_i64() => FieldKind::Integer,
            serde_json::Value::Number(_) => FieldKind::Real,
            _ => FieldKind::Text,
        };
        let known = kinds.entry(name).or_insert(kind);
        *known = match (*known, kind) {
            (a, b) if a == b => a,
            (FieldKind::Integer, FieldKind::Real) | (FieldKind::Real, FieldKind::Integer) => FieldKind::Real,
            _ => FieldKind::Text,
        };
    }
    let has_id = features.iter().any(|(feature, _)| !feature["id"].is_null()) && !kinds.contains_key("id");
    let mut columns: Vec<Column> = Vec::new();
    if has_id {
        columns.push(Column { name: "id".to_owned(), kind: FieldKind::Text, width: None, decimals: None });
    }
    columns.extend(kinds.iter().map(|(name, kind)| Column {
        name: (*name).to_owned(),
        kind: *kind,
        width: None,
        decimals: None,
    }));
    let rows = features
        .into_iter()
        .map(|(feature, shape)| {
            let value = |column: &Column| {
                let value =
                    if has_id && column.name == "id" { &feature["id"] } else { &feature["properties"][&column.name] };
                value_of(value, column.kind)
            };
            (shape, columns.iter().map(value).collect())
        })
        .collect();
    Table { name, shapes, columns, rows }
}

fn value_of(value: &serde_json::Value, kind: FieldKind) -> Value {
    match (value, kind) {
        (serde_json::Value::Null, _) => Value::Null,
        (serde_json::Value::Bool(yes), FieldKind::Integer) => Value::Integer(i64::from(*yes)),
        (_, FieldKind::Integer) => value.as_i64().map_or(Value::Null, Value::Integer),
        (_, FieldKind::Real) => value.as_f64().map_or(Value::Null, Value::Real),
        (serde_json::Value::String(text), _) => Value::Text(text.replace('\0', " ")),
        (serde_json::Value::Array(items), _) if items.iter().all(serde_json::Value::is_string) => {
            let words: Vec<&str> = items.iter().filter_map(serde_json::Value::as_str).collect();
            Value::Text(words.join("、"))
        }
        (other, _) => Value::Text(other.to_string()),
    }
}

/// The shape of a `GeoJSON` geometry; parts with positions that are none are left out, and what is no shape has no part.
fn shape_of(geometry: &serde_json::Value) -> Geometry<f64> {
    let position = |at: &serde_json::Value| Some(Coord { x: at[0].as_f64()?, y: at[1].as_f64()? });
    let line = |line: &serde_json::Value, least: usize| {
        let line: Option<Vec<_>> = line.as_array()?.iter().map(position).collect();
        line.filter(|line| line.len() >= least).map(LineString)
    };
    let polygon = |polygon: &serde_json::Value| {
        let mut rings = polygon.as_array()?.iter().filter_map(|ring| line(ring, 4));
        Some(Polygon::new(rings.next()?, rings.collect()))
    };
    let coordinates = &geometry["coordinates"];
    let parts = || coordinates.as_array().into_iter().flatten();
    match geometry["type"].as_str() {
        Some("Polygon") => MultiPolygon(polygon(coordinates).into_iter().collect()).into(),
        Some("MultiPolygon") => MultiPolygon(parts().filter_map(polygon).collect()).into(),
        Some("LineString") => MultiLineString(line(coordinates, 2).into_iter().collect()).into(),
        Some("MultiLineString") => MultiLineString(parts().filter_map(|part| line(part, 2)).collect()).into(),
        Some("Point") if let Some(at) = position(coordinates) => Geometry::Point(Point(at)),
        Some("Point") => MultiPoint::<f64>(Vec::new()).into(),
        Some("MultiPoint") => MultiPoint(parts().filter_map(position).map(Point).collect()).into(),
        _ => MultiPolygon::<f64>(Vec::new()).into(),
    }
}

/// Names of at most ten bytes in GBK by full name, each once whatever its case and the same in every layer.
fn short_names(tables: &[Table]) -> BTreeMap<String, String> {
    let mut taken = BTreeSet::new();
    let mut names = BTreeMap::new();
    for column in tables.iter().flat_map(|table| &table.columns) {
        if names.contains_key(&column.name) {
            continue;
        }
        let mut short = cut(&column.name, NAME_BYTES);
        let mut number = 1;
        while short.is_empty() || !taken.insert(short.to_lowercase()) {
            let mark = format!("_{number}");
            short = cut(&column.name, NAME_BYTES - mark.len()) + &mark;
            number += 1;
        }
        names.insert(column.name.clone(), short);
    }
    names
}

/// As many whole characters as fit into so many bytes of GBK.
fn cut(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut bytes = 0;
    for character in text.chars() {
        bytes += gbk_bytes(character.encode_utf8(&mut [0; 4]));
        if bytes > most {
            break;
        }
        out.push(character);
    }
    out
}

fn gbk_bytes(text: &str) -> usize {
    encoding_rs::GBK.encode(text).0.len()
}

/// The names and widths of a shapefile. Numbers get as many decimals as they have, so that they read as they are.
fn shorten(table: &mut Table, names: &BTreeMap<String, String>) {
    for (index, column) in table.columns.iter_mut().enumerate() {
        if let Some(short) = names.get(&column.name) {
            column.name.clone_from(short);
        }
        let (mut widest, mut decimals) = (1, 0);
        for (_, values) in &mut table.rows {
            match values.get_mut(index) {
                Some(Value::Text(text)) => {
                    *text = cut(text, TEXT_BYTES);
                    widest = widest.max(gbk_bytes(text));
                }
                Some(Value::Real(number)) => {
                    let text = number.to_string();
                    decimals = decimals.max(text.split_once('.').map_or(0, |(_, decimals)| decimals.len()));
                }
                _ => {}
            }
        }
        match column.kind {
            FieldKind::Text => column.width = i32::try_from(widest).ok(),
            FieldKind::Real => {
                column.width = Some(REAL_BYTES);
                column.decimals = i32::try_from(decimals.min(MOST_DECIMALS)).ok();
            }
            FieldKind::Integer => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_are_cut_between_characters_and_never_meet() {
        let names = [
            "plane_m2",
            "ellipsoidal_m2",
            "ellipsoidal_ha",
            "行政区名称及代码",
            "行政区名称",
            "行政区名称甲",
            "ELLIPSOIDA",
            "",
        ];
        let columns = names
            .map(|name| Column { name: name.to_owned(), kind: FieldKind::Text, width: None, decimals: None })
            .to_vec();
        let table = Table { name: AREAS, shapes: ShapeKind::Polygons, columns, rows: Vec::new() };
        let short = short_names(&[table.clone(), table]);
        let short: Vec<&str> = names.iter().map(|name| short[*name].as_str()).collect();
        assert_eq!(
            short,
            ["plane_m2", "ellipsoida", "ellipsoi_1", "行政区名称", "行政区名_1", "行政区名_2", "ELLIPSOI_2", "_1"]
        );
        assert!(short.iter().all(|name| gbk_bytes(name) <= NAME_BYTES));
    }
}
