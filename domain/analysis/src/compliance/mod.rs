//! Conformity of a project (符合性检测): its red line against every control line that was valid on a day, its figures
//! against the detailed plan, and the tables that are filed with it.
//!
//! Which lines there are, how they are compared and which grounds exempt is the rule document `control-lines`; what is
//! here knows no law. A line whose dataset is missing is "not checked", never "clear", and where a required one is,
//! the whole is incomplete. The same layers, rules and red line give the same bytes.

mod checks;
mod control_lines;
mod indicators;
mod tables;

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use self::{checks::Checked, control_lines::Verdict, tables::Tables};
pub(crate) use self::{
    checks::{look_up, measure, select as selected, text},
    control_lines::{ControlLines, DOCUMENT as CONTROL_LINES, Line},
    tables::{DOCUMENT as LAND_CLASSES, LandClasses},
};
use crate::{
    AnalysisError, RedLine, RedParcel,
    clip::{Region, Site},
    figures::{Areas, Figures, balanced},
    mechanism::{Analysis, DataWanted, Findings, LayerWanted, RuleBook, Task, sources},
    nearness::Outline,
};

/// The analysis.
pub static COMPLIANCE: Analysis = Analysis {
    name: "compliance",
    title_zh: "符合性检测",
    title_en: "Conformity of a project",
    results_are_datasets: false,
    wanted,
    run,
};

/// Name of this rule in results; changes when the same input may give another result.
const RULE: &str = "compliance/1";
/// Metres of a degree of latitude.
const DEGREE_M: f64 = 111_320.0;

/// What the request says of the project.
#[derive(Debug, Clone, Default)]
struct Project {
    facts: Map<String, Value>,
    land_use_code: String,
    land_use_system: String,
    kind: String,
}

impl Project {
    fn of(request: &Value) -> Self {
        let facts = request["project"].as_object().cloned().unwrap_or_default();
        // A project of the review carries its use as an object.
        let text = |key: &str, inner: &str| {
            let value = facts.get(key).or_else(|| facts.get("land_use")?.get(inner));
            value.and_then(Value::as_str).unwrap_or_default().trim().to_owned()
        };
        let kind = facts.get("kind").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
        Self {
            land_use_code: text("land_use_code", "code"),
            land_use_system: text("land_use_system", "system"),
            kind,
            facts,
        }
    }

    /// One of its figures, such as the floor-area ratio.
    fn figure(&self, name: &str) -> Option<f64> {
        self.facts.get(name).and_then(Value::as_f64).filter(|v| v.is_finite())
    }
}

/// What all checks of a run share.
struct Case<'a> {
    task: &'a Task<'a>,
    project: Project,
    /// Kinds that the project is of, by id.
    kinds: Vec<String>,
    red_line: RedLine,
    site: Site,
    red: Region,
    total: Figures,
    tolerance_m2: f64,
    /// Permanent basic farmland that is taken, once its line is checked.
    farmland: Figures,
}

impl Case<'_> {
    fn outline(&self) -> Outline<'_> {
        Outline::of_polygons(self.red_line.parcels.iter().flat_map(|parcel| &parcel.polygons))
    }
}

/// Rule of the line whose overlap is permanent basic farmland.
const FARMLAND_RULE: &str = "farmland";

fn wanted(request: &Value, rules: &RuleBook) -> Result<DataWanted, AnalysisError> {
    let lines = ControlLines::of(rules)?;
    let classes = LandClasses::of(rules)?;
    let red_line = RedLine::from_json(&request["red_line"])?;
    let [west, south, east, north] = red_line.bounds_lon_lat_deg()?;
    let lat_deg = lines.reach_m() / DEGREE_M;
    let lon_deg = lat_deg / south.abs().max(north.abs()).min(89.0).to_radians().cos();
    let within = [west - lon_deg, south - lat_deg, east + lon_deg, north + lat_deg];
    let day = |key: &str| request[key].as_str().map(str::to_owned);
    let mut datasets = lines.datasets();
    for dataset in &classes.survey.datasets {
        if datasets.iter().all(|(known, _)| known != dataset) {
            datasets.push((dataset, Some(&classes.survey.class_field)));
        }
    }
    let layers = datasets.into_iter().map(|(dataset, class_field)| LayerWanted {
        role: dataset.to_owned(),
        dataset: dataset.to_owned(),
        class_field: class_field.map(str::to_owned),
        datetime: day("datetime"),
        recorded: day("recorded"),
        within_lon_lat_deg: Some(within),
        optional: true,
        ..LayerWanted::default()
    });
    Ok(DataWanted {
        layers: layers.collect(),
        surfaces: Vec::new(),
        bounds_lon_lat_deg: Some([west, south, east, north]),
        ..DataWanted::default()
    })
}

fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let lines = ControlLines::of(task.rules)?;
    let classes = LandClasses::of(task.rules)?;
    if let Some(layer) = task.layers.values().find(|layer| layer.layer.crs != *task.plane) {
        return Err(AnalysisError::NotOnePlane {
            first: task.plane.name().to_owned(),
            second: layer.layer.crs.name().to_owned(),
        });
    }
    let delivered = RedLine::from_json(&task.request["red_line"])?;
    let red_line = delivered.in_plane(task.plane)?;
    let polygons = || red_line.parcels.iter().flat_map(|parcel| &parcel.polygons);
    let site = Site::around(polygons(), task.plane)?;
    let red = site.region(polygons());
    let total = Figures::of(site.areas(&red));
    let project = Project::of(task.request);
    let kinds = kinds(&lines, &project);
    let parcels = parcels_json(&red_line, &site, total);
    let tolerance_m2 = lines.defaults.tolerance_m2;
    let mut case =
        Case { task, project, kinds, red_line, site, red, total, tolerance_m2, farmland: Figures::default() };

    let go_on = || if task.watch.cancelled() { Err(AnalysisError::Cancelled) } else { Ok(()) };
    task.watch.progress(0.1, "与控制线比较");
    let checked: Vec<Checked> = lines
        .line
        .par_iter()
        .map(|line| go_on().and_then(|()| checks::check(&case, &lines, line)))
        .collect::<Result<_, AnalysisError>>()?;
    let farmland = lines.line.iter().zip(&checked).find(|(line, _)| line.rule == FARMLAND_RULE);
    case.farmland = farmland.map(|(_, checked)| checked.overlap).unwrap_or_default();
    go_on()?;
    task.watch.progress(0.7, "比较控规指标");
    let compared = lines.indicators.as_ref().map(|indicators| indicators::compare(&case, indicators)).transpose()?;
    go_on()?;
    task.watch.progress(0.8, "编制面积表");
    let made = tables::tables(&case, &classes)?;
    let result = result(&case, &lines, &checked, compared, made, parcels, &delivered);
    Ok(Findings { result, patches: checked.into_iter().flat_map(|checked| checked.patches).collect() })
}

/// The kinds that a project is of: the one it states (id or title) and those that its use implies, where the use is
/// of the code system that the rule names.
fn kinds(lines: &ControlLines, project: &Project) -> Vec<String> {
    let is_of = |kind: &&control_lines::Kind| {
        let stated = !project.kind.is_empty() && [&kind.id, &kind.title_zh, &kind.title_en].contains(&&project.kind);
        let by_use = kind.land_use_systems.contains(&project.land_use_system)
            && kind.land_use.iter().any(|code| project.land_use_code.starts_with(code.as_str()));
        stated || by_use
    };
    lines.kind.iter().filter(is_of).map(|kind| kind.id.clone()).collect()
}

/// Parcels of the red line with their areas, which add up to the whole where they do not overlap each other.
fn parcels_json(red_line: &RedLine, site: &Site, total: Figures) -> Vec<Value> {
    let measure = |parcel: &RedParcel| site.areas(&site.region(parcel.polygons.iter()));
    let areas: Vec<Areas> = red_line.parcels.iter().map(measure).collect();
    let figures = balanced(&areas, total).unwrap_or_else(|_| areas.into_iter().map(Figures::of).collect());
    let one = |(parcel, figures): (&RedParcel, Figures)| {
        let mut object = Map::new();
        object.insert("name".to_owned(), parcel.name.clone().into());
        figures.put(&mut object);
        Value::Object(object)
    };
    red_line.parcels.iter().zip(figures).map(one).collect()
}

fn result(
    case: &Case<'_>,
    lines: &ControlLines,
    checked: &[Checked],
    compared: Option<indicators::Compared>,
    made: Tables,
    parcels: Vec<Value>,
    delivered: &RedLine,
) -> Value {
    let mut not_checked: Vec<Value> = Vec::new();
    let mut worst = Verdict::Pass;
    let mut lacks_required = false;
    for (line, checked) in lines.line.iter().zip(checked) {
        if let Some(verdict) = checked.verdict {
            worst = worst.max(verdict);
        } else {
            lacks_required |= line.required;
            not_checked.push(json!({
                "rule": line.rule, "title": line.title_zh, "title_en": line.title_en,
                "reason_zh": checked.shown["message_zh"], "reason_en": checked.shown["message_en"],
            }));
        }
    }
    let missing = |rule: &str, title: [&str; 2], reason: &[String; 2]| json!({ "rule": rule, "title": title[0], "title_en": title[1], "reason_zh": reason[0], "reason_en": reason[1] });
    let mut rows = Vec::new();
    if let (Some(compared), Some(indicators)) = (compared, &lines.indicators) {
        rows = compared.rows;
        match (compared.verdict, &compared.reason) {
            (Some(verdict), _) => worst = worst.max(verdict),
            (None, Some(reason)) => {
                not_checked.push(missing("indicators", [&indicators.title_zh, &indicators.title_en], reason));
            }
            (None, None) => {}
        }
    }
    let mut tables = Map::new();
    let three_lines: Vec<Value> =
        checked.iter().flat_map(|checked| &checked.rows).cloned().map(Value::Object).collect();
    tables.insert("three_lines".to_owned(), three_lines.into());
    match made {
        Tables::Made(made) => tables.extend(made),
        Tables::Missing(reason) => {
            for table in ["land_classes", "land_detail", "occupied_parcels", "balance"] {
                tables.insert(table.to_owned(), Value::Array(Vec::new()));
            }
            not_checked.push(missing("land-classes", ["土地分类面积表", "tables of land classes"], &reason));
        }
    }
    // Notes do not change what a project may do.
    let (verdict, verdict_zh) = match worst {
        Verdict::Fail | Verdict::Conditional => (worst.name(), worst.zh()),
        Verdict::Pass | Verdict::Note if lacks_required => ("incomplete", "检测不完整"),
        Verdict::Pass | Verdict::Note => (Verdict::Pass.name(), Verdict::Pass.zh()),
    };
    let mut red_line = Map::new();
    red_line.insert("crs".to_owned(), delivered.to_json()["crs"].clone());
    red_line.insert("plane".to_owned(), case.task.plane.name().into());
    case.total.put(&mut red_line);
    red_line.insert("parcels".to_owned(), parcels.into());
    red_line.insert("warnings".to_owned(), json!(delivered.warnings));
    let shown: Vec<Value> = checked.iter().map(|checked| Value::Object(checked.shown.clone())).collect();
    json!({
        "analysis": COMPLIANCE.name,
        "rule": RULE,
        "verdict": verdict,
        "verdict_zh": verdict_zh,
        "complete": not_checked.is_empty(),
        "not_checked": not_checked,
        "rule_versions": rule_versions(case.task.rules),
        "sources": sources(case.task),
        "datetime": case.task.request["datetime"],
        "recorded": case.task.request["recorded"],
        "project": case.project.facts,
        "kinds": lines.kind.iter().filter(|kind| case.kinds.contains(&kind.id))
            .map(|kind| json!({ "id": kind.id, "title": kind.title_zh, "title_en": kind.title_en })).collect::<Vec<_>>(),
        "red_line": red_line,
        "checks": shown,
        "indicators": rows,
        "tables": tables,
    })
}

/// Versions of the documents that a check follows, by name.
fn rule_versions(rules: &RuleBook) -> Map<String, Value> {
    let names = [CONTROL_LINES, LAND_CLASSES];
    let version = |name: &&str| Some(((*name).to_owned(), rules.document(name).ok()?.version.clone().into()));
    names.iter().filter_map(version).collect()
}
