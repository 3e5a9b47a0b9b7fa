//! How far two shapes are apart in the plane.

use crate::{Parcel, Polygon, red_line::inside};

/// Lines, each an open or closed chain of points, and whether they enclose something.
pub(crate) struct Outline<'p> {
    polygons: Vec<&'p Polygon>,
    chains: Vec<(&'p [[f64; 2]], bool)>,
    bounds: [f64; 4],
}

impl<'p> Outline<'p> {
    pub(crate) fn of_polygons(polygons: impl Iterator<Item = &'p Polygon>) -> Self {
        let polygons: Vec<&Polygon> = polygons.collect();
        let chains: Vec<(&[[f64; 2]], bool)> =
            polygons.iter().flat_map(|polygon| polygon.rings()).map(|ring| (ring.as_slice(), true)).collect();
        Self { bounds: bounds(&chains), polygons, chains }
    }

    pub(crate) fn of_parcel(parcel: &'p Parcel) -> Self {
        let mut outline = Self::of_polygons(parcel.polygons.iter());
        outline.chains.extend(parcel.lines.iter().map(|line| (line.as_slice(), false)));
        outline.chains.extend(parcel.points.chunks(1).map(|point| (point, false)));
        outline.bounds = bounds(&outline.chains);
        outline
    }

    /// Distance to another in units of the plane; none beyond `limit`. 0 where they meet.
    pub(crate) fn distance(&self, other: &Self, limit: f64) -> Option<f64> {
        let gap = |axis: usize| {
            (other.bounds[axis] - self.bounds[axis + 2]).max(self.bounds[axis] - other.bounds[axis + 2]).max(0.0)
        };
        if self.chains.is_empty() || other.chains.is_empty() || gap(0).hypot(gap(1)) > limit {
            return None;
        }
        let first =
            |outline: &Self| outline.chains.iter().filter_map(|(chain, _)| chain.first().copied()).collect::<Vec<_>>();
        if first(other).into_iter().any(|p| self.holds(p)) || first(self).into_iter().any(|p| other.holds(p)) {
            return Some(0.0);
        }
        let mut nearest = limit;
        let mut found = None;
        for edge in self.edges() {
            let grown = grown_box(edge, nearest);
            for near in other.edges() {
                if !meets(grown, near) {
                    continue;
                }
                let apart = between(edge, near);
                if apart <= nearest {
                    nearest = apart;
                    found = Some(apart);
                }
            }
        }
        found
    }

    fn holds(&self, point: [f64; 2]) -> bool {
        let within = |ring: &[[f64; 2]]| inside(ring, point, 0.0).unwrap_or(true);
        self.polygons.iter().any(|polygon| within(&polygon.exterior) && !polygon.holes.iter().any(|hole| within(hole)))
    }

    fn edges(&self) -> impl Iterator<Item = [[f64; 2]; 2]> + '_ {
        self.chains.iter().flat_map(|(chain, closed)| {
            let last = if *closed || chain.len() == 1 { chain.len() } else { chain.len().saturating_sub(1) };
            (0..last).map(|i| [chain[i], chain[(i + 1) % chain.len()]])
        })
    }
}

fn bounds(chains: &[(&[[f64; 2]], bool)]) -> [f64; 4] {
    let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    chains
        .iter()
        .flat_map(|(chain, _)| *chain)
        .fold(start, |b, p| [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])])
}

fn grown_box([a, b]: [[f64; 2]; 2], by: f64) -> [f64; 4] {
    [a[0].min(b[0]) - by, a[1].min(b[1]) - by, a[0].max(b[0]) + by, a[1].max(b[1]) + by]
}

fn meets(area: [f64; 4], [a, b]: [[f64; 2]; 2]) -> bool {
    a[0].max(b[0]) >= area[0] && a[0].min(b[0]) <= area[2] && a[1].max(b[1]) >= area[1] && a[1].min(b[1]) <= area[3]
}

/// Distance between two straight edges.
fn between(first: [[f64; 2]; 2], second: [[f64; 2]; 2]) -> f64 {
    let side = |[a, b]: [[f64; 2]; 2], p: [f64; 2]| (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]);
    let splits = |edge: [[f64; 2]; 2], [p, q]: [[f64; 2]; 2]| side(edge, p) * side(edge, q) < 0.0;
    if splits(first, second) && splits(second, first) {
        return 0.0;
    }
    let ends = second.into_iter().map(|p| to_point(first, p)).chain(first.into_iter().map(|p| to_point(second, p)));
    ends.fold(f64::INFINITY, f64::min)
}

/// Distance between a straight edge and a place.
pub(crate) fn to_point([a, b]: [[f64; 2]; 2], p: [f64; 2]) -> f64 {
    let along = [b[0] - a[0], b[1] - a[1]];
    let square = along[0] * along[0] + along[1] * along[1];
    let t = if square > 0.0 { ((p[0] - a[0]) * along[0] + (p[1] - a[1]) * along[1]) / square } else { 0.0 };
    let t = t.clamp(0.0, 1.0);
    (p[0] - a[0] - t * along[0]).hypot(p[1] - a[1] - t * along[1])
}
