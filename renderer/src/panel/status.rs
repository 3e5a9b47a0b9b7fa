//! The status line (where the pointer is, what is loading) and the time slider.

use egui::{Button, Panel, RichText, Slider, Ui};

use super::{Action, PlaceRow, Shown, words};
use words::Language;

/// The line at the bottom.
pub(super) fn show(ui: &mut Ui, shown: &Shown) {
    let language = shown.language;
    Panel::bottom("status").show(ui, |ui| {
        ui.horizontal(|ui| {
            match &shown.place {
                Some(place) => {
                    ui.label(position_text(place, language));
                    ui.separator();
                    ui.label(height_text(place, shown));
                }
                None => {
                    ui.label(RichText::new(words::NO_GROUND.text(language)).weak());
                }
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.label(RichText::new(loading_text(shown)).weak());
                ui.separator();
                ui.label(
                    RichText::new(format!("{} {}", words::EYE.text(language), length_text(shown.eye_height_m))).weak(),
                );
            });
        });
        ui.horizontal(|ui| {
            ui.label(RichText::new(words::HELP.text(language)).small().weak());
            if shown.height_datum.as_deref().is_none_or(|datum| datum == "unknown") {
                ui.separator();
                ui.label(RichText::new(words::MIXED_HEIGHTS.text(language)).small().color(ui.visuals().warn_fg_color));
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.label(RichText::new(&shown.graphics).small().weak());
            });
        });
    });
}

/// Seconds a moment is shown while they are played.
const SECONDS_EACH: f64 = 2.0;

/// The slider over the moments at which the data change, with a step to either side and a way to play them.
pub(super) fn time(ui: &mut Ui, shown: &Shown, actions: &mut Vec<Action>) {
    let language = shown.language;
    Panel::bottom("time").show(ui, |ui| {
        ui.horizontal(|ui| {
            let last = shown.dates.len().saturating_sub(1);
            let now = shown.date.unwrap_or(last).min(last);
            let mut stop = now;
            let name = ui.label(RichText::new(words::TIME.text(language)).strong());
            ui.spacing_mut().slider_width = (ui.available_width() - 340.0).clamp(80.0, 600.0);
            let slider = Slider::new(&mut stop, 0..=last).show_value(false);
            if ui.add(slider).labelled_by(name.id).changed() {
                actions.push(Action::SetTime(stop));
            }
            let date = shown.dates.get(stop).map_or("", String::as_str);
            let newest = if stop == last { format!("（{}）", words::NOW.text(language)) } else { String::new() };
            ui.label(RichText::new(format!("{date}{newest}")).strong());
            ui.spacing_mut().item_spacing.x = 3.0;
            if ui.add_enabled(now > 0, Button::new("◀").small()).clicked() {
                actions.push(Action::SetTime(now - 1));
            }
            if ui.add_enabled(now < last, Button::new("▶").small()).clicked() {
                actions.push(Action::SetTime(now + 1));
            }
            play(ui, shown, (now, last), actions);
        });
    });
}

/// Plays the moments one after the other, from the first again after the last; a moment waits until it is loaded.
fn play(ui: &mut Ui, shown: &Shown, (now, last): (usize, usize), actions: &mut Vec<Action>) {
    let id = egui::Id::unique("playing since");
    let seconds = ui.input(|input| input.time);
    let mut since: Option<f64> = ui.data_mut(|data| data.get_temp(id));
    let word = if since.is_some() { words::PAUSE } else { words::PLAY };
    if ui.small_button(word.text(shown.language)).clicked() {
        since = if since.is_some() { None } else { Some(seconds) };
    }
    if let Some(begun) = since {
        if seconds - begun >= SECONDS_EACH && shown.pending == 0 {
            actions.push(Action::SetTime(if now >= last { 0 } else { now + 1 }));
            since = Some(seconds);
        }
        ui.ctx().request_repaint_after(std::time::Duration::from_millis(250));
    }
    ui.data_mut(|data| {
        data.remove::<f64>(id);
        if let Some(since) = since {
            data.insert_temp(id, since);
        }
    });
}

/// Degrees and Gauss-Kruger of a place.
pub(super) fn position_text(place: &PlaceRow, language: Language) -> String {
    let [lon, lat, _] = place.lon_lat_height_deg;
    let degrees =
        format!("{} {lon:.7}°  {} {lat:.7}°", words::LONGITUDE.text(language), words::LATITUDE.text(language));
    match place.zone {
        Some(zone) => format!(
            "{degrees}   {} {}  {} {:.3}  {} {:.3}",
            words::ZONE.text(language),
            zone.zone,
            words::NORTHING.text(language),
            zone.northing_m,
            words::EASTING.text(language),
            zone.easting_m
        ),
        None => degrees,
    }
}

/// Height with the name of its datum.
pub(super) fn height_text(place: &PlaceRow, shown: &Shown) -> String {
    let language = shown.language;
    let datum = words::height_datum(shown.height_datum.as_deref().unwrap_or("unknown"), language);
    // A height that rounds to zero has no sign.
    let height_m = (place.lon_lat_height_deg[2] * 100.0).round() / 100.0 + 0.0;
    format!("{} {height_m:.2} m（{datum}）", words::HEIGHT.text(language))
}

fn loading_text(shown: &Shown) -> String {
    let language = shown.language;
    let state = if shown.pending > 0 {
        format!("{} {}", words::LOADING.text(language), shown.pending)
    } else {
        words::LOADED.text(language).to_owned()
    };
    if shown.failed > 0 { format!("{state} · {} {}", words::FAILED.text(language), shown.failed) } else { state }
}

/// A length with a unit people use for it.
pub(super) fn length_text(metres: f64) -> String {
    match metres {
        far if far >= 10_000.0 => format!("{:.0} km", far / 1_000.0),
        middle if middle >= 1_000.0 => format!("{:.1} km", middle / 1_000.0),
        near => format!("{near:.0} m"),
    }
}
