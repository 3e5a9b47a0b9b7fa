//! 承灾体统计: who and what is on threatened ground: people, households, buildings, roads, facilities, shelters, farmland and plan
//! zones, and how grave that is.
//!
//! Request: `{"area": {"polygon": area} | {"buffer": {"of": {"points"?: [[lon, lat], …], "lines"?: [[[lon, lat], …], …], "area"?: area},
//! "distance_m"}} | {"run_out": {"source": area | [lon, lat], "surface": D, "angle_deg"?, "volume_m3"?}}, "hazard"?, "registers"?,
//! "datetime"?, "recorded"?, "houses_listed"?, "loss_wan_yuan"?, "deaths"?, "direct_loss_wan_yuan"?}`, where an area is what a red
//! line may be or `[west, south, east, north]` degrees, and `D` is `{"dataset", "datetime"?, "recorded"?}`.
//!
//! A register that is missing, or that reaches nowhere near the area, is said to be missing and its figures are null. Heads and
//! phones leave masked; ids of the features say where the rest can be looked up.

mod area;
mod grade;
mod ground;
mod houses;
mod lifelines;
mod plans;
mod rules;
mod run_out;

use serde_json::{Map, Value, json};

pub(crate) use self::rules::{DOCUMENT, check};
use self::{
    area::{Area, Asked, GROUND_ROLE},
    grade::Loss,
    ground::Ground,
    houses::Exposed,
    lifelines::RoadPiece,
    rules::Rules,
};
use crate::{
    AnalysisError, FoundPatch, LayerWanted, LoadedLayer, Polygon,
    compliance::{CONTROL_LINES, ControlLines},
    figures::Figures,
    mechanism::{Analysis, DataWanted, Findings, RuleBook, Task, sources},
    registers::{DOCUMENT as REGISTERS, Register, Registers},
};
use geodesy::{Crs, Transform};

/// The analysis.
pub(crate) static EXPOSURE: Analysis = Analysis {
    name: "exposure",
    title_zh: "承灾体统计",
    title_en: "Who and what is exposed",
    results_are_datasets: true,
    wanted,
    run,
};

/// Name of this rule in results; changes when the same input may give another result.
const RULE: &str = "exposure/1";
/// Money that may be stated, ten thousand yuan.
const MOST_WAN_YUAN: f64 = 1e9;
/// Deaths that may be stated.
const MOST_DEATHS: u64 = 1_000_000;
/// Registers, with what people call them.
const REGISTERS_READ: [(Register, &str, &str); 4] = [
    (Register::Houses, "房屋", "houses"),
    (Register::Roads, "道路", "roads"),
    (Register::Facilities, "重要设施", "facilities"),
    (Register::Shelters, "避难场所", "shelters"),
];

/// What is asked for.
struct Request {
    area: Asked,
    hazard: Option<String>,
    houses_listed: bool,
    loss_wan_yuan: Option<f64>,
    deaths: Option<u64>,
    direct_loss_wan_yuan: Option<f64>,
}

fn refuse(what_zh: impl Into<String>, what_en: impl Into<String>) -> AnalysisError {
    AnalysisError::Request { what_zh: what_zh.into(), what_en: what_en.into() }
}

impl Request {
    fn of(request: &Value, rules: &Rules) -> Result<Self, AnalysisError> {
        let money = |key: &str| match &request[key] {
            Value::Null => Ok(None),
            value => value.as_f64().filter(|v| (0.0..=MOST_WAN_YUAN).contains(v)).map(Some).ok_or_else(|| {
                refuse(
                    format!("{key} 应为不小于 0 的万元数"),
                    format!("{key} is a sum in ten thousand yuan, not below 0"),
                )
            }),
        };
        let deaths = match &request["deaths"] {
            Value::Null => None,
            value => Some(value.as_u64().filter(|deaths| *deaths <= MOST_DEATHS).ok_or_else(|| {
                refuse("deaths（死亡人数）应为不小于 0 的整数", "deaths is a whole number, not below 0")
            })?),
        };
        let hazard = match &request["hazard"] {
            Value::Null => None,
            value => Some(
                value
                    .as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| refuse("hazard（灾种）应为文字，如“滑坡”", "hazard is a text"))?,
            ),
        };
        let houses_listed = match &request["houses_listed"] {
            Value::Null => true,
            value => {
                value.as_bool().ok_or_else(|| refuse("houses_listed 应为 true 或 false", "houses_listed is a bool"))?
            }
        };
        Ok(Self {
            area: Asked::of(&request["area"], rules)?,
            hazard,
            houses_listed,
            loss_wan_yuan: money("loss_wan_yuan")?,
            deaths,
            direct_loss_wan_yuan: money("direct_loss_wan_yuan")?,
        })
    }
}

fn wanted(request: &Value, book: &RuleBook) -> Result<DataWanted, AnalysisError> {
    let rules = Rules::of(book)?;
    let asked = Request::of(request, &rules)?.area;
    let [own, within] = asked.bounds_lon_lat_deg(&rules)?;
    Ok(DataWanted {
        layers: layers(request, book, Some(within))?,
        surfaces: asked.surface().map(|surface| surface.surface(GROUND_ROLE)).into_iter().collect(),
        bounds_lon_lat_deg: Some(own),
        ..DataWanted::default()
    })
}

/// The layers that [`tally`] looks at, for the `wanted` of any analysis that calls it: the registers, and what the control
/// lines name, within a box of degrees.
pub(crate) fn layers(
    request: &Value,
    book: &RuleBook,
    within_lon_lat_deg: Option<[f64; 4]>,
) -> Result<Vec<LayerWanted>, AnalysisError> {
    let registers = REGISTERS_READ.map(|(register, ..)| register);
    let mut layers = Registers::of(book)?.wanted(&registers, request, within_lon_lat_deg)?;
    let day = |key: &str| request[key].as_str().map(str::to_owned);
    for line in ControlLines::of(book)?.line {
        for dataset in &line.datasets {
            if layers.iter().any(|layer| layer.role == *dataset) {
                continue;
            }
            layers.push(LayerWanted {
                role: dataset.clone(),
                dataset: dataset.clone(),
                class_field: line.class_field.clone(),
                datetime: day("datetime"),
                recorded: day("recorded"),
                within_lon_lat_deg,
                optional: true,
                ..LayerWanted::default()
            });
        }
    }
    Ok(layers)
}

/// What is on the ground, and which registers said nothing.
struct Counted<'l> {
    houses: Option<Vec<Exposed<'l>>>,
    roads: Option<Vec<RoadPiece<'l>>>,
    figures: Map<String, Value>,
}

/// Counts what is on polygons of the plane: `houses` (with people and households), `roads`, `facilities`, `shelters` (each null
/// where its register is missing), `control_lines`, `not_checked`, `missing`, `partly_covered`, `complete`.
#[allow(dead_code, reason = "analyses that make their own ground call it: floods, moved ground, places cut off")]
pub(crate) fn tally(task: &Task<'_>, polygons: &[Polygon]) -> Result<Map<String, Value>, AnalysisError> {
    let ground = Ground::new(polygons, task.plane)?;
    Ok(counted(task, &ground)?.figures)
}

fn counted<'l>(task: &'l Task<'_>, ground: &Ground) -> Result<Counted<'l>, AnalysisError> {
    if let Some(layer) = task.layers.values().find(|layer| layer.layer.crs != *task.plane) {
        return Err(AnalysisError::NotOnePlane {
            first: task.plane.name().to_owned(),
            second: layer.layer.crs.name().to_owned(),
        });
    }
    let registers = Registers::of(task.rules)?;
    let covers = covers(task, ground)?;
    let read = |register: Register| task.register(register).filter(|layer| covers.of(register, layer) != Cover::None);
    let go_on = || if task.watch.cancelled() { Err(AnalysisError::Cancelled) } else { Ok(()) };
    go_on()?;
    task.watch.progress(0.45, "统计房屋和人口");
    let houses = read(Register::Houses).map(|layer| houses::exposed(&registers, layer, ground));
    go_on()?;
    task.watch.progress(0.6, "统计道路和设施");
    let roads = read(Register::Roads).map(|layer| lifelines::cut(layer, ground, task.plane)).transpose()?;
    let facilities = read(Register::Facilities).map(|layer| lifelines::facilities(layer, ground, &registers));
    let shelters = read(Register::Shelters).map(|layer| lifelines::shelters(layer, ground, &registers));
    go_on()?;
    task.watch.progress(0.75, "比较控制线和规划分区");
    let plans = plans::cut(task, ground)?;
    let (missing, partly) = covers.said(task);
    let mut figures = Map::new();
    figures.insert("houses".to_owned(), houses.as_deref().map_or(Value::Null, houses::counted));
    figures.insert(
        "roads".to_owned(),
        roads.as_deref().map_or(Value::Null, |roads| lifelines::roads(roads, &registers.roads)),
    );
    figures.insert("facilities".to_owned(), facilities.unwrap_or_default());
    figures.insert("shelters".to_owned(), shelters.unwrap_or_default());
    figures.insert("control_lines".to_owned(), plans.lines.into());
    figures.insert(
        "complete".to_owned(),
        (missing.is_empty() && partly.is_empty() && plans.not_checked.is_empty()).into(),
    );
    figures.insert("missing".to_owned(), missing.into());
    figures.insert("partly_covered".to_owned(), partly.into());
    figures.insert("not_checked".to_owned(), plans.not_checked.into());
    Ok(Counted { houses, roads, figures })
}

/// How much of the ground a register reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cover {
    None,
    Part,
    All,
}

/// Where the ground is, to be held against the extents of registers.
struct Covers([f64; 4]);

fn covers(task: &Task<'_>, ground: &Ground) -> Result<Covers, AnalysisError> {
    let [x0, y0, x1, y1] = ground.bounds();
    let mut corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
    if !corners.iter().flatten().all(|v| v.is_finite()) {
        return Ok(Covers([f64::NAN; 4]));
    }
    Transform::new(task.plane, &Crs::cgcs2000())?.points(&mut corners)?;
    let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    Ok(Covers(corners.iter().fold(start, |b, p| [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])])))
}

impl Covers {
    /// Houses and roads are everywhere: where their register does not reach, nothing is known. A shelter or a school is
    /// somewhere, and its absence says nothing of its register.
    fn of(&self, register: Register, layer: &LoadedLayer) -> Cover {
        let (own, its) = (self.0, layer.bounds_lon_lat_deg);
        if !matches!(register, Register::Houses | Register::Roads) || own.iter().chain(&its).any(|v| !v.is_finite()) {
            return Cover::All;
        }
        if own[0] > its[2] || its[0] > own[2] || own[1] > its[3] || its[1] > own[3] {
            return Cover::None;
        }
        let inside = own[0] >= its[0] && own[1] >= its[1] && own[2] <= its[2] && own[3] <= its[3];
        if inside { Cover::All } else { Cover::Part }
    }

    /// The registers that are missing, and those that reach part of the ground.
    fn said(&self, task: &Task<'_>) -> (Vec<Value>, Vec<Value>) {
        let (mut missing, mut partly) = (Vec::new(), Vec::new());
        for (register, zh, en) in REGISTERS_READ {
            let row = |reason_zh: String, reason_en: String| json!({ "register": register.role(), "title": zh, "title_en": en, "reason_zh": reason_zh, "reason_en": reason_en });
            match task.register(register).map(|layer| (layer, self.of(register, layer))) {
                None => missing.push(row(
                    format!("没有{zh}台账，或在所查日期没有有效版本，未统计（不是没有）；请导入后重算"),
                    format!(
                        "there is no register of {en} valid on the date: not counted, which is not nought; import it"
                    ),
                )),
                Some((layer, Cover::None)) => missing.push(row(
                    format!("{zh}台账“{}”的范围不含此处，未统计（不是没有）；请导入覆盖此处的台账", layer.title),
                    format!("the register {} does not reach here: not counted, which is not nought", layer.dataset),
                )),
                Some((layer, Cover::Part)) => partly.push(row(
                    format!("{zh}台账“{}”只覆盖范围的一部分，其外未统计", layer.title),
                    format!("the register {} reaches part of the area only", layer.dataset),
                )),
                Some((_, Cover::All)) => {}
            }
        }
        (missing, partly)
    }
}

fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let rules = Rules::of(task.rules)?;
    let registers = Registers::of(task.rules)?;
    let request = Request::of(task.request, &rules)?;
    let area = request.area.area(task, &rules, request.hazard.as_deref())?;
    let ground = Ground::new(&area.polygons, task.plane)?;
    let counted = counted(task, &ground)?;
    let people = counted.houses.as_deref().and_then(houses::people);
    let loss = match (request.loss_wan_yuan, counted.houses.as_deref()) {
        (Some(wan_yuan), _) => Loss::Given(wan_yuan),
        (None, Some(exposed)) => houses::loss(exposed, &rules.value),
        (None, None) => Loss::Unknown,
    };
    let mut stated = Map::new();
    stated.insert("kind".to_owned(), area.kind.into());
    stated.insert("estimate".to_owned(), area.is_estimate.into());
    Figures::of(ground.areas()).put(&mut stated);
    stated.extend(area.said.clone());
    let mut result = json!({
        "analysis": EXPOSURE.name,
        "rule": RULE,
        "rule_versions": rule_versions(task.rules),
        "sources": sources(task),
        "datetime": task.request["datetime"],
        "recorded": task.request["recorded"],
        "hazard": request.hazard,
        "area": stated,
    });
    if let Value::Object(result) = &mut result {
        result.extend(counted.figures);
        result.insert("loss".to_owned(), loss.json());
        result.insert("danger".to_owned(), grade::danger(&rules.danger, people, loss));
        result.insert(
            "disaster".to_owned(),
            grade::disaster(&rules.disaster, request.deaths, request.direct_loss_wan_yuan),
        );
        let scale = request.area.volume_m3().map(|volume_m3| grade::scale(task.rules, volume_m3)).transpose()?;
        result.insert("scale".to_owned(), scale.unwrap_or_default());
        let list = counted.houses.as_deref().filter(|_| request.houses_listed).map(houses::household_list);
        result.insert("household_list".to_owned(), list.unwrap_or_default());
    }
    let mut patches = vec![area_place(&area, &ground)];
    patches.extend(counted.houses.as_deref().map(houses::places).unwrap_or_default());
    patches
        .extend(counted.roads.as_deref().map(|roads| lifelines::places(roads, &registers.roads)).unwrap_or_default());
    if let Value::Object(result) = &mut result {
        let shown = |kind: &str| patches.iter().filter(|patch| patch.properties["kind"] == kind).count();
        let of = |count: Option<usize>, kind: &str| json!({ "of": count, "shown": shown(kind) });
        result.insert(
            "places".to_owned(),
            json!({
                "buildings": of(counted.houses.as_ref().map(Vec::len), "building"),
                "roads": of(counted.roads.as_ref().map(Vec::len), "road"),
            }),
        );
    }
    Ok(Findings { result, patches })
}

/// The area itself; what is an estimate says so, and how it was made.
fn area_place(area: &Area, ground: &Ground) -> FoundPatch {
    let mut properties = Map::new();
    properties.insert("kind".to_owned(), "exposed-area".into());
    properties.insert("area_kind".to_owned(), area.kind.into());
    properties.insert("estimate".to_owned(), area.is_estimate.into());
    Figures::of(ground.areas()).put(&mut properties);
    for key in ["label_zh", "method", "method_zh", "angle_deg", "angle_from", "angle_source_zh", "distance_m"] {
        if let Some(value) = area.said.get(key) {
            properties.insert(key.to_owned(), value.clone());
        }
    }
    FoundPatch { id: "area".to_owned(), properties, polygons: ground.polygons().to_vec(), ..FoundPatch::default() }
}

/// Versions of the documents that it follows, by name.
fn rule_versions(rules: &RuleBook) -> Map<String, Value> {
    let version = |name: &&str| Some(((*name).to_owned(), rules.document(name).ok()?.version.clone().into()));
    [DOCUMENT, REGISTERS, CONTROL_LINES].iter().filter_map(version).collect()
}
