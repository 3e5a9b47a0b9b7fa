//! How long one project takes against forty layers: `cargo run --release -p analysis --example compliance_bench`.
//!
//! Each layer is a grid of crooked parcels around the project, as a server hands them over for the window of a check.
//! The project is a road of 3 km with a point every 12 m, the worst of the sample county's three. Not a test: a
//! figure for the machine it runs on, as a line of JSON.

#![expect(clippy::print_stdout, reason = "the figure is what it is for")]

use std::{collections::BTreeMap, error::Error, fmt::Write as _, time::Instant};

use analysis::{
    LoadedLayer, Parcel, ParcelLayer, Polygon, RuleBook, Task, analysis,
    mechanism::{NoRasters, RuleDocument, Unwatched},
};
use geodesy::Crs;
use serde_json::json;

const LAYERS: usize = 40;
const RUNS: usize = 15;
/// Parcels a side of the grid, their size in metres and the points on an edge.
const SIDE: usize = 24;
const CELL_M: f64 = 170.0;
const POINTS: usize = 5;
const EAST: f64 = 374_000.0;
const NORTH: f64 = 3_132_000.0;

/// A border point: straight lines of the grid, bent so that no two layers share one.
fn bent(x: f64, y: f64, layer: usize) -> [f64; 2] {
    let phase = layer as f64;
    [EAST + x + 20.0 * (y / 90.0 + phase).sin(), NORTH + y + 20.0 * (x / 110.0 + 2.0 * phase).sin()]
}

fn layer(number: usize) -> LoadedLayer {
    let mut parcels = Vec::new();
    for index in 0..SIDE * SIDE {
        let (west, south) = ((index % SIDE) as f64 * CELL_M, (index / SIDE) as f64 * CELL_M);
        let corners = [[0.0, 0.0], [CELL_M, 0.0], [CELL_M, CELL_M], [0.0, CELL_M]];
        let mut exterior = Vec::new();
        for (a, b) in corners.iter().zip(corners.iter().cycle().skip(1)) {
            exterior.extend((0..POINTS).map(|i| {
                let t = i as f64 / POINTS as f64;
                bent(west + a[0] + t * (b[0] - a[0]), south + a[1] + t * (b[1] - a[1]), number)
            }));
        }
        parcels.push(Parcel {
            id: index.to_string(),
            class: (index % 7).to_string(),
            polygons: vec![Polygon { exterior, holes: Vec::new() }],
            ..Parcel::default()
        });
    }
    LoadedLayer {
        dataset: format!("layer-{number}"),
        revision: "r1".to_owned(),
        title: format!("layer {number}"),
        valid_from: "2024-01-01T00:00:00Z".to_owned(),
        bounds_lon_lat_deg: [109.0, 28.0, 110.0, 29.0],
        repairs: Vec::new(),
        layer: ParcelLayer {
            source: format!("layer-{number}@r1"),
            code_system: "bench".to_owned(),
            crs: Crs::from_epsg(4546).expect("a national zone"),
            parcels,
        },
    }
}

/// The shipped rules with forty lines instead of their own.
fn rules() -> Result<RuleBook, Box<dyn Error>> {
    let mut text = String::from(
        "[document]\ntitle = \"bench\"\nversion = \"1\"\nauthor = \"bench\"\neffective_from = \"2024-01-01\"\nsource = \"bench\"\n\
         [defaults]\ntolerance_m2 = 1.0\nlook_around_m = 500.0\n",
    );
    for number in 0..LAYERS {
        write!(
            text,
            "[[line]]\nrule = \"line-{number}\"\ntitle_zh = \"线{number}\"\ntitle_en = \"line {number}\"\ngroup = \"bench\"\n\
             datasets = [\"layer-{number}\"]\ncheck = \"must-not-overlap\"\nbasis = \"bench\"\n"
        )?;
    }
    let mut book = RuleBook::shipped();
    book.put(RuleDocument { name: "control-lines".to_owned(), version: "bench".to_owned(), text });
    Ok(book)
}

/// A road of 12 m width that winds across the grid.
fn road() -> Vec<[f64; 2]> {
    let middle = |i: usize| {
        let along = 400.0 + i as f64 * 12.0;
        [EAST + along, NORTH + 1_900.0 + 300.0 * (along / 700.0).sin()]
    };
    let side = |off: f64| (0..250).map(move |i| [middle(i)[0], middle(i)[1] + off]);
    side(-6.0).chain(side(6.0).rev()).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let layers: BTreeMap<String, LoadedLayer> = (0..LAYERS).map(|n| (format!("layer-{n}"), layer(n))).collect();
    let rules = rules()?;
    let plane = Crs::from_epsg(4546)?;
    let request = json!({
        "red_line": { "crs": "EPSG:4546", "parcels": [{ "name": "road", "polygons": [[road()]] }] },
        "project": { "land_use_code": "1202", "land_use_system": "landuse-2023" },
    });
    let surfaces = BTreeMap::new();
    let task = Task {
        request: &request,
        rules: &rules,
        plane: &plane,
        layers: &layers,
        surfaces: &surfaces,
        watch: &Unwatched,
        rasters: &NoRasters,
    };
    let kind = analysis("compliance").ok_or("no such analysis")?;
    let mut milliseconds = Vec::new();
    let mut pieces = 0;
    for _ in 0..RUNS {
        let start = Instant::now();
        let findings = (kind.run)(&task)?;
        milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
        pieces = findings.patches.len();
    }
    milliseconds.sort_by(f64::total_cmp);
    let parcels: usize = layers.values().map(|layer| layer.layer.parcels.len()).sum();
    println!(
        "{}",
        json!({
            "bench": "compliance", "layers": LAYERS, "parcels": parcels, "points_per_parcel": 4 * POINTS,
            "pieces": pieces, "median_ms": milliseconds[RUNS / 2], "fastest_ms": milliseconds[0],
        })
    );
    Ok(())
}
