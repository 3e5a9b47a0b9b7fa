//! Roads cut by the exposed ground, shelters that cannot be used, schools and clinics on it.

use std::collections::BTreeMap;

use geodesy::{Crs, Transform, distance::geodesic_m};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::ground::Ground;
use crate::{
    AnalysisError, FoundPatch, LoadedLayer, Parcel,
    compliance::{measure, text},
    figures::rounded,
    registers::{Registers, Roads},
};

/// Pieces of roads that are places of a result, and rows of its lists.
const MOST_PLACES: usize = 5_000;
const MOST_LISTED: usize = 500;
/// What a thing is where the register does not say.
const NO_CLASS: &str = "未登记";

/// A piece of a road on the exposed ground.
#[derive(Debug)]
pub(super) struct RoadPiece<'l> {
    parcel: &'l Parcel,
    line: Vec<[f64; 2]>,
    plane_m: f64,
    ellipsoidal_m: f64,
}

/// The pieces, in the order of the layer.
pub(super) fn cut<'l>(
    layer: &'l LoadedLayer,
    ground: &Ground,
    plane: &Crs,
) -> Result<Vec<RoadPiece<'l>>, AnalysisError> {
    let to_degrees = Transform::new(plane, &Crs::cgcs2000())?;
    let unit_m = plane.unit_m();
    let measured = |parcel: &'l Parcel, line: Vec<[f64; 2]>| {
        let plane_m =
            line.windows(2).map(|edge| (edge[1][0] - edge[0][0]).hypot(edge[1][1] - edge[0][1])).sum::<f64>() * unit_m;
        let mut degrees = line.clone();
        to_degrees.points(&mut degrees)?;
        let ellipsoidal_m = degrees.windows(2).map(|edge| geodesic_m(edge[0], edge[1])).sum();
        Ok(RoadPiece { parcel, line, plane_m, ellipsoidal_m })
    };
    let pieces: Vec<(&Parcel, Vec<[f64; 2]>)> = layer
        .layer
        .parcels
        .par_iter()
        .flat_map_iter(|parcel| {
            parcel.lines.iter().flat_map(|line| ground.pieces(line)).map(move |piece| (parcel, piece))
        })
        .collect();
    pieces.into_iter().map(|(parcel, line)| measured(parcel, line)).collect()
}

fn known(parcel: &Parcel, field: &str) -> String {
    Some(text(parcel, field)).filter(|text| !text.is_empty()).unwrap_or_else(|| NO_CLASS.to_owned())
}

/// Lengths of pieces.
#[derive(Debug, Clone, Copy, Default)]
struct Length {
    pieces: u64,
    plane_m: f64,
    ellipsoidal_m: f64,
}

impl Length {
    fn add(&mut self, piece: &RoadPiece<'_>) {
        self.pieces += 1;
        self.plane_m += piece.plane_m;
        self.ellipsoidal_m += piece.ellipsoidal_m;
    }

    fn put(&self, object: &mut Map<String, Value>) {
        object.insert("pieces".to_owned(), self.pieces.into());
        object.insert("ellipsoidal_km".to_owned(), rounded(self.ellipsoidal_m / 1000.0, 4));
        object.insert("plane_km".to_owned(), rounded(self.plane_m / 1000.0, 4));
    }
}

/// Kilometres in all, by class, and by road.
pub(super) fn roads(pieces: &[RoadPiece<'_>], fields: &Roads) -> Value {
    let mut whole = Length::default();
    let mut classes: BTreeMap<String, Length> = BTreeMap::new();
    let mut roads: BTreeMap<(String, String, String), Length> = BTreeMap::new();
    for piece in pieces {
        let class = known(piece.parcel, &fields.class);
        whole.add(piece);
        roads
            .entry((text(piece.parcel, &fields.number), text(piece.parcel, &fields.name), class.clone()))
            .or_default()
            .add(piece);
        classes.entry(class).or_default().add(piece);
    }
    let by_class: Vec<Value> = classes
        .into_iter()
        .map(|(class, length)| {
            let mut row = Map::new();
            row.insert("class".to_owned(), class.into());
            length.put(&mut row);
            Value::Object(row)
        })
        .collect();
    let of = roads.len();
    let by_road: Vec<Value> = roads
        .into_iter()
        .take(MOST_LISTED)
        .map(|((number, name, class), length)| {
            let mut row = Map::new();
            row.insert("number".to_owned(), number.into());
            row.insert("name".to_owned(), name.into());
            row.insert("class".to_owned(), class.into());
            length.put(&mut row);
            Value::Object(row)
        })
        .collect();
    let mut object = Map::new();
    whole.put(&mut object);
    object.insert("by_class".to_owned(), by_class.into());
    object.insert("roads".to_owned(), of.into());
    object.insert("by_road".to_owned(), by_road.into());
    Value::Object(object)
}

/// The pieces as places.
pub(super) fn places(pieces: &[RoadPiece<'_>], fields: &Roads) -> Vec<FoundPatch> {
    let mut shown: Vec<&RoadPiece<'_>> = pieces.iter().collect();
    if shown.len() > MOST_PLACES {
        shown.sort_by(|a, b| b.plane_m.total_cmp(&a.plane_m));
        shown.truncate(MOST_PLACES);
    }
    let place = |(index, piece): (usize, &&RoadPiece<'_>)| {
        let mut properties = Map::new();
        for (key, value) in [
            ("kind", "road".into()),
            ("number", text(piece.parcel, &fields.number).into()),
            ("name", text(piece.parcel, &fields.name).into()),
            ("class", known(piece.parcel, &fields.class).into()),
            ("width_m", json!(measure(piece.parcel, &fields.width_m))),
            ("ellipsoidal_m", rounded(piece.ellipsoidal_m, 2)),
            ("plane_m", rounded(piece.plane_m, 2)),
            ("road_id", piece.parcel.id.clone().into()),
        ] {
            properties.insert(key.to_owned(), value);
        }
        FoundPatch {
            id: format!("road-{}", index + 1),
            properties,
            lines: vec![piece.line.clone()],
            ..FoundPatch::default()
        }
    };
    shown.iter().enumerate().map(place).collect()
}

/// Schools, clinics and the like by kind, with their names.
pub(super) fn facilities(layer: &LoadedLayer, ground: &Ground, registers: &Registers) -> Value {
    let fields = &registers.facilities;
    let mut kinds: BTreeMap<String, Vec<(String, &str)>> = BTreeMap::new();
    for parcel in &layer.layer.parcels {
        let kind = text(parcel, &fields.kind);
        if fields.kinds.contains(&kind) && ground.met(parcel).is_some() {
            kinds.entry(kind).or_default().push((text(parcel, &fields.name), &parcel.id));
        }
    }
    let count: usize = kinds.values().map(Vec::len).sum();
    let by_kind: Vec<Value> = kinds
        .into_iter()
        .map(|(kind, mut named)| {
            named.sort();
            let names: Vec<Value> =
                named.iter().take(MOST_LISTED).map(|(name, id)| json!({ "id": id, "name": name })).collect();
            json!({ "kind": kind, "count": named.len(), "named": names })
        })
        .collect();
    json!({ "count": count, "by_kind": by_kind })
}

/// Shelters on the ground, which nobody may be sent to, and the room that is lost with them.
pub(super) fn shelters(layer: &LoadedLayer, ground: &Ground, registers: &Registers) -> Value {
    let fields = &registers.shelters;
    let met: Vec<&Parcel> = layer.layer.parcels.iter().filter(|parcel| ground.met(parcel).is_some()).collect();
    let room = |parcel: &Parcel| measure(parcel, &fields.capacity).filter(|room| (0.0..1e7).contains(room));
    let lost: f64 = met.iter().filter_map(|parcel| room(parcel)).sum();
    let rows: Vec<Value> = met
        .iter()
        .take(MOST_LISTED)
        .map(|parcel| {
            json!({
                "id": parcel.id, "name": text(parcel, &fields.name), "kind": text(parcel, &fields.kind),
                "capacity": room(parcel).map(|room| room.round() as u64), "usable": false,
            })
        })
        .collect();
    json!({
        "unusable": met.len(), "capacity_lost": lost.round() as u64,
        "without_capacity_figure": met.iter().filter(|parcel| room(parcel).is_none()).count(),
        "note_zh": "位于范围内的避难场所不可使用", "rows": rows,
    })
}
