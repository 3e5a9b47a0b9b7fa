//! Overlay of two polygon layers: who lies on whom, with areas and a matrix of classes.
//!
//! Every first parcel is cut with the second parcels its box meets (R-tree, all cores), on one integer grid for
//! the whole job. What no other parcel covers is a patch too, so that areas add up. Patches under a threshold are
//! marked as slivers, never dropped: the reader decides. Which pairs of classes count as a conflict is not known
//! here; that is a table of its own code systems.

use std::collections::BTreeMap;

use geodesy::{Crs, Transform, area};
use i_overlay::{
    core::{
        fill_rule::FillRule,
        overlay::{IntOverlayOptions, Overlay as Engine, ShapeType},
        overlay_rule::OverlayRule,
        solver::Solver,
    },
    i_float::int::point::IntPoint,
};
use rayon::prelude::*;
use rstar::{
    AABB, RTree,
    primitives::{GeomWithData, Rectangle},
};
use serde::Serialize;

use crate::{
    AnalysisError, ParcelLayer, Polygon,
    snap::{Grid, Snapped, doubled_area},
};

/// Name of this rule in results; changes when the same input may give another result.
pub const RULE: &str = "overlay/1";
/// A tenth of a millimetre, the tolerance that plan databases are intersected with.
pub const DEFAULT_SNAP_M: f64 = 0.0001;

/// How to overlay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OverlayOptions {
    /// Grid that every coordinate is rounded to, metres. Partitions of one job must use the same.
    pub snap_m: f64,
    /// Patches with less ellipsoidal area are marked as slivers, square metres.
    pub sliver_below_m2: f64,
    /// Whether patches carry their polygons, or areas only.
    pub keep_geometry: bool,
}

impl Default for OverlayOptions {
    fn default() -> Self {
        Self { snap_m: DEFAULT_SNAP_M, sliver_below_m2: 0.0, keep_geometry: true }
    }
}

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
    if first.crs != second.crs || !first.crs.is_projected() {
        return Err(AnalysisError::NotOnePlane {
            first: first.crs.name().to_owned(),
            second: second.crs.name().to_owned(),
        });
    }
    let job = Job {
        grid: Grid::new([first, second], options.snap_m)?,
        to_degrees: Transform::new(&first.crs, &Crs::cgcs2000())?,
        unit_m: first.crs.unit_m(),
        options: *options,
    };
    let snapped = [first, second].map(|layer| -> Vec<Option<Snapped>> {
        layer.parcels.par_iter().map(|parcel| job.grid.snap(parcel)).collect()
    });
    let [first_snapped, second_snapped] = &snapped;
    let (first_tree, second_tree) = rayon::join(|| tree_of(first_snapped), || tree_of(second_snapped));

    let cut_first: Vec<Cut> = first_snapped
        .par_iter()
        .enumerate()
        .map(|(index, parcel)| job.cut(index, parcel.as_ref(), second_snapped, &second_tree, Side::First))
        .collect::<Result<_, AnalysisError>>()?;
    let cut_second: Vec<Cut> = second_snapped
        .par_iter()
        .enumerate()
        .map(|(index, parcel)| job.cut(index, parcel.as_ref(), first_snapped, &first_tree, Side::Second))
        .collect::<Result<_, AnalysisError>>()?;

    // What the second layer's parcels share with the first is known from the first; areas of it are needed to see
    // what is counted again.
    let mut shared_of_second = vec![0.0; second.parcels.len()];
    for patch in cut_first.iter().flat_map(|cut| &cut.patches) {
        if let Some(index) = patch.second {
            shared_of_second[index] += patch.plane_m2;
        }
    }
    let shared_of_first: Vec<f64> = cut_first
        .iter()
        .map(|cut| cut.patches.iter().filter(|patch| patch.second.is_some()).map(|patch| patch.plane_m2).sum())
        .collect();
    let first_totals = layer_totals(first, &cut_first, &shared_of_first);
    let second_totals = layer_totals(second, &cut_second, &shared_of_second);

    let patches: Vec<OverlayPatch> = cut_first.into_iter().chain(cut_second).flat_map(|cut| cut.patches).collect();
    let mut matrix: BTreeMap<_, PatchTotals> = BTreeMap::new();
    for patch in &patches {
        let class = |layer: &ParcelLayer, index: Option<usize>| index.map(|i| layer.parcels[i].class.clone());
        matrix.entry((class(first, patch.first), class(second, patch.second))).or_default().add(patch);
    }
    Ok(Overlay { rule: RULE, options: *options, first: first_totals, second: second_totals, patches, matrix })
}

type Tree = RTree<GeomWithData<Rectangle<[i32; 2]>, usize>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    First,
    Second,
}

/// What all cuts of a job share.
struct Job {
    grid: Grid,
    to_degrees: Transform,
    unit_m: f64,
    options: OverlayOptions,
}

/// One parcel cut up.
struct Cut {
    patches: Vec<OverlayPatch>,
    plane_m2: f64,
    ellipsoidal_m2: f64,
    alone_m2: f64,
    empty: bool,
}

impl Job {
    /// Cuts a parcel with the other layer. From the first side come the shared patches and the rest, from the second
    /// the rest only.
    fn cut(
        &self,
        index: usize,
        parcel: Option<&Snapped>,
        others: &[Option<Snapped>],
        tree: &Tree,
        side: Side,
    ) -> Result<Cut, AnalysisError> {
        let mut cut = Cut { patches: Vec::new(), plane_m2: 0.0, ellipsoidal_m2: 0.0, alone_m2: 0.0, empty: true };
        let Some(parcel) = parcel else { return Ok(cut) };
        cut.empty = false;
        let envelope = AABB::from_corners(parcel.min, parcel.max);
        let mut met: Vec<usize> = tree.locate_in_envelope_intersecting(&envelope).map(|item| item.data).collect();
        met.sort_unstable();
        let met: Vec<(usize, &Snapped)> =
            met.into_iter().filter_map(|other| Some((other, others[other].as_ref()?))).collect();

        // The parcel itself, resolved on the grid: its area is what the patches must add up to.
        let whole = run(parcel, &[], OverlayRule::Subject);
        if let Some(patch) = self.patch(None, None, whole)? {
            cut.plane_m2 = patch.plane_m2;
            cut.ellipsoidal_m2 = patch.ellipsoidal_m2;
        }
        if side == Side::First {
            for (other, snapped) in &met {
                let shapes = run(parcel, &[snapped], OverlayRule::Intersect);
                cut.patches.extend(self.patch(Some(index), Some(*other), shapes)?);
            }
        }
        let covers: Vec<&Snapped> = met.iter().map(|(_, snapped)| *snapped).collect();
        let rest = run(parcel, &covers, OverlayRule::Difference);
        let (of_first, of_second) = match side {
            Side::First => (Some(index), None),
            Side::Second => (None, Some(index)),
        };
        if let Some(rest) = self.patch(of_first, of_second, rest)? {
            cut.alone_m2 = rest.plane_m2;
            cut.patches.push(rest);
        }
        Ok(cut)
    }

    /// Measures shapes; none where they hold nothing.
    fn patch(
        &self,
        first: Option<usize>,
        second: Option<usize>,
        shapes: Vec<Vec<Vec<IntPoint>>>,
    ) -> Result<Option<OverlayPatch>, AnalysisError> {
        let doubled: i128 = shapes.iter().flatten().map(|contour| doubled_area(contour)).sum();
        if doubled <= 0 {
            return Ok(None);
        }
        let mut ellipsoidal_m2 = 0.0;
        let mut polygons = Vec::new();
        for shape in shapes {
            let mut rings = shape.iter().map(|contour| self.grid.ring_in_plane(contour));
            let Some(exterior) = rings.next() else { continue };
            let polygon = Polygon { exterior, holes: rings.collect() };
            ellipsoidal_m2 += area::ellipsoidal_area_of_ring_m2(&polygon.exterior, &self.to_degrees)?;
            for hole in &polygon.holes {
                ellipsoidal_m2 -= area::ellipsoidal_area_of_ring_m2(hole, &self.to_degrees)?;
            }
            if self.options.keep_geometry {
                polygons.push(polygon);
            }
        }
        Ok(Some(OverlayPatch {
            first,
            second,
            plane_m2: self.grid.area_in_plane(doubled) * self.unit_m * self.unit_m,
            ellipsoidal_m2,
            sliver: ellipsoidal_m2 < self.options.sliver_below_m2,
            polygons,
        }))
    }
}

/// Runs the engine on integers.
fn run(subject: &Snapped, clips: &[&Snapped], rule: OverlayRule) -> Vec<Vec<Vec<IntPoint>>> {
    let points = |snapped: &Snapped| snapped.contours.iter().map(Vec::len).sum::<usize>();
    let capacity = points(subject) + clips.iter().map(|clip| points(clip)).sum::<usize>();
    let options = IntOverlayOptions { ogc: true, ..IntOverlayOptions::default() };
    let mut engine = Engine::new_custom(capacity, options, Solver::default());
    engine.add_contours(&subject.contours, ShapeType::Subject);
    for clip in clips {
        engine.add_contours(&clip.contours, ShapeType::Clip);
    }
    // Rings are turned outer left, inner right, so that parts that overlap stay filled.
    let mut shapes = engine.overlay(rule, FillRule::NonZero);
    // OGC mode returns a hole that touches the outer ring the wrong way round (`i_overlay` 4.5.2).
    for shape in &mut shapes {
        for (i, contour) in shape.iter_mut().enumerate() {
            if (doubled_area(contour) > 0) != (i == 0) {
                contour.reverse();
            }
        }
    }
    shapes
}

fn tree_of(snapped: &[Option<Snapped>]) -> Tree {
    let boxes = snapped.iter().enumerate().filter_map(|(index, parcel)| {
        let parcel = parcel.as_ref()?;
        Some(GeomWithData::new(Rectangle::from_corners(parcel.min, parcel.max), index))
    });
    RTree::bulk_load(boxes.collect())
}

fn layer_totals(layer: &ParcelLayer, cuts: &[Cut], shared_m2: &[f64]) -> LayerTotals {
    let again = |(cut, shared): (&Cut, &f64)| shared + cut.alone_m2 - cut.plane_m2;
    LayerTotals {
        source: layer.source.clone(),
        code_system: layer.code_system.clone(),
        parcels: layer.parcels.len(),
        empty_parcels: cuts.iter().filter(|cut| cut.empty).count(),
        plane_m2: cuts.iter().map(|cut| cut.plane_m2).sum(),
        ellipsoidal_m2: cuts.iter().map(|cut| cut.ellipsoidal_m2).sum(),
        counted_again_m2: cuts.iter().zip(shared_m2).map(again).sum(),
    }
}
