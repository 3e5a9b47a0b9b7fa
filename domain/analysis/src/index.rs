//! Boxes that meet a box: one R-tree with its types written once.

use rstar::{
    AABB, RTree,
    primitives::{GeomWithData, Rectangle},
};

use crate::shared::IntBox;

/// Boxes by their position.
#[derive(Debug)]
pub(crate) struct BoxIndex(RTree<GeomWithData<Rectangle<[i32; 2]>, usize>>);

impl BoxIndex {
    /// Of boxes; those that hold nothing are left out.
    pub(crate) fn new(boxes: impl Iterator<Item = IntBox>) -> Self {
        let items = boxes.enumerate().filter(|(_, b)| b[0] <= b[2] && b[1] <= b[3]);
        Self(RTree::bulk_load(
            items.map(|(i, b)| GeomWithData::new(Rectangle::from_corners([b[0], b[1]], [b[2], b[3]]), i)).collect(),
        ))
    }

    /// Positions of the boxes that have a place in common with a box, in their order.
    pub(crate) fn meeting(&self, b: IntBox) -> Vec<usize> {
        if b[0] > b[2] || b[1] > b[3] {
            return Vec::new();
        }
        let near = AABB::from_corners([b[0], b[1]], [b[2], b[3]]);
        let mut found: Vec<usize> = self.0.locate_in_envelope_intersecting(&near).map(|item| item.data).collect();
        found.sort_unstable();
        found
    }
}
