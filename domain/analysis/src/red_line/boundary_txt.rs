//! Boundary points as the ministry's text form (界址点 TXT): `[属性描述]`, then `[地块坐标]` with a line per parcel
//! that ends in `@` and a line `point, ring, X, Y` per boundary point, X the northing.
//!
//! The form comes from the submission of construction land (建设用地报批 坐标文件). Offices drop what they do not
//! need, so files without sections, with fewer columns, with full-width commas, in GBK or UTF-8 are read too. Written
//! texts are of the full form; a text written here and read again is written byte for byte the same.

use std::fmt::Write as _;

use encoding_rs::{Encoding, GB18030, GBK, UTF_8};
use geodesy::{Datum, gauss_kruger::ZoneWidth};

use super::{Draft, DraftParcel, DraftPoint, DraftRing, MAX_PARCELS, MAX_POINTS, Notice, RedLine, RedParcel, refused};
use crate::{
    AnalysisError, Polygon,
    rounding::{decimal_of, round_half_away},
};

/// Fields of a parcel's line: points, area, number, name, kind of geometry, sheet, use, land class, `@`.
const PARCEL_FIELDS: usize = 9;
/// What is taken for the accuracy where the file says none: millimetres.
const DECIMALS: u32 = 3;

/// Any text.
pub(super) fn claims(bytes: &[u8], name: &str) -> bool {
    let is_named = [".txt", ".csv", ".dat"].iter().any(|ending| name.ends_with(ending));
    is_named || !bytes.iter().take(4096).any(|byte| *byte == 0) || Encoding::for_bom(bytes).is_some()
}

/// The text of a file: by its mark, else UTF-8 where it is that, else GBK.
fn decode(bytes: &[u8]) -> Result<String, AnalysisError> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let (text, _, broken) = encoding.decode(bytes.get(mark..).unwrap_or_default());
        return if broken { Err(unreadable()) } else { Ok(text.into_owned()) };
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.to_owned());
    }
    let (text, broken) = GB18030.decode_without_bom_handling(bytes);
    if broken { Err(unreadable()) } else { Ok(text.into_owned()) }
}

fn unreadable() -> AnalysisError {
    refused("文件不是 UTF-8 或 GBK 编码的文本", "the file is no text in UTF-8 or GBK")
}

pub(super) fn read(bytes: &[u8]) -> Result<Draft, AnalysisError> {
    let text = decode(bytes)?.replace('，', ",").replace('＝', "=").replace('＠', "@");
    let mut draft = Draft::default();
    let mut section = Section::Coordinates;
    let mut points = 0;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if let Some(title) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = match title.trim() {
                "属性描述" => Section::Attributes,
                "地块坐标" => Section::Coordinates,
                _ => Section::Other,
            };
            continue;
        }
        match section {
            Section::Other => {}
            Section::Attributes => {
                if let Some((key, value)) = line.split_once('=') {
                    attribute(&mut draft, key.trim(), value.trim());
                }
            }
            Section::Coordinates => {
                coordinates(&mut draft, line, index + 1)?;
                points += 1;
            }
        }
        if points > MAX_POINTS + MAX_PARCELS || draft.attributes.len() > 1_000 {
            return Err(refused("文件行数过多", "the file has too many lines"));
        }
    }
    check_counts(&mut draft);
    Ok(draft)
}

#[derive(Clone, Copy)]
enum Section {
    Attributes,
    Coordinates,
    Other,
}

fn attribute(draft: &mut Draft, key: &str, value: &str) {
    let number = |text: &str| {
        let digits: String =
            text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        digits.parse::<u8>().ok()
    };
    match key {
        "坐标系" => draft.stated.datum = Some(value.to_owned()),
        "几度分带" => draft.stated.width_deg = number(value),
        "带号" => draft.stated.zone = number(value),
        "投影类型" if !value.is_empty() && !value.contains("高斯") => draft.warnings.push(Notice::new(
            format!("投影类型“{value}”不是高斯克吕格，按高斯克吕格处理，请核对"),
            "the projection is not called Gauss-Kruger but is taken as that: check",
        )),
        _ => {}
    }
    draft.attributes.push((key.to_owned(), value.to_owned()));
}

/// A parcel's line or a point's line.
fn coordinates(draft: &mut Draft, line: &str, number: usize) -> Result<(), AnalysisError> {
    let fields: Vec<&str> =
        if line.contains(',') { line.split(',').map(str::trim).collect() } else { line.split_whitespace().collect() };
    if fields.last() == Some(&"@") || fields.last().is_some_and(|last| last.ends_with('@')) {
        return parcel(draft, &fields, number);
    }
    if draft.parcels.is_empty() {
        draft.parcels.push(DraftParcel::default());
    }
    let parcel = draft.parcels.last_mut().expect("one was just put there");
    let (name, ring, northing, easting) = match *fields.as_slice() {
        [northing, easting] => (String::new(), "1", northing, easting),
        [name, northing, easting] => (name.to_owned(), "1", northing, easting),
        [name, ring, northing, easting] | [name, ring, northing, easting, ""] => {
            (name.to_owned(), ring, northing, easting)
        }
        _ => return Err(line_refused(number, "应为“点号,圈号,X,Y”", "a point is written: name, ring, X, Y")),
    };
    let place = |text: &str| text.parse::<f64>().ok().filter(|v| v.is_finite());
    let (Some(northing), Some(easting)) = (place(northing), place(easting)) else {
        return Err(line_refused(number, "坐标不是数", "a coordinate is not a number"));
    };
    if parcel.rings.last().is_none_or(|last| last.number != ring) {
        parcel.rings.push(DraftRing { number: ring.to_owned(), points: Vec::new() });
    }
    let ring = parcel.rings.last_mut().expect("one was just put there");
    let name = if name.is_empty() { format!("第{number}行") } else { name };
    ring.points.push(DraftPoint { name, at: [easting, northing] });
    Ok(())
}

fn parcel(draft: &mut Draft, fields: &[&str], number: usize) -> Result<(), AnalysisError> {
    let field = |i: usize| fields.get(i).copied().unwrap_or_default().trim_end_matches('@').to_owned();
    let shape = field(4);
    if shape.contains('点') || shape.contains('线') {
        return Err(line_refused(number, "图形属性不是“面”", "the parcel is not a polygon"));
    }
    let area = field(1);
    draft.parcels.push(DraftParcel {
        facts: RedParcel {
            stated_ha: area.parse::<f64>().is_ok_and(f64::is_finite).then_some(area),
            number: field(2),
            name: field(3),
            sheet: field(5),
            land_use: field(6),
            land_class: field(7),
            polygons: Vec::new(),
        },
        rings: Vec::new(),
    });
    // The count stands in the draft until the points are known.
    if let Ok(count) = field(0).parse::<usize>() {
        draft.stated.counts.push((draft.parcels.len() - 1, count));
    }
    Ok(())
}

fn check_counts(draft: &mut Draft) {
    for (index, count) in std::mem::take(&mut draft.stated.counts) {
        let Some(parcel) = draft.parcels.get(index) else { continue };
        let found: usize = parcel.rings.iter().map(|ring| ring.points.len()).sum();
        // The closing points are counted by some offices and not by others.
        if found != count && found != count + parcel.rings.len() && found + parcel.rings.len() != count {
            draft.warnings.push(Notice::new(
                format!("地块“{}”标明界址点 {count} 个，实有 {found} 个", parcel.facts.name),
                format!("parcel {}: {count} points stated, {found} found", parcel.facts.name),
            ));
        }
    }
}

fn line_refused(number: usize, zh: &str, en: &str) -> AnalysisError {
    refused(format!("第 {number} 行：{zh}"), format!("line {number}: {en}"))
}

/// Encoding of a written text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TextEncoding {
    /// GBK, which the ministry's programs expect.
    #[default]
    Gbk,
    /// UTF-8 without a mark.
    Utf8,
}

/// What a written text says of itself where the red line does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextOptions {
    /// Who made it (数据产生单位).
    pub producer: String,
    /// When (数据产生日期), `YYYY-MM-DD`.
    pub date: String,
    /// Its encoding.
    pub encoding: TextEncoding,
}

/// Writes a red line. Its system must be a national zone: bring it there with [`RedLine::in_plane`] first. Eastings
/// are written with their zone number.
pub fn write(red_line: &RedLine, options: &TextOptions) -> Result<Vec<u8>, AnalysisError> {
    let (zone, prefixed) = red_line.crs.gauss_kruger().ok_or_else(|| {
        refused(
            format!("坐标系“{}”不是国家高斯投影带，不能写成界址点 TXT", red_line.crs.name()),
            "only a national Gauss-Kruger zone can be written as boundary points",
        )
    })?;
    let datum = match red_line.crs.datum() {
        Datum::Xian80 => "1980西安坐标系",
        Datum::Beijing54 => "1954年北京坐标系",
        _ => "2000国家大地坐标系",
    };
    let width = if zone.width() == ZoneWidth::Three { "3" } else { "6" };
    let shift_m = if prefixed { 0.0 } else { zone.false_easting_m(true) - zone.false_easting_m(false) };
    let defaults = [
        ("格式版本号", "1.01版本".to_owned()),
        ("数据产生单位", options.producer.clone()),
        ("数据产生日期", options.date.clone()),
        ("坐标系", datum.to_owned()),
        ("几度分带", width.to_owned()),
        ("投影类型", "高斯克吕格".to_owned()),
        ("计量单位", "米".to_owned()),
        ("带号", zone.number().to_string()),
        ("精度", "0.001".to_owned()),
        ("转换参数", ",,,,,,".to_owned()),
    ];
    let mut out = String::from("[属性描述]\r\n");
    let mut put = |key: &str, value: &str| put_line(&mut out, &format!("{key}={value}"));
    if red_line.attributes.is_empty() {
        for (key, value) in &defaults {
            put(key, value);
        }
    } else {
        for (key, value) in &red_line.attributes {
            put(&plain(key), &plain_value(value));
        }
    }
    put_line(&mut out, "[地块坐标]");
    let decimals = red_line.attributes.iter().find(|(key, _)| key == "精度").map_or(DECIMALS, |(_, v)| decimals_of(v));
    for (index, parcel) in red_line.parcels.iter().enumerate() {
        write_parcel(&mut out, parcel, index, decimals, shift_m, &red_line.crs)?;
    }
    match options.encoding {
        TextEncoding::Utf8 => Ok(out.into_bytes()),
        TextEncoding::Gbk => {
            let (bytes, _, broken) = GBK.encode(&out);
            if broken { Ok(UTF_8.encode(&out).0.into_owned()) } else { Ok(bytes.into_owned()) }
        }
    }
}

fn write_parcel(
    out: &mut String,
    parcel: &RedParcel,
    index: usize,
    decimals: u32,
    shift_m: f64,
    crs: &geodesy::Crs,
) -> Result<(), AnalysisError> {
    let area_ha = match &parcel.stated_ha {
        Some(stated) => stated.clone(),
        None => fixed(parcel.areas(crs)?.plane_m2.unwrap_or_default() / 10_000.0, 4),
    };
    let count: usize = parcel.polygons.iter().flat_map(Polygon::rings).map(|ring| ring.len() + 1).sum();
    let number = if parcel.number.is_empty() { (index + 1).to_string() } else { plain(&parcel.number) };
    let fields: [String; PARCEL_FIELDS] = [
        count.to_string(),
        area_ha,
        number,
        plain(&parcel.name),
        "面".to_owned(),
        plain(&parcel.sheet),
        plain(&parcel.land_use),
        plain(&parcel.land_class),
        "@".to_owned(),
    ];
    put_line(out, &fields.join(","));
    let mut serial = 0;
    for (ring_index, ring) in parcel.polygons.iter().flat_map(Polygon::rings).enumerate() {
        let first = serial + 1;
        for (i, [easting, northing]) in ring.iter().chain(ring.first()).enumerate() {
            let name = if i == ring.len() {
                first
            } else {
                serial += 1;
                serial
            };
            let (x, y) = (fixed(*northing, decimals), fixed(easting + shift_m, decimals));
            put_line(out, &format!("J{name},{},{x},{y}", ring_index + 1));
        }
    }
    Ok(())
}

fn put_line(out: &mut String, line: &str) {
    // Writing to a string does not fail.
    write!(out, "{line}\r\n").expect("a string takes everything");
}

/// Half away from zero, with all its decimals.
fn fixed(value: f64, decimals: u32) -> String {
    decimal_of(value).map_or_else(
        || value.to_string(),
        |decimal| format!("{:.*}", decimals as usize, round_half_away(decimal, decimals)),
    )
}

/// The accuracy as decimals: `0.001` and `3` are both met.
fn decimals_of(text: &str) -> u32 {
    let decimals = match text.split_once('.') {
        Some((_, digits)) => digits.len() as u32,
        None => text.parse().unwrap_or(DECIMALS),
    };
    if (1..=8).contains(&decimals) { decimals } else { DECIMALS }
}

/// A field cannot hold what separates fields.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if matches!(c, ',' | '，' | '@' | '＠' | '=' | '[' | ']') || c.is_control() { ' ' } else { c })
        .collect::<String>()
        .trim()
        .to_owned()
}

/// A value may hold commas (转换参数).
fn plain_value(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}
