//! The OSGB reader against real tiles, and against what OpenSceneGraph itself writes.
//!
//! Totals of the real tiles come from an independent reading; `osgconv` (Debian's openscenegraph)
//! is driven for further container versions where it is installed.

#![expect(clippy::print_stdout, reason = "a skipped test must say so")]
#![expect(clippy::panic, reason = "a failing test is a panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

use importers::drone::osgb::{self, Node, NodeContent, RangeMode, Scene};
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

/// A scene with every node, attribute and drawing mode that has a reading of its own.
const SCENE: &str = "Group {
  nodeMask 0xffffffff cullingActive TRUE
  num_children 4
  PositionAttitudeTransform {
    nodeMask 0xffffffff cullingActive TRUE
    referenceFrame RELATIVE
    position 10 20 30 attitude 0 0 0.7071067811865476 0.7071067811865476 scale 2 2 2 pivotPoint 1 0 0
    num_children 1
    Geode {
      UniqueID geode1
      nodeMask 0xffffffff cullingActive TRUE
      StateSet {
        rendering_hint DEFAULT_BIN
        renderBinMode INHERIT
        GL_LIGHTING OFF
        AlphaFunc { comparisonFunc GREATER referenceValue 0.5 }
        BlendFunc { source SRC_ALPHA destination ONE_MINUS_SRC_ALPHA }
        CullFace { mode BACK }
        Depth { function LESS writeMask TRUE range 0 1 }
        FrontFace { mode COUNTER_CLOCKWISE }
        LightModel { ambientIntensity 0.2 0.2 0.2 1 colorControl SINGLE_COLOR localViewer FALSE twoSided TRUE }
        LineWidth { width 2 }
        Material { ColorMode OFF ambientColor 0 0 0 1 diffuseColor 0.25 0.5 0.75 1 specularColor 0 0 0 1 emissionColor 0 0 0 1 shininess 0 }
        PolygonOffset { factor 1 units 2 }
        PolygonMode { mode FRONT_AND_BACK FILL }
        ShadeModel { mode SMOOTH }
        ColorMask { red TRUE green TRUE blue TRUE alpha TRUE }
        Point { size 2 fade_threshold_size 1 distance_attenuation 1 0 0 minSize 0 maxSize 100 }
      }
      num_drawables 1
      Geometry {
        useDisplayList TRUE useVertexBufferObjects FALSE
        PrimitiveSets 5 {
          DrawArrays TRIANGLE_STRIP 0 5
          DrawArrays QUADS 0 4
          DrawArrayLengths TRIANGLE_FAN 0 2 { 3 4 }
          DrawElementsUShort TRIANGLES 3 { 0 1 2 }
          DrawElementsUByte POLYGON 4 { 0 1 2 3 }
        }
        VertexArray Vec3Array 8 { 0 0 0  1 0 0  1 1 0  0 1 0  0 0 1  1 0 1  1 1 1  0 1 1 }
        NormalBinding OVERALL NormalArray Vec3Array 1 { 0 0 1 }
        ColorBinding PER_VERTEX
        ColorArray Vec4ubArray 8 { 255 0 0 255  0 255 0 255  0 0 255 255  1 2 3 4  1 2 3 4  1 2 3 4  1 2 3 4  1 2 3 4 }
      }
    }
  }
  Switch {
    nodeMask 0xffffffff cullingActive TRUE
    NewChildDefaultValue TRUE ValueList { 1 0 }
    num_children 2 Use geode1 Use geode1
  }
  LOD {
    nodeMask 0xffffffff cullingActive TRUE
    Center 0 0 0 Radius 10 RangeMode PIXEL_SIZE_ON_SCREEN RangeList 2 { 0 100 100 1e+10 }
    num_children 2
    Use geode1
    MatrixTransform {
      nodeMask 0xffffffff cullingActive TRUE
      referenceFrame RELATIVE Matrix { 1 0 0 0 0 1 0 0 0 0 1 0 5 6 7 1 }
      num_children 1 Use geode1
    }
  }
  CoordinateSystemNode {
    nodeMask 0xffffffff cullingActive TRUE
    Format \"WKT\" CoordinateSystem \"x\" EllipsoidModel { RadiusEquator 6378137 RadiusPolar 6356752 }
    num_children 0
  }
}
";

#[test]
fn every_class_with_a_reading_of_its_own_is_what_openscenegraph_wrote() {
    if Command::new("osgconv").arg("--help").output().is_err() {
        println!("SKIPPED: osgconv (package openscenegraph) is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("scene.osg");
    std::fs::write(&text, SCENE).unwrap();
    for version in [70, 77, 80, 91, 100, 112, 130, 145, 149, 156, 161] {
        let out = folder.path().join(format!("{version}.osgb"));
        let done = Command::new("osgconv")
            .args(["-O", &format!("TargetFileVersion={version}")])
            .args([&text, &out])
            .output()
            .unwrap();
        assert!(out.exists(), "{}", String::from_utf8_lossy(&done.stderr));
        let scene = read(&out);
        let found = totals(&scene);
        // The switch hides one of its two; the geometry stands four times with 3 + 2 + 3 + 1 + 2 triangles.
        assert_eq!((found.geometries, found.triangles, found.vertices), (4, 44, 32), "version {version}");
        let NodeContent::Group { children, .. } = &scene.root.content else { panic!("a group") };
        let NodeContent::Group { matrix: Some(matrix), children: placed } = &children[0].content else {
            panic!("placed")
        };
        // (1, 0, 0) is the pivot and so goes to the position; x turns to y, twice as long.
        let at = |p: [f64; 3]| -> [f64; 3] {
            std::array::from_fn(|i| p[0] * matrix[i] + p[1] * matrix[4 + i] + p[2] * matrix[8 + i] + matrix[12 + i])
        };
        for (p, want) in
            [([1., 0., 0.], [10., 20., 30.]), ([2., 0., 0.], [10., 22., 30.]), ([1., 0., 1.], [10., 20., 32.])]
        {
            assert!((0..3).all(|i| (at(p)[i] - want[i]).abs() < 1e-9), "version {version}: {:?}", at(p));
        }
        assert_eq!(placed[0].state.as_ref().unwrap().diffuse, Some([0.25, 0.5, 0.75, 1.0]));
        let NodeContent::Geode(geometries) = &placed[0].content else { panic!("a geode") };
        assert_eq!(geometries[0].colors[..3], [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]]);
        let NodeContent::Lod(lod) = &children[2].content else { panic!("levels") };
        assert_eq!((lod.range, lod.levels.len(), lod.sphere), (RangeMode::Pixels, 2, Some(([0.0; 3], 10.0))));
    }
}

#[test]
fn pixels_encoded_anew_look_like_the_jpeg_they_came_from() {
    fn picture(node: &Node) -> Option<std::sync::Arc<osgb::Picture>> {
        match &node.content {
            NodeContent::Nothing => None,
            NodeContent::Group { children, .. } => children.iter().find_map(|child| picture(child)),
            NodeContent::Lod(lod) => {
                lod.levels.iter().filter_map(|level| level.node.as_ref()).find_map(|node| picture(node))
            }
            NodeContent::Geode(geometries) => {
                geometries.iter().find_map(|geometry| geometry.state.as_ref()?.picture.clone())
            }
        }
    }
    let Some(folder) = samples("osgb/variants") else { return };
    let pixels = |name: &str| {
        let picture = picture(&read(&folder.join(name)).root).unwrap();
        let encoded = osgb::encode(&picture, |_| Err(std::io::ErrorKind::NotFound.into())).unwrap();
        (encoded.untouched, image::load_from_memory(&encoded.bytes).unwrap().into_rgb8())
    };
    for version in [91, 99, 112, 154, 161] {
        let (untouched, file) = pixels(&format!("t_{version}_IncludeFile.osgb"));
        let (anew, data) = pixels(&format!("t_{version}_IncludeData.osgb"));
        assert!(untouched && !anew);
        assert_eq!(file.dimensions(), data.dimensions());
        let off: u64 = file.as_raw().iter().zip(data.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        let mean = off as f64 / file.as_raw().len() as f64;
        assert!(mean < 4.0, "version {version}: {mean} of 255 off");
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
