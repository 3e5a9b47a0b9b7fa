//! Pictures drawn by the committed styles, checked where the answer is known without a golden picture.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use carto::{Color, Feature, Font, Geometry, LayerSet, MapView, Patterns, Style, Value, draw};

fn styles_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../styles")
}

fn style(id: &str) -> Style {
    let text = fs::read_to_string(styles_folder().join(format!("{id}.json"))).expect("the style is committed");
    Style::parse(&text).expect("the style lies in the subset")
}

fn patterns() -> Patterns {
    let mut svgs = Vec::new();
    for entry in fs::read_dir(styles_folder().join("sprites")).expect("the sprites are committed") {
        let path = entry.expect("readable").path();
        let name = path.file_stem().expect("named").to_string_lossy().into_owned();
        svgs.push((name, fs::read_to_string(&path).expect("text")));
    }
    Patterns::from_svgs(svgs.iter().map(|(name, svg)| (name.as_str(), svg.as_str())), 1.0).expect("the sprites are SVG")
}

/// The system's Noto Sans CJK SC, which the demo installs; tests that draw text say loudly when it is not there.
fn font() -> Option<Font> {
    let mut database = fontdb::Database::new();
    database.load_system_fonts();
    let face = database.faces().find(|face| face.families.iter().any(|(name, _)| name == "Noto Sans CJK SC"))?;
    let bytes = database.with_face_data(face.id, |bytes, _| bytes.to_vec())?;
    Some(Font::from_bytes(bytes, face.index).expect("the system's font is sound"))
}

fn square(from: f64, to: f64, properties: &[(&str, Value)]) -> Feature {
    Feature {
        id: None,
        properties: properties
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect::<BTreeMap<_, _>>(),
        geometry: Geometry::Polygons(vec![vec![[from, from], [to, from], [to, to], [from, to], [from, from]]]),
    }
}

fn view(zoom: f64) -> MapView {
    MapView { width_px: 100, height_px: 100, bounds: [0.0, 0.0, 100.0, 100.0], zoom, pixel_ratio: 1.0, labels: true }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

#[test]
fn every_committed_style_lies_in_the_subset() {
    let mut count = 0;
    for entry in fs::read_dir(styles_folder()).expect("styles/ is committed") {
        let path = entry.expect("readable").path();
        if path.extension().is_some_and(|extension| extension == "json") {
            Style::parse(&fs::read_to_string(&path).expect("text"))
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            count += 1;
        }
    }
    assert!(count >= 20, "only {count} styles");
}

#[test]
fn a_paddy_field_has_the_printing_colour_of_the_survey() {
    // TD/T 1055: 0101 水田 is RGB 248 208 114; the style draws it at opacity 0.72.
    let features = [square(10.0, 90.0, &[("DLBM", text("0101")), ("DLMC", text("水田"))])];
    let style = style("dltb");
    let picture =
        draw(&[LayerSet { style: &style, features: &features, opacity: 1.0 }], &view(12.0), None, &Patterns::default())
            .expect("drawn");
    let pixel = picture.pixel(50, 50).expect("inside").demultiply();
    assert!(
        pixel.red().abs_diff(248) <= 1 && pixel.green().abs_diff(208) <= 1 && pixel.blue().abs_diff(114) <= 1,
        "{pixel:?}"
    );
    assert!(pixel.alpha().abs_diff(184) <= 1, "{pixel:?}");
    assert_eq!(picture.pixel(5, 5).expect("inside").alpha(), 0, "outside stays clear");
}

#[test]
fn north_is_up_and_east_is_right() {
    let features = [square(60.0, 90.0, &[])];
    let style = style("polygon");
    let picture =
        draw(&[LayerSet { style: &style, features: &features, opacity: 1.0 }], &view(10.0), None, &Patterns::default())
            .expect("drawn");
    assert!(picture.pixel(75, 25).expect("inside").alpha() > 0, "the north-east quarter is at the upper right");
    assert_eq!(picture.pixel(25, 75).expect("inside").alpha(), 0);
}

#[test]
fn an_outline_of_two_pixels_covers_two_pixels() {
    let json = r##"{"version":8,"layers":[{"id":"l","type":"line","paint":{"line-color":"#ff0000","line-width":2}}]}"##;
    let style = Style::parse(json).expect("in the subset");
    let features = [Feature {
        id: None,
        properties: BTreeMap::new(),
        geometry: Geometry::Lines(vec![vec![[0.0, 50.0], [100.0, 50.0]]]),
    }];
    let picture =
        draw(&[LayerSet { style: &style, features: &features, opacity: 1.0 }], &view(10.0), None, &Patterns::default())
            .expect("drawn");
    let covered: f32 = (0..100).map(|row| f32::from(picture.pixel(50, row).expect("inside").alpha()) / 255.0).sum();
    assert!((covered - 2.0).abs() < 0.05, "{covered}");
}

#[test]
fn a_hatch_leaves_gaps_and_a_set_fades_as_one() {
    let features = [square(0.0, 100.0, &[])];
    let style = style("yjjbnt");
    let patterns = patterns();
    let set = LayerSet { style: &style, features: &features, opacity: 0.5 };
    let picture = draw(&[set], &view(14.0), None, &patterns).expect("drawn");
    let alphas: Vec<u8> = (20..80).map(|column| picture.pixel(column, 50).expect("inside").alpha()).collect();
    let (least, most) = (alphas.iter().min().expect("some"), alphas.iter().max().expect("some"));
    assert!(most > least, "the hatch is visible: {alphas:?}");
    assert!(*most <= 128, "half opaque at most: {most}");
}

#[test]
fn chinese_labels_are_drawn_and_do_not_cover_each_other() {
    let Some(font) = font() else {
        eprintln!("SKIPPED: Noto Sans CJK SC is not installed (fonts-noto-cjk)");
        return;
    };
    let json = r##"{"version":8,"layers":[{"id":"t","type":"symbol","layout":{"text-field":["get","名称"],"text-size":20},"paint":{"text-color":"#000000"}}]}"##;
    let style = Style::parse(json).expect("in the subset");
    let point = |x: f64| Feature {
        id: None,
        properties: [("名称".to_owned(), text("样例镇"))].into(),
        geometry: Geometry::Points(vec![[x, 50.0]]),
    };
    let ink = |features: &[Feature]| {
        let picture =
            draw(&[LayerSet { style: &style, features, opacity: 1.0 }], &view(10.0), Some(&font), &Patterns::default())
                .expect("drawn");
        picture.pixels().iter().map(|pixel| u64::from(pixel.alpha())).sum::<u64>()
    };
    let one = ink(&[point(50.0)]);
    assert!(one > 20_000, "three Han characters of 20 px are dark: {one}");
    assert_eq!(ink(&[point(50.0), point(55.0)]), one, "the second label has no room and is left out");
}

#[test]
fn a_polygon_larger_than_the_picture_is_labelled_once_in_what_is_seen_of_it() {
    let Some(font) = font() else {
        eprintln!("SKIPPED: Noto Sans CJK SC is not installed (fonts-noto-cjk)");
        return;
    };
    let json = r##"{"version":8,"layers":[{"id":"t","type":"symbol","layout":{"text-field":["get","名称"],"text-size":20},"paint":{"text-color":"#000000"}}]}"##;
    let style = Style::parse(json).expect("in the subset");
    // Only its lower left corner is in the picture, its middle is far outside.
    let features = [square(40.0, 4_000.0, &[("名称", text("镇"))])];
    let set = LayerSet { style: &style, features: &features, opacity: 1.0 };
    let picture = draw(&[set], &view(10.0), Some(&font), &Patterns::default()).expect("drawn");
    let ink: Vec<(u32, u32)> = (0..10_000_u32)
        .map(|index| (index % 100, index / 100))
        .filter(|(x, y)| picture.pixel(*x, *y).is_some_and(|pixel| pixel.alpha() > 0))
        .collect();
    assert!(!ink.is_empty(), "the label stands in the picture");
    assert!(ink.iter().all(|(x, y)| *x > 45 && *y < 55), "and on the polygon");
    let width = ink.iter().map(|(x, _)| x).max().expect("ink") - ink.iter().map(|(x, _)| x).min().expect("ink");
    assert!(width <= 22, "once: {width} pixels");
}

#[test]
fn paper_lies_below_every_set() {
    let paper = |color: &str| {
        let json = format!(
            r#"{{"version":8,"layers":[{{"id":"b","type":"background","paint":{{"background-color":"{color}"}}}},
            {{"id":"f","type":"fill","paint":{{"fill-color":"red"}}}}]}}"#
        );
        Style::parse(&json).expect("in the subset")
    };
    let (below, above) = (paper("white"), paper("black"));
    let (left, right) = ([square(0.0, 40.0, &[])], [square(60.0, 100.0, &[])]);
    let sets = [
        LayerSet { style: &below, features: &left, opacity: 1.0 },
        LayerSet { style: &above, features: &right, opacity: 1.0 },
    ];
    let picture = draw(&sets, &view(10.0), None, &Patterns::default()).expect("drawn");
    let at = |x, y| picture.pixel(x, y).map(|p| [p.red(), p.green(), p.blue(), p.alpha()]).expect("inside");
    assert_eq!(at(10, 90), [255, 0, 0, 255], "the lower set is not painted over");
    assert_eq!(at(90, 10), [255, 0, 0, 255]);
    assert_eq!(at(50, 50), [255, 255, 255, 255], "the lower set's paper");
}

#[test]
fn a_property_outside_the_subset_is_refused_by_name() {
    let json = r#"{"version":8,"layers":[{"id":"h","type":"fill","paint":{"fill-translate":[1,1]}}]}"#;
    let error = Style::parse(json).expect_err("not in the subset").to_string();
    assert!(error.contains("fill-translate") && error.contains("“h”"), "{error}");
}

#[test]
fn colours_mix_premultiplied() {
    let half = Color::parse("#ff000000").expect("colour").mixed(Color::parse("#0000ff").expect("colour"), 0.5);
    assert!((half.b - 1.0).abs() < 1e-6 && half.r.abs() < 1e-6 && (half.a - 0.5).abs() < 1e-6, "{half:?}");
}
