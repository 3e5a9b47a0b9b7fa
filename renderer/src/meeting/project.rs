//! What the server knows of a project, as far as a meeting shows it: the project, its red line, the conflicts its check
//! found, notes and the scene kept for it.
//!
//! Read leniently, like everything of the contract: an unknown field is ignored, a missing one is simply not shown.
//! Areas are the server's numbers and are printed as they came.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::polygons::{self, Area};
use super::scheme::{MOST_SCHEMES, Scheme};

/// Most bookmarks and notes of a meeting.
const MOST_BOOKMARKS: usize = 1_000;
const MOST_NOTES: usize = 10_000;
/// Longest text of a note.
pub const MOST_NOTE_LETTERS: usize = 2_000;

/// A project in words and numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Project {
    /// Its identity in addresses.
    pub id: String,
    /// 项目代码.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Who applies.
    pub applicant: String,
    /// Planned land use, code and name.
    pub land_use: String,
    /// Where the review stands, as the server writes it.
    pub state: String,
    /// Version of the red line shown.
    pub red_line_version: Option<u64>,
    /// Area of the red line in the deployment's zone, square metres.
    pub plane_m2: Option<f64>,
    /// Area of the red line on the ellipsoid, square metres.
    pub ellipsoidal_m2: Option<f64>,
    /// Height limit (限高) in metres, where one is stated.
    pub height_limit_m: Option<f64>,
    /// The job of the last check.
    pub check_job: Option<String>,
    /// What the last check came to: pass, conditional, fail.
    pub verdict: Option<String>,
}

impl Project {
    /// Reads the server's answer; an error says what is missing.
    pub fn read(value: &Value) -> Result<Self, String> {
        let value = value.get("project").unwrap_or(value);
        let id = text(value, &["id"]).ok_or("项目没有 id (the project has no id)")?;
        let red_line = value.get("red_line").unwrap_or(&Value::Null);
        let check = value.get("check").unwrap_or(&Value::Null);
        let use_of = value.get("land_use").unwrap_or(&Value::Null);
        let land_use = [text(use_of, &["code"]).or_else(|| text(value, &["land_use_code"])), text(use_of, &["name"])];
        let number = |value: &Value, names: &[&str]| names.iter().find_map(|name| value.get(name)?.as_f64());
        Ok(Self {
            id,
            code: text(value, &["code"]).unwrap_or_default(),
            name: text(value, &["name"]).unwrap_or_default(),
            applicant: text(value, &["applicant"]).unwrap_or_default(),
            land_use: land_use.into_iter().flatten().collect::<Vec<_>>().join(" "),
            state: text(value, &["state"]).unwrap_or_default(),
            red_line_version: red_line.get("version").and_then(Value::as_u64),
            plane_m2: number(red_line, &["plane_m2"]),
            ellipsoidal_m2: number(red_line, &["ellipsoidal_m2"]),
            height_limit_m: number(value, &["height_m", "height_limit_m"])
                .filter(|height_m| (0.5..=1_500.0).contains(height_m)),
            check_job: text(check, &["job"]),
            verdict: text(check, &["verdict"]),
        })
    }
}

/// A piece of land where the project meets a rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conflict {
    /// Where.
    pub area: Area,
    /// The rule's name in its document.
    pub rule: String,
    /// The rule's title for people.
    pub title: String,
    /// fail or conditional.
    pub verdict: String,
    /// Square metres in the deployment's zone.
    pub plane_m2: Option<f64>,
    /// Square metres on the ellipsoid.
    pub ellipsoidal_m2: Option<f64>,
}

/// Whether a verdict says that the project meets a rule; what passes, is only noted or was not checked does not.
fn is_against(verdict: &str) -> bool {
    matches!(verdict, "fail" | "conditional")
}

/// The conflicts among the patches of a check; `result` gives rules their titles.
pub fn conflicts(patches: &Value, result: &Value) -> Result<Vec<Conflict>, String> {
    let checks = result.get("checks").and_then(Value::as_array);
    let check_of =
        |rule: &str| checks.into_iter().flatten().find(|check| check.get("rule").and_then(Value::as_str) == Some(rule));
    let areas = polygons::read(patches)?.into_iter().filter(|area| !area.polygons.is_empty());
    let conflict = |area: Area| {
        let own = &area.properties;
        let rule = text(own, &["rule"]).unwrap_or_default();
        let check = check_of(&rule).unwrap_or(&Value::Null);
        let number = |name: &str| {
            let inner = ["areas", "overlap"].iter().find_map(|group| own.get(group)?.get(name));
            own.get(name).or(inner).and_then(Value::as_f64)
        };
        Conflict {
            verdict: text(own, &["verdict"]).or_else(|| text(check, &["verdict"])).unwrap_or_default(),
            title: text(own, &["title", "title_zh"])
                .or_else(|| text(check, &["title", "title_zh"]))
                .unwrap_or_else(|| rule.clone()),
            plane_m2: number("plane_m2"),
            ellipsoidal_m2: number("ellipsoidal_m2"),
            rule,
            area,
        }
    };
    Ok(areas.map(conflict).filter(|conflict| is_against(&conflict.verdict)).collect())
}

/// A rule the project does not simply pass, and how much land that concerns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finding {
    /// The rule's name in its document.
    pub rule: String,
    /// The rule's title for people, in Chinese and English.
    pub title: [String; 2],
    /// fail or conditional.
    pub verdict: String,
    /// Square metres in the deployment's zone, as the server says.
    pub plane_m2: Option<f64>,
    /// Square metres on the ellipsoid, as the server says.
    pub ellipsoidal_m2: Option<f64>,
    /// Pieces of land.
    pub pieces: usize,
    /// Whether that land lies outside a line the project belongs inside of.
    pub is_outside: bool,
    /// Well inside its largest piece, longitude and latitude in degrees.
    pub at: Option<[f64; 2]>,
    /// What the check says, in Chinese and English.
    pub message: [String; 2],
}

impl Finding {
    /// Whether an exemption may allow it.
    #[must_use]
    pub fn is_conditional(&self) -> bool {
        self.verdict == "conditional"
    }

    /// How much, in the server's own square metres.
    #[must_use]
    pub fn area_text(&self, chinese: bool) -> String {
        let Some(plane_m2) = self.plane_m2.or(self.ellipsoidal_m2) else { return String::new() };
        let pieces = match (self.pieces, chinese) {
            (0 | 1, _) => String::new(),
            (count, true) => format!(" · {count} 处"),
            (count, false) => format!(" · {count} pieces"),
        };
        let outside = match (self.is_outside, chinese) {
            (false, _) => "",
            (true, true) => "界外 ",
            (true, false) => "outside ",
        };
        format!("{outside}{plane_m2:.2} m²{pieces}")
    }
}

/// The findings of a check: one a rule, what forbids first. The numbers are the check's own; only where it states none are
/// they those of the pieces together.
#[must_use]
pub fn findings(result: &Value, conflicts: &[Conflict]) -> Vec<Finding> {
    let mut out: Vec<Finding> = Vec::new();
    for check in result.get("checks").and_then(Value::as_array).into_iter().flatten() {
        let rule = text(check, &["rule"]).unwrap_or_default();
        let verdict = text(check, &["verdict"]).unwrap_or_default();
        if !is_against(&verdict) {
            continue;
        }
        // Of a line that one belongs inside of, what lies outside is the conflict.
        let has_land =
            |land: &&Value| land.get("plane_m2").and_then(Value::as_f64).is_some_and(|area_m2| area_m2 > 0.0);
        let outside = check.get("outside").filter(has_land);
        let overlap = outside.or_else(|| check.get("overlap")).unwrap_or(&Value::Null);
        let number = |name: &str| overlap.get(name).and_then(Value::as_f64);
        out.push(Finding {
            title: [&["title", "title_zh"][..], &["title_en", "title"]]
                .map(|names| text(check, names).unwrap_or_else(|| rule.clone())),
            plane_m2: number("plane_m2").filter(|area_m2| *area_m2 > 0.0),
            ellipsoidal_m2: number("ellipsoidal_m2").filter(|area_m2| *area_m2 > 0.0),
            pieces: overlap.get("pieces").and_then(Value::as_u64).unwrap_or(0) as usize,
            is_outside: outside.is_some(),
            at: None,
            message: ["message_zh", "message_en"].map(|name| text(check, &[name]).unwrap_or_default()),
            rule,
            verdict,
        });
    }
    for conflict in conflicts {
        if !out.iter().any(|finding| finding.rule == conflict.rule) {
            let own: Vec<&Conflict> = conflicts.iter().filter(|other| other.rule == conflict.rule).collect();
            let sum =
                |area: fn(&Conflict) -> Option<f64>| own.iter().map(|conflict| area(conflict)).sum::<Option<f64>>();
            out.push(Finding {
                rule: conflict.rule.clone(),
                title: [conflict.title.clone(), conflict.title.clone()],
                verdict: conflict.verdict.clone(),
                plane_m2: sum(|conflict| conflict.plane_m2),
                ellipsoidal_m2: sum(|conflict| conflict.ellipsoidal_m2),
                pieces: own.len(),
                ..Finding::default()
            });
        }
    }
    for finding in &mut out {
        let own = conflicts.iter().filter(|conflict| conflict.rule == finding.rule);
        let poles = own
            .flat_map(|conflict| &conflict.area.polygons)
            .filter_map(|polygon| geodesy::pole::pole_of_inaccessibility(polygon, None));
        finding.at = poles.max_by(|a, b| a.depth.total_cmp(&b.depth)).map(|pole| pole.at);
    }
    out.sort_by_key(Finding::is_conditional);
    out
}

/// A way to look at the project, in the order of the meeting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bookmark {
    /// What people call it.
    pub name: String,
    /// Longitude, latitude (degrees), height (m), heading and pitch (degrees).
    pub camera: [f64; 5],
    /// The scheme shown there: its name, or `side-by-side`. Absent: as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
}

impl Bookmark {
    /// Whether name and camera can be used.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.name.chars().count() <= 200 && is_camera(&self.camera)
    }
}

/// Whether five numbers are a camera above this earth.
#[must_use]
pub fn is_camera([lon, lat, height_m, heading_deg, pitch_deg]: &[f64; 5]) -> bool {
    (-180.0..=180.0).contains(lon)
        && (-90.0..=90.0).contains(lat)
        && (-1e4..1e8).contains(height_m)
        && heading_deg.is_finite()
        && (-90.0..=90.0).contains(pitch_deg)
}

/// A note pinned to a place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Note {
    /// Longitude and latitude in degrees, height in metres as drawn.
    pub lon_lat_height: [f64; 3],
    /// What it says.
    pub text: String,
    /// Who wrote it, where the server says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Whether the server has it.
    pub posted: bool,
}

impl Note {
    /// Whether it can be shown.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let [lon, lat, height_m] = self.lon_lat_height;
        (-180.0..=180.0).contains(&lon)
            && (-90.0..=90.0).contains(&lat)
            && (-1e4..1e5).contains(&height_m)
            && !self.text.trim().is_empty()
            && self.text.chars().count() <= MOST_NOTE_LETTERS
    }
}

/// The notes the server has; those that make no sense are left out.
#[must_use]
pub fn notes(value: &Value) -> Vec<Note> {
    let listed = value.get("notes").unwrap_or(value).as_array();
    let note = |value: &Value| {
        let [lon, lat] = polygons::position(value.get("lon_lat_height")?)?;
        let height_m = value.get("lon_lat_height")?.get(2).and_then(Value::as_f64)?;
        let author = value.get("author").or_else(|| value.get("by")).unwrap_or(&Value::Null);
        let author = text(author, &["display_name", "name"]).or_else(|| author.as_str().map(str::to_owned));
        let note = Note { lon_lat_height: [lon, lat, height_m], text: text(value, &["text"])?, author, posted: true };
        note.is_sound().then_some(note)
    };
    listed.into_iter().flatten().take(MOST_NOTES).filter_map(note).collect()
}

/// What the server keeps for the meeting of a project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// The version last seen; sent along with a change.
    pub version: Value,
    /// Schemes in their order.
    pub schemes: Vec<Scheme>,
    /// Bookmarks in their order.
    pub bookmarks: Vec<Bookmark>,
}

impl Scene {
    /// Reads the server's answer; null is an empty scene.
    pub fn read(value: &Value) -> Result<Self, String> {
        let inner = ["scene", "document"].iter().find_map(|name| value.get(name)).unwrap_or(value);
        let list = |name: &str| inner.get(name).cloned().filter(|list| !list.is_null()).unwrap_or_else(|| json!([]));
        let of = |error: serde_json::Error| error.to_string();
        let scene = Self {
            version: value.get("version").cloned().unwrap_or_default(),
            schemes: serde_json::from_value(list("schemes")).map_err(of)?,
            bookmarks: serde_json::from_value(list("bookmarks")).map_err(of)?,
        };
        scene.check()?;
        Ok(scene)
    }

    /// What is wrong with it, if anything is.
    pub fn check(&self) -> Result<(), String> {
        if self.schemes.len() > MOST_SCHEMES || self.bookmarks.len() > MOST_BOOKMARKS {
            return Err("方案或书签过多 (too many schemes or bookmarks)".to_owned());
        }
        self.schemes.iter().try_for_each(Scheme::check)?;
        match self.bookmarks.iter().find(|bookmark| !bookmark.is_sound()) {
            Some(wrong) => Err(format!("书签无效 (a bookmark is not sound)：{}", wrong.name)),
            None => Ok(()),
        }
    }
}

/// The first of some fields that is a text, or a number written as one.
fn text(value: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match value.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_read_with_what_is_there() {
        let project = Project::read(&json!({"id": 7, "code": "2024-433199-01", "name": "样例工业园", "state": "checked",
            "land_use": {"system": "2023", "code": "100101", "name": "一类工业用地"}, "red_line": {"version": 2, "plane_m2": 68342.0},
            "check": {"job": "j1", "verdict": "fail"}}))
        .expect("reads");
        assert_eq!((project.id.as_str(), project.land_use.as_str()), ("7", "100101 一类工业用地"));
        assert_eq!(
            (project.red_line_version, project.plane_m2, project.ellipsoidal_m2),
            (Some(2), Some(68342.0), None)
        );
        assert_eq!(project.check_job.as_deref(), Some("j1"));
        assert!(Project::read(&json!({"name": "x"})).is_err());
    }

    #[test]
    fn conflicts_have_their_rule_s_title_and_what_passes_is_none() {
        let square =
            json!({"type": "Polygon", "coordinates": [[[109.0, 28.0], [109.1, 28.0], [109.1, 28.1], [109.0, 28.0]]]});
        let patch = |rule: &str, verdict: &str| {
            json!({"type": "Feature", "geometry": square,
            "properties": {"rule": rule, "verdict": verdict, "areas": {"plane_m2": 2871.0}}})
        };
        let patches =
            json!({"type": "FeatureCollection", "features": [patch("farmland", "fail"), patch("urban", "pass")]});
        let result = json!({"checks": [{"rule": "farmland", "title": "永久基本农田", "verdict": "fail"}]});
        let found = conflicts(&patches, &result).expect("reads");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].title.as_str(), found[0].plane_m2), ("永久基本农田", Some(2871.0)));
        let findings = findings(&result, &found);
        assert_eq!(findings.len(), 1);
        let outside = json!({"checks": [{"rule": "urban", "title": "城镇开发边界", "verdict": "conditional",
            "overlap": {"plane_m2": 57467.26, "pieces": 1}, "outside": {"plane_m2": 10874.91, "pieces": 7}}]});
        let text = super::findings(&outside, &[])[0].area_text(true);
        assert_eq!(text, "界外 10874.91 m² · 7 处", "what lies outside is the conflict, not what lies inside");
        let [lon, lat] = findings[0].at.expect("inside its piece");
        assert!((109.0..109.1).contains(&lon) && (28.0..28.1).contains(&lat));
    }

    #[test]
    fn a_scene_keeps_the_order_of_its_bookmarks_and_refuses_nonsense() {
        let scene = Scene::read(&json!({"version": 3, "scene": {"bookmarks": [
            {"name": "全景", "camera": [109.7, 28.3, 900.0, 0.0, -50.0]}, {"name": "入口", "camera": [109.7, 28.3, 400.0, 90.0, -20.0]}]}}))
        .expect("reads");
        assert_eq!(scene.bookmarks.iter().map(|mark| mark.name.as_str()).collect::<Vec<_>>(), ["全景", "入口"]);
        assert_eq!(scene.version, json!(3));
        assert!(Scene::read(&json!({"bookmarks": [{"camera": [0.0, 99.0, 0.0, 0.0, 0.0]}]})).is_err());
        assert!(Scene::read(&json!({"schemes": "all"})).is_err());
        assert_eq!(Scene::read(&Value::Null).expect("empty"), Scene::default());
    }

    #[test]
    fn notes_off_the_earth_or_without_words_are_left_out() {
        let note = |place: Value, text: &str| json!({"lon_lat_height": place, "text": text, "author": {"display_name": "张三"}});
        let found = notes(&json!({"notes": [note(json!([109.7, 28.3, 300.0]), "退线不足"),
            note(json!([1e9, 28.3, 300.0]), "远"), note(json!([109.7, 28.3, 300.0]), " "), note(json!("x"), "y")]}));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].author.as_deref(), Some("张三"));
    }
}
