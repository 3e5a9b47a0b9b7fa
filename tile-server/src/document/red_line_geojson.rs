//! `red-line.geojson`: the red line in force in its delivered numbers, with the CRS that they are in (GeoJSON 2008 `crs`,
//! which GIS programs still read; RFC 7946 knows degrees only, and degrees would not be the delivered numbers).

use serde_json::json;

use super::dossier::Dossier;
use super::{Document, DocumentError, Make, Workshop};

/// The kind.
pub(super) const DOCUMENT: Document = Document {
    name: "red-line.geojson",
    media_type: "application/geo+json",
    title_zh: "拟用地红线（GeoJSON，原坐标）",
    title_en: "Red line (GeoJSON, delivered numbers)",
    make: Make::Project(None, make),
};

fn make(dossier: &Dossier, _workshop: &Workshop) -> Result<Vec<u8>, DocumentError> {
    let line =
        dossier.red_line.as_ref().ok_or(DocumentError::Lacks { what_zh: "拟用地红线", what_en: "red line" })?;
    let features: Vec<_> = line
        .parcels()
        .iter()
        .map(|parcel| {
            let polygons: Vec<Vec<Vec<[f64; 2]>>> =
                parcel.polygons.iter().map(|rings| rings.iter().map(|ring| closed(ring)).collect()).collect();
            json!({
                "type": "Feature",
                "properties": { "XMDM": dossier.project.code, "XMMC": dossier.project.name, "DKMC": parcel.name },
                "geometry": { "type": "MultiPolygon", "coordinates": polygons },
            })
        })
        .collect();
    let code = line.crs().strip_prefix("EPSG:").unwrap_or(line.crs());
    let document = json!({
        "type": "FeatureCollection",
        "name": dossier.project.name,
        "crs": { "type": "name", "properties": { "name": format!("urn:ogc:def:crs:EPSG::{code}") } },
        "features": features,
    });
    serde_json::to_vec(&document).map_err(|source| DocumentError::Json { source })
}

/// A ring that ends where it begins, as GeoJSON wants it.
fn closed(ring: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut ring = ring.to_vec();
    if let Some(first) = ring.first().copied()
        && ring.last() != Some(&first)
    {
        ring.push(first);
    }
    ring
}
