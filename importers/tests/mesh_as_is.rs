//! Models and tilesets that are registered as they are: the bytes stay, the place is right.

#![expect(clippy::print_stdout, reason = "a skipped test must say so")]

use std::fs;
use std::path::{Path, PathBuf};

use geodesy::{Crs, Transform};
use importers::drone::mesh::glb::GlbFile;
use importers::drone::mesh::tiles_folder::TilesFolder;
use importers::importer::{Confidence, Conversion, ImportError, Importer, Job, Options};
use importers::progress::Progress;
use tiles::glb::{self, multiply, transform_point};
use tiles::tileset::Tileset;

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

fn convert(importer: &dyn Importer, path: &Path, out: &Path, options: Options) -> Result<Conversion, ImportError> {
    assert_eq!(importer.claims(path), Confidence::Certain);
    let job =
        Job { path: path.to_owned(), out: out.to_owned(), scratch: out.to_owned(), slug: "mesh".to_owned(), options };
    importer.convert(&job, &Progress::silent())
}

fn placed() -> Options {
    Options {
        crs: Some("EPSG:4546".to_owned()),
        origin: Some(vec![572_000.0, 3_133_000.0, 210.0]),
        ..Options::default()
    }
}

#[test]
fn a_tileset_is_copied_byte_for_byte_and_stands_where_it_stood() {
    let Some(folder) = samples("3dtiles/Tileset") else { return };
    let out = tempfile::tempdir().unwrap();
    let conversion = convert(&TilesFolder, &folder, out.path(), Options::default()).unwrap();
    for name in ["tileset.json", "parent.b3dm", "ll.b3dm", "lr.b3dm", "ul.b3dm", "ur.b3dm"] {
        assert_eq!(fs::read(out.path().join("tiles").join(name)).unwrap(), fs::read(folder.join(name)).unwrap());
    }
    assert!(!out.path().join("tiles/README.md").exists(), "only what is named is published");
    // The region of its root, in degrees.
    let want =
        [-1.319_720_959_179_610_6_f64, 0.698_842_421_8, -1.319_639_040_820_389_3, 0.698_905_578_2].map(f64::to_degrees);
    assert!(conversion.bounds_lon_lat_deg.iter().zip(want).all(|(have, want)| (have - want).abs() < 1e-9));
    assert_eq!((&conversion.properties["tiles"], &conversion.properties["triangles"]), (&5.into(), &600.into()));
    assert!(conversion.warnings.is_empty(), "{:?}", conversion.warnings);
    let root = Tileset::parse(&fs::read(out.path().join("tileset.json")).unwrap()).unwrap();
    assert_eq!(root.root.content.unwrap().uri, "tiles/tileset.json");
}

#[test]
fn implicit_tiles_and_instances_come_along() {
    let Some(file) = samples("3dtiles/ImplicitTileset/tileset_1.1.json") else { return };
    let folder = tempfile::tempdir().unwrap();
    for entry in walkdir::WalkDir::new(file.parent().unwrap()).into_iter().map(Result::unwrap) {
        let name = entry.path().strip_prefix(file.parent().unwrap()).unwrap();
        if entry.file_type().is_dir() {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        } else {
            let name = if entry.path() == file { Path::new("tileset.json") } else { name };
            fs::copy(entry.path(), folder.path().join(name)).unwrap();
        }
    }
    let out = tempfile::tempdir().unwrap();
    let conversion = convert(&TilesFolder, folder.path(), out.path(), Options::default()).unwrap();
    assert!(out.path().join("tiles/content/1/1/0.b3dm").is_file());
    assert!(out.path().join("tiles/subtrees/0.0.0.json").is_file());
    assert_eq!(conversion.warnings[0].code, "implicit-tiling");

    let Some(instances) = samples("3dtiles/i3dm/InvalidFeatureTable") else { return };
    let out = tempfile::tempdir().unwrap();
    convert(&TilesFolder, &instances, out.path(), placed()).unwrap();
    assert!(out.path().join("tiles/Triangle.glb").is_file(), "the model an i3dm names comes along");
}

#[test]
fn a_tileset_that_reaches_out_is_refused_and_one_with_holes_says_which() {
    let write = |contents: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let children: Vec<String> = contents
            .iter()
            .map(|uri| format!(r#"{{"boundingVolume":{{"region":[1.9,0.5,1.91,0.51,0,9]}},"geometricError":0,"content":{{"uri":"{uri}"}}}}"#))
            .collect();
        let json = format!(
            r#"{{"asset":{{"version":"1.1"}},"geometricError":9,"root":{{"boundingVolume":{{"region":[1.9,0.5,1.91,0.51,0,9]}},"geometricError":9,"refine":"ADD","children":[{}]}}}}"#,
            children.join(",")
        );
        fs::write(folder.path().join("tileset.json"), json).unwrap();
        fs::write(folder.path().join("no.glb"), b"nothing").unwrap();
        fs::write(folder.path().join("bad.glb"), b"glTF\x02\0\0\0\xFF\0\0\0").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("link.glb")).unwrap();
        folder
    };
    for uri in ["../x.glb", "%2e%2e/x.glb", "/etc/hostname", "https://example.org/x.glb", "link.glb"] {
        let out = tempfile::tempdir().unwrap();
        let error = convert(&TilesFolder, write(&[uri]).path(), out.path(), Options::default()).unwrap_err();
        assert!(matches!(error, ImportError::Refused { .. }), "{uri}: {error}");
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0, "{uri}");
    }
    let out = tempfile::tempdir().unwrap();
    let folder = write(&["gone.glb", "no.glb", "bad.glb"]);
    let conversion = convert(&TilesFolder, folder.path(), out.path(), Options::default()).unwrap();
    let warnings: Vec<(&str, &str)> = conversion.warnings.iter().map(|w| (w.code.as_str(), w.unit.as_str())).collect();
    assert_eq!(
        warnings,
        [("content-damaged", "bad.glb"), ("content-missing", "gone.glb"), ("content-unknown", "no.glb")]
    );
}

#[test]
fn a_glb_stands_where_proj_puts_its_vertices() {
    let Some(file) = samples("3dtiles/gltf-reader/DucksMeshopt/Duck.glb") else { return };
    let out = tempfile::tempdir().unwrap();
    let conversion = convert(&GlbFile, &file, out.path(), placed()).unwrap();
    let bytes = fs::read(out.path().join("tiles/model.glb")).unwrap();
    assert_eq!(bytes, fs::read(&file).unwrap());
    let tileset = Tileset::parse(&fs::read(out.path().join("tileset.json")).unwrap()).unwrap();
    let model = glb::read(&bytes, &mut |_| Err(std::io::ErrorKind::NotFound.into())).unwrap();
    // EPSG:4546 written out: 3-degree zone of 111 E.
    let crs = "+proj=tmerc +lat_0=0 +lon_0=111 +k=1 +x_0=500000 +y_0=0 +datum=WGS84 +units=m +no_defs +type=crs";
    let oracle = Transform::new(&Crs::from_user_input(crs).unwrap(), &Crs::ecef()).unwrap();
    let mut worst_m = 0.0_f64;
    for primitive in &model.primitives {
        let z_up = multiply(&model.tile_from_gltf(), &primitive.placements[0]);
        for p in &primitive.positions {
            let local = transform_point(&z_up, p.map(f64::from));
            let have = transform_point(&tileset.root.parent_from_tile(), local);
            let mut want = [[572_000.0 + local[0], 3_133_000.0 + local[1], 210.0 + local[2]]];
            oracle.points_3d(&mut want).unwrap();
            worst_m = worst_m.max((0..3).map(|i| (have[i] - want[0][i]).powi(2)).sum::<f64>().sqrt());
        }
    }
    assert!(worst_m < 5e-4, "{worst_m} m");
    assert_eq!(conversion.properties["triangles"], 4212);
}

#[test]
fn models_without_a_place_or_beyond_our_reading_are_refused_in_words() {
    let check = |path: &str, options: Options, word: &str| {
        let Some(file) = samples(path) else { return };
        let out = tempfile::tempdir().unwrap();
        let error = convert(&GlbFile, &file, out.path(), options).expect_err("it should be refused").to_string();
        assert!(error.contains(word), "{error} does not say {word}");
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
    };
    check("3dtiles/gltf-reader/DucksMeshopt/Duck.glb", Options::default(), "--origin");
    check("3dtiles/gltf-reader/DracoCompressed/CesiumMilkTruck.gltf", placed(), "KHR_draco_mesh_compression");
    check("3dtiles/gltf-reader/SpzSplat/basic.glb", placed(), "KHR_gaussian_splatting");
}

#[test]
fn a_gltf_takes_its_files_along() {
    let Some(file) = samples("3dtiles/gltf-reader/BoxTexturedWebp/BoxTexturedWebp.gltf") else { return };
    let out = tempfile::tempdir().unwrap();
    let conversion = convert(&GlbFile, &file, out.path(), placed()).unwrap();
    for name in ["model.gltf", "BoxTextured0.bin", "CesiumLogoFlat.webp"] {
        assert!(out.path().join("tiles").join(name).is_file(), "{name}");
    }
    let [west, south, ..] = conversion.bounds_lon_lat_deg;
    assert!((west - 111.73).abs() < 0.02 && (south - 28.31).abs() < 0.02, "{west} {south}");
}
