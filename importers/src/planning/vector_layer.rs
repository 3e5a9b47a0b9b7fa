//! Vector layers of plans and surveys: shapefile, `GeoPackage`, `FileGDB`, GeoJSON, KML, DXF, `FlatGeobuf`.
//!
//! The truth asset keeps delivered coordinates, fields and values; the tiles are for looking. What
//! was repaired, left out or assumed is said feature by feature. A layer on an old datum, opened
//! with the surveyor's parameters, is brought to CGCS2000, because those parameters are kept by
//! nobody and the layer could not be placed again without them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use catalog::DatasetKind;
use geo::Geometry;
use serde_json::json;
use tiles::archive;
use tiles::mvt::{CutOptions, FeatureSet};

use super::findings::{self, Naming};
use super::flatgeobuf_file::{FeatureFile, column_names};
use super::map_tiles::MapFeatures;
use super::placing::Placing;
use super::repair::{self, Mended};
use super::source::{Source, SourceFeature, has_extension};
use super::style::style_for;
use super::survey::{self, Dimension, Survey};
use crate::gdal::vector::{Shape, Value};
use crate::georeference::{georeference, height_reference};
use crate::importer::{
    Asset, Confidence, Conversion, ImportError, Importer, Inspection, Job, Options, Severity, Text, Warning,
};
use crate::progress::Progress;

/// Bytes of a `.json` looked at to tell GeoJSON from anything else.
const SNIFF_BYTES: u64 = 4096;
/// Values of the class field listed for the legend.
const MOST_CLASSES: usize = 256;
/// Identifiers of Chinese plan databases, which outlive a delivery.
const SOURCE_ID_FIELDS: [&str; 4] = ["BSM", "标识码", "OBJECTID", "id"];

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct VectorLayer;

impl Importer for VectorLayer {
    fn name(&self) -> &'static str {
        "vector"
    }

    fn kind(&self) -> DatasetKind {
        DatasetKind::Features
    }

    fn claims(&self, path: &Path) -> Confidence {
        if path.is_dir() {
            let geodatabase = has_extension(path, "gdb");
            return if geodatabase { Confidence::Certain } else { Confidence::No };
        }
        let certain = ["shp", "gpkg", "geojson", "kml", "dxf", "dwg", "fgb", "mdb"];
        if certain.iter().any(|extension| has_extension(path, extension)) {
            return Confidence::Certain;
        }
        if has_extension(path, "json") && looks_like_geojson(path) { Confidence::Content } else { Confidence::No }
    }

    fn may_hold_layers(&self, path: &Path) -> bool {
        ["gpkg", "gdb", "kml"].iter().any(|extension| has_extension(path, extension))
    }

    fn inspect(&self, path: &Path, options: &Options) -> Result<Inspection, ImportError> {
        let source = Source::open(path, options)?;
        let survey = survey::survey(&source, path, options, None)?;
        findings::inspection(&source, path, options, &survey)
    }

    #[expect(clippy::too_many_lines, reason = "one delivery, from its fields to its tiles")]
    fn convert(&self, job: &Job, progress: &Progress) -> Result<Conversion, ImportError> {
        let path = &job.path;
        let source = Source::open(path, &job.options)?;
        progress.phase(Text::new("查看", "looking"), source.layer.count, "features");
        let names: Vec<&str> = source.fields().iter().map(|field| field.name.as_str()).collect();
        let file_name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let naming = Naming { file: &file_name, layer: &source.layer.name };
        let first = survey::survey(&source, path, &job.options, None)?;
        let Some(dimension) = first.dimension() else {
            return Err(ImportError::refused(path, Text::new("图层没有图形", "the layer has no shapes")));
        };
        let style = match &job.options.style {
            Some(id) => super::style::Style { id: id.clone(), field: None },
            None => style_for(dimension.id(), &naming.all(), &names),
        };
        let survey = match &style.field {
            Some(field) => survey::survey(&source, path, &job.options, Some(field))?,
            None => first,
        };
        let place = georeference(path, source.declared_crs.as_deref(), survey.extent, &job.options)?;
        findings::check_gcj02(path, &place.crs, &job.options)?;
        let placing = Placing::new(path, &place, &job.options)?;
        let mut warnings = place.warnings.clone();
        warnings.extend(findings::warnings(&source, &survey, &place.crs, &job.options));

        let private = private_fields(path, &source, &job.options)?;
        let mut layer = Layer {
            path,
            dimension,
            survey: &survey,
            placing: &placing,
            file: FeatureFile::new(&job.slug, placing.crs(), survey.form(dimension), source.fields())?,
            map: MapFeatures::new(
                dimension,
                source.fields(),
                &column_names(source.fields()),
                &[survey.classes.as_ref().map_or("", |(field, _)| field.as_str())],
                &private,
            ),
            warnings,
            count: 0,
            seen: 0,
            flattened: 0,
        };
        progress.phase(Text::new("转换要素", "converting features"), survey.total(), "features");
        source.read(path, |feature| {
            progress.add(1);
            layer.add(feature)
        })?;
        let Layer { file, map, mut warnings, count, flattened, .. } = layer;
        let stated = (!source.is_web_format()).then(|| height_reference(&place.crs));
        let height = survey.heights.map(|_| job.options.height_reference(stated));
        warnings.extend(height.as_ref().and_then(|height| findings::height_warning(height, flattened)));
        let (Some(bounds_lon_lat_deg), 1..) = (map.bounds_lon_lat_deg(), count) else {
            return Err(ImportError::refused(path, Text::new("没有可用的要素", "no feature could be used")));
        };
        progress.phase(Text::new("写 FlatGeobuf", "writing FlatGeobuf"), 0, "");
        file.finish(&job.out.join("features.fgb"))?;
        progress.phase(Text::new("切矢量瓦片", "cutting vector tiles"), 0, "");
        let max_zoom = map.max_zoom();
        let set = FeatureSet::new(geodesy::TileMatrixSet::WebMercatorQuad, max_zoom, map.features);
        let report = archive::write_features(
            &job.out.join("tiles.pmtiles"),
            &set,
            &job.slug,
            0..=max_zoom,
            bounds_lon_lat_deg,
            &CutOptions::default(),
        )
        .map_err(|error| {
            ImportError::failed(path, Text::new("切矢量瓦片失败", "cutting vector tiles failed"), error)
        })?;

        let mut properties = properties(&source, &survey, dimension, &style.id, count, max_zoom);
        if !private.is_empty() {
            properties["private_fields"] = json!(private);
        }
        Ok(Conversion {
            kind: DatasetKind::Features,
            crs: placing.crs().definition().to_owned(),
            height_range_m: survey
                .heights
                .zip(height.as_ref())
                .and_then(|(range, height)| findings::in_metres(range, height)),
            height,
            bounds_lon_lat_deg,
            properties,
            assets: vec![Asset::new("features.fgb", "flatgeobuf"), Asset::new("tiles.pmtiles", "pmtiles")],
            warnings,
            notes: json!({
                "driver": source.format,
                "layer": source.layer.name,
                "encoding": source.encoding.map(|found| json!({
                    "name": found.encoding.name(),
                    "evidence": found.evidence.words(),
                })),
                "delivered_crs": place.crs.name(),
                "gcj02_taken_back": job.options.gcj02,
                "axes_exchanged": job.options.swap_axes,
                "tiles": report.tiles,
                "tiles_that_lost_small_features": report.reduced_tiles,
                "features_too_small_for_tiles": set.unplaced(),
            }),
        })
    }
}

/// A layer being written.
struct Layer<'a> {
    path: &'a Path,
    dimension: Dimension,
    survey: &'a Survey,
    placing: &'a Placing,
    file: FeatureFile,
    map: MapFeatures,
    warnings: Vec<Warning>,
    count: u64,
    seen: u64,
    /// Features whose heights were lost because their vertices changed.
    flattened: u64,
}

impl Layer<'_> {
    fn add(&mut self, feature: SourceFeature) -> Result<(), ImportError> {
        self.seen += 1;
        let id = match feature.source_id {
            Some(id) if self.survey.ids_are_unique => id,
            _ => self.seen,
        };
        let mut skip = |code: &str, text: Text| {
            self.warnings.push(Warning::new(code, Severity::Skipped, id.to_string(), text));
        };
        let geometry = match feature.shape {
            Shape::Given(geometry) => geometry,
            Shape::Missing => {
                skip("no-geometry", Text::new("要素没有图形,未导入", "a feature without shape was left out"));
                return Ok(());
            }
            Shape::Unsupported(what) => {
                skip(
                    "geometry-unsupported",
                    Text::new(
                        format!("图形无法使用({what}),未导入"),
                        format!("shape can't be used ({what}), left out"),
                    ),
                );
                return Ok(());
            }
        };
        let found = Dimension::of(&geometry);
        if found != self.dimension {
            skip(
                "other-geometry",
                Text::new(
                    format!("图层以 {} 为主,这个 {} 要素未导入", self.dimension.id(), found.id()),
                    format!("a {} in a layer of {}s was left out", found.id(), self.dimension.id()),
                ),
            );
            return Ok(());
        }
        let mut heights = feature.heights;
        let had_heights = heights.is_some();
        let geometry = match repair::mend(self.path, geometry, self.placing)? {
            Mended::Sound(geometry) => geometry,
            Mended::Repaired { geometry, reason, area_before_m2, area_after_m2 } => {
                self.warnings.push(repair::repaired_warning(id, &reason, area_before_m2, area_after_m2));
                heights = None;
                geometry
            }
            Mended::Hopeless { reason } => {
                skip(
                    "geometry-hopeless",
                    Text::new(
                        format!("图形无法修复({reason}),未导入"),
                        format!("shape can't be repaired ({reason}), left out"),
                    ),
                );
                return Ok(());
            }
        };
        let kept = self.write(id, &geometry, heights.as_deref(), &feature.values)?;
        self.flattened += u64::from(had_heights && !kept);
        Ok(())
    }

    /// Gives false where the heights could not be kept.
    fn write(
        &mut self,
        id: u64,
        geometry: &Geometry<f64>,
        heights: Option<&[f64]>,
        values: &[Value],
    ) -> Result<bool, ImportError> {
        let geometry = self.placing.placed(self.path, geometry)?;
        let kept = self.file.add(id, &geometry, heights.filter(|_| !self.placing.moves()), values)?;
        self.map.add(id, &geometry, values, self.placing.to_web_mercator()).map_err(|error| ImportError::Refused {
            path: self.path.to_owned(),
            text: Text::new(
                format!("要素 {id} 不能投影到地图,坐标系可能有误"),
                format!("feature {id} can't be projected to the map; the CRS may be wrong"),
            ),
            source: Some(Box::new(error)),
        })?;
        self.count += 1;
        Ok(kept)
    }
}

/// The columns that are published to nobody; refuses a name that the layer does not have, since a misspelt one would be
/// published.
fn private_fields(path: &Path, source: &Source, options: &Options) -> Result<Vec<String>, ImportError> {
    let columns = column_names(source.fields());
    match options.private_fields.iter().find(|name| !columns.contains(name)) {
        None => Ok(options.private_fields.clone()),
        Some(name) => Err(ImportError::refused(
            path,
            Text::new(
                format!("没有字段“{name}”，不能设为不公开（--private-field）；现有字段：{}", columns.join("、")),
                format!("there is no field {name} to keep private; there are: {}", columns.join(", ")),
            ),
        )),
    }
}

/// The properties of the revision, as the server and the viewer read them.
fn properties(
    source: &Source,
    survey: &Survey,
    dimension: Dimension,
    style: &str,
    count: u64,
    max_zoom: u8,
) -> serde_json::Value {
    let fields: Vec<serde_json::Value> = column_names(source.fields())
        .iter()
        .zip(source.fields())
        .map(|(name, field)| match &field.alias {
            Some(alias) => json!({ "name": name, "type": field.kind.id(), "alias": alias }),
            None => json!({ "name": name, "type": field.kind.id() }),
        })
        .collect();
    let mut properties = json!({
        "geometry": dimension.id(),
        "count": count,
        "fields": fields,
        "min_zoom": 0,
        "max_zoom": max_zoom,
        "style": style,
    });
    let is_field = |known: &&&str| source.fields().iter().any(|field| field.name == **known);
    if let Some(id_field) = SOURCE_ID_FIELDS.iter().find(is_field) {
        properties["source_id_field"] = json!(id_field);
    }
    if let Some(codes) = &survey.codes {
        properties["code_field"] = json!(codes.field);
        properties["code_system"] = json!(codes.system);
    }
    if let Some((field, classes)) = &survey.classes
        && classes.len() <= MOST_CLASSES
    {
        properties["classes"] = json!({ "field": field, "values": classes.keys().collect::<Vec<_>>() });
    }
    properties
}

fn looks_like_geojson(path: &Path) -> bool {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(SNIFF_BYTES).read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    read.is_ok()
        && text.contains("\"type\"")
        && (text.contains("\"FeatureCollection\"") || text.contains("\"Feature\""))
}
