//! Tests of the point cloud importer on real files, with laspy's figures, and on damage.

use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;
use tiles::copc::VoxelKey;

use super::survey::LasFile;
use super::*;

fn shared(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    let path = root.join("shared/samples").join(name);
    if !path.exists() {
        println!("SKIPPED: {} is not there", path.display());
        return None;
    }
    Some(path)
}

fn with_crs(crs: &str) -> Options {
    Options { crs: Some(crs.to_owned()), ..Options::default() }
}

fn convert_in(folder: &TempDir, path: &Path, options: Options) -> Result<Conversion, ImportError> {
    let (out, scratch) = (folder.path().join("out"), folder.path().join("scratch"));
    for folder in [&out, &scratch] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let job = Job { path: path.to_owned(), out, scratch, slug: "cloud".to_owned(), options };
    PointCloud.convert(&job, &Progress::silent())
}

/// Sums over all points of a finished file: points, intensity, class, red, z, GPS time.
fn sums(folder: &TempDir) -> (u64, u64, u64, u64, f64, f64) {
    let path = object_store::path::Path::from_absolute_path(folder.path().join("out").join(convert::ASSET)).unwrap();
    futures::executor::block_on(async {
        let store = std::sync::Arc::new(object_store::local::LocalFileSystem::new());
        let file = CopcFile::open(store, path).await.unwrap();
        let mut sums = (0, 0, 0, 0, 0.0, 0.0);
        for node in file.nodes().await.unwrap() {
            let bytes = file.node_bytes(&node).await.unwrap();
            let points = file.decode_node(&node, &bytes, Wanted::All).unwrap();
            sums.0 += points.len() as u64;
            sums.1 += points.intensity.iter().map(|value| u64::from(*value)).sum::<u64>();
            sums.2 += points.classification.iter().map(|value| u64::from(*value)).sum::<u64>();
            sums.3 += points.rgb.unwrap_or_default().iter().map(|rgb| u64::from(rgb[0])).sum::<u64>();
            sums.4 += points.xyz.iter().map(|xyz| xyz[2]).sum::<f64>();
            sums.5 += points.gps_time_s.unwrap().iter().sum::<f64>();
        }
        sums
    })
}

/// A file, the CRS to give, and laspy's sums over its points.
type Case = (&'static str, Option<&'static str>, (u64, u64, u64, u64, f64, f64));

const CASES: &[Case] = &[
    ("drone/autzen_trim.laz", None, (110_000, 11_220_547, 136_107, 12_255_922, 47_337_127.73, 26_992_173_910.630_77)),
    ("drone/4_6_crop.las", None, (23_875, 439_166, 32_878, 0, 169_401_233.96, 1_948_586_837_765.62)),
    ("drone/interesting.las", None, (1_065, 81_361, 1_341, 129_567, 462_314.2, 263_704_809.390_784_8)),
    (
        "drone/warsaw_small.las",
        Some("EPSG:2180"),
        (3_000, 7_534_588, 8_151, 86_255_104, 265_997.28, 620_816_390_031.440_9),
    ),
    ("broken/bad-geotiff-keys.las", Some("EPSG:32617"), (10, 2_660, 20, 0, 1_706.79, 4_994_508.060_570_548)),
];

#[test]
fn points_keep_class_colour_intensity_and_time() {
    for (name, crs, wanted) in CASES {
        let Some(path) = shared(name) else { continue };
        let folder = TempDir::new().unwrap();
        let options = crs.map(with_crs).unwrap_or_default();
        let conversion = convert_in(&folder, &path, options).unwrap();
        assert_eq!(conversion.properties["points"], wanted.0, "{name}");
        let found = sums(&folder);
        assert_eq!((found.0, found.1, found.2, found.3), (wanted.0, wanted.1, wanted.2, wanted.3), "{name}");
        assert!((found.4 - wanted.4).abs() < 1e-7 * wanted.4, "{name}: {} {}", found.4, wanted.4);
        assert!((found.5 - wanted.5).abs() <= 1e-9 * wanted.5.abs(), "{name}: {} {}", found.5, wanted.5);
    }
}

#[test]
fn damaged_files_are_named_in_words() {
    for (name, words) in [
        ("broken/garbage_nVariableLength.las", "number of variable length records"),
        ("broken/bad_vlr_count.las", "announces 3 variable length records"),
        ("broken/no-points.las", "no points"),
    ] {
        let Some(path) = shared(name) else { continue };
        let error = PointCloud.inspect(&path, &Options::default()).unwrap_err();
        assert!(error.to_string().contains(words), "{name}: {error}");
        let folder = TempDir::new().unwrap();
        convert_in(&folder, &path, with_crs("EPSG:32617")).unwrap_err();
        assert_eq!(std::fs::read_dir(folder.path().join("out")).unwrap().count(), 0);
    }
}

#[test]
fn a_cloud_without_a_usable_crs_asks_for_one() {
    for (name, words) in
        [("broken/bad-geotiff-keys.las", "GeoKey directory is damaged"), ("drone/warsaw_small.las", "--crs")]
    {
        let Some(path) = shared(name) else { continue };
        let folder = TempDir::new().unwrap();
        let error = convert_in(&folder, &path, Options::default()).unwrap_err();
        assert!(matches!(error, ImportError::Refused { .. }), "{name}: {error}");
        assert!(error.to_string().contains(words) && error.to_string().contains("--crs"), "{name}: {error}");
        let inspection = PointCloud.inspect(&path, &Options::default()).unwrap();
        assert!(inspection.problems.iter().any(|problem| problem.severity == Severity::Refusal));
    }
}

/// The same cloud states its user-defined projection as `GeoKeys` and as WKT.
#[test]
fn geokeys_of_a_user_defined_projection_say_what_the_wkt_says() {
    let Some(path) = shared("drone/autzen_trim.laz") else { return };
    let file = LasFile::open(&path).unwrap();
    let (keys, texts): (Vec<_>, Vec<_>) = file.vlrs.into_iter().partition(|vlr| vlr.record_id >= 34_735);
    let corners = [file.header.min, file.header.max];
    let [by_keys, by_text] = [keys, texts].map(|vlrs| {
        let cloud = crs::settle(&path, &Options::default(), &vlrs, None).unwrap();
        lon_lat_bounds_deg(&cloud.crs, corners).unwrap().unwrap()
    });
    for (key, text) in by_keys.iter().zip(by_text) {
        assert!((key - text).abs() < 1e-9, "{by_keys:?} {by_text:?}");
    }
    // Autzen Stadium, Eugene.
    assert!((by_keys[0] + 123.07).abs() < 0.01 && (by_keys[1] - 44.05).abs() < 0.01, "{by_keys:?}");
}

#[test]
fn feet_in_the_keys_reach_the_height_unit() {
    let Some(path) = shared("drone/4_6_crop.las") else { return };
    let inspection = PointCloud.inspect(&path, &Options::default()).unwrap();
    let height = inspection.height.unwrap();
    assert_eq!((height.unit.as_str(), height.datum.as_str()), ("us-survey-foot", "other"));
    assert!(height.datum_name.unwrap().contains("1988"));
    let folder = TempDir::new().unwrap();
    let conversion = convert_in(&folder, &path, Options::default()).unwrap();
    let [low, high] = conversion.height_range_m.unwrap();
    assert!((low - 7077.92 * 1200.0 / 3937.0).abs() < 1e-6 && (high - 7139.7 * 1200.0 / 3937.0).abs() < 1e-6);
}

#[test]
fn sound_copc_is_copied_byte_for_byte() {
    let Some(path) = shared("drone/1.2-with-color.copc.laz") else { return };
    let folder = TempDir::new().unwrap();
    convert_in(&folder, &path, Options::default()).unwrap();
    let copy = std::fs::read(folder.path().join("out").join(convert::ASSET)).unwrap();
    assert!(copy == std::fs::read(&path).unwrap());
}

#[test]
fn a_given_crs_takes_the_place_of_the_one_in_the_file() {
    let Some(path) = shared("drone/1.2-with-color.copc.laz") else { return };
    let folder = TempDir::new().unwrap();
    let conversion = convert_in(&folder, &path, with_crs("EPSG:2992")).unwrap();
    assert_eq!(conversion.crs, "EPSG:2992");
    let written = LasFile::open(&folder.path().join("out").join(convert::ASSET)).unwrap();
    let texts = written.vlrs.iter().filter(|vlr| vlr.record_id == 2112);
    let texts: Vec<_> = texts.map(|vlr| String::from_utf8_lossy(&vlr.payload).into_owned()).collect();
    assert_eq!(texts.len(), 1);
    assert!(texts[0].contains("Oregon"), "{}", texts[0]);
    assert_eq!(sums(&folder).0, 1_065);
}

/// An EPT folder of one node with raw records, as Entwine writes `binary` and `zstandard`.
fn ept_folder(folder: &Path, compressed: bool) {
    let schema = serde_json::json!([
        {"name": "X", "type": "signed", "size": 4, "scale": 0.01, "offset": 500_000},
        {"name": "Y", "type": "signed", "size": 4, "scale": 0.01, "offset": 3_000_000},
        {"name": "Z", "type": "signed", "size": 4, "scale": 0.01, "offset": 100},
        {"name": "Intensity", "type": "unsigned", "size": 2},
        {"name": "Classification", "type": "unsigned", "size": 1},
        {"name": "GpsTime", "type": "float", "size": 8},
        {"name": "Red", "type": "unsigned", "size": 2},
        {"name": "Green", "type": "unsigned", "size": 2},
        {"name": "Blue", "type": "unsigned", "size": 2}
    ]);
    let ept = serde_json::json!({
        "dataType": if compressed { "zstandard" } else { "binary" }, "points": 100, "schema": schema,
        "srs": {"authority": "EPSG", "horizontal": "4547"}, "version": "1.1.0"
    });
    for name in ["ept-hierarchy", "ept-data"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    std::fs::write(folder.join("ept.json"), ept.to_string()).unwrap();
    std::fs::write(folder.join("ept-hierarchy/0-0-0-0.json"), r#"{"0-0-0-0": 100}"#).unwrap();
    let mut records = Vec::new();
    for n in 0..100_i32 {
        for stored in [n * 100, n * -100, n] {
            records.extend(stored.to_le_bytes());
        }
        records.extend((n as u16 * 7).to_le_bytes());
        records.push((n % 3) as u8);
        records.extend(f64::from(n).to_le_bytes());
        for color in [n as u16 * 256, 1, 2] {
            records.extend(color.to_le_bytes());
        }
    }
    if compressed {
        let packed = zstd::encode_all(records.as_slice(), 3).unwrap();
        std::fs::write(folder.join("ept-data/0-0-0-0.zst"), packed).unwrap();
    } else {
        std::fs::write(folder.join("ept-data/0-0-0-0.bin"), records).unwrap();
    }
}

#[test]
fn ept_of_raw_records_becomes_copc() {
    for compressed in [false, true] {
        let folder = TempDir::new().unwrap();
        let ept = folder.path().join("ept");
        ept_folder(&ept, compressed);
        assert_eq!(PointCloud.claims(&ept), Confidence::Certain);
        let inspection = PointCloud.inspect(&ept, &Options::default()).unwrap();
        assert_eq!((inspection.counts[0].count, inspection.crs.as_deref()), (100, Some("EPSG:4547")));
        let conversion = convert_in(&folder, &ept, Options::default()).unwrap();
        assert_eq!(conversion.crs, "EPSG:4547");
        let (points, intensity, class, red, z, time) = sums(&folder);
        assert_eq!((points, intensity, class, red), (100, 4950 * 7, 99, 4950 * 256));
        assert!((z - (10_000.0 + 49.5)).abs() < 1e-6 && (time - 4950.0).abs() < 1e-9);
    }
}

#[test]
fn a_ring_or_a_path_in_an_ept_hierarchy_leads_nowhere() {
    let folder = TempDir::new().unwrap();
    ept_folder(folder.path(), false);
    for page in [r#"{"0-0-0-0": -1}"#, r#"{"../../etc/passwd": 1}"#, r#"{"0-0-0-0": 99}"#, "{"] {
        std::fs::write(folder.path().join("ept-hierarchy/0-0-0-0.json"), page).unwrap();
        let error = PointCloud.inspect(folder.path(), &Options::default()).unwrap_err();
        assert!(matches!(error, ImportError::Unreadable { .. }), "{page}: {error}");
    }
}

/// A small LAS 1.2 file in format 3 with `count` points, as a scanner's software would write it.
fn las(count: u32) -> Vec<u8> {
    let mut file = vec![0_u8; 227];
    file[..4].copy_from_slice(b"LASF");
    file[24..26].copy_from_slice(&[1, 2]);
    file[94..96].copy_from_slice(&227_u16.to_le_bytes());
    file[96..100].copy_from_slice(&227_u32.to_le_bytes());
    file[104] = 3;
    file[105..107].copy_from_slice(&34_u16.to_le_bytes());
    file[107..111].copy_from_slice(&count.to_le_bytes());
    for axis in 0..3 {
        file[131 + 8 * axis..139 + 8 * axis].copy_from_slice(&0.01_f64.to_le_bytes());
        let far = f64::from(count.saturating_sub(1)) * 0.01;
        file[179 + 16 * axis..187 + 16 * axis].copy_from_slice(&far.to_le_bytes());
    }
    for n in 0..count {
        for _ in 0..3 {
            file.extend(n.to_le_bytes());
        }
        file.extend([0; 22]);
    }
    file
}

#[test]
fn a_las_file_cut_off_in_its_points_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("cut.las");
    let whole = las(1_000);
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(PointCloud.inspect(&path, &with_crs("EPSG:4547")).unwrap().counts[0].count, 1_000);
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let error = PointCloud.inspect(&path, &with_crs("EPSG:4547")).unwrap_err();
    assert!(error.to_string().contains("number of point records"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn altered_headers_are_read_or_refused(changes in prop::collection::vec((0..227_usize, any::<u8>()), 1..12)) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("altered.las");
        let mut bytes = las(50);
        for (at, with) in changes {
            bytes[at] = with;
        }
        std::fs::write(&path, bytes).unwrap();
        if let Ok(inspection) = PointCloud.inspect(&path, &with_crs("EPSG:4978")) {
            prop_assert!(inspection.counts[0].count > 0);
        }
    }
}

#[test]
fn a_folder_of_parts_is_one_cloud() {
    let folder = TempDir::new().unwrap();
    let parts = folder.path().join("parts");
    std::fs::create_dir(&parts).unwrap();
    for name in ["a.las", "b.LAS", "c.las"] {
        std::fs::write(parts.join(name), las(200)).unwrap();
    }
    std::fs::write(parts.join("readme.txt"), "x").unwrap();
    assert_eq!(PointCloud.claims(&parts), Confidence::Content);
    let error = convert_in(&folder, &parts, with_crs("EPSG:4978")).unwrap_err();
    assert!(matches!(error, ImportError::Refused { .. }), "the centre of the Earth is no place for a survey: {error}");
    let conversion = convert_in(&folder, &parts, with_crs("EPSG:32649")).unwrap();
    assert_eq!(conversion.properties["points"], 600);
    assert_eq!(sums(&folder).0, 600);
    assert!(VoxelKey::ROOT.parent().is_none());
}

/// A LAS file whose points run from `(x, y)` to the north-east, one centimetre each.
fn las_at(x: f64, y: f64) -> Vec<u8> {
    let mut file = las(100);
    for (axis, offset) in [x, y].into_iter().enumerate() {
        file[155 + 8 * axis..163 + 8 * axis].copy_from_slice(&offset.to_le_bytes());
        file[179 + 16 * axis..187 + 16 * axis].copy_from_slice(&(offset + 0.99).to_le_bytes());
        file[187 + 16 * axis..195 + 16 * axis].copy_from_slice(&offset.to_le_bytes());
    }
    file
}

#[test]
fn an_old_datum_is_refused_until_parameters_bring_it_to_the_same_zone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("xian.las");
    std::fs::write(&path, las_at(500_000.0, 3_100_000.0)).unwrap();
    let xian = with_crs("EPSG:2382");
    let error = convert_in(&folder, &path, xian.clone()).unwrap_err();
    assert!(error.to_string().contains("--datum-parameters"), "{error}");

    let parameters = folder.path().join("p.toml");
    let text = "name = \"test\"\nfrom = \"local\"\n[four]\nfrom_crs = \"EPSG:2382\"\nto_crs = \"EPSG:4546\"\n\
                east_m = 100.0\nnorth_m = -50.0\nrotation_arcsec = 0.0\nscale_ppm = 0.0\n";
    std::fs::write(&parameters, text.replace("local", "xian80")).unwrap();
    let options = Options { datum_parameters: Some(parameters), ..xian };
    let conversion = convert_in(&folder, &path, options).unwrap();
    assert_eq!(conversion.crs, "EPSG:4546");
    let written = LasFile::open(&folder.path().join("out").join(convert::ASSET)).unwrap();
    let off = [written.header.min[0] - 500_100.0, written.header.min[1] - 3_099_950.0, written.header.max[2] - 0.99];
    assert!(off.iter().all(|off| off.abs() < 0.011), "{:?}", written.header);
    assert!(!conversion.notes.to_string().contains("100"), "parameters are secret: {}", conversion.notes);
}

#[test]
fn exchanged_axes_are_named_and_exchanged_back() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("swapped.las");
    std::fs::write(&path, las_at(3_100_000.0, 500_000.0)).unwrap();
    let error = convert_in(&folder, &path, with_crs("EPSG:4546")).unwrap_err();
    assert!(error.to_string().contains("--swap-axes"), "{error}");
    let conversion = convert_in(&folder, &path, Options { swap_axes: true, ..with_crs("EPSG:4546") }).unwrap();
    assert_eq!(conversion.properties["points"], 100);
    let written = LasFile::open(&folder.path().join("out").join(convert::ASSET)).unwrap();
    assert!((written.header.min[0] - 500_000.0).abs() < 1e-6 && (written.header.min[1] - 3_100_000.0).abs() < 1e-6);
}
