//! What the ledger of difference patches (差异图斑台账) is made from: rows by field, as the service keeps them.

use serde_json::{Map, Value};

use super::dossier::Office;

/// The ledger, or a part of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// Rows: the fields of the patch and of its opinions, by their names.
    pub(crate) rows: Vec<Map<String, Value>>,
    /// Who makes documents here.
    pub(crate) office: Office,
    /// When it was asked for (RFC 3339).
    pub(crate) as_of: String,
}
