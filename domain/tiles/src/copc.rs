//! Reading COPC: a LAZ 1.4 file whose chunks are the nodes of an octree.
//!
//! [`CopcFile`] reads ranges of an object store: the header once, pages of the hierarchy when a key
//! in them is asked for, the chunk of a node when its points are. It does not write (the importer
//! does) and it does not transform: coordinates come out as delivered, in the file's CRS and units.
//! Our own reader because the crates there are don't build or want the whole file.
//!
//! Sources: COPC Specification 1.0; ASPRS LAS 1.4 R15.

pub mod hierarchy;
pub mod las_header;
pub mod node;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use laz::{LazItemType, LazVlr};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::sync::OnceCell;

use hierarchy::{DEEPEST_LEVEL, ENTRY_BYTES, Entry, Page, PageRef};
pub use hierarchy::{Node, VoxelKey};
use las_header::{EVLR_HEADER_BYTES, Fields, LASZIP_RECORD, LasHeader, LasHeaderError, Vlr, VlrHeader, WKT_RECORD};
pub use node::{NodePoints, Wanted};

/// First request: holds header and records of every ordinary file.
const FIRST_BYTES: u64 = 64 * 1024;

/// Records before the points may take this much; a WKT takes a few kilobytes.
const HEAD_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// One page of the hierarchy may take this much (a million nodes).
const PAGE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Entries kept in memory before the pages are dropped and fetched anew.
const KEPT_ENTRIES_MAX: usize = 1_200_000;

/// Extended records looked through for a CRS.
const EVLRS_READ_MAX: u32 = 64;

/// Longest CRS text taken from an extended record.
const CRS_BYTES_MAX: u64 = 1024 * 1024;

/// Bytes of the COPC info record.
const INFO_BYTES: usize = 160;

/// Why a COPC file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopcError {
    /// The object store failed.
    #[error("读取点云文件 {path} 失败 / can't read the point cloud {path}")]
    Store {
        /// Which object.
        path: String,
        /// What the store said.
        #[source]
        source: object_store::Error,
    },
    /// The LAS header is wrong.
    #[error("点云文件头有误 / the point cloud's header is wrong")]
    Header {
        /// What is wrong.
        #[from]
        source: LasHeaderError,
    },
    /// A LAS or LAZ file, but not COPC.
    #[error("不是 COPC 文件（缺 {missing}）/ not a COPC file (no {missing})")]
    NotCopc {
        /// What a COPC file would have.
        missing: &'static str,
    },
    /// A structure contradicts the file's size or the specification.
    #[error("点云文件已损坏：{what} / the point cloud is damaged: {what}")]
    Damaged {
        /// Which structure.
        what: &'static str,
    },
    /// The points of one node can't be read.
    #[error("节点 {key} 的点无法读取：{what} / the points of node {key} can't be read: {what}")]
    Node {
        /// Which node.
        key: VoxelKey,
        /// Which part of it.
        what: &'static str,
        /// What the decoder said.
        #[source]
        source: Option<std::io::Error>,
    },
}

/// The COPC info record: the octree's cube and where its hierarchy begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CopcInfo {
    /// Centre of the root cube, x y z in the file's CRS and units.
    pub center: [f64; 3],
    /// Half the edge of the root cube.
    pub half_size: f64,
    /// Distance between points of the root node; halves at every level.
    pub spacing: f64,
    /// Smallest and largest GPS time.
    pub gps_time_range_s: [f64; 2],
    root_page: PageRef,
}

impl CopcInfo {
    /// Smallest and largest corner of a node's cube, x y z in the file's CRS and units.
    #[must_use]
    pub fn cube(&self, key: VoxelKey) -> [[f64; 3]; 2] {
        let edge = 2.0 * self.half_size / f64::from(1_u32 << key.level);
        let index = [key.x, key.y, key.z].map(f64::from);
        let corner =
            |add: f64| std::array::from_fn(|axis| self.center[axis] - self.half_size + (index[axis] + add) * edge);
        [corner(0.0), corner(1.0)]
    }

    fn parse(bytes: &[u8], file_bytes: u64) -> Result<Self, CopcError> {
        let fields = Fields(bytes);
        let read = || {
            Some(Self {
                center: [fields.f64(0)?, fields.f64(8)?, fields.f64(16)?],
                half_size: fields.f64(24)?,
                spacing: fields.f64(32)?,
                gps_time_range_s: [fields.f64(56)?, fields.f64(64)?],
                root_page: PageRef { offset: fields.u64(40)?, bytes: fields.u64(48)? },
            })
        };
        let info = read().filter(|_| bytes.len() >= INFO_BYTES);
        let info = info.ok_or(CopcError::NotCopc { missing: "copc info" })?;
        let finite = info.center.iter().all(|value| value.is_finite());
        let positive = |value: f64| value.is_finite() && value > 0.0;
        if !(finite && positive(info.half_size) && positive(info.spacing)) {
            return Err(CopcError::Damaged { what: "copc info" });
        }
        let page = info.root_page;
        let inside = page.offset.checked_add(page.bytes).is_some_and(|end| end <= file_bytes);
        if !inside || page.bytes == 0 || !page.bytes.is_multiple_of(ENTRY_BYTES as u64) {
            return Err(CopcError::Damaged { what: "root hierarchy page" });
        }
        Ok(info)
    }
}

/// An open COPC file. Share it: every method takes `&self`.
#[derive(Debug)]
pub struct CopcFile {
    store: Arc<dyn ObjectStore>,
    path: ObjectPath,
    file_bytes: u64,
    header: LasHeader,
    info: CopcInfo,
    laz: LazVlr,
    crs_wkt: Option<String>,
    pages: Mutex<BTreeMap<u64, Arc<Page>>>,
    colors_are_8_bit: OnceCell<bool>,
}

impl CopcFile {
    /// Opens the file at `path` of `store`: two or three small requests.
    ///
    /// # Errors
    /// [`CopcError`] where the store fails, or the file is not COPC or damaged.
    pub async fn open(store: Arc<dyn ObjectStore>, path: ObjectPath) -> Result<Self, CopcError> {
        let failed = |source| CopcError::Store { path: path.to_string(), source };
        let file_bytes = store.head(&path).await.map_err(failed)?.size;
        let first = 0..FIRST_BYTES.min(file_bytes);
        let mut head = store.get_range(&path, first).await.map_err(failed)?;
        let header = LasHeader::parse(&head, file_bytes)?;
        let head_bytes = u64::from(header.point_data_offset);
        if head_bytes > HEAD_BYTES_MAX {
            return Err(CopcError::Damaged { what: "variable length records" });
        }
        if head_bytes > head.len() as u64 {
            head = store.get_range(&path, 0..head_bytes).await.map_err(failed)?;
        }
        let vlrs = header.vlrs(&head)?;
        let info = copc_info(&header, &vlrs, file_bytes)?;
        let laz = laz_vlr(&header, &vlrs)?;
        let crs_wkt = vlrs
            .iter()
            .find(|vlr| vlr.is(WKT_RECORD))
            .map(|vlr| las_header::text(&vlr.payload))
            .filter(|wkt| !wkt.is_empty());
        let mut file = Self {
            store,
            path,
            file_bytes,
            header,
            info,
            laz,
            crs_wkt,
            pages: Mutex::default(),
            colors_are_8_bit: OnceCell::new(),
        };
        if file.crs_wkt.is_none() {
            file.crs_wkt = file.crs_of_extended_records().await?;
        }
        Ok(file)
    }

    /// The LAS header: bounds, scale, point count and format.
    #[must_use]
    pub fn header(&self) -> &LasHeader {
        &self.header
    }

    /// The octree's cube and spacing.
    #[must_use]
    pub fn info(&self) -> &CopcInfo {
        &self.info
    }

    /// The CRS as the file states it (OGC well-known text).
    #[must_use]
    pub fn crs_wkt(&self) -> Option<&str> {
        self.crs_wkt.as_deref()
    }

    /// Size of the file in bytes.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// The node of `key`; `None` where the octree has none.
    ///
    /// # Errors
    /// [`CopcError`] where a page of the hierarchy can't be read.
    pub async fn node(&self, key: VoxelKey) -> Result<Option<Node>, CopcError> {
        let mut place = self.info.root_page;
        // Each page must lead to a deeper one, so a ring of pages ends here.
        let mut level_reached = 0;
        loop {
            let page = self.page(place).await?;
            match page.entries.get(&key) {
                Some(Entry::Node(node)) => return Ok(Some(*node)),
                Some(Entry::Page(next)) if *next != place => {
                    place = *next;
                    // The page of this very key must hold its node.
                    let page = self.page(place).await?;
                    return match page.entries.get(&key) {
                        Some(Entry::Node(node)) => Ok(Some(*node)),
                        _ => Err(CopcError::Damaged { what: "hierarchy page" }),
                    };
                }
                Some(Entry::Page(_)) => {
                    return Err(CopcError::Damaged { what: "ring in the hierarchy" });
                }
                None => {}
            }
            let way =
                (level_reached + 1..key.level).rev().find_map(|level| match page.entries.get(&key.ancestor(level)?) {
                    Some(Entry::Page(next)) => Some((level, *next)),
                    _ => None,
                });
            let Some((level, next)) = way else {
                return Ok(None);
            };
            level_reached = level;
            place = next;
        }
    }

    /// The nodes right below `key` that exist, in octant order.
    ///
    /// # Errors
    /// As [`Self::node`].
    pub async fn children(&self, key: VoxelKey) -> Result<Vec<Node>, CopcError> {
        let mut children = Vec::new();
        for child in key.children() {
            children.extend(self.node(child).await?);
        }
        Ok(children)
    }

    /// Every node there is, parents first. Reads the whole hierarchy.
    ///
    /// # Errors
    /// As [`Self::node`].
    pub async fn nodes(&self) -> Result<Vec<Node>, CopcError> {
        let mut nodes: Vec<Node> = self.node(VoxelKey::ROOT).await?.into_iter().collect();
        let mut next = 0;
        while let Some(node) = nodes.get(next) {
            let children = self.children(node.key).await?;
            nodes.extend(children);
            next += 1;
        }
        Ok(nodes)
    }

    /// The compressed chunk of a node.
    ///
    /// # Errors
    /// [`CopcError::Store`].
    pub async fn node_bytes(&self, node: &Node) -> Result<Bytes, CopcError> {
        self.range(node.offset..node.offset + u64::from(node.bytes)).await
    }

    /// The points of a node's chunk. Takes milliseconds of a processor: not for an async thread.
    ///
    /// # Errors
    /// [`CopcError::Node`] where the chunk is damaged.
    pub fn decode_node(&self, node: &Node, bytes: &[u8], wanted: Wanted) -> Result<NodePoints, CopcError> {
        node::decode(&self.header, &self.laz, node, bytes, wanted)
    }

    /// Whether colours are 8-bit numbers stored in the 16-bit fields, against the specification but
    /// common. Judged once for the file, by its root node: the root is a sample of the whole, and a
    /// judgement by node would make dark nodes of a proper file glow.
    ///
    /// # Errors
    /// [`CopcError`] where the root node can't be read.
    pub async fn colors_are_8_bit(&self) -> Result<bool, CopcError> {
        let judge = async || {
            if !self.header.has_color() {
                return Ok(false);
            }
            let Some(root) = self.node(VoxelKey::ROOT).await? else {
                return Ok(false);
            };
            let bytes = self.node_bytes(&root).await?;
            let points = self.decode_node(&root, &bytes, Wanted::Display)?;
            let rgb = points.rgb.unwrap_or_default();
            Ok(rgb.iter().flatten().all(|value| *value <= 255))
        };
        self.colors_are_8_bit.get_or_try_init(judge).await.copied()
    }

    async fn range(&self, range: Range<u64>) -> Result<Bytes, CopcError> {
        self.store
            .get_range(&self.path, range)
            .await
            .map_err(|source| CopcError::Store { path: self.path.to_string(), source })
    }

    async fn page(&self, place: PageRef) -> Result<Arc<Page>, CopcError> {
        if let Some(page) = self.lock_pages().get(&place.offset) {
            return Ok(Arc::clone(page));
        }
        if place.bytes > PAGE_BYTES_MAX {
            return Err(CopcError::Damaged { what: "size of a hierarchy page" });
        }
        let bytes = self.range(place.offset..place.offset + place.bytes).await?;
        let page = Arc::new(Page::parse(&bytes, self.file_bytes)?);
        let mut pages = self.lock_pages();
        let kept: usize = pages.values().map(|page| page.entries.len()).sum();
        if kept + page.entries.len() > KEPT_ENTRIES_MAX {
            pages.clear();
        }
        pages.insert(place.offset, Arc::clone(&page));
        Ok(page)
    }

    fn lock_pages(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Arc<Page>>> {
        // Only whole pages are ever inserted, so a poisoned map is still a good one.
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// LAS 1.4 lets the CRS live in an extended record behind the points.
    async fn crs_of_extended_records(&self) -> Result<Option<String>, CopcError> {
        let mut at = self.header.evlr_offset;
        for _ in 0..self.header.evlr_count.min(EVLRS_READ_MAX) {
            let payload_at = at.saturating_add(EVLR_HEADER_BYTES as u64);
            if payload_at > self.file_bytes {
                return Ok(None);
            }
            let bytes = self.range(at..payload_at).await?;
            let Some(head) = VlrHeader::parse_evlr(&bytes) else {
                return Ok(None);
            };
            let end = payload_at.saturating_add(head.payload_bytes);
            if end > self.file_bytes {
                return Ok(None);
            }
            let is_crs = head.user_id == WKT_RECORD.0 && head.record_id == WKT_RECORD.1;
            if is_crs && head.payload_bytes <= CRS_BYTES_MAX {
                let wkt = las_header::text(&self.range(payload_at..end).await?);
                return Ok((!wkt.is_empty()).then_some(wkt));
            }
            at = end;
        }
        Ok(None)
    }
}

/// The COPC info record must be the first record, right behind the header.
fn copc_info(header: &LasHeader, vlrs: &[Vlr], file_bytes: u64) -> Result<CopcInfo, CopcError> {
    let first = vlrs
        .first()
        .filter(|vlr| vlr.is(("copc", 1)) && header.version == (1, 4) && header.compressed)
        .ok_or(CopcError::NotCopc { missing: "copc info" })?;
    CopcInfo::parse(&first.payload, file_bytes)
}

/// The compression record, checked to describe records of exactly the header's size.
fn laz_vlr(header: &LasHeader, vlrs: &[Vlr]) -> Result<LazVlr, CopcError> {
    let record =
        vlrs.iter().find(|vlr| vlr.is(LASZIP_RECORD)).ok_or(CopcError::NotCopc { missing: "laszip encoded" })?;
    let damaged = || CopcError::Damaged { what: "laszip record" };
    let laz = LazVlr::from_buffer(&record.payload).map_err(|_described_by_what| damaged())?;
    let starts_with_point = laz.items().first().is_some_and(|item| item.item_type() == LazItemType::Point14);
    let sized = laz.items_size() == u64::from(header.point_record_bytes);
    let layered = laz.items().iter().all(|item| item.version() == 3);
    if !(starts_with_point && sized && layered && matches!(header.point_format, 6..=8)) {
        return Err(damaged());
    }
    Ok(laz)
}

const _: () = assert!(DEEPEST_LEVEL < 31, "an edge is divided by 1_u32 << level");
