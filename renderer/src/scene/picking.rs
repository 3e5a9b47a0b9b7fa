//! What lies under a pixel: the nearest hit of its ray with everything that is drawn.
//!
//! The rays meet the very triangles and points that are on screen, in f64, so a picked position is on the drawn surface
//! to well below a millimetre.

use glam::{DMat4, DVec2, DVec3};

use super::camera::View;
use super::clip::Clip;
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
    let clip = list.clip.as_deref();
    let mut nearest: Option<(f64, Option<usize>)> = None;
    for (draw, layer) in list.draws.iter().zip(&list.layers) {
        let hit_m = match draw {
            Draw::Ground { .. } => hit_ground(&ray, draw, clip),
            Draw::Mesh { shape, ecef_from_local, opacity, .. } if *opacity > 0.0 => {
                hit_shape(&ray, shape, ecef_from_local, &|distance_m| is_left(clip, &ray, distance_m))
            }
            Draw::Points { points, ecef_from_local, opacity, .. } if *opacity > 0.0 => {
                hit_points(&ray, points, ecef_from_local, reach, clip)
            }
            Draw::Mesh { .. } | Draw::Points { .. } | Draw::Lines { .. } | Draw::Water { .. } => None,
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

/// Whether the cut leaves what is on a ray at a distance.
fn is_left(clip: Option<&Clip>, ray: &Ray, distance_m: f64) -> bool {
    clip.is_none_or(|clip| !clip.hides(ray.at(distance_m)))
}

/// The ground counts only where it is seen.
fn hit_ground(ray: &Ray, draw: &Draw, clip: Option<&Clip>) -> Option<f64> {
    let Draw::Ground { shape, origin, square, open, .. } = draw else { return None };
    let is_seen = |distance_m: f64| {
        is_left(clip, ray, distance_m)
            && open.as_ref().is_none_or(|open| {
                let [lon, lat, _] = place::lon_lat_height_deg(ray.at(distance_m));
                let [x, y] = place::square_from_lon_lat_deg(lon, lat);
                open.is_open([(x - square[0]) / square[2], (y - square[1]) / square[2]])
            })
    };
    hit_shape(ray, shape, &DMat4::from_translation(*origin), &is_seen)
}

fn hit_shape(ray: &Ray, shape: &Shape, ecef_from_local: &DMat4, counts: &dyn Fn(f64) -> bool) -> Option<f64> {
    let local = local_ray(ray, ecef_from_local, shape.sphere(), 0.01)?;
    let corner = |index: u32| DVec3::from_array(shape.vertices()[index as usize].position.map(f64::from));
    let near = shape.blocks().iter().filter(|block| local.passes_box(block.low, block.high));
    let triangles = near.flat_map(|block| shape.indices()[block.indices.clone()].chunks_exact(3));
    triangles
        .filter_map(|triangle| local.triangle([corner(triangle[0]), corner(triangle[1]), corner(triangle[2])]))
        .filter(|distance_m| counts(*distance_m))
        .min_by(f64::total_cmp)
}

/// The nearest surface on a ray: ground or mesh. Points let one look through.
fn nearest_surface_m(list: &DrawList, ray: &Ray) -> Option<f64> {
    let ground = list.draws.iter().filter_map(|draw| hit_ground(ray, draw, list.clip.as_deref()));
    ground.chain(nearest_object_m(list, ray)).min_by(f64::total_cmp)
}

/// The nearest mesh on a ray.
fn nearest_object_m(list: &DrawList, ray: &Ray) -> Option<f64> {
    let clip = list.clip.as_deref();
    let hits = list.draws.iter().filter_map(|draw| match draw {
        // What one sees through hides nothing.
        Draw::Mesh { shape, ecef_from_local, opacity, base_color, .. } if *opacity * base_color[3] > 0.5 => {
            hit_shape(ray, shape, ecef_from_local, &|distance_m| is_left(clip, ray, distance_m))
        }
        Draw::Ground { .. } | Draw::Mesh { .. } | Draw::Points { .. } | Draw::Lines { .. } | Draw::Water { .. } => None,
    });
    hits.min_by(f64::total_cmp)
}

/// The top of what is drawn above or below a place (ECEF): a roof, a bridge, the ground as fine as it is on screen.
#[must_use]
pub fn top_of_surface(list: &DrawList, ecef: DVec3) -> Option<DVec3> {
    top(list, ecef, nearest_surface_m)
}

/// The top of what is drawn over the ground above or below a place (ECEF).
#[must_use]
pub fn top_of_objects(list: &DrawList, ecef: DVec3) -> Option<DVec3> {
    top(list, ecef, nearest_object_m)
}

fn top(list: &DrawList, ecef: DVec3, nearest_m: fn(&DrawList, &Ray) -> Option<f64>) -> Option<DVec3> {
    const REACH_M: f64 = 1_000.0;
    let up = place::up_at(ecef);
    let ray = Ray { origin: ecef + up * REACH_M, direction: -up };
    nearest_m(list, &ray).filter(|distance_m| *distance_m < 2.0 * REACH_M).map(|distance_m| ray.at(distance_m))
}

/// Whether something drawn stands between the eye and a sign of `sign_px` pixels set up at a place (ECEF).
#[must_use]
pub fn is_hidden(list: &DrawList, view: &View, ecef: DVec3, sign_px: f64) -> bool {
    // The ground is drawn with triangles of several pixels: what is nearer than this to the sign is its own ground.
    const OWN_GROUND: f64 = 0.99;
    let height_m = sign_px / view.pixels_per_metre((ecef - view.eye).length());
    let offset = ecef + place::up_at(ecef) * height_m - view.eye;
    let distance_m = offset.length();
    let ray = Ray { origin: view.eye, direction: offset / distance_m.max(1e-9) };
    nearest_surface_m(list, &ray).is_some_and(|hit_m| hit_m < distance_m * OWN_GROUND)
}

fn hit_points(
    ray: &Ray,
    points: &PointSet,
    ecef_from_local: &DMat4,
    reach_per_metre: f64,
    clip: Option<&Clip>,
) -> Option<f64> {
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
    let along = within.map(|(along, _)| along);
    along.filter(|distance_m| is_left(clip, ray, *distance_m)).min_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::scene::camera::Camera;
    use crate::scene::draw::Vertex;

    /// A hill: a wall 400 m wide whose foot stands on the ellipsoid at `north_m` of the middle, across the view north.
    fn hill(height_m: f64, north_m: f64) -> DrawList {
        let origin = place::ecef([109.74, 28.31, 0.0]);
        let axes = place::ecef_from_enu_rotation(109.74, 28.31);
        let corner = |east_m: f64, up_m: f64| Vertex {
            position: (axes * DVec3::new(east_m, north_m, up_m)).as_vec3().to_array(),
            ..Vertex::default()
        };
        let corners = vec![corner(-200.0, 0.0), corner(200.0, 0.0), corner(200.0, height_m), corner(-200.0, height_m)];
        let shape = Arc::new(Shape::new(corners, vec![0, 1, 2, 0, 2, 3]));
        let mut list = DrawList::default();
        list.push(None, Draw::Ground { shape, origin, overlays: Vec::new(), square: [0.0, 0.0, 1.0], open: None });
        list
    }

    #[test]
    fn a_place_behind_a_hill_is_hidden_and_one_before_it_is_not() {
        let camera = Camera::new([109.74, 28.30, 60.0], 0.0, 0.0);
        let view = camera.view([800, 600]);
        let at = |north_m: f64| {
            let axes = place::ecef_from_enu_rotation(109.74, 28.31);
            place::ecef([109.74, 28.31, 0.0]) + axes * DVec3::new(0.0, north_m, 0.0)
        };
        let list = hill(200.0, 0.0);
        assert!(is_hidden(&list, &view, at(300.0), 6.0));
        assert!(!is_hidden(&list, &view, at(-300.0), 6.0));
        assert!(!is_hidden(&hill(20.0, 0.0), &view, at(300.0), 6.0), "one looks over a low one");
        assert!(!is_hidden(&list, &view, at(0.0), 6.0), "a hill does not hide what stands on it");
    }

    #[test]
    fn the_top_is_found_from_above_and_from_below() {
        let roof = place::ecef([109.74, 28.31, 0.0]);
        let axes = place::ecef_from_enu_rotation(109.74, 28.31);
        let corner = |east_m: f64, north_m: f64| Vertex {
            position: (axes * DVec3::new(east_m, north_m, 12.0)).as_vec3().to_array(),
            ..Vertex::default()
        };
        let corners = vec![corner(-9.0, -9.0), corner(9.0, -9.0), corner(0.0, 9.0)];
        let mut list = DrawList::default();
        let shape = Arc::new(Shape::new(corners, vec![0, 1, 2]));
        list.push(
            None,
            Draw::Ground { shape, origin: roof, overlays: Vec::new(), square: [0.0, 0.0, 1.0], open: None },
        );
        for height_m in [-20.0, 0.0, 40.0] {
            let top = top_of_surface(&list, place::ecef([109.74, 28.31, height_m])).expect("under the sky");
            assert!((place::lon_lat_height_deg(top)[2] - 12.0).abs() < 1e-4);
        }
    }
}
