//! What the water covers and whom it reaches, in numbers, in words and on the map.

use geodesy::HeightDatum;
use serde_json::{Map, Value, json};

use super::depth::{Classes, Sum};
use super::fill::{Looked, connected};
use super::ground::Ground;
use super::lake::Lake;
use super::request::{Mode, RULE_DOCUMENT, Request, Rules};
use super::roads::Roads;
use super::struck::{Count, Struck, houses_json, places_json};
use super::{Breach, REGISTERS, RULE, Water};
use crate::{
    AnalysisError, FoundPatch, Task,
    figures::{Areas, Figures, metres, rounded},
    marks::Marks,
    mechanism::{Findings, sources},
    registers::{Register, Registers},
};

/// Everything that was found.
pub(super) struct Found<'r, 't> {
    pub(super) task: &'r Task<'t>,
    pub(super) request: &'r Request,
    pub(super) rules: &'r Rules,
    pub(super) registers: &'r Registers,
    pub(super) ground: &'r Ground<'r>,
    pub(super) looked: &'r Looked,
    /// Cells beside which the survey ends, and the area asked for.
    pub(super) edges: (&'r Marks, Option<&'r Marks>),
    /// Cells of barriers that stayed closed.
    pub(super) barriers: usize,
    pub(super) breaches: Vec<Breach>,
    pub(super) struck: Struck<'r>,
    pub(super) roads: Option<Roads<'r>>,
    pub(super) classes: Classes,
}

/// What limits what the figures are worth.
struct Limits {
    edge_of_data: usize,
    edge_of_area: usize,
    /// Ground without heights beside the water.
    void: Areas,
    /// Hollows that nothing fills: how many, their ground, and its share.
    hollows: Option<(usize, Areas, f64)>,
}

impl Found<'_, '_> {
    pub(super) fn findings(mut self, water: &Water<'_>) -> Result<Findings, AnalysisError> {
        let all = self.classes.sums.iter().fold(Sum::default(), Sum::and);
        let limits = self.limits(water, all.areas);
        let houses = self.rules.houses;
        let (houses_found, by_class) =
            houses_json(&self.struck, self.registers, &self.classes, houses.least_m, houses.listed);
        let places = |register| {
            let listed = self.rules.places.listed;
            places_json(&self.struck, register, self.registers, &self.classes, houses.least_m, listed)
        };
        let (shelters, facilities) = (places(Register::Shelters), places(Register::Facilities));
        let (roads, mut lines) = self.roads.take().map_or((Value::Null, Vec::new()), |roads| {
            roads.found(self.registers, self.rules.roads.cut_m, self.rules.roads.listed)
        });
        let (classes, mut patches, side) = self.classes_found(&by_class)?;
        patches.append(&mut lines);
        let missing: Vec<&str> = REGISTERS
            .into_iter()
            .filter(|register| self.task.register(*register).is_none())
            .map(Register::role)
            .collect();
        let mut flooded = Map::new();
        Figures::of(all.areas).put(&mut flooded);
        all.put(&mut flooded);
        let datum = self.ground.surface().height_datum();
        let document = self.task.rules.document(RULE_DOCUMENT)?;
        let mut result = json!({
            "rule": RULE, "rule_versions": { RULE_DOCUMENT: document.version }, "sources": sources(self.task),
            "mode": self.request.mode.name(), "level_m": rounded(water.level_m, 3),
            "height_datum": datum.to_string(),
            "neighbours": if self.rules.fill.corners { 8 } else { 4 },
            "cells": {
                "size_m": self.ground.cell_m(self.task.plane)?.map(|m| rounded(m, 3)),
                "looked_at": self.looked.cells, "outline_cells": side,
                "without_height": self.looked.void.count(),
            },
            "lowest_ground_m": rounded(f64::from(self.looked.lowest_m), 3),
            "flooded": flooded, "classes": classes,
            "houses": houses_found, "roads": roads, "shelters": shelters, "facilities": facilities,
            "missing": missing,
            "edge": {
                "is_lower_bound": limits.edge_of_data + limits.edge_of_area > 0,
                "cells_at_edge_of_data": limits.edge_of_data, "cells_at_edge_of_area": limits.edge_of_area,
            },
            "void_beside_m2": rounded(limits.void.plane_m2, 1),
            "message": self.message(water, &all, &limits, &missing, &houses_found, &roads),
        });
        if let Value::Object(result) = &mut result {
            if let Some((count, areas, part)) = limits.hollows {
                let mut row = Map::new();
                row.insert("pieces".to_owned(), json!(count));
                Figures::of(areas).put_m2(&mut row);
                row.insert("share".to_owned(), rounded(part, 4));
                result.insert("hollows".to_owned(), Value::Object(row));
            }
            if !self.request.barriers.is_empty() {
                let breaches: Vec<Value> = self
                    .breaches
                    .iter()
                    .map(|breach| {
                        json!({ "at": breach.at_lon_lat, "cells": breach.cells, "below_level": breach.is_low })
                    })
                    .collect();
                result.insert("barriers".to_owned(), json!({ "cells": self.barriers, "breaches": breaches }));
            }
            if let Some(lake) = &water.lake {
                let (found, spill) = self.lake(lake)?;
                result.insert("dam".to_owned(), found);
                patches.push(spill);
            }
        }
        Ok(Findings { result, patches })
    }

    fn limits(&self, water: &Water<'_>, all: Areas) -> Limits {
        let beside = |edge: &Marks| edge.clone().with(&water.wet, |edge, wet| edge & wet).count();
        let edge_of_data = beside(self.edges.0);
        let edge_of_area = self.edges.1.map_or(0, beside);
        let near = water.wet.stepped(true).with(&self.looked.void, |near, void| near & void);
        let void = self.ground.areas(&connected(&self.looked.void, &near, true));
        let hollows = water.hollows.as_ref().map(|(pieces, main)| {
            let whole = self.ground.areas(main);
            let areas = Areas {
                plane_m2: (all.plane_m2 - whole.plane_m2).max(0.0),
                ellipsoidal_m2: (all.ellipsoidal_m2 - whole.ellipsoidal_m2).max(0.0),
            };
            let part = if all.plane_m2 > 0.0 { areas.plane_m2 / all.plane_m2 } else { 0.0 };
            (pieces.saturating_sub(usize::from(main.bounds().is_some())), areas, part)
        });
        Limits { edge_of_data, edge_of_area, void, hollows }
    }

    /// The classes in a table and on the map, and of how many cells a side the outlines are drawn.
    fn classes_found(&mut self, by_class: &[Count]) -> Result<(Vec<Value>, Vec<FoundPatch>, usize), AnalysisError> {
        let (figures, total) = self.classes.figures()?;
        let (outlines, side) = self.classes.outlines(self.ground)?;
        let mut rows = Vec::new();
        let mut patches = Vec::new();
        for (class, polygons) in outlines.into_iter().enumerate() {
            let (from_m, to_m) = self.classes.range_m(class);
            let sum = &self.classes.sums[class];
            let mut row = Map::new();
            row.insert("from_m".to_owned(), json!(from_m));
            row.insert("to_m".to_owned(), json!(to_m));
            figures[class].put(&mut row);
            row.insert("share".to_owned(), figures[class].share_of(total));
            sum.put(&mut row);
            if self.task.register(Register::Houses).is_some() {
                by_class[class].put(&mut row);
            }
            rows.push(Value::Object(row.clone()));
            if sum.cells > 0 {
                row.insert("kind".to_owned(), json!("depth-class"));
                let id = format!("YMSS{:02}", class + 1);
                patches.push(FoundPatch { id, properties: row, polygons, ..FoundPatch::default() });
            }
        }
        Ok((rows, patches, side))
    }

    /// How the lake rises, and the place where it spills.
    fn lake(&self, lake: &Lake<'_>) -> Result<(Value, FoundPatch), AnalysisError> {
        let spill = lake.spill;
        let flooded = self.struck.flooded(Register::Houses, self.rules.houses.least_m);
        let curve: Vec<Value> = lake
            .curve
            .iter()
            .map(|step| {
                let mut row = Map::new();
                row.insert("level_m".to_owned(), rounded(step.level_m, 3));
                row.insert("greatest_m".to_owned(), rounded(step.level_m - f64::from(spill.lowest_m), 3));
                Figures::of(step.areas).put_m2(&mut row);
                row.insert("volume_m3".to_owned(), rounded(step.volume_m3, 1));
                if self.task.register(Register::Houses).is_some() {
                    let mut count = Count::default();
                    for footprint in flooded.iter().filter(|f| f.first_m.is_some_and(|first| first < step.level_m)) {
                        count.add(&self.registers.house(footprint.parcel));
                    }
                    count.put(&mut row);
                }
                Value::Object(row)
            })
            .collect();
        let middle = |(column, row): (usize, usize)| [column as f64 + 0.5, row as f64 + 0.5];
        let places = self.ground.in_plane(&[middle(spill.at), middle(spill.lowest)])?;
        let rounded_place = |place: [f64; 2]| place.map(|v| rounded(v, 2));
        let found = json!({
            "crest_m": lake.dam.map(|(crest_m, _)| rounded(crest_m, 3)),
            "bottom_m": rounded(f64::from(spill.lowest_m), 3), "bottom_at": rounded_place(places[1]),
            "spill": {
                "level_m": rounded(f64::from(spill.level_m), 3), "way": spill.way.name(), "at": rounded_place(places[0]),
            },
            "curve": curve,
        });
        let mut properties = Map::new();
        properties.insert("kind".to_owned(), json!("spill"));
        properties.insert("level_m".to_owned(), rounded(f64::from(spill.level_m), 3));
        properties.insert("way".to_owned(), json!(spill.way.name()));
        let patch = FoundPatch { id: "YLK01".to_owned(), properties, points: vec![places[0]], ..FoundPatch::default() };
        Ok((found, patch))
    }

    /// What whoever reads the figures must know first.
    fn message(
        &self,
        water: &Water<'_>,
        all: &Sum,
        limits: &Limits,
        missing: &[&str],
        houses: &Value,
        roads: &Value,
    ) -> Value {
        let mut said: Vec<[String; 2]> = Vec::new();
        let mut say = |zh: String, en: String| said.push([zh, en]);
        let level = metres(water.level_m);
        let (m2, m3) = (rounded(all.areas.plane_m2, 0), rounded(all.volume_m3, 0));
        if all.cells == 0 {
            let lowest = metres(f64::from(self.looked.lowest_m));
            say(
                format!("水位 {level} 米以下没有地面，最低处 {lowest} 米。"),
                format!("No ground lies below {level} m; the lowest is {lowest} m."),
            );
        } else {
            let deepest = metres(f64::from(all.greatest_m));
            say(
                format!("水位 {level} 米，淹没 {m2} 平方米，水量 {m3} 立方米，最深 {deepest} 米。"),
                format!("At {level} m {m2} m² are under water, {m3} m³, up to {deepest} m deep."),
            );
        }
        if let Some(lake) = &water.lake {
            let [zh, en] = lake.spill.way.words();
            say(format!("{level} 米为溢流水位：{zh}。"), format!("{level} m is where the lake spills: {en}."));
        }
        if let Some((count, areas, part)) = limits.hollows.filter(|(count, ..)| *count > 0) {
            let (m2, percent) = (rounded(areas.plane_m2, 0), rounded(part * 100.0, 1));
            say(
                format!(
                    "其中 {count} 处低洼地（{m2} 平方米，占 {percent}%）与主水面不连通，按水位淹没已计入；只看水能到达之处请用连通淹没。"
                ),
                format!(
                    "Of it {count} hollows ({m2} m², {percent} %) do not hang together with the main water and are counted; for what water reaches use fill."
                ),
            );
        }
        if limits.edge_of_data > 0 {
            say(
                "水面到达数据边缘，范围外未知，面积、水量和受影响数均为下限。".to_owned(),
                "The water reaches the edge of the survey: areas, volumes and counts are the least there is."
                    .to_owned(),
            );
        }
        if limits.edge_of_area > 0 {
            say(
                "水面到达所圈范围的边缘，范围外未计算。".to_owned(),
                "The water reaches the edge of the area drawn: beyond it nothing was worked out.".to_owned(),
            );
        }
        if limits.void.plane_m2 > 0.0 {
            let m2 = rounded(limits.void.plane_m2, 0);
            say(
                format!("水边有 {m2} 平方米没有高程（常为水面或遮挡），是否淹没未知，未计入。"),
                format!(
                    "Beside the water {m2} m² have no height: whether they are flooded is not known, they are not counted."
                ),
            );
        }
        for breach in self.breaches.iter().filter(|breach| !breach.is_low) {
            let [lon, lat] = breach.at_lon_lat;
            say(
                format!("溃口（{lon:.6}，{lat:.6}）处地面不低于水位，水过不去。"),
                format!("At the breach {lon:.6}, {lat:.6} the ground is not below the level: no water passes."),
            );
        }
        let [zh, en] = datum_words(self.ground.surface().height_datum());
        say(zh, en);
        if missing.contains(&"houses") {
            say(
                "缺少房屋台账，受淹房屋和人口未统计。".to_owned(),
                "There is no register of houses: buildings and people were not counted.".to_owned(),
            );
        } else if houses["without_height"].as_u64().is_some_and(|count| count > 0) {
            let count = &houses["without_height"];
            say(
                format!("{count} 栋房屋处没有高程，是否受淹未知。"),
                format!("{count} buildings stand where there is no height."),
            );
        }
        if roads["cuts"].as_u64().is_some_and(|count| count > 0) {
            say(
                "道路按地面高程判断，桥梁、高架请人工核对。".to_owned(),
                "Roads are judged by the ground: look at bridges by hand.".to_owned(),
            );
        }
        let [zh, en] = [0, 1].map(|language| said.iter().map(|both| both[language].as_str()).collect::<Vec<_>>());
        json!({ "zh": zh.concat(), "en": en.join(" ") })
    }
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Fill => "fill",
            Self::Dam => "dam",
        }
    }
}

impl super::basin::Way {
    fn words(self) -> [&'static str; 2] {
        match self {
            Self::OverDam => ["漫过坝顶", "over the dam"],
            Self::Pass => ["从最低垭口外流", "over the lowest pass"],
            Self::EdgeOfData => [
                "水面已到数据边缘，更高水位无从推算，库容为下限",
                "its shore reaches the edge of the survey, higher levels are not known",
            ],
            Self::EdgeOfArea => [
                "水面已到所圈范围边缘，请扩大范围再算，库容为下限",
                "its shore reaches the edge of the area drawn, widen it for higher levels",
            ],
        }
    }
}

/// What the level counts from.
fn datum_words(datum: &HeightDatum) -> [String; 2] {
    match datum {
        HeightDatum::Normal1985 => {
            ["水位按 1985 国家高程基准。".to_owned(), "Levels are in the National Height Datum 1985.".to_owned()]
        }
        HeightDatum::Ellipsoidal => [
            "高程数据为大地高，水位也须是大地高；水文站水位一般为正常高，与之相差数十米，不能直接套用。".to_owned(),
            "Heights are ellipsoidal, and so must the level be: a gauge's level is tens of metres off.".to_owned(),
        ],
        HeightDatum::Unknown => [
            "高程基准未知，请先核对水位与高程数据是否同一基准。".to_owned(),
            "The height datum is not known: check that the level is of the same datum.".to_owned(),
        ],
        other => [
            format!("水位须与高程数据同一基准（{other}）。"),
            format!("The level must be in the datum of the heights ({other})."),
        ],
    }
}
