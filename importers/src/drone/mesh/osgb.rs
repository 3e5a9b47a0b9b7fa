//! An OSGB delivery (`metadata.xml`, `Data/Tile_x/Tile_x.osgb`, …) to 3D Tiles 1.1.
//!
//! Writes `tileset.json`, and under `tiles/` one external tileset for each block with its glb
//! files. JPEGs stay byte for byte. Missing and broken tiles are warnings; a missing or unclear
//! coordinate system is a refusal, for a model in the wrong place is worse than none.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

use catalog::DatasetKind;
use geodesy::frame::lon_lat_height_deg_from_ecef;
use rayon::prelude::*;
use serde_json::json;
use tiles::glb::IDENTITY;
use tiles::tileset::{BoundingVolume, Content, Tile, Tileset};

use super::block::{self, BlockError, Counts, Done, Shop, WriteError, chain};
use super::delivery::{Block, Delivery, looks_like_delivery};
use super::levels::{apply, drafts};
use super::metadata::{self, Metadata, numbers};
use super::place::Place;
use super::warnings::Warnings;
use crate::importer::{
    Asset, Confidence, Conversion, Count, Fact, ImportError, Importer, Inspection, Job, Options, Severity, Text,
    Warning,
};
use crate::progress::Progress;

/// Blocks whose root files an inspection opens.
const INSPECTED_BLOCKS: usize = 64;

/// Imports OSGB deliveries.
#[derive(Debug)]
pub struct OsgbDelivery;

impl Importer for OsgbDelivery {
    fn name(&self) -> &'static str {
        "osgb"
    }

    fn kind(&self) -> DatasetKind {
        DatasetKind::Mesh
    }

    fn claims(&self, path: &Path) -> Confidence {
        if path.is_file() {
            let is_osgb = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("osgb"));
            return if is_osgb { Confidence::Certain } else { Confidence::No };
        }
        match looks_like_delivery(path) {
            (true, true) => Confidence::Certain,
            (false, true) => Confidence::Content,
            (_, false) => Confidence::No,
        }
    }

    fn inspect(&self, path: &Path, options: &Options) -> Result<Inspection, ImportError> {
        inspect(path, options)
    }

    fn convert(&self, job: &Job, progress: &Progress) -> Result<Conversion, ImportError> {
        convert(job, progress)
    }
}

fn find(path: &Path) -> Result<Delivery, ImportError> {
    let delivery = Delivery::find(path).map_err(|source| {
        ImportError::unreadable_because(
            path,
            Text::new("目录无法列出，请检查权限", "the folder can't be listed: check its permissions"),
            source,
        )
    })?;
    if delivery.blocks.is_empty() {
        return Err(ImportError::unreadable(
            path,
            Text::new(
                "没有找到瓦块的根文件（Data/Tile_x/Tile_x.osgb）；请给出含 metadata.xml 与 Data 的目录",
                "no root file of a block (Data/Tile_x/Tile_x.osgb) was found: give the folder with metadata.xml and Data",
            ),
        ));
    }
    Ok(delivery)
}

/// The place of a delivery: what the surveyor says wins over what `metadata.xml` says.
fn place_of(delivery: &Delivery, options: &Options) -> Result<Place, ImportError> {
    let path = &delivery.metadata;
    // With both given, a broken metadata.xml does not matter.
    let stated = options.crs.is_some() && options.origin.is_some();
    let found = if stated { None } else { metadata::read(path)? };
    let Metadata { srs, origin } = found.clone().unwrap_or_default();
    let Some(srs) = options.crs.clone().or(srs) else {
        let text = if found.is_some() {
            Text::new(
                "metadata.xml 没有写明坐标系（SRS）；请用 --crs 给出",
                "metadata.xml names no SRS: give it with --crs",
            )
        } else {
            Text::new(
                "没有 metadata.xml，不知道模型在哪里；请用 --crs 与 --origin x,y[,z] 给出坐标系和原点",
                "there is no metadata.xml, so nothing says where the model stands: give --crs and --origin x,y[,z]",
            )
        };
        return Err(ImportError::refused(path, text));
    };
    let refused_origin = |zh: &str, en: &str| ImportError::refused(path, Text::new(zh, en));
    let origin = match (&options.origin, origin) {
        (Some(numbers), _) => match *numbers.as_slice() {
            [x, y] => [x, y, 0.0],
            [x, y, z] => [x, y, z],
            _ => return Err(refused_origin("--origin 应为 x,y 或 x,y,z", "--origin takes x,y or x,y,z")),
        },
        (None, Some(text)) => numbers(&text).ok_or_else(|| {
            refused_origin(
                &format!("SRSOrigin“{text}”应为两个或三个数；请修复，或用 --origin 给出"),
                &format!("SRSOrigin {text:?} should be two or three numbers: repair it, or give --origin"),
            )
        })?,
        // The frame of ENU is the origin.
        (None, None) if srs.trim_start().to_ascii_uppercase().starts_with("ENU") => [0.0; 3],
        (None, None) => {
            return Err(refused_origin(
                "没有原点（SRSOrigin）；请用 --origin x,y[,z] 给出",
                "there is no SRSOrigin: give --origin x,y[,z]",
            ));
        }
    };
    Place::new(path, srs.trim(), origin, options)
}

fn inspect(path: &Path, options: &Options) -> Result<Inspection, ImportError> {
    let delivery = find(path)?;
    let mut inspection = Inspection {
        format: "OSGB (PagedLOD)".to_owned(),
        what: Text::new("倾斜摄影三维模型", "oblique photogrammetry model"),
        ..Inspection::default()
    };
    let count = |zh: &str, en: &str, count: u64| Count { name: Text::new(zh, en), count };
    inspection.counts.push(count("瓦块", "blocks", delivery.blocks.len() as u64));
    inspection.counts.push(count("文件", "files", delivery.file_count()));
    let place = match place_of(&delivery, options) {
        Ok(place) => Some(place),
        Err(error) => {
            let text = error.to_string();
            inspection.problems.push(Warning::new(
                "not-placed",
                Severity::Refusal,
                "metadata.xml",
                Text::new(text.clone(), text),
            ));
            None
        }
    };
    let mut triangles = 0;
    let (mut min, mut max) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    let mut versions = std::collections::BTreeSet::new();
    for block in delivery.blocks.iter().take(INSPECTED_BLOCKS) {
        let scene = match block::read(&delivery.data.join(&block.root)) {
            Ok(scene) => scene,
            Err(error) => {
                let reason = chain(&error);
                let text = Text::new(format!("无法读取：{reason}"), format!("can't be read: {reason}"));
                inspection.problems.push(Warning::new(
                    "tile-unreadable",
                    Severity::Skipped,
                    block.root.display().to_string(),
                    text,
                ));
                continue;
            }
        };
        versions.insert(scene.version.to_string());
        for part in drafts(&scene.root).tiles.iter().flat_map(|tile| &tile.parts) {
            triangles += crate::drone::osgb::to_triangles(&part.geometry).0.len() as u64 / 3;
            for p in part.geometry.positions.iter().map(|p| apply(&part.matrix, *p)) {
                for i in 0..3 {
                    (min[i], max[i]) = (min[i].min(p[i]), max[i].max(p[i]));
                }
            }
        }
    }
    inspection.counts.push(count("最粗一级的三角形", "triangles of the coarsest level", triangles));
    let fact = |zh: &str, en: &str, value: String| Fact { name: Text::new(zh, en), value };
    inspection.facts.push(fact("容器版本", "container version", versions.into_iter().collect::<Vec<_>>().join(", ")));
    let Some(place) = place else { return Ok(inspection) };
    let o = place.origin;
    inspection.facts.push(fact("原点", "origin", format!("{}, {}, {}", o[0], o[1], o[2])));
    if let Ok([lon, lat, height]) = place.origin_lon_lat_height_deg() {
        inspection.facts.push(fact(
            "原点经纬度与高",
            "origin lon, lat, height",
            format!("{lon:.8}°, {lat:.8}°, {height:.3} m"),
        ));
    }
    if min[0] <= max[0] {
        inspection.extent = Some([min[0] + o[0], min[1] + o[1], max[0] + o[0], max[1] + o[1]]);
        let mut corners: [[f64; 3]; 4] =
            [[min[0], min[1], min[2]], [max[0], min[1], min[2]], [min[0], max[1], max[2]], [max[0], max[1], max[2]]];
        if place.to_ecef(&mut corners).is_ok() {
            let degrees = corners.map(lon_lat_height_deg_from_ecef);
            let fold =
                |i: usize, pick: fn(f64, f64) -> f64| degrees.iter().map(|d| d[i]).reduce(pick).unwrap_or_default();
            inspection.bounds_lon_lat_deg =
                Some([fold(0, f64::min), fold(1, f64::min), fold(0, f64::max), fold(1, f64::max)]);
        }
    }
    inspection.crs = Some(place.definition);
    inspection.crs_name = Some(place.name);
    inspection.height = Some(place.height);
    inspection.problems.extend(place.warnings);
    Ok(inspection)
}

fn convert(job: &Job, progress: &Progress) -> Result<Conversion, ImportError> {
    let delivery = find(&job.path)?;
    let place = place_of(&delivery, &job.options)?;
    let warnings = Warnings::default();
    place.warnings.iter().cloned().for_each(|warning| warnings.add(warning));
    for folder in &delivery.rootless {
        let text =
            Text::new("目录里没有瓦块的根文件，未转换", "the folder has no root file of a block and was left out");
        warnings.add(Warning::new("block-without-root", Severity::Skipped, folder.display().to_string(), text));
    }
    let counts = Counts::default();
    let shop =
        Shop { data: &delivery.data, out: &job.out, place: &place, warnings: &warnings, counts: &counts, progress };
    progress.phase(Text::new("转换瓦片", "converting tiles"), delivery.file_count(), "files");
    let done: Vec<Option<Done>> =
        delivery.blocks.par_iter().map(|block| one_block(&shop, block)).collect::<Result<_, _>>()?;
    let done: Vec<Done> = done.into_iter().flatten().collect();
    if done.is_empty() {
        let reasons: Vec<String> =
            warnings.into_list().into_iter().take(3).map(|w| format!("{}: {}", w.unit, w.text.en)).collect();
        return Err(ImportError::unreadable_because(
            &job.path,
            Text::new("没有一个瓦块能够转换", "not one block could be converted"),
            reasons.join("; "),
        ));
    }
    let failed = |source: WriteError| {
        ImportError::failed(
            &job.out,
            Text::new("写出失败，请检查磁盘空间", "writing failed: check the disk space"),
            source,
        )
    };
    let (tileset, volume) = root(&done);
    let json = tileset.to_json().map_err(|source| failed(WriteError::Tileset { source }))?;
    let path = job.out.join("tileset.json");
    fs::write(&path, json).map_err(|source| failed(WriteError::File { path, source }))?;
    let (bounds, box_heights) = volume.lon_lat_bounds_deg(&IDENTITY);
    let heights = done.iter().filter_map(|block| block.heights_m).reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])]);
    let origin = place.origin_lon_lat_height_deg().map_err(|source| {
        ImportError::failed(&job.path, Text::new("原点不能转换", "the origin can't be converted"), source)
    })?;
    let load = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
    Ok(Conversion {
        kind: DatasetKind::Mesh,
        crs: place.definition.clone(),
        height: Some(place.height.clone()),
        bounds_lon_lat_deg: bounds,
        height_range_m: Some(heights.unwrap_or(box_heights)),
        properties: json!({
            "triangles": load(&counts.triangles),
            "tiles": load(&counts.tiles),
            "origin_lon_lat_height": origin,
        }),
        assets: vec![Asset::new("tileset.json", "tileset"), Asset::new("tiles", "part")],
        notes: json!({
            "crs_name": place.name,
            "origin": place.origin,
            "blocks": done.len(),
            "files": load(&counts.files),
            "vertices": load(&counts.vertices),
            "glb_bytes": load(&counts.glb_bytes),
            "pictures_encoded_anew": load(&counts.recoded_pictures),
        }),
        warnings: warnings.into_list(),
    })
}

/// Converts one block; `None`, and a warning, where nothing comes of it.
fn one_block(shop: &Shop<'_>, block: &Block) -> Result<Option<Done>, ImportError> {
    match block::convert(shop, block) {
        Ok(done) => Ok(Some(done)),
        Err(BlockError::Write { source }) => Err(ImportError::failed(
            shop.out,
            Text::new("写出失败，请检查磁盘空间", "writing failed: check the disk space"),
            source,
        )),
        Err(error) => {
            let reason = chain(&error);
            let text =
                Text::new(format!("整个瓦块未转换：{reason}"), format!("the whole block was left out: {reason}"));
            shop.warnings.add(Warning::new(
                "block-left-out",
                Severity::Skipped,
                block.root.display().to_string(),
                text,
            ));
            Ok(None)
        }
    }
}

/// The tileset over all blocks, in ECEF, and its box.
fn root(blocks: &[Done]) -> (Tileset, BoundingVolume) {
    let volume = around(blocks);
    let BoundingVolume::Box(numbers) = volume else { unreachable!("around() makes a box") };
    let diagonal_m = 2.0 * numbers[3..].iter().map(|v| v * v).sum::<f64>().sqrt();
    let coarsest = blocks.iter().map(|block| block.error_m).fold(0.0, f64::max);
    // The root draws nothing: it gives way as soon as the model covers 16 pixels.
    let mut tile = Tile::new(volume, diagonal_m.max(coarsest));
    for block in blocks {
        let mut child = Tile::new(block.volume, block.error_m);
        child.content = Some(Content::new(block.uri.clone()));
        tile.children.push(child);
    }
    (Tileset::new(tile, diagonal_m.max(coarsest)), volume)
}

/// A box in ECEF around all blocks, upright in the middle of them.
fn around(blocks: &[Done]) -> BoundingVolume {
    let boxes = || {
        blocks
            .iter()
            .filter_map(|block| if let BoundingVolume::Box(numbers) = block.volume { Some(numbers) } else { None })
    };
    let count = boxes().count().max(1) as f64;
    let middle: [f64; 3] = std::array::from_fn(|i| boxes().map(|b| b[i]).sum::<f64>() / count);
    let frame = geodesy::EnuFrame::new(lon_lat_height_deg_from_ecef(middle));
    let (mut min, mut max) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for b in boxes() {
        for corner in 0..8 {
            let sign = |axis: usize| if corner >> axis & 1 == 0 { 1.0 } else { -1.0 };
            let ecef = std::array::from_fn(|i| b[i] + (0..3).map(|axis| sign(axis) * b[3 + axis * 3 + i]).sum::<f64>());
            let enu = frame.enu_from_ecef_point(ecef);
            for i in 0..3 {
                (min[i], max[i]) = (min[i].min(enu[i]), max[i].max(enu[i]));
            }
        }
    }
    BoundingVolume::from_corners(min, max).transformed(&frame.ecef_from_enu())
}
