//! In which encoding the text of a shapefile is written.
//!
//! Asked in this order: the surveyor, the `.cpg` file, the language id (LDID) in the `.dbf`
//! header, and statistics over the text itself. What a file states is believed only while the
//! text can be read that way: a `.cpg` copied from another layer is a common mistake.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8};

/// How much of a `.dbf` is looked at.
const SAMPLE_BYTES: u64 = 2 << 20;
/// Size of the file header, and of one field description (dBASE level 5).
const DBF_HEADER: usize = 32;

/// An encoding and why it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextEncoding {
    /// The encoding.
    pub encoding: &'static Encoding,
    /// Who said so.
    pub evidence: Evidence,
    /// What the `.cpg` or LDID stated, where the text contradicts it.
    pub contradicted: Option<&'static Encoding>,
}

/// Why an encoding was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// `--encoding`.
    Stated,
    /// The `.cpg` file.
    Cpg,
    /// The language id of the `.dbf`.
    LanguageId,
    /// Statistics over the text.
    Statistics,
    /// There is nothing but ASCII.
    Ascii,
}

impl Evidence {
    /// In words, Chinese first.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Stated => "指定 (--encoding)",
            Self::Cpg => ".cpg",
            Self::LanguageId => "dbf LDID",
            Self::Statistics => "统计识别 (statistics)",
            Self::Ascii => "仅 ASCII (ASCII only)",
        }
    }
}

impl TextEncoding {
    /// The name iconv, and so GDAL, knows it by.
    #[must_use]
    pub fn iconv_name(&self) -> &'static str {
        match self.encoding.name() {
            "GBK" => "CP936",
            "gb18030" => "GB18030",
            "Big5" => "CP950",
            "EUC-KR" => "CP949",
            "Shift_JIS" => "CP932",
            "windows-1252" => "CP1252",
            other => other,
        }
    }
}

/// The encoding that `label` names: a code page number, a `.cpg` text or a WHATWG label.
#[must_use]
pub fn from_label(label: &str) -> Option<&'static Encoding> {
    let label = label.trim().trim_start_matches('\u{FEFF}').to_ascii_lowercase();
    let number = label.trim_start_matches("cp").trim_start_matches("ansi").trim_start_matches([' ', '_', '-']);
    match number {
        "936" => Some(encoding_rs::GBK),
        "54936" => Some(encoding_rs::GB18030),
        "950" => Some(encoding_rs::BIG5),
        "65001" => Some(UTF_8),
        "1252" | "88591" => Some(encoding_rs::WINDOWS_1252),
        _ => Encoding::for_label(label.as_bytes()),
    }
}

/// Finds the encoding of the shapefile `shp`.
pub fn of_shapefile(shp: &Path, stated: Option<&'static Encoding>) -> std::io::Result<TextEncoding> {
    let taken = |encoding, evidence| TextEncoding { encoding, evidence, contradicted: None };
    if let Some(encoding) = stated {
        return Ok(taken(encoding, Evidence::Stated));
    }
    let Some(dbf) = sibling(shp, "dbf") else {
        return Ok(taken(UTF_8, Evidence::Ascii));
    };
    let mut bytes = Vec::new();
    File::open(dbf)?.take(SAMPLE_BYTES).read_to_end(&mut bytes)?;
    let texts = Texts::of_dbf(&bytes);

    let cpg = match sibling(shp, "cpg") {
        Some(path) => {
            let mut text = Vec::new();
            File::open(path)?.take(64).read_to_end(&mut text)?;
            from_label(&String::from_utf8_lossy(&text))
        }
        None => None,
    };
    let ldid = bytes.get(29).copied().and_then(of_language_id);
    let claims = [(cpg, Evidence::Cpg), (ldid, Evidence::LanguageId)];
    let mut contradicted = None;
    for (encoding, evidence) in claims {
        match encoding {
            Some(encoding) if texts.read_as(encoding) => {
                return Ok(TextEncoding { encoding, evidence, contradicted });
            }
            Some(encoding) => contradicted = contradicted.or(Some(encoding)),
            None => {}
        }
    }
    let (encoding, evidence) = texts.guess();
    Ok(TextEncoding { encoding, evidence, contradicted })
}

/// The file beside `path` with `extension` in either case.
pub(crate) fn sibling(path: &Path, extension: &str) -> Option<std::path::PathBuf> {
    [extension.to_owned(), extension.to_ascii_uppercase()]
        .iter()
        .map(|extension| path.with_extension(extension))
        .find(|path| path.is_file())
}

/// Language ids of dBASE and Esri that name one code page. 0x57 ("ANSI") names none.
fn of_language_id(id: u8) -> Option<&'static Encoding> {
    match id {
        0x4D | 0x7A => Some(encoding_rs::GBK),
        0x4F | 0x78 => Some(encoding_rs::BIG5),
        0x4E | 0x79 => Some(encoding_rs::EUC_KR),
        0x13 | 0x7B => Some(encoding_rs::SHIFT_JIS),
        0x03 | 0x59 => Some(encoding_rs::WINDOWS_1252),
        _ => None,
    }
}

/// The texts of a `.dbf`: field names and character values, each on its own.
struct Texts {
    /// May end in half a character: a name is cut at 10 bytes, a value at its width.
    texts: Vec<Vec<u8>>,
}

impl Texts {
    /// Reads what is there of the header and the records; anything odd ends the reading.
    fn of_dbf(bytes: &[u8]) -> Self {
        let mut texts = Vec::new();
        let mut columns = Vec::new();
        let mut offset = 1;
        let mut at = DBF_HEADER;
        while let Some(field) = bytes.get(at..at + DBF_HEADER) {
            if field[0] == 0x0D {
                break;
            }
            let name = field[..11].split(|byte| *byte == 0).next().unwrap_or_default();
            texts.push(name.to_vec());
            let width = usize::from(field[16]);
            if field[11] == b'C' {
                columns.push(offset..offset + width);
            }
            offset += width;
            at += DBF_HEADER;
        }
        let word = |at: usize| bytes.get(at..at + 2).map_or(0, |b| usize::from(u16::from_le_bytes([b[0], b[1]])));
        let (header, record) = (word(8), word(10));
        if record > 0 && header >= DBF_HEADER {
            for row in bytes.get(header..).unwrap_or_default().chunks_exact(record) {
                for column in &columns {
                    let value = row.get(column.clone()).unwrap_or_default().trim_ascii_end();
                    if !value.is_ascii() {
                        texts.push(value.to_vec());
                    }
                }
            }
        }
        Self { texts }
    }

    /// True where every text can be read in `encoding`, but for half a character at its end.
    fn read_as(&self, encoding: &'static Encoding) -> bool {
        self.texts.iter().all(|text| {
            (0..4).any(|cut| {
                let whole = &text[..text.len().saturating_sub(cut)];
                encoding.decode_without_bom_handling_and_without_replacement(whole).is_some()
            })
        })
    }

    fn guess(&self) -> (&'static Encoding, Evidence) {
        if self.texts.iter().all(|text| text.is_ascii()) {
            return (UTF_8, Evidence::Ascii);
        }
        if self.read_as(UTF_8) {
            return (UTF_8, Evidence::Statistics);
        }
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        for text in &self.texts {
            detector.feed(text, false);
            detector.feed(b"\n", false);
        }
        detector.feed(b"", true);
        (detector.guess(Some(b"cn"), Utf8Detection::Deny), Evidence::Statistics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `.dbf` of one character field `name` with `values`, all in `encoding`.
    fn dbf(ldid: u8, encoding: &'static Encoding, name: &str, values: &[&str]) -> Vec<u8> {
        let encoded = |text: &str| encoding.encode(text).0.into_owned();
        let mut bytes = vec![0_u8; DBF_HEADER];
        bytes[0] = 3;
        bytes[4..8].copy_from_slice(&u32::try_from(values.len()).unwrap().to_le_bytes());
        bytes[8..10].copy_from_slice(&65_u16.to_le_bytes());
        bytes[10..12].copy_from_slice(&21_u16.to_le_bytes());
        bytes[29] = ldid;
        let mut field = [0_u8; DBF_HEADER];
        let name = encoded(name);
        let cut = name.len().min(10);
        field[..cut].copy_from_slice(&name[..cut]);
        field[11] = b'C';
        field[16] = 20;
        bytes.extend_from_slice(&field);
        bytes.push(0x0D);
        for value in values {
            let mut row = vec![b' '; 21];
            let value = encoded(value);
            let cut = value.len().min(20);
            row[1..=cut].copy_from_slice(&value[..cut]);
            bytes.extend_from_slice(&row);
        }
        bytes
    }

    fn check(files: &[(&str, Vec<u8>)], stated: Option<&str>, encoding: &str, evidence: Evidence, contradicted: bool) {
        let folder = tempfile::tempdir().unwrap();
        for (extension, bytes) in files {
            std::fs::write(folder.path().join(format!("图层.{extension}")), bytes).unwrap();
        }
        let found = of_shapefile(&folder.path().join("图层.shp"), stated.and_then(from_label)).unwrap();
        assert_eq!((found.encoding.name(), found.evidence), (encoding, evidence));
        assert_eq!(found.contradicted.is_some(), contradicted);
    }

    const VALUES: &[&str] = &["乔木林地", "水田", "农村宅基地", "永久基本农田保护区"];

    #[test]
    fn a_cpg_file_is_believed_before_the_language_id() {
        let files = [("dbf", dbf(0x4D, UTF_8, "名称", VALUES)), ("cpg", b"UTF-8".to_vec())];
        check(&files, None, "UTF-8", Evidence::Cpg, false);
    }

    #[test]
    fn the_language_id_is_believed_where_there_is_no_cpg() {
        check(&[("dbf", dbf(0x4D, encoding_rs::GBK, "地类名称", VALUES))], None, "GBK", Evidence::LanguageId, false);
    }

    #[test]
    fn statistics_tell_gbk_from_utf8_where_nothing_is_stated() {
        check(&[("dbf", dbf(0, encoding_rs::GBK, "地类名称", VALUES))], None, "GBK", Evidence::Statistics, false);
        check(&[("dbf", dbf(0x57, UTF_8, "地类名称", VALUES))], None, "UTF-8", Evidence::Statistics, false);
    }

    #[test]
    fn a_cpg_that_the_text_contradicts_is_not_believed() {
        let files = [("dbf", dbf(0, encoding_rs::GBK, "地类名称", VALUES)), ("cpg", b"UTF-8".to_vec())];
        check(&files, None, "GBK", Evidence::Statistics, true);
    }

    #[test]
    fn a_name_cut_inside_a_character_does_not_count_against_its_encoding() {
        // 4 characters of 3 bytes are cut to 10 bytes: three characters and a third.
        check(&[("dbf", dbf(0, UTF_8, "规划地类", &["甲", "乙"]))], None, "UTF-8", Evidence::Statistics, false);
    }

    #[test]
    fn the_surveyor_has_the_last_word() {
        let files = [("dbf", dbf(0, UTF_8, "名称", VALUES)), ("cpg", b"UTF-8".to_vec())];
        check(&files, Some("936"), "GBK", Evidence::Stated, false);
    }

    #[test]
    fn a_truncated_header_is_ascii_and_no_panic() {
        for length in [0, 5, 31, 40, 63] {
            let mut bytes = dbf(0, encoding_rs::GBK, "地类", &[]);
            bytes.truncate(length);
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("a.dbf"), &bytes).unwrap();
            assert!(of_shapefile(&folder.path().join("a.shp"), None).is_ok());
        }
    }
}
