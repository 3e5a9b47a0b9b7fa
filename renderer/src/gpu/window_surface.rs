//! A window's surface: configuring it, getting its next texture, presenting.

use std::sync::Arc;

use super::device::{Backend, Gpu};
use super::frame::{Painter, SceneFrame, UiFrame};
use crate::error::ViewError;

/// Whether a frame can be painted now.
pub enum Acquired {
    /// Yes.
    Frame(wgpu::SurfaceTexture),
    /// Not now; a later redraw will be asked for by the window system.
    NotNow,
    /// The surface changed: try once more.
    Again,
}

/// A painter whose output is a window.
pub struct WindowSurface {
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
    painter: Painter,
}

impl WindowSurface {
    /// Opens a device for a window.
    pub fn new(
        backend: Backend,
        window: &Arc<winit::window::Window>,
        display: &winit::event_loop::OwnedDisplayHandle,
    ) -> Result<Self, ViewError> {
        let (gpu, surface) = Gpu::for_window(backend, window, display)?;
        let capabilities = surface.get_capabilities(&gpu.adapter);
        // egui blends in encoded colours, so a format that does not encode by itself is preferred.
        let format = capabilities
            .formats
            .iter()
            .copied()
            .find(|format| !format.is_srgb())
            .or_else(|| capabilities.formats.first().copied());
        let size = window.inner_size();
        let mut config = surface
            .get_default_config(&gpu.adapter, size.width.max(1), size.height.max(1))
            .ok_or_else(|| ViewError::Window { reason: "the surface has no format".to_owned() })?;
        config.format = format.unwrap_or(config.format);
        config.present_mode = wgpu::PresentMode::AutoVsync;
        surface.configure(&gpu.device, &config);
        let samples = if gpu.is_software() { 1 } else { 4 };
        let painter = Painter::for_format(gpu, samples, config.format);
        Ok(Self { surface, config, painter })
    }

    /// Draws pictures that are not shown in the window.
    pub fn painter(&mut self) -> &mut Painter {
        &mut self.painter
    }

    /// What draws.
    #[must_use]
    pub fn gpu(&self) -> &Gpu {
        self.painter.gpu()
    }

    /// The largest texture side the device takes.
    #[must_use]
    pub fn max_texture_side_px(&self) -> usize {
        self.gpu().device.limits().max_texture_dimension_2d as usize
    }

    /// Follows the window's size in pixels; a minimised window keeps its last size.
    pub fn resize(&mut self, size_px: [u32; 2]) {
        let max = self.gpu().device.limits().max_texture_dimension_2d;
        if size_px.iter().all(|side| *side > 0) {
            (self.config.width, self.config.height) = (size_px[0].min(max), size_px[1].min(max));
            self.surface.configure(&self.painter.gpu().device, &self.config);
        }
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size_px(&self) -> [u32; 2] {
        [self.config.width, self.config.height]
    }

    /// The next texture to paint into.
    pub fn acquire(&mut self) -> Acquired {
        match self.surface.get_current_texture() {
            wgpu::CurrentSurfaceTexture::Success(frame) => Acquired::Frame(frame),
            wgpu::CurrentSurfaceTexture::Suboptimal(frame) => {
                drop(frame);
                self.surface.configure(&self.painter.gpu().device, &self.config);
                Acquired::Again
            }
            wgpu::CurrentSurfaceTexture::Outdated | wgpu::CurrentSurfaceTexture::Lost => {
                self.surface.configure(&self.painter.gpu().device, &self.config);
                Acquired::Again
            }
            wgpu::CurrentSurfaceTexture::Timeout
            | wgpu::CurrentSurfaceTexture::Occluded
            | wgpu::CurrentSurfaceTexture::Validation => Acquired::NotNow,
        }
    }

    /// Paints and shows one frame.
    pub fn present(&mut self, frame: wgpu::SurfaceTexture, scene: &SceneFrame<'_>, ui: UiFrame) {
        let output = frame.texture.create_view(&wgpu::TextureViewDescriptor::default());
        self.painter.paint(scene, ui, &output);
        self.painter.gpu().queue.present(frame);
    }
}
