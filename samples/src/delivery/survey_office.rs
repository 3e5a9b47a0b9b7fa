//! The survey office's delivery: 5 m heights and 2 m picture of the whole township.

use super::Deliveries;
use crate::paint::{Painter, light_of};
use crate::place::{CELL_M, CELLS, NORTH_NORTHING_M, SIDE_M, WEST_EASTING_M};
use crate::raster::{Frame, write_heights, write_picture};
use crate::scene::{Window, cover};
use anyhow::Result;
use rayon::prelude::*;
use serde_json::json;

const NOTE: &str = "样例县测绘院 成果交付说明\n\
    ======================\n\
    样例县为虚构地名，全部数据由程序生成，不涉及任何真实地点。\n\n\
    1. 样例镇_DEM_5m.tif    数字高程模型，格网 5 米，Float32，单位米\n\
    2. 样例镇_DOM_2m_2023.tif  数字正射影像，分辨率 2 米，2023 年 9 月\n\n\
    坐标系：CGCS2000 / 3度带 中央经线111°E (EPSG:4546)\n\
    高程基准：1985国家高程基准 (正常高)\n\
    责任单位：样例县测绘院    密级：公开(样例)    现势日期：2023-09-20\n";

const FOLDER: &str = "01_测绘院_地形影像";

/// Writes the folder.
pub(super) fn deliver(deliveries: &mut Deliveries<'_>) -> Result<()> {
    let county = deliveries.county;
    let folder = deliveries.folder(FOLDER, NOTE)?;
    let frame = Frame { epsg: 4_546, west: WEST_EASTING_M, north: NORTH_NORTHING_M, pixel_m: CELL_M };
    let heights = &county.terrain.height_m;
    write_heights(&folder.join("样例镇_DEM_5m.tif"), CELLS, &heights.cells, frame)?;
    let low = heights.cells.iter().copied().fold(f32::MAX, f32::min);
    let high = heights.cells.iter().copied().fold(f32::MIN, f32::max);
    deliveries.truth.insert(
        "dem".to_owned(),
        json!({ "epsg": 4_546, "height_datum": "normal_1985", "columns": CELLS, "rows": CELLS, "pixel_m": CELL_M, "min_m": low, "max_m": high }),
    );

    let pixel_m = 2.0;
    let side = (SIDE_M / pixel_m) as usize;
    let window = Window { west_m: 0.0, north_m: 0.0, columns: side, rows: side, pixel_m };
    let cover = cover(window, &county.partition, &county.patch_of_face(), &county.network.roads, &county.buildings);
    let painter = Painter {
        height_m: heights,
        light: light_of(heights),
        survey: &county.survey,
        buildings: &county.buildings,
        stripped: None,
    };
    write_picture(&folder.join("样例镇_DOM_2m_2023.tif"), [side, side], Frame { pixel_m, ..frame }, |rows| {
        (rows.start * side..rows.end * side)
            .into_par_iter()
            .map(|index| painter.pixel(&cover, index % side, index / side))
            .collect()
    })?;
    deliveries.import(
        &format!("{FOLDER}/样例镇_DEM_5m.tif"),
        "dem",
        ["样例镇 5 米地形", "Terrain, 5 m"],
        "2023-09-20",
        &["--height-datum", "normal_1985", "--responsible-unit", "样例县测绘院"],
    );
    deliveries.import(
        &format!("{FOLDER}/样例镇_DOM_2m_2023.tif"),
        "imagery",
        ["样例镇 2 米影像", "Imagery, 2 m"],
        "2023-09-20",
        &["--responsible-unit", "样例县测绘院"],
    );
    Ok(())
}
