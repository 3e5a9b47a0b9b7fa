//! What people ask of the ground: two epochs beside or over each other, their difference, a section, water, views, a cut,
//! what became of buildings. Places are drawn with tools or come from a script; the viewer works the answers out.

use std::path::PathBuf;

use super::{Desk, Tool};
use crate::layer::damage;
use crate::panel::studies::{StudiesRow, StudyAction};
use crate::panel::words;
use crate::panel::{Action, MeasuredLine};
use crate::scene::camera::View;
use crate::scene::clip::{Clip, Keep};
use crate::scene::measure::{Measure, MeasureKind};
use crate::scene::place;
use crate::scene::sign::{Sign, SignKind};
use crate::viewer::{Compare, Epoch, FloodOrder, ViewOrder};

/// Colours of lines on the map: sRGB.
const SECTION: [u8; 3] = [255, 64, 220];
const SEEN: [u8; 3] = [40, 220, 90];
const HIDDEN: [u8; 3] = [235, 40, 40];
const WATER: [u8; 3] = [40, 150, 255];

/// How studies are made when somebody draws for them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How far above the ground the eye is, metres.
    pub eye_up_m: f64,
    /// How far above the ground what is looked for is, metres.
    pub target_up_m: f64,
    /// How far one looks, metres.
    pub view_radius_m: f64,
    /// How far round its middle water is looked for, metres.
    pub flood_radius_m: f64,
    /// What of a cut scene stays.
    pub keep: Keep,
}

impl Default for Settings {
    fn default() -> Self {
        // A standing person's eye; a kilometre is what a survey covers.
        Self { eye_up_m: 1.7, target_up_m: 0.0, view_radius_m: 1_000.0, flood_radius_m: 1_000.0, keep: Keep::Inside }
    }
}

impl Desk {
    /// Does what belongs to the studies; false for everything else.
    pub(super) fn study(&mut self, action: &Action) -> bool {
        let Action::Study(action) = action else { return false };
        match action {
            StudyAction::SetBefore(stop) => self.set_before_stop(*stop),
            StudyAction::SetCompare(compare) => self.set_compare(*compare),
            StudyAction::SetDifference(scale) => self.viewer.set_difference(*scale),
            StudyAction::SetFlood(order) => self.viewer.set_flood(*order),
            StudyAction::FloodHere => self.flood_here(),
            StudyAction::SetView(order) => self.viewer.set_viewshed(*order),
            StudyAction::ClearSights => self.viewer.studies.sights.clear(),
            StudyAction::ClearSection => self.viewer.set_section(None),
            StudyAction::SaveSection => self.save_section(),
            StudyAction::SetSettings(settings) => self.set_settings(*settings),
            StudyAction::SetCutRange(range_m) => self.set_cut_range(*range_m),
            StudyAction::ClearCut => self.viewer.set_clip(None),
            StudyAction::FindAssessments => {
                if let Err(error) = self.viewer.find_assessments() {
                    self.viewer.said = Some(crate::viewer::chain(&error));
                }
            }
            StudyAction::LoadDamage(name) => {
                if let Err(error) = self.viewer.load_damage(name) {
                    self.viewer.said = Some(crate::viewer::chain(&error));
                }
            }
            StudyAction::ClearDamage => self.viewer.clear_damage(),
            StudyAction::SetReference(reference) => self.work.set_reference(*reference),
            StudyAction::DropMeasure => drop(self.work.measures.pop()),
        }
        true
    }

    /// Compares with a stop of the time line; `None` ends comparing.
    fn set_before_stop(&mut self, stop: Option<usize>) {
        let moment = stop.and_then(|stop| self.viewer.timeline.moment(stop)).map(str::to_owned);
        if let Err(error) = self.viewer.set_before(moment) {
            self.viewer.said = Some(crate::viewer::chain(&error));
        }
    }

    /// Shows two epochs another way; without an earlier one the stop before the one shown is taken.
    pub fn set_compare(&mut self, compare: Compare) {
        if compare != Compare::Off && self.viewer.before_datetime().is_none() {
            let now = self.viewer.timeline.index_at(self.viewer.datetime.as_deref());
            self.set_before_stop(now.map(|now| now.saturating_sub(1)));
        }
        // What is on the earlier ground changes with whether it is seen.
        self.viewer.set_compare(compare);
    }

    /// Measures places and keeps the result with the datum their heights have.
    pub fn measure(&mut self, kind: MeasureKind, places: &[[f64; 3]]) -> Result<Option<&Measure>, crate::ViewError> {
        self.work.height_datum = self.height_datum(None);
        self.work.measure(kind, places, Vec::new())
    }

    /// Does what a finished drawing was for.
    pub(super) fn take_drawn(&mut self) {
        let Some((tool, places)) = self.work.drawn.take() else { return };
        let lon_lats: Vec<[f64; 2]> = places.iter().map(|[lon, lat, _]| [*lon, *lat]).collect();
        let Settings { eye_up_m, target_up_m, view_radius_m: radius_m, keep, .. } = self.work.settings;
        match (tool, &lon_lats[..]) {
            (Tool::Section, line) if line.len() > 1 => self.viewer.set_section(Some(line.to_vec())),
            (Tool::Sight, [from, to]) => self.viewer.add_sight([*from, *to], [eye_up_m, target_up_m.max(0.1)]),
            (Tool::View, [eye]) => {
                self.viewer.set_viewshed(Some(ViewOrder { eye: *eye, eye_up_m, target_up_m, radius_m }));
            }
            (Tool::Water, [center]) => {
                let old = self.viewer.studies.flood.as_ref().map(|study| study.order.level_m);
                let level_m = old.filter(|level_m| *level_m > places[0][2]).unwrap_or(places[0][2] + 2.0);
                let radius_m = self.work.settings.flood_radius_m;
                self.viewer.set_flood(Some(FloodOrder { center: *center, radius_m, level_m, is_connected: true }));
            }
            (Tool::CutBox, [from, to]) => {
                self.cut(&[*from, [to[0], from[1]], *to, [from[0], to[1]]], keep);
            }
            (Tool::CutPolygon, ring) if ring.len() > 2 => self.cut(ring, keep),
            _ => {}
        }
    }

    fn cut(&mut self, ring: &[[f64; 2]], keep: Keep) {
        match Clip::new(ring, EVERYTHING_M, keep) {
            Some(clip) => {
                self.viewer.set_clip(Some(clip));
                self.work.tool = None;
            }
            None => self.viewer.said = Some(words::NO_CUT.text(self.language).to_owned()),
        }
    }

    fn set_settings(&mut self, settings: Settings) {
        self.work.settings = settings;
        // What is on screen follows: the same place seen and cut with the new numbers.
        if let Some(study) = self.viewer.studies.viewshed {
            let Settings { eye_up_m, target_up_m, view_radius_m: radius_m, .. } = settings;
            let order = ViewOrder { eye_up_m, target_up_m, radius_m, ..study.order };
            if order != study.order {
                self.viewer.set_viewshed(Some(order));
            }
        }
        if let Some(study) = &self.viewer.studies.flood
            && study.order.radius_m.total_cmp(&settings.flood_radius_m).is_ne()
        {
            let order = FloodOrder { radius_m: settings.flood_radius_m, ..study.order };
            self.viewer.set_flood(Some(order));
        }
        let old = self.viewer.studies.clip().cloned();
        if let Some(old) = old.filter(|old| old.keep != settings.keep) {
            self.viewer.set_clip(Clip::new(&old.ring_lon_lat_deg, old.range_m, settings.keep));
        }
    }

    fn set_cut_range(&mut self, range_m: Option<[f64; 2]>) {
        if let Some(old) = self.viewer.studies.clip().cloned() {
            let range_m = range_m.unwrap_or(EVERYTHING_M);
            if let Some(clip) = Clip::new(&old.ring_lon_lat_deg, range_m, old.keep) {
                self.viewer.set_clip(Some(clip));
            }
        }
    }

    /// Looks for water round the middle of what is seen, everywhere below a level a little over the lowest ground.
    fn flood_here(&mut self) {
        let view = self.viewer.camera.view([800, 600]);
        let middle = self.viewer.pick(&view, glam::DVec2::new(400.0, 300.0));
        let Some([lon, lat, height_m]) = middle.map(|pick| pick.lon_lat_height_deg) else { return };
        let radius_m = self.work.settings.flood_radius_m;
        let order = FloodOrder { center: [lon, lat], radius_m, level_m: height_m, is_connected: false };
        self.viewer.set_flood(Some(order));
    }

    /// What a pane of two epochs is called.
    pub(super) fn epoch_title(&self, pane: usize) -> String {
        let timeline = &self.viewer.timeline;
        let is_before = self.viewer.epoch_of(pane) == Epoch::Before;
        let datetime = if is_before { self.viewer.before_datetime() } else { self.viewer.datetime.as_deref() };
        let word = if is_before { words::BEFORE } else { words::AFTER };
        let date = timeline.index_at(datetime).and_then(|stop| timeline.date(stop)).unwrap_or_default();
        format!("{} {date}", word.text(self.language))
    }

    pub(super) fn studies_row(&self) -> StudiesRow {
        let studies = &self.viewer.studies;
        let before = self.viewer.before_datetime();
        StudiesRow {
            compare: if before.is_some() { self.viewer.compare } else { Compare::Off },
            before: before.and_then(|moment| self.viewer.timeline.index_at(Some(moment))),
            difference: studies.difference,
            flood: studies.flood.as_ref().map(|study| (study.order, study.range_m, study.flood.clone())),
            view: studies.viewshed,
            sights: studies.sights.iter().map(|study| study.sight.filter(|_| study.is_done)).collect(),
            section: studies.section.as_ref().map(|study| study.profile.clone()),
            has_cut: studies.clip().is_some(),
            cut_range_m: studies.clip().map(|clip| clip.range_m).filter(|range_m| *range_m != EVERYTHING_M),
            damage: studies.damage.clone(),
            assessments: studies.assessments.clone(),
            settings: self.work.settings,
            reference: self.work.reference,
            has_volume: self.work.measures.iter().any(|measure| measure.kind == MeasureKind::Volume),
            shown: [
                shows(self, crate::layer::difference::KIND.dataset_kind),
                shows(self, crate::layer::flood::KIND.dataset_kind),
                shows(self, crate::layer::viewshed::KIND.dataset_kind),
                shows(self, damage::KIND.dataset_kind),
            ],
        }
    }

    /// Lines of the section, of lines of sight, and crosses where water comes from and where one looks from.
    pub(super) fn study_lines(&self, view: &View) -> Vec<MeasuredLine> {
        let studies = &self.viewer.studies;
        let on_ground = |[lon, lat]: [f64; 2]| self.viewer.on_ground([lon, lat]);
        let mut out = Vec::new();
        let mut add = |places: &[glam::DVec3], marks: &[glam::DVec3], color: [u8; 3]| {
            out.push(MeasuredLine {
                color,
                segments_px: places.windows(2).filter_map(|pair| view.segment_px(pair[0], pair[1])).collect(),
                places_px: marks.iter().filter_map(|place| view.pixel_of(*place)).collect(),
            });
        };
        if let Some(section) = &studies.section {
            // On the ground where its heights are known, else from corner to corner.
            let along: Vec<glam::DVec3> = match &section.profile {
                Some(profile) => {
                    let step = (profile.samples.len() / 200).max(1);
                    let samples = profile.samples.iter().step_by(step).chain(profile.samples.last());
                    let height = |sample: &crate::scene::section::Sample| sample.after_m.or(sample.before_m);
                    samples.filter_map(|at| Some(place::ecef([at.lon, at.lat, height(at)? + 0.3]))).collect()
                }
                None => section.line.iter().map(|at| on_ground(*at)).collect(),
            };
            let corners: Vec<glam::DVec3> = section.line.iter().map(|at| on_ground(*at)).collect();
            add(&along, &corners, SECTION);
        }
        for sight in studies.sights.iter().filter_map(|study| study.sight) {
            let (eye, target) = (place::ecef(sight.eye), place::ecef(sight.target));
            match sight.blocked_at {
                None => add(&[eye, target], &[eye, target], SEEN),
                Some(blocked) => {
                    // The line itself, as far as it is free: over the place that stands in the way.
                    let far = geodesy::distance::geodesic_m([sight.eye[0], sight.eye[1]], [blocked[0], blocked[1]]);
                    let at = eye + (target - eye) * (far / sight.distance_m.max(1e-9)).clamp(0.0, 1.0);
                    add(&[eye, at], &[eye], SEEN);
                    add(&[at, target], &[at, target], HIDDEN);
                }
            }
        }
        if let Some(study) = studies.flood.as_ref().filter(|study| study.order.is_connected) {
            add(&[], &[on_ground(study.order.center)], WATER);
        }
        if let Some(study) = studies.viewshed {
            add(&[], &[on_ground(study.order.eye)], SEEN);
        }
        out
    }

    /// Names of the section's ends, and what each line of sight came to.
    pub(super) fn study_signs(&self) -> Vec<Sign> {
        let studies = &self.viewer.studies;
        let mut out = Vec::new();
        let mut add = |ecef: glam::DVec3, text: String| out.push(Sign { kind: SignKind::Measure, ecef, text });
        if let Some([first, .., last]) = studies.section.as_ref().map(|section| section.line.as_slice()) {
            add(self.viewer.on_ground(*first), "A".to_owned());
            add(self.viewer.on_ground(*last), "B".to_owned());
        }
        for sight in studies.sights.iter().filter_map(|study| study.sight) {
            let word = if sight.blocked_at.is_some() { words::IS_HIDDEN } else { words::IS_SEEN };
            let text = format!("{} {:.1} m", word.text(self.language), sight.distance_m);
            add(place::ecef(sight.target), text);
        }
        if let Some(study) = studies.viewshed {
            let text = format!("{} {:.1} m", words::EYE_UP.text(self.language), study.order.eye_up_m);
            add(self.viewer.on_ground(study.order.eye), text);
        }
        out
    }

    fn save_section(&mut self) {
        let Some(profile) = self.viewer.studies.section.as_ref().and_then(|study| study.profile.clone()) else {
            return;
        };
        let folder = self.work.file.as_deref().and_then(std::path::Path::parent).unwrap_or(std::path::Path::new(""));
        let named = |number: u32| folder.join(format!("剖面-{number:02}.csv"));
        let path: PathBuf = (1..10_000).map(named).find(|path| !path.exists()).unwrap_or_else(|| named(0));
        let saved = std::fs::write(&path, profile.to_csv())
            .map_err(|source| crate::ViewError::File { path: path.clone(), source });
        self.viewer.said = Some(self.saved_words(saved, &path));
    }
}

/// A cut without an end above or below, metres.
pub const EVERYTHING_M: [f64; 2] = [-1e5, 1e5];

/// Whether a study's layer is on and shown.
fn shows(desk: &Desk, dataset_kind: &str) -> bool {
    desk.viewer.layers.iter().any(|layer| layer.visible && layer.kind.dataset_kind == dataset_kind)
}
