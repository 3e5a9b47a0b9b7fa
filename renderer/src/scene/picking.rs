//! What lies under a pixel: the nearest hit of its ray with everything that is drawn.
//!
//! The rays meet the very triangles and points that are on screen, in f64, so a picked position is on the drawn surface
//! to well below a millimetre.

use glam::{DMat4, DVec2, DVec3};

use super::camera::View;
use super::draw::{Draw, DrawList, PointSet, Shape};
use super::place;
use super::ray::Ray;

/// A place found under a pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick {
    /// ECEF metres.
    pub ecef: DVec3,
    /// Longitude and latitude in degrees, height in metres as drawn.
    pub lon_lat_height_deg: [f64; 3],
    /// Metres from the eye.
    pub distance_m: f64,
    /// The layer hit, by its place in the viewer's list; `None` for the ground.
    pub layer: Option<usize>,
}

/// A point counts as hit within this many pixels.
const POINT_REACH_PX: f64 = 4.0;

/// The nearest thing under a pixel position (x right, y down), or `None` for the sky.
#[must_use]
pub fn pick(list: &DrawList, view: &View, pixel: DVec2) -> Option<Pick> {
    let ray = view.ray(pixel);
    let reach = POINT_REACH_PX / view.pixels_per_metre(1.0);
    let mut nearest: Option<(f64, Option<usize>)> = None;
    for (draw, layer) in list.draws.iter().zip(&list.layers) {
        let hit_m = match draw {
            Draw::Ground { shape, origin, .. } => hit_shape(&ray, shape, &DMat4::from_translation(*origin)),
            Draw::Mesh { shape, ecef_from_local, opacity, .. } if *opacity > 0.0 => {
                hit_shape(&ray, shape, ecef_from_local)
            }
            Draw::Points { points, ecef_from_local, opacity, .. } if *opacity > 0.0 => {
                hit_points(&ray, points, ecef_from_local, reach)
            }
            Draw::Mesh { .. } | Draw::Points { .. } => None,
        };
        if let Some(distance_m) = hit_m
            && nearest.is_none_or(|(best_m, _)| distance_m < best_m)
        {
            nearest = Some((distance_m, *layer));
        }
    }
    nearest.map(|(distance_m, layer)| {
        let ecef = ray.at(distance_m);
        Pick { ecef, lon_lat_height_deg: place::lon_lat_height_deg(ecef), distance_m, layer }
    })
}

/// The ray in a local space; the direction keeps its length there, so distances along it stay those in ECEF.
fn local_ray(ray: &Ray, ecef_from_local: &DMat4, (center, radius_m): (DVec3, f64), margin_m: f64) -> Option<Ray> {
    let scale = ecef_from_local
        .x_axis
        .truncate()
        .length()
        .max(ecef_from_local.y_axis.truncate().length())
        .max(ecef_from_local.z_axis.truncate().length());
    if !ray.passes_sphere(ecef_from_local.transform_point3(center), radius_m * scale + margin_m) {
        return None;
    }
    let local_from_ecef = ecef_from_local.inverse();
    Some(Ray {
        origin: local_from_ecef.transform_point3(ray.origin),
        direction: local_from_ecef.transform_vector3(ray.direction),
    })
}

fn hit_shape(ray: &Ray, shape: &Shape, ecef_from_local: &DMat4) -> Option<f64> {
    let local = local_ray(ray, ecef_from_local, shape.sphere(), 0.01)?;
    let corner = |index: u32| DVec3::from_array(shape.vertices()[index as usize].position.map(f64::from));
    let triangles =
        shape.indices().chunks_exact(3).map(|triangle| [corner(triangle[0]), corner(triangle[1]), corner(triangle[2])]);
    triangles.filter_map(|triangle| local.triangle(triangle)).min_by(f64::total_cmp)
}

fn hit_points(ray: &Ray, points: &PointSet, ecef_from_local: &DMat4, reach_per_metre: f64) -> Option<f64> {
    let center = ecef_from_local.transform_point3(points.sphere().0);
    let margin_m = (center - ray.origin).length() * reach_per_metre;
    let local = local_ray(ray, ecef_from_local, points.sphere(), margin_m)?;
    let length_squared = local.direction.length_squared();
    let along_and_aside = points.points().iter().map(|point| {
        let offset = DVec3::from_array(point.position.map(f64::from)) - local.origin;
        let along = offset.dot(local.direction) / length_squared;
        (along, (offset - local.direction * along).length_squared() / length_squared)
    });
    let within = along_and_aside
        .filter(|(along, aside_squared)| *along > 0.0 && *aside_squared < (along * reach_per_metre).powi(2));
    within.map(|(along, _)| along).min_by(f64::total_cmp)
}
