//! The review meeting: an officer opens the checked project in the shipped viewer under an account of their own, sees the red
//! line, the conflicts with their rules and two schemes, measures, notes, keeps pictures with the project, saves the meeting
//! and opens it again, at last from a packed folder with no server there. What is printed is held against the service, and
//! pictures are asked at places: a camera straight above a place has it in the middle, whatever the terrain.

use std::fs;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};

use crate::coordination::number;
use crate::people::{PASSWORD, Person};
use crate::programs::{Server, data_folder, program, root, run, skipped};
use crate::sample_county::County;
use crate::viewing::{
    Place, SIZE_PX, above, away, color_at, deepest, differing_ppm, distance_m, follow, int, keep_to_look_at, middle,
    moved, rings, to_edges_m, viewer,
};

const PROJECT: &str = "样例工业园";
/// What the parcel's plan allows (限高), and the floors of the schemes.
const HEIGHT_LIMIT_M: f64 = 24.0;
const FLOORS: [u32; 2] = [5, 12];
/// The viewer's opening from top to bottom.
const FOV_Y_DEG: f64 = 45.0;

/// A rectangle round a place.
fn rectangle(at: Place, [half_wide_m, half_high_m]: [f64; 2]) -> Vec<Place> {
    [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]
        .map(|[x, y]| moved(at, [x * half_wide_m, y * half_high_m]))
        .to_vec()
}

/// A registered and checked project, and who did it.
struct Review {
    lead: Person,
    path: String,
    project: Value,
    result: Value,
    red_line: Vec<Place>,
    /// Rings of the pieces by their rule and verdict.
    pieces: Vec<(String, String, Vec<Vec<Place>>)>,
}

impl Review {
    /// From the first start of the service to a check.
    fn begun(server: &Server, county: &County) -> Self {
        let admin = Person::first(server);
        let one_time = admin.hires("自然资源局", "lead", "王经办", &["lead_officer"]);
        // The viewer is no way round the change of a one-time password.
        let early = viewer(&server.url, Some(("lead", &one_time)), &["--project", PROJECT, "--headless"]);
        assert_eq!(early.0, 5, "{}", early.1);
        assert!(early.2.contains("密码"), "{}", early.2);
        let lead = Person::enter(server, "lead", &one_time);
        let registration = json!({
            "code": "2024-433199-41-01-000001", "name": PROJECT, "applicant": "样例县工业投资有限公司",
            "land_use_system": "landuse-2023", "land_use_code": "100101", "height_m": HEIGHT_LIMIT_M,
        });
        let made = lead.done(Method::POST, "/projects", &registration);
        let path = format!("/projects/{}", made["project"]["id"].as_str().expect("an id"));
        let file = county.deliveries.join("10_项目_拟用地红线/样例工业园_界址点.txt");
        lead.uploads(&format!("{path}/red-lines"), &file);
        lead.done(Method::POST, &format!("{path}/checks"), &json!({}));
        let project = lead.json(&path);
        let job = project["check"]["job"].as_str().expect("a job").to_owned();
        let result = lead.json(&format!("/analyses/jobs/{job}/result"));
        let result = if result["checks"].is_array() { result } else { result["result"].clone() };
        let patches = lead.json(&format!("/analyses/jobs/{job}/patches?limit=1000"));
        let drawn = lead.json(&format!("{path}/red-lines/1"));
        let red_line = rings(&drawn["features"][0]["geometry"]).remove(0);
        let piece = |patch: &Value| {
            let text = |name: &str| patch["properties"][name].as_str().unwrap_or_default().to_owned();
            (text("rule"), text("verdict"), rings(&patch["geometry"]))
        };
        let pieces = patches["features"].as_array().expect("pieces").iter().map(piece).collect();
        Self { lead, path, project, result, red_line, pieces }
    }

    fn check(&self, rule: &str) -> &Value {
        let checks = self.result["checks"].as_array().expect("checks");
        checks.iter().find(|check| check["rule"] == rule).unwrap_or_else(|| panic!("no check {rule}"))
    }

    /// The middle of the largest piece of a verdict, where nothing that is drawn over it lies: what forbids lies on top.
    fn in_piece(&self, verdict: &str) -> Place {
        let mut best = ([0.0, 0.0], 0.0);
        for (_, own, rings) in &self.pieces {
            let above = self.pieces.iter().filter(|(_, kind, _)| kind == "fail" && own != "fail");
            let others: Vec<Vec<Place>> =
                above.flat_map(|(_, _, rings)| rings.clone()).chain(rings.iter().skip(1).cloned()).collect();
            let found = deepest(&rings[0], &others);
            if own == verdict && found.1 > best.1 {
                best = found;
            }
        }
        assert!(best.1 > 3.0, "a piece of {verdict} wide enough to be looked at: {} m", best.1);
        best.0
    }

    fn marked(&self) -> Vec<Vec<Place>> {
        let marked = self.pieces.iter().filter(|(_, verdict, _)| verdict == "fail" || verdict == "conditional");
        marked.flat_map(|(_, _, rings)| rings.clone()).collect()
    }
}

/// Two schemes beside each other in the middle of the parcel: the first long and low, the second a tower at its eastern end.
fn schemes(at: Place) -> Value {
    let long = json!({ "name": "1#厂房", "footprint": [rectangle(at, [30.0, 12.0])], "floors": FLOORS[0], "floor_height_m": 4.8 });
    let tower = json!({ "name": "研发楼", "footprint": [rectangle(moved(at, [20.0, 0.0]), [10.0, 10.0])], "floors": FLOORS[1], "ground": "highest" });
    json!([{ "name": "多层", "buildings": [long] }, { "name": "高层", "buildings": [tower] }])
}

#[test]
fn a_project_is_reviewed_in_three_dimensions() {
    let county = County::get();
    let folder = data_folder();
    let server = Server::start(&county.copy(folder.path()));
    let review = Review::begun(&server, county);
    let account = Some(("lead", PASSWORD));
    let pictures: PathBuf = folder.path().join("图");

    let nobody = viewer(&server.url, None, &["--project", PROJECT, "--headless"]);
    assert!(nobody.0 == 5 && nobody.2.contains("SHIKONG_USER"), "who asks is asked for: {}", nobody.2);

    // As the project is first seen: no scheme yet, so the height limit stands over the whole red line.
    let marked = review.marked();
    let (site, room_m) = deepest(&review.red_line, &marked);
    assert!(room_m > 35.0, "{room_m} m of room for the schemes");
    let free = moved(site, [0.0, -room_m + 6.0]);
    let conflict = review.in_piece("fail");
    let condition = review.in_piece("conditional");
    let first = follow(
        &server.url,
        account,
        &["--project", PROJECT],
        (&pictures, &json!([{ "goto": "project" }, { "shot": { "file": "初见.png" } }])),
    );
    let limit = &first["buildings"][0];
    assert_eq!((number(&limit["height_m"]), &limit["floors"]), (HEIGHT_LIMIT_M, &Value::Null));
    let signs = |done: &Value| -> Vec<String> {
        done["signs"].as_array().expect("signs").iter().filter_map(|sign| sign.as_str().map(str::to_owned)).collect()
    };
    // A rule, its verdict and the very square metres of the check.
    let farmland = review.check("farmland");
    let expected = format!("永久基本农田 · 不通过\n{:.2} m²", number(&farmland["overlap"]["plane_m2"]));
    assert!(signs(&first).contains(&expected), "{expected} among {:?}", signs(&first));
    let height_m = number(&limit["foot_m"]) + 260.0;

    // The meeting, straight from above where pictures are asked, and from the side for people.
    let edge = {
        let ring = &review.red_line;
        let middle = |(a, b): (&Place, &Place)| [f64::midpoint(a[0], b[0]), f64::midpoint(a[1], b[1])];
        let edges = ring.iter().zip(ring.iter().cycle().skip(1));
        let far = edges.map(middle).filter(|at| to_edges_m(&marked, *at) > 25.0);
        let longest = |at: &Place| ring.iter().map(|corner| (distance_m(*corner, *at) * 1e3) as u64).min();
        far.max_by_key(longest).expect("an edge away from the conflicts")
    };
    let side = |distance_m: f64, heading_deg: f64| json!({ "goto": { "around": { "place": site, "distance_m": distance_m, "heading_deg": heading_deg, "pitch_deg": -32.0 } } });
    let shot = |file: &str| json!({ "shot": { "file": file } });
    let steps = json!([
        { "schemes": schemes(site) }, { "panels": "none" }, { "scheme": "none" },
        { "hide": ["*"] }, { "show": ["dem", "imagery"] },
        above(edge, height_m), shot("边.png"),
        // Beside the foot of the sign that stands in the middle.
        above(moved(conflict, [0.0, -6.0]), height_m), shot("冲突.png"),
        above(moved(condition, [0.0, -6.0]), height_m), shot("有条件.png"),
        above(free, height_m), shot("空地.png"),
        above(site, height_m), shot("无方案.png"),
        { "scheme": "多层" }, shot("多层.png"),
        { "scheme": "B" }, shot("高层.png"),
        { "scheme": "side-by-side" }, shot("并排.png"),
        { "scheme": "none" }, side(300.0, 0.0), shot("侧-无.png"),
        { "scheme": "高层" }, shot("侧-高层.png"),
    ]);
    let asked = follow(&server.url, account, &["--project", PROJECT], (&pictures, &steps));
    let steps = json!([
        { "schemes": schemes(site) }, { "scheme": "多层" }, side(420.0, 20.0), { "bookmark": "全景" },
        { "measure": { "kind": "area", "places": review.red_line } },
        { "measure": { "kind": "distance", "places": [review.red_line[0], review.red_line[1]] } },
        shot("全景.png"), "clear-measures",
        { "note": { "place": free, "text": "南侧退线不足，请设计单位复核" } },
        { "measure": { "kind": "height", "places": [site, [site[0], site[1], 0.0]] } }, "clear-measures",
        { "goto": { "around": { "place": conflict, "distance_m": 180.0, "heading_deg": 330.0, "pitch_deg": -38.0 } } },
        { "bookmark": "永农" }, shot("永农.png"),
        { "scheme": "side-by-side" }, side(330.0, 15.0), { "bookmark": "比选" }, shot("比选.png"),
        { "bookmark-order": ["全景", "比选", "永农"] }, "send-scene",
        { "panels": "caption" }, { "goto": { "bookmark": 1 } }, { "scheme": "高层" },
        { "shot": { "file": "会审图.png", "for_project": true } },
        { "save": "会审.skv" },
    ]);
    let done = follow(&server.url, account, &["--project", PROJECT], (&pictures, &steps));

    // Places in pictures.
    let [red, green, blue] = int(middle(&pictures, "边.png"));
    assert!(red > 150 && green < 90 && blue < 90, "the red line is red: {red} {green} {blue}");
    let ground = int(middle(&pictures, "空地.png"));
    let [red, green, blue] = int(middle(&pictures, "冲突.png"));
    assert!(red > green + 60 && red > blue + 60, "land that is refused is red: {red} {green} {blue}");
    let orange = int(middle(&pictures, "有条件.png"));
    assert!(orange[0] > orange[2] + 60 && orange[1] > green + 20, "land under a condition is orange: {orange:?}");
    assert!(ground[0] < ground[1] + 40, "free land keeps its colour: {ground:?}");
    let [none, low, tall] = ["无方案.png", "多层.png", "高层.png"].map(|name| int(middle(&pictures, name)));
    assert!(low[2] > low[0] + 15, "the first scheme is blue where it stands: {low:?} on {none:?}");
    assert!(away(tall, none) < 20, "the tower does not stand there: {tall:?} on {none:?}");
    // Two panes of one size with two pixels between them; the middle of each is the same place.
    let pane_px = (SIZE_PX[0] - 2) / 2;
    let [left, right] = [pane_px / 2, pane_px + 2 + pane_px / 2]
        .map(|x| int(color_at(&pictures.join("并排.png"), [x, SIZE_PX[1] / 2])));
    assert!(away(left, low) < 25 && away(right, none) < 25, "{left:?} {right:?}, alone {low:?} {none:?}");

    // The tower rises as high in the picture as its floors say: its roof is where the column above it changes first.
    let tower = &asked["buildings"][0];
    assert_eq!(tower["name"], "研发楼");
    let tower_m = f64::from(FLOORS[1]) * 3.0;
    assert_eq!((&tower["floors"], number(&tower["height_m"])), (&json!(FLOORS[1]), tower_m));
    let focal_px = f64::from(SIZE_PX[1]) / 2.0 / (FOV_Y_DEG / 2.0).to_radians().tan();
    let pitch = 32_f64.to_radians();
    // Of a place east and up of the looked-at one, in the picture's own metres.
    let pixel = |east_m: f64, north_m: f64, up_m: f64| {
        let depth_m = 300.0 + north_m * pitch.cos() - up_m * pitch.sin();
        let up = north_m * pitch.sin() + up_m * pitch.cos();
        [
            f64::from(SIZE_PX[0]) / 2.0 + east_m / depth_m * focal_px,
            f64::from(SIZE_PX[1]) / 2.0 - up / depth_m * focal_px,
        ]
    };
    let [without, with] =
        ["侧-无.png", "侧-高层.png"].map(|name| image::open(pictures.join(name)).expect("a PNG").to_rgb8());
    // Beside the leader line of the tower's sign, which stands over the middle of its roof.
    let column = pixel(12.0, -10.0, 0.0)[0].round() as u32;
    let differs = |row: &u32| {
        let [a, b] = [&without, &with].map(|picture| picture.get_pixel(column, *row).0);
        (0..3).any(|at| a[at].abs_diff(b[at]) > 4)
    };
    let bottom = (0..SIZE_PX[1]).rev().find(differs).expect("the tower is seen");
    // A row or two of a wall may be coloured like the field behind it; the sky over the roof is as it was.
    let mut top = bottom;
    for row in (0..bottom).rev() {
        if differs(&row) {
            top = row;
        } else if top - row > 3 {
            break;
        }
    }
    let foot_above_m = number(&tower["foot_m"]) - number(&tower["ground_m"][1]);
    let (roof, foot) = (pixel(20.0, 10.0, tower_m + foot_above_m)[1], pixel(20.0, -10.0, 0.0)[1]);
    let tall_px = f64::from(bottom - top);
    assert!((tall_px - (foot - roof)).abs() < 0.2 * (foot - roof), "{tall_px} rows high, expected {}", foot - roof);

    // Figures: what the viewer measures is what the service has.
    let measures = done["measures"].as_array().expect("measures");
    let red_line = &review.project["red_line"];
    for kind in ["plane_m2", "ellipsoidal_m2"] {
        let (measured, kept) = (number(&measures[0][kind]), number(&red_line[kind]));
        assert!((measured - kept).abs() < 0.05, "{kind}: measured {measured}, the service says {kept}");
    }
    let drawn_m = distance_m(review.red_line[0], review.red_line[1]);
    assert!((number(&measures[1]["horizontal_m"]) - drawn_m).abs() < 0.002 * drawn_m, "{} {drawn_m}", measures[1]);
    let roof_m = -number(&measures[2]["rise_m"]);
    let low = json!({ "foot": roof_m - f64::from(FLOORS[0]) * 4.8 });
    assert!(
        (number(&low["foot"]) - number(&limit["foot_m"])).abs() < 15.0,
        "a roof over the parcel's ground: {roof_m}"
    );
    let seen = signs(&done);
    for check in review.result["checks"].as_array().expect("checks") {
        let verdict = match check["verdict"].as_str() {
            Some("fail") => "不通过",
            Some("conditional") => "有条件",
            _ => continue,
        };
        let title = check["title"].as_str().or(check["title_zh"].as_str()).expect("a title");
        let has_place = review.pieces.iter().any(|(rule, ..)| check["rule"] == rule.as_str());
        assert!(
            !has_place || seen.iter().any(|sign| sign.starts_with(&format!("{title} · {verdict}"))),
            "{title}: {seen:?}"
        );
    }
    assert!(
        seen.iter().any(|sign| sign.contains("王经办") && sign.replace('\n', "").contains("退线不足")),
        "a note under its author's name: {seen:?}"
    );

    // What the service has now.
    let notes = review.lead.json(&format!("{}/notes", review.path));
    assert_eq!(notes["notes"].as_array().map(Vec::len), Some(1), "{notes}");
    assert_eq!(
        (&notes["notes"][0]["text"], &notes["notes"][0]["by"]["name"]),
        (&json!("南侧退线不足，请设计单位复核"), &json!("王经办"))
    );
    let scene = review.lead.json(&format!("{}/scene", review.path));
    let names =
        |list: &str| scene[list].as_array().expect("a list").iter().map(|one| one["name"].clone()).collect::<Vec<_>>();
    assert_eq!(
        (names("bookmarks"), names("schemes")),
        (vec![json!("全景"), json!("比选"), json!("永农")], vec![json!("多层"), json!("高层")])
    );
    assert_eq!(done["for_project"], json!(["会审图.png"]));
    let kept = review.lead.json(&format!("{}/attachments", review.path))["attachments"][0].clone();
    assert_eq!((&kept["name"], &kept["media_type"]), (&json!("会审图.png"), &json!("image/png")));
    let bytes = review.lead.bytes(&format!("{}/attachments/{}", review.path, kept["id"].as_str().expect("an id")));
    assert!(bytes == fs::read(pictures.join("会审图.png")).expect("written"), "the picture as it was taken");
    let report = folder.path().join("report.pdf");
    fs::write(&report, review.lead.bytes(&format!("{}/documents/report.pdf", review.path))).expect("written");
    if Path::new("/usr/bin/pdftotext").exists() {
        let words = run(std::process::Command::new("pdftotext").arg(&report).arg("-")).1;
        let words: String = words.chars().filter(|letter| !letter.is_whitespace()).collect();
        assert!(words.contains("附图1会审图（王经办"), "the picture stands in the report");
    } else {
        skipped("the report's words were not read, pdftotext (poppler-utils) is not installed");
    }

    // Saved, opened again, packed, and opened with no server there: the same three looks each time.
    let looks = json!([
        { "panels": "caption" },
        { "goto": { "bookmark": 1 } }, shot("1.png"), { "goto": { "bookmark": "比选" } }, shot("2.png"),
        { "goto": { "bookmark": 3 } }, shot("3.png"),
    ]);
    let file = pictures.join("会审.skv").to_string_lossy().into_owned();
    let again = folder.path().join("再开");
    let opened = follow(&file, account, &[], (&again, &looks));
    assert!(signs(&opened).contains(&expected), "{:?}", signs(&opened));
    let packed = folder.path().join("离线包");
    let mut packing = program("shikong-view");
    packing.args(["pack", &file, "--out"]).arg(&packed).env("SHIKONG_USER", "lead").env("SHIKONG_PASSWORD", PASSWORD);
    let (code, out, err) = run(&mut packing);
    assert_eq!(code, 0, "{out}\n{err}");
    let packing: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(packing["missing"], 0, "{packing}\n{err}");
    let secrets =
        run(std::process::Command::new("grep").args(["-rlaF", "-e", PASSWORD, "-e", "shikong_session"]).arg(&packed));
    assert_eq!(secrets.1, "", "no password and no session goes along");
    let address = server.url.clone();
    server.kill();
    assert!(reqwest::blocking::get(format!("{address}/health")).is_err(), "the server is gone");
    let offline = folder.path().join("无网");
    let unplugged = follow(&packed.join("meeting.skv").to_string_lossy(), None, &[], (&offline, &looks));
    // Before they are compared: what differs is to be seen.
    keep_to_look_at("meeting", folder.path(), &["图", "再开", "无网"]);
    fs::copy(&report, root().join("target/stories/meeting/report.pdf")).expect("copied");
    assert_eq!(signs(&unplugged), signs(&opened));
    for look in ["1.png", "2.png", "3.png"] {
        let ppm = differing_ppm(&again.join(look), &offline.join(look));
        assert!(ppm < 200, "{look}: {ppm} of a million pixels differ without a server");
    }
}

#[test]
fn a_withdrawn_layer_names_the_projects_that_relied_on_it() {
    let county = County::get();
    let folder = data_folder();
    let data = county.copy(folder.path());
    let server = Server::start(&data);
    let review = Review::begun(&server, county);
    let source =
        review.result["sources"].as_array().expect("sources").iter().find(|source| source["dataset"] == "farmland");
    let revision = source.expect("farmland was looked at")["revision"].as_str().expect("a revision").to_owned();
    let dated = format!("farmland@{revision}");
    let withdraw = |revision: &str| {
        let mut command = program("shikong-import");
        command
            .args(["withdraw", revision, "--reason", "图斑坐标有误", "--operator", "李工", "--json", "--data"])
            .arg(&data);
        run(&mut command)
    };
    let (code, out, err) = withdraw("farmland@none");
    assert_eq!(code, 4, "{out}\n{err}");
    let (code, out, err) = withdraw(&dated);
    assert_eq!(code, 0, "{out}\n{err}");
    let told: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&told["withdrawn"], &told["relied_on_by"]), (&json!(dated), &json!(1)));
    assert_eq!(
        (&told["projects"][0]["code"], &told["projects"][0]["name"]),
        (&review.project["code"], &json!(PROJECT))
    );
    let (code, _, err) = withdraw(&dated);
    assert!(code == 2 && err.contains("已于"), "a second time says when it was: {code} {err}");

    let shown = review.lead.json(&review.path);
    assert_eq!(
        shown["withdrawn_revisions"],
        json!([{ "dataset": "farmland", "revision": revision, "reason": "图斑坐标有误" }])
    );
    let listed = review.lead.json(&format!("/projects?relied_on={dated}"));
    assert_eq!((&listed["matched"], &listed["projects"][0]["id"]), (&json!(1), &review.project["id"]));
    // The check as filed stands; a new one does not use what was withdrawn.
    let job = review.project["check"]["job"].as_str().expect("a job");
    assert_eq!(review.lead.json(&format!("/analyses/jobs/{job}/result"))["sources"], review.result["sources"]);
    review.lead.done(Method::POST, &format!("{}/checks", review.path), &json!({}));
    let anew = review.lead.json(&review.path)["check"]["job"].as_str().expect("a job").to_owned();
    let sources = review.lead.json(&format!("/analyses/jobs/{anew}/result"))["sources"].clone();
    let uses = |source: &Value| source["dataset"] == "farmland" && source["revision"] == revision.as_str();
    assert!(!sources.as_array().expect("sources").iter().any(uses), "{sources}");
}
