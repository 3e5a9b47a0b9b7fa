// Straight lines of a width on the screen, a hair nearer than they are: on the edge of the body they belong to.

struct Lines {
    clip_from_local: mat4x4<f32>,
    eye: vec3<f32>,
    opacity: f32,
    width_px: f32,
    // Reversed-Z: more than 1 brings lines nearer.
    depth_scale: f32,
    // 1 where a cut through the scene cuts them too.
    is_cut: f32,
    spare: f32,
}

@group(1) @binding(0) var<uniform> lines: Lines;

struct Corner {
    @builtin(position) clip: vec4<f32>,
    @location(0) color: vec4<f32>,
    @location(1) eye_distance_m: f32,
    @location(2) seen: vec3<f32>,
}

// Where depth in clip space is this, the near plane is.
const NEAR_M: f32 = 0.5;

// An end behind the near plane is drawn back along the line to it.
fn before_near_plane(end: vec4<f32>, other: vec4<f32>) -> vec4<f32> {
    if end.w >= NEAR_M {
        return end;
    }
    let part = clamp((NEAR_M - end.w) / max(other.w - end.w, 1e-6), 0.0, 1.0);
    return mix(end, other, part);
}

@vertex
fn vs_main(
    @builtin(vertex_index) corner_index: u32,
    @location(0) a: vec3<f32>,
    @location(1) b: vec3<f32>,
    @location(2) color: vec4<f32>,
) -> Corner {
    let whole_a = lines.clip_from_local * vec4(a, 1.0);
    let whole_b = lines.clip_from_local * vec4(b, 1.0);
    let clip_a = before_near_plane(whole_a, whole_b);
    let clip_b = before_near_plane(whole_b, whole_a);
    let half_viewport = frame.viewport_px * 0.5;
    let along = (clip_b.xy / clip_b.w - clip_a.xy / clip_a.w) * half_viewport;
    let unit = along / max(length(along), 1e-6);
    let aside = vec2(-unit.y, unit.x) * (f32(corner_index & 1u) * 2.0 - 1.0) * lines.width_px * 0.5;
    let is_b = corner_index >= 2u;
    var end = select(clip_a, clip_b, is_b);
    let here = select(a, b, is_b);
    var corner: Corner;
    corner.clip = vec4(end.xy + aside / half_viewport * end.w, end.z * lines.depth_scale, end.w);
    // Both ends behind the eye: nothing.
    if max(whole_a.w, whole_b.w) < NEAR_M {
        corner.clip = vec4(0.0, 0.0, -1.0, 1.0);
    }
    corner.color = color;
    corner.eye_distance_m = distance(here, lines.eye);
    corner.seen = end.xyw;
    return corner;
}

@fragment
fn fs_main(corner: Corner) -> @location(0) vec4<f32> {
    if lines.is_cut > 0.5 && is_cut(corner.seen) {
        discard;
    }
    let color = hazed(linear_from_srgb(corner.color.rgb), corner.eye_distance_m);
    let alpha = corner.color.a * lines.opacity;
    return vec4(color * alpha, alpha);
}
