//! The panels driven by their own accessibility tree: found and clicked by Chinese label, no display, no graphics device.

use std::cell::RefCell;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::*;
use crate::desk::Settings;
use crate::layer::difference::Scale;
use crate::meeting::scheme::Building;
use crate::scene::clip::Keep;
use crate::scene::flood::Flood;
use crate::scene::section::Profile;
use crate::viewer::{Compare, DamageStudy, FloodOrder, ViewOrder, ViewStudy};

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

/// Titles as long as deliveries have them.
fn long_titles() -> Shown {
    let titles = [
        "Land-use master plan (building control)",
        "国土空间规划用地（2023 分类）中心城区详细规划成果",
        "Geohazard susceptibility",
        "道路",
    ];
    let layers = titles.iter().enumerate().map(|(index, title)| row(index, title, index % 2 == 0)).collect();
    Shown {
        layers,
        graphics: "llvmpipe (LLVM 15.0.6, 256 bits) (Vulkan)".to_owned(),
        eye_height_m: 12_345.0,
        ..shown()
    }
}

#[test]
fn long_titles_end_before_their_dates_in_both_languages() {
    for language in [Language::Zh, Language::En] {
        let model = Shown { language, ..long_titles() };
        let mut screen = harness([1366.0, 768.0], |ui| drop(show(ui, &model, Panels::All)));
        screen.run();
        let dates: Vec<egui::Rect> = screen.get_all_by_label("2024-03-15").map(|node| node.rect()).collect();
        for row in &model.layers {
            let title = screen.get_by_role_and_label(egui::accesskit::Role::CheckBox, &row.title).rect();
            let date = dates.iter().find(|date| date.y_range().contains(title.center().y)).expect("a date in its row");
            assert!(title.right() <= date.left(), "{}: {title} runs into {date}", row.title);
            assert!(title.left() >= 0.0 && date.right() < 300.0);
        }
    }
}

#[test]
fn a_title_cut_short_is_shown_whole_when_pointed_at() {
    let model = long_titles();
    let mut screen = harness([1366.0, 768.0], |ui| drop(show(ui, &model, Panels::All)));
    screen.run();
    let title = &model.layers[1].title;
    screen.get_by_label(title).hover();
    screen.run();
    screen.get_by_label_contains(&format!("{title}\n2024-03-15"));
}

#[test]
fn nothing_written_in_the_panels_lies_on_anything_else_on_a_small_laptop() {
    for language in [Language::Zh, Language::En] {
        let model = Shown { language, height_datum: None, failed: 12, pending: 345, ..long_titles() };
        let mut screen = harness([1366.0, 768.0], |ui| drop(show(ui, &model, Panels::All)));
        screen.run();
        let words: Vec<(String, egui::Rect)> = screen
            .query_all(egui_kittest::kittest::by().role(egui::accesskit::Role::Label))
            .map(|node| (node.value().unwrap_or_default(), node.rect()))
            .collect();
        assert!(words.len() > 10, "{words:?}");
        for (number, (one, rect)) in words.iter().enumerate() {
            assert!(rect.right() <= 1366.0 && rect.left() >= 0.0, "{one} leaves the screen: {rect}");
            for (other, other_rect) in &words[number + 1..] {
                let both = rect.intersect(*other_rect);
                assert!(both.width() < 0.5 || both.height() < 0.5, "{one} at {rect} lies on {other} at {other_rect}");
            }
        }
    }
}

/// A meeting with everything a panel can show of one.
fn meeting() -> MeetingRow {
    let scheme = |name: &str| Scheme {
        name: name.to_owned(),
        buildings: vec![Building { name: "1#".to_owned(), floors: Some(18), ..Building::default() }],
        models: Vec::new(),
    };
    MeetingRow {
        name: "河湾安置区".to_owned(),
        code: "2024-433199-47-01-000002".to_owned(),
        state: "meeting".to_owned(),
        verdict: Some("fail".to_owned()),
        plane_m2: Some(24_160.0),
        ellipsoidal_m2: Some(24_150.84),
        findings: vec![FindingRow {
            title: "永久基本农田".to_owned(),
            area: "2871.00 m²".to_owned(),
            message: "不得占用".to_owned(),
            has_place: true,
            ..FindingRow::default()
        }],
        schemes: vec![scheme("方案A"), scheme("方案B")],
        shown: vec![Some(0)],
        built: vec![vec![["228.33 m".to_owned(), "平均地面起 228.33 m".to_owned()]]],
        bookmarks: vec!["全景".to_owned(), "入口".to_owned()],
        notes: vec![NoteRow { text: "退线不足".to_owned(), posted: false }],
        ..MeetingRow::default()
    }
}

fn asked(model: &Shown, click: &str) -> Vec<Action> {
    let asked = RefCell::new(Vec::new());
    let mut screen = harness([1366.0, 900.0], |ui| asked.borrow_mut().extend(show(ui, model, Panels::All)));
    screen.run();
    screen.get_by_label(click).click();
    screen.run();
    drop(screen);
    asked.into_inner()
}

#[test]
fn the_meeting_shows_project_conflict_schemes_bookmarks_and_notes_with_the_server_s_numbers() {
    let model = Shown { meeting: Some(meeting()), tab: Tab::Meeting, ..shown() };
    let mut screen = harness([1366.0, 900.0], |ui| drop(show(ui, &model, Panels::All)));
    screen.run();
    for text in ["河湾安置区", "协调会", "不通过", "永久基本农田", "2871.00 m²", "228.33 m", "未上传"]
    {
        screen.get_by_label(text);
    }
    for part in ["平面面积 24160.00 m²", "椭球面积 24150.84 m²"] {
        screen.get_by_label_contains(part);
    }
}

#[test]
fn schemes_bookmarks_tools_and_tabs_are_one_click_away() {
    let model = Shown { meeting: Some(meeting()), tab: Tab::Meeting, ..shown() };
    assert_eq!(asked(&model, "并排"), [Action::ShowSchemes(Shows::SideBySide([0, 1]))]);
    assert_eq!(asked(&model, "方案B"), [Action::ShowSchemes(Shows::One(1))]);
    assert_eq!(asked(&model, "2 入口"), [Action::GotoBookmark(1)]);
    assert_eq!(asked(&model, "看项目"), [Action::FlyToProject]);
    assert_eq!(asked(&model, "图层"), [Action::ShowTab(Tab::Layers)]);
    let area = Some(Tool::Measure(crate::scene::measure::MeasureKind::Area));
    assert_eq!(asked(&model, "测面"), [Action::SetTool(area)]);
    assert_eq!(asked(&Shown { tool: area, ..model.clone() }, "完成"), [Action::FinishDrawing]);
    assert_eq!(asked(&Shown { tool: area, ..model }, "测面"), [Action::SetTool(None)]);
}

/// What is asked for by clicks, each on the nth thing of a label.
fn asked_by(model: &Shown, clicks: &[(&str, usize)]) -> Vec<Action> {
    let asked = RefCell::new(Vec::new());
    let mut screen = harness([1366.0, 1000.0], |ui| asked.borrow_mut().extend(show(ui, model, Panels::All)));
    screen.run();
    for (label, nth) in clicks {
        screen.get_all_by_label(label).nth(*nth).unwrap_or_else(|| panic!("{label} {nth}")).click();
        screen.run();
    }
    drop(screen);
    asked.into_inner()
}

#[test]
fn schemes_and_bookmarks_are_named_ordered_and_changed_once_one_asks_for_it() {
    let model = Shown { meeting: Some(meeting()), tab: Tab::Meeting, ..shown() };
    let edit = |edit: SceneEdit| vec![Action::Edit(edit)];
    let (schemes, bookmarks) = (("编辑", 0), ("编辑", 1));
    assert_eq!(asked_by(&model, &[schemes, ("▼", 0)]), edit(SceneEdit::MoveScheme(0, 1)));
    assert_eq!(asked_by(&model, &[schemes, ("▲", 0)]), [], "the first is first");
    assert_eq!(asked_by(&model, &[schemes, ("复制", 1)]), edit(SceneEdit::CopyScheme(1)));
    assert_eq!(asked_by(&model, &[schemes, ("×", 1)]), edit(SceneEdit::RemoveScheme(1)));
    assert_eq!(asked_by(&model, &[schemes, ("新建方案", 0)]), edit(SceneEdit::AddScheme));
    let limit = Building {
        height_m: Some(54.0),
        floors: None,
        ..model.meeting.as_ref().expect("one").schemes[0].buildings[0].clone()
    };
    assert_eq!(asked_by(&model, &[schemes, ("按高度", 0)]), edit(SceneEdit::SetBuilding(0, 0, limit)));
    let whole = Building { name: "2#".to_owned(), floors: Some(6), ..Building::default() };
    assert_eq!(asked_by(&model, &[schemes, ("以红线为基底新建体量", 0)]), edit(SceneEdit::AddBuilding(0, whole)));
    assert_eq!(asked_by(&model, &[bookmarks, ("▲", 1)]), edit(SceneEdit::MoveBookmark(1, 0)));
    assert_eq!(asked_by(&model, &[bookmarks, ("取当前视点", 1)]), [Action::LookAnew(1)]);
    assert_eq!(asked_by(&model, &[bookmarks, ("编辑完毕", 0), ("1 全景", 0)]), [Action::GotoBookmark(0)]);
    let mut changed = model;
    changed.meeting.as_mut().expect("one").can_take_back = true;
    assert_eq!(asked_by(&changed, &[schemes, ("撤销", 0)]), [Action::TakeBack]);
    assert_eq!(asked_by(&changed, &[("重新读取", 0)]), [Action::ReadAnew]);
}

#[test]
fn a_bookmark_is_renamed_letter_by_letter() {
    let model = Shown { meeting: Some(meeting()), tab: Tab::Meeting, ..shown() };
    let asked = RefCell::new(Vec::new());
    let mut screen = harness([1366.0, 1000.0], |ui| asked.borrow_mut().extend(show(ui, &model, Panels::All)));
    screen.run();
    screen.get_all_by_label("编辑").nth(1).expect("bookmarks").click();
    screen.run();
    // The letters inside of a field have its value too.
    let field = egui::accesskit::Role::TextInput;
    screen.get_all_by_role(field).nth(1).expect("a field for each bookmark").focus();
    screen.run();
    screen.get_all_by_role(field).nth(1).expect("it is still there").type_text("处");
    screen.run();
    drop(screen);
    let asked = asked.into_inner();
    assert!(
        matches!(&asked[..], [Action::Edit(SceneEdit::RenameBookmark(1, name))] if name.contains('处') && name.contains("入口")),
        "{asked:?}"
    );
}

#[test]
fn a_picture_goes_into_the_report_where_there_is_a_server() {
    let mut model = Shown { meeting: Some(meeting()), tab: Tab::Meeting, ..shown() };
    assert_eq!(asked_by(&model, &[("出图入报告", 0), ("A4 300dpi", 0)]), [Action::SavePicture([3508, 2480], true)]);
    assert_eq!(asked_by(&model, &[("出图", 0), ("1920×1080", 0)]), [Action::SavePicture([1920, 1080], false)]);
    model.meeting.as_mut().expect("one").is_packed = true;
    let mut screen = harness([1366.0, 1000.0], |ui| drop(show(ui, &model, Panels::All)));
    screen.run();
    assert!(screen.query_by_label("出图入报告").is_none() && screen.query_by_label("重新读取").is_none());
}

#[test]
fn a_note_is_sent_with_its_words_and_not_without() {
    let model = Shown { meeting: Some(meeting()), note_at: Some([109.74, 28.31, 300.0]), ..shown() };
    let asked = RefCell::new(Vec::new());
    let mut screen = harness([1366.0, 900.0], |ui| asked.borrow_mut().extend(show(ui, &model, Panels::All)));
    screen.run();
    screen.get_by_label("提交").click();
    screen.run();
    assert!(asked.borrow().is_empty(), "an empty note is none");
    screen.get_by_role(egui::accesskit::Role::MultilineTextInput).type_text("北侧退线不足");
    screen.run();
    screen.get_by_label("提交").click();
    screen.run();
    drop(screen);
    assert_eq!(asked.into_inner(), [Action::PinNote("北侧退线不足".to_owned())]);
}

#[test]
fn the_meeting_is_said_in_english_too() {
    let model = Shown { meeting: Some(meeting()), tab: Tab::Meeting, language: Language::En, ..shown() };
    let mut screen = harness([1366.0, 900.0], |ui| drop(show(ui, &model, Panels::All)));
    screen.run();
    for text in ["Review", "Conflicts", "Schemes", "Side by side", "Bookmarks", "fail"] {
        screen.get_by_label(text);
    }
}

/// What was asked of the ground, with every answer there is.
fn studied() -> Shown {
    let order = FloodOrder { center: [109.74, 28.31], radius_m: 1_000.0, level_m: 305.0, is_connected: true };
    let flood = Flood { area_m2: 25_000.0, volume_m3: 50_000.0, deepest_m: 4.5, ..Flood::default() };
    let view = ViewOrder { eye: [109.74, 28.31], eye_up_m: 1.7, target_up_m: 0.0, radius_m: 1_000.0 };
    let studies = StudiesRow {
        compare: Compare::Swipe(0.5),
        before: Some(0),
        difference: Some(Scale { limit_m: 0.3, most_m: 10.0 }),
        flood: Some((order, Some([280.0, 340.0]), Some(flood))),
        view: Some(ViewStudy { order: view, is_done: true, seen_m2: Some([60_000.0, 80_000.0]) }),
        section: Some(Some(Profile::default())),
        has_cut: true,
        damage: Some(DamageStudy { job: "j1".to_owned(), counts: [2, 1, 0, 0, 7], outlined: [true, false] }),
        shown: [true; 4],
        ..StudiesRow::default()
    };
    Shown { tab: Tab::Studies, studies, ..shown() }
}

#[test]
fn studies_say_their_answers_and_explain_their_colours_in_metres() {
    let model = studied();
    let mut screen = harness([1366.0, 1000.0], |ui| drop(show(ui, &model, Panels::All)));
    screen.run();
    for text in ["淹没面积 2.50 ha", "水量 5.00×10⁴ m³ · 最大水深 4.50 m", "可见 6.00 ha（75.0%）", "被毁 2 栋"]
    {
        screen.get_by_label(text);
    }
    // The legend.
    for text in
        ["降低 -10 m", "升高 +10 m", "检测限 ±0.3 m", "被毁   2 栋", "未见变化   7 栋", "地表变化", "可见   6.00 ha"]
    {
        screen.get_by_label(text);
    }
    screen.get_by_label_contains("≥ 3 m");
    screen.get_by_label_contains("水深（水位 305.0 m）");
    // A picture has the legend too.
    let mut picture = harness([1366.0, 1000.0], |ui| drop(show(ui, &model, Panels::Caption)));
    picture.run();
    picture.get_by_label("降低 -10 m");
}

#[test]
fn studies_and_their_tools_are_one_click_away() {
    let model = Shown { tab: Tab::Studies, ..shown() };
    let study = |action: StudyAction| vec![Action::Study(action)];
    assert_eq!(asked(&model, "研判"), [Action::ShowTab(Tab::Studies)]);
    assert_eq!(asked(&model, "卷帘"), study(StudyAction::SetCompare(Compare::Swipe(0.5))));
    assert_eq!(asked(&model, "分屏联动"), study(StudyAction::SetCompare(Compare::Linked)));
    for (label, tool) in [
        ("画剖面线", Tool::Section),
        ("点选水源", Tool::Water),
        ("通视线", Tool::Sight),
        ("可视域", Tool::View),
        ("框选", Tool::CutBox),
        ("多边形", Tool::CutPolygon),
    ] {
        assert_eq!(asked(&model, label), [Action::SetTool(Some(tool))], "{label}");
    }
    let on = studied();
    assert_eq!(asked(&on, "不对比"), study(StudyAction::SetCompare(Compare::Off)));
    assert_eq!(asked(&on, "高差着色"), study(StudyAction::SetDifference(None)));
    assert_eq!(asked(&on, "存为 CSV"), study(StudyAction::SaveSection));
    assert_eq!(asked(&on, "取消裁剪"), study(StudyAction::ClearCut));
    let outside = Settings { keep: Keep::Outside, ..on.studies.settings };
    assert_eq!(asked(&on, "挖去框内"), study(StudyAction::SetSettings(outside)));
}

#[test]
fn one_date_says_that_there_is_nothing_to_compare() {
    let model = Shown { dates: vec!["2024-03-15".to_owned()], date: Some(0), tab: Tab::Studies, ..shown() };
    let mut screen = harness([1366.0, 900.0], |ui| drop(show(ui, &model, Panels::All)));
    screen.run();
    screen.get_by_label("数据只有一期，无法对比");
    assert!(screen.query_by_label("卷帘").is_none());
}

#[test]
fn measurements_can_be_taken_back_and_volumes_counted_from_something_else() {
    let mut model = Shown { measured: vec!["挖方(以上) 1.00 m³".to_owned()], ..shown() };
    assert_eq!(asked(&model, "撤销上一个"), [Action::Study(StudyAction::DropMeasure)]);
    assert_eq!(asked(&model, "清除"), [Action::ClearMeasures]);
    model.studies.has_volume = true;
    let mut screen = harness([1366.0, 900.0], |ui| drop(show(ui, &model, Panels::All)));
    screen.run();
    screen.get_by_label("方量基准");
}

#[test]
fn moments_are_stepped_through_and_played_from_the_first_again() {
    let model = shown();
    assert_eq!(asked(&model, "◀"), [Action::SetTime(0)]);
    assert_eq!(asked(&Shown { date: Some(0), ..shown() }, "▶"), [Action::SetTime(1)]);
    let asked = RefCell::new(Vec::new());
    let mut screen = harness([1000.0, 600.0], |ui| asked.borrow_mut().extend(show(ui, &model, Panels::All)));
    screen.run_steps(2);
    screen.get_by_label("▶ 播放").click();
    screen.run_steps(2);
    assert!(asked.borrow().is_empty(), "the moment shown has its time");
    // A step of the harness is a quarter of a second.
    screen.run_steps(12);
    screen.get_by_label("暂停");
    drop(screen);
    assert_eq!(asked.into_inner()[0], Action::SetTime(0), "after the last comes the first");
}
