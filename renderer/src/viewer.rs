//! The viewer without a window: layers, scene and loader joined into frames.
//!
//! Window and headless shot drive the same object: `update` collects what was loaded, selects, and leaves a draw list.
//! It draws nothing itself and asks for nothing it does not need for the view it was given.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use glam::DVec2;
use serde_json::Value;

mod epochs;
mod inspect;
mod loading;
mod review;
mod studies;

pub use epochs::{Compare, Epoch, Side};
pub use inspect::Picked;
use loading::{Tile, packed, take_pieces, take_tileset};
pub use studies::{DamageStudy, FloodOrder, Studies, ViewOrder, ViewStudy};

use crate::error::ViewError;
use crate::fetch::{Decode, Fetcher, Request};
use crate::first_view;
use crate::layer::{self, Drape, Kind, Loaded, Role};
use crate::meeting::Meeting;
use crate::scene::camera::{Camera, View};
use crate::scene::cover::Covers;
use crate::scene::draw::{Draw, DrawList};
use crate::scene::ground::Ground;
use crate::scene::label::{self, Label, PlacedLabel, Sheet};
use crate::scene::picking::{self, Pick};
use crate::scene::place;
use crate::scene::tileset::StreamedTileset;
use crate::scene::timeline::{self, Timeline};
use crate::service::{Dataset, Pyramid, Service};

/// Bytes the scene may hold before it lets go of what is not seen.
pub const DEFAULT_BUDGET_BYTES: u64 = 512 << 20;

/// The lane of requests that belong to no layer.
const VIEWER_LANE: u32 = 0;
/// The lane of what is sent to the server.
const OUTBOX_LANE: u32 = 1;

/// One dataset on screen.
pub struct Layer {
    /// What the server says of it.
    pub dataset: Dataset,
    /// How it is shown.
    pub kind: &'static Kind,
    /// Whether it is shown.
    pub visible: bool,
    /// 0 invisible to 1 opaque.
    pub opacity: f32,
    /// Loads that failed, and the last one's words.
    pub failed: usize,
    /// Why the last failed load failed.
    pub last_error: Option<String>,
    /// In which of two epochs it is seen.
    pub side: Side,
    /// The moment its data are asked for; `None` is now.
    pub datetime: Option<String>,
    lane: u32,
    state: State,
}

enum State {
    Opening,
    Heights(Pyramid),
    Drape(Arc<dyn Drape>),
    Tileset(StreamedTileset),
    Schemes(review::Schemes),
    /// Drawn from both epochs' heights, tile by tile.
    Difference(layer::difference::Difference),
    /// A sheet of water.
    Water(Option<layer::flood::Sheet>),
    Broken,
}

/// Figures of the last frame and of the loading so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Loads that succeeded since the start.
    pub loaded: usize,
    /// Loads that failed since the start.
    pub failed: usize,
    /// Loads waiting or running.
    pub pending: usize,
    /// Ground tiles drawn.
    pub ground_tiles: usize,
    /// Meshes and point sets drawn.
    pub pieces: usize,
    /// Triangles drawn, skirts included.
    pub triangles: usize,
    /// Points drawn.
    pub points: usize,
    /// Subtrees kept back because they were not loaded yet.
    pub kicked: usize,
    /// Bytes held, both copies counted.
    pub bytes: u64,
}

/// The viewer's state.
pub struct Viewer {
    /// The server.
    pub service: Service,
    /// The eye.
    pub camera: Camera,
    /// Layers, bottom first.
    pub layers: Vec<Layer>,
    /// Where time can stop.
    pub timeline: Timeline,
    /// The moment shown; `None` is now.
    pub datetime: Option<String>,
    /// How two epochs are seen.
    pub compare: Compare,
    /// What is worked out of the ground: difference, flood, views, clip.
    pub studies: Studies,
    /// The last picked place.
    pub picked: Option<Picked>,
    /// The project under review.
    pub meeting: Option<Meeting>,
    /// What a person has to be told: why something was not sent or saved, or where it was.
    pub said: Option<String>,
    /// The folder of the meeting's file, if it came from one.
    pub meeting_folder: Option<PathBuf>,
    /// Bytes the scene may hold.
    pub budget_bytes: u64,
    /// Where labels may be written.
    pub sheet: Sheet,
    fetcher: Fetcher<Loaded>,
    ground: Ground,
    before: Option<epochs::Earlier>,
    /// Datasets put on one side by name.
    only_on: BTreeMap<String, Side>,
    covers: [Covers; 2],
    lists: Vec<DrawList>,
    labels: Vec<PlacedLabel>,
    counts: Counts,
    coarser: f64,
    next_lane: u32,
    next_pick: u64,
    pick_requests: Vec<(u64, usize, url::Url)>,
    outbox: Vec<review::Outgoing>,
    layers_changed: bool,
    wanted: usize,
    /// Shown and how strongly, by slug, of layers that the moment shown does not have.
    absent: BTreeMap<String, (bool, f32)>,
    /// The slugs that alone are shown, where they were named.
    only: Option<Vec<String>>,
}

impl Viewer {
    /// Opens a service: asks for its datasets and starts the loading threads. `wake` is called from them.
    pub fn open(
        service: Service,
        datetime: Option<String>,
        wake: &Arc<dyn Fn() + Send + Sync>,
    ) -> Result<Self, ViewError> {
        let datasets = service.dataset_list(datetime.as_deref())?;
        let fetcher = Fetcher::start(service.source(), wake)?;
        let mut viewer = Self {
            service,
            camera: Camera::new([109.74, 28.31, 20_000.0], 0.0, -60.0),
            layers: Vec::new(),
            timeline: Timeline::of(&datasets),
            datetime,
            compare: Compare::Off,
            studies: Studies::default(),
            picked: None,
            meeting: None,
            said: None,
            meeting_folder: None,
            budget_bytes: DEFAULT_BUDGET_BYTES,
            sheet: Sheet::default(),
            fetcher,
            ground: Ground::default(),
            before: None,
            only_on: BTreeMap::new(),
            covers: [Covers::default(), Covers::default()],
            lists: vec![DrawList::default()],
            outbox: Vec::new(),
            labels: Vec::new(),
            counts: Counts::default(),
            coarser: 1.0,
            next_lane: OUTBOX_LANE + 1,
            next_pick: 0,
            pick_requests: Vec::new(),
            layers_changed: true,
            wanted: 0,
            absent: BTreeMap::new(),
            only: None,
        };
        viewer.set_datasets(datasets, None);
        Ok(viewer)
    }

    fn set_datasets(&mut self, after: Vec<Dataset>, before: Option<Vec<Dataset>>) {
        let (own, mut old): (Vec<Layer>, Vec<Layer>) =
            std::mem::take(&mut self.layers).into_iter().partition(Layer::is_own);
        let looks: BTreeMap<String, (bool, f32)> =
            old.iter().map(|layer| (layer.dataset.slug.clone(), (layer.visible, layer.opacity))).collect();
        let plans_shown = first_view::plans(&after);
        for (dataset, side) in epochs::sided(after, before, &self.only_on) {
            let Some(kind) = layer::kind_of(&dataset) else { continue };
            let earlier = self.before.as_ref().map(|earlier| earlier.datetime.clone());
            let datetime = if side == Side::Before { earlier } else { self.datetime.clone() };
            let is_same = |layer: &Layer| {
                layer.dataset.slug == dataset.slug
                    && epochs::revision_id(&layer.dataset) == epochs::revision_id(&dataset)
            };
            if let Some(at) = old.iter().position(is_same) {
                let kept = old.swap_remove(at);
                self.layers.push(Layer { dataset, side, datetime, ..kept });
                continue;
            }
            let at_first = match (&self.only, plans_shown.get(&dataset.slug)) {
                (Some(only), _) => (only.contains(&dataset.slug), 1.0),
                (None, Some(opacity)) => (true, *opacity),
                (None, None) => (dataset.kind != "features", 1.0),
            };
            let left = self.absent.remove(&dataset.slug).unwrap_or(at_first);
            let (visible, opacity) = looks.get(&dataset.slug).copied().unwrap_or(left);
            let state = match kind.role {
                Role::Tileset { max_error_px, .. } => State::Tileset(StreamedTileset::new(max_error_px)),
                Role::Heights { .. } | Role::Drape { .. } | Role::Project { .. } | Role::Study { .. } => State::Opening,
            };
            let lane = self.take_lane();
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
        // What this moment does not have comes back as it was left.
        let gone = looks.into_iter().filter(|(slug, _)| !self.layers.iter().any(|layer| layer.dataset.slug == *slug));
        self.absent.extend(gone);
        self.layers.extend(own);
        self.layers.sort_by_key(stacking);
        self.layers_changed = true;
    }

    fn take_lane(&mut self) -> u32 {
        self.next_lane += 1;
        self.next_lane - 1
    }

    /// Shows another moment: asks which revisions were valid then and reopens what changed.
    pub fn set_datetime(&mut self, datetime: Option<String>) -> Result<(), ViewError> {
        self.datetime = datetime;
        self.set_before(self.before.as_ref().map(|earlier| earlier.datetime.clone()))
    }

    /// Shows or hides a layer, with its elder.
    pub fn set_visible(&mut self, index: usize, visible: bool) {
        self.for_each_of(index, |layer| layer.visible = visible);
    }

    /// Sets a layer's opacity, 0..1, with its elder's.
    pub fn set_opacity(&mut self, index: usize, opacity: f32) {
        self.for_each_of(index, |layer| layer.opacity = opacity.clamp(0.0, 1.0));
    }

    fn for_each_of(&mut self, index: usize, change: impl Fn(&mut Layer)) {
        let Some(slug) = self.layers.get(index).map(|layer| layer.dataset.slug.clone()) else { return };
        self.layers.iter_mut().filter(|layer| layer.dataset.slug == slug).for_each(change);
        self.layers_changed = true;
    }

    /// Shows exactly the layers of these slugs; returns the slugs that are not there.
    pub fn show_only(&mut self, slugs: &[String]) -> Vec<String> {
        for layer in &mut self.layers {
            layer.visible = slugs.contains(&layer.dataset.slug) || layer.is_own();
        }
        self.only = Some(slugs.to_vec());
        self.layers_changed = true;
        slugs.iter().filter(|slug| !self.layers.iter().any(|layer| layer.dataset.slug == **slug)).cloned().collect()
    }

    /// The box of one layer, or of all visible ones, in degrees, and a height of the ground there in metres.
    #[must_use]
    pub fn extent(&self, layer: Option<usize>) -> ([f64; 4], f64) {
        let chosen = |index: usize, layer_shown: bool| layer.map_or(layer_shown, |wanted| wanted == index);
        let boxes = |live: bool| {
            let layers = self
                .layers
                .iter()
                .enumerate()
                .filter(move |(index, layer)| chosen(*index, layer.visible) && (live || !layer.dataset.live));
            layers
                .filter_map(|(_, layer)| layer.dataset.bounds)
                .reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])])
        };
        let bounds = boxes(false).or_else(|| boxes(true)).unwrap_or([73.0, 18.0, 135.0, 53.0]);
        let heights = self.layers.iter().filter_map(|layer| layer.dataset.height_range_m());
        let middle = heights.map(|[low, high]| f64::midpoint(low, high)).reduce(f64::min);
        (bounds, middle.unwrap_or(0.0))
    }

    /// Takes what was loaded, selects and loads for this viewport, and leaves a draw list.
    pub fn update(&mut self, viewport_px: [u32; 2]) -> View {
        let finished = self.fetcher.collect();
        self.take(finished);
        self.select(viewport_px)
    }

    fn select(&mut self, viewport_px: [u32; 2]) -> View {
        if std::mem::take(&mut self.layers_changed) {
            self.sync_grounds();
        }
        self.advance_studies();
        if std::mem::take(&mut self.layers_changed) {
            self.sync_grounds();
        }
        let view = self.camera.view(viewport_px);
        let mut requests = self.opening_requests();
        let mut lists = self.empty_lists();
        let labels = self.select_grounds(&view, &mut lists, &mut requests);
        self.select_tilesets(&view, &mut lists, &mut requests);
        for (covers, list) in self.covers.iter_mut().zip(&mut lists) {
            covers.apply(list);
        }
        self.add_studies(&mut lists);
        self.add_schemes(lists, &mut requests);
        self.labels = self.place_labels(labels, &view);
        self.wanted = requests.len();
        requests.extend(self.feature_requests());
        requests.extend(self.outgoing_requests());
        self.fetcher.replace_queue(requests);
        self.keep_to_budget();
        self.count();
        view
    }

    /// Selects the ground of every epoch; the labels are the later one's.
    fn select_grounds(
        &mut self,
        view: &View,
        lists: &mut [DrawList],
        requests: &mut Vec<Request<Loaded>>,
    ) -> Vec<Label> {
        let coarser = self.coarser;
        self.counts.kicked = 0;
        let mut wanted = Vec::new();
        let mut labels = Vec::new();
        for epoch in [Epoch::Before, Epoch::After] {
            if epoch == Epoch::Before && self.before.is_none() {
                continue;
            }
            let shown = (0..lists.len()).find(|pane| self.epoch_of(*pane) == epoch);
            // Before the terrain is known there is no ground: a plane at a guessed height would only jump.
            let is_known = !self.awaits_terrain(epoch);
            let ground = self.ground_of(epoch);
            let Some(pane) = shown else {
                wanted.extend(ground.update_beside());
                continue;
            };
            let frame = ground.update(view, coarser);
            let kicked = ground.kicked;
            self.counts.kicked += kicked;
            if is_known {
                frame.draws.into_iter().for_each(|draw| lists[pane].push(None, draw));
            }
            wanted.extend(frame.wanted);
            labels = frame.labels;
        }
        // What both epochs have is asked for once, and what the difference is made of with it.
        let mut seen = BTreeSet::new();
        let mut failed = Vec::new();
        while let Some(one) = wanted.pop() {
            if !seen.insert((one.lane, one.address)) {
                continue;
            }
            match self.tile_request(one.lane, one.address) {
                Ok(Tile::Request(url, decode)) => requests.push(Request {
                    key: (one.lane, packed(one.address)),
                    url,
                    urgency: one.urgency,
                    priority: one.priority,
                    decode,
                }),
                Ok(Tile::After(first)) => {
                    wanted.extend(first.into_iter().map(|(lane, address)| crate::scene::ground::Wanted {
                        lane,
                        address,
                        ..one
                    }));
                }
                Ok(Tile::None) => {}
                Err(error) => failed.push((one.lane, one.address, error)),
            }
        }
        for (lane, address, error) in failed {
            self.fail(lane, Some(address), &error);
        }
        labels
    }

    fn select_tilesets(&mut self, view: &View, lists: &mut [DrawList], requests: &mut Vec<Request<Loaded>>) {
        let epochs: Vec<Epoch> = (0..lists.len()).map(|pane| self.epoch_of(pane)).collect();
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let (State::Tileset(tileset), Role::Tileset { decode, .. }) = (&mut layer.state, layer.kind.role) else {
                continue;
            };
            let is_seen = epochs.iter().any(|epoch| layer.side.is_in(*epoch));
            if !layer.visible || !tileset.is_open() || !is_seen {
                continue;
            }
            let selected = tileset.update(view, self.coarser);
            self.counts.kicked += selected.kicked;
            for (list, _) in lists.iter_mut().zip(&epochs).filter(|(_, epoch)| layer.side.is_in(**epoch)) {
                for node in &selected.draw {
                    for draw in tileset.draws(*node, layer.opacity) {
                        list.push(Some(index), draw);
                    }
                }
            }
            for load in &selected.load {
                let Some(source) = tileset.source(load) else { continue };
                let url = source.url.clone();
                let decode: Decode<Loaded> = if source.is_tileset {
                    Box::new(take_tileset)
                } else {
                    Box::new(move |fetched| take_pieces(&fetched, decode))
                };
                requests.push(Request {
                    key: (layer.lane, load.node as u64),
                    url,
                    urgency: load.urgency,
                    priority: load.priority,
                    decode,
                });
            }
        }
    }

    /// Without terrain the ground lies where the lowest model stands.
    fn lowest_standing_m(&self) -> Option<f64> {
        let standing = self.layers.iter().filter(|layer| layer.visible).filter_map(|layer| match &layer.state {
            State::Tileset(tileset) => {
                let stated = layer.dataset.height_range_m().map(|[low, _]| low);
                stated.or_else(|| tileset.volume().map(|volume| volume.lowest_height_m()))
            }
            _ => None,
        });
        // Whole metres, so that loading a finer root does not rebuild the ground for nothing.
        standing.reduce(f64::min).map(f64::floor)
    }

    fn place_labels(&self, labels: Vec<Label>, view: &View) -> Vec<PlacedLabel> {
        /// A label whose lowest pixels are hidden is still read.
        const SIGN_PX: f64 = 8.0;
        let anchored = labels.into_iter().map(|label| {
            let [lon, lat] = place::lon_lat_deg_from_square(label.square[0], label.square[1]);
            let ecef = place::ecef([lon, lat, self.ground.height_m(label.square)]);
            (label, ecef)
        });
        label::place(anchored.collect(), view, &self.sheet, &mut |ecef| {
            let stands = picking::top_of_surface(self.draw_list(), ecef).unwrap_or(ecef);
            (!picking::is_hidden(self.draw_list(), view, stands, SIGN_PX)).then_some(stands)
        })
    }

    fn keep_to_budget(&mut self) {
        let mut held = self.held_bytes();
        if held > self.budget_bytes {
            let mut excess = held - self.budget_bytes;
            for layer in &mut self.layers {
                if let State::Tileset(tileset) = &mut layer.state {
                    excess = excess.saturating_sub(tileset.evict(excess));
                }
            }
            for ground in self.grounds() {
                if excess > 0 {
                    excess = excess.saturating_sub(ground.evict(excess));
                }
            }
            held = self.held_bytes();
        }
        // Full of what is on screen: allow larger errors instead of loading for ever; return slowly.
        if held > self.budget_bytes {
            self.coarser = (self.coarser * 1.1).min(16.0);
        } else if self.coarser > 1.0 && held < self.budget_bytes / 2 {
            self.coarser = (self.coarser / 1.05).max(1.0);
        }
        self.counts.bytes = held;
    }

    fn held_bytes(&self) -> u64 {
        let tilesets = self.layers.iter().map(|layer| match &layer.state {
            State::Tileset(tileset) => tileset.bytes(),
            State::Schemes(schemes) => schemes.bytes(),
            State::Water(Some(sheet)) => sheet.bytes(),
            _ => 0,
        });
        let before = self.before.as_ref().map_or(0, |earlier| earlier.ground.bytes());
        tilesets.sum::<u64>() + self.ground.bytes() + before
    }

    fn count(&mut self) {
        let counts = &mut self.counts;
        (counts.ground_tiles, counts.pieces, counts.triangles, counts.points) = (0, 0, 0, 0);
        for draw in self.lists.iter().flat_map(|list| &list.draws) {
            match draw {
                Draw::Ground { shape, .. } => {
                    counts.ground_tiles += 1;
                    counts.triangles += shape.indices().len() / 3;
                }
                Draw::Mesh { shape, .. } => {
                    counts.pieces += 1;
                    counts.triangles += shape.indices().len() / 3;
                }
                Draw::Points { points, .. } => {
                    counts.pieces += 1;
                    counts.points += points.points().len();
                }
                Draw::Water { shape, .. } => counts.triangles += shape.indices().len() / 3,
                Draw::Lines { .. } => {}
            }
        }
        counts.pending = self.fetcher.pending();
    }

    /// Waits up to `patience` for a load to finish, then updates.
    pub fn update_waiting(&mut self, viewport_px: [u32; 2], patience: std::time::Duration) -> View {
        let finished = self.fetcher.collect_waiting(patience);
        self.take(finished);
        self.select(viewport_px)
    }

    /// True when nothing the last frame wanted is missing any more.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.wanted == 0
            && self.fetcher.pending() == 0
            && !self.layers_changed
            && !self.studies.waits()
            && self.pick_requests.is_empty()
            && self.outbox.is_empty()
    }

    /// The last frame's drawing of the later epoch, or of the only one.
    #[must_use]
    pub fn draw_list(&self) -> &DrawList {
        self.lists.get(self.main_pane()).unwrap_or(&self.lists[0])
    }

    /// The last frame's drawing, pane by pane from the left.
    #[must_use]
    pub fn draw_lists(&self) -> &[DrawList] {
        &self.lists
    }

    /// The last frame's labels.
    #[must_use]
    pub fn labels(&self) -> &[PlacedLabel] {
        &self.labels
    }

    /// Figures of the last frame.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What lies under a pixel of the last frame.
    #[must_use]
    pub fn pick(&self, view: &View, pixel: DVec2) -> Option<Pick> {
        self.pick_in(self.main_pane(), view, pixel)
    }

    /// What lies under a pixel of a pane of the last frame.
    #[must_use]
    pub fn pick_in(&self, pane: usize, view: &View, pixel: DVec2) -> Option<Pick> {
        picking::pick(self.lists.get(pane).unwrap_or(&self.lists[0]), view, pixel)
    }
}

/// Bottom first: basemaps, then kind by kind; newer imagery covers older, and lines and points lie on areas.
fn stacking(layer: &Layer) -> impl Ord + use<> {
    let kind = layer::KINDS.iter().position(|kind| kind.dataset_kind == layer.kind.dataset_kind);
    let dataset = &layer.dataset;
    let since = if dataset.kind == "imagery" { timeline::valid_from(dataset) } else { None };
    let geometry = dataset.properties.get("geometry").and_then(Value::as_str);
    let dimension = ["polygon", "line", "point"].iter().position(|name| Some(*name) == geometry);
    (kind != Some(layer::BASEMAP_PLACE), kind, since, dimension)
}

/// An error with its sources, for people.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
