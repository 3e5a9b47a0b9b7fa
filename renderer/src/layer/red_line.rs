//! The red line of a project (拟用地红线), draped over ground and models: red on white, so that it is read on any picture.

use super::drawn::{self, Painted};
use super::{Kind, Made, Role};
use crate::error::ViewError;
use crate::meeting::Meeting;

/// The red line.
pub const KIND: Kind = Kind {
    dataset_kind: "project-red-line",
    title: ["项目会审", "Project"],
    entry: |_links| None,
    role: Role::Project { slug: "project-red-line", name: ["拟用地红线", "Proposed red line"], make },
};

/// A white edge under a red line, both almost of one width in metres: neighbouring tiles of different fineness show one line; inside only a breath of colour, since the land under it is what the meeting looks at.
const STYLE: &str = r##"{"version":8,"name":"red-line","sources":{},"layers":[
 {"id":"inside","type":"fill","source":"project","paint":{"fill-color":"#ff2a1f","fill-opacity":0.06}},
 {"id":"edge","type":"line","source":"project","layout":{"line-join":"round"},"paint":{"line-color":"#ffffff","line-width":["interpolate",["linear"],["zoom"],14,4.2,15,5,16,7,17,11,19,24],"line-opacity":0.85}},
 {"id":"line","type":"line","source":"project","layout":{"line-join":"round"},"paint":{"line-color":"#e3001b","line-width":["interpolate",["linear"],["zoom"],14,2.4,15,2.8,16,4,17,6.6,19,15]}}]}"##;

fn make(meeting: &Meeting) -> Result<Option<Made>, ViewError> {
    let polygons = meeting.red_line.iter().flat_map(|area| &area.polygons);
    let painted: Vec<Painted> = polygons.map(|polygon| Painted { polygon: polygon.clone(), class: "" }).collect();
    Ok(drawn::drape(&painted, STYLE)?.map(Made::Drape))
}
