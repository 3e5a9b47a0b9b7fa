//! Reads OSGB (OpenSceneGraph's binary scene) as oblique-photogrammetry software writes it.
//!
//! Container versions 70-161, plain or zlib, both generations of arrays, either byte order. Pure
//! Rust, without OpenSceneGraph. Not read: `.osgt`, `.osgx`, `.ive`, custom serialisers, and classes
//! outside `object::parse_body`, which are skipped where the file says how long they are and
//! named in the error where it does not.
//!
//! Every file is hostile: counts are bounded by the bytes left, recursion and inflated size are
//! capped, file names are only names. Nothing here touches the file system.

mod bytes;
mod container;
mod geometry;
mod graph;
mod object;
mod picture;
mod s3tc;
mod state;
mod triangles;

use std::sync::Arc;

pub use container::{is_osgb, read};
pub use picture::{Encoded, PictureError, encode};
pub use triangles::to_triangles;

/// What a file holds.
#[derive(Debug)]
pub struct Scene {
    /// The node everything hangs under.
    pub root: Arc<Node>,
    /// Format version of the container (80 in most real tiles).
    pub version: u32,
    /// Bytes after the root object; 0 in a file that was understood to its end.
    pub trailing_bytes: usize,
    /// Bytes jumped over because their class is unknown; 0 where everything was understood.
    pub skipped_bytes: usize,
    /// Unknown classes that were jumped over.
    pub skipped_classes: Vec<String>,
}

/// A node of the scene.
#[derive(Debug, Default)]
pub struct Node {
    /// What everything below it looks like, unless it says otherwise.
    pub state: Option<Arc<State>>,
    /// What it is.
    pub content: NodeContent,
}

/// What a [`Node`] is.
#[derive(Debug, Default)]
pub enum NodeContent {
    /// Children together; also for transforms.
    Group {
        /// Row-vector matrix, row-major (the translation is numbers 12, 13, 14); `None` is identity.
        matrix: Option<[f64; 16]>,
        /// What hangs under it.
        children: Vec<Arc<Node>>,
    },
    /// Things to draw.
    Geode(Vec<Arc<Geometry>>),
    /// Children by distance or size on the screen.
    Lod(Lod),
    /// Understood or jumped over, and nothing to draw.
    #[default]
    Nothing,
}

/// Levels of detail, in this file or in others.
#[derive(Debug)]
pub struct Lod {
    /// Centre and radius the maker gave, in the node's own coordinates.
    pub sphere: Option<([f64; 3], f64)>,
    /// What the ranges measure.
    pub range: RangeMode,
    /// One for each level.
    pub levels: Vec<Level>,
}

/// What the ranges of a [`Lod`] measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeMode {
    /// Metres from the eye.
    Distance,
    /// Pixels the bounding sphere covers.
    Pixels,
}

/// One level of a [`Lod`].
#[derive(Debug)]
pub struct Level {
    /// It is drawn from this range on.
    pub min: f32,
    /// And up to this.
    pub max: f32,
    /// Its content, where it is in this file.
    pub node: Option<Arc<Node>>,
    /// Its file otherwise, as written and untrusted, relative to the folder of this file.
    pub file: Option<String>,
}

/// Something drawn, as it stands in the file.
#[derive(Debug, Default)]
pub struct Geometry {
    /// Metres in the node's own coordinates.
    pub positions: Vec<[f64; 3]>,
    /// One for each position, or none.
    pub normals: Vec<[f32; 3]>,
    /// One for each position, or none; v points up.
    pub uvs: Vec<[f32; 2]>,
    /// One for each position, or none.
    pub colors: Vec<[u8; 4]>,
    /// Colour of the whole where it has one.
    pub overall_color: Option<[u8; 4]>,
    /// What joins the vertices.
    pub primitives: Vec<Arc<PrimitiveSet>>,
    /// What it looks like, over what the nodes above say.
    pub state: Option<Arc<State>>,
}

/// Vertices joined by one OpenGL mode.
#[derive(Debug)]
pub struct PrimitiveSet {
    /// OpenGL's number: 4 triangles, 5 strip, 6 fan, 7 quads, 8 quad strip, 9 polygon.
    pub mode: u32,
    /// Which vertices.
    pub vertices: Vertices,
}

/// Which vertices a [`PrimitiveSet`] joins.
#[derive(Debug)]
pub enum Vertices {
    /// Consecutive ones.
    Range {
        /// Number of the first.
        first: u32,
        /// How many.
        count: u32,
    },
    /// Runs of consecutive ones, each on its own (a strip or fan each).
    Runs {
        /// Number of the first.
        first: u32,
        /// How many in each.
        lengths: Vec<u32>,
    },
    /// By number.
    Indexed(Vec<u32>),
}

/// What a geometry looks like, as far as it matters to a photograph on a mesh.
#[derive(Debug, Default, Clone)]
pub struct State {
    /// Picture of texture unit 0.
    pub picture: Option<Arc<Picture>>,
    /// Whether the picture repeats beyond its edges, across and up.
    pub repeat: [bool; 2],
    /// Diffuse colour, red, green, blue, alpha in 0..1.
    pub diffuse: Option<[f32; 4]>,
}

/// A picture as it stands in the file.
#[derive(Debug)]
pub struct Picture {
    /// File name as written: untrusted, and only a name where the bytes are here.
    pub name: String,
    /// Its bytes.
    pub content: PictureContent,
}

/// The bytes of a [`Picture`].
#[derive(Debug)]
pub enum PictureContent {
    /// A complete JPEG, PNG, DDS, … file.
    File(Vec<u8>),
    /// Uncompressed or S3TC pixels.
    Pixels(Pixels),
    /// In a file of that name beside the scene.
    Elsewhere,
}

/// Pixels as OpenGL would be given them.
#[derive(Debug)]
pub struct Pixels {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// OpenGL pixel format (6407 RGB, 6408 RGBA, 0x83F0.. S3TC, …).
    pub format: u32,
    /// OpenGL type of a component (5121: byte).
    pub component: u32,
    /// Rows start on multiples of this many bytes.
    pub packing: u32,
    /// The pixels, the row at v = 0 first; mipmaps may follow the first level.
    pub bytes: Vec<u8>,
}

/// Why a file can't be read: what, in which class, where.
#[derive(Debug, thiserror::Error)]
#[error("{reason} (class {class}, format version {version}, byte {offset})")]
pub struct OsgbError {
    /// What is wrong.
    pub reason: String,
    /// The innermost class being read; `header` before the first.
    pub class: String,
    /// Format version of the container; 0 before it is known.
    pub version: u32,
    /// Where, counted after decompression.
    pub offset: usize,
}
