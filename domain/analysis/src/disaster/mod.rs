//! 灾情评估: two surveys in, one answer out: how much moved, what became of the buildings, who is threatened, how they get out.
//!
//! Request: what `terrain-change` takes (`before`?, `after`, `within`?, `align`?, `accuracy_m`?, `least_m2`?, `sections`?,
//! `overrides`?), `"roofs"?: {"before": D, "after": D}` surface models for the buildings where the first pair is bare ground,
//! `"zone"?: area` the danger zone where somebody drew it, what `exposure` takes of hazard and losses (`hazard`?, `deaths`?,
//! `direct_loss_wan_yuan`?, `loss_wan_yuan`?), `"registers"?`, `"datetime"?`, `"recorded"?`, `"rasters"?`.
//!
//! Nothing is worked out here: each part is the analysis of its name, asked with what the one before it found. A part that
//! cannot be answered is said to be missing with its reason, and the others stand.

mod zone;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    AnalysisError, FoundPatch, Polygon, Surface,
    change::Asked,
    evacuation::EVACUATION,
    exposure::{self, EXPOSURE},
    mechanism::{Analysis, DataWanted, Findings, RuleBook, RuleDocument, Task, Watch, sources},
    registers::{Register, Registers},
    terrain_change::TERRAIN_CHANGE,
};
use zone::{Zone, area_json};

/// The analysis.
pub(crate) static DISASTER: Analysis = Analysis {
    name: "disaster",
    title_zh: "灾情评估",
    title_en: "Disaster review",
    results_are_datasets: true,
    wanted,
    run,
};

/// Name of this rule in results; changes when the same input may give another result.
const RULE: &str = "disaster/1";
/// Its rule document.
pub(crate) const DOCUMENT: &str = "disaster";
/// What the change of the ground is asked with.
const CHANGE_KEYS: [&str; 9] =
    ["before", "after", "within", "align", "accuracy_m", "least_m2", "sections", "overrides", "registers"];
/// What the other parts are asked with, each as it needs it.
const DAYS: [&str; 3] = ["registers", "datetime", "recorded"];
const EXPOSURE_KEYS: [&str; 4] = ["hazard", "deaths", "direct_loss_wan_yuan", "loss_wan_yuan"];
/// Roles of the surface models.
const ROOFS: [&str; 2] = ["roofs-before", "roofs-after"];

#[derive(Debug, Deserialize)]
struct Roofs {
    before: Asked,
    after: Asked,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    #[expect(dead_code, reason = "every rule document has it; the rule book's version is what results name")]
    document: toml::Table,
    zone: ZoneRules,
    layers: LayerRules,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct ZoneRules {
    buffer_m: f64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerRules {
    reach_m: f64,
}

fn refuse(what_zh: impl Into<String>, what_en: impl Into<String>) -> AnalysisError {
    AnalysisError::Request { what_zh: what_zh.into(), what_en: what_en.into() }
}

/// Refuses a document that cannot be used.
pub(crate) fn check(document: &RuleDocument) -> Result<(), AnalysisError> {
    rules_of(document).map(|_| ())
}

fn rules_of(document: &RuleDocument) -> Result<Rules, AnalysisError> {
    let bad = |what: String| AnalysisError::BadRule { name: DOCUMENT.to_owned(), what };
    let rules: Rules = toml::from_str(&document.text).map_err(|error| bad(error.to_string()))?;
    if !(0.0..=5_000.0).contains(&rules.zone.buffer_m) || !(0.0..=50_000.0).contains(&rules.layers.reach_m) {
        return Err(bad(
            "buffer_m 应为 0 至 5000 米，reach_m 应为 0 至 50000 米 (buffer_m 0 to 5000 m, reach_m 0 to 50 km)"
                .to_owned(),
        ));
    }
    Ok(rules)
}

/// Some members of a request as another.
fn taken(request: &Value, keys: &[&str]) -> Map<String, Value> {
    keys.iter()
        .filter_map(|key| Some(((*key).to_owned(), request.get(*key).filter(|v| !v.is_null())?.clone())))
        .collect()
}

fn change_request(request: &Value) -> Value {
    let mut asked = taken(request, &CHANGE_KEYS);
    asked.insert("buildings".to_owned(), true.into());
    // Without a survey before there is no difference to draw.
    let wanted = request["rasters"].as_bool().unwrap_or(true) && asked.contains_key("before");
    asked.insert("rasters".to_owned(), wanted.into());
    Value::Object(asked)
}

fn roofs_of(request: &Value) -> Result<Option<Roofs>, AnalysisError> {
    match &request["roofs"] {
        Value::Null => Ok(None),
        stated => serde_json::from_value(stated.clone()).map(Some).map_err(|error| {
            refuse(
                format!("roofs 应为 {{before, after}} 两期表面模型：{error}"),
                format!("roofs is {{before, after}}: {error}"),
            )
        }),
    }
}

fn wanted(request: &Value, book: &RuleBook) -> Result<DataWanted, AnalysisError> {
    let rules = rules_of(book.document(DOCUMENT)?)?;
    if !request.is_object() || request["after"].is_null() {
        return Err(refuse("请选择灾后数据（after）", "name the survey after the event (after)"));
    }
    let mut wanted = (TERRAIN_CHANGE.wanted)(&change_request(request), book)?;
    zone::drawn(&request["zone"])?;
    if let Some(roofs) = roofs_of(request)? {
        wanted.surfaces.extend([roofs.before.surface(ROOFS[0]), roofs.after.surface(ROOFS[1])]);
    }
    let registers = [Register::Houses, Register::Roads, Register::Shelters];
    let mut layers = exposure::layers(request, book, None)?;
    layers.extend(Registers::of(book)?.wanted(&registers, request, None)?);
    for layer in layers {
        if wanted.layers.iter().all(|own| own.role != layer.role) {
            wanted.layers.push(layer);
        }
    }
    // Where the ground moved is not known yet: registers are read around the surveys.
    for layer in &mut wanted.layers {
        layer.within_lon_lat_deg = None;
    }
    wanted.around_surfaces_m = Some(rules.layers.reach_m);
    Ok(wanted)
}

/// A part of the work, told to whoever waits as a part of the whole.
#[derive(Debug)]
struct Part<'w> {
    watch: &'w dyn Watch,
    from: f64,
    share: f64,
}

impl Watch for Part<'_> {
    fn progress(&self, done: f64, doing: &str) {
        self.watch.progress(self.from + self.share * done.clamp(0.0, 1.0), doing);
    }

    fn cancelled(&self) -> bool {
        self.watch.cancelled()
    }
}

/// A part as the others need not wait for it: what it found, or why it could not say anything.
fn tried(
    found: Result<Findings, AnalysisError>,
    part: &str,
    skipped: &mut Vec<Value>,
) -> Result<Option<Findings>, AnalysisError> {
    let [zh, en] = match found {
        Ok(found) => return Ok(Some(found)),
        Err(AnalysisError::Cancelled) => return Err(AnalysisError::Cancelled),
        Err(AnalysisError::Request { what_zh, what_en } | AnalysisError::RedLine { what_zh, what_en }) => {
            [what_zh, what_en]
        }
        Err(other) => [other.to_string(), other.to_string()],
    };
    skipped.push(json!({ "part": part, "zh": zh, "en": en }));
    Ok(None)
}

fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let document = task.rules.document(DOCUMENT)?;
    let rules = rules_of(document)?;
    let request = change_request(task.request);
    let part = |from: f64, share: f64| Part { watch: task.watch, from, share };
    let watch = part(0.0, 0.55);
    let changed = (TERRAIN_CHANGE.run)(&Task { request: &request, watch: &watch, ..*task })?;
    let Findings { result: mut change, mut patches } = changed;
    let moved = polygons_of(&patches, &["moved-ground", "drawn-ground"]);
    let zone = Zone::of(&task.request["zone"], &moved, rules.zone.buffer_m, task.plane)?;
    let mut skipped = Vec::new();
    if let Some(zone) = &zone {
        roofs(task, &part(0.55, 0.15), zone, &mut change, &mut patches, &mut skipped)?;
    }
    let (mut exposed, mut ways) = (Value::Null, Value::Null);
    if let Some(zone) = &zone {
        let mut asked = taken(task.request, &[&DAYS[..], &EXPOSURE_KEYS[..]].concat());
        asked.insert("area".to_owned(), json!({ "polygon": zone.json }));
        let (asked, watch) = (Value::Object(asked), part(0.7, 0.1));
        let found = (EXPOSURE.run)(&Task { request: &asked, watch: &watch, ..*task });
        if let Some(found) = tried(found, EXPOSURE.name, &mut skipped)? {
            exposed = found.result;
            patches.extend(threatened(found.patches, &patches, zone));
        }
        let mut asked = taken(task.request, &DAYS);
        asked.insert("zone".to_owned(), zone.json.clone());
        if !moved.is_empty() {
            asked.insert("cut".to_owned(), json!([area_json(&moved, task.plane)]));
        }
        let (asked, watch) = (Value::Object(asked), part(0.8, 0.2));
        let found = (EVACUATION.run)(&Task { request: &asked, watch: &watch, ..*task });
        if let Some(found) = tried(found, EVACUATION.name, &mut skipped)? {
            ways = found.result;
            patches.extend(found.patches);
        }
    } else {
        skipped.push(json!({
            "part": EXPOSURE.name, "zh": "没有发现变化，也没有圈定危险区，未统计受威胁对象；请圈定危险区（zone）后重算",
            "en": "nothing moved and no danger zone was drawn, so nobody was counted: draw the zone",
        }));
    }
    let result = json!({
        "rule": RULE, "rule_versions": versions(task, document, &[&change, &exposed, &ways]), "sources": sources(task),
        "stamp": change["stamp"], "change": change, "zone": zone.map(|zone| zone.said),
        "exposure": exposed, "evacuation": ways, "skipped": skipped,
    });
    Ok(Findings { result, patches })
}

/// The buildings by surface models, where the request names a pair of them, in place of what bare ground can say.
fn roofs(
    task: &Task<'_>,
    watch: &Part<'_>,
    zone: &Zone,
    change: &mut Value,
    patches: &mut Vec<FoundPatch>,
    skipped: &mut Vec<Value>,
) -> Result<(), AnalysisError> {
    let Some((before, after)) = task.surfaces.get(ROOFS[0]).zip(task.surfaces.get(ROOFS[1])) else { return Ok(()) };
    let surfaces: BTreeMap<String, &dyn Surface> =
        BTreeMap::from([("before".to_owned(), *before), ("after".to_owned(), *after)]);
    let mut asked = taken(task.request, &["overrides", "registers", "align", "accuracy_m"]);
    for (key, role) in [("before", "before"), ("after", "after")] {
        asked.insert(key.to_owned(), task.request["roofs"][role].clone());
    }
    asked.insert("within".to_owned(), zone.json.clone());
    asked.insert("buildings".to_owned(), true.into());
    let asked = Value::Object(asked);
    let found = (TERRAIN_CHANGE.run)(&Task { request: &asked, surfaces: &surfaces, watch, ..*task });
    let Some(found) = tried(found, "roofs", skipped)? else { return Ok(()) };
    change["buildings"] = found.result["buildings"].clone();
    let is_building = |patch: &FoundPatch| patch.properties.get("kind").is_some_and(|kind| kind == "building");
    patches.retain(|patch| !is_building(patch));
    patches.extend(found.patches.into_iter().filter(is_building));
    Ok(())
}

fn polygons_of(patches: &[FoundPatch], kinds: &[&str]) -> Vec<Polygon> {
    let of_kind = |patch: &&FoundPatch| patch.properties["kind"].as_str().is_some_and(|kind| kinds.contains(&kind));
    patches.iter().filter(of_kind).flat_map(|patch| patch.polygons.clone()).collect()
}

/// The places of those who are threatened: a building whose state is known already is not shown twice.
fn threatened(found: Vec<FoundPatch>, known: &[FoundPatch], zone: &Zone) -> Vec<FoundPatch> {
    let numbers: Vec<&Value> = known.iter().filter_map(|patch| patch.properties.get("number")).collect();
    found
        .into_iter()
        .filter(|patch| patch.properties["kind"] != "building" || !numbers.contains(&&patch.properties["number"]))
        .map(|mut patch| {
            if patch.properties["kind"] == "building" {
                patch.properties.insert("kind".to_owned(), "exposed-building".into());
            } else if patch.properties["kind"] == "exposed-area" {
                patch.properties.insert("estimate".to_owned(), zone.is_estimate.into());
            }
            patch
        })
        .collect()
}

/// The rules that every part followed.
fn versions(task: &Task<'_>, document: &RuleDocument, parts: &[&Value]) -> Value {
    let mut versions = Map::new();
    versions.insert(DOCUMENT.to_owned(), document.version.clone().into());
    for part in parts {
        versions.extend(part["rule_versions"].as_object().cloned().unwrap_or_default());
    }
    versions.retain(|name, _| task.rules.document(name).is_ok());
    Value::Object(versions)
}
