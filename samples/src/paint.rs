//! Colours of the ground as a drone camera sees them in early autumn: crowns, furrows, terraces, roofs, water, shade.
//! One painter for the 2 m county picture and the 0.2 m survey, so that both show the same place.

use crate::buildings::Building;
use crate::classes::CLASSES;
use crate::grid::Grid;
use crate::noise::{cellular, fbm, gradient_noise, hash, hash01};
use crate::path::PointM;
use crate::scene::{Cover, Surface};
use crate::survey::Survey;

/// Says where a landslide has stripped the ground.
pub type Stripped<'a> = &'a (dyn Fn(PointM) -> bool + Sync);

/// The painter and what it looks at.
pub struct Painter<'a> {
    /// Height of the ground.
    pub height_m: &'a Grid<f32>,
    /// Light on the ground, about 1 on the flat.
    pub light: Grid<f32>,
    /// Survey patches.
    pub survey: &'a Survey,
    /// Buildings.
    pub buildings: &'a [Building],
    /// Fresh landslides, if any.
    pub stripped: Option<Stripped<'a>>,
}

/// Light from the sun in the south-east, softened by the sky.
pub fn light_of(height_m: &Grid<f32>) -> Grid<f32> {
    let mut light = height_m.like(1.0_f32);
    for index in 0..light.cells.len() {
        let [dx, dy] = height_m.gradient(index);
        let (sx, sy, sz) = (0.45, 0.53, 0.72);
        let facing = (-dx * sx - dy * sy + sz) / (1.0 + dx * dx + dy * dy).sqrt();
        light[index] = (0.42 + 0.58 * (facing / sz).max(0.0)).min(1.35) as f32;
    }
    light
}

type Rgb = [f32; 3];

fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    let t = t.clamp(0.0, 1.0);
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]
}

fn scaled(a: Rgb, by: f32) -> Rgb {
    [a[0] * by, a[1] * by, a[2] * by]
}

impl Painter<'_> {
    /// Colour of one pixel of a window.
    pub fn pixel(&self, cover: &Cover, column: usize, row: usize) -> [u8; 3] {
        let p = cover.window.centre_m(column, row);
        let index = cover.patch.at(column, row);
        let (x, y) = (p[0] as f32, p[1] as f32);
        let pixel_m = cover.window.pixel_m as f32;
        let grain = hash01((x * 10.0) as i32, (y * 10.0) as i32, 301) - 0.5;
        let mut light = self.light.bilinear(p) as f32;
        let water = |code: &str| matches!(code, "1101" | "1103" | "1104");
        let number = cover.roof[index];
        let mut colour = if number > 0 {
            light = 1.0;
            roof(&self.buildings[number as usize - 1], p, pixel_m)
        } else {
            let patch = self.survey.patches.get(cover.patch[index] as usize);
            let code = patch.map_or("", |patch| CLASSES[patch.class as usize].code);
            // A lane ends at the water; only better roads have bridges.
            let wet = matches!(code, "1101" | "1103");
            if water(code) {
                light = 1.0;
            }
            match cover.surface[index] {
                Surface::Concrete if wet => self.ground(code, cover.patch[index], p, pixel_m),
                Surface::Asphalt => scaled([98.0, 98.0, 100.0], 1.0 + 0.06 * gradient_noise(x / 9.0, y / 9.0, 302)),
                Surface::Concrete => scaled([178.0, 172.0, 160.0], 1.0 + 0.06 * gradient_noise(x / 5.0, y / 5.0, 303)),
                Surface::Ballast => scaled([122.0, 112.0, 104.0], 1.0 + 0.2 * grain),
                Surface::Line => [214.0, 212.0, 204.0],
                Surface::Verge => scaled([112.0, 118.0, 76.0], 1.0 + 0.15 * gradient_noise(x / 4.0, y / 4.0, 304)),
                Surface::Bare if self.stripped.is_some_and(|stripped| stripped(p)) => {
                    let wet = fbm(x / 16.0, y / 16.0, 4, 305);
                    scaled(
                        mix([168.0, 128.0, 88.0], [120.0, 96.0, 72.0], 0.4 + wet),
                        1.0 + 0.16 * gradient_noise(x / 1.7, y / 1.7, 306),
                    )
                }
                Surface::Bare => self.ground(code, cover.patch[index], p, pixel_m),
            }
        };
        if cover.shadow[index] && number == 0 {
            colour = [colour[0] * 0.46, colour[1] * 0.5, colour[2] * 0.58];
        }
        let haze = 1.0 + 0.05 * grain;
        colour.map(|channel| (channel * light * haze + 4.0).clamp(0.0, 255.0) as u8)
    }

    fn ground(&self, code: &str, patch: u32, p: PointM, pixel_m: f32) -> Rgb {
        let (x, y) = (p[0] as f32, p[1] as f32);
        let tone = hash01(patch as i32, 11, 311);
        let broad = fbm(x / 160.0, y / 160.0, 3, 312);
        match code {
            "0101" => self.paddy(patch, p, tone),
            "0103" => dry_field(patch, p, tone),
            "0201" | "0201K" => rows_of_trees(p, tone, 5.6, [134.0, 126.0, 84.0], [70.0, 96.0, 48.0]),
            "0202" => {
                let stripe = ((self.height_m.bilinear(p) as f32) * 1.4 + x * 0.05).fract();
                mix([64.0, 96.0, 50.0], [112.0, 124.0, 74.0], if stripe < 0.3 { 0.85 } else { 0.12 + 0.2 * broad })
            }
            "0301" => crowns(p, pixel_m, 7.2, [52.0, 78.0, 42.0], [30.0, 48.0, 30.0], 0.22 + 0.5 * tone, broad),
            "0302" => crowns(p, pixel_m, 4.2, [88.0, 112.0, 56.0], [52.0, 74.0, 38.0], 0.3 * tone, broad),
            "0305" => mix(
                crowns(p, pixel_m, 3.6, [84.0, 104.0, 58.0], [56.0, 76.0, 44.0], 0.4 * tone, broad),
                [128.0, 122.0, 88.0],
                0.16 + 0.3 * gradient_noise(x / 13.0, y / 13.0, 313),
            ),
            "0307" => mix(
                rows_of_trees(p, tone, 4.2, [116.0, 112.0, 76.0], [74.0, 98.0, 54.0]),
                [96.0, 112.0, 66.0],
                0.4 + 0.3 * broad,
            ),
            "0404" | "1201" => {
                mix([128.0, 134.0, 82.0], [150.0, 138.0, 100.0], 0.5 + 0.5 * fbm(x / 18.0, y / 18.0, 3, 314))
            }
            "1207" => scaled([156.0, 150.0, 142.0], 0.92 + 0.3 * fbm(x / 11.0, y / 11.0, 4, 315)),
            "0602" => {
                let bench = (self.height_m.bilinear(p) / 8.0).fract();
                scaled(
                    [190.0, 178.0, 158.0],
                    if bench < 0.2 { 0.76 } else { 0.96 + 0.12 * gradient_noise(x / 7.0, y / 7.0, 316) },
                )
            }
            "1101" => {
                let ripple = 0.03 * gradient_noise(x / 14.0, y / 14.0, 317) + 0.06 * fbm(x / 240.0, y / 240.0, 2, 318);
                scaled([84.0, 112.0, 104.0], 1.0 + ripple)
            }
            "1103" => scaled([52.0, 88.0, 92.0], 1.0 + 0.05 * broad),
            "1104" => scaled(mix([88.0, 104.0, 84.0], [70.0, 88.0, 92.0], tone), 1.0 + 0.05 * broad),
            "1107" => [104.0, 116.0, 98.0],
            "1109" => scaled([170.0, 166.0, 154.0], 1.0 + 0.06 * gradient_noise(x / 6.0, y / 6.0, 319)),
            "1004" | "1005" => scaled([132.0, 130.0, 128.0], 1.0 + 0.07 * gradient_noise(x / 5.0, y / 5.0, 320)),
            "1001" | "1003" | "1006" => {
                mix([116.0, 120.0, 80.0], [148.0, 138.0, 108.0], 0.5 + 0.5 * gradient_noise(x / 9.0, y / 9.0, 321))
            }
            "0810" => mix(
                crowns(p, pixel_m, 6.0, [78.0, 108.0, 54.0], [44.0, 68.0, 36.0], 0.3, broad),
                [140.0, 150.0, 90.0],
                smooth(0.1 + 1.3 * gradient_noise(x / 26.0, y / 26.0, 322)),
            ),
            "0810A" => [196.0, 188.0, 176.0],
            "0601" | "0508" => {
                mix([176.0, 172.0, 164.0], [138.0, 134.0, 110.0], smooth(1.2 * gradient_noise(x / 40.0, y / 40.0, 323)))
            }
            "0701" | "05H1" | "08H1" | "08H2" | "0809" => {
                let yard = scaled([168.0, 164.0, 154.0], 1.0 + 0.05 * gradient_noise(x / 6.0, y / 6.0, 324));
                let trees = crowns(p, pixel_m, 5.0, [82.0, 106.0, 58.0], [48.0, 70.0, 40.0], 0.3, broad);
                mix(yard, trees, smooth(-0.1 + 1.6 * gradient_noise(x / 17.0, y / 17.0, 325)))
            }
            _ => {
                let yard = scaled([166.0, 156.0, 136.0], 1.0 + 0.08 * gradient_noise(x / 5.0, y / 5.0, 326));
                let green = crowns(p, pixel_m, 4.6, [86.0, 108.0, 58.0], [50.0, 70.0, 40.0], 0.4, broad);
                mix(yard, green, smooth(0.25 + 1.8 * gradient_noise(x / 15.0, y / 15.0, 327)))
            }
        }
    }

    /// Plots with bunds; stepped along the contour where the ground falls.
    fn paddy(&self, patch: u32, p: PointM, tone: f32) -> Rgb {
        let (plot, edge) = plots(patch, p, [19.0, 42.0]);
        let level = self.height_m.bilinear(p) as f32 / 1.5;
        let steep = 1.0 - self.light.bilinear(p) as f32;
        let terrace = if steep.abs() > 0.035 { level.floor() as i32 } else { 0 };
        let step = if terrace != 0 && level.fract() < 0.16 { 1.0 } else { 0.0 };
        let tint = hash01(plot as i32, terrace, 331);
        let crop = if tint < 0.42 {
            mix([154.0, 158.0, 84.0], [182.0, 168.0, 92.0], tint * 2.0)
        } else {
            mix([112.0, 136.0, 70.0], [138.0, 150.0, 82.0], tone)
        };
        let crop = if tint > 0.93 { [120.0, 128.0, 108.0] } else { crop };
        mix(crop, [98.0, 108.0, 62.0], (edge + step).min(1.0) * 0.7)
    }
}

fn dry_field(patch: u32, p: PointM, tone: f32) -> Rgb {
    let (plot, edge) = plots(patch, p, [14.0, 30.0]);
    let tint = hash01(plot as i32, 5, 333);
    let soil = mix([158.0, 134.0, 100.0], [176.0, 152.0, 116.0], tone);
    let crop = mix([122.0, 134.0, 78.0], [104.0, 124.0, 66.0], hash01(plot as i32, 6, 334));
    let furrow = ((p[0] * f64::from(tint - 0.5) + p[1] * f64::from(0.7 - tint)) * 1.3).fract().abs() as f32;
    let field = if tint < 0.4 { soil } else { crop };
    mix(scaled(field, 0.95 + 0.1 * furrow), [104.0, 112.0, 66.0], edge * 0.75)
}

fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// The plot of a field that a point lies in, and 1 on the bund between plots.
fn plots(patch: u32, p: PointM, size: [f32; 2]) -> (u32, f32) {
    let turn = hash01(patch as i32, 3, 335) * 0.9 + 0.6 * gradient_noise(p[0] as f32 / 300.0, p[1] as f32 / 300.0, 336);
    let (sin, cos) = turn.sin_cos();
    let (x, y) = ((p[0] % 4_096.0) as f32, (p[1] % 4_096.0) as f32);
    let bend = 3.0 * gradient_noise(x / 45.0, y / 45.0, 337);
    let u = (x * cos + y * sin + bend) / size[0];
    let v = (y * cos - x * sin + bend) / size[1] + hash01(u.floor() as i32, 2, 338);
    let near = ((0.5 - (u.fract().abs() - 0.5).abs()) * size[0]).min((0.5 - (v.fract().abs() - 0.5).abs()) * size[1]);
    (hash(u.floor() as i32, v.floor() as i32, patch), if near < 0.9 { 1.0 } else { 0.0 })
}

/// A closed canopy: light crowns, dark gaps.
fn crowns(p: PointM, pixel_m: f32, size: f32, light: Rgb, dark: Rgb, mixed: f32, broad: f32) -> Rgb {
    let (x, y) = (p[0] as f32 / size, p[1] as f32 / size);
    let (distance, owner) = cellular(x, y, 341);
    let tint = (owner & 0xFF) as f32 / 255.0;
    // Sunlit on the south-east of each crown.
    let mut shade = smooth(1.25 - 1.15 * distance);
    if pixel_m < 1.0 {
        let (dx, _) = cellular(x + 0.16, y + 0.16, 341);
        shade = (shade + 1.1 * (dx - distance) + 0.12 * gradient_noise(x * 5.0, y * 5.0, 342)).clamp(0.0, 1.25);
    }
    let crown = mix(light, [light[0] * 1.25, light[1] * 1.12, light[2] * 0.9], tint * mixed * 2.0);
    scaled(mix(dark, crown, shade), 1.0 + 0.18 * broad + 0.14 * (tint - 0.5))
}

fn rows_of_trees(p: PointM, tone: f32, spacing: f32, soil: Rgb, leaf: Rgb) -> Rgb {
    let (sin, cos) = (tone * 3.0).sin_cos();
    let (x, y) = ((p[0] % 4_096.0) as f32, (p[1] % 4_096.0) as f32);
    let (u, v) = ((x * cos + y * sin) / spacing, (y * cos - x * sin) / spacing);
    let off = (u.fract().abs() - 0.5).hypot(v.fract().abs() - 0.5);
    let size = 0.3 + 0.14 * hash01(u.floor() as i32, v.floor() as i32, 343);
    let grass = mix(soil, [118.0, 128.0, 76.0], 0.4 + 0.6 * gradient_noise(x / 12.0, y / 12.0, 344));
    if off < size { scaled(leaf, 1.15 - off) } else { grass }
}

/// A roof: two slopes lit differently, or a flat slab with a parapet.
fn roof(building: &Building, p: PointM, pixel_m: f32) -> Rgb {
    let (dx, dy) = (p[0] - building.centre[0], p[1] - building.centre[1]);
    let across = -dx * building.along[1] + dy * building.along[0];
    let along = dx * building.along[0] + dy * building.along[1];
    let base = building.roof.map(f32::from);
    if building.pitched {
        let side = if across > 0.0 { 1.0 } else { -1.0 };
        let facing = side * (building.along[0] * 0.6 - building.along[1] * 0.5);
        let mut shade = 1.0 + 0.26 * facing as f32;
        if pixel_m < 1.0 {
            shade *= 0.95 + 0.1 * ((along * 2.2).fract().abs() as f32);
            if across.abs() < 0.25 {
                shade *= 0.8;
            }
        }
        scaled(base, shade)
    } else {
        let rim = (building.half_m[0] - along.abs()).min(building.half_m[1] - across.abs());
        let stain = 1.0 + 0.08 * gradient_noise(p[0] as f32 / 3.0, p[1] as f32 / 3.0, 351);
        if rim < 0.5 && pixel_m < 1.0 { scaled(base, 1.18) } else { scaled(base, stain) }
    }
}
