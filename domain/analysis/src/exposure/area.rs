//! The area that is asked about: drawn, within a distance of something, or where a slope may run out to.

use geodesy::{Crs, Transform, densify};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    rules::{ANGLES_DEG, Angle, Rules},
    run_out::{RunOut, Source, run_out},
};
use crate::{
    AnalysisError, Parcel, Polygon, RedLine, Task, buffer,
    change::Asked as Dataset,
    clip::{Region, Site},
    figures::rounded,
    sites::{JOINED, area_asked, joined},
};

/// Points that a buffer may be drawn round.
const MOST_POINTS: usize = 20_000;
/// Volumes that may be stated, cubic metres.
const VOLUMES_M3: std::ops::RangeInclusive<f64> = 1.0..=1e11;
/// Metres of a degree of latitude.
const DEGREE_M: f64 = 111_320.0;
/// Role of the heights that things run out on.
pub(super) const GROUND_ROLE: &str = "ground";

/// As the request states it.
#[derive(Debug)]
pub(super) enum Asked {
    Drawn(RedLine),
    Buffer { of: Feature, distance_m: f64 },
    RunOut { source: Start, surface: Dataset, angle_deg: Option<f64>, volume_m3: Option<f64> },
}

/// What a buffer is drawn round; degrees of longitude and latitude, and areas as requests state them.
#[derive(Debug)]
pub(super) struct Feature {
    points: Vec<[f64; 2]>,
    lines: Vec<Vec<[f64; 2]>>,
    area: Option<RedLine>,
}

/// Where something starts to move.
#[derive(Debug)]
pub(super) enum Start {
    Area(RedLine),
    Place([f64; 2]),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BufferStated {
    of: FeatureStated,
    distance_m: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeatureStated {
    #[serde(default)]
    points: Vec<[f64; 2]>,
    #[serde(default)]
    lines: Vec<Vec<[f64; 2]>>,
    #[serde(default)]
    area: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunOutStated {
    source: Value,
    surface: Dataset,
    angle_deg: Option<f64>,
    volume_m3: Option<f64>,
}

fn refuse(what_zh: impl Into<String>, what_en: impl Into<String>) -> AnalysisError {
    AnalysisError::Request { what_zh: what_zh.into(), what_en: what_en.into() }
}

fn read<T: serde::de::DeserializeOwned>(stated: &Value, what: &str) -> Result<T, AnalysisError> {
    serde_json::from_value(stated.clone())
        .map_err(|error| refuse(format!("area.{what} 无法读取：{error}"), format!("area.{what}: {error}")))
}

impl Asked {
    /// Reads `area` of a request; there is exactly one kind.
    pub(super) fn of(area: &Value, rules: &Rules) -> Result<Self, AnalysisError> {
        let stated: Vec<&str> =
            area.as_object().into_iter().flatten().filter(|(_, v)| !v.is_null()).map(|(key, _)| key.as_str()).collect();
        match stated.as_slice() {
            ["polygon"] => Ok(Self::Drawn(area_asked(&area["polygon"])?)),
            ["buffer"] => Self::buffer(read(&area["buffer"], "buffer")?, rules),
            ["run_out"] => Self::run_out(read(&area["run_out"], "run_out")?),
            _ => Err(refuse(
                "area 应为 polygon（圈定范围）、buffer（缓冲）、run_out（滑动到达范围）三者之一",
                "area is one of polygon, buffer and run_out",
            )),
        }
    }

    fn buffer(stated: BufferStated, rules: &Rules) -> Result<Self, AnalysisError> {
        let BufferStated { of: FeatureStated { points, lines, area }, distance_m } = stated;
        let most_m = rules.area.most_buffer_m;
        if !(distance_m > 0.0 && distance_m <= most_m) {
            return Err(refuse(
                format!("缓冲距离应大于 0、不超过 {most_m} 米"),
                format!("distance_m is above 0 and at most {most_m} m"),
            ));
        }
        let area = (!area.is_null()).then(|| area_asked(&area)).transpose()?;
        let count = points.len() + lines.iter().map(Vec::len).sum::<usize>();
        if count == 0 && area.is_none() || lines.iter().any(|line| line.len() < 2) {
            return Err(refuse(
                "buffer.of 应有点、至少两个点的线，或面",
                "buffer.of has points, lines of at least two points, or an area",
            ));
        }
        if count > MOST_POINTS {
            return Err(refuse(
                format!("buffer.of 的点数 {count} 超过 {MOST_POINTS}，请先简化"),
                format!("buffer.of has {count} points, more than {MOST_POINTS}: simplify it"),
            ));
        }
        points.iter().chain(lines.iter().flatten()).try_for_each(|place| in_degrees(*place, "buffer.of"))?;
        Ok(Self::Buffer { of: Feature { points, lines, area }, distance_m })
    }

    fn run_out(stated: RunOutStated) -> Result<Self, AnalysisError> {
        let RunOutStated { source, surface, angle_deg, volume_m3 } = stated;
        if angle_deg.is_some_and(|deg| !ANGLES_DEG.contains(&deg)) {
            return Err(refuse("angle_deg（视摩擦角）应为 1 至 80 度", "angle_deg is 1 to 80"));
        }
        if volume_m3.is_some_and(|volume| !VOLUMES_M3.contains(&volume)) {
            return Err(refuse("volume_m3 应为 1 至 1000 亿立方米", "volume_m3 is 1 to 1e11"));
        }
        let place: Option<[f64; 2]> = serde_json::from_value(source.clone()).ok();
        let source = match place {
            Some(place) => {
                in_degrees(place, "run_out.source")?;
                Start::Place(place)
            }
            None => Start::Area(area_asked(&source)?),
        };
        Ok(Self::RunOut { source, surface, angle_deg, volume_m3 })
    }

    /// Its heights, where it needs any.
    pub(super) fn surface(&self) -> Option<&Dataset> {
        if let Self::RunOut { surface, .. } = self { Some(surface) } else { None }
    }

    /// Volume that moves, where it is stated.
    pub(super) fn volume_m3(&self) -> Option<f64> {
        if let Self::RunOut { volume_m3, .. } = self { *volume_m3 } else { None }
    }

    /// Where the question is, and where the answer may lie: boxes `[west, south, east, north]` degrees.
    pub(super) fn bounds_lon_lat_deg(&self, rules: &Rules) -> Result<[[f64; 4]; 2], AnalysisError> {
        let (own, reach_m) = match self {
            Self::Drawn(area) => (area.bounds_lon_lat_deg()?, 0.0),
            Self::Buffer { of, distance_m } => {
                let start = of.area.as_ref().map_or(Ok(EMPTY), RedLine::bounds_lon_lat_deg)?;
                // Circles are drawn from outside.
                (of.points.iter().chain(of.lines.iter().flatten()).fold(start, grown), distance_m * 1.02)
            }
            Self::RunOut { source: Start::Area(area), .. } => {
                (area.bounds_lon_lat_deg()?, rules.run_out.most_reach_m * 1.01)
            }
            Self::RunOut { source: Start::Place(place), .. } => {
                (grown(EMPTY, place), rules.run_out.most_reach_m * 1.01)
            }
        };
        let [west, south, east, north] = own;
        let lat_deg = reach_m / DEGREE_M;
        let lon_deg = lat_deg / (south.abs().max(north.abs()) + lat_deg).min(89.0).to_radians().cos();
        Ok([own, [west - lon_deg, south - lat_deg, east + lon_deg, north + lat_deg]])
    }
}

/// A box that holds nothing.
const EMPTY: [f64; 4] = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];

fn grown(b: [f64; 4], [x, y]: &[f64; 2]) -> [f64; 4] {
    [b[0].min(*x), b[1].min(*y), b[2].max(*x), b[3].max(*y)]
}

fn in_degrees([lon, lat]: [f64; 2], what: &str) -> Result<(), AnalysisError> {
    // Gauss-Kruger zones and their margins lie well within.
    if (-180.0..=180.0).contains(&lon) && (-85.0..=85.0).contains(&lat) {
        return Ok(());
    }
    Err(refuse(
        format!("{what} 的坐标 [{lon}, {lat}] 不是 [经度, 纬度]"),
        format!("{what}: [{lon}, {lat}] is no [longitude, latitude]"),
    ))
}

/// The area in the plane, and what results say of it.
pub(super) struct Area {
    pub(super) polygons: Vec<Polygon>,
    /// `polygon`, `buffer` or `run-out`.
    pub(super) kind: &'static str,
    pub(super) is_estimate: bool,
    pub(super) said: Map<String, Value>,
}

impl Asked {
    /// Works the area out.
    pub(super) fn area(&self, task: &Task<'_>, rules: &Rules, hazard: Option<&str>) -> Result<Area, AnalysisError> {
        let (polygons, kind, said) = match self {
            Self::Drawn(area) => (in_plane(area, task.plane)?, "polygon", Map::new()),
            Self::Buffer { of, distance_m } => {
                let said = [("distance_m".to_owned(), json!(distance_m))].into_iter().collect();
                (around(of, *distance_m, task.plane)?, "buffer", said)
            }
            Self::RunOut { source, angle_deg, volume_m3, .. } => {
                let surface = task.surfaces.get(GROUND_ROLE).copied().ok_or_else(|| {
                    refuse("缺少估算滑动到达范围所用的高程 run_out.surface", "the heights run_out.surface are missing")
                })?;
                let start = match source {
                    Start::Area(area) => Source::Polygons(in_plane(area, task.plane)?),
                    Start::Place(place) => Source::Place(to_plane(&[*place], task.plane, false)?[0]),
                };
                let angle = rules.run_out.angle(*angle_deg, *volume_m3, hazard);
                let made = run_out(surface, &start, angle.deg, rules.run_out.most_reach_m, task.plane, task.watch)?;
                let said = run_out_json(&made, &angle, surface.source(), *volume_m3, rules);
                (made.polygons, "run-out", said)
            }
        };
        Ok(Area { polygons, kind, is_estimate: kind == "run-out", said })
    }
}

fn in_plane(area: &RedLine, plane: &Crs) -> Result<Vec<Polygon>, AnalysisError> {
    Ok(area.in_plane(plane)?.parcels.into_iter().flat_map(|parcel| parcel.polygons).collect())
}

/// Degrees as places of the plane; a line keeps its edges straight in degrees.
fn to_plane(places: &[[f64; 2]], plane: &Crs, is_line: bool) -> Result<Vec<[f64; 2]>, AnalysisError> {
    let transform = Transform::new(&Crs::cgcs2000(), plane)?;
    if is_line {
        return Ok(densify::transform_line(places, &transform, densify::MAX_SAGITTA_M)?);
    }
    let mut moved = places.to_vec();
    transform.points(&mut moved)?;
    Ok(moved)
}

/// Everything within a distance, each place once.
fn around(of: &Feature, distance_m: f64, plane: &Crs) -> Result<Vec<Polygon>, AnalysisError> {
    let parcel = Parcel {
        polygons: of.area.as_ref().map(|area| in_plane(area, plane)).transpose()?.unwrap_or_default(),
        lines: of.lines.iter().map(|line| to_plane(line, plane, true)).collect::<Result<_, _>>()?,
        points: to_plane(&of.points, plane, false)?,
        ..Parcel::default()
    };
    let everywhere = [f64::NEG_INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::INFINITY];
    let polygons = buffer::around(&parcel, distance_m / plane.unit_m(), everywhere);
    let site = Site::around(polygons.iter(), plane)?;
    let regions: Vec<Region> = polygons.par_chunks(JOINED).map(|some| site.region(some.iter())).collect();
    Ok(site.polygons(&joined(regions)))
}

fn run_out_json(
    made: &RunOut,
    angle: &Angle,
    surface: &str,
    volume_m3: Option<f64>,
    rules: &Rules,
) -> Map<String, Value> {
    let mut notes: Vec<&str> = vec!["能量线法不考虑沟道约束、障碍物和滑体宽度，侧向偏宽；结果仅供划定排查范围参考"];
    if made.meets_unknown {
        notes.push("到达范围触及高程数据的边缘或空洞，实际可能更远，请换用范围更大的高程");
    }
    if made.meets_limit {
        notes.push("到达范围触及规则规定的最远估算距离，实际可能更远");
    }
    if angle.extrapolated {
        notes.push("体积超出回归所依据的范围，角度为外推");
    }
    let said = json!({
        "label_zh": "估算",
        "method": "energy-line",
        "method_zh": "能量线法（视摩擦角，Heim 1932）：自源区最高点按该角度下降的直线高于地面、且与源区相连的地方",
        "angle_deg": rounded(angle.deg, 2),
        "angle_from": angle.from,
        "angle_source_zh": angle.source_zh,
        "volume_m3": volume_m3,
        "surface": surface,
        "top_m": rounded(made.top_m, 2),
        "lowest_m": rounded(made.lowest_m, 2),
        "reach_m": rounded(made.reach_m, 1),
        "drop_m": rounded(made.drop_m, 1),
        "most_reach_m": rules.run_out.most_reach_m,
        "cells": made.cells,
        "source_cells": made.source_cells,
        "cell_m": made.cell_m.map(|m| rounded(m, 3)),
        "meets_data_edge": made.meets_unknown,
        "meets_reach_limit": made.meets_limit,
        "notes_zh": notes,
    });
    if let Value::Object(said) = said { said } else { Map::new() }
}
