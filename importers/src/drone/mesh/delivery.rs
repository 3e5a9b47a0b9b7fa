//! The layout of an OSGB delivery: `metadata.xml`, the `Data` folder, one root file for each block.
//!
//! Looks at names only. A block is `Tile_x/Tile_x.osgb`; deliveries of one block lay its files
//! flat. File names inside the scenes are untrusted: [`beside`] keeps them in the folder.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// An OSGB delivery as it lies on disk.
pub(super) struct Delivery {
    /// Where `metadata.xml` is, or would be.
    pub(super) metadata: PathBuf,
    /// The folder the blocks are in; every path below is relative to it.
    pub(super) data: PathBuf,
    /// Root files of the blocks, sorted.
    pub(super) blocks: Vec<Block>,
    /// Folders with OSGB files among which no root was found, sorted.
    pub(super) rootless: Vec<PathBuf>,
}

/// One block: what refines from one root file.
pub(super) struct Block {
    /// Unique, of letters, digits, `_`, `-` and `.`: the folder it is written to.
    pub(super) name: String,
    /// Root file relative to [`Delivery::data`].
    pub(super) root: PathBuf,
}

impl Delivery {
    /// Finds the blocks below `folder` (the delivery, or its `Data` folder) or the one file it is.
    pub(super) fn find(folder: &Path) -> std::io::Result<Self> {
        if folder.is_file() {
            let parent = folder.parent().unwrap_or(Path::new("")).to_owned();
            let roots = folder.file_name().map(PathBuf::from).into_iter().collect();
            return Ok(Self {
                metadata: parent.join("metadata.xml"),
                blocks: named(roots),
                data: parent,
                rootless: Vec::new(),
            });
        }
        let data = entries(folder)?
            .into_iter()
            .find(|path| path.is_dir() && file_name(path).eq_ignore_ascii_case("data"))
            .unwrap_or_else(|| folder.to_owned());
        let beside_data = data.parent().unwrap_or(&data).join("metadata.xml");
        let metadata = [folder.join("metadata.xml"), data.join("metadata.xml"), beside_data.clone()];
        let metadata = metadata.into_iter().find(|path| path.is_file()).unwrap_or(folder.join("metadata.xml"));
        let (mut roots, mut rootless) = (Vec::new(), Vec::new());
        for path in entries(&data)?.into_iter().filter(|path| path.is_dir()) {
            let inside: Vec<String> =
                entries(&path)?.iter().filter(|file| is_osgb_name(file)).map(|file| file_name(file)).collect();
            if inside.is_empty() {
                continue;
            }
            let folder_name = PathBuf::from(file_name(&path));
            let found = roots_among(&inside, &file_name(&path));
            if found.is_empty() {
                rootless.push(folder_name);
            } else {
                roots.extend(found.into_iter().map(|file| folder_name.join(file)));
            }
        }
        // Files beside block folders only gather them; alone they are the delivery.
        if roots.is_empty() && rootless.is_empty() {
            let inside: Vec<String> =
                entries(&data)?.iter().filter(|file| is_osgb_name(file)).map(|file| file_name(file)).collect();
            roots.extend(roots_among(&inside, &file_name(&data)).into_iter().map(PathBuf::from));
        }
        Ok(Self { metadata, data, blocks: named(roots), rootless })
    }

    /// How many OSGB files the delivery has: what a progress bar counts.
    pub(super) fn file_count(&self) -> u64 {
        let folders: BTreeSet<PathBuf> =
            self.blocks.iter().filter_map(|block| Some(self.data.join(block.root.parent()?))).collect();
        let count = |folder: &PathBuf| {
            entries(folder).map_or(0, |files| files.iter().filter(|file| is_osgb_name(file)).count())
        };
        folders.iter().map(count).sum::<usize>() as u64
    }
}

/// How much `folder` looks like an OSGB delivery, by names alone: its `metadata.xml` and whether it
/// is laid out as one, with a `Data` folder or blocks named as their folders.
pub(super) fn looks_like_delivery(folder: &Path) -> (bool, bool) {
    let Ok(delivery) = Delivery::find(folder) else { return (false, false) };
    let named_as_folder = |block: &Block| {
        let parent = block.root.parent().unwrap_or(Path::new(""));
        parent.as_os_str().is_empty() || file_name(parent) == stem(&file_name(&block.root))
    };
    let laid_out = delivery.data != folder || delivery.blocks.iter().all(named_as_folder);
    (delivery.metadata.is_file(), !delivery.blocks.is_empty() && laid_out)
}

/// The root files among the files of one folder: the one named as the folder, else those that
/// carry no level (`_L19_`) in their name.
fn roots_among(files: &[String], folder: &str) -> Vec<String> {
    let same = files.iter().find(|file| stem(file) == folder);
    match same {
        Some(file) => vec![file.clone()],
        None => files.iter().filter(|file| !has_level(file)).cloned().collect(),
    }
}

/// Whether a name carries a level: `_L` and digits.
fn has_level(name: &str) -> bool {
    name.split("_L").skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn named(mut roots: Vec<PathBuf>) -> Vec<Block> {
    roots.sort();
    let mut taken = BTreeSet::new();
    roots
        .into_iter()
        .map(|root| {
            let plain = plain_name(&stem(&file_name(&root)));
            let mut name = plain.clone();
            let mut number = 1;
            while !taken.insert(name.to_ascii_lowercase()) {
                number += 1;
                name = format!("{plain}.{number}");
            }
            Block { name, root }
        })
        .collect()
}

/// `name` as it can stand in a URL without escapes: a plus sign is dropped, as some servers read
/// it as a space; anything else unusual becomes its code point.
pub(super) fn plain_name(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => out.push(c),
            '.' if !out.is_empty() => out.push(c),
            '+' => {}
            other => out.extend(format!("u{:x}", u32::from(other)).chars()),
        }
    }
    if out.is_empty() { "tile".to_owned() } else { out }
}

/// Path of the file `name` (as written in the scene `current`), relative as `current` is; `None`
/// where the name is absolute or leads upwards.
pub(super) fn beside(current: &Path, name: &str) -> Option<PathBuf> {
    let name = name.replace('\\', "/");
    let mut out = current.parent().unwrap_or(Path::new("")).to_owned();
    // A drive letter is an ordinary name here and an absolute path where the file was made.
    if name.contains([':', '\0']) {
        return None;
    }
    for component in Path::new(&name).components() {
        match component {
            Component::Normal(part) => out.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!name.is_empty()).then_some(out)
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut out = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    out.sort();
    Ok(out)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn stem(name: &str) -> String {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}

fn is_osgb_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("osgb")) && path.is_file()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Delivery, beside, plain_name};

    #[test]
    fn names_inside_a_scene_stay_in_its_folder() {
        let check = |name, want: Option<&str>| {
            assert_eq!(beside(Path::new("T/T.osgb"), name), want.map(PathBuf::from), "{name}");
        };
        check("T_L15_0.osgb", Some("T/T_L15_0.osgb"));
        check(".\\sub\\a.osgb", Some("T/sub/a.osgb"));
        check("../U/U.osgb", None);
        check("/etc/passwd", None);
        check("C:\\a.osgb", None);
        check("", None);
    }

    #[test]
    fn names_of_blocks_need_no_escape_in_a_url() {
        assert_eq!(plain_name("Tile_+000_-012"), "Tile_000_-012");
        assert_eq!(plain_name("瓦 1"), "u74e6u201");
        assert_eq!(plain_name("..+"), "u2e.");
    }

    #[test]
    fn blocks_are_found_in_every_layout_met() {
        let check = |files: &[&str], at: &str, want: &[(&str, &str)]| {
            let folder = tempfile::tempdir().unwrap();
            for file in files {
                let path = folder.path().join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, b"").unwrap();
            }
            let delivery = Delivery::find(&folder.path().join(at)).unwrap();
            let found: Vec<(String, String)> =
                delivery.blocks.iter().map(|block| (block.name.clone(), block.root.display().to_string())).collect();
            let want: Vec<(String, String)> =
                want.iter().map(|(name, root)| ((*name).to_owned(), (*root).to_owned())).collect();
            assert_eq!(found, want);
            (delivery.metadata.is_file(), delivery.file_count(), delivery.rootless)
        };
        let normal = [
            "metadata.xml",
            "Data/Tile_+0/Tile_+0.osgb",
            "Data/Tile_+0/Tile_+0_L15_0.osgb",
            "Data/Tile_-0/Tile_-0.osgb",
        ];
        let want = [("Tile_0", "Tile_+0/Tile_+0.osgb"), ("Tile_-0", "Tile_-0/Tile_-0.osgb")];
        assert_eq!(check(&normal, "", &want), (true, 3, vec![]));
        assert_eq!(check(&normal, "Data", &want), (true, 3, vec![]));
        check(&["a.osgb", "a_L15_0.osgb"], "", &[("a", "a.osgb")]);
        check(&["data/Tile_A/root.osgb", "data/Tile_A/root_L1_0.osgb"], "", &[("root", "Tile_A/root.osgb")]);
        check(
            &["Tile_+1/Tile_+1.osgb", "Tile_1/Tile_1.osgb"],
            "",
            &[("Tile_1", "Tile_+1/Tile_+1.osgb"), ("Tile_1.2", "Tile_1/Tile_1.osgb")],
        );
        let (_, _, rootless) = check(&["Data/Tile_0/Tile_0_L15_0.osgb"], "", &[]);
        assert_eq!(rootless, [PathBuf::from("Tile_0")]);
        check(&["x.osgb"], "x.osgb", &[("x", "x.osgb")]);
    }
}
