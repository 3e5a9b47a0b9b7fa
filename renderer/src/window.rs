//! The window: turns mouse and keys into camera moves, and redraws only when something changed.
//!
//! A frame is asked for by input, by a finished load, by egui, or by a flight; otherwise nothing runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use glam::DVec2;
use winit::application::ApplicationHandler;
use winit::dpi::PhysicalSize;
use winit::event::{ElementState, MouseButton, MouseScrollDelta, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, EventLoopProxy};
use winit::keyboard::{Key, NamedKey};
use winit::window::{Window, WindowId};

use crate::arguments::Arguments;
use crate::desk::Desk;
use crate::error::ViewError;
use crate::gpu::{Acquired, SceneFrame, WindowSurface};
use crate::headless;
use crate::meeting::Meeting;
use crate::meeting::file::MeetingFile;
use crate::panel::{Panels, Tab};
use crate::scene::camera::{Camera, View};
use crate::scene::controls::Flight;
use crate::scene::panes::Panes;
use crate::scene::picking::Pick;
use crate::service::Service;
use crate::viewer::Viewer;

/// What is opened besides the server's data.
#[derive(Debug, Default)]
pub struct Opened {
    /// The project under review.
    pub meeting: Option<Meeting>,
    /// The saved meeting it comes from, and where that lies.
    pub file: Option<(MeetingFile, PathBuf)>,
}

impl Opened {
    /// Puts it on a desk and the camera where it belongs: as given, as saved, over the project, or over everything.
    pub fn put_on(self, desk: &mut Desk, camera: Option<Camera>, size_px: [u32; 2], pixels_per_point: f32) {
        let has_project = self.meeting.is_some();
        if let Some(meeting) = self.meeting {
            desk.viewer.set_meeting(meeting);
            if self.file.is_none() {
                desk.viewer.step_plans_back();
            }
            desk.work.tab = Tab::Meeting;
        }
        if let Some((file, path)) = &self.file {
            desk.viewer.meeting_folder = path.parent().map(PathBuf::from);
            desk.restore(file);
            desk.work.file = Some(path.clone());
        } else if has_project {
            desk.viewer.camera = desk.framing_project(size_px);
        } else if camera.is_none() {
            desk.viewer.camera = desk.framing(None, size_px, pixels_per_point);
        }
        if let Some(camera) = camera {
            desk.viewer.camera = camera;
        }
    }
}

/// A wish of the panels to run again later than this is none.
const MAX_REST: Duration = Duration::from_mins(1);

/// A load finished.
#[derive(Clone, Copy, Debug)]
struct Wake;

/// Opens the window and runs until it is closed.
pub fn run(arguments: &Arguments, service: Service, opened: Opened) -> Result<(), ViewError> {
    let failed = |error: winit::error::EventLoopError| ViewError::Window { reason: error.to_string() };
    let event_loop = EventLoop::<Wake>::with_user_event().build().map_err(failed)?;
    let proxy = event_loop.create_proxy();
    let wake = move |proxy: &EventLoopProxy<Wake>| {
        if proxy.send_event(Wake).is_err() {
            tracing::debug!("a load finished after the window was closed");
        }
    };
    let mut viewer = Viewer::open(
        service,
        arguments.datetime.clone(),
        &(Arc::new(move || wake(&proxy)) as Arc<dyn Fn() + Send + Sync>),
    )?;
    viewer.budget_bytes = arguments.budget_mib << 20;
    if let Some(slugs) = &arguments.layers {
        for slug in viewer.show_only(slugs) {
            tracing::warn!(slug, "没有这个图层 (no such layer)");
        }
    }
    let mut desk = Desk::new(viewer, arguments.lang, arguments.panels);
    opened.put_on(&mut desk, arguments.camera, arguments.size.0, 1.0);
    let mut app = App {
        arguments: arguments.clone(),
        desk,
        open: None,
        pointer: Pointer::default(),
        flight: None,
        failure: None,
    };
    event_loop.run_app(&mut app).map_err(failed)?;
    app.failure.map_or(Ok(()), Err)
}

/// What exists once the window does.
struct Open {
    window: Arc<Window>,
    surface: WindowSurface,
    egui: egui_winit::State,
    graphics: String,
    view: View,
    panes: Panes,
}

/// What the mouse is doing.
#[derive(Default)]
struct Pointer {
    at_px: Option<DVec2>,
    /// Where the button went down, and what was there.
    pressed: Option<Pressed>,
    last_click: Option<(Instant, DVec2)>,
}

struct Pressed {
    button: MouseButton,
    at_px: DVec2,
    hit: Option<Pick>,
    moved: bool,
}

struct App {
    arguments: Arguments,
    desk: Desk,
    open: Option<Open>,
    pointer: Pointer,
    flight: Option<(Flight, Instant)>,
    failure: Option<ViewError>,
}

impl ApplicationHandler<Wake> for App {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        if self.open.is_some() {
            return;
        }
        match self.open_window(event_loop) {
            Ok(open) => {
                open.window.request_redraw();
                self.open = Some(open);
            }
            Err(error) => {
                self.failure = Some(error);
                event_loop.exit();
            }
        }
    }

    fn user_event(&mut self, _event_loop: &ActiveEventLoop, _wake: Wake) {
        self.redraw();
    }

    fn new_events(&mut self, _event_loop: &ActiveEventLoop, cause: winit::event::StartCause) {
        // egui asked to be shown again at this time.
        if matches!(cause, winit::event::StartCause::ResumeTimeReached { .. }) {
            self.redraw();
        }
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, _window: WindowId, event: WindowEvent) {
        let Some(open) = &mut self.open else { return };
        // A redraw is no news: egui would ask for another one after each, and nothing would ever rest.
        if !matches!(event, WindowEvent::RedrawRequested) && open.egui.on_window_event(&open.window, &event).repaint {
            open.window.request_redraw();
        }
        match event {
            WindowEvent::CloseRequested => event_loop.exit(),
            WindowEvent::Resized(size) => {
                open.surface.resize([size.width, size.height]);
                open.window.request_redraw();
            }
            WindowEvent::RedrawRequested => self.draw(event_loop),
            // What the panels take is not for the map; a drag that began on the map stays the map's.
            other => {
                let over_panels = self.pointer.at_px.is_some_and(|pixel| self.desk.is_over_panels(pixel));
                self.map_event(&other, over_panels);
                // Pressed and let go while one slow frame is drawn, a slider would see neither: each gets its own.
                if over_panels && matches!(other, WindowEvent::MouseInput { .. }) {
                    self.draw(event_loop);
                }
            }
        }
    }
}

impl App {
    fn open_window(&self, event_loop: &ActiveEventLoop) -> Result<Open, ViewError> {
        let [width, height] = self.arguments.size.0;
        let attributes =
            Window::default_attributes().with_title("时空 Shikong").with_inner_size(PhysicalSize::new(width, height));
        let window =
            event_loop.create_window(attributes).map_err(|error| ViewError::Window { reason: error.to_string() })?;
        let window = Arc::new(window);
        let surface = WindowSurface::new(self.arguments.backend, &window, &event_loop.owned_display_handle())?;
        let egui = egui_winit::State::new(
            self.desk.context().clone(),
            egui::ViewportId::ROOT,
            &window,
            Some(window.scale_factor() as f32),
            window.theme(),
            Some(surface.max_texture_side_px()),
        );
        let graphics = surface.gpu().name();
        let view = self.desk.viewer.camera.view(surface.size_px());
        let panes = Panes::whole(surface.size_px());
        Ok(Open { window, surface, egui, graphics, view, panes })
    }

    fn redraw(&self) {
        if let Some(open) = &self.open {
            open.window.request_redraw();
        }
    }

    fn draw(&mut self, event_loop: &ActiveEventLoop) {
        let begun = Instant::now();
        self.draw_frame(event_loop);
        // Clicks wait while a frame is drawn: that time is not the hand's.
        if let Some((clicked, _)) = &mut self.pointer.last_click {
            *clicked += begun.elapsed();
        }
    }

    fn draw_frame(&mut self, event_loop: &ActiveEventLoop) {
        if let Some(next) = self.desk.next_flight.take() {
            self.flight = Some((next, Instant::now()));
        }
        if let Some((flight, begun)) = self.flight {
            let (camera, over) = flight.at(begun.elapsed().as_secs_f64());
            self.desk.viewer.camera = camera;
            if over {
                self.flight = None;
            }
        }
        let Some(open) = &mut self.open else { return };
        let frame = match open.surface.acquire() {
            Acquired::Frame(frame) => frame,
            Acquired::Again => return open.window.request_redraw(),
            Acquired::NotNow => return,
        };
        open.panes = self.desk.panes(open.surface.size_px());
        open.view = self.desk.update(open.panes.pane_px);
        let input = open.egui.take_egui_input(&open.window);
        let pointer_px = self.pointer.at_px.filter(|pixel| !self.desk.is_over_panels(*pixel));
        let run = self.desk.run_panels(input, (&open.view, &open.panes), pointer_px, &open.graphics);
        open.egui.handle_platform_output(&open.window, run.platform);
        open.window.pre_present_notify();
        let size_px = open.surface.size_px();
        let lists = self.desk.viewer.draw_lists();
        let scene = SceneFrame { view: &open.view, panes: &open.panes, lists, size_px };
        open.surface.present(frame, &scene, run.frame);
        if let Some((size_px, for_project)) = self.desk.work.picture.take() {
            save_picture(&mut self.desk, &mut open.surface, size_px, for_project);
            open.window.request_redraw();
        }
        let animated = self.flight.is_some() || self.desk.next_flight.is_some();
        if animated || run.again_after.is_zero() {
            open.window.request_redraw();
        }
        // Rest until something happens, or until the panels asked to be run again.
        let again_at = Instant::now().checked_add(run.again_after).filter(|_| run.again_after < MAX_REST);
        event_loop.set_control_flow(again_at.map_or(ControlFlow::Wait, ControlFlow::WaitUntil));
    }

    fn map_event(&mut self, event: &WindowEvent, over_panels: bool) {
        match event {
            WindowEvent::CursorMoved { position, .. } => self.pointer_moved(DVec2::new(position.x, position.y)),
            WindowEvent::CursorLeft { .. } => {
                self.pointer.at_px = None;
                self.redraw();
            }
            WindowEvent::MouseInput { state: ElementState::Pressed, button, .. } if !over_panels => {
                if let (Some(at_px), Some(open)) = (self.pointer.at_px, &self.open) {
                    let hit = self.hit(open, at_px);
                    self.pointer.pressed = Some(Pressed { button: *button, at_px, hit, moved: false });
                    self.flight = None;
                }
            }
            WindowEvent::MouseInput { state: ElementState::Released, button, .. } => self.released(*button),
            WindowEvent::MouseWheel { delta, .. } if !over_panels => {
                let notches = match delta {
                    MouseScrollDelta::LineDelta(_, lines) => f64::from(*lines),
                    MouseScrollDelta::PixelDelta(pixels) => pixels.y / 60.0,
                };
                self.zoom(0.85_f64.powf(notches.clamp(-8.0, 8.0)));
            }
            WindowEvent::KeyboardInput { event, .. }
                if event.state == ElementState::Pressed && !self.desk.context().egui_wants_keyboard_input() =>
            {
                self.key(&event.logical_key);
            }
            _ => {}
        }
    }

    fn pointer_moved(&mut self, to_px: DVec2) {
        let from_px = self.pointer.at_px.replace(to_px);
        let (Some(open), Some(pressed)) = (&self.open, &mut self.pointer.pressed) else { return self.redraw() };
        pressed.moved |= (to_px - pressed.at_px).length() > 4.0;
        if pressed.moved
            && let (Some(hit), Some(from_px)) = (pressed.hit, from_px)
        {
            let camera = &mut self.desk.viewer.camera;
            match pressed.button {
                MouseButton::Left => {
                    let view = camera.view(open.view.viewport_px);
                    camera.pan(&view, hit.ecef, open.panes.nearest(to_px));
                }
                MouseButton::Right | MouseButton::Middle => {
                    let delta = (to_px - from_px) * 0.25;
                    camera.orbit(hit.ecef, delta.x, -delta.y);
                }
                _ => {}
            }
        }
        self.redraw();
    }

    fn released(&mut self, button: MouseButton) {
        const DOUBLE_CLICK_SECONDS: f64 = 0.4;
        let Some(pressed) = self.pointer.pressed.take_if(|pressed| pressed.button == button) else { return };
        if pressed.moved || button != MouseButton::Left {
            return;
        }
        let Some(hit) = pressed.hit else { return };
        let now = Instant::now();
        let doubled = self.pointer.last_click.take().is_some_and(|(at, place)| {
            now.duration_since(at).as_secs_f64() < DOUBLE_CLICK_SECONDS && (place - pressed.at_px).length() < 6.0
        });
        if self.desk.click_map(&hit, doubled) {
            self.pointer.last_click = Some((now, pressed.at_px));
        } else if doubled {
            let mut camera = self.desk.viewer.camera;
            camera.look_from(hit.ecef, (hit.distance_m * 0.4).max(20.0));
            self.desk.fly(camera);
        } else {
            self.pointer.last_click = Some((now, pressed.at_px));
            self.desk.viewer.inspect(hit);
        }
        self.redraw();
    }

    /// What lies under a pixel of the window.
    fn hit(&self, open: &Open, at_px: DVec2) -> Option<Pick> {
        let (pane, pixel) = open.panes.locate(at_px)?;
        self.desk.viewer.pick_in(pane, &open.view, pixel)
    }

    fn zoom(&mut self, factor: f64) {
        let Some(open) = &self.open else { return };
        let [width, height] = open.view.viewport_px.map(f64::from);
        let at_px = self.pointer.at_px.unwrap_or(DVec2::new(width / 2.0, height / 2.0));
        let target = self.hit(open, at_px).map(|pick| pick.ecef);
        // On the sky there is nothing to go to: move along the view by the height of the eye.
        let target =
            target.unwrap_or_else(|| open.view.eye + open.view.forward * open.view.eye_height_m.abs().max(100.0));
        self.desk.viewer.camera.zoom(target, factor);
        self.redraw();
    }

    fn key(&mut self, key: &Key) {
        let camera = self.desk.viewer.camera;
        match key {
            Key::Character(letter) if letter.as_str() == "n" => self.desk.fly(Camera { heading_deg: 0.0, ..camera }),
            Key::Character(letter) if matches!(letter.as_str(), "+" | "=") => self.zoom(0.7),
            Key::Character(letter) if letter.as_str() == "-" => self.zoom(1.4),
            Key::Named(NamedKey::Home) => {
                if let Some(open) = &self.open {
                    let size_px = open.surface.size_px();
                    let all = self.desk.framing(None, size_px, open.window.scale_factor() as f32);
                    self.desk.fly(all);
                }
            }
            Key::Named(NamedKey::ArrowLeft) => self.desk.viewer.camera.heading_deg -= 3.0,
            Key::Named(NamedKey::ArrowRight) => self.desk.viewer.camera.heading_deg += 3.0,
            Key::Named(NamedKey::ArrowUp) => self.desk.viewer.camera.pitch_deg = (camera.pitch_deg + 3.0).min(30.0),
            Key::Named(NamedKey::ArrowDown) => self.desk.viewer.camera.pitch_deg = (camera.pitch_deg - 3.0).max(-90.0),
            Key::Named(NamedKey::Escape) => {
                if !self.desk.work.step_back() {
                    self.desk.viewer.picked = None;
                }
            }
            Key::Named(NamedKey::Enter) => self.desk.finish_drawing(),
            Key::Named(NamedKey::PageDown) => self.desk.step_bookmark(1),
            Key::Named(NamedKey::PageUp) => self.desk.step_bookmark(-1),
            Key::Character(digit) if digit.parse::<usize>().is_ok_and(|digit| digit > 0) => {
                let place = digit.parse::<usize>().unwrap_or(1) - 1;
                self.desk.goto_bookmark(place, true);
            }
            _ => return,
        }
        self.redraw();
    }
}

/// Saves what is seen, without the panels' lists, as a picture for the report.
fn save_picture(desk: &mut Desk, surface: &mut WindowSurface, size_px: [u32; 2], for_project: bool) {
    const POINTS_HIGH: f32 = 1_080.0;
    let panels = std::mem::replace(&mut desk.panels, Panels::Caption);
    let said = desk.viewer.said.take();
    let path = desk.picture_path();
    let scale = (size_px[1] as f32 / POINTS_HIGH).clamp(1.0, 4.0);
    let painted = headless::paint(desk, surface.painter(), size_px, scale);
    desk.panels = panels;
    let saved = painted.and_then(|picture| {
        headless::write(&picture, &path)?;
        if for_project { desk.send_picture(&picture, &path) } else { Ok(()) }
    });
    desk.viewer.said = Some(desk.saved_words(saved, &path)).or(said);
}
