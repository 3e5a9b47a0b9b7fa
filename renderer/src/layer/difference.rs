//! What changed between two epochs, draped: blue where the ground rose, red where it sank, nothing where the change is too
//! small to be told from the surveys' own error.
//!
//! A tile is made from the two epochs' height rasters the ground has loaded already, pixel by pixel.

use std::sync::Arc;

use super::{Drape, Kind, Loaded, Role, Wanted};
use crate::error::ViewError;
use crate::fetch::Decode;
use crate::scene::draw::Picture;
use crate::scene::ground::Sampler;
use crate::service::Pyramid;

/// The difference.
pub const KIND: Kind = Kind {
    dataset_kind: "study-difference",
    title: ["灾情研判", "Studies"],
    entry: |_links| None,
    role: Role::Study { slug: "study-difference", name: ["两期高差", "Change of height"] },
};

/// Pixels along a side of a tile, as many as its rasters have samples.
const SIDE_PX: u32 = 256;
/// How opaque a change above the limit is.
const OPACITY: f64 = 0.85;

/// From no change to the greatest, for what sank and for what rose: sRGB.
const SANK: [[f64; 3]; 4] = [[255.0, 235.0, 225.0], [246.0, 160.0, 125.0], [214.0, 66.0, 60.0], [118.0, 6.0, 32.0]];
const ROSE: [[f64; 3]; 4] = [[228.0, 240.0, 250.0], [138.0, 190.0, 226.0], [48.0, 120.0, 188.0], [6.0, 46.0, 110.0]];

/// Which change is shown how strongly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// A smaller change cannot be told from the surveys' error, metres.
    pub limit_m: f64,
    /// From this change on the colours are at their strongest, metres.
    pub most_m: f64,
}

impl Default for Scale {
    fn default() -> Self {
        // Two drone surveys of one control: 0.2 to 0.3 m at 95 %.
        Self { limit_m: 0.3, most_m: 10.0 }
    }
}

impl Scale {
    /// The colour of a change in metres, sRGB with straight alpha: it fades in from half the limit to the limit.
    #[must_use]
    pub fn color(&self, change_m: f64) -> [u8; 4] {
        let strength = ((change_m.abs() / self.limit_m.max(1e-9) - 0.5) * 2.0).clamp(0.0, 1.0);
        let colors = if change_m < 0.0 { &SANK } else { &ROSE };
        // The root gives small changes more of the ramp than great ones.
        let along = (change_m.abs() / self.most_m.max(1e-9)).clamp(0.0, 1.0).sqrt() * (colors.len() - 1) as f64;
        let step = (along as usize).min(colors.len() - 2);
        let part = along - step as f64;
        let mix = |channel: usize| (colors[step][channel] * (1.0 - part) + colors[step + 1][channel] * part) as u8;
        [mix(0), mix(1), mix(2), (255.0 * OPACITY * strength) as u8]
    }
}

/// The difference as it is asked for.
#[derive(Clone, Debug)]
pub struct Difference {
    /// How it is coloured.
    pub scale: Scale,
    /// Where there is terrain.
    pub pyramid: Pyramid,
}

impl Difference {
    /// What to make of the heights of a tile in both epochs.
    #[must_use]
    pub fn request(&self, before: Sampler, after: Sampler) -> (Option<url::Url>, Decode<Loaded>) {
        let scale = self.scale;
        let decode: Decode<Loaded> = Box::new(move |_nothing| {
            Ok(Loaded::Picture { picture: picture(scale, &before, &after), labels: Vec::new() })
        });
        (None, decode)
    }
}

fn picture(scale: Scale, before: &Sampler, after: &Sampler) -> Option<Arc<Picture>> {
    if before.is_same(after) {
        return None;
    }
    let mut pixels = Vec::with_capacity((SIDE_PX * SIDE_PX * 4) as usize);
    let mut blank = true;
    let middle = |index: u32| (f64::from(index) + 0.5) / f64::from(SIDE_PX);
    for row in 0..SIDE_PX {
        for column in 0..SIDE_PX {
            let (u, v) = (middle(column), middle(row));
            let change_m = after.height_m(u, v).zip(before.height_m(u, v)).map(|(after, before)| after - before);
            let color = change_m.map_or([0; 4], |change_m| scale.color(change_m));
            blank &= color[3] == 0;
            pixels.extend(color);
        }
    }
    if blank { None } else { Picture::new([SIDE_PX; 2], pixels, false).map(Arc::new) }
}

impl Drape for Difference {
    fn pyramid(&self) -> &Pyramid {
        &self.pyramid
    }

    fn lies_on_models(&self) -> bool {
        true
    }

    /// Without the heights there is nothing to draw; the viewer brings them along by [`Difference::request`].
    fn request(&self, _address: super::Address) -> Result<Wanted, ViewError> {
        Ok((None, Box::new(|_nothing| Ok(Loaded::Picture { picture: None, labels: Vec::new() }))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sank_is_red_what_rose_is_blue_and_what_cannot_be_told_is_nothing() {
        let scale = Scale { limit_m: 0.3, most_m: 10.0 };
        let [red, _, blue, alpha] = scale.color(-8.0);
        assert!(red > 2 * blue && alpha > 200);
        let [red, _, blue, alpha] = scale.color(8.0);
        assert!(blue > 2 * red && alpha > 200);
        for small in [-0.14, 0.0, 0.14] {
            assert_eq!(scale.color(small)[3], 0);
        }
        let fading = scale.color(0.22)[3];
        assert!(fading > 50 && fading < scale.color(0.31)[3]);
        // Beyond the greatest the colour stays.
        assert_eq!(scale.color(10.0), scale.color(99.0));
    }
}
