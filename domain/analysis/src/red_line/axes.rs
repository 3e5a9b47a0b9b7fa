//! Which system a red line's numbers are in: what the file states, what the numbers themselves say, and where the
//! two disagree.
//!
//! Eastings of China without a zone number, eastings with one, northings and degrees do not overlap, so swapped axes
//! and a prefix are certain where the numbers are those of a national zone at all. A zone that nothing names is never
//! guessed.

use geodesy::{
    Crs,
    gauss_kruger::{PlaneReading, Zone, ZoneWidth, read_plane},
};

use super::{Draft, Notice, Stated, refused};
use crate::AnalysisError;

/// Longitudes of China with a margin, degrees.
const LONGITUDES: std::ops::Range<f64> = 70.0..140.0;
/// Latitudes of China with a margin, degrees.
const LATITUDES: std::ops::Range<f64> = 2.0..56.0;

/// Decides the system and puts the axes in order.
pub(super) fn settle(draft: &mut Draft, fallback: Option<&Crs>) -> Result<Crs, AnalysisError> {
    let bounds = bounds(draft);
    let in_degrees = bounds.iter().all(|v| v.abs() <= 180.0);
    match draft.stated.crs.clone() {
        Some(crs) if crs.is_geographic() || in_degrees => degrees(draft, bounds, Some(crs)),
        Some(crs) => stated_plane(draft, bounds, crs),
        None if in_degrees => degrees(draft, bounds, None),
        None => unnamed_plane(draft, bounds, fallback),
    }
}

fn bounds(draft: &Draft) -> [f64; 4] {
    let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    for [x, y] in draft.parcels.iter().flat_map(|p| &p.rings).flat_map(|ring| &ring.points).map(|point| point.at) {
        bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
    }
    bounds
}

fn swap(draft: &mut Draft) {
    for point in draft.parcels.iter_mut().flat_map(|p| &mut p.rings).flat_map(|ring| &mut ring.points) {
        point.at.swap(0, 1);
    }
    draft.warnings.push(Notice::new(
        "坐标轴颠倒：标为 X 的一列是东坐标，已对调（X 应为北坐标）",
        "axes swapped: the column called X holds the easting; put right (X is the northing)",
    ));
}

/// Longitude and latitude.
fn degrees(draft: &mut Draft, bounds: [f64; 4], stated: Option<Crs>) -> Result<Crs, AnalysisError> {
    let is_stated = stated.is_some() || draft.stated.degrees;
    let crs = match stated {
        Some(crs) if crs.is_geographic() => crs,
        Some(crs) => {
            return Err(refused(
                format!("坐标是经纬度大小的数，与所写坐标系“{}”不符", crs.name()),
                "the numbers are of the size of degrees, the stated system is a plane",
            ));
        }
        None => match datum_of(&draft.stated)?.0 {
            Family::Cgcs2000 => Crs::cgcs2000(),
            Family::Xian80 => Crs::from_epsg(4610)?,
            Family::Beijing54 => Crs::from_epsg(4214)?,
        },
    };
    let within = |range: &std::ops::Range<f64>, low: f64, high: f64| range.contains(&low) && range.contains(&high);
    let [min_x, min_y, max_x, max_y] = bounds;
    if within(&LATITUDES, min_x, max_x) && within(&LONGITUDES, min_y, max_y) {
        swap(draft);
    } else if min_x < -180.0 || max_x > 180.0 || min_y < -90.0 || max_y > 90.0 {
        return Err(refused("坐标超出经纬度范围", "the coordinates are no longitudes and latitudes"));
    } else if !(is_stated || within(&LONGITUDES, min_x, max_x) && within(&LATITUDES, min_y, max_y)) {
        return Err(refused(
            "坐标既不像高斯投影坐标，也不像我国的经纬度",
            "the coordinates look neither like a national zone nor like degrees in China",
        ));
    }
    Ok(crs)
}

/// A plane named outright.
fn stated_plane(draft: &mut Draft, bounds: [f64; 4], crs: Crs) -> Result<Crs, AnalysisError> {
    let Some((zone, prefixed)) = crs.gauss_kruger() else { return Ok(crs) };
    let Some(reading) = read_plane(bounds) else {
        draft.warnings.push(Notice::new(
            format!("坐标不像“{}”的数值，请核对坐标系", crs.name()),
            "the numbers do not look like the stated zone: check the coordinate system",
        ));
        return Ok(crs);
    };
    if reading.swapped {
        swap(draft);
    }
    match reading.prefix {
        Some(data) if data != zone => Err(other_zone(data, zone)),
        Some(_) if !prefixed => sibling(draft, &crs, zone, true),
        None if prefixed => sibling(draft, &crs, zone, false),
        _ => Ok(crs),
    }
}

/// The same zone on the same datum, with or without its number before the easting.
fn sibling(draft: &mut Draft, crs: &Crs, zone: Zone, prefixed: bool) -> Result<Crs, AnalysisError> {
    let family = match crs.datum() {
        geodesy::Datum::Xian80 => Family::Xian80,
        geodesy::Datum::Beijing54 => Family::Beijing54,
        _ => Family::Cgcs2000,
    };
    let found = Crs::from_epsg(family.epsg(zone, prefixed))?;
    let (zh, en) = if prefixed { ("带有", "carries") } else { ("没有", "lacks") };
    draft.warnings.push(Notice::new(
        format!("东坐标{zh}带号 {}，与所写坐标系“{}”不符，按“{}”处理", zone.number(), crs.name(), found.name()),
        format!("the easting {en} the zone number, unlike {}: taken as {}", crs.name(), found.name()),
    ));
    Ok(found)
}

/// A plane of which the file tells the zone, or its eastings do, or the fallback.
fn unnamed_plane(draft: &mut Draft, bounds: [f64; 4], fallback: Option<&Crs>) -> Result<Crs, AnalysisError> {
    if draft.stated.degrees {
        return Err(refused(
            "表头写的是经纬度，数值却不是",
            "the header says longitude and latitude, the numbers do not",
        ));
    }
    let Some(PlaneReading { swapped, prefix }) = read_plane(bounds) else {
        return Err(refused(
            "坐标不像高斯—克吕格投影坐标（北坐标 X 应为 7 位，东坐标 Y 为 6 位或带带号 8 位），请核对",
            "the numbers are not those of a Gauss-Kruger zone: X (north) has 7 digits, Y (east) 6, or 8 with the zone",
        ));
    };
    let (family, assumed) = datum_of(&draft.stated)?;
    if swapped {
        swap(draft);
    }
    let stated = stated_zone(&draft.stated, prefix)?;
    let (zone, prefixed) = match (prefix, stated) {
        (Some(data), Some(stated)) if data != stated => return Err(other_zone(data, stated)),
        (Some(data), _) => (data, true),
        (None, Some(stated)) => {
            draft.warnings.push(Notice::new(
                format!("Y 坐标没有带号，按文件所写带号 {} 处理", stated.number()),
                format!("eastings carry no zone number; the stated zone {} is taken", stated.number()),
            ));
            (stated, false)
        }
        (None, None) => {
            let Some((zone, _)) = fallback.and_then(Crs::gauss_kruger) else {
                return Err(refused(
                    "没有带号：Y 坐标不带带号，文件也没有写带号或中央经线，请指定坐标系",
                    "no zone: neither the eastings nor the file name one; state the coordinate system",
                ));
            };
            draft.warnings.push(Notice::new(
                format!("文件没有带号，按本平台的{}度带第 {} 带处理，请核对", zone.width().degrees(), zone.number()),
                format!("the file names no zone; zone {} of this deployment is assumed: check", zone.number()),
            ));
            (zone, false)
        }
    };
    if assumed {
        draft.warnings.push(Notice::new(
            "文件没有写坐标系，按 2000 国家大地坐标系处理",
            "the file names no datum; CGCS2000 is assumed",
        ));
    }
    Ok(Crs::from_epsg(family.epsg(zone, prefixed))?)
}

fn other_zone(data: Zone, stated: Zone) -> AnalysisError {
    refused(
        format!("东坐标的带号是 {}，所写坐标系是第 {} 带，互相矛盾", data.number(), stated.number()),
        format!("eastings name zone {}, the stated system is zone {}", data.number(), stated.number()),
    )
}

/// The zone in the file's words; a width that contradicts the number is refused.
fn stated_zone(stated: &Stated, prefix: Option<Zone>) -> Result<Option<Zone>, AnalysisError> {
    let width = match stated.width_deg {
        Some(3) => Some(ZoneWidth::Three),
        Some(6) => Some(ZoneWidth::Six),
        Some(other) => {
            return Err(refused(format!("几度分带“{other}”不可用，应为 3 或 6"), "zones are 3 or 6 degrees wide"));
        }
        None => None,
    };
    let zone = match stated.zone {
        Some(number) => Some(Zone::from_prefix(number).ok_or_else(|| {
            refused(format!("带号 {number} 不是我国的带号"), format!("there is no zone {number} in China"))
        })?),
        None => None,
    };
    if let (Some(width), Some(zone)) = (width, zone.or(prefix))
        && zone.width() != width
    {
        return Err(refused(
            format!("带号 {} 不是 {} 度带的带号", zone.number(), width.degrees()),
            format!("zone {} is not one of {} degrees", zone.number(), width.degrees()),
        ));
    }
    Ok(zone)
}

/// National systems whose zones have EPSG codes.
#[derive(Debug, Clone, Copy)]
enum Family {
    Cgcs2000,
    Xian80,
    Beijing54,
}

impl Family {
    /// EPSG code of a zone; for the old datums the four series of the EPSG dataset (2327-2390, 2401-2442, 21413-21463).
    fn epsg(self, zone: Zone, prefixed: bool) -> u32 {
        let number = u32::from(zone.number());
        match (self, zone.width(), prefixed) {
            (Self::Cgcs2000, ..) => zone.epsg_cgcs2000(prefixed),
            (Self::Xian80, ZoneWidth::Three, true) => 2324 + number,
            (Self::Xian80, ZoneWidth::Three, false) => 2345 + number,
            (Self::Xian80, ZoneWidth::Six, true) => 2314 + number,
            (Self::Xian80, ZoneWidth::Six, false) => 2325 + number,
            (Self::Beijing54, ZoneWidth::Three, true) => 2376 + number,
            (Self::Beijing54, ZoneWidth::Three, false) => 2397 + number,
            (Self::Beijing54, ZoneWidth::Six, true) => 21_400 + number,
            (Self::Beijing54, ZoneWidth::Six, false) => 21_440 + number,
        }
    }
}

/// The datum in the file's words, and whether it had to be assumed.
fn datum_of(stated: &Stated) -> Result<(Family, bool), AnalysisError> {
    let Some(words) = stated.datum.as_deref().map(str::trim).filter(|words| !words.is_empty()) else {
        return Ok((Family::Cgcs2000, true));
    };
    let family = [("2000", Family::Cgcs2000), ("80", Family::Xian80), ("54", Family::Beijing54)]
        .into_iter()
        .find(|(mark, _)| words.contains(mark))
        .map(|(_, family)| family);
    family.map(|family| (family, false)).ok_or_else(|| {
        refused(
            format!("坐标系“{words}”无法识别，应为“2000国家大地坐标系”"),
            "the datum is not one of CGCS2000, Xi'an 80 and Beijing 54",
        )
    })
}
