//! Elevation models (DEM, DSM, DTM): heights on the delivered grid, in metres, as single precision.
//!
//! Nothing is resampled. Feet become metres, because every reader expects metres; what was delivered
//! is recorded. A height datum that nobody states is `unknown`, and said so.

use std::path::Path;

use catalog::{DatasetKind, HeightReference};
use serde_json::json;
use tiles::cog::{ElevationGrid, GeoTransform, write_elevation};

use super::orthophoto::keep_original;
use super::placed_raster::{self, PlacedRaster};
use super::tiff_peek::{TiffSamples, peek};
use crate::gdal::raster::{Band, RasterSummary, Samples, Window};
use crate::georeference::height_reference;
use crate::importer::{
    Asset, Confidence, Conversion, ImportError, Importer, Inspection, Job, Options, Severity, Text, Warning,
};
use crate::planning::source::has_extension;
use crate::progress::Progress;

/// Metres of the international foot (exact since 1959).
const FOOT_M: f64 = 0.3048;
/// Metres of the US survey foot (1893).
const US_SURVEY_FOOT_M: f64 = 1200.0 / 3937.0;
/// Heights of the ground, metres; anything beyond is a sentinel or another unit.
const PLAUSIBLE_M: std::ops::RangeInclusive<f32> = -500.0..=9000.0;

/// The importer.
#[derive(Debug, Clone, Copy)]
pub struct Elevation;

/// Unit of the delivered heights.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Unit {
    name: &'static str,
    metres: f64,
    /// False where nobody said so.
    stated: bool,
}

impl Importer for Elevation {
    fn name(&self) -> &'static str {
        "elevation"
    }

    fn kind(&self) -> DatasetKind {
        DatasetKind::Elevation
    }

    fn claims(&self, path: &Path) -> Confidence {
        if !path.is_file() {
            return Confidence::No;
        }
        if has_extension(path, "hgt") {
            return Confidence::Certain;
        }
        if !has_extension(path, "tif") && !has_extension(path, "tiff") {
            return Confidence::No;
        }
        match peek(path) {
            Some(samples) if TiffSamples::is_elevation(samples) => Confidence::Content,
            _ => Confidence::No,
        }
    }

    fn inspect(&self, path: &Path, options: &Options) -> Result<Inspection, ImportError> {
        let what = Text::new("高程模型", "elevation model");
        let (mut inspection, summary) = placed_raster::inspection(path, options, what)?;
        let height = match PlacedRaster::open(path, options) {
            Ok(placed) => {
                let unit = unit_of(&summary, &placed, options);
                inspection.problems.extend(unit_warning(unit, &placed));
                height_of(&placed, options)
            }
            Err(_) => options.height_reference(None),
        };
        inspection.problems.extend(datum_warning(&height, path));
        inspection.height = Some(height);
        Ok(inspection)
    }

    fn convert(&self, job: &Job, progress: &Progress) -> Result<Conversion, ImportError> {
        let path = &job.path;
        let raster = PlacedRaster::open(path, &job.options)?;
        let summary = raster.file.summary().clone();
        let Some(band) = summary.bands.first().filter(|band| band.samples != Samples::Other) else {
            return Err(ImportError::refused(
                path,
                Text::new("不是高程值(复数或未知类型)", "the samples are no heights (complex or unknown)"),
            ));
        };
        let unit = unit_of(&summary, &raster, &job.options);
        let height = height_of(&raster, &job.options);
        let mut warnings = raster.place.warnings.clone();
        warnings.extend(unit_warning(unit, &raster));
        warnings.extend(datum_warning(&height, path));
        if summary.bands.len() > 1 {
            warnings.push(Warning::new(
                "further-bands",
                Severity::Skipped,
                "",
                Text::new("只读取第一个波段", "only the first band was read"),
            ));
        }
        let bounds_lon_lat_deg = raster.bounds_lon_lat_deg(path)?;
        let grid = grid_of(path, &summary, &raster)?;
        progress.phase(Text::new("写高程", "writing heights"), u64::from(grid.height), "rows");
        let (file, width) = (raster.file, summary.width);
        let mut source = move |first: u32, values: &mut [f32]| -> Result<(), tiles::cog::SourceError> {
            let rows = values.len() / width;
            let samples = file.read_f32(0, Window::whole(0, first as usize, width, rows))?;
            for (value, sample) in values.iter_mut().zip(samples) {
                *value = metres(sample, band, unit);
            }
            progress.add(rows as u64);
            Ok(())
        };
        let report = write_elevation(&job.out.join("elevation.tif"), &grid, &mut source).map_err(|error| {
            ImportError::unreadable_because(
                path,
                Text::new(
                    "高程无法读取,文件可能已损坏,未发布",
                    "heights can't be read, the file may be damaged; nothing was published",
                ),
                error,
            )
        })?;
        let Some([low, high]) = report.range else {
            return Err(ImportError::refused(path, Text::new("全部为无效值", "there is no height, only no-data")));
        };
        if !PLAUSIBLE_M.contains(&low) || !PLAUSIBLE_M.contains(&high) {
            warnings.push(Warning::new(
                "heights-implausible",
                Severity::Doubt,
                "",
                Text::new(
                    format!("高程范围 {low} – {high} m 不合常理,可能有未声明的无效值或单位有误(--height-unit)"),
                    format!(
                        "heights from {low} to {high} m: an undeclared no-data value, or another unit (--height-unit)"
                    ),
                ),
            ));
        }
        let mut assets = vec![Asset::new("elevation.tif", "cog")];
        assets.extend(keep_original(job)?);
        Ok(Conversion {
            kind: DatasetKind::Elevation,
            crs: raster.place.crs.definition().to_owned(),
            height: Some(height),
            bounds_lon_lat_deg,
            height_range_m: Some([f64::from(low), f64::from(high)]),
            properties: json!({
                "min_height_m": low,
                "max_height_m": high,
                "unit": "metre",
                "max_zoom": finest_zoom(bounds_lon_lat_deg, u64::try_from(summary.width).unwrap_or(1)),
                "columns": summary.width,
                "rows": summary.height,
            }),
            assets,
            warnings,
            notes: json!({
                "driver": summary.driver,
                "delivered_unit": unit.name,
                "pixels_with_data": report.pixels,
                "posts_at_points": summary.is_point,
            }),
        })
    }
}

fn metres(sample: f32, band: &Band, unit: Unit) -> f32 {
    if band.no_data.is_some_and(|no_data| sample.total_cmp(&(no_data as f32)).is_eq()) || sample.is_nan() {
        return f32::NAN;
    }
    // Metres without scale pass unchanged: f64 holds every f32, and times one is exact.
    ((f64::from(sample) * band.scale + band.offset) * unit.metres) as f32
}

fn grid_of(path: &Path, summary: &RasterSummary, raster: &PlacedRaster) -> Result<ElevationGrid, ImportError> {
    let side = |length: usize| {
        u32::try_from(length).map_err(|error| {
            ImportError::unreadable_because(path, Text::new("格网过大", "the grid is too large"), error)
        })
    };
    Ok(ElevationGrid {
        width: side(summary.width)?,
        height: side(summary.height)?,
        transform: GeoTransform(raster.crs_from_pixel),
        crs: raster.place.crs.clone(),
    })
}

fn unit_of(summary: &RasterSummary, raster: &PlacedRaster, options: &Options) -> Unit {
    let of = |name: &'static str, metres: f64| Unit { name, metres, stated: true };
    let written = options.height_unit.clone().or_else(|| summary.bands.first().map(|band| band.unit.clone()));
    match written.unwrap_or_default().to_ascii_lowercase().as_str() {
        "m" | "metre" | "meter" | "metres" | "meters" => of("metre", 1.0),
        "ft" | "foot" | "feet" | "international foot" => of("foot", FOOT_M),
        "us-ft" | "ftus" | "us survey foot" | "sft" | "foot_us" => of("us-survey-foot", US_SURVEY_FOOT_M),
        _ => match raster.place.crs.vertical_unit_m() {
            Some(metres) if (metres - US_SURVEY_FOOT_M).abs() < 1e-9 => of("us-survey-foot", US_SURVEY_FOOT_M),
            Some(metres) if (metres - FOOT_M).abs() < 1e-9 => of("foot", FOOT_M),
            Some(metres) if (metres - 1.0).abs() < 1e-9 => of("metre", 1.0),
            _ => Unit { name: "metre", metres: 1.0, stated: false },
        },
    }
}

fn unit_warning(unit: Unit, raster: &PlacedRaster) -> Option<Warning> {
    let plane_in_feet = (raster.place.crs.unit_m() - 1.0).abs() > 0.1 && !raster.place.crs.is_geographic();
    (!unit.stated && plane_in_feet).then(|| {
        Warning::new(
            "height-unit-assumed",
            Severity::Doubt,
            "",
            Text::new(
                "未写明高程单位,而平面单位不是米;已按米处理,如为英尺请用 --height-unit",
                "no unit of heights is stated and the plane is not in metres: taken as metres, say --height-unit if they are feet",
            ),
        )
    })
}

fn height_of(raster: &PlacedRaster, options: &Options) -> HeightReference {
    let mut height = options.height_reference(Some(height_reference(&raster.place.crs)));
    // Whatever was delivered, metres are kept.
    "metre".clone_into(&mut height.unit);
    height
}

fn datum_warning(height: &HeightReference, path: &Path) -> Option<Warning> {
    (height.datum == "unknown").then(|| {
        let srtm = has_extension(path, "hgt");
        let (zh, en) = if srtm { (";SRTM 数据通常为 egm96", "; SRTM is usually egm96") } else { ("", "") };
        Warning::new(
            "height-datum-unknown",
            Severity::Doubt,
            "",
            Text::new(
                format!("未写明高程基准,按 unknown 入库;请用 --height-datum 指定{zh}"),
                format!("no height datum is stated: published as unknown; say it with --height-datum{en}"),
            ),
        )
    })
}
/// The Web-Mercator zoom whose pixels of 256 to a tile are nearest in width to the samples'.
fn finest_zoom([west, _, east, _]: [f64; 4], columns: u64) -> u8 {
    let degrees_per_sample = (east - west) / columns.max(1) as f64;
    (360.0 / 256.0 / degrees_per_sample).log2().round().clamp(0.0, 22.0) as u8
}
