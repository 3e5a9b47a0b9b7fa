//! A delivery folder taken apart into units, each of which one importer claims.
//!
//! A unit is a file with its sidecars (a `.shp` and its `.dbf`), or a folder that is one thing (an
//! OSGB model, a `.gdb`). What nobody claims is counted and said, not guessed at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use crate::importer::{Confidence, Importer};
use crate::list;

/// Folders nested deeper than this are not looked into.
const DEEPEST: usize = 24;
/// Units taken from one delivery; more are a mistake about the folder.
const MOST_UNITS: usize = 10_000;
/// Longest slug the catalogue takes.
const SLUG_BYTES: usize = 63;

/// One thing to import.
#[derive(Clone, Copy)]
pub struct Claim {
    /// Who reads it.
    pub importer: &'static dyn Importer,
    /// How sure it is.
    pub confidence: Confidence,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({:?})", self.importer.name(), self.confidence)
    }
}

/// A unit of a delivery.
#[derive(Debug, Clone)]
pub struct Unit {
    /// File or folder.
    pub path: PathBuf,
    /// Path relative to the delivery, `/`-separated; the file name for a delivery of one unit.
    pub name: String,
    /// Who reads it.
    pub claim: Claim,
}

/// A delivery taken apart.
#[derive(Debug, Default)]
pub struct Delivery {
    /// What will be imported, in the order of the paths.
    pub units: Vec<Unit>,
    /// Files nobody claims, counted by extension.
    pub unclaimed: BTreeMap<String, u64>,
    /// True where there were more units than are taken.
    pub cut_short: bool,
}

/// Takes `path` apart. `wanted` names the importer to use instead of the surest.
pub fn take_apart(path: &Path, wanted: Option<&'static dyn Importer>) -> std::io::Result<Delivery> {
    let mut delivery = Delivery::default();
    if let Some(importer) = wanted {
        let claim = Claim { importer, confidence: Confidence::Certain };
        delivery.units.push(unit(path, path, claim));
        return Ok(delivery);
    }
    if let Some((importer, confidence)) = list::claimant(path) {
        delivery.units.push(unit(path, path, Claim { importer, confidence }));
        return Ok(delivery);
    }
    let mut walk = WalkDir::new(path).max_depth(DEEPEST).sort_by_file_name().into_iter();
    while let Some(entry) = walk.next() {
        let entry = entry.map_err(std::io::Error::from)?;
        if entry.depth() == 0 && entry.file_type().is_dir() {
            continue;
        }
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let is_dir = entry.file_type().is_dir();
        if hidden {
            if is_dir {
                walk.skip_current_dir();
            }
            continue;
        }
        match list::claimant(entry.path()) {
            Some((importer, confidence)) if !is_dir || confidence >= Confidence::Content => {
                if delivery.units.len() == MOST_UNITS {
                    delivery.cut_short = true;
                    break;
                }
                delivery.units.push(unit(path, entry.path(), Claim { importer, confidence }));
                if is_dir {
                    walk.skip_current_dir();
                }
            }
            _ if !is_dir => {
                *delivery.unclaimed.entry(extension(entry.path())).or_default() += 1;
            }
            _ => {}
        }
    }
    let sidecars = ["dbf", "shx", "prj", "cpg", "sbn", "sbx", "tfw", "qix", "xml", "ovr"];
    delivery.unclaimed.retain(|extension, _| !sidecars.contains(&extension.as_str()));
    Ok(delivery)
}

fn unit(delivery: &Path, path: &Path, claim: Claim) -> Unit {
    let relative = path.strip_prefix(delivery).unwrap_or(path);
    let name = if relative.as_os_str().is_empty() {
        path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    } else {
        relative.to_string_lossy().replace('\\', "/")
    };
    Unit { path: path.to_owned(), name, claim }
}

fn extension(path: &Path) -> String {
    path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

/// The files of a unit: the file and its sidecars (same stem), or everything in the folder.
///
/// Links are left out: what they point at was not delivered.
pub fn files_of(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if path.is_dir() {
        for entry in WalkDir::new(path).sort_by_file_name() {
            let entry = entry.map_err(std::io::Error::from)?;
            if entry.file_type().is_file() {
                files.push(entry.into_path());
            }
        }
        return Ok(files);
    }
    files.push(path.to_owned());
    let has_sidecars = matches!(extension(path).as_str(), "shp" | "tif" | "tiff");
    if let (true, Some(folder), Some(stem)) = (has_sidecars, path.parent(), path.file_stem()) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let same_stem = Path::new(&entry.file_name()).file_stem() == Some(stem);
            if same_stem && entry.file_type()?.is_file() && entry.path() != path {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Slugs for the parts of one delivery: `prefix` alone for one part, else `prefix-part`.
#[derive(Debug, Default)]
pub struct Slugs {
    taken: BTreeSet<String>,
}

impl Slugs {
    /// A slug for `part` (a relative path, a layer name) under `prefix`.
    ///
    /// Only what ASCII letters and digits say survives; a name in Chinese becomes eight digits of
    /// its hash, so that the next delivery of the same name meets the same dataset.
    pub fn under(&mut self, prefix: &str, part: &str) -> String {
        let stem = part.rsplit_once('.').map_or(part, |(stem, _)| stem);
        let mut words = String::new();
        let mut lost = false;
        for character in stem.chars() {
            if character.is_ascii_alphanumeric() {
                words.push(character.to_ascii_lowercase());
            } else {
                lost |= !character.is_ascii();
                if !words.is_empty() && !words.ends_with('-') {
                    words.push('-');
                }
            }
        }
        let words = words.trim_matches('-');
        let hash = format!("{:x}", Sha256::digest(part.as_bytes()));
        let hash = hash.get(..8).unwrap_or_default();
        let room = SLUG_BYTES.saturating_sub(prefix.len() + 1);
        let plain = words.get(..words.len().min(room)).unwrap_or_default().trim_matches('-');
        let mut slug = format!("{prefix}-{plain}");
        if lost || plain.len() < words.len() || plain.is_empty() || self.taken.contains(&slug) {
            let plain = plain.get(..plain.len().min(room.saturating_sub(9))).unwrap_or_default();
            slug = if plain.is_empty() {
                format!("{prefix}-{hash}")
            } else {
                format!("{prefix}-{}-{hash}", plain.trim_matches('-'))
            };
        }
        self.taken.insert(slug.clone());
        slug
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_keep_ascii_words_and_hash_the_rest_the_same_way_every_time() {
        let mut slugs = Slugs::default();
        assert_eq!(slugs.under("xx", "02_矢量/DLTB.shp").len(), "xx-02-dltb-".len() + 8);
        assert_eq!(slugs.under("xx", "roads.shp"), "xx-roads");
        let chinese = slugs.under("xx", "地类图斑.shp");
        assert_eq!(chinese, Slugs::default().under("xx", "地类图斑.shp"));
        assert_eq!(chinese.len(), "xx-".len() + 8);
        assert_ne!(slugs.under("xx", "roads.gpkg"), "xx-roads");
        let long = "a".repeat(200);
        assert!(slugs.under(&"p".repeat(40), &long).len() <= SLUG_BYTES);
    }

    #[test]
    fn sidecars_belong_to_their_unit() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.shp", "a.dbf", "a.prj", "b.dbf", "c.geojson"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let files = files_of(&folder.path().join("a.shp")).unwrap();
        assert_eq!(files.len(), 3);
        assert_eq!(files_of(&folder.path().join("c.geojson")).unwrap().len(), 1);
    }
}
