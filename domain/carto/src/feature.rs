//! What is drawn: features with attributes and a geometry in map coordinates.
//! Map coordinates are whatever plane the caller chose (Web Mercator metres, tile units); x grows to the east, y to the north.

use std::collections::BTreeMap;

/// An attribute value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// Truth.
    Bool(bool),
    /// Any number.
    Number(f64),
    /// Text.
    Text(String),
    /// A list (only from `literal`).
    List(Vec<Self>),
    /// A colour (only from expressions).
    Color(crate::Color),
}

impl Value {
    /// The value as the specification's `to-string` writes it; null is empty.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(truth) => truth.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::List(items) => items.iter().map(Self::to_text).collect::<Vec<_>>().join(","),
            Self::Color(color) => format!(
                "rgba({},{},{},{})",
                (color.r * 255.0).round(),
                (color.g * 255.0).round(),
                (color.b * 255.0).round(),
                color.a
            ),
        }
    }

    /// The value as a number, when it is one or is written as one.
    #[must_use]
    pub fn to_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Bool(truth) => Some(f64::from(u8::from(*truth))),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }
}

/// Positions in map coordinates, x then y.
#[derive(Debug, Clone, PartialEq)]
pub enum Geometry {
    /// Points.
    Points(Vec<[f64; 2]>),
    /// Lines.
    Lines(Vec<Vec<[f64; 2]>>),
    /// Rings of one or several polygons, filled by the even-odd rule, so that winding does not matter.
    Polygons(Vec<Vec<[f64; 2]>>),
}

/// A feature to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Stable id, if it has one.
    pub id: Option<u64>,
    /// Attributes by name.
    pub properties: BTreeMap<String, Value>,
    /// Geometry in map coordinates.
    pub geometry: Geometry,
}

impl Feature {
    /// The geometry kind as the specification's `geometry-type` names it.
    #[must_use]
    pub fn geometry_type(&self) -> &'static str {
        match self.geometry {
            Geometry::Points(_) => "Point",
            Geometry::Lines(_) => "LineString",
            Geometry::Polygons(_) => "Polygon",
        }
    }
}
