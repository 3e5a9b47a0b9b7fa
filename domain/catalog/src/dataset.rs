//! A dataset: a slug for URLs, a title in any language, a kind, and either revisions or one live source.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{LiveSource, Revision, RevisionId, Slug};

/// What a dataset is; decides which assets it has and how it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatasetKind {
    /// 影像: a COG on the Web Mercator grid.
    Imagery,
    /// 高程: a Float32 COG on the delivered grid.
    Elevation,
    /// 点云: COPC.
    PointCloud,
    /// 实景三维: 3D Tiles.
    Mesh,
    /// 矢量: `FlatGeobuf` and PMTiles.
    Features,
    /// 底图: a live source.
    Basemap,
    /// 监测: rows of the catalogue.
    Observations,
}

impl DatasetKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Imagery,
        Self::Elevation,
        Self::PointCloud,
        Self::Mesh,
        Self::Features,
        Self::Basemap,
        Self::Observations,
    ];

    /// The name in JSON, in the database and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Imagery => "imagery",
            Self::Elevation => "elevation",
            Self::PointCloud => "point-cloud",
            Self::Mesh => "mesh",
            Self::Features => "features",
            Self::Basemap => "basemap",
            Self::Observations => "observations",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for DatasetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is said about a dataset when something is published under its slug.
#[derive(Debug, Clone)]
pub struct NewDataset {
    /// Name in URLs.
    pub slug: Slug,
    /// Kind; must agree with what is there.
    pub kind: DatasetKind,
    /// Title in the deployment's language. `None` keeps the one that is there (the slug, for a new dataset).
    pub title: Option<String>,
    /// English title.
    pub title_en: Option<String>,
    /// A sentence or two.
    pub description: Option<String>,
}

impl NewDataset {
    /// A dataset about which nothing but name and kind is said.
    pub fn new(slug: Slug, kind: DatasetKind) -> Self {
        Self { slug, kind, title: None, title_en: None, description: None }
    }
}

/// A dataset as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Name in URLs.
    pub slug: Slug,
    /// Kind.
    pub kind: DatasetKind,
    /// Title.
    pub title: String,
    /// English title.
    pub title_en: Option<String>,
    /// A sentence or two.
    pub description: Option<String>,
    /// Where a live dataset comes from; `None` for datasets made of revisions.
    pub live: Option<LiveSource>,
    /// When it was first told to us.
    pub recorded: DateTime<Utc>,
}

/// The times of one revision, for lists and time sliders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionSummary {
    /// The revision.
    pub id: RevisionId,
    /// Start of validity (现势日期).
    pub valid_from: DateTime<Utc>,
    /// End of validity, exclusive; `None` while open.
    pub valid_to: Option<DateTime<Utc>>,
    /// When it was told to us (入库时间).
    pub recorded: DateTime<Utc>,
    /// When it was withdrawn, if it was.
    pub withdrawn: Option<DateTime<Utc>>,
}

/// A dataset with the revision a query resolved to.
#[derive(Debug, Clone)]
pub struct DatasetEntry {
    /// The dataset.
    pub dataset: Dataset,
    /// The revision that answers the query; `None` for live datasets.
    pub revision: Option<Revision>,
    /// Every revision known at `recorded`, oldest validity first, withdrawn ones left out.
    pub revisions: Vec<RevisionSummary>,
}

/// A question to [`crate::Catalog::dataset_list`]; the default asks for everything.
#[derive(Debug, Clone, Default)]
pub struct DatasetQuery {
    /// Only this kind.
    pub kind: Option<DatasetKind>,
    /// Only where the resolved revision's bounds meet `[west, south, east, north]`, degrees.
    pub bbox_lon_lat_deg: Option<[f64; 4]>,
    /// Only what was valid then.
    pub datetime: Option<DateTime<Utc>>,
    /// Take the newest revision where none was valid at `datetime`.
    pub or_newest: bool,
    /// As known then.
    pub recorded: Option<DateTime<Utc>>,
    /// Words looked for in slug, titles, description, responsible unit and source; all must occur.
    pub text: Option<String>,
}
