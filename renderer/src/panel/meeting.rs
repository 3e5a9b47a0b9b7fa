//! The meeting's list: the project and its conflicts, schemes, bookmarks and notes; and the row of tools above it.

use egui::{Align2, Button, Color32, RichText, ScrollArea, TextEdit, Ui, Window};

use super::studies::{self, StudyAction};
use super::{ACCENT, Action, MeetingRow, Shown, Tab, floating_frame, scene_lists, words};
use crate::desk::Tool;
use crate::meeting::project::MOST_NOTE_LETTERS;
use crate::scene::measure::MeasureKind;

/// Sizes a picture is offered in: for a screen, and for half and whole A4 and A3 pages at 300 dots per inch.
const PICTURE_SIZES: &[([u32; 2], &str)] = &[
    ([1920, 1080], "1920×1080"),
    ([2480, 1748], "A5 300dpi"),
    ([3508, 2480], "A4 300dpi"),
    ([4961, 3508], "A3 300dpi"),
];

const RED: Color32 = Color32::from_rgb(200, 16, 32);
const ORANGE: Color32 = Color32::from_rgb(176, 98, 0);
const GREEN: Color32 = Color32::from_rgb(30, 122, 60);

/// Measuring and noting.
pub(super) fn tools(ui: &mut Ui, shown: &Shown, actions: &mut Vec<Action>) {
    let language = shown.language;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let mut tool = |ui: &mut Ui, word: words::Word, tool: Tool| {
            let is_on = shown.tool == Some(tool);
            if ui.add(Button::selectable(is_on, word.text(language))).clicked() {
                actions.push(Action::SetTool((!is_on).then_some(tool)));
            }
        };
        tool(ui, words::POINT_TOOL, Tool::Measure(MeasureKind::Point));
        tool(ui, words::DISTANCE, Tool::Measure(MeasureKind::Distance));
        tool(ui, words::HEIGHT_TOOL, Tool::Measure(MeasureKind::Height));
        tool(ui, words::AREA_TOOL, Tool::Measure(MeasureKind::Area));
        tool(ui, words::VOLUME_TOOL, Tool::Measure(MeasureKind::Volume));
        if shown.meeting.is_some() {
            tool(ui, words::NOTE_TOOL, Tool::Note);
        }
    });
    match shown.tool {
        Some(Tool::Note) => drop(ui.label(RichText::new(words::NOTE_HELP.text(language)).small().weak())),
        Some(_) => {
            ui.horizontal(|ui| {
                ui.label(RichText::new(words::MEASURE_HELP.text(language)).small().weak());
                if ui.small_button(words::FINISH.text(language)).clicked() {
                    actions.push(Action::FinishDrawing);
                }
            });
        }
        None => {}
    }
    for line in &shown.measured {
        ui.label(RichText::new(line).small());
    }
    if !shown.measured.is_empty() {
        ui.horizontal_wrapped(|ui| {
            if ui.small_button(words::DROP_LAST.text(language)).clicked() {
                actions.push(Action::Study(StudyAction::DropMeasure));
            }
            if ui.small_button(words::CLEAR.text(language)).clicked() {
                actions.push(Action::ClearMeasures);
            }
        });
        studies::reference(ui, shown, actions);
    }
}

/// Layers, meeting or what is asked of the ground.
pub(super) fn tabs(ui: &mut Ui, shown: &Shown, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        let tabs = [(Tab::Meeting, words::MEETING), (Tab::Layers, words::LAYERS), (Tab::Studies, words::STUDIES)];
        for (tab, word) in tabs.into_iter().filter(|(tab, _)| *tab != Tab::Meeting || shown.meeting.is_some()) {
            if ui.selectable_label(shown.tab == tab, RichText::new(word.text(shown.language)).strong()).clicked() {
                actions.push(Action::ShowTab(tab));
            }
        }
    });
    ui.separator();
}

/// The meeting.
pub(super) fn show(ui: &mut Ui, shown: &Shown, meeting: &MeetingRow, actions: &mut Vec<Action>) {
    ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        project(ui, shown, meeting, actions);
        findings(ui, shown, meeting, actions);
        scene_lists::schemes(ui, shown, meeting, actions);
        scene_lists::bookmarks(ui, shown, meeting, actions);
        notes(ui, shown, meeting, actions);
        keeping(ui, shown, meeting, actions);
    });
}

fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(6.0);
    ui.label(RichText::new(text).strong().color(ACCENT));
}

fn project(ui: &mut Ui, shown: &Shown, meeting: &MeetingRow, actions: &mut Vec<Action>) {
    let language = shown.language;
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(&meeting.name).size(17.0).strong());
        if ui.small_button(words::WHOLE_PROJECT.text(language)).clicked() {
            actions.push(Action::FlyToProject);
        }
        if !meeting.is_packed && ui.small_button(words::READ_ANEW.text(language)).clicked() {
            actions.push(Action::ReadAnew);
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(&meeting.code).small().weak());
        ui.label(RichText::new(words::state(&meeting.state, language)).small().color(ACCENT));
        if let Some(verdict) = &meeting.verdict {
            let color = match verdict.as_str() {
                "pass" => GREEN,
                "fail" => RED,
                _ => ORANGE,
            };
            ui.label(RichText::new(words::verdict(verdict).text(language)).strong().color(color));
        }
        if meeting.is_packed {
            ui.label(RichText::new(words::PACKED.text(language)).small().color(ORANGE));
        }
        if let Some(person) = &meeting.person {
            ui.label(RichText::new(person).small().weak());
        }
    });
    for (word, text) in [(words::APPLICANT, &meeting.applicant), (words::LAND_USE, &meeting.land_use)] {
        if !text.is_empty() {
            ui.label(RichText::new(format!("{} {text}", word.text(language))).small());
        }
    }
    for (word, area_m2) in [(words::PLANE_AREA, meeting.plane_m2), (words::ELLIPSOIDAL_AREA, meeting.ellipsoidal_m2)] {
        if let Some(area_m2) = area_m2 {
            ui.label(RichText::new(format!("{} {area_m2:.2} m²", word.text(language))).small());
        }
    }
}

fn findings(ui: &mut Ui, shown: &Shown, meeting: &MeetingRow, actions: &mut Vec<Action>) {
    let language = shown.language;
    heading(ui, words::CONFLICTS.text(language));
    if meeting.findings.is_empty() {
        let word = if meeting.verdict.is_some() { words::NO_CONFLICTS } else { words::NOT_CHECKED };
        ui.label(RichText::new(word.text(language)).small().weak());
    }
    for (index, finding) in meeting.findings.iter().enumerate() {
        let color = if finding.is_conditional { ORANGE } else { RED };
        ui.push_id(("finding", index), |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new(&finding.title).color(color).strong());
                ui.label(RichText::new(&finding.area).small());
                if finding.has_place && ui.small_button(words::FLY_TO.text(language)).clicked() {
                    actions.push(Action::FlyToFinding(index));
                }
            });
            if !finding.message.is_empty() {
                ui.label(RichText::new(&finding.message).small().weak());
            }
        });
    }
}

fn notes(ui: &mut Ui, shown: &Shown, meeting: &MeetingRow, actions: &mut Vec<Action>) {
    let language = shown.language;
    if meeting.notes.is_empty() {
        return;
    }
    heading(ui, words::NOTES.text(language));
    for (index, note) in meeting.notes.iter().enumerate() {
        ui.push_id(("note", index), |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new(&note.text).small());
                if !note.posted {
                    ui.label(RichText::new(words::NOT_POSTED.text(language)).small().color(ORANGE));
                }
                if ui.small_button(words::FLY_TO.text(language)).clicked() {
                    actions.push(Action::FlyToNote(index));
                }
            });
        });
    }
}

fn keeping(ui: &mut Ui, shown: &Shown, meeting: &MeetingRow, actions: &mut Vec<Action>) {
    let language = shown.language;
    ui.add_space(8.0);
    ui.separator();
    ui.horizontal_wrapped(|ui| {
        picture_menu(ui, words::PICTURE.text(language), false, actions);
        if !meeting.is_packed {
            picture_menu(ui, words::PICTURE_FOR_PROJECT.text(language), true, actions);
        }
        if ui.button(words::SAVE.text(language)).clicked() {
            actions.push(Action::SaveMeeting);
        }
    });
    for (name, is_there) in &meeting.pictures {
        let word = if *is_there { words::IN_PROJECT } else { words::SENDING };
        ui.label(RichText::new(format!("{name} · {}", word.text(language))).small().weak());
    }
    if !meeting.is_packed && ui.button(words::SEND_SCENE.text(language)).clicked() {
        actions.push(Action::SendScene);
    }
}

/// Offers the sizes of a picture.
fn picture_menu(ui: &mut Ui, text: &str, for_project: bool, actions: &mut Vec<Action>) {
    ui.menu_button(text, |ui| {
        for (size_px, name) in PICTURE_SIZES {
            if ui.button(*name).clicked() {
                actions.push(Action::SavePicture(*size_px, for_project));
                ui.close();
            }
        }
    });
}

/// Where a note's words are written; kept by egui while the window is open.
fn note_words() -> egui::Id {
    egui::Id::unique("note words")
}

/// Asks for the words of a note.
pub(super) fn note_window(ui: &mut Ui, shown: &Shown, actions: &mut Vec<Action>) {
    if shown.note_at.is_none() {
        return;
    }
    let language = shown.language;
    Window::new(words::NOTE_TOOL.text(language))
        .id(egui::Id::unique("note"))
        .anchor(Align2::CENTER_CENTER, egui::vec2(120.0, 0.0))
        .collapsible(false)
        .resizable(false)
        .default_width(320.0)
        .show(ui.ctx(), |ui| {
            let mut text: String = ui.data_mut(|data| data.get_temp(note_words())).unwrap_or_default();
            let name = ui.label(RichText::new(words::NOTE_TEXT.text(language)).small().weak());
            let edit = TextEdit::multiline(&mut text).desired_rows(3).char_limit(MOST_NOTE_LETTERS);
            ui.add(edit).labelled_by(name.id).request_focus();
            let mut is_over = false;
            ui.horizontal(|ui| {
                if ui.add_enabled(!text.trim().is_empty(), Button::new(words::SEND.text(language))).clicked() {
                    actions.push(Action::PinNote(text.clone()));
                    is_over = true;
                }
                if ui.button(words::CANCEL.text(language)).clicked() {
                    actions.push(Action::CancelNote);
                    is_over = true;
                }
            });
            let kept = if is_over { String::new() } else { text };
            ui.data_mut(|data| data.insert_temp(note_words(), kept));
        });
}

/// Tells a person what was saved, or why something was not.
pub(super) fn said_window(ui: &mut Ui, shown: &Shown, actions: &mut Vec<Action>) {
    let Some(said) = &shown.said else { return };
    egui::Area::new(egui::Id::unique("said"))
        .anchor(Align2::CENTER_TOP, egui::vec2(120.0, 14.0))
        .order(egui::Order::Foreground)
        .show(ui.ctx(), |ui| {
            floating_frame(ui).show(ui, |ui| {
                ui.horizontal_wrapped(|ui| {
                    ui.set_max_width(560.0);
                    ui.label(said);
                    if ui.small_button("×").clicked() {
                        actions.push(Action::CloseSaid);
                    }
                });
            });
        });
}
