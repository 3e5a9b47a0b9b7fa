//! From layers to regions: one per state of each plan, then one per combination of states.
//!
//! Whole regions are joined and cut, not feature by feature: that dissolves adjoining pieces on the way, and a border
//! that two plans share is one line on the grid, which leaves nothing between them.

use std::collections::BTreeMap;

use geodesy::{Crs, Transform, densify};
use rayon::prelude::*;

use super::{Request, UNITS_ROLE, context_role, plan_role};
use crate::{
    AnalysisError, LoadedLayer, ParcelLayer, Task,
    boolean::{Ring, Shape, difference, intersection, union},
    measure::Measure,
    reclassification::{ClassScheme, CodeTable, Reclassification},
    shared::{Area, Ruler},
    snap::{Grid, Snapped, area_of},
    weld::snap_all,
};

/// Steps of the grid, the finest that the layers fit on (some 20, 200, 2,000 km across): corners of one plan on the
/// edges of another are rounded, and that must not show in a hundredth of a square metre.
const SNAPS_M: [f64; 3] = [0.000_01, 0.000_1, 0.001];
/// Share of the ground that rounding on the grid may make or lose.
const ROUNDING: f64 = 1e-7;

/// Position of a state: the classes in their order, then unknown, then uncovered.
pub(crate) type State = usize;

/// A plan on the grid.
pub(crate) struct Side<'a> {
    pub(crate) role: String,
    pub(crate) loaded: &'a LoadedLayer,
    /// The code system, where it is known.
    pub(crate) table: Option<&'a CodeTable>,
    /// State of each feature; none for those that were not asked for.
    pub(crate) state: Vec<Option<State>>,
    pub(crate) snapped: Vec<Snapped>,
    /// What each state covers, each place once.
    regions: Vec<Vec<Shape>>,
    /// What all of it covers.
    cover: Vec<Shape>,
    pub(crate) account: Account,
}

/// What became of a layer's ground.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    /// Features that took part.
    pub(crate) features: usize,
    /// Features without ground on the grid.
    pub(crate) empty: usize,
    /// Features whose rings were resolved.
    pub(crate) mended: usize,
    /// Ground of all features, summed.
    pub(crate) sum: Area,
    /// Ground that more than one feature covers, counted once here.
    pub(crate) covered_again: Area,
    /// Ground with an unknown code, by code: features and ground.
    pub(crate) unknown: BTreeMap<String, (usize, f64)>,
}

/// A combination of states and where it is.
pub(crate) struct CellRegion {
    pub(crate) states: Vec<State>,
    pub(crate) shapes: Vec<Shape>,
}

/// Everything on one grid.
pub(crate) struct World<'a> {
    pub(crate) grid: Grid,
    measure: Measure,
    pub(crate) classification: &'a ClassScheme,
    pub(crate) sides: Vec<Side<'a>>,
    /// Units of administration.
    pub(crate) units: Option<(&'a LoadedLayer, Vec<Snapped>)>,
    /// Layers that fill a column of the ledger, by the column.
    pub(crate) context: BTreeMap<String, (&'a LoadedLayer, Vec<Snapped>)>,
    /// Only inside of this.
    clip: Option<Vec<Shape>>,
}

fn check(task: &Task<'_>) -> Result<(), AnalysisError> {
    if task.watch.cancelled() { Err(AnalysisError::Cancelled) } else { Ok(()) }
}

impl<'a> World<'a> {
    pub(crate) fn new(
        task: &Task<'a>,
        request: &Request,
        reclassification: &'a Reclassification,
        classification: &'a ClassScheme,
    ) -> Result<Self, AnalysisError> {
        task.watch.progress(0.02, "对齐格网");
        let plans: Vec<&LoadedLayer> =
            (0..request.plans().len()).map(|index| task.layer(&plan_role(index))).collect::<Result<_, _>>()?;
        let units = task.layers.contains_key(UNITS_ROLE).then(|| task.layer(UNITS_ROLE)).transpose()?;
        let mut context = BTreeMap::new();
        for column in &reclassification.ledger.context {
            if let Some(layer) = task.layers.get(&context_role(column)) {
                context.insert(column.clone(), layer);
            }
        }
        let all: Vec<&ParcelLayer> =
            plans.iter().copied().chain(units).chain(context.values().copied()).map(|l| &l.layer).collect();
        let grid = Grid::finest(&all, &SNAPS_M)?;
        let measure = grid.measure(task.plane)?;
        let clip = request.within.map(|within| box_on_grid(&grid, task.plane, within)).transpose()?;
        let mut snapped = snap_all(&grid, &all, reclassification.tolerance.weld_m).into_iter();
        let of_plans: Vec<Vec<Snapped>> = snapped.by_ref().take(plans.len()).collect();
        let of_units = if units.is_some() { snapped.next() } else { None };
        let mut world = Self {
            measure,
            classification,
            sides: Vec::new(),
            units: units.zip(of_units),
            context: context
                .into_iter()
                .zip(snapped)
                .map(|((column, layer), snapped)| (column, (layer, snapped)))
                .collect(),
            clip,
            grid,
        };
        for (index, (loaded, snapped)) in plans.into_iter().zip(of_plans).enumerate() {
            check(task)?;
            task.watch.progress(0.05 + 0.25 * index as f64 / request.plans().len() as f64, "归并地类");
            let side = world.side(index, (loaded, snapped), request, reclassification)?;
            world.sides.push(side);
        }
        Ok(world)
    }

    /// How areas are measured.
    pub(crate) fn ruler(&self) -> Ruler<'_> {
        Ruler { frame: self.grid.frame, ground: Some(&self.measure) }
    }

    /// The state of a code that no table knows.
    pub(crate) fn unknown(&self) -> State {
        self.classification.classes.len()
    }

    /// The state of ground outside a plan.
    pub(crate) fn uncovered(&self) -> State {
        self.classification.classes.len() + 1
    }

    /// What a state is called.
    pub(crate) fn name(&self, state: State) -> &'a str {
        let classification = self.classification;
        match classification.classes.get(state) {
            Some(class) => class,
            None if state == self.unknown() => &classification.unknown,
            None => &classification.uncovered,
        }
    }

    fn side(
        &self,
        index: usize,
        (loaded, snapped): (&'a LoadedLayer, Vec<Snapped>),
        request: &Request,
        reclassification: &'a Reclassification,
    ) -> Result<Side<'a>, AnalysisError> {
        let asked = &request.plans()[index];
        let layer = &loaded.layer;
        let table = asked
            .layer
            .code_system
            .as_deref()
            .and_then(|name| reclassification.system(name))
            .or_else(|| reclassification.system(&layer.code_system))
            .or_else(|| reclassification.system_of_field(asked.layer.class_field.as_deref()?));
        let Some(lookup) = self.classification.lookup(table) else {
            let known: Vec<&str> = self.classification.members.keys().map(String::as_str).collect();
            return Err(AnalysisError::Request {
                what_zh: format!(
                    "归并表“{}”不知道图层 {} 的编码体系“{}”，请在请求中写明 class_field 与 code_system（{}）",
                    self.classification.id,
                    loaded.dataset,
                    layer.code_system,
                    known.join("、")
                ),
                what_en: format!(
                    "the classification {} does not know the code system {} of {}; state class_field and code_system",
                    self.classification.id, layer.code_system, loaded.dataset
                ),
            });
        };
        let mut account = Account::default();
        let chosen = |class: &str| asked.codes.as_ref().is_none_or(|codes| codes.iter().any(|code| code == class));
        let mut state: Vec<Option<State>> = Vec::with_capacity(snapped.len());
        for (parcel, shape) in layer.parcels.iter().zip(&snapped) {
            if !chosen(&parcel.class) {
                state.push(None);
                continue;
            }
            account.features += 1;
            account.empty += usize::from(shape.rings.is_empty());
            account.mended += usize::from(shape.mended.is_some());
            let class = lookup.class(&parcel.class);
            if class.is_none() {
                let entry = account.unknown.entry(parcel.class.clone()).or_default();
                entry.0 += 1;
                entry.1 += area_of(shape.rings.iter(), &self.ruler()).plane_m2;
            }
            state.push(Some(class.unwrap_or_else(|| self.unknown())));
        }
        let rings_of = |wanted: State| -> Vec<&Ring> {
            let of_state = snapped.iter().zip(&state).filter(move |(_, own)| **own == Some(wanted));
            of_state.flat_map(|(shape, _)| &shape.rings).collect()
        };
        let states: Vec<State> = (0..=self.unknown()).collect();
        let mut regions: Vec<Vec<Shape>> =
            states.par_iter().map(|wanted| union(rings_of(*wanted).into_iter())).collect();
        // Where classes of one layer overlap the earlier one counts.
        let mut cover = regions.first().cloned().unwrap_or_default();
        for region in regions.iter_mut().skip(1) {
            *region = difference(region, &cover);
            cover = union(cover.iter().chain(region.iter()).flatten());
        }
        let ruler = self.ruler();
        for (shape, own) in snapped.iter().zip(&state) {
            if own.is_some() {
                add(&mut account.sum, area_of(shape.rings.iter(), &ruler), 1.0);
            }
        }
        // Several features together cover no more than their sum, and no less than the largest of them.
        let covered_m2 = area_of(cover.iter().flatten(), &ruler).plane_m2;
        let features = snapped.iter().zip(&state).filter(|(_, own)| own.is_some());
        let largest_m2 = features.map(|(shape, _)| area_of(shape.rings.iter(), &ruler).plane_m2).fold(0.0, f64::max);
        let open_m2 = 1.0 + ROUNDING * account.sum.plane_m2;
        if covered_m2 > account.sum.plane_m2 + open_m2 || covered_m2 < largest_m2 - open_m2 {
            return Err(AnalysisError::LostGround { before_m2: account.sum.plane_m2, after_m2: covered_m2 });
        }
        account.covered_again = account.sum;
        add(&mut account.covered_again, area_of(cover.iter().flatten(), &ruler), -1.0);
        Ok(Side { role: plan_role(index), loaded, table, state, snapped, regions, cover, account })
    }

    /// Every combination of states that occurs, in the order of the states.
    pub(crate) fn cells(&self, task: &Task<'_>) -> Result<Vec<CellRegion>, AnalysisError> {
        let units = self.units.iter().flat_map(|(_, units)| units).flat_map(|unit| &unit.rings);
        let covers = self.sides.iter().flat_map(|side| side.cover.iter().flatten());
        let mut everything = union(covers.chain(units));
        if let Some(clip) = &self.clip {
            everything = intersection(&everything, clip);
        }
        let mut cells = vec![CellRegion { states: Vec::new(), shapes: everything.clone() }];
        for (index, side) in self.sides.iter().enumerate() {
            check(task)?;
            task.watch.progress(0.3 + 0.3 * index as f64 / self.sides.len() as f64, "叠加");
            let jobs: Vec<(&CellRegion, State)> =
                cells.iter().flat_map(|cell| (0..=self.uncovered()).map(move |state| (cell, state))).collect();
            cells = jobs
                .into_par_iter()
                .map(|(cell, state)| {
                    let shapes = match side.regions.get(state) {
                        Some(region) => intersection(&cell.shapes, region),
                        None => difference(&cell.shapes, &side.cover),
                    };
                    let mut states = cell.states.clone();
                    states.push(state);
                    CellRegion { states, shapes }
                })
                .filter(|cell| !cell.shapes.is_empty())
                .collect();
        }
        // What came in must come out: no engine is trusted with people's land.
        let rings = cells.iter().flat_map(|cell| cell.shapes.iter().flatten());
        let after_m2 = area_of(rings, &self.ruler()).plane_m2;
        let whole_m2 = area_of(everything.iter().flatten(), &self.ruler()).plane_m2;
        let covered_m2 = self.sides.iter().map(|side| area_of(side.cover.iter().flatten(), &self.ruler()).plane_m2);
        let least_m2 = if self.clip.is_some() { 0.0 } else { covered_m2.fold(0.0, f64::max) };
        if (after_m2 - whole_m2).abs() > 1.0 + ROUNDING * whole_m2 || whole_m2 < least_m2 - 1.0 - ROUNDING * least_m2 {
            return Err(AnalysisError::LostGround { before_m2: whole_m2.max(least_m2), after_m2 });
        }
        Ok(cells)
    }
}

fn add(sum: &mut Area, area: Area, times: f64) {
    sum.plane_m2 += times * area.plane_m2;
    sum.ellipsoidal_m2 += times * area.ellipsoidal_m2;
}

/// A box of degrees in the plane, its sides bent as they are there.
fn box_on_grid(grid: &Grid, plane: &Crs, [west, south, east, north]: [f64; 4]) -> Result<Vec<Shape>, AnalysisError> {
    let to_plane = Transform::new(&Crs::cgcs2000(), plane)?;
    let corners = [[west, south], [east, south], [east, north], [west, north], [west, south]];
    let ring = densify::transform_line(&corners, &to_plane, densify::MAX_SAGITTA_M)?;
    let [min, max] = grid.reach_in_plane();
    // Far outside there is nothing to cut, and the grid ends.
    let inside: Vec<[f64; 2]> = ring.iter().map(|p| [p[0].clamp(min[0], max[0]), p[1].clamp(min[1], max[1])]).collect();
    Ok(grid.ring_on_grid(&inside, true).map_or_else(Vec::new, |ring| union(std::iter::once(&ring))))
}
