//! What the ledger of difference patches (差异图斑台账) is made from: rows by field, as the service keeps them.

use serde_json::{Map, Value};

use super::dossier::Office;

/// The ledger, or a part of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// Rows: the fields of the patch and of its opinions, by their names.
    pub(crate) rows: Vec<Map<String, Value>>,
    /// Totals by the field that they are of; empty where the result has none.
    pub(crate) totals: Map<String, Value>,
    /// Who makes documents here.
    pub(crate) office: Office,
    /// When the newest row was changed (RFC 3339).
    pub(crate) as_of: String,
}
