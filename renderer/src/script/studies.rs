//! Steps that ask something of the ground: two epochs, their difference, a section, water, views, a cut, buildings.
//!
//! A step waits for its answer, since a script wants numbers; what it came to is reported under the step's name.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{below, is_below, is_place};
use crate::desk::{Desk, EVERYTHING_M};
use crate::headless;
use crate::layer::damage;
use crate::layer::difference::Scale;
use crate::scene::clip::{Clip, Keep};
use crate::scene::earthwork::Reference;
use crate::scene::flood::{CLASS_ENDS_M, Flood};
use crate::scene::sight::Sight;
use crate::viewer::{Compare, FloodOrder, Side, ViewOrder};

/// Two epochs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TwoEpochs {
    /// The earlier moment, RFC 3339 or a date; without one nothing is compared.
    before: Option<String>,
    /// How they are seen.
    how: How,
    /// Where a swipe parts the map, 0..1 of its width.
    at: Option<f32>,
    /// Datasets seen in the earlier picture only, whatever their dates.
    only_before: Vec<String>,
    /// Datasets seen in the later picture only.
    only_after: Vec<String>,
}

/// How two epochs are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum How {
    /// One picture, parted.
    #[default]
    Swipe,
    /// Beside each other.
    Linked,
    /// Only the later one; the earlier serves difference and section.
    Off,
}

/// Colours of the difference.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ramp {
    /// A smaller change is not shown, metres.
    limit_m: f64,
    /// From here on colours are strongest, metres.
    most_m: f64,
}

impl Default for Ramp {
    fn default() -> Self {
        let Scale { limit_m, most_m } = Scale::default();
        Self { limit_m, most_m }
    }
}

/// A section.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Longitudes and latitudes in degrees.
    line: Vec<[f64; 2]>,
    /// A file for the heights, `.json` or `.csv`.
    #[serde(default)]
    file: Option<String>,
}

/// Water.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Water {
    /// Middle of the ground looked at, and where water comes from: longitude and latitude in degrees.
    at: [f64; 2],
    /// The level, metres.
    level_m: f64,
    /// How far round, metres.
    #[serde(default = "a_kilometre")]
    radius_m: f64,
    /// Whether only what is connected to the place is filled.
    #[serde(default)]
    connected: bool,
}

fn a_kilometre() -> f64 {
    1_000.0
}

/// What is seen from a place.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Longitude and latitude in degrees.
    eye: [f64; 2],
    /// Above the ground, metres.
    #[serde(default = "standing")]
    eye_up_m: f64,
    /// Above the ground, metres.
    #[serde(default)]
    target_up_m: f64,
    /// How far one looks, metres.
    #[serde(default = "a_kilometre")]
    radius_m: f64,
}

fn standing() -> f64 {
    1.7
}

/// A line of sight.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    /// Longitude and latitude in degrees.
    from: [f64; 2],
    /// Longitude and latitude in degrees.
    to: [f64; 2],
    /// Above the ground, metres.
    #[serde(default = "standing")]
    from_up_m: f64,
    /// Above the ground, metres.
    #[serde(default = "standing")]
    to_up_m: f64,
}

/// A cut: a polygon, or a box round a place.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Longitudes and latitudes in degrees.
    #[serde(default)]
    polygon: Vec<[f64; 2]>,
    /// Middle of a box.
    #[serde(default)]
    center: Option<[f64; 2]>,
    /// Half of its width and depth, metres.
    #[serde(default)]
    half_m: Option<[f64; 2]>,
    /// Turned clockwise from north.
    #[serde(default)]
    heading_deg: f64,
    /// From which height to which, metres.
    #[serde(default)]
    heights_m: Option<[f64; 2]>,
    /// What stays.
    #[serde(default)]
    keep: Stays,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Stays {
    #[default]
    Inside,
    Outside,
}

impl Cut {
    fn clip(&self) -> Option<Clip> {
        let ring = match (self.center, self.half_m) {
            (Some(center), Some(half_m)) if self.polygon.is_empty() => Clip::box_ring(center, half_m, self.heading_deg),
            (None, None) => self.polygon.clone(),
            _ => return None,
        };
        let keep = if self.keep == Stays::Inside { Keep::Inside } else { Keep::Outside };
        Clip::new(&ring, self.heights_m.unwrap_or(EVERYTHING_M), keep)
    }
}

/// What volumes count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CountsFrom {
    /// The plane that fits the ground at the corners.
    #[default]
    Corners,
    /// The lowest ground at a corner.
    LowestCorner,
    /// A level, metres.
    Level(f64),
}

impl From<CountsFrom> for Reference {
    fn from(from: CountsFrom) -> Self {
        match from {
            CountsFrom::Corners => Self::Corners,
            CountsFrom::LowestCorner => Self::LowestCorner,
            CountsFrom::Level(level_m) => Self::Level(level_m),
        }
    }
}

/// A step that asks something of the ground.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Study<'s> {
    /// Two epochs.
    Compare(&'s TwoEpochs),
    /// Their difference.
    Difference(&'s Option<Ramp>),
    /// A section.
    Section(&'s Option<Line>),
    /// Water.
    Flood(&'s Option<Water>),
    /// What is seen from a place.
    Viewshed(&'s Option<View>),
    /// A line of sight.
    Sight(&'s Look),
    /// A cut.
    Clip(&'s Option<Cut>),
    /// Buildings by state, by the id of a job.
    Damage(&'s Option<String>),
}

impl Study<'_> {
    /// Whether every number is one.
    pub(super) fn is_sound(&self) -> bool {
        let is_up = |up_m: f64| (0.0..=10_000.0).contains(&up_m);
        let is_radius = |radius_m: f64| (1.0..=50_000.0).contains(&radius_m);
        match self {
            Self::Compare(epochs) => epochs.at.is_none_or(|at| (0.0..=1.0).contains(&at)),
            Self::Difference(ramp) => {
                ramp.is_none_or(|ramp| (0.0..=1_000.0).contains(&ramp.limit_m) && (1e-3..=1e4).contains(&ramp.most_m))
            }
            Self::Section(line) => line.as_ref().is_none_or(|line| {
                (2..=200).contains(&line.line.len())
                    && line.line.iter().copied().all(is_place)
                    && line.file.as_deref().is_none_or(is_below)
            }),
            Self::Flood(water) => water.is_none_or(|water| {
                is_place(water.at) && (-1e4..1e4).contains(&water.level_m) && is_radius(water.radius_m)
            }),
            Self::Viewshed(view) => view.is_none_or(|view| {
                is_place(view.eye) && is_up(view.eye_up_m) && is_up(view.target_up_m) && is_radius(view.radius_m)
            }),
            Self::Sight(look) => {
                is_place(look.from) && is_place(look.to) && is_up(look.from_up_m) && is_up(look.to_up_m)
            }
            Self::Clip(cut) => cut.as_ref().is_none_or(|cut| cut.clip().is_some()),
            Self::Damage(_) => true,
        }
    }

    /// Does the step and gives back what it came to, and the file it wrote.
    pub(super) fn follow(
        &self,
        desk: &mut Desk,
        (folder, size_px): (&Path, [u32; 2]),
    ) -> Result<(Option<Value>, Option<String>), Refusal> {
        let settle = |desk: &mut Desk| headless::settle(desk, size_px, headless::PATIENCE).map(drop);
        let none = Ok((None, None));
        match self {
            Self::Compare(epochs) => {
                compare(desk, epochs)?;
                none
            }
            Self::Difference(ramp) => {
                let scale = ramp.map(|Ramp { limit_m, most_m }| Scale { limit_m, most_m });
                if scale.is_some() && desk.viewer.before_datetime().is_none() {
                    return refuse("先用 compare 选前期 (choose the earlier epoch with `compare` first)");
                }
                desk.viewer.set_difference(scale);
                none
            }
            Self::Section(None) => {
                desk.viewer.set_section(None);
                none
            }
            Self::Section(Some(line)) => {
                desk.viewer.set_section(Some(line.line.clone()));
                settle(desk)?;
                let profile = desk.viewer.studies.section.as_ref().and_then(|study| study.profile.as_ref());
                let Some(profile) = profile else { return refuse("没有剖面 (no section)") };
                if let Some(file) = &line.file {
                    let is_csv = Path::new(file).extension().is_some_and(|kind| kind.eq_ignore_ascii_case("csv"));
                    let text = if is_csv { profile.to_csv() } else { json!(profile).to_string() };
                    let path = below(folder, file)?;
                    std::fs::write(&path, text).map_err(|source| crate::ViewError::File { path, source })?;
                }
                let figures = json!({"kind": "section", "length_m": profile.length_m, "step_m": profile.step_m,
                    "range_m": profile.range_m, "loss_m2": profile.loss_m2, "gain_m2": profile.gain_m2});
                Ok((Some(figures), line.file.clone()))
            }
            Self::Flood(water) => {
                desk.viewer.set_flood(water.map(|water| FloodOrder {
                    center: water.at,
                    radius_m: water.radius_m,
                    level_m: water.level_m,
                    is_connected: water.connected,
                }));
                settle(desk)?;
                let flood = desk.viewer.studies.flood.as_ref().and_then(|study| study.flood.as_ref());
                Ok((flood.map(flood_json), None))
            }
            Self::Viewshed(view) => {
                desk.viewer.set_viewshed(view.map(|view| ViewOrder {
                    eye: view.eye,
                    eye_up_m: view.eye_up_m,
                    target_up_m: view.target_up_m,
                    radius_m: view.radius_m,
                }));
                settle(desk)?;
                let Some(study) = desk.viewer.studies.viewshed else { return none };
                let Some([seen_m2, within_m2]) = study.seen_m2 else {
                    return refuse("观察点没有地形 (no terrain at the eye)");
                };
                Ok((Some(json!({"kind": "viewshed", "seen_m2": seen_m2, "within_m2": within_m2})), None))
            }
            Self::Sight(look) => {
                desk.viewer.add_sight([look.from, look.to], [look.from_up_m, look.to_up_m]);
                settle(desk)?;
                let sight = desk.viewer.studies.sights.last().and_then(|study| study.sight);
                let Some(sight) = sight else { return refuse("两端须有地形 (no terrain at an end)") };
                Ok((Some(sight_json(&sight)), None))
            }
            Self::Clip(cut) => {
                // The edges of the cut stand on the ground.
                settle(desk)?;
                desk.viewer.set_clip(cut.as_ref().and_then(Cut::clip));
                none
            }
            Self::Damage(None) => {
                desk.viewer.clear_damage();
                none
            }
            Self::Damage(Some(job)) => {
                desk.viewer.load_damage(job)?;
                let counts = desk.viewer.studies.damage.as_ref().map(|study| study.counts).unwrap_or_default();
                let by_state =
                    damage::STATES.iter().zip(counts).map(|(state, count)| (state.name.to_owned(), count.into()));
                let by_state: serde_json::Map<String, Value> = by_state.collect();
                Ok((Some(json!({"kind": "damage", "job": job, "buildings": by_state})), None))
            }
        }
    }
}

/// Why a step was not done.
pub(super) enum Refusal {
    /// In words.
    Words(String),
    /// What went wrong.
    Error(crate::ViewError),
}

impl From<crate::ViewError> for Refusal {
    fn from(error: crate::ViewError) -> Self {
        Self::Error(error)
    }
}

fn refuse<T>(words: &str) -> Result<T, Refusal> {
    Err(Refusal::Words(words.to_owned()))
}

fn compare(desk: &mut Desk, epochs: &TwoEpochs) -> Result<(), Refusal> {
    desk.viewer.set_before(epochs.before.clone())?;
    if epochs.before.is_none() {
        return Ok(());
    }
    let before = epochs.only_before.iter().map(|slug| (slug.clone(), Side::Before));
    let after = epochs.only_after.iter().map(|slug| (slug.clone(), Side::After));
    let missing = desk.viewer.set_only(before.chain(after))?;
    if let Some(slug) = missing.first() {
        return refuse(&format!("没有这个图层 (no such layer): {slug}"));
    }
    desk.set_compare(match epochs.how {
        How::Swipe => Compare::Swipe(epochs.at.unwrap_or(0.5)),
        How::Linked => Compare::Linked,
        How::Off => Compare::Off,
    });
    Ok(())
}

fn flood_json(flood: &Flood) -> Value {
    json!({"kind": "flood", "area_m2": flood.area_m2, "volume_m3": flood.volume_m3, "deepest_m": flood.deepest_m,
        "class_ends_m": CLASS_ENDS_M, "class_m2": flood.class_m2, "reaches_border": flood.reaches_border,
        "source_is_dry": flood.source_is_dry})
}

fn sight_json(sight: &Sight) -> Value {
    json!({"kind": "sight", "is_seen": sight.blocked_at.is_none(), "blocked_at": sight.blocked_at,
        "distance_m": sight.distance_m, "eye": sight.eye, "target": sight.target})
}
