//! Only the survey after the slide: where somebody drew it, its area and what the ground is like now. How deep it went is not to
//! be had from one surface; what such areas held elsewhere is given as a guess, apart from everything measured.
//!
//! Guzzetti and others (2009, Earth and Planetary Science Letters 279, 222-229) and Larsen and others (2010, Nature Geoscience 3,
//! 247-251) fitted `V = alpha * A^gamma` to measured slides; single slides lie off that by several times.

use serde_json::{Map, Value, json};

use super::pair::Pair;
use super::rules::{Relation, Rules};
use super::{BAND, RULE, Request, refuse, rule_versions, section};
use crate::{
    AnalysisError, Findings, FoundPatch, Polygon, Surface, Task,
    clip::Site,
    figures::{Areas, Figures, rounded},
    mechanism::sources,
    slope::{rings_of, slope_within, spans},
};

/// Lowest and highest ground in the area, and how many of its cells have a height.
#[derive(Debug, Default)]
struct Relief {
    low_high_m: Option<[f64; 2]>,
    known: u64,
    unknown: u64,
}

/// The area with what can be said of it.
pub(super) fn run(
    task: &Task<'_>,
    request: &Request,
    rules: &Rules,
    after: &dyn Surface,
    area: &[Polygon],
) -> Result<Findings, AnalysisError> {
    let site = Site::around(area.iter(), task.plane)?;
    let region = site.region(area.iter());
    let areas = site.areas(&region);
    // A surface against itself brings grid, window and reading with it.
    let pair = Pair::new(after, after)?;
    let relief = relief(task, &pair, &rings_of(after, area, task.plane)?)?;
    let Some([low_m, high_m]) = relief.low_high_m else {
        return Err(refuse(
            "所圈范围内后一期没有高程，请重新圈定或换用其他数据",
            "the later survey has no heights in the area: draw it again, or choose another survey",
        ));
    };
    let slope = slope_within(after, area, task.plane, 90.0)?;
    let mut properties = Map::new();
    Figures::of(areas).put_m2(&mut properties);
    properties.insert(
        "relief".to_owned(),
        json!({
            "lowest_m": rounded(low_m, 2), "highest_m": rounded(high_m, 2), "range_m": rounded(high_m - low_m, 2),
        }),
    );
    properties.insert("mean_slope_deg".to_owned(), slope.map_or(Value::Null, |slope| rounded(slope.mean_deg, 1)));
    properties.insert("scale".to_owned(), Value::Null);
    let patch = FoundPatch {
        id: "BH0001".to_owned(),
        properties: std::iter::once(("kind".to_owned(), json!("drawn-ground"))).chain(properties.clone()).collect(),
        polygons: site.polygons(&region),
        ..FoundPatch::default()
    };
    let mut patches = vec![patch];
    let cell = pair.cell_m(pair.window.row + pair.window.rows / 2);
    let mut sections = section::sections(&pair, &request.sections)?;
    for section in &mut sections {
        section["before_m"] = Value::Null;
    }
    let mut result = json!({
        "rule": RULE, "rule_versions": rule_versions(task, request)?, "sources": sources(task), "mode": "after-only",
        "height_datums": { "after": pair.base().height_datum().to_string() },
        "aligned": false, "registration": null, "loss": null, "gain": null, "net": null,
        "cells": { "size_m": cell.map(|m| rounded(m, 3)), "looked_at": relief.known + relief.unknown, "without_height": relief.unknown },
        "sections": sections, "estimate": estimate(&rules.estimate, areas),
        "message": {
            "zh": "只有灾后一期：仅量算所圈范围的面积、高差和坡度，深度与体积未知，规模不能判定；按面积估算的体积只供参考，不作为量算成果。",
            "en": "There is only a survey after the change: area, relief and slope of the drawn area are measured, depth and volume are unknown and so is the class of its size. The volume guessed from the area is no measurement.",
        },
    });
    if let Value::Object(result) = &mut result {
        result.append(&mut properties);
        if let Some(houses) = request.houses.within(task, area)? {
            patches.extend(houses.patches);
            result.insert("buildings".to_owned(), houses.result);
        }
    }
    Ok(Findings { result, patches })
}

/// Heights of the cells whose middles lie in rings.
fn relief(task: &Task<'_>, pair: &Pair<'_>, rings: &[Vec<[f64; 2]>]) -> Result<Relief, AnalysisError> {
    let surface = pair.base();
    let [west, north, width, height] = surface.grid();
    let window = pair.narrowed(&rings.concat());
    let mut relief = Relief::default();
    if window.cells() == 0 {
        return Ok(relief);
    }
    for first in (0..window.rows).step_by(BAND) {
        if task.watch.cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        task.watch.progress(first as f64 / window.rows as f64, "量算所圈范围");
        let rows = BAND.min(window.rows - first);
        let heights = surface.window(window.column, window.row + first, window.columns, rows)?;
        for (index, line) in heights.chunks_exact(window.columns).enumerate() {
            let y = north - ((window.row + first + index) as f64 + 0.5) * height;
            for [from, to] in spans(rings, y) {
                let [from, to] = [from, to].map(|x| {
                    let column = (x - west) / width - window.column as f64 - 0.5;
                    column.ceil().clamp(0.0, window.columns as f64) as usize
                });
                for height in line[from..to].iter().map(|height| f64::from(*height)) {
                    if height.is_finite() {
                        let [low, high] = relief.low_high_m.unwrap_or([height; 2]);
                        relief.low_high_m = Some([low.min(height), high.max(height)]);
                        relief.known += 1;
                    } else {
                        relief.unknown += 1;
                    }
                }
            }
        }
    }
    Ok(relief)
}

/// What slides of such an area held elsewhere: from the least to the most that any of the laws allows.
fn estimate(laws: &[Relation], areas: Areas) -> Value {
    // To three figures: more would look like a measurement.
    let guess = |m3: f64| {
        let digits = 10_f64.powf(m3.max(1.0).log10().floor() - 2.0);
        rounded((m3 / digits).round() * digits, 0)
    };
    let of = |law: &Relation| law.alpha * areas.ellipsoidal_m2.powf(law.gamma);
    let (low, high) = laws.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), law| {
        (low.min(of(law) / law.factor), high.max(of(law) * law.factor))
    });
    if laws.is_empty() {
        return Value::Null;
    }
    json!({
        "label_zh": "估算", "label_en": "Estimate",
        "range_m3": [guess(low), guess(high)],
        "laws": laws.iter().map(|law| json!({
            "name": law.name, "alpha": law.alpha, "gamma": law.gamma, "factor": law.factor, "source": law.source,
            "middle_m3": guess(of(law)), "range_m3": [guess(of(law) / law.factor), guess(of(law) * law.factor)],
        })).collect::<Vec<_>>(),
        "message": {
            "zh": "按面积的经验公式估算，未量测深度；不得作为体积成果上报。",
            "en": "From area by empirical laws; no depth was measured. Not to be reported as a volume.",
        },
    })
}
