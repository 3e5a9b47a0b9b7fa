// The sky: from haze at the horizon to blue at the zenith, drawn behind everything.

struct Sky {
    // Directions of the picture's corners are right * x + up * y + forward; given in a frame whose z is the zenith.
    right: vec4<f32>,
    up: vec4<f32>,
    forward: vec4<f32>,
    // Sine of the angle by which the horizon lies below the level (w: unused).
    horizon: vec4<f32>,
    haze_color: vec4<f32>,
    zenith_color: vec4<f32>,
}

@group(0) @binding(0) var<uniform> sky: Sky;

struct Corner {
    @builtin(position) clip: vec4<f32>,
    @location(0) direction: vec3<f32>,
}

@vertex
fn vs_main(@builtin(vertex_index) index: u32) -> Corner {
    let position = vec2(f32((index << 1u) & 2u), f32(index & 2u)) * 2.0 - 1.0;
    var corner: Corner;
    corner.clip = vec4(position, 0.0, 1.0);
    corner.direction = sky.right.xyz * position.x + sky.up.xyz * position.y + sky.forward.xyz;
    return corner;
}

@fragment
fn fs_main(corner: Corner) -> @location(0) vec4<f32> {
    let above = normalize(corner.direction).z + sky.horizon.x;
    let part = 1.0 - exp(-max(above, 0.0) * 4.5);
    return vec4(mix(sky.haze_color.rgb, sky.zenith_color.rgb, part), 1.0);
}
