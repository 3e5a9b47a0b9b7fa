//! What became of the buildings: destroyed, buried, damaged or unchanged, each with what speaks for it; a person may know better
//! and say so with a reason, and both stand in the result.
//!
//! Where both surveys are surface models the roofs decide: a roof that no longer stands above its ground is gone, whatever the
//! ground did. Bare-ground models show only what happened beneath, and say that. A surface model held against bare ground would
//! show every roof gone; that is noticed on buildings whose ground did not move, and nothing is judged then.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::footprint::{Evidence, Scene, footprints, look};
use super::pair::Pair;
use super::rules::{Buildings, Rules};
use super::{Level, MOST_PLACES, refuse};
use crate::marks::{Place, Window};
use crate::{
    AnalysisError, FoundPatch, LayerWanted, LoadedLayer, Polygon, RuleBook, Task,
    clip::Site,
    figures::rounded,
    registers::{House, Register, Registers},
};

/// States given by hand, and letters of a reason.
const MOST_OVERRIDES: usize = 2_000;
const MOST_LETTERS: usize = 500;
/// Buildings that are listed; all are counted.
const MOST_LISTED: usize = 2_000;
/// Around a drawn area buildings are read to see what kind of model the surveys are, degrees of latitude: some 300 m.
const AROUND_DEG: f64 = 0.003;

/// The part of a request that is about buildings.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Houses {
    #[serde(default)]
    buildings: Asked,
    #[serde(default)]
    overrides: BTreeMap<String, Override>,
}

/// Whether buildings are looked at, and in which register.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Asked {
    Flag(bool),
    Of { registers: BTreeMap<String, String> },
}

impl Default for Asked {
    fn default() -> Self {
        Self::Flag(false)
    }
}

/// A state that somebody knows.
#[derive(Debug, Deserialize)]
struct Override {
    state: State,
    reason: String,
}

/// What became of a building, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Destroyed,
    Buried,
    Damaged,
    Undetermined,
    Unchanged,
}

impl State {
    const ALL: [Self; 5] = [Self::Destroyed, Self::Buried, Self::Damaged, Self::Undetermined, Self::Unchanged];

    fn name(self) -> &'static str {
        match self {
            Self::Destroyed => "destroyed",
            Self::Buried => "buried",
            Self::Damaged => "damaged",
            Self::Undetermined => "undetermined",
            Self::Unchanged => "unchanged",
        }
    }

    fn title(self) -> [&'static str; 2] {
        match self {
            Self::Destroyed => ["被毁", "Destroyed"],
            Self::Buried => ["被埋", "Buried"],
            Self::Damaged => ["受损", "Damaged"],
            Self::Undetermined => ["未判定", "Not determined"],
            Self::Unchanged => ["未见变化", "No change seen"],
        }
    }
}

/// What a state rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Basis {
    Roof,
    Ground,
    Nothing,
}

impl Basis {
    fn json(self, state: State) -> Value {
        let (name, [zh, en]) = match (self, state) {
            (Self::Roof, State::Destroyed | State::Buried) => {
                ("roof", ["表面模型可见屋顶已不在", "the surface model shows the roof gone"])
            }
            (Self::Roof, State::Damaged) => (
                "roof",
                [
                    "表面模型可见屋顶部分缺失或四周地面变动",
                    "the surface model shows a part of the roof gone, or the ground around moved",
                ],
            ),
            (Self::Roof, _) => ("roof", ["表面模型可见屋顶仍在", "the surface model shows the roof in place"]),
            (Self::Ground, _) => ("ground", ["仅据地面变化推断，看不见屋顶", "from the ground only; no roof is seen"]),
            (Self::Nothing, _) => ("none", ["依据不足，请人工判定", "too little to go by: judge by hand"]),
        };
        json!({ "basis": name, "zh": zh, "en": en })
    }
}

/// What a survey shows of buildings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Surface,
    Ground,
    Unknown,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Surface => "surface",
            Self::Ground => "ground",
            Self::Unknown => "unknown",
        }
    }
}

/// Both surveys' kinds, and how many buildings on unmoved ground tell them.
#[derive(Debug, Clone, Copy)]
struct Model {
    kinds: [Kind; 2],
    witnesses: usize,
    roofs: [usize; 2],
}

impl Model {
    fn of(evidence: &[Evidence], rules: &Buildings, limit_m: f64) -> Self {
        let mut model = Self { kinds: [Kind::Unknown; 2], witnesses: 0, roofs: [0; 2] };
        for seen in evidence.iter().filter(|seen| seen.known >= rules.least_cells) {
            // Only ground that stayed says what a survey shows: a slide takes roofs with it.
            let stayed = seen.ground_change_m.is_some_and(|m| m.abs() <= limit_m);
            if let Some(standing_m) = seen.standing_m.filter(|_| stayed) {
                model.witnesses += 1;
                for (roofs, m) in model.roofs.iter_mut().zip(standing_m) {
                    *roofs += usize::from(m >= rules.roof_m);
                }
            }
        }
        if model.witnesses >= rules.least_witnesses {
            model.kinds = model.roofs.map(|roofs| {
                let share = roofs as f64 / model.witnesses as f64;
                match share {
                    share if share >= rules.surface_share => Kind::Surface,
                    share if share <= rules.ground_share => Kind::Ground,
                    _ => Kind::Unknown,
                }
            });
        }
        model
    }

    fn is_mixed(&self) -> bool {
        matches!(self.kinds, [Kind::Surface, Kind::Ground] | [Kind::Ground, Kind::Surface])
    }

    fn json(&self) -> Value {
        let [zh, en] = match self.kinds {
            [Kind::Surface, Kind::Surface] => ["两期均为表面模型，按屋顶判定", "both are surface models: roofs decide"],
            [Kind::Ground, Kind::Ground] => [
                "两期均为地面模型，看不见屋顶，仅按地面变化推断",
                "both are bare ground: states are guessed from the ground",
            ],
            _ if self.is_mixed() => [
                "一期为表面模型、另一期为地面模型，相减会使房屋全部“消失”或“新增”，不作判定；请选择同类模型",
                "one is a surface model and the other bare ground, between which every roof comes or goes: nothing is judged; choose two of a kind",
            ],
            _ => [
                "未变化地面上的房屋太少或不一致，不能断定是表面模型还是地面模型，逐栋按能否看见屋顶判定",
                "too few buildings on unmoved ground to tell surface model from bare ground: each is judged by whether its roof was seen",
            ],
        };
        json!({
            "before": self.kinds[0].name(), "after": self.kinds[1].name(), "witnesses": self.witnesses,
            "roofs_seen": { "before": self.roofs[0], "after": self.roofs[1] }, "zh": zh, "en": en,
        })
    }
}

/// Where is looked, and what moved there.
#[derive(Clone, Copy)]
pub(super) struct Seen<'s> {
    pub(super) window: Window,
    pub(super) rings: &'s [Vec<[f64; 2]>],
    pub(super) places: &'s [Place],
    pub(super) level: &'s Level,
}

/// The table, and the buildings as places.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) result: Value,
    pub(super) patches: Vec<FoundPatch>,
}

/// A building with what became of it.
struct Fate<'l> {
    house: House<'l>,
    found: State,
    basis: Basis,
    given: Option<(State, &'l str)>,
    evidence: Option<Evidence>,
}

impl Fate<'_> {
    /// The state in force.
    fn state(&self) -> State {
        self.given.map_or(self.found, |(state, _)| state)
    }
}

impl Houses {
    /// Whether anything about buildings is asked.
    pub(super) fn asked(&self) -> bool {
        !matches!(self.buildings, Asked::Flag(false))
    }

    /// Refuses what makes no sense.
    pub(super) fn check(&self) -> Result<(), AnalysisError> {
        if !self.overrides.is_empty() && !self.asked() {
            return Err(refuse(
                "给出了房屋状态（overrides）却没有要求判定房屋（buildings），请一并要求",
                "states are given (overrides) and buildings are not asked for: ask for buildings, too",
            ));
        }
        if self.overrides.len() > MOST_OVERRIDES {
            return Err(refuse(
                format!("人工指定的房屋状态超过 {MOST_OVERRIDES} 栋"),
                format!("more than {MOST_OVERRIDES} states are given by hand"),
            ));
        }
        for (number, Override { state, reason }) in &self.overrides {
            let letters = reason.trim().chars().count();
            if letters == 0 || letters > MOST_LETTERS {
                return Err(refuse(
                    format!("房屋 {number} 的状态改为“{}”须写明理由（1 至 {MOST_LETTERS} 字）", state.title()[0]),
                    format!("the state given to building {number} needs a reason of 1 to {MOST_LETTERS} letters"),
                ));
            }
        }
        Ok(())
    }

    /// The register, where it is asked for.
    pub(super) fn wanted(
        &self,
        request: &Value,
        book: &RuleBook,
        within_lon_lat_deg: Option<[f64; 4]>,
    ) -> Result<Vec<LayerWanted>, AnalysisError> {
        if !self.asked() {
            return Ok(Vec::new());
        }
        let mut asked = json!({
            "registers": request["registers"], "datetime": request["datetime"], "recorded": request["recorded"],
        });
        if let Asked::Of { registers } = &self.buildings {
            asked["registers"] = json!(registers);
        }
        let around = within_lon_lat_deg.map(|[west, south, east, north]| {
            let lat = south.abs().max(north.abs()).min(89.0);
            let lon_deg = AROUND_DEG / lat.to_radians().cos();
            [west - lon_deg, south - AROUND_DEG, east + lon_deg, north + AROUND_DEG]
        });
        Registers::of(book)?.wanted(&[Register::Houses], &asked, around)
    }

    /// What two surveys say of the buildings; none where nobody asked.
    pub(super) fn seen(
        &self,
        task: &Task<'_>,
        rules: &Rules,
        pair: &Pair<'_>,
        Seen { window, rings, places, level }: Seen<'_>,
    ) -> Result<Option<Judged>, AnalysisError> {
        let (rules, limit_m) = (&rules.buildings, level.detection_m);
        self.judged(task, |loaded| {
            task.watch.progress(0.8, "判定房屋状态");
            let scene = Scene { pair, rules, window, rings, places, limit_m };
            let footprints = footprints(&scene, &loaded.layer, task.plane)?;
            let evidence = look(&scene, &footprints, task.watch)?;
            let model = Model::of(&evidence, rules, limit_m);
            let states = evidence
                .into_iter()
                .map(|seen| seen.is_asked.then(|| (judge(&seen, rules, &model, limit_m), Some(seen))))
                .collect();
            Ok((states, model.json()))
        })
    }

    /// The buildings in an area of which nothing but the ground as it is now is known.
    pub(super) fn within(&self, task: &Task<'_>, area: &[Polygon]) -> Result<Option<Judged>, AnalysisError> {
        self.judged(task, |loaded| {
            let site = Site::around(area.iter(), task.plane)?;
            let region = site.region(area.iter());
            let meets = |polygons: &[Polygon]| !site.shared(&region, polygons.iter()).is_empty();
            let parcels = loaded.layer.parcels.iter();
            let states = parcels
                .map(|parcel| meets(&parcel.polygons).then_some(((State::Undetermined, Basis::Nothing), None)))
                .collect();
            Ok((states, Value::Null))
        })
    }

    /// The buildings of the register with the states that are found, and those that are given.
    fn judged(
        &self,
        task: &Task<'_>,
        find: impl FnOnce(&LoadedLayer) -> Result<(Vec<Found>, Value), AnalysisError>,
    ) -> Result<Option<Judged>, AnalysisError> {
        if !self.asked() {
            return Ok(None);
        }
        let Some(loaded) = task.register(Register::Houses) else {
            if let Some(number) = self.overrides.keys().next() {
                return Err(not_there(number));
            }
            return Ok(Some(Judged { result: missing(), patches: Vec::new() }));
        };
        let registers = Registers::of(task.rules)?;
        let (found, model) = find(loaded)?;
        let fates = loaded.layer.parcels.iter().zip(found).filter_map(|(parcel, found)| {
            let ((found, basis), evidence) = found?;
            let house = registers.house(parcel);
            let given = self.overrides.get(&house.number).map(|given| (given.state, given.reason.trim()));
            Some(Fate { house, found, basis, given, evidence })
        });
        let mut fates: Vec<Fate<'_>> = fates.collect();
        let given = fates.iter().filter(|fate| fate.given.is_some()).map(|fate| fate.house.number.as_str());
        let known: std::collections::BTreeSet<&str> = given.collect();
        if let Some(number) = self.overrides.keys().find(|number| !known.contains(number.as_str())) {
            return Err(not_there(number));
        }
        fates.sort_by(|a, b| {
            (a.state(), &a.house.number, &a.house.parcel.id).cmp(&(b.state(), &b.house.number, &b.house.parcel.id))
        });
        Ok(Some(table(&fates, loaded, &model)))
    }
}

/// A building's state with what it rests on; none where it is not asked about.
type Found = Option<((State, Basis), Option<Evidence>)>;

fn not_there(number: &str) -> AnalysisError {
    refuse(
        format!("人工指定状态的房屋 {number} 不在所查范围的房屋台账中，请核对编号或范围"),
        format!(
            "building {number}, whose state is given by hand, is not in the register within the area: check its number, or the area"
        ),
    )
}

fn missing() -> Value {
    json!({
        "register": null,
        "message": {
            "zh": "没有房屋台账，未判定房屋状态，也未统计受影响的户数和人数；请导入房屋图层或用 registers 指定。",
            "en": "There is no register of buildings: no states, households or people were worked out. Import one, or name it (registers).",
        },
    })
}

/// What became of a building.
fn judge(seen: &Evidence, rules: &Buildings, model: &Model, limit_m: f64) -> (State, Basis) {
    if seen.known < rules.least_cells || seen.known * 2 < seen.cells || model.is_mixed() {
        return (State::Undetermined, Basis::Nothing);
    }
    let roof_seen = model.kinds[0] != Kind::Ground
        && seen.roof_cells >= rules.least_cells
        && seen.standing_m.is_some_and(|m| m[0] >= rules.roof_m);
    let ground_m = seen.ground_change_m.unwrap_or(0.0);
    let touched = seen.share(seen.in_place) >= rules.damaged_share;
    if roof_seen {
        let gone = seen.roofless_share();
        let state = if gone >= rules.lost_share {
            if ground_m >= rules.over_m.max(limit_m) { State::Buried } else { State::Destroyed }
        } else if gone >= rules.damaged_share || (touched && (seen.fallen > 0 || ground_m.abs() > limit_m)) {
            State::Damaged
        } else {
            // A roof that rose alone was built on.
            State::Unchanged
        };
        return (state, Basis::Roof);
    }
    let state = if !touched {
        State::Unchanged
    } else if seen.share(seen.fallen) >= rules.lost_share && seen.mean_m[0] >= rules.under_m {
        State::Destroyed
    } else if seen.share(seen.risen) >= rules.lost_share && seen.mean_m[1] >= rules.over_m {
        State::Buried
    } else {
        State::Damaged
    };
    (state, Basis::Ground)
}

/// The table by state, and the buildings that are not as they were.
fn table(fates: &[Fate<'_>], loaded: &LoadedLayer, model: &Value) -> Judged {
    let states: Vec<Value> = State::ALL
        .into_iter()
        .map(|state| {
            let own = || fates.iter().filter(|fate| fate.state() == state);
            let [zh, en] = state.title();
            json!({
                "state": state.name(), "title_zh": zh, "title_en": en, "buildings": own().count(),
                "households": own().map(|fate| u64::from(fate.house.households)).sum::<u64>(),
                "people": own().map(|fate| u64::from(fate.house.people)).sum::<u64>(),
                "found": fates.iter().filter(|fate| fate.found == state).count(),
            })
        })
        .collect();
    let told = |fate: &&Fate<'_>| fate.state() != State::Unchanged || fate.given.is_some();
    let count = fates.iter().filter(told).count();
    let mut list = Vec::new();
    let mut patches = Vec::new();
    for (index, fate) in fates.iter().filter(told).take(MOST_LISTED).enumerate() {
        let mut properties = Map::new();
        properties.insert("kind".to_owned(), json!("building"));
        put(&mut properties, fate);
        let id = format!("FW{:04}", index + 1);
        let mut row = properties.clone();
        row.remove("kind");
        row.insert("id".to_owned(), json!(id));
        list.push(Value::Object(row));
        let polygons = fate.house.parcel.polygons.clone();
        patches.push(FoundPatch { id, properties, polygons, ..FoundPatch::default() });
    }
    let result = json!({
        "register": { "dataset": loaded.dataset, "revision": loaded.revision, "title": loaded.title },
        "model": model, "looked_at": fates.len(), "states": states,
        "given_by_hand": fates.iter().filter(|fate| fate.given.is_some()).count(),
        "not_unchanged": count, "listed": list.len(), "list": list,
    });
    Judged { result, patches }
}

/// A building in words and numbers.
fn put(into: &mut Map<String, Value>, fate: &Fate<'_>) {
    let (house, state) = (&fate.house, fate.state());
    let m = |value: f64| rounded(value, 2);
    let share = |value: f64| rounded(value, 3);
    let height = |m: Option<f64>| m.map_or(Value::Null, |m| rounded(m, 2));
    let reason = fate.given.map(|(_, reason)| reason);
    let evidence = fate.evidence.as_ref().map(|seen| {
        let drop_m = -seen.change_m;
        json!({
            "cells": seen.cells, "known": seen.known,
            "moved_share": share(seen.share(seen.fallen + seen.risen)), "in_place_share": share(seen.share(seen.in_place)),
            "loss": { "share": share(seen.share(seen.fallen)), "mean_m": m(seen.mean_m[0]), "greatest_m": m(seen.greatest_m[0]) },
            "gain": { "share": share(seen.share(seen.risen)), "mean_m": m(seen.mean_m[1]), "greatest_m": m(seen.greatest_m[1]) },
            "drop_m": m(drop_m),
            "drop_of_height": house.height_m.map_or(Value::Null, |height_m| share(drop_m / height_m)),
            "roof_above_ground_m": { "before": height(seen.standing_m.map(|m| m[0])), "after": height(seen.standing_m.map(|m| m[1])) },
            "ground_around_change_m": height(seen.ground_change_m),
            "roof_gone_share": seen.standing_m.map_or(Value::Null, |_| share(seen.roofless_share())),
        })
    });
    let place = fate.evidence.as_ref().and_then(|seen| seen.place).filter(|place| *place < MOST_PLACES);
    for (key, value) in [
        ("number", json!(house.number)),
        ("state", json!(state.name())),
        ("state_zh", json!(state.title()[0])),
        ("found", json!(fate.found.name())),
        ("found_zh", json!(fate.found.title()[0])),
        ("given_by_hand", json!(fate.given.is_some())),
        ("reason", json!(reason)),
        ("use", json!(house.purpose)),
        ("village", json!(house.village)),
        ("structure", json!(house.structure)),
        ("storeys", json!(house.storeys)),
        ("height_m", json!(house.height_m)),
        ("households", json!(house.households)),
        ("people", json!(house.people)),
        ("place", json!(place.map(|place| format!("BH{:04}", place + 1)))),
        ("confidence", fate.basis.json(fate.found)),
        ("evidence", json!(evidence)),
    ] {
        into.insert(key.to_owned(), value);
    }
}
