//! 差异分析: two or more plans, reclassified by table, laid over each other.
//!
//! Ground outside a plan's cover is a state of its own (未覆盖), as is ground whose code no table knows. Every
//! combination of states becomes patches: adjoining pieces of one combination are one 图斑, however many features of
//! the plans it is made of. Areas are rounded once and balanced (强制调平), so that patches, units and the whole add up.

mod cells;
mod findings;
mod patches;

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

use crate::{
    Analysis, AnalysisError, DataWanted, Findings, LayerWanted, RuleBook, Task,
    reclassification::{Reclassification, SliverMode},
};

/// The analysis.
pub const DIFFERENCE: Analysis = Analysis {
    name: "difference",
    title_zh: "差异分析",
    title_en: "Differences between plans",
    results_are_datasets: false,
    wanted,
    run,
};

/// Version of this rule in results; changes when the same input may give another result.
pub(crate) const RULE: &str = "difference/1";
/// Layers that can be compared at once.
const MOST_LAYERS: usize = 8;

/// What was asked.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Request {
    /// The plans, two or more.
    layers: Vec<PlanAsked>,
    /// Which table.
    #[serde(default = "construction")]
    pub(crate) classification: String,
    /// Administrative units.
    units: Option<LayerAsked>,
    /// Layers that fill a column of the ledger, by the column.
    #[serde(default)]
    context: BTreeMap<String, LayerAsked>,
    /// Instead of the table's thresholds.
    pub(crate) sliver_below_m2: Option<f64>,
    /// Instead of the table's mode.
    pub(crate) slivers: Option<SliverMode>,
    /// Only this box, `[west, south, east, north]` degrees.
    pub(crate) within: Option<[f64; 4]>,
    datetime: Option<String>,
    recorded: Option<String>,
}

fn construction() -> String {
    "construction".to_owned()
}

/// A plan of the request.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PlanAsked {
    #[serde(flatten)]
    layer: LayerAsked,
    /// Only features with one of these codes.
    pub(crate) codes: Option<Vec<String>>,
}

/// A layer of the request.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LayerAsked {
    dataset: String,
    pub(crate) class_field: Option<String>,
    pub(crate) code_system: Option<String>,
    datetime: Option<String>,
    recorded: Option<String>,
}

impl Request {
    fn read(request: &Value) -> Result<Self, AnalysisError> {
        let refuse = |what_zh: String, what_en: String| Err(AnalysisError::Request { what_zh, what_en });
        let read: Self = match serde_json::from_value(request.clone()) {
            Ok(read) => read,
            Err(error) => return refuse(format!("差异分析的请求无法读取：{error}"), error.to_string()),
        };
        if !(2..=MOST_LAYERS).contains(&read.layers.len()) {
            return refuse(
                format!("差异分析需要 2 至 {MOST_LAYERS} 个图层，请求中有 {} 个", read.layers.len()),
                format!("a difference needs 2 to {MOST_LAYERS} layers, not {}", read.layers.len()),
            );
        }
        if read.sliver_below_m2.is_some_and(|v| !(0.0..=1e9).contains(&v)) {
            return refuse(
                "sliver_below_m2 应为 0 至 10 亿平方米".to_owned(),
                "sliver_below_m2 must be 0 to 1e9".to_owned(),
            );
        }
        if read
            .within
            .is_some_and(|[w, s, e, n]| !(w < e && s < n && w >= -180.0 && e <= 180.0 && s >= -90.0 && n <= 90.0))
        {
            return refuse(
                "within 应为 [西, 南, 东, 北] 度".to_owned(),
                "within must be [west, south, east, north] degrees".to_owned(),
            );
        }
        Ok(read)
    }

    /// The plans, in the order of the request.
    pub(crate) fn plans(&self) -> &[PlanAsked] {
        &self.layers
    }

    fn wanted(&self, role: String, layer: &LayerAsked) -> LayerWanted {
        LayerWanted {
            role,
            dataset: layer.dataset.clone(),
            class_field: layer.class_field.clone(),
            code_system: layer.code_system.clone(),
            datetime: layer.datetime.clone().or_else(|| self.datetime.clone()),
            recorded: layer.recorded.clone().or_else(|| self.recorded.clone()),
            within_lon_lat_deg: self.within,
            ..LayerWanted::default()
        }
    }
}

/// Role of the plan at a place of the request.
pub(crate) fn plan_role(index: usize) -> String {
    format!("plan-{}", index + 1)
}

/// Role of the administrative units.
pub(crate) const UNITS_ROLE: &str = "units";

/// Role of a layer that fills a column of the ledger.
pub(crate) fn context_role(column: &str) -> String {
    format!("context-{column}")
}

fn wanted(request: &Value, rules: &RuleBook) -> Result<DataWanted, AnalysisError> {
    let request = Request::read(request)?;
    let (reclassification, _) = Reclassification::read(rules)?;
    reclassification.classification(&request.classification)?;
    let mut layers: Vec<LayerWanted> =
        request.layers.iter().enumerate().map(|(index, plan)| request.wanted(plan_role(index), &plan.layer)).collect();
    layers.extend(request.units.iter().map(|units| request.wanted(UNITS_ROLE.to_owned(), units)));
    for (column, layer) in &request.context {
        if !reclassification.ledger.context.contains(column) {
            return Err(AnalysisError::Request {
                what_zh: format!(
                    "台账没有可由图层填写的字段“{column}”，可用：{}",
                    reclassification.ledger.context.join("、")
                ),
                what_en: format!("the ledger has no column {column} that a layer fills"),
            });
        }
        layers.push(request.wanted(context_role(column), layer));
    }
    Ok(DataWanted { layers, surfaces: Vec::new(), bounds_lon_lat_deg: request.within, ..DataWanted::default() })
}

fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let request = Request::read(task.request)?;
    let (reclassification, document) = Reclassification::read(task.rules)?;
    let classification = reclassification.classification(&request.classification)?;
    let world = cells::World::new(task, &request, &reclassification, classification)?;
    let cells = world.cells(task)?;
    let found = patches::Patches::new(task, &request, &reclassification, &world, cells)?;
    findings::findings(task, &request, &reclassification, &world, found, &document.version)
}
