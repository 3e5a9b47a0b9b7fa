//! Made ground with what stands on it, how an inundation of it is asked for, and the plain way to fill it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use analysis::mechanism::{NoRasters, Rows, RuleBook, RuleDocument, Unwatched};
use analysis::{
    AnalysisError, Findings, LoadedLayer, Parcel, ParcelLayer, Polygon, RasterMade, Rasters, Surface, Task, analysis,
};
use geodesy::height::HeightDatum;
use geodesy::{Crs, Transform};
use serde_json::{Value, json};

/// North-west corner of the ground, EPSG:4546: 100 km west of the zone's middle.
pub(super) const CORNER: [f64; 2] = [400_000.0, 3_130_000.0];

/// Heights on a grid, by column and row from the north-west.
#[derive(Clone)]
pub(super) struct Ground {
    pub(super) crs: Crs,
    pub(super) grid: [f64; 4],
    pub(super) size: [usize; 2],
    pub(super) datum: HeightDatum,
    pub(super) heights: Vec<f32>,
}

impl fmt::Debug for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ground")
    }
}

impl Surface for Ground {
    fn source(&self) -> &'static str {
        "dem@2024"
    }
    fn crs(&self) -> &Crs {
        &self.crs
    }
    fn height_datum(&self) -> &HeightDatum {
        &self.datum
    }
    fn valid_from(&self) -> &'static str {
        "2024-07-20T00:00:00Z"
    }
    fn size(&self) -> [usize; 2] {
        self.size
    }
    fn grid(&self) -> [f64; 4] {
        self.grid
    }
    fn window(&self, column: usize, row: usize, columns: usize, rows: usize) -> Result<Vec<f32>, AnalysisError> {
        assert!(column + columns <= self.size[0] && row + rows <= self.size[1], "the window lies in the grid");
        Ok((row..row + rows).flat_map(|row| &self.heights[row * self.size[0] + column..][..columns]).copied().collect())
    }
}

pub(super) fn plane() -> Crs {
    Crs::from_user_input("EPSG:4546").expect("a plane")
}

/// Ground of so many cells of `cell_m`; heights by the middle of each, metres east and south of the corner.
pub(super) fn made([columns, rows]: [usize; 2], cell_m: f64, height: impl Fn(f64, f64) -> f64) -> Ground {
    let heights = (0..columns * rows)
        .map(|at| height(((at % columns) as f64 + 0.5) * cell_m, ((at / columns) as f64 + 0.5) * cell_m) as f32);
    Ground {
        crs: plane(),
        grid: [CORNER[0], CORNER[1], cell_m, cell_m],
        size: [columns, rows],
        datum: HeightDatum::Normal1985,
        heights: heights.collect(),
    }
}

/// Places east and south of the corner in the plane.
pub(super) fn placed(places: &[[f64; 2]]) -> Vec<[f64; 2]> {
    places.iter().map(|[x, y]| [CORNER[0] + x, CORNER[1] - y]).collect()
}

/// The same in degrees, as requests draw them.
pub(super) fn drawn(places: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut places = placed(places);
    Transform::new(&plane(), &Crs::cgcs2000()).expect("a transform").points(&mut places).expect("degrees");
    places
}

/// Keeps the grid that it is given.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Option<(RasterMade, Vec<f32>)>>);

impl Rasters for Kept {
    fn take(&self, raster: &RasterMade, rows: &mut Rows<'_>) -> Result<(), AnalysisError> {
        let mut values = vec![0.0; raster.size[0] * raster.size[1]];
        for (at, some) in values.chunks_mut(raster.size[0] * 50).enumerate() {
            rows(at * 50, some)?;
        }
        *self.0.lock().expect("one thread") = Some((raster.clone(), values));
        Ok(())
    }
}

pub(super) fn run_with(
    ground: &Ground,
    more: Value,
    rules: &RuleBook,
    layers: &BTreeMap<String, LoadedLayer>,
    rasters: &dyn Rasters,
) -> Result<Findings, AnalysisError> {
    let mut request = json!({ "surface": { "dataset": "dem" } });
    for (name, value) in more.as_object().expect("an object") {
        request[name] = value.clone();
    }
    let found = analysis("inundation").expect("the analysis");
    (found.wanted)(&request, rules)?;
    let surfaces: BTreeMap<String, &dyn Surface> = BTreeMap::from([("surface".to_owned(), ground as &dyn Surface)]);
    let plane = plane();
    let task =
        Task { request: &request, rules, plane: &plane, layers, surfaces: &surfaces, watch: &Unwatched, rasters };
    (found.run)(&task)
}

pub(super) fn run(ground: &Ground, more: Value) -> Result<Findings, AnalysisError> {
    run_with(ground, more, &RuleBook::shipped(), &BTreeMap::new(), &NoRasters)
}

/// The depths on the whole grid, NaN where it is dry, and the findings.
pub(super) fn depths(
    ground: &Ground,
    mut more: Value,
    rules: &RuleBook,
) -> Result<(Vec<f32>, Findings), AnalysisError> {
    more["rasters"] = json!(true);
    let kept = Kept::default();
    let findings = run_with(ground, more, rules, &BTreeMap::new(), &kept)?;
    let mut all = vec![f32::NAN; ground.heights.len()];
    if let Some((raster, values)) = kept.0.into_inner().expect("one thread") {
        let column = ((raster.grid[0] - ground.grid[0]) / ground.grid[2]).round() as usize;
        let row = ((ground.grid[1] - raster.grid[1]) / ground.grid[3]).round() as usize;
        for (at, value) in values.into_iter().enumerate() {
            all[(row + at / raster.size[0]) * ground.size[0] + column + at % raster.size[0]] = value;
        }
    }
    Ok((all, findings))
}

pub(super) fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("a number: {value}"))
}

pub(super) fn refused(found: Result<Findings, AnalysisError>, words: &str) {
    let said = found.expect_err(words).to_string();
    assert!(said.contains(words), "{said} does not say {words}");
}

/// A number from 0 to 1 that looks like chance, the same for the same place.
pub(super) fn chance(x: usize, y: usize) -> f64 {
    let mut z = (x as u64) << 32 ^ y as u64 ^ 0x9e37_79b9_7f4a_7c15;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Hills with pits, specks of noise and holes in the data.
pub(super) fn rough(size: [usize; 2]) -> Ground {
    let mut ground =
        made(size, 2.0, |x, y| 300.0 + 6.0 * (x / 31.0).sin() * (y / 23.0).cos() + 3.0 * (x / 11.0 + y / 17.0).sin());
    for (at, height) in ground.heights.iter_mut().enumerate() {
        let (x, y) = (at % size[0], at / size[0]);
        *height += (1.5 * chance(x, y)) as f32;
        if chance(x / 3 + 7_000, y / 3) > 0.97 {
            *height = f32::NAN;
        }
    }
    ground
}

/// Neighbours of a cell, the plain way.
pub(super) fn near(ground: &Ground, at: usize, corners: bool) -> Vec<usize> {
    let [columns, rows] = ground.size.map(usize::cast_signed);
    let (x, y) = (at.cast_signed() % columns, at.cast_signed() / columns);
    let all = (-1..=1_isize).flat_map(|dy| (-1..=1_isize).map(move |dx| (dx, dy)));
    all.filter(|(dx, dy)| (*dx, *dy) != (0, 0) && (corners || dx * dy == 0))
        .map(|(dx, dy)| (x + dx, y + dy))
        .filter(|(x, y)| (0..columns).contains(x) && (0..rows).contains(y))
        .map(|(x, y)| (y * columns + x).cast_unsigned())
        .collect()
}

/// Cells that hang together with one over cells that are open, the plain way.
pub(super) fn reached(ground: &Ground, from: usize, corners: bool, open: impl Fn(usize) -> bool) -> Vec<bool> {
    let mut seen = vec![false; ground.heights.len()];
    let mut next = if open(from) { vec![from] } else { Vec::new() };
    next.iter().for_each(|at| seen[*at] = true);
    while let Some(at) = next.pop() {
        for other in near(ground, at, corners) {
            if !seen[other] && open(other) {
                seen[other] = true;
                next.push(other);
            }
        }
    }
    seen
}

pub(super) fn middle_of(ground: &Ground, at: usize) -> [f64; 2] {
    [at % ground.size[0], at / ground.size[0]].map(|n| (n as f64 + 0.5) * ground.grid[2])
}

/// The rules with water that passes sides only.
pub(super) fn by_sides() -> RuleBook {
    let mut book = RuleBook::shipped();
    let text = book.document("inundation").expect("shipped").text.replace("corners = true", "corners = false");
    book.put(RuleDocument { name: "inundation".to_owned(), version: "县-1".to_owned(), text });
    book
}

/// Cells without a height that hang together with the border.
pub(super) fn reached_from_border(ground: &Ground, border: impl Fn(usize) -> bool) -> Vec<bool> {
    let mut all = vec![false; ground.heights.len()];
    for at in (0..all.len()).filter(|at| border(*at)) {
        let seen = reached(ground, at, true, |at| ground.heights[at].is_nan());
        all.iter_mut().zip(seen).for_each(|(all, seen)| *all |= seen);
    }
    all
}

pub(super) fn layer(dataset: &str, parcels: Vec<Parcel>) -> LoadedLayer {
    LoadedLayer {
        dataset: dataset.to_owned(),
        revision: "r1".to_owned(),
        title: dataset.to_owned(),
        valid_from: "2024-01-01T00:00:00Z".to_owned(),
        bounds_lon_lat_deg: [109.0, 28.0, 110.0, 29.0],
        repairs: Vec::new(),
        layer: ParcelLayer { source: format!("{dataset}@r1"), code_system: "none".to_owned(), crs: plane(), parcels },
    }
}

pub(super) fn attributes(value: &Value) -> serde_json::Map<String, Value> {
    value.as_object().expect("an object").clone()
}

/// A house of 6 m x 6 m at a place.
pub(super) fn house(number: &str, [x, y]: [f64; 2], people: u32, purpose: &str) -> Parcel {
    let corners = [[x - 3.0, y - 3.0], [x - 3.0, y + 3.0], [x + 3.0, y + 3.0], [x + 3.0, y - 3.0]];
    Parcel {
        id: number.to_owned(),
        attributes: attributes(&json!({
            "FWBH": number, "FWYT": purpose, "HS": 1, "RKS": people, "HZXM": "张三丰", "LXDH": "13812341234", "CUN": "龙潭村",
        })),
        polygons: vec![Polygon { exterior: placed(&corners), holes: Vec::new() }],
        ..Parcel::default()
    }
}

/// A bowl, houses at 20, 60, 100 and 150 m from its middle, of which the second is a roof in the heights, a road through the middle, a shelter and places.
pub(super) fn bowl_with_houses() -> (Ground, BTreeMap<String, LoadedLayer>) {
    let ground = made([400, 400], 1.0, |x, y| {
        let is_roof = (257.0..263.0).contains(&x) && (197.0..203.0).contains(&y);
        100.0 + (x - 200.0).hypot(y - 200.0).powi(2) / 1_000.0 + if is_roof { 9.0 } else { 0.0 }
    });
    let houses = vec![
        house("H1", [220.0, 200.0], 4, "住宅"),
        house("H2", [260.0, 200.0], 3, "住宅"),
        house("H3", [200.0, 300.0], 2, "厂房"),
        house("H4", [350.0, 200.0], 7, "住宅"),
    ];
    let road = Parcel {
        id: "L1".to_owned(),
        attributes: attributes(&json!({ "DLBH": "X001", "DLMC": "龙潭路", "DLDJ": "县道" })),
        lines: vec![placed(&[[0.0, 200.2], [137.0, 200.2], [390.0, 200.2]])],
        ..Parcel::default()
    };
    let point = |id: &str, place: [f64; 2], own: Value| Parcel {
        id: id.to_owned(),
        attributes: attributes(&own),
        points: placed(&[place]),
        ..Parcel::default()
    };
    let shelters = vec![
        point("S1", [200.0, 180.0], json!({ "BNCSMC": "龙潭小学", "LX": "学校", "RNRS": 300 })),
        point("S2", [30.0, 30.0], json!({ "BNCSMC": "村委会", "LX": "广场", "RNRS": 200 })),
    ];
    let places = vec![
        point("P1", [210.0, 210.0], json!({ "name": "卫生室", "type": "卫生室" })),
        point("P2", [190.0, 210.0], json!({ "name": "小卖部", "type": "商店" })),
    ];
    let layers = [("houses", houses), ("roads", vec![road]), ("shelters", shelters), ("facilities", places)];
    (ground, layers.into_iter().map(|(role, parcels)| (role.to_owned(), layer(role, parcels))).collect())
}
