//! Forty-one slivers of the urban boundary over protected farmland: what a datum residual of 1-3 m leaves behind.
//! They are part of the boundary's own polygons, cut so that their areas are exact.

use super::Deliveries;
use crate::path::{PointM, distance, length, resample, ring_area};
use crate::place::easting_northing_m;
use crate::vector::{Layer, Shape, Value};
use serde_json::json;

/// Writes the planted slivers into the truth and returns the boundary with them added as features.
pub(super) fn with_slivers(deliveries: &mut Deliveries<'_>, mut urban: Layer) -> Layer {
    let places = places(deliveries);
    let mut total = 0.0;
    let mut larger = 0;
    let template: Vec<Value> = urban.rows.first().map(|(_, values)| values.clone()).unwrap_or_default();
    for (number, (ring, area_m2)) in places.iter().enumerate() {
        let area_m2 = *area_m2;
        total += area_m2;
        larger += usize::from(area_m2 > 200.0);
        let mut values = template.clone();
        if let [Value::Text(id), .., area] = values.as_mut_slice() {
            *id = format!("43319924109{:07}", number + 1);
            *area = Value::Real(area_m2 / 10_000.0);
        }
        urban.rows.push((Shape::Polygons(vec![vec![ring.iter().map(|p| easting_northing_m(*p)).collect()]]), values));
    }
    deliveries.truth.insert(
        "urban_boundary_x_farmland_slivers".to_owned(),
        json!({ "count": places.len(), "plane_area_m2": (total * 1.0e4).round() / 1.0e4, "over_200_m2": larger }),
    );
    urban
}

/// Strips one to three metres wide inside protected farmland, along its border with the town.
fn places(deliveries: &Deliveries<'_>) -> Vec<(Vec<PointM>, f64)> {
    let county = deliveries.county;
    // 35 small ones and six large: together 8,300 m².
    let wanted = (0..41).map(|i| if i < 6 { 4_450.0 / 6.0 } else { 110.0 });
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
            used[i] = true;
            result.push(strip(part, area_m2));
            break;
        }
    }
    result
}

/// The strip on the left of a line whose area is as wanted, and that area.
pub(super) fn strip(line: &[PointM], area_m2: f64) -> (Vec<PointM>, f64) {
    let ring = |width_m: f64| {
        let mut ring = line.to_vec();
        ring.extend((0..line.len()).rev().map(|i| {
            let (before, after) = (line[i.saturating_sub(1)], line[(i + 1).min(line.len() - 1)]);
            let span = distance(before, after).max(1e-9);
            [line[i][0] + (after[1] - before[1]) / span * width_m, line[i][1] - (after[0] - before[0]) / span * width_m]
        }));
        ring
    };
    let (mut low, mut high) = (0.0, 12.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if ring_area(&ring(middle)).abs() < area_m2 { low = middle } else { high = middle }
    }
    let best = ring(low);
    let area = ring_area(&best).abs();
    (best, area)
}
