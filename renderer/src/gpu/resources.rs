//! The device's copies of shapes, points and pictures, kept as long as somebody holds the original.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use wgpu::util::DeviceExt as _;

use crate::scene::draw::{LineSet, Picture, PointSet, Shape};

/// A shape on the device.
pub(super) struct ShapeCopy {
    pub vertices: wgpu::Buffer,
    pub indices: wgpu::Buffer,
    pub index_count: u32,
    original: Weak<Shape>,
}

/// Points on the device.
pub(super) struct PointsCopy {
    pub points: wgpu::Buffer,
    pub count: u32,
    original: Weak<PointSet>,
}

/// Lines on the device.
pub(super) struct LinesCopy {
    pub lines: wgpu::Buffer,
    pub count: u32,
    original: Weak<LineSet>,
}

/// A picture on the device and its ready-made bind group for meshes.
pub(super) struct PictureCopy {
    pub view: wgpu::TextureView,
    pub mesh_group: wgpu::BindGroup,
    original: Weak<Picture>,
}

/// All copies, by identity.
pub(super) struct Resources {
    pub shapes: BTreeMap<u64, ShapeCopy>,
    pub points: BTreeMap<u64, PointsCopy>,
    pub lines: BTreeMap<u64, LinesCopy>,
    pub pictures: BTreeMap<u64, PictureCopy>,
    pub clamped: wgpu::Sampler,
    repeated: wgpu::Sampler,
    /// One white pixel, for meshes without a picture and empty overlay places.
    pub white: wgpu::TextureView,
    pub white_group: wgpu::BindGroup,
    max_side_px: u32,
}

impl Resources {
    pub(super) fn new(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        picture_layout: &wgpu::BindGroupLayout,
        is_software: bool,
    ) -> Self {
        let sampler = |label, mode| {
            device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some(label),
                address_mode_u: mode,
                address_mode_v: mode,
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                mipmap_filter: wgpu::MipmapFilterMode::Linear,
                // Many samples a pixel are cheap on a graphics card and dear on a processor.
                anisotropy_clamp: if is_software { 1 } else { 8 },
                ..Default::default()
            })
        };
        let clamped = sampler("clamped", wgpu::AddressMode::ClampToEdge);
        let repeated = sampler("repeated", wgpu::AddressMode::Repeat);
        let white = upload(device, queue, [1, 1], &[vec![255; 4]]);
        let white_group = mesh_group(device, picture_layout, &clamped, &white);
        Self {
            shapes: BTreeMap::new(),
            points: BTreeMap::new(),
            lines: BTreeMap::new(),
            pictures: BTreeMap::new(),
            clamped,
            repeated,
            white,
            white_group,
            max_side_px: device.limits().max_texture_dimension_2d,
        }
    }

    pub(super) fn keep_shape(&mut self, device: &wgpu::Device, shape: &Arc<Shape>) {
        self.shapes.entry(shape.identity()).or_insert_with(|| ShapeCopy {
            vertices: device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("vertices"),
                contents: bytemuck::cast_slice(shape.vertices()),
                usage: wgpu::BufferUsages::VERTEX,
            }),
            indices: device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("indices"),
                contents: bytemuck::cast_slice(shape.indices()),
                usage: wgpu::BufferUsages::INDEX,
            }),
            index_count: shape.indices().len() as u32,
            original: Arc::downgrade(shape),
        });
    }

    pub(super) fn keep_points(&mut self, device: &wgpu::Device, points: &Arc<PointSet>) {
        self.points.entry(points.identity()).or_insert_with(|| PointsCopy {
            points: device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("points"),
                contents: bytemuck::cast_slice(points.points()),
                usage: wgpu::BufferUsages::VERTEX,
            }),
            count: points.points().len() as u32,
            original: Arc::downgrade(points),
        });
    }

    pub(super) fn keep_lines(&mut self, device: &wgpu::Device, lines: &Arc<LineSet>) {
        self.lines.entry(lines.identity()).or_insert_with(|| LinesCopy {
            lines: device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("lines"),
                contents: bytemuck::cast_slice(lines.lines()),
                usage: wgpu::BufferUsages::VERTEX,
            }),
            count: lines.lines().len() as u32,
            original: Arc::downgrade(lines),
        });
    }

    pub(super) fn keep_picture(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        picture_layout: &wgpu::BindGroupLayout,
        picture: &Arc<Picture>,
    ) {
        if self.pictures.contains_key(&picture.identity()) {
            return;
        }
        let mut levels = picture.take_levels();
        let mut size = picture.size_px();
        // What the device cannot hold is shown from its next smaller level.
        while size.iter().any(|side| *side > self.max_side_px) && levels.len() > 1 {
            levels.remove(0);
            size = size.map(|side| (side / 2).max(1));
        }
        let view = if levels.is_empty() { self.white.clone() } else { upload(device, queue, size, &levels) };
        let sampler = if picture.repeats() { &self.repeated } else { &self.clamped };
        let mesh_group = mesh_group(device, picture_layout, sampler, &view);
        self.pictures.insert(picture.identity(), PictureCopy { view, mesh_group, original: Arc::downgrade(picture) });
    }

    /// Drops the copies whose originals are gone.
    pub(super) fn forget_dropped(&mut self) {
        self.shapes.retain(|_, copy| copy.original.strong_count() > 0);
        self.points.retain(|_, copy| copy.original.strong_count() > 0);
        self.lines.retain(|_, copy| copy.original.strong_count() > 0);
        self.pictures.retain(|_, copy| copy.original.strong_count() > 0);
    }
}

fn mesh_group(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    sampler: &wgpu::Sampler,
    view: &wgpu::TextureView,
) -> wgpu::BindGroup {
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("mesh picture"),
        layout,
        entries: &[
            wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Sampler(sampler) },
            wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(view) },
        ],
    })
}

fn upload(device: &wgpu::Device, queue: &wgpu::Queue, size_px: [u32; 2], levels: &[Vec<u8>]) -> wgpu::TextureView {
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("picture"),
        size: wgpu::Extent3d { width: size_px[0], height: size_px[1], depth_or_array_layers: 1 },
        mip_level_count: levels.len() as u32,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8UnormSrgb,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    for (level, pixels) in levels.iter().enumerate() {
        let [width, height] = size_px.map(|side| (side >> level).max(1));
        queue.write_texture(
            wgpu::TexelCopyTextureInfo {
                texture: &texture,
                mip_level: level as u32,
                origin: wgpu::Origin3d::ZERO,
                aspect: wgpu::TextureAspect::All,
            },
            pixels,
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(4 * width), rows_per_image: Some(height) },
            wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        );
    }
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}
