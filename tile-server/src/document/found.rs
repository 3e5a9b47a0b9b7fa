//! What the workbook of an analysis is made from: its result and the places it found, as they are kept.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::dossier::{Office, Source};

/// What an analysis found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Chinese title of the analysis.
    pub(crate) title: String,
    /// Its result.
    pub(crate) result: Value,
    /// What was read.
    pub(crate) sources: Vec<Source>,
    /// Which rules held: documents by title, with their versions.
    pub(crate) rules: Value,
    /// The places.
    pub(crate) patches: Vec<Place>,
    /// Who makes documents here.
    pub(crate) office: Office,
    /// When it was asked for (RFC 3339).
    pub(crate) as_of: String,
}

/// A place that was found, without its shape.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Place {
    /// Its id.
    pub(crate) id: String,
    /// What is known about it.
    pub(crate) properties: Map<String, Value>,
}
