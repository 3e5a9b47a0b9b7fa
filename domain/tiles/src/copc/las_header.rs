//! The public header block and variable length records of a LAS file, versions 1.0 to 1.4.
//!
//! Shared by the COPC reader and by the point cloud importer. It is not a point reader. Every count
//! and offset is checked against the bytes that are there before anything is read by it, because
//! damaged files exist whose header sends a trusting reader into an endless loop.
//!
//! Source: ASPRS LAS Specification 1.4 R15, sections 2.4 to 2.7, and its predecessors 1.0 to 1.3.

/// Bytes of the header that hold all fields of every version.
pub const LAS_HEADER_BYTES_MAX: usize = 375;

/// Bytes before the payload of a variable length record.
pub const VLR_HEADER_BYTES: usize = 54;

/// Bytes before the payload of an extended variable length record.
pub const EVLR_HEADER_BYTES: usize = 60;

/// User id and record id of the coordinate reference system as well-known text.
pub const WKT_RECORD: (&str, u16) = ("LASF_Projection", 2112);

/// User id and record id of the LAZ compression record.
pub const LASZIP_RECORD: (&str, u16) = ("laszip encoded", 22204);

/// Smallest record of each point format 0 to 10 in bytes (table 6 and the format sections).
const POINT_RECORD_BYTES_MIN: [u16; 11] = [20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67];

/// What is wrong with the header of a LAS file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LasHeaderError {
    /// The file ends inside the header.
    #[error(
        "文件只有 {file_bytes} 字节，装不下 LAS 文件头 / the file has only {file_bytes} bytes, too few for a LAS header"
    )]
    TooShort {
        /// Size of the file.
        file_bytes: u64,
    },
    /// The first four bytes are not `LASF`.
    #[error("文件不以 LASF 开头，不是 LAS/LAZ / the file doesn't start with LASF: not LAS or LAZ")]
    NotLas,
    /// A version that doesn't exist.
    #[error(
        "LAS 版本 {major}.{minor} 不存在（支持 1.0–1.4）/ there is no LAS version {major}.{minor} (1.0 to 1.4 are known)"
    )]
    UnknownVersion {
        /// Major number in the header.
        major: u8,
        /// Minor number in the header.
        minor: u8,
    },
    /// A point format that doesn't exist or doesn't fit the record size.
    #[error(
        "点格式 {format} 与记录长度 {record_bytes} 不合 / point format {format} does not fit a record of {record_bytes} bytes"
    )]
    BadPointFormat {
        /// Point format id.
        format: u8,
        /// Point record length in the header.
        record_bytes: u16,
    },
    /// An offset or a count points outside the file.
    #[error(
        "文件头的 {field} = {value}，文件最多容许 {limit}：文件头已损坏或文件不完整 / header field {field} is {value}, the file allows at most {limit}: the header is damaged or the file is cut off"
    )]
    OutOfFile {
        /// Name of the field in the specification.
        field: &'static str,
        /// What the header says.
        value: u64,
        /// The largest value that the file's size allows.
        limit: u64,
    },
    /// The announced variable length records don't fit before the points.
    #[error(
        "文件头声明 {announced} 条 VLR，点数据之前只放得下 {found} 条 / the header announces {announced} variable length records, only {found} fit before the point data"
    )]
    VlrsDontFit {
        /// Count in the header.
        announced: u32,
        /// Whole records found before the point data.
        found: u32,
    },
    /// A scale, offset or bound that is not a usable number.
    #[error("文件头的 {field} 不是可用的数 / header field {field} is not a usable number")]
    BadNumber {
        /// Name of the field in the specification.
        field: &'static str,
    },
}

/// The public header block, as far as this product needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct LasHeader {
    /// Major and minor version.
    pub version: (u8, u8),
    /// Global encoding bits; bit 0 = GPS time is adjusted standard time, bit 4 = CRS is WKT.
    pub global_encoding: u16,
    /// Size of the header block in bytes.
    pub header_bytes: u16,
    /// Where the point data begins.
    pub point_data_offset: u32,
    /// Number of variable length records.
    pub vlr_count: u32,
    /// Point format 0 to 10, without the compression bits.
    pub point_format: u8,
    /// Points are compressed (LAZ).
    pub compressed: bool,
    /// Bytes of one uncompressed point record.
    pub point_record_bytes: u16,
    /// Number of points.
    pub point_count: u64,
    /// Stored integer times scale plus offset is the coordinate, x y z.
    pub scale: [f64; 3],
    /// See [`Self::scale`].
    pub offset: [f64; 3],
    /// Smallest coordinates, x y z, in the file's CRS and units.
    pub min: [f64; 3],
    /// Largest coordinates, x y z, in the file's CRS and units.
    pub max: [f64; 3],
    /// Where the first extended variable length record begins; 0 without any.
    pub evlr_offset: u64,
    /// Number of extended variable length records.
    pub evlr_count: u32,
}

/// One variable length record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vlr {
    /// Who defined the record.
    pub user_id: String,
    /// Which record of that user.
    pub record_id: u16,
    /// Where its payload begins in the file.
    pub payload_offset: u64,
    /// The payload.
    pub payload: Vec<u8>,
}

impl Vlr {
    /// Whether this is the record `(user_id, record_id)`.
    #[must_use]
    pub fn is(&self, record: (&str, u16)) -> bool {
        self.user_id == record.0 && self.record_id == record.1
    }
}

/// A variable length record seen by its header alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VlrHeader {
    pub(crate) user_id: String,
    pub(crate) record_id: u16,
    pub(crate) payload_bytes: u64,
}

impl LasHeader {
    /// Reads the header from the first bytes of a file of `file_bytes` bytes.
    ///
    /// `bytes` should hold [`LAS_HEADER_BYTES_MAX`] bytes, or the whole file where it is shorter.
    pub fn parse(bytes: &[u8], file_bytes: u64) -> Result<Self, LasHeaderError> {
        let too_short = || LasHeaderError::TooShort { file_bytes };
        if bytes.get(..4).ok_or_else(too_short)? != b"LASF" {
            return Err(LasHeaderError::NotLas);
        }
        let fields = Fields(bytes);
        let (major, minor) = (fields.u8(24).ok_or_else(too_short)?, fields.u8(25).ok_or_else(too_short)?);
        let header_bytes_min: u16 = match (major, minor) {
            (1, 0..=2) => 227,
            (1, 3) => 235,
            (1, 4) => 375,
            _ => return Err(LasHeaderError::UnknownVersion { major, minor }),
        };
        if bytes.len() < usize::from(header_bytes_min) {
            return Err(too_short());
        }
        let header = Self::from_fields(&fields, (major, minor)).ok_or_else(too_short)?;
        header.check(header_bytes_min, file_bytes)?;
        Ok(header)
    }

    fn from_fields(fields: &Fields<'_>, version: (u8, u8)) -> Option<Self> {
        let format_byte = fields.u8(104)?;
        let legacy_point_count = u64::from(fields.u32(107)?);
        let (point_count, evlr_offset, evlr_count) = if version == (1, 4) {
            let count = fields.u64(247)?;
            // Writers of 1.4 in legacy compatible formats fill either field or both.
            let count = if count == 0 { legacy_point_count } else { count };
            (count, fields.u64(235)?, fields.u32(243)?)
        } else {
            (legacy_point_count, 0, 0)
        };
        let triple = |at: usize| Some([fields.f64(at)?, fields.f64(at + 8)?, fields.f64(at + 16)?]);
        Some(Self {
            version,
            global_encoding: fields.u16(6)?,
            header_bytes: fields.u16(94)?,
            point_data_offset: fields.u32(96)?,
            vlr_count: fields.u32(100)?,
            // LAZ sets bit 7, the first LAZ writers bit 6.
            point_format: format_byte & 0x3f,
            compressed: format_byte & 0xc0 != 0,
            point_record_bytes: fields.u16(105)?,
            point_count,
            scale: triple(131)?,
            offset: triple(155)?,
            max: [fields.f64(179)?, fields.f64(195)?, fields.f64(211)?],
            min: [fields.f64(187)?, fields.f64(203)?, fields.f64(219)?],
            evlr_offset,
            evlr_count,
        })
    }

    fn check(&self, header_bytes_min: u16, file_bytes: u64) -> Result<(), LasHeaderError> {
        let within = |field, value: u64, limit: u64| {
            if value > limit { Err(LasHeaderError::OutOfFile { field, value, limit }) } else { Ok(()) }
        };
        if self.header_bytes < header_bytes_min {
            return Err(LasHeaderError::BadNumber { field: "header size" });
        }
        let data_offset = u64::from(self.point_data_offset);
        within("offset to point data", data_offset, file_bytes)?;
        within("header size", u64::from(self.header_bytes), data_offset)?;
        let vlr_room = (data_offset - u64::from(self.header_bytes)) / VLR_HEADER_BYTES as u64;
        within("number of variable length records", u64::from(self.vlr_count), vlr_room)?;
        let record_bytes_min = POINT_RECORD_BYTES_MIN.get(usize::from(self.point_format));
        if record_bytes_min.is_none_or(|least| self.point_record_bytes < *least) {
            return Err(LasHeaderError::BadPointFormat {
                format: self.point_format,
                record_bytes: self.point_record_bytes,
            });
        }
        let data_bytes = file_bytes - data_offset;
        if !self.compressed {
            let room = data_bytes / u64::from(self.point_record_bytes);
            within("number of point records", self.point_count, room)?;
        }
        if self.evlr_count > 0 {
            within("start of first extended variable length record", self.evlr_offset, file_bytes)?;
            let room = (file_bytes - self.evlr_offset) / EVLR_HEADER_BYTES as u64;
            within("number of extended variable length records", u64::from(self.evlr_count), room)?;
        }
        self.check_numbers()
    }

    fn check_numbers(&self) -> Result<(), LasHeaderError> {
        if !self.scale.iter().all(|scale| scale.is_finite() && *scale != 0.0) {
            return Err(LasHeaderError::BadNumber { field: "scale factor" });
        }
        if !self.offset.iter().all(|offset| offset.is_finite()) {
            return Err(LasHeaderError::BadNumber { field: "offset" });
        }
        let bounds_hold = (0..3).all(|axis| {
            let (min, max) = (self.min[axis], self.max[axis]);
            min.is_finite() && max.is_finite() && min <= max
        });
        if self.point_count > 0 && !bounds_hold {
            return Err(LasHeaderError::BadNumber { field: "min/max x y z" });
        }
        Ok(())
    }

    /// Reads the variable length records from `bytes`, which must begin at the start of the file and
    /// reach to [`Self::point_data_offset`].
    pub fn vlrs(&self, bytes: &[u8]) -> Result<Vec<Vlr>, LasHeaderError> {
        let end = bytes.len().min(self.point_data_offset as usize);
        let mut at = usize::from(self.header_bytes);
        let mut vlrs = Vec::new();
        for found in 0..self.vlr_count {
            let dont_fit = || LasHeaderError::VlrsDontFit { announced: self.vlr_count, found };
            let head = bytes.get(at..end).and_then(|rest| rest.get(..VLR_HEADER_BYTES)).ok_or_else(dont_fit)?;
            let head = VlrHeader::parse_vlr(head).ok_or_else(dont_fit)?;
            let payload_at = at + VLR_HEADER_BYTES;
            let next = payload_at + head.payload_bytes as usize;
            let payload = bytes.get(..end).and_then(|kept| kept.get(payload_at..next)).ok_or_else(dont_fit)?;
            vlrs.push(Vlr {
                user_id: head.user_id,
                record_id: head.record_id,
                payload_offset: payload_at as u64,
                payload: payload.to_vec(),
            });
            at = next;
        }
        Ok(vlrs)
    }

    /// Whether GPS time is adjusted standard GPS time (else seconds of the GPS week).
    #[must_use]
    pub fn gps_time_is_standard(&self) -> bool {
        self.global_encoding & 1 != 0
    }

    /// Whether the point format carries red, green and blue.
    #[must_use]
    pub fn has_color(&self) -> bool {
        matches!(self.point_format, 2 | 3 | 5 | 7 | 8 | 10)
    }

    /// Whether the point format carries GPS time.
    #[must_use]
    pub fn has_gps_time(&self) -> bool {
        !matches!(self.point_format, 0 | 2)
    }
}

impl VlrHeader {
    fn parse_vlr(bytes: &[u8]) -> Option<Self> {
        let fields = Fields(bytes);
        Some(Self {
            user_id: text(bytes.get(2..18)?),
            record_id: fields.u16(18)?,
            payload_bytes: u64::from(fields.u16(20)?),
        })
    }

    /// Reads the header of an extended record.
    pub(crate) fn parse_evlr(bytes: &[u8]) -> Option<Self> {
        let fields = Fields(bytes);
        Some(Self { user_id: text(bytes.get(2..18)?), record_id: fields.u16(18)?, payload_bytes: fields.u64(20)? })
    }
}

/// Text up to its first NUL. Ids are ASCII; anything else is kept visible rather than refused.
pub(crate) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or(bytes)).trim().to_owned()
}

/// Little-endian numbers at byte offsets, `None` past the end.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..)?.first_chunk::<N>().copied()
    }
    pub(crate) fn u8(&self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }
    pub(crate) fn u16(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }
    pub(crate) fn u32(&self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }
    pub(crate) fn i32(&self, at: usize) -> Option<i32> {
        self.array(at).map(i32::from_le_bytes)
    }
    pub(crate) fn u64(&self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }
    pub(crate) fn f64(&self, at: usize) -> Option<f64> {
        self.array(at).map(f64::from_le_bytes)
    }
}
