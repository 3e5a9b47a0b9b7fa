//! Tile archives: `PMTiles` version 3, written once and read by ranges.
//!
//! One file holds a pyramid: a directory of tile ids along the Hilbert curve, and the tiles as they go over the wire
//! (vector tiles as gzip, never unpacked here). The `pmtiles` crate knows the format; this module gives it our stores,
//! our errors, and the metadata a `TileJSON` is made of.

use std::fs::File;
use std::io::Read as _;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use geodesy::grid::{TileCoord, TileMatrixSet};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use pmtiles::{
    AsyncPmTilesReader, Compression, HashMapCache, ObjectStoreBackend, PmTilesStreamWriter, PmTilesWriter, TileType,
};
use serde_json::{Value as Json, json};

use crate::TilesError;
use crate::mvt::{CutOptions, FeatureSet, Value, label_layer, pyramid};

const FORMAT: &str = "PMTiles";

/// An archive's metadata is refused above this size.
const MAX_METADATA_BYTES: usize = 8 << 20;

/// What an archive says about itself besides its tiles.
#[derive(Debug, Clone, PartialEq)]
pub struct ArchiveInfo {
    /// First and last zoom that hold tiles.
    pub zooms: RangeInclusive<u8>,
    /// West, south, east, north in degrees.
    pub bounds_lon_lat_deg: [f64; 4],
    /// The metadata object; of vector tiles its `vector_layers` are `TileJSON`'s.
    pub metadata: Json,
}

/// Writes an archive of vector tiles.
pub struct ArchiveWriter {
    inner: PmTilesStreamWriter<File>,
    path: String,
}

impl ArchiveWriter {
    /// Starts an archive of gzip-compressed vector tiles in a new file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn create(path: &Path, info: &ArchiveInfo) -> Result<Self, TilesError> {
        let name = path.display().to_string();
        let file = File::create(path).map_err(|source| TilesError::File { path: name.clone(), source })?;
        let [west, south, east, north] = info.bounds_lon_lat_deg;
        let inner = PmTilesWriter::new(TileType::Mvt)
            .precompressed(Compression::Gzip)
            .min_zoom(*info.zooms.start())
            .max_zoom(*info.zooms.end())
            .bounds(west, south, east, north)
            .center(f64::midpoint(west, east), f64::midpoint(south, north))
            .center_zoom(*info.zooms.start())
            .metadata(info.metadata.to_string())
            .create(file)
            .map_err(|source| TilesError::codec(FORMAT, source))?;
        Ok(Self { inner, path: name })
    }

    /// Adds a tile of gzip bytes. Ascending ids (as [`pyramid::build`] gives them) make the archive quick to read.
    ///
    /// # Errors
    /// When the tile is not on the `w` grid or the file cannot be written.
    pub fn add(&mut self, tile: TileCoord, gzip: &[u8]) -> Result<(), TilesError> {
        let coord = archive_coord(tile)?;
        self.inner.add_tile(coord, gzip).map_err(|source| TilesError::codec(FORMAT, source))
    }

    /// Writes the directory and closes the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(self) -> Result<(), TilesError> {
        self.inner.finalize().map_err(|source| TilesError::codec(FORMAT, source))?;
        // `finalize` flushed; what the system still holds must reach the disk before the archive is published.
        File::open(&self.path)
            .and_then(|file| file.sync_all())
            .map_err(|source| TilesError::File { path: self.path, source })
    }
}

/// Cuts a feature set into all its tiles of `zooms` and writes them as one archive with one layer, and that of the
/// label points where polygons are among the features.
///
/// # Errors
/// When the set is not on the `w` grid, the pyramid cannot be made or the file cannot be written.
pub fn write_features(
    path: &Path,
    set: &FeatureSet,
    layer: &str,
    zooms: RangeInclusive<u8>,
    bounds_lon_lat_deg: [f64; 4],
    options: &CutOptions,
) -> Result<pyramid::PyramidReport, TilesError> {
    if set.grid() != TileMatrixSet::WebMercatorQuad {
        return Err(TilesError::unsupported(FORMAT, "a grid other than w"));
    }
    let fields: serde_json::Map<String, Json> = set
        .fields()
        .map(|(name, value)| {
            let kind = match value {
                Value::Text(_) => "String",
                Value::Float(_) | Value::Int(_) | Value::Uint(_) => "Number",
                Value::Bool(_) => "Boolean",
            };
            (name.as_ref().to_owned(), json!(kind))
        })
        .collect();
    let about = |id: &str| json!({ "id": id, "fields": fields, "minzoom": zooms.start(), "maxzoom": zooms.end() });
    let mut layers = vec![about(layer)];
    if set.has_polygons() {
        layers.push(about(&label_layer(layer)));
    }
    let info = ArchiveInfo {
        zooms: zooms.clone(),
        bounds_lon_lat_deg,
        metadata: json!({ "name": layer, "vector_layers": layers }),
    };
    let mut writer = ArchiveWriter::create(path, &info)?;
    let report = pyramid::build(set, layer, zooms, options, &mut |tile, gzip| writer.add(tile, &gzip))?;
    writer.finish()?;
    Ok(report)
}

/// An open archive.
pub struct Archive {
    reader: AsyncPmTilesReader<ObjectStoreBackend, HashMapCache>,
    path: String,
}

impl Archive {
    /// Opens an archive in a store. One range is read; directories below the root are read when first needed and kept.
    ///
    /// # Errors
    /// When it cannot be read or is no `PMTiles` 3.
    pub async fn open(store: Arc<dyn ObjectStore>, path: &object_store::path::Path) -> Result<Self, TilesError> {
        let backend = ObjectStoreBackend::new(Box::new(store), path.clone());
        let reader = AsyncPmTilesReader::try_from_cached_source(backend, HashMapCache::default())
            .await
            .map_err(|source| TilesError::codec(FORMAT, source))?;
        Ok(Self { reader, path: path.to_string() })
    }

    /// Opens a local archive.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_file(path: &Path) -> Result<Self, TilesError> {
        let path = object_store::path::Path::from_absolute_path(
            std::path::absolute(path)
                .map_err(|source| TilesError::File { path: path.display().to_string(), source })?,
        )
        .map_err(|source| TilesError::codec(FORMAT, source))?;
        Self::open(Arc::new(LocalFileSystem::new()), &path).await
    }

    /// The stored bytes of a tile (gzip, when [`Self::is_gzip`]); `None` where the archive has no tile.
    ///
    /// # Errors
    /// When the archive cannot be read or contradicts itself.
    pub async fn tile(&self, tile: TileCoord) -> Result<Option<Bytes>, TilesError> {
        let Ok(coord) = archive_coord(tile) else {
            return Ok(None);
        };
        self.reader.get_tile(coord).await.map_err(|source| TilesError::codec(FORMAT, source))
    }

    /// Whether tiles are stored as gzip.
    #[must_use]
    pub fn is_gzip(&self) -> bool {
        self.reader.get_header().tile_compression == Compression::Gzip
    }

    /// The media type of the tiles.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        self.reader.get_header().tile_type.content_type()
    }

    /// The path it was opened by.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Zooms, bounds and metadata.
    ///
    /// # Errors
    /// When the metadata cannot be read or is no JSON object.
    pub async fn info(&self) -> Result<ArchiveInfo, TilesError> {
        let header = self.reader.get_header();
        let text = self.reader.get_metadata().await.map_err(|source| TilesError::codec(FORMAT, source))?;
        if text.len() > MAX_METADATA_BYTES {
            return Err(TilesError::TooLarge {
                format: FORMAT,
                what: "metadata",
                size: text.len() as u64,
                limit: MAX_METADATA_BYTES as u64,
            });
        }
        Ok(ArchiveInfo {
            zooms: header.min_zoom..=header.max_zoom,
            bounds_lon_lat_deg: [header.min_longitude, header.min_latitude, header.max_longitude, header.max_latitude],
            metadata: serde_json::from_str(&text).map_err(|source| TilesError::codec(FORMAT, source))?,
        })
    }
}

fn archive_coord(tile: TileCoord) -> Result<pmtiles::TileCoord, TilesError> {
    pmtiles::TileCoord::new(tile.z, tile.x, tile.y).map_err(|source| TilesError::codec(FORMAT, source))
}

/// Unpacks gzip bytes to at most `max_bytes`.
///
/// # Errors
/// When the bytes are no gzip or hold more.
pub fn gunzip(gzip: &[u8], max_bytes: usize) -> Result<Vec<u8>, TilesError> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(gzip)
        .take(max_bytes as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| TilesError::codec("gzip", source))?;
    if bytes.len() > max_bytes {
        return Err(TilesError::TooLarge {
            format: "gzip",
            what: "content",
            size: bytes.len() as u64,
            limit: max_bytes as u64,
        });
    }
    Ok(bytes)
}
