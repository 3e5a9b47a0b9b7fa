//! Every delivered file, with `ogrinfo` and Karney's geodesics as judges.

use crate::{made, number};
use gdal::Dataset;
use gdal::vector::{Geometry, LayerAccess as _};
use geo::{GeodesicArea as _, LineString, Polygon};
use geodesy::{Crs, Transform};
use std::path::Path;
use std::process::Command;

fn features(path: &Path, layer: &str) -> Option<u64> {
    let answer = Command::new("ogrinfo").args(["-so", "-ro"]).arg(path).arg(layer).output().ok()?;
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(answer.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&answer.stderr));
    text.lines().find_map(|line| line.strip_prefix("Feature Count: ")).and_then(|count| count.trim().parse().ok())
}

#[test]
fn ogrinfo_opens_every_layer_with_the_expected_count() {
    if Command::new("ogrinfo").arg("--version").output().is_err() {
        println!("SKIPPED: ogrinfo is not installed (Debian package gdal-bin)");
        return;
    }
    let out = made().folder.path();
    for (path, layer, count) in [
        ("02_自然资源局_国土调查/433199样例县2023.gdb", "DLTB", number(&["dltb", "features"]) as u64),
        ("02_自然资源局_国土调查/XZQ.shp", "XZQ", 1),
        ("02_自然资源局_国土调查/CJDCQ.shp", "CJDCQ", 13),
        ("04_自然资源局_国土空间规划/控规地块.gpkg", "控规地块", 90),
        ("08_多部门_管控边界/WWBH.shp", "WWBH", 6),
        ("09_多部门_台账/FW.shp", "FW", 4_200),
        ("09_多部门_台账/批而未供.shp", "批而未供", 60),
        ("09_多部门_台账/规划许可.shp", "规划许可", 60),
        ("09_多部门_台账/POI.geojson", "POI", 300),
        ("10_项目_拟用地红线/样例工业园.shp", "样例工业园", 1),
        ("10_项目_拟用地红线/样例工业园.dxf", "entities", 1),
    ] {
        assert_eq!(features(&out.join(path), layer), Some(count), "{path}");
    }
    let folders = [
        "04_自然资源局_国土空间规划",
        "05_住建局_城市总体规划2012",
        "06_自然资源局_土地利用总体规划",
        "07_林业局_林地小班",
        "08_多部门_管控边界",
        "09_多部门_台账",
        "10_项目_拟用地红线",
        "11_待质检_问题数据",
    ];
    for folder in folders {
        for entry in std::fs::read_dir(out.join(folder)).expect("the folder is there").flatten() {
            let path = entry.path();
            let kind = path.extension().and_then(|e| e.to_str()).unwrap_or("");
            if ["shp", "gpkg", "geojson", "dxf"].contains(&kind) {
                let answer =
                    Command::new("ogrinfo").args(["-so", "-ro", "-al"]).arg(&path).output().expect("ogrinfo runs");
                let text = String::from_utf8_lossy(&answer.stdout).into_owned();
                let some = text
                    .lines()
                    .filter_map(|line| line.strip_prefix("Feature Count: "))
                    .any(|count| count.trim() != "0");
                assert!(answer.status.success() && some, "{}: {text}", path.display());
            }
        }
    }
}

/// Area of a shapefile's polygons on the WGS 84 ellipsoid (0.1 mm from that of CGCS2000) by `GeographicLib`.
fn geodesic_area_m2(path: &Path) -> f64 {
    let to_degrees = Transform::new(&Crs::from_epsg(4_546).expect("the zone"), &Crs::cgcs2000()).expect("one datum");
    let area_of = |ring: &Geometry| {
        let count = i32::try_from(ring.point_count()).expect("a ring of a county");
        let mut points: Vec<[f64; 2]> = (0..count).map(|i| ring.get_point(i)).map(|(x, y, _)| [x, y]).collect();
        to_degrees.points(&mut points).expect("inside the zone");
        Polygon::new(LineString::from(points), Vec::new()).geodesic_area_signed().abs()
    };
    let polygon_area = |polygon: &Geometry| -> f64 {
        let holes: f64 = (1..polygon.geometry_count()).map(|i| area_of(&polygon.get_geometry(i))).sum();
        area_of(&polygon.get_geometry(0)) - holes
    };
    let dataset = Dataset::open(path).expect("GDAL opens it");
    let mut layer = dataset.layer(0).expect("one layer");
    let mut sum = 0.0;
    for feature in layer.features() {
        let shape = feature.geometry().expect("a shape");
        let parts = shape.geometry_count();
        sum += if shape.geometry_name() == "POLYGON" {
            polygon_area(shape)
        } else {
            (0..parts).map(|i| polygon_area(&shape.get_geometry(i))).sum()
        };
    }
    sum
}

#[test]
fn ellipsoidal_areas_of_the_truth_are_those_of_geographiclib() {
    for (file, truth, tolerance_m2) in [
        ("04_自然资源局_国土空间规划/STBHHX_2022.shp", &["conflicts", "red_line_2022"][..], 1.0),
        ("10_项目_拟用地红线/样例工业园.shp", &["projects", "project-industry"], 0.02),
        ("10_项目_拟用地红线/样例乡道.shp", &["projects", "project-road"], 0.02),
    ] {
        let stated = number(&[truth, &["ellipsoidal_area_m2"]].concat());
        let measured = geodesic_area_m2(&made().folder.path().join(file));
        assert!((stated - measured).abs() < tolerance_m2, "{file}: {stated} {measured}");
    }
}
