//! The plain draw list: what the layers want drawn, in types that know no graphics API.
//!
//! Shapes and pictures are shared by `Arc` and carry an identity, so whoever draws can keep its own copy per identity
//! and drop it when the last `Arc` is gone. The CPU copy of a shape stays for picking; a picture's pixels are handed over
//! once and then freed.

use std::ops::Range;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use glam::{DMat4, DVec3};

use super::clip::Clip;
use super::cover::OpenGround;

static NEXT_IDENTITY: AtomicU64 = AtomicU64::new(1);

fn next_identity() -> u64 {
    NEXT_IDENTITY.fetch_add(1, Ordering::Relaxed)
}

/// One corner of a triangle; `position` is in metres relative to the shape's own origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Vertex {
    /// Metres from the shape's origin.
    pub position: [f32; 3],
    /// Texture coordinates; v grows downwards, (0, 0) is the picture's first pixel.
    pub uv: [f32; 2],
    /// Unit normal times 32,767; all zero means "none, derive it".
    pub normal: [i16; 4],
    /// Red, green, blue, alpha; sRGB.
    pub color: [u8; 4],
}

/// One point of a cloud.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct PointVertex {
    /// Metres from the shape's origin.
    pub position: [f32; 3],
    /// Red, green, blue, alpha; sRGB.
    pub color: [u8; 4],
}

/// One straight line; its ends are in metres relative to the set's origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct LineVertex {
    /// One end.
    pub a: [f32; 3],
    /// The other end.
    pub b: [f32; 3],
    /// Red, green, blue, alpha; sRGB.
    pub color: [u8; 4],
}

/// Lines, in metres relative to their own origin.
#[derive(Debug)]
pub struct LineSet {
    identity: u64,
    lines: Vec<LineVertex>,
}

impl LineSet {
    /// Takes lines.
    #[must_use]
    pub fn new(lines: Vec<LineVertex>) -> Self {
        Self { identity: next_identity(), lines }
    }

    /// Different for every line set ever made in this process.
    #[must_use]
    pub fn identity(&self) -> u64 {
        self.identity
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &[LineVertex] {
        &self.lines
    }
}

/// Triangles, in metres relative to their own origin.
#[derive(Debug)]
pub struct Shape {
    identity: u64,
    vertices: Vec<Vertex>,
    indices: Vec<u32>,
    center: DVec3,
    radius_m: f64,
    blocks: Vec<Block>,
}

/// Triangles that follow each other, and the box round them, so that a ray need not ask each.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Their places among the indices.
    pub indices: Range<usize>,
    /// Least coordinates.
    pub low: DVec3,
    /// Greatest coordinates.
    pub high: DVec3,
}

impl Shape {
    /// Takes triangles; an index beyond the vertices drops its triangle.
    #[must_use]
    pub fn new(vertices: Vec<Vertex>, mut indices: Vec<u32>) -> Self {
        let count = vertices.len() as u32;
        indices.truncate(indices.len() / 3 * 3);
        if indices.iter().any(|index| *index >= count) {
            indices = indices
                .chunks_exact(3)
                .filter(|triangle| triangle.iter().all(|index| *index < count))
                .flatten()
                .copied()
                .collect();
        }
        let (center, radius_m) = bounding_sphere(vertices.iter().map(|vertex| vertex.position));
        let blocks = blocks(&vertices, &indices);
        Self { identity: next_identity(), vertices, indices, center, radius_m, blocks }
    }

    /// The triangles in boxes.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Different for every shape ever made in this process.
    #[must_use]
    pub fn identity(&self) -> u64 {
        self.identity
    }

    /// The corners.
    #[must_use]
    pub fn vertices(&self) -> &[Vertex] {
        &self.vertices
    }

    /// Three indices a triangle, counter-clockwise seen from outside.
    #[must_use]
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Centre and radius in metres of a sphere round the shape, in its own axes.
    #[must_use]
    pub fn sphere(&self) -> (DVec3, f64) {
        (self.center, self.radius_m)
    }

    /// Bytes held here and in a drawer's copy together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        2 * (size_of_val(self.vertices.as_slice()) + size_of_val(self.indices.as_slice())) as u64
    }
}

fn blocks(vertices: &[Vertex], indices: &[u32]) -> Vec<Block> {
    const INDICES_PER_BLOCK: usize = 3 * 64;
    let starts = (0..indices.len()).step_by(INDICES_PER_BLOCK);
    let block = |start: usize| {
        let own = start..(start + INDICES_PER_BLOCK).min(indices.len());
        let corners = indices[own.clone()].iter().map(|index| as_f64(vertices[*index as usize].position));
        let (low, high) = corners
            .fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(low, high), corner| (low.min(corner), high.max(corner)));
        Block { indices: own, low, high }
    };
    starts.map(block).collect()
}

fn as_f64(position: [f32; 3]) -> DVec3 {
    DVec3::from_array(position.map(f64::from))
}

/// Points, in metres relative to their own origin.
#[derive(Debug)]
pub struct PointSet {
    identity: u64,
    points: Vec<PointVertex>,
    center: DVec3,
    radius_m: f64,
}

impl PointSet {
    /// Takes points.
    #[must_use]
    pub fn new(points: Vec<PointVertex>) -> Self {
        let (center, radius_m) = bounding_sphere(points.iter().map(|point| point.position));
        Self { identity: next_identity(), points, center, radius_m }
    }

    /// Different for every point set ever made in this process.
    #[must_use]
    pub fn identity(&self) -> u64 {
        self.identity
    }

    /// The points.
    #[must_use]
    pub fn points(&self) -> &[PointVertex] {
        &self.points
    }

    /// Centre and radius in metres of a sphere round the points, in their own axes.
    #[must_use]
    pub fn sphere(&self) -> (DVec3, f64) {
        (self.center, self.radius_m)
    }

    /// Bytes held here and in a drawer's copy together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        2 * size_of_val(self.points.as_slice()) as u64
    }
}

fn bounding_sphere(positions: impl Iterator<Item = [f32; 3]> + Clone) -> (DVec3, f64) {
    let (low, high) = positions
        .clone()
        .map(as_f64)
        .fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(low, high), position| (low.min(position), high.max(position)));
    if !low.is_finite() || !high.is_finite() {
        return (DVec3::ZERO, 0.0);
    }
    let center = (low + high) / 2.0;
    let radius_m = positions.map(|position| (as_f64(position) - center).length()).fold(0.0, f64::max);
    (center, radius_m)
}

/// An sRGB picture with straight alpha and its smaller levels, first row at the top.
#[derive(Debug)]
pub struct Picture {
    identity: u64,
    size_px: [u32; 2],
    repeats: bool,
    bytes: u64,
    levels: Mutex<Vec<Vec<u8>>>,
}

impl Picture {
    /// Takes RGBA pixels, row by row from the top, and makes the smaller levels (box filter, alpha-weighted).
    /// `None` when the pixels are not `width * height * 4` bytes or the picture is empty.
    #[must_use]
    pub fn new(size_px: [u32; 2], rgba: Vec<u8>, repeats: bool) -> Option<Self> {
        let [width, height] = size_px;
        if width == 0 || height == 0 || rgba.len() as u64 != u64::from(width) * u64::from(height) * 4 {
            return None;
        }
        let (mut levels, mut level, mut size) = (Vec::new(), rgba, size_px);
        while size != [1, 1] {
            let smaller = size.map(|side| (side / 2).max(1));
            let next = half_size(&level, size, smaller);
            levels.push(std::mem::replace(&mut level, next));
            size = smaller;
        }
        levels.push(level);
        let bytes = levels.iter().map(|level| level.len() as u64).sum();
        Some(Self { identity: next_identity(), size_px, repeats, bytes, levels: Mutex::new(levels) })
    }

    /// Different for every picture ever made in this process.
    #[must_use]
    pub fn identity(&self) -> u64 {
        self.identity
    }

    /// Width and height in pixels of the largest level.
    #[must_use]
    pub fn size_px(&self) -> [u32; 2] {
        self.size_px
    }

    /// Whether texture coordinates outside 0..1 repeat the picture.
    #[must_use]
    pub fn repeats(&self) -> bool {
        self.repeats
    }

    /// Bytes of all levels together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The pixels of every level, largest first; empty once somebody took them.
    #[must_use]
    pub fn take_levels(&self) -> Vec<Vec<u8>> {
        match self.levels.lock() {
            Ok(mut levels) => std::mem::take(&mut levels),
            Err(_poisoned) => Vec::new(),
        }
    }
}

fn half_size(pixels: &[u8], size: [u32; 2], smaller: [u32; 2]) -> Vec<u8> {
    let [width, height] = size.map(|side| side as usize);
    let mut out = Vec::with_capacity(smaller[0] as usize * smaller[1] as usize * 4);
    for y in 0..smaller[1] as usize {
        for x in 0..smaller[0] as usize {
            let mut sum = [0_u32; 3];
            let mut alpha_sum = 0_u32;
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let at = ((2 * y + dy).min(height - 1) * width + (2 * x + dx).min(width - 1)) * 4;
                let alpha = u32::from(pixels[at + 3]);
                alpha_sum += alpha;
                for (channel, total) in sum.iter_mut().enumerate() {
                    *total += u32::from(pixels[at + channel]) * alpha;
                }
            }
            out.extend(sum.map(|total| total.checked_div(alpha_sum).unwrap_or(0) as u8));
            out.push((alpha_sum / 4) as u8);
        }
    }
    out
}

/// A picture laid over a ground tile: `uv_in_picture = uv * scale + offset`.
#[derive(Clone, Debug)]
pub struct Overlay {
    /// What is laid over.
    pub picture: Arc<Picture>,
    /// Offset in the picture, 0..1.
    pub offset: [f32; 2],
    /// Part of the picture the tile covers, 0..1.
    pub scale: [f32; 2],
    /// 0 invisible to 1 opaque.
    pub opacity: f32,
    /// Whether it lies over models too.
    pub on_models: bool,
}

/// A picture of a ground tile laid straight down over a mesh.
#[derive(Clone, Debug)]
pub struct Draped {
    /// The picture as the tile has it.
    pub overlay: Overlay,
    /// Two rows: from a position in the shape's axes (and 1) to 0..1 east and south across the tile.
    pub tile_from_local: [[f32; 4]; 2],
}

/// One thing to draw.
#[derive(Clone, Debug)]
pub enum Draw {
    /// A ground tile with its overlays, bottom first. The shape's axes are ECEF's.
    Ground {
        /// The surface.
        shape: Arc<Shape>,
        /// Origin of the shape in ECEF metres.
        origin: DVec3,
        /// What is draped over it.
        overlays: Vec<Overlay>,
        /// Its corner and its side in the Web Mercator square.
        square: [f64; 3],
        /// Where it is seen, if models stand in its place.
        open: Option<Arc<OpenGround>>,
    },
    /// A mesh.
    Mesh {
        /// The triangles.
        shape: Arc<Shape>,
        /// Its texture, if any.
        picture: Option<Arc<Picture>>,
        /// From the shape's axes to ECEF.
        ecef_from_local: DMat4,
        /// Multiplies texture and vertex colour; linear.
        base_color: [f32; 4],
        /// Whether the drawer adds light; photographs carry theirs already.
        lit: bool,
        /// 0 invisible to 1 opaque.
        opacity: f32,
        /// Plans laid over it, bottom first.
        draped: Vec<Draped>,
        /// Whether it is something planned: the ground does not give way to it and no plan is laid on it; seen through,
        /// only its near side is drawn.
        planned: bool,
    },
    /// Lines of a width on the screen.
    Lines {
        /// The lines.
        lines: Arc<LineSet>,
        /// From the set's axes to ECEF.
        ecef_from_local: DMat4,
        /// Width in pixels.
        width_px: f32,
        /// Whether a cut through the scene cuts them too.
        is_cut: bool,
        /// 0 invisible to 1 opaque.
        opacity: f32,
    },
    /// A sheet of water: seen through, and nothing one can click on or lay a plan on.
    Water {
        /// The surface.
        shape: Arc<Shape>,
        /// Its colours; transparent where it is dry.
        picture: Arc<Picture>,
        /// Origin of the shape in ECEF metres.
        origin: DVec3,
        /// 0 invisible to 1 opaque.
        opacity: f32,
    },
    /// Points.
    Points {
        /// The points.
        points: Arc<PointSet>,
        /// From the set's axes to ECEF.
        ecef_from_local: DMat4,
        /// Edge of a point in metres.
        size_m: f32,
        /// Whether a mesh shows the same surface: then points lie behind it, else before the ground.
        give_way: bool,
        /// 0 invisible to 1 opaque.
        opacity: f32,
    },
}

/// One frame's drawing, plus the layer each draw belongs to (same length).
#[derive(Clone, Debug, Default)]
pub struct DrawList {
    /// What to draw.
    pub draws: Vec<Draw>,
    /// Which layer each draw came from, by its place in the viewer's list; the ground has none.
    pub layers: Vec<Option<usize>>,
    /// What of it is left away.
    pub clip: Option<Arc<Clip>>,
}

impl DrawList {
    /// Adds one draw.
    pub fn push(&mut self, layer: Option<usize>, draw: Draw) {
        self.layers.push(layer);
        self.draws.push(draw);
    }
}

/// Packs a unit normal the way [`Vertex::normal`] keeps it.
#[must_use]
pub fn packed_normal(normal: DVec3) -> [i16; 4] {
    let packed = (normal.normalize_or_zero() * 32_767.0).round();
    [packed.x as i16, packed.y as i16, packed.z as i16, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_beyond_the_vertices_drops_only_its_triangle() {
        let shape = Shape::new(vec![Vertex::default(); 3], vec![0, 1, 2, 0, 1, 9, 2]);
        assert_eq!(shape.indices(), [0, 1, 2]);
    }

    #[test]
    fn smaller_levels_average_and_ignore_the_colour_of_transparent_pixels() {
        let rgba = [[200, 0, 0, 255], [200, 0, 0, 255], [0, 255, 0, 0], [0, 255, 0, 0]].concat();
        let picture = Picture::new([2, 2], rgba, false).expect("four pixels");
        let levels = picture.take_levels();
        assert_eq!(levels.len(), 2);
        assert_eq!(levels[1], [200, 0, 0, 127]);
        assert!(picture.take_levels().is_empty());
    }

    #[test]
    fn a_picture_whose_bytes_do_not_fit_its_size_is_refused() {
        assert!(Picture::new([2, 2], vec![0; 15], false).is_none());
        assert!(Picture::new([0, 2], Vec::new(), false).is_none());
    }
}
