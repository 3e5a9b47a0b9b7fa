//! 地形分析: what a surface says of the ground's shape and of what is seen from where.
//!
//! Request, where `D` is `{"dataset", "datetime"?, "recorded"?}`: `{"surface": D, "within"?: area, "rasters"?: bool, "product": …}` with
//! - `slope` (坡度分级), `aspect` (坡向), `hillshade` (晕渲; `azimuth_deg`?, `altitude_deg`?, `z_factor`?);
//! - `contours` (等高线): `interval_m`, `base_m`?;
//! - `viewshed` (可视域): `observer` `[lon, lat]`, `radius_m`, `eye_m`?, `target_m`?, `curvature`?;
//! - `sight` (通视): `from` and `to` `[lon, lat]`, `eye_m`?, `target_m`?, `curvature`?.
//!
//! An area is what a red line may be, or `[west, south, east, north]` degrees; cells count whose middle lies in it. `rasters`
//! asks for the grid, too: by default for all but `slope`. Surfaces are read in bands of rows, never whole.

mod contour;
pub(crate) mod gradient;
mod outline;
mod sight;
mod viewshed;

use geodesy::{Crs, Transform};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    AnalysisError, FoundPatch, Polygon, Surface,
    change::Asked,
    figures::rounded,
    marks::Window,
    mechanism::{Analysis, DataWanted, Findings, RasterMade, RuleBook, RuleDocument, Task, sources},
    sites::area_asked,
    slope::{rings_of, spans},
    terrain_change::pair::cell_m,
};

/// The analysis.
pub(crate) static TERRAIN: Analysis = Analysis {
    name: "terrain",
    title_zh: "地形分析",
    title_en: "Shape of the ground",
    results_are_datasets: true,
    wanted,
    run,
};

/// Name of this rule in results; changes when the same input may give another result.
const RULE: &str = "terrain/1";
/// Its rule document.
pub(crate) const RULE_DOCUMENT: &str = "terrain";
/// Role of the surface.
const SURFACE: &str = "surface";
/// Cells that are looked at: 20,000 x 20,000.
const MOST_CELLS: usize = 400_000_000;
/// Metres of a degree, near enough for a box.
const DEGREE_M: f64 = 110_000.0;
/// Heights above the ground that may be asked for: masts, aircraft.
const MOST_ABOVE_M: f64 = 10_000.0;

#[derive(Debug, Deserialize)]
struct Request {
    surface: Asked,
    #[serde(default)]
    within: Value,
    rasters: Option<bool>,
    #[serde(flatten)]
    product: Product,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(tag = "product", rename_all = "lowercase")]
enum Product {
    Slope,
    Aspect,
    Hillshade(LightAsked),
    Contours(ContoursAsked),
    Viewshed(ViewshedAsked),
    Sight(SightAsked),
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct LightAsked {
    azimuth_deg: Option<f64>,
    altitude_deg: Option<f64>,
    z_factor: Option<f64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct ContoursAsked {
    interval_m: f64,
    #[serde(default)]
    base_m: f64,
}

/// Heights above the ground of who looks and of what is looked at, and how the Earth bends away.
#[derive(Debug, Clone, Copy, Deserialize)]
struct ViewAsked {
    eye_m: Option<f64>,
    target_m: Option<f64>,
    curvature: Option<f64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct ViewshedAsked {
    observer: [f64; 2],
    radius_m: f64,
    #[serde(flatten)]
    view: ViewAsked,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct SightAsked {
    from: [f64; 2],
    to: [f64; 2],
    #[serde(flatten)]
    view: ViewAsked,
}

/// The same, complete.
#[derive(Debug, Clone, Copy)]
struct View {
    eye_m: f64,
    target_m: f64,
    /// 1 for the bare Earth, less what refraction bends the line of sight back.
    curvature: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    #[expect(dead_code, reason = "every rule document has it; the rule book's version is what results name")]
    document: toml::Table,
    slope_class: Vec<SlopeClass>,
    hillshade: Light,
    contours: ContourRules,
    sight: SightRules,
    viewshed: ViewshedRules,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SlopeClass {
    name: String,
    to_deg: f64,
}

/// Where light comes from, and by how much heights are exaggerated.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Light {
    azimuth_deg: f64,
    altitude_deg: f64,
    z_factor: f64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContourRules {
    index_every: u32,
    least_interval_m: f64,
    most_points: usize,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct SightRules {
    eye_m: f64,
    target_m: f64,
    curvature: f64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct ViewshedRules {
    most_cells: usize,
    least_m2: f64,
    most_pieces: usize,
    most_points: usize,
}

fn refuse(what_zh: impl Into<String>, what_en: impl Into<String>) -> AnalysisError {
    AnalysisError::Request { what_zh: what_zh.into(), what_en: what_en.into() }
}

fn nothing_known() -> AnalysisError {
    refuse(
        "所圈范围内没有可用的高程，请换一个范围或数据集",
        "there are no heights in this area: choose another area or dataset",
    )
}

/// Says how far it is, and ends where nobody waits.
fn check_watch(task: &Task<'_>, done: f64, doing: &str) -> Result<(), AnalysisError> {
    if task.watch.cancelled() {
        return Err(AnalysisError::Cancelled);
    }
    task.watch.progress(done, doing);
    Ok(())
}

/// Refuses a document that cannot be used.
pub(crate) fn check(document: &RuleDocument) -> Result<(), AnalysisError> {
    rules_of(document).map(|_| ())
}

fn rules_of(document: &RuleDocument) -> Result<Rules, AnalysisError> {
    let bad = |what: &str| AnalysisError::BadRule { name: RULE_DOCUMENT.to_owned(), what: what.to_owned() };
    let rules: Rules = toml::from_str(&document.text).map_err(|error| bad(&error.to_string()))?;
    let rising = rules.slope_class.windows(2).all(|pair| pair[0].to_deg < pair[1].to_deg);
    let fine = |deg: f64| (0.0..=90.0).contains(&deg) && (deg * 100.0 - (deg * 100.0).round()).abs() < 1e-6;
    if !rising
        || rules.slope_class.last().is_none_or(|last| last.to_deg < 90.0)
        || !rules.slope_class.iter().all(|c| fine(c.to_deg))
    {
        return Err(bad(
            "[[slope_class]] 应逐级增大至 90°，界限精确到 0.01° (limits rise to 90, in hundredths of a degree)",
        ));
    }
    if !is_light(rules.hillshade) {
        return Err(bad("[hillshade] 方位角 0–360、高度角 0–90、放大倍数大于 0 (a light that can shine)"));
    }
    let contours = rules.contours;
    if contours.index_every == 0
        || !(0.01..=1000.0).contains(&contours.least_interval_m)
        || !(1_000..=10_000_000).contains(&contours.most_points)
    {
        return Err(bad(
            "[contours] 等高距下限 0.01–1000 米，折点数 1000–1000 万 (interval from 0.01 m, points up to 1e7)",
        ));
    }
    let SightRules { eye_m, target_m, curvature } = rules.sight;
    if !is_view(View { eye_m, target_m, curvature }) {
        return Err(bad("[sight] 眼高、目标高 0–10000 米，系数 0–1 (heights 0 to 10000 m, curvature 0 to 1)"));
    }
    let ViewshedRules { most_cells, least_m2, most_pieces, most_points } = rules.viewshed;
    if !(1..=MOST_CELLS).contains(&most_cells)
        || !(0.0..1e9).contains(&least_m2)
        || most_pieces > 100_000
        || most_points > 10_000_000
    {
        return Err(bad("[viewshed] 的上限过大或为负 (a limit is negative or too large)"));
    }
    Ok(rules)
}

fn is_light(light: Light) -> bool {
    (0.0..=360.0).contains(&light.azimuth_deg)
        && (0.0..=90.0).contains(&light.altitude_deg)
        && (1e-3..=1e3).contains(&light.z_factor)
}

fn is_view(view: View) -> bool {
    [view.eye_m, view.target_m].iter().all(|m| (0.0..=MOST_ABOVE_M).contains(m))
        && (0.0..=1.0).contains(&view.curvature)
}

fn is_place([lon, lat]: [f64; 2]) -> bool {
    (-180.0..=360.0).contains(&lon) && (-90.0..=90.0).contains(&lat)
}

fn read(request: &Value) -> Result<Request, AnalysisError> {
    let read: Request = serde_json::from_value(request.clone())
        .map_err(|error| refuse(format!("地形分析的请求无法读取：{error}"), error.to_string()))?;
    let places = match read.product {
        Product::Viewshed(asked) => vec![asked.observer],
        Product::Sight(asked) => vec![asked.from, asked.to],
        _ => return Ok(read),
    };
    if !places.into_iter().all(is_place) {
        return Err(refuse("观察点、目标点应为 [经度, 纬度]（度）", "a place is [longitude, latitude] in degrees"));
    }
    if !read.within.is_null() {
        return Err(refuse(
            "通视与可视域不使用 within，请改用 radius_m 或目标点",
            "a viewshed or a line of sight takes no within: state radius_m or a target",
        ));
    }
    if let Product::Viewshed(ViewshedAsked { radius_m, .. }) = read.product
        && !(radius_m > 0.0 && radius_m <= 1e6)
    {
        return Err(refuse("可视域半径 radius_m 应大于 0 且不超过 1000 公里", "radius_m is above 0 and up to 1000 km"));
    }
    Ok(read)
}

impl ViewAsked {
    fn complete(self, rules: SightRules) -> Result<View, AnalysisError> {
        let view = View {
            eye_m: self.eye_m.unwrap_or(rules.eye_m),
            target_m: self.target_m.unwrap_or(rules.target_m),
            curvature: self.curvature.unwrap_or(rules.curvature),
        };
        if !is_view(view) {
            return Err(refuse(
                "眼高 eye_m、目标高 target_m 应为 0 至 10000 米，曲率系数 curvature 应为 0 至 1",
                "eye_m and target_m are 0 to 10000 m, curvature is 0 to 1",
            ));
        }
        Ok(view)
    }
}

impl LightAsked {
    fn complete(self, rules: Light) -> Result<Light, AnalysisError> {
        let light = Light {
            azimuth_deg: self.azimuth_deg.unwrap_or(rules.azimuth_deg),
            altitude_deg: self.altitude_deg.unwrap_or(rules.altitude_deg),
            z_factor: self.z_factor.unwrap_or(rules.z_factor),
        };
        if !is_light(light) {
            return Err(refuse(
                "光源方位角应为 0 至 360 度，高度角 0 至 90 度，放大倍数 z_factor 为 0.001 至 1000",
                "azimuth_deg is 0 to 360, altitude_deg 0 to 90, z_factor 0.001 to 1000",
            ));
        }
        Ok(light)
    }
}

fn wanted(request: &Value, rules: &RuleBook) -> Result<DataWanted, AnalysisError> {
    rules_of(rules.document(RULE_DOCUMENT)?)?;
    let request = read(request)?;
    let around = |[lon, lat]: [f64; 2], reach_m: f64| {
        let high = reach_m / DEGREE_M;
        let wide = high / lat.to_radians().cos().max(0.01);
        [lon - wide, lat - high, lon + wide, lat + high]
    };
    let bounds = match request.product {
        Product::Viewshed(asked) => Some(around(asked.observer, asked.radius_m)),
        Product::Sight(SightAsked { from, to, .. }) => {
            Some([from[0].min(to[0]), from[1].min(to[1]), from[0].max(to[0]), from[1].max(to[1])])
        }
        _ if request.within.is_null() => None,
        _ => Some(area_asked(&request.within)?.bounds_lon_lat_deg()?),
    };
    Ok(DataWanted {
        surfaces: vec![request.surface.surface(SURFACE)],
        bounds_lon_lat_deg: bounds,
        ..DataWanted::default()
    })
}

fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let request = read(task.request)?;
    let document = task.rules.document(RULE_DOCUMENT)?;
    let rules = rules_of(document)?;
    let surface = *task
        .surfaces
        .get(SURFACE)
        .ok_or_else(|| refuse("缺少高程数据 surface", "the elevation dataset surface is missing"))?;
    let area = || Ground::new(task, surface, &request.within);
    let rasters = request.rasters.unwrap_or(!matches!(request.product, Product::Slope));
    let gradient = |kind| Ok::<_, AnalysisError>((gradient::run(task, &area()?, &rules, kind, rasters)?, Vec::new()));
    let (name, (found, patches)): (&str, (Value, Vec<FoundPatch>)) = match request.product {
        Product::Slope => ("slope", gradient(gradient::Kind::Slope)?),
        Product::Aspect => ("aspect", gradient(gradient::Kind::Aspect)?),
        Product::Hillshade(light) => {
            ("hillshade", gradient(gradient::Kind::Hillshade(light.complete(rules.hillshade)?))?)
        }
        Product::Contours(asked) => ("contours", contour::run(task, &area()?, asked, rules.contours)?),
        Product::Viewshed(asked) => ("viewshed", viewshed::run(task, surface, asked, &rules, rasters)?),
        Product::Sight(asked) => ("sight", sight::run(task, surface, asked, &rules)?),
    };
    let mut result = json!({
        "analysis": TERRAIN.name, "product": name,
        "rule": RULE, "rule_versions": { RULE_DOCUMENT: document.version }, "sources": sources(task),
    });
    if let (Value::Object(result), Value::Object(found)) = (&mut result, found) {
        result.extend(found);
    }
    Ok(Findings { result, patches })
}

/// The part of a surface that is looked at.
#[derive(Debug)]
struct Ground<'s> {
    surface: &'s dyn Surface,
    window: Window,
    /// Of the area, in the surface's system; none for all of it.
    rings: Vec<Vec<[f64; 2]>>,
}

impl<'s> Ground<'s> {
    fn new(task: &Task<'_>, surface: &'s dyn Surface, within: &Value) -> Result<Self, AnalysisError> {
        let [columns, rows] = surface.size();
        let mut ground = Self { surface, window: Window { column: 0, row: 0, columns, rows }, rings: Vec::new() };
        if !within.is_null() {
            let area = area_asked(within)?.in_plane(task.plane)?;
            let polygons: Vec<Polygon> = area.parcels.into_iter().flat_map(|parcel| parcel.polygons).collect();
            ground.rings = rings_of(surface, &polygons, task.plane)?;
            ground.window = ground.window.narrowed(surface.grid(), &ground.rings.concat());
        }
        if ground.window.cells() == 0 {
            return Err(refuse(
                "所圈范围不在高程数据的范围内，请重新圈定",
                "the area lies outside of the elevation dataset: draw it again",
            ));
        }
        if ground.window.cells() > MOST_CELLS {
            return Err(refuse(
                "范围内超过 4 亿个像元，请用 within 圈定较小的范围",
                "there are more than 400 million cells: say within which area to look",
            ));
        }
        Ok(ground)
    }

    /// Width and height of the cells of a row of the window, metres.
    fn cell_m(&self, row: usize) -> [f64; 2] {
        cell_m(self.surface, (self.window.row + row) as f64 + 0.5)
    }

    fn middle_cell_m(&self) -> [Value; 2] {
        self.cell_m(self.window.rows / 2).map(|m| rounded(m, 3))
    }

    /// Which columns of a row of the window lie in the area.
    fn inside(&self, row: usize) -> Vec<(usize, usize)> {
        let columns = self.window.columns;
        if self.rings.is_empty() {
            return vec![(0, columns)];
        }
        let [west, north, width, height] = self.surface.grid();
        let y = north - ((self.window.row + row) as f64 + 0.5) * height;
        let cell =
            |x: f64| ((x - west) / width - self.window.column as f64 - 0.5).ceil().clamp(0.0, columns as f64) as usize;
        spans(&self.rings, y).into_iter().map(|[from, to]| (cell(from), cell(to))).collect()
    }

    /// Positions counted in cells from the window's north-west corner, in the task's plane.
    fn in_plane(&self, task: &Task<'_>, cells: &mut [[f64; 2]]) -> Result<(), AnalysisError> {
        let [west, north, width, height] = self.surface.grid();
        let Window { column, row, .. } = self.window;
        for [x, y] in cells.iter_mut() {
            (*x, *y) = (west + (column as f64 + *x) * width, north - (row as f64 + *y) * height);
        }
        if self.surface.crs() != task.plane {
            Transform::new(self.surface.crs(), task.plane)?.points(cells)?;
        }
        Ok(())
    }

    fn raster(
        &self,
        name: &'static str,
        title_zh: &'static str,
        title_en: &'static str,
        unit: &'static str,
    ) -> RasterMade {
        let [west, north, width, height] = self.surface.grid();
        let Window { column, row, columns, rows } = self.window;
        RasterMade {
            name,
            title_zh,
            title_en,
            unit,
            crs: self.surface.crs().clone(),
            size: [columns, rows],
            grid: [west + column as f64 * width, north - row as f64 * height, width, height],
        }
    }
}

/// The cell of the surface that a place lies in, as column and row with fractions.
fn cell_of(surface: &dyn Surface, place: [f64; 2], what: [&str; 2]) -> Result<[f64; 2], AnalysisError> {
    let mut places = [place];
    Transform::new(&Crs::cgcs2000(), surface.crs())?.points(&mut places)?;
    let [west, north, width, height] = surface.grid();
    let cell = [(places[0][0] - west) / width, (north - places[0][1]) / height];
    let inside = cell.iter().zip(surface.size()).all(|(at, count)| *at >= 0.0 && *at < count as f64);
    if inside {
        return Ok(cell);
    }
    let [zh, en] = what;
    Err(refuse(
        format!("{zh}不在高程数据“{}”的范围内，请移到范围以内", surface.source()),
        format!("{en} lies outside of {}: move it inside", surface.source()),
    ))
}

fn without_height(what: [&str; 2]) -> AnalysisError {
    let [zh, en] = what;
    refuse(
        format!("{zh}处没有高程（空洞），请移到有高程的地方"),
        format!("there is no height at {en} (a void): move it to where there is one"),
    )
}
