//! The layers a viewer can show: one file per kind, one list of them.
//!
//! A layer turns a server's bytes into plain data for the scene; it runs on loading threads and never draws.
//! Three roles cover what a server has: heights under the ground, pictures draped over it, and 3D Tiles standing on it.
//! A fourth is that of a project under review, whose layers are made here from its documents; a fifth that of what is
//! worked out of the ground: the difference of two epochs, water, what is seen from where, what became of buildings.

pub mod conflicts;
pub mod damage;
pub mod difference;
mod drawn;
pub mod flood;
pub mod imagery;
pub mod mesh;
pub mod plan;
pub mod point_cloud;
pub mod red_line;
pub mod schemes;
pub mod terrain;
pub mod viewshed;

use std::sync::Arc;

use glam::DMat4;
use url::Url;

use crate::error::ViewError;
use crate::fetch::{Decode, Fetched};
use crate::meeting::Meeting;
use crate::scene::draw::{Picture, PointSet, Shape};
use crate::scene::label::Label;
use crate::service::{Dataset, Links, Pyramid};
use schemes::BuiltScheme;
use terrain::HeightRaster;

/// A tile address on the Web Mercator grid: zoom, column, row.
pub type Address = (u8, u32, u32);

/// One kind of layer.
pub struct Kind {
    /// The dataset kind it shows, as the server writes it.
    pub dataset_kind: &'static str,
    /// Its name in Chinese and English.
    pub title: [&'static str; 2],
    /// The link its data start from.
    pub entry: fn(&Links) -> Option<&String>,
    /// Which part it plays.
    pub role: Role,
}

/// Opens a drape from a dataset, its pyramid and its style's bytes.
pub type OpenDrape = fn(&Dataset, Pyramid, Option<&[u8]>) -> Result<Arc<dyn Drape>, ViewError>;

/// Makes a layer of a project; `None` where the project has nothing of the kind.
pub type MakeProject = fn(&Meeting) -> Result<Option<Made>, ViewError>;

/// A layer made from a project's documents.
pub enum Made {
    /// Draped over the ground.
    Drape(Arc<dyn Drape>),
    /// The project's schemes, built one by one when they are shown.
    Schemes,
}

/// What a layer does in the scene.
#[derive(Clone, Copy)]
pub enum Role {
    /// Gives the ground its height.
    Heights {
        /// Decodes a height tile; `None` where there is none.
        decode: fn(&Fetched) -> Result<Option<Arc<HeightRaster>>, ViewError>,
    },
    /// Is draped over the ground.
    Drape {
        /// Opens the layer from its TileJSON, once its style (if any) has come.
        open: OpenDrape,
    },
    /// Stands on the ground as 3D Tiles.
    Tileset {
        /// Decodes a tile's glb.
        decode: fn(&Fetched) -> Result<Vec<Piece>, ViewError>,
        /// Largest screen-space error in pixels that may stay on screen.
        max_error_px: f64,
    },
    /// Belongs to the project under review.
    Project {
        /// Its slug among the layers.
        slug: &'static str,
        /// Its name in Chinese and English.
        name: [&'static str; 2],
        /// Makes it.
        make: MakeProject,
    },
    /// Is worked out of the ground, or of an analysis of the server, when somebody asks for it.
    Study {
        /// Its slug among the layers.
        slug: &'static str,
        /// Its name in Chinese and English.
        name: [&'static str; 2],
    },
}

/// Every kind the viewer knows.
pub const KINDS: &[Kind] = &[
    terrain::KIND,
    imagery::KIND,
    imagery::BASEMAP,
    difference::KIND,
    viewshed::KIND,
    plan::KIND,
    conflicts::KIND,
    red_line::KIND,
    damage::KIND,
    mesh::KIND,
    point_cloud::KIND,
    schemes::KIND,
    flood::KIND,
];

/// Place of basemaps in [`KINDS`]: they lie under everything.
pub const BASEMAP_PLACE: usize = 2;

/// The kind that shows a dataset, if any does.
#[must_use]
pub fn kind_of(dataset: &Dataset) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.dataset_kind == dataset.kind && (kind.entry)(&dataset.links).is_some())
}

/// What to fetch, if anything, and what to make of the answer.
pub type Wanted = (Option<Url>, Decode<Loaded>);

/// A layer of pictures on the Web Mercator grid.
pub trait Drape: Send + Sync {
    /// Where it has tiles.
    fn pyramid(&self) -> &Pyramid;

    /// The finest zoom worth drawing; at least the pyramid's.
    fn finest_zoom(&self) -> u8 {
        self.pyramid().max_zoom
    }

    /// Whether it lies over models as well: plans do, while a model carries its own photograph.
    fn lies_on_models(&self) -> bool {
        false
    }

    /// What to fetch for a tile (nothing where it is drawn from what is held), and how to make its picture (`None`: nothing there).
    fn request(&self, address: Address) -> Result<Wanted, ViewError>;
}

/// What a loading thread hands to the scene.
pub enum Loaded {
    /// A layer's TileJSON and, if it has one, its style.
    Opened {
        /// The pyramid.
        pyramid: Pyramid,
        /// The style's JSON.
        style: Option<Vec<u8>>,
    },
    /// A tileset's JSON and where it came from.
    Tileset {
        /// The JSON.
        body: bytes::Bytes,
        /// Base of its relative links.
        url: Url,
    },
    /// Heights, or none there.
    Heights(Option<Arc<HeightRaster>>),
    /// A picture, or none there, and the labels that go with it.
    Picture {
        /// The picture.
        picture: Option<Arc<Picture>>,
        /// Texts anchored on the ground.
        labels: Vec<Label>,
    },
    /// A scheme of the project under review.
    Scheme(Box<BuiltScheme>),
    /// Something was sent to the server; what it answered.
    Sent(serde_json::Value),
    /// The project under review, read once more.
    Meeting(Box<Meeting>),
    /// The content of a 3D tile.
    Pieces(Vec<Piece>),
    /// Features picked, as GeoJSON.
    Features(serde_json::Value),
}

/// A drawable part of a 3D tile. `tile_from_local` leads to the tile's own axes (z up), in metres.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Triangles.
    Mesh {
        /// The triangles.
        shape: Arc<Shape>,
        /// Their texture.
        picture: Option<Arc<Picture>>,
        /// Placement in the tile.
        tile_from_local: DMat4,
        /// Multiplies texture and vertex colour; linear.
        base_color: [f32; 4],
        /// Whether the drawer adds light.
        lit: bool,
    },
    /// Points.
    Points {
        /// The points.
        points: Arc<PointSet>,
        /// Placement in the tile.
        tile_from_local: DMat4,
    },
}

impl Piece {
    /// Bytes held, here and in a drawer's copy.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Mesh { shape, picture, .. } => shape.bytes() + picture.as_ref().map_or(0, |picture| picture.bytes()),
            Self::Points { points, .. } => points.bytes(),
        }
    }
}

/// Decodes an image tile (PNG, JPEG, WebP; found out from the bytes) into a picture. A side over 8,192 px is refused.
pub fn picture_from_image(fetched: &Fetched, repeats: bool) -> Result<Option<Arc<Picture>>, ViewError> {
    if fetched.body.is_empty() {
        return Ok(None);
    }
    let image = decode_image(fetched)?.into_rgba8();
    let size = [image.width(), image.height()];
    Ok(Picture::new(size, image.into_raw(), repeats).map(Arc::new))
}

/// A drawing of carto as a picture; `None` where nothing was drawn.
fn picture_from_drawing(drawn: &carto::Pixmap, side_px: u32) -> Option<Arc<Picture>> {
    let mut straight = Vec::with_capacity(drawn.data().len());
    let mut blank = true;
    for pixel in drawn.pixels() {
        let color = pixel.demultiply();
        blank &= color.alpha() == 0;
        straight.extend([color.red(), color.green(), color.blue(), color.alpha()]);
    }
    if blank { None } else { Picture::new([side_px, side_px], straight, false).map(Arc::new) }
}

fn decode_image(fetched: &Fetched) -> Result<image::DynamicImage, ViewError> {
    const MAX_SIDE_PX: u32 = 8_192;
    let failed = |source| ViewError::Image { url: fetched.url.to_string(), source: Box::new(source) };
    let mut reader = image::ImageReader::new(std::io::Cursor::new(&fetched.body))
        .with_guessed_format()
        .map_err(|source| failed(image::ImageError::IoError(source)))?;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_SIDE_PX);
    limits.max_image_height = Some(MAX_SIDE_PX);
    limits.max_alloc = Some(512 << 20);
    reader.limits(limits);
    reader.decode().map_err(failed)
}
