//! From the bytes of a tile to glTF JSON and its binary chunk: glb, bare JSON, or b3dm around a glb.
//!
//! Containers: glTF 2.0, 4.4 (GLB); 3D Tiles 1.0, Batched 3D Model. Batch tables are not read.

use serde::Deserialize;

use super::GlbError;

/// What is inside a container, borrowed from it.
pub(super) struct Parts<'a> {
    pub(super) json: &'a [u8],
    pub(super) binary: Option<&'a [u8]>,
    /// `RTC_CENTER` of a b3dm, else zero.
    pub(super) rtc_center: [f64; 3],
}

/// Opens whichever container `bytes` is.
pub(super) fn open(bytes: &[u8]) -> Result<Parts<'_>, GlbError> {
    match bytes.get(..4) {
        Some(b"glTF") => glb(bytes),
        Some(b"b3dm") => b3dm(bytes),
        Some(other @ (b"i3dm" | b"pnts" | b"cmpt" | b"vctr" | b"geom" | b"subt")) => {
            Err(GlbError::Unsupported { extension: String::from_utf8_lossy(other).into_owned() })
        }
        _ if bytes.trim_ascii_start().starts_with(b"{") || bytes.starts_with(b"\xEF\xBB\xBF{") => {
            Ok(Parts { json: bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes), binary: None, rtc_center: [0.0; 3] })
        }
        _ => Err(GlbError::invalid("glTF, glb or b3dm", "the first bytes are none of theirs")),
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<usize> {
    let four = bytes.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?) as usize)
}

fn glb(bytes: &[u8]) -> Result<Parts<'_>, GlbError> {
    let short = || GlbError::invalid("glb", "it ends in its header");
    let version = u32_at(bytes, 4).ok_or_else(short)?;
    if version != 2 {
        return Err(GlbError::Unsupported { extension: format!("glTF {version}.0") });
    }
    let length = u32_at(bytes, 8).ok_or_else(short)?;
    let bytes = bytes
        .get(..length)
        .ok_or_else(|| GlbError::invalid("glb", format!("it says {length} bytes and has {}", bytes.len())))?;
    let (mut json, mut binary, mut at) = (None, None, 12);
    while let (Some(size), Some(kind)) = (u32_at(bytes, at), bytes.get(at + 4..at + 8)) {
        let start = at + 8;
        let end = start.checked_add(size).filter(|end| *end <= bytes.len());
        let end = end.ok_or_else(|| GlbError::invalid("glb", format!("the chunk at byte {at} passes the end")))?;
        match kind {
            b"JSON" if json.is_none() => json = Some(&bytes[start..end]),
            b"BIN\0" if binary.is_none() => binary = Some(&bytes[start..end]),
            _ => {}
        }
        // Chunks start on multiples of four; some writers leave the padding out of the length.
        at = end.next_multiple_of(4);
    }
    Ok(Parts {
        json: json.ok_or_else(|| GlbError::invalid("glb", "there is no JSON chunk"))?,
        binary,
        rtc_center: [0.0; 3],
    })
}

#[derive(Deserialize, Default)]
struct FeatureTable {
    #[serde(rename = "RTC_CENTER")]
    rtc_center: Option<RtcCenter>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RtcCenter {
    Here([f64; 3]),
    InBinary {
        #[serde(rename = "byteOffset")]
        byte_offset: usize,
    },
}

fn b3dm(bytes: &[u8]) -> Result<Parts<'_>, GlbError> {
    let invalid = |reason: &str| GlbError::invalid("b3dm", reason);
    let header: Option<Vec<usize>> = (1..7).map(|field| u32_at(bytes, field * 4)).collect();
    let header = header.ok_or_else(|| invalid("it ends in its header"))?;
    let &[version, length, feature_json, feature_binary, batch_json, batch_binary] = header.as_slice() else {
        return Err(invalid("it ends in its header"));
    };
    if version != 1 {
        return Err(GlbError::Unsupported { extension: format!("b3dm version {version}") });
    }
    let bytes = bytes.get(..length).ok_or_else(|| invalid("it is shorter than it says"))?;
    // Sums of four u32 fit a usize of 64 bits.
    let feature_end = 28 + feature_json;
    let tables_end = feature_end + feature_binary + batch_json + batch_binary;
    let table = bytes.get(28..feature_end).ok_or_else(|| invalid("the feature table passes the end"))?;
    // The two headers of before 1.0 had 20 and 24 bytes: there the JSON starts early and the glb at once.
    let glb_bytes = bytes.get(tables_end..).filter(|rest| rest.starts_with(b"glTF"));
    let glb_bytes = glb_bytes.ok_or_else(|| invalid("no glb follows its tables (a header of before 3D Tiles 1.0?)"))?;
    let table: FeatureTable = if table.trim_ascii().is_empty() {
        FeatureTable::default()
    } else {
        serde_json::from_slice(table).map_err(|source| GlbError::Json { source })?
    };
    let rtc_center = match table.rtc_center {
        None => [0.0; 3],
        Some(RtcCenter::Here(center)) => center,
        Some(RtcCenter::InBinary { byte_offset }) => {
            let binary = bytes.get(feature_end..feature_end + feature_binary).unwrap_or_default();
            let twelve = byte_offset.checked_add(12).and_then(|end| binary.get(byte_offset..end));
            let twelve = twelve.ok_or_else(|| invalid("RTC_CENTER passes the end"))?;
            std::array::from_fn(|i| {
                f64::from(f32::from_le_bytes([twelve[i * 4], twelve[i * 4 + 1], twelve[i * 4 + 2], twelve[i * 4 + 3]]))
            })
        }
    };
    if !rtc_center.iter().all(|v| v.is_finite()) {
        return Err(invalid("RTC_CENTER is not finite"));
    }
    Ok(Parts { rtc_center, ..glb(glb_bytes)? })
}
