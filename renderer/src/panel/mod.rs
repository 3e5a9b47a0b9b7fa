//! The panels: layers, time, status and attributes, in Chinese and English.
//!
//! They show a plain [`Shown`] and return what was asked for as [`Action`]s; they change nothing themselves, so window,
//! headless shot and tests use the same code.

pub mod coordinates;
pub mod fonts;
mod layers;
mod legend;
mod meeting;
mod overlay;
mod query;
mod scene_lists;
mod section_chart;
mod status;
pub mod studies;
pub mod words;

use egui::{Color32, CornerRadius, Frame, Margin, Stroke, Ui};
use serde_json::Value;

use coordinates::ZonePosition;
use words::Language;

use crate::desk::Tool;
use crate::meeting::Shows;
use crate::meeting::edit::SceneEdit;
use crate::meeting::scheme::Scheme;
use crate::scene::label::PlacedLabel;
use crate::scene::sign::PlacedSign;
use studies::{StudiesRow, StudyAction};

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
    /// Show the other list at the left.
    ShowTab(Tab),
    /// Let clicks do something else.
    SetTool(Option<Tool>),
    /// End the line being measured.
    FinishDrawing,
    /// Put measurements away.
    ClearMeasures,
    /// Move the camera to the project.
    FlyToProject,
    /// Move the camera to a conflict.
    FlyToFinding(usize),
    /// Move the camera to a note.
    FlyToNote(usize),
    /// Show other schemes.
    ShowSchemes(Shows),
    /// Go to a bookmark.
    GotoBookmark(usize),
    /// Keep what is seen as the last bookmark.
    AddBookmark,
    /// Let a bookmark look at what is seen.
    LookAnew(usize),
    /// Change schemes or bookmarks.
    Edit(SceneEdit),
    /// Take the last change of schemes or bookmarks back.
    TakeBack,
    /// Pin a note where a place was clicked.
    PinNote(String),
    /// Pin nothing.
    CancelNote,
    /// Make the measured area a building.
    BuildOnArea,
    /// Keep schemes and bookmarks on the server.
    SendScene,
    /// Save a picture of so many pixels; whether the project gets it too.
    SavePicture([u32; 2], bool),
    /// Read the project from the server once more.
    ReadAnew,
    /// Save the meeting's file.
    SaveMeeting,
    /// Put what was said away.
    CloseSaid,
    /// Ask something of the ground.
    Study(StudyAction),
}

/// The lists at the left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// Layers.
    #[default]
    Layers,
    /// The meeting.
    Meeting,
    /// What is asked of the ground.
    Studies,
}

/// A rule the project does not simply pass.
#[derive(Clone, Debug, Default)]
pub struct FindingRow {
    /// The rule's title.
    pub title: String,
    /// Whether an exemption may allow it.
    pub is_conditional: bool,
    /// How much land.
    pub area: String,
    /// What the check says.
    pub message: String,
    /// Whether there is somewhere to fly to.
    pub has_place: bool,
}

/// A note.
#[derive(Clone, Debug, Default)]
pub struct NoteRow {
    /// Who says what.
    pub text: String,
    /// Whether the server has it.
    pub posted: bool,
}

/// The project under review.
#[derive(Clone, Debug, Default)]
pub struct MeetingRow {
    /// Its name.
    pub name: String,
    /// Its code.
    pub code: String,
    /// Who applies.
    pub applicant: String,
    /// Planned use.
    pub land_use: String,
    /// Where the review stands, as the server writes it.
    pub state: String,
    /// What the check came to.
    pub verdict: Option<String>,
    /// Area in the zone's plane, square metres.
    pub plane_m2: Option<f64>,
    /// Area on the ellipsoid, square metres.
    pub ellipsoidal_m2: Option<f64>,
    /// Conflicts.
    pub findings: Vec<FindingRow>,
    /// Schemes.
    pub schemes: Vec<Scheme>,
    /// Scheme of each pane.
    pub shown: Vec<Option<usize>>,
    /// The foot of each building in short and in full, by pane.
    pub built: Vec<Vec<[String; 2]>>,
    /// Names of bookmarks in their order.
    pub bookmarks: Vec<String>,
    /// Notes.
    pub notes: Vec<NoteRow>,
    /// Pictures for the project: the name, and whether the server has it.
    pub pictures: Vec<(String, bool)>,
    /// Whether a change of schemes or bookmarks can be taken back.
    pub can_take_back: bool,
    /// Whether an area was measured that could be a building.
    pub can_build: bool,
    /// Who is signed in.
    pub person: Option<String>,
    /// Whether no server is asked.
    pub is_packed: bool,
}

/// A measured line over a pane, in its pixels.
#[derive(Clone, Debug, Default)]
pub struct MeasuredLine {
    /// Its colour, sRGB.
    pub color: [u8; 3],
    /// Its straight parts.
    pub segments_px: Vec<[glam::DVec2; 2]>,
    /// The places taken.
    pub places_px: Vec<glam::DVec2>,
}

/// What is written over one pane.
#[derive(Clone, Debug, Default)]
pub struct PaneRow {
    /// Left and top of the pane in pixels.
    pub corner_px: [f64; 2],
    /// Its width and height in pixels.
    pub size_px: [f64; 2],
    /// Left, top, width and height in pixels of the output of what is seen of it.
    pub seen_px: [f64; 4],
    /// Whether its name stands at its right.
    pub title_is_right: bool,
    /// Labels of plan layers.
    pub labels: Vec<PlacedLabel>,
    /// Signs.
    pub signs: Vec<PlacedSign>,
    /// Measured lines.
    pub lines: Vec<MeasuredLine>,
    /// What the pane shows, where there are two.
    pub title: Option<String>,
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
    /// What is written over the panes.
    pub panes: Vec<PaneRow>,
    /// The project under review.
    pub meeting: Option<MeetingRow>,
    /// The list shown at the left.
    pub tab: Tab,
    /// What a click does.
    pub tool: Option<Tool>,
    /// What was measured.
    pub measured: Vec<String>,
    /// Where a note is about to be pinned.
    pub note_at: Option<[f64; 3]>,
    /// What was asked of the ground.
    pub studies: StudiesRow,
    /// Where two epochs are parted, in points from the left.
    pub parted_pt: Option<f32>,
    /// What a person has to be told.
    pub said: Option<String>,
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
    for pane in &shown.panes {
        overlay::labels(ui, pane);
        overlay::signs(ui, pane);
    }
    match panels {
        Panels::All => {
            status::show(ui, shown);
            layers::show(ui, shown, &mut actions);
            if shown.dates.len() > 1 {
                status::time(ui, shown, &mut actions);
            }
            section_chart::panel(ui, shown, &mut actions);
            overlay::titles(ui, shown);
            overlay::divider(ui, shown, true, &mut actions);
            overlay::compass(ui, shown, &mut actions);
            overlay::scale_bar(ui, shown);
            legend::show(ui, shown);
            query::show(ui, shown, &mut actions);
            meeting::note_window(ui, shown, &mut actions);
            meeting::said_window(ui, shown, &mut actions);
        }
        Panels::Caption => {
            section_chart::panel(ui, shown, &mut actions);
            overlay::titles(ui, shown);
            overlay::divider(ui, shown, false, &mut actions);
            overlay::compass(ui, shown, &mut actions);
            overlay::scale_bar(ui, shown);
            legend::show(ui, shown);
            overlay::caption(ui, shown);
        }
        Panels::None => overlay::titles(ui, shown),
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
