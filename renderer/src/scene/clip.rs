//! A cut through the scene: what lies outside a box or polygon is left away, or what lies inside.
//!
//! The polygon stands upright on the plane that touches the ellipsoid in its middle; heights are ellipsoidal ones as drawn.
//! Drawing and picking ask the same question, so one cannot click on what is not seen.

use glam::{DMat3, DVec3};

use super::draw::{LineSet, LineVertex};
use super::place;

/// A polygon of more corners is refused: each is asked about for every pixel.
pub const MOST_CORNERS: usize = 32;

/// What of the scene stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// What lies inside.
    #[default]
    Inside,
    /// What lies outside.
    Outside,
}

/// A cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// What stays.
    pub keep: Keep,
    /// The corners: longitude and latitude in degrees.
    pub ring_lon_lat_deg: Vec<[f64; 2]>,
    /// From which height to which, metres.
    pub range_m: [f64; 2],
    origin: DVec3,
    /// East, north, up at the origin.
    axes: DMat3,
    corners_m: Vec<[f64; 2]>,
}

impl Clip {
    /// A cut by a polygon (longitude and latitude in degrees) between two heights in metres; `None` for one of less than
    /// three corners, of too many, or one that crosses itself.
    #[must_use]
    pub fn new(ring_lon_lat_deg: &[[f64; 2]], range_m: [f64; 2], keep: Keep) -> Option<Self> {
        let count = ring_lon_lat_deg.len();
        if !(3..=MOST_CORNERS).contains(&count)
            || range_m[0] >= range_m[1]
            || super::earthwork::crosses_itself(ring_lon_lat_deg)
        {
            return None;
        }
        let middle = [0, 1].map(|axis| ring_lon_lat_deg.iter().map(|corner| corner[axis]).sum::<f64>() / count as f64);
        let origin = place::ecef([middle[0], middle[1], 0.0]);
        let axes = place::ecef_from_enu_rotation(middle[0], middle[1]);
        let corner = |[lon, lat]: &[f64; 2]| {
            let local = axes.transpose() * (place::ecef([*lon, *lat, 0.0]) - origin);
            [local.x, local.y]
        };
        let corners_m = ring_lon_lat_deg.iter().map(corner).collect();
        Some(Self { keep, ring_lon_lat_deg: ring_lon_lat_deg.to_vec(), range_m, origin, axes, corners_m })
    }

    /// The four corners of a box round a place: half its width and depth in metres, turned clockwise from north.
    #[must_use]
    pub fn box_ring([lon, lat]: [f64; 2], [half_wide_m, half_deep_m]: [f64; 2], heading_deg: f64) -> Vec<[f64; 2]> {
        let (origin, axes) = (place::ecef([lon, lat, 0.0]), place::ecef_from_enu_rotation(lon, lat));
        let (sin, cos) = heading_deg.to_radians().sin_cos();
        let corner = |[right, ahead]: [f64; 2]| {
            let (x, y) = (right * half_wide_m, ahead * half_deep_m);
            let at = origin + axes * DVec3::new(x * cos + y * sin, y * cos - x * sin, 0.0);
            let [lon, lat, _] = place::lon_lat_height_deg(at);
            [lon, lat]
        };
        [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]].map(corner).to_vec()
    }

    /// A position in the cut's own axes: metres east and north of its middle, and the height.
    #[must_use]
    pub fn local(&self, ecef: DVec3) -> DVec3 {
        let local = self.axes.transpose() * (ecef - self.origin);
        local + DVec3::Z * (local.x * local.x + local.y * local.y) * PER_SQUARE_M
    }

    /// The same without the fall of the earth, which the drawer adds itself; and directions.
    pub fn level(&self, ecef: DVec3) -> (DVec3, impl Fn(DVec3) -> DVec3) {
        let turn = self.axes.transpose();
        (turn * (ecef - self.origin), move |direction| turn * direction)
    }

    /// Metres east and north of the middle of every corner.
    #[must_use]
    pub fn corners_m(&self) -> &[[f64; 2]] {
        &self.corners_m
    }

    /// Whether what is at a position (ECEF) is left away.
    #[must_use]
    pub fn hides(&self, ecef: DVec3) -> bool {
        let at = self.local(ecef);
        let mut inside = false;
        let mut from = self.corners_m[self.corners_m.len() - 1];
        for to in &self.corners_m {
            if (from[1] > at.y) != (to[1] > at.y)
                && at.x < (to[0] - from[0]) * (at.y - from[1]) / (to[1] - from[1]) + from[0]
            {
                inside = !inside;
            }
            from = *to;
        }
        let inside = inside && (self.range_m[0]..=self.range_m[1]).contains(&at.z);
        inside != (self.keep == Keep::Inside)
    }

    /// The edges of the cut between two heights, as lines relative to the place that is given back with them.
    #[must_use]
    pub fn edges(&self, [low_m, high_m]: [f64; 2]) -> (LineSet, DVec3) {
        let low_m = self.range_m[0].max(low_m);
        let high_m = self.range_m[1].min(high_m).max(low_m);
        let at = |[lon, lat]: [f64; 2], height_m: f64| {
            (place::ecef([lon, lat, height_m]) - self.origin).as_vec3().to_array()
        };
        let color = [255, 120, 0, 255];
        let ring = &self.ring_lon_lat_deg;
        let lines = (0..ring.len()).flat_map(|index| {
            let (from, to) = (ring[index], ring[(index + 1) % ring.len()]);
            let line = |a, b| LineVertex { a, b, color };
            [
                line(at(from, low_m), at(to, low_m)),
                line(at(from, high_m), at(to, high_m)),
                line(at(from, low_m), at(from, high_m)),
            ]
        });
        (LineSet::new(lines.collect()), self.origin)
    }
}

/// By how much the ellipsoid falls below its tangent plane per square metre away: half of the curvature.
pub const PER_SQUARE_M: f64 = 0.5 / 6_371_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: [f64; 2] = [109.74, 28.31];

    fn at([east_m, north_m]: [f64; 2], height_m: f64) -> DVec3 {
        let away = 1e-5;
        let east = geodesy::distance::geodesic_m(MIDDLE, [MIDDLE[0] + away, MIDDLE[1]]) / away;
        let north = geodesy::distance::geodesic_m(MIDDLE, [MIDDLE[0], MIDDLE[1] + away]) / away;
        place::ecef([MIDDLE[0] + east_m / east, MIDDLE[1] + north_m / north, height_m])
    }

    #[test]
    fn a_box_keeps_its_inside_or_its_outside_between_its_heights() {
        let ring = Clip::box_ring(MIDDLE, [100.0, 50.0], 0.0);
        let inside = Clip::new(&ring, [200.0, 300.0], Keep::Inside).expect("a box");
        let outside = Clip::new(&ring, [200.0, 300.0], Keep::Outside).expect("a box");
        for (place, is_inside) in [
            (at([0.0, 0.0], 250.0), true),
            (at([95.0, -45.0], 201.0), true),
            (at([105.0, 0.0], 250.0), false),
            (at([0.0, 55.0], 250.0), false),
            (at([0.0, 0.0], 301.0), false),
            (at([0.0, 0.0], 199.0), false),
        ] {
            assert_eq!((inside.hides(place), outside.hides(place)), (!is_inside, is_inside));
        }
    }

    #[test]
    fn a_box_turned_by_ninety_degrees_lies_across() {
        let ring = Clip::box_ring(MIDDLE, [100.0, 50.0], 90.0);
        let clip = Clip::new(&ring, [0.0, 999.0], Keep::Inside).expect("a box");
        assert!(!clip.hides(at([0.0, 95.0], 10.0)) && clip.hides(at([95.0, 0.0], 10.0)));
    }

    #[test]
    fn heights_are_the_ellipsoid_s_also_far_from_the_middle() {
        let ring = Clip::box_ring(MIDDLE, [5_000.0, 5_000.0], 0.0);
        let clip = Clip::new(&ring, [100.0, 200.0], Keep::Inside).expect("a box");
        let far = at([4_000.0, 0.0], 199.9);
        assert!(!clip.hides(far) && (clip.local(far).z - 199.9).abs() < 0.05, "{}", clip.local(far).z);
    }

    #[test]
    fn what_is_no_polygon_is_refused() {
        assert!(Clip::new(&[MIDDLE; 2], [0.0, 1.0], Keep::Inside).is_none());
        let hourglass = [[109.0, 28.0], [109.1, 28.1], [109.1, 28.0], [109.0, 28.1]];
        assert!(Clip::new(&hourglass, [0.0, 1.0], Keep::Inside).is_none());
        assert!(Clip::new(&Clip::box_ring(MIDDLE, [9.0, 9.0], 0.0), [2.0, 1.0], Keep::Inside).is_none());
    }
}
