//! Who and what is exposed: counts against a plain count with geo, run-outs against the geometry of inclined planes, classes at
//! every boundary of their tables, and nothing counted as nought that was never looked at.

use std::collections::BTreeMap;

use analysis::mechanism::{NoRasters, RuleDocument, Unwatched};
use analysis::{AnalysisError, Findings, LoadedLayer, Parcel, ParcelLayer, Polygon, RuleBook, Surface, Task, analysis};
use geo::{Area as _, BooleanOps as _, Buffer as _, Centroid as _, Contains as _, Euclidean, Length as _};
use geodesy::{Crs, Transform, distance::geodesic_m};
use proptest::prelude::*;
use serde_json::{Value, json};

mod run_outs;

const EAST: f64 = 375_000.0;
const NORTH: f64 = 3_134_000.0;

fn plane() -> Crs {
    Crs::from_epsg(4546).unwrap()
}

fn at([x, y]: [f64; 2]) -> [f64; 2] {
    [EAST + x, NORTH + y]
}

/// A ring from places by the corner.
fn ring(places: &[[f64; 2]]) -> Vec<[f64; 2]> {
    places.iter().map(|place| at(*place)).collect()
}

fn rectangle([x, y]: [f64; 2], [width, height]: [f64; 2]) -> Vec<[f64; 2]> {
    ring(&[[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
}

fn degrees(places: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut places: Vec<[f64; 2]> = places.iter().map(|place| at(*place)).collect();
    Transform::new(&plane(), &Crs::cgcs2000()).unwrap().points(&mut places).unwrap();
    places
}

fn layer(dataset: &str, parcels: Vec<Parcel>) -> (String, LoadedLayer) {
    let loaded = LoadedLayer {
        dataset: dataset.to_owned(),
        revision: "r1".to_owned(),
        title: dataset.to_owned(),
        valid_from: "2022-10-01T00:00:00Z".to_owned(),
        bounds_lon_lat_deg: [109.0, 28.0, 110.0, 29.0],
        repairs: Vec::new(),
        layer: ParcelLayer {
            source: format!("{dataset}@r1"),
            code_system: "unknown".to_owned(),
            crs: plane(),
            parcels,
        },
    };
    (dataset.to_owned(), loaded)
}

fn parcel(id: usize, attributes: Value) -> Parcel {
    let attributes = attributes.as_object().cloned().unwrap();
    Parcel { id: id.to_string(), attributes, ..Parcel::default() }
}

fn house(id: usize, exterior: Vec<[f64; 2]>, purpose: &str, people: u64) -> Parcel {
    let attributes = json!({
        "FWBH": format!("F{id:04}"), "FWYT": purpose, "CS": 1 + id % 3, "HS": people.div_ceil(4), "RKS": people,
        "HZXM": "欧阳样例", "LXDH": format!("100000{id:05}"), "CUN": format!("村{}", id % 3), "ZDMJ": 100.0, "JG": "砖混",
    });
    Parcel { polygons: vec![Polygon { exterior, holes: vec![] }], ..parcel(id, attributes) }
}

fn road(id: usize, line: Vec<[f64; 2]>, class: &str) -> Parcel {
    let attributes = json!({ "DLBH": format!("D{id}"), "DLMC": format!("路{id}"), "DLDJ": class, "KD": 6.0 });
    Parcel { lines: vec![line], ..parcel(id, attributes) }
}

type Layers = Vec<(String, LoadedLayer)>;

fn run_with(
    rules: &RuleBook,
    request: &Value,
    layers: Layers,
    ground: Option<&dyn Surface>,
) -> Result<Findings, AnalysisError> {
    let found = analysis("exposure").unwrap();
    let wanted = (found.wanted)(request, rules)?;
    let layers: BTreeMap<String, LoadedLayer> = layers.into_iter().collect();
    for role in layers.keys() {
        assert!(wanted.layers.iter().any(|layer| layer.role == *role), "{role} is given and not wanted");
    }
    let surfaces: BTreeMap<String, &dyn Surface> =
        ground.into_iter().map(|ground| ("ground".to_owned(), ground)).collect();
    assert_eq!(wanted.surfaces.len(), surfaces.len());
    (found.run)(&Task {
        request,
        rules,
        plane: &plane(),
        layers: &layers,
        surfaces: &surfaces,
        watch: &Unwatched,
        rasters: &NoRasters,
    })
}

fn run(request: &Value, layers: Layers) -> Result<Findings, AnalysisError> {
    run_with(&RuleBook::shipped(), request, layers, None)
}

/// A request for polygons, each with its holes.
fn drawn(polygons: &[Vec<Vec<[f64; 2]>>]) -> Value {
    json!({ "area": { "polygon": { "crs": "EPSG:4546", "parcels": [{ "name": "范围", "polygons": polygons }] } } })
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("a number: {value}"))
}

fn refusal(result: Result<Findings, AnalysisError>) -> String {
    result.expect_err("refused").to_string()
}

/// The same shape for geo, by the corner, where numbers are small.
fn geo_ring(ring: &[[f64; 2]]) -> geo::LineString<f64> {
    ring.iter().map(|p| (p[0] - EAST, p[1] - NORTH)).collect()
}

fn geo_polygon(rings: &[Vec<[f64; 2]>]) -> geo::Polygon<f64> {
    geo::Polygon::new(geo_ring(&rings[0]), rings[1..].iter().map(|ring| geo_ring(ring)).collect())
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: f64) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64 * bound
    }
}

const USES: [&str; 3] = ["农村住宅", "公共服务", "商业服务"];
const CLASSES: [&str; 2] = ["县道", "村道"];

/// Houses turned every way on a square kilometre, some in the shape of an L.
fn village(count: usize) -> Vec<Parcel> {
    let mut dice = Dice(7);
    (0..count)
        .map(|id| {
            let (x, y, turn) = (dice.below(1_000.0), dice.below(1_000.0), dice.below(6.3));
            let [w, h] = [6.0 + dice.below(14.0), 5.0 + dice.below(8.0)];
            let corners: &[[f64; 2]] = if id % 4 == 0 {
                &[[0.0, 0.0], [w, 0.0], [w, h / 2.0], [w / 2.0, h / 2.0], [w / 2.0, h], [0.0, h]]
            } else {
                &[[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]]
            };
            let turned = |[u, v]: &[f64; 2]| [x + u * turn.cos() - v * turn.sin(), y + u * turn.sin() + v * turn.cos()];
            let places: Vec<[f64; 2]> = corners.iter().map(turned).collect();
            house(id, ring(&places), USES[id % 3], dice.below(9.0) as u64)
        })
        .collect()
}

fn network(count: usize) -> Vec<Parcel> {
    let mut dice = Dice(11);
    (0..count)
        .map(|id| {
            let line: Vec<[f64; 2]> = (0..12).map(|_| [dice.below(1_000.0), dice.below(1_000.0)]).collect();
            road(id, ring(&line), CLASSES[id % 2])
        })
        .collect()
}

/// Not convex, with a hole that houses and roads lie in.
fn threatened() -> Vec<Vec<[f64; 2]>> {
    vec![
        ring(&[[120.0, 80.0], [910.0, 160.0], [700.0, 480.0], [930.0, 900.0], [400.0, 700.0], [90.0, 870.0]]),
        ring(&[[300.0, 300.0], [520.0, 260.0], [560.0, 520.0], [280.0, 560.0]]),
    ]
}

#[test]
fn buildings_people_and_roads_are_those_of_a_plain_count() {
    let (houses, roads, area) = (village(3_000), network(40), threatened());
    let findings =
        run(&drawn(std::slice::from_ref(&area)), vec![layer("houses", houses.clone()), layer("roads", roads.clone())])
            .unwrap();
    let own = geo_polygon(&area);
    let mut count = [0.0; 6];
    let mut shares: BTreeMap<String, f64> = BTreeMap::new();
    let mut uses: BTreeMap<&str, [f64; 3]> = BTreeMap::new();
    for house in &houses {
        let footprint = geo_polygon(std::slice::from_ref(&house.polygons[0].exterior));
        let shared_m2 = own.intersection(&footprint).unsigned_area();
        if shared_m2 < 1e-4 {
            continue;
        }
        let of = |field: &str| house.attributes[field].as_f64().unwrap();
        let inside = f64::from(own.contains(&footprint.centroid().unwrap()));
        for (sum, part) in
            count.iter_mut().zip([1.0, of("HS"), of("RKS"), inside, inside * of("RKS"), 100.0 * of("CS")])
        {
            *sum += part;
        }
        let purpose = uses.entry(house.attributes["FWYT"].as_str().unwrap()).or_default();
        *purpose = [purpose[0] + 1.0, purpose[1] + of("RKS"), purpose[2] + 100.0 * of("CS")];
        shares.insert(house.id.clone(), shared_m2 / footprint.unsigned_area());
    }
    let found = &findings.result["houses"];
    assert!(shares.len() > 500 && shares.values().any(|share| *share < 0.9), "a good part is cut");
    let stated = [
        &found["buildings"],
        &found["households"],
        &found["people"],
        &found["centre_inside"]["buildings"],
        &found["centre_inside"]["people"],
        &found["floor_m2"],
    ];
    assert_eq!(stated.map(number), count);
    let by_use = found["by_use"].as_array().unwrap();
    assert_eq!(by_use.len(), uses.len());
    for row in by_use {
        let stated = [&row["buildings"], &row["people"], &row["floor_m2"]].map(number);
        assert_eq!(stated, uses[row["use"].as_str().unwrap()], "{row}");
    }
    let places: Vec<_> = findings.patches.iter().filter(|patch| patch.properties["kind"] == "building").collect();
    assert_eq!(places.len(), shares.len());
    for place in places {
        let share = shares[place.id.strip_prefix("building-").unwrap()];
        assert!((number(&place.properties["share"]) - share).abs() < 6e-5, "{}: {share}", place.id);
    }
    // Roads, cut by geo.
    let to_degrees = Transform::new(&plane(), &Crs::cgcs2000()).unwrap();
    let mut lengths: BTreeMap<&str, [f64; 2]> = BTreeMap::new();
    for road in &roads {
        let line = geo::MultiLineString::new(vec![geo_ring(&road.lines[0])]);
        for piece in own.clip(&line, false) {
            let mut places: Vec<[f64; 2]> = piece.coords().map(|c| at([c.x, c.y])).collect();
            to_degrees.points(&mut places).unwrap();
            let sum = lengths.entry(road.attributes["DLDJ"].as_str().unwrap()).or_default();
            sum[0] += Euclidean.length(&piece);
            sum[1] += places.windows(2).map(|edge| geodesic_m(edge[0], edge[1])).sum::<f64>();
        }
    }
    let by_class = findings.result["roads"]["by_class"].as_array().unwrap();
    assert_eq!(by_class.len(), lengths.len());
    let mut whole_m = 0.0;
    for row in by_class {
        let [plane_m, ellipsoidal_m] = lengths[row["class"].as_str().unwrap()];
        assert!(plane_m > 10_000.0);
        assert!((number(&row["plane_km"]) - plane_m / 1e3).abs() < 2e-4, "{row} {plane_m}");
        assert!((number(&row["ellipsoidal_km"]) - ellipsoidal_m / 1e3).abs() < 2e-4, "{row} {ellipsoidal_m}");
        assert_ne!(row["plane_km"], row["ellipsoidal_km"], "they differ here by 400 ppm");
        whole_m += plane_m;
    }
    let drawn_m: f64 = findings
        .patches
        .iter()
        .filter(|patch| patch.properties["kind"] == "road")
        .map(|patch| Euclidean.length(&geo_ring(&patch.lines[0])))
        .sum();
    assert!((drawn_m - whole_m).abs() < 0.01, "{drawn_m} {whole_m}");
    assert_eq!(findings.result["places"]["buildings"], json!({ "of": shares.len(), "shown": shares.len() }));
    let area_m2 = number(&findings.result["area"]["plane_m2"]);
    assert!((area_m2 - own.unsigned_area()).abs() < 0.01);
    assert_eq!(findings.patches[0].properties["kind"], "exposed-area");
    assert_eq!(findings.patches[0].properties["estimate"], false);
}

#[test]
fn facilities_and_shelters_inside_are_named_and_shelters_cannot_be_used() {
    let point =
        |id: usize, place: [f64; 2], attributes: Value| Parcel { points: vec![at(place)], ..parcel(id, attributes) };
    let poi = |id, place, name: &str, kind: &str| point(id, place, json!({ "name": name, "type": kind }));
    let facilities = vec![
        poi(1, [150.0, 150.0], "一小", "小学"),
        poi(2, [400.0, 400.0], "二小", "小学"),
        poi(3, [160.0, 200.0], "便利店", "便利店"),
        poi(4, [170.0, 210.0], "卫生室", "卫生室"),
    ];
    let shelter =
        |id, place, room: Value| point(id, place, json!({ "BNCSMC": format!("所{id}"), "LX": "广场", "RNRS": room }));
    let shelters = vec![
        shelter(1, [200.0, 200.0], json!(350)),
        shelter(2, [400.0, 420.0], json!(800)),
        shelter(3, [210.0, 200.0], Value::Null),
    ];
    let request = drawn(&[threatened()]);
    let result = run(&request, vec![layer("facilities", facilities), layer("shelters", shelters)]).unwrap().result;
    assert_eq!(
        result["facilities"],
        json!({ "count": 2, "by_kind": [
            { "kind": "卫生室", "count": 1, "named": [{ "id": "4", "name": "卫生室" }] },
            { "kind": "小学", "count": 1, "named": [{ "id": "1", "name": "一小" }] },
        ] })
    );
    let shelters = &result["shelters"];
    assert_eq!(
        (&shelters["unusable"], &shelters["capacity_lost"], &shelters["without_capacity_figure"]),
        (&json!(2), &json!(350), &json!(1))
    );
    assert_eq!(shelters["rows"][0]["usable"], false);
}

#[test]
fn farmland_and_plan_zones_have_the_areas_of_geo() {
    let shape = |id: usize, exterior: Vec<[f64; 2]>, attributes: Value| Parcel {
        polygons: vec![Polygon { exterior, holes: vec![] }],
        ..parcel(id, attributes)
    };
    let farmland = vec![
        shape(1, rectangle([0.0, 0.0], [500.0, 450.0]), json!({})),
        shape(2, rectangle([600.0, 600.0], [900.0, 900.0]), json!({})),
        shape(3, rectangle([5_000.0, 600.0], [10.0, 10.0]), json!({})),
    ];
    let zones = vec![
        shape(1, rectangle([-100.0, -100.0], [600.0, 1_200.0]), json!({ "GHFQDM": "100", "GHFQMC": "农田保护区" })),
        shape(2, rectangle([500.0, -100.0], [600.0, 1_200.0]), json!({ "GHFQDM": "400", "GHFQMC": "城镇发展区" })),
    ];
    let point = Parcel { points: vec![at([200.0, 200.0])], ..parcel(1, json!({ "yhdmc": "样例滑坡" })) };
    let area = threatened();
    let layers = vec![
        layer("farmland", farmland.clone()),
        layer("plan-zones", zones.clone()),
        layer("hazard-points", vec![point]),
    ];
    let result = run(&drawn(std::slice::from_ref(&area)), layers).unwrap().result;
    let own = geo_polygon(&area);
    let shared = |parcels: &[Parcel]| -> f64 {
        parcels.iter().map(|p| own.intersection(&geo_polygon(&[p.polygons[0].exterior.clone()])).unsigned_area()).sum()
    };
    let lines = result["control_lines"].as_array().unwrap();
    let line = |rule: &str| lines.iter().find(|line| line["rule"] == rule).unwrap_or_else(|| panic!("{rule}"));
    let row = line("farmland");
    assert!((number(&row["plane_m2"]) - shared(&farmland)).abs() < 0.01, "{row}");
    assert_eq!(row["features"], 2);
    let scale = number(&row["ellipsoidal_m2"]) / number(&row["plane_m2"]) - 1.0;
    assert!((-5e-4..-3e-4).contains(&scale), "the plane is some 400 ppm too large here: {scale}");
    let row = line("plan-zones");
    assert!((number(&row["plane_m2"]) - own.unsigned_area()).abs() < 0.01);
    let parts = row["by_class"].as_array().unwrap();
    assert_eq!((parts.len(), &parts[0]["class_name"]), (2, &json!("农田保护区")));
    for (part, zone) in parts.iter().zip(&zones) {
        assert!((number(&part["plane_m2"]) - shared(std::slice::from_ref(zone))).abs() < 0.02, "{part}");
    }
    let row = line("hazard-point");
    assert_eq!((&row["features"], &row["names"]), (&json!(1), &json!(["样例滑坡"])));
    assert!(row.get("plane_m2").is_none(), "points have no area");
    let unchecked = result["not_checked"].as_array().unwrap();
    assert!(unchecked.iter().any(|line| line["rule"] == "ecological-red-line"), "{unchecked:?}");
    let rules = RuleBook::shipped().document("control-lines").unwrap().text.matches("\n[[line]]").count();
    assert_eq!(lines.len() + unchecked.len(), rules, "every line of the rules is said");
    assert_eq!(result["complete"], false);
}

#[test]
fn a_buffer_is_a_circle_round_a_point_and_the_buffer_of_geo_round_a_line_or_an_area() {
    let area = |of: Value, distance_m: f64| {
        let request = json!({ "area": { "buffer": { "of": of, "distance_m": distance_m } } });
        run(&request, vec![]).unwrap()
    };
    let close = |found: &Findings, expected_m2: f64| {
        let found_m2 = number(&found.result["area"]["plane_m2"]);
        // Drawn from outside: never smaller, and at most 2 % larger.
        assert!((0.9999..1.02).contains(&(found_m2 / expected_m2)), "{found_m2} {expected_m2}");
    };
    let circle = area(json!({ "points": degrees(&[[500.0, 500.0]]) }), 100.0);
    close(&circle, std::f64::consts::PI * 10_000.0);
    assert_eq!(circle.result["area"]["distance_m"], 100.0);
    let line = [[100.0, 100.0], [600.0, 200.0], [500.0, 700.0], [450.0, 150.0]];
    let by_geo = geo_ring(&ring(&line)).buffer(60.0).unsigned_area();
    close(&area(json!({ "lines": [degrees(&line)] }), 60.0), by_geo);
    let drawn = json!({ "crs": "EPSG:4546", "parcels": [{ "name": "a", "polygons": [threatened()] }] });
    close(&area(json!({ "area": drawn }), 40.0), geo_polygon(&threatened()).buffer(40.0).unsigned_area());
    let houses = vec![
        house(1, rectangle([590.0, 500.0], [20.0, 10.0]), USES[0], 3),
        house(2, rectangle([610.0, 500.0], [20.0, 10.0]), USES[0], 5),
    ];
    let request =
        json!({ "area": { "buffer": { "of": { "points": degrees(&[[500.0, 500.0]]) }, "distance_m": 100.0 } } });
    assert_eq!(run(&request, vec![layer("houses", houses)]).unwrap().result["houses"]["people"], 3);
}

fn edited(from: &str, to: &str) -> RuleBook {
    let mut book = RuleBook::shipped();
    let text = book.document("exposure").unwrap().text.clone();
    assert!(text.contains(from), "{from}");
    let document =
        RuleDocument { name: "exposure".to_owned(), version: "县-1".to_owned(), text: text.replace(from, to) };
    analysis::mechanism::check_rule(&document).unwrap();
    book.put(document);
    book
}

#[test]
fn danger_and_disaster_are_graded_at_every_boundary_and_never_mixed() {
    let graded = |people: u64, more: Value| {
        let mut request = drawn(&[threatened()]);
        request.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        let houses = vec![house(1, rectangle([150.0, 150.0], [10.0, 10.0]), USES[0], people)];
        run(&request, vec![layer("houses", houses)]).unwrap().result
    };
    for (people, class) in
        [(0, "小型"), (99, "小型"), (100, "中型"), (499, "中型"), (500, "大型"), (999, "大型"), (1_000, "特大型")]
    {
        let danger = &graded(people, json!({}))["danger"];
        assert_eq!((&danger["class"], &danger["decided_by"]), (&json!(class), &json!("people")), "{people}");
        assert_eq!(danger["by_loss"], Value::Null, "nobody said what may be lost");
    }
    for (loss, class) in [
        (499.99, "小型"),
        (500.0, "中型"),
        (4_999.99, "中型"),
        (5_000.0, "大型"),
        (9_999.99, "大型"),
        (10_000.0, "特大型"),
    ] {
        let result = graded(76, json!({ "loss_wan_yuan": loss }));
        assert_eq!(
            (&result["danger"]["class"], &result["danger"]["by_people"]),
            (&json!(class), &json!("小型")),
            "{loss}"
        );
        assert_eq!(result["loss"]["basis"], "given");
        assert_eq!(result["disaster"], Value::Null, "what is threatened did no damage yet");
    }
    for (deaths, class) in
        [(0, "小型"), (2, "小型"), (3, "中型"), (9, "中型"), (10, "大型"), (29, "大型"), (30, "特大型")]
    {
        let result = graded(2_000, json!({ "deaths": deaths }));
        assert_eq!(result["disaster"]["class"], class, "{deaths}");
        assert_eq!(result["danger"]["class"], "特大型");
    }
    for (loss, class) in
        [(99.99, "小型"), (100.0, "中型"), (499.99, "中型"), (500.0, "大型"), (999.99, "大型"), (1_000.0, "特大型")]
    {
        let result = graded(1, json!({ "deaths": 0, "direct_loss_wan_yuan": loss }));
        assert_eq!(
            (&result["disaster"]["class"], &result["disaster"]["by_people"]),
            (&json!(class), &json!("小型")),
            "{loss}"
        );
        assert_eq!(result["danger"]["class"], "小型");
    }
    for bad in [
        json!({ "loss_wan_yuan": -1 }),
        json!({ "deaths": 0.5 }),
        json!({ "direct_loss_wan_yuan": "多" }),
        json!({ "hazard": 3 }),
    ] {
        let mut request = drawn(&[threatened()]);
        request.as_object_mut().unwrap().extend(bad.as_object().cloned().unwrap());
        assert!(run(&request, vec![]).is_err(), "{bad}");
    }
}

#[test]
fn loss_is_estimated_where_the_rules_put_a_value_on_floors() {
    let rules = edited("use = \"农村住宅\"\nwan_yuan_per_m2 = 0.0", "use = \"农村住宅\"\nwan_yuan_per_m2 = 0.2");
    let of = |rules: &RuleBook, uses: &[&str]| {
        let houses = uses
            .iter()
            .enumerate()
            .map(|(id, purpose)| house(id, rectangle([150.0 + 20.0 * id as f64, 150.0], [10.0, 10.0]), purpose, 1));
        run_with(rules, &drawn(&[threatened()]), vec![layer("houses", houses.collect())], None).unwrap().result["loss"]
            .clone()
    };
    // One storey and two, 100 m² each.
    let loss = of(&rules, &[USES[0], USES[0]]);
    assert_eq!(
        (&loss["wan_yuan"], &loss["basis"], &loss["complete"]),
        (&json!(60.0), &json!("estimate"), &json!(true))
    );
    assert!(loss["basis_zh"].as_str().unwrap().contains("估算"));
    let loss = of(&rules, &[USES[0], USES[1]]);
    assert_eq!((&loss["wan_yuan"], &loss["complete"]), (&json!(20.0), &json!(false)));
    assert!(loss["basis_zh"].as_str().unwrap().contains("不低于"));
    let loss = of(&RuleBook::shipped(), &[USES[0]]);
    assert_eq!((&loss["wan_yuan"], &loss["basis"]), (&Value::Null, &json!("unknown")), "0 in the rules is unknown");
}

#[test]
fn what_was_not_looked_at_is_missing_and_not_nought() {
    let result = run(&drawn(&[threatened()]), vec![]).unwrap().result;
    for register in ["houses", "roads", "facilities", "shelters"] {
        assert_eq!(result[register], Value::Null, "{register}");
        let missing = result["missing"].as_array().unwrap();
        assert!(
            missing
                .iter()
                .any(|row| row["register"] == register && row["reason_zh"].as_str().unwrap().contains("不是没有"))
        );
    }
    assert_eq!((&result["danger"]["class"], &result["danger"]["people"]), (&Value::Null, &Value::Null));
    assert_eq!(result["household_list"], Value::Null);
    // A register of another county, and one that ends in the middle of the area.
    let beside = |bounds: [f64; 4]| {
        let mut houses = layer("houses", vec![house(1, rectangle([150.0, 150.0], [10.0, 10.0]), USES[0], 7)]);
        houses.1.bounds_lon_lat_deg = bounds;
        run(&drawn(&[threatened()]), vec![houses]).unwrap().result
    };
    let far = beside([113.0, 23.0, 114.0, 24.0]);
    assert_eq!(far["houses"], Value::Null);
    assert!(far["missing"][0]["reason_zh"].as_str().unwrap().contains("不含此处"), "{}", far["missing"]);
    let middle = degrees(&[[500.0, 500.0]])[0];
    let part = beside([109.0, 28.0, middle[0], 29.0]);
    assert_eq!((&part["houses"]["people"], &part["partly_covered"][0]["register"]), (&json!(7), &json!("houses")));
    // Registers that say nothing of people.
    let mut silent = house(1, rectangle([150.0, 150.0], [10.0, 10.0]), USES[0], 7);
    silent.attributes.insert("RKS".to_owned(), Value::Null);
    let result = run(&drawn(&[threatened()]), vec![layer("houses", vec![silent.clone()])]).unwrap().result;
    assert_eq!(
        (&result["houses"]["buildings_without_people_figure"], &result["danger"]["people"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(result["household_list"]["rows"][0]["people"], Value::Null);
    // Nothing there at all is nought, and is known.
    let result = run(&drawn(&[threatened()]), vec![layer("houses", vec![])]).unwrap().result;
    assert_eq!((&result["houses"]["people"], &result["danger"]["class"]), (&json!(0), &json!("小型")));
}

#[test]
fn households_are_listed_masked_with_the_ids_to_look_them_up_by() {
    let findings = run(&drawn(&[threatened()]), vec![layer("houses", village(400))]).unwrap();
    let list = &findings.result["household_list"];
    let rows = list["rows"].as_array().unwrap();
    assert!(rows.len() > 50 && list["of"] == rows.len());
    for row in rows {
        let id: usize = row["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(
            (&row["head_masked"], &row["phone_masked"]),
            (&json!("欧阳**"), &json!(format!("100****{:04}", id % 10_000)))
        );
    }
    let everything = format!("{} {:?}", findings.result, findings.patches);
    assert!(!everything.contains("欧阳样例") && !everything.contains("10000000"), "nothing leaves unmasked");
    let mut request = drawn(&[threatened()]);
    request["houses_listed"] = json!(false);
    let result = run(&request, vec![layer("houses", village(400))]).unwrap().result;
    assert_eq!(result["household_list"], Value::Null);
}

#[test]
fn odd_houses_do_not_stop_the_count() {
    let whole = rectangle([150.0, 150.0], [10.0, 10.0]);
    let nan = vec![[f64::NAN, NORTH], [EAST + 160.0, NORTH + 150.0], [EAST + 160.0, NORTH + 160.0]];
    let mut point = house(3, vec![], USES[0], 5);
    (point.polygons, point.points) = (vec![], vec![at([200.0, 200.0])]);
    let mut nowhere = house(4, vec![], USES[0], 9);
    nowhere.polygons = vec![];
    // Round the whole area, and crossing itself within it.
    let around = house(6, rectangle([-1_000.0, -1_000.0], [3_000.0, 3_000.0]), USES[0], 20);
    let bow = ring(&[[115.0, 100.0], [140.0, 120.0], [140.0, 100.0], [115.0, 120.0]]);
    let houses = vec![
        house(1, whole, USES[0], 1),
        house(2, nan, USES[0], 2),
        point,
        nowhere,
        house(5, vec![], USES[0], 11),
        around,
        house(7, bow, USES[0], 40),
    ];
    let result = run(&drawn(&[threatened()]), vec![layer("houses", houses)]).unwrap().result;
    let found: u64 = result["houses"]["people"].as_u64().unwrap();
    assert_eq!(found, 1 + 5 + 20 + 40, "{}", result["household_list"]);
}

#[test]
fn areas_that_make_no_sense_are_refused_by_name() {
    let crossing = ring(&[[0.0, 0.0], [100.0, 100.0], [100.0, 0.0], [0.0, 100.0]]);
    let said = refusal(run(&drawn(&[vec![crossing]]), vec![]));
    assert!(said.contains("自相交") && said.contains("范围"), "{said}");
    let place = degrees(&[[0.0, 0.0]])[0];
    let buffer = |of: Value, distance_m: f64| json!({ "area": { "buffer": { "of": of, "distance_m": distance_m } } });
    for (request, word) in [
        (json!({}), "三者之一"),
        (json!({ "area": { "polygon": [109.0, 28.0, 109.1, 28.1], "buffer": {} } }), "三者之一"),
        (buffer(json!({ "points": [place] }), 0.0), "缓冲距离"),
        (buffer(json!({ "points": [place] }), 1e6), "缓冲距离"),
        (buffer(json!({}), 10.0), "至少两个点"),
        (buffer(json!({ "lines": [[place]] }), 10.0), "至少两个点"),
        (buffer(json!({ "points": [[375_000.0, 3_134_000.0]] }), 10.0), "[经度, 纬度]"),
        (buffer(json!({ "points": vec![place; 20_001] }), 10.0), "20000"),
    ] {
        let said = refusal(run_with(&RuleBook::shipped(), &request, vec![], None));
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn rules_that_cannot_be_followed_are_refused() {
    let text = RuleBook::shipped().document("exposure").unwrap().text.clone();
    for (from, to) in [
        ("people = 100\n", "people = 0\n"),
        ("loss_wan_yuan = 5000.0", "loss_wan_yuan = 400.0"),
        ("wan_yuan_per_m2 = 0.0", "wan_yuan_per_m2 = -1.0"),
        ("most_reach_m = 5000.0", "most_reach_m = 1e9"),
        ("volume_m3 = [100.0, 1e9]", "volume_m3 = [1e9, 100.0]"),
        ("angle_deg = 28.0", "angle_deg = 0.0"),
        ("most_buffer_m = 20000.0", "most_buffer_m = -1.0"),
        ("code = \"IV\"", "kode = \"IV\""),
    ] {
        assert!(text.contains(from), "{from}");
        let document =
            RuleDocument { name: "exposure".to_owned(), version: "县-1".to_owned(), text: text.replacen(from, to, 1) };
        assert!(analysis::mechanism::check_rule(&document).is_err(), "{to}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn two_areas_together_hold_no_less_than_either_and_no_more_than_both(
        split in 200.0..800.0_f64,
        gap in 0.0..120.0_f64,
        reaches in prop::collection::vec(80.0..500.0_f64, 8),
    ) {
        // A star cut by a strip into a west and an east that do not meet.
        let corner = |(i, reach): (usize, &f64)| {
            let angle = std::f64::consts::TAU * i as f64 / 8.0;
            [500.0 + reach * angle.cos(), 500.0 + reach * angle.sin()]
        };
        let star = geo_polygon(&[ring(&reaches.iter().enumerate().map(corner).collect::<Vec<_>>())]);
        let half = |from: f64, to: f64| {
            let cut = star.intersection(&geo_polygon(&[rectangle([from, -100.0], [to - from, 1_200.0])]));
            let ring = |line: &geo::LineString<f64>| line.coords().map(|c| at([c.x, c.y])).collect::<Vec<_>>();
            cut.iter().map(|p| vec![ring(p.exterior())]).collect::<Vec<_>>()
        };
        let (west, east) = (half(-100.0, split), half(split + gap, 1_100.0));
        prop_assume!(!west.is_empty() && !east.is_empty());
        let of = |polygons: &[Vec<Vec<[f64; 2]>>]| {
            run(&drawn(polygons), vec![layer("houses", village(300)), layer("roads", network(10))]).unwrap().result
        };
        let (a, b, both) = (of(&west), of(&east), of(&[west.clone(), east.clone()].concat()));
        for key in ["buildings", "people", "households", "floor_m2"] {
            let [a, b, both] = [&a, &b, &both].map(|result| number(&result["houses"][key]));
            prop_assert!(a.max(b) <= both && both <= a + b + 1e-6, "{key}: {a} {b} {both}");
        }
        let centres = |result: &Value| number(&result["houses"]["centre_inside"]["people"]);
        prop_assert_eq!(centres(&a) + centres(&b), centres(&both));
        let km = |result: &Value| number(&result["roads"]["plane_km"]);
        prop_assert!((km(&a) + km(&b) - km(&both)).abs() < 3e-4);
    }
}
