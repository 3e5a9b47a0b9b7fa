//! Three projects for review, each as boundary points (界址点 TXT), DXF and shapefile, and what a review must find.

use super::Deliveries;
use super::overlay::{Overlay, polygon};
use crate::county::County;
use crate::dice::Dice;
use crate::path::{PointM, band, resample, ring_area};
use crate::place::{SIDE_M, easting_northing_m};
use crate::vector::{Layer, Shape, real, text};
use crate::zones::Zone;
use anyhow::Result;
use geo::Area as _;
use serde_json::{Value, json};
use std::fmt::Write as _;

const FOLDER: &str = "10_项目_拟用地红线";
const NOTE: &str = "拟用地红线\n======================\n\
    每个项目三种格式：界址点 txt (GBK，先 X 北后 Y 东，Y 带 37 带号)、dxf、shp。内容相同。\n\
    坐标系：CGCS2000 3度带 CM 111°E；shp 为 EPSG:4546\n";

struct Project {
    name: &'static str,
    slug: &'static str,
    english: &'static str,
    use_code: &'static str,
    wanted_ha: f64,
    ring: Vec<PointM>,
}

/// Writes the folder.
pub(super) fn deliver(deliveries: &mut Deliveries<'_>) -> Result<()> {
    let folder = deliveries.folder(FOLDER, NOTE)?;
    let county = deliveries.county;
    let projects = [
        Project {
            name: "样例工业园",
            slug: "project-industry",
            english: "Project: industrial park",
            use_code: "100101",
            wanted_ha: 6.8342,
            ring: industry(county),
        },
        Project {
            name: "河湾安置区",
            slug: "project-housing",
            english: "Project: resettlement housing",
            use_code: "070102",
            wanted_ha: 2.4160,
            ring: housing(county),
        },
        Project {
            name: "样例乡道",
            slug: "project-road",
            english: "Project: township road",
            use_code: "1202",
            wanted_ha: 3.72,
            ring: road(county),
        },
    ];
    let mut truth = serde_json::Map::new();
    for project in &projects {
        let takes = takes(deliveries, &project.ring)?;
        truth.insert(
            project.slug.to_owned(),
            deliveries.surveyor.ring(&project.ring)?.json(json!({
                "name": project.name, "land_use": project.use_code, "wanted_ha": project.wanted_ha, "takes": takes,
            })),
        );
        let mut layer = Layer::new(
            project.name,
            4_546,
            &[text("XMMC", 60), text("DKBH", 12), text("YDYHFLDM", 10), real("RJL", 2), real("XG", 1), real("YDMJ", 4)],
        );
        let ring: Vec<PointM> = project.ring.iter().map(|p| easting_northing_m(*p)).collect();
        let (ratio, height) = if project.use_code == "070102" { (2.0, 54.0) } else { (0.0, 0.0) };
        layer.rows.push((
            Shape::Polygons(vec![vec![ring.clone()]]),
            vec![
                project.name.into(),
                "DK-01".into(),
                project.use_code.into(),
                ratio.into(),
                height.into(),
                project.wanted_ha.into(),
            ],
        ));
        deliveries.layer(&folder.join(format!("{}.shp", project.name)), "ESRI Shapefile", &layer, &["ENCODING=GBK"])?;
        layer.epsg = None;
        layer.columns = vec![text("Layer", 32)];
        let closed: Vec<PointM> = ring.iter().chain(ring.first()).copied().collect();
        layer.rows[0] = (Shape::Line(closed), vec!["YDHX".into()]);
        deliveries.layer(&folder.join(format!("{}.dxf", project.name)), "DXF", &layer, &[])?;
        let points = boundary_points(project, &ring)?;
        let (bytes, ..) = encoding_rs::GBK.encode(&points);
        deliveries.file(&folder.join(format!("{}_界址点.txt", project.name)), &bytes)?;
        deliveries.import(
            &format!("{FOLDER}/{}.shp", project.name),
            project.slug,
            [project.name, project.english],
            "2024-09-01",
            &["--style", "project"],
        );
    }
    deliveries.truth.insert("projects".to_owned(), truth.into());
    Ok(())
}

/// Key of a plan in the truth, and where it is.
type Plan<'p> = (&'static str, &'p dyn Fn(&Zone) -> bool);

/// What a project takes of everything a review looks at.
fn takes(deliveries: &Deliveries<'_>, ring: &[PointM]) -> Result<Value> {
    let kinds: [Plan<'_>; 6] = [
        ("farmland", &|z| z.farmland),
        ("red_line_2022", &|z| z.red_2022),
        ("river_range", &|z| z.river),
        ("high_hazard", &|z| z.hazard),
        ("mining", &|z| z.mining),
        ("urban_boundary", &|z| (1..=3).contains(&z.urban)),
    ];
    let shape = polygon(ring);
    let mut takes = serde_json::Map::new();
    for (name, holds) in kinds {
        let common = Overlay::of(deliveries.county, |_, zone| holds(zone)).common(&shape);
        takes.insert(name.to_owned(), deliveries.surveyor.polygons(&common)?.json(json!({})));
    }
    for place in &deliveries.protected {
        let common = Overlay::of_polygons(std::slice::from_ref(&place.polygons)).common(&shape);
        if common.unsigned_area() > 0.0 {
            takes.insert(place.kind.to_owned(), deliveries.surveyor.polygons(&common)?.json(json!({})));
        }
    }
    Ok(takes.into())
}

fn boundary_points(project: &Project, ring: &[PointM]) -> Result<String> {
    let mut out = String::from(
        "[属性描述]\r\n格式版本号=1.01版本\r\n数据产生单位=样例县自然资源局\r\n数据产生日期=2024-09-01\r\n坐标系=2000国家大地坐标系\r\n几度分带=3\r\n投影类型=高斯克吕格\r\n计量单位=米\r\n带号=37\r\n精度=0.001\r\n转换参数=,,,,,,\r\n[地块坐标]\r\n",
    );
    write!(out, "{},{:.4},1,{},面,,{},,@\r\n", ring.len() + 1, project.wanted_ha, project.name, project.use_code)?;
    for (number, p) in ring.iter().chain(ring.first()).enumerate() {
        let serial = number % ring.len() + 1;
        write!(out, "J{serial},1,{:.3},{:.3}\r\n", p[1], p[0] + 37_000_000.0)?;
    }
    Ok(out)
}

fn rectangle(centre: PointM, turn: f64, half: [f64; 2]) -> Vec<PointM> {
    let (sin, cos) = turn.sin_cos();
    [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
        .map(|(u, v)| {
            [centre[0] + u * half[0] * cos - v * half[1] * sin, centre[1] + u * half[0] * sin + v * half[1] * cos]
        })
        .to_vec()
}

fn share(county: &County, ring: &[PointM], keep: impl Fn(&Zone) -> bool) -> f64 {
    let (mut inside, mut all) = (0_u32, 0_u32);
    for v in 0..12 {
        for u in 0..12 {
            let (s, t) = ((f64::from(u) + 0.5) / 12.0, (f64::from(v) + 0.5) / 12.0);
            let at =
                |axis: usize| ring[0][axis] + s * (ring[1][axis] - ring[0][axis]) + t * (ring[3][axis] - ring[0][axis]);
            let p = [at(0), at(1)];
            all += 1;
            let grid = &county.zones.zone;
            inside += u32::from(grid.holds(p) && keep(&county.zones.kinds[usize::from(grid[grid.cell_of(p)])]));
        }
    }
    f64::from(inside) / f64::from(all)
}

/// 6.8342 ha beside the works of the town, 0.2871 ha of it on protected farmland.
fn industry(county: &County) -> Vec<PointM> {
    let half = [160.0, 68_342.0 / 4.0 / 160.0];
    let seat = county.network.seats[0];
    let mut dice = Dice::named("industrial park");
    for _ in 0..60_000 {
        let centre = [seat[0] + dice.between(-2_600.0, 3_600.0), seat[1] + dice.between(-1_900.0, 1_900.0)];
        let turn = dice.between(0.0, std::f64::consts::PI);
        let ring = rectangle(centre, turn, half);
        let farmland = share(county, &ring, |z| z.farmland);
        if !(0.02..0.12).contains(&farmland)
            || share(county, &ring, |z| z.red_2022 || z.river || z.hazard || z.mining) > 0.0
        {
            continue;
        }
        // Slide the site along its own axis until exactly the wanted part is farmland.
        let overlay = Overlay::of(county, |_, zone| zone.farmland);
        let at = |shift: f64| rectangle([centre[0] + shift * turn.cos(), centre[1] + shift * turn.sin()], turn, half);
        let excess = |shift: f64| overlay.area_m2(&polygon(&at(shift))) - 2_871.0;
        for (mut low, mut high) in [(-40.0, 40.0), (-15.0, 60.0), (-60.0, 15.0)] {
            if excess(low).signum() * excess(high).signum() >= 0.0 {
                continue;
            }
            let rising = excess(low) < 0.0;
            for _ in 0..44 {
                let middle = f64::midpoint(low, high);
                if (excess(middle) < 0.0) == rising { low = middle } else { high = middle }
            }
            let ring = at(low);
            if excess(low).abs() < 0.01 && share(county, &ring, |z| z.red_2022 || z.river || z.hazard) <= 0.0 {
                return ring;
            }
        }
    }
    rectangle(seat, 0.0, half)
}

/// 2.4160 ha of town land that no line touches.
fn housing(county: &County) -> Vec<PointM> {
    let half = [80.0, 75.5];
    let seat = county.network.seats[0];
    let mut dice = Dice::named("resettlement housing");
    let mut best = (f64::MAX, rectangle(seat, 0.31, half));
    for _ in 0..4_000 {
        let centre = [seat[0] + dice.between(-2_000.0, 2_000.0), seat[1] + dice.between(-1_500.0, 1_500.0)];
        let ring = rectangle(centre, 0.31, half);
        let bad = share(county, &ring, |z| z.urban != 1 || z.farmland || z.red_2022 || z.river || z.hazard || z.mining);
        let wide = rectangle(centre, 0.31, [110.0, 105.0]);
        let edge = share(county, &wide, |z| z.farmland || z.red_2022 || z.river || z.hazard);
        let built = share(county, &ring, |z| z.detail > 0);
        let score = bad * 100.0 + edge * 10.0 + (0.8 - built).abs();
        if score < best.0 {
            best = (score, ring);
        }
    }
    best.1
}

/// 3.1 km of road 12 m wide that crosses about 342 m of red line and 150 m of the river's range.
fn road(county: &County) -> Vec<PointM> {
    let mut dice = Dice::named("township road");
    let grid = &county.zones.zone;
    let mut best: (f64, Vec<PointM>) = (f64::MAX, Vec::new());
    for _ in 0..60_000 {
        let start = [dice.between(200.0, SIDE_M - 200.0), dice.between(200.0, SIDE_M - 200.0)];
        let heading = dice.between(0.0, std::f64::consts::TAU);
        let mut line = vec![start];
        for bend in 0..4 {
            let turn = heading + 0.5 * (f64::from(bend) + dice.between(0.0, 1.0)).sin();
            let last = line[line.len() - 1];
            line.push([last[0] + 775.0 * turn.cos(), last[1] + 775.0 * turn.sin()]);
        }
        if !line.iter().all(|p| p.iter().all(|v| (100.0..SIDE_M - 100.0).contains(v))) {
            continue;
        }
        let (mut red, mut river, mut farmland) = (0.0, 0.0, 0.0);
        for p in resample(&line, 10.0) {
            let zone = county.zones.kinds[usize::from(grid[grid.cell_of(p)])];
            red += f64::from(u8::from(zone.red_2022)) * 10.0;
            river += f64::from(u8::from(zone.river)) * 10.0;
            farmland += f64::from(u8::from(zone.farmland)) * 10.0;
        }
        let score = (red - 341.8_f64).abs() + 2.0 * (river - 150.0_f64).abs() + 3.0 * farmland;
        if score < best.0 {
            best = (score, line);
        }
    }
    let mut ring = band(&resample(&best.1, 25.0), 6.0);
    // Mitred bends are a little off 12 m: bring the area to the figure by the width.
    let width = 6.0 * 37_200.0 / ring_area(&ring).abs().max(1.0);
    ring = band(&resample(&best.1, 25.0), width);
    ring
}
