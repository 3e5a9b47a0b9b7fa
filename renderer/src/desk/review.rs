//! What people do at a meeting: measure, pin notes, go from bookmark to bookmark, compare schemes, save.
//!
//! Measuring and noting work on picked places, so window and script use the same code; where a picture or the meeting's
//! file goes is decided by whoever owns the desk.

use std::path::{Path, PathBuf};

use super::{Desk, Settings};
use crate::meeting::Shows;
use crate::meeting::edit::SceneEdit;
use crate::meeting::file::{LayerState, MeetingFile};
use crate::meeting::project::{Bookmark, Note, Scene};
use crate::meeting::scheme::Building;
use crate::panel::studies::StudyAction;
use crate::panel::words::{self, Language};
use crate::panel::{Action, FindingRow, MeasuredLine, MeetingRow, NoteRow, Tab};
use crate::scene::camera::{Camera, View};
use crate::scene::earthwork::Reference;
use crate::scene::measure::{Figures, Measure, MeasureKind};
use crate::scene::picking::Pick;
use crate::scene::place;
use crate::scene::sign::{Sign, SignKind};

/// What was measured is seen on any picture.
const MEASURED: [u8; 3] = [255, 214, 10];

/// What a click on the map does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Takes places to measure.
    Measure(MeasureKind),
    /// Pins a note.
    Note,
    /// Takes the line of a section.
    Section,
    /// Takes the two ends of a line of sight.
    Sight,
    /// Takes the place one looks from.
    View,
    /// Takes the place water comes from.
    Water,
    /// Takes two opposite corners of a box that cuts the scene.
    CutBox,
    /// Takes the corners of a polygon that cuts the scene.
    CutPolygon,
}

impl Tool {
    /// Places it takes at most: with the last one it is done.
    fn most(self) -> usize {
        match self {
            Self::Measure(kind) => kind.most(),
            Self::Section => 200,
            Self::Sight | Self::CutBox => 2,
            Self::View | Self::Water | Self::Note => 1,
            Self::CutPolygon => crate::scene::clip::MOST_CORNERS,
        }
    }

    /// Whether its places are the corners of a polygon.
    fn is_closed(self) -> bool {
        match self {
            Self::Measure(kind) => kind.is_closed(),
            Self::CutPolygon => true,
            _ => false,
        }
    }
}

/// The state of the work at hand.
#[derive(Clone, Debug)]
pub struct Work {
    /// The list shown at the left.
    pub tab: Tab,
    /// What a click does, if not asking for attributes.
    pub tool: Option<Tool>,
    /// Places taken so far: longitude and latitude (degrees), height (m); and whether each was taken on the ground.
    pub(super) drawing: Vec<([f64; 3], bool)>,
    /// Finished measurements.
    pub measures: Vec<Measure>,
    /// Where a note is about to be pinned.
    pub note_at: Option<[f64; 3]>,
    /// The meeting's file, if there is one already.
    pub file: Option<PathBuf>,
    /// The bookmark gone to last.
    pub bookmark: Option<usize>,
    /// What volumes count from.
    pub reference: Reference,
    /// How studies are made when somebody draws for them.
    pub settings: Settings,
    /// A drawing that is done and belongs to no measurement.
    pub(super) drawn: Option<(Tool, Vec<[f64; 3]>)>,
    /// The datum of the height clicked last.
    pub(super) height_datum: Option<String>,
    /// The size of a picture somebody asked for, and whether the project gets it too.
    pub picture: Option<([u32; 2], bool)>,
    /// The scene before each of the last changes, which schemes were shown, and the change.
    changes: Vec<(Scene, Shows, SceneEdit)>,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            tab: Tab::default(),
            tool: None,
            drawing: Vec::new(),
            measures: Vec::new(),
            note_at: None,
            file: None,
            bookmark: None,
            reference: Reference::Corners,
            settings: Settings::default(),
            drawn: None,
            height_datum: None,
            picture: None,
            changes: Vec::new(),
        }
    }
}

/// Changes that can be taken back.
const MOST_CHANGES: usize = 50;
/// The server takes attachments of 20 MiB.
const MOST_PICTURE_BYTES: usize = 19 << 20;

impl Work {
    /// Takes a place on the map for the tool at hand.
    fn click(&mut self, lon_lat_height_deg: [f64; 3], on_ground: bool) {
        match self.tool {
            None => {}
            Some(Tool::Note) => self.note_at = Some(lon_lat_height_deg),
            Some(tool) => {
                self.drawing.push((lon_lat_height_deg, on_ground));
                if self.drawing.len() >= tool.most()
                    && let Some(words) = self.finish()
                {
                    tracing::warn!(words, "measure");
                }
            }
        }
    }

    /// Ends a line or polygon; what has too few places is dropped. Gives back what a person has to be told.
    pub fn finish(&mut self) -> Option<String> {
        let (drawing, on_ground): (Vec<[f64; 3]>, Vec<bool>) = std::mem::take(&mut self.drawing).into_iter().unzip();
        match self.tool {
            Some(Tool::Measure(kind)) => {
                self.measure(kind, &drawing, on_ground).err().map(|error| crate::viewer::chain(&error))
            }
            Some(tool) if !drawing.is_empty() => {
                self.drawn = Some((tool, drawing));
                None
            }
            _ => None,
        }
    }

    /// Measures and keeps the result; what follows the ground comes when the ground does. `None` with too few places.
    /// `on_ground` says which places lie on the ground; without it none does.
    pub fn measure(
        &mut self,
        kind: MeasureKind,
        places: &[[f64; 3]],
        on_ground: Vec<bool>,
    ) -> Result<Option<&Measure>, crate::ViewError> {
        let Some(measure) = Measure::of(kind, places)? else { return Ok(None) };
        let (reference, height_datum) = (self.reference, self.height_datum.clone());
        self.measures.push(Measure { reference, height_datum, ..measure.on_ground(on_ground) });
        Ok(self.measures.last())
    }

    /// Counts volumes from something else, those measured already too.
    pub fn set_reference(&mut self, reference: Reference) {
        self.reference = reference;
        for measure in self.measures.iter_mut().filter(|measure| measure.kind == MeasureKind::Volume) {
            measure.reference = reference;
            measure.awaits_ground = true;
        }
    }

    /// Takes the last place back; without one the tool; false where there was nothing to take back.
    pub fn step_back(&mut self) -> bool {
        self.drawing.pop().is_some() || self.cancel()
    }

    /// Puts everything half done away; false where there was nothing.
    pub fn cancel(&mut self) -> bool {
        let had = self.tool.is_some() || self.note_at.is_some();
        (self.tool, self.note_at) = (None, None);
        self.drawing.clear();
        had
    }

    pub(super) fn measured(&self, language: Language) -> Vec<String> {
        self.measures.iter().map(|measure| figures_text(measure, language).replace('\n', " · ")).collect()
    }

    /// Signs of measured figures.
    pub(super) fn signs(&self, language: Language) -> Vec<Sign> {
        let sign = |measure: &Measure| {
            let middle = match measure.kind {
                MeasureKind::Area | MeasureKind::Volume => {
                    let count = measure.places.len() as f64;
                    let sum = measure.places.iter().fold(glam::DVec3::ZERO, |sum, at| sum + place::ecef(*at));
                    sum / count
                }
                _ => place::ecef(*measure.places.last()?),
            };
            Some(Sign { kind: SignKind::Measure, ecef: middle, text: figures_text(measure, language) })
        };
        self.measures.iter().filter_map(sign).collect()
    }

    /// Measured lines, and the one being drawn up to the pointer.
    pub(super) fn lines(&self, view: &View, pointed: Option<[f64; 3]>) -> Vec<MeasuredLine> {
        let line = |places: &[[f64; 3]], closed: bool| {
            let corners: Vec<_> = places.iter().map(|at| place::ecef(*at)).collect();
            let mut ends: Vec<_> = corners.windows(2).map(|pair| [pair[0], pair[1]]).collect();
            if let (true, Some(first), Some(last)) = (closed && corners.len() > 2, corners.first(), corners.last()) {
                ends.push([*last, *first]);
            }
            MeasuredLine {
                color: MEASURED,
                segments_px: ends.iter().filter_map(|[from, to]| view.segment_px(*from, *to)).collect(),
                places_px: corners.iter().filter_map(|corner| view.pixel_of(*corner)).collect(),
            }
        };
        let mut out: Vec<MeasuredLine> = self
            .measures
            .iter()
            .flat_map(|measure| {
                let own = line(&measure.places, measure.kind.is_closed());
                [Some(own), (measure.kind == MeasureKind::Height).then(|| line(&plumb(&measure.places), false))]
            })
            .flatten()
            .collect();
        if let (Some(tool), false) = (self.tool, self.drawing.is_empty()) {
            let places: Vec<[f64; 3]> = self.drawing.iter().map(|(place, _)| *place).chain(pointed).collect();
            out.push(line(&places, tool.is_closed()));
        }
        out
    }
}

/// The corner under the higher of two places: up it goes, then across.
fn plumb(places: &[[f64; 3]]) -> Vec<[f64; 3]> {
    let [from, to] = places[..] else { return Vec::new() };
    let (low, high) = if from[2] <= to[2] { (from, to) } else { (to, from) };
    vec![low, [high[0], high[1], low[2]], high]
}

/// Figures with their units, in a few short lines.
fn figures_text(measure: &Measure, language: Language) -> String {
    let word = |word: words::Word| word.text(language);
    // What follows the ground is being asked for, or there is no ground.
    let open = if measure.awaits_ground { words::ASKING } else { words::NO_TERRAIN };
    let on_ground = |name: words::Word, value: Option<f64>, unit: &str| match value {
        Some(value) => format!("{} {value:.2} {unit}", word(name)),
        None => format!("{} {}", word(name), word(open)),
    };
    match &measure.figures {
        Figures::Point { lon_lat_height_deg: [lon, lat, height_m], plane } => {
            let datum = words::height_datum(measure.height_datum.as_deref().unwrap_or("unknown"), language);
            let plane = plane.map(|(epsg, [easting_m, northing_m])| {
                format!(
                    "{} {northing_m:.3}  {} {easting_m:.3}（EPSG:{epsg}）\n",
                    word(words::NORTHING),
                    word(words::EASTING)
                )
            });
            format!(
                "{} {lon:.7}°  {} {lat:.7}°\n{}{} {height_m:.2} m（{datum}）",
                word(words::LONGITUDE),
                word(words::LATITUDE),
                plane.unwrap_or_default(),
                word(words::HEIGHT)
            )
        }
        Figures::Distance { slope_m, horizontal_m, ground_m } => format!(
            "{} {horizontal_m:.2} m\n{} {slope_m:.2} m\n{}",
            word(words::HORIZONTAL),
            word(words::SLOPE),
            on_ground(words::ALONG_GROUND, *ground_m, "m")
        ),
        Figures::Height { rise_m, horizontal_m, slope_m } => format!(
            "{} {rise_m:+.2} m\n{} {horizontal_m:.2} m · {} {slope_m:.2} m",
            word(words::RISE),
            word(words::HORIZONTAL),
            word(words::SLOPE)
        ),
        Figures::Area { plane_m2, plane_epsg, ellipsoidal_m2, surface_m2, .. } => {
            let plane = match (plane_m2, plane_epsg) {
                (Some(plane_m2), Some(epsg)) => {
                    format!("{} {plane_m2:.2} m²（EPSG:{epsg}）\n", word(words::PLANE_AREA))
                }
                _ => String::new(),
            };
            let surface = on_ground(words::SURFACE_AREA, *surface_m2, "m²");
            format!("{plane}{} {ellipsoidal_m2:.2} m²\n{surface}", word(words::ELLIPSOIDAL_AREA))
        }
        Figures::Volume(None) => on_ground(words::VOLUME_TOOL, None, ""),
        Figures::Volume(Some(work)) => {
            let missing = if work.missing_m2 > 0.0 {
                format!("\n{} {:.2} m²", word(words::WITHOUT_GROUND), work.missing_m2)
            } else {
                String::new()
            };
            format!(
                "{} {:.2} m³ · {} {:.2} m³\n{} {:+.2} m³（{} {:.2} m）{missing}",
                word(words::ABOVE),
                work.above_m3,
                word(words::BELOW),
                work.below_m3,
                word(words::BALANCE),
                work.above_m3 - work.below_m3,
                words::reference(measure.reference).text(language),
                work.reference_m
            )
        }
    }
}

impl Desk {
    /// Shows one of the lists.
    pub fn show_tab(&mut self, tab: Tab) {
        self.work.tab = tab;
        // Whoever goes there wants to know what was assessed meanwhile.
        if tab == Tab::Studies {
            self.study(&Action::Study(StudyAction::FindAssessments));
        }
    }

    /// Does what belongs to the meeting; false for everything else.
    pub(super) fn work_on(&mut self, action: &Action, size_px: [u32; 2]) -> bool {
        match action {
            Action::ShowTab(tab) => self.show_tab(*tab),
            Action::SetTool(tool) => {
                self.work.cancel();
                self.work.tool = *tool;
            }
            Action::FinishDrawing => self.finish_drawing(),
            Action::ClearMeasures => {
                self.work.measures.clear();
                self.work.drawing.clear();
            }
            Action::FlyToProject => self.fly(self.framing_project(size_px)),
            Action::FlyToFinding(index) => self.fly_to_finding(*index),
            Action::FlyToNote(index) => {
                let note = self.viewer.meeting.as_ref().and_then(|meeting| meeting.notes.get(*index));
                if let Some(at) = note.map(|note| note.lon_lat_height) {
                    self.fly_near(at, 180.0);
                }
            }
            Action::ShowSchemes(shows) => {
                if let Some(meeting) = &mut self.viewer.meeting {
                    meeting.shows = *shows;
                }
            }
            Action::GotoBookmark(index) => self.goto_bookmark(*index, true),
            Action::AddBookmark => self.add_bookmark(),
            Action::LookAnew(index) => self.look_anew(*index),
            Action::Edit(edit) => self.edit(edit.clone()),
            Action::TakeBack => self.take_back(),
            Action::PinNote(text) => {
                if let Some(lon_lat_height) = self.work.note_at.take() {
                    self.viewer.add_note(Note { lon_lat_height, text: text.trim().to_owned(), ..Note::default() });
                }
                self.work.tool = None;
            }
            Action::CancelNote => self.work.note_at = None,
            Action::BuildOnArea => self.build_on_area(),
            Action::SendScene => self.viewer.send_scene(),
            Action::SavePicture(size_px, for_project) => self.work.picture = Some((*size_px, *for_project)),
            Action::ReadAnew => {
                // What was changed before was changed of another scene.
                self.work.changes.clear();
                self.viewer.read_anew();
            }
            Action::SaveMeeting => self.save_meeting(),
            Action::CloseSaid => self.viewer.said = None,
            _ => return false,
        }
        true
    }

    /// The camera that sees the project's red line in a pane of this size, with room round it for signs.
    #[must_use]
    pub fn framing_project(&self, size_px: [u32; 2]) -> Camera {
        let bounds = self.viewer.meeting.as_ref().and_then(crate::meeting::Meeting::bounds);
        let Some([west, south, east, north]) = bounds else {
            return self.framing(None, size_px, self.context.pixels_per_point());
        };
        // Room to all sides, and more to the north, where signs and roofs stand up.
        let (wide, high) = ((east - west).max(0.000_8) * 0.2, (north - south).max(0.000_8) * 0.2);
        let around = [west - wide, south - high, east + wide, north + high * 2.0];
        let middle = [f64::midpoint(west, east), f64::midpoint(south, north)];
        let ground_m = self.viewer.ask_ground_m(middle).unwrap_or_else(|| self.viewer.extent(None).1);
        let [width, height] = size_px.map(f64::from);
        let scale = f64::from(self.context.pixels_per_point());
        let is_split = self.viewer.meeting.as_ref().is_some_and(|meeting| meeting.shown_schemes().len() > 1);
        let left = if self.has_wide_panel(size_px) && !is_split { crate::panel::LAYERS_WIDTH * scale } else { 0.0 };
        Camera::framing(around, ground_m, -42.0, size_px, [left, 0.0, width, height - left.min(80.0 * scale)])
    }

    fn fly_to_finding(&mut self, index: usize) {
        let finding = self.viewer.meeting.as_ref().and_then(|meeting| meeting.findings.get(index));
        if let Some(at) = finding.and_then(|finding| finding.at) {
            let height_m = place::lon_lat_height_deg(self.viewer.on_surface(at))[2];
            self.fly_near([at[0], at[1], height_m], 220.0);
        }
    }

    fn fly_near(&mut self, at: [f64; 3], distance_m: f64) {
        let mut camera = self.viewer.camera;
        camera.pitch_deg = camera.pitch_deg.clamp(-60.0, -25.0);
        camera.look_from(place::ecef(at), distance_m);
        self.fly(camera);
    }

    /// Goes to a bookmark of the meeting: by flight, or at once.
    pub fn goto_bookmark(&mut self, index: usize, by_flight: bool) {
        let Some(meeting) = &mut self.viewer.meeting else { return };
        let Some(bookmark) = meeting.scene.bookmarks.get(index).cloned() else { return };
        self.work.bookmark = Some(index);
        if let Some(shows) = bookmark.scheme.as_deref().and_then(|name| meeting.shows_named(name)) {
            meeting.shows = shows;
        }
        let [lon, lat, height_m, heading_deg, pitch_deg] = bookmark.camera;
        let camera = Camera::new([lon, lat, height_m], heading_deg, pitch_deg);
        if by_flight {
            self.fly(camera);
        } else {
            self.viewer.camera = camera;
        }
    }

    fn camera_numbers(&self) -> [f64; 5] {
        let camera = self.viewer.camera;
        let [lon, lat, height_m] = camera.lon_lat_height_deg;
        [lon, lat, height_m, camera.heading_deg, camera.pitch_deg]
    }

    fn add_bookmark(&mut self) {
        let count = self.viewer.meeting.as_ref().map_or(0, |meeting| meeting.scene.bookmarks.len());
        self.keep_bookmark(format!("{} {}", words::BOOKMARK.text(self.language), count + 1));
    }

    /// Keeps what is seen as the last bookmark.
    pub fn keep_bookmark(&mut self, name: String) {
        let camera = self.camera_numbers();
        let Some(meeting) = &mut self.viewer.meeting else { return };
        let scheme = (!meeting.scene.schemes.is_empty()).then(|| meeting.shows.name());
        meeting.scene.bookmarks.push(Bookmark { name, camera, scheme });
    }

    /// Changes schemes or bookmarks, so that it can be taken back.
    pub fn edit(&mut self, edit: SceneEdit) {
        let Some(meeting) = &mut self.viewer.meeting else { return };
        let before = (meeting.scene.clone(), meeting.shows);
        if !meeting.edit(&edit) {
            return;
        }
        let has_new_schemes = meeting.scene.schemes != before.0.schemes;
        let changes = &mut self.work.changes;
        if changes.last().is_none_or(|(_, _, last)| !edit.continues(last)) {
            changes.push((before.0, before.1, edit));
            if changes.len() > MOST_CHANGES {
                changes.remove(0);
            }
        }
        if has_new_schemes {
            self.viewer.rebuild_schemes();
        }
    }

    /// Takes the last change back.
    fn take_back(&mut self) {
        let (Some(meeting), Some((scene, shows, _))) = (&mut self.viewer.meeting, self.work.changes.pop()) else {
            return;
        };
        // What the server said of its version since is still so.
        let version = std::mem::take(&mut meeting.scene.version);
        meeting.scene = Scene { version, ..scene };
        meeting.shows = shows;
        self.viewer.rebuild_schemes();
    }

    /// What is seen takes the place of a bookmark's look.
    fn look_anew(&mut self, index: usize) {
        let camera = self.camera_numbers();
        let Some(meeting) = &self.viewer.meeting else { return };
        let Some(bookmark) = meeting.scene.bookmarks.get(index) else { return };
        let scheme = (!meeting.scene.schemes.is_empty()).then(|| meeting.shows.name());
        let look = Bookmark { name: bookmark.name.clone(), camera, scheme };
        self.edit(SceneEdit::SetBookmark(index, look));
    }

    /// The area measured last becomes a building of the scheme shown.
    fn build_on_area(&mut self) {
        let Some(at) = self.work.measures.iter().rposition(|measure| measure.kind == MeasureKind::Area) else { return };
        if self.viewer.meeting.is_none() {
            return;
        }
        let measure = self.work.measures.remove(at);
        let footprint = vec![measure.places.iter().map(|[lon, lat, _]| [*lon, *lat]).collect()];
        let shown = |desk: &Self| {
            let places = desk.viewer.meeting.as_ref().map(crate::meeting::Meeting::shown_schemes);
            places.and_then(|places| places.first().copied().flatten())
        };
        if shown(self).is_none() {
            self.edit(SceneEdit::AddScheme);
        }
        let Some(place) = shown(self) else { return };
        let buildings = self.viewer.meeting.as_ref().map_or(0, |meeting| meeting.scene.schemes[place].buildings.len());
        let name = format!("{}#", buildings + 1);
        self.edit(SceneEdit::AddBuilding(place, Building { name, footprint, floors: Some(6), ..Building::default() }));
        if let Some(meeting) = &mut self.viewer.meeting {
            meeting.shows = Shows::One(place);
        }
    }

    /// The meeting as a file keeps it.
    #[must_use]
    pub fn meeting_file(&self) -> MeetingFile {
        let viewer = &self.viewer;
        let mut file = MeetingFile::new(&viewer.service.base);
        file.camera = self.camera_numbers();
        file.datetime.clone_from(&viewer.datetime);
        let state = |layer: &crate::viewer::Layer| LayerState {
            slug: layer.dataset.slug.clone(),
            visible: layer.visible,
            opacity: layer.opacity,
        };
        file.layers = viewer.layers.iter().map(state).collect();
        if let Some(meeting) = &viewer.meeting {
            file.project = Some(meeting.project.id.clone());
            file.title.clone_from(&meeting.project.name);
            file.shows = meeting.shows.name();
            file.schemes.clone_from(&meeting.scene.schemes);
            file.bookmarks.clone_from(&meeting.scene.bookmarks);
            file.notes.clone_from(&meeting.notes);
        }
        file
    }

    /// Puts everything as a file has it. Notes the server does not have are kept beside those it has.
    pub fn restore(&mut self, file: &MeetingFile) {
        if let Some(meeting) = &mut self.viewer.meeting {
            meeting.scene.schemes.clone_from(&file.schemes);
            meeting.scene.bookmarks.clone_from(&file.bookmarks);
            for note in &file.notes {
                let place = |note: &Note| note.lon_lat_height.map(f64::to_bits);
                let is_there = |known: &Note| known.text == note.text && place(known) == place(note);
                if !meeting.notes.iter().any(is_there) {
                    meeting.notes.push(note.clone());
                }
            }
            meeting.shows = meeting.shows_named(&file.shows).unwrap_or_default();
        }
        self.viewer.rebuild_schemes();
        for state in &file.layers {
            if let Some(index) = self.viewer.layers.iter().position(|layer| layer.dataset.slug == state.slug) {
                self.viewer.set_visible(index, state.visible);
                self.viewer.set_opacity(index, state.opacity);
            }
        }
        let [lon, lat, height_m, heading_deg, pitch_deg] = file.camera;
        self.viewer.camera = Camera::new([lon, lat, height_m], heading_deg, pitch_deg);
    }

    fn save_meeting(&mut self) {
        let path = self.work.file.clone().unwrap_or_else(|| PathBuf::from(format!("{}.skv", self.stem())));
        let saved = self.meeting_file().save(&path);
        self.viewer.said = Some(self.saved_words(saved, &path));
        self.work.file.get_or_insert(path);
    }

    /// A file name for the project at hand.
    fn stem(&self) -> String {
        let project = self.viewer.meeting.as_ref().map(|meeting| &meeting.project);
        let code = project.map(|project| if project.code.is_empty() { &project.name } else { &project.code });
        let plain: String = code
            .into_iter()
            .flat_map(|code| code.chars())
            .filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_'))
            .take(60)
            .collect();
        if plain.is_empty() { "会审".to_owned() } else { format!("会审-{plain}") }
    }

    /// A name for the next picture that no file has yet.
    #[must_use]
    pub fn picture_path(&self) -> PathBuf {
        let folder = self.work.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let named = |number: u32| folder.join(format!("{}-{number:02}.png", self.stem()));
        (1..10_000).map(named).find(|path| !path.exists()).unwrap_or_else(|| named(0))
    }

    /// Sends a saved picture to the project: as it is, or as JPEG where the server would not take so much.
    pub fn send_picture(&mut self, picture: &image::RgbaImage, path: &Path) -> Result<(), crate::ViewError> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let failed = |source| crate::ViewError::File { path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(failed)?;
        if bytes.len() <= MOST_PICTURE_BYTES {
            self.viewer.send_picture(name, bytes.into());
            return Ok(());
        }
        let mut smaller = std::io::Cursor::new(Vec::new());
        let rgb = image::DynamicImage::ImageRgba8(picture.clone()).into_rgb8();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut smaller, 90);
        rgb.write_with_encoder(encoder)
            .map_err(|source| crate::ViewError::Write { path: path.to_owned(), source: Box::new(source) })?;
        let name = Path::new(&name).with_extension("jpg").to_string_lossy().into_owned();
        self.viewer.send_picture(name, smaller.into_inner().into());
        Ok(())
    }

    /// Takes a click on the map where a tool is chosen; false where none is. The second of a double click ends a line.
    pub fn click_map(&mut self, pick: &Pick, doubled: bool) -> bool {
        if self.work.tool.is_none() {
            return false;
        }
        if doubled && self.work.tool != Some(Tool::Note) {
            self.finish_drawing();
            return true;
        }
        self.work.height_datum = self.height_datum(pick.layer);
        // What is drawn is as fine as it is seen from here; of two epochs on screen it may be the other one's ground.
        let on_ground = pick.layer.is_none() && !self.viewer.is_comparing();
        self.work.click(pick.lon_lat_height_deg, on_ground);
        self.take_drawn();
        true
    }

    /// Ends the line or polygon being drawn and does what it was drawn for.
    pub fn finish_drawing(&mut self) {
        if let Some(words) = self.work.finish() {
            self.viewer.said = Some(words);
        }
        self.take_drawn();
    }

    /// Goes to the next bookmark, or the one before: from the one gone to last, round the list.
    #[expect(clippy::cast_possible_wrap, reason = "bookmarks are few")]
    pub fn step_bookmark(&mut self, step: i64) {
        let count = self.viewer.meeting.as_ref().map_or(0, |meeting| meeting.scene.bookmarks.len()) as i64;
        if count > 0 {
            let from = self.work.bookmark.map_or(-i64::from(step > 0), |at| at as i64);
            self.goto_bookmark((from + step).rem_euclid(count) as usize, true);
        }
    }

    /// Where something was saved, or why it was not.
    #[must_use]
    pub fn saved_words(&self, saved: Result<(), crate::ViewError>, path: &Path) -> String {
        match saved {
            Ok(()) => format!("{} {}", words::SAVED.text(self.language), shown_path(path)),
            Err(error) => crate::viewer::chain(&error),
        }
    }

    pub(super) fn meeting_row(&self) -> Option<MeetingRow> {
        let meeting = self.viewer.meeting.as_ref()?;
        let chinese = self.language.is_chinese();
        let project = &meeting.project;
        let findings = meeting.findings.iter().map(|finding| FindingRow {
            title: finding.title[usize::from(!chinese)].clone(),
            is_conditional: finding.is_conditional(),
            area: finding.area_text(chinese),
            message: finding.message[usize::from(!chinese)].clone(),
            has_place: finding.at.is_some(),
        });
        let notes = meeting.notes.iter().map(|note| NoteRow {
            text: match &note.author {
                Some(author) => format!("{author}：{}", note.text),
                None => note.text.clone(),
            },
            posted: note.posted,
        });
        let shown = meeting.shown_schemes();
        Some(MeetingRow {
            name: project.name.clone(),
            code: project.code.clone(),
            applicant: project.applicant.clone(),
            land_use: project.land_use.clone(),
            state: project.state.clone(),
            verdict: project.verdict.clone(),
            plane_m2: project.plane_m2,
            ellipsoidal_m2: project.ellipsoidal_m2,
            findings: findings.collect(),
            schemes: meeting.scene.schemes.clone(),
            shown,
            built: (0..2).map(|pane| self.ground_rows(pane)).collect(),
            bookmarks: meeting.scene.bookmarks.iter().map(|bookmark| bookmark.name.clone()).collect(),
            notes: notes.collect(),
            can_take_back: !self.work.changes.is_empty(),
            pictures: meeting.pictures.clone(),
            can_build: self.work.measures.iter().any(|measure| measure.kind == MeasureKind::Area),
            person: self.viewer.service.person().map(str::to_owned),
            is_packed: self.viewer.service.is_packed(),
        })
    }

    /// From which ground each building of a pane's scheme rises, in words.
    fn ground_rows(&self, pane: usize) -> Vec<[String; 2]> {
        let built = self.viewer.built_scheme(pane);
        let row = |massing: &crate::scene::massing::Massing| {
            let ground = words::ground(massing.ground).text(self.language);
            let range = format!("{:.2}–{:.2} m", massing.under.lowest_m, massing.under.highest_m);
            if massing.under.is_terrain {
                [format!("{:.2} m", massing.foot_m), format!("{ground} {:.2} m（{range}）", massing.foot_m)]
            } else {
                [words::NO_TERRAIN.text(self.language).to_owned(), String::new()]
            }
        };
        built.into_iter().flat_map(|built| &built.massings).map(row).collect()
    }

    fn has_wide_panel(&self, size_px: [u32; 2]) -> bool {
        let scale = f64::from(self.context.pixels_per_point());
        self.panels == crate::panel::Panels::All && f64::from(size_px[0]) > 2.5 * crate::panel::LAYERS_WIDTH * scale
    }
}

fn shown_path(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_error| path.to_owned()).display().to_string()
}
