//! Water on made ground: fills and spill levels against plain second implementations cell by cell, volumes against solids of
//! known content, and input that must be refused by name.

mod made;

use analysis::mechanism::{NoRasters, RuleBook, RuleDocument};
use analysis::{Findings, Polygon};
use geodesy::height::HeightDatum;
use geodesy::{Crs, Transform, area};
use proptest::prelude::*;
use serde_json::{Value, json};

use made::{
    CORNER, Ground, bowl_with_houses, by_sides, chance, depths, drawn, made, middle_of, near, number, plane, reached,
    reached_from_border, refused, rough, run, run_with,
};

#[test]
fn fill_and_level_are_those_of_the_plain_way_cell_by_cell() {
    let ground = rough([150, 97]);
    let source = (0..ground.heights.len()).filter(|at| ground.heights[*at] < 297.0).nth(40).expect("a low cell");
    let mut sizes = Vec::new();
    for (corners, rules) in [(true, RuleBook::shipped()), (false, by_sides())] {
        for level_m in [297.5, 299.0, 300.123_456, 302.0] {
            let low = |at: usize| f64::from(ground.heights[at]) < level_m;
            let filled = reached(&ground, source, corners, low);
            let everything: Vec<bool> = (0..ground.heights.len()).map(low).collect();
            let from = drawn(&[middle_of(&ground, source)]);
            for (mode, expected) in [("fill", &filled), ("level", &everything)] {
                let request = json!({ "mode": mode, "level_m": level_m, "source": from });
                let (depth, found) = depths(&ground, request, &rules).expect("found");
                let mut volume_m3 = 0.0;
                for (at, wet) in expected.iter().enumerate() {
                    let depth_m = level_m - f64::from(ground.heights[at]);
                    assert_eq!(!depth[at].is_nan(), *wet, "{mode} {level_m} corners {corners}: cell {at}");
                    if *wet {
                        assert_eq!(depth[at], depth_m as f32, "cell {at}");
                        volume_m3 += depth_m * 4.0;
                    }
                }
                let flooded = &found.result["flooded"];
                let cells = expected.iter().filter(|wet| **wet).count();
                assert_eq!(flooded["cells"], json!(cells));
                assert_eq!(number(&flooded["plane_m2"]), 4.0 * cells as f64, "{flooded}");
                assert!((number(&flooded["volume_m3"]) - volume_m3).abs() < 0.1, "{flooded} of {volume_m3}");
                let greatest_m = level_m
                    - f64::from(
                        ground
                            .heights
                            .iter()
                            .enumerate()
                            .filter(|(at, _)| expected[*at])
                            .map(|(_, h)| *h)
                            .fold(f32::INFINITY, f32::min),
                    );
                assert!((number(&flooded["greatest_m"]) - greatest_m).abs() < 6e-4, "{flooded} of {greatest_m}");
                sizes.push(cells);
                let classes = found.result["classes"].as_array().expect("classes");
                for (part, whole) in [("plane_m2", "plane_m2"), ("ellipsoidal_m2", "ellipsoidal_m2")] {
                    let sum: f64 = classes.iter().map(|class| number(&class[part])).sum();
                    assert!((sum - number(&flooded[whole])).abs() < 1e-6, "{part}: {sum}");
                }
                if mode == "level" {
                    // What does not hang together with the source is what fill leaves out.
                    let left_m2 = 4.0 * (cells - filled.iter().filter(|wet| **wet).count()) as f64;
                    assert_eq!(number(&found.result["hollows"]["plane_m2"]), left_m2);
                }
                if level_m == 299.0 {
                    outlines_are_the_cells(&ground, &found, &depth);
                }
            }
        }
    }
    sizes.dedup();
    assert!(sizes.len() > 8, "the cases differ: {sizes:?}");
}

/// The patches of the classes cover exactly the cells of their depth.
fn outlines_are_the_cells(ground: &Ground, found: &Findings, depth: &[f32]) {
    assert_eq!(found.result["cells"]["outline_cells"], json!(1));
    for patch in found.patches.iter().filter(|patch| patch.properties["kind"] == "depth-class") {
        let from_m = number(&patch.properties["from_m"]);
        let to_m = patch.properties["to_m"].as_f64().unwrap_or(f64::INFINITY);
        let rings: Vec<_> = patch.polygons.iter().flat_map(Polygon::rings).collect();
        for (row, depths) in depth.chunks(ground.size[0]).enumerate() {
            let y = CORNER[1] - (row as f64 + 0.5) * ground.grid[3];
            let edges = rings.iter().flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1)));
            let mut crossings: Vec<f64> = edges
                .filter(|(a, b)| (a[1] > y) != (b[1] > y))
                .map(|(a, b)| a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
                .collect();
            crossings.sort_by(f64::total_cmp);
            for (column, depth_m) in depths.iter().enumerate() {
                let x = CORNER[0] + (column as f64 + 0.5) * ground.grid[2];
                let inside = crossings.partition_point(|at| *at < x) % 2 == 1;
                let expected = (from_m..to_m).contains(&f64::from(*depth_m));
                assert_eq!(inside, expected, "{} column {column} row {row}", patch.id);
            }
        }
        let area_m2: f64 = patch
            .polygons
            .iter()
            .map(|polygon| {
                area::plane_area(&polygon.exterior)
                    - polygon.holes.iter().map(|hole| area::plane_area(hole)).sum::<f64>()
            })
            .sum();
        assert!((area_m2 - number(&patch.properties["plane_m2"])).abs() < 0.01, "{}: {area_m2}", patch.id);
    }
}

#[test]
fn cones_and_bowls_hold_what_geometry_says() {
    let radius = |x: f64, y: f64| (x - 200.0).hypot(y - 200.0);
    let pi = std::f64::consts::PI;
    let cone = made([400, 400], 1.0, |x, y| 100.0 + radius(x, y) / 10.0);
    let bowl = made([400, 400], 1.0, |x, y| 100.0 + radius(x, y).powi(2) / 1_000.0);
    for (ground, level_m, volume_m3, area_m2) in [
        (&cone, 115.0, pi * 150.0_f64.powi(2) * 15.0 / 3.0, pi * 150.0_f64.powi(2)),
        (&bowl, 120.0, pi * 1_000.0 * 20.0_f64.powi(2) / 2.0, pi * 20_000.0),
    ] {
        let source = drawn(&[[200.5, 200.5]]);
        let found = run(ground, json!({ "mode": "fill", "level_m": level_m, "source": source })).expect("found").result;
        let flooded = &found["flooded"];
        assert!((number(&flooded["volume_m3"]) - volume_m3).abs() < 0.001 * volume_m3, "{flooded} of {volume_m3}");
        assert!((number(&flooded["plane_m2"]) - area_m2).abs() < 0.001 * area_m2, "{flooded} of {area_m2}");
        assert!((number(&flooded["greatest_m"]) - (level_m - 100.0)).abs() < 0.08, "{flooded}");
        // The plane is larger than the ground by the square of its scale, 1 + d² / 2R² at 100 km from the middle.
        let ratio = number(&flooded["ellipsoidal_m2"]) / number(&flooded["plane_m2"]);
        assert!((ratio - 1.0 / 1.000_123_f64.powi(2)).abs() < 5e-6, "{ratio}");
        assert_eq!(found["edge"]["is_lower_bound"], json!(false));
        assert_eq!(found["void_beside_m2"], json!(0.0));
    }
    // The same bowl on a grid of degrees.
    let [[west, north], [east, south]] = [drawn(&[[-10.0, -10.0]])[0], drawn(&[[410.0, 410.0]])[0]];
    let step = 1e-5;
    let size = [((east - west) / step) as usize, ((north - south) / step) as usize];
    let mut places: Vec<[f64; 2]> = (0..size[0] * size[1])
        .map(|at| [west + ((at % size[0]) as f64 + 0.5) * step, north - ((at / size[0]) as f64 + 0.5) * step])
        .collect();
    Transform::new(&Crs::cgcs2000(), &plane()).expect("a transform").points(&mut places).expect("metres");
    let heights =
        places.iter().map(|[x, y]| (100.0 + radius(x - CORNER[0], CORNER[1] - y).powi(2) / 1_000.0) as f32).collect();
    let degrees =
        Ground { crs: Crs::cgcs2000(), grid: [west, north, step, step], size, datum: HeightDatum::Normal1985, heights };
    let found = run(&degrees, json!({ "mode": "level", "level_m": 120.0 })).expect("found");
    let (volume_m3, area_m2) = (pi * 200_000.0, pi * 20_000.0);
    let flooded = &found.result["flooded"];
    assert!((number(&flooded["volume_m3"]) - volume_m3).abs() < 0.001 * volume_m3, "{flooded} of {volume_m3}");
    assert!((number(&flooded["plane_m2"]) - area_m2).abs() < 0.001 * area_m2, "{flooded} of {area_m2}");
    let drawn_m2: f64 = found
        .patches
        .iter()
        .flat_map(|patch| &patch.polygons)
        .map(|polygon| {
            area::plane_area(&polygon.exterior) - polygon.holes.iter().map(|hole| area::plane_area(hole)).sum::<f64>()
        })
        .sum();
    assert!((drawn_m2 - number(&flooded["plane_m2"])).abs() < 1.0, "{drawn_m2} of {flooded}");
    assert_eq!(found.patches.iter().map(|patch| patch.polygons.len()).sum::<usize>(), 5, "no slivers between rows");
}

/// Two hollows 10 m deep, the western one wider, in a plain at 100 m that no water leaves.
fn two_hollows() -> Ground {
    made([200, 100], 1.0, |x, y| {
        let hollow = |middle: f64, reach: f64| -10.0 * (1.0 - (x - middle).hypot(y - 50.0) / reach).max(0.0);
        100.0 + hollow(50.0, 40.0) + hollow(150.0, 20.0)
    })
}

#[test]
fn hollows_are_told_from_what_water_reaches() {
    let ground = two_hollows();
    let found = run(&ground, json!({ "mode": "level", "level_m": 99.0 })).expect("found").result;
    let hollows = &found["hollows"];
    assert_eq!(hollows["pieces"], json!(1));
    let all_m2 = number(&found["flooded"]["plane_m2"]);
    // Radii 36 and 18 m at a metre below the rim.
    assert!((number(&hollows["share"]) - 0.2).abs() < 0.005, "{hollows}");
    assert!(found["message"]["zh"].as_str().expect("words").contains("不连通"), "{}", found["message"]);
    let west =
        run(&ground, json!({ "mode": "fill", "level_m": 99.0, "source": drawn(&[[50.0, 50.0]]) })).expect("found");
    let east = json!({ "line": drawn(&[[150.0, 40.0], [150.0, 60.0]]) });
    let east = run(&ground, json!({ "mode": "fill", "level_m": 99.0, "source": east })).expect("found");
    let parts = [&west, &east].map(|found| number(&found.result["flooded"]["plane_m2"]));
    assert_eq!(parts[0] + parts[1], all_m2);
    assert_eq!(parts[1], number(&hollows["plane_m2"]));
    let area = drawn(&[[140.0, 40.0], [160.0, 40.0], [160.0, 60.0], [140.0, 60.0]]);
    let area = json!({ "area": { "crs": "EPSG:4490", "parcels": [{ "name": "水库", "polygons": [[area]] }] } });
    let again = run(&ground, json!({ "mode": "fill", "level_m": 99.0, "source": area })).expect("found").result;
    assert_eq!(again["flooded"], east.result["flooded"]);
}

#[test]
fn dykes_hold_until_they_are_breached() {
    // A plain that falls gently to the east, with a border so that the water stays.
    let rim = |x: f64, y: f64| if x < 2.0 || y < 2.0 || x > 118.0 || y > 78.0 { 50.0 } else { 0.0 };
    let ground = made([120, 80], 1.0, |x, y| 10.0 - x / 100.0 + rim(x, y));
    let dykes = [
        vec![[60.5, -5.0], [60.5, 90.0]],
        // At 45 degrees, through corners of cells.
        vec![[20.0, 0.0], [100.0, 80.0]],
        vec![[30.3, -10.0], [95.1, 100.0]],
    ];
    let source = drawn(&[[10.0, 70.0]]);
    let fill = json!({ "mode": "fill", "level_m": 11.0, "source": source });
    let whole = number(&run(&ground, fill.clone()).expect("found").result["flooded"]["plane_m2"]);
    assert_eq!(whole, 116.0 * 76.0);
    for dyke in dykes {
        let mut held = fill.clone();
        held["barriers"] = json!([drawn(&dyke)]);
        let found = run(&ground, held.clone()).expect("found").result;
        let west = number(&found["flooded"]["plane_m2"]);
        assert!(west < 0.7 * whole && west > 0.2 * whole, "{dyke:?}: {west} of {whole}");
        let at = [f64::midpoint(dyke[0][0], dyke[1][0]), f64::midpoint(dyke[0][1], dyke[1][1])];
        held["breach"] = json!(drawn(&[at]));
        held["breach_m"] = json!(6.0);
        let breached = run(&ground, held.clone()).expect("found").result;
        let closed = number(&breached["barriers"]["cells"]);
        assert!(closed < number(&found["barriers"]["cells"]) && closed > 0.0, "{}", breached["barriers"]);
        let wet = number(&breached["flooded"]["plane_m2"]);
        assert!(wet > 0.9 * whole && wet < whole, "{dyke:?}: {wet} of {whole}: only the dyke stays dry");
        held["breach"] = json!(drawn(&[[at[0] + 20.0, at[1]]]));
        refused(run(&ground, held), "没有堤防");
    }
}

/// A valley that falls southwards between slopes, with a barrier across it at 200 m whose lowest place lies at `pass`.
fn valley(barrier_m: f64) -> Ground {
    let mut ground = made([160, 260], 1.0, |x, y| {
        let floor = 300.0 + 0.05 * (260.0 - y) + 0.6 * (x - 80.0).abs();
        let barrier = 300.0 + barrier_m + 0.03 * (x - 70.0).abs() - 0.8 * (y - 200.0).abs();
        floor.max(barrier)
    });
    let columns = ground.size[0];
    for (at, height) in ground.heights.iter_mut().enumerate() {
        *height += (0.2 * chance(at % columns, at / columns)) as f32;
    }
    ground
}

/// The lowest level at which water from a cell is at the edge of the grid, the plain way: every height is tried.
fn spill_of(ground: &Ground, from: usize) -> f32 {
    let [columns, rows] = ground.size;
    let mut heights = ground.heights.clone();
    heights.sort_by(f32::total_cmp);
    let escapes = |level: f32| {
        let seen = reached(ground, from, true, |at| ground.heights[at] <= level);
        (0..seen.len()).any(|at| {
            let (x, y) = (at % columns, at / columns);
            seen[at] && (x == 0 || y == 0 || x + 1 == columns || y + 1 == rows)
        })
    };
    heights[heights.partition_point(|level| !escapes(*level))]
}

#[test]
fn a_lake_behind_a_slide_spills_where_it_must_and_holds_what_it_must() {
    let ground = valley(12.0);
    let source = 150 * 160 + 80;
    let spill_m = spill_of(&ground, source);
    let request = json!({ "mode": "dam", "source": drawn(&[middle_of(&ground, source)]), "steps": 9 });
    let (depth, found) = depths(&ground, request, &RuleBook::shipped()).expect("found");
    let dam = &found.result["dam"];
    assert_eq!(dam["spill"]["way"], "pass");
    assert!((number(&dam["spill"]["level_m"]) - f64::from(spill_m)).abs() < 6e-4, "{} of {spill_m}", dam["spill"]);
    let place = [number(&dam["spill"]["at"][0]) - CORNER[0], CORNER[1] - number(&dam["spill"]["at"][1])];
    assert_eq!(ground.heights[place[1] as usize * 160 + place[0] as usize], spill_m, "the pass: {place:?}");
    // The lake at any level is what hangs together below it with its lowest cell.
    let lake = |level_m: f64| {
        let bottom = [number(&dam["bottom_at"][0]) - CORNER[0], CORNER[1] - number(&dam["bottom_at"][1])];
        reached(&ground, bottom[1] as usize * 160 + bottom[0] as usize, true, |at| {
            f64::from(ground.heights[at]) < level_m
        })
    };
    let at_spill = lake(f64::from(spill_m));
    assert!(at_spill.iter().filter(|wet| **wet).count() > 2_000, "a lake worth its name");
    for (at, wet) in at_spill.iter().enumerate() {
        assert_eq!(!depth[at].is_nan(), *wet, "cell {at}");
    }
    let curve = dam["curve"].as_array().expect("a curve");
    assert!((6..=10).contains(&curve.len()), "{}", curve.len());
    for step in curve {
        let level_m = number(&step["level_m"]);
        let exact_m = if (level_m - f64::from(spill_m)).abs() < 1e-3 { f64::from(spill_m) } else { level_m };
        let wet = lake(exact_m);
        let volume_m3: f64 =
            (0..wet.len()).filter(|at| wet[*at]).map(|at| exact_m - f64::from(ground.heights[at])).sum();
        assert!((number(&step["volume_m3"]) - volume_m3).abs() < 0.06, "{step} of {volume_m3}");
        assert_eq!(number(&step["plane_m2"]), wet.iter().filter(|wet| **wet).count() as f64, "{step}");
    }
    let rises = |name: &str| curve.windows(2).all(|pair| number(&pair[0][name]) < number(&pair[1][name]));
    assert!(rises("level_m") && rises("volume_m3") && rises("plane_m2"));
    let last = curve.last().expect("the spill");
    assert!((number(&last["volume_m3"]) - number(&found.result["flooded"]["volume_m3"])).abs() < 0.2, "{last}");
    let spill = found.patches.iter().find(|patch| patch.properties["kind"] == "spill").expect("a patch");
    assert_eq!(spill.points.len(), 1);

    // A pass as high as the ground upstream: the lake runs out of the survey before it spills.
    let high = valley(22.0);
    let request = json!({ "mode": "dam", "source": drawn(&[middle_of(&high, source)]) });
    let found = run(&high, request).expect("found").result;
    assert_eq!(found["dam"]["spill"]["way"], "edge-of-data");
    let spill_m = spill_of(&high, source);
    assert!((number(&found["dam"]["spill"]["level_m"]) - f64::from(spill_m)).abs() < 6e-4);
    assert!(found["message"]["zh"].as_str().expect("words").contains("下限"), "{}", found["message"]);
    // Below the barrier water runs off.
    let below = 240 * 160 + 80;
    let request = json!({ "mode": "dam", "source": drawn(&[middle_of(&ground, below)]) });
    let runs_off = run(&ground, request);
    assert!(
        runs_off.as_ref().is_err_and(|error| error.to_string().contains("不会形成湖"))
            || runs_off.is_ok_and(|found| number(&found.result["flooded"]["greatest_m"]) < 0.3)
    );
}

#[test]
fn a_drawn_dam_is_overtopped_at_its_crest_or_passed_at_its_ends() {
    let ground = made([160, 260], 1.0, |x, y| 300.0 + 0.05 * (260.0 - y) + 0.6 * (x - 80.25).abs());
    let source = drawn(&[[80.0, 150.0]]);
    let dam = drawn(&[[40.0, 200.5], [120.0, 200.5]]);
    let request = |crest_m: Option<f64>| json!({ "mode": "dam", "source": source, "dam": dam, "crest_m": crest_m });
    let found = run(&ground, request(Some(309.5))).expect("found").result;
    assert_eq!((&found["dam"]["spill"]["way"], &found["level_m"]), (&json!("over-dam"), &json!(309.5)));
    // V(z) against the cells upstream of the dam.
    let volume_m3: f64 =
        (0..200 * 160).map(|at| 309.5 - f64::from(ground.heights[at])).filter(|depth_m| *depth_m > 0.0).sum();
    assert!((number(&found["flooded"]["volume_m3"]) - volume_m3).abs() < 0.2, "{} of {volume_m3}", found["flooded"]);
    // Too high for its ends: passed beside them, so that a higher crest changes nothing.
    let passed = run(&ground, request(Some(340.0))).expect("found").result;
    assert_ne!(passed["dam"]["spill"]["way"], "over-dam");
    assert!(number(&passed["level_m"]) < 335.0);
    let ends = run(&ground, request(None)).expect("found").result;
    assert!(number(&ends["level_m"]) <= number(&passed["level_m"]) + 1e-3, "{} {}", ends["dam"], passed["dam"]);
    refused(run(&ground, request(Some(300.5))), "坝顶高程");
    let below = json!({ "mode": "dam", "source": drawn(&[[80.0, 230.0]]), "dam": dam, "crest_m": 309.5 });
    assert!(run(&ground, below).is_err(), "the place lies below the dam");
    let far = json!({ "mode": "dam", "source": source, "dam": drawn(&[[40.0, 900.0], [120.0, 900.0]]) });
    refused(run(&ground, far), "坝线不在");
}

#[test]
fn who_and_what_stands_in_the_water_is_counted() {
    let (ground, layers) = bowl_with_houses();
    let request = json!({ "mode": "fill", "level_m": 110.0, "source": drawn(&[[200.0, 200.0]]) });
    let found = run_with(&ground, request.clone(), &RuleBook::shipped(), &layers, &NoRasters).expect("found");
    let result = &found.result;
    assert_eq!(result["missing"], json!([]));
    // The shore lies at 100 m: the third house stands with half of it in the water, the fourth is dry.
    let houses = &result["houses"];
    assert_eq!([&houses["looked_at"], &houses["buildings"], &houses["households"], &houses["people"]], [4, 3, 3, 9]);
    let list = houses["list"].as_array().expect("a list");
    let numbers: Vec<&str> = list.iter().map(|row| row["number"].as_str().expect("a number")).collect();
    assert_eq!(numbers, ["H1", "H2", "H3"], "deepest first");
    // The deepest of the cells within a metre of each: 16, 56 (beside the roof) and 96 m from the middle.
    for (row, metres) in list.iter().zip([16.5_f64, 56.5, 96.5]) {
        let depth_m = 10.0 - (metres.powi(2) + 0.25) / 1_000.0;
        assert!((number(&row["deepest_m"]) - depth_m).abs() < 0.011, "{row} of {depth_m}");
        assert_eq!((&row["head"], &row["phone"]), (&json!("张**"), &json!("138****1234")));
        assert!(number(&row["mean_m"]) < number(&row["deepest_m"]));
    }
    assert_eq!(
        houses["by_use"],
        json!([
            { "use": "住宅", "buildings": 2, "households": 2, "people": 7 },
            { "use": "厂房", "buildings": 1, "households": 1, "people": 2 },
        ])
    );
    let by_class: Vec<Value> =
        result["classes"].as_array().expect("classes").iter().map(|class| class["people"].clone()).collect();
    assert_eq!(by_class, [0, 2, 0, 0, 7].map(|n| json!(n)));
    // A chord of 2 √(9,700 - 0.04) m under 0.3 m and more.
    let roads = &result["roads"];
    let (cut_m, wet_m) = (2.0 * 9_700.0_f64.sqrt(), 200.0 - 6.0);
    // The roof of the second house stands in the road.
    assert!((number(&roads["cut_km"]) * 1_000.0 - (cut_m - 6.0)).abs() < 2.0, "{roads} of {cut_m}");
    assert!((number(&roads["wet_km"]) * 1_000.0 - wet_m).abs() < 2.0, "{roads}");
    assert_eq!((&roads["cuts"], &roads["by_class"][0]["class"]), (&json!(2), &json!("县道")));
    let lines: Vec<_> = found.patches.iter().filter(|patch| patch.properties["kind"] == "flooded-road").collect();
    assert_eq!(lines.len(), 2);
    for patch in lines {
        let line = &patch.lines[0];
        let length_m: f64 = line.windows(2).map(|edge| (edge[1][0] - edge[0][0]).hypot(edge[1][1] - edge[0][1])).sum();
        assert!((length_m - number(&patch.properties["length_m"])).abs() < 0.1, "{length_m}: {:?}", patch.properties);
    }
    assert_eq!([&result["shelters"]["looked_at"], &result["shelters"]["flooded"]], [2, 1]);
    assert_eq!(result["shelters"]["list"][0]["name"], "龙潭小学");
    assert_eq!(result["facilities"]["list"].as_array().expect("a list").len(), 1, "a shop is no facility");
    // Fewer are listed than counted.
    let mut rules = RuleBook::shipped();
    let text = rules.document("inundation").expect("shipped").text.replace("listed = 500", "listed = 1");
    rules.put(RuleDocument { name: "inundation".to_owned(), version: "县-1".to_owned(), text });
    let short = run_with(&ground, request.clone(), &rules, &layers, &NoRasters).expect("found").result;
    assert_eq!((&short["houses"]["listed"], &short["houses"]["buildings"]), (&json!(1), &json!(3)));
    // A register that is not there is said, not counted as nought.
    let none = run(&ground, request).expect("found").result;
    assert_eq!((&none["houses"], &none["roads"]), (&Value::Null, &Value::Null));
    assert!(none["message"]["zh"].as_str().expect("words").contains("缺少房屋台账"));
    assert_eq!(none["classes"][0].get("people"), None);
}

#[test]
fn houses_by_a_lake_say_at_which_level_the_water_comes() {
    let (mut ground, layers) = bowl_with_houses();
    // The bowl is cut open in the north at 112 m.
    for row in 0..100 {
        for column in 195..205 {
            let height = &mut ground.heights[row * 400 + column];
            *height = height.min(112.0 - if row < 50 { 1.0 } else { 0.0 });
        }
    }
    let request = json!({ "mode": "dam", "source": drawn(&[[230.0, 200.0]]), "steps": 13 });
    let found = run_with(&ground, request, &RuleBook::shipped(), &layers, &NoRasters).expect("found").result;
    assert_eq!(number(&found["level_m"]), 112.0);
    let first: Vec<(String, f64)> = found["houses"]["list"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| (row["number"].as_str().expect("a number").to_owned(), number(&row["first_flooded_m"])))
        .collect();
    for ((number, level_m), (expected, metres)) in first.iter().zip([("H1", 16.5_f64), ("H2", 56.5), ("H3", 96.5)]) {
        assert_eq!(number, expected);
        assert!((level_m - 100.0 - (metres.powi(2) + 0.25) / 1_000.0).abs() < 0.011, "{number}: {level_m}");
    }
    assert_eq!(first.len(), 3);
    for step in found["dam"]["curve"].as_array().expect("a curve") {
        let expected = first.iter().filter(|(_, level_m)| *level_m < number(&step["level_m"])).count();
        assert_eq!(step["buildings"], json!(expected), "{step}");
    }
}

#[test]
fn what_is_not_known_is_said() {
    // A river that leaves the survey, a void in it, and a corner beyond the survey's edge.
    let mut ground = made([100, 100], 1.0, |x, y| 100.0 + 0.2 * (x - 50.0).abs() + 0.01 * y);
    for row in 40..50 {
        ground.heights[row * 100 + 45..row * 100 + 55].fill(f32::NAN);
    }
    let fill = |ground: &Ground, level_m: f64| {
        run(ground, json!({ "mode": "fill", "level_m": level_m, "source": drawn(&[[50.5, 20.0]]) }))
            .expect("found")
            .result
    };
    let found = fill(&ground, 104.0);
    assert_eq!(found["edge"]["is_lower_bound"], json!(true));
    assert_eq!((&found["cells"]["without_height"], &found["void_beside_m2"]), (&json!(100), &json!(100.0)));
    let words = found["message"]["zh"].as_str().expect("words");
    assert!(words.contains("数据边缘") && words.contains("没有高程") && words.contains("1985"), "{words}");
    // Ground beyond the border of the heights is not a void of the survey.
    let mut round = ground.clone();
    for row in 0..100 {
        for column in 0..100_usize {
            if column.abs_diff(50).pow(2) + 50_usize.abs_diff(row).pow(2) > 45 * 45 {
                round.heights[row * 100 + column] = f32::NAN;
            }
        }
    }
    let found = fill(&round, 104.0);
    assert_eq!(found["cells"]["without_height"], json!(100));
    assert!(number(&found["edge"]["cells_at_edge_of_data"]) > 0.0, "{}", found["edge"]);
    // Within an area it is its edge that the water reaches.
    let within = drawn(&[[20.0, 10.0], [80.0, 10.0], [80.0, 35.0], [20.0, 35.0]]);
    let within = json!({ "crs": "EPSG:4490", "parcels": [{ "name": "区", "polygons": [[within]] }] });
    let part = run(&ground, json!({ "mode": "level", "level_m": 104.0, "within": within })).expect("found").result;
    assert_eq!(part["edge"]["cells_at_edge_of_data"], json!(0));
    assert!(number(&part["edge"]["cells_at_edge_of_area"]) > 0.0);
    assert_eq!(part["cells"]["looked_at"], json!(60 * 25));
    for (datum, words) in [(HeightDatum::Unknown, "基准未知"), (HeightDatum::Ellipsoidal, "大地高")] {
        let other = Ground { datum, ..ground.clone() };
        let said = fill(&other, 104.0)["message"]["zh"].as_str().expect("words").to_owned();
        assert!(said.contains(words), "{said}");
    }
    let dry = run(&ground, json!({ "mode": "level", "level_m": 50.0 })).expect("found");
    assert_eq!((&dry.result["flooded"]["volume_m3"], dry.patches.len()), (&json!(0.0), 0));
    assert!(dry.result["message"]["zh"].as_str().expect("words").contains("最低处 100"), "{}", dry.result["message"]);
}

#[test]
fn input_that_makes_no_sense_is_refused_by_name() {
    let ground = two_hollows();
    let source = drawn(&[[50.0, 50.0]]);
    let fill = |more: Value| {
        let mut request = json!({ "mode": "fill", "level_m": 99.0, "source": source });
        for (name, value) in more.as_object().expect("an object") {
            request[name] = value.clone();
        }
        run(&ground, request)
    };
    refused(fill(json!({ "level_m": null })), "level_m");
    refused(fill(json!({ "level_m": "NaN" })), "无法读取");
    refused(fill(json!({ "level_m": 1e30 })), "level_m");
    refused(fill(json!({ "mode": "flow" })), "flow");
    refused(fill(json!({ "source": null })), "source");
    refused(fill(json!({ "source": [] })), "水源");
    refused(fill(json!({ "source": drawn(&[[100.0, 50.0]]) })), "地面高程 100 米");
    refused(fill(json!({ "source": drawn(&[[900.0, 50.0]]) })), "不在所查范围内");
    refused(fill(json!({ "source": [[400_000.0, 3_130_000.0]] })), "经度");
    refused(fill(json!({ "source": { "line": drawn(&[[100.0, 0.0], [100.0, 100.0]]) } })), "没有低于水位");
    refused(fill(json!({ "classes": [1.0, 0.5] })), "classes");
    refused(fill(json!({ "breach": source })), "barriers");
    refused(fill(json!({ "dam": drawn(&[[0.0, 0.0], [9.0, 9.0]]) })), "barriers");
    refused(
        run(&ground, json!({ "mode": "level", "level_m": 99.0, "barriers": [drawn(&[[0.0, 0.0], [9.0, 9.0]])] })),
        "fill",
    );
    refused(run(&ground, json!({ "mode": "dam", "source": source, "level_m": 99.0 })), "溢流水位");
    refused(run(&ground, json!({ "mode": "dam" })), "source");
    let mut holed = ground.clone();
    holed.heights[50 * 200 + 50] = f32::NAN;
    let void = json!({ "mode": "fill", "level_m": 99.0, "source": drawn(&[[50.5, 50.5]]) });
    refused(run(&holed, void), "没有高程");
    holed.heights.fill(f32::NAN);
    refused(run(&holed, json!({ "mode": "level", "level_m": 99.0 })), "没有高程");
    let area = |corners: &[[f64; 2]]| json!({ "within": { "crs": "EPSG:4490", "parcels": [{ "name": "区", "polygons": [[drawn(corners)]] }] } });
    refused(fill(area(&[[5_000.0, 0.0], [5_100.0, 0.0], [5_100.0, 90.0]])), "范围");
    let bow = fill(area(&[[20.0, 20.0], [80.0, 80.0], [80.0, 20.0], [20.0, 80.0]])).expect_err("a bow").to_string();
    assert!(bow.contains("红线"), "{bow}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn a_fill_lies_in_its_level_grows_with_it_and_knows_no_left_or_right(
        columns in 5..90_usize,
        heights in prop::collection::vec(0..12_u8, 90..900),
        void in 0..12_u8,
        pick in any::<prop::sample::Index>(),
        levels in [1..12_u8, 1..12_u8],
    ) {
        let rows = heights.len() / columns;
        let height = |at: usize| if heights[at] == void { f32::NAN } else { f32::from(heights[at]) };
        let mut ground = made([columns, rows], 1.0, |_, _| 0.0);
        ground.heights = (0..columns * rows).map(height).collect();
        let level_m = f64::from(levels[0].min(levels[1])) - 0.5;
        let higher_m = f64::from(levels[0].max(levels[1])) - 0.5;
        let low: Vec<usize> = (0..columns * rows).filter(|at| f64::from(ground.heights[*at]) < level_m).collect();
        prop_assume!(!low.is_empty());
        let source = *pick.get(&low);
        let shipped = RuleBook::shipped();
        let fill = |ground: &Ground, at: usize, level_m: f64| {
            let request = json!({ "mode": "fill", "level_m": level_m, "source": drawn(&[middle_of(ground, at)]) });
            depths(ground, request, &shipped).expect("found").0.iter().map(|m| !m.is_nan()).collect::<Vec<_>>()
        };
        let (filled, more) = (fill(&ground, source, level_m), fill(&ground, source, higher_m));
        for at in 0..columns * rows {
            prop_assert!(!filled[at] || f64::from(ground.heights[at]) < level_m, "a fill lies in its level");
            prop_assert!(!filled[at] || more[at], "what is under water stays so when it rises");
        }
        prop_assert_eq!(&filled, &reached(&ground, source, true, |at| f64::from(ground.heights[at]) < level_m));
        let turned = |at: usize| at / columns * columns + columns - 1 - at % columns;
        let mut mirrored = ground.clone();
        mirrored.heights = (0..columns * rows).map(|at| ground.heights[turned(at)]).collect();
        let other = fill(&mirrored, turned(source), level_m);
        for at in 0..columns * rows {
            prop_assert_eq!(filled[at], other[turned(at)], "cell {}", at);
        }
        // A lake, where one forms, spills as the plain way says, and its volume never falls.
        let request = json!({ "mode": "dam", "source": drawn(&[middle_of(&ground, source)]), "steps": 20 });
        let border = |at: usize| {
            let (x, y) = (at % columns, at / columns);
            x == 0 || y == 0 || x + 1 == columns || y + 1 == rows
        };
        let voids = reached_from_border(&ground, border);
        let is_edge = |at: usize| border(at) || near(&ground, at, true).iter().any(|n| voids[*n]);
        let spill = (0..13_u8).map(f32::from).find(|level| {
            let seen = reached(&ground, source, true, |at| ground.heights[at] <= *level);
            (0..seen.len()).any(|at| seen[at] && is_edge(at))
        });
        match run(&ground, request) {
            Ok(found) => {
                let dam = &found.result["dam"];
                prop_assert_eq!(number(&dam["spill"]["level_m"]) as f32, spill.expect("an edge is reached"));
                let curve = dam["curve"].as_array().expect("a curve");
                prop_assert!(curve.windows(2).all(|pair| number(&pair[0]["volume_m3"]) <= number(&pair[1]["volume_m3"])));
            }
            // Water that is at the edge at the height of its source forms no lake; nor does any that nothing lets out.
            Err(_) => prop_assert!(spill.is_none_or(|level| level <= ground.heights[source])),
        }
    }
}
