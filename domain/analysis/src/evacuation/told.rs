//! What is found, as tables and places.

use std::collections::BTreeMap;

use geodesy::{Crs, Transform};
use serde_json::{Map, Value, json};

use super::{
    Fate, Found, RULE, RULE_DOCUMENT,
    graph::{Edge, RoadGraph},
    network::{Gap, Network},
    standing::{Island, Piece, Pieces},
};
use crate::{
    AnalysisError, FoundPatch,
    figures::{metres, rounded},
    mechanism::{Findings, sources},
    registers::Register,
};

/// Routes that are listed; those of the most people are kept and the others counted.
const MOST_ROUTES: usize = 500;
/// Islands that are listed.
const MOST_ISLANDS: usize = 200;
/// Gaps that are listed, nearest first.
const MOST_GAPS: usize = 200;
/// Cut roads that are drawn.
const MOST_CUT_ROADS: usize = 1_000;
/// Houses of islands that are drawn.
const MOST_CUT_HOUSES: usize = 5_000;
/// Edges of one island that are drawn.
const MOST_EDGES: usize = 5_000;

/// Houses, households and people.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    houses: u64,
    households: u64,
    people: u64,
}

impl Tally {
    fn add(&mut self, households: u64, people: u64) {
        self.houses += 1;
        self.households += households;
        self.people += people;
    }

    fn json(self) -> Value {
        json!({ "houses": self.houses, "households": self.households, "people": self.people })
    }
}

/// The result and its places.
pub(super) fn told(
    found: &Found<'_>,
    graph: &RoadGraph,
    pieces: &Pieces<'_>,
    islands: &[(Piece, Island)],
) -> Result<Findings, AnalysisError> {
    let to_degrees = Transform::new(found.task.plane, &Crs::cgcs2000())?;
    let degrees = |place: [f64; 2]| -> Result<Value, AnalysisError> {
        let mut places = [place];
        to_degrees.points(&mut places)?;
        Ok(json!(places[0].map(|deg| rounded(deg, 7))))
    };
    let people = people(found);
    let mut routes = Vec::new();
    let mut patches = Vec::new();
    for (index, route) in found.routes.iter().take(MOST_ROUTES).enumerate() {
        let id = format!("route-{}", index + 1);
        let row = json!({
            "id": id, "shelter": found.shelters[route.shelter].name, "shelter_id": found.shelters[route.shelter].id,
            "houses": route.houses, "households": route.households, "people": route.people,
            "length_m": rounded(route.length_m, 1), "length_km": rounded(route.length_m / 1_000.0, 2),
            "minutes": rounded(route.minutes, 1), "walk_m": rounded(route.walk_m, 1),
            "in_zone_m": rounded(route.in_zone_m, 1), "roads": route.roads, "from": route.places,
            "leaves_zone_at": route.leaves_zone_at.map(degrees).transpose()?,
        });
        let drawn = route.line.len() > 1;
        patches.push(FoundPatch {
            id,
            properties: with_kind("route", &row),
            lines: if drawn { vec![route.line.clone()] } else { Vec::new() },
            points: if drawn { Vec::new() } else { route.line.clone() },
            ..FoundPatch::default()
        });
        routes.push(row);
    }
    let shelters = shelters(found, &degrees, &mut patches)?;
    let island_rows = told_islands(found, pieces, islands, &mut patches);
    let gaps = told_gaps(found.network, &degrees, &mut patches)?;
    let cut_m = cut_roads(found, graph, &mut patches);
    cut_houses(found, islands, &mut patches);

    let missing = missing(found);
    let notices = notices(found, pieces, &people);
    let event: Vec<&(Piece, Island)> = islands.iter().filter(|(_, island)| island.by_event).collect();
    let data: Vec<&(Piece, Island)> = islands.iter().filter(|(_, island)| !island.by_event).collect();
    let in_zone = found.houses.iter().filter(|house| house.in_zone);
    let mut zone_people = Tally::default();
    in_zone.for_each(|house| zone_people.add(u64::from(house.households), u64::from(house.people)));
    let has_houses = found.task.register(Register::Houses).is_some();
    let mut zone = Map::new();
    if let Some(figures) = found.zone_figures {
        figures.put(&mut zone);
    }
    zone.insert("inside".to_owned(), if has_houses { zone_people.json() } else { Value::Null });
    let longest = found.routes.iter().map(|route| route.minutes).fold(0.0, f64::max);
    let result = json!({
        "analysis": super::EVACUATION.name, "rule": RULE, "rule_versions": rule_versions(found),
        "sources": sources(found.task),
        "complete": missing.is_empty(), "missing": missing, "notices": notices,
        "stamp": found.asked.joins_gaps.then_some("应急参考"),
        "on_foot": found.asked.on_foot,
        "zone": if found.asked.has_zone() { Value::Object(zone) } else { Value::Null },
        "people": people.json(found, has_houses),
        "routes": routes, "routes_found": found.routes.len(), "longest_minutes": rounded(longest, 1),
        "shelters": shelters, "shelters_left_out": found.shelters_left_out,
        "split_households": found.assignment.split_households,
        "cut_off": {
            "total": sum(&event), "pieces": event.len(),
            "rows": rows(&island_rows, true),
        },
        "not_connected": {
            "total": sum(&data), "pieces": data.len(),
            "rows": rows(&island_rows, false),
        },
        "network": {
            "roads": found.network.courses.len(), "nodes": graph.nodes, "edges": graph.edges.len(),
            "length_km": rounded(graph.edges.iter().map(|edge| edge.length_m).sum::<f64>() / 1_000.0, 3),
            "pieces_before": pieces.before, "pieces_after": pieces.after, "main_share": rounded(pieces.main_share, 4),
            "in_pieces": pieces.before > 1, "gaps_found": found.network.gaps.len(), "gaps": gaps,
            "snap_m": found.asked.rules.network.snap_m, "join_gaps_m": found.asked.join_m,
            "in_zone_km": rounded(length_km(graph, |edge| edge.in_zone && !edge.cut), 3),
            "cut_km": rounded(cut_m / 1_000.0, 3),
            "unusable": classes(&found.network.classes.unusable), "unlisted": classes(&found.network.classes.unlisted),
            "without_line": found.network.classes.without_line,
        },
    });
    Ok(Findings { result, patches })
}

fn with_kind(kind: &str, row: &Value) -> Map<String, Value> {
    let mut properties = Map::new();
    properties.insert("kind".to_owned(), kind.into());
    properties.extend(row.as_object().cloned().unwrap_or_default());
    properties
}

fn length_km(graph: &RoadGraph, take: impl Fn(&Edge) -> bool) -> f64 {
    graph.edges.iter().filter(|edge| take(edge)).map(|edge| edge.length_m).sum::<f64>() / 1_000.0
}

fn classes(classes: &[(String, usize)]) -> Value {
    classes.iter().map(|(class, roads)| json!({ "class": class, "roads": roads })).collect()
}

fn rule_versions(found: &Found<'_>) -> Map<String, Value> {
    let names = [RULE_DOCUMENT, crate::registers::DOCUMENT];
    names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), found.task.rules.document(name).ok()?.version.clone().into())))
        .collect()
}

/// What became of the people who have to be led out.
#[derive(Debug, Default)]
struct People {
    all: Tally,
    assigned: Tally,
    full: Tally,
    no_shelter: Tally,
    cut_off: Tally,
    not_connected: Tally,
    no_road: Tally,
    unknown: Tally,
    /// Households whose people the register does not say.
    not_stated: u64,
}

fn people(found: &Found<'_>) -> People {
    let mut people = People::default();
    let mut shares = found.led.iter().zip(&found.assignment.shares);
    for (origin, fate) in found.origins.iter().zip(&found.fates) {
        let (households, persons) = (u64::from(origin.households), u64::from(origin.people));
        people.all.add(households, persons);
        if origin.people == 0 {
            people.not_stated += households;
        }
        match fate {
            Fate::Led => {
                let shares = shares.next().map(|(_, shares)| shares.as_slice()).unwrap_or_default();
                // A house is counted once, where its first people go.
                for (index, share) in shares.iter().enumerate() {
                    let tally = if share.shelter.is_some() { &mut people.assigned } else { &mut people.full };
                    tally.houses += u64::from(index == 0);
                    tally.households += u64::from(share.households);
                    tally.people += u64::from(share.people);
                }
            }
            Fate::NoShelter => people.no_shelter.add(households, persons),
            Fate::CutOff => people.cut_off.add(households, persons),
            Fate::NotConnected => people.not_connected.add(households, persons),
            Fate::NoRoad => people.no_road.add(households, persons),
            Fate::Unknown => people.unknown.add(households, persons),
        }
    }
    people
}

impl People {
    fn json(&self, found: &Found<'_>, has_houses: bool) -> Value {
        if !has_houses && found.asked.starts.is_none() {
            return Value::Null;
        }
        json!({
            "from": if found.asked.starts.is_some() { "points" } else { "zone" },
            "to_move": self.all.json(), "assigned": self.assigned.json(),
            "without_place": {
                "full": self.full.json(), "no_shelter_reached": self.no_shelter.json(),
                "people": self.full.people + self.no_shelter.people,
            },
            "cut_off": self.cut_off.json(), "not_connected": self.not_connected.json(),
            "no_road_access": self.no_road.json(), "not_worked_out": self.unknown.json(),
            "households_without_people": self.not_stated,
        })
    }
}

type Degrees<'d> = dyn Fn([f64; 2]) -> Result<Value, AnalysisError> + 'd;

fn shelters(
    found: &Found<'_>,
    degrees: &Degrees<'_>,
    patches: &mut Vec<FoundPatch>,
) -> Result<Vec<Value>, AnalysisError> {
    let mut assigned: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
    for share in found.assignment.shares.iter().flatten() {
        if let Some(shelter) = share.shelter {
            let sum = assigned.entry(shelter).or_default();
            *sum = (sum.0 + u64::from(share.people), sum.1 + u64::from(share.households));
        }
    }
    let mut rows = Vec::with_capacity(found.shelters.len());
    for (index, shelter) in found.shelters.iter().enumerate() {
        let used = assigned.get(&index);
        let (people, households) = used.copied().unwrap_or_default();
        let (state, state_zh) = if shelter.in_zone {
            ("in-zone", "在危险区内，不可用")
        } else if shelter.foothold.is_none() {
            ("no-road-access", "附近没有可通行的道路")
        } else if shelter.capacity.is_none() {
            ("no-capacity", "未登记容量，未分配")
        } else if used.is_some() {
            ("used", "启用")
        } else {
            ("unused", "未启用")
        };
        let row = json!({
            "id": shelter.id, "name": shelter.name, "shelter_kind": shelter.kind, "state": state, "state_zh": state_zh,
            "capacity": shelter.capacity, "assigned": people, "households": households,
            "free": shelter.capacity.map(|capacity| u64::from(capacity).saturating_sub(people)),
            "at": degrees(shelter.at)?,
        });
        if used.is_some() {
            patches.push(FoundPatch {
                id: format!("shelter-{}", index + 1),
                properties: with_kind("shelter", &row),
                points: vec![shelter.at],
                ..FoundPatch::default()
            });
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Rows of islands, with whether the event made them.
fn told_islands(
    found: &Found<'_>,
    pieces: &Pieces<'_>,
    islands: &[(Piece, Island)],
    patches: &mut Vec<FoundPatch>,
) -> Vec<(bool, Value)> {
    let mut told = Vec::new();
    let mut listed = [0_usize; 2];
    for (piece, island) in islands {
        let listed = &mut listed[usize::from(island.by_event)];
        *listed += 1;
        if *listed > MOST_ISLANDS {
            continue;
        }
        let mut villages: Vec<&String> = island.houses.iter().map(|house| &found.houses[*house].village).collect();
        villages.sort_unstable();
        villages.dedup();
        villages.retain(|village| !village.is_empty());
        let length_m: f64 = pieces.edges(*piece).map(|edge| edge.length_m).sum();
        let (kind, prefix) = if island.by_event { ("island", "island") } else { ("not-connected", "unconnected") };
        let id = format!("{prefix}-{listed}");
        let row = json!({
            "id": id, "in_zone": piece.in_zone, "houses": island.houses.len(), "households": island.households,
            "people": island.people, "people_in_zone": island.people_in_zone, "villages": villages,
            "roads_km": rounded(length_m / 1_000.0, 3),
        });
        let line = |edge: &Edge| found.network.courses[edge.course].part(edge.from, edge.to);
        patches.push(FoundPatch {
            id,
            properties: with_kind(kind, &row),
            lines: pieces.edges(*piece).take(MOST_EDGES).map(line).collect(),
            ..FoundPatch::default()
        });
        told.push((island.by_event, row));
    }
    told
}

fn rows(told: &[(bool, Value)], by_event: bool) -> Vec<Value> {
    told.iter().filter(|(own, _)| *own == by_event).map(|(_, row)| row.clone()).collect()
}

fn sum(islands: &[&(Piece, Island)]) -> Value {
    let houses: usize = islands.iter().map(|(_, island)| island.houses.len()).sum();
    let households: u64 = islands.iter().map(|(_, island)| island.households).sum();
    let people: u64 = islands.iter().map(|(_, island)| island.people).sum();
    json!({ "houses": houses, "households": households, "people": people })
}

fn told_gaps(
    network: &Network,
    degrees: &Degrees<'_>,
    patches: &mut Vec<FoundPatch>,
) -> Result<Vec<Value>, AnalysisError> {
    let mut rows = Vec::new();
    for (index, Gap { courses, places, width_m, joined, .. }) in network.gaps.iter().take(MOST_GAPS).enumerate() {
        let id = format!("gap-{}", index + 1);
        let row = json!({
            "id": id, "gap_m": rounded(*width_m, 2), "joined": joined, "at": degrees(places[0])?,
            "roads": courses.map(|course| network.courses[course].name.clone()),
        });
        patches.push(FoundPatch {
            id,
            properties: with_kind("gap", &row),
            lines: vec![places.to_vec()],
            ..FoundPatch::default()
        });
        rows.push(row);
    }
    Ok(rows)
}

/// Draws what is cut; its length in metres.
fn cut_roads(found: &Found<'_>, graph: &RoadGraph, patches: &mut Vec<FoundPatch>) -> f64 {
    let cut: Vec<&Edge> = graph.edges.iter().filter(|edge| edge.cut).collect();
    for (index, edge) in cut.iter().take(MOST_CUT_ROADS).enumerate() {
        let course = &found.network.courses[edge.course];
        let row = json!({
            "road": course.name, "length_m": rounded(edge.length_m, 1), "in_zone": edge.in_zone,
        });
        patches.push(FoundPatch {
            id: format!("cut-road-{}", index + 1),
            properties: with_kind("cut-road", &row),
            lines: vec![course.part(edge.from, edge.to)],
            ..FoundPatch::default()
        });
    }
    cut.iter().map(|edge| edge.length_m).sum()
}

fn cut_houses(found: &Found<'_>, islands: &[(Piece, Island)], patches: &mut Vec<FoundPatch>) {
    let event = islands.iter().filter(|(_, island)| island.by_event).enumerate();
    let houses = event.flat_map(|(number, (_, island))| island.houses.iter().map(move |house| (number, *house)));
    for (index, (number, house)) in houses.take(MOST_CUT_HOUSES).enumerate() {
        let house = &found.houses[house];
        let row = json!({
            "number": house.number, "village": house.village, "households": house.households, "people": house.people,
            "in_zone": house.in_zone, "island": format!("island-{}", number + 1),
        });
        let has_outline = !house.parcel.polygons.is_empty();
        patches.push(FoundPatch {
            id: format!("cut-off-{}", index + 1),
            properties: with_kind("cut-off", &row),
            polygons: house.parcel.polygons.clone(),
            points: if has_outline { Vec::new() } else { vec![house.at] },
            ..FoundPatch::default()
        });
    }
}

fn missing(found: &Found<'_>) -> Vec<Value> {
    let one = |register: Register, zh: &str, without_zh: &str, without_en: &str| {
        let layer = found.task.register(register);
        let empty = layer.is_some_and(|layer| layer.layer.parcels.is_empty());
        (layer.is_none() || empty).then(|| {
            let (state_zh, state_en) =
                if empty { ("范围内没有要素", "has nothing in the area") } else { ("未入库", "is not published") };
            json!({
                "register": register.role(), "title": zh,
                "reason_zh": format!("{zh}图层{state_zh}，{without_zh}；请先入库，或用 registers 指定数据集"),
                "reason_en": format!("{} {state_en}: {without_en}; publish it or name a dataset in registers", register.role()),
            })
        })
    };
    [
        one(Register::Houses, "房屋", "需转移人口未知", "who has to move is not known"),
        one(Register::Roads, "道路", "不能计算路线和孤岛", "neither routes nor islands can be worked out"),
        one(Register::Shelters, "避难场所", "不能分配人员", "nobody can be assigned"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[expect(clippy::too_many_lines, reason = "a sentence for each thing that can be amiss")]
fn notices(found: &Found<'_>, pieces: &Pieces<'_>, people: &People) -> Vec<Value> {
    let mut notices = Vec::new();
    let mut say = |zh: String, en: String| notices.push(json!({ "zh": zh, "en": en }));
    let network = found.network;
    if pieces.before > 1 {
        let open = network.gaps.iter().filter(|gap| !gap.joined).count();
        let most_m = metres(found.asked.rules.network.gap_m);
        let main = metres(pieces.main_share * 100.0);
        say(
            format!(
                "路网不连通：道路数据分为 {} 片，最大一片占总长 {main}%；其中 {open} 处断头相距不超过 {most_m} 米，疑似漏接，\
                 位置见 gaps。请核实后修正道路数据重新入库；应急时可用 join_gaps_m 指定连接距离（不超过 {most_m} 米）重算，结果仅作应急参考",
                pieces.before
            ),
            format!(
                "the roads are in {} pieces, the largest has {main} % of their length; {open} gaps are at most {most_m} m: \
                 mend the data and publish again, or in an emergency state join_gaps_m (at most {most_m} m)",
                pieces.before
            ),
        );
    }
    let joined = network.gaps.iter().filter(|gap| gap.joined).count();
    if found.asked.joins_gaps {
        let join_m = metres(found.asked.join_m);
        say(
            format!("按要求连接了 {joined} 处相距不超过 {join_m} 米的断头，实地不一定相通，结果仅作应急参考"),
            format!(
                "{joined} gaps of at most {join_m} m were joined as asked; nobody knows whether one can pass there"
            ),
        );
    }
    if people.full.people > 0 {
        say(
            format!("避难场所容量不足：{} 人没有安置位置，请增设避难场所或核实容量", people.full.people),
            format!("shelters are full: {} people have no place; open more", people.full.people),
        );
    }
    if people.no_shelter.people > 0 {
        say(
            format!("{} 人能离开危险区，但到不了任何可用的避难场所，请增设避难场所", people.no_shelter.people),
            format!("{} people get out of the zone but reach no usable shelter", people.no_shelter.people),
        );
    }
    if people.no_road.people > 0 {
        let road_m = metres(found.asked.rules.access.road_m);
        say(
            format!("{} 人所在房屋 {road_m} 米内没有可通行的道路，需另行组织转移", people.no_road.people),
            format!("{} people have no road within {road_m} m", people.no_road.people),
        );
    }
    if people.not_stated > 0 {
        say(
            format!("{} 户没有登记人数，未占用避难场所容量，请核实", people.not_stated),
            format!("{} households have no number of people and take no room", people.not_stated),
        );
    }
    if found.assignment.split_households > 0 {
        say(
            format!("因容量所限，{} 户不能整户安置在同一避难场所", found.assignment.split_households),
            format!("{} households do not stay together", found.assignment.split_households),
        );
    }
    if !found.removed.points_off_road.is_empty() {
        let point_m = metres(found.asked.rules.cut.point_m);
        let numbers: Vec<String> =
            found.removed.points_off_road.iter().take(20).map(|number| (number + 1).to_string()).collect();
        say(
            format!("第 {} 个断路点 {point_m} 米内没有道路，未起作用，请核对位置", numbers.join("、")),
            format!("cut points {} have no road within {point_m} m and cut nothing", numbers.join(", ")),
        );
    }
    if found.removed.without_road > 0 {
        say(
            format!(
                "{} 处断路线或断路范围没有碰到道路，没有道路因此中断；与实地不符时请核对位置和路网",
                found.removed.without_road
            ),
            format!(
                "{} cut lines or areas meet no road: none is cut by them. Where that is not so on the ground, check their place and the roads",
                found.removed.without_road
            ),
        );
    }
    if !network.classes.unlisted.is_empty() {
        let names: Vec<&str> = network.classes.unlisted.iter().take(10).map(|(name, _)| name.as_str()).collect();
        say(
            format!("道路等级“{}”不在规则中，按规则的默认速度计算", names.join("”、“")),
            format!("road classes not in the rules, taken at the default speed: {}", names.join(", ")),
        );
    }
    if found.shelters_left_out > 0 {
        say(
            format!(
                "避难场所过多，只考虑最近的 {} 处，另有 {} 处未考虑",
                found.shelters.len(),
                found.shelters_left_out
            ),
            format!(
                "only the nearest {} shelters are considered, {} are not",
                found.shelters.len(),
                found.shelters_left_out
            ),
        );
    }
    notices
}
