//! What people change about the scene of a meeting: schemes, their buildings, bookmarks, names and order.
//!
//! A change is one value, so that the panel can ask for it, the desk can do it and the last ones can be taken back. What a
//! change means is not there any more changes nothing.

use super::project::{Bookmark, Scene};
use super::scheme::{Building, MOST_SCHEMES, Scheme};
use super::{Meeting, Shows};

/// Letters of a name that is typed; the scene takes more.
pub const MOST_TYPED_LETTERS: usize = 60;

/// A change of the scene. Places count from 0.
#[derive(Clone, Debug, PartialEq)]
pub enum SceneEdit {
    /// An empty scheme at the end, which is shown.
    AddScheme,
    /// The same scheme once more behind itself, which is shown.
    CopyScheme(usize),
    /// Another name for a scheme.
    RenameScheme(usize, String),
    /// A scheme to another place.
    MoveScheme(usize, usize),
    /// A scheme away.
    RemoveScheme(usize),
    /// One more building of a scheme.
    AddBuilding(usize, Building),
    /// Another building in the place of one.
    SetBuilding(usize, usize, Building),
    /// A building away.
    RemoveBuilding(usize, usize),
    /// Another name for a bookmark.
    RenameBookmark(usize, String),
    /// A bookmark to another place.
    MoveBookmark(usize, usize),
    /// Another look in the place of a bookmark's.
    SetBookmark(usize, Bookmark),
    /// A bookmark away.
    RemoveBookmark(usize),
}

impl SceneEdit {
    /// Whether it goes on with what `before` began, as letters of one name do: both are taken back together.
    #[must_use]
    pub fn continues(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::RenameScheme(one, _), Self::RenameScheme(other, _))
            | (Self::RenameBookmark(one, _), Self::RenameBookmark(other, _)) => one == other,
            (Self::SetBuilding(scheme, building, _), Self::SetBuilding(other_scheme, other, _)) => {
                (scheme, building) == (other_scheme, other)
            }
            _ => false,
        }
    }
}

impl Meeting {
    /// Does a change; false where there was nothing to change.
    pub fn edit(&mut self, edit: &SceneEdit) -> bool {
        let count = self.scene.schemes.len();
        let typed = |name: &String| name.chars().take(MOST_TYPED_LETTERS).collect::<String>();
        match edit {
            SceneEdit::AddScheme => {
                if count >= MOST_SCHEMES {
                    return false;
                }
                let name = self.scene.free_scheme_name();
                self.scene.schemes.push(Scheme { name, ..Scheme::default() });
                self.shows = Shows::One(count);
            }
            SceneEdit::CopyScheme(place) => {
                let (true, Some(scheme)) = (count < MOST_SCHEMES, self.scene.schemes.get(*place)) else { return false };
                let copy = Scheme { name: self.scene.free_scheme_name(), ..scheme.clone() };
                let place = *place;
                self.follow(|old| Some(if old > place { old + 1 } else { old }));
                self.scene.schemes.insert(place + 1, copy);
                self.shows = Shows::One(place + 1);
            }
            SceneEdit::RenameScheme(place, name) => {
                let Some(scheme) = self.scene.schemes.get_mut(*place) else { return false };
                let before = std::mem::replace(&mut scheme.name, typed(name));
                let after = scheme.name.clone();
                for bookmark in &mut self.scene.bookmarks {
                    if bookmark.scheme.as_ref() == Some(&before) {
                        bookmark.scheme = Some(after.clone());
                    }
                }
            }
            SceneEdit::MoveScheme(from, to) => {
                let (from, to) = (*from, *to);
                if from >= count || to >= count || from == to {
                    return false;
                }
                self.follow(|old| {
                    let without = if old > from { old - 1 } else { old };
                    Some(if old == from { to } else { without + usize::from(without >= to) })
                });
                move_to(&mut self.scene.schemes, from, to);
            }
            SceneEdit::RemoveScheme(place) => {
                let place = *place;
                if place >= count {
                    return false;
                }
                self.follow(|old| (old != place).then(|| if old > place { old - 1 } else { old }));
                self.scene.schemes.remove(place);
            }
            SceneEdit::AddBuilding(place, building) => {
                let Some(scheme) = self.scene.schemes.get_mut(*place) else { return false };
                scheme.buildings.push(building.clone());
            }
            SceneEdit::SetBuilding(place, building, changed) => {
                let slot = self.scene.schemes.get_mut(*place).and_then(|scheme| scheme.buildings.get_mut(*building));
                let Some(slot) = slot.filter(|slot| *slot != changed) else { return false };
                slot.clone_from(changed);
                slot.name = typed(&changed.name);
            }
            SceneEdit::RemoveBuilding(place, building) => {
                let scheme = self.scene.schemes.get_mut(*place);
                let Some(scheme) = scheme.filter(|scheme| *building < scheme.buildings.len()) else { return false };
                scheme.buildings.remove(*building);
            }
            SceneEdit::RenameBookmark(place, name) => {
                let Some(bookmark) = self.scene.bookmarks.get_mut(*place) else { return false };
                bookmark.name = typed(name);
            }
            SceneEdit::MoveBookmark(from, to) => return move_to(&mut self.scene.bookmarks, *from, *to),
            SceneEdit::SetBookmark(place, look) => {
                let Some(bookmark) = self.scene.bookmarks.get_mut(*place) else { return false };
                bookmark.clone_from(look);
            }
            SceneEdit::RemoveBookmark(place) => {
                if *place >= self.scene.bookmarks.len() {
                    return false;
                }
                self.scene.bookmarks.remove(*place);
            }
        }
        true
    }

    /// Lets what is shown, and bookmarks that name a scheme by its letter, follow the schemes to their new places.
    fn follow(&mut self, new_place: impl Fn(usize) -> Option<usize>) {
        let moved = |shows: Shows| match shows {
            Shows::Nothing => Shows::Nothing,
            Shows::First => new_place(0).map_or(Shows::First, Shows::One),
            Shows::One(place) => new_place(place).map_or(Shows::First, Shows::One),
            Shows::SideBySide(places) => match places.map(&new_place) {
                [Some(left), Some(right)] => Shows::SideBySide([left, right]),
                [one, other] => one.or(other).map_or(Shows::First, Shows::One),
            },
        };
        let is_name = |text: &str| self.scene.schemes.iter().any(|scheme| scheme.name == text);
        let renamed: Vec<Option<String>> = self
            .scene
            .bookmarks
            .iter()
            .map(|bookmark| {
                let text = bookmark.scheme.as_deref()?;
                match self.shows_named(text).filter(|_| !is_name(text)) {
                    // The scheme it showed is gone.
                    Some(Shows::One(place)) if new_place(place).is_none() => None,
                    Some(shows) => Some(moved(shows).name()),
                    None => bookmark.scheme.clone(),
                }
            })
            .collect();
        for (bookmark, scheme) in self.scene.bookmarks.iter_mut().zip(renamed) {
            bookmark.scheme = scheme;
        }
        self.shows = moved(self.shows);
    }
}

impl Scene {
    /// A name that no scheme has yet.
    #[must_use]
    pub fn free_scheme_name(&self) -> String {
        let named = |letter: u8| format!("方案{}", char::from(letter));
        let is_free = |name: &String| self.schemes.iter().all(|scheme| scheme.name != *name);
        (b'A'..=b'Z').map(named).find(is_free).unwrap_or_else(|| format!("方案{}", self.schemes.len() + 1))
    }
}

/// Takes an entry to another place; false where that is no other place.
fn move_to<T>(list: &mut Vec<T>, from: usize, to: usize) -> bool {
    let can = from < list.len() && to < list.len() && from != to;
    if can {
        let entry = list.remove(from);
        list.insert(to, entry);
    }
    can
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meeting() -> Meeting {
        let mut meeting = Meeting::default();
        for name in ["高层", "多层", "低层"] {
            let building = Building { name: "1#".to_owned(), floors: Some(6), ..Building::default() };
            meeting.scene.schemes.push(Scheme { name: name.to_owned(), buildings: vec![building], models: Vec::new() });
        }
        for (name, scheme) in [("全景", None), ("入口", Some("B")), ("并排", Some("A+C")), ("俯视", Some("低层"))]
        {
            let bookmark = Bookmark { name: name.to_owned(), scheme: scheme.map(str::to_owned), ..Bookmark::default() };
            meeting.scene.bookmarks.push(bookmark);
        }
        meeting
    }

    fn schemes(meeting: &Meeting) -> Vec<&str> {
        meeting.scene.schemes.iter().map(|scheme| scheme.name.as_str()).collect()
    }

    /// The schemes each bookmark shows, by name.
    fn looked_at(meeting: &Meeting) -> Vec<Vec<&str>> {
        let of = |bookmark: &Bookmark| {
            let shows = bookmark.scheme.as_deref().and_then(|text| meeting.shows_named(text));
            let places = match shows {
                Some(Shows::One(place)) => vec![place],
                Some(Shows::SideBySide(places)) => places.to_vec(),
                _ => Vec::new(),
            };
            places.into_iter().map(|place| meeting.scene.schemes[place].name.as_str()).collect()
        };
        meeting.scene.bookmarks.iter().map(of).collect()
    }

    #[test]
    fn bookmarks_and_what_is_shown_follow_schemes_to_their_new_places() {
        let mut meeting = meeting();
        meeting.shows = Shows::One(2);
        let before: Vec<Vec<String>> =
            looked_at(&meeting).into_iter().map(|names| names.into_iter().map(str::to_owned).collect()).collect();
        assert_eq!(before[2], ["高层", "低层"]);
        for (from, to) in [(2, 0), (0, 1), (1, 2), (0, 2)] {
            assert!(meeting.edit(&SceneEdit::MoveScheme(from, to)));
            assert_eq!(looked_at(&meeting), before, "{:?}", schemes(&meeting));
            let Shows::One(shown) = meeting.shows else { panic!("one is shown") };
            assert_eq!(schemes(&meeting)[shown], "低层");
        }
        assert!(meeting.edit(&SceneEdit::CopyScheme(0)));
        assert_eq!(looked_at(&meeting), before);
        assert!(!meeting.edit(&SceneEdit::MoveScheme(9, 0)) && !meeting.edit(&SceneEdit::MoveScheme(1, 1)));
    }

    #[test]
    fn a_removed_scheme_is_shown_nowhere_any_more() {
        let mut meeting = meeting();
        meeting.shows = Shows::SideBySide([0, 1]);
        assert!(meeting.edit(&SceneEdit::RemoveScheme(1)));
        assert_eq!(schemes(&meeting), ["高层", "低层"]);
        assert_eq!(meeting.shows, Shows::One(0));
        let looks = looked_at(&meeting);
        assert_eq!(looks, [vec![], vec![], vec!["高层", "低层"], vec!["低层"]]);
        assert!(!meeting.edit(&SceneEdit::RemoveScheme(2)));
    }

    #[test]
    fn a_renamed_scheme_keeps_its_bookmarks_and_a_copy_has_a_name_of_its_own() {
        let mut meeting = meeting();
        assert!(meeting.edit(&SceneEdit::RenameScheme(2, "退台".to_owned())));
        assert_eq!(meeting.scene.bookmarks[3].scheme.as_deref(), Some("退台"));
        assert!(meeting.edit(&SceneEdit::AddScheme) && meeting.edit(&SceneEdit::CopyScheme(0)));
        assert_eq!(schemes(&meeting), ["高层", "方案B", "多层", "退台", "方案A"]);
        assert_eq!(meeting.scene.schemes[1].buildings, meeting.scene.schemes[0].buildings);
        assert_eq!(meeting.shows, Shows::One(1));
        for _ in 0..99 {
            meeting.edit(&SceneEdit::AddScheme);
        }
        assert_eq!(meeting.scene.schemes.len(), MOST_SCHEMES);
        meeting.scene.check().expect("as many as there may be");
    }

    #[test]
    fn buildings_and_bookmarks_change_where_they_are_and_nowhere_else() {
        let mut meeting = meeting();
        let taller = Building { floors: Some(9), ..meeting.scene.schemes[1].buildings[0].clone() };
        assert!(meeting.edit(&SceneEdit::SetBuilding(1, 0, taller.clone())));
        assert!(!meeting.edit(&SceneEdit::SetBuilding(1, 0, taller.clone())), "it is so already");
        assert!(meeting.edit(&SceneEdit::AddBuilding(1, taller)));
        assert!(meeting.edit(&SceneEdit::RemoveBuilding(1, 0)) && !meeting.edit(&SceneEdit::RemoveBuilding(1, 1)));
        assert_eq!(meeting.scene.schemes[1].buildings[0].floors, Some(9));
        assert!(meeting.edit(&SceneEdit::MoveBookmark(3, 0)));
        assert!(meeting.edit(&SceneEdit::RenameBookmark(0, "鸟".repeat(500))));
        assert!(meeting.edit(&SceneEdit::RemoveBookmark(1)));
        let names: Vec<usize> = meeting.scene.bookmarks.iter().map(|mark| mark.name.chars().count()).collect();
        assert_eq!(names, [MOST_TYPED_LETTERS, 2, 2]);
        assert!(SceneEdit::RenameBookmark(0, "a".to_owned()).continues(&SceneEdit::RenameBookmark(0, "ab".to_owned())));
        assert!(!SceneEdit::RemoveBookmark(0).continues(&SceneEdit::RemoveBookmark(0)));
    }
}
