//! The list of layers: by kind, with on and off, opacity and a way there.

use egui::{Panel, RichText, ScrollArea, Slider, TextWrapMode, Ui};

use super::{ACCENT, Action, LAYERS_WIDTH, LayerRow, Shown, Tab, meeting, studies, words};

/// The panel on the left.
pub(super) fn show(ui: &mut Ui, shown: &Shown, actions: &mut Vec<Action>) {
    let language = shown.language;
    Panel::left("layers").default_size(LAYERS_WIDTH as f32).resizable(true).show(ui, |ui| {
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            ui.label(RichText::new(words::PRODUCT.text(language)).size(22.0).strong().color(ACCENT));
            ui.label(RichText::new(words::SUBTITLE.text(language)).small().weak());
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.small_button(words::SWITCH_LANGUAGE.text(language)).clicked() {
                    actions.push(Action::SwitchLanguage);
                }
            });
        });
        meeting::tools(ui, shown, actions);
        ui.separator();
        meeting::tabs(ui, shown, actions);
        match (shown.tab, &shown.meeting) {
            (Tab::Meeting, Some(meeting)) => return meeting::show(ui, shown, meeting, actions),
            (Tab::Studies, _) => return studies::show(ui, shown, actions),
            _ => {}
        }
        ui.horizontal(|ui| {
            ui.label(RichText::new(words::LAYERS.text(language)).strong());
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.button(words::WHOLE.text(language)).clicked() {
                    actions.push(Action::ShowAll);
                }
            });
        });
        ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
            for kind in kinds(&shown.layers) {
                ui.add_space(4.0);
                ui.label(RichText::new(kind).small().color(ACCENT));
                for row in shown.layers.iter().filter(|row| row.kind == kind) {
                    layer(ui, row, shown, actions);
                }
            }
        });
    });
}

/// The kinds in the order they first appear.
fn kinds(rows: &[LayerRow]) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    for row in rows {
        if !kinds.contains(&row.kind) {
            kinds.push(row.kind);
        }
    }
    kinds
}

fn layer(ui: &mut Ui, row: &LayerRow, shown: &Shown, actions: &mut Vec<Action>) {
    let language = shown.language;
    ui.push_id(row.index, |ui| {
        let dated = row.valid_from.as_deref().map(|text| text.get(..10).unwrap_or(text));
        let note = if row.live { Some(words::LIVE.text(language)) } else { dated };
        ui.horizontal(|ui| {
            // From the right: button and date keep their room, the title is cut short in what is left.
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.small_button(words::FLY_TO.text(language)).clicked() {
                    actions.push(Action::FlyTo(row.index));
                }
                if let Some(note) = note {
                    ui.label(RichText::new(note).small().weak());
                }
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    ui.style_mut().wrap_mode = Some(TextWrapMode::Truncate);
                    let mut visible = row.visible;
                    let title = ui.checkbox(&mut visible, row.title.as_str());
                    if title.changed() {
                        actions.push(Action::SetVisible(row.index, visible));
                    }
                    title.on_hover_text(match note {
                        Some(note) => format!("{}\n{note}", row.title),
                        None => row.title.clone(),
                    });
                });
            });
        });
        if row.visible && row.has_opacity {
            ui.horizontal(|ui| {
                ui.add_space(22.0);
                let name = ui.label(RichText::new(words::OPACITY.text(language)).small().weak());
                let mut percent = row.opacity * 100.0;
                let slider = Slider::new(&mut percent, 0.0..=100.0).integer().show_value(false);
                if ui.add(slider).labelled_by(name.id).changed() {
                    actions.push(Action::SetOpacity(row.index, percent / 100.0));
                }
                ui.label(RichText::new(format!("{percent:.0}%")).small().weak());
            });
        }
        if let Some(reason) = &row.failed {
            let warning =
                RichText::new(format!("⚠ {}", words::FAILED.text(language))).small().color(ui.visuals().warn_fg_color);
            ui.label(warning).on_hover_text(reason);
        }
    });
}
