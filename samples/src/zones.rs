//! What the plans say of every cell: farmland protection, red lines, town boundary, the old and the new plan's building land,
//! mining right, hazard, river. Conflicts are planted here, each as an exact number of cells.

use crate::classes::{CLASSES, class_of};
use crate::dice::Dice;
use crate::grid::{Grid, nearest_site};
use crate::landuse::cells_of_ha;
use crate::network::Network;
use crate::noise::fbm;
use crate::parcels::{NOBODY, components, grow, lowest, lowest_compact};
use crate::path::{PointM, distance};
use crate::place::{CELL_M, CELLS};
use crate::survey::Survey;
use crate::terrain::Terrain;

/// What the plans say of a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::struct_excessive_bools, reason = "one bit for every plan that may cover a cell")]
pub struct Zone {
    /// Permanent basic farmland (永久基本农田).
    pub farmland: bool,
    /// Ecological red line of 2018.
    pub red_2018: bool,
    /// Ecological red line of 2022.
    pub red_2022: bool,
    /// Urban development boundary: 0 outside, 1 集中建设, 2 弹性发展, 3 特别用途, 4 outside but in the town's plan.
    pub urban: u8,
    /// City plan of 2012: 0 outside its planning area, 1 not for building, else building land of some kind.
    pub city: u8,
    /// Land plan's control zone: 1 允许, 2 有条件, 3 限制, 4 禁止.
    pub control: u8,
    /// Parcel of the detailed plan plus one; 0 none.
    pub detail: u8,
    /// Forest survey covers it.
    pub forest: bool,
    /// Mining right.
    pub mining: bool,
    /// High hazard.
    pub hazard: bool,
    /// River management range.
    pub river: bool,
}

/// What the urban boundary's slivers take of protected farmland.
pub const SLIVERS_HA: f64 = 0.83;
/// Codes of the city plan (GB 50137) by [`Zone::city`].
pub const CITY_CODES: [&str; 8] = ["", "E2", "R2", "M2", "B1", "A3", "G1", "H14"];

/// The plans on the raster.
#[derive(Debug)]
pub struct Zones {
    /// Zone of every cell, a position in `kinds`.
    pub zone: Grid<u16>,
    /// The combinations that occur.
    pub kinds: Vec<Zone>,
    /// How many separate patches each planted difference has: city building and land plan not, and the reverse.
    pub difference_patches: [usize; 2],
}

struct Draft<'a> {
    terrain: &'a Terrain,
    network: &'a Network,
    survey: &'a Survey,
    zone: Vec<Zone>,
    patch_cells: Vec<Vec<u32>>,
    frame: Grid<u8>,
}

/// Draws up the plans.
pub fn build(terrain: &Terrain, network: &Network, survey: &Survey) -> Zones {
    let mut patch_cells = vec![Vec::new(); survey.patches.len()];
    for cell in 0..survey.patch.cells.len() {
        patch_cells[survey.patch[cell] as usize].push(cell as u32);
    }
    let zone = vec![Zone { control: 3, ..Zone::default() }; survey.patch.cells.len()];
    let mut draft = Draft { terrain, network, survey, zone, patch_cells, frame: survey.patch.like(0_u8) };
    draft.urban();
    draft.detail();
    draft.farmland();
    draft.red_lines();
    let difference_patches = draft.city_and_land_plan();
    draft.forest();
    draft.mining();
    draft.river();
    draft.hazard();
    let mut kinds = draft.zone.clone();
    kinds.sort_unstable();
    kinds.dedup();
    let mut zone = draft.frame.like(0_u16);
    for cell in 0..zone.cells.len() {
        zone[cell] = kinds.binary_search(&draft.zone[cell]).unwrap_or(0) as u16;
    }
    Zones { zone, kinds, difference_patches }
}

impl Draft<'_> {
    fn code(&self, patch: usize) -> &'static str {
        CLASSES[self.survey.patches[patch].class as usize].code
    }

    fn code_of(&self, cell: usize) -> &'static str {
        self.code(self.survey.patch[cell] as usize)
    }

    fn cells(&self, keep: impl Fn(usize) -> bool, score: impl Fn(usize) -> f32) -> Vec<(f32, u32)> {
        (0..self.zone.len()).filter(|&cell| keep(cell)).map(|cell| (score(cell), cell as u32)).collect()
    }

    /// Whole patches in order of score until `wanted` cells are reached; the last one is cut.
    fn take_patches(&self, wanted: usize, mut scored: Vec<(f64, usize)>) -> Vec<usize> {
        scored.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut taken = Vec::with_capacity(wanted);
        for (_, patch) in scored {
            let left = wanted - taken.len();
            taken.extend(self.patch_cells[patch].iter().take(left).map(|&cell| cell as usize));
            if taken.len() == wanted {
                break;
            }
        }
        taken
    }

    fn mean(&self, patch: usize, of: &Grid<f32>) -> f64 {
        let cells = &self.patch_cells[patch];
        cells.iter().step_by(7).map(|&cell| f64::from(of[cell as usize])).sum::<f64>() / cells.len().div_ceil(7) as f64
    }

    fn patches(&self, keep: impl Fn(&str) -> bool, score: impl Fn(usize) -> f64) -> Vec<(f64, usize)> {
        (0..self.patch_cells.len()).filter(|&patch| keep(self.code(patch))).map(|patch| (score(patch), patch)).collect()
    }

    fn distance_to_seat(&self, cell: usize, stretch: f64) -> f64 {
        let (p, seat) = (self.frame.centre_m(cell), self.network.seats[0]);
        let ragged = 190.0 * f64::from(fbm((p[0] / 520.0) as f32, (p[1] / 520.0) as f32, 3, 501));
        ((p[0] - seat[0]) / stretch).hypot(p[1] - seat[1]) + ragged + self.terrain.height_m.slope(cell) * 900.0
    }

    fn urban(&mut self) {
        let dry = |code: &str| !matches!(code, "1101" | "1103");
        let scored = self.cells(|cell| dry(self.code_of(cell)), |cell| self.distance_to_seat(cell, 1.5) as f32 + 400.0);
        let core = lowest_compact(&self.frame, scored, cells_of_ha(540.0), 2_000);
        // The boundary gives up at one end of the town what its slivers take of the fields.
        let seat = self.network.seats[0];
        let place = |cell: u32| self.frame.centre_m(cell as usize);
        let end = core
            .iter()
            .map(|&cell| cell as u32)
            .max_by(|&a, &b| distance(place(a), seat).total_cmp(&distance(place(b), seat)));
        let from_end = |cell: usize| end.map_or(0.0, |end| distance(place(end), self.frame.centre_m(cell)) as f32);
        let given_up =
            lowest(core.iter().map(|&cell| (from_end(cell), cell as u32)).collect(), cells_of_ha(SLIVERS_HA));
        for cell in core {
            self.zone[cell].urban = 1;
        }
        for cell in given_up {
            self.zone[cell].urban = 4;
        }
        for (kind, hectares) in [(2, 45.0), (3, 35.0)] {
            let seat_y = self.network.seats[0][1];
            let scored = self.cells(
                |cell| {
                    self.zone[cell].urban == 0
                        && dry(self.code_of(cell))
                        && (kind == 2) == (self.frame.centre_m(cell)[1] < seat_y)
                },
                |cell| self.distance_to_seat(cell, 1.5) as f32 + 400.0,
            );
            for cell in lowest_compact(&self.frame, scored, cells_of_ha(hectares), 400) {
                self.zone[cell].urban = kind;
            }
        }
    }

    /// Ninety parcels of the detailed plan: town blocks nearest to the seat.
    fn detail(&mut self) {
        let town = |code: &str| {
            matches!(code, "0701" | "05H1" | "0601" | "08H1" | "08H2" | "0809" | "0810" | "0810A" | "0508")
        };
        let mut scored = self.patches(town, |patch| {
            let cells = &self.patch_cells[patch];
            let inside = cells.iter().all(|&cell| self.zone[cell as usize].urban == 1);
            if inside && cells.len() > 280 {
                self.distance_to_seat(cells[cells.len() / 2] as usize, 1.8)
            } else {
                f64::INFINITY
            }
        });
        scored.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (number, (_, patch)) in scored.into_iter().take(90).enumerate() {
            for &cell in &self.patch_cells[patch] {
                self.zone[cell as usize].detail = number as u8 + 1;
            }
        }
    }

    fn farmland(&mut self) {
        let outside = |patch: usize| self.patch_cells[patch].iter().all(|&cell| self.zone[cell as usize].urban == 0);
        let slope = &self.terrain.height_m;
        let steep = |patch: usize| {
            let cells = &self.patch_cells[patch];
            cells.iter().step_by(9).map(|&cell| slope.slope(cell as usize)).sum::<f64>()
                / cells.len().div_ceil(9) as f64
        };
        let fields = self.patches(
            |code| matches!(code, "0101" | "0103"),
            |patch| {
                if outside(patch) {
                    steep(patch) + if self.code(patch) == "0103" { 0.08 } else { 0.0 }
                } else {
                    f64::INFINITY
                }
            },
        );
        let fields: Vec<(f64, usize)> = fields.into_iter().filter(|(score, _)| score.is_finite()).collect();
        let mut taken = self.take_patches(cells_of_ha(1_427.4), fields);
        let mut orchards = self.patches(|code| code == "0201K", |patch| patch as f64);
        orchards.retain(|(_, patch)| outside(*patch));
        taken.extend(self.take_patches(cells_of_ha(22.0), orchards));
        for cell in taken {
            self.zone[cell].farmland = true;
        }
        // Six slips onto homesteads and lanes: 40 cells of each, where they meet the fields.
        let mut slipped = 0;
        for patch in 0..self.patch_cells.len() {
            let wanted = if slipped < 3 { "0702" } else { "1006" };
            if slipped == 6 || self.code(patch) != wanted || self.patch_cells[patch].len() < 120 {
                continue;
            }
            let touching: Vec<usize> = self.patch_cells[patch]
                .iter()
                .map(|&cell| cell as usize)
                .filter(|&cell| self.frame.neighbours4(cell).any(|next| self.zone[next].farmland))
                .collect();
            if touching.len() < 30 || touching.iter().any(|&cell| self.zone[cell].urban > 0) {
                continue;
            }
            let from = self.frame.centre_m(touching[touching.len() / 2]);
            let scored = self.patch_cells[patch]
                .iter()
                .map(|&cell| (distance(self.frame.centre_m(cell as usize), from) as f32, cell))
                .collect();
            for cell in lowest(scored, 40) {
                self.zone[cell].farmland = true;
            }
            slipped += 1;
        }
    }

    fn red_lines(&mut self) {
        let terrain = self.terrain;
        let wood = |code: &str| matches!(code, "0301" | "0302" | "0305" | "0307");
        let wild = |patch: usize, seed: u32| {
            let p = self.frame.centre_m(self.patch_cells[patch][0] as usize);
            -self.mean(patch, &terrain.above_water_m) / 140.0
                - 2.6 * f64::from(fbm((p[0] / 2_600.0) as f32, (p[1] / 2_600.0) as f32, 2, seed))
                - distance(p, self.network.seats[0]) / 9_000.0
        };
        let mut scores = self.patches(wood, |patch| wild(patch, 511));
        // No line may cut another one of the three.
        scores.retain(|(_, patch)| self.patch_cells[*patch].iter().all(|&cell| self.zone[cell as usize].urban == 0));
        let whole = cells_of_ha(3_900.0);
        let homes = cells_of_ha(4.1);
        let new = self.take_patches(whole - homes, scores.clone());
        for &cell in &new {
            self.zone[cell].red_2022 = true;
        }
        // Farmsteads high up that the line did not cut out.
        let mut lonely = self.patches(|code| code == "0702", |patch| -self.mean(patch, &terrain.above_water_m));
        lonely.retain(|(_, patch)| {
            self.patch_cells[*patch]
                .iter()
                .all(|&cell| !self.zone[cell as usize].farmland && self.zone[cell as usize].urban == 0)
        });
        for cell in self.take_patches(homes, lonely) {
            self.zone[cell].red_2022 = true;
        }
        // The line of 2018: less of the last woods, but 17.2 ha of good fields.
        let fields = cells_of_ha(17.2);
        let old = self.take_patches(whole - fields - cells_of_ha(60.0), scores.clone());
        for cell in old {
            self.zone[cell].red_2018 = true;
        }
        let mut upland =
            self.patches(|code| matches!(code, "0101" | "0103"), |patch| -self.mean(patch, &terrain.above_water_m));
        upland.retain(|(_, patch)| self.patch_cells[*patch].iter().all(|&cell| self.zone[cell as usize].farmland));
        for cell in self.take_patches(fields, upland) {
            self.zone[cell].red_2018 = true;
        }
        let rest: Vec<(f64, usize)> = scores
            .iter()
            .filter(|(_, patch)| {
                self.patch_cells[*patch]
                    .iter()
                    .all(|&cell| !self.zone[cell as usize].red_2022 && !self.zone[cell as usize].red_2018)
            })
            .copied()
            .collect();
        for cell in self.take_patches(cells_of_ha(60.0), rest) {
            self.zone[cell].red_2018 = true;
        }
    }

    /// The city plan of 2012 and the land plan: 140 patches where only the first builds, 420 where only the second does.
    fn city_and_land_plan(&mut self) -> [usize; 2] {
        let seat = self.network.seats[0];
        let scored = self.cells(
            |_| true,
            |cell| {
                let p = self.frame.centre_m(cell);
                let ragged = 260.0 * f64::from(fbm((p[0] / 1_400.0) as f32, (p[1] / 1_400.0) as f32, 2, 503));
                (((p[0] - seat[0]) / 1.7).hypot(p[1] - seat[1]) + ragged + 400.0) as f32
            },
        );
        let area = lowest_compact(&self.frame, scored, cells_of_ha(1_600.0), 20_000);
        for &cell in &area {
            self.zone[cell].city = 1;
        }
        let built = |code: &str| {
            code.starts_with("05")
                || code.starts_with("06")
                || code.starts_with("07")
                || code.starts_with("08")
                || code == "1004"
        };
        for cell in 0..self.zone.len() {
            let code = self.code_of(cell);
            if built(code) {
                self.zone[cell].control = 1;
                if self.zone[cell].city == 1 {
                    self.zone[cell].city = match code {
                        "0601" | "0508" | "0602" => 3,
                        "05H1" => 4,
                        "08H1" | "08H2" | "0809" => 5,
                        "0810" | "0810A" => 6,
                        "0702" => 7,
                        _ => 2,
                    };
                }
            } else if self.zone[cell].red_2018 {
                self.zone[cell].control = 4;
            }
        }
        let open: Vec<usize> = area
            .iter()
            .copied()
            .filter(|&cell| {
                self.zone[cell].city == 1
                    && self.zone[cell].control == 3
                    && !matches!(self.code_of(cell), "1101" | "1103")
            })
            .collect();
        // The western part for the first kind, the rest for the second.
        let west = lowest(
            open.iter().map(|&cell| (self.frame.centre_m(cell)[0] as f32, cell as u32)).collect(),
            open.len() * 58 / 100,
        );
        let mut in_west = self.frame.like(false);
        for &cell in &west {
            in_west[cell] = true;
        }
        let east: Vec<usize> = open.iter().copied().filter(|&cell| !in_west[cell]).collect();
        let only_city = self.patches_of(&west, 140, cells_of_ha(312.46), "only city");
        for (number, cells) in only_city.iter().enumerate() {
            for &cell in cells {
                self.zone[cell].city = [2, 3, 2, 4, 2, 5][number % 6];
            }
        }
        let only_land = self.patches_of(&east, 420, cells_of_ha(188.30), "only land");
        for cell in only_land.iter().flatten() {
            self.zone[*cell].control = 1;
        }
        for zone in &mut self.zone {
            // Where the town may grow one day.
            if zone.urban == 2 && zone.control == 3 {
                zone.control = 2;
            }
        }
        [only_city.len(), only_land.len()]
    }

    /// Cuts exactly `count` patches of together exactly `wanted` cells out of some ground, none touching another.
    fn patches_of(&self, ground: &[usize], count: usize, wanted: usize, step: &str) -> Vec<Vec<usize>> {
        let mut member = self.frame.like(false);
        for &cell in ground {
            member[cell] = true;
        }
        let mut dice = Dice::named(step);
        let spacing = (ground.len() as f64 / count as f64).sqrt() * 0.86;
        let lattice = (CELLS as f64 / spacing) as usize + 1;
        let mut seeds = Vec::new();
        for index in 0..lattice * lattice {
            let at = |v: usize, dice: &mut Dice| ((v as f64 + dice.between(0.25, 0.75)) * spacing) as usize;
            let (column, row) =
                (at(index % lattice, &mut dice).min(CELLS - 1), at(index / lattice, &mut dice).min(CELLS - 1));
            if member[(column, row)] {
                seeds.push(row * CELLS + column);
            }
        }
        let owner = grow(&self.frame, &seeds, |cell| member[cell], |_, _| 1.0);
        // Inner cells only, so that neighbours stay apart; of each seed's ground its largest connected piece.
        let inner = |cell: usize| {
            owner[cell] != NOBODY && self.frame.neighbours8(cell).all(|(next, _)| owner[next] == owner[cell])
        };
        let (piece, sizes) = components(&owner, inner);
        let mut largest: Vec<(usize, u32)> = vec![(0, NOBODY); seeds.len()];
        for &cell in ground {
            if piece[cell] != NOBODY {
                let entry = &mut largest[owner[cell] as usize];
                *entry = (*entry).max((sizes[piece[cell] as usize], piece[cell]));
            }
        }
        largest.sort_unstable_by(|a, b| b.cmp(a));
        largest.truncate(count);
        let room: usize = largest.iter().map(|(size, _)| size).sum();
        let mut quota: Vec<usize> =
            largest.iter().map(|(size, _)| (size * wanted / room.max(1)).max(8).min(*size)).collect();
        let mut turn = 0;
        while quota.iter().sum::<usize>() != wanted && turn < 4_000_000 {
            let i = turn % quota.len();
            if quota.iter().sum::<usize>() < wanted {
                quota[i] += usize::from(quota[i] < largest[i].0);
            } else {
                quota[i] -= usize::from(quota[i] > 8);
            }
            turn += 1;
        }
        let mut cells_of = std::collections::BTreeMap::new();
        for (number, (_, name)) in largest.iter().enumerate() {
            cells_of.insert(*name, (number, Vec::new()));
        }
        for &cell in ground {
            if let Some((_, cells)) = cells_of.get_mut(&piece[cell]) {
                cells.push(cell);
            }
        }
        let mut patches = vec![Vec::new(); largest.len()];
        for (number, cells) in cells_of.into_values() {
            patches[number] = self.compact_part(&cells, quota[number]);
        }
        patches
    }

    /// A connected part of a connected piece: breadth first from its middle.
    fn compact_part(&self, cells: &[usize], wanted: usize) -> Vec<usize> {
        let mid = cells.iter().fold([0.0, 0.0], |sum, &cell| {
            let p = self.frame.centre_m(cell);
            [sum[0] + p[0] / cells.len() as f64, sum[1] + p[1] / cells.len() as f64]
        });
        let near = |cell: usize| (distance(self.frame.centre_m(cell), mid) * 100.0) as u64;
        let Some(&start) = cells.iter().min_by_key(|&&cell| (near(cell), cell)) else { return Vec::new() };
        let members: std::collections::BTreeSet<usize> = cells.iter().copied().collect();
        let mut seen = std::collections::BTreeSet::from([start]);
        let mut heap = std::collections::BinaryHeap::from([std::cmp::Reverse((near(start), start))]);
        let mut part = Vec::with_capacity(wanted);
        while part.len() < wanted
            && let Some(std::cmp::Reverse((_, cell))) = heap.pop()
        {
            part.push(cell);
            for next in self.frame.neighbours4(cell) {
                if members.contains(&next) && seen.insert(next) {
                    heap.push(std::cmp::Reverse((near(next), next)));
                }
            }
        }
        part
    }

    /// The forest survey: all woods, some grass, and 96 ha in 60 patches that the land survey calls dry fields.
    fn forest(&mut self) {
        for cell in 0..self.zone.len() {
            self.zone[cell].forest = self.code_of(cell).starts_with("03") || self.code_of(cell) == "0404";
        }
        let dry = class_of("0103");
        let mut left = cells_of_ha(96.0);
        let mut count = 0;
        for patch in 0..self.patch_cells.len() {
            let size = self.patch_cells[patch].len();
            let fits = if count < 59 { (560..=700).contains(&size) } else { size >= left };
            if self.survey.patches[patch].class != dry || !fits || count == 60 {
                continue;
            }
            let take = if count == 59 { left } else { size.min(left) };
            if count < 59 && left - take < 100 * (59 - count) {
                continue;
            }
            let alone = self.patch_cells[patch].iter().all(|&cell| {
                self.frame.neighbours8(cell as usize).all(|(next, _)| {
                    !self.zone[next].forest || self.survey.patches[self.survey.patch[next] as usize].class != dry
                })
            });
            if !alone {
                continue;
            }
            for &cell in &self.patch_cells[patch][..take] {
                self.zone[cell as usize].forest = true;
            }
            left -= take;
            count += 1;
        }
    }

    fn mining(&mut self) {
        let quarry = class_of("0602");
        let Some(patch) = (0..self.patch_cells.len()).find(|&patch| self.survey.patches[patch].class == quarry) else {
            return;
        };
        let centre = self.frame.centre_m(self.patch_cells[patch][self.patch_cells[patch].len() / 2] as usize);
        let far = |cell: usize| distance(self.frame.centre_m(cell), centre) as f32;
        for (red, hectares) in [(true, 38.0), (false, 24.0)] {
            let clear = |zone: &Zone| !zone.farmland && zone.urban == 0;
            let scored = self
                .cells(|cell| self.zone[cell].red_2022 == red && clear(&self.zone[cell]) && far(cell) < 2_500.0, far);
            for cell in lowest(scored, cells_of_ha(hectares)) {
                self.zone[cell].mining = true;
            }
        }
    }

    /// The river's management range: the water, its banks, and 2.6 ha of building parcels.
    fn river(&mut self) {
        let reach = &self.terrain.river_reach;
        let scored = self.cells(|cell| self.zone[cell].detail > 0, |cell| reach[cell]);
        let parcels = lowest(scored, cells_of_ha(2.6));
        for cell in 0..self.zone.len() {
            let water = self.code_of(cell) == "1101" && reach[cell] < 1.4;
            self.zone[cell].river = water || (reach[cell] < 1.32 && self.zone[cell].detail == 0);
        }
        for cell in parcels {
            self.zone[cell].river = true;
        }
    }

    /// High hazard: hillsides over the town, with 5.4 ha of dwelling parcels in them, and slopes over three villages.
    fn hazard(&mut self) {
        let steep: Vec<PointM> = (0..self.zone.len())
            .step_by(13)
            .filter(|&cell| self.terrain.height_m.slope(cell) > 0.35 && self.terrain.water_distance_m[cell] > 60.0)
            .map(|cell| self.frame.centre_m(cell))
            .collect();
        let nearest = nearest_site(CELLS, CELLS, CELL_M, &steep);
        let hill = |cell: usize| distance(self.frame.centre_m(cell), steep[nearest[cell] as usize]) as f32;
        let homes = self.cells(|cell| self.zone[cell].detail > 0 && self.code_of(cell) == "0701", hill);
        for cell in lowest(homes, cells_of_ha(5.4)) {
            self.zone[cell].hazard = true;
        }
        let sites: Vec<PointM> = self.network.seats[1..5].to_vec();
        let scored = self.cells(
            |cell| self.code_of(cell).starts_with("03") && self.terrain.height_m.slope(cell) > 0.2,
            |cell| {
                sites.iter().map(|site| distance(self.frame.centre_m(cell), *site)).fold(f64::INFINITY, f64::min) as f32
            },
        );
        for cell in lowest_compact(&self.frame, scored, cells_of_ha(180.0), 200) {
            self.zone[cell].hazard = true;
        }
    }
}
