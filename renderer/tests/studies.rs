//! What is asked of the ground, against a loopback server whose ground is a formula in both of its epochs: measures, swipe,
//! section, difference, water, views, cuts and buildings, all by script, with numbers that are known.
//!
//! Pictures are left in the target folder to look at.

mod synthetic;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use glam::DVec2;
use renderer::ViewError;
use renderer::desk::{Desk, Tool};
use renderer::gpu::{Backend, Gpu, Shot};
use renderer::headless;
use renderer::panel::Panels;
use renderer::panel::words::Language;
use renderer::scene::camera::Camera;
use renderer::scene::measure::MeasureKind;
use renderer::scene::place;
use renderer::script::{self, Done, Script};
use renderer::service::Service;
use renderer::viewer::{Compare, FloodOrder, Viewer};
use serde_json::{Value, json};
use synthetic::{
    BUILDINGS_AT_M, DEPOSIT_AT_M, MIDDLE, SLIDE_AT_M, SLIDE_HIGH_M, SLIDE_RADIUS_M, SyntheticServer, height_before_m,
    height_m, lon_lat_at, ring_at,
};

const SIZE_PX: [u32; 2] = [800, 500];
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");

fn desk(server: &SyntheticServer, layers: &[&str]) -> Desk {
    let quiet: Arc<dyn Fn() + Send + Sync> = Arc::new(|| {});
    let mut viewer = Viewer::open(Service::new(server.url.clone()).expect("a client"), None, &quiet).expect("opens");
    viewer.show_only(&layers.iter().map(|slug| (*slug).to_owned()).collect::<Vec<_>>());
    viewer.camera = above(MIDDLE, 3_000.0);
    Desk::new(viewer, Language::Zh, Panels::None)
}

fn above([lon, lat]: [f64; 2], up_m: f64) -> Camera {
    Camera::new([lon, lat, height_m([lon, lat]) + up_m], 0.0, -90.0)
}

thread_local! {
    /// One device a test: pictures are handed to a device once.
    static SHOT: RefCell<Shot> = RefCell::new(Shot::new(Gpu::headless(Backend::Auto).expect("a device"), 4));
}

fn follow(desk: &mut Desk, steps: &Value) -> Result<Done, ViewError> {
    let text = json!({"version": 1, "steps": steps}).to_string();
    let script = Script::parse(text.as_bytes()).expect("a script");
    SHOT.with_borrow_mut(|shot| script::follow(desk, shot, &script, (Path::new(FOLDER), SIZE_PX)))
}

fn picture(name: &str) -> image::RgbaImage {
    image::open(PathBuf::from(FOLDER).join(name)).expect("a PNG").into_rgba8()
}

/// The colour of the ground at a place so many metres east and north of the middle.
fn color_at(desk: &Desk, picture: &image::RgbaImage, at_m: [f64; 2]) -> [u8; 4] {
    let [lon, lat] = lon_lat_at(at_m);
    let pixel = desk.viewer.camera.view(SIZE_PX).pixel_of(place::ecef([lon, lat, height_m([lon, lat])]));
    let pixel = pixel.expect("in front");
    picture.get_pixel(pixel.x as u32, pixel.y as u32).0
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().expect(name)
}

#[track_caller]
fn assert_near(value: f64, expected: f64, part: f64) {
    assert!((value - expected).abs() <= part * expected.abs(), "{value} is not {expected}");
}

/// Metres the tilted plane rises per metre to the east and to the north.
fn slopes() -> [f64; 2] {
    let here = height_m(MIDDLE);
    [[1.0, 0.0], [0.0, 1.0]].map(|step| height_m(lon_lat_at(step)) - here)
}

#[test]
fn a_place_is_measured_on_the_finest_ground_of_its_time_wherever_the_camera_is() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem"]);
    // Nothing is drawn there, or coarsely.
    desk.viewer.camera = above(lon_lat_at([30_000.0, 0.0]), 60_000.0);
    let beside = lon_lat_at([SLIDE_AT_M[0] + 0.7 * SLIDE_RADIUS_M, SLIDE_AT_M[1]]);
    let measure = json!({"measure": {"kind": "point", "places": [beside]}});
    let done = follow(&mut desk, &json!([{"time": "2020-06-01"}, measure, {"time": null}, measure])).expect("followed");
    let [before, after] = &done.measures[..] else { panic!("two measures") };
    assert!((number(before, "height_m") - height_before_m(beside)).abs() < 0.05, "{before}");
    assert!((number(after, "height_m") - height_m(beside)).abs() < 0.05, "{after}");
    assert!((number(before, "height_m") - number(after, "height_m")).abs() > 5.0, "it slid");
}

#[test]
fn a_click_on_the_ground_is_measured_at_its_finest_from_however_far_it_was_made() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem"]);
    follow(&mut desk, &json!([{"time": "2020-06-01"}])).expect("followed");
    let middle = lon_lat_at(SLIDE_AT_M);
    desk.viewer.camera = Camera::new([middle[0], middle[1], 60_000.0], 0.0, -90.0);
    let view = headless::settle(&mut desk, SIZE_PX, headless::PATIENCE).expect("settles");
    let pick = desk.viewer.pick(&view, DVec2::new(400.5, 250.5)).expect("the ground");
    let [lon, lat, drawn_m] = pick.lon_lat_height_deg;
    desk.work.tool = Some(Tool::Measure(MeasureKind::Point));
    assert!(desk.click_map(&pick, false));
    headless::settle(&mut desk, SIZE_PX, headless::PATIENCE).expect("settles");
    let [measure] = &desk.work.measures[..] else { panic!("one measure") };
    let measured_m = measure.places[0][2];
    assert!((measured_m - height_before_m([lon, lat])).abs() < 0.3, "{measured_m}");
    assert!((drawn_m - measured_m).abs() > 1.0, "from afar a cone is drawn flatter: {drawn_m} {measured_m}");
}

#[test]
fn measures_that_follow_the_ground_are_those_of_the_tilted_plane_and_say_their_datum() {
    let server = SyntheticServer::start(None);
    // Looked at from far above: the finest terrain is asked for all the same.
    let mut desk = desk(&server, &["dem", "ortho"]);
    desk.viewer.camera = above(MIDDLE, 60_000.0);
    let a_m = 250.0;
    let square: Vec<[f64; 2]> = ring_at([0.0, 0.0], [a_m, a_m]);
    let at = lon_lat_at([300.0, 200.0]);
    let done = follow(
        &mut desk,
        &json!([
            {"measure": {"kind": "point", "places": [at]}},
            {"measure": {"kind": "distance", "places": [MIDDLE, lon_lat_at([900.0, 0.0])]}},
            {"measure": {"kind": "area", "places": square}},
            {"measure": {"kind": "volume", "places": square, "reference": {"level": height_m(MIDDLE)}}},
            {"measure": {"kind": "volume", "places": square}},
        ]),
    )
    .expect("followed");
    let [point, distance, area, level, corners] = &done.measures[..] else { panic!("five measures") };
    assert_eq!(point["height_datum"], "normal-1985");
    assert!((number(point, "height_m") - height_m(at)).abs() < 0.05);
    assert_eq!(point["plane_epsg"], 4_546);
    assert!(
        point["easting_northing_m"][1].as_f64().is_some_and(|northing_m| (northing_m - 3_133_000.0).abs() < 5_000.0)
    );
    let [east, north] = slopes();
    assert_near(number(distance, "ground_m"), 900.0 * 1.0_f64.hypot(east), 1e-4);
    assert_near(number(distance, "horizontal_m"), 900.0, 1e-4);
    let steepness = (1.0 + east * east + north * north).sqrt();
    assert_near(number(area, "surface_m2") / number(area, "ellipsoidal_m2"), steepness, 1e-5);
    // Half of the plane's distance from its middle level, over the square.
    let wedge_m3 = a_m.powi(3) * (east + north * north / (3.0 * east));
    assert_near(number(level, "above_m3"), wedge_m3, 2e-3);
    assert_near(number(level, "below_m3"), wedge_m3, 2e-3);
    assert!(number(corners, "above_m3") < 1e-3 * wedge_m3, "a plane fits itself: {corners}");
    assert!(number(corners, "missing_m2").abs() < f64::EPSILON);
}

#[test]
fn the_cone_that_stood_before_has_the_volume_of_a_cone() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem"]);
    let square = ring_at(SLIDE_AT_M, [600.0, 600.0]);
    let measure = json!({"measure": {"kind": "volume", "places": square}});
    let done = follow(&mut desk, &json!([measure, {"time": "2020-01-01"}, measure])).expect("followed");
    assert!(number(&done.measures[0], "above_m3") < 2_000.0, "now there is none: {}", done.measures[0]);
    let cone_m3 = std::f64::consts::PI * SLIDE_RADIUS_M.powi(2) * SLIDE_HIGH_M[0] / 3.0;
    assert_near(number(&done.measures[1], "above_m3"), cone_m3, 0.005);
}

#[test]
fn an_hourglass_and_a_place_without_terrain_are_said_and_not_measured() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem"]);
    let [a, b, c, d] = ring_at([0.0, 0.0], [100.0, 100.0])[..] else { panic!("four corners") };
    let refused = follow(&mut desk, &json!([{"measure": {"kind": "volume", "places": [a, c, b, d]}}]));
    assert!(refused.expect_err("crosses itself").to_string().contains("自相交"));
    // Off the terrain: what would follow the ground stays open.
    let far = [[110.4, 28.3], [110.401, 28.3], [110.401, 28.301]];
    let done = follow(&mut desk, &json!([{"measure": {"kind": "area", "places": far}}])).expect("followed");
    assert!(done.measures[0]["surface_m2"].is_null() && done.measures[0]["ellipsoidal_m2"].is_f64());
}

#[test]
fn a_swipe_shows_before_at_the_left_and_after_at_the_right_of_terrain_imagery_and_mesh() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem", "ortho", "box", "plan"]);
    desk.viewer.camera = above(lon_lat_at([150.0, 0.0]), 900.0);
    let steps = |at: f64, file: &str| json!([{"compare": {"before": "2020-01-01", "how": "swipe", "at": at}}, {"shot": {"file": file}}]);
    follow(&mut desk, &steps(0.25, "studies-swipe-25.png")).expect("followed");
    let (terrain, imagery, plan) =
        (server.hits("/terrarium/"), server.hits("/tiles/ortho@"), server.hits("/tiles/plan@r1/"));
    let early = picture("studies-swipe-25.png");
    let is_grey = |[red, green, blue, _]: [u8; 4]| red.abs_diff(green) < 12 && green.abs_diff(blue) < 12;
    // The eye is over the box, 150 m east of the middle: the picture's middle.
    assert!(is_grey(color_at(&desk, &early, [-250.0, -100.0])), "before is grey");
    let after = color_at(&desk, &early, [300.0, 60.0]);
    assert!(after[0] > 150 && after[1] > 150 && after[2] < 90, "after is the yellow quarter: {after:?}");
    let is_green = |[red, green, blue, _]: [u8; 4]| red < 90 && green > 150 && blue < 130;
    let is_brown = |[red, green, blue, _]: [u8; 4]| red > 120 && green < 120 && blue < 70;
    assert!(is_green(color_at(&desk, &early, [150.0, 0.0])), "the box of today");
    follow(&mut desk, &steps(0.75, "studies-swipe-75.png")).expect("followed");
    let late = picture("studies-swipe-75.png");
    assert!(is_brown(color_at(&desk, &late, [150.0, 0.0])), "the box of then");
    assert!(is_grey(color_at(&desk, &late, [300.0, 60.0])));
    // Moving the line loads nothing: both epochs are there, and what they share is there once.
    assert_eq!(
        (server.hits("/terrarium/"), server.hits("/tiles/ortho@"), server.hits("/tiles/plan@r1/")),
        (terrain, imagery, plan)
    );
    assert!(server.hits("/terrain/dem@r0/") > 0 && server.hits("/tiles/ortho@r0/") > 0);
    // One row a dataset in the list, and switching one off switches both its epochs off.
    let index = desk.viewer.layers.iter().position(|layer| layer.dataset.slug == "ortho").expect("there");
    desk.viewer.set_visible(index, false);
    assert!(desk.viewer.layers.iter().filter(|layer| layer.dataset.slug == "ortho").all(|layer| !layer.visible));
    assert_eq!(desk.viewer.layers.iter().filter(|layer| layer.dataset.slug == "ortho").count(), 2);
    // And back to one.
    follow(&mut desk, &json!([{"compare": {}}, {"shot": {"file": "studies-swipe-off.png"}}])).expect("followed");
    assert_eq!(desk.viewer.layers.iter().filter(|layer| layer.dataset.slug == "ortho").count(), 1);
    assert_eq!(desk.viewer.draw_lists().len(), 1);
}

#[test]
fn linked_views_have_one_camera_and_each_its_own_ground_to_click_on() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem", "ortho"]);
    desk.viewer.camera = above(lon_lat_at(SLIDE_AT_M), 2_500.0);
    follow(
        &mut desk,
        &json!([{"compare": {"before": "2020-01-01", "how": "linked"}}, {"panels": "caption"}, {"shot": {"file": "studies-linked.png"}}]),
    )
    .expect("followed");
    let panes = desk.panes(SIZE_PX);
    assert_eq!((panes.corners_px.len(), panes.parted_px()), (2, None));
    let view = desk.viewer.camera.view(panes.pane_px);
    let middle = DVec2::from_array(panes.pane_px.map(|side| f64::from(side) / 2.0));
    let heights: Vec<f64> =
        (0..2).map(|pane| desk.viewer.pick_in(pane, &view, middle).expect("ground").lon_lat_height_deg[2]).collect();
    let at = lon_lat_at(SLIDE_AT_M);
    // The cone's tip is cut by the terrain's 17 m.
    assert!((heights[0] - height_before_m(at)).abs() < 3.0 && (heights[1] - height_m(at)).abs() < 0.05, "{heights:?}");
    assert_eq!(desk.viewer.compare, Compare::Linked);
}

#[test]
fn a_section_through_the_slide_shows_what_was_lost_and_is_written_as_asked() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem", "ortho"]);
    let [east, north] = SLIDE_AT_M;
    let line = [lon_lat_at([east - 600.0, north]), lon_lat_at([east + 600.0, north])];
    let done = follow(
        &mut desk,
        &json!([
            {"section": {"line": line}},
            {"compare": {"before": "2020-01-01", "how": "off"}},
            {"section": {"line": line, "file": "studies-section.csv"}},
            {"section": {"line": line, "file": "studies-section.json"}},
            {"goto": {"around": {"place": lon_lat_at(SLIDE_AT_M), "distance_m": 2500.0, "pitch_deg": -40.0}}},
            {"panels": "caption"}, {"shot": {"file": "studies-section.png"}},
        ]),
    )
    .expect("followed");
    assert!(done.studies[0]["loss_m2"].is_null(), "one epoch has no change: {}", done.studies[0]);
    // A triangle as wide as the cone and as high.
    assert_near(number(&done.studies[1], "loss_m2"), SLIDE_RADIUS_M * SLIDE_HIGH_M[0], 0.005);
    assert!(number(&done.studies[1], "gain_m2") < 5.0);
    assert_near(number(&done.studies[1], "length_m"), 1_200.0, 1e-4);
    let csv = std::fs::read_to_string(PathBuf::from(FOLDER).join("studies-section.csv")).expect("written");
    let mut deepest = 0.0_f64;
    for line in csv.lines().skip(1) {
        let numbers: Vec<f64> = line.split(',').map(|part| part.parse().expect("a number")).collect();
        let at = [numbers[1], numbers[2]];
        assert!((numbers[4] - height_m(at)).abs() < 0.05, "{line}");
        // Samples 17 m apart cut the cone's tip.
        assert!((numbers[3] - height_before_m(at)).abs() < 1.5, "{line}: {}", height_before_m(at));
        deepest = deepest.max(numbers[3] - numbers[4]);
    }
    assert_near(deepest, SLIDE_HIGH_M[0], 0.03);
    let json: Value =
        serde_json::from_slice(&std::fs::read(PathBuf::from(FOLDER).join("studies-section.json")).expect("written"))
            .expect("JSON");
    assert_eq!(json["samples"].as_array().map(Vec::len), Some(csv.lines().count() - 1));
}

#[test]
fn the_difference_is_red_where_the_slope_slid_blue_where_it_went_and_nothing_where_nothing_changed() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem", "ortho"]);
    let middle_m = [SLIDE_AT_M[0], f64::midpoint(SLIDE_AT_M[1], DEPOSIT_AT_M[1])];
    desk.viewer.camera = above(lon_lat_at(middle_m), 3_600.0);
    let refused = follow(&mut desk, &json!([{"difference": {}}])).expect_err("needs an earlier epoch");
    assert!(refused.to_string().contains("compare"), "{refused}");
    follow(
        &mut desk,
        &json!([
            {"shot": {"file": "studies-difference-none.png"}},
            {"compare": {"before": "2020-01-01", "how": "off"}}, {"difference": {"limit_m": 0.5, "most_m": 40.0}},
            {"shot": {"file": "studies-difference.png"}},
            {"panels": "caption"}, {"shot": {"file": "studies-difference-legend.png"}},
        ]),
    )
    .expect("followed");
    let (bare, colored) = (picture("studies-difference-none.png"), picture("studies-difference.png"));
    let [red, green, blue, _] = color_at(&desk, &colored, SLIDE_AT_M);
    assert!(red > 90 && red > 2 * blue && red > 2 * green, "{red} {green} {blue}");
    let [red, green, blue, _] = color_at(&desk, &colored, DEPOSIT_AT_M);
    assert!(blue > 90 && blue > red + 50, "{red} {green} {blue}");
    for unchanged in [[-900.0, -650.0], [-2_300.0, 300.0]] {
        assert_eq!(color_at(&desk, &bare, unchanged), color_at(&desk, &colored, unchanged));
    }
    // Nothing reaches beyond the rim by more than the terrain's samples, 17 m apart.
    let rim = [SLIDE_AT_M[0] + SLIDE_RADIUS_M + 25.0, SLIDE_AT_M[1]];
    assert_eq!(color_at(&desk, &bare, rim), color_at(&desk, &colored, rim));
    // Without the earlier epoch there is no difference.
    follow(&mut desk, &json!([{"difference": null}, {"shot": {"file": "studies-difference-off.png"}}]))
        .expect("followed");
}

#[test]
fn water_at_the_middle_s_level_covers_the_lower_half_and_the_level_loads_nothing_anew() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem", "ortho"]);
    desk.viewer.camera = above(MIDDLE, 3_600.0);
    let level_m = height_m(MIDDLE);
    let radius_m = 1_000.0;
    let flood = |level_m: f64| json!({"flood": {"at": MIDDLE, "level_m": level_m, "radius_m": radius_m}});
    let done = follow(
        &mut desk,
        &json!([{"shot": {"file": "studies-flood-dry.png"}}, flood(level_m), {"shot": {"file": "studies-flood.png"}}]),
    )
    .expect("followed");
    // The ground looked at is whole samples of 17 m, and one more on every side.
    assert_near(number(&done.studies[0], "area_m2"), 2.0 * radius_m * radius_m, 0.08);
    let [east, north] = slopes();
    let wedge_m3 = radius_m.powi(3) * (east + north * north / (3.0 * east));
    assert_near(number(&done.studies[0], "volume_m3"), wedge_m3, 0.12);
    assert_eq!(done.studies[0]["reaches_border"], true);
    let (dry, wet) = (picture("studies-flood-dry.png"), picture("studies-flood.png"));
    let deep = color_at(&desk, &wet, [-800.0, -300.0]);
    assert!(deep[2] > deep[0] + 40, "blue over the red quarter: {deep:?}");
    assert_eq!(color_at(&desk, &dry, [800.0, 300.0]), color_at(&desk, &wet, [800.0, 300.0]), "uphill it is dry");
    assert_eq!(color_at(&desk, &dry, [-1_300.0, 0.0]), color_at(&desk, &wet, [-1_300.0, 0.0]), "beyond the radius");
    // The slider: filled at once, from what is there.
    let hits = server.hits("/");
    let order = FloodOrder { center: MIDDLE, radius_m, level_m: level_m - 5.0, is_connected: false };
    desk.viewer.set_flood(Some(order));
    let lower = desk.viewer.studies.flood.as_ref().and_then(|study| study.flood.as_ref()).expect("at once");
    assert!(lower.area_m2 < number(&done.studies[0], "area_m2"));
    assert_eq!(server.hits("/"), hits);
    // From dry ground no water comes.
    let done = follow(
        &mut desk,
        &json!([{"flood": {"at": MIDDLE, "level_m": level_m - 2.0, "radius_m": radius_m, "connected": true}}, {"flood": null}]),
    )
    .expect("followed");
    assert_eq!(done.studies[0]["source_is_dry"], true);
    assert!(number(&done.studies[0], "area_m2").abs() < f64::EPSILON);
}

#[test]
fn the_cone_hides_what_lies_behind_it_until_it_is_gone() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem", "ortho"]);
    let [east, north] = SLIDE_AT_M;
    let (from, to) = (lon_lat_at([east - 700.0, north]), lon_lat_at([east + 700.0, north]));
    desk.viewer.camera = above(lon_lat_at([east - 300.0, north]), 2_600.0);
    let steps = |file: &str, time: Value| {
        json!([{"time": time}, {"sight": {"from": from, "to": to, "from_up_m": 10.0, "to_up_m": 10.0}},
            {"viewshed": {"eye": from, "eye_up_m": 10.0, "radius_m": 1_100.0}}, {"shot": {"file": file}}, "clear-sights"])
    };
    let then = follow(&mut desk, &steps("studies-view-then.png", json!("2020-01-01"))).expect("followed");
    assert_eq!(then.studies[0]["is_seen"], false);
    let blocked = &then.studies[0]["blocked_at"];
    assert!(blocked[0].as_f64().expect("a longitude") < lon_lat_at(SLIDE_AT_M)[0], "on this side of the tip");
    let share = |study: &Value| number(study, "seen_m2") / number(study, "within_m2");
    assert!((0.5..0.95).contains(&share(&then.studies[1])), "{}", then.studies[1]);
    let before = picture("studies-view-then.png");
    let now = follow(&mut desk, &steps("studies-view-now.png", Value::Null)).expect("followed");
    assert_eq!(now.studies[0]["is_seen"], true);
    assert!(share(&now.studies[1]) > 0.999, "a plane hides nothing: {}", now.studies[1]);
    let after = picture("studies-view-now.png");
    let behind = [east + 380.0, north];
    let (hidden, seen) = (color_at(&desk, &before, behind), color_at(&desk, &after, behind));
    assert!(hidden[0] > hidden[1], "red behind the cone: {hidden:?}");
    assert!(seen[1] > seen[2] && seen[1] > 60, "green where one looks: {seen:?}");
}

#[test]
fn a_cut_shows_and_picks_only_what_it_leaves() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem", "ortho", "box"]);
    desk.viewer.camera = above(lon_lat_at([150.0, 0.0]), 900.0);
    let view = desk.viewer.camera.view(SIZE_PX);
    let pixel = |at_m: [f64; 2]| {
        let [lon, lat] = lon_lat_at(at_m);
        view.pixel_of(place::ecef([lon, lat, height_m([lon, lat])])).expect("in front")
    };
    let center = lon_lat_at([150.0, 0.0]);
    let cut = |keep: &str, file: &str| json!([{"clip": {"center": center, "half_m": [100.0, 100.0], "keep": keep}}, {"shot": {"file": file}}]);
    follow(&mut desk, &cut("inside", "studies-clip-inside.png")).expect("followed");
    assert!(desk.viewer.pick(&view, pixel([150.0, 80.0])).is_some());
    assert!(desk.viewer.pick(&view, pixel([320.0, 0.0])).is_none(), "what is not seen cannot be clicked");
    let inside = picture("studies-clip-inside.png");
    let is_yellow = |[red, green, blue, _]: [u8; 4]| red > 150 && green > 150 && blue < 90;
    assert!(is_yellow(color_at(&desk, &inside, [200.0, 80.0])));
    assert!(!is_yellow(color_at(&desk, &inside, [320.0, 60.0])));
    follow(&mut desk, &cut("outside", "studies-clip-outside.png")).expect("followed");
    let outside = picture("studies-clip-outside.png");
    assert!(
        !is_yellow(color_at(&desk, &outside, [200.0, 80.0])) && is_yellow(color_at(&desk, &outside, [320.0, 60.0]))
    );
    let is_green = |[red, green, blue, _]: [u8; 4]| red < 90 && green > 150 && blue < 130;
    assert!(!is_green(color_at(&desk, &outside, [150.0, 0.0])), "the box is taken out too");
    // A polygon whose top is lower than the roof cuts the box open: its inside and the ground are seen.
    let roof_m = height_m(center) + 30.0;
    let low = json!([{"clip": {"polygon": ring_at([150.0, 0.0], [300.0, 300.0]), "heights_m": [0.0, roof_m - 5.0]}}, {"shot": {"file": "studies-clip-low.png"}}]);
    follow(&mut desk, &low).expect("followed");
    let pick = desk.viewer.pick(&view, DVec2::new(400.0, 250.0)).expect("the floor");
    assert!(pick.lon_lat_height_deg[2] < roof_m - 5.0, "{pick:?}");
    follow(&mut desk, &json!([{"clip": null}, {"shot": {"file": "studies-clip-off.png"}}])).expect("followed");
    assert!(
        (desk.viewer.pick(&view, DVec2::new(400.0, 250.0)).expect("the roof").lon_lat_height_deg[2] - roof_m).abs()
            < 0.1
    );
}

#[test]
fn buildings_are_painted_by_state_and_counted() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem"]);
    let [east, north] = BUILDINGS_AT_M;
    desk.viewer.camera = above(lon_lat_at([east + 90.0, north]), 600.0);
    let done =
        follow(&mut desk, &json!([{"damage": "slide"}, {"shot": {"file": "studies-damage.png"}}])).expect("followed");
    assert_eq!(
        done.studies[0]["buildings"],
        json!({"destroyed": 1, "buried": 1, "damaged": 1, "undetermined": 0, "unchanged": 1})
    );
    let picture = picture("studies-damage.png");
    let colors: Vec<[u8; 4]> =
        (0..4).map(|place| color_at(&desk, &picture, [east + 60.0 * f64::from(place), north])).collect();
    let [[red, green, ..], [violet_red, violet_green, violet, _], [orange, middle, low, _], [still, grown, ..]] =
        colors[..]
    else {
        panic!("four")
    };
    assert!(red > 120 && red > green + 60, "destroyed is red: {colors:?}");
    assert!(violet > 110 && violet > violet_green + 40 && violet_red > violet_green, "buried is violet: {colors:?}");
    assert!(orange > 180 && middle > 90 && low < middle - 40, "damaged is orange: {colors:?}");
    assert!(grown > still + 10, "unchanged is green: {colors:?}");
    // What the server does not have is said.
    let refused = follow(&mut desk, &json!([{"damage": "nothing"}])).expect_err("not there");
    assert!(refused.to_string().contains("nothing"));
    let refused = follow(&mut desk, &json!([{"damage": "../datasets"}])).expect_err("no id");
    assert!(refused.to_string().contains("任务编号无效"));
}

#[test]
fn everything_together_with_its_panel_is_a_picture_to_look_at() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem", "ortho", "plan", "box"]);
    let [east, north] = SLIDE_AT_M;
    let line = [lon_lat_at([east - 600.0, north]), lon_lat_at([east + 600.0, north - 300.0])];
    let square = ring_at([east + 900.0, north - 300.0], [150.0, 150.0]);
    let done = follow(
        &mut desk,
        &json!([
            {"compare": {"before": "2020-01-01", "how": "swipe", "at": 0.5}},
            {"difference": {"limit_m": 0.5, "most_m": 40.0}}, {"section": {"line": line}},
            {"flood": {"at": deposit(), "level_m": height_m(deposit()) + 3.0, "radius_m": 700.0, "connected": true}},
            {"measure": {"kind": "area", "places": square}}, {"panels": "all"}, {"tab": "studies"},
            {"goto": {"around": {"place": lon_lat_at([east + 200.0, north - 300.0]), "distance_m": 3_200.0, "pitch_deg": -48.0}}},
            {"shot": {"file": "studies-all.png", "size": [1366, 900]}},
        ]),
    )
    .expect("followed");
    assert_eq!(done.failures, []);
    assert_eq!(done.studies.len(), 2);
    let picture = picture("studies-all.png");
    assert_eq!(picture.dimensions(), (1_366, 900));
}

fn deposit() -> [f64; 2] {
    lon_lat_at(DEPOSIT_AT_M)
}
