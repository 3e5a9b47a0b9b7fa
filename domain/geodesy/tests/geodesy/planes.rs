//! Gauss-Kruger zones: the table of EPSG, round trips, and what raw numbers betray.

use geodesy::{
    Crs, Datum, Transform,
    gauss_kruger::{PlaneIssue, Zone, ZoneWidth, plane_issues, read_plane, zone_advice},
};
use proptest::prelude::*;

#[test]
fn every_zone_is_in_epsg_under_our_code_with_our_parameters() {
    assert_eq!(Zone::all().count(), 32);
    for zone in Zone::all() {
        for prefixed in [true, false] {
            let crs = Crs::cgcs2000_zone(zone, prefixed).unwrap();
            let (own, own_prefixed) = crs.gauss_kruger().unwrap();
            assert_eq!((own.central_meridian_deg(), own_prefixed), (zone.central_meridian_deg(), prefixed));
            assert_eq!(own, zone, "{}", crs.name());
            assert!(crs.is_northing_first() && crs.warnings().is_empty());
            let form = if prefixed {
                format!("zone {}", zone.number())
            } else {
                format!("CM {}E", zone.central_meridian_deg())
            };
            let width = if zone.width() == ZoneWidth::Three { "3-degree Gauss-Kruger" } else { "/ Gauss-Kruger" };
            assert!(crs.name().ends_with(&form) && crs.name().contains(width), "{}", crs.name());
            assert_eq!(Zone::from_epsg_cgcs2000(zone.epsg_cgcs2000(prefixed)), Some((zone, prefixed)));
        }
    }
}

/// Zone number, central meridian, prefixed and plain EPSG code, as EPSG's register lists them.
const REGISTER: [(ZoneWidth, u8, f64, u32, u32); 6] = [
    (ZoneWidth::Six, 13, 75.0, 4491, 4502),
    (ZoneWidth::Six, 23, 135.0, 4501, 4512),
    (ZoneWidth::Three, 25, 75.0, 4513, 4534),
    (ZoneWidth::Three, 37, 111.0, 4525, 4546),
    (ZoneWidth::Three, 39, 117.0, 4527, 4548),
    (ZoneWidth::Three, 45, 135.0, 4533, 4554),
];

#[test]
fn zone_numbers_meridians_and_codes_are_the_registers() {
    for (width, number, central_deg, prefixed, plain) in REGISTER {
        let zone = Zone::new(width, number).unwrap();
        assert!((zone.central_meridian_deg() - central_deg).abs() < 1e-12);
        assert_eq!((zone.epsg_cgcs2000(true), zone.epsg_cgcs2000(false)), (prefixed, plain));
        let at = Crs::from_epsg(prefixed).unwrap();
        let mut points = [[central_deg, 30.0]];
        Transform::new(&Crs::cgcs2000(), &at).unwrap().points(&mut points).unwrap();
        assert!((points[0][0] - (f64::from(number) * 1e6 + 500_000.0)).abs() < 1e-6);
    }
}

/// Runs of EPSG codes of the old national planes: datum, width, prefixed, first code, first zone, how many; from the
/// EPSG register (`proj.db` of PROJ 9.1.1).
const OLD_PLANES: [(Datum, ZoneWidth, bool, u32, u8, u8); 17] = [
    (Datum::Beijing54, ZoneWidth::Three, false, 2422, 25, 21),
    (Datum::Beijing54, ZoneWidth::Three, true, 2401, 25, 21),
    (Datum::Beijing54, ZoneWidth::Six, false, 21453, 13, 11),
    (Datum::Beijing54, ZoneWidth::Six, false, 21473, 13, 11),
    (Datum::Beijing54, ZoneWidth::Six, true, 21413, 13, 11),
    (Datum::NewBeijing, ZoneWidth::Three, false, 4782, 25, 19),
    (Datum::NewBeijing, ZoneWidth::Three, false, 4812, 44, 1),
    (Datum::NewBeijing, ZoneWidth::Three, false, 4822, 45, 1),
    (Datum::NewBeijing, ZoneWidth::Three, true, 4652, 25, 5),
    (Datum::NewBeijing, ZoneWidth::Three, true, 4766, 30, 16),
    (Datum::NewBeijing, ZoneWidth::Six, false, 4579, 13, 11),
    (Datum::NewBeijing, ZoneWidth::Six, true, 4568, 13, 11),
    (Datum::Xian80, ZoneWidth::Three, false, 2370, 25, 21),
    (Datum::Xian80, ZoneWidth::Three, true, 2349, 25, 21),
    (Datum::Xian80, ZoneWidth::Six, false, 2338, 13, 11),
    (Datum::Xian80, ZoneWidth::Six, true, 2327, 13, 11),
    (Datum::Cgcs2000, ZoneWidth::Three, true, 4513, 25, 21),
];

#[test]
fn every_old_national_plane_is_known_with_its_datum_and_zone() {
    for (datum, width, prefixed, first_code, first_zone, count) in OLD_PLANES {
        for i in 0..count {
            let crs = Crs::from_epsg(first_code + u32::from(i)).unwrap();
            let zone = Zone::new(width, first_zone + i).unwrap();
            assert_eq!(crs.datum(), datum, "{}", crs.name());
            assert_eq!(crs.gauss_kruger(), Some((zone, prefixed)), "{} {}", crs.definition(), crs.name());
        }
    }
}

#[test]
fn every_zone_comes_back_to_a_hundredth_of_a_millimetre() {
    let degrees = Crs::cgcs2000();
    for zone in Zone::all() {
        for prefixed in [true, false] {
            let plane = Crs::cgcs2000_zone(zone, prefixed).unwrap();
            let there = Transform::new(&degrees, &plane).unwrap();
            let back = Transform::new(&plane, &degrees).unwrap();
            let half = zone.width().degrees() / 2.0;
            let mut points: Vec<[f64; 2]> = (0..50)
                .map(|i| {
                    let t = f64::from(i) / 49.0;
                    [zone.central_meridian_deg() + half * (2.0 * t - 1.0), 18.0 + 36.0 * (t * 7.0).fract()]
                })
                .collect();
            let start = points.clone();
            there.points(&mut points).unwrap();
            let bounds = [points[0][0], points[0][1], points[9][0], points[9][1]];
            let reading = read_plane([
                bounds[0].min(bounds[2]),
                bounds[1].min(bounds[3]),
                bounds[0].max(bounds[2]),
                bounds[1].max(bounds[3]),
            ])
            .unwrap();
            assert!(!reading.swapped);
            assert_eq!(reading.prefix, prefixed.then_some(zone));
            back.points(&mut points).unwrap();
            for (own, exact) in points.iter().zip(&start) {
                // 1e-10 degree is 0.01 mm.
                assert!((own[0] - exact[0]).abs() < 1e-10 && (own[1] - exact[1]).abs() < 1e-10, "{own:?} {exact:?}");
            }
        }
    }
}

/// Krueger's series to the sixth order in the third flattening: L. Krueger, "Konforme Abbildung des Erdellipsoids
/// in der Ebene" (1912), as written in C. Karney, Journal of Geodesy 85 (2011), equations 7-11 and 35.
fn krueger(central_deg: f64, [lon, lat]: [f64; 2]) -> [f64; 2] {
    let f: f64 = 1.0 / 298.257_222_101;
    let n = f / (2.0 - f);
    let e = (f * (2.0 - f)).sqrt();
    let a1 = 6_378_137.0 / (1.0 + n) * (1.0 + n.powi(2) / 4.0 + n.powi(4) / 64.0 + n.powi(6) / 256.0);
    let alpha = [
        n / 2.0 - 2.0 * n.powi(2) / 3.0 + 5.0 * n.powi(3) / 16.0 + 41.0 * n.powi(4) / 180.0,
        13.0 * n.powi(2) / 48.0 - 3.0 * n.powi(3) / 5.0 + 557.0 * n.powi(4) / 1440.0,
        61.0 * n.powi(3) / 240.0 - 103.0 * n.powi(4) / 140.0,
        49561.0 * n.powi(4) / 161_280.0,
    ];
    let (tau, dlon) = (lat.to_radians().tan(), (lon - central_deg).to_radians());
    let sigma = (e * (e * tau / (1.0 + tau * tau).sqrt()).atanh()).sinh();
    let tau_conformal = tau * (1.0 + sigma * sigma).sqrt() - sigma * (1.0 + tau * tau).sqrt();
    let xi = tau_conformal.atan2(dlon.cos());
    let eta = (dlon.sin() / tau_conformal.hypot(dlon.cos())).asinh();
    let (mut x, mut y) = (xi, eta);
    for (j, a) in alpha.iter().enumerate() {
        let m = 2.0 * (j + 1) as f64;
        x += a * (m * xi).sin() * (m * eta).cosh();
        y += a * (m * xi).cos() * (m * eta).sinh();
    }
    [500_000.0 + a1 * y, a1 * x]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_zone_agrees_with_kruegers_series_to_a_tenth_of_a_millimetre(off in -3.0..3.0f64, lat in 3.0..54.0f64) {
        let plane = Crs::from_epsg(4546).unwrap();
        let place = [111.0 + off, lat];
        let mut points = [place];
        Transform::new(&Crs::cgcs2000(), &plane).unwrap().points(&mut points).unwrap();
        let series = krueger(111.0, place);
        for axis in 0..2 {
            prop_assert!((points[0][axis] - series[axis]).abs() < 1e-4, "{:?} {:?}", points[0], series);
        }
    }
}

#[test]
fn raw_numbers_betray_swapped_axes_and_prefixes() {
    let zone = Zone::new(ZoneWidth::Three, 37).unwrap();
    let plain = [376_000.0, 3_133_000.0, 377_000.0, 3_134_000.0];
    let swapped = [3_133_000.0, 376_000.0, 3_134_000.0, 377_000.0];
    let prefixed = [37_376_000.0, 3_133_000.0, 37_377_000.0, 3_134_000.0];
    let swapped_prefixed = [3_133_000.0, 37_376_000.0, 3_134_000.0, 37_377_000.0];
    assert_eq!(plane_issues(plain, zone, false), []);
    assert_eq!(plane_issues(prefixed, zone, true), []);
    assert_eq!(plane_issues(plain, zone, true), [PlaneIssue::PrefixMissing { zone }]);
    assert_eq!(plane_issues(prefixed, zone, false), [PlaneIssue::PrefixUnexpected { zone }]);
    assert_eq!(plane_issues(swapped, zone, false), [PlaneIssue::SwappedAxes]);
    assert_eq!(plane_issues(swapped_prefixed, zone, true), [PlaneIssue::SwappedAxes]);
    let other = Zone::new(ZoneWidth::Three, 38).unwrap();
    assert_eq!(plane_issues(prefixed, other, true), [PlaneIssue::OtherZone { data: zone, system: other }]);
    for nonsense in [[109.0, 28.0, 110.0, 29.0], [0.0, 0.0, 100.0, 100.0], [f64::NAN; 4]] {
        assert_eq!(read_plane(nonsense), None);
    }
    assert_eq!(Zone::from_easting_m(19_500_000.0), Zone::new(ZoneWidth::Six, 19));
    assert_eq!(Zone::from_easting_m(24_500_000.0), None);
}

#[test]
fn advice_names_the_zone_of_the_middle_and_those_reached() {
    let advice = zone_advice(109.5, 110.5, ZoneWidth::Three).unwrap();
    assert_eq!((advice.zone.number(), advice.also_reaches.len()), (37, 0));
    let wide = zone_advice(111.9, 113.4, ZoneWidth::Three).unwrap();
    assert_eq!(wide.zone.number(), 38);
    assert_eq!(wide.also_reaches, [Zone::new(ZoneWidth::Three, 37).unwrap()]);
    assert_eq!(zone_advice(111.9, 113.4, ZoneWidth::Six).unwrap().zone.number(), 19);
    assert_eq!(zone_advice(-10.0, -9.0, ZoneWidth::Three), None);
}
