//! Landslides between the two surveys. The main one breaks off and comes to rest with steep edges, so its outline has a truth;
//! the second one thins out to nothing, so part of it cannot honestly be detected.

use crate::buildings::Building;
use crate::noise::{fbm, smoothstep};
use crate::path::{PointM, distance};
use crate::place::SIDE_M;
use crate::terrain::Terrain;

/// A landslide in its own frame: along its fall line and across it.
#[derive(Debug, Clone, Copy)]
pub struct Slide {
    /// Upper end of the scarp.
    pub head: PointM,
    /// Unit vector downhill.
    pub down: PointM,
    /// Length from scarp to toe in metres.
    pub length_m: f64,
    /// Half of the width in metres.
    pub half_width_m: f64,
    /// Greatest depth of the scar in metres.
    pub depth_m: f64,
    /// True when the edges taper to nothing.
    pub tapering: bool,
}

impl Slide {
    /// Position along (0 scarp, 1 toe) and across (0 middle, 1 edge) of a point.
    fn frame(&self, p: PointM) -> PointM {
        let d = [p[0] - self.head[0], p[1] - self.head[1]];
        let along = (d[0] * self.down[0] + d[1] * self.down[1]) / self.length_m;
        let across = (d[0] * self.down[1] - d[1] * self.down[0]) / self.half_width_m;
        // Wider towards the toe, with a slightly ragged edge.
        let ragged = 1.0 + 0.16 * f64::from(fbm((p[0] / 24.0) as f32, (p[1] / 24.0) as f32, 2, 401));
        [along, across.abs() / ((0.72 + 0.34 * along.clamp(0.0, 1.0)) * ragged)]
    }

    /// How far inside the outline a point lies: above 0 inside, 0 on the edge.
    fn inside(&self, p: PointM) -> f64 {
        let [along, across] = self.frame(p);
        1.0 - (2.0 * along - 1.0).abs().powf(2.6) - across.powi(2)
    }

    /// True when the ground moved here.
    pub fn holds(&self, p: PointM) -> bool {
        self.inside(p) > 0.0
    }

    /// The outline as a ring of corners, seen from the middle every half degree.
    pub fn outline(&self) -> Vec<PointM> {
        let middle = [0, 1].map(|axis| self.head[axis] + self.down[axis] * self.length_m / 2.0);
        let at = |turn: f64, far_m: f64| [middle[0] + turn.cos() * far_m, middle[1] + turn.sin() * far_m];
        (0..720)
            .map(|step| {
                let turn = f64::from(step) / 720.0 * std::f64::consts::TAU;
                let mut outside = self.length_m;
                while !self.holds(at(turn, outside - 0.5)) && outside > 0.5 {
                    outside -= 0.5;
                }
                let mut inside = (outside - 0.5).max(0.0);
                for _ in 0..20 {
                    let half = f64::midpoint(inside, outside);
                    if self.holds(at(turn, half)) {
                        inside = half;
                    } else {
                        outside = half;
                    }
                }
                at(turn, inside)
            })
            .collect()
    }

    /// Change of the ground's height in metres.
    pub fn change_m(&self, p: PointM) -> f64 {
        let inside = self.inside(p);
        if inside <= 0.0 {
            return 0.0;
        }
        let [along, _] = self.frame(p);
        // Scar above, deposit below; the deposit is looser, so it takes more room.
        let shape = (0.58 - along) * std::f64::consts::PI / 1.16;
        let body = if shape > 0.0 { -(shape.sin()) * self.depth_m } else { -(shape * 1.5).sin() * self.depth_m * 0.92 };
        let lumps = 0.6 * f64::from(fbm((p[0] / 9.0) as f32, (p[1] / 9.0) as f32, 3, 402));
        if self.tapering {
            return body * smoothstep(0.0, 0.8, inside);
        }
        let edge = smoothstep(0.0, 0.12, inside);
        let least = if body < 0.0 { -1.6 } else { 1.4 };
        least + (body + lumps * edge - least * 0.4) * edge
    }
}

/// The main slide, chosen where a steep slope ends above houses, and the houses it threatens (nearest first).
pub fn choose(terrain: &Terrain, buildings: &[Building], seat: PointM) -> (Slide, Vec<usize>) {
    let mut best: Option<(f64, Slide, Vec<usize>)> = None;
    let steps = (SIDE_M / 40.0) as usize;
    for index in 0..steps * steps {
        let head = [(index % steps) as f64 * 40.0 + 20.0, (index / steps) as f64 * 40.0 + 20.0];
        if !head.iter().all(|v| (900.0..SIDE_M - 900.0).contains(v)) {
            continue;
        }
        let (high, length_m) = (terrain.height_m.bilinear(head), 300.0);
        let mut low = (f64::MAX, head);
        for direction in 0..24 {
            let (sin, cos) = (f64::from(direction) / 24.0 * std::f64::consts::TAU).sin_cos();
            let toe = [head[0] + cos * length_m, head[1] + sin * length_m];
            let height = terrain.height_m.bilinear(toe);
            if height < low.0 {
                low = (height, toe);
            }
        }
        let drop = (high - low.0) / length_m;
        let toe = low.1;
        if !(0.27..0.62).contains(&drop) || terrain.river_reach.bilinear(toe) < 2.0 {
            continue;
        }
        let down = [(toe[0] - head[0]) / length_m, (toe[1] - head[1]) / length_m];
        let slide = Slide { head, down, length_m, half_width_m: 80.0, depth_m: 21.0, tapering: false };
        if buildings.iter().any(|b| distance(b.centre, head) < 400.0 && b.corners().iter().any(|p| slide.holds(*p))) {
            continue;
        }
        let below = [toe[0] + down[0] * 70.0, toe[1] + down[1] * 70.0];
        let mut near: Vec<(f64, usize)> = buildings
            .iter()
            .enumerate()
            .map(|(i, b)| (distance(b.centre, below), i))
            .filter(|(far, i)| *far < 190.0 && buildings[*i].households > 0)
            .collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        // Enough homes below, and other things to see within a kilometre.
        let around = buildings
            .iter()
            .filter(|b| (b.centre[0] - toe[0]).abs() < 480.0 && (b.centre[1] - toe[1]).abs() < 480.0)
            .count();
        let score = near.len().min(20) as f64 + around.min(160) as f64 * 0.12 - distance(head, seat) / 1_500.0;
        if near.len() >= 12 && best.as_ref().is_none_or(|(other, ..)| score > *other) {
            best = Some((score, slide, near.into_iter().map(|(_, i)| i).take(20).collect()));
        }
    }
    best.map_or_else(
        || {
            (
                Slide {
                    head: [0.0; 2],
                    down: [1.0, 0.0],
                    length_m: 1.0,
                    half_width_m: 1.0,
                    depth_m: 0.0,
                    tapering: true,
                },
                Vec::new(),
            )
        },
        |(_, slide, near)| (slide, near),
    )
}
