//! Tests of point tiles: where vertices stand, whether boxes hold them, whether tilesets hold all nodes.

use geodesy::frame::ecef_from_lon_lat_height_deg;
use proptest::prelude::*;

use super::*;
use crate::copc::fixture::{Fixture, stored};
use crate::glb::{Z_UP_FROM_Y_UP, read, transform_point};

/// `NAD83(HARN)` / Oregon GIC Lambert in feet, heights in US survey feet.
const FEET: &str = r#"COMPD_CS["feet",PROJCS["NAD83 / Oregon Lambert (ft)",GEOGCS["NAD83",DATUM["North_American_Datum_1983",SPHEROID["GRS 1980",6378137,298.257222101]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Lambert_Conformal_Conic_2SP"],PARAMETER["latitude_of_origin",41.75],PARAMETER["central_meridian",-120.5],PARAMETER["standard_parallel_1",43],PARAMETER["standard_parallel_2",45.5],PARAMETER["false_easting",1312335.958],PARAMETER["false_northing",0],UNIT["foot",0.3048]],VERT_CS["NAVD88 height (ftUS)",VERT_DATUM["North American Vertical Datum 1988",2005],UNIT["US survey foot",0.3048006096012192]]]"#;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// A cloud in Hunan with a chain of nodes down to level 7, so that there is an external tileset.
fn deep() -> Fixture {
    let mut fixture = Fixture::spread("EPSG:4547", [500_000.0, 3_100_000.0, 120.0], 800.0);
    let (mut key, points) = fixture.nodes[3].clone();
    for _ in 3..=7 {
        key = key.children().next().unwrap();
        let inside = points.iter().map(|point| {
            let mut point = *point;
            let edge = 2_000_000 >> key.level;
            let from = [key.x, key.y, key.z].map(|index| index.cast_signed() * edge - 1_000_000);
            point.stored = std::array::from_fn(|axis| from[axis] + point.stored[axis].rem_euclid(edge));
            point
        });
        fixture.nodes.push((key, inside.collect()));
    }
    fixture
}

async fn tileset_of(fixture: &Fixture) -> PointTileset {
    let (store, path) = stored(fixture.bytes()).await;
    PointTileset::new(CopcFile::open(store, path).await.unwrap(), None, 0.0).unwrap()
}

/// Every tile with content, with its matrix to ECEF, its error and the boxes around it (in ECEF).
async fn walk(points: &PointTileset) -> Vec<(String, Matrix, f64, Vec<[f64; 12]>)> {
    let mut found = Vec::new();
    let root = points.tileset(VoxelKey::ROOT).await.unwrap().unwrap();
    assert!(root.geometric_error > root.root.geometric_error);
    let mut open = vec![(root.root, IDENTITY, Vec::new())];
    while let Some((tile, parent, mut around)) = open.pop() {
        let matrix = multiply(&parent, &tile.parent_from_tile());
        let BoundingVolume::Box(volume) = tile.bounding_volume.transformed(&matrix) else { panic!("tiles have boxes") };
        around.push(volume);
        assert_eq!(tile.refine, Some(Refine::Add));
        for child in &tile.children {
            assert!(child.geometric_error <= tile.geometric_error);
            open.push((child.clone(), matrix, around.clone()));
        }
        let Some(content) = &tile.content else { continue };
        match content.uri.strip_suffix(".json") {
            Some(key) => {
                let next = points.tileset(key.parse().unwrap()).await.unwrap().unwrap();
                open.push((next.root, matrix, around));
            }
            None => found.push((content.uri.clone(), matrix, tile.geometric_error, around)),
        }
    }
    found
}

fn holds(volume: &[f64; 12], point: [f64; 3]) -> bool {
    (0..3).all(|axis| {
        let half = &volume[3 + 3 * axis..6 + 3 * axis];
        let along: f64 = (0..3).map(|n| half[n] * (point[n] - volume[n])).sum();
        let square: f64 = half.iter().map(|value| value * value).sum();
        along.abs() <= square
    })
}

#[test]
fn tilesets_hold_every_node_once_and_every_vertex_where_its_point_is() {
    let fixture = deep();
    runtime().block_on(async {
        let points = tileset_of(&fixture).await;
        let tiles = walk(&points).await;
        assert_eq!(tiles.len(), fixture.nodes.len());
        assert!(tiles.iter().any(|(uri, _, error, _)| uri == "7-96-64-0.glb" && *error == 0.0));
        for (key, written) in &fixture.nodes {
            let name = format!("{key}.glb");
            let mut same = tiles.iter().filter(|(uri, ..)| *uri == name);
            let (_, matrix, _, around) = same.next().expect("each node has a tile");
            assert!(same.next().is_none());

            let glb = points.glb(*key).await.unwrap().unwrap();
            let model = read(&glb, &mut |uri| panic!("{uri} is asked for")).unwrap();
            let primitive = &model.primitives[0];
            let mut ecef: Vec<_> = written.iter().map(|point| fixture.xyz(point)).collect();
            points.placement().ecef_m(&mut ecef).unwrap();
            assert_eq!(primitive.positions.len(), written.len());
            for (n, vertex) in primitive.positions.iter().enumerate() {
                let local = transform_point(&Z_UP_FROM_Y_UP, vertex.map(f64::from));
                let stands = transform_point(matrix, local);
                let off = (0..3).map(|axis| (stands[axis] - ecef[n][axis]).powi(2)).sum::<f64>().sqrt();
                assert!(off < 1e-4, "{key} point {n} is off by {off} m");
                assert!(around.iter().all(|volume| holds(volume, stands)), "{key} point {n}");
                assert_eq!(primitive.classification[n], written[n].class);
                assert_eq!(primitive.intensity[n], written[n].intensity);
                let [red, green, blue] = written[n].rgb.map(|value| ColorDepth::Sixteen.byte(value));
                assert_eq!(primitive.colors[n], [red, green, blue, 255]);
            }
        }
    });
}

#[test]
fn no_tileset_begins_at_a_leaf_or_between_the_levels() {
    runtime().block_on(async {
        let points = tileset_of(&deep()).await;
        for key in ["1-0-0-0", "2-3-2-0", "5-0-0-0", "7-96-64-0"] {
            assert_eq!(points.tileset(key.parse().unwrap()).await.unwrap(), None, "{key}");
        }
        assert!(points.glb("3-0-0-0".parse().unwrap()).await.unwrap().is_none());
    });
}

#[test]
fn a_file_without_a_crs_is_refused_until_one_is_given() {
    let mut fixture = deep();
    fixture.wkt = None;
    runtime().block_on(async {
        let (store, path) = stored(fixture.bytes()).await;
        let open = async || CopcFile::open(store.clone(), path.clone()).await.unwrap();
        let refused = PointTileset::new(open().await, None, 0.0);
        assert!(matches!(refused, Err(PointTilesetError::NoCrs)));
        PointTileset::new(open().await, Some("EPSG:4547"), 0.0).unwrap();
    });
}

/// Oracle: PROJ 9 through pyproj, `cs2cs EPSG:2992-like LCC -> EPSG:4326`, height by hand.
#[test]
fn feet_become_metres_in_plane_and_height() {
    let placement = PointPlacement::new(&Crs::from_user_input(FEET).unwrap(), 2.0).unwrap();
    assert!((placement.horizontal_unit_m() - 0.3048).abs() < 1e-12);
    let mut point = [[637_291.0, 851_210.0, 1_000.0]];
    placement.lon_lat_height_deg(&mut point).unwrap();
    let [lon, lat, height] = point[0];
    assert!((lon - PROJ[0]).abs() < 1e-9 && (lat - PROJ[1]).abs() < 1e-9, "{lon} {lat}");
    assert!((height - (304.800_609_601_219_2 + 2.0)).abs() < 1e-9, "{height}");
}

const PROJ: [f64; 2] = [-123.068_749_456_822_43, 44.056_250_017_350_77];

#[test]
fn geocentric_points_stay_where_they_are() {
    let place = ecef_from_lon_lat_height_deg([112.9, 28.2, 80.0]);
    let mut points = [place];
    let placement = PointPlacement::new(&Crs::ecef(), 0.0).unwrap();
    placement.ecef_m(&mut points).unwrap();
    let off = (0..3).map(|axis| (points[0][axis] - place[axis]).abs()).fold(0.0, f64::max);
    assert!(off < 1e-8);
}

#[test]
fn sixteen_bit_colours_are_brought_to_bytes() {
    let depth = ColorDepth::Sixteen;
    assert_eq!((depth.byte(65_535), depth.byte(0), depth.byte(128 << 8)), (255, 0, 128));
    assert_eq!((ColorDepth::Eight.byte(255), ColorDepth::Eight.byte(300)), (255, 255));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// In Gauss-Kruger, in feet and in degrees, small and as large as a province.
    #[test]
    fn a_box_holds_whatever_the_cube_holds(
        which in 0..3_usize,
        size in 1.0..200_000.0_f64,
        flat in 0.001..1.0_f64,
        inside in prop::collection::vec(prop::array::uniform3(0.0..=1.0_f64), 200),
    ) {
        let (crs, corner, unit) = [
            ("EPSG:4547", [300_000.0, 2_800_000.0, -50.0], 1.0),
            (FEET, [600_000.0, 800_000.0, 100.0], 3.28),
            ("EPSG:4490", [108.8, 24.6, 0.0], 1.0 / 111_000.0),
        ][which];
        let placement = PointPlacement::new(&Crs::from_user_input(crs).unwrap(), 0.0).unwrap();
        let height = if which == 2 { size * flat } else { size * flat * unit };
        let edge = [size * unit, size * unit, height];
        let far = std::array::from_fn(|axis| corner[axis] + edge[axis]);
        let around = placement.enu_box([corner, far]).unwrap();
        let mut points: Vec<[f64; 3]> = inside
            .iter()
            .map(|part| std::array::from_fn(|axis| corner[axis] + part[axis] * edge[axis]))
            .collect();
        placement.ecef_m(&mut points).unwrap();
        for ecef in points {
            let enu = around.frame.enu_from_ecef_point(ecef);
            prop_assert!((0..3).all(|axis| around.min_m[axis] <= enu[axis] && enu[axis] <= around.max_m[axis]));
        }
        // Not a box around the whole Earth either.
        prop_assert!(around.max_m[0] - around.min_m[0] < 1.1 * size + 1.0);
    }
}
