//! A section through two surveys as a chart: both profiles, what was lost and gained between them, axes in metres.
//!
//! Everything is reckoned here, in millimetres of paper, so that the template only draws.

use serde_json::{Value, json};

use super::content::printed;
use super::figure::Rings;
use super::map::nice;

/// Both surfaces along a line.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Section {
    /// Its name, such as `A—A′`.
    pub(crate) name: String,
    /// Distance from its beginning, metres, rising.
    pub(crate) distance_m: Vec<f64>,
    /// Heights before; none where there is no value.
    pub(crate) before_m: Vec<Option<f64>>,
    /// Heights after.
    pub(crate) after_m: Vec<Option<f64>>,
}

/// Room for the curves, millimetres: width and height.
pub(super) const ROOM_MM: [f64; 2] = [132.0, 56.0];
/// Places of a line that are drawn: five in a millimetre.
const MOST_PLACES: usize = 660;
/// Exaggerations of heights that a chart may have.
const EXAGGERATIONS: [f64; 9] = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0, 50.0];

/// Distance along the line, and the heights that are known there.
type Place = (f64, Option<f64>, Option<f64>);

/// A place with both heights.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::struct_field_names, reason = "the unit stands in each name")]
struct Both {
    along_m: f64,
    before_m: f64,
    after_m: f64,
}

/// From metres to millimetres of the room, y downwards.
#[derive(Debug, Clone, Copy)]
struct Scale {
    mm_per_m: [f64; 2],
    from_m: f64,
    bottom_m: f64,
    height_mm: f64,
}

impl Scale {
    fn mm(&self, along_m: f64, height_m: f64) -> Value {
        let hundredths = |mm: f64| (mm * 100.0).round() / 100.0;
        json!([
            hundredths((along_m - self.from_m) * self.mm_per_m[0]),
            hundredths(self.height_mm - (height_m - self.bottom_m) * self.mm_per_m[1]),
        ])
    }
}

/// The chart as the template draws it; none where no height is known.
pub(super) fn chart(section: &Section) -> Option<Value> {
    let stride = section.distance_m.len().div_ceil(MOST_PLACES).max(1);
    let last = section.distance_m.len().checked_sub(1)?;
    let finite = |value: Option<&Option<f64>>| value.copied().flatten().filter(|value| value.is_finite());
    let places: Vec<(f64, Option<f64>, Option<f64>)> = (0..=last)
        .filter(|at| at % stride == 0 || *at == last)
        .map(|at| (section.distance_m[at], finite(section.before_m.get(at)), finite(section.after_m.get(at))))
        .filter(|(along_m, _, _)| along_m.is_finite())
        .collect();
    let heights = || places.iter().flat_map(|(_, before, after)| [*before, *after]).flatten();
    let (low_m, high_m) = heights().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), h| (a.min(h), b.max(h)));
    let (from_m, to_m) = (places.first()?.0, places.last()?.0);
    let length_m = to_m - from_m;
    if low_m > high_m || length_m <= 0.0 {
        return None;
    }
    let [width_mm, most_mm] = ROOM_MM;
    let along = width_mm / length_m;
    // A little air above and below; flat ground gets some too.
    let span_m = (high_m - low_m).max(length_m * 0.02).max(0.5) * 1.12;
    let middle_m = f64::midpoint(low_m, high_m);
    let fitting = EXAGGERATIONS.iter().rev().find(|times| span_m * along * **times <= most_mm);
    let up = fitting.map_or(most_mm / span_m, |times| along * times);
    let height_mm = (span_m * up).clamp(24.0, most_mm);
    let scale = Scale { mm_per_m: [along, up], from_m, bottom_m: middle_m - height_mm / up / 2.0, height_mm };
    let line = |of: &dyn Fn(&Place) -> Option<f64>| -> Vec<Value> {
        places
            .chunk_by(|a, b| of(a).is_some() == of(b).is_some())
            .filter_map(|run| {
                let points: Vec<Value> = run.iter().filter_map(|place| Some(scale.mm(place.0, of(place)?))).collect();
                (points.len() > 1).then_some(Value::Array(points))
            })
            .collect()
    };
    let both: Vec<Option<Both>> = places
        .iter()
        .map(|&(along_m, before, after)| Some(Both { along_m, before_m: before?, after_m: after? }))
        .collect();
    let (loss, gain) = areas(&both);
    let polygons = |areas: &[Vec<[f64; 2]>]| -> Vec<Value> {
        areas.iter().map(|ring| ring.iter().map(|[x, h]| scale.mm(*x, *h)).collect()).collect()
    };
    let times = up / along;
    let times = if (times - 1.0).abs() < 0.01 {
        "高程与水平同比例".to_owned()
    } else {
        format!("高程放大{}倍", printed(times, u8::from((times - times.round()).abs() > 0.05)))
    };
    Some(json!({
        "name": section.name,
        "width_mm": width_mm,
        "height_mm": height_mm,
        "before": line(&|place| place.1),
        "after": line(&|place| place.2),
        "loss": polygons(&loss),
        "gain": polygons(&gain),
        "ticks_x": ticks(from_m, to_m, length_m / 6.0, &|m| (m - from_m) * along),
        "ticks_y": ticks(
            scale.bottom_m,
            scale.bottom_m + height_mm / up,
            height_mm / up / 4.0,
            &|m| height_mm - (m - scale.bottom_m) * up,
        ),
        "exaggeration": times,
    }))
}

fn ticks(from: f64, to: f64, most: f64, mm: &dyn Fn(f64) -> f64) -> Vec<Value> {
    let (step, decimals) = if most < 1.0 { (nice(most * 100.0) / 100.0, 2) } else { (nice(most), 0) };
    let (first, last) = ((from / step - 1e-9).ceil() as i64, (to / step + 1e-9).floor() as i64);
    (first..=last)
        .map(|n| {
            let at = n as f64 * step;
            json!({ "at_mm": mm(at), "label": printed(at, decimals) })
        })
        .collect()
}

/// Rings between the profiles, distance and height: where the later one lies lower, and where it lies higher. They part
/// where the profiles cross.
fn areas(both: &[Option<Both>]) -> (Rings, Rings) {
    let mut made = (Vec::new(), Vec::new());
    let mut open: Vec<Both> = Vec::new();
    let mut close = |open: &mut Vec<Both>| {
        let rise: f64 = open.iter().map(|place| place.after_m - place.before_m).sum();
        if open.len() > 1 && rise != 0.0 {
            let ring = open
                .iter()
                .map(|place| [place.along_m, place.before_m])
                .chain(open.iter().rev().map(|place| [place.along_m, place.after_m]))
                .collect();
            let side = if rise < 0.0 { &mut made.0 } else { &mut made.1 };
            side.push(ring);
        }
        open.clear();
    };
    for place in both {
        let Some(place) = *place else {
            close(&mut open);
            continue;
        };
        if let Some(last) = open.last().copied() {
            let (was, is) = (last.after_m - last.before_m, place.after_m - place.before_m);
            if was * is < 0.0 {
                let t = was / (was - is);
                let between = |a: f64, b: f64| a + (b - a) * t;
                let height_m = between(last.before_m, place.before_m);
                let crossing =
                    Both { along_m: between(last.along_m, place.along_m), before_m: height_m, after_m: height_m };
                open.push(crossing);
                close(&mut open);
                open.push(crossing);
            } else if is == 0.0 && was != 0.0 {
                open.push(place);
                close(&mut open);
            }
        }
        open.push(place);
    }
    close(&mut open);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(ring: &[[f64; 2]]) -> f64 {
        let doubled: f64 = (0..ring.len())
            .map(|at| {
                let ([x, y], [a, b]) = (ring[at], ring[(at + 1) % ring.len()]);
                x * b - a * y
            })
            .sum();
        doubled.abs() / 2.0
    }

    #[test]
    fn loss_and_gain_part_where_the_profiles_cross_and_have_their_areas() {
        let place = |along_m: f64, before_m: f64, after_m: f64| Some(Both { along_m, before_m, after_m });
        // Falls to 2 m below at 10 m, crosses at 20 m, rises to 2 m above at 30 m; then a gap, then a rise alone.
        let both = [
            place(0.0, 100.0, 100.0),
            place(10.0, 100.0, 98.0),
            place(30.0, 100.0, 102.0),
            place(40.0, 100.0, 100.0),
            None,
            place(60.0, 100.0, 101.0),
            place(70.0, 100.0, 101.0),
        ];
        let (loss, gain) = areas(&both);
        let sum = |rings: &[Vec<[f64; 2]>]| rings.iter().map(|ring| area(ring)).sum::<f64>();
        assert!((sum(&loss) - 20.0).abs() < 1e-9, "{loss:?}");
        assert!((sum(&gain) - 30.0).abs() < 1e-9, "{gain:?}");
    }

    #[test]
    fn a_chart_keeps_within_its_room_and_breaks_where_there_is_no_height() {
        let distance_m: Vec<f64> = (0..5_000).map(|i| f64::from(i) * 0.1).collect();
        let before_m: Vec<Option<f64>> = distance_m.iter().map(|m| Some(600.0 - m * 0.4)).collect();
        let after_m: Vec<Option<f64>> =
            distance_m.iter().map(|m| (*m < 200.0 || *m > 260.0).then_some(600.0 - m * 0.4 - 5.0)).collect();
        let section = Section { name: "A—A′".to_owned(), distance_m, before_m, after_m };
        let chart = chart(&section).expect("heights are known");
        assert_eq!(chart["after"].as_array().map(Vec::len), Some(2), "broken at the gap");
        assert_eq!(chart["before"].as_array().map(Vec::len), Some(1));
        let height_mm = chart["height_mm"].as_f64().expect("a height");
        for point in chart["before"].as_array().into_iter().flatten().filter_map(|line| line.as_array()).flatten() {
            let (x, y) = (point[0].as_f64().expect("x"), point[1].as_f64().expect("y"));
            assert!((0.0..=ROOM_MM[0]).contains(&x) && (0.0..=height_mm).contains(&y), "{point}");
        }
        assert!(height_mm <= ROOM_MM[1]);
        let unknown = Section { before_m: vec![None; 3], distance_m: vec![0.0, 1.0, 2.0], ..Section::default() };
        assert!(super::chart(&unknown).is_none());
    }
}
