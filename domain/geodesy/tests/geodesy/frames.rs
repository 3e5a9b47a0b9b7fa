//! Earth-centred and local frames against EPSG's example and closed cases; PROJ's own answer is in `transforms`.

use geodesy::{Crs, Ellipsoid, EnuFrame, Transform, frame};
use proptest::prelude::*;

/// EPSG guidance note 7-2, section 4.1.1: its worked example (WGS 84).
#[test]
fn the_worked_example_of_epsg_comes_out() {
    let lon_lat_height = [2.0 + 7.0 / 60.0 + 46.38 / 3600.0, 53.0 + 48.0 / 60.0 + 33.82 / 3600.0, 73.0];
    let ecef = frame::ecef_from_lon_lat_height_deg(lon_lat_height);
    for (own, published) in ecef.iter().zip([3_771_793.968, 140_253.342, 5_124_304.349]) {
        assert!((own - published).abs() < 1e-3, "{ecef:?}");
    }
}

proptest! {
    #[test]
    fn there_and_back_is_within_a_nanodegree_and_a_micrometre(lon in -180.0..180.0f64, lat in -90.0..90.0f64, height in -11_000.0..1_000_000.0f64) {
        let ecef = frame::ecef_from_lon_lat_height_deg([lon, lat, height]);
        let [lon_2, lat_2, height_2] = frame::lon_lat_height_deg_from_ecef(ecef);
        prop_assert!((lat - lat_2).abs() < 1e-9, "{lat} {lat_2}");
        prop_assert!((lon - lon_2).abs() * lat.to_radians().cos() < 1e-9, "{lon} {lon_2}");
        prop_assert!((height - height_2).abs() < 1e-6, "{height} {height_2}");
    }

    #[test]
    fn a_local_frame_keeps_distances_and_comes_back(lon in -180.0..180.0f64, lat in -89.0..89.0f64, e in -5e3..5e3f64, n in -5e3..5e3f64, u in -5e2..5e3f64) {
        let local = EnuFrame::new([lon, lat, 100.0]);
        let ecef = local.ecef_from_enu_point([e, n, u]);
        let back = local.enu_from_ecef_point(ecef);
        for (a, b) in back.iter().zip([e, n, u]) {
            prop_assert!((a - b).abs() < 1e-6);
        }
        let m = local.ecef_from_enu();
        for i in 0..3 {
            let by_matrix = m[i] * e + m[4 + i] * n + m[8 + i] * u + m[12 + i];
            prop_assert!((by_matrix - ecef[i]).abs() < 1e-6);
        }
    }
}

#[test]
fn up_raises_the_ellipsoidal_height_and_north_the_latitude() {
    let origin = [109.7388, 28.3119, 250.0];
    let local = EnuFrame::new(origin);
    let at = |enu| frame::lon_lat_height_deg_from_ecef(local.ecef_from_enu_point(enu));
    let above = at([0.0, 0.0, 100.0]);
    assert!((above[2] - 350.0).abs() < 1e-6 && (above[0] - origin[0]).abs() < 1e-12, "{above:?}");
    assert!(at([0.0, 1.0, 0.0])[1] > origin[1]);
    assert!(at([1.0, 0.0, 0.0])[0] > origin[0]);
}

/// At the poles and on the equator the ellipsoid's axes say where a point is.
#[test]
fn ecef_agrees_with_the_meridian_and_equator_in_closed_form() {
    let (a, b) = (Ellipsoid::WGS84.semi_major_m, Ellipsoid::WGS84.semi_minor_m());
    for (lon_lat_height, expected) in [
        ([0.0, 0.0, 0.0], [a, 0.0, 0.0]),
        ([90.0, 0.0, 10.0], [0.0, a + 10.0, 0.0]),
        ([0.0, 90.0, 5.0], [0.0, 0.0, b + 5.0]),
        ([180.0, -90.0, 0.0], [0.0, 0.0, -b]),
    ] {
        let ecef = frame::ecef_from_lon_lat_height_deg(lon_lat_height);
        for (own, exact) in ecef.iter().zip(expected) {
            assert!((own - exact).abs() < 1e-8, "{ecef:?}");
        }
    }
    let centre = frame::lon_lat_height_deg_from_ecef([0.0, 0.0, 0.0]);
    assert!(centre.iter().all(|v| v.is_finite()), "{centre:?}");
}

#[test]
fn a_plane_with_heights_reaches_ecef_and_returns() {
    let plane = Crs::from_epsg(4546).unwrap();
    let out = Transform::new(&plane, &Crs::ecef()).unwrap();
    let back = Transform::new(&Crs::ecef(), &plane).unwrap();
    let start = [376_299.503_5, 3_133_652.885_4, 251.5];
    let mut points = [start];
    out.points_3d(&mut points).unwrap();
    let expected = frame::ecef_from_lon_lat_height_deg([109.7388, 28.3119, 251.5]);
    for (own, exact) in points[0].iter().zip(expected) {
        assert!((own - exact).abs() < 1e-4, "{points:?} {expected:?}");
    }
    back.points_3d(&mut points).unwrap();
    for (own, exact) in points[0].iter().zip(start) {
        assert!((own - exact).abs() < 1e-6, "{points:?} {start:?}");
    }
}
