//! Red lines (拟用地红线) as applicants deliver them: boundary-point texts, coordinate tables, GeoJSON, our own JSON.
//!
//! Every format becomes a [`Draft`] of named points; one path then decides the coordinate system, turns rings into
//! polygons and measures. What can be repaired for certain (swapped axes, a missing zone number that the file states
//! elsewhere) is repaired and always said; what cannot is refused with the name of the point. Shapefiles, `GeoPackage`
//! and DXF are read by the importer, whose result arrives here as JSON.

mod axes;
pub mod boundary_txt;
mod coordinate_table;
mod crossing;
mod geojson;
mod json;
mod rings;

pub(crate) use rings::inside;

use geodesy::{Crs, GeodesyError, Transform, area, densify};
use serde::{Deserialize, Serialize};

use crate::{AnalysisError, Polygon};

/// Bytes a file may have.
const MAX_BYTES: usize = 32 << 20;
/// Points a red line may have in all.
const MAX_POINTS: usize = 200_000;
/// Parcels a red line may have.
const MAX_PARCELS: usize = 5_000;
/// Rings one parcel may have.
const MAX_RINGS: usize = 2_000;

/// A red line with what was noticed while reading it.
#[derive(Debug, Clone, PartialEq)]
pub struct RedLine {
    /// System of the coordinates, as delivered.
    pub crs: Crs,
    /// The parcels (地块).
    pub parcels: Vec<RedParcel>,
    /// What the file says of itself (`[属性描述]` of a boundary-point text), in its order.
    pub attributes: Vec<(String, String)>,
    /// What a person should know.
    pub warnings: Vec<Notice>,
}

/// One parcel of a red line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RedParcel {
    /// Name (地块名称).
    pub name: String,
    /// Number (地块编号).
    pub number: String,
    /// Use (地块用途).
    pub land_use: String,
    /// Land class (地类编码).
    pub land_class: String,
    /// Map sheet (图幅号).
    pub sheet: String,
    /// Area as the file states it, hectares, with its own digits.
    pub stated_ha: Option<String>,
    /// Its parts, `[easting, northing]` in the delivered numbers and direction, not closed.
    pub polygons: Vec<Polygon>,
}

/// Something a person should know, in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Notice {
    /// A notice.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

/// A format that is read here.
struct Format {
    /// Whether bytes (and the file's name in lower case) look like it.
    claims: fn(&[u8], &str) -> bool,
    read: fn(&[u8]) -> Result<Draft, AnalysisError>,
}

/// Every format; the last one takes any text.
const FORMATS: &[Format] = &[
    Format { claims: coordinate_table::claims, read: coordinate_table::read },
    Format { claims: json::claims, read: json::read },
    Format { claims: geojson::claims, read: geojson::read },
    Format { claims: boundary_txt::claims, read: boundary_txt::read },
];

/// Reads the bytes of a file. `fallback` is the plane to assume, with a warning, where the file does not say.
pub fn read(bytes: &[u8], file_name: &str, fallback: Option<&Crs>) -> Result<RedLine, AnalysisError> {
    if bytes.len() > MAX_BYTES {
        return Err(refused(
            format!("文件超过 {} MB", MAX_BYTES >> 20),
            format!("the file is larger than {} MB", MAX_BYTES >> 20),
        ));
    }
    let name = file_name.to_lowercase();
    let format = FORMATS.iter().find(|format| (format.claims)(bytes, &name)).ok_or_else(|| {
        refused(
            "无法识别文件格式：请提供界址点 TXT、坐标 Excel (.xlsx) 或 GeoJSON",
            "unknown format: deliver a boundary-point text, an .xlsx table or GeoJSON",
        )
    })?;
    (format.read)(bytes)?.finish(fallback)
}

/// A refusal of a red line.
fn refused(what_zh: impl Into<String>, what_en: impl Into<String>) -> AnalysisError {
    AnalysisError::RedLine { what_zh: what_zh.into(), what_en: what_en.into() }
}

/// What a file says about its coordinate system.
#[derive(Debug, Clone, Default)]
struct Stated {
    /// The system itself, where named outright.
    crs: Option<Crs>,
    /// Name of the datum in words (坐标系).
    datum: Option<String>,
    /// Degrees of a zone (几度分带).
    width_deg: Option<u8>,
    /// Zone number (带号).
    zone: Option<u8>,
    /// Header says longitude and latitude.
    degrees: bool,
    /// Points that a parcel is said to have, by position of the parcel.
    counts: Vec<(usize, usize)>,
}

/// A file as read, before its coordinates are understood.
#[derive(Debug, Clone, Default)]
struct Draft {
    stated: Stated,
    parcels: Vec<DraftParcel>,
    attributes: Vec<(String, String)>,
    warnings: Vec<Notice>,
}

#[derive(Debug, Clone, Default)]
struct DraftParcel {
    facts: RedParcel,
    rings: Vec<DraftRing>,
}

#[derive(Debug, Clone, Default)]
struct DraftRing {
    /// Name of the ring in messages, such as `1`.
    number: String,
    points: Vec<DraftPoint>,
}

#[derive(Debug, Clone, Default)]
struct DraftPoint {
    name: String,
    /// `[easting, northing]` as the file labels them.
    at: [f64; 2],
}

impl Draft {
    fn finish(mut self, fallback: Option<&Crs>) -> Result<RedLine, AnalysisError> {
        self.check_size()?;
        let crs = axes::settle(&mut self, fallback)?;
        let mut parcels = Vec::with_capacity(self.parcels.len());
        for (index, draft) in self.parcels.into_iter().enumerate() {
            let mut parcel = draft.facts;
            if parcel.name.is_empty() {
                parcel.name = format!("地块{}", index + 1);
            }
            parcel.polygons = rings::polygons(&parcel.name, draft.rings, &crs, &mut self.warnings)?;
            parcels.push(parcel);
        }
        let mut red_line = RedLine { crs, parcels, attributes: self.attributes, warnings: self.warnings };
        red_line.check_stated_areas()?;
        Ok(red_line)
    }

    fn check_size(&mut self) -> Result<(), AnalysisError> {
        for parcel in &mut self.parcels {
            parcel.rings.retain(|ring| !ring.points.is_empty());
        }
        self.parcels.retain(|parcel| !parcel.rings.is_empty());
        let points: usize = self.parcels.iter().flat_map(|parcel| &parcel.rings).map(|ring| ring.points.len()).sum();
        if self.parcels.is_empty() {
            return Err(refused("没有找到任何界址点", "there is no boundary point in it"));
        }
        if points > MAX_POINTS || self.parcels.len() > MAX_PARCELS {
            return Err(refused(
                format!("界址点 {points} 个、地块 {} 个，超过上限", self.parcels.len()),
                format!("{points} points and {} parcels are more than can be checked", self.parcels.len()),
            ));
        }
        for parcel in &self.parcels {
            if parcel.rings.len() > MAX_RINGS {
                return Err(refused(
                    format!("地块“{}”的圈数超过 {MAX_RINGS}", parcel.facts.name),
                    format!("a parcel has more than {MAX_RINGS} rings"),
                ));
            }
            for point in parcel.rings.iter().flat_map(|ring| &ring.points) {
                if !point.at.iter().all(|v| v.is_finite() && v.abs() < 1e9) {
                    return Err(refused(
                        format!("地块“{}”的点 {} 坐标无效", parcel.facts.name, point.name),
                        format!("point {} has no usable coordinates", point.name),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Areas of a shape, square metres, unrounded.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BothAreas {
    /// In the plane of the coordinates; none for longitude and latitude.
    pub plane_m2: Option<f64>,
    /// On the CGCS2000 ellipsoid; none where the datum may not be left without parameters.
    pub ellipsoidal_m2: Option<f64>,
}

/// The area of a ring.
type RingMeasure<'a> = dyn Fn(&[[f64; 2]]) -> Result<f64, GeodesyError> + 'a;

impl RedParcel {
    /// Its areas.
    pub fn areas(&self, crs: &Crs) -> Result<BothAreas, AnalysisError> {
        let signed = |polygon: &Polygon, measure: &RingMeasure<'_>| {
            let mut area = measure(&polygon.exterior)?;
            for hole in &polygon.holes {
                area -= measure(hole)?;
            }
            Ok::<f64, GeodesyError>(area)
        };
        let sum = |measure: &RingMeasure<'_>| {
            self.polygons.iter().map(|polygon| signed(polygon, measure)).sum::<Result<f64, GeodesyError>>()
        };
        let unit_m2 = crs.unit_m() * crs.unit_m();
        let plane_m2 = crs.is_projected().then(|| sum(&|ring| Ok(area::plane_area(ring) * unit_m2))).transpose()?;
        let ellipsoidal_m2 = match Transform::new(crs, &Crs::cgcs2000()) {
            Ok(to_degrees) => Some(sum(&|ring| area::ellipsoidal_area_of_ring_m2(ring, &to_degrees))?),
            Err(GeodesyError::DatumRefused { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(BothAreas { plane_m2, ellipsoidal_m2 })
    }
}

impl RedLine {
    /// The red line in another plane; edges that are straight here stay where they are, to a millimetre.
    pub fn in_plane(&self, plane: &Crs) -> Result<Self, AnalysisError> {
        let mut moved = self.clone();
        moved.crs = plane.clone();
        if self.crs == *plane {
            return Ok(moved);
        }
        // Another prefix of the same zone moves numbers, not places: no rounding, no more points.
        let shift_m = match (self.crs.gauss_kruger(), plane.gauss_kruger()) {
            (Some((from, with)), Some((to, without))) if from == to && self.crs.datum() == plane.datum() => {
                Some(to.false_easting_m(without) - from.false_easting_m(with))
            }
            _ => None,
        };
        let transform = if shift_m.is_none() { Some(Transform::new(&self.crs, plane)?) } else { None };
        for ring in moved.parcels.iter_mut().flat_map(|parcel| &mut parcel.polygons).flat_map(rings_mut) {
            match (shift_m, &transform) {
                (Some(shift_m), _) => ring.iter_mut().for_each(|point| point[0] += shift_m),
                (None, Some(transform)) => {
                    ring.extend(ring.first().copied());
                    *ring = densify::transform_line(ring, transform, densify::MAX_SAGITTA_M)?;
                    ring.pop();
                }
                (None, None) => {}
            }
        }
        Ok(moved)
    }

    /// `[west, south, east, north]` in degrees.
    pub fn bounds_lon_lat_deg(&self) -> Result<[f64; 4], AnalysisError> {
        let to_degrees = Transform::new(&self.crs, &Crs::cgcs2000())?;
        let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        for ring in self.parcels.iter().flat_map(|parcel| &parcel.polygons).map(|polygon| &polygon.exterior) {
            let mut points = ring.clone();
            to_degrees.points(&mut points)?;
            for [lon, lat] in points {
                bounds = [bounds[0].min(lon), bounds[1].min(lat), bounds[2].max(lon), bounds[3].max(lat)];
            }
        }
        Ok(bounds)
    }

    /// Compares the areas that the file states with those of its coordinates.
    fn check_stated_areas(&mut self) -> Result<(), AnalysisError> {
        let mut notices = Vec::new();
        for parcel in &self.parcels {
            let areas = parcel.areas(&self.crs)?;
            let Some(text) = &parcel.stated_ha else { continue };
            let Ok(stated_ha) = text.parse::<f64>() else { continue };
            let decimals = text.split_once('.').map_or(0, |(_, digits)| digits.len().min(10)) as u8;
            let unit_ha = 10f64.powi(-i32::from(decimals)).max(1e-4);
            let own_m2: Vec<f64> = [areas.plane_m2, areas.ellipsoidal_m2].into_iter().flatten().collect();
            if own_m2.is_empty() || own_m2.iter().any(|own| (own / 10_000.0 - stated_ha).abs() <= unit_ha) {
                continue;
            }
            let show = |area: Option<f64>| area.map_or_else(|| "-".to_owned(), |m2| format!("{:.4}", m2 / 10_000.0));
            let (plane, ellipsoidal) = (show(areas.plane_m2), show(areas.ellipsoidal_m2));
            let in_metres = own_m2.iter().any(|own| (own - stated_ha).abs() <= 1.0);
            let hint =
                if in_metres { ["，似按平方米填写", "; it seems to be in square metres"] } else { ["", ""] };
            notices.push(Notice::new(
                format!(
                    "地块“{}”标注面积 {text} 公顷，按坐标计算平面面积 {plane}、椭球面积 {ellipsoidal} 公顷，不一致{}",
                    parcel.name, hint[0]
                ),
                format!(
                    "parcel {}: {text} ha stated, but {plane} ha in the plane and {ellipsoidal} ha on the ellipsoid{}",
                    parcel.name, hint[1]
                ),
            ));
        }
        self.warnings.extend(notices);
        Ok(())
    }
}

fn rings_mut(polygon: &mut Polygon) -> impl Iterator<Item = &mut Vec<[f64; 2]>> {
    std::iter::once(&mut polygon.exterior).chain(&mut polygon.holes)
}
