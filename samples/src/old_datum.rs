//! The invented surveyor's four parameters from Xi'an 80 to CGCS2000 in the plane. Real ones are secret; these belong to no place.

const EAST_M: f64 = 116.384;
const NORTH_M: f64 = -3.127;
const ROTATION_ARCSEC: f64 = -0.316;
const SCALE_PPM: f64 = 3.85;

/// Easting and northing in EPSG:2382 (Xi'an 80, central meridian 111 E) of a point in EPSG:4546: the parameters backwards.
pub fn xian80_from_cgcs2000(p: [f64; 2]) -> [f64; 2] {
    let (sin, cos) = (ROTATION_ARCSEC / 3_600.0).to_radians().sin_cos();
    let scale = 1.0 + SCALE_PPM * 1.0e-6;
    let (x, y) = ((p[0] - EAST_M) / scale, (p[1] - NORTH_M) / scale);
    [x * cos + y * sin, y * cos - x * sin]
}

/// The parameter file as the surveyor hands it over.
pub fn parameter_file() -> String {
    format!(
        "name = \"样例县 西安80-CGCS2000 四参数 (虚构)\"\nfrom = \"xian80\"\n[four]\nfrom_crs = \"EPSG:2382\"\nto_crs = \"EPSG:4546\"\n\
         east_m = {EAST_M:?}\nnorth_m = {NORTH_M:?}\nrotation_arcsec = {ROTATION_ARCSEC:?}\nscale_ppm = {SCALE_PPM:?}\n"
    )
}
