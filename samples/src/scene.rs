//! What lies on every pixel of a picture window: patch of the survey, road surface, roof, shadow.
//! Turns the county's vectors into rasters at any pixel size; colours are `paint`'s business.

use crate::buildings::Building;
use crate::grid::Grid;
use crate::network::{Road, RoadClass};
use crate::partition::{OUTSIDE, Partition};
use crate::path::{PointM, resample};

/// A picture window in the crate's frame.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// West edge, metres east.
    pub west_m: f64,
    /// North edge, metres south.
    pub north_m: f64,
    /// Pixels from west to east.
    pub columns: usize,
    /// Pixels from north to south.
    pub rows: usize,
    /// Pixel size in metres.
    pub pixel_m: f64,
}

impl Window {
    /// Centre of a pixel in the crate's frame.
    pub fn centre_m(&self, column: usize, row: usize) -> PointM {
        [self.west_m + (column as f64 + 0.5) * self.pixel_m, self.north_m + (row as f64 + 0.5) * self.pixel_m]
    }

    fn grid<T: Copy>(&self, value: T) -> Grid<T> {
        Grid::filled(self.columns, self.rows, self.pixel_m, value)
    }

    /// Column and row (with fraction) of a point.
    fn pixel_of(&self, p: PointM) -> [f64; 2] {
        [(p[0] - self.west_m) / self.pixel_m, (p[1] - self.north_m) / self.pixel_m]
    }
}

/// A surface laid over the ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Surface {
    /// Nothing.
    Bare,
    /// Asphalt.
    Asphalt,
    /// Concrete lane.
    Concrete,
    /// Railway ballast.
    Ballast,
    /// Painted line or rail.
    Line,
    /// Grass verge or embankment.
    Verge,
}

/// Everything that covers a window, pixel by pixel.
#[derive(Debug)]
pub struct Cover {
    /// The window.
    pub window: Window,
    /// Survey patch.
    pub patch: Grid<u32>,
    /// Road surface.
    pub surface: Grid<Surface>,
    /// Building (position plus one), 0 where there is none.
    pub roof: Grid<u16>,
    /// True in a building's shadow.
    pub shadow: Grid<bool>,
}

/// Direction in which shadows fall (towards the north-west) and their length per metre of height.
pub const SHADOW: PointM = [-0.52, -0.66];

/// Rasterises a window.
pub fn cover(
    window: Window,
    partition: &Partition,
    patch_of_face: &[u32],
    roads: &[Road],
    buildings: &[Building],
) -> Cover {
    let mut surface = window.grid(Surface::Bare);
    // Narrow roads first, so that wide ones run over them at crossings.
    for road in roads.iter().rev() {
        lay_road(&window, &mut surface, road);
    }
    let mut roof = window.grid(0_u16);
    let mut shadow = window.grid(false);
    for (number, building) in buildings.iter().enumerate() {
        let corners = building.corners();
        fill(&window, &corners, |index| roof[index] = number as u16 + 1);
        let top = building.top_m();
        let far = corners.map(|p| [p[0] + SHADOW[0] * top, p[1] + SHADOW[1] * top]);
        for i in 0..4 {
            let j = (i + 1) % 4;
            fill(&window, &[corners[i], corners[j], far[j], far[i]], |index| shadow[index] = true);
        }
        fill(&window, &far, |index| shadow[index] = true);
    }
    let mut patch = patches(&window, partition);
    for value in &mut patch.cells {
        *value = patch_of_face.get(*value as usize).copied().unwrap_or(OUTSIDE);
    }
    Cover { window, patch, surface, roof, shadow }
}

/// Which face of the partition every pixel centre lies in.
fn patches(window: &Window, partition: &Partition) -> Grid<u32> {
    let mut crossings: Vec<Vec<(f32, u32)>> = vec![Vec::new(); window.rows];
    for arc in &partition.arcs {
        for edge in arc.points.windows(2) {
            let a = window.pixel_of([edge[0][0] as f64 / 1_000.0, edge[0][1] as f64 / 1_000.0]);
            let b = window.pixel_of([edge[1][0] as f64 / 1_000.0, edge[1][1] as f64 / 1_000.0]);
            // Walking south the left hand points east.
            let (top, bottom, east) = if b[1] > a[1] { (a, b, arc.left) } else { (b, a, arc.right) };
            let first = (top[1] - 0.5).ceil().max(0.0) as usize;
            let last = (bottom[1] - 0.5).ceil().min(window.rows as f64);
            if last <= 0.0 {
                continue;
            }
            for (row, line) in crossings.iter_mut().enumerate().take(last as usize).skip(first) {
                let t = (row as f64 + 0.5 - top[1]) / (bottom[1] - top[1]);
                line.push(((top[0] + t * (bottom[0] - top[0])) as f32, east));
            }
        }
    }
    let mut patch = window.grid(OUTSIDE);
    for (row, line) in crossings.iter_mut().enumerate() {
        line.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (i, &(x, face)) in line.iter().enumerate() {
            let from = (x - 0.5).ceil().clamp(0.0, window.columns as f32) as usize;
            let to = line
                .get(i + 1)
                .map_or(window.columns, |next| (next.0 - 0.5).ceil().clamp(0.0, window.columns as f32) as usize);
            if to > from {
                patch.cells[row * window.columns + from..row * window.columns + to].fill(face);
            }
        }
    }
    patch
}

/// Calls `paint` for every pixel whose centre lies in a convex or simple ring.
fn fill(window: &Window, ring: &[PointM], mut paint: impl FnMut(usize)) {
    let pixels: Vec<[f64; 2]> = ring.iter().map(|p| window.pixel_of(*p)).collect();
    let low = pixels.iter().map(|p| p[1]).fold(f64::MAX, f64::min);
    let high = pixels.iter().map(|p| p[1]).fold(f64::MIN, f64::max);
    let first = (low - 0.5).ceil().max(0.0) as usize;
    let last = (high - 0.5).floor().min(window.rows as f64 - 1.0);
    if last < 0.0 {
        return;
    }
    for row in first..=last as usize {
        let y = row as f64 + 0.5;
        let mut xs: Vec<f64> = Vec::with_capacity(4);
        for i in 0..pixels.len() {
            let (a, b) = (pixels[i], pixels[(i + 1) % pixels.len()]);
            if (a[1] > y) != (b[1] > y) {
                xs.push(a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]));
            }
        }
        xs.sort_by(f64::total_cmp);
        for pair in xs.chunks_exact(2) {
            let from = (pair[0] - 0.5).ceil().max(0.0) as usize;
            let to = (pair[1] - 0.5).ceil().clamp(0.0, window.columns as f64) as usize;
            for column in from..to {
                paint(row * window.columns + column);
            }
        }
    }
}

fn lay_road(window: &Window, surface: &mut Grid<Surface>, road: &Road) {
    let margin = 40.0;
    let (east, south) =
        (window.west_m + window.columns as f64 * window.pixel_m, window.north_m + window.rows as f64 * window.pixel_m);
    let near = |p: &PointM| {
        p[0] > window.west_m - margin && p[0] < east + margin && p[1] > window.north_m - margin && p[1] < south + margin
    };
    let line = resample(&road.line, 8.0);
    let paved = road.class.paved_half_width_m();
    let stone = match road.class {
        RoadClass::Railway => Surface::Ballast,
        RoadClass::Lane => Surface::Concrete,
        _ => Surface::Asphalt,
    };
    let mut bands = vec![(paved, stone, 0.0)];
    if matches!(road.class, RoadClass::Expressway) {
        bands.insert(0, (road.class.half_width_m(), Surface::Verge, 0.0));
        bands.push((0.9, Surface::Verge, 0.0));
    }
    if window.pixel_m < 1.0 {
        match road.class {
            RoadClass::Railway => bands.extend([(0.12, Surface::Line, -0.72), (0.12, Surface::Line, 0.72)]),
            RoadClass::Lane | RoadClass::Township => {}
            RoadClass::Expressway => bands.extend([-11.0, -5.6, 5.6, 11.0].map(|at| (0.12, Surface::Line, at))),
            _ => bands.extend([
                (0.1, Surface::Line, 0.0),
                (0.1, Surface::Line, paved - 0.4),
                (0.1, Surface::Line, 0.4 - paved),
            ]),
        }
    }
    for (half, material, aside) in bands {
        for pair in line.windows(2).filter(|pair| near(&pair[0])) {
            let span = crate::path::distance(pair[0], pair[1]).max(1e-6);
            let (dx, dy) = ((pair[1][0] - pair[0][0]) / span, (pair[1][1] - pair[0][1]) / span);
            let corner = |p: PointM, along: f64, off: f64| [p[0] + dx * along - dy * off, p[1] + dy * along + dx * off];
            let quad = [
                corner(pair[0], -0.6, aside - half),
                corner(pair[1], 0.6, aside - half),
                corner(pair[1], 0.6, aside + half),
                corner(pair[0], -0.6, aside + half),
            ];
            fill(window, &quad, |index| surface[index] = material);
        }
    }
}
