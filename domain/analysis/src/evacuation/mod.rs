//! 转移路线与孤岛分析: by which roads people leave a danger zone, to which shelters, and who is cut off.
//!
//! Request: `{"zone"?: area, "cut"?: [area | [[lon, lat], …] | [lon, lat], …], "from"?: "zone" | [[lon, lat] | {"at": [lon, lat],
//! "people"?, "households"?, "name"?}, …], "registers"?, "datetime"?, "recorded"?, "speed_kmh"?, "on_foot"?, "within"?: area,
//! "join_gaps_m"?}`. An area is what a red line may be, or `[west, south, east, north]` degrees. `zone` or `cut` must be given.
//!
//! Roads of the register become a network (`network`), the zone and the cuts are taken off it (`removed`), and what is left is
//! a graph (`graph`): ways lead out of the zone once and never back in. People come to the nearest road that is left on a
//! straight walk; shelters are shared out so that the sum of people times minutes is least under their capacity (`assign`,
//! exact). Pieces of the network that lead nowhere any more are islands (`standing`); pieces that the data itself leaves
//! unconnected are told apart and nobody in them is said to be cut off. A missing register is said; nobody is counted as nought
//! because of it.

mod asked;
mod assign;
mod graph;
mod network;
mod people;
mod removed;
mod routes;
mod standing;
mod told;

use rayon::prelude::*;
use serde_json::Value;

use crate::{
    AnalysisError,
    clip::Site,
    figures::Figures,
    mechanism::{Analysis, DataWanted, Findings, RuleBook, RuleDocument, Task},
    registers::{Register, Registers},
};
use asked::Asked;
use assign::{Assignment, Dwellers, assign};
use geodesy::{Crs, Transform};
use graph::RoadGraph;
use network::network;
use people::{Origin, Shelter};
use removed::{Area, Foothold, Footholds, removed};
use routes::{Member, Route, routes};
use standing::{Pieces, Standing, islands};

/// The analysis.
pub(crate) static EVACUATION: Analysis = Analysis {
    name: "evacuation",
    title_zh: "转移路线与孤岛分析",
    title_en: "Ways out and who is cut off",
    results_are_datasets: true,
    wanted,
    run,
};

/// Name of this rule in results; changes when the same input may give another result.
const RULE: &str = "evacuation/1";
/// Its rule document.
pub(crate) const RULE_DOCUMENT: &str = "evacuation";

fn refuse(what_zh: impl Into<String>, what_en: impl Into<String>) -> AnalysisError {
    AnalysisError::Request { what_zh: what_zh.into(), what_en: what_en.into() }
}

/// Refuses a document that cannot be used.
pub(crate) fn check(document: &RuleDocument) -> Result<(), AnalysisError> {
    asked::rules_of(document).map(|_| ())
}

fn wanted(request: &Value, rules: &RuleBook) -> Result<DataWanted, AnalysisError> {
    let asked = Asked::of(request, rules.document(RULE_DOCUMENT)?)?;
    let registers = Registers::of(rules)?;
    let within = Some(asked.window_lon_lat_deg);
    Ok(DataWanted {
        layers: registers.wanted(&[Register::Houses, Register::Roads, Register::Shelters], request, within)?,
        surfaces: Vec::new(),
        bounds_lon_lat_deg: within,
        ..DataWanted::default()
    })
}

/// What became of somebody who has to be led out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Shelters can be reached: the assignment says which, or that all are full.
    Led,
    /// Gets out, but to no shelter.
    NoShelter,
    CutOff,
    /// The road data leave the place unconnected.
    NotConnected,
    NoRoad,
    /// A register is missing.
    Unknown,
}

/// Everything that is found, for telling.
struct Found<'t> {
    task: &'t Task<'t>,
    asked: Asked,
    zone_figures: Option<Figures>,
    network: &'t network::Network,
    removed: removed::Removed,
    houses: Vec<people::House<'t>>,
    shelters: Vec<Shelter>,
    shelters_left_out: usize,
    origins: Vec<Origin>,
    fates: Vec<Fate>,
    /// Origins that the assignment is of.
    led: Vec<usize>,
    assignment: Assignment,
    routes: Vec<Route>,
}

#[expect(clippy::too_many_lines, reason = "one question, from the roads to who is led where")]
fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let asked = Asked::of(task.request, task.rules.document(RULE_DOCUMENT)?)?;
    let registers = Registers::of(task.rules)?;
    let plane = task.plane;
    if let Some(layer) = task.layers.values().find(|layer| layer.layer.crs != *plane) {
        return Err(AnalysisError::NotOnePlane {
            first: plane.name().to_owned(),
            second: layer.layer.crs.name().to_owned(),
        });
    }
    let unit_m = plane.unit_m();
    let go_on = |done: f64, doing: &str| {
        task.watch.progress(done, doing);
        if task.watch.cancelled() { Err(AnalysisError::Cancelled) } else { Ok(()) }
    };
    go_on(0.0, "读取危险区")?;
    let (zone, zone_figures) = zone_of(&asked, plane)?;

    go_on(0.05, "连接路网")?;
    let network = network(task.register(Register::Roads), &registers, &asked, plane, &|| task.watch.cancelled())?;
    go_on(0.35, "扣除危险区和断路")?;
    let removed = removed(&network, zone.as_ref(), &asked, plane)?;
    let left = Footholds::new(&network, &removed, unit_m);

    go_on(0.45, "房屋和避难场所接入路网")?;
    let houses = people::houses(task.register(Register::Houses), &registers, zone.as_ref(), &left)?;
    let origins = people::origins(&asked, &houses, &left, plane)?;
    let window = window_in(&asked, plane)?;
    let near = middle_of(&origins, &network, window);
    let (shelters, shelters_left_out) =
        people::shelters(task.register(Register::Shelters), &registers, &asked, zone.as_ref(), &left, near);

    go_on(0.55, "建立路网图")?;
    let footholds: Vec<Foothold> =
        shelters.iter().map(|s| s.foothold).chain(origins.iter().map(|o| o.foothold)).flatten().collect();
    let graph = RoadGraph::new(&network, &removed, &footholds, asked.penalty(), unit_m);
    let mut nodes = graph.foothold_nodes.iter().copied();
    let mut node_of = |foothold: Option<Foothold>| foothold.and_then(|_| nodes.next());
    let shelter_nodes: Vec<Option<usize>> = shelters.iter().map(|shelter| node_of(shelter.foothold)).collect();
    let origin_nodes: Vec<Option<usize>> = origins.iter().map(|origin| node_of(origin.foothold)).collect();
    let pieces = Pieces::new(&graph, &network, &shelters, &shelter_nodes, window, asked.rules.access.road_m);

    go_on(0.6, "计算到各避难场所的路线")?;
    // Those that people may be led to: the positions of the columns of costs.
    let usable: Vec<(usize, usize)> = (0..shelters.len())
        .filter(|index| shelters[*index].is_open() && shelters[*index].capacity.is_some())
        .filter_map(|index| Some((index, shelter_nodes[index]?)))
        .collect();
    let walk = asked.walk_minutes_per_m();
    let column = |(_, node): &(usize, usize)| {
        if task.watch.cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        let ways = graph.ways_to(*node);
        let cost = |(origin, node): (&Origin, &Option<usize>)| {
            let minutes = graph.minutes(&ways, (*node)?)? + origin.foothold?.walk_m * walk;
            Some((minutes * 60_000.0).round() as i64)
        };
        Ok(origins.iter().zip(&origin_nodes).map(cost).collect::<Vec<Option<i64>>>())
    };
    let columns: Vec<Vec<Option<i64>>> = usable.par_iter().map(column).collect::<Result<_, AnalysisError>>()?;

    let has_roads = !network.courses.is_empty();
    let fate = |(index, origin): (usize, &Origin)| {
        if !has_roads {
            return Fate::Unknown;
        }
        if origin_nodes[index].is_none() {
            return Fate::NoRoad;
        }
        if columns.iter().any(|column| column[index].is_some()) {
            return Fate::Led;
        }
        match pieces.standing(origin.foothold) {
            Standing::Open if shelters.is_empty() => Fate::Unknown,
            Standing::Open => Fate::NoShelter,
            Standing::CutOff(_) => Fate::CutOff,
            Standing::NotConnected(_) => Fate::NotConnected,
            Standing::NoRoad => Fate::NoRoad,
        }
    };
    let fates: Vec<Fate> = origins.iter().enumerate().map(fate).collect();
    let led: Vec<usize> = (0..origins.len()).filter(|index| fates[*index] == Fate::Led).collect();
    let dwellers: Vec<Dwellers> = led
        .iter()
        .map(|index| Dwellers {
            people: origins[*index].people,
            households: origins[*index].households,
            cost_ms: columns.iter().map(|column| column[*index]).collect(),
        })
        .collect();
    let capacity: Vec<u32> = usable.iter().filter_map(|(shelter, _)| shelters[*shelter].capacity).collect();
    let mut assignment = assign(&dwellers, &capacity, &|done| {
        go_on(0.75 + 0.1 * done as f64 / dwellers.len().max(1) as f64, "分配避难场所")
    })?;
    for share in assignment.shares.iter_mut().flatten() {
        share.shelter = share.shelter.map(|column| usable[column].0);
    }

    go_on(0.85, "整理路线")?;
    let to_shelter = |(shelter, node): &(usize, usize)| {
        let members: Vec<Member<'_>> = led
            .iter()
            .zip(&assignment.shares)
            .flat_map(|(origin, shares)| shares.iter().map(move |share| (*origin, *share)))
            .filter(|(_, share)| share.shelter == Some(*shelter))
            .filter_map(|(origin, share)| Some(Member { origin: &origins[origin], node: origin_nodes[origin]?, share }))
            .collect();
        if members.is_empty() || task.watch.cancelled() {
            return Vec::new();
        }
        routes(&graph, &network, &graph.ways_to(*node), *shelter, &members, walk)
    };
    let mut routes: Vec<Route> = usable.par_iter().map(to_shelter).collect::<Vec<_>>().concat();
    routes.sort_by_key(|route| std::cmp::Reverse((route.people, route.households)));
    go_on(0.95, "整理结果")?;
    let islands = islands(&pieces, &houses);
    let found = Found {
        task,
        asked,
        zone_figures,
        network: &network,
        removed,
        houses,
        shelters,
        shelters_left_out,
        origins,
        fates,
        led,
        assignment,
        routes,
    };
    told::told(&found, &graph, &pieces, &islands)
}

fn zone_of(asked: &Asked, plane: &Crs) -> Result<(Option<Area>, Option<Figures>), AnalysisError> {
    if !asked.has_zone() {
        return Ok((None, None));
    }
    let polygons = asked.zone_in(plane)?;
    let site = Site::around(polygons.iter(), plane)?;
    let region = site.region(polygons.iter());
    Ok((Some(Area::new(&site.polygons(&region))), Some(Figures::of(site.areas(&region)))))
}

/// The box looked at, in the plane.
fn window_in(asked: &Asked, plane: &Crs) -> Result<[f64; 4], AnalysisError> {
    let [west, south, east, north] = asked.window_lon_lat_deg;
    let middle = f64::midpoint(west, east);
    let mut corners = [[west, south], [middle, south], [east, south], [west, north], [middle, north], [east, north]];
    Transform::new(&Crs::cgcs2000(), plane)?.points(&mut corners)?;
    let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    let grown = |b: [f64; 4], p: &[f64; 2]| [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])];
    Ok(corners.iter().fold(start, grown))
}

/// Where the people are, for choosing the nearest shelters.
fn middle_of(origins: &[Origin], network: &network::Network, window: [f64; 4]) -> [f64; 2] {
    let places: Vec<[f64; 2]> = origins
        .iter()
        .filter_map(|origin| origin.foothold)
        .map(|foothold| network.courses[foothold.course].at(foothold.chainage))
        .collect();
    if places.is_empty() {
        return [f64::midpoint(window[0], window[2]), f64::midpoint(window[1], window[3])];
    }
    let count = places.len() as f64;
    [0, 1].map(|axis| places.iter().map(|place| place[axis]).sum::<f64>() / count)
}
