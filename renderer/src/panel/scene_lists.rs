//! Schemes and bookmarks in the meeting's list: to go to and to compare, and, once one asks for it, to change, name and
//! put in order.

use egui::{DragValue, RichText, TextEdit, Ui};

use super::{ACCENT, Action, MeetingRow, Shown, words};
use crate::meeting::Shows;
use crate::meeting::edit::{MOST_TYPED_LETTERS, SceneEdit};
use crate::meeting::scheme::{Building, Ground, Scheme};

/// Buildings listed where nobody changes them; a scheme of more is a list nobody reads at a meeting.
const LISTED: usize = 12;

/// A heading with a switch behind it; gives back whether the list is being changed.
fn changeable_heading(ui: &mut Ui, shown: &Shown, word: words::Word) -> bool {
    let id = ui.scope_id().with(("changing", word.text(words::Language::En)));
    let mut is_changing = ui.data_mut(|data| data.get_temp(id)).unwrap_or(false);
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        ui.label(RichText::new(word.text(shown.language)).strong().color(ACCENT));
        let switch = if is_changing { words::LEAVE_EDITING } else { words::EDIT };
        if ui.small_button(switch.text(shown.language)).clicked() {
            is_changing = !is_changing;
        }
    });
    ui.data_mut(|data| data.insert_temp(id, is_changing));
    is_changing
}

/// A name to be typed over; gives back what was typed.
fn name_field(ui: &mut Ui, shown: &Shown, name: &str) -> Option<String> {
    let mut typed = name.to_owned();
    let edit = TextEdit::singleline(&mut typed).desired_width(96.0).char_limit(MOST_TYPED_LETTERS);
    ui.add(edit).accessible_name(words::NAME.text(shown.language)).changed().then_some(typed)
}

/// Up, down and away, for an entry at a place of a list of so many.
fn order_buttons(
    ui: &mut Ui,
    (place, count): (usize, usize),
    to_move: fn(usize, usize) -> SceneEdit,
    to_remove: fn(usize) -> SceneEdit,
    actions: &mut Vec<Action>,
) {
    ui.spacing_mut().item_spacing.x = 3.0;
    if ui.add_enabled(place > 0, egui::Button::new("▲").small()).clicked() {
        actions.push(Action::Edit(to_move(place, place - 1)));
    }
    if ui.add_enabled(place + 1 < count, egui::Button::new("▼").small()).clicked() {
        actions.push(Action::Edit(to_move(place, place + 1)));
    }
    if ui.small_button("×").clicked() {
        actions.push(Action::Edit(to_remove(place)));
    }
}

/// The schemes: which is seen, and its buildings.
pub(super) fn schemes(ui: &mut Ui, shown: &Shown, meeting: &MeetingRow, actions: &mut Vec<Action>) {
    let language = shown.language;
    let is_changing = changeable_heading(ui, shown, words::SCHEMES);
    ui.horizontal_wrapped(|ui| {
        let mut choice = |ui: &mut Ui, text: &str, is_on: bool, shows: Shows| {
            if ui.selectable_label(is_on, text).clicked() {
                actions.push(Action::ShowSchemes(shows));
            }
        };
        choice(ui, words::NO_SCHEME.text(language), meeting.shown == [None], Shows::Nothing);
        for (index, scheme) in meeting.schemes.iter().enumerate() {
            choice(ui, &scheme.name, meeting.shown == [Some(index)], Shows::One(index));
        }
        if meeting.schemes.len() > 1 {
            // The scheme seen now stays at the left, the next one comes to the right.
            let left = meeting.shown.first().copied().flatten().unwrap_or(0);
            let right = usize::from(left == 0);
            let places = if left < right { [left, right] } else { [right, left] };
            choice(ui, words::SIDE_BY_SIDE.text(language), meeting.shown.len() > 1, Shows::SideBySide(places));
        }
    });
    if is_changing {
        change_schemes(ui, shown, meeting, actions);
    }
    for (pane, place) in meeting.shown.iter().enumerate() {
        let Some((place, scheme)) = place.and_then(|place| Some((place, meeting.schemes.get(place)?))) else {
            continue;
        };
        if meeting.shown.len() > 1 {
            ui.label(RichText::new(&scheme.name).small().strong());
        }
        let grounds = meeting.built.get(pane).map_or(&[][..], Vec::as_slice);
        buildings(ui, shown, (place, scheme), (grounds, is_changing), actions);
    }
    if meeting.can_build && ui.button(words::BUILD_ON_AREA.text(language)).clicked() {
        actions.push(Action::BuildOnArea);
    }
}

/// Names and order of the schemes, and what can be added.
fn change_schemes(ui: &mut Ui, shown: &Shown, meeting: &MeetingRow, actions: &mut Vec<Action>) {
    let language = shown.language;
    let count = meeting.schemes.len();
    for (place, scheme) in meeting.schemes.iter().enumerate() {
        ui.push_id(("scheme", place), |ui| {
            ui.horizontal(|ui| {
                if let Some(name) = name_field(ui, shown, &scheme.name) {
                    actions.push(Action::Edit(SceneEdit::RenameScheme(place, name)));
                }
                if ui.small_button(words::COPY.text(language)).clicked() {
                    actions.push(Action::Edit(SceneEdit::CopyScheme(place)));
                }
                let place = (place, count);
                order_buttons(ui, place, SceneEdit::MoveScheme, SceneEdit::RemoveScheme, actions);
            });
        });
    }
    ui.horizontal_wrapped(|ui| {
        if ui.small_button(words::NEW_SCHEME.text(language)).clicked() {
            actions.push(Action::Edit(SceneEdit::AddScheme));
        }
        if let Some(place) = meeting.shown.first().copied().flatten()
            && ui.small_button(words::BUILD_ON_RED_LINE.text(language)).clicked()
        {
            let name = format!("{}#", meeting.schemes.get(place).map_or(0, |scheme| scheme.buildings.len()) + 1);
            let whole = Building { name, floors: Some(6), ..Building::default() };
            actions.push(Action::Edit(SceneEdit::AddBuilding(place, whole)));
        }
    });
    take_back(ui, shown, meeting, actions);
    ui.label(RichText::new(words::BUILD_HELP.text(language)).small().weak());
}

fn take_back(ui: &mut Ui, shown: &Shown, meeting: &MeetingRow, actions: &mut Vec<Action>) {
    if meeting.can_take_back && ui.small_button(words::TAKE_BACK.text(shown.language)).clicked() {
        actions.push(Action::TakeBack);
    }
}

fn buildings(
    ui: &mut Ui,
    shown: &Shown,
    (place, scheme): (usize, &Scheme),
    (grounds, is_changing): (&[[String; 2]], bool),
    actions: &mut Vec<Action>,
) {
    let most = if is_changing { usize::MAX } else { LISTED };
    for (index, building) in scheme.buildings.iter().enumerate().take(most) {
        let mut changed = building.clone();
        ui.push_id(("building", place, index), |ui| {
            if is_changing {
                ui.horizontal(|ui| {
                    if let Some(name) = name_field(ui, shown, &building.name) {
                        changed.name = name;
                    }
                    count_by(ui, shown, &mut changed);
                    if ui.small_button("×").clicked() {
                        actions.push(Action::Edit(SceneEdit::RemoveBuilding(place, index)));
                    }
                });
            }
            ui.horizontal(|ui| one_building(ui, shown, &mut changed, grounds.get(index), is_changing));
        });
        if changed != *building {
            actions.push(Action::Edit(SceneEdit::SetBuilding(place, index, changed)));
        }
    }
}

/// Whether a building is counted in floors or in metres.
fn count_by(ui: &mut Ui, shown: &Shown, building: &mut Building) {
    let (height_m, _) = building.levels_m();
    let word = if building.height_m.is_some() { words::IN_FLOORS } else { words::IN_METRES };
    if ui.small_button(word.text(shown.language)).clicked() {
        if building.height_m.take().is_some() {
            let floors = (height_m / building.floor_height_m.unwrap_or(3.0)).round().clamp(1.0, 200.0);
            building.floors = Some(floors as u32);
        } else {
            building.height_m = Some(height_m);
            building.floors = None;
        }
    }
}

/// A building's floors or height and its ground, to be changed.
fn one_building(ui: &mut Ui, shown: &Shown, building: &mut Building, ground: Option<&[String; 2]>, is_named: bool) {
    let language = shown.language;
    if !is_named {
        ui.label(RichText::new(&building.name).small());
    }
    match (&mut building.floors, &mut building.height_m) {
        (Some(floors), None) => {
            ui.add(DragValue::new(floors).range(1..=200).suffix(format!(" {}", words::FLOORS.text(language))));
        }
        (_, Some(height_m)) => drop(ui.add(DragValue::new(height_m).range(0.5..=1_000.0).speed(0.2).suffix(" m"))),
        (None, None) => {}
    }
    ui.menu_button(words::ground(building.ground).text(language), |ui| {
        for ground in [Ground::Highest, Ground::Mean, Ground::Lowest] {
            if ui.button(words::ground(ground).text(language)).clicked() {
                building.ground = ground;
                ui.close();
            }
        }
    });
    if let Some([short, full]) = ground {
        ui.label(RichText::new(short).small().weak()).on_hover_text(full);
    }
}

/// The bookmarks in the order of the meeting.
pub(super) fn bookmarks(ui: &mut Ui, shown: &Shown, meeting: &MeetingRow, actions: &mut Vec<Action>) {
    let language = shown.language;
    let is_changing = changeable_heading(ui, shown, words::BOOKMARKS);
    let count = meeting.bookmarks.len();
    for (index, name) in meeting.bookmarks.iter().enumerate() {
        ui.push_id(("bookmark", index), |ui| {
            ui.horizontal(|ui| {
                if is_changing {
                    ui.label(format!("{}", index + 1));
                    if let Some(name) = name_field(ui, shown, name) {
                        actions.push(Action::Edit(SceneEdit::RenameBookmark(index, name)));
                    }
                    if ui.small_button(words::LOOK_ANEW.text(language)).clicked() {
                        actions.push(Action::LookAnew(index));
                    }
                    let place = (index, count);
                    order_buttons(ui, place, SceneEdit::MoveBookmark, SceneEdit::RemoveBookmark, actions);
                } else if ui.button(format!("{} {name}", index + 1)).clicked() {
                    actions.push(Action::GotoBookmark(index));
                }
            });
        });
    }
    ui.horizontal_wrapped(|ui| {
        if ui.small_button(words::ADD.text(language)).clicked() {
            actions.push(Action::AddBookmark);
        }
        if is_changing {
            take_back(ui, shown, meeting, actions);
        }
    });
}
