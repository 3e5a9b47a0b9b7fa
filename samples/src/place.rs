//! Where the invented township lies and what its parts are called. Facts of the fiction, nothing computed.
//! Frame used inside the crate: metres east of the west edge, metres south of the north edge; see [`easting_northing_m`].

/// Side of the square township in metres.
pub const SIDE_M: f64 = 12_000.0;
/// Easting of the west edge in EPSG:4546 (CGCS2000, 3-degree zone, central meridian 111 E).
pub const WEST_EASTING_M: f64 = 370_400.0;
/// Northing of the north edge in EPSG:4546.
pub const NORTH_NORTHING_M: f64 = 3_139_400.0;
/// Side of a land-use cell and of a terrain post.
pub const CELL_M: f64 = 5.0;
/// Cells along one side.
pub const CELLS: usize = 2_400;
/// Area of one cell.
pub const CELL_AREA_M2: f64 = CELL_M * CELL_M;
/// Administrative code of the invented county.
pub const COUNTY_CODE: &str = "433199";
/// Administrative code of the invented township.
pub const TOWNSHIP_CODE: &str = "433199101";
/// Name of the county.
pub const COUNTY_NAME: &str = "样例县";
/// Name of the township.
pub const TOWNSHIP_NAME: &str = "样例镇";
/// The villages; the first is the seat of the township. All names are invented.
pub const VILLAGES: [&str; 13] = [
    "河湾社区",
    "青石坪村",
    "枫香坳村",
    "板栗坡村",
    "龙潭溪村",
    "白竹坪村",
    "岩门寨村",
    "桐木冲村",
    "大塘村",
    "云盘村",
    "两岔河村",
    "茶山坪村",
    "马鞍岭村",
];

/// 12-digit code of a village (township code and a serial).
pub fn village_code(village: usize) -> String {
    let serial = if village == 0 { 1 } else { 199 + village };
    format!("{TOWNSHIP_CODE}{serial:03}")
}

/// 19-digit unit code of the village as the land survey writes it (`ZLDWDM`).
pub fn unit_code(village: usize) -> String {
    format!("{}0000000", village_code(village))
}

/// Easting and northing in EPSG:4546 of a point of the crate's frame.
pub fn easting_northing_m(east_south_m: [f64; 2]) -> [f64; 2] {
    [WEST_EASTING_M + east_south_m[0], NORTH_NORTHING_M - east_south_m[1]]
}
