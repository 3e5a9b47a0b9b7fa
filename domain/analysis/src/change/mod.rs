//! 动态监测: what changed, by `mode` of the request: new buildings between two surfaces (`buildings`), two epochs of a
//! layer (`features`), or the current state against a plan (`plan`).
//!
//! Requests, where `D` is `{"dataset", "class_field"?, "code_system"?, "datetime"?, "recorded"?}`:
//! `{"mode"?: "buildings", "before": D, "after": D, "permits"?: D}`;
//! `{"mode": "features", "before": D, "after": D, "fields"?: ["HXLX"], "least_m2"?}`;
//! `{"mode"?: "plan", "current": D, "plan": D, "permits"?: D, "units"?: D, "classification"?, "sliver_below_m2"?}`.

mod buildings;
mod epochs;
mod plan;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    Analysis, AnalysisError, DataWanted, Findings, LayerWanted, RuleBook, SurfaceWanted, Task, mechanism::RuleDocument,
};

/// The analysis.
pub(crate) const CHANGE: Analysis = Analysis {
    name: "change",
    title_zh: "动态监测",
    title_en: "Changes on the ground",
    results_are_datasets: false,
    wanted,
    run,
};

/// Version of this rule in results; changes when the same input may give another result.
const RULE: &str = "change/2";
/// Name of the rule document.
pub(crate) const RULE_DOCUMENT: &str = "change-detection";
/// Role of the permits.
const PERMITS_ROLE: &str = "permits";

/// What is held against what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    /// Two surfaces, `before` and `after`, and `permits`.
    Buildings,
    /// Two epochs of a layer, `before` and `after`.
    Features,
    /// The state of the ground, `current`, and a `plan`.
    Plan,
}

impl Mode {
    /// As the request says; without a word the one that its keys are of.
    fn of(request: &Value) -> Result<Self, AnalysisError> {
        match &request["mode"] {
            Value::Null if request["plan"].is_object() => Ok(Self::Plan),
            Value::Null => Ok(Self::Buildings),
            stated => read(stated),
        }
    }
}

/// A dataset of a request, and as of when.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    dataset: String,
    class_field: Option<String>,
    code_system: Option<String>,
    datetime: Option<String>,
    recorded: Option<String>,
}

impl Asked {
    fn wanted(&self, role: &str) -> LayerWanted {
        LayerWanted {
            role: role.to_owned(),
            dataset: self.dataset.clone(),
            class_field: self.class_field.clone(),
            code_system: self.code_system.clone(),
            datetime: self.datetime.clone(),
            recorded: self.recorded.clone(),
            ..LayerWanted::default()
        }
    }

    /// The same as heights.
    pub(crate) fn surface(&self, role: &str) -> SurfaceWanted {
        SurfaceWanted {
            role: role.to_owned(),
            dataset: self.dataset.clone(),
            datetime: self.datetime.clone(),
            recorded: self.recorded.clone(),
            optional: false,
        }
    }
}

fn read<T: DeserializeOwned>(request: &Value) -> Result<T, AnalysisError> {
    serde_json::from_value(request.clone()).map_err(|error| AnalysisError::Request {
        what_zh: format!("动态监测的请求无法读取：{error}"),
        what_en: error.to_string(),
    })
}

/// The rule document.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    #[expect(dead_code, reason = "every rule document has it; the rule book's version is what results name")]
    document: toml::Table,
    buildings: BuildingRules,
    features: FeatureRules,
    plan: PlanRules,
}

/// What a new building looks like.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct BuildingRules {
    min_height_m: f64,
    min_area_m2: f64,
    max_area_m2: f64,
    edge_share: f64,
    permit_share: f64,
}

/// Which differences of two epochs count.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeatureRules {
    least_m2: f64,
}

/// What a plan has to allow.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanRules {
    classification: String,
    built: String,
    permit_share: f64,
}

/// Refuses a document that cannot be used.
pub(crate) fn check(document: &RuleDocument) -> Result<(), AnalysisError> {
    rules_of(document).map(|_| ())
}

fn rules_of(document: &RuleDocument) -> Result<Rules, AnalysisError> {
    let bad = |what: String| AnalysisError::BadRule { name: RULE_DOCUMENT.to_owned(), what };
    let rules: Rules = toml::from_str(&document.text).map_err(|error| bad(error.to_string()))?;
    let buildings = rules.buildings;
    let sane =
        buildings.min_height_m > 0.0 && buildings.min_area_m2 > 0.0 && buildings.max_area_m2 > buildings.min_area_m2;
    let share = |share: f64| (0.0..=1.0).contains(&share);
    if !sane || !share(buildings.edge_share) || !share(buildings.permit_share) {
        return Err(
            bad("[buildings] 的高度、面积应为正，比例在 0 至 1 之间 (sizes above 0, shares 0 to 1)".to_owned()),
        );
    }
    if !(0.0..1e6).contains(&rules.features.least_m2) {
        return Err(bad("[features] least_m2 应为 0 至 100 万平方米 (0 to 1e6)".to_owned()));
    }
    if !share(rules.plan.permit_share) || rules.plan.built.is_empty() || rules.plan.classification.is_empty() {
        return Err(bad(
            "[plan] 缺少归并表或建设类的名称，或比例不在 0 至 1 之间 (names, and a share 0 to 1)".to_owned()
        ));
    }
    Ok(rules)
}

fn wanted(request: &Value, rules: &RuleBook) -> Result<DataWanted, AnalysisError> {
    match Mode::of(request)? {
        Mode::Buildings => buildings::wanted(request),
        Mode::Features => epochs::wanted(request),
        Mode::Plan => plan::wanted(request, rules),
    }
}

fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    match Mode::of(task.request)? {
        Mode::Buildings => buildings::run(task),
        Mode::Features => epochs::run(task),
        Mode::Plan => plan::run(task),
    }
}
