//! A loopback server with an analytic scene: every height, colour and position in it follows from a formula.
//!
//! Terrain is a tilted plane; imagery paints the four quarters round the middle; a box stands east of the middle, a field
//! of points west of it, a plan polygon north of it, a red line (drawn in cyan) south of it,
//! and one more plan over the middle and the box. Requests are counted, and any path can be made to fail.
//! Before 2024-03-15 the imagery is grey, the box brown, a cone stands where a slope slid since, and a hollow is empty that
//! the slide has filled to the plane.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use geodesy::EnuFrame;
use serde_json::json;
use tiles::glb::{self, Material, Mode, Model, Primitive};
use tiles::mvt::{self, TileFeature, TileGeometry, TileLayer, Value};
use tiles::terrain::TerrainEncoding;
use tiles::tileset::{BoundingVolume, Content, Refine, Tile, Tileset};

/// Middle of the scene in degrees.
pub(crate) const MIDDLE: [f64; 2] = [109.74, 28.31];
/// Edge of the box in metres.
pub(crate) const BOX_M: f64 = 60.0;
/// Where the box's middle is, metres east of the middle.
pub(crate) const BOX_EAST_M: f64 = 150.0;
/// West, south, east, north of everything.
pub(crate) const BOUNDS: [f64; 4] = [109.69, 28.27, 109.79, 28.35];

/// Height in metres of the tilted plane.
pub(crate) fn height_m([lon, lat]: [f64; 2]) -> f64 {
    300.0 + 1_500.0 * (lon - MIDDLE[0]) + 900.0 * (lat - MIDDLE[1])
}

/// Where a slope slid: metres east and north of the middle. Before, a cone stood there.
pub(crate) const SLIDE_AT_M: [f64; 2] = [-1_500.0, 0.0];
/// Where it went. Before, there was a hollow.
pub(crate) const DEPOSIT_AT_M: [f64; 2] = [-1_500.0, -1_300.0];
/// Radius of cone and hollow at their rim, metres.
pub(crate) const SLIDE_RADIUS_M: f64 = 400.0;
/// Height of the cone and depth of the hollow, metres.
pub(crate) const SLIDE_HIGH_M: [f64; 2] = [40.0, 15.0];

/// Height in metres before the slide.
pub(crate) fn height_before_m(place: [f64; 2]) -> f64 {
    let frame = EnuFrame::new([MIDDLE[0], MIDDLE[1], 0.0]);
    let ecef = geodesy::frame::ecef_from_lon_lat_height_deg([place[0], place[1], 0.0]);
    let [east_m, north_m, _] = frame.enu_from_ecef_point(ecef);
    let cone =
        |[x, y]: [f64; 2], high_m: f64| (1.0 - (east_m - x).hypot(north_m - y) / SLIDE_RADIUS_M).max(0.0) * high_m;
    height_m(place) + cone(SLIDE_AT_M, SLIDE_HIGH_M[0]) - cone(DEPOSIT_AT_M, SLIDE_HIGH_M[1])
}

/// Colour of the quarter a place lies in: red, yellow, blue, cyan for north-west, north-east, south-west, south-east.
pub(crate) fn quarter_color([lon, lat]: [f64; 2]) -> [u8; 3] {
    let east = if lon > MIDDLE[0] { 200 } else { 0 };
    if lat > MIDDLE[1] { [200, east, 0] } else { [0, east, 200] }
}

/// A running server.
pub(crate) struct SyntheticServer {
    /// Its address.
    pub(crate) url: url::Url,
    hits: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl SyntheticServer {
    /// Starts one; paths that contain `failing` answer 500.
    pub(crate) fn start(failing: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        let hits: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
        let counted = Arc::clone(&hits);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || serve(&stream, &counted, failing));
            }
        });
        Self { url: url.parse().expect("a URL"), hits }
    }

    /// How often paths with this part were asked for.
    pub(crate) fn hits(&self, part: &str) -> usize {
        let hits = self.hits.lock().expect("not poisoned");
        hits.iter().filter(|(path, _)| path.contains(part)).map(|(_, count)| count).sum()
    }
}

fn serve(stream: &TcpStream, hits: &Mutex<BTreeMap<String, usize>>, failing: Option<&str>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request).unwrap_or(0) == 0 {
            return;
        }
        let (mut header, mut body_bytes) = (String::new(), 0);
        while reader.read_line(&mut header).unwrap_or(0) > 2 {
            if let Some(("content-length", length)) = header.to_lowercase().split_once(':') {
                body_bytes = length.trim().parse().unwrap_or(0);
            }
            header.clear();
        }
        let mut sent = vec![0; body_bytes];
        if reader.read_exact(&mut sent).is_err() {
            return;
        }
        let mut words = request.split_whitespace();
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().unwrap_or("/").to_owned();
        if method != "GET" {
            let what = format!("{method} {target} {}", String::from_utf8_lossy(&sent));
            *hits.lock().expect("not poisoned").entry(what).or_default() += 1;
        }
        *hits.lock().expect("not poisoned").entry(target.clone()).or_default() += 1;
        let path = target.split('?').next().unwrap_or_default();
        let moment = target.split("datetime=").nth(1).unwrap_or("9999");
        let is_before = moment < "2024-03-15";
        let answer =
            if failing.is_some_and(|failing| path.contains(failing)) { Err(500) } else { answer(path, is_before) };
        let (status, body) = match answer {
            Ok(body) if body.is_empty() => (204, body),
            Ok(body) => (200, body),
            Err(status) => (status, Vec::new()),
        };
        let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n", body.len());
        let mut out = stream;
        if out.write_all(head.as_bytes()).and_then(|()| out.write_all(&body)).is_err() {
            return;
        }
    }
}

fn answer(path: &str, is_before: bool) -> Result<Vec<u8>, u16> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts[..] {
        ["datasets"] => Ok(datasets(is_before).to_string().into_bytes()),
        ["terrain", "dem"] if is_before => Ok(tile_json("terrain/dem@r0/terrarium/{z}/{x}/{y}.png", 6, 13)),
        ["tiles", "ortho"] if is_before => Ok(tile_json("tiles/ortho@r0/{z}/{x}/{y}.png", 8, 17)),
        ["3dtiles", "box", "tileset.json"] if is_before => Ok(box_tileset(["old.glb", "old.glb"])),
        ["3dtiles", "box", "old.glb"] => Ok(box_glb(8, [0.35, 0.12, 0.02, 1.0])),
        ["terrain", "dem@r0", "terrarium", z, x, y] => {
            Ok(terrain_tile(number(z)?, number(x)?, number(y)?, height_before_m))
        }
        ["tiles", "ortho@r0", z, x, y] => Ok(ortho_tile(number(z)?, number(x)?, number(y)?, |_| [110, 110, 110])),
        ["terrain", "dem"] => Ok(tile_json("terrain/dem@r1/terrarium/{z}/{x}/{y}.png", 6, 13)),
        ["tiles", "ortho"] => Ok(tile_json("tiles/ortho@r1/{z}/{x}/{y}.png", 8, 17)),
        ["tiles", plan @ ("plan" | "redline" | "overall")] => {
            Ok(tile_json(&format!("tiles/{plan}@r1/{{z}}/{{x}}/{{y}}.mvt"), 8, 14))
        }
        ["terrain", "dem@r1", "terrarium", z, x, y] => {
            Ok(terrain_tile(number(z)?, number(x)?, number(y)?, height_m))
        }
        ["tiles", "ortho@r1", z, x, y] => Ok(ortho_tile(number(z)?, number(x)?, number(y)?, quarter_color)),
        ["tiles", "plan@r1", z, x, y] => Ok(plan_tile("plan", 200.0, number(z)?, number(x)?, number(y)?)),
        ["tiles", "redline@r1", z, x, y] => Ok(plan_tile("redline", -600.0, number(z)?, number(x)?, number(y)?)),
        ["tiles", "overall@r1", z, x, y] => Ok(plan_tile("overall", -200.0, number(z)?, number(x)?, number(y)?)),
        ["styles", "plan.json" | "overall.json"] => Ok(plan_style("#ff00ff").to_string().into_bytes()),
        ["styles", "redline.json"] => Ok(plan_style("#00ffff").to_string().into_bytes()),
        ["3dtiles", "box", "tileset.json"] => Ok(box_tileset(["coarse.glb", "fine.glb"])),
        ["3dtiles", "box", "coarse.glb"] => Ok(box_glb(1, [0.0, 0.5, 0.1, 1.0])),
        ["3dtiles", "box", "fine.glb"] => Ok(box_glb(8, [0.0, 0.5, 0.1, 1.0])),
        ["3dtiles", "points", "tileset.json"] => Ok(points_tileset()),
        ["3dtiles", "points", "points.glb"] => Ok(points_glb()),
        ["projects"] => Ok(json!({"projects": [{"id": "p1", "code": "X-1", "name": "河湾安置区"}, {"id": "p2", "code": "X-2", "name": "河湾学校"}]})
            .to_string()
            .into_bytes()),
        ["projects", "p1"] => Ok(project().to_string().into_bytes()),
        ["projects", "p1", "red-lines", "1"] => {
            Ok(square_at(PROJECT_AT_M, PROJECT_HALF_M, &json!({})).to_string().into_bytes())
        }
        ["projects", "p1", "notes"] => Ok(json!({"notes": []}).to_string().into_bytes()),
        ["projects", "p1", "scene"] => Ok(scene().to_string().into_bytes()),
        ["analyses", "jobs", "j1", "result"] => Ok(json!({"checks": [
            {"rule": "farmland", "title": "永久基本农田", "verdict": "fail", "overlap": {"plane_m2": 900.0, "pieces": 1}},
            {"rule": "urban", "title": "城镇开发边界", "verdict": "pass"}]})
        .to_string()
        .into_bytes()),
        ["analyses", "jobs", "j1", "patches"] => {
            let properties = json!({"rule": "farmland", "verdict": "fail", "plane_m2": 900.0});
            Ok(square_at(CONFLICT_AT_M, 15.0, &properties).to_string().into_bytes())
        }
        ["analyses", "jobs", "slide", "patches"] => Ok(buildings().to_string().into_bytes()),
        ["features", "plan"] => Ok(json!({"type": "FeatureCollection", "features": [
            {"type": "Feature", "id": 7, "properties": {"DLMC": "水田", "TBMJ": 1234.5}, "geometry": null}]})
        .to_string()
        .into_bytes()),
        _ => Err(404),
    }
}

/// Metres east and north of the middle where the project's red line and its conflict have their middles.
pub(crate) const PROJECT_AT_M: [f64; 2] = [500.0, 900.0];
/// Half a side of the red line in metres.
pub(crate) const PROJECT_HALF_M: f64 = 60.0;
/// Where the conflict is.
pub(crate) const CONFLICT_AT_M: [f64; 2] = [535.0, 935.0];

/// Longitude and latitude in degrees of a place so many metres east and north of the middle.
pub(crate) fn lon_lat_at([east_m, north_m]: [f64; 2]) -> [f64; 2] {
    let frame = EnuFrame::new([MIDDLE[0], MIDDLE[1], 0.0]);
    let at = frame.ecef_from_enu_point([east_m, north_m, 0.0]);
    let [lon, lat, _] = geodesy::frame::lon_lat_height_deg_from_ecef(at);
    [lon, lat]
}

/// A rectangle round a place, anticlockwise.
pub(crate) fn ring_at([east_m, north_m]: [f64; 2], [half_wide_m, half_high_m]: [f64; 2]) -> Vec<[f64; 2]> {
    [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]
        .map(|[x, y]| lon_lat_at([east_m + x * half_wide_m, north_m + y * half_high_m]))
        .to_vec()
}

fn square_at(at_m: [f64; 2], half_m: f64, properties: &serde_json::Value) -> serde_json::Value {
    let mut ring = ring_at(at_m, [half_m, half_m]);
    ring.push(ring[0]);
    json!({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}]})
}

/// Four buildings in a row north of the project, one in each state, 60 m apart; and the ground that moved round them.
pub(crate) const BUILDINGS_AT_M: [f64; 2] = [500.0, 1_300.0];

fn buildings() -> serde_json::Value {
    let mut features = Vec::new();
    let [east_m, north_m] = BUILDINGS_AT_M;
    for (number, state) in ["destroyed", "buried", "damaged", "unchanged"].into_iter().enumerate() {
        let at_m = [east_m + 60.0 * number as f64, north_m];
        let properties = json!({"kind": "building", "state": state});
        features.push(square_at(at_m, 20.0, &properties)["features"][0].clone());
    }
    features.push(square_at([east_m + 90.0, north_m], 200.0, &json!({"kind": "moved-ground"}))["features"][0].clone());
    json!({"type": "FeatureCollection", "features": features})
}

fn project() -> serde_json::Value {
    json!({"id": "p1", "code": "X-1", "name": "河湾安置区", "applicant": "样例镇", "state": "meeting", "version": 4,
        "land_use": {"system": "2023", "code": "070102", "name": "二类城镇住宅用地"}, "height_m": 54.0,
        "red_line": {"version": 1, "plane_m2": 14_400.0, "ellipsoidal_m2": 14_394.5},
        "check": {"job": "j1", "verdict": "fail"}})
}

fn scene() -> serde_json::Value {
    let tall = json!({"name": "1#", "footprint": [ring_at(PROJECT_AT_M, [20.0, 20.0])], "floors": 6, "ground": "mean"});
    let low = json!({"name": "长楼", "footprint": [ring_at(PROJECT_AT_M, [40.0, 20.0])], "height_m": 9.0, "floors": 3, "ground": "highest"});
    let [lon, lat] = lon_lat_at(PROJECT_AT_M);
    json!({"version": 2, "schemes": [{"name": "高层", "buildings": [tall]}, {"name": "多层", "buildings": [low]}],
        "bookmarks": [{"name": "俯视", "camera": [lon, lat, height_m([lon, lat]) + 300.0, 0.0, -90.0], "scheme": "A"}]})
}

fn number(part: &str) -> Result<u32, u16> {
    part.split('.').next().and_then(|digits| digits.parse().ok()).ok_or(404)
}

fn datasets(is_before: bool) -> serde_json::Value {
    let dataset = |slug: &str, title: &str, kind: &str, links: serde_json::Value| {
        let has_two = is_before && matches!(slug, "dem" | "ortho" | "box");
        let (revision, since) = if has_two { ("r0", "2020-01-01") } else { ("r1", "2024-03-15") };
        json!({"slug": slug, "title": title, "kind": kind, "live": false, "bounds": BOUNDS,
            "revision": {"id": revision, "valid_from": since, "valid_to": null, "recorded": "2024-04-01T00:00:00Z", "crs": "EPSG:4546", "height_datum": "normal-1985"},
            "revisions": [{"id": "r0", "valid_from": "2020-01-01"}, {"id": "r1", "valid_from": "2024-03-15"}],
            "properties": {"min_height_m": 200.0, "max_height_m": 400.0, "style": if slug == "redline" { "sthx" } else { "dltb" }},
            "links": links})
    };
    json!({"datasets": [
        dataset("dem", "数字高程模型", "elevation", json!({"terrain": "/terrain/dem"})),
        dataset("ortho", "正射影像", "imagery", json!({"tilejson": "/tiles/ortho"})),
        dataset("overall", "总体规划", "features", json!({"tilejson": "/tiles/overall", "style": "/styles/overall.json"})),
        dataset("redline", "生态保护红线", "features", json!({"tilejson": "/tiles/redline", "features": "/features/redline", "style": "/styles/redline.json"})),
        dataset("plan", "地类图斑", "features", json!({"tilejson": "/tiles/plan", "features": "/features/plan", "style": "/styles/plan.json"})),
        dataset("box", "实景模型", "mesh", json!({"tileset": "/3dtiles/box/tileset.json"})),
        dataset("points", "机载点云", "point-cloud", json!({"tileset": "/3dtiles/points/tileset.json"})),
    ]})
}

fn tile_json(template: &str, min_zoom: u8, max_zoom: u8) -> Vec<u8> {
    json!({"tilejson": "3.0.0", "tiles": [format!("/{template}")], "minzoom": min_zoom, "maxzoom": max_zoom, "bounds": BOUNDS}).to_string().into_bytes()
}

/// Longitude and latitude of a pixel position of a tile, in degrees.
fn lon_lat(z: u32, x: u32, y: u32, u: f64, v: f64) -> [f64; 2] {
    let tiles = f64::from(1_u32 << z);
    let (east, south) = ((f64::from(x) + u) / tiles, (f64::from(y) + v) / tiles);
    [east * 360.0 - 180.0, (std::f64::consts::PI * (1.0 - 2.0 * south)).sinh().atan().to_degrees()]
}

fn inside([lon, lat]: [f64; 2]) -> bool {
    (BOUNDS[0]..BOUNDS[2]).contains(&lon) && (BOUNDS[1]..BOUNDS[3]).contains(&lat)
}

fn pixels(z: u32, x: u32, y: u32) -> impl Iterator<Item = [f64; 2]> {
    (0..256).flat_map(move |row| {
        (0..256).map(move |column| lon_lat(z, x, y, (f64::from(column) + 0.5) / 256.0, (f64::from(row) + 0.5) / 256.0))
    })
}

fn terrain_tile(z: u32, x: u32, y: u32, height_m: fn([f64; 2]) -> f64) -> Vec<u8> {
    let heights: Vec<f32> =
        pixels(z, x, y).map(|place| if inside(place) { height_m(place) as f32 } else { f32::NAN }).collect();
    if heights.iter().all(|height| height.is_nan()) {
        return Vec::new();
    }
    TerrainEncoding::Terrarium.encode_png(256, &heights).expect("encodes")
}

fn ortho_tile(z: u32, x: u32, y: u32, color_of: fn([f64; 2]) -> [u8; 3]) -> Vec<u8> {
    let color = |place: [f64; 2]| {
        let [red, green, blue] = color_of(place);
        [red, green, blue, if inside(place) { 255 } else { 0 }]
    };
    let picture = image::RgbaImage::from_raw(256, 256, pixels(z, x, y).flat_map(color).collect()).expect("256 x 256");
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).expect("encodes");
    bytes.into_inner()
}

/// A square polygon 400 m a side whose southern edge lies so many metres north of the middle.
fn plan_tile(name: &str, south_m: f64, z: u32, x: u32, y: u32) -> Vec<u8> {
    let frame = EnuFrame::new([MIDDLE[0], MIDDLE[1], 0.0]);
    let corners = [[-200.0, 400.0], [200.0, 400.0], [200.0, 0.0], [-200.0, 0.0]].map(|[east, north]| {
        let north = south_m + north;
        let [lon, lat, _] = geodesy::frame::lon_lat_height_deg_from_ecef(frame.ecef_from_enu_point([east, north, 0.0]));
        let tiles = f64::from(1_u32 << z);
        let column = (lon + 180.0) / 360.0 * tiles - f64::from(x);
        let row = (0.5 - lat.to_radians().tan().asinh() / (2.0 * std::f64::consts::PI)) * tiles - f64::from(y);
        [column, row].map(|part| (part * 4_096.0).round() as i32)
    });
    let apart = |axis: usize| {
        corners.iter().all(|corner| corner[axis] < -64) || corners.iter().all(|corner| corner[axis] > 4_160)
    };
    if apart(0) || apart(1) {
        return Vec::new();
    }
    let properties = Arc::from([(Arc::from("DLMC"), Value::Text(Arc::from("水田")))]);
    let feature =
        TileFeature { id: Some(7), properties, geometry: TileGeometry::Polygons(vec![vec![corners.to_vec()]]) };
    mvt::encode(&[TileLayer { name: name.to_owned(), extent: 4_096, features: vec![feature] }]).expect("encodes")
}

fn plan_style(fill: &str) -> serde_json::Value {
    json!({"version": 8, "name": "plan", "sources": {}, "layers": [
        {"id": "fill", "type": "fill", "source": "dataset", "source-layer": "dataset", "paint": {"fill-color": fill}},
        {"id": "label", "type": "symbol", "source": "dataset", "source-layer": "dataset",
         "layout": {"text-field": ["get", "DLMC"], "text-size": 18},
         "paint": {"text-color": "#000000", "text-halo-color": "#ffffff", "text-halo-width": 1}}]})
}

/// Ground height in the middle of the box.
pub(crate) fn box_frame() -> EnuFrame {
    let middle = EnuFrame::new([MIDDLE[0], MIDDLE[1], 0.0]);
    let [lon, lat, _] =
        geodesy::frame::lon_lat_height_deg_from_ecef(middle.ecef_from_enu_point([BOX_EAST_M, 0.0, 0.0]));
    EnuFrame::new([lon, lat, height_m([lon, lat])])
}

fn box_tileset([coarse, fine_one]: [&str; 2]) -> Vec<u8> {
    let half = BOX_M / 2.0;
    let volume = || BoundingVolume::from_corners([-half, -half, -half], [half, half, half]);
    let mut root = Tile::new(volume(), 10.0);
    root.refine = Some(Refine::Replace);
    root.transform = Some(box_frame().ecef_from_enu());
    root.content = Some(Content::new(coarse));
    let mut fine = Tile::new(volume(), 0.0);
    fine.content = Some(Content::new(fine_one));
    root.children.push(fine);
    Tileset::new(root, 100.0).to_json().expect("encodes")
}

/// A box whose faces are cut into `cells` x `cells` squares; plain.
fn box_glb(cells: u32, base_color: [f32; 4]) -> Vec<u8> {
    let half = BOX_M as f32 / 2.0;
    let mut primitive = Primitive::new(Mode::Triangles);
    for axis in 0..3 {
        for side in [-half, half] {
            for i in 0..cells {
                for j in 0..cells {
                    let along = |at: u32| -half + 2.0 * half * at as f32 / cells as f32;
                    let corner = |a: u32, b: u32| {
                        let mut position = [0.0; 3];
                        position[axis] = side;
                        position[(axis + 1) % 3] = along(a);
                        position[(axis + 2) % 3] = along(b);
                        position
                    };
                    let first = primitive.positions.len() as u32;
                    primitive.positions.extend([
                        corner(i, j),
                        corner(i + 1, j),
                        corner(i + 1, j + 1),
                        corner(i, j + 1),
                    ]);
                    primitive.indices.extend([first, first + 1, first + 2, first, first + 2, first + 3]);
                }
            }
        }
    }
    primitive.material = Some(0);
    let material = Material { base_color, unlit: true, double_sided: true, ..Material::default() };
    glb::write(&Model { primitives: vec![primitive], materials: vec![material], ..Model::default() }).expect("encodes")
}

fn points_tileset() -> Vec<u8> {
    let mut root = Tile::new(BoundingVolume::from_corners([-60.0, -60.0, -2.0], [60.0, 60.0, 30.0]), 0.0);
    root.refine = Some(Refine::Add);
    let middle = EnuFrame::new([MIDDLE[0], MIDDLE[1], 0.0]);
    let [lon, lat, _] = geodesy::frame::lon_lat_height_deg_from_ecef(middle.ecef_from_enu_point([-150.0, 0.0, 0.0]));
    root.transform = Some(EnuFrame::new([lon, lat, height_m([lon, lat]) + 5.0]).ecef_from_enu());
    root.content = Some(Content::new("points.glb"));
    Tileset::new(root, 50.0).to_json().expect("encodes")
}

/// 101 x 101 white points a metre apart, 10 m above the ground; glTF is y-up.
fn points_glb() -> Vec<u8> {
    let mut primitive = Primitive::new(Mode::Points);
    for i in 0..101_u16 {
        for j in 0..101_u16 {
            primitive.positions.push([f32::from(i) - 50.0, 5.0, f32::from(j) - 50.0]);
            primitive.colors.push([255, 255, 255, 255]);
        }
    }
    glb::write(&Model { primitives: vec![primitive], ..Model::default() }).expect("encodes")
}
