//! What is worked out of the ground when somebody asks: the difference of two epochs, water at a level, what is seen from
//! where, a section, what became of buildings; and the cut through the scene.
//!
//! Each is asked for once and answered as soon as the heights it needs are loaded, at their finest, whatever is on screen;
//! when the terrain changes it is worked out anew.

use std::sync::Arc;

use glam::DVec3;

use super::{Epoch, Layer, Side, State, Viewer};
use crate::error::ViewError;
use crate::layer::difference::{Difference, Scale};
use crate::layer::flood::Sheet;
use crate::layer::{self, Address, Kind, Role, damage, viewshed};
use crate::meeting::polygons;
use crate::scene::clip::Clip;
use crate::scene::draw::{Draw, DrawList, LineSet};
use crate::scene::flood::{self, Flood};
use crate::scene::ground::Sampler;
use crate::scene::measure::{GroundUnder, Measure, MeasureKind};
use crate::scene::place;
use crate::scene::relief::Relief;
use crate::scene::section::{self, Profile};
use crate::scene::sight::{self, Sight};
use crate::service::{Assessment, Dataset, Pyramid, RESULT};

/// The step that asks for the ground as fine as there is any.
pub(super) const FINEST_M: f64 = 0.0;
/// Samples of the ground a polygon is measured on at most.
const MOST_MEASURED: usize = 4_000_000;
/// Samples of the ground a flood is filled over at most: one fill while the slider moves.
const MOST_FLOODED: usize = 1_000_000;
/// Samples of the ground a viewshed is worked out for at most: each has its own ray.
const MOST_SEEN: usize = 250_000;
/// Samples along a line of sight's box at most.
const MOST_LINE: usize = 1_000_000;

/// Water asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FloodOrder {
    /// Middle of the ground that is looked at: longitude and latitude in degrees.
    pub center: [f64; 2],
    /// How far round it, metres.
    pub radius_m: f64,
    /// The water's level as heights are drawn, metres.
    pub level_m: f64,
    /// Whether only what is connected to the middle is filled.
    pub is_connected: bool,
}

/// Water and what it came to.
#[derive(Clone, Debug)]
pub struct FloodStudy {
    /// What was asked for.
    pub order: FloodOrder,
    /// Lowest and highest ground looked at, metres, once it is there.
    pub range_m: Option<[f64; 2]>,
    /// What is under water; its depths are left off.
    pub flood: Option<Flood>,
    relief: Option<Arc<Relief>>,
}

/// A view asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ViewOrder {
    /// The eye: longitude and latitude in degrees.
    pub eye: [f64; 2],
    /// How far above the ground it is, metres.
    pub eye_up_m: f64,
    /// How far above the ground what is looked for is, metres.
    pub target_up_m: f64,
    /// How far one looks, metres.
    pub radius_m: f64,
}

/// A view and what it came to.
#[derive(Clone, Copy, Debug)]
pub struct ViewStudy {
    /// What was asked for.
    pub order: ViewOrder,
    /// Whether the answer is there.
    pub is_done: bool,
    /// Seen, and looked at, square metres; `None` without ground at the eye.
    pub seen_m2: Option<[f64; 2]>,
}

/// A line of sight and what it came to.
#[derive(Clone, Copy, Debug)]
pub struct SightStudy {
    /// From where to where, longitude and latitude in degrees.
    pub ends: [[f64; 2]; 2],
    /// How far above the ground each end is, metres.
    pub up_m: [f64; 2],
    /// Whether the answer is there.
    pub is_done: bool,
    /// The answer; `None` without ground at an end.
    pub sight: Option<Sight>,
}

/// A section and what it came to.
#[derive(Clone, Debug)]
pub struct SectionStudy {
    /// The line, longitude and latitude in degrees.
    pub line: Vec<[f64; 2]>,
    /// The heights, once they are there.
    pub profile: Option<Profile>,
}

/// Buildings by state.
#[derive(Clone, Debug, PartialEq)]
pub struct DamageStudy {
    /// The dataset or job whose places these are.
    pub job: String,
    /// How many are in each state, as [`damage::STATES`] has them.
    pub counts: [usize; 5],
    /// Which of [`damage::OUTLINES`] there are.
    pub outlined: [bool; 2],
}

/// Everything worked out.
#[derive(Default)]
pub struct Studies {
    /// The difference's colours.
    pub difference: Option<Scale>,
    /// Water.
    pub flood: Option<FloodStudy>,
    /// What is seen from a place.
    pub viewshed: Option<ViewStudy>,
    /// Lines of sight.
    pub sights: Vec<SightStudy>,
    /// The section.
    pub section: Option<SectionStudy>,
    /// Buildings by state.
    pub damage: Option<DamageStudy>,
    /// Assessments that the catalogue has.
    pub assessments: Vec<Assessment>,
    clip: Option<Arc<Clip>>,
    clip_edges: Option<(Arc<LineSet>, DVec3)>,
    /// The terrain of both epochs that answers were worked out on.
    terrain: [Vec<u32>; 2],
}

impl Studies {
    /// The cut through the scene.
    #[must_use]
    pub fn clip(&self) -> Option<&Arc<Clip>> {
        self.clip.as_ref()
    }

    /// Whether something asked for is still being worked out.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.flood.as_ref().is_some_and(|study| study.flood.is_none())
            || self.viewshed.is_some_and(|study| !study.is_done)
            || self.sights.iter().any(|study| !study.is_done)
            || self.section.as_ref().is_some_and(|study| study.profile.is_none())
    }

    fn forget_answers(&mut self) {
        if let Some(study) = &mut self.flood {
            (study.relief, study.flood, study.range_m) = (None, None, None);
        }
        if let Some(study) = &mut self.viewshed {
            study.is_done = false;
        }
        for study in &mut self.sights {
            study.is_done = false;
        }
        if let Some(study) = &mut self.section {
            study.profile = None;
        }
    }
}

/// West, south, east, north in degrees of a circle's box.
fn box_round([lon, lat]: [f64; 2], radius_m: f64) -> [f64; 4] {
    const METRES_PER_DEGREE: f64 = 111_320.0;
    let high = radius_m / METRES_PER_DEGREE;
    let wide = high / lat.to_radians().cos().max(0.01);
    [lon - wide, lat - high, lon + wide, lat + high]
}

impl Viewer {
    /// Colours the ground by what changed between the epochs, or no longer.
    pub fn set_difference(&mut self, scale: Option<Scale>) {
        self.studies.difference = scale.filter(|_| self.before.is_some());
        self.make_difference();
    }

    fn make_difference(&mut self) {
        let extents = self.grounds().filter_map(|ground| ground.terrain_extent()).reduce(|one, other| {
            let ([low, high], bounds) = one;
            ([low.min(other.0[0]), high.max(other.0[1])], bounds)
        });
        let difference = self.studies.difference.zip(extents).map(|(scale, ([min_zoom, max_zoom], bounds))| {
            let pyramid = Pyramid { template: String::new(), min_zoom, max_zoom, bounds_lon_lat_deg: bounds };
            State::Difference(Difference { scale, pyramid })
        });
        self.put_study(&layer::difference::KIND, difference, None);
    }

    /// Fills the ground with water, or takes it away. While only the level changes nothing is loaded anew.
    pub fn set_flood(&mut self, order: Option<FloodOrder>) {
        let old = self.studies.flood.take();
        self.studies.flood = order.map(|order| {
            // Only the level differs.
            let same = |old: &FloodStudy| {
                FloodOrder { level_m: order.level_m, is_connected: order.is_connected, ..old.order } == order
            };
            let (relief, range_m) = old.filter(same).map_or((None, None), |old| (old.relief, old.range_m));
            FloodStudy { order, range_m, flood: None, relief }
        });
        match order {
            None => self.put_study(&layer::flood::KIND, None, None),
            Some(_) => self.work_out_flood(),
        }
    }

    /// Shows what is seen from a place, or no longer.
    pub fn set_viewshed(&mut self, order: Option<ViewOrder>) {
        self.studies.viewshed = order.map(|order| ViewStudy { order, is_done: false, seen_m2: None });
        if order.is_none() {
            self.put_study(&viewshed::KIND, None, None);
        }
    }

    /// Looks from one place to another.
    pub fn add_sight(&mut self, ends: [[f64; 2]; 2], up_m: [f64; 2]) {
        self.studies.sights.push(SightStudy { ends, up_m, is_done: false, sight: None });
    }

    /// Cuts the ground along a line, or puts the section away.
    pub fn set_section(&mut self, line: Option<Vec<[f64; 2]>>) {
        self.studies.section = line.filter(|line| line.len() > 1).map(|line| SectionStudy { line, profile: None });
    }

    /// Cuts the scene, or makes it whole again.
    pub fn set_clip(&mut self, clip: Option<Clip>) {
        /// Where a cut has no end its edges are drawn so far beyond the ground.
        const BEYOND_M: f64 = 60.0;
        self.studies.clip_edges = clip.as_ref().map(|clip| {
            let heights_m: Vec<f64> = clip
                .ring_lon_lat_deg
                .iter()
                .map(|[lon, lat]| self.ground.height_m(place::square_from_lon_lat_deg(*lon, *lat)))
                .collect();
            let (low_m, high_m) = heights_m
                .iter()
                .fold((f64::MAX, f64::MIN), |(low, high), height| (low.min(*height), high.max(*height)));
            let (lines, origin) = clip.edges([low_m - BEYOND_M, high_m + BEYOND_M]);
            (Arc::new(lines), origin)
        });
        self.studies.clip = clip.map(Arc::new);
    }

    /// Asks which assessments the catalogue has by now.
    pub fn find_assessments(&mut self) -> Result<(), ViewError> {
        self.studies.assessments = self.service.assessments()?;
        Ok(())
    }

    /// Shows what an analysis found of the buildings: by the dataset that it published, or by its job.
    pub fn load_damage(&mut self, job: &str) -> Result<(), ViewError> {
        let refuse = |reason: &str| ViewError::Damage { job: job.to_owned(), reason: reason.to_owned() };
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        if job.is_empty() || job.len() > 100 || !job.chars().all(is_name) {
            return Err(refuse("任务编号无效 (not a job's id)"));
        }
        // What an analysis published is read like any other dataset; a job's own places need a right to them.
        let link =
            if job.starts_with(RESULT) { format!("features/{job}") } else { format!("analyses/jobs/{job}/patches") };
        let document = self.service.collection(&link)?;
        let document = document.ok_or_else(|| refuse("服务上没有 (the server does not have it)"))?;
        let areas = polygons::read(&document).map_err(|reason| refuse(&reason))?;
        let (counts, outlined) = (damage::counts(&areas), damage::outlined(&areas));
        let drape = damage::drape(&areas)?;
        if drape.is_none() {
            return Err(refuse(
                "结果中没有建筑，也没有地表变化或圈定的范围 (neither a building nor an outlined area in its result)",
            ));
        }
        let bounds = polygons::bounds(areas.iter().flat_map(|area| &area.polygons));
        self.studies.damage = Some(DamageStudy { job: job.to_owned(), counts, outlined });
        self.put_study(&damage::KIND, drape.map(State::Drape), bounds);
        Ok(())
    }

    /// Puts the buildings' states away.
    pub fn clear_damage(&mut self) {
        self.studies.damage = None;
        self.put_study(&damage::KIND, None, None);
    }

    /// Puts a study's layer on screen in place of the one before; a new lane lets go of what was drawn for that.
    fn put_study(&mut self, kind: &'static Kind, state: Option<State>, bounds: Option<[f64; 4]>) {
        let Role::Study { slug, name } = kind.role else { return };
        let left = self.layers.iter().position(|layer| layer.dataset.slug == slug).map(|at| self.layers.remove(at));
        let had = left.is_some();
        let (visible, opacity) = left.map_or((true, 1.0), |layer| (layer.visible, layer.opacity));
        let Some(state) = state else {
            self.layers_changed |= had;
            return;
        };
        let dataset = Dataset {
            slug: slug.to_owned(),
            title: name[0].to_owned(),
            title_en: Some(name[1].to_owned()),
            kind: kind.dataset_kind.to_owned(),
            bounds,
            ..Dataset::default()
        };
        let (side, datetime) = (Side::Both, None);
        let lane = self.take_lane();
        let (failed, last_error) = (0, None);
        self.layers.push(Layer { dataset, kind, visible, opacity, failed, last_error, side, datetime, lane, state });
        self.layers.sort_by_key(super::stacking);
        self.layers_changed = true;
    }

    /// The heights of a tile in both epochs, or what has to be loaded first.
    pub(super) fn samplers(&mut self, address: Address) -> Result<[Sampler; 2], Vec<(u32, Address)>> {
        let Some(earlier) = &mut self.before else { return Err(Vec::new()) };
        match (earlier.ground.sampler(address), self.ground.sampler(address)) {
            (Ok(before), Ok(after)) => Ok([before, after]),
            (before, after) => Err([before.err(), after.err()].into_iter().flatten().flatten().collect()),
        }
    }

    /// Works out what was asked for, as far as the heights are there. What is missing is asked for by the grounds.
    pub(super) fn advance_studies(&mut self) {
        let terrain: [Vec<u32>; 2] = [Epoch::Before, Epoch::After].map(|epoch| {
            let is_there = epoch == Epoch::After || self.before.is_some();
            let layers = self.layers.iter().filter(|layer| is_there && layer.visible && layer.side.is_in(epoch));
            layers.filter(|layer| matches!(layer.state, State::Heights(_))).map(|layer| layer.lane).collect()
        });
        if terrain != self.studies.terrain {
            self.studies.terrain = terrain;
            self.studies.forget_answers();
            if self.studies.difference.is_some() {
                self.make_difference();
            }
        }
        if self.awaits_terrain(Epoch::After) || (self.before.is_some() && self.awaits_terrain(Epoch::Before)) {
            return;
        }
        self.work_out_flood();
        self.work_out_view();
        self.work_out_sights();
        self.work_out_section();
    }

    fn work_out_flood(&mut self) {
        let Some(study) = &mut self.studies.flood else { return };
        if study.flood.is_some() {
            return;
        }
        if study.relief.is_none() {
            let bounds = box_round(study.order.center, study.order.radius_m);
            study.relief = self.ground.relief(bounds, MOST_FLOODED).map(Arc::new);
        }
        let Some(relief) = study.relief.clone() else { return };
        study.range_m = relief.range_m();
        let order = study.order;
        let source = order.is_connected.then(|| relief.nearest(order.center)).flatten();
        let mut flood = flood::fill(&relief, order.level_m, source);
        let sheet = Sheet::new(&relief, &flood, order.level_m);
        flood.depths_m = Vec::new();
        study.flood = Some(flood);
        let bounds = Some(box_round(order.center, order.radius_m));
        // Water lies on no ground tile: the layer is changed where it is, and the ground stays as it is drawn.
        if let Some(layer) = self.layers.iter_mut().find(|layer| matches!(layer.state, State::Water(_))) {
            (layer.state, layer.dataset.bounds) = (State::Water(sheet), bounds);
        } else {
            let had_changed = self.layers_changed;
            self.put_study(&layer::flood::KIND, Some(State::Water(sheet)), bounds);
            self.layers_changed = had_changed;
        }
    }

    fn work_out_view(&mut self) {
        let Some(study) = self.studies.viewshed.filter(|study| !study.is_done) else { return };
        let order = study.order;
        let bounds = box_round(order.eye, order.radius_m);
        let Some(relief) = self.ground.relief(bounds, MOST_SEEN) else { return };
        let up_m = (order.eye_up_m, order.target_up_m);
        let shed = relief.nearest(order.eye).and_then(|eye| sight::viewshed(&relief, eye, up_m, order.radius_m));
        let seen_m2 = shed.as_ref().map(|shed| [shed.seen_m2, shed.within_m2]);
        self.studies.viewshed = Some(ViewStudy { order, is_done: true, seen_m2 });
        let drape = shed.map(|shed| State::Drape(viewshed::drape(relief, shed)));
        self.put_study(&viewshed::KIND, drape, Some(bounds));
    }

    fn work_out_sights(&mut self) {
        for study in self.studies.sights.iter_mut().filter(|study| !study.is_done) {
            let [[a_lon, a_lat], [b_lon, b_lat]] = study.ends;
            let margin = 2e-5;
            let bounds = [
                a_lon.min(b_lon) - margin,
                a_lat.min(b_lat) - margin,
                a_lon.max(b_lon) + margin,
                a_lat.max(b_lat) + margin,
            ];
            let Some(relief) = self.ground.relief(bounds, MOST_LINE) else { continue };
            let [eye, target] = [0, 1].map(|end| (study.ends[end], study.up_m[end]));
            study.sight = sight::line(&relief, eye, target);
            study.is_done = true;
        }
    }

    fn work_out_section(&mut self) {
        let Some(study) = self.studies.section.as_ref().filter(|study| study.profile.is_none()) else { return };
        let places = section::places_along(&study.line);
        let lon_lats: Vec<[f64; 2]> = places.iter().map(|(_, at)| *at).collect();
        let step_m = places.last().map_or(1.0, |(length_m, _)| length_m / places.len() as f64);
        let after = self.ground.heights_at(&lon_lats, step_m);
        let before = match &mut self.before {
            Some(earlier) => earlier.ground.heights_at(&lon_lats, step_m),
            None => Some(Vec::new()),
        };
        let (Some(before), Some(after)) = (before, after) else { return };
        if let Some(study) = &mut self.studies.section {
            study.profile = Some(Profile::of(&places, &before, &after));
        }
    }

    /// Heights in metres of the later ground at a measurement's places, where one of them lies on it; `None` while it is being
    /// loaded.
    pub fn heights_under(&mut self, measure: &Measure) -> Option<Vec<Option<f64>>> {
        if !measure.on_ground.contains(&true) {
            return Some(Vec::new());
        }
        if self.awaits_terrain(Epoch::After) || self.layers_changed {
            return None;
        }
        self.ground.heights_at(&measure.lon_lats_deg(), FINEST_M)
    }

    /// The ground a measurement needs, in the later epoch; `None` while it is being loaded.
    pub fn ground_under(&mut self, measure: &Measure) -> Option<GroundUnder> {
        if self.awaits_terrain(Epoch::After) || self.layers_changed {
            return None;
        }
        if matches!(measure.kind, MeasureKind::Point | MeasureKind::Height) {
            // Nothing but their places, which have their heights already.
            return Some(GroundUnder::Line(Vec::new()));
        }
        if measure.kind == MeasureKind::Distance {
            let places = section::places_along(&measure.lon_lats_deg());
            let lon_lats: Vec<[f64; 2]> = places.iter().map(|(_, at)| *at).collect();
            let step_m = places.last().map_or(1.0, |(length_m, _)| length_m / places.len() as f64);
            if lon_lats.is_empty() {
                return Some(GroundUnder::Line(Vec::new()));
            }
            let heights = self.ground.heights_at(&lon_lats, step_m)?;
            return Some(GroundUnder::Line(lon_lats.into_iter().zip(heights).collect()));
        }
        self.ground.relief(measure.bounds(), MOST_MEASURED).map(GroundUnder::Grid)
    }

    /// Adds water and the cut to the lists.
    pub(super) fn add_studies(&self, lists: &mut [DrawList]) {
        for list in lists.iter_mut() {
            list.clip.clone_from(&self.studies.clip);
            if let Some((lines, origin)) = &self.studies.clip_edges {
                let ecef_from_local = glam::DMat4::from_translation(*origin);
                let lines = Arc::clone(lines);
                list.push(None, Draw::Lines { lines, ecef_from_local, width_px: 2.0, is_cut: false, opacity: 1.0 });
            }
        }
        let Some(later) = lists.last_mut() else { return };
        for (index, layer) in self.layers.iter().enumerate().filter(|(_, layer)| layer.visible) {
            if let State::Water(Some(sheet)) = &layer.state {
                later.push(Some(index), sheet.draw(layer.opacity));
            }
        }
    }
}
