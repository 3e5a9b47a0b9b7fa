//! The natural resources bureau's land survey: patches (DLTB) in a `FileGDB`, villages and township as shapefiles in GBK.

use super::Deliveries;
use crate::classes::{CLASSES, grades_of};
use crate::partition::{PointMm, Rings, polygon_double_area};
use crate::place::{COUNTY_CODE, TOWNSHIP_CODE, TOWNSHIP_NAME, VILLAGES, easting_northing_m, unit_code, village_code};
use crate::vector::{Layer, Shape, integer, real, text};
use anyhow::Result;
use serde_json::json;
use std::collections::BTreeMap;

const NOTE: &str = "样例县自然资源局 2023年度国土变更调查成果\n\
    ====================================\n\
    1. 433199样例县2023.gdb  图层 DLTB (地类图斑)\n\
    2. XZQ.shp 行政区, CJDCQ.shp 村级调查区 (GBK 编码)\n\n\
    坐标系：CGCS2000 / 3度带 中央经线111°E (EPSG:4546)\n\
    分类：第三次全国国土调查工作分类 (TD/T 1055)，DLBM 不带分类名，请勿与 2023 年用地用海分类混用。\n\
    面积：TBMJ 为高斯投影平面面积 (平方米，强制调平)；此处椭球面积小 340-411 ppm，审查时两者并列。\n\
    田坎按系数 (KCXS) 扣除，不上图。TBDLMJ = TBMJ - KCMJ。\n\
    责任单位：样例县自然资源局    密级：内部(样例)    现势日期：2023-12-31\n";

const FOLDER: &str = "02_自然资源局_国土调查";
/// 地类图斑 element code.
const DLTB_YSDM: &str = "2001010100";

/// Rings in millimetres of the crate's frame as EPSG:4546 coordinates.
pub(super) fn shape_of(parts: &[Rings]) -> Shape {
    let place = |p: &PointMm| easting_northing_m([p[0] as f64 / 1_000.0, p[1] as f64 / 1_000.0]);
    Shape::Polygons(
        parts.iter().map(|rings| rings.iter().map(|ring| ring.iter().map(place).collect()).collect()).collect(),
    )
}

/// Rounds areas (double, square millimetres) to hundredths of a square metre so that their sum stays exact:
/// the largest rests are rounded up first (强制调平).
pub(super) fn balanced_hundredths(double_mm2: &[i128]) -> Vec<i64> {
    const UNIT: i128 = 20_000;
    let total: i128 = double_mm2.iter().sum();
    let mut hundredths: Vec<i64> = double_mm2.iter().map(|area| area.div_euclid(UNIT) as i64).collect();
    let mut order: Vec<usize> = (0..double_mm2.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(double_mm2[i].rem_euclid(UNIT)), i));
    let short = (total + UNIT / 2).div_euclid(UNIT) - hundredths.iter().map(|&h| i128::from(h)).sum::<i128>();
    for &i in order.iter().take(short.max(0) as usize) {
        hundredths[i] += 1;
    }
    hundredths
}

/// Writes the folder.
pub(super) fn deliver(deliveries: &mut Deliveries<'_>) -> Result<()> {
    let folder = deliveries.folder(FOLDER, NOTE)?;
    let dltb = dltb(deliveries);
    deliveries.layer(&folder.join("433199样例县2023.gdb"), "OpenFileGDB", &dltb, &[])?;
    let (xzq, cjdcq) = districts(deliveries);
    deliveries.layer(&folder.join("XZQ.shp"), "ESRI Shapefile", &xzq, &["ENCODING=GBK"])?;
    deliveries.layer(&folder.join("CJDCQ.shp"), "ESRI Shapefile", &cjdcq, &["ENCODING=GBK"])?;
    let department = ["--responsible-unit", "样例县自然资源局"];
    deliveries.import(
        &format!("{FOLDER}/433199样例县2023.gdb"),
        "dltb",
        ["三调地类图斑", "Land-use patches (third survey)"],
        "2023-12-31",
        &["--code-system", "sandiao", department[0], department[1]],
    );
    if let Some(entry) = deliveries.plan.last_mut() {
        entry.layer = Some("DLTB".to_owned());
    }
    deliveries.import(
        &format!("{FOLDER}/CJDCQ.shp"),
        "villages",
        ["村级调查区", "Villages"],
        "2023-12-31",
        &department,
    );
    Ok(())
}

#[expect(clippy::too_many_lines, reason = "one column after another of one table")]
fn dltb(deliveries: &mut Deliveries<'_>) -> Layer {
    let county = deliveries.county;
    let rings = county.patch_polygons();
    let exact: Vec<i128> = rings.iter().map(|rings| polygon_double_area(rings)).collect();
    let mut layer = Layer::new(
        "DLTB",
        4_546,
        &[
            text("BSM", 18),
            text("YSDM", 10),
            text("TBBH", 8),
            text("DLBM", 5),
            text("DLMC", 60),
            text("QSXZ", 2),
            text("QSDWDM", 19),
            text("QSDWMC", 60),
            text("ZLDWDM", 19),
            text("ZLDWMC", 60),
            real("TBMJ", 2),
            text("KCDLBM", 5),
            real("KCXS", 4),
            real("KCMJ", 2),
            real("TBDLMJ", 2),
            text("GDLX", 2),
            text("GDPDJB", 2),
            text("CZCSXM", 4),
            integer("SJNF"),
        ],
    );
    // Rounding balances within every class and grade, so that each of the table's figures stays exact.
    let mut groups: BTreeMap<(u8, u8), Vec<usize>> = BTreeMap::new();
    for (number, patch) in county.survey.patches.iter().enumerate() {
        groups.entry((patch.class, patch.grade)).or_default().push(number);
    }
    let mut area = vec![0_i64; rings.len()];
    let mut deducted = vec![0_i64; rings.len()];
    let mut share = vec![0.0; rings.len()];
    for ((class, grade), members) in &groups {
        let own: Vec<i128> = members.iter().map(|&m| exact[m]).collect();
        let deduction = grades_of(*class).iter().find(|g| g.grade == *grade).map_or(0.0, |g| g.deduction);
        let permille10 = (deduction * 10_000.0).round() as i128;
        let cut: Vec<i128> = own.iter().map(|area| area * permille10 / 10_000).collect();
        for ((&member, hundredths), minus) in
            members.iter().zip(balanced_hundredths(&own)).zip(balanced_hundredths(&cut))
        {
            area[member] = hundredths;
            deducted[member] = minus;
            share[member] = deduction;
        }
    }
    let mut serial_in_village = [0_u32; VILLAGES.len()];
    let mut net_of_class: BTreeMap<&str, i64> = BTreeMap::new();
    for (number, patch) in county.survey.patches.iter().enumerate() {
        let class = CLASSES[patch.class as usize];
        let village = usize::from(patch.village);
        serial_in_village[village] += 1;
        let cultivated = patch.grade > 0;
        let built = ["05", "06", "07", "08", "09", "1004"].iter().any(|head| class.code.starts_with(head));
        let (gross, minus) = (area[number], deducted[number]);
        *net_of_class.entry(class.code).or_default() += gross - minus;
        *net_of_class.entry("1203").or_default() += minus;
        let rural = class.code == "0702" || village > 0;
        let state_owned = ["10", "110", "09"].iter().any(|head| class.code.starts_with(head)) && class.code != "1006";
        layer.rows.push((
            shape_of(std::slice::from_ref(&rings[number])),
            vec![
                format!("{COUNTY_CODE}2110{:08}", number + 1).into(),
                DLTB_YSDM.into(),
                format!("{:04}", serial_in_village[village]).into(),
                class.code.into(),
                class.name.into(),
                if state_owned || (built && !rural) { "20" } else { "30" }.into(),
                unit_code(village).into(),
                VILLAGES[village].into(),
                unit_code(village).into(),
                VILLAGES[village].into(),
                (gross as f64 / 100.0).into(),
                if minus > 0 { "1203" } else { "" }.into(),
                share[number].into(),
                (minus as f64 / 100.0).into(),
                ((gross - minus) as f64 / 100.0).into(),
                if cultivated && patch.grade > 1 { "TT" } else { "" }.into(),
                if cultivated { patch.grade.to_string() } else { String::new() }.into(),
                match (built, rural) {
                    (true, true) => "203",
                    (true, false) => "202",
                    _ => "",
                }
                .into(),
                2_023.into(),
            ],
        ));
    }
    let classes: serde_json::Map<String, serde_json::Value> =
        net_of_class.iter().map(|(code, net)| ((*code).to_owned(), json!(*net as f64 / 100.0))).collect();
    let total: i64 = area.iter().sum();
    deliveries.truth.insert(
        "dltb".to_owned(),
        json!({
            "features": layer.rows.len(),
            "plane_area_m2": total as f64 / 100.0,
            "net_plane_area_m2_by_dlbm": classes,
            "missed_mm2": county.missed.iter().map(|missed| (missed / 2) as i64).collect::<Vec<_>>(),
        }),
    );
    layer
}

fn districts(deliveries: &mut Deliveries<'_>) -> (Layer, Layer) {
    let county = deliveries.county;
    let mut xzq = Layer::new(
        "XZQ",
        4_546,
        &[text("BSM", 18), text("YSDM", 10), text("XZQDM", 12), text("XZQMC", 100), real("JSMJ", 2)],
    );
    let township = &county.merged(1, |_| Some(0))[0];
    let area = |parts: &[Rings]| parts.iter().map(|rings| polygon_double_area(rings)).sum::<i128>();
    xzq.rows.push((
        shape_of(township),
        vec![
            format!("{COUNTY_CODE}1000{:08}", 1).into(),
            "1000600100".into(),
            TOWNSHIP_CODE.into(),
            TOWNSHIP_NAME.into(),
            (area(township) as f64 / 2.0e6).into(),
        ],
    ));
    let mut cjdcq = Layer::new(
        "CJDCQ",
        4_546,
        &[text("BSM", 18), text("YSDM", 10), text("ZLDWDM", 19), text("ZLDWMC", 60), real("JSMJ", 2), text("BZ", 254)],
    );
    let villages =
        county.merged(VILLAGES.len(), |face| Some(u32::from(county.survey.patches[face.patch as usize].village)));
    let areas = balanced_hundredths(&villages.iter().map(|parts| area(parts)).collect::<Vec<_>>());
    let mut truth = serde_json::Map::new();
    for (number, parts) in villages.iter().enumerate() {
        cjdcq.rows.push((
            shape_of(parts),
            vec![
                format!("{COUNTY_CODE}1100{:08}", number + 1).into(),
                "1000600400".into(),
                unit_code(number).into(),
                VILLAGES[number].into(),
                (areas[number] as f64 / 100.0).into(),
                if number == 0 { "镇政府驻地" } else { "" }.into(),
            ],
        ));
        truth.insert(
            village_code(number),
            json!({ "name": VILLAGES[number], "plane_area_m2": areas[number] as f64 / 100.0 }),
        );
    }
    deliveries.truth.insert("villages".to_owned(), truth.into());
    (xzq, cjdcq)
}
