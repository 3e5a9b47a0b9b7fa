//! The rule document `control-lines`: which lines a red line is checked against, how, and on what legal ground.

use serde::Deserialize;

use crate::{
    AnalysisError,
    mechanism::{RuleBook, RuleDocument},
};

/// Its name in the rule book.
pub(crate) const DOCUMENT: &str = "control-lines";

/// The document.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControlLines {
    #[expect(dead_code, reason = "every rule document has it; the rule book's version is what results name")]
    document: toml::Table,
    pub(super) defaults: Defaults,
    #[serde(default)]
    pub(super) kind: Vec<Kind>,
    #[serde(default)]
    pub(super) exemption: Vec<Exemption>,
    pub(crate) line: Vec<Line>,
    pub(super) indicators: Option<Indicators>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Defaults {
    pub(super) tolerance_m2: f64,
    pub(super) look_around_m: f64,
}

/// A kind of project.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kind {
    pub(super) id: String,
    pub(super) title_zh: String,
    pub(super) title_en: String,
    #[serde(default)]
    pub(super) land_use_systems: Vec<String>,
    #[serde(default)]
    pub(super) land_use: Vec<String>,
}

/// A ground on which an overlap is admitted under a condition.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exemption {
    pub(super) id: String,
    pub(super) title_zh: String,
    pub(super) title_en: String,
    pub(super) kinds: Vec<String>,
    pub(super) basis: String,
    pub(super) condition_zh: String,
    pub(super) condition_en: String,
}

/// How a line is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum How {
    /// The red line may not lie on it.
    MustNotOverlap,
    /// All of the red line must lie in it.
    MustBeInside,
    /// Lying on it needs somebody's consent.
    OverlapNeedsCondition,
    /// The red line must keep away from it.
    KeepDistance,
    /// Only listed by class.
    List,
}

/// What a breach means; the order is that of gravity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    Pass,
    Note,
    Conditional,
    Fail,
}

impl Verdict {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Note => "note",
            Self::Conditional => "conditional",
            Self::Fail => "fail",
        }
    }

    pub(super) const fn zh(self) -> &'static str {
        match self {
            Self::Pass => "通过",
            Self::Note => "提示",
            Self::Conditional => "有条件",
            Self::Fail => "不通过",
        }
    }
}

/// A control line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) rule: String,
    pub(crate) title_zh: String,
    pub(crate) title_en: String,
    pub(super) group: String,
    pub(crate) datasets: Vec<String>,
    #[serde(rename = "where")]
    pub(super) selection: Option<Selection>,
    pub(crate) class_field: Option<String>,
    pub(crate) class_name_field: Option<String>,
    pub(crate) name_field: Option<String>,
    pub(super) check: How,
    /// What a breach means, where it is not what the kind of check says.
    pub(super) verdict: Option<Verdict>,
    pub(super) tolerance_m2: Option<f64>,
    pub(crate) distance_m: Option<f64>,
    /// A field with the full width of a line feature, metres: distances count from its edge.
    pub(crate) width_field: Option<String>,
    #[serde(default)]
    pub(super) exemptions: Vec<String>,
    /// Without it no verdict of "pass" is given.
    #[serde(default)]
    pub(super) required: bool,
    pub(super) basis: String,
    #[serde(default)]
    pub(super) advice_zh: String,
    #[serde(default)]
    pub(super) advice_en: String,
}

/// Features of a layer that count.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Selection {
    pub(super) field: String,
    pub(super) values: Vec<String>,
}

impl Line {
    /// What a breach means.
    pub(super) fn breach(&self) -> Verdict {
        self.verdict.unwrap_or(match self.check {
            How::MustNotOverlap | How::MustBeInside => Verdict::Fail,
            How::OverlapNeedsCondition | How::KeepDistance => Verdict::Conditional,
            How::List => Verdict::Pass,
        })
    }
}

/// Indicators of the detailed plan.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Indicators {
    pub(super) title_zh: String,
    pub(super) title_en: String,
    pub(super) datasets: Vec<String>,
    pub(super) parcel_field: String,
    pub(super) use_field: String,
    pub(super) use_name_field: Option<String>,
    pub(super) use_systems: Vec<String>,
    pub(super) use_differs: Verdict,
    pub(super) exceeds: Verdict,
    #[serde(default)]
    pub(super) not_for: Vec<String>,
    pub(super) basis: String,
    pub(super) limit: Vec<Limit>,
}

/// One indicator.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limit {
    pub(super) name: String,
    pub(super) title_zh: String,
    pub(super) title_en: String,
    pub(super) field: String,
    pub(super) sense: Sense,
}

/// Which side of a limit is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sense {
    AtMost,
    AtLeast,
}

impl ControlLines {
    /// The document in force.
    pub(crate) fn of(rules: &RuleBook) -> Result<Self, AnalysisError> {
        Self::parse(rules.document(DOCUMENT)?)
    }

    /// Reads a document; refuses one that a check could not follow.
    pub(crate) fn parse(document: &RuleDocument) -> Result<Self, AnalysisError> {
        let bad = |what: String| AnalysisError::BadRule { name: DOCUMENT.to_owned(), what };
        let lines: Self = toml::from_str(&document.text).map_err(|error| bad(error.to_string()))?;
        let numbers = lines.line.iter().flat_map(|line| [line.tolerance_m2, line.distance_m]).flatten();
        if numbers.chain([lines.defaults.tolerance_m2, lines.defaults.look_around_m]).any(|v| !(0.0..1e6).contains(&v))
        {
            return Err(bad("面积和距离不得为负或过大 (a number is out of range)".to_owned()));
        }
        for (index, line) in lines.line.iter().enumerate() {
            if lines.line.iter().take(index).any(|other| other.rule == line.rule) {
                return Err(bad(format!("规则“{}”重复 (twice)", line.rule)));
            }
            if line.datasets.is_empty() || (line.check == How::KeepDistance) != line.distance_m.is_some() {
                return Err(bad(format!(
                    "规则“{}”缺少数据集，或距离只能用于 keep-distance (datasets or distance_m)",
                    line.rule
                )));
            }
            for id in &line.exemptions {
                let exemption = lines.exemption.iter().find(|exemption| exemption.id == *id);
                let kinds = exemption.map(|e| e.kinds.as_slice());
                if kinds.is_none_or(|kinds| kinds.iter().any(|id| lines.kind.iter().all(|kind| kind.id != *id))) {
                    return Err(bad(format!("规则“{}”的豁免“{id}”或其项目类型未定义 (undefined)", line.rule)));
                }
            }
        }
        Ok(lines)
    }

    /// Datasets that are wanted, each once, with the class field first asked for.
    pub(super) fn datasets(&self) -> Vec<(&str, Option<&str>)> {
        let mut wanted: Vec<(&str, Option<&str>)> = Vec::new();
        let lines = self
            .line
            .iter()
            .flat_map(|line| line.datasets.iter().map(|dataset| (dataset.as_str(), line.class_field.as_deref())));
        let indicators = self
            .indicators
            .iter()
            .flat_map(|i| i.datasets.iter().map(|dataset| (dataset.as_str(), Some(i.use_field.as_str()))));
        for (dataset, class_field) in lines.chain(indicators) {
            match wanted.iter_mut().find(|(known, _)| *known == dataset) {
                Some((_, field)) => *field = field.or(class_field),
                None => wanted.push((dataset, class_field)),
            }
        }
        wanted
    }

    /// How far around the red line layers are read.
    pub(super) fn reach_m(&self) -> f64 {
        self.line.iter().filter_map(|line| line.distance_m).fold(self.defaults.look_around_m, f64::max)
    }
}
