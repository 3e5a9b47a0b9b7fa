//! Road lines become a network: where they share a vertex, cross, or end close to each other.
//!
//! Crossings are decided on integers of a tenth of a millimetre, so that no crossing is found twice or missed at a vertex.
//! A line that ends near another is joined by a short stretch of its own, never by moving either. What lies further apart is
//! a gap: it is told, and joined only on request.

use std::sync::atomic::{AtomicUsize, Ordering};

use geodesy::{Crs, Transform, distance::geodesic_m};
use petgraph::unionfind::UnionFind;
use rayon::prelude::*;
use rstar::{
    AABB, PointDistance as _, RTree,
    primitives::{GeomWithData, Line},
};

use super::{asked::Asked, refuse};
use crate::{AnalysisError, LoadedLayer, compliance::text, registers::Registers};

/// Vertices of all roads together.
const MOST_VERTICES: usize = 3_000_000;
/// Pairs of stretches with common boxes that are looked at; a real network has a few a vertex.
const MOST_PAIRS: usize = 60_000_000;
/// Places where lines meet.
const MOST_MEETINGS: usize = 3_000_000;
/// Stretches that are looked at near one end.
const MOST_NEAR: usize = 2_000;
/// Classes that are told by name.
const MOST_CLASSES: usize = 50;
/// Step of the integers on which crossings are decided, metres.
const STEP_M: f64 = 1e-4;
/// Nearer than this, metres, lines touch.
pub(super) const TOUCH_M: f64 = 1e-3;

/// A line that people may go along.
#[derive(Debug, Clone)]
pub(super) struct Course {
    /// Name, else number, else class of the road.
    pub(super) name: String,
    /// Bridges over or tunnels under what it crosses.
    pub(super) separated: bool,
    pub(super) minutes_per_m: f64,
    pub(super) points: Vec<[f64; 2]>,
    /// From the start to each point, units of the plane.
    along: Vec<f64>,
    /// The same on the ellipsoid, metres.
    along_m: Vec<f64>,
}

impl Course {
    fn new(points: Vec<[f64; 2]>, name: String, separated: bool, minutes_per_m: f64) -> Self {
        Self { name, separated, minutes_per_m, along: chainages(&points), along_m: Vec::new(), points }
    }

    /// Length in units of the plane.
    pub(super) fn length(&self) -> f64 {
        self.along.last().copied().unwrap_or_default()
    }

    /// The stretch of a chainage and the part of it before that.
    fn stretch_at(&self, chainage: f64) -> (usize, f64) {
        let last = self.points.len().saturating_sub(2);
        let index = self.along.partition_point(|along| *along <= chainage).saturating_sub(1).min(last);
        let [from, to] = [self.along[index], self.along[index + 1]];
        (index, ((chainage - from) / (to - from)).clamp(0.0, 1.0))
    }

    pub(super) fn at(&self, chainage: f64) -> [f64; 2] {
        let (index, t) = self.stretch_at(chainage);
        between(self.points[index], self.points[index + 1], t)
    }

    /// Metres on the ellipsoid from the start to a chainage.
    pub(super) fn metres_at(&self, chainage: f64) -> f64 {
        let (index, t) = self.stretch_at(chainage);
        self.along_m[index] + t * (self.along_m[index + 1] - self.along_m[index])
    }

    /// The line from one chainage to another, backwards where the second is the smaller.
    pub(super) fn part(&self, from: f64, to: f64) -> Vec<[f64; 2]> {
        let [low, high] = [from.min(to), from.max(to)];
        let mut points = vec![self.at(low)];
        points.extend(
            self.points.iter().zip(&self.along).filter(|(_, along)| **along > low && **along < high).map(|(p, _)| *p),
        );
        points.push(self.at(high));
        if from > to {
            points.reverse();
        }
        points
    }

    /// The chainage of a place on one of its stretches.
    pub(super) fn chainage_of(&self, index: usize, place: [f64; 2]) -> f64 {
        let t = nearest_part(self.points[index], self.points[index + 1], place);
        self.along[index] + t * (self.along[index + 1] - self.along[index])
    }

    /// Each stretch between two points, with its position.
    pub(super) fn stretches(&self) -> impl Iterator<Item = (usize, [[f64; 2]; 2])> + '_ {
        self.points.windows(2).enumerate().map(|(index, pair)| (index, [pair[0], pair[1]]))
    }

    /// The part of a stretch in chainages.
    pub(super) fn chainages_of(&self, index: usize) -> [f64; 2] {
        [self.along[index], self.along[index + 1]]
    }
}

/// A place that two lines have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meeting {
    pub(super) courses: [usize; 2],
    pub(super) chainages: [f64; 2],
}

/// A line's end near another piece of the network.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    pub(super) courses: [usize; 2],
    chainages: [f64; 2],
    pub(super) places: [[f64; 2]; 2],
    pub(super) width_m: f64,
    pub(super) joined: bool,
}

/// Roads that were read but cannot be gone along, by class.
#[derive(Debug, Clone, Default)]
pub(super) struct Classes {
    /// Not usable in this way of going.
    pub(super) unusable: Vec<(String, usize)>,
    /// Not in the rule document.
    pub(super) unlisted: Vec<(String, usize)>,
    /// Roads without a usable line.
    pub(super) without_line: usize,
}

pub(super) type Stretch = GeomWithData<Line<[f64; 2]>, (u32, u32)>;

/// The network before anything is cut.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) courses: Vec<Course>,
    pub(super) meetings: Vec<Meeting>,
    pub(super) gaps: Vec<Gap>,
    /// The piece of the network that each line is of.
    pub(super) pieces: Vec<usize>,
    pub(super) classes: Classes,
    pub(super) tree: RTree<Stretch>,
}

/// Reads the roads and joins them.
pub(super) fn network(
    layer: Option<&LoadedLayer>,
    registers: &Registers,
    asked: &Asked,
    plane: &Crs,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Network, AnalysisError> {
    let unit_m = plane.unit_m();
    let (mut courses, classes) = courses(layer, registers, asked, unit_m)?;
    let tree = tree_of(&courses);
    let mut meetings = crossings(&courses, &tree, unit_m, cancelled)?;
    let snapped = snapped(&courses, &tree, &meetings, asked.rules.network.snap_m / unit_m, unit_m);
    let mut pieces = UnionFind::<usize>::new(courses.len());
    for meeting in meetings.iter().chain(&snapped.meetings) {
        pieces.union(meeting.courses[0], meeting.courses[1]);
    }
    meetings.extend(snapped.meetings);
    for gap in &snapped.joints {
        pieces.union(gap.courses[0], gap.courses[1]);
    }
    let mut gaps =
        gaps(&courses, &tree, &snapped.loose, &mut pieces.clone(), asked.rules.network.gap_m / unit_m, unit_m);
    for gap in gaps.iter_mut().filter(|gap| gap.width_m <= asked.join_m) {
        gap.joined = true;
        pieces.union(gap.courses[0], gap.courses[1]);
    }
    let mut labels: Vec<usize> = (0..courses.len()).map(|course| pieces.find(course)).collect();
    // A joint is a line of its own, so that its length is gone and nothing is moved.
    for gap in snapped.joints.iter().chain(gaps.iter().filter(|gap| gap.joined)) {
        let [own, other] = gap.courses;
        let joint = Course::new(gap.places.to_vec(), courses[own].name.clone(), false, courses[own].minutes_per_m);
        let end = joint.length();
        meetings.push(Meeting { courses: [own, courses.len()], chainages: [gap.chainages[0], 0.0] });
        meetings.push(Meeting { courses: [other, courses.len()], chainages: [gap.chainages[1], end] });
        labels.push(labels[own]);
        courses.push(joint);
    }
    measure(&mut courses, plane)?;
    let tree = tree_of(&courses);
    Ok(Network { courses, meetings, gaps, pieces: labels, classes, tree })
}

fn courses(
    layer: Option<&LoadedLayer>,
    registers: &Registers,
    asked: &Asked,
    unit_m: f64,
) -> Result<(Vec<Course>, Classes), AnalysisError> {
    let mut courses = Vec::new();
    let mut classes = Classes::default();
    let mut vertices = 0;
    let fields = &registers.roads;
    for parcel in layer.iter().flat_map(|layer| &layer.layer.parcels) {
        let class_name = text(parcel, &fields.class);
        let (class, listed) = asked.rules.class(&class_name);
        let shown = || if class_name.is_empty() { "未填等级".to_owned() } else { class_name.clone() };
        if !listed {
            count(&mut classes.unlisted, shown());
        }
        let Some(minutes_per_m) = asked.minutes_per_m(class) else {
            count(&mut classes.unusable, shown());
            continue;
        };
        let texts = [text(parcel, &fields.name), text(parcel, &fields.number)];
        let name = texts.into_iter().find(|text| !text.is_empty()).unwrap_or_else(shown);
        let before = courses.len();
        for line in &parcel.lines {
            let mut points: Vec<[f64; 2]> = Vec::with_capacity(line.len());
            if !line.iter().flatten().all(|v| v.is_finite() && v.abs() < 1e9) {
                continue;
            }
            for point in line {
                if points.last().is_none_or(|last| apart(*last, *point) * unit_m > TOUCH_M / 2.0) {
                    points.push(*point);
                }
            }
            vertices += points.len();
            if vertices > MOST_VERTICES {
                return Err(refuse(
                    format!("路网的点超过 {MOST_VERTICES} 个，请用 within 缩小路网范围"),
                    format!("the roads have more than {MOST_VERTICES} points: say a smaller area (within)"),
                ));
            }
            let course = Course::new(points, name.clone(), class.separated, minutes_per_m);
            if course.points.len() > 1 && course.length() * unit_m > 2.0 * TOUCH_M {
                courses.push(course);
            }
        }
        classes.without_line += usize::from(courses.len() == before);
    }
    Ok((courses, classes))
}

fn count(classes: &mut Vec<(String, usize)>, name: String) {
    let known = classes.iter().position(|(own, _)| *own == name);
    match known {
        Some(index) => classes[index].1 += 1,
        None if classes.len() < MOST_CLASSES => classes.push((name, 1)),
        None => {
            if let Some((last, roads)) = classes.last_mut() {
                "其他".clone_into(last);
                *roads += 1;
            }
        }
    }
}

fn tree_of(courses: &[Course]) -> RTree<Stretch> {
    let stretches = courses.iter().enumerate().flat_map(|(course, line)| {
        line.stretches().map(move |(index, [a, b])| GeomWithData::new(Line::new(a, b), (course as u32, index as u32)))
    });
    RTree::bulk_load(stretches.collect())
}

/// Lengths on the ellipsoid.
fn measure(courses: &mut [Course], plane: &Crs) -> Result<(), AnalysisError> {
    let to_degrees = Transform::new(plane, &Crs::cgcs2000())?;
    let mut places: Vec<Vec<[f64; 2]>> = courses.iter().map(|course| course.points.clone()).collect();
    for points in &mut places {
        to_degrees.points(points)?;
    }
    courses.par_iter_mut().zip(places).for_each(|(course, places)| {
        let mut sum_m = 0.0;
        course.along_m = std::iter::once(0.0)
            .chain(places.windows(2).map(|pair| {
                sum_m += geodesic_m(pair[0], pair[1]);
                sum_m
            }))
            .collect();
    });
    Ok(())
}

/// Whether two lines may have a node where they meet at these chainages: of a separated line only an end.
fn may_meet(courses: [&Course; 2], chainages: [f64; 2], unit_m: f64) -> bool {
    let at_end = |i: usize| (chainages[i].min(courses[i].length() - chainages[i])) * unit_m <= TOUCH_M;
    match [courses[0].separated, courses[1].separated] {
        [false, false] => true,
        [true, false] => at_end(0),
        [false, true] => at_end(1),
        [true, true] => at_end(0) || at_end(1),
    }
}

/// Every place where lines cross or touch.
fn crossings(
    courses: &[Course],
    tree: &RTree<Stretch>,
    unit_m: f64,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Meeting>, AnalysisError> {
    let Some(origin) = courses.first().and_then(|course| course.points.first()).copied() else {
        return Ok(Vec::new());
    };
    let step = STEP_M / unit_m;
    let grid = |p: [f64; 2]| [0, 1].map(|axis| ((p[axis] - origin[axis]) / step).round() as i64);
    let (pairs, met) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let too_many = || {
        refuse(
            "路网过于复杂（线段交错过多），请检查道路数据，或用 within 缩小路网范围",
            "the roads are too entangled: check the data, or say a smaller area (within)",
        )
    };
    let of_course = |(course, line): (usize, &Course)| -> Result<Vec<Meeting>, AnalysisError> {
        if cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        let mut meetings = Vec::new();
        for (index, edge) in line.stretches() {
            let mut near: Vec<(u32, u32)> = Vec::new();
            for item in tree.locate_in_envelope_intersecting(&grown(edge, step)) {
                near.push(item.data);
                if near.len() > MOST_PAIRS {
                    return Err(too_many());
                }
            }
            if pairs.fetch_add(near.len(), Ordering::Relaxed) > MOST_PAIRS {
                return Err(too_many());
            }
            near.retain(|other| *other > (course as u32, index as u32));
            near.sort_unstable();
            for (other, at) in near {
                let (other, at) = (other as usize, at as usize);
                let their = &courses[other];
                if other == course && (at == index + 1 || line.separated) {
                    continue;
                }
                let second = [their.points[at], their.points[at + 1]];
                for [t, u] in meet(edge.map(grid), second.map(grid)) {
                    let chainage = |line: &Course, index: usize, t: f64| {
                        let [from, to] = line.chainages_of(index);
                        from + t * (to - from)
                    };
                    let chainages = [chainage(line, index, t), chainage(their, at, u)];
                    if may_meet([line, their], chainages, unit_m) {
                        meetings.push(Meeting { courses: [course, other], chainages });
                    }
                }
            }
        }
        if met.fetch_add(meetings.len(), Ordering::Relaxed) > MOST_MEETINGS { Err(too_many()) } else { Ok(meetings) }
    };
    let found: Vec<Vec<Meeting>> = courses.par_iter().enumerate().map(of_course).collect::<Result<_, _>>()?;
    Ok(found.concat())
}

/// Where two edges on the grid meet, as parts of each: a crossing, or ends that lie on the other edge.
fn meet(first: [[i64; 2]; 2], second: [[i64; 2]; 2]) -> Vec<[f64; 2]> {
    let side = |[p, q]: [[i64; 2]; 2], r: [i64; 2]| {
        let product = |a: i64, b: i64| i128::from(a) * i128::from(b);
        product(q[0] - p[0], r[1] - p[1]) - product(q[1] - p[1], r[0] - p[0])
    };
    let of_second = second.map(|place| side(first, place));
    let of_first = first.map(|place| side(second, place));
    let part = |[a, b]: [i128; 2]| a as f64 / (a - b) as f64;
    if of_second[0].signum() * of_second[1].signum() < 0 && of_first[0].signum() * of_first[1].signum() < 0 {
        return vec![[part(of_first), part(of_second)]];
    }
    let mut found = Vec::new();
    // A place on the line of an edge lies on the edge where it lies in its box.
    let on = |[p, q]: [[i64; 2]; 2], r: [i64; 2]| {
        (0..2).all(|axis| (p[axis].min(q[axis])..=p[axis].max(q[axis])).contains(&r[axis]))
    };
    let along = |edge: [[i64; 2]; 2], r: [i64; 2]| {
        let [p, q, r] = [edge[0], edge[1], r].map(|p| p.map(|v| v as f64));
        nearest_part(p, q, r)
    };
    for end in 0..2 {
        if of_second[end] == 0 && on(first, second[end]) {
            found.push([along(first, second[end]), end as f64]);
        }
        if of_first[end] == 0 && on(second, first[end]) {
            found.push([end as f64, along(second, first[end])]);
        }
    }
    found
}

/// What the ends of lines are near to.
struct Snapped {
    /// Ends that touch.
    meetings: Vec<Meeting>,
    /// Ends within the tolerance.
    joints: Vec<Gap>,
    /// Ends near nothing: course and whether it is the last point.
    loose: Vec<(usize, bool)>,
}

fn snapped(courses: &[Course], tree: &RTree<Stretch>, meetings: &[Meeting], snap: f64, unit_m: f64) -> Snapped {
    let mut of_course: Vec<Vec<f64>> = vec![Vec::new(); courses.len()];
    for meeting in meetings {
        for side in 0..2 {
            of_course[meeting.courses[side]].push(meeting.chainages[side]);
        }
    }
    let of_end = |(course, last): (usize, bool)| {
        let line = &courses[course];
        let own = if last { line.length() } else { 0.0 };
        let near = others_near(courses, tree, course, last, snap, unit_m);
        let met = of_course[course].iter().any(|chainage| (chainage - own).abs() <= snap);
        (course, last, met, near)
    };
    let ends: Vec<(usize, bool)> = (0..courses.len()).flat_map(|course| [(course, false), (course, true)]).collect();
    let found: Vec<_> = ends.into_par_iter().map(of_end).collect();
    let mut snapped = Snapped { meetings: Vec::new(), joints: Vec::new(), loose: Vec::new() };
    for (course, last, met, near) in found {
        if near.is_empty() && !met {
            snapped.loose.push((course, last));
        }
        for gap in near {
            if gap.width_m <= TOUCH_M {
                snapped.meetings.push(Meeting { courses: gap.courses, chainages: gap.chainages });
            } else {
                snapped.joints.push(gap);
            }
        }
    }
    snapped
}

/// The nearest place of every other line within a reach of a line's end, by line.
fn others_near(
    courses: &[Course],
    tree: &RTree<Stretch>,
    course: usize,
    last: bool,
    reach: f64,
    unit_m: f64,
) -> Vec<Gap> {
    let line = &courses[course];
    let end = if last { line.points[line.points.len() - 1] } else { line.points[0] };
    let own = if last { line.length() } else { 0.0 };
    let mut near: Vec<(usize, f64, usize)> = tree
        .locate_within_distance(end, reach * reach)
        .filter(|item| item.data.0 as usize != course)
        .take(MOST_NEAR)
        .map(|item| (item.data.0 as usize, item.geom().distance_2(&end), item.data.1 as usize))
        .collect();
    near.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
    near.dedup_by_key(|(other, ..)| *other);
    let gap = |(other, square, index): (usize, f64, usize)| {
        let their = &courses[other];
        let chainage = their.chainage_of(index, end);
        let gap = Gap {
            courses: [course, other],
            chainages: [own, chainage],
            places: [end, their.at(chainage)],
            width_m: square.sqrt() * unit_m,
            joined: false,
        };
        may_meet([line, their], gap.chainages, unit_m).then_some(gap)
    };
    near.into_iter().filter_map(gap).collect()
}

/// The fewest gaps whose closing would join pieces of the network, nearest first.
fn gaps(
    courses: &[Course],
    tree: &RTree<Stretch>,
    loose: &[(usize, bool)],
    pieces: &mut UnionFind<usize>,
    reach: f64,
    unit_m: f64,
) -> Vec<Gap> {
    let found = loose.par_iter().map(|(course, last)| others_near(courses, tree, *course, *last, reach, unit_m));
    let mut found: Vec<Gap> = found.collect::<Vec<_>>().concat();
    found.sort_by(|a, b| a.width_m.total_cmp(&b.width_m).then(a.courses.cmp(&b.courses)));
    found.retain(|gap| pieces.union(gap.courses[0], gap.courses[1]));
    found
}

pub(super) fn apart(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

fn between(a: [f64; 2], b: [f64; 2], t: f64) -> [f64; 2] {
    [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]
}

/// The part of an edge that lies before its nearest place to a point.
pub(super) fn nearest_part(a: [f64; 2], b: [f64; 2], p: [f64; 2]) -> f64 {
    let along = [b[0] - a[0], b[1] - a[1]];
    let square = along[0] * along[0] + along[1] * along[1];
    let t = if square > 0.0 { ((p[0] - a[0]) * along[0] + (p[1] - a[1]) * along[1]) / square } else { 0.0 };
    t.clamp(0.0, 1.0)
}

fn chainages(points: &[[f64; 2]]) -> Vec<f64> {
    let mut sum = 0.0;
    std::iter::once(0.0)
        .chain(points.windows(2).map(|pair| {
            sum += apart(pair[0], pair[1]);
            sum
        }))
        .collect()
}

/// The box of an edge, a little larger.
pub(super) fn grown([a, b]: [[f64; 2]; 2], by: f64) -> AABB<[f64; 2]> {
    AABB::from_corners([a[0].min(b[0]) - by, a[1].min(b[1]) - by], [a[0].max(b[0]) + by, a[1].max(b[1]) + by])
}
