//! 一数一源: whether a layer can be the one source of its subject.
//!
//! Looked for: a number (BSM) that two features carry, ground that two features of a layer claim, holes that a layer
//! which should cover leaves, two layers on one subject, and codes that fit more than one code system. All are
//! reported; codes that mean different things in the systems that they fit are refused, since nobody may guess them.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    Analysis, AnalysisError, DataWanted, Findings, FoundPatch, LayerWanted, LoadedLayer, RuleBook, Task,
    boolean::{Rule, Shape, run as overlaid, union},
    index::BoxIndex,
    mechanism::sources,
    reclassification::{RULE_DOCUMENT, Reclassification},
    rounding::{decimal_of, round_half_away},
    shared::{Area, Ruler, Scratch, shared},
    snap::{Grid, Snapped, area_of, doubled_area},
};

/// The analysis.
pub const AUDIT: Analysis =
    Analysis { name: "audit", title_zh: "一数一源检查", title_en: "One source of truth", wanted, run };

/// Version of this rule in results; changes when the same input may give another result.
const RULE: &str = "audit/1";
/// Steps of the grid, the finest that the layers fit on.
const SNAPS_M: [f64; 3] = [0.000_01, 0.000_1, 0.001];
/// Smaller overlaps and gaps are what rounding leaves, square metres.
const NOTHING_M2: f64 = 0.05;
/// Layers that can be looked at together.
const MOST_LAYERS: usize = 64;
/// Share of the smaller layer's ground and codes that two layers on one subject have in common.
const SAME_SUBJECT: f64 = 0.95;

#[derive(Debug, Deserialize)]
struct Request {
    layers: Vec<LayerAsked>,
    datetime: Option<String>,
    recorded: Option<String>,
}

#[derive(Debug, Deserialize)]
struct LayerAsked {
    dataset: String,
    class_field: Option<String>,
    code_system: Option<String>,
    datetime: Option<String>,
    recorded: Option<String>,
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
    let layers = request.layers.iter().enumerate().map(|(index, layer)| LayerWanted {
        role: role(index),
        dataset: layer.dataset.clone(),
        class_field: layer.class_field.clone(),
        code_system: layer.code_system.clone(),
        datetime: layer.datetime.clone().or_else(|| request.datetime.clone()),
        recorded: layer.recorded.clone().or_else(|| request.recorded.clone()),
        within_lon_lat_deg: None,
        optional: false,
    });
    Ok(DataWanted { layers: layers.collect(), ..DataWanted::default() })
}

fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let request = read(task.request)?;
    let (rules, document) = Reclassification::read(task.rules)?;
    let layers: Vec<(String, &LoadedLayer)> =
        (0..request.layers.len()).filter_map(|index| Some((role(index), task.layers.get(&role(index))?))).collect();
    let all: Vec<_> = layers.iter().map(|(_, loaded)| &loaded.layer).collect();
    let grid = Grid::finest(&all, &SNAPS_M)?;
    let measure = grid.measure(task.plane)?;
    let ruler = Ruler { frame: grid.frame, ground: Some(&measure) };
    let mut patches = Vec::new();
    let mut reports = Vec::new();
    let mut covers: Vec<Vec<Shape>> = Vec::new();
    for (position, (role, loaded)) in layers.iter().enumerate() {
        if task.watch.cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        task.watch.progress(position as f64 / layers.len() as f64, "检查图层");
        let snapped: Vec<Snapped> = loaded.layer.parcels.par_iter().map(|parcel| grid.snap(parcel)).collect();
        let cover = union(snapped.iter().flat_map(|shape| &shape.rings));
        let found = Found { role, loaded, grid: &grid, ruler: &ruler };
        let (overlaps, overlap_rows) = found.overlaps(&snapped);
        let (gaps, gap_rows) = found.gaps(&cover);
        patches.extend(overlaps);
        patches.extend(gaps);
        let codes = codes(loaded, &rules);
        reports.push(json!({
            "role": role, "dataset": loaded.dataset, "revision": loaded.revision, "title": loaded.title,
            "features": loaded.layer.parcels.len(),
            "features_without_ground": snapped.iter().filter(|shape| shape.rings.is_empty()).count(),
            "features_with_crossing_rings": snapped.iter().filter(|shape| shape.mended.is_some()).count(),
            "duplicate_ids": duplicates(loaded),
            "overlaps": overlap_rows,
            "gaps": gap_rows,
            "codes": codes,
        }));
        covers.push(cover);
    }
    let subjects = subjects(&layers, &covers, &ruler);
    let refused: Vec<&Value> = reports.iter().filter(|report| report["codes"]["refused"] == json!(true)).collect();
    let refused: Vec<&Value> = refused.iter().map(|report| &report["dataset"]).collect();
    let result = json!({
        "rule": RULE, "rule_versions": { RULE_DOCUMENT: document.version }, "sources": sources(task),
        "layers": reports, "duplicate_subjects": subjects, "refused": refused,
    });
    Ok(Findings { result, patches })
}

fn number(value: f64) -> Value {
    decimal_of(value)
        .and_then(|value| round_half_away(value, 2).to_string().parse::<f64>().ok())
        .map_or(Value::Null, Value::from)
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

/// Which code systems the codes of a layer fit, and which of them mean different things there.
fn codes(loaded: &LoadedLayer, rules: &Reclassification) -> Value {
    let codes: BTreeSet<&str> =
        loaded.layer.parcels.iter().map(|parcel| parcel.class.as_str()).filter(|code| !code.is_empty()).collect();
    let stated = rules.system(&loaded.layer.code_system);
    let fitting: Vec<_> = rules
        .system
        .iter()
        .filter(|system| !codes.is_empty() && codes.iter().all(|code| system.codes.contains_key(system.bare(code))))
        .collect();
    let collisions: Vec<Value> = codes
        .iter()
        .filter_map(|code| {
            let meanings: BTreeMap<&str, &str> = fitting
                .iter()
                .filter_map(|system| Some((system.id.as_str(), system.codes.get(system.bare(code))?.as_str())))
                .collect();
            let different: BTreeSet<&&str> = meanings.values().collect();
            (different.len() > 1).then(|| json!({ "code": code, "meanings": meanings }))
        })
        .collect();
    let strangers: Vec<&&str> = stated.map_or_else(Vec::new, |system| {
        codes.iter().filter(|code| !system.codes.contains_key(system.bare(code))).collect()
    });
    json!({
        "stated": stated.map(|system| &system.id),
        "fits": fitting.iter().map(|system| &system.id).collect::<Vec<_>>(),
        "unknown": strangers,
        "refused": stated.is_none() && !collisions.is_empty(),
        "collisions": if stated.is_none() { collisions } else { Vec::new() },
    })
}

/// One layer being looked at.
struct Found<'a> {
    role: &'a str,
    loaded: &'a LoadedLayer,
    grid: &'a Grid,
    ruler: &'a Ruler<'a>,
}

impl Found<'_> {
    fn patch(&self, kind: &str, serial: usize, shapes: &[Shape], area: Area, ids: &[String]) -> (FoundPatch, Value) {
        let mut properties = Map::new();
        properties.insert("kind".to_owned(), json!(kind));
        properties.insert("role".to_owned(), json!(self.role));
        properties.insert("dataset".to_owned(), json!(self.loaded.dataset));
        properties.insert("revision".to_owned(), json!(self.loaded.revision));
        properties.insert("source_ids".to_owned(), json!(ids));
        properties.insert("plane_m2".to_owned(), number(area.plane_m2));
        properties.insert("ellipsoidal_m2".to_owned(), number(area.ellipsoidal_m2));
        let row = Value::Object(properties.clone());
        let polygons = shapes.iter().map(|shape| self.grid.polygon_in_plane(shape)).collect();
        (FoundPatch { id: format!("{}-{kind}-{serial:05}", self.role), properties, polygons }, row)
    }

    fn id_of(&self, index: usize) -> String {
        let parcel = &self.loaded.layer.parcels[index];
        if parcel.source_id.is_empty() { parcel.id.clone() } else { parcel.source_id.clone() }
    }

    /// Ground that two features claim.
    fn overlaps(&self, snapped: &[Snapped]) -> (Vec<FoundPatch>, Vec<Value>) {
        let index = BoxIndex::new(snapped.iter().map(|shape| shape.border.bounds));
        let pairs: Vec<(usize, usize)> = (0..snapped.len())
            .into_par_iter()
            .map_init(Scratch::default, |scratch, first| {
                let own = &snapped[first].border;
                let near = index.meeting(own.bounds).into_iter().filter(|second| *second > first);
                near.filter(|second| shared(own, &snapped[*second].border, self.ruler, scratch).plane_m2 > NOTHING_M2)
                    .map(|second| (first, second))
                    .collect::<Vec<_>>()
            })
            .flatten()
            .collect();
        let found = pairs.iter().enumerate().map(|(serial, (first, second))| {
            let shapes = overlaid(snapped[*first].rings.iter(), snapped[*second].rings.iter(), Rule::Intersect);
            let area = area_of(shapes.iter().flatten(), self.ruler);
            self.patch("overlap", serial + 1, &shapes, area, &[self.id_of(*first), self.id_of(*second)])
        });
        found.unzip()
    }

    /// Holes that the layer leaves inside of its own outline.
    fn gaps(&self, cover: &[Shape]) -> (Vec<FoundPatch>, Vec<Value>) {
        let holes = cover.iter().flat_map(|shape| shape.iter().skip(1));
        let found = holes.map(|hole| -> Shape { vec![hole.iter().rev().copied().collect()] });
        let large = found.filter(|hole| doubled_area(&hole[0]) as f64 / 2.0 * self.grid.frame.cell_m2() > NOTHING_M2);
        large
            .enumerate()
            .map(|(serial, hole)| {
                let area = area_of(hole.iter(), self.ruler);
                self.patch("gap", serial + 1, &[hole], area, &[])
            })
            .unzip()
    }
}

/// Pairs of layers that look like one subject kept twice: nearly the same ground with the same codes.
fn subjects(layers: &[(String, &LoadedLayer)], covers: &[Vec<Shape>], ruler: &Ruler<'_>) -> Vec<Value> {
    let mut list = Vec::new();
    let plane = |shapes: &[Shape]| area_of(shapes.iter().flatten(), ruler).plane_m2;
    let codes: Vec<BTreeSet<&str>> = layers
        .iter()
        .map(|(_, loaded)| loaded.layer.parcels.iter().map(|parcel| parcel.class.as_str()).collect())
        .collect();
    for first in 0..layers.len() {
        for second in first + 1..layers.len() {
            let smaller_m2 = plane(&covers[first]).min(plane(&covers[second]));
            let larger_m2 = plane(&covers[first]).max(plane(&covers[second]));
            let common = codes[first].intersection(&codes[second]).count() as f64;
            let smaller_codes = codes[first].len().min(codes[second].len()) as f64;
            if smaller_m2 < SAME_SUBJECT * larger_m2 || common < SAME_SUBJECT * smaller_codes {
                continue;
            }
            let both = overlaid(covers[first].iter().flatten(), covers[second].iter().flatten(), Rule::Intersect);
            let shared_m2 = plane(&both);
            if shared_m2 > SAME_SUBJECT * smaller_m2 {
                list.push(json!({
                    "roles": [layers[first].0, layers[second].0],
                    "datasets": [layers[first].1.dataset, layers[second].1.dataset],
                    "shared_plane_m2": number(shared_m2), "codes_in_common": common,
                }));
            }
        }
    }
    list
}
