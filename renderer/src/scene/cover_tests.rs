//! Tests of the ground giving way: to the mesh's edge and no further, without gaps between pieces, and back again.

use super::*;
use crate::scene::draw::{PointSet, PointVertex, Vertex};

const MIDDLE: [f64; 2] = [109.74, 28.31];

/// From metres east, north and up of the middle to ECEF.
fn ecef_from_enu() -> DMat4 {
    let axes = place::ecef_from_enu_rotation(MIDDLE[0], MIDDLE[1]);
    DMat4::from_translation(place::ecef([MIDDLE[0], MIDDLE[1], 300.0])) * DMat4::from_mat3(axes)
}

/// A level rectangle of small triangles, in metres: west, south, east, north.
fn sheet([west, south, east, north]: [f32; 4]) -> Arc<Shape> {
    const CELLS: u32 = 40;
    let along = |from: f32, to: f32, step: u32| from + (to - from) * step as f32 / CELLS as f32;
    let vertices = (0..=CELLS).flat_map(|row| {
        (0..=CELLS).map(move |column| Vertex {
            position: [along(west, east, column), along(south, north, row), 0.0],
            ..Vertex::default()
        })
    });
    let cells = (0..CELLS).flat_map(|row| (0..CELLS).map(move |column| row * (CELLS + 1) + column));
    let indices = cells.flat_map(|at| [at, at + 1, at + CELLS + 1, at + 1, at + CELLS + 2, at + CELLS + 1]);
    Arc::new(Shape::new(vertices.collect(), indices.collect()))
}

fn mesh(shape: &Arc<Shape>, opacity: f32) -> Draw {
    Draw::Mesh {
        shape: Arc::clone(shape),
        picture: None,
        ecef_from_local: ecef_from_enu(),
        base_color: [1.0; 4],
        lit: false,
        opacity,
        draped: Vec::new(),
        planned: false,
    }
}

/// The ground tile of a zoom in which the middle lies, with one plan and one photograph over it.
fn ground(z: u8) -> (Draw, [f64; 3]) {
    let [x, y] = place::square_from_lon_lat_deg(MIDDLE[0], MIDDLE[1]);
    let side = 0.5_f64.powi(i32::from(z));
    let square = [(x / side).floor() * side, (y / side).floor() * side, side];
    let picture = Arc::new(Picture::new([1, 1], vec![255; 4], false).expect("a pixel"));
    let overlay = |on_models| Overlay {
        picture: Arc::clone(&picture),
        offset: [0.0; 2],
        scale: [1.0; 2],
        opacity: 1.0,
        on_models,
    };
    let shape = Arc::new(Shape::new(Vec::new(), Vec::new()));
    let overlays = vec![overlay(false), overlay(true)];
    (Draw::Ground { shape, origin: DVec3::ZERO, overlays, square, open: None }, square)
}

/// Whether the ground is seen so many metres east and north of the middle.
fn is_seen(list: &DrawList, east_m: f64, north_m: f64) -> bool {
    let Draw::Ground { square, open, .. } = &list.draws[0] else { panic!("the ground comes first") };
    let ecef = ecef_from_enu().transform_point3(DVec3::new(east_m, north_m, 0.0));
    let [lon, lat, _] = place::lon_lat_height_deg(ecef);
    let [x, y] = place::square_from_lon_lat_deg(lon, lat);
    open.as_ref().is_none_or(|open| open.is_open([(x - square[0]) / square[2], (y - square[1]) / square[2]]))
}

fn list(meshes: &[(&Arc<Shape>, f32)], z: u8) -> DrawList {
    let mut list = DrawList::default();
    list.push(None, ground(z).0);
    for (shape, opacity) in meshes {
        list.push(Some(0), mesh(shape, *opacity));
    }
    list
}

#[test]
fn the_ground_gives_way_to_the_mesh_s_edge_and_no_further() {
    // A tile of zoom 16 is about 540 m wide; its cells are 4 m.
    let shape = sheet([-60.0, -60.0, 60.0, 60.0]);
    let mut list = list(&[(&shape, 1.0)], 16);
    Covers::default().apply(&mut list);
    for along_m in [-50.0, -20.0, 0.0, 33.0, 50.0] {
        assert!(!is_seen(&list, along_m, 0.0) && !is_seen(&list, 0.0, along_m), "{along_m} m is under the mesh");
    }
    for (east_m, north_m) in [(60.5, 0.0), (-60.5, 3.0), (0.0, 61.0), (9.0, -61.0), (80.0, 80.0)] {
        assert!(is_seen(&list, east_m, north_m), "{east_m} {north_m} is beside the mesh");
    }
}

#[test]
fn a_small_model_on_a_large_tile_is_given_way_to() {
    // A tile of zoom 13 is 4.3 km wide, as coarse terrain without imagery has them.
    let shape = sheet([-60.0, -60.0, 60.0, 60.0]);
    let mut list = list(&[(&shape, 1.0)], 13);
    Covers::default().apply(&mut list);
    assert!(!is_seen(&list, 0.0, 0.0) && !is_seen(&list, 25.0, -25.0) && is_seen(&list, 75.0, 0.0));
}

#[test]
fn between_neighbouring_pieces_no_strip_of_ground_is_left() {
    let (west, east) = (sheet([-60.0, -60.0, 0.3, 60.0]), sheet([0.3, -60.0, 60.0, 60.0]));
    for z in [15, 17, 19] {
        let mut list = list(&[(&west, 1.0), (&east, 1.0)], z);
        Covers::default().apply(&mut list);
        for step in -20..20 {
            assert!(!is_seen(&list, f64::from(step) * 0.1, 2.0), "zoom {z}");
        }
    }
}

#[test]
fn a_hole_in_the_mesh_shows_the_ground() {
    let pieces = [
        sheet([-60.0, -60.0, -20.0, 60.0]),
        sheet([20.0, -60.0, 60.0, 60.0]),
        sheet([-20.0, -60.0, 20.0, -20.0]),
        sheet([-20.0, 20.0, 20.0, 60.0]),
    ];
    let mut list = list(&pieces.each_ref().map(|piece| (piece, 1.0)), 17);
    Covers::default().apply(&mut list);
    assert!(is_seen(&list, 0.0, 0.0) && !is_seen(&list, 0.0, 40.0) && !is_seen(&list, -40.0, 0.0));
}

#[test]
fn plans_are_laid_on_the_mesh_and_photographs_are_not() {
    let shape = sheet([-60.0, -60.0, 60.0, 60.0]);
    let mut list = list(&[(&shape, 1.0)], 16);
    Covers::default().apply(&mut list);
    let Draw::Mesh { draped, .. } = &list.draws[1] else { panic!("the mesh comes second") };
    assert_eq!(draped.len(), 1);
    // A place of the mesh comes to lie where the ground has it.
    let (_, square) = ground(16);
    let local = DVec3::new(40.0, -30.0, 0.0);
    let [lon, lat, _] = place::lon_lat_height_deg(ecef_from_enu().transform_point3(local));
    let [x, y] = place::square_from_lon_lat_deg(lon, lat);
    let expected = [(x - square[0]) / square[2], (y - square[1]) / square[2]];
    for (row, expected) in draped[0].tile_from_local.iter().zip(expected) {
        let found = f64::from(row[0]) * local.x + f64::from(row[1]) * local.y + f64::from(row[3]);
        assert!((found - expected).abs() * 540.0 < 0.01, "{found} is not {expected}: more than a centimetre");
    }
}

#[test]
fn one_looks_through_a_faint_mesh_at_the_ground_and_a_hidden_mesh_gives_it_back() {
    let shape = sheet([-60.0, -60.0, 60.0, 60.0]);
    let mut covers = Covers::default();
    let mut solid = list(&[(&shape, 1.0)], 16);
    covers.apply(&mut solid);
    assert!(!is_seen(&solid, 0.0, 0.0));
    let mut faint = list(&[(&shape, 0.6)], 16);
    covers.apply(&mut faint);
    assert!(is_seen(&faint, 0.0, 0.0));
    let mut gone = list(&[], 16);
    covers.apply(&mut gone);
    assert!(is_seen(&gone, 0.0, 0.0));
}

#[test]
fn points_step_behind_a_mesh_of_the_same_surface_and_before_bare_ground() {
    let shape = sheet([-60.0, -60.0, 60.0, 60.0]);
    let points = |east_m: f32| Draw::Points {
        points: Arc::new(PointSet::new(vec![PointVertex { position: [east_m, 0.0, 0.0], color: [255; 4] }])),
        ecef_from_local: ecef_from_enu(),
        size_m: 1.0,
        give_way: false,
        opacity: 1.0,
    };
    let mut list = list(&[(&shape, 1.0)], 16);
    list.push(Some(1), points(20.0));
    list.push(Some(1), points(90.0));
    Covers::default().apply(&mut list);
    let gave_way = list.draws.iter().filter_map(|draw| match draw {
        Draw::Points { give_way, .. } => Some(*give_way),
        _ => None,
    });
    assert_eq!(gave_way.collect::<Vec<_>>(), [true, false]);
}
