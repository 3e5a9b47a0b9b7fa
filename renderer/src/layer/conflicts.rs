//! Where a project meets a rule, draped in red; orange where an exemption may allow it. The rule itself stands on a sign.

use super::drawn::{self, Painted};
use super::{Kind, Made, Role};
use crate::error::ViewError;
use crate::meeting::Meeting;

/// Conflicts.
pub const KIND: Kind = Kind {
    dataset_kind: "project-conflicts",
    title: ["项目会审", "Project"],
    entry: |_links| None,
    role: Role::Project { slug: "project-conflicts", name: ["冲突图斑", "Conflicts"], make },
};

const STYLE: &str = r##"{"version":8,"name":"conflicts","sources":{},"layers":[
 {"id":"inside","type":"fill","source":"project","paint":{"fill-color":["match",["get","class"],"conditional","#f08c00","#e3001b"],"fill-opacity":0.5}},
 {"id":"edge","type":"line","source":"project","layout":{"line-join":"round"},"paint":{"line-color":["match",["get","class"],"conditional","#7a4200","#6e000d"],"line-width":1.8}}]}"##;

/// The class the style paints a verdict by.
const CONDITIONAL: &str = "conditional";

fn make(meeting: &Meeting) -> Result<Option<Made>, ViewError> {
    let mut painted = Vec::new();
    for conflict in &meeting.conflicts {
        let class = if conflict.verdict == CONDITIONAL { CONDITIONAL } else { "fail" };
        painted.extend(conflict.area.polygons.iter().map(|polygon| Painted { polygon: polygon.clone(), class }));
    }
    // What forbids lies over what only binds.
    painted.sort_by_key(|painted| painted.class != CONDITIONAL);
    Ok(drawn::drape(&painted, STYLE)?.map(Made::Drape))
}
