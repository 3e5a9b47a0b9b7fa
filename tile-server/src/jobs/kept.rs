//! What is kept of an answer: the result as JSON, and the patches as one JSON object a line, in the plane's own numbers.
//!
//! Lines, so that a page of a hundred thousand patches is read without building the others.

use analysis::{Findings, FoundPatch, Polygon};
use bytes::Bytes;
use geodesy::Transform;
use geodesy::crs::Crs;
use geodesy::densify::{MAX_SAGITTA_M, transform_line};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::feature_file::Shape;
use crate::problem::Problem;
use crate::routes::features::{DEGREE_DIGITS, geometry};

/// Names of a job's files.
pub(super) const RESULT: &str = "result.json";
pub(super) const PATCHES: &str = "patches.jsonl";

/// A patch as it is kept: rings closed, in the plane of the job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Patch {
    /// Id, stable from run to run of the same input.
    pub id: String,
    /// What is known about it.
    pub properties: Map<String, Value>,
    /// Outer ring and holes of each part.
    pub polygons: Vec<Vec<Vec<[f64; 2]>>>,
    /// Lines, where it is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Vec<[f64; 2]>>,
    /// Points, where it is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<[f64; 2]>,
}

impl From<&FoundPatch> for Patch {
    fn from(found: &FoundPatch) -> Self {
        Self {
            id: found.id.clone(),
            properties: found.properties.clone(),
            polygons: found.polygons.iter().map(rings).collect(),
            lines: found.lines.clone(),
            points: found.points.clone(),
        }
    }
}

fn rings(polygon: &Polygon) -> Vec<Vec<[f64; 2]>> {
    let closed = |ring: &Vec<[f64; 2]>| {
        let mut ring = ring.clone();
        if ring.first() != ring.last() {
            ring.extend(ring.first().copied());
        }
        ring
    };
    polygon.rings().map(closed).collect()
}

/// The result as text; the same findings give the same bytes.
pub(super) fn result_text(findings: &Findings) -> Result<Vec<u8>, Problem> {
    let mut text = serde_json::to_vec_pretty(&findings.result).map_err(Problem::internal)?;
    text.push(b'\n');
    Ok(text)
}

/// A patch as one line.
pub(super) fn patch_line(patch: &FoundPatch) -> Result<Vec<u8>, Problem> {
    let mut line = serde_json::to_vec(&Patch::from(patch)).map_err(Problem::internal)?;
    line.push(b'\n');
    Ok(line)
}

/// The files of an answer, and what its row says about them.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The result.
    pub result: Bytes,
    /// The patches, a line each.
    pub patches: Bytes,
    /// What the row of the job says.
    pub outcome: Value,
}

impl Kept {
    /// What to keep of an answer.
    pub fn of(answer: &super::Answer) -> Result<Self, Problem> {
        let mut patches = Vec::new();
        for patch in &answer.findings.patches {
            patches.extend(patch_line(patch)?);
        }
        let plane = super::results::name_of(&answer.plane);
        Ok(Self {
            result: result_text(&answer.findings)?.into(),
            outcome: json!({ "plane": plane, "patches": answer.findings.patches.len() }),
            patches: patches.into(),
        })
    }

    /// Every patch as one `GeoJSON`: in longitude and latitude, or `delivered`, in the numbers of the plane.
    pub fn geojson(&self, job: &str, delivered: bool) -> Result<Value, Problem> {
        patches_geojson(job, Some(&self.outcome), &self.patches, delivered)
    }
}

/// Every patch of a job as one `GeoJSON`.
pub(crate) fn patches_geojson(
    job: &str,
    outcome: Option<&Value>,
    lines: &[u8],
    delivered: bool,
) -> Result<Value, Problem> {
    let placing = Placing::of(outcome, delivered)?;
    let features = patch_lines(lines)
        .map(|line| placing.feature(serde_json::from_slice(line).map_err(Problem::internal)?))
        .collect::<Result<Vec<_>, Problem>>()?;
    let matched = features.len();
    Ok(placing.collection(job, features, matched))
}

/// The lines of a file of patches.
pub(crate) fn patch_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// From the plane of a job to the coordinates of an answer.
pub(crate) struct Placing {
    plane: String,
    lon_lat_from_plane: Option<Transform>,
}

impl Placing {
    /// `outcome` is what the row of the job says.
    pub(crate) fn of(outcome: Option<&Value>, delivered: bool) -> Result<Self, Problem> {
        let plane = outcome.and_then(|outcome| outcome.get("plane")).and_then(Value::as_str);
        let plane = plane.ok_or_else(|| Problem::internal("a finished job without a plane"))?.to_owned();
        let lon_lat_from_plane = if delivered {
            None
        } else {
            let crs = Crs::from_user_input(&plane).map_err(Problem::internal)?;
            Some(Transform::new(&crs, &Crs::cgcs2000()).map_err(Problem::internal)?)
        };
        Ok(Self { plane, lon_lat_from_plane })
    }

    /// A patch as a `GeoJSON` feature.
    pub(crate) fn feature(&self, patch: Patch) -> Result<Value, Problem> {
        let Patch { id, properties, mut polygons, mut lines, mut points } = patch;
        if let Some(transform) = &self.lon_lat_from_plane {
            for line in polygons.iter_mut().flatten().chain(&mut lines) {
                *line = transform_line(line, transform, MAX_SAGITTA_M).map_err(Problem::internal)?;
            }
            transform.points(&mut points).map_err(Problem::internal)?;
        }
        let digits = self.lon_lat_from_plane.as_ref().map(|_| DEGREE_DIGITS);
        let geometry = if !polygons.is_empty() {
            geometry(Shape::Polygons(polygons), digits)
        } else if !lines.is_empty() {
            geometry(Shape::Lines(lines), digits)
        } else if !points.is_empty() {
            geometry(Shape::Points(points), digits)
        } else {
            Value::Null
        };
        Ok(json!({ "type": "Feature", "id": id, "geometry": geometry, "properties": properties }))
    }

    /// A page of features of a job.
    #[expect(clippy::needless_pass_by_value, reason = "the features end in the collection")]
    pub(crate) fn collection(&self, job: &str, features: Vec<Value>, matched: usize) -> Value {
        let mut collection = json!({
            "type": "FeatureCollection",
            "job": job,
            "numberMatched": matched,
            "numberReturned": features.len(),
            "features": features,
        });
        if self.lon_lat_from_plane.is_none() {
            let name = self.plane.strip_prefix("EPSG:").map(|code| format!("urn:ogc:def:crs:EPSG::{code}"));
            collection["crs"] =
                json!({ "type": "name", "properties": { "name": name.unwrap_or_else(|| self.plane.clone()) } });
        }
        collection
    }
}
