//! What a request asks and what the rule document says, both checked before anything is read.

use geodesy::{Crs, Transform};
use serde::Deserialize;
use serde_json::Value;

use super::{RULE_DOCUMENT, refuse};
use crate::{AnalysisError, Polygon, RedLine, mechanism::RuleDocument, sites::area_asked};

/// Metres of a degree of latitude.
const DEGREE_M: f64 = 111_320.0;
/// Places where roads may be said to be cut.
const MOST_CUTS: usize = 1_000;
/// Points of all cut lines together.
const MOST_CUT_POINTS: usize = 100_000;
/// Starting points that may be given.
const MOST_STARTS: usize = 2_000;
/// People that one starting point may stand for.
const MOST_AT_START: u32 = 1_000_000;

/// The rule document.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    #[expect(dead_code, reason = "every rule document has it; the rule book's version is what results name")]
    document: toml::Table,
    pub(super) network: NetworkRules,
    pub(super) access: Access,
    zone: ZoneRules,
    pub(super) cut: CutRules,
    #[serde(rename = "class")]
    classes: Vec<Listed>,
    unlisted: Class,
}

/// How lines become a network.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the unit stands in each name")]
pub(super) struct NetworkRules {
    pub(super) snap_m: f64,
    pub(super) gap_m: f64,
    reach_m: f64,
}

/// How people come to a road.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Access {
    pub(super) road_m: f64,
    pub(super) walk_kmh: f64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct ZoneRules {
    penalty: f64,
}

/// What a cut takes away.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CutRules {
    pub(super) point_m: f64,
    pub(super) width_m: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    names: Vec<String>,
    drive_kmh: f64,
    walk: bool,
    separated: bool,
}

/// What a class of roads is good for.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Class {
    drive_kmh: f64,
    walk: bool,
    /// Bridges over or tunnels under what it crosses.
    pub(super) separated: bool,
}

impl Rules {
    /// The class of a name, and whether the document lists it.
    pub(super) fn class(&self, name: &str) -> (Class, bool) {
        let listed = self.classes.iter().find(|listed| listed.names.iter().any(|own| own == name));
        listed.map_or((self.unlisted, false), |listed| {
            let Listed { drive_kmh, walk, separated, .. } = *listed;
            (Class { drive_kmh, walk, separated }, true)
        })
    }
}

pub(super) fn rules_of(document: &RuleDocument) -> Result<Rules, AnalysisError> {
    let bad = |what: String| AnalysisError::BadRule { name: RULE_DOCUMENT.to_owned(), what };
    let rules: Rules = toml::from_str(&document.text).map_err(|error| bad(error.to_string()))?;
    let NetworkRules { snap_m, gap_m, reach_m } = rules.network;
    if !(0.0..=20.0).contains(&snap_m) || !(snap_m..=200.0).contains(&gap_m) || !(100.0..=100_000.0).contains(&reach_m)
    {
        return Err(bad("[network] snap_m 应为 0 至 20 米，gap_m 不小于 snap_m 且不超过 200 米，reach_m 为 100 米至 \
                        100 公里 (snap_m 0 to 20 m, gap_m snap_m to 200 m, reach_m 100 m to 100 km)"
            .to_owned()));
    }
    let CutRules { point_m, width_m } = rules.cut;
    if !(0.0..=10_000.0).contains(&rules.access.road_m)
        || !(0.5..=10.0).contains(&rules.access.walk_kmh)
        || !(1.0..=1e4).contains(&rules.zone.penalty)
        || !(0.0..=500.0).contains(&point_m)
        || !(0.1..=100.0).contains(&width_m)
    {
        return Err(bad(
            "[access]、[zone]、[cut] 的数值超出范围：步行 0.5 至 10 km/h，倍数 1 至 10000，断路长 0.1 至 \
                        100 米 (a number is out of range)"
                .to_owned(),
        ));
    }
    let speeds = rules.classes.iter().map(|listed| listed.drive_kmh).chain([rules.unlisted.drive_kmh]);
    if speeds.into_iter().any(|kmh| kmh != 0.0 && !(1.0..=120.0).contains(&kmh)) {
        return Err(bad("[[class]] drive_kmh 应为 0 或 1 至 120 km/h (0, or 1 to 120)".to_owned()));
    }
    let mut names: Vec<&String> = rules.classes.iter().flat_map(|listed| &listed.names).collect();
    names.sort_unstable();
    if let Some([twice, _]) = names.array_windows().find(|[one, next]| one == next) {
        return Err(bad(format!("[[class]] 道路等级“{twice}”出现两次 (a class twice)")));
    }
    Ok(rules)
}

/// The request as posted.
#[derive(Debug, Deserialize)]
struct Posted {
    #[serde(default)]
    zone: Value,
    #[serde(default)]
    cut: Vec<Value>,
    #[serde(default)]
    from: Value,
    #[serde(default)]
    within: Value,
    speed_kmh: Option<f64>,
    #[serde(default)]
    on_foot: bool,
    join_gaps_m: Option<f64>,
}

/// A starting point of the request.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum PostedStart {
    Bare([f64; 2]),
    Described(DescribedStart),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedStart {
    at: [f64; 2],
    #[serde(default)]
    people: u32,
    #[serde(default)]
    households: u32,
    #[serde(default)]
    name: String,
}

/// A place that people start from.
#[derive(Debug, Clone)]
pub(super) struct Start {
    pub(super) lon_lat_deg: [f64; 2],
    pub(super) people: u32,
    pub(super) households: u32,
    pub(super) name: String,
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) rules: Rules,
    zone: Option<RedLine>,
    cut_areas: Vec<RedLine>,
    cut_lines: Vec<Vec<[f64; 2]>>,
    cut_points: Vec<[f64; 2]>,
    /// Starting points; none for everybody in the zone.
    pub(super) starts: Option<Vec<Start>>,
    speed_kmh: Option<f64>,
    pub(super) on_foot: bool,
    /// How far line ends may be from another road and still be joined to it, metres.
    pub(super) join_m: f64,
    /// Whether that is more than the rule document joins.
    pub(super) joins_gaps: bool,
    pub(super) window_lon_lat_deg: [f64; 4],
}

impl Asked {
    pub(super) fn of(request: &Value, document: &RuleDocument) -> Result<Self, AnalysisError> {
        let rules = rules_of(document)?;
        let posted: Posted = serde_json::from_value(request.clone())
            .map_err(|error| refuse(format!("转移路线的请求无法读取：{error}"), error.to_string()))?;
        let zone = area(&posted.zone, ["危险区 zone", "zone"])?;
        let mut asked = Self {
            join_m: rules.network.snap_m,
            joins_gaps: false,
            starts: starts(&posted.from)?,
            zone,
            cut_areas: Vec::new(),
            cut_lines: Vec::new(),
            cut_points: Vec::new(),
            speed_kmh: posted.speed_kmh,
            on_foot: posted.on_foot,
            window_lon_lat_deg: [0.0; 4],
            rules,
        };
        asked.read_cuts(&posted.cut)?;
        if asked.zone.is_none() && posted.cut.is_empty() {
            return Err(refuse(
                "请给出危险区 zone，或断路位置 cut",
                "say which zone is in danger (zone), or where roads are cut (cut)",
            ));
        }
        if asked.speed_kmh.is_some_and(|kmh| !(0.5..=120.0).contains(&kmh)) {
            return Err(refuse("速度 speed_kmh 应为 0.5 至 120 km/h", "speed_kmh is 0.5 to 120"));
        }
        if let Some(join_m) = posted.join_gaps_m {
            let most_m = asked.rules.network.gap_m;
            if !(0.0..=most_m).contains(&join_m) {
                return Err(refuse(
                    format!("断头连接距离 join_gaps_m 应为 0 至 {most_m} 米"),
                    format!("join_gaps_m is 0 to {most_m} m"),
                ));
            }
            asked.joins_gaps = join_m > asked.join_m;
            asked.join_m = join_m.max(asked.join_m);
        }
        asked.window_lon_lat_deg = match area(&posted.within, ["路网范围 within", "within"])? {
            Some(within) => within.bounds_lon_lat_deg()?,
            None => asked.around()?,
        };
        Ok(asked)
    }

    fn read_cuts(&mut self, cuts: &[Value]) -> Result<(), AnalysisError> {
        if cuts.len() > MOST_CUTS {
            return Err(refuse(format!("断路位置超过 {MOST_CUTS} 处"), format!("more than {MOST_CUTS} cuts")));
        }
        for (index, cut) in cuts.iter().enumerate() {
            let named = [format!("第 {} 处断路 cut", index + 1), format!("cut {}", index + 1)];
            if let Ok(point) = serde_json::from_value::<[f64; 2]>(cut.clone()) {
                self.cut_points.push(on_earth(point, &named)?);
            } else if let Ok(line) = serde_json::from_value::<Vec<[f64; 2]>>(cut.clone()) {
                let line = line.into_iter().map(|point| on_earth(point, &named)).collect::<Result<Vec<_>, _>>()?;
                if line.len() < 2 {
                    return Err(refuse(
                        format!("{}：断路线至少要有两个点", named[0]),
                        format!("{}: a line has two points at least", named[1]),
                    ));
                }
                self.cut_lines.push(line);
            } else {
                self.cut_areas.extend(area(cut, [&named[0], &named[1]])?);
            }
        }
        if self.cut_lines.iter().map(Vec::len).sum::<usize>() > MOST_CUT_POINTS {
            return Err(refuse("断路线的点过多", "the cut lines have too many points"));
        }
        Ok(())
    }

    /// The zone's, the cuts' and the starting points' box with the rule's reach around it, degrees.
    fn around(&self) -> Result<[f64; 4], AnalysisError> {
        let mut boxes = Vec::new();
        for area in self.zone.iter().chain(&self.cut_areas) {
            boxes.push(area.bounds_lon_lat_deg()?);
        }
        let starts = self.starts.iter().flatten().map(|start| &start.lon_lat_deg);
        let points = self.cut_lines.iter().flatten().chain(&self.cut_points).chain(starts);
        boxes.extend(points.map(|[lon, lat]| [*lon, *lat, *lon, *lat]));
        let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let [west, south, east, north] = boxes
            .into_iter()
            .fold(start, |sum, one| [sum[0].min(one[0]), sum[1].min(one[1]), sum[2].max(one[2]), sum[3].max(one[3])]);
        let lat_deg = self.rules.network.reach_m / DEGREE_M;
        let lon_deg = lat_deg / south.abs().max(north.abs()).min(89.0).to_radians().cos();
        Ok([west - lon_deg, south - lat_deg, east + lon_deg, north + lat_deg])
    }

    /// Minutes of a metre on a class of roads; none where the class cannot be used.
    pub(super) fn minutes_per_m(&self, class: Class) -> Option<f64> {
        let kmh = if self.on_foot {
            class.walk.then(|| self.walk_kmh())
        } else {
            (class.drive_kmh > 0.0).then(|| self.speed_kmh.unwrap_or(class.drive_kmh))
        };
        kmh.map(|kmh| 0.06 / kmh)
    }

    /// Minutes of a metre walked to the road.
    pub(super) fn walk_minutes_per_m(&self) -> f64 {
        0.06 / self.walk_kmh()
    }

    fn walk_kmh(&self) -> f64 {
        self.speed_kmh.filter(|_| self.on_foot).unwrap_or(self.rules.access.walk_kmh)
    }

    /// How many times minutes inside the zone count.
    pub(super) fn penalty(&self) -> f64 {
        self.rules.zone.penalty
    }

    /// The zone's polygons in the plane; empty where only cuts are asked about.
    pub(super) fn zone_in(&self, plane: &Crs) -> Result<Vec<Polygon>, AnalysisError> {
        polygons_in(self.zone.as_slice(), plane)
    }

    pub(super) fn has_zone(&self) -> bool {
        self.zone.is_some()
    }

    /// The cut areas' polygons in the plane.
    pub(super) fn cut_areas_in(&self, plane: &Crs) -> Result<Vec<Polygon>, AnalysisError> {
        polygons_in(&self.cut_areas, plane)
    }

    /// Cut lines and cut points in the plane.
    pub(super) fn cut_lines_and_points_in(&self, plane: &Crs) -> Result<LinesAndPoints, AnalysisError> {
        let from_degrees = Transform::new(&Crs::cgcs2000(), plane)?;
        let mut points = self.cut_points.clone();
        from_degrees.points(&mut points)?;
        let mut lines = self.cut_lines.clone();
        for line in &mut lines {
            from_degrees.points(line)?;
        }
        Ok((lines, points))
    }
}

/// Lines, and points.
pub(super) type LinesAndPoints = (Vec<Vec<[f64; 2]>>, Vec<[f64; 2]>);

fn polygons_in(areas: &[RedLine], plane: &Crs) -> Result<Vec<Polygon>, AnalysisError> {
    let mut polygons = Vec::new();
    for area in areas {
        polygons.extend(area.in_plane(plane)?.parcels.into_iter().flat_map(|parcel| parcel.polygons));
    }
    Ok(polygons)
}

/// An area of the request, none where it is not given; a refusal says which of its areas is meant.
fn area(asked: &Value, named: [&str; 2]) -> Result<Option<RedLine>, AnalysisError> {
    if asked.is_null() {
        return Ok(None);
    }
    match area_asked(asked) {
        Ok(area) => Ok(Some(area)),
        Err(AnalysisError::RedLine { what_zh, what_en } | AnalysisError::Request { what_zh, what_en }) => Err(refuse(
            format!("{}：{what_zh}，请重新绘制", named[0]),
            format!("{}: {what_en}; draw it again", named[1]),
        )),
        Err(other) => Err(other),
    }
}

fn starts(from: &Value) -> Result<Option<Vec<Start>>, AnalysisError> {
    if from.is_null() || from.as_str() == Some("zone") {
        return Ok(None);
    }
    let posted: Vec<PostedStart> = serde_json::from_value(from.clone()).map_err(|error| {
        refuse(
            format!("起点 from 应为 \"zone\" 或 [[经度, 纬度], …]：{error}"),
            format!("from is \"zone\" or [[lon, lat], …]: {error}"),
        )
    })?;
    if posted.is_empty() || posted.len() > MOST_STARTS {
        return Err(refuse(
            format!("起点 from 应有 1 至 {MOST_STARTS} 个"),
            format!("from has 1 to {MOST_STARTS} points"),
        ));
    }
    let one = |(index, posted): (usize, PostedStart)| {
        let named = [format!("第 {} 个起点 from", index + 1), format!("starting point {}", index + 1)];
        let described = match posted {
            PostedStart::Bare(at) => DescribedStart { at, people: 0, households: 0, name: String::new() },
            PostedStart::Described(described) => described,
        };
        if described.people.max(described.households) > MOST_AT_START {
            return Err(refuse(
                format!("{}：人数或户数超过 {MOST_AT_START}", named[0]),
                format!("{}: more than {MOST_AT_START} people or households", named[1]),
            ));
        }
        let name = if described.name.is_empty() { format!("起点 {}", index + 1) } else { described.name };
        Ok(Start {
            lon_lat_deg: on_earth(described.at, &named)?,
            people: described.people,
            households: described.households,
            name,
        })
    };
    posted.into_iter().enumerate().map(one).collect::<Result<_, _>>().map(Some)
}

fn on_earth(point: [f64; 2], named: &[String; 2]) -> Result<[f64; 2], AnalysisError> {
    let [lon, lat] = point;
    if (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat) {
        return Ok(point);
    }
    Err(refuse(
        format!("{}：[{lon}, {lat}] 不是经纬度（度）", named[0]),
        format!("{}: [{lon}, {lat}] is no longitude and latitude", named[1]),
    ))
}
