//! Feature layers as analyses take them: every feature in the task's plane, with its attributes, class and source id.
//!
//! Coordinates are untouched where the layer was delivered in the plane; one that differs by the zone number only is
//! shifted by it; anything else has its edges densified on the way. What was read is kept, per revision and plane, up to
//! a number of bytes, so that a project is held against every plan within a fraction of a second.

use std::path::PathBuf;
use std::sync::Arc;

use analysis::mechanism::Repair;
use analysis::{LayerWanted, LoadedLayer, Parcel, ParcelLayer, Polygon, Watch};
use axum::http::StatusCode;
use catalog::Revision;
use chrono::SecondsFormat;
use geodesy::Transform;
use geodesy::crs::Crs;
use geodesy::densify::MAX_SAGITTA_M;
use moka::sync::Cache;
use serde_json::{Map, Value};

use crate::feature_file::{self, Next, Selection, Shape, box_in, hull};
use crate::locate::dated_name;
use crate::problem::Problem;
use crate::routes::features::private_fields;

/// Layers kept in memory.
const CACHE_BYTES: u64 = 512 << 20;
/// A file larger than this is read by its own index where only a box of it is wanted, and not kept.
const LARGE_FILE_BYTES: u64 = 256 << 20;
/// Vertices of one layer: 1 GB.
const MAX_VERTICES: usize = 64_000_000;
/// Fields that hold a department's own id, where the importer named none.
const SOURCE_ID_FIELD: &str = "BSM";

/// A layer that was found, to be read.
#[derive(Debug, Clone)]
pub(super) struct LayerSource {
    pub(super) wanted: LayerWanted,
    pub(super) revision: Arc<Revision>,
    pub(super) title: String,
    pub(super) path: PathBuf,
}

/// Every feature of a revision, or those of a box, in a plane.
struct Parsed {
    parcels: Vec<Parcel>,
    /// `[min_x, min_y, max_x, max_y]` of each.
    boxes: Vec<[f64; 4]>,
    bytes: u64,
}

/// What was read before.
pub(crate) struct LayerCache {
    parsed: Cache<(String, String), Arc<Parsed>>,
}

impl std::fmt::Debug for LayerCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayerCache").field("kept", &self.parsed.entry_count()).finish()
    }
}

impl Default for LayerCache {
    fn default() -> Self {
        // Weighed in KiB, since weights are 32 bits.
        let weigh = |_: &(String, String), parsed: &Arc<Parsed>| u32::try_from(parsed.bytes >> 10).unwrap_or(u32::MAX);
        Self { parsed: Cache::builder().max_capacity(CACHE_BYTES >> 10).weigher(weigh).build() }
    }
}

impl LayerCache {
    /// The layer in the plane, as the analysis asked for it. Blocks.
    pub(super) fn load(&self, source: &LayerSource, plane: &Crs, watch: &dyn Watch) -> Result<LoadedLayer, Problem> {
        let revision = &source.revision;
        let within = source.wanted.within_lon_lat_deg;
        let selection = within.map(|within| Selection::within(within, revision.bounds_lon_lat_deg));
        let file_bytes = revision.asset("flatgeobuf").map_or(0, |asset| asset.bytes);
        let parcels = match selection {
            Some(None) => Vec::new(),
            Some(Some(selection)) if file_bytes > LARGE_FILE_BYTES => read(source, plane, selection, watch)?.parcels,
            _ => {
                let parsed = self.whole(source, plane, watch)?;
                let within = match within {
                    Some(within) => {
                        box_in(within, &Transform::new(&Crs::cgcs2000(), plane).map_err(Problem::internal)?)
                    }
                    None => None,
                };
                let meets =
                    |b: &[f64; 4]| within.is_none_or(|w| b[0] <= w[2] && w[0] <= b[2] && b[1] <= w[3] && w[1] <= b[3]);
                let chosen = parsed.parcels.iter().zip(&parsed.boxes).filter(|(_, hull)| meets(hull));
                chosen.map(|(parcel, _)| parcel.clone()).collect()
            }
        };
        Ok(loaded(source, plane, parcels))
    }

    /// Every feature of the revision. One of those who ask at once reads for all; where he gives up, another does.
    fn whole(&self, source: &LayerSource, plane: &Crs, watch: &dyn Watch) -> Result<Arc<Parsed>, Problem> {
        loop {
            let key = (dated_name(&source.revision), plane.definition().to_owned());
            let read = || {
                let read = read(source, plane, Selection::All, watch).map(Arc::new);
                read.map_err(|problem| if watch.cancelled() { Unread::GivenUp } else { Unread::Refused(problem) })
            };
            match self.parsed.try_get_with(key, read).map_err(|unread| (*unread).clone()) {
                Ok(parsed) => return Ok(parsed),
                Err(Unread::Refused(problem)) => return Err(problem),
                Err(Unread::GivenUp) if watch.cancelled() => return Err(cancelled()),
                Err(Unread::GivenUp) => {}
            }
        }
    }
}

/// Why a layer was not read to its end.
#[derive(Clone)]
enum Unread {
    /// Whoever read it was cancelled.
    GivenUp,
    Refused(Problem),
}

/// The parcels with the class that this request asks for.
fn loaded(source: &LayerSource, plane: &Crs, mut parcels: Vec<Parcel>) -> LoadedLayer {
    let LayerSource { wanted, revision, title, .. } = source;
    let private = if wanted.private_fields { Vec::new() } else { private_fields(revision) };
    if !private.is_empty() {
        for parcel in &mut parcels {
            parcel.attributes.retain(|name, _| !private.contains(name));
        }
    }
    let property = |pointer: &str| revision.properties.pointer(pointer).and_then(Value::as_str);
    let code_field = property("/code_field");
    let class_field = wanted.class_field.as_deref().or_else(|| property("/classes/field")).or(code_field);
    // The revision's code system is that of its code field; another field has none that we know.
    let of_field = property("/code_system").filter(|_| code_field.is_none() || code_field == class_field);
    let code_system = wanted.code_system.as_deref().or(of_field).unwrap_or("unknown");
    if let Some(field) = class_field {
        for parcel in &mut parcels {
            parcel.class = parcel.attributes.get(field).map_or_else(String::new, text_of);
        }
    }
    LoadedLayer {
        dataset: revision.slug.to_string(),
        revision: revision.id.to_string(),
        title: title.clone(),
        valid_from: revision.valid_from.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        bounds_lon_lat_deg: revision.bounds_lon_lat_deg,
        repairs: repairs(&revision.provenance.report),
        layer: ParcelLayer {
            source: dated_name(revision),
            code_system: code_system.to_owned(),
            crs: plane.clone(),
            parcels,
        },
    }
}

/// The repairs that an import's report lists.
fn repairs(report: &Value) -> Vec<Repair> {
    let text = |warning: &Value, pointer: &str| warning.pointer(pointer).map_or_else(String::new, text_of);
    let number = |warning: &Value, pointer: &str| warning.pointer(pointer).and_then(Value::as_f64).unwrap_or_default();
    let warnings = report["warnings"].as_array().into_iter().flatten();
    warnings
        .filter(|warning| warning["code"] == "geometry-repaired")
        .map(|warning| Repair {
            id: text(warning, "/unit"),
            reason: text(warning, "/figures/reason"),
            area_before_m2: number(warning, "/figures/area_before_m2"),
            area_after_m2: number(warning, "/figures/area_after_m2"),
        })
        .collect()
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn read(source: &LayerSource, plane: &Crs, selection: Selection, watch: &dyn Watch) -> Result<Parsed, Problem> {
    let revision = &source.revision;
    let native = Crs::from_user_input(&revision.crs).map_err(Problem::internal)?;
    let shift = shift_to(&native, plane);
    let target = if shift.is_some() { None } else { Some(plane) };
    let source_id_field = revision.properties.get("source_id_field").and_then(Value::as_str).unwrap_or(SOURCE_ID_FIELD);
    let mut parsed = Parsed { parcels: Vec::new(), boxes: Vec::new(), bytes: 0 };
    let outcome = feature_file::read_up_to(
        MAX_VERTICES,
        &source.path,
        &revision.crs,
        target,
        selection,
        MAX_SAGITTA_M,
        &mut |mut feature| {
            if watch.cancelled() {
                return Next::Stop;
            }
            if let Some([dx, dy]) = shift.filter(|shift| *shift != [0.0, 0.0]) {
                feature.shape.for_each_vertex(|[x, y]| {
                    *x += dx;
                    *y += dy;
                });
            }
            parsed.boxes.push(hull(feature.shape.vertices()));
            let source_id = feature.properties.get(source_id_field).map_or_else(String::new, text_of);
            parsed.bytes += bytes_of(&feature.shape, &feature.properties);
            let mut parcel =
                Parcel { id: feature.id.to_string(), source_id, attributes: feature.properties, ..Parcel::default() };
            match feature.shape {
                Shape::Polygons(polygons) => parcel.polygons = polygons.into_iter().map(polygon).collect(),
                Shape::Lines(lines) => parcel.lines = lines,
                Shape::Points(points) => parcel.points = points,
            }
            parsed.parcels.push(parcel);
            Next::More
        },
    )
    .map_err(Problem::from)?;
    if watch.cancelled() {
        return Err(cancelled());
    }
    if !outcome.whole {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("图层 {} 太大，请缩小范围（within）", revision.slug),
            format!("The layer {} is too large; ask for a smaller area (within).", revision.slug),
        ));
    }
    Ok(parsed)
}

/// What is told to whoever asks for a job that was cancelled.
pub(super) fn cancelled() -> Problem {
    Problem::new(StatusCode::CONFLICT, "分析已取消", "The analysis was cancelled.")
}

/// What to add to delivered coordinates where that alone brings them to the plane.
fn shift_to(native: &Crs, plane: &Crs) -> Option<[f64; 2]> {
    if native == plane {
        return Some([0.0, 0.0]);
    }
    let (from, from_prefixed) = native.gauss_kruger()?;
    let (to, to_prefixed) = plane.gauss_kruger()?;
    // Nothing but the zone number: same meridian, unit and datum.
    let same = from == to && native.datum() == plane.datum() && native.unit_m().total_cmp(&plane.unit_m()).is_eq();
    same.then(|| [(to.false_easting_m(to_prefixed) - from.false_easting_m(from_prefixed)) / plane.unit_m(), 0.0])
}

fn polygon(rings: Vec<Vec<[f64; 2]>>) -> Polygon {
    let mut rings = rings.into_iter();
    Polygon { exterior: rings.next().unwrap_or_default(), holes: rings.collect() }
}

/// Memory of a feature, near enough for a limit.
fn bytes_of(shape: &Shape, attributes: &Map<String, Value>) -> u64 {
    let text: usize = attributes.iter().map(|(name, value)| 96 + name.len() + value.as_str().map_or(0, str::len)).sum();
    (256 + 16 * shape.vertices().count() + text) as u64
}
