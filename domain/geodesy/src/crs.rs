//! Coordinate systems: what a text says, in parameters that can be checked.
//!
//! PROJ reads every dialect (EPSG, WKT1, Esri, WKT2, PROJ strings) into PROJJSON; this file takes the facts out of
//! it and judges them. The parameters of a text win over an authority code it also carries: real deliveries say
//! EPSG:4547 above a central meridian of 113.37 degrees, and the code would move that model 65 km.
//! A `TOWGS84` shift is not used: the datum rules of [`crate::datum`] decide.
//! Not here: any conversion of coordinates ([`crate::transform`]).

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use serde_json::Value;

use crate::{
    GeodesyError,
    datum::Datum,
    gauss_kruger::{FALSE_EASTING_M, Zone, ZoneWidth},
    height::HeightDatum,
    pipeline::Steps,
    projjson::{self, Conversion, Horizontal, Kind, Reading},
    transform,
};

/// Longest text taken for a coordinate system, bytes; the longest real WKT are under 10,000.
const MAX_TEXT: usize = 65_536;
/// Parsed systems remembered, so that a server asks PROJ once.
const REMEMBERED: usize = 256;

static MEMORY: LazyLock<Mutex<HashMap<String, Crs>>> = LazyLock::new(Mutex::default);

/// An ellipsoid of revolution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ellipsoid {
    /// Semi-major axis, metres.
    pub semi_major_m: f64,
    /// Inverse flattening; infinite for a sphere.
    pub inverse_flattening: f64,
}

impl Ellipsoid {
    /// CGCS2000 (EPSG:1024).
    pub const CGCS2000: Self = Self { semi_major_m: 6_378_137.0, inverse_flattening: 298.257_222_101 };
    /// WGS 84 (EPSG:7030).
    pub const WGS84: Self = Self { semi_major_m: 6_378_137.0, inverse_flattening: 298.257_223_563 };
    /// Krassowsky 1940 (EPSG:7024), of Beijing 54.
    pub const KRASSOWSKY: Self = Self { semi_major_m: 6_378_245.0, inverse_flattening: 298.3 };
    /// IAG 1975 (EPSG:7049), of Xi'an 80.
    pub const IAG_1975: Self = Self { semi_major_m: 6_378_140.0, inverse_flattening: 298.257 };

    /// Flattening.
    #[must_use]
    pub fn flattening(&self) -> f64 {
        self.inverse_flattening.recip()
    }

    /// First eccentricity squared.
    #[must_use]
    pub fn eccentricity_squared(&self) -> f64 {
        let f = self.flattening();
        f * (2.0 - f)
    }

    /// Semi-minor axis, metres.
    #[must_use]
    pub fn semi_minor_m(&self) -> f64 {
        self.semi_major_m * (1.0 - self.flattening())
    }

    /// Equal to within 1 cm of axis and 1e-9 of flattening: the same ellipsoid, rounded in a file.
    #[must_use]
    pub fn is_nearly(&self, other: &Self) -> bool {
        (self.semi_major_m - other.semi_major_m).abs() < 0.01 && (self.flattening() - other.flattening()).abs() < 1e-9
    }

    /// `+a=… +rf=…` for PROJ.
    pub(crate) fn proj_terms(&self) -> String {
        if self.inverse_flattening.is_finite() {
            format!("+a={} +rf={}", self.semi_major_m, self.inverse_flattening)
        } else {
            format!("+R={}", self.semi_major_m)
        }
    }
}

/// Something a text says that a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CrsWarning {
    /// The text names an authority code whose parameters differ from its own; the text's own are used.
    AuthorityContradicted {
        /// The code, such as `EPSG:4547`.
        code: String,
        /// What differs.
        differences: String,
    },
    /// The text names a code that nobody knows; its parameters are used.
    UnknownAuthority {
        /// The code.
        code: String,
    },
    /// The text carries a datum shift (`TOWGS84`), which is not used.
    ShiftIgnored,
    /// The text names no datum; one was concluded from what else it says.
    DatumConcluded {
        /// The reason.
        because: &'static str,
    },
}

impl fmt::Display for CrsWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthorityContradicted { code, differences } => write!(
                f,
                "坐标系写明 {code}，但参数与之不符（{differences}），以参数为准 \
                 (the parameters contradict the code and are used)"
            ),
            Self::UnknownAuthority { code } => {
                write!(f, "代码 {code} 无人认识，以参数为准 (unknown code: the parameters are used)")
            }
            Self::ShiftIgnored => {
                f.write_str("未使用文本中的 TOWGS84 参数，基准转换另有规则 (the datum shift in the text is not used)")
            }
            Self::DatumConcluded { because } => {
                write!(f, "坐标系没有写明基准，按 WGS 84 处理：{because} (no datum named: taken as WGS 84)")
            }
        }
    }
}

/// A coordinate system. Cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct Crs {
    facts: Arc<Facts>,
}

struct Facts {
    definition: String,
    epsg: Option<u32>,
    name: String,
    kind: Kind,
    datum: Datum,
    ellipsoid: Ellipsoid,
    unit_m: f64,
    northing_first: bool,
    greenwich_degrees: bool,
    height_datum: HeightDatum,
    vertical_unit_m: Option<f64>,
    conversion: Option<Conversion>,
    /// The geographic system underneath, for PROJ.
    base_definition: String,
    /// To longitude and latitude of its own datum.
    lon_lat_from_native: String,
    area_lon_lat_deg: Option<[f64; 4]>,
    warnings: Vec<CrsWarning>,
}

impl Crs {
    /// The system of an EPSG code.
    pub fn from_epsg(code: u32) -> Result<Self, GeodesyError> {
        Self::remembered(&format!("EPSG:{code}"))
    }

    /// The system of a text: `EPSG:4546`, `4546`, `EPSG:4490+5737`, WKT 1 or 2, Esri's `.prj`, a PROJ string,
    /// PROJJSON, `CGCS2000` or `WGS84`.
    pub fn from_user_input(text: &str) -> Result<Self, GeodesyError> {
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.len() > MAX_TEXT {
            return Err(not_understood(text, "文本过长 (too long)"));
        }
        Self::remembered(&normalise(text)?)
    }

    /// WGS 84 longitude and latitude in degrees.
    #[must_use]
    pub fn wgs84() -> Self {
        static CRS: LazyLock<Crs> = LazyLock::new(|| Crs::geographic(4326, "WGS 84", Datum::Wgs84));
        CRS.clone()
    }

    /// CGCS2000 longitude and latitude in degrees (EPSG:4490).
    #[must_use]
    pub fn cgcs2000() -> Self {
        static CRS: LazyLock<Crs> =
            LazyLock::new(|| Crs::geographic(4490, "China Geodetic Coordinate System 2000", Datum::Cgcs2000));
        CRS.clone()
    }

    /// Web Mercator (EPSG:3857), metres.
    #[must_use]
    pub fn web_mercator() -> Self {
        static CRS: LazyLock<Crs> = LazyLock::new(|| {
            let steps = "+step +inv +proj=webmerc +ellps=WGS84 \
                         +step +proj=unitconvert +xy_in=rad +xy_out=deg";
            Crs::new(Facts {
                kind: Kind::Projected,
                northing_first: false,
                lon_lat_from_native: steps.to_owned(),
                area_lon_lat_deg: Some([-180.0, -85.06, 180.0, 85.06]),
                ..Facts::bare(3857, "WGS 84 / Pseudo-Mercator", Datum::Wgs84)
            })
        });
        CRS.clone()
    }

    /// Earth-centred metres on WGS 84 (EPSG:4978).
    #[must_use]
    pub fn ecef() -> Self {
        static CRS: LazyLock<Crs> = LazyLock::new(|| {
            Crs::new(Facts {
                kind: Kind::Geocentric,
                northing_first: false,
                height_datum: HeightDatum::Ellipsoidal,
                vertical_unit_m: Some(1.0),
                ..Facts::bare(4978, "WGS 84", Datum::Wgs84)
            })
        });
        CRS.clone()
    }

    /// A national Gauss-Kruger zone on CGCS2000, with or without the zone number before the easting.
    pub fn cgcs2000_zone(zone: Zone, prefixed: bool) -> Result<Self, GeodesyError> {
        Self::from_epsg(zone.epsg_cgcs2000(prefixed))
    }

    /// A text that PROJ and GDAL read as this very system: `EPSG:n` where a code says it all, else WKT 2.
    #[must_use]
    pub fn definition(&self) -> &str {
        &self.facts.definition
    }

    /// The system as WKT 1 (OGC 01-009) in one line, as LAS files carry it; none where WKT 1 cannot say it.
    #[must_use]
    pub fn wkt1(&self) -> Option<String> {
        transform::wkt1(self.definition())
    }

    /// The EPSG code, where one describes the system without contradiction.
    #[must_use]
    pub fn epsg(&self) -> Option<u32> {
        self.facts.epsg
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.facts.name
    }

    /// Its datum.
    #[must_use]
    pub fn datum(&self) -> Datum {
        self.facts.datum.clone()
    }

    /// Its ellipsoid.
    #[must_use]
    pub fn ellipsoid(&self) -> &Ellipsoid {
        &self.facts.ellipsoid
    }

    /// Longitude and latitude.
    #[must_use]
    pub fn is_geographic(&self) -> bool {
        self.facts.kind == Kind::Geographic
    }

    /// A plane.
    #[must_use]
    pub fn is_projected(&self) -> bool {
        self.facts.kind == Kind::Projected
    }

    /// Earth-centred X, Y, Z.
    #[must_use]
    pub fn is_geocentric(&self) -> bool {
        self.facts.kind == Kind::Geocentric
    }

    /// Metres per horizontal unit of a plane or geocentric system; 1 for degrees, which are no length.
    #[must_use]
    pub fn unit_m(&self) -> f64 {
        self.facts.unit_m
    }

    /// Metres per unit of height, where the system has heights.
    #[must_use]
    pub fn vertical_unit_m(&self) -> Option<f64> {
        self.facts.vertical_unit_m
    }

    /// What its heights count from; [`HeightDatum::Unknown`] where the system has none.
    #[must_use]
    pub fn height_datum(&self) -> HeightDatum {
        self.facts.height_datum.clone()
    }

    /// `[west, south, east, north]` in degrees where the system is meant to be used, where known.
    #[must_use]
    pub fn area_lon_lat_deg(&self) -> Option<[f64; 4]> {
        self.facts.area_lon_lat_deg
    }

    /// What a person should know about the text this came from.
    #[must_use]
    pub fn warnings(&self) -> &[CrsWarning] {
        &self.facts.warnings
    }

    /// Whether the system's authority puts the northing or latitude first. Our own interfaces never do.
    #[must_use]
    pub fn is_northing_first(&self) -> bool {
        self.facts.northing_first
    }

    /// The national zone this plane is, on whatever datum, and whether its eastings carry the zone number.
    #[must_use]
    pub fn gauss_kruger(&self) -> Option<(Zone, bool)> {
        let conversion = self.facts.conversion.as_ref()?;
        let metres = (self.facts.unit_m - 1.0).abs() < 1e-12;
        let (central_deg, easting_m) = conversion.national_transverse_mercator().filter(|_| metres)?;
        if let Some(zone) = Zone::from_easting_m(easting_m) {
            let is_it = (zone.central_meridian_deg() - central_deg).abs() < 1e-9
                && (zone.false_easting_m(true) - easting_m).abs() < 1e-6;
            return is_it.then_some((zone, true));
        }
        if (easting_m - FALSE_EASTING_M).abs() > 1e-6 {
            return None;
        }
        // Without a prefix every second 3-degree zone equals a 6-degree one: the name decides, else 3 degrees.
        let name = self.facts.name.to_lowercase();
        let says_three = name.contains("3-degree") || name.contains("3_degree") || name.contains("3 degree");
        let says_gauss = name.contains("gauss") || name.contains("_gk");
        let widths = if says_gauss && !says_three {
            [ZoneWidth::Six, ZoneWidth::Three]
        } else {
            [ZoneWidth::Three, ZoneWidth::Six]
        };
        widths
            .into_iter()
            .find_map(|width| Zone::from_central_meridian_deg(central_deg, width))
            .map(|zone| (zone, false))
    }

    /// Whether its longitudes count from Greenwich in degrees.
    pub(crate) fn is_greenwich_degrees(&self) -> bool {
        self.facts.greenwich_degrees
    }

    /// The geographic system underneath, for PROJ.
    pub(crate) fn base_definition(&self) -> &str {
        &self.facts.base_definition
    }

    /// Places where the system is used, likeliest first, in degrees.
    pub(crate) fn places_lon_lat_deg(&self) -> Vec<[f64; 2]> {
        let mut places = Vec::new();
        if let Some([west, south, east, north]) = self.facts.area_lon_lat_deg {
            // Across the antimeridian west is the larger.
            let east = if east < west { east + 360.0 } else { east };
            let lon = f64::midpoint(west, east);
            places.push([if lon > 180.0 { lon - 360.0 } else { lon }, f64::midpoint(south, north)]);
        }
        // A latitude of origin at the equator says nothing, so its meridian is followed to both sides; a system that
        // states no place at all is looked for everywhere.
        let origin = self.facts.conversion.as_ref().and_then(Conversion::origin_lon_lat_deg);
        places.extend(origin.filter(|[_, lat]| lat.abs() > 1.0));
        let lons: Vec<f64> = match origin {
            Some([lon, _]) => vec![lon],
            None => (-17..18).map(|step| f64::from(step) * 10.0).collect(),
        };
        let lats = (1..8).flat_map(|step| [f64::from(step) * 10.0, f64::from(step) * -10.0]);
        places.extend(lats.flat_map(|lat| lons.iter().map(move |lon| [*lon, lat])));
        places
    }

    /// PROJ steps to longitude and latitude of its own datum.
    pub(crate) fn lon_lat_from_native_steps(&self) -> String {
        self.facts.lon_lat_from_native.clone()
    }

    /// PROJ steps from longitude and latitude of its own datum.
    pub(crate) fn native_from_lon_lat_steps(&self) -> String {
        Steps::parse(&self.facts.lon_lat_from_native).inverted().to_string()
    }

    fn new(facts: Facts) -> Self {
        Self { facts: Arc::new(facts) }
    }

    fn geographic(epsg: u32, name: &str, datum: Datum) -> Self {
        Self::new(Facts::bare(epsg, name, datum))
    }

    /// From memory, or read and remembered.
    fn remembered(definition: &str) -> Result<Self, GeodesyError> {
        let memory = || MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(crs) = memory().get(definition) {
            return Ok(crs.clone());
        }
        let crs = Self::read(definition)?;
        let mut memory = memory();
        if memory.len() >= REMEMBERED {
            memory.clear();
        }
        memory.insert(definition.to_owned(), crs.clone());
        Ok(crs)
    }

    fn read(definition: &str) -> Result<Self, GeodesyError> {
        let reading = read_projjson(definition)?;
        let mut warnings = Vec::new();
        let horizontal = settle_authority(reading.horizontal, &mut warnings);
        let (datum, concluded) = settle_datum(&horizontal, reading.shift);
        warnings.extend(concluded.map(|because| CrsWarning::DatumConcluded { because }));
        if reading.shift.is_some_and(|shift| shift != projjson::Shift::Null) {
            warnings.push(CrsWarning::ShiftIgnored);
        }
        if datum.is_cgcs2000_by_identity() && !horizontal.greenwich_degrees {
            return Err(not_understood(definition, "本初子午线不是格林尼治或单位不是度 (not Greenwich degrees)"));
        }
        let own = horizontal.value.to_string();
        let base_definition = horizontal.base_code().unwrap_or_else(|| horizontal.base().to_string());
        let lon_lat_from_native = match horizontal.kind {
            Kind::Projected => {
                let base = horizontal.base().to_string();
                let conversion = transform::operation(&own, &base, &[], &horizontal.name)?;
                let reason = "PROJ 没有它的投影公式 (PROJ lacks its projection)";
                conversion.ok_or_else(|| not_understood(definition, reason))?.steps
            }
            Kind::Geographic | Kind::Geocentric => String::new(),
        };
        let mut facts = Facts {
            definition: String::new(),
            epsg: reading.whole_epsg.or(if reading.has_vertical { None } else { horizontal.epsg() }),
            name: reading.name,
            kind: horizontal.kind,
            datum,
            ellipsoid: horizontal.ellipsoid,
            unit_m: horizontal.unit_m,
            northing_first: horizontal.northing_first,
            greenwich_degrees: horizontal.greenwich_degrees,
            height_datum: reading.height_datum,
            vertical_unit_m: reading.vertical_unit_m,
            base_definition,
            lon_lat_from_native,
            area_lon_lat_deg: horizontal.area_lon_lat_deg,
            conversion: horizontal.conversion,
            warnings,
        };
        if facts.warnings.iter().any(|w| matches!(w, CrsWarning::AuthorityContradicted { .. })) {
            facts.epsg = None;
        }
        // GDAL gets the code where it says everything, and otherwise exactly what was judged here.
        facts.definition = if let Some(code) = facts.epsg {
            format!("EPSG:{code}")
        } else {
            let text = if reading.has_vertical {
                projjson::with_horizontal(&reading.whole, &horizontal.value).to_string()
            } else {
                own
            };
            transform::wkt2(&text).ok_or_else(|| not_understood(definition, "PROJ 不能写出 WKT (no WKT form)"))?
        };
        let crs = Self::new(facts);
        Ok(crs.identified().unwrap_or(crs))
    }

    /// The same system under its EPSG code, where the text gave none but is a national zone of CGCS2000.
    fn identified(&self) -> Option<Self> {
        let facts = &self.facts;
        let bare = facts.epsg.is_none() && facts.vertical_unit_m.is_none();
        if !bare || facts.datum != Datum::Cgcs2000 {
            return None;
        }
        let code = match facts.kind {
            Kind::Projected => self.gauss_kruger().map(|(zone, prefixed)| zone.epsg_cgcs2000(prefixed)),
            Kind::Geographic => Some(4490),
            Kind::Geocentric => None,
        }?;
        let official = Self::from_epsg(code).ok()?;
        Some(Self::new(Facts { warnings: facts.warnings.clone(), ..official.facts.copy() }))
    }
}

impl Facts {
    /// Longitude and latitude under an EPSG code.
    fn bare(epsg: u32, name: &str, datum: Datum) -> Self {
        let ellipsoid = match datum {
            Datum::Cgcs2000 => Ellipsoid::CGCS2000,
            _ => Ellipsoid::WGS84,
        };
        Self {
            definition: format!("EPSG:{epsg}"),
            epsg: Some(epsg),
            name: name.to_owned(),
            kind: Kind::Geographic,
            datum,
            ellipsoid,
            unit_m: 1.0,
            northing_first: true,
            greenwich_degrees: true,
            height_datum: HeightDatum::Unknown,
            vertical_unit_m: None,
            conversion: None,
            base_definition: format!("EPSG:{epsg}"),
            lon_lat_from_native: String::new(),
            area_lon_lat_deg: Some([-180.0, -90.0, 180.0, 90.0]),
            warnings: Vec::new(),
        }
    }

    fn copy(&self) -> Self {
        Self {
            definition: self.definition.clone(),
            epsg: self.epsg,
            name: self.name.clone(),
            kind: self.kind,
            datum: self.datum.clone(),
            ellipsoid: self.ellipsoid,
            unit_m: self.unit_m,
            northing_first: self.northing_first,
            greenwich_degrees: self.greenwich_degrees,
            height_datum: self.height_datum.clone(),
            vertical_unit_m: self.vertical_unit_m,
            conversion: self.conversion.clone(),
            base_definition: self.base_definition.clone(),
            lon_lat_from_native: self.lon_lat_from_native.clone(),
            area_lon_lat_deg: self.area_lon_lat_deg,
            warnings: self.warnings.clone(),
        }
    }
}

impl PartialEq for Crs {
    fn eq(&self, other: &Self) -> bool {
        self.facts.definition == other.facts.definition
    }
}

impl Eq for Crs {}

impl fmt::Debug for Crs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crs")
            .field("name", &self.facts.name)
            .field("definition", &self.facts.definition)
            .finish_non_exhaustive()
    }
}

/// Brings the ways people write a system to what PROJ reads, and refuses what it would only guess at.
fn normalise(text: &str) -> Result<String, GeodesyError> {
    let upper = text.to_ascii_uppercase();
    if let Ok(code) = text.parse::<u32>() {
        return Ok(format!("EPSG:{code}"));
    }
    if text.starts_with('+') || text.starts_with("proj=") {
        // `init=` would read a file, and of a pipeline PROJ would take the last step for the system.
        if text.contains("init=") || text.contains("proj=pipeline") {
            return Err(not_understood(text, "不支持 init 和 pipeline (write EPSG:n)"));
        }
        let typed = if text.contains("type=crs") { "" } else { " +type=crs" };
        return Ok(format!("{text}{typed}"));
    }
    match upper.as_str() {
        "CGCS2000" => return Ok("EPSG:4490".to_owned()),
        "WGS84" | "WGS 84" => return Ok("EPSG:4326".to_owned()),
        _ => {}
    }
    let is_code = text.split_once(':').is_some_and(|(authority, code)| {
        !authority.is_empty()
            && authority.len() <= 16
            && !code.is_empty()
            && code.len() <= 32
            && authority.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && code.chars().all(|c| c.is_ascii_alphanumeric() || "+_-.".contains(c))
    });
    if is_code {
        return Ok(upper);
    }
    let is_keyword = text
        .split(['[', '('])
        .next()
        .is_some_and(|word| word.len() < text.len() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    let is_url = upper.starts_with("URN:OGC:DEF:CRS:") || upper.starts_with("HTTP://WWW.OPENGIS.NET/DEF/CRS/");
    if is_keyword || is_url || text.starts_with('{') {
        return Ok(text.to_owned());
    }
    // PROJ would search its database for a name that looks alike.
    Err(not_understood(text, "不是代码、WKT 或 PROJ 字符串 (neither a code, WKT nor a PROJ string)"))
}

fn read_projjson(definition: &str) -> Result<Reading, GeodesyError> {
    let text = transform::projjson(definition)
        .ok_or_else(|| not_understood(definition, "PROJ 不能解析 (PROJ cannot read it)"))?;
    let value: Value = serde_json::from_str(&text)
        .map_err(|error| GeodesyError::Proj { what: "PROJJSON".to_owned(), source: Box::new(error) })?;
    projjson::read(value).map_err(|reason| not_understood(definition, reason))
}

/// Compares a system with the authority code it carries; where they differ the code is dropped.
fn settle_authority(mut horizontal: Horizontal, warnings: &mut Vec<CrsWarning>) -> Horizontal {
    let Some(code) = horizontal.code() else {
        return horizontal;
    };
    let official = transform::projjson(&code)
        .and_then(|text| serde_json::from_str(&text).ok())
        .and_then(|value| projjson::read(value).ok());
    let Some(official) = official.map(|reading| reading.horizontal) else {
        warnings.push(CrsWarning::UnknownAuthority { code });
        horizontal.drop_codes();
        return horizontal;
    };
    let differences = horizontal.differences(&official);
    if differences.is_empty() {
        horizontal.area_lon_lat_deg = official.area_lon_lat_deg;
    } else {
        warnings.push(CrsWarning::AuthorityContradicted { code, differences: differences.join("; ") });
        horizontal.drop_codes();
    }
    horizontal
}

/// The datum, and why it was concluded where the text names none.
fn settle_datum(horizontal: &Horizontal, shift: Option<projjson::Shift>) -> (Datum, Option<&'static str>) {
    let datum = Datum::classify(&horizontal.datum_name, &horizontal.ellipsoid);
    let is_modern = [Ellipsoid::WGS84, Ellipsoid::CGCS2000].iter().any(|e| e.is_nearly(&horizontal.ellipsoid));
    let nameless = matches!(datum, Datum::Unknown(_));
    if nameless && is_modern && shift == Some(projjson::Shift::Null) {
        return (Datum::Wgs84, Some("到 WGS 84 的平移写明为零 (its shift to WGS 84 is stated as zero)"));
    }
    // PROJ's and EPSG's own words for "no datum given, this ellipsoid".
    let only_ellipsoid = ["unknown based on wgs 84", "not specified (based on wgs 84", "not_specified_based_on_wgs_84"];
    let lower = horizontal.datum_name.to_lowercase();
    if nameless && is_modern && only_ellipsoid.iter().any(|start| lower.starts_with(start)) {
        return (Datum::Wgs84, Some("椭球是 WGS 84 (its ellipsoid is WGS 84's)"));
    }
    (datum, None)
}

fn not_understood(input: &str, reason: &str) -> GeodesyError {
    GeodesyError::CrsNotUnderstood { input: input.chars().take(80).collect(), reason: reason.to_owned() }
}
