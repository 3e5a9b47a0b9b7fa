//! More points on straight edges, so that an edge keeps its place in another coordinate system.
//!
//! 1 km of a Gauss-Kruger zone bows 1 cm in degrees. An edge is cut into equal parts until no part's image
//! deviates from its chord by more than the tolerance; the deviation falls with the square of the number of parts,
//! so the number follows from one look at the whole edge. Not adaptive per part: edges of maps bend evenly.

use crate::{GeodesyError, transform::Transform};

/// Tolerance of the product, metres.
pub const MAX_SAGITTA_M: f64 = 0.001;
/// Points a densified line may have; 1 mm over the width of China needs some thousands an edge.
const MAX_POINTS: u64 = 5_000_000;
/// Where an edge is looked at, as fractions of its length.
const LOOKS: [f64; 3] = [0.25, 0.5, 0.75];
/// Metres of a degree of latitude, near enough for a tolerance.
const DEGREE_M: f64 = 111_320.0;
/// Twice the curvature, per metre, that a straight line of one map shows on another at 75 degrees of latitude: the
/// tangent of the latitude over the Earth's radius. Nearer to the poles no edge counts as short.
const CURVATURE: f64 = 2.0 * 3.73 / 6_371_000.0;
const CURVATURE_HOLDS_TO_LAT_DEG: f64 = 75.0;

/// The line with points added, in its own (source) coordinates. The points given stay as they are.
pub fn densify(line: &[[f64; 2]], transform: &Transform, max_sagitta_m: f64) -> Result<Vec<[f64; 2]>, GeodesyError> {
    let mut ends = line.to_vec();
    transform.points(&mut ends)?;
    let parts = parts(line, &ends, transform, max_sagitta_m)?;
    Ok(cut(line, &parts))
}

/// The line densified and transformed to the target's coordinates.
pub fn transform_line(
    line: &[[f64; 2]],
    transform: &Transform,
    max_sagitta_m: f64,
) -> Result<Vec<[f64; 2]>, GeodesyError> {
    let mut ends = line.to_vec();
    transform.points(&mut ends)?;
    let parts = parts(line, &ends, transform, max_sagitta_m)?;
    if parts.iter().all(|count| *count == 1) {
        return Ok(ends);
    }
    let mut dense = cut(line, &parts);
    transform.points(&mut dense)?;
    Ok(dense)
}

/// Every edge in so many equal parts.
fn cut(line: &[[f64; 2]], parts: &[u64]) -> Vec<[f64; 2]> {
    let mut dense = Vec::with_capacity(line.len());
    for (edge, count) in line.windows(2).zip(parts) {
        dense.extend((0..*count).map(|i| between(edge[0], edge[1], i as f64 / *count as f64)));
    }
    dense.extend(line.last());
    dense
}

/// How many parts each edge needs; `ends` are the images of the line's points.
fn parts(
    line: &[[f64; 2]],
    ends: &[[f64; 2]],
    transform: &Transform,
    max_sagitta_m: f64,
) -> Result<Vec<u64>, GeodesyError> {
    let metric = Metric::of(transform);
    let mut parts = vec![1; line.len().saturating_sub(1)];
    // Most edges of a parcel are too short to bend by a millimetre anywhere: they are not looked at.
    let short_m = (8.0 * max_sagitta_m / CURVATURE).sqrt();
    let long: Vec<usize> = (0..parts.len()).filter(|i| !metric.is_short(ends[*i], ends[i + 1], short_m)).collect();
    let mut looks: Vec<[f64; 2]> = long.iter().flat_map(|i| LOOKS.map(|t| between(line[*i], line[i + 1], t))).collect();
    transform.points(&mut looks)?;
    let mut total = line.len() as u64;
    for (i, looks) in long.into_iter().zip(looks.as_chunks::<3>().0) {
        let off_m = |(t, image): (f64, &[f64; 2])| {
            let chord = between(ends[i], ends[i + 1], t);
            // At a quarter a parabola has three quarters of its height.
            metric.distance_m(*image, chord) / (4.0 * t * (1.0 - t))
        };
        let sagitta_m = LOOKS.into_iter().zip(looks).map(off_m).fold(0.0, f64::max);
        // A fifth more than the parabola says, for edges that bend unevenly.
        parts[i] = (1.2 * sagitta_m / max_sagitta_m).sqrt().ceil().max(1.0) as u64;
        total = total.saturating_add(parts[i]);
        if total > MAX_POINTS {
            return Err(GeodesyError::EdgeTooLong { points: total });
        }
    }
    Ok(parts)
}

/// Metres in the target, near enough for a tolerance.
struct Metric {
    is_degrees: bool,
    unit_m: f64,
}

impl Metric {
    fn of(transform: &Transform) -> Self {
        let is_degrees = transform.to().is_geographic();
        Self { is_degrees, unit_m: if is_degrees { DEGREE_M } else { transform.to().unit_m() } }
    }

    fn distance_m(&self, a: [f64; 2], b: [f64; 2]) -> f64 {
        let x_scale = if self.is_degrees { a[1].to_radians().cos() } else { 1.0 };
        ((a[0] - b[0]) * x_scale).hypot(a[1] - b[1]) * self.unit_m
    }

    /// Whether an edge's image cannot bend noticeably. A plane does not say its latitude: every edge is looked at.
    fn is_short(&self, a: [f64; 2], b: [f64; 2], short_m: f64) -> bool {
        self.is_degrees && a[1].abs() < CURVATURE_HOLDS_TO_LAT_DEG && self.distance_m(a, b) < short_m
    }
}

fn between(a: [f64; 2], b: [f64; 2], t: f64) -> [f64; 2] {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t]
}
