//! `metadata.xml` of an OSGB delivery: which coordinate system, which origin.
//!
//! Only reads what it says; what that means is `place`. Anything unclear is refused in words, for
//! a model a degree off looks right until somebody builds on it.

use std::path::Path;

use crate::importer::{ImportError, Text};

/// Largest `metadata.xml` read; real ones have 1 KB.
const MAX_BYTES: u64 = 1 << 20;

/// What `metadata.xml` says, trimmed, not yet understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    /// `SRS`: `ENU:lat,lon`, `EPSG:n`, a bare number, or WKT.
    pub(super) srs: Option<String>,
    /// `SRSOrigin`: two or three numbers.
    pub(super) origin: Option<String>,
}

/// Reads `metadata.xml` at `path`; `None` where there is none.
pub(super) fn read(path: &Path) -> Result<Option<Metadata>, ImportError> {
    let bytes = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Ok(found) if found.len() > MAX_BYTES => {
            return Err(ImportError::unreadable(
                path,
                Text::new(
                    "metadata.xml 超过 1 MB，不像是元数据文件",
                    "metadata.xml is over 1 MB: it is something else",
                ),
            ));
        }
        _ => std::fs::read(path).map_err(|source| {
            let text = Text::new(
                "metadata.xml 无法读取，请检查文件权限",
                "metadata.xml cannot be read: check its permissions",
            );
            ImportError::unreadable_because(path, text, source)
        })?,
    };
    parse(&decode(&bytes)).map(Some).map_err(|source| {
        let text = Text::new(
            "metadata.xml 不是有效的 XML；请修复它，或用 --crs 和 --origin 直接给出坐标系与原点",
            "metadata.xml is not valid XML: repair it, or give --crs and --origin instead",
        );
        ImportError::unreadable_because(path, text, source)
    })
}

/// UTF-8, UTF-16 by its mark, or GBK: the three that Chinese Windows software writes.
fn decode(bytes: &[u8]) -> String {
    let encoding = match bytes {
        [0xFF, 0xFE, ..] => encoding_rs::UTF_16LE,
        [0xFE, 0xFF, ..] => encoding_rs::UTF_16BE,
        _ if std::str::from_utf8(bytes).is_ok() => encoding_rs::UTF_8,
        _ => encoding_rs::GBK,
    };
    encoding.decode(bytes).0.into_owned()
}

fn parse(xml: &str) -> Result<Metadata, roxmltree::Error> {
    let document = roxmltree::Document::parse(xml)?;
    let text_of = |name: &str| {
        let node = document.descendants().find(|node| node.tag_name().name().eq_ignore_ascii_case(name))?;
        let text = node.text()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    Ok(Metadata { srs: text_of("SRS"), origin: text_of("SRSOrigin") })
}

/// Two or three finite numbers separated by commas, semicolons or spaces; the third is 0 if absent.
pub(super) fn numbers(text: &str) -> Option<[f64; 3]> {
    let parts = text.split([',', ';', '，', ' ', '\t', '\n', '\r']).filter(|part| !part.is_empty());
    let values: Vec<f64> =
        parts.map(|part| part.parse().ok().filter(|v: &f64| v.is_finite())).collect::<Option<_>>()?;
    match *values.as_slice() {
        [x, y] => Some([x, y, 0.0]),
        [x, y, z] => Some([x, y, z]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Metadata, decode, numbers, parse};

    #[test]
    fn origins_have_two_or_three_numbers_and_nothing_else() {
        let check = |text, want| assert_eq!(numbers(text), want, "{text}");
        check("501027.524000,2488718.808000,0.000000", Some([501_027.524, 2_488_718.808, 0.0]));
        check(" 1, 2 ", Some([1.0, 2.0, 0.0]));
        check("1 2 -3.5", Some([1.0, 2.0, -3.5]));
        check("1，2，3", Some([1.0, 2.0, 3.0]));
        check("1", None);
        check("1,2,3,4", None);
        check("1,x", None);
        check("1,NaN", None);
        check("", None);
    }

    #[test]
    fn metadata_is_read_in_every_encoding_chinese_windows_writes() {
        let xml =
            "<ModelMetadata version=\"1\"><!--坐标--><SRS> EPSG:4547\n</SRS><SRSOrigin>1,2</SRSOrigin></ModelMetadata>";
        let want = Metadata { srs: Some("EPSG:4547".to_owned()), origin: Some("1,2".to_owned()) };
        let utf16: Vec<u8> = std::iter::once(0xFEFF).chain(xml.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let gbk = encoding_rs::GBK.encode(xml).0.into_owned();
        for bytes in [xml.as_bytes().to_vec(), utf16, gbk] {
            assert_eq!(parse(&decode(&bytes)).unwrap(), want);
        }
        assert_eq!(parse("<ModelMetadata><SRS/></ModelMetadata>").unwrap(), Metadata::default());
        assert!(parse("<ModelMetadata><SRS>").is_err());
    }
}
