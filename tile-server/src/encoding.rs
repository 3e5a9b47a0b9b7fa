//! Content negotiation for the one encoding we store: gzip.

use std::io::{Read as _, Write as _};

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// Whether the client takes gzip (RFC 9110, section 12.5.3). No header: we send identity, as the least surprising.
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut gzip = None;
    let mut any = None;
    for value in headers.get_all(header::ACCEPT_ENCODING) {
        for item in value.to_str().unwrap_or_default().split(',') {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts
                .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
                .map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
            if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
                gzip = Some(weight > 0.0);
            } else if name == "*" {
                any = Some(weight > 0.0);
            }
        }
    }
    gzip.or(any).unwrap_or(false)
}

/// Compresses; fast rather than small, since it is done on demand.
pub fn gzip(bytes: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish().map(Bytes::from)
}

/// Decompresses, to at most `limit` bytes: a stored tile may be hostile.
pub fn gunzip(bytes: &[u8], limit: u64) -> std::io::Result<Bytes> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(bytes).take(limit + 1).read_to_end(&mut plain)?;
    if plain.len() as u64 > limit {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "a stored tile unpacks to more than is allowed",
        ));
    }
    Ok(Bytes::from(plain))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_accept_encoding_header_is_read_with_its_weights() {
        let accepts = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            accepts_gzip(&headers)
        };
        for yes in ["gzip", "gzip, deflate, br", "br;q=1, gzip;q=0.1", "*", "GZIP", "*;q=0, gzip"] {
            assert!(accepts(yes), "{yes}");
        }
        for no in ["", "identity", "br", "gzip;q=0", "gzip; q=0.0", "*;q=0", "*, gzip;q=0", "gzip;q=nonsense"] {
            assert!(!accepts(no), "{no}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_tile_that_unpacks_to_too_much_is_refused() {
        let packed = gzip(&vec![0; 10_000]).expect("packed");
        assert_eq!(gunzip(&packed, 10_000).expect("fits").len(), 10_000);
        assert!(gunzip(&packed, 9_999).is_err());
        assert!(gunzip(b"not gzip", 100).is_err());
    }
}
