//! Buildings, shelters and facilities in the water: how deep it stands at each.
//!
//! Looked at are the cells of a footprint and those close round it: on a surface model the cells of a building are its roof,
//! which stays dry while the ground beside it is under water.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::depth::{Band, Classes};
use super::ground::Ground;
use crate::{
    AnalysisError, Parcel, Task,
    buffer::around,
    compliance::text,
    figures::rounded,
    marks::{Marks, Window},
    registers::{House, Register, Registers},
    slope::spans,
};

/// What stands in or near the water.
#[derive(Debug)]
pub(super) struct Footprint<'l> {
    pub(super) register: Register,
    pub(super) parcel: &'l Parcel,
    /// The cells that it may have, and the one in its middle.
    window: Window,
    middle: (usize, usize),
    /// Polygons in cells, each its rings; some lie on each other.
    polygons: Vec<Vec<Vec<[f64; 2]>>>,
    wet: u32,
    sum_m: f64,
    pub(super) deepest_m: f64,
    /// The level at which the first of its cells is flooded, where the water rises.
    pub(super) first_m: Option<f64>,
}

/// What was looked for, and what of it is near the water.
#[derive(Debug, Default)]
pub(super) struct Struck<'l> {
    pub(super) footprints: Vec<Footprint<'l>>,
    /// By register: those in the window, and those of them that stand where no height is known.
    looked_at: BTreeMap<&'static str, [usize; 2]>,
    /// The first that was not read yet, and those that are being read.
    next: usize,
    open: Vec<usize>,
}

impl<'l> Struck<'l> {
    /// What of the registers is within `around_m` of wet cells.
    pub(super) fn near(
        task: &'l Task<'_>,
        ground: &Ground<'_>,
        registers: &Registers,
        around_m: f64,
        wet: &Marks,
        void: &Marks,
    ) -> Result<Self, AnalysisError> {
        let mut made = Self::default();
        let cell_m = ground.cell_m(task.plane)?;
        let margin = cell_m.map(|m| around_m / m + 1.0);
        for register in [Register::Houses, Register::Shelters, Register::Facilities] {
            let Some(layer) = task.register(register) else { continue };
            let mut looked_at = [0, 0];
            for parcel in &layer.layer.parcels {
                let kinds = &registers.facilities.kinds;
                if register == Register::Facilities && !kinds.contains(&text(parcel, &registers.facilities.kind)) {
                    continue;
                }
                let Some((window, middle)) = window_of(parcel, ground, margin)? else { continue };
                looked_at[0] += 1;
                if void.is_set(middle.0, middle.1) {
                    looked_at[1] += 1;
                }
                if wet.any_in(window) {
                    made.footprints.push(Footprint {
                        register,
                        parcel,
                        window,
                        middle,
                        polygons: Vec::new(),
                        wet: 0,
                        sum_m: 0.0,
                        deepest_m: 0.0,
                        first_m: None,
                    });
                }
            }
            made.looked_at.insert(register.role(), looked_at);
        }
        let reach = around_m / task.plane.unit_m();
        for footprint in &mut made.footprints {
            footprint.polygons =
                around(footprint.parcel, reach, [f64::NEG_INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::INFINITY])
                    .iter()
                    .map(|polygon| polygon.rings().map(|ring| ground.cells_of_plane(ring)).collect())
                    .collect::<Result<_, _>>()?;
        }
        made.footprints.sort_by_key(|footprint| footprint.window.row);
        Ok(made)
    }

    /// Takes the depths of a band; bands come from the north.
    pub(super) fn add(&mut self, band: &Band) {
        let rows = band.part.row..band.part.row + band.part.rows;
        while self.footprints.get(self.next).is_some_and(|footprint| footprint.window.row < rows.end) {
            self.open.push(self.next);
            self.next += 1;
        }
        for index in &self.open {
            let footprint = &mut self.footprints[*index];
            let window = footprint.window;
            for row in window.row.max(rows.start)..(window.row + window.rows).min(rows.end) {
                for (from, to) in footprint.cells(row) {
                    for depth_m in (from..to).map(|column| f64::from(band.at(column, row))).filter(|m| !m.is_nan()) {
                        footprint.wet += 1;
                        footprint.sum_m += depth_m;
                        footprint.deepest_m = footprint.deepest_m.max(depth_m);
                    }
                }
            }
        }
        self.open.retain(|index| {
            let window = self.footprints[*index].window;
            window.row + window.rows > rows.end
        });
    }

    /// Looks up at which level each is first flooded.
    pub(super) fn rising(&mut self, lake: &Marks, flooded_at_m: impl Fn(usize, usize) -> Option<f32>) {
        for footprint in &mut self.footprints {
            let window = footprint.window;
            let first = (window.row..window.row + window.rows)
                .flat_map(|row| footprint.cells(row).into_iter().map(move |part| (row, part)))
                .flat_map(|(row, (from, to))| (from..to).map(move |column| (column, row)))
                .filter(|(column, row)| lake.is_set(*column, *row))
                .filter_map(|(column, row)| flooded_at_m(column, row))
                .reduce(f32::min);
            footprint.first_m = first.map(f64::from);
        }
    }

    /// Those that the water stands at by at least so much, deepest first, those first flooded before others where it rises.
    pub(super) fn flooded(&self, register: Register, least_m: f64) -> Vec<&Footprint<'l>> {
        let mut found: Vec<&Footprint<'l>> = self
            .footprints
            .iter()
            .filter(|footprint| footprint.register == register && footprint.wet > 0 && footprint.deepest_m >= least_m)
            .collect();
        let first = |footprint: &Footprint<'l>| footprint.first_m.unwrap_or(0.0);
        found.sort_by(|a, b| {
            let depth = || b.deepest_m.total_cmp(&a.deepest_m);
            first(a).total_cmp(&first(b)).then_with(depth).then_with(|| a.parcel.id.cmp(&b.parcel.id))
        });
        found
    }

    /// How many were looked at and how many of them stand where no height is known; none where the register is missing.
    pub(super) fn looked_at(&self, register: Register) -> Option<[usize; 2]> {
        self.looked_at.get(register.role()).copied()
    }
}

impl Footprint<'_> {
    /// Its cells of a row, `from..to`, each once.
    fn cells(&self, row: usize) -> Vec<(usize, usize)> {
        let (first, last) = (self.window.column, self.window.column + self.window.columns);
        let cell = |x: f64| ((x - 0.5).ceil().max(0.0) as usize).clamp(first, last);
        let mut found: Vec<(usize, usize)> = self
            .polygons
            .iter()
            .flat_map(|rings| spans(rings, row as f64 + 0.5))
            .map(|[from, to]| (cell(from), cell(to)))
            .filter(|(from, to)| from < to)
            .collect();
        found.sort_unstable();
        let mut made: Vec<(usize, usize)> = Vec::with_capacity(found.len());
        for (from, to) in found {
            match made.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => made.push((from, to)),
            }
        }
        // What is smaller than a cell has the depth of the one it stands in.
        if made.is_empty() && row == self.middle.1 && self.window.columns <= SMALL && self.window.rows <= SMALL {
            made.push((self.middle.0, self.middle.0 + 1));
        }
        made
    }

    fn mean_m(&self) -> f64 {
        if self.wet > 0 { self.sum_m / f64::from(self.wet) } else { 0.0 }
    }

    /// Depths at it.
    pub(super) fn put(&self, into: &mut Map<String, Value>, classes: &Classes) {
        into.insert("deepest_m".to_owned(), rounded(self.deepest_m, 2));
        into.insert("mean_m".to_owned(), rounded(self.mean_m(), 2));
        into.insert("from_m".to_owned(), json!(classes.range_m(classes.of(self.deepest_m)).0));
        if let Some(first_m) = self.first_m {
            into.insert("first_flooded_m".to_owned(), rounded(first_m, 2));
        }
    }
}

/// The cells that a footprint may have, and the one in its middle.
type Place = (Window, (usize, usize));

/// Cells of a window that a footprint without the middle of any cell may have.
const SMALL: usize = 5;

/// The cells that a parcel and a margin may have, and the one in its middle; none outside of the window.
fn window_of(parcel: &Parcel, ground: &Ground<'_>, margin: [f64; 2]) -> Result<Option<Place>, AnalysisError> {
    let exteriors = parcel.polygons.iter().flat_map(|polygon| &polygon.exterior);
    let places: Vec<[f64; 2]> = exteriors
        .chain(parcel.lines.iter().flatten())
        .chain(&parcel.points)
        .copied()
        .filter(|p| p[0].is_finite() && p[1].is_finite())
        .collect();
    let places = ground.cells_of_plane(&places)?;
    let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    let [x0, y0, x1, y1] =
        places.iter().fold(start, |b, p| [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])]);
    let Some(middle) = ground.cell_at([f64::midpoint(x0, x1), f64::midpoint(y0, y1)]) else { return Ok(None) };
    let Window { columns, rows, .. } = ground.window;
    let part = |low: f64, high: f64, margin: f64, most: usize, middle: usize| {
        let half = ((high - low) / 2.0 + margin).ceil() as usize;
        (middle.saturating_sub(half), (middle + half + 1).min(most))
    };
    let (left, right) = part(x0, x1, margin[0], columns, middle.0);
    let (top, bottom) = part(y0, y1, margin[1], rows, middle.1);
    Ok(Some((Window { column: left, row: top, columns: right - left, rows: bottom - top }, middle)))
}

/// Buildings, households and people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Count {
    pub(super) buildings: usize,
    households: u64,
    people: u64,
}

impl Count {
    pub(super) fn add(&mut self, house: &House<'_>) {
        self.buildings += 1;
        self.households += u64::from(house.households);
        self.people += u64::from(house.people);
    }

    pub(super) fn put(self, into: &mut Map<String, Value>) {
        into.insert("buildings".to_owned(), json!(self.buildings));
        into.insert("households".to_owned(), json!(self.households));
        into.insert("people".to_owned(), json!(self.people));
    }
}

/// The flooded buildings: counts, by use and by class, and a list of the first so many.
pub(super) fn houses_json(
    struck: &Struck<'_>,
    registers: &Registers,
    classes: &Classes,
    least_m: f64,
    listed: usize,
) -> (Value, Vec<Count>) {
    let mut by_class = vec![Count::default(); classes.sums.len()];
    let Some([looked_at, unknown]) = struck.looked_at(Register::Houses) else { return (Value::Null, by_class) };
    let flooded = struck.flooded(Register::Houses, least_m);
    let mut all = Count::default();
    let mut by_use: BTreeMap<String, Count> = BTreeMap::new();
    let mut list = Vec::new();
    for footprint in &flooded {
        let house = registers.house(footprint.parcel);
        all.add(&house);
        by_class[classes.of(footprint.deepest_m)].add(&house);
        by_use.entry(house.purpose.clone()).or_default().add(&house);
        if list.len() < listed {
            let (head, phone) = house.masked();
            let mut row = Map::new();
            for (name, text) in [
                ("number", &house.number),
                ("use", &house.purpose),
                ("village", &house.village),
                ("head", &head),
                ("phone", &phone),
            ] {
                row.insert(name.to_owned(), json!(text));
            }
            row.insert("households".to_owned(), json!(house.households));
            row.insert("people".to_owned(), json!(house.people));
            footprint.put(&mut row, classes);
            list.push(Value::Object(row));
        }
    }
    let by_use: Vec<Value> = by_use
        .into_iter()
        .map(|(purpose, count)| {
            let mut row = Map::new();
            row.insert("use".to_owned(), json!(purpose));
            count.put(&mut row);
            Value::Object(row)
        })
        .collect();
    let mut made = Map::new();
    made.insert("looked_at".to_owned(), json!(looked_at));
    made.insert("without_height".to_owned(), json!(unknown));
    all.put(&mut made);
    made.insert("by_use".to_owned(), json!(by_use));
    made.insert("listed".to_owned(), json!(list.len()));
    made.insert("list".to_owned(), json!(list));
    (Value::Object(made), by_class)
}

/// Flooded shelters or facilities by name.
pub(super) fn places_json(
    struck: &Struck<'_>,
    register: Register,
    registers: &Registers,
    classes: &Classes,
    least_m: f64,
    listed: usize,
) -> Value {
    let Some([looked_at, unknown]) = struck.looked_at(register) else { return Value::Null };
    let flooded = struck.flooded(register, least_m);
    let is_shelter = register == Register::Shelters;
    let (name, kind) = if is_shelter {
        (&registers.shelters.name, &registers.shelters.kind)
    } else {
        (&registers.facilities.name, &registers.facilities.kind)
    };
    let capacity =
        |parcel: &Parcel| crate::compliance::measure(parcel, &registers.shelters.capacity).map(|n| n.max(0.0).round());
    let list = flooded.iter().take(listed).map(|footprint| {
        let mut row = Map::new();
        row.insert("name".to_owned(), json!(text(footprint.parcel, name)));
        row.insert("kind".to_owned(), json!(text(footprint.parcel, kind)));
        if is_shelter {
            row.insert("capacity".to_owned(), json!(capacity(footprint.parcel)));
        }
        footprint.put(&mut row, classes);
        Value::Object(row)
    });
    let list: Vec<Value> = list.collect();
    json!({
        "looked_at": looked_at, "without_height": unknown, "flooded": flooded.len(), "listed": list.len(), "list": list,
    })
}
