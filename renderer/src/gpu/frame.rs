//! Painting one frame: the scene into its own sRGB texture, that into the output, and the panels on top.

use std::collections::BTreeMap;

use bytemuck::{Pod, Zeroable};
use glam::{DMat4, DVec3};

use super::device::Gpu;
use super::pipelines::{PICTURES_PER_PASS, Pipelines};
use super::resources::Resources;
use super::targets::Targets;
use crate::scene::camera::View;
use crate::scene::clip::{Clip, Keep, MOST_CORNERS, PER_SQUARE_M};
use crate::scene::draw::{Draped, Draw, DrawList, Overlay};
use crate::scene::panes::Panes;
use crate::scene::place;

/// What egui wants painted this frame.
pub struct UiFrame {
    /// The triangles.
    pub primitives: Vec<egui::ClippedPrimitive>,
    /// Changes of its textures; must reach the painter or egui panics.
    pub textures: egui::TexturesDelta,
    /// Pixels per egui point.
    pub pixels_per_point: f32,
}

/// What of the scene is painted this frame, and where.
#[derive(Clone, Copy)]
pub struct SceneFrame<'a> {
    /// What the camera sees in a pane.
    pub view: &'a View,
    /// Where the panes are.
    pub panes: &'a Panes,
    /// What each pane shows.
    pub lists: &'a [DrawList],
    /// Width and height of the whole output in pixels.
    pub size_px: [u32; 2],
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct FrameUniform {
    haze_color: [f32; 3],
    haze_per_m: f32,
    viewport_px: [f32; 2],
    /// Corners of the cut; 0 where nothing is cut.
    cut_corners: f32,
    /// 1 where the inside of the cut stays, 0 where the outside does.
    cut_keeps_inside: f32,
    /// From clip space to metres in the cut's axes, and the eye there.
    cut_right: [f32; 4],
    cut_up: [f32; 4],
    cut_forward: [f32; 4],
    cut_eye: [f32; 4],
    cut_range_m: [f32; 4],
    /// Two corners to a vector.
    corners_m: [[f32; 4]; MOST_CORNERS / 2],
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct SkyUniform {
    right: [f32; 4],
    up: [f32; 4],
    forward: [f32; 4],
    horizon: [f32; 4],
    haze_color: [f32; 4],
    zenith_color: [f32; 4],
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct TileUniform {
    clip_from_local: [[f32; 4]; 4],
    up: [f32; 3],
    picture_count: f32,
    sun: [f32; 3],
    opacity: f32,
    eye: [f32; 3],
    spare: f32,
    windows: [[f32; 4]; PICTURES_PER_PASS],
    opacities: [f32; PICTURES_PER_PASS],
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct MeshUniform {
    clip_from_local: [[f32; 4]; 4],
    up: [f32; 3],
    lit: f32,
    sun: [f32; 3],
    opacity: f32,
    eye: [f32; 3],
    spare: f32,
    base_color: [f32; 4],
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct DrapeUniform {
    clip_from_local: [[f32; 4]; 4],
    eye: [f32; 3],
    spare: f32,
    tile_from_local: [[[f32; 4]; 2]; PICTURES_PER_PASS],
    windows: [[f32; 4]; PICTURES_PER_PASS],
    opacities: [f32; PICTURES_PER_PASS],
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct CloudUniform {
    clip_from_local: [[f32; 4]; 4],
    eye: [f32; 3],
    opacity: f32,
    pixels_per_metre: f32,
    size_m: f32,
    depth_scale: f32,
    spare: f32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct LinesUniform {
    clip_from_local: [[f32; 4]; 4],
    eye: [f32; 3],
    opacity: f32,
    width_px: f32,
    depth_scale: f32,
    is_cut: f32,
    spare: f32,
}

/// By what part of their distance the lines of a body step before it.
const LINE_STEP: f32 = 0.000_6;

/// Uniforms of one draw live this many bytes apart; a multiple of every device's alignment.
const SLOT_BYTES: usize = 512;

/// By what part of their distance points step before the ground or behind a mesh of the same surface.
const POINT_STEP: f32 = 0.003;

/// Linear colours of the air.
const HAZE: [f32; 3] = [0.66, 0.76, 0.86];
const ZENITH: [f32; 3] = [0.16, 0.34, 0.66];

/// The order of drawing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pass {
    Ground,
    GroundOverlays,
    Mesh,
    MeshDrapes,
    GroundBehind,
    Points,
    MeshBlended,
    Water,
    Planned,
    Lines,
}

struct Step {
    pane: usize,
    pass: Pass,
    /// Among what is seen through, the farthest comes first.
    nearness: u64,
    /// Shape or point set.
    identity: u64,
    /// Bind group of the pictures; for ground and drapes the first is where the ground is seen, 0 for everywhere.
    pictures: Vec<u64>,
}

/// Draws frames of one output format on one device.
pub struct Painter {
    gpu: Gpu,
    samples: u32,
    format: wgpu::TextureFormat,
    pipelines: Pipelines,
    resources: Resources,
    targets: Option<Targets>,
    items: wgpu::Buffer,
    frame_uniform: wgpu::Buffer,
    sky_uniform: wgpu::Buffer,
    ground_groups: BTreeMap<Vec<u64>, wgpu::BindGroup>,
    ui: egui_wgpu::Renderer,
}

impl Painter {
    pub(super) fn for_format(gpu: Gpu, samples: u32, output_format: wgpu::TextureFormat) -> Self {
        let pipelines = Pipelines::new(&gpu.device, samples, output_format);
        let resources = Resources::new(&gpu.device, &gpu.queue, &pipelines.picture_layout, gpu.is_software());
        let uniform = |label, size| {
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: size as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        let ui = egui_wgpu::Renderer::new(
            &gpu.device,
            output_format,
            egui_wgpu::RendererOptions { dithering: false, ..Default::default() },
        );
        Self {
            samples,
            format: output_format,
            items: uniform("items", SLOT_BYTES * 64),
            frame_uniform: uniform("frame", size_of::<FrameUniform>()),
            sky_uniform: uniform("sky", size_of::<SkyUniform>()),
            ground_groups: BTreeMap::new(),
            targets: None,
            pipelines,
            resources,
            ui,
            gpu,
        }
    }

    /// The device that draws.
    #[must_use]
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// The format of the output.
    pub(super) fn format(&self) -> wgpu::TextureFormat {
        self.format
    }

    /// Paints the scene and the panels into `output`, which has the frame's size.
    pub(super) fn paint(&mut self, scene: &SceneFrame<'_>, ui: UiFrame, output: &wgpu::TextureView) {
        let SceneFrame { size_px, .. } = *scene;
        if self.targets.as_ref().is_none_or(|targets| targets.size_px != size_px) {
            self.targets = Some(Targets::new(&self.gpu.device, size_px, self.samples));
        }
        let (steps, slots) = self.plan(scene);
        self.write_uniforms(scene, &slots);
        let mut encoder =
            self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("frame") });
        self.draw_scene(&mut encoder, scene.panes, &steps);
        self.composite(&mut encoder, output);
        let extra = self.draw_ui(&mut encoder, ui, size_px, output);
        self.gpu.queue.submit(extra.into_iter().chain([encoder.finish()]));
        self.resources.forget_dropped();
    }

    /// Uploads what is new and lays out every draw's uniforms.
    #[expect(clippy::too_many_lines, reason = "one pass after the other, in the order that they are drawn")]
    fn plan(&mut self, scene: &SceneFrame<'_>) -> (Vec<(Step, u32)>, Vec<u8>) {
        let view = scene.view;
        let mut steps = Vec::new();
        let mut slots = Vec::new();
        let mut add = |step: Step, uniform: &[u8]| {
            steps.push((step, slots.len() as u32));
            slots.extend_from_slice(uniform);
            slots.resize(slots.len().next_multiple_of(SLOT_BYTES), 0);
        };
        let device = &self.gpu.device;
        let panes = scene.lists.iter().take(scene.panes.corners_px.len()).enumerate();
        for (pane, draw) in panes.flat_map(|(pane, list)| list.draws.iter().map(move |draw| (pane, draw))) {
            match draw {
                Draw::Ground { shape, origin, overlays, open, .. } => {
                    if shape.indices().is_empty() {
                        continue;
                    }
                    self.resources.keep_shape(device, shape);
                    let open = open.as_ref().map(|open| open.picture());
                    for picture in overlays.iter().map(|overlay| &overlay.picture).chain(open) {
                        self.resources.keep_picture(device, &self.gpu.queue, &self.pipelines.picture_layout, picture);
                    }
                    let open = open.map_or(0, |picture| picture.identity());
                    let chunks: Vec<&[Overlay]> =
                        if overlays.is_empty() { vec![&[]] } else { overlays.chunks(PICTURES_PER_PASS).collect() };
                    for (number, chunk) in chunks.into_iter().enumerate() {
                        let uniform = tile_uniform(view, *origin, chunk);
                        let pass = if number == 0 { Pass::Ground } else { Pass::GroundOverlays };
                        let pictures = chunk.iter().map(|overlay| overlay.picture.identity());
                        let pictures: Vec<u64> = std::iter::once(open).chain(pictures).collect();
                        if number == 0 && open != 0 {
                            let (pass, pictures) = (Pass::GroundBehind, pictures.clone());
                            add(
                                Step { pane, pass, nearness: 0, identity: shape.identity(), pictures },
                                bytemuck::bytes_of(&uniform),
                            );
                        }
                        add(
                            Step { pane, pass, nearness: 0, identity: shape.identity(), pictures },
                            bytemuck::bytes_of(&uniform),
                        );
                    }
                }
                Draw::Mesh { shape, picture, ecef_from_local, base_color, lit, opacity, draped, planned } => {
                    if shape.indices().is_empty() || *opacity <= 0.0 {
                        continue;
                    }
                    self.resources.keep_shape(device, shape);
                    if let Some(picture) = picture {
                        self.resources.keep_picture(device, &self.gpu.queue, &self.pipelines.picture_layout, picture);
                    }
                    let uniform = mesh_uniform(view, ecef_from_local, *base_color, *lit, *opacity);
                    let pass = match (*opacity < 0.999 || base_color[3] < 0.999, *planned) {
                        (false, _) => Pass::Mesh,
                        (true, false) => Pass::MeshBlended,
                        (true, true) => Pass::Planned,
                    };
                    let middle = ecef_from_local.transform_point3(shape.sphere().0);
                    let nearness = if pass == Pass::Planned {
                        // The bits of a positive number are ordered as the number is.
                        u64::MAX - (middle - view.eye).length().to_bits()
                    } else {
                        0
                    };
                    let pictures = picture.iter().map(|picture| picture.identity()).collect();
                    add(
                        Step { pane, pass, nearness, identity: shape.identity(), pictures },
                        bytemuck::bytes_of(&uniform),
                    );
                    for chunk in draped.chunks(PICTURES_PER_PASS) {
                        for Draped { overlay, .. } in chunk {
                            let layout = &self.pipelines.picture_layout;
                            self.resources.keep_picture(device, &self.gpu.queue, layout, &overlay.picture);
                        }
                        let uniform = drape_uniform(view, ecef_from_local, chunk);
                        let pictures = chunk.iter().map(|draped| draped.overlay.picture.identity());
                        let pictures = std::iter::once(0).chain(pictures).collect();
                        let pass = Pass::MeshDrapes;
                        let step = Step { pane, pass, nearness: 0, identity: shape.identity(), pictures };
                        add(step, bytemuck::bytes_of(&uniform));
                    }
                }
                Draw::Water { shape, picture, origin, opacity } => {
                    if shape.indices().is_empty() || *opacity <= 0.0 {
                        continue;
                    }
                    self.resources.keep_shape(device, shape);
                    self.resources.keep_picture(device, &self.gpu.queue, &self.pipelines.picture_layout, picture);
                    let uniform = mesh_uniform(view, &DMat4::from_translation(*origin), [1.0; 4], false, *opacity);
                    let (pass, pictures) = (Pass::Water, vec![picture.identity()]);
                    let step = Step { pane, pass, nearness: 0, identity: shape.identity(), pictures };
                    add(step, bytemuck::bytes_of(&uniform));
                }
                Draw::Lines { lines, ecef_from_local, width_px, is_cut, opacity } => {
                    if lines.lines().is_empty() || *opacity <= 0.0 {
                        continue;
                    }
                    self.resources.keep_lines(device, lines);
                    let uniform = LinesUniform {
                        clip_from_local: view.clip_from_local(ecef_from_local).to_cols_array_2d(),
                        eye: eye_in(ecef_from_local, view.eye).as_vec3().to_array(),
                        opacity: *opacity,
                        width_px: *width_px,
                        depth_scale: 1.0 + LINE_STEP,
                        is_cut: f32::from(u8::from(*is_cut)),
                        spare: 0.0,
                    };
                    let (pass, identity) = (Pass::Lines, lines.identity());
                    add(Step { pane, pass, nearness: 0, identity, pictures: Vec::new() }, bytemuck::bytes_of(&uniform));
                }
                Draw::Points { points, ecef_from_local, size_m, give_way, opacity } => {
                    if points.points().is_empty() || *opacity <= 0.0 {
                        continue;
                    }
                    self.resources.keep_points(device, points);
                    let uniform = CloudUniform {
                        clip_from_local: view.clip_from_local(ecef_from_local).to_cols_array_2d(),
                        eye: eye_in(ecef_from_local, view.eye).as_vec3().to_array(),
                        opacity: *opacity,
                        pixels_per_metre: view.pixels_per_metre(1.0) as f32,
                        size_m: *size_m,
                        depth_scale: if *give_way { 1.0 - POINT_STEP } else { 1.0 + POINT_STEP },
                        spare: 0.0,
                    };
                    add(
                        Step {
                            pane,
                            pass: Pass::Points,
                            nearness: 0,
                            identity: points.identity(),
                            pictures: Vec::new(),
                        },
                        bytemuck::bytes_of(&uniform),
                    );
                }
            }
        }
        steps.sort_by_key(|(step, _)| (step.pane, step.pass, step.nearness));
        self.make_ground_groups(&steps);
        (steps, slots)
    }

    fn make_ground_groups(&mut self, steps: &[(Step, u32)]) {
        let mut old = std::mem::take(&mut self.ground_groups);
        for (step, _) in steps {
            if !matches!(step.pass, Pass::Ground | Pass::GroundOverlays | Pass::GroundBehind | Pass::MeshDrapes)
                || self.ground_groups.contains_key(&step.pictures)
            {
                continue;
            }
            let group = old.remove(&step.pictures).unwrap_or_else(|| self.ground_group(&step.pictures));
            self.ground_groups.insert(step.pictures.clone(), group);
        }
    }

    fn ground_group(&self, pictures: &[u64]) -> wgpu::BindGroup {
        let mut entries = vec![wgpu::BindGroupEntry {
            binding: 0,
            resource: wgpu::BindingResource::Sampler(&self.resources.clamped),
        }];
        // The pictures, then where the ground is seen; white stands for no picture and for everywhere.
        for (binding, place) in (1..=PICTURES_PER_PASS).chain([0]).enumerate() {
            let copy = pictures.get(place).and_then(|identity| self.resources.pictures.get(identity));
            let view = copy.map_or(&self.resources.white, |copy| &copy.view);
            entries.push(wgpu::BindGroupEntry {
                binding: binding as u32 + 1,
                resource: wgpu::BindingResource::TextureView(view),
            });
        }
        self.gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("ground pictures"),
            layout: &self.pipelines.ground_layout,
            entries: &entries,
        })
    }

    fn write_uniforms(&mut self, scene: &SceneFrame<'_>, slots: &[u8]) {
        let view = scene.view;
        if slots.len() as u64 > self.items.size() {
            self.items = self.gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("items"),
                size: (slots.len() as u64).next_power_of_two(),
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
        }
        if !slots.is_empty() {
            self.gpu.queue.write_buffer(&self.items, 0, slots);
        }
        let clip = scene.lists.iter().find_map(|list| list.clip.as_deref());
        let frame = frame_uniform(view, clip);
        self.gpu.queue.write_buffer(&self.frame_uniform, 0, bytemuck::bytes_of(&frame));
        self.gpu.queue.write_buffer(&self.sky_uniform, 0, bytemuck::bytes_of(&sky_uniform(view)));
    }

    fn draw_scene(&self, encoder: &mut wgpu::CommandEncoder, panes: &Panes, steps: &[(Step, u32)]) {
        let Some(targets) = &self.targets else { return };
        let group = |layout, buffer: &wgpu::Buffer, size| {
            let binding = wgpu::BufferBinding { buffer, offset: 0, size: std::num::NonZeroU64::new(size as u64) };
            self.gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout,
                entries: &[wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(binding) }],
            })
        };
        let frame_group = group(&self.pipelines.frame_layout, &self.frame_uniform, size_of::<FrameUniform>());
        let sky_group = group(&self.pipelines.frame_layout, &self.sky_uniform, size_of::<SkyUniform>());
        let item_group = group(&self.pipelines.item_layout, &self.items, SLOT_BYTES);
        let (attachment, resolve_target) = match &targets.multisampled {
            Some(multisampled) => (multisampled, Some(&targets.scene)),
            None => (&targets.scene, None),
        };
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("scene"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: attachment,
                depth_slice: None,
                resolve_target,
                ops: wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::BLACK), store: wgpu::StoreOp::Store },
            })],
            // Reversed-Z: the far end is zero.
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &targets.depth,
                depth_ops: Some(wgpu::Operations { load: wgpu::LoadOp::Clear(0.0), store: wgpu::StoreOp::Discard }),
                stencil_ops: None,
            }),
            ..Default::default()
        });
        let [width, height] = panes.pane_px;
        let mut steps = steps.iter().peekable();
        for (pane, ([left, top], seen)) in panes.corners_px.iter().zip(&panes.seen_px).enumerate() {
            pass.set_viewport(*left as f32, *top as f32, width as f32, height as f32, 0.0, 1.0);
            pass.set_scissor_rect(seen[0], seen[1], seen[2], seen[3]);
            pass.set_bind_group(0, &sky_group, &[]);
            pass.set_pipeline(&self.pipelines.sky);
            pass.draw(0..3, 0..1);
            pass.set_bind_group(0, &frame_group, &[]);
            let mut current = None;
            while let Some((step, offset)) = steps.next_if(|(step, _)| step.pane == pane) {
                self.draw_step(&mut pass, step, *offset, &item_group, &mut current);
            }
        }
    }

    fn draw_step(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        step: &Step,
        offset: u32,
        item_group: &wgpu::BindGroup,
        current: &mut Option<Pass>,
    ) {
        if *current != Some(step.pass) {
            *current = Some(step.pass);
            pass.set_pipeline(match step.pass {
                Pass::Ground => &self.pipelines.ground_base,
                Pass::GroundOverlays => &self.pipelines.ground_overlays,
                Pass::Mesh => &self.pipelines.mesh_opaque,
                Pass::MeshBlended | Pass::Water => &self.pipelines.mesh_blended,
                Pass::MeshDrapes => &self.pipelines.mesh_drapes,
                Pass::GroundBehind => &self.pipelines.ground_behind,
                Pass::Points => &self.pipelines.points,
                Pass::Planned => &self.pipelines.planned,
                Pass::Lines => &self.pipelines.lines,
            });
        }
        pass.set_bind_group(1, item_group, &[offset]);
        let quads = match step.pass {
            Pass::Points => self.resources.points.get(&step.identity).map(|copy| (&copy.points, copy.count)),
            Pass::Lines => self.resources.lines.get(&step.identity).map(|copy| (&copy.lines, copy.count)),
            _ => None,
        };
        if let Some((instances, count)) = quads {
            pass.set_vertex_buffer(0, instances.slice(..));
            pass.draw(0..4, 0..count);
            return;
        }
        let Some(copy) = self.resources.shapes.get(&step.identity) else { return };
        let pictures = match step.pass {
            Pass::Ground | Pass::GroundOverlays | Pass::GroundBehind | Pass::MeshDrapes => {
                self.ground_groups.get(&step.pictures)
            }
            _ => step
                .pictures
                .first()
                .and_then(|identity| self.resources.pictures.get(identity))
                .map(|copy| &copy.mesh_group),
        };
        pass.set_bind_group(2, pictures.unwrap_or(&self.resources.white_group), &[]);
        pass.set_vertex_buffer(0, copy.vertices.slice(..));
        pass.set_index_buffer(copy.indices.slice(..), wgpu::IndexFormat::Uint32);
        pass.draw_indexed(0..copy.index_count, 0, 0..1);
    }

    fn composite(&self, encoder: &mut wgpu::CommandEncoder, output: &wgpu::TextureView) {
        let Some(targets) = &self.targets else { return };
        let group = self.gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("composite"),
            layout: &self.pipelines.composite_layout,
            entries: &[wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::TextureView(&targets.scene),
            }],
        });
        let mut pass = output_pass(encoder, output, wgpu::LoadOp::Clear(wgpu::Color::BLACK));
        pass.set_pipeline(&self.pipelines.composite);
        pass.set_bind_group(0, &group, &[]);
        pass.draw(0..3, 0..1);
    }

    fn draw_ui(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        ui: UiFrame,
        size_px: [u32; 2],
        output: &wgpu::TextureView,
    ) -> Vec<wgpu::CommandBuffer> {
        let (device, queue) = (&self.gpu.device, &self.gpu.queue);
        let UiFrame { primitives, mut textures, pixels_per_point } = ui;
        let changed: BTreeMap<_, _> = std::mem::take(&mut textures.set)
            .into_iter()
            .map(|(id, deltas)| (texture_order(id), (id, deltas)))
            .collect();
        for (id, deltas) in changed.into_values() {
            for delta in &deltas {
                self.ui.update_texture(device, queue, id, delta);
            }
        }
        let screen = egui_wgpu::ScreenDescriptor { size_in_pixels: size_px, pixels_per_point };
        let extra = self.ui.update_buffers(device, queue, encoder, &primitives, &screen);
        {
            let pass = output_pass(encoder, output, wgpu::LoadOp::Load);
            self.ui.render(&mut pass.forget_lifetime(), &primitives, &screen);
        }
        let mut freed: Vec<_> = std::mem::take(&mut textures.free).into_iter().collect();
        freed.sort_by_key(|id| texture_order(*id));
        for id in &freed {
            self.ui.free_texture(id);
        }
        extra
    }
}

fn frame_uniform(view: &View, clip: Option<&Clip>) -> FrameUniform {
    // Air gets clearer with height, so that a county seen from above keeps its colours.
    let haze_per_m = 1.0 / (60_000.0 + 25.0 * view.eye_height_m.max(0.0));
    let mut frame = FrameUniform {
        haze_color: HAZE,
        haze_per_m: haze_per_m as f32,
        viewport_px: view.viewport_px.map(|side| side as f32),
        ..FrameUniform::zeroed()
    };
    let Some(clip) = clip else { return frame };
    let (eye, turned) = clip.level(view.eye);
    let [scale_x, scale_y] = [view.clip_from_view().x_axis.x, view.clip_from_view().y_axis.y];
    let wide = |vector: DVec3| turned(vector).extend(0.0).as_vec4().to_array();
    frame.cut_corners = clip.corners_m().len() as f32;
    frame.cut_keeps_inside = f32::from(u8::from(clip.keep == Keep::Inside));
    frame.cut_right = wide(view.right / scale_x);
    frame.cut_up = wide(view.up / scale_y);
    frame.cut_forward = wide(view.forward);
    frame.cut_eye = eye.extend(PER_SQUARE_M).as_vec4().to_array();
    frame.cut_range_m = [clip.range_m[0] as f32, clip.range_m[1] as f32, 0.0, 0.0];
    for (pair, corners) in frame.corners_m.iter_mut().zip(clip.corners_m().chunks(2)) {
        for (place, corner) in corners.iter().enumerate() {
            pair[2 * place] = corner[0] as f32;
            pair[2 * place + 1] = corner[1] as f32;
        }
    }
    frame
}

fn texture_order(id: egui::TextureId) -> (u8, u64) {
    match id {
        egui::TextureId::Managed(number) => (0, number),
        egui::TextureId::User(number) => (1, number),
    }
}

fn output_pass<'a>(
    encoder: &'a mut wgpu::CommandEncoder,
    output: &wgpu::TextureView,
    load: wgpu::LoadOp<wgpu::Color>,
) -> wgpu::RenderPass<'a> {
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some("output"),
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view: output,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations { load, store: wgpu::StoreOp::Store },
        })],
        ..Default::default()
    })
}

/// The sun of hill shading: from the north-west, 45 degrees high, as maps have it.
fn sun_at(origin: DVec3) -> (DVec3, DVec3) {
    let [lon, lat, _] = place::lon_lat_height_deg(origin);
    let axes = place::ecef_from_enu_rotation(lon, lat);
    (axes.z_axis, axes * DVec3::new(-0.5, 0.5, std::f64::consts::FRAC_1_SQRT_2))
}

fn eye_in(ecef_from_local: &DMat4, eye: DVec3) -> DVec3 {
    ecef_from_local.inverse().transform_point3(eye)
}

fn tile_uniform(view: &View, origin: DVec3, overlays: &[Overlay]) -> TileUniform {
    let (up, sun) = sun_at(origin);
    let mut uniform = TileUniform {
        clip_from_local: view.clip_from_local(&DMat4::from_translation(origin)).to_cols_array_2d(),
        up: up.as_vec3().to_array(),
        picture_count: overlays.len() as f32,
        sun: sun.as_vec3().to_array(),
        opacity: 1.0,
        eye: (view.eye - origin).as_vec3().to_array(),
        spare: 0.0,
        windows: [[0.0; 4]; PICTURES_PER_PASS],
        opacities: [0.0; PICTURES_PER_PASS],
    };
    for (place, overlay) in overlays.iter().enumerate() {
        uniform.windows[place] = [overlay.offset[0], overlay.offset[1], overlay.scale[0], overlay.scale[1]];
        uniform.opacities[place] = overlay.opacity;
    }
    uniform
}

fn drape_uniform(view: &View, ecef_from_local: &DMat4, draped: &[Draped]) -> DrapeUniform {
    let mut uniform = DrapeUniform {
        clip_from_local: view.clip_from_local(ecef_from_local).to_cols_array_2d(),
        eye: eye_in(ecef_from_local, view.eye).as_vec3().to_array(),
        spare: 0.0,
        tile_from_local: [[[0.0; 4]; 2]; PICTURES_PER_PASS],
        windows: [[0.0; 4]; PICTURES_PER_PASS],
        opacities: [0.0; PICTURES_PER_PASS],
    };
    for (place, Draped { overlay, tile_from_local }) in draped.iter().enumerate() {
        uniform.tile_from_local[place] = *tile_from_local;
        uniform.windows[place] = [overlay.offset[0], overlay.offset[1], overlay.scale[0], overlay.scale[1]];
        uniform.opacities[place] = overlay.opacity;
    }
    uniform
}

fn mesh_uniform(view: &View, ecef_from_local: &DMat4, base_color: [f32; 4], lit: bool, opacity: f32) -> MeshUniform {
    let (up, sun) = sun_at(ecef_from_local.w_axis.truncate());
    let local_from_ecef = glam::DMat3::from_mat4(*ecef_from_local).inverse();
    MeshUniform {
        clip_from_local: view.clip_from_local(ecef_from_local).to_cols_array_2d(),
        up: (local_from_ecef * up).normalize_or_zero().as_vec3().to_array(),
        lit: f32::from(u8::from(lit)),
        sun: (local_from_ecef * sun).normalize_or_zero().as_vec3().to_array(),
        opacity,
        eye: eye_in(ecef_from_local, view.eye).as_vec3().to_array(),
        spare: 0.0,
        base_color,
    }
}

fn sky_uniform(view: &View) -> SkyUniform {
    let [lon, lat, _] = place::lon_lat_height_deg(view.eye);
    let enu_from_ecef = place::ecef_from_enu_rotation(lon, lat).transpose();
    let scale = 1.0 / view.clip_from_view().y_axis.y;
    let aspect = f64::from(view.viewport_px[0]) / f64::from(view.viewport_px[1]);
    let column = |vector: DVec3| (enu_from_ecef * vector).extend(0.0).as_vec4().to_array();
    let dip_cosine = place::EARTH_RADIUS_M / (place::EARTH_RADIUS_M + view.eye_height_m.max(0.0));
    SkyUniform {
        right: column(view.right * scale * aspect),
        up: column(view.up * scale),
        forward: column(view.forward),
        horizon: [(1.0 - dip_cosine * dip_cosine).max(0.0).sqrt() as f32, 0.0, 0.0, 0.0],
        haze_color: [HAZE[0], HAZE[1], HAZE[2], 1.0],
        zenith_color: [ZENITH[0], ZENITH[1], ZENITH[2], 1.0],
    }
}
