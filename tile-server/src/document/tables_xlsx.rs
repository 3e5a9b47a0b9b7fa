//! `tables.xlsx`: the tables of the report, one a worksheet, whole.

use super::dossier::Dossier;
use super::workbook::workbook;
use super::{Document, DocumentError, Make, Workshop, report};

/// The kind.
pub(super) const DOCUMENT: Document = Document {
    name: "tables.xlsx",
    media_type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    title_zh: "审查附表（Excel）",
    title_en: "Tables of the review (Excel)",
    make: Make::Project(None, make),
};

fn make(dossier: &Dossier, _workshop: &Workshop) -> Result<Vec<u8>, DocumentError> {
    let tables = report::tables(dossier);
    if tables.is_empty() {
        return Err(DocumentError::Lacks { what_zh: "检测结果", what_en: "result of a check" });
    }
    workbook(&tables, &dossier.project.name, &dossier.office.stamp(), &dossier.as_of)
}
