//! The signed distance field of an outline: exact distance to the nearest segment, sign by the winding number.

use super::outline::Segment;
use super::{BUFFER_PX, CUTOFF, RADIUS_PX};

/// The field's bytes: 255 deep inside, 192 on the outline, 0 far outside.
pub(super) fn field(segments: &[Segment], left: i32, top: i32, width: u32, height: u32) -> Vec<u8> {
    let (columns, rows) = (width + 2 * BUFFER_PX, height + 2 * BUFFER_PX);
    let mut bytes = Vec::with_capacity((columns * rows) as usize);
    for row in 0..rows {
        let y = top as f32 + BUFFER_PX as f32 - row as f32 - 0.5;
        for column in 0..columns {
            let x = left as f32 - BUFFER_PX as f32 + column as f32 + 0.5;
            bytes.push(value(signed_distance(segments, [x, y])));
        }
    }
    bytes
}

fn value(distance: f32) -> u8 {
    // Positive outside.
    (255.0 - 255.0 * (distance / RADIUS_PX + CUTOFF)).clamp(0.0, 255.0).round() as u8
}

fn signed_distance(segments: &[Segment], [x, y]: [f32; 2]) -> f32 {
    let mut nearest = f32::MAX;
    let mut winding = 0_i32;
    for [[ax, ay], [bx, by]] in segments {
        let (dx, dy) = (bx - ax, by - ay);
        let along = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
        let (ex, ey) = (x - ax - along * dx, y - ay - along * dy);
        nearest = nearest.min(ex * ex + ey * ey);
        // Crossings of the ray to the right, half-open in y so that a vertex counts once.
        let side = dx * (y - ay) - dy * (x - ax);
        if *ay <= y && *by > y && side > 0.0 {
            winding += 1;
        } else if *by <= y && *ay > y && side < 0.0 {
            winding -= 1;
        }
    }
    if winding == 0 { nearest.sqrt() } else { -nearest.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square of 10 pixels with a hole of 4, wound the other way.
    fn ring() -> Vec<Segment> {
        let closed = |points: [[f32; 2]; 4]| (0..4).map(move |n| [points[n], points[(n + 1) % 4]]);
        let outer = closed([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]);
        let hole = closed([[3.0, 3.0], [3.0, 7.0], [7.0, 7.0], [7.0, 3.0]]);
        outer.chain(hole).collect()
    }

    #[test]
    fn the_distance_is_negative_in_the_ink_and_positive_in_the_hole_and_outside() {
        let cases = [
            ([-2.0, 5.0], 2.0),
            ([13.0, 14.0], 5.0),
            ([1.0, 5.0], -1.0),
            ([5.0, 8.5], -1.5),
            ([5.0, 5.0], 2.0),
            ([-3.0, -4.0], 5.0),
        ];
        for (point, distance) in cases {
            assert!((signed_distance(&ring(), point) - distance).abs() < 1e-5, "{point:?}");
        }
    }

    #[test]
    fn the_outline_itself_has_the_value_that_maplibre_draws_at() {
        // MapLibre's shader takes 0.75 of the range as the edge.
        assert_eq!(value(0.0), 191);
        assert_eq!(value(8.0), 0);
        assert_eq!(value(-2.0), 255);
        let bytes = field(&ring(), 0, 10, 10, 10);
        assert_eq!(bytes.len(), 16 * 16);
        let [outside, ink, hole] = [(0, 8), (4, 8), (8, 8)].map(|(x, y): (usize, usize)| bytes[y * 16 + x]);
        assert!(outside < 191 && ink > 191 && hole < 191, "{outside} {ink} {hole}");
    }
}
