//! Opening a graphics device: Vulkan first, then GL, software drivers included.

use std::sync::Arc;

use crate::error::ViewError;

/// Which graphics interface to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Backend {
    /// Vulkan, and GL where there is no Vulkan.
    #[default]
    Auto,
    /// Vulkan only.
    Vulkan,
    /// OpenGL (ES) only.
    Gl,
}

impl Backend {
    fn attempts(self) -> &'static [wgpu::Backends] {
        match self {
            Self::Auto => &[wgpu::Backends::VULKAN, wgpu::Backends::GL],
            Self::Vulkan => &[wgpu::Backends::VULKAN],
            Self::Gl => &[wgpu::Backends::GL],
        }
    }
}

/// An open graphics device.
#[derive(Clone, Debug)]
pub struct Gpu {
    pub(super) adapter: wgpu::Adapter,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    is_software: bool,
}

impl Gpu {
    /// Opens a device that draws without a display.
    pub fn headless(backend: Backend) -> Result<Self, ViewError> {
        let mut last = ViewError::NoAdapter;
        for backends in backend.attempts() {
            let instance = wgpu::Instance::new(descriptor(*backends, None));
            match Self::open(&instance, None) {
                Ok(gpu) => return Ok(gpu),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Opens a device that can present to a window, and the window's surface.
    pub(super) fn for_window(
        backend: Backend,
        window: &Arc<winit::window::Window>,
        display: &winit::event_loop::OwnedDisplayHandle,
    ) -> Result<(Self, wgpu::Surface<'static>), ViewError> {
        let mut last = ViewError::NoAdapter;
        for backends in backend.attempts() {
            let instance = wgpu::Instance::new(descriptor(*backends, Some(display)));
            let surface = match instance.create_surface(Arc::clone(window)) {
                Ok(surface) => surface,
                Err(error) => {
                    last = ViewError::Window { reason: error.to_string() };
                    continue;
                }
            };
            match Self::open(&instance, Some(&surface)) {
                Ok(gpu) => return Ok((gpu, surface)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn open(instance: &wgpu::Instance, surface: Option<&wgpu::Surface<'static>>) -> Result<Self, ViewError> {
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            compatible_surface: surface,
            ..Default::default()
        };
        let adapter = pollster::block_on(instance.request_adapter(&options)).map_err(|error| {
            tracing::debug!(%error, "no adapter");
            ViewError::NoAdapter
        })?;
        let info = adapter.get_info();
        tracing::info!(name = %info.name, backend = ?info.backend, driver = %info.driver_info, "graphics");
        let limits = wgpu::Limits::downlevel_defaults().using_resolution(adapter.limits());
        let device_descriptor =
            wgpu::DeviceDescriptor { label: Some("shikong"), required_limits: limits, ..Default::default() };
        let (device, queue) = pollster::block_on(adapter.request_device(&device_descriptor))
            .map_err(|error| ViewError::Device { reason: error.to_string() })?;
        device.on_uncaptured_error(Arc::new(|error: wgpu::Error| tracing::error!(%error, "graphics")));
        Ok(Self { adapter, device, queue, is_software: info.device_type == wgpu::DeviceType::Cpu })
    }

    /// What draws, for people: device and interface.
    #[must_use]
    pub fn name(&self) -> String {
        let info = self.adapter.get_info();
        format!("{} ({:?})", info.name, info.backend)
    }

    /// True when the processor draws instead of a graphics card.
    #[must_use]
    pub fn is_software(&self) -> bool {
        self.is_software
    }
}

fn descriptor(
    backends: wgpu::Backends,
    display: Option<&winit::event_loop::OwnedDisplayHandle>,
) -> wgpu::InstanceDescriptor {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    descriptor.flags = wgpu::InstanceFlags::empty();
    descriptor.display = display.map(|display| Box::new(display.clone()) as Box<dyn wgpu::wgt::WgpuHasDisplayHandle>);
    descriptor
}
