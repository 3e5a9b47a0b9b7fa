// What every shader of the scene shares, put before each of them: the frame, the light and the air.

struct Frame {
    haze_color: vec3<f32>,
    haze_per_m: f32,
    viewport_px: vec2<f32>,
    spare: vec2<f32>,
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
