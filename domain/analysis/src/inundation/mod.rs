//! 淹没分析: what is under water at a level, what water reaches from a source, and how a lake rises behind a barrier.
//!
//! Request, where `D` is `{"dataset", "datetime"?, "recorded"?}`: `{"surface": D, "mode": "level" | "fill" | "dam", "within"?: area,
//! "level_m"?, "source"?: [[lon, lat], …] | {"line": [[lon, lat], …]} | {"area": area}, "barriers"?: [[[lon, lat], …], …],
//! "breach"?: [[lon, lat], …], "breach_m"?, "dam"?: [[lon, lat], …], "crest_m"?, "classes"?: [0.5, …], "steps"?, "rasters"?: bool,
//! "registers"?, "datetime"?, "recorded"?}`. An area is what a red line may be, or `[west, south, east, north]` degrees.
//!
//! `level` floods every cell below `level_m`, hollows that nothing fills included, and says how much they are. `fill` floods what
//! water reaches from the source over cells below `level_m`; it does not pass barriers but where a breach opens them. `dam` lets
//! the lake rise from the place upstream until it spills, over a drawn dam or over what already lies in the ground, and says
//! who is flooded at which level. Water stands level: it neither flows nor slopes. A cell without a height is not flooded and
//! is counted; where the water reaches the edge of the survey, what is found is the least that there is.

mod basin;
mod depth;
mod fill;
mod findings;
mod ground;
mod lake;
mod request;
mod roads;
mod struck;

use serde_json::Value;

use crate::{
    AnalysisError, Polygon, Surface,
    figures::metres,
    marks::{Marks, Window},
    mechanism::{Analysis, DataWanted, Findings, RuleBook, Task},
    registers::{Register, Registers},
    sites::area_asked,
    slope::rings_of,
};
use depth::Classes;
use fill::{Looked, connected, look, mark_line, pieces, within};
use ground::Ground;
use lake::Lake;
use request::{Mode, Request, Rules, Source, refuse};
use roads::Roads;
use struck::Struck;

pub(crate) use request::{RULE_DOCUMENT, check};

/// The analysis.
pub(crate) static INUNDATION: Analysis = Analysis {
    name: "inundation",
    title_zh: "淹没分析",
    title_en: "Inundation",
    results_are_datasets: true,
    wanted,
    run,
};

/// Name of this rule in results; changes when the same input may give another result.
const RULE: &str = "inundation/1";
/// Role of the heights.
const SURFACE_ROLE: &str = "surface";
/// Cells of the window: 20,000 x 20,000, a bit each.
const MOST_CELLS: usize = 400_000_000;
/// What may be in the water.
const REGISTERS: [Register; 4] = [Register::Houses, Register::Roads, Register::Shelters, Register::Facilities];

fn wanted(request: &Value, rules: &RuleBook) -> Result<DataWanted, AnalysisError> {
    Rules::of(rules)?;
    let read = Request::of(request)?;
    let area = (!read.within.is_null()).then(|| area_asked(&read.within)).transpose()?;
    let bounds = area.map(|area| area.bounds_lon_lat_deg()).transpose()?;
    Ok(DataWanted {
        layers: Registers::of(rules)?.wanted(&REGISTERS, request, bounds)?,
        surfaces: vec![read.surface.surface(SURFACE_ROLE)],
        bounds_lon_lat_deg: bounds.or_else(|| read.bounds_lon_lat_deg()),
        ..DataWanted::default()
    })
}

/// Where the water stands.
struct Water<'t> {
    wet: Marks,
    level_m: f64,
    /// Hollows of a level: how many, and what hangs together with the source or is largest.
    hollows: Option<(usize, Marks)>,
    lake: Option<Lake<'t>>,
}

/// A breach and what it opens.
struct Breach {
    at_lon_lat: [f64; 2],
    cells: usize,
    is_low: bool,
}

fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let request = Request::of(task.request)?;
    let rules = Rules::of(task.rules)?;
    let registers = Registers::of(task.rules)?;
    if let Some(layer) = task.layers.values().find(|layer| layer.layer.crs != *task.plane) {
        return Err(AnalysisError::NotOnePlane {
            first: task.plane.name().to_owned(),
            second: layer.layer.crs.name().to_owned(),
        });
    }
    let surface =
        *task.surfaces.get(SURFACE_ROLE).ok_or_else(|| refuse("缺少高程数据“surface”", "the surface is missing"))?;
    let mut rings = rings_asked(task, surface, &request.within)?;
    let window = window_of(surface, &rings)?;
    let ground = Ground::new(surface, task.plane, window)?;
    for ring in &mut rings {
        ground.in_cells(ring);
    }
    let looked = look(task, &ground, &rings, request.level_m)?;
    if !looked.lowest_m.is_finite() {
        return Err(refuse(
            format!("“{}”在所查范围内没有高程，请换数据或重新圈定", surface.source()),
            format!("{} has no heights there: take other data or draw the area again", surface.source()),
        ));
    }
    let mut closed = Marks::new(window.columns, window.rows);
    for line in &request.barriers {
        mark_line(&mut closed, &ground.cells_of_degrees(line)?);
    }
    let breaches = opened(task, &ground, &request, &rules, &looked, &mut closed)?;
    let edge_of_data = looked.edge_of_data(&ground);
    let edge_of_area = looked.edge_of_area(&edge_of_data);
    let water = match request.mode {
        Mode::Dam => {
            let mut lake =
                lake::rise(task, &ground, &request, &rules, &looked, &closed, (&edge_of_data, edge_of_area.as_ref()))?;
            let wet = std::mem::replace(&mut lake.wet, Marks::new(0, 0));
            Water { wet, level_m: f64::from(lake.spill.level_m), hollows: None, lake: Some(lake) }
        }
        Mode::Level | Mode::Fill => spread(&ground, task, &request, &rules, &looked, &closed)?,
    };
    let limits_m = request.classes.as_ref().unwrap_or(&rules.depth.classes_m);
    let mut classes = Classes::new(limits_m, &water.wet);
    let mut struck = Struck::near(task, &ground, &registers, rules.houses.around_m, &water.wet, &looked.void)?;
    let mut roads = Roads::near(task, &ground, &water.wet)?;
    depth::each_band(task, &ground, &water.wet, water.level_m, |band| {
        classes.add(&ground, band);
        struck.add(band);
        if let Some(roads) = &mut roads {
            roads.add(band);
        }
    })?;
    if let Some(lake) = &water.lake {
        struck.rising(&water.wet, |column, row| lake.basin.flooded_at_m(column, row));
    }
    if request.rasters {
        depth::make_raster(task, &ground, &water.wet, water.level_m)?;
    }
    findings::Found {
        task,
        request: &request,
        rules: &rules,
        registers: &registers,
        ground: &ground,
        looked: &looked,
        edges: (&edge_of_data, edge_of_area.as_ref()),
        barriers: closed.count(),
        breaches,
        struck,
        roads,
        classes,
    }
    .findings(&water)
}

/// The rings of an area in the surface's own system; none where the whole surface is meant.
fn rings_asked(task: &Task<'_>, surface: &dyn Surface, area: &Value) -> Result<Vec<Vec<[f64; 2]>>, AnalysisError> {
    if area.is_null() {
        return Ok(Vec::new());
    }
    let outline = area_asked(area)?.in_plane(task.plane)?;
    let polygons: Vec<Polygon> = outline.parcels.into_iter().flat_map(|parcel| parcel.polygons).collect();
    rings_of(surface, &polygons, task.plane)
}

/// The cells in the box of rings and one more on each side, or all.
fn window_of(surface: &dyn Surface, rings: &[Vec<[f64; 2]>]) -> Result<Window, AnalysisError> {
    let [west, north, width, height] = surface.grid();
    let [columns, rows] = surface.size();
    let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    let [x0, y0, x1, y1] =
        rings.iter().flatten().fold(start, |b, p| [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])]);
    let part = |low: f64, high: f64, count: usize| {
        if rings.is_empty() {
            return (0, count);
        }
        let meets = low < count as f64 && high > 0.0;
        let (from, to) = ((low.floor() - 1.0).max(0.0) as usize, ((high.ceil() + 1.0).max(0.0) as usize).min(count));
        (from, if meets { to.saturating_sub(from) } else { 0 })
    };
    let (column, columns) = part((x0 - west) / width, (x1 - west) / width, columns);
    let (row, rows) = part((north - y1) / height, (north - y0) / height, rows);
    let window = Window { column, row, columns, rows };
    if window.cells() == 0 {
        return Err(refuse(
            format!("所圈范围不在“{}”的范围内，请重新圈定", surface.source()),
            format!("the area lies outside of {}: draw it again", surface.source()),
        ));
    }
    if window.cells() > MOST_CELLS {
        return Err(refuse(
            "所查范围超过 4 亿个像元，请用 within 圈定范围",
            "there are more than 400 million cells: say within which area to look",
        ));
    }
    Ok(window)
}

/// Opens barriers where they are breached.
fn opened(
    task: &Task<'_>,
    ground: &Ground<'_>,
    request: &Request,
    rules: &Rules,
    looked: &Looked,
    closed: &mut Marks,
) -> Result<Vec<Breach>, AnalysisError> {
    let half_m = request.breach_m.unwrap_or(rules.fill.breach_m) / 2.0;
    // However narrow, a breach is wider than a cell.
    let reach = ground.cell_m(task.plane)?.map(|m| (half_m / m).max(1.5));
    let mut made = Vec::with_capacity(request.breach.len());
    for at_lon_lat in &request.breach {
        let place = ground.cells_of_degrees(&[*at_lon_lat])?[0];
        let range = |axis: usize, count: usize| {
            let bound = |v: f64| v.floor().clamp(0.0, count as f64) as usize;
            bound(place[axis] - reach[axis])..bound(place[axis] + reach[axis] + 1.0)
        };
        let mut breach = Breach { at_lon_lat: *at_lon_lat, cells: 0, is_low: false };
        for row in range(1, closed.rows) {
            for column in range(0, closed.columns) {
                let off = [(column as f64 + 0.5 - place[0]) / reach[0], (row as f64 + 0.5 - place[1]) / reach[1]];
                if off[0].hypot(off[1]) <= 1.0 && closed.is_set(column, row) {
                    closed.put(column, row, false);
                    breach.cells += 1;
                    breach.is_low |= looked.low.is_set(column, row);
                }
            }
        }
        if breach.cells == 0 {
            return Err(refuse(
                format!(
                    "溃口（{:.6}，{:.6}）{} 米内没有堤防，请点在堤防上或加大 breach_m",
                    at_lon_lat[0],
                    at_lon_lat[1],
                    metres(half_m)
                ),
                format!(
                    "no barrier lies within {} m of the breach at {:.6}, {:.6}",
                    metres(half_m),
                    at_lon_lat[0],
                    at_lon_lat[1]
                ),
            ));
        }
        made.push(breach);
    }
    Ok(made)
}

/// What is flooded at a level: all of it, or what hangs together with the source.
fn spread<'t>(
    ground: &Ground<'_>,
    task: &Task<'_>,
    request: &Request,
    rules: &Rules,
    looked: &Looked,
    closed: &Marks,
) -> Result<Water<'t>, AnalysisError> {
    fill::go_on(task, 0.4, "推算连通范围")?;
    let level_m = request.level_m.unwrap_or(f64::NAN);
    let open = looked.low.clone().with(closed, |low, closed| low & !closed);
    let seeds =
        request.source.as_ref().map(|source| seeds(ground, task, source, looked, closed, level_m)).transpose()?;
    let corners = rules.fill.corners;
    let (wet, hollows) = match (request.mode, seeds) {
        (Mode::Fill, Some(seeds)) => (connected(&open, &seeds, corners), None),
        (_, seeds) => {
            let all = pieces(&open, corners);
            let main = seeds.map_or(all.largest, |seeds| connected(&open, &seeds, corners));
            (open, Some((all.count, main)))
        }
    };
    Ok(Water { wet, level_m, hollows, lake: None })
}

/// The cells that the water comes from; refuses a source that stands above it.
fn seeds(
    ground: &Ground<'_>,
    task: &Task<'_>,
    source: &Source,
    looked: &Looked,
    closed: &Marks,
    level_m: f64,
) -> Result<Marks, AnalysisError> {
    let mut seeds = Marks::new(looked.low.columns, looked.low.rows);
    let open =
        |seeds: Marks| seeds.with(&looked.low, |seed, low| seed & low).with(closed, |seed, closed| seed & !closed);
    match source {
        Source::Points(places) if !places.is_empty() => {
            for at_lon_lat in places {
                let (cell, height_m) = place_of(ground, looked, *at_lon_lat)?;
                let [lon, lat] = *at_lon_lat;
                if closed.is_set(cell.0, cell.1) {
                    return Err(refuse(
                        format!("水源点（{lon:.6}，{lat:.6}）在堤防上，请移到有水的一侧"),
                        format!("the source at {lon:.6}, {lat:.6} lies on a barrier: put it on the side of the water"),
                    ));
                }
                if f64::from(height_m) >= level_m {
                    let (height, level) = (metres(f64::from(height_m)), metres(level_m));
                    return Err(refuse(
                        format!(
                            "水源点（{lon:.6}，{lat:.6}）的地面高程 {height} 米，不低于水位 {level} 米；请把水源移到河道或低处，或提高水位"
                        ),
                        format!(
                            "the ground at the source {lon:.6}, {lat:.6} is {height} m, not below the level of {level} m: move the source to the river or raise the level"
                        ),
                    ));
                }
                seeds.set(cell.0, cell.1);
            }
            return Ok(seeds);
        }
        Source::Points(_) => {}
        Source::Line { line } => mark_line(&mut seeds, &ground.cells_of_degrees(line)?),
        Source::Area { area } => {
            let mut rings = rings_asked(task, ground.surface(), area)?;
            for ring in &mut rings {
                ground.in_cells(ring);
            }
            seeds = within(&rings, looked.low.columns, looked.low.rows);
        }
    }
    let seeds = open(seeds);
    if seeds.count() == 0 {
        return Err(refuse(
            format!(
                "水源处没有低于水位 {} 米的地面（在范围外、没有高程或高于水位），请移到河道或提高水位",
                metres(level_m)
            ),
            format!(
                "nowhere along the source is ground below {} m (outside, without height or above): move it or raise the level",
                metres(level_m)
            ),
        ));
    }
    Ok(seeds)
}

/// The cell of a place that somebody pointed at, and its height, metres; refuses where nothing is known.
fn place_of(
    ground: &Ground<'_>,
    looked: &Looked,
    [lon, lat]: [f64; 2],
) -> Result<((usize, usize), f32), AnalysisError> {
    let place = ground.cells_of_degrees(&[[lon, lat]])?[0];
    let outside = || {
        refuse(
            format!("水源点（{lon:.6}，{lat:.6}）不在所查范围内，请移到范围内"),
            format!("the source at {lon:.6}, {lat:.6} lies outside of what is looked at: move it"),
        )
    };
    let (column, row) = ground.cell_at(place).ok_or_else(outside)?;
    if looked.area.as_ref().is_some_and(|area| !area.is_set(column, row)) {
        return Err(outside());
    }
    let height_m = ground.read(Window { column, row, columns: 1, rows: 1 })?.first().copied().unwrap_or(f32::NAN);
    if !height_m.is_finite() {
        return Err(refuse(
            format!("水源点（{lon:.6}，{lat:.6}）处没有高程（水面常为空洞），请移到岸边有数据处，或先补洞"),
            format!("there is no height at the source {lon:.6}, {lat:.6} (water often is a void): move it to the bank"),
        ));
    }
    Ok(((column, row), height_m))
}
