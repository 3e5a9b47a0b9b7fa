//! Ways out of a danger zone on random networks: every way against a search written here, and people who must add up.

use std::collections::BTreeMap;

use analysis::Parcel;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::evacuations::{county, degrees, house, metres, near, road, run, shelter, zone};

/// Linear congruences: enough for networks that are the same every time.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + (high - low) * ((self.0 >> 11) as f64 / (1_u64 << 53) as f64)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.between(0.0, bound as f64) as usize).min(bound - 1)
    }
}

/// A grid of streets, bent at random, some missing.
struct Streets {
    places: Vec<[f64; 2]>,
    /// Ends, and class.
    edges: Vec<([usize; 2], usize)>,
}

const SIDE: usize = 7;
/// Classes and their speeds, km/h, as shipped.
const CLASSES: [(&str, f64); 4] = [("省道", 40.0), ("县道", 30.0), ("乡道", 25.0), ("村道", 15.0)];

fn streets(dice: &mut Dice) -> Streets {
    let places: Vec<[f64; 2]> = (0..SIDE * SIDE)
        .map(|i| [(i % SIDE) as f64, (i / SIDE) as f64].map(|v| v * 100.0 + dice.between(-20.0, 20.0)))
        .collect();
    let mut edges = Vec::new();
    for i in 0..SIDE * SIDE {
        for (to, inside) in [(i + 1, i % SIDE + 1 < SIDE), (i + SIDE, i / SIDE + 1 < SIDE)] {
            if inside && dice.between(0.0, 1.0) < 0.72 {
                edges.push(([i, to], dice.below(CLASSES.len())));
            }
        }
    }
    Streets { places, edges }
}

impl Streets {
    fn roads(&self) -> Vec<Parcel> {
        let one = |(index, (ends, class)): (usize, &([usize; 2], usize))| {
            road(CLASSES[*class].0, &format!("路{index}"), &ends.map(|end| self.places[end]))
        };
        self.edges.iter().enumerate().map(one).collect()
    }

    fn has_road(&self, place: usize) -> bool {
        self.edges.iter().any(|(ends, _)| ends.contains(&place))
    }
}

/// The part of an edge inside a box `[x, y, width, height]` (Liang and Barsky).
fn inside(a: [f64; 2], b: [f64; 2], area: [f64; 4]) -> Option<[f64; 2]> {
    let (mut from, mut to) = (0.0_f64, 1.0_f64);
    for axis in 0..2 {
        let along = b[axis] - a[axis];
        for (p, q) in [(-along, a[axis] - area[axis]), (along, area[axis] + area[axis + 2] - a[axis])] {
            if p < 0.0 {
                from = from.max(q / p);
            } else if p > 0.0 {
                to = to.min(q / p);
            } else if q < 0.0 {
                return None;
            }
        }
    }
    (from < to).then_some([from, to])
}

/// What is left of a way: penalised minutes, minutes, metres, metres in the zone.
type Way = [f64; 4];

/// Ways from every place to one, by relaxing every edge until nothing changes (Bellman and Ford), forwards in two phases: first
/// only inside the zone, then only outside.
fn oracle(streets: &Streets, area: [f64; 4], closed: &[usize], target: usize) -> Vec<Option<Way>> {
    let mut places = streets.places.clone();
    // Ends, way, whether inside.
    let mut parts: Vec<([usize; 2], Way, bool)> = Vec::new();
    for (_, (ends, class)) in streets.edges.iter().enumerate().filter(|(index, _)| !closed.contains(index)) {
        let [a, b] = ends.map(|end| streets.places[end]);
        let whole_m = metres(&[a, b]);
        let within = inside(a, b, area);
        let mut stops = vec![0.0];
        stops.extend(within.into_iter().flatten().filter(|t| *t > 0.0 && *t < 1.0));
        stops.push(1.0);
        let mut at = ends[0];
        for pair in stops.windows(2) {
            let next = if pair[1] == 1.0 { ends[1] } else { places.len() };
            if next == places.len() {
                places.push([0, 1].map(|axis| a[axis] + pair[1] * (b[axis] - a[axis])));
            }
            let middle = f64::midpoint(pair[0], pair[1]);
            let in_zone = within.is_some_and(|[from, to]| from < middle && middle < to);
            let length_m = whole_m * (pair[1] - pair[0]);
            let minutes = length_m * 0.06 / CLASSES[*class].1;
            let way =
                if in_zone { [10.0 * minutes, minutes, length_m, length_m] } else { [minutes, minutes, length_m, 0.0] };
            parts.push(([at, next], way, in_zone));
            at = next;
        }
    }
    // Backwards from the target: what is left from each place in the second phase, then in the first.
    let relax = |left: &mut Vec<Option<Way>>, phase_inside: bool| loop {
        let mut changed = false;
        for (ends, way, in_zone) in parts.iter().filter(|part| part.2 == phase_inside) {
            assert_eq!(*in_zone, phase_inside);
            for [from, to] in [*ends, [ends[1], ends[0]]] {
                let Some(rest) = left[to] else { continue };
                let sum = [0, 1, 2, 3].map(|i| rest[i] + way[i]);
                if left[from].is_none_or(|known| sum[0] < known[0] - 1e-12) {
                    left[from] = Some(sum);
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    };
    let mut left = vec![None; places.len()];
    left[target] = Some([0.0; 4]);
    relax(&mut left, false);
    relax(&mut left, true);
    left.truncate(streets.places.len());
    left
}

#[test]
fn every_way_of_random_networks_is_the_one_that_a_search_written_here_finds() {
    let (mut ways, mut none, mut through_zone) = (0, 0, 0);
    for seed in 0..25 {
        let mut dice = Dice(seed * 1_001 + 17);
        let streets = streets(&mut dice);
        let corner = [dice.between(60.0, 300.0), dice.between(60.0, 300.0)];
        let area = [corner[0], corner[1], dice.between(120.0, 300.0), dice.between(120.0, 300.0)];
        let closed: Vec<usize> = (0..2).map(|_| dice.below(streets.edges.len())).collect();
        let cut: Vec<[f64; 2]> = closed
            .iter()
            .map(|edge| {
                let [a, b] = streets.edges[*edge].0.map(|end| streets.places[end]);
                degrees(f64::midpoint(a[0], b[0]), f64::midpoint(a[1], b[1]))
            })
            .collect();
        let outside = |p: [f64; 2]| {
            p[0] < area[0] - 3.0
                || p[1] < area[1] - 3.0
                || p[0] > area[0] + area[2] + 3.0
                || p[1] > area[1] + area[3] + 3.0
        };
        let starts: Vec<usize> = (0..streets.places.len()).filter(|place| streets.has_road(*place)).collect();
        let from: Vec<Value> = starts
            .iter()
            .map(|place| {
                let [x, y] = streets.places[*place];
                json!({ "at": degrees(x, y), "people": 1, "households": 1, "name": place.to_string() })
            })
            .collect();
        let request = json!({ "zone": zone(&[area]), "cut": cut, "from": from });
        for target in starts.iter().copied().filter(|place| outside(streets.places[*place])).step_by(9) {
            let [x, y] = streets.places[target];
            let county = county(streets.roads(), Vec::new(), vec![shelter("广场", x, y, Some(1_000))]);
            let found = run(&request, &county).result;
            let mut routes: BTreeMap<usize, &Value> = BTreeMap::new();
            for route in found["routes"].as_array().unwrap() {
                assert_eq!(route["people"], 1, "every place has a route of its own: {route}");
                routes.insert(route["from"][0].as_str().unwrap().parse().unwrap(), route);
            }
            for (place, way) in oracle(&streets, area, &closed, target).into_iter().enumerate() {
                if !starts.contains(&place) {
                    continue;
                }
                let Some([_, minutes, length_m, in_zone_m]) = way else {
                    assert!(!routes.contains_key(&place), "seed {seed}: {place} reaches {target}: {}", routes[&place]);
                    none += 1;
                    continue;
                };
                let route =
                    routes.get(&place).unwrap_or_else(|| panic!("seed {seed}: no way from {place} to {target}"));
                near(&route["length_m"], length_m, 0.06);
                near(&route["in_zone_m"], in_zone_m, 0.06);
                near(&route["minutes"], minutes, 0.051);
                ways += 1;
                through_zone += usize::from(in_zone_m > 1.0);
            }
        }
    }
    println!("{ways} ways agree, {through_zone} of them out of the zone; {none} times there is none");
    assert!(ways > 3_000 && through_zone > 300 && none > 300, "{ways} {through_zone} {none}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn everybody_in_the_zone_is_counted_once_and_no_shelter_is_overfull(
        seed in 0..1_000_000_u64,
        households in prop::collection::vec((0..4_u32, 0..9_u32), 1..40),
        rooms in prop::collection::vec(prop::option::of(0..60_u32), 0..5),
        cuts in 0..6_usize,
    ) {
        let mut dice = Dice(seed);
        let streets = streets(&mut dice);
        let mut place = || [dice.between(-100.0, 700.0), dice.between(-100.0, 1_100.0)];
        let houses: Vec<Parcel> = households
            .iter()
            .enumerate()
            .map(|(index, (households, people))| {
                let [x, y] = place();
                house(&index.to_string(), x, y, *households, *people)
            })
            .collect();
        let shelters: Vec<Parcel> = rooms
            .iter()
            .enumerate()
            .map(|(index, room)| {
                let [x, y] = place();
                shelter(&format!("场所{index}"), x, y, *room)
            })
            .collect();
        let cut: Vec<[f64; 2]> = (0..cuts).map(|_| place()).map(|[x, y]| degrees(x, y)).collect();
        let county = county(streets.roads(), houses, shelters);
        let request = json!({ "zone": zone(&[[100.0, 100.0, 450.0, 900.0]]), "cut": cut });
        let found = run(&request, &county).result;
        let people = &found["people"];
        for what in ["houses", "households", "people"] {
            let of = |value: &Value| value[what].as_u64().unwrap();
            let parts = [
                &people["assigned"], &people["without_place"]["full"], &people["without_place"]["no_shelter_reached"],
                &people["cut_off"], &people["not_connected"], &people["no_road_access"], &people["not_worked_out"],
            ];
            prop_assert_eq!(parts.into_iter().map(of).sum::<u64>(), of(&people["to_move"]), "{}: {}", what, people);
            prop_assert!(of(&people["to_move"]) <= of(&found["zone"]["inside"]));
        }
        prop_assert_eq!(&people["to_move"]["people"], &found["zone"]["inside"]["people"]);
        let sum = |rows: &Value, key: &str| rows.as_array().unwrap().iter().map(|row| row[key].as_u64().unwrap()).sum::<u64>();
        let assigned = people["assigned"]["people"].as_u64().unwrap();
        prop_assert_eq!(sum(&found["shelters"], "assigned"), assigned);
        prop_assert_eq!(sum(&found["routes"], "people"), assigned);
        prop_assert_eq!(sum(&found["routes"], "households"), people["assigned"]["households"].as_u64().unwrap());
        for row in found["shelters"].as_array().unwrap() {
            prop_assert!(row["assigned"].as_u64().unwrap() <= row["capacity"].as_u64().unwrap_or(0), "{}", row);
        }
        prop_assert_eq!(run(&request, &county).result, found, "the same again");
    }
}
