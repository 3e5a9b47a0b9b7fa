//! Sheds where nobody lives, on the main slide: some stood where it broke off and are gone, some where it came to rest and are
//! covered, some on its edge and half collapsed. What the second survey shows of each is known, for those who judge buildings.

use crate::block::Block;
use crate::buildings::{Building, Purpose};
use crate::county::County;
use crate::path::{PointM, distance, resample};
use crate::slide::Slide;

/// Around a shed no tree stands, metres from its middle.
pub const YARD_M: f64 = 13.0;
/// Half of length and width, and height of the eaves, metres.
const HALF_M: [f64; 2] = [4.6, 3.2];
const EAVES_M: f64 = 2.9;
/// Ground that went from under a destroyed one, and lies above the ridge of a buried one, at least.
const LOST_M: f64 = 3.0;
const OVER_M: f64 = 0.6;
/// From one to the next.
const APART_M: f64 = 24.0;

/// What the slide did to a building.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Gone with the ground.
    Destroyed,
    /// Under the deposit.
    Buried,
    /// The half on the slide came down.
    Damaged,
}

impl Fate {
    /// Name in the truth.
    pub fn name(self) -> &'static str {
        match self {
            Self::Destroyed => "destroyed",
            Self::Buried => "buried",
            Self::Damaged => "damaged",
        }
    }

    /// The officer's word.
    pub fn title_zh(self) -> &'static str {
        match self {
            Self::Destroyed => "被毁",
            Self::Buried => "被埋",
            Self::Damaged => "受损",
        }
    }
}

/// How many of each.
const WANTED: [(Fate, usize); 3] = [(Fate::Destroyed, 4), (Fate::Buried, 3), (Fate::Damaged, 2)];

/// Moves buildings from far away, where nobody lives either, onto the slide: their number in the county stays what it is.
/// Done last, so that nothing else of the block is chosen around them.
pub fn plant(block: &Block, county: &mut County) -> Vec<(usize, Fate)> {
    let far: Vec<usize> = (0..county.buildings.len())
        .filter(|index| {
            let building = &county.buildings[*index];
            // Public buildings only: permits and land supply are drawn from the others.
            building.purpose == Purpose::Public && building.people == 0 && !block.holds(building.centre, -1_000.0)
        })
        .collect();
    let wanted: usize = WANTED.iter().map(|(_, count)| count).sum();
    let mut spare = (0..wanted).map(|k| far.get(k * far.len() / wanted).copied());
    let mut planted: Vec<(usize, Fate)> = Vec::new();
    for (fate, count) in WANTED {
        let mut sites = sites(block, county, fate);
        for _ in 0..count {
            let taken: Vec<PointM> = planted.iter().map(|(index, _)| county.buildings[*index].centre).collect();
            sites.retain(|site| taken.iter().all(|other| distance(*other, site.centre) > APART_M));
            let (Some(site), Some(index)) = (sites.first().cloned(), spare.next().flatten()) else { break };
            county.buildings[index] = site;
            planted.push((index, fate));
        }
    }
    planted
}

/// Where a shed may have met its fate, those among the fewest trees first, then down the slide.
fn sites(block: &Block, county: &County, fate: Fate) -> Vec<Building> {
    let slide = &block.slides[0];
    let across = [-slide.down[1], slide.down[0]];
    let roads: Vec<PointM> = county
        .network
        .roads
        .iter()
        .flat_map(|road| resample(&road.line, 6.0))
        .filter(|p| block.holds(*p, -50.0))
        .collect();
    let mut sites = Vec::new();
    for step in 0..150 {
        for aside in -55..=55 {
            let (along_m, aside_m) = (f64::from(step) * 2.0, f64::from(aside) * 2.0);
            let centre = [0, 1].map(|axis| slide.head[axis] + slide.down[axis] * along_m + across[axis] * aside_m);
            // Along the contour; on the edge with the far end on the slide.
            let inwards = if aside > 0 { -1.0 } else { 1.0 };
            let building = shed(county, centre, across.map(|v| v * inwards));
            if !block.holds(centre, 20.0) || !met(slide, &building, fate) {
                continue;
            }
            let free = county.buildings.iter().chain(block.new_buildings.iter().map(|(b, ..)| b)).all(|other| {
                distance(other.centre, centre)
                    > other.half_m[0].hypot(other.half_m[1]) + HALF_M[0].hypot(HALF_M[1]) + 6.0
            });
            if free && roads.iter().all(|p| distance(*p, centre) > 12.0) {
                sites.push((trees(county, centre), building));
            }
        }
    }
    // Stable: equal sites stay in the order of the slide.
    sites.sort_by_key(|(trees, _)| *trees);
    sites.into_iter().map(|(_, building)| building).collect()
}

/// Places around where trees stand.
fn trees(county: &County, centre: PointM) -> usize {
    let around = (0..16).map(|k| f64::from(k) * std::f64::consts::TAU / 16.0);
    around
        .filter(|turn| {
            let p = [centre[0] + 16.0 * turn.cos(), centre[1] + 16.0 * turn.sin()];
            matches!(crate::block::code_at(county, p), "0301" | "0302" | "0305" | "0307")
        })
        .count()
}

fn shed(county: &County, centre: PointM, along: PointM) -> Building {
    let patch = county.survey.patch[county.survey.patch.cell_of(centre)] as usize;
    Building {
        centre,
        along,
        half_m: HALF_M,
        storeys: 1,
        eaves_m: EAVES_M,
        pitched: true,
        roof: [126, 118, 112],
        wall: [188, 170, 146],
        purpose: Purpose::Outbuilding,
        village: county.survey.patches[patch].village,
        households: 0,
        people: 0,
    }
}

/// Places over a building's footprint and a metre around it: how far along from -1 to 1, and where.
fn places(building: &Building) -> impl Iterator<Item = (f64, PointM)> + '_ {
    let across = [-building.along[1], building.along[0]];
    (-6..=6).flat_map(move |u| {
        (-6..=6).map(move |v| {
            let (u, v) = (f64::from(u) / 6.0, f64::from(v) / 6.0);
            let far = [u * (building.half_m[0] + 1.0), v * (building.half_m[1] + 1.0)];
            (u, [0, 1].map(|axis| building.centre[axis] + far[0] * building.along[axis] + far[1] * across[axis]))
        })
    })
}

/// Whether the slide does that to a building.
fn met(slide: &Slide, building: &Building, fate: Fate) -> bool {
    match fate {
        Fate::Destroyed => places(building).all(|(_, p)| slide.change_m(p) <= -LOST_M),
        Fate::Buried => places(building).all(|(_, p)| slide.change_m(p) >= building.top_m() + OVER_M),
        Fate::Damaged => {
            places(building).all(|(u, p)| if u <= 0.05 { !slide.holds(p) } else { u < 0.3 || slide.change_m(p) < -1.0 })
        }
    }
}

/// What is left of a building that is half on the slide: the half beside it, under the same roof.
pub fn standing_half(block: &Block, county: &County, building: &Building) -> Building {
    let half = building.half_m[0] / 2.0;
    let centre = [0, 1].map(|axis| building.centre[axis] - half * building.along[axis]);
    let eaves = block.ground_m(county, 1, building.centre) + building.eaves_m;
    Building {
        centre,
        half_m: [half, building.half_m[1]],
        eaves_m: eaves - block.ground_m(county, 2, centre),
        ..building.clone()
    }
}
