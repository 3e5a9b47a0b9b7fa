//! The map of a disaster from plain values: the ground below, difference colours or depths of water, outline, buildings by
//! state, routes and sections, in one plane in metres at a whole scale.
//!
//! Differences are shown as geomorphologists do: red where ground was lost, blue where it was gained; what the surveys cannot
//! tell from no change stays clear.

use std::collections::BTreeSet;
use std::io::Cursor;

use carto::{Feature, Font, Geometry, LayerSet, MapView, Patterns, Style};
use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use super::content::printed;
use super::map::{Frame, MapPicture, OWN_STYLE, bounds_of, feature, furniture, hull, margin_of, scale_of};
use crate::problem::Problem;

/// How the parts are drawn.
const STYLE: &str = include_str!("template/figure.json");
/// Colours of loss, from little to much.
const LOSS: [[u8; 3]; 5] = [[253, 219, 199], [244, 165, 130], [214, 96, 77], [178, 24, 43], [103, 0, 31]];
/// Colours of gain, from little to much.
const GAIN: [[u8; 3]; 5] = [[209, 229, 240], [146, 197, 222], [67, 147, 195], [33, 102, 172], [5, 48, 97]];
/// Colours of water, from shallow to deep.
const WATER: [[u8; 3]; 5] = [[198, 219, 239], [158, 202, 225], [107, 174, 214], [49, 130, 189], [8, 81, 156]];
/// How much of the ground the colours hide.
const COVER: f32 = 0.8;
/// Of a hundred cells that many are below the end of the ramp: one wild cell must not pale all others.
const RAMP_SHARE: f64 = 0.99;
/// What is drawn of a kind at most.
const MOST_SHAPES: usize = 50_000;
/// Colours of buildings by state, worst first.
const STATES: [(&str, &str); 7] = [
    ("被毁", "#d7191c"),
    ("被埋", "#6a3d9a"),
    ("受损", "#ff7f00"),
    ("受淹", "#1f78b4"),
    ("孤岛", "#e7298a"),
    ("受威胁", "#ffd92f"),
    ("未见变化", "#d9d9d9"),
];
const OTHER_STATE: &str = "#969696";

/// Rings of a polygon: outer first, then holes; closed.
pub(crate) type Rings = Vec<Vec<[f64; 2]>>;

/// A grid of values, row by row from the north, NaN where there is none.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::struct_field_names, reason = "where the cells are is called so of every raster")]
pub(crate) struct Grid {
    /// Columns and rows.
    pub(crate) size: [usize; 2],
    /// `[x of the west edge, y of the north edge, cell width, cell height]`, both sizes positive.
    pub(crate) grid: [f64; 4],
    /// The values.
    pub(crate) values: Vec<f32>,
}

/// What lies below.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Ground {
    /// White paper.
    #[default]
    Paper,
    /// A hillshade, 0 to 255.
    Shade(Grid),
}

/// What colours the ground.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Colours {
    /// Heights after less heights before, metres, and what the surveys cannot tell from nothing.
    Difference {
        /// The differences.
        grid: Grid,
        /// Level of detection, metres.
        detection_m: f64,
    },
    /// Depths of water, metres; dry ground has no value.
    Depth(Grid),
}

/// A building.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Footprint {
    /// Its state, in Chinese.
    pub(crate) state: String,
    /// Where it is.
    pub(crate) polygons: Vec<Rings>,
}

/// What is to be drawn, all in one plane in metres.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figure {
    /// The plane, as a CRS is named.
    pub(crate) crs: String,
    /// What the map shows, `[min_x, min_y, max_x, max_y]`; by default what changed, with its surroundings.
    pub(crate) extent: Option<[f64; 4]>,
    /// What lies below.
    pub(crate) ground: Ground,
    /// What colours it.
    pub(crate) colours: Option<Colours>,
    /// Outlines of what changed.
    pub(crate) outlines: Vec<Rings>,
    /// The area that was asked for: drawn, a buffer, a run-out corridor.
    pub(crate) asked: Vec<Rings>,
    /// Buildings.
    pub(crate) buildings: Vec<Footprint>,
    /// Ways to shelters.
    pub(crate) routes: Vec<Vec<[f64; 2]>>,
    /// Roads that are cut.
    pub(crate) cut_roads: Vec<Vec<[f64; 2]>>,
    /// Lines of sections by name; `A—A′` is named at both ends.
    pub(crate) sections: Vec<(String, Vec<[f64; 2]>)>,
    /// Shelters by name.
    pub(crate) shelters: Vec<(String, [f64; 2])>,
    /// Layers that are seen: title and the day since when they hold.
    pub(crate) layers: Vec<(String, String)>,
}

impl Grid {
    fn cell(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [west, north, width, height] = self.grid;
        [(x - west) / width, (north - y) / height]
    }

    fn at(&self, column: i64, row: i64) -> Option<f32> {
        let [columns, rows] = self.size;
        let (column, row) = (usize::try_from(column).ok()?, usize::try_from(row).ok()?);
        if column >= columns || row >= rows {
            return None;
        }
        self.values.get(row * columns + column).copied().filter(|value| value.is_finite())
    }

    /// The value of the cell that a place lies in.
    fn nearest(&self, place: [f64; 2]) -> Option<f32> {
        let [column, row] = self.cell(place).map(f64::floor);
        self.at(column as i64, row as i64)
    }

    /// The value between the middles of cells; that of the cell where one of the four is missing.
    fn between(&self, place: [f64; 2]) -> Option<f32> {
        let [x, y] = self.cell(place).map(|v| v - 0.5);
        let (column, row) = (x.floor(), y.floor());
        let (tx, ty) = ((x - column) as f32, (y - row) as f32);
        let value = |dx: i64, dy: i64| self.at(column as i64 + dx, row as i64 + dy);
        match (value(0, 0), value(1, 0), value(0, 1), value(1, 1)) {
            (Some(a), Some(b), Some(c), Some(d)) => {
                let (upper, lower) = (a + (b - a) * tx, c + (d - c) * tx);
                Some(upper + (lower - upper) * ty)
            }
            _ => self.nearest(place),
        }
    }

    fn bounds(&self) -> Option<[f64; 4]> {
        let [west, north, width, height] = self.grid;
        let [columns, rows] = self.size.map(|n| n as f64);
        (columns > 0.0 && rows > 0.0 && width > 0.0 && height > 0.0).then_some([
            west,
            north - rows * height,
            west + columns * width,
            north,
        ])
    }

    /// Where the ramp ends: the value that few cells exceed, rounded up.
    fn reach(&self) -> Option<f64> {
        // A million of them say it as well as all.
        let stride = (self.values.len() / 1_000_000).max(1);
        let mut sizes: Vec<f32> =
            self.values.iter().step_by(stride).map(|value| value.abs()).filter(|v| v.is_finite() && *v > 0.0).collect();
        sizes.sort_by(f32::total_cmp);
        let at = ((sizes.len() as f64 - 1.0) * RAMP_SHARE).max(0.0) as usize;
        sizes.get(at).map(|value| rounded_up(f64::from(*value)))
    }
}

/// A round number, not under `least` and near it: a ramp that ends far beyond the data is pale.
fn rounded_up(least: f64) -> f64 {
    let least = least.clamp(0.01, 1e6);
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|m| *m >= least * (1.0 - 1e-6))
        .unwrap_or(10.0 * power)
}

/// A colour of a ramp whose stops are evenly spaced over 0..=1.
fn ramp(stops: &[[u8; 3]; 5], t: f32) -> [f32; 3] {
    let along = t.clamp(0.0, 1.0) * 4.0;
    let at = (along.floor() as usize).min(3);
    let part = along - at as f32;
    [0, 1, 2].map(|channel| {
        let (a, b) = (f32::from(stops[at][channel]), f32::from(stops[at + 1][channel]));
        a + (b - a) * part
    })
}

fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Draws. Blocking; none where there is no place to show.
pub(crate) fn draw(figure: &Figure, frame: Frame, font: Option<&Font>) -> Result<Option<MapPicture>, Problem> {
    let Some((bounds, scale)) = view(figure, frame) else { return Ok(None) };
    let pixels = |mm: f64| (mm / 25.4 * frame.dpi).round().max(1.0) as u32;
    let [width_px, height_px] = [frame.width_mm, frame.height_mm].map(pixels);
    let reach = match &figure.colours {
        Some(Colours::Difference { grid, .. } | Colours::Depth(grid)) => grid.reach(),
        None => None,
    };
    let ground = &figure.ground;
    let mut picture = RgbImage::from_fn(width_px, height_px, |column, row| {
        let place = [
            bounds[0] + (f64::from(column) + 0.5) / f64::from(width_px) * (bounds[2] - bounds[0]),
            bounds[3] - (f64::from(row) + 0.5) / f64::from(height_px) * (bounds[3] - bounds[1]),
        ];
        let below = ground.at(place);
        let tint = figure.colours.as_ref().zip(reach).and_then(|(colours, reach)| tint(colours, reach, place));
        let channel = |at: usize| match tint {
            Some(tint) => (below[at] * (1.0 - COVER) + tint[at] * COVER).round() as u8,
            None => below[at].round() as u8,
        };
        Rgb([channel(0), channel(1), channel(2)])
    });
    lay_over(&mut picture, figure, frame, (bounds, scale), font)?;
    let mut png = Vec::new();
    picture.write_to(&mut Cursor::new(&mut png), image::ImageFormat::Png).map_err(Problem::internal)?;
    let mut margin = margin_of(frame, scale, bounds, &legend(figure));
    margin["ramp"] = ramp_legend(figure.colours.as_ref(), reach);
    Ok(Some(MapPicture { png, margin, crs: figure.crs.clone(), scale, layers: figure.layers.clone() }))
}

/// What the map shows, and its scale.
fn view(figure: &Figure, frame: Frame) -> Option<([f64; 4], u32)> {
    let finite = |place: &&[f64; 2]| place.iter().all(|v| v.is_finite());
    let of_rings = |rings: &[Rings]| hull(rings.iter().flatten().flatten().filter(finite));
    let sections = || hull(figure.sections.iter().flat_map(|(_, line)| line).filter(finite));
    let joined = |a: Option<[f64; 4]>, b: Option<[f64; 4]>| match (a, b) {
        (Some(a), Some(b)) => Some([a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]),
        (a, b) => a.or(b),
    };
    let changed = joined(of_rings(&figure.outlines), sections());
    let coloured = || match &figure.colours {
        Some(Colours::Difference { grid, .. } | Colours::Depth(grid)) => grid.bounds(),
        None => None,
    };
    let shown = figure
        .extent
        .filter(|extent| extent.iter().all(|v| v.is_finite()) && extent[2] > extent[0] && extent[3] > extent[1])
        .or(changed)
        .or_else(|| of_rings(&figure.asked))
        .or_else(coloured)
        .or_else(|| hull(figure.buildings.iter().flat_map(|b| b.polygons.iter().flatten().flatten()).filter(finite)))
        .or_else(|| hull(figure.routes.iter().flatten().filter(finite)))?;
    let scale = scale_of(shown, frame);
    Some((bounds_of(shown, frame, scale), scale))
}

impl Ground {
    fn at(&self, place: [f64; 2]) -> [f32; 3] {
        const WHITE: [f32; 3] = [255.0; 3];
        match self {
            Self::Paper => WHITE,
            // Half as strong as it is: colours and lines are to stand out.
            Self::Shade(grid) => grid.between(place).map_or(WHITE, |shade| [127.5 + shade.clamp(0.0, 255.0) / 2.0; 3]),
        }
    }
}

fn tint(colours: &Colours, reach: f64, place: [f64; 2]) -> Option<[f32; 3]> {
    match colours {
        Colours::Difference { grid, detection_m } => {
            let rise = f64::from(grid.nearest(place)?);
            let t = (rise.abs() / reach) as f32;
            (rise.abs() > *detection_m).then(|| ramp(if rise < 0.0 { &LOSS } else { &GAIN }, t))
        }
        Colours::Depth(grid) => {
            let depth = f64::from(grid.nearest(place)?);
            (depth > 0.0).then(|| ramp(&WATER, (depth / reach) as f32))
        }
    }
}

fn state_color(state: &str) -> &'static str {
    STATES.iter().find(|(known, _)| *known == state).map_or(OTHER_STATE, |(_, color)| color)
}

fn shapes(kind: &str, label: &str, color: &str, geometry: Geometry) -> Feature {
    let mut made = feature(kind, label.to_owned(), geometry);
    made.properties.insert("color".to_owned(), carto::Value::Text(color.to_owned()));
    made
}

/// Lines, buildings, names and what belongs on a map, over the picture.
fn lay_over(
    picture: &mut RgbImage,
    figure: &Figure,
    frame: Frame,
    (bounds, scale): ([f64; 4], u32),
    font: Option<&Font>,
) -> Result<(), Problem> {
    let mut features = Vec::new();
    let rings = |kind: &str, rings: &[Rings]| -> Vec<Feature> {
        let one = |rings: &Rings| shapes(kind, "", "", Geometry::Polygons(rings.clone()));
        rings.iter().take(MOST_SHAPES).map(one).collect()
    };
    let lines = |kind: &str, lines: &[Vec<[f64; 2]>]| -> Option<Feature> {
        let lines: Vec<_> = lines.iter().take(MOST_SHAPES).cloned().collect();
        (!lines.is_empty()).then(|| shapes(kind, "", "", Geometry::Lines(lines)))
    };
    features.extend(rings("asked", &figure.asked));
    for building in figure.buildings.iter().take(MOST_SHAPES) {
        let geometry = Geometry::Polygons(building.polygons.iter().flatten().cloned().collect());
        features.push(shapes("building", "", state_color(&building.state), geometry));
    }
    features.extend(rings("outline", &figure.outlines));
    features.extend(lines("route", &figure.routes));
    features.extend(lines("cut", &figure.cut_roads));
    for (name, line) in figure.sections.iter().take(MOST_SHAPES) {
        features.push(shapes("section", "", "", Geometry::Lines(vec![line.clone()])));
        let ends = name.split_once('—').unwrap_or((name.as_str(), ""));
        for (end, place) in [(ends.0, line.first()), (ends.1, line.last())] {
            features.extend(place.map(|place| shapes("section-name", end, "", Geometry::Points(vec![*place]))));
        }
    }
    for (name, place) in figure.shelters.iter().take(MOST_SHAPES) {
        features.push(shapes("shelter", name, "", Geometry::Points(vec![*place])));
    }
    let [own, style] = [OWN_STYLE, STYLE].map(Style::parse);
    let (own, style) = (own.map_err(Problem::internal)?, style.map_err(Problem::internal)?);
    let furniture = furniture(frame, scale, bounds);
    let sets = [
        LayerSet { style: &style, features: &features, opacity: 1.0 },
        LayerSet { style: &own, features: &furniture, opacity: 1.0 },
    ];
    let view = MapView {
        width_px: picture.width(),
        height_px: picture.height(),
        bounds,
        // Neither style has a property that depends on it.
        zoom: 15.0,
        pixel_ratio: (frame.dpi / 96.0) as f32,
        labels: true,
    };
    let patterns = Patterns::from_svgs(std::iter::empty(), view.pixel_ratio).map_err(Problem::internal)?;
    let drawn = carto::draw(&sets, &view, font, &patterns).map_err(Problem::internal)?;
    // Its colours are already multiplied by how much they cover.
    for (below, above) in picture.pixels_mut().zip(drawn.data().as_chunks::<4>().0) {
        let clear = 255 - u16::from(above[3]);
        for (channel, over) in below.0.iter_mut().zip(above) {
            *channel = (u16::from(*over) + (u16::from(*channel) * clear + 127) / 255).min(255) as u8;
        }
    }
    Ok(())
}

/// What is on the map, in words.
fn legend(figure: &Figure) -> Vec<Value> {
    let mut entries = Vec::new();
    let mut entry = |is_there: bool, label: &str, color: &str, shape: &str| {
        if is_there {
            entries.push(json!({ "label": label, "color": color, "shape": shape }));
        }
    };
    entry(!figure.outlines.is_empty(), "变化范围", "#000000", "outline");
    entry(!figure.asked.is_empty(), "核查范围", "#000000", "dashed");
    let states: BTreeSet<&str> = figure.buildings.iter().map(|building| building.state.as_str()).collect();
    for (state, color) in STATES {
        entry(states.contains(state), &format!("房屋（{state}）"), color, "solid");
    }
    let is_known = |state: &&str| STATES.iter().any(|(known, _)| known == state);
    let others: Vec<&str> = states.iter().copied().filter(|state| !is_known(state)).collect();
    let label = match others.as_slice() {
        [one] if !one.is_empty() => format!("房屋（{one}）"),
        _ => "房屋（其他）".to_owned(),
    };
    entry(!others.is_empty(), &label, OTHER_STATE, "solid");
    entry(!figure.routes.is_empty(), "转移路线", "#00873d", "line");
    entry(!figure.cut_roads.is_empty(), "中断道路", "#e00000", "line");
    entry(!figure.shelters.is_empty(), "避险场所", "#00873d", "point");
    entry(!figure.sections.is_empty(), "剖面线", "#7a0177", "line");
    entries
}

/// The ramp with what its colours say; null where nothing is coloured.
fn ramp_legend(colours: Option<&Colours>, reach: Option<f64>) -> Value {
    let (Some(colours), Some(reach)) = (colours, reach) else { return Value::Null };
    let number = |value: f64| printed(value, (reach < 2.0).into());
    match colours {
        Colours::Difference { detection_m, .. } => {
            let stops: Vec<String> = LOSS.iter().rev().copied().chain([[255; 3]]).chain(GAIN).map(hex).collect();
            json!({
                "title": format!("高差（米）：红色为流失（降低），蓝色为堆积（抬高）；绝对值不大于检出限{}米的不着色", printed(*detection_m, 2)),
                "stops": stops,
                "labels": [format!("−{}及以下", number(reach)), "0".to_owned(), format!("+{}及以上", number(reach))],
            })
        }
        Colours::Depth(_) => {
            let stops: Vec<String> = WATER.map(hex).to_vec();
            json!({
                "title": "淹没水深（米）",
                "stops": stops,
                "labels": ["0".to_owned(), number(reach / 2.0), format!("{}及以上", number(reach))],
            })
        }
    }
}
