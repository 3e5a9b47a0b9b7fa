//! The viewer against a loopback server with an analytic scene: positions, colours, counts and pixels have known answers.
//!
//! Pictures are drawn on whatever graphics there is, a software driver included, and left in the target folder to look at.

mod synthetic;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use glam::DVec2;
use renderer::desk::Desk;
use renderer::gpu::{Backend, Gpu, SceneFrame, Shot, UiFrame};
use renderer::headless::{self, Order, Report};
use renderer::panel::Panels;
use renderer::panel::words::Language;
use renderer::scene::camera::Camera;
use renderer::scene::draw::Draw;
use renderer::scene::panes::Panes;
use renderer::scene::place;
use renderer::service::Service;
use renderer::viewer::Viewer;
use synthetic::{BOX_M, MIDDLE, SyntheticServer, box_frame, height_m};

const PATIENCE: Duration = Duration::from_mins(2);

fn open(server: &SyntheticServer) -> Viewer {
    let wake: Arc<dyn Fn() + Send + Sync> = Arc::new(|| {});
    Viewer::open(Service::new(server.url.clone()).expect("a client"), None, &wake).expect("opens")
}

fn desk(server: &SyntheticServer, layers: &[&str], camera: Camera) -> Desk {
    let mut viewer = open(server);
    let slugs: Vec<String> = layers.iter().map(|slug| (*slug).to_owned()).collect();
    assert!(viewer.show_only(&slugs).is_empty());
    viewer.camera = camera;
    Desk::new(viewer, Language::Zh, Panels::None)
}

fn order(name: &str, camera: Camera, size_px: [u32; 2]) -> Order {
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    Order { camera: Some(camera), size_px, layers: None, out, backend: Backend::Auto, pixels_per_point: 1.0 }
}

fn shoot(desk: &mut Desk, order: &Order) -> (Report, image::RgbaImage) {
    let report = headless::take(desk, order).expect("a picture");
    let picture = image::open(&order.out).expect("a PNG").into_rgba8();
    (report, picture)
}

fn down_from(height_m: f64) -> Camera {
    Camera::new([MIDDLE[0], MIDDLE[1], height_m], 0.0, -90.0)
}

fn oblique() -> Camera {
    let mut camera = Camera::new([MIDDLE[0], MIDDLE[1], 0.0], 20.0, -40.0);
    camera.look_from(place::ecef([MIDDLE[0], MIDDLE[1], 300.0]), 900.0);
    camera
}

#[test]
fn picked_places_lie_on_the_tilted_plane_within_a_centimetre() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem", "ortho"], oblique());
    let view = headless::settle(&mut desk, [640, 480], PATIENCE).expect("settles");
    for row in 0..8 {
        for column in 0..8 {
            let pixel = DVec2::new(40.0 + 80.0 * f64::from(column), 30.0 + 60.0 * f64::from(row));
            let pick = desk.viewer.pick(&view, pixel).expect("ground everywhere below the horizon");
            let [lon, lat, height] = pick.lon_lat_height_deg;
            assert!((height - height_m([lon, lat])).abs() < 0.01, "{pixel}: {height} is not {}", height_m([lon, lat]));
            let back = view.pixel_of(pick.ecef).expect("in front");
            assert!((back - pixel).length() < 1e-3);
        }
    }
}

#[test]
fn the_box_is_picked_on_its_roof_and_its_finer_tile_replaces_the_coarse_one() {
    let server = SyntheticServer::start(None);
    let roof = box_frame().ecef_from_enu_point([7.0, 11.0, BOX_M / 2.0]);
    let [lon, lat, height] = geodesy::frame::lon_lat_height_deg_from_ecef(roof);
    let mut desk = desk(&server, &["dem", "box"], Camera::new([lon, lat, height + 200.0], 0.0, -90.0));
    let view = headless::settle(&mut desk, [400, 400], PATIENCE).expect("settles");
    let pick = desk.viewer.pick(&view, DVec2::splat(200.0)).expect("the roof");
    let picked_layer = pick.layer.map(|index| desk.viewer.layers[index].dataset.slug.clone());
    assert_eq!(picked_layer.as_deref(), Some("box"));
    assert!((pick.ecef - glam::DVec3::from_array(roof)).length() < 0.01, "{:?}", pick.lon_lat_height_deg);
    // 6 faces of 8 x 8 squares of two triangles, and no coarse box beneath.
    let counts = desk.viewer.counts();
    assert_eq!(counts.pieces, 1);
    let ground_triangles: usize = counts.triangles - 6 * 8 * 8 * 2;
    assert_eq!(ground_triangles % counts.ground_tiles, 0);
    // From afar the coarse box is enough.
    desk.viewer.camera = Camera::new([lon, lat, height + 6_000.0], 0.0, -90.0);
    headless::settle(&mut desk, [400, 400], PATIENCE).expect("settles");
    assert_eq!(desk.viewer.counts().pieces, 1);
    assert_eq!((server.hits("coarse.glb"), server.hits("fine.glb")), (1, 1));
}

#[test]
fn pictures_are_upright_north_is_up_and_east_is_right() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem", "ortho"], down_from(1_500.0));
    let (report, picture) = shoot(&mut desk, &order("upright.png", down_from(1_500.0), [400, 400]));
    assert_eq!(report.failed, 0, "{report:?}");
    let at = |x: u32, y: u32| picture.get_pixel(x, y).0;
    let is_bright = |value: u8| value > 120;
    let bits = |[red, green, blue, _]: [u8; 4]| [is_bright(red), is_bright(green), is_bright(blue)];
    assert_eq!(bits(at(100, 100)), [true, false, false], "north-west is red");
    assert_eq!(bits(at(300, 100)), [true, true, false], "north-east is yellow");
    assert_eq!(bits(at(100, 300)), [false, false, true], "south-west is blue");
    assert_eq!(bits(at(300, 300)), [false, true, true], "south-east is cyan");
    // The quarters meet in the middle to a pixel.
    assert_ne!(bits(at(197, 100)), bits(at(203, 100)));
    assert_ne!(bits(at(100, 197)), bits(at(100, 203)));
}

/// The sky below the horizon has exactly one colour, so a hole in the ground shows as it.
fn hole_pixels(picture: &image::RgbaImage) -> usize {
    let encoded = |linear: f32| ((1.055 * linear.powf(1.0 / 2.4) - 0.055) * 255.0).round() as u8;
    let sky = [0.66, 0.76, 0.86].map(encoded);
    picture.pixels().filter(|pixel| sky.iter().zip(pixel.0).all(|(sky, seen)| sky.abs_diff(seen) <= 1)).count()
}

#[test]
fn the_ground_has_no_holes_between_tiles_of_different_fineness() {
    let server = SyntheticServer::start(None);
    let mut camera = Camera::new([MIDDLE[0], MIDDLE[1], 700.0], 75.0, -40.0);
    for (name, heading_deg) in [("holes-a.png", 75.0), ("holes-b.png", 200.0)] {
        camera.heading_deg = heading_deg;
        let mut desk = desk(&server, &["dem", "ortho"], camera);
        let (report, picture) = shoot(&mut desk, &order(name, camera, [640, 400]));
        assert!(report.ground_tiles > 8, "{report:?}");
        assert_eq!(hole_pixels(&picture), 0);
    }
}

#[test]
fn one_picture_shows_terrain_imagery_mesh_points_and_plan_with_its_chinese_label() {
    let server = SyntheticServer::start(None);
    let layers = ["dem", "ortho", "plan", "box", "points"];
    let mut desk = desk(&server, &layers, oblique());
    desk.panels = Panels::All;
    let (report, picture) = shoot(&mut desk, &order("everything.png", oblique(), [1280, 720]));
    assert_eq!((report.failed, report.points, report.labels), (0, 101 * 101, 1), "{report:?}");
    assert_eq!(report.layers.len(), layers.len());
    assert!(report.triangles < 200_000);
    let has = |wanted: fn([u8; 4]) -> bool| picture.pixels().filter(|pixel| wanted(pixel.0)).count();
    assert!(has(|[red, green, blue, _]| red > 200 && green < 60 && blue > 200) > 2_000, "the plan polygon is magenta");
    assert!(has(|[red, green, blue, _]| red < 90 && green > 150 && blue < 130) > 1_000, "the box is green");
    // The box seen from the middle line lies to the right, the points to the left.
    let view = oblique().view([1280, 720]);
    let box_px = view.pixel_of(glam::DVec3::from_array(box_frame().ecef_origin)).expect("in front");
    let [red, green, blue, _] = picture.get_pixel(box_px.x as u32, box_px.y as u32).0;
    assert!(red < 90 && green > 150 && blue < 130, "{red} {green} {blue}");
}

#[test]
fn at_first_everything_is_seen_and_of_the_plans_those_that_bind_everybody() {
    let server = SyntheticServer::start(None);
    let mut desk = Desk::new(open(&server), Language::Zh, Panels::None);
    desk.viewer.camera = down_from(2_200.0);
    let (report, picture) = shoot(&mut desk, &order("first.png", down_from(2_200.0), [400, 400]));
    assert_eq!(report.layers, ["dem", "ortho", "redline", "box", "points"]);
    let has = |wanted: fn([u8; 4]) -> bool| picture.pixels().filter(|pixel| wanted(pixel.0)).count();
    assert_eq!(has(|[red, green, blue, _]| red > 200 && green < 60 && blue > 200), 0, "land use is off");
    // Cyan over blue lets the blue through: less green than blue.
    let through = has(|[red, green, blue, _]| red < 60 && (150..235).contains(&green) && blue > green);
    assert!(through > 500, "{through} pixels of the red line over the blue quarter");
    // What is named replaces the rule.
    let mut asked = order("first-asked.png", down_from(2_200.0), [400, 400]);
    asked.layers = Some(vec!["dem".to_owned(), "plan".to_owned()]);
    assert_eq!(shoot(&mut desk, &asked).0.layers, ["dem", "plan"]);
}

#[test]
fn a_label_behind_a_building_is_not_written_and_comes_back_when_one_steps_aside() {
    let server = SyntheticServer::start(None);
    let [lon, lat] = ground_at([0.0, 400.0]);
    let anchor = place::ecef([lon, lat, height_m([lon, lat])]);
    // The eye, the box and the middle of the plan's polygon in one line, the eye lower than the roof.
    let behind = |east_m: f64, layers: &[&str]| {
        let [eye_lon, eye_lat] = ground_at([east_m, -160.0]);
        let mut camera = Camera::new([eye_lon, eye_lat, height_m([eye_lon, eye_lat]) + 12.0], 0.0, 0.0);
        let eye = camera.eye();
        camera.set_pose(eye, anchor - eye);
        let mut desk = desk(&server, layers, camera);
        headless::settle(&mut desk, [640, 480], PATIENCE).expect("settles");
        desk.viewer.labels().len()
    };
    assert_eq!(behind(210.0, &["dem", "plan", "box"]), 0, "the box stands before it");
    assert_eq!(behind(210.0, &["dem", "plan"]), 1, "without the box it is seen");
    assert_eq!(behind(-60.0, &["dem", "plan", "box"]), 1, "from beside the box it is seen");
}

#[test]
fn a_plan_lies_on_the_roof_of_a_model_and_the_ground_below_it_gives_way() {
    let server = SyntheticServer::start(None);
    let [lon, lat, _] = geodesy::frame::lon_lat_height_deg_from_ecef(box_frame().ecef_origin);
    let camera = Camera::new([lon, lat, height_m([lon, lat]) + 260.0], 0.0, -90.0);
    let is_green = |[red, green, blue, _]: [u8; 4]| red < 90 && green > 150 && blue < 130;
    let roof_of = |layers: &[&str], name: &str| {
        let mut desk = desk(&server, layers, camera);
        let (_, picture) = shoot(&mut desk, &order(name, camera, [400, 400]));
        let [x, y] = place::square_from_lon_lat_deg(lon, lat);
        let gave_way = desk.viewer.draw_list().draws.iter().any(|draw| {
            let Draw::Ground { square, open: Some(open), .. } = draw else { return false };
            let in_tile = [(x - square[0]) / square[2], (y - square[1]) / square[2]];
            in_tile.iter().all(|part| (0.0..1.0).contains(part)) && !open.is_open(in_tile)
        });
        (picture.get_pixel(200, 200).0, gave_way)
    };
    let (bare, gave_way) = roof_of(&["dem", "box"], "roof-bare.png");
    assert!(is_green(bare) && gave_way, "{bare:?}");
    let (draped, _) = roof_of(&["dem", "box", "overall"], "roof-draped.png");
    assert!(draped[0] > 200 && draped[1] < 60 && draped[2] > 200, "{draped:?} is not the plan's magenta");
}

#[test]
fn through_a_crack_in_a_model_one_sees_ground_and_not_sky() {
    let server = SyntheticServer::start(None);
    let [lon, lat, _] = geodesy::frame::lon_lat_height_deg_from_ecef(box_frame().ecef_origin);
    let camera = Camera::new([lon, lat, height_m([lon, lat]) + 260.0], 0.0, -90.0);
    let mut desk = desk(&server, &["dem", "box"], camera);
    let view = headless::settle(&mut desk, [400, 400], PATIENCE).expect("settles");
    let mut list = renderer::scene::draw::DrawList::default();
    for draw in &desk.viewer.draw_list().draws {
        // The ground as it gave way, and of the model nothing: one large crack.
        if matches!(draw, Draw::Ground { .. }) {
            list.push(None, draw.clone());
        }
    }
    let mut shot = Shot::new(Gpu::headless(Backend::Auto).expect("a device"), 1);
    let ui = UiFrame { primitives: Vec::new(), textures: egui::TexturesDelta::default(), pixels_per_point: 1.0 };
    let (size_px, panes) = (view.viewport_px, Panes::whole(view.viewport_px));
    let scene = SceneFrame { view: &view, panes: &panes, lists: &[list], size_px };
    let picture = shot.paint(&scene, ui).expect("a picture");
    assert_eq!(hole_pixels(&picture), 0);
}

/// Longitude and latitude in degrees of a place so many metres east and north of the middle.
fn ground_at([east_m, north_m]: [f64; 2]) -> [f64; 2] {
    let frame = geodesy::EnuFrame::new([MIDDLE[0], MIDDLE[1], 0.0]);
    let [lon, lat, _] = geodesy::frame::lon_lat_height_deg_from_ecef(frame.ecef_from_enu_point([east_m, north_m, 0.0]));
    [lon, lat]
}

#[test]
fn the_memory_budget_is_kept_and_what_is_seen_stays() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem", "ortho"], down_from(900.0));
    desk.viewer.budget_bytes = 24 << 20;
    for step in 0..6 {
        desk.viewer.camera = Camera::new([MIDDLE[0] - 0.03 + 0.01 * f64::from(step), MIDDLE[1], 900.0], 0.0, -60.0);
        headless::settle(&mut desk, [640, 480], PATIENCE).expect("settles");
        let counts = desk.viewer.counts();
        assert!(counts.bytes <= desk.viewer.budget_bytes, "{} bytes held", counts.bytes);
        assert!(counts.ground_tiles > 0);
    }
}

#[test]
fn what_cannot_be_loaded_is_counted_and_the_rest_is_drawn() {
    let server = SyntheticServer::start(Some("coarse.glb"));
    let mut near = oblique();
    near.look_from(glam::DVec3::from_array(box_frame().ecef_origin), 150.0);
    let mut desk = desk(&server, &["dem", "box"], near);
    headless::settle(&mut desk, [640, 480], PATIENCE).expect("settles");
    assert_eq!(server.hits("fine.glb"), 1);
    assert!(desk.viewer.counts().ground_tiles > 0);
    desk.viewer.camera = Camera::new([MIDDLE[0], MIDDLE[1], 9_000.0], 0.0, -90.0);
    headless::settle(&mut desk, [640, 480], PATIENCE).expect("settles although a tile fails");
    assert_eq!(desk.viewer.counts().failed, 1);
    assert_eq!(desk.viewer.counts().pieces, 1, "the fine box stays where the coarse one cannot be had");
    let failed = desk.viewer.layers.iter().find(|layer| layer.dataset.slug == "box").expect("there");
    assert!(failed.last_error.as_deref().is_some_and(|error| error.contains("500") && error.contains("coarse.glb")));
}

#[test]
fn a_picked_place_brings_the_attributes_the_server_has_there() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server, &["dem", "plan"], down_from(1_500.0));
    let view = headless::settle(&mut desk, [400, 400], PATIENCE).expect("settles");
    let pick = desk.viewer.pick(&view, DVec2::splat(200.0)).expect("ground");
    desk.viewer.inspect(pick);
    headless::settle(&mut desk, [400, 400], PATIENCE).expect("settles");
    let picked = desk.viewer.picked.as_ref().expect("kept");
    assert_eq!(picked.waiting, 0);
    assert_eq!(picked.features[0].0, "地类图斑");
    assert_eq!(picked.features[0].1["DLMC"], "水田");
}
