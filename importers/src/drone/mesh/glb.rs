//! One glb or glTF file, registered as it is: the bytes stay, a tileset puts them on the ground.
//!
//! The vertices can't be moved one by one, so the file is placed with the affine map that fits its
//! coordinate system at its middle; how far that is off at its corners is measured and said.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use catalog::{DatasetKind, HeightReference};
use geodesy::frame::lon_lat_height_deg_from_ecef;
use serde_json::json;
use tiles::glb::{GlbError, IDENTITY, Matrix, Model, external_uris, multiply, read, transform_point};
use tiles::tileset::{BoundingVolume, Content, Tile, Tileset, resolve};

use super::place::Place;
use crate::importer::{
    Asset, Confidence, Conversion, Count, ImportError, Importer, Inspection, Job, Options, Severity, Text, Warning,
};
use crate::progress::Progress;

/// Largest file read.
const MAX_BYTES: u64 = 2 << 30;
/// Metres an affine placement may be off without a word.
const TOLERATED_M: f64 = 0.01;
/// Anything this far from its origin, in metres, already counts from the centre of the Earth.
const GEOCENTRIC_M: std::ops::Range<f64> = 6.3e6..6.4e6;

/// Imports single glb and glTF files.
#[derive(Debug)]
pub struct GlbFile;

impl Importer for GlbFile {
    fn name(&self) -> &'static str {
        "glb"
    }

    fn kind(&self) -> DatasetKind {
        DatasetKind::Mesh
    }

    fn claims(&self, path: &Path) -> Confidence {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("glb" | "gltf") if path.is_file() => Confidence::Certain,
            _ => Confidence::No,
        }
    }

    fn inspect(&self, path: &Path, options: &Options) -> Result<Inspection, ImportError> {
        let loaded = load(path)?;
        let mut inspection = Inspection {
            format: "glTF 2.0".to_owned(),
            what: Text::new("三维模型", "3D model"),
            counts: vec![Count {
                name: Text::new("三角形", "triangles"), count: loaded.model.triangle_count() as u64
            }],
            ..Inspection::default()
        };
        match stand(path, &loaded, options) {
            Ok(stood) => {
                let volume = BoundingVolume::from_corners(loaded.min, loaded.max);
                inspection.bounds_lon_lat_deg = Some(volume.lon_lat_bounds_deg(&stood.ecef_from_model).0);
                inspection.crs = Some(stood.crs);
                inspection.height = Some(stood.height);
                inspection.problems = stood.warnings;
            }
            Err(error) => {
                let text = error.to_string();
                let text = Text::new(text.clone(), text);
                inspection.problems.push(Warning::new("not-placed", Severity::Refusal, "", text));
            }
        }
        Ok(inspection)
    }

    fn convert(&self, job: &Job, progress: &Progress) -> Result<Conversion, ImportError> {
        progress.phase(Text::new("登记模型", "registering the model"), 1, "files");
        let loaded = load(&job.path)?;
        let stood = stand(&job.path, &loaded, &job.options)?;
        let failed = |source: io::Error| {
            ImportError::failed(
                &job.out,
                Text::new("写出失败，请检查磁盘空间", "writing failed: check the disk space"),
                source,
            )
        };
        let folder = job.out.join("tiles");
        fs::create_dir_all(&folder).map_err(failed)?;
        let extension = job.path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let name = format!("model.{extension}");
        fs::write(folder.join(&name), &loaded.bytes).map_err(failed)?;
        for uri in &loaded.uris {
            // Read once already: it resolves and is there.
            let Some(relative) = resolve(&name, uri) else { continue };
            let to = folder.join(&relative);
            fs::create_dir_all(to.parent().unwrap_or(&folder)).map_err(failed)?;
            let from = inside(&job.path, &relative).map_err(failed)?;
            fs::copy(from, to).map_err(failed)?;
        }
        let volume = BoundingVolume::from_corners(loaded.min, loaded.max);
        let mut tile = Tile::new(volume, 0.0);
        tile.transform = Some(stood.ecef_from_model);
        tile.content = Some(Content::new(format!("tiles/{name}")));
        let diagonal_m = (0..3).map(|i| (loaded.max[i] - loaded.min[i]).powi(2)).sum::<f64>().sqrt();
        let json = Tileset::new(tile, diagonal_m).to_json().map_err(|source| {
            ImportError::unreadable_because(&job.path, Text::new("模型无法放置", "the model can't be placed"), source)
        })?;
        fs::write(job.out.join("tileset.json"), json).map_err(failed)?;
        progress.add(1);
        let (bounds, heights) = volume.lon_lat_bounds_deg(&stood.ecef_from_model);
        let middle = std::array::from_fn(|i| f64::midpoint(loaded.min[i], loaded.max[i]));
        let origin = lon_lat_height_deg_from_ecef(transform_point(&stood.ecef_from_model, middle));
        Ok(Conversion {
            kind: DatasetKind::Mesh,
            crs: stood.crs,
            height: Some(stood.height),
            bounds_lon_lat_deg: bounds,
            height_range_m: Some(heights),
            properties: json!({
                "triangles": loaded.model.triangle_count(),
                "tiles": 1,
                "origin_lon_lat_height": origin,
            }),
            assets: vec![Asset::new("tileset.json", "tileset"), Asset::new("tiles", "part")],
            warnings: stood.warnings,
            notes: json!({ "placed_with": stood.ecef_from_model }),
        })
    }
}

/// A model with what it takes to copy and place it.
struct Loaded {
    bytes: Vec<u8>,
    model: Model,
    /// Files it names.
    uris: Vec<String>,
    /// Corners in its own z-up axes.
    min: [f64; 3],
    max: [f64; 3],
}

fn load(path: &Path) -> Result<Loaded, ImportError> {
    let unreadable = |source: io::Error| {
        ImportError::unreadable_because(path, Text::new("文件无法读取", "the file can't be read"), source)
    };
    if fs::metadata(path).map_err(unreadable)?.len() > MAX_BYTES {
        return Err(ImportError::unreadable(path, Text::new("文件超过 2 GB", "the file is larger than 2 GB")));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    let refused = |source: GlbError| {
        let text = match &source {
            GlbError::Unsupported { extension } => Text::new(
                format!("模型使用了 {extension}，本平台尚不能读取；请不压缩重新导出"),
                format!("the model needs {extension}, which is not read here: export it without"),
            ),
            GlbError::External { uri, .. } => Text::new(
                format!("模型引用的文件 {uri} 不在同一目录内"),
                format!("the file {uri} that the model names is not in its folder"),
            ),
            _ => Text::new("不是有效的 glTF 模型", "not a valid glTF model"),
        };
        ImportError::unreadable_because(path, text, source)
    };
    let uris = external_uris(&bytes).map_err(refused)?;
    let model = read(&bytes, &mut |uri| {
        let relative = resolve("model", uri).ok_or_else(|| io::Error::other("it leads out of the folder"))?;
        fs::read(inside(path, &relative)?)
    });
    let model = model.map_err(refused)?;
    let (mut min, mut max) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for primitive in &model.primitives {
        for placement in &primitive.placements {
            let matrix = multiply(&model.tile_from_gltf(), placement);
            for p in &primitive.positions {
                let p = transform_point(&matrix, p.map(f64::from));
                min = std::array::from_fn(|i| min[i].min(p[i]));
                max = std::array::from_fn(|i| max[i].max(p[i]));
            }
        }
    }
    if min[0] > max[0] {
        return Err(ImportError::unreadable(
            path,
            Text::new("模型里没有可显示的内容", "there is nothing to draw in the model"),
        ));
    }
    Ok(Loaded { bytes, model, uris, min, max })
}

/// The file `relative` beside `model`, links followed, as long as it stays in the folder.
fn inside(model: &Path, relative: &str) -> io::Result<PathBuf> {
    let folder = model.parent().unwrap_or(Path::new("")).join(Component::CurDir).canonicalize()?;
    let file = folder.join(relative).canonicalize()?;
    if file.starts_with(&folder) { Ok(file) } else { Err(io::Error::other("it leads out of the folder")) }
}

/// Where a model stands.
struct Stood {
    ecef_from_model: Matrix,
    crs: String,
    height: HeightReference,
    warnings: Vec<Warning>,
}

fn stand(path: &Path, loaded: &Loaded, options: &Options) -> Result<Stood, ImportError> {
    let middle: [f64; 3] = std::array::from_fn(|i| f64::midpoint(loaded.min[i], loaded.max[i]));
    let distance_m = middle.iter().map(|c| c * c).sum::<f64>().sqrt();
    if options.crs.is_none() && GEOCENTRIC_M.contains(&distance_m) {
        return Ok(Stood {
            ecef_from_model: IDENTITY,
            crs: "EPSG:4978".to_owned(),
            height: options.height_reference(Some(HeightReference::metres("ellipsoidal"))),
            warnings: Vec::new(),
        });
    }
    let (Some(crs), Some(origin)) = (&options.crs, &options.origin) else {
        let text = Text::new(
            "模型文件不说明自己在哪里；请用 --crs 与 --origin x,y[,z] 给出其原点的坐标",
            "a model does not say where it stands: give the place of its origin with --crs and --origin x,y[,z]",
        );
        return Err(ImportError::refused(path, text));
    };
    let origin = match *origin.as_slice() {
        [x, y] => [x, y, 0.0],
        [x, y, z] => [x, y, z],
        _ => {
            let text = Text::new("--origin 应为 x,y 或 x,y,z", "--origin takes x,y or x,y,z");
            return Err(ImportError::refused(path, text));
        }
    };
    let mut place = Place::new(path, crs, origin, options)?;
    let refused = |source| ImportError::Refused {
        path: path.to_owned(),
        text: Text::new("模型坐标不能转换到 CGCS2000", "the model's coordinates can't be brought to CGCS2000"),
        source: Some(Box::new(source)),
    };
    let ecef_from_model = place.ecef_from_model(middle).map_err(refused)?;
    let mut exact: [[f64; 3]; 8] = std::array::from_fn(|corner| {
        std::array::from_fn(|i| if corner >> i & 1 == 0 { loaded.min[i] } else { loaded.max[i] })
    });
    let rigid = exact.map(|corner| transform_point(&ecef_from_model, corner));
    place.to_ecef(&mut exact).map_err(refused)?;
    let off = |(a, b): (&[f64; 3], &[f64; 3])| (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt();
    let worst_m = exact.iter().zip(&rigid).map(off).fold(0.0, f64::max);
    if worst_m > TOLERATED_M {
        let text = Text::new(
            format!("模型按整体放置，边角处与坐标系相差 {worst_m:.3} m；需要更准请分块交付"),
            format!(
                "the model is placed as one piece and is {worst_m:.3} m off at its corners: deliver it in parts to be nearer"
            ),
        );
        let mut warning = Warning::new("placed-as-one-piece", Severity::Doubt, "", text);
        warning.figures = json!({ "worst_m": worst_m });
        place.warnings.push(warning);
    }
    Ok(Stood { ecef_from_model, crs: place.definition, height: place.height, warnings: place.warnings })
}
