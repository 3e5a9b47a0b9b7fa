//! A picture without a window: paints into a texture and reads it back.

use super::device::Gpu;
use super::frame::{Painter, SceneFrame, UiFrame};
use crate::error::ViewError;

const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// A painter whose output is memory.
pub struct Shot {
    painter: Painter,
}

impl Shot {
    /// Prepares a device for pictures; `samples` a pixel (1 or 4) smooth edges.
    #[must_use]
    pub fn new(gpu: Gpu, samples: u32) -> Self {
        Self { painter: Painter::for_format(gpu, samples, FORMAT) }
    }

    /// What draws.
    pub fn painter(&mut self) -> &mut Painter {
        &mut self.painter
    }

    /// Paints one picture; the rows of the result run from the top, sRGB with alpha 255.
    pub fn paint(&mut self, scene: &SceneFrame<'_>, ui: UiFrame) -> Result<image::RgbaImage, ViewError> {
        self.painter.picture(scene, ui)
    }
}

impl Painter {
    /// Paints one picture of any size beside what is on the screen: the device's copies of textures serve both.
    pub fn picture(&mut self, scene: &SceneFrame<'_>, ui: UiFrame) -> Result<image::RgbaImage, ViewError> {
        let [width, height] = scene.size_px;
        let (gpu, format) = (self.gpu().clone(), self.format());
        let size = wgpu::Extent3d { width, height, depth_or_array_layers: 1 };
        let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("shot"),
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        self.paint(scene, ui, &texture.create_view(&wgpu::TextureViewDescriptor::default()));

        let row_bytes = (4 * width).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read back"),
            size: u64::from(row_bytes) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_texture_to_buffer(
            texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &buffer,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(row_bytes),
                    rows_per_image: Some(height),
                },
            },
            size,
        );
        gpu.queue.submit([encoder.finish()]);
        let mut picture = read_rows(&gpu, &buffer, [width, height], row_bytes)?;
        let is_blue_first = matches!(format, wgpu::TextureFormat::Bgra8Unorm | wgpu::TextureFormat::Bgra8UnormSrgb);
        for pixel in picture.pixels_mut() {
            if is_blue_first {
                pixel.0.swap(0, 2);
            }
            pixel.0[3] = 255;
        }
        Ok(picture)
    }
}

fn read_rows(
    gpu: &Gpu,
    buffer: &wgpu::Buffer,
    [width, height]: [u32; 2],
    row_bytes: u32,
) -> Result<image::RgbaImage, ViewError> {
    let failed = |reason: String| ViewError::ReadBack { reason };
    let (sender, receiver) = std::sync::mpsc::channel();
    buffer.map_async(wgpu::MapMode::Read, .., move |result| {
        // The receiver below outlives the poll that runs this.
        drop(sender.send(result));
    });
    gpu.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| failed(error.to_string()))?;
    receiver.recv().map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
    let mapped = buffer.get_mapped_range(..).map_err(|error| failed(error.to_string()))?;
    let rows: Vec<u8> =
        mapped.chunks_exact(row_bytes as usize).flat_map(|row| row[..4 * width as usize].iter().copied()).collect();
    drop(mapped);
    image::RgbaImage::from_raw(width, height, rows).ok_or_else(|| failed("the rows are short".to_owned()))
}
