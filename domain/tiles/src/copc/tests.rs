//! Tests of the COPC reader: against a file of another writer, against a fixture, against damage.

use std::path::PathBuf;

use object_store::local::LocalFileSystem;
use proptest::prelude::*;

use super::fixture::{Fixture, stored};
use super::*;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn fixture() -> Fixture {
    Fixture::spread("EPSG:4547", [500_000.0, 3_000_000.0, 50.0], 400.0)
}

/// A real sample, or `None` with a loud word where the samples are not beside the repository.
fn sample(name: &str) -> Option<PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3)?;
    let path = root.join("shared/samples/drone").join(name);
    if !path.exists() {
        println!("SKIPPED: {} is not there", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn every_point_of_every_node_is_read_as_it_was_written() {
    let fixture = fixture();
    runtime().block_on(async {
        let (store, path) = stored(fixture.bytes()).await;
        let file = CopcFile::open(store, path).await.unwrap();
        assert_eq!(file.crs_wkt(), Some("EPSG:4547"));
        assert_eq!(file.nodes().await.unwrap().len(), fixture.nodes.len());
        for (key, points) in &fixture.nodes {
            let node = file.node(*key).await.unwrap().unwrap();
            let bytes = file.node_bytes(&node).await.unwrap();
            let read = file.decode_node(&node, &bytes, Wanted::All).unwrap();
            assert_eq!(read.len(), points.len());
            for (n, point) in points.iter().enumerate() {
                assert_eq!(read.xyz[n].map(f64::to_bits), fixture.xyz(point).map(f64::to_bits));
                assert_eq!(read.intensity[n], point.intensity);
                assert_eq!(read.classification[n], point.class);
                assert_eq!((read.return_number[n], read.return_count[n]), (1, 2));
                assert_eq!(read.rgb.as_ref().unwrap()[n], point.rgb);
                let time = read.gps_time_s.as_ref().unwrap()[n];
                assert_eq!(time.to_bits(), point.gps_time_s.to_bits());
            }
            let shown = file.decode_node(&node, &bytes, Wanted::Display).unwrap();
            assert_eq!((shown.xyz, shown.rgb, shown.gps_time_s), (read.xyz, read.rgb, None));
        }
    });
}

#[test]
fn a_key_without_a_node_is_none_at_any_depth() {
    runtime().block_on(async {
        let (store, path) = stored(fixture().bytes()).await;
        let file = CopcFile::open(store, path).await.unwrap();
        for key in ["1-1-0-0", "2-0-0-0", "3-6-4-0", "30-0-0-0"] {
            assert_eq!(file.node(key.parse().unwrap()).await.unwrap(), None, "{key}");
        }
    });
}

#[test]
fn colours_are_judged_by_the_root_node() {
    let mut dark = fixture();
    for (_, points) in &mut dark.nodes {
        for point in points {
            point.rgb = point.rgb.map(|value| value % 256);
        }
    }
    for (fixture, eight) in [(fixture(), false), (dark, true)] {
        runtime().block_on(async {
            let (store, path) = stored(fixture.bytes()).await;
            let file = CopcFile::open(store, path).await.unwrap();
            assert_eq!(file.colors_are_8_bit().await.unwrap(), eight);
        });
    }
}

/// Figures by laspy 2.7 with lazrs.
#[test]
fn a_file_of_another_writer_gives_the_sums_that_laspy_gives() {
    let Some(path) = sample("1.2-with-color.copc.laz") else { return };
    runtime().block_on(async {
        let store = Arc::new(LocalFileSystem::new());
        let path = ObjectPath::from_absolute_path(path).unwrap();
        let file = CopcFile::open(store, path).await.unwrap();
        assert_eq!(file.header().point_count, 1_065);
        assert!(file.crs_wkt().unwrap().starts_with("COMPD_CS[\"NAD83 / Oregon LCC (m)"));
        let (mut count, mut intensity, mut class, mut red) = (0, 0_u64, 0_u64, 0_u64);
        let mut z_sum = 0.0;
        for node in file.nodes().await.unwrap() {
            let bytes = file.node_bytes(&node).await.unwrap();
            let points = file.decode_node(&node, &bytes, Wanted::All).unwrap();
            count += points.len();
            intensity += points.intensity.iter().map(|value| u64::from(*value)).sum::<u64>();
            class += points.classification.iter().map(|value| u64::from(*value)).sum::<u64>();
            red += points.rgb.unwrap().iter().map(|rgb| u64::from(rgb[0])).sum::<u64>();
            z_sum += points.xyz.iter().map(|xyz| xyz[2]).sum::<f64>();
            let [min, max] = file.info().cube(node.key);
            for xyz in &points.xyz {
                // A point on a face is as far off it as f64 rounds, coordinate and cube each in its own way.
                assert!((0..3).all(|axis| min[axis] - 1e-9 <= xyz[axis] && xyz[axis] <= max[axis] + 1e-9));
            }
        }
        assert_eq!((count, intensity, class, red), (1_065, LASPY.0, LASPY.1, LASPY.2));
        assert!((z_sum - LASPY.3).abs() < 1e-4);
    });
}

/// Sums of intensity, class, red and z of the sample.
const LASPY: (u64, u64, u64, f64) = (81_361, 1_341, 129_567, 462_314.2);

#[test]
fn a_las_file_is_told_from_copc() {
    let Some(path) = sample("autzen_trim.laz") else { return };
    runtime().block_on(async {
        let path = ObjectPath::from_absolute_path(path).unwrap();
        let error = CopcFile::open(Arc::new(LocalFileSystem::new()), path).await.unwrap_err();
        assert!(matches!(error, CopcError::NotCopc { .. }), "{error}");
    });
}

/// Opens and reads all of a file; damage may give any error, but no panic, hang or flood of memory.
fn read_all(bytes: Vec<u8>) -> Result<usize, CopcError> {
    runtime().block_on(async {
        let (store, path) = stored(bytes).await;
        let file = CopcFile::open(store, path).await?;
        let mut points = 0;
        for node in file.nodes().await? {
            let bytes = file.node_bytes(&node).await?;
            points += file.decode_node(&node, &bytes, Wanted::All)?.len();
        }
        Ok(points)
    })
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let whole = fixture().bytes();
    assert_eq!(read_all(whole.clone()).unwrap(), 2_000);
    for cut in (0..whole.len()).step_by(97) {
        let error = read_all(whole[..cut].to_vec()).expect_err("the hierarchy is at the end");
        assert!(!error.to_string().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn altered_bytes_before_the_points_are_read_or_refused(
        at in 0..900_usize, with in any::<[u8; 4]>(), length in 1..=4_usize,
    ) {
        let mut bytes = fixture().bytes();
        let end = (at + length).min(bytes.len());
        bytes[at..end].copy_from_slice(&with[..end - at]);
        if let Ok(points) = read_all(bytes) {
            prop_assert!(points <= 2_000);
        }
    }

    #[test]
    fn altered_bytes_in_points_or_hierarchy_are_read_or_refused(at in 0.0..1.0_f64, with in any::<u8>()) {
        let mut bytes = fixture().bytes();
        let at = 900 + (at * (bytes.len() - 901) as f64) as usize;
        bytes[at] = with;
        if let Ok(points) = read_all(bytes) {
            prop_assert!(points <= 4_000);
        }
    }
}
