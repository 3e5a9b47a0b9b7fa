//! One tile from a feature set: simplify, round, clip, repair, and drop the smallest features when it is too large.

use geodesy::grid::{TileCoord, TileMatrixSet};

use super::clip::GridBox;
use super::feature_set::{Member, Shape, ShapeKind};
use super::repair::Repair;
use super::{EXTENT, Feature, FeatureSet, TileFeature, TileGeometry, TileLayer, TilePoint, encode};
use crate::TilesError;

/// How tiles are cut.
#[derive(Debug, Clone, PartialEq)]
pub struct CutOptions {
    /// Width around the tile that is kept, in tile units (4096 to a side), so that lines, symbols and labels join.
    pub buffer: u32,
    /// How far a border may move below the largest zoom, in tile units.
    pub tolerance: f64,
    /// How far a border may move at the largest zoom, in tile units.
    pub max_zoom_tolerance: f64,
    /// Features of a smaller area are left out below the largest zoom, in square tile units.
    pub min_area: f64,
    /// Uncompressed size of a tile from which its smallest features are dropped.
    pub max_bytes: usize,
}

impl Default for CutOptions {
    fn default() -> Self {
        Self {
            buffer: 128,
            // At 512 pixels to a tile, 8 units are one pixel.
            tolerance: 3.0,
            max_zoom_tolerance: 0.25,
            min_area: 4.0,
            max_bytes: 1_000_000,
        }
    }
}

impl CutOptions {
    /// The tolerance at a zoom, in tile units.
    pub(super) fn tolerance_at(&self, zoom: u8, max_zoom: u8) -> f64 {
        if zoom < max_zoom { self.tolerance } else { self.max_zoom_tolerance }
    }

    /// A tile with its buffer, on the grid of its zoom.
    pub(super) fn kept_box(&self, tile: TileCoord, levels_down: u32) -> GridBox {
        let extent = i64::from(EXTENT) << levels_down;
        let buffer = i64::from(self.buffer);
        let corner = [i64::from(tile.x) * extent, i64::from(tile.y) * extent];
        GridBox { min: corner.map(|v| v - buffer), max: corner.map(|v| v + extent + buffer) }
    }
}

/// An encoded tile.
#[derive(Debug, Clone, PartialEq)]
pub struct CutTile {
    /// Uncompressed MVT.
    pub bytes: Vec<u8>,
    /// Features in it.
    pub features: usize,
    /// Features left out to keep the size.
    pub dropped: usize,
}

/// Cuts one tile from the features near it; `None` when nothing is in it.
///
/// The features' coordinates are in the grid's CRS. For a tile of a set that is at hand, [`FeatureSet::tile`] is cheaper.
///
/// # Errors
/// When an id is not below [`super::MAX_ID`].
pub fn cut_tile(
    grid: TileMatrixSet,
    tile: TileCoord,
    layer: &str,
    features: impl IntoIterator<Item = Feature>,
    options: &CutOptions,
) -> Result<Option<CutTile>, TilesError> {
    // The tile's zoom is the set's largest, so borders keep to a fraction of a unit: the tile next to this one is cut
    // from other features, and nothing else would keep their seams together.
    FeatureSet::new(grid, tile.z, features).tile(layer, tile, options)
}

impl FeatureSet {
    /// Cuts one tile; `None` when nothing is in it or its zoom is over [`Self::max_zoom`].
    ///
    /// # Errors
    /// When an id is not below [`super::MAX_ID`].
    pub fn tile(&self, layer: &str, tile: TileCoord, options: &CutOptions) -> Result<Option<CutTile>, TilesError> {
        if tile.z > self.max_zoom {
            return Ok(None);
        }
        let keep = options.kept_box(tile, 0);
        let tolerance = options.tolerance_at(tile.z, self.max_zoom);
        let shift = self.shift(tile.z);
        let mut cutter = Cutter::new(layer, tile, self.max_zoom, options);
        for member in &self.members {
            if !keep.touches(&coarser(&member.hull, shift)) {
                continue;
            }
            if let Some(shape) = member.shape(tolerance, shift).and_then(|shape| shape.clip(&keep)) {
                cutter.add(member, &shape);
            }
        }
        cutter.finish()
    }
}

/// A box of fine steps on a grid `shift` bits coarser, widened for the rounding.
pub(super) fn coarser(hull: &GridBox, shift: u32) -> GridBox {
    GridBox { min: hull.min.map(|v| v >> shift), max: hull.max.map(|v| (v >> shift) + 1) }
}

/// Collects the features of one tile.
pub(super) struct Cutter<'a> {
    options: &'a CutOptions,
    tile: TileCoord,
    min_area: f64,
    repair: Repair,
    layer: TileLayer,
    /// What decides which features go first: area, length, or a spread-out number for points.
    sizes: Vec<f64>,
}

impl<'a> Cutter<'a> {
    pub(super) fn new(layer: &str, tile: TileCoord, max_zoom: u8, options: &'a CutOptions) -> Self {
        Self {
            options,
            tile,
            min_area: if tile.z < max_zoom { options.min_area } else { 0.0 },
            repair: Repair::new(),
            layer: TileLayer { name: layer.to_owned(), extent: EXTENT, features: Vec::new() },
            sizes: Vec::new(),
        }
    }

    /// Adds a shape that was clipped to the tile's box.
    pub(super) fn add(&mut self, member: &Member, shape: &Shape) {
        let extent = i64::from(EXTENT);
        let corner = [i64::from(self.tile.x) * extent, i64::from(self.tile.y) * extent];
        let local = |path: &Vec<[i64; 2]>| -> Vec<TilePoint> {
            path.iter().map(|point| [(point[0] - corner[0]) as i32, (point[1] - corner[1]) as i32]).collect()
        };
        let (geometry, size) = match &shape.kind {
            ShapeKind::Points(points) => {
                let points = local(points);
                let rank = spread(points.first().copied().unwrap_or_default(), self.sizes.len());
                (TileGeometry::Points(points), rank)
            }
            ShapeKind::Lines(lines) => {
                let lines: Vec<_> = lines.iter().map(local).collect();
                let length = lines.iter().map(|line| length(line)).sum();
                (TileGeometry::Lines(lines), length)
            }
            ShapeKind::Polygons(polygons) => {
                let polygons: Vec<Vec<_>> =
                    polygons.iter().map(|polygon| polygon.iter().map(local).collect()).collect();
                let mut polygons = self.repair.polygons(&polygons);
                let doubled: i64 = polygons.iter().flatten().map(|ring| super::doubled_ring_area(ring)).sum();
                let area = doubled as f64 / 2.0;
                // Whole features only: dropping a sliver of a larger one would open a gap beside its neighbour.
                if area < self.min_area {
                    polygons.clear();
                }
                (TileGeometry::Polygons(polygons), area)
            }
        };
        if geometry.vertex_count() > 0 {
            self.layer.features.push(TileFeature {
                id: member.id,
                properties: std::sync::Arc::clone(&member.properties),
                geometry,
            });
            self.sizes.push(size);
        }
    }

    /// Encodes the tile within its size.
    pub(super) fn finish(mut self) -> Result<Option<CutTile>, TilesError> {
        if self.layer.features.is_empty() {
            return Ok(None);
        }
        let all = self.layer.features.len();
        loop {
            let bytes = encode(std::slice::from_ref(&self.layer))?;
            let features = self.layer.features.len();
            if bytes.len() <= self.options.max_bytes || features == 1 {
                return Ok((!bytes.is_empty()).then_some(CutTile { bytes, features, dropped: all - features }));
            }
            self.drop_smallest(bytes.len());
        }
    }

    /// Drops the smallest features, until the rest should fit; at least one goes.
    fn drop_smallest(&mut self, bytes: usize) {
        let costs: Vec<usize> = self.layer.features.iter().map(cost).collect();
        let total: usize = costs.iter().sum();
        // A little less than the share that fits, as names and values are shared between features.
        let share = self.options.max_bytes as f64 / bytes as f64 * 0.95;
        let allowed = (total as f64 * share) as usize;
        let mut order: Vec<usize> = (0..costs.len()).collect();
        order.sort_by(|a, b| self.sizes[*b].total_cmp(&self.sizes[*a]).then(a.cmp(b)));
        order.truncate(order.len() - 1);
        let mut keeps = vec![false; costs.len()];
        let mut spent = 0;
        for (rank, index) in order.into_iter().enumerate() {
            spent += costs[index];
            if rank > 0 && spent > allowed {
                break;
            }
            keeps[index] = true;
        }
        let mut kept = keeps.iter();
        self.layer.features.retain(|_| kept.next() == Some(&true));
        let mut kept = keeps.iter();
        self.sizes.retain(|_| kept.next() == Some(&true));
    }
}

/// About how many bytes a feature takes.
fn cost(feature: &TileFeature) -> usize {
    let text: usize = feature
        .properties
        .iter()
        .map(|(_, value)| match value {
            super::Value::Text(text) => text.len(),
            _ => 4,
        })
        .sum();
    8 + 3 * feature.geometry.vertex_count() + text / 2 + 4 * feature.properties.len()
}

fn length(line: &[TilePoint]) -> f64 {
    line.windows(2)
        .map(|ends| {
            let [dx, dy] = [0, 1].map(|axis| f64::from(ends[1][axis] - ends[0][axis]));
            dx.hypot(dy)
        })
        .sum()
}

/// A number in 0..1 that spreads points evenly, so that thinning leaves an even cover (multiplicative hashing).
fn spread(point: TilePoint, index: usize) -> f64 {
    let seed =
        (u64::from(point[0].cast_unsigned()) << 32) | u64::from(point[1].cast_unsigned()) ^ ((index as u64) << 16);
    let mixed = (seed ^ (seed >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}
