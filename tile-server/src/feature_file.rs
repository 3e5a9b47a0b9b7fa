//! Reading a revision's `FlatGeobuf` by box or id, and placing its features in the CRS that the caller draws or measures in.
//!
//! The file is in the delivered CRS, where an edge is straight; edges are densified before they are placed elsewhere.
//! Every feature has the importer's id in the column `fid`; files registered as they were delivered may lack it,
//! and then a feature's id is its position in the file, which never changes either.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use axum::http::StatusCode;
use flatgeobuf::{FallibleStreamingIterator as _, FeatureProperties as _, FgbFeature, FgbReader};
use geo::{BoundingRect as _, CoordsIter as _, Geometry};
use geodesy::GeodesyError;
use geodesy::crs::Crs;
use geodesy::densify::transform_line;
use geodesy::transform::Transform;
use geozero::{ColumnValue, PropertyProcessor, ToGeo as _};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::problem::Problem;

/// The id column that importers write.
pub(crate) const ID_COLUMN: &str = "fid";
/// Vertices handed out for one request, over all features.
const MAX_VERTICES: usize = 5_000_000;
/// Points per edge of a box that is carried to another CRS.
const BOX_EDGE_POINTS: u8 = 16;

/// Why features could not be read.
#[derive(Debug, Error)]
pub enum FeatureFileError {
    /// The file cannot be opened.
    #[error("cannot open the feature file")]
    Open {
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file is no `FlatGeobuf` or is damaged.
    #[error("the feature file is damaged")]
    Damaged {
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The CRS cannot be reached.
    #[error("the features cannot be placed")]
    Place {
        /// The cause.
        #[source]
        source: GeodesyError,
    },
}

fn damaged(source: impl std::error::Error + Send + Sync + 'static) -> FeatureFileError {
    FeatureFileError::Damaged { source: Box::new(source) }
}

fn place(source: GeodesyError) -> FeatureFileError {
    FeatureFileError::Place { source }
}

/// A feature in the CRS that was asked for, x easting or longitude first.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedFeature {
    /// Stable id.
    pub id: u64,
    /// Shape.
    pub shape: Shape,
    /// Attributes; null ones are left out.
    pub properties: Map<String, Value>,
}

/// A shape; rings are closed by repeating the first vertex.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Points.
    Points(Vec<[f64; 2]>),
    /// Lines.
    Lines(Vec<Vec<[f64; 2]>>),
    /// Polygons: outer ring, then holes.
    Polygons(Vec<Vec<Vec<[f64; 2]>>>),
}

impl Shape {
    /// Every vertex.
    pub fn vertices(&self) -> Box<dyn Iterator<Item = &[f64; 2]> + '_> {
        match self {
            Self::Points(points) => Box::new(points.iter()),
            Self::Lines(lines) => Box::new(lines.iter().flatten()),
            Self::Polygons(polygons) => Box::new(polygons.iter().flatten().flatten()),
        }
    }

    /// Changes every vertex.
    pub fn for_each_vertex(&mut self, change: impl FnMut(&mut [f64; 2])) {
        match self {
            Self::Points(points) => points.iter_mut().for_each(change),
            Self::Lines(lines) => lines.iter_mut().flatten().for_each(change),
            Self::Polygons(polygons) => polygons.iter_mut().flatten().flatten().for_each(change),
        }
    }

    fn meets(&self, [min_x, min_y, max_x, max_y]: [f64; 4]) -> bool {
        let hull = hull(self.vertices());
        hull[0] <= max_x && min_x <= hull[2] && hull[1] <= max_y && min_y <= hull[3]
    }
}

pub(crate) fn hull<'a>(points: impl Iterator<Item = &'a [f64; 2]>) -> [f64; 4] {
    let empty = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    points.fold(empty, |b, [x, y]| [b[0].min(*x), b[1].min(*y), b[2].max(*x), b[3].max(*y)])
}

/// What to read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Selection {
    /// Features that meet `[west, south, east, north]`, degrees, in file order.
    Box([f64; 4]),
    /// Features that meet `[min_x, min_y, max_x, max_y]` in the delivered coordinates, in file order.
    DeliveredBox([f64; 4]),
    /// Everything, in file order.
    All,
    /// The feature of that id.
    Id(u64),
}

impl Selection {
    /// A box, cut to where the revision is: far outside its zone a projection has no answer. `None` where nothing is left.
    pub fn within(bbox: [f64; 4], bounds: [f64; 4]) -> Option<Self> {
        // What is known of the bounds is rounded, and a point has a box of no size.
        const MARGIN_DEG: f64 = 0.001;
        let cut = [
            bbox[0].max(bounds[0] - MARGIN_DEG),
            bbox[1].max(bounds[1] - MARGIN_DEG),
            bbox[2].min(bounds[2] + MARGIN_DEG),
            bbox[3].min(bounds[3] + MARGIN_DEG),
        ];
        (cut[0] <= cut[2] && cut[1] <= cut[3]).then_some(Self::Box(cut))
    }
}

/// How reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Whether everything selected was read: not where the visitor stopped or the limit of vertices was reached.
    pub whole: bool,
    /// Features in the file.
    pub in_file: u64,
}

/// Whether to go on reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Go on.
    More,
    /// Enough.
    Stop,
}

impl From<FeatureFileError> for Problem {
    fn from(error: FeatureFileError) -> Self {
        let refused = matches!(
            error,
            FeatureFileError::Place { source: GeodesyError::DatumRefused { .. } | GeodesyError::OnlyBallpark { .. } }
        );
        if !refused {
            return Self::internal(error);
        }
        // What opens an old datum is the surveyor's secret, and is kept nowhere.
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "该版本的坐标基准没有公开的转换参数，不能换算。可用 /features 加 crs=delivered（范围加 bbox-crs=delivered）取原坐标，\
             或请测绘人员用 --datum-parameters 重新导入",
            "This revision is on a datum without public parameters and cannot be placed. Ask /features with crs=delivered \
             (and bbox-crs=delivered for a box) for the delivered coordinates, or import it again with --datum-parameters.",
        )
        .because(error)
    }
}

/// Reads the file, whose coordinates are in `crs`, and hands each selected feature out in `target`, densified to
/// `max_sagitta_m`; without a target, in the delivered coordinates, every vertex as it is.
pub fn read(
    path: &Path,
    crs: &str,
    target: Option<&Crs>,
    selection: Selection,
    max_sagitta_m: f64,
    visit: &mut dyn FnMut(PlacedFeature) -> Next,
) -> Result<Outcome, FeatureFileError> {
    read_up_to(MAX_VERTICES, path, crs, target, selection, max_sagitta_m, visit)
}

/// The same with another limit of vertices, for work that is not done while a client waits.
pub fn read_up_to(
    most_vertices: usize,
    path: &Path,
    crs: &str,
    target: Option<&Crs>,
    selection: Selection,
    max_sagitta_m: f64,
    visit: &mut dyn FnMut(PlacedFeature) -> Next,
) -> Result<Outcome, FeatureFileError> {
    let native = Crs::from_user_input(crs).map_err(place)?;
    let target_from_native = target.map(|target| Transform::new(&native, target)).transpose().map_err(place)?;
    let file = File::open(path).map_err(|source| FeatureFileError::Open { source })?;
    let reader = FgbReader::open(BufReader::new(file)).map_err(damaged)?;
    let in_file = reader.header().features_count();
    let indexed = reader.header().index_node_size() > 0 && in_file > 0;
    let box_of = |crs: &Crs| match selection {
        Selection::Box(bbox) => {
            Transform::new(&Crs::cgcs2000(), crs).map(|transform| box_in(bbox, &transform)).map_err(place)
        }
        Selection::DeliveredBox(_) | Selection::All | Selection::Id(_) => Ok(None),
    };
    let delivered_box = if let Selection::DeliveredBox(delivered) = selection { Some(delivered) } else { None };
    let native_box =
        delivered_box.map_or_else(|| box_of(&native), |delivered| Ok(Some(delivered)))?.filter(|_| indexed);
    let target_box = box_of(target.unwrap_or(&native))?;
    let wanted_id = if let Selection::Id(id) = selection { Some(id) } else { None };
    let mut features = match native_box {
        Some([min_x, min_y, max_x, max_y]) => reader.select_bbox(min_x, min_y, max_x, max_y),
        None => reader.select_all(),
    }
    .map_err(damaged)?;
    let mut vertices = 0;
    let mut position = 0;
    while let Some(feature) = features.next().map_err(damaged)? {
        let properties = properties_of(feature)?;
        // Only where every feature was read is the counter the position in the file.
        let by_position = if native_box.is_none() { position } else { u64::MAX };
        position += 1;
        let id = properties.get(ID_COLUMN).and_then(Value::as_u64).unwrap_or(by_position);
        if wanted_id.is_some_and(|wanted| wanted != id) {
            continue;
        }
        let Ok(geometry) = feature.to_geo() else { continue };
        if delivered_box.is_some_and(|delivered| !meets(&geometry, delivered)) {
            continue;
        }
        vertices += geometry.coords_count();
        if vertices > most_vertices {
            return Ok(Outcome { whole: false, in_file });
        }
        let Some(shape) = placed(&geometry, target_from_native.as_ref(), max_sagitta_m)? else { continue };
        if target_box.is_some_and(|target_box| !shape.meets(target_box)) {
            continue;
        }
        if visit(PlacedFeature { id, shape, properties }) == Next::Stop {
            return Ok(Outcome { whole: false, in_file });
        }
    }
    Ok(Outcome { whole: true, in_file })
}

/// The box of a box in another CRS; `None` where it has none there (a box far outside a zone), which reads everything.
pub(crate) fn box_in([west, south, east, north]: [f64; 4], from_lon_lat: &Transform) -> Option<[f64; 4]> {
    let mut points = Vec::new();
    for step in 0..=BOX_EDGE_POINTS {
        let t = f64::from(step) / f64::from(BOX_EDGE_POINTS);
        let (x, y) = (west + t * (east - west), south + t * (north - south));
        points.extend([[x, south], [x, north], [west, y], [east, y]]);
    }
    from_lon_lat.points(&mut points).ok()?;
    let hull = hull(points.iter());
    // Edges bow between the points looked at; degrees stay degrees.
    let bow = if from_lon_lat.to().is_geographic() { 0.0 } else { 0.02 };
    let margin = (hull[2] - hull[0]).max(hull[3] - hull[1]) * bow;
    hull.iter().all(|v| v.is_finite()).then(|| [hull[0] - margin, hull[1] - margin, hull[2] + margin, hull[3] + margin])
}

/// Whether the box of a geometry meets another box.
fn meets(geometry: &Geometry, [min_x, min_y, max_x, max_y]: [f64; 4]) -> bool {
    geometry.bounding_rect().is_some_and(|hull| {
        hull.min().x <= max_x && min_x <= hull.max().x && hull.min().y <= max_y && min_y <= hull.max().y
    })
}

fn placed(
    geometry: &Geometry,
    transform: Option<&Transform>,
    max_sagitta_m: f64,
) -> Result<Option<Shape>, FeatureFileError> {
    let line = |line: &geo::LineString| {
        let points: Vec<[f64; 2]> = line.coords().map(|c| [c.x, c.y]).collect();
        transform
            .map_or(Ok(points.clone()), |transform| transform_line(&points, transform, max_sagitta_m).map_err(place))
    };
    let points = |points: &mut dyn Iterator<Item = &geo::Point>| {
        let mut points: Vec<[f64; 2]> = points.map(|p| [p.x(), p.y()]).collect();
        transform.map_or(Ok(()), |transform| transform.points(&mut points).map_err(place))?;
        Ok(Shape::Points(points))
    };
    let polygon = |polygon: &geo::Polygon| {
        std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(line).collect::<Result<Vec<_>, _>>()
    };
    let shape = match geometry {
        Geometry::Point(point) => points(&mut std::iter::once(point))?,
        Geometry::MultiPoint(multi) => points(&mut multi.iter())?,
        Geometry::LineString(one) => Shape::Lines(vec![line(one)?]),
        Geometry::MultiLineString(multi) => Shape::Lines(multi.iter().map(line).collect::<Result<_, _>>()?),
        Geometry::Polygon(one) => Shape::Polygons(vec![polygon(one)?]),
        Geometry::MultiPolygon(multi) => Shape::Polygons(multi.iter().map(polygon).collect::<Result<_, _>>()?),
        // Importers write one type per file, and none of the others.
        _ => return Ok(None),
    };
    Ok(Some(shape))
}

fn properties_of(feature: &FgbFeature) -> Result<Map<String, Value>, FeatureFileError> {
    #[derive(Default)]
    struct Collect(Map<String, Value>);

    impl PropertyProcessor for Collect {
        fn property(&mut self, _: usize, name: &str, value: &ColumnValue<'_>) -> geozero::error::Result<bool> {
            let value = match value {
                ColumnValue::Byte(v) => Value::from(*v),
                ColumnValue::UByte(v) => Value::from(*v),
                ColumnValue::Bool(v) => Value::from(*v),
                ColumnValue::Short(v) => Value::from(*v),
                ColumnValue::UShort(v) => Value::from(*v),
                ColumnValue::Int(v) => Value::from(*v),
                ColumnValue::UInt(v) => Value::from(*v),
                ColumnValue::Long(v) => Value::from(*v),
                ColumnValue::ULong(v) => Value::from(*v),
                ColumnValue::Float(v) => Value::from(*v),
                ColumnValue::Double(v) => Value::from(*v),
                ColumnValue::String(v) | ColumnValue::DateTime(v) => Value::from(*v),
                ColumnValue::Json(v) => serde_json::from_str(v).unwrap_or(Value::Null),
                ColumnValue::Binary(_) => Value::Null,
            };
            if !value.is_null() {
                self.0.insert(name.to_owned(), value);
            }
            Ok(false)
        }
    }

    let mut collect = Collect::default();
    feature.process_properties(&mut collect).map_err(damaged)?;
    Ok(collect.0)
}
