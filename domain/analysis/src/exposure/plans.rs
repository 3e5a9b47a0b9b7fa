//! Control lines and plan zones on the exposed ground, looked up by the rules that projects are checked by.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::ground::Ground;
use crate::{
    AnalysisError, LoadedLayer, Parcel, Task,
    clip::{Region, union},
    compliance::{ControlLines, Line, look_up, selected, text},
    figures::{Areas, Figures, balanced},
};

/// Names of a line that a result lists.
const MOST_NAMES: usize = 200;

/// What lies on the ground, line by line in the order of the rules, and which lines could not be looked at.
#[derive(Debug, Default)]
pub(super) struct Plans {
    pub(super) lines: Vec<Value>,
    pub(super) not_checked: Vec<Value>,
}

/// Cuts every control line with the ground.
pub(super) fn cut(task: &Task<'_>, ground: &Ground) -> Result<Plans, AnalysisError> {
    let lines = ControlLines::of(task.rules)?;
    let whole = Figures::of(ground.areas());
    let one = |line: &Line| {
        if task.watch.cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        Ok(match look_up(task, line).and_then(|layer| Ok((layer, selected(line, layer)?))) {
            Ok((layer, parcels)) => Ok(row(line, layer, &parcels, ground, whole)),
            Err([zh, en]) => Err(json!({
                "rule": line.rule, "title": line.title_zh, "title_en": line.title_en, "reason_zh": zh, "reason_en": en,
            })),
        })
    };
    let found: Vec<Result<Value, Value>> = lines.line.par_iter().map(one).collect::<Result<_, AnalysisError>>()?;
    let mut plans = Plans::default();
    for row in found {
        match row {
            Ok(row) => plans.lines.push(row),
            Err(reason) => plans.not_checked.push(reason),
        }
    }
    Ok(plans)
}

fn row(line: &Line, layer: &LoadedLayer, parcels: &[&Parcel], ground: &Ground, whole: Figures) -> Value {
    let on_it = |parcel: &&&Parcel| {
        ground.met(parcel).is_some() || parcel.lines.iter().any(|line| !ground.pieces(line).is_empty())
    };
    let met: Vec<&Parcel> = parcels.par_iter().filter(on_it).copied().collect();
    let name = |parcel: &&Parcel| line.name_field.as_deref().map(|field| text(parcel, field));
    let mut names: Vec<String> = met.iter().filter_map(name).collect();
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    names.truncate(MOST_NAMES);
    let mut row = Map::new();
    for (key, value) in [
        ("rule", &line.rule),
        ("title", &line.title_zh),
        ("title_en", &line.title_en),
        ("dataset", &layer.dataset),
        ("revision", &layer.revision),
        ("valid_from", &layer.valid_from),
    ] {
        row.insert(key.to_owned(), value.clone().into());
    }
    row.insert("features".to_owned(), met.len().into());
    if line.name_field.is_some() {
        row.insert("names".to_owned(), names.into());
    }
    // Points and lines have no area that could be nought.
    if parcels.iter().any(|parcel| !parcel.polygons.is_empty()) || parcels.is_empty() {
        let classes = classes(line, &met, ground);
        let (total, figures) = areas(&classes, ground);
        total.put(&mut row);
        row.insert("share".to_owned(), total.share_of(whole));
        if line.class_field.is_some() {
            let one = |((class, (name, _)), figures): ((&String, &(String, Region)), &Figures)| {
                let mut part = Map::new();
                part.insert("class".to_owned(), class.clone().into());
                part.insert("class_name".to_owned(), name.clone().into());
                figures.put(&mut part);
                part.insert("share".to_owned(), figures.share_of(whole));
                Value::Object(part)
            };
            row.insert("by_class".to_owned(), classes.iter().zip(&figures).map(one).collect::<Vec<_>>().into());
        }
    }
    Value::Object(row)
}

/// What the parcels cover of the ground, by class; all in one where the line has no classes.
fn classes(line: &Line, met: &[&Parcel], ground: &Ground) -> BTreeMap<String, (String, Region)> {
    let Some((site, region)) = ground.cut() else { return BTreeMap::new() };
    let of = |parcel: &Parcel, field: Option<&str>| field.map_or_else(String::new, |field| text(parcel, field));
    let cut: Vec<(String, String, Region)> = met
        .par_iter()
        .map(|parcel| {
            let shared = site.shared(region, parcel.polygons.iter());
            (of(parcel, line.class_field.as_deref()), of(parcel, line.class_name_field.as_deref()), shared)
        })
        .collect();
    let mut parts: BTreeMap<String, (String, Vec<Region>)> = BTreeMap::new();
    for (class, name, shared) in cut {
        parts.entry(class).or_insert_with(|| (name, Vec::new())).1.push(shared);
    }
    parts.into_iter().map(|(class, (name, regions))| (class, (name, union(regions.iter())))).collect()
}

/// What classes cover together, and each; balanced to the whole where they do not lie on each other.
fn areas(classes: &BTreeMap<String, (String, Region)>, ground: &Ground) -> (Figures, Vec<Figures>) {
    let Some((site, _)) = ground.cut() else { return Default::default() };
    let total = Figures::of(site.areas(&union(classes.values().map(|(_, region)| region))));
    let each: Vec<Areas> = classes.values().map(|(_, region)| site.areas(region)).collect();
    let figures = balanced(&each, total).unwrap_or_else(|_| each.into_iter().map(Figures::of).collect());
    (total, figures)
}
