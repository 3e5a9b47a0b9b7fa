//! The national 3- and 6-degree Gauss-Kruger zones, and what raw plane coordinates say about themselves.
//!
//! GB/T 17798-2007 annex; EPSG 4491-4554 for CGCS2000: zones 25-45 of 3 degrees (4513-4533 with the zone number
//! before the easting, 4534-4554 without) and 13-23 of 6 degrees (4491-4501, 4502-4512). The two ranges of zone
//! numbers do not overlap in China, so a prefix alone names its zone. Chinese texts and CAD files list the northing
//! first and call it X; here x is the easting.
//! The detections look at numbers only: they are for importers to warn with, never to convert silently.

use std::fmt;

/// False easting of every zone, before any prefix, metres.
pub const FALSE_EASTING_M: f64 = 500_000.0;
/// One zone number before the easting.
const PREFIX_M: f64 = 1_000_000.0;
/// Eastings without prefix: from the edge of a 6-degree zone at the equator, with a neighbour's strip.
const EASTING_M: std::ops::Range<f64> = 100_000.0..900_000.0;
/// Northings of China, 3 to 55 degrees north.
const NORTHING_M: std::ops::Range<f64> = 330_000.0..6_100_000.0;
/// Northings that cannot be an easting without prefix.
const CLEAR_NORTHING_M: std::ops::Range<f64> = 1_000_000.0..6_100_000.0;

/// Width of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ZoneWidth {
    /// 3 degrees, zones 25-45.
    Three,
    /// 6 degrees, zones 13-23.
    Six,
}

/// A national zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Zone {
    width: ZoneWidth,
    number: u8,
}

impl ZoneWidth {
    /// Zone numbers used in China.
    #[must_use]
    pub const fn numbers(self) -> std::ops::RangeInclusive<u8> {
        match self {
            Self::Three => 25..=45,
            Self::Six => 13..=23,
        }
    }

    /// Width in degrees.
    #[must_use]
    pub const fn degrees(self) -> f64 {
        match self {
            Self::Three => 3.0,
            Self::Six => 6.0,
        }
    }
}

impl Zone {
    /// A zone by width and number, none where China has no such zone.
    #[must_use]
    pub fn new(width: ZoneWidth, number: u8) -> Option<Self> {
        width.numbers().contains(&number).then_some(Self { width, number })
    }

    /// Every zone of China.
    pub fn all() -> impl Iterator<Item = Self> {
        [ZoneWidth::Three, ZoneWidth::Six]
            .into_iter()
            .flat_map(|width| width.numbers().map(move |number| Self { width, number }))
    }

    /// The zone that a longitude in degrees belongs to.
    #[must_use]
    pub fn at_longitude(lon_deg: f64, width: ZoneWidth) -> Option<Self> {
        let number = match width {
            ZoneWidth::Three => (lon_deg / 3.0).round(),
            ZoneWidth::Six => (lon_deg / 6.0).floor() + 1.0,
        };
        (0.0..100.0).contains(&number).then_some(number as u8).and_then(|number| Self::new(width, number))
    }

    /// The zone that a number before an easting names: 25-45 are of 3 degrees, 13-23 of 6.
    #[must_use]
    pub fn from_prefix(number: u8) -> Option<Self> {
        Self::all().find(|zone| zone.number == number)
    }

    /// The zone that an easting in metres names by its prefix; none where it carries none.
    #[must_use]
    pub fn from_easting_m(easting_m: f64) -> Option<Self> {
        let number = (easting_m / PREFIX_M).floor();
        let rest_m = easting_m - number * PREFIX_M;
        ((1.0..100.0).contains(&number) && EASTING_M.contains(&rest_m))
            .then_some(number as u8)
            .and_then(Self::from_prefix)
    }

    /// The zone with this central meridian in degrees.
    #[must_use]
    pub fn from_central_meridian_deg(central_deg: f64, width: ZoneWidth) -> Option<Self> {
        Self::all().find(|zone| zone.width == width && (zone.central_meridian_deg() - central_deg).abs() < 1e-9)
    }

    /// Its width.
    #[must_use]
    pub const fn width(self) -> ZoneWidth {
        self.width
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.number
    }

    /// Its central meridian, degrees east.
    #[must_use]
    pub fn central_meridian_deg(self) -> f64 {
        let number = f64::from(self.number);
        match self.width {
            ZoneWidth::Three => 3.0 * number,
            ZoneWidth::Six => 6.0 * number - 3.0,
        }
    }

    /// Its false easting in metres, with or without the zone number before it.
    #[must_use]
    pub fn false_easting_m(self, prefixed: bool) -> f64 {
        let prefix_m = if prefixed { f64::from(self.number) * PREFIX_M } else { 0.0 };
        FALSE_EASTING_M + prefix_m
    }

    /// EPSG code on CGCS2000, with or without the zone number before the easting.
    #[must_use]
    pub fn epsg_cgcs2000(self, prefixed: bool) -> u32 {
        let base = match (self.width, prefixed) {
            (ZoneWidth::Three, true) => 4488,
            (ZoneWidth::Three, false) => 4509,
            (ZoneWidth::Six, true) => 4478,
            (ZoneWidth::Six, false) => 4489,
        };
        base + u32::from(self.number)
    }

    /// The zone and whether its easting is prefixed, of an EPSG code on CGCS2000.
    #[must_use]
    pub fn from_epsg_cgcs2000(epsg: u32) -> Option<(Self, bool)> {
        Self::all()
            .flat_map(|zone| [(zone, true), (zone, false)])
            .find(|(zone, prefixed)| zone.epsg_cgcs2000(*prefixed) == epsg)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} 度带第 {} 带，中央经线 {}° (zone {})",
            self.width.degrees(),
            self.number,
            self.central_meridian_deg(),
            self.number
        )
    }
}

/// Which zone a stretch of longitudes should be mapped in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneAdvice {
    /// The zone of the middle.
    pub zone: Zone,
    /// Other zones that the stretch reaches into.
    pub also_reaches: Vec<Zone>,
}

/// The zone for a stretch of longitudes in degrees, west to east; none outside China's zones.
#[must_use]
pub fn zone_advice(west_deg: f64, east_deg: f64, width: ZoneWidth) -> Option<ZoneAdvice> {
    let zone = Zone::at_longitude(f64::midpoint(west_deg, east_deg), width)?;
    let reached = |other: Zone| {
        let (centre, half) = (other.central_meridian_deg(), width.degrees() / 2.0);
        west_deg < centre + half && east_deg > centre - half
    };
    let also_reaches = Zone::all().filter(|other| other.width == width && *other != zone && reached(*other)).collect();
    Some(ZoneAdvice { zone, also_reaches })
}

/// What plane coordinates look like, by their size alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaneReading {
    /// True where x holds the northing: the axes are swapped.
    pub swapped: bool,
    /// The zone that the eastings name before them.
    pub prefix: Option<Zone>,
}

/// Reads `[min_x, min_y, max_x, max_y]` in metres; none where the numbers do not look like a national zone.
#[must_use]
pub fn read_plane(bounds: [f64; 4]) -> Option<PlaneReading> {
    let [min_x, min_y, max_x, max_y] = bounds;
    let reading = |easting: [f64; 2], northing: [f64; 2], swapped: bool| {
        let prefix = Zone::from_easting_m(easting[0]).filter(|zone| Zone::from_easting_m(easting[1]) == Some(*zone));
        let plain = easting.iter().all(|v| EASTING_M.contains(v));
        // Without a prefix a low northing could be an easting: only clear ones are taken.
        let north = if prefix.is_some() { NORTHING_M } else { CLEAR_NORTHING_M };
        ((prefix.is_some() || plain) && northing.iter().all(|v| north.contains(v)))
            .then_some(PlaneReading { swapped, prefix })
    };
    reading([min_x, max_x], [min_y, max_y], false).or_else(|| reading([min_y, max_y], [min_x, max_x], true))
}

/// Where plane coordinates contradict the zone they are said to be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaneIssue {
    /// The northing stands first.
    SwappedAxes,
    /// The system wants the zone number before the easting, the data have none.
    PrefixMissing {
        /// The zone the system is for.
        zone: Zone,
    },
    /// The data carry a zone number, the system has none.
    PrefixUnexpected {
        /// The zone the data name.
        zone: Zone,
    },
    /// The data name another zone than the system.
    OtherZone {
        /// The zone the data name.
        data: Zone,
        /// The zone of the system.
        system: Zone,
    },
}

/// Checks `[min_x, min_y, max_x, max_y]` in metres against a national zone (see [`crate::Crs::gauss_kruger`]).
#[must_use]
pub fn plane_issues(bounds: [f64; 4], zone: Zone, prefixed: bool) -> Vec<PlaneIssue> {
    let Some(reading) = read_plane(bounds) else {
        return Vec::new();
    };
    let mut issues = Vec::new();
    if reading.swapped {
        issues.push(PlaneIssue::SwappedAxes);
    }
    match reading.prefix {
        None if prefixed => issues.push(PlaneIssue::PrefixMissing { zone }),
        Some(data) if data != zone => issues.push(PlaneIssue::OtherZone { data, system: zone }),
        Some(data) if !prefixed => issues.push(PlaneIssue::PrefixUnexpected { zone: data }),
        _ => {}
    }
    issues
}

impl fmt::Display for PlaneIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SwappedAxes => f.write_str("坐标轴颠倒：北坐标在前 (axes swapped: the northing stands first)"),
            Self::PrefixMissing { zone } => {
                write!(f, "东坐标缺少带号 {} (the zone number is missing before the easting)", zone.number)
            }
            Self::PrefixUnexpected { zone } => write!(
                f,
                "东坐标带有带号 {}，而坐标系不带带号 (eastings carry a zone number, the system has none)",
                zone.number
            ),
            Self::OtherZone { data, system } => write!(
                f,
                "东坐标的带号是 {}，坐标系是 {} (eastings name another zone than the system)",
                data.number, system.number
            ),
        }
    }
}
