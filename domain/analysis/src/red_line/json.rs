//! Red lines as our own JSON, the form in which they travel between programs:
//! `{"crs":"EPSG:4546","parcels":[{"name":"…","polygons":[[[[x,y],…],…holes]]}]}`, x the easting.

use geodesy::Crs;
use serde_json::{Map, Value, json};

use super::{Draft, DraftParcel, MAX_PARCELS, RedLine, RedParcel, geojson, refused};
use crate::{AnalysisError, Polygon};

pub(super) fn claims(bytes: &[u8], _name: &str) -> bool {
    // `"parcels"` in its head; features call themselves otherwise.
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(65_536)).unwrap_or_default());
    geojson::first_mark(bytes) == Some(b'{') && head.contains("\"parcels\"")
}

pub(super) fn read(bytes: &[u8]) -> Result<Draft, AnalysisError> {
    draft_of(&geojson::document(bytes)?)
}

/// Texts of a parcel: key and place.
type Text = (&'static str, fn(&mut RedParcel) -> &mut String);
const TEXTS: &[Text] = &[
    ("name", |p| &mut p.name),
    ("number", |p| &mut p.number),
    ("land_use", |p| &mut p.land_use),
    ("land_class", |p| &mut p.land_class),
    ("sheet", |p| &mut p.sheet),
];

fn draft_of(document: &Value) -> Result<Draft, AnalysisError> {
    let crs = document["crs"].as_str().ok_or_else(|| refused("红线缺少 crs", "the red line lacks crs"))?;
    let mut draft = Draft::default();
    draft.stated.crs = Some(Crs::from_user_input(crs)?);
    let parcels = document["parcels"].as_array().ok_or_else(|| refused("红线缺少 parcels", "no parcels"))?;
    if parcels.len() > MAX_PARCELS {
        return Err(refused("地块过多", "too many parcels"));
    }
    for parcel in parcels {
        let mut facts = RedParcel::default();
        for (key, place) in TEXTS {
            if let Some(text) = parcel[key].as_str() {
                text.clone_into(place(&mut facts));
            }
        }
        facts.stated_ha = parcel["stated_ha"].as_str().map(str::to_owned);
        let mut draft_parcel = DraftParcel { facts, rings: Vec::new() };
        let polygons = parcel["polygons"].as_array().map(Vec::as_slice).unwrap_or_default();
        for ring in polygons.iter().filter_map(Value::as_array).flatten() {
            draft_parcel.rings.push(geojson::ring_of(ring, draft_parcel.rings.len() + 1)?);
        }
        draft.parcels.push(draft_parcel);
    }
    if let Some(attributes) = document["attributes"].as_object() {
        let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        draft.attributes = attributes.iter().filter_map(text).collect();
    }
    Ok(draft)
}

impl RedLine {
    /// Reads our own JSON; checks it as any other file.
    pub fn from_json(document: &Value) -> Result<Self, AnalysisError> {
        draft_of(document)?.finish(None)
    }

    /// The red line as our own JSON. Warnings are of the reading and not part of it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let parcels: Vec<Value> = self.parcels.iter().map(parcel_json).collect();
        let crs = self.crs.epsg().map_or_else(|| self.crs.definition().to_owned(), |code| format!("EPSG:{code}"));
        let mut document = json!({ "crs": crs, "parcels": parcels });
        if !self.attributes.is_empty() {
            let attributes: Map<String, Value> =
                self.attributes.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
            document["attributes"] = attributes.into();
        }
        document
    }
}

fn parcel_json(parcel: &RedParcel) -> Value {
    let polygons: Vec<Vec<&Vec<[f64; 2]>>> =
        parcel.polygons.iter().map(|polygon| Polygon::rings(polygon).collect()).collect();
    let mut out = json!({ "name": parcel.name });
    let texts = [
        ("number", &parcel.number),
        ("land_use", &parcel.land_use),
        ("land_class", &parcel.land_class),
        ("sheet", &parcel.sheet),
    ];
    for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        out[key] = text.as_str().into();
    }
    if let Some(stated) = &parcel.stated_ha {
        out["stated_ha"] = stated.as_str().into();
    }
    out["polygons"] = json!(polygons);
    out
}
