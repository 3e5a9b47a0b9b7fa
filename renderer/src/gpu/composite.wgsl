// Copies the finished linear picture into the output, encoded as sRGB by hand: the output is not an sRGB format,
// because the panels are drawn into it next and blend in encoded colours.

@group(0) @binding(0) var scene: texture_2d<f32>;

struct Corner {
    @builtin(position) clip: vec4<f32>,
}

@vertex
fn vs_main(@builtin(vertex_index) index: u32) -> Corner {
    let position = vec2(f32((index << 1u) & 2u), f32(index & 2u)) * 2.0 - 1.0;
    return Corner(vec4(position, 0.0, 1.0));
}

@fragment
fn fs_main(corner: Corner) -> @location(0) vec4<f32> {
    let linear = textureLoad(scene, vec2<i32>(corner.clip.xy), 0).rgb;
    let curved = 1.055 * pow(max(linear, vec3(0.0)), vec3(1.0 / 2.4)) - 0.055;
    return vec4(select(curved, linear * 12.92, linear <= vec3(0.0031308)), 1.0);
}

// For outputs that encode by themselves.
@fragment
fn fs_linear(corner: Corner) -> @location(0) vec4<f32> {
    return vec4(textureLoad(scene, vec2<i32>(corner.clip.xy), 0).rgb, 1.0);
}
