//! Which tiles to draw and which to load, by screen-space error, with kicking.
//!
//! The traversal follows cesium-native's published description: depth first, each visit reports for its subtree whether
//! everything selected is loaded, whether any of it was drawn last frame, and how many tiles are missing. A subtree that
//! is not ready and was not on screen is *kicked*: its selection is dropped for the parent, its load requests stay.
//! So the first picture comes fast, nothing on screen loses detail, and there is never a hole.
//! Selection sees no GPU, no network and no clock: same tree and view, same answer.

use super::camera::View;
use super::tree::{Content, NodeIndex, Refine, Tree};

/// How urgently a tile is wanted; the order is the order of loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Missing from the picture although something finer is on screen, or nothing at all is.
    Urgent,
    /// Wanted for this view.
    Normal,
    /// Would help the next view.
    Preload,
}

/// A tile to load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Which node.
    pub node: NodeIndex,
    /// In which group.
    pub urgency: Urgency,
    /// Small first within the group.
    pub priority: f64,
}

/// How fine to look.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest screen-space error in pixels that may stay on screen.
    pub max_error_px: f64,
    /// More missing descendants than this, and the parent is loaded first instead.
    pub loading_descendant_limit: usize,
}

/// What one traversal decided.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Nodes to draw; all are loaded.
    pub draw: Vec<NodeIndex>,
    /// Nodes to load, in no order.
    pub load: Vec<Load>,
    /// Nodes visited.
    pub visited: usize,
    /// Nodes whose selected descendants were dropped in favour of them.
    pub kicked: usize,
}

/// Nesting beyond this is not followed: a tileset that deep is hostile or broken.
const MAX_DEPTH: usize = 96;

/// Runs one traversal from the root. `expand` is called before a node's children are needed and may add them.
pub fn select<S, C>(
    tree: &mut Tree<S, C>,
    view: &View,
    limits: Limits,
    expand: &mut dyn FnMut(&mut Tree<S, C>, NodeIndex),
) -> Selection {
    tree.frame += 1;
    let mut traversal = Traversal { tree, view, limits, expand, out: Selection::default() };
    if !traversal.tree.nodes.is_empty() {
        traversal.visit(0, false, 0);
    }
    let mut out = traversal.out;
    out.draw.retain(|node| matches!(tree.nodes[*node].content, Content::Ready(_)));
    for node in &out.draw {
        let frame = tree.frame;
        tree.nodes[*node].rendered_frame = frame;
        tree.nodes[*node].used_frame = frame;
    }
    out
}

struct Traversal<'a, S, C> {
    tree: &'a mut Tree<S, C>,
    view: &'a View,
    limits: Limits,
    expand: &'a mut dyn FnMut(&mut Tree<S, C>, NodeIndex),
    out: Selection,
}

/// What a visit reports about a subtree.
#[derive(Clone, Copy)]
struct Report {
    all_ready: bool,
    any_drawn_last_frame: bool,
    missing: usize,
}

impl<S, C> Traversal<'_, S, C> {
    fn visit(&mut self, index: NodeIndex, ancestor_meets_error: bool, depth: usize) -> Report {
        const OUT_OF_SIGHT: Report = Report { all_ready: true, any_drawn_last_frame: false, missing: 0 };
        self.out.visited += 1;
        let volume = self.tree.nodes[index].volume;
        if depth > MAX_DEPTH || !self.view.sees(&volume) {
            return OUT_OF_SIGHT;
        }
        let error_px =
            self.view.screen_space_error_px(self.tree.nodes[index].geometric_error_m, volume.distance_m(self.view.eye));
        let has_children = !self.tree.nodes[index].children.is_empty();
        // What failed is as if it had nothing to draw: its children stand in for it.
        let draws_nothing =
            matches!(self.tree.nodes[index].content, Content::Nothing) || (self.is_failed(index) && has_children);
        let meets_error = !draws_nothing && error_px <= self.limits.max_error_px;
        let mut ancestor_meets_error = ancestor_meets_error;
        let mut queued = false;

        let wants_refining = draws_nothing || (!meets_error && !ancestor_meets_error);
        // What was refined last frame and is not loaded itself keeps its finer picture while it loads.
        let must_go_on =
            !wants_refining && self.refined_last_frame(index) && !self.is_ready(index) && !self.is_failed(index);
        if (wants_refining || must_go_on) && !self.tree.nodes[index].expanded {
            self.tree.nodes[index].expanded = true;
            (self.expand)(self.tree, index);
        }
        if self.tree.nodes[index].children.is_empty() || !(wants_refining || must_go_on) {
            return self.draw_here(index, ancestor_meets_error);
        }
        if must_go_on && meets_error {
            ancestor_meets_error = true;
            self.queue(index, Urgency::Urgent);
            queued = true;
        }

        let additive = self.tree.nodes[index].refine == Refine::Add;
        if additive && !draws_nothing {
            self.out.draw.push(index);
            if !ancestor_meets_error || meets_error {
                self.queue(index, Urgency::Normal);
            }
            queued = true;
        }
        let draw_checkpoint = self.out.draw.len();
        let load_checkpoint = self.out.load.len();
        let children = self.tree.nodes[index].children.clone();
        let mut report = OUT_OF_SIGHT;
        for child in children {
            let below = self.visit(child, ancestor_meets_error, depth + 1);
            report.all_ready &= below.all_ready;
            report.any_drawn_last_frame |= below.any_drawn_last_frame;
            report.missing += below.missing;
        }

        let kick = !draws_nothing && !additive && !report.all_ready && !report.any_drawn_last_frame;
        let too_many = report.missing > self.limits.loading_descendant_limit;
        if kick && (self.is_ready(index) || too_many) {
            self.out.kicked += 1;
            self.out.draw.truncate(draw_checkpoint);
            self.out.draw.push(index);
            let drawn_last_frame = self.drawn_last_frame(index);
            // A parent that is there already cannot be loaded first: its descendants must stay asked for, or nothing would
            // be, and whoever waits for the last load would believe all is done.
            if too_many && !self.is_ready(index) {
                self.out.load.truncate(load_checkpoint);
                if !queued {
                    self.queue(index, Urgency::Normal);
                }
                report.missing = usize::from(!self.is_ready(index));
            }
            self.touch(index);
            report.all_ready = self.is_ready(index);
            report.any_drawn_last_frame = drawn_last_frame;
        } else {
            self.tree.nodes[index].refined_frame = self.tree.frame;
            if additive && !draws_nothing {
                report.all_ready &= self.is_ready(index) || self.is_failed(index);
                report.any_drawn_last_frame |= self.drawn_last_frame(index);
                report.missing += usize::from(!self.is_ready(index) && !self.is_failed(index));
            }
        }
        report
    }

    fn draw_here(&mut self, index: NodeIndex, an_ancestor_loads_instead: bool) -> Report {
        let ready = self.is_ready(index) || matches!(self.tree.nodes[index].content, Content::Nothing);
        self.out.draw.push(index);
        if !an_ancestor_loads_instead {
            self.queue(index, Urgency::Normal);
        }
        Report {
            all_ready: ready,
            any_drawn_last_frame: ready && self.drawn_last_frame(index),
            missing: usize::from(!ready && !self.is_failed(index)),
        }
    }

    fn queue(&mut self, index: NodeIndex, urgency: Urgency) {
        self.touch(index);
        if matches!(self.tree.nodes[index].content, Content::Unloaded) {
            let priority = self.view.load_priority(&self.tree.nodes[index].volume);
            self.out.load.push(Load { node: index, urgency, priority });
        }
    }

    fn touch(&mut self, index: NodeIndex) {
        self.tree.nodes[index].used_frame = self.tree.frame;
    }

    fn is_ready(&self, index: NodeIndex) -> bool {
        matches!(self.tree.nodes[index].content, Content::Ready(_))
    }

    fn is_failed(&self, index: NodeIndex) -> bool {
        matches!(self.tree.nodes[index].content, Content::Failed)
    }

    fn drawn_last_frame(&self, index: NodeIndex) -> bool {
        self.tree.nodes[index].rendered_frame + 1 == self.tree.frame
    }

    fn refined_last_frame(&self, index: NodeIndex) -> bool {
        self.tree.nodes[index].refined_frame + 1 == self.tree.frame
    }
}

#[cfg(test)]
#[path = "selection_tests.rs"]
mod tests;
