//! Fills, lines and circles of one layer, in picture pixels.

use tiny_skia::{
    FillRule, FilterQuality, LineCap, LineJoin, Paint, Path, PathBuilder, Pattern, PixmapMut, PixmapPaint, SpreadMode,
    Stroke, StrokeDash, Transform,
};

use crate::color::Color;
use crate::draw::Projector;
use crate::feature::{Feature, Geometry};
use crate::pattern::Patterns;
use crate::style::StyleLayer;

/// Draws one feature of a fill layer.
pub(crate) fn fill(
    layer: &StyleLayer,
    feature: &Feature,
    projector: &Projector,
    patterns: &Patterns,
    picture: &mut PixmapMut<'_>,
) {
    let Geometry::Polygons(rings) = &feature.geometry else { return };
    let Some(path) = path_of(rings, true, projector) else { return };
    let zoom = projector.zoom;
    let opacity = layer.number("fill-opacity", Some(feature), zoom, 1.0);
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    if layer.has("fill-pattern") {
        let Some(pattern) = patterns.get(&layer.text("fill-pattern", Some(feature), zoom, "")) else { return };
        paint.shader =
            Pattern::new(pattern.as_ref(), SpreadMode::Repeat, FilterQuality::Nearest, opacity, Transform::identity());
        picture.fill_path(&path, &paint, FillRule::EvenOdd, Transform::identity(), None);
        return;
    }
    let color = layer.color("fill-color", Some(feature), zoom, Color::BLACK).faded(opacity);
    if color.a > 0.0 {
        paint.set_color(color.to_skia());
        picture.fill_path(&path, &paint, FillRule::EvenOdd, Transform::identity(), None);
    }
    if layer.has("fill-outline-color") {
        paint.set_color(layer.color("fill-outline-color", Some(feature), zoom, Color::BLACK).faded(opacity).to_skia());
        picture.stroke_path(
            &path,
            &paint,
            &Stroke { width: projector.pixel_ratio, ..Stroke::default() },
            Transform::identity(),
            None,
        );
    }
}

/// Draws one feature of a line layer; polygons give their outlines.
pub(crate) fn line(layer: &StyleLayer, feature: &Feature, projector: &Projector, picture: &mut PixmapMut<'_>) {
    let (parts, closed) = match &feature.geometry {
        Geometry::Lines(lines) => (lines, false),
        Geometry::Polygons(rings) => (rings, true),
        Geometry::Points(_) => return,
    };
    let Some(path) = path_of(parts, closed, projector) else { return };
    let zoom = projector.zoom;
    let width_px = layer.number("line-width", Some(feature), zoom, 1.0) * projector.pixel_ratio;
    let color = layer.color("line-color", Some(feature), zoom, Color::BLACK).faded(layer.number(
        "line-opacity",
        Some(feature),
        zoom,
        1.0,
    ));
    if width_px <= 0.0 || color.a <= 0.0 {
        return;
    }
    let dashes: Vec<f32> =
        layer.numbers("line-dasharray", Some(feature), zoom).iter().map(|dash| dash * width_px).collect();
    let stroke = Stroke {
        width: width_px,
        line_cap: match layer.text("line-cap", Some(feature), zoom, "butt").as_str() {
            "round" => LineCap::Round,
            "square" => LineCap::Square,
            _ => LineCap::Butt,
        },
        line_join: match layer.text("line-join", Some(feature), zoom, "miter").as_str() {
            "round" => LineJoin::Round,
            "bevel" => LineJoin::Bevel,
            _ => LineJoin::Miter,
        },
        // The specification's default; without it thin slivers grow spikes.
        miter_limit: 2.0,
        dash: if dashes.len() >= 2 && dashes.iter().any(|dash| *dash > 0.0) {
            StrokeDash::new(dashes, 0.0)
        } else {
            None
        },
    };
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(color.to_skia());
    picture.stroke_path(&path, &paint, &stroke, Transform::identity(), None);
}

/// Draws one feature of a circle layer.
pub(crate) fn circle(layer: &StyleLayer, feature: &Feature, projector: &Projector, picture: &mut PixmapMut<'_>) {
    let Geometry::Points(points) = &feature.geometry else { return };
    let zoom = projector.zoom;
    let radius_px = layer.number("circle-radius", Some(feature), zoom, 5.0) * projector.pixel_ratio;
    let stroke_px = layer.number("circle-stroke-width", Some(feature), zoom, 0.0) * projector.pixel_ratio;
    let opacity = layer.number("circle-opacity", Some(feature), zoom, 1.0);
    for point in points {
        let [x, y] = projector.pixel(*point);
        let mut disc = |radius_px: f32, color: Color| {
            if let Some(path) = PathBuilder::from_circle(x, y, radius_px).filter(|_| radius_px > 0.0) {
                let mut paint = Paint { anti_alias: true, ..Paint::default() };
                paint.set_color(color.to_skia());
                picture.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
            }
        };
        if stroke_px > 0.0 {
            disc(radius_px + stroke_px, layer.color("circle-stroke-color", Some(feature), zoom, Color::BLACK));
        }
        disc(radius_px, layer.color("circle-color", Some(feature), zoom, Color::BLACK).faded(opacity));
    }
}

/// Covers the whole picture.
pub(crate) fn background(layer: &StyleLayer, projector: &Projector, picture: &mut PixmapMut<'_>) {
    let color = layer.color("background-color", None, projector.zoom, Color::BLACK).faded(layer.number(
        "background-opacity",
        None,
        projector.zoom,
        1.0,
    ));
    let Some(mut sheet) = tiny_skia::Pixmap::new(picture.width(), picture.height()) else { return };
    sheet.fill(color.to_skia());
    picture.draw_pixmap(0, 0, sheet.as_ref(), &PixmapPaint::default(), Transform::identity(), None);
}

/// A path through parts, clipped loosely to the picture so that far coordinates do not overflow the rasteriser.
fn path_of(parts: &[Vec<[f64; 2]>], closed: bool, projector: &Projector) -> Option<Path> {
    let mut path = PathBuilder::new();
    for part in parts {
        let mut points = part.iter().map(|point| projector.pixel(*point));
        let Some([x, y]) = points.next() else { continue };
        path.move_to(x, y);
        for [x, y] in points {
            path.line_to(x, y);
        }
        if closed {
            path.close();
        }
    }
    let path = path.finish()?;
    let bounds = path.bounds();
    let margin = projector.width_px.max(projector.height_px);
    let inside = bounds.right() >= -margin
        && bounds.left() <= projector.width_px + margin
        && bounds.bottom() >= -margin
        && bounds.top() <= projector.height_px + margin;
    inside.then_some(path)
}
