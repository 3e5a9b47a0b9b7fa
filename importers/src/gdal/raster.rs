//! Rasters through GDAL: size, samples, affine and CRS as delivered, and windows of samples.
//!
//! Nothing is warped here. A window is read at its own resolution, or from GDAL's choice of
//! overview when a smaller buffer is asked for.

use std::path::Path;

use gdal::raster::{ColorInterpretation, GdalDataType, ResampleAlg};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags, Metadata as _};

use super::GdalFailure;

const DRIVERS: &[&str] = &["GTiff", "SRTMHGT"];

/// Most bands looked at.
const MOST_BANDS: usize = 64;

/// An opened raster.
#[derive(Debug)]
pub struct RasterFile {
    dataset: Dataset,
    summary: RasterSummary,
}

/// What a raster says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct RasterSummary {
    /// GDAL's driver name.
    pub driver: String,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bands in delivered order.
    pub bands: Vec<Band>,
    /// `x = a[0] + col a[1] + row a[2]`, `y = a[3] + col a[4] + row a[5]` for pixel corners.
    pub crs_from_pixel: Option<[f64; 6]>,
    /// CRS as WKT, where the file names one.
    pub crs_wkt: Option<String>,
    /// True where samples are posts at points rather than areas (`AREA_OR_POINT=Point`).
    pub is_point: bool,
}

/// One band.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Type of the samples.
    pub samples: Samples,
    /// Value that stands for no data.
    pub no_data: Option<f64>,
    /// Unit of the values, as written (`m`, `ft`, empty).
    pub unit: String,
    /// Real value = sample * scale + offset.
    pub scale: f64,
    /// See `scale`.
    pub offset: f64,
    /// What the band is for.
    pub role: BandRole,
}

/// Type of the samples of a band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Samples {
    /// 8 bits unsigned.
    U8,
    /// 16 bits unsigned.
    U16,
    /// Other whole numbers.
    Integer,
    /// Floating point.
    Real,
    /// Complex numbers and anything newer.
    Other,
}

/// What a band is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BandRole {
    /// Red.
    Red,
    /// Green.
    Green,
    /// Blue.
    Blue,
    /// Opacity.
    Alpha,
    /// Index into a colour table.
    Palette,
    /// A single value.
    Grey,
    /// Not said.
    Unsaid,
}

impl RasterFile {
    /// Opens a GeoTIFF or HGT.
    pub fn open(path: &Path) -> Result<Self, GdalFailure> {
        let dataset = Dataset::open_ex(
            path,
            DatasetOptions {
                open_flags: GdalOpenFlags::GDAL_OF_RASTER | GdalOpenFlags::GDAL_OF_READONLY,
                allowed_drivers: Some(DRIVERS),
                open_options: None,
                sibling_files: None,
            },
        )
        .map_err(GdalFailure::during("open the raster"))?;
        let summary = summarise(&dataset)?;
        Ok(Self { dataset, summary })
    }

    /// What it says of itself.
    #[must_use]
    pub fn summary(&self) -> &RasterSummary {
        &self.summary
    }

    /// Reads columns `x..x + width` and rows `y..y + height` of band `band` (from 0) as bytes.
    pub fn read_u8(&self, band: usize, window: Window) -> Result<Vec<u8>, GdalFailure> {
        self.read(band, window)
    }

    /// The same as 16-bit numbers.
    pub fn read_u16(&self, band: usize, window: Window) -> Result<Vec<u16>, GdalFailure> {
        self.read(band, window)
    }

    /// The same as 32-bit floats, scale and offset not applied.
    pub fn read_f32(&self, band: usize, window: Window) -> Result<Vec<f32>, GdalFailure> {
        self.read(band, window)
    }

    /// Validity of every pixel of band `band` (from 0): 0 is invalid. From alpha, mask or no-data.
    pub fn read_mask(&self, band: usize, window: Window) -> Result<Vec<u8>, GdalFailure> {
        let during = "read the mask";
        let band = self.dataset.rasterband(band + 1).map_err(GdalFailure::during(during))?;
        let mask = band.open_mask_band().map_err(GdalFailure::during(during))?;
        let buffer = mask
            .read_as::<u8>(window.origin(), window.size(), window.out(), None)
            .map_err(GdalFailure::during(during))?;
        Ok(buffer.into_shape_and_vec().1)
    }

    /// True where every pixel of `band` (from 0) is valid by the file's own word.
    pub fn is_all_valid(&self, band: usize) -> Result<bool, GdalFailure> {
        let during = "ask for the mask";
        let band = self.dataset.rasterband(band + 1).map_err(GdalFailure::during(during))?;
        Ok(band.mask_flags().map_err(GdalFailure::during(during))?.is_all_valid())
    }

    /// Colours of the colour table of `band` (from 0), `[r, g, b, a]` each.
    pub fn palette(&self, band: usize) -> Result<Option<Vec<[u8; 4]>>, GdalFailure> {
        let band = self.dataset.rasterband(band + 1).map_err(GdalFailure::during("read the colour table"))?;
        let byte = |value: i16| u8::try_from(value.clamp(0, 255)).unwrap_or(u8::MAX);
        Ok(band.color_table().map(|table| {
            (0..table.entry_count())
                .map(|index| {
                    table.entry_as_rgb(index).map_or([0, 0, 0, 0], |c| [byte(c.r), byte(c.g), byte(c.b), byte(c.a)])
                })
                .collect()
        }))
    }

    fn read<T: Copy + gdal::raster::GdalType>(&self, band: usize, window: Window) -> Result<Vec<T>, GdalFailure> {
        let during = "read pixels";
        let band = self.dataset.rasterband(band + 1).map_err(GdalFailure::during(during))?;
        let resampling = (window.out() != window.size()).then_some(ResampleAlg::Average);
        let buffer = band
            .read_as::<T>(window.origin(), window.size(), window.out(), resampling)
            .map_err(GdalFailure::during(during))?;
        Ok(buffer.into_shape_and_vec().1)
    }
}

/// A window of pixels, and the size of the buffer it is read into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First column.
    pub x: usize,
    /// First row.
    pub y: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Columns of the buffer: `width`, or fewer for averages.
    pub out_width: usize,
    /// Rows of the buffer: `height`, or fewer for averages.
    pub out_height: usize,
}

impl Window {
    /// A window read pixel by pixel.
    #[must_use]
    pub fn whole(x: usize, y: usize, width: usize, height: usize) -> Self {
        Self { x, y, width, height, out_width: width, out_height: height }
    }

    fn origin(self) -> (isize, isize) {
        (self.x.cast_signed(), self.y.cast_signed())
    }

    fn size(self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn out(self) -> (usize, usize) {
        (self.out_width, self.out_height)
    }
}

fn summarise(dataset: &Dataset) -> Result<RasterSummary, GdalFailure> {
    let (width, height) = dataset.raster_size();
    let count = dataset.raster_count();
    if count == 0 || count > MOST_BANDS || width == 0 || height == 0 {
        return Err(GdalFailure::Impossible { what: format!("{width} x {height} pixels in {count} bands") });
    }
    let bands = (1..=count).map(|index| band(dataset, index)).collect::<Result<_, _>>()?;
    let crs_wkt = dataset.spatial_ref().ok().and_then(|crs| crs.to_wkt().ok()).filter(|wkt| !wkt.is_empty());
    Ok(RasterSummary {
        driver: dataset.driver().short_name(),
        width,
        height,
        bands,
        crs_from_pixel: dataset.geo_transform().ok().filter(|a| a.iter().all(|v| v.is_finite())),
        crs_wkt,
        is_point: dataset.metadata_item("AREA_OR_POINT", "").as_deref() == Some("Point"),
    })
}

fn band(dataset: &Dataset, index: usize) -> Result<Band, GdalFailure> {
    let band = dataset.rasterband(index).map_err(GdalFailure::during("look at a band"))?;
    Ok(Band {
        samples: match band.band_type() {
            GdalDataType::UInt8 => Samples::U8,
            GdalDataType::UInt16 => Samples::U16,
            GdalDataType::Int16 | GdalDataType::Int32 | GdalDataType::UInt32 => Samples::Integer,
            GdalDataType::Float32 | GdalDataType::Float64 => Samples::Real,
            _ => Samples::Other,
        },
        no_data: band.no_data_value(),
        unit: band.unit(),
        scale: band.scale().unwrap_or(1.0),
        offset: band.offset().unwrap_or(0.0),
        role: match band.color_interpretation() {
            ColorInterpretation::RedBand => BandRole::Red,
            ColorInterpretation::GreenBand => BandRole::Green,
            ColorInterpretation::BlueBand => BandRole::Blue,
            ColorInterpretation::AlphaBand => BandRole::Alpha,
            ColorInterpretation::PaletteIndex => BandRole::Palette,
            ColorInterpretation::GrayIndex => BandRole::Grey,
            _ => BandRole::Unsaid,
        },
    })
}
