//! One mechanism for every analysis: what it wants to read, then what it finds in it.
//!
//! The caller (server, command line, a test) reads the layers that [`Analysis::wanted`] names and hands them over;
//! nothing here opens a file. A result names the revisions and the rule versions that it came from, so that a rerun
//! "as filed" gives the same bytes.

use std::collections::BTreeMap;

use geodesy::{Crs, HeightDatum};
use serde_json::{Map, Value};

use crate::{AnalysisError, ParcelLayer, Polygon};

/// One kind of analysis.
#[derive(Debug)]
pub struct Analysis {
    /// Name in URLs and on the command line.
    pub name: &'static str,
    /// Chinese title.
    pub title_zh: &'static str,
    /// English title.
    pub title_en: &'static str,
    /// Whether what a job of it finds is published as datasets, for others' maps.
    pub results_are_datasets: bool,
    /// Which data the request needs; refuses a request that makes no sense.
    pub wanted: fn(&Value, &RuleBook) -> Result<DataWanted, AnalysisError>,
    /// The analysis itself.
    pub run: fn(&Task<'_>) -> Result<Findings, AnalysisError>,
}

/// What a request needs to be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DataWanted {
    /// Layers of features.
    pub layers: Vec<LayerWanted>,
    /// Elevation datasets.
    pub surfaces: Vec<SurfaceWanted>,
    /// Where the question is, `[west, south, east, north]` degrees: it decides the plane; none for "where the first layer is".
    pub bounds_lon_lat_deg: Option<[f64; 4]>,
    /// Layers without a box of their own are read within so many metres of the ground that all surfaces share.
    pub around_surfaces_m: Option<f64>,
}

/// A layer of features to be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LayerWanted {
    /// What the analysis calls it; unique in the request.
    pub role: String,
    /// Dataset slug, or `slug@revision`.
    pub dataset: String,
    /// Field that becomes [`crate::Parcel::class`]; by default the one that the revision names.
    pub class_field: Option<String>,
    /// Code system of that field; by default the one that the revision names.
    pub code_system: Option<String>,
    /// Which revision: what was valid then (`datetime=` of the read API); by default now.
    pub datetime: Option<String>,
    /// Which revision: as known then (`recorded=` of the read API).
    pub recorded: Option<String>,
    /// Only features that meet this box, `[west, south, east, north]` degrees.
    pub within_lon_lat_deg: Option<[f64; 4]>,
    /// Whether the analysis can go on without the dataset and say so.
    pub optional: bool,
    /// Whether it is given the fields, too, that the delivery declared private; it tells nobody what is in them.
    pub private_fields: bool,
}

/// An elevation dataset to be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SurfaceWanted {
    /// What the analysis calls it; unique in the request.
    pub role: String,
    /// Dataset slug, or `slug@revision`.
    pub dataset: String,
    /// Which revision, as for layers.
    pub datetime: Option<String>,
    /// Which revision, as for layers.
    pub recorded: Option<String>,
    /// Whether the analysis can go on without it.
    pub optional: bool,
}

/// Everything an analysis is given.
#[derive(Debug)]
pub struct Task<'a> {
    /// The request, as it was posted.
    pub request: &'a Value,
    /// The rules in force.
    pub rules: &'a RuleBook,
    /// The plane of the deployment: every layer is in it, results too.
    pub plane: &'a Crs,
    /// The layers that were found, by role.
    pub layers: &'a BTreeMap<String, LoadedLayer>,
    /// The surfaces that were found, by role.
    pub surfaces: &'a BTreeMap<String, &'a dyn Surface>,
    /// Told how far it is; asked whether to go on.
    pub watch: &'a dyn Watch,
    /// Takes the grids that it makes.
    pub rasters: &'a dyn Rasters,
}

impl<'a> Task<'a> {
    /// The layer of a role, which the request cannot do without.
    pub(crate) fn layer(&self, role: &str) -> Result<&'a LoadedLayer, AnalysisError> {
        self.layers.get(role).ok_or_else(|| AnalysisError::Request {
            what_zh: format!("缺少图层“{role}”"),
            what_en: format!("the layer {role} is missing"),
        })
    }
}

/// A layer with what a finding says about its origin.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedLayer {
    /// Dataset slug.
    pub dataset: String,
    /// Revision id.
    pub revision: String,
    /// Title of the dataset.
    pub title: String,
    /// Beginning of the revision's validity, RFC 3339.
    pub valid_from: String,
    /// Extent of the whole revision (not only of what was read), `[west, south, east, north]` degrees.
    pub bounds_lon_lat_deg: [f64; 4],
    /// Its features, in the task's plane.
    pub layer: ParcelLayer,
    /// Features that could only be published after a repair, in the order of the import.
    pub repairs: Vec<Repair>,
}

/// What the importer did to a feature whose rings crossed or touched themselves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Repair {
    /// Id of the feature, [`crate::Parcel::id`].
    pub id: String,
    /// What was wrong, as the geometry library says it.
    pub reason: String,
    /// Area that the delivered rings sum up to, square metres on the ellipsoid.
    pub area_before_m2: f64,
    /// Area since the repair, square metres on the ellipsoid.
    pub area_after_m2: f64,
}

/// Heights on a grid, read window by window.
pub trait Surface: std::fmt::Debug + Sync {
    /// Origin as a finding says it, `dataset@revision`.
    fn source(&self) -> &str;
    /// Plane of the grid.
    fn crs(&self) -> &Crs;
    /// What the heights count from.
    fn height_datum(&self) -> &HeightDatum;
    /// Since when the ground looked like that, RFC 3339 in UTC.
    fn valid_from(&self) -> &str;
    /// Columns and rows.
    fn size(&self) -> [usize; 2];
    /// `[x of the west edge, y of the north edge, cell width, cell height]`, both sizes positive, in units of the plane.
    fn grid(&self) -> [f64; 4];
    /// Metres, row by row from the north, NaN where there is no value. The window lies inside the grid.
    fn window(&self, column: usize, row: usize, columns: usize, rows: usize) -> Result<Vec<f32>, AnalysisError>;
}

/// Heights of different datums are not held against each other; `remedy` says in both languages what else may be done.
pub(crate) fn one_height_datum(
    before: &dyn Surface,
    after: &dyn Surface,
    remedy: [&str; 2],
) -> Result<(), AnalysisError> {
    let [first, second] = [before, after].map(Surface::height_datum);
    if first == second {
        return Ok(());
    }
    let [zh, en] = remedy;
    Err(AnalysisError::Request {
        what_zh: format!(
            "两期高程基准不同（{}：{first}；{}：{second}），不能直接相减，请统一基准后重新入库{zh}",
            before.source(),
            after.source()
        ),
        what_en: format!("the height datums differ ({first} and {second}): import again in one datum{en}"),
    })
}

/// Who waits for the result.
pub trait Watch: std::fmt::Debug + Sync {
    /// Parts done of a whole of 1, and what is being done (Chinese).
    fn progress(&self, done: f64, doing: &str);
    /// Whether nobody wants the result any more; the analysis then ends with [`AnalysisError::Cancelled`].
    fn cancelled(&self) -> bool;
}

/// For callers that do not watch.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn progress(&self, _done: f64, _doing: &str) {}
    fn cancelled(&self) -> bool {
        false
    }
}

/// A grid that an analysis makes: differences, depths, slopes.
#[derive(Debug, Clone, PartialEq)]
pub struct RasterMade {
    /// Name within the result, lower case with hyphens, such as `difference`.
    pub name: &'static str,
    /// Chinese title.
    pub title_zh: &'static str,
    /// English title.
    pub title_en: &'static str,
    /// Unit of its values: `m`, `deg`, or `1` for codes.
    pub unit: &'static str,
    /// System of the grid.
    pub crs: Crs,
    /// Columns and rows.
    pub size: [usize; 2],
    /// `[x of the west edge, y of the north edge, cell width, cell height]`, as of a [`Surface`].
    pub grid: [f64; 4],
}

/// Fills rows of a grid from the row of that number on, NaN where there is no value.
pub type Rows<'a> = dyn FnMut(usize, &mut [f32]) -> Result<(), AnalysisError> + Send + 'a;

/// Who takes the grids that an analysis makes.
pub trait Rasters: std::fmt::Debug + Sync {
    /// Takes a grid; asks for all its rows from the north, each once, some hundred at a time.
    fn take(&self, raster: &RasterMade, rows: &mut Rows<'_>) -> Result<(), AnalysisError>;
}

/// For callers that want no grids.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRasters;

impl Rasters for NoRasters {
    fn take(&self, _raster: &RasterMade, _rows: &mut Rows<'_>) -> Result<(), AnalysisError> {
        Ok(())
    }
}

/// What an analysis found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Findings {
    /// The tables: an object; areas already rounded and balanced, as numbers.
    pub result: Value,
    /// The places (图斑), in the task's plane.
    pub patches: Vec<FoundPatch>,
}

/// A place of a finding.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FoundPatch {
    /// Id, stable from run to run of the same input.
    pub id: String,
    /// What is known about it; the same numbers as in the tables.
    pub properties: Map<String, Value>,
    /// Where it is.
    pub polygons: Vec<Polygon>,
    /// Where it is, of a line: a route, a contour.
    pub lines: Vec<Vec<[f64; 2]>>,
    /// Where it is, of points: a building's door, a photo.
    pub points: Vec<[f64; 2]>,
}

/// A rule document in force: TOML text with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleDocument {
    /// Name, such as `control-lines`.
    pub name: String,
    /// Version, unique for the name.
    pub version: String,
    /// The TOML.
    pub text: String,
}

/// The rule documents in force, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleBook {
    documents: BTreeMap<String, RuleDocument>,
}

impl RuleBook {
    /// The documents that the product ships ([`RULES`]); a county replaces those that it has decided otherwise.
    #[must_use]
    pub fn shipped() -> Self {
        let mut book = Self::default();
        for (name, text) in RULES {
            book.put(RuleDocument {
                name: (*name).to_owned(),
                version: "shipped".to_owned(),
                text: (*text).to_owned(),
            });
        }
        book
    }

    /// Puts a document in force.
    pub fn put(&mut self, document: RuleDocument) {
        self.documents.insert(document.name.clone(), document);
    }

    /// The document of a name.
    pub fn document(&self, name: &str) -> Result<&RuleDocument, AnalysisError> {
        self.documents.get(name).ok_or_else(|| AnalysisError::NoRule { name: name.to_owned() })
    }

    /// Every document, by name.
    pub fn documents(&self) -> impl Iterator<Item = &RuleDocument> {
        self.documents.values()
    }
}

/// The shipped rule documents: name and TOML. Every document is a `[document]` table (title, version, author,
/// `effective_from`, source) and its own tables.
pub const RULES: &[(&str, &str)] = &[
    (crate::change::RULE_DOCUMENT, include_str!("../rules/change-detection.toml")),
    (crate::compliance::CONTROL_LINES, include_str!("../rules/control-lines.toml")),
    (crate::compliance::LAND_CLASSES, include_str!("../rules/land-classes.toml")),
    (crate::audit::RULE_DOCUMENT, include_str!("../rules/data-quality.toml")),
    (crate::reclassification::RULE_DOCUMENT, include_str!("../rules/reclassification.toml")),
    (crate::sites::DOCUMENT, include_str!("../rules/site-search.toml")),
    (crate::terrain::RULE_DOCUMENT, include_str!("../rules/terrain.toml")),
    (crate::terrain_change::RULE_DOCUMENT, include_str!("../rules/terrain-change.toml")),
    (crate::inundation::RULE_DOCUMENT, include_str!("../rules/inundation.toml")),
    (crate::registers::DOCUMENT, include_str!("../rules/registers.toml")),
    (crate::disaster::DOCUMENT, include_str!("../rules/disaster.toml")),
    (crate::exposure::DOCUMENT, include_str!("../rules/exposure.toml")),
    (crate::evacuation::RULE_DOCUMENT, include_str!("../rules/evacuation.toml")),
    (DOCUMENTS, SHIPPED_DOCUMENTS),
];

/// How papers are made out, which no analysis reads.
const DOCUMENTS: &str = "documents";
const SHIPPED_DOCUMENTS: &str = include_str!("../rules/documents.toml");

/// Refuses a rule document that its analysis cannot use.
pub type RuleCheck = fn(&RuleDocument) -> Result<(), AnalysisError>;

/// How the analyses read their documents, by name of the document: asked before a version is taken in.
pub const RULE_CHECKS: &[(&str, RuleCheck)] = &[
    (crate::change::RULE_DOCUMENT, crate::change::check),
    (crate::compliance::CONTROL_LINES, |document| crate::compliance::ControlLines::parse(document).map(|_| ())),
    (crate::compliance::LAND_CLASSES, |document| crate::compliance::LandClasses::parse(document).map(|_| ())),
    (crate::audit::RULE_DOCUMENT, crate::audit::check),
    (crate::reclassification::RULE_DOCUMENT, |document| {
        crate::reclassification::Reclassification::parse(document).map(|_| ())
    }),
    (crate::sites::DOCUMENT, crate::sites::check),
    (crate::terrain::RULE_DOCUMENT, crate::terrain::check),
    (crate::terrain_change::RULE_DOCUMENT, crate::terrain_change::check),
    (crate::inundation::RULE_DOCUMENT, crate::inundation::check),
    (crate::registers::DOCUMENT, crate::registers::check),
    (crate::disaster::DOCUMENT, crate::disaster::check),
    (crate::exposure::DOCUMENT, crate::exposure::check),
    (crate::evacuation::RULE_DOCUMENT, crate::evacuation::check),
    (DOCUMENTS, same_texts),
];

/// Refuses a document whose tables or keys the shipped one does not have, or whose values are no texts.
fn same_texts(document: &RuleDocument) -> Result<(), AnalysisError> {
    let bad = |what: String| AnalysisError::BadRule { name: document.name.clone(), what };
    let read = |text: &str| text.parse::<toml::Table>().map_err(|error| bad(error.to_string()));
    let (shipped, own) = (read(SHIPPED_DOCUMENTS)?, read(&document.text)?);
    for (table, known) in shipped.iter().filter(|(name, _)| *name != "document") {
        let Some(values) = own.get(table).and_then(toml::Value::as_table) else {
            return Err(bad(format!("缺少 [{table}] 表 (the table is missing)")));
        };
        for (key, value) in values {
            if known.get(key).is_none() || !value.is_str() {
                return Err(bad(format!(
                    "[{table}] {key} 不是可用的设置，或其值不是文字 (no such setting, or no text)"
                )));
            }
        }
    }
    match own.keys().find(|table| !shipped.contains_key(*table)) {
        Some(table) => Err(bad(format!("没有 [{table}] 这样的设置 (no such table)"))),
        None => Ok(()),
    }
}

/// Refuses a document that is no TOML, says nothing of itself, or cannot be read by the analysis that uses it.
pub fn check_rule(document: &RuleDocument) -> Result<(), AnalysisError> {
    let bad = |what: String| AnalysisError::BadRule { name: document.name.clone(), what };
    let table: toml::Table = document.text.parse().map_err(|error: toml::de::Error| bad(error.to_string()))?;
    if table.get("document").and_then(|head| head.get("title")).and_then(toml::Value::as_str).is_none() {
        return Err(bad("缺少 [document] 表的 title / no title in the table [document]".to_owned()));
    }
    RULE_CHECKS.iter().filter(|(name, _)| *name == document.name).try_for_each(|(_, check)| check(document))
}

/// Every analysis; a new one costs its file and a line here.
pub const ANALYSES: &[&Analysis] = &[
    &crate::compliance::COMPLIANCE,
    &crate::sites::SITES,
    &crate::statistics::STATISTICS,
    &crate::difference::DIFFERENCE,
    &crate::audit::AUDIT,
    &crate::change::CHANGE,
    &crate::terrain_change::TERRAIN_CHANGE,
    &crate::disaster::DISASTER,
    &crate::exposure::EXPOSURE,
    &crate::evacuation::EVACUATION,
    &crate::terrain::TERRAIN,
    &crate::inundation::INUNDATION,
];

/// The analysis of a name.
#[must_use]
pub fn analysis(name: &str) -> Option<&'static Analysis> {
    ANALYSES.iter().copied().find(|analysis| analysis.name == name)
}

/// What was read, for the result: roles with dataset, revision, title and dates, in the order of the roles.
#[must_use]
pub fn sources(task: &Task<'_>) -> Value {
    let layers = task.layers.iter().map(|(role, layer)| {
        serde_json::json!({
            "role": role,
            "dataset": layer.dataset,
            "revision": layer.revision,
            "title": layer.title,
            "valid_from": layer.valid_from,
            "code_system": layer.layer.code_system,
        })
    });
    let surfaces =
        task.surfaces.iter().map(|(role, surface)| serde_json::json!({ "role": role, "source": surface.source() }));
    Value::Array(layers.chain(surfaces).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_document_that_its_analysis_could_not_read_is_refused() {
        for (name, text) in RULES {
            let check = |text: String| {
                check_rule(&RuleDocument { name: (*name).to_owned(), version: "县-1".to_owned(), text })
            };
            assert!(RULE_CHECKS.iter().any(|(checked, _)| checked == name), "{name} is taken in unread");
            assert!(check((*text).to_owned()).is_ok(), "{name}");
            // The whole of it but for its own tables, and a value of another type.
            let (_, head) = text.split_once("[document]").expect("a head");
            let head = head.split_once("\n\n").map_or(head, |(head, _)| head);
            assert!(check(format!("[document]{head}\n")).is_err(), "{name}: an empty document");
        }
        let edited = |name: &str, from: &str, to: &str| {
            let text = RULES.iter().find(|(own, _)| *own == name).expect("shipped").1;
            assert!(text.contains(from), "{name}: {from}");
            let (name, text) = (name.to_owned(), text.replace(from, to));
            check_rule(&RuleDocument { name, version: "县-1".to_owned(), text }).map_err(|error| error.to_string())
        };
        for (name, from, to, said) in [
            ("control-lines", "tolerance_m2 = 1.0", "tolerance_m2 = -1.0", "面积和距离"),
            ("control-lines", "check = \"keep-distance\"", "check = \"keep-away\"", "keep-away"),
            ("land-classes", "[\"水田\", \"农用地\"]", "[\"水田\", \"耕地\"]", "耕地"),
            ("land-classes", "cultivated = [\"0101\"", "cultivated = [\"0109\"", "0109"),
            ("site-search", "block_m = 500.0", "block_m = 1.0", "block_m"),
            ("site-search", "slope = 3.0", "slope = -3.0", "weights"),
            ("site-search", "limit = 50", "limits = 50", "limits"),
            ("data-quality", "share = 0.95", "share = 0.2", "share"),
            ("change-detection", "built = \"建设\"", "built = \"\"", "[plan]"),
            ("documents", "unit = \"\"", "unit = 3", "unit"),
            ("documents", "unit = \"\"", "company = \"\"", "company"),
        ] {
            let refused = edited(name, from, to).expect_err(to);
            assert!(refused.contains(said) && refused.contains(name), "{name}: {refused}");
        }
    }

    #[test]
    fn names_are_unique_and_shipped_rules_are_toml_with_a_version() {
        let names: BTreeSet<&str> = ANALYSES.iter().map(|analysis| analysis.name).collect();
        assert_eq!(names.len(), ANALYSES.len());
        for document in RuleBook::shipped().documents() {
            let table: toml::Table = document.text.parse().expect("TOML");
            for key in ["title", "version", "author", "effective_from", "source"] {
                assert!(table["document"].get(key).is_some(), "{}: document.{key}", document.name);
            }
        }
    }
}
