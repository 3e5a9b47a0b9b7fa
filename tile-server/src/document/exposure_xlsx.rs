//! `exposure.xlsx`: who and what a disaster has hit or threatens, as worksheets: the tables of the bulletin, whole.

use super::bulletin::Bulletin;
use super::bulletin_report::{subject, tables};
use super::workbook::workbook;
use super::{Document, DocumentError, Make, Workshop};

/// The kind.
pub(super) const DOCUMENT: Document = Document {
    name: "exposure.xlsx",
    media_type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    title_zh: "受威胁对象与损失表（Excel）",
    title_en: "Tables of what is threatened and lost (Excel)",
    make: Make::Bulletin(None, make),
};

fn make(bulletin: &Bulletin, _workshop: &Workshop) -> Result<Vec<u8>, DocumentError> {
    let marking = [bulletin.office.stamp(), bulletin.alarm().to_owned()];
    let marking = marking.into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join("　");
    let heading = format!("{}（{}）", subject(bulletin), bulletin.issue());
    workbook(&tables(bulletin), &heading, &marking, &bulletin.as_of)
}
