//! The shape of made ground: GDAL's programs on the same cells, planes and cones whose answer is known, and input that must be refused by
//! name. GDAL's programs are those of Debian's gdal-bin (`scripts/system-packages.sh test`).

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use analysis::mechanism::{RasterMade, Rasters, Rows, RuleBook, RuleDocument, Unwatched};
use analysis::{AnalysisError, Findings, Polygon, Surface, Task, analysis};
use geodesy::height::HeightDatum;
use geodesy::{Crs, Transform, area};
use proptest::prelude::*;
use serde_json::{Value, json};

/// North-west corner of made ground, EPSG:4546.
const CORNER: [f64; 2] = [400_000.0, 3_130_000.0];
const NO_HEIGHT: f32 = -9999.0;

/// Heights on a grid of one's own.
#[derive(Clone)]
struct Made {
    crs: Crs,
    grid: [f64; 4],
    size: [usize; 2],
    values: Vec<f32>,
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("made ground")
    }
}

impl Surface for Made {
    fn source(&self) -> &'static str {
        "dem@r1"
    }
    fn crs(&self) -> &Crs {
        &self.crs
    }
    fn height_datum(&self) -> &HeightDatum {
        &HeightDatum::Normal1985
    }
    fn valid_from(&self) -> &'static str {
        "2024-07-20T00:00:00Z"
    }
    fn size(&self) -> [usize; 2] {
        self.size
    }
    fn grid(&self) -> [f64; 4] {
        self.grid
    }
    fn window(&self, column: usize, row: usize, columns: usize, rows: usize) -> Result<Vec<f32>, AnalysisError> {
        assert!(column + columns <= self.size[0] && row + rows <= self.size[1], "the window lies in the grid");
        Ok((row..row + rows).flat_map(|row| &self.values[row * self.size[0] + column..][..columns]).copied().collect())
    }
}

impl Made {
    /// `height` by metres to the east and to the south of the corner.
    fn new(size: [usize; 2], cell_m: [f64; 2], height: impl Fn(f64, f64) -> f64) -> Self {
        let [columns, rows] = size;
        let values = (0..columns * rows).map(|at| {
            let (column, row) = (at % columns, at / columns);
            height((column as f64 + 0.5) * cell_m[0], (row as f64 + 0.5) * cell_m[1]) as f32
        });
        Self { crs: plane(), grid: [CORNER[0], CORNER[1], cell_m[0], cell_m[1]], size, values: values.collect() }
    }

    /// Writes it as raw 32-bit numbers with an ENVI header, which GDAL reads to the bit.
    fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join("made.bin");
        let bytes: Vec<u8> = self
            .values
            .iter()
            .flat_map(|height| if height.is_nan() { NO_HEIGHT } else { *height }.to_le_bytes())
            .collect();
        fs::write(&path, bytes).expect("written");
        let [west, north, width, height] = self.grid;
        let wkt = self.crs.wkt1().expect("a system that WKT can say");
        let header = format!(
            "ENVI\nsamples = {}\nlines = {}\nbands = 1\nheader offset = 0\nfile type = ENVI Standard\ndata type = 4\n\
             interleave = bsq\nbyte order = 0\ndata ignore value = {NO_HEIGHT}\n\
             map info = {{Arbitrary, 1, 1, {west}, {north}, {width}, {height}}}\ncoordinate system string = {{{wkt}}}\n",
            self.size[0], self.size[1]
        );
        fs::write(folder.join("made.hdr"), header).expect("written");
        path
    }
}

fn plane() -> Crs {
    Crs::from_epsg(4546).expect("a national zone")
}

/// Rough ground: waves of several lengths, none of which repeats on the grid.
fn rough(x: f64, y: f64) -> f64 {
    let wave = |length: f64, turn: f64| ((x * turn.cos() + y * turn.sin()) / length + 3.0 * turn).sin();
    420.0
        + 90.0 * wave(310.0, 0.3) * wave(270.0, 1.7)
        + 31.0 * wave(97.0, 2.1)
        + 12.0 * wave(41.0, 0.9) * wave(37.0, 2.9)
        + 3.0 * wave(13.0, 1.2)
}

/// Keeps what it is handed.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<(RasterMade, Vec<f32>)>>);

impl Rasters for Kept {
    fn take(&self, raster: &RasterMade, rows: &mut Rows<'_>) -> Result<(), AnalysisError> {
        let [columns, height] = raster.size;
        let mut cells = vec![0.0; columns * height];
        for first in (0..height).step_by(100) {
            let end = (first + 100).min(height);
            rows(first, &mut cells[first * columns..end * columns])?;
        }
        self.0.lock().expect("nobody panicked").push((raster.clone(), cells));
        Ok(())
    }
}

fn asked(surface: &dyn Surface, rules: &RuleBook, more: Value) -> Result<(Findings, Kept), AnalysisError> {
    let mut request = json!({ "surface": { "dataset": "dem" } });
    for (name, value) in more.as_object().expect("an object") {
        request[name] = value.clone();
    }
    let found = analysis("terrain").expect("the analysis");
    let wanted = (found.wanted)(&request, rules)?;
    assert_eq!(wanted.surfaces.len(), 1);
    let surfaces = BTreeMap::from([("surface".to_owned(), surface)]);
    let (plane, layers, kept) = (plane(), BTreeMap::new(), Kept::default());
    let findings = (found.run)(&Task {
        request: &request,
        rules,
        plane: &plane,
        layers: &layers,
        surfaces: &surfaces,
        watch: &Unwatched,
        rasters: &kept,
    })?;
    Ok((findings, kept))
}

fn run(surface: &dyn Surface, more: Value) -> Result<Findings, AnalysisError> {
    asked(surface, &RuleBook::shipped(), more).map(|(findings, _)| findings)
}

/// The one grid of a request.
fn raster(surface: &dyn Surface, more: Value) -> (Findings, RasterMade, Vec<f32>) {
    let (findings, kept) = asked(surface, &RuleBook::shipped(), more).expect("found");
    let mut made = kept.0.into_inner().expect("nobody panicked");
    assert_eq!(made.len(), 1);
    let (raster, cells) = made.remove(0);
    (findings, raster, cells)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("a number: {value}"))
}

fn assert_refused(found: Result<Findings, AnalysisError>, words: &str) {
    let said = found.expect_err("refused").to_string();
    assert!(said.contains(words), "{said} does not say {words}");
}

/// Degrees of a place east and south of the corner.
fn lon_lat([x, y]: [f64; 2]) -> [f64; 2] {
    let mut place = [[CORNER[0] + x, CORNER[1] - y]];
    Transform::new(&plane(), &Crs::cgcs2000()).expect("a transform").points(&mut place).expect("degrees");
    place[0]
}

/// A folder of a test's own, empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("terrain").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("removed");
    }
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Runs one of GDAL's programs.
fn gdal(program: &str, words: &[&str], from: &Path, to: &Path) {
    let out = Command::new(program).args(words).arg(from).arg(to).output();
    let out = out.unwrap_or_else(|error| panic!("{program}: {error}; scripts/system-packages.sh test installs it"));
    assert!(out.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&out.stderr));
}

/// Cells of 32-bit numbers.
fn floats(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).expect("read");
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Rough ground with voids. Its heights are whole 64ths of a metre, so that sums of them are exact in 32 bits, too.
fn holed() -> Made {
    let mut made = Made::new([331, 287], [5.0, 4.0], |x, y| (rough(x, y) * 64.0).round() / 64.0);
    for row in 100..120 {
        made.values[row * 331 + 200..row * 331 + 215].fill(f32::NAN);
    }
    made.values[50 * 331 + 40] = f32::NAN;
    made
}

#[test]
fn slope_aspect_and_hillshade_are_those_of_gdaldem_cell_by_cell() {
    // gdaldem's aspect takes cells for squares.
    let square = Made { grid: [CORNER[0], CORNER[1], 5.0, 5.0], ..holed() };
    let light = json!({ "product": "hillshade", "azimuth_deg": 290.0, "altitude_deg": 35.0, "z_factor": 1.6 });
    let cases: [(&str, Made, Value, Vec<&str>, f64); 4] = [
        ("slope", holed(), json!({ "product": "slope", "rasters": true }), vec!["slope"], 1e-3),
        ("aspect", square, json!({ "product": "aspect" }), vec!["aspect"], 1e-3),
        ("hillshade", holed(), json!({ "product": "hillshade" }), vec!["hillshade"], 1.0),
        ("hillshade", holed(), light, vec!["hillshade", "-az", "290", "-alt", "35", "-z", "1.6"], 1.0),
    ];
    for (name, made, request, words, tolerance) in cases {
        let folder = folder(&format!("gdaldem-{name}-{}", words.len()));
        let out = folder.join("out.bin");
        let (mode, options) = words.split_at(1);
        let (from, to) = (made.write(&folder), out.clone());
        let files = [from.to_str().expect("text"), to.to_str().expect("text")];
        let all: Vec<&str> =
            [mode[0], files[0], files[1], "-of", "ENVI", "-q"].into_iter().chain(options.iter().copied()).collect();
        let done = Command::new("gdaldem").args(&all).output().expect("gdaldem runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let expected: Vec<f32> = if name == "hillshade" {
            fs::read(&out).expect("read").into_iter().map(f32::from).collect()
        } else {
            floats(&out)
        };
        let (found, raster, cells) = raster(&made, request);
        assert_eq!((raster.name, raster.size, raster.grid), (name, made.size, made.grid));
        assert_eq!(cells.len(), expected.len());
        let none = if name == "hillshade" { 0.0 } else { NO_HEIGHT };
        let (mut worst, mut known) = (0.0_f64, 0);
        for (at, (own, gdal)) in cells.iter().zip(&expected).enumerate() {
            assert_eq!(own.is_nan(), *gdal == none, "{name} at {at}: {own} and {gdal}");
            if !own.is_nan() {
                let apart = f64::from((own - gdal).abs());
                // North is 0 and 360 degrees.
                worst = worst.max(if name == "aspect" { apart.min(360.0 - apart) } else { apart });
                known += 1;
            }
        }
        println!("{name}: {known} cells, at most {worst} apart");
        assert!(worst <= tolerance, "{name}: {worst}");
        assert!(known > 90_000, "{name}: {known}");
        assert_eq!(number(&found.result["cells"]["without_value"]), (cells.len() - known) as f64);
    }
}

#[test]
fn a_plane_and_a_cone_have_the_slopes_and_aspects_of_geometry() {
    // 3 east and 4 north in 50: a slope of atan(0.1), falling to the south-west.
    let made = Made::new([60, 50], [10.0, 20.0], |x, y| 100.0 + 0.06 * x - 0.08 * y);
    let (found, _, cells) = raster(&made, json!({ "product": "slope", "rasters": true }));
    let deg = 0.1_f64.atan().to_degrees();
    for row in 1..49 {
        for cell in &cells[row * 60 + 1..row * 60 + 59] {
            assert!((f64::from(*cell) - deg).abs() < 1e-3, "{cell}");
        }
    }
    assert!((number(&found.result["mean_deg"]) - deg).abs() < 1e-3);
    for name in ["p5", "p50", "p95"] {
        assert!((number(&found.result["percentiles_deg"][name]) - deg).abs() < 0.011, "{name}");
    }
    let class = &found.result["classes"][1];
    assert_eq!((&class["name"], &class["share"]), (&json!("2°–6°"), &json!(1.0)));
    assert_eq!(number(&class["area_m2"]), 58.0 * 48.0 * 200.0);
    let (_, _, aspects) = raster(&made, json!({ "product": "aspect" }));
    let towards = (-0.06_f64).atan2(-0.08).to_degrees() + 360.0;
    assert!((f64::from(aspects[20 * 60 + 30]) - towards).abs() < 1e-2, "{} of {towards}", aspects[20 * 60 + 30]);

    let cone = Made::new([201, 201], [5.0, 5.0], |x, y| 500.0 - (x - 502.5).hypot(y - 502.5));
    let (found, _, aspects) = raster(&cone, json!({ "product": "aspect" }));
    for (column, row) in (1..200).flat_map(|column| (1..200).map(move |row| (column, row))) {
        let (east, south) = ((f64::from(column) - 100.0) * 5.0, (f64::from(row) - 100.0) * 5.0);
        // Near the top a cell is no longer small against the distance.
        if east.hypot(south) > 50.0 {
            let expected = east.atan2(-south).to_degrees().rem_euclid(360.0);
            let own = f64::from(aspects[(row * 201 + column) as usize]);
            let apart = (own - expected).abs();
            assert!(apart.min(360.0 - apart) < 0.2, "{column} {row}: {own} of {expected}");
        }
    }
    let directions = found.result["directions"].as_array().expect("a list");
    // Of a square an eighth of the turn has more to the corners than to the sides.
    let side = 22.5_f64.to_radians().tan() / 4.0;
    for (row, share) in directions.iter().zip([side, 0.25 - side].into_iter().cycle().take(8)) {
        assert!((number(&row["share"]) - share).abs() < 0.001, "{row} of {share}");
    }
    let flat = Made::new([20, 20], [5.0, 5.0], |_, _| 7.0);
    let (found, _, cells) = raster(&flat, json!({ "product": "aspect" }));
    assert!(cells.iter().all(|cell| cell.is_nan()));
    assert_eq!(found.result["directions"][8]["share"], 1.0);
}

#[test]
fn an_area_limits_what_is_counted_but_not_the_neighbours() {
    let made = Made::new([331, 287], [5.0, 5.0], rough);
    let (_, _, whole) = raster(&made, json!({ "product": "slope", "rasters": true }));
    let ring: Vec<[f64; 2]> = [[301.0, 203.0], [1211.0, 407.0], [1003.0, 1009.0], [404.0, 902.0]].map(lon_lat).to_vec();
    let area = json!({ "crs": "EPSG:4490", "parcels": [{ "name": "区", "polygons": [[ring]] }] });
    let request = json!({ "product": "slope", "rasters": true, "within": area });
    let (found, raster, cells) = raster(&made, request);
    let [left, top] =
        [(raster.grid[0] - CORNER[0]) / 5.0, (CORNER[1] - raster.grid[1]) / 5.0].map(|cells| cells.round() as usize);
    let (mut known, mut sum) = (0, 0.0);
    for (at, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_nan()) {
        let (column, row) = (left + at % raster.size[0], top + at / raster.size[0]);
        assert_eq!(*cell, whole[row * 331 + column]);
        known += 1;
        sum += f64::from(*cell);
    }
    assert!((number(&found.result["known_m2"]) - 25.0 * f64::from(known)).abs() < 1e-6);
    assert!((number(&found.result["mean_deg"]) - sum / f64::from(known)).abs() < 1e-3);
    // The shoelace formula, and what the border takes of its cells.
    assert!((25.0 * f64::from(known) - 498_966.0).abs() < 0.001 * 498_966.0, "{}", 25 * known);
}

/// Lines of `gdal_contour` by level: number, closed ones, length.
fn gdal_contours(made: &Made, interval_m: &str, folder: &Path) -> BTreeMap<i64, (usize, usize, f64)> {
    let out = folder.join("lines.geojson");
    gdal("gdal_contour", &["-a", "height", "-i", interval_m, "-f", "GeoJSON", "-q"], &made.write(folder), &out);
    let read: Value = serde_json::from_str(&fs::read_to_string(out).expect("read")).expect("JSON");
    let mut levels: BTreeMap<i64, (usize, usize, f64)> = BTreeMap::new();
    for feature in read["features"].as_array().expect("features") {
        let points: Vec<[f64; 2]> = serde_json::from_value(feature["geometry"]["coordinates"].clone()).expect("a line");
        // Where a cell has the level's height to the bit GDAL makes it higher by a hair, and a ring round it.
        if length(&points) < 0.01 {
            continue;
        }
        let height_mm = (number(&feature["properties"]["height"]) * 1000.0).round() as i64;
        let level = levels.entry(height_mm).or_default();
        level.0 += 1;
        level.1 += usize::from(points.first() == points.last());
        level.2 += length(&points);
    }
    levels
}

fn length(points: &[[f64; 2]]) -> f64 {
    points.windows(2).map(|pair| (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1])).sum()
}

#[test]
fn contours_are_those_of_gdal_contour() {
    let made = Made::new([331, 287], [5.0, 4.0], rough);
    for interval_m in ["10", "2.5"] {
        let folder = folder(&format!("contours-{interval_m}"));
        let expected = gdal_contours(&made, interval_m, &folder);
        let request = json!({ "product": "contours", "interval_m": interval_m.parse::<f64>().expect("a number") });
        let Findings { result, patches } = run(&made, request).expect("found");
        let levels = result["levels"].as_array().expect("levels");
        assert_eq!(levels.len(), expected.len());
        for ((level, patch), (height_mm, (lines, closed, length_m))) in levels.iter().zip(&patches).zip(expected) {
            assert_eq!((number(&level["height_m"]) * 1000.0).round() as i64, height_mm);
            assert_eq!(level["closed"], closed, "closed rings at {height_mm} mm");
            assert_eq!(level["lines"], lines, "lines at {height_mm} mm");
            let own_m = number(&level["length_m"]);
            assert!((own_m - length_m).abs() < 0.001 * length_m, "{height_mm} mm: {own_m} of {length_m}");
            assert_eq!(patch.properties["height_m"], level["height_m"]);
            assert_eq!(patch.lines.len(), lines);
            let drawn_m: f64 = patch.lines.iter().map(|line| length(line)).sum();
            assert!((drawn_m - own_m).abs() < 0.01);
            let every_fifth = height_mm % (interval_m.parse::<f64>().expect("a number") * 5000.0) as i64 == 0;
            assert_eq!(patch.properties["index"], every_fifth, "{height_mm} mm");
        }
    }
}

#[test]
fn contours_of_a_cone_are_circles_and_a_base_moves_them() {
    let cone = Made::new([401, 401], [5.0, 5.0], |x, y| 2000.0 - (x - 1002.5).hypot(y - 1002.5));
    let request = json!({ "product": "contours", "interval_m": 100.0, "base_m": 30.0 });
    let Findings { result, patches } = run(&cone, request).expect("found");
    for level in result["levels"].as_array().expect("levels") {
        let radius_m = 2000.0 - number(&level["height_m"]);
        assert_eq!((number(&level["height_m"]) - 30.0) % 100.0, 0.0);
        if radius_m < 990.0 {
            assert_eq!((&level["lines"], &level["closed"]), (&json!(1), &json!(1)), "{level}");
            let around_m = std::f64::consts::TAU * radius_m;
            assert!((number(&level["length_m"]) - around_m).abs() < 0.002 * around_m, "{level}");
        }
    }
    let middle = [CORNER[0] + 1002.5, CORNER[1] - 1002.5];
    for patch in &patches {
        let radius_m = 2000.0 - number(&patch.properties["height_m"]);
        for [x, y] in patch.lines.iter().flatten() {
            let own_m = (x - middle[0]).hypot(y - middle[1]);
            assert!((own_m - radius_m).abs() < 0.2 || own_m > 995.0, "{own_m} of {radius_m}");
        }
    }
}

/// Sees with `gdal_viewshed`: 1 seen, 0 not, 2 out of reach; on the whole of the made ground.
fn gdal_sees(made: &Made, [column, row]: [usize; 2], eye_m: f64, target_m: f64, radius_m: f64, name: &str) -> Vec<u8> {
    let folder = folder(&format!("viewshed-{name}"));
    let [west, north, width, height] = made.grid;
    let (x, y) = (west + (column as f64 + 0.5) * width, north - (row as f64 + 0.5) * height);
    let words = [x, y, eye_m, target_m, radius_m].map(|value| value.to_string());
    let out = folder.join("seen.bin");
    let options = [
        "-ox", &words[0], "-oy", &words[1], "-oz", &words[2], "-tz", &words[3], "-md", &words[4], "-cc", "0.85714",
        "-vv", "1", "-iv", "0", "-ov", "2", "-f", "ENVI", "-q",
    ];
    gdal("gdal_viewshed", &options, &made.write(&folder), &out);
    fs::read(out).expect("read")
}

/// The nearest cells are no lower than the observer's: `gdal_viewshed` before 3.9 took lower ones to the north, south and at the corners for as high as
/// the observer's ground, which hides what lies behind them.
fn stand(made: &mut Made, [column, row]: [usize; 2]) {
    let columns = made.size[0];
    let own = made.values[row * columns + column];
    for (x, y) in (column - 1..=column + 1).flat_map(|x| (row - 1..=row + 1).map(move |y| (x, y))) {
        let height = &mut made.values[y * columns + x];
        *height = if (x, y) == (column, row) { own } else { height.max(own + 0.02) };
    }
}

/// Holds a viewshed against GDAL's, cell by cell; what differs must lie where seen and hidden meet. Gives what is stated as seen, in cells,
/// and how many cells are in reach.
fn assert_sees_as_gdal(made: &Made, place: [usize; 2], [eye_m, target_m, radius_m]: [f64; 3], name: &str) -> [f64; 2] {
    let expected = gdal_sees(made, place, eye_m, target_m, radius_m, name);
    let [_, _, width_m, height_m] = made.grid;
    let lon_lat_deg = lon_lat([(place[0] as f64 + 0.5) * width_m, (place[1] as f64 + 0.5) * height_m]);
    let request = json!({
        "product": "viewshed", "observer": lon_lat_deg, "eye_m": eye_m, "target_m": target_m, "radius_m": radius_m,
    });
    let (found, raster, cells) = raster(made, request);
    let [columns, rows] = raster.size;
    assert_eq!(cells.len(), expected.len(), "{name}");
    let code = |at: usize| if cells[at].is_nan() { 2 } else { cells[at] as u8 };
    let differing: Vec<usize> = (0..cells.len()).filter(|at| code(*at) != expected[*at]).collect();
    let all = expected.iter().filter(|seen| **seen != 2).count();
    println!("{name}: {} of {all} cells differ", differing.len());
    assert!(differing.len() * 1000 <= all, "{name}: {} of {all}", differing.len());
    for at in differing {
        let (column, row) = (at % columns, at / columns);
        let near = (row.saturating_sub(1)..(row + 2).min(rows))
            .flat_map(|y| (column.saturating_sub(1)..(column + 2).min(columns)).map(move |x| y * columns + x));
        assert!(near.into_iter().any(|other| code(other) == expected[at]), "{name}: {column} {row}");
    }
    let seen = cells.iter().filter(|cell| **cell == 1.0).count() as f64;
    assert_eq!(number(&found.result["visible_m2"]), width_m * height_m * seen);
    [seen, all as f64]
}

#[test]
fn what_is_seen_is_what_gdal_viewshed_sees() {
    for place in [[160, 140], [40, 250], [301, 20], [12, 12]] {
        for view in [[1.7, 0.0, 5000.0], [30.0, 2.0, 400.0], [2.0, 1.5, 700.0]] {
            let mut made = Made::new([331, 287], [5.0, 5.0], rough);
            stand(&mut made, place);
            let name = format!("made-{}-{}", place[0], view[2]);
            let [seen, all] = assert_sees_as_gdal(&made, place, view, &name);
            assert!(seen > 100.0 && seen < 0.9 * all, "the ground hides some and shows some: {seen}");
        }
    }
}

#[test]
fn on_real_ground_is_seen_what_gdal_viewshed_sees() {
    let Some(dem) = crate::real::sample("dem/zh_dem_25.tif") else { return };
    let folder = folder("real-ground");
    let raw = folder.join("real.bin");
    gdal("gdal_translate", &["-q", "-of", "ENVI", "-ot", "Float32"], &dem, &raw);
    let values: Vec<f32> = floats(&raw).into_iter().map(|m| if m == NO_HEIGHT { f32::NAN } else { m }).collect();
    let made = Made { values, ..Made::new([399, 366], [25.0, 25.0], |_, _| 0.0) };
    for place in [[200, 180], [60, 300], [350, 50], [120, 90], [20, 20], [300, 250]] {
        let own = made.values[place[1] * 399 + place[0]];
        assert!(own.is_finite(), "an observer in a void");
        for view in [[1.7, 0.0, 12_000.0], [15.0, 1.5, 3_000.0]] {
            let mut made = made.clone();
            stand(&mut made, place);
            assert_sees_as_gdal(&made, place, view, &format!("real-{}-{}", place[0], view[2]));
        }
    }
}

#[test]
fn what_is_seen_is_drawn_and_measured() {
    let made = Made::new([331, 287], [5.0, 5.0], rough);
    let mut rules = RuleBook::shipped();
    let text = rules.document("terrain").expect("shipped").text.replace("least_m2 = 100.0", "least_m2 = 0.0");
    rules.put(RuleDocument { name: "terrain".to_owned(), version: "县-1".to_owned(), text });
    let request =
        json!({ "product": "viewshed", "observer": lon_lat([812.0, 705.0]), "eye_m": 20.0, "radius_m": 600.0 });
    let (found, kept) = asked(&made, &rules, request.clone()).expect("found");
    let (raster, cells) = kept.0.into_inner().expect("nobody panicked").remove(0);
    assert_eq!(found.result["rule_versions"]["terrain"], "县-1");
    let [patch] = found.patches.as_slice() else { panic!("one patch") };
    assert_eq!(patch.properties["plane_m2"], found.result["visible_m2"]);
    assert_eq!(found.result["drawn"]["left_out_m2"], 0.0);
    let to_degrees = Transform::new(&plane(), &Crs::cgcs2000()).expect("a transform");
    let ellipsoidal = |ring: &Vec<[f64; 2]>| {
        let m2 = area::ellipsoidal_area_of_ring_m2(ring, &to_degrees).expect("an area");
        if area::signed_plane_area(ring) > 0.0 { m2 } else { -m2 }
    };
    let ground_m2: f64 = patch.polygons.iter().flat_map(Polygon::rings).map(ellipsoidal).sum();
    let stated_m2 = number(&patch.properties["ellipsoidal_m2"]);
    assert!((stated_m2 - ground_m2).abs() < 0.02, "{stated_m2} of {ground_m2}");
    assert!((stated_m2 - number(&patch.properties["plane_m2"])).abs() > 1.0, "the plane is not the ground");
    let rings: Vec<&Vec<[f64; 2]>> = patch.polygons.iter().flat_map(Polygon::rings).collect();
    for row in 0..raster.size[1] {
        let y = raster.grid[1] - (row as f64 + 0.5) * 5.0;
        for column in 0..raster.size[0] {
            let x = raster.grid[0] + (column as f64 + 0.5) * 5.0;
            let crossings = |ring: &&&Vec<[f64; 2]>| {
                let sides = ring.iter().zip(ring.iter().cycle().skip(1));
                sides.filter(|(a, b)| (a[1] > y) != (b[1] > y) && a[0] > x).count() % 2 == 1
            };
            let inside = rings.iter().filter(crossings).count() % 2 == 1;
            assert_eq!(inside, cells[row * raster.size[0] + column] == 1.0, "{column} {row}");
        }
    }
    // With the shipped rule specks are counted, and not drawn.
    let shipped = run(&made, request).expect("found").result;
    assert_eq!(shipped["visible_m2"], found.result["visible_m2"]);
    assert!(number(&shipped["drawn"]["left_out_m2"]) > 0.0);
    assert!(number(&shipped["drawn"]["pieces"]) < number(&shipped["drawn"]["pieces_found"]));
}

#[test]
fn a_wall_hides_by_similar_triangles_and_the_earth_by_its_curve() {
    // Level ground, eye 10 m, a wall of 12 m 500 m to the east: nothing behind it is seen.
    let mut wall = Made::new([401, 11], [5.0, 5.0], |_, _| 100.0);
    let seen_behind = |wall: &Made, curvature: f64| {
        let request = json!({
            "product": "viewshed", "observer": lon_lat([2.5, 27.5]), "eye_m": 10.0, "radius_m": 3000.0, "curvature": curvature,
        });
        let (_, _, cells) = raster(wall, request);
        (0..401).filter(|column| cells[5 * 401 + column] == 1.0).collect::<Vec<_>>()
    };
    assert_eq!(seen_behind(&wall, 0.0).len(), 401);
    for row in 0..11 {
        wall.values[row * 401 + 100] = 105.0;
    }
    // Eye 10 m, wall of 5 m at 500 m: the line meets the ground at 1,000 m.
    let expected: Vec<usize> = (0..=100).chain(200..401).collect();
    assert_eq!(seen_behind(&wall, 0.0), expected);
    for row in 0..11 {
        wall.values[row * 401 + 100] = 112.0;
    }
    assert_eq!(seen_behind(&wall, 0.0), (0..=100).collect::<Vec<_>>());

    // The horizon of an eye 2 m above a smooth Earth: sqrt(2 R h).
    let sea = Made::new([301, 3], [50.0, 50.0], |_, _| 0.0);
    let request = json!({ "product": "viewshed", "observer": lon_lat([25.0, 75.0]), "eye_m": 2.0, "radius_m": 15000.0, "curvature": 1.0 });
    let (_, _, cells) = raster(&sea, request);
    let horizon_m = (2.0 * 6_378_137.0 * 2.0_f64).sqrt();
    let last = (0..301).rev().find(|column| cells[301 + column] == 1.0).expect("something is seen");
    assert!((last as f64 * 50.0 - horizon_m).abs() < 50.0, "{last} of {horizon_m}");

    let sight = |to: f64, curvature: f64| {
        let request = json!({
            "product": "sight", "from": lon_lat([25.0, 75.0]), "to": lon_lat([to, 75.0]), "eye_m": 2.0, "curvature": curvature,
        });
        run(&sea, request).expect("found").result
    };
    assert_eq!(sight(25.0 + horizon_m - 60.0, 1.0)["visible"], true);
    let hidden = sight(25.0 + 2.0 * horizon_m, 1.0);
    assert_eq!(hidden["visible"], false);
    // The chord of two horizons, seen from 2 m: it runs under the sea by d (D - d) / 2R, less 2 m falling to 0.
    let top = &hidden["obstacle"];
    let at = number(&top["distance_m"]) / (2.0 * horizon_m);
    let sunk_m = 4.0 * horizon_m * horizon_m * at * (1.0 - at) / (2.0 * 6_378_137.0) - 2.0 * (1.0 - at);
    assert!((number(&top["above_m"]) - sunk_m).abs() < 0.01, "{top} of {sunk_m}");
    assert_eq!(sight(25.0 + 2.0 * horizon_m, 0.0)["visible"], true);
}

#[test]
fn a_line_of_sight_names_the_first_obstacle_and_shows_the_profile() {
    let mut made = Made::new([201, 101], [5.0, 5.0], |_, _| 100.0);
    for row in 0..101 {
        made.values[row * 201 + 80] = 130.0;
        made.values[row * 201 + 140] = 160.0;
    }
    let (from, to) = (lon_lat([52.5, 252.5]), lon_lat([952.5, 252.5]));
    let request =
        json!({ "product": "sight", "from": from, "to": to, "eye_m": 10.0, "target_m": 10.0, "curvature": 0.0 });
    let Findings { result, patches } = run(&made, request.clone()).expect("found");
    assert_eq!(result["visible"], false);
    let obstacle = &result["obstacle"];
    // The wall is the 81st column: 350 m from the observer.
    assert!((number(&obstacle["distance_m"]) - 350.0).abs() < 0.1, "{obstacle}");
    assert!((number(&obstacle["above_m"]) - 20.0).abs() < 0.01, "{obstacle}");
    let place: [f64; 2] = serde_json::from_value(obstacle["place"].clone()).expect("a place");
    assert!((place[0] - CORNER[0] - 402.5).abs() < 0.1 && (place[1] - CORNER[1] + 252.5).abs() < 0.1, "{place:?}");
    let list = |name: &str| result["profile"][name].as_array().expect("a list").iter().map(number).collect::<Vec<_>>();
    assert_eq!(list("ground_m").into_iter().fold(0.0, f64::max), 160.0);
    assert!(list("sight_m").iter().all(|m| (m - 110.0).abs() < 1e-9));
    assert_eq!(list("distance_m").len(), list("ground_m").len());
    let kinds: Vec<&Value> = patches.iter().map(|patch| &patch.properties["kind"]).collect();
    assert_eq!(kinds, ["obstacle", "seen", "hidden"]);
    let [x, y] = patches[0].points[0];
    assert!((x - place[0]).hypot(y - place[1]) < 0.01);

    let mut over = request.clone();
    (over["eye_m"], over["target_m"]) = (json!(61.0), json!(61.0));
    let clear = run(&made, over).expect("found").result;
    assert_eq!(clear["visible"], true);
    assert!((number(&clear["clear_by_m"]) - 1.0).abs() < 0.01, "{}", clear["clear_by_m"]);

    // Whether a void hides anything nobody knows; a wall before it does.
    made.values.iter_mut().filter(|m| **m > 100.0).for_each(|m| *m = 100.0);
    made.values[50 * 201 + 60] = f32::NAN;
    let unknown = run(&made, request).expect("found").result;
    assert_eq!(unknown["visible"], Value::Null);
    assert!(unknown["message"]["zh"].as_str().is_some_and(|words| words.contains("未知")), "{unknown}");
}

#[test]
fn grids_in_degrees_are_measured_in_metres() {
    let size = [301, 281];
    let [west, north] = lon_lat([0.0, 0.0]);
    let step = 1.0 / 21_600.0;
    let mut places: Vec<[f64; 2]> = (0..size[0] * size[1])
        .map(|at| [west + ((at % size[0]) as f64 + 0.5) * step, north - ((at / size[0]) as f64 + 0.5) * step])
        .collect();
    Transform::new(&Crs::cgcs2000(), &plane()).expect("a transform").points(&mut places).expect("metres");
    // A plane that rises by 0.3 to the north, and a hill in it.
    let height = |[x, y]: [f64; 2]| {
        let (x, y) = (x - CORNER[0], CORNER[1] - y);
        900.0 - 0.3 * y + 40.0 * (-((x - 600.0).powi(2) + (y - 600.0).powi(2)) / 20_000.0).exp()
    };
    let values = places.iter().map(|place| height(*place) as f32).collect();
    let made = Made { crs: Crs::cgcs2000(), grid: [west, north, step, step], size, values };
    let (found, _, cells) = raster(&made, json!({ "product": "slope", "rasters": true }));
    let deg = 0.3_f64.atan().to_degrees();
    assert!((f64::from(cells[270 * 301 + 290]) - deg).abs() < 0.02, "{}", cells[270 * 301 + 290]);
    let area_m2 = 299.0 * 279.0 * (step * 110_850.0) * (step * 98_050.0);
    assert!((number(&found.result["known_m2"]) - area_m2).abs() < 0.003 * area_m2, "{}", found.result["known_m2"]);

    let contours = run(&made, json!({ "product": "contours", "interval_m": 100.0 })).expect("found");
    for patch in &contours.patches {
        for [x, y] in patch.lines.iter().flatten() {
            let apart_m = height([*x, *y]) - number(&patch.properties["height_m"]);
            let at_border = contours_border(&made, [*x, *y], 1.1);
            assert!(apart_m.abs() < 0.1 || at_border, "{apart_m}");
        }
    }
    let request = json!({ "product": "viewshed", "observer": lon_lat([600.0, 600.0]), "radius_m": 300.0 });
    let (found, raster, cells) = raster(&made, request);
    assert!((raster.size[0] as f64 / raster.size[1] as f64 - 110_850.0 / 98_050.0).abs() < 0.02, "{:?}", raster.size);
    let circle_m2 = std::f64::consts::PI * 300.0 * 300.0;
    assert!((number(&found.result["looked_at_m2"]) - circle_m2).abs() < 0.02 * circle_m2);
    assert!(cells.contains(&1.0));
    let patch_m2 = number(&found.patches[0].properties["plane_m2"]);
    let seen_m2 = number(&found.result["visible_m2"]) - number(&found.result["drawn"]["left_out_m2"]);
    assert!((patch_m2 - seen_m2).abs() < 0.002 * seen_m2, "{patch_m2} of {seen_m2}");
}

/// Whether a place lies within so many cells of the border of a grid in degrees.
fn contours_border(made: &Made, place: [f64; 2], cells: f64) -> bool {
    let mut places = [place];
    Transform::new(&plane(), &made.crs).expect("a transform").points(&mut places).expect("degrees");
    let [west, north, width, height] = made.grid;
    let at = [(places[0][0] - west) / width, (north - places[0][1]) / height];
    at.into_iter().zip(made.size).any(|(at, size)| at < cells || at > size as f64 - cells)
}

#[test]
fn input_that_makes_no_sense_is_refused_by_name() {
    let made = holed();
    let refused = |request: Value, words: &str| assert_refused(run(&made, request), words);
    let place = lon_lat([400.0, 400.0]);
    let far = lon_lat([-50.0, 400.0]);
    let void = lon_lat([1002.5 + 5.0, 442.0]);
    let seen = |observer: [f64; 2], radius_m: Value| json!({ "product": "viewshed", "observer": observer, "radius_m": radius_m });
    refused(seen(far, json!(500.0)), "观察点不在高程数据");
    refused(seen(void, json!(500.0)), "观察点处没有高程");
    refused(seen(place, json!(0.0)), "radius_m 应大于 0");
    refused(seen(place, json!(-5.0)), "radius_m 应大于 0");
    refused(seen(place, json!("NaN")), "请求无法读取");
    refused(json!({ "product": "viewshed", "observer": place }), "radius_m");
    refused(seen([400_000.0, 3_130_000.0], json!(500.0)), "[经度, 纬度]");
    let mut within = seen(place, json!(500.0));
    within["within"] = json!([109.0, 28.0, 110.0, 29.0]);
    refused(within, "不使用 within");
    let mut bent = seen(place, json!(500.0));
    bent["curvature"] = json!(1.5);
    refused(bent, "curvature 应为 0 至 1");

    let sight = |from: [f64; 2], to: [f64; 2]| json!({ "product": "sight", "from": from, "to": to });
    refused(sight(place, far), "目标点不在高程数据");
    refused(sight(void, place), "观察点处没有高程");
    refused(sight(place, place), "同一处");

    for interval_m in [json!(0.0), json!(-1.0), json!(0.001)] {
        refused(json!({ "product": "contours", "interval_m": interval_m }), "等高距");
    }
    refused(json!({ "product": "contours" }), "interval_m");
    refused(json!({ "product": "hillshade", "altitude_deg": 91.0 }), "高度角");
    refused(json!({ "product": "relief" }), "relief");
    refused(json!({ "product": "slope", "within": [100.0, 20.0, 100.1, 20.1] }), "重新圈定");
    let bow: Vec<[f64; 2]> = [[100.0, 100.0], [300.0, 300.0], [300.0, 100.0], [100.0, 300.0]].map(lon_lat).to_vec();
    let crossing = json!({ "crs": "EPSG:4490", "parcels": [{ "name": "区", "polygons": [[bow]] }] });
    assert!(run(&made, json!({ "product": "slope", "within": crossing })).is_err(), "a ring that crosses itself");

    let mut rules = RuleBook::shipped();
    let shipped = rules.document("terrain").expect("shipped").text.clone();
    let few = shipped
        .replace("most_points = 2000000", "most_points = 5000")
        .replace("most_cells = 100000000", "most_cells = 9000");
    rules.put(RuleDocument { name: "terrain".to_owned(), version: "县-1".to_owned(), text: few });
    let limited = |request: Value| asked(&made, &rules, request).map(|(findings, _)| findings);
    assert_refused(limited(json!({ "product": "contours", "interval_m": 0.5 })), "加大等高距");
    assert_refused(limited(seen(place, json!(500.0))), "缩小半径");
    assert!(limited(seen(place, json!(100.0))).is_ok());
    let empty = Made { values: vec![f32::NAN; 331 * 287], ..holed() };
    for request in [json!({ "product": "slope" }), json!({ "product": "contours", "interval_m": 5.0 })] {
        assert_refused(run(&empty, request), "没有可用的高程");
    }
    for (from, to, said) in [
        ("to_deg = 15.0", "to_deg = 5.0", "slope_class"),
        ("altitude_deg = 45.0", "altitude_deg = 145.0", "hillshade"),
        ("index_every = 5", "index_every = 0", "contours"),
        ("curvature = 0.85714", "curvature = 2.0", "sight"),
        ("most_cells = 100000000", "most_cells = 0", "viewshed"),
    ] {
        assert!(shipped.contains(from), "{from}");
        let text = shipped.replace(from, to);
        let document = RuleDocument { name: "terrain".to_owned(), version: "县-2".to_owned(), text };
        let refused = analysis::mechanism::check_rule(&document).expect_err(to).to_string();
        assert!(refused.contains(said), "{refused}");
    }
}

#[test]
fn voids_are_counted_and_said() {
    let made = holed();
    let request = json!({ "product": "viewshed", "observer": lon_lat([800.0, 500.0]), "radius_m": 400.0 });
    let (found, _, cells) = raster(&made, request);
    assert_eq!(found.result["cells"]["without_height"], 300);
    assert!(found.result["message"]["zh"].as_str().is_some_and(|words| words.contains("300")));
    assert!(cells.iter().filter(|cell| cell.is_nan()).count() > 300);
    let whole = Made::new([331, 287], [5.0, 4.0], rough);
    let lines = |made: &Made| {
        number(&run(made, json!({ "product": "contours", "interval_m": 10.0 })).unwrap().result["length_m"])
    };
    assert!(lines(&made) < lines(&whole));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn slope_does_not_depend_on_the_height_of_the_ground(heights in prop::collection::vec(0.0..40.0_f32, 120), up in -500_i16..3000) {
        // Sixteenths of a metre, so that adding is exact.
        let low: Vec<f32> = heights.iter().map(|height| (height * 16.0).round() / 16.0).collect();
        let high = low.iter().map(|height| height + f32::from(up)).collect();
        let made = |values: Vec<f32>| Made { values, ..Made::new([12, 10], [3.0, 3.0], |_, _| 0.0) };
        let slope = |made: &Made| raster(made, json!({ "product": "slope", "rasters": true }));
        let ((first, _, own), (second, _, raised)) = (slope(&made(low)), slope(&made(high)));
        prop_assert_eq!(&first.result["classes"], &second.result["classes"]);
        prop_assert!(own.iter().zip(&raised).all(|(a, b)| a.to_bits() == b.to_bits()));
    }

    #[test]
    fn who_sees_is_seen(
        from in [10.0..1600.0_f64, 10.0..1400.0_f64], to in [10.0..1600.0_f64, 10.0..1400.0_f64], above_m in 0.5..80.0_f64,
    ) {
        prop_assume!((from[0] - to[0]).hypot(from[1] - to[1]) > 20.0);
        let made = Made::new([331, 287], [5.0, 5.0], rough);
        let sees = |from: [f64; 2], to: [f64; 2]| {
            let request = json!({
                "product": "sight", "from": lon_lat(from), "to": lon_lat(to), "eye_m": above_m, "target_m": above_m,
            });
            run(&made, request).expect("found").result
        };
        let (there, back) = (sees(from, to), sees(to, from));
        prop_assert_eq!(&there["visible"], &back["visible"]);
        // Both see the same ground and the same gap above it.
        if there["visible"] == true {
            prop_assert!((number(&there["clear_by_m"]) - number(&back["clear_by_m"])).abs() < 0.002);
        }
    }
}
