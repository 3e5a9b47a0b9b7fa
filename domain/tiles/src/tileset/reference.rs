//! URIs of tile contents to paths below one folder, or nothing.
//!
//! A tileset is untrusted: what it names must stay inside the folder (or URL prefix) it was
//! published under. Absolute URLs, other schemes and ways out are refused, not followed.

/// Path of `uri`, named in the file `base` (both `/`-separated and relative to the tileset's
/// folder; `base` is `tileset.json` for the root). Query and fragment are dropped, percent signs
/// decoded, `.` and `..` resolved. `None` where it leaves the folder or is not relative.
#[must_use]
pub fn resolve(base: &str, uri: &str) -> Option<String> {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let decoded = decode(path)?;
    let is_foreign = decoded.starts_with('/') || decoded.contains(['\\', '\0', ':']);
    if decoded.is_empty() || is_foreign {
        return None;
    }
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut segments: Vec<&str> = Vec::new();
    for segment in folder.split('/').chain(decoded.split('/')) {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()?),
            name => segments.push(name),
        }
    }
    if segments.is_empty() { None } else { Some(segments.join("/")) }
}

/// Percent-decoding to UTF-8; a lone percent sign stays, as file names really have them.
fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |byte: &u8| (*byte as char).to_digit(16);
        if let (b'%', [high, low, after @ ..]) = (first, tail)
            && let (Some(high), Some(low)) = (digit(high), digit(low))
        {
            out.push((high * 16 + low) as u8);
            rest = after;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn uris_resolve_below_the_folder_or_not_at_all() {
        let check = |base, uri, want: Option<&str>| {
            assert_eq!(resolve(base, uri).as_deref(), want, "{base} + {uri}");
        };
        check("tileset.json", "a/b.glb", Some("a/b.glb"));
        check("tiles/T1/tileset.json", "../x.glb?v=1#f", Some("tiles/x.glb"));
        check("tiles/T1/tileset.json", "./%E7%93%A6.glb", Some("tiles/T1/瓦.glb"));
        check("tileset.json", "Tile_+000.glb", Some("Tile_+000.glb"));
        check("tileset.json", "100%.glb", Some("100%.glb"));
        check("tileset.json", "../x.glb", None);
        check("a/tileset.json", "%2e%2e/%2e%2e/x.glb", None);
        check("tileset.json", "/etc/passwd", None);
        check("tileset.json", "https://example.org/x.glb", None);
        check("tileset.json", "..\\x.glb", None);
        check("tileset.json", "%00", None);
        check("tileset.json", "", None);
    }
}
