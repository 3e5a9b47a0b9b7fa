//! Forty-one slivers of the urban boundary over protected farmland: what a datum residual of 1-3 m leaves behind.
//! They are part of the boundary's own polygons, cut so that their areas are exact.

use super::Deliveries;
use super::areas::Areas;
use super::overlay::{Overlay, polygon, to_rings};
use crate::path::{PointM, distance, length, resample, ring_area};
use crate::place::easting_northing_m;
use crate::vector::{Layer, Shape, Value};
use crate::zones::SLIVERS_HA;
use anyhow::Result;
use geo::{Area as _, MultiPolygon};
use serde_json::json;

/// Areas wanted: 35 small slivers and six large ones, together [`SLIVERS_HA`].
const SLIVERS: usize = 41;
const LARGE: usize = 6;
const SMALL_M2: f64 = 110.0;
const LARGE_M2: f64 = (SLIVERS_HA * 10_000.0 - (SLIVERS - LARGE) as f64 * SMALL_M2) / LARGE as f64;

/// Writes the planted slivers into the truth and returns the boundary with them added as features.
pub(super) fn with_slivers(deliveries: &mut Deliveries<'_>, mut urban: Layer) -> Result<Layer> {
    let places = places(deliveries);
    let mut measured = Vec::new();
    let template: Vec<Value> = urban.rows.first().map(|(_, values)| values.clone()).unwrap_or_default();
    for (number, place) in places.iter().enumerate() {
        let areas = deliveries.surveyor.polygons(place)?;
        measured.push(areas);
        let mut values = template.clone();
        if let [Value::Text(id), .., area] = values.as_mut_slice() {
            *id = format!("43319924109{:07}", number + 1);
            *area = Value::Real(areas.plane_m2 / 10_000.0);
        }
        let placed = |ring: Vec<PointM>| ring.into_iter().map(easting_northing_m).collect();
        let shape = to_rings(place).into_iter().map(|rings| rings.into_iter().map(placed).collect()).collect();
        urban.rows.push((Shape::Polygons(shape), values));
    }
    let larger = measured.iter().filter(|areas| areas.plane_m2 > 200.0).count();
    let sum: Areas = measured.into_iter().sum();
    deliveries.truth.insert(
        "urban_boundary_x_farmland_slivers".to_owned(),
        sum.json(json!({ "count": places.len(), "over_200_m2": larger })),
    );
    Ok(urban)
}

/// Strips one to three metres wide inside protected farmland, along its border with the town.
fn places(deliveries: &Deliveries<'_>) -> Vec<MultiPolygon<f64>> {
    let county = deliveries.county;
    let farmland = Overlay::of(county, |_, zone| zone.farmland);
    let wanted = (0..SLIVERS).map(|i| if i < LARGE { LARGE_M2 } else { SMALL_M2 });
    let mut runs: Vec<(bool, Vec<PointM>)> = Vec::new();
    for arc in &county.partition.arcs {
        let zone = |face: u32| county.faces.get(face as usize).map(|face| county.zone(face));
        let (Some(left), Some(right)) = (zone(arc.left), zone(arc.right)) else { continue };
        if left.farmland == right.farmland {
            continue;
        }
        let mut line: Vec<PointM> = arc.points.iter().map(|p| [p[0] as f64 / 1_000.0, p[1] as f64 / 1_000.0]).collect();
        if right.farmland {
            line.reverse();
        }
        let town = left.urban + right.urban > 0;
        runs.push((town, line));
    }
    let seat = county.network.seats[0];
    runs.sort_by(|a, b| b.0.cmp(&a.0).then(distance(a.1[0], seat).total_cmp(&distance(b.1[0], seat))));
    let mut used = vec![false; runs.len()];
    let mut result = Vec::new();
    for area_m2 in wanted {
        let reach = if area_m2 > 200.0 { 300.0 } else { 56.0 };
        for (i, (_, line)) in runs.iter().enumerate() {
            if used[i] || length(line) < reach + 12.0 {
                continue;
            }
            let part = resample(line, 4.0);
            let part = &part[1..=(reach / 4.0) as usize];
            let gentle = part.windows(3).all(|w| {
                let (a, b) = ([w[1][0] - w[0][0], w[1][1] - w[0][1]], [w[2][0] - w[1][0], w[2][1] - w[1][1]]);
                a[0] * b[0] + a[1] * b[1] > 0.6 * a[0].hypot(a[1]) * b[0].hypot(b[1])
            });
            if !gentle {
                continue;
            }
            if let Some(place) = clipped_strip(&farmland, part, area_m2) {
                used[i] = true;
                result.push(place);
                break;
            }
        }
    }
    result
}

/// A strip on the left of a line, cut off at the ground's border, of which as much is left as wanted; `None` when it
/// falls apart or does not come out to a square centimetre.
pub(super) fn clipped_strip(ground: &Overlay, line: &[PointM], wanted_m2: f64) -> Option<MultiPolygon<f64>> {
    let mut nominal_m2 = wanted_m2;
    for _ in 0..12 {
        let piece = ground.common(&polygon(&strip(line, nominal_m2)));
        let inside_m2 = piece.unsigned_area();
        if (inside_m2 - wanted_m2).abs() < 1.0e-4 {
            return (piece.0.len() == 1).then_some(piece);
        }
        nominal_m2 *= wanted_m2 / inside_m2.max(1.0);
        if nominal_m2 > wanted_m2 * 1.3 {
            return None;
        }
    }
    None
}

/// The strip on the left of a line whose area is as wanted.
fn strip(line: &[PointM], area_m2: f64) -> Vec<PointM> {
    let ring = |width_m: f64| {
        let mut ring = line.to_vec();
        ring.extend((0..line.len()).rev().map(|i| {
            let (before, after) = (line[i.saturating_sub(1)], line[(i + 1).min(line.len() - 1)]);
            let span = distance(before, after).max(1e-9);
            [line[i][0] + (after[1] - before[1]) / span * width_m, line[i][1] - (after[0] - before[0]) / span * width_m]
        }));
        ring
    };
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if ring_area(&ring(middle)).abs() < area_m2 { low = middle } else { high = middle }
    }
    ring(low)
}
