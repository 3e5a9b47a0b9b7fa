//! Bounding volumes of tiles in ECEF metres: how far the eye is from one, and whether the view can see it.
//!
//! Two shapes serve everything: an oriented box and a sphere. A 3D Tiles region and a ground tile become a box round
//! sampled points plus the sagitta between the samples, so the box always contains the curved surface.

use glam::DVec3;

use super::place;

/// A volume in ECEF metres that contains everything a tile and its descendants draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Volume {
    /// A box given by its centre and three half axes, which need not be orthogonal.
    Box {
        /// Centre in ECEF metres.
        center: DVec3,
        /// Vectors from the centre to the middle of three faces, in metres.
        half_axes: [DVec3; 3],
    },
    /// A sphere.
    Sphere {
        /// Centre in ECEF metres.
        center: DVec3,
        /// Radius in metres.
        radius_m: f64,
    },
}

impl Volume {
    /// The box round a longitude-latitude rectangle in degrees (`[west, south, east, north]`) between two heights.
    #[must_use]
    pub fn of_region(bounds_lon_lat_deg: [f64; 4], min_height_m: f64, max_height_m: f64) -> Self {
        const STEPS: u32 = 4;
        let [west, south, east, north] = bounds_lon_lat_deg;
        let mid = [f64::midpoint(west, east), f64::midpoint(south, north)];
        let axes = place::ecef_from_enu_rotation(mid[0], mid[1]);
        let origin = place::ecef([mid[0], mid[1], 0.0]);
        let (mut low, mut high) = (DVec3::INFINITY, DVec3::NEG_INFINITY);
        for i in 0..=STEPS {
            for j in 0..=STEPS {
                let lon = west + (east - west) * f64::from(i) / f64::from(STEPS);
                let lat = south + (north - south) * f64::from(j) / f64::from(STEPS);
                for height_m in [min_height_m, max_height_m] {
                    let enu = axes.transpose() * (place::ecef([lon, lat, height_m]) - origin);
                    low = low.min(enu);
                    high = high.max(enu);
                }
            }
        }
        let step_rad = ((east - west).max(north - south) / f64::from(STEPS)).to_radians();
        let sagitta_m = (place::EARTH_RADIUS_M + max_height_m.max(0.0)) * (1.0 - (step_rad / 2.0).cos()) + 0.01;
        low -= DVec3::splat(sagitta_m);
        high += DVec3::splat(sagitta_m);
        let half = (high - low) / 2.0;
        Self::Box {
            center: origin + axes * ((low + high) / 2.0),
            half_axes: [axes.x_axis * half.x, axes.y_axis * half.y, axes.z_axis * half.z],
        }
    }

    /// The centre in ECEF metres.
    #[must_use]
    pub fn center(&self) -> DVec3 {
        match self {
            Self::Box { center, .. } | Self::Sphere { center, .. } => *center,
        }
    }

    /// The radius in metres of the sphere round the centre that contains the volume.
    #[must_use]
    pub fn radius_m(&self) -> f64 {
        match self {
            Self::Box { half_axes, .. } => half_axes.iter().map(|axis| axis.length_squared()).sum::<f64>().sqrt(),
            Self::Sphere { radius_m, .. } => *radius_m,
        }
    }

    /// Ellipsoidal height in metres of the volume's lowest part, about.
    #[must_use]
    pub fn lowest_height_m(&self) -> f64 {
        let up = place::up_at(self.center());
        let [_, _, height_m] = place::lon_lat_height_deg(self.center());
        height_m - self.reach_inside_m(self.center(), up)
    }

    /// Distance in metres from a point to the volume, 0 inside.
    #[must_use]
    pub fn distance_m(&self, point: DVec3) -> f64 {
        match self {
            Self::Box { center, half_axes } => {
                let offset = point - *center;
                let mut outside = 0.0;
                let mut inside_part = DVec3::ZERO;
                for axis in half_axes {
                    let length = axis.length();
                    if length < 1e-9 {
                        continue;
                    }
                    let unit = *axis / length;
                    let along = offset.dot(unit);
                    inside_part += unit * along;
                    outside += (along.abs() - length).max(0.0).powi(2);
                }
                // A flat box has fewer than three axes; what no axis explains is distance too.
                let unexplained = (offset - inside_part).length_squared();
                let flat = half_axes.iter().any(|axis| axis.length() < 1e-9);
                (outside + if flat { unexplained } else { 0.0 }).sqrt()
            }
            Self::Sphere { center, radius_m } => ((point - *center).length() - radius_m).max(0.0),
        }
    }

    /// How far the volume reaches to the inner side of a plane through `origin` with inward unit `normal`;
    /// negative when it lies wholly outside.
    #[must_use]
    pub fn reach_inside_m(&self, origin: DVec3, normal: DVec3) -> f64 {
        let center_m = normal.dot(self.center() - origin);
        match self {
            Self::Box { half_axes, .. } => center_m + half_axes.iter().map(|axis| normal.dot(*axis).abs()).sum::<f64>(),
            Self::Sphere { radius_m, .. } => center_m + radius_m,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_box_contains_every_point_of_the_region() {
        let bounds = [109.0, 28.0, 110.0, 29.0];
        let volume = Volume::of_region(bounds, 100.0, 900.0);
        for i in 0..=20 {
            for j in 0..=20 {
                let lon = 109.0 + f64::from(i) / 20.0;
                let lat = 28.0 + f64::from(j) / 20.0;
                for height_m in [100.0, 500.0, 900.0] {
                    assert!(volume.distance_m(place::ecef([lon, lat, height_m])) <= 0.0);
                }
            }
        }
    }

    #[test]
    fn distance_is_to_the_surface_not_to_the_centre() {
        let volume = Volume::Box { center: DVec3::ZERO, half_axes: [DVec3::X * 2.0, DVec3::Y, DVec3::Z] };
        assert!((volume.distance_m(DVec3::new(5.0, 0.0, 0.0)) - 3.0).abs() < 1e-12);
        assert!(volume.distance_m(DVec3::new(1.0, 0.5, 0.0)) < 1e-12);
        let flat = Volume::Box { center: DVec3::ZERO, half_axes: [DVec3::X, DVec3::Y, DVec3::ZERO] };
        assert!((flat.distance_m(DVec3::new(0.0, 0.0, 4.0)) - 4.0).abs() < 1e-12);
    }
}
