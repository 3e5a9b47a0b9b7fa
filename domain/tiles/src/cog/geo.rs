//! Where a raster lies: its affine transform and coordinate system, from `GeoTIFF` tags (OGC 19-008r4) and into them.
//!
//! A system with an EPSG code is its code; a transverse Mercator without one (a surveyor's own meridian) is spelt out in
//! keys that GDAL reads too. Anything else is written as WKT in the citation behind `ESRI PE String = `, which this
//! reader takes back whole and GDAL as an unknown plane.

use std::fmt::Write as _;

use geodesy::{Crs, Datum};

use super::tiff::{Directory, Source, tag};
use crate::TilesError;

/// `GeoTIFF` keys.
mod key {
    pub(super) const MODEL_TYPE: u16 = 1024;
    pub(super) const RASTER_TYPE: u16 = 1025;
    pub(super) const CITATION: u16 = 1026;
    pub(super) const GEODETIC_CRS: u16 = 2048;
    pub(super) const GEODETIC_CITATION: u16 = 2049;
    pub(super) const ANGULAR_UNITS: u16 = 2054;
    pub(super) const SEMI_MAJOR_AXIS: u16 = 2057;
    pub(super) const INVERSE_FLATTENING: u16 = 2059;
    pub(super) const PROJECTED_CRS: u16 = 3072;
    pub(super) const PROJECTED_CITATION: u16 = 3073;
    pub(super) const PROJECTION: u16 = 3074;
    pub(super) const PROJECTION_METHOD: u16 = 3075;
    pub(super) const LINEAR_UNITS: u16 = 3076;
    pub(super) const NATURAL_ORIGIN_LON: u16 = 3080;
    pub(super) const NATURAL_ORIGIN_LAT: u16 = 3081;
    pub(super) const FALSE_EASTING: u16 = 3082;
    pub(super) const FALSE_NORTHING: u16 = 3083;
    pub(super) const SCALE_AT_ORIGIN: u16 = 3092;
}

const USER_DEFINED: u16 = 32_767;
const METRE: u16 = 9001;
const DEGREE: u16 = 9102;
const PE_PREFIX: &str = "ESRI PE String = ";

/// The datums a spelt-out projection can stand on: EPSG code of the geographic system, its name, and the datum's name
/// as PROJ knows it.
const DATUMS: [(u16, &str, &str, Datum); 5] = [
    (4490, "China Geodetic Coordinate System 2000", "China_2000", Datum::Cgcs2000),
    (4326, "WGS 84", "WGS_1984", Datum::Wgs84),
    (4610, "Xian 1980", "Xian_1980", Datum::Xian80),
    (4214, "Beijing 1954", "Beijing_1954", Datum::Beijing54),
    (4555, "New Beijing", "New_Beijing", Datum::NewBeijing),
];

/// The parameters of a transverse Mercator: their keys, and their names in WKT 2 and in WKT 1.
const TRANSVERSE_MERCATOR: [(u16, &str, &str); 5] = [
    (key::NATURAL_ORIGIN_LAT, "Latitude of natural origin", "latitude_of_origin"),
    (key::NATURAL_ORIGIN_LON, "Longitude of natural origin", "central_meridian"),
    (key::SCALE_AT_ORIGIN, "Scale factor at natural origin", "scale_factor"),
    (key::FALSE_EASTING, "False easting", "false_easting"),
    (key::FALSE_NORTHING, "False northing", "false_northing"),
];

/// From pixels to the raster's CRS: `[x0, dx/column, dx/row, y0, dy/column, dy/row]`, the corner of the first pixel first
/// (GDAL's order). x is easting or longitude.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeoTransform(pub [f64; 6]);

impl GeoTransform {
    /// The place of a pixel position (whole numbers are pixel corners).
    #[must_use]
    pub fn crs_from_pixel(&self, [column, row]: [f64; 2]) -> [f64; 2] {
        let Self([x0, xc, xr, y0, yc, yr]) = *self;
        [x0 + xc * column + xr * row, y0 + yc * column + yr * row]
    }

    /// The pixel position of a place.
    #[must_use]
    pub fn pixel_from_crs(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let Self([x0, xc, xr, y0, yc, yr]) = *self;
        let determinant = xc * yr - xr * yc;
        let (dx, dy) = (x - x0, y - y0);
        [(dx * yr - dy * xr) / determinant, (dy * xc - dx * yc) / determinant]
    }

    /// Whether the transform can be undone.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        let Self([_, xc, xr, _, yc, yr]) = *self;
        self.0.iter().all(|v| v.is_finite()) && (xc * yr - xr * yc) != 0.0
    }

    /// Whether rows run east and columns south.
    #[must_use]
    pub fn is_north_up(&self) -> bool {
        let Self([_, xc, xr, _, yc, yr]) = *self;
        xc > 0.0 && yr < 0.0 && xr == 0.0 && yc == 0.0
    }
}

/// The keys of a directory, resolved.
pub(super) struct GeoKeys {
    shorts: Vec<(u16, u16)>,
    reals: Vec<(u16, f64)>,
    texts: Vec<(u16, String)>,
}

impl GeoKeys {
    pub(super) async fn read(source: &Source, directory: &Directory) -> Result<Self, TilesError> {
        let keys = directory.integers(source, tag::GEO_KEY_DIRECTORY).await?;
        let doubles = directory.reals(source, tag::GEO_DOUBLE_PARAMS).await?;
        let ascii = directory.text(source, tag::GEO_ASCII_PARAMS).await?;
        let mut found = Self { shorts: Vec::new(), reals: Vec::new(), texts: Vec::new() };
        for entry in keys.chunks_exact(4).skip(1) {
            let (id, at, count) = (entry[0] as u16, entry[3] as usize, entry[2] as usize);
            match entry[1] as u16 {
                0 => found.shorts.push((id, entry[3] as u16)),
                tag::GEO_DOUBLE_PARAMS => found.reals.extend(doubles.get(at).map(|value| (id, *value))),
                tag::GEO_ASCII_PARAMS => {
                    let text = ascii.as_bytes().get(at..at.saturating_add(count)).unwrap_or_default();
                    let text = String::from_utf8_lossy(text);
                    found.texts.push((id, text.trim_end_matches(['|', '\0']).to_owned()));
                }
                _ => {}
            }
        }
        Ok(found)
    }

    fn short(&self, id: u16) -> Option<u16> {
        self.shorts.iter().find(|(key, _)| *key == id).map(|(_, value)| *value)
    }

    fn real(&self, id: u16) -> Option<f64> {
        self.reals.iter().find(|(key, _)| *key == id).map(|(_, value)| *value)
    }

    /// Whether pixel numbers mean pixel centres.
    fn is_point(&self) -> bool {
        self.short(key::RASTER_TYPE) == Some(2)
    }

    /// The coordinate system as text that [`Crs::from_user_input`] takes; `None` when the keys do not say.
    pub(super) fn crs_text(&self) -> Option<String> {
        let code = |id| self.short(id).filter(|code| *code != 0 && *code != USER_DEFINED);
        if self.short(key::MODEL_TYPE) == Some(2) {
            if let Some(code) = code(key::GEODETIC_CRS) {
                return Some(format!("EPSG:{code}"));
            }
        } else if let Some(code) = code(key::PROJECTED_CRS) {
            return Some(format!("EPSG:{code}"));
        }
        let cited = [key::PROJECTED_CITATION, key::CITATION, key::GEODETIC_CITATION];
        let cited = self
            .texts
            .iter()
            .filter(|(id, _)| cited.contains(id))
            .find_map(|(_, text)| text.strip_prefix(PE_PREFIX).map(str::to_owned));
        cited.or_else(|| self.transverse_mercator())
    }

    /// A transverse Mercator that is spelt out in keys, as WKT 1 on its geographic system.
    fn transverse_mercator(&self) -> Option<String> {
        if self.short(key::PROJECTION_METHOD) != Some(1) {
            return None;
        }
        let geodetic = self.short(key::GEODETIC_CRS)?;
        let known = DATUMS.iter().find(|(code, ..)| *code == geodetic);
        let (geographic, datum) = known.map_or(("unknown", "unknown"), |(_, name, datum, _)| (name, datum));
        let base = Crs::from_epsg(u32::from(geodetic)).ok();
        let ellipsoid = base.as_ref().map(|crs| (crs.ellipsoid().semi_major_m, crs.ellipsoid().inverse_flattening));
        let stated = self.real(key::SEMI_MAJOR_AXIS).zip(self.real(key::INVERSE_FLATTENING));
        let (a, inverse_flattening) = stated.or(ellipsoid)?;
        let unit = match self.short(key::LINEAR_UNITS) {
            None | Some(METRE) => ("metre", 1.0),
            Some(9002) => ("foot", 0.3048),
            Some(9003) => ("US survey foot", 1200.0 / 3937.0),
            Some(_) => return None,
        };
        let mut wkt = format!(
            "PROJCS[\"unnamed\",GEOGCS[\"{geographic}\",DATUM[\"{datum}\",SPHEROID[\"unnamed\",{a},{inverse_flattening}]],\
             PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433]],PROJECTION[\"Transverse_Mercator\"]"
        );
        for (key, _, name) in TRANSVERSE_MERCATOR {
            let default = if key == key::SCALE_AT_ORIGIN { 1.0 } else { 0.0 };
            write!(wkt, ",PARAMETER[\"{name}\",{}]", self.real(key).unwrap_or(default)).ok()?;
        }
        write!(wkt, ",UNIT[\"{}\",{}]]", unit.0, unit.1).ok()?;
        Some(wkt)
    }
}

/// The transform of a directory; `None` when it has none that can be used.
pub(super) async fn read_transform(
    source: &Source,
    directory: &Directory,
    keys: &GeoKeys,
) -> Result<Option<GeoTransform>, TilesError> {
    let matrix = directory.reals(source, tag::MODEL_TRANSFORMATION).await?;
    let scale = directory.reals(source, tag::MODEL_PIXEL_SCALE).await?;
    let tie = directory.reals(source, tag::MODEL_TIEPOINT).await?;
    let mut transform = match (matrix.as_slice(), scale.as_slice(), tie.as_slice()) {
        ([xc, xr, _, x0, yc, yr, _, y0, ..], ..) => GeoTransform([*x0, *xc, *xr, *y0, *yc, *yr]),
        ([], [sx, sy, ..], [column, row, _, x, y, ..]) => {
            GeoTransform([x - column * sx, *sx, 0.0, y + row * sy, 0.0, -sy])
        }
        _ => return Ok(None),
    };
    if keys.is_point() {
        let [x0, y0] = transform.crs_from_pixel([-0.5, -0.5]);
        transform.0[0] = x0;
        transform.0[3] = y0;
    }
    Ok(transform.is_usable().then_some(transform))
}

/// The tags that place a raster: tag, and its values as shorts, doubles or text.
pub(super) struct GeoTags {
    pub(super) keys: Vec<u16>,
    pub(super) doubles: Vec<f64>,
    pub(super) ascii: String,
    pub(super) pixel_scale: Vec<f64>,
    pub(super) tie_point: Vec<f64>,
    pub(super) transformation: Vec<f64>,
}

impl GeoTags {
    pub(super) fn new(crs: &Crs, transform: &GeoTransform) -> Self {
        let mut keys: Vec<[u16; 4]> =
            vec![[key::MODEL_TYPE, 0, 1, if crs.is_geographic() { 2 } else { 1 }], [key::RASTER_TYPE, 0, 1, 1]];
        let mut doubles = Vec::new();
        let mut ascii = String::new();
        let code = crs.epsg().and_then(|code| u16::try_from(code).ok());
        let spelt = if code.is_none() { spell_out(crs) } else { None };
        let is_named = code.is_some() || spelt.is_some();
        let text = if is_named { crs.name().to_owned() } else { format!("{PE_PREFIX}{}", crs.definition()) };
        let text = text.replace('|', "/");
        let citation = match (crs.is_geographic(), is_named) {
            (true, _) => key::GEODETIC_CITATION,
            (false, true) => key::CITATION,
            (false, false) => key::PROJECTED_CITATION,
        };
        // The tag is ASCII by its specification; a name in Chinese is left out, a definition is needed as it is.
        if (!is_named || text.is_ascii()) && text.len() < usize::from(u16::MAX) {
            keys.push([citation, tag::GEO_ASCII_PARAMS, text.len() as u16 + 1, 0]);
            ascii = format!("{text}|");
        }
        let mut put_real = |keys: &mut Vec<[u16; 4]>, id: u16, value: f64| {
            keys.push([id, tag::GEO_DOUBLE_PARAMS, 1, doubles.len() as u16]);
            doubles.push(value);
        };
        if code.is_none() {
            put_real(&mut keys, key::SEMI_MAJOR_AXIS, crs.ellipsoid().semi_major_m);
            put_real(&mut keys, key::INVERSE_FLATTENING, crs.ellipsoid().inverse_flattening);
        }
        if crs.is_geographic() {
            keys.push([key::GEODETIC_CRS, 0, 1, code.unwrap_or(USER_DEFINED)]);
            keys.push([key::ANGULAR_UNITS, 0, 1, DEGREE]);
        } else {
            keys.push([key::PROJECTED_CRS, 0, 1, code.unwrap_or(USER_DEFINED)]);
            if (crs.unit_m() - 1.0).abs() < f64::EPSILON {
                keys.push([key::LINEAR_UNITS, 0, 1, METRE]);
            }
        }
        if let Some((geodetic, parameters)) = spelt {
            keys.push([key::GEODETIC_CRS, 0, 1, geodetic]);
            keys.push([key::PROJECTION, 0, 1, USER_DEFINED]);
            keys.push([key::PROJECTION_METHOD, 0, 1, 1]);
            for (id, value) in parameters {
                put_real(&mut keys, id, value);
            }
        }
        keys.sort_unstable();
        let mut directory = vec![1, 1, 0, keys.len() as u16];
        directory.extend(keys.into_iter().flatten());
        let GeoTransform([x0, xc, xr, y0, yc, yr]) = *transform;
        let (pixel_scale, tie_point, transformation) = if transform.is_north_up() {
            (vec![xc, -yr, 0.0], vec![0.0, 0.0, 0.0, x0, y0, 0.0], Vec::new())
        } else {
            let matrix = [xc, xr, 0.0, x0, yc, yr, 0.0, y0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
            (Vec::new(), Vec::new(), matrix.to_vec())
        };
        Self { keys: directory, doubles, ascii, pixel_scale, tie_point, transformation }
    }
}

/// A transverse Mercator in metres on a known datum as the geographic system's code and the projection's keys.
fn spell_out(crs: &Crs) -> Option<(u16, Vec<(u16, f64)>)> {
    let (geodetic, ..) = DATUMS.iter().find(|(.., datum)| *datum == crs.datum())?;
    let definition = crs.definition();
    let is_transverse_mercator = definition.contains("METHOD[\"Transverse Mercator\"");
    if !crs.is_projected() || !is_transverse_mercator || (crs.unit_m() - 1.0).abs() > f64::EPSILON {
        return None;
    }
    let parameters = TRANSVERSE_MERCATOR.map(|(key, name, _)| {
        let (_, rest) = definition.split_once(&format!("PARAMETER[\"{name}\","))?;
        let value = rest.split([',', ']']).next()?.trim().parse().ok()?;
        Some((key, value))
    });
    Some((*geodetic, parameters.into_iter().collect::<Option<_>>()?))
}
