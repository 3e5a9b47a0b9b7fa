//! Overlay of two polygon layers: who lies on whom, with areas and a matrix of classes.
//!
//! Every first parcel meets the second parcels that its box meets (R-tree, all cores), on one integer grid for the
//! whole job. What no other parcel covers is a patch too, so that areas add up. Patches under a threshold are marked
//! as slivers, never dropped: the reader decides. Which pairs of classes count as a conflict is not known here; that
//! is a table of its own code systems.
//!
//! Memory is bounded by partitions: each parcel and each pair belongs to exactly one square, by the corner of its box,
//! and is worked on whole, on the one grid. So any number of partitions gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use rstar::{
    AABB, RTree,
    primitives::{GeomWithData, Rectangle},
};
use serde::Serialize;

use crate::{
    AnalysisError, ParcelLayer, Polygon,
    boolean::{Rule, Shape, run},
    measure::Measure,
    shared::{Area, IntBox, Ruler, Scratch, shared},
    snap::{Grid, Snapped, area_of},
};

/// Name of this rule in results; changes when the same input may give another result.
pub const RULE: &str = "overlay/2";
/// A tenth of a millimetre, the tolerance that plan databases are intersected with.
pub const DEFAULT_SNAP_M: f64 = 0.0001;

/// How to overlay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OverlayOptions {
    /// Grid that every coordinate is rounded to, metres. Partitions of one job must use the same.
    pub snap_m: f64,
    /// Patches with less ellipsoidal area are marked as slivers, square metres.
    pub sliver_below_m2: f64,
    /// Whether patches carry their polygons, or areas only. Areas without polygons are those of the parcels on the grid;
    /// with polygons those of what is handed out, whose new corners are rounded to the grid as well.
    pub keep_geometry: bool,
    /// Whether ellipsoidal areas are wanted; they are 0 otherwise.
    pub ellipsoidal: bool,
    /// Whether what one layer has alone is wanted too; otherwise there are shared patches only.
    pub rest: bool,
    /// Squares per side that are worked on one after another; 0 for as many as the parcels ask for.
    pub partitions: u32,
}

impl Default for OverlayOptions {
    fn default() -> Self {
        Self {
            snap_m: DEFAULT_SNAP_M,
            sliver_below_m2: 0.0,
            keep_geometry: true,
            ellipsoidal: true,
            rest: true,
            partitions: 0,
        }
    }
}

/// Parcels of both layers that one partition is meant to hold.
const PARCELS_A_PARTITION: usize = 60_000;
/// Partitions per side that anyone can ask for.
const MOST_PARTITIONS: u32 = 256;

/// Result of [`overlay`].
#[derive(Debug, Clone, PartialEq)]
pub struct Overlay {
    /// [`RULE`].
    pub rule: &'static str,
    /// What was asked for.
    pub options: OverlayOptions,
    /// Totals of the first layer.
    pub first: LayerTotals,
    /// Totals of the second layer.
    pub second: LayerTotals,
    /// Patches: by first parcel, then second parcel; those of the second layer alone last.
    pub patches: Vec<OverlayPatch>,
    /// Totals by pair of classes, in the order of their codes; `None` is "no parcel there".
    pub matrix: BTreeMap<(Option<String>, Option<String>), PatchTotals>,
}

/// What two parcels share, or what one has alone.
#[derive(Debug, Clone, PartialEq)]
pub struct OverlayPatch {
    /// Index of the parcel in the first layer.
    pub first: Option<usize>,
    /// Index of the parcel in the second layer.
    pub second: Option<usize>,
    /// Area in the plane, square metres.
    pub plane_m2: f64,
    /// Area on the CGCS2000 ellipsoid, square metres.
    pub ellipsoidal_m2: f64,
    /// Whether it is below the threshold.
    pub sliver: bool,
    /// Its polygons, where asked for: outer rings anticlockwise, not closed.
    pub polygons: Vec<Polygon>,
}

/// Sums of patches.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct PatchTotals {
    /// Number of patches, slivers included.
    pub patches: usize,
    /// Plane square metres.
    pub plane_m2: f64,
    /// Ellipsoidal square metres.
    pub ellipsoidal_m2: f64,
    /// Number of slivers among them.
    pub slivers: usize,
    /// Ellipsoidal square metres of slivers among them.
    pub slivers_ellipsoidal_m2: f64,
}

/// One layer as a whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerTotals {
    /// [`ParcelLayer::source`].
    pub source: String,
    /// [`ParcelLayer::code_system`].
    pub code_system: String,
    /// Number of parcels.
    pub parcels: usize,
    /// Features that vanish on the grid or have no polygon.
    pub empty_parcels: usize,
    /// Sum of parcel areas in the plane, square metres.
    pub plane_m2: f64,
    /// Sum of parcel areas on the ellipsoid, square metres.
    pub ellipsoidal_m2: f64,
    /// Features whose rings crossed or covered each other and were resolved: each place counts once.
    pub mended_parcels: usize,
    /// Square metres of the plane that resolving changed, by amount.
    pub mended_m2: f64,
    /// Of the plane area, how much is under more than one parcel of the *other* layer and thus counted again in
    /// patches: 0 where the other layer does not overlap itself.
    pub counted_again_m2: f64,
}

impl PatchTotals {
    fn add(&mut self, patch: &OverlayPatch) {
        self.patches += 1;
        self.plane_m2 += patch.plane_m2;
        self.ellipsoidal_m2 += patch.ellipsoidal_m2;
        if patch.sliver {
            self.slivers += 1;
            self.slivers_ellipsoidal_m2 += patch.ellipsoidal_m2;
        }
    }
}

/// Overlays two layers of one plane.
pub fn overlay(first: &ParcelLayer, second: &ParcelLayer, options: &OverlayOptions) -> Result<Overlay, AnalysisError> {
    let grid = Grid::new(&[first, second], options.snap_m)?;
    let job = Job {
        measure: if options.ellipsoidal { Some(grid.measure(&first.crs)?) } else { None },
        grid,
        options: *options,
        layers: [first, second],
        boxes: [first, second].map(|layer| layer.parcels.par_iter().map(|parcel| grid.box_of(parcel)).collect()),
    };
    let trees = [0, 1].map(|side| tree_of(&job.boxes[side]));
    let all = job.boxes.iter().flatten().flatten().copied().reduce(joined).unwrap_or_default();
    let side = match options.partitions {
        0 => ((first.parcels.len() + second.parcels.len()) as f64 / PARCELS_A_PARTITION as f64).sqrt().ceil() as u32,
        wanted => wanted,
    };
    let tiling = Tiling { all, side: side.clamp(1, MOST_PARTITIONS) };
    let mut done =
        Done { cuts: [0, 1].map(|side| vec![Cut::default(); job.layers[side].parcels.len()]), pairs: Vec::new() };
    for tile in 0..tiling.side * tiling.side {
        job.partition(&tiling, tile, &trees, &mut done);
    }
    done.pairs.sort_unstable_by_key(|patch| (patch.first, patch.second));
    Ok(job.result(done))
}

type Tree = RTree<GeomWithData<Rectangle<[i32; 2]>, usize>>;

/// What all partitions of a job share.
struct Job<'a> {
    grid: Grid,
    measure: Option<Measure>,
    options: OverlayOptions,
    layers: [&'a ParcelLayer; 2],
    /// Boxes of the parcels; none where nothing is left on the grid.
    boxes: [Vec<Option<IntBox>>; 2],
}

/// One parcel by itself.
#[derive(Debug, Clone, Default)]
struct Cut {
    whole: Area,
    mended: Option<f64>,
    alone: Option<OverlayPatch>,
    empty: bool,
}

/// What is known so far.
struct Done {
    cuts: [Vec<Cut>; 2],
    pairs: Vec<OverlayPatch>,
}

/// Squares over everything; each holds its west and south side.
struct Tiling {
    all: IntBox,
    side: u32,
}

impl Tiling {
    fn tile_of(&self, corner: [i32; 2]) -> u32 {
        let index = |axis: usize| {
            let (from, to) = (i64::from(self.all[axis]), i64::from(self.all[axis + 2]));
            let index = (i64::from(corner[axis]) - from) * i64::from(self.side) / (to - from + 1);
            u32::try_from(index.max(0)).unwrap_or(0).min(self.side - 1)
        };
        index(1) * self.side + index(0)
    }

    /// A box that holds the tile, a unit more on each side.
    fn bounds(&self, tile: u32) -> IntBox {
        let side = i64::from(self.side);
        let edge = |axis: usize, n: u32| {
            let (from, to) = (i64::from(self.all[axis]), i64::from(self.all[axis + 2]));
            from + (to - from + 1) * i64::from(n) / side
        };
        let (x, y) = (tile % self.side, tile / self.side);
        let clamped = |v: i64| i32::try_from(v).unwrap_or(if v < 0 { i32::MIN } else { i32::MAX });
        [clamped(edge(0, x) - 1), clamped(edge(1, y) - 1), clamped(edge(0, x + 1) + 1), clamped(edge(1, y + 1) + 1)]
    }
}

impl Job<'_> {
    fn ruler(&self) -> Ruler<'_> {
        Ruler { frame: self.grid.frame, ground: self.measure.as_ref() }
    }

    /// Works on the parcels and pairs of one square.
    fn partition(&self, tiling: &Tiling, tile: u32, trees: &[Tree; 2], done: &mut Done) {
        let near = envelope(tiling.bounds(tile));
        let of_tile = [0, 1].map(|side| -> Vec<usize> {
            let mut found: Vec<usize> =
                trees[side].locate_in_envelope_intersecting(&near).map(|item| item.data).collect();
            found.sort_unstable();
            found
        });
        let own =
            |side: usize, index: usize| self.boxes[side][index].is_some_and(|b| tiling.tile_of([b[0], b[1]]) == tile);
        // Pairs of this square; where the rest is wanted, everything that a parcel of this square meets.
        let pairs: Vec<(usize, Vec<usize>)> = of_tile[0]
            .par_iter()
            .map(|&index| (index, self.met([0, index], &trees[1], own(0, index) && self.options.rest, tiling, tile)))
            .collect();
        let rests: Vec<(usize, Vec<usize>)> = if self.options.rest {
            of_tile[1]
                .par_iter()
                .filter(|&&index| own(1, index))
                .map(|&index| (index, self.met([1, index], &trees[0], true, tiling, tile)))
                .collect()
        } else {
            Vec::new()
        };
        let mut needed = [BTreeSet::new(), BTreeSet::new()];
        for (index, met) in &pairs {
            needed[0].insert(*index);
            needed[1].extend(met.iter().copied());
        }
        for (index, met) in &rests {
            needed[1].insert(*index);
            needed[0].extend(met.iter().copied());
        }
        for (side, needed) in needed.iter_mut().enumerate() {
            needed.extend(of_tile[side].iter().copied().filter(|index| own(side, *index)));
        }
        let snapped = [0, 1].map(|side| -> BTreeMap<usize, Snapped> {
            let needed: Vec<usize> = needed[side].iter().copied().collect();
            let snap = |index: usize| (index, self.grid.snap(&self.layers[side].parcels[index]));
            let snapped: Vec<(usize, Snapped)> = needed.into_par_iter().map(snap).collect();
            snapped.into_iter().collect()
        });

        let found: Vec<Vec<OverlayPatch>> = pairs
            .par_iter()
            .map_init(Scratch::default, |scratch, (index, met)| {
                let mut patches = Vec::new();
                for other in met {
                    if self.tile_of_pair([*index, *other], tiling) == Some(tile) {
                        let parcels = [&snapped[0][index], &snapped[1][other]];
                        patches.extend(self.pair([*index, *other], parcels, scratch));
                    }
                }
                patches
            })
            .collect();
        done.pairs.extend(found.into_iter().flatten());
        for side in [0, 1] {
            let met_of: BTreeMap<usize, &Vec<usize>> = match side {
                0 => pairs.iter().map(|(index, met)| (*index, met)).collect(),
                _ => rests.iter().map(|(index, met)| (*index, met)).collect(),
            };
            let mine: Vec<usize> = of_tile[side].iter().copied().filter(|index| own(side, *index)).collect();
            let cuts: Vec<(usize, Cut)> = mine
                .into_par_iter()
                .map(|index| {
                    let met = met_of.get(&index).map_or(&[][..], |met| met.as_slice());
                    let others = met.iter().filter_map(|other| snapped[1 - side].get(other));
                    (index, self.cut(side, index, &snapped[side][&index], &others.collect::<Vec<_>>()))
                })
                .collect();
            for (index, cut) in cuts {
                done.cuts[side][index] = cut;
            }
        }
    }

    /// Parcels of the other layer whose box meets this one's: all of them, or those whose pair is of the square.
    fn met(&self, [side, index]: [usize; 2], tree: &Tree, all: bool, tiling: &Tiling, tile: u32) -> Vec<usize> {
        let Some(own) = self.boxes[side][index] else { return Vec::new() };
        let near = if all { own } else { cut_box(own, tiling.bounds(tile)) };
        let mut met: Vec<usize> = tree
            .locate_in_envelope_intersecting(&envelope(near))
            .map(|item| item.data)
            .filter(|other| {
                let pair = if side == 0 { [index, *other] } else { [*other, index] };
                all || self.tile_of_pair(pair, tiling) == Some(tile)
            })
            .collect();
        met.sort_unstable();
        met
    }

    /// The square of a pair: that of the south-west corner of what their boxes share.
    fn tile_of_pair(&self, [first, second]: [usize; 2], tiling: &Tiling) -> Option<u32> {
        let (a, b) = (self.boxes[0][first]?, self.boxes[1][second]?);
        Some(tiling.tile_of([a[0].max(b[0]), a[1].max(b[1])]))
    }

    /// What two parcels share.
    fn pair(&self, [first, second]: [usize; 2], parcels: [&Snapped; 2], scratch: &mut Scratch) -> Option<OverlayPatch> {
        if self.options.keep_geometry {
            let shapes = run(parcels[0].rings.iter(), parcels[1].rings.iter(), Rule::Intersect);
            return self.patch([Some(first), Some(second)], &shapes);
        }
        let area = shared(&parcels[0].border, &parcels[1].border, &self.ruler(), scratch);
        (area.plane_m2 > 0.0).then(|| self.measured([Some(first), Some(second)], area, Vec::new()))
    }

    /// A parcel by itself: its area, and what no parcel of the other layer covers.
    fn cut(&self, side: usize, index: usize, parcel: &Snapped, others: &[&Snapped]) -> Cut {
        if parcel.rings.is_empty() {
            return Cut { empty: true, ..Cut::default() };
        }
        let of = if side == 0 { [Some(index), None] } else { [None, Some(index)] };
        let alone = self.options.rest.then(|| {
            let covers = others.iter().flat_map(|other| &other.rings);
            self.patch(of, &run(parcel.rings.iter(), covers, Rule::Difference))
        });
        Cut {
            whole: area_of(parcel.rings.iter(), &self.ruler()),
            mended: parcel.mended.map(|doubled| doubled as f64 / 2.0 * self.grid.frame.cell_m2()),
            alone: alone.flatten(),
            empty: false,
        }
    }

    /// Measures shapes; none where they hold nothing.
    fn patch(&self, of: [Option<usize>; 2], shapes: &[Shape]) -> Option<OverlayPatch> {
        if shapes.is_empty() {
            return None;
        }
        let area = area_of(shapes.iter().flatten(), &self.ruler());
        let polygons = if self.options.keep_geometry {
            shapes.iter().map(|shape| self.grid.polygon_in_plane(shape)).collect()
        } else {
            Vec::new()
        };
        Some(self.measured(of, area, polygons))
    }

    fn measured(&self, [first, second]: [Option<usize>; 2], area: Area, polygons: Vec<Polygon>) -> OverlayPatch {
        let Area { plane_m2, ellipsoidal_m2 } = area;
        let judged_m2 = if self.options.ellipsoidal { ellipsoidal_m2 } else { plane_m2 };
        let sliver = judged_m2 < self.options.sliver_below_m2;
        OverlayPatch { first, second, plane_m2, ellipsoidal_m2, sliver, polygons }
    }

    fn result(&self, done: Done) -> Overlay {
        let [first, second] = self.layers;
        let mut shared_m2 = [vec![0.0; first.parcels.len()], vec![0.0; second.parcels.len()]];
        for patch in &done.pairs {
            if let (Some(i), Some(j)) = (patch.first, patch.second) {
                shared_m2[0][i] += patch.plane_m2;
                shared_m2[1][j] += patch.plane_m2;
            }
        }
        let Done { cuts: [cuts_first, cuts_second], mut pairs } = done;
        let totals = [(first, &cuts_first, &shared_m2[0]), (second, &cuts_second, &shared_m2[1])]
            .map(|(layer, cuts, shared)| layer_totals(layer, cuts, shared, self.options.rest));
        // By first parcel: shared patches, then what it has alone.
        let alone = cuts_first.into_iter().filter_map(|cut| cut.alone);
        pairs.extend(alone);
        pairs.sort_by_key(|patch| (patch.first, patch.second.is_none(), patch.second));
        pairs.extend(cuts_second.into_iter().filter_map(|cut| cut.alone));
        let mut matrix: BTreeMap<_, PatchTotals> = BTreeMap::new();
        for patch in &pairs {
            let class = |layer: &ParcelLayer, index: Option<usize>| index.map(|i| layer.parcels[i].class.clone());
            matrix.entry((class(first, patch.first), class(second, patch.second))).or_default().add(patch);
        }
        let [first, second] = totals;
        Overlay { rule: RULE, options: self.options, first, second, patches: pairs, matrix }
    }
}

fn envelope(b: IntBox) -> AABB<[i32; 2]> {
    AABB::from_corners([b[0], b[1]], [b[2], b[3]])
}

fn joined(a: IntBox, b: IntBox) -> IntBox {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}

fn cut_box(a: IntBox, b: IntBox) -> IntBox {
    [a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]
}

fn tree_of(boxes: &[Option<IntBox>]) -> Tree {
    let items = boxes.iter().enumerate().filter_map(|(index, bounds)| {
        let [west, south, east, north] = (*bounds)?;
        Some(GeomWithData::new(Rectangle::from_corners([west, south], [east, north]), index))
    });
    RTree::bulk_load(items.collect())
}

fn layer_totals(layer: &ParcelLayer, cuts: &[Cut], shared_m2: &[f64], rest: bool) -> LayerTotals {
    let again = |(cut, shared): (&Cut, &f64)| {
        shared + cut.alone.as_ref().map_or(0.0, |patch| patch.plane_m2) - cut.whole.plane_m2
    };
    LayerTotals {
        source: layer.source.clone(),
        code_system: layer.code_system.clone(),
        parcels: layer.parcels.len(),
        empty_parcels: cuts.iter().filter(|cut| cut.empty || cut.whole.plane_m2 == 0.0).count(),
        plane_m2: cuts.iter().map(|cut| cut.whole.plane_m2).sum(),
        ellipsoidal_m2: cuts.iter().map(|cut| cut.whole.ellipsoidal_m2).sum(),
        mended_parcels: cuts.iter().filter(|cut| cut.mended.is_some()).count(),
        mended_m2: cuts.iter().filter_map(|cut| cut.mended).map(f64::abs).sum(),
        counted_again_m2: if rest { cuts.iter().zip(shared_m2).map(again).sum() } else { 0.0 },
    }
}
