//! The panels: layers, time, status and attributes, in Chinese and English.
//!
//! They show a plain [`Shown`] and return what was asked for as [`Action`]s; they change nothing themselves, so window,
//! headless shot and tests use the same code.

pub mod coordinates;
pub mod fonts;
mod layers;
mod overlay;
mod query;
mod status;
pub mod words;

use egui::{Color32, CornerRadius, Frame, Margin, Stroke, Ui};
use serde_json::Value;

use coordinates::ZonePosition;
use words::Language;

use crate::scene::label::PlacedLabel;

/// Something a person asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Show or hide a layer.
    SetVisible(usize, bool),
    /// Set a layer's opacity, 0..1.
    SetOpacity(usize, f32),
    /// Move the camera to a layer.
    FlyTo(usize),
    /// Move the camera so that all visible layers are seen.
    ShowAll,
    /// Turn north up.
    NorthUp,
    /// Show the moment at this stop of the time line.
    SetTime(usize),
    /// Use the other language.
    SwitchLanguage,
    /// Forget the picked place.
    ClosePicked,
}

/// A layer in the list.
#[derive(Clone, Debug)]
pub struct LayerRow {
    /// Its place in the viewer's list.
    pub index: usize,
    /// Its title.
    pub title: String,
    /// Its kind's title.
    pub kind: &'static str,
    /// Whether it is shown.
    pub visible: bool,
    /// 0..1.
    pub opacity: f32,
    /// Whether opacity means anything for it.
    pub has_opacity: bool,
    /// Since when it is valid, if it is dated.
    pub valid_from: Option<String>,
    /// A live source.
    pub live: bool,
    /// Loads that failed and the last reason.
    pub failed: Option<String>,
}

/// The place under the pointer, or in the middle.
#[derive(Clone, Copy, Debug)]
pub struct PlaceRow {
    /// Longitude and latitude in degrees, height in metres.
    pub lon_lat_height_deg: [f64; 3],
    /// In the 3-degree zone, inside China.
    pub zone: Option<ZonePosition>,
}

/// A picked place.
#[derive(Clone, Debug)]
pub struct PickedRow {
    /// Where.
    pub place: PlaceRow,
    /// The layer hit, if it was not the ground.
    pub layer: Option<String>,
    /// Attributes found, by layer title.
    pub features: Vec<(String, Value)>,
    /// Whether answers are missing.
    pub waiting: bool,
}

/// Everything the panels show.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The language.
    pub language: Language,
    /// Layers, top first.
    pub layers: Vec<LayerRow>,
    /// The place under the pointer.
    pub place: Option<PlaceRow>,
    /// Height datum of what is shown, as the catalogue names it; `None` when layers differ.
    pub height_datum: Option<String>,
    /// Height of the eye in metres.
    pub eye_height_m: f64,
    /// Heading in degrees.
    pub heading_deg: f64,
    /// Loads waiting or running.
    pub pending: usize,
    /// Loads that failed.
    pub failed: usize,
    /// Dates of the time line.
    pub dates: Vec<String>,
    /// The stop of the time line shown.
    pub date: Option<usize>,
    /// The picked place.
    pub picked: Option<PickedRow>,
    /// Labels of plan layers.
    pub labels: Vec<PlacedLabel>,
    /// Metres that one point of the screen covers in the middle, for the scale bar.
    pub metres_per_point: Option<f64>,
    /// What draws.
    pub graphics: String,
}

/// Which panels to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Panels {
    /// Everything a window has.
    #[default]
    All,
    /// Labels, scale, north arrow and a caption naming what is seen.
    Caption,
    /// Labels only.
    None,
}

/// How wide the list of layers is at first, in points.
pub const LAYERS_WIDTH: f64 = 280.0;

/// The accent: the blue-green of the product.
const ACCENT: Color32 = Color32::from_rgb(28, 124, 140);

/// Sets colours and sizes once.
pub fn dress(context: &egui::Context) {
    context.set_theme(egui::Theme::Light);
    context.global_style_mut(|style| {
        let visuals = &mut style.visuals;
        visuals.panel_fill = Color32::from_rgb(247, 249, 250);
        visuals.window_fill = visuals.panel_fill;
        visuals.window_corner_radius = CornerRadius::same(8);
        visuals.window_stroke = Stroke::new(1.0, Color32::from_gray(205));
        visuals.selection.bg_fill = ACCENT.gamma_multiply(0.35);
        visuals.hyperlink_color = ACCENT;
        visuals.override_text_color = Some(Color32::from_rgb(33, 43, 51));
        style.spacing.item_spacing = egui::vec2(8.0, 5.0);
        style.spacing.slider_width = 96.0;
        // Fades look nice and cost redraws; a picture would catch them half-way.
        style.animation_time = 0.0;
        // Text is for looking, not for selecting: a drag on a label is a drag on the map.
        style.interaction.selectable_labels = false;
    });
}

/// Shows the panels over the scene and returns what was asked for.
pub fn show(ui: &mut Ui, shown: &Shown, panels: Panels) -> Vec<Action> {
    let mut actions = Vec::new();
    overlay::labels(ui, &shown.labels);
    match panels {
        Panels::All => {
            status::show(ui, shown);
            layers::show(ui, shown, &mut actions);
            if shown.dates.len() > 1 {
                status::time(ui, shown, &mut actions);
            }
            overlay::compass(ui, shown, &mut actions);
            overlay::scale_bar(ui, shown);
            query::show(ui, shown, &mut actions);
        }
        Panels::Caption => {
            overlay::compass(ui, shown, &mut actions);
            overlay::scale_bar(ui, shown);
            overlay::caption(ui, shown);
        }
        Panels::None => {}
    }
    actions
}

/// A frame for boxes floating over the scene.
fn floating_frame(ui: &Ui) -> Frame {
    Frame::new()
        .fill(ui.visuals().window_fill)
        .stroke(ui.visuals().window_stroke)
        .corner_radius(ui.visuals().window_corner_radius)
        .inner_margin(Margin::symmetric(10, 8))
}

#[cfg(test)]
mod tests;
