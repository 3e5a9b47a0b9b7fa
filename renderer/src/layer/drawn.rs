//! Polygons that are held here, drawn by carto into pictures tile by tile and draped like any plan: the red line and the
//! conflicts of a project. Not a kind of layer itself; those name a style and what to draw.

use std::collections::BTreeMap;
use std::sync::Arc;

use carto::{Feature, Geometry, LayerSet, MapView, Patterns, Style, Value};

use super::{Address, Drape, Loaded, Wanted};
use crate::error::ViewError;
use crate::fetch::Decode;
use crate::meeting::polygons::Polygon;
use crate::scene::draw::Picture;
use crate::scene::place;
use crate::service::Pyramid;

/// Pixels along a side of a drawn tile; sharper than plans, since few tiles have anything on them.
const SIDE_PX: u32 = 512;
/// Drawn pixels per pixel on the screen.
const PIXEL_RATIO: f32 = 2.0;
/// Where the county is seen whole, a parcel is smaller than a pixel before this.
const MIN_ZOOM: u8 = 8;
/// A pixel of a finer tile would be less than 4 cm.
const MAX_ZOOM: u8 = 20;
/// How far lines reach beyond their polygons, as a part of a tile: tiles that only hold a line's edge are drawn too.
const REACH: f64 = 0.04;

/// A polygon and the class its style paints it by.
pub(super) struct Painted {
    /// The polygon.
    pub polygon: Polygon,
    /// The attribute `class` of the style.
    pub class: &'static str,
}

struct Drawn {
    pyramid: Pyramid,
    style: Arc<Style>,
    /// Corners in the Web Mercator square, and the box round them.
    areas: Arc<Vec<Area>>,
}

struct Area {
    rings: Vec<Vec<[f64; 2]>>,
    class: &'static str,
    low: [f64; 2],
    high: [f64; 2],
}

/// A drape of polygons; `None` where there are none.
pub(super) fn drape(painted: &[Painted], style: &str) -> Result<Option<Arc<dyn Drape>>, ViewError> {
    let Some([west, south, east, north]) =
        crate::meeting::polygons::bounds(painted.iter().map(|painted| &painted.polygon))
    else {
        return Ok(None);
    };
    let style = Style::parse(style)
        .map_err(|error| ViewError::Style { slug: "project".to_owned(), reason: error.to_string() })?;
    let area = |painted: &Painted| {
        let square = |[lon, lat]: &[f64; 2]| place::square_from_lon_lat_deg(*lon, *lat);
        let rings: Vec<Vec<[f64; 2]>> = painted.polygon.iter().map(|ring| ring.iter().map(square).collect()).collect();
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for corner in rings.iter().flatten() {
            low = [low[0].min(corner[0]), low[1].min(corner[1])];
            high = [high[0].max(corner[0]), high[1].max(corner[1])];
        }
        Area { rings, class: painted.class, low, high }
    };
    // A line on the border of the box is drawn on both sides of it.
    let margin_deg = 0.000_3;
    let bounds_lon_lat_deg = [west - margin_deg, south - margin_deg, east + margin_deg, north + margin_deg];
    let pyramid = Pyramid { template: String::new(), min_zoom: MIN_ZOOM, max_zoom: MAX_ZOOM, bounds_lon_lat_deg };
    let areas = Arc::new(painted.iter().map(area).collect());
    Ok(Some(Arc::new(Drawn { pyramid, style: Arc::new(style), areas })))
}

impl Drape for Drawn {
    fn pyramid(&self) -> &Pyramid {
        &self.pyramid
    }

    fn lies_on_models(&self) -> bool {
        true
    }

    fn request(&self, address: Address) -> Result<Wanted, ViewError> {
        let (style, areas) = (Arc::clone(&self.style), Arc::clone(&self.areas));
        let decode: Decode<Loaded> = Box::new(move |_nothing| {
            let picture = draw_tile(&areas, &style, address)?;
            Ok(Loaded::Picture { picture, labels: Vec::new() })
        });
        Ok((None, decode))
    }
}

fn draw_tile(areas: &[Area], style: &Style, (z, x, y): Address) -> Result<Option<Arc<Picture>>, ViewError> {
    let side = 0.5_f64.powi(i32::from(z));
    let corner = [f64::from(x) * side, f64::from(y) * side];
    let near = |area: &&Area| {
        (0..2).all(|axis| {
            area.low[axis] < corner[axis] + side * (1.0 + REACH) && area.high[axis] > corner[axis] - side * REACH
        })
    };
    let features: Vec<Feature> = areas
        .iter()
        .filter(near)
        .map(|area| Feature {
            id: None,
            properties: BTreeMap::from([("class".to_owned(), Value::Text(area.class.to_owned()))]),
            // Carto's y grows to the north; measured in tiles from this one's corner.
            geometry: Geometry::Polygons(
                area.rings
                    .iter()
                    .map(|ring| ring.iter().map(|[x, y]| [(x - corner[0]) / side, -(y - corner[1]) / side]).collect())
                    .collect(),
            ),
        })
        .collect();
    if features.is_empty() {
        return Ok(None);
    }
    let view = MapView {
        width_px: SIDE_PX,
        height_px: SIDE_PX,
        bounds: [0.0, -1.0, 1.0, 0.0],
        zoom: f64::from(z) - 1.0,
        pixel_ratio: PIXEL_RATIO,
        labels: false,
    };
    let set = LayerSet { style, features: &features, opacity: 1.0 };
    let refuse = |error: carto::CartoError| ViewError::Style { slug: "project".to_owned(), reason: error.to_string() };
    let drawn = carto::draw(&[set], &view, None, &Patterns::default()).map_err(refuse)?;
    Ok(super::picture_from_drawing(&drawn, SIDE_PX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: &str = r##"{"version":8,"name":"t","sources":{},"layers":[
     {"id":"f","type":"fill","source":"p","paint":{"fill-color":"#ff0000"}}]}"##;

    #[test]
    fn a_polygon_fills_its_own_half_of_a_tile_and_tiles_far_away_have_no_picture() {
        // The tile of zoom 10 at 109.74 E 28.31 N; the polygon covers its western half and more to the west.
        let [x, y] = place::square_from_lon_lat_deg(109.74, 28.31);
        let (column, row) = ((x * 1_024.0) as u32, (y * 1_024.0) as u32);
        let at = |u: f64, v: f64| {
            place::lon_lat_deg_from_square((f64::from(column) + u) / 1_024.0, (f64::from(row) + v) / 1_024.0)
        };
        let polygon = vec![vec![at(-0.5, -0.5), at(0.5, -0.5), at(0.5, 1.5), at(-0.5, 1.5)]];
        let drape = drape(&[Painted { polygon, class: "" }], STYLE).expect("a style").expect("an area");
        let drawn = |address| {
            let (url, decode) = drape.request(address).expect("a request");
            assert!(url.is_none(), "nothing is asked for");
            let Ok(Loaded::Picture { picture, .. }) = decode(crate::fetch::Fetched::made_here()) else {
                panic!("a picture")
            };
            picture
        };
        let pixels = drawn((10, column, row)).expect("drawn").take_levels().remove(0);
        let side = SIDE_PX as usize;
        let pixel = |x: usize, y: usize| pixels[(y * side + x) * 4..][..4].to_vec();
        assert_eq!(pixel(side / 4, side / 2), [255, 0, 0, 255]);
        assert_eq!(pixel(3 * side / 4, side / 2)[3], 0);
        assert!(drawn((10, column + 5, row)).is_none());
    }

    #[test]
    fn nothing_to_draw_is_no_layer() {
        assert!(drape(&[], STYLE).expect("no error").is_none());
    }
}
