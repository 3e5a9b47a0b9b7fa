//! A lake behind a barrier: where it spills, and how area and volume grow with its level.
//!
//! The lake at a level holds the cells that are flooded below it. Area and volume at every step follow from sums over the cells
//! in the order in which they are flooded: `V(z) = Σ (z - h) a`, exact for the heights as they are.

use super::basin::{Barriers, Basin, Spill, Way};
use super::fill::{Looked, go_on, mark_line};
use super::ground::Ground;
use super::place_of;
use super::request::{Request, Rules, Source, refuse};
use crate::{
    AnalysisError, Task,
    figures::{Areas, metres},
    marks::{Marks, Window},
};

/// Rows read at once.
const BAND: usize = 256;

/// A level with the lake that stands at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) level_m: f64,
    pub(super) areas: Areas,
    pub(super) volume_m3: f64,
}

/// The lake as it spills, and its rise.
#[derive(Debug)]
pub(super) struct Lake<'t> {
    pub(super) spill: Spill,
    pub(super) wet: Marks,
    pub(super) curve: Vec<Step>,
    pub(super) basin: Basin<'t>,
    /// Height of the dam's crest and whether the lake stands at it, where one was drawn.
    pub(super) dam: Option<(f64, bool)>,
}

/// The cells of the dam and its crest.
fn dam_of(ground: &Ground<'_>, request: &Request) -> Result<Option<(Marks, f64)>, AnalysisError> {
    let Some(line) = &request.dam else { return Ok(None) };
    let mut marks = Marks::new(ground.window.columns, ground.window.rows);
    mark_line(&mut marks, &ground.cells_of_degrees(line)?);
    let Some(bounds) = marks.bounds() else {
        return Err(refuse(
            "坝线不在所查范围内，请重新绘制",
            "the dam lies outside of what is looked at: draw it again",
        ));
    };
    let (mut lowest_m, mut greatest_m) = (f32::INFINITY, f32::NEG_INFINITY);
    for first in (0..bounds.rows).step_by(BAND) {
        let part = Window { row: bounds.row + first, rows: BAND.min(bounds.rows - first), ..bounds };
        for (at, height) in ground.read(part)?.into_iter().enumerate() {
            let is_dam = marks.is_set(part.column + at % part.columns, part.row + at / part.columns);
            if is_dam && height.is_finite() {
                (lowest_m, greatest_m) = (lowest_m.min(height), greatest_m.max(height));
            }
        }
    }
    let crest_m = match request.crest_m {
        Some(crest_m) if crest_m <= f64::from(lowest_m) && lowest_m.is_finite() => {
            return Err(refuse(
                format!("坝顶高程 {} 米不高于坝线最低地面 {} 米", metres(crest_m), metres(f64::from(lowest_m))),
                format!(
                    "the crest of {} m is not above the ground of {} m",
                    metres(crest_m),
                    metres(f64::from(lowest_m))
                ),
            ));
        }
        Some(crest_m) => crest_m,
        // A dam as high as the ground it reaches is passed at its ends before it is overtopped.
        None if greatest_m.is_finite() => f64::from(greatest_m),
        None => {
            return Err(refuse(
                "坝线处没有高程，请给出坝顶高程 crest_m",
                "there is no height along the dam: say crest_m",
            ));
        }
    };
    Ok(Some((marks, crest_m)))
}

/// Lets the lake rise until it spills.
pub(super) fn rise<'t>(
    task: &'t Task<'t>,
    ground: &'t Ground<'t>,
    request: &Request,
    rules: &Rules,
    looked: &'t Looked,
    closed: &'t Marks,
    (edge_of_data, edge_of_area): (&'t Marks, Option<&'t Marks>),
) -> Result<Lake<'t>, AnalysisError> {
    go_on(task, 0.4, "推算溢流水位")?;
    let Some(Source::Points(places)) = &request.source else {
        return Err(refuse("堰塞湖分析需要坝上游的一点 source", "dam needs a source"));
    };
    let (source, source_m) = place_of(ground, looked, places[0])?;
    let dam = dam_of(ground, request)?;
    let none = || {
        let [lon, lat] = places[0];
        refuse(
            format!(
                "从上游点（{lon:.6}，{lat:.6}，地面 {} 米）流下的水不受阻挡即流出，不会形成湖；请把点移到坝前谷底，或检查坝线和坝顶高程",
                metres(f64::from(source_m))
            ),
            format!(
                "water from {lon:.6}, {lat:.6} (ground {} m) runs off unhindered, no lake forms: put the place on the valley floor just above the dam, or check the dam and its crest",
                metres(f64::from(source_m))
            ),
        )
    };
    let barriers = Barriers {
        dam: dam.map(|(marks, crest_m)| (marks, crest_m as f32)),
        closed,
        edge_of_data,
        edge_of_area,
        area: looked.area.as_ref(),
        by_corners: rules.fill.corners,
    };
    let mut basin = Basin::new(task, ground, barriers);
    let spill = basin.spill(source)?.ok_or_else(none)?;
    let bottom_m = f64::from(spill.lowest_m);
    let levels = levels(bottom_m, f64::from(spill.level_m), request.steps.unwrap_or(rules.dam.steps));
    let mut curve = Vec::with_capacity(levels.len());
    let mut areas = Areas::default();
    let mut above_m3 = 0.0;
    let step = |level_m: f64, areas: Areas, above_m3: f64| Step {
        level_m,
        areas,
        volume_m3: (level_m - bottom_m) * areas.plane_m2 - above_m3,
    };
    let wet = basin.fill(spill.lowest, spill.level_m, |(column, row), height_m, flooded_m| {
        while levels.get(curve.len()).is_some_and(|level_m| f64::from(flooded_m) >= *level_m) {
            curve.push(step(levels[curve.len()], areas, above_m3));
        }
        let cell = ground.cell(column, row);
        areas = [areas, cell].into_iter().sum();
        above_m3 += (f64::from(height_m) - bottom_m) * cell.plane_m2;
    })?;
    for level_m in &levels[curve.len()..] {
        curve.push(step(*level_m, areas, above_m3));
    }
    let dam = basin.dam().map(|(marks, crest_m)| {
        let shore = marks.stepped(true).with(&wet, |near, wet| near & wet);
        (request.crest_m.unwrap_or(f64::from(crest_m)), shore.count() > 0)
    });
    if let Some((_, false)) = dam {
        return Err(refuse(
            format!("上游点所在的水面（{} 米）到不了坝线，请把点移到坝前谷底", metres(f64::from(spill.level_m))),
            format!(
                "the lake round the place ({} m) does not reach the dam: put it on the valley floor just above the dam",
                metres(f64::from(spill.level_m))
            ),
        ));
    }
    Ok(Lake { spill, wet, curve, basin, dam })
}

/// Round levels between the bottom and the spill, at most so many, and that of the spill.
fn levels(bottom_m: f64, spill_m: f64, steps: usize) -> Vec<f64> {
    let least = (spill_m - bottom_m) / steps as f64;
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= least);
    let step = step.unwrap_or(least);
    let first = (bottom_m / step).floor() + 1.0;
    let mut made: Vec<f64> =
        (0..steps).map(|at| (first + at as f64) * step).take_while(|level| *level < spill_m).collect();
    made.push(spill_m);
    made
}

impl Way {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OverDam => "over-dam",
            Self::Pass => "pass",
            Self::EdgeOfData => "edge-of-data",
            Self::EdgeOfArea => "edge-of-area",
        }
    }
}
