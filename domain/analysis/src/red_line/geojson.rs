//! Red lines as GeoJSON (RFC 7946): polygons of features, with the older `crs` member where present.
//!
//! Without `crs`, numbers of the size of degrees are longitude and latitude, and others are read as a national zone:
//! drawing programs write projected coordinates into GeoJSON all the time.

use geodesy::Crs;
use serde_json::Value;

use super::{Draft, DraftParcel, DraftPoint, DraftRing, MAX_PARCELS, MAX_POINTS, RedParcel, refused};
use crate::AnalysisError;

/// Properties that hold a parcel's name, in the order in which they are asked.
const NAMES: &[&str] = &["name", "地块名称", "DKMC", "项目名称", "XMMC", "名称"];
/// Properties that hold a parcel's number.
const NUMBERS: &[&str] = &["number", "地块编号", "DKBH", "编号"];

pub(super) fn claims(bytes: &[u8], name: &str) -> bool {
    [".geojson", ".json"].iter().any(|ending| name.ends_with(ending)) || first_mark(bytes) == Some(b'{')
}

/// The first byte that says something.
pub(super) fn first_mark(bytes: &[u8]) -> Option<u8> {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// The document; `serde_json` itself limits how deep it may be nested.
pub(super) fn document(bytes: &[u8]) -> Result<Value, AnalysisError> {
    serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
        .map_err(|error| refused(format!("不是有效的 JSON：{error}"), format!("not valid JSON: {error}")))
}

pub(super) fn read(bytes: &[u8]) -> Result<Draft, AnalysisError> {
    let document = document(bytes)?;
    let mut draft = Draft::default();
    if let Some(name) = document.pointer("/crs/properties/name").and_then(Value::as_str) {
        let short = name.rsplit_once("EPSG::").map_or_else(|| name.to_owned(), |(_, code)| format!("EPSG:{code}"));
        let known = if name.ends_with("CRS84") { Crs::wgs84() } else { Crs::from_user_input(&short)? };
        draft.stated.crs = Some(known);
    }
    draft.stated.datum = Some("2000".to_owned());
    let whole = [document.clone()];
    let features = match document["type"].as_str() {
        Some("FeatureCollection") => document["features"].as_array().map(Vec::as_slice).unwrap_or_default(),
        _ => &whole,
    };
    if features.len() > MAX_PARCELS {
        return Err(refused("要素过多", "too many features"));
    }
    let mut points = 0;
    for feature in features {
        let geometry = if feature["type"] == "Feature" { &feature["geometry"] } else { feature };
        let polygons = match geometry["type"].as_str() {
            Some("Polygon") => std::slice::from_ref(&geometry["coordinates"]),
            Some("MultiPolygon") => geometry["coordinates"].as_array().map(Vec::as_slice).unwrap_or_default(),
            other => {
                return Err(refused(
                    format!("几何类型“{}”不是面", other.unwrap_or("无")),
                    "only Polygon and MultiPolygon can be a red line",
                ));
            }
        };
        let property = |names: &[&str]| {
            let found = names.iter().map(|name| &feature["properties"][*name]).find(|value| !value.is_null());
            found.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default()
        };
        let facts = RedParcel { name: property(NAMES), number: property(NUMBERS), ..RedParcel::default() };
        let mut parcel = DraftParcel { facts, rings: Vec::new() };
        for ring in polygons.iter().filter_map(Value::as_array).flatten() {
            let ring = ring_of(ring, parcel.rings.len() + 1)?;
            points += ring.points.len();
            if points > MAX_POINTS {
                return Err(refused("界址点过多", "too many points"));
            }
            parcel.rings.push(ring);
        }
        draft.parcels.push(parcel);
    }
    Ok(draft)
}

/// A ring of positions `[x, y, …]`; points are named by their place in it.
pub(super) fn ring_of(value: &Value, number: usize) -> Result<DraftRing, AnalysisError> {
    let positions = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut points = Vec::with_capacity(positions.len());
    for (index, position) in positions.iter().enumerate() {
        let (Some(x), Some(y)) = (position[0].as_f64(), position[1].as_f64()) else {
            return Err(refused(
                format!("第 {number} 圈第 {} 个点不是坐标", index + 1),
                format!("ring {number}: position {} is no coordinate pair", index + 1),
            ));
        };
        points.push(DraftPoint { name: (index + 1).to_string(), at: [x, y] });
    }
    if let [first, .., last] = points.as_mut_slice()
        && first.at.map(f64::to_bits) == last.at.map(f64::to_bits)
    {
        last.name.clone_from(&first.name);
    }
    Ok(DraftRing { number: number.to_string(), points })
}
