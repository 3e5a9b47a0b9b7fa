//! Earthwork over a polygon: its surface, and the volumes above and below a reference, exactly for the ground's triangles.
//!
//! Between samples the ground is the pair of triangles it is drawn with. Each is cut at the polygon's edge and where it
//! meets the reference, and every piece, being plane, is integrated without error; nothing is counted by cell centres.

use super::relief::Relief;

/// What volumes count from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reference {
    /// A level in metres.
    Level(f64),
    /// The plane that fits the ground at the polygon's corners best (least squares).
    Corners,
    /// The lowest ground at the polygon's corners.
    LowestCorner,
}

/// What a polygon came to; metres, square and cubic metres.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Earthwork {
    /// Seen from above.
    pub plane_m2: f64,
    /// On the ground as it slopes.
    pub surface_m2: f64,
    /// Ground above the reference.
    pub above_m3: f64,
    /// Room below the reference.
    pub below_m3: f64,
    /// Lowest and highest ground inside.
    pub range_m: [f64; 2],
    /// The reference in the polygon's middle.
    pub reference_m: f64,
    /// Of the area seen from above, what has no ground.
    pub missing_m2: f64,
}

/// A plane `a + b column + c row`.
type Plane = [f64; 3];

/// Measures a ring of longitudes and latitudes in degrees. `None` where it has no area, leaves the grid, or no corner has
/// ground to fit a reference to.
#[must_use]
pub fn measure(relief: &Relief, ring_lon_lat_deg: &[[f64; 2]], reference: Reference) -> Option<Earthwork> {
    let mut ring: Vec<[f64; 2]> = ring_lon_lat_deg.iter().map(|corner| relief.cell_of(*corner)).collect();
    let area = signed_area(&ring);
    if ring.len() < 3 || area.abs() < 1e-12 {
        return None;
    }
    if area < 0.0 {
        ring.reverse();
    }
    let [columns, rows] = relief.size();
    let (low, high) = bounds(&ring);
    if low[0] < 0.0 || low[1] < 0.0 || high[0] > (columns - 1) as f64 || high[1] > (rows - 1) as f64 {
        return None;
    }
    let plane = plane_of(relief, &ring, reference)?;
    let middle = centroid(&ring);
    let mut work = Earthwork {
        range_m: [f64::INFINITY, f64::NEG_INFINITY],
        reference_m: value(plane, middle),
        ..Earthwork::default()
    };
    for row in low[1] as usize..(high[1].ceil() as usize).max(low[1] as usize + 1).min(rows - 1) {
        let band = cut(&cut(&ring, [0.0, 1.0], row as f64), [0.0, -1.0], -(row as f64 + 1.0));
        if band.len() < 3 {
            continue;
        }
        let spacing = relief.spacing_m(row as f64 + 0.5);
        let (band_low, band_high) = bounds(&band);
        let mut rest = band;
        let last = (band_high[0].ceil() as usize).max(band_low[0] as usize + 1).min(columns - 1);
        for column in band_low[0] as usize..last {
            let next = column as f64 + 1.0;
            let piece = cut(&rest, [-1.0, 0.0], -next);
            rest = cut(&rest, [1.0, 0.0], next);
            if piece.len() >= 3 {
                add_cell(relief, [column, row], (&piece, spacing), plane, &mut work);
            }
        }
    }
    (work.plane_m2 > 0.0).then_some(work)
}

/// Adds the part of one cell that lies in the polygon: its two triangles, each plane.
fn add_cell(
    relief: &Relief,
    [column, row]: [usize; 2],
    (piece, [wide_m, high_m]): (&[[f64; 2]], [f64; 2]),
    plane: Plane,
    work: &mut Earthwork,
) {
    let at = |dx: usize, dy: usize| relief.at(column + dx, row + dy);
    let (x, y) = (column as f64, row as f64);
    let diagonal = x + y + 1.0;
    // The corner each triangle hangs on, and its two slopes to the east and south.
    let (nw, ne, sw, se) = (at(0, 0), at(1, 0), at(0, 1), at(1, 1));
    let halves = [
        (cut(piece, [-1.0, -1.0], -diagonal), [nw, ne - nw, sw - nw], [x, y]),
        (cut(piece, [1.0, 1.0], diagonal), [se, se - sw, se - ne], [x + 1.0, y + 1.0]),
    ];
    let cell_m2 = wide_m * high_m;
    for (part, [height, east, south], corner) in halves {
        let area_m2 = signed_area(&part).max(0.0) * cell_m2;
        if area_m2 <= 0.0 {
            continue;
        }
        work.plane_m2 += area_m2;
        let ground: Plane = [height - east * corner[0] - south * corner[1], east, south];
        if !ground.iter().all(|number| number.is_finite()) {
            work.missing_m2 += area_m2;
            continue;
        }
        work.surface_m2 += area_m2 * (1.0 + (east / wide_m).powi(2) + (south / high_m).powi(2)).sqrt();
        for place in &part {
            let height_m = value(ground, *place);
            work.range_m = [work.range_m[0].min(height_m), work.range_m[1].max(height_m)];
        }
        let above = [ground[0] - plane[0], ground[1] - plane[1], ground[2] - plane[2]];
        let upper = cut(&part, [above[1], above[2]], -above[0]);
        let lower = cut(&part, [-above[1], -above[2]], above[0]);
        let volume = |part: &[[f64; 2]]| {
            let area = signed_area(part);
            if area <= 0.0 { 0.0 } else { area * cell_m2 * value(above, centroid(part)) }
        };
        // Where ground and reference are parallel one of the two cuts keeps everything or nothing.
        if above[1].abs() + above[2].abs() < 1e-15 {
            let all = volume(&part);
            work.above_m3 += all.max(0.0);
            work.below_m3 += (-all).max(0.0);
        } else {
            work.above_m3 += volume(&upper).max(0.0);
            work.below_m3 += (-volume(&lower)).max(0.0);
        }
    }
}

fn plane_of(relief: &Relief, ring: &[[f64; 2]], reference: Reference) -> Option<Plane> {
    let corners = || ring.iter().filter_map(|[x, y]| Some([*x, *y, relief.bilinear_m(*x, *y)?]));
    match reference {
        Reference::Level(level_m) => Some([level_m, 0.0, 0.0]),
        Reference::LowestCorner => Some([corners().map(|corner| corner[2]).reduce(f64::min)?, 0.0, 0.0]),
        Reference::Corners => {
            let corners: Vec<[f64; 3]> = corners().collect();
            if corners.is_empty() {
                return None;
            }
            let count = corners.len() as f64;
            let mean = corners.iter().fold([0.0; 3], |sum, at| [sum[0] + at[0], sum[1] + at[1], sum[2] + at[2]]);
            let [mx, my, mz] = mean.map(|sum| sum / count);
            let (mut xx, mut xy, mut yy, mut xz, mut yz) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for [x, y, z] in &corners {
                let (dx, dy, dz) = (x - mx, y - my, z - mz);
                xx += dx * dx;
                xy += dx * dy;
                yy += dy * dy;
                xz += dx * dz;
                yz += dy * dz;
            }
            let determinant = xx * yy - xy * xy;
            // Corners in one line carry a level, not a plane.
            if corners.len() < 3 || determinant <= 1e-12 * (xx + yy).powi(2) {
                return Some([mz, 0.0, 0.0]);
            }
            let (b, c) = ((xz * yy - yz * xy) / determinant, (yz * xx - xz * xy) / determinant);
            Some([mz - b * mx - c * my, b, c])
        }
    }
}

fn value(plane: Plane, [x, y]: [f64; 2]) -> f64 {
    plane[0] + plane[1] * x + plane[2] * y
}

/// The part of a polygon where `normal . place >= offset` (Sutherland and Hodgman). Edges that run back on themselves may
/// remain; they enclose nothing and integrals do not see them.
pub(super) fn cut(ring: &[[f64; 2]], normal: [f64; 2], offset: f64) -> Vec<[f64; 2]> {
    let side = |[x, y]: [f64; 2]| normal[0] * x + normal[1] * y - offset;
    let mut out = Vec::with_capacity(ring.len() + 2);
    let Some(mut from) = ring.last().copied() else { return out };
    let mut from_side = side(from);
    for to in ring {
        let to_side = side(*to);
        if (from_side >= 0.0) != (to_side >= 0.0) {
            let part = from_side / (from_side - to_side);
            out.push([from[0] + (to[0] - from[0]) * part, from[1] + (to[1] - from[1]) * part]);
        }
        if to_side >= 0.0 {
            out.push(*to);
        }
        (from, from_side) = (*to, to_side);
    }
    out
}

/// Positive where the ring turns from east to south, as the grid's axes do.
fn signed_area(ring: &[[f64; 2]]) -> f64 {
    let Some(origin) = ring.first() else { return 0.0 };
    let from = |at: &[f64; 2]| [at[0] - origin[0], at[1] - origin[1]];
    let twice: f64 = ring
        .windows(2)
        .map(|pair| {
            let ([ax, ay], [bx, by]) = (from(&pair[0]), from(&pair[1]));
            ax * by - bx * ay
        })
        .sum();
    twice / 2.0
}

fn centroid(ring: &[[f64; 2]]) -> [f64; 2] {
    let Some(origin) = ring.first().copied() else { return [0.0; 2] };
    let (mut area, mut sum) = (0.0, [0.0; 2]);
    for pair in ring.windows(2) {
        let [a, b] = [pair[0], pair[1]].map(|at| [at[0] - origin[0], at[1] - origin[1]]);
        let cross = a[0] * b[1] - b[0] * a[1];
        area += cross;
        sum = [sum[0] + (a[0] + b[0]) * cross, sum[1] + (a[1] + b[1]) * cross];
    }
    if area.abs() < 1e-300 { origin } else { [origin[0] + sum[0] / (3.0 * area), origin[1] + sum[1] / (3.0 * area)] }
}

fn bounds(ring: &[[f64; 2]]) -> ([f64; 2], [f64; 2]) {
    ring.iter().fold(([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]), |(low, high), [x, y]| {
        ([low[0].min(*x), low[1].min(*y)], [high[0].max(*x), high[1].max(*y)])
    })
}

/// Whether two edges of a ring cross: such a ring encloses nothing one could measure.
#[must_use]
pub fn crosses_itself(ring: &[[f64; 2]]) -> bool {
    let count = ring.len();
    let turn = |a: [f64; 2], b: [f64; 2], c: [f64; 2]| (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    let edge = |index: usize| (ring[index], ring[(index + 1) % count]);
    (0..count).any(|one| {
        let (a, b) = edge(one);
        (one + 2..count).filter(|other| (other + 1) % count != one).any(|other| {
            let (c, d) = edge(other);
            let apart = (0..2)
                .any(|axis| a[axis].max(b[axis]) < c[axis].min(d[axis]) || c[axis].max(d[axis]) < a[axis].min(b[axis]));
            !apart && turn(a, b, c) * turn(a, b, d) < 0.0 && turn(c, d, a) * turn(c, d, b) < 0.0
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scene::place;

    const MIDDLE: [f64; 2] = [109.74, 28.31];

    /// A grid of 201 x 201 samples round the middle, about 2 m apart; `height_m` of metres east and north.
    fn relief(height_m: &(dyn Fn([f64; 2]) -> f64 + Sync)) -> Relief {
        let step = 0.5_f64.powi(24);
        let [x, y] = place::square_from_lon_lat_deg(MIDDLE[0], MIDDLE[1]);
        let [wide_m, high_m] = crate::scene::relief::spacing_m(step, MIDDLE[1]);
        Relief::sampled([x - 100.0 * step, y - 100.0 * step], step, [201, 201], &|at| {
            Some(height_m([(at[0] - x) / step * wide_m, (y - at[1]) / step * high_m]))
        })
    }

    /// Longitude and latitude of metres east and north of the middle, on the grid's own scale.
    fn lon_lat([east_m, north_m]: [f64; 2]) -> [f64; 2] {
        let step = 0.5_f64.powi(24);
        let [x, y] = place::square_from_lon_lat_deg(MIDDLE[0], MIDDLE[1]);
        let [wide_m, high_m] = crate::scene::relief::spacing_m(step, MIDDLE[1]);
        place::lon_lat_deg_from_square(x + east_m / wide_m * step, y - north_m / high_m * step)
    }

    fn square(half_m: f64) -> Vec<[f64; 2]> {
        [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]].map(|[x, y]| lon_lat([x * half_m, y * half_m])).to_vec()
    }

    #[test]
    fn a_slope_over_its_middle_level_has_one_wedge_above_and_one_below() {
        let work = measure(&relief(&|[east_m, _]| 500.0 + 0.5 * east_m), &square(50.0), Reference::Level(500.0));
        let work = work.expect("on the grid");
        // A wedge 50 m long, 25 m high, 100 m wide.
        assert!((work.above_m3 / 62_500.0 - 1.0).abs() < 1e-4, "{work:?}");
        assert!((work.below_m3 / 62_500.0 - 1.0).abs() < 1e-4, "{work:?}");
        assert!((work.plane_m2 / 10_000.0 - 1.0).abs() < 1e-4);
        assert!((work.surface_m2 / work.plane_m2 - 1.25_f64.sqrt()).abs() < 1e-4, "{work:?}");
        assert!((work.range_m[0] - 475.0).abs() < 0.01 && (work.range_m[1] - 525.0).abs() < 0.01);
        assert!(work.missing_m2 == 0.0);
    }

    #[test]
    fn a_plane_through_the_corners_of_a_slope_leaves_nothing_and_a_heap_on_it_is_all_there_is() {
        let slope = |[east_m, north_m]: [f64; 2]| 500.0 + 0.3 * east_m - 0.2 * north_m;
        let flat = measure(&relief(&slope), &square(60.0), Reference::Corners).expect("on the grid");
        assert!(flat.above_m3 < 0.5 && flat.below_m3 < 0.5, "{flat:?}");
        // A cone 10 m high and 40 m in radius: pi r^2 h / 3.
        let cone = |at: [f64; 2]| slope(at) + (10.0 - at[0].hypot(at[1]) / 4.0).max(0.0);
        let heap = measure(&relief(&cone), &square(60.0), Reference::Corners).expect("on the grid");
        let expected = std::f64::consts::PI * 1_600.0 * 10.0 / 3.0;
        assert!((heap.above_m3 / expected - 1.0).abs() < 2e-3, "{heap:?} {expected}");
    }

    #[test]
    fn a_ring_of_any_turn_measures_the_same_and_off_the_grid_nothing() {
        let relief = relief(&|[east_m, _]| 100.0 + east_m);
        let mut ring = square(30.0);
        let one = measure(&relief, &ring, Reference::Level(90.0));
        ring.reverse();
        assert_eq!(
            one.map(|work| work.above_m3.round() as i64),
            measure(&relief, &ring, Reference::Level(90.0)).map(|work| work.above_m3.round() as i64)
        );
        assert!(one.is_some());
        assert_eq!(measure(&relief, &square(5_000.0), Reference::Level(0.0)), None);
        assert_eq!(measure(&relief, &ring[..2], Reference::Level(0.0)), None);
    }

    #[test]
    fn an_hourglass_crosses_itself_and_a_star_shaped_ring_does_not() {
        assert!(crosses_itself(&[[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]));
        assert!(!crosses_itself(&[[0.0, 0.0], [2.0, 0.5], [4.0, 0.0], [2.0, 3.0]]));
        assert!(!crosses_itself(&[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]));
    }

    proptest! {
        #[test]
        fn above_less_below_is_area_times_mean_height_over_any_convex_ring(
            radii in proptest::collection::vec(20.0..60.0_f64, 5..12), level_m in 90.0..110.0_f64,
        ) {
            let count = radii.len() as f64;
            let ring: Vec<[f64; 2]> = radii.iter().enumerate().map(|(index, radius)| {
                let angle = std::f64::consts::TAU * index as f64 / count;
                lon_lat([radius * angle.cos(), radius * angle.sin()])
            }).collect();
            let bumpy = |[east_m, north_m]: [f64; 2]| 100.0 + 4.0 * (east_m / 9.0).sin() + 3.0 * (north_m / 7.0).cos();
            let relief = relief(&bumpy);
            let at = measure(&relief, &ring, Reference::Level(level_m)).expect("on the grid");
            let zero = measure(&relief, &ring, Reference::Level(0.0)).expect("on the grid");
            prop_assert!((at.above_m3 - at.below_m3 - (zero.above_m3 - level_m * zero.plane_m2)).abs() < 1e-6 * zero.above_m3);
            prop_assert!(at.surface_m2 >= at.plane_m2);
        }
    }
}
