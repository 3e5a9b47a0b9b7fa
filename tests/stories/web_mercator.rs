//! Where a position lies in the tiles of the two grids: the well-known formulas, written anew as an oracle.

/// Column and row, whole and fraction, of a position on the Web-Mercator grid.
fn place(zoom: u32, [lon, lat]: [f64; 2]) -> [f64; 2] {
    let count = f64::from(1_u32 << zoom);
    let y = (1.0 - lat.to_radians().tan().asinh() / std::f64::consts::PI) / 2.0;
    [(lon + 180.0) / 360.0 * count, y * count]
}

/// The Web-Mercator tile that holds a position in degrees.
pub(crate) fn tile_at(zoom: u32, lon_lat_deg: [f64; 2]) -> (u32, u32) {
    let [x, y] = place(zoom, lon_lat_deg);
    (x as u32, y as u32)
}

/// Column and row of a position within its tile of 256 pixels.
pub(crate) fn pixel_in_tile(zoom: u32, lon_lat_deg: [f64; 2]) -> [u32; 2] {
    place(zoom, lon_lat_deg).map(|place| (place.fract() * 256.0) as u32)
}

/// The tile of Tianditu's `c` grid (EPSG:4490, 2 x 1 tiles at level 1) that holds a position in degrees.
pub(crate) fn c_tile_at(zoom: u32, [lon, lat]: [f64; 2]) -> (u32, u32) {
    let side_deg = 360.0 / f64::from(1_u32 << zoom);
    (((lon + 180.0) / side_deg) as u32, ((90.0 - lat) / side_deg) as u32)
}

/// A tile's address from a TileJSON template.
pub(crate) fn address(template: &str, zoom: u32, (x, y): (u32, u32)) -> String {
    template.replace("{z}", &zoom.to_string()).replace("{x}", &x.to_string()).replace("{y}", &y.to_string())
}
