//! Roads under water: which parts of their middle lines, how long and how deep.
//!
//! A line is looked at every half cell. On a terrain model a bridge is not there: where a road crosses a river the result must
//! be looked at by somebody who knows it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::depth::Band;
use super::ground::Ground;
use crate::{
    AnalysisError, FoundPatch, Parcel, Task,
    compliance::text,
    figures::rounded,
    marks::Marks,
    registers::{Register, Registers},
};

/// Places that are looked at along all roads together; further apart where there would be more.
const MOST_PLACES: f64 = 10_000_000.0;

/// A wet place of a road.
#[derive(Debug)]
struct Place {
    column: u32,
    row: u32,
    line: u32,
    /// Which place along the line.
    number: u32,
    depth_m: f32,
}

/// A line of a road.
#[derive(Debug)]
struct Line<'l> {
    road: &'l Parcel,
    places: &'l [[f64; 2]],
    /// Units of the plane between two places that are looked at, and how many there are.
    step: f64,
    count: usize,
}

/// Roads and their wet places.
#[derive(Debug)]
pub(super) struct Roads<'l> {
    lines: Vec<Line<'l>>,
    /// By row.
    places: Vec<Place>,
    next: usize,
    unit_m: f64,
}

/// A part of a road under more water than it can be driven through.
#[derive(Debug)]
struct Cut<'l> {
    road: &'l Parcel,
    line: Vec<[f64; 2]>,
    length_m: f64,
    deepest_m: f64,
}

impl<'l> Roads<'l> {
    /// The roads of the task; none where the register is missing.
    pub(super) fn near(task: &'l Task<'_>, ground: &Ground<'_>, wet: &Marks) -> Result<Option<Self>, AnalysisError> {
        let Some(layer) = task.register(Register::Roads) else { return Ok(None) };
        let unit_m = task.plane.unit_m();
        let sound = |line: &&Vec<[f64; 2]>| line.len() > 1 && line.iter().flatten().all(|v| v.is_finite());
        let lines = || {
            layer.layer.parcels.iter().flat_map(|road| road.lines.iter().filter(sound).map(move |line| (road, line)))
        };
        let whole: f64 = lines().map(|(_, line)| length(line)).sum();
        let [width_m, height_m] = ground.cell_m(task.plane)?;
        let step = (width_m.min(height_m) / 2.0 / unit_m).max(whole / MOST_PLACES);
        let mut made = Self { lines: Vec::new(), places: Vec::new(), next: 0, unit_m };
        for (road, line) in lines() {
            let own = length(line);
            let count = (own / step).ceil().max(1.0) as usize;
            let step = own / count as f64;
            // The middle of each step stands for it.
            let along = places_along(line, (0..count).map(|number| (number as f64 + 0.5) * step));
            for (number, place) in ground.cells_of_plane(&along)?.into_iter().enumerate() {
                if let Some((column, row)) = ground.cell_at(place).filter(|(column, row)| wet.is_set(*column, *row)) {
                    made.places.push(Place {
                        column: column as u32,
                        row: row as u32,
                        line: made.lines.len() as u32,
                        number: number as u32,
                        depth_m: 0.0,
                    });
                }
            }
            made.lines.push(Line { road, places: line, step, count });
        }
        made.places.sort_by_key(|place| (place.row, place.column));
        Ok(Some(made))
    }

    /// Takes the depths of a band; bands come from the north.
    pub(super) fn add(&mut self, band: &Band) {
        let end = (band.part.row + band.part.rows) as u32;
        while let Some(place) = self.places.get_mut(self.next).filter(|place| place.row < end) {
            place.depth_m = band.at(place.column as usize, place.row as usize);
            self.next += 1;
        }
    }

    /// Kilometres by class, and the parts under more than `cut_m` of water: a list of the longest, and a patch for each of it.
    pub(super) fn found(mut self, registers: &Registers, cut_m: f64, listed: usize) -> (Value, Vec<FoundPatch>) {
        self.places.sort_by_key(|place| (place.line, place.number));
        let class = |road: &Parcel| text(road, &registers.roads.class);
        let mut by_class: BTreeMap<String, [f64; 2]> = BTreeMap::new();
        for place in &self.places {
            let line = &self.lines[place.line as usize];
            let sums = by_class.entry(class(line.road)).or_default();
            sums[0] += line.step * self.unit_m;
            if f64::from(place.depth_m) >= cut_m {
                sums[1] += line.step * self.unit_m;
            }
        }
        let deep = |place: &Place| f64::from(place.depth_m) >= cut_m;
        let follows = |a: &Place, b: &Place| deep(a) == deep(b) && a.line == b.line && a.number + 1 == b.number;
        let mut cuts: Vec<Cut<'_>> = self
            .places
            .chunk_by(follows)
            .filter(|places| deep(&places[0]))
            .map(|places| {
                let line = &self.lines[places[0].line as usize];
                let (from, to) = (places[0].number as usize, places[0].number as usize + places.len());
                let end = if to == line.count { length(line.places) } else { to as f64 * line.step };
                Cut {
                    road: line.road,
                    line: part_of(line.places, from as f64 * line.step, end),
                    length_m: places.len() as f64 * line.step * self.unit_m,
                    deepest_m: places.iter().map(|place| f64::from(place.depth_m)).fold(0.0, f64::max),
                }
            })
            .collect();
        cuts.sort_by(|a, b| b.length_m.total_cmp(&a.length_m).then_with(|| a.road.id.cmp(&b.road.id)));
        let properties = |cut: &Cut<'_>| {
            let mut row = Map::new();
            row.insert("number".to_owned(), json!(text(cut.road, &registers.roads.number)));
            row.insert("name".to_owned(), json!(text(cut.road, &registers.roads.name)));
            row.insert("class".to_owned(), json!(class(cut.road)));
            row.insert("length_m".to_owned(), rounded(cut.length_m, 1));
            row.insert("deepest_m".to_owned(), rounded(cut.deepest_m, 2));
            row
        };
        let patches: Vec<FoundPatch> = cuts
            .iter()
            .take(listed)
            .enumerate()
            .map(|(index, cut)| {
                let mut properties = properties(cut);
                properties.insert("kind".to_owned(), json!("flooded-road"));
                FoundPatch {
                    id: format!("YMDL{:04}", index + 1),
                    properties,
                    lines: vec![cut.line.clone()],
                    ..FoundPatch::default()
                }
            })
            .collect();
        let km = |m: f64| rounded(m / 1_000.0, 3);
        let total = by_class.values().fold([0.0; 2], |sum, own| [sum[0] + own[0], sum[1] + own[1]]);
        let classes: Vec<Value> = by_class
            .into_iter()
            .map(|(class, [wet_m, cut_m])| json!({ "class": class, "wet_km": km(wet_m), "cut_km": km(cut_m) }))
            .collect();
        let list: Vec<Value> = cuts.iter().take(listed).map(|cut| Value::Object(properties(cut))).collect();
        let made = json!({
            "cut_above_m": cut_m, "wet_km": km(total[0]), "cut_km": km(total[1]), "by_class": classes,
            "cuts": cuts.len(), "listed": list.len(), "list": list,
        });
        (made, patches)
    }
}

fn length(line: &[[f64; 2]]) -> f64 {
    line.windows(2).map(|edge| (edge[1][0] - edge[0][0]).hypot(edge[1][1] - edge[0][1])).sum()
}

/// Places at distances along a line, which rise.
fn places_along(line: &[[f64; 2]], distances: impl Iterator<Item = f64>) -> Vec<[f64; 2]> {
    let (mut edge, mut begun) = (0, 0.0);
    let own = |edge: usize| (line[edge + 1][0] - line[edge][0]).hypot(line[edge + 1][1] - line[edge][1]);
    distances
        .map(|at| {
            while edge + 2 < line.len() && begun + own(edge) < at {
                begun += own(edge);
                edge += 1;
            }
            let t = if own(edge) > 0.0 { ((at - begun) / own(edge)).clamp(0.0, 1.0) } else { 0.0 };
            [0, 1].map(|axis| line[edge][axis] + t * (line[edge + 1][axis] - line[edge][axis]))
        })
        .collect()
}

/// The part of a line between two distances along it.
fn part_of(line: &[[f64; 2]], from: f64, to: f64) -> Vec<[f64; 2]> {
    let ends = places_along(line, [from, to].into_iter());
    let mut at = 0.0;
    let mut made = vec![ends[0]];
    for edge in line.windows(2) {
        at += length(edge);
        if at > from && at < to {
            made.push(edge[1]);
        }
    }
    made.push(ends[1]);
    made
}
