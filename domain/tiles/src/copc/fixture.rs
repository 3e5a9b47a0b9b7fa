//! A small COPC file made in memory for tests: known points, two pages of hierarchy.

use std::io::Cursor;
use std::sync::Arc;

use laz::laszip::LazVlrBuilder;
use laz::record::{LayeredPointRecordCompressor, RecordCompressor as _};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::VoxelKey;

/// A point in format 7.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FixturePoint {
    /// Stored integers.
    pub(crate) stored: [i32; 3],
    pub(crate) intensity: u16,
    pub(crate) class: u8,
    pub(crate) rgb: [u16; 3],
    pub(crate) gps_time_s: f64,
}

/// What the file is made of.
#[derive(Debug, Clone)]
pub(crate) struct Fixture {
    /// Nodes in file order; those below level 1 go to a second page.
    pub(crate) nodes: Vec<(VoxelKey, Vec<FixturePoint>)>,
    pub(crate) scale: f64,
    pub(crate) offset: [f64; 3],
    pub(crate) center: [f64; 3],
    pub(crate) half_size: f64,
    pub(crate) wkt: Option<String>,
}

impl Fixture {
    /// Points spread over the root, two of its halves and one half of a half.
    pub(crate) fn spread(wkt: &str, offset: [f64; 3], half_size: f64) -> Self {
        let scale = half_size / 1_000_000.0;
        let keys = [(0, 0, 0, 0), (1, 0, 0, 0), (1, 1, 1, 0), (2, 3, 2, 0)];
        let nodes = keys.map(|(level, x, y, z)| {
            let key = VoxelKey::new(level, x, y, z).unwrap();
            let edge = 2_000_000 >> level;
            let points = (0..500_i32).map(|n| {
                let along = |index: u32, step: i32| index.cast_signed() * edge + (n * step) % edge - 1_000_000;
                FixturePoint {
                    stored: [along(x, 7_919), along(y, 104_729), along(z, 1_299_709)],
                    intensity: n as u16 * 3,
                    class: (n % 7) as u8,
                    rgb: [n as u16 * 100, 65_535 - n as u16, 257],
                    gps_time_s: f64::from(n) * 0.001,
                }
            });
            (key, points.collect())
        });
        Self { nodes: nodes.to_vec(), scale, offset, center: offset, half_size, wkt: Some(wkt.to_owned()) }
    }

    /// The coordinates of a point as a reader must see them.
    pub(crate) fn xyz(&self, point: &FixturePoint) -> [f64; 3] {
        std::array::from_fn(|axis| f64::from(point.stored[axis]) * self.scale + self.offset[axis])
    }

    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let laz = LazVlrBuilder::default().with_point_format(7, 0).unwrap().with_variable_chunk_size().build();
        let mut laz_payload = Vec::new();
        laz.write_to(&mut laz_payload).unwrap();

        let mut records = vlr("copc", 1, &[0; 160]);
        records.extend(vlr("laszip encoded", 22_204, &laz_payload));
        if let Some(wkt) = &self.wkt {
            records.extend(vlr("LASF_Projection", 2_112, wkt.as_bytes()));
        }
        let vlr_count = if self.wkt.is_some() { 3 } else { 2 };
        let data_offset = 375 + records.len();

        let mut data = vec![0; 8];
        let mut entries: [Vec<u8>; 2] = Default::default();
        for (key, points) in &self.nodes {
            let start = data.len();
            if !points.is_empty() {
                let mut chunk = Cursor::new(Vec::new());
                let mut compressor = LayeredPointRecordCompressor::new(&mut chunk);
                compressor.set_fields_from(laz.items()).unwrap();
                for point in points {
                    compressor.compress_next(&record(point)).unwrap();
                }
                compressor.done().unwrap();
                drop(compressor);
                data.extend(chunk.into_inner());
            }
            let place = (data_offset + start) as u64;
            let page = usize::from(key.level > 1);
            entries[page].extend(entry(*key, place, data.len() - start, i32::try_from(points.len()).unwrap()));
        }
        let [mut first, second] = entries;
        let evlr_at = data_offset + data.len();
        let first_at = evlr_at + 60;
        let first_bytes = first.len() + if second.is_empty() { 0 } else { 32 };
        if let Some((key, _)) = self.nodes.iter().find(|(key, _)| key.level > 1) {
            first.extend(entry(*key, (first_at + first_bytes) as u64, second.len(), -1));
        }

        let mut file = self.header(data_offset, vlr_count, evlr_at);
        let mut info = Vec::new();
        for value in [self.center[0], self.center[1], self.center[2], self.half_size, self.half_size / 64.0] {
            info.extend(value.to_le_bytes());
        }
        info.extend((first_at as u64).to_le_bytes());
        info.extend((first_bytes as u64).to_le_bytes());
        records[54..54 + info.len()].copy_from_slice(&info);
        file.extend(records);
        file.extend(data);
        file.extend(evlr_header("copc", 1_000, first.len() + second.len()));
        file.extend(first);
        file.extend(second);
        file
    }

    fn header(&self, data_offset: usize, vlr_count: u32, evlr_at: usize) -> Vec<u8> {
        let points = || self.nodes.iter().flat_map(|(_, points)| points);
        let bound = |axis: usize, pick: fn(f64, f64) -> f64| {
            points().map(|point| self.xyz(point)[axis]).reduce(pick).unwrap_or_default()
        };
        let mut header = vec![0; 375];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"LASF");
        put(6, &0x11_u16.to_le_bytes());
        put(24, &[1, 4]);
        put(94, &375_u16.to_le_bytes());
        put(96, &(data_offset as u32).to_le_bytes());
        put(100, &vlr_count.to_le_bytes());
        put(104, &[0x87]);
        put(105, &36_u16.to_le_bytes());
        for axis in 0..3 {
            put(131 + 8 * axis, &self.scale.to_le_bytes());
            put(155 + 8 * axis, &self.offset[axis].to_le_bytes());
            put(179 + 16 * axis, &bound(axis, f64::max).to_le_bytes());
            put(187 + 16 * axis, &bound(axis, f64::min).to_le_bytes());
        }
        put(235, &(evlr_at as u64).to_le_bytes());
        put(243, &1_u32.to_le_bytes());
        put(247, &(points().count() as u64).to_le_bytes());
        header
    }
}

/// A store that holds `bytes` at `points.copc.laz`.
pub(crate) async fn stored(bytes: Vec<u8>) -> (Arc<dyn ObjectStore>, Path) {
    let (store, path) = (InMemory::new(), Path::from("points.copc.laz"));
    store.put(&path, bytes.into()).await.unwrap();
    (Arc::new(store), path)
}

fn record(point: &FixturePoint) -> Vec<u8> {
    let mut record = Vec::with_capacity(36);
    record.extend(point.stored.iter().flat_map(|value| value.to_le_bytes()));
    record.extend(point.intensity.to_le_bytes());
    record.extend([0x21, 0, point.class, 0, 0, 0, 0, 0]);
    record.extend(point.gps_time_s.to_le_bytes());
    record.extend(point.rgb.iter().flat_map(|value| value.to_le_bytes()));
    record
}

fn entry(key: VoxelKey, offset: u64, bytes: usize, points: i32) -> Vec<u8> {
    let mut entry = Vec::with_capacity(32);
    for index in [u32::from(key.level), key.x, key.y, key.z] {
        entry.extend(index.to_le_bytes());
    }
    entry.extend(offset.to_le_bytes());
    entry.extend((bytes as u32).to_le_bytes());
    entry.extend(points.to_le_bytes());
    entry
}

fn vlr(user_id: &str, record_id: u16, payload: &[u8]) -> Vec<u8> {
    let mut vlr = vec![0; 54];
    vlr[2..2 + user_id.len()].copy_from_slice(user_id.as_bytes());
    vlr[18..20].copy_from_slice(&record_id.to_le_bytes());
    vlr[20..22].copy_from_slice(&(payload.len() as u16).to_le_bytes());
    vlr.extend(payload);
    vlr
}

fn evlr_header(user_id: &str, record_id: u16, payload_bytes: usize) -> Vec<u8> {
    let mut evlr = vec![0; 60];
    evlr[2..2 + user_id.len()].copy_from_slice(user_id.as_bytes());
    evlr[18..20].copy_from_slice(&record_id.to_le_bytes());
    evlr[20..28].copy_from_slice(&(payload_bytes as u64).to_le_bytes());
    evlr
}
