//! The exposed ground, made ready for being asked about many footprints and lines: boxes first, its borders by bands of
//! northing, exact cuts only where a border runs through.

use crate::{
    AnalysisError, Parcel, Polygon,
    clip::{Region, Site},
    figures::Areas,
};
use geodesy::Crs;

/// Bands that borders are sorted into.
const MOST_BANDS: f64 = 4_096.0;
/// Places in bands for each edge, on average: bounds the memory for zigzags.
const PLACES_AN_EDGE: f64 = 4.0;
/// Parts of an edge by which a crossing may lie beyond its end, so that none slips through between two edges.
const BEYOND: f64 = 1e-9;
/// Less shared ground than this is a touch along a border, square metres.
const TOUCH_M2: f64 = 1e-4;

/// A box `[min x, min y, max x, max y]` that holds nothing.
const EMPTY: [f64; 4] = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];

/// Ground in the plane; may be none.
#[derive(Debug)]
pub(super) struct Ground {
    /// The grid and what is covered on it; none where nothing is.
    cut: Option<(Site, Region)>,
    polygons: Vec<Polygon>,
    edges: Vec<[[f64; 2]; 2]>,
    /// Edges by band: those of band `i` are `listed[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    listed: Vec<u32>,
    bounds: [f64; 4],
    unit_m: f64,
}

/// How a footprint or a point meets the ground.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Met {
    /// Share of the footprint that lies on the ground, 0 to 1; 1 for a point.
    pub(super) share: f64,
    /// Whether its centre does.
    pub(super) centre: bool,
    /// The footprint in the plane, square metres; none for a point.
    pub(super) footprint_m2: Option<f64>,
}

impl Ground {
    /// What polygons of a plane cover, each place once.
    pub(super) fn new(polygons: &[Polygon], plane: &Crs) -> Result<Self, AnalysisError> {
        let has_place = polygons.iter().any(|polygon| polygon.exterior.len() > 2);
        let cut = if has_place {
            let site = Site::around(polygons.iter(), plane)?;
            let region = site.region(polygons.iter());
            Some((site, region)).filter(|(_, region)| !region.is_empty())
        } else {
            None
        };
        let polygons = cut.as_ref().map(|(site, region)| site.polygons(region)).unwrap_or_default();
        let edges: Vec<[[f64; 2]; 2]> = polygons
            .iter()
            .flat_map(Polygon::rings)
            .flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| [*a, *b]))
            .collect();
        let bounds = edges.iter().fold(EMPTY, |bounds, [a, _]| grown(bounds, *a));
        let mut ground =
            Self { cut, polygons, edges, starts: Vec::new(), listed: Vec::new(), bounds, unit_m: plane.unit_m() };
        ground.sort_edges();
        Ok(ground)
    }

    /// Its polygons, which do not overlap.
    pub(super) fn polygons(&self) -> &[Polygon] {
        &self.polygons
    }

    /// The grid that it was worked out on, and itself on it; none where it is none.
    pub(super) fn cut(&self) -> Option<(&Site, &Region)> {
        self.cut.as_ref().map(|(site, region)| (site, region))
    }

    pub(super) fn areas(&self) -> Areas {
        self.cut.as_ref().map_or_else(Areas::default, |(site, region)| site.areas(region))
    }

    /// Its box in the plane; holds nothing where it is none.
    pub(super) fn bounds(&self) -> [f64; 4] {
        self.bounds
    }

    fn sort_edges(&mut self) {
        let height = self.bounds[3] - self.bounds[1];
        let spans: f64 = self.edges.iter().map(|[a, b]| (a[1] - b[1]).abs()).sum();
        let enough = (PLACES_AN_EDGE - 1.0) * self.edges.len() as f64 * height / spans;
        let bands = if enough.is_finite() { enough.clamp(1.0, MOST_BANDS) as usize } else { 1 };
        self.starts = vec![0; bands + 1];
        for [a, b] in &self.edges {
            for band in self.bands(a[1].min(b[1]), a[1].max(b[1])) {
                self.starts[band + 1] += 1;
            }
        }
        for band in 0..bands {
            self.starts[band + 1] += self.starts[band];
        }
        let mut next = self.starts.clone();
        let mut listed = vec![0; self.starts[bands] as usize];
        for (index, [a, b]) in self.edges.iter().enumerate() {
            for band in self.bands(a[1].min(b[1]), a[1].max(b[1])) {
                listed[next[band] as usize] = index as u32;
                next[band] += 1;
            }
        }
        self.listed = listed;
    }

    /// Bands that northings from `low` to `high` fall into.
    fn bands(&self, low: f64, high: f64) -> std::ops::RangeInclusive<usize> {
        let count = self.starts.len() - 1;
        let height = self.bounds[3] - self.bounds[1];
        // Beyond its ends a cast saturates; without height all is in the first.
        let band = |y: f64| (((y - self.bounds[1]) / height * count as f64) as usize).min(count - 1);
        band(low)..=band(high)
    }

    /// Edges that may have to do with northings from `low` to `high`; some more than once.
    fn near(&self, low: f64, high: f64) -> impl Iterator<Item = &[[f64; 2]; 2]> {
        let bands = self.bands(low, high);
        let (from, to) = (self.starts[*bands.start()] as usize, self.starts[*bands.end() + 1] as usize);
        self.listed[from..to].iter().map(|index| &self.edges[*index as usize])
    }

    /// Whether a place lies on it.
    pub(super) fn holds(&self, [x, y]: [f64; 2]) -> bool {
        if !within(self.bounds, [x, y, x, y]) {
            return false;
        }
        let crosses =
            |[a, b]: &&[[f64; 2]; 2]| (a[1] > y) != (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]);
        self.near(y, y).filter(crosses).count() % 2 == 1
    }

    /// Whether one of its borders may run through a box; never says no where one does.
    fn border_meets(&self, area: [f64; 4]) -> bool {
        let corners = [[area[0], area[1]], [area[2], area[1]], [area[2], area[3]], [area[0], area[3]]];
        self.near(area[1], area[3]).any(|[a, b]| {
            let beside = (0..2).any(|k| a[k].max(b[k]) < area[k] || a[k].min(b[k]) > area[k + 2]);
            let side = |p: &[f64; 2]| (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]);
            !(beside || corners.iter().all(|p| side(p) > 0.0) || corners.iter().all(|p| side(p) < 0.0))
        })
    }

    /// How a parcel with a footprint, or else points, meets it; none where it does not.
    pub(super) fn met(&self, parcel: &Parcel) -> Option<Met> {
        if parcel.polygons.is_empty() {
            let lies_on_it = parcel.points.iter().any(|point| self.holds(*point));
            return lies_on_it.then_some(Met { share: 1.0, centre: true, footprint_m2: None });
        }
        let bounds = box_of(parcel);
        if !within(self.bounds, bounds) {
            return None;
        }
        let (area, centre) = area_and_centre(&parcel.polygons);
        let footprint_m2 = area * self.unit_m * self.unit_m;
        let whole = Met { share: 1.0, centre: true, footprint_m2: Some(footprint_m2) };
        if !self.border_meets(bounds) {
            let first = parcel.polygons.first()?.exterior.first()?;
            return self.holds(*first).then_some(whole);
        }
        let (site, region) = self.cut()?;
        let shared_m2 = site.areas(&site.shared(region, parcel.polygons.iter())).plane_m2;
        if shared_m2 <= TOUCH_M2 {
            return None;
        }
        let share = (shared_m2 / footprint_m2).clamp(0.0, 1.0);
        // A ring that encloses nothing by its own sum crosses itself: it is there, and how much of it cannot be said.
        let share = if share.is_finite() { share } else { 1.0 };
        Some(Met { share, centre: self.holds(centre), footprint_m2: Some(footprint_m2) })
    }

    /// The parts of a line that lie on it.
    pub(super) fn pieces(&self, line: &[[f64; 2]]) -> Vec<Vec<[f64; 2]>> {
        let mut pieces: Vec<Vec<[f64; 2]>> = Vec::new();
        let mut open = false;
        for edge in line.windows(2) {
            let (a, b) = (edge[0], edge[1]);
            let usable = a.iter().chain(&b).all(|v| v.is_finite());
            if !usable || !within(self.bounds, grown(grown(EMPTY, a), b)) {
                open = false;
                continue;
            }
            let at = |t: f64| [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];
            let stops = self.crossings(a, b);
            for part in stops.windows(2) {
                let (from, to) = (part[0], part[1]);
                if !self.holds(at(f64::midpoint(from, to))) {
                    open = false;
                    continue;
                }
                let end = if to < 1.0 { at(to) } else { b };
                match pieces.last_mut() {
                    Some(piece) if open => piece.push(end),
                    _ => pieces.push(vec![if from > 0.0 { at(from) } else { a }, end]),
                }
                open = true;
            }
        }
        pieces
    }

    /// Where an edge begins, crosses the border, and ends, parts of its length.
    fn crossings(&self, a: [f64; 2], b: [f64; 2]) -> Vec<f64> {
        let along = [b[0] - a[0], b[1] - a[1]];
        let cross = |u: [f64; 2], v: [f64; 2]| u[0] * v[1] - u[1] * v[0];
        let square = along[0] * along[0] + along[1] * along[1];
        let mut stops = vec![0.0, 1.0];
        for [p, q] in self.near(a[1].min(b[1]), a[1].max(b[1])) {
            let (border, to) = ([q[0] - p[0], q[1] - p[1]], [p[0] - a[0], p[1] - a[1]]);
            let turn = cross(along, border);
            if turn == 0.0 {
                // Along each other: the ends of the border are stops, if they lie on the edge at all.
                let ends = [p, q].map(|end| (along[0] * (end[0] - a[0]) + along[1] * (end[1] - a[1])) / square);
                stops.extend(ends.into_iter().filter(|t| *t > 0.0 && *t < 1.0));
                continue;
            }
            let (t, u) = (cross(to, border) / turn, cross(to, along) / turn);
            if t > 0.0 && t < 1.0 && (-BEYOND..=1.0 + BEYOND).contains(&u) {
                stops.push(t);
            }
        }
        stops.sort_by(f64::total_cmp);
        stops.dedup();
        stops
    }
}

/// Whether two boxes have a place in common.
fn within(a: [f64; 4], b: [f64; 4]) -> bool {
    a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3]
}

fn grown(b: [f64; 4], [x, y]: [f64; 2]) -> [f64; 4] {
    [b[0].min(x), b[1].min(y), b[2].max(x), b[3].max(y)]
}

fn box_of(parcel: &Parcel) -> [f64; 4] {
    parcel.polygons.iter().flat_map(|polygon| &polygon.exterior).fold(EMPTY, |bounds, p| grown(bounds, *p))
}

/// Area, holes taken off, and centre of gravity.
fn area_and_centre(polygons: &[Polygon]) -> (f64, [f64; 2]) {
    let Some(origin) = polygons.iter().flat_map(|polygon| &polygon.exterior).next().copied() else {
        return (0.0, [f64::NAN; 2]);
    };
    let mut sums = [0.0; 3];
    for (is_hole, ring) in
        polygons.iter().flat_map(|polygon| polygon.rings().enumerate().map(|(at, ring)| (at > 0, ring)))
    {
        let mut own = [0.0; 3];
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            let (a, b) = ([a[0] - origin[0], a[1] - origin[1]], [b[0] - origin[0], b[1] - origin[1]]);
            let turn = a[0] * b[1] - a[1] * b[0];
            own = [own[0] + turn, own[1] + turn * (a[0] + b[0]), own[2] + turn * (a[1] + b[1])];
        }
        let sign = if (own[0] < 0.0) == is_hole { 1.0 } else { -1.0 };
        for (sum, part) in sums.iter_mut().zip(own) {
            *sum += sign * part;
        }
    }
    (sums[0] / 2.0, [origin[0] + sums[1] / (3.0 * sums[0]), origin[1] + sums[2] / (3.0 * sums[0])])
}
