//! A revision: what was true on the ground or in law over an interval, as told to us on a day, and never changed since.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CatalogError, RevisionId, Slug};

/// Secrecy of a revision (密级).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Classification {
    /// Nobody said.
    #[default]
    Unstated,
    /// 公开.
    Public,
    /// 内部.
    Internal,
    /// 秘密.
    Secret,
    /// 机密.
    HighlySecret,
    /// 绝密.
    TopSecret,
}

impl Classification {
    /// Every grade, lowest first.
    pub const ALL: [Self; 6] =
        [Self::Unstated, Self::Public, Self::Internal, Self::Secret, Self::HighlySecret, Self::TopSecret];

    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unstated => "unstated",
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Secret => "secret",
            Self::HighlySecret => "highly-secret",
            Self::TopSecret => "top-secret",
        }
    }

    /// The Chinese word as written on documents.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Unstated => "未注明",
            Self::Public => "公开",
            Self::Internal => "内部",
            Self::Secret => "秘密",
            Self::HighlySecret => "机密",
            Self::TopSecret => "绝密",
        }
    }

    /// The grade of that English or Chinese name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grade| grade.as_str() == name || grade.zh() == name)
    }
}

/// Who answers for a revision and under which terms it may be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stewardship {
    /// 责任单位.
    pub responsible_unit: Option<String>,
    /// 密级.
    #[serde(default)]
    pub classification: Classification,
    /// 更新周期, as stated.
    pub update_cycle: Option<String>,
    /// 数据来源.
    pub source: Option<String>,
    /// 联系方式.
    pub contact: Option<String>,
    /// Licence or terms of use.
    pub licence: Option<String>,
    /// 审图号.
    pub map_approval_number: Option<String>,
}

/// What heights are measured from, as delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeightReference {
    /// `ellipsoidal`, `normal_1985`, `egm96`, `other` or `unknown`.
    #[serde(rename = "height_datum")]
    pub datum: String,
    /// What an `other` datum is called.
    #[serde(rename = "height_datum_name", default, skip_serializing_if = "Option::is_none")]
    pub datum_name: Option<String>,
    /// Unit of the delivered heights, `metre` where nothing else was said.
    #[serde(rename = "height_unit")]
    pub unit: String,
    /// Offset the surveyor stated: ellipsoidal height = delivered height + offset, metres.
    #[serde(rename = "height_offset_m", default, skip_serializing_if = "Option::is_none")]
    pub offset_m: Option<f64>,
}

impl HeightReference {
    /// The datums that can be named.
    pub const DATUMS: [&'static str; 5] = ["ellipsoidal", "normal_1985", "egm96", "other", "unknown"];

    /// A datum with heights in metres and no stated offset.
    pub fn metres(datum: &str) -> Self {
        Self { datum: datum.to_owned(), datum_name: None, unit: "metre".to_owned(), offset_m: None }
    }
}

impl Default for HeightReference {
    fn default() -> Self {
        Self::metres("unknown")
    }
}

/// One delivered file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Path relative to the delivery.
    pub name: String,
    /// Size.
    pub bytes: u64,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
}

/// Where a revision comes from and how it was made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The delivered files.
    #[serde(default)]
    pub sources: Vec<SourceFile>,
    /// Who ran the import.
    pub operator: Option<String>,
    /// Program and version.
    pub software: Option<String>,
    /// What was asked for.
    #[serde(default)]
    pub parameters: Value,
    /// What was found, repaired and left out.
    #[serde(default)]
    pub report: Value,
}

/// A file that clients or the server address by its role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAsset {
    /// Path within the revision, `/` between parts.
    pub path: String,
    /// `cog`, `copc`, `tileset`, `flatgeobuf`, `pmtiles`, …
    pub role: String,
    /// Media type.
    pub media_type: String,
}

impl NewAsset {
    /// An asset.
    pub fn new(path: &str, role: &str, media_type: &str) -> Self {
        Self { path: path.to_owned(), role: role.to_owned(), media_type: media_type.to_owned() }
    }
}

/// An asset as published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Path within the revision.
    pub path: String,
    /// Role.
    pub role: String,
    /// Media type.
    pub media_type: String,
    /// Size.
    pub bytes: u64,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
}

/// What is said about a revision when it is published.
#[derive(Debug, Clone)]
pub struct NewRevision {
    /// Start of validity (现势日期).
    pub valid_from: DateTime<Utc>,
    /// End of validity, exclusive; `None` while open.
    pub valid_to: Option<DateTime<Utc>>,
    /// Who answers for it.
    pub stewardship: Stewardship,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Horizontal CRS as delivered: `EPSG:n` or WKT.
    pub crs: String,
    /// Height reference as delivered.
    pub height: HeightReference,
    /// `[west, south, east, north]`, degrees.
    pub bounds_lon_lat_deg: [f64; 4],
    /// Lowest and highest height, metres, in the revision's height datum.
    pub height_range_m: Option<[f64; 2]>,
    /// The assets with a role; other files of the folder are published beside them.
    pub assets: Vec<NewAsset>,
    /// What a client of this kind needs to know; a JSON object.
    pub properties: Value,
}

impl NewRevision {
    /// A revision with the least that must be said.
    pub fn new(valid_from: DateTime<Utc>, crs: &str, bounds_lon_lat_deg: [f64; 4]) -> Self {
        Self {
            valid_from,
            valid_to: None,
            stewardship: Stewardship::default(),
            provenance: Provenance::default(),
            crs: crs.to_owned(),
            height: HeightReference::default(),
            bounds_lon_lat_deg,
            height_range_m: None,
            assets: Vec::new(),
            properties: Value::Object(serde_json::Map::new()),
        }
    }

    /// Refuses what would mislead every later reader.
    pub(crate) fn check(&self) -> Result<(), CatalogError> {
        let bad = |field, reason: &str| Err(CatalogError::BadRevision { field, reason: reason.to_owned() });
        if self.valid_to.is_some_and(|to| to <= self.valid_from) {
            return bad("valid_to", "必须晚于 valid_from / must be after valid_from");
        }
        let [west, south, east, north] = self.bounds_lon_lat_deg;
        let in_order =
            -180.0 <= west && west <= east && east <= 180.0 && -90.0 <= south && south <= north && north <= 90.0;
        if !in_order {
            return bad("bounds", "应为 [西, 南, 东, 北]，单位度 / must be [west, south, east, north] in degrees");
        }
        if self.height_range_m.is_some_and(|[low, high]| !(low.is_finite() && high.is_finite() && low <= high)) {
            return bad("height_range_m", "应为 [最低, 最高] / must be [lowest, highest]");
        }
        if !HeightReference::DATUMS.contains(&self.height.datum.as_str()) {
            return bad("height_datum", "未知的高程基准名 / not a known height datum name");
        }
        if self.height.offset_m.is_some_and(|offset| !offset.is_finite()) {
            return bad("height_offset_m", "不是有限数 / not finite");
        }
        if self.crs.trim().is_empty() {
            return bad("crs", "不能为空 / must not be empty");
        }
        if !self.properties.is_object() {
            return bad("properties", "应为 JSON 对象 / must be a JSON object");
        }
        Ok(())
    }
}

/// A published revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// Identifier, unique within the dataset.
    pub id: RevisionId,
    /// The dataset.
    pub slug: Slug,
    /// Start of validity (现势日期).
    pub valid_from: DateTime<Utc>,
    /// End of validity, exclusive; `None` while open.
    pub valid_to: Option<DateTime<Utc>>,
    /// When it was told to us (入库时间).
    pub recorded: DateTime<Utc>,
    /// Who answers for it.
    pub stewardship: Stewardship,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Horizontal CRS as delivered: `EPSG:n` or WKT.
    pub crs: String,
    /// Height reference as delivered.
    pub height: HeightReference,
    /// `[west, south, east, north]`, degrees.
    pub bounds_lon_lat_deg: [f64; 4],
    /// Lowest and highest height, metres.
    pub height_range_m: Option<[f64; 2]>,
    /// The assets with a role.
    pub assets: Vec<Asset>,
    /// Number of files published, the manifest left out.
    pub file_count: u64,
    /// Their size together.
    pub total_bytes: u64,
    /// What a client of this kind needs to know.
    pub properties: Value,
}

impl Revision {
    /// The first asset of that role.
    pub fn asset(&self, role: &str) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.role == role)
    }
}
