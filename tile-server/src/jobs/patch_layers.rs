//! Patches that an analysis finds, as feature datasets when it is done: areas, lines and places each in one, because GIS
//! programs want one kind of geometry in a layer. Their tiles are cut from the file when they are asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use analysis::{FoundPatch, Polygon};
use catalog::{DatasetKind, Job, NewAsset, NewRevision};
use chrono::{DateTime, Utc};
use flatgeobuf::{ColumnType, FgbCrs, FgbWriter, FgbWriterOptions, GeometryType};
use geo::{Coord, Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point};
use geodesy::Transform;
use geodesy::crs::Crs;
use geozero::{ColumnValue, PropertyProcessor as _};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::results::{self, Made};
use crate::app::App;
use crate::feature_file::{ID_COLUMN, hull};
use crate::problem::Problem;

/// Name of the file in a revision.
const FILE: &str = "features.fgb";
/// Name of the style that draws them.
const STYLE: &str = "analysis-result";
/// Levels of the tiles: a landslide is looked at house by house.
const MAX_ZOOM: u8 = 20;

/// A kind of geometry with a layer of its own.
struct Form {
    name: &'static str,
    geometry: &'static str,
    titles: [&'static str; 2],
    file: GeometryType,
    of: fn(&FoundPatch) -> Option<Geometry<f64>>,
}

/// The layers of a job.
const FORMS: [Form; 3] = [
    Form {
        name: "areas",
        geometry: "polygon",
        titles: ["面", "areas"],
        file: GeometryType::MultiPolygon,
        of: |patch| {
            let polygons: Vec<geo::Polygon> = patch.polygons.iter().filter_map(polygon).collect();
            (!polygons.is_empty()).then(|| MultiPolygon(polygons).into())
        },
    },
    Form {
        name: "lines",
        geometry: "line",
        titles: ["线", "lines"],
        // Each feature says its own: of a multi line of one part the writer leaves out where the part ends.
        file: GeometryType::Unknown,
        of: |patch| {
            let mut lines: Vec<LineString> = patch.lines.iter().map(|places| line(places)).collect();
            match lines.len() {
                _ if !patch.polygons.is_empty() => None,
                0 => None,
                1 => lines.pop().map(Geometry::from),
                _ => Some(MultiLineString(lines).into()),
            }
        },
    },
    Form {
        name: "places",
        geometry: "point",
        titles: ["点", "places"],
        file: GeometryType::MultiPoint,
        of: |patch| {
            let only = patch.polygons.is_empty() && patch.lines.is_empty() && !patch.points.is_empty();
            only.then(|| MultiPoint(patch.points.iter().map(|[x, y]| Point::new(*x, *y)).collect()).into())
        },
    },
];

fn line(places: &[[f64; 2]]) -> LineString {
    places.iter().map(|[x, y]| Coord { x: *x, y: *y }).collect()
}

fn polygon(rings: &Polygon) -> Option<geo::Polygon> {
    let mut rings = rings.rings().map(|ring| line(ring));
    // Closes rings that are not.
    rings.next().map(|outer| geo::Polygon::new(outer, rings.collect()))
}

/// Publishes the patches of a job; what its row says of them. `valid_from` is when the newest of what was read held.
pub(super) async fn publish(
    app: &App,
    job: &Job,
    answer: &Answer,
    [zh, en]: [&str; 2],
    valid_from: DateTime<Utc>,
) -> Result<Vec<Value>, Problem> {
    let mut published = Vec::new();
    for form in &FORMS {
        let rows = |patch: &FoundPatch| Row::of(form, patch);
        let layer = Layer::of(answer.findings.patches.iter().filter_map(rows).collect());
        if layer.rows.is_empty() {
            continue;
        }
        let mut revision =
            NewRevision::new(valid_from, &results::name_of(&answer.plane), layer.bounds_lon_lat_deg(&answer.plane)?);
        revision.assets = vec![NewAsset::new(FILE, "flatgeobuf", "application/flatgeobuf")];
        // What the legend names.
        let named = |name: &str| layer.rows.iter().filter_map(|row| row.properties.get(name)?.as_str()).collect();
        let [kinds, states]: [BTreeSet<&str>; 2] = ["kind", "state"].map(named);
        revision.properties = json!({
            "classes": { "field": "kind", "values": kinds.union(&states).collect::<Vec<_>>() },
            "geometry": form.geometry, "count": layer.rows.len(), "style": STYLE, "min_zoom": 0, "max_zoom": MAX_ZOOM,
            "fields": layer.columns.iter().map(|(name, kind)| json!({ "name": name, "type": type_name(*kind) })).collect::<Vec<_>>(),
        });
        let made = Made {
            name: form.name,
            kind: DatasetKind::Features,
            titles: [format!("{zh} · {}", form.titles[0]), format!("{en} · {}", form.titles[1])],
            revision,
        };
        let (count, plane, kind) = (layer.rows.len(), answer.plane.clone(), form.file);
        let write = move |target: &Path| layer.write(target, &plane, kind);
        let mut told = results::publish(app, job, &answer.findings.result["sources"], made, write).await?;
        told["geometry"] = json!(form.geometry);
        told["count"] = json!(count);
        published.push(told);
    }
    Ok(published)
}

/// A patch with the geometry that it has in its layer.
struct Row {
    geometry: Geometry<f64>,
    properties: Map<String, Value>,
}

impl Row {
    fn of(form: &Form, patch: &FoundPatch) -> Option<Self> {
        let geometry = (form.of)(patch)?;
        let mut properties = patch.properties.clone();
        properties.remove(ID_COLUMN);
        properties.insert("id".to_owned(), json!(patch.id));
        Some(Self { geometry, properties })
    }
}

/// Features of one kind of geometry, and the columns that all their values fit.
struct Layer {
    rows: Vec<Row>,
    columns: BTreeMap<String, ColumnType>,
}

impl Layer {
    fn of(rows: Vec<Row>) -> Self {
        let mut columns: BTreeMap<String, ColumnType> = BTreeMap::new();
        for row in &rows {
            for (name, value) in row.properties.iter().filter(|(_, value)| !value.is_null()) {
                let own = column_of(value);
                columns.entry(name.clone()).and_modify(|column| *column = wider(*column, own)).or_insert(own);
            }
        }
        Self { rows, columns }
    }

    fn bounds_lon_lat_deg(&self, plane: &Crs) -> Result<[f64; 4], Problem> {
        use geo::CoordsIter as _;
        let vertices = self.rows.iter().flat_map(|row| row.geometry.coords_iter());
        let mut vertices: Vec<[f64; 2]> = vertices.map(|at| [at.x, at.y]).collect();
        Transform::new(plane, &Crs::cgcs2000()).and_then(|t| t.points(&mut vertices)).map_err(Problem::internal)?;
        Ok(hull(vertices.iter()))
    }

    /// Writes the file, in the order of the spatial index.
    fn write(&self, path: &Path, plane: &Crs, geometry: GeometryType) -> Result<(), Problem> {
        let code = plane.epsg().and_then(|code| i32::try_from(code).ok());
        let options = FgbWriterOptions {
            promote_to_multi: false,
            detect_type: false,
            crs: FgbCrs {
                org: code.map(|_| "EPSG"),
                code: code.unwrap_or(0),
                name: Some(plane.name()),
                wkt: if code.is_none() { Some(plane.definition()) } else { None },
                ..FgbCrs::default()
            },
            ..FgbWriterOptions::default()
        };
        let mut writer = FgbWriter::create_with_options("result", geometry, options).map_err(Problem::internal)?;
        writer.add_column(ID_COLUMN, ColumnType::Long, |_, column| column.nullable = false);
        for (name, kind) in &self.columns {
            writer.add_column(name, *kind, |_, _| {});
        }
        for (row, id) in self.rows.iter().zip(1..) {
            let mut written = Ok(false);
            let added = writer.add_feature_geom(row.geometry.clone(), |feature| {
                written = feature.property(0, ID_COLUMN, &ColumnValue::Long(id));
                for (index, (name, kind)) in self.columns.iter().enumerate() {
                    let value = row.properties.get(name).filter(|value| !value.is_null());
                    if let (Ok(_), Some(value)) = (&written, value) {
                        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                        let value = match *kind {
                            ColumnType::Bool => ColumnValue::Bool(value.as_bool().unwrap_or_default()),
                            ColumnType::Long => ColumnValue::Long(value.as_i64().unwrap_or_default()),
                            ColumnType::Double => ColumnValue::Double(value.as_f64().unwrap_or_default()),
                            ColumnType::Json => ColumnValue::Json(&text),
                            _ => ColumnValue::String(&text),
                        };
                        written = feature.property(index + 1, name, &value);
                    }
                }
            });
            added.map_err(Problem::internal)?;
            written.map_err(Problem::internal)?;
        }
        let mut out = BufWriter::new(File::create(path).map_err(Problem::internal)?);
        writer.write(&mut out).map_err(Problem::internal)?;
        out.flush().map_err(Problem::internal)
    }
}

fn column_of(value: &Value) -> ColumnType {
    match value {
        Value::Bool(_) => ColumnType::Bool,
        Value::Number(number) if number.is_i64() => ColumnType::Long,
        Value::Number(_) => ColumnType::Double,
        Value::String(_) | Value::Null => ColumnType::String,
        Value::Array(_) | Value::Object(_) => ColumnType::Json,
    }
}

/// The column that takes the values of both.
fn wider(a: ColumnType, b: ColumnType) -> ColumnType {
    match (a, b) {
        _ if a == b => a,
        (ColumnType::Long, ColumnType::Double) | (ColumnType::Double, ColumnType::Long) => ColumnType::Double,
        _ => ColumnType::String,
    }
}

/// What `TileJSON` calls a column.
fn type_name(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Bool => "Boolean",
        ColumnType::Long | ColumnType::Double => "Number",
        _ => "String",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feature_file::{Next, Selection, Shape, read};

    #[test]
    fn what_is_written_is_read_back_with_every_kind_of_value() {
        let patch = |id: &str, properties: Value| FoundPatch {
            id: id.to_owned(),
            properties: properties.as_object().cloned().unwrap_or_else(Map::new),
            lines: vec![vec![[500_000.0, 3_133_000.0], [500_010.5, 3_133_000.25]]],
            ..FoundPatch::default()
        };
        let patches = [
            patch(
                "一",
                json!({ "fid": "stray", "houses": 3, "length_m": 7, "open": true, "roads": ["甲", "乙"], "name": "桐木冲" }),
            ),
            patch("二", json!({ "length_m": 7.25, "name": null, "houses": 4, "code": 5 })),
            patch("三", json!({ "code": "5a" })),
        ];
        let layer = Layer::of(patches.iter().filter_map(|patch| Row::of(&FORMS[1], patch)).collect());
        assert!(patches.iter().all(|patch| (FORMS[0].of)(patch).is_none() && (FORMS[2].of)(patch).is_none()));
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE);
        let plane = Crs::from_epsg(4546).expect("a plane");
        layer.write(&path, &plane, FORMS[1].file).expect("written");
        let mut found = Vec::new();
        let outcome = read(&path, "EPSG:4546", None, Selection::All, 1.0, &mut |feature| {
            found.push(feature);
            Next::More
        });
        assert!(outcome.expect("read").whole);
        found.sort_by_key(|feature| feature.id);
        let properties: Vec<Value> = found.iter().map(|feature| Value::Object(feature.properties.clone())).collect();
        assert_eq!(
            properties,
            [
                json!({ "fid": 1, "id": "一", "houses": 3, "length_m": 7.0, "open": true, "roads": ["甲", "乙"], "name": "桐木冲" }),
                json!({ "fid": 2, "id": "二", "length_m": 7.25, "houses": 4, "code": "5" }),
                json!({ "fid": 3, "id": "三", "code": "5a" }),
            ]
        );
        assert_eq!(found[0].shape, Shape::Lines(patches[0].lines.clone()));
    }
}
