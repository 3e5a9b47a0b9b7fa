//! Entwine point tile folders (`ept.json`): an octree of files, LAZ or raw records.
//!
//! LAZ nodes are taken as they are. Raw records (`binary`, `zstandard`) are rewritten as LAS 1.4 into
//! a scratch folder, node by node, so that what follows knows LAS only. Nothing outside the folder is
//! ever opened: names come from octree keys, not from text in the files.
//!
//! Source: Entwine Point Tile format 1.1 (entwine.io).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;

use serde::Deserialize;
use tiles::copc::VoxelKey;

use super::delivery::Delivery;
use super::survey::{LasFile, bilingual};
use crate::importer::{ImportError, Text};

/// Largest JSON file read: a hierarchy of two million nodes.
const JSON_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// More nodes than this are refused.
const NODES_MAX: usize = 5_000_000;

/// Points of one raw node held in memory at once.
const NODE_BYTES_MAX: u64 = 1 << 30;

/// The part of `ept.json` that matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ept {
    data_type: String,
    points: u64,
    schema: Vec<Field>,
    #[serde(default)]
    srs: Srs,
    #[serde(default)]
    version: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Srs {
    authority: Option<String>,
    horizontal: Option<String>,
    vertical: Option<String>,
    wkt: Option<String>,
}

/// One field of a raw record.
#[derive(Debug, Clone, Deserialize)]
struct Field {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    size: usize,
    scale: Option<f64>,
    offset: Option<f64>,
}

/// Whether a path is an EPT folder or its `ept.json`.
pub(super) fn is_ept(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "ept.json") || path.join("ept.json").is_file()
}

/// Opens an EPT folder; raw nodes are rewritten into `scratch`, or counted only where there is none.
pub(super) fn open(path: &Path, scratch: Option<&Path>) -> Result<Delivery, ImportError> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let ept: Ept = json(&folder.join("ept.json"))?;
    let nodes = hierarchy(folder)?;
    let counted: u64 = nodes.values().sum();
    if counted != ept.points {
        return Err(ImportError::unreadable(
            path,
            Text::new(
                format!("ept.json 声明 {} 个点，层次文件共 {counted} 个", ept.points),
                format!("ept.json announces {} points, the hierarchy has {counted}", ept.points),
            ),
        ));
    }
    let data = folder.join("ept-data");
    let mut delivery = Delivery {
        files: Vec::new(),
        format: format!("EPT {} ({})", ept.version, ept.data_type),
        crs_aside: ept.srs.text(),
        points_claimed: Some(ept.points),
    };
    let nodes = nodes.into_iter().filter(|(_, points)| *points > 0);
    let raw = match ept.data_type.as_str() {
        "laszip" => None,
        "binary" => Some("bin"),
        "zstandard" => Some("zst"),
        other => {
            return Err(ImportError::unreadable(
                path,
                Text::new(format!("不支持的 EPT 数据类型 {other}"), format!("EPT data type {other} is not known")),
            ));
        }
    };
    for (key, points) in nodes {
        let file = match (raw, scratch) {
            (None, _) => LasFile::open(&data.join(format!("{key}.laz")))?,
            (Some(extension), Some(scratch)) => {
                let from = data.join(format!("{key}.{extension}"));
                let to = scratch.join(format!("{key}.las"));
                rewrite(&from, &to, &ept.schema, points)?;
                LasFile::open(&to)?
            }
            // Looked at only: one node shows fields and CRS of all.
            (Some(_), None) => break,
        };
        if file.header.point_count != points {
            return Err(ImportError::unreadable(
                &file.path,
                Text::new(
                    format!("节点有 {} 个点，层次文件说 {points} 个", file.header.point_count),
                    format!("the node has {} points, the hierarchy says {points}", file.header.point_count),
                ),
            ));
        }
        delivery.files.push(file);
    }
    if scratch.is_some() || raw.is_none() {
        delivery.check(path)?;
    }
    Ok(delivery)
}

impl Srs {
    fn text(&self) -> Option<String> {
        let wkt = self.wkt.clone().filter(|wkt| !wkt.trim().is_empty());
        wkt.or_else(|| {
            let (authority, horizontal) = (self.authority.as_ref()?, self.horizontal.as_ref()?);
            let vertical = self.vertical.as_ref().map(|code| format!("+{code}")).unwrap_or_default();
            Some(format!("{authority}:{horizontal}{vertical}"))
        })
    }
}

fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ImportError> {
    let words = || Text::new("无法读取 EPT 文件", "can't read the EPT file");
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(JSON_BYTES_MAX).read_to_end(&mut bytes))
        .map_err(|source| ImportError::unreadable_because(path, words(), source))?;
    serde_json::from_slice(&bytes).map_err(|source| ImportError::unreadable_because(path, words(), source))
}

/// Points of every node. A count of -1 means that the key begins a file of its own.
fn hierarchy(folder: &Path) -> Result<BTreeMap<VoxelKey, u64>, ImportError> {
    let mut nodes = BTreeMap::new();
    let mut open = vec![VoxelKey::ROOT];
    while let Some(first) = open.pop() {
        let path = folder.join("ept-hierarchy").join(format!("{first}.json"));
        let page: BTreeMap<String, i64> = json(&path)?;
        for (text, points) in page {
            let key: VoxelKey =
                text.parse().map_err(|error| ImportError::unreadable_because(&path, bilingual(&error), error))?;
            if let Ok(points) = u64::try_from(points) {
                nodes.insert(key, points);
            } else if key.level > first.level {
                // Only downwards: a ring of files ends here.
                open.push(key);
            }
            if nodes.len() + open.len() > NODES_MAX {
                return Err(ImportError::unreadable(&path, Text::new("EPT 节点太多", "too many EPT nodes")));
            }
        }
    }
    Ok(nodes)
}

/// Where the fields of a raw record are that a LAS record has a place for.
struct Layout<'a> {
    record_bytes: usize,
    fields: BTreeMap<&'a str, (usize, &'a Field)>,
}

impl<'a> Layout<'a> {
    fn new(schema: &'a [Field]) -> Option<Self> {
        let mut record_bytes = 0_usize;
        let mut fields = BTreeMap::new();
        for field in schema {
            let known =
                matches!((field.kind.as_str(), field.size), ("signed" | "unsigned", 1 | 2 | 4 | 8) | ("float", 4 | 8));
            if !known {
                return None;
            }
            fields.insert(field.name.as_str(), (record_bytes, field));
            record_bytes += field.size;
        }
        ["X", "Y", "Z"].iter().all(|name| fields.contains_key(name)).then_some(Self { record_bytes, fields })
    }

    /// The stored number of a field; 0 where the record has none.
    fn number(&self, record: &[u8], name: &str) -> f64 {
        let Some((at, field)) = self.fields.get(name) else {
            return 0.0;
        };
        let mut wide = [0_u8; 8];
        let bytes = record.get(*at..at + field.size).unwrap_or_default();
        wide.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        let bits = u64::from_le_bytes(wide);
        match (field.kind.as_str(), field.size) {
            ("float", 4) => f64::from(f32::from_bits(bits as u32)),
            ("float", _) => f64::from_bits(bits),
            ("signed", size) => {
                let unused = 64 - 8 * size as u32;
                ((bits << unused).cast_signed() >> unused) as f64
            }
            _ => bits as f64,
        }
    }

    /// Scale and offset of a coordinate, and the LAS integer of its stored number.
    fn coordinate(&self, axis: &str) -> (f64, f64) {
        let field = self.fields.get(axis).map(|(_, field)| *field);
        // Coordinates stored as floats get a grid of a tenth of a millimetre.
        let scale = field.and_then(|field| field.scale).filter(|scale| scale.is_finite() && *scale != 0.0);
        (scale.unwrap_or(0.0001), field.and_then(|field| field.offset).unwrap_or(0.0))
    }

    fn world(&self, record: &[u8], axis: &str) -> f64 {
        let number = self.number(record, axis);
        let scaled = self.fields.get(axis).is_some_and(|(_, field)| field.scale.is_some());
        let (scale, offset) = self.coordinate(axis);
        if scaled { number * scale + offset } else { number }
    }
}

/// Rewrites one raw node as LAS 1.4, format 7 with colour, else 6.
fn rewrite(from: &Path, to: &Path, schema: &[Field], points: u64) -> Result<(), ImportError> {
    let unreadable = |source: std::io::Error| {
        ImportError::unreadable_because(from, Text::new("EPT 节点无法读取", "can't read the EPT node"), source)
    };
    let bad = |zh: &str, en: &str| ImportError::unreadable(from, Text::new(zh, en));
    let layout = Layout::new(schema)
        .ok_or_else(|| bad("ept.json 的 schema 无法识别", "the schema of ept.json is not understood"))?;
    let bytes = points.saturating_mul(layout.record_bytes as u64);
    if bytes > NODE_BYTES_MAX {
        return Err(bad("EPT 节点过大", "the EPT node is too large"));
    }
    let file = File::open(from).map_err(unreadable)?;
    let mut records = Vec::new();
    // One byte more than wanted shows that there is too much.
    if from.extension().is_some_and(|extension| extension == "zst") {
        let decoder = zstd::stream::read::Decoder::new(file).map_err(unreadable)?;
        decoder.take(bytes + 1).read_to_end(&mut records).map_err(unreadable)?;
    } else {
        file.take(bytes + 1).read_to_end(&mut records).map_err(unreadable)?;
    }
    if records.len() as u64 != bytes {
        return Err(bad("EPT 节点长度与点数不合", "the size of the EPT node doesn't fit its number of points"));
    }

    let with_color = layout.fields.contains_key("Red");
    let axes = ["X", "Y", "Z"];
    let grids = axes.map(|axis| layout.coordinate(axis));
    // Float coordinates are far from 0: the first point is the middle of the integers.
    let offsets: [f64; 3] = std::array::from_fn(|axis| {
        let scaled = layout.fields.get(axes[axis]).is_some_and(|(_, field)| field.scale.is_some());
        if scaled { grids[axis].1 } else { layout.world(&records, axes[axis]).round() }
    });
    let (mut min, mut max) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    let mut body = Vec::with_capacity(points as usize * 36);
    for record in records.chunks_exact(layout.record_bytes) {
        for axis in 0..3 {
            let world = layout.world(record, axes[axis]);
            let stored = ((world - offsets[axis]) / grids[axis].0).round();
            if !(stored >= f64::from(i32::MIN) && stored <= f64::from(i32::MAX)) {
                return Err(bad("EPT 节点的坐标超出范围", "coordinates of the EPT node are out of range"));
            }
            let kept = stored * grids[axis].0 + offsets[axis];
            (min[axis], max[axis]) = (min[axis].min(kept), max[axis].max(kept));
            body.extend((stored as i32).to_le_bytes());
        }
        let number = |name| layout.number(record, name);
        body.extend((number("Intensity") as u16).to_le_bytes());
        body.push((number("ReturnNumber") as u8 & 0x0f) | (number("NumberOfReturns") as u8) << 4);
        let flags = (number("ScanChannel") as u8 & 3) << 4;
        body.push(flags | (number("ScanDirectionFlag") as u8 & 1) << 6 | (number("EdgeOfFlightLine") as u8 & 1) << 7);
        body.push(number("Classification") as u8);
        body.push(number("UserData") as u8);
        body.extend(((number("ScanAngleRank") / 0.006).round() as i16).to_le_bytes());
        body.extend((number("PointSourceId") as u16).to_le_bytes());
        body.extend(number("GpsTime").to_le_bytes());
        if with_color {
            for name in ["Red", "Green", "Blue"] {
                body.extend((number(name) as u16).to_le_bytes());
            }
        }
    }
    let failed = |source: std::io::Error| {
        ImportError::failed(to, Text::new("无法写临时文件", "can't write a temporary file"), source)
    };
    let mut file = BufWriter::new(File::create(to).map_err(failed)?);
    let header = las_header(with_color, points, grids.map(|grid| grid.0), offsets, min, max);
    file.write_all(&header).and_then(|()| file.write_all(&body)).and_then(|()| file.flush()).map_err(failed)
}

/// The header of a LAS 1.4 file without records (LAS 1.4 R15, table 3).
fn las_header(
    with_color: bool,
    points: u64,
    scale: [f64; 3],
    offset: [f64; 3],
    min: [f64; 3],
    max: [f64; 3],
) -> Vec<u8> {
    let mut header = vec![0_u8; 375];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(field) = header.get_mut(at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    };
    put(0, b"LASF");
    // GPS time of EPT is what its source had; standard time is what today's sources have. CRS as WKT.
    put(6, &0x11_u16.to_le_bytes());
    put(24, &[1, 4]);
    put(94, &375_u16.to_le_bytes());
    put(96, &375_u32.to_le_bytes());
    put(104, &[if with_color { 7 } else { 6 }]);
    put(105, &(if with_color { 36_u16 } else { 30 }).to_le_bytes());
    for axis in 0..3 {
        put(131 + 8 * axis, &scale[axis].to_le_bytes());
        put(155 + 8 * axis, &offset[axis].to_le_bytes());
        put(179 + 16 * axis, &max[axis].to_le_bytes());
        put(187 + 16 * axis, &min[axis].to_le_bytes());
    }
    put(247, &points.to_le_bytes());
    header
}
