//! Where on the output the scene is drawn: the whole of it, or two panes beside each other with one camera.
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
}

/// Pixels between two panes.
const GAP_PX: u32 = 2;

impl Panes {
    /// The whole output.
    #[must_use]
    pub fn whole(size_px: [u32; 2]) -> Self {
        Self { pane_px: size_px.map(|side| side.max(1)), corners_px: vec![[0, 0]] }
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
        Self { pane_px: [width, height], corners_px: vec![[left, top], [left + width + GAP_PX, top]] }
    }

    /// The pane a pixel of the output lies in, and the pixel within it.
    #[must_use]
    pub fn locate(&self, pixel: DVec2) -> Option<(usize, DVec2)> {
        let [width, height] = self.pane_px.map(f64::from);
        self.corners_px.iter().enumerate().find_map(|(pane, corner)| {
            let local = pixel - DVec2::from_array(corner.map(f64::from));
            let inside = (0.0..=width).contains(&local.x) && (0.0..=height).contains(&local.y);
            inside.then_some((pane, local))
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
