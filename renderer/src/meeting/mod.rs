//! The review meeting: one project with its red line, conflicts, schemes, bookmarks and notes, as plain data.
//!
//! It knows neither pixels nor what is loaded: its layers are in `layer`, its geometry in `scene`, its words in `panel`.
//! `client` reads it from a server, `edit` changes its scene, `file` from a saved meeting, `pack` makes a folder that needs no server.

pub mod client;
pub mod edit;
pub mod file;
pub mod pack;
pub mod polygons;
pub mod project;
pub mod scheme;

use serde_json::Value;

use polygons::Area;
use project::{Conflict, Finding, Note, Project, Scene};
use scheme::{Building, Ground, Scheme};

/// Which scheme is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shows {
    /// None.
    Nothing,
    /// The one at this place of the list.
    #[default]
    First,
    /// The one at this place of the list.
    One(usize),
    /// Two beside each other, seen by one camera.
    SideBySide([usize; 2]),
}

/// Everything a meeting is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meeting {
    /// The project.
    pub project: Project,
    /// Its red line, parcel by parcel.
    pub red_line: Vec<Area>,
    /// Where it meets a rule.
    pub conflicts: Vec<Conflict>,
    /// The rules it does not simply pass.
    pub findings: Vec<Finding>,
    /// Schemes and bookmarks.
    pub scene: Scene,
    /// Notes pinned to places.
    pub notes: Vec<Note>,
    /// Pictures taken for the project: their names, and whether the server has them.
    pub pictures: Vec<(String, bool)>,
    /// Which scheme is shown.
    pub shows: Shows,
}

/// The documents a meeting is made of, as the server gives them; null where there is none.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// The project.
    pub project: Value,
    /// GeoJSON of the red line, longitude and latitude.
    pub red_line: Value,
    /// GeoJSON of the check's patches.
    pub patches: Value,
    /// The check's result.
    pub result: Value,
    /// Notes.
    pub notes: Value,
    /// Schemes and bookmarks.
    pub scene: Value,
}

impl Meeting {
    /// Puts the documents together; an error says in words which one is not understood.
    pub fn of(documents: &Documents) -> Result<Self, String> {
        let of = |name: &'static str| move |reason: String| format!("{name}: {reason}");
        let project = Project::read(&documents.project).map_err(of("project"))?;
        let red_line = read_areas(&documents.red_line).map_err(of("red-line"))?;
        let conflicts = if documents.patches.is_null() {
            Vec::new()
        } else {
            project::conflicts(&documents.patches, &documents.result).map_err(of("patches"))?
        };
        let scene = Scene::read(&documents.scene).map_err(of("scene"))?;
        let notes = project::notes(&documents.notes);
        let findings = project::findings(&documents.result, &conflicts);
        let mut meeting = Self { project, red_line, conflicts, findings, scene, notes, ..Self::default() };
        meeting.propose_scheme();
        Ok(meeting)
    }

    /// Without any scheme the height limit, where there is one, is shown over the whole red line.
    fn propose_scheme(&mut self) {
        if let (true, Some(height_m)) = (self.scene.schemes.is_empty(), self.project.height_limit_m) {
            let name = "限高".to_owned();
            let limit =
                Building { name: name.clone(), height_m: Some(height_m), ground: Ground::Mean, ..Building::default() };
            self.scene.schemes.push(Scheme { name, buildings: vec![limit], models: Vec::new() });
        }
    }

    /// West, south, east, north in degrees of red line and conflicts.
    #[must_use]
    pub fn bounds(&self) -> Option<[f64; 4]> {
        polygons::bounds(self.red_line.iter().flat_map(|area| &area.polygons))
    }

    /// The schemes shown, by pane from the left, by their place in the list.
    #[must_use]
    pub fn shown_schemes(&self) -> Vec<Option<usize>> {
        let there = |place: usize| (place < self.scene.schemes.len()).then_some(place);
        match self.shows {
            Shows::Nothing => vec![None],
            Shows::First => vec![there(0)],
            Shows::One(place) => vec![there(place)],
            Shows::SideBySide(places) => places.map(there).to_vec(),
        }
    }

    /// What a scheme's name, its letter (A is the first), two letters (`A+C`), `none` or `side-by-side` stands for.
    #[must_use]
    pub fn shows_named(&self, name: &str) -> Option<Shows> {
        let count = self.scene.schemes.len();
        match name {
            "none" => return Some(Shows::Nothing),
            "side-by-side" | "并排" => return (count >= 2).then_some(Shows::SideBySide([0, 1])),
            _ => {}
        }
        let letter = |letter: &u8| {
            let place = letter.is_ascii_alphabetic().then(|| usize::from(letter.to_ascii_uppercase() - b'A'));
            place.filter(|place| *place < count)
        };
        let by_name = self.scene.schemes.iter().position(|scheme| scheme.name == name).map(Shows::One);
        by_name.or_else(|| match name.as_bytes() {
            [one] => letter(one).map(Shows::One),
            [left, b'+', right] => Some(Shows::SideBySide([letter(left)?, letter(right)?])),
            _ => None,
        })
    }
}

impl Shows {
    /// The name [`Meeting::shows_named`] understands: a letter, two with `+` between them, `side-by-side` for the first
    /// two, or `none`.
    #[must_use]
    pub fn name(self) -> String {
        let letter = |place: usize| char::from(b'A' + (place % 26) as u8);
        match self {
            Self::Nothing => "none".to_owned(),
            Self::SideBySide([0, 1]) => "side-by-side".to_owned(),
            Self::SideBySide([left, right]) => format!("{}+{}", letter(left), letter(right)),
            Self::First => "A".to_owned(),
            Self::One(place) => letter(place).to_string(),
        }
    }
}

fn read_areas(document: &Value) -> Result<Vec<Area>, String> {
    if document.is_null() {
        return Ok(Vec::new());
    }
    let areas = polygons::read(document)?;
    Ok(areas.into_iter().filter(|area| !area.polygons.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn without_a_scheme_the_height_limit_is_shown_and_without_a_limit_nothing() {
        let of = |project: Value| Meeting::of(&Documents { project, ..Documents::default() }).expect("reads");
        let limited = of(json!({"id": 1, "height_m": 54.0}));
        assert_eq!(limited.scene.schemes[0].buildings[0].height_m, Some(54.0));
        assert!(of(json!({"id": 1})).scene.schemes.is_empty());
    }

    #[test]
    fn schemes_are_called_by_name_or_letter() {
        let scheme = |name: &str| Scheme { name: name.to_owned(), ..Scheme::default() };
        let mut meeting = Meeting::default();
        meeting.scene.schemes = vec![scheme("高层"), scheme("多层")];
        assert_eq!(meeting.shows_named("多层"), Some(Shows::One(1)));
        assert_eq!(meeting.shows_named("b"), Some(Shows::One(1)));
        assert_eq!(meeting.shows_named("C"), None);
        assert_eq!(meeting.shows_named("side-by-side"), Some(Shows::SideBySide([0, 1])));
        for name in ["A", "B", "side-by-side", "B+A", "none"] {
            meeting.shows = meeting.shows_named(name).expect("known");
            assert_eq!(meeting.shows.name(), name);
        }
        assert_eq!(meeting.shows_named("A+C"), None);
        assert_eq!(meeting.shown_schemes(), [None]);
    }
}
