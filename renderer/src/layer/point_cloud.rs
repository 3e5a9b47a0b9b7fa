//! Point clouds: glb contents with points. Points without colour are coloured by height above their tile, repeating.

use super::{Kind, Piece, Role, mesh};
use crate::error::ViewError;
use crate::fetch::Fetched;
use crate::scene::draw::PointVertex;

/// Point clouds.
pub const KIND: Kind = Kind {
    dataset_kind: "point-cloud",
    title: ["点云", "Point cloud"],
    entry: |links| links.tileset.as_ref(),
    role: Role::Tileset { decode, max_error_px: 3.0 },
};

fn decode(fetched: &Fetched) -> Result<Vec<Piece>, ViewError> {
    mesh::pieces(fetched, &|position, color| {
        // A cloud whose file had no colour is delivered black; black on black shows nothing.
        let stored = color.filter(|color| color[..3] != [0, 0, 0]);
        PointVertex { position, color: stored.unwrap_or_else(|| color_by_height(position[1])) }
    })
}

/// Blue in the valleys over green and yellow to red on top, over 60 m and then back again.
fn color_by_height(height_m: f32) -> [u8; 4] {
    const STEPS: [[f32; 3]; 5] =
        [[52.0, 92.0, 166.0], [66.0, 158.0, 178.0], [126.0, 188.0, 98.0], [236.0, 202.0, 92.0], [214.0, 96.0, 62.0]];
    // There and back, so that neighbours never jump from red to blue.
    let along = 1.0 - ((height_m / 60.0).rem_euclid(2.0) - 1.0).abs();
    let scaled = along.clamp(0.0, 1.0) * (STEPS.len() - 1) as f32;
    let step = (scaled as usize).min(STEPS.len() - 2);
    let part = scaled - step as f32;
    let mix = |channel: usize| (STEPS[step][channel] * (1.0 - part) + STEPS[step + 1][channel] * part) as u8;
    [mix(0), mix(1), mix(2), 255]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_heights_have_neighbouring_colours() {
        for step in -2_000..2_000 {
            let height_m = step as f32 * 0.1;
            let (here, above) = (color_by_height(height_m), color_by_height(height_m + 0.1));
            let jump = here.iter().zip(above).map(|(a, b)| a.abs_diff(b)).max();
            assert!(jump <= Some(2), "{height_m} m: {here:?} {above:?}");
        }
    }
}
