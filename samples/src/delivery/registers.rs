//! Registers of several departments: houses, roads, shelters, hazard points, land approved but not supplied, permits,
//! and points of interest that say WGS 84 and are GCJ-02.

use super::Deliveries;
use super::plans::in_degrees;
use crate::block::Block;
use crate::buildings::{Building, Purpose, register_number};
use crate::dice::Dice;
use crate::network::{Road, RoadClass};
use crate::path::{PointM, distance, length};
use crate::place::{COUNTY_NAME, TOWNSHIP_NAME, VILLAGES, easting_northing_m, unit_code};
use crate::vector::{Layer, Shape, Value, integer, real, text};
use anyhow::Result;
use geodesy::{Crs, Transform, offset};
use serde_json::json;

const FOLDER: &str = "09_多部门_台账";
const NOTE: &str = "各部门台账\n======================\n\
    FW.shp 房屋 (住建局)   DL.gpkg 道路 (交通局)   BNCS.geojson 避难场所 (应急局)\n\
    YHD.gpkg 地质灾害隐患点 (自然资源局)   批而未供.shp, 规划许可.shp (自然资源局)\n\
    POI.geojson 兴趣点，采购自互联网地图；文件写作 WGS 84，实为 GCJ-02，未纠偏。\n\
    坐标系：除 geojson 外均为 EPSG:4546    shp 编码：GBK，字段名截为 10 字节\n";

/// A road's end is led on to another road that is nearer than this.
const JOINED_WITHIN_M: f64 = 45.0;

/// Writes the folder.
pub(super) fn deliver(deliveries: &mut Deliveries<'_>, block: &Block) -> Result<()> {
    let folder = deliveries.folder(FOLDER, NOTE)?;
    let gbk = ["ENCODING=GBK"];
    let houses = houses(deliveries);
    deliveries.layer(&folder.join("FW.shp"), "ESRI Shapefile", &houses, &gbk)?;
    let roads = roads(deliveries);
    deliveries.layer(&folder.join("DL.gpkg"), "GPKG", &roads, &[])?;
    let shelters = in_degrees(shelters(deliveries), 4_490)?;
    deliveries.layer(&folder.join("BNCS.geojson"), "GeoJSON", &shelters, &["WRITE_NAME=YES"])?;
    let points = hazard_points(deliveries, block)?;
    deliveries.layer(&folder.join("YHD.gpkg"), "GPKG", &points, &[])?;
    for (name, permits) in [("批而未供", false), ("规划许可", true)] {
        let layer = approvals(deliveries, block, name, permits);
        deliveries.layer(&folder.join(format!("{name}.shp")), "ESRI Shapefile", &layer, &gbk)?;
    }
    let places = places_of_interest(deliveries)?;
    let digits = ["WRITE_NAME=YES", "COORDINATE_PRECISION=8"];
    deliveries.layer(&folder.join("POI.geojson"), "GeoJSON", &places, &digits)?;
    for (file, slug, titles, unit, more) in [
        (
            "FW.shp",
            "houses",
            ["房屋", "Houses"],
            "样例县住房和城乡建设局",
            &["--private-field", "HZXM", "--private-field", "LXDH"][..],
        ),
        ("DL.gpkg", "roads", ["道路", "Roads"], "样例县交通运输局", &[]),
        (
            "BNCS.geojson",
            "shelters",
            ["应急避难场所", "Emergency shelters"],
            "样例县应急管理局",
            &["--crs", "EPSG:4490"],
        ),
        ("YHD.gpkg", "hazard-points", ["地质灾害隐患点", "Geological hazard points"], "样例县自然资源局", &[]),
        ("规划许可.shp", "permits", ["规划许可", "Planning permits"], "样例县自然资源局", &[]),
        ("POI.geojson", "poi", ["兴趣点", "Points of interest"], "样例县数据局", &["--gcj02"]),
    ] {
        let options = [&["--responsible-unit", unit][..], more].concat();
        deliveries.import(&format!("{FOLDER}/{file}"), slug, titles, "2023-12-31", &options);
    }
    Ok(())
}

fn house_shape(building: &Building) -> Shape {
    Shape::Polygons(vec![vec![building.corners().iter().map(|p| easting_northing_m(*p)).collect()]])
}

fn houses(deliveries: &mut Deliveries<'_>) -> Layer {
    let county = deliveries.county;
    let columns = [
        text("FWBH", 20),
        text("FWYT", 20),
        integer("CS"),
        real("GD", 1),
        integer("HS"),
        integer("RKS"),
        text("JG", 20),
        real("ZDMJ", 2),
        text("ZLDWDM", 19),
        text("CUN", 60),
        text("HZXM", 20),
        text("LXDH", 20),
    ];
    let mut layer = Layer::new("FW", 4_546, &columns);
    let mut dice = Dice::named("heads of households");
    for (number, building) in county.buildings.iter().enumerate() {
        let village = usize::from(building.village);
        let (head, phone) =
            if building.households > 0 { household_head(&mut dice, number) } else { Default::default() };
        layer.rows.push((
            house_shape(building),
            vec![
                register_number(number).into(),
                building.purpose.name().into(),
                i32::from(building.storeys).into(),
                ((building.top_m() * 10.0).round() / 10.0).into(),
                (building.households as i32).into(),
                (building.people as i32).into(),
                match building.purpose {
                    Purpose::Outbuilding => "砖木",
                    Purpose::Farmhouse if building.pitched => "砖木",
                    Purpose::Factory => "钢结构",
                    _ => "砖混",
                }
                .into(),
                (4.0 * building.half_m[0] * building.half_m[1]).into(),
                unit_code(village).into(),
                VILLAGES[village].into(),
                head.into(),
                phone.into(),
            ],
        ));
    }
    let people: u32 = county.buildings.iter().map(|b| b.people).sum();
    let households: u32 = county.buildings.iter().map(|b| b.households).sum();
    deliveries.truth.insert(
        "houses".to_owned(),
        json!({ "count": county.buildings.len(), "people": people, "households": households }),
    );
    layer
}

/// An invented name, and a number that nobody can have: no Chinese mobile number begins with 10.
fn household_head(dice: &mut Dice, number: usize) -> (String, String) {
    let mut name = (*dice.pick::<&str>(&SURNAMES)).to_owned();
    // One given name in four has one character.
    let given = if dice.chance(0.25) { 1 } else { 2 };
    for _ in 0..given {
        name += *dice.pick::<&str>(&GIVEN);
    }
    (name, format!("100000{number:05}"))
}

const SURNAMES: [&str; 16] =
    ["石", "龙", "吴", "麻", "田", "向", "彭", "张", "李", "杨", "王", "刘", "陈", "欧阳", "滕", "覃"];
const GIVEN: [&str; 16] =
    ["样", "例", "春", "兰", "秋", "菊", "松", "柏", "山", "河", "青", "远", "安", "和", "明", "清"];

fn roads(deliveries: &mut Deliveries<'_>) -> Layer {
    let county = deliveries.county;
    let mut layer =
        Layer::new("DL", 4_546, &[text("DLBH", 20), text("DLMC", 60), text("DLDJ", 20), real("KD", 1), real("CD", 1)]);
    let mut total_m = 0.0;
    let within = |line: &[PointM]| -> Vec<PointM> {
        line.iter().filter(|p| p.iter().all(|v| (0.0..=12_000.0).contains(v))).copied().collect()
    };
    let lines: Vec<Vec<PointM>> = county.network.roads.iter().map(|road| within(&road.line)).collect();
    for (number, road) in county.network.roads.iter().enumerate() {
        let line = joined(number, &lines, &county.network.roads);
        if line.len() < 2 {
            continue;
        }
        total_m += length(&line);
        let name = match road.number.as_str() {
            "S252" => "S252 样川线".to_owned(),
            "G6526" => "G6526 张样高速".to_owned(),
            other => other.to_owned(),
        };
        layer.rows.push((
            Shape::Line(line.iter().map(|p| easting_northing_m(*p)).collect()),
            vec![
                road.number.clone().into(),
                name.into(),
                road.class.name().into(),
                (road.class.paved_half_width_m() * 2.0).into(),
                length(&line).into(),
            ],
        ));
    }
    deliveries.truth.insert("roads".to_owned(), json!({ "count": layer.rows.len(), "length_m": total_m }));
    layer
}

/// A road led on to the one that it begins or ends at, as the department surveyed it: the lines that the ground is painted
/// with are smoothed, and miss each other by some metres.
fn joined(number: usize, lines: &[Vec<PointM>], roads: &[Road]) -> Vec<PointM> {
    let own = &lines[number];
    // Nobody turns from a lane onto rails or the expressway.
    let usable = |class: RoadClass| !matches!(class, RoadClass::Railway | RoadClass::Expressway);
    let (Some(first), Some(last)) = (own.first(), own.last()) else { return Vec::new() };
    if !usable(roads[number].class) {
        return own.clone();
    }
    let onto = |end: PointM| {
        let others =
            lines.iter().zip(roads).enumerate().filter(|(other, (_, road))| *other != number && usable(road.class));
        let edges = others.flat_map(|(_, (line, _))| line.windows(2));
        let places = edges.map(|edge| nearest_on([edge[0], edge[1]], end));
        places
            .min_by(|a, b| distance(*a, end).total_cmp(&distance(*b, end)))
            .filter(|place| (1e-6..JOINED_WITHIN_M).contains(&distance(*place, end)))
    };
    onto(*first).into_iter().chain(own.iter().copied()).chain(onto(*last)).collect()
}

fn nearest_on([a, b]: [PointM; 2], p: PointM) -> PointM {
    let along = [b[0] - a[0], b[1] - a[1]];
    let length = along[0].powi(2) + along[1].powi(2);
    let t = if length > 0.0 { ((p[0] - a[0]) * along[0] + (p[1] - a[1]) * along[1]) / length } else { 0.0 };
    let t = t.clamp(0.0, 1.0);
    [a[0] + t * along[0], a[1] + t * along[1]]
}

fn shelters(deliveries: &Deliveries<'_>) -> Layer {
    let mut layer = Layer::new("BNCS", 4_546, &[text("BNCSMC", 60), text("LX", 20), integer("RNRS")]);
    for (number, seat) in deliveries.county.network.seats.iter().enumerate() {
        let (kind, room) = if number == 0 { ("广场", 3_500) } else { ("村部广场", 280 + 40 * number as i32) };
        layer.rows.push((
            Shape::Point(easting_northing_m(*seat)),
            vec![format!("{}{kind}避难场所", VILLAGES[number]).into(), kind.into(), room.into()],
        ));
    }
    layer
}

fn hazard_points(deliveries: &mut Deliveries<'_>, block: &Block) -> Result<Layer> {
    let county = deliveries.county;
    let columns = [
        text("yhdbh", 20),
        text("yhdmc", 80),
        text("yhdlx", 20),
        text("fzqs", 20),
        text("sz", 40),
        text("qx", 40),
        text("xz", 40),
        text("c", 40),
        text("z", 20),
        text("dlwz", 120),
        real("lon", 8),
        real("lat", 8),
        integer("fxd"),
        real("zhgm", 1),
        text("gmdj", 10),
        text("xqdj", 10),
        real("wxccwy", 1),
        integer("wxhsh"),
        integer("wxrsr"),
        text("yhdfxsj", 12),
        text("yfys", 40),
        text("wxdx", 40),
        text("qcry", 20),
    ];
    let mut layer = Layer::new("YHD", 4_546, &columns);
    let mut dice = Dice::named("hazard points");
    let transform = Transform::new(&Crs::from_epsg(4_546)?, &Crs::cgcs2000())?;
    let volume_m3 = deliveries.truth["block"]["slides"][0]["eroded_m3"].as_f64().unwrap_or(0.0);
    let mut sites = vec![(block.slides[0].head, volume_m3, 24, 76)];
    while sites.len() < 32 {
        let p = [dice.between(300.0, 11_700.0), dice.between(300.0, 11_700.0)];
        let steep = county.terrain.height_m.slope(county.survey.patch.cell_of(p)) > 0.3;
        let near = county.buildings.iter().filter(|b| distance(b.centre, p) < 160.0 && b.households > 0).count();
        if steep && near > 1 && sites.iter().all(|(q, ..)| distance(*q, p) > 350.0) {
            let (homes, people) = county
                .buildings
                .iter()
                .filter(|b| distance(b.centre, p) < 160.0)
                .fold((0, 0), |sum, b| (sum.0 + b.households, sum.1 + b.people));
            sites.push((p, dice.between(1_500.0, 60_000.0), homes, people));
        }
    }
    for (number, (p, volume_m3, households, people)) in sites.iter().enumerate() {
        let village =
            usize::from(county.survey.patches[county.survey.patch[county.survey.patch.cell_of(*p)] as usize].village);
        let place = easting_northing_m(*p);
        let mut degrees = [place];
        transform.points(&mut degrees)?;
        let kind = ["滑坡", "滑坡", "崩塌", "不稳定斜坡", "泥石流"][number % 5];
        let [dx, dy] = county.terrain.height_m.gradient(county.survey.patch.cell_of(*p));
        let facing = (-dx).atan2(dy).to_degrees().rem_euclid(360.0);
        // Two gradings that must not be mixed: of the volume, and of the danger.
        let by_volume = if *volume_m3 < 100_000.0 { "小型" } else { "中型" };
        let by_danger = if *people < 100 { "小型" } else { "中型" };
        layer.rows.push((
            Shape::Point(place),
            vec![
                format!("433199{:06}", 10_001 + number).into(),
                format!("{}{}组{kind}", VILLAGES[village], 1 + number % 9).into(),
                kind.into(),
                if number == 0 { "不稳定" } else { "较稳定" }.into(),
                "样例州".into(),
                COUNTY_NAME.into(),
                TOWNSHIP_NAME.into(),
                VILLAGES[village].into(),
                format!("{}组", 1 + number % 9).into(),
                format!("{TOWNSHIP_NAME}{}", VILLAGES[village]).into(),
                degrees[0][0].into(),
                degrees[0][1].into(),
                (facing.round() as i32).into(),
                volume_m3.round().into(),
                by_volume.into(),
                by_danger.into(),
                (f64::from(*households) * 12.5).into(),
                (*households as i32).into(),
                (*people as i32).into(),
                format!("20{:02}-06-{:02}", 12 + number % 11, 1 + number % 28).into(),
                "降雨".into(),
                "居民点".into(),
                format!("样例员{:02}", number + 1).into(),
            ],
        ));
    }
    deliveries.truth.insert("hazard_points".to_owned(), json!({ "count": layer.rows.len() }));
    Ok(layer)
}

/// Sixty parcels: land approved and not yet supplied, or planning permits (nine of them for new buildings of the block).
fn approvals(deliveries: &mut Deliveries<'_>, block: &Block, name: &str, permits: bool) -> Layer {
    let county = deliveries.county;
    let mut layer =
        Layer::new(name, 4_546, &[text("批文号", 40), text("项目名称", 80), text("日期", 10), real("YDMJ", 2)]);
    let row = |serial: usize, title: String, area: f64| -> Vec<Value> {
        let number = if permits {
            format!("建字第433199{}{serial:05}号", 2_021 + serial % 3)
        } else {
            format!("样政土〔{}〕{serial}号", 2_019 + serial % 4)
        };
        vec![
            number.into(),
            title.into(),
            format!("20{:02}{:02}{:02}", 20 + serial % 4, 1 + serial % 12, 1 + serial % 28).into(),
            area.into(),
        ]
    };
    let mut serial = 1;
    if permits {
        for (building, area, _) in block.new_buildings.iter().filter(|(.., permitted)| *permitted) {
            let plot = Building { half_m: [building.half_m[0] + 1.5, building.half_m[1] + 1.5], ..building.clone() };
            let plot_area = 4.0 * plot.half_m[0] * plot.half_m[1];
            layer
                .rows
                .push((house_shape(&plot), row(serial, format!("村民住宅 (建筑占地 {area:.0} 平方米)"), plot_area)));
            serial += 1;
        }
    }
    let mut dice = Dice::named(name);
    while serial <= 60 {
        let building = dice.pick(&county.buildings);
        let town = matches!(building.purpose, Purpose::Apartments | Purpose::Factory | Purpose::Shop);
        if town && !block.holds(building.centre, -30.0) {
            let plot = Building { half_m: [building.half_m[0] + 12.0, building.half_m[1] + 9.0], ..building.clone() };
            let title = format!("{}{}项目", VILLAGES[usize::from(building.village)], building.purpose.name());
            layer.rows.push((house_shape(&plot), row(serial, title, 4.0 * plot.half_m[0] * plot.half_m[1])));
            serial += 1;
        }
    }
    deliveries.truth.insert(
        if permits { "permits" } else { "approved_not_supplied" }.to_owned(),
        json!({ "count": layer.rows.len() }),
    );
    layer
}

fn places_of_interest(deliveries: &mut Deliveries<'_>) -> Result<Layer> {
    let county = deliveries.county;
    let mut layer = Layer::new("POI", 4_326, &[text("name", 60), text("type", 20), text("address", 80)]);
    let mut dice = Dice::named("points of interest");
    let transform = Transform::new(&Crs::from_epsg(4_546)?, &Crs::wgs84())?;
    let kinds = ["便利店", "卫生室", "小学", "饭店", "村委会", "加油站", "农资店", "快递点", "药店", "停车场"];
    while layer.rows.len() < 300 {
        let number = layer.rows.len();
        let building = dice.pick(&county.buildings);
        let kind = kinds[number % kinds.len()];
        let mut place = [easting_northing_m(building.centre)];
        transform.points(&mut place)?;
        let village = VILLAGES[usize::from(building.village)];
        layer.rows.push((
            Shape::Point(offset::gcj02_from_wgs84(place[0])),
            vec![
                format!("{village}{kind}{:02}", 1 + number / kinds.len()).into(),
                kind.into(),
                format!("{TOWNSHIP_NAME}{village}").into(),
            ],
        ));
    }
    deliveries.truth.insert(
        "poi".to_owned(),
        json!({ "count": layer.rows.len(), "written_crs": "EPSG:4326", "true_crs": "GCJ-02" }),
    );
    Ok(layer)
}
