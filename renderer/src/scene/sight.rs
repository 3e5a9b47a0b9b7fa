//! What one sees from where, over the ground: a line of sight between two places, and all that is seen round one.
//!
//! Every target has its own ray, sampled wherever it crosses the grid's columns (or rows, whichever it crosses more
//! often), heights between two samples linear: the exact method that faster ones are measured by. The earth falls away and
//! refraction lifts a seventh of that back, as GDAL's viewshed has it.

use rayon::prelude::*;

use super::place;
use super::relief::Relief;

/// How much of the curvature is left after refraction.
const CURVATURE_LEFT: f64 = 6.0 / 7.0;

/// A line of sight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sight {
    /// The eye: longitude and latitude (degrees), height (m).
    pub eye: [f64; 3],
    /// What is looked at.
    pub target: [f64; 3],
    /// Where the ground first stands in the way, if it does.
    pub blocked_at: Option<[f64; 3]>,
    /// Between the two, on the ellipsoid, metres.
    pub distance_m: f64,
}

/// What is seen from a place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Viewshed {
    /// For every cell of the relief: whether it is seen; `None` beyond the radius and where there is no ground.
    pub seen: Vec<Option<bool>>,
    /// Seen, square metres on the ellipsoid.
    pub seen_m2: f64,
    /// Within the radius, square metres.
    pub within_m2: f64,
}

/// Metres of the grid: where a cell is from another.
fn away_m(relief: &Relief, from: [f64; 2], to: [f64; 2]) -> f64 {
    let [wide_m, high_m] = relief.spacing_m(f64::midpoint(from[1], to[1]));
    ((to[0] - from[0]) * wide_m).hypot((to[1] - from[1]) * high_m)
}

/// How far the ground falls below the level at a distance in metres.
fn fall_m(distance_m: f64) -> f64 {
    CURVATURE_LEFT * distance_m * distance_m / (2.0 * place::EARTH_RADIUS_M)
}

/// Whether a place `up_m` above the ground is seen from another `eye_up_m` above it. `None` without ground at either.
#[must_use]
pub fn line(relief: &Relief, eye: ([f64; 2], f64), target: ([f64; 2], f64)) -> Option<Sight> {
    let (from, to) = (relief.cell_of(eye.0), relief.cell_of(target.0));
    let eye_m = relief.bilinear_m(from[0], from[1])? + eye.1;
    let target_m = relief.bilinear_m(to[0], to[1])? + target.1;
    let far_m = away_m(relief, from, to);
    let slope = (target_m - fall_m(far_m) - eye_m) / far_m.max(1e-9);
    let steps = (to[0] - from[0]).abs().max((to[1] - from[1]).abs()).ceil().max(1.0) * 2.0;
    let blocked = (1..steps as usize).find_map(|step| {
        let part = step as f64 / steps;
        let at = [0, 1].map(|axis| from[axis] + (to[axis] - from[axis]) * part);
        let ground_m = relief.bilinear_m(at[0], at[1])?;
        let distance_m = far_m * part;
        let line_m = eye_m + slope * distance_m;
        (ground_m - fall_m(distance_m) > line_m + 1e-6).then_some((at, ground_m))
    });
    let place_of = |[column, row]: [f64; 2], height_m: f64| {
        let [lon, lat] = relief.lon_lat_deg(column, row);
        [lon, lat, height_m]
    };
    Some(Sight {
        eye: [eye.0[0], eye.0[1], eye_m],
        target: [target.0[0], target.0[1], target_m],
        blocked_at: blocked.map(|(at, ground_m)| place_of(at, ground_m)),
        distance_m: geodesy::distance::geodesic_m(eye.0, target.0),
    })
}

/// What is seen within a radius in metres from `eye_up_m` above the ground at a cell, of things `target_up_m` above the
/// ground. `None` where the eye's cell has no ground.
#[must_use]
pub fn viewshed(
    relief: &Relief,
    [eye_column, eye_row]: [usize; 2],
    (eye_up_m, target_up_m): (f64, f64),
    radius_m: f64,
) -> Option<Viewshed> {
    let [columns, rows] = relief.size();
    let eye_m = relief.at(eye_column, eye_row) + eye_up_m;
    if !eye_m.is_finite() {
        return None;
    }
    let eye = [eye_column as f64, eye_row as f64];
    let is_seen = |column: usize, row: usize| {
        let at = [column as f64, row as f64];
        let far_m = away_m(relief, eye, at);
        let ground_m = relief.at(column, row);
        if far_m > radius_m || !ground_m.is_finite() {
            return None;
        }
        if far_m <= 0.0 {
            return Some(true);
        }
        let wanted = (ground_m + target_up_m - fall_m(far_m) - eye_m) / far_m;
        Some(!stands_between(relief, (eye, eye_m), at, far_m, wanted))
    };
    let seen: Vec<Option<bool>> =
        (0..rows).into_par_iter().flat_map_iter(|row| (0..columns).map(move |column| is_seen(column, row))).collect();
    let (mut seen_m2, mut within_m2) = (0.0, 0.0);
    for (row, cells) in seen.chunks_exact(columns).enumerate() {
        let cell_m2: f64 = relief.spacing_m(row as f64).iter().product();
        within_m2 += cell_m2 * cells.iter().flatten().count() as f64;
        seen_m2 += cell_m2 * cells.iter().flatten().filter(|seen| **seen).count() as f64;
    }
    Some(Viewshed { seen, seen_m2, within_m2 })
}

/// Whether the ground between eye and cell rises over the slope at which the cell is looked at.
fn stands_between(relief: &Relief, (eye, eye_m): ([f64; 2], f64), to: [f64; 2], far_m: f64, wanted: f64) -> bool {
    let (dx, dy) = (to[0] - eye[0], to[1] - eye[1]);
    let is_across = dx.abs() >= dy.abs();
    let steps = dx.abs().max(dy.abs());
    let mut number = 1.0;
    while number < steps {
        let part = number / steps;
        let (x, y) = (eye[0] + dx * part, eye[1] + dy * part);
        // One of the two is whole: between two samples of the other the ground is a straight line.
        let (column, row, rest) =
            if is_across { (x.round(), y.floor(), y - y.floor()) } else { (x.floor(), y.round(), x - x.floor()) };
        let first = relief.at(column as usize, row as usize);
        let ground_m = if rest < 1e-12 {
            first
        } else {
            let second = if is_across {
                relief.at(column as usize, row as usize + 1)
            } else {
                relief.at(column as usize + 1, row as usize)
            };
            first * (1.0 - rest) + second * rest
        };
        let distance_m = far_m * part;
        if (ground_m - fall_m(distance_m) - eye_m) / distance_m > wanted {
            return true;
        }
        number += 1.0;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// About 2 m a cell.
    const STEP: f64 = 1.0 / (1 << 24) as f64;

    fn relief(size: [usize; 2], height_m: &(dyn Fn(usize, usize) -> f64 + Sync)) -> Relief {
        let corner = place::square_from_lon_lat_deg(109.74, 28.31);
        Relief::sampled(corner, STEP, size, &|at| {
            let [column, row] = [0, 1].map(|axis| ((at[axis] - corner[axis]) / STEP).round() as usize);
            Some(height_m(column, row))
        })
    }

    #[test]
    fn a_wall_throws_the_shadow_that_similar_triangles_say() {
        // Level ground, a wall 10 m high in column 50; the eye 20 m up in column 0.
        let relief = relief([301, 21], &|column, _| if column == 50 { 110.0 } else { 100.0 });
        let shed = viewshed(&relief, [0, 10], (20.0, 0.0), 1e6).expect("ground");
        let seen = |column: usize| shed.seen[10 * 301 + column].expect("within");
        // The eye looks down 10 m over 50 cells, so it meets the ground after as many again: column 100.
        assert!(seen(49) && seen(50) && !seen(51) && !seen(98) && seen(102) && seen(300));
        // Something 5 m high is seen from half way on.
        let taller = viewshed(&relief, [0, 10], (20.0, 5.0), 1e6).expect("ground");
        let seen = |column: usize| taller.seen[10 * 301 + column].expect("within");
        assert!(!seen(73) && seen(77));
    }

    #[test]
    fn the_area_seen_of_open_ground_is_the_circle_s() {
        let relief = relief([301, 301], &|_, _| 100.0);
        let shed = viewshed(&relief, [150, 150], (2.0, 0.0), 200.0).expect("ground");
        assert!((shed.seen_m2 / (std::f64::consts::PI * 4e4) - 1.0).abs() < 0.01, "{}", shed.seen_m2);
        assert!((shed.seen_m2 - shed.within_m2).abs() < f64::EPSILON);
        assert_eq!(shed.seen[0], None);
    }

    #[test]
    fn far_away_the_earth_hides_what_a_plain_would_show() {
        // 60 km of level ground seen from 1.7 m: the horizon is some 5 km away.
        let step = 1.0 / f64::from(1 << 18);
        let relief = Relief::sampled(place::square_from_lon_lat_deg(109.0, 28.31), step, [450, 3], &|_| Some(0.0));
        let shed = viewshed(&relief, [0, 1], (1.7, 0.0), 1e6).expect("ground");
        let cell_m = relief.spacing_m(1.0)[0];
        let last = (0..450).rev().find(|column| shed.seen[450 + column] == Some(true)).expect("the near ground");
        let horizon_m = (2.0 * place::EARTH_RADIUS_M / CURVATURE_LEFT * 1.7).sqrt();
        assert!((last as f64 * cell_m - horizon_m).abs() < 2.0 * cell_m, "{last} {cell_m} {horizon_m}");
    }

    #[test]
    fn a_line_is_blocked_where_the_ridge_stands_and_free_over_it() {
        let relief = relief([201, 21], &|column, _| 100.0 + if column == 80 { 30.0 } else { 0.0 });
        let at = |column: f64| relief.lon_lat_deg(column, 10.0);
        let low = line(&relief, (at(10.0), 1.7), (at(190.0), 1.0)).expect("ground");
        let blocked = low.blocked_at.expect("the ridge");
        assert!((relief.cell_of([blocked[0], blocked[1]])[0] - 80.0).abs() < 1.0, "{blocked:?}");
        let high = line(&relief, (at(10.0), 60.0), (at(190.0), 1.0)).expect("ground");
        assert_eq!(high.blocked_at, None);
        assert!((high.eye[2] - 160.0).abs() < 1e-3 && high.distance_m > 300.0);
        assert!(line(&relief, (at(-9.0), 1.0), (at(9.0), 1.0)).is_none(), "no ground there");
    }

    #[test]
    fn who_is_seen_sees_back_from_the_same_height() {
        let hills =
            relief([81, 81], &|column, row| 100.0 + 12.0 * (column as f64 / 9.0).sin() * (row as f64 / 7.0).cos());
        let from = viewshed(&hills, [40, 40], (3.0, 3.0), 1e6).expect("ground");
        for (column, row) in [(3, 7), (70, 12), (55, 66), (12, 71), (40, 3), (80, 40)] {
            let back = viewshed(&hills, [column, row], (3.0, 3.0), 1e6).expect("ground");
            assert_eq!(from.seen[row * 81 + column], back.seen[40 * 81 + 40], "{column} {row}");
        }
    }
}
