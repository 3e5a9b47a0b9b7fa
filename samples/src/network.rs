//! Where people live and how they get there: village seats, hamlets, and roads that follow the ground.
//! Roads are least-cost paths, so a lane winds where the hill is steep and a highway keeps to the flat.

use crate::dice::Dice;
use crate::grid::Grid;
use crate::noise::smoothstep;
use crate::path::{PointM, distance, length, relax, resample, smooth};
use crate::place::{SIDE_M, VILLAGES};
use crate::terrain::Terrain;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Cell of the routing grid.
const STEP_M: f64 = 20.0;

/// What a line of the transport network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoadClass {
    /// Railway.
    Railway,
    /// Expressway.
    Expressway,
    /// Provincial highway.
    Provincial,
    /// County road.
    County,
    /// Township road to a village.
    Township,
    /// Farm or forest lane.
    Lane,
}

impl RoadClass {
    /// Half of the width that the land survey gives this line, embankment included.
    pub fn half_width_m(self) -> f64 {
        match self {
            Self::Railway => 11.0,
            Self::Expressway => 17.0,
            Self::Provincial => 10.0,
            Self::County => 6.5,
            Self::Township => 4.5,
            Self::Lane => 2.9,
        }
    }

    /// Half of the paved (or ballasted) width, for pictures.
    pub fn paved_half_width_m(self) -> f64 {
        match self {
            Self::Railway => 4.0,
            Self::Expressway => 12.5,
            Self::Provincial => 6.0,
            Self::County => 3.7,
            Self::Township => 2.6,
            Self::Lane => 1.7,
        }
    }

    /// Name of the technical class as a road register writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Railway => "铁路",
            Self::Expressway => "高速公路",
            Self::Provincial => "省道",
            Self::County => "县道",
            Self::Township => "乡道",
            Self::Lane => "村道",
        }
    }

    /// How much steepness frightens the surveyor of this line.
    fn steepness_cost(self) -> f64 {
        match self {
            Self::Railway | Self::County => 26.0,
            Self::Expressway => 16.0,
            Self::Provincial => 40.0,
            Self::Township => 20.0,
            Self::Lane => 11.0,
        }
    }
}

/// One line of the network.
#[derive(Debug, Clone)]
pub struct Road {
    /// Its class.
    pub class: RoadClass,
    /// Register number, such as `S252`.
    pub number: String,
    /// Course.
    pub line: Vec<PointM>,
}

/// Settlements and roads.
#[derive(Debug)]
pub struct Network {
    /// Seats of the villages, in the order of [`VILLAGES`]; the first is the town.
    pub seats: Vec<PointM>,
    /// Hamlets, seats not included.
    pub hamlets: Vec<PointM>,
    /// Roads, widest classes first.
    pub roads: Vec<Road>,
    /// Village of every cell.
    pub village: Grid<u8>,
}

struct Router<'a> {
    terrain: &'a Terrain,
    height_m: Grid<f32>,
    steep: Grid<f32>,
    wet: Grid<f32>,
    road: Grid<bool>,
}

impl<'a> Router<'a> {
    fn new(terrain: &'a Terrain) -> Self {
        let side = (SIDE_M / STEP_M) as usize;
        let mut height_m = Grid::filled(side, side, STEP_M, 0.0_f32);
        let mut wet = height_m.clone();
        for index in 0..height_m.cells.len() {
            let centre = height_m.centre_m(index);
            let cell = terrain.height_m.cell_of(centre);
            height_m[index] = terrain.height_m.bilinear(centre) as f32;
            wet[index] = if terrain.river_reach[cell] < 1.15 {
                9.0
            } else if terrain.stream_reach[cell] < 1.5 {
                2.5
            } else {
                0.0
            };
        }
        let mut steep = height_m.clone();
        for index in 0..height_m.cells.len() {
            steep[index] = height_m.slope(index) as f32;
        }
        let road = height_m.like(false);
        Self { terrain, height_m, steep, wet, road }
    }

    /// Cheapest way from a start until `goal` holds.
    fn route(
        &self,
        class: RoadClass,
        start: PointM,
        goal: impl Fn(usize) -> bool,
        along_river: f64,
    ) -> Option<Vec<usize>> {
        let from = self.height_m.cell_of(start);
        let mut cost = vec![f32::MAX; self.height_m.cells.len()];
        let mut came = vec![u32::MAX; cost.len()];
        let mut heap = BinaryHeap::new();
        cost[from] = 0.0;
        heap.push(Reverse((0_u64, from as u32)));
        while let Some(Reverse((key, index))) = heap.pop() {
            let index = index as usize;
            if key > (cost[index] * 16.0) as u64 {
                continue;
            }
            if goal(index) {
                let mut cells = vec![index];
                let mut at = index;
                while came[at] != u32::MAX {
                    at = came[at] as usize;
                    cells.push(at);
                }
                return Some(cells);
            }
            for (next, diagonal) in self.height_m.neighbours8(index) {
                let run = diagonal * STEP_M;
                let grade = f64::from((self.height_m[next] - self.height_m[index]).abs()) / run;
                let side_slope = f64::from(self.steep[next]);
                let mut factor = 1.0
                    + class.steepness_cost() * (grade * grade * 4.0 + grade * 0.35)
                    + 0.9 * side_slope * class.steepness_cost() / 12.0;
                factor += f64::from(self.wet[next]);
                let cell = self.terrain.height_m.cell_of(self.height_m.centre_m(next));
                if along_river > 0.0 {
                    let reach = f64::from(self.terrain.river_reach[cell]);
                    factor += along_river * ((reach - 5.0).abs() / 5.0).min(2.0);
                }
                if self.road[next] {
                    factor *= if class == RoadClass::Railway || class == RoadClass::Expressway { 1.6 } else { 0.45 };
                }
                let total = cost[index] + (factor * run) as f32;
                if total < cost[next] {
                    cost[next] = total;
                    came[next] = index as u32;
                    heap.push(Reverse(((total * 16.0) as u64, next as u32)));
                }
            }
        }
        None
    }

    /// Lays a road: keeps only the part that is new ground (unless it is a through line) and marks it.
    fn lay(&mut self, class: RoadClass, number: String, cells: &[usize], through: bool) -> Option<Road> {
        let new_cells: Vec<usize> = if through {
            cells.to_vec()
        } else {
            // Cells run from the goal (on the network) back to the start.
            let last_old = cells.iter().rposition(|&cell| self.road[cell]).unwrap_or(0);
            cells[last_old..].to_vec()
        };
        if new_cells.len() < 3 {
            return None;
        }
        let raw: Vec<PointM> = new_cells.iter().map(|&cell| self.height_m.centre_m(cell)).collect();
        let reach = match class {
            RoadClass::Railway | RoadClass::Expressway => 14,
            RoadClass::Provincial => 5,
            RoadClass::County => 3,
            RoadClass::Township | RoadClass::Lane => 2,
        };
        for &cell in &new_cells {
            self.road[cell] = true;
        }
        let mut line = resample(&smooth(&relax(&raw, reach), 2), 8.0);
        if through {
            extend_to_edge(&mut line);
        }
        Some(Road { class, number, line })
    }
}

/// Pushes both ends of a through line past the township's edge.
fn extend_to_edge(line: &mut Vec<PointM>) {
    for _ in 0..2 {
        if let [.., before, end] = line.as_slice()
            && [end[0], end[1], SIDE_M - end[0], SIDE_M - end[1]].iter().any(|gap| *gap < 60.0)
        {
            let span = distance(*before, *end).max(1e-6);
            let more = [end[0] + (end[0] - before[0]) / span * 80.0, end[1] + (end[1] - before[1]) / span * 80.0];
            line.push(more);
        }
        line.reverse();
    }
}

/// Builds settlements and roads.
pub fn build(terrain: &Terrain) -> Network {
    let mut dice = Dice::named("network");
    let flatness = flatness(terrain);
    let seats = village_seats(terrain, &flatness, &mut dice);
    let hamlets = hamlets(terrain, &seats, &mut dice);
    let mut router = Router::new(terrain);
    let roads = lay_roads(&mut router, &seats, &hamlets, &mut dice);
    let village = village_of_cells(&router, &seats);
    Network { seats, hamlets, roads, village }
}

/// Share of gentle, dry ground within about 300 m, on a 60 m grid.
fn flatness(terrain: &Terrain) -> Grid<f32> {
    let side = (SIDE_M / 60.0) as usize;
    let mut raw = Grid::filled(side, side, 60.0, 0.0_f32);
    for index in 0..raw.cells.len() {
        let cell = terrain.height_m.cell_of(raw.centre_m(index));
        let dry = terrain.river_reach[cell] > 1.2;
        raw[index] = if dry { smoothstep(0.22, 0.04, terrain.height_m.slope(cell)) as f32 } else { 0.0 };
    }
    let mut flat = raw.clone();
    for index in 0..raw.cells.len() {
        let (column, row) = raw.column_row(index);
        let (mut sum, mut count) = (0.0, 0.0);
        for r in row.saturating_sub(5)..(row + 6).min(side) {
            for c in column.saturating_sub(5)..(column + 6).min(side) {
                sum += raw[(c, r)];
                count += 1.0;
            }
        }
        flat[index] = sum / count;
    }
    flat
}

fn village_seats(terrain: &Terrain, flatness: &Grid<f32>, dice: &mut Dice) -> Vec<PointM> {
    let mut best = (0.0, [6_000.0, 6_000.0]);
    for index in 0..flatness.cells.len() {
        let p = flatness.centre_m(index);
        let cell = terrain.height_m.cell_of(p);
        let central = 1.0 - ((p[0] - 5_600.0) / 3_400.0).powi(2);
        let reach = f64::from(terrain.river_reach[cell]);
        let score =
            f64::from(flatness[index]) * central.max(0.0) * smoothstep(2.0, 5.0, reach) * smoothstep(14.0, 8.0, reach);
        if score > best.0 {
            best = (score, p);
        }
    }
    let mut seats = vec![best.1];
    let mut candidates: Vec<(f64, PointM)> = (0..flatness.cells.len())
        .filter_map(|index| {
            let p = flatness.centre_m(index);
            let inner = p.iter().all(|v| (700.0..SIDE_M - 700.0).contains(v));
            let score = f64::from(flatness[index]) + dice.between(0.0, 0.25);
            (inner && flatness[index] > 0.12).then_some((score, p))
        })
        .collect();
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut apart = 3_000.0;
    while seats.len() < VILLAGES.len() {
        let town = seats[0];
        let found = candidates.iter().find(|(_, p)| {
            seats.iter().all(|s| distance(*s, *p) > apart) && distance(town, *p) > (apart * 1.1).min(2_300.0)
        });
        match found {
            Some((_, p)) => seats.push(*p),
            None => apart *= 0.96,
        }
    }
    seats
}

fn hamlets(terrain: &Terrain, seats: &[PointM], dice: &mut Dice) -> Vec<PointM> {
    let mut places: Vec<PointM> = Vec::new();
    for _ in 0..26_000 {
        let p = [dice.between(120.0, SIDE_M - 120.0), dice.between(120.0, SIDE_M - 120.0)];
        let cell = terrain.height_m.cell_of(p);
        let wanted = smoothstep(0.42, 0.1, terrain.height_m.slope(cell))
            * smoothstep(420.0, 60.0, f64::from(terrain.water_distance_m[cell]))
            * smoothstep(1.2, 2.0, f64::from(terrain.river_reach[cell]));
        let free = places.iter().chain(seats).all(|q| distance(p, *q) > 310.0) && distance(p, seats[0]) > 1_300.0;
        if free && dice.chance(wanted) {
            places.push(p);
        }
        if places.len() >= 215 {
            break;
        }
    }
    places
}

fn lay_roads(router: &mut Router<'_>, seats: &[PointM], hamlets: &[PointM], dice: &mut Dice) -> Vec<Road> {
    let side = router.height_m.columns;
    let mut roads = Vec::new();
    let on_east = |index: usize| index % side == side - 1;
    let river_west = router.terrain.river.iter().find(|p| p[0] >= 10.0).map_or(6_000.0, |p| p[1]);
    let river_east = router.terrain.river.iter().rfind(|p| p[0] <= SIDE_M - 10.0).map_or(6_000.0, |p| p[1]);
    let town = seats[0];
    // The provincial road follows the river's north bank through the town.
    for (start, goal_y, number) in
        [([10.0, river_west - 330.0], town, "S252"), ([SIDE_M - 10.0, river_east - 330.0], town, "S252")]
    {
        let to = router.height_m.cell_of(goal_y);
        if let Some(cells) = router.route(RoadClass::Provincial, start, |i| i == to, 1.2) {
            roads.extend(router.lay(RoadClass::Provincial, number.to_owned(), &cells, true));
        }
    }
    for (class, number, start, end) in [
        (RoadClass::Expressway, "G6526", [10.0, river_west + 620.0], [SIDE_M - 10.0, river_east + 620.0]),
        (RoadClass::Railway, "样川线", [10.0, river_west - 700.0], [SIDE_M - 10.0, river_east - 760.0]),
    ] {
        let to = router.height_m.cell_of(end);
        if let Some(cells) = router.route(class, start, |i| i == to, 0.0) {
            roads.extend(router.lay(class, number.to_owned(), &cells, true));
        }
    }
    // County roads leave the town for the township's edges.
    for (number, goal) in [
        ("X011", [2_900.0, 10.0]),
        ("X012", [9_100.0, 10.0]),
        ("X013", [2_100.0, SIDE_M - 10.0]),
        ("X014", [7_700.0, SIDE_M - 10.0]),
        ("X015", [SIDE_M - 10.0, 9_700.0]),
    ] {
        let to = router.height_m.cell_of(town);
        if let Some(cells) = router.route(RoadClass::County, goal, |i| i == to, 0.0)
            && let Some(mut road) = router.lay(RoadClass::County, number.to_owned(), &cells, false)
        {
            extend_to_edge(&mut road.line);
            roads.push(road);
        }
    }
    for (number, seat) in seats.iter().enumerate().skip(1) {
        let road_before = router.road.clone();
        if let Some(cells) = router.route(RoadClass::Township, *seat, |i| road_before[i], 0.0) {
            roads.extend(router.lay(RoadClass::Township, format!("Y{number:03}"), &cells, false));
        }
    }
    // Lanes: to the hamlets first, then up the hills until the land survey's length of lanes is reached.
    let mut lane_m = 0.0;
    let mut serial = 0;
    let mut waiting: Vec<PointM> = hamlets.to_vec();
    while lane_m < 205_000.0 && serial < 1_500 {
        let start =
            waiting.pop().unwrap_or_else(|| [dice.between(100.0, SIDE_M - 100.0), dice.between(100.0, SIDE_M - 100.0)]);
        serial += 1;
        let cell = router.terrain.height_m.cell_of(start);
        if router.terrain.river_reach[cell] < 1.4 {
            continue;
        }
        let road_before = &router.road;
        let Some(cells) = router.route(RoadClass::Lane, start, |i| road_before[i], 0.0) else { continue };
        let number = format!("C{serial:03}");
        if let Some(road) = router.lay(RoadClass::Lane, number, &cells, false)
            && length(&road.line) > 70.0
        {
            lane_m += length(&road.line);
            roads.push(road);
        }
    }
    debug_assert!(
        roads.iter().any(|road| road.class == RoadClass::Railway),
        "the railway crosses the township: {}",
        on_east(0)
    );
    roads
}

/// Every cell belongs to the village from whose seat it is easiest walked to: borders keep to ridges and rivers.
fn village_of_cells(router: &Router<'_>, seats: &[PointM]) -> Grid<u8> {
    let fields: Vec<Grid<f32>> = seats.iter().map(|seat| walking_cost(router, *seat)).collect();
    let mut village = router.terrain.height_m.like(0_u8);
    for index in 0..village.cells.len() {
        let p = village.centre_m(index);
        let mut best = (f64::INFINITY, 0);
        for (number, field) in fields.iter().enumerate() {
            let cost = field.bilinear(p);
            if cost < best.0 {
                best = (cost, number as u8);
            }
        }
        village[index] = best.1;
    }
    village
}

fn walking_cost(router: &Router<'_>, seat: PointM) -> Grid<f32> {
    let mut cost = router.height_m.like(f32::MAX);
    let mut heap = BinaryHeap::new();
    let from = cost.cell_of(seat);
    cost[from] = 0.0;
    heap.push(Reverse((0_u64, from as u32)));
    while let Some(Reverse((key, index))) = heap.pop() {
        let index = index as usize;
        if key > (cost[index] * 16.0) as u64 || cost[index] > 9_000.0 {
            continue;
        }
        for (next, diagonal) in cost.neighbours8(index) {
            let run = diagonal * STEP_M;
            let climb = f64::from((router.height_m[next] - router.height_m[index]).abs());
            let total = cost[index] + (run + 5.0 * climb + f64::from(router.wet[next]) * run * 0.5) as f32;
            if total < cost[next] {
                cost[next] = total;
                heap.push(Reverse(((total * 16.0) as u64, next as u32)));
            }
        }
    }
    cost
}
