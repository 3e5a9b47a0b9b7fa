// The ground: tinted relief with up to eight pictures laid over it, bottom first.
// Further pictures come in further passes over the same triangles (equal depth, blended): `fs_overlays`.

struct Tile {
    clip_from_local: mat4x4<f32>,
    up: vec3<f32>,
    picture_count: f32,
    sun: vec3<f32>,
    opacity: f32,
    // Eye in the tile's axes, for haze.
    eye: vec3<f32>,
    spare: f32,
    // Offset (xy) and scale (zw) of each picture.
    windows: array<vec4<f32>, 8>,
    // Opacities, four to a vector.
    opacities: array<vec4<f32>, 2>,
}

@group(1) @binding(0) var<uniform> tile: Tile;
// Where the ground is seen: alpha is 0 where a model stands in its place.
@group(2) @binding(9) var open_ground: texture_2d<f32>;

struct Corner {
    @invariant @builtin(position) clip: vec4<f32>,
    @location(0) uv: vec2<f32>,
    @location(1) normal: vec3<f32>,
    @location(2) color: vec4<f32>,
    @location(3) eye_distance_m: f32,
    @location(4) seen: vec3<f32>,
}

@vertex
fn vs_main(
    @location(0) position: vec3<f32>,
    @location(1) uv: vec2<f32>,
    @location(2) normal: vec4<f32>,
    @location(3) color: vec4<f32>,
) -> Corner {
    return placed(position, uv, normal, color);
}

fn placed(position: vec3<f32>, uv: vec2<f32>, normal: vec4<f32>, color: vec4<f32>) -> Corner {
    var corner: Corner;
    corner.clip = tile.clip_from_local * vec4(position, 1.0);
    corner.uv = uv;
    corner.normal = normal.xyz;
    corner.color = color;
    corner.eye_distance_m = distance(position, tile.eye);
    corner.seen = corner.clip.xyw;
    return corner;
}

fn overlays(corner: Corner, bottom: vec4<f32>) -> vec4<f32> {
    // Sampled before any branch: derivatives are defined only in uniform control flow.
    let sample_0 = textureSample(picture_0, clamped, corner.uv * tile.windows[0].zw + tile.windows[0].xy);
    let sample_1 = textureSample(picture_1, clamped, corner.uv * tile.windows[1].zw + tile.windows[1].xy);
    let sample_2 = textureSample(picture_2, clamped, corner.uv * tile.windows[2].zw + tile.windows[2].xy);
    let sample_3 = textureSample(picture_3, clamped, corner.uv * tile.windows[3].zw + tile.windows[3].xy);
    var color = lay(bottom, sample_0, tile.opacities[0].x);
    color = lay(color, sample_1, tile.opacities[0].y);
    color = lay(color, sample_2, tile.opacities[0].z);
    color = lay(color, sample_3, tile.opacities[0].w);
    if tile.picture_count > 4.0 {
        let sample_4 = textureSampleLevel(picture_4, clamped, corner.uv * tile.windows[4].zw + tile.windows[4].xy, 0.0);
        let sample_5 = textureSampleLevel(picture_5, clamped, corner.uv * tile.windows[5].zw + tile.windows[5].xy, 0.0);
        let sample_6 = textureSampleLevel(picture_6, clamped, corner.uv * tile.windows[6].zw + tile.windows[6].xy, 0.0);
        let sample_7 = textureSampleLevel(picture_7, clamped, corner.uv * tile.windows[7].zw + tile.windows[7].xy, 0.0);
        color = lay(color, sample_4, tile.opacities[1].x);
        color = lay(color, sample_5, tile.opacities[1].y);
        color = lay(color, sample_6, tile.opacities[1].z);
        color = lay(color, sample_7, tile.opacities[1].w);
    }
    return color;
}

// A twentieth farther away than it is: behind the models of the same surface, before all that lies beyond.
@vertex
fn vs_behind(
    @location(0) position: vec3<f32>,
    @location(1) uv: vec2<f32>,
    @location(2) normal: vec4<f32>,
    @location(3) color: vec4<f32>,
) -> Corner {
    var corner = placed(position, uv, normal, color);
    // Reversed-Z: less is farther.
    corner.clip.z *= 0.95;
    return corner;
}

fn covered(corner: Corner) -> vec4<f32> {
    let brightness = shade(normalize(corner.normal), tile.up, tile.sun);
    let bare = linear_from_srgb(corner.color.rgb) * brightness;
    let draped = overlays(corner, vec4(0.0));
    // A photograph carries its own light; drawn over relief it gets only a hint of ours.
    let lit = draped.rgb * mix(1.0, brightness, 0.25) + bare * (1.0 - draped.a);
    return vec4(hazed(lit, corner.eye_distance_m), 1.0);
}

@fragment
fn fs_base(corner: Corner) -> @location(0) vec4<f32> {
    let color = covered(corner);
    if textureSampleLevel(open_ground, clamped, corner.uv, 0.0).a < 0.5 || is_cut(corner.seen) {
        discard;
    }
    return color;
}

// Models have cracks between their pieces: the ground that gave way to them is seen through those.
@fragment
fn fs_behind(corner: Corner) -> @location(0) vec4<f32> {
    let color = covered(corner);
    if textureSampleLevel(open_ground, clamped, corner.uv, 0.0).a >= 0.5 || is_cut(corner.seen) {
        discard;
    }
    return color;
}

@fragment
fn fs_overlays(corner: Corner) -> @location(0) vec4<f32> {
    let draped = overlays(corner, vec4(0.0));
    let brightness = shade(normalize(corner.normal), tile.up, tile.sun);
    return hazed_premultiplied(vec4(draped.rgb * mix(1.0, brightness, 0.25), draped.a), corner.eye_distance_m);
}
