//! Tiles of either web grid out of a raster in any coordinate system: terrain, and pictures that are not stored as such.
//!
//! The transform is asked at the nodes of a mesh over the tile and interpolated between them; where the middle of a cell
//! is off by an eighth of a source pixel or more the mesh is made finer, down to every pixel. Samples are bilinear, and
//! what has no data stays out of the mean.

use geodesy::Transform;
use geodesy::grid::{TileCoord, TileMatrixSet};

use super::passthrough::{PictureFormat, PictureTile, StoredTile};
use super::reader::{BandPixels, Cog, RgbaPixels, Window, in_background};
use crate::TilesError;
use crate::terrain::{TILE_SIZE_PX, TerrainEncoding};

/// How far an interpolated position may be off, in pixels of the level that is sampled.
const MAX_ERROR_PX: f64 = 0.125;

/// Side of the finest level that is read when a tile is much coarser than the coarsest level.
const MAX_WINDOW_SIDE: f64 = 4096.0;

/// Where each pixel of a tile lies in a raster, in pixels of its full resolution.
pub(super) struct Positions {
    /// Column and row for each pixel, row by row; NaN where the transform has no answer.
    pub(super) of_pixels: Vec<[f64; 2]>,
    /// Pixels of the full resolution per pixel of the tile.
    scale: f64,
}

impl Cog {
    /// Heights of a tile of `size_px` x `size_px` pixels, sampled bilinearly; `None` when no pixel has data.
    ///
    /// `cog_from_grid` leads from the grid's CRS to the raster's.
    ///
    /// # Errors
    /// When the raster has no place, or cannot be read.
    pub async fn height_tile(
        &self,
        cog_from_grid: &Transform,
        grid: TileMatrixSet,
        tile: TileCoord,
        size_px: u32,
    ) -> Result<Option<BandPixels>, TilesError> {
        let Some((positions, level, window)) = self.plan(cog_from_grid, grid, tile, size_px)? else {
            return Ok(None);
        };
        let source = self.read_band(level, window, 0).await?;
        let scale = self.level_scale(level);
        in_background(move || {
            let mut source = source;
            let halvings = halvings(positions.scale, scale);
            for _ in 0..halvings {
                source = halve_heights(&source);
            }
            let values: Vec<f32> = positions
                .of_pixels
                .iter()
                .map(|position| bilinear_height(&source, at_level(*position, scale, window, halvings)))
                .collect();
            let any = values.iter().any(|value| value.is_finite());
            Ok(any.then_some(BandPixels { width: size_px, height: size_px, values }))
        })
        .await
    }

    /// A terrain tile as PNG; `None` when no pixel has data. `cog_from_grid` leads from the grid's CRS to the raster's.
    ///
    /// # Errors
    /// As [`Self::height_tile`].
    pub async fn terrain_tile(
        &self,
        cog_from_grid: &Transform,
        grid: TileMatrixSet,
        tile: TileCoord,
        encoding: TerrainEncoding,
    ) -> Result<Option<Vec<u8>>, TilesError> {
        let Some(heights) = self.height_tile(cog_from_grid, grid, tile, TILE_SIZE_PX).await? else {
            return Ok(None);
        };
        in_background(move || encoding.encode_png(heights.width, &heights.values)).await.map(Some)
    }

    /// A tile in colour, sampled bilinearly; `None` when every pixel is transparent.
    ///
    /// # Errors
    /// As [`Self::height_tile`], and when the samples are not bytes.
    pub async fn rgba_tile(
        &self,
        cog_from_grid: &Transform,
        grid: TileMatrixSet,
        tile: TileCoord,
        size_px: u32,
    ) -> Result<Option<RgbaPixels>, TilesError> {
        let Some((positions, level, window)) = self.plan(cog_from_grid, grid, tile, size_px)? else {
            return Ok(None);
        };
        let source = self.read_rgba(level, window).await?;
        let scale = self.level_scale(level);
        in_background(move || {
            let mut source = source;
            let halvings = halvings(positions.scale, scale);
            for _ in 0..halvings {
                source = halve_rgba(&source);
            }
            let data: Vec<u8> = positions
                .of_pixels
                .iter()
                .flat_map(|position| bilinear_rgba(&source, at_level(*position, scale, window, halvings)))
                .collect();
            let any = data.chunks_exact(4).any(|pixel| pixel[3] > 0);
            Ok(any.then_some(RgbaPixels { width: size_px, height: size_px, data }))
        })
        .await
    }

    /// A picture tile of either grid: the stored bytes where the file holds just this tile, else a 256-pixel tile
    /// resampled and encoded as `WebP`. `None` when the tile is empty.
    ///
    /// # Errors
    /// As [`Self::rgba_tile`].
    pub async fn picture_tile(
        &self,
        cog_from_grid: &Transform,
        grid: TileMatrixSet,
        tile: TileCoord,
    ) -> Result<Option<PictureTile>, TilesError> {
        if grid == TileMatrixSet::WebMercatorQuad {
            match self.stored_tile(tile).await? {
                StoredTile::Picture(picture) => return Ok(Some(picture)),
                StoredTile::Empty => return Ok(None),
                StoredTile::Unaligned => {}
            }
        }
        let Some(pixels) = self.rgba_tile(cog_from_grid, grid, tile, TILE_SIZE_PX).await? else {
            return Ok(None);
        };
        in_background(move || {
            let bytes = super::encode::webp(&pixels.data, pixels.width)?.into();
            Ok(Some(PictureTile { format: PictureFormat::Webp, bytes }))
        })
        .await
    }

    fn level_scale(&self, level: usize) -> [f64; 2] {
        self.inner.images[level].level.scale
    }

    /// Positions of the tile's pixels, the level to sample and the window of it that is needed.
    fn plan(
        &self,
        cog_from_grid: &Transform,
        grid: TileMatrixSet,
        tile: TileCoord,
        size_px: u32,
    ) -> Result<Option<(Positions, usize, Window)>, TilesError> {
        if size_px == 0 || size_px > 4096 || !grid.contains(tile) {
            return Err(TilesError::Argument { reason: format!("{size_px} px of tile {tile:?}") });
        }
        if self.transform().is_none() {
            return Err(TilesError::unsupported("TIFF", "sampling a raster without georeference"));
        }
        let positions = self.positions(cog_from_grid, grid.bounds(tile), size_px);
        let level =
            self.inner.images.iter().rposition(|image| image.level.scale[0] <= positions.scale * 1.01).unwrap_or(0);
        let shape = self.inner.images[level].level;
        let mut low = [f64::INFINITY; 2];
        let mut high = [f64::NEG_INFINITY; 2];
        let sizes = [f64::from(shape.width), f64::from(shape.height)];
        for position in &positions.of_pixels {
            let at = [position[0] / shape.scale[0], position[1] / shape.scale[1]];
            if (0..2).all(|axis| at[axis] > -1.0 && at[axis] < sizes[axis] + 1.0) {
                for axis in 0..2 {
                    low[axis] = low[axis].min(at[axis]);
                    high[axis] = high[axis].max(at[axis]);
                }
            }
        }
        if low[0] > high[0] {
            return Ok(None);
        }
        // On a multiple of what is halved together, so that the raster's edge stays an edge.
        let step = f64::from(1_u32 << halvings(positions.scale, shape.scale));
        let start = low.map(|v| ((v.floor() - 1.0) / step).floor() * step);
        let side = [0, 1].map(|axis| high[axis].ceil() + step - start[axis]);
        if side.iter().any(|side| *side > MAX_WINDOW_SIDE) {
            return Err(TilesError::unsupported("TIFF", "a tile much coarser than the smallest overview"));
        }
        let window = Window { x: start[0] as i64, y: start[1] as i64, width: side[0] as u32, height: side[1] as u32 };
        Ok(Some((positions, level, window)))
    }

    /// Positions by an interpolated mesh, fine enough for the level that will be sampled.
    pub(super) fn positions(&self, cog_from_grid: &Transform, bounds: [f64; 4], size_px: u32) -> Positions {
        let pixel_from_cog = self.transform();
        let [west, south, east, north] = bounds;
        // The position of a place of the tile, 0..1 from its north-west corner.
        let exact = |places: &[[f64; 2]]| -> Vec<[f64; 2]> {
            let mut points: Vec<[f64; 2]> =
                places.iter().map(|[u, v]| [west + (east - west) * u, north - (north - south) * v]).collect();
            if cog_from_grid.points(&mut points).is_err() {
                // Some place has no answer; ask for each by itself.
                for (point, [u, v]) in points.iter_mut().zip(places) {
                    let mut one = [[west + (east - west) * u, north - (north - south) * v]];
                    *point = cog_from_grid.points(&mut one).map_or([f64::NAN; 2], |()| one[0]);
                }
            }
            points.into_iter().map(|point| pixel_from_cog.map_or([f64::NAN; 2], |t| t.pixel_from_crs(point))).collect()
        };
        let mut cells = 4_u32.min(size_px);
        loop {
            let node = |index: u32| f64::from(index) / f64::from(cells);
            let nodes = exact(&lattice(cells + 1, node));
            let row = cells as usize + 1;
            let mesh = |column: usize, line: usize, fu: f64, fv: f64| -> [f64; 2] {
                let corner = |c: usize, l: usize| nodes[l * row + c];
                let (a, b) = (corner(column, line), corner(column + 1, line));
                let (c, d) = (corner(column, line + 1), corner(column + 1, line + 1));
                [0, 1].map(|axis| {
                    (a[axis] * (1.0 - fu) + b[axis] * fu) * (1.0 - fv) + (c[axis] * (1.0 - fu) + d[axis] * fu) * fv
                })
            };
            let scale = scale_of(&nodes, row, size_px, cells);
            let is_exact = cells >= size_px;
            let middles = exact(&lattice(cells, |index| (f64::from(index) + 0.5) / f64::from(cells)));
            let level_scale = scale.max(1.0);
            let off = middles.iter().enumerate().any(|(index, middle)| {
                let guess = mesh(index % cells as usize, index / cells as usize, 0.5, 0.5);
                let error = (guess[0] - middle[0]).hypot(guess[1] - middle[1]) / level_scale;
                // Not a number: a corner without an answer. Only the pixels themselves can tell then.
                error.is_nan() != middle[0].is_nan() || error >= MAX_ERROR_PX
            });
            if off && !is_exact {
                cells = (cells * 4).min(size_px);
                continue;
            }
            if off {
                let of_pixels = exact(&lattice(size_px, |index| (f64::from(index) + 0.5) / f64::from(size_px)));
                return Positions { of_pixels, scale };
            }
            let of_pixels = (0..size_px * size_px)
                .map(|index| {
                    let place = |pixel: u32| (f64::from(pixel) + 0.5) / f64::from(size_px) * f64::from(cells);
                    let (u, v) = (place(index % size_px), place(index / size_px));
                    mesh(u as usize, v as usize, u.fract(), v.fract())
                })
                .collect();
            return Positions { of_pixels, scale };
        }
    }
}

/// `count` x `count` places, row by row.
fn lattice(count: u32, place: impl Fn(u32) -> f64) -> Vec<[f64; 2]> {
    (0..count * count).map(|index| [place(index % count), place(index / count)]).collect()
}

/// Pixels of the full resolution per pixel of the tile: the smallest step between neighbouring nodes that have one.
fn scale_of(nodes: &[[f64; 2]], row: usize, size_px: u32, cells: u32) -> f64 {
    let pixels_per_cell = f64::from(size_px) / f64::from(cells);
    let step = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]) / pixels_per_cell;
    nodes
        .iter()
        .enumerate()
        .flat_map(|(index, node)| {
            let right = ((index + 1) % row != 0).then(|| step(*node, nodes[index + 1]));
            let below = nodes.get(index + row).map(|other| step(*node, *other));
            right.into_iter().chain(below)
        })
        .filter(|step| step.is_finite() && *step > 0.0)
        .fold(f64::INFINITY, f64::min)
}

/// How often a window has to be halved before a tile coarser than the level is sampled from it, so that bilinear
/// sampling skips no pixel.
fn halvings(tile_scale: f64, level_scale: [f64; 2]) -> u32 {
    let ratio = tile_scale / level_scale[0];
    // More than twelve leave nothing of the largest window.
    (0..12).take_while(|bits| ratio >= f64::from(2_u32 << bits) * 0.99).count() as u32
}

/// From pixels of the full resolution to those of a window of a level, halved some times.
fn at_level(position: [f64; 2], scale: [f64; 2], window: Window, halvings: u32) -> [f64; 2] {
    let shrink = f64::from(1_u32 << halvings);
    [(position[0] / scale[0] - window.x as f64) / shrink, (position[1] / scale[1] - window.y as f64) / shrink]
}

/// The indices of the two by two pixels, fewer at the edges, under each pixel of half the size.
fn under_halves(width: u32, height: u32) -> impl Iterator<Item = [Option<usize>; 4]> {
    let index = move |x: u32, y: u32| (x < width && y < height).then(|| y as usize * width as usize + x as usize);
    (0..height.div_ceil(2)).flat_map(move |y| {
        (0..width.div_ceil(2))
            .map(move |x| [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| index(2 * x + dx, 2 * y + dy)))
    })
}

pub(super) fn halve_heights(source: &BandPixels) -> BandPixels {
    let values = under_halves(source.width, source.height)
        .map(|four| {
            let (sum, count) = four
                .iter()
                .flatten()
                .map(|index| source.values[*index])
                .filter(|value| !value.is_nan())
                .fold((0.0, 0.0), |(sum, count), value| (sum + f64::from(value), count + 1.0));
            (sum / count) as f32
        })
        .collect();
    BandPixels { width: source.width.div_ceil(2), height: source.height.div_ceil(2), values }
}

fn halve_rgba(source: &RgbaPixels) -> RgbaPixels {
    let data = under_halves(source.width, source.height)
        .flat_map(|four| {
            let mut sum = [0_u32; 4];
            for index in four.into_iter().flatten() {
                let pixel = &source.data[index * 4..index * 4 + 4];
                let alpha = u32::from(pixel[3]);
                for band in 0..3 {
                    sum[band] += u32::from(pixel[band]) * alpha;
                }
                sum[3] += alpha;
            }
            let alpha = sum[3].max(1);
            [sum[0] / alpha, sum[1] / alpha, sum[2] / alpha, sum[3].div_ceil(4)].map(|value| value as u8)
        })
        .collect();
    RgbaPixels { width: source.width.div_ceil(2), height: source.height.div_ceil(2), data }
}

/// The four pixels around a position (whole numbers are pixel corners) with their weights, nearest first; pixels
/// outside are left out.
fn neighbours(width: u32, height: u32, position: [f64; 2]) -> impl Iterator<Item = (usize, f64)> {
    let [x, y] = position.map(|v| v - 0.5);
    let corner = [x.floor(), y.floor()];
    let fraction = [x - corner[0], y - corner[1]];
    let near = fraction.map(|f| i32::from(f >= 0.5));
    let mut around = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| {
        let place = [corner[0] + f64::from(dx), corner[1] + f64::from(dy)];
        let weight = (if dx == 1 { fraction[0] } else { 1.0 - fraction[0] })
            * (if dy == 1 { fraction[1] } else { 1.0 - fraction[1] });
        (place, weight, [dx, dy] != near)
    });
    around.sort_by_key(|(_, _, is_far)| *is_far);
    around.into_iter().filter_map(move |([x, y], weight, _)| {
        let inside = x >= 0.0 && y >= 0.0 && x < f64::from(width) && y < f64::from(height);
        inside.then(|| (y as usize * width as usize + x as usize, weight))
    })
}

/// The height at a position; NaN where the nearest pixel has none.
pub(super) fn bilinear_height(source: &BandPixels, position: [f64; 2]) -> f32 {
    let (mut sum, mut weights) = (0.0, 0.0);
    let mut nearest_has_data = None;
    for (index, weight) in neighbours(source.width, source.height, position) {
        let value = source.values[index];
        let has_data = !value.is_nan();
        if !*nearest_has_data.get_or_insert(has_data) {
            return f32::NAN;
        }
        if has_data {
            sum += f64::from(value) * weight;
            weights += weight;
        }
    }
    if weights > 0.0 { (sum / weights) as f32 } else { f32::NAN }
}

/// The colour at a position, its pixels weighed by their alpha.
fn bilinear_rgba(source: &RgbaPixels, position: [f64; 2]) -> [u8; 4] {
    let mut sum = [0.0; 4];
    for (index, weight) in neighbours(source.width, source.height, position) {
        let pixel = &source.data[index * 4..index * 4 + 4];
        let alpha = f64::from(pixel[3]) * weight;
        for band in 0..3 {
            sum[band] += f64::from(pixel[band]) * alpha;
        }
        sum[3] += alpha;
    }
    if sum[3] <= 0.0 {
        return [0; 4];
    }
    let colour = |band: usize| (sum[band] / sum[3]).round() as u8;
    [colour(0), colour(1), colour(2), sum[3].round() as u8]
}
