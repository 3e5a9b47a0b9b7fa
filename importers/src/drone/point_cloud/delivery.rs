//! What was delivered: one LAS or LAZ file, a folder of them, or an EPT folder.
//!
//! All of it is one cloud. Files are opened by their headers only; what is odd about them together
//! (formats that differ, no points) is said here, before anything is converted.

use std::path::{Path, PathBuf};

use super::ept;
use super::survey::{Damage, LasFile, damaged};
use crate::importer::{ImportError, Text};

/// More files than this are not one cloud but a mistake.
const FILES_MAX: usize = 200_000;

/// A delivered cloud.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) files: Vec<LasFile>,
    /// Name of the format for people.
    pub(super) format: String,
    /// CRS text from beside the files (`ept.json`).
    pub(super) crs_aside: Option<String>,
    /// Points the delivery claims to have in all, where something beside the files says so.
    pub(super) points_claimed: Option<u64>,
}

impl Delivery {
    /// Opens what is at `path`. EPT nodes that are not LAZ are rewritten as LAS into `scratch`,
    /// without which they are only looked at.
    pub(super) fn open(path: &Path, scratch: Option<&Path>) -> Result<Self, ImportError> {
        if ept::is_ept(path) {
            return ept::open(path, scratch);
        }
        let paths = if path.is_dir() { las_files(path)? } else { vec![path.to_owned()] };
        let files = paths.iter().map(|path| LasFile::open(path)).collect::<Result<Vec<_>, _>>()?;
        let format = match files.as_slice() {
            [file] => {
                let (major, minor) = file.header.version;
                let kind = match (file.is_copc(), file.header.compressed) {
                    (true, _) => "COPC",
                    (false, true) => "LAZ",
                    (false, false) => "LAS",
                };
                format!("{kind} {major}.{minor}")
            }
            files => format!("LAS/LAZ × {}", files.len()),
        };
        let delivery = Self { files, format, crs_aside: None, points_claimed: None };
        delivery.check(path)?;
        Ok(delivery)
    }

    /// Whether the files can be one cloud.
    pub(super) fn check(&self, path: &Path) -> Result<(), ImportError> {
        if self.points() == 0 {
            return Err(damaged(path, Damage::NoPoints));
        }
        let formats = self.files.iter().map(|file| (file.header.point_format, &file.path));
        let mut formats = formats.collect::<Vec<_>>();
        formats.sort_by_key(|(format, _)| *format);
        if let (Some((first, one)), Some((last, other))) = (formats.first(), formats.last())
            && first != last
        {
            return Err(ImportError::refused(
                path,
                Text::new(
                    format!(
                        "文件的点格式不同（{} 为 {first}，{} 为 {last}），请分别导入",
                        one.display(),
                        other.display()
                    ),
                    format!(
                        "the files have different point formats ({} has {first}, {} has {last}): import them apart",
                        one.display(),
                        other.display()
                    ),
                ),
            ));
        }
        Ok(())
    }

    /// Points in all files.
    pub(super) fn points(&self) -> u64 {
        self.files.iter().map(|file| file.header.point_count).sum()
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The first file with points: what is the same in all files is read from it.
    pub(super) fn first(&self) -> Option<&LasFile> {
        self.files.iter().find(|file| file.header.point_count > 0)
    }

    /// Smallest and largest corner of all files that have points.
    pub(super) fn bounds(&self) -> Option<[[f64; 3]; 2]> {
        let with_points = self.files.iter().filter(|file| file.header.point_count > 0);
        with_points.map(|file| [file.header.min, file.header.max]).reduce(|all, one| {
            [
                std::array::from_fn(|axis| all[0][axis].min(one[0][axis])),
                std::array::from_fn(|axis| all[1][axis].max(one[1][axis])),
            ]
        })
    }
}

/// Whether a path has the extension of a LAS or LAZ file.
pub(super) fn has_las_extension(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("las") || extension.eq_ignore_ascii_case("laz"))
}

/// LAS and LAZ files right in a folder, in order of their names.
pub(super) fn las_files(folder: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let unreadable = |source: std::io::Error| {
        ImportError::unreadable_because(folder, Text::new("无法读取文件夹", "can't read the folder"), source)
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if has_las_extension(&path) && path.is_file() {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            return Err(ImportError::unreadable(
                folder,
                Text::new("文件夹里的文件太多", "too many files in the folder"),
            ));
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(ImportError::unreadable(
            folder,
            Text::new("文件夹里没有 LAS/LAZ 文件", "there is no LAS or LAZ file in the folder"),
        ));
    }
    Ok(files)
}
