//! The viewer without a window: layers, scene and loader joined into frames.
//!
//! Window and headless shot drive the same object: `update` collects what was loaded, selects, and leaves a draw list.
//! It draws nothing itself and asks for nothing it does not need for the view it was given.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use glam::DVec2;
use serde_json::Value;

mod inspect;
mod review;

pub use inspect::Picked;

use crate::error::ViewError;
use crate::fetch::{self, Decode, Fetched, Fetcher, Finished, Request};
use crate::first_view;
use crate::layer::{self, Address, Drape, Kind, Loaded, Role, Wanted};
use crate::meeting::Meeting;
use crate::scene::camera::{Camera, View};
use crate::scene::cover::Covers;
use crate::scene::draw::{Draw, DrawList};
use crate::scene::ground::Ground;
use crate::scene::label::{self, Label, PlacedLabel, Sheet};
use crate::scene::picking::{self, Pick};
use crate::scene::place;
use crate::scene::selection::Urgency;
use crate::scene::tileset::StreamedTileset;
use crate::scene::timeline::{self, Timeline};
use crate::service::{Dataset, Pyramid, Service};

/// Bytes the scene may hold before it lets go of what is not seen.
pub const DEFAULT_BUDGET_BYTES: u64 = 512 << 20;

/// The lane of requests that belong to no layer.
const VIEWER_LANE: u32 = 0;
/// The lane of what is sent to the server.
const OUTBOX_LANE: u32 = 1;
/// The number of a layer's opening request in its lane.
const OPENING: u64 = u64::MAX;

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
    lane: u32,
    state: State,
}

enum State {
    Opening,
    Heights(Pyramid),
    Drape(Arc<dyn Drape>),
    Tileset(StreamedTileset),
    Schemes(review::Schemes),
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
    covers: Covers,
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
            picked: None,
            meeting: None,
            said: None,
            meeting_folder: None,
            budget_bytes: DEFAULT_BUDGET_BYTES,
            sheet: Sheet::default(),
            fetcher,
            ground: Ground::default(),
            covers: Covers::default(),
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
        viewer.set_datasets(datasets);
        Ok(viewer)
    }

    fn set_datasets(&mut self, datasets: Vec<Dataset>) {
        let (own, mut old): (Vec<Layer>, Vec<Layer>) =
            std::mem::take(&mut self.layers).into_iter().partition(Layer::is_project);
        let plans_shown = first_view::plans(&datasets);
        for dataset in datasets {
            let Some(kind) = layer::kind_of(&dataset) else { continue };
            let kept = old.iter().position(|layer| layer.dataset.slug == dataset.slug).map(|at| old.swap_remove(at));
            let same_revision = |layer: &Layer| {
                layer.dataset.revision.as_ref().map(|r| &r.id) == dataset.revision.as_ref().map(|r| &r.id)
            };
            match kept {
                Some(mut layer) if same_revision(&layer) => {
                    layer.dataset = dataset;
                    self.layers.push(layer);
                }
                other => {
                    let at_first = match (&self.only, plans_shown.get(&dataset.slug)) {
                        (Some(only), _) => (only.contains(&dataset.slug), 1.0),
                        (None, Some(opacity)) => (true, *opacity),
                        (None, None) => (dataset.kind != "features", 1.0),
                    };
                    let left = self.absent.remove(&dataset.slug).unwrap_or(at_first);
                    let (visible, opacity) = other.map_or(left, |layer| (layer.visible, layer.opacity));
                    let lane = self.next_lane;
                    self.next_lane += 1;
                    let state = match kind.role {
                        Role::Tileset { max_error_px, .. } => State::Tileset(StreamedTileset::new(max_error_px)),
                        Role::Heights { .. } | Role::Drape { .. } | Role::Project { .. } => State::Opening,
                    };
                    self.layers.push(Layer {
                        dataset,
                        kind,
                        visible,
                        opacity,
                        failed: 0,
                        last_error: None,
                        lane,
                        state,
                    });
                }
            }
        }
        // What this moment does not have comes back as it was left.
        self.absent.extend(old.into_iter().map(|layer| (layer.dataset.slug, (layer.visible, layer.opacity))));
        self.layers.extend(own);
        self.layers.sort_by_key(stacking);
        self.layers_changed = true;
    }

    /// Shows another moment: asks which revisions were valid then and reopens what changed.
    pub fn set_datetime(&mut self, datetime: Option<String>) -> Result<(), ViewError> {
        let datasets = self.service.dataset_list(datetime.as_deref())?;
        self.datetime = datetime;
        self.set_datasets(datasets);
        Ok(())
    }

    /// Shows or hides a layer.
    pub fn set_visible(&mut self, index: usize, visible: bool) {
        if let Some(layer) = self.layers.get_mut(index) {
            layer.visible = visible;
            self.layers_changed = true;
        }
    }

    /// Sets a layer's opacity, 0..1.
    pub fn set_opacity(&mut self, index: usize, opacity: f32) {
        if let Some(layer) = self.layers.get_mut(index) {
            layer.opacity = opacity.clamp(0.0, 1.0);
            self.layers_changed = true;
        }
    }

    /// Shows exactly the layers of these slugs; returns the slugs that are not there.
    pub fn show_only(&mut self, slugs: &[String]) -> Vec<String> {
        for layer in &mut self.layers {
            layer.visible = slugs.contains(&layer.dataset.slug) || layer.is_project();
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
            self.sync_ground();
        }
        let view = self.camera.view(viewport_px);
        let mut requests = self.opening_requests();
        let ground = self.ground.update(&view, self.coarser);
        self.counts.kicked = self.ground.kicked;
        let mut list = DrawList::default();
        // Before the terrain is known there is no ground: a plane at a guessed height would only jump.
        if !self.awaits_terrain() {
            for draw in ground.draws {
                list.push(None, draw);
            }
        }
        for wanted in &ground.wanted {
            let request = self.tile_request(wanted.lane, wanted.address);
            match request {
                Ok(Some((url, decode))) => requests.push(Request {
                    key: (wanted.lane, packed(wanted.address)),
                    url,
                    urgency: wanted.urgency,
                    priority: wanted.priority,
                    decode,
                }),
                Ok(None) => {}
                Err(error) => self.fail(wanted.lane, Some(wanted.address), &error),
            }
        }
        self.select_tilesets(&view, &mut list, &mut requests);
        self.covers.apply(&mut list);
        self.add_schemes(list, &mut requests);
        self.labels = self.place_labels(ground.labels, &view);
        self.wanted = requests.len();
        requests.extend(self.feature_requests());
        requests.extend(self.outgoing_requests());
        self.fetcher.replace_queue(requests);
        self.keep_to_budget();
        self.count();
        view
    }

    fn select_tilesets(&mut self, view: &View, list: &mut DrawList, requests: &mut Vec<Request<Loaded>>) {
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let (State::Tileset(tileset), Role::Tileset { decode, .. }) = (&mut layer.state, layer.kind.role) else {
                continue;
            };
            if !layer.visible || !tileset.is_open() {
                continue;
            }
            let selected = tileset.update(view, self.coarser);
            self.counts.kicked += selected.kicked;
            for node in &selected.draw {
                for draw in tileset.draws(*node, layer.opacity) {
                    list.push(Some(index), draw);
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

    /// Requests that open layers: TileJSON with style, or the root tileset.
    fn opening_requests(&mut self) -> Vec<Request<Loaded>> {
        let mut requests = Vec::new();
        let mut broken = Vec::new();
        for layer in &self.layers {
            let waits = match &layer.state {
                State::Opening => true,
                State::Tileset(tileset) => !tileset.is_open(),
                State::Heights(_) | State::Drape(_) | State::Schemes(_) | State::Broken => false,
            };
            if !waits || !layer.visible {
                continue;
            }
            match self.opening_request(layer) {
                Ok(request) => requests.push(request),
                Err(error) => broken.push((layer.lane, error)),
            }
        }
        for (lane, error) in broken {
            self.fail(lane, None, &error);
        }
        requests
    }

    fn opening_request(&self, layer: &Layer) -> Result<Request<Loaded>, ViewError> {
        // Live sources have no dates.
        let datetime = self.datetime.as_deref().filter(|_| !layer.dataset.live);
        let entry = (layer.kind.entry)(&layer.dataset.links).map_or("", String::as_str);
        let url = self.service.link(entry, datetime)?;
        let style_url = layer.dataset.links.style.as_deref().map(|link| self.service.link(link, None)).transpose()?;
        let source = self.service.source().clone();
        let decode: Decode<Loaded> = match layer.kind.role {
            Role::Tileset { .. } => Box::new(take_tileset),
            Role::Heights { .. } | Role::Drape { .. } | Role::Project { .. } => Box::new(move |fetched| {
                found(&fetched)?;
                let pyramid = Pyramid::from_tile_json(&fetched.body, &fetched.url)?;
                let style = style_url.map(|url| fetch::fetch(&source, &url)).transpose()?;
                let style = style.filter(|fetched| fetched.found).map(|fetched| fetched.body.to_vec());
                Ok(Loaded::Opened { pyramid, style })
            }),
        };
        Ok(Request { key: (layer.lane, OPENING), url: Some(url), urgency: Urgency::Urgent, priority: 0.0, decode })
    }

    fn tile_request(&self, lane: u32, address: Address) -> Result<Option<Wanted>, ViewError> {
        let Some(layer) = self.layers.iter().find(|layer| layer.lane == lane) else { return Ok(None) };
        match (&layer.state, layer.kind.role) {
            (State::Heights(pyramid), Role::Heights { decode }) => {
                let decode: Decode<Loaded> = Box::new(move |fetched| decode(&fetched).map(Loaded::Heights));
                Ok(Some((Some(pyramid.url(address.0, address.1, address.2)?), decode)))
            }
            (State::Drape(drape), _) => drape.request(address).map(Some),
            _ => Ok(None),
        }
    }

    fn take(&mut self, finished: Vec<Finished<Loaded>>) {
        for Finished { key: (lane, what), result } in finished {
            self.counts.loaded += usize::from(result.is_ok());
            if lane == VIEWER_LANE {
                self.take_features(what, result);
                continue;
            }
            if lane == OUTBOX_LANE {
                self.take_sent(what, result);
                continue;
            }
            match result {
                Ok(loaded) => self.put(lane, what, loaded),
                Err(error) => {
                    let address = (what != OPENING).then(|| unpacked(what));
                    self.fail(lane, address, &error);
                }
            }
        }
    }

    fn put(&mut self, lane: u32, what: u64, loaded: Loaded) {
        let Some(layer) = self.layers.iter_mut().find(|layer| layer.lane == lane) else { return };
        match (loaded, &mut layer.state) {
            (Loaded::Opened { pyramid, style }, _) => match layer.kind.role {
                Role::Heights { .. } => layer.state = State::Heights(pyramid),
                Role::Drape { open } => match open(&layer.dataset, pyramid, style.as_deref()) {
                    Ok(drape) => layer.state = State::Drape(drape),
                    Err(error) => return self.fail(lane, None, &error),
                },
                Role::Tileset { .. } | Role::Project { .. } => return,
            },
            (Loaded::Tileset { body, url }, State::Tileset(tileset)) => {
                let node = (what != OPENING).then_some(what as usize);
                match tiles::tileset::Tileset::parse(&body) {
                    Ok(parsed) => tileset.graft(node, &parsed, &url),
                    Err(error) => {
                        let error = ViewError::Tile { url: url.to_string(), reason: error.to_string() };
                        return self.fail(lane, node.map(|_| unpacked(what)), &error);
                    }
                }
            }
            (Loaded::Pieces(pieces), State::Tileset(tileset)) => return tileset.put(what as usize, Some(pieces)),
            (Loaded::Heights(raster), _) => return self.ground.put_heights(lane, unpacked(what), Ok(raster)),
            (Loaded::Picture { picture, labels }, _) => {
                return self.ground.put_picture(lane, unpacked(what), Ok(picture), labels);
            }
            (Loaded::Scheme(built), State::Schemes(schemes)) => return schemes.put(what, Ok(*built)),
            (
                Loaded::Tileset { .. }
                | Loaded::Pieces(_)
                | Loaded::Features(_)
                | Loaded::Scheme(_)
                | Loaded::Sent(_)
                | Loaded::Meeting(_),
                _,
            ) => return,
        }
        self.layers_changed = true;
    }

    /// Notes a failed load; without an address it was the layer's opening.
    fn fail(&mut self, lane: u32, address: Option<Address>, error: &ViewError) {
        // What was left out of a packed folder on purpose is no failure: a coarser tile goes on being shown.
        let is_failure = !(matches!(error, ViewError::NotPacked { .. }) && address.is_some());
        let message = chain(error);
        if is_failure {
            self.counts.failed += 1;
            tracing::warn!(error = %message, "load failed");
        }
        let Some(layer) = self.layers.iter_mut().find(|layer| layer.lane == lane) else { return };
        if is_failure {
            layer.failed += 1;
            layer.last_error = Some(message);
        }
        match (address, &mut layer.state) {
            (Some(address), State::Schemes(schemes)) => schemes.put(packed(address), Err(())),
            (None, state) => *state = State::Broken,
            (Some(address), State::Tileset(tileset)) => tileset.put(packed(address) as usize, None),
            (Some(address), State::Heights(_)) => self.ground.put_heights(lane, address, Err(())),
            (Some(address), _) => self.ground.put_picture(lane, address, Err(()), Vec::new()),
        }
    }

    /// Hands visible terrain and drapes to the ground.
    fn sync_ground(&mut self) {
        let mut heights: Vec<(u32, Pyramid, Option<[f64; 2]>)> = Vec::new();
        let mut drapes = Vec::new();
        for layer in self.layers.iter().filter(|layer| layer.visible) {
            match &layer.state {
                State::Heights(pyramid) => heights.push((layer.lane, pyramid.clone(), layer.dataset.height_range_m())),
                State::Drape(drape) => drapes.push((layer.lane, Arc::clone(drape), layer.opacity)),
                State::Opening | State::Tileset(_) | State::Schemes(_) | State::Broken => {}
            }
        }
        // Coarse first: the finest wins where several are.
        heights.sort_by_key(|(_, pyramid, _)| pyramid.max_zoom);
        let terrain_base_m = heights.iter().filter_map(|(_, _, range)| range.map(|[low, _]| low)).reduce(f64::min);
        let base_m = terrain_base_m.or_else(|| if heights.is_empty() { self.lowest_standing_m() } else { None });
        self.ground.set_heights(heights);
        self.ground.set_drapes(drapes);
        self.ground.set_base_height_m(base_m.unwrap_or(0.0));
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
            if excess > 0 {
                self.ground.evict(excess);
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
            _ => 0,
        });
        tilesets.sum::<u64>() + self.ground.bytes()
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
            && self.pick_requests.is_empty()
            && self.outbox.is_empty()
    }

    /// The last frame's drawing.
    #[must_use]
    pub fn draw_list(&self) -> &DrawList {
        &self.lists[0]
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
        self.pick_in(0, view, pixel)
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

fn found(fetched: &Fetched) -> Result<(), ViewError> {
    if fetched.found { Ok(()) } else { Err(ViewError::Status { url: fetched.url.to_string(), status: 404 }) }
}

fn take_tileset(fetched: Fetched) -> Result<Loaded, ViewError> {
    found(&fetched)?;
    Ok(Loaded::Tileset { body: fetched.body, url: fetched.url })
}

fn take_pieces(
    fetched: &Fetched,
    decode: fn(&Fetched) -> Result<Vec<layer::Piece>, ViewError>,
) -> Result<Loaded, ViewError> {
    // A pyramid has gaps; a tileset that names a file promises it.
    found(fetched)?;
    decode(fetched).map(Loaded::Pieces)
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

fn packed((z, x, y): Address) -> u64 {
    u64::from(z) << 58 | u64::from(x) << 29 | u64::from(y)
}

fn unpacked(what: u64) -> Address {
    ((what >> 58) as u8, (what >> 29 & 0x1FFF_FFFF) as u32, (what & 0x1FFF_FFFF) as u32)
}
