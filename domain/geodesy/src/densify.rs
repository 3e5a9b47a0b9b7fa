//! More points on straight edges, so that an edge keeps its place in another coordinate system.
//!
//! 1 km of a Gauss-Kruger zone bows 1 cm in degrees. An edge is cut into equal parts until no part's image
//! deviates from its chord by more than the tolerance; the deviation falls with the square of the number of parts,
//! so the number follows from one look at the whole edge. Not adaptive per part: edges of maps bend evenly.

use crate::{GeodesyError, transform::Transform};

/// Tolerance of the product, metres.
pub const MAX_SAGITTA_M: f64 = 0.001;
/// Parts an edge may be cut into; 1 mm over the width of China needs fewer.
const MAX_PARTS: u64 = 1_000_000;
/// Where an edge is looked at, as fractions of its length.
const LOOKS: [f64; 3] = [0.25, 0.5, 0.75];
/// Metres of a degree of latitude, near enough for a tolerance.
const DEGREE_M: f64 = 111_320.0;

/// The line with points added, in its own (source) coordinates. The points given stay as they are.
pub fn densify(line: &[[f64; 2]], transform: &Transform, max_sagitta_m: f64) -> Result<Vec<[f64; 2]>, GeodesyError> {
    let Some(last) = line.last() else {
        return Ok(Vec::new());
    };
    let sagittas_m = sagittas_m(line, transform)?;
    let mut dense = Vec::with_capacity(line.len());
    for (edge, sagitta_m) in line.windows(2).zip(sagittas_m) {
        // A fifth more than the parabola says, for edges that bend unevenly.
        let parts = (1.2 * sagitta_m / max_sagitta_m).sqrt().ceil().max(1.0) as u64;
        if parts > MAX_PARTS {
            return Err(GeodesyError::EdgeTooLong { points: parts });
        }
        dense.extend((0..parts).map(|i| between(edge[0], edge[1], i as f64 / parts as f64)));
    }
    dense.push(*last);
    Ok(dense)
}

/// The line densified and transformed to the target's coordinates.
pub fn transform_line(
    line: &[[f64; 2]],
    transform: &Transform,
    max_sagitta_m: f64,
) -> Result<Vec<[f64; 2]>, GeodesyError> {
    let mut dense = densify(line, transform, max_sagitta_m)?;
    transform.points(&mut dense)?;
    Ok(dense)
}

/// How far each edge's image leaves its chord, metres.
fn sagittas_m(line: &[[f64; 2]], transform: &Transform) -> Result<Vec<f64>, GeodesyError> {
    let mut ends = line.to_vec();
    transform.points(&mut ends)?;
    let mut looks: Vec<[f64; 2]> =
        line.windows(2).flat_map(|edge| LOOKS.map(|t| between(edge[0], edge[1], t))).collect();
    transform.points(&mut looks)?;
    let unit_m = if transform.to().is_geographic() { DEGREE_M } else { transform.to().unit_m() };
    let (looks, _) = looks.as_chunks::<3>();
    Ok(ends
        .windows(2)
        .zip(looks)
        .map(|(edge, looks)| {
            let x_scale = if transform.to().is_geographic() { edge[0][1].to_radians().cos() } else { 1.0 };
            let off_m = |(t, image): (f64, &[f64; 2])| {
                let chord = between(edge[0], edge[1], t);
                let off = ((image[0] - chord[0]) * x_scale).hypot(image[1] - chord[1]);
                // At a quarter a parabola has three quarters of its height.
                off * unit_m / (4.0 * t * (1.0 - t))
            };
            LOOKS.into_iter().zip(looks).map(off_m).fold(0.0, f64::max)
        })
        .collect())
}

fn between(a: [f64; 2], b: [f64; 2], t: f64) -> [f64; 2] {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t]
}
