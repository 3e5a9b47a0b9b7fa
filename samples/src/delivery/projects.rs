//! Three projects for review, each as boundary points (界址点 TXT), DXF and shapefile, and what a review must find.

use super::Deliveries;
use super::overlay::{Overlay, polygon};
use super::sites::{self, Ground, RoadFigures};
use crate::path::PointM;
use crate::place::easting_northing_m;
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

/// The township road: 3.1 km, 3.72 ha, of them 0.4102 ha of red line and 0.18 ha of river range.
const ROAD: RoadFigures = RoadFigures { length_m: 3_100.0, area_m2: 37_200.0, red_line_m2: 4_102.0, river_m2: 1_800.0 };

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
    let ground = Ground { county, protected: &deliveries.protected };
    let projects = [
        Project {
            name: "样例工业园",
            slug: "project-industry",
            english: "Project: industrial park",
            use_code: "100101",
            wanted_ha: 6.8342,
            ring: sites::industry(&ground, 68_342.0, 2_871.0),
        },
        Project {
            name: "河湾安置区",
            slug: "project-housing",
            english: "Project: resettlement housing",
            use_code: "070102",
            wanted_ha: 2.4160,
            ring: sites::housing(&ground, [80.0, 75.5]),
        },
        Project {
            name: "样例乡道",
            slug: "project-road",
            english: "Project: township road",
            use_code: "1202",
            wanted_ha: 3.72,
            ring: sites::road(&ground, &ROAD),
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
