//! Patches (图斑): each connected piece of a combination, with its units, its sources and its balanced areas.

use std::collections::BTreeMap;

use rayon::prelude::*;
use rust_decimal::Decimal;
use serde_json::Value;

use super::{
    Request,
    cells::{CellRegion, State, World},
};
use crate::{
    AnalysisError, LoadedLayer, Parcel, Task,
    boolean::{Shape, difference, union},
    index::BoxIndex,
    reclassification::{Reclassification, SliverMode, UnitRules},
    rounding::{balance_table, balance_to, decimal_of, round_half_away},
    shared::{Area, Border, Scratch, shared},
    snap::{Snapped, area_of},
};

/// Ground that is only what rounding on the grid leaves, square metres of the plane.
const NOTHING_M2: f64 = 0.005;
/// Smaller patches are what rounding leaves along borders, square metres of the plane: they go to a neighbour.
const HAIR_M2: f64 = 0.01;
/// Source features named per patch and plan.
const MOST_SOURCES: usize = 100;

/// A patch.
pub(crate) struct Patch {
    pub(crate) states: Vec<State>,
    pub(crate) shape: Shape,
    border: Border,
    pub(crate) area: Area,
    pub(crate) sliver: bool,
    /// Pieces by unit, an index of [`Patches::units`], the largest first.
    pub(crate) parts: Vec<Part>,
    /// By plan: features it is made of, the largest first, and how many there are.
    pub(crate) sources: Vec<Sources>,
    /// Square metres of the plane in each layer that fills a column.
    pub(crate) context_m2: BTreeMap<String, f64>,
}

/// What of a patch lies in a unit.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) unit: usize,
    area: Area,
    /// Balanced: plane and ellipsoidal.
    pub(crate) balanced: [Decimal; 2],
}

/// The features that a patch is made of on one side.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    pub(crate) ids: Vec<String>,
    pub(crate) codes: Vec<String>,
    pub(crate) count: usize,
}

/// A unit of administration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unit {
    /// Digits of its code; empty for ground outside every unit.
    pub(crate) code: String,
    pub(crate) name: String,
}

/// What was merged away.
#[derive(Debug, Clone)]
pub(crate) struct MergedSliver {
    pub(crate) states: Vec<State>,
    pub(crate) into: Vec<State>,
    pub(crate) area: Area,
}

/// A part of a patch: the patch, the part's place in it, and its area.
type PartOf = (usize, usize, Decimal);

/// All patches.
#[expect(clippy::struct_field_names, reason = "the patches, with what they are of")]
pub(crate) struct Patches {
    pub(crate) patches: Vec<Patch>,
    pub(crate) units: Vec<Unit>,
    /// Ground that more than one unit claims; the one with the lower code has it.
    pub(crate) units_overlap_m2: f64,
    pub(crate) merged: Vec<MergedSliver>,
    /// Hairs that went to a neighbour.
    pub(crate) hairs: Vec<MergedSliver>,
}

impl Patches {
    pub(crate) fn new(
        task: &Task<'_>,
        request: &Request,
        reclassification: &Reclassification,
        world: &World<'_>,
        cells: Vec<CellRegion>,
    ) -> Result<Self, AnalysisError> {
        let ruler = world.ruler();
        let below = |states: &[State]| {
            let covered = states.iter().filter(|state| **state < world.unknown()).map(|state| world.name(*state));
            request.sliver_below_m2.unwrap_or_else(|| world.classification.sliver_below_m2(covered))
        };
        let mut patches: Vec<Patch> = cells
            .into_par_iter()
            .flat_map(|cell| {
                let states = cell.states;
                cell.shapes.into_par_iter().map(move |shape| (states.clone(), shape))
            })
            .map(|(states, shape)| {
                let area = area_of(shape.iter(), &ruler);
                let sliver = area.ellipsoidal_m2 < below(&states);
                Patch::new(states, shape, area, sliver)
            })
            .collect();
        // By combination, then from north to south and west to east.
        patches.sort_by_key(|p| (p.states.clone(), std::cmp::Reverse(p.border.bounds[3]), p.border.bounds));
        let mut hairs = Vec::new();
        let thin: Vec<bool> = patches.iter().map(|patch| patch.area.plane_m2 < HAIR_M2).collect();
        merge(&mut patches, &thin, world, &mut hairs);
        let mut merged = Vec::new();
        if request.slivers.unwrap_or(world.classification.slivers.mode) == SliverMode::Merge {
            task.watch.progress(0.62, "合并碎图斑");
            let slivers: Vec<bool> = patches.iter().map(|patch| patch.sliver).collect();
            merge(&mut patches, &slivers, world, &mut merged);
        }
        if task.watch.cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        task.watch.progress(0.65, "按行政区统计");
        let (units, borders, units_overlap_m2) = units(world, &reclassification.units);
        let unit_index = BoxIndex::new(borders.iter().map(|border| border.bounds));
        patches.par_iter_mut().for_each_init(Scratch::default, |scratch, patch| {
            patch.parts = parts(patch, &borders, &unit_index, world, scratch);
        });
        if task.watch.cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        task.watch.progress(0.75, "查找来源图斑");
        find_sources(&mut patches, world);
        let mut found = Self { patches, units, units_overlap_m2, merged, hairs };
        found.balance()?;
        Ok(found)
    }

    /// Balances areas: the whole, combinations, units, and patches within both.
    fn balance(&mut self) -> Result<(), AnalysisError> {
        let mut combinations: Vec<Vec<State>> = self.patches.iter().map(|patch| patch.states.clone()).collect();
        combinations.dedup();
        let column = |states: &Vec<State>| combinations.binary_search(states).unwrap_or(0);
        for kind in 0..2 {
            let of = |part: &Part| {
                let area = if kind == 0 { part.area.plane_m2 } else { part.area.ellipsoidal_m2 };
                decimal_of(area.max(0.0)).unwrap_or_default()
            };
            // Parts by unit and combination.
            let mut cells: BTreeMap<[usize; 2], Vec<PartOf>> = BTreeMap::new();
            let mut table = vec![vec![Decimal::ZERO; combinations.len()]; self.units.len()];
            for (p, patch) in self.patches.iter().enumerate() {
                for (q, part) in patch.parts.iter().enumerate() {
                    let [unit, combination] = [part.unit, column(&patch.states)];
                    let area = of(part);
                    cells.entry([unit, combination]).or_default().push((p, q, area));
                    table[unit][combination] += area;
                }
            }
            let balanced = balance_table(&table, 2)?;
            for ([row, col], parts) in cells {
                let exact: Vec<Decimal> = parts.iter().map(|(_, _, area)| *area).collect();
                let shares = balance_to(&exact, balanced[row][col], 2)?;
                for ((p, q, _), share) in parts.into_iter().zip(shares) {
                    self.patches[p].parts[q].balanced[kind] = share;
                }
            }
        }
        Ok(())
    }
}

impl Patch {
    fn new(states: Vec<State>, shape: Shape, area: Area, sliver: bool) -> Self {
        let border = Border::new(shape.iter());
        Self {
            states,
            border,
            shape,
            area,
            sliver,
            parts: Vec::new(),
            sources: Vec::new(),
            context_m2: BTreeMap::new(),
        }
    }

    /// Balanced area: plane and ellipsoidal.
    pub(crate) fn balanced(&self) -> [Decimal; 2] {
        [0, 1].map(|kind| self.parts.iter().map(|part| part.balanced[kind]).sum())
    }

    /// An id that depends on what the patch is and where, not on what else there is.
    pub(crate) fn id(&self) -> String {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let mut feed = |value: i64| {
            for byte in value.to_le_bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for state in &self.states {
            feed(i64::try_from(*state).unwrap_or(i64::MAX));
        }
        // The rings' start is the engine's choice: only what does not depend on it.
        for bound in self.border.bounds {
            feed(i64::from(bound));
        }
        feed(crate::boolean::doubled(&self.shape) as i64);
        format!("CY{hash:016x}")
    }
}

/// What a feature says of itself under the first of the fields that is there.
fn text_of(parcel: &Parcel, fields: &[String]) -> Option<String> {
    fields.iter().find_map(|field| match parcel.attributes.get(field)? {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// Units with the ground of each, every place in one of them; the last is the ground outside.
fn units(world: &World<'_>, rules: &UnitRules) -> (Vec<Unit>, Vec<Border>, f64) {
    let Some((loaded, snapped)) = &world.units else { return (vec![Unit::default()], Vec::new(), 0.0) };
    let digits = rules.levels.iter().map(|level| level.digits).max().unwrap_or(12);
    let mut by_code: BTreeMap<String, (String, Vec<&Snapped>)> = BTreeMap::new();
    for (parcel, shape) in loaded.layer.parcels.iter().zip(snapped) {
        let code = text_of(parcel, &rules.code_fields).unwrap_or_else(|| parcel.class.clone());
        let code: String = code.chars().take(digits).collect();
        let entry = by_code.entry(code).or_default();
        if entry.0.is_empty() {
            entry.0 = text_of(parcel, &rules.name_fields).unwrap_or_default();
        }
        entry.1.push(shape);
    }
    let mut units = Vec::new();
    let mut regions: Vec<Vec<Shape>> = Vec::new();
    let mut borders: Vec<Border> = Vec::new();
    let mut overlap_m2 = 0.0;
    let ruler = world.ruler();
    let plane = |shapes: &[Shape]| area_of(shapes.iter().flatten(), &ruler).plane_m2;
    for (code, (name, shapes)) in by_code {
        let mut region = union(shapes.iter().flat_map(|shape| &shape.rings));
        let before = plane(&region);
        let border = Border::new(region.iter().flatten());
        let mut scratch = Scratch::default();
        for (other, taken) in borders.iter().zip(&regions) {
            if shared(&border, other, &ruler, &mut scratch).plane_m2 > 0.0 {
                region = difference(&region, taken);
            }
        }
        overlap_m2 += before - plane(&region);
        borders.push(Border::new(region.iter().flatten()));
        regions.push(region);
        units.push(Unit { code, name });
    }
    units.push(Unit::default());
    (units, borders, overlap_m2)
}

/// The pieces of a patch by unit; together they are the patch.
fn parts(patch: &Patch, units: &[Border], index: &BoxIndex, world: &World<'_>, scratch: &mut Scratch) -> Vec<Part> {
    let part = |unit, area| Part { unit, area, balanced: [Decimal::ZERO; 2] };
    let mut parts: Vec<Part> = index
        .meeting(patch.border.bounds)
        .into_iter()
        .map(|unit| part(unit, shared(&patch.border, &units[unit], &world.ruler(), scratch)))
        .filter(|part| part.area.plane_m2 > 0.0)
        .collect();
    let mut rest = patch.area;
    for part in &parts {
        rest.plane_m2 -= part.area.plane_m2;
        rest.ellipsoidal_m2 -= part.area.ellipsoidal_m2;
    }
    parts.sort_by(|a, b| b.area.plane_m2.total_cmp(&a.area.plane_m2).then(a.unit.cmp(&b.unit)));
    match parts.first_mut() {
        // What borders of units leave between them on the grid.
        Some(first) if rest.plane_m2 < NOTHING_M2.max(1e-9 * patch.area.plane_m2) => {
            first.area.plane_m2 += rest.plane_m2;
            first.area.ellipsoidal_m2 += rest.ellipsoidal_m2;
        }
        _ => parts.push(part(units.len(), rest)),
    }
    parts.sort_by(|a, b| b.area.plane_m2.total_cmp(&a.area.plane_m2).then(a.unit.cmp(&b.unit)));
    parts
}

fn find_sources(patches: &mut [Patch], world: &World<'_>) {
    let ruler = crate::shared::Ruler { ground: None, ..world.ruler() };
    let indexes: Vec<BoxIndex> =
        world.sides.iter().map(|side| BoxIndex::new(side.snapped.iter().map(|shape| shape.border.bounds))).collect();
    let of_context: BTreeMap<&String, (BoxIndex, &LoadedLayer, Vec<Border>)> = world
        .context
        .iter()
        .map(|(column, (loaded, snapped))| {
            // Each place once.
            let region = union(snapped.iter().flat_map(|shape| &shape.rings));
            let borders: Vec<Border> = region.iter().map(|shape| Border::new(shape.iter())).collect();
            (column, (BoxIndex::new(borders.iter().map(|b| b.bounds)), *loaded, borders))
        })
        .collect();
    patches.par_iter_mut().for_each_init(Scratch::default, |scratch, patch| {
        for (position, side) in world.sides.iter().enumerate() {
            let mut found: Vec<(f64, usize)> = indexes[position]
                .meeting(patch.border.bounds)
                .into_iter()
                .filter(|feature| side.state[*feature] == Some(patch.states[position]))
                .map(|feature| {
                    (shared(&patch.border, &side.snapped[feature].border, &ruler, scratch).plane_m2, feature)
                })
                .filter(|(area_m2, _)| *area_m2 > NOTHING_M2.min(patch.area.plane_m2 / 10.0))
                .collect();
            found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let mut sources = Sources { count: found.len(), ..Sources::default() };
            for (_, feature) in found {
                let parcel = &side.loaded.layer.parcels[feature];
                if !sources.codes.contains(&parcel.class) {
                    sources.codes.push(parcel.class.clone());
                }
                if sources.ids.len() < MOST_SOURCES {
                    let id = if parcel.source_id.is_empty() { &parcel.id } else { &parcel.source_id };
                    sources.ids.push(id.clone());
                }
            }
            patch.sources.push(sources);
        }
        for (column, (index, _, borders)) in &of_context {
            let near = index.meeting(patch.border.bounds).into_iter();
            let area_m2 = near.map(|i| shared(&patch.border, &borders[i], &ruler, scratch).plane_m2).sum();
            patch.context_m2.insert((*column).clone(), area_m2);
        }
    });
}

/// Gives small patches to the neighbour with the longest common border, smallest first. One without a neighbour stays.
fn merge(patches: &mut Vec<Patch>, small: &[bool], world: &World<'_>, merged: &mut Vec<MergedSliver>) {
    let mut order: Vec<usize> = (0..patches.len()).filter(|i| small[*i]).collect();
    order.sort_by(|a, b| patches[*a].area.plane_m2.total_cmp(&patches[*b].area.plane_m2).then(a.cmp(b)));
    if order.is_empty() {
        return;
    }
    let index = BoxIndex::new(patches.iter().map(|patch| patch.border.bounds));
    let mut gone = vec![false; patches.len()];
    for sliver in order {
        let own = &patches[sliver];
        let near = index.meeting(own.border.bounds).into_iter().filter(|i| *i != sliver && !gone[*i]);
        let best = near
            .map(|i| (own.border.common_length(&patches[i].border), small[i], i))
            .filter(|(length, ..)| *length > 0.0)
            .max_by(|a, b| b.1.cmp(&a.1).then(a.0.total_cmp(&b.0)).then(b.2.cmp(&a.2)));
        let Some((_, _, into)) = best else { continue };
        let joined = union(patches[into].shape.iter().chain(&patches[sliver].shape));
        // Where they only seemed to touch the sliver stays what it is.
        let [shape] = joined.as_slice() else { continue };
        let area = area_of(shape.iter(), &world.ruler());
        merged.push(MergedSliver {
            states: patches[sliver].states.clone(),
            into: patches[into].states.clone(),
            area: patches[sliver].area,
        });
        gone[sliver] = true;
        let still = patches[into].sliver;
        let states = patches[into].states.clone();
        patches[into] = Patch::new(states, shape.clone(), area, still);
    }
    let mut gone = gone.into_iter();
    patches.retain(|_| !gone.next().unwrap_or(false));
}

/// A balanced area as a number of two decimals.
pub(crate) fn number(value: Decimal) -> Value {
    round_half_away(value, 2).to_string().parse::<f64>().map_or(Value::Null, Value::from)
}
