//! The shipped viewer driven by scripts, its pictures read, and places reckoned with.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::programs::{program, root, run};

/// Size of every picture.
pub(crate) const SIZE_PX: [u32; 2] = [1_366, 768];

pub(crate) type Place = [f64; 2];
pub(crate) type Color = [u8; 3];

/// Metres of a degree of longitude and latitude near a latitude; good to a part in a thousand over a parcel.
pub(crate) fn degree_m(lat: f64) -> [f64; 2] {
    [111_320.0 * lat.to_radians().cos(), 110_850.0]
}

pub(crate) fn moved([lon, lat]: Place, [east_m, north_m]: [f64; 2]) -> Place {
    let [x, y] = degree_m(lat);
    [lon + east_m / x, lat + north_m / y]
}

pub(crate) fn distance_m(from: Place, to: Place) -> f64 {
    let [x, y] = degree_m(from[1]);
    ((to[0] - from[0]) * x).hypot((to[1] - from[1]) * y)
}

/// Rings of every polygon of a `GeoJSON` geometry.
pub(crate) fn rings(geometry: &Value) -> Vec<Vec<Place>> {
    let polygons = match geometry["type"].as_str() {
        Some("Polygon") => vec![&geometry["coordinates"]],
        _ => geometry["coordinates"].as_array().into_iter().flatten().collect(),
    };
    let place = |at: &Value| [at[0].as_f64().expect("a number"), at[1].as_f64().expect("a number")];
    let ring = |ring: &Value| ring.as_array().expect("a ring").iter().map(place).collect();
    polygons.into_iter().flat_map(|polygon| polygon.as_array().expect("rings").iter().map(ring)).collect()
}

pub(crate) fn is_inside(ring: &[Place], [x, y]: Place) -> bool {
    let mut inside = false;
    for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        if (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0] {
            inside = !inside;
        }
    }
    inside
}

/// Metres from a place to the nearest edge of rings.
pub(crate) fn to_edges_m(rings: &[Vec<Place>], at: Place) -> f64 {
    let scale = degree_m(at[1]);
    let local = |place: Place| [(place[0] - at[0]) * scale[0], (place[1] - at[1]) * scale[1]];
    let to_edge = |a: [f64; 2], b: [f64; 2]| {
        let along = [b[0] - a[0], b[1] - a[1]];
        let length2 = along[0] * along[0] + along[1] * along[1];
        let share = if length2 > 0.0 { (-(a[0] * along[0] + a[1] * along[1]) / length2).clamp(0.0, 1.0) } else { 0.0 };
        (a[0] + share * along[0]).hypot(a[1] + share * along[1])
    };
    let edges = rings.iter().flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1)));
    edges.map(|(a, b)| to_edge(local(*a), local(*b))).fold(f64::MAX, f64::min)
}

/// The place within a ring, and outside others, that is farthest from all edges; and how far that is.
pub(crate) fn deepest(ring: &[Place], others: &[Vec<Place>]) -> (Place, f64) {
    let low = ring.iter().fold([f64::MAX; 2], |low, at| [low[0].min(at[0]), low[1].min(at[1])]);
    let high = ring.iter().fold([f64::MIN; 2], |high, at| [high[0].max(at[0]), high[1].max(at[1])]);
    let all: Vec<Vec<Place>> = std::iter::once(ring.to_vec()).chain(others.iter().cloned()).collect();
    let steps = 60;
    let mut best = ([0.0, 0.0], 0.0);
    for column in 1..steps {
        for row in 1..steps {
            let share = [f64::from(column), f64::from(row)].map(|step| step / f64::from(steps));
            let at = [low[0] + (high[0] - low[0]) * share[0], low[1] + (high[1] - low[1]) * share[1]];
            if is_inside(ring, at) && !others.iter().any(|other| is_inside(other, at)) {
                let depth_m = to_edges_m(&all, at);
                if depth_m > best.1 {
                    best = (at, depth_m);
                }
            }
        }
    }
    best
}

/// Runs the viewer under an account, or none.
pub(crate) fn viewer(address: &str, account: Option<(&str, &str)>, arguments: &[&str]) -> (i32, String, String) {
    let mut command = program("shikong-view");
    command.arg(address).args(arguments).env_remove("SHIKONG_USER").env_remove("SHIKONG_PASSWORD");
    command.args(["--size", &format!("{}x{}", SIZE_PX[0], SIZE_PX[1])]);
    if let Some((name, password)) = account {
        command.env("SHIKONG_USER", name).env("SHIKONG_PASSWORD", password);
    }
    run(&mut command)
}

/// Follows a script; gives back what the program prints.
pub(crate) fn follow(
    address: &str,
    account: Option<(&str, &str)>,
    more: &[&str],
    (folder, steps): (&Path, &Value),
) -> Value {
    let script = folder.join("script.json");
    fs::create_dir_all(folder).expect("a folder");
    fs::write(&script, json!({ "version": 1, "steps": steps }).to_string()).expect("written");
    let (script, out) = (script.to_string_lossy().into_owned(), folder.to_string_lossy().into_owned());
    let arguments: Vec<&str> = more.iter().copied().chain(["--script", &script, "--out-dir", &out]).collect();
    let (code, out, err) = viewer(address, account, &arguments);
    assert_eq!(code, 0, "shikong-view {arguments:?}\n{out}\n{err}");
    let done: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}\n{err}"));
    assert_eq!(done["failures"], json!([]), "everything was there\n{err}");
    done
}

/// The colour at a pixel: the mean of three by three.
pub(crate) fn color_at(picture: &Path, [x, y]: [u32; 2]) -> Color {
    let picture = image::open(picture).unwrap_or_else(|error| panic!("{}: {error}", picture.display())).to_rgb8();
    let mut sum = [0_u32; 3];
    for (dx, dy) in (0..3).flat_map(|dx| (0..3).map(move |dy| (dx, dy))) {
        let pixel = picture.get_pixel(x + dx - 1, y + dy - 1).0;
        (0..3).for_each(|channel| sum[channel] += u32::from(pixel[channel]));
    }
    sum.map(|sum| (sum / 9) as u8)
}

pub(crate) fn middle(folder: &Path, name: &str) -> Color {
    color_at(&folder.join(name), [SIZE_PX[0] / 2, SIZE_PX[1] / 2])
}

pub(crate) fn int(color: Color) -> [i32; 3] {
    color.map(i32::from)
}

/// How far two colours are from each other in the channel that differs most.
pub(crate) fn away(one: [i32; 3], other: [i32; 3]) -> i32 {
    (0..3).map(|at| (one[at] - other[at]).abs()).max().expect("three channels")
}

/// Pixels whose channels differ by more than a little, of a million.
pub(crate) fn differing_ppm(one: &Path, other: &Path) -> u64 {
    let open = |path: &Path| image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).to_rgb8();
    let (one, other) = (open(one), open(other));
    assert_eq!(one.dimensions(), other.dimensions());
    let differs = |(a, b): &(&image::Rgb<u8>, &image::Rgb<u8>)| (0..3).any(|at| a.0[at].abs_diff(b.0[at]) > 8);
    let count = one.pixels().zip(other.pixels()).filter(differs).count() as u64;
    count * 1_000_000 / u64::from(one.width() * one.height())
}

/// A camera straight above a place.
pub(crate) fn above([lon, lat]: Place, height_m: f64) -> Value {
    json!({ "goto": { "camera": [lon, lat, height_m, 0.0, -90.0] } })
}

/// The pictures of a story's last run lie in the target folder, to be looked at.
pub(crate) fn keep_to_look_at(story: &str, from: &Path, folders: &[&str]) {
    let to = root().join("target/stories").join(story);
    if to.exists() {
        fs::remove_dir_all(&to).expect("the last run's go");
    }
    fs::create_dir_all(&to).expect("target/ is writable");
    for folder in folders {
        for entry in fs::read_dir(from.join(folder)).expect("a folder").filter_map(Result::ok) {
            let name = format!("{folder}-{}", entry.file_name().to_string_lossy());
            fs::copy(entry.path(), to.join(name)).expect("copied");
        }
    }
}
