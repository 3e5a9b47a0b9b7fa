//! Search for sites: an area whose free land is known by construction.

use std::collections::BTreeMap;

use analysis::{
    AnalysisError, Findings, LoadedLayer, Parcel, ParcelLayer, Polygon, RuleBook, Surface, Task, analysis,
    mechanism::{NoRasters, Unwatched},
};
use geodesy::{Crs, HeightDatum};
use serde_json::{Value, json};

const EAST: f64 = 375_000.0;
const NORTH: f64 = 3_134_000.0;

fn at(x: f64, y: f64, width: f64, height: f64) -> Vec<[f64; 2]> {
    let (x, y) = (EAST + x, NORTH + y);
    vec![[x, y], [x + width, y], [x + width, y + height], [x, y + height]]
}

fn layer(dataset: &str, parcels: Vec<Parcel>) -> (String, LoadedLayer) {
    let crs = Crs::from_epsg(4546).unwrap();
    let loaded = LoadedLayer {
        dataset: dataset.to_owned(),
        revision: "r1".to_owned(),
        title: dataset.to_owned(),
        valid_from: "2022-10-01T00:00:00Z".to_owned(),
        bounds_lon_lat_deg: [109.0, 28.0, 110.0, 29.0],
        repairs: Vec::new(),
        layer: ParcelLayer { source: format!("{dataset}@r1"), code_system: "unknown".to_owned(), crs, parcels },
    };
    (dataset.to_owned(), loaded)
}

fn polygon(id: &str, ring: Vec<[f64; 2]>) -> Parcel {
    Parcel { id: id.to_owned(), polygons: vec![Polygon { exterior: ring, holes: vec![] }], ..Parcel::default() }
}

/// Flat in the west, rising to the north at 45 degrees in the east; unknown in the north-west corner.
#[derive(Debug)]
struct Ground {
    crs: Crs,
}

impl Surface for Ground {
    fn source(&self) -> &'static str {
        "dem@r1"
    }
    fn crs(&self) -> &Crs {
        &self.crs
    }
    fn height_datum(&self) -> &HeightDatum {
        &HeightDatum::Normal1985
    }
    fn valid_from(&self) -> &'static str {
        "2024-01-01T00:00:00Z"
    }
    fn size(&self) -> [usize; 2] {
        [220, 220]
    }
    fn grid(&self) -> [f64; 4] {
        [EAST - 50.0, NORTH + 1_050.0, 5.0, 5.0]
    }
    fn window(&self, column: usize, row: usize, columns: usize, rows: usize) -> Result<Vec<f32>, AnalysisError> {
        assert!(column + columns <= 220 && row + rows <= 220, "the window lies inside the grid");
        let height = |index: usize| {
            let (x, y) =
                ((column + index % columns) as f32 * 5.0 - 47.5, 1_047.5 - (row + index / columns) as f32 * 5.0);
            if x < 100.0 && y > 900.0 {
                f32::NAN
            } else if x < 500.0 {
                300.0
            } else {
                300.0 + y
            }
        };
        Ok((0..columns * rows).map(height).collect())
    }
}

fn search(
    request: &Value,
    layers: Vec<(String, LoadedLayer)>,
    ground: Option<&Ground>,
) -> Result<Findings, AnalysisError> {
    let (plane, rules) = (Crs::from_epsg(4546).unwrap(), RuleBook::shipped());
    let layers: BTreeMap<String, LoadedLayer> = layers.into_iter().collect();
    let surfaces: BTreeMap<String, &dyn Surface> =
        ground.iter().map(|ground| ("dem".to_owned(), *ground as &dyn Surface)).collect();
    let task = Task {
        request,
        rules: &rules,
        plane: &plane,
        layers: &layers,
        surfaces: &surfaces,
        watch: &Unwatched,
        rasters: &NoRasters,
    };
    (analysis("sites").unwrap().run)(&task)
}

/// A square kilometre, cut by a strip of farmland into a west of 440 m and an east of 540 m, with a red line in the
/// east, a corner piece that is too small and a strip that is too narrow.
fn county() -> Vec<(String, LoadedLayer)> {
    let farmland = vec![polygon("1", at(440.0, -10.0, 20.0, 1_020.0)), polygon("2", at(0.0, 985.0, 440.0, 5.0))];
    let red = vec![
        polygon("1", at(460.0, 900.0, 490.0, 50.0)),
        polygon("2", at(950.0, 900.0, 50.0, 40.0)),
        polygon("3", at(920.0, 950.0, 30.0, 50.0)),
        polygon("4", at(460.0, 950.0, 460.0, 50.0)),
    ];
    let road = Parcel {
        id: "1".to_owned(),
        attributes: json!({ "DLMC": "乡道一", "KD": 8.0 }).as_object().cloned().unwrap(),
        lines: vec![vec![[EAST - 54.0, NORTH - 100.0], [EAST - 54.0, NORTH + 1_100.0]]],
        ..Parcel::default()
    };
    vec![layer("farmland", farmland), layer("redline", red), layer("roads", vec![road])]
}

fn request() -> Value {
    json!({
        "within": { "crs": "EPSG:4546", "parcels": [{ "name": "范围", "polygons": [[at(0.0, 0.0, 1_000.0, 1_000.0)]] }] },
        "free_of": ["farmland", "ecological-red-line"], "min_area_m2": 5_000.0, "slope_limit_deg": 15.0,
    })
}

#[test]
fn free_land_is_the_area_less_the_lines_and_ranked_by_slope_and_road() {
    let ground = Ground { crs: Crs::from_epsg(4546).unwrap() };
    let findings = search(&request(), county(), Some(&ground)).unwrap();
    let result = &findings.result;
    assert_eq!(result["searched"]["plane_m2"], 1_000_000.0);
    // West 440 x 1000 less a strip of 5 m; east 540 x 900 and the corner of 50 x 60 beside the red line, cut off by a
    // step of 50 x 40.
    let free = 440.0 * 1000.0 - 440.0 * 5.0 + 540.0 * 900.0 + 50.0 * 60.0;
    assert_eq!(result["free"]["plane_m2"], free);
    let shown = result["candidates"].as_array().unwrap();
    let areas: Vec<f64> = shown.iter().map(|c| c["plane_m2"].as_f64().unwrap()).collect();
    assert_eq!(areas, [440.0 * 985.0, 540.0 * 900.0], "the flat west by the road stands before the larger, steep east");
    let left_out = result["left_out"].as_array().unwrap();
    let of =
        |reason: &str| left_out.iter().find(|row| row["reason"] == reason).unwrap_or_else(|| panic!("{left_out:#?}"));
    assert_eq!((&of("small")["pieces"], &of("small")["plane_m2"]), (&json!(2), &json!(440.0 * 10.0 + 50.0 * 60.0)));
    let west = &shown[0];
    assert_eq!((&west["slope"]["mean_deg"], &west["slope"]["share_below"]), (&json!(0.0), &json!(1.0)));
    let unknown = west["slope"]["share_unknown"].as_f64().unwrap();
    // A cell beside unknown heights has no slope either.
    let expected = 105.0 * 90.0 / (440.0 * 985.0);
    assert!((unknown - expected).abs() < 0.01 * expected, "{unknown} {expected}");
    assert_eq!((&west["road_m"], &west["road"]), (&json!(50.0), &json!("乡道一")));
    let east = &shown[1];
    assert!((east["slope"]["mean_deg"].as_f64().unwrap() - 45.0 * 500.0 / 540.0).abs() < 1.5, "{east}");
    assert!((east["slope"]["share_below"].as_f64().unwrap() - 40.0 / 540.0).abs() < 0.02, "{east}");
    assert_eq!(east["road_m"], Value::Null);
    assert!(west["reasons_zh"].as_array().unwrap().iter().any(|r| r.as_str().unwrap().contains("距乡道一 50 米")));
    assert_eq!(findings.patches[0].properties["plane_m2"], west["plane_m2"]);
    let ring: Vec<[f64; 2]> = findings.patches[0].polygons[0].exterior.clone();
    assert!((geodesy::area::plane_area(&ring) - 440.0 * 985.0).abs() < 0.01);
    // Everything adds up.
    let sum: f64 =
        areas.iter().sum::<f64>() + left_out.iter().map(|row| row["plane_m2"].as_f64().unwrap()).sum::<f64>();
    assert!((sum - free).abs() < 1e-9);
}

#[test]
fn what_is_required_leaves_pieces_out_and_says_why() {
    let ground = Ground { crs: Crs::from_epsg(4546).unwrap() };
    let mut wanted = request();
    wanted["max_mean_slope_deg"] = json!(10.0);
    let findings = search(&wanted, county(), Some(&ground)).unwrap();
    assert_eq!(findings.result["candidates"].as_array().unwrap().len(), 1);
    assert!(findings.result["left_out"].to_string().contains("坡度过大"));
    let mut wanted = request();
    wanted["road_required"] = json!(true);
    let findings = search(&wanted, county(), None).unwrap();
    assert_eq!(findings.result["candidates"].as_array().unwrap().len(), 1);
    assert_eq!(findings.result["candidates"][0]["slope"], Value::Null, "no heights, no slope");
    let mut wanted = request();
    wanted["min_area_m2"] = json!(2_000.0);
    wanted["min_mean_width_m"] = json!(25.0);
    let findings = search(&wanted, county(), None).unwrap();
    assert!(findings.result["left_out"].to_string().contains("过于狭长"));
    assert_eq!(findings.result["candidates"].as_array().unwrap().len(), 3);
    let mut wanted = request();
    wanted["limit"] = json!(1);
    assert_eq!(search(&wanted, county(), None).unwrap().patches.len(), 1);
}

#[test]
fn land_far_larger_than_a_site_is_cut_into_blocks_that_add_up() {
    let mut wanted = request();
    wanted["block_m"] = json!(200.0);
    wanted["min_area_m2"] = json!(0.0);
    wanted["min_mean_width_m"] = json!(0.0);
    let findings = search(&wanted, county(), None).unwrap();
    let shown = findings.result["candidates"].as_array().unwrap();
    let areas: Vec<f64> = shown.iter().map(|c| c["plane_m2"].as_f64().unwrap()).collect();
    // West: 2 x 4 whole blocks, the rest cut by 440 and 985 m; in all 15. East: between 460 and 1,000 m, 0 and 900 m.
    assert_eq!(areas.iter().filter(|m2| **m2 == 40_000.0).count(), 8 + 8, "{areas:?}");
    assert_eq!(areas.len(), 15 + 15 + 2);
    assert!((areas.iter().sum::<f64>() - findings.result["free"]["plane_m2"].as_f64().unwrap()).abs() < 1e-6);
    wanted["block_m"] = json!(1.0);
    assert!(search(&wanted, county(), None).is_err());
}

#[test]
fn land_may_be_asked_to_lie_inside_a_line_and_missing_lines_are_said() {
    let mut layers = county();
    layers.push(layer("urban-boundary", vec![polygon("1", at(0.0, 0.0, 200.0, 200.0))]));
    let mut wanted = request();
    wanted["inside_of"] = json!(["urban-boundary"]);
    let findings = search(&wanted, layers.clone(), None).unwrap();
    assert_eq!(findings.result["free"]["plane_m2"], 40_000.0);
    assert_eq!(findings.result["complete"], true);
    layers.remove(1);
    let findings = search(&wanted, layers, None).unwrap();
    assert_eq!(findings.result["complete"], false);
    assert_eq!(findings.result["not_checked"][0]["rule"], "ecological-red-line");
}

#[test]
fn a_box_in_degrees_is_a_search_area_and_bad_requests_are_refused() {
    let rules = RuleBook::shipped();
    let kind = analysis("sites").unwrap();
    let wanted = (kind.wanted)(&json!({ "within": [109.7, 28.3, 109.71, 28.31] }), &rules).unwrap();
    assert_eq!(wanted.surfaces[0].dataset, "dem");
    assert!(
        wanted.layers.iter().any(|l| l.dataset == "roads") && wanted.layers.iter().any(|l| l.dataset == "farmland")
    );
    let findings = search(&json!({ "within": [109.7, 28.3, 109.71, 28.31], "free_of": [] }), vec![], None).unwrap();
    let hectares = findings.result["free"]["ellipsoidal_ha"].as_f64().unwrap();
    assert!((hectares - 108.7).abs() < 0.3, "{hectares}");
    for (key, value) in [
        ("free_of", json!(["nothing"])),
        ("min_area_m2", json!(-1)),
        ("within", json!([1, 2])),
        ("within", json!(null)),
        ("limit", json!("all")),
    ] {
        let mut bad = request();
        bad[key] = value;
        assert!((kind.wanted)(&bad, &rules).is_err(), "{key}");
    }
}

#[test]
fn a_surface_in_another_plane_gives_the_same_slope() {
    let (own, other) = (Ground { crs: Crs::from_epsg(4546).unwrap() }, Moved);
    let a = search(&request(), county(), Some(&own)).unwrap().result;
    let rules = RuleBook::shipped();
    let plane = Crs::from_epsg(4546).unwrap();
    let layers: BTreeMap<String, LoadedLayer> = county().into_iter().collect();
    let surfaces: BTreeMap<String, &dyn Surface> = [("dem".to_owned(), &other as &dyn Surface)].into_iter().collect();
    let request = request();
    let task = Task {
        request: &request,
        rules: &rules,
        plane: &plane,
        layers: &layers,
        surfaces: &surfaces,
        watch: &Unwatched,
        rasters: &NoRasters,
    };
    let b = (analysis("sites").unwrap().run)(&task).unwrap().result;
    assert_eq!(a["candidates"], b["candidates"]);
}

/// The same ground with zone numbers before its eastings.
#[derive(Debug)]
struct Moved;

impl Surface for Moved {
    fn source(&self) -> &'static str {
        "dem@r2"
    }
    fn crs(&self) -> &Crs {
        static CRS: std::sync::LazyLock<Crs> = std::sync::LazyLock::new(|| Crs::from_epsg(4525).unwrap());
        &CRS
    }
    fn height_datum(&self) -> &HeightDatum {
        &HeightDatum::Normal1985
    }
    fn valid_from(&self) -> &'static str {
        "2024-01-01T00:00:00Z"
    }
    fn size(&self) -> [usize; 2] {
        [220, 220]
    }
    fn grid(&self) -> [f64; 4] {
        [EAST + 37e6 - 50.0, NORTH + 1_050.0, 5.0, 5.0]
    }
    fn window(&self, column: usize, row: usize, columns: usize, rows: usize) -> Result<Vec<f32>, AnalysisError> {
        Ground { crs: Crs::from_epsg(4546).unwrap() }.window(column, row, columns, rows)
    }
}

#[test]
fn a_distance_kept_from_a_line_takes_land_and_is_said() {
    let area = |wanted: &Value| {
        let findings = search(wanted, county(), None).unwrap();
        (findings.result["free"]["plane_m2"].as_f64().unwrap(), findings.result)
    };
    let mut wanted = request();
    wanted["free_of"] = json!(["farmland"]);
    let (plain, _) = area(&wanted);
    wanted["keep_m"] = json!({ "farmland": 20.0 });
    let (kept, result) = area(&wanted);
    // 20 m on both sides of the strip in the middle, and above and below the one in the north-west, which the first
    // takes the last 20 m of.
    let expected = 40.0 * 1_000.0 + 420.0 * (20.0 + 10.0);
    // A hundredth of the distance may be given away along borders of some 3 km.
    let off = plain - kept - expected;
    assert!((-1e-6..=0.2 * 3_000.0).contains(&off), "{plain} {kept}: off by {off}");
    assert_eq!(result["criteria"]["keep_m"], json!({ "farmland": 20.0 }));
    assert_eq!(result["taken"][0]["keep_m"], json!(20.0));
    let reasons = result["candidates"][0]["reasons_zh"].as_array().unwrap();
    assert!(reasons.iter().any(|reason| reason.as_str().unwrap().contains("不小于 20 米")), "{reasons:?}");
    // A rule that keeps a distance by itself keeps it here too: a hazard point in the middle of the west.
    let mut layers = county();
    let point = Parcel { id: "1".to_owned(), points: vec![[EAST + 200.0, NORTH + 500.0]], ..Parcel::default() };
    layers.push(layer("hazard-points", vec![point]));
    wanted["keep_m"] = json!(null);
    wanted["free_of"] = json!(["farmland", "hazard-point"]);
    let findings = search(&wanted, layers, None).unwrap();
    let circle = plain - findings.result["free"]["plane_m2"].as_f64().unwrap();
    let exact = std::f64::consts::PI * 200.0 * 200.0;
    assert!((exact..exact * 1.02).contains(&circle), "{circle} {exact}");
    for bad in [json!({ "nothing": 5.0 }), json!({ "farmland": -1.0 }), json!({ "farmland": 1e9 }), json!([1])] {
        wanted["keep_m"] = bad;
        assert!(search(&wanted, county(), None).is_err(), "{wanted}");
    }
}
