//! A script: steps a meeting's pictures are made by, without a window and always alike.
//!
//! JSON, `{"version": 1, "steps": [{"goto": {"bookmark": "全景"}}, {"scheme": "A"}, {"shot": {"file": "a.png"}}]}`. Steps
//! do what a person at the window could do and nothing else; pictures go below one folder, whatever a script says.

mod studies;

use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::desk::Desk;
use crate::error::ViewError;
use crate::gpu::Shot;
use crate::headless;
use crate::meeting::Shows;
use crate::meeting::edit::SceneEdit;
use crate::meeting::project::{Bookmark, Note, Scene, is_camera};
use crate::meeting::scheme::{Scheme, is_model_link};
use crate::panel::{Panels, Tab};
use crate::scene::camera::Camera;
use crate::scene::measure::{Figures, Measure, MeasureKind};
use crate::scene::place;
use studies::{Refusal, Study};

/// A script larger than this is refused.
const MOST_BYTES: u64 = 4 << 20;
/// More steps than this are refused.
const MOST_STEPS: usize = 10_000;

/// A script.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    version: u32,
    /// What to do, in order.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// Move the camera.
    Goto(Goto),
    /// Show layers, by slug.
    Show(Vec<String>),
    /// Hide layers, by slug; `["*"]` hides all but the project's.
    Hide(Vec<String>),
    /// Show a scheme, by letter or name, `side-by-side`, or `none`.
    Scheme(String),
    /// Measure, keep and report.
    Measure {
        /// What.
        kind: Kind,
        /// Longitude and latitude in degrees, and height in metres; without one, the drawn surface's.
        places: Vec<Vec<f64>>,
        /// What a volume counts from: `corners`, `lowest-corner` or `{"level": 300.0}`.
        #[serde(default)]
        reference: studies::CountsFrom,
    },
    /// Put measurements away.
    ClearMeasures,
    /// Pin a note (it is sent to the server where there is one).
    Note {
        /// Longitude and latitude in degrees.
        place: [f64; 2],
        /// What it says.
        text: String,
    },
    /// Keep what is seen as a bookmark of this name.
    Bookmark(String),
    /// Put these bookmarks first, in this order.
    BookmarkOrder(Vec<String>),
    /// Take these schemes instead of those there are.
    Schemes(Vec<Scheme>),
    /// Keep schemes and bookmarks on the server.
    SendScene,
    /// Show another moment, RFC 3339 or a date; `null` is now.
    Time(Option<String>),
    /// Show two epochs, or one again.
    Compare(studies::TwoEpochs),
    /// Colour the ground by what changed between them; `null` no longer.
    Difference(Option<studies::Ramp>),
    /// Cut the ground along a line; `null` puts the section away.
    Section(Option<studies::Line>),
    /// Fill the ground with water; `null` takes it away.
    Flood(Option<studies::Water>),
    /// Show what is seen from a place; `null` no longer.
    Viewshed(Option<studies::View>),
    /// Look from one place to another.
    Sight(studies::Look),
    /// Put lines of sight away.
    ClearSights,
    /// Cut the scene by a box or polygon; `null` makes it whole.
    Clip(Option<studies::Cut>),
    /// Show what a job found of the buildings; `null` no longer.
    Damage(Option<String>),
    /// Show a list at the left: `layers`, `meeting` or `studies`.
    Tab(List),
    /// Which panels the next pictures show: `all`, `caption` or `none`.
    Panels(Shown),
    /// Take a picture.
    Shot {
        /// The file, a name below the folder of pictures.
        file: String,
        /// Width and height in pixels.
        #[serde(default)]
        size: Option<[u32; 2]>,
        /// Enlarges words and signs.
        #[serde(default)]
        scale: Option<f32>,
        /// Keep it with the project on the server too, for its report.
        #[serde(default)]
        for_project: bool,
    },
    /// Save the meeting, below the same folder.
    Save(String),
}

/// Where to go.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Goto {
    /// Over the project.
    Project,
    /// Over all visible data.
    All,
    /// A bookmark of the meeting, by name or by number from 1.
    Bookmark(serde_json::Value),
    /// Longitude, latitude (degrees), height (m), heading and pitch (degrees).
    Camera([f64; 5]),
    /// Before a place.
    Around {
        /// Longitude and latitude in degrees.
        place: [f64; 2],
        /// Metres from it.
        distance_m: f64,
        /// Clockwise from north.
        #[serde(default)]
        heading_deg: f64,
        /// Above the horizon.
        #[serde(default = "down")]
        pitch_deg: f64,
    },
}

fn down() -> f64 {
    -45.0
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Along places.
    Distance,
    /// Between two heights.
    Height,
    /// Of a polygon.
    Area,
    /// Where a place is.
    Point,
    /// Above and below a polygon.
    Volume,
}

/// Lists at the left by name.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum List {
    /// Layers.
    Layers,
    /// The meeting.
    Meeting,
    /// What is asked of the ground.
    Studies,
}

/// Panels by name.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// As in the window.
    All,
    /// What a printed picture needs.
    Caption,
    /// Nothing but what lies on the scene.
    None,
}

impl Script {
    /// Reads a script from a file.
    pub fn open(path: &Path) -> Result<Self, ViewError> {
        use std::io::Read as _;
        let failed = |source| ViewError::File { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        std::fs::File::open(path).map_err(failed)?.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        Self::parse(&bytes).map_err(|reason| ViewError::MeetingFile { path: path.to_owned(), reason })
    }

    /// Reads a script; an error says in words what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() as u64 > MOST_BYTES {
            return Err("脚本过大 (the script is too large)".to_owned());
        }
        let script: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if script.version != 1 {
            return Err(format!("版本 (version) {} ≠ 1", script.version));
        }
        if script.steps.len() > MOST_STEPS {
            return Err("步骤过多 (too many steps)".to_owned());
        }
        for (number, step) in script.steps.iter().enumerate() {
            step.check().map_err(|reason| format!("第 {} 步 (step): {reason}", number + 1))?;
        }
        Ok(script)
    }
}

impl Step {
    /// The step as one that asks something of the ground.
    fn study(&self) -> Option<Study<'_>> {
        Some(match self {
            Self::Compare(epochs) => Study::Compare(epochs),
            Self::Difference(ramp) => Study::Difference(ramp),
            Self::Section(line) => Study::Section(line),
            Self::Flood(water) => Study::Flood(water),
            Self::Viewshed(view) => Study::Viewshed(view),
            Self::Sight(look) => Study::Sight(look),
            Self::Clip(cut) => Study::Clip(cut),
            Self::Damage(job) => Study::Damage(job),
            _ => return None,
        })
    }

    fn check(&self) -> Result<(), String> {
        let is_sound = match self {
            other if other.study().is_some() => other.study().is_some_and(|study| study.is_sound()),
            Self::Goto(Goto::Camera(camera)) => is_camera(camera),
            Self::Goto(Goto::Around { place, distance_m, heading_deg, pitch_deg }) => {
                is_place(*place)
                    && (1.0..1e7).contains(distance_m)
                    && heading_deg.is_finite()
                    && (-90.0..=30.0).contains(pitch_deg)
            }
            Self::Measure { kind, places, .. } => {
                let kind = MeasureKind::from(*kind);
                (kind.fewest()..=kind.most()).contains(&places.len())
                    && places.iter().all(|at| {
                        matches!(at.len(), 2 | 3)
                            && is_place([at[0], at[1]])
                            && at.get(2).is_none_or(|height_m| (-1e4..1e5).contains(height_m))
                    })
            }
            Self::Note { place, text } => is_place(*place) && !text.trim().is_empty(),
            Self::Shot { file, size, scale, .. } => {
                is_below(file)
                    && size.is_none_or(|size| size.iter().all(|side| (16..=8_192).contains(side)))
                    && scale.is_none_or(|scale| (0.5..=4.0).contains(&scale))
            }
            Self::Save(file) => is_below(file),
            Self::Schemes(schemes) => return Scene { schemes: schemes.clone(), ..Scene::default() }.check(),
            _ => true,
        };
        if is_sound {
            Ok(())
        } else {
            Err(format!("数值或文件名无效 (a number or file name is not sound): {self:?}"))
        }
    }
}

fn is_place([lon, lat]: [f64; 2]) -> bool {
    (-180.0..=180.0).contains(&lon) && (-89.0..=89.0).contains(&lat)
}

/// Whether a file name stays below the folder it is meant for.
fn is_below(file: &str) -> bool {
    !file.starts_with('/') && is_model_link(file)
}

impl From<Kind> for MeasureKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Distance => Self::Distance,
            Kind::Height => Self::Height,
            Kind::Area => Self::Area,
            Kind::Point => Self::Point,
            Kind::Volume => Self::Volume,
        }
    }
}

/// What following a script came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Done {
    /// Pictures and files written.
    pub files: Vec<String>,
    /// Measured figures, in the order they were taken.
    pub measures: Vec<serde_json::Value>,
    /// What was asked of the ground came to, in order, each with its `kind`.
    pub studies: Vec<serde_json::Value>,
    /// Schemes built: name, floors, height, and the ground they stand on.
    pub buildings: Vec<serde_json::Value>,
    /// Loads that failed, by layer.
    pub failures: Vec<(String, String)>,
    /// Labels and signs of the last picture.
    pub signs: Vec<String>,
    /// Pictures the project has now.
    pub for_project: Vec<String>,
}

/// Follows a script; `folder` takes its pictures, `size_px` is theirs where a step names none.
#[expect(clippy::too_many_lines, reason = "a line or two for each kind of step")]
pub fn follow(
    desk: &mut Desk,
    shot: &mut Shot,
    script: &Script,
    (folder, size_px): (&Path, [u32; 2]),
) -> Result<Done, ViewError> {
    let mut done = Done::default();
    for (number, step) in script.steps.iter().enumerate() {
        let refuse = |reason: String| ViewError::Step { step: number + 1, reason };
        match step {
            Step::Goto(goto) => go(desk, goto, size_px).map_err(refuse)?,
            Step::Show(slugs) => set_visible(desk, slugs, true).map_err(refuse)?,
            Step::Hide(slugs) => set_visible(desk, slugs, false).map_err(refuse)?,
            Step::Scheme(name) => {
                let shows = desk.viewer.meeting.as_ref().and_then(|meeting| meeting.shows_named(name));
                let shows = shows.ok_or_else(|| refuse(format!("没有这个方案 (no such scheme): {name}")))?;
                if let Some(meeting) = &mut desk.viewer.meeting {
                    meeting.shows = shows;
                }
            }
            Step::Measure { kind, places, reference } => {
                let lon_lats: Vec<[f64; 2]> = places.iter().map(|at| [at[0], at[1]]).collect();
                let on_surface = on_surface(desk, &lon_lats, size_px)?;
                let places: Vec<[f64; 3]> = places
                    .iter()
                    .zip(on_surface)
                    .map(|(at, [lon, lat, surface_m])| [lon, lat, at.get(2).copied().unwrap_or(surface_m)])
                    .collect();
                desk.work.reference = (*reference).into();
                if desk.measure((*kind).into(), &places)?.is_none() {
                    return Err(refuse("无法量算 (nothing could be measured)".to_owned()));
                }
                // What follows the ground comes with it.
                headless::settle(desk, size_px, headless::PATIENCE)?;
                done.measures.extend(desk.work.measures.last().map(figures_json));
            }
            Step::ClearMeasures => desk.work.measures.clear(),
            Step::ClearSights => desk.viewer.studies.sights.clear(),
            Step::Time(datetime) => desk.viewer.set_datetime(datetime.clone())?,
            Step::Tab(list) => {
                desk.show_tab(match list {
                    List::Layers => Tab::Layers,
                    List::Meeting => Tab::Meeting,
                    List::Studies => Tab::Studies,
                });
            }
            Step::Compare(_)
            | Step::Difference(_)
            | Step::Section(_)
            | Step::Flood(_)
            | Step::Viewshed(_)
            | Step::Sight(_)
            | Step::Clip(_)
            | Step::Damage(_) => {
                let Some(study) = step.study() else { continue };
                let (came_to, file) = study.follow(desk, (folder, size_px)).map_err(|refusal| match refusal {
                    Refusal::Words(words) => refuse(words),
                    Refusal::Error(error) => error,
                })?;
                done.studies.extend(came_to);
                done.files.extend(file);
            }
            Step::Note { place, text } => {
                let lon_lat_height = on_surface(desk, &[*place], size_px)?[0];
                desk.viewer.add_note(Note { lon_lat_height, text: text.clone(), ..Note::default() });
                headless::settle(desk, size_px, headless::PATIENCE)?;
            }
            Step::Bookmark(name) => desk.keep_bookmark(name.clone()),
            Step::BookmarkOrder(names) => order_bookmarks(desk, names).map_err(refuse)?,
            Step::Schemes(schemes) => {
                let meeting = desk.viewer.meeting.as_mut();
                let meeting = meeting.ok_or_else(|| refuse("没有打开项目 (no project is open)".to_owned()))?;
                meeting.scene.schemes.clone_from(schemes);
                meeting.shows = Shows::First;
                desk.viewer.rebuild_schemes();
            }
            Step::SendScene => {
                desk.viewer.send_scene();
                headless::settle(desk, size_px, headless::PATIENCE)?;
            }
            Step::Panels(shown) => {
                desk.panels = match shown {
                    Shown::All => Panels::All,
                    Shown::Caption => Panels::Caption,
                    Shown::None => Panels::None,
                };
            }
            Step::Shot { file, size, scale, for_project } => {
                let picture = headless::paint(desk, shot.painter(), size.unwrap_or(size_px), scale.unwrap_or(1.0))?;
                let path = below(folder, file)?;
                headless::write(&picture, &path)?;
                done.files.push(file.clone());
                if *for_project {
                    desk.send_picture(&picture, &path)?;
                    headless::settle(desk, size_px, headless::PATIENCE)?;
                }
                done.signs = (0..desk.panes(size_px).corners_px.len())
                    .flat_map(|pane| desk.viewer.signs(pane, desk.language.is_chinese()))
                    .map(|sign| sign.text)
                    .collect();
            }
            Step::Save(file) => {
                desk.meeting_file().save(&below(folder, file)?)?;
                done.files.push(file.clone());
            }
        }
        if let Some(words) = desk.viewer.said.take() {
            return Err(refuse(words));
        }
    }
    for massing in (0..2).filter_map(|pane| desk.viewer.built_scheme(pane)).flat_map(|built| &built.massings) {
        done.buildings.push(serde_json::json!({
            "name": massing.name, "floors": massing.floors, "height_m": massing.height_m, "foot_m": massing.foot_m,
            "ground_m": [massing.under.lowest_m, massing.under.mean_m, massing.under.highest_m],
        }));
    }
    let pictures = desk.viewer.meeting.iter().flat_map(|meeting| &meeting.pictures);
    done.for_project = pictures.filter(|(_, is_there)| *is_there).map(|(name, _)| name.clone()).collect();
    let layers = &desk.viewer.layers;
    done.failures =
        layers.iter().filter_map(|layer| Some((layer.dataset.slug.clone(), layer.last_error.clone()?))).collect();
    Ok(done)
}

fn below(folder: &Path, file: &str) -> Result<std::path::PathBuf, ViewError> {
    let path = folder.join(file);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|source| ViewError::File { path: parent.to_owned(), source })?;
    }
    Ok(path)
}

fn go(desk: &mut Desk, goto: &Goto, size_px: [u32; 2]) -> Result<(), String> {
    match goto {
        Goto::Project => desk.viewer.camera = desk.framing_project(desk.panes(size_px).pane_px),
        Goto::All => desk.viewer.camera = desk.framing(None, size_px, 1.0),
        Goto::Camera([lon, lat, height_m, heading_deg, pitch_deg]) => {
            desk.viewer.camera = Camera::new([*lon, *lat, *height_m], *heading_deg, *pitch_deg);
        }
        Goto::Around { place: [lon, lat], distance_m, heading_deg, pitch_deg } => {
            let height_m = desk.viewer.ask_ground_m([*lon, *lat]).unwrap_or(0.0);
            let mut camera = Camera::new([*lon, *lat, height_m], *heading_deg, *pitch_deg);
            camera.look_from(place::ecef([*lon, *lat, height_m]), *distance_m);
            desk.viewer.camera = camera;
        }
        Goto::Bookmark(wanted) => {
            let bookmarks: &[Bookmark] =
                desk.viewer.meeting.as_ref().map_or(&[], |meeting| meeting.scene.bookmarks.as_slice());
            let by_number = wanted.as_u64().and_then(|number| (number as usize).checked_sub(1));
            let by_name = wanted.as_str().and_then(|name| bookmarks.iter().position(|mark| mark.name == name));
            let place = by_number.or(by_name).filter(|place| *place < bookmarks.len());
            let place = place.ok_or_else(|| format!("没有这个书签 (no such bookmark): {wanted}"))?;
            desk.goto_bookmark(place, false);
        }
    }
    Ok(())
}

fn order_bookmarks(desk: &mut Desk, names: &[String]) -> Result<(), String> {
    for (to, name) in names.iter().enumerate() {
        let bookmarks = desk.viewer.meeting.as_ref().map_or(&[][..], |meeting| meeting.scene.bookmarks.as_slice());
        let from = bookmarks.iter().skip(to).position(|mark| mark.name == *name).map(|after| to + after);
        let from = from.ok_or_else(|| format!("没有这个书签 (no such bookmark): {name}"))?;
        desk.edit(SceneEdit::MoveBookmark(from, to));
    }
    Ok(())
}

/// Longitude, latitude and height of places on the surface: of what is drawn over the ground, where something is, else of the
/// ground at its finest, wherever the camera is.
fn on_surface(desk: &mut Desk, lon_lats_deg: &[[f64; 2]], size_px: [u32; 2]) -> Result<Vec<[f64; 3]>, ViewError> {
    let begun = Instant::now();
    loop {
        headless::settle(desk, size_px, headless::PATIENCE)?;
        if let Some(places) = desk.viewer.on_finest_surface(lon_lats_deg) {
            return Ok(places);
        }
        if begun.elapsed() > headless::PATIENCE {
            let (seconds, pending) = (headless::PATIENCE.as_secs(), desk.viewer.counts().pending);
            return Err(ViewError::Slow { seconds, pending });
        }
    }
}

fn set_visible(desk: &mut Desk, slugs: &[String], visible: bool) -> Result<(), String> {
    for slug in slugs {
        let indices: Vec<usize> = desk
            .viewer
            .layers
            .iter()
            .enumerate()
            .filter(|(_, layer)| layer.dataset.slug == *slug || (slug == "*" && !layer.is_project()))
            .map(|(index, _)| index)
            .collect();
        if indices.is_empty() {
            return Err(format!("没有这个图层 (no such layer): {slug}"));
        }
        for index in indices {
            desk.viewer.set_visible(index, visible);
        }
    }
    Ok(())
}

fn figures_json(measure: &Measure) -> serde_json::Value {
    use serde_json::json;
    match &measure.figures {
        Figures::Point { lon_lat_height_deg: [lon, lat, height_m], plane } => json!({
            "lon": lon, "lat": lat, "height_m": height_m, "height_datum": measure.height_datum,
            "plane_epsg": plane.map(|(epsg, _)| epsg), "easting_northing_m": plane.map(|(_, place)| place),
        }),
        Figures::Distance { slope_m, horizontal_m, ground_m } => {
            json!({"slope_m": slope_m, "horizontal_m": horizontal_m, "ground_m": ground_m})
        }
        Figures::Height { rise_m, horizontal_m, slope_m } => {
            json!({"rise_m": rise_m, "horizontal_m": horizontal_m, "slope_m": slope_m})
        }
        Figures::Area { plane_m2, plane_epsg, ellipsoidal_m2, perimeter_m, surface_m2 } => json!({
            "plane_m2": plane_m2, "plane_epsg": plane_epsg, "ellipsoidal_m2": ellipsoidal_m2, "perimeter_m": perimeter_m,
            "surface_m2": surface_m2,
        }),
        Figures::Volume(work) => json!(work.map(|work| json!({
            "above_m3": work.above_m3, "below_m3": work.below_m3, "plane_m2": work.plane_m2,
            "surface_m2": work.surface_m2, "reference_m": work.reference_m, "ground_range_m": work.range_m,
            "missing_m2": work.missing_m2,
        }))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_of_the_manual_is_understood() {
        let text = r#"{"version": 1, "steps": [
            {"goto": "project"}, {"goto": {"bookmark": "全景"}}, {"goto": {"bookmark": 2}},
            {"goto": {"camera": [109.74, 28.31, 800.0, 30.0, -45.0]}},
            {"goto": {"around": {"place": [109.74, 28.31], "distance_m": 300.0}}},
            {"hide": ["*"]}, {"show": ["dem", "ortho"]}, {"scheme": "side-by-side"},
            {"measure": {"kind": "area", "places": [[109.74, 28.31], [109.75, 28.31], [109.75, 28.32, 310.0]]}},
            "clear-measures", {"bookmark-order": ["入口", "全景"]}, "send-scene",
            {"schemes": [{"name": "高层", "buildings": [{"name": "1#", "floors": 18}]}]}, {"note": {"place": [109.74, 28.31], "text": "退线不足"}}, {"bookmark": "入口"},
            {"panels": "caption"}, {"shot": {"file": "图/全景.png", "size": [1600, 900], "for_project": true}}, {"save": "会审.skv"}]}"#;
        let script = Script::parse(text.as_bytes()).expect("understood");
        assert_eq!(script.steps.len(), 18);
        assert_eq!(script.steps[0], Step::Goto(Goto::Project));
        assert_eq!(script.steps[9], Step::ClearMeasures);
    }

    #[test]
    fn steps_that_ask_something_of_the_ground_are_understood() {
        let text = r#"{"version": 1, "steps": [
            {"time": "2024-03-15"}, {"time": null},
            {"compare": {"before": "2020-01-01"}}, {"compare": {"before": "2020-01-01", "how": "linked"}},
            {"compare": {"before": "2020-01-01", "how": "swipe", "at": 0.4, "only_before": ["dem-5m"], "only_after": ["dem"]}},
            {"compare": {}}, {"difference": {"limit_m": 0.2}}, {"difference": null},
            {"section": {"line": [[109.74, 28.31], [109.75, 28.31]], "file": "剖面.csv"}}, {"section": null},
            {"flood": {"at": [109.74, 28.31], "level_m": 305.5, "connected": true}}, {"flood": null},
            {"viewshed": {"eye": [109.74, 28.31]}}, {"viewshed": null},
            {"sight": {"from": [109.74, 28.31], "to": [109.75, 28.31], "from_up_m": 20}}, "clear-sights",
            {"clip": {"center": [109.74, 28.31], "half_m": [100, 50], "heights_m": [200, 300], "keep": "outside"}},
            {"clip": {"polygon": [[109.74, 28.31], [109.75, 28.31], [109.75, 28.32]]}}, {"clip": null},
            {"damage": "j1"}, {"damage": null}, {"tab": "studies"},
            {"measure": {"kind": "volume", "places": [[109.74, 28.31], [109.75, 28.31], [109.75, 28.32]], "reference": {"level": 300}}},
            {"measure": {"kind": "point", "places": [[109.74, 28.31]]}}]}"#;
        let script = Script::parse(text.as_bytes()).expect("understood");
        assert_eq!(script.steps.len(), 24);
        assert_eq!(script.steps[15], Step::ClearSights);
        for wrong in [
            r#"{"section": {"line": [[109.74, 28.31]]}}"#,
            r#"{"section": {"line": [[109.74, 28.31], [109.75, 28.31]], "file": "../剖面.csv"}}"#,
            r#"{"flood": {"at": [109.74, 99.0], "level_m": 1}}"#,
            r#"{"viewshed": {"eye": [109.74, 28.31], "radius_m": 1e9}}"#,
            r#"{"clip": {"center": [109.74, 28.31]}}"#,
            r#"{"clip": {"polygon": [[109.0, 28.0], [109.1, 28.1], [109.1, 28.0], [109.0, 28.1]]}}"#,
            r#"{"compare": {"before": "2020-01-01", "at": 7}}"#,
        ] {
            let text = format!(r#"{{"version": 1, "steps": [{wrong}]}}"#);
            assert!(Script::parse(text.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_step_and_nothing_leaves_the_folder() {
        for wrong in [
            r#"{"goto": {"camera": [0, 95, 0, 0, 0]}}"#,
            r#"{"goto": {"around": {"place": [109.0, 28.0], "distance_m": 0}}}"#,
            r#"{"measure": {"kind": "area", "places": [[109.0, 28.0]]}}"#,
            r#"{"measure": {"kind": "distance", "places": [[109.0], [109.0, 28.0]]}}"#,
            r#"{"shot": {"file": "../a.png"}}"#,
            r#"{"shot": {"file": "/etc/a.png"}}"#,
            r#"{"shot": {"file": "a.png", "size": [9, 100000]}}"#,
            r#"{"save": "a/../../b.skv"}"#,
            r#"{"note": {"place": [109.0, 28.0], "text": " "}}"#,
            r#"{"schemes": [{"name": "A", "buildings": [{"name": "1#", "floors": 0}]}]}"#,
        ] {
            let text = format!(r#"{{"version": 1, "steps": [{{"goto": "project"}}, {wrong}]}}"#);
            let reason = Script::parse(text.as_bytes()).expect_err(wrong);
            assert!(reason.contains("第 2 步"), "{reason}");
        }
        for wrong in ["", "[]", r#"{"version": 2, "steps": []}"#, r#"{"version": 1, "steps": [{"explode": 1}]}"#] {
            assert!(Script::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
