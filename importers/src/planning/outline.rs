//! The outline of a project (拟用地红线) as an applicant delivers it: any vector format that importers read, or a ZIP with
//! one, as the red-line JSON in which outlines travel: delivered numbers, x the easting.
//!
//! Nothing is published and nothing repaired here; whoever judges the red line says what is wrong with it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use geo::Geometry;
use serde::{Deserialize, Serialize};

use super::source::{Source, has_extension};
use crate::gdal::vector::{Shape, Value};
use crate::georeference::georeference;
use crate::importer::{ImportError, Options, Severity, Text, Warning};

/// Corners an outline may have in all.
const MOST_POINTS: usize = 200_000;
/// Parcels it may have.
const MOST_PARCELS: usize = 5_000;
/// Files looked at in a ZIP, and bytes taken out of it.
const MOST_FILES: usize = 500;
const MOST_BYTES: u64 = 512 << 20;
/// What may be in a ZIP: layers, and what belongs to them.
const LAYERS: [&str; 6] = ["shp", "gpkg", "dxf", "geojson", "kml", "kmz"];
const BESIDE: [&str; 4] = ["shx", "dbf", "prj", "cpg"];
/// Fields that name a parcel, the surest first.
const NAME_FIELDS: [&str; 9] = ["DKMC", "地块名称", "XMMC", "项目名称", "名称", "NAME", "Name", "name", "DKBH"];

/// An outline that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outline {
    /// The system of the coordinates: `EPSG:n` where sure, else WKT or PROJ string.
    pub crs: String,
    /// The parcels.
    pub parcels: Vec<OutlineParcel>,
    /// What a person should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// A parcel of an outline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutlineParcel {
    /// Name, where a field gives one.
    pub name: String,
    /// Its parts: outer ring, then holes; `[x, y]`, closed.
    pub polygons: Vec<Vec<Vec<[f64; 2]>>>,
}

/// Reads the outline in `path`; a ZIP is taken apart in the temporary folder of the process.
pub fn read(path: &Path, options: &Options) -> Result<Outline, ImportError> {
    let Some(archive) = has_extension(path, "zip").then_some(path) else {
        return read_layer(path, options);
    };
    let folder = tempfile::tempdir().map_err(|error| {
        ImportError::failed(path, Text::new("无法创建临时目录", "a temporary folder could not be made"), error)
    })?;
    let layers = take_out(archive, folder.path())?;
    match layers.as_slice() {
        [layer] => read_layer(layer, options),
        [] => Err(ImportError::refused(
            path,
            Text::new(
                format!("压缩包中没有可读的图层({})", LAYERS.join("、")),
                format!("there is no layer in the ZIP ({})", LAYERS.join(", ")),
            ),
        )),
        several => Err(ImportError::refused(
            path,
            Text::new(
                format!("压缩包中有 {} 个图层,请只放一个", several.len()),
                format!("there are {} layers in the ZIP; put one in it", several.len()),
            ),
        )),
    }
}

/// Takes the layers out of a ZIP under names of our own; whatever else is in it is left alone.
fn take_out(archive: &Path, folder: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let unreadable = |error: Box<dyn std::error::Error + Send + Sync>| {
        ImportError::unreadable_because(
            archive,
            Text::new("压缩包无法读取,可能已损坏", "the ZIP can't be read; it may be damaged"),
            error,
        )
    };
    let file = std::fs::File::open(archive).map_err(|error| unreadable(error.into()))?;
    let mut zip = zip::ZipArchive::new(file).map_err(|error| unreadable(error.into()))?;
    let too_large = || {
        ImportError::refused(archive, Text::new("压缩包过大或文件过多", "the ZIP is too large or holds too many files"))
    };
    if zip.len() > MOST_FILES {
        return Err(too_large());
    }
    let mut stems: Vec<Vec<u8>> = Vec::new();
    let mut layers = Vec::new();
    let mut left = MOST_BYTES;
    for index in 0..zip.len() {
        let entry = zip.by_index(index).map_err(|error| unreadable(error.into()))?;
        // Old programs write names in GBK, so they are compared as bytes and never used as paths.
        let name = entry.name_raw().to_vec();
        let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else { continue };
        let extension = String::from_utf8_lossy(&name[dot + 1..]).to_ascii_lowercase();
        let is_layer = LAYERS.contains(&extension.as_str());
        if entry.is_dir() || !is_layer && !BESIDE.contains(&extension.as_str()) || name.starts_with(b"__MACOSX") {
            continue;
        }
        let stem = name[..dot].to_vec();
        let number = stems.iter().position(|known| *known == stem).unwrap_or_else(|| {
            stems.push(stem);
            stems.len() - 1
        });
        let out = folder.join(format!("layer{number}.{extension}"));
        let mut file = std::fs::File::create(&out).map_err(|error| unreadable(error.into()))?;
        let taken = std::io::copy(&mut entry.take(left + 1), &mut file).map_err(|error| unreadable(error.into()))?;
        left = left.checked_sub(taken).ok_or_else(too_large)?;
        if is_layer {
            layers.push(out);
        }
    }
    layers.sort();
    Ok(layers)
}

fn read_layer(path: &Path, options: &Options) -> Result<Outline, ImportError> {
    let options = Options { closed_as_polygons: true, ..options.clone() };
    let source = Source::open(path, &options)?;
    let place = georeference(path, source.declared_crs.as_deref(), source.extent(), &options)?;
    let name_field = NAME_FIELDS.iter().find_map(|name| source.fields().iter().position(|field| field.name == *name));
    let mut outline =
        Outline { crs: place.crs.definition().to_owned(), parcels: Vec::new(), warnings: place.warnings.clone() };
    if let Some(code) = place.crs.epsg() {
        outline.crs = format!("EPSG:{code}");
    }
    let (mut points, mut others) = (0, 0_u64);
    source.read(path, |feature| {
        let polygons = match feature.shape {
            Shape::Given(Geometry::Polygon(polygon)) => vec![polygon],
            Shape::Given(Geometry::MultiPolygon(polygons)) => polygons.0,
            Shape::Missing => return Ok(()),
            Shape::Given(_) | Shape::Unsupported(_) => {
                others += 1;
                return Ok(());
            }
        };
        let name = match name_field.and_then(|field| feature.values.get(field)) {
            Some(Value::Text(text)) => text.trim().to_owned(),
            Some(Value::Integer(number)) => number.to_string(),
            _ => String::new(),
        };
        let polygons: Vec<Vec<Vec<[f64; 2]>>> = polygons.iter().map(rings).collect();
        points += polygons.iter().flatten().map(Vec::len).sum::<usize>();
        outline.parcels.push(OutlineParcel { name, polygons });
        if points > MOST_POINTS || outline.parcels.len() > MOST_PARCELS {
            return Err(ImportError::refused(
                path,
                Text::new(
                    format!("红线最多 {MOST_PARCELS} 个地块、{MOST_POINTS} 个界址点"),
                    format!("an outline has at most {MOST_PARCELS} parcels and {MOST_POINTS} corners"),
                ),
            ));
        }
        Ok(())
    })?;
    if others > 0 {
        outline.warnings.push(Warning::new(
            "not-a-polygon",
            Severity::Skipped,
            "",
            Text::new(
                format!("{others} 个图形不是面(或未闭合),未计入红线"),
                format!("{others} shapes are no polygons (or not closed) and are not part of the outline"),
            ),
        ));
    }
    if outline.parcels.is_empty() {
        return Err(ImportError::refused(
            path,
            Text::new(
                "文件中没有面或闭合多段线,不能作为红线",
                "there is no polygon and no closed polyline in the file",
            ),
        ));
    }
    Ok(outline)
}

fn rings(polygon: &geo::Polygon<f64>) -> Vec<Vec<[f64; 2]>> {
    let ring = |line: &geo::LineString<f64>| line.0.iter().map(|c| [c.x, c.y]).collect();
    std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(ring).collect()
}
