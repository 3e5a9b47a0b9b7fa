//! From a delivered cloud to `points.copc.laz`: octree by `copc_converter`, CRS by us, then proved.
//!
//! The octree is built out of core in the scratch folder; a delivery that is sound COPC already is
//! copied. Whatever made the file, it is opened again by the reader that will serve it, and every
//! point must be reachable through its hierarchy.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use copc_converter::{NodeStorage, Pipeline, PipelineConfig, ProgressEvent, ProgressObserver, TempCompression};
use object_store::local::LocalFileSystem;
use tiles::copc::{CopcError, CopcFile, VoxelKey, Wanted};

use super::copc_crs::copy_with_crs;
use super::crs::CloudCrs;
use super::delivery::Delivery;
use crate::importer::{ImportError, Job, Severity, Text, Warning};
use crate::progress::Progress;

/// Name of the asset.
pub(super) const ASSET: &str = "points.copc.laz";

/// What the converter may hold in memory. More makes it no faster below 10^8 points.
const MEMORY_BYTES: u64 = 1 << 30;

/// A finished COPC file, opened.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) file: CopcFile,
    pub(super) warnings: Vec<Warning>,
    /// How it was made, for provenance.
    pub(super) how: &'static str,
}

/// Makes `points.copc.laz` in the folder of `job`.
pub(super) fn convert(
    job: &Job,
    delivery: &Delivery,
    crs: &CloudCrs,
    progress: &Progress,
) -> Result<Finished, ImportError> {
    let target = job.out.join(ASSET);
    let mut warnings = Vec::new();
    let failed = |source: std::io::Error| {
        ImportError::failed(&target, Text::new("无法写出点云文件", "can't write the point cloud file"), source)
    };

    if let [only] = delivery.files.as_slice()
        && only.is_copc()
    {
        match sound_copc(&only.path, only.header.point_count) {
            Ok(file) => {
                progress.phase(Text::new("复制 COPC", "copying the COPC file"), only.bytes, "bytes");
                // A CRS that stands in the file already is not written anew: the copy stays the delivered bytes.
                if file.crs_wkt() == Some(crs.wkt.as_str()) {
                    std::fs::copy(&only.path, &target).map_err(failed)?;
                } else {
                    copy_with_crs(&only.path, &target, &crs.wkt).map_err(failed)?;
                }
                progress.add(only.bytes);
                let file = proved(&target, only.header.point_count)?;
                return Ok(Finished { file, warnings, how: "copied" });
            }
            Err(reason) => {
                let words = reason.to_string();
                warnings.push(Warning::new(
                    "copc-rebuilt",
                    Severity::Repaired,
                    "",
                    Text::new(
                        format!("文件自称 COPC 但不合规范，已重建八叉树（{words}）"),
                        format!("the file says it is COPC but is not sound; its octree was built anew ({words})"),
                    ),
                ));
            }
        }
    }

    let built = job.scratch.join("built.copc.laz");
    warnings.extend(build(job, delivery, &built, progress)?);
    copy_with_crs(&built, &target, &crs.wkt).map_err(failed)?;
    std::fs::remove_file(&built).map_err(failed)?;
    let file = proved(&target, delivery.points())?;
    Ok(Finished { file, warnings, how: "built by copc_converter" })
}

/// Builds the octree.
fn build(job: &Job, delivery: &Delivery, built: &Path, progress: &Progress) -> Result<Vec<Warning>, ImportError> {
    let path = &job.path;
    let failed = |source: copc_converter::Error| {
        let text = Text::new(
            "点云转换失败：文件内容与文件头不符，或磁盘空间不足",
            "the point cloud can't be converted: its content doesn't fit its header, or the disk is full",
        );
        ImportError::unreadable_because(path, text, source)
    };
    let inputs: Vec<PathBuf> =
        delivery.files.iter().filter(|file| file.header.point_count > 0).map(|file| file.path.clone()).collect();
    let config = PipelineConfig {
        memory_budget: MEMORY_BYTES,
        temp_dir: Some(job.scratch.clone()),
        temporal_index: None,
        progress: None,
        chunk_target_override: None,
        temp_compression: TempCompression::None,
        // One file per node would be a hundred thousand files.
        node_storage: NodeStorage::Packed,
    };
    // The observer must live as long as the pipeline wants, so events go through a channel to the caller's.
    let (sender, receiver) = std::sync::mpsc::channel();
    let config = PipelineConfig { progress: Some(Arc::new(Events(sender))), ..config };
    std::thread::scope(|scope| {
        let worker = scope.spawn(move || -> Result<Vec<Warning>, copc_converter::Error> {
            let distributed = Pipeline::scan(&inputs, config)?.validate()?.distribute()?;
            let mut warnings = Vec::new();
            if distributed.header_bounds_mismatch().is_some() {
                warnings.push(Warning::new(
                    "bounds-corrected",
                    Severity::Repaired,
                    "",
                    Text::new(
                        "文件头的范围与点不符，已按点重算",
                        "the bounds in the header don't fit the points; they were computed from the points",
                    ),
                ));
            }
            distributed.build()?.write(built)?;
            Ok(warnings)
        });
        let done = AtomicU64::new(0);
        for event in receiver {
            show(&event, &done, progress);
        }
        worker.join()
    })
    .map_err(|_panicked| {
        ImportError::unreadable(
            path,
            Text::new(
                "点云转换中断：文件内容已损坏",
                "the conversion broke off: the content of the point cloud is damaged",
            ),
        )
    })?
    .map_err(failed)
}

struct Events(std::sync::mpsc::Sender<ProgressEvent>);

impl ProgressObserver for Events {
    fn on_progress(&self, event: ProgressEvent) {
        // Nobody listening any more is no reason to stop converting.
        drop(self.0.send(event));
    }
}

fn show(event: &ProgressEvent, done: &AtomicU64, progress: &Progress) {
    match event {
        ProgressEvent::StageStart { name, total } => {
            done.store(0, Ordering::Relaxed);
            let (zh, unit) = match *name {
                "Scanning" => ("读取文件头", "files"),
                "Counting" => ("清点", "points"),
                "Distributing" => ("分块", "points"),
                "Writing" => ("写出节点", "nodes"),
                _ => ("建八叉树", "chunks"),
            };
            let en = name.to_lowercase();
            progress.phase(Text::new(zh, en), *total, unit);
        }
        ProgressEvent::StageProgress { done: now } => {
            let before = done.fetch_max(*now, Ordering::Relaxed);
            progress.add(now.saturating_sub(before));
        }
        ProgressEvent::StageDone => {}
    }
}

/// Why a finished file is not what it must be.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsound {
    #[error("{source}")]
    Unreadable {
        #[from]
        source: CopcError,
    },
    #[error("路径无法使用 / the path can't be used")]
    Path {
        #[source]
        source: object_store::path::Error,
    },
    #[error("层次中有 {found} 个点，应为 {wanted} 个 / the hierarchy has {found} points of {wanted}")]
    Points { found: u64, wanted: u64 },
}

/// Opens a COPC file and reaches every node; the root's points are decoded.
fn sound_copc(path: &Path, points: u64) -> Result<CopcFile, Unsound> {
    futures::executor::block_on(async {
        let place = std::path::absolute(path).unwrap_or_else(|_no_current_folder| path.to_owned());
        let place = object_store::path::Path::from_absolute_path(place).map_err(|source| Unsound::Path { source })?;
        let file = CopcFile::open(Arc::new(LocalFileSystem::new()), place).await?;
        let found = file.nodes().await?.iter().map(|node| u64::from(node.points)).sum();
        if found != points || file.header().point_count != points {
            return Err(Unsound::Points { found, wanted: points });
        }
        if let Some(root) = file.node(VoxelKey::ROOT).await? {
            let bytes = file.node_bytes(&root).await?;
            file.decode_node(&root, &bytes, Wanted::All)?;
        }
        Ok(file)
    })
}

fn proved(path: &Path, points: u64) -> Result<CopcFile, ImportError> {
    sound_copc(path, points).map_err(|source| {
        ImportError::failed(
            path,
            Text::new("写出的点云文件不合格", "the point cloud file that was written is not sound"),
            source,
        )
    })
}
