//! Run-outs against the geometry of inclined planes, cell by cell, and what is said of where they come from.

use std::fmt;

use analysis::{AnalysisError, Polygon, RuleBook, Surface};
use geodesy::{Crs, HeightDatum, Transform};
use serde_json::{Value, json};

use super::{EAST, NORTH, USES, at, degrees, edited, house, layer, number, plane, rectangle, refusal, run_with};

/// Heights by a rule, on a grid of one's own.
struct Made<F> {
    crs: Crs,
    grid: [f64; 4],
    size: [usize; 2],
    height: F,
}

impl<F> fmt::Debug for Made<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("made")
    }
}

impl<F: Fn(f64, f64) -> f64 + Sync> Surface for Made<F> {
    fn source(&self) -> &'static str {
        "dem@r1"
    }
    fn crs(&self) -> &Crs {
        &self.crs
    }
    fn height_datum(&self) -> &HeightDatum {
        &HeightDatum::Normal1985
    }
    fn valid_from(&self) -> &'static str {
        "2024-01-01T00:00:00Z"
    }
    fn size(&self) -> [usize; 2] {
        self.size
    }
    fn grid(&self) -> [f64; 4] {
        self.grid
    }
    fn window(&self, column: usize, row: usize, columns: usize, rows: usize) -> Result<Vec<f32>, AnalysisError> {
        assert!(column + columns <= self.size[0] && row + rows <= self.size[1], "the window lies in the grid");
        assert!(columns * rows <= 5_000_000, "read in bands");
        let [west, north, width, height] = self.grid;
        let at = |index: usize| {
            let (x, y) = (column + index % columns, row + index / columns);
            (self.height)(west + (x as f64 + 0.5) * width, north - (y as f64 + 0.5) * height) as f32
        };
        Ok((0..columns * rows).map(at).collect())
    }
}

/// Of the plane, `size` cells of `cell_m` from 200 m west of the corner and from `north` m north of it.
fn made<F: Fn(f64, f64) -> f64 + Sync>(
    size: [usize; 2],
    cell_m: f64,
    north: f64,
    height: F,
) -> Made<impl Fn(f64, f64) -> f64 + Sync> {
    let height = move |x: f64, y: f64| height(x - EAST, y - NORTH);
    Made { crs: plane(), grid: [EAST - 200.0, NORTH + north, cell_m, cell_m], size, height }
}

/// Falls to the east at 1:2 until 400 m, then is flat.
fn slope(x: f64, _y: f64) -> f64 {
    500.0 - 0.5 * x.min(400.0)
}

fn run_out(more: Value, place: [f64; 2]) -> Value {
    let mut stated = json!({ "source": degrees(&[place])[0], "surface": { "dataset": "dem" } });
    stated.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    json!({ "area": { "run_out": stated }, "hazard": "滑坡" })
}

fn holds(polygons: &[Polygon], [x, y]: [f64; 2]) -> bool {
    let crossings =
        polygons.iter().flat_map(Polygon::rings).flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1)));
    crossings.filter(|(a, b)| (a[1] > y) != (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])).count()
        % 2
        == 1
}

/// 14.04 degrees: 1:4.
const QUARTER_DEG: f64 = 14.036_243_467_926_479;

#[test]
fn a_slope_runs_out_to_where_the_energy_line_meets_the_ground() {
    let ground = made([130, 170], 10.0, 850.0, slope);
    let request = run_out(json!({ "angle_deg": QUARTER_DEG }), [5.0, 5.0]);
    let houses = vec![
        house(1, rectangle([780.0, -5.0], [10.0, 10.0]), USES[0], 4),
        house(2, rectangle([820.0, -5.0], [10.0, 10.0]), USES[0], 8),
        house(3, rectangle([-60.0, -5.0], [10.0, 10.0]), USES[0], 16),
    ];
    let findings = run_with(&RuleBook::shipped(), &request, vec![layer("houses", houses)], Some(&ground)).unwrap();
    // Every cell by the formula: the set hangs together, so that nothing else can be missing.
    let (top_m, place) = (slope(5.0, 0.0), [5.0, 5.0]);
    let patch = &findings.patches[0];
    let mut wrong = 0;
    for index in 0..130 * 170 {
        let (x, y) = (f64::from(index % 130) * 10.0 - 195.0, 845.0 - f64::from(index / 130) * 10.0);
        let level_m = (x - place[0]).hypot(y - place[1]);
        let expected = level_m == 0.0 || slope(x, y) < top_m - level_m * 0.25;
        wrong += u32::from(expected != holds(&patch.polygons, at([x, y])));
    }
    // A float's breadth on the line itself.
    assert!(wrong <= 4, "{wrong} cells");
    let area = &findings.result["area"];
    // 197.5 m of fall at 1:4.
    assert!((number(&area["reach_m"]) - 790.0).abs() <= 10.0, "{area}");
    assert!((number(&area["drop_m"]) - 197.5).abs() < 0.06, "{area}");
    assert_eq!(findings.result["houses"]["people"], 4, "one before the end, not beyond it, not above the scarp");
    for (object, what) in [(area.as_object().unwrap(), "result"), (&patch.properties, "patch")] {
        assert_eq!(object["estimate"], true, "{what}");
        assert_eq!(object["label_zh"], "估算", "{what}");
        assert!(object["method_zh"].as_str().unwrap().contains("Heim"), "{what}");
        assert_eq!((&object["angle_from"], &object["angle_deg"]), (&json!("request"), &json!(14.04)), "{what}");
    }
    assert_eq!((&area["meets_data_edge"], &area["meets_reach_limit"]), (&json!(false), &json!(false)));
    // In degrees and as an area of four cells the answer is the same ground.
    let own_m2 = number(&area["plane_m2"]);
    let [west, south, east, north] = [[-200.0, -850.0], [1_100.0, 850.0]]
        .map(|place| degrees(&[place])[0])
        .concat()
        .try_into()
        .expect("four numbers");
    let to_plane = Transform::new(&Crs::cgcs2000(), &plane()).unwrap();
    let in_degrees = Made {
        crs: Crs::cgcs2000(),
        grid: [west, north, (east - west) / 130.0, (north - south) / 170.0],
        size: [130, 170],
        height: |lon: f64, lat: f64| {
            let mut place = [[lon, lat]];
            to_plane.points(&mut place).unwrap();
            slope(place[0][0] - EAST, place[0][1] - NORTH)
        },
    };
    let other = run_with(&RuleBook::shipped(), &request, vec![], Some(&in_degrees)).unwrap().result;
    let other_m2 = number(&other["area"]["plane_m2"]);
    // The highest cell lies up to half a cell off, which is 10 m of reach.
    assert!((other_m2 / own_m2 - 1.0).abs() < 0.03, "{own_m2} {other_m2}");
    let mut wide = request.clone();
    wide["area"]["run_out"]["source"] = json!({ "crs": "EPSG:4546", "parcels": [{ "name": "源", "polygons": [[rectangle([0.0, 0.0], [20.0, 20.0])]] }] });
    let wide = run_with(&RuleBook::shipped(), &wide, vec![], Some(&ground)).unwrap().result;
    assert_eq!(wide["area"]["source_cells"], 4);
    assert_eq!(wide["area"]["top_m"], area["top_m"]);
}

#[test]
fn ground_below_the_line_that_does_not_hang_together_with_the_source_is_not_reached() {
    let walled = |x: f64, y: f64| if (500.0..520.0).contains(&x) { 400.0 } else { slope(x, y) };
    let request = run_out(json!({ "angle_deg": QUARTER_DEG }), [5.0, 5.0]);
    let found = run_with(&RuleBook::shipped(), &request, vec![], Some(&made([130, 170], 10.0, 850.0, walled))).unwrap();
    assert!(holds(&found.patches[0].polygons, at([490.0, 0.0])));
    assert!(!holds(&found.patches[0].polygons, at([600.0, 0.0])), "the wall stands before it");
    // A void is said, and so is the end of the heights and that of what is looked at.
    let holed = |x: f64, y: f64| if (200.0..220.0).contains(&x) && y.abs() < 20.0 { f64::NAN } else { slope(x, y) };
    for ground in [
        &made([130, 170], 10.0, 850.0, holed) as &dyn Surface,
        &made([60, 170], 10.0, 850.0, slope),
        &made([130, 100], 10.0, 850.0, slope),
    ] {
        let area = run_with(&RuleBook::shipped(), &request, vec![], Some(ground)).unwrap().result["area"].clone();
        assert_eq!((&area["meets_data_edge"], &area["meets_reach_limit"]), (&json!(true), &json!(false)));
        assert!(area["notes_zh"].to_string().contains("高程数据的边缘或空洞"), "{area}");
    }
    let rules = edited("most_reach_m = 5000.0", "most_reach_m = 600.0");
    let area =
        run_with(&rules, &request, vec![], Some(&made([130, 170], 10.0, 850.0, slope))).unwrap().result["area"].clone();
    assert_eq!((&area["meets_data_edge"], &area["meets_reach_limit"]), (&json!(false), &json!(true)));
    assert!(number(&area["reach_m"]) <= 600.0, "{area}");
}

#[test]
fn more_cells_than_can_be_kept_become_blocks() {
    // 3,100 x 3,100 cells of 0.4 m.
    let ground = made([3_100, 3_100], 0.4, 620.0, slope);
    let request = run_out(json!({ "angle_deg": QUARTER_DEG }), [5.0, 5.0]);
    let area = run_with(&RuleBook::shipped(), &request, vec![], Some(&ground)).unwrap().result["area"].clone();
    assert_eq!(area["cell_m"], json!([0.8, 0.8]));
    assert!((number(&area["reach_m"]) - 790.0).abs() < 2.0, "{area}");
}

#[test]
fn the_angle_is_stated_or_of_the_volume_or_of_the_hazard() {
    let ground = made([130, 170], 10.0, 850.0, slope);
    let area = |more: Value, hazard: Value| {
        let mut request = run_out(more, [5.0, 5.0]);
        request["hazard"] = hazard;
        run_with(&RuleBook::shipped(), &request, vec![], Some(&ground)).unwrap().result
    };
    let by_volume = area(json!({ "volume_m3": 300_000.0 }), json!("滑坡"));
    // tan = 300,000^-0.085 / 10^0.047 = 0.30715.
    let deg = (300_000.0_f64.powf(-0.085) / 10.0_f64.powf(0.047)).atan().to_degrees();
    assert!((number(&by_volume["area"]["angle_deg"]) - deg).abs() < 0.006 && (17.0..17.2).contains(&deg), "{deg}");
    assert!(by_volume["area"]["angle_source_zh"].as_str().unwrap().contains("Corominas 1996"));
    assert_eq!(by_volume["scale"]["class"], "中型");
    assert_eq!(by_volume["danger"]["class"], Value::Null, "a volume says nothing of who is threatened");
    let outside = area(json!({ "volume_m3": 5.0 }), Value::Null);
    assert!(outside["area"]["notes_zh"].to_string().contains("外推"));
    for (hazard, from, deg) in
        [(json!("泥石流"), "hazard", 11.0), (json!("崩塌"), "hazard", 28.0), (Value::Null, "default", 18.0)]
    {
        let found = area(json!({}), hazard);
        assert_eq!((&found["area"]["angle_from"], &found["area"]["angle_deg"]), (&json!(from), &json!(deg)));
        assert_eq!(found["scale"], Value::Null);
    }
}

#[test]
fn sources_and_angles_that_make_no_sense_are_refused_by_name() {
    for (request, word) in [
        (run_out(json!({ "angle_deg": 0.0 }), [0.0, 0.0]), "1 至 80"),
        (run_out(json!({ "volume_m3": 0.0 }), [0.0, 0.0]), "volume_m3"),
        (run_out(json!({ "angle": 20.0 }), [0.0, 0.0]), "angle"),
    ] {
        let said = refusal(run_with(&RuleBook::shipped(), &request, vec![], None));
        assert!(said.contains(word), "{word}: {said}");
    }
    let ground = made([130, 170], 10.0, 850.0, |x, y| if x < 0.0 { f64::NAN } else { slope(x, y) });
    for (place, word) in [([-5_000.0, 0.0], "不在高程数据"), ([-100.0, 0.0], "没有高程值")] {
        let said = refusal(run_with(&RuleBook::shipped(), &run_out(json!({}), place), vec![], Some(&ground)));
        assert!(said.contains(word) && said.contains("重新圈定"), "{word}: {said}");
    }
    let mut stated = run_out(json!({}), [0.0, 0.0]);
    stated["area"]["run_out"]["source"] = json!({ "crs": "EPSG:4546", "parcels": [{ "name": "源", "polygons": [[rectangle([0.0, -800.0], [800.0, 1_600.0])]] }] });
    let small = edited("most_reach_m = 5000.0", "most_reach_m = 100.0");
    let said = refusal(run_with(&small, &stated, vec![], Some(&ground)));
    assert!(said.contains("缩小源区"), "{said}");
}
