//! What every importer is: a name, a claim on a path, an inspection, a conversion.
//!
//! An importer turns delivered files into the finished assets of one revision, in a folder it is
//! given. It is not a publisher: it knows no catalogue, no server and no terminal. It runs inside
//! the limited copy of the program (`sandbox`), so everything it takes and gives is plain data
//! that crosses a pipe as JSON; what it can't do for one file, tile or feature is a [`Warning`]
//! naming that unit, and only what it can't do at all is an [`ImportError`].

use std::fmt;
use std::path::{Path, PathBuf};

use catalog::{DatasetKind, HeightReference};
use serde::{Deserialize, Serialize};

use crate::progress::Progress;

/// One kind of delivery that can be read. The kinds are in [`crate::list::IMPORTERS`].
pub trait Importer: Sync {
    /// Stable id in kebab-case, used in reports and by `--as`.
    fn name(&self) -> &'static str;

    /// What it makes.
    fn kind(&self) -> DatasetKind;

    /// How sure this importer is that `path` (a file or a folder) is one delivery unit of its kind.
    ///
    /// Looks at names and at a few bytes only; called for every entry of a delivery folder, outside
    /// the sandbox, so it must parse nothing.
    fn claims(&self, path: &Path) -> Confidence;

    /// True where `path` may hold several layers, each a dataset of its own: [`Inspection::layers`].
    fn may_hold_layers(&self, _path: &Path) -> bool {
        false
    }

    /// Says what `path` is. Writes nothing, and answers for odd input with [`Inspection::problems`].
    fn inspect(&self, path: &Path, options: &Options) -> Result<Inspection, ImportError>;

    /// Writes the assets of one revision into the empty folder `job.out` and describes them.
    fn convert(&self, job: &Job, progress: &Progress) -> Result<Conversion, ImportError>;
}

/// How sure an importer is of a path; the surest wins, the order of the list breaks ties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Not mine.
    No,
    /// The extension could be mine (a `.tif` is an orthophoto or an elevation model).
    Extension,
    /// First bytes or the layout of the folder are mine.
    Content,
    /// Nothing else can be meant (a `.las`, a folder with `metadata.xml` and `Data/`).
    Certain,
}

/// What the surveyor said on the command line. Everything is optional; `None` means "as the file says".
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// `--crs`: anything `geodesy::Crs::from_user_input` takes. Wins over what the file says.
    pub crs: Option<String>,
    /// `--origin x,y[,z]`: SRS origin of a model without metadata, in axis order x, y, z of `--crs`.
    pub origin: Option<Vec<f64>>,
    /// `--height-datum`: `ellipsoidal | normal_1985 | egm96 | unknown`, or any other name.
    pub height_datum: Option<String>,
    /// `--height-offset`: ellipsoidal height = delivered height + offset, metres. Recorded; applied
    /// only where geometry is placed on the ellipsoid (3D Tiles), never to the delivered samples.
    pub height_offset_m: Option<f64>,
    /// `--height-unit`: `m | ft | us-ft`, where the file says nothing or a wrong thing.
    pub height_unit: Option<String>,
    /// `--encoding`: label of the attribute text encoding (`gbk`, `utf-8`).
    pub encoding: Option<String>,
    /// `--layer`: which layer of a container (`GeoPackage`, `FileGDB`, DXF).
    pub layer: Option<String>,
    /// `--closed-as-polygons`: closed polylines of a DXF become polygons; open ones are left out.
    pub closed_as_polygons: bool,
    /// `--datum-parameters`: file with the surveyor's 4 or 7 parameters. Secret: never logged.
    pub datum_parameters: Option<PathBuf>,
    /// `--gcj02`: the coordinates are GCJ-02 degrees and are to be brought back to WGS 84.
    pub gcj02: bool,
    /// `--swap-axes`: x and y are exchanged in the file.
    pub swap_axes: bool,
    /// `--code-system`: code system of the land-use field (`sandiao`, `landuse-2023`, …).
    pub code_system: Option<String>,
    /// `--code-field`: the field that carries land-use codes.
    pub code_field: Option<String>,
    /// `--style`: id of the style in `styles/`.
    pub style: Option<String>,
    /// `--private-field`: fields that are published to nobody but those with the right to them (户主、电话).
    pub private_fields: Vec<String>,
    /// `--keep-original`: the delivered file is published beside the asset.
    pub keep_original: bool,
}

impl Options {
    /// The height reference the surveyor stated, or else what the file said (`found`).
    ///
    /// `found` is `None` where the file is silent: the datum is then `unknown`, never guessed.
    #[must_use]
    pub fn height_reference(&self, found: Option<HeightReference>) -> HeightReference {
        let mut height = found.unwrap_or_default();
        if let Some(stated) = &self.height_datum {
            let known = HeightReference::DATUMS.contains(&stated.as_str()) && stated != "other";
            height.datum = if known { stated.clone() } else { "other".to_owned() };
            height.datum_name = (!known).then(|| stated.clone());
        }
        if let Some(unit) = &self.height_unit {
            height.unit = match unit.as_str() {
                "m" => "metre".to_owned(),
                "ft" => "foot".to_owned(),
                "us-ft" => "us-survey-foot".to_owned(),
                other => other.to_owned(),
            };
        }
        if self.height_offset_m.is_some() {
            height.offset_m = self.height_offset_m;
        }
        height
    }
}

/// One conversion to be done: what, how, and where to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The delivered file or folder. Read only.
    pub path: PathBuf,
    /// Empty folder for the assets. Nothing is written anywhere else but [`Job::scratch`].
    pub out: PathBuf,
    /// Empty folder for temporary files; removed by the caller.
    pub scratch: PathBuf,
    /// Slug of the dataset; the name of the layer inside vector tiles.
    pub slug: String,
    /// What the surveyor said.
    pub options: Options,
}

/// What a path is, without converting it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// Format in words, e.g. `GeoTIFF`, `OSGB (PagedLOD)`.
    pub format: String,
    /// What there is, in both languages: "正射影像 · orthophoto".
    pub what: Text,
    /// Definition of the horizontal CRS: `EPSG:4547` where a code is sure, else WKT or PROJ string.
    pub crs: Option<String>,
    /// Name of that CRS.
    pub crs_name: Option<String>,
    /// What heights are measured from; `None` where there are no heights.
    pub height: Option<HeightReference>,
    /// Layers of a container, where `--layer` could choose one; `add` publishes each on its own.
    pub layers: Vec<String>,
    /// `[min_x, min_y, max_x, max_y]` in the delivered CRS, x = easting or longitude.
    pub extent: Option<[f64; 4]>,
    /// `[west, south, east, north]` in degrees, where the CRS can be brought there.
    pub bounds_lon_lat_deg: Option<[f64; 4]>,
    /// Named counts in the order to show them: features, points, triangles, pixels, fields, layers.
    pub counts: Vec<Count>,
    /// Further facts in the order to show them (encoding, ground size of a pixel, units).
    pub facts: Vec<Fact>,
    /// What `add` would warn of, refuse, or ask.
    pub problems: Vec<Warning>,
}

/// A number with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// What is counted.
    pub name: Text,
    /// How many.
    pub count: u64,
}

/// A named fact shown as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is.
    pub name: Text,
    /// Its value.
    pub value: String,
}

/// What a conversion made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversion {
    /// Kind of the dataset.
    pub kind: DatasetKind,
    /// Horizontal CRS as delivered: `EPSG:n` where sure, else WKT or PROJ string.
    pub crs: String,
    /// What heights are measured from, as delivered; `None` where there are no heights.
    pub height: Option<HeightReference>,
    /// `[west, south, east, north]` in degrees on CGCS2000/WGS 84.
    pub bounds_lon_lat_deg: [f64; 4],
    /// `[lowest, highest]` in metres, where there are heights.
    pub height_range_m: Option<[f64; 2]>,
    /// Properties of the revision by kind, as the server and the viewer read them.
    pub properties: serde_json::Value,
    /// The finished assets, all of them below `Job::out`.
    pub assets: Vec<Asset>,
    /// Units that failed, were repaired, or deserve a look.
    pub warnings: Vec<Warning>,
    /// How the assets were made (encodings, repairs, pipeline; never datum parameters): provenance.
    pub notes: serde_json::Value,
}

/// A finished file, or a folder of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Path below `Job::out`, `/`-separated: `image.tif`, `tileset.json`.
    pub path: String,
    /// `cog | elevation | copc | tileset | flatgeobuf | pmtiles | original | part`.
    pub role: String,
}

impl Asset {
    /// An asset at `path` with `role`.
    #[must_use]
    pub fn new(path: &str, role: &str) -> Self {
        Self { path: path.to_owned(), role: role.to_owned() }
    }
}

/// Something a person should know about one unit of a delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// Stable id of the kind of warning in kebab-case: `geometry-repaired`, `dangling-child`.
    pub code: String,
    /// What happened to the unit.
    pub severity: Severity,
    /// Which unit: a file, a tile, a feature id. Empty for the whole delivery.
    pub unit: String,
    /// What and what to do, in both languages.
    pub text: Text,
    /// Figures of it by name (`area_before_m2`, `area_after_m2`), or null.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub figures: serde_json::Value,
}

impl Warning {
    /// A warning without figures.
    #[must_use]
    pub fn new(code: &str, severity: Severity, unit: impl Into<String>, text: Text) -> Self {
        Self { code: code.to_owned(), severity, unit: unit.into(), text, figures: serde_json::Value::Null }
    }
}

/// What happened to the unit of a [`Warning`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; the unit is there as delivered. Does not change the exit code.
    Note,
    /// There, but to be checked (no height datum, CRS code contradicts its parameters). Exit code 3.
    Doubt,
    /// Changed to make it usable. Exit code 3.
    Repaired,
    /// Left out. Exit code 3.
    Skipped,
    /// Only in an inspection: `add` would refuse this.
    Refusal,
}

/// A sentence in both languages of the product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Text {
    /// Both languages.
    #[must_use]
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.zh, self.en)
    }
}

/// Why nothing came of a delivery unit.
///
/// `text` says what failed and what to do; `path` where. The technical cause is the source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// We will not, until the surveyor says more (a datum without parameters, no CRS). Exit code 4.
    #[error("{text}: {}", path.display())]
    Refused {
        /// Where.
        path: PathBuf,
        /// What and what to do.
        text: Text,
        /// The cause, where another library said it.
        #[source]
        source: Option<Cause>,
    },
    /// The input can't be read as what it claims to be. Exit code 4: nothing is wrong on our side.
    #[error("{text}: {}", path.display())]
    Unreadable {
        /// Where.
        path: PathBuf,
        /// What and what to do.
        text: Text,
        /// The cause.
        #[source]
        source: Option<Cause>,
    },
    /// Our side failed: disk full, a limit hit, a bug. Exit code 5.
    #[error("{text}: {}", path.display())]
    Failed {
        /// Where.
        path: PathBuf,
        /// What and what to do.
        text: Text,
        /// The cause.
        #[source]
        source: Option<Cause>,
    },
}

/// An error of another library, kept as the source of ours.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

impl ImportError {
    /// A refusal without a technical cause.
    #[must_use]
    pub fn refused(path: &Path, text: Text) -> Self {
        Self::Refused { path: path.to_owned(), text, source: None }
    }

    /// Unreadable input without a technical cause.
    #[must_use]
    pub fn unreadable(path: &Path, text: Text) -> Self {
        Self::Unreadable { path: path.to_owned(), text, source: None }
    }

    /// Unreadable input because of `cause`.
    #[must_use]
    pub fn unreadable_because(path: &Path, text: Text, cause: impl Into<Cause>) -> Self {
        Self::Unreadable { path: path.to_owned(), text, source: Some(cause.into()) }
    }

    /// Our side failed because of `cause`.
    #[must_use]
    pub fn failed(path: &Path, text: Text, cause: impl Into<Cause>) -> Self {
        Self::Failed { path: path.to_owned(), text, source: Some(cause.into()) }
    }
}
