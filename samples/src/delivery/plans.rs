//! The plans, each as its department keeps it: format, CRS, encoding and field names as in life.
//! Borders come from the one partition of the county, so every overlap between two plans is one that was planted.

use super::Deliveries;
use super::areas::Areas;
use super::land::{balanced_hundredths, shape_of};
use crate::county::{County, Face};
use crate::old_datum::{parameter_file, xian80_from_cgcs2000};
use crate::partition::{Rings, polygon_double_area};
use crate::place::{COUNTY_CODE, VILLAGES, unit_code};
use crate::vector::{Column, Layer, Shape, Value, real, text};
use crate::zones::{CITY_CODES, Zone};
use anyhow::Result;
use geodesy::{Crs, Transform};
use serde_json::json;
use std::path::Path;

const PLAN_NOTE: &str = "样例县国土空间规划数据\n======================\n\
    YJJBNTTB.gpkg      永久基本农田图斑 (EPSG:4546)\n\
    STBHHX_2018.shp    生态保护红线 2018 年划定 (GBK)\n\
    STBHHX_2022.shp    生态保护红线 2022 年“三区三线”划定 (GBK)\n\
    CZKFBJ.shp         城镇开发边界: GHFQDM 010 集中建设 020 弹性发展 030 特别用途 (GBK)\n\
    GHFQ.shp           规划分区 (GBK)    ZXCQGHYDYH.gpkg 中心城区规划用地用海\n\
    控规地块.gpkg       控制性详细规划地块\n\
    坐标系：EPSG:4546    责任单位：样例县自然资源局    密级：内部(样例)\n";
const OLD_NOTE: &str = "样例镇总体规划 2012 (城规)\n======================\n\
    城规2012.dxf 为 1980 西安坐标系 3度带 中央经线 111°E 平面坐标，图内无坐标系说明。\n\
    转换参数由测绘部门另行提供：西安80_转CGCS2000_参数.toml (样例参数为虚构)。\n\
    图层 YDDM_R2 等按《城市用地分类与规划建设用地标准》GB 50137 命名。规划区 1600 公顷，区外为未覆盖，不等于非建设用地。\n\
    责任单位：样例县住房和城乡建设局    密级：内部(样例)\n";
const LAND_PLAN_NOTE: &str = "样例镇土地利用总体规划 2006-2020 (土规)\n======================\n\
    JSYDGZQ.shp 建设用地管制区 GZQLXDM 010 允许 020 有条件 030 限制 040 禁止\n\
    TDYTQ.shp 土地用途区    TDGHDL.shp 土地规划地类\n\
    坐标系：CGCS2000 3度带 37带 (EPSG:4525，横坐标带带号)    编码：GBK\n\
    责任单位：样例县自然资源局    密级：内部(样例)\n";
const FOREST_NOTE: &str = "样例县林地保护利用规划 林地小班\n======================\n\
    LDXB.geojson  经纬度 CGCS2000 (EPSG:4490)。MIAN_JI 单位公顷。\n\
    责任单位：样例县林业局    密级：内部(样例)\n";
const CONTROL_NOTE: &str = "管控边界\n======================\n\
    HDGLFW.shp 河道管理范围 (水利局)   CKQ.shp 采矿权   DZZHYFQ.shp 地质灾害易发区\n\
    CSSX.shp 城市四线: SXLX 绿线 蓝线 紫线 黄线   WWBH.shp 文物: QYLX 保护范围 建设控制地带\n\
    MJ 单位平方米。\n\
    坐标系：EPSG:4546    编码：GBK\n";

type Keep<'k> = &'k dyn Fn(&Face, &Zone) -> Option<u32>;

fn ground_m2(parts: &[Rings]) -> i128 {
    parts.iter().map(|rings| polygon_double_area(rings)).sum()
}

/// A layer of merged faces: one feature per connected piece; `values` gets serial, group and area in m².
fn merged_layer(
    county: &County,
    name: &str,
    columns: &[Column],
    groups: usize,
    keep: Keep<'_>,
    values: &dyn Fn(usize, u32, f64) -> Vec<Value>,
) -> Layer {
    let merged = county.merged(groups, |face| keep(face, county.zone(face)));
    let mut layer = Layer::new(name, 4_546, columns);
    let mut pieces: Vec<(u32, Rings)> = Vec::new();
    for (group, parts) in merged.into_iter().enumerate() {
        pieces.extend(parts.into_iter().map(|rings| (group as u32, rings)));
    }
    let areas = balanced_hundredths(&pieces.iter().map(|(_, rings)| polygon_double_area(rings)).collect::<Vec<_>>());
    for (serial, ((group, rings), hundredths)) in pieces.into_iter().zip(areas).enumerate() {
        layer.rows.push((shape_of(&[rings]), values(serial, group, hundredths as f64 / 100.0)));
    }
    layer
}

fn moved(mut layer: Layer, epsg: Option<u32>, place: impl Fn(&mut Vec<[f64; 2]>) -> Result<()>) -> Result<Layer> {
    layer.epsg = epsg;
    for (shape, _) in &mut layer.rows {
        match shape {
            Shape::Polygons(parts) => parts.iter_mut().flatten().try_for_each(&place)?,
            Shape::Line(line) => place(line)?,
            Shape::Point(point) => {
                let mut one = vec![*point];
                place(&mut one)?;
                *point = one[0];
            }
        }
    }
    Ok(layer)
}

/// The layer in degrees on CGCS2000.
pub(super) fn in_degrees(layer: Layer, epsg: u32) -> Result<Layer> {
    let transform = Transform::new(&Crs::from_epsg(4_546)?, &Crs::cgcs2000())?;
    moved(layer, Some(epsg), |points| Ok(transform.points(points)?))
}

pub(super) fn save_gbk(deliveries: &mut Deliveries<'_>, folder: &Path, layer: &Layer) -> Result<()> {
    deliveries.layer(&folder.join(format!("{}.shp", layer.name)), "ESRI Shapefile", layer, &["ENCODING=GBK"])
}

fn bsm(kind: u32, serial: usize) -> Value {
    format!("{COUNTY_CODE}{kind:04}{:08}", serial + 1).into()
}

/// Writes the plans' folders.
pub(super) fn deliver(deliveries: &mut Deliveries<'_>) -> Result<()> {
    space_plan(deliveries)?;
    city_plan(deliveries)?;
    land_plan(deliveries)?;
    forest(deliveries)?;
    control_lines(deliveries)?;
    conflicts(deliveries)?;
    changes(deliveries)
}

#[expect(clippy::too_many_lines, reason = "one layer after another, each a table of its own")]
fn space_plan(deliveries: &mut Deliveries<'_>) -> Result<()> {
    const FOLDER: &str = "04_自然资源局_国土空间规划";
    let folder = deliveries.folder(FOLDER, PLAN_NOTE)?;
    let county = deliveries.county;
    let unit = ["--responsible-unit", "样例县自然资源局"];

    // Farmland protection keeps the survey's patches.
    let columns = [
        text("BSM", 18),
        text("YSDM", 10),
        text("YJJBNTTBBH", 12),
        text("DLBM", 5),
        text("DLMC", 60),
        text("ZLDWDM", 19),
        text("ZLDWMC", 60),
        real("TBMJ", 2),
        real("KCMJ", 2),
        real("YJJBNTMJ", 2),
    ];
    let patches = county.survey.patches.len();
    let farmland = merged_layer(
        county,
        "YJJBNTTB",
        &columns,
        patches,
        &|face, zone| zone.farmland.then_some(face.patch),
        &|serial, patch, area| {
            let facts = county.survey.patches[patch as usize];
            let class = crate::classes::CLASSES[usize::from(facts.class)];
            let share = crate::classes::grades_of(facts.class)
                .iter()
                .find(|g| g.grade == facts.grade)
                .map_or(0.0, |g| g.deduction);
            let minus = (area * share * 100.0).round() / 100.0;
            let village = usize::from(facts.village);
            vec![
                bsm(2_210, serial),
                "2005010300".into(),
                format!("{:08}", serial + 1).into(),
                class.code.into(),
                class.name.into(),
                unit_code(village).into(),
                VILLAGES[village].into(),
                area.into(),
                minus.into(),
                (((area - minus) * 100.0).round() / 100.0).into(),
            ]
        },
    );
    deliveries.layer(&folder.join("YJJBNTTB.gpkg"), "GPKG", &farmland, &[])?;
    deliveries.import(
        &format!("{FOLDER}/YJJBNTTB.gpkg"),
        "farmland",
        ["永久基本农田", "Permanent basic farmland"],
        "2022-10-01",
        &[&unit[..], &["--code-system", "sandiao"]].concat(),
    );

    let red_columns = [text("BSM", 18), text("YSDM", 10), text("HXMC", 60), text("HXLX", 40), real("MJ", 4)];
    for (name, year, day, red) in [
        ("STBHHX_2018", "2018", "2018-07-25", (|zone: &Zone| zone.red_2018) as fn(&Zone) -> bool),
        ("STBHHX_2022", "2022", "2022-10-01", |zone| zone.red_2022),
    ] {
        let layer =
            merged_layer(county, name, &red_columns, 1, &|_, zone| red(zone).then_some(0), &|serial, _, area| {
                vec![
                    bsm(2_310, serial),
                    "2005020100".into(),
                    format!("样例镇武陵山区水土保持生态保护红线{year}-{:02}", serial + 1).into(),
                    "水土保持".into(),
                    (area / 10_000.0).into(),
                ]
            });
        save_gbk(deliveries, &folder, &layer)?;
        deliveries.import(
            &format!("{FOLDER}/{name}.shp"),
            "redline",
            ["生态保护红线", "Ecological red line"],
            day,
            &unit,
        );
    }

    let urban = merged_layer(
        county,
        "CZKFBJ",
        &[text("BSM", 18), text("YSDM", 10), text("GHFQDM", 6), text("GHFQMC", 40), real("MJ", 4)],
        4,
        &|_, zone| (1..=3).contains(&zone.urban).then_some(u32::from(zone.urban)),
        &|serial, kind, area| {
            let (code, name) =
                [("", ""), ("010", "城镇集中建设区"), ("020", "城镇弹性发展区"), ("030", "特别用途区")][kind as usize];
            vec![bsm(2_410, serial), "2005030100".into(), code.into(), name.into(), (area / 10_000.0).into()]
        },
    );
    let urban = super::slivers::with_slivers(deliveries, urban)?;
    save_gbk(deliveries, &folder, &urban)?;
    deliveries.import(
        &format!("{FOLDER}/CZKFBJ.shp"),
        "urban-boundary",
        ["城镇开发边界", "Urban development boundary"],
        "2022-10-01",
        &unit,
    );

    let zones = merged_layer(
        county,
        "GHFQ",
        &[text("BSM", 18), text("YSDM", 10), text("GHFQDM", 6), text("GHFQMC", 40), real("MJ", 4)],
        6,
        &|_, zone| {
            Some(match zone {
                zone if zone.red_2022 => 0,
                zone if zone.farmland => 1,
                zone if (1..=3).contains(&zone.urban) => 2,
                zone if zone.mining => 3,
                zone if zone.forest => 4,
                _ => 5,
            })
        },
        &|serial, kind, area| {
            let (code, name) = [
                ("100", "生态保护区"),
                ("300", "农田保护区"),
                ("400", "城镇发展区"),
                ("700", "矿产能源发展区"),
                ("200", "生态控制区"),
                ("500", "乡村发展区"),
            ][kind as usize];
            vec![bsm(2_510, serial), "2005040100".into(), code.into(), name.into(), (area / 10_000.0).into()]
        },
    );
    save_gbk(deliveries, &folder, &zones)?;
    deliveries.import(
        &format!("{FOLDER}/GHFQ.shp"),
        "plan-zones",
        ["国土空间规划分区", "Spatial plan zones"],
        "2024-03-01",
        &unit,
    );

    let use_code = |code: &str| match code {
        "0701" | "0702" => ("070102", "二类城镇住宅用地"),
        "0601" | "0602" => ("100101", "一类工业用地"),
        "05H1" => ("0901", "商业用地"),
        "08H1" => ("0801", "机关团体用地"),
        "08H2" => ("0804", "教育用地"),
        "0809" => ("1303", "供电用地"),
        "0810" => ("1401", "公园绿地"),
        "0810A" => ("1403", "广场用地"),
        "0508" => ("110101", "一类物流仓储用地"),
        "1004" | "1003" | "1006" => ("1207", "城镇道路用地"),
        "1001" => ("1201", "铁路用地"),
        "1101" | "1103" | "1104" | "1107" => ("1701", "河流水面"),
        _ => ("16", "留白用地"),
    };
    let town = merged_layer(
        county,
        "ZXCQGHYDYH",
        &[text("BSM", 18), text("YSDM", 10), text("YDYHFLDM", 10), text("YDYHFLMC", 50), real("TBMJ", 2)],
        patches,
        &|face, zone| (zone.urban > 0).then_some(face.patch),
        &|serial, patch, area| {
            let (code, name) = use_code(county.code(patch as usize));
            vec![bsm(2_610, serial), "2005050100".into(), code.into(), name.into(), area.into()]
        },
    );
    deliveries.layer(&folder.join("ZXCQGHYDYH.gpkg"), "GPKG", &town, &[])?;
    let detail = merged_layer(
        county,
        "控规地块",
        &[
            text("DKBH", 12),
            text("YDYHFLDM", 10),
            text("YDYHFLMC", 50),
            real("RJL", 2),
            real("JZMD", 1),
            real("LDL", 1),
            real("XG", 1),
            text("PTSS", 60),
            real("YDMJ", 2),
        ],
        256,
        &|_, zone| (zone.detail > 0).then_some(u32::from(zone.detail)),
        &|serial, number, area| {
            let patch = county
                .faces
                .iter()
                .find(|face| u32::from(county.zone(face).detail) == number)
                .map_or(0, |face| face.patch);
            let (code, name) = use_code(county.code(patch as usize));
            let (ratio, density, green, height) = match code {
                "070102" => (2.0, 28.0, 35.0, 54.0),
                "0901" => (2.5, 45.0, 20.0, 36.0),
                "100101" => (1.2, 45.0, 15.0, 24.0),
                "1401" | "1403" => (0.1, 5.0, 70.0, 9.0),
                _ => (1.2, 30.0, 30.0, 24.0),
            };
            let facility = ["", "社区卫生服务站", "幼儿园(6班)", "公共厕所", "", "应急避难点"][serial % 6];
            vec![
                format!("YL-{:02}-{number:02}", 1 + number / 30).into(),
                code.into(),
                name.into(),
                ratio.into(),
                density.into(),
                green.into(),
                height.into(),
                facility.into(),
                area.into(),
            ]
        },
    );
    deliveries.layer(&folder.join("控规地块.gpkg"), "GPKG", &detail, &[])?;
    for (file, slug, titles) in [
        ("ZXCQGHYDYH.gpkg", "town-plan", ["中心城区规划用地用海", "Town land-use plan"]),
        ("控规地块.gpkg", "detail-plan", ["控规地块", "Detailed plan parcels"]),
    ] {
        deliveries.import(
            &format!("{FOLDER}/{file}"),
            slug,
            titles,
            "2024-03-01",
            &[&unit[..], &["--code-system", "landuse-2023"]].concat(),
        );
    }
    Ok(())
}

fn city_plan(deliveries: &mut Deliveries<'_>) -> Result<()> {
    const FOLDER: &str = "05_住建局_城市总体规划2012";
    let folder = deliveries.folder(FOLDER, OLD_NOTE)?;
    let county = deliveries.county;
    let layer = merged_layer(
        county,
        "城规2012",
        &[text("Layer", 32)],
        CITY_CODES.len(),
        &|_, zone| (zone.city > 0).then_some(u32::from(zone.city)),
        &|_, kind, _| vec![format!("YDDM_{}", CITY_CODES[kind as usize]).into()],
    );
    let layer = moved(layer, None, |points| {
        for p in points {
            *p = xian80_from_cgcs2000(*p);
        }
        Ok(())
    })?;
    deliveries.layer(&folder.join("城规2012.dxf"), "DXF", &layer, &[])?;
    deliveries.file(&folder.join("西安80_转CGCS2000_参数.toml"), parameter_file().as_bytes())?;
    let parameters = format!("{{county}}/{FOLDER}/西安80_转CGCS2000_参数.toml");
    deliveries.import(
        &format!("{FOLDER}/城规2012.dxf"),
        "city-plan",
        ["城规 2012（总体规划用地）", "City plan 2012"],
        "2012-06-01",
        &[
            "--crs",
            "EPSG:2382",
            "--datum-parameters",
            &parameters,
            "--closed-as-polygons",
            "--style",
            "urban-plan",
            "--code-system",
            "gb50137-2011",
            "--responsible-unit",
            "样例县住房和城乡建设局",
        ],
    );
    Ok(())
}

#[expect(clippy::too_many_lines, reason = "one layer after another, each a table of its own")]
fn land_plan(deliveries: &mut Deliveries<'_>) -> Result<()> {
    const FOLDER: &str = "06_自然资源局_土地利用总体规划";
    let folder = deliveries.folder(FOLDER, LAND_PLAN_NOTE)?;
    let county = deliveries.county;
    let with_zone_number = |layer: Layer| {
        moved(layer, Some(4_525), |points| {
            for p in points {
                p[0] += 37_000_000.0;
            }
            Ok(())
        })
    };
    let control = merged_layer(
        county,
        "JSYDGZQ",
        &[text("BSM", 18), text("GZQLXDM", 4), text("GZQLXMC", 40), real("GZQMJ", 4)],
        5,
        &|_, zone| Some(u32::from(zone.control)),
        &|serial, kind, area| {
            let (code, name) = [
                ("", ""),
                ("010", "允许建设区"),
                ("020", "有条件建设区"),
                ("030", "限制建设区"),
                ("040", "禁止建设区"),
            ][kind as usize];
            vec![bsm(2_710, serial), code.into(), name.into(), (area / 10_000.0).into()]
        },
    );
    save_gbk(deliveries, &folder, &with_zone_number(control)?)?;
    let purpose = merged_layer(
        county,
        "TDYTQ",
        &[text("BSM", 18), text("TDYTQDM", 4), text("TDYTQMC", 40), real("MJ", 4)],
        10,
        &|face, zone| {
            let code = county.code(face.patch as usize);
            Some(match (zone.control, code) {
                (1, "0601" | "0508" | "0602") => 5,
                (1, "0702") => 4,
                (1, _) => 3,
                (4, _) => 7,
                (_, "09") => 6,
                _ if zone.farmland => 1,
                (_, "0101" | "0103") => 2,
                (_, code) if code.starts_with("03") => 8,
                (_, "0404") => 9,
                _ => 2,
            })
        },
        &|serial, kind, area| {
            let names = [
                "",
                "基本农田保护区",
                "一般农地区",
                "城镇建设用地区",
                "村镇建设用地区",
                "独立工矿区",
                "风景旅游用地区",
                "生态环境安全控制区",
                "林业用地区",
                "牧业用地区",
            ];
            vec![bsm(2_810, serial), format!("0{kind}0").into(), names[kind as usize].into(), (area / 10_000.0).into()]
        },
    );
    save_gbk(deliveries, &folder, &with_zone_number(purpose)?)?;
    let planned = merged_layer(
        county,
        "TDGHDL",
        &[text("BSM", 18), text("GHDLDM", 6), text("GHDLMC", 40), real("MJ", 4)],
        7,
        &|face, zone| {
            Some(match (zone.control, county.code(face.patch as usize)) {
                (1, _) => 0,
                (_, code) if code.starts_with("01") => 1,
                (_, code) if code.starts_with("02") => 2,
                (_, code) if code.starts_with("03") => 3,
                (_, "1001" | "1003") => 4,
                (_, code) if code.starts_with("11") => 5,
                _ => 6,
            })
        },
        &|serial, kind, area| {
            let (code, name) = [
                ("2100", "城乡建设用地"),
                ("1100", "耕地"),
                ("1200", "园地"),
                ("1300", "林地"),
                ("2200", "交通水利用地"),
                ("3100", "水域"),
                ("1500", "其他农用地"),
            ][kind as usize];
            vec![bsm(2_910, serial), code.into(), name.into(), (area / 10_000.0).into()]
        },
    );
    save_gbk(deliveries, &folder, &with_zone_number(planned)?)?;
    deliveries.import(
        &format!("{FOLDER}/JSYDGZQ.shp"),
        "land-plan",
        ["土规 建设用地管制区", "Land plan: construction control zones"],
        "2014-05-01",
        &["--responsible-unit", "样例县自然资源局"],
    );
    Ok(())
}

fn forest(deliveries: &mut Deliveries<'_>) -> Result<()> {
    const FOLDER: &str = "07_林业局_林地小班";
    let folder = deliveries.folder(FOLDER, FOREST_NOTE)?;
    let county = deliveries.county;
    let columns = [
        text("LIN_BAN", 4),
        text("XIAO_BAN", 6),
        text("DI_LEI", 6),
        text("SEN_LIN_LB", 3),
        text("BH_DJ", 1),
        real("MIAN_JI", 4),
        text("CUN", 60),
    ];
    let layer = merged_layer(
        county,
        "LDXB",
        &columns,
        county.survey.patches.len(),
        &|face, zone| zone.forest.then_some(face.patch),
        &|serial, patch, area| {
            let facts = county.survey.patches[patch as usize];
            let kind = match county.code(patch as usize) {
                "0302" => "0112",
                "0305" => "0131",
                "0307" => "0140",
                "0404" => "0171",
                _ => "0111",
            };
            let guarded = serial % 3 == 0;
            vec![
                format!("{:03}", facts.village + 1).into(),
                format!("{:05}", serial + 1).into(),
                kind.into(),
                if guarded { "11" } else { "22" }.into(),
                if guarded { "2" } else { "4" }.into(),
                (area / 10_000.0).into(),
                VILLAGES[usize::from(facts.village)].into(),
            ]
        },
    );
    let count = layer.rows.len();
    deliveries.layer(
        &folder.join("LDXB.geojson"),
        "GeoJSON",
        &in_degrees(layer, 4_490)?,
        &["COORDINATE_PRECISION=9", "WRITE_NAME=YES"],
    )?;
    deliveries.truth.insert("forest_compartments".to_owned(), json!(count));
    deliveries.import(
        &format!("{FOLDER}/LDXB.geojson"),
        "forest",
        ["林地小班", "Forest compartments"],
        "2020-12-31",
        &["--crs", "EPSG:4490", "--responsible-unit", "样例县林业局"],
    );
    Ok(())
}

fn control_lines(deliveries: &mut Deliveries<'_>) -> Result<()> {
    const FOLDER: &str = "08_多部门_管控边界";
    let folder = deliveries.folder(FOLDER, CONTROL_NOTE)?;
    let county = deliveries.county;
    let columns = |name: &'static str| [text("BH", 20), text(name, 60), real("MJ", 2)];
    let river =
        merged_layer(county, "HDGLFW", &columns("HDMC"), 1, &|_, zone| zone.river.then_some(0), &|serial, _, area| {
            vec![format!("HD{:03}", serial + 1).into(), "样溪河样例镇段管理范围".into(), area.into()]
        });
    let mining =
        merged_layer(county, "CKQ", &columns("KQMC"), 1, &|_, zone| zone.mining.then_some(0), &|serial, _, area| {
            vec![format!("C4331992019{:07}", serial + 1).into(), "样例县白云石矿采矿权".into(), area.into()]
        });
    let hazard = merged_layer(
        county,
        "DZZHYFQ",
        &[text("BH", 20), text("YFQDJ", 10), real("MJ", 2)],
        1,
        &|_, zone| zone.hazard.then_some(0),
        &|serial, _, area| vec![format!("YFQ{:03}", serial + 1).into(), "高易发".into(), area.into()],
    );
    for layer in [&river, &mining, &hazard] {
        save_gbk(deliveries, &folder, layer)?;
    }
    super::protected::deliver(deliveries, &folder)?;
    for (file, slug, titles, unit) in [
        ("HDGLFW", "river-range", ["河道管理范围", "River management range"], "样例县水利局"),
        ("CKQ", "mining", ["采矿权", "Mining right"], "样例县自然资源局"),
        ("DZZHYFQ", "hazard-zones", ["地质灾害高易发区", "High geological hazard"], "样例县自然资源局"),
        ("CSSX", "city-lines", ["城市四线", "Urban green, blue, purple, yellow lines"], "样例县住房和城乡建设局"),
        ("WWBH", "heritage", ["文物保护范围和建设控制地带", "Cultural relics protection"], "样例县文物局"),
    ] {
        deliveries.import(&format!("{FOLDER}/{file}.shp"), slug, titles, "2021-06-01", &["--responsible-unit", unit]);
    }
    Ok(())
}

/// Name of a place that somebody must find, and where it is, by land-use code and zone.
type Planted<'c> = (&'c str, &'c dyn Fn(&str, &Zone) -> bool);

/// Building land of the third survey: everything a plan has to allow (hydraulic works and idle plots included).
fn is_built(code: &str) -> bool {
    ["05", "06", "07", "08", "09"].iter().any(|head| code.starts_with(head))
        || ["1001", "1003", "1004", "1005", "1109", "1201"].contains(&code)
}

/// Every planted conflict.
fn conflicts(deliveries: &mut Deliveries<'_>) -> Result<()> {
    let list: [Planted<'_>; 16] = [
        ("city_builds_land_plan_does_not", &|_, z| z.city > 1 && z.control != 1),
        ("land_plan_builds_city_does_not", &|_, z| z.city == 1 && z.control == 1),
        ("outside_city_planning_area", &|_, z| z.city == 0),
        ("red_line_2018_x_farmland", &|_, z| z.red_2018 && z.farmland),
        ("red_line_2022_x_farmland", &|_, z| z.red_2022 && z.farmland),
        ("forest_on_0103", &|code, z| z.forest && code == "0103"),
        ("farmland_on_0702_1006", &|code, z| z.farmland && (code == "0702" || code == "1006")),
        ("farmland_on_0201K", &|code, z| z.farmland && code == "0201K"),
        ("red_line_2022_x_0702", &|code, z| z.red_2022 && code == "0702"),
        ("red_line_2022_x_mining", &|_, z| z.red_2022 && z.mining),
        ("dwelling_parcels_x_high_hazard", &|code, z| z.detail > 0 && z.hazard && code == "0701"),
        ("river_x_building_parcels", &|_, z| z.detail > 0 && z.river),
        ("urban_boundary_x_farmland_beyond_slivers", &|_, z| (1..=3).contains(&z.urban) && z.farmland),
        ("urban_boundary_x_red_line_2022", &|_, z| (1..=3).contains(&z.urban) && z.red_2022),
        ("farmland", &|_, z| z.farmland),
        ("red_line_2022", &|_, z| z.red_2022),
    ];
    let truth = places(deliveries, &list)?;
    deliveries.truth.insert("conflicts".to_owned(), truth.into());
    Ok(())
}

/// What became of the red line between its versions, and what of the building land the land plan allows.
fn changes(deliveries: &mut Deliveries<'_>) -> Result<()> {
    let list: [Planted<'_>; 6] = [
        ("red_line_brought_in", &|_, z| z.red_2022 && !z.red_2018),
        ("red_line_taken_out", &|_, z| z.red_2018 && !z.red_2022),
        ("red_line_kept", &|_, z| z.red_2018 && z.red_2022),
        ("built_where_land_plan_does_not_allow", &|code, z| is_built(code) && z.control != 1),
        ("built_as_land_plan_allows", &|code, z| is_built(code) && z.control == 1),
        ("not_built_where_land_plan_allows", &|code, z| !is_built(code) && z.control == 1),
    ];
    let truth = places(deliveries, &list)?;
    deliveries.truth.insert("changes".to_owned(), truth.into());
    Ok(())
}

/// Areas of places and the number of connected pieces of each.
fn places(deliveries: &Deliveries<'_>, list: &[Planted<'_>]) -> Result<serde_json::Map<String, serde_json::Value>> {
    let county = deliveries.county;
    let mut truth = serde_json::Map::new();
    for (name, holds) in list {
        let double_mm2 = county.double_area_where(|face, zone| holds(county.code(face.patch as usize), zone));
        let pieces = county.merged(1, |face| holds(county.code(face.patch as usize), county.zone(face)).then_some(0));
        debug_assert_eq!(double_mm2, ground_m2(&pieces[0]), "merging keeps areas: {name}");
        // The plane area is known to the square millimetre.
        let areas = Areas { plane_m2: double_mm2 as f64 / 2.0e6, ..deliveries.surveyor.pieces(&pieces[0])? };
        let more = json!({ "plane_area_ha": double_mm2 as f64 / 2.0e10, "patches": pieces[0].len() });
        truth.insert((*name).to_owned(), areas.json(more));
    }
    Ok(truth)
}
