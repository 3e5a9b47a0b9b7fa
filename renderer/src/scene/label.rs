//! Labels that stand on the screen at a place of the ground: which of many to show, without overlap.

use std::collections::BTreeMap;

use glam::DVec2;

/// A text anchored on the ground.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// What it says.
    pub text: String,
    /// Layer and feature it belongs to; pieces of one feature in several tiles share it.
    pub key: (String, Option<u64>),
    /// Anchor in the Web Mercator square, 0..1, y to the south.
    pub square: [f64; 2],
    /// Area of the feature's piece in the square; larger is more important.
    pub weight: f64,
    /// Height of the letters in points.
    pub size_px: f32,
    /// Letters, sRGB with straight alpha.
    pub color: [u8; 4],
    /// Their outline.
    pub halo: [u8; 4],
}

/// A label and where it appears, in pixels.
#[derive(Clone, Debug)]
pub struct PlacedLabel {
    /// The label.
    pub label: Label,
    /// Middle of the text in pixels.
    pub middle_px: DVec2,
}

/// Chooses labels: one a feature (its largest piece), important and near ones first, none over another.
/// Each candidate comes with its place on the screen and its distance from the eye in metres.
#[must_use]
pub fn place(candidates: Vec<(Label, DVec2, f64)>, most: usize) -> Vec<PlacedLabel> {
    let mut one_each: BTreeMap<_, (Label, DVec2, f64)> = BTreeMap::new();
    for candidate in candidates {
        let (slug, id) = candidate.0.key.clone();
        let key = (slug, id, candidate.0.text.clone());
        let better = one_each.get(&key).is_none_or(|kept| candidate.0.weight > kept.0.weight);
        if better {
            one_each.insert(key, candidate);
        }
    }
    let mut ranked: Vec<_> = one_each.into_values().collect();
    let rank = |(label, _, distance_m): &(Label, DVec2, f64)| label.weight.sqrt() / distance_m.max(1.0);
    ranked.sort_by(|a, b| rank(b).total_cmp(&rank(a)).then(a.2.total_cmp(&b.2)));
    let mut taken: Vec<[f64; 4]> = Vec::new();
    let mut out = Vec::new();
    for (label, middle_px, _) in ranked {
        if out.len() >= most {
            break;
        }
        let half_height = f64::from(label.size_px) * 0.75;
        let half_width = text_width_em(&label.text) * f64::from(label.size_px) / 2.0 + 3.0;
        let own =
            [middle_px.x - half_width, middle_px.y - half_height, middle_px.x + half_width, middle_px.y + half_height];
        let free =
            taken.iter().all(|other| own[0] > other[2] || own[2] < other[0] || own[1] > other[3] || own[3] < other[1]);
        if free {
            taken.push(own);
            out.push(PlacedLabel { label, middle_px });
        }
    }
    out
}

/// About how wide a text is: a Chinese character fills its square, a Latin letter half of it.
fn text_width_em(text: &str) -> f64 {
    text.chars().map(|letter| if letter.is_ascii() { 0.55 } else { 1.0 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str, id: u64, weight: f64) -> Label {
        Label {
            text: text.to_owned(),
            key: ("layer".to_owned(), Some(id)),
            square: [0.5, 0.5],
            weight,
            size_px: 14.0,
            color: [0; 4],
            halo: [255; 4],
        }
    }

    #[test]
    fn one_feature_in_two_tiles_gets_one_label_on_its_larger_piece() {
        let placed = place(
            vec![
                (label("水田", 1, 1.0), DVec2::new(10.0, 10.0), 100.0),
                (label("水田", 1, 5.0), DVec2::new(300.0, 10.0), 100.0),
            ],
            10,
        );
        assert_eq!(placed.len(), 1);
        assert!((placed[0].middle_px.x - 300.0).abs() < 1e-9);
    }

    #[test]
    fn labels_do_not_cover_each_other_and_the_important_one_stays() {
        let placed = place(
            vec![
                (label("小", 1, 1.0), DVec2::new(10.0, 10.0), 100.0),
                (label("大", 2, 9.0), DVec2::new(12.0, 12.0), 100.0),
            ],
            10,
        );
        assert_eq!(placed.len(), 1);
        assert_eq!(placed[0].label.text, "大");
    }
}
