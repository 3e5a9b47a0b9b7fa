//! How long it takes to count what lies on threatened ground among 500,000 footprints:
//! `cargo run --release -p analysis --example exposure_bench`.
//!
//! The footprints stand on a crooked grid over some 28 x 28 km, as a server hands over a county's register. Three areas: a
//! slide's outline, a run-out corridor whose border goes round cells of 5 m, and a square round everything. Not a test: figures
//! for the machine it runs on, a line of JSON an area; CPU is that of all threads.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::{collections::BTreeMap, error::Error, fs, time::Instant};

use analysis::{
    LoadedLayer, Parcel, ParcelLayer, Polygon, RuleBook, Task, analysis,
    mechanism::{NoRasters, Unwatched},
};
use geodesy::Crs;
use serde_json::{Value, json};

const RUNS: usize = 11;
const HOUSES: usize = 500_000;
/// Houses a row of the grid, and metres between them.
const ACROSS: usize = 707;
const APART_M: f64 = 40.0;
const EAST: f64 = 360_000.0;
const NORTH: f64 = 3_120_000.0;

fn loaded(dataset: &str, parcels: Vec<Parcel>) -> Result<LoadedLayer, Box<dyn Error>> {
    Ok(LoadedLayer {
        dataset: dataset.to_owned(),
        revision: "r1".to_owned(),
        title: dataset.to_owned(),
        valid_from: "2024-01-01T00:00:00Z".to_owned(),
        bounds_lon_lat_deg: [108.0, 27.0, 111.0, 30.0],
        repairs: Vec::new(),
        layer: ParcelLayer {
            source: format!("{dataset}@r1"),
            code_system: "bench".to_owned(),
            crs: Crs::from_epsg(4546)?,
            parcels,
        },
    })
}

fn houses() -> Vec<Parcel> {
    let house = |id: usize| {
        let (column, row) = ((id % ACROSS) as f64, (id / ACROSS) as f64);
        let [x, y] =
            [EAST + column * APART_M + 9.0 * (row * 0.7).sin(), NORTH + row * APART_M + 9.0 * (column * 0.3).sin()];
        let turn = id as f64 * 0.37;
        let corner = |u: f64, v: f64| [x + u * turn.cos() - v * turn.sin(), y + u * turn.sin() + v * turn.cos()];
        let exterior = vec![corner(-6.0, -4.5), corner(6.0, -4.5), corner(6.0, 4.5), corner(-6.0, 4.5)];
        let attributes = json!({
            "FWBH": format!("433199101{id:06}"), "FWYT": "农村住宅", "CS": 2, "GD": 6.5, "HS": 1, "RKS": id % 6,
            "JG": "砖混", "ZDMJ": 108.0, "ZLDWDM": "4331991012010000000", "CUN": "样例村", "HZXM": "样例", "LXDH": "10000000000",
        });
        Parcel {
            id: id.to_string(),
            attributes: attributes.as_object().cloned().unwrap_or_default(),
            polygons: vec![Polygon { exterior, holes: Vec::new() }],
            ..Parcel::default()
        }
    };
    (0..HOUSES).map(house).collect()
}

/// Village roads every 400 m, with a point every 25 m.
fn roads() -> Vec<Parcel> {
    let road = |id: usize| {
        let line = (0..1_130).map(|i| {
            let along = f64::from(i) * 25.0;
            let off = id as f64 / 2.0 * 400.0 + 30.0 * (along / 300.0).sin();
            if id.is_multiple_of(2) { [EAST + along, NORTH + off] } else { [EAST + off, NORTH + along] }
        });
        Parcel { id: id.to_string(), lines: vec![line.collect()], ..Parcel::default() }
    };
    (0..140).map(road).collect()
}

/// An outline of 240 points, some 1.6 km long.
fn slide() -> Vec<[f64; 2]> {
    let point = |i: usize| {
        let angle = std::f64::consts::TAU * i as f64 / 240.0;
        let reach = 1.0 + 0.12 * (angle * 9.0).sin();
        [EAST + 14_000.0 + 800.0 * reach * angle.cos(), NORTH + 14_000.0 + 350.0 * reach * angle.sin()]
    };
    (0..240).map(point).collect()
}

/// A wedge of 3 km whose border follows cells of 5 m.
fn corridor() -> Vec<[f64; 2]> {
    let (mut upper, mut lower) = (Vec::new(), Vec::new());
    for step in 0..600 {
        let x = EAST + 10_000.0 + f64::from(step) * 5.0;
        let half = (50.0 + f64::from(step) * 1.7 + 20.0 * (f64::from(step) / 9.0).sin()) / 5.0;
        for (side, sign) in [(&mut upper, 1.0), (&mut lower, -1.0)] {
            let y = NORTH + 15_000.0 + sign * half.round() * 5.0;
            side.extend([[x, y], [x + 5.0, y]]);
        }
    }
    lower.extend(upper.into_iter().rev());
    lower
}

fn everything() -> Vec<[f64; 2]> {
    let [west, south, east, north] = [EAST - 100.0, NORTH - 100.0, EAST + 28_500.0, NORTH + 28_500.0];
    vec![[west, south], [east, south], [east, north], [west, north]]
}

/// CPU seconds that this process has used, all threads; none where the system does not say.
fn cpu_s() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<f64> = stat.rsplit(')').next()?.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // After the state: user and system time are the 11th and 12th numbers, in hundredths.
    Some((fields.get(10)? + fields.get(11)?) / 100.0)
}

fn main() -> Result<(), Box<dyn Error>> {
    let layers: BTreeMap<String, LoadedLayer> = BTreeMap::from([
        ("houses".to_owned(), loaded("houses", houses())?),
        ("roads".to_owned(), loaded("roads", roads())?),
    ]);
    let (rules, plane, surfaces) = (RuleBook::shipped(), Crs::from_epsg(4546)?, BTreeMap::new());
    let kind = analysis("exposure").ok_or("no such analysis")?;
    for (name, ring) in [("slide", slide()), ("corridor", corridor()), ("everything", everything())] {
        let polygon = json!({ "crs": "EPSG:4546", "parcels": [{ "name": name, "polygons": [[ring]] }] });
        let request = json!({ "area": { "polygon": polygon } });
        let task = Task {
            request: &request,
            rules: &rules,
            plane: &plane,
            layers: &layers,
            surfaces: &surfaces,
            watch: &Unwatched,
            rasters: &NoRasters,
        };
        let mut milliseconds = Vec::new();
        let mut found = Value::Null;
        let cpu_before = cpu_s();
        for _ in 0..RUNS {
            let start = Instant::now();
            let findings = (kind.run)(&task)?;
            milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
            found = json!({
                "buildings": findings.result["houses"]["buildings"], "people": findings.result["houses"]["people"],
                "road_km": findings.result["roads"]["ellipsoidal_km"], "places": findings.patches.len(),
            });
        }
        let cpu_ms = cpu_s().zip(cpu_before).map(|(after, before)| (after - before) * 1e3 / RUNS as f64);
        milliseconds.sort_by(f64::total_cmp);
        println!(
            "{}",
            json!({
                "bench": "exposure", "area": name, "points": ring.len(), "footprints": HOUSES, "found": found,
                "median_ms": milliseconds[RUNS / 2], "fastest_ms": milliseconds[0], "cpu_ms": cpu_ms,
            })
        );
    }
    Ok(())
}
