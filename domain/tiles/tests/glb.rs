//! glb and tileset reading and writing: what is written is read again, real files read as counted
//! by other programs, and hostile bytes answer with an error.

#![expect(clippy::print_stdout, reason = "a skipped test must say so")]
#![expect(clippy::float_cmp, reason = "what is only copied must stay equal to the last bit")]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tiles::glb::{
    Alpha, GlbError, IDENTITY, Image, Material, Mode, Model, Primitive, Wrap, external_uris, read, transform_point,
    write,
};
use tiles::tileset::{BoundingVolume, Content, Refine, Tile, Tileset, TilesetError};

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

fn read_file(path: &Path) -> Result<Model, GlbError> {
    let folder = path.parent().expect("a file lies in a folder").to_owned();
    read(&std::fs::read(path).expect("the sample can be read"), &mut |uri| std::fs::read(folder.join(uri)))
}

fn no_files(uri: &str) -> std::io::Result<Vec<u8>> {
    Err(std::io::Error::other(format!("{uri} was asked for")))
}

/// A square of two triangles with everything a vertex may have.
fn square() -> Model {
    Model {
        primitives: vec![Primitive {
            positions: vec![[0., 0., 0.], [1., 0., 0.], [1., 0., -1.], [0., 0.5, -1.]],
            normals: vec![[0., 1., 0.]; 4],
            uvs: vec![[0., 0.], [1., 0.], [1., 1.], [0., 1.]],
            colors: vec![[255, 128, 0, 255], [0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]],
            classification: vec![2, 6, 9, 17],
            intensity: vec![0, 1, 65534, 65535],
            indices: vec![0, 1, 2, 0, 2, 3],
            material: Some(0),
            ..Primitive::new(Mode::Triangles)
        }],
        materials: vec![Material {
            base_color: [0.5, 0.25, 1.0, 1.0],
            image: Some(0),
            wrap: [Wrap::Clamp, Wrap::Mirror],
            unlit: true,
            double_sided: true,
            alpha: Alpha::Mask(0.25),
        }],
        images: vec![Image::sniff(vec![0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3])],
        rtc_center: [0.0; 3],
    }
}

#[test]
fn a_model_is_read_as_it_was_written() {
    let model = square();
    assert_eq!(read(&write(&model).unwrap(), &mut no_files).unwrap(), model);
}

#[test]
fn more_than_65535_vertices_take_long_indices_and_fewer_short_ones() {
    for (vertices, component) in [(65_535, 5123), (65_536, 5125)] {
        let mut model = Model::default();
        model.primitives.push(Primitive {
            positions: vec![[1., 2., 3.]; vertices],
            indices: vec![0, 1, vertices as u32 - 1],
            ..Primitive::new(Mode::Triangles)
        });
        let glb = write(&model).unwrap();
        let json = String::from_utf8_lossy(&glb[20..2000.min(glb.len())]).into_owned();
        assert!(json.contains(&format!("\"componentType\":{component}")), "{json}");
        assert_eq!(read(&glb, &mut no_files).unwrap(), model);
    }
}

#[test]
fn what_can_not_be_drawn_is_not_written() {
    let change: [fn(&mut Model); 6] = [
        |model| model.primitives[0].uvs.truncate(3),
        |model| model.primitives[0].indices[0] = 4,
        |model| model.primitives[0].positions[0][1] = f32::NAN,
        |model| model.primitives[0].material = Some(1),
        |model| model.materials[0].image = Some(1),
        |model| model.images[0] = Image::sniff(b"DDS ".to_vec()),
    ];
    for (number, change) in change.into_iter().enumerate() {
        let mut model = square();
        change(&mut model);
        assert!(matches!(write(&model), Err(GlbError::Invalid { .. })), "change {number}");
    }
}

#[test]
fn an_ecef_translation_in_a_node_keeps_its_millimetres() {
    let json = br#"{"asset":{"version":"2.0"},"scenes":[{"nodes":[0]}],
        "nodes":[{"children":[1],"translation":[-2150000.123,4400000.456,4070000.789]},{"mesh":0,"rotation":[0,0,0.7071067811865476,0.7071067811865476]}],
        "meshes":[{"primitives":[{"attributes":{"POSITION":0}}]}],
        "accessors":[{"bufferView":0,"componentType":5126,"count":1,"type":"VEC3"}],
        "bufferViews":[{"buffer":0,"byteLength":12}],
        "buffers":[{"byteLength":12,"uri":"data:application/octet-stream;base64,AACAPwAAAAAAAAAA"}]}"#;
    let model = read(json, &mut no_files).unwrap();
    let p = model.primitives[0].positions[0].map(f64::from);
    let at = transform_point(&model.primitives[0].placements[0], p);
    let want = [-2_150_000.123, 4_400_001.456, 4_070_000.789];
    assert!((0..3).all(|i| (at[i] - want[i]).abs() < 1e-6), "{at:?}");
}

#[test]
fn real_models_read_with_the_counts_other_programs_find() {
    let check = |path: &str, triangles: usize, images: usize, rtc: [f64; 3]| {
        let Some(file) = samples(path) else { return };
        let model = read_file(&file).unwrap_or_else(|error| panic!("{path}: {error:?}"));
        let drawn: usize = model.primitives.iter().map(|p| p.triangle_count() * p.placements.len()).sum();
        assert_eq!((drawn, model.images.len()), (triangles, images), "{path}");
        assert_eq!(model.rtc_center, rtc, "{path}");
    };
    // CESIUM_RTC as its JSON says it.
    let center = [1_215_019.211_144_791_7, -4_736_339.477_299_974, 4_081_627.957_020_978_4];
    check("3dtiles/Tileset/parent.b3dm", 120, 0, center);
    check("3dtiles/gltf-reader/BoxTextured/BoxTextured.gltf", 12, 1, [0.0; 3]);
    check("3dtiles/gltf-reader/BoxTexturedWebp/BoxTexturedWebp.gltf", 12, 1, [0.0; 3]);
    check("3dtiles/gltf-reader/DucksMeshopt/Duck.glb", 4212, 1, [0.0; 3]);
    check("3dtiles/gltf-reader/TriangleWithoutIndices/glTF-Embedded/TriangleWithoutIndices.gltf", 1, 0, [0.0; 3]);
    check("3dtiles/gltf-reader/TriangleWithPaddingInGlbBin/TriangleWithPaddingInGlbBin.glb", 1, 0, [0.0; 3]);
}

#[test]
fn what_is_not_built_here_is_refused_by_name() {
    let check = |path: &str, name: &str| {
        let Some(file) = samples(path) else { return };
        match read_file(&file) {
            Err(GlbError::Unsupported { extension }) => assert_eq!(extension, name, "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    };
    check("3dtiles/gltf-reader/DracoCompressed/CesiumMilkTruck.gltf", "KHR_draco_mesh_compression");
    check("3dtiles/gltf-reader/DucksMeshopt/Duck-vp-12-vt-12-vn-12.glb", "EXT_meshopt_compression");
    check("3dtiles/gltf-reader/CesiumBalloon/CesiumBalloonKTX2.glb", "KHR_texture_basisu");
    check("3dtiles/i3dm/InstancedOrientation/instancedOrientation.i3dm", "i3dm");
}

#[test]
fn files_named_by_a_model_are_listed_and_asked_for() {
    let json = br#"{"asset":{"version":"2.0"},"buffers":[{"byteLength":4,"uri":"a%20b.bin"}],"images":[{"uri":"x.jpg"},{"uri":"data:image/png;base64,AA=="}]}"#;
    assert_eq!(external_uris(json).unwrap(), ["a%20b.bin", "x.jpg"]);
    assert!(matches!(read(json, &mut no_files), Err(GlbError::External { uri, .. }) if uri == "a%20b.bin"));
}

#[test]
fn hostile_models_are_errors() {
    let with = |nodes: &str, accessor: &str| {
        format!(
            r#"{{"asset":{{"version":"2.0"}},"scenes":[{{"nodes":[0]}}],"nodes":{nodes},
            "meshes":[{{"primitives":[{{"attributes":{{"POSITION":0}}}}]}}],"accessors":[{accessor}],
            "bufferViews":[{{"buffer":0,"byteLength":12}}],
            "buffers":[{{"byteLength":12,"uri":"data:;base64,AACAPwAAAAAAAAAA"}}]}}"#
        )
    };
    let good = r#"{"bufferView":0,"componentType":5126,"count":1,"type":"VEC3"}"#;
    assert_eq!(read(with(r#"[{"mesh":0}]"#, good).as_bytes(), &mut no_files).unwrap().primitives.len(), 1);
    let cases = [
        with(r#"[{"children":[0]}]"#, good),
        with(r#"[{"mesh":7}]"#, good),
        with(r#"[{"mesh":0}]"#, &good.replace("\"count\":1", "\"count\":18446744073709551615")),
        with(r#"[{"mesh":0}]"#, &good.replace("\"count\":1", "\"count\":2")),
        with(r#"[{"mesh":0}]"#, &good.replace("\"bufferView\":0", "\"bufferView\":9")),
        with(r#"[{"mesh":0}]"#, &good.replace("\"count\":1", "\"count\":1,\"byteOffset\":18446744073709551615")),
        with(r#"[{"mesh":0}]"#, &good.replace("VEC3", "MAT4")),
    ];
    for case in cases {
        let answer = read(case.as_bytes(), &mut no_files);
        assert!(matches!(answer, Err(GlbError::Invalid { .. } | GlbError::TooLarge { .. })), "{case}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_glb_never_panics(at in 0usize..2000, byte: u8, cut in 0usize..2000) {
        let mut glb = write(&square()).unwrap();
        let at = at % glb.len();
        glb[at] = byte;
        // Either answer is right; only panics and endless work are not.
        drop(read(&glb, &mut no_files));
        glb.truncate(cut % glb.len());
        prop_assert!(read(&glb, &mut no_files).is_err());
    }
}

#[test]
fn a_tileset_is_read_as_it_was_written() {
    let mut root = Tile::new(BoundingVolume::from_corners([-1., -2., -3.], [1., 2., 5.]), 32.0);
    let mut leaf = Tile::new(BoundingVolume::Sphere([1., 2., 3., 4.]), 0.0);
    leaf.content = Some(Content::new("a/b.glb"));
    leaf.transform = Some(IDENTITY);
    root.children = vec![leaf];
    let tileset = Tileset::new(root, 100.0);
    let json = tileset.to_json().unwrap();
    assert!(!String::from_utf8_lossy(&json).contains("null"));
    assert_eq!(Tileset::parse(&json).unwrap(), tileset);
}

#[test]
fn real_tilesets_read() {
    let Some(file) = samples("3dtiles/Tileset/tileset.json") else {
        return;
    };
    let tileset = Tileset::parse(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!((tileset.root.children.len(), tileset.root.refine), (4, Some(Refine::Add)));
    assert_eq!(tileset.root.iter().flat_map(Tile::all_contents).count(), 5);
    let Some(file) = samples("3dtiles/ImplicitTileset/tileset_1.1.json") else {
        return;
    };
    assert!(Tileset::parse(&std::fs::read(file).unwrap()).unwrap().root.implicit_tiling.is_some());
}

#[test]
fn hostile_tilesets_are_errors() {
    let volume = r#""boundingVolume":{"sphere":[0,0,0,1]}"#;
    let tileset = |tile: &str| format!(r#"{{"asset":{{"version":"1.1"}},"geometricError":1,"root":{{{tile}}}}}"#);
    assert!(Tileset::parse(tileset(&format!("{volume},\"geometricError\":0")).as_bytes()).is_ok());
    for tile in [
        volume.to_owned(),
        format!("{volume},\"geometricError\":-1"),
        format!("{volume},\"geometricError\":1e999"),
        format!("{volume},\"geometricError\":1,\"transform\":[1,0,0,1,0,1,0,0,0,0,1,0,0,0,0,1]"),
        r#""boundingVolume":{},"geometricError":0"#.to_owned(),
        format!("{volume},\"geometricError\":1,\"children\":").repeat(3000),
    ] {
        assert!(Tileset::parse(tileset(&tile).as_bytes()).is_err(), "{tile:.200}");
    }
    let deep = format!(
        "{}{}{}",
        format!("{{{volume},\"geometricError\":1,\"children\":[").repeat(5000),
        "",
        "]}".repeat(5000)
    );
    let deep = format!(r#"{{"asset":{{"version":"1.1"}},"geometricError":1,"root":{deep}}}"#);
    assert!(matches!(Tileset::parse(deep.as_bytes()), Err(TilesetError::Json { .. })));
}

#[test]
fn what_could_not_be_read_is_not_written() {
    let tile = Tile::new(BoundingVolume::Sphere([0., 0., 0., f64::NAN]), 0.0);
    assert!(Tileset::new(tile, 1.0).to_json().is_err());
}

#[test]
fn boxes_move_with_a_transform() {
    let shifted = BoundingVolume::from_corners([0.; 3], [2., 4., 6.])
        .transformed(&[0., 1., 0., 0., -1., 0., 0., 0., 0., 0., 1., 0., 10., 20., 30., 1.]);
    assert_eq!(shifted, BoundingVolume::Box([8., 21., 33., 0., 1., 0., -2., 0., 0., 0., 0., 3.]));
}
