//! A building's body from its footprint: walls, roof, plinth and floor lines on uneven ground.
//!
//! The body rises from the stated ground (highest, lowest or mean under the footprint); where the ground lies lower a grey
//! plinth reaches down to it, so that no building hangs in the air. Corners are exact ECEF positions taken into the axes of
//! the building's own place, so that size and curvature of the earth are right at any scale.

use std::sync::Arc;

use geo::TriangulateEarcut as _;
use geodesy::EnuFrame;
use glam::{DMat4, DVec3};

use super::draw::{LineSet, LineVertex, Shape, Vertex, packed_normal};
use super::place;
use crate::meeting::polygons;
use crate::meeting::scheme::{Building, Ground};

/// The plinth reaches this far below the lowest ground found, in metres.
const ROOTED_M: f64 = 1.0;
/// A corner that turns by less than this is part of a curve and gets no upright line, in degrees.
const CURVE_DEG: f64 = 20.0;

const WALL: [u8; 4] = [236, 240, 244, 255];
const ROOF: [u8; 4] = [250, 250, 252, 255];
const PLINTH: [u8; 4] = [150, 146, 140, 255];
const OUTLINE: [u8; 4] = [38, 52, 66, 255];
const FLOOR: [u8; 4] = [74, 96, 118, 190];

/// The ground under a footprint, metres as drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroundUnder {
    /// Lowest sample.
    pub lowest_m: f64,
    /// Highest sample.
    pub highest_m: f64,
    /// Mean of the samples.
    pub mean_m: f64,
    /// Whether terrain was found; otherwise the ground is where it is drawn without any.
    pub is_terrain: bool,
}

impl GroundUnder {
    /// The height a building of that ground stands at.
    #[must_use]
    pub fn at(&self, ground: Ground) -> f64 {
        match ground {
            Ground::Highest => self.highest_m,
            Ground::Lowest => self.lowest_m,
            Ground::Mean => self.mean_m,
        }
    }
}

/// A building ready to be drawn.
#[derive(Clone, Debug)]
pub struct Massing {
    /// Its body.
    pub shape: Arc<Shape>,
    /// Its edges and floors.
    pub lines: Arc<LineSet>,
    /// From the body's axes to ECEF.
    pub ecef_from_local: DMat4,
    /// Longitude and latitude (degrees) and height (m) of the middle of the roof.
    pub top: [f64; 3],
    /// What it is called.
    pub name: String,
    /// Height of the foot, metres as drawn.
    pub foot_m: f64,
    /// From foot to roof, metres.
    pub height_m: f64,
    /// Floors, where the building has any.
    pub floors: Option<usize>,
    /// The ground it stands on.
    pub under: GroundUnder,
    /// Which of it the height counts from.
    pub ground: Ground,
}

/// Builds one polygon (rings of longitude and latitude in degrees, outer first) of a building. `None` without an area.
#[must_use]
pub fn build(building: &Building, rings: &[Vec<[f64; 2]>], under: GroundUnder) -> Option<Massing> {
    let bounds = polygons::bounds(std::iter::once(&rings.to_vec()))?;
    let middle = [f64::midpoint(bounds[0], bounds[2]), f64::midpoint(bounds[1], bounds[3])];
    let foot_m = under.at(building.ground);
    let (height_m, levels_m) = building.levels_m();
    let root_m = under.lowest_m.min(foot_m) - ROOTED_M;
    let frame = EnuFrame::new([middle[0], middle[1], foot_m]);
    let local = |[lon, lat]: [f64; 2], up_m: f64| {
        let ecef = place::ecef([lon, lat, foot_m + up_m]);
        DVec3::from_array(frame.enu_from_ecef_point(ecef.to_array()))
    };
    let rings = oriented(rings, &|corner| local(corner, 0.0));
    let mut body = Body::default();
    for ring in &rings {
        for (index, from) in ring.iter().enumerate() {
            let to = ring[(index + 1) % ring.len()];
            for (low_m, high_m, color) in [(root_m - foot_m, 0.0, PLINTH), (0.0, height_m, WALL)] {
                body.wall([local(*from, low_m), local(to, low_m), local(to, high_m), local(*from, high_m)], color);
            }
        }
    }
    body.roof(&rings, &|corner| local(corner, height_m))?;
    let mut lines = Vec::new();
    for ring in &rings {
        for (index, from) in ring.iter().enumerate() {
            let to = ring[(index + 1) % ring.len()];
            let mut level = |up_m: f64, color: [u8; 4]| {
                let [a, b] = [local(*from, up_m), local(to, up_m)].map(|end| end.as_vec3().to_array());
                lines.push(LineVertex { a, b, color });
            };
            level(height_m, OUTLINE);
            level(0.0, OUTLINE);
            for up_m in &levels_m {
                level(*up_m, FLOOR);
            }
            let before = ring[(index + ring.len() - 1) % ring.len()];
            let turn = (local(*from, 0.0) - local(before, 0.0)).angle_between(local(to, 0.0) - local(*from, 0.0));
            if turn.to_degrees() > CURVE_DEG {
                let [a, b] =
                    [local(*from, root_m - foot_m), local(*from, height_m)].map(|end| end.as_vec3().to_array());
                lines.push(LineVertex { a, b, color: OUTLINE });
            }
        }
    }
    let has_floors = building.floors.is_some() || building.floor_height_m.is_some();
    Some(Massing {
        shape: Arc::new(Shape::new(body.vertices, body.indices)),
        lines: Arc::new(LineSet::new(lines)),
        ecef_from_local: DMat4::from_cols_array(&frame.ecef_from_enu()),
        top: [middle[0], middle[1], foot_m + height_m],
        name: building.name.clone(),
        foot_m,
        height_m,
        floors: has_floors.then_some(levels_m.len() + 1),
        under,
        ground: building.ground,
    })
}

/// The outer ring anticlockwise seen from above, holes clockwise: walls then face outwards.
fn oriented(rings: &[Vec<[f64; 2]>], local: &dyn Fn([f64; 2]) -> DVec3) -> Vec<Vec<[f64; 2]>> {
    let turned = |(place, ring): (usize, &Vec<[f64; 2]>)| {
        let plane: Vec<[f64; 2]> = ring.iter().map(|corner| local(*corner).truncate().to_array()).collect();
        let is_anticlockwise = geodesy::area::signed_plane_area(&plane) > 0.0;
        let mut ring = ring.clone();
        if is_anticlockwise != (place == 0) {
            ring.reverse();
        }
        ring
    };
    rings.iter().enumerate().map(turned).collect()
}

#[derive(Default)]
struct Body {
    vertices: Vec<Vertex>,
    indices: Vec<u32>,
}

impl Body {
    /// Four corners, anticlockwise seen from outside.
    fn wall(&mut self, corners: [DVec3; 4], color: [u8; 4]) {
        let normal = packed_normal((corners[1] - corners[0]).cross(corners[3] - corners[0]));
        let first = self.vertices.len() as u32;
        let vertex =
            |corner: DVec3| Vertex { position: corner.as_vec3().to_array(), normal, color, ..Vertex::default() };
        self.vertices.extend(corners.map(vertex));
        self.indices.extend([0, 1, 2, 0, 2, 3].map(|corner| first + corner));
    }

    fn roof(&mut self, rings: &[Vec<[f64; 2]>], local: &dyn Fn([f64; 2]) -> DVec3) -> Option<()> {
        let ring = |ring: &Vec<[f64; 2]>| -> geo::LineString {
            ring.iter().map(|corner| local(*corner).truncate().to_array()).map(|[x, y]| (x, y)).collect()
        };
        let (outer, holes) = rings.split_first()?;
        let polygon = geo::Polygon::new(ring(outer), holes.iter().map(ring).collect());
        let up_m = local(*outer.first()?).z;
        let normal = packed_normal(DVec3::Z);
        let triangles = polygon.earcut_triangles();
        for triangle in &triangles {
            let first = self.vertices.len() as u32;
            let mut corners = triangle.to_array().map(|corner| [corner.x, corner.y]);
            if geodesy::area::signed_plane_area(&corners) < 0.0 {
                corners.reverse();
            }
            self.vertices.extend(corners.map(|[x, y]| Vertex {
                position: DVec3::new(x, y, up_m).as_vec3().to_array(),
                normal,
                color: ROOF,
                ..Vertex::default()
            }));
            self.indices.extend([first, first + 1, first + 2]);
        }
        (!triangles.is_empty()).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rectangle of so many metres with a square hole, near 109.74 E 28.31 N.
    fn footprint(width_m: f64, depth_m: f64, hole_m: f64) -> Vec<Vec<[f64; 2]>> {
        let frame = EnuFrame::new([109.74, 28.31, 300.0]);
        let corner = |east_m: f64, north_m: f64| {
            let [lon, lat, _] =
                place::lon_lat_height_deg(DVec3::from_array(frame.ecef_from_enu_point([east_m, north_m, 0.0])));
            [lon, lat]
        };
        let ring = |w: f64, d: f64| vec![corner(-w, -d), corner(-w, d), corner(w, d), corner(w, -d)];
        let mut rings = vec![ring(width_m / 2.0, depth_m / 2.0)];
        if hole_m > 0.0 {
            rings.push(ring(hole_m / 2.0, hole_m / 2.0));
        }
        rings
    }

    const SLOPE: GroundUnder = GroundUnder { lowest_m: 296.0, highest_m: 304.0, mean_m: 300.0, is_terrain: true };

    fn built(ground: Ground, hole_m: f64) -> Massing {
        let building = Building { floors: Some(6), floor_height_m: Some(3.0), ground, ..Building::default() };
        build(&building, &footprint(40.0, 20.0, hole_m), SLOPE).expect("has an area")
    }

    /// Six times the signed volume of a closed body is the sum of its triangles' triple products.
    fn volume_m3(massing: &Massing) -> f64 {
        let corner = |index: u32| DVec3::from_array(massing.shape.vertices()[index as usize].position.map(f64::from));
        let triangles = massing.shape.indices().chunks_exact(3);
        triangles.map(|t| corner(t[0]).dot(corner(t[1]).cross(corner(t[2])))).sum::<f64>() / 6.0
    }

    #[test]
    fn walls_and_roof_face_outwards_and_enclose_footprint_times_height() {
        for hole_m in [0.0, 8.0] {
            let massing = built(Ground::Mean, hole_m);
            // The body is open below: its bottom lies at the root, whose triangles would add the missing part.
            let area_m2 = 40.0 * 20.0 - hole_m * hole_m;
            let root_m = 300.0 - 296.0 + ROOTED_M;
            let bottom = root_m * area_m2 / 3.0;
            let whole = area_m2 * (18.0 + root_m);
            assert!((volume_m3(&massing) + bottom - whole).abs() < whole * 2e-4, "{} {whole}", volume_m3(&massing));
            let frame = massing.ecef_from_local;
            for triangle in massing.shape.indices().chunks_exact(3) {
                let [a, b, c] = [0, 1, 2].map(|at| massing.shape.vertices()[triangle[at] as usize]);
                let [p, q, r] = [a, b, c].map(|vertex| DVec3::from_array(vertex.position.map(f64::from)));
                let turned = (q - p).cross(r - p).normalize();
                let stated =
                    DVec3::new(f64::from(a.normal[0]), f64::from(a.normal[1]), f64::from(a.normal[2])) / 32_767.0;
                assert!(turned.dot(stated) > 0.999);
            }
            assert!((frame.determinant() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn heights_count_from_the_stated_ground_and_nothing_hangs_in_the_air() {
        for (ground, foot_m) in [(Ground::Highest, 304.0), (Ground::Mean, 300.0), (Ground::Lowest, 296.0)] {
            let massing = built(ground, 0.0);
            assert_eq!((massing.foot_m, massing.height_m, massing.floors), (foot_m, 18.0, Some(6)));
            let heights: Vec<f64> = massing
                .shape
                .vertices()
                .iter()
                .map(|vertex| {
                    let local = DVec3::from_array(vertex.position.map(f64::from));
                    place::lon_lat_height_deg(massing.ecef_from_local.transform_point3(local))[2]
                })
                .collect();
            let (low, high) = heights.iter().fold((f64::MAX, f64::MIN), |(low, high), h| (low.min(*h), high.max(*h)));
            assert!((high - (foot_m + 18.0)).abs() < 1e-4, "{high}");
            assert!((low - (296.0 - ROOTED_M)).abs() < 1e-4, "{low}");
        }
    }

    #[test]
    fn there_is_one_line_round_the_building_for_every_floor() {
        let massing = built(Ground::Mean, 0.0);
        // Four edges at foot, five levels and roof, and four upright corners.
        assert_eq!(massing.lines.lines().len(), 4 * 7 + 4);
    }

    #[test]
    fn a_footprint_without_area_makes_nothing() {
        let line = vec![vec![[109.0, 28.0], [109.1, 28.1], [109.2, 28.2]]];
        let building = Building { floors: Some(2), ..Building::default() };
        let made = build(&building, &line, SLOPE);
        assert!(made.is_none_or(|massing| massing.shape.indices().len() < 200));
        assert!(build(&building, &[], SLOPE).is_none());
    }
}
