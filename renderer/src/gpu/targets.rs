//! The textures one frame is drawn into: colour (sRGB), its multisampled twin, and reversed-Z depth.

/// The scene's own format; the output's may differ.
pub(super) const SCENE_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8UnormSrgb;
/// Floating point, because reversed-Z needs its density near zero.
pub(super) const DEPTH_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;

/// The textures of one output size.
pub(super) struct Targets {
    pub size_px: [u32; 2],
    pub scene: wgpu::TextureView,
    pub multisampled: Option<wgpu::TextureView>,
    pub depth: wgpu::TextureView,
}

impl Targets {
    pub(super) fn new(device: &wgpu::Device, size_px: [u32; 2], samples: u32) -> Self {
        let make = |label, format, sample_count, usage| {
            let texture = device.create_texture(&wgpu::TextureDescriptor {
                label: Some(label),
                size: wgpu::Extent3d { width: size_px[0], height: size_px[1], depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage,
                view_formats: &[],
            });
            texture.create_view(&wgpu::TextureViewDescriptor::default())
        };
        let attachment = wgpu::TextureUsages::RENDER_ATTACHMENT;
        Self {
            size_px,
            scene: make("scene", SCENE_FORMAT, 1, attachment | wgpu::TextureUsages::TEXTURE_BINDING),
            multisampled: (samples > 1).then(|| make("scene multisampled", SCENE_FORMAT, samples, attachment)),
            depth: make("depth", DEPTH_FORMAT, samples, attachment),
        }
    }
}
