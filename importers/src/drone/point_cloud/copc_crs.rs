//! The CRS record of a finished COPC file is replaced, which moves everything behind it.
//!
//! The converter writes the CRS it found in its own way, and none where the keys are user-defined or
//! the surveyor gave it; so the one text that was decided on is put in here, in one copy of the file.
//! Offsets stand in the header, the COPC info record, before the points, and in every hierarchy
//! entry; chunk sizes are relative and stay.
//!
//! Sources: LAS 1.4 R15, tables 3 and 5; COPC 1.0.

use std::fs::File;
use std::io::{BufReader, BufWriter, Error, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use tiles::copc::las_header::{EVLR_HEADER_BYTES, LasHeader, VLR_HEADER_BYTES, WKT_RECORD};

/// The hierarchy and other extended records are held in memory while they are moved: this is a
/// cloud of 10^11 points.
const EVLRS_BYTES_MAX: u64 = 1 << 30;

/// Records of `LASF_Projection` and libLAS that state a CRS.
const CRS_RECORDS: [(&str, u16); 6] = [
    ("LASF_Projection", 2111),
    ("LASF_Projection", 2112),
    ("LASF_Projection", 34_735),
    ("LASF_Projection", 34_736),
    ("LASF_Projection", 34_737),
    ("liblas", 2112),
];

/// Copies the COPC file `from` to `to` with `wkt` as its only CRS record.
///
/// # Errors
/// Any error of reading or writing; [`ErrorKind::InvalidData`] where `from` is not laid out as COPC.
pub(super) fn copy_with_crs(from: &Path, to: &Path, wkt: &str) -> std::io::Result<()> {
    let invalid = |what: &'static str| Error::new(ErrorKind::InvalidData, what);
    let source = File::open(from)?;
    let file_bytes = source.metadata()?.len();
    let mut source = BufReader::with_capacity(1 << 20, source);

    let mut head = vec![0; 375];
    source.read_exact(&mut head)?;
    let header = LasHeader::parse(&head, file_bytes).map_err(Error::other)?;
    if header.header_bytes != 375 || header.evlr_offset < u64::from(header.point_data_offset) {
        return Err(invalid("not a COPC header"));
    }
    head.resize(header.point_data_offset as usize, 0);
    source.seek(SeekFrom::Start(0))?;
    source.read_exact(&mut head)?;
    let vlrs = header.vlrs(&head).map_err(Error::other)?;

    // Everything between header and points, without the old CRS and with the new.
    let mut records = Vec::new();
    let mut kept = 0_u32;
    for vlr in &vlrs {
        if CRS_RECORDS.iter().any(|record| vlr.is(*record)) {
            continue;
        }
        let start = vlr.payload_offset as usize - VLR_HEADER_BYTES;
        let end = vlr.payload_offset as usize + vlr.payload.len();
        records.extend_from_slice(head.get(start..end).ok_or_else(|| invalid("record outside the file"))?);
        kept += 1;
    }
    records.extend(crs_record(wkt)?);
    kept += 1;

    let data_at = 375 + records.len() as u64;
    let moved = data_at.wrapping_sub(u64::from(header.point_data_offset));
    let shifted = |offset: u64| offset.wrapping_add(moved);

    head.truncate(375);
    put(&mut head, 6, &(header.global_encoding | 0x10).to_le_bytes());
    let data_at = u32::try_from(data_at).map_err(Error::other)?;
    put(&mut head, 96, &data_at.to_le_bytes());
    put(&mut head, 100, &kept.to_le_bytes());
    shift_field(&mut head, 227, shifted);
    shift_field(&mut head, 235, shifted);
    // The COPC info record is the first; its root page offset stands behind five numbers.
    shift_field(&mut records, VLR_HEADER_BYTES + 40, shifted);

    let mut target = BufWriter::with_capacity(1 << 20, File::create(to)?);
    target.write_all(&head)?;
    target.write_all(&records)?;

    // The points begin with the place of the chunk table; -1 stands for "at the end of the file".
    let mut table_at = vec![0; 8];
    source.read_exact(&mut table_at)?;
    if table_at != [0xff; 8] {
        shift_field(&mut table_at, 0, shifted);
    }
    target.write_all(&table_at)?;
    let points = header.evlr_offset - u64::from(header.point_data_offset) - 8;
    if std::io::copy(&mut source.by_ref().take(points), &mut target)? != points {
        return Err(invalid("the points are cut off"));
    }

    let evlr_bytes = file_bytes - header.evlr_offset;
    if evlr_bytes > EVLRS_BYTES_MAX {
        return Err(invalid("extended records too large"));
    }
    let mut evlrs = Vec::new();
    source.read_to_end(&mut evlrs)?;
    shift_hierarchy(&mut evlrs, header.evlr_count, shifted).ok_or_else(|| invalid("damaged extended records"))?;
    target.write_all(&evlrs)?;
    target.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
}

/// Moves the offsets of all hierarchy entries.
fn shift_hierarchy(evlrs: &mut [u8], count: u32, shifted: impl Fn(u64) -> u64) -> Option<()> {
    let mut at = 0_usize;
    for _ in 0..count {
        let head = evlrs.get(at..at.checked_add(EVLR_HEADER_BYTES)?)?;
        let length = usize::try_from(u64::from_le_bytes(*head.get(20..28)?.first_chunk::<8>()?)).ok()?;
        let is_hierarchy = head.get(2..7)? == b"copc\0" && head.get(18..20)? == 1000_u16.to_le_bytes();
        let start = at + EVLR_HEADER_BYTES;
        let end = start.checked_add(length)?;
        let payload = evlrs.get_mut(start..end)?;
        if is_hierarchy {
            for entry in payload.chunks_exact_mut(32) {
                shift_field(entry, 16, &shifted);
            }
        }
        at = end;
    }
    Some(())
}

/// Moves the offset at `at`; 0 stands for "none" and stays.
fn shift_field(bytes: &mut [u8], at: usize, shifted: impl Fn(u64) -> u64) {
    let field = bytes.get(at..at + 8).and_then(|field| field.first_chunk::<8>());
    let Some(offset) = field.map(|field| u64::from_le_bytes(*field)).filter(|offset| *offset != 0) else {
        return;
    };
    put(bytes, at, &shifted(offset).to_le_bytes());
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(field) = bytes.get_mut(at..at + value.len()) {
        field.copy_from_slice(value);
    }
}

/// A variable length record with the text, closed by NUL as the specification asks.
fn crs_record(wkt: &str) -> std::io::Result<Vec<u8>> {
    let length = u16::try_from(wkt.len() + 1).map_err(Error::other)?;
    let mut record = vec![0; VLR_HEADER_BYTES];
    put(&mut record, 2, WKT_RECORD.0.as_bytes());
    put(&mut record, 18, &WKT_RECORD.1.to_le_bytes());
    put(&mut record, 20, &length.to_le_bytes());
    put(&mut record, 22, b"OGC WKT");
    record.extend_from_slice(wkt.as_bytes());
    record.push(0);
    Ok(record)
}
