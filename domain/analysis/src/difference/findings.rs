//! What is said of the patches: the matrix, totals by unit at every level, slivers, ground that is not covered or not
//! known, and the ledger's columns of each patch. Every number is a sum of the balanced numbers of the patches.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{
    RULE, Request,
    cells::{State, World},
    patches::{Patch, Patches, number},
};
use crate::{
    AnalysisError, Findings, FoundPatch, Task,
    mechanism::sources,
    reclassification::{DifferenceWhen, RULE_DOCUMENT, Reclassification, SliverMode},
    rounding::decimal_of,
};

/// Slivers listed one by one.
const MOST_SLIVERS: usize = 1000;
/// Columns that say a patch's codes in the first and second plan.
const CODE_COLUMNS: [&str; 2] = ["CGYDXZ", "TGYDXZ"];

/// Sums of patches.
#[derive(Debug, Clone, Default)]
struct Total {
    patches: usize,
    areas: [Decimal; 2],
}

impl Total {
    fn add(&mut self, patches: usize, areas: [Decimal; 2]) {
        self.patches += patches;
        for (sum, area) in self.areas.iter_mut().zip(areas) {
            *sum += area;
        }
    }

    fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("patches".to_owned(), json!(self.patches));
        fields.insert("plane_m2".to_owned(), number(self.areas[0]));
        fields.insert("ellipsoidal_m2".to_owned(), number(self.areas[1]));
        fields
    }

    /// With its share of a whole, by ellipsoidal area, parts of 1.
    fn fields_of(&self, whole: &Self) -> Map<String, Value> {
        let mut fields = self.fields();
        let share = self.areas[1].checked_div(whole.areas[1]).unwrap_or_default().round_dp(6);
        fields.insert("share".to_owned(), serde_json::from_str(&share.normalize().to_string()).unwrap_or(Value::Null));
        fields
    }
}

/// Names of a combination, and whether it counts.
struct Combination<'w> {
    classes: Vec<&'w str>,
    code: String,
    title: String,
    rgb: Option<[u8; 3]>,
    difference: bool,
}

fn combination<'w>(world: &World<'w>, states: &[State]) -> Combination<'w> {
    let classes: Vec<&str> = states.iter().map(|state| world.name(*state)).collect();
    let classification = world.classification;
    if let Some(cell) =
        classification.cells.iter().find(|cell| cell.classes.iter().map(String::as_str).eq(classes.iter().copied()))
    {
        let (code, title) = (cell.code.clone(), cell.title.clone());
        return Combination { classes, code, title, rgb: Some(cell.rgb), difference: cell.difference };
    }
    let known: BTreeSet<State> = states.iter().copied().filter(|state| *state < world.unknown()).collect();
    let difference = match classification.difference {
        DifferenceWhen::ClassesDiffer => known.len() > 1,
        DifferenceWhen::AllCovered => states.iter().all(|state| *state < world.uncovered()),
    };
    // Digits of the states; a state that is no class has a letter.
    let digit = |state: &State| match *state {
        state if state == world.unknown() => "X".to_owned(),
        state if state == world.uncovered() => "N".to_owned(),
        state => (state + 1).to_string(),
    };
    let code = states.iter().map(digit).collect::<Vec<_>>().join("-");
    Combination { title: classes.join("／"), classes, code, rgb: None, difference }
}

#[expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    clippy::too_many_lines,
    reason = "the patches end here, whatever is made of them; one result"
)]
pub(crate) fn findings(
    task: &Task<'_>,
    request: &Request,
    reclassification: &Reclassification,
    world: &World<'_>,
    found: Patches,
    version: &str,
) -> Result<Findings, AnalysisError> {
    task.watch.progress(0.9, "整理结果");
    let mut whole = Total::default();
    let mut differences = Total::default();
    let mut slivers = Total::default();
    let mut by_states: BTreeMap<&[State], Total> = BTreeMap::new();
    let mut by_unit: Vec<BTreeMap<&[State], Total>> = vec![BTreeMap::new(); found.units.len()];
    let mut listed = Vec::new();
    let mut serials = vec![0_usize; found.units.len()];
    let mut patches = Vec::with_capacity(found.patches.len());
    let mut ids: BTreeMap<String, usize> = BTreeMap::new();
    for patch in &found.patches {
        let combination = combination(world, &patch.states);
        let areas = patch.balanced();
        whole.add(1, areas);
        by_states.entry(&patch.states).or_default().add(1, areas);
        if combination.difference {
            differences.add(1, areas);
        }
        for (position, part) in patch.parts.iter().enumerate() {
            // A patch belongs to the unit with most of it; its pieces elsewhere are counted as area only.
            let entry = by_unit[part.unit].entry(&patch.states).or_default();
            entry.add(usize::from(position == 0), part.balanced);
        }
        let unit = patch.parts.first().map_or(found.units.len() - 1, |part| part.unit);
        serials[unit] += 1;
        let mut id = patch.id();
        let twin = ids.entry(id.clone()).or_default();
        *twin += 1;
        if *twin > 1 {
            id = format!("{id}-{twin}");
        }
        if patch.sliver {
            slivers.add(1, areas);
            if listed.len() < MOST_SLIVERS {
                listed.push(json!({
                    "id": id, "classes": combination.classes, "plane_m2": number(areas[0]), "ellipsoidal_m2": number(areas[1]),
                }));
            }
        }
        let properties = properties(task, reclassification, world, &found, patch, &combination, serials[unit]);
        patches.push(FoundPatch {
            id,
            properties,
            polygons: vec![world.grid.polygon_in_plane(&patch.shape)],
            ..FoundPatch::default()
        });
    }
    let matrix: Vec<Value> = by_states
        .iter()
        .map(|(states, total)| {
            let combination = combination(world, states);
            let mut row = total.fields_of(&whole);
            row.insert("classes".to_owned(), json!(combination.classes));
            row.insert("code".to_owned(), json!(combination.code));
            row.insert("title".to_owned(), json!(combination.title));
            row.insert("rgb".to_owned(), json!(combination.rgb));
            row.insert("counts_as_difference".to_owned(), json!(combination.difference));
            Value::Object(row)
        })
        .collect();
    let merged: Vec<Value> = found
        .merged
        .iter()
        .take(MOST_SLIVERS)
        .map(|sliver| {
            let names = |states: &[State]| states.iter().map(|s| world.name(*s)).collect::<Vec<_>>();
            let rounded = |v: f64| number(decimal_of(v).unwrap_or_default());
            json!({ "classes": names(&sliver.states), "into": names(&sliver.into),
                    "plane_m2": rounded(sliver.area.plane_m2), "ellipsoidal_m2": rounded(sliver.area.ellipsoidal_m2) })
        })
        .collect();
    let mode = request.slivers.unwrap_or(world.classification.slivers.mode);
    let mut sliver_fields = slivers.fields();
    sliver_fields.insert("mode".to_owned(), json!(if mode == SliverMode::Merge { "merge" } else { "list" }));
    sliver_fields.insert("below_m2".to_owned(), json!(request.sliver_below_m2));
    let hairs_m2: f64 = found.hairs.iter().map(|hair| hair.area.plane_m2).sum();
    sliver_fields.insert("hairs_merged".to_owned(), json!(found.hairs.len()));
    sliver_fields.insert("hairs_plane_m2".to_owned(), number(decimal_of(hairs_m2).unwrap_or_default()));
    sliver_fields.insert("listed".to_owned(), Value::Array(listed));
    sliver_fields.insert("merged".to_owned(), json!(found.merged.len()));
    sliver_fields.insert("merged_listed".to_owned(), Value::Array(merged));
    let mut totals = whole.fields();
    totals.insert("difference".to_owned(), Value::Object(differences.fields_of(&whole)));
    let result = json!({
        "rule": RULE,
        "rule_versions": { RULE_DOCUMENT: version },
        "classification": {
            "id": world.classification.id,
            "title": world.classification.title,
            "title_en": world.classification.title_en,
            "classes": world.classification.classes,
            "classes_en": world.classification.classes_en,
            "uncovered": world.classification.uncovered,
            "unknown": world.classification.unknown,
        },
        "sources": sources(task),
        "layers": layers(world),
        "matrix": matrix,
        "by_unit": levels(reclassification, world, &found, &by_unit),
        "units_overlap_m2": number(decimal_of(found.units_overlap_m2).unwrap_or_default()),
        "totals": totals,
        "slivers": sliver_fields,
        "uncovered": without(world, &by_states, world.uncovered()),
        "unknown_codes": unknown_codes(world),
    });
    Ok(Findings { result, patches })
}

/// What became of each plan's ground.
fn layers(world: &World<'_>) -> Vec<Value> {
    let rounded = |v: f64| number(decimal_of(if v.abs() < 0.005 { 0.0 } else { v }).unwrap_or_default());
    world
        .sides
        .iter()
        .map(|side| {
            let account = &side.account;
            json!({
                "role": side.role,
                "dataset": side.loaded.dataset,
                "revision": side.loaded.revision,
                "title": side.loaded.title,
                "code_system": side.table.map(|table| &table.id),
                "features": account.features,
                "features_without_ground": account.empty,
                "features_with_crossing_rings": account.mended,
                "sum_plane_m2": rounded(account.sum.plane_m2),
                "sum_ellipsoidal_m2": rounded(account.sum.ellipsoidal_m2),
                "covered_more_than_once_plane_m2": rounded(account.covered_again.plane_m2),
                "covered_more_than_once_ellipsoidal_m2": rounded(account.covered_again.ellipsoidal_m2),
            })
        })
        .collect()
}

/// Ground that is in a state, by plan.
fn without(world: &World<'_>, by_states: &BTreeMap<&[State], Total>, state: State) -> Vec<Value> {
    let mut list = Vec::new();
    for (position, side) in world.sides.iter().enumerate() {
        let mut total = Total::default();
        for (_, of) in by_states.iter().filter(|(states, _)| states[position] == state) {
            total.add(of.patches, of.areas);
        }
        if total.patches > 0 {
            let mut fields = total.fields();
            fields.insert("role".to_owned(), json!(side.role));
            fields.insert("dataset".to_owned(), json!(side.loaded.dataset));
            list.push(Value::Object(fields));
        }
    }
    list
}

fn unknown_codes(world: &World<'_>) -> Vec<Value> {
    let of_side = world.sides.iter().flat_map(|side| side.account.unknown.iter().map(move |entry| (side, entry)));
    of_side
        .map(|(side, (code, (features, plane_m2)))| {
            json!({ "role": side.role, "dataset": side.loaded.dataset, "code": code, "features": features,
                    "plane_m2": number(decimal_of(*plane_m2).unwrap_or_default()) })
        })
        .collect()
}

/// Totals of every unit, from the widest level to the narrowest; each level adds up to the whole.
fn levels(
    reclassification: &Reclassification,
    world: &World<'_>,
    found: &Patches,
    by_unit: &[BTreeMap<&[State], Total>],
) -> Vec<Value> {
    let mut list = Vec::new();
    if world.units.is_none() {
        return list;
    }
    for (depth, level) in reclassification.units.levels.iter().enumerate() {
        let mut groups: BTreeMap<String, (String, BTreeMap<&[State], Total>)> = BTreeMap::new();
        for (unit, totals) in found.units.iter().zip(by_unit) {
            let code: String = unit.code.chars().take(level.digits).collect();
            let narrowest = depth + 1 == reclassification.units.levels.len();
            let group = groups.entry(code).or_default();
            if narrowest || unit.code.len() <= level.digits {
                group.0.clone_from(&unit.name);
            }
            for (states, total) in totals {
                group.1.entry(states).or_default().add(total.patches, total.areas);
            }
        }
        for (code, (name, totals)) in groups {
            let mut whole = Total::default();
            let mut differences = Total::default();
            for (states, total) in &totals {
                whole.add(total.patches, total.areas);
                if combination(world, states).difference {
                    differences.add(total.patches, total.areas);
                }
            }
            if code.is_empty() && whole.patches == 0 && whole.areas.iter().all(Decimal::is_zero) {
                continue;
            }
            let matrix: Vec<Value> = totals
                .iter()
                .map(|(states, total)| {
                    let mut row = total.fields_of(&whole);
                    row.insert("classes".to_owned(), json!(combination(world, states).classes));
                    Value::Object(row)
                })
                .collect();
            let mut fields = whole.fields();
            fields.insert("level".to_owned(), json!(level.title));
            fields.insert("code".to_owned(), json!(code));
            fields.insert("name".to_owned(), json!(if code.is_empty() { "行政区以外" } else { name.as_str() }));
            fields.insert("difference".to_owned(), Value::Object(differences.fields_of(&whole)));
            fields.insert("matrix".to_owned(), Value::Array(matrix));
            list.push(Value::Object(fields));
        }
    }
    list
}

/// The ledger's columns and where they come from.
fn properties(
    task: &Task<'_>,
    reclassification: &Reclassification,
    world: &World<'_>,
    found: &Patches,
    patch: &Patch,
    combination: &Combination<'_>,
    serial: usize,
) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    let unit = patch.parts.first().and_then(|part| found.units.get(part.unit)).cloned().unwrap_or_default();
    put("CYLXDM", json!(combination.code));
    put("CTFL", json!(combination.title));
    put("DKBH", json!(format!("{}{serial:05}", unit.code)));
    put("XZQDM", json!(unit.code));
    put("XZQMC", json!(unit.name));
    for (column, sources) in CODE_COLUMNS.into_iter().zip(&patch.sources) {
        put(column, json!(sources.codes.join(";")));
    }
    for column in &reclassification.ledger.context {
        let area_m2 = patch.context_m2.get(column).copied();
        put(column, area_m2.map_or_else(|| json!(""), |v| number(decimal_of(v).unwrap_or_default())));
    }
    for column in &reclassification.ledger.opinions {
        put(column, json!(""));
    }
    put("classes", json!(combination.classes));
    put("counts_as_difference", json!(combination.difference));
    put("sliver", json!(patch.sliver));
    let areas = patch.balanced();
    put("plane_m2", number(areas[0]));
    put("ellipsoidal_m2", number(areas[1]));
    let sides: Vec<Value> = world
        .sides
        .iter()
        .zip(&patch.sources)
        .zip(&combination.classes)
        .map(|((side, sources), class)| {
            json!({
                "role": side.role, "dataset": side.loaded.dataset, "revision": side.loaded.revision, "class": class,
                "codes": sources.codes, "code_system": side.table.map(|table| &table.id),
                "source_ids": sources.ids, "source_count": sources.count,
            })
        })
        .collect();
    put("sides", Value::Array(sides));
    if task.layers.contains_key(super::UNITS_ROLE) && patch.parts.len() > 1 {
        let parts: Vec<Value> = patch
            .parts
            .iter()
            .map(|part| {
                let unit = &found.units[part.unit];
                json!({ "XZQDM": unit.code, "XZQMC": unit.name, "plane_m2": number(part.balanced[0]), "ellipsoidal_m2": number(part.balanced[1]) })
            })
            .collect();
        put("parts", Value::Array(parts));
    }
    fields
}
