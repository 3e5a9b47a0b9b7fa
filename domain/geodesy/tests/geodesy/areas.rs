//! Ellipsoidal area against GeographicLib, and densified edges against the curve.

use geodesy::{Crs, Transform, area, densify, offset};
use geographiclib_rs::{Geodesic, PolygonArea, Winding};
use proptest::prelude::*;

/// Area by GeographicLib on the CGCS2000 ellipsoid of a ring whose edges are straight in degrees: every edge is cut
/// into `parts`, whose geodesics then hug it.
fn geographiclib_m2(ring: &[[f64; 2]], parts: usize) -> f64 {
    let geodesic = Geodesic::new(6_378_137.0, 1.0 / 298.257_222_101);
    let mut polygon = PolygonArea::new(&geodesic, Winding::CounterClockwise);
    for (i, a) in ring.iter().enumerate() {
        let b = ring[(i + 1) % ring.len()];
        for k in 0..parts {
            let t = k as f64 / parts as f64;
            polygon.add_point(a[1] + (b[1] - a[1]) * t, a[0] + (b[0] - a[0]) * t);
        }
    }
    polygon.compute(true).1
}

#[test]
fn the_closed_form_agrees_with_geographiclib_to_a_billionth() {
    for (size_deg, parts) in [(0.001, 200), (0.01, 500), (0.1, 2000)] {
        for lat in [0.3, 18.2, 28.3, 45.0, 53.5, -33.0] {
            let ring = [
                [109.7, lat],
                [109.7 + size_deg, lat + 0.1 * size_deg],
                [109.7 + 0.9 * size_deg, lat + size_deg],
                [109.7 - 0.2 * size_deg, lat + 0.7 * size_deg],
            ];
            let (own, oracle) = (area::signed_ellipsoidal_area_m2(&ring), geographiclib_m2(&ring, parts));
            // GeographicLib itself rounds to a tenth of a square millimetre every few points.
            assert!((own - oracle).abs() < 1e-9 * oracle.abs() + 5e-4, "{size_deg} at {lat}: {own} {oracle}");
        }
    }
}

/// Size of the ring above in degrees, its latitude, and its area by integrating the closed zone area
/// `b^2/2 (sin B / (1 - e^2 sin^2 B) + atanh(e sin B) / e)` along its edges with 40 digits (mpmath 1.x).
const FORTY_DIGITS_M2: [(f64, f64, f64); 6] = [
    (0.000_01, 28.3, 0.945_737_533_252_182_1),
    (0.001, 0.3, 10_708.749_404_063_284),
    (0.001, 53.5, 6_425.293_652_426_709),
    (0.01, 28.3, 945_697.356_098_255_2),
    (0.1, 0.3, 107_087_015.362_952_18),
    (0.1, 53.5, 64_184_240.676_022_99),
];

#[test]
fn the_closed_form_agrees_with_forty_digits_from_a_square_metre_to_a_hundred_square_kilometres() {
    for (size, lat, exact) in FORTY_DIGITS_M2 {
        let ring = [
            [109.7, lat],
            [109.7 + size, lat + 0.1 * size],
            [109.7 + 0.9 * size, lat + size],
            [109.7 - 0.2 * size, lat + 0.7 * size],
        ];
        let own = area::signed_ellipsoidal_area_m2(&ring);
        assert!((own / exact - 1.0).abs() < 1e-9, "{size} at {lat}: {own} {exact}");
    }
}

#[test]
fn the_whole_ellipsoid_has_its_known_area() {
    // GeographicLib's own total for the ellipsoid, cut into eight rings that touch the poles with a straight edge.
    let geodesic = Geodesic::new(6_378_137.0, 1.0 / 298.257_222_101);
    let whole: f64 = (0..8)
        .map(|i| {
            let west = f64::from(i) * 45.0 - 180.0;
            area::ellipsoidal_area_m2(&[[west, -90.0], [west + 45.0, -90.0], [west + 45.0, 90.0], [west, 90.0]])
        })
        .sum();
    assert!((whole / geodesic.area() - 1.0).abs() < 1e-12, "{whole} {}", geodesic.area());
}

proptest! {
    #[test]
    fn area_is_additive_and_changes_sign_with_direction(lon in 75.0..135.0f64, lat in 3.0..53.0f64, w in 1e-5..0.5f64, h in 1e-5..0.5f64, cut in 0.1..0.9f64) {
        let boxed = |west: f64, east: f64| vec![[west, lat], [east, lat], [east, lat + h], [west, lat + h]];
        let middle = lon + w * cut;
        let whole = area::signed_ellipsoidal_area_m2(&boxed(lon, lon + w));
        let parts = area::signed_ellipsoidal_area_m2(&boxed(lon, middle)) + area::signed_ellipsoidal_area_m2(&boxed(middle, lon + w));
        prop_assert!((whole - parts).abs() <= whole * 1e-9 + 1e-6, "{whole} {parts}");
        let mut reversed = boxed(lon, lon + w);
        reversed.reverse();
        let mirrored = area::signed_ellipsoidal_area_m2(&reversed);
        prop_assert!(whole > 0.0 && (whole + mirrored).abs() <= whole * 1e-12 + 1e-6);
        let mut closed = boxed(lon, lon + w);
        closed.push(closed[0]);
        prop_assert!((area::signed_ellipsoidal_area_m2(&closed) - whole).abs() <= whole * 1e-12 + 1e-6);
        prop_assert!(area::signed_plane_area(&closed) > 0.0);
    }

    #[test]
    fn a_densified_edge_leaves_the_curve_by_less_than_a_millimetre(size in 1.0..4.0f64, angle in 0.0..6.3f64, t in 0.0..1.0f64) {
        let (dx, dy) = (10f64.powf(size) * angle.cos(), 10f64.powf(size) * angle.sin());
        let plane = Crs::from_epsg(4546).unwrap();
        let to = Transform::new(&plane, &Crs::cgcs2000()).unwrap();
        let (a, b) = ([620_000.0, 3_133_000.0], [620_000.0 + dx, 3_133_000.0 + dy]);
        let line = densify::transform_line(&[a, b], &to, 0.001).unwrap();
        let mut exact = [[a[0] + dx * t, a[1] + dy * t]];
        to.points(&mut exact).unwrap();
        let off_m = line.windows(2).map(|edge| distance_m(exact[0], edge[0], edge[1])).fold(f64::INFINITY, f64::min);
        prop_assert!(off_m < 0.001, "{off_m} with {} points", line.len());
    }
}

fn distance_m(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let k = p[1].to_radians().cos();
    let m = |q: [f64; 2]| [(q[0] - p[0]) * k * 111_320.0, (q[1] - p[1]) * 111_320.0];
    let (a, b) = (m(a), m(b));
    let d = [b[0] - a[0], b[1] - a[1]];
    let along = (-(a[0] * d[0] + a[1] * d[1]) / (d[0] * d[0] + d[1] * d[1])).clamp(0.0, 1.0);
    (a[0] + d[0] * along).hypot(a[1] + d[1] * along)
}

#[test]
fn an_undensified_triangle_of_three_kilometres_is_wrong_by_hundreds_of_square_metres() {
    let plane = Crs::from_epsg(4546).unwrap();
    let to = Transform::new(&plane, &Crs::cgcs2000()).unwrap();
    let triangle = [[620_000.0, 3_133_000.0], [623_000.0, 3_133_000.0], [621_500.0, 3_136_000.0]];
    let exact = area::ellipsoidal_area_of_ring_m2(&triangle, &to).unwrap();
    let mut bare = triangle;
    to.points(&mut bare).unwrap();
    let error_m2 = (area::ellipsoidal_area_m2(&bare) - exact).abs();
    assert!((100.0..400.0).contains(&error_m2), "{error_m2}");
}

#[test]
fn an_edge_that_needs_too_many_points_is_refused() {
    let to = Transform::new(&Crs::web_mercator(), &Crs::from_epsg(4546).unwrap()).unwrap();
    let refused = densify::densify(&[[12_000_000.0, 3_000_000.0], [13_000_000.0, 3_500_000.0]], &to, 1e-12);
    assert!(matches!(refused, Err(geodesy::GeodesyError::EdgeTooLong { .. })), "{refused:?}");
    assert_eq!(densify::densify(&[], &to, 0.001).unwrap(), Vec::<[f64; 2]>::new());
}

proptest! {
    #[test]
    fn the_inverse_of_every_shift_comes_back_to_a_tenth_of_a_millimetre(lon in 73.6..134.7f64, lat in 18.0..53.5f64) {
        for (there, back) in [
            (offset::gcj02_from_wgs84 as fn([f64; 2]) -> [f64; 2], offset::wgs84_from_gcj02 as fn([f64; 2]) -> [f64; 2]),
            (offset::bd09_from_wgs84, offset::wgs84_from_bd09),
            (offset::bd09_from_gcj02, offset::gcj02_from_bd09),
        ] {
            let [lon_2, lat_2] = back(there([lon, lat]));
            prop_assert!((lon - lon_2).abs() < 1e-9 && (lat - lat_2).abs() < 1e-9);
        }
    }
}

/// The five towns of the Hunan and Anhui deployments, and how far GCJ-02 moves them.
#[test]
fn the_shift_is_between_five_and_seven_hundred_metres_at_known_towns() {
    let geodesic = Geodesic::new(6_378_137.0, 1.0 / 298.257_222_101);
    for place in [[109.7388, 28.3119], [111.6985, 29.0316], [112.944, 27.8297], [118.1369, 30.2944]] {
        let [lon, lat] = offset::gcj02_from_wgs84(place);
        let metres: f64 = geographiclib_rs::InverseGeodesic::inverse(&geodesic, place[1], place[0], lat, lon);
        assert!((560.0..660.0).contains(&metres), "{metres}");
    }
    assert_eq!(offset::gcj02_from_wgs84([2.35, 48.85]), [2.35, 48.85]);
}
