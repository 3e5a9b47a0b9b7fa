//! Labels that stand upright on the screen at a place of the ground: which of many to show, without overlap.
//!
//! Text is measured by rule of thumb (a Chinese character fills its square), so placing needs no font and no screen.
//! Whether an anchor can be seen at all is asked of the caller, and only for labels that would find room.

use std::collections::BTreeMap;

use glam::{DVec2, DVec3};

use super::camera::View;
use super::place;

/// A filled circle of a point's symbol.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disc {
    /// In points.
    pub radius_pt: f32,
    /// sRGB with straight alpha.
    pub color: [u8; 4],
}

/// A text anchored on the ground, or a point's symbol, or both.
///
/// Symbols stand upright like texts: laid on the ground they would lie down, and grow with a tile that is shown larger
/// than it is until a finer one has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// The symbol at the anchor, lowest circle first.
    pub discs: Vec<Disc>,
    /// What it says; lines are parted by line feeds. Empty where there is only a symbol.
    pub text: String,
    /// Layer and feature it belongs to; pieces of one feature in several tiles share it.
    pub key: (String, Option<u64>),
    /// Anchor in the Web Mercator square, 0..1, y to the south.
    pub square: [f64; 2],
    /// About how large the feature's piece is, as a length in the square; `None` for a point, which has no size.
    pub extent: Option<f64>,
    /// Height of the letters in points.
    pub size_pt: f32,
    /// From the anchor to the middle of the text, right and down, in heights of a letter.
    pub shift_em: [f32; 2],
    /// Letters, sRGB with straight alpha.
    pub color: [u8; 4],
    /// Their outline.
    pub halo: [u8; 4],
    /// How wide the outline is, in points.
    pub halo_pt: f32,
}

/// A label and where it appears, in pixels.
#[derive(Clone, Debug)]
pub struct PlacedLabel {
    /// The label.
    pub label: Label,
    /// The symbol's middle in pixels.
    pub at_px: DVec2,
    /// Middle of the text in pixels; `None` where the text found no room.
    pub middle_px: Option<DVec2>,
}

/// What labels are written on.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Pixels per point.
    pub pixels_per_point: f64,
    /// Left, top, right, bottom in pixels of the part no panel covers; `None`: all of it.
    pub free_px: Option<[f64; 4]>,
    /// Boxes in pixels that something else fills.
    pub taken_px: Vec<[f64; 4]>,
}

impl Default for Sheet {
    fn default() -> Self {
        Self { pixels_per_point: 1.0, free_px: None, taken_px: Vec::new() }
    }
}

/// More labels than this are too much for anyone.
const MOST: usize = 120;
/// More symbols than this are not asked for.
const MOST_SYMBOLS: usize = 300;
/// A point is ranked like a feature of this length in the square: about 150 m.
const POINT_EXTENT: f64 = 4.2e-6;
/// A feature that appears smaller than so many heights of its letters is not named.
const LEAST_SIDE_EM: f64 = 1.6;
/// The same words of one layer are not repeated within so many points.
const REPEAT_PT: f64 = 220.0;
/// Heights of a letter from one line to the next.
pub const LINE_EM: f32 = 1.2;

struct Candidate {
    label: Label,
    ecef: DVec3,
    at_px: DVec2,
    rank: f64,
}

/// Chooses labels: one a feature (its largest piece), large and near ones first, none over another. Each comes with its
/// anchor in ECEF. `stand` says where on the drawn surface the anchor stands, `None` when it cannot be seen.
/// Symbols come first: every one that can be seen is shown unless it lies on another; texts take the room that is left.
pub fn place(
    labels: Vec<(Label, DVec3)>,
    view: &View,
    sheet: &Sheet,
    stand: &mut dyn FnMut(DVec3) -> Option<DVec3>,
) -> Vec<PlacedLabel> {
    let [width, height] = view.viewport_px.map(f64::from);
    let free_px = sheet.free_px.unwrap_or([0.0, 0.0, width, height]);
    let mut taken = sheet.taken_px.clone();
    let (symbols, texts): (Vec<_>, Vec<_>) =
        ranked(labels, view, sheet, free_px).into_iter().partition(|candidate| !candidate.label.discs.is_empty());
    let mut out: Vec<PlacedLabel> = Vec::new();
    // What is to be written, the most important first; a symbol's name knows its symbol.
    let mut waiting: Vec<(Option<usize>, Candidate)> = texts.into_iter().map(|candidate| (None, candidate)).collect();
    for candidate in symbols.into_iter().take(MOST_SYMBOLS) {
        if !is_free(symbol_px(&candidate.label, candidate.at_px, sheet), &taken, free_px) {
            continue;
        }
        let Some(at_px) = stand(candidate.ecef).and_then(|stands| view.pixel_of(stands)) else { continue };
        taken.push(symbol_px(&candidate.label, at_px, sheet));
        out.push(PlacedLabel { label: candidate.label.clone(), at_px, middle_px: None });
        waiting.push((Some(out.len() - 1), Candidate { at_px, ..candidate }));
    }
    waiting.sort_by(|(_, a), (_, b)| b.rank.total_cmp(&a.rank));
    let mut said: BTreeMap<(String, String), Vec<DVec2>> = BTreeMap::new();
    let (mut written, mut asked) = (0, 0);
    for (symbol, Candidate { label, ecef, at_px, .. }) in waiting {
        if written >= MOST || asked >= 4 * MOST {
            break;
        }
        let words = (label.key.0.clone(), label.text.clone());
        let is_repeated = said.get(&words).is_some_and(|places| {
            places.iter().any(|place| place.distance(at_px) < REPEAT_PT * sheet.pixels_per_point)
        });
        if label.text.is_empty() || is_repeated || !is_free(bounds_px(&label, at_px, sheet), &taken, free_px) {
            continue;
        }
        let standing_px = if symbol.is_some() {
            Some(at_px)
        } else {
            asked += 1;
            stand(ecef).and_then(|stands| view.pixel_of(stands))
        };
        let Some(at_px) = standing_px else { continue };
        let own = bounds_px(&label, at_px, sheet);
        if !is_free(own, &taken, free_px) {
            continue;
        }
        taken.push(own);
        said.entry(words).or_default().push(at_px);
        written += 1;
        let middle_px = Some(middle_px(&label, at_px, sheet));
        match symbol {
            Some(index) => out[index].middle_px = middle_px,
            None => out.push(PlacedLabel { label, at_px, middle_px }),
        }
    }
    out
}

/// Candidates in view, one a feature, the most important first.
fn ranked(labels: Vec<(Label, DVec3)>, view: &View, sheet: &Sheet, free_px: [f64; 4]) -> Vec<Candidate> {
    let mut one_each: BTreeMap<_, Candidate> = BTreeMap::new();
    for (label, ecef) in labels {
        let Some(at_px) = view.pixel_of(ecef) else { continue };
        let inside = (free_px[0]..free_px[2]).contains(&at_px.x) && (free_px[1]..free_px[3]).contains(&at_px.y);
        let distance_m = (ecef - view.eye).length().max(1.0);
        let side_px =
            label.extent.unwrap_or(POINT_EXTENT) * square_side_m(label.square[1]) * view.pixels_per_metre(distance_m);
        let letters_px = f64::from(label.size_pt) * sheet.pixels_per_point;
        if !inside || (label.extent.is_some() && side_px < LEAST_SIDE_EM * letters_px) {
            continue;
        }
        let key = (label.key.clone(), label.text.clone());
        let candidate = Candidate { label, ecef, at_px, rank: side_px };
        let better = one_each.get(&key).is_none_or(|kept| candidate.rank > kept.rank);
        if better {
            one_each.insert(key, candidate);
        }
    }
    let mut ranked: Vec<_> = one_each.into_values().collect();
    ranked.sort_by(|a, b| b.rank.total_cmp(&a.rank));
    ranked
}

/// Metres along the side of the Web Mercator square, as it is stretched at `y`.
fn square_side_m(y: f64) -> f64 {
    let [_, lat_deg] = place::lon_lat_deg_from_square(0.5, y);
    2.0 * std::f64::consts::PI * place::EARTH_RADIUS_M * lat_deg.to_radians().cos()
}

fn middle_px(label: &Label, at_px: DVec2, sheet: &Sheet) -> DVec2 {
    let letters_px = f64::from(label.size_pt) * sheet.pixels_per_point;
    at_px + DVec2::from_array(label.shift_em.map(f64::from)) * letters_px
}

/// The middle of a symbol, which nothing else may cover.
fn symbol_px(label: &Label, at_px: DVec2, sheet: &Sheet) -> [f64; 4] {
    let radius_pt = label.discs.iter().map(|disc| disc.radius_pt).fold(0.0, f32::max);
    let half = (f64::from(radius_pt) * 0.6) * sheet.pixels_per_point;
    [at_px.x - half, at_px.y - half, at_px.x + half, at_px.y + half]
}

/// Left, top, right, bottom in pixels of a label's text whose anchor is at a pixel.
pub(crate) fn bounds_px(label: &Label, at_px: DVec2, sheet: &Sheet) -> [f64; 4] {
    let letters_px = f64::from(label.size_pt) * sheet.pixels_per_point;
    let margin_px = 3.0 * sheet.pixels_per_point;
    let half = text_size_em(&label.text).map(|side| f64::from(side) * letters_px / 2.0 + margin_px);
    let middle = middle_px(label, at_px, sheet);
    [middle.x - half[0], middle.y - half[1], middle.x + half[0], middle.y + half[1]]
}

fn is_free(own: [f64; 4], taken: &[[f64; 4]], free_px: [f64; 4]) -> bool {
    let inside = own[0] >= free_px[0] && own[1] >= free_px[1] && own[2] <= free_px[2] && own[3] <= free_px[3];
    inside && taken.iter().all(|other| own[0] > other[2] || own[2] < other[0] || own[1] > other[3] || own[3] < other[1])
}

/// About how wide and high a text is, in heights of a letter.
#[must_use]
pub fn text_size_em(text: &str) -> [f32; 2] {
    let width = text.lines().map(|line| line.chars().map(letter_em).sum::<f32>()).fold(0.0, f32::max);
    [width, text.lines().count() as f32 * LINE_EM]
}

/// A Chinese character fills its square, a Latin letter about half of it.
fn letter_em(letter: char) -> f32 {
    if letter.is_ascii() { 0.55 } else { 1.0 }
}

/// Breaks a text into lines of about equal length, none much longer than `most_em`; Latin words and numbers stay whole.
#[must_use]
pub fn wrapped(text: &str, most_em: f32) -> String {
    let whole_em: f32 = text.chars().map(letter_em).sum();
    let lines = (whole_em / most_em.max(1.0)).ceil().max(1.0);
    let line_em = whole_em / lines;
    let mut out = String::new();
    let (mut so_far_em, mut before) = (0.0, ' ');
    for letter in text.trim().chars() {
        let in_word = letter.is_ascii_graphic() && before.is_ascii_graphic();
        let may_break = !in_word && !"，。、；：）》”".contains(letter);
        if so_far_em >= line_em - 0.6 && may_break {
            out.truncate(out.trim_end().len());
            out.push('\n');
            so_far_em = 0.0;
            if letter == ' ' {
                continue;
            }
        }
        so_far_em += letter_em(letter);
        before = letter;
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::camera::Camera;

    fn label(text: &str, id: u64, extent: Option<f64>) -> Label {
        Label {
            discs: Vec::new(),
            text: text.to_owned(),
            key: ("layer".to_owned(), Some(id)),
            square: place::square_from_lon_lat_deg(109.74, 28.31),
            extent,
            size_pt: 14.0,
            shift_em: [0.0; 2],
            color: [0; 4],
            halo: [255; 4],
            halo_pt: 1.0,
        }
    }

    fn view() -> View {
        Camera::new([109.74, 28.31, 1_000.0], 0.0, -90.0).view([800, 600])
    }

    /// A place so many pixels right of the middle of the view.
    fn at(right_px: f64) -> DVec3 {
        let ray = view().ray(DVec2::new(400.0 + right_px, 300.0));
        ray.at(ray.ellipsoid(0.0).expect("ground below"))
    }

    fn placed(labels: Vec<(Label, DVec3)>) -> Vec<PlacedLabel> {
        place(labels, &view(), &Sheet::default(), &mut Some)
    }

    /// A length in the square that appears as about so many pixels in the view.
    fn pixels(length_px: f64) -> f64 {
        length_px / view().pixels_per_metre(1_000.0) / square_side_m(label("", 0, None).square[1])
    }

    #[test]
    fn one_feature_in_two_tiles_gets_one_label_on_its_larger_piece() {
        let out = placed(vec![
            (label("水田", 1, Some(pixels(100.0))), at(0.0)),
            (label("水田", 1, Some(pixels(300.0))), at(90.0)),
        ]);
        assert_eq!(out.len(), 1);
        assert!((out[0].at_px.x - 490.0).abs() < 1e-6);
    }

    #[test]
    fn labels_do_not_cover_each_other_and_the_larger_feature_s_stays() {
        let out = placed(vec![
            (label("小", 1, Some(pixels(100.0))), at(0.0)),
            (label("大", 2, Some(pixels(300.0))), at(4.0)),
        ]);
        assert_eq!(out.iter().map(|placed| placed.label.text.as_str()).collect::<Vec<_>>(), ["大"]);
    }

    #[test]
    fn what_is_too_small_to_be_named_is_not_and_a_point_always_may_be() {
        let out = placed(vec![(label("图斑", 1, Some(pixels(9.0))), at(0.0)), (label("滑坡", 2, None), at(200.0))]);
        assert_eq!(out.iter().map(|placed| placed.label.text.as_str()).collect::<Vec<_>>(), ["滑坡"]);
    }

    #[test]
    fn a_symbol_without_room_for_its_name_is_still_shown_and_never_twice_in_one_place() {
        let point = |text: &str, id: u64| Label {
            discs: vec![Disc { radius_pt: 7.0, color: [255; 4] }],
            shift_em: [0.0, 1.4],
            ..label(text, id, None)
        };
        let out = placed(vec![
            (point("桐木冲村1组滑坡", 1), at(0.0)),
            (point("桐木冲村2组滑坡", 2), at(30.0)),
            (point("桐木冲村3组滑坡", 3), at(1.0)),
        ]);
        assert_eq!(out.len(), 2);
        assert_eq!(out.iter().filter(|placed| placed.middle_px.is_some()).count(), 1);
    }

    #[test]
    fn a_village_is_named_before_a_point_in_it_whose_symbol_stays() {
        let point = Label { discs: vec![Disc { radius_pt: 2.0, color: [255; 4] }], ..label("滑坡点", 1, None) };
        let out = placed(vec![(point, at(40.0)), (label("桐木冲村", 2, Some(pixels(500.0))), at(0.0))]);
        let written = out.iter().filter(|placed| placed.middle_px.is_some());
        assert_eq!(written.map(|placed| placed.label.text.as_str()).collect::<Vec<_>>(), ["桐木冲村"]);
        assert!(out.iter().any(|placed| !placed.label.discs.is_empty()));
    }

    #[test]
    fn what_cannot_be_seen_takes_no_room_from_what_can() {
        let labels =
            vec![(label("山后", 1, Some(pixels(300.0))), at(0.0)), (label("山前", 2, Some(pixels(100.0))), at(4.0))];
        let behind = at(0.0);
        let out = place(labels, &view(), &Sheet::default(), &mut |ecef| (ecef != behind).then_some(ecef));
        assert_eq!(out.iter().map(|placed| placed.label.text.as_str()).collect::<Vec<_>>(), ["山前"]);
    }

    #[test]
    fn nothing_is_written_under_panels_or_over_an_edge() {
        let sheet = Sheet {
            free_px: Some([400.0, 0.0, 800.0, 600.0]),
            taken_px: vec![[600.0, 250.0, 700.0, 350.0]],
            ..Sheet::default()
        };
        let labels = [5.0, 100.0, 250.0]
            .iter()
            .zip(1..)
            .map(|(right_px, id)| (label(&format!("地名{id}"), id, None), at(*right_px)));
        let out = place(labels.collect(), &view(), &sheet, &mut Some);
        assert_eq!(out.iter().map(|placed| placed.label.text.as_str()).collect::<Vec<_>>(), ["地名2"]);
    }

    #[test]
    fn on_a_fine_screen_labels_need_as_many_more_pixels() {
        let labels = || vec![(label("甲甲甲", 1, None), at(-30.0)), (label("乙乙乙", 2, None), at(30.0))];
        let twice = Sheet { pixels_per_point: 2.0, ..Sheet::default() };
        assert_eq!(placed(labels()).len(), 2);
        assert_eq!(place(labels(), &view(), &twice, &mut Some).len(), 1);
    }

    #[test]
    fn the_same_words_are_not_said_twice_in_one_place() {
        let labels = (0..5_u8).map(|step| (label("C115", u64::from(step), None), at(-300.0 + 150.0 * f64::from(step))));
        assert_eq!(placed(labels.collect()).len(), 3);
    }

    #[test]
    fn long_names_are_broken_evenly_and_numbers_stay_whole() {
        assert_eq!(wrapped("桐木冲村", 8.0), "桐木冲村");
        assert_eq!(wrapped("样例镇武陵山区水土保持生态保护红线", 8.0), "样例镇武陵山\n区水土保持生\n态保护红线");
        assert_eq!(wrapped("S252 样川线", 3.0), "S252\n样川线");
    }
}
