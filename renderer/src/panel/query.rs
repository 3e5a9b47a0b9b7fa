//! The window with what was found at a picked place.

use egui::{Align2, Grid, RichText, ScrollArea, Ui, Window};
use serde_json::Value;

use super::{ACCENT, Action, Shown, status, words};

/// Shown while a place is picked.
pub(super) fn show(ui: &mut Ui, shown: &Shown, actions: &mut Vec<Action>) {
    let Some(picked) = &shown.picked else { return };
    let language = shown.language;
    let mut open = true;
    Window::new(words::ATTRIBUTES.text(language))
        .id(egui::Id::unique("attributes"))
        .open(&mut open)
        .anchor(Align2::RIGHT_TOP, egui::vec2(-12.0, 84.0))
        .default_width(300.0)
        .collapsible(false)
        .resizable(false)
        .show(ui.ctx(), |ui| {
            ui.label(RichText::new(status::position_text(&picked.place, language)).small());
            ui.label(RichText::new(status::height_text(&picked.place, shown)).small());
            if let Some(layer) = &picked.layer {
                ui.label(RichText::new(layer).color(ACCENT));
            }
            ui.separator();
            if picked.features.is_empty() {
                let word = if picked.waiting { words::ASKING } else { words::NOTHING_HERE };
                ui.label(RichText::new(word.text(language)).weak());
            }
            ScrollArea::vertical().max_height(420.0).show(ui, |ui| {
                for (number, (title, properties)) in picked.features.iter().enumerate() {
                    ui.label(RichText::new(title).strong().color(ACCENT));
                    Grid::new(("attributes", number)).num_columns(2).striped(true).show(ui, |ui| {
                        for (name, value) in properties.as_object().into_iter().flatten() {
                            ui.label(RichText::new(name).weak());
                            ui.label(value_text(value));
                            ui.end_row();
                        }
                    });
                }
            });
        });
    if !open {
        actions.push(Action::ClosePicked);
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "—".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
