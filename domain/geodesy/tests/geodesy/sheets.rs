//! Map-sheet numbers both ways.

use geodesy::sheet::{Sheet, SheetScale};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_sheet_holds_its_place_and_its_number_names_it(lon in -180.0..179.999f64, lat in 0.0..87.999f64) {
        for scale in SheetScale::all() {
            let sheet = Sheet::at([lon, lat], scale).unwrap();
            let [west, south, east, north] = sheet.bounds_lon_lat_deg();
            prop_assert!(west - 1e-7 <= lon && lon < east + 1e-7, "{lon} in {sheet}");
            prop_assert!(south - 1e-7 <= lat && lat < north + 1e-7, "{lat} in {sheet}");
            prop_assert_eq!(sheet.to_string().parse::<Sheet>().unwrap(), sheet);
            let middle = [f64::midpoint(west, east), f64::midpoint(south, north)];
            prop_assert_eq!(Sheet::at(middle, scale).unwrap(), sheet);
        }
    }

    #[test]
    fn no_text_breaks_the_reader(text in "\\PC{0,14}") {
        if let Ok(sheet) = text.parse::<Sheet>() {
            prop_assert_eq!(sheet.to_string(), text.trim().to_ascii_uppercase());
        }
    }
}

#[test]
fn sheet_sizes_are_the_standards() {
    // GB/T 13989-2012 table 1: minutes of longitude and latitude.
    for (number, width_min, height_min) in [
        ("H49", 360.0, 240.0),
        ("H49B001001", 180.0, 120.0),
        ("H49C001001", 90.0, 60.0),
        ("H49D001001", 30.0, 20.0),
        ("H49E001001", 15.0, 10.0),
        ("H49F001001", 7.5, 5.0),
        ("H49G001001", 3.75, 2.5),
        ("H49H001001", 1.875, 1.25),
        ("H49I001001", 0.625, 25.0 / 60.0),
        ("H49J00010001", 18.75 / 60.0, 12.5 / 60.0),
        ("H49K00010001", 9.375 / 60.0, 6.25 / 60.0),
    ] {
        let [west, south, east, north] = number.parse::<Sheet>().unwrap().bounds_lon_lat_deg();
        assert!(((east - west) * 60.0 - width_min).abs() < 1e-9, "{number}");
        assert!(((north - south) * 60.0 - height_min).abs() < 1e-9, "{number}");
    }
}

#[test]
fn numbers_that_name_no_sheet_are_refused() {
    for number in [
        "",
        "H",
        "H4",
        "H61",
        "Z49",
        "H49G",
        "H49G097001",
        "H49G000001",
        "H49J001001",
        "H49L001001",
        "H49G0010010",
        "图幅",
    ] {
        let refused = number.parse::<Sheet>();
        assert!(refused.is_err(), "{number} was read as {refused:?}");
    }
}
