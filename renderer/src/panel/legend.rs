//! The legend of what was worked out: change of height in metres, depths of water, what is seen, buildings by state.

use egui::{Align2, Area, Color32, Order, RichText, Sense, Stroke, Ui, Vec2};

use super::studies::area_text;
use super::{ACCENT, Shown, floating_frame, words};
use crate::layer::difference::Scale;
use crate::layer::{damage, viewshed};
use crate::scene::flood;

/// A box at the right; nothing where there is nothing to explain.
pub(super) fn show(ui: &Ui, shown: &Shown) {
    let (language, row) = (shown.language, &shown.studies);
    let [difference, water, view, buildings] = row.shown;
    let scale = row.difference.filter(|_| difference);
    let water = row.flood.as_ref().filter(|_| water).and_then(|(order, _, flood)| Some((order, flood.as_ref()?)));
    let view = row.view.filter(|_| view).and_then(|view| view.seen_m2);
    let buildings = row.damage.as_ref().filter(|_| buildings);
    if scale.is_none() && water.is_none() && view.is_none() && buildings.is_none() {
        return;
    }
    let free = ui.available_rect_before_wrap();
    let corner = free.right_bottom() - ui.ctx().content_rect().right_bottom();
    Area::new(egui::Id::unique("legend"))
        .anchor(Align2::RIGHT_BOTTOM, corner + egui::vec2(-14.0, -56.0))
        .order(Order::Middle)
        .interactable(false)
        .show(ui.ctx(), |ui| {
            floating_frame(ui).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 3.0;
                if let Some(scale) = scale {
                    difference_ramp(ui, shown, scale);
                }
                if let Some((order, flood)) = water {
                    title(
                        ui,
                        &format!(
                            "{}（{} {:.1} m）",
                            words::DEPTH.text(language),
                            words::WATER_LEVEL.text(language),
                            order.level_m
                        ),
                    );
                    for (class, [red, green, blue]) in flood::CLASS_COLORS.into_iter().enumerate() {
                        let area = area_text(flood.class_m2[class]);
                        entry(ui, Color32::from_rgb(red, green, blue), &format!("{}   {area}", depth_text(class)));
                    }
                }
                if let Some([seen_m2, within_m2]) = view {
                    title(ui, words::VIEW_TOOL.text(language));
                    let [red, green, blue, _] = viewshed::SEEN;
                    let seen = format!("{}   {}", words::SEEN.text(language), area_text(seen_m2));
                    entry(ui, Color32::from_rgb(red, green, blue), &seen);
                    let [red, green, blue, _] = viewshed::HIDDEN;
                    let hidden = format!("{}   {}", words::NOT_SEEN.text(language), area_text(within_m2 - seen_m2));
                    entry(ui, Color32::from_rgb(red, green, blue), &hidden);
                }
                if let Some(study) = buildings {
                    title(ui, words::DAMAGE.text(language));
                    // What an assessment has no places of is not said to be nought: buildings without a change have none.
                    for (state, count) in damage::STATES.iter().zip(study.counts).filter(|(_, count)| *count > 0) {
                        let [red, green, blue] = state.color;
                        let name = state.title[usize::from(!language.is_chinese())];
                        let text = format!("{name}   {count} {}", words::BUILDINGS.text(language));
                        entry(ui, Color32::from_rgb(red, green, blue), text.trim_end());
                    }
                    for (outline, _) in damage::OUTLINES.iter().zip(study.outlined).filter(|(_, is_there)| *is_there) {
                        let [red, green, blue] = outline.color;
                        line_entry(
                            ui,
                            Color32::from_rgb(red, green, blue),
                            outline.title[usize::from(!language.is_chinese())],
                        );
                    }
                }
            });
        });
}

fn title(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).small().strong().color(ACCENT));
}

fn entry(ui: &mut Ui, color: Color32, text: &str) {
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::new(18.0, 12.0), Sense::hover());
        ui.painter().rect(rect, 2.0, color, Stroke::new(1.0, Color32::from_gray(120)), egui::StrokeKind::Inside);
        ui.label(RichText::new(text).small());
    });
}

/// What is a line on the map, and not a surface.
fn line_entry(ui: &mut Ui, color: Color32, text: &str) {
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::new(18.0, 12.0), Sense::hover());
        ui.painter().hline(rect.x_range(), rect.center().y, Stroke::new(3.0, color));
        ui.label(RichText::new(text).small());
    });
}

/// The depths of a class in metres.
fn depth_text(class: usize) -> String {
    let ends = flood::CLASS_ENDS_M;
    match (class.checked_sub(1).map(|below| ends[below]), ends.get(class)) {
        (None, Some(end)) => format!("< {end} m"),
        (Some(start), Some(end)) => format!("{start}–{end} m"),
        (start, None) => format!("≥ {} m", start.unwrap_or(0.0)),
    }
}

/// The ramp from what sank to what rose, with its ends, its limit and its middle in metres.
fn difference_ramp(ui: &mut Ui, shown: &Shown, scale: Scale) {
    const STEPS: usize = 120;
    let language = shown.language;
    title(ui, words::HEIGHT_CHANGE.text(language));
    let size = Vec2::new(200.0, 14.0);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    // Colours over white paper, as they fade on the map; the axis runs like the ramp, by the root.
    let change_m = |part: f32| {
        let along = f64::from(part) * 2.0 - 1.0;
        along.signum() * along * along * scale.most_m
    };
    for step in 0..STEPS {
        let [left, right] = [step, step + 1].map(|at| at as f32 / STEPS as f32);
        let [red, green, blue, alpha] = scale.color(change_m(f32::midpoint(left, right)));
        let over_white = |part: u8| {
            let alpha = f32::from(alpha) / 255.0;
            (f32::from(part) * alpha + 255.0 * (1.0 - alpha)) as u8
        };
        let color = Color32::from_rgb(over_white(red), over_white(green), over_white(blue));
        let cell = egui::Rect::from_x_y_ranges(
            rect.left() + left * rect.width()..=rect.left() + right * rect.width() + 0.5,
            rect.y_range(),
        );
        ui.painter().rect_filled(cell, 0.0, color);
    }
    ui.painter().rect_stroke(rect, 0.0, Stroke::new(1.0, Color32::from_gray(120)), egui::StrokeKind::Inside);
    ui.horizontal(|ui| {
        ui.set_width(size.x);
        ui.label(RichText::new(format!("{} -{} m", words::SANK.text(language), scale.most_m)).small());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.label(RichText::new(format!("{} +{} m", words::ROSE.text(language), scale.most_m)).small());
        });
    });
    ui.label(RichText::new(format!("{} ±{} m", words::LIMIT.text(language), scale.limit_m)).small().weak());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depths_are_named_from_the_shallowest_to_the_deepest() {
        let names: Vec<String> = (0..flood::CLASS_COLORS.len()).map(depth_text).collect();
        assert_eq!(names, ["< 0.5 m", "0.5–1 m", "1–2 m", "2–3 m", "≥ 3 m"]);
    }
}
