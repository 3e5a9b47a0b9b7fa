// What every shader of the scene shares, put before each of them: the frame, the light and the air.

struct Frame {
    haze_color: vec3<f32>,
    haze_per_m: f32,
    viewport_px: vec2<f32>,
    // Corners of the cut; 0 where nothing is cut.
    cut_corners: f32,
    // 1 where the inside of the cut stays, 0 where the outside does.
    cut_keeps_inside: f32,
    // From clip space (x, y, w) to metres in the cut's axes, seen from the eye.
    cut_right: vec4<f32>,
    cut_up: vec4<f32>,
    cut_forward: vec4<f32>,
    // The eye in the cut's axes; w: how far the earth falls per square metre away.
    cut_eye: vec4<f32>,
    // Lowest and highest height.
    cut_range_m: vec4<f32>,
    // Two corners to a vector.
    corners_m: array<vec4<f32>, 16>,
}

@group(0) @binding(0) var<uniform> frame: Frame;

fn linear_from_srgb(srgb: vec3<f32>) -> vec3<f32> {
    return select(pow((srgb + 0.055) / 1.055, vec3(2.4)), srgb / 12.92, srgb <= vec3(0.04045));
}

// A little from everywhere, sky from above, and a low sun; level ground gets about 1.
fn shade(unit_normal: vec3<f32>, up: vec3<f32>, sun: vec3<f32>) -> f32 {
    let sky = 0.5 + 0.5 * dot(unit_normal, up);
    return 0.12 + 0.30 * sky + 0.82 * max(dot(unit_normal, sun), 0.0);
}

fn hazed(color: vec3<f32>, eye_distance_m: f32) -> vec3<f32> {
    return mix(frame.haze_color, color, exp(-eye_distance_m * frame.haze_per_m));
}

fn cut_corner(index: u32) -> vec2<f32> {
    let pair = frame.corners_m[index / 2u];
    return select(pair.xy, pair.zw, (index & 1u) == 1u);
}

// Whether the cut leaves a place away; `seen` is its place in clip space: x, y and w.
fn is_cut(seen: vec3<f32>) -> bool {
    let count = u32(frame.cut_corners);
    if count == 0u {
        return false;
    }
    var at = frame.cut_eye.xyz
        + frame.cut_right.xyz * seen.x + frame.cut_up.xyz * seen.y + frame.cut_forward.xyz * seen.z;
    at.z += dot(at.xy, at.xy) * frame.cut_eye.w;
    var inside = false;
    var a = cut_corner(count - 1u);
    for (var index = 0u; index < count; index++) {
        let b = cut_corner(index);
        if (a.y > at.y) != (b.y > at.y) {
            if at.x < (b.x - a.x) * (at.y - a.y) / (b.y - a.y) + a.x {
                inside = !inside;
            }
        }
        a = b;
    }
    inside = inside && at.z >= frame.cut_range_m.x && at.z <= frame.cut_range_m.y;
    return inside != (frame.cut_keeps_inside > 0.5);
}
