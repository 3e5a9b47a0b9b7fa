//! One tile from a feature set: simplify, round, clip, repair, and drop the smallest features when it is too large.

use geodesy::grid::{TileCoord, TileMatrixSet};

use super::clip::{GridBox, GridPoint};
use super::feature_set::{Member, Shape, ShapeKind};
use super::repair::Repair;
use super::{
    EXTENT, Feature, FeatureSet, TileFeature, TileGeometry, TileLayer, TilePoint, doubled_ring_area, encode,
    label_layer,
};
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
    /// Polygons of a smaller area get no label point below the largest zoom, in square tile units: a label has no room.
    pub min_label_area: f64,
    /// The same at the largest zoom, which is magnified without end.
    pub max_zoom_min_label_area: f64,
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
            // A word of two characters takes 24 x 12 pixels; just before the next zoom a pixel is 4 units.
            min_label_area: 2048.0,
            max_zoom_min_label_area: 0.0,
            max_bytes: 1_000_000,
        }
    }
}

impl CutOptions {
    /// The tolerance at a zoom, in tile units.
    pub(super) fn tolerance_at(&self, zoom: u8, max_zoom: u8) -> f64 {
        if zoom < max_zoom { self.tolerance } else { self.max_zoom_tolerance }
    }

    /// The area from which polygons are labelled at a zoom, in square tile units.
    fn min_label_area_at(&self, zoom: u8, max_zoom: u8) -> f64 {
        if zoom < max_zoom { self.min_label_area } else { self.max_zoom_min_label_area }
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
        let shapes: Vec<(&Member, Shape)> = self
            .members
            .iter()
            .filter(|member| keep.touches(&coarser(&member.hull, shift)))
            .filter_map(|member| Some((member, member.shape(tolerance, shift)?.clip(&keep)?)))
            .collect();
        let pieces = shapes.iter().map(|(member, shape)| (*member, shape)).collect();
        Cutter { layer, tile, max_zoom: self.max_zoom, shift, options }.cut(pieces)
    }
}

/// A box of fine steps on a grid `shift` bits coarser, widened for the rounding.
pub(super) fn coarser(hull: &GridBox, shift: u32) -> GridBox {
    GridBox { min: hull.min.map(|v| v >> shift), max: hull.max.map(|v| (v >> shift) + 1) }
}

/// Makes one tile of shapes that were clipped to its box.
pub(super) struct Cutter<'a> {
    pub(super) layer: &'a str,
    pub(super) tile: TileCoord,
    pub(super) max_zoom: u8,
    /// Bits between the fine grid and the tile's units.
    pub(super) shift: u32,
    pub(super) options: &'a CutOptions,
}

/// A feature of the tile, and its label point where that lies in the tile.
struct Labelled {
    feature: TileFeature,
    label: Option<TilePoint>,
}

/// A feature with what decides whether it stays: area, length, or a spread-out number for points.
struct Sized<T> {
    size: f64,
    cost: usize,
    item: T,
}

impl Cutter<'_> {
    /// The tile, within its size; `None` when nothing is left to draw.
    pub(super) fn cut(&self, pieces: Vec<(&Member, &Shape)>) -> Result<Option<CutTile>, TilesError> {
        let all = pieces.len();
        let pieces = (0..).zip(pieces).map(|(index, (member, shape))| Sized {
            size: shape.size(index),
            // What a feature takes at the very least; the rest is known once it is encoded.
            cost: 6 + 2 * (shape.vertex_count() + member.properties.len()),
            item: (member, shape),
        });
        let pieces = keep_largest(pieces.collect(), 2 * self.options.max_bytes);
        let mut dropped = all - pieces.len();
        let mut repair = Repair::new();
        let mut features: Vec<Sized<Labelled>> = pieces
            .into_iter()
            .filter_map(|piece| {
                let (member, shape) = piece.item;
                let (geometry, size) = self.geometry(shape, piece.size, &mut repair)?;
                let properties = std::sync::Arc::clone(&member.properties);
                let feature = TileFeature { id: member.id, properties, geometry };
                Some(Sized { size, cost: cost(&feature), item: Labelled { feature, label: self.label(member) } })
            })
            .collect();
        while !features.is_empty() {
            let count = features.len();
            let (sizes, items): (Vec<_>, Vec<_>) =
                features.into_iter().map(|feature| ((feature.size, feature.cost), feature.item)).unzip();
            let (list, mut labels): (Vec<_>, Vec<_>) = items.into_iter().map(|item| (item.feature, item.label)).unzip();
            let mut layers = self.layers(list, &labels);
            let mut bytes = encode(&layers)?;
            if bytes.len() > self.options.max_bytes && layers.len() > 1 {
                // A plan without its labels is whole, one without some of its parcels is not.
                layers.truncate(1);
                labels.fill(None);
                bytes = encode(&layers)?;
            }
            if bytes.len() <= self.options.max_bytes || count == 1 {
                return Ok((!bytes.is_empty()).then_some(CutTile { bytes, features: count, dropped }));
            }
            let list = layers.swap_remove(0).features.into_iter().zip(labels);
            let rest = list.map(|(feature, label)| Labelled { feature, label }).zip(sizes);
            let rest: Vec<_> = rest.map(|(item, (size, cost))| Sized { size, cost, item }).collect();
            // A little less than the share that fits, as names and values are shared between features.
            let total: usize = rest.iter().map(|feature| feature.cost).sum();
            let share = self.options.max_bytes as f64 / bytes.len() as f64 * 0.95;
            features = keep_largest(rest, (total as f64 * share) as usize);
            dropped += count - features.len();
        }
        Ok(None)
    }

    /// The features and, where there are any, the label points, as the tile's layers.
    fn layers(&self, list: Vec<TileFeature>, labels: &[Option<TilePoint>]) -> Vec<TileLayer> {
        let points: Vec<TileFeature> = list
            .iter()
            .zip(labels)
            .filter_map(|(feature, label)| {
                let properties = std::sync::Arc::clone(&feature.properties);
                Some(TileFeature { id: feature.id, properties, geometry: TileGeometry::Points(vec![(*label)?]) })
            })
            .collect();
        let layer = |name, features| TileLayer { name, extent: EXTENT, features };
        let mut layers = vec![layer(self.layer.to_owned(), list)];
        if !points.is_empty() {
            layers.push(layer(label_layer(self.layer), points));
        }
        layers
    }

    /// The label point of a polygon in tile units, in the one tile that it lies in.
    fn label(&self, member: &Member) -> Option<TilePoint> {
        let extent = i64::from(EXTENT);
        let corner = [self.tile.x, self.tile.y].map(|index| i64::from(index) * extent);
        let tile = GridBox { min: corner, max: corner.map(|v| v + extent) };
        if !tile.touches(&coarser(&member.hull, self.shift)) {
            return None;
        }
        let min_area = self.options.min_label_area_at(self.tile.z, self.max_zoom);
        let anchor = member.label_anchor(self.shift, min_area)?;
        let local = [anchor[0] - corner[0], anchor[1] - corner[1]];
        local.iter().all(|v| (0..extent).contains(v)).then(|| local.map(|v| v as i32))
    }

    /// A shape in tile units with its size; `None` when nothing of it is left.
    fn geometry(&self, shape: &Shape, size: f64, repair: &mut Repair) -> Option<(TileGeometry, f64)> {
        let corner = [self.tile.x, self.tile.y].map(|index| i64::from(index) * i64::from(EXTENT));
        let local = |path: &Vec<GridPoint>| -> Vec<TilePoint> {
            path.iter().map(|point| [(point[0] - corner[0]) as i32, (point[1] - corner[1]) as i32]).collect()
        };
        let (geometry, size) = match &shape.kind {
            ShapeKind::Points(points) => (TileGeometry::Points(local(points)), size),
            ShapeKind::Lines(lines) => (TileGeometry::Lines(lines.iter().map(local).collect()), size),
            ShapeKind::Polygons(polygons) => {
                let polygons: Vec<Vec<_>> =
                    polygons.iter().map(|polygon| polygon.iter().map(local).collect()).collect();
                let polygons = repair.polygons(&polygons);
                let doubled: i64 = polygons.iter().flatten().map(|ring| doubled_ring_area(ring)).sum();
                let area = doubled as f64 / 2.0;
                // Whole features only: dropping a sliver of a larger one would open a gap beside its neighbour.
                if self.tile.z < self.max_zoom && area < self.options.min_area {
                    return None;
                }
                (TileGeometry::Polygons(polygons), area)
            }
        };
        (geometry.vertex_count() > 0).then_some((geometry, size))
    }
}

/// Keeps the largest features that together cost at most `allowed`, in their order; the largest always stays, and when
/// something has to go the smallest does.
fn keep_largest<T>(features: Vec<Sized<T>>, allowed: usize) -> Vec<Sized<T>> {
    if features.iter().map(|feature| feature.cost).sum::<usize>() <= allowed {
        return features;
    }
    let mut order: Vec<usize> = (0..features.len()).collect();
    order.sort_by(|a, b| features[*b].size.total_cmp(&features[*a].size).then(a.cmp(b)));
    let mut stays = vec![false; features.len()];
    let mut spent = 0;
    for (rank, index) in order.into_iter().enumerate() {
        spent += features[index].cost;
        if rank > 0 && spent > allowed {
            break;
        }
        stays[index] = true;
    }
    features.into_iter().zip(stays).filter_map(|(feature, stays)| stays.then_some(feature)).collect()
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
