//! Deliveries as they should not be: what a quality check must find, each mistake counted in the truth.

use super::Deliveries;
use super::land::shape_of;
use super::overlay::{Overlay, from_rings, polygon, to_rings};
use super::slivers::clipped_strip;
use crate::path::{PointM, length, resample};
use crate::place::{COUNTY_CODE, VILLAGES, easting_northing_m, unit_code};
use crate::vector::{Layer, Shape, real, text};
use anyhow::Result;
use geo::{Area as _, BooleanOps as _, MultiPolygon, Validation as _};
use serde_json::json;
use std::collections::BTreeSet;

/// Polygons of the layer with invalid rings; every eighth crosses itself.
const CROSSED_OF: usize = 200;
const FOLDER: &str = "11_待质检_问题数据";
const NOTE: &str = "供质量检查演练的问题数据 (均为有意设置)\n======================\n\
    CJDCQ_2019.shp 村界有缝隙与重叠   DLTB_编号重复.gpkg 标识码重复\n\
    无编码体系.geojson 代码 1001 与 0601 无分类说明   自相交.gpkg 自相交图形\n";

/// Writes the folder.
pub(super) fn deliver(deliveries: &mut Deliveries<'_>) -> Result<()> {
    let folder = deliveries.folder(FOLDER, NOTE)?;
    let villages = villages(deliveries)?;
    deliveries.layer(&folder.join("CJDCQ_2019.shp"), "ESRI Shapefile", &villages, &["ENCODING=GBK"])?;
    let rings = deliveries.county.patch_polygons();
    let county = deliveries.county;
    let mut doubled = Layer::new("DLTB_编号重复", 4_546, &[text("BSM", 18), text("DLBM", 5)]);
    let mut coded = Layer::new("无编码体系", 4_546, &[text("dm", 6), real("mj", 2)]);
    let mut crossed = Layer::new("自相交", 4_546, &[text("BSM", 18)]);
    let mut serials = BTreeSet::new();
    let mut repeated = Vec::new();
    let mut codes = BTreeSet::new();
    let mut invalid = 0;
    for (number, rings) in rings.iter().enumerate() {
        let code = county.code(number);
        if number < 300 {
            // The 100th, 200th and 300th repeat the number of the one before.
            let serial = if number % 100 == 99 { number } else { number + 1 };
            let bsm = format!("{COUNTY_CODE}2110{serial:08}");
            if !serials.insert(serial) {
                repeated.push(bsm.clone());
            }
            doubled.rows.push((shape_of(std::slice::from_ref(rings)), vec![bsm.into(), code.into()]));
        }
        if code == "0601" || code == "1001" {
            codes.insert(code);
            let area = crate::partition::polygon_double_area(rings) as f64 / 2.0e6;
            coded.rows.push((shape_of(std::slice::from_ref(rings)), vec![code.into(), area.into()]));
        }
        if rings.len() == 1 && rings[0].len() >= 8 && rings[0].len() < 40 && crossed.rows.len() < CROSSED_OF {
            let serial = crossed.rows.len();
            let mut ring: Vec<PointM> =
                rings[0].iter().map(|p| [p[0] as f64 / 1_000.0, p[1] as f64 / 1_000.0]).collect();
            if serial.is_multiple_of(8) {
                // Two opposite corners exchanged: the ring crosses itself.
                let half = ring.len() / 2;
                ring.swap(1, half + 1);
            }
            let is_wrong = !polygon(&ring).is_valid();
            if is_wrong != serial.is_multiple_of(8) {
                continue;
            }
            invalid += usize::from(is_wrong);
            crossed.rows.push((
                Shape::Polygons(vec![vec![ring.iter().map(|p| easting_northing_m(*p)).collect()]]),
                vec![format!("{COUNTY_CODE}2110{:08}", serial + 1).into()],
            ));
        }
    }
    deliveries.truth.insert(
        "dirty".to_owned(),
        json!({
            "duplicate_bsm": repeated.len(), "duplicate_bsm_numbers": repeated,
            "invalid_rings": invalid, "of_polygons": crossed.rows.len(),
            "no_code_system_features": coded.rows.len(), "no_code_system_codes": codes,
        }),
    );
    deliveries.layer(&folder.join("DLTB_编号重复.gpkg"), "GPKG", &doubled, &[])?;
    deliveries.layer(&folder.join("自相交.gpkg"), "GPKG", &crossed, &[])?;
    let coded = super::plans::in_degrees(coded, 4_490)?;
    deliveries.layer(&folder.join("无编码体系.geojson"), "GeoJSON", &coded, &["WRITE_NAME=YES"])
}

/// The villages of 2019: between two of them a gap of 0.12 ha, between two others an overlap of 0.37 ha.
fn villages(deliveries: &mut Deliveries<'_>) -> Result<Layer> {
    let county = deliveries.county;
    let merged =
        county.merged(VILLAGES.len(), |face| Some(u32::from(county.survey.patches[face.patch as usize].village)));
    let mut shapes: Vec<MultiPolygon<f64>> =
        merged.iter().map(|parts| MultiPolygon::new(parts.iter().map(from_rings).collect())).collect();
    let mut planted: Vec<(&str, f64)> = vec![("overlap", 3_700.0), ("gap", 1_200.0)];
    let mut touched = Vec::new();
    let mut truth = serde_json::Map::new();
    for arc in &county.partition.arcs {
        let Some(&(kind, wanted_m2)) = planted.last() else { break };
        let village =
            |face: u32| county.faces.get(face as usize).map(|face| county.survey.patches[face.patch as usize].village);
        let (Some(left), Some(right)) = (village(arc.left), village(arc.right)) else { continue };
        let line: Vec<PointM> = arc.points.iter().map(|p| [p[0] as f64 / 1_000.0, p[1] as f64 / 1_000.0]).collect();
        if left == right || length(&line) < 230.0 || touched.contains(&left) || touched.contains(&right) {
            continue;
        }
        let points = resample(&line, 5.0);
        let gentle = points[..40].windows(3).all(|w| (w[2][0] - w[0][0]).hypot(w[2][1] - w[0][1]) > 8.0);
        // What counts is the part inside the village on the left: widened until that is exact.
        let inside = Overlay::of_polygons(&shapes[usize::from(left)..=usize::from(left)]);
        let Some(piece) = gentle.then(|| clipped_strip(&inside, &points[..40], wanted_m2)).flatten() else { continue };
        let (own, other) = (usize::from(left), usize::from(right));
        // Taken away from the village on the left the strip leaves a gap, given to the other too it is covered twice.
        if kind == "gap" {
            shapes[own] = shapes[own].difference(&piece);
        } else {
            shapes[other] = shapes[other].union(&piece);
        }
        let names = json!({ "between": [VILLAGES[own], VILLAGES[other]] });
        truth.insert(kind.to_owned(), deliveries.surveyor.polygons(&piece)?.json(names));
        touched.extend([left, right]);
        planted.pop();
    }
    let whole: f64 = shapes.iter().map(geo::Area::unsigned_area).sum();
    truth.insert("sum_of_plane_areas_m2".to_owned(), json!(whole));
    deliveries.truth.insert("villages_2019".to_owned(), truth.into());
    let mut layer =
        Layer::new("CJDCQ_2019", 4_546, &[text("BSM", 18), text("ZLDWDM", 19), text("ZLDWMC", 60), real("JSMJ", 2)]);
    for (number, shape) in shapes.iter().enumerate() {
        let parts = to_rings(shape)
            .into_iter()
            .map(|rings| rings.into_iter().map(|ring| ring.into_iter().map(easting_northing_m).collect()).collect())
            .collect();
        layer.rows.push((
            Shape::Polygons(parts),
            vec![
                format!("{COUNTY_CODE}1100{:08}", number + 1).into(),
                unit_code(number).into(),
                VILLAGES[number].into(),
                shape.unsigned_area().into(),
            ],
        ));
    }
    Ok(layer)
}
