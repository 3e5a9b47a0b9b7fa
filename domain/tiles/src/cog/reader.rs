//! An open cloud-optimised `GeoTIFF`: its levels, windows of pixels, and tiles as they are stored.

use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;

use super::codec::decode_tile;
use super::geo::{GeoKeys, GeoTransform, read_transform};
use super::layout::{Compression, Layout, Role, SampleType, photometric};
use super::tiff::{FORMAT, Source, directories, tag};
use crate::TilesError;

/// A window larger than this many pixels is refused.
const MAX_WINDOW_PIXELS: u64 = 64 << 20;

/// One resolution of a raster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Pixels from west to east.
    pub width: u32,
    /// Pixels from north to south.
    pub height: u32,
    /// Pixels of the full resolution per pixel of this one, in columns and in rows.
    pub scale: [f64; 2],
}

/// A rectangle of pixels of a level. It may reach over the raster's edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First column.
    pub x: i64,
    /// First row.
    pub y: i64,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// Pixels as red, green, blue and alpha.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RgbaPixels {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Four bytes per pixel, row by row; alpha is not premultiplied, and 0 where there is no data.
    pub data: Vec<u8>,
}

/// Samples of one band.
#[derive(Debug, Clone, PartialEq)]
pub struct BandPixels {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// One value per pixel, row by row; NaN where there is no data.
    pub values: Vec<f32>,
}

/// An open raster. Cheap to clone; holds its directories, not its pixels.
#[derive(Clone)]
pub struct Cog {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) source: Source,
    pub(super) images: Vec<Image>,
    transform: Option<GeoTransform>,
    crs_text: Option<String>,
    nodata: Option<f64>,
    path: String,
}

/// A level's layout and that of its mask.
pub(super) struct Image {
    pub(super) level: Level,
    pub(super) layout: Arc<Layout>,
    pub(super) mask: Option<Arc<Layout>>,
}

impl Cog {
    /// Opens a raster in a store: reads its directories and nothing else.
    ///
    /// # Errors
    /// When the blob cannot be read, is no tiled TIFF, or uses something this reader does not know.
    pub async fn open(store: Arc<dyn ObjectStore>, path: &Path) -> Result<Self, TilesError> {
        let source = Source::open(store, path).await?;
        let (flavour, found) = directories(&source).await?;
        let Some(first) = found.first() else {
            return Err(TilesError::malformed(FORMAT, "no image"));
        };
        let keys = GeoKeys::read(&source, first).await?;
        let transform = read_transform(&source, first, &keys).await?;
        let nodata = first.text(&source, tag::GDAL_NODATA).await?.trim().parse().ok();
        let mut layouts = Vec::new();
        for (index, directory) in found.iter().enumerate() {
            let layout = Layout::read(&source, flavour, directory).await?;
            if index == 0 || layout.role != Role::Image {
                layouts.push(Arc::new(layout));
            }
        }
        let (masks, mut levels): (Vec<_>, Vec<_>) = layouts.into_iter().partition(|layout| layout.role == Role::Mask);
        levels.sort_by_key(|layout| std::cmp::Reverse(layout.width));
        let Some(full) = levels.first().cloned() else {
            return Err(TilesError::malformed(FORMAT, "masks without an image"));
        };
        let images = levels
            .into_iter()
            .filter(|layout| (layout.bands, layout.sample_type) == (full.bands, full.sample_type))
            .map(|layout| Image {
                level: Level {
                    width: layout.width,
                    height: layout.height,
                    scale: [scale(full.width, layout.width), scale(full.height, layout.height)],
                },
                mask: masks.iter().find(|m| (m.width, m.height) == (layout.width, layout.height)).cloned(),
                layout,
            })
            .collect();
        let inner = Inner { source, images, transform, crs_text: keys.crs_text(), nodata, path: path.to_string() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Opens a local file.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_file(path: &FilePath) -> Result<Self, TilesError> {
        let name = path.display().to_string();
        let absolute = std::path::absolute(path).map_err(|source| TilesError::File { path: name, source })?;
        let path = Path::from_absolute_path(absolute).map_err(|source| TilesError::codec(FORMAT, source))?;
        Self::open(Arc::new(LocalFileSystem::new()), &path).await
    }

    /// The path it was opened by.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.inner.path
    }

    /// The resolutions, full one first.
    pub fn levels(&self) -> impl ExactSizeIterator<Item = Level> + '_ {
        self.inner.images.iter().map(|image| image.level)
    }

    /// Number of bands, alpha included.
    #[must_use]
    pub fn bands(&self) -> usize {
        self.full().bands
    }

    /// The type of the samples.
    #[must_use]
    pub fn sample_type(&self) -> SampleType {
        self.full().sample_type
    }

    /// How the tiles are compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.full().compression
    }

    /// The value that means "no data", when the file names one.
    #[must_use]
    pub fn nodata(&self) -> Option<f64> {
        self.inner.nodata
    }

    /// From pixels of the full resolution to the raster's CRS; `None` for a raster without a place.
    #[must_use]
    pub fn transform(&self) -> Option<GeoTransform> {
        self.inner.transform
    }

    /// The CRS as text for [`geodesy::Crs::from_user_input`]; `None` when the file does not say.
    #[must_use]
    pub fn crs_text(&self) -> Option<&str> {
        self.inner.crs_text.as_deref()
    }

    pub(super) fn full(&self) -> &Layout {
        &self.inner.images[0].layout
    }

    /// A window of one band (the first is 0) of a level (0 is the full resolution); NaN outside and for no data.
    ///
    /// # Errors
    /// When there is no such level or band, the window is over 64 million pixels, or the file cannot be read.
    pub async fn read_band(&self, level: usize, window: Window, band: usize) -> Result<BandPixels, TilesError> {
        if band >= self.bands() {
            return Err(TilesError::Argument { reason: format!("band {band} of {}", self.bands()) });
        }
        let (tiles, masks) = self.fetch(level, window).await?;
        let (layout, nodata) = (Arc::clone(&self.inner.images[level].layout), self.inner.nodata);
        in_background(move || {
            let mut values = vec![f32::NAN; window.pixels()];
            let size = layout.sample_type.size();
            // A nodata value is a text; what it was written for is the sample nearest to it.
            let nodata =
                nodata.map(|value| if layout.sample_type == SampleType::F32 { f64::from(value as f32) } else { value });
            tiles.paste(&layout, window, |to, samples, at| {
                let start = (at * layout.bands + band) * size;
                let value = layout.sample_type.value(&samples[start..]);
                if nodata.is_none_or(|nodata| value.total_cmp(&nodata).is_ne()) {
                    values[to] = value as f32;
                }
            })?;
            if let Some((mask, tiles)) = masks {
                let mut masked = vec![true; values.len()];
                tiles.paste(&mask, window, |to, samples, at| masked[to] = samples[at] == 0)?;
                values.iter_mut().zip(masked).filter(|(_, masked)| *masked).for_each(|(value, _)| *value = f32::NAN);
            }
            Ok(BandPixels { width: window.width, height: window.height, values })
        })
        .await
    }

    /// A window of a level in colour. One band is grey, two grey and alpha, four with alpha; a mask is alpha too.
    ///
    /// # Errors
    /// When the samples are not bytes, there is no such level, the window is over 64 million pixels, or the file cannot
    /// be read.
    pub async fn read_rgba(&self, level: usize, window: Window) -> Result<RgbaPixels, TilesError> {
        if self.sample_type() != SampleType::U8 || self.full().bits != 8 {
            return Err(TilesError::unsupported(FORMAT, "colour from samples other than bytes"));
        }
        let (tiles, masks) = self.fetch(level, window).await?;
        let (layout, nodata) = (Arc::clone(&self.inner.images[level].layout), self.inner.nodata);
        in_background(move || {
            let mut data = vec![0; window.pixels() * 4];
            let bands = layout.bands;
            let colours = if layout.has_alpha { bands - 1 } else { bands };
            let invert = layout.photometric == photometric::WHITE_IS_ZERO;
            let nodata = nodata.filter(|v| v.fract() == 0.0 && (0.0..256.0).contains(v)).map(|v| v as u8);
            tiles.paste(&layout, window, |to, samples, at| {
                let pixel = &samples[at * bands..(at + 1) * bands];
                let mut rgb = if colours < 3 { [pixel[0]; 3] } else { [pixel[0], pixel[1], pixel[2]] };
                if invert {
                    rgb = rgb.map(|value| 255 - value);
                }
                let empty = nodata.is_some_and(|nodata| pixel[..colours.clamp(1, bands)].iter().all(|v| *v == nodata));
                let alpha = if layout.has_alpha { pixel[bands - 1] } else { 255 };
                data[to * 4..to * 4 + 3].copy_from_slice(&rgb);
                data[to * 4 + 3] = if empty { 0 } else { alpha };
            })?;
            if let Some((mask, tiles)) = masks {
                let mut cover = vec![0; window.pixels()];
                tiles.paste(&mask, window, |to, samples, at| cover[to] = samples[at])?;
                for (pixel, cover) in data.chunks_exact_mut(4).zip(cover) {
                    pixel[3] = pixel[3].min(cover);
                }
            }
            Ok(RgbaPixels { width: window.width, height: window.height, data })
        })
        .await
    }

    /// The bytes of the tiles, and of the mask's tiles, that a window of a level needs.
    async fn fetch(
        &self,
        level: usize,
        window: Window,
    ) -> Result<(Fetched, Option<(Arc<Layout>, Fetched)>), TilesError> {
        let image =
            self.inner.images.get(level).ok_or_else(|| TilesError::Argument {
                reason: format!("level {level} of {}", self.inner.images.len()),
            })?;
        let pixels = u64::from(window.width) * u64::from(window.height);
        if pixels > MAX_WINDOW_PIXELS {
            let (what, limit) = ("window", MAX_WINDOW_PIXELS);
            return Err(TilesError::TooLarge { format: FORMAT, what, size: pixels, limit });
        }
        let tiles = Fetched::of(&self.inner.source, &image.layout, window).await?;
        let masks = match &image.mask {
            Some(mask) => Some((Arc::clone(mask), Fetched::of(&self.inner.source, mask, window).await?)),
            None => None,
        };
        Ok((tiles, masks))
    }
}

impl Window {
    fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }

    /// The columns (axis 0) or rows (axis 1) of the window that exist in an image `size` long.
    fn inside(start: i64, length: u32, size: u32) -> std::ops::Range<u32> {
        let clamp = |v: i64| v.clamp(0, i64::from(size)) as u32;
        clamp(start)..clamp(start.saturating_add(i64::from(length)))
    }
}

/// Pixels of the full resolution per pixel of an overview. Halving an odd number rounds up, so the quotient of the sizes
/// is a little too small: where a power of two explains the size, it is the scale.
fn scale(full: u32, overview: u32) -> f64 {
    (0..31)
        .find(|bits| full.div_ceil(1 << bits) == overview)
        .map_or(f64::from(full) / f64::from(overview), |bits| f64::from(1_u32 << bits))
}

/// Tiles of one image as they are stored.
struct Fetched {
    tiles: Vec<(u32, u32, Bytes)>,
}

impl Fetched {
    async fn of(source: &Source, layout: &Layout, window: Window) -> Result<Self, TilesError> {
        let columns = Window::inside(window.x, window.width, layout.width);
        let rows = Window::inside(window.y, window.height, layout.height);
        let mut places = Vec::new();
        let mut ranges = Vec::new();
        if !columns.is_empty() && !rows.is_empty() {
            for row in rows.start / layout.tile_height..=(rows.end - 1) / layout.tile_height {
                for column in columns.start / layout.tile_width..=(columns.end - 1) / layout.tile_width {
                    if let Some(range) = layout.tile_range(column, row) {
                        places.push((column, row));
                        ranges.push(range);
                    }
                }
            }
        }
        let blobs = source.read_many(&ranges).await?;
        Ok(Self { tiles: places.into_iter().zip(blobs).map(|((column, row), bytes)| (column, row, bytes)).collect() })
    }

    /// Unpacks the tiles and calls `put` for each of their pixels in the window: its index there, the tile's samples,
    /// and its index in the tile.
    fn paste(
        &self,
        layout: &Layout,
        window: Window,
        mut put: impl FnMut(usize, &[u8], usize),
    ) -> Result<(), TilesError> {
        let columns = Window::inside(window.x, window.width, layout.width);
        let rows = Window::inside(window.y, window.height, layout.height);
        for (column, row, bytes) in &self.tiles {
            let samples = decode_tile(layout, bytes)?;
            let (left, top) = (column * layout.tile_width, row * layout.tile_height);
            let xs = columns.start.max(left)..columns.end.min(left + layout.tile_width);
            let ys = rows.start.max(top)..rows.end.min(top + layout.tile_height);
            for y in ys {
                let to_row = (i64::from(y) - window.y) as usize * window.width as usize;
                let from_row = (y - top) as usize * layout.tile_width as usize;
                for x in xs.clone() {
                    put(to_row + (i64::from(x) - window.x) as usize, &samples, from_row + (x - left) as usize);
                }
            }
        }
        Ok(())
    }
}

/// Runs CPU work beside the asynchronous tasks.
pub(super) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TilesError> + Send + 'static,
) -> Result<T, TilesError> {
    tokio::task::spawn_blocking(work).await.map_err(|source| TilesError::codec("background task", source))?
}
