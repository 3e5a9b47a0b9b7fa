//! Rays in ECEF f64 and what they hit: triangles, points near the ray, the ellipsoid at a height.
//!
//! Picking intersects the geometry the tiles keep on the CPU instead of reading back pixels, so a picked position is
//! as exact as the data and needs no graphics card.

use glam::DVec3;

use super::place;

/// A half line in ECEF metres.
#[derive(Clone, Copy, Debug)]
pub struct Ray {
    /// Start in ECEF metres.
    pub origin: DVec3,
    /// Unit direction.
    pub direction: DVec3,
}

impl Ray {
    /// The position so many metres along the ray.
    #[must_use]
    pub fn at(&self, distance_m: f64) -> DVec3 {
        self.origin + self.direction * distance_m
    }

    /// Distance in metres to a triangle seen from either side, or `None` when it is missed (Möller and Trumbore, 1997).
    #[must_use]
    pub fn triangle(&self, corners: [DVec3; 3]) -> Option<f64> {
        let edge_1 = corners[1] - corners[0];
        let edge_2 = corners[2] - corners[0];
        let p = self.direction.cross(edge_2);
        let determinant = edge_1.dot(p);
        if determinant.abs() < 1e-14 {
            return None;
        }
        let t = self.origin - corners[0];
        let u = t.dot(p) / determinant;
        if !(0.0..=1.0).contains(&u) {
            return None;
        }
        let q = t.cross(edge_1);
        let v = self.direction.dot(q) / determinant;
        if v < 0.0 || u + v > 1.0 {
            return None;
        }
        let distance_m = edge_2.dot(q) / determinant;
        (distance_m > 0.0).then_some(distance_m)
    }

    /// Whether the ray passes a box given by its least and greatest corner.
    #[must_use]
    pub fn passes_box(&self, low: DVec3, high: DVec3) -> bool {
        // A direction of zero gives infinities, which compare as they should.
        let (a, b) = ((low - self.origin) / self.direction, (high - self.origin) / self.direction);
        let (near, far) = (a.min(b).max_element(), a.max(b).min_element());
        far >= near.max(0.0)
    }

    /// Whether the ray passes a sphere (ECEF centre, radius in metres).
    #[must_use]
    pub fn passes_sphere(&self, center: DVec3, radius_m: f64) -> bool {
        let to_center = center - self.origin;
        let along_m = to_center.dot(self.direction).max(0.0);
        (to_center - self.direction * along_m).length_squared() <= radius_m * radius_m
    }

    /// Distance in metres to the ellipsoid raised by `height_m`, or `None` when the ray passes it by.
    #[must_use]
    pub fn ellipsoid(&self, height_m: f64) -> Option<f64> {
        const POLAR_RADIUS_M: f64 = 6_356_752.314_245;
        let scale = DVec3::new(
            1.0 / (place::EARTH_RADIUS_M + height_m),
            1.0 / (place::EARTH_RADIUS_M + height_m),
            1.0 / (POLAR_RADIUS_M + height_m),
        );
        let (o, d) = (self.origin * scale, self.direction * scale);
        let (a, b, c) = (d.length_squared(), o.dot(d), o.length_squared() - 1.0);
        let discriminant = b * b - a * c;
        if discriminant < 0.0 {
            return None;
        }
        let root = discriminant.sqrt();
        [(-b - root) / a, (-b + root) / a].into_iter().find(|distance_m| *distance_m > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ray_meets_a_triangle_where_it_should_and_misses_beside_it() {
        let ray = Ray { origin: DVec3::new(0.2, 0.2, 5.0), direction: -DVec3::Z };
        let hit = ray.triangle([DVec3::ZERO, DVec3::X, DVec3::Y]).expect("hits");
        assert!((hit - 5.0).abs() < 1e-12);
        let beside = Ray { origin: DVec3::new(0.8, 0.8, 5.0), direction: -DVec3::Z };
        assert!(beside.triangle([DVec3::ZERO, DVec3::X, DVec3::Y]).is_none());
    }

    #[test]
    fn a_ray_straight_down_meets_the_raised_ellipsoid_at_its_height() {
        let origin = place::ecef([109.74, 28.31, 1_000.0]);
        let ray = Ray { origin, direction: -place::up_at(origin) };
        let hit = ray.at(ray.ellipsoid(200.0).expect("hits"));
        assert!((place::lon_lat_height_deg(hit)[2] - 200.0).abs() < 0.01);
    }
}
