//! The facts in a PROJJSON document: datum, ellipsoid, units, axes, conversion, heights.
//!
//! PROJ writes PROJJSON (schema 0.7) for everything it can read, so one reader serves every dialect.
//! Pure: it neither calls PROJ nor judges; [`crate::crs`] does.

use serde_json::{Value, json};

use crate::{crs::Ellipsoid, height::HeightDatum};

/// Nesting of bound and compound systems that is followed.
const MAX_DEPTH: usize = 8;
/// EPSG codes of parameters of a Transverse Mercator.
const LATITUDE_OF_ORIGIN: u64 = 8801;
const LONGITUDE_OF_ORIGIN: u64 = 8802;
const SCALE_AT_ORIGIN: u64 = 8805;
const FALSE_EASTING: u64 = 8806;
const FALSE_NORTHING: u64 = 8807;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Geographic,
    Projected,
    Geocentric,
}

/// The datum shift of a bound system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shift {
    Null,
    Some,
}

/// A document taken apart.
pub(crate) struct Reading {
    pub(crate) name: String,
    pub(crate) whole: Value,
    /// EPSG code of a compound system as a whole.
    pub(crate) whole_epsg: Option<u32>,
    pub(crate) horizontal: Horizontal,
    pub(crate) has_vertical: bool,
    pub(crate) height_datum: HeightDatum,
    pub(crate) vertical_unit_m: Option<f64>,
    pub(crate) shift: Option<Shift>,
}

/// The horizontal part.
pub(crate) struct Horizontal {
    pub(crate) value: Value,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) datum_name: String,
    pub(crate) ellipsoid: Ellipsoid,
    pub(crate) unit_m: f64,
    pub(crate) northing_first: bool,
    pub(crate) greenwich_degrees: bool,
    pub(crate) conversion: Option<Conversion>,
    pub(crate) area_lon_lat_deg: Option<[f64; 4]>,
}

/// A map projection: method and parameters in degrees, metres or plain numbers.
#[derive(Debug, Clone)]
pub(crate) struct Conversion {
    method: String,
    parameters: Vec<(u64, String, f64)>,
}

impl Conversion {
    /// Central meridian (degrees) and false easting (metres), where this is a Transverse Mercator without scale,
    /// false northing or latitude of origin: the national form.
    pub(crate) fn national_transverse_mercator(&self) -> Option<(f64, f64)> {
        let national = self.method == "Transverse Mercator"
            && self.value(LATITUDE_OF_ORIGIN).abs() < 1e-12
            && (self.value(SCALE_AT_ORIGIN) - 1.0).abs() < 1e-12
            && self.value(FALSE_NORTHING).abs() < 1e-9;
        national.then(|| (self.value(LONGITUDE_OF_ORIGIN), self.value(FALSE_EASTING)))
    }

    /// Longitude and latitude in degrees of whatever origin the conversion has: natural, false or projection centre.
    pub(crate) fn origin_lon_lat_deg(&self) -> Option<[f64; 2]> {
        let stated = |codes: [u64; 4]| {
            let found = self.parameters.iter().find(|(code, ..)| codes.contains(code));
            found.map(|(.., value)| *value)
        };
        Some([stated([LONGITUDE_OF_ORIGIN, 8822, 8812, 8833])?, stated([LATITUDE_OF_ORIGIN, 8821, 8811, 8832])?])
    }

    /// A parameter's value, 0 where absent.
    fn value(&self, code: u64) -> f64 {
        let found = self.parameters.iter().find(|(other, ..)| *other == code);
        found.map_or(0.0, |(.., value)| *value)
    }

    fn differences(&self, official: &Self) -> Vec<String> {
        if plain(&self.method) != plain(&official.method) {
            return vec![format!("{} ≠ {}", self.method, official.method)];
        }
        let named = |list: &[(u64, String, f64)], code: u64, name: &str| {
            list.iter()
                .find(|(c, n, _)| if code == 0 { plain(n) == plain(name) } else { *c == code })
                .map(|(.., value)| *value)
        };
        let mut all: Vec<&(u64, String, f64)> = self.parameters.iter().collect();
        all.extend(official.parameters.iter().filter(|(code, name, _)| named(&self.parameters, *code, name).is_none()));
        all.into_iter()
            .filter_map(|(code, name, _)| {
                let neutral = if *code == SCALE_AT_ORIGIN { 1.0 } else { 0.0 };
                let own = named(&self.parameters, *code, name).unwrap_or(neutral);
                let theirs = named(&official.parameters, *code, name).unwrap_or(neutral);
                // Rounding in a file: 0.1 mm of a false origin, 1e-9 degree, 1e-10 of scale.
                let tolerance = match own.abs().max(theirs.abs()) {
                    large if large > 1000.0 => 1e-4,
                    _ if *code == SCALE_AT_ORIGIN => 1e-10,
                    _ => 1e-8,
                };
                ((own - theirs).abs() > tolerance).then(|| format!("{name} {own} ≠ {theirs}"))
            })
            .collect()
    }
}

impl Horizontal {
    /// The geographic system underneath, itself where it is one.
    pub(crate) fn base(&self) -> &Value {
        self.value.get("base_crs").unwrap_or(&self.value)
    }

    /// `AUTHORITY:CODE` of the system.
    pub(crate) fn code(&self) -> Option<String> {
        code_of(&self.value)
    }

    /// `AUTHORITY:CODE` of the geographic system underneath.
    pub(crate) fn base_code(&self) -> Option<String> {
        code_of(self.base())
    }

    pub(crate) fn epsg(&self) -> Option<u32> {
        epsg_of(&self.value)
    }

    /// Takes the codes out, so that PROJ looks at the parameters only.
    pub(crate) fn drop_codes(&mut self) {
        if let Some(map) = self.value.as_object_mut() {
            map.remove("id");
            if let Some(base) = map.get_mut("base_crs").and_then(Value::as_object_mut) {
                base.remove("id");
            }
        }
    }

    /// What differs from the system of an authority, in words; nothing where they agree.
    pub(crate) fn differences(&self, official: &Self) -> Vec<String> {
        if self.kind != official.kind {
            return vec![format!("{:?} ≠ {:?}", self.kind, official.kind)];
        }
        let mut found = Vec::new();
        if !self.ellipsoid.is_nearly(&official.ellipsoid) {
            found.push(format!(
                "ellipsoid {} / {} ≠ {} / {}",
                self.ellipsoid.semi_major_m,
                self.ellipsoid.inverse_flattening,
                official.ellipsoid.semi_major_m,
                official.ellipsoid.inverse_flattening
            ));
        }
        let datum = |of: &Self| crate::datum::Datum::classify(&of.datum_name, &of.ellipsoid);
        let (own, theirs) = (datum(self), datum(official));
        let both_foreign = !own.is_cgcs2000_by_identity() && !own.needs_parameters();
        let agree = own == theirs || (both_foreign && !theirs.needs_parameters());
        if !agree {
            found.push(format!("{own} ≠ {theirs}"));
        }
        if (self.unit_m - official.unit_m).abs() > 1e-9 {
            found.push(format!("unit {} m ≠ {} m", self.unit_m, official.unit_m));
        }
        if let (Some(own), Some(theirs)) = (&self.conversion, &official.conversion) {
            found.extend(own.differences(theirs));
        }
        found
    }
}

/// Takes a document apart; the error says in a few words why it cannot be used.
pub(crate) fn read(value: Value) -> Result<Reading, &'static str> {
    let name = text(&value, "name").to_owned();
    let mut shift = None;
    let (inner, whole_epsg) = {
        let unbound = unbind(&value, &mut shift);
        (unbound.clone(), epsg_of(unbound))
    };
    if text(&inner, "type") != "CompoundCRS" {
        let horizontal = read_horizontal(inner)?;
        let (height_datum, vertical_unit_m) = height_axis(&horizontal);
        return Ok(Reading {
            name,
            whole: value,
            whole_epsg: None,
            horizontal,
            has_vertical: false,
            height_datum,
            vertical_unit_m,
            shift,
        });
    }
    let components = inner["components"].as_array().ok_or("复合坐标系没有组成 (empty compound)")?;
    let [first, second, ..] = components.as_slice() else {
        return Err("复合坐标系不完整 (incomplete compound)");
    };
    let horizontal = read_horizontal(unbind(first, &mut shift).clone())?;
    let mut ignored = None;
    let vertical = unbind(second, &mut ignored);
    let datum_name =
        ["datum", "datum_ensemble"].iter().find_map(|key| vertical.get(key)?.get("name")?.as_str()).unwrap_or_default();
    let height_datum = match HeightDatum::from_vertical_datum_name(datum_name) {
        HeightDatum::Unknown => HeightDatum::from_vertical_datum_name(text(vertical, "name")),
        known => known,
    };
    let vertical_unit_m = axes(vertical).next().and_then(|axis| unit_factor(&axis["unit"]));
    Ok(Reading { name, whole: value, whole_epsg, horizontal, has_vertical: true, height_datum, vertical_unit_m, shift })
}

/// A compound document with its horizontal part replaced and its own code removed.
pub(crate) fn with_horizontal(whole: &Value, horizontal: &Value) -> Value {
    let mut ignored = None;
    let mut compound = unbind(whole, &mut ignored).clone();
    if let Some(map) = compound.as_object_mut() {
        map.remove("id");
    }
    if let Some(first) = compound.pointer_mut("/components/0") {
        *first = horizontal.clone();
    }
    if let Some(second) = compound.pointer_mut("/components/1") {
        *second = unbind(second, &mut ignored).clone();
    }
    compound
}

/// The system inside a bound one, and whether its shift does anything.
fn unbind<'a>(value: &'a Value, shift: &mut Option<Shift>) -> &'a Value {
    let mut value = value;
    for _ in 0..MAX_DEPTH {
        if text(value, "type") != "BoundCRS" {
            break;
        }
        let transformation = &value["transformation"];
        let zero = transformation["parameters"]
            .as_array()
            .is_some_and(|list| list.iter().all(|p| p["value"].as_f64() == Some(0.0)));
        *shift = Some(if zero { Shift::Null } else { Shift::Some });
        value = &value["source_crs"];
    }
    value
}

fn read_horizontal(value: Value) -> Result<Horizontal, &'static str> {
    let subtype = value["coordinate_system"]["subtype"].as_str().unwrap_or_default();
    let kind = match (text(&value, "type"), subtype) {
        ("ProjectedCRS", _) => Kind::Projected,
        ("GeographicCRS", _) | ("GeodeticCRS", "ellipsoidal") => Kind::Geographic,
        ("GeodeticCRS", "Cartesian") => Kind::Geocentric,
        ("EngineeringCRS", _) => {
            return Err("地方（工程）坐标系没有基准 (a local system without datum)");
        }
        ("VerticalCRS", _) => return Err("只有高程基准，没有平面坐标系 (heights only)"),
        _ => return Err("不是平面或地理坐标系 (not a coordinate system of places)"),
    };
    let base = value.get("base_crs").unwrap_or(&value);
    let datum = base.get("datum").or_else(|| base.get("datum_ensemble")).ok_or("没有基准 (no datum)")?;
    let ellipsoid = read_ellipsoid(&datum["ellipsoid"]).ok_or("没有椭球 (no ellipsoid)")?;
    let meridian =
        datum.get("prime_meridian").map_or(0.0, |p| measure(&p["longitude"], &json!("degree")).unwrap_or(f64::NAN));
    let degree = 1f64.to_radians();
    let base_is_degrees = kind == Kind::Geocentric
        || axes(base).take(2).all(|axis| unit_factor(&axis["unit"]).is_some_and(|u| (u - degree).abs() < 1e-10));
    let first_axis = axes(&value).next().ok_or("没有坐标轴 (no axes)")?;
    let second_goes_east = axes(&value).nth(1).is_some_and(|axis| text(axis, "direction") == "east");
    let unit_m = match kind {
        Kind::Geographic => 1.0,
        Kind::Projected | Kind::Geocentric => unit_factor(&first_axis["unit"]).ok_or("单位不明 (unknown unit)")?,
    };
    if !(unit_m.is_finite() && unit_m > 0.0) {
        return Err("单位不明 (unknown unit)");
    }
    let northing_first = text(first_axis, "direction") == "north" && second_goes_east;
    Ok(Horizontal {
        name: text(&value, "name").to_owned(),
        kind,
        datum_name: text(datum, "name").to_owned(),
        ellipsoid,
        unit_m,
        northing_first,
        greenwich_degrees: meridian.abs() < 1e-12 && base_is_degrees,
        conversion: value.get("conversion").map(read_conversion),
        area_lon_lat_deg: read_area(&value),
        value,
    })
}

fn read_ellipsoid(value: &Value) -> Option<Ellipsoid> {
    let metre = json!("metre");
    let length = |key: &str| measure(value.get(key)?, &metre).filter(|v| v.is_finite() && *v > 0.0);
    let semi_major_m = length("semi_major_axis").or_else(|| length("radius"))?;
    let inverse_flattening = match value.get("inverse_flattening").and_then(Value::as_f64) {
        Some(inverse) if inverse > 1.0 => inverse,
        Some(_) => f64::INFINITY,
        None => length("semi_minor_axis").map_or(f64::INFINITY, |b| semi_major_m / (semi_major_m - b)),
    };
    Some(Ellipsoid { semi_major_m, inverse_flattening })
}

fn read_conversion(value: &Value) -> Conversion {
    let parameters = value["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    Conversion {
        method: value["method"]["name"].as_str().unwrap_or_default().to_owned(),
        parameters: parameters
            .iter()
            .map(|parameter| {
                (
                    parameter["id"]["code"].as_u64().unwrap_or(0),
                    text(parameter, "name").to_owned(),
                    measure(&parameter["value"], &parameter["unit"]).unwrap_or(f64::NAN),
                )
            })
            .collect(),
    }
}

/// Ellipsoidal height where the system itself has a third axis.
fn height_axis(horizontal: &Horizontal) -> (HeightDatum, Option<f64>) {
    if horizontal.kind == Kind::Geocentric {
        return (HeightDatum::Ellipsoidal, Some(horizontal.unit_m));
    }
    match axes(&horizontal.value).nth(2) {
        Some(axis) => (HeightDatum::Ellipsoidal, unit_factor(&axis["unit"])),
        None => (HeightDatum::Unknown, None),
    }
}

fn read_area(value: &Value) -> Option<[f64; 4]> {
    let bbox = value.get("bbox")?;
    let side = |key: &str| bbox.get(key)?.as_f64();
    Some([side("west_longitude")?, side("south_latitude")?, side("east_longitude")?, side("north_latitude")?])
}

fn axes(value: &Value) -> impl Iterator<Item = &Value> {
    value["coordinate_system"]["axis"].as_array().map_or(&[][..], Vec::as_slice).iter()
}

/// A number in degrees, metres or as it is; either plain with a unit beside it, or an object with its own.
fn measure(value: &Value, unit: &Value) -> Option<f64> {
    if let Some(inner) = value.get("value") {
        return measure(inner, value.get("unit")?);
    }
    let number = value.as_f64()?;
    let factor = unit_factor(unit).unwrap_or(1.0);
    let is_angle = unit == "degree" || text(unit, "type") == "AngularUnit";
    Some(if is_angle && unit != "degree" {
        (number * factor).to_degrees()
    } else if is_angle {
        number
    } else {
        number * factor
    })
}

/// Metres, radians or ones per unit.
fn unit_factor(unit: &Value) -> Option<f64> {
    match unit.as_str() {
        Some("metre" | "unity") => Some(1.0),
        Some("degree") => Some(1f64.to_radians()),
        Some(_) => None,
        None => unit.get("conversion_factor")?.as_f64(),
    }
}

fn code_of(value: &Value) -> Option<String> {
    let id = value.get("id")?;
    let authority = id.get("authority")?.as_str()?;
    match id.get("code")? {
        Value::String(code) => Some(format!("{authority}:{code}")),
        Value::Number(code) => Some(format!("{authority}:{code}")),
        _ => None,
    }
}

fn epsg_of(value: &Value) -> Option<u32> {
    code_of(value)?.strip_prefix("EPSG:")?.parse().ok()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Letters and digits only, lower case.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}
