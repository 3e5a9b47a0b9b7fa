//! The drone surveyors' delivery: one square kilometre at 0.2 m, before and after the landslides.
//! Orthophoto, surface and ground heights, point cloud, oblique model; and copies of the heights with known mistakes.

use super::areas::Areas;
use super::{Deliveries, Scope};
use crate::block::{BLOCK_M, Block, canopy_m, code_at};
use crate::buildings::{Building, register_number};
use crate::county::County;
use crate::dice::Dice;
use crate::grid::Grid;
use crate::mesh::{Source, Square};
use crate::osgb::{Node, write};
use crate::paint::{Painter, light_of};
use crate::path::PointM;
use crate::place::easting_northing_m;
use crate::raster::{Frame, write_heights, write_picture};
use crate::scene::{Cover, Surface, Window, cover};
use crate::vector::spatial_ref;
use anyhow::{Context as _, Result};
use rayon::prelude::*;
use serde_json::json;
use std::fs;
use std::path::Path;

const FOLDER: &str = "03_无人机测绘_高精度1平方公里";
/// Height of the national zero surface above the ellipsoid: ellipsoidal = normal + this (made up, plausible).
const HEIGHT_ANOMALY_M: f64 = -28.37;
/// Ground posts of the ground model in metres.
const GROUND_M: f64 = 1.0;
const DSM_M: f64 = 0.5;
const PICTURE_M: f64 = 0.2;

const NOTE: &str = "高精度无人机测绘成果说明 (仅 1 平方公里，两期)\n\
    ====================================\n\
    范围：样例镇滑坡点周边 1 平方公里，小于 25 平方公里连片限值。\n\
    第一期 2023-05-16    第二期 2024-07-20 (滑坡发生后)\n\n\
    DOM_0.2m.tif 正射影像   DSM_0.5m.tif 表面模型   DEM_1m.tif 地面模型\n\
    点云.las (LAS 1.4, 点格式 7, 真彩色, 已分类)   OSGB/ 倾斜摄影三维模型\n\
    坐标系：CGCS2000 / 3度带 CM 111°E (EPSG:4546)    高程基准：1985国家高程基准\n\n\
    对照数据/ 内为第二期 DEM 的五份有已知差错的副本 (差值见 truth.json 的 block.copies)：\n\
      DEM_1m_平移0.03m.tif   DEM_1m_平移1m.tif   平面位置整体偏移\n\
      DEM_1m_抬高0.03m.tif   DEM_1m_抬高1m.tif   DEM_1m_大地高.tif (椭球高)\n\
    责任单位：样例县测绘院    密级：公开(样例)\n";

/// The two epochs: number, folder, day, slug ending.
const EPOCHS: [(u8, &str, &str, &str); 2] =
    [(1, "第一期_2023-05", "2023-05-16", "2023"), (2, "第二期_2024-07", "2024-07-20", "2024")];

/// Writes the folder.
pub(super) fn deliver(deliveries: &mut Deliveries<'_>, block: &Block, say: &mut dyn FnMut(&str)) -> Result<()> {
    write_truth(deliveries, block)?;
    for (epoch, name, ..) in EPOCHS {
        let ground = ground_posts(deliveries.county, block, epoch, [0.0; 2]);
        deliveries.note_heights(&format!("ground of {name}"), ground.into_iter());
    }
    if deliveries.scope != Scope::Everything {
        return Ok(());
    }
    let folder = deliveries.folder(FOLDER, NOTE)?;
    let county = deliveries.county;
    for (epoch, name, day, _) in EPOCHS {
        say(&format!("drone survey {day}"));
        let target = folder.join(name);
        fs::create_dir_all(&target).with_context(|| format!("create {}", target.display()))?;
        let survey = EpochSurvey::new(county, block, epoch);
        survey.deliver(&target)?;
    }
    known_mistakes(&folder.join("对照数据"), county, block)?;
    for (_, name, day, _) in EPOCHS {
        let path = |file: &str| format!("{FOLDER}/{name}/{file}");
        let unit = ["--responsible-unit", "样例县测绘院"];
        let heights = ["--height-datum", "normal_1985", "--responsible-unit", "样例县测绘院"];
        deliveries.import(&path("DOM_0.2m.tif"), "ortho", ["高精度正射影像", "Orthophoto, 0.2 m"], day, &unit);
        deliveries.import(&path("DSM_0.5m.tif"), "dsm", ["数字表面模型 0.5 米", "Surface model, 0.5 m"], day, &heights);
        deliveries.import(&path("点云.las"), "points", ["激光点云", "Point cloud"], day, &heights);
        deliveries.import(&path("OSGB"), "mesh", ["倾斜摄影三维模型", "Oblique 3D model"], day, &heights);
    }
    Ok(())
}

/// One epoch's survey of the block.
struct EpochSurvey<'a> {
    county: &'a County,
    block: &'a Block,
    epoch: u8,
    buildings: Vec<Building>,
    cover: Cover,
}

impl<'a> EpochSurvey<'a> {
    fn new(county: &'a County, block: &'a Block, epoch: u8) -> Self {
        let buildings = block.buildings_at(county, epoch);
        let window = window(block, PICTURE_M);
        let cover = cover(window, &county.partition, &county.patch_of_face(), &county.network.roads, &buildings);
        Self { county, block, epoch, buildings, cover }
    }

    fn deliver(&self, folder: &Path) -> Result<()> {
        let picture = self.picture();
        let side = self.cover.window.columns;
        write_picture(&folder.join("DOM_0.2m.tif"), [side, side], frame(self.block, PICTURE_M), |rows| {
            picture[rows.start * side..rows.end * side].to_vec()
        })?;
        let surface = self.heights(DSM_M, |p| self.surface_m(p).0);
        write_heights(&folder.join("DSM_0.5m.tif"), surface.columns, &surface.cells, frame(self.block, DSM_M))?;
        let ground = self.heights(GROUND_M, |p| self.block.ground_m(self.county, self.epoch, p));
        write_heights(&folder.join("DEM_1m.tif"), ground.columns, &ground.cells, frame(self.block, GROUND_M))?;
        self.points(&folder.join("点云.las"), &picture)?;
        self.model(&folder.join("OSGB"), &picture)
    }

    fn picture(&self) -> Vec<[u8; 3]> {
        let mut heights = self.county.terrain.height_m.clone();
        for cell in 0..heights.cells.len() {
            let p = heights.centre_m(cell);
            if self.epoch == 2 && self.block.holds(p, 0.0) {
                heights[cell] = self.block.ground_m(self.county, 2, p) as f32;
            }
        }
        let stripped = |p: PointM| self.block.stripped(self.epoch, p);
        let painter = Painter {
            height_m: &heights,
            light: light_of(&heights),
            survey: &self.county.survey,
            buildings: &self.buildings,
            stripped: (self.epoch == 2).then_some(&stripped),
        };
        let side = self.cover.window.columns;
        (0..side * side).into_par_iter().map(|index| painter.pixel(&self.cover, index % side, index / side)).collect()
    }

    fn heights(&self, pixel_m: f64, height: impl Fn(PointM) -> f64 + Sync) -> Grid<f32> {
        let window = window(self.block, pixel_m);
        let mut grid = Grid::filled(window.columns, window.rows, pixel_m, 0.0_f32);
        grid.cells.par_iter_mut().enumerate().for_each(|(index, value)| {
            *value = height(window.centre_m(index % window.columns, index / window.columns)) as f32;
        });
        grid
    }

    /// Pixel of the cover raster at a point.
    fn pixel(&self, p: PointM) -> usize {
        let side = self.cover.window.columns;
        let at = |axis: usize| (((p[axis] - self.block.corner_m[axis]) / PICTURE_M).max(0.0) as usize).min(side - 1);
        at(1) * side + at(0)
    }

    /// Height of ground and trees, without houses, and of the trees alone.
    fn green_m(&self, p: PointM) -> (f64, f64) {
        let ground = self.block.ground_m(self.county, self.epoch, p);
        let pixel = self.pixel(p);
        let bare = self.cover.roof[pixel] > 0
            || self.cover.surface[pixel] != Surface::Bare
            || self.block.stripped(self.epoch, p)
            || self.block.is_yard(self.county, p);
        let trees = if bare { 0.0 } else { canopy_m(code_at(self.county, p), p) };
        (ground + trees, trees)
    }

    /// Height of whatever is on top, and its LAS class.
    fn surface_m(&self, p: PointM) -> (f64, u8) {
        let pixel = self.pixel(p);
        let number = self.cover.roof[pixel];
        if number > 0 {
            let building = &self.buildings[usize::from(number) - 1];
            let (dx, dy) = (p[0] - building.centre[0], p[1] - building.centre[1]);
            let across = (dy * building.along[0] - dx * building.along[1]).abs();
            let rise = if building.pitched { 0.42 * (building.half_m[1] - across).max(0.0) } else { 0.0 };
            return (self.block.ground_m(self.county, self.epoch, building.centre) + building.eaves_m + rise, 6);
        }
        let (height, trees) = self.green_m(p);
        let class = match (trees, self.cover.surface[pixel], code_at(self.county, p)) {
            (trees, ..) if trees > 3.0 => 5,
            (trees, ..) if trees > 0.6 => 4,
            (_, Surface::Asphalt | Surface::Concrete | Surface::Line, _) => 11,
            (_, _, "1101" | "1103" | "1104") => 9,
            _ => 2,
        };
        (height, class)
    }

    fn points(&self, path: &Path, picture: &[[u8; 3]]) -> Result<()> {
        let spacing = 0.85;
        let side = (BLOCK_M / spacing) as usize;
        let mut dice = Dice::named("point cloud");
        let south_west = self.block.south_west();
        let mut builder = las::Builder::from((1, 4));
        builder.point_format = las::point::Format::new(7)?;
        let axis = |offset: f64| las::Transform { scale: 0.001, offset };
        builder.transforms = las::Vector { x: axis(south_west[0]), y: axis(south_west[1]), z: axis(0.0) };
        "invented".clone_into(&mut builder.system_identifier);
        "make-samples".clone_into(&mut builder.generating_software);
        let mut header = builder.into_header()?;
        header.set_wkt_crs(spatial_ref(4_546)?.to_wkt()?.into_bytes())?;
        let mut writer = las::Writer::from_path(path, header).with_context(|| format!("create {}", path.display()))?;
        for index in 0..side * side {
            let jitter = [dice.between(0.0, spacing), dice.between(0.0, spacing)];
            let p = [
                self.block.corner_m[0] + (index % side) as f64 * spacing + jitter[0],
                self.block.corner_m[1] + (index / side) as f64 * spacing + jitter[1],
            ];
            let noise = dice.between(-0.03, 0.03);
            let (height, class) = self.surface_m(p);
            let [r, g, b] = picture[self.pixel(p)].map(|channel| u16::from(channel) * 257);
            let under = (class == 5 && dice.chance(0.4)).then(|| self.block.ground_m(self.county, self.epoch, p));
            let returns = 1 + u8::from(under.is_some());
            let [x, y] = easting_northing_m(p);
            for (number, z, class) in [(1, Some(height), class), (2, under, 2)] {
                let Some(z) = z else { continue };
                writer.write_point(las::Point {
                    x,
                    y,
                    z: z + noise,
                    intensity: 20_000 + (g / 3),
                    return_number: number,
                    number_of_returns: returns,
                    classification: las::point::Classification::new(class)?,
                    gps_time: Some(3.0e8 + index as f64 * 2.0e-5),
                    color: Some(las::Color::new(r, g, b)),
                    ..Default::default()
                })?;
            }
        }
        writer.close()?;
        Ok(())
    }

    /// A 4 x 4 field of tiles, each a root, a file of four middle nodes and four files of four leaves.
    fn model(&self, folder: &Path, picture: &[[u8; 3]]) -> Result<()> {
        let base_m = 200.0;
        let green = |p: PointM| self.green_m(p).0;
        let ground = |p: PointM| self.block.ground_m(self.county, self.epoch, p);
        let source = Source {
            height_m: &green,
            ground_m: &ground,
            buildings: &self.buildings,
            corner_m: self.block.corner_m,
            side_m: BLOCK_M,
            picture,
            picture_px: self.cover.window.columns,
            base_m,
        };
        fs::create_dir_all(folder.join("Data")).with_context(|| format!("create {}", folder.display()))?;
        let [e, n] = self.block.south_west();
        let metadata = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ModelMetadata version=\"1\">\n\t<SRS>EPSG:4546</SRS>\n\t<SRSOrigin>{e},{n},{base_m}</SRSOrigin>\n\t<Texture>\n\t\t<ColorSource>Visible</ColorSource>\n\t</Texture>\n</ModelMetadata>\n"
        );
        fs::write(folder.join("metadata.xml"), metadata).context("write metadata.xml")?;
        (0..16_usize).into_par_iter().try_for_each(|tile| {
            // Tiles are counted from the south-west, as the exporters do.
            let (column, row) = (tile % 4, tile / 4);
            let name = format!("Tile_+{column:03}_+{row:03}");
            let square = Square {
                corner_m: [
                    self.block.corner_m[0] + column as f64 * 250.0,
                    self.block.corner_m[1] + (3 - row) as f64 * 250.0,
                ],
                side_m: 250.0,
            };
            let place = folder.join("Data").join(&name);
            fs::create_dir_all(&place)?;
            let save = |file: &str, node: &Node| {
                fs::write(place.join(file), write(node)).with_context(|| format!("write {file}"))
            };
            let middle_file = format!("{name}_L17_0.osgb");
            let root = Node::Paged {
                mesh: source.mesh(square, 7.8125, format!("{name}_0.jpg"))?,
                finer: middle_file.clone(),
                switch_px: 420.0,
            };
            save(&format!("{name}.osgb"), &root)?;
            let mut middle = Vec::new();
            for (quarter, part) in quarters(square).into_iter().enumerate() {
                let leaf_file = format!("{name}_L19_0{quarter}.osgb");
                middle.push(Node::Paged {
                    mesh: source.mesh(part, 3.906_25, format!("{name}_0{quarter}_0.jpg"))?,
                    finer: leaf_file.clone(),
                    switch_px: 420.0,
                });
                let leaves: Result<Vec<Node>> = quarters(part)
                    .into_iter()
                    .enumerate()
                    .map(|(leaf, part)| {
                        Ok(Node::Leaf(source.mesh(part, 1.953_125, format!("{name}_0{quarter}{leaf}_0.jpg"))?))
                    })
                    .collect();
                save(&leaf_file, &Node::Group(leaves?))?;
            }
            save(&middle_file, &Node::Group(middle))
        })
    }
}

fn quarters(square: Square) -> [Square; 4] {
    let half = square.side_m / 2.0;
    [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
        .map(|(x, y)| Square { corner_m: [square.corner_m[0] + x * half, square.corner_m[1] + y * half], side_m: half })
}

fn window(block: &Block, pixel_m: f64) -> Window {
    let side = (BLOCK_M / pixel_m).round() as usize;
    Window { west_m: block.corner_m[0], north_m: block.corner_m[1], columns: side, rows: side, pixel_m }
}

fn frame(block: &Block, pixel_m: f64) -> Frame {
    let [west, north] = easting_northing_m(block.corner_m);
    Frame { epsg: 4_546, west, north, pixel_m }
}

/// A copy of the second epoch's ground with a known mistake: everything in it lies so far off.
struct Mistake {
    file: &'static str,
    east_m: f64,
    north_m: f64,
    up_m: f64,
    height_datum: &'static str,
}

const fn mistake(file: &'static str, [east_m, north_m, up_m]: [f64; 3], height_datum: &'static str) -> Mistake {
    Mistake { file, east_m, north_m, up_m, height_datum }
}

/// Shifts of 3 cm and of 1 m on the level, each of both in height, and heights above the ellipsoid.
const MISTAKES: [Mistake; 5] = [
    mistake("DEM_1m_平移0.03m.tif", [0.024, -0.018, 0.0], "normal_1985"),
    mistake("DEM_1m_平移1m.tif", [0.8, -0.6, 0.0], "normal_1985"),
    mistake("DEM_1m_抬高0.03m.tif", [0.0, 0.0, 0.03], "normal_1985"),
    mistake("DEM_1m_抬高1m.tif", [0.0, 0.0, 1.0], "normal_1985"),
    mistake("DEM_1m_大地高.tif", [0.0, 0.0, HEIGHT_ANOMALY_M], "cgcs2000_ellipsoidal"),
];

/// Heights on the 1 m posts of ground that lies `offset_m` (east, south) from where it should.
fn ground_posts(county: &County, block: &Block, epoch: u8, offset_m: PointM) -> Vec<f64> {
    let window = window(block, GROUND_M);
    (0..window.columns * window.rows)
        .into_par_iter()
        .map(|index| {
            let post = window.centre_m(index % window.columns, index / window.columns);
            block.ground_m(county, epoch, [post[0] - offset_m[0], post[1] - offset_m[1]])
        })
        .collect()
}

fn known_mistakes(folder: &Path, county: &County, block: &Block) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let side = (BLOCK_M / GROUND_M) as usize;
    for wrong in &MISTAKES {
        let posts = ground_posts(county, block, 2, [wrong.east_m, -wrong.north_m]);
        let heights: Vec<f32> = posts.iter().map(|height| (height + wrong.up_m) as f32).collect();
        write_heights(&folder.join(wrong.file), side, &heights, frame(block, GROUND_M))?;
    }
    Ok(())
}

fn write_truth(deliveries: &mut Deliveries<'_>, block: &Block) -> Result<()> {
    let county = deliveries.county;
    let window = window(block, GROUND_M);
    let mut slides = Vec::new();
    for slide in &block.slides {
        let (mut lost, mut gained, mut moved) = (0.0, 0.0, 0_u32);
        for index in 0..window.columns * window.rows {
            let change = slide.change_m(window.centre_m(index % window.columns, index / window.columns));
            lost += (-change).max(0.0);
            gained += change.max(0.0);
            moved += u32::from(change.abs() > 0.0);
        }
        let head = easting_northing_m(slide.head);
        let outline: Vec<PointM> = slide.outline().into_iter().map(easting_northing_m).collect();
        slides.push(json!({
            "tapering": slide.tapering, "head_easting_northing_m": head, "length_m": slide.length_m,
            "outline_area_m2": moved, "outline_easting_northing_m": outline, "eroded_m3": lost, "deposited_m3": gained,
            "note": "summed on the 1 m posts of the two ground models",
        }));
    }
    let buildings: Vec<serde_json::Value> = block
        .new_buildings
        .iter()
        .map(|(building, area, permitted)| json!({ "easting_northing_m": easting_northing_m(building.centre), "floor_area_m2": area, "permitted": permitted }))
        .collect();
    let without: Vec<Areas> = block
        .new_buildings
        .iter()
        .filter(|(.., permitted)| !permitted)
        .map(|(building, ..)| deliveries.surveyor.ring(&building.corners()))
        .collect::<Result<_>>()?;
    let copies: Vec<serde_json::Value> = MISTAKES
        .iter()
        .map(|wrong| {
            json!({
                "file": format!("{FOLDER}/对照数据/{}", wrong.file), "of": EPOCHS[1].2, "dx_m": wrong.east_m,
                "dy_m": wrong.north_m, "dz_m": wrong.up_m, "height_datum": wrong.height_datum,
            })
        })
        .collect();
    let count = json!({ "count": without.len() });
    let without = without.into_iter().sum::<Areas>().json(count);
    let slide_buildings: Vec<serde_json::Value> = block
        .outbuildings
        .iter()
        .map(|(index, fate)| {
            let building = &county.buildings[*index];
            json!({
                "number": register_number(*index), "state": fate.name(), "state_zh": fate.title_zh(),
                "place_easting_northing_m": easting_northing_m(building.centre), "top_m": building.top_m(),
            })
        })
        .collect();
    let people: u32 = block.threatened.iter().map(|&i| county.buildings[i].people).sum();
    let households: u32 = block.threatened.iter().map(|&i| county.buildings[i].households).sum();
    deliveries.truth.insert(
        "block".to_owned(),
        json!({
            "south_west_easting_northing_m": block.south_west(), "side_m": BLOCK_M, "epochs": ["2023-05-16", "2024-07-20"],
            "slides": slides, "threatened": { "buildings": block.threatened.len(), "households": households, "people": people },
            "new_buildings": buildings, "new_without_permit": without, "slide_buildings": slide_buildings,
            "height_anomaly_m": HEIGHT_ANOMALY_M, "copies": copies,
            "copies_note": "copy = truth moved dx east, dy north, dz up; the grid stays where it is",
        }),
    );
    Ok(())
}
