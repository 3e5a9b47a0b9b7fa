//! `GeoKeys` of a LAS file as OGC well-known text.
//!
//! LAS before 1.4 states its CRS as the keys of a `GeoTIFF`, often user-defined: a projection with
//! parameters, feet, a vertical system. This turns them into WKT 1, which is what LAS 1.4 and COPC
//! carry. It is own code because GDAL reads such keys from rasters only, and would consult its own
//! registry. What is not understood is named, never guessed: the surveyor is asked for `--crs`.
//!
//! Sources: OGC `GeoTIFF` 1.1 (19-008r4), annexes B (keys) and C (coordinate transformations);
//! OGC 01-009 (WKT 1).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use geodesy::Crs;
use tiles::copc::las_header::Vlr;

/// Keys, by the names of the specification.
mod key {
    pub(super) const MODEL_TYPE: u16 = 1024;
    pub(super) const CITATION: u16 = 1026;
    pub(super) const GEODETIC_CRS: u16 = 2048;
    pub(super) const GEODETIC_CITATION: u16 = 2049;
    pub(super) const DATUM: u16 = 2050;
    pub(super) const PRIME_MERIDIAN: u16 = 2051;
    pub(super) const ANGULAR_UNIT: u16 = 2054;
    pub(super) const ANGULAR_UNIT_SIZE: u16 = 2055;
    pub(super) const SEMI_MAJOR: u16 = 2057;
    pub(super) const SEMI_MINOR: u16 = 2058;
    pub(super) const INVERSE_FLATTENING: u16 = 2059;
    pub(super) const PRIME_MERIDIAN_LONGITUDE: u16 = 2061;
    pub(super) const PROJECTED_CRS: u16 = 3072;
    pub(super) const PROJECTED_CITATION: u16 = 3073;
    pub(super) const PROJECTION: u16 = 3074;
    pub(super) const METHOD: u16 = 3075;
    pub(super) const LINEAR_UNIT: u16 = 3076;
    pub(super) const LINEAR_UNIT_SIZE: u16 = 3077;
    pub(super) const VERTICAL_CRS: u16 = 4096;
    pub(super) const VERTICAL_CITATION: u16 = 4097;
    pub(super) const VERTICAL_DATUM: u16 = 4098;
    pub(super) const VERTICAL_UNIT: u16 = 4099;
}

/// "Look into the other keys": the value of a key whose thing has no EPSG code.
const USER_DEFINED: u16 = 32_767;

/// More keys than the specification knows of are damage.
const KEYS_MAX: usize = 1_000;

/// Why the keys don't say where the points are.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum GeoKeysError {
    /// The directory is not a sorted list of keys within its records.
    #[error("GeoKey 目录已损坏（{what}）/ the GeoKey directory is damaged ({what})")]
    Damaged {
        /// What is wrong.
        what: &'static str,
    },
    /// A code that is not in the EPSG registry we carry.
    #[error("GeoKey {key} 的代码 {code} 无法识别 / code {code} of GeoKey {key} is not known")]
    UnknownCode {
        /// The key.
        key: u16,
        /// Its value.
        code: u16,
    },
    /// A definition by parameters that lacks one.
    #[error("GeoKey {key} 缺失，坐标系定义不完整 / GeoKey {key} is missing, the CRS is not fully defined")]
    Missing {
        /// The key.
        key: u16,
    },
    /// The unit key contradicts the unit of the EPSG code.
    #[error(
        "GeoKey 的长度单位（{stated_m} 米）与 EPSG:{code} 的单位（{defined_m} 米）矛盾 / the unit in the GeoKeys ({stated_m} m) contradicts the unit of EPSG:{code} ({defined_m} m)"
    )]
    UnitContradiction {
        /// EPSG code of the projected CRS.
        code: u16,
        /// Metres of the unit in the keys.
        stated_m: f64,
        /// Metres of the unit of the EPSG definition.
        defined_m: f64,
    },
}

/// The keys of a file with their values.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct GeoKeys {
    shorts: BTreeMap<u16, u16>,
    doubles: BTreeMap<u16, f64>,
    texts: BTreeMap<u16, String>,
}

impl GeoKeys {
    /// Reads the keys among `vlrs`; `None` where there is no key directory.
    ///
    /// # Errors
    /// [`GeoKeysError::Damaged`].
    pub(super) fn read(vlrs: &[Vlr]) -> Result<Option<Self>, GeoKeysError> {
        let payload = |record_id| {
            let record = vlrs.iter().find(|vlr| vlr.is(("LASF_Projection", record_id)));
            record.map(|vlr| vlr.payload.as_slice())
        };
        let Some(directory) = payload(34_735) else {
            return Ok(None);
        };
        Self::parse(directory, payload(34_736).unwrap_or_default(), payload(34_737).unwrap_or_default()).map(Some)
    }

    fn parse(directory: &[u8], doubles: &[u8], ascii: &[u8]) -> Result<Self, GeoKeysError> {
        let damaged = |what| GeoKeysError::Damaged { what };
        let quads: Vec<[u16; 4]> = directory
            .chunks_exact(8)
            .map(|entry| std::array::from_fn(|n| u16::from_le_bytes([entry[2 * n], entry[2 * n + 1]])))
            .collect();
        let (head, entries) = quads.split_first().ok_or_else(|| damaged("no header"))?;
        let count = usize::from(head[3]);
        if count > KEYS_MAX || count > entries.len() {
            return Err(damaged("more keys than bytes"));
        }
        let mut entries = entries.get(..count).unwrap_or_default();
        // Old writers count a closing entry of zeros; more than one is damage.
        if let [kept @ .., [0, 0, 0, 0]] = entries {
            entries = kept;
        }
        let mut keys = Self::default();
        let mut previous = 0;
        for [id, location, count, value] in entries.iter().copied() {
            if id <= previous {
                return Err(damaged("keys out of order"));
            }
            previous = id;
            match location {
                0 => {
                    keys.shorts.insert(id, value);
                }
                34_736 => {
                    let at = usize::from(value) * 8;
                    let bytes = doubles.get(at..at + 8).and_then(|rest| rest.first_chunk::<8>());
                    let number = f64::from_le_bytes(*bytes.ok_or_else(|| damaged("number outside its record"))?);
                    if !number.is_finite() {
                        return Err(damaged("number that is not finite"));
                    }
                    keys.doubles.insert(id, number);
                }
                34_737 => {
                    let at = usize::from(value);
                    // Writers count a closing `|` or NUL that they left out.
                    let end = (at + usize::from(count)).min(ascii.len());
                    let text = String::from_utf8_lossy(ascii.get(at..end).unwrap_or_default());
                    let text = text.trim_end_matches(['\0', '|', ' ']).trim();
                    keys.texts.insert(id, text.to_owned());
                }
                _ => return Err(damaged("value in an unknown record")),
            }
        }
        Ok(keys)
    }

    /// The CRS as WKT 1: horizontal, or compound where the keys state a vertical system.
    ///
    /// `None` where the keys say nothing about a CRS.
    ///
    /// # Errors
    /// [`GeoKeysError`] where they say something that is not understood.
    pub(super) fn wkt(&self) -> Result<Option<String>, GeoKeysError> {
        let model = self.shorts.get(&key::MODEL_TYPE).copied();
        let horizontal = match model {
            Some(1) => self.projected()?,
            Some(2) => self.geographic()?,
            Some(3) => self.geocentric()?,
            _ if self.shorts.contains_key(&key::PROJECTED_CRS) => self.projected()?,
            _ if self.shorts.contains_key(&key::GEODETIC_CRS) => self.geographic()?,
            _ => return Ok(None),
        };
        let Some(vertical) = self.vertical()? else {
            return Ok(Some(horizontal));
        };
        let name = format!("{} + {}", name_of(&horizontal), name_of(&vertical));
        Ok(Some(format!("COMPD_CS[{},{horizontal},{vertical}]", quoted(&name))))
    }

    fn projected(&self) -> Result<String, GeoKeysError> {
        let unit = self.linear_unit()?;
        match self.shorts.get(&key::PROJECTED_CRS).copied() {
            Some(code) if code != USER_DEFINED && code != 0 => {
                let (crs, wkt) = epsg(key::PROJECTED_CRS, code)?;
                if let Some((_, stated_m)) = unit
                    && (stated_m - crs.unit_m()).abs() > 1e-8 * crs.unit_m()
                {
                    return Err(GeoKeysError::UnitContradiction { code, stated_m, defined_m: crs.unit_m() });
                }
                Ok(wkt)
            }
            _ => self.projection(unit.ok_or(GeoKeysError::Missing { key: key::LINEAR_UNIT })?),
        }
    }

    /// A projected CRS from its parameters.
    fn projection(&self, (unit_name, unit_m): (&str, f64)) -> Result<String, GeoKeysError> {
        let base = self.geographic()?;
        let citation = [key::PROJECTED_CITATION, key::CITATION]
            .iter()
            .find_map(|id| self.texts.get(id))
            .and_then(|text| text.split('|').next())
            .unwrap_or("user-defined");
        let (method, parameters) = self.method(unit_m)?;
        let mut wkt = format!("PROJCS[{},{base},PROJECTION[\"{method}\"]", quoted(citation));
        for (name, value) in parameters {
            write!(wkt, ",PARAMETER[\"{name}\",{value}]").expect("writing to a String can't fail");
        }
        write!(wkt, ",UNIT[\"{unit_name}\",{unit_m}]]").expect("writing to a String can't fail");
        Ok(wkt)
    }

    fn method(&self, unit_m: f64) -> Result<Method, GeoKeysError> {
        let method = match self.shorts.get(&key::METHOD).copied() {
            Some(method) if method != USER_DEFINED => method,
            _ => {
                // UTM without the rest: 160zz north, 161zz south.
                let code = self.shorts.get(&key::PROJECTION).copied();
                let code = code.ok_or(GeoKeysError::Missing { key: key::METHOD })?;
                let (zone, false_northing) = match code {
                    16_001..=16_060 => (code - 16_000, 0.0),
                    16_101..=16_160 => (code - 16_100, 10_000_000.0),
                    _ => return Err(GeoKeysError::UnknownCode { key: key::PROJECTION, code }),
                };
                return Ok((
                    "Transverse_Mercator",
                    vec![
                        ("latitude_of_origin", 0.0),
                        ("central_meridian", f64::from(zone) * 6.0 - 183.0),
                        ("scale_factor", 0.9996),
                        ("false_easting", 500_000.0 / unit_m),
                        ("false_northing", false_northing / unit_m),
                    ],
                ));
            }
        };
        let (name, parameters) = METHODS
            .iter()
            .find_map(|(code, name, parameters)| (*code == method).then_some((*name, *parameters)))
            .ok_or(GeoKeysError::UnknownCode { key: key::METHOD, code: method })?;
        let degree = self.angular_unit_deg()?;
        let values = parameters.iter().map(|parameter| {
            let stated = parameter.keys.iter().find_map(|id| self.doubles.get(id)).copied();
            let value = match parameter.default {
                Some(default) => stated.unwrap_or(default),
                None => stated.ok_or(GeoKeysError::Missing { key: parameter.keys[0] })?,
            };
            let factor = if parameter.angle { degree } else { 1.0 };
            Ok((parameter.name, value * factor))
        });
        Ok((name, values.collect::<Result<_, _>>()?))
    }

    fn geographic(&self) -> Result<String, GeoKeysError> {
        let known = |code: &u16| *code != USER_DEFINED && *code != 0;
        if let Some(code) = self.shorts.get(&key::GEODETIC_CRS).copied().filter(known) {
            return epsg(key::GEODETIC_CRS, code).map(|(_, wkt)| wkt);
        }
        // The registry numbers old datums 6nnn and the geographic CRS on them 4nnn.
        let datum = self.shorts.get(&key::DATUM).copied().filter(known);
        if let Some(datum) = datum {
            let unknown = GeoKeysError::UnknownCode { key: key::DATUM, code: datum };
            let code = datum.checked_sub(2_000).filter(|code| (4_001..5_000).contains(code));
            return match epsg(key::DATUM, code.ok_or_else(|| unknown.clone())?) {
                Ok((crs, wkt)) if crs.is_geographic() => Ok(wkt),
                _ => Err(unknown),
            };
        }
        let semi_major = self.double(key::SEMI_MAJOR)?;
        let inverse_flattening = if let Some(inverse) = self.doubles.get(&key::INVERSE_FLATTENING) {
            *inverse
        } else {
            let difference = semi_major - self.double(key::SEMI_MINOR)?;
            if difference == 0.0 { 0.0 } else { semi_major / difference }
        };
        let meridian_code = self.shorts.get(&key::PRIME_MERIDIAN).copied();
        let meridian_deg = match self.doubles.get(&key::PRIME_MERIDIAN_LONGITUDE) {
            Some(longitude) => longitude * self.angular_unit_deg()?,
            None if meridian_code.is_none_or(|code| code == 8_901) => 0.0,
            None => return Err(GeoKeysError::Missing { key: key::PRIME_MERIDIAN_LONGITUDE }),
        };
        let (name, datum, ellipsoid) = self.geodetic_names();
        Ok(format!(
            "GEOGCS[{name},DATUM[{datum},SPHEROID[{ellipsoid},{semi_major},{inverse_flattening}]],\
             PRIMEM[{meridian},{meridian_deg}],UNIT[\"degree\",0.0174532925199433]]",
            name = quoted(&name),
            datum = quoted(&datum),
            ellipsoid = quoted(&ellipsoid),
            meridian = quoted(if meridian_deg == 0.0 { "Greenwich" } else { "unnamed" }),
        ))
    }

    /// Names of CRS, datum and ellipsoid: `GCS Name = …|Datum = …|Ellipsoid = …`, or a bare name.
    fn geodetic_names(&self) -> (String, String, String) {
        let citation = self.texts.get(&key::GEODETIC_CITATION).map_or("", String::as_str);
        let named = |label: &str| {
            citation.split('|').find_map(|part| {
                let (name, value) = part.split_once('=')?;
                name.trim().eq_ignore_ascii_case(label).then(|| value.trim().to_owned())
            })
        };
        let bare = citation.split('|').next().filter(|part| !part.contains('=')).unwrap_or("unknown");
        let crs = named("GCS Name").unwrap_or_else(|| bare.trim().to_owned());
        let datum = named("Datum").unwrap_or_else(|| {
            // ESRI names the datum of GCS_x as D_x.
            crs.strip_prefix("GCS_").map_or_else(|| crs.clone(), |name| format!("D_{name}"))
        });
        (crs, datum, named("Ellipsoid").unwrap_or_else(|| "unknown".to_owned()))
    }

    fn geocentric(&self) -> Result<String, GeoKeysError> {
        let code = self.shorts.get(&key::GEODETIC_CRS).copied();
        let code = code.ok_or(GeoKeysError::Missing { key: key::GEODETIC_CRS })?;
        let (crs, wkt) = epsg(key::GEODETIC_CRS, code)?;
        if crs.is_geocentric() {
            return Ok(wkt);
        }
        // Some writers give the geographic CRS of the datum and leave the rest to the model type.
        let inside = wkt.strip_prefix("GEOGCS[").and_then(|rest| rest.find(",UNIT[").and_then(|at| rest.get(..at)));
        let inside = inside.ok_or(GeoKeysError::UnknownCode { key: key::GEODETIC_CRS, code })?;
        Ok(format!(
            "GEOCCS[{inside},UNIT[\"metre\",1],AXIS[\"Geocentric X\",OTHER],\
             AXIS[\"Geocentric Y\",OTHER],AXIS[\"Geocentric Z\",NORTH]]"
        ))
    }

    fn vertical(&self) -> Result<Option<String>, GeoKeysError> {
        let stated_unit = match self.shorts.get(&key::VERTICAL_UNIT).copied() {
            None | Some(0) => None,
            Some(code) => Some(linear_unit(code).ok_or(GeoKeysError::UnknownCode { key: key::VERTICAL_UNIT, code })?),
        };
        let code = self.shorts.get(&key::VERTICAL_CRS).copied().filter(|code| *code != 0);
        let datum = self.shorts.get(&key::VERTICAL_DATUM).copied();
        // Writers put the datum's code into the key of the CRS and the other way round.
        let system = [code, datum]
            .into_iter()
            .flatten()
            .find_map(|code| VERTICALS.iter().find(|system| system.codes.contains(&code)));
        if code.is_none() && stated_unit.is_none() {
            return Ok(None);
        }
        let citation = self.texts.get(&key::VERTICAL_CITATION).filter(|text| !text.is_empty());
        let cited = citation.map_or("unknown", String::as_str);
        let (name, datum, kind) =
            system.map_or((cited, cited, 2_005), |system| (system.name, system.datum, system.kind));
        let own_unit = code.and_then(|code| match code {
            5_702 | 6_360 => linear_unit(9_003),
            8_228 => linear_unit(9_002),
            _ => None,
        });
        let (unit, unit_m) = stated_unit.or(own_unit).unwrap_or(("metre", 1.0));
        Ok(Some(format!(
            "VERT_CS[{},VERT_DATUM[{},{kind}],UNIT[\"{unit}\",{unit_m}],AXIS[\"Up\",UP]]",
            quoted(name),
            quoted(datum),
        )))
    }

    fn linear_unit(&self) -> Result<Option<(&'static str, f64)>, GeoKeysError> {
        match self.shorts.get(&key::LINEAR_UNIT).copied() {
            None | Some(0) => Ok(None),
            Some(USER_DEFINED) => {
                let size = self.double(key::LINEAR_UNIT_SIZE)?;
                if size > 0.0 {
                    Ok(Some(("user-defined", size)))
                } else {
                    Err(GeoKeysError::Damaged { what: "size of the linear unit" })
                }
            }
            Some(code) => linear_unit(code).map(Some).ok_or(GeoKeysError::UnknownCode { key: key::LINEAR_UNIT, code }),
        }
    }

    /// Degrees in one unit of the angles.
    fn angular_unit_deg(&self) -> Result<f64, GeoKeysError> {
        match self.shorts.get(&key::ANGULAR_UNIT).copied() {
            None | Some(0 | 9_102 | 9_122) => Ok(1.0),
            Some(9_101) => Ok(1.0_f64.to_degrees()),
            Some(9_105 | 9_106) => Ok(0.9),
            Some(USER_DEFINED) => Ok(self.double(key::ANGULAR_UNIT_SIZE)?.to_degrees()),
            Some(code) => Err(GeoKeysError::UnknownCode { key: key::ANGULAR_UNIT, code }),
        }
    }

    fn double(&self, id: u16) -> Result<f64, GeoKeysError> {
        self.doubles.get(&id).copied().ok_or(GeoKeysError::Missing { key: id })
    }
}

/// A projection method by its WKT 1 name, with its parameters.
type Method = (&'static str, Vec<(&'static str, f64)>);

/// A parameter of a projection: its WKT 1 name, the keys it may stand under, its default.
struct Parameter {
    name: &'static str,
    keys: &'static [u16],
    angle: bool,
    default: Option<f64>,
}

const fn angle(name: &'static str, keys: &'static [u16]) -> Parameter {
    Parameter { name, keys, angle: true, default: None }
}

const fn length(name: &'static str, keys: &'static [u16]) -> Parameter {
    Parameter { name, keys, angle: false, default: Some(0.0) }
}

const fn scale(keys: &'static [u16]) -> Parameter {
    Parameter { name: "scale_factor", keys, angle: false, default: Some(1.0) }
}

/// Keys of an origin: natural, false, centre. Writers use one for another.
const ORIGIN_LATITUDE: &[u16] = &[3081, 3085, 3089];
const ORIGIN_LONGITUDE: &[u16] = &[3080, 3084, 3088, 3095];
const EASTING: &[u16] = &[3082, 3086, 3090];
const NORTHING: &[u16] = &[3083, 3087, 3091];
const SCALE: &[u16] = &[3092, 3093];

const LATITUDE: Parameter = angle("latitude_of_origin", ORIGIN_LATITUDE);
const MERIDIAN: Parameter = angle("central_meridian", ORIGIN_LONGITUDE);
const CENTER_LATITUDE: Parameter = angle("latitude_of_center", ORIGIN_LATITUDE);
const CENTER_LONGITUDE: Parameter = angle("longitude_of_center", ORIGIN_LONGITUDE);
const PARALLEL_1: Parameter = angle("standard_parallel_1", &[3078]);
const PARALLEL_2: Parameter = angle("standard_parallel_2", &[3079]);
const FALSE_EASTING: Parameter = length("false_easting", EASTING);
const FALSE_NORTHING: Parameter = length("false_northing", NORTHING);
const SCALE_FACTOR: Parameter = scale(SCALE);

/// Coordinate transformation codes (annex C) with their WKT 1 names and parameters.
const METHODS: &[(u16, &str, &[Parameter])] = &[
    (1, "Transverse_Mercator", &[LATITUDE, MERIDIAN, SCALE_FACTOR, FALSE_EASTING, FALSE_NORTHING]),
    (
        3,
        "Hotine_Oblique_Mercator_Azimuth_Center",
        &[
            CENTER_LATITUDE,
            CENTER_LONGITUDE,
            angle("azimuth", &[3094]),
            angle("rectified_grid_angle", &[3096, 3094]),
            SCALE_FACTOR,
            FALSE_EASTING,
            FALSE_NORTHING,
        ],
    ),
    (7, "Mercator_1SP", &[MERIDIAN, SCALE_FACTOR, FALSE_EASTING, FALSE_NORTHING]),
    (8, "Lambert_Conformal_Conic_2SP", &[PARALLEL_1, PARALLEL_2, LATITUDE, MERIDIAN, FALSE_EASTING, FALSE_NORTHING]),
    (9, "Lambert_Conformal_Conic_1SP", &[LATITUDE, MERIDIAN, SCALE_FACTOR, FALSE_EASTING, FALSE_NORTHING]),
    (10, "Lambert_Azimuthal_Equal_Area", &[CENTER_LATITUDE, CENTER_LONGITUDE, FALSE_EASTING, FALSE_NORTHING]),
    (
        11,
        "Albers_Conic_Equal_Area",
        &[PARALLEL_1, PARALLEL_2, CENTER_LATITUDE, CENTER_LONGITUDE, FALSE_EASTING, FALSE_NORTHING],
    ),
    (12, "Azimuthal_Equidistant", &[CENTER_LATITUDE, CENTER_LONGITUDE, FALSE_EASTING, FALSE_NORTHING]),
    (15, "Polar_Stereographic", &[LATITUDE, MERIDIAN, SCALE_FACTOR, FALSE_EASTING, FALSE_NORTHING]),
    (16, "Oblique_Stereographic", &[LATITUDE, MERIDIAN, SCALE_FACTOR, FALSE_EASTING, FALSE_NORTHING]),
    (18, "Cassini_Soldner", &[LATITUDE, MERIDIAN, FALSE_EASTING, FALSE_NORTHING]),
    (22, "Polyconic", &[LATITUDE, MERIDIAN, FALSE_EASTING, FALSE_NORTHING]),
    (24, "Sinusoidal", &[CENTER_LONGITUDE, FALSE_EASTING, FALSE_NORTHING]),
    (27, "Transverse_Mercator_South_Orientated", &[LATITUDE, MERIDIAN, SCALE_FACTOR, FALSE_EASTING, FALSE_NORTHING]),
];

/// A vertical system under every code that writers give it.
struct Vertical {
    codes: &'static [u16],
    name: &'static str,
    datum: &'static str,
    /// WKT 1 datum type: 2005 gravity-related, 2002 ellipsoidal.
    kind: u16,
}

/// EPSG codes of CRS and datum, and the codes of `GeoTIFF` 1.0 that older files carry.
const VERTICALS: &[Vertical] = &[
    Vertical { codes: &[5_737, 5_137], name: "Yellow Sea 1985 height", datum: "Yellow Sea 1985", kind: 2_005 },
    Vertical { codes: &[5_736, 5_104], name: "Yellow Sea 1956 height", datum: "Yellow Sea 1956", kind: 2_005 },
    Vertical {
        codes: &[5_703, 6_360, 8_228, 5_103],
        name: "NAVD88 height",
        datum: "North American Vertical Datum 1988",
        kind: 2_005,
    },
    Vertical {
        codes: &[5_702, 7_968, 5_102],
        name: "NGVD29 height",
        datum: "National Geodetic Vertical Datum 1929",
        kind: 2_005,
    },
    Vertical { codes: &[5_773, 5_171], name: "EGM96 height", datum: "EGM96 geoid", kind: 2_005 },
    Vertical { codes: &[3_855, 1_027], name: "EGM2008 height", datum: "EGM2008 geoid", kind: 2_005 },
    Vertical { codes: &[4_979, 5_019, 5_030], name: "Ellipsoid height", datum: "Ellipsoid", kind: 2_002 },
];

/// Name and metres of a linear unit by its EPSG code.
fn linear_unit(code: u16) -> Option<(&'static str, f64)> {
    Some(match code {
        9_001 => ("metre", 1.0),
        9_002 => ("foot", 0.3048),
        9_003 => ("US survey foot", 1200.0 / 3937.0),
        9_005 => ("Clarke's foot", 0.304_797_265_4),
        9_036 => ("kilometre", 1000.0),
        _ => return None,
    })
}

/// The system of a code, and its text.
fn epsg(key: u16, code: u16) -> Result<(Crs, String), GeoKeysError> {
    let crs = Crs::from_epsg(u32::from(code)).ok();
    let known = crs.and_then(|crs| crs.wkt1().map(|wkt| (crs, wkt)));
    known.ok_or(GeoKeysError::UnknownCode { key, code })
}

/// The name that a WKT text begins with.
fn name_of(wkt: &str) -> &str {
    wkt.split('"').nth(1).unwrap_or("unknown")
}

/// A WKT string: quotation marks and control characters can't stand in one.
fn quoted(text: &str) -> String {
    let plain: String = text.chars().filter(|c| *c != '"' && !c.is_control()).collect();
    format!("\"{plain}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASF: &str = "LASF_Projection";

    fn vlrs(keys: &[[u16; 4]], doubles: &[f64], ascii: &str) -> Vec<Vlr> {
        let head = [1, 1, 0, u16::try_from(keys.len()).unwrap()];
        let directory = std::iter::once(&head).chain(keys).flatten().flat_map(|value| value.to_le_bytes());
        let records = [
            (34_735, directory.collect()),
            (34_736, doubles.iter().flat_map(|value| value.to_le_bytes()).collect()),
            (34_737, ascii.as_bytes().to_vec()),
        ];
        records
            .map(|(record_id, payload)| Vlr { user_id: LASF.to_owned(), record_id, payload_offset: 0, payload })
            .to_vec()
    }

    fn crs(keys: &[[u16; 4]], doubles: &[f64], ascii: &str) -> Result<Crs, GeoKeysError> {
        let keys = GeoKeys::read(&vlrs(keys, doubles, ascii))?.expect("there are keys");
        Ok(Crs::from_user_input(&keys.wkt()?.expect("they say a CRS")).expect("the text is understood"))
    }

    #[test]
    fn codes_give_their_systems() {
        let projected = |code| vec![[1024, 0, 1, 1], [3072, 0, 1, code], [3076, 0, 1, 9001]];
        for code in [4547, 32650, 2180] {
            assert_eq!(crs(&projected(code), &[], "").unwrap().epsg(), Some(u32::from(code)));
        }
        let geographic = crs(&[[1024, 0, 1, 2], [2048, 0, 1, 4490]], &[], "").unwrap();
        assert_eq!(geographic.epsg(), Some(4490));
        // By the code of the datum's geographic CRS, and by a code that is geocentric itself.
        for code in [4326, 4978] {
            let geocentric = crs(&[[1024, 0, 1, 3], [2048, 0, 1, code]], &[], "").unwrap();
            assert!(geocentric.is_geocentric());
        }
    }

    #[test]
    fn a_gauss_kruger_zone_by_parameters_is_the_zone_of_the_code() {
        let keys = [
            [1024, 0, 1, 1],
            [2048, 0, 1, 4490],
            [3072, 0, 1, USER_DEFINED],
            [3074, 0, 1, USER_DEFINED],
            [3075, 0, 1, 1],
            [3076, 0, 1, 9001],
            [3080, 34_736, 1, 0],
            [3081, 34_736, 1, 1],
            [3082, 34_736, 1, 2],
            [3083, 34_736, 1, 1],
            [3092, 34_736, 1, 3],
        ];
        let found = crs(&keys, &[114.0, 0.0, 500_000.0, 1.0], "").unwrap();
        let (zone, prefixed) = found.gauss_kruger().unwrap();
        assert!((zone.central_meridian_deg() - 114.0).abs() < 1e-9 && !prefixed);
    }

    #[test]
    fn a_utm_zone_by_its_conversion_code_is_that_zone() {
        let keys =
            [[1024, 0, 1, 1], [2048, 0, 1, 4326], [3072, 0, 1, USER_DEFINED], [3074, 0, 1, 16_050], [3076, 0, 1, 9001]];
        let found = crs(&keys, &[], "").unwrap();
        let (by_keys, by_code) = (to_lon_lat(&found), to_lon_lat(&Crs::from_epsg(32650).unwrap()));
        assert!((by_keys[0] - by_code[0]).abs() < 1e-10 && (by_keys[1] - by_code[1]).abs() < 1e-10);
    }

    fn to_lon_lat(crs: &Crs) -> [f64; 2] {
        let mut point = [[450_000.0, 3_100_000.0]];
        geodesy::Transform::new(crs, &Crs::wgs84()).unwrap().points(&mut point).unwrap();
        point[0]
    }

    #[test]
    fn a_vertical_system_is_kept_with_its_unit_under_either_code() {
        for vertical in [[4096, 0, 1, 5703], [4096, 0, 1, 5103], [4098, 0, 1, 5103]] {
            let keys = [[1024, 0, 1, 1], [3072, 0, 1, 32617], vertical, [4099, 0, 1, 9003]];
            let found = crs(&keys, &[], "").unwrap();
            assert!((found.vertical_unit_m().unwrap() - 1200.0 / 3937.0).abs() < 1e-12);
            assert!(found.height_datum().to_string().contains("1988"), "{}", found.height_datum());
        }
        let yellow_sea = crs(&[[1024, 0, 1, 1], [3072, 0, 1, 4547], [4096, 0, 1, 5737]], &[], "").unwrap();
        assert_eq!(yellow_sea.height_datum(), geodesy::HeightDatum::Normal1985);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let check = |keys: &[[u16; 4]], wanted: GeoKeysError| {
            assert_eq!(crs(keys, &[], "").map(|crs| crs.name().to_owned()), Err(wanted));
        };
        check(
            &[[1024, 0, 1, 1], [3072, 0, 1, 32617], [3076, 0, 1, 9002]],
            GeoKeysError::UnitContradiction { code: 32617, stated_m: 0.3048, defined_m: 1.0 },
        );
        check(&[[1024, 0, 1, 1], [3072, 0, 1, 1]], GeoKeysError::UnknownCode { key: 3072, code: 1 });
        check(&[[1024, 0, 1, 1], [3072, 0, 1, USER_DEFINED]], GeoKeysError::Missing { key: 3076 });
        check(&[[3072, 0, 1, 4547], [1024, 0, 1, 1]], GeoKeysError::Damaged { what: "keys out of order" });
        check(&[[1024, 0, 1, 1], [3080, 34_736, 1, 9]], GeoKeysError::Damaged { what: "number outside its record" });
    }
}
