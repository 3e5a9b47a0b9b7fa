//! The viewer with its panels: what the panels show is made from the viewer here, and what they ask for is done here.
//!
//! Window and headless shot share it, so a picture shows what a person would see.

use std::time::Duration;

use glam::DVec2;

use crate::error::ViewError;
use crate::gpu::UiFrame;
use crate::layer::Role;
use crate::panel::coordinates::GaussKruger;
use crate::panel::words::Language;
use crate::panel::{self, Action, LayerRow, PaneRow, Panels, PickedRow, PlaceRow, Shown};
use crate::scene::camera::{Camera, View};
use crate::scene::controls::Flight;
use crate::scene::label::{self, PlacedLabel, Sheet};
use crate::scene::panes::Panes;
use crate::scene::sign;
use crate::viewer::{Compare, Layer, Viewer};

mod review;
mod studies;

pub use review::{Tool, Work};
pub use studies::{EVERYTHING_M, Settings};

/// What one run of the panels came to.
pub struct PanelRun {
    /// What to paint.
    pub frame: UiFrame,
    /// What egui wants of the window: cursor, clipboard.
    pub platform: egui::PlatformOutput,
    /// When the panels want to be run again, if nothing else happens.
    pub again_after: Duration,
}

/// Everything a person works with.
pub struct Desk {
    /// Layers and scene.
    pub viewer: Viewer,
    /// Language of the panels.
    pub language: Language,
    /// Which panels are shown.
    pub panels: Panels,
    /// A flight that was asked for and not yet begun.
    pub next_flight: Option<Flight>,
    /// Measuring, noting and what else people do at a meeting.
    pub work: Work,
    context: egui::Context,
    gauss_kruger: GaussKruger,
    /// Where the panels leave the map free, in points.
    free: egui::Rect,
}

impl Desk {
    /// Puts a viewer on the desk. Without a Chinese font the panels show boxes, and the log says so.
    #[must_use]
    pub fn new(viewer: Viewer, language: Language, panels: Panels) -> Self {
        let context = egui::Context::default();
        panel::dress(&context);
        let installed = panel::fonts::find_chinese_font().is_some_and(|font| panel::fonts::install(&context, &font));
        if !installed {
            tracing::warn!("没有中文字体 (no Chinese font found); Debian/Ubuntu: apt install fonts-noto-cjk");
        }
        Self {
            viewer,
            language,
            panels,
            next_flight: None,
            work: Work::default(),
            context,
            gauss_kruger: GaussKruger::default(),
            free: egui::Rect::EVERYTHING,
        }
    }

    /// The egui context, for a window's input.
    #[must_use]
    pub fn context(&self) -> &egui::Context {
        &self.context
    }

    /// Where the scene is drawn on an output of this size: side by side or parted by a line where two schemes or two
    /// epochs are compared.
    #[must_use]
    pub fn panes(&self, size_px: [u32; 2]) -> Panes {
        let scale = self.context.pixels_per_point();
        let free = self.free;
        let free_px = [free.left(), free.top(), free.right(), free.bottom()].map(|side| f64::from(side * scale));
        if self.viewer.is_comparing() {
            return match self.viewer.compare {
                Compare::Swipe(part) => Panes::swipe(size_px, free_px, part),
                Compare::Linked | Compare::Off => Panes::side_by_side(size_px, free_px),
            };
        }
        let count = self.viewer.meeting.as_ref().map_or(1, |meeting| meeting.shown_schemes().len());
        if count < 2 { Panes::whole(size_px) } else { Panes::side_by_side(size_px, free_px) }
    }

    /// Takes what was loaded, works out what was asked for, and leaves a draw list.
    pub fn update(&mut self, pane_px: [u32; 2]) -> View {
        self.lay_measures();
        self.viewer.update(pane_px)
    }

    /// As [`Desk::update`], waiting up to `patience` for a load to finish.
    pub fn update_waiting(&mut self, pane_px: [u32; 2], patience: Duration) -> View {
        self.lay_measures();
        self.viewer.update_waiting(pane_px, patience)
    }

    /// True when nothing wanted is missing and nothing asked for is still to be worked out.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.viewer.is_settled() && !self.work.measures.iter().any(|measure| measure.awaits_ground)
    }

    /// Works out what follows the ground of each measurement whose ground has come.
    fn lay_measures(&mut self) {
        for measure in self.work.measures.iter_mut().filter(|measure| measure.awaits_ground) {
            // Both are asked for at once.
            let (heights_m, ground) = (self.viewer.heights_under(measure), self.viewer.ground_under(measure));
            if let (Some(heights_m), Some(ground)) = (heights_m, ground) {
                measure.stand_on(&heights_m);
                measure.lay_on(&ground);
            }
        }
    }

    /// Runs the panels once over a view and does what they ask for; `pointer_px` is where the pointer is.
    pub fn run_panels(
        &mut self,
        input: egui::RawInput,
        (view, panes): (&View, &Panes),
        pointer_px: Option<DVec2>,
        graphics: &str,
    ) -> PanelRun {
        let shown = self.shown(view, panes, pointer_px, graphics);
        let panels = self.panels;
        let mut actions = Vec::new();
        let mut free = self.free;
        let output = self.context.run_ui(input, |ui| {
            actions = panel::show(ui, &shown, panels);
            free = ui.available_rect_before_wrap();
        });
        self.free = free;
        self.viewer.sheet = self.sheet(panes);
        let primitives = self.context.tessellate(output.shapes, output.pixels_per_point);
        for action in &actions {
            self.act(action, panes.pane_px);
        }
        let frame = UiFrame { primitives, textures: output.textures_delta, pixels_per_point: output.pixels_per_point };
        let root = output.viewport_output.get(&egui::ViewportId::ROOT);
        let again_after = root.map_or(Duration::MAX, |root| root.repaint_delay);
        let again_after = if actions.is_empty() { again_after } else { Duration::ZERO };
        PanelRun { frame, platform: output.platform_output, again_after }
    }

    /// Where labels may be written: off the panels, the north arrow and the scale bar.
    fn sheet(&self, panes: &Panes) -> Sheet {
        let scale = self.context.pixels_per_point();
        let in_pixels = |rect: egui::Rect| {
            [rect.left(), rect.top(), rect.right(), rect.bottom()].map(|side| f64::from(side * scale))
        };
        let corner = |corner: egui::Pos2, size: egui::Vec2| in_pixels(egui::Rect::from_two_pos(corner, corner + size));
        let taken_px = match self.panels {
            Panels::None => Vec::new(),
            Panels::All | Panels::Caption => vec![
                corner(self.free.right_top(), egui::vec2(-76.0, 76.0)),
                corner(self.free.right_bottom(), egui::vec2(-170.0, -48.0)),
            ],
        };
        if panes.corners_px.len() > 1 && panes.parted_px().is_none() {
            // A label must suit both panes: the north arrow's corner and the scale bar's are free in neither.
            let [width, height] = panes.pane_px.map(f64::from);
            let point = f64::from(scale);
            let taken_px = vec![
                [width - 76.0 * point, 0.0, width, 76.0 * point],
                [width - 170.0 * point, height - 48.0 * point, width, height],
                [0.0, 0.0, 150.0 * point, 34.0 * point],
            ];
            return Sheet { pixels_per_point: point, free_px: Some([0.0, 0.0, width, height]), taken_px };
        }
        Sheet { pixels_per_point: f64::from(scale), free_px: Some(in_pixels(self.free)), taken_px }
    }

    /// The camera that sees one layer, or all visible ones, in the part of a picture the panels leave free.
    #[must_use]
    pub fn framing(&self, layer: Option<usize>, size_px: [u32; 2], pixels_per_point: f32) -> Camera {
        let [width, height] = size_px.map(f64::from);
        let scale = f64::from(pixels_per_point);
        // What the panels take when they have not been laid out yet.
        let (left, bottom) =
            if self.panels == Panels::All { (panel::LAYERS_WIDTH * scale, 80.0 * scale) } else { (0.0, 0.0) };
        let free_px = if width > 2.5 * left && height > 2.5 * bottom {
            [left, 0.0, width, height - bottom]
        } else {
            [0.0, 0.0, width, height]
        };
        let (bounds, ground_height_m) = self.viewer.extent(layer);
        Camera::framing(bounds, ground_height_m, -62.0, size_px, free_px)
    }

    /// Whether a pixel position lies on a panel. egui's own answer is about the last frame's pointer, which a quick
    /// hand has left by the time it clicks.
    #[must_use]
    pub fn is_over_panels(&self, pixel: DVec2) -> bool {
        let point = egui::Pos2::new(pixel.x as f32, pixel.y as f32) / self.context.pixels_per_point();
        let floating = self.context.layer_id_at(point).is_some_and(|layer| layer.order != egui::Order::Background);
        floating || !self.free.contains(point)
    }

    fn act(&mut self, action: &Action, size_px: [u32; 2]) {
        match *action {
            ref other if self.work_on(other, size_px) || self.study(other) => {}
            Action::SetVisible(index, visible) => self.viewer.set_visible(index, visible),
            Action::SetOpacity(index, opacity) => self.viewer.set_opacity(index, opacity),
            Action::FlyTo(index) => self.fly(self.framing(Some(index), size_px, self.context.pixels_per_point())),
            Action::ShowAll => self.fly(self.framing(None, size_px, self.context.pixels_per_point())),
            Action::NorthUp => self.fly(Camera { heading_deg: 0.0, ..self.viewer.camera }),
            Action::SetTime(stop) => {
                let newest = stop + 1 == self.viewer.timeline.len();
                let moment = self.viewer.timeline.moment(stop).filter(|_| !newest).map(str::to_owned);
                if let Err(error) = self.viewer.set_datetime(moment) {
                    tracing::error!(error = %crate::viewer::chain(&error), "time");
                }
            }
            Action::SwitchLanguage => self.language = self.language.other(),
            Action::ClosePicked => self.viewer.picked = None,
            _ => {}
        }
    }

    /// Asks for a flight to a camera.
    pub fn fly(&mut self, to: Camera) {
        self.next_flight = Some(Flight::new(self.viewer.camera, to));
    }

    fn shown(&mut self, view: &View, panes: &Panes, pointer_px: Option<DVec2>, graphics: &str) -> Shown {
        let [width, height] = view.viewport_px.map(f64::from);
        let middle = self.viewer.pick(view, DVec2::new(width / 2.0, height / 2.0));
        // A picture has no pointer: its middle speaks for it.
        let pointed = match pointer_px {
            Some(pixel) => {
                let (pane, pixel) = panes.locate(pixel).unwrap_or((0, pixel));
                self.viewer.pick_in(pane, view, pixel)
            }
            None => middle,
        };
        let place = pointed.map(|pick| self.place(pick.lon_lat_height_deg));
        let picked = self.viewer.picked.clone().map(|picked| PickedRow {
            place: self.place(picked.pick.lon_lat_height_deg),
            layer: picked
                .pick
                .layer
                .and_then(|index| self.viewer.layers.get(index))
                .map(|layer| layer.dataset.title_in(self.language.is_chinese()).to_owned()),
            features: picked.features,
            waiting: picked.waiting > 0,
        });
        let counts = self.viewer.counts();
        let dates = (0..self.viewer.timeline.len()).filter_map(|stop| self.viewer.timeline.date(stop)).collect();
        let scale = f64::from(self.context.pixels_per_point());
        let pane_rows = self.pane_rows(view, panes, pointed.map(|pick| pick.lon_lat_height_deg));
        Shown {
            language: self.language,
            layers: self.layer_rows(),
            place,
            height_datum: self.height_datum(pointed.and_then(|pick| pick.layer)),
            eye_height_m: view.eye_height_m,
            heading_deg: self.viewer.camera.heading_deg,
            pending: counts.pending,
            failed: counts.failed,
            dates,
            date: self.viewer.timeline.index_at(self.viewer.datetime.as_deref()),
            picked,
            panes: pane_rows,
            meeting: self.meeting_row(),
            tab: self.work.tab,
            tool: self.work.tool,
            measured: self.work.measured(self.language),
            parted_pt: panes.parted_px().map(|px| px as f32 / self.context.pixels_per_point()),
            studies: self.studies_row(),
            note_at: self.work.note_at,
            said: self.viewer.said.clone(),
            metres_per_point: middle.map(|pick| scale / view.pixels_per_metre(pick.distance_m)),
            graphics: graphics.to_owned(),
        }
    }

    /// What is written over each pane: labels, signs, measured lines.
    fn pane_rows(&self, view: &View, panes: &Panes, pointed: Option<[f64; 3]>) -> Vec<PaneRow> {
        let names = self.viewer.meeting.as_ref().map(|meeting| (meeting, meeting.shown_schemes()));
        let row = |(pane, corner): (usize, &[u32; 2])| {
            let mut signs = self.viewer.signs(pane, self.language.is_chinese());
            signs.extend(self.work.signs(self.language));
            signs.extend(self.study_signs());
            let signs = sign::place(&signs, view, &self.viewer.sheet);
            // Labels of plans give way to signs.
            let hidden = |placed: &PlacedLabel| {
                let own = label::bounds_px(&placed.label, placed.at_px, &self.viewer.sheet);
                let over =
                    |board: [f64; 4]| own[0] < board[2] && own[2] > board[0] && own[1] < board[3] && own[3] > board[1];
                signs.iter().any(|placed| over(placed.board_px))
            };
            let labels = self.viewer.labels().iter().cloned().map(|mut placed| {
                if placed.middle_px.is_some() && hidden(&placed) {
                    placed.middle_px = None;
                }
                placed
            });
            let scheme = names
                .as_ref()
                .filter(|_| panes.corners_px.len() > 1)
                .and_then(|(meeting, places)| Some(meeting.scene.schemes.get((*places.get(pane)?)?)?.name.clone()));
            let title = if self.viewer.is_comparing() { Some(self.epoch_title(pane)) } else { scheme };
            let mut lines = self.work.lines(view, pointed);
            lines.extend(self.study_lines(view));
            PaneRow {
                corner_px: corner.map(f64::from),
                size_px: panes.pane_px.map(f64::from),
                seen_px: panes.seen_px[pane].map(f64::from),
                title_is_right: pane == 0 && panes.parted_px().is_some(),
                labels: labels.collect(),
                lines,
                signs,
                title,
            }
        };
        panes.corners_px.iter().enumerate().map(row).collect()
    }

    fn place(&mut self, lon_lat_height_deg: [f64; 3]) -> PlaceRow {
        let [lon, lat, _] = lon_lat_height_deg;
        let zone = self.gauss_kruger.position([lon, lat]).unwrap_or_else(|error: ViewError| {
            tracing::warn!(error = %crate::viewer::chain(&error), "coordinates");
            None
        });
        PlaceRow { lon_lat_height_deg, zone }
    }

    /// The datum of the heights under the pointer: the model's own, else the terrain's if all visible terrain agrees.
    fn height_datum(&self, layer: Option<usize>) -> Option<String> {
        // What is planned stands on the terrain and has its datum.
        let hit = layer.and_then(|index| self.viewer.layers.get(index)).filter(|layer| !layer.is_own());
        if let Some(layer) = hit {
            return Some(layer.dataset.height_datum().to_owned());
        }
        let visible = self.viewer.layers.iter().filter(|layer| layer.visible);
        let mut terrain = visible
            .filter(|layer| matches!(layer.kind.role, Role::Heights { .. }))
            .map(|layer| layer.dataset.height_datum());
        // Bare ground is the ellipsoid itself.
        let Some(first) = terrain.next() else { return Some("ellipsoidal".to_owned()) };
        terrain.all(|other| other == first).then(|| first.to_owned())
    }

    fn layer_rows(&self) -> Vec<LayerRow> {
        let chinese = self.language.is_chinese();
        // An elder is shown and hidden with its younger and has no row of its own.
        let layers = &self.viewer.layers;
        let has_row = |layer: &Layer| !layers.iter().any(|other| layer.is_elder_of(other));
        let rows = layers.iter().enumerate().rev().filter(|(_, layer)| has_row(layer)).map(|(index, layer)| LayerRow {
            index,
            title: layer.dataset.title_in(chinese).to_owned(),
            kind: layer.kind.title[usize::from(!chinese)],
            visible: layer.visible,
            opacity: layer.opacity,
            has_opacity: !matches!(layer.kind.role, Role::Heights { .. }),
            valid_from: layer.dataset.revision.as_ref().and_then(|revision| revision.valid_from.clone()),
            live: layer.dataset.live,
            failed: (layer.failed > 0)
                .then(|| format!("{} × {}", layer.failed, layer.last_error.as_deref().unwrap_or_default())),
        });
        rows.collect()
    }
}
