//! Land for a project (选址): what of an area is free of chosen control lines, ranked with reasons.
//!
//! Free land is the search area less every chosen line and the distance to be kept from it, in connected pieces; what is far larger than a site is cut into
//! blocks of a fixed grid. Small and narrow pieces are dropped and counted. What remains is described by area, shape, slope and the way to a road; weights are a rule document. What
//! is not known (no heights, no roads, a missing line) is said and takes no part in the ranking.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    AnalysisError, FoundPatch, LoadedLayer, Parcel, Polygon, RedLine, buffer,
    clip::{Region, Site, difference, intersection, pieces_of, union},
    compliance::{ControlLines, Line, look_up, selected},
    figures::{Areas, Figures, balanced, metres, rounded},
    mechanism::{Analysis, DataWanted, Findings, LayerWanted, RuleBook, RuleDocument, SurfaceWanted, Task, sources},
    nearness::Outline,
    rounding::{AreaUnit, round_half_away},
    slope::{Slope, slope_within},
};

/// The analysis.
pub static SITES: Analysis = Analysis {
    name: "sites",
    title_zh: "选址",
    title_en: "Search for sites",
    results_are_datasets: false,
    wanted,
    run,
};

/// Name of this rule in results; changes when the same input may give another result.
const RULE: &str = "sites/2";
/// Its rule document.
pub(crate) const DOCUMENT: &str = "site-search";
/// Metres of a degree of latitude.
const DEGREE_M: f64 = 111_320.0;
/// Pieces that are described; the largest are kept.
const MAX_DESCRIBED: usize = 2_000;
/// Candidates that may be asked for.
const MAX_LIMIT: usize = 500;
/// Distance that may be kept from a line, metres.
const MAX_KEEP_M: f64 = 5_000.0;
/// Polygons that are joined at once: those of a buffer lie on each other many times.
pub(crate) const JOINED: usize = 64;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchRules {
    #[expect(dead_code, reason = "every rule document has it; the rule book's version is what results name")]
    document: toml::Table,
    defaults: Defaults,
    slope: Datasets,
    road: Road,
    weights: Weights,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaults {
    free_of: Vec<String>,
    inside_of: Vec<String>,
    /// Metres to be kept from a line, by its rule.
    #[serde(default)]
    keep_m: BTreeMap<String, f64>,
    min_area_m2: f64,
    min_mean_width_m: f64,
    block_m: f64,
    slope_limit_deg: f64,
    road_within_m: f64,
    limit: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Datasets {
    datasets: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Road {
    datasets: Vec<String>,
    name_field: String,
    width_field: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weights {
    area: f64,
    shape: f64,
    slope: f64,
    road: f64,
}

/// What is asked for, with the defaults filled in.
struct Search {
    rules: SearchRules,
    lines: ControlLines,
    area: RedLine,
    free_of: Vec<String>,
    inside_of: Vec<String>,
    /// Metres to be kept from lines of `free_of`, by rule.
    keep_m: BTreeMap<String, f64>,
    min_area_m2: f64,
    max_area_m2: Option<f64>,
    min_mean_width_m: f64,
    /// Side of the blocks that large pieces are cut into; 0 for never.
    block_m: f64,
    slope_limit_deg: f64,
    /// Steeper pieces are dropped, where asked for.
    max_mean_slope_deg: Option<f64>,
    road_within_m: f64,
    /// Pieces further from a road are dropped, where asked for.
    road_required: bool,
    limit: usize,
}

impl Search {
    fn of(request: &Value, book: &RuleBook) -> Result<Self, AnalysisError> {
        let rules = rules_of(book.document(DOCUMENT)?)?;
        let lines = ControlLines::of(book)?;
        let area = area_asked(&request["within"])?;
        let names = |key: &str, defaults: &[String]| -> Result<Vec<String>, AnalysisError> {
            let asked = request[key].as_array();
            let names = asked.map_or_else(
                || defaults.to_vec(),
                |asked| asked.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            );
            match names.iter().find(|name| lines.line.iter().all(|line| line.rule != **name)) {
                None => Ok(names),
                Some(unknown) if asked.is_some() => Err(no_line(unknown)),
                // A line that the rules misspell would be built upon.
                Some(unknown) => Err(AnalysisError::BadRule {
                    name: DOCUMENT.to_owned(),
                    what: format!("{key}: 没有名为“{unknown}”的控制线规则 (no such control line)"),
                }),
            }
        };
        let number = |key: &str, default: f64| match &request[key] {
            Value::Null => Ok(default),
            value => value
                .as_f64()
                .filter(|v| (0.0..1e12).contains(v))
                .ok_or_else(|| bad_request(format!("“{key}”不是可用的数"), format!("{key} is not a usable number"))),
        };
        let maybe = |key: &str| -> Result<Option<f64>, AnalysisError> {
            if request[key].is_null() { Ok(None) } else { number(key, 0.0).map(Some) }
        };
        let defaults = &rules.defaults;
        let asked = keep_asked(request, &lines)?;
        let mut free_of = names("free_of", &defaults.free_of)?;
        // To keep away from a line is to be free of it.
        free_of.extend(asked.keys().filter(|rule| !free_of.contains(rule)).cloned().collect::<Vec<_>>());
        let keep_of = |rule: &String| {
            let own = || lines.line.iter().find(|line| line.rule == *rule).and_then(|line| line.distance_m);
            let keep_m = asked.get(rule).or_else(|| defaults.keep_m.get(rule)).copied().or_else(own)?;
            (keep_m > 0.0).then(|| (rule.clone(), keep_m))
        };
        Ok(Self {
            keep_m: free_of.iter().filter_map(keep_of).collect(),
            free_of,
            inside_of: names("inside_of", &defaults.inside_of)?,
            min_area_m2: number("min_area_m2", defaults.min_area_m2)?,
            max_area_m2: maybe("max_area_m2")?,
            min_mean_width_m: number("min_mean_width_m", defaults.min_mean_width_m)?,
            block_m: match number("block_m", defaults.block_m)? {
                side if side == 0.0 || (50.0..1e6).contains(&side) => side,
                _ => {
                    return Err(bad_request(
                        "“block_m”应为 0 或不小于 50 米".to_owned(),
                        "block_m is 0 or at least 50 m".to_owned(),
                    ));
                }
            },
            slope_limit_deg: number("slope_limit_deg", defaults.slope_limit_deg)?,
            max_mean_slope_deg: maybe("max_mean_slope_deg")?,
            road_within_m: number("road_within_m", defaults.road_within_m)?.min(20_000.0),
            road_required: request["road_required"].as_bool().unwrap_or(false),
            limit: number("limit", defaults.limit as f64)? as usize,
            rules,
            lines,
            area,
        })
    }

    fn line(&self, rule: &str) -> Option<&Line> {
        self.lines.line.iter().find(|line| line.rule == rule)
    }
}

/// Refuses a document that cannot be used.
pub(crate) fn check(document: &RuleDocument) -> Result<(), AnalysisError> {
    rules_of(document).map(|_| ())
}

fn rules_of(document: &RuleDocument) -> Result<SearchRules, AnalysisError> {
    let bad = |what: String| AnalysisError::BadRule { name: DOCUMENT.to_owned(), what };
    let rules: SearchRules = toml::from_str(&document.text).map_err(|error| bad(error.to_string()))?;
    let Defaults { min_area_m2, min_mean_width_m, block_m, slope_limit_deg, road_within_m, .. } = rules.defaults;
    if [min_area_m2, min_mean_width_m, slope_limit_deg, road_within_m].iter().any(|v| !(0.0..1e12).contains(v)) {
        return Err(bad("[defaults] 的面积、宽度、坡度、距离不得为负或过大 (a number is out of range)".to_owned()));
    }
    if block_m != 0.0 && !(50.0..1e6).contains(&block_m) {
        return Err(bad("[defaults] block_m 应为 0 或不小于 50 米 (0 or at least 50 m)".to_owned()));
    }
    if rules.defaults.keep_m.values().any(|m| !(0.0..=MAX_KEEP_M).contains(m)) {
        return Err(bad(format!("[defaults] keep_m 应为 0 至 {MAX_KEEP_M} 米 (0 to {MAX_KEEP_M} m)")));
    }
    let weights = [rules.weights.area, rules.weights.shape, rules.weights.slope, rules.weights.road];
    if weights.iter().any(|weight| !(0.0..1e6).contains(weight)) || weights.iter().sum::<f64>() <= 0.0 {
        return Err(bad("[weights] 不得为负，且不全为 0 (not negative, not all 0)".to_owned()));
    }
    Ok(rules)
}

/// `keep_m` of the request: metres by rule.
fn keep_asked(request: &Value, lines: &ControlLines) -> Result<BTreeMap<String, f64>, AnalysisError> {
    let asked: BTreeMap<String, f64> = match &request["keep_m"] {
        Value::Null => BTreeMap::new(),
        stated => serde_json::from_value(stated.clone()).map_err(|error| {
            bad_request(format!("keep_m 应为 {{规则: 米}}：{error}"), format!("keep_m is {{rule: metres}}: {error}"))
        })?,
    };
    for (rule, metres) in &asked {
        if lines.line.iter().all(|line| line.rule != *rule) {
            return Err(no_line(rule));
        }
        if !(0.0..=MAX_KEEP_M).contains(metres) {
            return Err(bad_request(
                format!("与“{rule}”的距离应为 0 至 {MAX_KEEP_M} 米"),
                format!("the distance kept from {rule} must be 0 to {MAX_KEEP_M} m"),
            ));
        }
    }
    Ok(asked)
}

fn no_line(rule: &str) -> AnalysisError {
    bad_request(format!("没有名为“{rule}”的控制线规则"), format!("there is no control line called {rule}"))
}

fn bad_request(what_zh: String, what_en: String) -> AnalysisError {
    AnalysisError::Request { what_zh, what_en }
}

/// An area as requests state it: what a red line may be, or `[west, south, east, north]` degrees.
pub(crate) fn area_asked(within: &Value) -> Result<RedLine, AnalysisError> {
    match within.as_array() {
        Some(bounds) => RedLine::from_json(&box_json(bounds)?),
        None => RedLine::from_json(within),
    }
}

/// `[west, south, east, north]` degrees as a search area.
fn box_json(bounds: &[Value]) -> Result<Value, AnalysisError> {
    let numbers: Vec<f64> = bounds.iter().filter_map(Value::as_f64).collect();
    let [w, s, e, n] = *numbers.as_slice() else {
        return Err(bad_request(
            "“within”应为红线，或 [西, 南, 东, 北] 经纬度".to_owned(),
            "within is a red line or [west, south, east, north] degrees".to_owned(),
        ));
    };
    let ring = [[w, s], [e, s], [e, n], [w, n]];
    Ok(json!({ "crs": "EPSG:4490", "parcels": [{ "name": "within", "polygons": [[ring]] }] }))
}

fn wanted(request: &Value, book: &RuleBook) -> Result<DataWanted, AnalysisError> {
    let search = Search::of(request, book)?;
    let [west, south, east, north] = search.area.bounds_lon_lat_deg()?;
    let reach_m = search.keep_m.values().copied().fold(search.road_within_m, f64::max);
    let lat_deg = reach_m / DEGREE_M;
    let lon_deg = lat_deg / south.abs().max(north.abs()).min(89.0).to_radians().cos();
    let within = [west - lon_deg, south - lat_deg, east + lon_deg, north + lat_deg];
    let day = |key: &str| request[key].as_str().map(str::to_owned);
    let lines = search.free_of.iter().chain(&search.inside_of).filter_map(|rule| search.line(rule));
    let mut datasets: Vec<&String> = Vec::new();
    for dataset in lines.flat_map(|line| &line.datasets).chain(&search.rules.road.datasets) {
        if !datasets.contains(&dataset) {
            datasets.push(dataset);
        }
    }
    let layers = datasets.into_iter().map(|dataset| LayerWanted {
        role: dataset.clone(),
        dataset: dataset.clone(),
        datetime: day("datetime"),
        recorded: day("recorded"),
        within_lon_lat_deg: Some(within),
        optional: true,
        ..LayerWanted::default()
    });
    let surfaces = search.rules.slope.datasets.iter().map(|dataset| SurfaceWanted {
        role: dataset.clone(),
        dataset: dataset.clone(),
        datetime: day("datetime"),
        recorded: day("recorded"),
        optional: true,
    });
    Ok(DataWanted {
        layers: layers.collect(),
        surfaces: surfaces.collect(),
        bounds_lon_lat_deg: Some([west, south, east, north]),
        ..DataWanted::default()
    })
}

/// A line with the ground it covers in the search area; none where it could not be looked at.
struct Covered<'s> {
    line: &'s Line,
    region: Result<Region, [String; 2]>,
}

fn covered<'s>(task: &Task<'_>, site: &Site, area: &Region, line: &'s Line, keep_m: f64) -> Covered<'s> {
    let region = look_up(task, line).and_then(|layer| selected(line, layer)).map(|parcels| {
        let around = |parcel: &&Parcel| {
            let half_m = line.width_field.as_deref().and_then(|field| crate::compliance::measure(parcel, field));
            let half_m = half_m.filter(|_| keep_m > 0.0).map_or(0.0, |width_m| width_m.max(0.0) / 2.0);
            buffer::around(parcel, (keep_m + half_m) / site.unit_m(), site.window())
        };
        let polygons: Vec<Polygon> = parcels.par_iter().flat_map_iter(around).collect();
        let regions: Vec<Region> = polygons.par_chunks(JOINED).map(|some| site.shared(area, some.iter())).collect();
        joined(regions)
    });
    Covered { line, region }
}

/// What regions cover together, joined by and by: all at once would cut every one with every other.
pub(crate) fn joined(mut regions: Vec<Region>) -> Region {
    while regions.len() > 1 {
        regions = regions.par_chunks(JOINED).map(|some| union(some.iter())).collect();
    }
    regions.pop().unwrap_or_default()
}

/// A piece of free land with what is known of it.
struct Candidate {
    region: Region,
    figures: Figures,
    mean_width_m: f64,
    compactness: f64,
    slope: Option<Slope>,
    road: Option<(f64, String)>,
    score: f64,
}

/// Pieces left out, by reason.
#[derive(Default)]
struct LeftOut {
    rows: Vec<(&'static str, &'static str, &'static str, usize, Figures)>,
}

impl LeftOut {
    fn add(&mut self, reason: &'static str, zh: &'static str, en: &'static str, figures: Figures) {
        match self.rows.iter_mut().find(|row| row.0 == reason) {
            Some(row) => {
                row.3 += 1;
                row.4 = [row.4, figures].into_iter().sum();
            }
            None => self.rows.push((reason, zh, en, 1, figures)),
        }
    }

    fn json(&self) -> Value {
        let one = |(reason, zh, en, pieces, figures): &(&str, &str, &str, usize, Figures)| {
            let mut row = Map::new();
            row.insert("reason".to_owned(), (*reason).into());
            row.insert("title".to_owned(), (*zh).into());
            row.insert("title_en".to_owned(), (*en).into());
            row.insert("pieces".to_owned(), (*pieces).into());
            figures.put(&mut row);
            Value::Object(row)
        };
        Value::Array(self.rows.iter().map(one).collect())
    }
}

fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let search = Search::of(task.request, task.rules)?;
    if let Some(layer) = task.layers.values().find(|layer| layer.layer.crs != *task.plane) {
        return Err(AnalysisError::NotOnePlane {
            first: task.plane.name().to_owned(),
            second: layer.layer.crs.name().to_owned(),
        });
    }
    let go_on = || if task.watch.cancelled() { Err(AnalysisError::Cancelled) } else { Ok(()) };
    let area = search.area.in_plane(task.plane)?;
    let polygons = || area.parcels.iter().flat_map(|parcel| &parcel.polygons);
    let site = Site::around(polygons(), task.plane)?;
    let searched = site.region(polygons());
    let total = Figures::of(site.areas(&searched));

    task.watch.progress(0.05, "扣除控制线");
    let cover = |rule: &String, kept: bool| -> Result<Option<Covered<'_>>, AnalysisError> {
        go_on()?;
        let keep_m = if kept { search.keep_m.get(rule).copied().unwrap_or_default() } else { 0.0 };
        Ok(search.line(rule).map(|line| covered(task, &site, &searched, line, keep_m)))
    };
    let of = |rules: &[String], kept: bool| -> Result<Vec<Covered<'_>>, AnalysisError> {
        let found = rules.iter().map(|rule| cover(rule, kept)).collect::<Result<Vec<_>, _>>()?;
        Ok(found.into_iter().flatten().collect())
    };
    let (barred, needed) = (of(&search.free_of, true)?, of(&search.inside_of, false)?);
    let mut free = searched.clone();
    for region in needed.iter().filter_map(|needed| needed.region.as_ref().ok()) {
        free = intersection(&free, region);
    }
    let taken = union(barred.iter().filter_map(|barred| barred.region.as_ref().ok()));
    free = difference(&free, &taken);
    go_on()?;

    let mut left_out = LeftOut::default();
    let (free_total, kept) = keep(&search, &site, &free, &mut left_out)?;
    task.watch.progress(0.5, "量算坡度和距道路距离");
    let mut candidates = describe(task, &search, &site, kept, &mut left_out)?;
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.figures.plane_m2.cmp(&a.figures.plane_m2)));
    for candidate in candidates.split_off(candidates.len().min(search.limit.clamp(1, MAX_LIMIT))) {
        left_out.add("rank", "排名靠后", "further down the ranking", candidate.figures);
    }

    let shown: Vec<Map<String, Value>> =
        candidates.iter().enumerate().map(|(index, candidate)| candidate_json(&search, index, candidate)).collect();
    let patches = shown.iter().zip(&candidates).enumerate().map(|(index, (shown, candidate))| FoundPatch {
        id: format!("site-{}", index + 1),
        properties: shown.clone(),
        polygons: site.polygons(&candidate.region),
        ..FoundPatch::default()
    });
    let patches = patches.collect();
    let mut area_json = Map::new();
    total.put(&mut area_json);
    let mut free_json = Map::new();
    free_total.put(&mut free_json);
    free_json.insert("share".to_owned(), free_total.share_of(total));
    let not_checked: Vec<Value> = barred.iter().chain(&needed).filter_map(not_checked).collect();
    let result = json!({
        "analysis": SITES.name,
        "rule": RULE,
        "rule_versions": rule_versions(task.rules),
        "sources": sources(task),
        "complete": not_checked.is_empty(),
        "not_checked": not_checked,
        "criteria": {
            "free_of": search.free_of, "inside_of": search.inside_of, "keep_m": search.keep_m,
            "min_area_m2": search.min_area_m2,
            "max_area_m2": search.max_area_m2, "min_mean_width_m": search.min_mean_width_m, "block_m": search.block_m,
            "slope_limit_deg": search.slope_limit_deg, "max_mean_slope_deg": search.max_mean_slope_deg,
            "road_within_m": search.road_within_m, "road_required": search.road_required,
        },
        "searched": area_json,
        "taken": barred.iter().filter_map(|barred| taken_json(&search, &site, barred, total)).collect::<Vec<_>>(),
        "free": free_json,
        "left_out": left_out.json(),
        "candidates": shown,
    });
    Ok(Findings { result, patches })
}

fn not_checked(covered: &Covered<'_>) -> Option<Value> {
    let [zh, en] = covered.region.as_ref().err()?;
    let line = covered.line;
    Some(
        json!({ "rule": line.rule, "title": line.title_zh, "title_en": line.title_en, "reason_zh": zh, "reason_en": en }),
    )
}

fn taken_json(search: &Search, site: &Site, covered: &Covered<'_>, total: Figures) -> Option<Value> {
    let figures = Figures::of(site.areas(covered.region.as_ref().ok()?));
    let mut row = Map::new();
    row.insert("rule".to_owned(), covered.line.rule.clone().into());
    row.insert("title".to_owned(), covered.line.title_zh.clone().into());
    row.insert("title_en".to_owned(), covered.line.title_en.clone().into());
    if let Some(keep_m) = search.keep_m.get(&covered.line.rule) {
        row.insert("keep_m".to_owned(), (*keep_m).into());
    }
    figures.put(&mut row);
    row.insert("share".to_owned(), figures.share_of(total));
    Some(Value::Object(row))
}

/// A piece as it is, or, where it is larger than two blocks, cut along a grid whose lines are multiples of the side.
fn blocks(search: &Search, site: &Site, piece: Region) -> Vec<Region> {
    let side = search.block_m / site.unit_m();
    let enough_m2 = 2.0 * search.block_m * search.block_m;
    if search.block_m <= 0.0 || site.areas(&piece).plane_m2 <= enough_m2 {
        return vec![piece];
    }
    let Some([west, south, east, north]) = site.bounds(&piece) else { return Vec::new() };
    let lines =
        |from: f64, to: f64| ((from / side).floor() as i64..(to / side).ceil() as i64).map(move |i| i as f64 * side);
    let corners: Vec<[f64; 2]> = lines(south, north).flat_map(|y| lines(west, east).map(move |x| [x, y])).collect();
    let block = |[x, y]: [f64; 2]| {
        let exterior = vec![[x, y], [x + side, y], [x + side, y + side], [x, y + side]];
        pieces_of(&site.shared(&piece, std::iter::once(&Polygon { exterior, holes: Vec::new() })))
    };
    corners.into_par_iter().map(block).collect::<Vec<_>>().into_iter().flatten().collect()
}

/// The pieces that are large and wide enough, with figures that add up to the free land.
fn keep(
    search: &Search,
    site: &Site,
    free: &Region,
    left_out: &mut LeftOut,
) -> Result<(Figures, Vec<Candidate>), AnalysisError> {
    let total = Figures::of(site.areas(free));
    let regions: Vec<Region> = pieces_of(free).into_iter().flat_map(|piece| blocks(search, site, piece)).collect();
    let areas: Vec<Areas> = regions.iter().map(|region| site.areas(region)).collect();
    let figures = balanced(&areas, total)?;
    let mut kept = Vec::new();
    for ((region, areas), figures) in regions.into_iter().zip(areas).zip(figures) {
        let border_m = site.border_m(&region);
        let mean_width_m = if border_m > 0.0 { 2.0 * areas.plane_m2 / border_m } else { 0.0 };
        if areas.plane_m2 < search.min_area_m2 {
            left_out.add("small", "面积过小", "too small", figures);
        } else if mean_width_m < search.min_mean_width_m {
            left_out.add("narrow", "过于狭长", "too narrow", figures);
        } else if search.max_area_m2.is_some_and(|most| areas.plane_m2 > most) {
            left_out.add("large", "面积过大", "too large", figures);
        } else {
            let compactness = (4.0 * std::f64::consts::PI * areas.plane_m2 / (border_m * border_m)).min(1.0);
            kept.push(Candidate { region, figures, mean_width_m, compactness, slope: None, road: None, score: 0.0 });
        }
    }
    kept.sort_by_key(|candidate| std::cmp::Reverse(candidate.figures.plane_m2));
    for candidate in kept.split_off(kept.len().min(MAX_DESCRIBED)) {
        left_out.add(
            "many",
            "地块过多，较小者未评价",
            "too many pieces: the smaller ones are not described",
            candidate.figures,
        );
    }
    Ok((total, kept))
}

/// Slope, road and score of each piece; pieces that miss what is required are left out.
fn describe(
    task: &Task<'_>,
    search: &Search,
    site: &Site,
    kept: Vec<Candidate>,
    left_out: &mut LeftOut,
) -> Result<Vec<Candidate>, AnalysisError> {
    let surface = search.rules.slope.datasets.iter().find_map(|dataset| task.surfaces.get(dataset).copied());
    let roads = search.rules.road.datasets.iter().find_map(|dataset| task.layers.get(dataset));
    let one = |mut candidate: Candidate| {
        if task.watch.cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        let polygons = site.polygons(&candidate.region);
        if let Some(surface) = surface {
            candidate.slope = slope_within(surface, &polygons, task.plane, search.slope_limit_deg)?;
        }
        candidate.road = roads.and_then(|roads| nearest_road(search, roads, &polygons, site.unit_m()));
        candidate.score = score(search, &candidate, roads.is_some());
        Ok(candidate)
    };
    let described: Vec<Candidate> = kept.into_par_iter().map(one).collect::<Result<_, AnalysisError>>()?;
    let mut good = Vec::with_capacity(described.len());
    for candidate in described {
        let steep = search.max_mean_slope_deg.zip(candidate.slope).is_some_and(|(most, slope)| slope.mean_deg > most);
        if steep {
            left_out.add("steep", "坡度过大", "too steep", candidate.figures);
        } else if search.road_required && candidate.road.is_none() {
            left_out.add("remote", "距道路过远", "too far from a road", candidate.figures);
        } else {
            good.push(candidate);
        }
    }
    Ok(good)
}

/// The nearest road within reach: metres from its edge, and its name.
fn nearest_road(search: &Search, roads: &LoadedLayer, polygons: &[Polygon], unit_m: f64) -> Option<(f64, String)> {
    let own = Outline::of_polygons(polygons.iter());
    let mut nearest: Option<(f64, &Parcel)> = None;
    for road in &roads.layer.parcels {
        let half_m = crate::compliance::measure(road, &search.rules.road.width_field).map_or(0.0, |m| m.max(0.0) / 2.0);
        let reach_m = nearest.map_or(search.road_within_m, |(m, _)| m) + half_m;
        if let Some(apart) = own.distance(&Outline::of_parcel(road), reach_m / unit_m) {
            let apart_m = (apart * unit_m - half_m).max(0.0);
            let nearer = nearest.is_none_or(|(m, other)| (apart_m, &road.id) < (m, &other.id));
            if nearer && apart_m <= search.road_within_m {
                nearest = Some((apart_m, road));
            }
        }
    }
    nearest.map(|(m, road)| (m, crate::compliance::text(road, &search.rules.road.name_field)))
}

/// 0 to 1: the weighted mean of what is known.
fn score(search: &Search, candidate: &Candidate, has_roads: bool) -> f64 {
    let weights = search.rules.weights;
    let area_m2 = f64::try_from(candidate.figures.plane_m2).unwrap_or_default();
    // Ten times the least area is as good as it gets.
    let area = (area_m2 / search.min_area_m2.max(1.0)).log10().clamp(0.0, 1.0);
    let road = candidate.road.as_ref().map_or(0.0, |(m, _)| 1.0 - m / search.road_within_m.max(1.0));
    let known = [
        Some((weights.area, area)),
        Some((weights.shape, candidate.compactness)),
        candidate.slope.map(|slope| (weights.slope, slope.share_below)),
        has_roads.then_some((weights.road, road)),
    ];
    let (sum, weight) =
        known.into_iter().flatten().fold((0.0, 0.0), |(s, w), (weight, v)| (s + weight * v, w + weight));
    if weight > 0.0 { sum / weight } else { 0.0 }
}

fn candidate_json(search: &Search, index: usize, candidate: &Candidate) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("rank".to_owned(), (index + 1).into());
    object.insert("score".to_owned(), rounded(candidate.score, 4));
    candidate.figures.put(&mut object);
    object.insert("mean_width_m".to_owned(), rounded(candidate.mean_width_m, 1));
    object.insert("compactness".to_owned(), rounded(candidate.compactness, 3));
    let slope = candidate.slope.map_or(Value::Null, |slope| {
        json!({
            "mean_deg": rounded(slope.mean_deg, 2), "share_below": rounded(slope.share_below, 4),
            "limit_deg": search.slope_limit_deg, "share_unknown": rounded(slope.share_unknown, 4),
        })
    });
    object.insert("slope".to_owned(), slope);
    let road = candidate.road.as_ref();
    object.insert("road_m".to_owned(), road.map_or(Value::Null, |(m, _)| rounded(*m, 1)));
    object.insert("road".to_owned(), road.map_or(Value::Null, |(_, name)| name.clone().into()));
    let reasons = reasons(search, candidate);
    object.insert("reasons_zh".to_owned(), reasons.iter().map(|[zh, _]| zh.clone()).collect::<Vec<_>>().into());
    object.insert("reasons_en".to_owned(), reasons.iter().map(|[_, en]| en.clone()).collect::<Vec<_>>().into());
    object
}

/// Why it stands where it stands, in words.
fn reasons(search: &Search, candidate: &Candidate) -> Vec<[String; 2]> {
    let hectares = round_half_away(AreaUnit::Hectare.from_m2(candidate.figures.plane_m2), 4);
    let width = metres(candidate.mean_width_m.round());
    let mut reasons = vec![[
        format!("面积 {hectares:.4} 公顷，平均宽度 {width} 米"),
        format!("{hectares:.4} ha, {width} m wide on average"),
    ]];
    let limit = search.slope_limit_deg;
    reasons.push(match candidate.slope {
        Some(slope) => {
            let (mean, share) = (metres(slope.mean_deg), metres(slope.share_below * 100.0));
            [
                format!("平均坡度 {mean}°，{share}% 不超过 {limit}°"),
                format!("mean slope {mean}°, {share} % up to {limit}°"),
            ]
        }
        None => ["坡度未知".to_owned(), "slope not known".to_owned()],
    });
    let within = metres(search.road_within_m);
    reasons.push(match &candidate.road {
        Some((m, name)) => [format!("距{name} {} 米", metres(*m)), format!("{} m to {name}", metres(*m))],
        None => [format!("{within} 米内没有已知道路"), format!("no known road within {within} m")],
    });
    for (rule, keep_m) in &search.keep_m {
        if let Some(line) = search.line(rule) {
            let keep = metres(*keep_m);
            reasons.push([
                format!("距{}不小于 {keep} 米", line.title_zh),
                format!("at least {keep} m from {}", line.title_en),
            ]);
        }
    }
    reasons
}

fn rule_versions(rules: &RuleBook) -> Map<String, Value> {
    let names = ["control-lines", DOCUMENT];
    names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), rules.document(name).ok()?.version.clone().into())))
        .collect()
}
