//! A picture brought to the Web-Mercator pixel grid, block by block.
//!
//! For each block the way back from map pixels to delivered pixels is computed exactly at the knots
//! of a net and interpolated between them, the net made finer until the middle of no mesh is off by
//! more than an eighth of a pixel. Magnified pixels are interpolated (cubic where everything around
//! is opaque), reduced ones averaged, and colours weigh by their opacity so that no edge bleeds.

use geodesy::grid::TileMatrixSet;
use geodesy::{GeodesyError, Transform};
use rayon::prelude::*;

use super::picture::{Picture, Pixels};
use crate::gdal::GdalFailure;
use crate::gdal::raster::Window;

/// How far a pixel may be taken from the wrong place, in delivered pixels.
const MAX_OFF: f64 = 0.125;
/// Pixels between knots to begin with.
const WIDEST_MESH: usize = 64;
/// Reach of the cubic kernel.
const REACH: f64 = 2.0;
/// Delivered pixels read at once at most; a block that needs more is taken from a reduced picture.
const MOST_PIXELS: usize = 64 << 20;
/// Samples in each direction for one averaged pixel.
const MOST_SAMPLES: usize = 16;

/// A block could not be made.
#[derive(Debug, thiserror::Error)]
pub enum WarpError {
    /// The way back could not be computed.
    #[error("the map can't be brought back to the picture's coordinates")]
    Coordinates {
        /// Why.
        #[source]
        source: GeodesyError,
    },
    /// The picture could not be read.
    #[error("the picture can't be read")]
    Pixels {
        /// Why.
        #[source]
        source: GdalFailure,
    },
}

/// A picture and the way to it from the pixel grid of one zoom.
pub struct Warp {
    picture: Picture,
    crs_from_web_mercator: Transform,
    pixel_from_crs: [f64; 6],
    zoom: u8,
}

impl std::fmt::Debug for Warp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Warp").field("picture", &self.picture).field("zoom", &self.zoom).finish_non_exhaustive()
    }
}

/// The smallest zoom of 256-pixel tiles whose pixels are no larger than the picture's, and the
/// `[min_x, min_y, max_x, max_y]` of the picture in EPSG:3857.
///
/// `crs_from_pixel` is GDAL's affine; `to_web_mercator` leads from the picture's CRS.
pub fn fit(
    size: [usize; 2],
    crs_from_pixel: [f64; 6],
    to_web_mercator: &Transform,
) -> Result<(u8, [f64; 4]), GeodesyError> {
    let [width, height] = size.map(|v| v as f64);
    let place = |column: f64, row: f64| {
        let [x0, xc, xr, y0, yc, yr] = crs_from_pixel;
        [x0 + column * xc + row * xr, y0 + column * yc + row * yr]
    };
    // The outline bends on the map: 32 points a side.
    let mut outline: Vec<[f64; 2]> = (0..=32)
        .flat_map(|step| {
            let t = f64::from(step) / 32.0;
            [place(width * t, 0.0), place(width * t, height), place(0.0, height * t), place(width, height * t)]
        })
        .collect();
    to_web_mercator.points(&mut outline)?;
    let bounds = outline.iter().fold([f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY], |b, p| {
        [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])]
    });
    let (column, row) = (width / 2.0, height / 2.0);
    let mut steps = [place(column, row), place(column + 1.0, row), place(column, row + 1.0)];
    to_web_mercator.points(&mut steps)?;
    let length = |to: [f64; 2]| (to[0] - steps[0][0]).hypot(to[1] - steps[0][1]);
    let finest_m = length(steps[1]).min(length(steps[2]));
    let grid = TileMatrixSet::WebMercatorQuad;
    // A picture that is already on the grid must not be magnified for a rounding error.
    let fits = |zoom: &u8| grid.resolution(*zoom) <= finest_m * 1.001;
    Ok(((0..=23).find(fits).unwrap_or(23), bounds))
}

impl Warp {
    /// The picture at the pixel grid of `zoom`. `None` where the affine can't be inverted.
    #[must_use]
    pub fn new(picture: Picture, crs_from_pixel: [f64; 6], crs_from_web_mercator: Transform, zoom: u8) -> Option<Self> {
        Some(Self { picture, crs_from_web_mercator, pixel_from_crs: inverted(crs_from_pixel)?, zoom })
    }

    /// The picture.
    #[must_use]
    pub fn picture(&self) -> &Picture {
        &self.picture
    }

    /// Pixels `[r, g, b, a]` of `width` columns and `height` rows whose first is column `x`, row `y`
    /// of the zoom's grid (counted from its north-west corner). Transparent outside the picture.
    pub fn block(&self, x: i64, y: i64, width: usize, height: usize) -> Result<Vec<[u8; 4]>, WarpError> {
        let net = self.net([x, y], [width, height])?;
        let mut out = vec![[0_u8; 4]; width * height];
        let Some(read) = self.window(&net) else { return Ok(out) };
        let pixels = self.picture.read(read.window).map_err(|source| WarpError::Pixels { source })?;
        out.par_chunks_mut(width.max(1)).enumerate().for_each(|(row, line)| {
            for (column, pixel) in line.iter_mut().enumerate() {
                let at = net.at(column as f64 + 0.5, row as f64 + 0.5);
                let step = net.step(column, row);
                *pixel = read.sample(&pixels, at, step);
            }
        });
        Ok(out)
    }

    /// Delivered pixel positions of map pixel positions relative to `origin`.
    fn back(&self, origin: [i64; 2], positions: &mut [[f64; 2]]) -> Result<(), WarpError> {
        let grid = TileMatrixSet::WebMercatorQuad;
        let resolution = grid.resolution(self.zoom);
        let half_m = grid.tile_span(0) / 2.0;
        for position in positions.iter_mut() {
            let column = origin[0] as f64 + position[0];
            let row = origin[1] as f64 + position[1];
            *position = [column * resolution - half_m, half_m - row * resolution];
        }
        self.crs_from_web_mercator.points(positions).map_err(|source| WarpError::Coordinates { source })?;
        let [c0, cx, cy, r0, rx, ry] = self.pixel_from_crs;
        for position in positions.iter_mut() {
            let [x, y] = *position;
            *position = [c0 + x * cx + y * cy, r0 + x * rx + y * ry];
        }
        Ok(())
    }

    fn net(&self, origin: [i64; 2], size: [usize; 2]) -> Result<Net, WarpError> {
        let mut mesh = WIDEST_MESH;
        loop {
            let [columns, rows] = size.map(|length| length.div_ceil(mesh) + 1);
            let mut knots = Vec::with_capacity(columns * rows);
            let mut middles = Vec::with_capacity((columns - 1) * (rows - 1));
            for row in 0..rows {
                for column in 0..columns {
                    let at = [(column * mesh) as f64, (row * mesh) as f64];
                    knots.push(at);
                    if row + 1 < rows && column + 1 < columns {
                        let half = mesh as f64 / 2.0;
                        middles.push([at[0] + half, at[1] + half]);
                    }
                }
            }
            let places = middles.clone();
            self.back(origin, &mut knots)?;
            self.back(origin, &mut middles)?;
            let net = Net { mesh, columns, knots };
            let off = places.iter().zip(&middles).map(|(place, exact)| {
                let near = net.at(place[0], place[1]);
                (near[0] - exact[0]).hypot(near[1] - exact[1])
            });
            if mesh == 1 || off.fold(0.0, f64::max) <= MAX_OFF {
                return Ok(net);
            }
            mesh /= 2;
        }
    }

    /// The delivered pixels that a block needs, if any.
    fn window(&self, net: &Net) -> Option<Read> {
        let mut min = [f64::INFINITY; 2];
        let mut max = [f64::NEG_INFINITY; 2];
        for knot in &net.knots {
            for axis in 0..2 {
                min[axis] = min[axis].min(knot[axis]);
                max[axis] = max[axis].max(knot[axis]);
            }
        }
        let size = [self.picture.width, self.picture.height];
        let mut first = [0_usize; 2];
        let mut count = [0_usize; 2];
        for axis in 0..2 {
            let low = (min[axis] - REACH - 1.0).floor().max(0.0);
            let high = (max[axis] + REACH + 1.0).ceil().min(size[axis] as f64);
            if low >= high || low.is_nan() || high.is_nan() {
                return None;
            }
            first[axis] = low as usize;
            count[axis] = high as usize - low as usize;
        }
        let reduction = (count[0] * count[1]).div_ceil(MOST_PIXELS).max(1);
        let reduction = (reduction as f64).sqrt().ceil() as usize;
        let window = Window {
            out_width: count[0].div_ceil(reduction),
            out_height: count[1].div_ceil(reduction),
            ..Window::whole(first[0], first[1], count[0], count[1])
        };
        Some(Read { window, picture: size })
    }
}

/// Delivered positions at knots `mesh` pixels apart.
struct Net {
    mesh: usize,
    columns: usize,
    knots: Vec<[f64; 2]>,
}

impl Net {
    fn at(&self, x: f64, y: f64) -> [f64; 2] {
        let (u, v) = (x / self.mesh as f64, y / self.mesh as f64);
        let rows = self.knots.len() / self.columns;
        let column = (u as usize).min(self.columns.saturating_sub(2));
        let row = (v as usize).min(rows.saturating_sub(2));
        let (s, t) = (u - column as f64, v - row as f64);
        let knot = |dx: usize, dy: usize| self.knots[(row + dy) * self.columns + column + dx];
        let (a, b, c, d) = (knot(0, 0), knot(1, 0), knot(0, 1), knot(1, 1));
        std::array::from_fn(|axis| {
            let top = a[axis] + (b[axis] - a[axis]) * s;
            let bottom = c[axis] + (d[axis] - c[axis]) * s;
            top + (bottom - top) * t
        })
    }

    /// Delivered pixels per map pixel, the larger of both directions, about one map pixel.
    fn step(&self, column: usize, row: usize) -> f64 {
        let (x, y) = (column as f64, row as f64);
        let (here, right, down) = (self.at(x, y), self.at(x + 1.0, y), self.at(x, y + 1.0));
        let length = |to: [f64; 2]| (to[0] - here[0]).hypot(to[1] - here[1]);
        length(right).max(length(down))
    }
}

/// A window that was read, and how to take pixels from it.
struct Read {
    window: Window,
    picture: [usize; 2],
}

impl Read {
    fn sample(&self, pixels: &Pixels, at: [f64; 2], step: f64) -> [u8; 4] {
        let inside = (0..2).all(|axis| at[axis] >= 0.0 && at[axis] <= self.picture[axis] as f64);
        if !inside {
            return [0; 4];
        }
        let scale = [
            self.window.out_width as f64 / self.window.width as f64,
            self.window.out_height as f64 / self.window.height as f64,
        ];
        let at = [(at[0] - self.window.x as f64) * scale[0], (at[1] - self.window.y as f64) * scale[1]];
        let step = step * scale[0].max(scale[1]);
        if step > 1.5 {
            return average(pixels, at, step);
        }
        interpolate(pixels, at)
    }
}

/// The pixel at a position, or the nearest of the window's edge.
fn pixel(pixels: &Pixels, column: i64, row: i64) -> [u8; 4] {
    let rows = pixels.rgba.len() / pixels.width.max(1);
    let nearest = |index: i64, count: usize| usize::try_from(index).unwrap_or(0).min(count.saturating_sub(1));
    pixels.rgba[nearest(row, rows) * pixels.width + nearest(column, pixels.width)]
}

/// Catmull-Rom cubic where all sixteen pixels around are opaque, else bilinear by opacity.
fn interpolate(pixels: &Pixels, at: [f64; 2]) -> [u8; 4] {
    let [u, v] = [at[0] - 0.5, at[1] - 0.5];
    let (column, row) = (u.floor(), v.floor());
    let (s, t) = ((u - column) as f32, (v - row) as f32);
    let (column, row) = (column as i64, row as i64);
    let (kernel_x, kernel_y) = (cubic(s), cubic(t));
    let mut sum = [0.0_f32; 3];
    let mut opaque = true;
    for (dy, weight_y) in (-1..).zip(kernel_y) {
        for (dx, weight_x) in (-1..).zip(kernel_x) {
            let [r, g, b, a] = pixel(pixels, column + dx, row + dy);
            opaque &= a == u8::MAX;
            let weight = weight_x * weight_y;
            sum[0] += weight * f32::from(r);
            sum[1] += weight * f32::from(g);
            sum[2] += weight * f32::from(b);
        }
    }
    if opaque {
        let [r, g, b] = sum.map(|v| v.round().clamp(0.0, 255.0) as u8);
        return [r, g, b, u8::MAX];
    }
    let mut mixed = Mixed::default();
    for (dx, dy, weight) in [(0, 0, (1.0 - s) * (1.0 - t)), (1, 0, s * (1.0 - t)), (0, 1, (1.0 - s) * t), (1, 1, s * t)]
    {
        mixed.add(pixel(pixels, column + dx, row + dy), weight);
    }
    mixed.finish()
}

/// Mean of a square of `step` pixels around `at`.
fn average(pixels: &Pixels, at: [f64; 2], step: f64) -> [u8; 4] {
    let samples = (step.ceil() as usize).clamp(2, MOST_SAMPLES);
    let mut mixed = Mixed::default();
    for row in 0..samples {
        for column in 0..samples {
            let offset = |index: usize| ((index as f64 + 0.5) / samples as f64 - 0.5) * step;
            let (x, y) = (at[0] + offset(column), at[1] + offset(row));
            mixed.add(pixel(pixels, x.floor() as i64, y.floor() as i64), 1.0);
        }
    }
    mixed.finish()
}

/// Weights of the four pixels around a position `t` after the second (Catmull and Rom, 1974).
fn cubic(t: f32) -> [f32; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [0.5 * (-t3 + 2.0 * t2 - t), 0.5 * (3.0 * t3 - 5.0 * t2 + 2.0), 0.5 * (-3.0 * t3 + 4.0 * t2 + t), 0.5 * (t3 - t2)]
}

/// Colours mixed by their opacity.
#[derive(Debug, Default)]
struct Mixed {
    colour: [f32; 3],
    opacity: f32,
    weight: f32,
}

impl Mixed {
    fn add(&mut self, [r, g, b, a]: [u8; 4], weight: f32) {
        let opacity = weight * f32::from(a);
        for (sum, channel) in self.colour.iter_mut().zip([r, g, b]) {
            *sum += opacity * f32::from(channel);
        }
        self.opacity += opacity;
        self.weight += weight;
    }

    fn finish(&self) -> [u8; 4] {
        if self.opacity < 0.5 * self.weight {
            return [0; 4];
        }
        let [r, g, b] = self.colour.map(|sum| (sum / self.opacity).round().clamp(0.0, 255.0) as u8);
        [r, g, b, (self.opacity / self.weight).round().clamp(0.0, 255.0) as u8]
    }
}

fn inverted([x0, xc, xr, y0, yc, yr]: [f64; 6]) -> Option<[f64; 6]> {
    let determinant = xc * yr - xr * yc;
    if determinant == 0.0 || !determinant.is_finite() {
        return None;
    }
    let (cx, cy, rx, ry) = (yr / determinant, -xr / determinant, -yc / determinant, xc / determinant);
    Some([-(x0 * cx + y0 * cy), cx, cy, -(x0 * rx + y0 * ry), rx, ry])
}
