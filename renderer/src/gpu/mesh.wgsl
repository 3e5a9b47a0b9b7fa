// Meshes: texture times vertex colour times base colour; lit only where the layer says so.

struct Mesh {
    clip_from_local: mat4x4<f32>,
    up: vec3<f32>,
    lit: f32,
    sun: vec3<f32>,
    opacity: f32,
    eye: vec3<f32>,
    spare: f32,
    base_color: vec4<f32>,
}

@group(1) @binding(0) var<uniform> mesh: Mesh;
@group(2) @binding(0) var picture_sampler: sampler;
@group(2) @binding(1) var picture: texture_2d<f32>;

struct Corner {
    @invariant @builtin(position) clip: vec4<f32>,
    @location(0) uv: vec2<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) color: vec4<f32>,
    @location(3) position: vec3<f32>,
    @location(4) seen: vec3<f32>,
}

@vertex
fn vs_main(
    @location(0) position: vec3<f32>,
    @location(1) uv: vec2<f32>,
    @location(2) normal: vec4<f32>,
    @location(3) color: vec4<f32>,
) -> Corner {
    var corner: Corner;
    corner.clip = mesh.clip_from_local * vec4(position, 1.0);
    corner.uv = uv;
    corner.normal = normal.xyz;
    corner.color = color;
    corner.position = position;
    corner.seen = corner.clip.xyw;
    return corner;
}

@fragment
fn fs_main(corner: Corner) -> @location(0) vec4<f32> {
    let sampled = textureSample(picture, picture_sampler, corner.uv);
    let flat_normal = cross(dpdx(corner.position), dpdy(corner.position));
    var color = sampled * vec4(linear_from_srgb(corner.color.rgb), corner.color.a) * mesh.base_color;
    if mesh.lit > 0.5 {
        let given = dot(corner.normal, corner.normal) > 0.25;
        var unit = normalize(select(flat_normal, corner.normal, given));
        // Both sides of a surface are seen in survey meshes: turn the normal to the eye.
        unit = select(-unit, unit, dot(unit, mesh.eye - corner.position) > 0.0);
        color = vec4(color.rgb * shade(unit, mesh.up, mesh.sun), color.a);
    }
    let alpha = color.a * mesh.opacity;
    if alpha < 0.02 || is_cut(corner.seen) {
        discard;
    }
    return vec4(hazed(color.rgb, distance(corner.position, mesh.eye)) * alpha, alpha);
}
