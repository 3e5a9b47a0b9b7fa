//! Writes the container that oblique-photogrammetry programs deliver: OpenSceneGraph binary scenes, format version 80
//! (what ContextCapture writes), uncompressed, JPEG textures inline. Shares no line with the importer's reader,
//! so that one misreading of the format cannot hide in both; `osgconv` is the judge.

/// Container format version.
const VERSION: u32 = 80;

/// One textured mesh.
#[derive(Debug, Clone, Default)]
pub struct Mesh {
    /// Vertices: east, north, up in local metres.
    pub positions: Vec<[f32; 3]>,
    /// Texture coordinates, v up.
    pub texcoords: Vec<[f32; 2]>,
    /// Triangles, anticlockwise seen from outside.
    pub indices: Vec<u32>,
    /// A complete JPEG file.
    pub jpeg: Vec<u8>,
    /// Width and height of the picture.
    pub picture: [u32; 2],
    /// File name that the picture claims.
    pub picture_name: String,
}

/// A node of a scene file.
#[derive(Debug, Clone)]
pub enum Node {
    /// Just a mesh: a leaf.
    Leaf(Mesh),
    /// Several nodes.
    Group(Vec<Self>),
    /// A mesh that gives way to a finer file when it covers more than `switch_px` pixels.
    Paged {
        /// The coarse mesh.
        mesh: Mesh,
        /// File with the finer nodes, in the same folder.
        finer: String,
        /// Diameter on screen at which to switch, in pixels.
        switch_px: f32,
    },
}

struct Writer {
    bytes: Vec<u8>,
    next_id: u32,
    next_array: u32,
}

/// The bytes of one `.osgb` file.
pub fn write(root: &Node) -> Vec<u8> {
    let mut writer = Writer { bytes: Vec::new(), next_id: 0, next_array: 0 };
    writer.u32(0x6C91_0EA1);
    writer.u32(0x1AFB_4545);
    writer.u32(1);
    writer.u32(VERSION);
    writer.u32(0);
    writer.text("0");
    writer.node(root);
    writer.bytes
}

impl Writer {
    fn u32(&mut self, value: u32) {
        self.bytes.extend(value.to_le_bytes());
    }
    fn i32(&mut self, value: i32) {
        self.bytes.extend(value.to_le_bytes());
    }
    fn f32(&mut self, value: f32) {
        self.bytes.extend(value.to_le_bytes());
    }
    fn f64(&mut self, value: f64) {
        self.bytes.extend(value.to_le_bytes());
    }
    fn bool(&mut self, value: bool) {
        self.bytes.push(u8::from(value));
    }
    fn absent(&mut self, count: usize) {
        self.bytes.extend(std::iter::repeat_n(0, count));
    }
    fn text(&mut self, value: &str) {
        self.u32(value.len() as u32);
        self.bytes.extend(value.as_bytes());
    }
    /// An optional GL enumeration that is there.
    fn glenum(&mut self, value: u32) {
        self.bool(true);
        self.u32(value);
    }

    /// Class name, a new id, and the `Object` block.
    fn object(&mut self, class: &str) {
        self.text(class);
        self.identity();
        self.object_block();
    }
    fn identity(&mut self) {
        self.next_id += 1;
        self.u32(self.next_id);
    }
    fn object_block(&mut self) {
        self.text("");
        self.i32(2);
        self.bool(false);
    }
    fn node_block(&mut self) {
        // No initial bound and none of four callbacks; culled as usual; seen by all; no state of its own.
        self.absent(5);
        self.bool(true);
        self.u32(u32::MAX);
        self.bool(false);
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Leaf(mesh) => self.geode(mesh),
            Node::Group(children) => {
                self.object("osg::Group");
                self.node_block();
                self.bool(true);
                self.u32(children.len() as u32);
                for child in children {
                    self.node(child);
                }
            }
            Node::Paged { mesh, finer, switch_px } => self.paged(mesh, finer, *switch_px),
        }
    }

    fn paged(&mut self, mesh: &Mesh, finer: &str, switch_px: f32) {
        self.object("osg::PagedLOD");
        self.node_block();
        let (centre, radius) = sphere(mesh);
        self.i32(1);
        self.bool(true);
        for value in centre {
            self.f64(value);
        }
        self.f64(radius);
        // Ranges are pixels on screen.
        self.i32(1);
        self.bool(true);
        self.u32(2);
        for value in [0.0, switch_px, switch_px, 1.0e30] {
            self.f32(value);
        }
        self.bool(true);
        self.bool(false);
        self.u32(0);
        self.bool(false);
        self.bool(true);
        self.u32(2);
        self.text("");
        self.text(finer);
        self.u32(2);
        for value in [0.0, 1.0, 0.0, 1.0] {
            self.f32(value);
        }
        self.bool(true);
        self.u32(1);
        self.geode(mesh);
    }

    fn geode(&mut self, mesh: &Mesh) {
        self.object("osg::Geode");
        self.node_block();
        self.bool(true);
        self.u32(1);
        self.geometry(mesh);
    }

    fn geometry(&mut self, mesh: &Mesh) {
        self.object("osg::Geometry");
        self.bool(true);
        self.state_set(mesh);
        // No bound, bound callback or shape; display lists yes, buffers no; no callbacks.
        self.absent(3);
        self.bool(true);
        self.bool(true);
        self.bool(false);
        self.absent(4);
        self.u32(1);
        self.u32(54);
        self.u32(4);
        self.u32(mesh.indices.len() as u32);
        for index in &mesh.indices {
            self.u32(*index);
        }
        self.bool(true);
        self.array(16, mesh.positions.iter().map(|p| &p[..]), mesh.positions.len());
        // No normals, colours, secondary colours or fog coordinates.
        self.absent(4);
        self.bool(true);
        self.u32(1);
        self.array(15, mesh.texcoords.iter().map(|t| &t[..]), mesh.texcoords.len());
        self.bool(false);
        self.bool(false);
    }

    fn array<'a>(&mut self, kind: u32, elements: impl Iterator<Item = &'a [f32]>, count: usize) {
        self.bool(true);
        self.next_array += 1;
        self.u32(self.next_array);
        self.u32(kind);
        self.u32(count as u32);
        for element in elements {
            for value in element {
                self.f32(*value);
            }
        }
        // No indices; one element a vertex; not normalised.
        self.bool(false);
        self.i32(4);
        self.i32(0);
    }

    fn state_set(&mut self, mesh: &Mesh) {
        self.object("osg::StateSet");
        self.absent(2);
        self.bool(true);
        self.u32(1);
        self.u32(1);
        self.u32(0x0DE1);
        self.u32(1);
        self.bool(true);
        self.u32(1);
        self.u32(1);
        self.texture(mesh);
        self.u32(1);
        self.bool(false);
        for _ in 0..3 {
            self.i32(0);
        }
        self.text("");
        self.bool(true);
        self.absent(2);
    }

    fn texture(&mut self, mesh: &Mesh) {
        self.object("osg::Texture2D");
        self.absent(2);
        for _ in 0..3 {
            self.glenum(0x812F);
        }
        self.glenum(0x2703);
        self.glenum(0x2601);
        self.f32(1.0);
        self.bool(true);
        self.bool(false);
        self.bool(false);
        self.bool(true);
        for _ in 0..4 {
            self.f64(0.0);
        }
        self.i32(0);
        self.i32(0);
        self.glenum(0x1907);
        self.glenum(0);
        self.glenum(0);
        self.bool(false);
        self.i32(0x0203);
        self.i32(0x1909);
        self.f32(0.0);
        self.bool(true);
        self.identity();
        self.text(&mesh.picture_name);
        self.i32(0);
        // The JPEG travels inline as a complete file.
        self.i32(1);
        self.u32(mesh.jpeg.len() as u32);
        self.bytes.extend(&mesh.jpeg);
        self.object_block();
        self.i32(mesh.picture[0] as i32);
        self.i32(mesh.picture[1] as i32);
    }
}

/// Centre and radius of a sphere round a mesh.
fn sphere(mesh: &Mesh) -> ([f64; 3], f64) {
    let (mut low, mut high) = ([f64::MAX; 3], [f64::MIN; 3]);
    for p in &mesh.positions {
        for axis in 0..3 {
            low[axis] = low[axis].min(f64::from(p[axis]));
            high[axis] = high[axis].max(f64::from(p[axis]));
        }
    }
    let centre = [0, 1, 2].map(|axis| f64::midpoint(low[axis], high[axis]));
    let radius = (0..3).map(|axis| (high[axis] - centre[axis]).powi(2)).sum::<f64>().sqrt();
    (centre, radius)
}
