//! What a LAS or LAZ file says about itself: header, records, compression, CRS text. No points.
//!
//! Reads the first and the last few kilobytes and checks every count against the size of the file,
//! so a damaged file is named within milliseconds and never reaches the converter.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use laz::LazVlr;
use tiles::copc::las_header::{EVLR_HEADER_BYTES, LAS_HEADER_BYTES_MAX, LASZIP_RECORD, LasHeader, Vlr, WKT_RECORD};

use crate::importer::{ImportError, Text};

/// Records before the points may take this much; delivered files stay below a hundred kilobytes.
const RECORDS_BYTES_MAX: u32 = 64 * 1024 * 1024;

/// Extended records looked through for a CRS, and the longest CRS taken from one.
const EVLRS_READ_MAX: u32 = 64;
const CRS_BYTES_MAX: u64 = 64 * 1024;

/// Chunk size that means "each chunk its own" (`LASzip`).
const VARIABLE_CHUNKS: u32 = u32::MAX;

/// One LAS or LAZ file, known by its header.
#[derive(Debug)]
pub(super) struct LasFile {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) header: LasHeader,
    pub(super) vlrs: Vec<Vlr>,
}

impl LasFile {
    /// Reads header and records; refuses what can't be true.
    pub(super) fn open(path: &Path) -> Result<Self, ImportError> {
        let unreadable = |source: std::io::Error| {
            ImportError::unreadable_because(
                path,
                Text::new("无法读取点云文件", "can't read the point cloud file"),
                source,
            )
        };
        let mut file = File::open(path).map_err(unreadable)?;
        let bytes = file.metadata().map_err(unreadable)?.len();
        let mut head = vec![0; LAS_HEADER_BYTES_MAX.min(usize::try_from(bytes).unwrap_or(usize::MAX))];
        file.read_exact(&mut head).map_err(unreadable)?;
        let header = LasHeader::parse(&head, bytes).map_err(|error| damaged(path, error))?;
        if header.point_data_offset > RECORDS_BYTES_MAX {
            return Err(damaged(path, Damage::RecordsTooLarge));
        }
        head.resize(header.point_data_offset as usize, 0);
        file.rewind().map_err(unreadable)?;
        file.read_exact(&mut head).map_err(unreadable)?;
        let mut vlrs = header.vlrs(&head).map_err(|error| damaged(path, error))?;
        if header.compressed {
            check_compression(&mut file, &header, &vlrs, bytes)
                .map_err(unreadable)?
                .map_err(|damage| damaged(path, damage))?;
        }
        if let Some(wkt) = extended_crs(&mut file, &header, bytes).map_err(unreadable)? {
            vlrs.push(wkt);
        }
        Ok(Self { path: path.to_owned(), bytes, header, vlrs })
    }

    /// Whether the file says it is COPC.
    pub(super) fn is_copc(&self) -> bool {
        self.header.compressed && self.vlrs.first().is_some_and(|vlr| vlr.is(("copc", 1)))
    }
}

/// Damage that only the importer looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    #[error("点数据之前的记录过大 / the records before the points are too large")]
    RecordsTooLarge,
    #[error("标为 LAZ 压缩但缺少 laszip 记录 / marked as LAZ, but there is no laszip record")]
    NoLaszip,
    #[error("laszip 记录与点格式不合 / the laszip record doesn't fit the point format")]
    BadLaszip,
    #[error("LAZ 分块表不在文件之内：文件不完整 / the LAZ chunk table lies outside the file: the file is cut off")]
    ChunkTableOutside,
    #[error("LAZ 分块数与点数或文件大小不合 / the number of LAZ chunks fits neither the points nor the file's size")]
    BadChunkCount,
    #[error("文件里没有点 / there are no points in the file")]
    NoPoints,
}

/// The file can't be what it claims to be. Errors here are worded "Chinese / English".
pub(super) fn damaged(path: &Path, error: impl std::error::Error) -> ImportError {
    ImportError::unreadable(path, bilingual(&error))
}

/// Splits a message worded "Chinese / English"; a full-width bracket before the slash takes no space.
pub(super) fn bilingual(error: &dyn std::error::Error) -> Text {
    let words = error.to_string();
    match words.split_once("/ ") {
        Some((zh, en)) => Text::new(zh.trim_end(), en),
        None => Text::new(words.clone(), words),
    }
}

/// Checks the compression record and the count of chunks.
fn check_compression(
    file: &mut File,
    header: &LasHeader,
    vlrs: &[Vlr],
    bytes: u64,
) -> std::io::Result<Result<(), Damage>> {
    let Some(record) = vlrs.iter().find(|vlr| vlr.is(LASZIP_RECORD)) else {
        return Ok(Err(Damage::NoLaszip));
    };
    let Ok(laz) = LazVlr::from_buffer(&record.payload) else {
        return Ok(Err(Damage::BadLaszip));
    };
    if laz.items().is_empty() || laz.items_size() != u64::from(header.point_record_bytes) {
        return Ok(Err(Damage::BadLaszip));
    }
    let read_u64 = |file: &mut File, at: SeekFrom| -> std::io::Result<u64> {
        let mut number = [0; 8];
        file.seek(at)?;
        file.read_exact(&mut number)?;
        Ok(u64::from_le_bytes(number))
    };
    let data_at = u64::from(header.point_data_offset);
    if data_at + 8 > bytes {
        return Ok(Err(Damage::ChunkTableOutside));
    }
    let mut table_at = read_u64(file, SeekFrom::Start(data_at))?;
    if table_at == u64::MAX {
        // A writer that could not seek puts the place at the end of the file.
        table_at = read_u64(file, SeekFrom::End(-8))?;
    }
    if table_at <= data_at || table_at.checked_add(8).is_none_or(|end| end > bytes) {
        return Ok(Err(Damage::ChunkTableOutside));
    }
    // Version, then the count.
    let chunks = read_u64(file, SeekFrom::Start(table_at))? >> 32;
    // Every chunk begins with one point as it stands.
    let room = (table_at - data_at - 8) / u64::from(header.point_record_bytes);
    let enough = if laz.chunk_size() == VARIABLE_CHUNKS {
        chunks > 0 || header.point_count == 0
    } else {
        chunks.saturating_mul(u64::from(laz.chunk_size())) >= header.point_count
    };
    Ok(if chunks <= room && enough { Ok(()) } else { Err(Damage::BadChunkCount) })
}

/// The CRS of an extended record, where LAS 1.4 lets it stand.
fn extended_crs(file: &mut File, header: &LasHeader, bytes: u64) -> std::io::Result<Option<Vlr>> {
    let mut at = header.evlr_offset;
    for _ in 0..header.evlr_count.min(EVLRS_READ_MAX) {
        let payload_offset = at.saturating_add(EVLR_HEADER_BYTES as u64);
        if payload_offset > bytes {
            return Ok(None);
        }
        let mut head = [0; EVLR_HEADER_BYTES];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut head)?;
        let length = head.get(20..28).and_then(|field| field.first_chunk::<8>());
        let length = length.map_or(u64::MAX, |field| u64::from_le_bytes(*field));
        at = payload_offset.saturating_add(length);
        if at > bytes {
            return Ok(None);
        }
        let is_crs =
            head.get(2..17) == Some(WKT_RECORD.0.as_bytes()) && head.get(18..20) == Some(&WKT_RECORD.1.to_le_bytes());
        if is_crs && length <= CRS_BYTES_MAX {
            let mut payload = vec![0; length as usize];
            file.read_exact(&mut payload)?;
            let (user_id, record_id) = (WKT_RECORD.0.to_owned(), WKT_RECORD.1);
            return Ok(Some(Vlr { user_id, record_id, payload_offset, payload }));
        }
    }
    Ok(None)
}
