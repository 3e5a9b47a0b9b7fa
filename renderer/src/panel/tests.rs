//! The panels driven by their own accessibility tree: found and clicked by Chinese label, no display, no graphics device.

use std::cell::RefCell;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::*;

/// A harness whose font has the characters; a system without one is told so.
fn harness<'a>(size: [f32; 2], panels: impl FnMut(&mut Ui) + 'a) -> Harness<'a> {
    let mut builder = Harness::builder().with_size(size);
    match fonts::find_chinese_font() {
        Some(font) => builder = builder.with_context_setup(move |context| assert!(fonts::install(context, &font))),
        None => builder = builder.allow_missing_glyphs(),
    }
    builder.build_ui(panels)
}

fn row(index: usize, title: &str, visible: bool) -> LayerRow {
    LayerRow {
        index,
        title: title.to_owned(),
        kind: "影像",
        visible,
        opacity: 1.0,
        has_opacity: true,
        valid_from: Some("2024-03-15T00:00:00+08:00".to_owned()),
        live: false,
        failed: None,
    }
}

fn shown() -> Shown {
    Shown {
        layers: vec![row(0, "正射影像", true), row(1, "永久基本农田", false)],
        place: Some(PlaceRow {
            lon_lat_height_deg: [109.74, 28.31, 312.5],
            zone: Some(ZonePosition { zone: 37, easting_m: 376_485.123, northing_m: 3_133_000.5 }),
        }),
        height_datum: Some("normal-1985".to_owned()),
        dates: vec!["2020-01-01".to_owned(), "2024-03-15".to_owned()],
        date: Some(1),
        ..Shown::default()
    }
}

#[test]
fn a_click_on_a_chinese_layer_title_asks_to_show_it() {
    let asked = RefCell::new(Vec::new());
    let model = shown();
    let mut screen = harness([1000.0, 600.0], |ui| asked.borrow_mut().extend(show(ui, &model, Panels::All)));
    screen.run();
    screen.get_by_label("永久基本农田").click();
    screen.run();
    drop(screen);
    assert_eq!(asked.into_inner(), [Action::SetVisible(1, true)]);
}

#[test]
fn the_status_line_says_degrees_zone_and_height_datum() {
    let model = shown();
    let mut screen = harness([1400.0, 600.0], |ui| drop(show(ui, &model, Panels::All)));
    screen.run();
    screen.get_by_label_contains("经度 109.7400000°  纬度 28.3100000°");
    screen.get_by_label_contains("3°带 37  X(北) 3133000.500  Y(东) 376485.123");
    screen.get_by_label_contains("312.50 m（1985国家高程基准）");
}

#[test]
fn english_is_one_click_away() {
    let asked = RefCell::new(Vec::new());
    let model = shown();
    let mut screen = harness([1000.0, 600.0], |ui| asked.borrow_mut().extend(show(ui, &model, Panels::All)));
    screen.run();
    screen.get_by_label("English").click();
    screen.run();
    drop(screen);
    assert_eq!(asked.into_inner(), [Action::SwitchLanguage]);
}

#[test]
fn picked_attributes_are_listed_by_name() {
    let mut model = shown();
    model.picked = Some(PickedRow {
        place: model.place.expect("set above"),
        layer: None,
        features: vec![("地类图斑".to_owned(), serde_json::json!({"DLMC": "水田", "TBMJ": 1234.5}))],
        waiting: false,
    });
    let mut screen = harness([1200.0, 700.0], |ui| drop(show(ui, &model, Panels::All)));
    screen.run();
    for text in ["地类图斑", "DLMC", "水田", "1234.5"] {
        screen.get_by_label(text);
    }
}
