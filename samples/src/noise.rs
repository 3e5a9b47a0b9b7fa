//! Gradient noise by integer hashing: cheap enough for tens of millions of pixels, and the same on every machine.
//! Not the `noise` crate: that one spends most of its time in permutation tables and trait objects.

/// A well-mixed hash of a lattice point.
pub fn hash(x: i32, y: i32, seed: u32) -> u32 {
    let mut h =
        (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ seed.wrapping_mul(0xC2B2_AE3D);
    h ^= h >> 15;
    h = h.wrapping_mul(0x2C1B_3C6D);
    h ^= h >> 12;
    h = h.wrapping_mul(0x297A_2D39);
    h ^ (h >> 15)
}

/// A hash as a number in `[0, 1)`.
pub fn hash01(x: i32, y: i32, seed: u32) -> f32 {
    (hash(x, y, seed) >> 8) as f32 / 16_777_216.0
}

fn gradient(h: u32, x: f32, y: f32) -> f32 {
    const DIAGONAL: f32 = std::f32::consts::FRAC_1_SQRT_2;
    match h & 7 {
        0 => x,
        1 => -x,
        2 => y,
        3 => -y,
        4 => (x + y) * DIAGONAL,
        5 => (x - y) * DIAGONAL,
        6 => (y - x) * DIAGONAL,
        _ => -(x + y) * DIAGONAL,
    }
}

/// Gradient noise, about `[-1, 1]`, with features about one unit wide.
pub fn gradient_noise(x: f32, y: f32, seed: u32) -> f32 {
    let (fx, fy) = (x.floor(), y.floor());
    let (ix, iy) = (fx as i32, fy as i32);
    let (u, v) = (x - fx, y - fy);
    let ease = |t: f32| t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let (a, b) = (ease(u), ease(v));
    let n00 = gradient(hash(ix, iy, seed), u, v);
    let n10 = gradient(hash(ix + 1, iy, seed), u - 1.0, v);
    let n01 = gradient(hash(ix, iy + 1, seed), u, v - 1.0);
    let n11 = gradient(hash(ix + 1, iy + 1, seed), u - 1.0, v - 1.0);
    let top = n00 + a * (n10 - n00);
    let bottom = n01 + a * (n11 - n01);
    (top + b * (bottom - top)) * 1.5
}

/// Sum of `octaves` of gradient noise, each half as wide and half as strong; about `[-1, 1]`.
pub fn fbm(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut strength, mut total, mut scale) = (0.0, 1.0, 0.0, 1.0);
    for octave in 0..octaves {
        sum += strength * gradient_noise(x * scale, y * scale, seed.wrapping_add(octave * 101));
        total += strength;
        strength *= 0.5;
        scale *= 2.03;
    }
    sum / total
}

/// Cellular noise: distance to the nearest jittered lattice point (0 at it, about 1 between) and that point's hash.
pub fn cellular(x: f32, y: f32, seed: u32) -> (f32, u32) {
    let (ix, iy) = (x.floor() as i32, y.floor() as i32);
    let (mut best, mut owner) = (f32::MAX, 0);
    for dy in -1..=1 {
        for dx in -1..=1 {
            let (cx, cy) = (ix + dx, iy + dy);
            let h = hash(cx, cy, seed);
            let px = cx as f32 + 0.15 + 0.7 * ((h & 0xFFFF) as f32 / 65_536.0);
            let py = cy as f32 + 0.15 + 0.7 * ((h >> 16) as f32 / 65_536.0);
            let distance = (px - x) * (px - x) + (py - y) * (py - y);
            if distance < best {
                (best, owner) = (distance, h);
            }
        }
    }
    (best.sqrt(), owner)
}

/// Smooth step from 0 at `low` to 1 at `high`.
pub fn smoothstep(low: f64, high: f64, value: f64) -> f64 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
