//! One block to its tileset: file by file, each written and forgotten before the finer ones.
//!
//! Memory holds as many scenes as there are threads, and a few numbers for every tile. A file that
//! can't be read costs its own detail and nothing else: the coarser tile above it stays a leaf.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use geodesy::GeodesyError;
use rayon::prelude::*;
use tiles::glb;
use tiles::tileset::{BoundingVolume, Content, Refine, Tile, Tileset};

use super::bake::{Ground, bake};
use super::delivery::{Block, beside, plain_name};
use super::levels::{Draft, apply, drafts};
use super::place::Place;
use super::warnings::Warnings;
use crate::drone::osgb::{self, Scene};
use crate::importer::{Severity, Text, Warning};
use crate::progress::Progress;

/// Files above files. Real blocks have ten.
const MAX_FILE_DEPTH: u32 = 64;
/// Largest file read.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// What is counted while blocks are converted.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) triangles: AtomicU64,
    pub(super) vertices: AtomicU64,
    pub(super) tiles: AtomicU64,
    pub(super) files: AtomicU64,
    pub(super) glb_bytes: AtomicU64,
    pub(super) recoded_pictures: AtomicU64,
}

/// Everything a conversion shares.
pub(super) struct Shop<'a> {
    pub(super) data: &'a Path,
    pub(super) out: &'a Path,
    pub(super) place: &'a Place,
    pub(super) warnings: &'a Warnings,
    pub(super) counts: &'a Counts,
    pub(super) progress: &'a Progress,
}

/// A converted block.
pub(super) struct Done {
    /// Its box in ECEF.
    pub(super) volume: BoundingVolume,
    /// Error of its root tile.
    pub(super) error_m: f64,
    /// Its tileset, relative to the output folder.
    pub(super) uri: String,
    /// Lowest and highest height, where known.
    pub(super) heights_m: Option<[f64; 2]>,
}

/// Why a whole block comes to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum BlockError {
    #[error("its root file can't be read")]
    Read {
        #[source]
        source: ReadError,
    },
    #[error("its coordinates can't be converted")]
    Place {
        #[source]
        source: GeodesyError,
    },
    #[error("nothing in it can be drawn")]
    Empty,
    #[error("its tiles can't be written")]
    Write {
        #[source]
        source: WriteError,
    },
}

/// Why a file can't be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("the file can't be had")]
    File {
        #[source]
        source: std::io::Error,
    },
    #[error("the file is larger than 1 GiB")]
    TooLarge,
    #[error("the file is damaged or of an unknown kind")]
    Scene {
        #[source]
        source: osgb::OsgbError,
    },
}

/// Why nothing more can be written: our side, so the conversion ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("{} can't be written", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("a tile can't be encoded")]
    Glb {
        #[source]
        source: glb::GlbError,
    },
    #[error("the tileset can't be encoded")]
    Tileset {
        #[source]
        source: tiles::tileset::TilesetError,
    },
}

/// A tile as it is known after its content is written.
struct Leaf {
    /// File name of the content; none where only finer tiles draw.
    content: Option<String>,
    /// Corners of the content in the frame of the block.
    corners: Option<[[f64; 3]; 2]>,
    center: [f64; 3],
    error_m: Option<f64>,
    refine: Refine,
    heights_m: Option<[f64; 2]>,
    /// Finer files, relative to the data folder, not yet converted.
    files: Vec<PathBuf>,
    finer: Vec<Self>,
}

/// One block while it is converted.
struct Work<'a> {
    shop: &'a Shop<'a>,
    ground: Ground<'a>,
    folder: PathBuf,
    /// Files begun: none is converted twice, so no ring of files has an end.
    begun: Mutex<BTreeSet<PathBuf>>,
}

/// Converts `block` into `out/tiles/NAME/`.
pub(super) fn convert(shop: &Shop<'_>, block: &Block) -> Result<Done, BlockError> {
    let read_error = |source| BlockError::Read { source };
    let scene = read(&shop.data.join(&block.root)).map_err(read_error)?;
    let tiles = drafts(&scene.root).tiles;
    let middle = middle(&tiles);
    drop(tiles);
    let ground = Ground::around(shop.place, middle).map_err(|source| BlockError::Place { source })?;
    let relative = format!("tiles/{}", block.name);
    let folder = shop.out.join(&relative);
    let write_error = |source| BlockError::Write { source };
    fs::create_dir_all(&folder).map_err(|source| write_error(WriteError::File { path: folder.clone(), source }))?;
    let work = Work { shop, ground, folder, begun: Mutex::new(BTreeSet::from([block.root.clone()])) };
    let leaves = work.file(&block.root, scene, 0).map_err(write_error)?;
    let mut root = match <[Leaf; 1]>::try_from(leaves) {
        Ok([only]) => only,
        Err(leaves) => Leaf::over(leaves),
    };
    root.prune();
    let Some([min, max]) = root.extent() else { return Err(BlockError::Empty) };
    let error_m = root.settle();
    let heights_m = root.heights();
    let ecef_from_enu = work.ground.frame.ecef_from_enu();
    let mut tile = root.tile([0.0; 3]);
    tile.transform = Some(glb::multiply(&ecef_from_enu, &tile.parent_from_tile()));
    let json = Tileset::new(tile, error_m.max(1.0)).to_json();
    let json = json.map_err(|source| write_error(WriteError::Tileset { source }))?;
    work.write("tileset.json", &json).map_err(write_error)?;
    Ok(Done {
        volume: BoundingVolume::from_corners(min, max).transformed(&ecef_from_enu),
        error_m,
        uri: format!("{relative}/tileset.json"),
        heights_m,
    })
}

/// Reads one OSGB file.
pub(super) fn read(path: &Path) -> Result<Scene, ReadError> {
    let size = fs::metadata(path).map_err(|source| ReadError::File { source })?.len();
    if size > MAX_FILE_BYTES {
        return Err(ReadError::TooLarge);
    }
    let bytes = fs::read(path).map_err(|source| ReadError::File { source })?;
    osgb::read(&bytes).map_err(|source| ReadError::Scene { source })
}

/// About the middle of what a file draws, in its own coordinates; its origin where it draws nothing.
pub(super) fn middle(tiles: &[Draft]) -> [f64; 3] {
    let (mut min, mut max) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    let mut add = |p: [f64; 3]| {
        for i in 0..3 {
            (min[i], max[i]) = (min[i].min(p[i]), max[i].max(p[i]));
        }
    };
    for tile in tiles {
        for part in &tile.parts {
            part.geometry.positions.iter().for_each(|p| add(apply(&part.matrix, *p)));
        }
        if let Some((center, _)) = tile.sphere.filter(|_| tile.parts.is_empty()) {
            add(center);
        }
    }
    if min[0] <= max[0] { std::array::from_fn(|i| f64::midpoint(min[i], max[i])) } else { [0.0; 3] }
}

impl Work<'_> {
    /// Converts a file and everything finer.
    fn file(&self, path: &Path, scene: Scene, depth: u32) -> Result<Vec<Leaf>, WriteError> {
        let found = drafts(&scene.root);
        for class in &scene.skipped_classes {
            self.warn(
                "unknown-class",
                Severity::Doubt,
                path,
                &format!("跳过了未知类型 {class}"),
                &format!("an object of the unknown class {class} was left out"),
            );
        }
        for file in &found.coarser_files {
            self.warn(
                "coarse-file-left-out",
                Severity::Note,
                path,
                &format!("较粗的文件 {file} 未使用"),
                &format!("the coarser file {file} was not used"),
            );
        }
        if found.cut_short {
            self.warn(
                "scene-cut-short",
                Severity::Skipped,
                path,
                "节点过多，只转换了一部分",
                "the scene has too many nodes: only a part was converted",
            );
        }
        let mut names = Names {
            stem: plain_name(&path.file_stem().unwrap_or_default().to_string_lossy()),
            many: found.tiles.len() > 1 || found.tiles.iter().any(|tile| !tile.finer.is_empty()),
            next: 0,
        };
        drop(scene);
        let mut leaves = Vec::new();
        for tile in found.tiles {
            leaves.push(self.draft(path, tile, &mut names)?);
        }
        self.shop.counts.files.fetch_add(1, Ordering::Relaxed);
        self.shop.progress.add(1);
        for leaf in &mut leaves {
            self.descend(path, leaf, depth)?;
        }
        Ok(leaves)
    }

    /// Writes the content of a draft and of the finer ones in the same file.
    fn draft(&self, path: &Path, draft: Draft, names: &mut Names) -> Result<Leaf, WriteError> {
        let load = |name: &str| {
            let picture =
                beside(path, name).ok_or_else(|| std::io::Error::other("the name leads out of the folder"))?;
            fs::read(self.shop.data.join(picture))
        };
        let mut leaf = Leaf {
            content: None,
            corners: None,
            center: [0.0; 3],
            error_m: draft.error_m,
            refine: Refine::Replace,
            heights_m: None,
            files: Vec::new(),
            finer: Vec::new(),
        };
        match bake(&draft.parts, &self.ground, load) {
            Err(error) => {
                let reason = chain(&error);
                self.warn(
                    "tile-left-out",
                    Severity::Skipped,
                    path,
                    &format!("瓦片未转换：{reason}"),
                    &format!("a tile was left out: {reason}"),
                );
            }
            Ok(None) => {}
            Ok(Some(baked)) => {
                for error in &baked.lost_pictures {
                    let reason = chain(error);
                    self.warn(
                        "picture-lost",
                        Severity::Skipped,
                        path,
                        &format!("贴图缺失：{reason}"),
                        &format!("a texture is missing: {reason}"),
                    );
                }
                if baked.bad_triangles > 0 {
                    let count = baked.bad_triangles;
                    self.warn(
                        "triangles-left-out",
                        Severity::Repaired,
                        path,
                        &format!("{count} 个三角形引用了不存在的顶点，已去掉"),
                        &format!("{count} triangles name vertices that do not exist and were left out"),
                    );
                }
                let counts = self.shop.counts;
                let vertices: usize = baked.model.primitives.iter().map(|primitive| primitive.positions.len()).sum();
                counts.triangles.fetch_add(baked.model.triangle_count() as u64, Ordering::Relaxed);
                counts.vertices.fetch_add(vertices as u64, Ordering::Relaxed);
                counts.tiles.fetch_add(1, Ordering::Relaxed);
                counts.recoded_pictures.fetch_add(baked.recoded_pictures as u64, Ordering::Relaxed);
                let bytes = glb::write(&baked.model).map_err(|source| WriteError::Glb { source })?;
                counts.glb_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                leaf.content = Some(self.write_new(names, &bytes)?);
                leaf.corners = Some([baked.min, baked.max]);
                leaf.center = baked.center;
                leaf.heights_m = baked.heights_m;
            }
        }
        // The geometry is let go before anything finer is looked at.
        let Draft { parts, finer, files, .. } = draft;
        drop(parts);
        for finer in finer {
            leaf.finer.push(self.draft(path, finer, names)?);
        }
        for file in files {
            match beside(path, &file) {
                Some(file) => leaf.files.push(file),
                None => self.warn(
                    "file-name-refused",
                    Severity::Skipped,
                    path,
                    &format!("引用的文件“{file}”指向目录之外，未读取"),
                    &format!("the file {file:?} it names lies outside the folder and was not read"),
                ),
            }
        }
        Ok(leaf)
    }

    /// Converts the finer files of a tile, and of the tiles under it.
    fn descend(&self, path: &Path, leaf: &mut Leaf, depth: u32) -> Result<(), WriteError> {
        for finer in &mut leaf.finer {
            self.descend(path, finer, depth)?;
        }
        let files = std::mem::take(&mut leaf.files);
        let named = files.len();
        let converted: Vec<Option<Vec<Leaf>>> =
            files.par_iter().map(|file| self.finer_file(path, file, depth)).collect::<Result<_, _>>()?;
        let missing = named - converted.iter().flatten().count();
        leaf.finer.extend(converted.into_iter().flatten().flatten());
        // Some of several finer files are missing: the coarse tile stays visible to fill their holes.
        if missing > 0 && !leaf.finer.is_empty() {
            leaf.refine = Refine::Add;
        }
        Ok(())
    }

    fn finer_file(&self, parent: &Path, file: &Path, depth: u32) -> Result<Option<Vec<Leaf>>, WriteError> {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(file.to_owned());
        let names = format!("{}", parent.display());
        if !begun || depth >= MAX_FILE_DEPTH {
            self.warn(
                "file-named-twice",
                Severity::Skipped,
                file,
                &format!("重复引用（见 {names}），未再次转换"),
                &format!("named again by {names}: not converted twice"),
            );
            return Ok(None);
        }
        match read(&self.shop.data.join(file)) {
            Ok(scene) => self.file(file, scene, depth + 1).map(Some),
            Err(ReadError::File { source }) if source.kind() == std::io::ErrorKind::NotFound => {
                self.warn(
                    "dangling-child",
                    Severity::Skipped,
                    file,
                    &format!("{names} 引用的更精细瓦片不存在，停在上一级"),
                    &format!("the finer tile that {names} names is not there: the model stays at the coarser level"),
                );
                Ok(None)
            }
            Err(error) => {
                self.shop.progress.add(1);
                let reason = chain(&error);
                self.warn(
                    "tile-unreadable",
                    Severity::Skipped,
                    file,
                    &format!("无法读取，停在上一级：{reason}"),
                    &format!("can't be read, the coarser level stays: {reason}"),
                );
                Ok(None)
            }
        }
    }

    fn warn(&self, code: &str, severity: Severity, unit: &Path, zh: &str, en: &str) {
        self.shop.warnings.add(Warning::new(code, severity, unit.display().to_string(), Text::new(zh, en)));
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let path = self.folder.join(name);
        fs::write(&path, bytes).map_err(|source| WriteError::File { path, source })
    }

    /// Writes a glb under the next free name of its file.
    fn write_new(&self, names: &mut Names, bytes: &[u8]) -> Result<String, WriteError> {
        loop {
            let name = names.next_name();
            let path = self.folder.join(&name);
            let done = fs::OpenOptions::new().write(true).create_new(true).open(&path);
            match done.and_then(|mut file| std::io::Write::write_all(&mut file, bytes)) {
                Ok(()) => return Ok(name),
                // Another file of the block has the same plain name.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => names.many = true,
                Err(source) => return Err(WriteError::File { path, source }),
            }
        }
    }
}

/// Names of the glb files that one scene becomes.
struct Names {
    stem: String,
    many: bool,
    next: u32,
}

impl Names {
    fn next_name(&mut self) -> String {
        let number = self.next;
        self.next += 1;
        if self.many { format!("{}.{number}.glb", self.stem) } else { format!("{}.glb", self.stem) }
    }
}

impl Leaf {
    /// A tile without content over several.
    fn over(finer: Vec<Self>) -> Self {
        Self {
            content: None,
            corners: None,
            center: [0.0; 3],
            error_m: None,
            refine: Refine::Replace,
            heights_m: None,
            files: Vec::new(),
            finer,
        }
    }

    /// Takes away tiles that neither draw nor lead to any that do.
    fn prune(&mut self) {
        self.finer.iter_mut().for_each(Self::prune);
        self.finer.retain(|finer| finer.content.is_some() || !finer.finer.is_empty());
    }

    /// Corners of this tile and everything finer, in the frame of the block.
    fn extent(&self) -> Option<[[f64; 3]; 2]> {
        let all = self.finer.iter().filter_map(Self::extent).chain(self.corners);
        all.reduce(|a, b| {
            [std::array::from_fn(|i| a[0][i].min(b[0][i])), std::array::from_fn(|i| a[1][i].max(b[1][i]))]
        })
    }

    fn heights(&self) -> Option<[f64; 2]> {
        let all = self.finer.iter().filter_map(Self::heights).chain(self.heights_m);
        all.reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])])
    }

    /// Settles errors (a leaf has none, no tile has less than a finer one) and centres; answers
    /// with the error of this tile.
    fn settle(&mut self) -> f64 {
        let finer = self.finer.iter_mut().map(Self::settle).fold(0.0, f64::max);
        let extent = self.extent();
        if self.content.is_none()
            && let Some([min, max]) = extent
        {
            self.center = std::array::from_fn(|i| f64::midpoint(min[i], max[i]));
        }
        let error = if self.finer.is_empty() {
            0.0
        } else {
            // No word from the maker: a twentieth of the size, as a photograph of that many pixels would have.
            let diagonal =
                extent.map_or(0.0, |[min, max]| (0..3).map(|i| (max[i] - min[i]).powi(2)).sum::<f64>().sqrt());
            self.error_m.unwrap_or(diagonal / 20.0).max(finer)
        };
        self.error_m = Some(error);
        error
    }

    /// The tile, its transform relative to a parent centred at `parent` in the frame of the block.
    fn tile(&self, parent: [f64; 3]) -> Tile {
        let c = self.center;
        let shifted = |[min, max]: [[f64; 3]; 2]| {
            BoundingVolume::from_corners(std::array::from_fn(|i| min[i] - c[i]), std::array::from_fn(|i| max[i] - c[i]))
        };
        // Pruned tiles draw something, so there is an extent.
        let extent = self.extent().unwrap_or([c, c]);
        let mut tile = Tile::new(shifted(extent), self.error_m.unwrap_or(0.0));
        let mut transform = glb::IDENTITY;
        for i in 0..3 {
            transform[12 + i] = c[i] - parent[i];
        }
        tile.transform = Some(transform);
        tile.refine = Some(self.refine);
        tile.content = self.content.as_ref().map(|name| Content::new(name.clone()));
        tile.children = self.finer.iter().map(|finer| finer.tile(c)).collect();
        tile
    }
}

/// An error with its causes, on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut out = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        out = format!("{out}: {error}");
        next = error.source();
    }
    out
}
