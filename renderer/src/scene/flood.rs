//! Water at a level: everywhere below it, or only where it is connected to a place over the ground.
//!
//! A picture for people who look for what would be under water, not a hydraulic model: the surface is level, nothing
//! flows. Cells are connected across their sides and corners, as water finds its way between them.

use super::relief::Relief;

/// Depths at which the classes of a flood map part, metres.
pub const CLASS_ENDS_M: [f64; 4] = [0.5, 1.0, 2.0, 3.0];

/// Colours of the classes, shallow first: sRGB.
pub const CLASS_COLORS: [[u8; 3]; 5] = [[190, 230, 250], [125, 192, 240], [62, 143, 222], [24, 88, 182], [8, 42, 120]];

/// What is under water.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flood {
    /// Depth in metres of every cell of the relief; 0 where it is dry.
    pub depths_m: Vec<f32>,
    /// Under water, square metres on the ellipsoid.
    pub area_m2: f64,
    /// Of the water, cubic metres.
    pub volume_m3: f64,
    /// The greatest depth, metres.
    pub deepest_m: f64,
    /// By class of depth, square metres.
    pub class_m2: [f64; 5],
    /// Whether the water reaches the border of the grid or ground whose height is unknown: beyond it there may be more.
    pub reaches_border: bool,
    /// Whether the chosen place itself is dry: then nothing is under water.
    pub source_is_dry: bool,
}

/// The class of a depth in metres.
#[must_use]
pub fn class_of(depth_m: f64) -> usize {
    CLASS_ENDS_M.iter().position(|end| depth_m < *end).unwrap_or(CLASS_ENDS_M.len())
}

/// Fills the ground up to a level in metres: all that lies below it, or what of that is connected to a cell.
#[must_use]
pub fn fill(relief: &Relief, level_m: f64, source: Option<[usize; 2]>) -> Flood {
    let [columns, rows] = relief.size();
    let heights = relief.heights_m();
    // A missing height is no ground below the level.
    let is_below = |index: usize| f64::from(heights[index]) < level_m;
    let wet = match source {
        None => (0..heights.len()).map(is_below).collect(),
        Some([column, row]) => connected(columns, rows, row * columns + column, &is_below),
    };
    let mut flood =
        Flood { source_is_dry: source.is_some_and(|[column, row]| !wet[row * columns + column]), ..Flood::default() };
    flood.depths_m = vec![0.0; heights.len()];
    for row in 0..rows {
        let [wide_m, high_m] = relief.spacing_m(row as f64);
        let cell_m2 = wide_m * high_m;
        for column in 0..columns {
            let index = row * columns + column;
            if !wet[index] {
                continue;
            }
            let depth_m = level_m - f64::from(heights[index]);
            flood.depths_m[index] = depth_m as f32;
            flood.area_m2 += cell_m2;
            flood.volume_m3 += cell_m2 * depth_m;
            flood.deepest_m = flood.deepest_m.max(depth_m);
            flood.class_m2[class_of(depth_m)] += cell_m2;
            flood.reaches_border |= row == 0
                || column == 0
                || row + 1 == rows
                || column + 1 == columns
                || neighbours([columns, rows], index).any(|next| heights[next].is_nan());
        }
    }
    flood
}

fn connected(columns: usize, rows: usize, from: usize, is_below: &dyn Fn(usize) -> bool) -> Vec<bool> {
    let mut wet = vec![false; columns * rows];
    let mut waiting = Vec::new();
    if is_below(from) {
        wet[from] = true;
        waiting.push(from);
    }
    while let Some(index) = waiting.pop() {
        for next in neighbours([columns, rows], index) {
            if !wet[next] && is_below(next) {
                wet[next] = true;
                waiting.push(next);
            }
        }
    }
    wet
}

/// A cell and those at its sides and corners.
fn neighbours([columns, rows]: [usize; 2], index: usize) -> impl Iterator<Item = usize> {
    let (column, row) = (index % columns, index / columns);
    let across = move || column.saturating_sub(1)..=(column + 1).min(columns - 1);
    (row.saturating_sub(1)..=(row + 1).min(rows - 1)).flat_map(move |row| across().map(move |at| row * columns + at))
}

/// The colour of every cell: its class, opaque; beside water a cell of the shallowest class, so that the shore is drawn by
/// the ground that rises through the sheet and not by the edge of a cell; elsewhere nothing.
#[must_use]
pub fn colors(relief: &Relief, flood: &Flood) -> Vec<u8> {
    let [columns, rows] = relief.size();
    let mut out = Vec::with_capacity(columns * rows * 4);
    let is_wet = |column: usize, row: usize| flood.depths_m[row * columns + column] > 0.0;
    for row in 0..rows {
        for column in 0..columns {
            let depth_m = f64::from(flood.depths_m[row * columns + column]);
            let near = (row.saturating_sub(1)..=(row + 1).min(rows - 1)).any(|next_row| {
                (column.saturating_sub(1)..=(column + 1).min(columns - 1)).any(|next| is_wet(next, next_row))
            });
            let [red, green, blue] = CLASS_COLORS[class_of(depth_m)];
            out.extend([red, green, blue, if near { 255 } else { 0 }]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: f64 = 1.0 / (1 << 26) as f64;

    /// Two bowls 10 m deep with a dyke of 5 m between them, on a plain at 100 m; 60 x 30 cells.
    fn bowls() -> Relief {
        let height_m = |column: usize, row: usize| {
            let bowl = |middle: f64| -> f64 {
                let away = (column as f64 - middle).hypot(row as f64 - 15.0);
                if away < 10.0 { 90.0 } else { 100.0 }
            };
            f64::min(bowl(15.0), bowl(45.0))
        };
        let corner = [0.8, 0.42];
        Relief::sampled(corner, STEP, [60, 30], &|[x, y]| {
            let index = |value: f64, axis: usize| ((value - corner[axis]) / STEP).round() as usize;
            Some(height_m(index(x, 0), index(y, 1)))
        })
    }

    #[test]
    fn everywhere_fills_both_bowls_and_a_place_only_its_own() {
        let relief = bowls();
        let all = fill(&relief, 96.0, None);
        let one = fill(&relief, 96.0, Some([15, 15]));
        assert!(all.area_m2 > 0.0 && (all.area_m2 / one.area_m2 - 2.0).abs() < 1e-3, "{} {}", all.area_m2, one.area_m2);
        let cell: f64 = relief.spacing_m(15.0).iter().product();
        let cells = one.depths_m.iter().filter(|depth_m| **depth_m > 0.0).count();
        // Cells whose middle is within 10 of the bowl's.
        assert_eq!(
            cells,
            (0..60)
                .flat_map(|x| (0..30).map(move |y| (x, y)))
                .filter(|(x, y)| f64::from(x - 15).hypot(f64::from(y - 15)) < 10.0)
                .count()
        );
        assert!((one.area_m2 / (cell * cells as f64) - 1.0).abs() < 1e-3);
        assert!((one.volume_m3 / one.area_m2 - 6.0).abs() < 1e-6 && (one.deepest_m - 6.0).abs() < 1e-9);
        assert!((one.class_m2[4] - one.area_m2).abs() < 1e-9, "six metres are in the deepest class");
        assert!(!one.reaches_border && !one.source_is_dry);
        let over = fill(&relief, 101.0, Some([15, 15]));
        assert!(over.reaches_border && over.area_m2 > 5.0 * one.area_m2, "over the plain both are one");
    }

    #[test]
    fn from_dry_ground_nothing_is_filled() {
        let flood = fill(&bowls(), 96.0, Some([30, 2]));
        assert!(flood.source_is_dry && flood.area_m2 == 0.0);
    }

    #[test]
    fn a_gap_in_the_data_is_not_water() {
        let relief = Relief::sampled([0.8, 0.42], STEP, [3, 1], &|[x, _]| (x > 0.8).then_some(10.0));
        let flood = fill(&relief, 20.0, None);
        assert_eq!(flood.depths_m, [0.0, 10.0, 10.0]);
    }

    #[test]
    fn water_beside_a_gap_in_the_data_may_go_on() {
        let corner = [0.8, 0.42];
        let reaches = |gap: bool| {
            let relief = Relief::sampled(corner, STEP, [5, 5], &|place| {
                let [column, row] = [0, 1].map(|axis| ((place[axis] - corner[axis]) / STEP).round() as usize);
                let inside = (1..4).contains(&column) && (1..4).contains(&row);
                (!(gap && [column, row] == [2, 2])).then_some(if inside { 10.0 } else { 30.0 })
            });
            fill(&relief, 20.0, Some([1, 1])).reaches_border
        };
        assert_eq!([reaches(false), reaches(true)], [false, true]);
    }

    #[test]
    fn the_sheet_reaches_one_cell_beyond_the_water() {
        let relief = bowls();
        let flood = fill(&relief, 96.0, Some([15, 15]));
        let colors = colors(&relief, &flood);
        let alpha = |column: usize, row: usize| colors[(row * 60 + column) * 4 + 3];
        assert_eq!([alpha(15, 15), alpha(5, 15), alpha(4, 15)], [255, 255, 0]);
    }

    #[test]
    fn classes_are_those_of_flood_maps() {
        assert_eq!([0.2, 0.5, 1.5, 2.5, 3.0].map(class_of), [0, 1, 2, 3, 4]);
    }
}
