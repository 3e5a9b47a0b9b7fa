//! Bind group layouts and pipelines, one per way of drawing.

use crate::scene::draw::{LineVertex, PointVertex, Vertex};

use super::targets::{DEPTH_FORMAT, SCENE_FORMAT};

/// Every shader, by name; those of the scene begin with the light and air they share.
pub(super) const SHADERS: &[(&str, &str)] = &[
    ("ground", concat!(include_str!("light.wgsl"), include_str!("pictures.wgsl"), include_str!("ground.wgsl"))),
    ("drape", concat!(include_str!("light.wgsl"), include_str!("pictures.wgsl"), include_str!("drape.wgsl"))),
    ("mesh", concat!(include_str!("light.wgsl"), include_str!("mesh.wgsl"))),
    ("points", concat!(include_str!("light.wgsl"), include_str!("points.wgsl"))),
    ("lines", concat!(include_str!("light.wgsl"), include_str!("lines.wgsl"))),
    ("sky", include_str!("sky.wgsl")),
    ("composite", include_str!("composite.wgsl")),
];

/// Pictures one ground pass can lay over a tile.
pub(super) const PICTURES_PER_PASS: usize = 8;

/// Everything fixed at start.
pub(super) struct Pipelines {
    pub frame_layout: wgpu::BindGroupLayout,
    pub item_layout: wgpu::BindGroupLayout,
    pub ground_layout: wgpu::BindGroupLayout,
    pub picture_layout: wgpu::BindGroupLayout,
    pub composite_layout: wgpu::BindGroupLayout,
    pub ground_base: wgpu::RenderPipeline,
    pub ground_overlays: wgpu::RenderPipeline,
    pub ground_behind: wgpu::RenderPipeline,
    pub mesh_opaque: wgpu::RenderPipeline,
    pub mesh_blended: wgpu::RenderPipeline,
    pub planned: wgpu::RenderPipeline,
    pub mesh_drapes: wgpu::RenderPipeline,
    pub points: wgpu::RenderPipeline,
    pub lines: wgpu::RenderPipeline,
    pub sky: wgpu::RenderPipeline,
    pub composite: wgpu::RenderPipeline,
}

fn texture_entry(binding: u32, filterable: bool) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable },
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        },
        count: None,
    }
}

fn sampler_entry(binding: u32) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
        count: None,
    }
}

fn uniform_entry(has_dynamic_offset: bool) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding: 0,
        visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset,
            min_binding_size: None,
        },
        count: None,
    }
}

fn shader(device: &wgpu::Device, name: &str) -> wgpu::ShaderModule {
    let source = SHADERS.iter().find(|(known, _)| *known == name).map_or("", |(_, source)| *source);
    let source = wgpu::ShaderSource::Wgsl(source.into());
    device.create_shader_module(wgpu::ShaderModuleDescriptor { label: Some(name), source })
}

/// How a pipeline treats depth and colour.
struct Mixing {
    depth_compare: wgpu::CompareFunction,
    writes_depth: bool,
    blends: bool,
    /// Draws both sides of a triangle.
    both_sides: bool,
}

const SOLID: Mixing =
    Mixing { depth_compare: wgpu::CompareFunction::Greater, writes_depth: true, blends: false, both_sides: true };
const SEE_THROUGH: Mixing = Mixing { blends: true, ..SOLID };
/// A closed body of glass: one sees through its near side only.
const NEAR_SIDE: Mixing = Mixing { both_sides: false, ..SEE_THROUGH };
const OVER: Mixing = Mixing { writes_depth: false, ..SEE_THROUGH };
const ON_TOP_OF_ITSELF: Mixing =
    Mixing { depth_compare: wgpu::CompareFunction::Equal, writes_depth: false, ..SEE_THROUGH };
const BEHIND_ALL: Mixing = Mixing { depth_compare: wgpu::CompareFunction::Always, writes_depth: false, ..SOLID };

impl Pipelines {
    #[expect(clippy::too_many_lines, reason = "every pipeline by name")]
    pub(super) fn new(device: &wgpu::Device, samples: u32, output_format: wgpu::TextureFormat) -> Self {
        let layout = |label, entries: &[wgpu::BindGroupLayoutEntry]| {
            device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(label), entries })
        };
        let frame_layout = layout("frame", &[uniform_entry(false)]);
        let item_layout = layout("item", &[uniform_entry(true)]);
        let mut ground_entries = vec![sampler_entry(0)];
        ground_entries.extend((1..=PICTURES_PER_PASS as u32 + 1).map(|binding| texture_entry(binding, true)));
        let ground_layout = layout("ground pictures", &ground_entries);
        let picture_layout = layout("mesh picture", &[sampler_entry(0), texture_entry(1, true)]);
        let composite_layout = layout("composite", &[texture_entry(0, false)]);

        let module = |name| shader(device, name);
        let (ground, mesh, drape, points) = (module("ground"), module("mesh"), module("drape"), module("points"));
        let (sky, composite, lines) = (module("sky"), module("composite"), module("lines"));

        let vertex_attributes = wgpu::vertex_attr_array![0 => Float32x3, 1 => Float32x2, 2 => Snorm16x4, 3 => Unorm8x4];
        let vertices = wgpu::VertexBufferLayout {
            array_stride: size_of::<Vertex>() as u64,
            step_mode: wgpu::VertexStepMode::Vertex,
            attributes: &vertex_attributes,
        };
        let point_attributes = wgpu::vertex_attr_array![0 => Float32x3, 1 => Unorm8x4];
        let point_instances = wgpu::VertexBufferLayout {
            array_stride: size_of::<PointVertex>() as u64,
            step_mode: wgpu::VertexStepMode::Instance,
            attributes: &point_attributes,
        };
        let line_attributes = wgpu::vertex_attr_array![0 => Float32x3, 1 => Float32x3, 2 => Unorm8x4];
        let line_instances = wgpu::VertexBufferLayout {
            array_stride: size_of::<LineVertex>() as u64,
            step_mode: wgpu::VertexStepMode::Instance,
            attributes: &line_attributes,
        };
        let scene = |label,
                     module: &wgpu::ShaderModule,
                     fragment,
                     buffers: &[Option<wgpu::VertexBufferLayout<'_>>],
                     groups: &[&wgpu::BindGroupLayout],
                     topology,
                     mixing: &Mixing| {
            pipeline(
                device,
                &Plan {
                    label,
                    module,
                    fragment,
                    buffers,
                    groups,
                    topology,
                    mixing: Some(mixing),
                    samples,
                    format: SCENE_FORMAT,
                },
            )
        };
        let triangles = wgpu::PrimitiveTopology::TriangleList;
        let shape = [Some(vertices)];
        let ground_groups = [&frame_layout, &item_layout, &ground_layout];
        let mesh_groups = [&frame_layout, &item_layout, &picture_layout];
        let on_ground =
            |label, fragment, mixing| scene(label, &ground, fragment, &shape, &ground_groups, triangles, mixing);
        let composite_fragment = if output_format.is_srgb() { "fs_linear" } else { "fs_main" };
        Self {
            ground_base: on_ground("ground", "fs_base", &SOLID),
            ground_overlays: on_ground("ground overlays", "fs_overlays", &ON_TOP_OF_ITSELF),
            ground_behind: on_ground("ground behind", "fs_behind", &SOLID),
            mesh_opaque: scene("mesh", &mesh, "fs_main", &shape, &mesh_groups, triangles, &SOLID),
            mesh_blended: scene("mesh blended", &mesh, "fs_main", &shape, &mesh_groups, triangles, &SEE_THROUGH),
            planned: scene("planned", &mesh, "fs_main", &shape, &mesh_groups, triangles, &NEAR_SIDE),
            mesh_drapes: scene("drape", &drape, "fs_main", &shape, &ground_groups, triangles, &ON_TOP_OF_ITSELF),
            points: scene(
                "points",
                &points,
                "fs_main",
                &[Some(point_instances)],
                &[&frame_layout, &item_layout],
                wgpu::PrimitiveTopology::TriangleStrip,
                &SEE_THROUGH,
            ),
            lines: scene(
                "lines",
                &lines,
                "fs_main",
                &[Some(line_instances)],
                &[&frame_layout, &item_layout],
                wgpu::PrimitiveTopology::TriangleStrip,
                &OVER,
            ),
            sky: scene("sky", &sky, "fs_main", &[], &[&frame_layout], triangles, &BEHIND_ALL),
            composite: pipeline(
                device,
                &Plan {
                    label: "composite",
                    module: &composite,
                    fragment: composite_fragment,
                    buffers: &[],
                    groups: &[&composite_layout],
                    topology: triangles,
                    mixing: None,
                    samples: 1,
                    format: output_format,
                },
            ),
            frame_layout,
            item_layout,
            ground_layout,
            picture_layout,
            composite_layout,
        }
    }
}

struct Plan<'a> {
    label: &'static str,
    module: &'a wgpu::ShaderModule,
    fragment: &'static str,
    buffers: &'a [Option<wgpu::VertexBufferLayout<'a>>],
    groups: &'a [&'a wgpu::BindGroupLayout],
    topology: wgpu::PrimitiveTopology,
    mixing: Option<&'a Mixing>,
    samples: u32,
    format: wgpu::TextureFormat,
}

fn pipeline(device: &wgpu::Device, plan: &Plan<'_>) -> wgpu::RenderPipeline {
    let groups: Vec<_> = plan.groups.iter().map(|group| Some(*group)).collect();
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(plan.label),
        bind_group_layouts: &groups,
        immediate_size: 0,
    });
    let blends = plan.mixing.is_some_and(|mixing| mixing.blends);
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(plan.label),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: plan.module,
            entry_point: Some(if plan.fragment == "fs_behind" { "vs_behind" } else { "vs_main" }),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: plan.buffers,
        },
        // Of what is measured nothing is culled: skirts hang outwards and survey meshes have holes one looks through.
        primitive: wgpu::PrimitiveState {
            topology: plan.topology,
            cull_mode: plan.mixing.filter(|mixing| !mixing.both_sides).map(|_| wgpu::Face::Back),
            ..Default::default()
        },
        depth_stencil: plan.mixing.map(|mixing| wgpu::DepthStencilState {
            format: DEPTH_FORMAT,
            depth_write_enabled: Some(mixing.writes_depth),
            depth_compare: Some(mixing.depth_compare),
            stencil: wgpu::StencilState::default(),
            bias: wgpu::DepthBiasState::default(),
        }),
        multisample: wgpu::MultisampleState { count: plan.samples, ..Default::default() },
        fragment: Some(wgpu::FragmentState {
            module: plan.module,
            entry_point: Some(plan.fragment),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(wgpu::ColorTargetState {
                format: plan.format,
                blend: blends.then_some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                write_mask: wgpu::ColorWrites::ALL,
            })],
        }),
        multiview_mask: None,
        cache: None,
    })
}
