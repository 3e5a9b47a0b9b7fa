//! The tree of tiles one layer streams: volumes, errors, and what is loaded of each tile.
//!
//! Nodes live in one `Vec` and are named by their place in it. A node's content comes and goes; the node itself stays,
//! because it is small and holds what selection remembers from frame to frame. It knows neither URLs nor pixels: a layer
//! puts its own `S` (where the content comes from) and `C` (the content) in.

use super::volume::Volume;

/// A node's place in its tree.
pub type NodeIndex = usize;

/// How children relate to their parent's picture (3D Tiles 1.1, section 6.7.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refine {
    /// Children are drawn instead of the parent.
    Replace,
    /// Children are drawn in addition to the parent.
    Add,
}

/// What is there of a node's content.
#[derive(Clone, Debug)]
pub enum Content<C> {
    /// The node draws nothing itself: it is always refined.
    Nothing,
    /// There is something to load.
    Unloaded,
    /// Loaded.
    Ready(C),
    /// Could not be loaded; it will not be asked for again.
    Failed,
}

/// One tile.
#[derive(Clone, Debug)]
pub struct Node<S, C> {
    /// Where the content comes from.
    pub source: S,
    /// Contains everything this node and its descendants draw.
    pub volume: Volume,
    /// The error in metres made by drawing this node instead of its descendants.
    pub geometric_error_m: f64,
    /// How its children relate to it.
    pub refine: Refine,
    /// Its children, once known.
    pub children: Vec<NodeIndex>,
    /// Whether `children` is final.
    pub expanded: bool,
    /// What is loaded.
    pub content: Content<C>,
    /// Bytes the content takes, both copies counted.
    pub bytes: u64,
    /// The frame that last drew or needed the content.
    pub used_frame: u64,
    pub(super) rendered_frame: u64,
    pub(super) refined_frame: u64,
}

/// A tree of tiles; node 0 is the root.
#[derive(Clone, Debug)]
pub struct Tree<S, C> {
    /// The nodes.
    pub nodes: Vec<Node<S, C>>,
    /// The frame selection last ran in.
    pub frame: u64,
}

impl<S, C> Default for Tree<S, C> {
    fn default() -> Self {
        Self { nodes: Vec::new(), frame: 1 }
    }
}

impl<S, C> Tree<S, C> {
    /// Adds a node without children under `parent` and returns its index.
    pub fn add(
        &mut self,
        parent: Option<NodeIndex>,
        source: S,
        volume: Volume,
        geometric_error_m: f64,
        refine: Refine,
        content: Content<C>,
    ) -> NodeIndex {
        let index = self.nodes.len();
        self.nodes.push(Node {
            source,
            volume,
            geometric_error_m,
            refine,
            children: Vec::new(),
            expanded: false,
            content,
            bytes: 0,
            used_frame: 0,
            rendered_frame: 0,
            refined_frame: 0,
        });
        if let Some(parent) = parent {
            self.nodes[parent].children.push(index);
        }
        index
    }

    /// Bytes of all loaded content.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.nodes.iter().map(|node| node.bytes).sum()
    }

    /// Loaded content that this frame did not use, as (last used frame, node).
    pub fn evictable(&self) -> impl Iterator<Item = (u64, NodeIndex)> {
        self.nodes.iter().enumerate().filter_map(|(index, node)| {
            let idle = matches!(node.content, Content::Ready(_)) && node.used_frame < self.frame && node.bytes > 0;
            idle.then_some((node.used_frame, index))
        })
    }

    /// Forgets a node's content; it can be loaded again.
    pub fn unload(&mut self, index: NodeIndex) {
        let node = &mut self.nodes[index];
        if matches!(node.content, Content::Ready(_)) {
            node.content = Content::Unloaded;
            node.bytes = 0;
        }
    }
}
