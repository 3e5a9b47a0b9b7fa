//! A vector layer as delivered, whatever its format: one place that knows the formats' quirks.
//!
//! Shapefiles get their text encoding found and their `.prj` read as it stands; CAD files are one
//! OGR layer whose real layers are an attribute. Axes are exchanged and GCJ-02 is taken back here,
//! on the surveyor's word, so that everything later sees plain coordinates.

use std::path::Path;

use geo::{Geometry, LineString, MapCoords as _, MapCoordsInPlace as _, MultiPolygon, Polygon};
use geodesy::offset;

use super::encoding::{self, TextEncoding};
use crate::gdal::vector::{Field, LayerSummary, Shape, Value, VectorFile};
use crate::importer::{ImportError, Options, Text};

/// Chords may leave delivered arcs by this much, in metres.
const SAGITTA_M: f64 = 0.001;
/// The same in degrees.
const SAGITTA_DEG: f64 = 1e-8;
/// Longest `.prj` read.
const MOST_PRJ_BYTES: u64 = 64 << 10;

/// An opened layer.
#[derive(Debug)]
pub struct Source {
    file: VectorFile,
    /// The layer.
    pub layer: LayerSummary,
    /// Names of all layers with geometry in the file.
    pub layer_names: Vec<String>,
    /// Format in words.
    pub format: String,
    /// Of the attribute text, where the format does not fix it.
    pub encoding: Option<TextEncoding>,
    /// CRS as the file names it.
    pub declared_crs: Option<String>,
    cad_layer: Option<String>,
    closed_as_polygons: bool,
    swap_axes: bool,
    gcj02: bool,
}

/// A feature after the surveyor's word.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceFeature {
    /// The id the file gives it.
    pub source_id: Option<u64>,
    /// Its shape.
    pub shape: Shape,
    /// The delivered height of each of its vertices, in their order; none for a flat shape.
    pub heights: Option<Vec<f64>>,
    /// True where a closed polyline became a polygon.
    pub was_closed_line: bool,
    /// One value per field.
    pub values: Vec<Value>,
}

impl Source {
    /// Opens `path` and chooses its layer.
    pub fn open(path: &Path, options: &Options) -> Result<Self, ImportError> {
        refuse_unreadable_formats(path)?;
        let shapefile = has_extension(path, "shp");
        let encoding = if shapefile { Some(text_encoding(path, options)?) } else { None };
        let unreadable = |error| {
            ImportError::unreadable_because(
                path,
                Text::new("矢量文件无法打开,可能已损坏", "the vector file can't be opened; it may be damaged"),
                error,
            )
        };
        let file = VectorFile::open(path, encoding.as_ref().map(TextEncoding::iconv_name)).map_err(unreadable)?;
        let format = file.driver();
        let cad = format == "DXF";
        let layers: Vec<LayerSummary> =
            file.layers().map_err(unreadable)?.into_iter().filter(|layer| layer.has_geometry).collect();
        let layer_names: Vec<String> = layers.iter().map(|layer| layer.name.clone()).collect();
        let wanted = options.layer.as_deref().filter(|_| !cad);
        let layer = match wanted {
            Some(wanted) => layers.into_iter().find(|layer| layer.name == wanted),
            None => layers.into_iter().next(),
        };
        let Some(layer) = layer else {
            return Err(ImportError::refused(
                path,
                match wanted {
                    Some(wanted) => Text::new(
                        format!("没有图层“{wanted}”,可选:{}", layer_names.join("、")),
                        format!("there is no layer {wanted}; choose one of {}", layer_names.join(", ")),
                    ),
                    None => Text::new("文件中没有图形图层", "there is no layer with geometry in the file"),
                },
            ));
        };
        let declared_crs = if shapefile { prj_text(path)? } else { layer.crs_wkt.clone() };
        Ok(Self {
            file,
            layer,
            layer_names,
            format,
            encoding,
            declared_crs,
            cad_layer: options.layer.clone().filter(|_| cad),
            closed_as_polygons: options.closed_as_polygons,
            swap_axes: options.swap_axes,
            gcj02: options.gcj02,
        })
    }

    /// True for a CAD file, whose layers are an attribute.
    #[must_use]
    pub fn is_cad(&self) -> bool {
        self.format == "DXF"
    }

    /// True for a format of the web, whose standard fixes a datum (of places and of heights) that those who write it often do not keep to.
    #[must_use]
    pub fn is_web_format(&self) -> bool {
        matches!(self.format.as_str(), "GeoJSON" | "LIBKML" | "KML")
    }

    /// Index of the attribute that holds the CAD layer.
    #[must_use]
    pub fn cad_layer_field(&self) -> Option<usize> {
        self.is_cad().then(|| self.layer.fields.iter().position(|field| field.name == "Layer"))?
    }

    /// The attribute fields.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.layer.fields
    }

    /// Extent with the axes as they will be read.
    #[must_use]
    pub fn extent(&self) -> Option<[f64; 4]> {
        let swap = self.swap_axes;
        self.layer.extent.map(|[a, b, c, d]| if swap { [b, a, d, c] } else { [a, b, c, d] })
    }

    /// Reads every feature of the layer (of the chosen CAD layer).
    pub fn read(
        &self,
        path: &Path,
        mut on_feature: impl FnMut(SourceFeature) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let degrees = self.layer.extent.is_some_and(|e| e.iter().all(|v| v.abs() <= 360.0));
        let sagitta = if degrees { SAGITTA_DEG } else { SAGITTA_M };
        let cad_field = self.cad_layer_field();
        let mut failed = None;
        let read = self.file.read_layer(&self.layer.name, sagitta, |feature| {
            if let (Some(wanted), Some(field)) = (&self.cad_layer, cad_field)
                && feature.values.get(field) != Some(&Value::Text(wanted.clone()))
            {
                return true;
            }
            let mut was_closed_line = false;
            let shape = match feature.shape {
                Shape::Given(mut geometry) => {
                    if self.closed_as_polygons
                        && let Some(polygons) = closed_as_polygons(&geometry)
                    {
                        geometry = polygons;
                        was_closed_line = true;
                    }
                    Shape::Given(self.placed(geometry))
                }
                other => other,
            };
            let outcome = on_feature(SourceFeature {
                source_id: feature.source_id,
                shape,
                heights: feature.heights,
                was_closed_line,
                values: feature.values,
            });
            match outcome {
                Ok(()) => true,
                Err(error) => {
                    failed = Some(error);
                    false
                }
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        read.map_err(|error| {
            ImportError::unreadable_because(
                path,
                Text::new("读取要素时出错,文件可能已损坏", "reading features failed; the file may be damaged"),
                error,
            )
        })
    }

    fn placed(&self, mut geometry: Geometry<f64>) -> Geometry<f64> {
        if self.swap_axes {
            geometry.map_coords_in_place(|c| geo::Coord { x: c.y, y: c.x });
        }
        if self.gcj02 {
            geometry = geometry.map_coords(|c| {
                let [x, y] = offset::wgs84_from_gcj02([c.x, c.y]);
                geo::Coord { x, y }
            });
        }
        geometry
    }
}

/// Lines that end where they begin, as polygons; none where there is an open one.
fn closed_as_polygons(geometry: &Geometry<f64>) -> Option<Geometry<f64>> {
    let ring = |line: &LineString<f64>| {
        (line.0.len() >= 4 && line.is_closed()).then(|| Polygon::new(line.clone(), Vec::new()))
    };
    match geometry {
        Geometry::LineString(line) => ring(line).map(Geometry::Polygon),
        Geometry::MultiLineString(lines) => {
            let polygons: Option<Vec<_>> = lines.0.iter().map(ring).collect();
            polygons.map(|polygons| Geometry::MultiPolygon(MultiPolygon(polygons)))
        }
        _ => None,
    }
}

/// True where `path` ends in `.extension`, in any case.
pub(crate) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

fn refuse_unreadable_formats(path: &Path) -> Result<(), ImportError> {
    if has_extension(path, "dwg") {
        return Err(ImportError::refused(
            path,
            Text::new(
                "DWG 为私有格式,请在 CAD 中另存为 DXF 后再导入",
                "DWG is a closed format: save it as DXF in your CAD program and import that",
            ),
        ));
    }
    if has_extension(path, "mdb") {
        return Err(ImportError::refused(
            path,
            Text::new(
                "个人地理数据库 (.mdb) 不能直接读取,请导出为文件地理数据库 (.gdb) 或 GeoPackage",
                "a personal geodatabase (.mdb) can't be read: export it as a file geodatabase (.gdb) or GeoPackage",
            ),
        ));
    }
    Ok(())
}

fn text_encoding(path: &Path, options: &Options) -> Result<TextEncoding, ImportError> {
    let stated = match &options.encoding {
        Some(label) => Some(encoding::from_label(label).ok_or_else(|| {
            ImportError::refused(
                path,
                Text::new(format!("不认识的编码 {label}"), format!("{label} is no encoding known here")),
            )
        })?),
        None => None,
    };
    encoding::of_shapefile(path, stated).map_err(|error| {
        ImportError::unreadable_because(path, Text::new("属性表无法读取", "the attribute table can't be read"), error)
    })
}

fn prj_text(path: &Path) -> Result<Option<String>, ImportError> {
    use std::io::Read as _;
    let Some(prj) = encoding::sibling(path, "prj") else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    std::fs::File::open(&prj).and_then(|file| file.take(MOST_PRJ_BYTES).read_to_end(&mut bytes)).map_err(|error| {
        ImportError::unreadable_because(&prj, Text::new(".prj 无法读取", "the .prj can't be read"), error)
    })?;
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    Ok((!text.is_empty()).then_some(text))
}
