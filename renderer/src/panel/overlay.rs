//! What lies directly on the scene: labels, north arrow, scale bar, and the caption of a picture.

use egui::text::LayoutJob;
use egui::{Align2, Area, Color32, FontId, Order, Pos2, RichText, Sense, Shape, Stroke, Ui, Vec2};

use super::studies::StudyAction;
use super::{ACCENT, Action, PaneRow, Shown, floating_frame, status, words};
use crate::scene::sign::{self, PlacedSign, SignKind};
use crate::viewer::Compare;

/// Draws the symbols, and writes the labels with their outline.
pub(super) fn labels(ui: &Ui, pane: &PaneRow) {
    let labels = &pane.labels;
    let painter = ui.ctx().layer_painter(egui::LayerId::background()).with_clip_rect(seen(ui, pane));
    let on_screen = on_screen(ui, pane);
    for placed in labels {
        for disc in &placed.label.discs {
            let [red, green, blue, alpha] = disc.color;
            let color = Color32::from_rgba_unmultiplied(red, green, blue, alpha);
            painter.circle_filled(on_screen(placed.at_px), disc.radius_pt, color);
        }
    }
    for placed in labels {
        let label = &placed.label;
        let Some(middle) = placed.middle_px.map(&on_screen) else { continue };
        let [red, green, blue, alpha] = label.color;
        let [halo_red, halo_green, halo_blue, halo_alpha] = label.halo;
        let color = Color32::from_rgba_unmultiplied(red, green, blue, alpha);
        let halo = Color32::from_rgba_unmultiplied(halo_red, halo_green, halo_blue, halo_alpha);
        let mut job = LayoutJob::simple(label.text.clone(), FontId::proportional(label.size_pt), color, f32::INFINITY);
        job.halign = egui::Align::Center;
        let galley = painter.layout_job(job);
        let corner = middle - galley.rect.center().to_vec2();
        for step in around(label.halo_pt) {
            painter.galley_with_override_text_color(corner + step, galley.clone(), halo);
        }
        painter.galley(corner, galley, color);
    }
}

/// From a pixel of a pane to a point of the screen.
fn on_screen(ui: &Ui, pane: &PaneRow) -> impl Fn(glam::DVec2) -> Pos2 + use<> {
    let scale = ui.ctx().pixels_per_point();
    let [left, top] = pane.corner_px;
    move |pixel| Pos2::new((left + pixel.x) as f32 / scale, (top + pixel.y) as f32 / scale)
}

/// What is seen of a pane, in points of the screen.
fn seen(ui: &Ui, pane: &PaneRow) -> egui::Rect {
    let [left, top, width, height] = pane.seen_px.map(|side| side as f32 / ui.ctx().pixels_per_point());
    egui::Rect::from_min_size(Pos2::new(left, top), egui::vec2(width, height))
}

/// Draws measured lines and signs with their leader lines, and names the pane.
pub(super) fn signs(ui: &Ui, pane: &PaneRow) {
    let on_screen = on_screen(ui, pane);
    let whole = seen(ui, pane);
    let painter = ui.ctx().layer_painter(egui::LayerId::background()).with_clip_rect(whole);
    for line in &pane.lines {
        let [red, green, blue] = line.color;
        let color = Color32::from_rgb(red, green, blue);
        let strokes = [Stroke::new(5.0, Color32::from_black_alpha(150)), Stroke::new(2.4, color)];
        for stroke in strokes {
            for [from, to] in &line.segments_px {
                painter.line_segment([on_screen(*from), on_screen(*to)], stroke);
            }
        }
        for place in &line.places_px {
            painter.circle(on_screen(*place), 4.0, color, Stroke::new(1.4, Color32::from_black_alpha(200)));
        }
    }
    let board_of = |placed: &PlacedSign| {
        let [left, top, right, bottom] = placed.board_px;
        egui::Rect::from_two_pos(on_screen(glam::DVec2::new(left, top)), on_screen(glam::DVec2::new(right, bottom)))
    };
    // All leader lines first: none runs through the words of another board.
    for placed in &pane.signs {
        let (_, _, edge) = sign_colors(placed.sign.kind);
        let board = board_of(placed);
        let foot = on_screen(placed.at_px);
        // The line meets the board over its place, also where the board leans in from the side.
        let head = Pos2::new(foot.x.clamp(board.left() + 4.0, board.right() - 4.0), board.bottom());
        painter.line_segment([foot, head], Stroke::new(3.4, Color32::from_white_alpha(210)));
        painter.line_segment([foot, head], Stroke::new(1.6, edge));
        painter.circle(foot, 3.6, edge, Stroke::new(1.2, Color32::WHITE));
    }
    for placed in &pane.signs {
        let (paper, ink, edge) = sign_colors(placed.sign.kind);
        let board = board_of(placed);
        painter.rect(board, 4.0, paper, Stroke::new(1.2, edge), egui::StrokeKind::Inside);
        let mut job =
            LayoutJob::simple(placed.sign.text.clone(), FontId::proportional(sign::LETTERS_PT), ink, f32::INFINITY);
        job.halign = egui::Align::Center;
        let galley = painter.layout_job(job);
        painter.galley(board.center() - galley.rect.center().to_vec2(), galley, ink);
    }
}

/// Names the panes, within what the panels leave of each.
pub(super) fn titles(ui: &Ui, shown: &Shown) {
    let painter = ui.ctx().layer_painter(egui::LayerId::background());
    for pane in &shown.panes {
        let Some(title) = &pane.title else { continue };
        let free = seen(ui, pane).intersect(ui.available_rect_before_wrap());
        let galley = painter.layout_no_wrap(title.clone(), FontId::proportional(16.0), Color32::WHITE);
        let size = galley.size() + egui::vec2(16.0, 6.0);
        let at = if pane.title_is_right {
            free.right_top() + egui::vec2(-10.0 - size.x, 8.0)
        } else {
            free.left_top() + egui::vec2(10.0, 8.0)
        };
        let board = egui::Rect::from_min_size(at, size);
        painter.rect_filled(board, 4.0, ACCENT);
        painter.galley(at + egui::vec2(8.0, 3.0), galley, Color32::WHITE);
    }
}

/// The line between two epochs over each other; in a window it has a handle to move it by.
pub(super) fn divider(ui: &Ui, shown: &Shown, is_moved: bool, actions: &mut Vec<Action>) {
    const REACH: f32 = 12.0;
    let Some(at) = shown.parted_pt else { return };
    let free = ui.available_rect_before_wrap();
    let (top, bottom) = (Pos2::new(at, free.top()), Pos2::new(at, free.bottom()));
    let painter = ui.ctx().layer_painter(egui::LayerId::background());
    painter.line_segment([top, bottom], Stroke::new(4.0, Color32::from_black_alpha(120)));
    painter.line_segment([top, bottom], Stroke::new(2.0, Color32::WHITE));
    if !is_moved {
        return;
    }
    let middle = Pos2::new(at, free.center().y);
    Area::new(egui::Id::unique("divider"))
        .fixed_pos(Pos2::new(at - REACH, free.top() + 60.0))
        .movable(false)
        .constrain(false)
        .order(Order::Middle)
        .show(ui.ctx(), |ui| {
            let size = Vec2::new(2.0 * REACH, (free.height() - 120.0).max(2.0 * REACH));
            let (_, response) = ui.allocate_exact_size(size, Sense::drag());
            ui.painter().circle(middle, REACH, Color32::WHITE, Stroke::new(1.5, ACCENT));
            for side in [-1.0, 1.0] {
                let tip = middle + egui::vec2(side * 8.0, 0.0);
                let back = middle + egui::vec2(side * 3.0, 0.0);
                let wing = egui::vec2(0.0, 5.0);
                ui.painter().add(Shape::convex_polygon(vec![tip, back + wing, back - wing], ACCENT, Stroke::NONE));
            }
            if response.dragged()
                && let Some(pointer) = response.interact_pointer_pos()
            {
                let part = ((pointer.x - free.left()) / free.width().max(1.0)).clamp(0.0, 1.0);
                actions.push(Action::Study(StudyAction::SetCompare(Compare::Swipe(part))));
            }
            response.on_hover_cursor(egui::CursorIcon::ResizeHorizontal);
        });
}

/// What was measured is seen on any picture.
const MEASURED: Color32 = Color32::from_rgb(255, 214, 10);

/// Paper, ink and edge of a board.
fn sign_colors(kind: SignKind) -> (Color32, Color32, Color32) {
    let white = Color32::from_white_alpha(240);
    match kind {
        SignKind::Conflict => (Color32::from_rgb(200, 16, 32), Color32::WHITE, Color32::from_rgb(110, 0, 13)),
        SignKind::Condition => (Color32::from_rgb(238, 140, 0), Color32::BLACK, Color32::from_rgb(122, 66, 0)),
        SignKind::Project => (white, Color32::from_rgb(190, 0, 22), Color32::from_rgb(227, 0, 27)),
        SignKind::Building => (white, Color32::from_rgb(25, 40, 56), Color32::from_rgb(70, 90, 112)),
        SignKind::Note => {
            (Color32::from_rgb(255, 246, 196), Color32::from_rgb(52, 42, 0), Color32::from_rgb(176, 138, 0))
        }
        SignKind::Measure => (Color32::from_rgb(34, 36, 40), MEASURED, Color32::from_rgb(120, 100, 0)),
    }
}

/// Steps whose copies of a text together make an outline of a width in points: close enough to leave no gaps.
fn around(width_pt: f32) -> impl Iterator<Item = Vec2> {
    let steps = (std::f32::consts::TAU * width_pt).ceil().clamp(8.0, 20.0);
    (0..steps as u8).map(move |step| width_pt * Vec2::angled(std::f32::consts::TAU * f32::from(step) / steps))
}

/// The north arrow; a click turns north up.
pub(super) fn compass(ui: &Ui, shown: &Shown, actions: &mut Vec<Action>) {
    const RADIUS: f32 = 24.0;
    Area::new(egui::Id::unique("compass"))
        .anchor(Align2::RIGHT_TOP, egui::vec2(-14.0, 14.0))
        .order(Order::Middle)
        .show(ui.ctx(), |ui| {
            let (rect, response) = ui.allocate_exact_size(Vec2::splat(2.0 * RADIUS), Sense::click());
            let (painter, center) = (ui.painter(), rect.center());
            painter.circle(center, RADIUS, ui.visuals().window_fill, ui.visuals().window_stroke);
            // The arrow shows where north is on the screen.
            let north = Vec2::angled(-shown.heading_deg.to_radians() as f32 - std::f32::consts::FRAC_PI_2);
            let side = Vec2::new(-north.y, north.x) * 6.0;
            let tip = center + north * (RADIUS - 5.0);
            let tail = center - north * (RADIUS - 5.0);
            painter.add(Shape::convex_polygon(
                vec![tip, center + side, center - side],
                Color32::from_rgb(200, 60, 50),
                Stroke::NONE,
            ));
            painter.add(Shape::convex_polygon(
                vec![tail, center + side, center - side],
                Color32::from_gray(170),
                Stroke::NONE,
            ));
            if response.clicked() {
                actions.push(Action::NorthUp);
            }
            response.on_hover_text(words::NORTH_UP.text(shown.language));
        });
}

/// A bar of a round number of metres.
pub(super) fn scale_bar(ui: &Ui, shown: &Shown) {
    let Some(metres_per_point) = shown.metres_per_point else { return };
    let length_m = round_length_m(metres_per_point * 140.0);
    let width = (length_m / metres_per_point) as f32;
    let bottom = ui.available_rect_before_wrap().right_bottom();
    let painter = ui.ctx().layer_painter(egui::LayerId::background());
    let right = bottom - egui::vec2(18.0, 16.0);
    let left = right - egui::vec2(width, 0.0);
    let dark = Color32::from_rgb(25, 32, 38);
    for (stroke, grow) in [(Stroke::new(5.0, Color32::from_white_alpha(190)), 1.5), (Stroke::new(2.0, dark), 0.0)] {
        painter.line_segment([left - egui::vec2(grow, 0.0), right + egui::vec2(grow, 0.0)], stroke);
        for end in [left, right] {
            painter.line_segment([end - egui::vec2(0.0, 5.0 + grow), end + egui::vec2(0.0, grow)], stroke);
        }
    }
    let middle = left + (right - left) / 2.0 - egui::vec2(0.0, 6.0);
    let text = status::length_text(length_m);
    for step in around(1.3) {
        painter.text(
            middle + step,
            Align2::CENTER_BOTTOM,
            &text,
            FontId::proportional(13.0),
            Color32::from_white_alpha(200),
        );
    }
    painter.text(middle, Align2::CENTER_BOTTOM, &text, FontId::proportional(13.0), dark);
}

/// The longest of 1, 2, 5 times a power of ten that is not longer.
fn round_length_m(at_most_m: f64) -> f64 {
    let power = 10_f64.powf(at_most_m.max(1e-3).log10().floor());
    [5.0, 2.0, 1.0].into_iter().map(|digit| digit * power).find(|length_m| *length_m <= at_most_m).unwrap_or(power)
}

/// A box that names what a picture shows.
pub(super) fn caption(ui: &Ui, shown: &Shown) {
    let language = shown.language;
    // Above a section's chart, where there is one.
    let free = ui.available_rect_before_wrap();
    let corner = free.left_bottom() - ui.ctx().content_rect().left_bottom();
    Area::new(egui::Id::unique("caption"))
        .anchor(Align2::LEFT_BOTTOM, corner + egui::vec2(14.0, -14.0))
        .order(Order::Middle)
        .show(ui.ctx(), |ui| {
            floating_frame(ui).show(ui, |ui| {
                ui.horizontal(|ui| {
                    ui.label(RichText::new(words::PRODUCT.text(language)).strong().size(16.0).color(ACCENT));
                    if let Some(date) = shown.date.and_then(|date| shown.dates.get(date)) {
                        ui.label(RichText::new(date).weak());
                    }
                });
                ui.set_max_width(380.0);
                if let Some(meeting) = &shown.meeting {
                    ui.label(RichText::new(format!("{}  {}", meeting.name, meeting.code)).strong());
                }
                let separator = if language.is_chinese() { "、" } else { ", " };
                let visible = || shown.layers.iter().filter(|row| row.visible);
                let mut kinds: Vec<&str> = Vec::new();
                kinds.extend(visible().map(|row| row.kind));
                kinds.dedup();
                for (number, kind) in kinds.iter().enumerate() {
                    if kinds[..number].contains(kind) {
                        continue;
                    }
                    let titles: Vec<&str> =
                        visible().filter(|row| row.kind == *kind).map(|row| row.title.as_str()).collect();
                    ui.horizontal_wrapped(|ui| {
                        ui.label(RichText::new(*kind).small().color(ACCENT));
                        ui.label(RichText::new(titles.join(separator)).small());
                    });
                }
                if let Some(place) = &shown.place {
                    ui.separator();
                    ui.label(RichText::new(status::position_text(place, language)).small().weak());
                    ui.label(RichText::new(status::height_text(place, shown)).small().weak());
                }
            });
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_bars_have_round_lengths() {
        for (at_most_m, expected_m) in [(140.0, 100.0), (260.0, 200.0), (999.0, 500.0), (1_000.0, 1_000.0), (0.7, 0.5)]
        {
            assert!((round_length_m(at_most_m) - expected_m).abs() < 1e-9, "{at_most_m}");
        }
    }
}
