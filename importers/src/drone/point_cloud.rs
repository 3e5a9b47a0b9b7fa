//! Point clouds: LAS 1.0 to 1.4, LAZ, COPC, and EPT folders become COPC.
//!
//! Points keep their coordinates, CRS, heights, class, colour, intensity and GPS time as delivered:
//! nothing is reprojected here, the server does that when it makes tiles. A folder of LAS or LAZ
//! files and nothing else is one cloud in parts.

mod convert;
mod copc_crs;
mod crs;
mod delivery;
mod ept;
mod geokeys;
mod moved;
mod survey;
#[cfg(test)]
mod tests;

use std::io::Read as _;
use std::path::Path;

use catalog::DatasetKind;
use geodesy::Crs;
use serde_json::json;
use tiles::copc::{CopcFile, Wanted};
use tiles::point_placement::{PointPlacement, height_unit_m};

use crate::georeference::{georeference, refusal};
use crate::importer::{
    Asset, Confidence, Conversion, Count, Fact, ImportError, Importer, Inspection, Job, Options, Severity, Text,
    Warning,
};
use crate::progress::Progress;
use crs::CloudCrs;
use delivery::Delivery;

/// The importer of point clouds.
#[derive(Debug)]
pub struct PointCloud;

impl Importer for PointCloud {
    fn name(&self) -> &'static str {
        "point-cloud"
    }

    fn kind(&self) -> DatasetKind {
        DatasetKind::PointCloud
    }

    fn claims(&self, path: &Path) -> Confidence {
        if ept::is_ept(path) {
            return Confidence::Certain;
        }
        if path.is_dir() {
            return if is_folder_of_parts(path) { Confidence::Content } else { Confidence::No };
        }
        let mut magic = [0; 4];
        let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
        match (read.is_ok() && &magic == b"LASF", delivery::has_las_extension(path)) {
            (true, _) => Confidence::Certain,
            (false, true) => Confidence::Extension,
            (false, false) => Confidence::No,
        }
    }

    fn inspect(&self, path: &Path, options: &Options) -> Result<Inspection, ImportError> {
        let delivery = Delivery::open(path, None)?;
        let mut inspection = Inspection {
            format: delivery.format.clone(),
            what: Text::new("点云", "point cloud"),
            ..Inspection::default()
        };
        let points = delivery.points_claimed.unwrap_or_else(|| delivery.points());
        inspection.counts.push(Count { name: Text::new("点", "points"), count: points });
        if delivery.files.len() > 1 {
            let count = delivery.files.len() as u64;
            inspection.counts.push(Count { name: Text::new("文件", "files"), count });
        }
        inspection.facts = facts(&delivery);
        let bounds = delivery.bounds();
        inspection.extent = bounds.map(|[min, max]| [min[0], min[1], max[0], max[1]]);
        let vlrs = delivery.first().map_or(&[][..], |file| file.vlrs.as_slice());
        match crs::settle(path, options, vlrs, delivery.crs_aside.as_deref()) {
            Ok(cloud) => {
                inspection.crs = Some(cloud.crs.definition().to_owned());
                inspection.crs_name = Some(cloud.crs.name().to_owned());
                inspection.height = Some(options.height_reference(Some(crs::height_reference(&cloud.crs))));
                inspection.facts.push(fact("坐标系来源", "CRS stated by", cloud.source));
                let stated = bounds.unwrap_or_default();
                match placed(path, &cloud, stated, options) {
                    Ok(doubts) => {
                        inspection.problems = doubts;
                        inspection.bounds_lon_lat_deg = lon_lat_bounds_deg(&cloud.crs, stated).ok().flatten();
                    }
                    Err(ImportError::Refused { text, .. }) => {
                        inspection.problems.push(Warning::new("crs-refused", Severity::Refusal, "", text));
                    }
                    Err(other) => return Err(other),
                }
            }
            Err(ImportError::Refused { text, .. }) => {
                inspection.problems.push(Warning::new("no-crs", Severity::Refusal, "", text));
            }
            Err(other) => return Err(other),
        }
        Ok(inspection)
    }

    fn convert(&self, job: &Job, progress: &Progress) -> Result<Conversion, ImportError> {
        let path = &job.path;
        let delivery = Delivery::open(path, Some(&job.scratch))?;
        let vlrs = delivery.first().map_or(&[][..], |file| file.vlrs.as_slice());
        let stated = crs::settle(path, &job.options, vlrs, delivery.crs_aside.as_deref())?;
        let height = job.options.height_reference(Some(crs::height_reference(&stated.crs)));
        let doubts = placed(path, &stated, delivery.bounds().unwrap_or_default(), &job.options)?;
        let (delivery, cloud) = moved::where_servable(path, delivery, stated, &job.options, &job.scratch, progress)?;

        let finished = convert::convert(job, &delivery, &cloud, progress)?;
        let header = finished.file.header().clone();
        let (bounds_lon_lat_deg, height_range_m) = place(path, &cloud, &finished.file)?;
        let mut warnings = doubts;
        warnings.extend(finished.warnings);
        if delivery.files.iter().any(|file| matches!(file.header.point_format, 4 | 5 | 9 | 10)) {
            warnings.push(Warning::new(
                "waveforms-left-out",
                Severity::Skipped,
                "",
                Text::new("全波形数据未导入（COPC 不能存放）", "full waveforms were left out: COPC can't hold them"),
            ));
        }
        let mut assets = vec![Asset::new(convert::ASSET, "copc")];
        if path.is_file() {
            assets.extend(super::orthophoto::keep_original(job)?);
        }
        Ok(Conversion {
            kind: DatasetKind::PointCloud,
            crs: cloud.crs.definition().to_owned(),
            height: Some(height),
            bounds_lon_lat_deg,
            height_range_m: Some(height_range_m),
            properties: json!({
                "points": header.point_count,
                "has_color": header.has_color(),
                "has_gps_time": delivery.files.iter().any(|file| file.header.has_gps_time()),
                "spacing_m": finished.file.info().spacing * horizontal_unit_m(&cloud.crs),
            }),
            assets,
            warnings,
            notes: json!({
                "format": delivery.format,
                "files": delivery.files.len(),
                "bytes": delivery.bytes(),
                "crs_from": cloud.source,
                "octree": finished.how,
                "axes_exchanged": job.options.swap_axes,
                "datum_parameters": if job.options.datum_parameters.is_some() { "given" } else { "none" },
            }),
        })
    }
}

/// A folder with LAS or LAZ files and at most papers beside them.
fn is_folder_of_parts(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    let mut clouds = 0;
    for entry in entries.flatten() {
        let path = entry.path();
        if delivery::has_las_extension(&path) {
            clouds += 1;
            continue;
        }
        let paper = path.extension().and_then(|extension| extension.to_str()).is_some_and(|extension| {
            ["txt", "pdf", "doc", "docx", "xls", "xlsx", "lax", "md"].contains(&extension.to_ascii_lowercase().as_str())
        });
        if !paper {
            return false;
        }
    }
    clouds > 1
}

fn fact(zh: &str, en: &str, value: impl Into<String>) -> Fact {
    Fact { name: Text::new(zh, en), value: value.into() }
}

fn facts(delivery: &Delivery) -> Vec<Fact> {
    let Some(file) = delivery.first() else {
        return Vec::new();
    };
    let header = &file.header;
    let mut facts = vec![fact("点格式", "point format", header.point_format.to_string())];
    let has = |yes: bool| if yes { "是 / yes" } else { "否 / no" };
    facts.push(fact("颜色", "colour", has(header.has_color())));
    if header.has_gps_time() {
        let time = if header.gps_time_is_standard() {
            "GPS 标准时 / adjusted standard"
        } else {
            "GPS 周内秒 / seconds of the week"
        };
        facts.push(fact("GPS 时间", "GPS time", time));
    }
    let [x, y, z] = header.scale;
    facts.push(fact("坐标分辨率", "coordinate resolution", format!("{x} {y} {z}")));
    if let Some([[_, _, lowest], [_, _, highest]]) = delivery.bounds() {
        facts.push(fact("高程范围（文件单位）", "height range (unit of the file)", format!("{lowest} – {highest}")));
    }
    facts
}

/// Checks that a cloud can stand where its CRS puts it, before any work is done, and says what is doubtful.
fn placed(
    path: &Path,
    cloud: &CloudCrs,
    [min, max]: [[f64; 3]; 2],
    options: &Options,
) -> Result<Vec<Warning>, ImportError> {
    let mut doubts = crs::warnings(cloud, options);
    if cloud.crs.is_geocentric() {
        let near = is_near_the_ground(&cloud.crs, [min, max]).map_err(|error| refusal(path, error))?;
        return if near {
            Ok(doubts)
        } else {
            Err(ImportError::refused(
                path,
                Text::new(
                    "坐标不像地心坐标，请用 --crs 给出相符的坐标系",
                    "these are no geocentric coordinates: give the CRS that fits with --crs",
                ),
            ))
        };
    }
    let mut extent = [min[0], min[1], max[0], max[1]];
    if options.swap_axes {
        extent = [min[1], min[0], max[1], max[0]];
    }
    let place = georeference(path, Some(&cloud.wkt), Some(extent), options)?;
    // What the CRS text itself leaves in doubt is said already.
    doubts.extend(place.warnings.into_iter().filter(|warning| warning.code != "crs-doubtful"));
    Ok(doubts)
}

fn horizontal_unit_m(crs: &Crs) -> f64 {
    PointPlacement::new(crs, 0.0).map_or(1.0, |placement| placement.horizontal_unit_m())
}

/// `[west, south, east, north]` around everything between two corners; `None` for geocentric ones,
/// whose box says little.
fn lon_lat_bounds_deg(crs: &Crs, [min, max]: [[f64; 3]; 2]) -> Result<Option<[f64; 4]>, geodesy::GeodesyError> {
    const STEPS: u32 = 20;
    let placement = PointPlacement::new(crs, 0.0)?;
    if crs.is_geocentric() {
        return Ok(None);
    }
    let along = |axis: usize, step: u32| min[axis] + (max[axis] - min[axis]) * f64::from(step) / f64::from(STEPS);
    let mut grid: Vec<[f64; 3]> =
        (0..=STEPS).flat_map(|row| (0..=STEPS).map(move |column| [along(0, column), along(1, row), 0.0])).collect();
    placement.lon_lat_height_deg(&mut grid)?;
    Ok(Some(around(grid.iter().map(|[lon, lat, _]| [*lon, *lat]))))
}

/// Whether the middle of a cloud is where something can be surveyed: coordinates of another system
/// read as geocentric lie thousands of kilometres below the ground.
fn is_near_the_ground(crs: &Crs, [min, max]: [[f64; 3]; 2]) -> Result<bool, geodesy::GeodesyError> {
    let mut middle = [std::array::from_fn(|axis| f64::midpoint(min[axis], max[axis]))];
    PointPlacement::new(crs, 0.0)?.lon_lat_height_deg(&mut middle)?;
    Ok((-15_000.0..100_000.0).contains(&middle[0][2]))
}

fn around(places: impl Iterator<Item = [f64; 2]>) -> [f64; 4] {
    let nothing = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    places.fold(nothing, |[west, south, east, north], [lon, lat]| {
        [west.min(lon), south.min(lat), east.max(lon), north.max(lat)]
    })
}

/// Bounds in degrees and the height range in metres of a finished file.
fn place(path: &Path, cloud: &CloudCrs, file: &CopcFile) -> Result<([f64; 4], [f64; 2]), ImportError> {
    let failed = |source: crate::importer::Cause| ImportError::Failed {
        path: path.to_owned(),
        text: Text::new("点云范围无法计算", "the extent of the point cloud can't be computed"),
        source: Some(source),
    };
    let (min, max) = (file.header().min, file.header().max);
    let bounds = lon_lat_bounds_deg(&cloud.crs, [min, max]).map_err(|error| failed(error.into()))?;
    if let Some(bounds) = bounds {
        let unit_m = height_unit_m(&cloud.crs);
        return Ok((bounds, [min[2] * unit_m, max[2] * unit_m]));
    }
    // Geocentric: only the points themselves know.
    let placement = PointPlacement::new(&cloud.crs, 0.0).map_err(|error| failed(error.into()))?;
    let mut bounds = around(std::iter::empty());
    let mut heights = [f64::INFINITY, f64::NEG_INFINITY];
    futures::executor::block_on(async {
        for node in file.nodes().await.map_err(|error| failed(error.into()))? {
            let bytes = file.node_bytes(&node).await.map_err(|error| failed(error.into()))?;
            let points = file.decode_node(&node, &bytes, Wanted::Display).map_err(|error| failed(error.into()))?;
            let mut places = points.xyz;
            placement.lon_lat_height_deg(&mut places).map_err(|error| failed(error.into()))?;
            let [west, south, east, north] = around(places.iter().map(|[lon, lat, _]| [*lon, *lat]));
            bounds = [bounds[0].min(west), bounds[1].min(south), bounds[2].max(east), bounds[3].max(north)];
            for [_, _, height] in &places {
                heights = [heights[0].min(*height), heights[1].max(*height)];
            }
        }
        Ok((bounds, heights))
    })
}
