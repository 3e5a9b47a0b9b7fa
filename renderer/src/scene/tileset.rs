//! A streamed 3D Tiles tileset: its JSON becomes a tree, external tilesets are grafted on, contents come and go.
//!
//! Explicit tiling of 3D Tiles 1.0 and 1.1 only. Transforms are accumulated in f64 and every geometric error is scaled by
//! the largest scale of its tile's transform, as the specification asks.

use glam::{DMat4, DVec3};
use tiles::tileset::{BoundingVolume, Refine as WireRefine, Tile, Tileset};
use url::Url;

use super::camera::View;
use super::draw::Draw;
use super::selection::{self, Limits, Load, Selection};
use super::tree::{Content, NodeIndex, Refine, Tree};
use super::volume::Volume;
use crate::layer::Piece;

/// Where a node's content comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The content's address, if the node has content.
    pub url: Option<Url>,
    /// Whether the content is another tileset.
    pub is_tileset: bool,
    ecef_from_tile: DMat4,
}

/// A tileset being streamed.
pub struct StreamedTileset {
    tree: Tree<Source, Vec<Piece>>,
    limits: Limits,
    /// Contents that could not be loaded.
    pub failed: usize,
    /// Nodes whose descendants were dropped by the last traversal.
    pub kicked: usize,
}

/// More tiles than this in one tileset are not followed.
const MAX_TILES: usize = 2_000_000;

impl StreamedTileset {
    /// An empty tileset; `max_error_px` is the largest screen-space error that may stay on screen.
    #[must_use]
    pub fn new(max_error_px: f64) -> Self {
        Self {
            tree: Tree::default(),
            limits: Limits { max_error_px, loading_descendant_limit: 20 },
            failed: 0,
            kicked: 0,
        }
    }

    /// Whether the root is known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.tree.nodes.is_empty()
    }

    /// The root's volume.
    #[must_use]
    pub fn volume(&self) -> Option<Volume> {
        self.tree.nodes.first().map(|node| node.volume)
    }

    /// Adds a tileset's tiles: as the root, or under the node whose content it was. `url` resolves relative links.
    pub fn graft(&mut self, under: Option<NodeIndex>, tileset: &Tileset, url: &Url) {
        let (parent_transform, inherited) = under.map_or((DMat4::IDENTITY, Refine::Replace), |node| {
            let node = &self.tree.nodes[node];
            (node.source.ecef_from_tile, node.refine)
        });
        if let Some(under) = under {
            // From now on the node only leads to what was in it.
            self.tree.nodes[under].content = Content::Nothing;
            self.tree.nodes[under].expanded = true;
        }
        self.add(under, &tileset.root, parent_transform, inherited, url);
    }

    fn add(&mut self, parent: Option<NodeIndex>, tile: &Tile, parent_transform: DMat4, inherited: Refine, base: &Url) {
        let mut waiting = vec![(parent, tile, parent_transform, inherited)];
        while let Some((parent, tile, parent_transform, inherited)) = waiting.pop() {
            if self.tree.nodes.len() >= MAX_TILES {
                return;
            }
            let ecef_from_tile = parent_transform * DMat4::from_cols_array(&tile.parent_from_tile());
            let refine = tile.refine.map_or(inherited, |refine| match refine {
                WireRefine::Add => Refine::Add,
                WireRefine::Replace => Refine::Replace,
            });
            let volume = volume_in_ecef(&tile.bounding_volume, &ecef_from_tile);
            let scale = largest_scale(&ecef_from_tile);
            let mut contents = tile.all_contents();
            let first = contents.next();
            let link = |uri: &str| base.join(uri).ok();
            let url = first.and_then(|content| link(&content.uri));
            let is_tileset = first.is_some_and(tiles::tileset::Content::is_tileset);
            let state = if url.is_some() { Content::Unloaded } else { Content::Nothing };
            let error_m = tile.geometric_error * scale;
            let node =
                self.tree.add(parent, Source { url, is_tileset, ecef_from_tile }, volume, error_m, refine, state);
            self.tree.nodes[node].expanded = true;
            // Further contents of one tile are siblings drawn together with it.
            for content in contents {
                let Some(url) = link(&content.uri) else { continue };
                let source = Source { url: Some(url), is_tileset: content.is_tileset(), ecef_from_tile };
                let extra = self.tree.add(Some(node), source, volume, 0.0, refine, Content::Unloaded);
                self.tree.nodes[extra].expanded = true;
                if tile.children.is_empty() {
                    self.tree.nodes[node].refine = Refine::Add;
                }
            }
            waiting.extend(tile.children.iter().map(|child| (Some(node), child, ecef_from_tile, refine)));
        }
    }

    /// Chooses what to draw and what to load. `coarser` multiplies the allowed error.
    pub fn update(&mut self, view: &View, coarser: f64) -> Selection {
        let limits = Limits { max_error_px: self.limits.max_error_px * coarser, ..self.limits };
        let mut selected = selection::select(&mut self.tree, view, limits, &mut |_, _| {});
        self.kicked = selected.kicked;
        // A tileset within a tileset draws nothing until it is read, so it may not keep its elders waiting: load it first.
        for load in &mut selected.load {
            if self.tree.nodes[load.node].source.is_tileset {
                load.priority = f64::NEG_INFINITY;
            }
        }
        selected
    }

    /// Where a wanted node's content is.
    #[must_use]
    pub fn source(&self, load: &Load) -> Option<&Source> {
        self.tree.nodes.get(load.node).map(|node| &node.source)
    }

    /// Draws of one selected node.
    pub fn draws(&self, node: NodeIndex, opacity: f32) -> impl Iterator<Item = Draw> {
        let node = &self.tree.nodes[node];
        let pieces = match &node.content {
            Content::Ready(pieces) => pieces.as_slice(),
            _ => &[],
        };
        let spacing_m = node.geometric_error_m;
        pieces.iter().map(move |piece| match piece {
            Piece::Mesh { shape, picture, tile_from_local, base_color, lit } => Draw::Mesh {
                shape: shape.clone(),
                picture: picture.clone(),
                ecef_from_local: node.source.ecef_from_tile * *tile_from_local,
                base_color: *base_color,
                lit: *lit,
                opacity,
                draped: Vec::new(),
                planned: false,
            },
            Piece::Points { points, tile_from_local } => Draw::Points {
                points: points.clone(),
                ecef_from_local: node.source.ecef_from_tile * *tile_from_local,
                size_m: point_size_m(points, spacing_m),
                give_way: false,
                opacity,
            },
        })
    }

    /// Takes a node's content; `None` marks it failed.
    pub fn put(&mut self, node: NodeIndex, pieces: Option<Vec<Piece>>) {
        let frame = self.tree.frame;
        let Some(node) = self.tree.nodes.get_mut(node) else { return };
        if let Some(pieces) = pieces {
            node.bytes = pieces.iter().map(Piece::bytes).sum();
            node.content = Content::Ready(pieces);
            node.used_frame = frame;
        } else {
            node.content = Content::Failed;
            self.failed += 1;
        }
    }

    /// Bytes of loaded contents.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.tree.bytes()
    }

    /// Frees what this frame did not use, longest unused first, until `excess` bytes are gone; returns what was freed.
    pub fn evict(&mut self, excess: u64) -> u64 {
        let mut idle: Vec<_> = self.tree.evictable().collect();
        idle.sort_unstable();
        let mut freed = 0;
        for (_, node) in idle {
            if freed >= excess {
                break;
            }
            freed += self.tree.nodes[node].bytes;
            self.tree.unload(node);
        }
        freed
    }
}

/// Points of a node are about as far apart as an even spread over its flat extent makes them.
fn point_size_m(points: &super::draw::PointSet, geometric_error_m: f64) -> f32 {
    let (_, radius_m) = points.sphere();
    let area_m2 = (2.0 * radius_m).powi(2) / 2.0;
    let even_m = (area_m2 / points.points().len().max(1) as f64).sqrt();
    let size_m = if geometric_error_m > 0.0 { even_m.min(geometric_error_m.max(even_m * 0.25)) } else { even_m };
    (size_m * 1.3) as f32
}

fn largest_scale(matrix: &DMat4) -> f64 {
    [matrix.x_axis, matrix.y_axis, matrix.z_axis].into_iter().map(|axis| axis.truncate().length()).fold(0.0, f64::max)
}

/// A tile's bounding volume in ECEF.
pub(crate) fn volume_in_ecef(volume: &BoundingVolume, ecef_from_tile: &DMat4) -> Volume {
    match volume.transformed(&ecef_from_tile.to_cols_array()) {
        BoundingVolume::Box(numbers) => {
            let vector = |at: usize| DVec3::new(numbers[at], numbers[at + 1], numbers[at + 2]);
            Volume::Box { center: vector(0), half_axes: [vector(3), vector(6), vector(9)] }
        }
        BoundingVolume::Sphere([x, y, z, radius_m]) => Volume::Sphere { center: DVec3::new(x, y, z), radius_m },
        BoundingVolume::Region([west, south, east, north, low_m, high_m]) => {
            let east = if east < west { east + std::f64::consts::TAU } else { east };
            Volume::of_region([west, south, east, north].map(f64::to_degrees), low_m, high_m)
        }
    }
}
