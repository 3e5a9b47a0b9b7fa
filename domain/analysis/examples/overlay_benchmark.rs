//! Overlays two layers of some 100,000 polygons of 20 vertices and says what it cost; with a folder it also writes the
//! polygons there as text (`COPY` of PostGIS), so that a peer measures the same.

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::{error::Error, fmt::Write as _, fs, path::Path, time::Instant};

use analysis::{OverlayOptions, Parcel, ParcelLayer, Polygon, overlay};
use geodesy::Crs;

/// Polygons a side of each layer.
const SIDE: usize = 316;
/// Distance of their centres, metres.
const STEP_M: f64 = 100.0;

/// Layer of stars of 20 corners on a lattice, moved by `shift_m`.
fn layer(source: &str, plane: &Crs, shift_m: f64) -> ParcelLayer {
    let star = |index: usize| {
        let (column, row) = ((index % SIDE) as f64, (index / SIDE) as f64);
        let centre = [376_000.0 + shift_m + STEP_M * column, 3_133_000.0 + 0.7 * shift_m + STEP_M * row];
        let corner = |k: usize| {
            let (sin, cos) = (k as f64 * std::f64::consts::TAU / 20.0 + 0.05).sin_cos();
            let reach_m = 62.0 + 6.0 * ((index * 31 + k * 17) % 11) as f64 / 11.0;
            // On whole tenths of a millimetre, the grid of the overlay, so that a peer has the very same corners: the
            // lattice would repeat what rounding does to one of them some thousand times.
            [centre[0] + reach_m * cos, centre[1] + reach_m * sin].map(|v| (v * 10_000.0).round() / 10_000.0)
        };
        Polygon { exterior: (0..20).map(corner).collect(), holes: Vec::new() }
    };
    let parcels = (0..SIDE * SIDE)
        .map(|index| Parcel { id: index.to_string(), polygons: vec![star(index)], ..Parcel::default() })
        .collect();
    ParcelLayer { source: source.to_owned(), code_system: "none".to_owned(), crs: plane.clone(), parcels }
}

fn write(layer: &ParcelLayer, path: &Path) -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    for polygon in layer.parcels.iter().flat_map(|parcel| &parcel.polygons) {
        text.push_str("POLYGON((");
        for [x, y] in polygon.exterior.iter().chain(polygon.exterior.first()) {
            write!(text, "{x} {y},")?;
        }
        text.pop();
        text.push_str("))\n");
    }
    Ok(fs::write(path, text)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let plane = Crs::from_epsg(4546)?;
    let (first, second) = (layer("a@1", &plane, 0.0), layer("b@1", &plane, 37.0));
    if let Some(folder) = std::env::args().nth(1) {
        write(&first, &Path::new(&folder).join("a.txt"))?;
        write(&second, &Path::new(&folder).join("b.txt"))?;
    }
    for ellipsoidal in [false, true] {
        let options = OverlayOptions { keep_geometry: false, rest: false, ellipsoidal, ..OverlayOptions::default() };
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let result = overlay(&first, &second, &options)?;
        let plane_m2: f64 = result.patches.iter().map(|patch| patch.plane_m2).sum();
        println!(
            "overlay ellipsoidal={ellipsoidal}: {} x {} polygons, {} pairs, {plane_m2:.6} m2, {:.2} s, {:.2} CPU-s",
            first.parcels.len(),
            second.parcels.len(),
            result.patches.len(),
            start.elapsed().as_secs_f64(),
            cpu_seconds() - cpu,
        );
    }
    Ok(())
}

/// CPU-seconds of this process and its threads so far; 0 where the system does not say.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // User and system time are the 14th and 15th fields, 100 ticks a second.
    after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}
