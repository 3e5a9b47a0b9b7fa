//! The project under review on screen: its layers, its schemes pane by pane, its signs, and what people send back.

use serde_json::Value;

use super::studies::FINEST_M;
use super::{Epoch, Layer, OUTBOX_LANE, Side, State, Viewer, chain};
use crate::error::ViewError;
use crate::fetch::Request;
use crate::layer::schemes::{BuiltScheme, Order};
use crate::layer::{self, Loaded, Made, Role};
use crate::meeting::polygons::Polygon;
use crate::meeting::project::{Finding, Note, Scene};
use crate::meeting::{Meeting, client};
use crate::scene::draw::DrawList;
use crate::scene::picking;
use crate::scene::place;
use crate::scene::selection::Urgency;
use crate::scene::sign::{Sign, SignKind};
use crate::service::{Dataset, Pyramid};

/// The schemes of a project: built when they are first shown, and again when the terrain changes.
#[derive(Default)]
pub(super) struct Schemes {
    built: Vec<Slot>,
    /// The terrain they were built on.
    terrain: Vec<u32>,
}

#[derive(Default)]
enum Slot {
    #[default]
    Wanted,
    Failed,
    Built(BuiltScheme),
}

impl Schemes {
    pub(super) fn put(&mut self, place: u64, built: Result<BuiltScheme, ()>) {
        if let Some(slot) = self.built.get_mut(place as usize) {
            *slot = built.map_or(Slot::Failed, Slot::Built);
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.built.iter().map(|slot| if let Slot::Built(built) = slot { built.bytes() } else { 0 }).sum()
    }
}

/// Something on its way to the server.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outgoing {
    number: u64,
    /// Makes a repetition harmless.
    key: String,
    what: Sending,
}

#[derive(Clone, Debug, PartialEq)]
enum Sending {
    /// The note at this place of the list.
    Note(usize, Note),
    Scene(Scene),
    /// The picture at this place of the list, its name and what is in it.
    Picture(usize, String, bytes::Bytes),
    /// Nothing: the project is asked for once more.
    Nothing,
}

impl Layer {
    /// Whether the layer belongs to the project under review rather than to the server's data.
    #[must_use]
    pub fn is_project(&self) -> bool {
        matches!(self.kind.role, Role::Project { .. })
    }

    /// Whether the layer is made here, not served: the project's, or what was worked out of the ground.
    #[must_use]
    pub fn is_own(&self) -> bool {
        matches!(self.kind.role, Role::Project { .. } | Role::Study { .. })
    }
}

impl Viewer {
    /// Puts a project on screen in place of the one before.
    pub fn set_meeting(&mut self, meeting: Meeting) {
        let left: Vec<(String, bool, f32)> = self
            .layers
            .iter()
            .filter(|layer| layer.is_project())
            .map(|layer| (layer.dataset.slug.clone(), layer.visible, layer.opacity))
            .collect();
        self.layers.retain(|layer| !layer.is_project());
        for kind in layer::KINDS {
            let Role::Project { slug, name, make } = kind.role else { continue };
            let made = match make(&meeting) {
                Ok(Some(made)) => made,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(error = %chain(&error), slug, "project");
                    continue;
                }
            };
            let dataset = Dataset {
                slug: slug.to_owned(),
                title: name[0].to_owned(),
                title_en: Some(name[1].to_owned()),
                kind: kind.dataset_kind.to_owned(),
                bounds: meeting.bounds(),
                ..Dataset::default()
            };
            let state = match made {
                Made::Drape(drape) => State::Drape(drape),
                Made::Schemes => State::Schemes(Schemes::default()),
            };
            let before = left.iter().find(|(known, ..)| known == slug);
            let (visible, opacity) = before.map_or((true, 1.0), |(_, visible, opacity)| (*visible, *opacity));
            let lane = self.take_lane();
            let (side, datetime) = (Side::Both, None);
            self.layers.push(Layer {
                dataset,
                kind,
                visible,
                opacity,
                failed: 0,
                last_error: None,
                side,
                datetime,
                lane,
                state,
            });
        }
        self.layers.sort_by_key(super::stacking);
        self.meeting = Some(meeting);
        self.layers_changed = true;
    }

    /// Lets the areas of plans step back, so that land, red line and conflicts are seen through them.
    pub fn step_plans_back(&mut self) {
        const BEHIND: f32 = 0.35;
        for layer in &mut self.layers {
            let geometry = layer.dataset.properties.get("geometry").and_then(Value::as_str);
            if layer.dataset.kind == "features" && geometry == Some("polygon") {
                layer.opacity = layer.opacity.min(BEHIND);
            }
        }
        self.layers_changed = true;
    }

    /// Builds schemes anew, after they were changed.
    pub fn rebuild_schemes(&mut self) {
        if let Some(meeting) = self.meeting.take() {
            self.set_meeting(meeting);
        }
    }

    /// Whether visible terrain has not said yet where it is.
    pub(super) fn awaits_terrain(&self, epoch: Epoch) -> bool {
        let mut terrain = self.layers.iter().filter(|layer| layer.visible && layer.side.is_in(epoch));
        terrain.any(|layer| matches!((&layer.state, layer.kind.role), (State::Opening, Role::Heights { .. })))
    }

    /// One list a pane: what all share, and the pane's scheme. Asks for schemes that are not built yet.
    /// Two epochs show the same scheme.
    pub(super) fn add_schemes(&mut self, mut lists: Vec<DrawList>, requests: &mut Vec<Request<Loaded>>) {
        let mut shown = self.meeting.as_ref().map_or_else(|| vec![None], Meeting::shown_schemes);
        if lists.len() > 1 {
            shown = vec![shown.first().copied().flatten(); lists.len()];
        } else {
            lists = vec![lists.swap_remove(0); shown.len().max(1)];
        }
        let waits = self.awaits_terrain(Epoch::After);
        let mut terrain: Vec<(u32, Pyramid)> = Vec::new();
        for layer in self.layers.iter().filter(|layer| layer.visible && layer.side.is_in(Epoch::After)) {
            if let State::Heights(pyramid) = &layer.state {
                terrain.push((layer.lane, pyramid.clone()));
            }
        }
        terrain.sort_by_key(|(_, pyramid)| pyramid.max_zoom);
        let lanes: Vec<u32> = terrain.iter().map(|(lane, _)| *lane).collect();
        let base_height_m = self.ground.base_height_m();
        for (index, layer) in self.layers.iter_mut().enumerate().filter(|(_, layer)| layer.visible) {
            let (State::Schemes(schemes), Some(meeting)) = (&mut layer.state, &self.meeting) else { continue };
            if schemes.terrain != lanes || schemes.built.len() != meeting.scene.schemes.len() {
                schemes.terrain.clone_from(&lanes);
                schemes.built = meeting.scene.schemes.iter().map(|_| Slot::Wanted).collect();
            }
            for (list, place) in lists.iter_mut().zip(&shown) {
                let Some(place) = *place else { continue };
                match schemes.built.get(place) {
                    Some(Slot::Built(built)) => {
                        built.draws(layer.opacity).for_each(|draw| list.push(Some(index), draw));
                    }
                    Some(Slot::Wanted) if !waits => {
                        let order = Order {
                            scheme: meeting.scene.schemes[place].clone(),
                            place,
                            red_line: red_line(meeting).cloned().collect(),
                            terrain: terrain.iter().map(|(_, pyramid)| pyramid.clone()).collect(),
                            base_height_m,
                            service: self.service.clone(),
                            folder: self.meeting_folder.clone(),
                        };
                        requests.push(Request {
                            key: (layer.lane, place as u64),
                            url: None,
                            urgency: Urgency::Urgent,
                            priority: 0.0,
                            decode: Box::new(move |_nothing| {
                                order.build().map(|built| Loaded::Scheme(Box::new(built)))
                            }),
                        });
                    }
                    _ => {}
                }
            }
        }
        self.lists = lists;
    }

    /// The scheme a pane shows, once it is built.
    #[must_use]
    pub fn built_scheme(&self, pane: usize) -> Option<&BuiltScheme> {
        let pane = if self.is_comparing() { 0 } else { pane };
        let place = (*self.meeting.as_ref()?.shown_schemes().get(pane)?)?;
        self.layers.iter().filter(|layer| layer.visible).find_map(|layer| match &layer.state {
            State::Schemes(schemes) => match schemes.built.get(place)? {
                Slot::Built(built) => Some(built),
                Slot::Wanted | Slot::Failed => None,
            },
            _ => None,
        })
    }

    /// The signs of a pane, the most important first.
    #[must_use]
    pub fn signs(&self, pane: usize, chinese: bool) -> Vec<Sign> {
        let Some(meeting) = &self.meeting else { return Vec::new() };
        let shows = |slug: &str| self.layers.iter().any(|layer| layer.visible && layer.dataset.slug == slug);
        let mut signs = Vec::new();
        if shows("project-conflicts") {
            for finding in &meeting.findings {
                let Some(at) = finding.at else { continue };
                let kind = if finding.is_conditional() { SignKind::Condition } else { SignKind::Conflict };
                signs.push(Sign { kind, ecef: self.on_surface(at), text: finding_text(finding, chinese) });
            }
        }
        for note in &meeting.notes {
            let author = note.author.as_deref().map(|author| format!("{author}：")).unwrap_or_default();
            let text = crate::scene::label::wrapped(&format!("{author}{}", note.text), 16.0);
            signs.push(Sign { kind: SignKind::Note, ecef: place::ecef(note.lon_lat_height), text });
        }
        for massing in self.built_scheme(pane).into_iter().flat_map(|built| &built.massings) {
            let floors =
                massing.floors.map(|floors| if chinese { format!("{floors}层 ") } else { format!("{floors} fl. ") });
            let name = if massing.name.is_empty() { String::new() } else { format!("{} ", massing.name) };
            let text = format!("{name}{}{:.1} m", floors.unwrap_or_default(), massing.height_m);
            signs.push(Sign { kind: SignKind::Building, ecef: place::ecef(massing.top), text });
        }
        for (name, top) in self.built_scheme(pane).into_iter().flat_map(|built| &built.models) {
            if !name.is_empty() {
                signs.push(Sign { kind: SignKind::Building, ecef: place::ecef(*top), text: name.clone() });
            }
        }
        signs
    }

    /// The drawn surface at a longitude and latitude in degrees: ground or model, in ECEF.
    #[must_use]
    pub fn on_surface(&self, [lon, lat]: [f64; 2]) -> glam::DVec3 {
        let on_ground = self.on_ground([lon, lat]);
        picking::top_of_surface(self.draw_list(), on_ground).unwrap_or(on_ground)
    }

    /// Longitude, latitude and height of places (longitude and latitude in degrees) on the surface: the ground at its finest, or
    /// what is drawn above it. `None` while terrain is being loaded; ask again.
    pub fn on_finest_surface(&mut self, lon_lats_deg: &[[f64; 2]]) -> Option<Vec<[f64; 3]>> {
        if self.awaits_terrain(Epoch::After) {
            return None;
        }
        let heights_m = match lon_lats_deg {
            [] => Vec::new(),
            _ => self.ground.heights_at(lon_lats_deg, FINEST_M)?,
        };
        let base_m = self.ground.base_height_m();
        let on_surface = |([lon, lat], height_m): (&[f64; 2], Option<f64>)| {
            let ground_m = height_m.unwrap_or(base_m);
            let top = picking::top_of_objects(self.draw_list(), place::ecef([*lon, *lat, ground_m]));
            let top_m = top.map_or(ground_m, |ecef| place::lon_lat_height_deg(ecef)[2]);
            [*lon, *lat, top_m.max(ground_m)]
        };
        Some(lon_lats_deg.iter().zip(heights_m).map(on_surface).collect())
    }

    /// The ground at a longitude and latitude in degrees, as fine as it is loaded, in ECEF.
    #[must_use]
    pub fn on_ground(&self, [lon, lat]: [f64; 2]) -> glam::DVec3 {
        place::ecef([lon, lat, self.ground.height_m(place::square_from_lon_lat_deg(lon, lat))])
    }

    /// The pyramids of the visible layers that come from the server, as far as they are opened.
    #[must_use]
    pub fn pyramids(&self) -> Vec<Pyramid> {
        let visible = self.layers.iter().filter(|layer| layer.visible && !layer.is_own());
        visible
            .filter_map(|layer| match &layer.state {
                State::Heights(pyramid) => Some(pyramid.clone()),
                State::Drape(drape) if !layer.dataset.live => Some(drape.pyramid().clone()),
                _ => None,
            })
            .collect()
    }

    /// Where the visible tilesets begin.
    #[must_use]
    pub fn tileset_links(&self) -> Vec<url::Url> {
        let visible = self.layers.iter().filter(|layer| layer.visible);
        let tilesets = visible.filter(|layer| matches!(layer.kind.role, Role::Tileset { .. }));
        tilesets
            .filter_map(|layer| {
                let link = (layer.kind.entry)(&layer.dataset.links)?;
                self.service.link(link, layer.datetime.as_deref().filter(|_| !layer.dataset.live)).ok()
            })
            .collect()
    }

    /// Asks the terrain for the ground's height in metres at a longitude and latitude in degrees, whatever is loaded.
    #[must_use]
    pub fn ask_ground_m(&self, lon_lat_deg: [f64; 2]) -> Option<f64> {
        let mut terrain = Vec::new();
        for layer in self.layers.iter().filter(|layer| layer.visible && layer.side.is_in(Epoch::After)) {
            if let Role::Heights { .. } = layer.kind.role {
                let link = (layer.kind.entry)(&layer.dataset.links)?;
                let url = self.service.link(link, self.datetime.as_deref()).ok()?;
                let fetched = crate::fetch::fetch(self.service.source(), &url).ok()?;
                terrain.push(Pyramid::from_tile_json(&fetched.body, &fetched.url).ok()?);
            }
        }
        terrain.sort_by_key(|pyramid| pyramid.max_zoom);
        layer::schemes::ground_m(self.service.source(), &terrain, lon_lat_deg)
    }

    /// Pins a note under the name of who is signed in, and sends it to the server, where there is one.
    pub fn add_note(&mut self, note: Note) {
        let Some(meeting) = &mut self.meeting else { return };
        if !note.is_sound() {
            return;
        }
        let note = Note { author: self.service.person().map(str::to_owned), ..note };
        let place = meeting.notes.len();
        meeting.notes.push(note.clone());
        self.send(Sending::Note(place, note));
    }

    /// Sends schemes and bookmarks to the server.
    pub fn send_scene(&mut self) {
        if let Some(meeting) = &self.meeting {
            self.send(Sending::Scene(meeting.scene.clone()));
        }
    }

    /// Sends a picture (PNG or JPEG, by its name) to be kept with the project.
    pub fn send_picture(&mut self, name: String, bytes: bytes::Bytes) {
        let Some(meeting) = &mut self.meeting else { return };
        let place = meeting.pictures.len();
        meeting.pictures.push((name.clone(), false));
        self.send(Sending::Picture(place, name, bytes));
    }

    /// Asks the server for the project once more: its check, notes, schemes and bookmarks as they are now.
    pub fn read_anew(&mut self) {
        self.send(Sending::Nothing);
    }

    fn send(&mut self, what: Sending) {
        if self.service.is_packed() {
            return;
        }
        self.next_pick += 1;
        self.outbox.push(Outgoing { number: self.next_pick, key: uuid::Uuid::new_v4().to_string(), what });
    }

    pub(super) fn outgoing_requests(&self) -> impl Iterator<Item = Request<Loaded>> {
        let id = self.meeting.as_ref().map(|meeting| meeting.project.id.clone()).unwrap_or_default();
        self.outbox.iter().map(move |outgoing| {
            let (service, id, outgoing) = (self.service.clone(), id.clone(), outgoing.clone());
            Request {
                key: (OUTBOX_LANE, outgoing.number),
                url: None,
                urgency: Urgency::Urgent,
                priority: -1.0,
                decode: Box::new(move |_nothing| match &outgoing.what {
                    Sending::Note(_, note) => {
                        client::post_note(&service, &id, note, &outgoing.key).map(|()| Loaded::Sent(Value::Null))
                    }
                    Sending::Scene(scene) => client::put_scene(&service, &id, scene, &outgoing.key).map(Loaded::Sent),
                    Sending::Picture(_, name, bytes) => {
                        client::post_picture(&service, &id, (name, bytes), &outgoing.key)
                            .map(|()| Loaded::Sent(Value::Null))
                    }
                    Sending::Nothing => client::read(&service, &id).map(|read| Loaded::Meeting(Box::new(read))),
                }),
            }
        })
    }

    pub(super) fn take_sent(&mut self, number: u64, result: Result<Loaded, ViewError>) {
        let Some(at) = self.outbox.iter().position(|outgoing| outgoing.number == number) else { return };
        let outgoing = self.outbox.swap_remove(at);
        let Some(meeting) = &mut self.meeting else { return };
        match (outgoing.what, result) {
            (Sending::Note(place, _), Ok(_)) => {
                if let Some(note) = meeting.notes.get_mut(place) {
                    note.posted = true;
                }
            }
            (Sending::Scene(_), Ok(Loaded::Sent(version))) => meeting.scene.version = version,
            (Sending::Picture(place, ..), Ok(_)) => {
                if let Some((_, is_there)) = meeting.pictures.get_mut(place) {
                    *is_there = true;
                }
            }
            (Sending::Nothing, Ok(Loaded::Meeting(read))) => {
                let mut read = *read;
                // What the server does not have stays on the desk.
                read.notes.extend(meeting.notes.iter().filter(|note| !note.posted).cloned());
                read.pictures = std::mem::take(&mut meeting.pictures);
                read.shows = read.shows_named(&meeting.shows.name()).unwrap_or_default();
                self.set_meeting(read);
            }
            (Sending::Scene(_) | Sending::Nothing, Ok(_)) => {}
            (what, Err(error)) => {
                let words = match (&what, &error) {
                    (Sending::Scene(_), ViewError::Refused { status: 409, .. }) => CHANGED_BY_OTHERS.to_owned(),
                    _ => chain(&error),
                };
                tracing::warn!(error = %chain(&error), "not sent");
                self.said = Some(words);
            }
        }
    }
}

/// Said where somebody else's schemes and bookmarks came first.
const CHANGED_BY_OTHERS: &str = "他人刚改过方案或书签，未覆盖：可先“保存会议”留底，再点“重新读取” · somebody else changed schemes or bookmarks; nothing was overwritten: save the meeting, then read it anew";

fn red_line(meeting: &Meeting) -> impl Iterator<Item = &Polygon> {
    meeting.red_line.iter().flat_map(|area| &area.polygons)
}

/// A rule, its verdict and how much is taken, as it stands on a sign.
fn finding_text(finding: &Finding, chinese: bool) -> String {
    let verdict = match (finding.is_conditional(), chinese) {
        (true, true) => "有条件",
        (true, false) => "conditional",
        (false, true) => "不通过",
        (false, false) => "fail",
    };
    let area = finding.area_text(chinese);
    let title = &finding.title[usize::from(!chinese)];
    format!("{title} · {verdict}{}{area}", if area.is_empty() { "" } else { "\n" })
}
