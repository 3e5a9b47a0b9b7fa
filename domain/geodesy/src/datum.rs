//! Datums by name: which are one here, which are refused, and the surveyor's own parameters.
//!
//! CGCS2000, WGS 84 and the ITRF are one datum in this product, a named identity that is recorded with the data.
//! Beijing 54, Xi'an 80, New Beijing and local datums are refused whatever PROJ offers (it offers a silent no-op)
//! until a parameter file is given. Parameter values are secret by law (测绘管理工作国家秘密范围): no `Debug`,
//! `Display` or error here ever shows one, and nothing can be read back out of [`DatumParameters`] but its names.

use std::fmt;

use serde::Deserialize;

use crate::{
    GeodesyError,
    crs::{Crs, Ellipsoid},
};

/// A geodetic datum, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Datum {
    /// China Geodetic Coordinate System 2000.
    Cgcs2000,
    /// WGS 84, any realisation.
    Wgs84,
    /// An ITRF or IGS realisation, by name.
    Itrf(String),
    /// Beijing 1954.
    Beijing54,
    /// Xi'an 1980.
    Xian80,
    /// New Beijing (新1954北京坐标系).
    NewBeijing,
    /// Another datum that has a name, such as NAD83 or ETRS89.
    Other(String),
    /// None, a local one, or one whose ellipsoid contradicts its name.
    Unknown(String),
}

impl Datum {
    /// The datum of a name and ellipsoid as PROJ reports them. The parameters win: a modern name on an old
    /// ellipsoid is [`Datum::Unknown`].
    #[must_use]
    pub fn classify(name: &str, ellipsoid: &Ellipsoid) -> Self {
        let plain = plain(name);
        let plain = plain.strip_prefix("worldgeodeticsystem1984").map_or(plain.as_str(), |_| "wgs84");
        let named = match plain {
            "china2000" | "cgcs2000" | "chinageodeticcoordinatesystem2000" => Self::Cgcs2000,
            "beijing1954" | "beijing54" => Self::Beijing54,
            "xian1980" | "xian80" => Self::Xian80,
            "newbeijing" | "newbeijing1954" => Self::NewBeijing,
            p if p.starts_with("wgs84") || p == "wgs1984" => Self::Wgs84,
            p if is_itrf(p) => Self::Itrf(name.to_owned()),
            p if NAMELESS.iter().any(|start| p.starts_with(start)) || p.is_empty() => {
                return Self::Unknown(name.to_owned());
            }
            _ => Self::Other(name.to_owned()),
        };
        let expected: &[Ellipsoid] = match &named {
            // The three are told apart by name only: data mix WGS 84's and GRS 80's flattening freely (0.1 mm).
            Self::Cgcs2000 | Self::Wgs84 | Self::Itrf(_) => &[Ellipsoid::CGCS2000, Ellipsoid::WGS84],
            Self::Beijing54 | Self::NewBeijing => &[Ellipsoid::KRASSOWSKY],
            Self::Xian80 => &[Ellipsoid::IAG_1975],
            Self::Other(_) | Self::Unknown(_) => &[],
        };
        if expected.is_empty() || expected.iter().any(|e| e.is_nearly(ellipsoid)) {
            named
        } else {
            Self::Unknown(name.to_owned())
        }
    }

    /// Whether this is CGCS2000 by the product's named identity.
    #[must_use]
    pub const fn is_cgcs2000_by_identity(&self) -> bool {
        matches!(self, Self::Cgcs2000 | Self::Wgs84 | Self::Itrf(_))
    }

    /// Whether leaving this datum takes the surveyor's own parameters.
    #[must_use]
    pub const fn needs_parameters(&self) -> bool {
        matches!(self, Self::Beijing54 | Self::Xian80 | Self::NewBeijing | Self::Unknown(_))
    }
}

impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cgcs2000 => f.write_str("CGCS2000"),
            Self::Wgs84 => f.write_str("WGS 84"),
            Self::Beijing54 => f.write_str("1954 北京坐标系 (Beijing 1954)"),
            Self::Xian80 => f.write_str("1980 西安坐标系 (Xian 1980)"),
            Self::NewBeijing => f.write_str("新 1954 北京坐标系 (New Beijing)"),
            Self::Itrf(name) | Self::Other(name) => f.write_str(name),
            Self::Unknown(name) => write!(f, "未知或地方基准“{name}” (unknown or local)"),
        }
    }
}

/// Beginnings of names that name nothing.
const NAMELESS: [&str; 6] = ["unknown", "unnamed", "undefined", "notspecified", "local", "userdefined"];

/// Letters and digits only, lower case, without Esri's leading `D_`.
fn plain(name: &str) -> String {
    let name = name.strip_prefix("D_").unwrap_or(name);
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn is_itrf(plain: &str) -> bool {
    let realisation = |rest: &str| rest.len() >= 2 && rest.chars().all(|c| c.is_ascii_alphanumeric());
    ["itrf", "igs", "igb", "internationalterrestrialreferenceframe"].iter().any(|start| {
        plain
            .strip_prefix(start)
            .is_some_and(|rest| realisation(rest) && rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// A surveyor's conversion from one old or local datum to CGCS2000. Its values cannot be read back or printed.
#[derive(Clone, PartialEq)]
pub struct DatumParameters {
    name: String,
    from: FromDatum,
    kind: Kind,
}

/// Which datum the parameters leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FromDatum {
    #[serde(rename = "beijing54")]
    Beijing54,
    #[serde(rename = "xian80")]
    Xian80,
    NewBeijing,
    Local,
}

#[derive(Clone, PartialEq)]
enum Kind {
    Seven(Seven),
    Four { values: Four, from_plane: Crs, to_plane: Crs },
}

#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seven {
    dx_m: f64,
    dy_m: f64,
    dz_m: f64,
    rx_arcsec: f64,
    ry_arcsec: f64,
    rz_arcsec: f64,
    scale_ppm: f64,
    convention: Convention,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Convention {
    PositionVector,
    CoordinateFrame,
}

#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Four {
    from_crs: String,
    to_crs: String,
    east_m: f64,
    north_m: f64,
    rotation_arcsec: f64,
    scale_ppm: f64,
}

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParameterFile {
    name: String,
    from: FromDatum,
    seven: Option<Seven>,
    four: Option<Four>,
}

impl DatumParameters {
    /// Reads a parameter file.
    ///
    /// ```toml
    /// name = "what the surveyor calls this set"
    /// from = "xian80"                 # beijing54 | xian80 | new-beijing | local; always to CGCS2000
    /// [seven]                         # EPSG method 9606 (position_vector) or 9607 (coordinate_frame)
    /// dx_m = 0.0
    /// dy_m = 0.0
    /// dz_m = 0.0
    /// rx_arcsec = 0.0
    /// ry_arcsec = 0.0
    /// rz_arcsec = 0.0
    /// scale_ppm = 0.0
    /// convention = "position_vector"
    /// ```
    ///
    /// or, in the plane, `E' = east + (1 + scale) (E cos r - N sin r)`, `N' = north + (1 + scale) (E sin r + N cos r)`:
    ///
    /// ```toml
    /// name = "…"
    /// from = "local"
    /// [four]
    /// from_crs = "EPSG:2382"          # the plane the values were found in; E and N as it writes them
    /// to_crs = "EPSG:4546"
    /// east_m = 0.0
    /// north_m = 0.0
    /// rotation_arcsec = 0.0           # anticlockwise
    /// scale_ppm = 0.0
    /// ```
    pub fn from_toml(text: &str) -> Result<Self, GeodesyError> {
        // The parser's own message quotes the line, and the line holds a secret: only its number goes on.
        let file: ParameterFile = toml::from_str(text).map_err(|error| {
            let line = error.span().and_then(|span| text.get(..span.start));
            refuse(
                line.map_or(0, |before| before.lines().count().max(1)),
                "缺少必需的键、键名不认识或值的类型不对 (missing key, unknown key, or wrong type)",
            )
        })?;
        let kind = match (file.seven, file.four) {
            (Some(seven), None) => {
                let numbers = [
                    seven.dx_m,
                    seven.dy_m,
                    seven.dz_m,
                    seven.rx_arcsec,
                    seven.ry_arcsec,
                    seven.rz_arcsec,
                    seven.scale_ppm,
                ];
                check_finite(&numbers)?;
                Kind::Seven(seven)
            }
            (None, Some(four)) => {
                check_finite(&[four.east_m, four.north_m, four.rotation_arcsec, four.scale_ppm])?;
                let from_plane = Crs::from_user_input(&four.from_crs)?;
                let to_plane = Crs::from_user_input(&four.to_crs)?;
                check_planes(file.from, &from_plane, &to_plane)?;
                Kind::Four { values: four, from_plane, to_plane }
            }
            _ => {
                return Err(refuse(0, "需要 [seven] 或 [four] 之一 (exactly one of [seven] and [four] is needed)"));
            }
        };
        Ok(Self { name: file.name, from: file.from, kind })
    }

    /// What the surveyor calls the set.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of parameters: 4 or 7.
    #[must_use]
    pub const fn count(&self) -> u8 {
        match self.kind {
            Kind::Seven(_) => 7,
            Kind::Four { .. } => 4,
        }
    }

    /// Whether the set leaves this datum.
    #[must_use]
    pub const fn leaves(&self, datum: &Datum) -> bool {
        matches!(
            (self.from, datum),
            (FromDatum::Beijing54, Datum::Beijing54)
                | (FromDatum::Xian80, Datum::Xian80)
                | (FromDatum::NewBeijing, Datum::NewBeijing)
                | (FromDatum::Local, Datum::Unknown(_))
        )
    }

    /// What the set leaves, for messages.
    pub(crate) const fn leaves_name(&self) -> &'static str {
        match self.from {
            FromDatum::Beijing54 => "Beijing 1954",
            FromDatum::Xian80 => "Xian 1980",
            FromDatum::NewBeijing => "New Beijing",
            FromDatum::Local => "local",
        }
    }

    /// PROJ steps from longitude and latitude (degrees) on the old datum to those on CGCS2000. Secret.
    pub(crate) fn steps(&self, from: &Ellipsoid) -> String {
        match &self.kind {
            Kind::Seven(p) => {
                let convention = match p.convention {
                    Convention::PositionVector => "position_vector",
                    Convention::CoordinateFrame => "coordinate_frame",
                };
                format!(
                    "+step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=push +v_3 \
                     +step +proj=cart {} +step +proj=helmert +x={} +y={} +z={} +rx={} +ry={} +rz={} +s={} \
                     +convention={convention} +step +inv +proj=cart {} +step +proj=pop +v_3 \
                     +step +proj=unitconvert +xy_in=rad +xy_out=deg",
                    from.proj_terms(),
                    p.dx_m,
                    p.dy_m,
                    p.dz_m,
                    p.rx_arcsec,
                    p.ry_arcsec,
                    p.rz_arcsec,
                    p.scale_ppm,
                    Ellipsoid::CGCS2000.proj_terms(),
                )
            }
            Kind::Four { values, from_plane, to_plane } => {
                let scale = 1.0 + values.scale_ppm * 1e-6;
                let (sin, cos) = (values.rotation_arcsec / 3600.0).to_radians().sin_cos();
                format!(
                    "{} +step +proj=affine +xoff={} +yoff={} +s11={} +s12={} +s21={} +s22={} {}",
                    from_plane.native_from_lon_lat_steps(),
                    values.east_m,
                    values.north_m,
                    scale * cos,
                    -scale * sin,
                    scale * sin,
                    scale * cos,
                    to_plane.lon_lat_from_native_steps(),
                )
            }
        }
    }
}

/// A four-parameter set needs an old plane in metres on one side and a CGCS2000 plane on the other.
fn check_planes(from: FromDatum, from_plane: &Crs, to_plane: &Crs) -> Result<(), GeodesyError> {
    let in_metres = |crs: &Crs| crs.is_projected() && (crs.unit_m() - 1.0).abs() < 1e-12;
    let old = match from {
        FromDatum::Beijing54 => from_plane.datum() == Datum::Beijing54,
        FromDatum::Xian80 => from_plane.datum() == Datum::Xian80,
        FromDatum::NewBeijing => from_plane.datum() == Datum::NewBeijing,
        FromDatum::Local => from_plane.datum().needs_parameters(),
    };
    if old && in_metres(from_plane) && in_metres(to_plane) && to_plane.datum().is_cgcs2000_by_identity() {
        Ok(())
    } else {
        Err(refuse(
            0,
            "from_crs 应为起始基准上以米为单位的投影坐标系，to_crs 应为 CGCS2000 上的 \
             (from_crs must be a plane in metres on the datum left, to_crs one on CGCS2000)",
        ))
    }
}

fn check_finite(values: &[f64]) -> Result<(), GeodesyError> {
    if values.iter().all(|v| v.is_finite()) {
        Ok(())
    } else {
        Err(refuse(0, "参数不是有限数 (a value is not a finite number)"))
    }
}

fn refuse(line: usize, reason: &str) -> GeodesyError {
    GeodesyError::ParametersNotUnderstood { line, reason: reason.to_owned() }
}

impl fmt::Debug for DatumParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatumParameters")
            .field("name", &self.name)
            .field("from", &self.from)
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for DatumParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}（{} 参数，数值保密）", self.name, self.count())
    }
}
