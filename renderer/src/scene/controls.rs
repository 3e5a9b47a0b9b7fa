//! Moving the camera: pan by the grabbed ground, orbit round a place, zoom towards a place, fly somewhere.
//!
//! All of it is geometry on a `Camera`; mouse buttons and time belong to the caller.

use glam::{DQuat, DVec2, DVec3};

use super::camera::{Camera, View};
use super::place;
use super::ray::Ray;

/// The eye never gets nearer than this to what it moves towards, in metres.
const NEAREST_M: f64 = 3.0;
/// The eye never gets higher than this, in metres.
const HIGHEST_M: f64 = 30_000_000.0;

impl Camera {
    /// Moves so that the ground position `grabbed` (ECEF) comes under `to_px`. Nothing happens when the pointer is above the horizon.
    pub fn pan(&mut self, view: &View, grabbed: DVec3, to_px: DVec2) {
        let Some(under_pointer) = on_sphere(&view.ray(to_px), grabbed.length()) else { return };
        let turn = DQuat::from_rotation_arc(under_pointer.normalize(), grabbed.normalize());
        let height_m = self.lon_lat_height_deg[2];
        let (heading_deg, pitch_deg) = (self.heading_deg, self.pitch_deg);
        self.set_pose(turn * view.eye, turn * view.forward);
        // The earth is not a sphere: dragging must neither climb nor tilt.
        self.lon_lat_height_deg[2] = height_m;
        (self.heading_deg, self.pitch_deg) = (heading_deg, pitch_deg);
    }

    /// Turns round `pivot` (ECEF): by `turn_deg` round its vertical and by `tilt_deg` over the horizontal axis of the picture.
    pub fn orbit(&mut self, pivot: DVec3, turn_deg: f64, tilt_deg: f64) {
        let view = self.view([1, 1]);
        let up = place::up_at(pivot);
        let tilted_pitch_deg = (self.pitch_deg + tilt_deg).clamp(-89.9, -2.0);
        let tilt_deg = if (-89.9..=-2.0).contains(&self.pitch_deg) {
            tilted_pitch_deg - self.pitch_deg
        } else {
            tilt_deg.clamp(-5.0, 5.0)
        };
        let heading_deg = self.heading_deg;
        let turn = DQuat::from_axis_angle(up, -turn_deg.to_radians())
            * DQuat::from_axis_angle(view.right, tilt_deg.to_radians());
        let eye = pivot + turn * (view.eye - pivot);
        // Do not dive below what one turns round.
        if (eye - pivot).dot(up) < 1.0 && (view.eye - pivot).dot(up) >= 1.0 {
            return;
        }
        self.set_pose(eye, turn * view.forward);
        if self.pitch_deg < -89.5 {
            self.heading_deg = (heading_deg + turn_deg).rem_euclid(360.0);
        }
    }

    /// Moves towards `target` (ECEF) until its distance is `factor` times what it was.
    pub fn zoom(&mut self, target: DVec3, factor: f64) {
        let view = self.view([1, 1]);
        let offset = view.eye - target;
        let distance_m = offset.length();
        let wanted_m = (distance_m * factor).max(NEAREST_M.min(distance_m));
        let (heading_deg, pitch_deg) = (self.heading_deg, self.pitch_deg);
        let eye = target + offset * (wanted_m / distance_m.max(1e-6));
        if place::lon_lat_height_deg(eye)[2] > HIGHEST_M {
            return;
        }
        self.set_pose(eye, view.forward);
        (self.heading_deg, self.pitch_deg) = (heading_deg, pitch_deg);
    }
}

fn on_sphere(ray: &Ray, radius_m: f64) -> Option<DVec3> {
    let along = ray.origin.dot(ray.direction);
    let discriminant = along * along - ray.origin.length_squared() + radius_m * radius_m;
    let distance_m = -along - discriminant.max(0.0).sqrt();
    (discriminant >= 0.0 && distance_m > 0.0).then(|| ray.at(distance_m))
}

/// A flight from one camera to another.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    from: Camera,
    to: Camera,
}

impl Flight {
    /// How long a flight takes, in seconds.
    pub const SECONDS: f64 = 1.2;

    /// A flight.
    #[must_use]
    pub fn new(from: Camera, to: Camera) -> Self {
        Self { from, to }
    }

    /// The camera so many seconds after the start, and whether the flight is over.
    #[must_use]
    pub fn at(&self, seconds: f64) -> (Camera, bool) {
        let part = (seconds / Self::SECONDS).clamp(0.0, 1.0);
        let eased = part * part * (3.0 - 2.0 * part);
        let mix = |a: f64, b: f64| a + (b - a) * eased;
        let shorter = |a: f64, b: f64| (b - a + 180.0).rem_euclid(360.0) - 180.0;
        let [from, to] = [self.from.lon_lat_height_deg, self.to.lon_lat_height_deg];
        let climb = |height_m: f64| height_m.max(1.0).ln();
        let camera = Camera {
            lon_lat_height_deg: [
                from[0] + shorter(from[0], to[0]) * eased,
                mix(from[1], to[1]),
                mix(climb(from[2]), climb(to[2])).exp(),
            ],
            heading_deg: (self.from.heading_deg + shorter(self.from.heading_deg, self.to.heading_deg) * eased)
                .rem_euclid(360.0),
            pitch_deg: mix(self.from.pitch_deg, self.to.pitch_deg),
            fov_y_deg: self.to.fov_y_deg,
        };
        if part >= 1.0 { (self.to, true) } else { (camera, false) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn camera() -> Camera {
        Camera::new([109.74, 28.31, 1_500.0], 40.0, -50.0)
    }

    #[test]
    fn panning_brings_the_grabbed_ground_under_the_pointer() {
        let mut camera = camera();
        let view = camera.view([1280, 720]);
        let grabbed_ray = view.ray(DVec2::new(640.0, 400.0));
        let grabbed = grabbed_ray.at(grabbed_ray.ellipsoid(300.0).expect("ground ahead"));
        let to_px = DVec2::new(800.0, 300.0);
        camera.pan(&view, grabbed, to_px);
        let now = camera.view([1280, 720]).pixel_of(grabbed).expect("in front");
        assert!((now - to_px).length() < 2.0, "{now}");
    }

    #[test]
    fn orbiting_keeps_the_distance_and_the_pivot_s_pixel_when_it_is_in_the_middle() {
        let mut camera = camera();
        let pivot = {
            let view = camera.view([800, 600]);
            view.eye + view.forward * 900.0
        };
        camera.orbit(pivot, 35.0, 10.0);
        let view = camera.view([800, 600]);
        assert!(((view.eye - pivot).length() - 900.0).abs() < 1e-6);
        let pixel = view.pixel_of(pivot).expect("in front");
        assert!((pixel - DVec2::new(400.0, 300.0)).length() < 0.5, "{pixel}");
        assert!((camera.heading_deg - 75.0).abs() < 0.1 && (camera.pitch_deg + 40.0).abs() < 0.1);
    }

    #[test]
    fn a_flight_ends_exactly_where_it_was_to_go_and_turns_the_short_way() {
        let to = Camera::new([110.0, 28.0, 300.0], 350.0, -20.0);
        let flight = Flight::new(Camera { heading_deg: 10.0, ..camera() }, to);
        assert_eq!(flight.at(Flight::SECONDS), (to, true));
        let (halfway, over) = flight.at(Flight::SECONDS / 2.0);
        assert!(!over && (halfway.heading_deg < 1.0 || halfway.heading_deg > 359.0));
    }

    proptest! {
        #[test]
        fn zooming_never_passes_the_target(factor in 0.01_f64..1.0, distance_m in 5.0_f64..50_000.0) {
            let mut camera = camera();
            let view = camera.view([800, 600]);
            let target = view.eye + view.forward * distance_m;
            camera.zoom(target, factor);
            let left_m = (target - camera.eye()).dot(view.forward);
            prop_assert!(left_m >= NEAREST_M.min(distance_m) - 1e-6);
        }
    }
}
