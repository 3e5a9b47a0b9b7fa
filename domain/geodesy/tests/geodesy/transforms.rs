//! Operations: threads, errors, and what GDAL makes of our pipelines.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    time::Instant,
};

use geodesy::{Crs, GeodesyError, Transform};

#[test]
fn a_transform_is_shared_between_threads() {
    fn is_shareable<T: Send + Sync + Clone>(_: &T) {}
    let transform = Transform::new(&Crs::cgcs2000(), &Crs::from_epsg(4546).unwrap()).unwrap();
    is_shareable(&transform);
    let expected = {
        let mut points = [[109.7388, 28.3119]];
        transform.points(&mut points).unwrap();
        points
    };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for zone in 4513..4533 {
                    let plane = Crs::from_epsg(zone).unwrap();
                    let other = Transform::new(&Crs::cgcs2000(), &plane).unwrap();
                    other.points(&mut [[109.7, 28.3]]).unwrap();
                    let mut points = [[109.7388, 28.3119]];
                    transform.points(&mut points).unwrap();
                    assert_eq!(points, expected);
                }
            });
        }
    });
}

#[test]
fn a_point_that_cannot_be_placed_is_named() {
    let transform = Transform::new(&Crs::cgcs2000(), &Crs::from_epsg(4546).unwrap()).unwrap();
    let mut points = vec![[109.7, 28.3]; 5000];
    points[4321] = [111.0, 95.0];
    let error = transform.points(&mut points).unwrap_err();
    assert!(matches!(error, GeodesyError::PointOutside { index: 4321, .. }), "{error:?}");
    let mut points = [[109.7, 28.3], [f64::NAN, 28.3]];
    let error = transform.points(&mut points).unwrap_err();
    assert!(matches!(error, GeodesyError::PointOutside { index: 1, .. }), "{error:?}");
    let identity = Transform::new(&Crs::cgcs2000(), &Crs::wgs84()).unwrap();
    let error = identity.points(&mut [[f64::INFINITY, 0.0]]).unwrap_err();
    assert!(matches!(error, GeodesyError::PointOutside { index: 0, .. }), "{error:?}");
}

#[test]
fn a_geocentric_system_wants_three_coordinates() {
    let transform = Transform::new(&Crs::ecef(), &Crs::cgcs2000()).unwrap();
    let error = transform.points(&mut [[0.0, 0.0]]).unwrap_err();
    assert!(matches!(error, GeodesyError::NeedsHeight));
}

#[test]
fn heights_keep_their_datum_and_change_their_unit() {
    let feet = Crs::from_user_input("EPSG:2992+6360").unwrap();
    let metres = Crs::from_user_input("EPSG:4490+5737").unwrap();
    let mut points = [[636_000.0, 849_000.0, 100.0]];
    Transform::new(&feet, &metres).unwrap().points_3d(&mut points).unwrap();
    assert!((points[0][2] - 30.480_060_960_121_9).abs() < 1e-9, "{points:?}");
}

/// Pairs of systems whose authorities order axes differently.
const PAIRS: [(&str, &str, [f64; 2]); 5] = [
    ("EPSG:4546", "EPSG:4490", [376_299.5, 3_133_652.9]),
    ("EPSG:4490", "EPSG:3857", [109.7388, 28.3119]),
    ("EPSG:32649", "EPSG:4525", [376_299.5, 3_133_652.9]),
    ("EPSG:2994", "EPSG:4326", [636_000.0, 849_000.0]),
    ("+proj=tmerc +lon_0=110 +x_0=500000 +datum=WGS84", "EPSG:4490", [480_000.0, 3_133_652.9]),
];

#[test]
fn gdal_given_our_definitions_and_pipeline_agrees_with_us() {
    if Command::new("gdaltransform").arg("--version").output().is_err() {
        println!("SKIPPED: gdaltransform is not installed");
        return;
    }
    for (from, to, point) in PAIRS {
        let transform =
            Transform::new(&Crs::from_user_input(from).unwrap(), &Crs::from_user_input(to).unwrap()).unwrap();
        let mut points = [point];
        transform.points(&mut points).unwrap();
        let mut gdal = Command::new("gdaltransform")
            .args(["-s_srs", transform.from().definition(), "-t_srs", transform.to().definition()])
            .args(["-ct", &transform.pipeline()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(gdal.stdin.take().unwrap(), "{} {}", point[0], point[1]).unwrap();
        let output = gdal.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let numbers: Vec<f64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
        let tolerance = if transform.to().is_geographic() { 1e-9 } else { 1e-4 };
        for axis in 0..2 {
            assert!(
                (numbers[axis] - points[0][axis]).abs() < tolerance,
                "{from} → {to}: {numbers:?} {points:?} {}",
                transform.pipeline()
            );
        }
    }
}

#[test]
fn gdal_agrees_on_earth_centred_coordinates_to_a_tenth_of_a_millimetre() {
    if Command::new("gdaltransform").arg("--version").output().is_err() {
        println!("SKIPPED: gdaltransform is not installed");
        return;
    }
    let plane = Crs::from_epsg(32649).unwrap();
    let start = [376_299.503_5, 3_133_652.885_4, 251.5];
    let mut points = [start];
    Transform::new(&plane, &Crs::ecef()).unwrap().points_3d(&mut points).unwrap();
    let mut gdal = Command::new("gdaltransform")
        .args(["-s_srs", "EPSG:32649", "-t_srs", "EPSG:4978"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(gdal.stdin.take().unwrap(), "{} {} {}", start[0], start[1], start[2]).unwrap();
    let text = String::from_utf8(gdal.wait_with_output().unwrap().stdout).unwrap();
    let numbers: Vec<f64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
    for axis in 0..3 {
        assert!((numbers[axis] - points[0][axis]).abs() < 1e-4, "{numbers:?} {points:?}");
    }
}

#[test]
fn converting_is_fast_enough_for_a_survey() {
    let transform = Transform::new(&Crs::from_epsg(4546).unwrap(), &Crs::ecef()).unwrap();
    let mut points: Vec<[f64; 3]> =
        (0..200_000).map(|i| [400_000.0 + f64::from(i), 3_133_000.0 + f64::from(i % 1000), 100.0]).collect();
    let start = Instant::now();
    transform.points_3d(&mut points).unwrap();
    let per_second = points.len() as f64 / start.elapsed().as_secs_f64();
    println!("plane to ECEF: {:.1} million points/s on one core", per_second / 1e6);
    // A tenth of what a slow core does: a cache that no longer works is 1,000 times slower.
    assert!(per_second > 50_000.0, "{per_second}");
}
