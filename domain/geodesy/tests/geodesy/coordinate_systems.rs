//! Reading coordinate systems in every dialect that deliveries use.

use std::path::PathBuf;

use geodesy::{Crs, CrsWarning, Datum, GeodesyError, Transform};
use proptest::prelude::*;

/// A real delivery: central meridian 113.37 and false northing 90 under the code of the zone at 114.
const CONTRADICTED: &str = r#"PROJCS["LOCAL0 / 3-degree Gauss-Kruger CM 113.36E",
    GEOGCS["China Geodetic Coordinate System 2000",
        DATUM["China_2000",SPHEROID["CGCS2000",6378137,298.257222101,AUTHORITY["EPSG","1024"]],AUTHORITY["EPSG","1043"]],
        PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],
        AUTHORITY["EPSG","4490"]],
    PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",113.37],
    PARAMETER["scale_factor",1],PARAMETER["false_easting",500000],PARAMETER["false_northing",90],
    UNIT["metre",1,AUTHORITY["EPSG","9001"]],AUTHORITY["EPSG","4547"]]"#;

const ESRI_ZONE: &str = r#"PROJCS["CGCS2000_3_Degree_GK_Zone_37",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D_China_2000",SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",37500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",111.0],PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]"#;

#[test]
fn parameters_win_over_a_contradicting_code() {
    let crs = Crs::from_user_input(CONTRADICTED).unwrap();
    assert_eq!(crs.epsg(), None);
    assert_eq!(crs.datum(), Datum::Cgcs2000);
    let [CrsWarning::AuthorityContradicted { code, differences }] = crs.warnings() else {
        panic!("{:?}", crs.warnings());
    };
    assert_eq!(code, "EPSG:4547");
    assert!(differences.contains("113.37") && differences.contains("90"), "{differences}");
    assert!(!crs.definition().contains("4547"), "{}", crs.definition());

    let mut points = [[501_027.524, 2_488_718.808]];
    let trusted = Crs::from_epsg(4547).unwrap();
    Transform::new(&crs, &trusted).unwrap().points(&mut points).unwrap();
    let moved_m = (points[0][0] - 501_027.524).hypot(points[0][1] - 2_488_718.808);
    assert!((moved_m - 64_800.0).abs() < 100.0, "the code would have moved it {moved_m} m");

    // What is handed on means the same as what was read.
    let again = Crs::from_user_input(crs.definition()).unwrap();
    assert!(again.warnings().is_empty(), "{:?}", again.warnings());
    let mut same = [[501_027.524, 2_488_718.808]];
    Transform::new(&crs, &again).unwrap().points(&mut same).unwrap();
    assert!((same[0][0] - 501_027.524).abs() < 1e-6 && (same[0][1] - 2_488_718.808).abs() < 1e-6);
}

#[test]
fn the_real_metadata_file_reads_the_same() {
    let Some(path) = sample("osgb/production5/metadata.xml") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let start = text.find("<SRS>").unwrap() + 5;
    let end = text.find("</SRS>").unwrap();
    let crs = Crs::from_user_input(text.get(start..end).unwrap()).unwrap();
    assert_eq!(crs.epsg(), None);
    assert_eq!(crs.warnings().len(), 1);
}

/// A file under the shared samples, which only some machines have.
fn sample(relative: &str) -> Option<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let found = here.ancestors().map(|folder| folder.join("shared/samples").join(relative)).find(|path| path.exists());
    if found.is_none() {
        println!("SKIPPED: shared/samples/{relative} is not beside the repository");
    }
    found
}

#[test]
fn every_dialect_of_the_same_zone_is_the_same_zone() {
    let official = Crs::from_epsg(4525).unwrap();
    let wkt2 = {
        // Without its code, as a program would write it.
        let json = r#"{"type":"ProjectedCRS","name":"CGCS2000 / 3-degree Gauss-Kruger zone 37","base_crs":{"type":"GeographicCRS","name":"China Geodetic Coordinate System 2000","datum":{"type":"GeodeticReferenceFrame","name":"China 2000","ellipsoid":{"name":"CGCS2000","semi_major_axis":6378137,"inverse_flattening":298.257222101}},"coordinate_system":{"subtype":"ellipsoidal","axis":[{"name":"Geodetic latitude","abbreviation":"Lat","direction":"north","unit":"degree"},{"name":"Geodetic longitude","abbreviation":"Lon","direction":"east","unit":"degree"}]}},"conversion":{"name":"x","method":{"name":"Transverse Mercator","id":{"authority":"EPSG","code":9807}},"parameters":[{"name":"Latitude of natural origin","value":0,"unit":"degree","id":{"authority":"EPSG","code":8801}},{"name":"Longitude of natural origin","value":111,"unit":"degree","id":{"authority":"EPSG","code":8802}},{"name":"Scale factor at natural origin","value":1,"unit":"unity","id":{"authority":"EPSG","code":8805}},{"name":"False easting","value":37500000,"unit":"metre","id":{"authority":"EPSG","code":8806}},{"name":"False northing","value":0,"unit":"metre","id":{"authority":"EPSG","code":8807}}]},"coordinate_system":{"subtype":"Cartesian","axis":[{"name":"Northing","abbreviation":"X","direction":"north","unit":"metre"},{"name":"Easting","abbreviation":"Y","direction":"east","unit":"metre"}]}}"#;
        json.to_owned()
    };
    for input in [
        "EPSG:4525",
        "epsg:4525",
        "4525",
        " 4525\n",
        "urn:ogc:def:crs:EPSG::4525",
        ESRI_ZONE,
        &format!("\u{feff}{ESRI_ZONE}"),
        &wkt2,
    ] {
        let crs = Crs::from_user_input(input).unwrap();
        assert_eq!(crs.epsg(), Some(4525), "{input}");
        assert_eq!(crs, official);
        assert!(crs.warnings().is_empty(), "{input}: {:?}", crs.warnings());
        assert_eq!(crs.gauss_kruger().map(|(zone, prefixed)| (zone.number(), prefixed)), Some((37, true)));
    }
}

#[test]
fn old_national_zones_in_esris_words_keep_their_datum() {
    for (text, datum) in [
        (
            r#"PROJCS["Xian_1980_3_Degree_GK_CM_111E",GEOGCS["GCS_Xian_1980",DATUM["D_Xian_1980",SPHEROID["Xian_1980",6378140.0,298.257]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",111.0],PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]"#,
            Datum::Xian80,
        ),
        (
            r#"PROJCS["Beijing_1954_3_Degree_GK_Zone_37",GEOGCS["GCS_Beijing_1954",DATUM["D_Beijing_1954",SPHEROID["Krasovsky_1940",6378245.0,298.3]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",37500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",111.0],PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]"#,
            Datum::Beijing54,
        ),
    ] {
        let crs = Crs::from_user_input(text).unwrap();
        assert_eq!(crs.datum(), datum);
        assert_eq!(crs.gauss_kruger().map(|(zone, _)| zone.number()), Some(37));
    }
}

#[test]
fn a_code_under_another_datums_parameters_loses() {
    let text = ESRI_ZONE
        .replace("D_China_2000", "D_Xian_1980")
        .replace("SPHEROID[\"CGCS2000\",6378137.0,298.257222101]", "SPHEROID[\"Xian_1980\",6378140.0,298.257]")
        .replace("UNIT[\"Meter\",1.0]]", "UNIT[\"Meter\",1.0],AUTHORITY[\"EPSG\",\"4525\"]]");
    let crs = Crs::from_user_input(&text).unwrap();
    assert_eq!((crs.epsg(), crs.datum()), (None, Datum::Xian80));
    assert!(matches!(crs.warnings(), [CrsWarning::AuthorityContradicted { .. }]), "{:?}", crs.warnings());
    let unknown = ESRI_ZONE.replace("UNIT[\"Meter\",1.0]]", "UNIT[\"Meter\",1.0],AUTHORITY[\"EPSG\",\"999999\"]]");
    let crs = Crs::from_user_input(&unknown).unwrap();
    assert_eq!(crs.epsg(), Some(4525));
    assert!(matches!(crs.warnings(), [CrsWarning::UnknownAuthority { .. }]), "{:?}", crs.warnings());
}

#[test]
fn feet_degrees_and_metres_are_told() {
    for (input, unit_m, projected) in [
        ("EPSG:2994", 0.3048, true),
        ("EPSG:2263", 0.304_800_609_601_219, true),
        ("EPSG:4546", 1.0, true),
        ("EPSG:4490", 1.0, false),
        ("EPSG:4978", 1.0, false),
        ("EPSG:4479", 1.0, false),
    ] {
        let crs = Crs::from_user_input(input).unwrap();
        assert!((crs.unit_m() - unit_m).abs() < 1e-12, "{input}: {}", crs.unit_m());
        assert_eq!(crs.is_projected(), projected, "{input}");
    }
    assert!(Crs::from_epsg(4479).unwrap().is_geocentric());
    assert!(Crs::from_epsg(4490).unwrap().is_geographic());
}

#[test]
fn the_built_in_systems_are_those_of_the_database() {
    for (own, epsg) in [(Crs::wgs84(), 4326), (Crs::cgcs2000(), 4490), (Crs::web_mercator(), 3857), (Crs::ecef(), 4978)]
    {
        let official = Crs::from_epsg(epsg).unwrap();
        assert_eq!(own, official);
        assert_eq!(own.datum(), official.datum());
        assert_eq!(own.ellipsoid(), official.ellipsoid());
        assert_eq!(own.is_northing_first(), official.is_northing_first(), "{epsg}");
        assert_eq!(
            (own.is_geographic(), own.is_projected(), own.is_geocentric()),
            (official.is_geographic(), official.is_projected(), official.is_geocentric())
        );
        assert_eq!(own.height_datum(), official.height_datum());
    }
}

#[test]
fn a_compound_system_from_a_point_cloud_keeps_both_parts() {
    let wkt = r#"COMPD_CS["NAD83(2011) / Oregon GIC Lambert (ft) + NAVD88 height (ft)",PROJCS["NAD83(2011) / Oregon GIC Lambert (ft)",GEOGCS["NAD83(2011)",DATUM["NAD83_National_Spatial_Reference_System_2011",SPHEROID["GRS 1980",6378137,298.257222101]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Lambert_Conformal_Conic_2SP"],PARAMETER["latitude_of_origin",41.75],PARAMETER["central_meridian",-120.5],PARAMETER["standard_parallel_1",43],PARAMETER["standard_parallel_2",45.5],PARAMETER["false_easting",1312335.958],PARAMETER["false_northing",0],UNIT["foot",0.3048]],VERT_CS["NAVD88 height (ft)",VERT_DATUM["North American Vertical Datum 1988",2005],UNIT["foot",0.3048],AXIS["Up",UP]]]"#;
    let crs = Crs::from_user_input(wkt).unwrap();
    assert!(crs.is_projected());
    assert!((crs.unit_m() - 0.3048).abs() < 1e-12);
    assert!(crs.vertical_unit_m().is_some_and(|m| (m - 0.3048).abs() < 1e-12));
    let transform = Transform::new(&crs, &Crs::wgs84()).unwrap();
    // The middle of the Autzen stadium survey.
    let mut points = [[637_290.76, 851_209.9, 431.66]];
    transform.points_3d(&mut points).unwrap();
    let [lon, lat, height] = points[0];
    assert!((lon + 123.068).abs() < 0.01 && (lat - 44.058).abs() < 0.01, "{points:?}");
    assert!((height - 431.66 * 0.3048).abs() < 1e-9, "{height}");
}

#[test]
fn a_geocentric_text_is_earth_centred_wherever_it_comes_from() {
    for input in [
        r#"GEOCCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],UNIT["metre",1],AXIS["Geocentric X",OTHER],AXIS["Geocentric Y",OTHER],AXIS["Geocentric Z",NORTH]]"#,
        "+proj=geocent +datum=WGS84",
        "EPSG:4978",
        "EPSG:4479",
    ] {
        let crs = Crs::from_user_input(input).unwrap();
        assert!(crs.is_geocentric(), "{input}");
        let mut points = [geodesy::frame::ecef_from_lon_lat_height_deg([109.7388, 28.3119, 250.0])];
        Transform::new(&crs, &Crs::cgcs2000()).unwrap().points_3d(&mut points).unwrap();
        // CGCS2000's flattening differs from WGS 84's in the ninth digit: a tenth of a millimetre.
        assert!((points[0][0] - 109.7388).abs() < 1e-9 && (points[0][1] - 28.3119).abs() < 1e-8, "{input}: {points:?}");
        assert!((points[0][2] - 250.0).abs() < 2e-4, "{input}: {points:?}");
    }
}

#[test]
fn what_is_no_place_is_refused_with_a_reason() {
    for input in [
        "",
        "garbage",
        "EPSG:999999",
        "EPSG:abc",
        "PROJCS[",
        "GEOGCS[\"x\"]",
        "{",
        "+proj=nosuch",
        "+init=/etc/passwd:x",
        "+init=epsg:4326",
        "+proj=pipeline +step +proj=utm +zone=49",
        "LOCAL_CS[\"a\",UNIT[\"metre\",1]]",
        "EPSG:5737",
        "Beijing",
        "99999999999",
    ] {
        let refused = Crs::from_user_input(input);
        assert!(matches!(refused, Err(GeodesyError::CrsNotUnderstood { .. })), "{input}: {refused:?}");
    }
    let long = "x".repeat(100_000);
    assert!(Crs::from_user_input(&long).is_err(), "a long text was read");
    let deep = format!("{}{}", "BOUNDCRS[SOURCECRS[".repeat(3000), "]".repeat(6000));
    assert!(Crs::from_user_input(&deep).is_err(), "a deep text was read");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn a_damaged_text_is_read_or_refused_but_never_breaks(at in 0..700usize, what in "[\\[\\]\",a-zA-Z0-9.+-]{0,3}", cut in 0..3usize) {
        let mut text: Vec<char> = CONTRADICTED.chars().collect();
        let at = at.min(text.len() - 3);
        text.splice(at..at + cut, what.chars());
        let text: String = text.into_iter().collect();
        if let Ok(crs) = Crs::from_user_input(&text) {
            prop_assert!(!crs.definition().is_empty());
        }
    }
}
