//! What is wrong with the ground of a layer: claimed twice, left empty, or outside of what it should cover.

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::Least;
use crate::{
    FoundPatch, LoadedLayer,
    boolean::{self, Rule, Shape},
    figures::{Areas, Figures},
    index::BoxIndex,
    shared::{Area, Ruler, Scratch, shared},
    snap::{Grid, Snapped, area_of},
};

/// A layer being looked at.
pub(super) struct Looked<'a> {
    pub(super) role: &'a str,
    pub(super) loaded: &'a LoadedLayer,
    pub(super) grid: &'a Grid,
    pub(super) ruler: &'a Ruler<'a>,
    pub(super) least: Least,
}

/// Faults of one kind.
#[derive(Default)]
pub(super) struct Faults {
    pub(super) patches: Vec<FoundPatch>,
    pub(super) total: Figures,
    /// Ground in places too small to be listed, square metres of the plane.
    pub(super) hairs_m2: f64,
}

impl Faults {
    /// Their rows: what is known of each.
    pub(super) fn rows(&self) -> Vec<Value> {
        self.patches.iter().map(|patch| Value::Object(patch.properties.clone())).collect()
    }

    /// Their number and ground.
    pub(super) fn total_json(&self) -> Map<String, Value> {
        let mut total = Map::new();
        total.insert("patches".to_owned(), self.patches.len().into());
        self.total.put_m2(&mut total);
        total
    }
}

impl Looked<'_> {
    /// Whether rings crossed by more than rounding does.
    pub(super) fn is_crossing(&self, feature: &Snapped) -> bool {
        let changed = feature.mended.map_or(0, i128::unsigned_abs);
        changed as f64 / 2.0 * self.ruler.frame.cell_m2() > self.least.overlap_m2
    }

    /// Ground that two features claim.
    pub(super) fn overlaps(&self, snapped: &[Snapped]) -> Faults {
        let index = BoxIndex::new(snapped.iter().map(|shape| shape.border.bounds));
        let pairs: Vec<(usize, usize, f64)> = (0..snapped.len())
            .into_par_iter()
            .map_init(Scratch::default, |scratch, first| {
                let own = &snapped[first].border;
                let near = index.meeting(own.bounds).into_iter().filter(|second| *second > first);
                near.map(|second| (first, second, shared(own, &snapped[second].border, self.ruler, scratch).plane_m2))
                    .filter(|(.., plane_m2)| *plane_m2 > 0.0)
                    .collect::<Vec<_>>()
            })
            .flatten()
            .collect();
        let mut faults = Faults::default();
        for (first, second, plane_m2) in pairs {
            if plane_m2 <= self.least.overlap_m2 {
                faults.hairs_m2 += plane_m2;
                continue;
            }
            let places = boolean::run(snapped[first].rings.iter(), snapped[second].rings.iter(), Rule::Intersect);
            let mut ids = [self.id_of(first), self.id_of(second)];
            ids.sort();
            self.add(&mut faults, "overlap", self.least.overlap_m2, places, &ids);
        }
        faults
    }

    /// Holes that the layer leaves inside of its own outline.
    pub(super) fn holes(&self, covered: &[Shape]) -> Faults {
        let turned = |hole: &Vec<_>| -> Shape { vec![hole.iter().rev().copied().collect()] };
        let holes: Vec<Shape> = covered.iter().flat_map(|shape| shape.iter().skip(1)).map(turned).collect();
        // Features that stand in a hole, touching nothing, are no gap.
        let empty = boolean::difference(&holes, covered);
        let mut faults = Faults::default();
        self.add(&mut faults, "gap", self.least.gap_m2, empty, &[]);
        faults
    }

    /// Ground of the first that the second has not, one patch for each piece.
    pub(super) fn beyond(&self, kind: &str, first: &[Shape], second: &[Shape]) -> Faults {
        let mut faults = Faults::default();
        self.add(&mut faults, kind, self.least.gap_m2, boolean::difference(first, second), &[]);
        faults
    }

    fn add(&self, faults: &mut Faults, kind: &str, least_m2: f64, places: Vec<Shape>, ids: &[String]) {
        for place in places {
            let Area { plane_m2, ellipsoidal_m2 } = area_of(place.iter(), self.ruler);
            if plane_m2 <= least_m2 {
                faults.hairs_m2 += plane_m2;
                continue;
            }
            let figures = Figures::of(Areas { plane_m2, ellipsoidal_m2 });
            let mut properties = Map::new();
            for (name, value) in [
                ("kind", json!(kind)),
                ("role", json!(self.role)),
                ("dataset", json!(self.loaded.dataset)),
                ("revision", json!(self.loaded.revision)),
                ("source_ids", json!(ids)),
            ] {
                properties.insert(name.to_owned(), value);
            }
            figures.put_m2(&mut properties);
            faults.total = [faults.total, figures].into_iter().sum();
            let id = format!("{}-{kind}-{:05}", self.role, faults.patches.len() + 1);
            faults.patches.push(FoundPatch {
                id,
                properties,
                polygons: vec![self.grid.polygon_in_plane(&place)],
                ..FoundPatch::default()
            });
        }
    }

    fn id_of(&self, index: usize) -> String {
        let parcel = &self.loaded.layer.parcels[index];
        if parcel.source_id.is_empty() { parcel.id.clone() } else { parcel.source_id.clone() }
    }
}
