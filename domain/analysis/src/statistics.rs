//! 分区统计: how much of each class of a layer lies in each administrative unit. No rule judges here; what is outside the
//! layer or outside every unit is stated as such, so that the table adds up to everything that was measured.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    Analysis, AnalysisError, DataWanted, Findings, LayerWanted, OverlayOptions, RuleBook, Task,
    figures::{Areas, Figures, balanced},
    mechanism::sources,
    overlay,
};

/// The analysis.
pub const STATISTICS: Analysis = Analysis {
    name: "statistics",
    title_zh: "分区统计",
    title_en: "Areas by unit and class",
    results_are_datasets: false,
    wanted,
    run,
};

/// Version of this rule in results; changes when the same input may give another result.
const RULE: &str = "statistics/1";
/// Roles of the two layers.
const ROLES: [&str; 2] = ["units", "layer"];

fn wanted(request: &Value, _: &RuleBook) -> Result<DataWanted, AnalysisError> {
    let text = |role: &str, field: &str| request[role][field].as_str().map(str::to_owned);
    let layers = ROLES.map(|role| {
        let dataset = text(role, "dataset").ok_or_else(|| AnalysisError::Request {
            what_zh: format!("请在 {role}.dataset 写明数据集标识"),
            what_en: format!("name a dataset in {role}.dataset"),
        })?;
        let time = |name: &str| text(role, name).or_else(|| request[name].as_str().map(str::to_owned));
        Ok(LayerWanted {
            role: role.to_owned(),
            dataset,
            class_field: text(role, "class_field"),
            code_system: text(role, "code_system"),
            datetime: time("datetime"),
            recorded: time("recorded"),
            ..LayerWanted::default()
        })
    });
    let layers = layers.into_iter().collect::<Result<Vec<_>, AnalysisError>>()?;
    Ok(DataWanted { layers, ..DataWanted::default() })
}

fn run(task: &Task<'_>) -> Result<Findings, AnalysisError> {
    let [units, layer] = ROLES.map(|role| task.layer(role));
    task.watch.progress(0.1, "叠加统计单元与图层");
    let options = OverlayOptions { keep_geometry: false, ..OverlayOptions::default() };
    let found = overlay(&units?.layer, &layer?.layer, &options)?;
    if task.watch.cancelled() {
        return Err(AnalysisError::Cancelled);
    }
    let cells: Vec<_> = found.matrix.iter().collect();
    let measured: Vec<Areas> = cells
        .iter()
        .map(|(_, totals)| Areas { plane_m2: totals.plane_m2, ellipsoidal_m2: totals.ellipsoidal_m2 })
        .collect();
    let total = Figures::of(measured.iter().copied().sum());
    let stated = balanced(&measured, total)?;
    let mut by_unit: BTreeMap<&Option<String>, (usize, Figures)> = BTreeMap::new();
    let mut by_class: BTreeMap<&Option<String>, (usize, Figures)> = BTreeMap::new();
    let mut rows = Vec::with_capacity(cells.len());
    for (((unit, class), totals), figures) in cells.into_iter().zip(stated) {
        // What lies in no unit counts in no unit, and ground without the layer is of no class.
        for (sums, key) in [(&mut by_unit, unit), (&mut by_class, class)] {
            let sum = sums.entry(key).or_default();
            *sum = (sum.0 + totals.patches, [sum.1, figures].into_iter().sum());
        }
        rows.push(row(&[("unit", unit), ("class", class)], totals.patches, figures));
    }
    let list = |name: &str, sums: BTreeMap<&Option<String>, (usize, Figures)>| {
        sums.into_iter().map(|(key, (patches, figures))| row(&[(name, key)], patches, figures)).collect::<Vec<_>>()
    };
    let result = json!({
        "analysis": STATISTICS.name,
        "rule": RULE,
        "sources": sources(task),
        "plane": task.plane.name(),
        "totals": row(&[], found.patches.len(), total),
        "cells": rows,
        "by_unit": list("unit", by_unit),
        "by_class": list("class", by_class),
    });
    Ok(Findings { result, patches: Vec::new() })
}

/// Names (null: none there), pieces and both areas.
fn row(names: &[(&str, &Option<String>)], pieces: usize, figures: Figures) -> Value {
    let mut row = Map::new();
    for (name, value) in names {
        row.insert((*name).to_owned(), json!(value));
    }
    row.insert("pieces".to_owned(), pieces.into());
    figures.put_m2(&mut row);
    Value::Object(row)
}

#[cfg(test)]
mod tests {
    use geodesy::Crs;
    use rust_decimal::Decimal;

    use super::*;
    use crate::{
        LoadedLayer, Parcel, ParcelLayer, Polygon,
        mechanism::{NoRasters, Unwatched},
        rounding::decimal_of,
    };

    fn layer(dataset: &str, squares: &[(&str, [f64; 4])]) -> LoadedLayer {
        let parcels = squares.iter().enumerate().map(|(at, (class, [x, y, width, height]))| Parcel {
            id: at.to_string(),
            class: (*class).to_owned(),
            polygons: vec![Polygon {
                exterior: [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
                    .map(|[dx, dy]| [374_000.0 + x + dx * width, 3_134_000.0 + y + dy * height])
                    .to_vec(),
                holes: Vec::new(),
            }],
            ..Parcel::default()
        });
        LoadedLayer {
            dataset: dataset.to_owned(),
            revision: "1".to_owned(),
            title: dataset.to_owned(),
            valid_from: "2024-01-01T00:00:00Z".to_owned(),
            bounds_lon_lat_deg: [109.0, 28.0, 110.0, 29.0],
            repairs: Vec::new(),
            layer: ParcelLayer {
                source: dataset.to_owned(),
                code_system: "test".to_owned(),
                crs: Crs::from_epsg(4546).expect("EPSG:4546"),
                parcels: parcels.collect(),
            },
        }
    }

    #[test]
    fn cells_add_up_to_units_classes_and_the_whole() {
        let layers = BTreeMap::from([
            (
                "units".to_owned(),
                layer("villages", &[("东村", [0.0, 0.0, 100.0, 100.0]), ("西村", [100.0, 0.0, 100.0, 100.0])]),
            ),
            (
                "layer".to_owned(),
                layer("land", &[("0101", [0.0, 0.0, 150.0, 60.0]), ("0301", [50.0, 60.0, 250.0, 10.0])]),
            ),
        ]);
        let plane = Crs::from_epsg(4546).expect("EPSG:4546");
        let request = json!({ "units": { "dataset": "villages" }, "layer": { "dataset": "land" } });
        let rules = RuleBook::default();
        assert_eq!(wanted(&request, &rules).expect("a good request").layers.len(), 2);
        assert!(wanted(&json!({ "units": { "dataset": "villages" } }), &rules).is_err());
        let task = Task {
            request: &request,
            rules: &rules,
            plane: &plane,
            layers: &layers,
            surfaces: &BTreeMap::new(),
            watch: &Unwatched,
            rasters: &NoRasters,
        };
        let found = run(&task).expect("two plain layers").result;
        let plane_m2 = |list: &str, keys: &[(&str, Value)]| {
            found[list]
                .as_array()
                .expect("a list")
                .iter()
                .find(|row| keys.iter().all(|(name, value)| row[name] == *value))
                .expect("a row")["plane_m2"]
                .clone()
        };
        assert_eq!(plane_m2("cells", &[("unit", "东村".into()), ("class", "0101".into())]), 6000.0);
        assert_eq!(plane_m2("cells", &[("unit", "西村".into()), ("class", "0101".into())]), 3000.0);
        assert_eq!(plane_m2("cells", &[("unit", "西村".into()), ("class", Value::Null)]), 6000.0);
        assert_eq!(plane_m2("cells", &[("unit", Value::Null), ("class", "0301".into())]), 1000.0);
        assert_eq!(plane_m2("by_unit", &[("unit", "东村".into())]), 10_000.0);
        assert_eq!(plane_m2("by_class", &[("class", "0301".into())]), 2500.0);
        assert_eq!(found["totals"]["plane_m2"], 21_000.0);
        for list in ["cells", "by_unit", "by_class"] {
            let stated = |row: &Value| decimal_of(row["ellipsoidal_m2"].as_f64().expect("a number")).expect("finite");
            let sum: Decimal = found[list].as_array().expect("a list").iter().map(stated).sum();
            assert_eq!(sum, stated(&found["totals"]), "{list}");
        }
    }
}
