// Plans laid over a mesh that is drawn already (equal depth, blended): straight down, as they lie on the ground.
// Each picture belongs to a ground tile and is laid only where that tile is.

struct Draped {
    clip_from_local: mat4x4<f32>,
    // Eye in the mesh's axes, for haze.
    eye: vec3<f32>,
    spare: f32,
    // Two rows a picture: from a position to 0..1 across its ground tile.
    tile_from_local: array<vec4<f32>, 16>,
    // Offset (xy) and scale (zw) of each picture.
    windows: array<vec4<f32>, 8>,
    // Opacities, four to a vector; 0 where there is no picture.
    opacities: array<vec4<f32>, 2>,
}

@group(1) @binding(0) var<uniform> draped: Draped;

struct Corner {
    @invariant @builtin(position) clip: vec4<f32>,
    @location(0) position: vec3<f32>,
}

@vertex
fn vs_main(@location(0) position: vec3<f32>) -> Corner {
    var corner: Corner;
    corner.clip = draped.clip_from_local * vec4(position, 1.0);
    corner.position = position;
    return corner;
}

fn lay_in_tile(below: vec4<f32>, picture: texture_2d<f32>, place: i32, position: vec4<f32>, opacity: f32) -> vec4<f32> {
    let in_tile =
        vec2(dot(draped.tile_from_local[2 * place], position), dot(draped.tile_from_local[2 * place + 1], position));
    let sampled = textureSample(picture, clamped, in_tile * draped.windows[place].zw + draped.windows[place].xy);
    let is_inside = all(in_tile >= vec2(0.0)) && all(in_tile < vec2(1.0));
    return lay(below, sampled, select(0.0, opacity, is_inside));
}

@fragment
fn fs_main(corner: Corner) -> @location(0) vec4<f32> {
    let position = vec4(corner.position, 1.0);
    var color = vec4(0.0);
    color = lay_in_tile(color, picture_0, 0, position, draped.opacities[0].x);
    color = lay_in_tile(color, picture_1, 1, position, draped.opacities[0].y);
    color = lay_in_tile(color, picture_2, 2, position, draped.opacities[0].z);
    color = lay_in_tile(color, picture_3, 3, position, draped.opacities[0].w);
    color = lay_in_tile(color, picture_4, 4, position, draped.opacities[1].x);
    color = lay_in_tile(color, picture_5, 5, position, draped.opacities[1].y);
    color = lay_in_tile(color, picture_6, 6, position, draped.opacities[1].z);
    color = lay_in_tile(color, picture_7, 7, position, draped.opacities[1].w);
    return hazed_premultiplied(color, distance(corner.position, draped.eye));
}
