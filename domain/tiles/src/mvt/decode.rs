//! Tile bytes to layers.
//!
//! Reads every tile the specification allows and refuses the rest; what it allocates is bounded by the bytes it is given.

use std::sync::Arc;

use super::proto::{Message, Wire, unzigzag};
use super::{Properties, TileFeature, TileGeometry, TileLayer, TilePoint, Value, doubled_ring_area};
use crate::TilesError;

/// A tile larger than this is refused.
const MAX_TILE_BYTES: usize = 16 << 20;

/// The layers of an uncompressed tile. Features without geometry, or with a geometry of unknown type, are left out.
///
/// # Errors
/// When the bytes are no vector tile, or more than 16 MiB.
pub fn decode(bytes: &[u8]) -> Result<Vec<TileLayer>, TilesError> {
    if bytes.len() > MAX_TILE_BYTES {
        return Err(TilesError::TooLarge {
            format: "MVT",
            what: "tile",
            size: bytes.len() as u64,
            limit: MAX_TILE_BYTES as u64,
        });
    }
    let mut layers = Vec::new();
    let mut tile = Message::new(bytes);
    while let Some(field) = tile.next_field()? {
        if let (3, Wire::Bytes(layer)) = field {
            layers.push(decode_layer(layer)?);
        }
    }
    Ok(layers)
}

fn decode_layer(bytes: &[u8]) -> Result<TileLayer, TilesError> {
    let mut name = "";
    let mut extent = 4096;
    let mut keys: Vec<Arc<str>> = Vec::new();
    let mut values: Vec<Option<Value>> = Vec::new();
    let mut feature_messages = Vec::new();
    let mut layer = Message::new(bytes);
    while let Some(field) = layer.next_field()? {
        match field {
            (1, Wire::Bytes(text)) => name = utf8(text)?,
            (2, Wire::Bytes(feature)) => feature_messages.push(feature),
            (3, Wire::Bytes(text)) => keys.push(utf8(text)?.into()),
            (4, Wire::Bytes(value)) => values.push(decode_value(value)?),
            (5, Wire::Varint(units)) => extent = u32::try_from(units).unwrap_or(0),
            _ => {}
        }
    }
    if extent == 0 {
        return Err(TilesError::malformed("MVT", format!("extent of layer {name}")));
    }
    let mut features = Vec::new();
    for message in feature_messages {
        features.extend(decode_feature(message, &keys, &values)?);
    }
    Ok(TileLayer { name: name.to_owned(), extent, features })
}

fn utf8(bytes: &[u8]) -> Result<&str, TilesError> {
    str::from_utf8(bytes).map_err(|source| TilesError::codec("MVT", source))
}

fn decode_value(bytes: &[u8]) -> Result<Option<Value>, TilesError> {
    let mut value = None;
    let mut message = Message::new(bytes);
    while let Some(field) = message.next_field()? {
        value = match field {
            (1, Wire::Bytes(text)) => Some(Value::Text(utf8(text)?.into())),
            (2, Wire::Fixed32(bytes)) => Some(Value::Float(f32::from_le_bytes(bytes).into())),
            (3, Wire::Fixed64(bytes)) => Some(Value::Float(f64::from_le_bytes(bytes))),
            (4, Wire::Varint(bits)) => Some(Value::Int(bits.cast_signed())),
            (5, Wire::Varint(bits)) => Some(i64::try_from(bits).map_or(Value::Uint(bits), Value::Int)),
            (6, Wire::Varint(bits)) => Some(Value::Int(unzigzag(bits))),
            (7, Wire::Varint(bits)) => Some(Value::Bool(bits != 0)),
            _ => value,
        };
    }
    Ok(value)
}

fn decode_feature(
    bytes: &[u8],
    keys: &[Arc<str>],
    values: &[Option<Value>],
) -> Result<Option<TileFeature>, TilesError> {
    let mut id = None;
    let mut kind = 0;
    let mut tags: &[u8] = &[];
    let mut commands: &[u8] = &[];
    let mut message = Message::new(bytes);
    while let Some(field) = message.next_field()? {
        match field {
            (1, Wire::Varint(number)) => id = Some(number),
            (2, Wire::Bytes(packed)) => tags = packed,
            (3, Wire::Varint(number)) => kind = number,
            (4, Wire::Bytes(packed)) => commands = packed,
            _ => {}
        }
    }
    let parts = decode_parts(commands)?;
    let geometry = match kind {
        1 => TileGeometry::Points(parts.into_iter().flatten().collect()),
        2 => TileGeometry::Lines(parts.into_iter().filter(|line| line.len() > 1).collect()),
        3 => TileGeometry::Polygons(polygons_of_rings(parts)),
        _ => return Ok(None),
    };
    if geometry.vertex_count() == 0 {
        return Ok(None);
    }
    Ok(Some(TileFeature { id, properties: decode_tags(tags, keys, values)?, geometry }))
}

fn decode_tags(packed: &[u8], keys: &[Arc<str>], values: &[Option<Value>]) -> Result<Properties, TilesError> {
    let mut properties = Vec::new();
    let mut message = Message::new(packed);
    while let Some(key) = message.next_varint()? {
        let value = message.next_varint()?;
        let pair = usize::try_from(key)
            .ok()
            .and_then(|key| keys.get(key))
            .zip(value.and_then(|value| usize::try_from(value).ok()).and_then(|value| values.get(value)));
        let Some((key, value)) = pair else {
            return Err(TilesError::malformed("MVT", format!("tag {key}, {value:?} is not in the layer's tables")));
        };
        if let Some(value) = value {
            properties.push((Arc::clone(key), value.clone()));
        }
    }
    Ok(properties.into())
}

/// The parts of a geometry: one per `MoveTo`.
fn decode_parts(packed: &[u8]) -> Result<Vec<Vec<TilePoint>>, TilesError> {
    let mut parts: Vec<Vec<TilePoint>> = Vec::new();
    let mut cursor: TilePoint = [0, 0];
    let mut message = Message::new(packed);
    while let Some(command) = message.next_varint()? {
        let count = command >> 3;
        match command & 7 {
            kind @ (1 | 2) => {
                for _ in 0..count {
                    for axis in &mut cursor {
                        let step = message
                            .next_varint()?
                            .ok_or_else(|| TilesError::malformed("MVT", "the geometry ends inside a command"))?;
                        // Coordinates are 32-bit by the specification; anything else wraps and draws off the tile.
                        *axis = axis.wrapping_add(unzigzag(step) as i32);
                    }
                    match (kind, parts.last_mut()) {
                        (2, Some(part)) => part.push(cursor),
                        _ => parts.push(vec![cursor]),
                    }
                }
            }
            7 => {}
            other => {
                return Err(TilesError::malformed("MVT", format!("geometry command {other}")));
            }
        }
    }
    Ok(parts)
}

/// Groups rings: a ring wound like the first one starts a polygon, the others are holes of the one before.
///
/// Version 2 fixes the sign; taking the first ring's instead also reads the tiles of encoders that have it reversed.
fn polygons_of_rings(rings: Vec<Vec<TilePoint>>) -> Vec<Vec<Vec<TilePoint>>> {
    let mut polygons: Vec<Vec<Vec<TilePoint>>> = Vec::new();
    let mut outer_is_positive = None;
    for mut ring in rings {
        if ring.len() > 3 && ring.first() == ring.last() {
            ring.pop();
        }
        let area = doubled_ring_area(&ring);
        if area == 0 {
            continue;
        }
        let is_positive = area > 0;
        let is_outer = *outer_is_positive.get_or_insert(is_positive) == is_positive;
        match polygons.last_mut() {
            Some(polygon) if !is_outer => polygon.push(ring),
            _ => polygons.push(vec![ring]),
        }
    }
    polygons
}
