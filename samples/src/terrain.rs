//! The ground: eroded mountains, a river that follows its valley floor, streams with small flats, and a 5 m raster of heights.
//! Heights are 1985 national heights (normal heights); the land-use and building steps read them and never change them.

use crate::erosion::{drain, erode};
use crate::grid::{Grid, nearest_site};
use crate::noise::{fbm, gradient_noise, smoothstep};
use crate::path::{PointM, distance, relax, resample, smooth};
use crate::place::{CELL_M, CELLS, SIDE_M};
use rayon::prelude::*;

/// Margin round the township on which erosion runs, so that its edge is not the world's edge.
const MARGIN_M: f64 = 1_000.0;
/// Cell of the erosion grid.
const COARSE_M: f64 = 40.0;
/// Level of the river where it leaves the township.
const OUTLET_LEVEL_M: f64 = 214.0;
/// Fall of the river per metre of its course.
const RIVER_FALL: f64 = 0.0011;

/// A stream: its course (downhill) and the area it drains at each point.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Course, source first.
    pub line: Vec<PointM>,
    /// Drained area in square kilometres at each point of the course.
    pub drained_km2: Vec<f64>,
}

/// The ground and its waters.
#[derive(Debug)]
pub struct Terrain {
    /// Height of the ground at cell centres, metres.
    pub height_m: Grid<f32>,
    /// Course of the main river, west to east, beyond both edges.
    pub river: Vec<PointM>,
    /// Distance to the river's course divided by its local half-width: below 1 is water.
    pub river_reach: Grid<f32>,
    /// Tributaries.
    pub streams: Vec<Stream>,
    /// Distance to the nearest tributary divided by its local half-width.
    pub stream_reach: Grid<f32>,
    /// Height above the nearest river or stream bed, metres.
    pub above_water_m: Grid<f32>,
    /// Distance to the nearest river or stream, metres.
    pub water_distance_m: Grid<f32>,
}

fn river_course() -> Vec<PointM> {
    let line: Vec<PointM> = (-65..=705)
        .map(|i| {
            let x = f64::from(i) * 20.0;
            let wobble = f64::from(gradient_noise((x / 1_300.0) as f32, 0.37, 5)) * 170.0;
            let y = 6_450.0
                + 820.0 * (x / 8_200.0 * std::f64::consts::TAU + 0.9).sin()
                + 330.0 * (x / 3_350.0 * std::f64::consts::TAU + 2.1).sin()
                + wobble;
            [x, y]
        })
        .collect();
    resample(&smooth(&line, 1), 5.0)
}

/// Half-width of the river's water at a distance along its course.
pub fn river_half_width_m(along_m: f64) -> f64 {
    64.0 + 20.0 * f64::from(gradient_noise((along_m / 900.0) as f32, 4.4, 6))
}

fn stream_half_width_m(drained_km2: f64) -> f64 {
    1.2 + 2.1 * drained_km2.sqrt()
}

fn to_coarse(point: PointM) -> PointM {
    [point[0] + MARGIN_M, point[1] + MARGIN_M]
}

/// Builds the ground.
pub fn build() -> Terrain {
    let river = river_course();
    let side = ((SIDE_M + 2.0 * MARGIN_M) / COARSE_M) as usize;
    let mut coarse = Grid::filled(side, side, COARSE_M, 0.0_f32);
    let coarse_river: Vec<PointM> = river.iter().map(|p| to_coarse(*p)).filter(|p| coarse.holds(*p)).collect();
    let near = nearest_site(side, side, COARSE_M, &coarse_river);
    for index in 0..coarse.cells.len() {
        let centre = coarse.centre_m(index);
        let d = distance(centre, coarse_river[near[index] as usize]);
        let bumps = fbm((centre[0] / 1_500.0) as f32, (centre[1] / 1_500.0) as f32, 5, 11);
        coarse[index] = (d * 0.012 + 26.0 + 22.0 * f64::from(bumps)) as f32;
        if d < COARSE_M {
            coarse[index] = (1.0 + 0.0004 * (coarse_river.len() - near[index] as usize) as f64) as f32;
        }
    }
    let (inlet, outlet) = (coarse.cell_of(coarse_river[0]), coarse.cell_of(coarse_river[coarse_river.len() - 1]));
    coarse[outlet] = 0.0;
    let inflow = [(inlet, 9.0e8)];
    erode(&mut coarse, &[outlet], &inflow, 36);

    let streams = trace_streams(&coarse, outlet, &inflow, &river);
    let bed_level_m = |along: usize| OUTLET_LEVEL_M + RIVER_FALL * 5.0 * (river.len() - along) as f64;
    let river_near = nearest_site(CELLS, CELLS, CELL_M, &river);
    let stream_points: Vec<(PointM, f64)> =
        streams.iter().flat_map(|s| s.line.iter().copied().zip(s.drained_km2.iter().copied())).collect();
    let stream_sites: Vec<PointM> = stream_points.iter().map(|(p, _)| *p).collect();
    let stream_near = nearest_site(CELLS, CELLS, CELL_M, &stream_sites);
    let lifted = &coarse;
    // A stream's bed: the coarse ground where it runs, never below the river's level.
    let stream_bed_m: Vec<f64> =
        stream_points.iter().map(|(p, _)| OUTLET_LEVEL_M + lifted.spline(to_coarse(*p)).max(0.0) + 1.0).collect();

    let mut height_m = Grid::filled(CELLS, CELLS, CELL_M, 0.0_f32);
    let mut river_reach = height_m.clone();
    let mut stream_reach = height_m.clone();
    let mut above_water_m = height_m.clone();
    let mut water_distance_m = height_m.clone();
    let frame = height_m.like(0_u8);
    height_m
        .cells
        .par_iter_mut()
        .zip(river_reach.cells.par_iter_mut().zip(stream_reach.cells.par_iter_mut()))
        .zip(above_water_m.cells.par_iter_mut().zip(water_distance_m.cells.par_iter_mut()))
        .enumerate()
        .for_each(|(index, ((height, (reach, brook)), (above, far)))| {
            let p = frame.centre_m(index);
            let along = river_near[index] as usize;
            let d = distance(p, river[along]);
            let bed = bed_level_m(along);
            let half = river_half_width_m(along as f64 * 5.0);
            let q = stream_near[index] as usize;
            let (ds, drained) = (distance(p, stream_points[q].0), stream_points[q].1);
            let half_s = stream_half_width_m(drained);

            let mountain = OUTLET_LEVEL_M + lifted.spline(to_coarse(p)) + 4.0;
            let detail = f64::from(fbm((p[0] / 210.0) as f32, (p[1] / 210.0) as f32, 5, 31));
            let ridged = 1.0 - f64::from(gradient_noise((p[0] / 95.0) as f32, (p[1] / 95.0) as f32, 41).abs()) * 2.0;
            let lift = smoothstep(bed, bed + 140.0, mountain);
            let mut ground = mountain + lift * (9.0 * detail + 4.0 * ridged);

            // Flat of a tributary, then the flood plain of the river, each blended into the hillside.
            let flat_s = 14.0 + 44.0 * drained.sqrt().min(2.6) * (1.0 + 0.35 * detail);
            let level_s = stream_bed_m[q].max(bed + 1.0) + 1.2 + 3.0 * (ds / flat_s).powi(2).min(4.0);
            ground = mix(level_s, ground.max(level_s - 1.0), smoothstep(0.55 * flat_s, 1.9 * flat_s, ds));
            let wide = f64::from(gradient_noise((along as f64 / 420.0) as f32, 9.1, 8));
            let side_noise = f64::from(fbm((p[0] / 700.0) as f32, (p[1] / 700.0) as f32, 3, 61));
            let basin = 420.0 * (-((p[0] - 5_600.0) / 1_900.0).powi(2)).exp();
            let flat = (500.0 + 240.0 * wide + 210.0 * side_noise + basin).max(150.0);
            let level = bed + 3.2 + 5.5 * ((d - half) / flat).max(0.0).powf(1.4) + 0.5 * detail;
            ground = mix(level, ground.max(level), smoothstep(0.7 * flat, 1.75 * flat, d));
            // Water beds with banks.
            let brook_bed = (stream_bed_m[q].max(bed - 0.6) - 0.4).max(ground - 1.4 - 0.5 * half_s);
            ground = mix(brook_bed, ground, smoothstep(half_s * 0.7, half_s * 1.2 + 5.0, ds));
            ground = mix(bed - 2.6, ground, smoothstep(half * 0.86, half * 1.06 + 8.0, d));

            *height = ground as f32;
            *reach = (d / half) as f32;
            *brook = (ds / half_s) as f32;
            *far = (d - half).max(0.0).min(ds) as f32;
            *above = (ground - if ds < d { stream_bed_m[q] } else { bed }) as f32;
        });
    Terrain { height_m, river, river_reach, streams, stream_reach, above_water_m, water_distance_m }
}

fn mix(a: f64, b: f64, t: f64) -> f64 {
    a + (b - a) * t
}

fn trace_streams(coarse: &Grid<f32>, outlet: usize, inflow: &[(usize, f64)], river: &[PointM]) -> Vec<Stream> {
    let drainage = drain(coarse, &[outlet], inflow);
    let main = |index: usize| drainage.area_m2[index] > 5.0e8;
    let source_m2 = 3.2e5;
    let mut has_source_above = vec![false; coarse.cells.len()];
    for index in 0..coarse.cells.len() {
        if drainage.area_m2[index] > source_m2 {
            has_source_above[drainage.receiver[index] as usize] = true;
        }
    }
    let mut taken = vec![false; coarse.cells.len()];
    let mut heads: Vec<usize> = (0..coarse.cells.len())
        .filter(|&i| drainage.area_m2[i] > source_m2 && !has_source_above[i] && !main(i))
        .collect();
    // Longest first, so that a main stem is one line and its feeders end on it.
    let course_length = |head: usize| {
        let (mut at, mut steps) = (head, 0_usize);
        while !main(at) && drainage.receiver[at] as usize != at {
            at = drainage.receiver[at] as usize;
            steps += 1;
        }
        steps
    };
    heads.sort_by_key(|&head| (std::cmp::Reverse(course_length(head)), head));
    let mut streams = Vec::new();
    for head in heads {
        let mut cells = vec![head];
        let mut at = head;
        loop {
            taken[at] = true;
            let next = drainage.receiver[at] as usize;
            if next == at {
                break;
            }
            cells.push(next);
            if taken[next] || main(next) {
                break;
            }
            at = next;
        }
        if cells.len() < 7 {
            continue;
        }
        let mut line: Vec<PointM> = cells
            .iter()
            .map(|&cell| {
                let centre = coarse.centre_m(cell);
                [centre[0] - MARGIN_M, centre[1] - MARGIN_M]
            })
            .collect();
        let last = cells[cells.len() - 1];
        if main(last) {
            let end = line[line.len() - 1];
            if let Some(mouth) = river.iter().min_by(|a, b| distance(**a, end).total_cmp(&distance(**b, end))) {
                line.push(*mouth);
            }
        }
        let areas: Vec<f64> = cells.iter().map(|&cell| drainage.area_m2[cell].min(4.0e7) / 1.0e6).collect();
        let course = resample(&smooth(&relax(&line, 2), 2), 5.0);
        let drained_km2 =
            (0..course.len()).map(|i| areas[(i * areas.len() / course.len()).min(areas.len() - 1)]).collect();
        streams.push(Stream { line: course, drained_km2 });
    }
    streams
}
