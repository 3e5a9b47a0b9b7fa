//! Tiles of a web map that are stored as they are served: one range of a web-aligned raster, no pixel touched.

use bytes::Bytes;
use geodesy::grid::{TileCoord, TileMatrixSet};

use super::codec::{decode_tile, whole_jpeg};
use super::layout::Compression;
use super::reader::{Cog, Image, in_background};
use crate::TilesError;

/// A file format of picture tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PictureFormat {
    /// JPEG.
    Jpeg,
    /// `WebP`.
    Webp,
    /// PNG.
    Png,
}

impl PictureFormat {
    /// Its media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Png => "image/png",
        }
    }

    /// Its file extension, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
            Self::Png => "png",
        }
    }
}

/// A complete picture file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureTile {
    /// Its format.
    pub format: PictureFormat,
    /// Its bytes.
    pub bytes: Bytes,
}

/// What the file holds for a tile of the web map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredTile {
    /// The tile itself.
    Picture(PictureTile),
    /// The tile is on one of the file's levels, and empty.
    Empty,
    /// The file's tiles are not this tile: it has to be resampled.
    Unaligned,
}

impl Cog {
    /// The zooms (256-pixel convention) whose tiles are stored as they are served: smallest and largest.
    #[must_use]
    pub fn aligned_zooms(&self) -> Option<(u8, u8)> {
        let zooms: Vec<u8> = self.inner.images.iter().filter_map(|image| Some(self.aligned(image)?.0)).collect();
        zooms.iter().min().copied().zip(zooms.iter().max().copied())
    }

    /// The stored tile at an address of the `w` grid. Levels of 512-pixel tiles answer for the zoom their tiles span.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn stored_tile(&self, tile: TileCoord) -> Result<StoredTile, TilesError> {
        let found = self.inner.images.iter().find_map(|image| {
            self.aligned(image).filter(|(zoom, _)| *zoom == tile.z).map(|(_, corner)| (image, corner))
        });
        let format = match self.compression() {
            Compression::Jpeg => PictureFormat::Jpeg,
            Compression::Webp => PictureFormat::Webp,
            _ => return Ok(StoredTile::Unaligned),
        };
        let Some((image, corner)) = found else {
            return Ok(StoredTile::Unaligned);
        };
        let place = |index: u32, first: i64| u32::try_from(i64::from(index) - first).ok();
        let range = place(tile.x, corner[0])
            .zip(place(tile.y, corner[1]))
            .and_then(|(column, row)| Some((column, row, image.layout.tile_range(column, row)?)));
        let Some((column, row, range)) = range else {
            return Ok(StoredTile::Empty);
        };
        if let Some(mask) = &image.mask {
            // The picture knows nothing of the mask beside it.
            let Some(range) = mask.tile_range(column, row) else {
                return Ok(StoredTile::Empty);
            };
            let bytes = self.inner.source.read(range.start, range.end - range.start).await?;
            let mask = std::sync::Arc::clone(mask);
            if !in_background(move || Ok(decode_tile(&mask, &bytes)?.iter().all(|v| *v == 255))).await? {
                return Ok(StoredTile::Unaligned);
            }
        }
        let bytes = self.inner.source.read(range.start, range.end - range.start).await?;
        let bytes = match format {
            PictureFormat::Jpeg => whole_jpeg(&image.layout, &bytes)?,
            _ => bytes,
        };
        Ok(StoredTile::Picture(PictureTile { format, bytes }))
    }

    /// The zoom of a level whose tiles are those of the `w` grid, with the address of its first tile.
    fn aligned(&self, image: &Image) -> Option<(u8, [i64; 2])> {
        let grid = TileMatrixSet::WebMercatorQuad;
        let transform = self.transform().filter(super::GeoTransform::is_north_up)?;
        if !matches!(self.crs_text(), Some("EPSG:3857" | "EPSG:900913")) {
            return None;
        }
        let [x0, pixel_width, _, y0, _, pixel_height] = transform.0;
        let spans = [
            pixel_width * image.level.scale[0] * f64::from(image.layout.tile_width),
            -pixel_height * image.level.scale[1] * f64::from(image.layout.tile_height),
        ];
        let zoom = (grid.tile_span(0) / spans[0]).log2().round();
        if !(0.0..=30.0).contains(&zoom) {
            return None;
        }
        let span = grid.tile_span(zoom as u8);
        let [west, north] = grid.origin();
        let corner = [(x0 - west) / span, (north - y0) / span];
        // A thousandth of a pixel over the whole width of the level.
        let tiles_across = f64::from(image.layout.columns().max(image.layout.rows()));
        let is_span = spans.iter().all(|s| (s / span - 1.0).abs() * tiles_across < 1e-5);
        let is_corner = corner.iter().all(|c| (c - c.round()).abs() < 1e-5);
        (is_span && is_corner).then(|| (zoom as u8, corner.map(|c| c.round() as i64)))
    }
}
