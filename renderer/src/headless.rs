//! A picture without a display: frame, wait until everything wanted is there, paint, write a PNG.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::desk::Desk;
use crate::error::ViewError;
use crate::gpu::{Backend, Gpu, Painter, SceneFrame, Shot};
use crate::scene::camera::Camera;

/// How long to wait for everything wanted.
pub const PATIENCE: Duration = Duration::from_mins(5);

/// What picture to take.
#[derive(Clone, Debug)]
pub struct Order {
    /// The camera; `None` frames all visible data.
    pub camera: Option<Camera>,
    /// Width and height in pixels.
    pub size_px: [u32; 2],
    /// Layers to show, by slug; `None` shows what a window would.
    pub layers: Option<Vec<String>>,
    /// Where the PNG goes.
    pub out: PathBuf,
    /// Which interface draws.
    pub backend: Backend,
    /// Pixels per point of the panels.
    pub pixels_per_point: f32,
}

/// What a picture came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Loads that succeeded.
    pub loaded: usize,
    /// Loads that failed.
    pub failed: usize,
    /// Why the last load of each layer failed, by slug.
    pub failures: Vec<(String, String)>,
    /// Ground tiles drawn.
    pub ground_tiles: usize,
    /// Meshes and point sets drawn.
    pub pieces: usize,
    /// Triangles drawn.
    pub triangles: usize,
    /// Points drawn.
    pub points: usize,
    /// Labels written.
    pub labels: usize,
    /// Bytes held for the scene.
    pub bytes: u64,
    /// Slugs shown.
    pub layers: Vec<String>,
    /// Slugs asked for that the server does not have.
    pub unknown_layers: Vec<String>,
    /// Longitude, latitude (degrees), height (m), heading and pitch (degrees).
    pub camera: [f64; 5],
    /// What drew.
    pub graphics: String,
    /// The file written.
    pub out: PathBuf,
}

/// Takes the picture.
pub fn take(desk: &mut Desk, order: &Order) -> Result<Report, ViewError> {
    let unknown_layers = order.layers.as_ref().map(|slugs| desk.viewer.show_only(slugs)).unwrap_or_default();
    desk.viewer.camera = match order.camera {
        Some(camera) => camera,
        None => desk.framing(None, order.size_px, order.pixels_per_point),
    };
    // The device is opened first: where there is none, nobody should wait for tiles.
    let gpu = Gpu::headless(order.backend)?;
    let graphics = gpu.name();
    let mut shot = Shot::new(gpu, 4);
    let picture = paint(desk, shot.painter(), order.size_px, order.pixels_per_point)?;
    write(&picture, &order.out)?;
    Ok(report(desk, order, graphics, unknown_layers))
}

/// Paints what the desk shows, of any size, once everything wanted for it is there.
pub fn paint(
    desk: &mut Desk,
    painter: &mut Painter,
    size_px: [u32; 2],
    pixels_per_point: f32,
) -> Result<image::RgbaImage, ViewError> {
    let graphics = painter.gpu().name();
    let [width, height] = size_px.map(|side| side as f32 / pixels_per_point);
    let input = || {
        let mut input = egui::RawInput {
            screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(width, height))),
            ..Default::default()
        };
        input.viewports.entry(egui::ViewportId::ROOT).or_default().native_pixels_per_point = Some(pixels_per_point);
        input
    };
    let mut once = |desk: &mut Desk| {
        let view = settle(desk, size_px, PATIENCE)?;
        let panes = desk.panes(size_px);
        let run = desk.run_panels(input(), (&view, &panes), None, &graphics);
        // Panels laid out for the first time may leave the scene another place than was thought.
        let panes_after = desk.panes(size_px);
        let lists = desk.viewer.draw_lists();
        let picture = painter.picture(&SceneFrame { view: &view, panes: &panes, lists, size_px }, run.frame)?;
        Ok((picture, panes == panes_after))
    };
    // egui lays floating boxes out in the first run and places them in the second; only then it is known where labels
    // find room beside the panels.
    once(desk)?;
    let (mut picture, mut is_laid_out) = once(desk)?;
    if !is_laid_out {
        (picture, is_laid_out) = once(desk)?;
        tracing::debug!(is_laid_out, "panes");
    }
    Ok(picture)
}

/// Updates until nothing wanted is missing, and returns the view of the last frame.
pub fn settle(desk: &mut Desk, size_px: [u32; 2], patience: Duration) -> Result<crate::scene::camera::View, ViewError> {
    let start = Instant::now();
    let pane_px = desk.panes(size_px).pane_px;
    let mut view = desk.update(pane_px);
    while !desk.is_settled() {
        if start.elapsed() > patience {
            return Err(ViewError::Slow { seconds: patience.as_secs(), pending: desk.viewer.counts().pending });
        }
        view = desk.update_waiting(pane_px, Duration::from_millis(200));
    }
    Ok(view)
}

/// Writes a picture as PNG.
pub fn write(picture: &image::RgbaImage, path: &Path) -> Result<(), ViewError> {
    picture
        .save_with_format(path, image::ImageFormat::Png)
        .map_err(|source| ViewError::Write { path: path.to_owned(), source: Box::new(source) })
}

fn report(desk: &Desk, order: &Order, graphics: String, unknown_layers: Vec<String>) -> Report {
    let counts = desk.viewer.counts();
    let camera = desk.viewer.camera;
    let [lon, lat, height_m] = camera.lon_lat_height_deg;
    let layers = &desk.viewer.layers;
    let failures = layers.iter().filter_map(|layer| Some((layer.dataset.slug.clone(), layer.last_error.clone()?)));
    Report {
        loaded: counts.loaded,
        failed: counts.failed,
        failures: failures.collect(),
        ground_tiles: counts.ground_tiles,
        pieces: counts.pieces,
        triangles: counts.triangles,
        points: counts.points,
        labels: desk.viewer.labels().iter().filter(|placed| placed.middle_px.is_some()).count(),
        bytes: counts.bytes,
        layers: layers.iter().filter(|layer| layer.visible).map(|layer| layer.dataset.slug.clone()).collect(),
        unknown_layers,
        camera: [lon, lat, height_m, camera.heading_deg, camera.pitch_deg],
        graphics,
        out: order.out.clone(),
    }
}
