//! Layers to tile bytes, through the `mvt` crate as serialiser.
//!
//! Takes geometry as it is: clipping, repair and winding happened before (`cut`).

use mvt::{GeomData, GeomEncoder, GeomType, Tile};

use super::{MAX_ID, TileGeometry, TileLayer, TilePoint, Value};
use crate::TilesError;

/// The bytes of a tile, uncompressed. Features with an empty geometry are left out; layers need the same extent.
///
/// # Errors
/// When two layers have one name or differ in extent, or an id is not below [`MAX_ID`].
pub fn encode(layers: &[TileLayer]) -> Result<Vec<u8>, TilesError> {
    let extent = layers.first().map_or(super::EXTENT, |layer| layer.extent);
    let mut tile = Tile::new(extent);
    for source in layers {
        if source.extent != extent {
            return Err(TilesError::Argument { reason: format!("layer {} has another extent", source.name) });
        }
        let mut layer = tile.create_layer(&source.name);
        for feature in &source.features {
            let Some(geometry) = encode_geometry(&feature.geometry).map_err(|e| TilesError::codec("MVT", e))? else {
                continue;
            };
            let mut encoded = layer.into_feature(geometry);
            if let Some(id) = feature.id {
                if id >= MAX_ID {
                    return Err(TilesError::TooLarge {
                        format: "MVT",
                        what: "feature id",
                        size: id,
                        limit: MAX_ID - 1,
                    });
                }
                encoded.set_id(id);
            }
            for (key, value) in feature.properties.iter() {
                match value {
                    Value::Text(text) => encoded.add_tag_string(key, text),
                    Value::Float(number) => encoded.add_tag_double(key, *number),
                    Value::Int(number) if *number < 0 => encoded.add_tag_sint(key, *number),
                    Value::Int(number) => encoded.add_tag_uint(key, number.unsigned_abs()),
                    Value::Uint(number) => encoded.add_tag_uint(key, *number),
                    Value::Bool(truth) => encoded.add_tag_bool(key, *truth),
                }
            }
            layer = encoded.into_layer();
        }
        if layer.num_features() > 0 {
            tile.add_layer(layer).map_err(|source| TilesError::codec("MVT", source))?;
        }
    }
    tile.to_bytes().map_err(|source| TilesError::codec("MVT", source))
}

fn encode_geometry(geometry: &TileGeometry) -> Result<Option<GeomData>, mvt::Error> {
    let encoded = match geometry {
        TileGeometry::Points(points) => {
            let mut encoder = GeomEncoder::<i32>::new(GeomType::Point);
            for &[x, y] in points {
                encoder.add_point(x, y)?;
            }
            if points.is_empty() {
                return Ok(None);
            }
            encoder.encode()?
        }
        TileGeometry::Lines(lines) => {
            let parts = lines.iter().map(Vec::as_slice);
            return encode_parts(GeomType::Linestring, parts, 2);
        }
        TileGeometry::Polygons(polygons) => {
            let mut last: Option<TilePoint> = None;
            let mut rings = Vec::new();
            for ring in polygons.iter().flatten() {
                let mut ring = ring.clone();
                // The serialiser drops the MoveTo of a ring that begins where the one before ended: begin elsewhere.
                if last.is_some() && ring.first().copied() == last && ring.len() > 1 {
                    ring.rotate_left(1);
                }
                last = ring.last().copied();
                rings.push(ring);
            }
            return encode_parts(GeomType::Polygon, rings.iter().map(Vec::as_slice), 3);
        }
    };
    Ok((!encoded.is_empty()).then_some(encoded))
}

fn encode_parts<'a>(
    kind: GeomType,
    parts: impl Iterator<Item = &'a [TilePoint]>,
    least: usize,
) -> Result<Option<GeomData>, mvt::Error> {
    let mut encoder = GeomEncoder::<i32>::new(kind);
    let mut any = false;
    for part in parts.filter(|part| part.len() >= least) {
        for &[x, y] in part {
            encoder.add_point(x, y)?;
        }
        encoder.complete_geom()?;
        any = true;
    }
    if !any {
        return Ok(None);
    }
    let encoded = encoder.encode()?;
    Ok((!encoded.is_empty()).then_some(encoded))
}
