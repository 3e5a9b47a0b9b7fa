//! Ground within a distance of a feature, as polygons that lie on each other: itself, and a capsule along every edge.
//!
//! Circles are drawn from outside, and small bends of a border are straightened first with the distance widened by as
//! much: what lies outside of the polygons is never nearer than asked for, and at most a hundredth of the distance is
//! given away.

use crate::{Parcel, Polygon, nearness::to_point};

/// Corners of a circle: drawn from outside it reaches 1/cos(180°/32) - 1 = 0.48 % too far.
const CORNERS: usize = 32;
/// How far a border may move when it is straightened, parts of the distance.
const STRAIGHTENED: f64 = 0.002;

/// Polygons that cover everything nearer to a parcel than `distance`, in units of its plane, as far as it lies within
/// a box `[min x, min y, max x, max y]`; nothing else, but for a hundredth of the distance.
pub(crate) fn around(parcel: &Parcel, distance: f64, within: [f64; 4]) -> Vec<Polygon> {
    let mut polygons: Vec<Polygon> = parcel.polygons.clone();
    if distance <= 0.0 {
        return polygons;
    }
    let reach = distance * (1.0 + STRAIGHTENED) / (std::f64::consts::PI / CORNERS as f64).cos();
    let rings = parcel.polygons.iter().flat_map(Polygon::rings).map(|ring| {
        let mut chain = ring.clone();
        chain.extend(ring.first().copied());
        chain
    });
    let points = parcel.points.iter().map(|point| vec![*point]);
    for chain in rings.chain(parcel.lines.iter().cloned()).chain(points) {
        if !chain.iter().flatten().all(|v| v.is_finite()) {
            continue;
        }
        let chain = straightened(&chain, distance * STRAIGHTENED);
        let edges = chain.windows(2).map(|edge| [edge[0], edge[1]]);
        let single = chain.first().filter(|_| chain.len() == 1).map(|point| [*point, *point]);
        let near = edges.chain(single).filter(|[a, b]| {
            (0..2).all(|axis| {
                a[axis].min(b[axis]) - reach <= within[axis + 2] && a[axis].max(b[axis]) + reach >= within[axis]
            })
        });
        polygons.extend(near.map(|edge| Polygon { exterior: capsule(edge, reach), holes: Vec::new() }));
    }
    polygons
}

/// Everything within a distance of an edge, anticlockwise.
fn capsule([a, b]: [[f64; 2]; 2], reach: f64) -> Vec<[f64; 2]> {
    let direction = (b[1] - a[1]).atan2(b[0] - a[0]);
    let step = std::f64::consts::TAU / CORNERS as f64;
    // Half a circle round each end, from the right of the edge to its left and back.
    let half = |centre: [f64; 2], from: f64| {
        (0..=CORNERS / 2).map(move |i| {
            let angle = from + step * i as f64;
            [centre[0] + reach * angle.cos(), centre[1] + reach * angle.sin()]
        })
    };
    let quarter = std::f64::consts::FRAC_PI_2;
    half(b, direction - quarter).chain(half(a, direction + quarter)).collect()
}

/// The chain without corners that are nearer to what is left than a tolerance (Douglas and Peucker 1973).
fn straightened(chain: &[[f64; 2]], tolerance: f64) -> Vec<[f64; 2]> {
    let last = chain.len().saturating_sub(1);
    let mut keep = vec![false; chain.len()];
    for end in [0, last] {
        if let Some(keep) = keep.get_mut(end) {
            *keep = true;
        }
    }
    let mut open = vec![[0, last]];
    while let Some([from, to]) = open.pop() {
        let off = |i: usize| to_point([chain[from], chain[to]], chain[i]);
        let furthest = (from + 1..to).map(|i| (off(i), i)).max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, at)) = furthest.filter(|(off, _)| *off > tolerance) {
            keep[at] = true;
            open.extend([[from, at], [at, to]]);
        }
    }
    chain.iter().zip(keep).filter(|(_, keep)| *keep).map(|(point, _)| *point).collect()
}

#[cfg(test)]
mod tests {
    use geo::{BooleanOps as _, Contains as _, Distance as _, Euclidean, LineString, MultiPolygon, Point};
    use proptest::prelude::*;

    use super::*;

    fn geometry(polygon: &Polygon) -> geo::Polygon<f64> {
        geo::Polygon::new(polygon.exterior.iter().map(|p| (p[0], p[1])).collect(), Vec::new())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
        #[test]
        fn outside_is_never_nearer_than_asked_for_and_inside_hardly_further(
            line in prop::collection::vec([0.0..100.0_f64, 0.0..100.0_f64], 2..12),
            places in prop::collection::vec([-40.0..140.0_f64, -40.0..140.0_f64], 40),
            distance in 2.0..30.0_f64,
        ) {
            let parcel = Parcel { lines: vec![line.clone()], ..Parcel::default() };
            let polygons = around(&parcel, distance, [-100.0, -100.0, 200.0, 200.0]);
            let empty = MultiPolygon::<f64>::new(Vec::new());
            let whole = polygons.iter().fold(empty, |sum, polygon| sum.union(&geometry(polygon)));
            let line: LineString<f64> = line.iter().map(|p| (p[0], p[1])).collect();
            for [x, y] in places {
                let place = Point::new(x, y);
                let apart = Euclidean.distance(&place, &line);
                if apart < distance {
                    prop_assert!(whole.contains(&place), "{apart} is nearer than {distance}");
                }
                if apart > distance * 1.01 {
                    prop_assert!(!whole.contains(&place), "{apart} is further than {distance}");
                }
            }
        }
    }

    #[test]
    fn points_have_a_circle_and_edges_far_from_the_box_are_left_out() {
        let parcel = Parcel { points: vec![[0.0, 0.0], [1_000.0, 0.0]], ..Parcel::default() };
        let polygons = around(&parcel, 10.0, [-5.0, -5.0, 5.0, 5.0]);
        assert_eq!(polygons.len(), 1);
        let area = geodesy::area::plane_area(&polygons[0].exterior);
        let circle = std::f64::consts::PI * 100.0;
        assert!(area > circle && area < circle * 1.02, "{area}");
    }
}
