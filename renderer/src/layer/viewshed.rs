//! What is seen from a place, draped: green where it is seen, a dark red where it is not.

use std::sync::Arc;

use super::{Address, Drape, Kind, Loaded, Role, Wanted};
use crate::error::ViewError;
use crate::fetch::Decode;
use crate::scene::draw::Picture;
use crate::scene::relief::Relief;
use crate::scene::sight::Viewshed;
use crate::service::Pyramid;

/// What is seen.
pub const KIND: Kind = Kind {
    dataset_kind: "study-viewshed",
    title: ["灾情研判", "Studies"],
    entry: |_links| None,
    role: Role::Study { slug: "study-viewshed", name: ["可视域", "What is seen"] },
};

/// Seen and not seen, sRGB with straight alpha.
pub const SEEN: [u8; 4] = [38, 190, 84, 150];
/// Not seen.
pub const HIDDEN: [u8; 4] = [150, 24, 36, 110];

/// Pixels along a side of a drawn tile.
const SIDE_PX: u32 = 256;

struct Drawn {
    pyramid: Pyramid,
    grid: Arc<(Relief, Viewshed)>,
}

/// A drape of what is seen over a relief.
#[must_use]
pub fn drape(relief: Relief, shed: Viewshed) -> Arc<dyn Drape> {
    let [columns, rows] = relief.size();
    let [west, north] = relief.lon_lat_deg(-0.5, -0.5);
    let [east, south] = relief.lon_lat_deg(columns as f64 - 0.5, rows as f64 - 0.5);
    // One zoom finer than the grid: the edges of its cells stay sharp where one looks closely.
    let zoom = (-relief.step().log2()).round() as u8;
    let max_zoom = zoom.saturating_sub(7).min(22);
    let pyramid = Pyramid {
        template: String::new(),
        min_zoom: max_zoom.saturating_sub(12),
        max_zoom,
        bounds_lon_lat_deg: [west, south, east, north],
    };
    Arc::new(Drawn { pyramid, grid: Arc::new((relief, shed)) })
}

impl Drape for Drawn {
    fn pyramid(&self) -> &Pyramid {
        &self.pyramid
    }

    fn lies_on_models(&self) -> bool {
        true
    }

    fn request(&self, address: Address) -> Result<Wanted, ViewError> {
        let grid = Arc::clone(&self.grid);
        let decode: Decode<Loaded> =
            Box::new(move |_nothing| Ok(Loaded::Picture { picture: draw_tile(&grid, address), labels: Vec::new() }));
        Ok((None, decode))
    }
}

fn draw_tile((relief, shed): &(Relief, Viewshed), (z, x, y): Address) -> Option<Arc<Picture>> {
    let side = 0.5_f64.powi(i32::from(z));
    let [columns, rows] = relief.size();
    let mut pixels = Vec::with_capacity((SIDE_PX * SIDE_PX * 4) as usize);
    let mut blank = true;
    let at = |tile: u32, pixel: u32| (f64::from(tile) + (f64::from(pixel) + 0.5) / f64::from(SIDE_PX)) * side;
    for row in 0..SIDE_PX {
        for column in 0..SIDE_PX {
            let [cell_x, cell_y] = relief.cell_of_square([at(x, column), at(y, row)]).map(f64::round);
            let is_inside = cell_x >= 0.0 && cell_y >= 0.0 && cell_x < columns as f64 && cell_y < rows as f64;
            let seen = is_inside.then(|| shed.seen[cell_y as usize * columns + cell_x as usize]).flatten();
            blank &= seen.is_none();
            pixels.extend(seen.map_or([0; 4], |seen| if seen { SEEN } else { HIDDEN }));
        }
    }
    if blank { None } else { Picture::new([SIDE_PX; 2], pixels, false).map(Arc::new) }
}
