//! Tile grids.

use geodesy::{Crs, TileCoord, TileMatrixSet, Transform, grid};
use proptest::prelude::*;

fn any_set() -> impl Strategy<Value = TileMatrixSet> {
    prop_oneof![Just(TileMatrixSet::WebMercatorQuad), Just(TileMatrixSet::Cgcs2000C)]
}

proptest! {
    #[test]
    fn a_tile_holds_its_point_and_its_children_share_its_edges(set in any_set(), z in 1..=22u8, lon in -180.0..180.0f64, lat in -85.0..85.0f64) {
        let [x, y] = set.from_lon_lat_deg([lon, lat]);
        let tile = set.tile_at(z, x, y).unwrap();
        let [min_x, min_y, max_x, max_y] = set.bounds(tile);
        prop_assert!(min_x <= x && x <= max_x && min_y <= y && y <= max_y);
        for child in tile.children().unwrap() {
            prop_assert!(set.contains(child));
            prop_assert_eq!(child.parent(), Some(tile));
        }
        let children = tile.children().unwrap();
        prop_assert_eq!(set.bounds(children[0])[0].to_bits(), min_x.to_bits());
        prop_assert_eq!(set.bounds(children[3])[2].to_bits(), max_x.to_bits());
        prop_assert_eq!(set.bounds(children[0])[2].to_bits(), set.bounds(children[1])[0].to_bits());
    }

    #[test]
    fn the_range_of_a_tiles_own_bounds_is_the_tile(set in any_set(), z in 1..=18u8, fx in 0.0..1.0f64, fy in 0.0..1.0f64) {
        let (columns, rows) = set.matrix_size(z);
        let tile = TileCoord::new(z, (fx * f64::from(columns)) as u32, (fy * f64::from(rows)) as u32);
        let [min_x, min_y, max_x, max_y] = set.bounds(tile);
        // A hair inside: an edge computed twice may differ in its last bit.
        let hair = set.tile_span(z) * 1e-9;
        let inside = [min_x + hair, min_y + hair, max_x - hair, max_y - hair];
        prop_assert_eq!(set.tile_range(z, inside), Some((tile, tile)));
    }
}

#[test]
fn web_mercator_formulae_agree_with_proj() {
    let transform = Transform::new(&Crs::wgs84(), &Crs::web_mercator()).unwrap();
    for lon_lat in [[109.7388, 28.3119], [-179.9, -84.0], [0.0, 0.0], [135.0, 53.5]] {
        let mut points = [lon_lat];
        transform.points(&mut points).unwrap();
        let ours = grid::web_mercator_from_lon_lat_deg(lon_lat);
        let back = grid::lon_lat_deg_from_web_mercator(ours);
        for axis in 0..2 {
            assert!((ours[axis] - points[0][axis]).abs() < 1e-6, "{ours:?} {points:?}");
            assert!((back[axis] - lon_lat[axis]).abs() < 1e-12, "{back:?} {lon_lat:?}");
        }
    }
}

#[test]
fn the_c_grid_starts_at_level_one_with_two_tiles() {
    let c = TileMatrixSet::Cgcs2000C;
    assert_eq!(c.matrix_size(0), (0, 0));
    assert_eq!(c.matrix_size(1), (2, 1));
    assert_eq!(c.bounds(TileCoord::new(1, 1, 0)), [0.0, -90.0, 180.0, 90.0]);
    assert_eq!(c.tile_at(0, 0.0, 0.0), None);
    assert!((c.resolution(1) - 0.703_125).abs() < 1e-15);
    assert_eq!(c.crs().epsg(), Some(4490));
}

#[test]
fn places_outside_a_grid_have_no_tile() {
    let w = TileMatrixSet::WebMercatorQuad;
    for (x, y) in [(2.1e7, 0.0), (0.0, -2.1e7), (f64::NAN, 0.0), (f64::INFINITY, 0.0)] {
        assert_eq!(w.tile_at(5, x, y), None);
    }
    assert_eq!(w.tile_at(31, 0.0, 0.0), None);
    assert_eq!(w.tile_range(5, [3e7, 0.0, 4e7, 1.0]), None);
    assert_eq!(w.tile_range(5, [0.0, f64::NAN, 1.0, 1.0]), None);
    assert_eq!(w.tile_range(1, [-1e9, -1e9, 1e9, 1e9]), Some((TileCoord::new(1, 0, 0), TileCoord::new(1, 1, 1))));
}
