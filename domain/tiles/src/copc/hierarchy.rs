//! Keys of the octree and pages of its hierarchy.
//!
//! A page is a list of 32-byte entries; an entry is a node with points or a pointer to another page.
//! Nothing is read here: pages are fetched by the reader, when a key in them is asked for.
//!
//! Source: COPC Specification 1.0, "COPC hierarchy VLR".

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::CopcError;
use super::las_header::Fields;

/// Deepest level a key may have; a cube halved 30 times is below a millimetre on Earth.
pub const DEEPEST_LEVEL: u8 = 30;

/// Bytes of one entry of a hierarchy page.
pub(super) const ENTRY_BYTES: usize = 32;

/// A cube of the octree: level 0 is the whole file, each level halves the cube along x, y and z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VoxelKey {
    /// Depth, 0 to [`DEEPEST_LEVEL`].
    pub level: u8,
    /// Index along x, below `2^level`.
    pub x: u32,
    /// Index along y, below `2^level`.
    pub y: u32,
    /// Index along z, below `2^level`.
    pub z: u32,
}

impl VoxelKey {
    /// The cube of the whole file.
    pub const ROOT: Self = Self { level: 0, x: 0, y: 0, z: 0 };

    /// A key, if the indices exist at that level.
    #[must_use]
    pub fn new(level: u8, x: u32, y: u32, z: u32) -> Option<Self> {
        let in_level = |index: u32| index >> level == 0;
        (level <= DEEPEST_LEVEL && in_level(x) && in_level(y) && in_level(z)).then_some(Self { level, x, y, z })
    }

    /// The cube this one is an eighth of.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        self.ancestor(self.level.checked_sub(1)?)
    }

    /// The cube at `level` that holds this one; `None` for a deeper level.
    #[must_use]
    pub fn ancestor(self, level: u8) -> Option<Self> {
        let up = self.level.checked_sub(level)?;
        Some(Self { level, x: self.x >> up, y: self.y >> up, z: self.z >> up })
    }

    /// The eight halves of this cube; none below the deepest level.
    pub fn children(self) -> impl Iterator<Item = Self> {
        (0..8_u32).filter_map(move |octant| {
            Self::new(
                self.level + 1,
                self.x * 2 + (octant & 1),
                self.y * 2 + (octant >> 1 & 1),
                self.z * 2 + (octant >> 2),
            )
        })
    }
}

/// Written `level-x-y-z`, as in the names of tiles.
impl fmt::Display for VoxelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}-{}", self.level, self.x, self.y, self.z)
    }
}

/// The text is not `level-x-y-z` of a key that can exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("不是八叉树节点号（层-x-y-z）/ not an octree key (level-x-y-z)")]
pub struct BadVoxelKey;

impl FromStr for VoxelKey {
    type Err = BadVoxelKey;

    fn from_str(text: &str) -> Result<Self, BadVoxelKey> {
        // Only the one spelling that `Display` writes: a URL must have one form to be cached under.
        let mut parts = text.split('-').map(|part| {
            let plain = part.bytes().all(|byte| byte.is_ascii_digit());
            let canonical = part == "0" || !part.starts_with('0');
            part.parse::<u32>().ok().filter(|_| plain && canonical)
        });
        let mut next = || parts.next().flatten().ok_or(BadVoxelKey);
        let level = u8::try_from(next()?).ok().ok_or(BadVoxelKey)?;
        let key = Self::new(level, next()?, next()?, next()?).ok_or(BadVoxelKey)?;
        if parts.next().is_some() {
            return Err(BadVoxelKey);
        }
        Ok(key)
    }
}

/// Where the points of a node are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Which cube.
    pub key: VoxelKey,
    /// Where its chunk begins in the file.
    pub offset: u64,
    /// Compressed bytes of its chunk.
    pub bytes: u32,
    /// Number of points; 0 for a cube that only has children.
    pub points: u32,
}

/// Where a page of the hierarchy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageRef {
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

/// What a page says about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Node(Node),
    Page(PageRef),
}

/// A page of the hierarchy.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) entries: BTreeMap<VoxelKey, Entry>,
}

impl Page {
    /// Reads a page of a file of `file_bytes` bytes.
    pub(super) fn parse(bytes: &[u8], file_bytes: u64) -> Result<Self, CopcError> {
        let mut entries = BTreeMap::new();
        for entry in bytes.chunks_exact(ENTRY_BYTES) {
            let (key, entry) = parse_entry(&Fields(entry), file_bytes)?;
            entries.insert(key, entry);
        }
        Ok(Self { entries })
    }
}

fn parse_entry(fields: &Fields<'_>, file_bytes: u64) -> Result<(VoxelKey, Entry), CopcError> {
    let damaged = |what| CopcError::Damaged { what };
    let raw = || {
        let index = |at| u32::try_from(fields.i32(at)?).ok();
        let level = u8::try_from(fields.i32(0)?).ok()?;
        let key = VoxelKey::new(level, index(4)?, index(8)?, index(12)?)?;
        Some((key, fields.u64(16)?, fields.i32(24)?, fields.i32(28)?))
    };
    let (key, offset, bytes, points) = raw().ok_or_else(|| damaged("octree key"))?;
    if points == 0 {
        let node = Node { key, offset: 0, bytes: 0, points: 0 };
        return Ok((key, Entry::Node(node)));
    }
    let bytes = u32::try_from(bytes).map_err(|_negative| damaged("size of a hierarchy entry"))?;
    let inside = offset.checked_add(u64::from(bytes)).is_some_and(|end| end <= file_bytes);
    if !inside || bytes == 0 {
        return Err(damaged("place of a hierarchy entry"));
    }
    let entry = match points {
        -1 if (bytes as usize).is_multiple_of(ENTRY_BYTES) => Entry::Page(PageRef { offset, bytes: u64::from(bytes) }),
        _ => Entry::Node(Node {
            key,
            offset,
            bytes,
            points: u32::try_from(points).map_err(|_negative| damaged("point count of a node"))?,
        }),
    };
    Ok((key, entry))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_key() -> impl Strategy<Value = VoxelKey> {
        (0..=DEEPEST_LEVEL, any::<[u32; 3]>()).prop_map(|(level, [x, y, z])| {
            let cut = |index: u32| index & ((1 << level) - 1);
            VoxelKey::new(level, cut(x), cut(y), cut(z)).expect("indices were cut to the level")
        })
    }

    proptest! {
        #[test]
        fn a_key_is_read_back_as_it_was_written(key in any_key()) {
            prop_assert_eq!(key.to_string().parse(), Ok(key));
        }

        #[test]
        fn every_child_has_this_parent(key in any_key()) {
            for child in key.children() {
                prop_assert_eq!(child.parent(), Some(key));
            }
            let count = if key.level == DEEPEST_LEVEL { 0 } else { 8 };
            prop_assert_eq!(key.children().count(), count);
        }

        #[test]
        fn a_page_of_any_bytes_is_read_or_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            if let Ok(page) = Page::parse(&bytes, 1_000) {
                prop_assert!(page.entries.len() <= bytes.len() / ENTRY_BYTES);
            }
        }
    }

    #[test]
    fn only_the_canonical_spelling_of_a_key_is_taken() {
        for bad in ["", "0-0-0", "1-2-0-0", "1-0-0-0-0", "01-0-0-0", "1-+1-0-0", "31-0-0-0", "1-00-0-0", "-1-0-0-0"] {
            assert_eq!(bad.parse::<VoxelKey>(), Err(BadVoxelKey), "{bad}");
        }
    }
}
