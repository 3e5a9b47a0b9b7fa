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

/// Screenshots until enough pixels satisfy, or a minute is over.
fn wait_for(display: &str, name: &str, at_least: usize, wanted: fn([u8; 4]) -> bool) -> image::RgbaImage {
    let start = Instant::now();
    loop {
        let picture = screenshot(display, name);
        let count = picture.pixels().filter(|pixel| wanted(pixel.0)).count();
        if count >= at_least {
            return picture;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "{name}: {count} of {at_least} pixels");
    }
}

fn is_green([red, green, blue, _]: [u8; 4]) -> bool {
    red < 90 && green > 150 && blue < 130
}

fn is_magenta([red, green, blue, _]: [u8; 4]) -> bool {
    red > 200 && green < 60 && blue > 200
}

fn cpu_ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("the process runs");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    fields[11].parse::<u64>().expect("user ticks") + fields[12].parse::<u64>().expect("system ticks")
}

#[test]
fn the_window_paints_zooms_to_the_wheel_switches_layers_and_then_rests() {
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

    let first = wait_for(&display, "window-1.png", 400, is_green);
    let green_before = first.pixels().filter(|pixel| is_green(pixel.0)).count();
    assert_eq!(first.pixels().filter(|pixel| is_magenta(pixel.0)).count(), 0, "plans are off at first");

    let (x, y) = first
        .enumerate_pixels()
        .find(|(_, _, pixel)| is_green(pixel.0))
        .map(|(x, y, _)| (x, y))
        .expect("counted above");
    xdotool(
        &display,
        &["mousemove", &x.to_string(), &(y + 4).to_string(), "click", "--repeat", "5", "--delay", "60", "4"],
    );
    wait_for(&display, "window-2.png", green_before * 2, is_green);

    // Without a window manager nobody gives the keyboard to a window.
    xdotool(&display, &["search", "--name", "Shikong", "windowfocus", "key", "Home"]);
    // The plan layer's box in the list of layers.
    xdotool(&display, &["mousemove", "14", "263", "click", "1"]);
    wait_for(&display, "window-3.png", 10, is_magenta);

    assert!(server.hits("/tiles/plan@r1/") > 0);

    // Nothing changes any more, so nothing is drawn: at most a few ticks in a while in which frames would take hundreds.
    let start = Instant::now();
    loop {
        let before = cpu_ticks(viewer.0.id());
        screenshot(&display, "window-4.png");
        screenshot(&display, "window-4.png");
        if cpu_ticks(viewer.0.id()) - before <= 2 {
            break;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "the window never rests");
    }
}
