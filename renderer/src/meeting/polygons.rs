//! Polygons in longitude and latitude as GeoJSON brings them, with every count bounded and every number checked.
//!
//! They are pictures of what the server measured: areas shown beside them are the server's, never worked out from here.

use serde_json::Value;

/// More corners than this in one document are refused.
const MOST_CORNERS: usize = 400_000;
/// Geometry collections inside each other beyond this are refused.
const DEEPEST: usize = 4;

/// Rings of `[longitude, latitude]` degrees: the outer one first, then its holes. Not closed.
pub type Polygon = Vec<Vec<[f64; 2]>>;

/// A feature of a GeoJSON document: its polygons and its attributes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Area {
    /// The polygons.
    pub polygons: Vec<Polygon>,
    /// The attributes, an object or null.
    pub properties: Value,
}

impl Area {
    /// West, south, east, north in degrees; `None` without a corner.
    #[must_use]
    pub fn bounds(&self) -> Option<[f64; 4]> {
        bounds(self.polygons.iter())
    }
}

/// West, south, east, north in degrees of polygons; `None` without a corner.
pub fn bounds<'p>(polygons: impl Iterator<Item = &'p Polygon>) -> Option<[f64; 4]> {
    polygons.flatten().flatten().fold(None, |bounds: Option<[f64; 4]>, [lon, lat]| {
        let [west, south, east, north] = bounds.unwrap_or([*lon, *lat, *lon, *lat]);
        Some([west.min(*lon), south.min(*lat), east.max(*lon), north.max(*lat)])
    })
}

/// Reads a feature collection, a feature or a bare geometry. What is not a polygon is left out; what is not GeoJSON, or
/// lies off the earth, is an error in words.
pub fn read(document: &Value) -> Result<Vec<Area>, String> {
    let mut left = MOST_CORNERS;
    let mut area = |feature: &Value| -> Result<Area, String> {
        let mut polygons = Vec::new();
        let geometry = feature.get("geometry").unwrap_or(feature);
        gather(geometry, &mut polygons, &mut left, 0)?;
        Ok(Area { polygons, properties: feature.get("properties").cloned().unwrap_or_default() })
    };
    match document.get("type").and_then(Value::as_str) {
        Some("FeatureCollection") => {
            let features = document.get("features").and_then(Value::as_array);
            features.ok_or("`features` 缺失 (is missing)")?.iter().map(&mut area).collect()
        }
        Some(_) => Ok(vec![area(document)?]),
        None => Err("不是 GeoJSON (not GeoJSON)".to_owned()),
    }
}

fn gather(geometry: &Value, out: &mut Vec<Polygon>, left: &mut usize, depth: usize) -> Result<(), String> {
    let coordinates = geometry.get("coordinates");
    match geometry.get("type").and_then(Value::as_str) {
        Some("Polygon") => out.extend(polygon(coordinates, left)?),
        Some("MultiPolygon") => {
            for one in coordinates.and_then(Value::as_array).into_iter().flatten() {
                out.extend(polygon(Some(one), left)?);
            }
        }
        Some("GeometryCollection") if depth < DEEPEST => {
            for one in geometry.get("geometries").and_then(Value::as_array).into_iter().flatten() {
                gather(one, out, left, depth + 1)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn polygon(rings: Option<&Value>, left: &mut usize) -> Result<Option<Polygon>, String> {
    let mut out = Polygon::new();
    for ring in rings.and_then(Value::as_array).into_iter().flatten() {
        let mut corners = Vec::new();
        for corner in ring.as_array().into_iter().flatten() {
            *left = left.checked_sub(1).ok_or("界址点过多 (too many corners)")?;
            corners.push(position(corner).ok_or("坐标无效 (a coordinate is not a longitude and latitude)")?);
        }
        if corners.len() > 1 && corners.first() == corners.last() {
            corners.pop();
        }
        // A ring that encloses nothing: the outer one takes its holes along.
        if corners.len() < 3 {
            if out.is_empty() {
                return Ok(None);
            }
            continue;
        }
        out.push(corners);
    }
    Ok((!out.is_empty()).then_some(out))
}

/// A longitude and latitude in degrees.
pub(super) fn position(value: &Value) -> Option<[f64; 2]> {
    let [lon, lat] = [0, 1].map(|axis| value.get(axis).and_then(Value::as_f64));
    let (lon, lat) = (lon?, lat?);
    ((-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat)).then_some([lon, lat])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rings_are_opened_and_attributes_kept() {
        let document = json!({"type": "FeatureCollection", "features": [
            {"type": "Feature", "properties": {"rule": "yjjbnt"}, "geometry": {"type": "MultiPolygon", "coordinates":
                [[[[109.0, 28.0], [109.1, 28.0], [109.1, 28.1], [109.0, 28.0]]], [[[110.0, 28.0], [110.1, 28.0]]]]}},
            {"type": "Feature", "properties": null, "geometry": {"type": "Point", "coordinates": [1.0, 2.0]}}]});
        let areas = read(&document).expect("reads");
        assert_eq!(areas[0].polygons, [[[[109.0, 28.0], [109.1, 28.0], [109.1, 28.1]]]]);
        assert_eq!(areas[0].properties["rule"], "yjjbnt");
        assert_eq!(areas[0].bounds(), Some([109.0, 28.0, 109.1, 28.1]));
        assert!(areas[1].polygons.is_empty() && areas[1].bounds().is_none());
    }

    #[test]
    fn plane_coordinates_and_other_nonsense_are_refused() {
        let ring = |corners: Value| json!({"type": "Polygon", "coordinates": [corners]});
        assert!(read(&ring(json!([[376_485.1, 3_133_000.5], [1.0, 2.0], [2.0, 2.0]]))).is_err());
        assert!(read(&ring(json!([["a", 2.0], [1.0, 2.0], [2.0, 2.0]]))).is_err());
        assert!(read(&json!([1, 2, 3])).is_err());
        assert!(read(&json!({"type": "FeatureCollection"})).is_err());
        let mut deep = ring(json!([[1.0, 2.0], [2.0, 2.0], [2.0, 3.0]]));
        for _ in 0..20 {
            deep = json!({"type": "GeometryCollection", "geometries": [deep]});
        }
        assert_eq!(read(&deep).expect("reads")[0].polygons.len(), 0);
    }
}
