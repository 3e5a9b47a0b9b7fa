// Up to eight pictures laid over a surface in one pass, bottom first.

@group(2) @binding(0) var clamped: sampler;
@group(2) @binding(1) var picture_0: texture_2d<f32>;
@group(2) @binding(2) var picture_1: texture_2d<f32>;
@group(2) @binding(3) var picture_2: texture_2d<f32>;
@group(2) @binding(4) var picture_3: texture_2d<f32>;
@group(2) @binding(5) var picture_4: texture_2d<f32>;
@group(2) @binding(6) var picture_5: texture_2d<f32>;
@group(2) @binding(7) var picture_6: texture_2d<f32>;
@group(2) @binding(8) var picture_7: texture_2d<f32>;

// Premultiplied "over".
fn lay(below: vec4<f32>, picture: vec4<f32>, opacity: f32) -> vec4<f32> {
    let alpha = picture.a * opacity;
    return vec4(picture.rgb * alpha, alpha) + below * (1.0 - alpha);
}

// Premultiplied colour seen through the air: what is not there gets no haze.
fn hazed_premultiplied(color: vec4<f32>, eye_distance_m: f32) -> vec4<f32> {
    return vec4(hazed(color.rgb / max(color.a, 0.001), eye_distance_m) * color.a, color.a);
}
