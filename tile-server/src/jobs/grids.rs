//! Grids that an analysis makes: written as elevation files while it runs, published as datasets when it is done.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use analysis::mechanism::Rows;
use analysis::{AnalysisError, RasterMade, Rasters};
use catalog::{DatasetKind, HeightReference, Job, NewAsset, NewRevision};
use chrono::{DateTime, Utc};
use geodesy::Transform;
use geodesy::crs::Crs;
use serde_json::{Value, json};
use tempfile::TempDir;
use tiles::cog::{ElevationGrid, GeoTransform, write_elevation};

use super::results::{self, Made};
use crate::app::App;
use crate::problem::Problem;

/// Name of the file in a revision.
const FILE: &str = "elevation.tif";
/// Places along each side of a grid that its bounds are found by.
const ALONG: u32 = 16;
/// Grids of one answer.
const MOST_GRIDS: usize = 16;

/// A grid that was written.
#[derive(Debug)]
pub struct Grid {
    /// What it is.
    pub made: RasterMade,
    /// Its file, as long as the answer is there.
    pub path: PathBuf,
    /// Lowest and highest value; none where there is no value at all.
    pub range: Option<[f32; 2]>,
}

/// A folder that takes grids.
#[derive(Debug)]
pub(super) struct GridFolder {
    folder: TempDir,
    taken: Mutex<Vec<Grid>>,
}

impl GridFolder {
    /// An empty folder within `beside`, which is on the disk that they are published on.
    pub(super) fn new(beside: &Path) -> Result<Self, Problem> {
        std::fs::create_dir_all(beside).map_err(Problem::internal)?;
        let folder = tempfile::Builder::new().prefix("grids-").tempdir_in(beside).map_err(Problem::internal)?;
        Ok(Self { folder, taken: Mutex::default() })
    }

    /// What was taken, and the folder that goes when it is dropped.
    pub(super) fn into_grids(self) -> (Vec<Grid>, TempDir) {
        (self.taken.into_inner().unwrap_or_else(PoisonError::into_inner), self.folder)
    }
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AnalysisError {
    AnalysisError::Surface(error.into())
}

impl Rasters for GridFolder {
    fn take(&self, raster: &RasterMade, rows: &mut Rows<'_>) -> Result<(), AnalysisError> {
        if self.taken.lock().unwrap_or_else(PoisonError::into_inner).len() >= MOST_GRIDS {
            return Err(failed("more grids than an answer has"));
        }
        let [width, height] = raster.size.map(|side| u32::try_from(side).map_err(failed));
        let [west, north, cell_width, cell_height] = raster.grid;
        let grid = ElevationGrid {
            width: width?,
            height: height?,
            transform: GeoTransform([west, cell_width, 0.0, north, 0.0, -cell_height]),
            crs: raster.crs.clone(),
        };
        let path = self.folder.path().join(format!("{}.tif", raster.name));
        // What the analysis refuses on the way must come out as it is, not as a file that could not be written.
        let mut refused = None;
        let written = write_elevation(&path, &grid, &mut |first, values| {
            rows(first as usize, values).map_err(|error| {
                refused = Some(error);
                "the rows could not be made".into()
            })
        });
        let report = match (refused, written) {
            (Some(error), _) => return Err(error),
            (None, written) => written.map_err(failed)?,
        };
        let made = Grid { made: raster.clone(), path, range: report.range };
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(made);
        Ok(())
    }
}

/// `[west, south, east, north]` degrees of a grid.
fn bounds_lon_lat_deg(raster: &RasterMade) -> Result<[f64; 4], Problem> {
    let [west, north, width, height] = raster.grid;
    let [across, down] = [width * raster.size[0] as f64, height * raster.size[1] as f64];
    let mut edge: Vec<[f64; 2]> = (0..=ALONG)
        .map(|i| f64::from(i) / f64::from(ALONG))
        .flat_map(|t| {
            let (x, y) = (west + across * t, north - down * t);
            [[x, north], [x, north - down], [west, y], [west + across, y]]
        })
        .collect();
    Transform::new(&raster.crs, &Crs::cgcs2000()).and_then(|t| t.points(&mut edge)).map_err(Problem::internal)?;
    Ok(crate::feature_file::hull(edge.iter()))
}

/// Publishes the grids of a job; what its row says of them. `valid_from` is when the ground looked like that.
pub(super) async fn publish(
    app: &App,
    job: &Job,
    grids: &[Grid],
    sources: &Value,
    valid_from: DateTime<Utc>,
) -> Result<Vec<Value>, Problem> {
    let mut published = Vec::with_capacity(grids.len());
    for grid in grids {
        let Some([low, high]) = grid.range else { continue };
        let made = &grid.made;
        let bounds = bounds_lon_lat_deg(made)?;
        let mut revision = NewRevision::new(valid_from, &results::name_of(&made.crs), bounds);
        // Not heights: nobody may hold them against heights.
        revision.height = HeightReference {
            datum: "other".to_owned(),
            datum_name: Some(made.title_zh.to_owned()),
            ..HeightReference::metres("other")
        };
        revision.height_range_m = Some([f64::from(low), f64::from(high)]);
        revision.assets = vec![NewAsset::new(FILE, "cog", "image/tiff; application=geotiff; profile=cloud-optimized")];
        let columns = made.size[0].max(1) as f64;
        let zoom = (360.0 / 256.0 * columns / (bounds[2] - bounds[0]).max(1e-12)).log2().round().clamp(0.0, 22.0);
        revision.properties = json!({
            "min_height_m": low, "max_height_m": high, "unit": made.unit, "max_zoom": zoom as u8,
            "columns": made.size[0], "rows": made.size[1],
        });
        let dataset = Made {
            name: made.name,
            kind: DatasetKind::Elevation,
            titles: [made.title_zh, made.title_en].map(str::to_owned),
            revision,
        };
        let from = grid.path.clone();
        let write = move |target: &Path| std::fs::copy(from, target).map(|_| ()).map_err(Problem::internal);
        let mut told = results::publish(app, job, sources, dataset, write).await?;
        told["unit"] = json!(made.unit);
        told["range"] = json!(grid.range);
        published.push(told);
    }
    Ok(published)
}
