//! Ways out of a danger zone: small networks whose answer is known, the assignment against every other one, and input that
//! must be refused or told.

use std::collections::BTreeMap;

use analysis::mechanism::{NoRasters, Watch};
use analysis::{
    AnalysisError, Findings, LoadedLayer, Parcel, ParcelLayer, Polygon, RuleBook, Surface, Task, analysis,
    mechanism::Unwatched,
};
use geodesy::{Crs, Transform, distance::geodesic_m};
use serde_json::{Map, Value, json};

use super::evacuation_networks::Dice;

/// Where the little networks lie, EPSG:4546.
const EAST: f64 = 375_000.0;
const NORTH: f64 = 3_134_000.0;

fn plane() -> Crs {
    Crs::from_epsg(4546).unwrap()
}

fn placed(x: f64, y: f64) -> [f64; 2] {
    [EAST + x, NORTH + y]
}

pub(super) fn degrees(x: f64, y: f64) -> [f64; 2] {
    let mut places = [placed(x, y)];
    Transform::new(&plane(), &Crs::cgcs2000()).unwrap().points(&mut places).unwrap();
    places[0]
}

/// Metres on the ellipsoid along places of the little networks.
pub(super) fn metres(line: &[[f64; 2]]) -> f64 {
    line.windows(2).map(|pair| geodesic_m(degrees(pair[0][0], pair[0][1]), degrees(pair[1][0], pair[1][1]))).sum()
}

fn attributes(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

pub(super) fn road(class: &str, name: &str, line: &[[f64; 2]]) -> Parcel {
    Parcel {
        id: name.to_owned(),
        attributes: attributes(&json!({ "DLMC": name, "DLDJ": class })),
        lines: vec![line.iter().map(|p| placed(p[0], p[1])).collect()],
        ..Parcel::default()
    }
}

/// A house of four metres by four.
pub(super) fn house(number: &str, x: f64, y: f64, households: u32, people: u32) -> Parcel {
    let corner = |dx: f64, dy: f64| placed(x + dx, y + dy);
    Parcel {
        id: number.to_owned(),
        attributes: attributes(&json!({ "FWBH": number, "HS": households, "RKS": people, "CUN": "样例村" })),
        polygons: vec![Polygon {
            exterior: vec![corner(-2.0, -2.0), corner(2.0, -2.0), corner(2.0, 2.0), corner(-2.0, 2.0)],
            holes: Vec::new(),
        }],
        ..Parcel::default()
    }
}

pub(super) fn shelter(name: &str, x: f64, y: f64, room: Option<u32>) -> Parcel {
    Parcel {
        id: name.to_owned(),
        attributes: attributes(&json!({ "BNCSMC": name, "LX": "广场", "RNRS": room })),
        points: vec![placed(x, y)],
        ..Parcel::default()
    }
}

/// A zone of boxes `[x, y, width, height]`.
pub(super) fn zone(boxes: &[[f64; 4]]) -> Value {
    let ring = |b: &[f64; 4]| {
        json!([[
            placed(b[0], b[1]),
            placed(b[0] + b[2], b[1]),
            placed(b[0] + b[2], b[1] + b[3]),
            placed(b[0], b[1] + b[3])
        ]])
    };
    let parcels: Vec<Value> =
        boxes.iter().enumerate().map(|(i, b)| json!({ "name": format!("危险区{i}"), "polygons": [ring(b)] })).collect();
    json!({ "crs": "EPSG:4546", "parcels": parcels })
}

#[derive(Debug, Clone, Default)]
pub(super) struct County {
    roads: Option<Vec<Parcel>>,
    houses: Option<Vec<Parcel>>,
    shelters: Option<Vec<Parcel>>,
}

pub(super) fn county(roads: Vec<Parcel>, houses: Vec<Parcel>, shelters: Vec<Parcel>) -> County {
    County { roads: Some(roads), houses: Some(houses), shelters: Some(shelters) }
}

fn run_watched(request: &Value, county: &County, watch: &dyn Watch) -> Result<Findings, AnalysisError> {
    let loaded = |role: &str, parcels: &Vec<Parcel>| LoadedLayer {
        dataset: role.to_owned(),
        revision: "r1".to_owned(),
        title: role.to_owned(),
        valid_from: "2023-12-31T00:00:00Z".to_owned(),
        bounds_lon_lat_deg: [109.0, 28.0, 110.0, 29.0],
        repairs: Vec::new(),
        layer: ParcelLayer {
            source: format!("{role}@r1"),
            code_system: "unknown".to_owned(),
            crs: plane(),
            parcels: parcels.clone(),
        },
    };
    let layers: BTreeMap<String, LoadedLayer> =
        [("roads", &county.roads), ("houses", &county.houses), ("shelters", &county.shelters)]
            .into_iter()
            .filter_map(|(role, parcels)| Some((role.to_owned(), loaded(role, parcels.as_ref()?))))
            .collect();
    let (plane, rules) = (plane(), RuleBook::shipped());
    let surfaces: BTreeMap<String, &dyn Surface> = BTreeMap::new();
    let kind = analysis("evacuation").unwrap();
    (kind.wanted)(request, &rules)?;
    (kind.run)(&Task {
        request,
        rules: &rules,
        plane: &plane,
        layers: &layers,
        surfaces: &surfaces,
        watch,
        rasters: &NoRasters,
    })
}

pub(super) fn run(request: &Value, county: &County) -> Findings {
    run_watched(request, county, &Unwatched).unwrap()
}

fn refused(request: &Value) -> String {
    run_watched(request, &County::default(), &Unwatched).unwrap_err().to_string()
}

pub(super) fn near(value: &Value, expected: f64, off: f64) {
    let value = value.as_f64().unwrap_or_else(|| panic!("{value} is no number, {expected} was expected"));
    assert!((value - expected).abs() <= off, "{value} is not {expected}");
}

fn of_kind<'f>(findings: &'f Findings, kind: &str) -> Vec<&'f analysis::FoundPatch> {
    findings.patches.iter().filter(|patch| patch.properties["kind"] == kind).collect()
}

fn said(result: &Value, what: &str) -> bool {
    result["notices"].as_array().unwrap().iter().any(|notice| notice["zh"].as_str().unwrap().contains(what))
}

/// Two local roads that only a third one joins, by crossing both.
fn joined_by(class: &str, line: &[[f64; 2]]) -> Findings {
    let roads = vec![
        road("村道", "下路", &[[0.0, 0.0], [1_000.0, 0.0]]),
        road(class, "联络线", line),
        road("村道", "上路", &[[0.0, 400.0], [1_000.0, 400.0]]),
    ];
    let county = county(roads, vec![house("1", 0.0, 0.0, 1, 3)], vec![shelter("广场", 1_000.0, 400.0, Some(10))]);
    run(&json!({ "zone": zone(&[[-10.0, -10.0, 20.0, 20.0]]) }), &county)
}

#[test]
fn roads_that_cross_are_joined_and_roads_that_pass_over_each_other_are_not() {
    let crossing = [[500.0, -500.0], [500.0, 900.0]];
    let found = joined_by("省道", &crossing).result;
    let route = &found["routes"][0];
    near(&route["length_m"], metres(&[[0.0, 0.0], [500.0, 0.0], [500.0, 400.0], [1_000.0, 400.0]]), 0.051);
    assert_eq!(route["roads"], json!(["下路", "联络线", "上路"]));
    // 1,000 m at 15 km/h and 400 m at 40 km/h.
    near(&route["minutes"], 4.0 + 0.6, 0.051);
    assert_eq!(found["people"]["assigned"]["people"], 3);
    assert_eq!((&found["network"]["nodes"], &found["network"]["pieces_before"]), (&json!(9), &json!(1)));
    let found = joined_by("高速公路", &crossing).result;
    assert_eq!((&found["routes"], &found["network"]["pieces_before"]), (&json!([]), &json!(3)));
    assert!(said(&found, "路网不连通"));
    // An end of an expressway is where one drives on and off.
    let found = joined_by("高速公路", &[[500.0, 0.0], [500.0, 400.0]]).result;
    near(
        &found["routes"][0]["length_m"],
        metres(&[[0.0, 0.0], [1_000.0, 0.0]]) + metres(&[[0.0, 0.0], [0.0, 400.0]]),
        0.1,
    );
    // Nobody walks on it.
    let roads = vec![road("高速公路", "高速", &[[0.0, 0.0], [1_000.0, 0.0]])];
    let only = county(roads, vec![house("1", 0.0, 0.0, 1, 3)], vec![shelter("广场", 900.0, 0.0, Some(9))]);
    let found = run(&json!({ "zone": zone(&[[-10.0, -10.0, 20.0, 20.0]]), "on_foot": true }), &only).result;
    assert_eq!(found["network"]["unusable"], json!([{ "class": "高速公路", "roads": 1 }]));
    assert_eq!(found["people"]["not_worked_out"]["people"], 3);
}

#[test]
fn vertices_in_common_touching_ends_and_a_line_that_crosses_itself_are_nodes() {
    // A loop that crosses itself at (300, 0), a lane that touches the loop's vertex, and one that ends on its middle.
    let roads = vec![
        road("村道", "环线", &[[0.0, 0.0], [600.0, 0.0], [600.0, 300.0], [300.0, 300.0], [300.0, -200.0]]),
        road("村道", "角路", &[[900.0, 300.0], [600.0, 300.0], [600.0, 600.0]]),
        road("村道", "支路", &[[450.0, 500.0], [450.0, 300.0]]),
    ];
    let county = county(roads, vec![house("1", 300.0, -200.0, 1, 2)], vec![shelter("广场", 450.0, 500.0, Some(10))]);
    let found = run(&json!({ "zone": zone(&[[290.0, -210.0, 20.0, 20.0]]) }), &county).result;
    near(
        &found["routes"][0]["length_m"],
        metres(&[[300.0, -200.0], [300.0, 300.0], [450.0, 300.0], [450.0, 500.0]]),
        0.051,
    );
    assert_eq!(found["network"]["pieces_before"], 1);
}

#[test]
fn ends_a_step_apart_are_joined_and_a_gap_is_told_and_joined_only_on_request() {
    let with_gap = |gap: f64| {
        let roads = vec![
            road("村道", "东路", &[[500.0, 0.0], [1_000.0, 0.0]]),
            road("村道", "西路", &[[0.0, 0.0], [500.0 - gap, 0.0]]),
        ];
        county(roads, vec![house("1", 0.0, 0.0, 1, 4)], vec![shelter("广场", 1_000.0, 0.0, Some(10))])
    };
    let mut request = json!({ "zone": zone(&[[-10.0, -10.0, 20.0, 20.0]]) });
    let found = run(&request, &with_gap(0.9)).result;
    near(&found["routes"][0]["length_m"], metres(&[[0.0, 0.0], [1_000.0, 0.0]]), 0.051);
    assert_eq!(found["network"]["gaps"], json!([]));

    let findings = run(&request, &with_gap(12.0));
    let found = &findings.result;
    assert_eq!(found["routes"], json!([]));
    // The longer piece counts as the main network; the house's way is the shorter one, and no event cut it off.
    assert_eq!(found["people"]["not_connected"]["people"], 4);
    assert_eq!(found["people"]["cut_off"]["people"], 0);
    let gap = &found["network"]["gaps"][0];
    near(&gap["gap_m"], 12.0, 0.01);
    assert_eq!((&gap["joined"], &gap["roads"]), (&json!(false), &json!(["东路", "西路"])));
    assert!(said(found, "join_gaps_m") && said(found, "修正道路数据"), "{}", found["notices"]);
    assert_eq!(of_kind(&findings, "gap")[0].lines, [[placed(500.0, 0.0), placed(488.0, 0.0)]]);
    assert_eq!(found["stamp"], Value::Null);

    request["join_gaps_m"] = json!(20.0);
    let found = run(&request, &with_gap(12.0)).result;
    near(&found["routes"][0]["length_m"], metres(&[[0.0, 0.0], [1_000.0, 0.0]]), 0.051);
    assert_eq!((&found["stamp"], &found["network"]["gaps"][0]["joined"]), (&json!("应急参考"), &json!(true)));
    let found = run(&request, &with_gap(60.0)).result;
    assert_eq!(
        (&found["routes"], &found["network"]["gaps_found"]),
        (&json!([]), &json!(0)),
        "beyond what is looked at"
    );
    request["join_gaps_m"] = json!(60.0);
    assert!(refused(&request).contains("join_gaps_m"));
}

/// A straight road from west to east, and a detour around its middle.
fn with_detour() -> Vec<Parcel> {
    vec![
        road("乡道", "直路", &[[0.0, 0.0], [3_000.0, 0.0]]),
        road("乡道", "绕行路", &[[1_000.0, 0.0], [1_000.0, 700.0], [2_000.0, 700.0], [2_000.0, 0.0]]),
    ]
}

#[test]
fn a_route_goes_round_the_zone_and_whoever_is_inside_leaves_by_the_shortest_way() {
    let shelters = vec![shelter("东广场", 3_000.0, 0.0, Some(100))];
    let county = county(with_detour(), vec![house("1", 1_310.0, 5.0, 1, 4)], shelters);
    let mut request = json!({ "zone": zone(&[[1_200.0, -50.0, 600.0, 100.0]]), "from": [degrees(0.0, 0.0)] });
    let found = run(&request, &county).result;
    let round = [[0.0, 0.0], [1_000.0, 0.0], [1_000.0, 700.0], [2_000.0, 700.0], [2_000.0, 0.0], [3_000.0, 0.0]];
    near(&found["routes"][0]["length_m"], metres(&round), 0.051);
    assert_eq!(found["routes"][0]["in_zone_m"], 0.0);
    assert_eq!(found["routes"][0]["roads"], json!(["直路", "绕行路", "直路"]));

    // From inside, 110 m west and round, although straight on to the east it would be shorter.
    request["from"] = json!("zone");
    let findings = run(&request, &county);
    let route = &findings.result["routes"][0];
    let out = [[1_310.0, 0.0], [1_000.0, 0.0], [1_000.0, 700.0], [2_000.0, 700.0], [2_000.0, 0.0], [3_000.0, 0.0]];
    near(&route["length_m"], metres(&out), 0.051);
    near(&route["in_zone_m"], metres(&[[1_310.0, 0.0], [1_200.0, 0.0]]), 0.051);
    near(&route["walk_m"], 5.0, 0.051);
    // 25 km/h on the road, 4 km/h to it.
    near(&route["minutes"], metres(&out) * 0.06 / 25.0 + 5.0 * 0.06 / 4.0, 0.051);
    let left = route["leaves_zone_at"].as_array().unwrap();
    near(&left[0], degrees(1_200.0, 0.0)[0], 1e-6);
    let line = &of_kind(&findings, "route")[0].lines[0];
    assert_eq!((line[0], line[line.len() - 1]), (placed(1_310.0, 0.0), placed(3_000.0, 0.0)));
    // Where it leaves the zone is a point of it too.
    assert_eq!((line.len(), line[1]), (7, placed(1_200.0, 0.0)), "{line:?}");

    // Another speed for all roads.
    request["speed_kmh"] = json!(50.0);
    let faster = run(&request, &county).result;
    near(&faster["routes"][0]["minutes"], metres(&out) * 0.06 / 50.0 + 5.0 * 0.06 / 4.0, 0.051);
    request["on_foot"] = json!(true);
    request["speed_kmh"] = json!(5.0);
    let walked = run(&request, &county).result;
    near(&walked["routes"][0]["minutes"], (metres(&out) + 5.0) * 0.06 / 5.0, 0.051);
}

#[test]
fn whoever_has_left_the_zone_does_not_enter_another_part_of_it() {
    // A small zone round the house and a second one on the direct road.
    let shelters = vec![shelter("东广场", 3_000.0, 0.0, Some(100))];
    let county = county(with_detour(), vec![house("1", 500.0, 0.0, 1, 4)], shelters);
    let both = zone(&[[450.0, -20.0, 100.0, 40.0], [1_490.0, -20.0, 20.0, 40.0]]);
    let found = run(&json!({ "zone": both }), &county).result;
    let round = [[500.0, 0.0], [1_000.0, 0.0], [1_000.0, 700.0], [2_000.0, 700.0], [2_000.0, 0.0], [3_000.0, 0.0]];
    near(&found["routes"][0]["length_m"], metres(&round), 0.051);
    near(&found["routes"][0]["in_zone_m"], metres(&[[500.0, 0.0], [550.0, 0.0]]), 0.051);
}

#[test]
fn cuts_by_point_line_and_area_close_a_road_and_a_cut_that_meets_none_is_told() {
    let round =
        metres(&[[0.0, 0.0], [1_000.0, 0.0], [1_000.0, 700.0], [2_000.0, 700.0], [2_000.0, 0.0], [3_000.0, 0.0]]);
    let county = county(with_detour(), Vec::new(), vec![shelter("东广场", 3_000.0, 0.0, Some(100))]);
    let run_cut = |cut: Value| run(&json!({ "cut": cut, "from": [degrees(0.0, 0.0)] }), &county);
    let straight = metres(&[[0.0, 0.0], [3_000.0, 0.0]]);
    let of = |findings: &Findings| findings.result["routes"][0]["length_m"].clone();
    let point = degrees(1_500.0, 8.0);
    let line = json!([degrees(1_500.0, -30.0), degrees(1_500.0, 30.0)]);
    for (what, cut, length_m) in [
        ("a point by the road", json!([point]), 2.0),
        ("a line across it", json!([line]), 2.0),
        ("an area on it", json!([zone(&[[1_400.0, -9.0, 50.0, 18.0]])]), 50.0),
        ("a box of degrees", json!([[point[0] - 1e-4, point[1] - 1e-4, point[0] + 1e-4, point[1] + 1e-4]]), 19.6),
    ] {
        let findings = run_cut(cut);
        near(&of(&findings), round, 0.051);
        let cut = of_kind(&findings, "cut-road");
        assert_eq!(cut.len(), 1, "{what}");
        near(&cut[0].properties["length_m"], length_m, 0.2);
        near(&findings.result["network"]["cut_km"], length_m / 1_000.0, 0.001);
    }
    // At a junction all its roads are cut: no way at all.
    let findings = run_cut(json!([degrees(1_000.0, 0.0)]));
    assert_eq!(findings.result["routes"], json!([]));
    assert_eq!(of_kind(&findings, "cut-road").len(), 3);
    let findings = run_cut(json!([degrees(1_500.0, 40.0), [degrees(1_500.0, 40.0), degrees(1_600.0, 40.0)]]));
    near(&of(&findings), straight, 0.051);
    assert!(said(&findings.result, "第 1 个断路点") && said(&findings.result, "1 处断路线或断路范围没有碰到道路"));
}

#[test]
fn a_blind_valley_behind_a_cut_is_an_island_with_its_houses_and_everybody_in_it_is_cut_off() {
    let mut roads = with_detour();
    roads.push(road("村道", "沟里", &[[500.0, 0.0], [500.0, -2_000.0]]));
    let houses = vec![
        house("1", 505.0, -600.0, 1, 3),
        house("2", 505.0, -1_500.0, 2, 7),
        house("3", 10.0, 5.0, 1, 5),
        house("4", 500.0, -2_500.0, 1, 1),
    ];
    let county = county(roads, houses, vec![shelter("东广场", 3_000.0, 0.0, Some(100))]);
    let findings = run(&json!({ "zone": zone(&[[400.0, -700.0, 200.0, 300.0]]) }), &county);
    let found = &findings.result;
    // The house inside leaves towards the main road; the valley behind is cut off; the house far from any road is neither.
    assert_eq!(found["people"]["assigned"], json!({ "houses": 1, "households": 1, "people": 3 }));
    assert_eq!(found["cut_off"]["total"], json!({ "houses": 1, "households": 2, "people": 7 }));
    let row = &found["cut_off"]["rows"][0];
    assert_eq!((&row["villages"], &row["in_zone"]), (&json!(["样例村"]), &json!(false)));
    near(&row["roads_km"], 1.3, 0.001);
    assert_eq!(of_kind(&findings, "island").len(), 1);
    let cut_off = of_kind(&findings, "cut-off");
    assert_eq!(cut_off.iter().map(|patch| patch.properties["number"].as_str().unwrap()).collect::<Vec<_>>(), ["2"]);
    assert_eq!(cut_off[0].polygons.len(), 1);

    // With the mouth of the valley closed, nobody inside gets out.
    let request = json!({ "zone": zone(&[[400.0, -2_100.0, 200.0, 2_000.0]]), "cut": [degrees(500.0, -50.0)] });
    let findings = run(&request, &county);
    let found = &findings.result;
    assert_eq!(found["people"]["to_move"], json!({ "houses": 2, "households": 3, "people": 10 }));
    assert_eq!(found["people"]["cut_off"], found["people"]["to_move"]);
    assert_eq!(found["routes"], json!([]));
    assert_eq!(
        (&found["cut_off"]["total"]["people"], &found["cut_off"]["rows"][0]["people_in_zone"]),
        (&json!(10), &json!(10))
    );
    assert_eq!(of_kind(&findings, "cut-off").len(), 2);
}

#[test]
fn a_road_that_leads_out_of_the_area_or_to_the_main_network_leaves_nobody_cut_off() {
    let roads = vec![road("乡道", "长路", &[[0.0, 0.0], [9_000.0, 0.0]])];
    let houses = vec![house("1", 200.0, 5.0, 1, 3), house("2", 4_000.0, 5.0, 1, 2)];
    let mut county = county(roads, houses, Vec::new());
    let [west, south] = degrees(-100.0, -1_000.0);
    let [east, north] = degrees(5_000.0, 1_000.0);
    let mut request = json!({ "zone": zone(&[[1_000.0, -10.0, 100.0, 20.0]]), "within": [west, south, east, north] });
    // The east is the longer piece; the west ends inside the area.
    let found = run(&request, &county).result;
    assert_eq!(found["cut_off"]["total"]["people"], 3);
    request["within"] = json!([degrees(100.0, 0.0)[0], south, east, north]);
    let found = run(&request, &county).result;
    assert_eq!(found["cut_off"]["total"]["people"], 0, "the road leaves the area in the west too");
    // A shelter on the small piece is enough as well.
    county.shelters = Some(vec![shelter("村部", 500.0, 0.0, Some(1))]);
    request["within"] = json!([west, south, east, north]);
    assert_eq!(run(&request, &county).result["cut_off"]["total"]["people"], 0);
}

/// Side lanes with a house at each end, off a straight road with shelters; every house has its own route.
fn comb(houses: &[(f64, u32, u32)], shelters: &[(f64, u32)]) -> (County, Value) {
    let mut roads = vec![road("乡道", "干路", &[[0.0, 0.0], [5_000.0, 0.0]])];
    let mut register = Vec::new();
    for (index, (x, households, people)) in houses.iter().enumerate() {
        roads.push(road("乡道", &format!("巷{index}"), &[[*x, 0.0], [*x, 200.0]]));
        register.push(house(&index.to_string(), *x, 200.0, *households, *people));
    }
    let shelters = shelters.iter().enumerate().map(|(i, (x, room))| shelter(&format!("场所{i}"), *x, 0.0, Some(*room)));
    (county(roads, register, shelters.collect()), json!({ "zone": zone(&[[-10.0, 100.0, 5_020.0, 200.0]]) }))
}

#[test]
fn the_assignment_has_the_least_time_of_all_that_place_as_many() {
    let places = [(100.0, 2), (1_700.0, 1), (4_100.0, 3)];
    for seed in 0..12_u64 {
        let mut dice = Dice(seed * 77 + 5);
        let houses: Vec<(f64, u32, u32)> = (0..7).map(|_| (dice.between(20.0, 4_980.0), 1, 1)).collect();
        let (county, request) = comb(&houses, &places);
        let found = run(&request, &county).result;
        // Every way of sending seven people to three shelters or nowhere.
        let mut best = (usize::MAX, f64::INFINITY);
        for code in 0..4_usize.pow(7) {
            let mut room = [2, 1, 3, 7];
            let (mut without, mut minutes, mut fits) = (0, 0.0, true);
            for (index, (x, ..)) in houses.iter().enumerate() {
                let place = code / 4_usize.pow(index as u32) % 4;
                fits &= room[place] > 0;
                room[place] -= usize::from(room[place] > 0);
                if place == 3 {
                    without += 1;
                } else {
                    minutes += metres(&[[*x, 200.0], [*x, 0.0], [places[place].0, 0.0]]) * 0.06 / 25.0;
                }
            }
            if fits && (without < best.0 || (without == best.0 && minutes < best.1)) {
                best = (without, minutes);
            }
        }
        let routes = found["routes"].as_array().unwrap();
        assert_eq!(routes.len(), 6, "one of seven has no place");
        assert_eq!(found["people"]["without_place"]["people"], best.0);
        let sum = routes.iter().map(|route| route["minutes"].as_f64().unwrap()).sum::<f64>();
        assert!((sum - best.1).abs() < 0.05 * 6.0 + 1e-6, "{sum} is not {}: {houses:?}", best.1);
        let length: f64 = routes.iter().map(|route| route["length_m"].as_f64().unwrap()).sum();
        assert!((length - best.1 * 25.0 / 0.06).abs() < 0.4, "{length}: {houses:?}");
    }
}

#[test]
fn shelters_fill_up_families_stay_together_and_who_has_no_place_is_counted() {
    // The nearer shelter has room for five, the further one for a hundred.
    let (county, request) = comb(&[(1_000.0, 1, 4), (1_100.0, 1, 4), (1_200.0, 1, 4)], &[(1_000.0, 5), (3_000.0, 100)]);
    let found = run(&request, &county).result;
    assert_eq!(found["people"]["assigned"], json!({ "houses": 3, "households": 3, "people": 12 }));
    assert_eq!((&found["shelters"][0]["assigned"], &found["shelters"][1]["assigned"]), (&json!(4), &json!(8)));
    assert_eq!((&found["shelters"][0]["free"], &found["split_households"]), (&json!(1), &json!(0)));
    // An apartment house of ten households of three goes to two shelters, household by household.
    let (county, request) = comb(&[(1_000.0, 10, 30)], &[(900.0, 10), (3_000.0, 25)]);
    let found = run(&request, &county).result;
    assert_eq!((&found["shelters"][0]["assigned"], &found["shelters"][0]["households"]), (&json!(9), &json!(3)));
    assert_eq!((&found["shelters"][1]["assigned"], &found["shelters"][1]["households"]), (&json!(21), &json!(7)));
    // Not room for all, and the last household does not fit as a whole.
    let (county, request) = comb(&[(1_000.0, 10, 30)], &[(900.0, 10), (3_000.0, 12)]);
    let findings = run(&request, &county);
    let found = &findings.result;
    assert_eq!(found["people"]["assigned"]["people"], 22);
    assert_eq!(found["people"]["without_place"]["full"]["people"], 8);
    assert_eq!(found["split_households"], 1);
    assert!(said(found, "避难场所容量不足：8 人"));
    assert_eq!(of_kind(&findings, "shelter").len(), 2);
}

#[test]
fn a_shelter_in_the_zone_without_capacity_or_without_a_road_takes_nobody() {
    let (mut county, request) = comb(&[(1_000.0, 1, 4)], &[(4_000.0, 100)]);
    let more = [
        shelter("险区内", 2_000.0, 150.0, Some(99)),
        shelter("未登记", 1_000.0, 0.0, None),
        shelter("山上", 1_500.0, -900.0, Some(9)),
    ];
    county.shelters.as_mut().unwrap().extend(more);
    let found = run(&request, &county).result;
    let states: Vec<&str> =
        found["shelters"].as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["used", "in-zone", "no-capacity", "no-road-access"]);
    // With no usable one left, people get out to no shelter.
    county.shelters.as_mut().unwrap().remove(0);
    let found = run(&request, &county).result;
    assert_eq!(found["people"]["without_place"]["no_shelter_reached"]["people"], 4);
    assert!(said(&found, "到不了任何可用的避难场所"));
}

#[test]
fn what_is_missing_is_said_and_counts_nobody_as_nought() {
    let (whole, request) = comb(&[(1_000.0, 1, 4)], &[(4_000.0, 100)]);
    let missing = |county: &County| {
        let found = run(&request, county).result;
        let rows = found["missing"].as_array().unwrap();
        let roles: Vec<String> = rows.iter().map(|row| row["register"].as_str().unwrap().to_owned()).collect();
        assert_eq!(found["complete"], json!(roles.is_empty()));
        (roles.join(","), found)
    };
    assert_eq!(missing(&whole).0, "");
    for roads in [None, Some(Vec::new())] {
        let (roles, found) = missing(&County { roads, ..whole.clone() });
        assert_eq!((roles.as_str(), &found["people"]["not_worked_out"]["people"]), ("roads", &json!(4)));
        assert_eq!(found["people"]["cut_off"]["people"], 0);
    }
    let (roles, found) = missing(&County { shelters: None, ..whole.clone() });
    assert_eq!((roles.as_str(), &found["people"]["not_worked_out"]["people"]), ("shelters", &json!(4)));
    let (roles, found) = missing(&County { houses: None, ..whole.clone() });
    assert_eq!((roles.as_str(), &found["people"], &found["zone"]["inside"]), ("houses", &Value::Null, &Value::Null));
    // Of two houses, 290 m from a road and 800 m.
    let mut far = whole;
    far.houses.as_mut().unwrap().push(house("far", 1_500.0, 290.0, 1, 2));
    let mut wide = request.clone();
    wide["zone"] = zone(&[[-10.0, 100.0, 5_020.0, 900.0]]);
    far.houses.as_mut().unwrap().push(house("further", 3_000.0, 800.0, 0, 6));
    let found = run(&wide, &far).result;
    assert_eq!(found["people"]["no_road_access"]["people"], 6);
    assert!(said(&found, "300 米内没有可通行的道路"));
}

#[test]
fn bad_requests_are_refused_by_name() {
    let bow = json!({ "crs": "EPSG:4546", "parcels": [{ "name": "滑坡区", "polygons": [[
        [placed(0.0, 0.0), placed(100.0, 100.0), placed(100.0, 0.0), placed(0.0, 100.0)]
    ]] }] });
    let refusal = refused(&json!({ "zone": bow }));
    assert!(refusal.contains("危险区 zone") && refusal.contains("滑坡区") && refusal.contains("自相交"), "{refusal}");
    assert!(refused(&json!({ "cut": [bow] })).contains("第 1 处断路"));
    assert!(refused(&json!({})).contains("断路位置 cut"));
    let good = zone(&[[0.0, 0.0, 9.0, 9.0]]);
    for (key, value, said) in [
        ("zone", json!([1, 2]), "zone"),
        ("speed_kmh", json!(0.0), "speed_kmh"),
        ("speed_kmh", json!("fast"), "无法读取"),
        ("from", json!([]), "起点 from"),
        ("from", json!([[400.0, 28.0]]), "第 1 个起点"),
        ("from", json!("houses"), "起点 from"),
        ("cut", json!([[[109.0, 28.0]]]), "两个点"),
        ("cut", json!([[109.0, 99.0]]), "第 1 处断路"),
        ("within", json!([1.0]), "within"),
        ("registers", json!(3), "registers"),
    ] {
        let mut request = json!({ "zone": good });
        request[key] = value;
        let refusal = refused(&request);
        assert!(refusal.contains(said), "{key}: {refusal}");
    }
    let wanted = (analysis("evacuation").unwrap().wanted)(&json!({ "zone": good }), &RuleBook::shipped()).unwrap();
    assert_eq!(wanted.layers.iter().map(|l| l.role.as_str()).collect::<Vec<_>>(), ["houses", "roads", "shelters"]);
    let [west, .., north] = wanted.bounds_lon_lat_deg.unwrap();
    near(&json!(geodesic_m([west, north], degrees(0.0, 9.0))), 14_142.0, 60.0);
}

#[derive(Debug)]
struct Gone;

impl Watch for Gone {
    fn progress(&self, _done: f64, _doing: &str) {}
    fn cancelled(&self) -> bool {
        true
    }
}

#[test]
fn nobody_waiting_ends_it() {
    let (county, request) = comb(&[(1_000.0, 1, 4)], &[(4_000.0, 100)]);
    assert!(matches!(run_watched(&request, &county, &Gone), Err(AnalysisError::Cancelled)));
}
