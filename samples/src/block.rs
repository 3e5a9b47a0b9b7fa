//! The surveyed square kilometre at two epochs: where it is, what the ground and everything on it looked like each time.
//! Only 1 km²: maps of this precision with heights may not cover more than 25 km² in one piece.

use crate::buildings::{Building, Purpose};
use crate::classes::CLASSES;
use crate::county::County;
use crate::dice::Dice;
use crate::noise::cellular;
use crate::outbuildings::{self, Fate};
use crate::path::{PointM, distance, resample};
use crate::place::{SIDE_M, easting_northing_m};
use crate::slide::{Slide, choose};

/// Side of the block in metres.
pub const BLOCK_M: f64 = 1_000.0;
/// Floor areas of new buildings without a permit, square metres; they sum to 2,846.
pub const UNPERMITTED_M2: [f64; 5] = [620.0, 588.0, 566.0, 540.0, 532.0];
/// Floor areas of new buildings with a permit.
pub const PERMITTED_M2: [f64; 9] = [180.0, 240.0, 168.0, 320.0, 204.0, 276.0, 150.0, 198.0, 264.0];
/// Households and people below the main slide.
pub const THREATENED: [u32; 2] = [24, 76];

/// The block.
#[derive(Debug)]
pub struct Block {
    /// North-west corner in the crate's frame.
    pub corner_m: PointM,
    /// Landslides of the second epoch, the main one first.
    pub slides: Vec<Slide>,
    /// Buildings below the main slide, positions in the county's list.
    pub threatened: Vec<usize>,
    /// New buildings of the second epoch with their floor area and whether they have a permit.
    pub new_buildings: Vec<(Building, f64, bool)>,
    /// Sheds on the main slide, positions in the county's list, and what it did to them.
    pub outbuildings: Vec<(usize, Fate)>,
}

impl Block {
    /// Chooses the block and what happens in it; settles who lives below the slide.
    pub fn choose(county: &mut County) -> Self {
        let (slide, threatened) = choose(&county.terrain, &county.buildings, county.network.seats[0]);
        settle_threatened(&mut county.buildings, &threatened);
        let toe = [slide.head[0] + slide.down[0] * slide.length_m, slide.head[1] + slide.down[1] * slide.length_m];
        let snap = |v: f64| ((v - BLOCK_M / 2.0) / 50.0).round().clamp(0.0, (SIDE_M - BLOCK_M) / 50.0) * 50.0;
        let corner_m = [snap(toe[0]), snap(toe[1])];
        let mut block =
            Self { corner_m, slides: vec![slide], threatened, new_buildings: Vec::new(), outbuildings: Vec::new() };
        block.add_tapering_slide(county);
        block.add_new_buildings(county);
        block.outbuildings = outbuildings::plant(&block, county);
        block
    }

    /// True when a point lies in the block with some margin.
    pub fn holds(&self, p: PointM, margin_m: f64) -> bool {
        (0..2)
            .all(|axis| p[axis] > self.corner_m[axis] + margin_m && p[axis] < self.corner_m[axis] + BLOCK_M - margin_m)
    }

    /// Easting and northing of the south-west corner.
    pub fn south_west(&self) -> [f64; 2] {
        easting_northing_m([self.corner_m[0], self.corner_m[1] + BLOCK_M])
    }

    fn add_tapering_slide(&mut self, county: &County) {
        let heights = &county.terrain.height_m;
        let mut best: Option<(f64, Slide)> = None;
        for index in 0..40 * 40 {
            let head = [self.corner_m[0] + (index % 40) as f64 * 25.0, self.corner_m[1] + (index / 40) as f64 * 25.0];
            let [dx, dy] = heights.gradient(heights.cell_of(head));
            let steep = dx.hypot(dy).max(1e-6);
            let slide = Slide {
                head,
                down: [-dx / steep, -dy / steep],
                length_m: 110.0,
                half_width_m: 28.0,
                depth_m: 2.4,
                tapering: true,
            };
            let toe = [head[0] + slide.down[0] * 110.0, head[1] + slide.down[1] * 110.0];
            let clear = self.holds(head, 40.0)
                && self.holds(toe, 40.0)
                && distance(head, self.slides[0].head) > 260.0
                && distance(toe, self.slides[0].head) > 260.0
                && county.buildings.iter().all(|b| distance(b.centre, toe) > 60.0 && distance(b.centre, head) > 60.0);
            let drop = (heights.bilinear(head) - heights.bilinear(toe)) / 110.0;
            if clear && drop > 0.25 && best.as_ref().is_none_or(|(other, _)| drop > *other) {
                best = Some((drop, slide));
            }
        }
        self.slides.extend(best.map(|(_, slide)| slide));
    }

    fn add_new_buildings(&mut self, county: &County) {
        let mut dice = Dice::named("new buildings");
        let roads: Vec<PointM> = county
            .network
            .roads
            .iter()
            .flat_map(|road| resample(&road.line, 12.0))
            .filter(|p| self.holds(*p, -50.0))
            .collect();
        let wanted =
            PERMITTED_M2.iter().map(|area| (*area, true)).chain(UNPERMITTED_M2.iter().map(|area| (*area, false)));
        for (area, permitted) in wanted {
            for attempt in 0..20_000 {
                let centre =
                    [self.corner_m[0] + dice.between(40.0, 960.0), self.corner_m[1] + dice.between(40.0, 960.0)];
                let cell = county.survey.patch.cell_of(centre);
                let code = county.code(county.survey.patch[cell] as usize);
                let field = matches!(code, "0101" | "0103" | "0201" | "0702" | "0404");
                let flat = county.terrain.height_m.slope(cell) < if attempt < 12_000 { 0.16 } else { 0.4 };
                let side = area.sqrt();
                let free = county
                    .buildings
                    .iter()
                    .chain(self.new_buildings.iter().map(|(b, ..)| b))
                    .all(|b| distance(b.centre, centre) > b.half_m[0].hypot(b.half_m[1]) + side * 0.85 + 4.0);
                let off_road = roads.iter().all(|p| distance(*p, centre) > side * 0.8 + 9.0);
                let still = self
                    .slides
                    .iter()
                    .all(|slide| distance(slide.head, centre) > slide.length_m + 40.0 || !slide.holds(centre));
                if field && flat && free && off_road && still {
                    let width = (side * 0.78).min(16.0);
                    let turn = dice.between(-0.4, 0.4);
                    let building = Building {
                        centre,
                        along: [turn.cos(), turn.sin()],
                        half_m: [area / width / 2.0, width / 2.0],
                        storeys: if area > 400.0 { 2 } else { 3 },
                        eaves_m: if area > 400.0 { 7.0 } else { 9.9 },
                        pitched: area > 400.0,
                        roof: if area > 400.0 { [74, 112, 168] } else { [198, 194, 186] },
                        wall: [226, 220, 210],
                        purpose: if area > 400.0 { Purpose::Factory } else { Purpose::Farmhouse },
                        village: county.survey.patches[county.survey.patch[cell] as usize].village,
                        households: 0,
                        people: 0,
                    };
                    self.new_buildings.push((building, area, permitted));
                    break;
                }
            }
        }
    }

    /// Buildings that stood at an epoch (1 or 2) within the block or just outside.
    pub fn buildings_at(&self, county: &County, epoch: u8) -> Vec<Building> {
        let fate = |index: usize| self.outbuildings.iter().find(|(own, _)| *own == index).map(|(_, fate)| *fate);
        let stood = county.buildings.iter().enumerate().filter(|(_, b)| self.holds(b.centre, -80.0));
        if epoch == 1 {
            return stood.map(|(_, building)| building.clone()).collect();
        }
        let left = stood.filter_map(|(index, building)| match fate(index) {
            None => Some(building.clone()),
            Some(Fate::Destroyed | Fate::Buried) => None,
            Some(Fate::Damaged) => Some(outbuildings::standing_half(self, county, building)),
        });
        left.chain(self.new_buildings.iter().map(|(building, ..)| building.clone())).collect()
    }

    /// True in the trodden yard of an outbuilding, where no tree stands.
    pub fn is_yard(&self, county: &County, p: PointM) -> bool {
        self.outbuildings.iter().any(|(index, _)| distance(county.buildings[*index].centre, p) < outbuildings::YARD_M)
    }

    /// Height of the bare ground at an epoch.
    pub fn ground_m(&self, county: &County, epoch: u8, p: PointM) -> f64 {
        let ground = county.terrain.height_m.spline(p);
        if epoch == 2 { ground + self.slides.iter().map(|slide| slide.change_m(p)).sum::<f64>() } else { ground }
    }

    /// True when a landslide has stripped the cover here.
    pub fn stripped(&self, epoch: u8, p: PointM) -> bool {
        epoch == 2
            && self
                .slides
                .iter()
                .any(|slide| if slide.tapering { slide.change_m(p).abs() > 0.5 } else { slide.holds(p) })
    }
}

/// Height of trees and shrubs above the ground; the crowns are those that `paint` draws.
pub fn canopy_m(code: &str, p: PointM) -> f64 {
    let (size, tall, least) = match code {
        "0301" => (7.2, 9.5, 0.35),
        "0302" => (4.2, 7.5, 0.6),
        "0305" => (3.6, 2.4, 0.3),
        "0307" => (4.2, 3.2, 0.2),
        "0810" => (6.0, 5.0, 0.2),
        _ => return 0.0,
    };
    let (distance, owner) = cellular(p[0] as f32 / size, p[1] as f32 / size, 341);
    let crown = f64::from((1.0 - distance * distance * 1.1).clamp(least, 1.0));
    tall * crown * (0.8 + 0.4 * f64::from(owner & 0xFF) / 255.0)
}

/// Code of the land-use class at a point.
pub fn code_at(county: &County, p: PointM) -> &'static str {
    CLASSES[county.survey.patches[county.survey.patch[county.survey.patch.cell_of(p)] as usize].class as usize].code
}

/// Gives the houses below the slide exactly the households and people of the story; others in the county make up for it.
fn settle_threatened(buildings: &mut [Building], threatened: &[usize]) {
    let before: u32 = threatened.iter().map(|&i| buildings[i].people).sum();
    let count = threatened.len() as u32;
    if count == 0 {
        return;
    }
    for (position, &i) in threatened.iter().enumerate() {
        let share = |total: u32| total / count + u32::from((position as u32) < total % count);
        buildings[i].households = share(THREATENED[0]);
        buildings[i].people = share(THREATENED[1]);
    }
    let mut surplus = i64::from(THREATENED[1]) - i64::from(before);
    for (i, building) in buildings.iter_mut().enumerate() {
        let home = building.households > 0 && !threatened.contains(&i);
        if surplus > 0 && home && building.people > 2 {
            building.people -= 1;
            surplus -= 1;
        } else if surplus < 0 && home {
            building.people += 1;
            surplus += 1;
        }
    }
}
