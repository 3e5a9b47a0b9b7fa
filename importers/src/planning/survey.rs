//! A first look over every feature of a layer: what shapes there are, what codes, what is odd.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use geo::Geometry;

use super::flatgeobuf_file::Form;
use super::land_use::{self, CodeField};
use super::source::Source;
use crate::gdal::vector::{Shape, Value};
use crate::importer::{ImportError, Options};

/// Distinct codes remembered; more means that the field holds no codes.
const MOST_CODES: usize = 512;
/// CAD layers remembered.
const MOST_CAD_LAYERS: usize = 512;

/// What a layer is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// Points.
    Point,
    /// Lines.
    Line,
    /// Polygons.
    Polygon,
}

impl Dimension {
    /// Id in the properties of a revision.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Point => "point",
            Self::Line => "line",
            Self::Polygon => "polygon",
        }
    }

    /// Of one geometry: its highest part.
    #[must_use]
    pub fn of(geometry: &Geometry<f64>) -> Self {
        match geometry {
            Geometry::Point(_) | Geometry::MultiPoint(_) => Self::Point,
            Geometry::Line(_) | Geometry::LineString(_) | Geometry::MultiLineString(_) => Self::Line,
            Geometry::GeometryCollection(parts) => parts.iter().map(Self::of).max().unwrap_or(Self::Point),
            _ => Self::Polygon,
        }
    }
}

/// What a first look found.
#[derive(Debug, Default)]
pub struct Survey {
    /// Features by what they are made of.
    pub dimensions: BTreeMap<Dimension, u64>,
    /// Features without a shape that can be drawn.
    pub shapeless: u64,
    /// Closed polylines (of a CAD file: parcels drawn as lines).
    pub closed_lines: u64,
    /// Features of each CAD layer.
    pub cad_layers: BTreeMap<String, u64>,
    /// The land-use codes and their system.
    pub codes: Option<CodeField>,
    /// Distinct values of the class field, where they are few.
    pub classes: Option<(String, BTreeMap<String, u64>)>,
    /// True where a point or line feature has several parts.
    pub has_parts: bool,
    /// False where two features share an id of the file, or have none.
    pub ids_are_unique: bool,
    /// `[min_x, min_y, max_x, max_y]` of all shapes.
    pub extent: Option<[f64; 4]>,
    /// Lowest and highest vertex, in the unit delivered. None where all are flat or zero: many programs write a third coordinate of zero for want of any.
    pub heights: Option<[f64; 2]>,
}

impl Survey {
    /// What most features are made of.
    #[must_use]
    pub fn dimension(&self) -> Option<Dimension> {
        self.dimensions.iter().max_by_key(|(dimension, count)| (**count, **dimension)).map(|(dimension, _)| *dimension)
    }

    /// What the features of `dimension` are alike in.
    #[must_use]
    pub fn form(&self, dimension: Dimension) -> Form {
        Form { dimension, single_parts: !self.has_parts, heights: self.heights.is_some() }
    }

    /// All features.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.dimensions.values().sum::<u64>() + self.shapeless
    }
}

/// Looks over every feature. `class_field` is the field whose values are the classes of the style.
pub fn survey(
    source: &Source,
    path: &Path,
    options: &Options,
    class_field: Option<&str>,
) -> Result<Survey, ImportError> {
    let names: Vec<&str> = source.fields().iter().map(|field| field.name.as_str()).collect();
    let index_of = |name: &str| names.iter().position(|known| *known == name);
    let code_field = land_use::code_field(&names, options.code_field.as_deref());
    let code_index = code_field.and_then(index_of);
    let class_name = class_field.and_then(|wanted| names.iter().copied().find(|name| land_use::is_field(name, wanted)));
    let class_name = class_name.or(code_field);
    let class_index = class_name.and_then(index_of);
    let cad_index = source.cad_layer_field();

    let mut found = Survey { ids_are_unique: true, ..Survey::default() };
    let mut codes = Tally::default();
    let mut classes = Tally::default();
    let mut ids = BTreeSet::new();
    source.read(path, |feature| {
        match &feature.shape {
            Shape::Given(geometry) => {
                let dimension = Dimension::of(geometry);
                *found.dimensions.entry(dimension).or_default() += 1;
                let closed = matches!(geometry, Geometry::LineString(line) if line.0.len() >= 4 && line.is_closed());
                found.closed_lines += u64::from(closed || feature.was_closed_line);
                found.has_parts |= match geometry {
                    Geometry::Point(_) | Geometry::LineString(_) => false,
                    Geometry::MultiLineString(lines) => lines.0.len() != 1,
                    _ => dimension != Dimension::Polygon,
                };
                widen(&mut found.extent, geometry);
                for height in feature.heights.iter().flatten().filter(|height| height.is_finite()) {
                    let [low, high] = found.heights.unwrap_or([*height; 2]);
                    found.heights = Some([low.min(*height), high.max(*height)]);
                }
            }
            Shape::Missing | Shape::Unsupported(_) => found.shapeless += 1,
        }
        found.ids_are_unique &= feature.source_id.is_some_and(|id| id < tiles::mvt::MAX_ID && ids.insert(id));
        codes.count(code_index.and_then(|index| feature.values.get(index)));
        classes.count(class_index.and_then(|index| feature.values.get(index)));
        if let Some(Value::Text(layer)) = cad_index.and_then(|index| feature.values.get(index))
            && (found.cad_layers.len() < MOST_CAD_LAYERS || found.cad_layers.contains_key(layer))
        {
            *found.cad_layers.entry(layer.clone()).or_default() += 1;
        }
        Ok(())
    })?;
    found.heights = found.heights.filter(|range| range.iter().any(|height| height.abs() > 0.0));
    if let (Some(field), Some(counts)) = (code_field, codes.finish()) {
        found.codes = Some(land_use::judge(field, &counts, options.code_system.as_deref()));
    }
    if let (Some(field), Some(counts)) = (class_name, classes.finish()) {
        found.classes = Some((field.to_owned(), counts));
    }
    Ok(found)
}

fn widen(extent: &mut Option<[f64; 4]>, geometry: &Geometry<f64>) {
    use geo::BoundingRect as _;
    let Some(rect) = geometry.bounding_rect() else { return };
    let (min, max) = (rect.min(), rect.max());
    *extent = Some(match *extent {
        None => [min.x, min.y, max.x, max.y],
        Some([a, b, c, d]) => [a.min(min.x), b.min(min.y), c.max(max.x), d.max(max.y)],
    });
}

/// Distinct values with their counts, given up where there are too many.
#[derive(Debug, Default)]
struct Tally {
    counts: BTreeMap<String, u64>,
    overflown: bool,
}

impl Tally {
    fn count(&mut self, value: Option<&Value>) {
        let text = match value {
            Some(Value::Text(text)) => text.trim().to_owned(),
            Some(Value::Integer(number)) => number.to_string(),
            _ => return,
        };
        if text.is_empty() || self.overflown {
            return;
        }
        *self.counts.entry(text).or_default() += 1;
        self.overflown = self.counts.len() > MOST_CODES;
    }

    fn finish(self) -> Option<BTreeMap<String, u64>> {
        (!self.overflown && !self.counts.is_empty()).then_some(self.counts)
    }
}
