//! Which parts of the lines lie in the danger zone, and which are cut.

use geodesy::Crs;
use rstar::{
    AABB, RTree,
    primitives::{GeomWithData, Line},
};

use super::{
    asked::Asked,
    network::{Network, apart, grown, nearest_part},
};
use crate::{AnalysisError, Parcel, Polygon, red_line::inside};

/// Parts of one line, `[from, to]` in chainages, rising, none touching the next.
pub(super) type Parts = Vec<[f64; 2]>;

/// An area with an index of its border; its polygons do not overlap.
pub(super) struct Area {
    edges: RTree<Line<[f64; 2]>>,
    /// A corner of each ring.
    corners: Vec<[f64; 2]>,
    bounds: [f64; 4],
}

impl Area {
    #[expect(clippy::float_cmp, reason = "a corner that is given twice is the very same")]
    pub(super) fn new(polygons: &[Polygon]) -> Self {
        let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let mut edges = Vec::new();
        let mut corners = Vec::new();
        for ring in polygons.iter().flat_map(Polygon::rings) {
            corners.extend(ring.first());
            for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)).filter(|(a, b)| a != b) {
                bounds = [bounds[0].min(a[0]), bounds[1].min(a[1]), bounds[2].max(a[0]), bounds[3].max(a[1])];
                edges.push(Line::new(*a, *b));
            }
        }
        Self { edges: RTree::bulk_load(edges), corners, bounds }
    }

    /// Whether a place lies inside: an eastward ray crosses the border an odd number of times.
    pub(super) fn holds(&self, [x, y]: [f64; 2]) -> bool {
        if !(self.bounds[0]..=self.bounds[2]).contains(&x) || !(self.bounds[1]..=self.bounds[3]).contains(&y) {
            return false;
        }
        let ray = AABB::from_corners([x, y], [self.bounds[2] + 1.0, y]);
        let crossed = |line: &&Line<[f64; 2]>| {
            let (a, b) = (line.from, line.to);
            (a[1] > y) != (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
        };
        self.edges.locate_in_envelope_intersecting(&ray).filter(crossed).count() % 2 == 1
    }

    /// Whether a feature has a place in common with the area.
    pub(super) fn meets(&self, parcel: &Parcel) -> bool {
        parcel.points.iter().any(|point| self.holds(*point))
            || parcel.polygons.iter().any(|polygon| self.meets_ring(&polygon.exterior))
    }

    #[expect(clippy::float_cmp, reason = "a corner that is given twice is the very same")]
    fn meets_ring(&self, ring: &[[f64; 2]]) -> bool {
        let near = |axis: usize| {
            ring.iter().any(|p| p[axis] <= self.bounds[axis + 2]) && ring.iter().any(|p| p[axis] >= self.bounds[axis])
        };
        let crosses = |edge: [[f64; 2]; 2]| {
            let mut borders = self.edges.locate_in_envelope_intersecting(&grown(edge, 1e-6));
            borders.any(|border| crossed_at(edge, [border.from, border.to]).next().is_some())
        };
        let mut edges = ring.iter().zip(ring.iter().cycle().skip(1));
        near(0)
            && near(1)
            && (ring.iter().any(|place| self.holds(*place))
                || edges.any(|(a, b)| a != b && crosses([*a, *b]))
                || self.corners.iter().any(|corner| inside(ring, *corner, 0.0).unwrap_or(true)))
    }

    /// The parts of a line inside.
    fn parts(&self, network: &Network, course: usize) -> Parts {
        let line = &network.courses[course];
        let mut breaks = vec![0.0, line.length()];
        let mut near = false;
        for (index, edge) in line.stretches() {
            let [from, to] = line.chainages_of(index);
            for border in self.edges.locate_in_envelope_intersecting(&grown(edge, 1e-6)) {
                near = true;
                breaks.extend(crossed_at(edge, [border.from, border.to]).map(|t| from + t * (to - from)));
            }
        }
        // A line that nowhere comes near the border lies wholly on one side of it.
        if !near {
            return if self.holds(line.at(line.length() / 2.0)) { vec![[0.0, line.length()]] } else { Vec::new() };
        }
        breaks.sort_by(f64::total_cmp);
        let inside = breaks
            .windows(2)
            .map(|pair| [pair[0], pair[1]])
            .filter(|[from, to]| to > from && self.holds(line.at(f64::midpoint(*from, *to))));
        merged(inside.collect())
    }
}

/// Where an edge meets another, as parts of the first.
fn crossed_at([a, b]: [[f64; 2]; 2], [c, d]: [[f64; 2]; 2]) -> impl Iterator<Item = f64> {
    const NEARLY: f64 = 1e-9;
    let cross = |p: [f64; 2], q: [f64; 2]| p[0] * q[1] - p[1] * q[0];
    let minus = |p: [f64; 2], q: [f64; 2]| [p[0] - q[0], p[1] - q[1]];
    let (own, other) = (minus(b, a), minus(d, c));
    let turn = cross(own, other);
    let lies_on = |t: &f64| (-NEARLY..=1.0 + NEARLY).contains(t);
    let found = if turn == 0.0 {
        // Along each other: where the other begins and ends, for whoever asks what lies between.
        [Some(nearest_part(a, b, c)), Some(nearest_part(a, b, d))]
    } else {
        let (t, u) = (cross(minus(c, a), other) / turn, cross(minus(c, a), own) / turn);
        [Some(t).filter(|t| lies_on(t) && lies_on(&u)), None]
    };
    found.into_iter().flatten().map(|t| t.clamp(0.0, 1.0))
}

/// Parts in their order, those that touch as one.
fn merged(mut parts: Parts) -> Parts {
    parts.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let mut merged: Parts = Vec::with_capacity(parts.len());
    for part in parts {
        match merged.last_mut() {
            Some(last) if part[0] <= last[1] => last[1] = last[1].max(part[1]),
            _ => merged.push(part),
        }
    }
    merged
}

pub(super) fn hold(parts: &[[f64; 2]], chainage: f64) -> bool {
    let before = parts.partition_point(|part| part[0] <= chainage);
    before > 0 && chainage <= parts[before - 1][1]
}

/// What is taken from the network, by line.
pub(super) struct Removed {
    /// Inside the danger zone.
    pub(super) zone: Vec<Parts>,
    /// Cut.
    pub(super) cut: Vec<Parts>,
    /// Cut points too far from any road, by their number.
    pub(super) points_off_road: Vec<usize>,
    /// Cut lines and areas that meet no road.
    pub(super) without_road: usize,
}

/// Holds the zone and the cuts against the network.
pub(super) fn removed(
    network: &Network,
    zone: Option<&Area>,
    asked: &Asked,
    plane: &Crs,
) -> Result<Removed, AnalysisError> {
    let unit_m = plane.unit_m();
    let none = || vec![Parts::new(); network.courses.len()];
    let (mut in_zone, mut cut) = (none(), none());
    if let Some(zone) = zone {
        for (course, parts) in in_zone.iter_mut().enumerate() {
            *parts = zone.parts(network, course);
        }
    }
    let mut without_road = 0;
    // Areas that overlap are looked at one by one: together their borders would count twice.
    for polygon in asked.cut_areas_in(plane)? {
        let area = Area::new(std::slice::from_ref(&polygon));
        let mut met = false;
        for (course, parts) in cut.iter_mut().enumerate() {
            let more = area.parts(network, course);
            met |= !more.is_empty();
            parts.extend(more);
        }
        without_road += usize::from(!met);
    }
    let (lines, points) = asked.cut_lines_and_points_in(plane)?;
    let half = asked.rules.cut.width_m / 2.0 / unit_m;
    for line in &lines {
        let mut met = false;
        for edge in line.windows(2) {
            for item in network.tree.locate_in_envelope_intersecting(&grown([edge[0], edge[1]], 0.0)) {
                let (course, index) = (item.data.0 as usize, item.data.1 as usize);
                let [from, to] = network.courses[course].chainages_of(index);
                for t in crossed_at([item.geom().from, item.geom().to], [edge[0], edge[1]]) {
                    let at = from + t * (to - from);
                    // Lines along each other have ends that meet nothing.
                    if crosses_near(&network.courses[course].at(at), edge, half) {
                        cut[course].push([at - half, at + half]);
                        met = true;
                    }
                }
            }
        }
        without_road += usize::from(!met);
    }
    let mut points_off_road = Vec::new();
    for (number, point) in points.iter().enumerate() {
        let nearest = network.tree.nearest_neighbor(point).map(|item| {
            let line = &network.courses[item.data.0 as usize];
            line.at(line.chainage_of(item.data.1 as usize, *point))
        });
        match nearest.filter(|place| apart(*place, *point) * unit_m <= asked.rules.cut.point_m) {
            // At a junction every road is cut.
            Some(place) => {
                for item in network.tree.locate_within_distance(place, half * half) {
                    let (course, index) = (item.data.0 as usize, item.data.1 as usize);
                    let at = network.courses[course].chainage_of(index, place);
                    cut[course].push([at - half, at + half]);
                }
            }
            None => points_off_road.push(number),
        }
    }
    let clamp = |(parts, course): (Parts, &super::network::Course)| {
        let length = course.length();
        merged(parts.into_iter().map(|[from, to]| [from.max(0.0), to.min(length)]).collect())
    };
    let cut = cut.into_iter().zip(&network.courses).map(clamp).collect();
    Ok(Removed { zone: in_zone, cut, points_off_road, without_road })
}

fn crosses_near(place: &[f64; 2], edge: &[[f64; 2]], half: f64) -> bool {
    let t = nearest_part(edge[0], edge[1], *place);
    let nearest = [edge[0][0] + t * (edge[1][0] - edge[0][0]), edge[0][1] + t * (edge[1][1] - edge[0][1])];
    apart(nearest, *place) <= half
}

/// A place on a road that people can use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Foothold {
    pub(super) course: usize,
    pub(super) chainage: f64,
    /// Straight walk to it, metres.
    pub(super) walk_m: f64,
}

/// A straight stretch of a road, with the road's number and its own along it.
type Stretch = GeomWithData<Line<[f64; 2]>, (u32, u32)>;

/// The stretches that are left, for finding the nearest.
pub(super) struct Footholds<'n> {
    network: &'n Network,
    tree: RTree<Stretch>,
    unit_m: f64,
}

impl<'n> Footholds<'n> {
    pub(super) fn new(network: &'n Network, removed: &Removed, unit_m: f64) -> Self {
        let mut left = Vec::new();
        for (course, line) in network.courses.iter().enumerate().filter(|(_, line)| !line.separated) {
            for (index, _) in line.stretches() {
                let [from, to] = line.chainages_of(index);
                let mut start = from;
                let cuts = removed.cut[course].iter().filter(|cut| cut[1] > from && cut[0] < to);
                for end in cuts.copied().chain([[to, f64::INFINITY]]) {
                    if end[0] > start {
                        let line = Line::new(line.at(start), line.at(end[0].min(to)));
                        left.push(GeomWithData::new(line, (course as u32, index as u32)));
                    }
                    start = end[1];
                }
            }
        }
        Self { network, tree: RTree::bulk_load(left), unit_m }
    }

    /// The nearest place on a road that is left.
    pub(super) fn nearest(&self, place: [f64; 2]) -> Option<Foothold> {
        let item = self.tree.nearest_neighbor(&place)?;
        let (course, index) = (item.data.0 as usize, item.data.1 as usize);
        let line = &self.network.courses[course];
        let (from, to) = (item.geom().from, item.geom().to);
        let t = nearest_part(from, to, place);
        let at = [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])];
        let chainage = line.chainage_of(index, at);
        Some(Foothold { course, chainage, walk_m: apart(place, line.at(chainage)) * self.unit_m })
    }
}
