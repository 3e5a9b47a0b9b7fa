//! Labels: where the text of a feature may stand, and drawing it with its halo.
//!
//! Polygons are labelled once, at the pole of inaccessibility of what the picture shows of them, lines at the middle of a straight-enough run,
//! turned so that the text reads from left to right. Collision is by boxes, first come first served.

use geodesy::pole::pole_of_inaccessibility;
use tiny_skia::{FillRule, LineJoin, Paint, PixmapMut, Stroke, Transform};

use crate::color::Color;
use crate::draw::Projector;
use crate::feature::{Feature, Geometry};
use crate::font::Font;
use crate::style::StyleLayer;

/// Labels that found room.
#[derive(Default)]
pub(crate) struct Placed {
    boxes: Vec<[f32; 4]>,
    labels: Vec<Label>,
}

struct Label {
    lines: Vec<String>,
    size_px: f32,
    center: [f32; 2],
    angle_rad: f32,
    color: Color,
    halo: Color,
    halo_px: f32,
}

/// Tries to place the label of one feature of a symbol layer.
pub(crate) fn place(layer: &StyleLayer, feature: &Feature, projector: &Projector, font: &Font, placed: &mut Placed) {
    let zoom = projector.zoom;
    let text = layer.text("text-field", Some(feature), zoom, "");
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    let size_px = layer.number("text-size", Some(feature), zoom, 16.0) * projector.pixel_ratio;
    if !(3.0..400.0).contains(&size_px) {
        return;
    }
    let along_line = layer.text("symbol-placement", Some(feature), zoom, "point") == "line";
    let lines = if along_line {
        vec![text.to_owned()]
    } else {
        font.wrap(text, layer.number("text-max-width", Some(feature), zoom, 10.0))
    };
    let width_px = lines.iter().map(|line| font.width_em(line)).fold(0.0, f32::max) * size_px;
    let height_px = lines.len() as f32 * font.line_height_em() * size_px;
    let halo_px = layer.number("text-halo-width", Some(feature), zoom, 0.0) * projector.pixel_ratio;
    let opacity = layer.number("text-opacity", Some(feature), zoom, 1.0);
    let color = layer.color("text-color", Some(feature), zoom, Color::BLACK).faded(opacity);
    let halo = layer.color("text-halo-color", Some(feature), zoom, Color::TRANSPARENT).faded(opacity);
    let padding_px = layer.number("text-padding", Some(feature), zoom, 2.0) * projector.pixel_ratio;
    let may_overlap = layer.value("text-allow-overlap", Some(feature), zoom) == crate::Value::Bool(true);

    let offset = layer.numbers("text-offset", Some(feature), zoom);
    let shift = [offset.first().copied().unwrap_or(0.0) * size_px, offset.get(1).copied().unwrap_or(0.0) * size_px];
    let anchor = layer.text("text-anchor", Some(feature), zoom, "center");
    let anchor_shift = [
        if anchor.contains("left") {
            width_px / 2.0
        } else if anchor.contains("right") {
            -width_px / 2.0
        } else {
            0.0
        },
        if anchor.contains("top") {
            height_px / 2.0
        } else if anchor.contains("bottom") {
            -height_px / 2.0
        } else {
            0.0
        },
    ];

    for ([x, y], angle_rad) in anchors(feature, projector, along_line, [width_px, height_px], padding_px) {
        let center = [x + shift[0] + anchor_shift[0], y + shift[1] + anchor_shift[1]];
        let (sin, cos) = (angle_rad.sin().abs(), angle_rad.cos().abs());
        let half = [
            f32::midpoint(width_px * cos, height_px * sin) + padding_px,
            f32::midpoint(width_px * sin, height_px * cos) + padding_px,
        ];
        let bounds = [center[0] - half[0], center[1] - half[1], center[0] + half[0], center[1] + half[1]];
        let in_picture =
            bounds[0] >= 0.0 && bounds[1] >= 0.0 && bounds[2] <= projector.width_px && bounds[3] <= projector.height_px;
        if in_picture
            && (may_overlap
                || placed.boxes.iter().all(|other| {
                    bounds[2] <= other[0] || bounds[0] >= other[2] || bounds[3] <= other[1] || bounds[1] >= other[3]
                }))
        {
            placed.boxes.push(bounds);
            placed.labels.push(Label { lines: lines.clone(), size_px, center, angle_rad, color, halo, halo_px });
        }
    }
}

impl Placed {
    /// Draws the labels, halos below all letters.
    pub(crate) fn draw(&self, font: &Font, picture: &mut PixmapMut<'_>) {
        for label in &self.labels {
            let line_height_px = font.line_height_em() * label.size_px;
            let first_baseline = -(label.lines.len() as f32) * line_height_px / 2.0 + line_height_px * 0.78;
            let outlines: Vec<_> = label
                .lines
                .iter()
                .enumerate()
                .filter_map(|(row, line)| {
                    let outline = font.outline(line, label.size_px)?;
                    let left = -font.width_em(line) * label.size_px / 2.0;
                    outline.transform(Transform::from_translate(left, first_baseline + row as f32 * line_height_px))
                })
                .collect();
            let turn =
                Transform::from_rotate(label.angle_rad.to_degrees()).post_translate(label.center[0], label.center[1]);
            let mut paint = Paint { anti_alias: true, ..Paint::default() };
            if label.halo_px > 0.0 && label.halo.a > 0.0 {
                paint.set_color(label.halo.to_skia());
                let stroke = Stroke { width: label.halo_px * 2.0, line_join: LineJoin::Round, ..Stroke::default() };
                for outline in &outlines {
                    picture.stroke_path(outline, &paint, &stroke, turn, None);
                }
            }
            paint.set_color(label.color.to_skia());
            for outline in &outlines {
                picture.fill_path(outline, &paint, FillRule::Winding, turn, None);
            }
        }
    }
}

/// Where a label may stand, in pixels, and its turn.
fn anchors(
    feature: &Feature,
    projector: &Projector,
    along_line: bool,
    size_px: [f32; 2],
    padding_px: f32,
) -> Vec<([f32; 2], f32)> {
    let project = |part: &Vec<[f64; 2]>| part.iter().map(|point| projector.pixel(*point)).collect::<Vec<_>>();
    match &feature.geometry {
        Geometry::Points(points) => points.iter().map(|point| (projector.pixel(*point), 0.0)).collect(),
        Geometry::Lines(lines) if along_line => {
            lines.iter().filter_map(|line| along(&project(line), size_px[0])).collect()
        }
        Geometry::Lines(lines) => {
            lines.iter().filter_map(|line| along(&project(line), 0.0)).map(|(at, _)| (at, 0.0)).collect()
        }
        Geometry::Polygons(rings) if along_line => {
            rings.iter().filter_map(|ring| along(&project(ring), size_px[0])).collect()
        }
        Geometry::Polygons(rings) => {
            let rings: Vec<Vec<[f64; 2]>> = rings
                .iter()
                .map(|ring| ring.iter().map(|point| projector.pixel(*point).map(f64::from)).collect())
                .collect();
            inside(&rings, projector, size_px, f64::from(padding_px)).map(|at| (at, 0.0)).into_iter().collect()
        }
    }
}

/// The middle of a line that is long enough for the text, and its direction there.
fn along(points: &[[f32; 2]], width_px: f32) -> Option<([f32; 2], f32)> {
    let lengths: Vec<f32> =
        points.windows(2).map(|pair| (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1])).collect();
    let total: f32 = lengths.iter().sum();
    if total <= 0.0 || total < width_px * 1.1 {
        return None;
    }
    let at = |target: f32| -> [f32; 2] {
        let mut walked = 0.0;
        for (pair, length) in points.windows(2).zip(&lengths) {
            if walked + length >= target && *length > 0.0 {
                let t = (target - walked) / length;
                return [pair[0][0] + (pair[1][0] - pair[0][0]) * t, pair[0][1] + (pair[1][1] - pair[0][1]) * t];
            }
            walked += length;
        }
        points.last().copied().unwrap_or_default()
    };
    let middle = at(total / 2.0);
    let (from, to) = (at((total - width_px) / 2.0), at(f32::midpoint(total, width_px)));
    let chord = (to[0] - from[0]).hypot(to[1] - from[1]);
    // Where the line winds, straight text would leave it.
    if width_px > 0.0 && chord < width_px * 0.9 {
        return None;
    }
    let mut angle_rad = (to[1] - from[1]).atan2(to[0] - from[0]);
    if angle_rad > std::f32::consts::FRAC_PI_2 {
        angle_rad -= std::f32::consts::PI;
    } else if angle_rad < -std::f32::consts::FRAC_PI_2 {
        angle_rad += std::f32::consts::PI;
    }
    Some((middle, angle_rad))
}

/// A point well inside what the picture shows of a polygon (even-odd), where the text's height fits.
fn inside(rings: &[Vec<[f64; 2]>], projector: &Projector, size_px: [f32; 2], padding_px: f64) -> Option<[f32; 2]> {
    let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    for [x, y] in rings.iter().flatten() {
        bounds = [bounds[0].min(*x), bounds[1].min(*y), bounds[2].max(*x), bounds[3].max(*y)];
    }
    let [width, height] = size_px.map(f64::from);
    if bounds[2] - bounds[0] < width * 0.6 || bounds[3] - bounds[1] < height * 0.6 {
        return None;
    }
    // Text that reaches over the picture's edge is not drawn, so its middle stays as far away as it is wide and high.
    let [aside, above] = [width / 2.0, height / 2.0].map(|half| (half - height * 0.4).max(0.0) + padding_px);
    let room = [aside, above, f64::from(projector.width_px) - aside, f64::from(projector.height_px) - above];
    let pole = pole_of_inaccessibility(rings, Some(room))?;
    // Half the text's height must fit; wide text may reach over the border a little, as on printed maps.
    (pole.depth >= height * 0.4).then(|| pole.at.map(|v| v as f32))
}
