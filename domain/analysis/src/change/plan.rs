//! The current state of the ground against a plan, each as of a day: what is built where the plan does not allow it.
//!
//! The overlay, the classes, the units and the balanced areas are those of the difference analysis. Here every patch
//! that is built and that the plan does not give to building is held against approvals (批准文件, 许可); one without
//! is a suspected patch (疑似图斑).

use rayon::prelude::*;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Asked, PERMITS_ROLE, PlanRules, RULE, RULE_DOCUMENT, read, rules_of};
use crate::{
    AnalysisError, DataWanted, Findings, FoundPatch, Parcel, ParcelLayer, RuleBook, Task,
    boolean::{Rule, Shape, run as overlaid, union},
    difference::DIFFERENCE,
    figures::{number, rounded},
    index::BoxIndex,
    rounding::decimal_of,
    shared::Ruler,
    snap::{Grid, area_of, bounds_of},
};

/// Steps of the grid, the finest that the layers fit on.
const SNAPS_M: [f64; 3] = [0.000_01, 0.000_1, 0.001];

#[derive(Debug, Deserialize)]
struct Request {
    current: Value,
    plan: Value,
    permits: Option<Asked>,
    classification: Option<String>,
    units: Option<Value>,
    sliver_below_m2: Option<f64>,
    within: Option<Value>,
    datetime: Option<Value>,
    recorded: Option<Value>,
}

impl Request {
    /// The same question to the difference analysis. Slivers stay what they are, so that nothing built is merged away.
    fn difference(&self, rules: &PlanRules) -> Value {
        json!({
            "layers": [self.current, self.plan],
            "classification": self.classification.as_ref().unwrap_or(&rules.classification),
            "units": self.units, "sliver_below_m2": self.sliver_below_m2, "slivers": "list",
            "within": self.within, "datetime": self.datetime, "recorded": self.recorded,
        })
    }
}

pub(super) fn wanted(request: &Value, book: &RuleBook) -> Result<DataWanted, AnalysisError> {
    let request: Request = read(request)?;
    let rules = rules_of(book.document(RULE_DOCUMENT)?)?.plan;
    let mut wanted = (DIFFERENCE.wanted)(&request.difference(&rules), book)?;
    wanted.layers.extend(request.permits.iter().map(|permits| permits.wanted(PERMITS_ROLE)));
    Ok(wanted)
}

/// A number of patches and their stated ground: plane and ellipsoidal.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    patches: u64,
    m2: [Decimal; 2],
}

impl Total {
    /// Adds a row or a patch as the difference analysis states it.
    fn add(&mut self, patches: u64, stated: &Map<String, Value>) {
        self.patches += patches;
        for (sum, name) in self.m2.iter_mut().zip(["plane_m2", "ellipsoidal_m2"]) {
            *sum += stated.get(name).and_then(Value::as_f64).and_then(decimal_of).unwrap_or_default();
        }
    }

    fn json(self) -> Value {
        json!({ "patches": self.patches, "plane_m2": number(self.m2[0]), "ellipsoidal_m2": number(self.m2[1]) })
    }
}

/// Whether the current state is built, and what the plan says: built too, something else, or none where it is silent.
struct Place {
    is_built: bool,
    plan_builds: bool,
    plan_covers: bool,
}

impl Place {
    fn of(stated: &Map<String, Value>, built: &str, uncovered: &Value) -> Option<Self> {
        let classes = stated.get("classes")?.as_array()?;
        let [current, plan] = classes.as_slice() else { return None };
        Some(Self {
            is_built: current.as_str() == Some(built),
            plan_builds: plan.as_str() == Some(built),
            plan_covers: plan != uncovered,
        })
    }

    fn is_beyond_plan(&self) -> bool {
        self.is_built && !self.plan_builds
    }
}

pub(super) fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let request: Request = read(task.request)?;
    let document = task.rules.document(RULE_DOCUMENT)?;
    let rules = rules_of(document)?.plan;
    let asked = request.difference(&rules);
    let Findings { mut result, patches } = (DIFFERENCE.run)(&asked_as(task, &asked))?;
    let uncovered = result["classification"]["uncovered"].clone();
    if result["classification"]["classes"].as_array().is_none_or(|classes| !classes.contains(&json!(rules.built))) {
        return Err(AnalysisError::Request {
            what_zh: format!("归并表中没有“{}”类，不能判断是否已建", rules.built),
            what_en: format!("the classification has no class {}", rules.built),
        });
    }
    let place = |stated: &Map<String, Value>| Place::of(stated, &rules.built, &uncovered);
    let mut beyond: Vec<FoundPatch> =
        patches.into_iter().filter(|patch| place(&patch.properties).is_some_and(|p| p.is_beyond_plan())).collect();
    let permitted_m2 = permitted(task, &beyond)?;
    let [mut suspected, mut slivers, mut with_permit, mut not_covered] = [Total::default(); 4];
    for (patch, (own_m2, permitted_m2)) in beyond.iter_mut().zip(permitted_m2) {
        let has_permit = permitted_m2 > 0.0 && permitted_m2 >= rules.permit_share * own_m2;
        (if has_permit { &mut with_permit } else { &mut suspected }).add(1, &patch.properties);
        if !has_permit && patch.properties.get("sliver") == Some(&Value::Bool(true)) {
            slivers.add(1, &patch.properties);
        }
        if place(&patch.properties).is_some_and(|place| !place.plan_covers) {
            not_covered.add(1, &patch.properties);
        }
        patch.properties.insert("kind".to_owned(), json!("built-beyond-plan"));
        patch.properties.insert("suspected".to_owned(), json!(!has_permit));
        patch.properties.insert("permitted_plane_m2".to_owned(), rounded(permitted_m2, 2));
    }
    let [mut as_planned, mut not_yet_built, mut beyond_plan] = [Total::default(); 3];
    for row in result["matrix"].as_array().into_iter().flatten().filter_map(Value::as_object) {
        let patches = row.get("patches").and_then(Value::as_u64).unwrap_or_default();
        match place(row) {
            Some(place) if place.is_beyond_plan() => beyond_plan.add(patches, row),
            Some(Place { is_built: true, .. }) => as_planned.add(patches, row),
            Some(Place { plan_builds: true, .. }) => not_yet_built.add(patches, row),
            _ => {}
        }
    }
    // The classification's words for a combination are those of two plans, not of the ground and a plan.
    for row in result["matrix"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        row.remove("title");
    }
    for unit in result["by_unit"].as_array_mut().into_iter().flatten() {
        let mut total = Total::default();
        for row in unit["matrix"].as_array().into_iter().flatten().filter_map(Value::as_object) {
            if place(row).is_some_and(|place| place.is_beyond_plan()) {
                total.add(row.get("patches").and_then(Value::as_u64).unwrap_or_default(), row);
            }
        }
        unit["built_beyond_plan"] = total.json();
    }
    if let Value::Object(result) = &mut result {
        let mut put = |name: &str, value: Value| result.insert(name.to_owned(), value);
        put("rule", json!(RULE));
        put("mode", json!("plan"));
        put("built_beyond_plan", beyond_plan.json());
        put("suspected", suspected.json());
        put("suspected_slivers", slivers.json());
        put("permitted", with_permit.json());
        put("permits_compared", json!(request.permits.is_some()));
        put("plan_silent", not_covered.json());
        put("built_as_planned", as_planned.json());
        put("not_yet_built", not_yet_built.json());
        if let Some(versions) = result.get_mut("rule_versions").and_then(Value::as_object_mut) {
            versions.insert(RULE_DOCUMENT.to_owned(), json!(document.version));
        }
    }
    Ok(Findings { result, patches: beyond })
}

fn asked_as<'t>(task: &Task<'t>, request: &'t Value) -> Task<'t> {
    Task { request, ..*task }
}

/// Square metres of the plane of each patch, and how much of it lies in an approval.
fn permitted(task: &Task<'_>, patches: &[FoundPatch]) -> Result<Vec<(f64, f64)>, AnalysisError> {
    let Some(permits) = task.layers.get(PERMITS_ROLE) else { return Ok(vec![(0.0, 0.0); patches.len()]) };
    let parcel = |patch: &FoundPatch| Parcel { polygons: patch.polygons.clone(), ..Parcel::default() };
    let places = ParcelLayer {
        source: "patches".to_owned(),
        code_system: "unknown".to_owned(),
        crs: task.plane.clone(),
        parcels: patches.iter().map(parcel).collect(),
    };
    let grid = Grid::finest(&[&places, &permits.layer], &SNAPS_M)?;
    let ruler = Ruler { frame: grid.frame, ground: None };
    let snapped: Vec<_> = permits.layer.parcels.par_iter().map(|parcel| grid.snap(parcel)).collect();
    let allowed: Vec<Shape> = union(snapped.iter().flat_map(|shape| &shape.rings));
    let index = BoxIndex::new(allowed.iter().map(|shape| bounds_of(shape.iter())));
    let share = |place: &Parcel| {
        let own = grid.snap(place);
        let near = index.meeting(own.border.bounds);
        let both = overlaid(own.rings.iter(), near.iter().flat_map(|i| &allowed[*i]), Rule::Intersect);
        (area_of(own.rings.iter(), &ruler).plane_m2, area_of(both.iter().flatten(), &ruler).plane_m2)
    };
    Ok(places.parcels.par_iter().map(share).collect())
}
