//! Mesh importers end to end: real OSGB to 3D Tiles, placed as PROJ places it.

#![expect(clippy::print_stdout, reason = "a skipped test must say so")]
#![expect(clippy::panic, reason = "a failing test is a panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use geodesy::{Crs, Transform};
use importers::drone::mesh::osgb::OsgbDelivery;
use importers::drone::osgb;
use importers::importer::{Conversion, ImportError, Importer as _, Job, Options};
use importers::progress::Progress;
use tiles::glb::{self, Matrix, Model, multiply, transform_point};
use tiles::tileset::{BoundingVolume, Refine, Tile, Tileset, resolve};

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

fn convert(path: &Path, out: &Path, options: Options) -> Result<Conversion, ImportError> {
    let job =
        Job { path: path.to_owned(), out: out.to_owned(), scratch: out.to_owned(), slug: "mesh".to_owned(), options };
    OsgbDelivery.convert(&job, &Progress::silent())
}

/// A tile of a finished tileset, external ones followed.
struct Found {
    ecef_from_tile: Matrix,
    tile: Tile,
    /// Path of the content, where it is a glb.
    glb: Option<PathBuf>,
    parent_error: f64,
}

fn every_tile(out: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    let mut todo = vec![("tileset.json".to_owned(), glb::IDENTITY, f64::INFINITY)];
    while let Some((path, matrix, error)) = todo.pop() {
        let tileset = Tileset::parse(&fs::read(out.join(&path)).expect("it was written")).expect("it is valid");
        let mut stack = vec![(tileset.root, matrix, error)];
        while let Some((mut tile, matrix, parent_error)) = stack.pop() {
            let ecef_from_tile = multiply(&matrix, &tile.parent_from_tile());
            stack.extend(
                std::mem::take(&mut tile.children)
                    .into_iter()
                    .map(|child| (child, ecef_from_tile, tile.geometric_error)),
            );
            let mut glb = None;
            if let Some(content) = &tile.content {
                let uri = resolve(&path, &content.uri).expect("it stays in the folder");
                if content.is_tileset() {
                    todo.push((uri, ecef_from_tile, tile.geometric_error));
                } else {
                    glb = Some(out.join(uri));
                }
            }
            found.push(Found { ecef_from_tile, tile, glb, parent_error });
        }
    }
    found
}

fn model(path: &Path) -> Model {
    let bytes = fs::read(path).expect("the content was written");
    glb::read(&bytes, &mut |uri| Err(std::io::Error::other(uri.to_owned())))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Positions of a model in ECEF.
fn ecef(model: &Model, ecef_from_tile: &Matrix) -> Vec<[f64; 3]> {
    let matrix = multiply(ecef_from_tile, &model.tile_from_gltf());
    model.primitives.iter().flat_map(|p| &p.positions).map(|p| transform_point(&matrix, p.map(f64::from))).collect()
}

/// The parameters of production5's WKT written out by hand. WGS 84 stands for CGCS2000, whose
/// ellipsoid is 0.1 mm away.
const PRODUCTION5: &str =
    "+proj=tmerc +lat_0=0 +lon_0=113.37 +k=1 +x_0=500000 +y_0=90 +datum=WGS84 +units=m +no_defs +type=crs";
const PRODUCTION5_ORIGIN: [f64; 3] = [501_027.524, 2_488_718.808, 0.0];

/// Vertices, and JPEGs.
type Source = (Vec<[f64; 3]>, Vec<Vec<u8>>);

/// Vertices and JPEGs of one OSGB file in the order of the file.
fn source_of(file: &Path) -> Source {
    fn walk(node: &osgb::Node, vertices: &mut Vec<[f64; 3]>, jpegs: &mut Vec<Vec<u8>>) {
        match &node.content {
            osgb::NodeContent::Nothing => {}
            osgb::NodeContent::Group { children, .. } => children.iter().for_each(|child| walk(child, vertices, jpegs)),
            osgb::NodeContent::Lod(lod) => {
                lod.levels.iter().filter_map(|level| level.node.as_ref()).for_each(|node| walk(node, vertices, jpegs));
            }
            osgb::NodeContent::Geode(geometries) => {
                for geometry in geometries {
                    vertices.extend(&geometry.positions);
                    let picture = geometry
                        .state
                        .as_ref()
                        .and_then(|state| state.picture.as_ref())
                        .expect("real tiles are textured");
                    if let osgb::PictureContent::File(bytes) = &picture.content {
                        jpegs.push(bytes.clone());
                    }
                }
            }
        }
    }
    let scene = osgb::read(&fs::read(file).expect("the sample can be read")).expect("the sample is valid");
    let (mut vertices, mut jpegs) = (Vec::new(), Vec::new());
    walk(&scene.root, &mut vertices, &mut jpegs);
    (vertices, jpegs)
}

#[test]
fn a_real_delivery_becomes_tiles_where_proj_puts_every_vertex() {
    let Some(folder) = samples("osgb/production5") else { return };
    let out = tempfile::tempdir().unwrap();
    let conversion = convert(&folder, out.path(), Options::default()).unwrap();
    assert_eq!(conversion.properties["triangles"], 200_760);
    assert_eq!(conversion.notes["files"], 22);
    assert!(conversion.warnings.iter().any(|warning| warning.code == "crs-doubtful"));
    assert!(conversion.warnings.iter().any(|warning| warning.code == "dangling-child" && warning.unit.contains("L20")));

    // Written out as a PROJ string: the reading of the WKT is not trusted here.
    let oracle = Transform::new(&Crs::from_user_input(PRODUCTION5).unwrap(), &Crs::ecef()).unwrap();
    let tiles = every_tile(out.path());
    let mut by_file = BTreeMap::<String, Vec<Source>>::new();
    for found in tiles.iter().filter(|found| found.glb.is_some()) {
        let path = found.glb.as_ref().unwrap();
        let stem = path.file_name().unwrap().to_string_lossy().split('.').next().unwrap().to_owned();
        let model = model(path);
        let jpegs = model.images.iter().map(|image| image.bytes.clone()).collect();
        by_file.entry(stem).or_default().push((ecef(&model, &found.ecef_from_tile), jpegs));
    }
    let (mut vertices, mut worst_m) = (0, 0.0_f64);
    for entry in walkdir::WalkDir::new(folder.join("Data")).into_iter().map(Result::unwrap) {
        if entry.path().extension().is_none_or(|extension| extension != "osgb") {
            continue;
        }
        let (mut want, want_jpegs) = source_of(entry.path());
        for p in &mut want {
            *p = std::array::from_fn(|i| p[i] + PRODUCTION5_ORIGIN[i]);
        }
        oracle.points_3d(&mut want).unwrap();
        let stem = entry.path().file_stem().unwrap().to_string_lossy().replace('+', "");
        let found = by_file.remove(&stem).unwrap_or_else(|| panic!("{stem} has no tile"));
        let (have, have_jpegs): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let (have, mut have_jpegs) = (have.concat(), have_jpegs.concat());
        // Tiles of one file may stand in another order than in the file: compare as sets.
        let sorted = |mut points: Vec<[f64; 3]>| {
            points.sort_by(|a, b| a[0].total_cmp(&b[0]));
            points
        };
        let (have, want) = (sorted(have), sorted(want));
        assert_eq!(have.len(), want.len(), "{stem}");
        for p in &want {
            let start = have.partition_point(|q| q[0] < p[0] - 0.001);
            let nearest = have[start..]
                .iter()
                .take_while(|q| q[0] < p[0] + 0.001)
                .map(|q| (0..3).map(|i| (p[i] - q[i]).powi(2)).sum::<f64>().sqrt());
            worst_m = worst_m.max(nearest.fold(f64::INFINITY, f64::min));
        }
        vertices += want.len();
        let mut want_jpegs = want_jpegs;
        want_jpegs.sort();
        have_jpegs.sort();
        want_jpegs.dedup();
        have_jpegs.dedup();
        assert_eq!(have_jpegs, want_jpegs, "{stem}");
    }
    println!("{vertices} vertices, worst {worst_m} m");
    assert!(by_file.is_empty());
    assert!(worst_m < 5e-4, "{worst_m} m");
    check_tileset(&tiles);
}

/// What every tileset of ours keeps: errors fall, boxes hold their content, leaves have no error.
fn check_tileset(tiles: &[Found]) {
    for found in tiles {
        assert!(found.tile.geometric_error <= found.parent_error);
        let BoundingVolume::Box(b) = found.tile.bounding_volume else { panic!("our volumes are boxes") };
        let Some(path) = &found.glb else { continue };
        assert_eq!(found.tile.refine, Some(Refine::Replace));
        let to_tile = model(path).tile_from_gltf();
        for p in model(path).primitives.iter().flat_map(|p| &p.positions) {
            let p = transform_point(&to_tile, p.map(f64::from));
            for axis in 0..3 {
                assert!((p[axis] - b[axis]).abs() <= b[3 + 4 * axis] + 1e-3, "{}", path.display());
            }
        }
    }
    let leaves = tiles.iter().filter(|found| found.tile.geometric_error == 0.0).count();
    assert!(leaves > 0);
}

/// A delivery of one small tile with this `metadata.xml`.
fn small_delivery(metadata: Option<&str>) -> Option<tempfile::TempDir> {
    let tile = samples("osgb/fanvanzh/test.osgb")?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let block = folder.path().join("Data/Tile_+000_+000");
    fs::create_dir_all(&block).expect("a folder can be made");
    fs::copy(tile, block.join("Tile_+000_+000.osgb")).expect("the sample can be copied");
    if let Some(metadata) = metadata {
        fs::write(folder.path().join("metadata.xml"), metadata).expect("a file can be written");
    }
    Some(folder)
}

fn metadata(srs: &str, origin: &str) -> String {
    format!("<ModelMetadata version=\"1\"><SRS>{srs}</SRS><SRSOrigin>{origin}</SRSOrigin></ModelMetadata>")
}

#[test]
fn every_form_of_srs_puts_the_model_where_it_says() {
    // 114 E is the meridian of EPSG:4547, so easting 500000 is exactly there.
    let check = |srs: &str, origin: &str, want: [f64; 3]| {
        let Some(folder) = small_delivery(Some(&metadata(srs, origin))) else { return };
        let out = tempfile::tempdir().unwrap();
        let conversion =
            convert(folder.path(), out.path(), Options::default()).unwrap_or_else(|error| panic!("{srs}: {error}"));
        let have: [f64; 3] = serde_json::from_value(conversion.properties["origin_lon_lat_height"].clone()).unwrap();
        let near =
            (have[0] - want[0]).abs() < 1e-7 && (have[1] - want[1]).abs() < 1e-7 && (have[2] - want[2]).abs() < 1e-3;
        assert!(near, "{srs} {origin}: {have:?}");
        assert_eq!(conversion.properties["triangles"], 114);
        let [west, south, east, north] = conversion.bounds_lon_lat_deg;
        assert!((west - want[0]).abs() < 0.02 && (east - want[0]).abs() < 0.02, "{srs}: {west} {east}");
        assert!((south - want[1]).abs() < 0.02 && (north - want[1]).abs() < 0.02, "{srs}: {south} {north}");
    };
    check("ENU:28.5,109.7", "0,0,0", [109.7, 28.5, 0.0]);
    check("ENU: 28.5, 109.7", "0,0,12.5", [109.7, 28.5, 12.5]);
    let [_, lat, _] = northing_3_000_000();
    check("EPSG:4547", "500000,3000000,7", [114.0, lat, 7.0]);
    check("4547", "500000,3000000", [114.0, lat, 0.0]);
    check("EPSG:4978", "-2187149.6,5323218.2,2742930.1", lon_lat_of([-2_187_149.6, 5_323_218.2, 2_742_930.1]));
}

fn northing_3_000_000() -> [f64; 3] {
    let from = Crs::from_user_input("+proj=tmerc +lat_0=0 +lon_0=114 +k=1 +x_0=500000 +y_0=0 +datum=WGS84 +type=crs")
        .expect("PROJ knows it");
    let mut point = [[500_000.0, 3_000_000.0, 0.0]];
    Transform::new(&from, &Crs::wgs84()).expect("PROJ knows it").points_3d(&mut point).expect("PROJ knows it");
    point[0]
}

fn lon_lat_of(ecef: [f64; 3]) -> [f64; 3] {
    geodesy::frame::lon_lat_height_deg_from_ecef(ecef)
}

#[test]
fn a_model_nobody_placed_is_refused_and_the_command_line_places_it() {
    let refused = |metadata: Option<&str>, options: Options, word: &str| {
        let Some(folder) = small_delivery(metadata) else { return };
        let out = tempfile::tempdir().unwrap();
        let error = convert(folder.path(), out.path(), options).expect_err("it should be refused");
        let text = error.to_string();
        assert!(matches!(error, ImportError::Refused { .. } | ImportError::Unreadable { .. }), "{text}");
        assert!(text.contains(word), "{text} does not say {word}");
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0, "something was written");
    };
    let none = Options::default;
    refused(None, none(), "--origin");
    refused(Some("<ModelMetadata><SRS>"), none(), "XML");
    refused(Some(&metadata("", "1,2,3")), none(), "--crs");
    refused(Some(&metadata("EPSG:4547", "500000")), none(), "SRSOrigin");
    refused(Some(&metadata("EPSG:4547", "500000,x,0")), none(), "SRSOrigin");
    refused(Some(&metadata("EPSG:4490", "114,27,0")), none(), "ENU");
    refused(Some(&metadata("ENU:109.7,28.5", "0,0,0")), none(), "ENU");
    refused(Some(&metadata("nowhere", "0,0,0")), none(), "坐标系");
    // Easting and northing exchanged; the zone's number where the system has none.
    refused(Some(&metadata("EPSG:4547", "3000000,500000,0")), none(), "--swap-axes");
    refused(Some(&metadata("EPSG:4547", "38500000,3000000,0")), none(), "EPSG:4526");
    // Xi'an 80: the datum needs the surveyor's parameters.
    refused(Some(&metadata("EPSG:2343", "500000,3000000,0")), none(), "CGCS2000");

    let Some(folder) = small_delivery(None) else { return };
    let out = tempfile::tempdir().unwrap();
    let options = Options {
        crs: Some("EPSG:4547".to_owned()),
        origin: Some(vec![500_000.0, 3_000_000.0]),
        height_datum: Some("normal_1985".to_owned()),
        ..Options::default()
    };
    let conversion = convert(folder.path(), out.path(), options).unwrap();
    assert_eq!(conversion.height.unwrap().datum, "normal_1985");
    assert!(conversion.warnings.iter().all(|warning| warning.code == "dangling-child"), "{:?}", conversion.warnings);
}

#[test]
fn one_broken_tile_costs_its_own_detail_and_nothing_else() {
    let Some(folder) = samples("osgb/production5") else { return };
    let copy = tempfile::tempdir().unwrap();
    for entry in walkdir::WalkDir::new(&folder).into_iter().map(Result::unwrap) {
        let to = copy.path().join(entry.path().strip_prefix(&folder).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(to).unwrap();
        } else if !entry.path().to_string_lossy().contains("_012_L19") {
            fs::copy(entry.path(), to).unwrap();
        }
    }
    let broken = copy.path().join("Data/Tile_+000_+013/Tile_+000_+013_L19_0uuuu3.osgb");
    let bytes = fs::read(&broken).unwrap();
    fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
    fs::write(copy.path().join("Data/Tile_+000_+012/Tile_+000_+012.osgb"), b"not a tile").unwrap();
    fs::create_dir(copy.path().join("Data/Tile_+000_+014")).unwrap();
    fs::write(copy.path().join("Data/Tile_+000_+014/Tile_+000_+014_L20_0.osgb"), b"").unwrap();

    let out = tempfile::tempdir().unwrap();
    let conversion = convert(copy.path(), out.path(), Options::default()).unwrap();
    let named = |code: &str| -> Vec<&str> {
        conversion.warnings.iter().filter(|warning| warning.code == code).map(|warning| warning.unit.as_str()).collect()
    };
    assert_eq!(named("tile-unreadable"), ["Tile_+000_+013/Tile_+000_+013_L19_0uuuu3.osgb"]);
    assert_eq!(named("block-left-out"), ["Tile_+000_+012/Tile_+000_+012.osgb"]);
    assert_eq!(named("block-without-root"), ["Tile_+000_+014"]);
    check_tileset(&every_tile(out.path()));
}
