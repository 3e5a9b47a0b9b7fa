//! What became of the buildings, as an analysis of the server judged it: its patches, painted by state.

use std::sync::Arc;

use serde_json::Value;

use super::drawn::{self, Painted};
use super::{Drape, Kind, Role};
use crate::error::ViewError;
use crate::meeting::polygons::Area;

/// Buildings by state.
pub const KIND: Kind = Kind {
    dataset_kind: "study-damage",
    title: ["灾情研判", "Studies"],
    entry: |_links| None,
    role: Role::Study { slug: "study-damage", name: ["建筑受损状态", "Buildings by state"] },
};

/// A state of a building, or an outline: the server's name, its Chinese and English for people, its colour (sRGB).
pub struct Marking {
    /// The server's name.
    pub name: &'static str,
    /// For people.
    pub title: [&'static str; 2],
    /// How it is painted.
    pub color: [u8; 3],
}

/// Every state, the worst first.
pub const STATES: [Marking; 5] = [
    Marking { name: "destroyed", title: ["被毁", "Destroyed"], color: [176, 0, 32] },
    Marking { name: "buried", title: ["被埋", "Buried"], color: [106, 27, 154] },
    Marking { name: "damaged", title: ["受损", "Damaged"], color: [245, 130, 0] },
    Marking { name: "undetermined", title: ["未判定", "Not determined"], color: [240, 220, 60] },
    Marking { name: "unchanged", title: ["未见变化", "No change seen"], color: [46, 140, 70] },
];

/// Ground that is outlined round them: what two surveys found to have moved, and what somebody drew where there is one survey.
pub const OUTLINES: [Marking; 2] = [
    Marking { name: "moved-ground", title: ["地表变化", "Ground that moved"], color: [255, 45, 0] },
    Marking { name: "drawn-ground", title: ["圈定范围", "Drawn area"], color: [255, 212, 0] },
];

const STYLE: &str = r##"{"version":8,"name":"damage","sources":{},"layers":[
 {"id":"outline","type":"line","source":"p","filter":["in",["get","class"],["literal",["moved-ground","drawn-ground"]]],"layout":{"line-join":"round"},"paint":{"line-color":["match",["get","class"],"moved-ground","#ff2d00","#ffd400"],"line-width":2.2}},
 {"id":"inside","type":"fill","source":"p","filter":["!",["in",["get","class"],["literal",["moved-ground","drawn-ground"]]]],"paint":{"fill-color":["match",["get","class"],"destroyed","#b00020","buried","#6a1b9a","damaged","#f58200","undetermined","#f0dc3c","#2e8c46"],"fill-opacity":["match",["get","class"],"unchanged",0.55,0.82]}},
 {"id":"edge","type":"line","source":"p","filter":["!",["in",["get","class"],["literal",["moved-ground","drawn-ground"]]]],"layout":{"line-join":"round"},"paint":{"line-color":"#ffffff","line-width":1.2}}]}"##;

/// The place of a building's state among [`STATES`], by the server's name or by its Chinese.
#[must_use]
pub fn state_of(properties: &Value) -> Option<usize> {
    if properties.get("kind").and_then(Value::as_str) != Some("building") {
        return None;
    }
    let state = properties.get("state")?;
    let name = state.as_str().or_else(|| ["name", "zh"].iter().find_map(|field| state.get(field)?.as_str()))?;
    STATES.iter().position(|known| known.name == name || known.title.contains(&name))
}

/// How many buildings are in each state, in the order of [`STATES`].
#[must_use]
pub fn counts(areas: &[Area]) -> [usize; 5] {
    let mut counts = [0; 5];
    for state in areas.iter().filter_map(|area| state_of(&area.properties)) {
        counts[state] += 1;
    }
    counts
}

/// The place of an outlined ground among [`OUTLINES`].
fn outline_of(properties: &Value) -> Option<usize> {
    let kind = properties.get("kind")?.as_str()?;
    OUTLINES.iter().position(|outline| outline.name == kind)
}

/// Which outlines there are, in the order of [`OUTLINES`].
#[must_use]
pub fn outlined(areas: &[Area]) -> [bool; 2] {
    let mut outlined = [false; 2];
    for outline in areas.iter().filter_map(|area| outline_of(&area.properties)) {
        outlined[outline] = true;
    }
    outlined
}

/// A drape of the patches; `None` where there is neither a building nor outlined ground.
pub fn drape(areas: &[Area]) -> Result<Option<Arc<dyn Drape>>, ViewError> {
    let mut painted = Vec::new();
    for area in areas {
        let state = state_of(&area.properties).map(|state| &STATES[state]);
        let Some(painted_as) = state.or_else(|| outline_of(&area.properties).map(|outline| &OUTLINES[outline])) else {
            continue;
        };
        let class = painted_as.name;
        painted.extend(area.polygons.iter().map(|polygon| Painted { polygon: polygon.clone(), class }));
    }
    // The worst lies on top.
    painted.sort_by_key(|painted| {
        std::cmp::Reverse(STATES.iter().position(|state| state.name == painted.class).unwrap_or(usize::MAX))
    });
    drawn::drape(&painted, STYLE)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn states_are_known_by_name_and_by_chinese_and_other_patches_are_no_buildings() {
        let area = |properties: Value| Area { properties, ..Area::default() };
        let areas = [
            area(json!({"kind": "building", "state": "destroyed"})),
            area(json!({"kind": "building", "state": "被毁"})),
            area(json!({"kind": "building", "state": "未见变化"})),
            area(json!({"kind": "building", "state": "melted"})),
            area(json!({"kind": "moved-ground", "state": "destroyed"})),
            area(Value::Null),
        ];
        assert_eq!(counts(&areas), [2, 0, 0, 0, 1]);
        assert_eq!(outlined(&areas), [true, false]);
    }

    #[test]
    fn the_style_is_understood_and_paints_each_state_in_its_legend_s_colour() {
        for state in STATES.iter().chain(&OUTLINES) {
            let [red, green, blue] = state.color;
            assert!(STYLE.contains(&format!("#{red:02x}{green:02x}{blue:02x}")), "{}", state.name);
        }
        let ring = vec![vec![[109.74, 28.31], [109.741, 28.31], [109.741, 28.311]]];
        for properties in [json!({"kind": "building", "state": "受损"}), json!({"kind": "drawn-ground"})] {
            let area = Area { polygons: vec![ring.clone()], properties };
            assert!(drape(&[area]).expect("a style").is_some());
        }
    }
}
