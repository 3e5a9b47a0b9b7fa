//! The ground: a quadtree on the Web Mercator grid whose tiles take their height from terrain layers and carry drapes.
//!
//! A tile's surface is built as soon as the height rasters under it are there (at once where there is no terrain: then it
//! is the ellipsoid at a base height), so drapes never hold the ground up; until a drape's own picture arrives the
//! nearest coarser one is shown. A tile is one picture of 256 pixels wide, so its error is the size of a pixel.
//! Heights are drawn as delivered: no exaggeration, no change of datum.

mod heights;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use glam::DVec3;

use super::camera::View;
use super::draw::{Draw, Overlay, Picture, Shape};
use super::ground_tile::{self, Sampled};
use super::label::Label;
use super::place;
use super::selection::{self, Limits, Urgency};
use super::tree::{Content, NodeIndex, Refine, Tree};
use super::volume::Volume;
use crate::layer::terrain::HeightRaster;
use crate::layer::{Address, Drape};
use crate::service::Pyramid;
pub use heights::Sampler;

/// Ground pixels may appear this many times larger than they are.
const MAX_ERROR_PX: f64 = 1.5;

/// Without data the ground is refined to this zoom, where a flat piece is within 2 mm of the ellipsoid.
const BARE_ZOOM: u8 = 12;

/// What is there of one cached tile.
#[derive(Clone, Debug)]
enum Cached<T> {
    Ready { value: Arc<T>, used_frame: u64 },
    Nothing,
    Failed,
}

type Cache<T> = BTreeMap<Address, Cached<T>>;

/// A surface that gives the ground its height.
pub struct HeightLayer {
    /// Where it has tiles.
    pub pyramid: Pyramid,
    /// Lowest and highest height in metres, if known.
    pub range_m: Option<[f64; 2]>,
    /// The layer's number in requests.
    pub lane: u32,
    rasters: Cache<HeightRaster>,
}

/// Pictures laid over the ground.
pub struct DrapeLayer {
    /// The layer.
    pub drape: Arc<dyn Drape>,
    /// 0 invisible to 1 opaque.
    pub opacity: f32,
    /// The layer's number in requests.
    pub lane: u32,
    pictures: Cache<Picture>,
    labels: BTreeMap<Address, Vec<Label>>,
}

/// A built surface.
pub struct GroundTile {
    shape: Arc<Shape>,
    origin: DVec3,
    range_m: [f64; 2],
}

/// A tile of a layer that the ground needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    /// The layer's number.
    pub lane: u32,
    /// Which tile.
    pub address: Address,
    /// In which group.
    pub urgency: Urgency,
    /// Small first.
    pub priority: f64,
}

/// What one frame of the ground came to.
#[derive(Default)]
pub struct GroundFrame {
    /// Tiles to draw.
    pub draws: Vec<Draw>,
    /// Tiles of layers to load.
    pub wanted: Vec<Wanted>,
    /// Labels of the tiles drawn.
    pub labels: Vec<Label>,
}

/// The ground.
pub struct Ground {
    tree: Tree<Address, GroundTile>,
    heights: Vec<HeightLayer>,
    drapes: Vec<DrapeLayer>,
    base_height_m: f64,
    /// Heights asked for beside the view, by lane.
    asked: BTreeSet<(u32, Address)>,
    /// Nodes whose descendants were dropped by the last traversal.
    pub kicked: usize,
}

impl Default for Ground {
    fn default() -> Self {
        let mut ground = Self {
            tree: Tree::default(),
            heights: Vec::new(),
            drapes: Vec::new(),
            base_height_m: 0.0,
            asked: BTreeSet::new(),
            kicked: 0,
        };
        ground.rebuild();
        ground
    }
}

impl Ground {
    /// Sets the ellipsoidal height in metres of the ground where no terrain is.
    pub fn set_base_height_m(&mut self, base_height_m: f64) {
        if (self.base_height_m - base_height_m).abs() > 1e-9 {
            self.base_height_m = base_height_m;
            self.rebuild();
        }
    }

    /// The ellipsoidal height in metres of the ground where no terrain is.
    #[must_use]
    pub fn base_height_m(&self) -> f64 {
        self.base_height_m
    }

    /// Replaces the terrain, coarse first: the last one that has data at a place gives its height.
    /// Rasters already loaded are kept for layers whose lane stays.
    pub fn set_heights(&mut self, layers: Vec<(u32, Pyramid, Option<[f64; 2]>)>) {
        let is_same = |(old, (lane, pyramid, range_m)): (&HeightLayer, &(u32, Pyramid, Option<[f64; 2]>))| {
            old.lane == *lane && old.pyramid == *pyramid && old.range_m == *range_m
        };
        if self.heights.len() == layers.len() && self.heights.iter().zip(&layers).all(is_same) {
            return;
        }
        let mut old = std::mem::take(&mut self.heights);
        self.heights = layers
            .into_iter()
            .map(|(lane, pyramid, range_m)| {
                let kept =
                    old.iter_mut().find(|layer| layer.lane == lane).map(|layer| std::mem::take(&mut layer.rasters));
                HeightLayer { pyramid, range_m, lane, rasters: kept.unwrap_or_default() }
            })
            .collect();
        self.rebuild();
    }

    /// Replaces what is draped, bottom first. Pictures already loaded are kept for layers whose lane stays.
    pub fn set_drapes(&mut self, layers: Vec<(u32, Arc<dyn Drape>, f32)>) {
        let finest = self.finest_zooms();
        let mut old = std::mem::take(&mut self.drapes);
        self.drapes = layers
            .into_iter()
            .map(|(lane, drape, opacity)| {
                let kept = old.iter_mut().find(|layer| layer.lane == lane);
                let (pictures, labels) = kept
                    .map(|layer| (std::mem::take(&mut layer.pictures), std::mem::take(&mut layer.labels)))
                    .unwrap_or_default();
                DrapeLayer { drape, opacity, lane, pictures, labels }
            })
            .collect();
        // Other pictures can split tiles that were the finest until now, also where none is finer than the finest elsewhere.
        if self.finest_zooms() != finest {
            for node in &mut self.tree.nodes {
                node.expanded = !node.children.is_empty();
            }
        }
    }

    fn finest_zooms(&self) -> Vec<(u32, u8)> {
        self.drapes.iter().map(|layer| (layer.lane, layer.drape.finest_zoom())).collect()
    }

    fn rebuild(&mut self) {
        self.tree = Tree { frame: self.tree.frame, ..Tree::default() };
        let volume = Volume::Sphere { center: DVec3::ZERO, radius_m: place::EARTH_RADIUS_M + 10_000.0 };
        self.tree.add(None, (0, 0, 0), volume, pixel_size_m(0, 0.0), Refine::Replace, Content::Unloaded);
    }

    /// Chooses, builds what can be built, and says what to draw and to load. `coarser` multiplies the allowed error.
    pub fn update(&mut self, view: &View, coarser: f64) -> GroundFrame {
        let limits = Limits { max_error_px: MAX_ERROR_PX * coarser, loading_descendant_limit: 20 };
        let mut frame = GroundFrame::default();
        // Building is quick and lets selection go on at once; every turn adds at least one level or ends. Fewer turns than
        // levels would end with nothing wanted, as if all were there.
        for _ in 0..64 {
            let range_m = self.range_m();
            let (heights, drapes) = (&self.heights, &self.drapes);
            let mut expand =
                |tree: &mut Tree<Address, GroundTile>, node: NodeIndex| split(tree, node, heights, drapes, range_m);
            let selected = selection::select(&mut self.tree, view, limits, &mut expand);
            self.kicked = selected.kicked;
            frame.wanted.clear();
            let mut built = 0;
            for load in &selected.load {
                let address = self.tree.nodes[load.node].source;
                let missing = self.missing_rasters(address);
                if missing.is_empty() {
                    self.build(load.node);
                    built += 1;
                } else {
                    frame.wanted.extend(missing.into_iter().map(|(lane, address)| Wanted {
                        lane,
                        address,
                        urgency: load.urgency,
                        priority: load.priority,
                    }));
                }
            }
            if built == 0 {
                self.drape(&selected.draw, view, &mut frame);
                break;
            }
        }
        frame.wanted.extend(self.wanted_beside());
        frame.wanted.sort_by(|a, b| {
            (a.lane, a.address, a.urgency).cmp(&(b.lane, b.address, b.urgency)).then(a.priority.total_cmp(&b.priority))
        });
        frame.wanted.dedup_by_key(|wanted| (wanted.lane, wanted.address));
        frame
    }

    fn range_m(&self) -> [f64; 2] {
        let mut range_m = [self.base_height_m, self.base_height_m];
        for layer in &self.heights {
            let [low, high] = layer.range_m.unwrap_or([-500.0, 9_000.0]);
            range_m = [range_m[0].min(low), range_m[1].max(high)];
        }
        range_m
    }

    fn missing_rasters(&self, address: Address) -> Vec<(u32, Address)> {
        let mut missing = self.needed_rasters(address);
        missing.retain(|(lane, source)| {
            !self.heights.iter().any(|layer| layer.lane == *lane && layer.rasters.contains_key(source))
        });
        missing
    }

    fn build(&mut self, node: NodeIndex) {
        let address = self.tree.nodes[node].source;
        let bounds = bounds_lon_lat_deg(address);
        let sampler = self.sampler(address).unwrap_or_default();
        let sample = |u: f64, v: f64| sampler.height_m(u, v);
        let tint_range_m = self.heights.iter().find_map(|layer| layer.range_m);
        let base_height_m = self.base_height_m;
        let Sampled { shape, origin, range_m } = ground_tile::build(address, &sample, base_height_m, tint_range_m);
        let tree_node = &mut self.tree.nodes[node];
        if address.0 >= 3 {
            // Samples lie between the data's: a tenth more on both sides covers what they missed.
            let margin_m = 2.0 + (range_m[1] - range_m[0]) * 0.1;
            tree_node.volume = Volume::of_region(bounds, range_m[0] - margin_m, range_m[1] + margin_m);
        }
        tree_node.bytes = shape.bytes();
        tree_node.content = Content::Ready(GroundTile { shape: Arc::new(shape), origin, range_m });
    }

    fn drape(&mut self, drawn: &[NodeIndex], view: &View, frame: &mut GroundFrame) {
        let now = self.tree.frame;
        for index in drawn {
            let node = &self.tree.nodes[*index];
            let Content::Ready(tile) = &node.content else { continue };
            let (address, bounds) = (node.source, bounds_lon_lat_deg(node.source));
            let mut overlays = Vec::new();
            for layer in &mut self.drapes {
                let Some(wanted) = source_address(layer.drape.pyramid(), layer.drape.finest_zoom(), address, bounds)
                else {
                    continue;
                };
                if !layer.pictures.contains_key(&wanted) {
                    let priority = view.load_priority(&node.volume);
                    frame.wanted.push(Wanted { lane: layer.lane, address: wanted, urgency: Urgency::Normal, priority });
                }
                let min_zoom = layer.drape.pyramid().min_zoom;
                if let Some(labels) = nearest_labels(layer, wanted, min_zoom) {
                    // A coarser tile's labels are shown by the one ground tile each stands on.
                    let side = 0.5_f64.powi(i32::from(address.0));
                    let corner = [f64::from(address.1) * side, f64::from(address.2) * side];
                    let own = labels
                        .iter()
                        .filter(|label| (0..2).all(|axis| (0.0..side).contains(&(label.square[axis] - corner[axis]))));
                    frame.labels.extend(own.cloned().map(|mut label| {
                        for disc in &mut label.discs {
                            disc.color[3] = (f32::from(disc.color[3]) * layer.opacity) as u8;
                        }
                        label
                    }));
                }
                if let Some((found, picture)) = nearest(&mut layer.pictures, wanted, min_zoom, now) {
                    let (offset, scale) = window(address, found);
                    overlays.push(Overlay {
                        picture,
                        offset: offset.map(|part| part as f32),
                        scale: scale.map(|part| part as f32),
                        opacity: layer.opacity,
                        on_models: layer.drape.lies_on_models(),
                    });
                }
            }
            let side = 0.5_f64.powi(i32::from(address.0));
            let square = [f64::from(address.1) * side, f64::from(address.2) * side, side];
            let (shape, origin) = (Arc::clone(&tile.shape), tile.origin);
            frame.draws.push(Draw::Ground { shape, origin, overlays, square, open: None });
        }
    }

    /// Takes a loaded height tile; `Err` marks it failed. Ignored when the lane is gone.
    pub fn put_heights(&mut self, lane: u32, address: Address, raster: Result<Option<Arc<HeightRaster>>, ()>) {
        if let Some(layer) = self.heights.iter_mut().find(|layer| layer.lane == lane) {
            layer.rasters.insert(address, cached(raster, self.tree.frame));
        }
    }

    /// Takes a loaded picture and its labels; `Err` marks it failed. Ignored when the lane is gone.
    pub fn put_picture(
        &mut self,
        lane: u32,
        address: Address,
        picture: Result<Option<Arc<Picture>>, ()>,
        labels: Vec<Label>,
    ) {
        let Some(layer) = self.drapes.iter_mut().find(|layer| layer.lane == lane) else { return };
        if !labels.is_empty() {
            layer.labels.insert(address, labels);
        }
        layer.pictures.insert(address, cached(picture, self.tree.frame));
    }

    /// Height in metres of the ground at a place of the Web Mercator square, from the finest raster loaded there.
    #[must_use]
    pub fn height_m(&self, [x, y]: [f64; 2]) -> f64 {
        let sampled = self.heights.iter().rev().find_map(|layer| {
            (layer.pyramid.min_zoom..=layer.pyramid.max_zoom).rev().find_map(|z| {
                let tiles = f64::from(1_u32 << z.min(30));
                let (column, row) = (x * tiles, y * tiles);
                let Some(Cached::Ready { value, .. }) = layer.rasters.get(&(z, column as u32, row as u32)) else {
                    return None;
                };
                value.height_m(column.fract(), row.fract())
            })
        });
        sampled.unwrap_or(self.base_height_m)
    }

    /// Bytes held by surfaces, rasters and pictures.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let rasters: u64 = self
            .heights
            .iter()
            .flat_map(|layer| layer.rasters.values())
            .map(|cached| cached_bytes(cached, HeightRaster::bytes))
            .sum();
        let pictures: u64 = self
            .drapes
            .iter()
            .flat_map(|layer| layer.pictures.values())
            .map(|cached| cached_bytes(cached, Picture::bytes))
            .sum();
        self.tree.bytes() + rasters + pictures
    }

    /// Frees what this frame did not use, longest unused first, until `excess` bytes are gone; returns what was freed.
    pub fn evict(&mut self, excess: u64) -> u64 {
        let frame = self.tree.frame;
        let mut idle: Vec<(u64, u64, Idle)> = self
            .tree
            .evictable()
            .map(|(used, node)| (used, self.tree.nodes[node].bytes, Idle::Surface(node)))
            .collect();
        for (place, layer) in self.heights.iter().enumerate() {
            idle.extend(
                idle_entries(&layer.rasters, frame, HeightRaster::bytes)
                    .map(|(used, bytes, address)| (used, bytes, Idle::Raster(place, address))),
            );
        }
        for (place, layer) in self.drapes.iter().enumerate() {
            idle.extend(
                idle_entries(&layer.pictures, frame, Picture::bytes)
                    .map(|(used, bytes, address)| (used, bytes, Idle::Picture(place, address))),
            );
        }
        idle.sort_by_key(|(used, ..)| *used);
        let mut freed = 0;
        for (_, bytes, what) in idle {
            if freed >= excess {
                break;
            }
            freed += bytes;
            match what {
                Idle::Surface(node) => self.tree.unload(node),
                Idle::Raster(place, address) => drop(self.heights[place].rasters.remove(&address)),
                Idle::Picture(place, address) => drop(self.drapes[place].pictures.remove(&address)),
            }
        }
        freed
    }
}

enum Idle {
    Surface(NodeIndex),
    Raster(usize, Address),
    Picture(usize, Address),
}

fn cached<T>(value: Result<Option<Arc<T>>, ()>, used_frame: u64) -> Cached<T> {
    match value {
        Ok(Some(value)) => Cached::Ready { value, used_frame },
        Ok(None) => Cached::Nothing,
        Err(()) => Cached::Failed,
    }
}

fn cached_bytes<T>(cached: &Cached<T>, bytes: fn(&T) -> u64) -> u64 {
    match cached {
        Cached::Ready { value, .. } => bytes(value),
        Cached::Nothing | Cached::Failed => 0,
    }
}

fn idle_entries<T>(cache: &Cache<T>, frame: u64, bytes: fn(&T) -> u64) -> impl Iterator<Item = (u64, u64, Address)> {
    cache.iter().filter_map(move |(address, cached)| match cached {
        // A raster used to build a surface is needed again only when that surface goes, so one frame of grace suffices.
        Cached::Ready { value, used_frame } if *used_frame < frame => Some((*used_frame, bytes(value), *address)),
        _ => None,
    })
}

/// The wanted tile or, while it is missing or failed, its nearest loaded ancestor. A tile known to be empty ends the search.
fn nearest<T>(cache: &mut Cache<T>, wanted: Address, min_zoom: u8, frame: u64) -> Option<(Address, Arc<T>)> {
    let (mut z, mut x, mut y) = wanted;
    loop {
        match cache.get_mut(&(z, x, y)) {
            Some(Cached::Ready { value, used_frame }) => {
                *used_frame = frame;
                return Some(((z, x, y), Arc::clone(value)));
            }
            Some(Cached::Nothing) => return None,
            Some(Cached::Failed) | None => {}
        }
        if z <= min_zoom {
            return None;
        }
        (z, x, y) = (z - 1, x / 2, y / 2);
    }
}

/// The labels of the wanted tile or, while it is missing, of its nearest loaded ancestor; none of an invisible layer.
fn nearest_labels(layer: &DrapeLayer, wanted: Address, min_zoom: u8) -> Option<&Vec<Label>> {
    let (mut z, mut x, mut y) = wanted;
    while z > min_zoom && !matches!(layer.pictures.get(&(z, x, y)), Some(Cached::Ready { .. } | Cached::Nothing)) {
        (z, x, y) = (z - 1, x / 2, y / 2);
    }
    layer.labels.get(&(z, x, y)).filter(|_| layer.opacity > 0.05)
}

/// The tile of a pyramid that covers a ground tile: itself or the ancestor at `finest`; `None` where there is none.
fn source_address(pyramid: &Pyramid, finest: u8, (z, x, y): Address, bounds: [f64; 4]) -> Option<Address> {
    if z < pyramid.min_zoom || !pyramid.touches(bounds) {
        return None;
    }
    let up = z.saturating_sub(finest);
    Some((z - up, x >> up, y >> up))
}

/// Offset and scale of a tile's square within an ancestor's.
fn window((z, x, y): Address, (ancestor_z, ancestor_x, ancestor_y): Address) -> ([f64; 2], [f64; 2]) {
    let scale = 0.5_f64.powi(i32::from(z - ancestor_z));
    let offset = [f64::from(x) * scale - f64::from(ancestor_x), f64::from(y) * scale - f64::from(ancestor_y)];
    (offset, [scale, scale])
}

/// West, south, east, north in degrees of a tile.
#[must_use]
pub fn bounds_lon_lat_deg((z, x, y): Address) -> [f64; 4] {
    let side = 0.5_f64.powi(i32::from(z));
    let [west, north] = place::lon_lat_deg_from_square(f64::from(x) * side, f64::from(y) * side);
    let [east, south] = place::lon_lat_deg_from_square(f64::from(x + 1) * side, f64::from(y + 1) * side);
    [west, south, east, north]
}

/// Metres that one of a tile's 256 pixels covers.
fn pixel_size_m(z: u8, lat_deg: f64) -> f64 {
    let around_m = 2.0 * std::f64::consts::PI * place::EARTH_RADIUS_M * lat_deg.to_radians().cos();
    around_m * 0.5_f64.powi(i32::from(z)) / 256.0
}

fn split(
    tree: &mut Tree<Address, GroundTile>,
    node: NodeIndex,
    heights: &[HeightLayer],
    drapes: &[DrapeLayer],
    range_m: [f64; 2],
) {
    let (z, x, y) = tree.nodes[node].source;
    let bounds = bounds_lon_lat_deg((z, x, y));
    let pyramids = heights.iter().map(|layer| (&layer.pyramid, layer.pyramid.max_zoom));
    let drapes = drapes.iter().map(|layer| (layer.drape.pyramid(), layer.drape.finest_zoom()));
    let finest = pyramids.chain(drapes).filter(|(pyramid, _)| pyramid.touches(bounds)).map(|(_, finest)| finest).max();
    if z >= finest.unwrap_or(0).max(BARE_ZOOM) {
        // Final until the layers change.
        return;
    }
    let range_m = match &tree.nodes[node].content {
        Content::Ready(tile) if z >= 8 => {
            let margin_m = 5.0 + (tile.range_m[1] - tile.range_m[0]) * 0.25;
            [tile.range_m[0] - margin_m, tile.range_m[1] + margin_m]
        }
        _ => range_m,
    };
    for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
        let child = (z + 1, 2 * x + dx, 2 * y + dy);
        let child_bounds = bounds_lon_lat_deg(child);
        let volume = if z < 3 {
            Volume::Sphere { center: DVec3::ZERO, radius_m: place::EARTH_RADIUS_M + range_m[1] }
        } else {
            Volume::of_region(child_bounds, range_m[0], range_m[1])
        };
        let error_m = pixel_size_m(z + 1, f64::midpoint(child_bounds[1], child_bounds[3]));
        tree.add(Some(node), child, volume, error_m, Refine::Replace, Content::Unloaded);
    }
}

#[cfg(test)]
#[path = "ground_tests.rs"]
mod tests;
