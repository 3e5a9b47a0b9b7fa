//! `package.json`: the package of a project for another platform, as it is pushed; signed where the service has a key.

use super::{Document, Make};

/// The kind.
pub(super) const DOCUMENT: Document = Document {
    name: "package.json",
    media_type: "application/json",
    title_zh: "项目数据包（JSON）",
    title_en: "Package of the project (JSON)",
    make: Make::Package,
};
