//! glTF 2.0 meshes and points as tiles carry them: what a model is, and how it can fail.
//!
//! [`write`] makes one self-contained glb; [`read`] takes glb, glTF JSON and b3dm, never i3dm,
//! pnts or cmpt. Images stay the bytes they were: nothing here decodes a pixel.
//! The JSON is read with our own few structures rather than `gltf-json`, which keeps node
//! matrices in f32: tiles placed by an ECEF translation in a node would be off by half a metre.
//!
//! Axes: glTF is y-up, so a vertex of a tile is (east, up, -north) of the tile's ENU frame, in
//! metres. 3D Tiles turn y-up into z-up *after* the nodes' matrices (3D Tiles 1.1, 6.7.1.6).

mod buffer;
mod color;
mod container;
mod gather;
mod schema;
mod writer;

pub use gather::{external_uris, read};
pub use writer::write;

/// Column-major 4 x 4 matrix, f64.
pub type Matrix = [f64; 16];

/// The matrix that changes nothing.
pub const IDENTITY: Matrix = [1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1.];

/// Turns glTF's y-up into the z-up of tile frames: (x, y, z) becomes (x, -z, y).
pub const Z_UP_FROM_Y_UP: Matrix = [1., 0., 0., 0., 0., 0., 1., 0., 0., -1., 0., 0., 0., 0., 0., 1.];

/// Product `a * b` of two column-major matrices.
#[must_use]
pub fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|i| (0..4).map(|k| a[k * 4 + i % 4] * b[i / 4 * 4 + k]).sum())
}

/// `matrix` applied to a point.
#[must_use]
pub fn transform_point(matrix: &Matrix, p: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| matrix[i] * p[0] + matrix[4 + i] * p[1] + matrix[8 + i] * p[2] + matrix[12 + i])
}

/// One glb: what to draw, with what, and where it stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    /// What is drawn.
    pub primitives: Vec<Primitive>,
    /// What the primitives look like.
    pub materials: Vec<Material>,
    /// Compressed pictures, untouched.
    pub images: Vec<Image>,
    /// `RTC_CENTER` of a b3dm or `CESIUM_RTC`: metres in the tile's z-up frame. Zero where absent.
    /// The writer refuses anything but zero: our tiles carry their place in `transform`.
    pub rtc_center: [f64; 3],
}

impl Model {
    /// Matrix from glTF space (y-up) to the tile's frame (z-up), with the RTC centre.
    /// A vertex stands at `tile_from_gltf * placement * position`.
    #[must_use]
    pub fn tile_from_gltf(&self) -> Matrix {
        let mut matrix = Z_UP_FROM_Y_UP;
        matrix[12..15].copy_from_slice(&self.rtc_center);
        matrix
    }

    /// Triangles over all primitives, each counted once however often it is placed.
    #[must_use]
    pub fn triangle_count(&self) -> usize {
        self.primitives.iter().map(Primitive::triangle_count).sum()
    }
}

/// Vertices with one material. Attributes are empty where absent, else as long as `positions`.
#[derive(Debug, Clone, PartialEq)]
pub struct Primitive {
    /// What the vertices join to.
    pub mode: Mode,
    /// Metres, y-up, relative to the placement.
    pub positions: Vec<[f32; 3]>,
    /// Unit normals, y-up.
    pub normals: Vec<[f32; 3]>,
    /// Texture coordinates; (0, 0) is the top left pixel of the image.
    pub uvs: Vec<[f32; 2]>,
    /// Red, green, blue in sRGB, and alpha, as pictures have them; `COLOR_0` itself is linear.
    pub colors: Vec<[u8; 4]>,
    /// `_CLASSIFICATION` of points (LAS classes).
    pub classification: Vec<u8>,
    /// `_INTENSITY` of points.
    pub intensity: Vec<u16>,
    /// Vertex numbers, all below `positions.len()`; empty: the vertices in order.
    pub indices: Vec<u32>,
    /// Index into [`Model::materials`].
    pub material: Option<usize>,
    /// Where it stands in glTF space, once for each time it is drawn.
    pub placements: Vec<Matrix>,
}

impl Primitive {
    /// An empty primitive that stands once, unmoved.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            positions: Vec::new(),
            normals: Vec::new(),
            uvs: Vec::new(),
            colors: Vec::new(),
            classification: Vec::new(),
            intensity: Vec::new(),
            indices: Vec::new(),
            material: None,
            placements: vec![IDENTITY],
        }
    }

    /// How many triangles are drawn, degenerate ones counted.
    #[must_use]
    pub fn triangle_count(&self) -> usize {
        let corners = if self.indices.is_empty() { self.positions.len() } else { self.indices.len() };
        match self.mode {
            Mode::Triangles => corners / 3,
            Mode::TriangleStrip | Mode::TriangleFan => corners.saturating_sub(2),
            Mode::Points | Mode::Lines | Mode::LineLoop | Mode::LineStrip => 0,
        }
    }
}

/// What vertices join to; the numbers are glTF's (and OpenGL's).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Single points.
    Points = 0,
    /// Pairs.
    Lines = 1,
    /// A closed line.
    LineLoop = 2,
    /// A line.
    LineStrip = 3,
    /// Triples.
    Triangles = 4,
    /// Each vertex with the two before it.
    TriangleStrip = 5,
    /// Each pair with the first vertex.
    TriangleFan = 6,
}

impl Mode {
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        use Mode::{LineLoop, LineStrip, Lines, Points, TriangleFan, TriangleStrip, Triangles};
        let all = [Points, Lines, LineLoop, LineStrip, Triangles, TriangleStrip, TriangleFan];
        all.get(usize::try_from(number).ok()?).copied()
    }
}

/// How a primitive looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Material {
    /// Linear red, green, blue, alpha; multiplies image and vertex colour.
    pub base_color: [f32; 4],
    /// Index into [`Model::images`].
    pub image: Option<usize>,
    /// What lies beyond the edges of the image, across and down.
    pub wrap: [Wrap; 2],
    /// Light is already in the picture (`KHR_materials_unlit`).
    pub unlit: bool,
    /// Seen from behind as well.
    pub double_sided: bool,
    /// What alpha means.
    pub alpha: Alpha,
}

impl Default for Material {
    /// White, lit, one-sided, opaque: glTF's own default, but images clamp.
    fn default() -> Self {
        Self {
            base_color: [1.0; 4],
            image: None,
            wrap: [Wrap::Clamp; 2],
            unlit: false,
            double_sided: false,
            alpha: Alpha::Opaque,
        }
    }
}

/// What lies beyond the edge of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrap {
    /// The edge pixel.
    Clamp,
    /// The image again.
    Repeat,
    /// The image mirrored.
    Mirror,
}

/// What the alpha of a material does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Alpha {
    /// Nothing.
    Opaque,
    /// Cuts away what is below the value.
    Mask(f32),
    /// Blends with what is behind.
    Blend,
}

/// A compressed picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What the first bytes say.
    pub format: ImageFormat,
    /// The file, untouched.
    pub bytes: Vec<u8>,
}

impl Image {
    /// Names the format from the first bytes; no declared MIME type is trusted.
    #[must_use]
    pub fn sniff(bytes: Vec<u8>) -> Self {
        let format = match bytes.as_slice() {
            [0xFF, 0xD8, 0xFF, ..] => ImageFormat::Jpeg,
            [0x89, b'P', b'N', b'G', ..] => ImageFormat::Png,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => ImageFormat::Webp,
            [0xAB, b'K', b'T', b'X', ..] => ImageFormat::Ktx2,
            _ => ImageFormat::Unknown,
        };
        Self { format, bytes }
    }
}

/// What a picture is compressed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// `image/jpeg`.
    Jpeg,
    /// `image/png`.
    Png,
    /// `image/webp`, only through `EXT_texture_webp`.
    Webp,
    /// `image/ktx2`: GPU textures, which nothing here can open.
    Ktx2,
    /// Nothing we know.
    Unknown,
}

/// Why a model can't be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GlbError {
    /// The bytes are not what they should be.
    #[error("not a valid {what}: {reason}")]
    Invalid {
        /// Part of the file: `glb header`, `accessor 3`.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The JSON does not parse.
    #[error("the glTF JSON does not parse")]
    Json {
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// Valid, but asks for something that is not built here.
    #[error("unsupported: {extension} is needed to read this model")]
    Unsupported {
        /// The extension or format by name: `KHR_draco_mesh_compression`, `i3dm`, `glTF 1.0`.
        extension: String,
    },
    /// A file named in the model could not be had.
    #[error("the model names {uri}, which could not be read")]
    External {
        /// As written in the model.
        uri: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// More than we are willing to hold.
    #[error("{what} is {size}, more than the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it says it is.
        size: u64,
        /// The limit.
        limit: u64,
    },
}

impl GlbError {
    pub(crate) fn invalid(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), reason: reason.into() }
    }
}
