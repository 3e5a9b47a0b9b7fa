//! Two epochs on screen: which datasets belong to which, and what of the scene each of them has.
//!
//! A dataset whose revision is the same in both is one layer, loaded once and seen in both; one that changed is two layers
//! of one slug, shown and hidden together. Each epoch has its own ground, since heights differ; rasters, pictures and
//! models are loaded once by lane and shared.

use std::sync::Arc;

use super::{Layer, State, Viewer};
use crate::error::ViewError;
use crate::layer::Drape;
use crate::scene::draw::DrawList;
use crate::scene::ground::Ground;
use crate::scene::timeline;
use crate::service::{Dataset, Pyramid};

/// One of two epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Epoch {
    /// The earlier one.
    Before,
    /// The one shown where nothing is compared.
    After,
}

/// In which of two epochs a layer is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// In both.
    #[default]
    Both,
    /// In the earlier one only.
    Before,
    /// In the later one only.
    After,
}

impl Side {
    /// Whether an epoch has it.
    #[must_use]
    pub fn is_in(self, epoch: Epoch) -> bool {
        !matches!((self, epoch), (Self::Before, Epoch::After) | (Self::After, Epoch::Before))
    }
}

/// How two epochs are seen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Compare {
    /// Only the later one is.
    #[default]
    Off,
    /// One picture, parted at this part of the map's width: left of it is before, right of it after.
    Swipe(f32),
    /// Beside each other, under one camera.
    Linked,
}

/// The earlier epoch.
pub(super) struct Earlier {
    /// The moment, RFC 3339 or a date.
    pub(super) datetime: String,
    /// Its ground.
    pub(super) ground: Ground,
}

/// Every dataset with the side it is seen on: those of the later moment in their order, and after each its elder.
/// `only` puts datasets on one side by name, whatever their dates.
pub(super) fn sided(
    after: Vec<Dataset>,
    before: Option<Vec<Dataset>>,
    only: &std::collections::BTreeMap<String, Side>,
) -> Vec<(Dataset, Side)> {
    let Some(mut before) = before else { return after.into_iter().map(|dataset| (dataset, Side::Both)).collect() };
    let mut out = Vec::new();
    for dataset in after {
        let elder = before.iter().position(|other| other.slug == dataset.slug).map(|at| before.remove(at));
        let is_same = elder.as_ref().is_some_and(|elder| revision_id(elder) == revision_id(&dataset));
        match (only.get(&dataset.slug), elder) {
            (Some(Side::Before), Some(elder)) if !is_same => out.push((elder, Side::Before)),
            (Some(side), _) => out.push((dataset, *side)),
            (None, _) if is_same || dataset.live => out.push((dataset, Side::Both)),
            (None, None) => out.push((dataset, Side::After)),
            (None, Some(elder)) => {
                out.push((dataset, Side::After));
                out.push((elder, Side::Before));
            }
        }
    }
    // What had ceased to be by the later moment.
    out.extend(before.into_iter().map(|elder| (elder, Side::Before)));
    out
}

pub(super) fn revision_id(dataset: &Dataset) -> Option<&serde_json::Value> {
    dataset.revision.as_ref().map(|revision| &revision.id)
}

impl Layer {
    /// Whether the layer is the elder of another one of the same slug, and shown and hidden with it.
    #[must_use]
    pub fn is_elder_of(&self, other: &Self) -> bool {
        self.side == Side::Before && other.side == Side::After && self.dataset.slug == other.dataset.slug
    }
}

impl Viewer {
    /// Takes another moment to compare with; `None` ends comparing. Asks which revisions were valid then.
    pub fn set_before(&mut self, datetime: Option<String>) -> Result<(), ViewError> {
        let after = self.service.dataset_list(self.datetime.as_deref())?;
        let before = datetime.as_deref().map(|moment| self.service.dataset_list(Some(moment))).transpose()?;
        if datetime.is_none() {
            self.compare = Compare::Off;
            self.only_on.clear();
        }
        // The ground keeps what its layers keep: another moment may share most of them.
        let ground = self.before.take().map(|earlier| earlier.ground).unwrap_or_default();
        self.before = datetime.map(|datetime| Earlier { datetime, ground });
        self.set_datasets(after, before);
        Ok(())
    }

    /// Puts datasets on one side by slug, whatever their dates; gives back the slugs that are not there.
    pub fn set_only(&mut self, only: impl Iterator<Item = (String, Side)>) -> Result<Vec<String>, ViewError> {
        self.only_on = only.collect();
        let before = self.before.as_ref().map(|earlier| earlier.datetime.clone());
        self.set_before(before)?;
        let is_there = |slug: &String| self.layers.iter().any(|layer| layer.dataset.slug == *slug);
        Ok(self.only_on.keys().filter(|slug| !is_there(slug)).cloned().collect())
    }

    /// Shows two epochs another way.
    pub fn set_compare(&mut self, compare: Compare) {
        // The earlier ground wears its pictures only while it is seen.
        self.layers_changed |= (self.compare == Compare::Off) != (compare == Compare::Off);
        self.compare = compare;
    }

    /// The earlier moment, where there is one.
    #[must_use]
    pub fn before_datetime(&self) -> Option<&str> {
        self.before.as_ref().map(|earlier| earlier.datetime.as_str())
    }

    /// Whether two epochs are on screen.
    #[must_use]
    pub fn is_comparing(&self) -> bool {
        self.before.is_some() && self.compare != Compare::Off
    }

    /// The list that shows the later epoch, or the only one.
    #[must_use]
    pub fn main_pane(&self) -> usize {
        usize::from(self.is_comparing())
    }

    /// Which epoch a pane shows.
    #[must_use]
    pub fn epoch_of(&self, pane: usize) -> Epoch {
        if self.is_comparing() && pane == 0 { Epoch::Before } else { Epoch::After }
    }

    /// The ground of an epoch; the later one's where there is no earlier one.
    pub(super) fn ground_of(&mut self, epoch: Epoch) -> &mut Ground {
        match (&mut self.before, epoch) {
            (Some(earlier), Epoch::Before) => &mut earlier.ground,
            _ => &mut self.ground,
        }
    }

    /// Both grounds, or the only one.
    pub(super) fn grounds(&mut self) -> impl Iterator<Item = &mut Ground> {
        std::iter::once(&mut self.ground).chain(self.before.as_mut().map(|earlier| &mut earlier.ground))
    }

    /// Empty draw lists, one for each epoch on screen, the earlier first.
    pub(super) fn empty_lists(&self) -> Vec<DrawList> {
        vec![DrawList::default(); 1 + self.main_pane()]
    }

    /// Hands visible terrain and drapes to the ground of each epoch.
    pub(super) fn sync_grounds(&mut self) {
        self.sync_ground(Epoch::After);
        if self.before.is_some() {
            self.sync_ground(Epoch::Before);
        }
    }

    fn sync_ground(&mut self, epoch: Epoch) {
        let mut heights: Vec<(u32, Pyramid, Option<[f64; 2]>)> = Vec::new();
        let mut drapes = Vec::new();
        // Off screen the earlier ground is asked for heights only.
        let wears_drapes = epoch == Epoch::After || self.is_comparing();
        let mut visible: Vec<&Layer> =
            self.layers.iter().filter(|layer| layer.visible && layer.side.is_in(epoch)).collect();
        for layer in &visible {
            let drape: Option<Arc<dyn Drape>> = match &layer.state {
                State::Drape(drape) => Some(Arc::clone(drape)),
                // Shown on what is there now.
                State::Difference(difference) if epoch == Epoch::After => Some(Arc::new(difference.clone())),
                _ => None,
            };
            if let (Some(drape), true) = (drape, wears_drapes) {
                drapes.push((layer.lane, drape, layer.opacity));
            }
        }
        // Coarse first: the finest wins where several are, and of the same fineness the newest.
        visible.sort_by_key(|layer| timeline::valid_from(&layer.dataset));
        for layer in &visible {
            if let State::Heights(pyramid) = &layer.state {
                heights.push((layer.lane, pyramid.clone(), layer.dataset.height_range_m()));
            }
        }
        heights.sort_by_key(|(_, pyramid, _)| pyramid.max_zoom);
        let terrain_base_m = heights.iter().filter_map(|(_, _, range)| range.map(|[low, _]| low)).reduce(f64::min);
        let base_m = terrain_base_m.or_else(|| if heights.is_empty() { self.lowest_standing_m() } else { None });
        let ground = self.ground_of(epoch);
        ground.set_heights(heights);
        ground.set_drapes(drapes);
        ground.set_base_height_m(base_m.unwrap_or(0.0));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::service::Revision;

    fn dataset(slug: &str, revision: &str) -> Dataset {
        let revision = Revision { id: revision.into(), ..Revision::default() };
        Dataset { slug: slug.to_owned(), revision: Some(revision), ..Dataset::default() }
    }

    fn names(sided: &[(Dataset, Side)]) -> Vec<(String, String, Side)> {
        let name = |(dataset, side): &(Dataset, Side)| {
            let id = revision_id(dataset).and_then(serde_json::Value::as_str).unwrap_or_default();
            (dataset.slug.clone(), id.to_owned(), *side)
        };
        sided.iter().map(name).collect()
    }

    #[test]
    fn what_did_not_change_is_one_layer_and_what_did_is_two() {
        let after = vec![dataset("dem", "r2"), dataset("plan", "r1"), dataset("new", "r1")];
        let before = vec![dataset("dem", "r1"), dataset("plan", "r1"), dataset("gone", "r1")];
        let found = names(&sided(after, Some(before), &BTreeMap::new()));
        let expected = [
            ("dem", "r2", Side::After),
            ("dem", "r1", Side::Before),
            ("plan", "r1", Side::Both),
            ("new", "r1", Side::After),
            ("gone", "r1", Side::Before),
        ];
        assert_eq!(found, expected.map(|(slug, id, side)| (slug.to_owned(), id.to_owned(), side)));
    }

    #[test]
    fn datasets_named_for_a_side_are_seen_there_and_nowhere_else() {
        let datasets = || vec![dataset("coarse", "r1"), dataset("drone", "r1")];
        let only = BTreeMap::from([("coarse".to_owned(), Side::Before), ("drone".to_owned(), Side::After)]);
        let found = sided(datasets(), Some(datasets()), &only);
        assert_eq!(found.iter().map(|(_, side)| *side).collect::<Vec<_>>(), [Side::Before, Side::After]);
    }
}
