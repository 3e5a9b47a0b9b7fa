//! Deals the township's ground out to land-use classes, cell by cell and to the exact number of cells of the class table.
//! Order matters as it does on the ground: water, roads, town, hamlets, fields, and forest where nothing else is.

use crate::classes::{CLASSES, NO_CLASS, class_of, grades_of};
use crate::dice::Dice;
use crate::grid::{Grid, nearest_site};
use crate::network::{Network, RoadClass};
use crate::noise::{fbm, gradient_noise, hash01, smoothstep};
use crate::parcels::{NOBODY, components, grow, lowest, lowest_compact};
use crate::path::{PointM, distance, resample};
use crate::place::{CELL_AREA_M2, CELL_M, CELLS};
use crate::terrain::Terrain;

/// One piece of ground with one use.
#[derive(Debug, Clone, Copy)]
pub struct Parcel {
    /// Position in [`CLASSES`].
    pub class: u8,
    /// Slope grade of cultivated land, 0 elsewhere.
    pub grade: u8,
}

/// Who uses which ground.
#[derive(Debug)]
pub struct LandUse {
    /// Class of every cell.
    pub class: Grid<u8>,
    /// Parcel of every cell, a position in `parcels`.
    pub parcel: Grid<u32>,
    /// What the parcels are.
    pub parcels: Vec<Parcel>,
    /// True inside the town.
    pub town: Grid<bool>,
    /// Level of the reservoir's water, metres.
    pub reservoir_level_m: f32,
}

/// Cells that make so many hectares.
pub fn cells_of_ha(hectares: f64) -> usize {
    (hectares * 10_000.0 / CELL_AREA_M2).round() as usize
}

/// How much a piece of ground is wanted for a use; low comes first.
type Wish<'w> = &'w dyn Fn(&[usize], PointM) -> f64;

struct Draft<'a> {
    terrain: &'a Terrain,
    network: &'a Network,
    slope: Grid<f32>,
    out: LandUse,
}

fn wanted(code: &str) -> usize {
    cells_of_ha(CLASSES[class_of(code) as usize].drawn_ha)
}

/// Deals out the ground.
pub fn build(terrain: &Terrain, network: &Network) -> LandUse {
    let class = Grid::filled(CELLS, CELLS, CELL_M, NO_CLASS);
    let mut slope = terrain.height_m.clone();
    for index in 0..slope.cells.len() {
        slope[index] = broad_slope(&terrain.height_m, index);
    }
    let out = LandUse {
        parcel: class.like(NOBODY),
        town: class.like(false),
        class,
        parcels: Vec::new(),
        reservoir_level_m: 0.0,
    };
    let mut draft = Draft { terrain, network, slope, out };
    draft.waters();
    draft.roads();
    draft.town();
    draft.hamlets();
    draft.works();
    draft.fields();
    draft.forest();
    draft.out
}

/// Steepness over 40 m, which is what a farmer (and a land surveyor) sees; single bumps do not count.
fn broad_slope(height_m: &Grid<f32>, index: usize) -> f32 {
    let (column, row) = height_m.column_row(index);
    let (west, east) = (column.saturating_sub(4), (column + 4).min(height_m.columns - 1));
    let (north, south) = (row.saturating_sub(4), (row + 4).min(height_m.rows - 1));
    let dx = (height_m[(east, row)] - height_m[(west, row)]) / ((east - west) as f32 * CELL_M as f32);
    let dy = (height_m[(column, south)] - height_m[(column, north)]) / ((south - north) as f32 * CELL_M as f32);
    dx.hypot(dy)
}

impl Draft<'_> {
    fn free(&self, cell: usize) -> bool {
        self.out.class[cell] == NO_CLASS
    }

    fn scored(&self, score: impl Fn(usize) -> f32) -> Vec<(f32, u32)> {
        (0..self.out.class.cells.len())
            .filter(|&cell| self.free(cell))
            .map(|cell| (score(cell), cell as u32))
            .filter(|(value, _)| value.is_finite())
            .collect()
    }

    fn new_parcel(&mut self, class: u8, grade: u8) -> u32 {
        self.out.parcels.push(Parcel { class, grade });
        self.out.parcels.len() as u32 - 1
    }

    /// Gives cells to a class; `group` says which of them belong to one parcel.
    fn give(&mut self, code: &str, cells: &[usize], group: impl Fn(usize) -> u32) {
        let class = class_of(code);
        let mut known: std::collections::BTreeMap<u32, u32> = std::collections::BTreeMap::new();
        for &cell in cells {
            let key = group(cell);
            let parcel = if let Some(parcel) = known.get(&key) {
                *parcel
            } else {
                let parcel = self.new_parcel(class, 0);
                known.insert(key, parcel);
                parcel
            };
            self.out.class[cell] = class;
            self.out.parcel[cell] = parcel;
        }
    }

    fn waters(&mut self) {
        let terrain = self.terrain;
        let reach = |cell: usize| {
            let brook = terrain.stream_reach[cell] * 0.75;
            terrain.river_reach[cell].min(if brook < 3.0 { brook } else { f32::INFINITY })
        };
        // The reservoir first: the drowned part of one tributary valley.
        let (dam, cells, level_m) = self.reservoir();
        self.out.reservoir_level_m = level_m;
        self.give("1103", &cells, |_| 0);
        let near_dam = self.scored(|cell| {
            let p = terrain.height_m.centre_m(cell);
            distance(p, dam) as f32 + (terrain.height_m[cell] - level_m).abs() * 6.0
        });
        let cells = lowest_compact(&self.out.class, near_dam, cells_of_ha(2.0), 20);
        self.give("1109", &cells, |_| 0);
        let scored = self.scored(reach);
        let cells = lowest_compact(&self.out.class, scored, wanted("1101"), 60);
        let frame = self.out.class.clone();
        self.give("1101", &cells, |cell| {
            // The river in reaches of two kilometres, brooks apart from it.
            if terrain.river_reach[cell] < 1.3 { (frame.centre_m(cell)[0] / 2_000.0) as u32 } else { 100 }
        });
        // Levees: a strip on the river's bank at the town.
        let seat = self.network.seats[0];
        let scored = self.scored(|cell| {
            let far = distance(frame.centre_m(cell), seat);
            let strip = terrain.river_reach[cell];
            if far < 3_300.0 && strip < 1.32 { strip } else { f32::INFINITY }
        });
        let cells = lowest_compact(&self.out.class, scored, wanted("1109") - cells_of_ha(2.0), 20);
        self.give("1109", &cells, |cell| (frame.centre_m(cell)[0] / 900.0) as u32);
    }

    /// Where the dam stands, which cells it drowns, and to what level.
    fn reservoir(&self) -> (PointM, Vec<usize>, f32) {
        let terrain = self.terrain;
        let target = wanted("1103");
        let mut best: Option<(f64, PointM, Vec<usize>, f32)> = None;
        let mut on_road = terrain.height_m.like(false);
        for road in self.network.roads.iter().filter(|road| road.class != RoadClass::Lane) {
            for p in resample(&road.line, CELL_M).into_iter().filter(|p| terrain.height_m.holds(*p)) {
                on_road[terrain.height_m.cell_of(p)] = true;
            }
        }
        let mut visit = terrain.height_m.like(0_u32);
        let mut turn = 0;
        for stream in &terrain.streams {
            for (at, drained) in stream.line.iter().zip(&stream.drained_km2).step_by(60) {
                let inner = at.iter().all(|v| (900.0..11_100.0).contains(v));
                if !inner
                    || *drained < 1.5
                    || terrain.water_distance_m.bilinear(*at) > 30.0
                    || distance(*at, self.network.seats[0]) < 2_600.0
                {
                    continue;
                }
                turn += 1;
                let dam_cell = terrain.height_m.cell_of(*at);
                if terrain.river_reach[dam_cell] < 12.0 {
                    continue;
                }
                if let Some((cells, level)) = self.drown(*at, stream, target, &mut visit, turn) {
                    // A good dam makes a deep lake on little shore and drowns no seat.
                    let reach = cells.iter().map(|&c| distance(terrain.height_m.centre_m(c), *at)).fold(0.0, f64::max);
                    let seat = self.network.seats.iter().map(|s| distance(*s, *at)).fold(f64::INFINITY, f64::min);
                    let drowned_road_m = cells.iter().filter(|&&cell| on_road[cell]).count() as f64 * CELL_M;
                    let score = reach - 0.2 * seat.min(1_500.0) + 6.0 * drowned_road_m;
                    if best.as_ref().is_none_or(|(other, ..)| score < *other) {
                        best = Some((score, *at, cells, level));
                    }
                }
            }
        }
        best.map_or((([0.0, 0.0]), Vec::new(), 0.0), |(_, at, cells, level)| (at, cells, level))
    }

    /// Fills the valley above a dam until `target` cells are under water.
    fn drown(
        &self,
        dam: PointM,
        stream: &crate::terrain::Stream,
        target: usize,
        visit: &mut Grid<u32>,
        turn: u32,
    ) -> Option<(Vec<usize>, f32)> {
        let height_m = &self.terrain.height_m;
        let dam_index = stream.line.iter().position(|p| distance(*p, dam) < 1e-6)?;
        let above = *stream.line.get(dam_index.checked_sub(24)?)?;
        let below = *stream.line.get((dam_index + 10).min(stream.line.len() - 1))?;
        let direction =
            [(below[0] - above[0]) / distance(above, below), (below[1] - above[1]) / distance(above, below)];
        let start = height_m.cell_of(above);
        let mut heap = std::collections::BinaryHeap::new();
        let mut cells = Vec::new();
        let mut level = height_m[start];
        visit[start] = turn;
        heap.push(std::cmp::Reverse(((f64::from(height_m[start]) * 1_000.0) as u64, start)));
        while let Some(std::cmp::Reverse((_, cell))) = heap.pop() {
            level = level.max(height_m[cell]);
            cells.push(cell);
            if cells.len() == target {
                // Flat enough to be a lake and deep enough to be worth a dam.
                let depth = level - height_m[height_m.cell_of(dam)];
                return (12.0..46.0).contains(&depth).then_some((cells, level));
            }
            for next in height_m.neighbours4(cell) {
                let p = height_m.centre_m(next);
                let past = (p[0] - dam[0]) * direction[0] + (p[1] - dam[1]) * direction[1];
                let across = ((p[0] - dam[0]) * direction[1] - (p[1] - dam[1]) * direction[0]).abs();
                if visit[next] == turn {
                    continue;
                }
                if past > 0.0 && across > 170.0 {
                    // The water would leave by another valley.
                    return None;
                }
                if past <= 0.0 {
                    visit[next] = turn;
                    heap.push(std::cmp::Reverse(((f64::from(height_m[next]) * 1_000.0) as u64, next)));
                }
            }
        }
        None
    }

    fn line_reach(&self, classes: &[RoadClass]) -> (Grid<f32>, Grid<u32>) {
        let mut points: Vec<(PointM, f64, u32)> = Vec::new();
        for (number, road) in self.network.roads.iter().enumerate() {
            if classes.contains(&road.class) {
                points.extend(
                    resample(&road.line, 4.0).into_iter().map(|p| (p, road.class.half_width_m(), number as u32)),
                );
            }
        }
        let sites: Vec<PointM> = points.iter().map(|(p, ..)| *p).collect();
        let nearest = nearest_site(CELLS, CELLS, CELL_M, &sites);
        let mut reach = nearest.like(f32::INFINITY);
        let mut owner = nearest.like(NOBODY);
        for cell in 0..nearest.cells.len() {
            if let Some((p, half, number)) = points.get(nearest[cell] as usize) {
                reach[cell] = (distance(nearest.centre_m(cell), *p) / half) as f32;
                owner[cell] = *number;
            }
        }
        (reach, owner)
    }

    fn roads(&mut self) {
        for (code, classes) in [
            ("1001", &[RoadClass::Railway][..]),
            ("1003", &[RoadClass::Expressway, RoadClass::Provincial, RoadClass::County, RoadClass::Township][..]),
            ("1006", &[RoadClass::Lane][..]),
        ] {
            let (reach, owner) = self.line_reach(classes);
            let cells = lowest(self.scored(|cell| reach[cell]), wanted(code));
            self.give(code, &cells, |cell| owner[cell]);
        }
        // Ditches run along the foot of the fields: a level line a little above the brooks.
        let terrain = self.terrain;
        let scored = self.scored(|cell| {
            let p = terrain.height_m.centre_m(cell);
            let line = 70.0 + 26.0 * gradient_noise((p[0] / 400.0) as f32, (p[1] / 400.0) as f32, 91);
            let here = gradient_noise((p[0] / 1_300.0) as f32, (p[1] / 1_300.0) as f32, 92) > 0.02;
            let dry = here
                && distance(p, self.network.seats[0]) > 2_500.0
                && terrain.river_reach[cell] > 2.0
                && self.slope[cell] < 0.09;
            if dry { (terrain.water_distance_m[cell] - line).abs() } else { f32::INFINITY }
        });
        let cells = lowest_compact(&self.out.class, scored, wanted("1107"), 12);
        let frame = self.out.class.clone();
        self.give("1107", &cells, |cell| {
            let p = frame.centre_m(cell);
            (p[0] / 1_500.0) as u32 * 10 + (p[1] / 1_500.0) as u32
        });
    }

    /// The town: a region round the seat, streets through it, blocks between them.
    fn town(&mut self) {
        let seat = self.network.seats[0];
        let frame = self.out.class.clone();
        let town_codes = ["05H1", "0508", "0601", "0701", "08H1", "0810", "0810A", "1004", "1005", "1201"];
        let mut area: usize = town_codes.iter().map(|code| wanted(code)).sum();
        area += cells_of_ha(26.0) + cells_of_ha(8.0) + cells_of_ha(5.0);
        let scored = self.scored(|cell| {
            let p = frame.centre_m(cell);
            let far = ((p[0] - seat[0]) / 1.5).hypot((p[1] - seat[1]) / 1.0);
            let ragged = 170.0 * f64::from(fbm((p[0] / 480.0) as f32, (p[1] / 480.0) as f32, 3, 21));
            let steep = f64::from(self.slope[cell]) * 5_500.0;
            if self.slope[cell] < 0.2 { (far + ragged + steep) as f32 } else { f32::INFINITY }
        });
        let region = lowest_compact(&self.out.class, scored, area, 400);
        for &cell in &region {
            self.out.town[cell] = true;
        }
        let streets = self.streets(&region);
        self.give("1004", &streets, |cell| {
            let p = frame.centre_m(cell);
            (p[0] / 700.0) as u32 * 20 + (p[1] / 700.0) as u32
        });
        let town = &self.out.town;
        let halves = frame.like(0_u32);
        let mut halves_cells = halves;
        for &cell in &region {
            let [u, v] = street_frame(frame.centre_m(cell), seat);
            halves_cells[cell] = (((u + 50_000.0) / 192.0) as u32) * 4_096 + ((v + 50_000.0) / 168.0) as u32;
        }
        let (piece, sizes) = components(&halves_cells, |cell| town[cell] && self.out.class[cell] == NO_CLASS);
        let mut blocks: Vec<Vec<usize>> = vec![Vec::new(); sizes.len()];
        for &cell in &region {
            if piece[cell] != NOBODY {
                blocks[piece[cell] as usize].push(cell);
            }
        }
        self.deal_blocks(blocks, seat);
    }

    fn streets(&self, region: &[usize]) -> Vec<usize> {
        let seat = self.network.seats[0];
        let spaced = |value: f64, spacing: f64, seed: u32| {
            let line = (value / spacing).round();
            let jitter = (f64::from(hash01(line as i32, 7, seed)) - 0.5) * 30.0;
            let main = (line as i32).rem_euclid(3) == 0;
            (value - line * spacing - jitter).abs() / if main { 10.5 } else { 5.2 }
        };
        let scored = region
            .iter()
            .filter(|&&cell| self.free(cell))
            .map(|&cell| {
                let [u, v] = street_frame(self.out.class.centre_m(cell), seat);
                (spaced(u, 128.0, 3).min(spaced(v, 112.0, 4)) as f32, cell as u32)
            })
            .collect();
        lowest(scored, wanted("1004"))
    }

    fn deal_blocks(&mut self, blocks: Vec<Vec<usize>>, seat: PointM) {
        let frame = self.out.class.clone();
        let centre = |block: &[usize]| {
            let sum = block.iter().fold([0.0, 0.0], |sum, &cell| {
                let p = frame.centre_m(cell);
                [sum[0] + p[0], sum[1] + p[1]]
            });
            [sum[0] / block.len() as f64, sum[1] / block.len() as f64]
        };
        let mut pool: Vec<(Vec<usize>, PointM)> = blocks
            .into_iter()
            .filter(|b| !b.is_empty())
            .map(|b| {
                let c = centre(&b);
                (b, c)
            })
            .collect();
        let terrain = self.terrain;
        let bank = |p: PointM| terrain.river_reach.bilinear(p);
        let wish = |name: &str, p: PointM| -> f64 {
            let far = distance(p, seat);
            let chance = f64::from(hash01(p[0] as i32, p[1] as i32, 17));
            match name {
                "0810A" => far,
                "05H1" => far + 700.0 * chance - if bank(p) < 5.0 { 200.0 } else { 0.0 },
                "08H1" => (far - 420.0).abs() + 500.0 * chance,
                "08H2" => (far - 800.0).abs() * 0.4 + 1_200.0 * chance,
                "0809" => 3_000.0 * chance - far * 0.3,
                "0810" => bank(p) * 300.0 + 900.0 * chance,
                "0601" => -(p[0] - seat[0]) + 250.0 * chance,
                "0508" => -(p[0] - seat[0]) - far + 600.0 * chance,
                "1005" => distance(p, [seat[0] + 900.0, seat[1] - 300.0]) + 200.0 * chance,
                "1201" => 4_000.0 * chance - far,
                "0702" => -far + 700.0 * chance,
                _ => 0.0,
            }
        };
        for (code, hectares) in [
            ("0810A", 2.0),
            ("08H1", 14.0),
            ("05H1", 18.0),
            ("0601", 95.0),
            ("0508", 6.0),
            ("1005", 8.0),
            ("08H2", 26.0),
            ("0810", 22.0),
            ("0809", 8.0),
            ("1201", 5.0),
            ("0701", 165.0),
            ("0702", 5.0),
        ] {
            let mut order: Vec<(f64, usize)> = pool.iter().enumerate().map(|(i, (_, c))| (wish(code, *c), i)).collect();
            order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            self.fill_from(code, 0, cells_of_ha(hectares), &order, &mut pool);
            pool.retain(|(cells, _)| !cells.is_empty());
        }
    }

    /// Gives whole pieces in the given order to a class until `target` cells are given; the last piece is cut straight.
    fn fill_from(
        &mut self,
        code: &str,
        grade: u8,
        target: usize,
        order: &[(f64, usize)],
        pool: &mut [(Vec<usize>, PointM)],
    ) {
        let class = class_of(code);
        let mut left = target;
        for &(_, piece) in order {
            if left == 0 {
                return;
            }
            let cells = &mut pool[piece].0;
            let mut taken = std::mem::take(cells);
            if taken.len() > left {
                let columns = self.out.class.columns;
                let across = taken.iter().map(|c| c % columns).max().unwrap_or(0)
                    - taken.iter().map(|c| c % columns).min().unwrap_or(0);
                let down = (taken[taken.len() - 1] / columns).saturating_sub(taken[0] / columns);
                if across > down {
                    taken.sort_by_key(|c| (c % columns, c / columns));
                } else {
                    taken.sort_unstable();
                }
                *cells = taken.split_off(left);
                cells.sort_unstable();
            }
            left -= taken.len();
            let parcel = self.new_parcel(class, grade);
            for cell in taken {
                self.out.class[cell] = class;
                self.out.parcel[cell] = parcel;
            }
        }
    }

    /// Homesteads cluster round hamlets and along lanes.
    fn hamlets(&mut self) {
        let terrain = self.terrain;
        let sites: Vec<PointM> = self.network.seats[1..].iter().chain(&self.network.hamlets).copied().collect();
        let seats = self.network.seats.len() - 1;
        let nearest = nearest_site(CELLS, CELLS, CELL_M, &sites);
        let (lane, _) = self.line_reach(&[RoadClass::Lane, RoadClass::Township, RoadClass::County]);
        let frame = self.out.class.clone();
        let scored = self.scored(|cell| {
            let p = frame.centre_m(cell);
            let site = nearest[cell] as usize;
            let size = if site < seats { 170.0 } else { 60.0 + 50.0 * f64::from(hash01(site as i32, 3, 29)) };
            let far = distance(p, sites[site]) / size;
            let road = f64::from(lane[cell]) / 30.0;
            let clumps = 0.75 * f64::from(fbm((p[0] / 70.0) as f32, (p[1] / 70.0) as f32, 2, 51));
            let steep = f64::from(self.slope[cell]) * 3.2;
            let wet = if terrain.river_reach[cell] < 1.35 { f64::INFINITY } else { 0.0 };
            (far + road + clumps + steep + wet + 4.0).max(0.0) as f32
        });
        let cells = lowest_compact(&self.out.class, scored, wanted("0702") - cells_of_ha(5.0), 16);
        self.give("0702", &cells, |cell| {
            let p = frame.centre_m(cell);
            crate::noise::cellular((p[0] / 140.0) as f32, (p[1] / 140.0) as f32, 52).1 >> 1
        });
    }

    /// Small things in the country: village schools and offices, farm sheds, quarries, a cemetery, ponds.
    fn works(&mut self) {
        let terrain = self.terrain;
        let mut dice = Dice::named("works");
        let seats = self.network.seats.clone();
        let places = |dice: &mut Dice, count: usize, reach: f64| -> Vec<PointM> {
            (0..count)
                .map(|i| {
                    let seat = seats[1 + i % (seats.len() - 1)];
                    [seat[0] + dice.between(-reach, reach), seat[1] + dice.between(-reach, reach)]
                })
                .collect()
        };
        let quarries: Vec<PointM> = self.quarry_places();
        let jobs: [(&str, f64, Vec<PointM>, f64); 6] = [
            ("08H2", 12.0, places(&mut dice, 12, 130.0), 0.25),
            ("0809", 4.0, places(&mut dice, 8, 500.0), 0.25),
            ("09", 25.0, places(&mut dice, 5, 900.0), 0.6),
            ("0602", 20.0, quarries, 9.0),
            ("1202", 15.0, places(&mut dice, 30, 800.0), 0.15),
            ("1104", 45.0, self.pond_places(&mut dice), 0.12),
        ];
        let frame = self.out.class.clone();
        for (code, hectares, sites, steepest) in jobs {
            let nearest = nearest_site(CELLS, CELLS, CELL_M, &sites);
            let scored = self.scored(|cell| {
                let p = frame.centre_m(cell);
                let site = nearest[cell] as usize;
                let size = 0.6 + 0.8 * f64::from(hash01(site as i32, 5, 31));
                let ragged = 1.0 + 0.3 * f64::from(gradient_noise((p[0] / 45.0) as f32, (p[1] / 45.0) as f32, 32));
                if f64::from(self.slope[cell]) < steepest && terrain.river_reach[cell] > 1.4 {
                    (distance(p, sites[site]) / size * ragged) as f32
                } else {
                    f32::INFINITY
                }
            });
            let cells = lowest_compact(&self.out.class, scored, cells_of_ha(hectares), 12);
            self.give(code, &cells, |cell| nearest[cell]);
        }
    }

    fn quarry_places(&self) -> Vec<PointM> {
        let mut dice = Dice::named("quarries");
        let mut found = Vec::new();
        for _ in 0..4_000 {
            let p = [dice.between(800.0, 11_200.0), dice.between(800.0, 11_200.0)];
            let cell = self.out.class.cell_of(p);
            let hill = self.slope[cell] > 0.35
                && self.terrain.above_water_m[cell] > 40.0
                && self.terrain.water_distance_m[cell] > 250.0;
            let apart = found.iter().all(|q| distance(*q, p) > 2_500.0) && distance(p, self.network.seats[0]) > 2_400.0;
            if hill && apart && self.free(cell) {
                found.push(p);
            }
            if found.len() == 3 {
                break;
            }
        }
        found
    }

    fn pond_places(&self, dice: &mut Dice) -> Vec<PointM> {
        let mut found: Vec<PointM> = Vec::new();
        for _ in 0..40_000 {
            let p = [dice.between(40.0, 11_960.0), dice.between(40.0, 11_960.0)];
            let cell = self.out.class.cell_of(p);
            let low = smoothstep(45.0, 4.0, f64::from(self.terrain.above_water_m[cell]));
            let apart = found.iter().all(|q| distance(*q, p) > 150.0);
            if self.free(cell) && self.slope[cell] < 0.09 && apart && dice.chance(low) {
                found.push(p);
            }
            if found.len() == 190 {
                break;
            }
        }
        found
    }

    fn fields(&mut self) {
        let terrain = self.terrain;
        let frame = self.out.class.clone();
        let sites: Vec<PointM> = self.network.seats[1..].iter().chain(&self.network.hamlets).copied().collect();
        let nearest = nearest_site(CELLS, CELLS, CELL_M, &sites);
        let total: usize = ["0101", "0103", "0201", "0201K", "0202"].iter().map(|code| wanted(code)).sum();
        let scored = self.scored(|cell| {
            let p = frame.centre_m(cell);
            let ragged = 0.3 * fbm((p[0] / 260.0) as f32, (p[1] / 260.0) as f32, 4, 71);
            let home = (distance(p, sites[nearest[cell] as usize]) / 420.0) as f32;
            let climb = (terrain.above_water_m[cell] / 60.0).max(0.0);
            self.slope[cell] * 2.6 + home * 0.33 + climb * 0.35 + ragged + 1.0
        });
        let zone = lowest_compact(&self.out.class, scored, total, 160);
        let mut in_zone = frame.like(false);
        for &cell in &zone {
            in_zone[cell] = true;
        }
        let pool = self.cut(&zone, &in_zone, 118.0, "fields", |from, to| {
            // Long strips: along the contour on a slope, along the ditch on the flat.
            let climb = (terrain.height_m[to] - terrain.height_m[from]).abs();
            let p = frame.centre_m(from);
            let turn = f64::from(gradient_noise((p[0] / 900.0) as f32, (p[1] / 900.0) as f32, 73)) * 2.4;
            let direction = if from.abs_diff(to) == 1 { [1.0, 0.0] } else { [0.0, 1.0] };
            let across = (direction[0] * turn.sin() - direction[1] * turn.cos()).abs();
            (1.0 + 1.1 * across) as f32 + 2.6 * climb
        });
        self.deal_fields(pool);
    }

    /// Cuts ground into pieces grown from seeds about `spacing_m` apart.
    fn cut(
        &self,
        cells: &[usize],
        member: &Grid<bool>,
        spacing_m: f64,
        step: &str,
        cost: impl Fn(usize, usize) -> f32,
    ) -> Vec<(Vec<usize>, PointM)> {
        let mut dice = Dice::named(step);
        let frame = &self.out.class;
        let lattice = (12_000.0 / spacing_m) as usize + 1;
        let mut seeds = Vec::new();
        for row in 0..lattice {
            for column in 0..lattice {
                let p = [
                    (column as f64 + dice.between(0.08, 0.92)) * spacing_m,
                    (row as f64 + dice.between(0.08, 0.92)) * spacing_m,
                ];
                if frame.holds(p) && member[frame.cell_of(p)] {
                    seeds.push(frame.cell_of(p));
                }
            }
        }
        let mut owner = grow(frame, &seeds, |cell| member[cell], &cost);
        // Pockets without a seed get one of their own.
        let (pockets, sizes) = components(&owner, |cell| member[cell] && owner[cell] == NOBODY);
        let base = seeds.len() as u32;
        for &cell in cells {
            if owner[cell] == NOBODY {
                owner[cell] = base + pockets[cell];
            }
        }
        let mut pool = vec![(Vec::new(), [0.0, 0.0]); seeds.len() + sizes.len()];
        for &cell in cells {
            let (list, sum) = &mut pool[owner[cell] as usize];
            let p = frame.centre_m(cell);
            list.push(cell);
            sum[0] += p[0];
            sum[1] += p[1];
        }
        pool.retain(|(list, _): &(Vec<usize>, PointM)| !list.is_empty());
        for (list, sum) in &mut pool {
            *sum = [sum[0] / list.len() as f64, sum[1] / list.len() as f64];
        }
        pool
    }

    fn deal_fields(&mut self, mut pool: Vec<(Vec<usize>, PointM)>) {
        let terrain = self.terrain;
        let patchy =
            |p: PointM, scale: f64, seed: u32| f64::from(fbm((p[0] / scale) as f32, (p[1] / scale) as f32, 3, seed));
        let seat = self.network.seats[0];
        let order_by = |pool: &[(Vec<usize>, PointM)], score: &dyn Fn(&[usize], PointM) -> f64| {
            let mut order: Vec<(f64, usize)> =
                pool.iter().enumerate().map(|(i, (cells, p))| (score(cells, *p), i)).collect();
            order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            order
        };
        // Tea on the high slopes, orchards in belts on the foot of the hills; paddy takes the low flat, dry fields the rest.
        let order =
            order_by(&pool, &|cells, p| -mean(cells, &terrain.above_water_m) / 60.0 - 2.6 * patchy(p, 1_700.0, 81));
        self.fill_from("0202", 0, wanted("0202"), &order, &mut pool);
        pool.retain(|(cells, _)| !cells.is_empty());
        for (code, seed) in [("0201", 83), ("0201K", 85)] {
            let order = order_by(&pool, &|cells, p| {
                (mean(cells, &self.slope) - 0.14).abs() * 6.0 - 2.4 * patchy(p, 1_300.0, seed)
                    + distance(p, seat) / 9_000.0
            });
            self.fill_from(code, 0, wanted(code), &order, &mut pool);
            pool.retain(|(cells, _)| !cells.is_empty());
        }
        let order = order_by(&pool, &|cells, p| {
            mean(cells, &self.slope) * 5.0 + mean(cells, &terrain.above_water_m) / 40.0 + 0.5 * patchy(p, 420.0, 87)
        });
        let paddy_cells = wanted("0101");
        let mut left = paddy_cells;
        let mut paddy = Vec::new();
        for (_, piece) in order {
            if left == 0 {
                break;
            }
            let mut cells = std::mem::take(&mut pool[piece].0);
            if cells.len() > left {
                pool[piece].0 = cells.split_off(left);
            }
            left -= cells.len();
            paddy.push((cells, pool[piece].1));
        }
        pool.retain(|(cells, _)| !cells.is_empty());
        for (code, mut ground) in [("0101", paddy), ("0103", pool)] {
            let order = order_by(&ground, &|cells, _| mean(cells, &self.slope));
            for grade in grades_of(class_of(code)) {
                self.fill_from(code, grade.grade, cells_of_ha(grade.drawn_ha), &order, &mut ground);
            }
        }
    }

    fn forest(&mut self) {
        let terrain = self.terrain;
        let frame = self.out.class.clone();
        let zone: Vec<usize> = (0..frame.cells.len()).filter(|&cell| self.free(cell)).collect();
        let mut in_zone = frame.like(false);
        for &cell in &zone {
            in_zone[cell] = true;
        }
        let mut pool = self.cut(&zone, &in_zone, 285.0, "forest", |from, to| {
            let climb = (terrain.height_m[to] - terrain.height_m[from]).abs();
            let p = frame.centre_m(to);
            1.0 + 0.35 * climb + 0.5 * gradient_noise((p[0] / 60.0) as f32, (p[1] / 60.0) as f32, 93).abs()
        });
        let patchy =
            |p: PointM, scale: f64, seed: u32| f64::from(fbm((p[0] / scale) as f32, (p[1] / scale) as f32, 3, seed));
        let wishes: [(&str, Wish<'_>); 6] = [
            ("1207", &|cells, p| -mean(cells, &self.slope) * 4.0 - 0.8 * patchy(p, 500.0, 101)),
            ("0404", &|cells, p| mean(cells, &terrain.water_distance_m) / 900.0 - 2.0 * patchy(p, 800.0, 103)),
            ("0302", &|cells, p| mean(cells, &terrain.above_water_m) / 70.0 - 2.0 * patchy(p, 1_100.0, 105)),
            ("0307", &|_, p| -patchy(p, 900.0, 107)),
            ("0305", &|cells, p| -mean(cells, &terrain.above_water_m) / 160.0 - 2.2 * patchy(p, 1_000.0, 109)),
            ("0301", &|_, _| 0.0),
        ];
        let orders: Vec<Vec<f64>> =
            wishes.iter().map(|(_, wish)| pool.iter().map(|(cells, p)| wish(cells, *p)).collect()).collect();
        let codes = wishes.map(|(code, _)| code);
        for (code, scores) in codes.into_iter().zip(&orders) {
            let mut order_index: Vec<usize> = (0..pool.len()).filter(|&i| !pool[i].0.is_empty()).collect();
            order_index.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(a.cmp(&b)));
            let order: Vec<(f64, usize)> = order_index.iter().map(|&i| (scores[i], i)).collect();
            self.fill_from(code, 0, wanted(code), &order, &mut pool);
        }
    }
}

fn mean(cells: &[usize], of: &Grid<f32>) -> f64 {
    cells.iter().map(|&cell| f64::from(of[cell])).sum::<f64>() / cells.len() as f64
}

/// Street coordinates: turned to follow the river and gently bent, so that the town is not a chessboard.
fn street_frame(p: PointM, seat: PointM) -> PointM {
    let (sin, cos) = 0.31_f64.sin_cos();
    let (x, y) = (p[0] - seat[0], p[1] - seat[1]);
    let bend_x = 26.0 * f64::from(gradient_noise((p[0] / 620.0) as f32, (p[1] / 620.0) as f32, 13));
    let bend_y = 26.0 * f64::from(gradient_noise((p[0] / 620.0) as f32, (p[1] / 620.0) as f32, 14));
    [x * cos + y * sin + bend_x, y * cos - x * sin + bend_y]
}
