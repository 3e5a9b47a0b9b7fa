//! Points that can't stay where they were delivered: exchanged axes, or a datum that only the
//! surveyor's parameters leave.
//!
//! Everything that serves a cloud places it by the CRS in its file, and parameters are secret: so
//! such points are brought to CGCS2000 once, here, into temporary LAS files, the national zone
//! staying the same. Heights and all other fields are copied as they are.

use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use geodesy::{Crs, GeodesyError, Transform};
use tiles::copc::las_header::VLR_HEADER_BYTES;
use tiles::point_placement::height_unit_m;

use super::crs::{CloudCrs, with_height_unit};
use super::delivery::Delivery;
use super::survey::LasFile;
use crate::georeference::{datum_parameters, refusal};
use crate::importer::{ImportError, Options, Text};
use crate::progress::Progress;

/// Points held in memory at once.
const POINTS_AT_ONCE: u64 = 200_000;

/// A millimetre in degrees of latitude.
const MILLIMETRE_DEG: f64 = 1e-8;

/// The field definitions of extra bytes, the one record that temporary files must carry on.
const EXTRA_BYTES_RECORD: (&str, u16) = ("LASF_Spec", 4);

/// How coordinates move.
struct Move {
    swap_axes: bool,
    transform: Option<Transform>,
}

/// The delivery where it can be served; unchanged where it can be served as it is.
pub(super) fn where_servable(
    path: &Path,
    delivery: Delivery,
    cloud: CloudCrs,
    options: &Options,
    scratch: &Path,
    progress: &Progress,
) -> Result<(Delivery, CloudCrs), ImportError> {
    let refused_by_datum = matches!(Transform::new(&cloud.crs, &Crs::wgs84()), Err(GeodesyError::DatumRefused { .. }));
    let parameters = if refused_by_datum { datum_parameters(path, options)? } else { None };
    if !options.swap_axes && parameters.is_none() {
        return Ok((delivery, cloud));
    }
    let mut moved = cloud.clone();
    let mut transform = None;
    if let Some(parameters) = parameters {
        let zone = cloud.crs.gauss_kruger().map(|(zone, prefixed)| Crs::cgcs2000_zone(zone, prefixed));
        moved.crs = zone.unwrap_or_else(|| Ok(Crs::cgcs2000())).map_err(|error| refusal(path, error))?;
        let planned = Transform::with_parameters(&cloud.crs, &moved.crs, Some(&parameters));
        transform = Some(planned.map_err(|error| refusal(path, error))?);
        moved.wkt = moved.crs.wkt1().unwrap_or_else(|| moved.crs.definition().to_owned());
        let unit_m = height_unit_m(&cloud.crs);
        if (unit_m - 1.0).abs() > 1e-9 {
            moved.wkt = with_height_unit(&moved.wkt, &format!("{unit_m} m"), unit_m);
            moved.crs = Crs::from_user_input(&moved.wkt).map_err(|error| refusal(path, error))?;
        }
    }
    let how = Move { swap_axes: options.swap_axes, transform };
    progress.phase(Text::new("坐标换算", "moving coordinates"), delivery.points(), "points");
    let mut files = Vec::with_capacity(delivery.files.len());
    for (number, file) in delivery.files.iter().enumerate().filter(|(_, file)| file.header.point_count > 0) {
        let to = scratch.join(format!("moved-{number}.las"));
        rewrite(file, &to, &how, moved.crs.is_geographic(), progress)?;
        files.push(LasFile::open(&to)?);
    }
    Ok((Delivery { files, ..delivery }, moved))
}

impl Move {
    fn points(&self, path: &Path, points: &mut [[f64; 2]]) -> Result<(), ImportError> {
        if self.swap_axes {
            for point in points.iter_mut() {
                point.swap(0, 1);
            }
        }
        match &self.transform {
            Some(transform) => transform.points(points).map_err(|error| refusal(path, error)),
            None => Ok(()),
        }
    }
}

/// Writes the points of `from` as uncompressed LAS with moved coordinates.
fn rewrite(from: &LasFile, to: &Path, how: &Move, to_degrees: bool, progress: &Progress) -> Result<(), ImportError> {
    let header = &from.header;
    let damaged = |source: las::Error| {
        ImportError::unreadable_because(&from.path, Text::new("点数据无法读取", "the points can't be read"), source)
    };
    let failed = |source: std::io::Error| {
        ImportError::failed(to, Text::new("无法写临时文件", "can't write a temporary file"), source)
    };

    let mut middle = [[0, 1].map(|axis| f64::midpoint(header.min[axis], header.max[axis]))];
    how.points(&from.path, &mut middle)?;
    let offset = middle[0].map(f64::round);
    let mut scale = [header.scale[0], header.scale[1]];
    if how.swap_axes {
        scale.swap(0, 1);
    }
    if to_degrees {
        scale = scale.map(|step| step.abs().min(MILLIMETRE_DEG));
    }

    let mut head = vec![0; usize::from(header.header_bytes)];
    File::open(&from.path).and_then(|mut file| file.read_exact(&mut head)).map_err(failed)?;
    let records: Vec<u8> = from.vlrs.iter().filter(|vlr| vlr.is(EXTRA_BYTES_RECORD)).flat_map(record).collect();
    let record_count = u32::from(!records.is_empty());
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(field) = head.get_mut(at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    };
    put(96, &(u32::from(header.header_bytes) + records.len() as u32).to_le_bytes());
    put(100, &record_count.to_le_bytes());
    put(104, &[header.point_format]);
    put(235, &[0; 12]);

    let mut file = BufWriter::new(File::create(to).map_err(failed)?);
    file.write_all(&head).and_then(|()| file.write_all(&records)).map_err(failed)?;
    let mut reader = las::Reader::from_path(&from.path).map_err(damaged)?;
    let (mut min, mut max) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    let mut left = header.point_count;
    while left > 0 {
        let slab = reader.read_points(left.min(POINTS_AT_ONCE)).map_err(damaged)?;
        let mut bytes = slab.raw_bytes().to_vec();
        let count = slab.len() as u64;
        if count == 0 {
            let text = Text::new("点数少于文件头所说", "there are fewer points than the header says");
            return Err(ImportError::unreadable(&from.path, text));
        }
        let record_bytes = slab.record_len();
        let mut places: Vec<[f64; 2]> = bytes
            .chunks_exact(record_bytes)
            .map(|record| [0, 1].map(|axis| world(record, axis) * header.scale[axis] + header.offset[axis]))
            .collect();
        how.points(&from.path, &mut places)?;
        for (record, place) in bytes.chunks_exact_mut(record_bytes).zip(places) {
            for axis in 0..2 {
                let stored = ((place[axis] - offset[axis]) / scale[axis]).round();
                if stored.abs() > f64::from(i32::MAX) {
                    let text = Text::new("坐标换算后超出 LAS 的范围", "moved coordinates are out of the range of LAS");
                    return Err(ImportError::refused(&from.path, text));
                }
                let kept = stored * scale[axis] + offset[axis];
                (min[axis], max[axis]) = (min[axis].min(kept), max[axis].max(kept));
                if let Some(field) = record.get_mut(4 * axis..4 * axis + 4) {
                    field.copy_from_slice(&(stored as i32).to_le_bytes());
                }
            }
        }
        file.write_all(&bytes).map_err(failed)?;
        left -= count;
        progress.add(count);
    }
    let mut fields = Vec::new();
    for axis in 0..2 {
        fields.push((131 + 8 * axis, scale[axis]));
        fields.push((155 + 8 * axis, offset[axis]));
        fields.push((179 + 16 * axis, max[axis]));
        fields.push((187 + 16 * axis, min[axis]));
    }
    for (at, value) in fields {
        file.seek(SeekFrom::Start(at as u64)).and_then(|_| file.write_all(&value.to_le_bytes())).map_err(failed)?;
    }
    file.flush().map_err(failed)
}

/// The stored number of x (0) or y (1).
fn world(record: &[u8], axis: usize) -> f64 {
    let field = record.get(4 * axis..4 * axis + 4).and_then(|field| field.first_chunk::<4>());
    f64::from(field.map_or(0, |field| i32::from_le_bytes(*field)))
}

/// A record as it stands in a file.
fn record(vlr: &tiles::copc::las_header::Vlr) -> Vec<u8> {
    let mut bytes = vec![0; VLR_HEADER_BYTES];
    let id = vlr.user_id.as_bytes();
    bytes[2..2 + id.len().min(16)].copy_from_slice(&id[..id.len().min(16)]);
    bytes[18..20].copy_from_slice(&vlr.record_id.to_le_bytes());
    bytes[20..22].copy_from_slice(&(vlr.payload.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&vlr.payload);
    bytes
}
