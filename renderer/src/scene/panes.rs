//! Where on the output the scene is drawn: the whole of it, two panes beside each other with one camera, or two over each
//! other of which each shows its side of a line.
//!
//! Both panes have one size, so one view, one selection and one set of loaded tiles serve them both.

use glam::DVec2;

/// The panes of one frame, in pixels of the output.
#[derive(Clone, Debug, PartialEq)]
pub struct Panes {
    /// Width and height of a pane.
    pub pane_px: [u32; 2],
    /// Left and top of each pane, from the left.
    pub corners_px: Vec<[u32; 2]>,
    /// Left, top, width and height of what is seen of each pane.
    pub seen_px: Vec<[u32; 4]>,
}

/// Pixels between two panes.
const GAP_PX: u32 = 2;

impl Panes {
    /// The whole output.
    #[must_use]
    pub fn whole(size_px: [u32; 2]) -> Self {
        let pane_px = size_px.map(|side| side.max(1));
        Self { pane_px, corners_px: vec![[0, 0]], seen_px: vec![[0, 0, pane_px[0], pane_px[1]]] }
    }

    /// Two panes over each other, parted at a part (0..1) of the width of `free_px` (left, top, right, bottom).
    #[must_use]
    pub fn swipe(size_px: [u32; 2], free_px: [f64; 4], part: f32) -> Self {
        let pane_px = size_px.map(|side| side.max(1));
        let [width, height] = pane_px;
        let side = |value: f64| value.clamp(0.0, f64::from(width));
        let (left, right) = (side(free_px[0]), side(free_px[2]));
        let wanted = left + (right - left).max(0.0) * f64::from(part.clamp(0.0, 1.0));
        let at = if wanted.is_finite() { (wanted.round() as u32).clamp(1, width.max(2) - 1) } else { width / 2 };
        let seen_px = vec![[0, 0, at, height], [at, 0, width - at.min(width), height]];
        Self { pane_px, corners_px: vec![[0, 0]; 2], seen_px }
    }

    /// Where two panes over each other are parted, in pixels from the left; `None` where they are not.
    #[must_use]
    pub fn parted_px(&self) -> Option<u32> {
        (self.corners_px.len() > 1 && self.corners_px[0] == self.corners_px[1]).then(|| self.seen_px[1][0])
    }

    /// Two panes in the part `free_px` (left, top, right, bottom) of the output; the whole output where that is too narrow.
    #[must_use]
    pub fn side_by_side(size_px: [u32; 2], free_px: [f64; 4]) -> Self {
        const NARROWEST_PX: u32 = 64;
        let inside = |value: f64, axis: usize| value.clamp(0.0, f64::from(size_px[axis])).round() as u32;
        let [left, top] = [inside(free_px[0], 0), inside(free_px[1], 1)];
        let [right, bottom] = [inside(free_px[2], 0), inside(free_px[3], 1)];
        let (width, height) = (right.saturating_sub(left).saturating_sub(GAP_PX) / 2, bottom.saturating_sub(top));
        if width < NARROWEST_PX || height < NARROWEST_PX {
            return Self::whole(size_px);
        }
        let corners_px = vec![[left, top], [left + width + GAP_PX, top]];
        let seen_px = corners_px.iter().map(|[left, top]| [*left, *top, width, height]).collect();
        Self { pane_px: [width, height], corners_px, seen_px }
    }

    /// The pane a pixel of the output lies in, and the pixel within it.
    #[must_use]
    pub fn locate(&self, pixel: DVec2) -> Option<(usize, DVec2)> {
        self.corners_px.iter().zip(&self.seen_px).enumerate().find_map(|(pane, (corner, seen))| {
            let [left, top, width, height] = seen.map(f64::from);
            let inside = (left..=left + width).contains(&pixel.x) && (top..=top + height).contains(&pixel.y);
            inside.then(|| (pane, pixel - DVec2::from_array(corner.map(f64::from))))
        })
    }

    /// As [`Panes::locate`] for a gesture that may leave its pane: counted from the nearest one.
    #[must_use]
    pub fn nearest(&self, pixel: DVec2) -> DVec2 {
        let width = f64::from(self.pane_px[0]);
        let locals = self.corners_px.iter().map(|corner| pixel - DVec2::from_array(corner.map(f64::from)));
        let outside = |local: &DVec2| (-local.x).max(local.x - width).max(0.0);
        locals.min_by(|a, b| outside(a).total_cmp(&outside(b))).unwrap_or(pixel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swipe_parts_one_picture_and_each_pixel_belongs_to_one_side() {
        let panes = Panes::swipe([1280, 720], [280.0, 0.0, 1_280.0, 680.0], 0.25);
        assert_eq!(panes.seen_px, [[0, 0, 530, 720], [530, 0, 750, 720]]);
        assert_eq!((panes.parted_px(), panes.pane_px), (Some(530), [1280, 720]));
        let pixel = |x: f64| DVec2::new(x, 300.0);
        assert_eq!(panes.locate(pixel(529.5)), Some((0, pixel(529.5))));
        assert_eq!(panes.locate(pixel(531.0)), Some((1, pixel(531.0))));
        // At its ends a hair of the other side is left, and nonsense is the middle.
        assert_eq!(Panes::swipe([100, 50], [0.0, 0.0, 100.0, 50.0], 0.0).seen_px[0], [0, 0, 1, 50]);
        assert_eq!(Panes::swipe([100, 50], [f64::NAN; 4], 0.5).seen_px[1], [50, 0, 50, 50]);
        assert_eq!(Panes::whole([100, 50]).parted_px(), None);
        assert_eq!(Panes::side_by_side([400, 300], [0.0, 0.0, 400.0, 300.0]).parted_px(), None);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "whole pixels")]
    fn two_panes_share_what_the_panels_leave_and_never_overlap() {
        let panes = Panes::side_by_side([1280, 720], [280.0, 0.0, 1_280.0, 680.0]);
        assert_eq!(panes.pane_px, [499, 680]);
        assert_eq!(panes.corners_px, [[280, 0], [781, 0]]);
        assert_eq!(panes.locate(DVec2::new(100.0, 10.0)), None, "a panel is no pane");
        assert_eq!(panes.locate(DVec2::new(300.0, 10.0)), Some((0, DVec2::new(20.0, 10.0))));
        assert_eq!(panes.locate(DVec2::new(801.0, 10.0)), Some((1, DVec2::new(20.0, 10.0))));
        assert_eq!(panes.nearest(DVec2::new(1_300.0, 10.0)).x, 519.0);
    }

    #[test]
    fn what_is_too_narrow_for_two_stays_one() {
        assert_eq!(Panes::side_by_side([300, 200], [280.0, 0.0, 300.0, 200.0]), Panes::whole([300, 200]));
        assert_eq!(Panes::side_by_side([300, 200], [f64::NAN; 4]), Panes::whole([300, 200]));
    }
}
