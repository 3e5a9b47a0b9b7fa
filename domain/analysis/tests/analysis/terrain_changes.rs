//! Landslides of known volume on made hills: volumes and outlines against what was taken away, surveys that lie apart, noise
//! whose interval must hold the truth as often as it says, and input that must be refused by name.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use analysis::mechanism::{NoRasters, RasterMade, Rows, RuleBook, Unwatched};
use analysis::{AnalysisError, Findings, LoadedLayer, Rasters, Surface, Task, analysis};
use geodesy::height::HeightDatum;
use geodesy::{Crs, Transform};
use serde_json::{Value, json};

/// South-west corner of the hills, EPSG:4546.
pub(crate) const CORNER: [f64; 2] = [400_000.0, 3_130_000.0];

/// Heights by a rule, on a grid of one's own.
pub(crate) struct Made {
    pub(crate) name: &'static str,
    pub(crate) crs: Crs,
    pub(crate) grid: [f64; 4],
    pub(crate) size: [usize; 2],
    pub(crate) datum: HeightDatum,
    pub(crate) valid_from: &'static str,
    pub(crate) values: Vec<f32>,
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Surface for Made {
    fn source(&self) -> &str {
        self.name
    }
    fn crs(&self) -> &Crs {
        &self.crs
    }
    fn height_datum(&self) -> &HeightDatum {
        &self.datum
    }
    fn valid_from(&self) -> &str {
        self.valid_from
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

pub(crate) fn plane() -> Crs {
    Crs::from_user_input("EPSG:4546").expect("a plane")
}

/// Ground before anything moved, metres, by easting and northing from the corner.
pub(crate) fn hills(x: f64, y: f64) -> f64 {
    300.0 + 0.12 * x + 22.0 * (x / 61.0).sin() * (y / 83.0).cos() + 9.0 * (y / 37.0 + x / 91.0).sin()
}

/// What slid: an ellipse that lost ground above and gained it below, with steep edges.
pub(crate) fn slid(x: f64, y: f64) -> f64 {
    let (u, v) = ((x - 150.0) / 60.0, (y - 150.0) / 30.0);
    let inside = 1.0 - u * u - v * v;
    if inside <= 0.0 {
        return 0.0;
    }
    if u > 0.1 { -(2.0 + 8.0 * inside) } else { 1.5 + 7.0 * inside }
}

/// A survey of a square of `side_m`: `height` by place from the corner.
pub(crate) fn survey(
    name: &'static str,
    valid_from: &'static str,
    side_m: f64,
    cell_m: f64,
    height: impl Fn(f64, f64) -> f64,
) -> Made {
    let cells = (side_m / cell_m).round() as usize;
    let values = (0..cells * cells)
        .map(|index| {
            let (column, row) = (index % cells, index / cells);
            height((column as f64 + 0.5) * cell_m, side_m - (row as f64 + 0.5) * cell_m) as f32
        })
        .collect();
    Made {
        name,
        crs: plane(),
        grid: [CORNER[0], CORNER[1] + side_m, cell_m, cell_m],
        size: [cells; 2],
        datum: HeightDatum::Normal1985,
        valid_from,
        values,
    }
}

pub(crate) const SIDE_M: f64 = 300.0;

pub(crate) fn before() -> Made {
    survey("dem@2023", "2023-05-16T00:00:00Z", SIDE_M, 1.0, hills)
}

pub(crate) fn after(shift: [f64; 3]) -> Made {
    survey("dem@2024", "2024-07-20T00:00:00Z", SIDE_M, 1.0, |x, y| {
        let (x, y) = (x - shift[0], y - shift[1]);
        hills(x, y) + slid(x, y) + shift[2]
    })
}

/// Loss and gain on the cells, square metres that moved.
pub(crate) fn truth() -> (f64, f64, f64) {
    truth_of([0.0; 3])
}

/// The same on the cells of a survey that lies so far off: they cut the edges elsewhere.
fn truth_of(shift: [f64; 3]) -> (f64, f64, f64) {
    let cells = (0..90_000).map(|i| slid(f64::from(i % 300) + 0.5 - shift[0], f64::from(i / 300) + 0.5 - shift[1]));
    cells.fold((0.0, 0.0, 0.0), |(loss, gain, area), d| {
        (loss - d.min(0.0), gain + d.max(0.0), area + f64::from(d != 0.0))
    })
}

pub(crate) fn run(before: &Made, after: &Made, more: Value) -> Result<Findings, AnalysisError> {
    run_with(Some(before), after, more, &BTreeMap::new(), &NoRasters)
}

/// With layers by role, and somebody who takes grids.
pub(crate) fn run_with(
    before: Option<&Made>,
    after: &Made,
    more: Value,
    layers: &BTreeMap<String, LoadedLayer>,
    rasters: &dyn Rasters,
) -> Result<Findings, AnalysisError> {
    let mut request = json!({ "after": { "dataset": "dem" } });
    if before.is_some() {
        request["before"] = json!({ "dataset": "dem" });
    }
    for (name, value) in more.as_object().expect("an object") {
        request[name] = value.clone();
    }
    let found = analysis("terrain-change").expect("the analysis");
    let rules = RuleBook::shipped();
    let wanted = (found.wanted)(&request, &rules)?;
    assert_eq!(wanted.surfaces.len(), 1 + usize::from(before.is_some()), "the surfaces that are there");
    let mut surfaces: BTreeMap<String, &dyn Surface> = BTreeMap::from([("after".to_owned(), after as &dyn Surface)]);
    if let Some(before) = before {
        surfaces.insert("before".to_owned(), before);
    }
    let plane = plane();
    (found.run)(&Task {
        request: &request,
        rules: &rules,
        plane: &plane,
        layers,
        surfaces: &surfaces,
        watch: &Unwatched,
        rasters,
    })
}

pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("a number: {value}"))
}

pub(crate) fn holds(interval: &Value, value: f64) -> bool {
    (number(&interval[0])..=number(&interval[1])).contains(&value)
}

/// Degrees of places from the corner, as requests draw them.
pub(crate) fn drawn(places: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut places: Vec<[f64; 2]> = places.iter().map(|[x, y]| [CORNER[0] + x, CORNER[1] + y]).collect();
    Transform::new(&plane(), &Crs::cgcs2000()).expect("a transform").points(&mut places).expect("degrees");
    places
}

#[test]
fn what_slid_is_found_with_its_volume_outline_and_way() {
    let Findings { result, patches } = run(&before(), &after([0.0; 3]), json!({})).expect("found");
    let (loss_m3, gain_m3, area_m2) = truth();
    let [patch] = patches.as_slice() else { panic!("one slide: {}", patches.len()) };
    for (name, made) in [("loss", loss_m3), ("gain", gain_m3)] {
        let found = &patch.properties[name];
        assert!((number(&found["volume_m3"]) - made).abs() < 0.001 * made, "{name}: {found} of {made}");
        assert!(holds(&found["interval_m3"], made), "{name}: {found} of {made}");
        assert_eq!(found, &result[name], "one place is the whole");
    }
    let found_m2 = number(&patch.properties["plane_m2"]);
    assert!((found_m2 - area_m2).abs() < 0.02 * area_m2, "{found_m2} of {area_m2} m²");
    // Ten places out of a hundred thousand cells may lie on either side of the outline.
    let polygon = &patch.polygons[0];
    let inside = |x: f64, y: f64| geo_contains(&polygon.exterior, [CORNER[0] + x, CORNER[1] + y]);
    let (mut both, mut either) = (0_u32, 0_u32);
    for (x, y) in (0..90_000).map(|i| (f64::from(i % 300) + 0.5, f64::from(i / 300) + 0.5)) {
        let (found, moved) = (inside(x, y), slid(x, y) != 0.0);
        both += u32::from(found && moved);
        either += u32::from(found || moved);
    }
    assert!(f64::from(both) >= 0.97 * f64::from(either), "{both} of {either}");
    let travel = &patch.properties["travel"];
    assert!((40.0..90.0).contains(&number(&travel["distance_m"])), "{travel}");
    assert!(number(&travel["from"][0]) > number(&travel["to"][0]), "it went to the west: {travel}");
    assert_eq!(result["scale"], "小型");
    assert_eq!(result["registration"]["significant"], json!({ "east": false, "north": false, "up": false }));
}

fn geo_contains(ring: &[[f64; 2]], [x, y]: [f64; 2]) -> bool {
    let mut odd = false;
    for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        if (a[1] > y) != (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]) {
            odd = !odd;
        }
    }
    odd
}

#[test]
fn surveys_that_lie_apart_are_measured_and_brought_together_on_request() {
    for shift in [[0.024, -0.018, 0.0], [0.8, -0.6, 0.0], [0.0, 0.0, 0.03], [0.0, 0.0, 1.0], [0.8, -0.6, -28.37]] {
        let apart = after(shift);
        let (loss_m3, gain_m3, _) = truth_of(shift);
        let found = run(&before(), &apart, json!({})).expect("found").result;
        let registration = &found["registration"];
        for (axis, name) in ["east", "north", "up"].into_iter().enumerate() {
            let measured = number(&registration["shift_m"][name]);
            assert!((measured - shift[axis]).abs() < 0.004, "{shift:?}: {registration}");
            assert_eq!(
                registration["significant"][name],
                json!(shift[axis].abs() >= 0.01),
                "{shift:?} {name}: {registration}"
            );
        }
        assert_eq!(found["stamp"], Value::Null);
        let aligned = run(&before(), &apart, json!({ "align": "stable-ground" })).expect("aligned").result;
        assert_eq!((&aligned["stamp"], &aligned["aligned"]), (&json!("应急参考"), &json!(true)));
        for (name, made) in [("loss", loss_m3), ("gain", gain_m3)] {
            let volume_m3 = number(&aligned[name]["volume_m3"]);
            assert!((volume_m3 - made).abs() < 0.005 * made, "{shift:?} {name}: {volume_m3} of {made}");
            // A county of water between them: where all is moved there is nothing to tell the slide from.
            if shift[2].abs() < 5.0 {
                assert!(holds(&found[name]["interval_m3"], made), "{shift:?} {name}: {} of {made}", found[name]);
            }
        }
    }
}

/// Normal deviates, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn flat(&mut self) -> f64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.flat().max(1e-300).ln()).sqrt() * (std::f64::consts::TAU * self.flat()).cos()
    }
}

/// Noise of `sigma_m`, averaged over squares of `alike` cells so that neighbours err together.
fn noise(seed: u64, cells: usize, alike: usize, sigma_m: f64) -> Vec<f64> {
    let side = cells + alike;
    let mut dice = Dice(seed);
    let white: Vec<f64> = (0..side * side).map(|_| dice.normal()).collect();
    // Running sums along rows, then columns.
    let mut rows = vec![0.0; side * cells];
    for y in 0..side {
        let mut sum: f64 = white[y * side..y * side + alike].iter().sum();
        for x in 0..cells {
            rows[y * cells + x] = sum;
            sum += white[y * side + x + alike] - white[y * side + x];
        }
    }
    let mut made = vec![0.0; cells * cells];
    for x in 0..cells {
        let mut sum: f64 = (0..alike).map(|y| rows[y * cells + x]).sum();
        for y in 0..cells {
            made[y * cells + x] = sum / alike as f64 * sigma_m;
            sum += rows[(y + alike) * cells + x] - rows[y * cells + x];
        }
    }
    made
}

#[test]
fn the_interval_holds_the_truth_as_often_as_it_says() {
    let (loss_m3, gain_m3, _) = truth();
    let (clean_before, clean_after) = (before(), after([0.0; 3]));
    for alike in [1, 8] {
        let mut held = [0_u32; 2];
        let runs = 200;
        for seed in 0..runs {
            let (mut before, mut after) = (before(), after([0.0; 3]));
            for (made, clean, seed) in
                [(&mut before, &clean_before, 2 * seed), (&mut after, &clean_after, 2 * seed + 1)]
            {
                let errors = noise(seed, 300, alike, 0.12);
                made.values = clean.values.iter().zip(errors).map(|(h, e)| h + e as f32).collect();
            }
            let found = run(&before, &after, json!({ "align": "stable-ground" })).expect("found").result;
            for (held, (name, made)) in held.iter_mut().zip([("loss", loss_m3), ("gain", gain_m3)]) {
                *held += u32::from(holds(&found[name]["interval_m3"], made));
            }
        }
        for (held, name) in held.into_iter().zip(["loss", "gain"]) {
            let share = f64::from(held) / f64::from(runs as u32);
            assert!((0.90..=0.995).contains(&share), "{name}, {alike} cells alike: {held} of {runs}");
        }
    }
}

#[test]
fn a_coarse_model_and_one_in_degrees_answer_honestly() {
    let (loss_m3, gain_m3, _) = truth();
    let fine = after([0.0; 3]);
    let coarse = survey("dem5@2020", "2020-01-01T00:00:00Z", SIDE_M, 5.0, hills);
    let plain = run(&before(), &fine, json!({})).expect("found").result;
    let found = run(&coarse, &fine, json!({})).expect("found").result;
    let width =
        |found: &Value, name: &str| number(&found[name]["interval_m3"][1]) - number(&found[name]["interval_m3"][0]);
    for (name, made) in [("loss", loss_m3), ("gain", gain_m3)] {
        assert!(holds(&found[name]["interval_m3"], made), "{name}: {} of {made}", found[name]);
        assert!(width(&found, name) > width(&plain, name), "a coarse model tells less: {}", found[name]);
    }
    assert_eq!(found["cells"]["size_m"], json!([1.0, 1.0]), "the finer grid is kept");

    // The same hills on a grid of degrees.
    let [[west, south], [east, north]] = [drawn(&[[-20.0, -20.0]])[0], drawn(&[[320.0, 320.0]])[0]];
    let step = 1e-5;
    let size = [((east - west) / step) as usize, ((north - south) / step) as usize];
    let mut places: Vec<[f64; 2]> = (0..size[0] * size[1])
        .map(|i| [west + ((i % size[0]) as f64 + 0.5) * step, north - ((i / size[0]) as f64 + 0.5) * step])
        .collect();
    Transform::new(&Crs::cgcs2000(), &plane()).expect("a transform").points(&mut places).expect("metres");
    let degrees = Made {
        name: "dem-degrees@2020",
        crs: Crs::cgcs2000(),
        grid: [west, north, step, step],
        size,
        datum: HeightDatum::Normal1985,
        valid_from: "2020-01-01T00:00:00Z",
        values: places.iter().map(|[x, y]| hills(x - CORNER[0], y - CORNER[1]) as f32).collect(),
    };
    let found = run(&degrees, &fine, json!({})).expect("found").result;
    for (name, made) in [("loss", loss_m3), ("gain", gain_m3)] {
        let volume_m3 = number(&found[name]["volume_m3"]);
        assert!((volume_m3 - made).abs() < 0.005 * made, "{name}: {volume_m3} of {made}");
    }
    let shift = &found["registration"]["shift_m"];
    assert!(["east", "north", "up"].iter().all(|axis| number(&shift[*axis]).abs() < 0.01), "{shift}");
}

#[test]
fn a_section_shows_both_surfaces_and_an_area_limits_the_search() {
    let line = drawn(&[[60.0, 150.0], [240.0, 150.0]]);
    let within = drawn(&[[80.0, 110.0], [220.0, 110.0], [220.0, 190.0], [80.0, 190.0]]);
    let area = json!({ "crs": "EPSG:4490", "parcels": [{ "name": "区", "polygons": [[within]] }] });
    let found = run(&before(), &after([0.0; 3]), json!({ "within": area, "sections": [line] })).expect("found");
    assert_eq!(found.patches.len(), 1);
    let section = &found.result["sections"][0];
    assert!((number(&section["length_m"]) - 180.0).abs() < 0.2, "{}", section["length_m"]);
    let list = |name: &str| section[name].as_array().expect("a list").iter().map(number).collect::<Vec<_>>();
    for ((at, before), after) in list("distance_m").into_iter().zip(list("before_m")).zip(list("after_m")) {
        let x = 60.0 + at * 180.0 / number(&section["length_m"]);
        assert!((before - hills(x, 150.0)).abs() < 0.03, "{at}: {before} of {}", hills(x, 150.0));
        // Between the last cell inside and the first outside the edge is a slope.
        if slid(x - 1.5, 150.0) * slid(x + 1.5, 150.0) > 0.0 || slid(x - 1.5, 150.0) == slid(x + 1.5, 150.0) {
            assert!((after - hills(x, 150.0) - slid(x, 150.0)).abs() < 0.1, "{at}: {after}");
        }
    }
    let far = drawn(&[[5_000.0, 5_000.0], [5_100.0, 5_000.0], [5_100.0, 5_100.0]]);
    let area = json!({ "crs": "EPSG:4490", "parcels": [{ "name": "区", "polygons": [[far]] }] });
    assert_refused(run(&before(), &after([0.0; 3]), json!({ "within": area })), "重叠范围");
}

pub(crate) fn assert_refused(found: Result<Findings, AnalysisError>, words: &str) {
    let said = found.expect_err("refused").to_string();
    assert!(said.contains(words), "{said} does not say {words}");
}

#[test]
fn input_that_would_give_a_wrong_number_is_refused_by_name() {
    let (first, second) = (before(), after([0.0; 3]));
    assert_refused(run(&second, &first, json!({})), "对调");
    let mut far = after([0.0; 3]);
    far.grid[0] += 10_000.0;
    assert_refused(run(&first, &far, json!({})), "没有重叠");
    let mut ellipsoidal = after([0.0, 0.0, -28.37]);
    ellipsoidal.datum = HeightDatum::Ellipsoidal;
    assert_refused(run(&first, &ellipsoidal, json!({})), "按稳定地面归算");
    let aligned = run(&first, &ellipsoidal, json!({ "align": "stable-ground" })).expect("aligned").result;
    assert!((number(&aligned["registration"]["shift_m"]["up"]) + 28.37).abs() < 0.01);
    let mut feet = after([0.0; 3]);
    feet.values.iter_mut().for_each(|height| *height *= 3.280_84);
    assert_refused(run(&first, &feet, json!({})), "英尺");
    let mut holes = after([0.0; 3]);
    holes.values.fill(f32::NAN);
    assert_refused(run(&first, &holes, json!({})), "稳定地面");
    let all = drawn(&[[-10.0, -10.0], [310.0, -10.0], [310.0, 310.0], [-10.0, 310.0]]);
    let whole = json!({ "crs": "EPSG:4490", "parcels": [{ "name": "区", "polygons": [[all]] }] });
    assert_refused(run(&first, &second, json!({ "within": whole })), "accuracy_m");
    // With accuracies stated it answers, and says that the fit was not checked.
    let stated = json!({ "within": whole, "accuracy_m": { "before": 0.05, "after": 0.05 } });
    let found = run(&first, &second, stated).expect("found").result;
    assert!(found["message"]["zh"].as_str().is_some_and(|words| words.contains("未能检查")), "{}", found["message"]);
    let bow = drawn(&[[80.0, 110.0], [220.0, 190.0], [220.0, 110.0], [80.0, 190.0]]);
    let crossing = json!({ "crs": "EPSG:4490", "parcels": [{ "name": "区", "polygons": [[bow]] }] });
    assert!(run(&first, &second, json!({ "within": crossing })).is_err(), "an area whose ring crosses itself");
}

#[test]
fn a_void_is_said_and_takes_no_part() {
    let mut holed = after([0.0; 3]);
    for row in 140..155 {
        holed.values[row * 300 + 150..row * 300 + 165].fill(f32::NAN);
    }
    let found = run(&before(), &holed, json!({})).expect("found").result;
    assert_eq!(found["cells"]["without_height"], json!(225));
    assert!(number(&found["without_height_m2"]) >= 150.0, "{}", found["without_height_m2"]);
}

/// Grids that were handed over.
#[derive(Debug, Default)]
struct Taken(Mutex<Vec<(RasterMade, Vec<f32>)>>);

impl Rasters for Taken {
    fn take(&self, raster: &RasterMade, rows: &mut Rows<'_>) -> Result<(), AnalysisError> {
        let [columns, count] = raster.size;
        let mut values = vec![0.0; columns * count];
        // Bands that no power of two fits.
        for row in (0..count).step_by(77) {
            let end = (row + 77).min(count);
            rows(row, &mut values[row * columns..end * columns])?;
        }
        self.0.lock().expect("one thread").push((raster.clone(), values));
        Ok(())
    }
}

/// What numpy makes of two raw grids on its standard input: counts, sums of metres, and the difference as raw floats.
const NUMPY: &str = r"
import sys, json, numpy
rows, columns = int(sys.argv[1]), int(sys.argv[2])
before, after = numpy.frombuffer(sys.stdin.buffer.read(), dtype='<f4').reshape(2, rows, columns)
difference = after - before
moved = numpy.abs(difference) > numpy.float32(sys.argv[3])
wide = difference.astype('f8')
said = {'moved': int(moved.sum()), 'loss': float(-wide[moved & (difference < 0)].sum()), 'gain': float(wide[moved & (difference > 0)].sum()),
        'unknown': int(numpy.isnan(difference).sum())}
sys.stdout.buffer.write(json.dumps(said).encode() + b'\n' + difference.tobytes())
";

#[test]
fn the_difference_and_the_volumes_are_those_of_numpy() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/validators/.venv/bin/python");
    if !python.exists() {
        println!("SKIPPED: numpy needs `scripts/python-validators.sh`");
        return;
    }
    let (first, mut second) = (before(), after([0.0; 3]));
    second.values[40 * 300 + 11..40 * 300 + 20].fill(f32::NAN);
    let taken = Taken::default();
    let found = run_with(Some(&first), &second, json!({ "rasters": true }), &BTreeMap::new(), &taken).expect("found");
    let mut numpy = Command::new(python)
        .args(["-c", NUMPY, "300", "300", &found.result["level_of_detection_m"].to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python");
    let bytes: Vec<u8> = [&first, &second].iter().flat_map(|made| &made.values).flat_map(|v| v.to_le_bytes()).collect();
    numpy.stdin.take().expect("its input").write_all(&bytes).expect("written");
    let said = numpy.wait_with_output().expect("said");
    assert!(said.status.success());
    let end = said.stdout.iter().position(|byte| *byte == b'\n').expect("a line");
    let sums: Value = serde_json::from_slice(&said.stdout[..end]).expect("JSON");
    let theirs: Vec<f32> =
        said.stdout[end + 1..].as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let taken = taken.0.into_inner().expect("grids");
    let [(made, ours)] = taken.as_slice() else { panic!("one grid") };
    assert_eq!((made.name, made.unit, made.size, made.grid), ("difference", "m", [300, 300], first.grid));
    assert_eq!(ours.len(), theirs.len());
    for (cell, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert!(ours == theirs || (ours.is_nan() && theirs.is_nan()), "cell {cell}: {ours} of {theirs}");
    }
    assert_eq!(found.result["cells"]["without_height"], sums["unknown"]);
    for name in ["loss", "gain"] {
        let (volume_m3, theirs) = (number(&found.result[name]["volume_m3"]), number(&sums[name]));
        // Both round to a tenth; the corners of the ellipse that are thinner than a speck are left out.
        assert!((volume_m3 - theirs).abs() < 5e-4 * theirs + 0.1, "{name}: {volume_m3} of {theirs}");
    }
    let cells_m2 = number(&found.result["loss"]["cells_m2"]) + number(&found.result["gain"]["cells_m2"]);
    assert!((cells_m2 - number(&sums["moved"])).abs() < 0.005 * cells_m2, "{cells_m2} of {sums}");
}

#[test]
fn the_grid_of_a_drawn_area_lies_where_it_belongs_and_is_that_of_the_aligned_surveys() {
    let within = drawn(&[[80.0, 110.0], [220.0, 110.0], [220.0, 190.0], [80.0, 190.0]]);
    let area = json!({ "crs": "EPSG:4490", "parcels": [{ "name": "区", "polygons": [[within]] }] });
    let taken = Taken::default();
    let request = json!({ "rasters": true, "within": area, "align": "stable-ground" });
    run_with(Some(&before()), &after([0.0, 0.0, 1.0]), request, &BTreeMap::new(), &taken).expect("found");
    let taken = taken.0.into_inner().expect("grids");
    let (made, values) = &taken[0];
    assert!(made.size[0] < 150 && made.size[1] < 90, "only the area: {:?}", made.size);
    for (index, value) in values.iter().enumerate() {
        let (column, row) = (index % made.size[0], index / made.size[0]);
        let x = made.grid[0] - CORNER[0] + column as f64 + 0.5;
        let y = made.grid[1] - CORNER[1] - row as f64 - 0.5;
        assert!((f64::from(*value) - slid(x, y)).abs() < 0.01, "{x} {y}: {value} of {}", slid(x, y));
    }
}

#[test]
fn a_tilt_is_measured_said_and_taken_off_only_when_that_is_asked() {
    let side_m = 900.0;
    let (rise, shift) = ([0.9, -0.6], [0.4, 0.3, 0.5]);
    let first = survey("dem@2023", "2023-05-16T00:00:00Z", side_m, 1.0, hills);
    let tilted = survey("dem@2024", "2024-07-20T00:00:00Z", side_m, 1.0, |x, y| {
        let level = (rise[0] * (x - 450.0) + rise[1] * (y - 450.0)) / 1_000.0;
        hills(x - shift[0], y - shift[1]) + slid(x - shift[0], y - shift[1]) + shift[2] + level
    });
    let (loss_m3, gain_m3, _) = truth_of([shift[0], shift[1], 0.0]);
    let shifted = run(&first, &tilted, json!({ "align": "stable-ground" })).expect("found").result;
    assert_eq!(shifted["registration"]["tilt_m_per_km"]["significant"], json!(true));
    assert_eq!(shifted["taken_off"]["tilt_m_per_km"], Value::Null, "only the shift was asked for");
    let said = shifted["message"]["zh"].as_str().expect("words");
    assert!(said.contains("倾斜"), "{said}");
    let found = run(&first, &tilted, json!({ "align": "stable-ground-and-tilt" })).expect("found").result;
    for (axis, name) in ["east", "north"].into_iter().enumerate() {
        for of in ["registration", "taken_off"] {
            let measured = number(&found[of]["tilt_m_per_km"][name]);
            assert!((measured - rise[axis]).abs() < 0.03, "{of} {name}: {measured} of {}", rise[axis]);
        }
        let by = number(&found["taken_off"]["shift_m"][name]);
        assert!((by - shift[axis]).abs() < 0.004, "{name}: {by} of {}", shift[axis]);
    }
    assert!(number(&found["sigma_m"]) < 0.6 * number(&shifted["registration"]["residual"]["shift_taken_off"]["p68_m"]));
    assert_eq!(found["stamp"], "应急参考");
    for (name, made) in [("loss", loss_m3), ("gain", gain_m3)] {
        let volume_m3 = number(&found[name]["volume_m3"]);
        assert!((volume_m3 - made).abs() < 0.005 * made, "{name}: {volume_m3} of {made}");
        assert!(holds(&found[name]["interval_m3"], made), "{name}: {} of {made}", found[name]);
    }
    // Where nothing is tilted nothing is taken off, and that is said.
    let level =
        run(&before(), &after([0.0, 0.0, 1.0]), json!({ "align": "stable-ground-and-tilt" })).expect("found").result;
    assert_eq!(level["taken_off"]["tilt_m_per_km"], Value::Null);
    assert!(
        level["message"]["zh"].as_str().is_some_and(|words| words.contains("未发现显著的整体倾斜")),
        "{}",
        level["message"]
    );
}
