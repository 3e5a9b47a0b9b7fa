//! The header, the compressor, and the one root object after them.

use std::io::Read as _;

use super::bytes::Cursor;
use super::object::Reader;
use super::{OsgbError, Scene};

/// Bytes a file may inflate to. Real tiles stay below 100 MB.
const MAX_INFLATED_BYTES: u64 = 1 << 30;
const MAGIC: [u8; 8] = [0xA1, 0x0E, 0x91, 0x6C, 0x45, 0x45, 0xFB, 0x1A];
const MAGIC_BIG_ENDIAN: [u8; 8] = [0x6C, 0x91, 0x0E, 0xA1, 0x1A, 0xFB, 0x45, 0x45];
const SCENE: u32 = 1;
const HAS_DOMAINS: u32 = 1;
const HAS_SCHEMA: u32 = 2;
const HAS_BRACKETS: u32 = 4;

/// Whether a file of these first bytes is OSGB.
#[must_use]
pub fn is_osgb(first: &[u8]) -> bool {
    first.starts_with(&MAGIC) || first.starts_with(&MAGIC_BIG_ENDIAN)
}

/// Reads one `.osgb` file.
///
/// # Errors
/// [`OsgbError`] says what is wrong, inside which class and at which byte.
pub fn read(file: &[u8]) -> Result<Scene, OsgbError> {
    let big_endian = file.starts_with(&MAGIC_BIG_ENDIAN);
    let mut header = Cursor::new(file, big_endian);
    if !is_osgb(file) {
        return Err(header.error("not an OSGB file: the first eight bytes are others"));
    }
    header.bytes(8)?;
    let kind = header.u32()?;
    let version = header.u32()?;
    header.version = version;
    if kind != SCENE {
        return Err(header.error(format!("content kind {kind}, where 1 is a scene")));
    }
    let flags = header.u32()?;
    if flags & HAS_DOMAINS != 0 {
        for _ in 0..header.count(8)? {
            header.string()?;
            header.u32()?;
        }
    }
    let compressor = header.string()?;
    let rest = header.bytes(header.remaining())?;
    let inflated;
    let body = match compressor.as_str() {
        "0" | "" => rest,
        "zlib" => {
            inflated = inflate(rest).map_err(|reason| header.error(reason))?;
            inflated.as_slice()
        }
        "null" => rest.get(4..).ok_or_else(|| header.error("the file ends in its header"))?,
        other => return Err(header.error(format!("compressor {other:?}, where zlib is known"))),
    };
    let mut cursor = Cursor::new(body, big_endian);
    cursor.version = version;
    cursor.brackets = flags & HAS_BRACKETS != 0;
    if flags & HAS_SCHEMA != 0 {
        let length = cursor.count(1)?;
        cursor.bytes(length)?;
    }
    Reader::new(cursor).scene()
}

/// The whole rest is one stream, wrapped as gzip by OpenSceneGraph and as zlib by others.
fn inflate(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let result = if bytes.starts_with(&[0x1F, 0x8B]) {
        flate2::read::GzDecoder::new(bytes).take(MAX_INFLATED_BYTES + 1).read_to_end(&mut out)
    } else {
        flate2::read::ZlibDecoder::new(bytes).take(MAX_INFLATED_BYTES + 1).read_to_end(&mut out)
    };
    match result {
        Err(error) => Err(format!("the compressed part is damaged: {error}")),
        Ok(_) if out.len() as u64 > MAX_INFLATED_BYTES => Err("the compressed part inflates past 1 GiB".to_owned()),
        Ok(_) => Ok(out),
    }
}
