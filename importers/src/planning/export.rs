//! Patches (图斑) as the files that departments take: `GeoPackage`, or a ZIP with a shapefile in GBK.
//!
//! A shapefile's field names have ten bytes: longer ones are cut between characters and told apart by a number, and the
//! ZIP says which is which.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use geo::{LineString, MultiPolygon, Polygon};
use serde::{Deserialize, Serialize};

use crate::gdal::vector::{FieldKind, Value};
use crate::gdal::vector_write::{self, Column, Table};
use crate::importer::{ImportError, Text};

/// Longest name of a shapefile's field, bytes.
const NAME_BYTES: usize = 10;
/// Longest text of a shapefile's field, bytes.
const TEXT_BYTES: usize = 254;
/// Width of a shapefile's number, and its most decimals.
const REAL_BYTES: i32 = 24;
const MOST_DECIMALS: usize = 15;
/// Name of the layer, and of the files in the ZIP.
const LAYER: &str = "patches";

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
    /// `GeoJSON` of polygons in the numbers of `crs`.
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
    let mut table = table_of(&document);
    let features = table.rows.len() as u64;
    let folder = tempfile::tempdir().map_err(|error| failed(error.into()))?;
    match format {
        Format::Gpkg => {
            let made = folder.path().join("patches.gpkg");
            vector_write::write(&made, "GPKG", LAYER, &crs, &table, &[]).map_err(|error| failed(error.into()))?;
            std::fs::copy(&made, out).map_err(|error| failed(error.into()))?;
        }
        Format::ShapefileGbk => {
            let names = short_names(&table);
            let pairs: Vec<(String, String)> =
                table.columns.iter().map(|column| column.name.clone()).zip(names.iter().cloned()).collect();
            shorten(&mut table, names);
            let made = folder.path().join(format!("{LAYER}.shp"));
            vector_write::write(&made, "ESRI Shapefile", LAYER, &crs, &table, &["ENCODING=CP936"])
                .map_err(|error| failed(error.into()))?;
            // GDAL names the code page in the dbf; other programs look for this file.
            std::fs::write(folder.path().join(format!("{LAYER}.cpg")), "GBK").map_err(|error| failed(error.into()))?;
            zip_up(folder.path(), out, &pairs).map_err(failed)?;
        }
    }
    Ok(features)
}

fn zip_up(
    folder: &Path,
    out: &Path,
    names: &[(String, String)],
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(out)?);
    let options = zip::write::SimpleFileOptions::default();
    for extension in ["shp", "shx", "dbf", "prj", "cpg"] {
        let path = folder.join(format!("{LAYER}.{extension}"));
        if path.is_file() {
            zip.start_file(format!("{LAYER}.{extension}"), options)?;
            std::io::copy(&mut std::fs::File::open(path)?, &mut zip)?;
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

/// The features as a table: a column per property, in the order of their names, of the type that holds all its values.
fn table_of(document: &serde_json::Value) -> Table {
    let features = document["features"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut kinds: BTreeMap<&str, FieldKind> = BTreeMap::new();
    for (name, value) in features.iter().filter_map(|feature| feature["properties"].as_object()).flatten() {
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
    let has_id = features.iter().any(|feature| !feature["id"].is_null()) && !kinds.contains_key("id");
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
        .iter()
        .map(|feature| {
            let value = |column: &Column| {
                let value =
                    if has_id && column.name == "id" { &feature["id"] } else { &feature["properties"][&column.name] };
                value_of(value, column.kind)
            };
            (polygons_of(&feature["geometry"]), columns.iter().map(value).collect())
        })
        .collect();
    Table { columns, rows }
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

/// The polygons of a `GeoJSON` geometry; positions that are none are left out with their ring.
fn polygons_of(geometry: &serde_json::Value) -> MultiPolygon<f64> {
    let position = |at: &serde_json::Value| Some(geo::Coord { x: at[0].as_f64()?, y: at[1].as_f64()? });
    let ring = |ring: &serde_json::Value| {
        let line: Option<Vec<_>> = ring.as_array()?.iter().map(position).collect();
        line.filter(|line| line.len() > 3).map(LineString)
    };
    let polygon = |polygon: &serde_json::Value| {
        let mut rings = polygon.as_array()?.iter().filter_map(ring);
        Some(Polygon::new(rings.next()?, rings.collect()))
    };
    let coordinates = &geometry["coordinates"];
    MultiPolygon(match geometry["type"].as_str() {
        Some("Polygon") => polygon(coordinates).into_iter().collect(),
        Some("MultiPolygon") => coordinates.as_array().into_iter().flatten().filter_map(polygon).collect(),
        _ => Vec::new(),
    })
}

/// Names of at most ten bytes in GBK, each once whatever its case.
fn short_names(table: &Table) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut names = Vec::new();
    for column in &table.columns {
        let mut short = cut(&column.name, NAME_BYTES);
        let mut number = 1;
        while short.is_empty() || !taken.insert(short.to_lowercase()) {
            let mark = format!("_{number}");
            short = cut(&column.name, NAME_BYTES - mark.len()) + &mark;
            number += 1;
        }
        names.push(short);
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
fn shorten(table: &mut Table, names: Vec<String>) {
    for (index, (column, name)) in table.columns.iter_mut().zip(names).enumerate() {
        column.name = name;
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
        let short = short_names(&Table { columns, rows: Vec::new() });
        assert_eq!(
            short,
            ["plane_m2", "ellipsoida", "ellipsoi_1", "行政区名称", "行政区名_1", "行政区名_2", "ELLIPSOI_2", "_1"]
        );
        assert!(short.iter().all(|name| gbk_bytes(name) <= NAME_BYTES));
    }
}
