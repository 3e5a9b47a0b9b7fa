//! Orthophotos (正射影像): a GeoTIFF picture brought to the Web-Mercator grid as a cloud-optimised file.
//!
//! The zoom is the smallest that loses no detail; what is between delivered pixels is interpolated
//! once, here, so that every tile is served as it is stored.

use std::path::Path;

use catalog::DatasetKind;
use geodesy::{Crs, TileMatrixSet, Transform};
use serde_json::json;
use tiles::cog::{ImageryLayout, write_imagery};

use super::picture::Picture;
use super::placed_raster::{self, PlacedRaster};
use super::tiff_peek::{TiffSamples, peek};
use super::warp::{Warp, fit};
use crate::georeference::{datum_parameters, refusal};
use crate::importer::{Asset, Confidence, Conversion, ImportError, Importer, Inspection, Job, Options, Text};
use crate::planning::source::has_extension;
use crate::progress::Progress;

/// Pixels of a tile's side in the imagery file.
const TILE_PX: i64 = 256;
/// Columns of map pixels made at once; bounds the delivered window in memory.
const BLOCK_PX: usize = 2048;

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct Orthophoto;

impl Importer for Orthophoto {
    fn name(&self) -> &'static str {
        "orthophoto"
    }

    fn kind(&self) -> DatasetKind {
        DatasetKind::Imagery
    }

    fn claims(&self, path: &Path) -> Confidence {
        if !(path.is_file() && (has_extension(path, "tif") || has_extension(path, "tiff"))) {
            return Confidence::No;
        }
        match peek(path) {
            Some(samples) if TiffSamples::is_picture(samples) => Confidence::Content,
            Some(samples) if TiffSamples::is_elevation(samples) => Confidence::No,
            _ => Confidence::Extension,
        }
    }

    fn inspect(&self, path: &Path, options: &Options) -> Result<Inspection, ImportError> {
        let (inspection, _) = placed_raster::inspection(path, options, Text::new("正射影像", "orthophoto"))?;
        Ok(inspection)
    }

    fn convert(&self, job: &Job, progress: &Progress) -> Result<Conversion, ImportError> {
        let path = &job.path;
        let raster = PlacedRaster::open(path, &job.options)?;
        let bounds_lon_lat_deg = raster.bounds_lon_lat_deg(path)?;
        let PlacedRaster { file, crs_from_pixel, place } = raster;
        let driver = file.summary().driver.clone();
        let size = [file.summary().width, file.summary().height];
        let (zoom, bounds_m) =
            fit(size, crs_from_pixel, &place.to_web_mercator).map_err(|error| refusal(path, error))?;
        let parameters = datum_parameters(path, &job.options)?;
        let back = Transform::with_parameters(&Crs::web_mercator(), &place.crs, parameters.as_ref())
            .map_err(|error| refusal(path, error))?;
        let picture = Picture::new(file).map_err(|error| unreadable(path, error))?;
        let layout = ImageryLayout::new(zoom, bounds_m).map_err(|error| ImportError::Refused {
            path: path.clone(),
            text: Text::new(
                "影像超出网络墨卡托网格或过宽,请分幅交付",
                "the picture is off the map grid or too wide: deliver it in parts",
            ),
            source: Some(error.into()),
        })?;
        let is_opaque = picture.is_opaque() && place.crs.epsg() == Some(3857) && fills(&layout, bounds_m);
        let stretch = picture.stretch();
        let Some(warp) = Warp::new(picture, crs_from_pixel, back, zoom) else {
            return Err(ImportError::refused(
                path,
                Text::new("地理定位参数无效", "the georeference can't be inverted"),
            ));
        };
        let rows = layout.rows.len() as u64;
        progress.phase(Text::new("重采样并编码", "resampling and encoding"), rows, "rows of tiles");
        let first_column = i64::from(layout.columns.start) * TILE_PX;
        let first_row = layout.rows.start;
        let mut source = |row: &tiles::cog::TileRow, rgba: &mut [u8]| -> Result<(), tiles::cog::SourceError> {
            let (width, height) = (row.width_px as usize, row.height_px as usize);
            let top = i64::from(first_row + row.index) * TILE_PX;
            for left in (0..width).step_by(BLOCK_PX) {
                let columns = BLOCK_PX.min(width - left);
                let block = warp.block(first_column + left.cast_signed() as i64, top, columns, height)?;
                for (line, pixels) in block.chunks_exact(columns).enumerate() {
                    let at = (line * width + left) * 4;
                    rgba[at..at + columns * 4].copy_from_slice(pixels.as_flattened());
                }
            }
            progress.add(1);
            Ok(())
        };
        let report = write_imagery(&job.out.join("image.tif"), &layout, is_opaque, &mut source)
            .map_err(|error| unreadable(path, error))?;
        let mut assets = vec![Asset::new("image.tif", "cog")];
        assets.extend(keep_original(job)?);
        Ok(Conversion {
            kind: DatasetKind::Imagery,
            crs: place.crs.definition().to_owned(),
            height: None,
            bounds_lon_lat_deg,
            height_range_m: None,
            properties: json!({
                "min_zoom": report.min_zoom,
                "max_zoom": report.max_zoom,
                "format": report.format.extension(),
            }),
            assets,
            warnings: place.warnings,
            notes: json!({
                "driver": driver,
                "pixels": size,
                "tiles": report.tiles,
                "stretched_from": stretch,
            }),
        })
    }
}

/// True where the picture ends exactly where the layout's tiles end.
fn fills(layout: &ImageryLayout, bounds_m: [f64; 4]) -> bool {
    let grid = TileMatrixSet::WebMercatorQuad;
    let tile = |x: u32, y: u32| grid.bounds(geodesy::TileCoord { z: layout.zoom, x, y });
    let first = tile(layout.columns.start, layout.rows.start);
    let last = tile(layout.columns.end - 1, layout.rows.end - 1);
    let whole = [first[0], last[1], last[2], first[3]];
    let slack = grid.resolution(layout.zoom) * 1e-3;
    whole.iter().zip(bounds_m).all(|(a, b)| (a - b).abs() <= slack)
}

/// A copy of the delivered file, where that was asked for.
pub(super) fn keep_original(job: &Job) -> Result<Option<Asset>, ImportError> {
    if !job.options.keep_original {
        return Ok(None);
    }
    let extension = job.path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let name = format!("original.{extension}");
    std::fs::copy(&job.path, job.out.join(&name)).map_err(|error| {
        ImportError::failed(&job.path, Text::new("原始文件无法复制", "the delivered file could not be copied"), error)
    })?;
    Ok(Some(Asset::new(&name, "original")))
}

fn unreadable(path: &Path, error: impl Into<crate::importer::Cause>) -> ImportError {
    ImportError::unreadable_because(
        path,
        Text::new(
            "影像像元无法读取,文件可能已损坏,未发布;请重新导出",
            "pixels can't be read, the file may be damaged; nothing was published: export it again",
        ),
        error,
    )
}
