//! Plan layers: vector tiles drawn by carto into pictures and draped like imagery, their labels kept as text.
//!
//! Vector data stay sharp, so tiles are drawn up to four zooms beyond the finest there are, from a part of that tile.
//! Labels are not drawn into the picture: a tile would cut them, and on a slope they would lie down. The drawer of the
//! panels writes them upright on the screen.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, OnceLock};

use carto::style::{LayerKind, StyleLayer};
use carto::{Feature, Geometry, LayerSet, MapView, Patterns, Style};
use tiles::mvt::{self, TileGeometry, TileLayer, TilePoint};

use super::{Address, Drape, Kind, Loaded, Role, Wanted};
use crate::error::ViewError;
use crate::fetch::Fetched;
use crate::scene::draw::Picture;
use crate::scene::label::{self, Disc, Label};
use crate::service::{Dataset, Pyramid};

/// Features.
pub const KIND: Kind = Kind {
    dataset_kind: "features",
    title: ["规划与现状图层", "Plan layer"],
    entry: |links| links.tilejson.as_ref(),
    role: Role::Drape { open },
};

/// Pixels along a side of a drawn tile: more than the ground's own 256, so that lines stay crisp where it is enlarged.
const SIDE_PX: u32 = 384;
/// Drawn pixels per pixel on the screen.
const PIXEL_RATIO: f32 = 1.5;
/// Zooms drawn beyond the finest data.
const OVERZOOM: u8 = 4;
/// An unpacked vector tile larger than this is refused.
const MAX_TILE_BYTES: u64 = 16 << 20;

/// The hatches of `styles/sprites/`, the same files the web page's sprite is made of.
#[derive(rust_embed::RustEmbed)]
#[folder = "../styles/sprites/"]
#[include = "*.svg"]
struct Hatches;

/// The hatches as carto takes them, made once.
fn patterns() -> &'static Patterns {
    static PATTERNS: OnceLock<Patterns> = OnceLock::new();
    PATTERNS.get_or_init(|| {
        let read = |file: &str| {
            let svg = Hatches::get(file).and_then(|embedded| String::from_utf8(embedded.data.into_owned()).ok())?;
            Some((file.trim_end_matches(".svg").to_owned(), svg))
        };
        let files: Vec<(String, String)> = Hatches::iter().filter_map(|file| read(&file)).collect();
        let named = files.iter().map(|(name, svg)| (name.as_str(), svg.as_str()));
        Patterns::from_svgs(named, PIXEL_RATIO).unwrap_or_else(|error| {
            tracing::warn!(%error, "hatches");
            Patterns::default()
        })
    })
}

struct Plan {
    slug: String,
    pyramid: Pyramid,
    style: Arc<Style>,
}

fn open(dataset: &Dataset, pyramid: Pyramid, style: Option<&[u8]>) -> Result<Arc<dyn Drape>, ViewError> {
    let text = style.map_or(PLAIN_STYLE.into(), String::from_utf8_lossy);
    // A style outside carto's subset must not hide the data: draw it plainly and say so.
    let style = Style::parse(&text).or_else(|error| {
        tracing::warn!(%error, slug = %dataset.slug, "style not understood, drawn plainly");
        Style::parse(PLAIN_STYLE)
    });
    let style = style.map_err(|error| ViewError::Style { slug: dataset.slug.clone(), reason: error.to_string() })?;
    Ok(Arc::new(Plan { slug: dataset.slug.clone(), pyramid, style: Arc::new(style) }))
}

/// What a layer without a style looks like.
const PLAIN_STYLE: &str = r##"{"version":8,"name":"plain","sources":{},"layers":[
 {"id":"fill","type":"fill","source":"dataset","filter":["==",["geometry-type"],"Polygon"],"paint":{"fill-color":"#e8a33d","fill-opacity":0.35}},
 {"id":"line","type":"line","source":"dataset","filter":["!=",["geometry-type"],"Point"],"paint":{"line-color":"#b3541e","line-width":1.2}},
 {"id":"circle","type":"circle","source":"dataset","filter":["==",["geometry-type"],"Point"],"paint":{"circle-color":"#c0392b","circle-radius":4,"circle-stroke-color":"#ffffff","circle-stroke-width":1}}]}"##;

impl Drape for Plan {
    fn pyramid(&self) -> &Pyramid {
        &self.pyramid
    }

    fn finest_zoom(&self) -> u8 {
        (self.pyramid.max_zoom + OVERZOOM).min(22)
    }

    fn lies_on_models(&self) -> bool {
        true
    }

    fn request(&self, address: Address) -> Result<Wanted, ViewError> {
        let (z, x, y) = address;
        let up = z.saturating_sub(self.pyramid.max_zoom);
        let url = self.pyramid.url(z - up, x >> up, y >> up)?;
        let (style, slug) = (Arc::clone(&self.style), self.slug.clone());
        let decode = move |fetched: Fetched| {
            let (picture, labels) = draw_tile(&fetched, &style, &slug, address, up)?;
            Ok(Loaded::Picture { picture, labels })
        };
        Ok((Some(url), Box::new(decode)))
    }
}

fn draw_tile(
    fetched: &Fetched,
    style: &Style,
    slug: &str,
    address: Address,
    up: u8,
) -> Result<(Option<Arc<Picture>>, Vec<Label>), ViewError> {
    if fetched.body.is_empty() {
        return Ok((None, Vec::new()));
    }
    let refuse = |reason: String| ViewError::Tile { url: fetched.url.to_string(), reason };
    let bytes = unpacked(&fetched.body).map_err(|error| refuse(error.to_string()))?;
    let layers = mvt::decode(&bytes).map_err(|error| refuse(error.to_string()))?;
    let Some(layer) = layers.iter().find(|layer| layer.name == slug).or_else(|| layers.first()) else {
        return Ok((None, Vec::new()));
    };
    let (z, x, y) = address;
    let extent = f64::from(layer.extent.max(1));
    let side = extent / f64::from(1_u32 << up);
    let (left, top) = (f64::from(x % (1 << up)) * side, f64::from(y % (1 << up)) * side);
    let features: Vec<Feature> = layer.features.iter().map(|feature| drawable(layer, feature)).collect();
    // Carto's y grows to the north, a tile's to the south.
    let view = MapView {
        width_px: SIDE_PX,
        height_px: SIDE_PX,
        bounds: [left, -(top + side), left + side, -top],
        // A style's zoom is that of 512-pixel tiles, the ground's tiles show 256.
        zoom: f64::from(z) - 1.0,
        pixel_ratio: PIXEL_RATIO,
        labels: false,
    };
    let labels = labels(style, &features, &view, address, slug);
    // Points have their symbols with the labels.
    let laid: Vec<Feature> =
        features.into_iter().filter(|feature| !matches!(feature.geometry, Geometry::Points(_))).collect();
    let set = LayerSet { style, features: &laid, opacity: 1.0 };
    let drawn = carto::draw(&[set], &view, None, patterns()).map_err(|error| refuse(error.to_string()))?;
    Ok((super::picture_from_drawing(&drawn, SIDE_PX), labels))
}

fn unpacked(body: &[u8]) -> std::io::Result<Vec<u8>> {
    // The HTTP client unpacks what the header announces; archives hand gzip out as it lies.
    if !body.starts_with(&[0x1F, 0x8B]) {
        return Ok(body.to_vec());
    }
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(body).take(MAX_TILE_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn drawable(layer: &TileLayer, feature: &mvt::TileFeature) -> Feature {
    let point = |[x, y]: &TilePoint| [f64::from(*x), -f64::from(*y)];
    let line = |line: &Vec<TilePoint>| line.iter().map(point).collect::<Vec<_>>();
    let geometry = match &feature.geometry {
        TileGeometry::Points(points) => Geometry::Points(points.iter().map(point).collect()),
        TileGeometry::Lines(lines) => Geometry::Lines(lines.iter().map(line).collect()),
        TileGeometry::Polygons(polygons) => Geometry::Polygons(polygons.iter().flatten().map(line).collect()),
    };
    let value = |value: &mvt::Value| match value {
        mvt::Value::Text(text) => carto::Value::Text(text.to_string()),
        mvt::Value::Float(number) => carto::Value::Number(*number),
        mvt::Value::Int(number) => carto::Value::Number(*number as f64),
        mvt::Value::Uint(number) => carto::Value::Number(*number as f64),
        mvt::Value::Bool(truth) => carto::Value::Bool(*truth),
    };
    let properties: BTreeMap<_, _> =
        feature.properties.iter().map(|(name, stored)| (name.to_string(), value(stored))).collect();
    debug_assert!(layer.extent > 0, "a layer has an extent");
    Feature { id: feature.id, properties, geometry }
}

/// The labels whose anchor lies in the drawn part: one a feature, at its middle; a point's symbol goes with its label.
fn labels(style: &Style, features: &[Feature], view: &MapView, (z, x, y): Address, slug: &str) -> Vec<Label> {
    let mut out = Vec::new();
    let [min_x, min_y, max_x, max_y] = view.bounds;
    let tile_side = 0.5_f64.powi(i32::from(z));
    let shown = |kind: LayerKind, feature: &Feature| -> Vec<&StyleLayer> {
        let of_kind = style.layers.iter().filter(|layer| layer.kind == kind && layer.shows_at(view.zoom));
        of_kind.filter(|layer| layer.accepts(feature, view.zoom)).collect()
    };
    for feature in features {
        let Some(([at_x, at_y], extent)) = anchor(&feature.geometry) else { continue };
        let (u, v) = ((at_x - min_x) / (max_x - min_x), (max_y - at_y) / (max_y - min_y));
        if !(0.0..1.0).contains(&u) || !(0.0..1.0).contains(&v) {
            continue;
        }
        let symbol = Label {
            discs: Vec::new(),
            text: String::new(),
            key: (slug.to_owned(), feature.id),
            square: [(f64::from(x) + u) * tile_side, (f64::from(y) + v) * tile_side],
            extent: extent.map(|extent| extent / (max_x - min_x) * tile_side),
            size_pt: 14.0,
            shift_em: [0.0; 2],
            color: [0; 4],
            halo: [0; 4],
            halo_pt: 0.0,
        };
        let mut discs = Vec::new();
        if matches!(feature.geometry, Geometry::Points(_)) {
            for layer in shown(LayerKind::Circle, feature) {
                discs.extend(discs_of(layer, feature, view.zoom));
            }
        }
        for layer in shown(LayerKind::Symbol, feature) {
            let text = layer.text("text-field", Some(feature), view.zoom, "");
            if text.trim().is_empty() {
                continue;
            }
            let number = |name: &str, default: f32| layer.number(name, Some(feature), view.zoom, default);
            let text = label::wrapped(text.trim(), number("text-max-width", 10.0));
            let shift_em = shift_em(
                label::text_size_em(&text),
                &layer.numbers("text-offset", Some(feature), view.zoom),
                &layer.text("text-anchor", Some(feature), view.zoom, "center"),
            );
            let paper = carto::Color { r: 1.0, g: 1.0, b: 1.0, a: 0.9 };
            out.push(Label {
                discs: std::mem::take(&mut discs),
                text,
                size_pt: number("text-size", 14.0).clamp(9.0, 32.0),
                shift_em,
                color: bytes_of(layer.color("text-color", Some(feature), view.zoom, carto::Color::BLACK)),
                halo: bytes_of(layer.color("text-halo-color", Some(feature), view.zoom, paper)),
                halo_pt: number("text-halo-width", 1.2).clamp(0.0, 4.0),
                ..symbol.clone()
            });
        }
        if !discs.is_empty() {
            out.push(Label { discs, ..symbol });
        }
    }
    out
}

fn bytes_of(color: carto::Color) -> [u8; 4] {
    [color.r, color.g, color.b, color.a].map(|part| (part.clamp(0.0, 1.0) * 255.0).round() as u8)
}

/// The circles of one circle layer: its rim, if it has one, and what is inside.
fn discs_of(layer: &StyleLayer, feature: &Feature, zoom: f64) -> Vec<Disc> {
    let number = |name: &str, default: f32| layer.number(name, Some(feature), zoom, default);
    let color =
        |name: &str, opacity: f32| bytes_of(layer.color(name, Some(feature), zoom, carto::Color::BLACK).faded(opacity));
    let radius_pt = number("circle-radius", 5.0).clamp(0.0, 64.0);
    let rim_pt = number("circle-stroke-width", 0.0).clamp(0.0, 32.0);
    let inside = Disc { radius_pt, color: color("circle-color", number("circle-opacity", 1.0)) };
    let rim_color = color("circle-stroke-color", number("circle-stroke-opacity", 1.0));
    let rim = (rim_pt > 0.0).then_some(Disc { radius_pt: radius_pt + rim_pt, color: rim_color });
    rim.into_iter().chain([inside]).collect()
}

/// From the anchor to the middle of a text, right and down, as `text-offset` and `text-anchor` of the style
/// specification put it.
fn shift_em([width, height]: [f32; 2], offset: &[f32], anchor: &str) -> [f32; 2] {
    let along = |before: &str, after: &str, side: f32| match () {
        () if anchor.contains(before) => side / 2.0,
        () if anchor.contains(after) => -side / 2.0,
        () => 0.0,
    };
    let part = |at: usize| offset.get(at).copied().unwrap_or(0.0);
    [part(0) + along("left", "right", width), part(1) + along("top", "bottom", height)]
}

/// Where a label stands, and about how long its feature is in tile units: a point itself (it has no length), the middle
/// of the longest line, the centroid of the largest ring.
fn anchor(geometry: &Geometry) -> Option<([f64; 2], Option<f64>)> {
    match geometry {
        Geometry::Points(points) => points.first().map(|point| (*point, None)),
        Geometry::Lines(lines) => {
            let length = |line: &[[f64; 2]]| -> f64 {
                line.windows(2).map(|pair| (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1])).sum()
            };
            let (longest, whole) = lines.iter().map(|line| (line, length(line))).max_by(|a, b| a.1.total_cmp(&b.1))?;
            let mut left = whole / 2.0;
            for pair in longest.windows(2) {
                let step = length(pair);
                if step >= left {
                    let part = if step > 0.0 { left / step } else { 0.0 };
                    let mix = |axis: usize| pair[0][axis] + (pair[1][axis] - pair[0][axis]) * part;
                    // A name lies across its line: half of it counts as room.
                    return Some(([mix(0), mix(1)], Some(whole / 2.0)));
                }
                left -= step;
            }
            None
        }
        Geometry::Polygons(rings) => {
            let measured = rings.iter().filter_map(|ring| centroid(ring));
            measured.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(middle, area)| (middle, Some(area.sqrt())))
        }
    }
}

fn centroid(ring: &[[f64; 2]]) -> Option<([f64; 2], f64)> {
    let first = ring.first()?;
    let (mut sum, mut moment) = (0.0, [0.0, 0.0]);
    for (index, a) in ring.iter().enumerate() {
        let b = ring.get(index + 1).unwrap_or(first);
        let (a, b) = ([a[0] - first[0], a[1] - first[1]], [b[0] - first[0], b[1] - first[1]]);
        let cross = a[0] * b[1] - b[0] * a[1];
        sum += cross;
        moment = [moment[0] + (a[0] + b[0]) * cross, moment[1] + (a[1] + b[1]) * cross];
    }
    (sum != 0.0).then(|| ([first[0] + moment[0] / (3.0 * sum), first[1] + moment[1] / (3.0 * sum)], sum.abs() / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_centroid_of_a_square_is_its_middle() {
        let ([x, y], area) = centroid(&[[2.0, 2.0], [4.0, 2.0], [4.0, 4.0], [2.0, 4.0]]).expect("an area");
        assert!((x - 3.0).abs() < 1e-12 && (y - 3.0).abs() < 1e-12 && (area - 4.0).abs() < 1e-12);
        assert_eq!(centroid(&[[1.0, 1.0], [2.0, 2.0]]), None);
    }

    #[test]
    fn a_point_s_symbol_stands_with_its_label_and_is_not_laid_on_the_ground() {
        let style = Style::parse(PLAIN_STYLE).expect("parses");
        let point =
            Feature { id: Some(1), properties: BTreeMap::new(), geometry: Geometry::Points(vec![[64.0, -64.0]]) };
        let view = MapView {
            width_px: SIDE_PX,
            height_px: SIDE_PX,
            bounds: [0.0, -256.0, 256.0, 0.0],
            zoom: 13.0,
            pixel_ratio: PIXEL_RATIO,
            labels: false,
        };
        let out = labels(&style, &[point], &view, (14, 13_000, 6_000), "poi");
        assert_eq!(out.len(), 1);
        assert_eq!(out[0].discs.iter().map(|disc| disc.radius_pt).collect::<Vec<_>>(), [5.0, 4.0], "rim, then inside");
        assert_eq!(out[0].discs[1].color, [0xC0, 0x39, 0x2B, 255]);
        assert!((out[0].square[0] - (13_000.25 / 16_384.0)).abs() < 1e-12);
    }

    #[test]
    fn a_line_is_named_halfway_along_its_longest_part() {
        let lines = vec![vec![[0.0, 0.0], [3.0, 0.0]], vec![[0.0, 9.0], [2.0, 9.0], [10.0, 9.0]]];
        let (at, extent) = anchor(&Geometry::Lines(lines)).expect("a line");
        assert!((at[0] - 5.0).abs() < 1e-12 && (at[1] - 9.0).abs() < 1e-12);
        assert_eq!(extent, Some(5.0));
    }

    #[test]
    fn a_text_anchored_at_its_top_hangs_below_its_point() {
        let near = |[x, y]: [f32; 2], wanted: [f32; 2]| (x - wanted[0]).abs() < 1e-6 && (y - wanted[1]).abs() < 1e-6;
        assert!(near(shift_em([4.0, 1.2], &[0.0, 0.8], "top"), [0.0, 1.4]));
        assert!(near(shift_em([4.0, 1.2], &[], "right"), [-2.0, 0.0]));
        assert!(near(shift_em([4.0, 1.2], &[], "center"), [0.0, 0.0]));
    }

    #[test]
    fn the_plain_style_is_within_carto_s_subset() {
        assert_eq!(Style::parse(PLAIN_STYLE).expect("parses").layers.len(), 3);
    }
}
