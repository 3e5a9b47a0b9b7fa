//! Houses: where the land survey says people live and work, turned to the street or the slope, with storeys and people.
//! One list serves the pictures, the 3D model, the house register and the counts of who is threatened.

use crate::classes::CLASSES;
use crate::dice::Dice;
use crate::noise::gradient_noise;
use crate::path::PointM;
use crate::survey::Survey;
use crate::terrain::Terrain;

/// Houses in the township.
pub const HOUSES: usize = 4_200;
/// People in the township.
pub const PEOPLE: usize = 13_000;

/// What a building is for, as the house register says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Farmhouse.
    Farmhouse,
    /// Apartment house.
    Apartments,
    /// Shops, often with flats above.
    Shop,
    /// Workshop or warehouse.
    Factory,
    /// School, clinic or office.
    Public,
    /// Barn or shed where nobody lives.
    Outbuilding,
}

/// Number (FWBH) in the house register of the building at a position of the county's list.
pub fn register_number(position: usize) -> String {
    format!("433199101{position:06}")
}

impl Purpose {
    /// The register's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Farmhouse => "农村住宅",
            Self::Apartments => "城镇住宅",
            Self::Shop => "商业服务",
            Self::Factory => "工业厂房",
            Self::Public => "公共服务",
            Self::Outbuilding => "农用房",
        }
    }
}

/// A building.
#[derive(Debug, Clone)]
pub struct Building {
    /// Centre.
    pub centre: PointM,
    /// Unit vector along the ridge.
    pub along: PointM,
    /// Half of length and width in metres.
    pub half_m: [f64; 2],
    /// Storeys.
    pub storeys: u8,
    /// Height of the eaves above the ground.
    pub eaves_m: f64,
    /// True for a pitched roof.
    pub pitched: bool,
    /// Roof colour.
    pub roof: [u8; 3],
    /// Wall colour.
    pub wall: [u8; 3],
    /// Use.
    pub purpose: Purpose,
    /// Village.
    pub village: u8,
    /// Households living here.
    pub households: u32,
    /// People living here.
    pub people: u32,
}

impl Building {
    /// The four corners, clockwise with south down.
    pub fn corners(&self) -> [PointM; 4] {
        let across = [-self.along[1], self.along[0]];
        [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].map(|(u, v)| {
            [
                self.centre[0] + u * self.half_m[0] * self.along[0] + v * self.half_m[1] * across[0],
                self.centre[1] + u * self.half_m[0] * self.along[1] + v * self.half_m[1] * across[1],
            ]
        })
    }

    /// Height of the ridge (or the flat roof) above the ground.
    pub fn top_m(&self) -> f64 {
        if self.pitched { self.eaves_m + 0.42 * self.half_m[1] } else { self.eaves_m }
    }
}

const TILE_ROOFS: [[u8; 3]; 4] = [[92, 88, 90], [108, 100, 98], [122, 84, 72], [84, 82, 88]];
const FLAT_ROOFS: [[u8; 3]; 4] = [[186, 182, 174], [168, 166, 164], [200, 196, 186], [150, 152, 156]];
const SHED_ROOFS: [[u8; 3]; 3] = [[74, 112, 168], [176, 180, 186], [150, 70, 62]];
const WALLS: [[u8; 3]; 4] = [[222, 214, 200], [206, 198, 186], [232, 228, 220], [198, 176, 156]];

struct Plan {
    purpose: Purpose,
    spacing_m: [f64; 2],
    half_m: [f64; 2],
    storeys: [f64; 2],
    chance: f64,
}

fn plan_for(code: &str, dice: &mut Dice) -> Option<Plan> {
    let plan = |purpose, spacing_m, half_m, storeys, chance| Some(Plan { purpose, spacing_m, half_m, storeys, chance });
    match code {
        "0702" => {
            plan(Purpose::Farmhouse, [19.5, 18.5], [dice.between(4.8, 7.4), dice.between(4.2, 5.6)], [1.0, 3.9], 0.86)
        }
        "0701" if dice.chance(0.45) => {
            plan(Purpose::Apartments, [52.0, 34.0], [dice.between(17.0, 24.0), 7.0], [5.0, 8.0], 0.72)
        }
        "0701" => plan(Purpose::Apartments, [31.0, 26.0], [dice.between(9.5, 13.0), 7.6], [3.0, 6.9], 0.6),
        "05H1" => plan(Purpose::Shop, [38.0, 34.0], [dice.between(12.0, 17.0), 11.0], [2.0, 5.9], 0.75),
        "0601" | "0508" => {
            plan(Purpose::Factory, [78.0, 46.0], [dice.between(26.0, 36.0), dice.between(13.0, 19.0)], [1.0, 2.2], 0.62)
        }
        "08H1" | "08H2" => plan(Purpose::Public, [48.0, 40.0], [dice.between(16.0, 22.0), 8.5], [3.0, 6.0], 0.6),
        "0809" | "1005" | "1202" => plan(Purpose::Public, [44.0, 40.0], [9.0, 7.0], [1.0, 2.9], 0.5),
        _ => None,
    }
}

/// Places the township's buildings.
pub fn build(survey: &Survey, terrain: &Terrain) -> Vec<Building> {
    let mut dice = Dice::named("buildings");
    let frame = &survey.patch;
    let mut first_cell = vec![usize::MAX; survey.patches.len()];
    let mut box_of = vec![[f64::MAX, f64::MAX, f64::MIN, f64::MIN]; survey.patches.len()];
    for cell in 0..frame.cells.len() {
        let patch = frame[cell] as usize;
        let p = frame.centre_m(cell);
        first_cell[patch] = first_cell[patch].min(cell);
        let b = &mut box_of[patch];
        *b = [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])];
    }
    let mut buildings = Vec::new();
    for (number, patch) in survey.patches.iter().enumerate() {
        let code = CLASSES[patch.class as usize].code;
        let Some(plan) = plan_for(code, &mut dice) else { continue };
        let b = box_of[number];
        let middle = [f64::midpoint(b[0], b[2]), f64::midpoint(b[1], b[3])];
        let turn = heading(code, middle, terrain, first_cell[number]);
        let (sin, cos) = turn.sin_cos();
        let reach = ((b[2] - b[0]).hypot(b[3] - b[1]) / 2.0 / plan.spacing_m[1]).ceil() as i32;
        for row in -reach..=reach {
            for column in -reach..=reach {
                let loose = if plan.purpose == Purpose::Farmhouse { 0.09 } else { 0.05 };
                let u = (f64::from(column) + dice.between(-loose, loose)) * plan.spacing_m[0];
                let v = (f64::from(row) + dice.between(-loose, loose)) * plan.spacing_m[1];
                let centre = [middle[0] + u * cos - v * sin, middle[1] + u * sin + v * cos];
                if !dice.chance(plan.chance) {
                    continue;
                }
                let swing = if plan.purpose == Purpose::Farmhouse { dice.between(-0.2, 0.2) } else { 0.0 };
                let (s, c) = (turn + swing).sin_cos();
                let building = raise(&plan, centre, [c, s], patch.village, &mut dice);
                let stands = building
                    .corners()
                    .iter()
                    .chain([&centre])
                    .all(|p| frame.holds(*p) && frame[frame.cell_of(*p)] as usize == number);
                if stands && terrain.height_m.slope(frame.cell_of(centre)) < 0.5 {
                    buildings.push(building);
                }
            }
        }
    }
    settle_numbers(&mut buildings, &mut dice);
    buildings
}

/// Which way houses face: with the streets in town, along the contour (so facing down the slope) in the country.
fn heading(code: &str, middle: PointM, terrain: &Terrain, cell: usize) -> f64 {
    if code == "0702" {
        let [dx, dy] = terrain.height_m.gradient(cell);
        if dx.hypot(dy) > 0.04 {
            return dx.atan2(-dy);
        }
        return 1.2 * f64::from(gradient_noise((middle[0] / 500.0) as f32, (middle[1] / 500.0) as f32, 201));
    }
    0.31
}

fn raise(plan: &Plan, centre: PointM, along: PointM, village: u8, dice: &mut Dice) -> Building {
    let storeys = dice.between(plan.storeys[0], plan.storeys[1]).floor().max(1.0);
    let storey_m = if plan.purpose == Purpose::Factory { 7.5 } else { 3.1 };
    let pitched = match plan.purpose {
        Purpose::Farmhouse => dice.chance(0.72),
        Purpose::Factory => true,
        Purpose::Apartments | Purpose::Shop | Purpose::Public | Purpose::Outbuilding => dice.chance(0.12),
    };
    let roof = match plan.purpose {
        Purpose::Factory => *dice.pick(&SHED_ROOFS),
        _ if pitched => *dice.pick(&TILE_ROOFS),
        _ => *dice.pick(&FLAT_ROOFS),
    };
    let size = dice.between(0.86, 1.12);
    Building {
        centre,
        along,
        half_m: [plan.half_m[0] * size, plan.half_m[1] * dice.between(0.92, 1.08)],
        storeys: storeys as u8,
        eaves_m: storeys * storey_m + 0.3,
        pitched,
        roof,
        wall: *dice.pick(&WALLS),
        purpose: plan.purpose,
        village,
        households: 0,
        people: 0,
    }
}

/// Brings the count of houses and people to the county's figures.
fn settle_numbers(buildings: &mut Vec<Building>, dice: &mut Dice) {
    while buildings.len() > HOUSES {
        let gone = dice.below(buildings.len());
        buildings.swap_remove(gone);
    }
    buildings.sort_by(|a, b| {
        (a.centre[1].to_bits(), a.centre[0].to_bits()).cmp(&(b.centre[1].to_bits(), b.centre[0].to_bits()))
    });
    let homes: Vec<usize> = (0..buildings.len())
        .filter(|&i| matches!(buildings[i].purpose, Purpose::Farmhouse | Purpose::Apartments))
        .collect();
    for &home in &homes {
        buildings[home].households = 1;
        buildings[home].people = 2;
    }
    let mut left = PEOPLE.saturating_sub(homes.len() * 2);
    while left > 0 && !homes.is_empty() {
        let building = &mut buildings[*dice.pick(&homes)];
        let room = if building.purpose == Purpose::Apartments { 10 } else { 6 };
        if building.people < room || dice.chance(0.02) {
            building.people += 1;
            building.households = 1 + building.people / 5;
            left -= 1;
        }
    }
}
