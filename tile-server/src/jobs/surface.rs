//! The heights that analyses read, window by window: the delivered samples of a revision's COG, in metres.

use analysis::{AnalysisError, Surface};
use catalog::{Catalog, HeightReference, Revision};
use chrono::SecondsFormat;
use geodesy::HeightDatum;
use geodesy::crs::Crs;
use tiles::cog::{Cog, Window};
use tokio::runtime::Handle;

use crate::asset::asset_of;
use crate::locate::dated_name;
use crate::problem::Problem;
use crate::source::unit_m;

/// An open elevation revision.
pub(super) struct CogSurface {
    source: String,
    crs: Crs,
    height_datum: HeightDatum,
    valid_from: String,
    size: [usize; 2],
    grid: [f64; 4],
    unit_m: f32,
    cog: Cog,
    /// Analyses do not wait for anything but this: they run on threads of their own.
    runtime: Handle,
}

impl std::fmt::Debug for CogSurface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CogSurface").field("source", &self.source).field("size", &self.size).finish_non_exhaustive()
    }
}

impl CogSurface {
    /// Opens a revision; whether its heights may be held against others is the analysis's matter.
    pub(super) async fn open(catalog: &Catalog, revision: &Revision) -> Result<Self, Problem> {
        let asset = asset_of(revision, &["cog", "elevation"])
            .ok_or_else(|| Problem::missing("该数据集没有高程", "This dataset has no heights."))?;
        let location = catalog.blob_location(revision, &asset.path)?;
        let cog = Cog::open(catalog.blobs(), &location).await.map_err(Problem::internal)?;
        let placed = cog.transform().filter(|transform| transform.is_usable() && transform.is_north_up());
        let level = cog.levels().next();
        let (Some(transform), Some(level)) = (placed, level) else {
            return Err(Problem::internal(format!("{} is not a north-up grid", dated_name(revision))));
        };
        let [west, cell_width, _, north, _, row_step] = transform.0;
        Ok(Self {
            source: dated_name(revision),
            crs: Crs::from_user_input(&revision.crs).map_err(Problem::internal)?,
            height_datum: height_datum(&revision.height),
            valid_from: revision.valid_from.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            size: [level.width as usize, level.height as usize],
            grid: [west, north, cell_width, -row_step],
            unit_m: unit_m(&revision.height.unit),
            cog,
            runtime: Handle::current(),
        })
    }
}

/// The datum by its word; another one by the name it came with.
fn height_datum(height: &HeightReference) -> HeightDatum {
    match (height.datum.as_str(), &height.datum_name) {
        ("other", Some(name)) => HeightDatum::Other(name.clone()),
        (word, _) => HeightDatum::from(word.to_owned()),
    }
}

impl Surface for CogSurface {
    fn source(&self) -> &str {
        &self.source
    }

    fn crs(&self) -> &Crs {
        &self.crs
    }

    fn height_datum(&self) -> &HeightDatum {
        &self.height_datum
    }

    fn valid_from(&self) -> &str {
        &self.valid_from
    }

    fn size(&self) -> [usize; 2] {
        self.size
    }

    fn grid(&self) -> [f64; 4] {
        self.grid
    }

    fn window(&self, column: usize, row: usize, columns: usize, rows: usize) -> Result<Vec<f32>, AnalysisError> {
        let number = |n: usize| u32::try_from(n).map_err(|error| AnalysisError::Surface(error.into()));
        let window = Window {
            x: i64::from(number(column)?),
            y: i64::from(number(row)?),
            width: number(columns)?,
            height: number(rows)?,
        };
        let mut heights =
            self.runtime.block_on(self.cog.read_band(0, window, 0)).map_err(|e| AnalysisError::Surface(e.into()))?;
        if self.unit_m.total_cmp(&1.0).is_ne() {
            for height in &mut heights.values {
                *height *= self.unit_m;
            }
        }
        Ok(heights.values)
    }
}
