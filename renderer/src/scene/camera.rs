//! The camera in f64, and the `View` of one frame made from it: rays, projection, culling and screen-space error.
//!
//! A camera is a place (longitude, latitude, ellipsoidal height) and two angles in the local east-north-up frame, so
//! "north is up" needs no bookkeeping anywhere. It knows neither pixels on a GPU nor what there is to load.
//! Depth is infinite reversed-Z: 1 at the near plane, 0 at infinity.

use glam::{DMat3, DMat4, DVec2, DVec3, DVec4};

use super::place;
use super::ray::Ray;
use super::volume::Volume;

/// Distance of the near plane in metres.
pub const NEAR_M: f64 = 0.5;

/// Where the eye is and where it looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Longitude and latitude in degrees, ellipsoidal height in metres.
    pub lon_lat_height_deg: [f64; 3],
    /// Clockwise from north, in degrees.
    pub heading_deg: f64,
    /// Above the horizon, in degrees: -90 looks straight down.
    pub pitch_deg: f64,
    /// Vertical field of view in degrees.
    pub fov_y_deg: f64,
}

impl Camera {
    /// The camera that `lon,lat,height,heading,pitch` of the command line describes.
    #[must_use]
    pub fn new(lon_lat_height_deg: [f64; 3], heading_deg: f64, pitch_deg: f64) -> Self {
        Self { lon_lat_height_deg, heading_deg, pitch_deg: pitch_deg.clamp(-90.0, 90.0), fov_y_deg: 45.0 }
    }

    /// The camera that sees a whole longitude-latitude box (degrees) at a ground height, looking north at `pitch_deg`,
    /// within the part `free_px` (left, top, right, bottom) of a picture of `size_px`.
    #[must_use]
    pub fn framing(
        bounds_lon_lat_deg: [f64; 4],
        ground_height_m: f64,
        pitch_deg: f64,
        size_px: [u32; 2],
        free_px: [f64; 4],
    ) -> Self {
        let [west, south, east, north] = bounds_lon_lat_deg;
        let corners = [[west, south], [east, south], [west, north], [east, north]]
            .map(|[lon, lat]| place::ecef([lon, lat, ground_height_m]));
        let middle = place::ecef([f64::midpoint(west, east), f64::midpoint(south, north), ground_height_m]);
        let [left, top, right, bottom] = free_px;
        let inset = 0.04 * (right - left).min(bottom - top);
        let inside = |pixel: DVec2| {
            (left + inset..right - inset).contains(&pixel.x) && (top + inset..bottom - inset).contains(&pixel.y)
        };
        let mut camera = Self::new([0.0, 0.0, 0.0], 0.0, pitch_deg);
        let mut distance_m = ((corners[0] - corners[3]).length() / 2.0).clamp(20.0, 2.0e7);
        // Stepping back ends: a box of any size shrinks to nothing from far enough.
        for _ in 0..80 {
            (camera.heading_deg, camera.pitch_deg) = (0.0, pitch_deg);
            camera.look_from(middle, distance_m);
            let view = camera.view(size_px);
            camera.pan(&view, middle, DVec2::new(f64::midpoint(left, right), f64::midpoint(top, bottom)));
            let view = camera.view(size_px);
            if corners.iter().all(|corner| view.pixel_of(*corner).is_some_and(inside)) {
                break;
            }
            distance_m *= 1.07;
        }
        camera
    }

    /// Moves the eye back along its direction of view until `target` (ECEF) is `distance_m` ahead.
    pub fn look_from(&mut self, target: DVec3, distance_m: f64) {
        // The axes turn with the place, so the angles are taken at the target and converted at the eye.
        let [lon, lat, _] = place::lon_lat_height_deg(target);
        let axes = place::ecef_from_enu_rotation(lon, lat);
        let forward = axes * forward_enu(self.heading_deg, self.pitch_deg);
        self.set_pose(target - forward * distance_m, forward);
    }

    /// Puts the eye at an ECEF position, looking along an ECEF direction; roll stays zero.
    pub fn set_pose(&mut self, eye: DVec3, forward: DVec3) {
        self.lon_lat_height_deg = place::lon_lat_height_deg(eye);
        let [lon, lat, _] = self.lon_lat_height_deg;
        let enu = place::ecef_from_enu_rotation(lon, lat).transpose() * forward.normalize();
        self.pitch_deg = enu.z.clamp(-1.0, 1.0).asin().to_degrees();
        // Straight down has no heading of its own: keep the one there is.
        if enu.x.hypot(enu.y) > 1e-6 {
            self.heading_deg = enu.x.atan2(enu.y).to_degrees().rem_euclid(360.0);
        }
    }

    /// The eye in ECEF metres.
    #[must_use]
    pub fn eye(&self) -> DVec3 {
        place::ecef(self.lon_lat_height_deg)
    }

    /// What this camera sees in a viewport of so many pixels.
    #[must_use]
    pub fn view(&self, viewport_px: [u32; 2]) -> View {
        View::new(self, viewport_px)
    }
}

/// A unit direction in east-north-up for a heading clockwise from north and a pitch above the horizon, in degrees.
#[must_use]
pub fn forward_enu(heading_deg: f64, pitch_deg: f64) -> DVec3 {
    let (sin_heading, cos_heading) = heading_deg.to_radians().sin_cos();
    let (sin_pitch, cos_pitch) = pitch_deg.to_radians().sin_cos();
    DVec3::new(sin_heading * cos_pitch, cos_heading * cos_pitch, sin_pitch)
}

/// One frame's view: everything selection, picking and drawing ask about the camera.
#[derive(Clone, Debug)]
pub struct View {
    /// The eye in ECEF metres.
    pub eye: DVec3,
    /// Ellipsoidal height of the eye in metres.
    pub eye_height_m: f64,
    /// Unit vector to the right of the picture, in ECEF.
    pub right: DVec3,
    /// Unit vector to the top of the picture, in ECEF.
    pub up: DVec3,
    /// Unit vector into the picture, in ECEF.
    pub forward: DVec3,
    /// Unit vector away from the ellipsoid at the eye, in ECEF.
    pub zenith: DVec3,
    /// Width and height in pixels.
    pub viewport_px: [u32; 2],
    tan_half_fov_y: f64,
    side_normals: [DVec3; 5],
}

impl View {
    fn new(camera: &Camera, viewport_px: [u32; 2]) -> Self {
        let [lon, lat, eye_height_m] = camera.lon_lat_height_deg;
        let axes = place::ecef_from_enu_rotation(lon, lat);
        let forward = axes * forward_enu(camera.heading_deg, camera.pitch_deg);
        let (sin_heading, cos_heading) = camera.heading_deg.to_radians().sin_cos();
        let right = axes * DVec3::new(cos_heading, -sin_heading, 0.0);
        let up = right.cross(forward);
        let tan_y = (camera.fov_y_deg / 2.0).to_radians().tan();
        let viewport_px = [viewport_px[0].max(1), viewport_px[1].max(1)];
        let tan_x = tan_y * f64::from(viewport_px[0]) / f64::from(viewport_px[1]);
        Self {
            eye: camera.eye(),
            eye_height_m,
            right,
            up,
            forward,
            zenith: axes.z_axis,
            viewport_px,
            tan_half_fov_y: tan_y,
            side_normals: [
                (forward * tan_x + right).normalize(),
                (forward * tan_x - right).normalize(),
                (forward * tan_y + up).normalize(),
                (forward * tan_y - up).normalize(),
                forward,
            ],
        }
    }

    /// Rotation from ECEF axes to view axes (x right, y up, z towards the viewer).
    #[must_use]
    pub fn view_from_ecef_rotation(&self) -> DMat3 {
        DMat3::from_cols(self.right, self.up, -self.forward).transpose()
    }

    /// Infinite reversed-Z projection from view axes to clip space.
    #[must_use]
    pub fn clip_from_view(&self) -> DMat4 {
        let aspect = f64::from(self.viewport_px[0]) / f64::from(self.viewport_px[1]);
        let scale_y = 1.0 / self.tan_half_fov_y;
        DMat4::from_cols(
            DVec4::new(scale_y / aspect, 0.0, 0.0, 0.0),
            DVec4::new(0.0, scale_y, 0.0, 0.0),
            DVec4::new(0.0, 0.0, 0.0, -1.0),
            DVec4::new(0.0, 0.0, NEAR_M, 0.0),
        )
    }

    /// Clip space from a local space: the whole chain is multiplied in f64 relative to the eye before it becomes f32,
    /// so that a tile near the eye keeps sub-millimetre positions although the earth is large.
    #[must_use]
    pub fn clip_from_local(&self, ecef_from_local: &DMat4) -> glam::Mat4 {
        let mut eye_from_local = *ecef_from_local;
        eye_from_local.w_axis -= self.eye.extend(0.0);
        (self.clip_from_view() * DMat4::from_mat3(self.view_from_ecef_rotation()) * eye_from_local).as_mat4()
    }

    /// The ray through a pixel position (x right, y down, in pixels; a pixel's centre is at .5).
    #[must_use]
    pub fn ray(&self, pixel: DVec2) -> Ray {
        let [width, height] = self.viewport_px.map(f64::from);
        let x = (2.0 * pixel.x / width - 1.0) * self.tan_half_fov_y * width / height;
        let y = (1.0 - 2.0 * pixel.y / height) * self.tan_half_fov_y;
        Ray { origin: self.eye, direction: (self.forward + self.right * x + self.up * y).normalize() }
    }

    /// Where an ECEF position appears, in pixels (x right, y down); `None` behind the near plane.
    #[must_use]
    pub fn pixel_of(&self, ecef: DVec3) -> Option<DVec2> {
        let offset = ecef - self.eye;
        let depth_m = offset.dot(self.forward);
        if depth_m < NEAR_M {
            return None;
        }
        let [width, height] = self.viewport_px.map(f64::from);
        let x = offset.dot(self.right) / (depth_m * self.tan_half_fov_y * width / height);
        let y = offset.dot(self.up) / (depth_m * self.tan_half_fov_y);
        Some(DVec2::new(f64::midpoint(x, 1.0) * width, f64::midpoint(-y, 1.0) * height))
    }

    /// Where a straight line between two ECEF positions appears, in pixels; the part behind the near plane is left off.
    #[must_use]
    pub fn segment_px(&self, from: DVec3, to: DVec3) -> Option<[DVec2; 2]> {
        // A hair before the plane, so that rounding cannot put an end behind it.
        let depth_m = |ecef: DVec3| (ecef - self.eye).dot(self.forward) - NEAR_M * 1.001;
        let (from_m, to_m) = (depth_m(from), depth_m(to));
        let cut = |end: DVec3, end_m: f64, other: DVec3, other_m: f64| {
            if end_m >= 0.0 { end } else { end + (other - end) * (end_m / (end_m - other_m)) }
        };
        if from_m < 0.0 && to_m < 0.0 {
            return None;
        }
        Some([self.pixel_of(cut(from, from_m, to, to_m))?, self.pixel_of(cut(to, to_m, from, from_m))?])
    }

    /// How many pixels one metre covers at a distance in metres.
    #[must_use]
    pub fn pixels_per_metre(&self, distance_m: f64) -> f64 {
        f64::from(self.viewport_px[1]) / (2.0 * self.tan_half_fov_y * distance_m.max(1e-7))
    }

    /// Screen-space error in pixels of a geometric error in metres at a distance in metres.
    #[must_use]
    pub fn screen_space_error_px(&self, geometric_error_m: f64, distance_m: f64) -> f64 {
        geometric_error_m * self.pixels_per_metre(distance_m)
    }

    /// Whether any part of the volume may be seen: inside the frustum and not sunk below the horizon.
    #[must_use]
    pub fn sees(&self, volume: &Volume) -> bool {
        self.side_normals.iter().all(|normal| volume.reach_inside_m(self.eye, *normal) >= 0.0)
            && !self.below_horizon(volume)
    }

    /// True when the earth surely hides the volume: it is farther than the sum of both horizon distances.
    fn below_horizon(&self, volume: &Volume) -> bool {
        // The polar radius under the surface makes both distances too long, so the test can only err towards "seen".
        const INNER_RADIUS_M: f64 = 6_350_000.0;
        let horizon_m = |radius_m: f64| (radius_m.powi(2) - INNER_RADIUS_M.powi(2)).max(0.0).sqrt();
        let top_m = volume.center().length() + volume.radius_m();
        volume.distance_m(self.eye) > horizon_m(self.eye.length()) + horizon_m(top_m)
    }

    /// Priority of a load in its group, small first: near the axis of view and near the eye.
    #[must_use]
    pub fn load_priority(&self, volume: &Volume) -> f64 {
        let to_center = volume.center() - self.eye;
        let along = to_center.normalize_or_zero().dot(self.forward);
        (1.0 - along) * volume.distance_m(self.eye)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera() -> Camera {
        Camera::new([109.74, 28.31, 800.0], 30.0, -35.0)
    }

    #[test]
    fn a_pixel_s_ray_projects_back_to_the_pixel() {
        let view = camera().view([1280, 720]);
        for pixel in [DVec2::new(10.5, 700.5), DVec2::new(640.0, 360.0), DVec2::new(1279.5, 0.5)] {
            let ray = view.ray(pixel);
            let back = view.pixel_of(ray.origin + ray.direction * 5_000.0).expect("in front of the eye");
            assert!((back - pixel).length() < 1e-6);
        }
    }

    #[test]
    fn depth_is_one_at_the_near_plane_and_falls_towards_zero() {
        let view = camera().view([1280, 720]);
        let depth_at = |distance_m: f64| {
            let local = DMat4::from_translation(view.eye + view.forward * distance_m);
            let clip = view.clip_from_local(&local) * glam::Vec4::W;
            clip.z / clip.w
        };
        assert!((depth_at(NEAR_M) - 1.0).abs() < 1e-6);
        assert!(depth_at(10.0) > depth_at(1_000.0) && depth_at(1_000.0) > depth_at(1e7) && depth_at(1e7) > 0.0);
    }

    #[test]
    fn relative_to_centre_keeps_a_hundredth_of_a_pixel_where_plain_f32_would_jump() {
        let view = Camera::new([109.74, 28.31, 260.0], 30.0, -35.0).view([1280, 720]);
        let origin = view.eye + view.forward * 60.0;
        for step in 0..100 {
            let local = DVec3::new(f64::from(step) * 0.1 - 5.0, 3.0 - f64::from(step) * 0.05, 1.0);
            let exact = view.pixel_of(origin + local).expect("in front");
            let clip = view.clip_from_local(&DMat4::from_translation(origin)) * local.as_vec3().extend(1.0);
            let ndc = clip.truncate() / clip.w;
            let drawn = DVec2::new((f64::from(ndc.x) + 1.0) * 640.0, (1.0 - f64::from(ndc.y)) * 360.0);
            assert!((drawn - exact).length() < 0.01, "{drawn} is not {exact}");
        }
    }

    #[test]
    fn looking_down_with_heading_zero_puts_north_at_the_top_and_east_to_the_right() {
        let view = Camera::new([109.74, 28.31, 1_000.0], 0.0, -90.0).view([800, 800]);
        let middle = view.pixel_of(place::ecef([109.74, 28.31, 0.0])).expect("in front");
        let north = view.pixel_of(place::ecef([109.74, 28.311, 0.0])).expect("in front");
        let east = view.pixel_of(place::ecef([109.741, 28.31, 0.0])).expect("in front");
        assert!((middle - DVec2::splat(400.0)).length() < 1e-6);
        assert!(north.y < 399.0 && (north.x - 400.0).abs() < 0.5);
        assert!(east.x > 401.0 && (east.y - 400.0).abs() < 0.5);
    }

    #[test]
    fn the_far_side_of_the_earth_is_below_the_horizon() {
        let view = Camera::new([110.0, 28.0, 2_000.0], 0.0, -90.0).view([800, 600]);
        assert!(view.sees(&Volume::of_region([109.99, 27.99, 110.01, 28.01], 0.0, 100.0)));
        assert!(!view.sees(&Volume::of_region([-70.01, -28.01, -69.99, -27.99], 0.0, 100.0)));
    }

    #[test]
    fn a_line_that_begins_behind_the_eye_is_seen_from_the_near_plane_on() {
        let view = camera().view([800, 600]);
        let ahead = view.eye + view.forward * 100.0 + view.right * 10.0;
        let behind = view.eye - view.forward * 50.0;
        let [a, b] = view.segment_px(behind, ahead).expect("partly in front");
        assert!(a.is_finite() && (b - view.pixel_of(ahead).expect("in front")).length() < 1e-9);
        assert!(view.segment_px(behind, behind + view.right).is_none());
    }

    #[test]
    fn framing_a_box_keeps_its_corners_in_the_picture() {
        for pitch_deg in [-90.0, -60.0, -40.0] {
            let bounds = [109.70, 28.28, 109.78, 28.34];
            let free_px = [270.0, 0.0, 1_280.0, 640.0];
            let view = Camera::framing(bounds, 300.0, pitch_deg, [1_280, 720], free_px).view([1_280, 720]);
            for [lon, lat] in
                [[bounds[0], bounds[1]], [bounds[2], bounds[1]], [bounds[0], bounds[3]], [bounds[2], bounds[3]]]
            {
                let pixel = view.pixel_of(place::ecef([lon, lat, 300.0])).expect("in front");
                assert!(
                    (270.0..=1280.0).contains(&pixel.x) && (0.0..=640.0).contains(&pixel.y),
                    "{pixel} at pitch {pitch_deg}"
                );
            }
        }
    }
}
