//! A style file as it is drawn: its layers with parsed expressions. Reading is strict: a property outside the subset is an error.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::color::Color;
use crate::error::CartoError;
use crate::expression::Expression;
use crate::feature::{Feature, Value};

/// How a layer draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// The whole picture.
    Background,
    /// Polygons.
    Fill,
    /// Lines and outlines.
    Line,
    /// Points as circles.
    Circle,
    /// Text.
    Symbol,
}

/// Properties of each layer kind within the subset.
const PROPERTIES: &[(LayerKind, &[&str])] = &[
    (LayerKind::Background, &["background-color", "background-opacity"]),
    (LayerKind::Fill, &["fill-color", "fill-opacity", "fill-outline-color", "fill-pattern", "fill-antialias"]),
    (LayerKind::Line, &["line-color", "line-opacity", "line-width", "line-dasharray", "line-cap", "line-join"]),
    (
        LayerKind::Circle,
        &["circle-color", "circle-opacity", "circle-radius", "circle-stroke-color", "circle-stroke-width"],
    ),
    (
        LayerKind::Symbol,
        &[
            "symbol-placement",
            "symbol-spacing",
            "text-field",
            "text-font",
            "text-size",
            "text-max-width",
            "text-anchor",
            "text-offset",
            "text-padding",
            "text-allow-overlap",
            "text-color",
            "text-opacity",
            "text-halo-color",
            "text-halo-width",
        ],
    ),
];

/// One layer of a style.
#[derive(Debug, Clone)]
pub struct StyleLayer {
    /// Id within the style.
    pub id: String,
    /// How it draws.
    pub kind: LayerKind,
    /// Name of the source layer it draws, as written.
    pub source_layer: Option<String>,
    min_zoom: f64,
    max_zoom: f64,
    filter: Option<Expression>,
    properties: BTreeMap<String, Expression>,
}

/// A style of the subset.
#[derive(Debug, Clone)]
pub struct Style {
    /// Its name.
    pub name: String,
    /// Layers, bottom first; hidden ones are left out.
    pub layers: Vec<StyleLayer>,
}

impl Style {
    /// Reads a style's JSON text.
    ///
    /// # Errors
    /// [`CartoError::Json`], or [`CartoError::Style`] naming the layer and what lies outside the subset.
    pub fn parse(text: &str) -> Result<Self, CartoError> {
        let json: Json = serde_json::from_str(text).map_err(|source| CartoError::Json { source })?;
        let name = json.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
        let layers = json
            .get("layers")
            .and_then(Json::as_array)
            .ok_or_else(|| CartoError::style("style", "缺少 layers / lacks layers"))?;
        let mut parsed = Vec::with_capacity(layers.len());
        for layer in layers {
            parsed.extend(StyleLayer::parse(layer)?);
        }
        Ok(Self { name, layers: parsed })
    }
}

impl StyleLayer {
    /// `None` for a hidden layer.
    fn parse(json: &Json) -> Result<Option<Self>, CartoError> {
        let id = json
            .get("id")
            .and_then(Json::as_str)
            .ok_or_else(|| CartoError::style("?", "缺少 id / lacks an id"))?
            .to_owned();
        let kind = match json.get("type").and_then(Json::as_str) {
            Some("background") => LayerKind::Background,
            Some("fill") => LayerKind::Fill,
            Some("line") => LayerKind::Line,
            Some("circle") => LayerKind::Circle,
            Some("symbol") => LayerKind::Symbol,
            other => {
                return Err(CartoError::style(&id, format!("不支持的图层类型 {other:?} / unsupported layer type")));
            }
        };
        let known = PROPERTIES.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, known)| known);
        let mut properties = BTreeMap::new();
        let empty = Map::new();
        for group in ["layout", "paint"] {
            for (name, value) in json.get(group).and_then(Json::as_object).unwrap_or(&empty) {
                if name == "visibility" {
                    if value.as_str() == Some("none") {
                        return Ok(None);
                    }
                    continue;
                }
                if !known.contains(&name.as_str()) {
                    return Err(CartoError::style(&id, format!("不支持的属性 {name} / unsupported property")));
                }
                let expression =
                    Expression::parse(value).map_err(|what| CartoError::style(&id, format!("{name}: {what}")))?;
                properties.insert(name.clone(), expression);
            }
        }
        let filter = json
            .get("filter")
            .map(Expression::parse)
            .transpose()
            .map_err(|what| CartoError::style(&id, format!("filter: {what}")))?;
        let zoom = |name: &str, default: f64| json.get(name).and_then(Json::as_f64).unwrap_or(default);
        let source_layer = json.get("source-layer").and_then(Json::as_str).map(str::to_owned);
        Ok(Some(Self {
            min_zoom: zoom("minzoom", f64::NEG_INFINITY),
            max_zoom: zoom("maxzoom", f64::INFINITY),
            id,
            kind,
            source_layer,
            filter,
            properties,
        }))
    }

    /// Whether the layer draws at this zoom level.
    #[must_use]
    pub fn shows_at(&self, zoom: f64) -> bool {
        zoom >= self.min_zoom && zoom < self.max_zoom
    }

    /// Whether the filter lets the feature through.
    #[must_use]
    pub fn accepts(&self, feature: &Feature, zoom: f64) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.evaluate(Some(feature), zoom) == Value::Bool(true))
    }

    /// Whether a property is given.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.properties.contains_key(name)
    }

    /// A property's value for a feature; null when it is not given.
    #[must_use]
    pub fn value(&self, name: &str, feature: Option<&Feature>, zoom: f64) -> Value {
        self.properties.get(name).map_or(Value::Null, |expression| expression.evaluate(feature, zoom))
    }

    /// A numeric property, or its default.
    #[must_use]
    pub fn number(&self, name: &str, feature: Option<&Feature>, zoom: f64, default: f32) -> f32 {
        self.value(name, feature, zoom).to_number().map_or(default, |number| number as f32)
    }

    /// A colour property, or its default.
    #[must_use]
    pub fn color(&self, name: &str, feature: Option<&Feature>, zoom: f64, default: Color) -> Color {
        match self.value(name, feature, zoom) {
            Value::Color(color) => color,
            Value::Text(text) => Color::parse(&text).unwrap_or(default),
            _ => default,
        }
    }

    /// A list of numbers (offset, dash pattern); empty when it is not given.
    #[must_use]
    pub fn numbers(&self, name: &str, feature: Option<&Feature>, zoom: f64) -> Vec<f32> {
        match self.value(name, feature, zoom) {
            Value::List(items) => items.iter().filter_map(Value::to_number).map(|number| number as f32).collect(),
            _ => Vec::new(),
        }
    }

    /// A text property, or its default.
    #[must_use]
    pub fn text(&self, name: &str, feature: Option<&Feature>, zoom: f64, default: &str) -> String {
        match self.value(name, feature, zoom) {
            Value::Null => default.to_owned(),
            value => value.to_text(),
        }
    }
}
