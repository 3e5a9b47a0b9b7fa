//! Rasters as departments deliver them: GeoTIFF with a stated CRS, north up.

use crate::vector::spatial_ref;
use anyhow::{Context as _, Result};
use gdal::raster::{Buffer, GdalType, RasterCreationOptions};
use gdal::{Dataset, DriverManager};
use std::path::Path;

/// Where a raster lies: CRS, north-west corner and pixel size.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// EPSG code.
    pub epsg: u32,
    /// Easting of the west edge.
    pub west: f64,
    /// Northing of the north edge.
    pub north: f64,
    /// Pixel size in metres.
    pub pixel_m: f64,
}

fn create<T: GdalType>(path: &Path, size: [usize; 2], bands: usize, frame: Frame, options: &[&str]) -> Result<Dataset> {
    let driver = DriverManager::get_driver_by_name("GTiff")?;
    let options = options.iter().copied().collect::<RasterCreationOptions>();
    let mut dataset = driver
        .create_with_band_type_with_options::<T, _>(path, size[0], size[1], bands, &options)
        .with_context(|| format!("create {}", path.display()))?;
    dataset.set_spatial_ref(&spatial_ref(frame.epsg)?)?;
    dataset.set_geo_transform(&[frame.west, frame.pixel_m, 0.0, frame.north, 0.0, -frame.pixel_m])?;
    Ok(dataset)
}

/// Writes heights as Float32, one band.
pub fn write_heights(path: &Path, columns: usize, heights_m: &[f32], frame: Frame) -> Result<()> {
    let rows = heights_m.len() / columns;
    let mut dataset =
        create::<f32>(path, [columns, rows], 1, frame, &["TILED=YES", "COMPRESS=DEFLATE", "PREDICTOR=3", "ZLEVEL=3"])?;
    let mut band = dataset.rasterband(1)?;
    band.set_no_data_value(Some(-9_999.0))?;
    band.write((0, 0), (columns, rows), &mut Buffer::new((columns, rows), heights_m.to_vec()))?;
    dataset.flush_cache()?;
    Ok(())
}

/// Writes a colour picture; `paint_rows` paints some rows into red, green and blue.
pub fn write_picture(
    path: &Path,
    [columns, rows]: [usize; 2],
    frame: Frame,
    paint_rows: impl Fn(std::ops::Range<usize>) -> Vec<[u8; 3]>,
) -> Result<()> {
    let options = ["TILED=YES", "COMPRESS=JPEG", "PHOTOMETRIC=YCBCR", "JPEG_QUALITY=88"];
    let mut dataset = create::<u8>(path, [columns, rows], 3, frame, &options)?;
    let step = 256;
    for top in (0..rows).step_by(step) {
        let height = step.min(rows - top);
        let pixels = paint_rows(top..top + height);
        for band in 0..3 {
            let plane: Vec<u8> = pixels.iter().map(|pixel| pixel[band]).collect();
            dataset.rasterband(band + 1)?.write(
                (0, top as isize),
                (columns, height),
                &mut Buffer::new((columns, height), plane),
            )?;
        }
    }
    dataset.flush_cache()?;
    Ok(())
}
