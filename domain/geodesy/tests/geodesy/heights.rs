//! Height datums and geoid grids.

use geodesy::{
    Crs, HeightDatum,
    height::{GeoidGrid, HeightShift},
};
use proptest::prelude::*;

/// A GTX grid of a plane: 10 + lon - 2 lat.
fn plane_gtx() -> Vec<u8> {
    let (rows, columns) = (5i32, 7i32);
    let mut bytes = Vec::new();
    for v in [20.0f64, 100.0, 0.5, 0.25] {
        bytes.extend(v.to_be_bytes());
    }
    bytes.extend(rows.to_be_bytes());
    bytes.extend(columns.to_be_bytes());
    for j in 0..rows {
        for i in 0..columns {
            let (lon, lat) = (100.0 + 0.25 * f64::from(i), 20.0 + 0.5 * f64::from(j));
            bytes.extend(((10.0 + lon - 2.0 * lat) as f32).to_be_bytes());
        }
    }
    bytes
}

#[test]
fn a_grid_is_interpolated_between_its_nodes_and_refused_outside() {
    let grid = GeoidGrid::from_gtx(&plane_gtx()).unwrap();
    for (lon, lat) in [(100.0, 20.0), (100.6, 21.3), (101.5, 22.0)] {
        let expected = 10.0 + lon - 2.0 * lat;
        assert!((grid.separation_m([lon, lat]).unwrap() - expected).abs() < 1e-4, "{lon} {lat}");
    }
    for place in [[99.9, 21.0], [101.6, 21.0], [101.0, 22.1], [101.0, 19.9], [f64::NAN, 21.0]] {
        let refused = grid.separation_m(place);
        assert!(refused.is_err(), "{place:?} gave {refused:?}");
    }
    let down = HeightShift::Geoid { grid: grid.clone(), to_ellipsoidal: false };
    let up = HeightShift::Geoid { grid, to_ellipsoidal: true };
    let normal_m = down.apply_m([100.6, 21.3], 50.0).unwrap();
    assert!((normal_m - (50.0 - 68.0)).abs() < 1e-4, "{normal_m}");
    assert!((up.apply_m([100.6, 21.3], normal_m).unwrap() - 50.0).abs() < 1e-9);
}

proptest! {
    #[test]
    fn no_bytes_break_the_grid_reader(cut in 0..180usize, at in 0..180usize, value: u8) {
        let mut bytes = plane_gtx();
        if let Some(byte) = bytes.get_mut(at) { *byte = value; }
        bytes.truncate(cut);
        prop_assert!(GeoidGrid::from_gtx(&bytes).is_err());
        let mut bytes = plane_gtx();
        if let Some(byte) = bytes.get_mut(at) { *byte = value; }
        if let Ok(separation) = GeoidGrid::from_gtx(&bytes).and_then(|grid| grid.separation_m([100.6, 21.3])) {
            prop_assert!(separation.is_finite());
        }
    }

    #[test]
    fn a_height_datum_reads_what_it_writes(name in "[a-zA-Z0-9 ]{1,20}") {
        for datum in [HeightDatum::Ellipsoidal, HeightDatum::Normal1985, HeightDatum::Egm96, HeightDatum::Unknown, HeightDatum::Other(name.clone())] {
            prop_assert_eq!(HeightDatum::from(datum.to_string()), datum);
        }
    }
}

#[test]
fn a_compound_system_says_its_height_datum_and_unit() {
    for (input, datum, unit_m) in [
        ("EPSG:4490+5737", HeightDatum::Normal1985, Some(1.0)),
        ("EPSG:4326+5773", HeightDatum::Egm96, Some(1.0)),
        ("EPSG:6349", HeightDatum::Other("North American Vertical Datum 1988".to_owned()), Some(1.0)),
        (
            "EPSG:2992+6360",
            HeightDatum::Other("North American Vertical Datum 1988".to_owned()),
            Some(0.304_800_609_601_219),
        ),
        ("EPSG:4979", HeightDatum::Ellipsoidal, Some(1.0)),
        ("EPSG:4480", HeightDatum::Ellipsoidal, Some(1.0)),
        ("EPSG:4546", HeightDatum::Unknown, None),
    ] {
        let crs = Crs::from_user_input(input).unwrap();
        assert_eq!(crs.height_datum(), datum, "{input}");
        match (crs.vertical_unit_m(), unit_m) {
            (Some(own), Some(expected)) => assert!((own - expected).abs() < 1e-12, "{input}: {own}"),
            (own, expected) => assert_eq!(own, expected, "{input}"),
        }
    }
}
