//! Ways of people to their shelters, those of one stretch of road to one shelter as one route.

use std::collections::BTreeMap;

use super::{
    assign::Share,
    graph::{RoadGraph, Ways},
    network::{Network, apart},
    people::Origin,
};

/// Road names that one route lists.
const MOST_NAMES: usize = 60;
/// Villages or starting points that one route lists.
const MOST_PLACES: usize = 20;

/// A route from a stretch of road to a shelter.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) shelter: usize,
    pub(super) houses: usize,
    pub(super) households: u64,
    pub(super) people: u64,
    /// Longest walk to the road, metres.
    pub(super) walk_m: f64,
    /// Along the road for whoever has the longest way, metres on the ellipsoid.
    pub(super) length_m: f64,
    pub(super) in_zone_m: f64,
    /// The walk to the road included.
    pub(super) minutes: f64,
    /// Names of the roads in the order in which they are gone along.
    pub(super) roads: Vec<String>,
    /// Villages that people come from, or names of starting points.
    pub(super) places: Vec<String>,
    pub(super) line: Vec<[f64; 2]>,
    /// Where it leaves the zone for good.
    pub(super) leaves_zone_at: Option<[f64; 2]>,
}

/// An origin with what of it goes to the shelter.
pub(super) struct Member<'o> {
    pub(super) origin: &'o Origin,
    pub(super) node: usize,
    pub(super) share: Share,
}

/// Routes to one shelter.
pub(super) fn routes(
    graph: &RoadGraph,
    network: &Network,
    ways: &Ways,
    shelter: usize,
    members: &[Member<'_>],
    walk_minutes_per_m: f64,
) -> Vec<Route> {
    let walk_m = |member: &Member<'_>| member.origin.foothold.map_or(0.0, |foothold| foothold.walk_m);
    let minutes = |member: &Member<'_>| {
        graph.minutes(ways, member.node).unwrap_or_default() + walk_m(member) * walk_minutes_per_m
    };
    // People of one stretch who set out in one direction meet on it.
    let mut groups: BTreeMap<(usize, bool), Vec<&Member<'_>>> = BTreeMap::new();
    for member in members {
        let first = graph.way(ways, member.node, true).first().map(|edge| graph.edges[*edge]);
        let key = first.map_or((usize::MAX, false), |edge| (edge.whole, edge.nodes[0] == member.node));
        groups.entry(key).or_default().push(member);
    }
    let route = |group: Vec<&Member<'_>>| {
        let furthest = group.iter().copied().reduce(|a, b| if minutes(b) > minutes(a) { b } else { a })?;
        let way = graph.way(ways, furthest.node, false);
        let mut route = Route {
            shelter,
            houses: group.len(),
            households: group.iter().map(|member| u64::from(member.share.households)).sum(),
            people: group.iter().map(|member| u64::from(member.share.people)).sum(),
            walk_m: group.iter().map(|member| walk_m(member)).fold(0.0, f64::max),
            length_m: 0.0,
            in_zone_m: 0.0,
            minutes: walk_m(furthest) * walk_minutes_per_m,
            roads: Vec::new(),
            places: Vec::new(),
            line: vec![graph.places[furthest.node]],
            leaves_zone_at: None,
        };
        let mut at = furthest.node;
        for edge in way.iter().map(|edge| graph.edges[*edge]) {
            let course = &network.courses[edge.course];
            let forwards = edge.nodes[0] == at;
            let [from, to] = if forwards { [edge.from, edge.to] } else { [edge.to, edge.from] };
            at = edge.nodes[usize::from(forwards)];
            route.length_m += edge.length_m;
            route.minutes += edge.minutes;
            if edge.in_zone {
                route.in_zone_m += edge.length_m;
                route.leaves_zone_at = Some(graph.places[at]);
            }
            if route.roads.last() != Some(&course.name) && route.roads.len() < MOST_NAMES {
                route.roads.push(course.name.clone());
            }
            for place in course.part(from, to) {
                if route.line.last().is_none_or(|last| apart(*last, place) > 1e-6) {
                    route.line.push(place);
                }
            }
        }
        for member in group {
            let origin = member.origin;
            let place = if origin.village.is_empty() { &origin.name } else { &origin.village };
            if !route.places.contains(place) && route.places.len() < MOST_PLACES {
                route.places.push(place.clone());
            }
        }
        Some(route)
    };
    groups.into_values().filter_map(route).collect()
}
