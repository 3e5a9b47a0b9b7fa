//! Values that others computed: PROJ through pyproj, public GCJ-02 code, GB/T 13989's own example.

use geodesy::{
    Crs, TileCoord, TileMatrixSet, Transform, area, offset,
    sheet::{Sheet, SheetScale},
};

/// EPSG target, longitude and latitude, easting and northing by PROJ 9.5.1.
const PROJECTED: [(u32, [f64; 2], [f64; 2]); 5] = [
    (4546, [109.7388, 28.3119], [376_299.503_5, 3_133_652.885_4]),
    (4525, [109.7388, 28.3119], [37_376_299.503_5, 3_133_652.885_4]),
    (4547, [112.9440, 27.8297], [395_963.681_2, 3_080_017.039_6]),
    (4508, [112.9440, 27.8297], [691_536.123_8, 3_081_086.741_4]),
    (4548, [118.1369, 30.2944], [609_373.574_6, 3_353_296.520_8]),
];

/// WGS 84 and GCJ-02 of the same place, by public `JavaScript` and Python code that agree.
const SHIFTED: [([f64; 2], [f64; 2]); 3] = [
    ([109.7388, 28.3119], [109.743_532_255_316_13, 28.308_509_653_520_137]),
    ([112.944, 27.8297], [112.949_430_212_233, 27.826_250_969_990_32]),
    ([118.1369, 30.2944], [118.142_289_158_183_6, 30.292_074_635_459_592]),
];

/// Scale and number of the sheet at 114°33′45″ E 39°22′30″ N; G is the standard's own example.
const SHEETS: [(SheetScale, &str); 11] = [
    (SheetScale::Million, "J50"),
    (SheetScale::K500, "J50B001001"),
    (SheetScale::K250, "J50C001001"),
    (SheetScale::K100, "J50D002002"),
    (SheetScale::K50, "J50E004003"),
    (SheetScale::K25, "J50F008005"),
    (SheetScale::K10, "J50G015010"),
    (SheetScale::K5, "J50H030019"),
    (SheetScale::K2, "J50I090055"),
    (SheetScale::K1, "J50J01800109"),
    (SheetScale::Half, "J50K03600217"),
];

#[test]
fn projected_coordinates_agree_with_proj_to_a_tenth_of_a_millimetre() {
    for (epsg, lon_lat, expected) in PROJECTED {
        let to = Crs::from_epsg(epsg).unwrap();
        let mut points = [lon_lat];
        Transform::new(&Crs::cgcs2000(), &to).unwrap().points(&mut points).unwrap();
        for axis in 0..2 {
            assert!(
                (points[0][axis] - expected[axis]).abs() <= 1.0e-4,
                "EPSG:{epsg}: {:?} is not {expected:?}",
                points[0]
            );
        }
    }
}

#[test]
fn gcj02_and_bd09_agree_with_public_code() {
    for (wgs84, gcj02) in SHIFTED {
        let shifted = offset::gcj02_from_wgs84(wgs84);
        for axis in 0..2 {
            assert!((shifted[axis] - gcj02[axis]).abs() < 1e-12, "{shifted:?} is not {gcj02:?}");
        }
    }
    let bd09 = offset::bd09_from_wgs84(SHIFTED[0].0);
    let expected = [109.750_104_771_019_14, 28.314_183_210_214_008];
    for axis in 0..2 {
        assert!((bd09[axis] - expected[axis]).abs() < 1e-12, "{bd09:?} is not {expected:?}");
    }
}

#[test]
fn sheets_agree_with_the_standard() {
    let place = [114.0 + 33.0 / 60.0 + 45.0 / 3600.0, 39.0 + 22.0 / 60.0 + 30.0 / 3600.0];
    for (scale, number) in SHEETS {
        assert_eq!(Sheet::at(place, scale).unwrap().to_string(), number);
    }
    for (place, number) in [
        ([109.7388, 28.3119], "H49G089028"),
        ([111.6985, 29.0316], "H49G072060"),
        ([112.944, 27.8297], "G49G005080"),
        ([118.1369, 30.2944], "H50G041067"),
    ] {
        assert_eq!(Sheet::at(place, SheetScale::K10).unwrap().to_string(), number);
    }
}

#[test]
fn tiles_agree_with_the_formula() {
    let (w, c) = (TileMatrixSet::WebMercatorQuad, TileMatrixSet::Cgcs2000C);
    for (set, z, x, y) in [(c, 12, 3296, 701), (w, 12, 3296, 1711), (c, 18, 210_981, 44_919), (w, 18, 210_981, 109_561)]
    {
        let [px, py] = set.from_lon_lat_deg([109.7388, 28.3119]);
        assert_eq!(set.tile_at(z, px, py), Some(TileCoord::new(z, x, y)));
    }
}

/// EPSG, longitude of the south-west corner at 28.3 N, plane minus ellipsoid in parts per million.
const AREA_PPM: [(u32, f64, f64, f64); 5] = [
    (4546, 111.0, 0.01, 0.05),
    (4546, 111.5, 60.6, 0.1),
    (4546, 112.0, 239.9, 0.1),
    (4546, 112.49, 530.8, 0.1),
    (4508, 108.05, 2061.0, 1.0),
];

#[test]
fn a_plane_square_is_larger_than_its_ellipsoidal_area_by_the_known_amount() {
    for (epsg, lon, expected_ppm, tolerance_ppm) in AREA_PPM {
        let plane = Crs::from_epsg(epsg).unwrap();
        let ring = square_from(&plane, [lon, 28.3], 1000.0);
        let to = Transform::new(&plane, &Crs::cgcs2000()).unwrap();
        let true_m2 = area::ellipsoidal_area_of_ring_m2(&ring, &to).unwrap();
        let ppm = (area::plane_area(&ring) / true_m2 - 1.0) * 1e6;
        assert!(
            (ppm - expected_ppm).abs() <= tolerance_ppm,
            "EPSG:{epsg} at {lon}: {ppm} ppm, expected {expected_ppm}"
        );
    }
}

#[test]
fn web_mercator_is_a_third_too_large_in_hunan() {
    let plane = Crs::web_mercator();
    let ring = square_from(&plane, [109.7388, 28.3119], 1000.0);
    let to = Transform::new(&plane, &Crs::cgcs2000()).unwrap();
    let true_m2 = area::ellipsoidal_area_of_ring_m2(&ring, &to).unwrap();
    assert!((true_m2 - 772_145.0).abs() < 1.0, "{true_m2}");
}

/// A square with its south-west corner at a place.
fn square_from(plane: &Crs, lon_lat: [f64; 2], side: f64) -> [[f64; 2]; 4] {
    let mut corner = [lon_lat];
    Transform::new(&Crs::cgcs2000(), plane).unwrap().points(&mut corner).unwrap();
    let [x, y] = corner[0];
    [[x, y], [x + side, y], [x + side, y + side], [x, y + side]]
}
