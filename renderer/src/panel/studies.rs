//! The list of what can be asked of the ground: two epochs, their difference, a section, water, views, a cut, buildings.

use egui::{Button, ComboBox, DragValue, RichText, ScrollArea, Slider, Ui};

use super::{ACCENT, Action, Shown, words};
use crate::desk::{Settings, Tool};
use crate::layer::damage;
use crate::layer::difference::Scale;
use crate::scene::clip::Keep;
use crate::scene::earthwork::Reference;
use crate::scene::flood::Flood;
use crate::scene::section::Profile;
use crate::scene::sight::Sight;
use crate::service::Assessment;
use crate::viewer::{Compare, DamageStudy, FloodOrder, ViewOrder, ViewStudy};

/// Something asked of the ground.
#[derive(Clone, Debug, PartialEq)]
pub enum StudyAction {
    /// Compare with this stop of the time line.
    SetBefore(Option<usize>),
    /// Show two epochs another way.
    SetCompare(Compare),
    /// Colour the ground by what changed.
    SetDifference(Option<Scale>),
    /// Fill the ground with water.
    SetFlood(Option<FloodOrder>),
    /// Fill the ground round the middle of what is seen.
    FloodHere,
    /// Show what is seen from a place.
    SetView(Option<ViewOrder>),
    /// Put lines of sight away.
    ClearSights,
    /// Put the section away.
    ClearSection,
    /// Save the section.
    SaveSection,
    /// Make studies with other numbers.
    SetSettings(Settings),
    /// Cut between two heights, or through all.
    SetCutRange(Option<[f64; 2]>),
    /// Make the scene whole again.
    ClearCut,
    /// Ask which assessments there are.
    FindAssessments,
    /// Show what one found of the buildings.
    LoadDamage(String),
    /// Put that away.
    ClearDamage,
    /// Count volumes from something else.
    SetReference(Reference),
    /// Take the last measurement away.
    DropMeasure,
}

/// What was asked of the ground, and the answers.
#[derive(Clone, Debug)]
pub struct StudiesRow {
    /// How two epochs are shown.
    pub compare: Compare,
    /// The stop of the time line compared with.
    pub before: Option<usize>,
    /// Colours of the difference.
    pub difference: Option<Scale>,
    /// Water, the heights of the ground looked at, and the answer.
    pub flood: Option<(FloodOrder, Option<[f64; 2]>, Option<Flood>)>,
    /// What is seen from a place.
    pub view: Option<ViewStudy>,
    /// Lines of sight; `None` without an answer yet or without ground.
    pub sights: Vec<Option<Sight>>,
    /// The section and its heights.
    pub section: Option<Option<Profile>>,
    /// Whether the scene is cut.
    pub has_cut: bool,
    /// The heights it is cut between, if there are any.
    pub cut_range_m: Option<[f64; 2]>,
    /// Buildings by state.
    pub damage: Option<DamageStudy>,
    /// Assessments there are.
    pub assessments: Vec<Assessment>,
    /// Numbers that studies are made with.
    pub settings: Settings,
    /// What volumes count from.
    pub reference: Reference,
    /// Whether a volume was measured.
    pub has_volume: bool,
    /// Whether the layers of difference, water, view and buildings are shown.
    pub shown: [bool; 4],
}

impl Default for StudiesRow {
    fn default() -> Self {
        Self {
            compare: Compare::Off,
            before: None,
            difference: None,
            flood: None,
            view: None,
            sights: Vec::new(),
            section: None,
            has_cut: false,
            cut_range_m: None,
            damage: None,
            assessments: Vec::new(),
            settings: Settings::default(),
            reference: Reference::Corners,
            has_volume: false,
            shown: [false; 4],
        }
    }
}

/// The list.
pub(super) fn show(ui: &mut Ui, shown: &Shown, actions: &mut Vec<Action>) {
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        epochs(ui, shown, actions);
        section(ui, shown, actions);
        flood(ui, shown, actions);
        views(ui, shown, actions);
        cut(ui, shown, actions);
        buildings(ui, shown, actions);
    });
}

fn heading(ui: &mut Ui, shown: &Shown, word: words::Word) {
    ui.add_space(6.0);
    ui.label(RichText::new(word.text(shown.language)).strong().color(ACCENT));
}

fn small(ui: &mut Ui, text: impl Into<String>) {
    ui.label(RichText::new(text).small());
}

fn weak(ui: &mut Ui, text: impl Into<String>) {
    ui.label(RichText::new(text).small().weak());
}

fn ask(actions: &mut Vec<Action>, action: StudyAction) {
    actions.push(Action::Study(action));
}

/// A button that takes up a tool, and puts it down again.
fn tool_button(ui: &mut Ui, shown: &Shown, word: words::Word, tool: Tool, actions: &mut Vec<Action>) {
    let is_on = shown.tool == Some(tool);
    if ui.add(Button::selectable(is_on, word.text(shown.language))).clicked() {
        actions.push(Action::SetTool((!is_on).then_some(tool)));
    }
}

/// A number in metres with its name.
fn metres(
    ui: &mut Ui,
    shown: &Shown,
    word: words::Word,
    value: &mut f64,
    range: std::ops::RangeInclusive<f64>,
    speed: f64,
) -> bool {
    let name = ui.label(RichText::new(word.text(shown.language)).small());
    ui.add(DragValue::new(value).range(range).speed(speed).max_decimals(2).suffix(" m")).labelled_by(name.id).changed()
}

fn epochs(ui: &mut Ui, shown: &Shown, actions: &mut Vec<Action>) {
    let (language, row) = (shown.language, &shown.studies);
    heading(ui, shown, words::TWO_EPOCHS);
    if shown.dates.len() < 2 {
        return weak(ui, words::ONE_EPOCH.text(language));
    }
    let date = |stop: Option<usize>| stop.and_then(|stop| shown.dates.get(stop)).map_or("—", String::as_str);
    ui.horizontal(|ui| {
        let name = small_label(ui, words::BEFORE.text(language));
        let moments = ComboBox::from_id_salt("before").width(92.0).selected_text(date(row.before));
        let shown_moments = moments.show_ui(ui, |ui| {
            for (stop, date) in shown.dates.iter().enumerate() {
                if ui.selectable_label(row.before == Some(stop), date).clicked() {
                    ask(actions, StudyAction::SetBefore(Some(stop)));
                }
            }
        });
        shown_moments.response.labelled_by(name.id);
        small(ui, format!("{} {}", words::AFTER.text(language), date(shown.date)));
    });
    ui.horizontal(|ui| {
        let swipe = match row.compare {
            Compare::Swipe(part) => Compare::Swipe(part),
            _ => Compare::Swipe(0.5),
        };
        for (word, compare) in
            [(words::NO_COMPARE, Compare::Off), (words::SWIPE, swipe), (words::LINKED, Compare::Linked)]
        {
            if ui.selectable_label(row.compare == compare, word.text(language)).clicked() {
                ask(actions, StudyAction::SetCompare(compare));
            }
        }
    });
    let mut is_on = row.difference.is_some();
    ui.horizontal(|ui| {
        let toggle = egui::Checkbox::new(&mut is_on, words::DIFFERENCE.text(language));
        if ui.add_enabled(row.before.is_some(), toggle).changed() {
            ask(actions, StudyAction::SetDifference(is_on.then(Scale::default)));
        }
        if row.before.is_none() {
            weak(ui, words::NEEDS_BEFORE.text(language));
        }
    });
    if let Some(scale) = row.difference {
        let mut changed = scale;
        ui.horizontal(|ui| {
            metres(ui, shown, words::LIMIT, &mut changed.limit_m, 0.01..=20.0, 0.01);
            metres(ui, shown, words::STRONGEST, &mut changed.most_m, 0.1..=200.0, 0.1);
        });
        if changed != scale {
            ask(actions, StudyAction::SetDifference(Some(changed)));
        }
    }
}

fn section(ui: &mut Ui, shown: &Shown, actions: &mut Vec<Action>) {
    let language = shown.language;
    heading(ui, shown, words::SECTION);
    ui.horizontal_wrapped(|ui| {
        tool_button(ui, shown, words::DRAW_SECTION, Tool::Section, actions);
        if shown.studies.section.is_some() {
            if ui.button(words::SAVE_SECTION.text(language)).clicked() {
                ask(actions, StudyAction::SaveSection);
            }
            if ui.button(words::CLEAR.text(language)).clicked() {
                ask(actions, StudyAction::ClearSection);
            }
        }
    });
}

fn flood(ui: &mut Ui, shown: &Shown, actions: &mut Vec<Action>) {
    let (language, row) = (shown.language, &shown.studies);
    heading(ui, shown, words::FLOOD);
    ui.horizontal_wrapped(|ui| {
        tool_button(ui, shown, words::FLOOD_FROM, Tool::Water, actions);
        if ui.button(words::FLOOD_HERE.text(language)).clicked() {
            ask(actions, StudyAction::FloodHere);
        }
        if row.flood.is_some() && ui.button(words::CLEAR.text(language)).clicked() {
            ask(actions, StudyAction::SetFlood(None));
        }
    });
    let mut settings = row.settings;
    ui.horizontal(|ui| {
        metres(ui, shown, words::RADIUS, &mut settings.flood_radius_m, 50.0..=20_000.0, 10.0);
    });
    if settings != row.settings {
        ask(actions, StudyAction::SetSettings(settings));
    }
    let Some((order, range_m, answer)) = &row.flood else { return };
    let mut changed = *order;
    let [low_m, high_m] = range_m.unwrap_or([order.level_m - 20.0, order.level_m + 20.0]);
    ui.horizontal(|ui| {
        let name = small_label(ui, words::WATER_LEVEL.text(language));
        ui.spacing_mut().slider_width = 120.0;
        let slider = Slider::new(&mut changed.level_m, low_m.floor()..=high_m.ceil());
        ui.add(slider.step_by(0.1).fixed_decimals(1).suffix(" m")).labelled_by(name.id);
    });
    ui.checkbox(&mut changed.is_connected, words::CONNECTED.text(language));
    if changed != *order {
        ask(actions, StudyAction::SetFlood(Some(changed)));
    }
    match answer {
        None => weak(ui, words::ASKING.text(language)),
        Some(flood) if flood.source_is_dry => warning(ui, words::DRY_SOURCE.text(language)),
        Some(flood) if flood.area_m2 <= 0.0 => weak(ui, words::NO_WATER.text(language)),
        Some(flood) => {
            small(ui, format!("{} {}", words::FLOODED_AREA.text(language), area_text(flood.area_m2)));
            small(
                ui,
                format!(
                    "{} {} · {} {:.2} m",
                    words::WATER_VOLUME.text(language),
                    volume_text(flood.volume_m3),
                    words::DEEPEST.text(language),
                    flood.deepest_m
                ),
            );
            if flood.reaches_border {
                warning(ui, words::MORE_WATER.text(language));
            }
        }
    }
}

fn small_label(ui: &mut Ui, text: &str) -> egui::Response {
    ui.label(RichText::new(text).small())
}

fn warning(ui: &mut Ui, text: &str) {
    let color = ui.visuals().warn_fg_color;
    ui.label(RichText::new(text).small().color(color));
}

fn views(ui: &mut Ui, shown: &Shown, actions: &mut Vec<Action>) {
    let (language, row) = (shown.language, &shown.studies);
    heading(ui, shown, words::VIEWS);
    ui.horizontal_wrapped(|ui| {
        tool_button(ui, shown, words::SIGHT_TOOL, Tool::Sight, actions);
        tool_button(ui, shown, words::VIEW_TOOL, Tool::View, actions);
        if (row.view.is_some() || !row.sights.is_empty()) && ui.button(words::CLEAR.text(language)).clicked() {
            ask(actions, StudyAction::ClearSights);
            ask(actions, StudyAction::SetView(None));
        }
    });
    let mut settings = row.settings;
    ui.horizontal(|ui| {
        metres(ui, shown, words::EYE_UP, &mut settings.eye_up_m, 0.0..=500.0, 0.1);
        metres(ui, shown, words::TARGET_UP, &mut settings.target_up_m, 0.0..=500.0, 0.1);
    });
    ui.horizontal(|ui| {
        metres(ui, shown, words::RADIUS, &mut settings.view_radius_m, 20.0..=20_000.0, 10.0);
    });
    if settings != row.settings {
        ask(actions, StudyAction::SetSettings(settings));
    }
    for sight in &row.sights {
        match sight {
            None => weak(ui, words::ASKING.text(language)),
            Some(sight) => {
                let word = if sight.blocked_at.is_some() { words::IS_HIDDEN } else { words::IS_SEEN };
                small(
                    ui,
                    format!("{} · {} {:.1} m", word.text(language), words::HORIZONTAL.text(language), sight.distance_m),
                );
            }
        }
    }
    match row.view {
        Some(ViewStudy { is_done: false, .. }) => weak(ui, words::ASKING.text(language)),
        Some(ViewStudy { seen_m2: None, .. }) => warning(ui, words::NO_TERRAIN.text(language)),
        Some(ViewStudy { seen_m2: Some([seen_m2, within_m2]), .. }) => {
            let percent = 100.0 * seen_m2 / within_m2.max(1e-9);
            small(ui, format!("{} {}（{percent:.1}%）", words::SEEN.text(language), area_text(seen_m2)));
        }
        None => {}
    }
}

fn cut(ui: &mut Ui, shown: &Shown, actions: &mut Vec<Action>) {
    let (language, row) = (shown.language, &shown.studies);
    heading(ui, shown, words::CUT);
    ui.horizontal_wrapped(|ui| {
        tool_button(ui, shown, words::CUT_BOX, Tool::CutBox, actions);
        tool_button(ui, shown, words::CUT_POLYGON, Tool::CutPolygon, actions);
        if row.has_cut && ui.button(words::WHOLE_SCENE.text(language)).clicked() {
            ask(actions, StudyAction::ClearCut);
        }
    });
    let mut settings = row.settings;
    ui.horizontal(|ui| {
        for (word, keep) in [(words::KEEP_INSIDE, Keep::Inside), (words::KEEP_OUTSIDE, Keep::Outside)] {
            ui.selectable_value(&mut settings.keep, keep, word.text(language));
        }
    });
    if settings != row.settings {
        ask(actions, StudyAction::SetSettings(settings));
    }
    if !row.has_cut {
        return;
    }
    let mut is_limited = row.cut_range_m.is_some();
    let middle_m = shown.place.map_or(0.0, |place| place.lon_lat_height_deg[2]);
    let mut range_m = row.cut_range_m.unwrap_or([(middle_m - 20.0).round(), (middle_m + 60.0).round()]);
    ui.horizontal(|ui| {
        ui.checkbox(&mut is_limited, words::BETWEEN_HEIGHTS.text(language));
        if is_limited {
            let [low_m, high_m] = &mut range_m;
            ui.add(DragValue::new(low_m).speed(0.5).max_decimals(1).suffix(" m"));
            ui.add(DragValue::new(high_m).speed(0.5).max_decimals(1).suffix(" m"));
        }
    });
    let wanted = is_limited.then_some(range_m);
    if wanted != row.cut_range_m {
        ask(actions, StudyAction::SetCutRange(wanted));
    }
}

fn buildings(ui: &mut Ui, shown: &Shown, actions: &mut Vec<Action>) {
    let (language, row) = (shown.language, &shown.studies);
    heading(ui, shown, words::DAMAGE);
    let name = ui.label(RichText::new(words::ASSESSMENT.text(language)).small().weak());
    // A script may name the job itself.
    let is_it = |one: &Assessment, name: &str| one.slug == name || one.job == name;
    let told = |one: &Assessment| format!("{} {}", one.title, one.recorded);
    let chosen = row
        .damage
        .as_ref()
        .map(|study| row.assessments.iter().find(|one| is_it(one, &study.job)).map_or_else(|| study.job.clone(), told));
    let nothing = if row.assessments.is_empty() { words::NO_ASSESSMENT } else { words::CHOOSE };
    let nothing = nothing.text(language).to_owned();
    ComboBox::from_id_salt("assessment")
        .width(250.0)
        .selected_text(chosen.unwrap_or(nothing))
        .show_ui(ui, |ui| {
            for one in &row.assessments {
                let is_shown = row.damage.as_ref().is_some_and(|study| is_it(one, &study.job));
                if ui.selectable_label(is_shown, told(one)).clicked() {
                    ask(actions, StudyAction::LoadDamage(one.slug.clone()));
                }
            }
        })
        .response
        .labelled_by(name.id);
    ui.horizontal(|ui| {
        if ui.button(words::FIND.text(language)).clicked() {
            ask(actions, StudyAction::FindAssessments);
        }
        if row.damage.is_some() && ui.button(words::CLEAR.text(language)).clicked() {
            ask(actions, StudyAction::ClearDamage);
        }
    });
    if let Some(study) = &row.damage {
        for (state, count) in damage::STATES.iter().zip(study.counts).filter(|(_, count)| *count > 0) {
            let title = state.title[usize::from(!language.is_chinese())];
            small(ui, format!("{title} {count} {}", words::BUILDINGS.text(language)));
        }
    }
}

/// What volumes count from, where one was measured.
pub(super) fn reference(ui: &mut Ui, shown: &Shown, actions: &mut Vec<Action>) {
    let (language, row) = (shown.language, &shown.studies);
    if !row.has_volume {
        return;
    }
    let mut wanted = row.reference;
    ui.horizontal_wrapped(|ui| {
        let name = small_label(ui, words::REFERENCE.text(language));
        let level_m = match row.reference {
            Reference::Level(level_m) => level_m,
            _ => shown.place.map_or(0.0, |place| place.lon_lat_height_deg[2].round()),
        };
        ComboBox::from_id_salt("reference")
            .width(100.0)
            .selected_text(words::reference(row.reference).text(language))
            .show_ui(ui, |ui| {
                for reference in [Reference::Corners, Reference::LowestCorner, Reference::Level(level_m)] {
                    ui.selectable_value(&mut wanted, reference, words::reference(reference).text(language));
                }
            })
            .response
            .labelled_by(name.id);
        if let Reference::Level(level_m) = &mut wanted {
            ui.add(DragValue::new(level_m).speed(0.2).max_decimals(2).suffix(" m"));
        }
    });
    if wanted != row.reference {
        ask(actions, StudyAction::SetReference(wanted));
    }
}

/// An area in the unit people use for its size.
pub(super) fn area_text(area_m2: f64) -> String {
    match area_m2 {
        large if large >= 1e6 => format!("{:.3} km²", large / 1e6),
        middle if middle >= 1e4 => format!("{:.2} ha", middle / 1e4),
        little => format!("{little:.1} m²"),
    }
}

/// A volume in the unit people use for its size.
fn volume_text(volume_m3: f64) -> String {
    if volume_m3 >= 1e4 { format!("{:.2}×10⁴ m³", volume_m3 / 1e4) } else { format!("{volume_m3:.1} m³") }
}
