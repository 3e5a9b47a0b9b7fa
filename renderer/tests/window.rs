//! A real window on a virtual display: it paints, follows mouse and wheel, and rests when nothing happens.
//!
//! Needs Xvfb, xdotool and `ImageMagick`; without them the test says loudly that it was skipped.

mod synthetic;

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use synthetic::SyntheticServer;

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        assert!(self.0.kill().is_ok() && self.0.wait().is_ok(), "a child process could not be ended");
    }
}

fn is_there(program: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {program}")]).output().is_ok_and(|found| found.status.success())
}

fn virtual_display() -> (Running, String) {
    let mut server = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "1100x720x24", "-nolisten", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Xvfb starts");
    let mut number = String::new();
    let output = server.stdout.take().expect("piped");
    BufReader::new(output).read_line(&mut number).expect("Xvfb names its display");
    (Running(server), format!(":{}", number.trim()))
}

fn xdotool(display: &str, arguments: &[&str]) {
    let done = Command::new("xdotool").args(arguments).env("DISPLAY", display).status().expect("xdotool runs");
    assert!(done.success(), "xdotool {arguments:?}");
}

fn screenshot(display: &str, name: &str) -> image::RgbaImage {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let taken = Command::new("import")
        .args(["-window", "root"])
        .arg(&path)
        .env("DISPLAY", display)
        .status()
        .expect("import runs");
    assert!(taken.success());
    image::open(&path).expect("a PNG").into_rgba8()
}

/// Screenshots until one is as wanted, the next is the same and the viewer did nothing in between, or two minutes are over.
/// Two pictures alike are not enough: between them a slow machine may be in the middle of a frame of a movement.
fn wait_for(
    (display, viewer): (&str, u32),
    name: &str,
    is_as_wanted: impl Fn(&image::RgbaImage) -> bool,
) -> image::RgbaImage {
    let start = Instant::now();
    let mut before = None;
    let mut ticks = cpu_ticks(viewer);
    loop {
        let picture = screenshot(display, name);
        let now = cpu_ticks(viewer);
        if now - ticks <= RESTING_TICKS && is_as_wanted(&picture) && before.as_ref() == Some(&picture) {
            return picture;
        }
        (before, ticks) = (Some(picture), now);
        assert!(start.elapsed() < Duration::from_mins(2), "{name} never came to be as wanted");
    }
}

fn count(picture: &image::RgbaImage, wanted: fn([u8; 4]) -> bool) -> usize {
    picture.pixels().filter(|pixel| wanted(pixel.0)).count()
}

/// The middle of the pixels that satisfy, right of `left` and above `bottom`.
fn middle(picture: &image::RgbaImage, left: u32, bottom: u32, wanted: fn([u8; 4]) -> bool) -> [f64; 2] {
    let hits = picture.enumerate_pixels().filter(|(x, y, pixel)| *x > left && *y < bottom && wanted(pixel.0));
    let (sum, count) = hits
        .fold(([0.0, 0.0], 0.0), |([x, y], count), (px, py, _)| ([x + f64::from(px), y + f64::from(py)], count + 1.0));
    sum.map(|sum| sum / count)
}

/// Presses a button, moves in steps as a hand does, and lets go.
fn drag(display: &str, button: &str, [x, y]: [f64; 2], [right, down]: [f64; 2]) {
    let to = |part: f64| [x + right * part, y + down * part].map(|pixel| pixel.round().to_string());
    let [start_x, start_y] = to(0.0);
    xdotool(display, &["mousemove", &start_x, &start_y, "mousedown", button]);
    for step in 1..=6 {
        let [x, y] = to(f64::from(step) / 6.0);
        xdotool(display, &["mousemove", &x, &y]);
    }
    xdotool(display, &["mouseup", button]);
}

/// The red end of the north arrow.
fn is_north([red, green, blue, _]: [u8; 4]) -> bool {
    red > 180 && (40..90).contains(&green) && (30..80).contains(&blue)
}

fn is_green([red, green, blue, _]: [u8; 4]) -> bool {
    red < 90 && green > 150 && blue < 130
}

fn is_magenta([red, green, blue, _]: [u8; 4]) -> bool {
    red > 200 && green < 60 && blue > 200
}

/// Hundredths of a second that a window at rest may use while a picture is taken.
const RESTING_TICKS: u64 = 2;

fn cpu_ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("the process runs");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    fields[11].parse::<u64>().expect("user ticks") + fields[12].parse::<u64>().expect("system ticks")
}

#[test]
fn the_window_pans_flies_zooms_orbits_switches_layers_and_time_and_then_rests() {
    if let Some(missing) = ["Xvfb", "xdotool", "import"].into_iter().find(|program| !is_there(program)) {
        println!("SKIPPED: the window test needs {missing}");
        return;
    }
    let server = SyntheticServer::start(None);
    let (_screen, display) = virtual_display();
    let viewer = Command::new(env!("CARGO_BIN_EXE_shikong-view"))
        .args([server.url.as_str(), "--size", "1100x720", "--camera", "109.7408,28.3055,750,0,-45"])
        .env("DISPLAY", &display)
        .env_remove("WAYLAND_DISPLAY")
        .spawn()
        .expect("the viewer starts");
    let viewer = Running(viewer);
    let window = (display.as_str(), viewer.0.id());

    let first = wait_for(window, "window-first.png", |picture| count(picture, is_green) >= 400);
    assert_eq!(count(&first, is_magenta), 0, "land use is off at first");

    // What was grabbed comes along.
    let [x, y] = middle(&first, 300, 600, is_green);
    drag(&display, "1", [x, y + 3.0], [90.0, -60.0]);
    let panned = wait_for(window, "window-panned.png", |picture| {
        let [now_x, now_y] = middle(picture, 300, 600, is_green);
        (now_x - x - 90.0).abs() < 15.0 && (now_y - y + 60.0).abs() < 15.0
    });

    // A double click flies to two fifths of the distance, the wheel takes one back from what is under the pointer.
    let [x, y] = middle(&panned, 300, 600, is_green).map(|pixel| pixel.round().to_string());
    let small = count(&panned, is_green);
    xdotool(&display, &["mousemove", &x, &y, "click", "--repeat", "2", "--delay", "40", "1"]);
    wait_for(window, "window-flown.png", |picture| count(picture, is_green) > 4 * small);
    xdotool(&display, &["mousemove", "700", "300", "click", "--repeat", "8", "--delay", "40", "5"]);
    let out = wait_for(window, "window-zoomed.png", |picture| count(picture, is_green) < 2 * small);

    // Turning to the right turns the north arrow; the place turned round stays.
    let north = middle(&out, 1_020, 90, is_north);
    let [x, y] = middle(&out, 300, 600, is_green);
    drag(&display, "3", [x, y], [160.0, 0.0]);
    wait_for(window, "window-orbited.png", |picture| {
        let now = middle(picture, 1_020, 90, is_north);
        let [now_x, now_y] = middle(picture, 300, 600, is_green);
        (now[0] - north[0]).abs() > 2.0 && (now_x - x).hypot(now_y - y) < 25.0
    });

    // Without a window manager nobody gives the keyboard to a window.
    xdotool(&display, &["search", "--name", "Shikong", "windowfocus", "key", "Home"]);
    // The plan layer's box in the list of layers.
    xdotool(&display, &["mousemove", "14", "330", "click", "1"]);
    wait_for(window, "window-layer.png", |picture| count(picture, is_magenta) > 10);
    assert!(server.hits("/tiles/plan@r1/") > 0);

    // The left end of the time slider is the first moment; the right end asks for no moment at all.
    xdotool(&display, &["mousemove", "326", "658", "click", "1"]);
    wait_for(window, "window-earlier.png", |_| server.hits("datasets?datetime=2020-01-01") > 0);
    let now = server.hits("datasets");
    drag(&display, "1", [326.0, 658.0], [600.0, 0.0]);
    wait_for(window, "window-now.png", |picture| server.hits("datasets") > now && count(picture, is_magenta) > 10);

    // Nothing changes any more, so nothing is drawn: at most a few ticks in a while in which frames would take hundreds.
    let start = Instant::now();
    loop {
        let before = cpu_ticks(viewer.0.id());
        screenshot(&display, "window-4.png");
        screenshot(&display, "window-4.png");
        if cpu_ticks(viewer.0.id()) - before <= RESTING_TICKS {
            break;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "the window never rests");
    }
}
