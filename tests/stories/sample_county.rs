//! A newcomer's story: the sample county is made, imported with the demo's own script, served, and seen in a browser and in the viewer.
//! Other stories start from the same county, each on its own copy of the catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::oracles;
use crate::programs::{Server, data_folder, program, root, run, skipped, validate};
use crate::web_mercator::{address, c_tile_at, pixel_in_tile, tile_at};

/// West, south, east, north in degrees.
fn bounds_of(dataset: &Value) -> [f64; 4] {
    let numbers: Vec<f64> = dataset["bounds"].as_array().expect("bounds").iter().filter_map(Value::as_f64).collect();
    numbers.try_into().expect("four bounds")
}

/// The sample county as made and as imported, once for all stories of a run.
pub(crate) struct County {
    /// Deliveries and `truth.json`.
    pub(crate) deliveries: PathBuf,
    /// The catalogue; stories that write take [`County::copy`].
    catalogue: PathBuf,
}

impl County {
    /// Made and imported with the demo's own script by whoever asks first.
    pub(crate) fn get() -> &'static Self {
        static COUNTY: OnceLock<County> = OnceLock::new();
        COUNTY.get_or_init(|| {
            let folder = root().join("target/stories/sample-county");
            if folder.exists() {
                fs::remove_dir_all(&folder).expect("the last run's county goes");
            }
            fs::create_dir_all(&folder).expect("target/ is writable");
            let county = Self { deliveries: folder.join("county"), catalogue: folder.join("catalogue") };
            let (code, out, err) = run(program("make-samples").arg(&county.deliveries));
            assert_eq!(code, 0, "make-samples\n{out}\n{err}");
            let programs_folder =
                Path::new(&program("make-samples").get_program().to_owned()).parent().expect("a folder").to_path_buf();
            let (code, out, err) = run(Command::new(root().join("scripts/import-samples.sh"))
                .arg(&programs_folder)
                .arg(&county.deliveries)
                .arg(&county.catalogue));
            assert_eq!(code, 0, "import-samples.sh\n{out}\n{err}");
            county
        })
    }

    /// A catalogue of one's own in `folder`.
    pub(crate) fn copy(&self, folder: &Path) -> PathBuf {
        let data = folder.join("data");
        let (code, _, err) = run(Command::new("cp").arg("-a").arg(&self.catalogue).arg(&data));
        assert_eq!(code, 0, "{err}");
        data
    }

    /// What is really so.
    pub(crate) fn truth(&self) -> Value {
        let text = fs::read_to_string(self.deliveries.join("truth.json")).expect("truth.json");
        serde_json::from_str(&text).expect("JSON")
    }
}

#[test]
fn the_sample_county_goes_in_and_is_seen() {
    let folder = data_folder();
    let made = County::get();
    let (county, data) = (&made.deliveries, made.copy(folder.path()));
    let server = Server::start(&data);
    let plan = fs::read_to_string(county.join("import-plan.toml")).expect("the plan");
    let planned: Vec<&str> =
        plan.lines().filter_map(|line| line.strip_prefix("dataset = \"")?.strip_suffix('"')).collect();
    let answer = server.json("/datasets");
    let datasets: BTreeMap<&str, &Value> = answer["datasets"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|d| (d["slug"].as_str().expect("a slug"), d))
        .collect();
    for slug in &planned {
        assert!(datasets.contains_key(slug), "{slug} was imported but is not served");
    }

    let tiles = folder.path().join("tiles");
    fs::create_dir_all(&tiles).expect("a folder");
    let mut vector_tiles = Vec::new();
    let (mut glb_files, mut tilesets) = (0, Vec::new());
    for (slug, dataset) in &datasets {
        let [west, south, east, north] = bounds_of(dataset);
        assert!(
            west < east && south < north && (109.0..111.0).contains(&west) && (27.5..29.5).contains(&south),
            "{slug} lies in the county: {dataset}"
        );
        let middle = [f64::midpoint(west, east), f64::midpoint(south, north)];
        match dataset["kind"].as_str().expect("a kind") {
            "features" => {
                let tilejson = server.json(&format!("/tiles/{slug}"));
                let (low, high) =
                    (tilejson["minzoom"].as_u64().expect("minzoom"), tilejson["maxzoom"].as_u64().expect("maxzoom"));
                let template = tilejson["tiles"][0].as_str().expect("a template");
                for (grid, template) in [("w", template.to_owned()), ("c", template.replace("/{z}/", "/c/{z}/"))] {
                    // Middle and the middles of the quarters, so that borders and empty tiles are met too.
                    let across = [0.5, 0.25, 0.75].map(|share| west + (east - west) * share);
                    let up = [0.5, 0.25, 0.75].map(|share| south + (north - south) * share);
                    for zoom in (low.max(1) as u32)..=(high as u32) {
                        let at = if grid == "w" { tile_at } else { c_tile_at };
                        let places = [[across[0], up[0]], [across[1], up[1]], [across[2], up[2]]];
                        let tiles_there: BTreeSet<(u32, u32)> =
                            places.into_iter().map(|place| at(zoom, place)).collect();
                        for tile in tiles_there {
                            let (status, kind, body) = server.get(&address(&template, zoom, tile));
                            assert!(status == 200 || status == 204, "{slug} {grid} z{zoom}: {status}");
                            if status == 200 {
                                assert_eq!(kind, "application/vnd.mapbox-vector-tile");
                                let file = tiles.join(format!("{slug}-{grid}-{zoom}-{}-{}.mvt", tile.0, tile.1));
                                fs::write(&file, body).expect("written");
                                vector_tiles.push(file);
                            }
                        }
                    }
                }
                let page = server.json(&format!("/features/{slug}?limit=3"));
                assert!(!page["features"].as_array().expect("features").is_empty(), "{slug} has features");
            }
            "imagery" => {
                let tilejson = server.json(&format!("/tiles/{slug}"));
                let zoom = tilejson["maxzoom"].as_u64().expect("maxzoom") as u32;
                let (status, kind, body) = server.get(&address(
                    tilejson["tiles"][0].as_str().expect("a template"),
                    zoom,
                    tile_at(zoom, middle),
                ));
                assert_eq!(status, 200, "{slug}");
                assert!(kind.starts_with("image/"), "{slug}: {kind}");
                let picture = image::load_from_memory(&body).expect("a picture").to_rgb8();
                assert_eq!(picture.dimensions(), (256, 256));
                let (least, most) =
                    picture.pixels().fold((255, 0), |(least, most), p| (p.0[1].min(least), p.0[1].max(most)));
                assert!(most - least > 8, "{slug}: the middle of the county is not one flat colour");
            }
            "elevation" => {
                let tilejson = server.json(&format!("/terrain/{slug}"));
                let zoom = tilejson["maxzoom"].as_u64().expect("maxzoom") as u32;
                let (status, _, body) = server.get(&address(
                    tilejson["tiles"][0].as_str().expect("a template"),
                    zoom,
                    tile_at(zoom, middle),
                ));
                assert_eq!(status, 200, "{slug}");
                let picture = image::load_from_memory(&body).expect("a picture").to_rgb8();
                let [column, row] = pixel_in_tile(zoom, middle);
                let [r, g, b] = picture.get_pixel(column, row).0;
                let height_m = f64::from(r) * 256.0 + f64::from(g) + f64::from(b) / 256.0 - 32_768.0;
                assert!((50.0..2000.0).contains(&height_m), "{slug}: {height_m} m in the middle of the county");
            }
            "mesh" | "point-cloud" => {
                tilesets.push(*slug);
                glb_files += save_tileset(&server, slug, &folder.path().join("tilesets").join(slug));
            }
            _ => {}
        }
    }
    for grid in ["-w-", "-c-"] {
        let of_grid = vector_tiles.iter().filter(|path| path.to_string_lossy().contains(grid)).count();
        assert!(of_grid >= 200, "only {of_grid} vector tiles of grid {grid}");
    }
    let paths: Vec<String> = vector_tiles.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    if let Some((sound, said)) = validate("vector-tiles.mjs", &paths.iter().map(String::as_str).collect::<Vec<_>>()) {
        eprintln!("mapbox's decoder: {said}");
        assert!(sound, "mapbox's decoder finds invalid rings: {said}");
        assert_eq!(oracles::count(&said, "tiles"), vector_tiles.len() as u64);
    }
    for tile in vector_tiles.iter().step_by(vector_tiles.len() / 12) {
        assert!(oracles::gdal_feature_count(tile) > 0, "GDAL reads {}", tile.display());
    }
    oracles::assets_are_what_they_say(&server, &data);
    assert!(glb_files > 4, "only {glb_files} glb files");
    if let Some((sound, said)) = validate("glb.mjs", &[&folder.path().join("tilesets").to_string_lossy()]) {
        assert!(sound, "Khronos' validator finds errors: {said}");
    }
    oracles::cesium_draws(&server, &tilesets, folder.path());
    the_page_shows_it(&server, folder.path());
    the_viewer_shows_it(&server, folder.path());
}

/// Saves a tileset with all it refers to, three levels deep at most; gives the number of glb files.
fn save_tileset(server: &Server, slug: &str, folder: &Path) -> usize {
    fs::create_dir_all(folder).expect("a folder");
    let start = format!("{}/3dtiles/{slug}/tileset.json", server.url);
    let mut waiting = vec![(start, 0)];
    let mut glbs = 0;
    while let Some((url, depth)) = waiting.pop() {
        let (status, _, body) = server.get(&url);
        assert_eq!(status, 200, "{url}");
        let tileset: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(tileset["asset"]["version"], "1.1", "{url}");
        let mut uris = Vec::new();
        contents(&tileset["root"], &mut uris);
        // Undated addresses redirect; relative references hold against the dated one.
        let base = if url.contains('@') { url.clone() } else { dated(server, slug) };
        for uri in uris {
            let target = join(&base, &uri);
            if uri.ends_with(".json") {
                if depth < 3 {
                    waiting.push((target, depth + 1));
                }
            } else if glbs < 60 {
                let (status, _, body) = server.get(&target);
                assert_eq!(status, 200, "{target}");
                assert_eq!(&body[..4], b"glTF", "{target}");
                fs::write(folder.join(format!("{glbs}.glb")), body).expect("written");
                glbs += 1;
            }
        }
    }
    glbs
}

fn dated(server: &Server, slug: &str) -> String {
    let revision = server.dataset(slug)["revision"]["id"].as_str().expect("a revision").to_owned();
    format!("{}/3dtiles/{slug}@{revision}/tileset.json", server.url)
}

fn join(base: &str, relative: &str) -> String {
    let folder = base.rsplit_once('/').expect("an address").0;
    format!("{folder}/{relative}")
}

fn contents(tile: &Value, uris: &mut Vec<String>) {
    let own = tile.get("content").into_iter().chain(tile["contents"].as_array().into_iter().flatten());
    uris.extend(own.filter_map(|content| content["uri"].as_str().map(str::to_owned)));
    for child in tile["children"].as_array().into_iter().flatten() {
        contents(child, uris);
    }
}

/// The page in headless Chromium: no error, datasets listed, the map idle, no English left.
fn the_page_shows_it(server: &Server, folder: &Path) {
    if !Path::new("/usr/bin/chromium").exists() {
        skipped("the page was not opened, Chromium is not installed");
        return;
    }
    let picture = folder.join("page.png");
    let say = "JSON.stringify({ layers: document.querySelectorAll('.layer').length, problems: [...shikong.stack.entries.values()].filter((e) => e.problem).map((e) => e.dataset.slug + ': ' + e.problem), title: document.title })";
    let url = format!("{}/", server.url);
    let Some((sound, said)) = validate(
        "page.mjs",
        &[&url, &picture.to_string_lossy(), "--wait", "document.body.dataset.ready === 'true'", "--say", say],
    ) else {
        return;
    };
    assert!(sound, "the page has errors: {said}");
    let seen: Value = serde_json::from_str(said["said"].as_str().expect("said")).expect("JSON");
    assert!(seen["layers"].as_u64().expect("a count") >= 5, "{seen}");
    assert_eq!(seen["problems"].as_array().map(Vec::len), Some(0), "{seen}");
    assert!(seen["title"].as_str().expect("a title").contains("时空"), "{seen}");
    assert_varied(&picture, "the page");
}

/// The viewer without a display: everything wanted is loaded, nothing failed, and the picture is not one colour.
fn the_viewer_shows_it(server: &Server, folder: &Path) {
    let picture = folder.join("viewer.png");
    let (code, out, err) =
        run(program("shikong-view").arg(&server.url).args(["--headless", "--size", "800x450", "--out"]).arg(&picture));
    assert_eq!(code, 0, "shikong-view\n{out}\n{err}");
    let counts: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}\n{err}"));
    assert!(counts["loaded"].as_u64().expect("loaded") > 10, "{counts}");
    assert_eq!(counts["failed"].as_u64(), Some(0), "{counts}\n{err}");
    assert_varied(&picture, "the viewer's picture");
}

fn assert_varied(path: &Path, what: &str) {
    let picture = image::open(path).unwrap_or_else(|error| panic!("{what}: {error}")).to_rgb8();
    let colours: BTreeSet<[u8; 3]> = picture.pixels().map(|pixel| pixel.0.map(|channel| channel / 8)).collect();
    assert!(colours.len() > 100, "{what} has only {} colours", colours.len());
}
