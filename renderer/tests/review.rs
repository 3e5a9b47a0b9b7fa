//! The review meeting against a loopback server: a project on the tilted plane, where every height and area is known.
//!
//! Pictures are left in the target folder to look at.

mod synthetic;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use glam::DVec2;
use renderer::ViewError;
use renderer::desk::Desk;
use renderer::gpu::{Backend, Gpu, Shot};
use renderer::headless;
use renderer::meeting::file::MeetingFile;
use renderer::meeting::{Shows, client, pack};
use renderer::packed::Packed;
use renderer::panel::Panels;
use renderer::panel::words::Language;
use renderer::scene::camera::Camera;
use renderer::scene::place;
use renderer::script::{self, Script};
use renderer::service::Service;
use renderer::viewer::Viewer;
use renderer::window::Opened;
use synthetic::{BOUNDS, CONFLICT_AT_M, PROJECT_AT_M, PROJECT_HALF_M, SyntheticServer, height_m, lon_lat_at, ring_at};

const SIZE_PX: [u32; 2] = [640, 400];

fn desk_of(service: Service, file: Option<(MeetingFile, PathBuf)>) -> Desk {
    let quiet: Arc<dyn Fn() + Send + Sync> = Arc::new(|| {});
    let meeting = match file.as_ref().and_then(|(file, _)| file.project.as_deref()) {
        Some(id) => client::read(&service, id),
        None => client::open(&service, "河湾安置区"),
    };
    let mut viewer = Viewer::open(service, None, &quiet).expect("opens");
    viewer.show_only(&["dem".to_owned(), "ortho".to_owned()]);
    let mut desk = Desk::new(viewer, Language::Zh, Panels::None);
    let opened = Opened { meeting: Some(meeting.expect("a project")), file };
    opened.put_on(&mut desk, None, SIZE_PX, 1.0);
    desk
}

fn desk(server: &SyntheticServer) -> Desk {
    desk_of(Service::new(server.url.clone()).expect("a client"), None)
}

/// The camera looking straight down on the project.
fn above(up_m: f64) -> Camera {
    let [lon, lat] = lon_lat_at(PROJECT_AT_M);
    Camera::new([lon, lat, height_m([lon, lat]) + up_m], 0.0, -90.0)
}

fn shot() -> Shot {
    Shot::new(Gpu::headless(Backend::Auto).expect("a device"), 4)
}

fn picture(desk: &mut Desk, name: &str) -> image::RgbaImage {
    let picture = headless::paint(desk, shot().painter(), SIZE_PX, 1.0).expect("a picture");
    headless::write(&picture, &PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)).expect("written");
    picture
}

/// The colour at a place so many metres east and north of the middle, on the ground.
fn color_at(desk: &Desk, picture: &image::RgbaImage, at_m: [f64; 2]) -> [u8; 4] {
    let [lon, lat] = lon_lat_at(at_m);
    let pixel = desk.viewer.camera.view(SIZE_PX).pixel_of(place::ecef([lon, lat, height_m([lon, lat])]));
    let pixel = pixel.expect("in front");
    picture.get_pixel(pixel.x as u32, pixel.y as u32).0
}

fn is_red([red, green, blue, _]: [u8; 4]) -> bool {
    red > 150 && green < 90 && blue < 90
}

#[test]
fn red_line_and_conflict_lie_where_they_are_and_the_conflict_says_its_rule() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server);
    desk.viewer.camera = above(300.0);
    if let Some(meeting) = &mut desk.viewer.meeting {
        meeting.shows = Shows::Nothing;
    }
    let picture = picture(&mut desk, "review-lines.png");
    let [east, north] = PROJECT_AT_M;
    // Yellow ground (north-east quarter) everywhere else.
    assert!(is_red(color_at(&desk, &picture, [east - PROJECT_HALF_M, north])), "the western edge");
    assert!(is_red(color_at(&desk, &picture, [east, north - PROJECT_HALF_M])), "the southern edge");
    let inside = color_at(&desk, &picture, [east - 20.0, north - 20.0]);
    assert!(inside[0] > 150 && inside[1] > 150, "the land inside is still seen: {inside:?}");
    let [conflict_east, conflict_north] = CONFLICT_AT_M;
    let conflict = color_at(&desk, &picture, [conflict_east - 9.0, conflict_north - 9.0]);
    assert!(conflict[0] > 150 && conflict[1] + 30 < inside[1], "the conflict is redder: {conflict:?} {inside:?}");
    let signs: Vec<String> = desk.viewer.signs(0, true).into_iter().map(|sign| sign.text).collect();
    assert_eq!(signs, ["永久基本农田 · 不通过\n900.00 m²"]);
}

#[test]
fn a_building_stands_on_the_stated_ground_of_the_tilted_plane() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server);
    desk.viewer.camera = above(300.0);
    headless::settle(&mut desk, SIZE_PX, headless::PATIENCE).expect("settles");
    let corners: Vec<f64> = ring_at(PROJECT_AT_M, [20.0, 20.0]).into_iter().map(height_m).collect();
    let (lowest, highest) = corners.iter().fold((f64::MAX, f64::MIN), |(low, high), h| (low.min(*h), high.max(*h)));
    let massing = desk.viewer.built_scheme(0).expect("built").massings[0].clone();
    // Terrarium tells heights to 1/256 m.
    let near = |a: f64, b: f64| (a - b).abs() < 0.02;
    assert!(near(massing.under.lowest_m, lowest) && near(massing.under.highest_m, highest), "{:?}", massing.under);
    assert!(near(massing.foot_m, height_m(lon_lat_at(PROJECT_AT_M))), "the mean of a plane is its middle");
    assert_eq!((massing.height_m, massing.floors), (18.0, Some(6)));
    // One measures on its roof what it says of itself.
    let view = desk.viewer.camera.view(SIZE_PX);
    let roof = desk.viewer.pick(&view, DVec2::new(320.5, 200.5)).expect("the roof");
    assert!((roof.lon_lat_height_deg[2] - (massing.foot_m + 18.0)).abs() < 0.01);
}

#[test]
fn two_schemes_stand_beside_each_other_under_one_camera_and_nothing_is_loaded_twice() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server);
    desk.viewer.camera = above(300.0);
    headless::settle(&mut desk, [318, 400], headless::PATIENCE).expect("settles");
    let (terrain, imagery) = (server.hits("/terrarium/"), server.hits("/tiles/ortho@r1/"));
    if let Some(meeting) = &mut desk.viewer.meeting {
        meeting.shows = meeting.shows_named("side-by-side").expect("two schemes");
    }
    let picture = picture(&mut desk, "review-side-by-side.png");
    assert_eq!(desk.viewer.draw_lists().len(), 2);
    // The long building reaches 40 m to the west, the tower only 20 m: 30 m west there is ground at the left and roof at the right.
    let panes = desk.panes(SIZE_PX);
    let view = desk.viewer.camera.view(panes.pane_px);
    let [lon, lat] = lon_lat_at([PROJECT_AT_M[0] - 30.0, PROJECT_AT_M[1]]);
    let pixel = view.pixel_of(place::ecef([lon, lat, height_m([lon, lat])])).expect("in front");
    let heights: Vec<f64> =
        (0..2).map(|pane| desk.viewer.pick_in(pane, &view, pixel).expect("a surface").lon_lat_height_deg[2]).collect();
    assert!((heights[0] - height_m([lon, lat])).abs() < 1.0 && heights[1] - heights[0] > 8.0, "{heights:?}");
    let colors =
        panes.corners_px.iter().map(|[left, top]| picture.get_pixel(left + pixel.x as u32, top + pixel.y as u32).0);
    let colors: Vec<[u8; 4]> = colors.collect();
    assert_ne!(colors[0], colors[1]);
    // The camera is the same and so are the tiles; the second footprint only reads terrain that may be finer than seen.
    assert_eq!(server.hits("/tiles/ortho@r1/"), imagery);
    assert!(server.hits("/terrarium/") <= terrain + 4);
}

#[test]
fn a_script_measures_notes_and_takes_pictures_below_its_folder() {
    let server = SyntheticServer::start(None);
    let mut desk = desk(&server);
    let folder = tempfile::tempdir().expect("a folder");
    let [west, south] = lon_lat_at([PROJECT_AT_M[0] - 60.0, PROJECT_AT_M[1] - 60.0]);
    let ring = ring_at(PROJECT_AT_M, [60.0, 60.0]);
    let steps = serde_json::json!({"version": 1, "steps": [
        {"goto": {"bookmark": "俯视"}}, {"scheme": "none"},
        {"measure": {"kind": "area", "places": ring}},
        {"measure": {"kind": "height", "places": [[west, south], [west, south, height_m([west, south]) + 24.0]]}},
        {"note": {"place": [west, south], "text": "退线不足"}},
        {"shot": {"file": "图/俯视.png"}}, {"bookmark": "所见"}, {"save": "会审.skv"}]});
    let script = Script::parse(steps.to_string().as_bytes()).expect("a script");
    let done = script::follow(&mut desk, &mut shot(), &script, (folder.path(), SIZE_PX)).expect("followed");
    assert_eq!(done.files, ["图/俯视.png", "会审.skv"]);
    assert!(done.failures.is_empty(), "{:?}", done.failures);
    let number = |at: usize, name: &str| done.measures[at][name].as_f64().expect("a number");
    // A frame's square metre at the height of the ellipsoid, seen in the zone: within the 400 ppm of this place.
    assert!((number(0, "plane_m2") - 14_400.0).abs() < 8.0 && (number(0, "ellipsoidal_m2") - 14_400.0).abs() < 1.0);
    assert!((number(1, "rise_m") - 24.0).abs() < 0.02 && number(1, "horizontal_m") < 1e-6);
    assert_eq!(server.hits("POST /projects/p1/notes"), 1, "a note is sent once");
    let file = MeetingFile::open(&folder.path().join("会审.skv")).expect("opens");
    assert_eq!(file.bookmarks.iter().map(|mark| mark.name.as_str()).collect::<Vec<_>>(), ["俯视", "所见"]);
    assert!(file.notes[0].posted);
    let picture = image::open(folder.path().join("图/俯视.png")).expect("a PNG").into_rgba8();
    assert_eq!(picture.dimensions(), (SIZE_PX[0], SIZE_PX[1]));
}

#[test]
fn a_packed_meeting_shows_the_same_picture_without_a_server() {
    let server = SyntheticServer::start(None);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("会审.skv");
    let mut online = desk(&server);
    online.viewer.camera = above(300.0);
    online.meeting_file().save(&path).expect("saved");
    let seen = picture(&mut online, "review-online.png");
    let out = folder.path().join("盘");
    let packing = pack::pack(&path, &out, 200.0, None).expect("packed");
    assert_eq!(packing.missing, 0);
    let hits = server.hits("/");
    let (file, folder) = (out.join("meeting.skv"), Path::new(&out));
    let saved = MeetingFile::open(&file).expect("opens");
    let service = Service::packed(saved.server_url().expect("a URL"), Packed::open(folder).expect("packed"));
    let mut offline = desk_of(service.expect("a service"), Some((saved, file)));
    let unseen = picture(&mut offline, "review-offline.png");
    assert_eq!(server.hits("/"), hits, "nothing was asked of the server");
    assert!(seen == unseen, "the pictures differ");
    assert_eq!(offline.viewer.counts().failed, 0);
    // Where nothing was packed coarser data go on being shown, and nothing counts as failed.
    offline.viewer.camera = Camera::new([BOUNDS[0] + 0.002, BOUNDS[1] + 0.002, 700.0], 0.0, -60.0);
    headless::settle(&mut offline, SIZE_PX, headless::PATIENCE).expect("settles");
    assert_eq!(offline.viewer.counts().failed, 0);
    assert!(offline.viewer.counts().ground_tiles > 0);
}

#[test]
fn a_project_that_is_not_there_is_said_so_with_those_that_are() {
    let server = SyntheticServer::start(None);
    let service = Service::new(server.url.clone()).expect("a client");
    let error = client::open(&service, "河湾").expect_err("two are called so in part");
    assert!(matches!(error, ViewError::NoProject { .. }));
    let words = error.to_string();
    assert!(
        words.contains("X-1 河湾安置区") && words.contains("X-2 河湾学校") && words.contains("no such project"),
        "{words}"
    );
    // A server without the review answers 404.
    let older = Service::new(server.url.join("older/").expect("a URL")).expect("a client");
    assert!(matches!(client::open(&older, "x"), Err(ViewError::NoReview { .. })));
}
