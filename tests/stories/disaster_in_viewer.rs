//! A duty officer studies an assessed landslide in the shipped viewer, by script: what sank and what rose, a section, both epochs
//! beside each other, buildings by state, measures, what is seen from where, water behind the slide, a cut. Figures are held
//! against the analyses of the service over the same surveys, and colours are asked at places.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::coordination::number;
use crate::disaster::{FOLDER, PATIENCE, bring_ground, state};
use crate::plans_in_browser::rows;
use crate::programs::{Server, data_folder, run};
use crate::sample_county::County;
use crate::viewing::{
    Place, SIZE_PX, above, away, color_at, deepest, distance_m, follow, int, keep_to_look_at, middle, moved, rings,
};

const BEFORE: &str = "2023-06-01";
const AFTER: &str = "2024-08-01";
/// How far one looks.
const VIEW_RADIUS_M: f64 = 250.0;
/// A hollow beside the slide without a way out, in the county's plane, and a level below that of its lowest brink.
const HOLLOW_M: [f64; 2] = [375_860.5, 3_130_326.5];
const LEVEL_M: f64 = 348.6;
/// A camera's height well above the ground of all places that are looked at, from near.
const UP_M: f64 = 560.0;
/// What buildings of a state are painted in, as the legend has it.
const PAINTED: [(&str, [i32; 3]); 3] =
    [("destroyed", [176, 0, 32]), ("buried", [106, 27, 154]), ("damaged", [245, 130, 0])];

/// Longitude and latitude of a place of the county's plane, by GDAL.
fn lon_lat([easting_m, northing_m]: [f64; 2]) -> Place {
    let place = [easting_m, northing_m].map(|metres| metres.to_string());
    let systems = ["-s_srs", "EPSG:4546", "-t_srs", "EPSG:4490", "-output_xy", "-coord"];
    let (code, out, err) = run(Command::new("gdaltransform").args(systems).args(place));
    assert_eq!(code, 0, "gdaltransform: {err}");
    let numbers: Vec<f64> = out.split_whitespace().map(|word| word.parse().expect("a number")).collect();
    numbers.try_into().expect("two numbers")
}

/// Asks for an analysis and waits for it; its id and its result.
fn asked(server: &Server, analysis: &str, request: &Value) -> (String, Value) {
    let (status, _, answer) = server.send(Method::POST, &format!("/analyses/{analysis}"), None, request);
    assert_eq!(status, 202, "{analysis}: {answer}");
    let id = answer["job"]["id"].as_str().expect("a job").to_owned();
    let begun = Instant::now();
    loop {
        let job = state(server, &id);
        match job["state"].as_str() {
            Some("done") => break,
            Some("failed" | "cancelled") => panic!("{analysis}: {job:#}"),
            _ => assert!(begun.elapsed() < PATIENCE, "{job}"),
        }
        sleep(Duration::from_millis(50));
    }
    let result = server.json(&format!("/analyses/jobs/{id}/result"));
    (id, result)
}

/// Longitude and latitude so far along a line between two places and beyond, metres.
fn along(from: Place, to: Place, by_m: f64) -> Place {
    let part = by_m / distance_m(from, to);
    [0, 1].map(|axis| from[axis] + (to[axis] - from[axis]) * part)
}

/// A height of a survey as it was delivered, by GDAL: the nearest post.
fn post_m(file: &Path, [lon, lat]: Place) -> f64 {
    let (code, out, err) = run(Command::new("gdallocationinfo")
        .args(["-valonly", "-wgs84"])
        .arg(file)
        .args([lon.to_string(), lat.to_string()]));
    assert_eq!(code, 0, "gdallocationinfo: {err}");
    out.trim().parse().unwrap_or_else(|_| panic!("{}: {out}{err}", file.display()))
}

/// A value between the posts of a rising axis.
fn at(axis: &[f64], values: &[f64], x: f64) -> f64 {
    let next = axis.partition_point(|stop| *stop <= x).clamp(1, axis.len() - 1);
    let part = (x - axis[next - 1]) / (axis[next] - axis[next - 1]);
    values[next - 1] + (values[next] - values[next - 1]) * part
}

/// Mean of the differences of a part of two pictures, of 255.
fn mean_difference(one: &Path, other: &Path, columns: std::ops::Range<u32>) -> f64 {
    let open = |path: &Path| image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).to_rgb8();
    let (one, other) = (open(one), open(other));
    let pixels = columns.flat_map(|x| (0..one.height()).map(move |y| (x, y)));
    let (sum, count) = pixels.fold((0_u64, 0_u64), |(sum, count), (x, y)| {
        let (a, b) = (one.get_pixel(x, y).0, other.get_pixel(x, y).0);
        (sum + (0..3).map(|channel| u64::from(a[channel].abs_diff(b[channel]))).sum::<u64>(), count + 3)
    });
    sum as f64 / count as f64
}

/// What the service says of the places that the viewer is asked about.
struct Told {
    job: String,
    /// Findings of the assessment about the change, and its places.
    change: Value,
    patches: Vec<Value>,
    /// Where the middle of the lost ground was and where that of the deposit is, and ground that did not move, below it.
    from: Place,
    to: Place,
    still: Place,
    line: [Place; 2],
    section: Value,
    seen: Value,
    targets: [Place; 5],
    sights: Vec<Value>,
    hollow: Place,
    water: Value,
}

impl Told {
    fn by(server: &Server) -> Self {
        let of = |day: &str| json!({ "dataset": "ground", "datetime": day });
        let (job, result) = asked(server, "disaster", &json!({ "before": of(BEFORE), "after": of(AFTER) }));
        let patches = server.json(&format!("/analyses/jobs/{job}/patches?limit=10000"));
        let patches = rows(&patches, "features").to_vec();
        let slid =
            patches.iter().find(|patch| patch["properties"]["travel"].is_object()).expect("ground that travelled");
        let travel = &slid["properties"]["travel"];
        let [from, to] = ["from", "to"].map(|end| lon_lat([number(&travel[end][0]), number(&travel[end][1])]));
        let far_m = distance_m(from, to);
        let (line, still) = ([along(from, to, -120.0), along(from, to, far_m + 120.0)], along(from, to, far_m + 250.0));
        let epochs = json!({ "before": of(BEFORE), "after": of(AFTER), "sections": [line] });
        let section = asked(server, "terrain-change", &epochs).1["sections"][0].clone();
        let on_ground = |analysis: &str, more: Value| {
            let mut request = json!({ "surface": of(AFTER), "rasters": false });
            request.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            asked(server, analysis, &request).1
        };
        let seen = on_ground(
            "terrain",
            json!({ "product": "viewshed", "observer": still, "radius_m": VIEW_RADIUS_M, "eye_m": 1.7 }),
        );
        let targets = [from, to, along(from, to, -100.0), moved(from, [90.0, 0.0]), moved(to, [-120.0, 40.0])];
        let sights = targets
            .map(|to| {
                on_ground(
                    "terrain",
                    json!({ "product": "sight", "from": still, "to": to, "eye_m": 1.7, "target_m": 0.5 }),
                )
            })
            .to_vec();
        let hollow = lon_lat(HOLLOW_M);
        let water = on_ground("inundation", json!({ "mode": "fill", "source": [hollow], "level_m": LEVEL_M }));
        let change = result["change"].clone();
        Self { job, change, patches, from, to, still, line, section, seen, targets, sights, hollow, water }
    }

    /// The middle of the largest building of a state.
    fn building(&self, state: &str) -> Place {
        let buildings = self.patches.iter().filter(|patch| patch["properties"]["state"] == state);
        let places = buildings.map(|patch| deepest(&rings(&patch["geometry"])[0], &[]));
        places.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_else(|| panic!("no building is {state}")).0
    }

    /// Both epochs along the line: distances and heights.
    fn profile(&self) -> [Vec<f64>; 3] {
        ["distance_m", "before_m", "after_m"].map(|name| rows(&self.section, name).iter().map(number).collect())
    }

    fn steps(&self) -> Value {
        let Self { from, to, still, line, targets, .. } = self;
        let shot = |file: &str| json!({ "shot": { "file": file } });
        let epochs = |how: &str| json!({ "compare": { "before": BEFORE, "how": how } });
        let measure = |kind: &str, places: &[Place]| json!({ "measure": { "kind": kind, "places": places } });
        let panels = |which: &str| json!({ "panels": which });
        let around =
            json!({ "goto": { "around": { "place": from, "distance_m": 420, "heading_deg": 200, "pitch_deg": -38 } } });
        let over = |place: &Place| above(*place, UP_M);
        let mut steps = vec![
            json!({ "hide": ["*"] }),
            json!({ "show": ["ground", "ortho"] }),
            json!({ "time": BEFORE }),
            // Before anything was drawn: the finest ground is asked for.
            measure("point", &[*from]),
            measure("point", &[*to]),
            json!("clear-measures"),
            panels("none"),
            above(*from, 900.0),
            shot("前期.png"),
            json!({ "time": AFTER }),
            measure("point", &[*from]),
            measure("point", &[*to]),
            measure("distance", &[*from, *to]),
            measure("height", &[*from, *to]),
            json!("clear-measures"),
            above(*from, 900.0),
            shot("后期.png"),
            epochs("swipe"),
            shot("卷帘.png"),
            epochs("linked"),
            shot("联动.png"),
            epochs("off"),
        ];
        for (place, name) in [(from, "源区"), (to, "堆积"), (still, "未动")] {
            steps.extend([over(place), shot(&format!("{name}.png"))]);
        }
        steps.push(json!({ "difference": { "limit_m": 0.3, "most_m": 12 } }));
        for (place, name) in [(from, "源区"), (to, "堆积"), (still, "未动")] {
            steps.extend([over(place), shot(&format!("{name}-变化.png"))]);
        }
        steps.extend([
            json!({ "section": { "line": line, "file": "剖面.csv" } }),
            json!({ "tab": "studies" }),
            panels("all"),
            around.clone(),
            shot("变化与剖面.png"),
            json!({ "section": null }),
            json!({ "difference": null }),
            json!({ "viewshed": { "eye": still, "radius_m": VIEW_RADIUS_M } }),
            above(*still, 800.0),
            shot("可视域.png"),
            json!({ "viewshed": null }),
        ]);
        steps.extend(targets.map(|target| json!({ "sight": { "from": still, "to": target, "to_up_m": 0.5 } })));
        steps.extend([
            above(*from, 1_100.0),
            shot("通视.png"),
            json!("clear-sights"),
            json!({ "flood": { "at": self.hollow, "level_m": LEVEL_M, "radius_m": 150, "connected": true } }),
            json!({ "goto": { "around": { "place": self.hollow, "distance_m": 160, "heading_deg": 20, "pitch_deg": -45 } } }),
            shot("淹没.png"),
            panels("none"),
            above(self.hollow, UP_M),
            shot("水面.png"),
            json!({ "flood": null }),
            shot("无水.png"),
            json!({ "damage": self.job }),
            panels("all"),
            above(*from, 900.0),
            shot("房屋.png"),
            panels("none"),
        ]);
        for (state, _) in PAINTED {
            steps.extend([over(&self.building(state)), shot(&format!("{state}.png"))]);
        }
        steps.extend([
            json!({ "damage": null }),
            json!({ "clip": { "center": from, "half_m": [60, 60] } }),
            above(*from, 900.0),
            shot("裁剪.png"),
            json!({ "clip": null }),
            shot("未裁剪.png"),
        ]);
        json!(steps)
    }
}

#[test]
fn an_assessed_landslide_is_studied_in_three_dimensions() {
    let county = County::get();
    let folder = data_folder();
    let data = county.copy(folder.path());
    bring_ground(county, &data);
    let server = Server::start_open(&data);
    let told = Told::by(&server);
    let pictures = folder.path().join("图");
    let done = follow(&server.url, None, &[], (&pictures, &told.steps()));
    // Before anything is asserted: what differs is to be seen.
    keep_to_look_at("disaster_in_viewer", folder.path(), &["图"]);

    heights_are_those_of_the_delivered_surveys(county, &told, &done["measures"]);
    the_section_is_that_of_the_service(&told, &done, &pictures);
    let [section, rest @ ..] = rows(&done, "studies") else { panic!("{done}") };
    assert_eq!(section["kind"], "section");
    let [viewshed, sights @ .., flood, damage] = rest else { panic!("{rest:?}") };
    let (seen_m2, expected_m2) = (number(&viewshed["seen_m2"]), number(&told.seen["visible_m2"]));
    assert!((seen_m2 - expected_m2).abs() < 0.01 * expected_m2, "{viewshed} {}", told.seen);
    assert!((number(&viewshed["within_m2"]) / number(&told.seen["looked_at_m2"]) - 1.0).abs() < 2e-3, "{viewshed}");
    assert_eq!(sights.len(), told.sights.len());
    for (found, expected) in sights.iter().zip(&told.sights) {
        assert_eq!(found["is_seen"], expected["visible"], "{found} {expected}");
    }
    assert!(
        sights.iter().any(|sight| sight["is_seen"] == true) && sights.iter().any(|sight| sight["is_seen"] == false)
    );
    // A pond of some hundred posts: its shore is a few of them wide.
    assert_eq!((&flood["reaches_border"], &flood["source_is_dry"]), (&json!(false), &json!(false)));
    assert_eq!(told.water["edge"]["is_lower_bound"], false, "the hollow holds water");
    for (viewer, service, part) in
        [("area_m2", "ellipsoidal_m2", 0.02), ("volume_m3", "volume_m3", 0.02), ("deepest_m", "greatest_m", 0.01)]
    {
        let (found, expected) = (number(&flood[viewer]), number(&told.water["flooded"][service]));
        assert!((found - expected).abs() < part * expected, "{viewer}: {found} of {expected}");
    }
    // Places of an assessment are those near the ground that moved; the rest is unchanged.
    for state in rows(&told.change["buildings"], "states").iter().filter(|state| state["state"] != "unchanged") {
        let name = state["state"].as_str().expect("a name");
        assert_eq!(damage["buildings"][name], state["buildings"], "{damage} {state}");
    }
    colours_stand_where_they_should(&pictures);
}

fn heights_are_those_of_the_delivered_surveys(county: &County, told: &Told, measures: &Value) {
    let file = |epoch: &str| county.deliveries.join(FOLDER).join(epoch).join("DEM_1m.tif");
    let [before, after] = [file("第一期_2023-05"), file("第二期_2024-07")];
    let asked = [(&before, told.from), (&before, told.to), (&after, told.from), (&after, told.to)];
    for (index, (survey, place)) in asked.into_iter().enumerate() {
        let (found_m, post_m) = (number(&measures[index]["height_m"]), post_m(survey, place));
        // Half a post away on ground as steep as a roof.
        assert!((found_m - post_m).abs() < 0.6, "{index}: {found_m} m, the survey has {post_m} m");
        assert_eq!(measures[index]["height_datum"], "normal_1985");
    }
    let height_m = |index: usize| number(&measures[index]["height_m"]);
    let far_m = distance_m(told.from, told.to);
    assert!((number(&measures[4]["horizontal_m"]) - far_m).abs() < 2e-3 * far_m, "{}", measures[4]);
    let lengths = ["horizontal_m", "slope_m", "ground_m"].map(|name| number(&measures[4][name]));
    assert!(lengths.is_sorted(), "no way over the ground is shorter than the line through the air: {lengths:?}");
    assert!((number(&measures[5]["rise_m"]) - (height_m(3) - height_m(2))).abs() < 1e-6, "{}", measures[5]);
}

fn the_section_is_that_of_the_service(told: &Told, done: &Value, pictures: &Path) {
    let [stops, before, after] = told.profile();
    let table = fs::read_to_string(pictures.join("剖面.csv")).expect("written");
    let mut samples = 0;
    for line in table.lines().skip(1) {
        let numbers: Vec<f64> = line.split(',').map(|cell| cell.parse().expect("a number")).collect();
        let [distance, _, _, before_m, after_m] = numbers[..] else { panic!("{line}") };
        for (found_m, expected_m) in
            [(before_m, at(&stops, &before, distance)), (after_m, at(&stops, &after, distance))]
        {
            // Both are linear between posts, of two grids that are turned against each other; at the brink that is felt.
            assert!((found_m - expected_m).abs() < 0.6, "{distance} m: {found_m} m, the service says {expected_m} m");
        }
        samples += 1;
    }
    assert!(samples > 500, "{samples} samples");
    let sums = stops.windows(2).zip(before.windows(2)).zip(after.windows(2)).fold([0.0, 0.0], |sum, ((d, b), a)| {
        let change = f64::midpoint(a[0] - b[0], a[1] - b[1]) * (d[1] - d[0]);
        [sum[0] - change.min(0.0), sum[1] + change.max(0.0)]
    });
    let section = &done["studies"][0];
    for (name, expected_m2) in [("loss_m2", sums[0]), ("gain_m2", sums[1])] {
        let found_m2 = number(&section[name]);
        assert!((found_m2 - expected_m2).abs() < 2e-3 * expected_m2, "{name}: {found_m2} of {expected_m2} m²");
    }
}

fn colours_stand_where_they_should(pictures: &Path) {
    let of = |name: &str| int(middle(pictures, &format!("{name}.png")));
    let [[lost, lost_plain], [gained, gained_plain], [still, still_plain]] =
        ["源区", "堆积", "未动"].map(|name| [of(&format!("{name}-变化")), of(name)]);
    assert!(
        lost[0] > lost[1] + 60 && lost[0] > lost[2] + 60,
        "ground that sank is red: {lost:?}, {lost_plain:?} before"
    );
    assert!(
        gained[2] > gained[0] + 10 && gained_plain[0] > gained_plain[2] + 60,
        "brown is blue: {gained:?}, {gained_plain:?} before"
    );
    assert!(away(still, still_plain) < 4, "ground that did not move keeps its colour: {still:?} {still_plain:?}");
    for (state, color) in PAINTED {
        let found = of(state);
        assert!(away(found, color) < 60, "{state}: {found:?}, the legend has {color:?}");
    }
    let (wet, dry) = (of("水面"), of("无水"));
    assert!(wet[2] > dry[2] + 30 && wet[2] > wet[0] + 30, "water is blue: {wet:?}, dry {dry:?}");

    // Each side of a swipe is its epoch as it is alone; so is the middle of each of two linked panes.
    let [width, height] = SIZE_PX;
    let path = |name: &str| pictures.join(format!("{name}.png"));
    let (left, right) = (8..width / 2 - 8, width / 2 + 8..width - 8);
    for (columns, own, other) in [(left, "前期", "后期"), (right, "后期", "前期")] {
        let [own, other] = [own, other].map(|epoch| mean_difference(&path("卷帘"), &path(epoch), columns.clone()));
        assert!(own < 1.5 && other > 4.0 * own.max(0.5), "{columns:?}: {own} from its epoch, {other} from the other");
    }
    let pane_px = (width - 2) / 2;
    let [before, after] =
        [pane_px / 2, pane_px + 2 + pane_px / 2].map(|x| int(color_at(&path("联动"), [x, height / 2])));
    assert!(away(before, of("前期")) < 25 && away(after, of("后期")) < 25, "{before:?} {after:?}");
    assert!(away(before, after) > 40, "forest before, bare ground after: {before:?} {after:?}");

    // A cut leaves what is in its box, and nothing round it.
    let outside = int(color_at(&path("裁剪"), [width / 8, height / 2]));
    let sky = int(color_at(&path("裁剪"), [width / 8, height / 8]));
    assert!(away(outside, sky) < 6, "nothing is left outside: {outside:?} {sky:?}");
    assert!(away(of("裁剪"), of("未裁剪")) < 6, "{:?} {:?}", of("裁剪"), of("未裁剪"));
    assert!(
        away(int(color_at(&path("未裁剪"), [width / 8, height / 2])), outside) > 40,
        "ground lies there without it"
    );
}
