//! The two tile grids of Chinese web maps: `w` (Web Mercator) and `c` (CGCS2000 degrees).
//!
//! Fixed, not read from anyone's capabilities document: published ones carry 96-dpi scale denominators and
//! wrong corners. `w` is OGC WebMercatorQuad (OGC 17-083r4, annex D.1), levels from 0. `c` is Tianditu's set:
//! EPSG:4490, 2 x 1 tiles at level 1, no level 0, so that its column numbers equal those of `w` at each level.
//! Rows count from the north.

use crate::crs::Crs;

/// Deepest level either grid is used at; keeps every column and row within `u32`.
pub const MAX_ZOOM: u8 = 30;
/// Half the circumference at the equator of the sphere EPSG:3857 is drawn on, metres.
pub const WEB_MERCATOR_HALF_M: f64 = 20_037_508.342_789_244;
/// Radius of that sphere, metres.
const WEB_MERCATOR_RADIUS_M: f64 = 6_378_137.0;

/// A tile grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TileMatrixSet {
    /// `w`: EPSG:3857, one tile at level 0.
    WebMercatorQuad,
    /// `c`: EPSG:4490 degrees, 2 x 1 tiles at level 1.
    Cgcs2000C,
}

/// One tile: level, column from the west, row from the north.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileCoord {
    /// Level.
    pub z: u8,
    /// Column, from the west.
    pub x: u32,
    /// Row, from the north.
    pub y: u32,
}

impl TileCoord {
    /// A tile by its three numbers; whether a grid holds it is for [`TileMatrixSet::contains`].
    #[must_use]
    pub const fn new(z: u8, x: u32, y: u32) -> Self {
        Self { z, x, y }
    }

    /// The tile one level up, none above level 0.
    #[must_use]
    pub const fn parent(self) -> Option<Self> {
        match self.z.checked_sub(1) {
            Some(z) => Some(Self::new(z, self.x / 2, self.y / 2)),
            None => None,
        }
    }

    /// The four tiles one level down: north-west, north-east, south-west, south-east; none below [`MAX_ZOOM`].
    #[must_use]
    pub fn children(self) -> Option<[Self; 4]> {
        if self.z >= MAX_ZOOM {
            return None;
        }
        let (z, x, y) = (self.z + 1, self.x.checked_mul(2)?, self.y.checked_mul(2)?);
        Some([Self::new(z, x, y), Self::new(z, x + 1, y), Self::new(z, x, y + 1), Self::new(z, x + 1, y + 1)])
    }
}

impl TileMatrixSet {
    /// Both grids.
    pub const ALL: [Self; 2] = [Self::WebMercatorQuad, Self::Cgcs2000C];

    /// The letter in URLs and layer names: `w` or `c`.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::WebMercatorQuad => "w",
            Self::Cgcs2000C => "c",
        }
    }

    /// The grid of a letter.
    #[must_use]
    pub fn from_letter(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.letter() == letter)
    }

    /// The coordinate system of [`Self::bounds`].
    #[must_use]
    pub fn crs(self) -> Crs {
        match self {
            Self::WebMercatorQuad => Crs::web_mercator(),
            Self::Cgcs2000C => Crs::cgcs2000(),
        }
    }

    /// First level.
    #[must_use]
    pub const fn min_zoom(self) -> u8 {
        match self {
            Self::WebMercatorQuad => 0,
            Self::Cgcs2000C => 1,
        }
    }

    /// Columns and rows at a level; (0, 0) where the grid has no such level.
    #[must_use]
    pub const fn matrix_size(self, z: u8) -> (u32, u32) {
        if z < self.min_zoom() || z > MAX_ZOOM {
            return (0, 0);
        }
        match self {
            Self::WebMercatorQuad => (1 << z, 1 << z),
            Self::Cgcs2000C => (1 << z, 1 << (z - 1)),
        }
    }

    /// Whether the grid has this tile.
    #[must_use]
    pub const fn contains(self, tile: TileCoord) -> bool {
        let (columns, rows) = self.matrix_size(tile.z);
        tile.x < columns && tile.y < rows
    }

    /// North-west corner in the grid's units.
    #[must_use]
    pub const fn origin(self) -> [f64; 2] {
        match self {
            Self::WebMercatorQuad => [-WEB_MERCATOR_HALF_M, WEB_MERCATOR_HALF_M],
            Self::Cgcs2000C => [-180.0, 90.0],
        }
    }

    /// Side of a tile at a level, in the grid's units.
    #[must_use]
    pub fn tile_span(self, z: u8) -> f64 {
        let whole = match self {
            Self::WebMercatorQuad => 2.0 * WEB_MERCATOR_HALF_M,
            Self::Cgcs2000C => 360.0,
        };
        whole / f64::from(z).exp2()
    }

    /// Units per pixel of a 256-pixel tile at a level.
    #[must_use]
    pub fn resolution(self, z: u8) -> f64 {
        self.tile_span(z) / 256.0
    }

    /// `[min_x, min_y, max_x, max_y]` of a tile in the grid's units.
    #[must_use]
    pub fn bounds(self, tile: TileCoord) -> [f64; 4] {
        let span = self.tile_span(tile.z);
        let [west, north] = self.origin();
        // Each edge from its own index, so that neighbours share the very same number.
        let x = |column: f64| west + column * span;
        let y = |row: f64| north - row * span;
        let (column, row) = (f64::from(tile.x), f64::from(tile.y));
        [x(column), y(row + 1.0), x(column + 1.0), y(row)]
    }

    /// The tile at a level that holds a point in the grid's units, none outside the grid.
    /// The west and north edges belong to a tile; the grid's own east and south edges to its last tiles.
    #[must_use]
    pub fn tile_at(self, z: u8, x: f64, y: f64) -> Option<TileCoord> {
        let (columns, rows) = self.matrix_size(z);
        let [west, north] = self.origin();
        let span = self.tile_span(z);
        let index = |distance: f64, count: u32| {
            let cells = distance / span;
            (0.0..=f64::from(count)).contains(&cells).then(|| (cells as u32).min(count.saturating_sub(1)))
        };
        if columns == 0 {
            return None;
        }
        Some(TileCoord::new(z, index(x - west, columns)?, index(north - y, rows)?))
    }

    /// First (north-west) and last (south-east) tile that a box in the grid's units touches, clamped to the grid;
    /// none where the box lies outside or the level does not exist. A box that ends on a tile's edge does not
    /// touch the next tile.
    #[must_use]
    pub fn tile_range(self, z: u8, bounds: [f64; 4]) -> Option<(TileCoord, TileCoord)> {
        let (columns, rows) = self.matrix_size(z);
        let [west, north] = self.origin();
        let span = self.tile_span(z);
        let [min_x, min_y, max_x, max_y] = bounds;
        let ordered = min_x <= max_x && min_y <= max_y;
        let (left, right) = ((min_x - west) / span, (max_x - west) / span);
        let (top, bottom) = ((north - max_y) / span, (north - min_y) / span);
        let outside = right < 0.0 || bottom < 0.0 || left > f64::from(columns) || top > f64::from(rows);
        if columns == 0 || !ordered || outside {
            return None;
        }
        let first = |cells: f64, count: u32| (cells.max(0.0) as u32).min(count - 1);
        let last =
            |cells: f64, from: u32, count: u32| ((cells.ceil() - 1.0).max(f64::from(from)) as u32).min(count - 1);
        let (x, y) = (first(left, columns), first(top, rows));
        Some((TileCoord::new(z, x, y), TileCoord::new(z, last(right, x, columns), last(bottom, y, rows))))
    }

    /// `[west, south, east, north]` of a tile in degrees (WGS 84 = CGCS2000).
    #[must_use]
    pub fn lon_lat_bounds_deg(self, tile: TileCoord) -> [f64; 4] {
        let [min_x, min_y, max_x, max_y] = self.bounds(tile);
        match self {
            Self::Cgcs2000C => [min_x, min_y, max_x, max_y],
            Self::WebMercatorQuad => {
                let [west, south] = lon_lat_deg_from_web_mercator([min_x, min_y]);
                let [east, north] = lon_lat_deg_from_web_mercator([max_x, max_y]);
                [west, south, east, north]
            }
        }
    }

    /// A point in degrees, in the grid's units. Latitudes beyond Web Mercator's square land on its edge.
    #[must_use]
    pub fn from_lon_lat_deg(self, lon_lat_deg: [f64; 2]) -> [f64; 2] {
        match self {
            Self::Cgcs2000C => lon_lat_deg,
            Self::WebMercatorQuad => web_mercator_from_lon_lat_deg(lon_lat_deg),
        }
    }
}

/// `[west, south, east, north]` of a Web Mercator tile in degrees.
#[must_use]
pub fn lon_lat_bounds_deg(tile: TileCoord) -> [f64; 4] {
    TileMatrixSet::WebMercatorQuad.lon_lat_bounds_deg(tile)
}

/// EPSG:3857 metres of longitude and latitude in degrees (EPSG method 1024); latitudes are clamped to the square.
#[must_use]
pub fn web_mercator_from_lon_lat_deg([lon, lat]: [f64; 2]) -> [f64; 2] {
    let y = WEB_MERCATOR_RADIUS_M * lat.clamp(-89.9, 89.9).to_radians().tan().asinh();
    [WEB_MERCATOR_RADIUS_M * lon.to_radians(), y.clamp(-WEB_MERCATOR_HALF_M, WEB_MERCATOR_HALF_M)]
}

/// Longitude and latitude in degrees of EPSG:3857 metres.
#[must_use]
pub fn lon_lat_deg_from_web_mercator([x, y]: [f64; 2]) -> [f64; 2] {
    [(x / WEB_MERCATOR_RADIUS_M).to_degrees(), (y / WEB_MERCATOR_RADIUS_M).sinh().atan().to_degrees()]
}
