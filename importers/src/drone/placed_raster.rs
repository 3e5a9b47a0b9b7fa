//! A raster file and where it lies: what orthophotos and elevation models have in common.

use std::path::Path;

use geodesy::Crs;

use crate::gdal::raster::{RasterFile, RasterSummary, Samples};
use crate::georeference::{Georeference, georeference, refusal};
use crate::importer::{Count, Fact, ImportError, Inspection, Options, Severity, Text, Warning};

/// Points along each side of a raster when its bounds are taken to another CRS.
const OUTLINE_STEPS: u32 = 32;

/// An opened raster that knows where its pixels are.
#[derive(Debug)]
pub struct PlacedRaster {
    /// The file.
    pub file: RasterFile,
    /// GDAL's affine from pixel corners to the CRS.
    pub crs_from_pixel: [f64; 6],
    /// Its CRS.
    pub place: Georeference,
}

/// Opens a raster that may lie nowhere yet.
pub fn open(path: &Path) -> Result<RasterFile, ImportError> {
    RasterFile::open(path).map_err(|error| {
        ImportError::unreadable_because(
            path,
            Text::new("栅格文件无法打开,可能已损坏", "the raster can't be opened; it may be damaged"),
            error,
        )
    })
}

impl PlacedRaster {
    /// Opens `path` and places it.
    pub fn open(path: &Path, options: &Options) -> Result<Self, ImportError> {
        Self::place(path, open(path)?, options)
    }

    fn place(path: &Path, file: RasterFile, options: &Options) -> Result<Self, ImportError> {
        let summary = file.summary();
        let Some(crs_from_pixel) = summary.crs_from_pixel else {
            return Err(ImportError::refused(
                path,
                Text::new(
                    "没有地理定位(既无 GeoTIFF 坐标也无 .tfw),请交付带坐标的成果",
                    "there is no georeference (neither GeoTIFF keys nor a .tfw): deliver the georeferenced file",
                ),
            ));
        };
        let extent = extent_of(summary, crs_from_pixel);
        let place = georeference(path, summary.crs_wkt.as_deref(), Some(extent), options)?;
        Ok(Self { file, crs_from_pixel, place })
    }

    /// `[west, south, east, north]` in degrees, the bent outline included.
    pub fn bounds_lon_lat_deg(&self, path: &Path) -> Result<[f64; 4], ImportError> {
        let summary = self.file.summary();
        let [width, height] = [summary.width as f64, summary.height as f64];
        let mut outline: Vec<[f64; 2]> = (0..=OUTLINE_STEPS)
            .flat_map(|step| {
                let t = f64::from(step) / f64::from(OUTLINE_STEPS);
                [[width * t, 0.0], [width * t, height], [0.0, height * t], [width, height * t]]
            })
            .map(|pixel| crs_from_pixel(self.crs_from_pixel, pixel))
            .collect();
        self.place.to_lon_lat.points(&mut outline).map_err(|error| refusal(path, error))?;
        Ok(bounds_of(&outline))
    }
}

/// The place of a pixel corner.
#[must_use]
pub fn crs_from_pixel([x0, xc, xr, y0, yc, yr]: [f64; 6], [column, row]: [f64; 2]) -> [f64; 2] {
    [x0 + column * xc + row * xr, y0 + column * yc + row * yr]
}

fn extent_of(summary: &RasterSummary, affine: [f64; 6]) -> [f64; 4] {
    let [width, height] = [summary.width as f64, summary.height as f64];
    bounds_of(&[[0.0, 0.0], [width, 0.0], [0.0, height], [width, height]].map(|pixel| crs_from_pixel(affine, pixel)))
}

fn bounds_of(points: &[[f64; 2]]) -> [f64; 4] {
    points.iter().fold([f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY], |b, [x, y]| {
        [b[0].min(*x), b[1].min(*y), b[2].max(*x), b[3].max(*y)]
    })
}

/// What any raster says of itself; a missing place is a problem, not a failure.
pub fn inspection(path: &Path, options: &Options, what: Text) -> Result<(Inspection, RasterSummary), ImportError> {
    let file = open(path)?;
    let summary = file.summary().clone();
    let mut inspection = Inspection {
        format: summary.driver.clone(),
        what,
        extent: summary.crs_from_pixel.map(|affine| extent_of(&summary, affine)),
        counts: vec![
            Count { name: Text::new("列", "columns"), count: summary.width as u64 },
            Count { name: Text::new("行", "rows"), count: summary.height as u64 },
            Count { name: Text::new("波段", "bands"), count: summary.bands.len() as u64 },
        ],
        ..Inspection::default()
    };
    let sample = summary.bands.first().map_or("", |band| match band.samples {
        Samples::U8 => "8 bit",
        Samples::U16 => "16 bit",
        Samples::Integer => "integer",
        Samples::Real => "float",
        Samples::Other => "other",
    });
    inspection.facts.push(Fact { name: Text::new("样本", "samples"), value: sample.to_owned() });
    if let Some(no_data) = summary.bands.first().and_then(|band| band.no_data) {
        inspection.facts.push(Fact { name: Text::new("无效值", "no data"), value: no_data.to_string() });
    }
    match PlacedRaster::place(path, file, options) {
        Ok(placed) => {
            let crs: &Crs = &placed.place.crs;
            inspection.crs = Some(crs.definition().to_owned());
            inspection.crs_name = Some(crs.name().to_owned());
            inspection.bounds_lon_lat_deg = Some(placed.bounds_lon_lat_deg(path)?);
            let [_, xc, xr, _, yc, yr] = placed.crs_from_pixel;
            let unit = if crs.is_geographic() { "°" } else { "" };
            let size = format!("{:.6}{unit} x {:.6}{unit}", xc.hypot(yc), xr.hypot(yr));
            inspection.facts.push(Fact { name: Text::new("像元大小", "pixel size"), value: size });
            inspection.problems.extend(placed.place.warnings);
        }
        Err(ImportError::Refused { text, .. }) => {
            inspection.problems.push(Warning::new("refused", Severity::Refusal, "", text));
        }
        Err(other) => return Err(other),
    }
    Ok((inspection, summary))
}
