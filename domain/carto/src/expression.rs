//! Expressions of the style specification, parsed once and evaluated per feature and zoom.
//!
//! Supported: `literal get has ! == != < <= > >= all any case match coalesce step interpolate (linear, exponential) zoom id geometry-type
//! to-string to-number to-color slice concat length in upcase downcase + - * / min max`, and constants.
//! A value that does not fit (a missing attribute compared with a number) is null or false, as on the map clients, never an error while drawing.

use serde_json::Value as Json;

use crate::color::Color;
use crate::feature::{Feature, Value};

/// Deepest nesting accepted from a style.
const DEEPEST: usize = 48;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A constant.
    Constant(Value),
    /// Zoom level of the view.
    Zoom,
    /// Feature id.
    Id,
    /// `Point`, `LineString` or `Polygon`.
    GeometryType,
    /// Attribute by name.
    Get(Box<Self>),
    /// Whether an attribute is there.
    Has(Box<Self>),
    /// A function of its arguments.
    Call(Function, Vec<Self>),
    /// Condition and value pairs, then the fallback.
    Case(Vec<(Self, Self)>, Box<Self>),
    /// Input, labels and value pairs, fallback.
    Match(Box<Self>, Vec<(Vec<Value>, Self)>, Box<Self>),
    /// Input, first value, then thresholds and values.
    Step(Box<Self>, Box<Self>, Vec<(f64, Self)>),
    /// Base of the curve (1 is linear), input, stops.
    Interpolate(f64, Box<Self>, Vec<(f64, Self)>),
}

/// Functions that take evaluated arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the style specification")]
pub enum Function {
    Not,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    All,
    Any,
    Coalesce,
    ToText,
    ToNumber,
    ToColor,
    Slice,
    Concat,
    Length,
    In,
    Upcase,
    Downcase,
    Add,
    Subtract,
    Multiply,
    Divide,
    Min,
    Max,
}

const FUNCTIONS: &[(&str, Function)] = &[
    ("!", Function::Not),
    ("==", Function::Equal),
    ("!=", Function::NotEqual),
    ("<", Function::Less),
    ("<=", Function::LessEqual),
    (">", Function::Greater),
    (">=", Function::GreaterEqual),
    ("all", Function::All),
    ("any", Function::Any),
    ("coalesce", Function::Coalesce),
    ("to-string", Function::ToText),
    ("to-number", Function::ToNumber),
    ("to-color", Function::ToColor),
    ("slice", Function::Slice),
    ("concat", Function::Concat),
    ("length", Function::Length),
    ("in", Function::In),
    ("upcase", Function::Upcase),
    ("downcase", Function::Downcase),
    ("+", Function::Add),
    ("-", Function::Subtract),
    ("*", Function::Multiply),
    ("/", Function::Divide),
    ("min", Function::Min),
    ("max", Function::Max),
];

/// A constant as it stands in the style.
fn constant(json: &Json) -> Value {
    match json {
        Json::Null | Json::Object(_) => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => number.as_f64().map_or(Value::Null, Value::Number),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(constant).collect()),
    }
}

impl Expression {
    /// Parses an expression or a constant.
    ///
    /// # Errors
    /// The operator or form that is outside the subset, in words.
    pub fn parse(json: &Json) -> Result<Self, String> {
        Self::parse_at(json, 0)
    }

    fn parse_at(json: &Json, depth: usize) -> Result<Self, String> {
        if depth > DEEPEST {
            return Err("表达式嵌套过深 / the expression is nested too deeply".to_owned());
        }
        let Json::Array(items) = json else { return Ok(Self::Constant(constant(json))) };
        let (operator, arguments) = match items.split_first() {
            Some((Json::String(operator), arguments)) => (operator.as_str(), arguments),
            // A bare array of numbers or texts (dash pattern, font list, offset) is a constant list.
            _ => return Ok(Self::Constant(constant(json))),
        };
        let sub = |at: usize| -> Result<Self, String> {
            Self::parse_at(
                arguments.get(at).ok_or_else(|| format!("[\"{operator}\"] 缺少参数 / lacks an argument"))?,
                depth + 1,
            )
        };
        let all =
            || arguments.iter().map(|argument| Self::parse_at(argument, depth + 1)).collect::<Result<Vec<_>, _>>();
        let stops = |from: usize| -> Result<Vec<(f64, Self)>, String> {
            arguments
                .get(from..)
                .unwrap_or_default()
                .chunks(2)
                .map(|pair| match pair {
                    [Json::Number(at), value] => Ok((at.as_f64().unwrap_or(0.0), Self::parse_at(value, depth + 1)?)),
                    _ => Err(format!("[\"{operator}\"] 的分级点不成对 / stops are not pairs")),
                })
                .collect()
        };
        if let Some((_, function)) = FUNCTIONS.iter().find(|(name, _)| *name == operator) {
            return Ok(Self::Call(*function, all()?));
        }
        match operator {
            "literal" => Ok(Self::Constant(arguments.first().map_or(Value::Null, constant))),
            "zoom" => Ok(Self::Zoom),
            "id" => Ok(Self::Id),
            "geometry-type" => Ok(Self::GeometryType),
            "get" => Ok(Self::Get(Box::new(sub(0)?))),
            "has" => Ok(Self::Has(Box::new(sub(0)?))),
            "case" => {
                let mut parsed = all()?;
                let fallback = if parsed.len() % 2 == 1 { parsed.pop() } else { None }
                    .ok_or("[\"case\"] 缺少默认值 / lacks a fallback")?;
                let mut branches = Vec::new();
                let mut rest = parsed.into_iter();
                while let (Some(condition), Some(value)) = (rest.next(), rest.next()) {
                    branches.push((condition, value));
                }
                Ok(Self::Case(branches, Box::new(fallback)))
            }
            "match" => {
                let input = sub(0)?;
                if arguments.len() < 4 || arguments.len() % 2 == 1 {
                    return Err("[\"match\"] 缺少默认值 / lacks a fallback".to_owned());
                }
                let (fallback, pairs) =
                    arguments.get(1..).and_then(<[Json]>::split_last).ok_or("[\"match\"] 为空 / is empty")?;
                let branches = pairs
                    .chunks(2)
                    .map(|pair| {
                        let labels = match constant(&pair[0]) {
                            Value::List(labels) => labels,
                            label => vec![label],
                        };
                        Ok((labels, Self::parse_at(&pair[1], depth + 1)?))
                    })
                    .collect::<Result<_, String>>()?;
                Ok(Self::Match(Box::new(input), branches, Box::new(Self::parse_at(fallback, depth + 1)?)))
            }
            "step" => Ok(Self::Step(Box::new(sub(0)?), Box::new(sub(1)?), stops(2)?)),
            "interpolate" => {
                let base = match arguments.first().and_then(Json::as_array).map(Vec::as_slice) {
                    Some([Json::String(kind)]) if kind == "linear" => 1.0,
                    Some([Json::String(kind), base]) if kind == "exponential" => base.as_f64().unwrap_or(1.0),
                    _ => {
                        return Err(
                            "[\"interpolate\"] 只支持 linear 与 exponential / only linear and exponential".to_owned()
                        );
                    }
                };
                let stops = stops(2)?;
                if stops.is_empty() {
                    return Err("[\"interpolate\"] 没有分级点 / has no stops".to_owned());
                }
                Ok(Self::Interpolate(base, Box::new(sub(1)?), stops))
            }
            // A list of texts such as ["Noto Sans CJK SC Regular"] is a constant, not a call.
            _ if arguments.iter().all(Json::is_string) && operator.contains(' ') => Ok(Self::Constant(constant(json))),
            _ => Err(format!("不支持的表达式 [\"{operator}\"] / unsupported expression")),
        }
    }

    /// The value for a feature at a zoom level; `None` for the feature draws what depends on no feature.
    #[must_use]
    pub fn evaluate(&self, feature: Option<&Feature>, zoom: f64) -> Value {
        match self {
            Self::Constant(value) => value.clone(),
            Self::Zoom => Value::Number(zoom),
            Self::Id => feature.and_then(|f| f.id).map_or(Value::Null, |id| Value::Number(id as f64)),
            Self::GeometryType => feature.map_or(Value::Null, |f| Value::Text(f.geometry_type().to_owned())),
            Self::Get(name) => {
                let name = name.evaluate(feature, zoom);
                match (&name, feature) {
                    (Value::Text(name), Some(feature)) => feature.properties.get(name).cloned().unwrap_or(Value::Null),
                    _ => Value::Null,
                }
            }
            Self::Has(name) => {
                let name = name.evaluate(feature, zoom);
                Value::Bool(
                    matches!((&name, feature), (Value::Text(name), Some(feature)) if feature.properties.get(name).is_some_and(|value| *value != Value::Null)),
                )
            }
            Self::Call(function, arguments) => call(*function, arguments, feature, zoom),
            Self::Case(branches, fallback) => branches
                .iter()
                .find(|(condition, _)| condition.evaluate(feature, zoom) == Value::Bool(true))
                .map_or(fallback.as_ref(), |(_, value)| value)
                .evaluate(feature, zoom),
            Self::Match(input, branches, fallback) => {
                let input = input.evaluate(feature, zoom);
                branches
                    .iter()
                    .find(|(labels, _)| labels.contains(&input))
                    .map_or(fallback.as_ref(), |(_, value)| value)
                    .evaluate(feature, zoom)
            }
            Self::Step(input, first, steps) => {
                let input = input.evaluate(feature, zoom).to_number().unwrap_or(f64::NEG_INFINITY);
                steps
                    .iter()
                    .rev()
                    .find(|(at, _)| input >= *at)
                    .map_or(first.as_ref(), |(_, value)| value)
                    .evaluate(feature, zoom)
            }
            Self::Interpolate(base, input, stops) => {
                let input = input.evaluate(feature, zoom).to_number().unwrap_or(f64::NEG_INFINITY);
                interpolate(*base, input, stops, feature, zoom)
            }
        }
    }
}

fn interpolate(base: f64, input: f64, stops: &[(f64, Expression)], feature: Option<&Feature>, zoom: f64) -> Value {
    let after = stops.iter().position(|(at, _)| input < *at).unwrap_or(stops.len());
    if after == 0 || after == stops.len() {
        let nearest = &stops[after.min(stops.len() - 1)].1;
        return nearest.evaluate(feature, zoom);
    }
    let ((low_at, low), (high_at, high)) = (&stops[after - 1], &stops[after]);
    let span = high_at - low_at;
    let t = if (base - 1.0).abs() < 1e-9 {
        (input - low_at) / span
    } else {
        (base.powf(input - low_at) - 1.0) / (base.powf(span) - 1.0)
    };
    let (low, high) = (low.evaluate(feature, zoom), high.evaluate(feature, zoom));
    match (color_of(&low), color_of(&high)) {
        (Some(low), Some(high)) => Value::Color(low.mixed(high, t as f32)),
        _ => match (low.to_number(), high.to_number()) {
            (Some(low), Some(high)) => Value::Number(low + (high - low) * t),
            _ => low,
        },
    }
}

fn color_of(value: &Value) -> Option<Color> {
    match value {
        Value::Color(color) => Some(*color),
        Value::Text(text) => Color::parse(text),
        _ => None,
    }
}

fn call(function: Function, arguments: &[Expression], feature: Option<&Feature>, zoom: f64) -> Value {
    let at = |index: usize| arguments.get(index).map_or(Value::Null, |argument| argument.evaluate(feature, zoom));
    let numbers =
        || arguments.iter().map(|argument| argument.evaluate(feature, zoom).to_number()).collect::<Option<Vec<f64>>>();
    let number = |value: Option<f64>| value.map_or(Value::Null, Value::Number);
    let compare = |holds: fn(std::cmp::Ordering) -> bool| {
        let ordering = match (at(0), at(1)) {
            (Value::Text(left), Value::Text(right)) => Some(left.cmp(&right)),
            (Value::Number(left), Value::Number(right)) => left.partial_cmp(&right),
            _ => None,
        };
        Value::Bool(ordering.is_some_and(holds))
    };
    match function {
        Function::Not => Value::Bool(at(0) != Value::Bool(true)),
        Function::Equal => Value::Bool(at(0) == at(1)),
        Function::NotEqual => Value::Bool(at(0) != at(1)),
        Function::Less => compare(std::cmp::Ordering::is_lt),
        Function::LessEqual => compare(std::cmp::Ordering::is_le),
        Function::Greater => compare(std::cmp::Ordering::is_gt),
        Function::GreaterEqual => compare(std::cmp::Ordering::is_ge),
        Function::All => {
            Value::Bool(arguments.iter().all(|argument| argument.evaluate(feature, zoom) == Value::Bool(true)))
        }
        Function::Any => {
            Value::Bool(arguments.iter().any(|argument| argument.evaluate(feature, zoom) == Value::Bool(true)))
        }
        Function::Coalesce => arguments
            .iter()
            .map(|argument| argument.evaluate(feature, zoom))
            .find(|value| *value != Value::Null)
            .unwrap_or(Value::Null),
        Function::ToText => Value::Text(at(0).to_text()),
        Function::ToNumber => {
            number(arguments.iter().find_map(|argument| argument.evaluate(feature, zoom).to_number()))
        }
        Function::ToColor => color_of(&at(0)).map_or(Value::Null, Value::Color),
        Function::Slice => {
            let text = at(0).to_text();
            let characters: Vec<char> = text.chars().collect();
            let index = |value: Value, default: usize| {
                value.to_number().map_or(default, |number| {
                    if number < 0.0 {
                        (characters.len() as f64 + number).max(0.0) as usize
                    } else {
                        (number as usize).min(characters.len())
                    }
                })
            };
            let (from, to) = (index(at(1), 0), index(at(2), characters.len()));
            Value::Text(characters.get(from..to.max(from)).unwrap_or_default().iter().collect())
        }
        Function::Concat => {
            Value::Text(arguments.iter().map(|argument| argument.evaluate(feature, zoom).to_text()).collect())
        }
        Function::Length => match at(0) {
            Value::Text(text) => Value::Number(text.chars().count() as f64),
            Value::List(items) => Value::Number(items.len() as f64),
            _ => Value::Null,
        },
        Function::In => match at(1) {
            Value::List(items) => Value::Bool(items.contains(&at(0))),
            Value::Text(text) => Value::Bool(text.contains(&at(0).to_text())),
            _ => Value::Bool(false),
        },
        Function::Upcase => Value::Text(at(0).to_text().to_uppercase()),
        Function::Downcase => Value::Text(at(0).to_text().to_lowercase()),
        Function::Add => number(numbers().map(|all| all.iter().sum())),
        Function::Multiply => number(numbers().map(|all| all.iter().product())),
        Function::Subtract => number(numbers().and_then(|all| match all.as_slice() {
            [only] => Some(-only),
            [left, right] => Some(left - right),
            _ => None,
        })),
        Function::Divide => number(numbers().and_then(|all| match all.as_slice() {
            [left, right] => Some(left / right),
            _ => None,
        })),
        Function::Min => number(numbers().and_then(|all| all.into_iter().reduce(f64::min))),
        Function::Max => number(numbers().and_then(|all| all.into_iter().reduce(f64::max))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feature::Geometry;
    use serde_json::json;

    fn check(expression: &Json, expected: &Value) {
        let feature = Feature {
            id: Some(7),
            properties: [("DLBM".to_owned(), Value::Text("0101".to_owned())), ("TBMJ".to_owned(), Value::Number(12.5))]
                .into(),
            geometry: Geometry::Points(vec![]),
        };
        let parsed = Expression::parse(expression).expect("in the subset");
        assert_eq!(parsed.evaluate(Some(&feature), 13.0), *expected, "{expression}");
    }

    #[test]
    fn expressions_give_what_the_specification_says() {
        check(&json!(["get", "DLBM"]), &Value::Text("0101".into()));
        check(
            &json!(["match", ["slice", ["get", "DLBM"], 0, 2], ["01", "02"], "农用地", "其他"]),
            &Value::Text("农用地".into()),
        );
        check(&json!(["match", ["get", "无"], ["01"], 1, 2]), &Value::Number(2.0));
        check(&json!(["interpolate", ["linear"], ["zoom"], 12, 0, 14, 10]), &Value::Number(5.0));
        check(&json!(["interpolate", ["exponential", 2], ["zoom"], 12, 0, 14, 3]), &Value::Number(1.0));
        check(&json!(["step", ["zoom"], "a", 12, "b", 14, "c"]), &Value::Text("b".into()));
        check(
            &json!(["case", ["<", ["get", "TBMJ"], 10], "小", [">=", ["get", "TBMJ"], 10], "大", "?"]),
            &Value::Text("大".into()),
        );
        check(
            &json!(["coalesce", ["get", "无"], ["concat", ["get", "DLBM"], "-", ["id"]]]),
            &Value::Text("0101-7".into()),
        );
        check(&json!(["all", ["has", "DLBM"], ["!", ["has", "无"]]]), &Value::Bool(true));
        check(&json!(["in", ["get", "DLBM"], ["literal", ["0101", "0103"]]]), &Value::Bool(true));
        check(&json!(["<", ["get", "无"], 3]), &Value::Bool(false));
        check(&json!(["slice", "永久基本农田", -2]), &Value::Text("农田".into()));
    }

    #[test]
    fn what_lies_outside_the_subset_is_named() {
        let error = Expression::parse(&json!(["heatmap-density"])).expect_err("not in the subset");
        assert!(error.contains("heatmap-density"), "{error}");
    }
}
