//! The section's chart: both epochs' ground over the distance, what was lost and gained between them filled.

use egui::{Align2, Color32, FontId, Panel, Pos2, Rect, RichText, Sense, Stroke, Ui, Vec2};

use super::studies::StudyAction;
use super::{ACCENT, Action, Shown, words};
use crate::scene::section::{Profile, Sample};

/// Height of the chart in points.
const HIGH: f32 = 190.0;
const BEFORE: Color32 = Color32::from_rgb(70, 90, 112);
const AFTER: Color32 = Color32::from_rgb(214, 66, 20);
const LOSS: Color32 = Color32::from_rgba_premultiplied(120, 30, 28, 120);
const GAIN: Color32 = Color32::from_rgba_premultiplied(24, 62, 110, 120);

/// A panel below the map, while there is a section.
pub(super) fn panel(ui: &mut Ui, shown: &Shown, actions: &mut Vec<Action>) {
    let Some(section) = &shown.studies.section else { return };
    let language = shown.language;
    Panel::bottom("section").show(ui, |ui| {
        ui.add_space(2.0);
        ui.horizontal(|ui| {
            ui.label(RichText::new(words::SECTION.text(language)).strong().color(ACCENT));
            match section {
                None => drop(ui.label(RichText::new(words::ASKING.text(language)).small().weak())),
                Some(profile) => figures(ui, shown, profile),
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.small_button("×").clicked() {
                    actions.push(Action::Study(StudyAction::ClearSection));
                }
            });
        });
        if let Some(profile) = section {
            chart(ui, shown, profile);
        }
    });
}

fn figures(ui: &mut Ui, shown: &Shown, profile: &Profile) {
    let language = shown.language;
    let small = |ui: &mut Ui, text: String, color: Option<Color32>| {
        let text = RichText::new(text).small();
        ui.label(color.map_or(text.clone(), |color| text.color(color)));
    };
    small(ui, format!("{} {:.1} m", words::HORIZONTAL.text(language), profile.length_m), None);
    let has_before = profile.samples.iter().any(|sample| sample.before_m.is_some());
    if has_before {
        let date = |stop: Option<usize>| stop.and_then(|stop| shown.dates.get(stop)).cloned().unwrap_or_default();
        let before = format!("— {} {}", words::BEFORE.text(language), date(shown.studies.before));
        small(ui, before, Some(BEFORE));
        small(ui, format!("— {} {}", words::AFTER.text(language), date(shown.date)), Some(AFTER));
    }
    if let (Some(loss_m2), Some(gain_m2)) = (profile.loss_m2, profile.gain_m2) {
        small(
            ui,
            format!(
                "{} {loss_m2:.1} m² · {} {gain_m2:.1} m²",
                words::SECTION_LOSS.text(language),
                words::SECTION_GAIN.text(language)
            ),
            None,
        );
    }
    if profile.range_m.is_none() {
        small(ui, words::NO_TERRAIN.text(language).to_owned(), Some(ui.visuals().warn_fg_color));
    }
}

/// The step of an axis: 1, 2 or 5 times a power of ten, so that about so many fit.
fn step_of(range: f64, about: f64) -> f64 {
    let rough = (range / about).max(1e-6);
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|digit| digit * power).find(|step| *step >= rough).unwrap_or(power)
}

/// Marks of an axis between two values.
fn marks(low: f64, high: f64, step: f64) -> impl Iterator<Item = f64> {
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last.min(first + 100)).map(move |index| index as f64 * step)
}

fn chart(ui: &mut Ui, shown: &Shown, profile: &Profile) {
    let (whole, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HIGH), Sense::hover());
    let Some([low_m, high_m]) = profile.range_m else { return };
    let painter = ui.painter_at(whole);
    let area = Rect::from_min_max(whole.min + egui::vec2(58.0, 10.0), whole.max - egui::vec2(16.0, 22.0));
    let margin_m = ((high_m - low_m) * 0.08).max(0.5);
    let (low_m, high_m) = (low_m - margin_m, high_m + margin_m);
    let length_m = profile.length_m.max(1e-6);
    let at = |distance_m: f64, height_m: f64| {
        Pos2::new(
            area.left() + (distance_m / length_m) as f32 * area.width(),
            area.bottom() - ((height_m - low_m) / (high_m - low_m)) as f32 * area.height(),
        )
    };
    painter.rect_filled(area, 0.0, Color32::WHITE);
    let ink = ui.visuals().text_color();
    let grid = Stroke::new(1.0, Color32::from_gray(225));
    let font = FontId::proportional(11.0);
    let step_m = step_of(high_m - low_m, f64::from(area.height()) / 34.0);
    let decimals = usize::from(step_m < 1.0);
    for height_m in marks(low_m, high_m, step_m) {
        let place = at(0.0, height_m);
        painter.line_segment([place, Pos2::new(area.right(), place.y)], grid);
        let text = format!("{height_m:.decimals$} m");
        painter.text(place - egui::vec2(5.0, 0.0), Align2::RIGHT_CENTER, text, font.clone(), ink);
    }
    let step_m = step_of(length_m, f64::from(area.width()) / 90.0);
    let decimals = usize::from(step_m < 1.0);
    for distance_m in marks(0.0, length_m, step_m) {
        let place = at(distance_m, low_m);
        painter.line_segment([place, Pos2::new(place.x, area.top())], grid);
        let text = format!("{distance_m:.decimals$} m");
        painter.text(place + egui::vec2(0.0, 4.0), Align2::CENTER_TOP, text, font.clone(), ink);
    }
    for pair in profile.samples.windows(2) {
        fill(&painter, [&pair[0], &pair[1]], &at);
    }
    let height = |sample: &Sample, is_after: bool| if is_after { sample.after_m } else { sample.before_m };
    for (is_after, color) in [(false, BEFORE), (true, AFTER)] {
        for pair in profile.samples.windows(2) {
            if let (Some(from), Some(to)) = (height(&pair[0], is_after), height(&pair[1], is_after)) {
                let ends = [at(pair[0].distance_m, from), at(pair[1].distance_m, to)];
                painter.line_segment(ends, Stroke::new(1.8, color));
            }
        }
    }
    painter.rect_stroke(area, 0.0, Stroke::new(1.0, Color32::from_gray(150)), egui::StrokeKind::Inside);
    for (name, align, place) in [("A", Align2::LEFT_TOP, area.left_top()), ("B", Align2::RIGHT_TOP, area.right_top())] {
        let inward = if name == "A" { 5.0 } else { -5.0 };
        painter.text(place + egui::vec2(inward, 3.0), align, name, FontId::proportional(13.0), ACCENT);
    }
    if let Some(pointer) = response.hover_pos().filter(|pointer| area.contains(*pointer)) {
        let wanted_m = f64::from((pointer.x - area.left()) / area.width()) * length_m;
        pointed(&painter, shown, (profile, wanted_m), area, &at);
    }
}

/// What changed between two samples, filled: red for what was lost, blue for what was gained.
fn fill(painter: &egui::Painter, [from, to]: [&Sample; 2], at: &dyn Fn(f64, f64) -> Pos2) {
    let (Some(from_before), Some(from_after)) = (from.before_m, from.after_m) else { return };
    let (Some(to_before), Some(to_after)) = (to.before_m, to.after_m) else { return };
    let color = if from_after + to_after < from_before + to_before { LOSS } else { GAIN };
    let corners = [
        at(from.distance_m, from_before),
        at(to.distance_m, to_before),
        at(to.distance_m, to_after),
        at(from.distance_m, from_after),
    ];
    let mut mesh = egui::Mesh::default();
    for corner in corners {
        mesh.colored_vertex(corner, color);
    }
    mesh.add_triangle(0, 1, 2);
    mesh.add_triangle(0, 2, 3);
    painter.add(egui::Shape::mesh(mesh));
}

/// The heights under the pointer.
fn pointed(
    painter: &egui::Painter,
    shown: &Shown,
    (profile, wanted_m): (&Profile, f64),
    area: Rect,
    at: &dyn Fn(f64, f64) -> Pos2,
) {
    let language = shown.language;
    let away = |sample: &&Sample| (sample.distance_m - wanted_m).abs();
    let Some(sample) = profile.samples.iter().min_by(|a, b| away(a).total_cmp(&away(b))) else { return };
    let x = at(sample.distance_m, 0.0).x;
    painter.line_segment([Pos2::new(x, area.top()), Pos2::new(x, area.bottom())], Stroke::new(1.0, ACCENT));
    let mut said = vec![format!("{} {:.1} m", words::DISTANCE_ALONG.text(language), sample.distance_m)];
    for (word, height_m) in [(words::BEFORE, sample.before_m), (words::AFTER, sample.after_m)] {
        if let Some(height_m) = height_m {
            said.push(format!("{} {height_m:.2} m", word.text(language)));
        }
    }
    if let (Some(before_m), Some(after_m)) = (sample.before_m, sample.after_m) {
        said.push(format!("{} {:+.2} m", words::RISE.text(language), after_m - before_m));
    }
    let galley = painter.layout_no_wrap(said.join("  "), FontId::proportional(12.0), Color32::WHITE);
    let left = (x + 8.0).min(area.right() - galley.size().x - 8.0).max(area.left());
    let board = Rect::from_min_size(Pos2::new(left, area.top() + 4.0), galley.size() + egui::vec2(10.0, 6.0));
    painter.rect_filled(board, 3.0, Color32::from_black_alpha(190));
    painter.galley(board.min + egui::vec2(5.0, 3.0), galley, Color32::WHITE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "round numbers")]
    fn axes_have_round_marks() {
        assert_eq!(step_of(100.0, 5.0), 20.0);
        assert_eq!(step_of(7.0, 5.0), 2.0);
        assert_eq!(marks(3.0, 11.0, 2.0).collect::<Vec<_>>(), [4.0, 6.0, 8.0, 10.0]);
        // A level line has a range as well.
        assert!(step_of(0.0, 5.0) > 0.0);
    }
}
