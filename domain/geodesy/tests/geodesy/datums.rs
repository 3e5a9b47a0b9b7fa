//! The datum rules: one named identity, refusals, and the surveyor's secret parameters.

use geodesy::{Crs, Datum, DatumParameters, GeodesyError, Transform};

#[test]
fn modern_global_datums_are_one() {
    for (input, datum) in [
        ("EPSG:4490", Datum::Cgcs2000),
        ("EPSG:4546", Datum::Cgcs2000),
        ("EPSG:4326", Datum::Wgs84),
        ("EPSG:32649", Datum::Wgs84),
        ("EPSG:3857", Datum::Wgs84),
        ("EPSG:9057", Datum::Wgs84),
        ("EPSG:7912", Datum::Itrf("International Terrestrial Reference Frame 2014".to_owned())),
        ("+proj=utm +zone=49 +datum=WGS84", Datum::Wgs84),
    ] {
        let crs = Crs::from_user_input(input).unwrap();
        assert_eq!(crs.datum(), datum, "{input}");
        assert!(crs.datum().is_cgcs2000_by_identity());
    }
    let mut points = [[109.7388, 28.3119]];
    let identity = Transform::new(&Crs::cgcs2000(), &Crs::wgs84()).unwrap();
    identity.points(&mut points).unwrap();
    assert_eq!(points, [[109.7388, 28.3119]]);
    assert_eq!(identity.accuracy_m(), Some(0.0));
}

/// One plane and the geographic system of every old national datum.
const OLD: [(u32, Datum); 9] = [
    (4214, Datum::Beijing54),
    (2437, Datum::Beijing54),
    (21419, Datum::Beijing54),
    (4610, Datum::Xian80),
    (2382, Datum::Xian80),
    (2344, Datum::Xian80),
    (4555, Datum::NewBeijing),
    (4790, Datum::NewBeijing),
    (4579, Datum::NewBeijing),
];

#[test]
fn old_datums_are_refused_in_both_directions_whatever_proj_offers() {
    for (epsg, datum) in OLD {
        let old = Crs::from_epsg(epsg).unwrap();
        assert_eq!(old.datum(), datum, "EPSG:{epsg} {}", old.name());
        for modern in [Crs::cgcs2000(), Crs::wgs84(), Crs::web_mercator(), Crs::ecef()] {
            for (from, to) in [(&old, &modern), (&modern, &old)] {
                let refused = Transform::new(from, to);
                assert!(matches!(refused, Err(GeodesyError::DatumRefused { .. })), "EPSG:{epsg}: {refused:?}");
            }
        }
    }
}

#[test]
fn within_an_old_datum_nothing_is_refused() {
    let plane = Crs::from_epsg(2382).unwrap();
    let degrees = Crs::from_epsg(4610).unwrap();
    let mut points = [[109.7388, 28.3119]];
    Transform::new(&degrees, &plane).unwrap().points(&mut points).unwrap();
    assert!((points[0][0] - 376_299.0).abs() < 5.0, "{points:?}");
}

#[test]
fn a_nameless_datum_is_refused_and_an_unused_shift_is_said() {
    for input in [
        "+proj=tmerc +lon_0=111 +x_0=500000 +ellps=krass",
        "+proj=tmerc +lon_0=111 +x_0=500000 +ellps=GRS80",
        "+proj=tmerc +lon_0=111 +x_0=500000 +ellps=krass +towgs84=15.8,-154.4,-82.3",
        r#"PROJCS["city",GEOGCS["GCS_unknown",DATUM["D_unknown",SPHEROID["CGCS2000",6378137,298.257222101]],PRIMEM["Greenwich",0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["central_meridian",112.9],PARAMETER["false_easting",50000],UNIT["Meter",1]]"#,
    ] {
        let crs = Crs::from_user_input(input).unwrap();
        let refused = Transform::new(&crs, &Crs::cgcs2000());
        assert!(matches!(refused, Err(GeodesyError::DatumRefused { .. })), "{input}: {refused:?}");
    }
    let shifted = Crs::from_user_input("+proj=longlat +ellps=krass +towgs84=15.8,-154.4,-82.3").unwrap();
    assert!(shifted.warnings().iter().any(|w| matches!(w, geodesy::CrsWarning::ShiftIgnored)));
    let null = Crs::from_user_input("+proj=utm +zone=49 +ellps=GRS80 +towgs84=0,0,0").unwrap();
    assert_eq!(null.datum(), Datum::Wgs84);
    assert_eq!(null.warnings().len(), 1, "{:?}", null.warnings());
}

#[test]
fn a_modern_name_on_an_old_ellipsoid_is_not_modern() {
    let text = r#"GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D_China_2000",SPHEROID["Krasovsky_1940",6378245.0,298.3]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]"#;
    let crs = Crs::from_user_input(text).unwrap();
    assert!(crs.datum().needs_parameters(), "{:?}", crs.datum());
}

#[test]
fn other_modern_datums_go_by_projs_best_operation() {
    for (epsg, place, expected, accuracy_m) in [
        // The old observatory of Bern in both, as swisstopo publishes it.
        (4149, [7.439_583_333, 46.952_405_556], [7.438_632_495, 46.951_082_877], 1.5),
        (4258, [10.0, 50.0], [10.0, 50.0], 1.0),
        (4269, [-100.0, 40.0], [-100.0, 40.0], 4.0),
    ] {
        let crs = Crs::from_epsg(epsg).unwrap();
        let transform = Transform::new(&crs, &Crs::cgcs2000()).unwrap();
        let mut points = [place];
        transform.points(&mut points).unwrap();
        assert!(
            (points[0][0] - expected[0]).abs() < 2e-5 && (points[0][1] - expected[1]).abs() < 2e-5,
            "{epsg}: {points:?}"
        );
        assert!(
            transform.accuracy_m().is_some_and(|m| m > 0.0 && m <= accuracy_m),
            "{epsg}: {:?}",
            transform.accuracy_m()
        );
    }
}

#[test]
fn a_modern_datum_without_code_or_area_is_found_where_it_is_used() {
    for text in [
        r#"GEOGCS["NAD83",DATUM["North_American_Datum_1983",SPHEROID["GRS 1980",6378137,298.257222101]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]"#,
        "+proj=utm +zone=10 +datum=NAD83",
        "+proj=lcc +lat_0=41.75 +lon_0=-120.5 +lat_1=43 +lat_2=45.5 +x_0=400000 +datum=NAD83",
    ] {
        let transform = Transform::new(&Crs::from_user_input(text).unwrap(), &Crs::cgcs2000()).unwrap();
        assert!(transform.accuracy_m().is_some_and(|m| m > 0.0 && m < 10.0), "{text}: {:?}", transform.accuracy_m());
    }
}

const SEVEN: &str = r#"
name = "trial set"
from = "xian80"
[seven]
dx_m = -12.3456
dy_m = 34.5678
dz_m = 56.789
rx_arcsec = 1.2345
ry_arcsec = -0.9876
rz_arcsec = 2.3456
scale_ppm = -3.4567
convention = "position_vector"
"#;

#[test]
fn seven_parameters_do_what_the_helmert_formula_says() {
    let parameters = DatumParameters::from_toml(SEVEN).unwrap();
    let (old, new) = (Crs::from_epsg(4610).unwrap(), Crs::cgcs2000());
    let transform = Transform::with_parameters(&old, &new, Some(&parameters)).unwrap();
    let place = [109.7388, 28.3119];
    let mut points = [place];
    transform.points(&mut points).unwrap();
    // EPSG method 9606 by hand, small angles.
    let [x, y, z] = geodesy::frame::ecef_on(&geodesy::Ellipsoid::IAG_1975, [place[0], place[1], 0.0]);
    let arcsec = |v: f64| (v / 3600.0_f64).to_radians();
    let (rx, ry, rz, m) = (arcsec(1.2345), arcsec(-0.9876), arcsec(2.3456), 1.0 - 3.4567e-6);
    let moved = [
        -12.3456 + m * (x - rz * y + ry * z),
        34.5678 + m * (rz * x + y - rx * z),
        56.789 + m * (-ry * x + rx * y + z),
    ];
    let [lon, lat, _] = geodesy::frame::lon_lat_height_deg_on(&geodesy::Ellipsoid::CGCS2000, moved);
    assert!((points[0][0] - lon).abs() < 1e-9 && (points[0][1] - lat).abs() < 1e-9, "{points:?} {lon} {lat}");
    let back = Transform::with_parameters(&new, &old, Some(&parameters)).unwrap();
    back.points(&mut points).unwrap();
    // The way back leaves from the ellipsoid again: the height that the shift made is dropped.
    assert!((points[0][0] - place[0]).abs() < 1e-8 && (points[0][1] - place[1]).abs() < 1e-8, "{points:?}");
}

const FOUR: &str = r#"
name = "town grid"
from = "xian80"
[four]
from_crs = "EPSG:2382"
to_crs = "EPSG:4546"
east_m = 117.123
north_m = -4.321
rotation_arcsec = 3.21
scale_ppm = 5.4
"#;

#[test]
fn four_parameters_turn_shift_and_scale_the_plane() {
    let parameters = DatumParameters::from_toml(FOUR).unwrap();
    let (old, new) = (Crs::from_epsg(2382).unwrap(), Crs::from_epsg(4546).unwrap());
    let transform = Transform::with_parameters(&old, &new, Some(&parameters)).unwrap();
    let (e, n) = (376_299.5, 3_133_652.9);
    let mut points = [[e, n]];
    transform.points(&mut points).unwrap();
    let (r, s) = ((3.21_f64 / 3600.0).to_radians(), 1.0 + 5.4e-6);
    let expected = [117.123 + s * (e * r.cos() - n * r.sin()), -4.321 + s * (e * r.sin() + n * r.cos())];
    for axis in 0..2 {
        assert!((points[0][axis] - expected[axis]).abs() < 1e-4, "{points:?} {expected:?}");
    }
    Transform::with_parameters(&new, &old, Some(&parameters)).unwrap().points(&mut points).unwrap();
    assert!((points[0][0] - e).abs() < 1e-4 && (points[0][1] - n).abs() < 1e-4, "{points:?}");
}

#[test]
fn parameters_are_used_for_their_own_datum_only() {
    let parameters = DatumParameters::from_toml(SEVEN).unwrap();
    let other = Crs::from_epsg(2437).unwrap();
    let refused = Transform::with_parameters(&other, &Crs::cgcs2000(), Some(&parameters));
    assert!(matches!(refused, Err(GeodesyError::ParametersDoNotApply { .. })), "{refused:?}");
    let unneeded =
        Transform::with_parameters(&Crs::from_epsg(4546).unwrap(), &Crs::cgcs2000(), Some(&parameters)).unwrap();
    assert!(!unneeded.is_secret());
}

#[test]
fn no_parameter_value_can_be_seen() {
    let secrets = ["12.3456", "34.5678", "56.789", "1.2345", "0.9876", "2.3456", "3.4567"];
    let parameters = DatumParameters::from_toml(SEVEN).unwrap();
    let transform =
        Transform::with_parameters(&Crs::from_epsg(4610).unwrap(), &Crs::cgcs2000(), Some(&parameters)).unwrap();
    assert!(transform.is_secret());
    let mut shown =
        vec![format!("{parameters:?}"), format!("{parameters}"), format!("{transform:?}"), format!("{transform:#?}")];
    for broken in [
        SEVEN.replace("dz_m = 56.789", "dz_m = \"56.789\""),
        SEVEN.replace("dz_m = 56.789", "dz_m = 56.789.1"),
        SEVEN.replace("dz_m = 56.789", "dz = 56.789"),
        SEVEN.replace("[seven]", "[seven"),
        SEVEN.replace("56.789", "inf"),
    ] {
        let error = DatumParameters::from_toml(&broken).unwrap_err();
        let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
        shown.extend(chain.map(|e| format!("{e} {e:?}")));
    }
    for text in shown {
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
    }
}

#[test]
fn a_wrong_parameter_file_names_its_line() {
    let broken = SEVEN.replace("ry_arcsec = -0.9876", "ry_arcsec = [1]");
    let error = DatumParameters::from_toml(&broken).unwrap_err();
    assert!(matches!(error, GeodesyError::ParametersNotUnderstood { line: 9, .. }), "{error:?}");
    for text in ["", "name = 'x'\nfrom = 'xian80'", &format!("{SEVEN}\n[four]\n")] {
        let refused = DatumParameters::from_toml(text);
        assert!(matches!(refused, Err(GeodesyError::ParametersNotUnderstood { .. })), "{refused:?}");
    }
    let wrong_plane = FOUR.replace("EPSG:2382", "EPSG:4546");
    let refused = DatumParameters::from_toml(&wrong_plane);
    assert!(matches!(refused, Err(GeodesyError::ParametersNotUnderstood { .. })), "{refused:?}");
}
