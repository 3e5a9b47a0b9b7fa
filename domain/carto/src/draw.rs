//! A picture of several styled layer sets: shapes first, in order, then all labels placed together so that none covers another.

use tiny_skia::Pixmap;

use crate::error::CartoError;
use crate::feature::Feature;
use crate::font::Font;
use crate::label;
use crate::paint;
use crate::pattern::Patterns;
use crate::style::{LayerKind, Style};

/// Largest side of a picture in pixels.
const LARGEST_SIDE_PX: u32 = 8192;

/// What part of the map plane a picture shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapView {
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// `[min_x, min_y, max_x, max_y]` in map coordinates; y grows to the north.
    pub bounds: [f64; 4],
    /// Zoom level for the style's zoom functions.
    pub zoom: f64,
    /// Device pixels per style pixel.
    pub pixel_ratio: f32,
    /// Whether labels are drawn.
    pub labels: bool,
}

/// Features drawn with one style. Features are those of the style's one source layer.
#[derive(Debug, Clone, Copy)]
pub struct LayerSet<'a> {
    /// The style.
    pub style: &'a Style,
    /// What it draws.
    pub features: &'a [Feature],
    /// Opacity of the whole set, 0..=1.
    pub opacity: f32,
}

/// Map coordinates to picture pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Projector {
    min_x: f64,
    max_y: f64,
    pixels_per_x: f64,
    pixels_per_y: f64,
    pub(crate) width_px: f32,
    pub(crate) height_px: f32,
    pub(crate) zoom: f64,
    pub(crate) pixel_ratio: f32,
}

impl Projector {
    /// Pixel position, x to the right and y downwards, held within what the rasteriser's f32 can take.
    pub(crate) fn pixel(&self, [x, y]: [f64; 2]) -> [f32; 2] {
        const FAR_PX: f64 = 1.0e6;
        [
            ((x - self.min_x) * self.pixels_per_x).clamp(-FAR_PX, FAR_PX) as f32,
            ((self.max_y - y) * self.pixels_per_y).clamp(-FAR_PX, FAR_PX) as f32,
        ]
    }
}

/// Draws the sets, bottom first, on a transparent picture (premultiplied RGBA8). The background layers of the bottom
/// set are its paper; those of the others are left out.
///
/// # Errors
/// [`CartoError::Size`] when the picture has no pixels or a side over 8192.
pub fn draw(
    sets: &[LayerSet<'_>],
    view: &MapView,
    font: Option<&Font>,
    patterns: &Patterns,
) -> Result<Pixmap, CartoError> {
    let size_error = CartoError::Size { width: view.width_px, height: view.height_px };
    let [min_x, min_y, max_x, max_y] = view.bounds;
    let usable =
        max_x > min_x && max_y > min_y && view.width_px <= LARGEST_SIDE_PX && view.height_px <= LARGEST_SIDE_PX;
    let Some(mut picture) = Pixmap::new(view.width_px, view.height_px).filter(|_| usable) else {
        return Err(size_error);
    };
    let projector = Projector {
        min_x,
        max_y,
        pixels_per_x: f64::from(view.width_px) / (max_x - min_x),
        pixels_per_y: f64::from(view.height_px) / (max_y - min_y),
        width_px: view.width_px as f32,
        height_px: view.height_px as f32,
        zoom: view.zoom,
        pixel_ratio: view.pixel_ratio,
    };
    let mut placed = label::Placed::default();
    for (number, set) in sets.iter().enumerate() {
        // A set that is not fully opaque is drawn apart, so that its own overlapping parts do not show through each other.
        let apart = set.opacity < 1.0;
        let mut sheet = if apart { Pixmap::new(view.width_px, view.height_px) } else { None };
        {
            let mut canvas = sheet.as_mut().map_or_else(|| picture.as_mut(), Pixmap::as_mut);
            for layer in set.style.layers.iter().filter(|layer| layer.shows_at(view.zoom)) {
                match layer.kind {
                    LayerKind::Background if number == 0 => paint::background(layer, &projector, &mut canvas),
                    // A background is paper: over the sets below it would hide them.
                    LayerKind::Background | LayerKind::Symbol => {}
                    kind => {
                        for feature in set.features.iter().filter(|feature| layer.accepts(feature, view.zoom)) {
                            match kind {
                                LayerKind::Fill => paint::fill(layer, feature, &projector, patterns, &mut canvas),
                                LayerKind::Line => paint::line(layer, feature, &projector, &mut canvas),
                                _ => paint::circle(layer, feature, &projector, &mut canvas),
                            }
                        }
                    }
                }
            }
        }
        if let Some(sheet) = sheet {
            let faded =
                tiny_skia::PixmapPaint { opacity: set.opacity.clamp(0.0, 1.0), ..tiny_skia::PixmapPaint::default() };
            picture.draw_pixmap(0, 0, sheet.as_ref(), &faded, tiny_skia::Transform::identity(), None);
        }
    }
    if let Some(font) = font.filter(|_| view.labels) {
        // The topmost set's labels are placed first: what a person switched on last wins the room.
        for set in sets.iter().rev() {
            for layer in set
                .style
                .layers
                .iter()
                .rev()
                .filter(|layer| layer.kind == LayerKind::Symbol && layer.shows_at(view.zoom))
            {
                for feature in set.features.iter().filter(|feature| layer.accepts(feature, view.zoom)) {
                    label::place(layer, feature, &projector, font, &mut placed);
                }
            }
        }
        placed.draw(font, &mut picture.as_mut());
    }
    Ok(picture)
}
