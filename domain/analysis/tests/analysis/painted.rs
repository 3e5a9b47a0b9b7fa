//! Audit and change against a sheet of squared paper: rectangles on whole metres, counted square by square.

use std::collections::BTreeMap;

use analysis::LoadedLayer;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::ground_truth::{self, loaded, parcel};

/// Side of the sheet, metres.
const SIDE: usize = 24;

/// West, south, width, height, class.
type Rectangle = (usize, usize, usize, usize, u8);

fn rectangles() -> impl Strategy<Value = Vec<Rectangle>> {
    let one = (0..SIDE - 1, 0..SIDE - 1, 1..SIDE, 1..SIDE, 0..3_u8);
    let inside = one.prop_map(|(x, y, w, h, class)| (x, y, w.min(SIDE - x), h.min(SIDE - y), class));
    prop::collection::vec(inside, 1..9)
}

fn layer(dataset: &str, rectangles: &[Rectangle]) -> LoadedLayer {
    let painted = |(index, (x, y, w, h, class)): (usize, &Rectangle)| {
        parcel(&index.to_string(), &class.to_string(), [*x, *y, *w, *h].map(|v| v as f64))
    };
    loaded(dataset, "unknown", rectangles.iter().enumerate().map(painted).collect())
}

fn run(name: &str, request: &Value, layers: &BTreeMap<String, LoadedLayer>) -> (Value, usize) {
    let found = ground_truth::run(name, request, layers, &BTreeMap::new()).unwrap();
    (found.result, found.patches.len())
}

fn holds((x, y, w, h, _): &Rectangle, [column, row]: [usize; 2]) -> bool {
    (*x..x + w).contains(&column) && (*y..y + h).contains(&row)
}

fn squares() -> impl Iterator<Item = [usize; 2]> {
    (0..SIDE * SIDE).map(|square| [square % SIDE, square / SIDE])
}

/// Class of a square; where features lie on each other the first counts.
fn class(rectangles: &[Rectangle], square: [usize; 2]) -> Option<u8> {
    rectangles.iter().filter(|rectangle| holds(rectangle, square)).map(|(.., class)| *class).min()
}

fn count(keep: impl Fn([usize; 2]) -> bool) -> f64 {
    squares().filter(|square| keep(*square)).count() as f64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn changes_of_two_epochs_are_those_of_the_sheet(before in rectangles(), after in rectangles()) {
        let layers =
            BTreeMap::from([("before".to_owned(), layer("a", &before)), ("after".to_owned(), layer("a", &after))]);
        let request = json!({ "mode": "features", "before": { "dataset": "a" }, "after": { "dataset": "a" } });
        let (found, patches) = run("change", &request, &layers);
        let (was, is) = (|square| class(&before, square), |square| class(&after, square));
        let expected = [
            count(|square| was(square).is_none() && is(square).is_some()),
            count(|square| was(square).is_some() && is(square).is_some() && was(square) != is(square)),
            count(|square| was(square).is_some() && is(square).is_none()),
        ];
        let rows = found["changes"].as_array().unwrap();
        let stated: Vec<f64> = rows.iter().map(|row| row["plane_m2"].as_f64().unwrap()).collect();
        prop_assert_eq!(stated, expected);
        let stayed = count(|square| was(square).is_some() && was(square) == is(square));
        prop_assert_eq!(found["unchanged"]["plane_m2"].as_f64(), Some(stayed));
        prop_assert_eq!(found["before"]["plane_m2"].as_f64(), Some(count(|square| was(square).is_some())));
        prop_assert_eq!(found["after"]["plane_m2"].as_f64(), Some(count(|square| is(square).is_some())));
        let in_kinds: u64 = rows.iter().map(|row| row["patches"].as_u64().unwrap()).sum();
        prop_assert_eq!(in_kinds as usize, patches);
    }

    #[test]
    fn gaps_overlaps_and_what_stands_outside_are_those_of_the_sheet(own in rectangles(), cover in rectangles()) {
        let layers =
            BTreeMap::from([("layer-1".to_owned(), layer("dltb", &own)), ("cover".to_owned(), layer("xzq", &cover))]);
        let request = json!({ "layers": [{ "dataset": "dltb" }], "cover": { "dataset": "xzq" } });
        let (found, _) = run("audit", &request, &layers);
        let report = &found["layers"][0];
        let total = |kind: &str| report["totals"][kind]["plane_m2"].as_f64().unwrap();
        let (has, wanted) = (|square| class(&own, square).is_some(), |square| class(&cover, square).is_some());
        prop_assert_eq!(total("gaps"), count(|square| wanted(square) && !has(square)));
        prop_assert_eq!(total("outside"), count(|square| has(square) && !wanted(square)));
        let mut twice = 0.0;
        for (index, first) in own.iter().enumerate() {
            for second in &own[index + 1..] {
                twice += count(|square| holds(first, square) && holds(second, square));
            }
        }
        prop_assert_eq!(total("overlaps"), twice);
    }
}
