//! Signs: words on a board above a place, joined to it by a leader line. For what must be read whatever else is written:
//! a conflict's rule, a note, a building's height.
//!
//! Labels of plans give way to them. A board goes straight up from its place until it finds room, so leader lines never
//! cross; one whose place is behind the eye or outside the pane is not shown.

use glam::{DVec2, DVec3};

use super::camera::View;
use super::label::{Sheet, text_size_em};

/// What a sign is about; decides its colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignKind {
    /// A conflict that stops the project.
    Conflict,
    /// A conflict under a condition.
    Condition,
    /// The project itself.
    Project,
    /// A building of a scheme.
    Building,
    /// A note somebody pinned.
    Note,
    /// A measured figure.
    Measure,
}

/// Words at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Sign {
    /// What it is about.
    pub kind: SignKind,
    /// Where, in ECEF metres.
    pub ecef: DVec3,
    /// What it says; lines parted by line feeds.
    pub text: String,
}

/// A sign on the screen, in pixels of its pane.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedSign {
    /// The sign.
    pub sign: Sign,
    /// Its place.
    pub at_px: DVec2,
    /// Left, top, right, bottom of its board.
    pub board_px: [f64; 4],
}

/// Height of the letters in points.
pub const LETTERS_PT: f32 = 13.0;
/// Room round the words in points.
pub const MARGIN_PT: f64 = 5.0;
/// From the place to the lower edge of its board, in points, if there is room.
const LIFT_PT: f64 = 34.0;
/// A board climbs at most so often; that of a building hardly, since every tower next to it has one too.
const MOST_STEPS: u32 = 40;
const MOST_STEPS_OF_BUILDING: u32 = 2;
/// More signs than this are too much for anyone.
const MOST: usize = 80;

/// Places signs, in the order given: the first find room first.
#[must_use]
pub fn place(signs: &[Sign], view: &View, sheet: &Sheet) -> Vec<PlacedSign> {
    let scale = sheet.pixels_per_point;
    let [width, height] = view.viewport_px.map(f64::from);
    let [left, top, right, bottom] = sheet.free_px.unwrap_or([0.0, 0.0, width, height]);
    let mut taken: Vec<[f64; 4]> = sheet.taken_px.clone();
    let mut out: Vec<PlacedSign> = Vec::new();
    for sign in signs {
        let Some(at_px) = view.pixel_of(sign.ecef) else { continue };
        if out.len() >= MOST || !(left..=right).contains(&at_px.x) || !(top..=bottom).contains(&at_px.y) {
            continue;
        }
        let size = text_size_em(&sign.text).map(|side| (f64::from(side * LETTERS_PT) + 2.0 * MARGIN_PT) * scale);
        // A board leans in from the pane's sides rather than being cut by them.
        let board_left = (at_px.x - size[0] / 2.0).clamp(left, (right - size[0]).max(left));
        let mut lower = at_px.y - LIFT_PT * scale;
        let most = if sign.kind == SignKind::Building { MOST_STEPS_OF_BUILDING } else { MOST_STEPS };
        let board = (0..most).find_map(|_| {
            let board = [board_left, lower - size[1], board_left + size[0], lower];
            let hit = taken.iter().find(|other| overlap(board, **other));
            match hit {
                None => Some(board),
                Some(other) => {
                    lower = other[1] - 3.0 * scale;
                    None
                }
            }
        });
        let Some(board_px) = board.filter(|board| board[1] >= top) else { continue };
        taken.push(board_px);
        out.push(PlacedSign { sign: sign.clone(), at_px, board_px });
    }
    out
}

fn overlap(a: [f64; 4], b: [f64; 4]) -> bool {
    a[0] < b[2] && a[2] > b[0] && a[1] < b[3] && a[3] > b[1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::camera::Camera;

    fn view() -> View {
        Camera::new([109.74, 28.31, 1_000.0], 0.0, -90.0).view([800, 600])
    }

    fn sign(text: &str, right_px: f64) -> Sign {
        let ray = view().ray(DVec2::new(400.0 + right_px, 300.0));
        let ecef = ray.at(ray.ellipsoid(0.0).expect("ground below"));
        Sign { kind: SignKind::Conflict, ecef, text: text.to_owned() }
    }

    #[test]
    fn boards_stack_upwards_over_their_places_and_never_cover_each_other() {
        let signs: Vec<Sign> =
            (0..6).map(|step| sign("占用永久基本农田 0.2871 公顷", f64::from(step) * 12.0)).collect();
        let placed = place(&signs, &view(), &Sheet::default());
        assert_eq!(placed.len(), 6);
        for (number, one) in placed.iter().enumerate() {
            assert!(one.board_px[3] < one.at_px.y, "a board hangs above its place");
            for other in &placed[number + 1..] {
                assert!(!overlap(one.board_px, other.board_px));
            }
        }
    }

    #[test]
    fn boards_stay_in_the_pane_and_places_outside_it_have_none() {
        let placed = place(&[sign("左侧的一块很长的牌子", -395.0), sign("外面", 900.0)], &view(), &Sheet::default());
        assert_eq!(placed.len(), 1);
        assert!(placed[0].board_px[0] >= 0.0);
        let behind = Sign { ecef: view().eye + view().up * 5.0 - view().forward * 9.0, ..sign("身后", 0.0) };
        assert!(place(&[behind], &view(), &Sheet::default()).is_empty());
    }
}
