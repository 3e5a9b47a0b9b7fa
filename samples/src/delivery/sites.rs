//! Where the three projects lie: sites searched so that a review finds exactly what was planted there, and nothing else.

use super::overlay::{Overlay, polygon};
use super::protected::{BLUE_REACH_M, Protected};
use crate::county::County;
use crate::dice::Dice;
use crate::path::{PointM, along, band, resample, ring_area};
use crate::place::SIDE_M;
use crate::zones::Zone;
use geo::MultiPolygon;

/// What a project takes may be off by this much.
const EXACT_M2: f64 = 0.005;

/// What projects are searched against.
pub(super) struct Ground<'g> {
    pub county: &'g County,
    pub protected: &'g [Protected],
}

impl Ground<'_> {
    fn zone(&self, p: PointM) -> Option<&Zone> {
        let grid = &self.county.zones.zone;
        grid.holds(p).then(|| &self.county.zones.kinds[usize::from(grid[grid.cell_of(p)])])
    }

    /// Share of a rectangle in which something holds, by samples.
    fn share(&self, ring: &[PointM], keep: impl Fn(&Zone) -> bool) -> f64 {
        let mut inside = 0_u32;
        for index in 0..144 {
            let (s, t) = ((f64::from(index % 12) + 0.5) / 12.0, (f64::from(index / 12) + 0.5) / 12.0);
            let at =
                |axis: usize| ring[0][axis] + s * (ring[1][axis] - ring[0][axis]) + t * (ring[3][axis] - ring[0][axis]);
            inside += u32::from(self.zone([at(0), at(1)]).is_some_and(&keep));
        }
        f64::from(inside) / 144.0
    }

    /// True when a shape touches no protected place and no ground for which `barred` holds.
    fn is_clear(&self, ring: &[PointM], barred: impl Fn(&Zone) -> bool) -> bool {
        let places: Vec<MultiPolygon<f64>> = self.protected.iter().map(|place| place.polygons.clone()).collect();
        Overlay::of_polygons(&places).area_m2(&polygon(ring)) <= 0.0
            && Overlay::of(self.county, |_, zone| barred(zone)).area_m2(&polygon(ring)) <= 0.0
    }
}

fn rectangle(centre: PointM, turn: f64, half: [f64; 2]) -> Vec<PointM> {
    let (sin, cos) = turn.sin_cos();
    [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
        .map(|(u, v)| {
            [centre[0] + u * half[0] * cos - v * half[1] * sin, centre[1] + u * half[0] * sin + v * half[1] * cos]
        })
        .to_vec()
}

/// A site of the town that runs over its boundary: `farmland_m2` of it on protected farmland.
pub(super) fn industry(ground: &Ground<'_>, area_m2: f64, farmland_m2: f64) -> Vec<PointM> {
    let half = [160.0, area_m2 / 4.0 / 160.0];
    let seat = ground.county.network.seats[0];
    let farmland = Overlay::of(ground.county, |_, zone| zone.farmland);
    let mut dice = Dice::named("industrial park");
    let mut sites: Vec<(f64, PointM, f64)> = Vec::new();
    for _ in 0..200_000 {
        let centre = [seat[0] + dice.between(-2_600.0, 3_600.0), seat[1] + dice.between(-1_900.0, 1_900.0)];
        let turn = dice.between(0.0, std::f64::consts::PI);
        let ring = rectangle(centre, turn, half);
        if (0.02..0.12).contains(&ground.share(&ring, |z| z.farmland))
            && ground.share(&ring, |z| z.red_2022 || z.river || z.hazard || z.mining) <= 0.0
        {
            sites.push((ground.share(&ring, |z| !(1..=3).contains(&z.urban)), centre, turn));
        }
    }
    // The more of it lies in the town the better.
    sites.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (_, centre, turn) in sites.into_iter().take(400) {
        // Slide the site along its own axis until exactly the wanted part is farmland.
        let at = |shift: f64| rectangle([centre[0] + shift * turn.cos(), centre[1] + shift * turn.sin()], turn, half);
        let excess = |shift: f64| farmland.area_m2(&polygon(&at(shift))) - farmland_m2;
        for (mut low, mut high) in [(-40.0, 40.0), (-15.0, 60.0), (-60.0, 15.0)] {
            if excess(low).signum() * excess(high).signum() >= 0.0 {
                continue;
            }
            let rising = excess(low) < 0.0;
            for _ in 0..44 {
                let middle = f64::midpoint(low, high);
                if (excess(middle) < 0.0) == rising { low = middle } else { high = middle }
            }
            let ring = at(low);
            if excess(low).abs() < EXACT_M2
                && ground.is_clear(&ring, |z| z.red_2018 || z.red_2022 || z.river || z.hazard || z.mining)
            {
                return ring;
            }
        }
    }
    rectangle(seat, 0.0, half)
}

/// A site of the town that no line touches.
pub(super) fn housing(ground: &Ground<'_>, half: [f64; 2]) -> Vec<PointM> {
    const TURN: f64 = 0.31;
    let seat = ground.county.network.seats[0];
    let mut dice = Dice::named("resettlement housing");
    let mut sites: Vec<(f64, Vec<PointM>)> = Vec::new();
    for _ in 0..4_000 {
        let centre = [seat[0] + dice.between(-2_000.0, 2_000.0), seat[1] + dice.between(-1_500.0, 1_500.0)];
        let ring = rectangle(centre, TURN, half);
        let wide = rectangle(centre, TURN, half.map(|half| half + 30.0));
        let bad = |z: &Zone| z.farmland || z.red_2018 || z.red_2022 || z.river || z.hazard || z.mining;
        let outside = ground.share(&ring, |z| z.urban != 1 || bad(z));
        let edge = ground.share(&wide, bad);
        let built = ground.share(&ring, |z| z.detail > 0);
        sites.push((outside * 100.0 + edge * 10.0 + (0.8 - built).abs(), ring));
    }
    sites.sort_by(|a, b| a.0.total_cmp(&b.0));
    let barred = |z: &Zone| z.urban != 1 || z.farmland || z.red_2018 || z.red_2022 || z.river || z.hazard || z.mining;
    let clear = sites.iter().take(60).find(|(_, ring)| ground.is_clear(ring, barred));
    clear.map_or_else(|| rectangle(seat, TURN, half), |(_, ring)| ring.clone())
}

/// What the road takes.
pub(super) struct RoadFigures {
    pub length_m: f64,
    pub area_m2: f64,
    pub red_line_m2: f64,
    pub river_m2: f64,
}

/// A road of even width in four straights that crosses as much red line and river range as wanted, and nothing else
/// protected. Tried where the river runs outside the town, until one can be settled; empty when none can.
pub(super) fn road(ground: &Ground<'_>, wanted: &RoadFigures) -> Vec<PointM> {
    let width_m = wanted.area_m2 / wanted.length_m;
    let barred = |z: &Zone| z.farmland || z.hazard || z.mining;
    let in_town = |p: PointM| (p[0] - ground.county.network.seats[0][0]).abs() < BLUE_REACH_M;
    let grid = &ground.county.zones.zone;
    let banks: Vec<PointM> = (0..grid.cells.len())
        .step_by(37)
        .filter(|&cell| ground.county.zones.kinds[usize::from(grid[cell])].river)
        .map(|cell| grid.centre_m(cell))
        .filter(|p| !in_town(*p))
        .collect();
    let mut dice = Dice::named("township road");
    let mut lines: Vec<(f64, Vec<PointM>)> = Vec::new();
    for _ in 0..120_000 {
        let line = crooked_line(&mut dice, &banks, wanted.length_m);
        if !line.iter().all(|p| p.iter().all(|v| (100.0..SIDE_M - 100.0).contains(v))) {
            continue;
        }
        let [mut red, mut river, mut bad, mut town] = [0.0; 4];
        for p in resample(&line, 10.0) {
            let Some(zone) = ground.zone(p) else { continue };
            let metres = |holds: bool| f64::from(u8::from(holds)) * 10.0;
            red += metres(zone.red_2022);
            river += metres(zone.river);
            bad += metres(barred(zone) || zone.river && in_town(p));
            town += metres(zone.urban > 0);
        }
        let off = (red - wanted.red_line_m2 / width_m).abs() + (river - wanted.river_m2 / width_m).abs();
        if bad < 100.0 && off < 150.0 {
            lines.push((off + 4.0 * bad + 0.02 * town, line));
        }
    }
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    let settler = Settler {
        red: Overlay::of(ground.county, |_, zone| zone.red_2022),
        river: Overlay::of(ground.county, |_, zone| zone.river),
        wanted,
    };
    let mut settled = lines.iter().take(600).filter_map(|(_, line)| settler.settle(line));
    settled.find(|ring| ground.is_clear(ring, barred)).unwrap_or_default()
}

/// Four straights of one length, bent a little, one of which goes through one of the places.
fn crooked_line(dice: &mut Dice, places: &[PointM], length_m: f64) -> Vec<PointM> {
    let leg_m = length_m / 4.0;
    let heading = dice.between(0.0, std::f64::consts::TAU);
    let mut line: Vec<PointM> = vec![[0.0, 0.0]];
    for bend in 0..4 {
        let turn = heading + 0.7 * (f64::from(bend) + dice.between(0.0, 1.0)).sin();
        let last = line[line.len() - 1];
        line.push([last[0] + leg_m * turn.cos(), last[1] + leg_m * turn.sin()]);
    }
    let (through, _) = along(&line, dice.between(200.0, length_m - 200.0));
    let place = dice.pick(places);
    line.iter().map(|p| [p[0] - through[0] + place[0], p[1] - through[1] + place[1]]).collect()
}

/// Brings roads to their figures.
struct Settler<'s> {
    red: Overlay,
    river: Overlay,
    wanted: &'s RoadFigures,
}

impl Settler<'_> {
    /// Moves and turns a road as a whole until it takes what it should; `None` when it cannot.
    fn settle(&self, line: &[PointM]) -> Option<Vec<PointM>> {
        let wanted = self.wanted;
        let points = resample(line, 25.0);
        let half = 0.5 * wanted.area_m2 / wanted.length_m;
        // Mitred bends are a little off: bring the area to the figure by the width, in which it is nearly linear.
        let half = (0..4).fold(half, |half, _| half * wanted.area_m2 / ring_area(&band(&points, half)).abs());
        let ring = band(&points, half);
        let middle = points[points.len() / 2];
        let corridor = polygon(&band(&points, 70.0));
        let (red, river) = (self.red.within(&corridor), self.river.within(&corridor));
        // East, south, and along the arc of 1 km round the middle.
        let placed = |by: [f64; 3]| -> Vec<PointM> {
            let (sin, cos) = (by[2] / 1_000.0).sin_cos();
            ring.iter()
                .map(|p| [p[0] - middle[0], p[1] - middle[1]])
                .map(|[x, y]| [middle[0] + by[0] + x * cos - y * sin, middle[1] + by[1] + x * sin + y * cos])
                .collect()
        };
        let excess = |by: [f64; 3]| {
            let shape = polygon(&placed(by));
            [red.area_m2(&shape) - wanted.red_line_m2, river.area_m2(&shape) - wanted.river_m2]
        };
        let mut by = [0.0; 3];
        for _ in 0..25 {
            let off = excess(by);
            if off.iter().all(|v| v.abs() < EXACT_M2) {
                return Some(placed(by));
            }
            by = newton_step(by, off, &excess)?;
        }
        None
    }
}

/// The smallest move that would make both figures right if they were linear; `None` when they do not depend on the move.
fn newton_step(by: [f64; 3], off: [f64; 2], excess: &impl Fn([f64; 3]) -> [f64; 2]) -> Option<[f64; 3]> {
    const STEP_M: f64 = 0.05;
    const FURTHEST_M: f64 = 15.0;
    let slopes: [[f64; 2]; 3] = std::array::from_fn(|axis| {
        let mut near = by;
        near[axis] += STEP_M;
        let there = excess(near);
        [(there[0] - off[0]) / STEP_M, (there[1] - off[1]) / STEP_M]
    });
    let product = |a: usize, b: usize| slopes.iter().map(|slope| slope[a] * slope[b]).sum::<f64>();
    let (aa, ab, bb) = (product(0, 0), product(0, 1), product(1, 1));
    let determinant = aa * bb - ab * ab;
    if determinant < 1.0e-3 {
        return None;
    }
    let weights = [(bb * off[0] - ab * off[1]) / determinant, (aa * off[1] - ab * off[0]) / determinant];
    let step = slopes.map(|slope| -(slope[0] * weights[0] + slope[1] * weights[1]));
    let long = step.iter().map(|v| v * v).sum::<f64>().sqrt();
    let scale = if long > FURTHEST_M { FURTHEST_M / long } else { 1.0 };
    let next = [by[0] + step[0] * scale, by[1] + step[1] * scale, by[2] + step[2] * scale];
    next.iter().all(|v| v.abs() < 45.0).then_some(next)
}
