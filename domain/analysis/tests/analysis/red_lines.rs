//! Red lines: every format, what is repaired and said, what is refused, and hostile bytes.

use analysis::{
    AnalysisError, Polygon, RedLine, RedParcel,
    red_line::{
        boundary_txt::{TextEncoding, TextOptions, write},
        read,
    },
};
use geodesy::{Crs, area};
use proptest::prelude::*;
use rust_xlsxwriter::Workbook;
use serde_json::json;

/// A text as an office writes it: X north first, Y with its zone, GBK, CRLF.
const TEXT: &str = "[属性描述]\r\n格式版本号=1.01版本\r\n数据产生单位=样例县自然资源局\r\n数据产生日期=2024-09-01\r\n坐标系=2000国家大地坐标系\r\n几度分带=3\r\n投影类型=高斯克吕格\r\n计量单位=米\r\n带号=37\r\n精度=0.001\r\n转换参数=,,,,,,\r\n[地块坐标]\r\n5,6.8342,1,样例工业园,面,,100101,,@\r\nJ1,1,3132327.398,37374384.481\r\nJ2,1,3132016.675,37374460.974\r\nJ3,1,3131965.624,37374253.597\r\nJ4,1,3132276.347,37374177.104\r\nJ1,1,3132327.398,37374384.481\r\n";

fn gbk(text: &str) -> Vec<u8> {
    encoding_rs::GBK.encode(text).0.into_owned()
}

fn text(bytes: impl AsRef<[u8]>) -> RedLine {
    read(bytes.as_ref(), "红线.txt", None).unwrap()
}

/// What a refused file is told in Chinese.
fn refusal(bytes: impl AsRef<[u8]>, name: &str) -> String {
    match read(bytes.as_ref(), name, None) {
        Err(AnalysisError::RedLine { what_zh, .. }) => what_zh,
        other => panic!("not refused: {other:?}"),
    }
}

fn says(red_line: &RedLine, words: &str) -> bool {
    red_line.warnings.iter().any(|notice| notice.zh.contains(words) && !notice.en.is_empty())
}

/// A text of parcels: lines of `ring,x,y`, in zone 37 without header but for the zone.
fn body(points: &[(u32, f64, f64)]) -> String {
    let lines: String =
        points.iter().enumerate().map(|(i, (ring, x, y))| format!("J{},{ring},{x},{y}\n", i + 1)).collect();
    format!("[属性描述]\n坐标系=2000国家大地坐标系\n几度分带=3\n带号=37\n[地块坐标]\n,,1,甲,面,,,,@\n{lines}")
}

#[test]
fn the_ministrys_text_is_read_with_its_zone_and_written_byte_for_byte_the_same() {
    let red_line = text(gbk(TEXT));
    assert_eq!(red_line.crs.epsg(), Some(4525));
    assert_eq!(red_line.warnings, []);
    let parcel = &red_line.parcels[0];
    assert_eq!((parcel.name.as_str(), parcel.land_use.as_str(), parcel.number.as_str()), ("样例工业园", "100101", "1"));
    assert_eq!(parcel.polygons[0].exterior.len(), 4);
    assert_eq!(parcel.polygons[0].exterior[0], [37_374_384.481, 3_132_327.398]);
    let areas = parcel.areas(&red_line.crs).unwrap();
    assert!((areas.plane_m2.unwrap() - 68_342.0).abs() < 0.3, "{areas:?}");
    assert!((areas.ellipsoidal_m2.unwrap() / areas.plane_m2.unwrap() - 1.0 + 390e-6).abs() < 60e-6, "{areas:?}");
    assert_eq!(write(&red_line, &TextOptions::default()).unwrap(), gbk(TEXT));
    let utf8 = TextOptions { encoding: TextEncoding::Utf8, ..TextOptions::default() };
    assert_eq!(write(&text(TEXT), &utf8).unwrap(), TEXT.as_bytes());
    assert_eq!(text([b"\xef\xbb\xbf", TEXT.as_bytes()].concat()), text(TEXT));
}

#[test]
fn a_red_line_from_elsewhere_is_written_with_its_zone_number_and_read_back() {
    let square = |x: f64, y: f64, side: f64| vec![[x, y], [x + side, y], [x + side, y + side], [x, y + side]];
    let polygon = Polygon {
        exterior: square(374_000.123_4, 3_132_000.0, 200.0),
        holes: vec![square(374_050.0, 3_132_050.0, 20.0)],
    };
    let parcel =
        |name: &str, polygon| RedParcel { name: name.to_owned(), polygons: vec![polygon], ..RedParcel::default() };
    let other = Polygon { exterior: square(375_000.0, 3_132_000.0, 50.0), holes: vec![] };
    let red_line = RedLine {
        crs: Crs::from_epsg(4546).unwrap(),
        parcels: vec![parcel("甲", polygon), parcel("乙", other)],
        attributes: vec![],
        warnings: vec![],
    };
    let options =
        TextOptions { producer: "样例县".to_owned(), date: "2024-09-01".to_owned(), encoding: TextEncoding::Gbk };
    let bytes = write(&red_line, &options).unwrap();
    let again = text(&bytes);
    assert_eq!(again.crs.epsg(), Some(4525));
    assert_eq!(again.warnings, []);
    assert_eq!(again.parcels.len(), 2);
    assert_eq!(again.parcels[0].polygons[0].holes.len(), 1);
    assert_eq!(again.parcels[0].polygons[0].exterior[0], [37_374_000.123, 3_132_000.0]);
    assert_eq!(write(&again, &TextOptions::default()).unwrap(), bytes);
    let written = encoding_rs::GBK.decode(&bytes).0.into_owned();
    assert!(written.contains("\r\n10,3.9600,1,甲,面,,,,@\r\nJ1,1,3132000.000,37374000.123\r\n"), "{written}");
    assert!(written.contains("\r\nJ5,2,3132050.000,37374050.000\r\n"), "{written}");
    // Back in the plane without numbers, exactly.
    let home = again.in_plane(&red_line.crs).unwrap();
    assert_eq!(home.parcels[1].polygons, red_line.parcels[1].polygons);
    let degrees = RedLine { crs: Crs::cgcs2000(), ..red_line };
    assert!(matches!(write(&degrees, &options), Err(AnalysisError::RedLine { .. })));
}

#[test]
fn swapped_axes_and_missing_zone_numbers_are_put_right_and_said() {
    let swapped = "J1,1,37374384.481,3132327.398\nJ2,1,37374460.974,3132016.675\nJ3,1,37374253.597,3131965.624\n";
    let red_line = text(swapped);
    assert_eq!(red_line.crs.epsg(), Some(4525));
    assert_eq!(red_line.parcels[0].polygons[0].exterior[0], [37_374_384.481, 3_132_327.398]);
    assert!(says(&red_line, "坐标轴颠倒") && says(&red_line, "没有写坐标系"), "{:?}", red_line.warnings);

    let red_line = text(
        TEXT.replace("373743", "3743").replace("373744", "3744").replace("373742", "3742").replace("373741", "3741"),
    );
    assert_eq!(red_line.crs.epsg(), Some(4546));
    assert!(says(&red_line, "没有带号，按文件所写带号 37"), "{:?}", red_line.warnings);

    let bare = "3132327.398 374384.481\n3132016.675 374460.974\n3131965.624 374253.597\n";
    assert!(refusal(bare, "a.txt").contains("没有带号"));
    let red_line = read(bare.as_bytes(), "a.txt", Some(&Crs::from_epsg(4546).unwrap())).unwrap();
    assert_eq!(red_line.crs.epsg(), Some(4546));
    assert!(says(&red_line, "按本平台"), "{:?}", red_line.warnings);
}

#[test]
fn contradictions_are_refused_not_resolved() {
    assert!(refusal(TEXT.replace("带号=37", "带号=38"), "a.txt").contains("互相矛盾"));
    assert!(refusal(TEXT.replace("几度分带=3", "几度分带=6"), "a.txt").contains("不是 6 度带"));
    assert!(refusal(TEXT.replace("2000国家大地坐标系", "某地独立坐标系"), "a.txt").contains("无法识别"));
    assert!(refusal("J1,1,10,20\nJ2,1,10,30\nJ3,1,20,30\n", "a.txt").contains("既不像"));
    assert!(refusal(TEXT.replace(",面,", ",线,"), "a.txt").contains("第 13 行"));
    assert!(refusal(TEXT.replace("37374460.974", "三千"), "a.txt").contains("第 15 行"));
    assert!(refusal("", "a.txt").contains("没有找到"));
    assert!(refusal([0x81, 0x20, 0xff, 0xff], "a.txt").contains("GBK"));
}

#[test]
fn old_datums_are_kept_by_name_and_refused_by_whoever_needs_degrees() {
    let red_line = text(TEXT.replace("2000国家大地坐标系", "1980西安坐标系"));
    assert_eq!(red_line.crs.epsg(), Some(2361));
    assert_eq!(red_line.parcels[0].areas(&red_line.crs).unwrap().ellipsoidal_m2, None);
    assert!(matches!(red_line.bounds_lon_lat_deg(), Err(AnalysisError::Geodesy(_))));
    assert_eq!(text(TEXT.replace("2000国家大地坐标系", "1954年北京坐标系")).crs.epsg(), Some(2413));
}

#[test]
fn rings_that_cross_themselves_are_refused_with_their_points() {
    let bow = body(&[
        (1, 3.1e6, 374_000.0),
        (1, 3.1e6 + 100.0, 374_100.0),
        (1, 3.1e6, 374_100.0),
        (1, 3.1e6 + 100.0, 374_000.0),
    ]);
    let said = refusal(&bow, "a.txt");
    assert!(said.contains("自相交") && said.contains("J1–J2") && said.contains("J3–J4"), "{said}");
    let spike =
        body(&[(1, 3.1e6, 374_000.0), (1, 3.1e6, 374_100.0), (1, 3.1e6, 374_050.0), (1, 3.1e6 + 100.0, 374_050.0)]);
    assert!(refusal(&spike, "a.txt").contains("J1–J2 与边 J2–J3"), "{}", refusal(&spike, "a.txt"));
    let across = body(&[
        (1, 3.1e6, 374_000.0),
        (1, 3.1e6, 374_100.0),
        (1, 3.1e6 + 100.0, 374_100.0),
        (1, 3.1e6 + 100.0, 374_000.0),
        (2, 3.1e6 + 50.0, 374_050.0),
        (2, 3.1e6 + 50.0, 374_150.0),
        (2, 3.1e6 + 60.0, 374_150.0),
        (2, 3.1e6 + 60.0, 374_050.0),
    ]);
    assert!(refusal(&across, "a.txt").contains("第 1 圈与第 2 圈相交"));
    assert!(refusal(body(&[(1, 3.1e6, 374_000.0), (1, 3.1e6, 374_100.0)]), "a.txt").contains("不能围成面"));
    // A ring that touches itself in a point encloses a definite area.
    let touching = body(&[
        (1, 3.1e6, 374_000.0),
        (1, 3.1e6, 374_100.0),
        (1, 3.1e6 + 50.0, 374_050.0),
        (1, 3.1e6 + 100.0, 374_100.0),
        (1, 3.1e6 + 100.0, 374_000.0),
        (1, 3.1e6 + 50.0, 374_050.0),
    ]);
    assert_eq!(text(touching).parcels[0].polygons.len(), 1);
}

#[test]
fn holes_islands_closing_points_and_repeated_points_are_sorted_out() {
    let square = |ring: u32, at: f64, side: f64, close: bool| {
        let (x, y) = (3.1e6 + at, 374_000.0 + at);
        let mut points = vec![(ring, x, y), (ring, x, y + side), (ring, x + side, y + side), (ring, x + side, y)];
        if close {
            points.push((ring, x, y));
        }
        points
    };
    let all = [
        square(1, 0.0, 100.0, true),
        square(2, 20.0, 60.0, false),
        square(3, 40.0, 20.0, true),
        square(4, 200.0, 10.0, false),
    ];
    let red_line = text(body(&all.concat()));
    let polygons = &red_line.parcels[0].polygons;
    let holes: Vec<usize> = polygons.iter().map(|polygon| polygon.holes.len()).collect();
    assert_eq!(holes, [1, 0, 0]);
    assert!(polygons.iter().flat_map(Polygon::rings).all(|ring| ring.len() == 4));
    let areas = red_line.parcels[0].areas(&red_line.crs).unwrap();
    assert!((areas.plane_m2.unwrap() - (10_000.0 - 3_600.0 + 400.0 + 100.0)).abs() < 1e-6);

    let repeated = TEXT.replace("J3,1", "J2b,1,3132016.675,37374460.974\r\nJ3,1");
    let red_line = text(&repeated);
    assert!(says(&red_line, "J2b") && red_line.parcels[0].polygons[0].exterior.len() == 4);
    assert!(refusal(TEXT.replacen("3132327.398", "3132327.400", 1), "a.txt").contains("首尾两个点 J1"));
}

#[test]
fn a_stated_area_that_is_not_the_coordinates_is_said() {
    let red_line = text(TEXT.replace(",6.8342,", ",6.9342,"));
    assert!(
        says(&red_line, "标注面积 6.9342") && says(&red_line, "6.8342") && says(&red_line, "6.8315"),
        "{:?}",
        red_line.warnings
    );
    assert!(says(&text(TEXT.replace(",6.8342,", ",68342,")), "似按平方米"));
    assert!(text(TEXT.replace(",6.8342,", ",6.8315,")).warnings.is_empty(), "the ellipsoidal area is as good");
    assert!(says(&text(TEXT.replace("\r\n5,", "\r\n9,")), "标明界址点 9 个，实有 5 个"));
    assert!(text(TEXT.replace("\r\n5,", "\r\n4,")).warnings.is_empty(), "the closing point need not be counted");
}

fn workbook(rows: &[&[&str]]) -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.set_name("地块甲").unwrap();
    for (r, row) in rows.iter().enumerate() {
        for (c, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            match cell.parse::<f64>() {
                Ok(number) => sheet.write_number(r as u32, c as u16, number).unwrap(),
                Err(_) => sheet.write_string(r as u32, c as u16, *cell).unwrap(),
            };
        }
    }
    book.save_to_buffer().unwrap()
}

#[test]
fn excel_tables_are_read_by_their_headers() {
    let rows: &[&[&str]] = &[
        &["宗地界址点成果表"],
        &["序号", "点号", "纵坐标 X(m)", "横坐标 Y(m)", "边长"],
        &["1", "J1", "3132327.398", "37374384.481", "320"],
        &["2", "J2", "3132016.675", "37374460.974", ""],
        &["3", "J3", "3131965.624", "37374253.597", ""],
        &["4", "J4", "3132276.347", "37374177.104", ""],
        &["", "J1", "3132327.398", "37374384.481", ""],
        &["", "", "", "", ""],
        &["5", "J5", "3132200", "37374300", ""],
        &["6", "J6", "3132200", "37374310", ""],
        &["7", "J7", "3132190", "37374310", ""],
    ];
    let red_line = read(&workbook(rows), "红线.xlsx", None).unwrap();
    assert_eq!(red_line.crs.epsg(), Some(4525));
    assert_eq!(red_line.parcels[0].name, "地块甲");
    assert_eq!(red_line.parcels[0].polygons[0].exterior, text(TEXT).parcels[0].polygons[0].exterior);
    assert_eq!(red_line.parcels[0].polygons[0].holes.len(), 1);

    // The word decides, not the letter: 横坐标 is east though it is called X here.
    let rows: &[&[&str]] = &[
        &["地块名称", "横坐标X", "纵坐标Y"],
        &["甲", "374384.481", "3132327.398"],
        &["", "374460.974", "3132016.675"],
        &["", "374253.597", "3131965.624"],
        &["乙", "374384.481", "3131327.398"],
        &["", "374460.974", "3131016.675"],
        &["", "374253.597", "3130965.624"],
    ];
    let red_line = read(&workbook(rows), "a.xlsx", Some(&Crs::from_epsg(4546).unwrap())).unwrap();
    let names: Vec<&str> = red_line.parcels.iter().map(|parcel| parcel.name.as_str()).collect();
    assert_eq!((names, red_line.crs.epsg()), (vec!["甲", "乙"], Some(4546)));
    assert_eq!(red_line.parcels[0].polygons[0].exterior[0], [374_384.481, 3_132_327.398]);
    assert!(!says(&red_line, "颠倒"));

    let rows: &[&[&str]] =
        &[&["点号", "经度", "纬度"], &["1", "109.7", "28.3"], &["2", "109.71", "28.3"], &["3", "109.7", "28.31"]];
    assert_eq!(read(&workbook(rows), "a.xlsx", None).unwrap().crs.epsg(), Some(4490));
    let rows: &[&[&str]] = &[&["X", "Y"], &["3132327", "37374384"], &["3132016", "无"]];
    assert!(refusal(workbook(rows), "a.xlsx").contains("第 3 行坐标不是数"));
    assert!(refusal(workbook(&[&["姓名", "电话"]]), "a.xlsx").contains("没有坐标表"));
}

#[test]
fn geojson_and_our_own_json_are_read() {
    let own = text(TEXT);
    let again = RedLine::from_json(&own.to_json()).unwrap();
    assert_eq!((again.crs, &again.parcels, &again.attributes), (own.crs.clone(), &own.parcels, &own.attributes));
    let bytes = serde_json::to_vec(&own.to_json()).unwrap();
    assert_eq!(read(&bytes, "red-line.json", None).unwrap().parcels, own.parcels);

    let ring = json!([[109.70, 28.30], [109.71, 28.30], [109.71, 28.31], [109.70, 28.30]]);
    let feature = json!({ "type": "Feature", "properties": { "DKMC": "乙" }, "geometry": { "type": "Polygon", "coordinates": [ring] } });
    let document = json!({ "type": "FeatureCollection", "features": [feature] });
    let red_line = read(document.to_string().as_bytes(), "a.geojson", None).unwrap();
    assert_eq!((red_line.crs.epsg(), red_line.parcels[0].name.as_str()), (Some(4490), "乙"));
    let plane = red_line.in_plane(&Crs::from_epsg(4546).unwrap()).unwrap();
    assert!(plane.parcels[0].polygons[0].exterior.len() > 3, "edges straight in degrees bend in the plane");
    let ellipsoidal = area::ellipsoidal_area_m2(&red_line.parcels[0].polygons[0].exterior);
    let moved = plane.parcels[0].areas(&plane.crs).unwrap().ellipsoidal_m2.unwrap();
    assert!((moved - ellipsoidal).abs() < 1.0, "{moved} {ellipsoidal}");

    let mut prefixed = document.clone();
    prefixed["crs"] = json!({ "type": "name", "properties": { "name": "urn:ogc:def:crs:EPSG::4546" } });
    prefixed["features"][0]["geometry"]["coordinates"] =
        json!([[[37_374_384.0, 3_132_327.0], [37_374_460.0, 3_132_016.0], [37_374_253.0, 3_131_965.0]]]);
    let red_line = read(prefixed.to_string().as_bytes(), "a.geojson", None).unwrap();
    assert_eq!(red_line.crs.epsg(), Some(4525));
    assert!(says(&red_line, "带有带号 37"), "{:?}", red_line.warnings);
    prefixed["crs"]["properties"]["name"] = json!("EPSG:4547");
    assert!(refusal(prefixed.to_string(), "a.geojson").contains("互相矛盾"));
    let swapped = json!({ "type": "Polygon", "coordinates": [[[28.30, 109.70], [28.30, 109.71], [28.31, 109.71]]] });
    assert!(says(&read(swapped.to_string().as_bytes(), "a.geojson", None).unwrap(), "坐标轴颠倒"));
    assert!(refusal(json!({ "type": "LineString", "coordinates": [] }).to_string(), "a.json").contains("不是面"));
    assert!(refusal("{", "a.json").contains("JSON"));
    assert!(refusal("[".repeat(100_000), "a.json").contains("JSON"));
}

#[test]
fn workbooks_that_unpack_to_too_much_or_claim_huge_sheets_are_survived() {
    use std::io::Write as _;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    writer.start_file("xl/workbook.xml", options).unwrap();
    let block = vec![0; 1 << 20];
    for _ in 0..160 {
        writer.write_all(&block).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    assert!(bytes.len() < 1 << 20);
    assert!(refusal(&bytes, "a.xlsx").contains("过大"));
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_string(0, 0, "X").unwrap();
    sheet.write_string(1_048_575, 16_383, "Y").unwrap();
    assert!(refusal(book.save_to_buffer().unwrap(), "a.xlsx").contains("没有坐标表"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), name in prop::sample::select(vec!["a.txt", "a.xlsx", "a.json", "a.geojson", "a"])) {
        prop_assert!(read(&bytes, name, None).is_err());
    }

    #[test]
    fn damaged_files_never_panic(at in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), which in 0..3usize) {
        let own = text(TEXT);
        let mut bytes = match which {
            0 => gbk(TEXT),
            1 => serde_json::to_vec(&own.to_json()).unwrap(),
            _ => workbook(&[&["点号", "X", "Y"], &["J1", "3132327.398", "37374384.481"], &["J2", "3132016.675", "37374460.974"], &["J3", "3131965.624", "37374253.597"]]),
        };
        for (index, byte) in &at {
            let index = index.index(bytes.len());
            bytes[index] = *byte;
        }
        if let Ok(red_line) = read(&bytes, ["a.txt", "a.json", "a.xlsx"][which], None) {
            let points: usize = red_line.parcels.iter().flat_map(|p| &p.polygons).flat_map(Polygon::rings).map(Vec::len).sum();
            prop_assert!(points < 20);
        }
    }

    #[test]
    fn written_texts_are_stable(points in prop::collection::vec((0.0..1000.0f64, 0.0..1000.0f64), 3..30), zone in 25u8..46) {
        // A star around its centre never crosses itself.
        let mut around: Vec<(f64, f64)> = points.iter().map(|(a, r)| (a / 1000.0 * std::f64::consts::TAU, 10.0 + r)).collect();
        around.sort_by(|a, b| a.0.total_cmp(&b.0));
        around.dedup_by(|a, b| (a.0 - b.0).abs() < 1e-3);
        prop_assume!(around.len() >= 3);
        let centre = [500_000.0 + f64::from(zone) * 1e6, 3_000_000.0];
        let exterior: Vec<[f64; 2]> = around.iter().map(|(a, r)| [centre[0] + r * a.cos(), centre[1] + r * a.sin()]).collect();
        let crs = Crs::from_epsg(4488 + u32::from(zone)).unwrap();
        let parcel = RedParcel { name: "甲".to_owned(), polygons: vec![Polygon { exterior, holes: vec![] }], ..RedParcel::default() };
        let red_line = RedLine { crs, parcels: vec![parcel], attributes: vec![], warnings: vec![] };
        let bytes = write(&red_line, &TextOptions::default()).unwrap();
        if let Ok(again) = read(&bytes, "a.txt", None) {
            prop_assert_eq!(write(&again, &TextOptions::default()).unwrap(), bytes);
        }
    }
}
