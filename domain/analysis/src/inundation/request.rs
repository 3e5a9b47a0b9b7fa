//! What is asked for, and the rules of the county; nonsense is refused by name.

use serde::Deserialize;
use serde_json::Value;

use super::depth::MOST_CLASSES;
use crate::{
    AnalysisError,
    change::Asked,
    figures::metres,
    mechanism::{RuleBook, RuleDocument},
};

/// The rule document.
pub(crate) const RULE_DOCUMENT: &str = "inundation";
/// Places of all lines of a request together.
const MOST_PLACES: usize = 20_000;
/// Steps of a curve.
const MOST_STEPS: usize = 100;

/// How the water stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mode {
    /// Everything below a level.
    Level,
    /// What water reaches from a source.
    Fill,
    /// The lake behind a barrier.
    Dam,
}

/// Where water comes from.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Source {
    Points(Vec<[f64; 2]>),
    Line { line: Vec<[f64; 2]> },
    Area { area: Value },
}

#[derive(Debug, Deserialize)]
pub(super) struct Request {
    pub(super) surface: Asked,
    #[serde(default)]
    pub(super) within: Value,
    pub(super) mode: Mode,
    pub(super) level_m: Option<f64>,
    pub(super) source: Option<Source>,
    #[serde(default)]
    pub(super) barriers: Vec<Vec<[f64; 2]>>,
    #[serde(default)]
    pub(super) breach: Vec<[f64; 2]>,
    pub(super) breach_m: Option<f64>,
    pub(super) dam: Option<Vec<[f64; 2]>>,
    pub(super) crest_m: Option<f64>,
    pub(super) classes: Option<Vec<f64>>,
    #[serde(default)]
    pub(super) rasters: bool,
    pub(super) steps: Option<usize>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    #[expect(dead_code, reason = "every rule document has it; the rule book's version is what results name")]
    document: toml::Table,
    pub(super) fill: Fill,
    pub(super) depth: Depth,
    pub(super) houses: Houses,
    pub(super) places: Places,
    pub(super) roads: Roads,
    pub(super) dam: Dam,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fill {
    pub(super) corners: bool,
    pub(super) breach_m: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Depth {
    pub(super) classes_m: Vec<f64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Houses {
    pub(super) around_m: f64,
    pub(super) least_m: f64,
    pub(super) listed: usize,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Places {
    pub(super) listed: usize,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Roads {
    pub(super) cut_m: f64,
    pub(super) listed: usize,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dam {
    pub(super) steps: usize,
}

pub(super) fn refuse(what_zh: impl Into<String>, what_en: impl Into<String>) -> AnalysisError {
    AnalysisError::Request { what_zh: what_zh.into(), what_en: what_en.into() }
}

/// Refuses a document that cannot be used.
pub(crate) fn check(document: &RuleDocument) -> Result<(), AnalysisError> {
    rules_of(document).map(|_| ())
}

impl Rules {
    /// The document in force.
    pub(super) fn of(book: &RuleBook) -> Result<Self, AnalysisError> {
        rules_of(book.document(RULE_DOCUMENT)?)
    }
}

fn rules_of(document: &RuleDocument) -> Result<Rules, AnalysisError> {
    let bad = |what: &str| AnalysisError::BadRule { name: RULE_DOCUMENT.to_owned(), what: what.to_owned() };
    let rules: Rules = toml::from_str(&document.text).map_err(|error| bad(&error.to_string()))?;
    if !are_classes(&rules.depth.classes_m) {
        return Err(bad("[depth] classes_m 应为由小到大的正数，不超过 11 个 (rising, above 0, at most 11)"));
    }
    let sane = (0.0..=1_000.0).contains(&rules.fill.breach_m)
        && (0.0..=20.0).contains(&rules.houses.around_m)
        && (0.0..=10.0).contains(&rules.houses.least_m)
        && (0.0..=10.0).contains(&rules.roads.cut_m);
    let lists = [rules.houses.listed, rules.places.listed, rules.roads.listed];
    if !sane || lists.iter().any(|listed| *listed > 10_000) || !(1..=MOST_STEPS).contains(&rules.dam.steps) {
        return Err(bad(
            "宽度、距离、水深不应为负或过大，清单不超过 10000 项，分级 1 至 100 (nothing negative or huge, lists to 10000, steps 1 to 100)",
        ));
    }
    Ok(rules)
}

fn are_classes(limits_m: &[f64]) -> bool {
    limits_m.len() < MOST_CLASSES
        && limits_m.iter().all(|m| (0.0..1_000.0).contains(m) && *m > 0.0)
        && limits_m.windows(2).all(|pair| pair[0] < pair[1])
}

impl Request {
    /// The request, if it makes sense.
    pub(super) fn of(request: &Value) -> Result<Self, AnalysisError> {
        let read: Self = serde_json::from_value(request.clone())
            .map_err(|error| refuse(format!("淹没分析的请求无法读取：{error}"), error.to_string()))?;
        if read.classes.as_ref().is_some_and(|limits| !are_classes(limits)) {
            return Err(refuse(
                "水深分级 classes 应为由小到大的正数，不超过 11 个",
                "classes are depths above 0 that rise, at most 11",
            ));
        }
        let height = |m: &f64| (-1_000.0..10_000.0).contains(m);
        for (what, value) in [("level_m", read.level_m), ("crest_m", read.crest_m)] {
            if value.is_some_and(|m| !height(&m)) {
                return Err(refuse(
                    format!("{what} 应为 -1000 至 10000 米之间的高程"),
                    format!("{what} is a height of -1000 to 10000 m"),
                ));
            }
        }
        if read.steps.is_some_and(|steps| !(1..=MOST_STEPS).contains(&steps)) {
            return Err(refuse(format!("steps 应为 1 至 {MOST_STEPS}"), format!("steps is 1 to {MOST_STEPS}")));
        }
        if read.breach_m.is_some_and(|m| !(0.0..=1_000.0).contains(&m)) {
            return Err(refuse("溃口宽度 breach_m 应为 0 至 1000 米", "breach_m is 0 to 1000 m"));
        }
        read.check_places()?;
        read.check_mode()?;
        Ok(read)
    }

    /// Every line that is drawn.
    fn lines(&self) -> impl Iterator<Item = &Vec<[f64; 2]>> {
        let source = self.source.iter().filter_map(|source| match source {
            Source::Points(places) | Source::Line { line: places } => Some(places),
            Source::Area { .. } => None,
        });
        self.barriers.iter().chain(&self.dam).chain(std::iter::once(&self.breach)).chain(source)
    }

    fn check_places(&self) -> Result<(), AnalysisError> {
        let places = || self.lines().flatten();
        let degrees = |[lon, lat]: &[f64; 2]| (-180.0..=180.0).contains(lon) && (-89.0..=89.0).contains(lat);
        if places().count() > MOST_PLACES || !places().all(degrees) {
            return Err(refuse(
                format!("source、barriers、breach、dam 应为 [经度, 纬度]，合计不超过 {MOST_PLACES} 个点"),
                format!("source, barriers, breach and dam are [lon, lat], at most {MOST_PLACES} places"),
            ));
        }
        let short = |line: &Vec<[f64; 2]>| line.len() < 2;
        if self.barriers.iter().any(short) || self.dam.as_ref().is_some_and(short) {
            return Err(refuse("堤防或坝线至少要有两个点", "a barrier or dam has two places or more"));
        }
        Ok(())
    }

    fn check_mode(&self) -> Result<(), AnalysisError> {
        match (self.mode, self.level_m, &self.source) {
            (Mode::Level | Mode::Fill, None, _) => Err(refuse("请给出水位 level_m（米）", "say level_m")),
            (Mode::Fill, _, None) => Err(refuse(
                "连通淹没需要水源 source：点、{\"line\": 河流} 或 {\"area\": 范围}",
                "fill needs a source: points, {\"line\"} or {\"area\"}",
            )),
            (Mode::Dam, _, None) => {
                Err(refuse("堰塞湖分析需要坝上游的一点 source", "dam needs a source: a place upstream of the barrier"))
            }
            (Mode::Dam, _, Some(Source::Line { .. } | Source::Area { .. })) => {
                Err(refuse("堰塞湖分析的 source 应为坝上游的一点", "the source of a lake is a place"))
            }
            (Mode::Dam, _, Some(Source::Points(places))) if places.len() != 1 => {
                Err(refuse("堰塞湖分析的 source 应为坝上游的一点", "the source of a lake is one place"))
            }
            (Mode::Dam, Some(level_m), _) => Err(refuse(
                format!(
                    "堰塞湖分析求到溢流水位为止，不用 level_m；要查 {} 米水位请用连通淹没（fill）",
                    metres(level_m)
                ),
                "dam goes to where the lake spills: for one level use fill",
            )),
            (Mode::Level, ..) if !self.barriers.is_empty() || self.dam.is_some() => Err(refuse(
                "按水位淹没不看连通，堤防和坝不起作用，请用连通淹没（fill）",
                "level does not look at what hangs together, barriers would do nothing: use fill",
            )),
            _ if !self.breach.is_empty() && self.barriers.is_empty() => {
                Err(refuse("有溃口 breach 而没有堤防 barriers", "a breach without barriers"))
            }
            _ if self.crest_m.is_some() && self.dam.is_none() => {
                Err(refuse("有坝顶高程 crest_m 而没有坝线 dam", "crest_m without a dam"))
            }
            (Mode::Fill, ..) if self.dam.is_some() => Err(refuse(
                "连通淹没中的堤坝请用 barriers；坝线 dam 用于堰塞湖分析",
                "in fill, dykes are barriers; dam is for a lake",
            )),
            _ => Ok(()),
        }
    }

    /// The box round the places that are drawn, degrees.
    pub(super) fn bounds_lon_lat_deg(&self) -> Option<[f64; 4]> {
        let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let bounds =
            self.lines().flatten().fold(start, |b, p| [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])]);
        (bounds[0] <= bounds[2]).then_some(bounds)
    }
}
