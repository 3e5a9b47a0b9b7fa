//! The OSGB reader against real tiles, and against what OpenSceneGraph itself writes.
//!
//! Totals of the real tiles come from an independent reading; `osgconv` (Debian's openscenegraph)
//! is driven for further container versions where it is installed.

#![expect(clippy::print_stdout, reason = "a skipped test must say so")]
#![expect(clippy::panic, reason = "a failing test is a panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

use importers::drone::osgb::{self, Node, NodeContent, Scene};
use proptest::prelude::*;

/// The folder of real samples, or `None` said loudly.
fn samples(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find_map(|folder| {
        let shared = folder.parent()?.join("shared/samples");
        shared.is_dir().then_some(shared)
    });
    let found = root.map(|root| root.join(path)).filter(|path| path.exists());
    if found.is_none() {
        println!("SKIPPED: ../shared/samples/{path} is not here");
    }
    found
}

fn osgb_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.expect("the samples can be listed").into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "osgb"))
        .collect();
    files.sort();
    files
}

fn read(path: &Path) -> Scene {
    let bytes = std::fs::read(path).expect("the sample can be read");
    osgb::read(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a scene holds.
#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
struct Totals {
    geometries: usize,
    vertices: usize,
    uvs: usize,
    triangles: usize,
    pictures: usize,
    files: usize,
}

fn total(node: &Node, totals: &mut Totals) {
    match &node.content {
        NodeContent::Nothing => {}
        NodeContent::Group { children, .. } => children.iter().for_each(|child| total(child, totals)),
        NodeContent::Lod(lod) => {
            for level in &lod.levels {
                totals.files += usize::from(level.file.is_some());
                if let Some(node) = &level.node {
                    total(node, totals);
                }
            }
        }
        NodeContent::Geode(geometries) => {
            for geometry in geometries {
                let (indices, left_out) = osgb::to_triangles(geometry);
                assert_eq!(left_out, 0);
                totals.geometries += 1;
                totals.vertices += geometry.positions.len();
                totals.triangles += indices.len() / 3;
                totals.uvs += geometry.uvs.len();
                if let Some(picture) = geometry.state.as_ref().and_then(|state| state.picture.as_ref()) {
                    let encoded = osgb::encode(picture, |_| Err(std::io::ErrorKind::NotFound.into()));
                    encoded.unwrap_or_else(|error| panic!("{error}"));
                    totals.pictures += 1;
                }
            }
        }
    }
}

fn totals(scene: &Scene) -> Totals {
    assert_eq!((scene.trailing_bytes, scene.skipped_bytes), (0, 0), "version {}", scene.version);
    let mut totals = Totals::default();
    total(&scene.root, &mut totals);
    totals
}

#[test]
fn every_real_tile_is_understood_to_its_last_byte() {
    let Some(folder) = samples("osgb/production5/Data") else { return };
    let files = osgb_files(&folder);
    let mut sum = Totals::default();
    for file in &files {
        let one = totals(&read(file));
        sum.triangles += one.triangles;
        sum.geometries += one.geometries;
        sum.pictures += one.pictures;
    }
    println!("{sum:?}");
    assert_eq!((files.len(), sum.triangles), (22, 200_760));
    assert_eq!(sum.pictures, sum.geometries);
}

#[test]
fn one_model_reads_alike_from_every_version_and_image_kind() {
    let Some(folder) = samples("osgb/variants") else { return };
    let mut seen = Vec::new();
    for file in osgb_files(&folder) {
        let scene = read(&file);
        let found = totals(&scene);
        assert_eq!((found.triangles, found.pictures), (114, 1), "{}", file.display());
        seen.push((scene.version, found));
    }
    seen.extend(samples("osgb/fanvanzh/test.osgb").map(|file| (0, totals(&read(&file)))));
    assert_eq!(seen.len(), 11);
    assert!(seen.iter().all(|(_, found)| *found == seen[0].1), "{seen:?}");
}

#[test]
fn every_version_osgconv_writes_reads_as_it_was() {
    let Some(file) = samples("osgb/fanvanzh/test.osgb") else { return };
    if Command::new("osgconv").arg("--help").output().is_err() {
        println!("SKIPPED: osgconv (package openscenegraph) is not installed");
        return;
    }
    let want = totals(&read(&file));
    let folder = tempfile::tempdir().unwrap();
    for version in [70, 76, 77, 91, 95, 98, 100, 112, 130, 142, 147, 149, 151, 154, 155, 156, 161] {
        for options in ["Compressor=zlib WriteImageHint=IncludeFile", "WriteImageHint=IncludeData"] {
            let out = folder.path().join(format!("{version}.osgb"));
            let done = Command::new("osgconv")
                .args(["-O", &format!("TargetFileVersion={version} {options}")])
                .args([&file, &out])
                .output()
                .unwrap();
            assert!(out.exists(), "{}", String::from_utf8_lossy(&done.stderr));
            let scene = read(&out);
            assert_eq!((scene.version, totals(&scene)), (version, want), "{options}");
            std::fs::remove_file(&out).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_tile_never_panics(at: usize, byte: u8, cut: usize, which in 0usize..11) {
        let Some(folder) = samples("osgb") else { return Ok(()) };
        let files: Vec<PathBuf> = osgb_files(&folder).into_iter().filter(|file| !file.starts_with(folder.join("production5"))).collect();
        let mut bytes = std::fs::read(&files[which % files.len()]).unwrap();
        // The image fills most of a file: damage is more telling outside of it.
        let length = bytes.len();
        bytes[at % length.min(4000)] = byte;
        drop(osgb::read(&bytes));
        bytes.truncate(cut % length);
        prop_assert!(osgb::read(&bytes).is_err());
    }
}
