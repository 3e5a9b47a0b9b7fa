//! The danger zone: drawn by somebody who was there, else the moved ground and so many metres around it, as an estimate.

use geodesy::Crs;
use serde_json::{Value, json};

use crate::{
    AnalysisError, Parcel, Polygon, RedLine, buffer,
    clip::Site,
    sites::{JOINED, area_asked, joined},
};

/// A danger zone.
pub(super) struct Zone {
    /// As requests state an area.
    pub(super) json: Value,
    /// What is said of where it comes from.
    pub(super) said: Value,
    /// Nobody drew it.
    pub(super) is_estimate: bool,
}

/// The zone of a request, where it has one.
pub(super) fn drawn(zone: &Value) -> Result<Option<RedLine>, AnalysisError> {
    (!zone.is_null()).then(|| area_asked(zone)).transpose()
}

/// Polygons of the plane as requests state an area.
pub(super) fn area_json(polygons: &[Polygon], plane: &Crs) -> Value {
    let rings = |polygon: &Polygon| -> Vec<Vec<[f64; 2]>> { polygon.rings().cloned().collect() };
    let polygons: Vec<_> = polygons.iter().map(rings).collect();
    let crs = plane.epsg().map_or_else(|| plane.definition().to_owned(), |code| format!("EPSG:{code}"));
    json!({ "crs": crs, "parcels": [{ "name": "范围", "polygons": polygons }] })
}

impl Zone {
    /// None where nothing moved and nobody drew one.
    pub(super) fn of(
        zone: &Value,
        moved: &[Polygon],
        buffer_m: f64,
        plane: &Crs,
    ) -> Result<Option<Self>, AnalysisError> {
        if drawn(zone)?.is_some() {
            let said = json!({ "kind": "drawn", "zh": "危险区：人工圈定", "en": "The danger zone was drawn" });
            return Ok(Some(Self { json: zone.clone(), said, is_estimate: false }));
        }
        if moved.is_empty() {
            return Ok(None);
        }
        let distance = buffer_m / plane.unit_m();
        // The window must hold what the buffer reaches.
        let reach: Vec<Polygon> = moved.iter().map(|polygon| grown_box(polygon, distance)).collect();
        let site = Site::around(reach.iter(), plane)?;
        let around: Vec<Polygon> = moved
            .iter()
            .flat_map(|polygon| {
                let parcel = Parcel { polygons: vec![polygon.clone()], ..Parcel::default() };
                buffer::around(&parcel, distance, site.window())
            })
            .collect();
        let region = joined(around.chunks(JOINED).map(|some| site.region(some.iter())).collect());
        // A crack between two drops of moved ground is no safe place.
        let polygons: Vec<Polygon> =
            site.polygons(&region).into_iter().map(|polygon| Polygon { holes: Vec::new(), ..polygon }).collect();
        let said = json!({
            "kind": "buffer", "buffer_m": buffer_m, "estimate": true,
            "zh": format!("危险区未圈定：按变化范围外扩 {buffer_m} 米估算，须由现场技术人员核定"),
            "en": format!("No danger zone was drawn: the moved ground and {buffer_m} m around it, an estimate to be confirmed on the spot"),
        });
        Ok(Some(Self { json: area_json(&polygons, plane), said, is_estimate: true }))
    }
}

fn grown_box(polygon: &Polygon, by: f64) -> Polygon {
    let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    let [x0, y0, x1, y1] =
        polygon.exterior.iter().fold(start, |b, p| [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])]);
    let (x, y) = ([x0 - by, x1 + by], [y0 - by, y1 + by]);
    Polygon { exterior: vec![[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]], holes: Vec::new() }
}
