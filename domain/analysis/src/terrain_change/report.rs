//! What is said of what was found: outlines with their figures, how the surveys fit, and what must be known before reading on.

use serde_json::{Map, Value, json};

use super::pair::Pair;
use super::registration::{Registration, Spread};
use super::rules::{Rules, Stable};
use super::volume::{self, Error, Moved};
use crate::marks::{Place, Run, Window};
use crate::{
    AnalysisError, FoundPatch, Polygon, Surface, Task,
    clip::Site,
    figures::{Figures, rounded},
};

/// What was taken off the later survey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alignment {
    pub(super) aligned: bool,
    pub(super) tilt_asked: bool,
    pub(super) tilt_taken_off: bool,
}

/// The largest class that a volume reaches; lost ground is what slid.
pub(super) fn scale_of(rules: &Rules, moved: &Moved) -> String {
    let volume_m3 = moved.loss_m3.max(moved.gain_m3);
    let reached = rules.scale.iter().rev().find(|scale| volume_m3 >= scale.from_m3);
    reached.map(|scale| scale.name.clone()).unwrap_or_default()
}

/// The outlines with what is known of each.
pub(super) fn patches(
    task: &Task<'_>,
    pair: &Pair<'_>,
    window: Window,
    places: &[(Place, Moved)],
    error: &Error,
    rules: &Rules,
) -> Result<Vec<FoundPatch>, AnalysisError> {
    places
        .iter()
        .enumerate()
        .map(|(index, (place, moved))| {
            let cells = cells_in_plane(task, pair, window, &place.runs)?;
            let site = Site::around(cells.iter(), task.plane)?;
            let region = site.region(cells.iter());
            let mut properties = Map::new();
            properties.insert("kind".to_owned(), json!("moved-ground"));
            Figures::of(site.areas(&region)).put_m2(&mut properties);
            volume::put(&mut properties, moved, error);
            properties.insert("scale".to_owned(), json!(scale_of(rules, moved)));
            volume::put_travel(&mut properties, moved, task, pair)?;
            Ok(FoundPatch {
                id: format!("BH{:04}", index + 1),
                properties,
                polygons: site.polygons(&region),
                ..FoundPatch::default()
            })
        })
        .collect()
}

/// Runs of cells as rectangles of the task's plane.
fn cells_in_plane(
    task: &Task<'_>,
    pair: &Pair<'_>,
    window: Window,
    runs: &[Run],
) -> Result<Vec<Polygon>, AnalysisError> {
    let [west, north, width, height] = pair.base().grid();
    let mut corners: Vec<[f64; 2]> = runs
        .iter()
        .flat_map(|run| {
            let x = [run.from, run.to].map(|column| west + (window.column + column as usize) as f64 * width);
            let y = [run.row, run.row + 1].map(|row| north - (window.row + row as usize) as f64 * height);
            [[x[0], y[1]], [x[1], y[1]], [x[1], y[0]], [x[0], y[0]]]
        })
        .collect();
    if pair.base().crs() != task.plane {
        geodesy::Transform::new(pair.base().crs(), task.plane)?.points(&mut corners)?;
    }
    Ok(corners.as_chunks::<4>().0.iter().map(|ring| Polygon { exterior: ring.to_vec(), holes: Vec::new() }).collect())
}

pub(super) fn registration_json(
    found: &Registration,
    rules: &Rules,
    before: &dyn Surface,
    after: &dyn Surface,
) -> Value {
    let m = |value: Option<f64>| value.filter(|v| v.is_finite()).map_or(Value::Null, |v| rounded(v, 4));
    let spread = |spread: &Spread| json!({ "median_m": rounded(spread.median_m, 4), "nmad_m": rounded(spread.nmad_m, 4), "p68_m": rounded(spread.p68_m, 4), "p95_m": rounded(spread.p95_m, 4) });
    let Stable { significant: factor, negligible_m, .. } = rules.stable;
    let significant = found.significant(factor, negligible_m);
    let tilted = found.is_tilted(factor, negligible_m);
    json!({
        "stable_m2": rounded(found.stable_m2, 0), "looked_at_m2": rounded(found.looked_at_m2, 0), "blocks": found.blocks,
        "shift_m": { "east": m(found.shift_m[0]), "north": m(found.shift_m[1]), "up": m(found.shift_m[2]) },
        "standard_error_m": { "east": m(found.standard_error_m[0]), "north": m(found.standard_error_m[1]), "up": m(found.standard_error_m[2]) },
        "significant": { "east": significant[0], "north": significant[1], "up": significant[2] },
        "tilt_m_per_km": { "east": m(Some(found.tilt_m_per_km[0])), "north": m(Some(found.tilt_m_per_km[1])), "significant": tilted },
        "tilt_error_m_per_km": { "east": m(Some(found.tilt_error_m_per_km[0])), "north": m(Some(found.tilt_error_m_per_km[1])) },
        "residual": { "as_delivered": spread(&found.before), "shift_taken_off": spread(&found.after) },
        "common_sigma_m": rounded(found.common_sigma_m, 4),
        "correlation_length_m": rounded(found.correlation_length_m(), 1),
        "height_datums": { "before": before.height_datum().to_string(), "after": after.height_datum().to_string() },
    })
}

/// What whoever reads the figures must know first.
pub(super) fn message(rules: &Rules, registration: Option<&Registration>, align: Alignment, places: usize) -> Value {
    let Some(found) = registration else {
        return json!({
            "zh": "没有足够的稳定地面，两期是否套合未能检查；误差按给定精度计算，系统偏差未知。",
            "en": "There is too little stable ground: whether the surveys fit was not checked. Errors are those stated; a common offset is unknown.",
        });
    };
    let [east, north, up] = found.shift_m.map(Option::unwrap_or_default);
    let level = east.hypot(north);
    let off = found.significant(rules.stable.significant, rules.stable.negligible_m).contains(&true);
    let [none_zh, none_en] = if places == 0 {
        ["未发现超过检出限的变化。", "Nothing changed by more than the level of detection. "]
    } else {
        [""; 2]
    };
    let tilted = found.is_tilted(rules.stable.significant, rules.stable.negligible_m);
    let [tilt_zh, tilt_en] = match (align.tilt_asked, align.tilt_taken_off, tilted) {
        (_, true, _) => ["并扣除了整体倾斜，", " and its tilt was taken off"],
        (true, false, _) => ["未发现显著的整体倾斜，未作扣除，", "; no significant tilt was found to be taken off"],
        (false, false, true) => ["两期之间另有显著的整体倾斜，", "; a significant tilt remains"],
        (false, false, false) => [""; 2],
    };
    let [zh, en] = if align.aligned {
        [
            format!("后一期已按稳定地面归算（平面 {level:.3} 米、高程 {up:.3} 米），{tilt_zh}成果为应急参考。"),
            format!(
                "The later survey was moved to fit stable ground ({level:.3} m level, {up:.3} m up){tilt_en}; for emergency use only."
            ),
        ]
    } else if tilted {
        [
            format!(
                "两期在稳定地面上相差平面 {level:.3} 米、高程 {up:.3} 米，并有显著的整体倾斜（每公里东向 {:.3} 米、北向 {:.3} 米），未计入体积区间。可选“按稳定地面归算并扣除倾斜”重算。",
                found.tilt_m_per_km[0], found.tilt_m_per_km[1]
            ),
            format!(
                "On stable ground the surveys differ by {level:.3} m level and {up:.3} m up, and the later one is tilted ({:.3} m a kilometre to the east, {:.3} to the north), which the intervals do not allow for. Ask to align on stable ground and to take the tilt off.",
                found.tilt_m_per_km[0], found.tilt_m_per_km[1]
            ),
        ]
    } else if off {
        [
            format!(
                "两期在稳定地面上相差平面 {level:.3} 米、高程 {up:.3} 米，超出偶然误差；体积区间已计入。可选“按稳定地面归算”重算。"
            ),
            format!(
                "On stable ground the surveys differ by {level:.3} m level and {up:.3} m up, more than by chance; the intervals allow for it. Ask to align on stable ground to have it taken off."
            ),
        ]
    } else {
        ["两期套合良好。".to_owned(), "The surveys fit.".to_owned()]
    };
    let fits = !align.aligned && !tilted && !off;
    json!({ "zh": format!("{none_zh}{zh}"), "en": format!("{none_en}{en}"), "fits": fits })
}
