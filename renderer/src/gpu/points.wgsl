// Points as squares facing the eye: the size in metres follows the spacing, the size in pixels has bounds.

struct Cloud {
    clip_from_local: mat4x4<f32>,
    eye: vec3<f32>,
    opacity: f32,
    // Pixels that one metre covers at a distance of one metre.
    pixels_per_metre: f32,
    size_m: f32,
    // Reversed-Z: more than 1 brings points nearer, less takes them away.
    depth_scale: f32,
    spare: f32,
}

@group(1) @binding(0) var<uniform> cloud: Cloud;

struct Corner {
    @builtin(position) clip: vec4<f32>,
    @location(0) color: vec4<f32>,
    @location(1) eye_distance_m: f32,
    @location(2) across: vec2<f32>,
    @location(3) seen: vec3<f32>,
}

@vertex
fn vs_main(
    @builtin(vertex_index) corner_index: u32,
    @location(0) position: vec3<f32>,
    @location(1) color: vec4<f32>,
) -> Corner {
    let across = vec2(f32(corner_index & 1u), f32(corner_index >> 1u)) * 2.0 - 1.0;
    let center = cloud.clip_from_local * vec4(position, 1.0);
    let eye_distance_m = distance(position, cloud.eye);
    let size_px = clamp(cloud.size_m * cloud.pixels_per_metre / max(eye_distance_m, 0.1), 1.5, 10.0);
    var corner: Corner;
    corner.clip = center + vec4(across * size_px / frame.viewport_px * center.w, 0.0, 0.0);
    corner.seen = center.xyw;
    corner.clip.z *= cloud.depth_scale;
    corner.color = color;
    corner.eye_distance_m = eye_distance_m;
    // Small points are drawn square: a disc of three pixels is mostly gaps.
    corner.across = select(vec2(0.0), across, size_px > 4.0);
    return corner;
}

@fragment
fn fs_main(corner: Corner) -> @location(0) vec4<f32> {
    if dot(corner.across, corner.across) > 1.0 || is_cut(corner.seen) {
        discard;
    }
    let color = hazed(linear_from_srgb(corner.color.rgb), corner.eye_distance_m);
    let alpha = corner.color.a * cloud.opacity;
    return vec4(color * alpha, alpha);
}
