//! Nodes: groups, transforms, levels of detail, and what hangs under them.

use std::sync::Arc;

use super::object::{Object, Reader};
use super::{Level, Lod, Node, NodeContent, OsgbError, RangeMode, State};

/// What the node blocks say that matters here.
pub(super) struct NodeBlock {
    pub(super) state: Option<Arc<State>>,
    /// False where the mask hides the node from every eye.
    pub(super) visible: bool,
}

impl NodeBlock {
    fn node<'a>(self, content: NodeContent) -> Object<'a> {
        let content = if self.visible { content } else { NodeContent::Nothing };
        Object::Node(Arc::new(Node { state: self.state, content }))
    }
}

impl<'a> Reader<'a> {
    /// The blocks Object and Node.
    pub(super) fn node_block(&mut self) -> Result<NodeBlock, OsgbError> {
        self.object_block()?;
        if self.cursor.bool()? {
            self.bracketed(|reader| reader.cursor.f64s::<4>().map(drop))?;
        }
        for _callback in ["compute bound", "update", "event", "cull"] {
            self.optional_object()?;
        }
        self.cursor.bool()?;
        let mask = self.cursor.u32()?;
        if self.cursor.version < 77 && self.cursor.bool()? {
            let count = self.cursor.count(4)?;
            self.bracketed(|reader| (0..count).try_for_each(|_| reader.cursor.string().map(drop)))?;
        }
        let state = self.optional_state()?;
        Ok(NodeBlock { state, visible: mask != 0 })
    }

    /// A flag, and a state set where it is set.
    pub(super) fn optional_state(&mut self) -> Result<Option<Arc<State>>, OsgbError> {
        Ok(match self.optional_object()? {
            Object::State(state) => Some(state),
            _ => None,
        })
    }

    fn children(&mut self) -> Result<Vec<Arc<Node>>, OsgbError> {
        Ok(self.object_list()?.into_iter().map(as_node).collect())
    }

    pub(super) fn plain_node(&mut self) -> Result<Object<'a>, OsgbError> {
        Ok(self.node_block()?.node(NodeContent::Nothing))
    }

    pub(super) fn group(&mut self) -> Result<Object<'a>, OsgbError> {
        let block = self.node_block()?;
        let children = self.children()?;
        Ok(block.node(NodeContent::Group { matrix: None, children }))
    }

    pub(super) fn switch(&mut self) -> Result<Object<'a>, OsgbError> {
        let block = self.node_block()?;
        let mut children = self.children()?;
        if self.cursor.bool()? {
            let count = self.cursor.count(1)?;
            // The one list without a bracket.
            let shown = (0..count).map(|_| self.cursor.bool()).collect::<Result<Vec<_>, _>>()?;
            let mut number = 0;
            children.retain(|_| {
                number += 1;
                shown.get(number - 1).copied().unwrap_or(true)
            });
        }
        Ok(block.node(NodeContent::Group { matrix: None, children }))
    }

    pub(super) fn transform(&mut self, class: &str) -> Result<Object<'a>, OsgbError> {
        let block = self.node_block()?;
        let children = self.children()?;
        let relative = self.cursor.i32()? == 0;
        let matrix = match class {
            "MatrixTransform" => Some(self.bracketed(|reader| reader.cursor.f64s::<16>())?),
            "PositionAttitudeTransform" => {
                let position = self.cursor.f64s::<3>()?;
                let attitude = self.cursor.f64s::<4>()?;
                let scale = self.cursor.f64s::<3>()?;
                let pivot = self.cursor.f64s::<3>()?;
                Some(placed(position, attitude, scale, pivot))
            }
            _ => None,
        };
        if !relative {
            return Err(self.cursor.error("a transform relative to the eye, which has no place on the ground"));
        }
        if matrix.is_some_and(|matrix| !matrix.iter().all(|v| v.is_finite())) {
            return Err(self.cursor.error("a matrix is not finite"));
        }
        Ok(block.node(NodeContent::Group { matrix, children }))
    }

    pub(super) fn coordinate_system_node(&mut self) -> Result<Object<'a>, OsgbError> {
        let block = self.node_block()?;
        let children = self.children()?;
        self.cursor.string()?;
        self.cursor.string()?;
        self.optional_object()?;
        Ok(block.node(NodeContent::Group { matrix: None, children }))
    }

    /// The block LOD: sphere, what is measured, and a range for each child.
    fn lod_block(&mut self) -> Result<(Lod, Vec<[f32; 2]>), OsgbError> {
        let center_mode = self.cursor.i32()?;
        let mut sphere = None;
        if self.cursor.bool()? {
            let [x, y, z, radius] = self.cursor.f64s::<4>()?;
            // Mode 0 takes the sphere of the geometry; the stored one is then a default of -1.
            if center_mode != 0 && radius > 0.0 && [x, y, z, radius].iter().all(|v| v.is_finite()) {
                sphere = Some(([x, y, z], radius));
            }
        }
        let range = if self.cursor.i32()? == 0 { RangeMode::Distance } else { RangeMode::Pixels };
        let mut ranges = Vec::new();
        if self.cursor.bool()? {
            let count = self.cursor.count(8)?;
            ranges =
                self.bracketed(|reader| (0..count).map(|_| reader.cursor.f32s::<2>()).collect::<Result<_, _>>())?;
        }
        let lod = Lod { sphere, range, levels: Vec::new() };
        Ok((lod, ranges))
    }

    pub(super) fn lod(&mut self) -> Result<Object<'a>, OsgbError> {
        let block = self.node_block()?;
        let children = self.children()?;
        let (mut lod, ranges) = self.lod_block()?;
        // A child without a range is never drawn.
        let levels = children.into_iter().zip(ranges);
        lod.levels = levels.map(|(node, [min, max])| level(min, max, Some(node), None)).collect();
        Ok(block.node(NodeContent::Lod(lod)))
    }

    pub(super) fn paged_lod(&mut self) -> Result<Object<'a>, OsgbError> {
        let block = self.node_block()?;
        let (mut lod, ranges) = self.lod_block()?;
        // The database path: where the exporter's disk was. Never used.
        if self.cursor.bool()? && self.cursor.bool()? {
            self.cursor.string()?;
        }
        if self.cursor.version < 70 {
            self.cursor.u32()?;
        }
        self.cursor.u32()?;
        self.cursor.bool()?;
        let mut files = Vec::new();
        if self.cursor.bool()? {
            let count = self.cursor.count(4)?;
            files =
                self.bracketed(|reader| (0..count).map(|_| reader.cursor.string()).collect::<Result<Vec<_>, _>>())?;
            let count = self.cursor.count(8)?;
            self.bracketed(|reader| (0..count).try_for_each(|_| reader.cursor.f32s::<2>().map(drop)))?;
        }
        let mut here = Vec::new();
        if self.cursor.bool()? {
            let count = self.cursor.count(4)?;
            if count > 0 {
                here = self.bracketed(|reader| (0..count).map(|_| reader.object()).collect::<Result<Vec<_>, _>>())?;
            }
        }
        let mut here = here.into_iter().map(as_node);
        for (number, [min, max]) in ranges.into_iter().enumerate() {
            let file = files.get(number).filter(|file| !file.is_empty());
            let node = if file.is_none() { here.next() } else { None };
            lod.levels.push(level(min, max, node, file.cloned()));
        }
        Ok(block.node(NodeContent::Lod(lod)))
    }

    pub(super) fn geode(&mut self) -> Result<Object<'a>, OsgbError> {
        let block = self.node_block()?;
        let drawables = self.object_list()?.into_iter().filter_map(|object| match object {
            Object::Geometry(geometry) => Some(geometry),
            _ => None,
        });
        let content = NodeContent::Geode(drawables.collect());
        Ok(block.node(content))
    }
}

/// An object as a child: from version 154 on a geometry is a node of its own.
fn as_node(object: Object<'_>) -> Arc<Node> {
    match object {
        Object::Node(node) => node,
        Object::Geometry(geometry) => Arc::new(Node { state: None, content: NodeContent::Geode(vec![geometry]) }),
        _ => Arc::default(),
    }
}

fn level(min: f32, max: f32, node: Option<Arc<Node>>, file: Option<String>) -> Level {
    Level { min, max, node, file }
}

/// Row-vector matrix of scale about the pivot, then rotation, then position.
fn placed(position: [f64; 3], [x, y, z, w]: [f64; 4], scale: [f64; 3], pivot: [f64; 3]) -> [f64; 16] {
    let rows = [
        [1. - 2. * (y * y + z * z), 2. * (x * y + z * w), 2. * (x * z - y * w)],
        [2. * (x * y - z * w), 1. - 2. * (x * x + z * z), 2. * (y * z + x * w)],
        [2. * (x * z + y * w), 2. * (y * z - x * w), 1. - 2. * (x * x + y * y)],
    ];
    let mut out = [0.0; 16];
    for i in 0..3 {
        for j in 0..3 {
            out[i * 4 + j] = rows[i][j] * scale[i];
        }
    }
    for j in 0..3 {
        out[12 + j] = position[j] - (0..3).map(|i| pivot[i] * out[i * 4 + j]).sum::<f64>();
    }
    out[15] = 1.0;
    out
}
