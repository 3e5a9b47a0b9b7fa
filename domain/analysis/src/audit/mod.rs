//! 一数一源: whether a layer can be the one source of its subject.
//!
//! Looked for: a number (BSM) that two features carry, ground that two features of a layer claim, ground that a layer
//! which should leave none leaves empty, what lies outside of what it should cover, features that the importer had to
//! repair, two layers on one subject, and codes that fit more than one code system. All are reported; codes that mean
//! different things in the systems that they fit are refused, since nobody may guess them. Which layers should leave
//! nothing empty is the rule document `data-quality` or the request: a plan of farmland has holes by its nature.
//!
//! Request: `{"layers": [{"dataset", "class_field"?, "code_system"?, "must_cover"?, "datetime"?, "recorded"?}],
//! "cover"?: {"dataset", "datetime"?, "recorded"?}, "datetime"?, "recorded"?}`. `cover` is an outline, such as XZQ, that
//! layers have to fill; without it only holes that a layer encloses can be told.

mod codes;
mod ground;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use self::{
    codes::Codes,
    ground::{Faults, Looked},
};
use crate::{
    Analysis, AnalysisError, DataWanted, Findings, LayerWanted, LoadedLayer, RuleBook, Task,
    boolean::{Rule, Shape, run as overlaid, union},
    figures::rounded,
    mechanism::{RuleDocument, sources},
    reclassification::{self, Reclassification},
    shared::Ruler,
    snap::{Grid, Snapped, area_of},
    weld::Weld,
};

/// The analysis.
pub(crate) const AUDIT: Analysis = Analysis {
    name: "audit",
    title_zh: "一数一源检查",
    title_en: "One source of truth",
    results_are_datasets: false,
    wanted,
    run,
};

/// Version of this rule in results; changes when the same input may give another result.
const RULE: &str = "audit/2";
/// Its rule document.
pub(crate) const RULE_DOCUMENT: &str = "data-quality";
/// Steps of the grid, the finest that the layers fit on.
const SNAPS_M: [f64; 3] = [0.000_01, 0.000_1, 0.001];
/// Layers that can be looked at together.
const MOST_LAYERS: usize = 64;
/// Role of the outline that layers must fill.
const COVER_ROLE: &str = "cover";

#[derive(Debug, Deserialize)]
struct Request {
    layers: Vec<LayerAsked>,
    /// What the layers that must cover have to fill.
    cover: Option<CoverAsked>,
    datetime: Option<String>,
    recorded: Option<String>,
}

#[derive(Debug, Deserialize)]
struct LayerAsked {
    dataset: String,
    class_field: Option<String>,
    code_system: Option<String>,
    /// Whether it may leave nothing empty; by default what the rule document says of the dataset.
    must_cover: Option<bool>,
    datetime: Option<String>,
    recorded: Option<String>,
}

#[derive(Debug, Deserialize)]
struct CoverAsked {
    dataset: String,
    datetime: Option<String>,
    recorded: Option<String>,
}

/// The rule document.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct QualityRules {
    #[expect(dead_code, reason = "every rule document has it; the rule book's version is what results name")]
    document: toml::Table,
    cover: CoverRules,
    least: Least,
    subject: SubjectRules,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct CoverRules {
    datasets: Vec<String>,
}

/// Below this a fault is what rounding leaves, square metres.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Least {
    overlap_m2: f64,
    gap_m2: f64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectRules {
    share: f64,
}

/// Refuses a document that cannot be used.
pub(crate) fn check(document: &RuleDocument) -> Result<(), AnalysisError> {
    rules_of(document).map(|_| ())
}

fn rules_of(document: &RuleDocument) -> Result<QualityRules, AnalysisError> {
    let bad = |what: String| AnalysisError::BadRule { name: RULE_DOCUMENT.to_owned(), what };
    let rules: QualityRules = toml::from_str(&document.text).map_err(|error| bad(error.to_string()))?;
    let small = |m2: f64| (0.0..1e6).contains(&m2);
    if !small(rules.least.overlap_m2) || !small(rules.least.gap_m2) {
        return Err(bad("[least] 应为 0 至 100 万平方米 (0 to 1e6)".to_owned()));
    }
    if !(rules.subject.share > 0.5 && rules.subject.share <= 1.0) {
        return Err(bad("[subject] share 应大于 0.5，不超过 1 (above 0.5, at most 1)".to_owned()));
    }
    Ok(rules)
}

fn read(request: &Value) -> Result<Request, AnalysisError> {
    let refuse = |what_zh: String, what_en: String| Err(AnalysisError::Request { what_zh, what_en });
    match serde_json::from_value::<Request>(request.clone()) {
        Ok(read) if (1..=MOST_LAYERS).contains(&read.layers.len()) => Ok(read),
        Ok(read) => refuse(
            format!("一次检查 1 至 {MOST_LAYERS} 个图层，请求中有 {} 个", read.layers.len()),
            format!("1 to {MOST_LAYERS} layers are looked at together, not {}", read.layers.len()),
        ),
        Err(error) => refuse(format!("检查的请求无法读取：{error}"), error.to_string()),
    }
}

fn role(index: usize) -> String {
    format!("layer-{}", index + 1)
}

fn wanted(request: &Value, _rules: &RuleBook) -> Result<DataWanted, AnalysisError> {
    let request = read(request)?;
    let or_all = |own: &Option<String>, all: &Option<String>| own.clone().or_else(|| all.clone());
    let layers = request.layers.iter().enumerate().map(|(index, layer)| LayerWanted {
        role: role(index),
        dataset: layer.dataset.clone(),
        class_field: layer.class_field.clone(),
        code_system: layer.code_system.clone(),
        datetime: or_all(&layer.datetime, &request.datetime),
        recorded: or_all(&layer.recorded, &request.recorded),
        ..LayerWanted::default()
    });
    let cover = request.cover.iter().map(|cover| LayerWanted {
        role: COVER_ROLE.to_owned(),
        dataset: cover.dataset.clone(),
        datetime: or_all(&cover.datetime, &request.datetime),
        recorded: or_all(&cover.recorded, &request.recorded),
        ..LayerWanted::default()
    });
    Ok(DataWanted { layers: layers.chain(cover).collect(), ..DataWanted::default() })
}

/// The outline that layers must fill.
struct Cover {
    shapes: Vec<Shape>,
    /// Its corners: a layer that went through degrees comes back some hundredths of a millimetre off.
    weld: Weld,
}

impl Cover {
    fn of(task: &Task<'_>, grid: &Grid, weld_m: f64) -> Result<Self, AnalysisError> {
        let loaded = task.layer(COVER_ROLE)?;
        let snapped: Vec<Snapped> = loaded.layer.parcels.par_iter().map(|parcel| grid.snap(parcel)).collect();
        let shapes = union(snapped.iter().flat_map(|shape| &shape.rings));
        if shapes.is_empty() {
            return Err(AnalysisError::Request {
                what_zh: format!("范围图层 {} 中没有面", loaded.dataset),
                what_en: format!("the layer {} of cover has no polygon", loaded.dataset),
            });
        }
        let mut weld = Weld::new(grid.steps(weld_m));
        weld.add(shapes.iter().flatten().flatten().copied());
        Ok(Self { shapes, weld })
    }
}

fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let request = read(task.request)?;
    let quality = task.rules.document(RULE_DOCUMENT)?;
    let rules = rules_of(quality)?;
    let (reclassification, codes_document) = Reclassification::read(task.rules)?;
    let asked = request.layers.iter().enumerate().map(|(index, asked)| (role(index), asked));
    let layers: Vec<(String, &LayerAsked, &LoadedLayer)> = asked
        .filter_map(|(role, asked)| {
            let loaded = task.layers.get(&role)?;
            Some((role, asked, loaded))
        })
        .collect();
    let all: Vec<_> = task.layers.values().map(|loaded| &loaded.layer).collect();
    let grid = Grid::finest(&all, &SNAPS_M)?;
    let measure = grid.measure(task.plane)?;
    let ruler = Ruler { frame: grid.frame, ground: Some(&measure) };
    let cover =
        request.cover.is_some().then(|| Cover::of(task, &grid, reclassification.tolerance.weld_m)).transpose()?;
    let mut patches = Vec::new();
    let mut reports = Vec::new();
    let mut refused = Vec::new();
    let mut covered: Vec<Vec<Shape>> = Vec::new();
    for (position, (role, asked, loaded)) in layers.iter().enumerate() {
        if task.watch.cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        task.watch.progress(position as f64 / layers.len() as f64, "检查图层");
        let snapped: Vec<Snapped> = loaded.layer.parcels.par_iter().map(|parcel| grid.snap(parcel)).collect();
        let ground = union(snapped.iter().flat_map(|shape| &shape.rings));
        let looked = Looked { role, loaded, grid: &grid, ruler: &ruler, least: rules.least };
        let by_rule = rules.cover.datasets.contains(&loaded.dataset);
        let must_cover = asked.must_cover.unwrap_or(by_rule);
        let overlaps = looked.overlaps(&snapped);
        let (gaps, outside) = match (&cover, must_cover) {
            (_, false) => (Faults::default(), Faults::default()),
            (None, true) => (looked.holes(&ground), Faults::default()),
            (Some(cover), true) => {
                let welded: Vec<Snapped> =
                    loaded.layer.parcels.par_iter().map(|parcel| grid.snap_welded(parcel, &cover.weld)).collect();
                let moved = welded.iter().zip(&snapped).any(|(welded, own)| welded.rings != own.rings);
                let ground = if moved { &union(welded.iter().flat_map(|shape| &shape.rings)) } else { &ground };
                (looked.beyond("gap", &cover.shapes, ground), looked.beyond("outside", ground, &cover.shapes))
            }
        };
        let codes = Codes::of(loaded, &reclassification);
        if codes.refused() {
            refused.push(&loaded.dataset);
        }
        reports.push(json!({
            "role": role, "dataset": loaded.dataset, "revision": loaded.revision, "title": loaded.title,
            "features": loaded.layer.parcels.len(),
            "features_without_ground": snapped.iter().filter(|shape| shape.rings.is_empty()).count(),
            "features_with_crossing_rings": snapped.iter().filter(|shape| looked.is_crossing(shape)).count(),
            "repaired_on_import": repaired(loaded),
            "duplicate_ids": duplicates(loaded),
            "must_cover": must_cover,
            "must_cover_by": if asked.must_cover.is_some() { "request" } else { "rule" },
            "overlaps": overlaps.rows(),
            "gaps": gaps.rows(),
            "outside": outside.rows(),
            "totals": {
                "overlaps": overlaps.total_json(), "gaps": gaps.total_json(), "outside": outside.total_json(),
                "hairs_plane_m2": rounded(overlaps.hairs_m2 + gaps.hairs_m2 + outside.hairs_m2, 2),
            },
            "codes": codes.json(),
        }));
        patches.extend([overlaps, gaps, outside].into_iter().flat_map(|faults| faults.patches));
        covered.push(ground);
    }
    let subjects = subjects(&layers, &covered, &ruler, rules.subject.share);
    let result = json!({
        "rule": RULE,
        "rule_versions": {
            RULE_DOCUMENT: quality.version, reclassification::RULE_DOCUMENT: codes_document.version,
        },
        "sources": sources(task), "layers": reports, "duplicate_subjects": subjects, "refused": refused,
    });
    Ok(Findings { result, patches })
}

/// Features that the importer could only publish after a repair.
fn repaired(loaded: &LoadedLayer) -> Vec<Value> {
    let by_id: BTreeMap<&str, &str> =
        loaded.layer.parcels.iter().map(|parcel| (parcel.id.as_str(), parcel.source_id.as_str())).collect();
    let one = |repair: &crate::mechanism::Repair| {
        json!({
            "id": repair.id, "source_id": by_id.get(repair.id.as_str()), "reason": repair.reason,
            "ellipsoidal_m2_before": rounded(repair.area_before_m2, 2),
            "ellipsoidal_m2_after": rounded(repair.area_after_m2, 2),
        })
    };
    loaded.repairs.iter().map(one).collect()
}

/// Numbers that more than one feature carries.
fn duplicates(loaded: &LoadedLayer) -> Value {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for parcel in loaded.layer.parcels.iter().filter(|parcel| !parcel.source_id.is_empty()) {
        *seen.entry(&parcel.source_id).or_default() += 1;
    }
    let twice: Vec<Value> = seen
        .iter()
        .filter(|(_, count)| **count > 1)
        .map(|(id, count)| json!({ "id": id, "features": count }))
        .collect();
    Value::Array(twice)
}

/// Pairs of layers that look like one subject kept twice: nearly the same ground with the same codes.
fn subjects(
    layers: &[(String, &LayerAsked, &LoadedLayer)],
    covered: &[Vec<Shape>],
    ruler: &Ruler<'_>,
    same_share: f64,
) -> Vec<Value> {
    let mut list = Vec::new();
    let plane = |shapes: &[Shape]| area_of(shapes.iter().flatten(), ruler).plane_m2;
    let codes: Vec<BTreeSet<&str>> = layers
        .iter()
        .map(|(.., loaded)| loaded.layer.parcels.iter().map(|parcel| parcel.class.as_str()).collect())
        .collect();
    for first in 0..layers.len() {
        for second in first + 1..layers.len() {
            let smaller_m2 = plane(&covered[first]).min(plane(&covered[second]));
            let larger_m2 = plane(&covered[first]).max(plane(&covered[second]));
            let common = codes[first].intersection(&codes[second]).count() as f64;
            let smaller_codes = codes[first].len().min(codes[second].len()) as f64;
            if smaller_m2 < same_share * larger_m2 || common < same_share * smaller_codes {
                continue;
            }
            let both = overlaid(covered[first].iter().flatten(), covered[second].iter().flatten(), Rule::Intersect);
            let shared_m2 = plane(&both);
            if shared_m2 > same_share * smaller_m2 {
                list.push(json!({
                    "roles": [layers[first].0, layers[second].0],
                    "datasets": [layers[first].2.dataset, layers[second].2.dataset],
                    "shared_plane_m2": rounded(shared_m2, 2), "codes_in_common": common,
                }));
            }
        }
    }
    list
}
