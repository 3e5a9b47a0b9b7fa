//! What a person sees before choosing anything: which layers are on, and how strongly.
//!
//! Terrain, imagery, models and points are all on. Of the plans only those that orient and those that bind everybody
//! are: a county has dozens, and all of them over each other tell nothing. The rule reads the style a delivery was given
//! on import, so it holds for any county; what is asked for by name (`--layers`) replaces it.

use std::collections::BTreeMap;

use crate::scene::timeline;
use crate::service::Dataset;

/// Styles whose plans are shown at first, and their opacity: the three control lines (三区三线) let the picture through,
/// lines and points are drawn as they are.
const STYLES: &[(&str, f32)] =
    &[("sthx", 0.75), ("yjjbnt", 0.55), ("czkfbj", 0.75), ("admin", 0.85), ("roads", 0.9), ("hazard-points", 1.0)];

/// Without any of those styles this many plans are shown, so that a catalogue of plans alone is not an empty screen.
const MOST_OF_UNKNOWN_MEANING: usize = 3;

/// The opacity of every plan shown at first, by slug.
///
/// Where several plans of one style lie over each other the newest is taken, then the one with more features; plans of
/// one style side by side (one for each county of a prefecture) are all taken.
#[must_use]
pub fn plans(datasets: &[Dataset]) -> BTreeMap<String, f32> {
    let plans: Vec<&Dataset> = datasets.iter().filter(|dataset| dataset.kind == "features").collect();
    let mut shown = BTreeMap::new();
    for (style, opacity) in STYLES {
        let mut of_style: Vec<&Dataset> = plans.iter().filter(|plan| style_of(plan) == Some(style)).copied().collect();
        of_style.sort_by(|a, b| {
            let newest = timeline::valid_from(b).cmp(&timeline::valid_from(a));
            let count = |plan: &Dataset| plan.number("count").unwrap_or(0.0);
            newest.then(count(b).total_cmp(&count(a))).then(a.slug.cmp(&b.slug))
        });
        let mut taken: Vec<[f64; 4]> = Vec::new();
        for plan in of_style {
            let bounds = plan.bounds.unwrap_or([-180.0, -90.0, 180.0, 90.0]);
            if taken.iter().any(|other| holds_middle(*other, bounds) || holds_middle(bounds, *other)) {
                continue;
            }
            taken.push(bounds);
            shown.insert(plan.slug.clone(), *opacity);
        }
    }
    if shown.is_empty() && plans.len() == datasets.len() {
        shown.extend(plans.iter().take(MOST_OF_UNKNOWN_MEANING).map(|plan| (plan.slug.clone(), 1.0)));
    }
    shown
}

fn style_of(plan: &Dataset) -> Option<&str> {
    plan.properties.get("style").and_then(serde_json::Value::as_str)
}

/// Whether the middle of `inner` lies in `outer`; both west, south, east, north.
fn holds_middle(outer: [f64; 4], inner: [f64; 4]) -> bool {
    let [x, y] = [f64::midpoint(inner[0], inner[2]), f64::midpoint(inner[1], inner[3])];
    (outer[0]..=outer[2]).contains(&x) && (outer[1]..=outer[3]).contains(&y)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::service::Revision;

    fn plan(slug: &str, style: &str, valid_from: &str, west: f64) -> Dataset {
        Dataset {
            slug: slug.to_owned(),
            kind: "features".to_owned(),
            bounds: Some([west, 28.0, west + 0.5, 28.5]),
            properties: json!({ "style": style }),
            revision: Some(Revision { valid_from: Some(valid_from.to_owned()), ..Revision::default() }),
            ..Dataset::default()
        }
    }

    fn imagery() -> Dataset {
        Dataset { slug: "ortho".to_owned(), kind: "imagery".to_owned(), ..Dataset::default() }
    }

    #[test]
    fn control_lines_are_on_and_land_use_is_off_whatever_the_slugs_are() {
        let datasets = [
            imagery(),
            plan("a", "sthx", "2022-10-01", 109.0),
            plan("b", "dltb", "2023-12-31", 109.0),
            plan("c", "roads", "2023-12-31", 109.0),
        ];
        let shown = plans(&datasets);
        assert_eq!(shown.keys().collect::<Vec<_>>(), ["a", "c"]);
        assert!(shown["a"] < 1.0, "a red line lets the picture through");
    }

    #[test]
    fn of_plans_of_one_style_the_newest_is_on_and_neighbours_are_on_together() {
        let datasets = [
            imagery(),
            plan("old", "yjjbnt", "2017-01-01", 109.0),
            plan("new", "yjjbnt", "2022-10-01", 109.1),
            plan("next-county", "yjjbnt", "2020-01-01", 110.0),
        ];
        assert_eq!(plans(&datasets).keys().collect::<Vec<_>>(), ["new", "next-county"]);
    }

    #[test]
    fn plans_of_unknown_meaning_are_shown_only_where_there_is_nothing_else() {
        let unknown: Vec<Dataset> =
            ["a", "b", "c", "d"].iter().map(|slug| plan(slug, "polygon", "2020-01-01", 109.0)).collect();
        assert_eq!(plans(&unknown).len(), 3);
        assert!(plans(&[vec![imagery()], unknown].concat()).is_empty());
    }
}
